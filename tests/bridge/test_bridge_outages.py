"""The broker is away, the host is killed, the disk is full: nothing taken is lost, nothing untrue stays on the broker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_stage import Amqtt, Ear, Host, Wait
from gate import Gate
from nvr_hooks import ConnectionChanged, FireAlarm, InputAlarm, MotionAlarm, Target

from hik_thermal_plugin.bridge.outbox import Outbox
from hik_thermal_plugin.bridge.store import GROUPING, Key, Row, Store

ONLINE = ConnectionChanged(camera="kiln", source="alert_stream", state="online")


def fire(**fields: Any) -> FireAlarm:
    return FireAlarm(
        camera="kiln", channel=2, raw_type="fireDetection", targets=(Target(id=1, celsius=80.0),), **fields
    )


@pytest.fixture
def gate(broker: Amqtt) -> Iterator[Gate]:
    gate = Gate(broker.port)
    yield gate
    gate.close()


@pytest.fixture
def behind(gate: Gate, make_host: Callable[..., Host]) -> Host:
    """Return a host with one camera behind the gate."""
    host = make_host(gate.port)
    host.add("kiln")
    return host


def ids(ear: Ear, kind: str) -> list[str]:
    return [event["id"] for event in ear.documents(f"kiln/2/event/{kind}")]


@pytest.mark.slow
def test_the_broker_is_away_at_the_start(
    behind: Host, gate: Gate, ear: Ear, caplog: pytest.LogCaptureFixture, wait_for: Wait
) -> None:
    gate.shut()
    behind.start()
    camera = behind.cameras["kiln"]
    camera.tell(ONLINE)
    alarm = fire()
    camera.tell(alarm)
    wait_for(lambda: sum(record.name.endswith("mqtt") for record in caplog.records) >= 3, what="three attempts")
    gate.open()
    ear.expect("kiln/2/event/fire")
    assert ids(ear, "fire")[0] == alarm.id
    ear.expect("bridge/state", lambda value: value == "online")
    ear.expect("kiln/state", lambda value: value == "online")
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1, "told once, however often it was tried"
    assert "is away (" in warnings[0].getMessage()
    assert "Errno" not in warnings[0].getMessage()


@pytest.mark.slow
def test_an_outage_in_the_middle_loses_nothing_and_keeps_the_order(
    behind: Host, gate: Gate, ear: Ear, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    behind.start()
    camera = behind.cameras["kiln"]
    ear.expect("bridge/state", lambda value: value == "online")
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 91)]
    for number, alarm in enumerate(alarms):
        if number == 30:
            wait_for(lambda: len(set(ids(ear, "input"))) == 30)
            gate.shut()
        if number == 60:
            gate.open()
        camera.tell(alarm)
    wait_for(lambda: {alarm.id for alarm in alarms} <= set(ids(ear, "input")))
    first_seen = [name for name in dict.fromkeys(ids(ear, "input")) if name in {alarm.id for alarm in alarms}]
    assert first_seen == [alarm.id for alarm in alarms]
    assert "is away (the connection was lost)" in caplog.text


def test_a_broker_that_dies_without_a_word(behind: Host, gate: Gate, ear: Ear, wait_for: Wait) -> None:
    behind.start()
    camera = behind.cameras["kiln"]
    ear.expect("bridge/state", lambda value: value == "online")
    gate.stall()
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 61)]
    start = time.monotonic()
    for alarm in alarms:
        camera.tell(alarm)
    assert time.monotonic() - start < 5, "cameras do not wait for a broker"
    gate.open()
    wait_for(lambda: {alarm.id for alarm in alarms} <= set(ids(ear, "input")))


@pytest.mark.slow
def test_many_events_wait_and_come_in_order(behind: Host, gate: Gate, ear: Ear, wait_for: Wait) -> None:
    gate.shut()
    behind.start()
    camera = behind.cameras["kiln"]
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 101)]
    alarms += [MotionAlarm(camera="kiln", channel=number, raw_type="VMD") for number in range(1, 101)]
    for alarm in alarms:
        camera.tell(alarm)
    gate.open()

    def heard() -> list[str]:
        told = [json.loads(payload) for topic, payload, _ in list(ear.heard) if "/event/" in topic]
        return list(dict.fromkeys(event["id"] for event in told if event["phase"] == "start"))

    wait_for(lambda: len(heard()) == 200)
    assert heard() == [alarm.id for alarm in alarms]


@pytest.mark.slow
def test_what_was_delivered_is_not_delivered_again(behind: Host, gate: Gate, ear: Ear, wait_for: Wait) -> None:
    behind.start()
    camera = behind.cameras["kiln"]
    camera.tell(fire())
    ear.expect_active("kiln/2/alarm/fire", False)
    ear.expect("kiln/2/event/fire", lambda value: value["phase"] == "end")
    bridge = behind.mqtt._bridge
    assert bridge is not None
    wait_for(lambda: bridge._outbox.waiting == 0, what="the broker's acknowledgement")
    for _ in range(3):
        before = len(ear.payloads("bridge/state"))
        gate.deafen()
        wait_for(lambda before=before: len(ear.payloads("bridge/state")) > before)
    assert len(ids(ear, "fire")) == 2


@pytest.mark.slow
def test_a_broker_that_forgot_everything_is_told_again(
    own_broker: Amqtt, make_host: Callable[..., Host], listen: Callable[..., Ear]
) -> None:
    own_broker.start()
    host = make_host(own_broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell(ONLINE)
    camera.tell(MotionAlarm(camera="kiln", channel=2, raw_type="VMD", phase="end"))
    listen(own_broker.port).expect_active("kiln/2/alarm/motion", False)
    own_broker.stop()
    own_broker.start()
    late = listen(own_broker.port)
    late.expect_active("kiln/2/alarm/motion", False)
    late.expect("kiln/state", lambda value: value == "online")
    late.expect("kiln/info", lambda value: value["model"] == "FAKE-1")
    late.expect("kiln/source/alert_stream", lambda value: value["state"] == "online")
    late.expect("bridge/state", lambda value: value == "online")


def killed(port: int, prefix: str, folder: Path, when: str) -> str:
    """Run a host until it has told of a fire, kill it, return the id."""
    program = Path(__file__).with_name("crash_host.py")
    arguments = [sys.executable, str(program), str(port), prefix, str(folder), when]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        identity = process.stdout.readline().strip()
        process.kill()
    assert len(identity) == 16
    return identity


@pytest.mark.slow
def test_killed_in_a_fire_and_started_again(
    broker: Amqtt, ear: Ear, make_host: Callable[..., Host], listen: Callable[..., Ear], tmp_path: Path, wait_for: Wait
) -> None:
    identity = killed(broker.port, ear.prefix, tmp_path, "acknowledged")
    wait_for(lambda: ids(ear, "fire") == [identity])
    ear.expect_active("kiln/2/alarm/fire", True)  # nobody was left to take it back
    host = make_host(broker.port)
    host.add("kiln").health = ()
    host.start()
    level = ear.expect_active("kiln/2/alarm/fire", None)
    assert level["alarm_id"] == identity
    host.cameras["kiln"].tell(ONLINE)
    host.cameras["kiln"].tell(fire())
    level = ear.expect_active("kiln/2/alarm/fire", True)
    assert level["alarm_id"] == identity, "the same fire"
    ear.expect_active("kiln/2/alarm/fire", False)
    wait_for(lambda: len(ids(ear, "fire")) == 2)
    assert [(event["phase"], event["alarm_id"]) for event in ear.documents("kiln/2/event/fire")] == [
        ("start", identity),
        ("end", identity),
    ]


def test_an_event_and_what_is_so_since_are_written_down_together(
    gate: Gate, make_host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, wait_for: Wait
) -> None:
    """A kill in between would leave an alarm on the broker that nobody ends."""
    gate.shut()
    take, write = Outbox.take, Store._write
    written: list[set[str]] = []

    def slowly(self: Outbox, *arguments: Any) -> None:
        take(self, *arguments)
        end = time.monotonic() + 3 * GROUPING
        wait_for(lambda: time.monotonic() > end, what="the writer's window")

    def listed(self: Store, changes: dict[Key, Row | None]) -> None:
        written.append({area for area, name in changes if area == "event" or name == "kiln/2/fire"})
        write(self, changes)

    monkeypatch.setattr(Outbox, "take", slowly)
    monkeypatch.setattr(Store, "_write", listed)
    host = make_host(gate.port)
    host.add("kiln")
    host.start()
    host.cameras["kiln"].tell(fire())
    wait_for(lambda: any(written), what="the event on disk")
    assert next(filter(None, written)) == {"event", "level"}


def test_killed_while_the_broker_is_away(
    gate: Gate, broker: Amqtt, ear: Ear, make_host: Callable[..., Host], tmp_path: Path
) -> None:
    gate.shut()
    identity = killed(gate.port, ear.prefix, tmp_path, "written")
    assert ids(ear, "fire") == []
    host = make_host(broker.port)
    host.add("kiln").health = ()
    host.start()
    ear.expect("kiln/2/event/fire")
    event = ear.documents("kiln/2/event/fire")[0]
    assert (event["id"], event["phase"]) == (identity, "start")
    assert ear.expect_active("kiln/2/alarm/fire", None)["alarm_id"] == identity
    host.close()
    assert len(ids(ear, "fire")) == 1


@pytest.mark.slow
def test_a_level_of_an_earlier_life_that_nobody_remembers(host: Host, ear: Ear, listen: Callable[..., Ear]) -> None:
    ear.say("kiln/2/alarm/fire", {"active": True, "celsius": 80.0}, retain=True)
    ear.say("kiln/2/alarm/motion", b"no json", retain=True)
    ear.say("oven/2/alarm/fire", {"active": True}, retain=True)
    host.cameras["kiln"].health = ()
    host.start()
    ear.expect_active("kiln/2/alarm/fire", None)
    ear.expect_active("kiln/2/alarm/motion", None)
    host.cameras["kiln"].tell(ONLINE)
    assert ear.expect_active("kiln/2/alarm/fire", False)["released_by"] == "quiet"
    assert ear.latest("oven/2/alarm/fire") == {"active": True}, "another bridge's camera"


def test_a_camera_that_is_no_longer_configured(broker: Amqtt, ear: Ear, make_host: Callable[..., Host]) -> None:
    first = make_host(broker.port)
    for name in ("kiln", "oven"):
        first.add(name).tell(fire())
    first.start()
    first.cameras["oven"].tell(MotionAlarm(camera="oven", channel=2, raw_type="VMD"))
    first.cameras["kiln"].tell(fire())
    ear.expect("oven/2/alarm/motion")
    ear.expect("kiln/2/alarm/fire")
    first.close()
    second = make_host(broker.port)
    second.add("kiln")
    second.start()
    for topic in ("oven/state", "oven/info", "oven/2/alarm/motion", "oven/source/alert_stream"):
        ear.expect(topic, lambda value: value == "")
    assert ear.expect("kiln/2/alarm/fire")["kind"] == "fire"
    second.close()
    third = make_host(broker.port)
    third.add("kiln")
    third.start()
    ear.expect("bridge/state", lambda value: value == "online")
    assert ear.payloads("oven/state").count(b"") == 1, "cleared once and for all"


def test_close_takes_back_what_nobody_can_know_any_more(
    host: Host, ear: Ear, listen: Callable[..., Ear], broker: Amqtt
) -> None:
    host.start()
    host.cameras["kiln"].tell(fire())
    ear.expect_active("kiln/2/alarm/fire", True)
    host.close()
    late = listen(broker.port)
    late.expect("bridge/state", lambda value: value == "offline")
    late.expect_active("kiln/2/alarm/fire", None)
    late.expect("kiln/state", lambda value: value == "offline")
    assert all(item.state == "closed" for item in host.cameras["kiln"].listeners)
    host.cameras["kiln"].tell(fire())
    host.close()


def test_close_delivers_what_is_waiting(behind: Host, gate: Gate, ear: Ear) -> None:
    gate.shut()
    behind.start()
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 41)]
    for alarm in alarms:
        behind.cameras["kiln"].tell(alarm)
    gate.open()
    ear.expect("kiln/2/event/input")
    behind.close()
    assert set(ids(ear, "input")) >= {alarm.id for alarm in alarms}
    assert ear.expect("bridge/state", lambda value: value == "offline")


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["shut", "stall", "refused port"])
def test_close_is_quick_without_a_broker(
    behind: Host, gate: Gate, ear: Ear, trouble: str, make_host: Callable[..., Host]
) -> None:
    if trouble == "refused port":
        gate.shut()
    behind.start()
    if trouble != "refused port":
        ear.expect("bridge/state", lambda value: value == "online")
        gate.shut() if trouble == "shut" else gate.stall()
    alarm = fire()
    behind.cameras["kiln"].tell(alarm)
    start = time.monotonic()
    behind.close()
    assert time.monotonic() - start < 5
    gate.open()
    again = make_host(gate.port)
    again.add("kiln")
    again.start()
    ear.expect("kiln/2/event/fire")
    assert ids(ear, "fire")[0] == alarm.id, "it waited in the outbox"


def test_close_while_a_broker_takes_connections_and_says_nothing(
    gate: Gate, make_host: Callable[..., Host], wait_for: Wait
) -> None:
    gate.stall()
    host = make_host(gate.port)
    host.add("kiln")
    host.start()
    start = time.monotonic()
    host.close()
    assert time.monotonic() - start < 5


@pytest.mark.slow
def test_drops_are_told(gate: Gate, make_host: Callable[..., Host], ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    gate.shut()
    host = make_host(gate.port, outbox={"max_size": 20_000})
    camera = host.add("kiln")
    host.start()
    alarm = fire()
    camera.tell(alarm)
    for number in range(1, 61):
        camera.tell(MotionAlarm(camera="kiln", channel=number, raw_type="VMD"))
    gate.open()
    status = ear.expect("bridge/outbox", lambda value: value["dropped"]["total"] > 0)
    assert status["dropped"]["by_kind"] == {"motion": status["dropped"]["no_room"]}
    ear.expect("kiln/2/event/fire")
    assert ids(ear, "fire")[0] == alarm.id
    assert sum("dropped" in record.getMessage() for record in caplog.records) == 1, "not a line for each"


def test_an_outbox_that_cannot_be_written_is_told(
    broker: Amqtt, make_host: Callable[..., Host], ear: Ear, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    host = make_host(broker.port)
    camera = host.add("kiln")
    host.start()
    status = ear.expect("bridge/outbox", lambda value: value["state"] == "memory_only")
    assert str(tmp_path) in status["reason"]
    camera.tell(fire())
    ear.expect("kiln/2/event/fire")
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "memory only" in errors[0]


def test_a_broken_outbox_is_told(broker: Amqtt, make_host: Callable[..., Host], ear: Ear, tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"no database" * 1000)
    host = make_host(broker.port, outbox={"path": str(path)})
    host.add("kiln")
    host.start()
    status = ear.expect("bridge/outbox")
    assert (status["state"], status["moved_aside"]) == ("ok", f"{path}.broken")
