"""Motion JPEG out of RTP payloads, field by field (RFC 2435 3.1, 4.2; JPEG segments of ITU-T T.81 B)."""

from __future__ import annotations

import struct

import pytest

from hik_thermal_plugin.wire.jpeg_pictures import JpegPicture

TABLES = bytes(range(1, 129))
SCAN = b"scan of the picture"


def payload(
    scan: bytes = SCAN,
    *,
    at: int = 0,
    kind: int = 1,
    quality: int = 50,
    width: int = 80,
    height: int = 60,
    more: bytes = b"",
) -> bytes:
    return struct.pack(">IBBBB", at, kind, quality, width, height) + more + scan


def sent(tables: bytes = TABLES, *, precision: int = 0, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0, precision, len(tables) if length is None else length) + tables


def taken(*payloads: bytes, picture: JpegPicture | None = None) -> tuple[dict[int, list[bytes]], bytes]:
    """Return the segments of the JPEG file by marker, and what follows them."""
    picture = picture or JpegPicture()
    assert [picture.add(one) for one in payloads] == [True] * len(payloads)
    assert picture.shown
    assert picture.size == sum(map(len, payloads))
    found = picture.take()
    assert found is not None
    data, key, head, reordered = found
    assert (key, data.startswith(head), reordered) == (True, True, 0)
    assert (picture.shown, picture.unfinished, picture.size, picture.take()) == (False, False, 0, None)
    assert data.startswith(b"\xff\xd8")
    segments: dict[int, list[bytes]] = {}
    at = 2
    while 0xDA not in segments:
        marker, length = struct.unpack_from(">HH", data, at)
        segments.setdefault(marker & 0xFF, []).append(data[at + 4 : at + 2 + length])
        at += 2 + length
    assert len(head) == at
    return segments, data[at:]


def test_a_file_is_made_of_one_packet() -> None:
    segments, rest = taken(payload())

    assert rest == SCAN + b"\xff\xd9"
    assert [number for number, *_ in segments[0xDB]] == [0, 1]
    assert [len(table) for table in segments[0xDB]] == [65, 65]
    assert segments[0xC0] == [struct.pack(">BHH", 8, 480, 640) + bytes((3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1))]
    assert [table[0] for table in segments[0xC4]] == [0x00, 0x10, 0x01, 0x11]
    assert all(sum(table[1:17]) == len(table) - 17 for table in segments[0xC4])
    assert segments[0xDA] == [bytes((3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0))]
    assert 0xDD not in segments


def test_packets_follow_one_another_by_their_offset() -> None:
    picture = JpegPicture()
    first, second = payload(b"first"), payload(b"second", at=5)
    assert taken(first, second, payload(b"!", at=11), picture=picture)[1] == b"firstsecond!\xff\xd9"
    assert picture.add(first)
    for wrong in (4, 6, 0, 0xFFFFFF):
        assert not picture.add(payload(b"second", at=wrong))
    assert picture.add(payload(b"second", at=5 | 9 << 24)), "the first byte of the field says something else"
    picture.clear()
    assert (picture.shown, picture.size, picture.take()) == (False, 0, None)
    assert not picture.add(second)
    assert picture.take() is None


def test_the_offset_has_three_bytes() -> None:
    picture, piece = JpegPicture(), bytes(60_000)
    assert all(picture.add(payload(piece, at=at)) for at in range(0, 360_000, 60_000))
    found = picture.take()
    assert found is not None
    assert len(found[0]) == len(found[2]) + 360_002


def test_an_end_that_the_camera_sends_stands_there_once() -> None:
    assert taken(payload(b"scan\xff\xd9"))[1] == b"scan\xff\xd9"
    assert taken(payload(b"scan\xff"), payload(b"\xd9", at=5))[1] == b"scan\xff\xd9"


@pytest.mark.parametrize(
    ("kind", "sampling", "restart"),
    [(0, 0x21, None), (1, 0x22, None), (64, 0x21, 40), (65, 0x22, 0x0102), (65, 0x22, 0)],
)
def test_the_kind_tells_colours_and_restarts(kind: int, sampling: int, restart: int | None) -> None:
    more = b"" if restart is None else struct.pack(">HH", restart, 0xFFFF)
    segments, rest = taken(payload(kind=kind, more=more))

    assert segments[0xC0][0][7] == sampling
    assert segments.get(0xDD, []) == ([struct.pack(">H", restart)] if restart else [])
    assert rest == SCAN + b"\xff\xd9"


@pytest.mark.parametrize(
    ("quality", "luma", "last"),
    [
        (1, [255, 255, 255], 255),
        (10, [80, 55, 60], 255),
        (25, [32, 22, 24], 198),
        (49, [16, 11, 12], 101),
        (50, [16, 11, 12], 99),
        (51, [16, 11, 12], 97),
        (75, [8, 6, 6], 50),
        (90, [3, 2, 2], 20),
        (99, [1, 1, 1], 2),
    ],
)
def test_tables_by_number(quality: int, luma: list[int], last: int) -> None:
    first, second = taken(payload(quality=quality))[0][0xDB]

    assert list(first[1:4]) == luma
    assert second[-1] == last


@pytest.mark.parametrize("quality", [128, 200, 255])
def test_tables_that_are_sent_hold_for_later_pictures_of_their_number(quality: int) -> None:
    picture, other = JpegPicture(), TABLES[::-1]
    for more, tables in ((sent(), TABLES), (sent(b""), TABLES), (sent(other), other), (sent(b""), other)):
        pieces = payload(quality=quality, more=more), payload(b"2", at=len(SCAN), quality=quality)
        segments, rest = taken(*pieces, picture=picture)
        assert segments[0xDB] == [b"\0" + tables[:64], b"\1" + tables[64:]]
        assert rest == SCAN + b"2\xff\xd9"
    assert not picture.add(payload(quality=129 if quality == 128 else quality - 1, more=sent(b"")))


def test_tables_and_restarts_in_one_packet() -> None:
    segments, rest = taken(payload(kind=64, quality=130, more=struct.pack(">HH", 7, 0xFFFF) + sent()))

    assert segments[0xDB] == [b"\0" + TABLES[:64], b"\1" + TABLES[64:]]
    assert segments[0xDD] == [b"\0\7"]
    assert rest == SCAN + b"\xff\xd9"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        payload(b""),
        payload(kind=2),
        payload(kind=63),
        payload(kind=66, more=bytes(4)),
        payload(kind=127, more=bytes(4)),
        payload(kind=128),
        payload(kind=255),
        payload(width=0),
        payload(height=0),
        payload(quality=0),
        payload(quality=100),
        payload(quality=127),
        payload(quality=255, more=sent(b"")),
        payload(quality=255, more=sent(TABLES[:64])),
        payload(quality=255, more=sent(TABLES + TABLES)),
        payload(quality=255, more=sent(TABLES * 3)),
        payload(quality=255, more=sent(precision=1)),
        payload(b"", quality=255, more=sent(TABLES[:100], length=128)),
        payload(at=1),
    ],
)
def test_what_cannot_be_read_is_no_part_of_a_picture(broken: bytes) -> None:
    picture = JpegPicture()

    assert not picture.add(broken)
    assert not picture.shown
    assert picture.take() is None


def test_a_byte_is_enough() -> None:
    assert taken(payload(b"x", width=1, height=1))[1] == b"x\xff\xd9"
    assert taken(payload(b"x", width=255, height=255))[0][0xC0][0][1:5] == struct.pack(">HH", 2040, 2040)


@pytest.mark.parametrize(("at", "late"), [(0, False), (1, True), (256, True), (65536, True), (7 << 24, False)])
def test_a_later_part_is_told_by_its_offset(at: int, late: bool) -> None:
    assert JpegPicture().begins_late(payload(at=at)) is late
