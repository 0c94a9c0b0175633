"""Virtual thresholds: readings in, alarms out, at the times the readings arrive."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from nvr_hooks import (
    ConnectionChanged,
    FireAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    WrongUse,
    to_json,
)
from readings import START, course, reading, told

from hik_thermal_plugin.virtual import ThresholdRule, VirtualRules, value_of

DOOR = ThresholdRule(name="kiln door", rule=1, alarm=80.0, pre_alarm=60.0, hysteresis=2.0)


def test_a_threshold_rises_falls_and_ends() -> None:
    assert told(VirtualRules([DOOR]), course(20, 61, 79, 81, 79, 77, 59, 57, 90)) == [
        (1, "start", "pre_alarm"),
        (3, "level", "alarm"),
        (5, "level", "pre_alarm"),
        (7, "end", "pre_alarm"),
        (8, "start", "alarm"),
    ]


def test_the_alarm_says_everything_the_reading_said() -> None:
    rules = VirtualRules([DOOR])
    (alarm,) = rules.feed(reading(1, 85.5, preset=3))

    assert alarm == TemperatureAlarm(
        camera="kiln",
        channel=2,
        at=START,
        source="virtual",
        raw_type="threshold",
        level="alarm",
        phase="start",
        description="highest 85.5 °C, limit above 80 °C",
        targets=(Target(region=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), hottest=(0.5, 0.25), celsius=85.5, id=1),),
        rule="kiln door",
        rule_name="kiln door",
        preset=3,
        calibration="region",
        quantity="highest",
        condition="above",
        celsius=85.5,
        threshold_celsius=80.0,
        unit_reported="celsius",
    )
    assert alarm.alarm_id == alarm.id
    assert to_json(alarm)["kind"] == "temperature"


def test_one_life_cycle_has_one_identifier_and_each_event_its_own() -> None:
    rules = VirtualRules([DOOR])
    alarms = [alarm for event in course(61, 85, 85, 20, 85, every=6) for alarm in rules.feed(event)]

    assert [alarm.phase for alarm in alarms] == ["start", "level", "repeat", "end", "start"]
    assert len({alarm.id for alarm in alarms}) == 5
    assert [alarm.alarm_id for alarm in alarms] == [alarms[0].id] * 4 + [alarms[4].id]


def test_an_active_alarm_is_repeated_with_its_present_value() -> None:
    rules = VirtualRules([DOOR], repeat_every=timedelta(seconds=5))
    alarms = [alarm for event in course(*[81.0 + second for second in range(12)]) for alarm in rules.feed(event)]

    assert [(alarm.phase, getattr(alarm, "celsius", None)) for alarm in alarms] == [
        ("start", 81.0),
        ("repeat", 86.0),
        ("repeat", 91.0),
    ]


def test_below_a_limit() -> None:
    cold = ThresholdRule(
        name="frost", rule=1, quantity="lowest", condition="below", alarm=-5, pre_alarm=0, hysteresis=1
    )
    readings = [
        reading(index, lowest_celsius=value) for index, value in enumerate([3, -0.1, -5, -5.1, -4.5, -4, 0.5, 1])
    ]

    assert told(VirtualRules([cold]), readings) == [
        (1, "start", "pre_alarm"),
        (3, "level", "alarm"),
        (5, "level", "pre_alarm"),
        (7, "end", "pre_alarm"),
    ]


def test_a_value_at_the_limit_is_not_beyond_it() -> None:
    assert told(VirtualRules([DOOR]), course(60, 80)) == [(1, "start", "pre_alarm")]


def test_hysteresis_keeps_a_trembling_value_quiet() -> None:
    assert told(VirtualRules([DOOR]), course(80.5, 79.5, 80.5, 78.5, 80.5)) == [(0, "start", "alarm")]


def test_a_delay_must_be_filled_without_a_break() -> None:
    rule = replace(DOOR, delay_seconds=3)

    assert told(VirtualRules([rule]), course(81, 81, 81, 70, 81, 81, 81, 81, 81)) == [
        (3, "start", "pre_alarm"),  # above 60 all the time
        (7, "level", "alarm"),
    ]


def test_a_hold_time_outlasts_a_short_dip() -> None:
    rule = replace(DOOR, pre_alarm=None, hold_seconds=3)

    assert told(VirtualRules([rule]), course(81, 20, 20, 81, 20, 20, 20, 20)) == [
        (0, "start", "alarm"),
        (7, "end", "alarm"),
    ]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_broken_value_starts_nothing_and_ends_nothing(value: float | None) -> None:
    assert told(VirtualRules([DOOR]), [reading(0, value), reading(1, value)]) == []
    assert told(VirtualRules([DOOR]), [reading(0, 90), reading(1, value), reading(2, value)]) == [(0, "start", "alarm")]


def test_a_frozen_picture_starts_nothing_and_ends_nothing() -> None:
    assert told(VirtualRules([DOOR]), [reading(0, 90, frozen=True)]) == []
    assert told(VirtualRules([DOOR]), [reading(0, 90), reading(1, 20, frozen=True), reading(2, 90)]) == [
        (0, "start", "alarm")
    ]


def test_a_freeze_does_not_fill_a_delay_and_does_not_break_it() -> None:
    rule = replace(DOOR, pre_alarm=None, delay_seconds=3)
    frozen = [reading(1, 90, frozen=True), reading(2, 20, frozen=True), reading(3, 90, frozen=True)]

    assert told(VirtualRules([rule]), [reading(0, 90), *frozen]) == []
    assert told(VirtualRules([rule]), [reading(0, 90), *frozen, reading(4, 90)]) == [(4, "start", "alarm")]


def test_a_gap_makes_a_delay_begin_anew() -> None:
    rules = VirtualRules([replace(DOOR, pre_alarm=None, delay_seconds=20)], stale_after=timedelta(seconds=30))

    assert told(rules, [reading(0, 90), reading(31, 90), reading(50, 90), reading(51, 90)]) == [(51, "start", "alarm")]


def test_a_clock_that_jumps_back_makes_a_delay_begin_anew() -> None:
    rules = VirtualRules([replace(DOOR, pre_alarm=None, delay_seconds=3)])

    assert told(rules, [reading(100, 90), reading(50, 90), reading(52, 90), reading(53, 90)]) == [
        (53, "start", "alarm")
    ]


def test_the_clock_of_the_device_does_not_matter() -> None:
    rules = VirtualRules([replace(DOOR, pre_alarm=None, delay_seconds=2)])
    jumps = [START - timedelta(days=3), None, START + timedelta(days=9)]

    assert told(rules, [reading(index, 90, at=at) for index, at in enumerate(jumps)]) == [(2, "start", "alarm")]


def test_a_lost_source_ends_nothing_and_makes_delays_begin_anew() -> None:
    rules = VirtualRules([replace(DOOR, pre_alarm=None, delay_seconds=3)])
    rules.feed(reading(0, 90))
    assert rules.feed(ConnectionChanged(camera="kiln", source="realtime", state="offline")) == []
    assert told(rules, [reading(4, 90), reading(6, 90), reading(7, 90)]) == [(7, "start", "alarm")]
    assert rules.feed(ConnectionChanged(camera="kiln", source="realtime", state="offline")) == []
    assert told(rules, [reading(8, 90), reading(9, 20)]) == [(9, "end", "alarm")]


def test_a_lost_alarm_stream_means_nothing_to_a_delay() -> None:
    rules = VirtualRules([replace(DOOR, pre_alarm=None, delay_seconds=3)])
    rules.feed(reading(0, 90))
    rules.feed(ConnectionChanged(camera="kiln", source="alert_stream", state="offline"))
    rules.feed(ConnectionChanged(camera="kiln", source="realtime", state="online"))

    assert told(rules, [reading(3, 90)]) == [(3, "start", "alarm")]


def test_a_retired_measuring_rule_ends_its_alarm() -> None:
    rules = VirtualRules([DOOR])

    assert told(rules, [reading(0, 90), reading(1, 95, status="ended"), reading(2, 95, status="ended")]) == [
        (0, "start", "alarm"),
        (1, "end", "alarm"),
    ]
    assert told(rules, [reading(3, 90, status="started")]) == [(3, "start", "alarm")]


def test_replaced_rules_end_what_is_active() -> None:
    rules = VirtualRules([DOOR, replace(DOOR, name="other", alarm=200, pre_alarm=100)])
    (started,) = rules.feed(reading(0, 90))
    (ended,) = rules.retire(START + timedelta(seconds=9))

    assert (ended.phase, ended.level, ended.alarm_id) == ("end", "alarm", started.id)
    assert ended.id != started.id
    assert ended.received_at == START + timedelta(seconds=9)
    assert rules.retire(START) == []


def test_other_rules_channels_and_presets_are_not_watched() -> None:
    rules = VirtualRules([replace(DOOR, channel=2, preset=4)])

    assert (
        told(
            rules,
            [reading(0, 90, rule=2), reading(0, 90, channel=1), reading(0, 90, preset=3), reading(0, 90, rule=None)],
        )
        == []
    )
    assert told(rules, [reading(1, 90, preset=4)]) == [(1, "start", "alarm")]


def test_every_preset_has_an_alarm_of_its_own() -> None:
    rules = VirtualRules([DOOR])
    first, second = (rules.feed(reading(0, 90, preset=preset))[0] for preset in (1, 2))

    assert first.alarm_id != second.alarm_id
    assert told(rules, [reading(1, 20, preset=1)]) == [(1, "end", "alarm")]


def test_endless_presets_do_not_fill_the_memory() -> None:
    rules = VirtualRules([DOOR])
    for preset in range(3000):
        rules.feed(reading(0, 20, preset=preset))

    assert len(rules._states) == 1000


def test_the_whole_picture_can_be_watched() -> None:
    rules = VirtualRules([replace(DOOR, rule=None)])
    (alarm,) = rules.feed(reading(0, 90, rule=None))

    assert alarm.targets[0].id is None


def test_a_point_rule_has_one_value_for_every_quantity() -> None:
    point = reading(0, None, calibration="point", point_celsius=90.0, highest_at=None)

    assert [value_of(point, quantity) for quantity in ("highest", "lowest", "average", "centre")] == [90.0] * 4
    assert value_of(point, "difference") is None
    (alarm,) = VirtualRules([DOOR]).feed(point)
    assert alarm.targets[0].hottest is None


def test_the_spread_of_one_area_is_a_difference() -> None:
    rules = VirtualRules([ThresholdRule(name="uneven", rule=1, quantity="difference", alarm=15)])
    (alarm,) = rules.feed(reading(0, 50, difference_kelvin=20.5))

    assert isinstance(alarm, TemperatureDifferenceAlarm)
    assert (alarm.difference_kelvin, alarm.threshold_kelvin) == (20.5, 15)


def test_other_events_pass_by() -> None:
    assert VirtualRules([DOOR]).feed(FireAlarm(camera="kiln", celsius=300)) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "a name is needed"),
        ({"alarm": math.nan}, "finite"),
        ({"pre_alarm": math.inf}, "finite"),
        ({"pre_alarm": 80.0}, "must come before"),
        ({"pre_alarm": 81.0}, "must come before"),
        ({"condition": "below"}, "must come before"),
        ({"hysteresis": -1.0}, "below 0"),
        ({"delay_seconds": -1.0}, "below 0"),
        ({"hold_seconds": -0.1}, "below 0"),
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        replace(DOOR, **wrong)
