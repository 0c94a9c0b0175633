"""RTP packets (RFC 3550): header, extension, padding; and what is missing between them."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from nvr_hooks import BadAnswer

MAX_DROPOUT = 3000
MAX_MISORDER = 100
"""RFC 3550 A.1: a step further ahead or further back is a sender that started counting anew."""

_BYE = 203
_HEADER = struct.Struct(">BBHII")


class RtpPacket(NamedTuple):
    """One packet without its header. A tuple, because one is made for every packet of every camera."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    """In the clock of the track (90 kHz for both metadata formats)."""
    ssrc: int
    payload: bytes


def parse_rtp(data: bytes) -> RtpPacket:
    """Read one packet; raise BadAnswer when it is not version 2 or shorter than its own header says."""
    size = len(data)
    if size < 12:
        raise BadAnswer(f"an RTP packet of {size} bytes", data=data)
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise BadAnswer(f"RTP version {first >> 6} instead of 2", data=data[:64])
    start, end = 12, size
    if first & 0x3F:
        start, end = _bounds(data, first)
    return RtpPacket(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, data[start:end])


def _bounds(data: bytes, first: int) -> tuple[int, int]:
    """Return where the payload starts and ends in a packet with sources, extension or padding."""
    start, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if start + 4 > end:
            raise BadAnswer("an RTP header extension beyond the packet", data=data[:64])
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if start > end:
        raise BadAnswer(f"an RTP header of {start} bytes in a packet of {end}", data=data[:64])
    if first & 0x20 and end > start:
        padding = data[-1]
        if not 0 < padding <= end - start:
            raise BadAnswer(f"{padding} bytes of RTP padding in {end - start} bytes of payload", data=data[:64])
        end -= padding
    return start, end


def says_goodbye(control: bytes) -> bool:
    """Tell whether an RTCP packet, mostly several in one, holds a BYE: the sender has ended (RFC 3550 6.6)."""
    at = 0
    while at + 4 <= len(control) and control[at] >> 6 == 2:
        if control[at + 1] == _BYE:
            return True
        at += 4 + 4 * int.from_bytes(control[at + 2 : at + 4], "big")
    return False


class SequenceCheck:
    """Follow the sequence numbers of one track.

    `lost` counts packets that never came, `late` those that came twice or after a later one (they are not for use), `restarts` a
    sender that began to count anew.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.late = 0
        self.restarts = 0
        self._expected: int | None = None
        self._ssrc = 0

    def place(self, packet: RtpPacket) -> Literal["next", "gap", "late"]:
        """Say how this packet follows the one before: `gap` also where a new sender begins."""
        sequence = packet.sequence
        if sequence == self._expected and packet.ssrc == self._ssrc:
            self._expected = (sequence + 1) & 0xFFFF
            return "next"
        if self._expected is None or packet.ssrc != self._ssrc:
            first = self._expected is None
            self.restarts += not first
            self._ssrc = packet.ssrc
            self._expected = (sequence + 1) & 0xFFFF
            return "next" if first else "gap"
        step = (sequence - self._expected) & 0xFFFF
        if step >= 0x10000 - MAX_MISORDER:
            self.late += 1
            return "late"
        self._expected = (sequence + 1) & 0xFFFF
        if step < MAX_DROPOUT:
            self.lost += step
        else:
            self.restarts += 1
        return "gap"
