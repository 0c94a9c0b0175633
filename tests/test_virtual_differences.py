"""Virtual differences and rates of rise, and the life cycles of all virtual rules."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import (
    Alarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
    WrongUse,
)
from readings import START, course, reading, told

from hik_thermal_plugin.virtual import DifferenceRule, RiseRule, ThresholdRule, VirtualRule, VirtualRules

DOOR = ThresholdRule(name="kiln door", rule=1, alarm=80.0, pre_alarm=60.0, hysteresis=2.0)
PHASES = DifferenceRule(name="phases", rule=1, other_rule=2, alarm=10, pre_alarm=5, hysteresis=1)


def pairs(*values: tuple[float | None, float | None]) -> list[TemperatureReading]:
    return [reading(second, value, rule) for second, both in enumerate(values) for rule, value in enumerate(both, 1)]


def test_the_difference_of_two_areas() -> None:
    rules = VirtualRules([PHASES])

    assert told(rules, pairs((50, 48), (56, 50), (61, 50), (55, 50), (50, 60), (70, 50))) == [
        (1, "start", "pre_alarm"),
        (2, "level", "alarm"),
        (3, "level", "pre_alarm"),
        (4, "end", "pre_alarm"),
        (5, "start", "alarm"),
    ]


def test_a_difference_alarm_says_both_areas() -> None:
    rules = VirtualRules([PHASES])
    rules.feed(reading(0, 61.25, 1))
    (alarm,) = rules.feed(reading(0, 50.0, 2))

    assert isinstance(alarm, TemperatureDifferenceAlarm)
    assert (alarm.difference_kelvin, alarm.threshold_kelvin, alarm.level) == (11.25, 10, "alarm")
    assert [(target.id, target.celsius) for target in alarm.targets] == [(1, 61.25), (2, 50.0)]
    assert (alarm.rule, alarm.raw_type, alarm.source) == ("phases", "difference", "virtual")
    assert alarm.description == "highest differs by 11.2 K, limit above 10 K"


def test_the_hotter_one_may_be_either() -> None:
    both = VirtualRules([replace(PHASES, absolute=True)])

    assert told(both, pairs((50, 61), (61, 50), (50, 50))) == [(0, "start", "alarm"), (2, "end", "alarm")]


def test_a_difference_needs_two_new_values() -> None:
    """The whole scene jumps by 30 K: the first of two areas that says so is no alarm."""
    rules = VirtualRules([PHASES])

    assert told(rules, pairs((20, 20), (50, 50), (20, 20))) == []
    assert told(rules, [reading(3, 90, 1), reading(4, 90, 1), reading(5, 90, 1)]) == []


def test_a_difference_is_not_made_of_a_stale_or_broken_value() -> None:
    rules = VirtualRules([PHASES], stale_after=timedelta(seconds=30))

    assert told(rules, [reading(0, 20, 2), reading(31, 90, 1)]) == []
    assert told(rules, [reading(32, 90, 1), reading(33, math.nan, 2), reading(34, 20, 2, frozen=True)]) == []
    assert told(rules, [reading(35, 20, 2)]) == [(35, "start", "alarm")]


def test_one_of_two_areas_that_is_retired_ends_the_alarm() -> None:
    rules = VirtualRules([PHASES])

    assert told(rules, [*pairs((90, 20)), reading(1, 20, 2, status="ended")]) == [
        (0, "start", "alarm"),
        (1, "end", "alarm"),
    ]


RISE = RiseRule(name="runaway", rule=1, alarm=10, hysteresis=2, window_seconds=60)


def test_a_fast_rise() -> None:
    steady = [20.0] * 60
    rising = [20 + 0.25 * second for second in range(120)]  # 15 K a minute
    rules = VirtualRules([RISE])
    found = told(rules, course(*steady, *rising, *[rising[-1]] * 120))

    assert [(phase, level) for _, phase, level in found] == [("start", "alarm"), ("end", "alarm")]
    assert 60 < found[0][0] < 120
    assert 180 < found[1][0] < 240


def test_a_slow_rise_is_none() -> None:
    assert told(VirtualRules([RISE]), course(*[20 + 0.15 * second for second in range(600)])) == []


def test_a_rise_alarm_says_the_change_within_a_minute() -> None:
    rules = VirtualRules([RISE])
    alarms = [alarm for event in course(*[20 + 0.5 * second for second in range(40)]) for alarm in rules.feed(event)]

    first = alarms[0]
    assert isinstance(first, TemperatureDifferenceAlarm)
    assert first.difference_kelvin == pytest.approx(30.0)
    assert (first.threshold_kelvin, first.raw_type, first.rule) == (10, "rise", "runaway")
    assert first.received_at == START + timedelta(seconds=30)  # half of the window is filled
    assert first.description == "highest changes by 30.0 K/min, limit above 10 K/min"


def test_noise_is_no_rise() -> None:
    noise = [20 + 1.5 * math.sin(second * 2.1) for second in range(300)]

    assert told(VirtualRules([RISE]), course(*noise)) == []


def test_a_fast_fall() -> None:
    fall = replace(RISE, condition="below", alarm=-10)

    assert told(VirtualRules([fall]), course(*[90 - 0.5 * second for second in range(40)])) == [(30, "start", "alarm")]


def test_a_gap_is_no_rise() -> None:
    rules = VirtualRules([RISE], stale_after=timedelta(seconds=30))
    before = [reading(second, 20.0) for second in range(60)]
    after = [reading(100 + second, 80.0) for second in range(60)]

    assert told(rules, [*before, *after]) == []


def test_a_rise_keeps_few_points_however_often_the_camera_tells() -> None:
    rules = VirtualRules([RISE])
    assert told(rules, [reading(index / 50, 20 + index * 0.5 / 50) for index in range(50 * 70)])[0][1:] == (
        "start",
        "alarm",
    )
    (state,) = rules._states.values()

    assert len(state._signal._points) <= 121  # type: ignore[union-attr]


def test_rules_of_other_kinds_that_make_no_sense_are_refused() -> None:
    with pytest.raises(WrongUse, match="compared with itself"):
        replace(PHASES, other_rule=1)
    with pytest.raises(WrongUse, match="virtual rule runaway: the window"):
        replace(RISE, window_seconds=0.0)
    with pytest.raises(WrongUse, match="finite"):
        replace(PHASES, alarm=math.nan)
    with pytest.raises(WrongUse, match="a name"):
        replace(RISE, name="")


values = st.one_of(st.none(), st.floats(0, 120), st.sampled_from([math.nan, math.inf, 60.0, 80.0, 78.0]))
steps = st.tuples(
    st.floats(-5, 40),
    st.sampled_from([1, 2]),
    values,
    st.sampled_from([None, False, True]),
    st.sampled_from([None, "measuring", "ended"]),
)
RULES: list[VirtualRule] = [DOOR, replace(DOOR, name="slow", delay_seconds=2, hold_seconds=3), PHASES, RISE]


@given(st.lists(steps, max_size=60))
def test_every_life_cycle_starts_once_and_ends_once(
    course: list[tuple[float, int, float | None, bool | None, Any]],
) -> None:
    rules = VirtualRules(RULES)
    now = 0.0
    alarms: list[Alarm] = []
    for seconds, rule, celsius, frozen, status in course:
        now += seconds
        made = rules.feed(reading(now, celsius, rule, frozen=frozen, status=status))
        sound = celsius is not None and math.isfinite(celsius) and not frozen
        assert sound or all(alarm.phase == "end" for alarm in made)
        assert sound or status == "ended" or not made
        alarms += made
    alarms += rules.retire(START)

    for name in {getattr(alarm, "rule", None) for alarm in alarms}:
        phases = [(alarm.phase, alarm.alarm_id) for alarm in alarms if getattr(alarm, "rule", None) == name]
        open_id = None
        for phase, alarm_id in phases:
            assert (phase == "start") is (open_id is None)
            assert open_id in (None, alarm_id)
            open_id = None if phase == "end" else alarm_id
        assert open_id is None
