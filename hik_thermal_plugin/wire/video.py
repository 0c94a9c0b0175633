"""The video track of a session description, and coded pictures as values.

Codecs that cameras of this make send: H.264, H.265, MPEG-4 part 2, and Motion JPEG on sub streams (rtsp.md 1.2). What a track is coded in
is told by its rtpmap; parameter sets may stand in its fmtp, or come in the stream alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple

from nvr_hooks import Unsupported

from .sdp import Media, SessionDescription

Codec = Literal["h264", "hevc", "mpeg4", "mjpeg"]
_CODECS: dict[str, Codec] = {"h264": "h264", "h265": "hevc", "hevc": "hevc", "mp4v-es": "mpeg4", "jpeg": "mjpeg"}
_JPEG = 26
"""The one payload type that is a codec of video by itself here (RFC 3551 6)."""
_NAMES = {0: "pcmu", 8: "pcma", 14: "mpa", _JPEG: "jpeg"}
CLOCK = 90_000
"""Ticks of a second: of every codec here (RFC 6184, 7798, 6416, 2435), unless a description says otherwise."""
START_CODE = b"\0\0\0\1"


class CodedFrame(NamedTuple):
    """One picture as the camera coded it. A tuple, because one is made for every picture of every camera."""

    data: bytes
    """H.264 and H.265 with start codes (Annex B), parameter sets included in key frames."""
    timestamp: int
    """When it is shown, in 1/90000 s from the first on; counts on where RTP's 32 bits begin anew."""
    key: bool
    """Decoding can begin here."""
    codec: Codec
    headers: bytes = b""
    """Of key frames: the parameter sets in force. Others than before mean another size or another encoder."""
    reordered: int | None = 0
    """How many pictures may come before one in the stream that they follow on the screen; None: not said, and not seen in this one."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """What a client needs to SETUP a video track and to read it."""

    media: Media
    payload_type: int
    codec: Codec
    clock_rate: int = CLOCK
    headers: tuple[bytes, ...] = ()
    """Parameter sets of the description, in its order; MPEG-4: its configuration."""
    audio: str | None = None
    """Codec of a sound track beside it, for people."""


def video_track(description: SessionDescription) -> VideoTrack:
    """Return the first video track that can be read; raise Unsupported, naming what there is, where there is none."""
    seen: list[str] = []
    audio = next((name for media in description.medias if media.kind == "audio" for name in _named(media)), None)
    for media in description.medias:
        if media.kind != "video":
            continue
        for payload_type in media.payload_types:
            name = media.encoding(payload_type) or _NAMES.get(payload_type, f"payload type {payload_type}")
            seen.append(name)
            if (codec := _CODECS.get(name)) is not None:
                parameters = _parameters(media.parameters.get(payload_type, ""))
                return VideoTrack(
                    media, payload_type, codec, _clock(media, payload_type), tuple(_headers(codec, parameters)), audio
                )
    raise Unsupported(f"video coded as {', '.join(seen)}" if seen else "no video track")


def _named(media: Media) -> Iterator[str]:
    for number in media.payload_types:
        yield (media.encoding(number) or _NAMES.get(number, f"payload type {number}")).upper()


def _clock(media: Media, payload_type: int) -> int:
    rate = media.encodings.get(payload_type, "").partition("/")[2].partition("/")[0].strip()
    return int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 9 and int(rate) > 0 else CLOCK


def _parameters(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")  # values end in = themselves
        found[name.strip().lower()] = value.strip()
    return found


def _headers(codec: Codec, parameters: dict[str, str]) -> Iterator[bytes]:
    """Return what can be read of the parameter sets; the rest comes in the stream."""
    if codec == "mpeg4":
        with suppress(ValueError):
            if configuration := bytes.fromhex(parameters.get("config", "")):
                yield configuration
        return
    for name in ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"):
        for text in parameters.get(name, "").split(","):
            try:
                unit = base64.b64decode(text)  # passes over blanks and quotes
            except (binascii.Error, ValueError):
                continue
            if unit := unit.removeprefix(START_CODE):
                yield unit
