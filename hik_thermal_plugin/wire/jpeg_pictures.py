"""Motion JPEG out of RTP payloads (RFC 2435): packets carry the scan alone, what stands before it in a JPEG file is put back here.

Tables are those of ITU-T T.81 Annex K, which RFC 2435 sends by number only.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">IBBBB")
_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex("1112121815182f1a1a2f63423842") + b"\x63" * 50
_CODES = (
    (0x00, "00010501010101010100000000000000", "000102030405060708090a0b"),
    (
        0x10,
        "0002010303020403050504040000017d",
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
        "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa"
        "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
    (0x01, "00030101010101010101010000000000", "000102030405060708090a0b"),
    (
        0x11,
        "00020102040403040705040400010277",
        "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a"
        "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa"
        "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
)
_END = b"\xff\xd9"


class JpegPicture:
    """One picture while its packets come in."""

    def __init__(self) -> None:
        self.size = 0
        self._scan: list[bytes] = []
        self._length = 0
        self._head = b""
        self._sent: dict[int, bytes] = {}

    @property
    def shown(self) -> bool:
        """Whether anything of the picture is there."""
        return bool(self._scan)

    @property
    def unfinished(self) -> bool:
        """False: only the marker tells the end."""
        return False

    def add(self, payload: bytes) -> bool:
        """Take one packet's payload; False when it cannot be used."""
        self.size += len(payload)
        if len(payload) <= 8:
            return False
        place, kind, quality, width, height = _HEADER.unpack_from(payload)
        offset, at, restart = place & 0xFFFFFF, 8, 0
        if offset != self._length or not width or not height:
            return False
        if 64 <= kind < 128:
            restart = int.from_bytes(payload[8:10], "big")
            kind, at = kind - 64, 12
        if kind > 1:
            return False
        if offset == 0:
            tables = self._tables(quality, payload, at)
            if tables is None:
                return False
            at += len(tables) + 4 if quality >= 128 and payload[at + 2 : at + 4] != b"\0\0" else 4 * (quality >= 128)
            self._head = _head(kind, width * 8, height * 8, tables, restart)
        self._scan.append(payload[at:])
        self._length += len(payload) - at
        return True

    def begins_late(self, payload: bytes) -> bool:
        """Tell whether the payload is a later part of a picture."""
        return payload[1:4] != b"\0\0\0"

    def take(self) -> tuple[bytes, bool, bytes, int | None] | None:
        """Return the picture as a JPEG file and begin the next; its head tells the size, which may change."""
        scan, head = b"".join(self._scan), self._head
        self.clear()
        if not scan or not head:
            return None
        return head + scan + (b"" if scan.endswith(_END) else _END), True, head, 0

    def clear(self) -> None:
        """Throw away what is there of the picture."""
        self._scan, self._head = [], b""
        self._length = self.size = 0

    def _tables(self, quality: int, payload: bytes, at: int) -> bytes | None:
        """Return the two quantization tables, in zigzag order; None for a quality that says nothing."""
        if quality < 128:
            return _scaled(quality) if 0 < quality < 100 else None
        length = int.from_bytes(payload[at + 2 : at + 4], "big")
        if not length:
            return self._sent.get(quality)
        tables = payload[at + 4 : at + 4 + length]
        if len(tables) != length or length != 128 or payload[at + 1]:
            return None  # one table for all, or 16 bits: nobody sends them
        self._sent[quality] = tables
        return tables


def _scaled(quality: int) -> bytes:
    factor = 5000 // quality if quality < 50 else 200 - quality * 2
    return bytes(min(max((value * factor + 50) // 100, 1), 255) for value in _LUMA + _CHROMA)


def _head(kind: int, width: int, height: int, tables: bytes, restart: int) -> bytes:
    """Return everything of a JPEG file up to the scan."""
    parts = [b"\xff\xd8"]
    for number in (0, 1):
        parts.append(b"\xff\xdb\0\x43" + bytes([number]) + tables[64 * number : 64 * number + 64])
    if restart:
        parts.append(b"\xff\xdd\0\4" + restart.to_bytes(2, "big"))
    sampling = 0x21 if kind == 0 else 0x22
    parts.append(
        b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + bytes((3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1))
    )
    for place, counts, symbols in _CODES:
        table = bytes([place]) + bytes.fromhex(counts) + bytes.fromhex(symbols)
        parts.append(b"\xff\xc4" + (len(table) + 2).to_bytes(2, "big") + table)
    parts.append(bytes.fromhex("ffda000c03010002110311003f00"))
    return b"".join(parts)
