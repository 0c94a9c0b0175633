"""Headers of RTSP as cameras write them, and the answers to what cameras ask."""

from __future__ import annotations

import re
from typing import NamedTuple

from .rtsp_messages import ServerRequest

_ANSWERED = frozenset({"ANNOUNCE", "SET_PARAMETER", "GET_PARAMETER", "OPTIONS", "REDIRECT", "TEARDOWN", "PLAY_NOTIFY"})
_CHANNELS = re.compile(r"([0-9]{1,3})(?:\s*-\s*([0-9]{1,3}))?")
_SSRC = re.compile(r"[0-9a-fA-F]{1,8}")


class Transport(NamedTuple):
    """What a Transport header says."""

    tcp: bool
    channels: tuple[int, int] | None = None
    """Interleaved channels of data and control."""
    ssrc: int | None = None


def parse_session(value: str) -> tuple[str, float | None]:
    """Read `      708345999;timeout=60` (with those blanks: rtsp.md 1.3); seconds are None where none or a senseless number is named."""
    name, *parameters = (part.strip() for part in value.split(";"))
    for parameter in parameters:
        key, _, number = (word.strip() for word in parameter.partition("="))
        if key.lower() == "timeout" and number.isascii() and number.isdigit() and len(number) < 7 and int(number) > 0:
            return name, float(number)
    return name, None


def parse_transport(value: str) -> Transport:
    """Read `RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= d6d6627;mode="play"`; blanks and unknown parameters are passed over."""
    name, *parameters = (part.strip() for part in value.split(",")[0].split(";"))
    channels, ssrc = None, None
    for parameter in parameters:
        key, _, word = (word.strip(' "') for word in parameter.partition("="))
        if key.lower() == "interleaved" and (match := _CHANNELS.fullmatch(word)):
            first = int(match[1])
            second = int(match[2]) if match[2] else first + 1
            channels = (first, second) if max(first, second) < 256 else None
        elif key.lower() == "ssrc" and _SSRC.fullmatch(word):
            ssrc = int(word, 16)
    return Transport("TCP" in name.upper() or channels is not None, channels, ssrc)


def answer_to(request: ServerRequest) -> bytes:
    """Answer what a camera may ask, so that it goes on or ends in peace (FFmpeg's 501 keeps the session waiting: rtsp.md 1.3)."""
    status = "200 OK" if request.method in _ANSWERED else "405 Method Not Allowed"
    lines = [f"RTSP/1.0 {status}", f"CSeq: {request.header('cseq') or '0'}"]
    if (session := request.header("session")) is not None:
        lines.append(f"Session: {parse_session(session)[0]}")
    if status[0] == "4" or request.method == "OPTIONS":
        name = "Allow" if status[0] == "4" else "Public"
        lines.append(f"{name}: {', '.join(sorted(_ANSWERED))}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")
