"""The templates in the announcements, rendered by a real Home Assistant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hass import HomeAssistant
from nvr_hooks import CameraInfo, ChannelInfo

from hik_thermal_plugin.bridge.entities import components
from hik_thermal_plugin.bridge.homeassistant import discovery
from hik_thermal_plugin.bridge.messages import Topics
from hik_thermal_plugin.bridge.settings import HomeAssistantSettings
from hik_thermal_plugin.bridge.shown import Shown

pytestmark = pytest.mark.integration
INFO = CameraInfo(
    name="kiln",
    url="http://192.0.2.10",
    model="X",
    channels=(ChannelInfo(id=2, thermal=True),),
    thermal_channel=2,
    capabilities=dict.fromkeys(("rules", "fire_detection", "snapshot", "manual_thermometry"), "isapi"),
)
READING = {"name": "Door", "max": 48.3, "stale": False}
FIRE, ALARM, PRE_ALARM = "2_alarm_fire", "2_alarm_temperature", "2_pre_alarm_temperature"
SAID: list[tuple[str, object, str]] = [
    ("2_temperature_1_max", READING, "48.3"),
    ("2_temperature_1_max", {**READING, "max": None}, "None"),
    ("2_temperature_1_max", {**READING, "stale": True}, "None"),
    ("2_temperature_1_max", "", "None"),
    (FIRE, {"active": True, "level": "alarm"}, "ON"),
    (FIRE, {"active": False, "level": None}, "OFF"),
    (FIRE, {"active": None, "level": "alarm"}, "None"),
    (FIRE, "", "None"),
    (ALARM, {"active": True, "level": "alarm"}, "ON"),
    (ALARM, {"active": True, "level": "pre_alarm"}, "OFF"),
    (ALARM, {"active": None, "level": "alarm"}, "None"),
    (PRE_ALARM, {"active": True, "level": "alarm"}, "ON"),
    (PRE_ALARM, {"active": True, "level": "pre_alarm"}, "ON"),
    (PRE_ALARM, {"active": False, "level": None}, "OFF"),
    ("connectivity", "online", "ON"),
    ("connectivity", "offline", "OFF"),
    ("connectivity", "auth_blocked", "OFF"),
    ("connectivity", "starting", "None"),
    ("connectivity", "", "None"),
    ("problem", "online", "OFF"),
    ("problem", "offline", "OFF"),
    ("problem", "auth_blocked", "ON"),
    ("problem", "error", "ON"),
    ("problem", "starting", "None"),
    ("2_measured", {"ok": True, "celsius": 20.5, "highest_celsius": None}, "20.5"),
    ("2_measured", {"ok": True, "celsius": None, "highest_celsius": 31.5}, "31.5"),
    ("2_measured", {"ok": False, "error": "kiln: busy"}, "None"),
    ("2_answer", {"ok": True, "error": None}, "done"),
    ("2_answer", {"ok": False, "error": "x" * 300}, "x" * 255),
]


def variables(payload: object) -> dict[str, object]:
    """Return what a template is given for a payload; what is no JSON has no value_json."""
    return {"value": payload} if isinstance(payload, str) else {"value": json.dumps(payload), "value_json": payload}


def test_every_template_says_what_it_should(home_assistant: HomeAssistant, broker: int) -> None:
    home_assistant.configure(port=broker)
    home_assistant.start()
    shown = Shown()
    shown.see_rule("2/1", READING)
    parts = components(INFO, shown, Topics("hik_thermal"), HomeAssistantSettings())
    found = [
        (key, payload, home_assistant.rendered(parts[key]["value_template"], **variables(payload)))
        for key, payload, _ in SAID
    ]
    assert found == SAID

    event = {"phase": "start", "type": "fire_alarm", "celsius": 350.0, "targets": [{"region": []}]}
    told: Any = json.loads(home_assistant.rendered(parts["2_event_fire"]["value_template"], **variables(event)))
    assert told == {"event_type": "start", "phase": "start", "celsius": 350.0}
    level = {"active": True, "level": "alarm", "celsius": 350.0, "id": "5d", "targets": []}
    attributes = parts[FIRE]["json_attributes_template"]
    assert json.loads(home_assistant.rendered(attributes, **variables(level))) == {"level": "alarm", "celsius": 350.0}
    assert json.loads(home_assistant.rendered(attributes, **variables(""))) == {}

    message = discovery(INFO, shown, Topics("hik_thermal"), HomeAssistantSettings(), node="x")
    available = json.loads(message.payload)["availability"][1]["value_template"]
    states = {
        state: home_assistant.rendered(available, value=state) for state in ("online", "offline", "starting", "error")
    }
    assert states == {"online": "online", "offline": "offline", "starting": "offline", "error": "offline"}
