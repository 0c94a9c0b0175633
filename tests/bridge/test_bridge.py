"""The bridge end to end on a broker: cameras tell, subscribers hear."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bridge_stage import Amqtt, Ear, Host, Wait
from nvr_hooks import (
    AlarmPicture,
    CameraChanged,
    ConfigError,
    ConnectionChanged,
    Disk,
    FireAlarm,
    Health,
    MotionAlarm,
    Target,
    TemperatureAlarm,
    TemperatureReading,
    Unreachable,
    Unsupported,
    hookimpl,
    now,
)
from nvr_hooks.testing import FakeSubscription

ONLINE = ConnectionChanged(camera="kiln", source="alert_stream", state="online")
OFFLINE = ConnectionChanged(camera="kiln", source="alert_stream", state="offline", reason="kiln: cable pulled")
SCHEMA = Path(__file__).parents[2] / "docs" / "events.schema.json"


def fire(**fields: Any) -> FireAlarm:
    targets = (Target(id=1, celsius=68.0, region=((0.1, 0.1),)), Target(id=4, celsius=101.0, hottest=(0.0, 0.38)))
    return FireAlarm(
        **{"camera": "kiln", "channel": 2, "raw_type": "fireDetection", "celsius": 101.0, "targets": targets} | fields
    )


@pytest.mark.slow
def test_a_fire_reaches_the_subscriber(host: Host, ear: Ear) -> None:
    host.start()
    host.cameras["kiln"].tell(ONLINE)
    alarm = fire()
    host.cameras["kiln"].tell(alarm)
    event = ear.expect("kiln/2/event/fire")
    assert (event["id"], event["alarm_id"], event["phase"], event["camera"]) == (alarm.id, alarm.id, "start", "kiln")
    level = ear.expect_active("kiln/2/alarm/fire", True)
    assert (level["celsius"], level["distance_m"], len(level["targets"])) == (101.0, None, 2)
    assert all(retained is False for topic, _, retained in ear.heard if "/event/" in topic)
    level = ear.expect_active("kiln/2/alarm/fire", False)
    assert level["released_by"] == "quiet"
    assert [event["phase"] for event in ear.documents("kiln/2/event/fire")] == ["start", "end"]


@pytest.mark.slow
def test_every_event_fits_the_schema(host: Host, ear: Ear) -> None:
    host.start()
    camera = host.cameras["kiln"]
    camera.tell(ONLINE)
    hot = TemperatureAlarm(camera="kiln", channel=2, raw_type="TMPA", level="pre_alarm", rule=1, celsius=50.0)
    for event in (fire(), MotionAlarm(camera="kiln", channel=2, raw_type="VMD"), hot, replace(hot, level="alarm")):
        camera.tell(event)
    for kind in ("fire", "motion", "temperature"):
        ear.expect(f"kiln/2/event/{kind}", lambda value: value["phase"] == "end")
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    told = [json.loads(payload) for topic, payload, _ in ear.heard if "/event/" in topic]
    assert [event["phase"] for event in told if event["kind"] == "temperature"][:2] == ["start", "level"]
    for event in told:
        schema.validate(event)


@pytest.mark.slow
def test_everything_is_there_for_a_late_subscriber(
    host: Host, broker: Amqtt, ear: Ear, listen: Callable[..., Ear]
) -> None:
    host.start()
    camera = host.cameras["kiln"]
    camera.tell(ONLINE)
    camera.tell(AlarmPicture(camera="kiln", channel=2, kind="fire", data=b"\xff\xd8 picture"))
    camera.tell(AlarmPicture(camera="kiln", channel=2, kind="fire", view="visible", data=b"\xff\xd8 visible"))
    camera.tell_reading(TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=48.3))
    camera.tell(MotionAlarm(camera="kiln", channel=2, raw_type="VMD", phase="end"))
    ear.expect_active("kiln/2/alarm/motion", False)
    late = listen(broker.port)
    assert late.expect("bridge/state") == "online"
    assert late.expect("kiln/state") == "online"
    assert late.expect("kiln/source/alert_stream")["state"] == "online"
    assert late.expect("kiln/info")["model"] == "FAKE-1"
    assert late.expect("kiln/2/temperature/1")["max"] == 48.3
    assert late.expect_active("kiln/2/alarm/motion", False)
    late.expect("kiln/2/picture/fire")
    assert set(late.payloads("kiln/2/picture/fire")) == {b"\xff\xd8 picture"}
    late.expect("kiln/2/picture/fire/visible")
    assert late.expect("bridge/outbox")["state"] == "ok"
    assert late.payloads("kiln/2/event/motion") == []
    assert all(retained for topic, _, retained in late.heard if topic != "bridge/heartbeat")


@pytest.mark.slow
def test_cable_pulled_in_a_fire(host: Host, ear: Ear) -> None:
    host.start()
    camera = host.cameras["kiln"]
    camera.tell(ONLINE)
    camera.tell(fire())
    ear.expect_active("kiln/2/alarm/fire", True)
    camera.tell_reading(TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=80.0, source="metadata"))
    camera.tell(OFFLINE)
    ear.expect_active("kiln/2/alarm/fire", None)
    assert ear.expect("kiln/state", lambda value: value == "offline")
    source = ear.expect("kiln/source/alert_stream", lambda value: value["state"] == "offline")
    assert source["reason"] == "kiln: cable pulled"
    assert ear.latest("kiln/2/temperature/1")["stale"] is False, "another source feeds it"
    camera.tell(ConnectionChanged(camera="kiln", source="metadata", state="offline"))
    ear.expect("kiln/2/temperature/1", lambda value: value["stale"] is True)
    camera.tell(ONLINE)
    ear.expect_active("kiln/2/alarm/fire", False)
    assert [level["active"] for level in ear.documents("kiln/2/alarm/fire")] == [True, None, False]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([("alert_stream", "auth_blocked")], "auth_blocked"),
        ([("alert_stream", "error")], "error"),
        ([("alert_stream", "offline"), ("push", "starting")], "offline"),
        ([("alert_stream", "offline"), ("sdk", "online")], "online"),
        ([("alert_stream", "offline"), ("realtime", "online")], "offline"),
        ([("realtime", "online"), ("alert_stream", "starting")], "starting"),
    ],
)
def test_the_state_of_a_camera_is_that_of_its_alarm_sources(
    host: Host, ear: Ear, states: list[tuple[Any, Any]], expected: str
) -> None:
    host.cameras["kiln"].health = ()
    host.start()
    for source, state in states:
        host.cameras["kiln"].tell(ConnectionChanged(camera="kiln", source=source, state=state))
    source, state = states[-1]
    ear.expect(f"kiln/source/{source}", lambda value: value["state"] == state)
    ear.expect("kiln/state", lambda value: value == expected)


def test_a_camera_that_was_connected_before(host: Host, ear: Ear) -> None:
    host.start()
    ear.expect("kiln/state", lambda value: value == "online")
    source = ear.expect("kiln/source/alert_stream", lambda value: value["events"] == 0)
    assert source["since"] is not None


def test_counters_of_a_source(host: Host, ear: Ear) -> None:
    camera = host.cameras["kiln"]
    host.start()
    camera.health = (Health(camera="kiln", source="alert_stream", state="online", since=now(), reconnects=7, bytes=9),)
    camera.tell(OFFLINE)
    source = ear.expect("kiln/source/alert_stream", lambda value: value["reconnects"] == 7)
    assert (source["state"], source["bytes"]) == ("offline", 9), "a change is newer than health"


def test_more_becomes_known_of_a_camera(host: Host, ear: Ear) -> None:
    camera = host.cameras["kiln"]
    host.start()
    camera.tell(CameraChanged(camera="kiln", info=replace(camera.info, model="NEW")))
    ear.expect("kiln/info", lambda value: value["model"] == "NEW")


def test_disks_are_asked_for_when_the_camera_is_there(host: Host, ear: Ear) -> None:
    class Storage:
        @hookimpl
        def nvr_storage(self, camera: str) -> list[Disk]:
            return [Disk(id=1, kind="disk", state="ok", capacity=100)]

    host.plugins.add("storage", Storage())
    host.start()
    info = ear.expect("kiln/info", lambda value: value["storage"] is not None)
    assert info["storage"][0]["capacity"] == 100


def test_a_fire_is_not_over_while_a_word_of_it_may_wait(host: Host, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[FakeSubscription] = []

    def waiting(self: FakeSubscription) -> int:
        asked.append(self)
        return max(0, 5 - len(asked))

    monkeypatch.setattr(FakeSubscription, "waiting", property(waiting), raising=False)
    monkeypatch.setattr("hik_thermal_plugin.bridge.lifecycle.ASK_AGAIN", 0.05)
    host.start()
    host.cameras["kiln"].tell(ONLINE)
    host.cameras["kiln"].tell(fire())
    ear.expect_active("kiln/2/alarm/fire", True)
    ear.expect_active("kiln/2/alarm/fire", False)
    assert len(asked) >= 5


def test_disks_are_looked_at_again(host: Host, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Exception | str] = [Unreachable("kiln: away"), "error", "ok"]

    class Storage:
        @hookimpl
        def nvr_storage(self, camera: str) -> list[Disk]:
            look = looks.pop(0) if len(looks) > 1 else looks[0]
            if isinstance(look, Exception):
                raise look
            return [Disk(id=1, kind="disk", state=look)]

    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.DISKS_SECONDS", 0.05)
    host.plugins.add("storage", Storage())
    host.start()
    for state in ("error", "ok"):
        ear.expect("kiln/info", lambda value, state=state: value["storage"] and value["storage"][0]["state"] == state)


def test_a_temperature_rule_that_ended_is_cleared(host: Host, ear: Ear) -> None:
    host.start()
    reading = TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=48.3)
    host.cameras["kiln"].tell_reading(reading)
    ear.expect("kiln/2/temperature/1")
    host.cameras["kiln"].tell_reading(replace(reading, status="ended"))
    ear.expect("kiln/2/temperature/1", lambda value: value == "")


@pytest.mark.slow
def test_a_live_reading_holds_its_alarm(host: Host, ear: Ear) -> None:
    camera = host.cameras["kiln"]
    host.start()
    camera.tell(ONLINE)
    reading = TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=60.0)
    camera.tell_reading(reading)
    camera.tell(
        TemperatureAlarm(
            camera="kiln", channel=2, raw_type="TMA", rule=1, condition="above", celsius=60.0, threshold_celsius=50.0
        )
    )
    camera.tell(MotionAlarm(camera="kiln", channel=2, raw_type="VMD"))
    ear.expect_active("kiln/2/alarm/motion", False)
    ear.expect("kiln/2/event/motion", lambda value: value["phase"] == "end")
    assert ear.latest("kiln/2/alarm/temperature")["active"] is True, "as long ago as the motion, but still hot"
    camera.tell_reading(replace(reading, highest_celsius=40.0))
    ear.expect_active("kiln/2/alarm/temperature", False)


def test_names_with_strange_letters(broker: Amqtt, make_host: Callable[..., Host], ear: Ear) -> None:
    host = make_host(broker.port)
    camera = host.add("Ofen 1/Süd")
    host.start()
    camera.tell(MotionAlarm(camera="Ofen 1/Süd", channel=2, raw_type="VMD"))
    assert ear.expect("ofen_1_s_d/2/event/motion")["camera"] == "Ofen 1/Süd"


@pytest.mark.parametrize(("names", "problem"), [(("kiln", "KILN"), "would share"), (("Bridge",), "cannot be called")])
def test_names_that_cannot_have_topics(make_host: Callable[..., Host], names: tuple[str, ...], problem: str) -> None:
    host = make_host(1)
    for name in names:
        host.add(name)
    with pytest.raises(ConfigError, match=problem):
        host.start()


def test_without_a_section_nothing_happens(make_host: Callable[..., Host]) -> None:
    host = make_host(1)
    host.add()
    del host.config["mqtt"]
    host.start()
    assert host.cameras["kiln"].listeners == []


def test_a_camera_nobody_listens_to(host: Host, ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    class Deaf:
        @hookimpl(tryfirst=True)
        def nvr_listen(self, camera: str, sink: Any) -> None:
            raise Unreachable(f"{camera}: no route")

        @hookimpl(tryfirst=True)
        def nvr_watch(self, camera: str, sink: Any) -> None:
            raise Unsupported(f"{camera}: measures nothing")

    host.plugins.add("deaf", Deaf())
    host.start()
    ear.expect("kiln/info")
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["kiln: its alarms cannot be listened to: kiln: no route"]


def test_a_new_camera_and_a_removed_one(host: Host, ear: Ear, wait_for: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.LOOK_SECONDS", 0.05)
    host.start()
    host.cameras["kiln"].tell(fire())
    ear.expect("kiln/2/alarm/fire")
    oven = host.add("oven")
    ear.expect("oven/state", lambda value: value == "online")
    oven.tell(MotionAlarm(camera="oven", channel=2, raw_type="VMD"))
    ear.expect("oven/2/event/motion")
    kiln = host.cameras.pop("kiln")
    host.plugins.manager.unregister(kiln)
    kiln.tell(ConnectionChanged(camera="kiln", state="removed"))
    for topic in ("kiln/state", "kiln/info", "kiln/2/alarm/fire", "kiln/source/alert_stream"):
        ear.expect(topic, lambda value: value == "")
    wait_for(lambda: kiln.listeners[0].state == "closed")
    assert ear.latest("oven/state") == "online"


def test_a_subscription_that_ended_is_renewed(
    host: Host, ear: Ear, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.LOOK_SECONDS", 0.05)
    camera = host.cameras["kiln"]
    host.start()
    camera.listeners[0].end("done")
    camera.watchers[0].end("done")
    wait_for(lambda: any(item.state == "running" for item in camera.listeners))
    camera.tell(fire())
    ear.expect("kiln/2/event/fire")
    assert len(ear.documents("kiln/2/event/fire")) == 1


def test_a_new_configuration_while_running(host: Host, broker: Amqtt, listen: Callable[..., Ear], ear: Ear) -> None:
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    before = host.cameras["kiln"].listeners[0]
    host.hook.nvr_configure(config=host.config)
    assert before.state == "running", "nothing changed"
    host.config["mqtt"] = {**host.config["mqtt"], "prefix": f"{ear.prefix}/other"}
    other = listen(broker.port, prefix=f"{ear.prefix}/other")
    host.hook.nvr_configure(config=host.config)
    other.expect("bridge/state", lambda value: value == "online")
    ear.expect("bridge/state", lambda value: value == "offline")
    host.cameras["kiln"].tell(fire())
    other.expect("kiln/2/event/fire")
    del host.config["mqtt"]
    host.hook.nvr_configure(config=host.config)
    other.expect("bridge/state", lambda value: value == "offline")


def test_the_heartbeat(host: Host, ear: Ear, monkeypatch: pytest.MonkeyPatch, wait_for: Wait) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.HEARTBEAT_SECONDS", 0.05)
    host.start()
    wait_for(lambda: len(set(ear.payloads("bridge/heartbeat"))) >= 3)
    assert ear.payloads("bridge/heartbeat")[-1].endswith(b"Z")
    assert all(retained is False for topic, _, retained in ear.heard if topic == "bridge/heartbeat")
