"""What one camera pushes, without a network: documents in any form, how much of it, and when nobody takes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from nvr_hooks import Alarm, AlarmPicture, ConnectionChanged, Event, MotionAlarm, NvrError, OtherAlarm

from hik_thermal_plugin.isapi.listener import Listener
from hik_thermal_plugin.isapi.push_source import AT_ONCE, BURST, PushBody, PushSource, push_path
from hik_thermal_plugin.wire.http_requests import Head

XML = b"<EventNotificationAlert><eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"
JSON = b'{"eventType": "VMD", "eventState": "active", "channelID": 2}'
HEARTBEAT = b"<EventNotificationAlert><eventType>videoloss</eventType><eventState>inactive</eventState></EventNotificationAlert>"
JPEG = b"\xff\xd8\xff" + bytes(200)


def parts(*bodies: tuple[str, bytes], boundary: str = "boundary") -> bytes:
    """Return a multipart body, with the blank line behind the delimiter that devices send (isapi.md 6.9)."""
    found = b""
    for kind, body in bodies:
        found += (
            f"--{boundary}\r\n\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n"
        )
    return found + f"--{boundary}--\r\n".encode()


class Stage:
    """A source, and who listens to it."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.takes = True
        self.events: list[Event] = []
        self.ahead = timedelta(0)
        self.doubts: list[float] = []
        self.source = PushSource(
            "kiln",
            Listener(),
            folder,
            self.take,
            host=lambda: "192.0.2.10",
            clock_ahead=lambda: self.ahead,
            doubt=lambda: self.doubts.append(self.now),
            clock=lambda: self.now,
        )

    def take(self, event: Event) -> bool:
        self.events.append(event)
        return self.takes

    def begin(self, kind: str = "application/xml") -> PushBody | int:
        return self.source.open(Head("POST", "/", {"content-type": kind}, 1, keep=False))

    def push(self, body: bytes, kind: str = "application/xml", size: int = 1 << 20) -> int:
        receiver = self.begin(kind)
        if isinstance(receiver, int):
            return receiver
        for at in range(0, len(body), size):
            receiver.feed(body[at : at + size])
        return receiver.end()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("size", [1 << 20, 1, 61])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (XML, 'application/xml; charset="UTF-8"'),
        (b"\r\n" + XML, "text/plain"),
        (JSON, "application/json"),
        (parts(("application/xml", XML), ("image/jpeg", JPEG)), "multipart/form-data; boundary=boundary"),
        (
            parts(("application/json", JSON), ("image/pjpeg", JPEG), boundary="7e13"),
            "multipart/form-data; boundary=7e13",
        ),
        (parts(("application/xml", XML)), ""),
    ],
)
def test_every_form_of_a_push_is_an_alarm(stage: Stage, body: bytes, kind: str, size: int) -> None:
    assert stage.push(body, kind, size) == 200
    alarm, *pictures = stage.events
    assert isinstance(alarm, MotionAlarm)
    assert (alarm.camera, alarm.source) == ("kiln", "push")
    assert [(type(event), event.data) for event in pictures if isinstance(event, AlarmPicture)] == (
        [(AlarmPicture, JPEG)] if JPEG in body else []
    )
    assert stage.source.counters.bytes == len(body)


def test_a_heartbeat_is_taken_and_is_no_event(stage: Stage) -> None:
    assert stage.push(HEARTBEAT) == 200
    assert stage.events == []
    assert stage.source.counters.documents == 1


def test_an_unknown_alarm_is_handed_on_and_counted(stage: Stage) -> None:
    assert stage.push(XML.replace(b"VMD", b"somethingNew")) == 200
    assert isinstance(stage.events[0], OtherAlarm)
    assert stage.source.health().unknown == 1


def test_what_nobody_takes_is_to_come_again(stage: Stage) -> None:
    stage.takes = False
    assert stage.push(XML) == 503
    assert stage.push(parts(("application/xml", XML), ("image/jpeg", JPEG)), "multipart/form-data") == 503
    stage.takes = True
    assert stage.push(XML) == 200
    health = stage.source.health()
    assert health.events == 1
    assert health.last_error == "an alarm was not taken: the camera was asked to send it again"


def test_a_broken_document_is_taken_once_and_reported_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert stage.push(XML[:-20]) in (200, 400)
    assert stage.push(b"") == 400
    assert stage.source.health().undecodable == 3
    assert caplog.text.count("a document is passed over") == 1


def test_a_camera_that_sends_without_end_is_slowed_down(stage: Stage) -> None:
    assert [stage.push(HEARTBEAT) for _ in range(BURST)] == [200] * BURST
    assert stage.push(XML) == 503
    assert stage.source.health().last_error == "it pushes more than is taken"
    stage.now += 0.1
    assert [stage.push(XML) for _ in range(6)] == [200] * 5 + [503]


def test_a_few_bodies_at_once(stage: Stage) -> None:
    open_ones = [stage.begin() for _ in range(AT_ONCE)]
    assert stage.begin() == 503
    for receiver in open_ones:
        assert isinstance(receiver, PushBody)
        receiver.close()
        receiver.close()
    assert stage.push(XML) == 200


def test_only_post_is_known(stage: Stage) -> None:
    assert stage.source.open(Head("GET", "/", {}, 0, keep=False)) == 405


def test_an_alarm_that_was_long_on_its_way_is_late(stage: Stage) -> None:
    stage.push(XML.replace(b"<eventType>", b"<dateTime>2020-01-01T00:00:00Z</dateTime><eventType>"))
    assert isinstance(stage.events[0], Alarm)
    assert stage.events[0].late


def test_a_late_alarm_lets_the_cameras_clock_be_asked_for_now_and_then(stage: Stage) -> None:
    told = XML.replace(b"<eventType>", b"<dateTime>2020-01-01T00:00:00Z</dateTime><eventType>")
    for stage.now in (0.0, 1.0, 59.0, 60.0):
        stage.push(told)
    assert stage.doubts == [0.0, 60.0]
    stage.now, stage.ahead = 200.0, datetime(2020, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    stage.push(told)
    assert not cast(Alarm, stage.events[-1]).late
    assert stage.doubts == [0.0, 60.0]


def test_a_path_that_cannot_be_kept_is_an_error_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stage = Stage(tmp_path / "file" / "state")
    stage.source.attend(True)
    (told,) = stage.events
    assert isinstance(told, ConnectionChanged)
    assert (told.state, stage.source.health().state) == ("error", "error")
    assert "its push path cannot be kept" in (told.reason or "")


def test_two_cameras_have_two_paths_and_a_spoilt_one_is_told(tmp_path: Path) -> None:
    assert push_path(tmp_path, "kiln") != push_path(tmp_path, "kiln 2")
    for file in tmp_path.glob("push-*.path"):
        file.write_text("short\n")
    with pytest.raises(NvrError, match="holds no push path; delete it"):
        push_path(tmp_path, "kiln")
