"""Session descriptions as captured from cameras and recorders (rtsp.md 1.2)."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

from .film import Format
from .profiles import Profile
from .tracks import AUDIO, AUDIO_CLOCK, AUDIO_TYPE, CLOCK, METADATA, VIDEO, VIDEO_TYPE

_ENCODINGS = {"H.264": "H264", "H.265": "H265"}
_MEDIA_INFO = "494D4B48010300000400000100000000000000000000000081000000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Description:
    """What is told of a presentation. `base` ends with a slash; `query` is that of the request, with its question mark."""

    base: str
    query: str
    form: Format
    parameter_sets: tuple[bytes, ...]
    audio: bool = False
    metadata: str | None = None  # the encoding's name; None: no such track


def control(profile: Profile, base: str, query: str, track: int) -> str:
    """The address of a track as the profile's devices write it."""
    match profile.sdp:
        case "recorder":
            return f"trackID={ {VIDEO: 'video', AUDIO: 'audio', METADATA: 'metadata'}[track] }"
        case "relative":
            return f"trackID={track}"
        case _:
            return f"{base}trackID={track}{query}"


def write(profile: Profile, description: Description) -> bytes:
    """The text of the answer to DESCRIBE."""
    recorder, absolute = profile.sdp == "recorder", profile.sdp == "camera"
    number = time.time_ns() // 1000
    aggregate = f"{description.base}{description.query}" if absolute else "*"
    lines = [
        "v=0",
        f"o=- {number} {number} IN IP4 127.0.0.1",
        "s=HIK Media Server V3.4.3" if recorder else "s=Media Presentation",
        *(["i=HIK Media Server Session Description : standard"] if recorder else []),
        "e=NONE",
        "b=AS:5050",
        "t=0 0",
        *(["q=7 of no known kind", "a=range:npt=now-"] if recorder else []),
        f"a=control:{aggregate}",
    ]
    medias = [_video(profile, description)]
    medias += [_audio(profile, description)] if description.audio else []
    medias += [_metadata(profile, description)] if description.metadata is not None else []
    if profile.metadata_first:
        medias.reverse()
    lines += [line for media in medias for line in media]
    lines += [f"a=Media_header:MEDIAINFO={_MEDIA_INFO};", "a=appversion:1.0"]
    return "\r\n".join([*lines, ""]).encode()


def _control(profile: Profile, description: Description, track: int) -> str:
    return control(profile, description.base, description.query, track)


def _video(profile: Profile, description: Description) -> list[str]:
    form = description.form
    sets = ",".join(base64.b64encode(unit).decode() for unit in description.parameter_sets)
    level = description.parameter_sets[0][1:4].hex().upper() if description.parameter_sets else ""
    parameters = f"a=fmtp:{VIDEO_TYPE} profile-level-id={level}; packetization-mode=1; sprop-parameter-sets={sets}"
    return [
        f"m=video 0 RTP/AVP {VIDEO_TYPE}",
        "c=IN c=IN IP4 0.0.0.0" if profile.sdp == "recorder" else "c=IN IP4 0.0.0.0",  # seen on V3.1.3
        "b=AS:5000",
        "a=recvonly",
        f"a=x-dimensions:{form.width},{form.height}",
        f"a=control:{_control(profile, description, VIDEO)}",
        f"a=rtpmap:{VIDEO_TYPE} {_ENCODINGS[form.codec]}/{CLOCK}",
        *([parameters] if description.parameter_sets else []),
    ]


def _audio(profile: Profile, description: Description) -> list[str]:
    return [
        f"m=audio 0 RTP/AVP {AUDIO_TYPE}",
        "c=IN IP4 0.0.0.0",
        "b=AS:50",
        "a=recvonly",
        f"a=control:{_control(profile, description, AUDIO)}",
        f"a=rtpmap:{AUDIO_TYPE} PCMA/{AUDIO_CLOCK}",
    ]


def _metadata(profile: Profile, description: Description) -> list[str]:
    kind = profile.metadata_payload_type
    return [
        f"m=application 0 RTP/AVP {kind}",
        "c=IN IP4 0.0.0.0",
        "b=AS:50",
        "a=recvonly",
        f"a=control:{_control(profile, description, METADATA)}",
        *([f"a=rtpmap:{kind} {description.metadata}/{CLOCK}"] if description.metadata else []),
    ]
