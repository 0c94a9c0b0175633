"""RTP as it goes over an RTSP connection: payloads of video, packets, and the two control packets a camera sends."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

MTU = 1400
_NTP_EPOCH = 2_208_988_800
_START = b"\0\0\1"


def units(stream: bytes) -> Iterator[bytes]:
    """NAL units of an Annex B byte stream, without access unit delimiters."""
    at = stream.find(_START)
    while at >= 0:
        end = stream.find(_START, at + 3)
        unit = stream[at + 3 :] if end < 0 else stream[at + 3 : end].rstrip(b"\0")
        at = end
        if unit and unit[0] & 31 != 9:
            yield unit


def payloads_264(unit: bytes) -> list[bytes]:
    """A unit as it is, or cut into FU-A fragments (RFC 6184, 5.8)."""
    if len(unit) <= MTU:
        return [unit]
    indicator, kind, body = unit[0] & 0xE0 | 28, unit[0] & 31, unit[1:]
    cuts = range(0, len(body), MTU - 2)
    return [bytes((indicator, _ends(at, len(body), MTU - 2) | kind)) + body[at : at + MTU - 2] for at in cuts]


def payloads_265(unit: bytes) -> list[bytes]:
    """A unit as it is, or cut into fragments (RFC 7798, 4.4.3)."""
    if len(unit) <= MTU:
        return [unit]
    header, kind, body = bytes((unit[0] & 0x81 | 49 << 1, unit[1])), unit[0] >> 1 & 63, unit[2:]
    cuts = range(0, len(body), MTU - 3)
    return [header + bytes((_ends(at, len(body), MTU - 3) | kind,)) + body[at : at + MTU - 3] for at in cuts]


def is_parameter_set_264(unit: bytes) -> bool:
    """Whether it is an SPS or PPS."""
    return unit[0] & 31 in (7, 8)


def is_parameter_set_265(unit: bytes) -> bool:
    """Whether it is a VPS, SPS or PPS."""
    return 32 <= unit[0] >> 1 & 63 <= 34


def packet(payload_type: int, sequence: int, timestamp: int, source: int, payload: bytes, *, marker: bool) -> bytes:
    """One RTP packet; sequence and timestamp are cut to their width."""
    second = payload_type | (0x80 if marker else 0)
    return struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, source) + payload


def sender_report(source: int, timestamp: int, packets: int, octets: int) -> bytes:
    """RTCP: which timestamp belongs to the present time."""
    now = time.time() + _NTP_EPOCH
    counts = packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    fraction = int(now % 1 * (1 << 32))
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, source, int(now), fraction, timestamp & 0xFFFFFFFF, *counts)


def goodbye(source: int) -> bytes:
    """RTCP: this source has ended."""
    return struct.pack(">BBHI", 0x81, 203, 1, source)


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet in its frame on the connection (RFC 2326, 10.12)."""
    return b"$" + struct.pack(">BH", channel, len(packet)) + packet


def _ends(at: int, length: int, step: int) -> int:
    return (0x80 if at == 0 else 0) | (0x40 if at + step >= length else 0)
