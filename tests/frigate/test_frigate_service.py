"""From a simulated camera's fire to an event in Frigate and its end, with the service as its users have it; and the page that shows it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from frigate_house import House
from frigate_rules import refusals
from frigate_server import FrigateServer
from nvr_hooks import FireAlarm, StreamUrl, Target
from test_frigate_config import BOTH

from hik_thermal_plugin.frigate.configuration import wanted
from hik_thermal_plugin.frigate.drafts import draft
from hik_thermal_plugin.frigate.settings import FrigateSettings

PAGE = (Path(__file__).parents[2] / "docs" / "hosts" / "frigate.md").read_text(encoding="utf-8")


@pytest.mark.integration
def test_a_fire_in_front_of_a_camera_is_an_event(
    hik_simulator: Any, frigate: FrigateServer, tmp_path: Path, secret: str, wait_for: Callable[..., None]
) -> None:
    frigate.users = {"thermal": (secret, "admin")}
    device = hik_simulator(password=secret, heartbeat=1.0)
    login = {"username": "thermal", "password": "${env:KILN_PASSWORD}"}
    camera = {"url": device.http, "username": device.username, "password": "${env:KILN_PASSWORD}"}
    config = {
        "state_dir": str(tmp_path / "state"),
        "hik_thermal": {"cameras": {"kiln": camera}},
        "frigate": {"url": frigate.url, "release_after": 3, **login},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("hik-thermal")), "run", "-c", str(tmp_path / "config.yaml")]
    environ = {**os.environ, "KILN_PASSWORD": secret}
    log = tmp_path / "log"
    with log.open("wb") as out:
        service = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(lambda: device.state()["open"]["alert_stream"])
        device.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350, "distance_m": 12}}])
        wait_for(lambda: frigate.open())
        [event] = frigate.events
        assert (event.camera, event.label, event.body["sub_label"]) == ("kiln_thermal", "fire", "350.0 °C, 12 m")
        [box] = event.body["draw"]["boxes"]
        left, top, width, height = box["box"]
        assert left <= 0.5 <= left + width
        assert top <= 0.5 <= top + height
        device.apply([{"extinguish": {}}])
        wait_for(lambda: not frigate.open())
        device.apply([{"fire": {"x": 0.2, "y": 0.2, "celsius": 200, "distance_m": 5}}])
        wait_for(
            lambda: [event.body["sub_label"] for event in frigate.open() if event.label == "fire"] == ["200.0 °C, 5 m"]
        )
        service.send_signal(signal.SIGTERM)
        assert service.wait(10) == 0
        assert not frigate.open()
        assert [event.label for event in frigate.events].count("fire") == 2
    finally:
        if service.poll() is None:
            service.kill()
        service.wait(10)
    assert secret not in log.read_text()


def test_the_event_of_the_page_is_what_is_asked_for() -> None:
    [shown] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    place = Target(region=((0.4, 0.3), (0.6, 0.3), (0.6, 0.5)), celsius=350.0)
    alarm = FireAlarm(camera="kiln", channel=2, celsius=350.0, distance_m=12.0, targets=(place,))
    made = draft(alarm, None, FrigateSettings())
    assert shown == {"camera": made.camera, "label": made.label, **made.body(include_recording=True)}


def test_the_configuration_of_the_page_is_what_is_written(house: House) -> None:
    [shown] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(go2rtc:.*?)```", PAGE, re.DOTALL)]

    def ask(channel: int, profile: str) -> StreamUrl:
        stream = f"{channel}0{1 if profile == 'main' else 2}"
        return StreamUrl(url=f"rtsp://192.0.2.10:554/Streaming/Channels/{stream}", username="user", password="x")

    info = replace(house.camera.info, channels=BOTH)
    assert shown == wanted(info, BOTH, ask, FrigateSettings())
    assert refusals(shown) == []
