"""Captured bodies, whole or broken, tell their events."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from nvr_hooks import Alarm, AlarmPicture, BadAnswer, Event
from reading import JPEG, alert, part

from hik_thermal_plugin.wire.captured import iterate_events, looks_like_alarms, read_events
from hik_thermal_plugin.wire.parts import Part
from hik_thermal_plugin.wire.pictures import read_picture

FIRE = alert("fireDetection", "<detectionPicturesNumber>2</detectionPicturesNumber>")
HEARTBEAT = alert("videoloss").replace(b">active<", b">inactive<")


def test_a_push_of_a_fire_with_its_pictures() -> None:
    disposition = 'form-data; name="fireDetection"; filename="{}.jpg";'
    body = (
        b"--boundary\r\n"
        + part(FIRE, content_disposition='form-data; name="fireDetection"')[len(b"--boundary") :]
        + part(JPEG, "image/pjpeg", content_disposition=disposition.format("thermal"))
        + part(JPEG[:100], "image/jpeg", content_disposition=disposition.format("visibleLight"))
        + b"--boundary--\r\n"
    )
    fire, thermal, visible = read_events(body, camera="kiln", source="push")

    assert isinstance(fire, Alarm)
    assert isinstance(thermal, AlarmPicture)
    assert isinstance(visible, AlarmPicture)
    assert (thermal.data, thermal.length, thermal.content_type) == (JPEG, len(JPEG), "image/jpeg")
    assert (visible.data, visible.length) == (JPEG[:100], 100)
    assert (thermal.view, visible.view) == ("thermal", "visible")
    assert (thermal.name, visible.name) == ("thermal.jpg", "visibleLight.jpg")
    for picture in (thermal, visible):
        assert (picture.alarm_id, picture.kind, picture.channel, picture.at) == (fire.id, "fire", 2, fire.at)
        assert (picture.camera, picture.source) == ("kiln", "push")
    assert fire.pictures == 2


def test_a_picture_belongs_to_the_alarm_before_it() -> None:
    stream = (
        part(JPEG, "image/jpeg")
        + part(FIRE)
        + part(HEARTBEAT)
        + part(JPEG, "image/jpeg")
        + part(alert())
        + part(JPEG, "image/jpeg")
    )
    first, fire, second, motion, third = read_events(stream)

    assert isinstance(first, AlarmPicture)
    assert isinstance(second, AlarmPicture)
    assert isinstance(third, AlarmPicture)
    assert (first.alarm_id, second.alarm_id, third.alarm_id) == (None, fire.id, motion.id)
    assert (first.kind, first.name, first.view) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("image/jpeg", b"no picture at all", "image/jpeg"),
        ("image/png", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("application/octet-stream", JPEG, "image/jpeg"),
        ("", b"\x89PNG\r\n\x1a\n...", "image/png"),
        ("application/xml", JPEG, "image/jpeg"),
        ("application/octet-stream", bytes(100), None),
        ("text/plain", b"hello", None),
    ],
)
def test_what_counts_as_a_picture(kind: str, body: bytes, found: str | None) -> None:
    picture = read_picture(Part({}, kind, body, text=False), None)

    assert (None if picture is None else picture.content_type) == found


@pytest.mark.parametrize(
    "data", [FIRE, b"\r\n" + FIRE, FIRE + b"\r\n\r\n", part(FIRE), part(FIRE, end=b""), FIRE + FIRE]
)
def test_bare_and_multipart_are_told_apart_by_their_bytes(data: bytes) -> None:
    assert looks_like_alarms(data)
    assert [event.type for event in read_events(data)] == ["fire_alarm"] * data.count(b"fireDetection")


def test_json_alone() -> None:
    (event,) = read_events(b'{"eventType": "TMA", "eventState": "active"}')

    assert event.type == "temperature_alarm"


@pytest.mark.parametrize("data", [HEARTBEAT, part(HEARTBEAT) * 3, part(HEARTBEAT) + b"--boundary\r\n"])
def test_heartbeats_tell_nothing_and_are_no_error(data: bytes) -> None:
    assert read_events(data) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FIRE[:-5], "cut"),
        (part(FIRE)[:-20], "cut"),
        (part(alert()) + part(FIRE)[:-20], "cut"),
        (b'{"eventType": "fireDet', "cut"),
        (b"", "no EventNotificationAlert in 0 bytes"),
        (b"hello", "no EventNotificationAlert in 5 bytes"),
        (b"<html><body>404 Not Found</body></html>", "html where"),
        (b'{"statusCode": 4}', "without an eventType"),
        (part(b"<a>" + b"x" * 5_000_000, length=False), "4194304"),
        (part(FIRE) + part(JPEG, "image/jpeg")[:-30], "a part of 268 bytes ends after 240"),
    ],
)
def test_what_is_wrong_with_a_broken_body_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BadAnswer, match=re.escape(reason)):
        read_events(data)


def test_events_around_a_broken_document_can_be_had() -> None:
    events: list[Event] = []
    stream = part(alert()) + part(b"<EventNotificationAlert></EventNotificationAlert>") + part(FIRE) + part(FIRE)[:-20]
    with pytest.raises(BadAnswer, match="eventType"):
        events.extend(iterate_events(stream))
    assert [event.type for event in events] == ["motion_alarm", "fire_alarm"]


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b'<?xml version="1.0"?>\n<EventNotificationAlert', True),
        (b'{"ipAddress": "192.0.2.1", "eventType": "TM', True),
        (b"--boundary\r\nContent-Type: application/xml\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n--x\r\nContent-Length: 5\r\n", True),
        (b"", False),
        (b"\xff\xd8\xff\xe0", False),
        (b"# a comment\n-- \n", False),
        (b"<DeviceInfo/>", False),
    ],
)
def test_what_looks_like_alarms(data: bytes, looks: bool) -> None:
    assert looks_like_alarms(data) is looks


def test_what_the_caller_says_stands_in_every_event() -> None:
    arrived, zone = datetime(2026, 1, 2, tzinfo=UTC), timezone(timedelta(hours=8))
    body = part(FIRE.replace(b"+01:00", b"")) + part(JPEG, "image/jpeg")
    fire, picture = iterate_events(body, camera="kiln", source="push", received_at=arrived, zone=zone)

    for event in (fire, picture):
        assert (event.camera, event.source, event.received_at) == ("kiln", "push", arrived)
        assert event.at == datetime(2026, 3, 4, 5, 6, 7, tzinfo=zone)
    (event,) = read_events(FIRE)
    assert (event.camera, event.source) == ("", "alert_stream")


def test_a_boundary_that_only_the_header_tells() -> None:
    body = (part(FIRE) + part(JPEG, "image/jpeg") + part(FIRE)).replace(b"--boundary", b"--a b")

    assert len(read_events(body, content_type='multipart/mixed; boundary="a b"')) == 3


def test_what_is_broken_costs_no_alarm_behind_it() -> None:
    broken = part(b"<EventNotificationAlert><a/></EventNotificationAlert>")
    events = iterate_events(part(FIRE) + broken + broken + part(FIRE))

    assert [next(events).type, next(events).type] == ["fire_alarm", "fire_alarm"]
    with pytest.raises(BadAnswer, match="without an eventType"):
        next(events)


def test_nothing_at_all_is_a_bad_answer_with_its_beginning() -> None:
    with pytest.raises(BadAnswer, match=re.escape("no EventNotificationAlert in 70 bytes; they begin b'xxx")) as caught:
        read_events(b"x" * 70)
    assert caught.value.data == b"x" * 60
    assert read_events(part(HEARTBEAT)) == []
