"""The whole way to a real Home Assistant: simulated camera, `hik-thermal run`, mosquitto, hass; and the way back from a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hass import HomeAssistant

pytestmark = pytest.mark.integration
ANNOUNCED = {"home_assistant": {"discovery": True}, "release_after": 2}
NAME = "Ofen Süd/1 +#"
FIRE = "binary_sensor.ofen_sud_1_fire"
CONNECTION = "binary_sensor.ofen_sud_1_connection"


@pytest.fixture
def camera(hik_simulator: Any, secret: str) -> Any:
    return hik_simulator(password=secret, heartbeat=1.0)


def burn(camera: Any) -> None:
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350, "distance_m": 40}}])


def rules(service: Any, change: Callable[[dict[int, Any]], object]) -> None:
    """Change the camera's measuring rules as its owner does."""
    document = yaml.safe_load(service.ask("rules", NAME, "get").stdout)
    change(document["regions"])
    path = service.folder / "rules.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    done = service.ask("rules", NAME, "apply", str(path), "--write")
    assert done.returncode == 0, done.stderr


def test_entities_appear_change_become_unknown_and_unavailable_and_disappear(
    home_assistant: HomeAssistant,
    service: Any,
    broker: int,
    camera: Any,
) -> None:
    home_assistant.configure(port=broker)
    service.configure({NAME: {"url": camera.http}}, **ANNOUNCED)
    home_assistant.start()
    service.start()

    # they appear
    home_assistant.expect(CONNECTION, "on")
    home_assistant.expect(FIRE, "off")
    device = {
        name: home_assistant.rendered(f"{{{{ device_attr('{FIRE}', '{name}') }}}}")
        for name in ("name", "manufacturer", "model", "sw_version", "configuration_url")
    }
    assert device["name"] == NAME
    assert device["model"] == "DS-2TD1228-2-QA"
    assert device["sw_version"].startswith("V5.5")
    assert device["configuration_url"] == camera.http
    home_assistant.expect("event.ofen_sud_1_fire_event", "unknown")
    home_assistant.until(lambda: 15 < float(home_assistant.state("sensor.ofen_sud_1_kiln_highest") or 0) < 30)
    difference = home_assistant.attributes("sensor.ofen_sud_1_kiln_difference")
    assert (difference["unit_of_measurement"], difference.get("device_class")) == ("K", None)

    # they change
    camera.apply([{"temperature": {"rule": 1, "celsius": 75.5}}])
    home_assistant.expect("binary_sensor.ofen_sud_1_temperature_pre_alarm", "on")
    home_assistant.until(lambda: float(home_assistant.state("sensor.ofen_sud_1_kiln_highest") or 0) > 70)
    burn(camera)
    home_assistant.expect(FIRE, "on")
    seen = home_assistant.attributes(FIRE)
    assert (seen["device_class"], seen["celsius"], seen["distance_m"]) == ("safety", 350.0, 40.0)
    home_assistant.until(lambda: home_assistant.attributes("event.ofen_sud_1_fire_event").get("event_type") == "start")
    home_assistant.until(lambda: home_assistant.picture("image.ofen_sud_1_fire_picture").startswith(b"\xff\xd8"))
    home_assistant.until(lambda: home_assistant.picture("camera.ofen_sud_1_last_alarm_picture").startswith(b"\xff\xd8"))
    camera.apply([{"extinguish": {}}, {"temperature": {"rule": 1, "celsius": 21.0}}])
    home_assistant.expect(FIRE, "off")
    assert home_assistant.attributes(FIRE)["released_by"] == "quiet"
    home_assistant.until(lambda: home_assistant.attributes("event.ofen_sud_1_fire_event")["event_type"] == "end")
    home_assistant.expect("binary_sensor.ofen_sud_1_temperature_pre_alarm", "off")
    assert home_assistant.state("binary_sensor.ofen_sud_1_motion_camera_01") is None
    camera.apply([{"motion": {"channel": 1}}])  # of the other channel, and shown for the first time
    home_assistant.expect("binary_sensor.ofen_sud_1_motion_camera_01", "on")
    home_assistant.expect("binary_sensor.ofen_sud_1_motion_camera_01", "off")

    # the camera is away: nobody can know, but that it is away is known
    camera.apply([{"fault": {"kind": "reboot", "seconds": 4}}])
    home_assistant.expect(CONNECTION, "off")
    home_assistant.expect(FIRE, "unavailable")
    assert home_assistant.state("sensor.ofen_sud_1_kiln_highest") == "unavailable"
    home_assistant.expect(FIRE, "unknown")
    home_assistant.expect(FIRE, "off")

    # rules are renamed and removed
    rules(service, lambda regions: regions[1].update(name="Türen +/#"))
    home_assistant.until(
        lambda: friendly_name(home_assistant, "sensor.ofen_sud_1_kiln_highest") == f"{NAME} Türen +/# highest"
    )
    rules(service, lambda regions: regions.pop(1))
    home_assistant.expect("sensor.ofen_sud_1_kiln_highest", None)
    assert home_assistant.state("sensor.ofen_sud_1_motor_highest") is not None

    # the bridge is away, and the camera is no longer configured
    service.stop()
    home_assistant.expect(CONNECTION, "unavailable")
    service.configure({}, **ANNOUNCED)
    service.start()
    home_assistant.expect(CONNECTION, None)
    assert home_assistant.states() == {}
    assert home_assistant.rendered(f"{{{{ device_id('{NAME}') }}}}") == "None"
    assert home_assistant.complaints() == []


def friendly_name(home_assistant: HomeAssistant, entity: str) -> object:
    return home_assistant.attributes(entity).get("friendly_name")


def test_a_button_reaches_the_camera_and_its_answer_comes_back(
    home_assistant: HomeAssistant,
    service: Any,
    broker: int,
    hik_simulator: Any,
    secret: str,
) -> None:
    camera = hik_simulator(password=secret, heartbeat=1.0, rtsp_port=0)
    home_assistant.configure(port=broker)
    service.configure(
        {"kiln": {"url": camera.http, "rtsp_port": int(camera.rtsp.rpartition(":")[2])}},
        **ANNOUNCED,
    )
    home_assistant.start()
    service.start()
    home_assistant.expect("button.kiln_take_a_snapshot", "unknown")

    def asked(path: str) -> int:
        return sum(count for request, count in camera.state()["requests"].items() if path in request)

    before = asked("/channels/201/picture")
    home_assistant.press("button.kiln_take_a_snapshot")
    home_assistant.until(lambda: home_assistant.picture("camera.kiln_thermal_picture").startswith(b"\xff\xd8"))
    home_assistant.until(lambda: home_assistant.state("image.kiln_snapshot") not in ("unknown", None))
    assert asked("/channels/201/picture") > before
    home_assistant.press("button.kiln_take_a_snapshot_camera_01")
    home_assistant.until(lambda: home_assistant.picture("camera.kiln_picture_camera_01").startswith(b"\xff\xd8"))
    assert asked("/channels/101/picture") > 0

    camera.apply([{"temperature": {"rule": 1, "celsius": 21.0}}])
    home_assistant.press("button.kiln_measure")
    home_assistant.until(lambda: 10 < float(number(home_assistant.state("sensor.kiln_measured"))) < 40)

    home_assistant.press("button.kiln_send_a_test_alarm")
    home_assistant.expect("binary_sensor.kiln_test_alarm", "on")
    home_assistant.until(lambda: home_assistant.attributes("event.kiln_test_alarm_event")["event_type"] == "start")
    home_assistant.expect("binary_sensor.kiln_test_alarm", "off")

    home_assistant.press("button.kiln_record")
    home_assistant.until(lambda: camera.state()["open"]["rtsp"] == 1)
    for _ in range(2):
        home_assistant.press("button.kiln_record")
    home_assistant.until(lambda: "recordings are being made" in str(home_assistant.state("sensor.kiln_last_answer")))
    assert home_assistant.attributes("sensor.kiln_last_answer")["ok"] is False
    assert home_assistant.complaints() == []


def number(text: str | None) -> str:
    return text if text not in (None, "unknown", "unavailable") else "nan"


def test_home_assistant_is_started_before_after_and_in_between(
    home_assistant: HomeAssistant,
    service: Any,
    broker: int,
    camera: Any,
) -> None:
    home_assistant.configure(port=broker)
    service.configure({NAME: {"url": camera.http}}, **ANNOUNCED)
    service.start()
    home_assistant.start()  # after the bridge: everything is retained
    home_assistant.expect(FIRE, "off")
    home_assistant.stop()

    burn(camera)  # while it is away
    rules(service, lambda regions: regions.pop(1))
    home_assistant.start()
    home_assistant.expect(FIRE, "on")
    home_assistant.expect(
        "sensor.ofen_sud_1_kiln_highest", "unavailable"
    )  # "no longer provided": it hears only of what is there
    home_assistant.until(lambda: 10 < float(number(home_assistant.state("sensor.ofen_sud_1_motor_highest"))) < 40)

    service.stop()  # both at once
    home_assistant.stop()
    camera.apply([{"extinguish": {}}])
    service.start()
    home_assistant.start()
    home_assistant.expect(FIRE, "off")

    service.stop()  # the camera is renamed: another name, the same entities
    service.configure({"Esse 2": {"url": camera.http}}, **ANNOUNCED)
    service.start()
    home_assistant.until(lambda: friendly_name(home_assistant, FIRE) == "Esse 2 Fire")
    home_assistant.expect(FIRE, "off")

    service.stop()  # discovery is switched off
    service.configure({"Esse 2": {"url": camera.http}}, release_after=2)
    service.start()
    home_assistant.expect(FIRE, None)
    assert home_assistant.complaints() == []


def test_a_broker_without_retained_messages(
    home_assistant: HomeAssistant,
    service: Any,
    mosquitto: Callable[..., Any],
    camera: Any,
) -> None:
    broker = mosquitto("allow_anonymous true", "retain_available false")
    birth = {"topic": "homeassistant/status", "payload": "online", "qos": 0, "retain": False}
    home_assistant.configure(port=broker.port, birth_message=birth)
    service.broker = broker.port
    service.configure({NAME: {"url": camera.http}}, **ANNOUNCED, retain=False)
    service.start()
    home_assistant.start()
    home_assistant.expect(FIRE, "off")
    burn(camera)
    home_assistant.expect(FIRE, "on")
    home_assistant.stop()
    home_assistant.start()
    home_assistant.expect(FIRE, "on")
    broker.stop()
    home_assistant.expect(FIRE, "unavailable")
    broker.start()
    home_assistant.expect(FIRE, "on", 90)
