"""A live temperature holds the alarm of its rule."""

from __future__ import annotations

from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    TemperatureDifferenceAlarm,
)
from one_camera import OneCamera, fire, hot

from hik_thermal_plugin.bridge.lifecycle import FRESH_READING


def test_a_live_reading_beyond_the_threshold_holds_its_alarm() -> None:
    camera = OneCamera()
    alarm = hot(1)
    camera.tell(alarm)
    for _ in range(5):
        assert camera.read(rule=1, highest_celsius=50.0) is True
        assert camera.wait(8) == []
    assert camera.active("temperature") is True
    camera.read(rule=1, highest_celsius=47.0)
    assert camera.wait(0) == [("end", alarm.id)]


def test_an_old_reading_holds_nothing() -> None:
    camera = OneCamera()
    alarm = hot(1)
    camera.tell(alarm)
    camera.read(rule=1, highest_celsius=50.0)
    assert camera.wait(FRESH_READING - 1) == []
    assert camera.wait(1) == [("end", alarm.id)]


@pytest.mark.parametrize(
    ("alarm", "values", "held"),
    [
        (hot(1), {"rule": 2, "highest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "highest_celsius": 90.0, "preset": 3}, False),
        (hot(1, preset=1), {"rule": 1, "highest_celsius": 90.0}, True),
        (hot(1, preset=2), {"rule": 1, "highest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "lowest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "point_celsius": 90.0}, True),
        (hot(1, quantity="average"), {"rule": 1, "average_celsius": 90.0, "highest_celsius": 1.0}, True),
        (hot(1, quantity=None), {"rule": 1, "highest_celsius": 90.0}, True),
        (hot(1, quantity=None, condition="below"), {"rule": 1, "lowest_celsius": 20.0}, True),
        (hot(1, quantity="lowest", condition="below"), {"rule": 1, "lowest_celsius": 50.0}, False),
        (hot(1, threshold_celsius=None), {"rule": 1, "highest_celsius": 90.0}, False),
        (hot(None), {"rule": None, "highest_celsius": 90.0}, False),
        (
            TemperatureDifferenceAlarm(channel=2, rule=1, other_rule=2, threshold_kelvin=5.0, condition="above"),
            {"rule": 1, "difference_kelvin": 9.0},
            True,
        ),
        (fire((1, 68.0)), {"rule": 1, "highest_celsius": 90.0}, False),
    ],
)
def test_which_reading_holds_which_alarm(alarm: Alarm, values: dict[str, Any], held: bool) -> None:
    camera = OneCamera()
    camera.tell(alarm)
    camera.read(**values)
    camera.wait(10)
    assert camera.active(alarm.kind) is held


def test_a_reading_does_not_hold_what_is_unknown() -> None:
    camera = OneCamera()
    camera.tell(hot(1))
    camera.lose()
    camera.read(rule=1, highest_celsius=90.0)
    assert camera.active("temperature") is None
