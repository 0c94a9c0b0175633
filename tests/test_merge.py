"""Life cycles of alarms, and the freshest of several sources of temperatures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    AlarmPicture,
    ConnectionChanged,
    Event,
    FireAlarm,
    MotionAlarm,
    Phase,
    Source,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
)

from hik_thermal_plugin.merge import MOST, FreshestReadings, LifeCycles

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def placed(cycles: LifeCycles, event: Alarm) -> Alarm:
    out = cycles.place(event)
    assert isinstance(out, Alarm)
    return out


def test_first_alarm_starts_and_repeats_keep_its_identifier() -> None:
    cycles = LifeCycles()
    first = placed(cycles, FireAlarm(channel=2, received_at=at(0)))
    again = placed(cycles, FireAlarm(channel=2, received_at=at(1)))
    assert (first.phase, first.alarm_id) == ("start", first.id)
    assert (again.phase, again.alarm_id) == ("repeat", first.id)


def test_pre_alarm_to_alarm_is_a_change_of_level_in_one_life_cycle() -> None:
    cycles = LifeCycles()
    pre = placed(cycles, TemperatureAlarm(channel=2, rule=1, level="pre_alarm", received_at=at(0)))
    alarm = placed(cycles, TemperatureAlarm(channel=2, rule=1, level="alarm", received_at=at(1)))
    assert (alarm.phase, alarm.alarm_id) == ("level", pre.id)


def test_rules_channels_presets_and_kinds_have_life_cycles_of_their_own() -> None:
    cycles = LifeCycles()
    events = [
        TemperatureAlarm(channel=2, rule=1, received_at=at(0)),
        TemperatureAlarm(channel=2, rule=2, received_at=at(0)),
        TemperatureAlarm(channel=2, rule=1, preset=3, received_at=at(0)),
        TemperatureAlarm(channel=1, rule=1, received_at=at(0)),
        TemperatureDifferenceAlarm(channel=2, rule=1, other_rule=2, received_at=at(0)),
        TemperatureDifferenceAlarm(channel=2, rule=1, other_rule=3, received_at=at(0)),
        MotionAlarm(channel=2, received_at=at(0)),
    ]
    assert [placed(cycles, event).phase for event in events] == ["start"] * len(events)


def test_the_devices_word_ends_it_and_the_next_alarm_is_new() -> None:
    cycles = LifeCycles()
    first = placed(cycles, MotionAlarm(channel=1, received_at=at(0)))
    end = placed(cycles, MotionAlarm(channel=1, phase="end", received_at=at(1)))
    new = placed(cycles, MotionAlarm(channel=1, received_at=at(2)))
    assert (end.phase, end.alarm_id) == ("end", first.id)
    assert (new.phase, new.alarm_id) == ("start", new.id)


def test_an_end_without_a_start_is_told_as_an_end_of_its_own() -> None:
    end = MotionAlarm(channel=1, phase="end", received_at=at(0))
    out = placed(LifeCycles(), end)
    assert (out.phase, out.alarm_id) == ("end", end.id)


def test_quiet_longer_than_the_limit_starts_a_new_life_cycle() -> None:
    cycles = LifeCycles(quiet=timedelta(seconds=10))
    first = placed(cycles, FireAlarm(channel=2, received_at=at(0)))
    assert placed(cycles, FireAlarm(channel=2, received_at=at(10))).alarm_id == first.id
    late = placed(cycles, FireAlarm(channel=2, received_at=at(20.5)))
    assert (late.phase, late.alarm_id) == ("start", late.id)


def test_a_picture_belongs_to_the_life_cycle_of_the_alarm_it_followed() -> None:
    cycles = LifeCycles()
    first = placed(cycles, FireAlarm(channel=2, received_at=at(0)))
    repeat = FireAlarm(channel=2, received_at=at(1))
    cycles.place(repeat)
    picture = cycles.place(AlarmPicture(alarm_id=repeat.id))
    assert isinstance(picture, AlarmPicture)
    assert picture.alarm_id == first.id
    stray = AlarmPicture(alarm_id=None)
    assert cycles.place(stray) is stray


def test_other_events_come_back_as_they_are() -> None:
    event = ConnectionChanged(state="offline")
    assert LifeCycles().place(event) is event


def test_open_life_cycles_are_bounded() -> None:
    cycles = LifeCycles()
    first = placed(cycles, TemperatureAlarm(channel=2, rule=0, received_at=at(0)))
    for rule in range(1, MOST + 1):
        cycles.place(TemperatureAlarm(channel=2, rule=rule, received_at=at(0)))
    again = placed(cycles, TemperatureAlarm(channel=2, rule=0, received_at=at(1)))
    assert again.alarm_id != first.id


READINGS = {"realtime": timedelta(seconds=5), "poll": timedelta(seconds=5), "frame": timedelta(seconds=20)}


def freshest() -> FreshestReadings:
    return FreshestReadings(READINGS, retire_after=timedelta(seconds=10))  # type: ignore[arg-type]


def reading(seconds: float, rule: int | None = 1, **more: Any) -> TemperatureReading:
    return TemperatureReading(channel=2, rule=rule, received_at=at(seconds), **more)


def test_a_worse_source_is_told_only_while_the_better_ones_are_silent() -> None:
    merged = freshest()
    told = [
        len(merged.take(reading(seconds, source=source)))  # type: ignore[arg-type]
        for seconds, source in (
            (0, "poll"), (1, "frame"), (2, "realtime"), (3, "poll"), (6.9, "poll"), (7, "poll"), (8, "realtime"), (8.1, "poll"),
            (13.2, "poll"), (15, "frame"), (18.3, "frame"),
        )
    ]  # fmt: skip
    assert told == [1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1]


def test_a_clock_that_is_set_back_does_not_silence_the_next_source() -> None:
    merged = freshest()
    merged.take(reading(7200))
    assert len(merged.take(reading(0, source="poll"))) == 1


def test_readings_that_pass_each_other_count_as_fresh() -> None:
    merged = freshest()
    merged.take(reading(1.01))
    assert merged.take(reading(1.0, source="poll")) == ()


def test_a_rule_that_is_told_no_more_is_retired_while_others_are_told() -> None:
    merged = freshest()
    merged.take(reading(0, 1, rule_name="door", calibration="region", highest_celsius=50.0))
    ended = [event for seconds in range(25) for event in merged.take(reading(seconds, 2)) if event.status == "ended"]
    (gone,) = ended
    assert gone == TemperatureReading(
        channel=2, source="realtime", rule=1, rule_name="door", calibration="region", status="ended"
    )
    assert gone.received_at == at(11)


def test_no_rule_is_retired_while_nothing_is_told_or_another_preset_is_looked_at() -> None:
    merged = freshest()
    merged.take(reading(0, 1, preset=1))
    merged.take(reading(0, 2, preset=1))
    assert [event.status for event in merged.take(reading(3600, 1, preset=1))] == [None]
    merged.take(reading(3600, 2, preset=1))
    told = [event for seconds in range(3600, 3700) for event in merged.take(reading(seconds, 1, preset=2))]
    assert {event.status for event in told} == {None}


@pytest.mark.parametrize("jump", [-86_400, -2, 2, 365 * 86_400])
def test_a_clock_that_is_set_retires_no_rule_that_is_told_and_every_one_that_is_not(jump: int) -> None:
    merged = freshest()
    for seconds in range(20):
        for rule in (1, 2, 3):
            merged.take(reading(seconds + rule / 10, rule))
    ended = []
    for seconds in range(20, 50):
        for rule in (1, 2):
            told = merged.take(reading(jump + seconds + rule / 10, rule))
            ended += [(event.rule, seconds) for event in told if event.status == "ended"]
    [(rule, seconds)] = ended
    assert rule == 3
    assert 28 <= seconds <= 34


def test_a_rule_the_device_has_ended_is_retired_once() -> None:
    merged = freshest()
    merged.take(reading(0, 1))
    assert [event.status for event in merged.take(reading(1, 1, status="ended"))] == ["ended"]
    told = [event for seconds in range(2, 30) for event in merged.take(reading(seconds, 2))]
    assert {event.status for event in told} == {None}


def test_sources_that_name_no_preset_take_that_of_the_rule() -> None:
    merged = freshest()
    merged.take(reading(0, 1, preset=3))
    (told,) = merged.take(reading(6, 1, source="poll"))
    assert told.preset == 3
    merged.take(reading(12, 1, preset=4))
    (told,) = merged.take(reading(18, 1, source="poll"))
    assert told.preset is None


def test_the_rules_kept_are_bounded() -> None:
    merged = freshest()
    for rule in range(MOST + 50):
        merged.take(reading(0, rule))
    told = [event for seconds in (8, 16) for event in merged.take(reading(seconds, 5000))]
    assert sum(event.status == "ended" for event in told) == MOST - 1


# -- fires in metadata, which have no number and no end ----------------------------------------------------------------------


def square(x: float, y: float, size: float = 0.1) -> tuple[tuple[float, float], ...]:
    return ((x, y), (x + size, y), (x + size, y + size), (x, y + size))


def told(second: float, *targets: Target, source: Source = "metadata", phase: Phase | None = None) -> FireAlarm:
    return FireAlarm(channel=2, received_at=at(second), source=source, targets=targets, phase=phase)


def numbers(event: Event | None) -> list[int | None]:
    assert isinstance(event, FireAlarm)
    return [target.id for target in event.targets]


def test_a_fire_in_metadata_has_the_number_of_the_known_one_at_its_place() -> None:
    cycles = LifeCycles()
    known = (Target(region=square(0.1, 0.1), id=4), Target(region=square(0.7, 0.7), id=9))
    cycles.place(told(0, *known, source="alert_stream"))
    moved = (Target(hottest=(0.75, 0.76)), Target(region=square(0.12, 0.15), hottest=(0.15, 0.2)))
    event = cycles.place(told(0.1, *moved))
    assert isinstance(event, FireAlarm)
    assert (numbers(event), event.phase) == ([9, 4], "repeat")


def test_a_new_fire_in_metadata_is_told_at_once_with_the_next_free_number() -> None:
    cycles = LifeCycles()
    assert numbers(cycles.place(told(0, Target(hottest=(0.1, 0.1))))) == [1]
    assert cycles.place(told(0.2, Target(hottest=(0.1, 0.1)))) is None
    assert numbers(cycles.place(told(0.3, Target(hottest=(0.1, 0.1)), Target(hottest=(0.9, 0.9))))) == [1, 2]
    assert cycles.place(told(0.4, Target(hottest=(0.9, 0.9)))) is None


def test_a_fire_without_a_place_is_taken_for_one_that_is_known() -> None:
    cycles = LifeCycles()
    cycles.place(told(0, Target(celsius=90, id=1), source="alert_stream"))
    assert numbers(cycles.place(told(0.1, Target(hottest=(0.5, 0.5)), Target(hottest=(0.9, 0.9))))) == [1, 2]


def test_metadata_says_that_it_still_burns_once_a_second_and_keeps_the_life_cycle_open() -> None:
    cycles = LifeCycles()
    events = [cycles.place(told(tenth / 10, Target(hottest=(0.5, 0.5)))) for tenth in range(151)]
    passed = [event for event in events if isinstance(event, FireAlarm)]
    assert [event.phase for event in passed] == ["start"] + ["repeat"] * 15
    assert {event.alarm_id for event in passed} == {passed[0].id}


def test_the_echo_of_a_fire_that_the_device_has_ended_begins_no_new_one() -> None:
    cycles = LifeCycles()
    cycles.place(told(0, Target(id=1), source="alert_stream"))
    cycles.place(told(1, Target(id=1), source="alert_stream", phase="end"))
    assert cycles.place(told(1.5, Target(hottest=(0.5, 0.5)))) is None
    late = cycles.place(told(4.1, Target(hottest=(0.5, 0.5))))
    assert isinstance(late, FireAlarm)
    assert late.phase == "start"


def test_an_alarm_of_the_device_is_never_taken_for_an_echo() -> None:
    cycles = LifeCycles()
    cycles.place(told(0, Target(id=1), source="alert_stream", phase="end"))
    again = placed(cycles, told(0.1, Target(id=1), source="alert_stream"))
    assert again.phase == "start"


def test_a_clock_that_is_set_back_does_not_silence_a_fire_in_metadata() -> None:
    cycles, fire = LifeCycles(), Target(hottest=(0.5, 0.5))
    assert cycles.place(told(0, fire)) is not None
    assert cycles.place(told(-3600, fire)) is not None
    assert cycles.place(told(-3598, fire)) is not None

    assert cycles.place(told(0, fire, source="alert_stream", phase="end")) is not None
    assert cycles.place(told(-3600, fire)) is not None
