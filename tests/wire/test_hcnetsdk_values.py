"""What is read the same way in all structures of the vendor's library (hcnetsdk.md 7.1, 7.6, 10)."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from hik_thermal_plugin.wire.hcnetsdk import (
    celsius,
    corners,
    device_time,
    kelvins,
    outline,
    place,
    sent,
    words,
    zone_ahead,
)

ZONE = timezone(timedelta(hours=8))


def single(value: float) -> float:
    """Return a number as a 32-bit float holds it."""
    (found,) = struct.unpack("f", struct.pack("f", value))
    return float(found)


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"kiln door\0\0\0", 0, "kiln door"),
        (b"kiln\0old\0name", 0, "kiln"),
        (b"no end", 0, "no end"),
        (b"\0kiln", 0, None),
        (b"", 0, None),
        (b"  \t ", 0, None),
        (b" a\x01\x1bb ", 0, "ab"),
        ("Tür".encode(), 0, "Tür"),
        ("Tür".encode(), 3, "Tür"),
        ("Tür".encode(), 1, "T眉r"),
        ("Tür".encode(), 2, "T眉r"),
        ("窑门".encode("gbk"), 0, "窑门"),
        ("窑门".encode("gbk"), 1, "窑门"),
        ("€".encode(), 1, "€"),
        (b"a\xff\xff", 0, "a\ufffd\ufffd"),
        (b"a\xff\xff", 2, "a\ufffd\ufffd"),
    ],
)
def test_texts(data: bytes, encoding: int, text: str | None) -> None:
    assert words(data, encoding) == text
    assert encoding or words(data) == text


def packed(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    return (year - 2000) << 26 | month << 22 | day << 17 | hour << 12 | minute << 6 | second


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (packed(2026, 3, 1, 12, 30, 15), datetime(2026, 3, 1, 12, 30, 15, tzinfo=ZONE)),
        (packed(2063, 12, 31, 23, 59, 59), datetime(2063, 12, 31, 23, 59, 59, tzinfo=ZONE)),
        (packed(2026, 6, 30, 23, 59, 60), datetime(2026, 6, 30, 23, 59, 59, tzinfo=ZONE)),
        (packed(2000, 1, 1, 0, 0, 0), datetime(2000, 1, 1, tzinfo=ZONE)),
        (packed(2026, 2, 29, 0, 0, 0), datetime.fromtimestamp(packed(2026, 2, 29, 0, 0, 0), UTC)),
        (1_772_000_000 | 63, datetime(2026, 2, 25, 6, 14, 23, tzinfo=UTC)),
        (946_684_800 - 1, None),
        (0, None),
        (1, None),
        (0xFFFFFFFF, None),
    ],
)
def test_times(value: int, at: datetime | None) -> None:
    assert device_time(value, ZONE) == at
    assert device_time(value, None) == (None if at is None or at.tzinfo is ZONE else at)


@pytest.mark.parametrize(
    ("hours", "minutes", "ahead"),
    [(8, 0, 480), (-3, -30, -210), (0, 0, 0), (23, 59, 1439), (-23, -59, -1439), (24, 0, None), (-24, 0, None), (23, 60, None), (127, 0, None)],
)  # fmt: skip
def test_zones(hours: int, minutes: int, ahead: int | None) -> None:
    zone = zone_ahead(hours, minutes)

    assert (zone and zone.utcoffset(None)) == (None if ahead is None else timedelta(minutes=ahead))


@pytest.mark.parametrize(
    ("value", "is_sent"),
    [(20.5, True), (-99.9, True), (-100.5, True), (0.0, True), (-100.0, False), (999_999.0, True), (1e6, False), (-1e6, False)]
    + [(value, False) for value in (math.nan, math.inf, -math.inf)],
)  # fmt: skip
def test_what_was_not_sent_is_none(value: float, is_sent: bool) -> None:
    assert sent(value) is is_sent
    assert (celsius(value, "celsius") is not None) is is_sent
    assert (kelvins(value, "celsius") is not None) is is_sent
    assert celsius(value, None) is None
    assert kelvins(value, None) is None


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        (36.6, 36.6),
        (0.1234, 0.1234),
        (-20.3, -20.3),
        (500.1, 500.1),
        (-999.9, -999.9),
        (1000.1239, 1000.12),
        (1234.56, 1234.56),
        (-1500.006, -1500.01),
    ],
)
def test_what_a_short_float_adds_is_taken_off(value: float, digits: float) -> None:
    assert celsius(single(value), "celsius") == digits
    assert kelvins(single(value), "kelvin") == digits


def test_units() -> None:
    assert celsius(single(212.0), "fahrenheit") == 100.0
    assert celsius(single(273.15), "kelvin") == 0.0
    assert kelvins(single(18.0), "fahrenheit") == 10.0


def at(x: float, y: float) -> SimpleNamespace:
    return SimpleNamespace(fX=x, fY=y)


def test_places() -> None:
    assert place(at(single(0.3), 0.1234567)) == (0.3, 0.123457)
    assert place(at(math.nan, 0.5)) is None
    assert place(at(0.5, math.inf)) is None
    many = [at(index / 10, 0.5) for index in range(10)]
    for count in (0, 3, 10, 11, 4_000_000_000):
        polygon = SimpleNamespace(dwPointNum=count, struPos=many)
        assert outline(polygon) == tuple((index / 10, 0.5) for index in range(min(count, 10)))
    assert outline(SimpleNamespace(dwPointNum=3, struPos=[at(0, 0), at(math.nan, 0), at(1, 1)])) == ((0, 0), (1, 1))


@pytest.mark.parametrize(
    ("rectangle", "found"),
    [
        ((0.1, 0.2, 0.3, 0.4), ((0.1, 0.2), (0.4, 0.2), (0.4, 0.6), (0.1, 0.6))),
        ((0.1, 0.2, 0.0, 0.4), ((0.1, 0.2), (0.1, 0.2), (0.1, 0.6), (0.1, 0.6))),
        ((0.1, 0.2, 0.3, 0.0), ((0.1, 0.2), (0.4, 0.2), (0.4, 0.2), (0.1, 0.2))),
        ((0.1, 0.2, 0.0, 0.0), ()),
        ((math.nan, 0.2, 0.3, 0.4), ()),
        ((0.1, 0.2, math.inf, 0.4), ()),
    ],
)
def test_boxes(rectangle: tuple[float, ...], found: tuple[object, ...]) -> None:
    x, y, width, height = rectangle

    assert corners(SimpleNamespace(fX=x, fY=y, fWidth=width, fHeight=height)) == found
