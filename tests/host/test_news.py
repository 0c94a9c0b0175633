"""Which temperatures are worth a line for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from nvr_hooks import CameraInfo, ChannelInfo, TemperatureReading

from hik_thermal_plugin.host.news import News


def reading(**fields: Any) -> TemperatureReading:
    return TemperatureReading(**{"camera": "kiln", "channel": 2, "rule": 1, "highest_celsius": 20.0, **fields})


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def news(clock: list[float]) -> News:
    news = News(lambda: clock[0])
    assert news.is_news(reading())
    return news


@pytest.mark.parametrize(
    "fields",
    [
        {"highest_celsius": 20.5},
        {"highest_celsius": 19.5},
        {"highest_celsius": None},
        {"highest_celsius": float("nan")},
        {"difference_kelvin": 1.0},
        {"frozen": True},
        {"status": "ended"},
        {"source": "frame"},
        {"rule": 2},
        {"channel": 1},
        {"preset": 3},
        {"camera": "yard"},
    ],
)
def test_what_moved_or_is_another_one_is_news(news: News, fields: dict[str, Any]) -> None:
    assert news.is_news(reading(**fields))


@pytest.mark.parametrize("fields", [{}, {"highest_celsius": 20.4}, {"status": "measuring"}, {"rule_name": "door"}])
def test_the_same_again_is_none_for_ten_seconds(news: News, clock: list[float], fields: dict[str, Any]) -> None:
    clock[0] += 9.9
    assert not news.is_news(reading(**fields))
    clock[0] += 0.1
    assert news.is_news(reading(**fields))
    assert not news.is_news(reading(**fields))


def test_slow_changes_add_up(news: News) -> None:
    assert [news.is_news(reading(highest_celsius=20 + step / 10)) for step in range(1, 11)].count(True) == 2


def test_messages_are_news_by_what_they_say(news: News) -> None:
    messages = [
        ("t/1", b'{"max": 20.0, "unit": "x"}', True),
        ("t/1", b'{"max": 20.2, "unit": "x"}', False),
        ("t/2", b'{"max": 20.2}', True),
        ("t/1", b'{"max": 20.0, "stale": true}', True),
        ("t/1", b"", True),
        ("t/1", b"", False),
        ("t/1", b"not JSON", True),
        ("t/1", b"[]", True),
        ("t/1", b"not JSON", True),
    ]

    assert [news.is_new_message(topic, payload) for topic, payload, _ in messages] == [told for *_, told in messages]


def test_who_a_camera_is_is_told_again_only_in_other_words(news: News) -> None:
    first = CameraInfo(name="kiln", url="http://x", model="M")
    assert news.is_new_identity(first)
    assert not news.is_new_identity(replace(first, capabilities={"alarms": "isapi"}))
    assert news.is_new_identity(replace(first, name="yard"))
    assert news.is_new_identity(replace(first, channels=(ChannelInfo(id=2, thermal=True),)))
