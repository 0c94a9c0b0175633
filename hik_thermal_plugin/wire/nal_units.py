"""Pictures of H.264 (RFC 6184) and H.265 (RFC 7798) out of RTP payloads: single units, aggregates, fragments.

H.264   1-23 a unit · 24 several units · 28 a fragment            (25-27 and 29 belong to modes that nobody asks for)
H.265   0-47 a unit · 48 several units · 49 a fragment            (without DONL: nobody asks for interleaving)
"""

from __future__ import annotations

from typing import Literal

from nvr_hooks import BadAnswer

from .parameter_sets import reordered_pictures
from .video import START_CODE

_H264_SETS = frozenset({7, 8})
_HEVC_SETS = frozenset({32, 33, 34})
REORDERED = 2
"""Pictures taken to be reordered where an encoder does it without a number: what three pictures between two others need."""


class NalPicture:
    """One picture while its packets come in, and the parameter sets for all of them."""

    def __init__(self, codec: Literal["h264", "hevc"], headers: tuple[bytes, ...] = ()) -> None:
        self.size = 0
        self._codec = codec
        self._hevc = codec == "hevc"
        self._set_kinds = _HEVC_SETS if self._hevc else _H264_SETS
        self._units: list[bytes] = []
        self._fragments: list[bytes] = []
        self._shown = False
        self._key = False
        self._headers = b""
        self._reordered: int | None = None
        self._learn([unit for unit in headers if self._kind(unit) in self._set_kinds])

    @property
    def shown(self) -> bool:
        """Whether anything of the picture itself is there, not only what goes before it."""
        return self._shown or bool(self._fragments)

    @property
    def unfinished(self) -> bool:
        """Whether a fragment lacks its end."""
        return bool(self._fragments)

    def add(self, payload: bytes) -> bool:
        """Take one packet's payload; False when it cannot be used."""
        self.size += len(payload)
        if not payload:
            return True
        if self._hevc:
            if len(payload) < 3:
                return False
            kind = payload[0] >> 1 & 63
            if kind == 49:
                return self._fragment(payload, 3, bytes((payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1])))
            if kind == 48:
                return self._several(payload, 2)
            return kind < 48 and self._unit(payload)
        kind = payload[0] & 31
        if kind == 28:
            return len(payload) > 2 and self._fragment(payload, 2, bytes((payload[0] & 0xE0 | payload[1] & 31,)))
        if kind == 24:
            return self._several(payload, 1)
        return 0 < kind < 24 and self._unit(payload)

    def begins_late(self, payload: bytes) -> bool:
        """Tell whether the payload is a later slice of a picture, not its first."""
        start = 3 if self._hevc else 2
        if len(payload) < start:
            return False
        kind = payload[0] >> 1 & 63 if self._hevc else payload[0] & 31
        if kind == (49 if self._hevc else 28):
            if not payload[start - 1] & 0x80:
                return True
            if len(payload) == start:
                return False
            kind = payload[start - 1] & (63 if self._hevc else 31)
            first = payload[start]
        else:
            first = payload[start - 1]
        # first_mb_in_slice is 0, or first_slice_segment_in_pic_flag is set: the first bit is 1 in both codecs.
        return self._is_slice(kind) and not first & 0x80

    def take(self) -> tuple[bytes, bool, bytes, int | None] | None:
        """Return data, key, parameter sets and reordering of the picture and begin the next; None when there is no whole one."""
        units, whole, key = self._units, self._shown and not self._fragments, self._key
        self.clear()
        sets = [unit for unit in units if self._kind(unit) in self._set_kinds]
        if sets:
            self._learn(sets)  # also of sets that stand alone, before their picture
        if not whole:
            return None
        data = START_CODE + START_CODE.join(units)
        if not key:
            return data, False, b"", self._between(units) if self._reordered is None else self._reordered
        return (data if sets else self._headers + data), True, self._headers, self._reordered

    def clear(self) -> None:
        """Throw away what is there of the picture."""
        self._units, self._fragments = [], []
        self._shown = self._key = False
        self.size = 0

    def _unit(self, unit: bytes) -> bool:
        kind = self._kind(unit)
        if self._is_slice(kind):
            self._shown = True
            self._key = self._key or (16 <= kind <= 21 if self._hevc else kind == 5)
        self._units.append(unit)
        whole = not self._fragments
        self._fragments = []
        return whole

    def _fragment(self, payload: bytes, start: int, header: bytes) -> bool:
        flags = payload[start - 1]
        if flags & 0x80:
            broken = bool(self._fragments)
            self._fragments = [header]
        else:
            broken = not self._fragments
        if broken:
            return False
        self._fragments.append(payload[start:])
        if flags & 0x40:
            unit, self._fragments = b"".join(self._fragments), []
            return self._unit(unit)
        return True

    def _several(self, payload: bytes, at: int) -> bool:
        whole = True
        while at + 2 < len(payload):
            end = at + 2 + int.from_bytes(payload[at : at + 2], "big")
            if end > len(payload) or end - at < (4 if self._hevc else 3):
                return False
            whole = self._unit(payload[at + 2 : end]) and whole
            at = end
        return whole

    def _kind(self, unit: bytes) -> int:
        return (unit[0] >> 1 & 63 if self._hevc else unit[0] & 31) if unit else -1

    def _is_slice(self, kind: int) -> bool:
        return 0 <= kind < 32 if self._hevc else 1 <= kind <= 5

    def _between(self, units: list[bytes]) -> int | None:
        """Tell, where the parameter sets do not, that a picture is one between two others: slice type B (H.264 7.3.3, table 7-6)."""
        for unit in units:
            if self._is_slice(self._kind(unit)) and len(unit) > 1 and not self._hevc:
                # first_mb_in_slice 0 is the bit 1, slice_type 1 the bits 010, slice_type 6 the bits 00111
                return REORDERED if unit[1] >> 4 == 0b1010 or unit[1] >> 2 == 0b100111 else None
        return None

    def _learn(self, sets: list[bytes]) -> None:
        if len({self._kind(unit) for unit in sets}) < len(self._set_kinds):
            return  # one of several, to be completed by what is known; decoders get it with the picture
        headers = START_CODE + START_CODE.join(sets)
        if headers == self._headers:
            return
        self._headers = headers
        try:
            self._reordered = reordered_pictures(self._codec, sets)
        except BadAnswer:
            self._reordered = None
