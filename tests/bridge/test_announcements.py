"""Cameras are announced to Home Assistant: when they are known, when they show something new, when somebody comes, and no longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bridge_stage import Amqtt, Ear, Host, Wait
from nvr_hooks import (
    AlarmPicture,
    CameraChanged,
    ConnectionChanged,
    FireAlarm,
    Reporting,
    SmokeAlarm,
    TemperatureReading,
)
from nvr_hooks.testing import JPEG, FakeCamera

ONLINE = ConnectionChanged(camera="kiln", source="alert_stream", state="online")
Make = Callable[..., Host]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.announcements.SETTLE_SECONDS", 0.05)
    monkeypatch.setattr("hik_thermal_plugin.bridge.announcements.LISTENING_SECONDS", 0.3)
    monkeypatch.setattr("hik_thermal_plugin.bridge.announcements.HEIR_SECONDS", 0.5)


@pytest.fixture
def announcing(make_host: Make, prefix: str) -> Make:
    """Return `announcing(port, **home_assistant)`: a host that announces, under a prefix the ear hears."""

    def make(port: int, **settings: Any) -> Host:
        return make_host(port, home_assistant={"discovery": True, "prefix": f"{prefix}/ha", **settings})

    return make


def topic(serial: str, ear: Ear) -> str:
    return f"ha/device/{ear.prefix.replace('/', '_')}_{serial}/config"


def components(document: Any) -> dict[str, Any]:
    return dict(document["components"]) if isinstance(document, dict) else {}


def reading(**values: Any) -> TemperatureReading:
    fields = {"channel": 2, "rule": 1, "rule_name": "Door", "highest_celsius": 48.0, **values}
    return TemperatureReading(camera="kiln", **fields)


@pytest.mark.slow
def test_a_known_camera_is_announced_with_the_levels_it_says_it_has(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    document = ear.expect(topic("fake-kiln", ear), components)
    assert document["device"]["model"] == "FAKE-1"
    assert {"connectivity", "2_alarm_temperature", "2_snapshot"} <= set(components(document))

    ear.expect_active("kiln/2/alarm/temperature", None)
    camera.tell(ONLINE)
    ear.expect_active("kiln/2/alarm/temperature", False)  # connected and quiet
    ear.expect_active("kiln/2/alarm/test", False)


def test_nothing_is_announced_unasked(broker: Amqtt, make_host: Make, ear: Ear, prefix: str) -> None:
    host = make_host(broker.port, home_assistant={"prefix": f"{prefix}/ha"})
    host.add("kiln").tell(ONLINE)
    host.start()
    ear.expect("kiln/info")
    host.close()

    assert [where for where, _, _ in ear.heard if where.startswith("ha/") or "alarm" in where] == []


def test_a_camera_is_announced_when_it_has_said_who_it_is(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    known, camera.info = camera.info, replace(camera.info, serial=None, model=None, firmware=None, channels=None)
    host.start()
    ear.expect("kiln/info")
    camera.tell(CameraChanged(camera="kiln", info=known))
    ear.expect(topic("fake-kiln", ear), components)

    assert topic("kiln", ear) not in {where for where, _, _ in ear.heard}


@pytest.mark.slow
def test_what_a_camera_shows_gets_an_entity(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    ear.expect(topic("fake-kiln", ear), components)
    camera.tell(SmokeAlarm(camera="kiln", channel=2, raw_type="smokeDetection"))
    camera.tell(AlarmPicture(camera="kiln", channel=2, kind="smoke", data=JPEG))
    camera.tell_reading(reading())
    ear.expect(
        topic("fake-kiln", ear),
        lambda told: {"2_alarm_smoke", "2_picture_smoke", "2_temperature_1_max"} <= set(components(told)),
    )
    camera.tell_reading(reading(rule_name="Tür", highest_celsius=50.0))
    ear.expect(topic("fake-kiln", ear), lambda told: components(told)["2_temperature_1_max"]["name"] == "Tür highest")


def test_a_rule_that_ends_is_taken_away(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell_reading(reading())
    ear.expect(topic("fake-kiln", ear), lambda told: "unique_id" in components(told).get("2_temperature_1_max", {}))
    camera.tell_reading(reading(status="ended"))
    ear.expect(
        topic("fake-kiln", ear), lambda told: components(told).get("2_temperature_1_max") == {"platform": "sensor"}
    )


def test_units_follow_the_camera_s(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell_reading(reading())
    ear.expect(topic("fake-kiln", ear), lambda told: "2_temperature_1_max" in components(told))
    camera.tell(CameraChanged(camera="kiln", info=replace(camera.info, reporting=Reporting(unit="fahrenheit"))))
    ear.expect(
        topic("fake-kiln", ear),
        lambda told: components(told)["2_temperature_1_max"]["unit_of_measurement"] == "°F",
    )


def test_an_announcement_and_states_are_repeated_when_the_entities_listen(
    broker: Amqtt, announcing: Make, ear: Ear, wait_for: Wait
) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell(ONLINE)
    camera.tell(AlarmPicture(camera="kiln", channel=2, kind="fire", data=JPEG))
    wait_for(lambda: len(ear.payloads(topic("fake-kiln", ear))) >= 2)
    wait_for(lambda: ear.payloads("bridge/state") == [b"online"] * 2)
    wait_for(lambda: ear.payloads("kiln/state").count(b"online") == 2)

    assert len(ear.payloads("kiln/2/picture/fire")) == 1, "a picture told twice looks like a new one"


@pytest.mark.slow
def test_home_assistant_s_birth_brings_everything_again(
    broker: Amqtt, announcing: Make, ear: Ear, wait_for: Wait
) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell(AlarmPicture(camera="kiln", channel=2, kind="fire", data=JPEG))
    wait_for(lambda: ear.payloads("bridge/state") == [b"online"] * 2)
    before = len(ear.payloads(topic("fake-kiln", ear)))
    ear.say("ha/status", b"offline")
    ear.say("ha/status", b"online")
    wait_for(lambda: len(ear.payloads(topic("fake-kiln", ear))) >= before + 2)
    wait_for(lambda: ear.payloads("bridge/state") == [b"online"] * 3)
    wait_for(lambda: len(ear.payloads("kiln/2/picture/fire")) == 2)


@pytest.mark.slow
def test_a_broker_that_forgot_everything_is_told_again(
    own_broker: Amqtt, announcing: Make, listen: Callable[..., Ear]
) -> None:
    own_broker.start()
    host = announcing(own_broker.port)
    host.add("kiln")
    host.start()
    ear = listen(own_broker.port)
    ear.expect(topic("fake-kiln", ear), components)
    own_broker.stop()
    own_broker.start()
    again = listen(own_broker.port)
    again.expect(topic("fake-kiln", ear), components)


def removed(ear: Ear, where: str) -> None:
    ear.expect(where, lambda value: value == "")


@pytest.mark.slow
def test_a_camera_that_is_removed_is_taken_away(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    ear.expect(topic("fake-kiln", ear), components)
    host.plugins.manager.unregister(camera)
    camera.tell(ConnectionChanged(camera="kiln", state="removed"))
    removed(ear, topic("fake-kiln", ear))
    removed(ear, "kiln/2/alarm/temperature")


@pytest.mark.slow
def test_what_went_while_we_were_away_is_taken_away(
    broker: Amqtt, announcing: Make, make_host: Make, ear: Ear, prefix: str
) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.add("oven")
    host.start()
    camera.tell_reading(reading())
    ear.expect(topic("fake-kiln", ear), lambda told: "2_temperature_1_max" in components(told))
    ear.expect(topic("fake-oven", ear), components)
    host.close()

    second = announcing(broker.port)
    second.add("kiln")
    second.start()
    removed(ear, topic("fake-oven", ear))
    ear.expect(
        topic("fake-kiln", ear), lambda told: "2_temperature_1_max" in components(told)
    )  # known from before, not heard yet
    second.close()

    third = make_host(broker.port, home_assistant={"discovery": False, "prefix": f"{prefix}/ha"})
    third.add("kiln")
    third.start()
    removed(ear, topic("fake-kiln", ear))


def test_another_prefix_of_home_assistant_moves_the_announcement(
    broker: Amqtt, announcing: Make, ear: Ear, prefix: str
) -> None:
    host = announcing(broker.port)
    host.add("kiln")
    host.start()
    ear.expect(topic("fake-kiln", ear), components)
    host.close()
    second = announcing(broker.port, prefix=f"{prefix}/other")
    second.add("kiln")
    second.start()
    removed(ear, topic("fake-kiln", ear))
    ear.expect(topic("fake-kiln", ear).replace("ha/", "other/", 1), components)


def test_a_renamed_camera_stays_the_same_device(broker: Amqtt, announcing: Make, ear: Ear, wait_for: Wait) -> None:
    host = announcing(broker.port)
    first = host.add("kiln")
    host.start()
    first.tell_reading(reading())
    ear.expect(topic("fake-kiln", ear), lambda told: "2_temperature_1_max" in components(told))
    host.close()
    second = announcing(broker.port)
    renamed = second.add("Ofen 1")
    renamed.info = replace(renamed.info, serial="FAKE-kiln")
    second.start()
    document = ear.expect(
        topic("fake-kiln", ear), lambda told: isinstance(told, dict) and told["device"]["name"] == "Ofen 1"
    )
    assert document["components"]["2_snapshot"]["command_topic"] == f"{ear.prefix}/ofen_1/2/snapshot/set"
    assert document["components"]["2_temperature_1_max"]["state_topic"] == f"{ear.prefix}/ofen_1/2/temperature/1"
    bridge = second.mqtt._bridge
    assert bridge is not None
    wait_for(lambda: not bridge._home_assistant._left)
    second.close()
    assert b"" not in ear.payloads(topic("fake-kiln", ear)), "it was never taken away"


def test_two_entries_for_one_device_are_two(broker: Amqtt, announcing: Make, ear: Ear, wait_for: Wait) -> None:
    host = announcing(broker.port)
    for name in ("kiln", "oven"):
        camera = host.add(name)
        camera.info = replace(camera.info, serial="same")
    host.start()
    ends = {"kiln": ("same", "same_kiln"), "oven": ("same", "same_oven")}

    def told() -> set[tuple[str, str]]:
        heard = [(where, json.loads(payload)) for where, payload, _ in ear.heard if where.startswith("ha/")]
        return {(document["device"]["name"], where) for where, document in heard}

    wait_for(lambda: {name for name, _ in told()} == set(ends))
    places = dict(told())
    assert len(set(places.values())) == 2
    assert all(where in [topic(end, ear) for end in ends[name]] for name, where in places.items())


def test_rules_of_an_earlier_life_the_camera_no_longer_names_are_cleared(
    broker: Amqtt, announcing: Make, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.FORGET_SECONDS", 0.2)
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    for rule, preset in ((1, None), (2, None), (1, 7)):
        camera.tell_reading(reading(rule=rule, preset=preset))
    ear.expect(topic("fake-kiln", ear), lambda told: "2_temperature_p7-1_max" in components(told))
    host.close()

    second = announcing(broker.port)
    other = second.add("kiln")
    second.start()
    other.tell_reading(reading(rule=1))
    removed(ear, "kiln/2/temperature/2")
    told = ear.expect(
        topic("fake-kiln", ear), lambda told: components(told).get("2_temperature_2_max") == {"platform": "sensor"}
    )
    assert "unique_id" in components(told)["2_temperature_p7-1_max"], "the camera may be looking elsewhere for long"
    assert "unique_id" in components(told)["2_temperature_1_max"]


def test_a_fire_is_announced_once_and_not_with_every_repeat(
    broker: Amqtt, announcing: Make, ear: Ear, wait_for: Wait
) -> None:
    host = announcing(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell(ONLINE)
    camera.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", celsius=80.0))
    ear.expect(topic("fake-kiln", ear), lambda told: "2_alarm_fire" in components(told))
    told = set(ear.payloads(topic("fake-kiln", ear)))
    for number in range(20):
        camera.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", celsius=81.0 + number))
    ear.expect("kiln/2/alarm/fire", lambda value: value["celsius"] == 100.0)
    camera.tell(SmokeAlarm(camera="kiln", channel=2, raw_type="smokeDetection"))
    ear.expect(topic("fake-kiln", ear), lambda told: "2_alarm_smoke" in components(told))
    wait_for(lambda: len(set(ear.payloads(topic("fake-kiln", ear))) - told) == 1)


def test_what_was_kept_by_nobody_we_know_is_ignored(broker: Amqtt, announcing: Make, ear: Ear) -> None:
    host = announcing(broker.port)
    camera: FakeCamera = host.add("kiln")
    host.start()
    ear.expect(topic("fake-kiln", ear), components)
    assert host.mqtt._bridge is not None
    host.mqtt._bridge._store.put("home_assistant", "kiln", '{"node": 1}', b"nonsense")
    host.close()
    second = announcing(broker.port)
    second.plugins.add("fake", camera)
    before = len(ear.payloads(topic("fake-kiln", ear)))
    second.start()
    ear.expect(topic("fake-kiln", ear), lambda _: len(ear.payloads(topic("fake-kiln", ear))) > before)
