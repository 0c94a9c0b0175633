"""What Frigate's configuration says of a camera: `go2rtc` streams and `cameras`, for each of its channels. Pure functions.

Frigate refuses unknown keys, wants each role once in a camera and the role detect always, and replaces `{FRIGATE_…}` in addresses by
variables of its own: no password is ever written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from nvr_hooks import CameraInfo, ChannelInfo, StreamInfo, StreamUrl, WrongUse

from .drafts import frigate_camera
from .settings import FrigateSettings

RESTREAM: Final = "rtsp://127.0.0.1:8554"
"""Where go2rtc, inside of Frigate, gives its streams on: the camera has one connection, whoever looks."""
DETECT_FPS: Final = 5
"""What Frigate recommends."""
Ask = Callable[[int, str], StreamUrl]
"""Channel and profile -> address of the stream."""


@dataclass(frozen=True, slots=True)
class Variables:
    """The names of the variables Frigate needs for one camera."""

    username: str
    password: str


def variables(camera: str) -> Variables:
    """Return the names of a camera's variables."""
    word = re.sub(r"[^A-Z0-9_]", "_", camera.upper())
    return Variables(f"FRIGATE_{word}_USER", f"FRIGATE_{word}_PASSWORD")


def wanted(info: CameraInfo, channels: Sequence[ChannelInfo], ask: Ask, settings: FrigateSettings) -> dict[str, Any]:
    """Return `go2rtc` and `cameras` with these channels of a camera."""
    streams: dict[str, Any] = {}
    cameras: dict[str, Any] = {}
    for channel in channels:
        name = frigate_camera(info.name, channel.id, info, settings)
        main = _stream(channel, "main")
        small = _stream(channel, "sub")
        streams[name] = [_address(ask(channel.id, "main"), info.name)]
        inputs = [_input(name, ["record"] if small else ["record", "detect"])]
        if small:
            streams[f"{name}_sub"] = [_address(ask(channel.id, "sub"), info.name)]
            inputs.append(_input(f"{name}_sub", ["detect"]))
        detect = _detect(small or main)
        if _is_thermal(channel, info):
            detect = {"enabled": False, **detect}  # Frigate's models know visible pictures
        cameras[name] = {"ffmpeg": {"inputs": inputs}, **({"detect": detect} if detect else {})}
    return {"go2rtc": {"streams": streams}, "cameras": cameras}


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parts of several cameras as one; raise WrongUse when two of them would have one name in Frigate."""
    names = [name for part in parts for name in part["cameras"]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise WrongUse(f"two cameras would be {', '.join(twice)} in Frigate: give them names in frigate.cameras")
    streams = {name: value for part in parts for name, value in part["go2rtc"]["streams"].items()}
    cameras = {name: value for part in parts for name, value in part["cameras"].items()}
    return {"go2rtc": {"streams": streams}, "cameras": cameras}


def _stream(channel: ChannelInfo, profile: str) -> StreamInfo | None:
    return next((stream for stream in channel.streams if stream.profile == profile), None)


def _is_thermal(channel: ChannelInfo, info: CameraInfo) -> bool:
    return channel.id == info.thermal_channel if channel.thermal is None else channel.thermal


def _input(stream: str, roles: list[str]) -> dict[str, Any]:
    return {"path": f"{RESTREAM}/{stream}", "input_args": "preset-rtsp-restream", "roles": roles}


def _detect(stream: StreamInfo | None) -> dict[str, Any]:
    """Return size and rate to look at pictures with; what the camera did not say is left for Frigate to find out."""
    out: dict[str, Any] = {}
    if stream is not None and stream.width and stream.height:
        out |= {"width": stream.width, "height": stream.height}
    if stream is not None and stream.frames_per_second:
        out["fps"] = max(1, min(DETECT_FPS, int(stream.frames_per_second)))
    return out


def _address(url: StreamUrl, camera: str) -> str:
    """Return the address with Frigate's variables for user and password."""
    parts = urlsplit(url.url.replace("{", "{{").replace("}", "}}"))  # Frigate takes braces for variables
    if url.username is None:
        return urlunsplit(parts)
    names = variables(camera)
    return urlunsplit(parts._replace(netloc=f"{{{names.username}}}:{{{names.password}}}@{parts.netloc}"))
