"""MPEG program streams (ISO/IEC 13818-1 2.5), the format of the vendor's library and of the recordings on its cameras.

Every picture leaves whole and at once: a pack header, before key pictures a system header and a map of the streams, and one PES packet, or
several where a picture is longer than one can be. A general muxer fills sectors of 2 KiB first, which holds back up to a second of a still
thermal picture.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from .pictures import CLOCK, Picture

STREAM_TYPES = {"h264": 0x1B, "hevc": 0x24, "mpeg4": 0x10}
"""Codec -> stream_type (ISO/IEC 13818-1 table 2-34)."""
_AHEAD = CLOCK // 5
"""How long before it is decoded a picture is in the stream."""
_RATE = 50_000
"""Upper bound of the stream in 50 bytes a second."""
_LONGEST = 65_000
_STREAM = 0xE0
_END = b"\0\0\1\xb9"
_WRAP = 1 << 33


class ProgramStream:
    """One program stream out of pictures; `send` takes its bytes. Times count from `begin_at` seconds on; raises what `send` raises."""

    def __init__(self, send: Callable[[bytes], object], first: Picture, *, begin_at: float = 0.0) -> None:
        self._send = send
        self._offset = _AHEAD + round(begin_at * CLOCK) - first.dts
        self._last = -1
        self._heads = _system_header() + _map(STREAM_TYPES[first.codec])

    def write(self, picture: Picture) -> None:
        """Send one picture."""
        dts = max(picture.dts + self._offset, self._last + 1)
        pts = max(picture.pts + self._offset, dts)
        self._last = dts
        parts = [_pack_header(max(0, dts - _AHEAD))]
        if picture.key:
            parts.append(self._heads)
        parts += _packets(picture.data, pts, dts)
        self._send(b"".join(parts))

    def close(self) -> None:
        """Send the end code."""
        self._send(_END)


def _pack_header(clock: int) -> bytes:
    clock %= _WRAP
    bits = 0b01 << 46 | (clock >> 30) << 43 | 1 << 42 | (clock >> 15 & 0x7FFF) << 27 | 1 << 26 | (clock & 0x7FFF) << 11
    return b"\0\0\1\xba" + (bits | 1 << 10 | 1).to_bytes(6, "big") + (_RATE << 2 | 3).to_bytes(3, "big") + b"\xf8"


def _system_header() -> bytes:
    body = (1 << 23 | _RATE << 1 | 1).to_bytes(3, "big") + b"\x00\xe1\x7f" + bytes([_STREAM]) + b"\xe0\xe8"
    return b"\0\0\1\xbb" + len(body).to_bytes(2, "big") + body


def _map(stream_type: int) -> bytes:
    entry = bytes([stream_type, _STREAM, 0, 0])
    body = b"\xe0\xff\0\0" + len(entry).to_bytes(2, "big") + entry
    text = b"\0\0\1\xbc" + (len(body) + 4).to_bytes(2, "big") + body
    return text + _crc(text).to_bytes(4, "big")


def _packets(data: bytes, pts: int, dts: int) -> Iterator[bytes]:
    for at in range(0, len(data), _LONGEST):
        piece = data[at : at + _LONGEST]
        if at:
            times = b"\x80\x00\x00"
        elif pts == dts:
            times = b"\x84\x80\x05" + _stamp(2, pts)
        else:
            times = b"\x84\xc0\x0a" + _stamp(3, pts) + _stamp(1, dts)
        yield struct.pack(">IH", 0x100 | _STREAM, len(times) + len(piece)) + times
        yield piece


def _stamp(mark: int, time: int) -> bytes:
    time %= _WRAP
    bits = mark << 36 | (time >> 30) << 33 | 1 << 32 | (time >> 15 & 0x7FFF) << 17 | 1 << 16 | (time & 0x7FFF) << 1 | 1
    return bits.to_bytes(5, "big")


def _crc(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value
