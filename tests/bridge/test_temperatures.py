"""Which readings are news: dead band, intervals, units, frozen, stale, gone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import Reporting, TemperatureReading

from hik_thermal_plugin.bridge.messages import Topics
from hik_thermal_plugin.bridge.temperatures import MOST, SILENT, News, Temperatures

RULE = (2, "1")
OFTEN = Reporting(dead_band_kelvin=0.5, min_interval=1.0, max_interval=60.0)


def reading(celsius: float | None = 20.0, **more: Any) -> TemperatureReading:
    return TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=celsius, **more)


def told(news: Iterable[News]) -> list[tuple[float | None, bool]]:
    return [(found.highest_celsius, stale) for _, found, stale in news]


def test_the_first_reading_is_told_at_once() -> None:
    assert told(Temperatures().take(RULE, reading(), OFTEN, 0.0)) == [(20.0, False)]


def test_a_change_within_the_dead_band_is_no_news_however_long_it_creeps() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    assert told(rules.take(RULE, reading(20.4), OFTEN, 5.0)) == []
    assert told(rules.take(RULE, reading(20.6), OFTEN, 10.0)) == [(20.6, False)], "0.6 K from what was told last"


def test_a_change_that_comes_too_early_is_told_when_its_time_has_come_with_the_value_of_then() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    assert told(rules.take(RULE, reading(30.0), OFTEN, 0.2)) == []
    assert told(rules.take(RULE, reading(40.0), OFTEN, 0.4)) == []
    assert rules.due == 1.0
    assert told(rules.tick(OFTEN, 0.9)) == []
    assert told(rules.tick(OFTEN, 1.0)) == [(40.0, False)]
    assert told(rules.tick(OFTEN, 2.0)) == []


def test_an_unchanged_value_is_told_again_after_the_longest_interval_but_only_when_the_camera_said_it() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    for at in range(1, 60):
        assert told(rules.take(RULE, reading(20.0), OFTEN, float(at))) == []
    assert told(rules.tick(OFTEN, 61.0)) == [], "no reading, no message"
    assert told(rules.take(RULE, reading(20.0), OFTEN, 61.5)) == [(20.0, False)]


def test_a_rule_that_falls_silent_is_told_once_as_stale_and_its_return_at_once() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    assert rules.due == SILENT
    assert told(rules.tick(OFTEN, SILENT)) == [(20.0, True)]
    assert told(rules.tick(OFTEN, SILENT + 100)) == []
    assert rules.due == float("inf")
    assert told(rules.take(RULE, reading(20.0), OFTEN, SILENT + 200)) == [(20.0, False)]


def test_losing_a_source_makes_its_own_rules_stale() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0, source="realtime"), OFTEN, 0.0))
    list(rules.take((2, "2"), reading(21.0, source="metadata"), OFTEN, 0.0))
    assert told(rules.lose("realtime", 1.0)) == [(20.0, True)]
    assert told(rules.lose("realtime", 2.0)) == []
    assert told(rules.lose(None, 3.0)) == [(21.0, True)]


@pytest.mark.parametrize(
    "change", [{"frozen": True}, {"source": "poll"}, {"rule_name": "door"}, {"unit_reported": "kelvin"}]
)
def test_a_changed_flag_is_news_whatever_the_value(change: dict[str, Any]) -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    assert told(rules.take(RULE, reading(20.0, **change), OFTEN, 2.0)) == [(20.0, False)]


def test_a_value_that_goes_away_is_news() -> None:
    rules = Temperatures()
    list(rules.take(RULE, reading(20.0), OFTEN, 0.0))
    assert told(rules.take(RULE, reading(None), OFTEN, 2.0)) == [(None, False)]


def test_a_device_with_endless_rules_does_not_fill_the_memory() -> None:
    rules = Temperatures()
    for number in range(MOST + 10):
        assert told(rules.take((2, str(number)), reading(), OFTEN, 0.0)) == [(20.0, False)]
    assert len(list(rules.places())) == MOST


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-50, 500)), min_size=1, max_size=60))
def test_messages_keep_their_distance_and_the_last_value_is_never_off_by_more_than_the_dead_band(
    steps: list[tuple[float, float]],
) -> None:
    rules, now, last, at = Temperatures(), 0.0, None, -10.0
    for wait, celsius in steps:
        now += wait
        due = [*rules.tick(OFTEN, now), *rules.take(RULE, reading(celsius), OFTEN, now)]
        for _, found, stale in due:
            assert not stale
            assert last is None or now >= at + OFTEN.min_interval
            last, at = found.highest_celsius, now
    for _, found, _ in rules.tick(OFTEN, at + OFTEN.min_interval):
        last = found.highest_celsius
    assert last is not None
    assert abs(last - steps[-1][1]) < OFTEN.dead_band_kelvin


@pytest.mark.parametrize(
    ("unit", "shown", "difference", "sign"),
    [("celsius", 80.0, 10.0, "°C"), ("fahrenheit", 176.0, 18.0, "°F"), ("kelvin", 353.15, 10.0, "K")],
)
def test_the_unit_is_the_owners_choice_and_a_difference_has_no_offset(
    unit: str, shown: float, difference: float, sign: str
) -> None:
    message = Topics("hik_thermal").temperature("kiln", 2, reading(80.0, difference_kelvin=10.0), unit=unit)
    payload = json.loads(message.payload)
    assert (payload["max"], payload["difference"], payload["unit"]) == (shown, difference, sign)
    assert payload["stale"] is False
