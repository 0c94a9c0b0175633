"""A release by quiet needs a camera that was heard since: a pulled cable is as quiet as a fire that is out."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from nvr_hooks import CameraInfo, Health
from one_camera import OneCamera, fire, hot
from test_feed import Broker

from hik_thermal_plugin.bridge.feed import Feed
from hik_thermal_plugin.bridge.lifecycle import ASK_AGAIN
from hik_thermal_plugin.bridge.messages import Topics


def test_a_fire_behind_a_pulled_cable_is_not_released() -> None:
    camera = OneCamera(counts=True)
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    assert camera.wait(30) == []
    assert camera.active("fire") is True
    assert camera.cycles.doubting
    camera.lose()  # the silence limit of the source is over
    assert camera.active("fire") is None
    assert False not in camera.history


def test_it_is_released_when_the_camera_was_heard_since_it_has_been_quiet() -> None:
    camera = OneCamera(counts=True)
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    camera.wait(9)
    camera.cycles.heard("alert_stream", camera.now)  # a heartbeat, too early to tell
    assert camera.wait(3) == []
    camera.cycles.heard("alert_stream", camera.now)
    assert camera.wait(0.6) == [("end", alarm.id)]
    assert camera.active("fire") is False
    assert not camera.cycles.doubting


def test_an_unknown_level_waits_for_a_word_too() -> None:
    camera = OneCamera(online=False, saved={}, counts=True)
    camera.cycles.adopt(2, "fire", camera.wall)
    camera.connect()
    camera.wait(30)
    assert camera.cycles.doubting
    camera.cycles.heard("alert_stream", camera.now)
    camera.wait(0.6)
    assert camera.active("fire") is False


def test_one_of_two_sources_is_enough() -> None:
    camera = OneCamera(counts=True)
    camera.connect("metadata")
    camera.tell(fire((1, 68.0)))
    camera.tell(fire((1, 68.0), source="metadata"))
    camera.cycles.heard("metadata", camera.now + 10)
    camera.wait(10.5)
    assert camera.active("fire") is False


def test_what_a_lost_source_was_heard_to_say_proves_nothing() -> None:
    camera = OneCamera(counts=True)
    camera.connect("metadata")
    camera.tell(fire((1, 68.0)))
    camera.tell(fire((1, 68.0), source="metadata"))
    camera.cycles.heard("metadata", camera.now + 10)
    camera.lose("metadata")
    camera.wait(60)
    assert camera.active("fire") is True


@pytest.mark.parametrize("source", ["sdk", "push", "virtual"])
def test_a_source_that_is_silent_between_alarms_needs_none(source: str) -> None:
    camera = OneCamera(counts=True, online=source != "sdk")
    if source != "virtual":
        camera.connect("sdk")
    camera.tell(hot(source=source))
    camera.wait(10.5)
    assert camera.active("temperature") is False


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def health(count: int, source: str = "alert_stream") -> list[Health]:
    return [Health(camera="kiln", source=source, state="online", since=datetime(2026, 1, 31, tzinfo=UTC), bytes=count)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def feed(broker: Broker, clock: Clock) -> Feed:
    feed = Feed(CameraInfo(name="kiln", url="http://192.0.2.1"), Topics("p"), broker, 10.0, clock=clock)
    feed.take(fire((1, 68.0)))
    return feed


def active(broker: Broker) -> bool:
    told = json.loads(broker.levels["p/kiln/2/alarm/fire"])["active"]
    assert isinstance(told, bool)
    return told


def test_bytes_between_two_questions_are_a_word(feed: Feed, broker: Broker, clock: Clock) -> None:
    for at, count in ((110.1, 500), (110.6, 500), (111.1, 500)):
        clock.now = at
        feed.tick()
        feed.heard(health(count))
    assert active(broker)
    assert broker.doubts == 3
    clock.now = 111.6
    feed.tick()
    feed.heard(health(900))
    assert active(broker), "what the new bytes tell may be on its way"
    clock.now = 112.1
    feed.tick()
    assert not active(broker)


def test_bytes_from_before_it_was_due_are_none(feed: Feed, broker: Broker, clock: Clock) -> None:
    clock.now = 101.0
    feed.heard(health(100))
    clock.now = 110.1
    feed.tick()
    feed.heard(health(900))  # heard since 101, which is too early
    clock.now = 130.0
    feed.tick()
    assert active(broker)


@pytest.mark.parametrize("found", [[], health(0), health(7, "poll")])
def test_a_driver_that_counts_no_bytes_is_believed(
    feed: Feed, broker: Broker, clock: Clock, found: list[Health]
) -> None:
    clock.now = 110.1
    feed.tick()
    feed.heard(found)
    clock.now = 110.6
    feed.tick()
    assert not active(broker)


@pytest.mark.parametrize("counts", [True, False])
def test_nothing_is_released_while_words_are_on_their_way(*, counts: bool) -> None:
    camera = OneCamera(counts=counts)
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    camera.now += 10
    camera.cycles.heard("alert_stream", camera.now if counts else None)
    assert camera.cycles.tick(camera.now, camera.wall, behind=True).events == []
    assert camera.cycles.doubting
    assert camera.cycles.next_deadline() == camera.now + ASK_AGAIN
    assert camera.wait(1) == [("end", alarm.id)]


def test_a_feed_that_is_behind_releases_nothing() -> None:
    clock = [100.0]
    broker = Broker()
    feed = Feed(CameraInfo(name="kiln", url="http://192.0.2.1"), Topics("p"), broker, 10.0, clock=lambda: clock[0])
    feed.take(fire((1, 68.0)))
    clock[0] += 30
    feed.heard([])
    broker.behind = True
    feed.tick()
    assert json.loads(broker.levels["p/kiln/2/alarm/fire"])["active"] is True
    broker.behind = False
    feed.tick()
    assert json.loads(broker.levels["p/kiln/2/alarm/fire"])["active"] is False
