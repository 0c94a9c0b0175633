"""What Home Assistant is told of a camera, value by value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from nvr_hooks import CameraInfo, ChannelInfo, Reporting

from hik_thermal_plugin.bridge.entities import components, says
from hik_thermal_plugin.bridge.homeassistant import discovery, identity, is_known
from hik_thermal_plugin.bridge.messages import Topics
from hik_thermal_plugin.bridge.settings import HomeAssistantSettings
from hik_thermal_plugin.bridge.shown import MOST_RULES, Rule, Shown

TOPICS = Topics("site/hik")
SETTINGS = HomeAssistantSettings(discovery=True)
INFO = CameraInfo(
    name="Ofen Süd/1 +#",
    url="http://192.0.2.10",
    manufacturer="HIKVISION",
    model="DS-2TD1228-2/QA",
    serial="DS-2TD1228-2/QA0000000000",
    firmware="V5.5.98 build 240808",
    channels=(ChannelInfo(id=1, name="Visible", thermal=False), ChannelInfo(id=2, name="Thermal", thermal=True)),
    thermal_channel=2,
    capabilities=dict.fromkeys(
        ("alarms", "snapshot", "live", "realtime_thermometry", "manual_thermometry", "rules", "fire_detection"), "isapi"
    ),
)
READING = {"name": "Door", "max": 48.3, "min": 21.4, "average": 25.9, "centre": None, "value": None, "difference": 26.9}


def shown(**rules: Any) -> Shown:
    found = Shown()
    for place, document in (rules or {"1": READING}).items():
        found.see_rule(f"2/{place}", document)
    return found


def entities(info: CameraInfo = INFO, shown: Shown | None = None, **settings: Any) -> dict[str, dict[str, Any]]:
    return components(info, shown or Shown(), TOPICS, HomeAssistantSettings(discovery=True, **settings))


def announced(info: CameraInfo = INFO, shown: Shown | None = None, before: bytes = b"") -> dict[str, Any]:
    message = discovery(info, shown or Shown(), TOPICS, SETTINGS, node="node", before=before)
    assert (message.qos, message.retain) == (1, True)
    document = json.loads(message.payload)
    assert isinstance(document, dict)
    return document


def test_the_device_is_what_the_camera_says_of_itself() -> None:
    assert announced()["device"] == {
        "identifiers": ["node"],
        "name": "Ofen Süd/1 +#",
        "manufacturer": "HIKVISION",
        "model": "DS-2TD1228-2/QA",
        "sw_version": "V5.5.98 build 240808",
        "serial_number": "DS-2TD1228-2/QA0000000000",
        "configuration_url": "http://192.0.2.10",
    }


def test_nothing_is_invented_for_a_camera_that_says_little() -> None:
    info = CameraInfo(name="kiln", url="sdk://192.0.2.10", model="X")

    assert announced(info)["device"] == {"identifiers": ["node"], "name": "kiln", "model": "X"}
    assert set(entities(info)) == {"connectivity", "problem"}


def test_a_camera_nobody_has_reached_yet_is_not_known() -> None:
    assert not is_known(CameraInfo(name="kiln", url="http://192.0.2.10"))
    assert is_known(INFO)


def test_the_id_is_the_device_s_and_not_the_name_s() -> None:
    assert identity(INFO, "site/hik") == "site_hik_ds-2td1228-2_qa0000000000"
    assert identity(replace(INFO, name="Oven"), "site/hik") == identity(INFO, "site/hik")
    assert identity(replace(INFO, serial=None), "hik_thermal") == "hik_thermal_ofen_s_d_1___"


def test_the_origin_and_the_topic() -> None:
    message = discovery(INFO, Shown(), TOPICS, HomeAssistantSettings(prefix="ha"), node="hik_1")

    assert message.topic == "ha/device/hik_1/config"
    origin = json.loads(message.payload)["origin"]
    assert origin["name"] == "hik-thermal-plugin"
    assert origin["sw_version"]


def test_available_with_bridge_and_camera() -> None:
    document = announced()

    assert document["availability_mode"] == "all"
    bridge, camera = document["availability"]
    assert bridge == {"topic": "site/hik/bridge/state"}
    assert camera["topic"] == "site/hik/ofen_s_d_1___/state"
    assert "'online' if value == 'online' else 'offline'" in camera["value_template"]


@pytest.mark.parametrize("key", ["connectivity", "problem"])
def test_health_is_seen_while_the_camera_is_away(key: str) -> None:
    assert entities()[key]["availability"] == [{"topic": "site/hik/bridge/state"}]


def test_a_sensor_for_every_value_a_rule_has_shown() -> None:
    found = entities(shown=shown())
    sensors = {key: part for key, part in found.items() if "_temperature_1_" in key}

    assert {key: part["name"] for key, part in sensors.items()} == {
        "2_temperature_1_max": "Door highest",
        "2_temperature_1_min": "Door lowest",
        "2_temperature_1_average": "Door average",
        "2_temperature_1_difference": "Door difference",
    }
    assert sensors["2_temperature_1_max"] == {
        "platform": "sensor",
        "name": "Door highest",
        "state_topic": "site/hik/ofen_s_d_1___/2/temperature/1",
        "value_template": "{{ value_json.max if value_json is defined and not value_json.stale else None }}",
        "unit_of_measurement": "°C",
        "device_class": "temperature",
        "state_class": "measurement",
        "suggested_display_precision": 1,
        "expire_after": 120,
    }


@pytest.mark.parametrize(
    ("unit", "sign", "difference"), [("celsius", "°C", "K"), ("fahrenheit", "°F", "°F"), ("kelvin", "K", "K")]
)
def test_units_are_the_camera_s_and_a_difference_is_never_converted(unit: Any, sign: str, difference: str) -> None:
    info = replace(INFO, reporting=Reporting(unit=unit, max_interval=30.0))
    found = entities(info, shown())

    assert found["2_temperature_1_max"]["unit_of_measurement"] == sign
    assert found["2_temperature_1_max"]["expire_after"] == 90
    assert found["2_temperature_1_difference"]["unit_of_measurement"] == difference
    assert "device_class" not in found["2_temperature_1_difference"]


def test_a_value_once_seen_stays_and_a_new_one_comes() -> None:
    found = shown()

    assert not found.see_rule("2/1", {**READING, "max": None})
    assert found.see_rule("2/1", {**READING, "centre": 30.0})
    assert found.rules["2/1"].properties == ("max", "min", "average", "centre", "difference")


def test_a_renamed_rule_keeps_its_keys() -> None:
    found = shown()
    before = set(entities(shown=found))

    assert found.see_rule("2/1", {**READING, "name": "Tür +/#"})
    after = entities(shown=found)
    assert set(after) == before
    assert after["2_temperature_1_max"]["name"] == "Tür +/# highest"


@pytest.mark.parametrize(
    ("place", "name", "expected"),
    [("3", None, "Rule 3"), ("3", "", "Rule 3"), ("0", None, "Temperature"), ("p4-3", "Gate", "Gate")],
)
def test_what_a_rule_is_called(place: str, name: str | None, expected: str) -> None:
    found = entities(shown=shown(**{place: {"name": name, "value": 20.0}}))

    assert found[f"2_temperature_{place}_value"]["name"] == expected


def test_rules_without_end_do_not_make_entities_without_end() -> None:
    found = Shown()
    for number in range(MOST_RULES + 10):
        found.see_rule(f"2/{number}", READING)

    assert len(found.rules) == MOST_RULES
    assert not found.see_rule("2/9999", READING)
    assert found.see_rule("2/1", {**READING, "name": "New"}), "those that are there still change"


def test_alarms_the_camera_says_it_can_raise() -> None:
    found = {key: part for key, part in entities().items() if "alarm" in key and part["platform"] == "binary_sensor"}

    assert {key: (part["name"], part.get("device_class")) for key, part in found.items()} == {
        "2_alarm_fire": ("Fire", "safety"),
        "2_alarm_temperature": ("Temperature alarm", "problem"),
        "2_pre_alarm_temperature": ("Temperature pre-alarm", "problem"),
        "2_alarm_test": ("Test alarm", None),
    }


def test_alarms_the_camera_has_shown() -> None:
    found = Shown()
    for place in ("2/smoke", "1/motion", "0/storage", "1/tamper", "2/temperature_difference", "1/field_detection"):
        assert found.see_kind(place)
        assert not found.see_kind(place)
    parts = entities(shown=found)

    named = {key: (parts[key]["name"], parts[key].get("device_class")) for key in parts if "_alarm_" in key}
    assert named["2_alarm_smoke"] == ("Smoke", "smoke")
    assert named["1_alarm_motion"] == ("Motion (Visible)", "motion")
    assert named["0_alarm_storage"] == ("Storage", "problem")
    assert named["1_alarm_tamper"] == ("Tampering (Visible)", "tamper")
    assert named["2_alarm_temperature_difference"] == ("Temperature difference alarm", "problem")
    assert named["2_pre_alarm_temperature_difference"] == ("Temperature difference pre-alarm", "problem")
    assert named["1_alarm_field_detection"] == ("Field detection (Visible)", None)
    assert parts["0_alarm_storage"]["state_topic"] == "site/hik/ofen_s_d_1___/0/alarm/storage"


def test_a_camera_that_cannot_detect_fire_has_no_fire() -> None:
    info = replace(INFO, capabilities={"alarms": "isapi"})

    assert says(info) == [(2, "test")]
    assert says(replace(INFO, capabilities=None)) == []
    assert says(replace(INFO, channels=None, thermal_channel=None)) == []


@pytest.mark.parametrize("fire_class", ["safety", "smoke", "heat", "problem"])
def test_which_class_a_fire_has_is_a_setting(fire_class: str) -> None:
    assert entities(fire_class=fire_class)["2_alarm_fire"]["device_class"] == fire_class


def test_events_have_every_phase_that_is_told() -> None:
    event = entities()["2_event_fire"]

    assert event["platform"] == "event"
    assert event["name"] == "Fire event"
    assert event["state_topic"] == "site/hik/ofen_s_d_1___/2/event/fire"
    assert event["event_types"] == ["start", "level", "end"]
    assert "device_class" not in event


def test_pictures() -> None:
    found = Shown()
    assert found.see_picture("2/fire/visible")
    assert found.see_picture("2/fire")
    assert not found.see_picture("2/fire/visible"), "the visible picture of an alarm is not the newest one"
    assert found.see_picture("2/fire/2")
    assert not found.see_picture("2/fire/2"), "nor is the second of two that nobody can tell apart"
    assert found.see_picture("2/temperature")
    assert not found.see_picture("2/temperature")
    parts = entities(shown=found)

    assert parts["2_picture_fire"]["image_topic"] == "site/hik/ofen_s_d_1___/2/picture/fire"
    assert parts["2_picture_fire_visible"]["name"] == "Fire picture, visible"
    assert parts["2_picture_fire_2"]["name"] == "Fire picture 2"
    assert parts["2_last_picture"] == {
        "platform": "camera",
        "name": "Last alarm picture",
        "topic": "site/hik/ofen_s_d_1___/2/picture/temperature",
    }
    assert parts["2_picture"]["topic"] == "site/hik/ofen_s_d_1___/2/picture/snapshot"
    assert parts["2_snapshot_image"]["image_topic"] == parts["2_picture"]["topic"]
    assert parts["1_picture"]["name"] == "Picture (Visible)"


def test_buttons() -> None:
    parts = entities()
    buttons = {key: part["command_topic"] for key, part in parts.items() if part["platform"] == "button"}

    assert buttons == {
        f"{channel}_{command}": f"site/hik/ofen_s_d_1___/{channel}/{command}/set"
        for channel, command in ((1, "snapshot"), (1, "record"), (2, "snapshot"), (2, "record"), (2, "measure"), (2, "test_alarm"))
    }  # fmt: skip
    assert {parts[key]["payload_press"] for key in buttons} == {"PRESS"}
    assert parts["2_measured"]["state_topic"] == "site/hik/ofen_s_d_1___/2/measure/result"
    assert parts["2_answer"]["state_topic"] == "site/hik/ofen_s_d_1___/2/+/result"


def test_no_button_for_what_the_camera_cannot_do() -> None:
    parts = entities(replace(INFO, capabilities={"alarms": "isapi"}))

    assert [key for key, part in parts.items() if part["platform"] == "button"] == ["2_test_alarm"]
    assert not [key for key, part in parts.items() if part["platform"] in ("camera", "image")]


def test_unique_ids_begin_with_the_device_s_and_are_unique() -> None:
    parts = announced(shown=shown())["components"]

    assert {part["unique_id"] for part in parts.values()} == {f"node_{key}" for key in parts}


def test_what_is_gone_is_told_as_its_platform_alone_and_comes_back() -> None:
    first = json.dumps(announced(shown=shown())).encode()
    without = announced(before=first)
    assert without["components"]["2_temperature_1_max"] == {"platform": "sensor"}

    still = announced(before=json.dumps(without).encode())
    assert still == without
    again = announced(shown=shown(), before=json.dumps(still).encode())
    assert again == json.loads(first)


def test_what_was_shown_survives_as_plain_data() -> None:
    found = shown()
    found.see_kind("2/smoke")
    found.see_picture("2/fire")

    assert Shown.restored(json.loads(json.dumps(found.plain()))) == found
    assert found.rules == {"2/1": Rule("Door", ("max", "min", "average", "difference"))}
