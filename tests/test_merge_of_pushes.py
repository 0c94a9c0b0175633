"""The same words of a camera over its alert stream and as pushes, in any order and after any time: one life cycle, each picture once."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    AlarmPicture,
    ConnectionChanged,
    ConnectionState,
    Event,
    FireAlarm,
    Source,
    Target,
    TemperatureAlarm,
)

from hik_thermal_plugin.bridge import lifecycle
from hik_thermal_plugin.merge import LifeCycles

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SPOT = Target(region=((0.4, 0.4), (0.5, 0.5)), hottest=(0.45, 0.45), celsius=68.0, id=1)
BOTH: tuple[tuple[Source, Source], ...] = (("alert_stream", "push"), ("push", "alert_stream"))


def fire(source: Source, at: float = 0.0, received: float = 0.0, *spots: Target, **more: Any) -> FireAlarm:
    return FireAlarm(
        camera="kiln",
        channel=2,
        source=source,
        at=T0 + timedelta(seconds=at),
        received_at=T0 + timedelta(seconds=received),
        targets=spots or (SPOT,),
        **more,
    )


def connection(state: ConnectionState) -> ConnectionChanged:
    return ConnectionChanged(camera="kiln", source="alert_stream", state=state)


def picture(alarm: Alarm) -> AlarmPicture:
    return AlarmPicture(
        camera="kiln", source=alarm.source, at=alarm.at, received_at=alarm.received_at, alarm_id=alarm.id, data=b"\xff"
    )


def phase(event: Event | None) -> str | None:
    return event.phase if isinstance(event, Alarm) else None


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_the_second_word_is_a_repeat_while_it_lasts_and_nothing_when_it_is_over(first: Source, second: Source) -> None:
    cycles = LifeCycles()
    assert phase(cycles.place(fire(first))) == "start"
    assert phase(cycles.place(fire(second, received=1))) == "repeat"
    assert phase(cycles.place(fire(first, 20, 20))) == "start"
    assert cycles.place(fire(second, 20, 40)) is None, "sent again for 20 seconds, and over since 10"
    assert phase(cycles.place(fire(second, 41, 41))) == "start", "this one is new"


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_after_the_devices_word_the_old_alarm_does_not_begin_anew(first: Source, second: Source) -> None:
    cycles = LifeCycles()
    cycles.place(fire(first))
    assert phase(cycles.place(fire(first, 3, 3, phase="end"))) == "end"
    assert cycles.place(fire(second, 0, 4)) is None
    assert cycles.place(fire(second, 3, 5, phase="end")) is None


@pytest.mark.parametrize(
    "other",
    [
        fire("push", 0, 30, replace(SPOT, id=2)),
        fire("push", 0, 30, replace(SPOT, celsius=300.0)),
        fire("push", 1, 30),
        fire("push", 0, 400),
        replace(fire("push", 0, 30), at=None),
        replace(fire("push", 0, 30), channel=1),
    ],
)
def test_another_alarm_is_never_swallowed(other: FireAlarm) -> None:
    cycles = LifeCycles()
    cycles.place(fire("alert_stream"))
    assert phase(cycles.place(other)) == "start"


def test_a_higher_level_is_never_swallowed() -> None:
    cycles = LifeCycles()

    def told(source: Source, level: Any, received: float) -> TemperatureAlarm:
        at = T0 + timedelta(seconds=received)
        return TemperatureAlarm(camera="kiln", channel=2, source=source, rule=1, level=level, at=T0, received_at=at)

    assert phase(cycles.place(told("alert_stream", "pre_alarm", 0))) == "start"
    assert phase(cycles.place(told("push", "alarm", 20))) == "start"


def test_what_the_alert_stream_alone_says_again_goes_on_as_before() -> None:
    cycles = LifeCycles()
    cycles.place(fire("alert_stream"))
    assert phase(cycles.place(fire("alert_stream", 0, 30))) == "start"


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_each_picture_comes_once_however_the_sources_mix(first: Source, second: Source) -> None:
    cycles = LifeCycles()
    one, other = fire(first), fire(second, received=0.1)
    start = cycles.place(one)
    cycles.place(other)
    told = [cycles.place(picture(alarm)) for alarm in (one, other, other, one)]
    assert [found is not None for found in told] == [True, False, True, False], (
        "two pictures, each from whoever had it first"
    )
    assert isinstance(start, Alarm)
    assert {found.alarm_id for found in told if isinstance(found, AlarmPicture)} == {start.alarm_id}


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_a_picture_that_only_one_source_has_comes_whatever_the_other_has_sent(first: Source, second: Source) -> None:
    cycles = LifeCycles()
    one, other = fire(first), fire(second, received=0.1)
    cycles.place(one)
    cycles.place(other)
    sent = [
        replace(picture(one), view="thermal"),
        replace(picture(other), view="visible"),
        replace(picture(other), view="thermal"),
    ]
    told = [cycles.place(event) for event in sent]
    assert [found is not None for found in told] == [True, True, False]


def test_pictures_of_a_later_word_are_its_own() -> None:
    cycles = LifeCycles()
    one, later = fire("alert_stream"), fire("push", 5, 5)
    cycles.place(one)
    cycles.place(later)
    assert cycles.place(picture(one)) is not None
    assert cycles.place(picture(later)) is not None


def test_on_mqtt_it_starts_once() -> None:
    for first, second in BOTH:
        cycles, bridge = LifeCycles(), lifecycle.LifeCycles("kiln", 10.0)
        for source in BOTH[0]:
            bridge.connection(source, online=source != "push", now=0.0, wall=T0)
        cycles.place(connection("online"))
        told: list[str] = []
        for number, alarm in enumerate((fire(first), fire(second, 0, 1), fire(first, 1, 2), fire(second, 1, 3))):
            placed = cycles.place(alarm)
            assert isinstance(placed, Alarm)
            told += [event["phase"] for event in bridge.take(placed, float(number)).events]
        assert told == ["start"]
        assert cycles.place(fire("push", 1, 60)) is None


def test_a_push_that_is_said_again_and_again_is_an_alarm_that_goes_on() -> None:
    """A camera that only pushes, repeats every 30 s, and names the time the alarm began."""
    cycles, bridge = LifeCycles(), lifecycle.LifeCycles("kiln", 10.0)
    bridge.connection("push", online=False, now=0.0, wall=T0)
    first = cycles.place(fire("push"))
    assert isinstance(first, Alarm)
    told = [event["phase"] for event in bridge.take(first, 0.0).events]
    for received in range(30, 600, 30):
        (_, _, level), *_ = bridge.tick(received - 10.0, T0).alarms
        assert level["active"] is None, "nobody can tell between two pushes"
        again = cycles.place(fire("push", 0, received))
        assert isinstance(again, Alarm)
        assert (again.phase, again.alarm_id) == ("repeat", first.alarm_id)
        outcome = bridge.take(again, float(received))
        told += [event["phase"] for event in outcome.events]
        assert outcome.alarms[-1][2]["active"] is True
    assert told == ["start"]


def test_a_push_that_was_over_does_not_begin_anew() -> None:
    cycles = LifeCycles()
    cycles.place(fire("push"))
    cycles.place(fire("push", 5, 5, phase="end"))
    assert cycles.place(fire("push", 0, 20)) is None, "sent again, for its answer was lost"
    assert cycles.place(fire("push", 5, 21, phase="end")) is None
    assert phase(cycles.place(fire("push", 30, 30))) == "start"


def test_with_the_alarm_stream_lost_pushes_tell_what_goes_on() -> None:
    cycles = LifeCycles()
    cycles.place(connection("online"))
    start = cycles.place(fire("alert_stream"))
    assert isinstance(start, Alarm)
    assert phase(cycles.place(fire("push", 0, 1))) == "repeat"
    assert cycles.place(fire("push", 0, 30)) is None, "the alarm stream is there, and says it no more"
    cycles.place(connection("offline"))
    again = cycles.place(fire("push", 0, 60))
    assert isinstance(again, Alarm)
    assert (again.phase, again.alarm_id) == ("repeat", start.alarm_id)


def test_a_push_that_nobody_took_is_no_echo_of_itself() -> None:
    cycles = LifeCycles()
    assert phase(cycles.place(fire("push"))) == "start"  # every queue was full, and it was answered 503
    assert isinstance(cycles.place(fire("push", 0, 60)), Alarm)


def test_of_a_long_life_only_the_last_minutes_are_remembered() -> None:
    cycles = LifeCycles()
    held = []
    tracemalloc.start()
    try:
        for minute in range(300):
            alarm = fire("alert_stream", minute * 60, minute * 60)
            cycles.place(alarm)
            cycles.place(picture(alarm))
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[299] - held[20] < 30_000, "less than a word and a picture of each"


def test_a_crowd_is_not_remembered_whole() -> None:
    cycles = LifeCycles()
    crowd = [fire("push", number / 100) for number in range(300)]
    for alarm in crowd:
        cycles.place(alarm)
    cycles.place(fire("push", 3, 0.5, phase="end"))
    assert cycles.place(replace(crowd[299], source="alert_stream")) is None, "its life cycle is over"
    assert phase(cycles.place(replace(crowd[0], source="alert_stream"))) == "start", "the oldest went first"
