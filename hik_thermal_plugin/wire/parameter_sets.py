"""What an encoder says of its pictures in its parameter sets: how many of them may come out in another order than they are shown.

H.264 (ITU-T H.264 7.3.2.1.1, E.1.1) and H.265 (ITU-T H.265 7.3.2.2.1). Only as much is read as leads to that number.
"""

from __future__ import annotations

from nvr_hooks import BadAnswer

_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_BASELINE = 66
_MOST = 16
"""Pictures a decoder can hold at most (H.264 A.3.1, H.265 A.4.2)."""


def reordered_pictures(codec: str, sets: list[bytes]) -> int | None:
    """Return how many pictures may precede one in the stream and follow it on the screen; None when the sets do not say.

    `sets` are NAL units without start codes; `codec` is h264 or hevc. Raises BadAnswer for a set that cannot be read.
    """
    for unit in sets:
        if codec == "h264" and unit and unit[0] & 31 == 7:
            return _of_h264(_Bits(unit[1:]))
        if codec == "hevc" and unit and unit[0] >> 1 & 63 == 33:
            return _of_hevc(_Bits(unit[2:]))
    return None


def _of_h264(bits: _Bits) -> int | None:
    profile = bits.number(8)
    bits.number(16)  # constraints and level
    bits.golomb()
    if profile in _WITH_CHROMA:
        _skip_chroma(bits)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.number(1)
        bits.golomb(), bits.golomb()
        for _ in range(bits.golomb(255)):
            bits.golomb()
    references = bits.golomb()
    bits.number(1)
    bits.golomb(), bits.golomb()  # size in macroblocks
    if not bits.number(1):
        bits.number(1)
    bits.number(1)
    if bits.number(1):  # cropping
        for _ in range(4):
            bits.golomb()
    if profile == _BASELINE or order == 2 or references < 2:
        return 0  # no pictures between two others are possible
    return _of_usability(bits) if bits.number(1) else None


def _skip_chroma(bits: _Bits) -> None:
    chroma = bits.golomb()
    if chroma == 3:
        bits.number(1)
    bits.golomb(), bits.golomb(), bits.number(1)
    if bits.number(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.number(1):
                _skip_scaling(bits, 16 if index < 6 else 64)


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _of_usability(bits: _Bits) -> int | None:
    if bits.number(1) and bits.number(8) == 255:  # shape of a pixel
        bits.number(32)
    if bits.number(1):
        bits.number(1)
    if bits.number(1):
        bits.number(4)
        if bits.number(1):
            bits.number(24)
    if bits.number(1):
        bits.golomb(), bits.golomb()
    if bits.number(1):
        bits.number(65)  # clock
    buffers = 0
    for _ in range(2):
        if bits.number(1):
            buffers += 1
            count = bits.golomb(31) + 1
            bits.number(8)
            for _ in range(count):
                bits.golomb(), bits.golomb(), bits.number(1)
            bits.number(20)
    if buffers:
        bits.number(1)
    bits.number(1)
    if not bits.number(1):
        return None
    bits.number(1)
    for _ in range(4):
        bits.golomb()
    return bits.golomb(_MOST)


def _of_hevc(bits: _Bits) -> int:
    bits.number(4)
    layers = bits.number(3)
    bits.number(1 + 88 + 8)
    there = [(bits.number(1), bits.number(1)) for _ in range(layers)]
    if layers:
        bits.number(2 * (8 - layers))
    for profile, level in there:
        bits.number(88 * profile + 8 * level)
    bits.golomb()
    if bits.golomb() == 3:
        bits.number(1)
    bits.golomb(), bits.golomb()  # size
    if bits.number(1):
        for _ in range(4):
            bits.golomb()
    for _ in range(3):
        bits.golomb()
    each = bits.number(1)
    depth = 0
    for _ in range(layers + 1 if each else 1):
        bits.golomb()
        depth = bits.golomb(_MOST)
        bits.golomb()
    return depth


class _Bits:
    """A payload read bit by bit, without the bytes that keep it from looking like a start code."""

    def __init__(self, payload: bytes) -> None:
        data = payload.replace(b"\0\0\3", b"\0\0")
        self._bits = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def number(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise BadAnswer("a parameter set that ends too early")
        return (self._bits >> self._left) & ((1 << count) - 1)

    def golomb(self, most: int = 2**32) -> int:
        """Return the next Exp-Golomb number (H.264 9.1), at most `most`."""
        zeros = 0
        while not self.number(1):
            zeros += 1
            if zeros > 32:
                raise BadAnswer("a parameter set with a number of more than 32 bits")
        value = (1 << zeros) - 1 + self.number(zeros)
        if value > most:
            raise BadAnswer(f"a parameter set with {value} where {most} is the most")
        return value

    def signed_golomb(self) -> int:
        """Return the next signed Exp-Golomb number (H.264 9.1.1)."""
        value = self.golomb()
        return (value + 1) // 2 if value % 2 else -(value // 2)
