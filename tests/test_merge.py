"""Life cycles of alarms as the driver tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nvr_hooks import (
    Alarm,
    AlarmPicture,
    ConnectionChanged,
    FireAlarm,
    MotionAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
)

from hik_thermal_plugin.merge import MOST, LifeCycles

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
