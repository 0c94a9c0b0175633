"""One camera on its way to the broker, without a broker: what is bounded, what is not taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from nvr_hooks import AlarmPicture, CameraInfo, FireTarget, MotionAlarm

from hik_thermal_plugin.bridge.feed import Feed
from hik_thermal_plugin.bridge.messages import Message, Topics


class Broker:
    """Keeps what a feed publishes."""

    def __init__(self) -> None:
        self.levels: dict[str, bytes] = {}
        self.events: list[Message] = []
        self.doubts = 0
        self.behind = False

    def happened(self, camera: str, events: Sequence[tuple[Message, str]], saved: Mapping[str, dict[str, Any]]) -> None:
        self.events += [message for message, _ in events]

    def level(self, message: Message) -> None:
        self.levels[message.topic] = message.payload

    def clear(self, topic: str) -> None:
        del self.levels[topic]

    def is_behind(self, camera: str) -> bool:
        return self.behind

    def wake(self, camera: str, at: float) -> None: ...

    def doubt(self, camera: str) -> None:
        self.doubts += 1

    def changed(self, camera: str, state: str) -> None: ...

    def online(self, camera: str) -> None: ...


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def feed(broker: Broker) -> Feed:
    return Feed(CameraInfo(name="kiln", url="http://192.0.2.1"), Topics("p"), broker, 10.0)


def test_a_picture_without_bytes_clears_nothing(feed: Feed, broker: Broker) -> None:
    feed.take(AlarmPicture(camera="kiln", channel=2, kind="fire", data=b"\xff\xd8"))
    feed.take(AlarmPicture(camera="kiln", channel=2, kind="fire", length=20_000))
    assert broker.levels == {"p/kiln/2/picture/fire": b"\xff\xd8"}


def test_a_device_cannot_make_topics_without_end(feed: Feed, broker: Broker) -> None:
    for number in range(1000):
        feed.take(AlarmPicture(camera="kiln", channel=2, kind=f"kind{number}", data=b"%d" % number))
    assert len(broker.levels) == 65
    assert broker.levels["p/kiln/2/picture/other"] == b"999"


def test_burning_spots_of_the_metadata_have_no_topic(feed: Feed, broker: Broker) -> None:
    feed.take(FireTarget(camera="kiln", channel=2, celsius=300.0))
    assert (broker.levels, broker.events) == ({}, [])


def test_nothing_is_taken_after_the_end(feed: Feed, broker: Broker) -> None:
    feed.start({})
    feed.close()
    feed.close()
    before = dict(broker.levels)
    feed.take(MotionAlarm(camera="kiln", channel=2, raw_type="VMD"))
    feed.adopt(2, "fire")
    feed.tick()
    feed.healthy([])
    feed.store([])
    assert (broker.levels, broker.events) == (before, [])
    assert before["p/kiln/state"] == b"offline"
