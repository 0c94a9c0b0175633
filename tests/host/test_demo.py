"""demo: the whole house on one machine, from a simulated fire to an MQTT subscriber."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.host.broker import EmbeddedBroker, Message
from hik_thermal_plugin.host.demo import READY_SECONDS, STORY, is_fire

INSTALLED = {"NVR_BLOCK_PLUGINS": "fake,listener"}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_a_fire_reaches_the_broker_and_nothing_is_left_behind(start: Any, temporary: Path) -> None:
    process = start("demo", "--seconds", "7", "--json", env={**INSTALLED, "TMPDIR": str(temporary)})
    out, err = process.communicate(timeout=READY_SECONDS + 40)
    ready, *lines, result = [json.loads(line) for line in out.splitlines()]

    assert (process.returncode, err) == (0, "")
    assert ready["type"] == "ready"
    assert ready["broker"].startswith("mqtt://127.0.0.1:")
    assert {name: camera["model"] for name, camera in ready["cameras"].items()} == {
        "kiln": "bispectrum",
        "yard": "positioning",
    }
    assert {line["type"] for line in lines} == {"event", "mqtt"}
    events = [line["event"] for line in lines if line["type"] == "event"]
    fires = [event for event in events if event["type"] == "fire_alarm"]
    assert fires[0]["camera"] == "kiln"
    assert fires[0]["distance_m"] == 14.0
    readings = [event for event in events if event["type"] == "temperature_reading"]
    assert {reading["camera"] for reading in readings} == {"kiln", "yard"}
    assert max(reading["highest_celsius"] or 0 for reading in readings if reading["rule"] == 1) == 96.0
    told = {line["topic"]: line["payload"] for line in lines if line["type"] == "mqtt"}
    assert told["hik_thermal/bridge/state"] == "online"
    assert told["hik_thermal/kiln/state"] == "online"
    assert told["hik_thermal/kiln/2/alarm/fire"]["active"] is True
    assert told["hik_thermal/kiln/2/temperature/1"]["max"] == 96.0
    assert result["type"] == "result"
    assert (result["ok"], result["fire"], result["interrupted"]) == (True, True, False)
    assert result["fire_to_broker_seconds"] < 5
    assert result["events"] == sum(line["type"] == "event" for line in lines)
    assert result["mqtt_messages"] == sum(line["type"] == "mqtt" for line in lines)
    assert 7 <= result["seconds"] < 12
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_without_a_fire_on_the_broker_it_has_failed(start: Any) -> None:
    process = start("demo", "--seconds", "0.5", "--json", env=INSTALLED)
    out, _ = process.communicate(timeout=READY_SECONDS + 20)

    assert process.returncode == 1
    assert json.loads(out.splitlines()[-1])["ok"] is False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(start: Any, number: signal.Signals) -> None:
    process = start("demo", env=INSTALLED)
    first = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert first.startswith("ready: broker mqtt://127.0.0.1:")
    assert (process.returncode, err) == (0, "")
    assert "no fire reached the broker" in out.splitlines()[-1]


def test_the_fire_comes_within_fifteen_seconds() -> None:
    assert min(happening.at for happening in STORY if "fire" in happening.step) < 15
    assert [happening.at for happening in STORY] == sorted(happening.at for happening in STORY)


@pytest.mark.parametrize(
    ("topic", "payload", "fire"),
    [
        ("hik_thermal/kiln/2/alarm/fire", b'{"active": true}', True),
        ("hik_thermal/kiln/2/alarm/fire", b'{"active": null}', False),
        ("hik_thermal/kiln/2/alarm/fire", b'{"active": false}', False),
        ("hik_thermal/kiln/2/alarm/fire", b"", False),
        ("hik_thermal/kiln/2/alarm/smoke", b'{"active": true}', False),
    ],
)
def test_a_fire_is_a_level_that_is_active(topic: str, payload: bytes, fire: bool) -> None:
    assert is_fire(Message(topic, payload)) is fire


def test_the_broker_tells_when_it_cannot_start_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr("hik_thermal_plugin.host.broker._started", refuse)
    with pytest.raises(Exception, match="the demo's broker did not start: no room"), EmbeddedBroker(print):
        pass
