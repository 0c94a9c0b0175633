"""Commands over MQTT: snapshot, test alarm, and what people send by mistake."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from bridge_stage import Amqtt, Ear, Host, Wait
from nvr_hooks import CameraInfo, ChannelInfo, ConnectionChanged, Snapshot, SnapshotOptions, Unreachable, hookimpl

from hik_thermal_plugin.bridge.commands import WORKERS, Commands
from hik_thermal_plugin.bridge.messages import Message, Topics

INFO = CameraInfo(name="Kiln 1", url="http://192.0.2.1", channels=(ChannelInfo(id=1), ChannelInfo(id=2)))


@pytest.fixture
def started(host: Host, ear: Ear) -> Host:
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    return host


def result(ear: Ear, command: str, identity: str, channel: int | str = 2) -> dict[str, Any]:
    document = ear.expect(f"kiln/{channel}/{command}/result", lambda value: value["id"] == identity)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("payload", [b"", b"PRESS", b"{}", b' {"id": null} '])
def test_a_snapshot_with_its_defaults(started: Host, ear: Ear, payload: bytes) -> None:
    ear.say("kiln/2/snapshot/set", payload)
    answer = ear.expect("kiln/2/snapshot/result")
    picture = started.cameras["kiln"].picture
    assert ear.payloads("kiln/2/picture/snapshot") == [picture]
    assert answer | {"id": "", "taken_at": ""} == {
        "id": "",
        "ok": True,
        "error": None,
        "bytes": len(picture),
        "content_type": "image/jpeg",
        "taken_at": "",
        "source": "picture",
        "topic": f"{ear.prefix}/kiln/2/picture/snapshot",
    }
    assert answer["id"]


def test_the_picture_stays_for_those_who_come_later(
    started: Host, ear: Ear, listen: Callable[..., Ear], broker: Amqtt
) -> None:
    ear.say("kiln/2/snapshot/set")
    ear.expect("kiln/2/snapshot/result")
    late = listen(broker.port)
    late.expect("kiln/2/picture/snapshot")
    assert late.payloads("kiln/2/snapshot/result") == []


def test_the_same_id_is_done_once_and_answered_twice(started: Host, ear: Ear, wait_for: Wait) -> None:
    ear.say("kiln/2/snapshot/set", {"id": "a"})
    first = result(ear, "snapshot", "a")
    ear.say("kiln/2/snapshot/set", {"id": "a", "source": "picture"})
    wait_for(lambda: len(ear.documents("kiln/2/snapshot/result")) == 2)
    assert ear.documents("kiln/2/snapshot/result") == [first, first]
    assert len(ear.payloads("kiln/2/picture/snapshot")) == 1


@pytest.mark.parametrize(
    ("topic", "payload", "error"),
    [
        ("kiln/2/snapshot", {"id": "x", "source": "stream"}, "kiln: a fake camera has one JPEG picture and no stream"),
        ("kiln/2/snapshot", {"id": "x", "sauce": "picture"}, 'sauce: unknown key; did you mean "source"?'),
        ("kiln/2/snapshot", {"id": "x", "format": "gif"}, 'format: expected one of "jpeg", "bmp", got "gif"'),
        ("kiln/7/snapshot", {"id": "x"}, "kiln: has no channel 7; there are 1, 2"),
        ("kiln/all/snapshot", {"id": "x"}, "kiln: expected the number of a channel in the topic, got all"),
        ("kiln/2/snapshots", {"id": "x"}, "no such command; known are measure, record, snapshot, test_alarm"),
        ("kiln/2/test_alarm", {"id": "x", "seconds": 3}, "seconds: unknown key"),
    ],
)
def test_a_command_that_cannot_be_done(started: Host, ear: Ear, topic: str, payload: Any, error: str) -> None:
    ear.say(f"{topic}/set", payload)
    assert ear.expect(f"{topic}/result") == {"id": "x", "ok": False, "error": error}


@pytest.mark.parametrize("payload", [b"{", b"[1]", b"42", b'"text"', b"\xff\xfe", b"press", b"[" * 100_000])
def test_a_command_nobody_understands(started: Host, ear: Ear, payload: bytes) -> None:
    ear.say("kiln/2/snapshot/set", payload)
    answer = ear.expect("kiln/2/snapshot/result")
    assert answer["ok"] is False
    assert "expected" in answer["error"]


def test_a_retained_command_is_ignored(host: Host, ear: Ear) -> None:
    ear.say("kiln/2/snapshot/set", {"id": "long ago"}, retain=True)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.say("kiln/2/snapshot/set", {"id": "now"})
    result(ear, "snapshot", "now")
    assert [document["id"] for document in ear.documents("kiln/2/snapshot/result")] == ["now"]


def test_another_bridges_camera_is_left_alone(started: Host, ear: Ear) -> None:
    ear.say("oven/2/snapshot/set", {"id": "x"})
    ear.say("kiln/2/snapshot/set", {"id": "y"})
    result(ear, "snapshot", "y")
    assert ear.payloads("oven/2/snapshot/result") == []


def test_a_plugin_that_raises_by_mistake(host: Host, ear: Ear) -> None:
    class Broken:
        @hookimpl(tryfirst=True)
        def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot:
            raise ZeroDivisionError("with internals in it")

    host.plugins.add("broken", Broken())
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    assert result(ear, "snapshot", "x")["error"] == "failed: ZeroDivisionError"


def test_no_plugin_takes_pictures(host: Host, ear: Ear) -> None:
    class Blind:
        @hookimpl(wrapper=True)
        def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Any:
            yield
            return None

    host.plugins.add("blind", Blind())
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    assert result(ear, "snapshot", "x")["error"] == "kiln: no plugin takes pictures of it"


def test_a_test_alarm_takes_the_way_of_a_real_one(started: Host, ear: Ear) -> None:
    ear.say("kiln/2/test_alarm/set", {"id": "x"})
    answer = result(ear, "test_alarm", "x")
    event = ear.documents("kiln/2/event/test")[0]
    assert (event["id"], event["kind"], event["source"], event["raw_type"]) == (
        answer["event_id"], "test", "virtual", "test",
    )  # fmt: skip
    assert event["description"] == "test alarm"
    assert answer["topic"] == f"{ear.prefix}/kiln/2/event/test"
    ear.expect("kiln/2/event/test", lambda value: value["phase"] == "end")
    assert ear.expect_active("kiln/2/alarm/test", False)["released_by"] == "quiet"
    assert ear.payloads("kiln/2/alarm/fire") == []


def test_each_test_alarm_is_an_event_of_its_own(started: Host, ear: Ear, wait_for: Wait) -> None:
    ids: list[str] = []
    for identity in ("x", "y"):
        ear.say("kiln/2/test_alarm/set", {"id": identity})
        ids.append(result(ear, "test_alarm", identity)["event_id"])
    wait_for(lambda: set(ids) <= {event["id"] for event in ear.documents("kiln/2/event/test")})
    starts = [event for event in ear.documents("kiln/2/event/test") if event["phase"] == "start"]
    assert [event["id"] for event in starts] == [event["alarm_id"] for event in starts] == ids


def test_a_test_alarm_ends_while_the_camera_is_away(started: Host, ear: Ear) -> None:
    started.cameras["kiln"].tell(ConnectionChanged(camera="kiln", state="offline"))
    ear.say("kiln/2/test_alarm/set", {"id": "x"})
    ear.expect_active("kiln/2/alarm/test", False)


def test_a_slow_camera_keeps_nobody_waiting(host: Host, ear: Ear) -> None:
    release, asked = threading.Event(), threading.Event()

    class Slow:
        @hookimpl(tryfirst=True)
        def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
            if channel == 1:
                asked.set()
                release.wait(20)
                raise Unreachable(f"{camera}: too late")
            return None

    host.plugins.add("slow", Slow())
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    try:
        ear.say("kiln/1/snapshot/set", {"id": "slow"})
        assert asked.wait(10)
        ear.say("kiln/2/snapshot/set", {"id": "quick"})
        assert result(ear, "snapshot", "quick")["ok"] is True
    finally:
        release.set()
    assert result(ear, "snapshot", "slow", channel=1)["error"] == "kiln: too late"


class Pool:
    """Commands without a broker."""

    def __init__(self, **handlers: Any) -> None:
        self.said: list[Message] = []
        self.topics = Topics("p")
        self.commands = Commands(self.topics, handlers, {"kiln_1": INFO}.get, self.said.append)

    def send(self, command: str, identity: str) -> None:
        topic = self.topics.command_topic("Kiln 1", 2, command)
        assert self.commands.take(topic, b'{"id": "%s"}' % identity.encode(), False)


def test_a_crowd_of_commands_is_turned_away(wait_for: Wait) -> None:
    release = threading.Event()
    pool = Pool(wait=lambda info, channel, arguments: {"released": release.wait(20)})
    try:
        for number in range(100):
            pool.send("wait", str(number))
        wait_for(lambda: any(b"too many" in message.payload for message in pool.said))
        assert sum(thread.name == "mqtt-command" for thread in threading.enumerate()) == WORKERS
        pool.send("wait", "0")
        assert not any(b'"id":"0"' in message.payload for message in pool.said), "still being done: no second answer"
    finally:
        release.set()
    wait_for(lambda: len(pool.said) == 100)
    pool.commands.close(5)
    assert pool.commands.run(lambda: None) is False


def test_no_thread_before_the_first_command() -> None:
    pool = Pool()
    assert not any(thread.name == "mqtt-command" for thread in threading.enumerate())
    pool.commands.close(1)


@pytest.mark.slow
def test_answers_are_not_remembered_for_ever(wait_for: Wait) -> None:
    done: list[str] = []
    pool = Pool(note=lambda info, channel, arguments: done.append("x") or {})
    for number in range(300):
        pool.send("note", str(number))
        wait_for(lambda number=number: len(done) == number + 1)
    pool.send("note", "299")
    pool.send("note", "0")
    wait_for(lambda: len(done) == 301)
    pool.commands.close(5)


def test_what_is_no_command(wait_for: Wait) -> None:
    pool = Pool()
    assert pool.commands.take("p/kiln_1/2/alarm/fire", b"", False) is False
    assert pool.commands.take("p/kiln_1/2/snapshot/set", b"", True) is True
    assert pool.said == []
