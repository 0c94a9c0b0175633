"""How the demo is shown: to people in a terminal, to people elsewhere, to programs."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from nvr_hooks import ConnectionChanged, FireAlarm, TemperatureReading
from rich.console import Console

from hik_thermal_plugin.host.broker import Message
from hik_thermal_plugin.host.demo import STORY, Ready, Result
from hik_thermal_plugin.host.screen import JsonLines, Lines, Screen

READY = Ready(broker="mqtt://127.0.0.1:1", cameras={"kiln": {"model": "bispectrum", "http": "http://127.0.0.1:2"}})
RESULT = Result(seconds=8.0, events=2, mqtt_messages=3, fire=True, fire_to_broker_seconds=0.0123)
FIRE = FireAlarm(camera="kiln", channel=2, celsius=350.0)
MESSAGES = [
    Message("t/kiln/2/alarm/fire", b'{"active": true}'),
    Message("t/kiln/state", b"online"),
    Message("t/kiln/2/picture/fire", b"\xff\xd8\xff"),
]


def show(audience: Any) -> None:
    with audience.shown():
        audience.ready(READY)
        audience.event(ConnectionChanged(camera="kiln", state="online"))
        audience.happening(STORY[0])
        audience.event(FIRE)
        for message in MESSAGES:
            audience.mqtt(message)
    audience.result(RESULT)


def test_programs_get_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    show(JsonLines())
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert [line["type"] for line in lines] == ["ready", "event", "event", "mqtt", "mqtt", "mqtt", "result"]
    assert lines[0]["cameras"]["kiln"]["http"] == "http://127.0.0.1:2"
    assert lines[2]["event"]["celsius"] == 350.0
    assert lines[3] == {"type": "mqtt", "topic": "t/kiln/2/alarm/fire", "payload": {"active": True}}
    assert lines[4]["payload"] == "online"
    assert (lines[5]["payload"], lines[5]["bytes"]) == (None, 3)
    assert lines[6] == {
        "type": "result",
        "ok": True,
        "fire": True,
        "fire_to_broker_seconds": 0.0123,
        "events": 2,
        "mqtt_messages": 3,
        "seconds": 8.0,
        "interrupted": False,
    }


def test_people_without_a_terminal_get_lines(capfd: pytest.CaptureFixture[str]) -> None:
    show(Lines())
    out = capfd.readouterr().out

    assert "ready: camera kiln, bispectrum, http://127.0.0.1:2\n" in out
    assert f"*** {STORY[0].text}\n" in out
    assert "kiln/2 FIRE alarm, 350.0 °C\n" in out
    assert 'mqtt  t/kiln/2/alarm/fire {"active": true}\n' in out
    assert "mqtt  t/kiln/2/picture/fire (3 bytes)\n" in out
    assert out.endswith("the fire reached the broker 12 ms after it broke out; 2 events, 3 MQTT messages in 8 s\n")


def test_a_terminal_shows_cameras_alarms_and_messages() -> None:
    file = io.StringIO()
    show(Screen(Console(file=file, force_terminal=True, width=120, height=50, color_system=None)))
    last = file.getvalue().split("hik-thermal demo")[-1]

    for text in (
        "bispectrum  http://127.0.0.1:2  online",
        "mqtt://127.0.0.1:1",
        STORY[0].text,
        "kiln/2 FIRE alarm, 350.0 °C",
        't/kiln/2/alarm/fire    {"active": true}',
        "(3 bytes)",
        "the fire reached the broker 12 ms after it broke out",
    ):
        assert text in last


def reading(celsius: float, **fields: Any) -> TemperatureReading:
    values = {"rule": 1, "rule_name": "door", "highest_celsius": celsius}
    return TemperatureReading(camera="kiln", channel=2, **{**values, **fields})


def test_a_terminal_shows_the_present_temperature_of_each_rule() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file, force_terminal=True, width=120, height=50, color_system=None))
    with screen.shown():
        screen.ready(READY)
        for celsius in (21.0, 57.6):
            screen.event(reading(celsius))
            screen.mqtt(Message("t/kiln/2/temperature/1", b'{"max": 57.6}'))
        screen.event(reading(0, rule=2, rule_name=None, highest_celsius=None, point_celsius=30.25))
        screen.event(reading(99, rule=3))
        screen.event(reading(99, rule=3, status="ended"))
        screen.event(reading(26, rule=None, rule_name=None))
    last = file.getvalue().split("hik-thermal demo")[-1]

    assert "kiln  door 57.6  rule 2 30.2  picture 26.0" in last
    assert "temperature/1" not in last


def test_lines_tell_temperatures_that_are_news(capfd: pytest.CaptureFixture[str]) -> None:
    audience = Lines()
    for celsius in (21.0, 21.2, 57.6):
        audience.event(reading(celsius))
        audience.mqtt(Message("t/kiln/2/temperature/1", json.dumps({"max": celsius, "frozen": False}).encode()))
    out = capfd.readouterr().out

    assert [line.split()[0] for line in out.splitlines()] == ["event", "mqtt", "event", "mqtt"]
    assert "21.2" not in out
    assert "temperature of rule 1 door, highest 57.6 °C" in out


def test_a_terminal_says_what_it_waits_for_before_anything_is_there() -> None:
    file = io.StringIO()
    screen = Screen(Console(file=file, force_terminal=True, width=120, height=50, color_system=None))
    with screen.shown():
        screen.event(ConnectionChanged(camera="kiln", state="starting"))

    assert "are starting" in file.getvalue()
