"""Arming schedules: the times of the week at which a device tells an event."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.schedules import parse_schedules

OFFICE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Schedule version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<id>thermometry-2</id><eventType>thermometry</eventType><videoInputChannelID>2</videoInputChannelID>
<TimeBlockList size="8">
<TimeBlock><dayOfWeek>1</dayOfWeek><TimeRange><beginTime>08:00:00</beginTime><endTime>12:30:00</endTime></TimeRange></TimeBlock>
<TimeBlock><dayOfWeek>1</dayOfWeek><TimeRange><beginTime>13:00</beginTime><endTime>24:00</endTime></TimeRange></TimeBlock>
</TimeBlockList></Schedule>
"""


@pytest.mark.parametrize(
    ("day", "hour", "minute", "armed"),
    [(2, 8, 0, True), (2, 7, 59, False), (2, 12, 30, False), (2, 23, 59, True), (3, 9, 0, False)],
)
def test_an_event_is_told_within_its_times(day: int, hour: int, minute: int, armed: bool) -> None:
    [schedule] = parse_schedules(OFFICE)

    assert (schedule.id, schedule.event_type, schedule.channel) == ("thermometry-2", "thermometry", 2)
    assert schedule.covers(datetime(2026, 3, day, hour, minute, tzinfo=UTC)) is armed


def test_a_list_of_schedules_and_one_without_times() -> None:
    empty = b"<Schedule><id>fireDetection-2</id><TimeBlockList size='8'/></Schedule>"
    unknown = b"<Schedule><id>x</id></Schedule>"
    found = parse_schedules(b"<ScheduleList>" + empty + unknown + b"</ScheduleList>")

    assert [(schedule.id, schedule.spans) for schedule in found] == [("fireDetection-2", ())]


@pytest.mark.parametrize("words", ["<beginTime>8</beginTime>", "<beginTime>25:99</beginTime>", "<beginTime/>"])
def test_times_that_make_no_sense_are_left_out(words: str) -> None:
    [schedule] = parse_schedules(OFFICE.replace(b"<beginTime>08:00:00</beginTime>", words.encode()))

    assert schedule.spans == ((1, 780, 1440),)


def test_another_document_is_no_schedule() -> None:
    with pytest.raises(BadAnswer, match="ResponseStatus where schedules were expected"):
        parse_schedules(b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>")


def block(day: object, begin: str, end: str) -> str:
    times = f"<TimeRange><beginTime>{begin}</beginTime><endTime>{end}</endTime></TimeRange>"
    return f"<TimeBlock><dayOfWeek>{day}</dayOfWeek>{times}</TimeBlock>"


@pytest.mark.parametrize(
    ("begin", "end", "spans"),
    [
        ("00:00", "24:00", ((7, 0, 1440),)),
        ("0:01", "9:09:59", ((7, 1, 549),)),
        ("00:00", "24:01", ()),
        ("08:00", "08:00", ()),
        ("08:01", "08:00", ()),
        ("08:00", "08:01", ((7, 480, 481),)),
        ("8", "9", ()),
    ],
)
def test_spans_to_the_minute(begin: str, end: str, spans: tuple[tuple[int, int, int], ...]) -> None:
    text = f"<Schedule><TimeBlockList>{block(7, begin, end)}{block('', begin, end)}</TimeBlockList></Schedule>"
    (schedule,) = parse_schedules(text.encode())

    assert (schedule.id, schedule.event_type, schedule.channel, schedule.spans) == ("", "", None, spans)
    if spans:
        (_, first, last) = spans[0]
        at = [datetime(2026, 3, 1, minute // 60, minute % 60, tzinfo=UTC) for minute in (first, last - 1)]
        assert all(schedule.covers(moment) for moment in at)
        assert not schedule.covers(at[0].replace(day=2))


def test_lists_of_both_names_and_both_channels() -> None:
    times = f"<TimeBlockList>{block(1, '01:00', '02:00')}</TimeBlockList>"
    named = "<videoInputChannelID>3</videoInputChannelID><dynVideoInputChannelID>4</dynVideoInputChannelID>"
    text = (
        f"<EventScheduleList><EventSchedule>{named}{times}</EventSchedule><EventSchedule>"
        f"<dynVideoInputChannelID>4</dynVideoInputChannelID>{times}</EventSchedule><EventSchedule/></EventScheduleList>"
    )

    assert [(found.channel, found.spans) for found in parse_schedules(text.encode())] == [
        (3, ((1, 60, 120),)),
        (4, ((1, 60, 120),)),
    ]
    assert parse_schedules(b"<EventScheduleList/>") == ()
