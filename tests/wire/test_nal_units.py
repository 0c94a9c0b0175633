"""Units out of payloads, bit by bit (RFC 6184 5.2-5.8, RFC 7798 4.4, H.264 table 7-1, H.265 table 7-1)."""

from __future__ import annotations

from typing import Literal

import pytest

from hik_thermal_plugin.wire.nal_units import NalPicture
from hik_thermal_plugin.wire.video import START_CODE

Codec = Literal["h264", "hevc"]

SPS, PPS = bytes.fromhex("674d002831e52c0a00f2407682211216"), b"\x68\xce\x3c\x80"
"""Main profile; three pictures may be reordered."""
SILENT_SPS = bytes.fromhex("674d002831e52c0a00f220")
"""The same without a word about the order."""
KEY, P = b"\x65\x88key", b"\x41\x9apicture"
VPS, HEVC_SPS, HEVC_PPS = (
    b"\x40\x01\x0c\x01",
    bytes.fromhex("42015101ffffffff00000300000300005d6800f0000438514526"),
    b"\x44\x01\xc1",
)


def picture(codec: Codec, *payloads: bytes, headers: tuple[bytes, ...] = ()) -> NalPicture:
    made = NalPicture(codec, headers)
    for payload in payloads:
        assert made.add(payload), payload
    return made


def units(made: NalPicture) -> list[bytes]:
    found = made.take()
    assert found is not None
    assert found[0].startswith(START_CODE)
    return found[0].split(START_CODE)[1:]


def hevc(kind: int, rest: bytes = b"\x01\x80data") -> bytes:
    return bytes([kind << 1]) + rest


@pytest.mark.parametrize("kind", range(32))
def test_kinds_of_h264(kind: int) -> None:
    made = NalPicture("h264")

    assert made.add(bytes([0x60 | kind]) + b"\x88\x00") is (1 <= kind <= 24 or kind == 28)
    assert made.shown is (1 <= kind <= 5 or kind == 28)
    assert made.unfinished is (kind == 28)
    found = made.take()
    assert (found is not None) is (1 <= kind <= 5)
    assert found is None or found[1] is (kind == 5)


@pytest.mark.parametrize("kind", range(64))
def test_kinds_of_hevc(kind: int) -> None:
    made = NalPicture("hevc")
    fragment, several = b"\x01\x81\x80", b"\x01\x00\x03\x02\x01\x80"

    assert made.add(hevc(kind, {49: fragment, 48: several}.get(kind, b"\x01\x80"))) is (kind < 50)
    assert made.shown is (kind < 32 or kind in (48, 49))
    assert made.unfinished is (kind == 49)
    found = made.take()
    assert (found is not None) is (kind < 32 or kind == 48)
    assert found is None or found[1] is (16 <= kind <= 21)


def test_a_payload_without_anything_harms_nothing() -> None:
    assert units(picture("h264", b"", KEY, b"")) == [KEY]
    assert units(picture("hevc", b"", hevc(19), b"")) == [hevc(19)]
    assert not NalPicture("hevc").add(b"\x26\x01")
    assert units(picture("hevc", b"\x26\x01\x80")) == [b"\x26\x01\x80"]


@pytest.mark.parametrize("unit", [b"\x65\x88abcdef", b"\x41\x9aabcdef", b"\x05\x88abcdef", b"\xe1\x9aabcdef"])
def test_fragments_of_h264(unit: bytes) -> None:
    indicator = unit[0] & 0xE0 | 28
    kind = unit[0] & 31
    made = picture("h264", bytes([indicator, 0x80 | kind]) + unit[1:3])
    assert (made.shown, made.unfinished) == (True, True)
    assert made.add(bytes([indicator, kind]) + unit[3:4])
    assert made.add(bytes([indicator, 0x40 | kind]) + unit[4:])
    assert (made.shown, made.unfinished, made.size) == (True, False, len(unit) - 1 + 6)
    assert units(made) == [unit]
    assert (made.shown, made.unfinished, made.size) == (False, False, 0)


@pytest.mark.parametrize(
    "unit", [b"\x26\x01\x80abcdef", b"\x02\x03\x80abcdef", b"\xa7\xff\x80abcdef", b"\x00\x01\x80abc"]
)
def test_fragments_of_hevc(unit: bytes) -> None:
    head = bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
    kind = unit[0] >> 1 & 63
    made = picture(
        "hevc",
        head + bytes([0x80 | kind]) + unit[2:3],
        head + bytes([kind]) + unit[3:4],
        head + bytes([0x40 | kind]) + unit[4:],
    )

    assert units(made) == [unit]


def test_fragments_that_do_not_fit_are_refused() -> None:
    start, middle, end = b"\x7c\x85\x88ab", b"\x7c\x05cd", b"\x7c\x45ef"
    for wrong in (
        (middle,),
        (end,),
        (start, start),
        (start, middle, start),
        (start, KEY),
        (b"\x7c\x85",),
        (start, end, end),
    ):
        made = NalPicture("h264")
        assert [made.add(payload) for payload in wrong] == [True] * (len(wrong) - 1) + [False], wrong
    assert units(picture("h264", start, end, P)) == [b"\x65\x88abef", P]
    assert units(picture("h264", b"\x7c\x85\x88", b"\x7c\x45x")) == [b"\x65\x88x"]
    made = NalPicture("h264")
    assert [made.add(payload) for payload in (start, P, P)] == [True, False, True]
    assert not made.unfinished
    made = picture("h264", KEY, start)
    assert made.take() is None, "a part of it is missing"
    assert units(picture("h264", KEY)) == [KEY]


def aggregated(*items: bytes) -> bytes:
    return b"".join(len(item).to_bytes(2, "big") + item for item in items)


def test_several_units_in_one_payload() -> None:
    long = b"\x41\x9a" + bytes([1]) * 300

    assert units(picture("h264", b"\x78" + aggregated(SPS, PPS, KEY, long))) == [SPS, PPS, KEY, long]
    assert units(picture("h264", b"\x78" + aggregated(KEY, b"\x09"))) == [KEY, b"\x09"]
    assert units(picture("hevc", b"\x60\x01" + aggregated(VPS, HEVC_SPS, hevc(19)))) == [VPS, HEVC_SPS, hevc(19)]
    assert units(picture("hevc", b"\x60\x01" + aggregated(hevc(19), b"\x46\x01"))) == [hevc(19), b"\x46\x01"]
    assert units(picture("h264", b"\x78" + aggregated(KEY) + b"\0")) == [KEY], "padding"


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("h264", b"\x78" + aggregated(KEY)[:-1]),
        ("h264", b"\x78" + aggregated(KEY, b"", P)),
        ("h264", b"\x78" + aggregated(KEY) + b"\x09\x00\x41"),
        ("hevc", b"\x60\x01" + aggregated(hevc(19))[:-1]),
        ("hevc", b"\x60\x01" + aggregated(hevc(19), b"\x46", hevc(1))),
    ],
)
def test_lengths_that_lie_are_refused(codec: Codec, payload: bytes) -> None:
    assert not NalPicture(codec).add(payload)


def test_a_unit_amid_a_fragment_is_refused_in_whatever_it_comes() -> None:
    made = picture("h264", b"\x7c\x85\x88ab")
    assert not made.add(b"\x78" + aggregated(PPS, P))
    assert not made.unfinished


FIRST, LATER = b"\x88", b"\x48"


@pytest.mark.parametrize(
    ("codec", "payload", "late"),
    [
        *(("h264", bytes([0x60 | kind]) + LATER + b"x", 1 <= kind <= 5) for kind in range(24)),
        *(("h264", bytes([0x60 | kind]) + FIRST + b"x", False) for kind in range(24)),
        ("h264", b"\x61\x01x", True),
        ("h264", b"\x61\x7fx", True),
        ("h264", b"\x61\x80x", False),
        ("h264", b"\x61\x48", True),
        ("h264", b"\x61\x88", False),
        ("h264", b"\x7c\x85", False),
        ("h264", b"\x7c\x05", True),
        ("h264", b"\x61", False),
        ("h264", b"", False),
        *(("h264", b"\x7c" + bytes([0x80 | kind]) + LATER, 1 <= kind <= 5) for kind in range(24)),
        *(("h264", b"\x7c" + bytes([0x80 | kind]) + FIRST, False) for kind in range(24)),
        *(("h264", b"\x7c" + bytes([kind]) + first, True) for kind in (0x05, 0x45, 0x01, 0x07) for first in (FIRST, LATER)),
        ("h264", b"\x78\x00\x05\x61\x48xyz", False),
        *(("hevc", bytes([kind << 1, 1]) + LATER + b"x", kind < 32) for kind in (0, 1, 19, 21, 31, 32, 33, 35, 39)),
        *(("hevc", bytes([kind << 1, 1]) + FIRST + b"x", False) for kind in (0, 1, 19, 21, 31, 32, 33, 35, 39)),
        ("hevc", b"\x02\x01\x01x", True),
        ("hevc", b"\x02\x01\x48", True),
        ("hevc", b"\x02\x01\x88", False),
        ("hevc", b"\x02\x01", False),
        ("hevc", b"\x62\x01\x81", False),
        ("hevc", b"\x62\x01\x01", True),
        ("hevc", b"\x02\x80", False),
        *(("hevc", b"\x62\x01" + bytes([0x80 | kind]) + LATER, kind < 32) for kind in (0, 1, 19, 31, 32, 39)),
        *(("hevc", b"\x62\x01" + bytes([0x80 | kind]) + FIRST, False) for kind in (0, 1, 19, 31, 32, 39)),
        *(("hevc", b"\x62\x01" + bytes([kind]) + FIRST, True) for kind in (0x01, 0x41, 0x13, 0x21)),
        ("hevc", b"\x60\x01\x00\x06\x02\x01\x48xyz", False),
    ],
)  # fmt: skip
def test_a_later_slice_is_told_by_its_first_bit(codec: Codec, payload: bytes, late: bool) -> None:
    assert NalPicture(codec).begins_late(payload) is late


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_parameter_sets_stand_before_every_key_picture(codec: Codec) -> None:
    sets, key, other = ((SPS, PPS), KEY, P) if codec == "h264" else ((VPS, HEVC_SPS, HEVC_PPS), hevc(19), hevc(1))
    told = START_CODE + START_CODE.join(sets)
    made = NalPicture(codec, (b"", b"\x06\x01sei", *sets) if codec == "h264" else (b"", b"\x4e\x01sei", *sets))

    for payloads, expected in (
        ([key], (told + START_CODE + key, True, told, 3)),
        ([other], (START_CODE + other, False, b"", 3)),
        ([*sets, key], (told + START_CODE + key, True, told, 3)),
        ([sets[-1], key], (START_CODE + sets[-1] + START_CODE + key, True, told, 3)),
        ([other, key], (told + START_CODE + other + START_CODE + key, True, told, 3)),
    ):
        for payload in payloads:
            assert made.add(payload)
        assert made.take() == expected


def test_parameter_sets_that_change_hold_from_their_picture_on() -> None:
    other = bytes.fromhex("6742002831e52c0a00f2407682211216")
    made = picture("h264", other, PPS, KEY, headers=(SPS, PPS))
    assert made.take() == (
        START_CODE + START_CODE.join((other, PPS, KEY)),
        True,
        START_CODE + other + START_CODE + PPS,
        0,
    )
    assert made.add(SPS)
    assert made.add(PPS)
    assert not made.shown
    assert made.take() is None, "sets that come alone"
    assert made.add(P)
    assert made.take() == (START_CODE + P, False, b"", 3)
    assert all([made.add(b"\x67\x4d"), made.add(PPS), made.add(KEY)])
    found = made.take()
    assert found is not None
    assert found[3] is None, "one that cannot be read says nothing"


@pytest.mark.parametrize(
    ("slices", "reordered"),
    [
        ([b"\x41\xe0"], None),
        ([b"\x41\x9ax"], None),
        ([b"\x01\xa0"], 2),
        ([b"\x01\xafx"], 2),
        ([b"\x01\x9c"], 2),
        ([b"\x01\x9fx"], 2),
        ([b"\x41\x98"], None),
        ([b"\x41\xb0"], None),
        ([b"\x41\x90"], None),
        ([b"\x06\xa0", b"\x41\x9a"], None),
        ([b"\x06\x9a", b"\x01\xa0"], 2),
        ([b"\x01", b"\x01\xa0"], 2),
        ([b"\x41\x9a", b"\x01\xa0"], None),
    ],
)
def test_a_slice_tells_whether_it_stands_between_two_others(slices: list[bytes], reordered: int | None) -> None:
    assert picture("h264", *slices, headers=(SILENT_SPS, PPS)).take() == (
        START_CODE + START_CODE.join(slices),
        False,
        b"",
        reordered,
    )
    assert picture("hevc", hevc(1, b"\x01\xa0x")).take() == (START_CODE + hevc(1, b"\x01\xa0x"), False, b"", None)


def test_what_is_thrown_away_is_gone() -> None:
    made = picture("h264", KEY, b"\x7c\x85\x88ab")
    made.clear()

    assert (made.shown, made.unfinished, made.size, made.take()) == (False, False, 0, None)
    assert made.add(P)
    assert made.take() == (START_CODE + P, False, b"", None)
