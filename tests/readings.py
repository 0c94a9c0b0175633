"""Readings at given seconds, and what virtual rules tell of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from nvr_hooks import (
    TemperatureReading,
)

from hik_thermal_plugin.virtual import VirtualRules

START = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)


def reading(seconds: float, celsius: float | None = None, rule: int | None = 1, **changes: Any) -> TemperatureReading:
    said: dict[str, Any] = {
        "camera": "kiln",
        "channel": 2,
        "at": START,
        "received_at": START + timedelta(seconds=seconds),
        "rule": rule,
        "calibration": "region",
        "highest_celsius": celsius,
        "highest_at": (0.5, 0.25),
        "region": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)),
        "unit_reported": "celsius",
        "frozen": False,
        **changes,
    }
    return TemperatureReading(**said)


def told(rules: VirtualRules, readings: Iterable[TemperatureReading]) -> list[tuple[float, str | None, str | None]]:
    """Feed readings; return (second, phase, level) of every alarm that is no repeat."""
    found = []
    for event in readings:
        for alarm in rules.feed(event):
            assert alarm.received_at == event.received_at
            if alarm.phase != "repeat":
                found.append(((event.received_at - START).total_seconds(), alarm.phase, alarm.level))
    return found


def course(*celsius: float, every: float = 1.0, **changes: Any) -> list[TemperatureReading]:
    return [reading(index * every, value, **changes) for index, value in enumerate(celsius)]
