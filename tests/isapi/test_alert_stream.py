"""Alarms by arming: what a device sends and what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alert_device import JPEG, ONLINE, Reader, alarm, document, heartbeat, part
from nvr_hooks import (
    AlarmPicture,
    FireAlarm,
    MotionAlarm,
    OtherAlarm,
    Unreachable,
)
from scripted_device import HEAD, Live, ScriptedDevice

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient

WaitFor = Callable[..., None]
MakeClient = Callable[..., IsapiClient]


def test_online_comes_first_and_needs_no_byte_of_the_body(armed: tuple[Reader, Live]) -> None:
    reader, _ = armed
    assert reader.nothing_more()
    assert reader.source.counters.bytes == 0


def test_an_alarm_leaves_with_its_last_byte_and_a_heartbeat_is_none(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(heartbeat())
    live.send(
        b"--boundary\r\nContent-Type: application/xml\r\n\r\n" + document("VMD")
    )  # no length, and nothing after it
    event = reader.next()
    assert isinstance(event, MotionAlarm)
    assert (event.camera, event.channel, event.source, event.late) == ("kiln", 2, "alert_stream", False)
    counters = reader.source.counters
    assert (counters.documents, counters.unknown, counters.undecodable) == (2, 0, 0)
    assert counters.last_byte_at is not None
    assert abs(counters.last_byte_at - datetime.now(UTC)) < timedelta(seconds=30)


def test_bytes_that_came_together_with_the_head_are_not_lost(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    device.head = HEAD + alarm(1) + alarm(2)[:40]
    reader = read(AlertStream(client))
    assert reader.next() == ONLINE
    assert reader.next().channel == 1
    device.streams[0].send(alarm(2)[40:])
    assert reader.next().channel == 2


@pytest.mark.parametrize("size", [1, 3, 4096, 5000])
def test_cuts_anywhere_and_pictures_of_any_size_are_the_same(armed: tuple[Reader, Live], size: int) -> None:
    reader, live = armed
    picture = JPEG if size > 100 else JPEG[:500]
    data = alarm(1) + part(picture, "image/jpeg") + alarm(2) + heartbeat()
    for start in range(0, len(data), size):
        live.send(data[start : start + size])
    first, image, second = reader.next(), reader.next(), reader.next()
    assert [event.channel for event in (first, image, second)] == [1, 1, 2]
    assert isinstance(image, AlarmPicture)
    assert image.data == picture


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_body_with_chunks_or_a_length_is_read_too(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader], framing: str
) -> None:
    data = alarm(1) + alarm(2)
    extra = b"Transfer-Encoding: chunked" if framing == "chunked" else b"Content-Length: %d" % len(data)
    device.head = HEAD.replace(b"Connection: close", extra)
    reader = read(AlertStream(client))
    assert reader.next() == ONLINE
    live = device.streams[0]
    for piece in (data[:100], data[100:]):
        live.send(b"%x\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
    assert [reader.next().channel, reader.next().channel] == [1, 2]
    if framing == "length":
        assert isinstance(reader.ended(), Unreachable)


def test_pictures_follow_their_alarm_and_are_named_after_it(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(part(JPEG, "image/pjpeg"))
    orphan = reader.next()
    live.send(part(document("fireDetection", more="<detectionPicturesNumber>2</detectionPicturesNumber>")))
    fire = reader.next()
    live.send(part(JPEG, "image/jpeg", 'Content-Disposition: form-data; name="thermalImage"; filename="fire.jpg"'))
    live.send(heartbeat())
    live.send(part(JPEG, "image/jpeg", 'Content-Disposition: form-data; name="visibleImage"; filename="v.jpg"'))
    thermal, visible = reader.next(), reader.next()
    assert isinstance(fire, FireAlarm)
    assert fire.pictures == 2
    assert isinstance(orphan, AlarmPicture)
    assert (orphan.alarm_id, orphan.kind, orphan.content_type) == (None, None, "image/jpeg")
    for picture, view in ((thermal, "thermal"), (visible, "visible")):
        assert isinstance(picture, AlarmPicture)
        assert (picture.alarm_id, picture.kind, picture.channel, picture.view) == (fire.id, "fire", 2, view)
        assert (picture.length, picture.data) == (len(JPEG), JPEG)


def test_an_unknown_type_is_passed_on_and_counted(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(alarm(kind="flyingSaucer"))
    event = reader.next()
    assert isinstance(event, OtherAlarm)
    assert event.raw_type == "flyingSaucer"
    assert reader.source.counters.unknown == 1


def test_what_cannot_be_read_is_counted_told_once_per_kind_and_passed_over(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader], caplog: pytest.LogCaptureFixture
) -> None:
    broken = part(b"<EventNotificationAlert><eventType>VMD</wrong></EventNotificationAlert>")
    for connection in range(2):  # nor does each new connection tell it again
        reader = read(AlertStream(client))
        assert reader.next() == ONLINE
        device.streams[connection].send(broken + part(b"<Other/>") + broken + part(b"?", "text/plain") + alarm())
        assert isinstance(reader.next(), MotionAlarm)
        assert reader.source.counters.undecodable == 4
        reader.close()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 3
    assert all(text.startswith("kiln: alarm stream: a document is passed over") for text in told)
    assert "b'<EventNotificationAlert><eventType>VMD</wrong>" in told[0]


def test_a_wrong_length_is_counted_and_the_next_alarm_is_there(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(part(JPEG, "image/jpeg").replace(b"Content-Length: 76", b"Content-Length: 26") + alarm() + alarm())
    events = [reader.next() for _ in range(2)]
    assert any(isinstance(event, MotionAlarm) for event in events)
    assert reader.source.counters.framing_errors >= 1


# Lateness


def test_an_alarm_is_late_by_the_devices_own_clock(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(alarm(at="2001-01-01T00:00:00Z"))
    assert not reader.next().late  # no heartbeat has told the device's clock
    live.send(heartbeat("2001-01-01T12:00:00Z") + alarm(at="2001-01-01T11:59:30Z") + alarm(at="2001-01-01T11:58:30Z"))
    assert not reader.next().late
    late = reader.next()
    assert isinstance(late, MotionAlarm)
    assert late.late
    assert late.at == datetime(2001, 1, 1, 11, 58, 30, tzinfo=UTC)
    live.send(heartbeat("2030-01-01T12:00:00Z") + alarm(at="2029-12-31T12:00:00Z") + alarm(at="2030-01-01T13:00:00Z"))
    assert reader.next().late
    assert not reader.next().late


def test_the_devices_clock_goes_on_between_heartbeats(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    seconds = [0.0]
    reader = read(AlertStream(client, clock=lambda: seconds[0]))
    assert reader.next() == ONLINE
    live = device.streams[0]
    live.send(heartbeat("2026-01-01T12:00:00Z") + alarm(1))
    reader.next()
    seconds[0] = 61
    live.send(alarm(at="2026-01-01T12:00:00Z") + alarm(at="2026-01-01T12:00:02Z"))
    assert [reader.next().late, reader.next().late] == [True, False]


def test_times_without_an_offset_are_in_the_zone_of_the_camera(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    reader = read(AlertStream(client, zone=lambda: timezone(timedelta(hours=5))))
    assert reader.next() == ONLINE
    device.streams[0].send(alarm(at="2026-01-01T12:00:00"))
    assert reader.next().at == datetime(2026, 1, 1, 7, tzinfo=UTC)
