"""MPEG program streams as these cameras store them (isapi.md 5.3, rtsp.md "MPEG-PS from the camera").

Each second of video takes the same number of bytes, as with a constant bit rate: what its pictures do not need is padding. So the
size of a file is known, and any place in it can be read, before anything is encoded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from .film import Format, Gop

CLOCK = 90_000
_WRAP = (1 << 33) - 1
_LARGEST_PAYLOAD = 32 * 1024
_LARGEST_PACKET = 0xFFFF + 6
_HEAD = 6
"""Bytes of a packet before what its length counts."""
_LEAD_TICKS = CLOCK // 2
"""How long before it is decoded a picture's bytes arrive; also keeps the clock above zero."""
_STREAM_TYPES = {"H.264": 0x1B, "H.265": 0x24}
_VIDEO = 0xE0


@dataclass(frozen=True, slots=True)
class Pattern:
    """The bytes of a group and how many bytes of padding follow, and where its times stand: offset, ticks after the group's begin; of
    a stamp also its marker bits."""

    data: bytes
    padding: int
    clocks: tuple[tuple[int, int], ...]
    stamps: tuple[tuple[int, int, int], ...]


def media_header(codec: str) -> bytes:
    """The 40 bytes `IMKH…` before the stream, without sound (rtsp.md 1.2 F)."""
    words = struct.pack("<4H", 0x0101, 0, 4, 0x0005 if codec == "H.265" else 0x0100)
    return (b"IMKH" + words).ljust(40, b"\0")


def pattern(group: Gop, form: Format, size: int, wanted: int | None = None, private: bytes = b"") -> Pattern:
    """Lay a group out in `size` bytes, all its frames or those `wanted` that are shown first; ValueError if they do not fit.

    `private` comes before the pictures, in packets that are no video (rtsp.md "MPEG-PS from the camera").
    """
    laid = _lay_out(group, form, wanted, private, stuffing=0)
    left = size - len(laid.data)
    if 0 < left < _HEAD:  # too little for a packet of padding
        laid = _lay_out(group, form, wanted, private, stuffing=left)
        left = 0
    if left < 0:
        raise ValueError(f"a second of {form} takes {len(laid.data)} bytes and has {size}")
    return replace(laid, padding=left)


def at(laid: Pattern, begin: int) -> bytes:
    """The bytes of a group that begins at so many ticks of the stream's clock."""
    data = bytearray(laid.data)
    for offset, ticks in laid.clocks:
        data[offset : offset + 6] = _clock(begin + ticks)
    for offset, marker, ticks in laid.stamps:
        data[offset : offset + 5] = _stamp(marker, begin + ticks)
    data += _padding(laid.padding)
    return bytes(data)


def _lay_out(group: Gop, form: Format, wanted: int | None, private: bytes, *, stuffing: int) -> Pattern:
    step = CLOCK // form.fps
    data = bytearray()
    clocks: list[tuple[int, int]] = []
    stamps: list[tuple[int, int, int]] = []
    # B-frames are shown later than they are decoded, so all pictures are.
    delay = max(place - frame.shown for place, frame in enumerate(group))
    for place, frame in enumerate(group):
        if wanted is not None and frame.shown >= wanted:
            continue
        decoded, shown = _LEAD_TICKS + place * step, _LEAD_TICKS + (frame.shown + delay) * step
        clocks.append((len(data) + 4, decoded - _LEAD_TICKS))
        data += _pack(stuffing if place == 0 else 0)
        if place == 0:
            data += _system_header() + _stream_map(form.codec)
            if private:
                data += struct.pack(">IHBBB", 0x1BD, 3 + len(private), 0x88, 0, 0) + private
                data += struct.pack(">IH", 0x1BF, len(private)) + private
        unit = b"".join(b"\0\0\0\1" + unit for unit in frame.units)
        for start in range(0, len(unit), _LARGEST_PAYLOAD):
            part, times = unit[start : start + _LARGEST_PAYLOAD], list[tuple[int, int]]()
            if start == 0:
                times = [(0x30, shown), (0x10, decoded)] if shown != decoded else [(0x20, shown)]
            flags = 0xC0 if len(times) == 2 else 0x80 if times else 0
            length = 3 + 5 * len(times) + len(part)
            data += struct.pack(">IHBBB", 0x100 | _VIDEO, length, 0x88, flags, 5 * len(times))
            for marker, ticks in times:
                stamps.append((len(data), marker, ticks))
                data += bytes(5)
            data += part
    return Pattern(bytes(data), 0, tuple(clocks), tuple(stamps))


def _pack(stuffing: int) -> bytes:
    rate = (50_000 << 2 | 3).to_bytes(3, "big")
    return b"\0\0\1\xba" + bytes(6) + rate + bytes((0xF8 | stuffing,)) + b"\xff" * stuffing


def _system_header() -> bytes:
    bound = (1 << 23 | 50_000 << 1 | 1).to_bytes(3, "big")
    body = bound + bytes((0x00, 0xE1, 0x7F, _VIDEO, 0xE0 | 400 >> 8, 400 & 0xFF))
    return struct.pack(">IH", 0x1BB, len(body)) + body


def _stream_map(codec: str) -> bytes:
    streams = struct.pack(">BBH", _STREAM_TYPES[codec], _VIDEO, 0)
    body = struct.pack(">BBHH", 0xE0, 0xFF, 0, len(streams)) + streams
    head = struct.pack(">IH", 0x1BC, len(body) + 4) + body
    return head + _crc(head).to_bytes(4, "big")


def _crc(data: bytes) -> int:
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ 0x04C11DB7 if found & 0x80000000 else found << 1) & 0xFFFFFFFF
    return found


def _padding(left: int) -> bytes:
    packets = []
    while left:
        size = min(left, _LARGEST_PACKET)
        if 0 < left - size < _HEAD:
            size -= _HEAD
        packets.append(struct.pack(">IH", 0x1BE, size - _HEAD) + b"\xff" * (size - _HEAD))
        left -= size
    return b"".join(packets)


def _clock(ticks: int) -> bytes:
    base = ticks & _WRAP
    bits = (
        1 << 46
        | (base >> 30) << 43
        | 1 << 42
        | (base >> 15 & 0x7FFF) << 27
        | 1 << 26
        | (base & 0x7FFF) << 11
        | 1 << 10
        | 1
    )
    return bits.to_bytes(6, "big")


def _stamp(marker: int, ticks: int) -> bytes:
    base = ticks & _WRAP
    bits = (
        marker << 32 | (base >> 30) << 33 | 1 << 32 | (base >> 15 & 0x7FFF) << 17 | 1 << 16 | (base & 0x7FFF) << 1 | 1
    )
    return bits.to_bytes(5, "big")
