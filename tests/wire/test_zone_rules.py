"""Daylight rules and odd times at their edges (isapi.md 1.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from hik_thermal_plugin.wire.times import read_time, read_zone

HOUR = timedelta(hours=1)


def offset(word: str, at: datetime) -> timedelta | None:
    zone = read_zone(word)
    assert zone is not None
    return zone.utcoffset(at)


def zone(begin: str, end: str = "M12.1.0") -> tzinfo:
    """Return a zone one hour ahead, two from `begin` on."""
    found = read_zone(f"CST-1:00:00DST01:00:00,{begin},{end}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("M1.1.0", datetime(2026, 1, 4, 2)),
        ("M6.2.6", datetime(2026, 6, 13, 2)),
        ("M6.1.1", datetime(2026, 6, 1, 2)),
        ("M6.5.2", datetime(2026, 6, 30, 2)),
        ("M6.5.3", datetime(2026, 6, 24, 2)),
        ("M6.4.0/0", datetime(2026, 6, 28, 0)),
        ("M6.4.0/03:15:30", datetime(2026, 6, 28, 3, 15, 30)),
        ("M6.4.0/-2", datetime(2026, 6, 27, 22)),
        ("M6.4.0/+4", datetime(2026, 6, 28, 4)),
        ("M6.4.0/168", datetime(2026, 7, 5, 0)),
    ],
)
def test_when_the_clock_changes(rule: str, change: datetime) -> None:
    found = zone(rule)

    assert found.utcoffset(change - timedelta(seconds=1)) == HOUR
    assert found.utcoffset(change) == 2 * HOUR
    moment = (change - HOUR).replace(tzinfo=UTC)
    assert moment.astimezone(found).replace(tzinfo=None) == change + HOUR
    before = (moment - timedelta(seconds=1)).astimezone(found)
    assert (before.replace(tzinfo=None), before.fold, before.dst()) == (change - timedelta(seconds=1), 0, timedelta())


@pytest.mark.parametrize(
    "rule", ["M0.1.0", "M13.1.0", "M6.0.0", "M6.6.0", "M6.1.7", "M6.1.0/168:00:01", "M6.1.0/-169", "6.1.0"]
)
def test_a_rule_out_of_range_leaves_standard_time(rule: str) -> None:
    for found in (zone(rule), zone("M6.1.0", rule)):
        assert {found.utcoffset(datetime(2026, month, 20)) for month in range(1, 13)} == {HOUR}


def test_december_and_the_southern_summer() -> None:
    found = zone("M12.1.0", "M2.1.0")

    at = {month: found.utcoffset(datetime(2026, month, 20)) for month in (1, 2, 6, 11, 12)}
    assert at == {1: 2 * HOUR, 2: HOUR, 6: HOUR, 11: HOUR, 12: 2 * HOUR}
    end = datetime(2026, 2, 1, 0, tzinfo=UTC)  # 02:00 on the clock of summer
    walls = [(end + minutes * timedelta(minutes=1)).astimezone(found) for minutes in (-61, -60, -1, 0, 59, 60)]
    assert [(wall.hour, wall.minute, wall.fold) for wall in walls] == [
        (0, 59, 0),
        (1, 0, 0),
        (1, 59, 0),
        (1, 0, 1),
        (1, 59, 1),
        (2, 0, 0),
    ]
    assert [wall.utcoffset() for wall in walls] == [2 * HOUR] * 3 + [HOUR] * 3


@pytest.mark.parametrize(
    ("word", "winter", "summer"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0", 60, 120),
        ("CET-1CEST-3,M3.5.0,M10.5.0", 60, 180),
        ("CST+8:00:00DST01:00:00,M3.1.0,M11.1.0", -480, -420),
        ("CST-5:45:30DST00:30:00,M3.1.0,M11.1.0", 345.5, 375.5),
        ("CST-5DST-6,M3.1.0,M11.1.0", 300, 360),
        ("<+0330>-3:30<+0430>,M3.1.0,M11.1.0", 210, 270),
        ("CST23:59", -1439, -1439),
        ("CST-23:59", 1439, 1439),
        ("CST-12DST11:59,M3.1.0,M11.1.0", 720, 1439),
        ("CST-12DST12,M3.1.0,M11.1.0", 720, 720),
        ("CST-0DST24,M3.1.0,M11.1.0", 0, 0),
    ],
)
def test_how_far_a_zone_is_ahead(word: str, winter: float, summer: float) -> None:
    assert offset(word, datetime(2026, 1, 15)) == timedelta(minutes=winter)
    assert offset(word, datetime(2026, 7, 15)) == timedelta(minutes=summer)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("CST-5:00:00", ("CST", "CST")),
        ("<+03>-3", ("+03", "+03")),
        ("<A>-1<B>,M3.1.0,M11.1.0", ("A", "B")),
        ("<A>-1<B>,M3.0.0,M11.1.0", ("A", "A")),
        (" CET-1CEST,M3.5.0,M10.5.0\n", ("CET", "CEST")),
    ],
)
def test_what_a_zone_is_called(word: str, names: tuple[str, str]) -> None:
    found = read_zone(word)
    assert found is not None
    assert (found.tzname(datetime(2026, 1, 15)), found.tzname(datetime(2026, 7, 15))) == names
    assert found.utcoffset(None) == found.utcoffset(datetime(2026, 1, 15))


@pytest.mark.parametrize(
    "word", ["CST24", "CST-24:00:00", "CST24DST,M3.1.0,M11.1.0", "CST-23:30DST01:00:00", "C ST5", "CST5 x"]
)
def test_a_day_or_more_is_no_zone(word: str) -> None:
    found = read_zone(word)

    assert found is None or (
        word == "CST-23:30DST01:00:00" and found.utcoffset(None) == timedelta(hours=23, minutes=30)
    )


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("2026-3-4T5:6:7.5Z", datetime(2026, 3, 4, 5, 6, 7, 500_000, UTC)),
        ("2026-3-4T5:6:7.000001Z", datetime(2026, 3, 4, 5, 6, 7, 1, UTC)),
        ("2026-3-4T5:6:7.123456789012Z", datetime(2026, 3, 4, 5, 6, 7, 123_456, UTC)),
        ("2026-3-4T5:6Z", datetime(2026, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-3-4T5:6:59Z", datetime(2026, 3, 4, 5, 6, 59, tzinfo=UTC)),
        ("2026-3-4T5:6:60Z", datetime(2026, 3, 4, 5, 6, 59, tzinfo=UTC)),
        ("2026-3-4T5:6:61Z", None),
        ("2026-3-4T5:6:7z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-3-4T5:6:7+05:45:30", datetime(2026, 3, 3, 23, 20, 37, tzinfo=UTC)),
        ("2026-3-4T5:6:7-5:30", datetime(2026, 3, 4, 10, 36, 7, tzinfo=UTC)),
        ("2026-3-4T5:6:7+24", None),
        ("2026-3-4T5:6:7", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("1900-1-1T0:0:0Z", datetime(1900, 1, 1, tzinfo=UTC)),
        ("1899-12-31T23:59:59Z", None),
        ("9990-12-31T00:00:00Z", datetime(9990, 12, 31, tzinfo=UTC)),
        ("9991-01-01T00:00:00Z", None),
        ("2026-03-04", None),
        ("20260304", None),
        ("20260304T05", datetime(2026, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_to_the_microsecond(word: str, wanted: datetime | None) -> None:
    assert read_time(word, UTC) == wanted
