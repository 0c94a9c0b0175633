"""Pictures of one alarm that nobody can tell apart have topics of their own; those of another alarm take their places."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import Alarm, AlarmPicture, CameraInfo, Event, FireAlarm
from test_feed import Broker

from hik_thermal_plugin.bridge.feed import Feed
from hik_thermal_plugin.bridge.messages import Topics
from hik_thermal_plugin.bridge.pictures import MOST_NUMBERS
from hik_thermal_plugin.isapi.push_source import PushSource
from hik_thermal_plugin.merge import LifeCycles
from hik_thermal_plugin.wire.http_requests import Head

T0 = datetime(2026, 1, 1, tzinfo=UTC)
AT = "p/kiln/2/picture/fire"


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def feed(broker: Broker) -> Feed:
    return Feed(CameraInfo(name="kiln", url="http://192.0.2.1"), Topics("p"), broker, 10.0)


def fire(**more: Any) -> FireAlarm:
    return replace(FireAlarm(camera="kiln", channel=2, at=T0, received_at=T0), **more)


def picture(alarm: Alarm, data: bytes, **more: Any) -> AlarmPicture:
    found = AlarmPicture(
        camera="kiln", channel=2, at=alarm.at, received_at=alarm.received_at, source=alarm.source, kind="fire",
        alarm_id=alarm.alarm_id or alarm.id, data=data,
    )  # fmt: skip
    return replace(found, **more)


def pictures(broker: Broker) -> dict[str, bytes]:
    return {topic.removeprefix(AT): data for topic, data in broker.levels.items() if topic.startswith(AT)}


def test_the_second_picture_without_a_name_does_not_replace_the_first(feed: Feed, broker: Broker) -> None:
    alarm = fire()
    for event in (alarm, picture(alarm, b"1"), picture(alarm, b"2"), picture(alarm, b"3", view="visible")):
        feed.take(event)
    assert pictures(broker) == {"": b"1", "/2": b"2", "/visible": b"3"}


@pytest.mark.parametrize("at", [T0, None])
def test_a_repeat_has_pictures_of_its_own(feed: Feed, broker: Broker, at: datetime | None) -> None:
    """Cameras repeat an alarm that lasts, under the time it began or a later one, or without any."""
    first = fire(at=at)
    for number, alarm in enumerate((first, fire(alarm_id=first.id, at=at), fire(alarm_id=first.id, at=at))):
        feed.take(alarm)
        feed.take(picture(alarm, b"%d a" % number))
        feed.take(picture(alarm, b"%d b" % number))
    assert pictures(broker) == {"": b"2 a", "/2": b"2 b"}


def test_of_an_alarm_told_over_two_ways_each_picture_has_one_place(feed: Feed, broker: Broker) -> None:
    cycles = LifeCycles()

    def take(event: Event) -> None:
        if (placed := cycles.place(event)) is not None:
            feed.take(placed)

    armed, pushed = fire(), fire(source="push", received_at=T0 + timedelta(seconds=1))
    for event in (
        armed,
        picture(armed, b"1"),
        pushed,
        picture(pushed, b"1"),
        picture(pushed, b"2"),
        picture(armed, b"2"),
    ):
        take(event)
    assert pictures(broker) == {"": b"1", "/2": b"2"}


def test_a_camera_cannot_send_pictures_without_end(feed: Feed, broker: Broker) -> None:
    alarm = fire()
    feed.take(alarm)
    for number in range(100):
        feed.take(picture(alarm, b"%d" % number))
    assert len(pictures(broker)) == MOST_NUMBERS
    for second in range(1_000):
        feed.take(later := fire(at=T0 + timedelta(seconds=second)))
        feed.take(picture(later, b"last"))
    assert pictures(broker)[""] == b"last"


def test_the_captured_push_shows_both_of_its_pictures(feed: Feed, broker: Broker, tmp_path: Path) -> None:
    """Two parts behind the document, both called fireDetection.jpg (isapi.md 6.6)."""
    alarm = (
        b"<EventNotificationAlert><channelID>2</channelID><eventType>fireDetection</eventType></EventNotificationAlert>"
    )
    head = b'Content-Disposition: form-data; name="fireDetection"; filename="fireDetection.jpg";\r\nContent-Type: image/jpeg\r\n'
    bodies = [(b"Content-Type: application/xml\r\n", alarm), (head, b"\xff\xd8\xffone"), (head, b"\xff\xd8\xfftwo")]
    body = b"".join(
        b"--boundary\r\n%sContent-Length: %d\r\n\r\n%s\r\n" % (kind, len(data), data) for kind, data in bodies
    )

    def take(event: Event) -> bool:
        feed.take(event)
        return True

    source = PushSource("kiln", None, tmp_path, take, host=lambda: "")  # type: ignore[arg-type] - nobody connects
    receiver = source.open(Head("POST", "/", {"content-type": "multipart/form-data; boundary=boundary"}, 1, keep=False))
    assert not isinstance(receiver, int)
    receiver.feed(body + b"--boundary--\r\n")
    assert receiver.end() == 200
    assert pictures(broker) == {"": b"\xff\xd8\xffone", "/2": b"\xff\xd8\xfftwo"}
