"""Times and time zones as devices write them (isapi.md 1.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import rfc3339

from hik_thermal_plugin.wire.times import read_time, read_zone


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("2023-12-27T18:07:58+08:00", "2023-12-27T10:07:58.000Z"),
        ("2016-12-24T18:59:49-8:00", "2016-12-25T02:59:49.000Z"),
        ("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04t05:06:07z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04T05:06:07.5Z", "2026-03-04T05:06:07.500Z"),
        ("2026-03-04T05:06:07,123456789+01:00", "2026-03-04T04:06:07.123Z"),
        ("2026-03-04 05:06:07+0530", "2026-03-03T23:36:07.000Z"),
        ("2026-3-4T5:6:7+5", "2026-03-04T00:06:07.000Z"),
        ("2026-3-4T5:6:7+530", "2026-03-03T23:36:07.000Z"),
        ("20260304T050607Z", "2026-03-04T05:06:07.000Z"),
        ("2026-03-04T05:06Z", "2026-03-04T05:06:00.000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ("2017-01-01T07:59:60.250+08:00", "2016-12-31T23:59:59.250Z"),
        ("20161231T235960Z", "2016-12-31T23:59:59.000Z"),
        (" 2026-03-04T05:06:07Z\n", "2026-03-04T05:06:07.000Z"),
        ("1970-01-01T00:00:00+08:00", "1969-12-31T16:00:00.000Z"),
    ],
)
def test_times(word: str, wanted: str) -> None:
    assert rfc3339(read_time(word)) == wanted


@pytest.mark.parametrize(
    "word",
    [
        "",
        "now",
        "2026-03-04",
        "2026-13-04T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-04T25:00:00Z",
        "2026-03-04T05:06:61Z",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-08:00",
        "2026-03-04T05:06:07+99:00",
    ],
)
def test_nonsense_is_no_time(word: str) -> None:
    assert read_time(word, UTC) is None


def test_without_an_offset_the_zone_decides() -> None:
    assert read_time("2026-03-04T05:06:07") is None
    zone = timezone(timedelta(hours=-8))
    assert read_time("2026-03-04T05:06:07", zone) == datetime(2026, 3, 4, 5, 6, 7, tzinfo=zone)
    assert read_time("2026-03-04T05:06:07Z", zone) == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "minutes"),
    [
        ("CST-5:00:00", 300),
        ("CST-05:30:00", 330),
        ("CST+8:00:00", -480),
        ("CST8", -480),
        ("GMT+00:00", 0),
        ("UTC0", 0),
        ("<+03>-3", 180),
    ],
)
def test_the_sign_of_a_zone_is_inverted(word: str, minutes: int) -> None:
    zone = read_zone(word)

    assert zone is not None
    assert zone.utcoffset(datetime(2026, 7, 1)) == timedelta(minutes=minutes)


HIK = "CST-2:00:00DST01:00:00,M3.5.5/02:00:00,M10.5.0/02:00:00"


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        (datetime(2026, 1, 15), 2),
        (datetime(2026, 3, 27, 1, 59), 2),  # the last Friday in March
        (datetime(2026, 3, 27, 3, 0), 3),
        (datetime(2026, 7, 15), 3),
        (datetime(2026, 10, 25, 0, 59), 3),
        (datetime(2026, 10, 25, 1, 30, fold=0), 3),
        (datetime(2026, 10, 25, 1, 30, fold=1), 2),
        (datetime(2026, 10, 25, 2, 0), 2),
    ],
)
def test_devices_write_the_amount_of_the_shift(at: datetime, hours: int) -> None:
    zone = read_zone(HIK)

    assert at.replace(tzinfo=zone).utcoffset() == timedelta(hours=hours)
    assert at.replace(tzinfo=zone).tzname() == ("DST" if hours == 3 else "CST")


def test_half_an_hour_of_shift() -> None:
    zone = read_zone("CST-10:30:00DST00:30:00,M10.1.0/02:00:00,M4.1.0/02:00:00")

    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=11)
    assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=10, minutes=30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("CET-1CEST-2,M3.5.0,M10.5.0/3", "Europe/Berlin"),
        ("CET-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00", "Europe/Berlin"),
        ("EST5EDT,M3.2.0,M11.1.0", "America/New_York"),
        ("EST+5:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00", "America/New_York"),
        ("NZST-12NZDT,M9.5.0,M4.1.0/3", "Pacific/Auckland"),
    ],
)
def test_zones_agree_with_the_tables_of_the_world(word: str, name: str) -> None:
    try:
        world = ZoneInfo(name)
    except ZoneInfoNotFoundError:
        pytest.skip("this system has no time zone tables")
    zone = read_zone(word)
    for minute in range(0, 366 * 24 * 60, 29):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        ours, theirs = at.astimezone(zone), at.astimezone(world)
        assert ours.replace(tzinfo=None) == theirs.replace(tzinfo=None)
        assert ours.fold == theirs.fold
        assert ours.utcoffset() == theirs.utcoffset()


@pytest.mark.parametrize(
    "word", ["", "junk!", "CST", "CST-99:00", "CST-5:00:00DST", "CST-5:00:00DST99:00:00,M3.1.0,M4.1.0", "\0"]
)
def test_nonsense_is_no_zone_or_one_without_summer(word: str) -> None:
    zone = read_zone(word)

    assert zone is None or zone.utcoffset(datetime(2026, 7, 1)) == timedelta(hours=5)


@pytest.mark.parametrize("rule", ["M13.1.0,M4.1.0", "M3.0.0,M4.1.0", "M3.1.9,M4.1.0", "J60,J300", "M3.1.0/999,M4.1.0"])
def test_a_rule_that_makes_no_sense_leaves_standard_time(rule: str) -> None:
    zone = read_zone("CST-5:00:00DST01:00:00," + rule)

    assert zone is not None
    assert {datetime(2026, month, 20, tzinfo=zone).utcoffset() for month in range(1, 13)} == {timedelta(hours=5)}


@given(st.text(alphabet="0123456789-+:TZtz., ", max_size=40), st.sampled_from([None, UTC, read_zone(HIK)]))
def test_any_text_is_a_time_that_can_be_written_or_none(word: str, zone: timezone | None) -> None:
    at = read_time(word, zone)

    assert at is None or rfc3339(at)


@given(
    st.text(alphabet="CSTDM0123456789-+:,./<>", max_size=60), st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1))
)
def test_any_text_is_a_zone_that_works_or_none(word: str, at: datetime) -> None:
    zone = read_zone(word)

    if zone is not None:
        moment = at.replace(tzinfo=UTC)
        assert moment.astimezone(zone) == moment
        assert moment.astimezone(zone).astimezone(UTC) == moment
