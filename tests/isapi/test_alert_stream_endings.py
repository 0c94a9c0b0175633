"""Every way an alarm stream ends, or never begins."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from alert_device import JPEG, ONLINE, Reader, alarm, heartbeat, part
from nvr_hooks import (
    AlarmPicture,
    BadAnswer,
    Busy,
    CameraError,
    MotionAlarm,
    NoPermission,
    Unreachable,
    Unsupported,
)
from scripted_device import ALERTS, HEAD, Live, ScriptedDevice, reply, silence, status_document

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient

WaitFor = Callable[..., None]
MakeClient = Callable[..., IsapiClient]


@pytest.mark.slow
def test_a_silent_device_is_given_up_and_any_byte_counts(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    reader = read(AlertStream(client, silence=0.3))
    assert reader.next() == ONLINE
    began = time.monotonic()
    while time.monotonic() - began < 0.7:
        device.streams[0].send(b" ")
        device.streams[0].over.wait(0.05)
    assert reader.error is None
    device.streams[0].send(alarm())
    assert isinstance(reader.next(), MotionAlarm)
    error = reader.ended()
    assert isinstance(error, Unreachable)
    assert str(error) == f"kiln: GET {ALERTS}: nothing came for 0.3 s"


def test_a_device_that_never_sends_a_byte_is_given_up(
    client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    reader = read(AlertStream(client, silence=0.1))
    assert reader.next() == ONLINE
    assert isinstance(reader.ended(), Unreachable)


@pytest.mark.slow
def test_slow_heartbeats_get_three_of_them(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    seconds = [0.0]
    source = AlertStream(client, silence=0.2, clock=lambda: seconds[0])
    reader = read(source)
    assert reader.next() == ONLINE
    live = device.streams[0]
    live.send(heartbeat() + alarm(1))
    assert isinstance(reader.next(), MotionAlarm)
    seconds[0] = 1000  # busy with alarms: no heartbeats, and nothing to learn from that
    live.send(heartbeat() + alarm(1))
    assert isinstance(reader.next(), MotionAlarm)
    live.send(heartbeat())
    source_counters = source.counters
    while source_counters.documents < 5:
        assert reader.error is None
        live.over.wait(0.001)
    seconds[0] = 1000.4
    live.send(heartbeat() + alarm(2))
    assert isinstance(reader.next(), MotionAlarm)
    began = time.monotonic()
    error = reader.ended()
    assert 1.1 < time.monotonic() - began < 8
    assert "nothing came for 1.2 s" in str(error)


@pytest.mark.parametrize("how", ["closed", "closed mid-part", "reset"])
def test_a_stream_the_device_ends_is_lost_and_what_was_complete_is_told(armed: tuple[Reader, Live], how: str) -> None:
    reader, live = armed
    live.send(alarm(1))
    assert reader.next().channel == 1
    if how == "closed mid-part":
        live.send(alarm(2)[:-30])
    live.reset() if how == "reset" else live.end()
    error = reader.ended()
    assert isinstance(error, Unreachable)
    assert str(error).startswith("kiln: ")
    assert ("ended by the device" in str(error)) == (how != "reset")
    assert reader.nothing_more()
    if how == "closed mid-part":
        assert reader.source.counters.framing_errors == 1


@pytest.mark.parametrize("end", ["--boundary--\r\n", ""])
def test_a_last_alarm_before_the_end_is_told(armed: tuple[Reader, Live], end: str) -> None:
    reader, live = armed
    live.send(alarm(1) + part(JPEG, "image/jpeg").removesuffix(b"\r\n") + end.encode())
    live.end()
    assert isinstance(reader.next(), MotionAlarm)
    assert isinstance(reader.next(), AlarmPicture)
    assert isinstance(reader.ended(), Unreachable)


def test_a_part_without_end_ends_the_stream(armed: tuple[Reader, Live]) -> None:
    reader, live = armed
    live.send(b"--boundary\r\n" + b"X-Endless: header\r\n" * 5000)
    error = reader.ended()
    assert isinstance(error, BadAnswer)
    assert str(error).startswith("kiln: alarm stream: ")


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (reply(200, b"<html><body>Web Client</body></html>", "text/html"), BadAnswer, "web page"),
        (reply(200, b"<DeviceInfo/>", "application/xml"), BadAnswer, "answered 200 with application/xml instead of the alarm stream"),
        (reply(200, status_document(2, "deviceBusy")), Busy, "deviceBusy"),
        (reply(403, status_document(4, "notSupport")), Unsupported, "notSupport"),
        (reply(503), Busy, "503"),
        (reply(404), Unsupported, "404"),
    ],
)  # fmt: skip
def test_another_answer_than_a_stream_is_an_error_and_never_online(
    device: ScriptedDevice, client: IsapiClient, answer: bytes, error: type[CameraError], words: str
) -> None:
    device.answers[ALERTS] = [answer]
    with pytest.raises(error, match=words) as caught:
        list(AlertStream(client).events())
    assert str(caught.value).startswith(f"kiln: GET {ALERTS} answered")


def test_a_web_page_without_end_is_not_waited_for(device: ScriptedDevice, client_of: MakeClient) -> None:
    device.head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>and so on"
    with pytest.raises(BadAnswer, match="web page"):
        list(AlertStream(client_of(timeout=0.2)).events())


def test_a_device_that_never_answers_is_given_up_by_the_timeout_of_requests(
    device: ScriptedDevice, client_of: MakeClient
) -> None:
    device.answers[ALERTS] = [silence]
    with pytest.raises(Unreachable, match="no answer in time"):
        list(AlertStream(client_of(timeout=0.1)).events())


def test_no_content_type_and_no_boundary_are_learned_from_the_body(
    device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]
) -> None:
    device.head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    reader = read(AlertStream(client))
    assert reader.next() == ONLINE
    device.streams[0].send(alarm().replace(b"--boundary", b"--MIME_boundary"))
    assert isinstance(reader.next(), MotionAlarm)


def test_a_user_without_the_right_to_alarms_is_told_so(device: ScriptedDevice, client: IsapiClient) -> None:
    device.forbidden = {ALERTS}
    for _ in range(3):
        with pytest.raises(NoPermission):
            list(AlertStream(client).events())
    assert len(device.targets(with_login=True)) == 3


def silent_stream(device: ScriptedDevice) -> None:
    device.head = HEAD


def after_some_bytes(device: ScriptedDevice) -> None:
    device.head = HEAD + heartbeat()


def no_answer(device: ScriptedDevice) -> None:
    device.answers[ALERTS] = [silence]


def chunks(device: ScriptedDevice) -> None:
    device.head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked") + b"5\r\n--bou\r\n"


def inside_a_web_page(device: ScriptedDevice) -> None:
    device.head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"


@pytest.mark.parametrize("state", [silent_stream, after_some_bytes, no_answer, chunks, inside_a_web_page])
def test_interrupt_ends_a_blocked_read_at_once_and_without_an_error(
    device: ScriptedDevice,
    client_of: MakeClient,
    read: Callable[[AlertStream], Reader],
    state: Callable[[ScriptedDevice], None],
    wait_for: WaitFor,
) -> None:
    state(device)
    reader = read(AlertStream(client_of(timeout=60)))
    wait_for(lambda: device.streams)
    if state in (silent_stream, after_some_bytes, chunks):
        assert reader.next() == ONLINE
    began = time.monotonic()
    reader.source.interrupt()
    reader.source.interrupt()
    assert reader.ended() is None
    assert time.monotonic() - began < 1


def test_interrupt_before_it_began_ends_it_without_a_word(device: ScriptedDevice, client: IsapiClient) -> None:
    source = AlertStream(client)
    source.interrupt()
    assert list(source.events()) == []
    assert device.asked == []


def test_leaving_the_generator_closes_the_connection(device: ScriptedDevice, client: IsapiClient) -> None:
    events = AlertStream(client).events()
    assert next(events) == ONLINE
    events.close()
    with pytest.raises(OSError):
        for _ in range(1000):
            device.streams[0].send(heartbeat())
            device.streams[0].over.wait(0.001)
