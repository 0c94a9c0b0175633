"""From the start of `hik-thermal run` to the first alarm at the MQTT subscriber, after a kill -9: a fire burns and waits for nobody.

Floor: the interpreter with the same packages imported, doing nothing. Aim: below 2 s.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from hik_thermal_plugin.simulator import Simulator

from .processes import mosquitto, processor_seconds

TIMES = 7
PASSWORD = "hik12345"
IMPORTS = "import typer, rich, yaml, pluggy, pydantic, httpx, lxml.etree, paho.mqtt.client"


def run() -> dict[str, Any]:
    """Start it again and again."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(mosquitto())
        camera = stack.enter_context(Simulator(model="bispectrum", password=PASSWORD, repeat=0.1))
        login = {"url": camera.http, "username": camera.username, "password": PASSWORD}
        config = {
            "state_dir": str(folder),
            "mqtt": {"host": "127.0.0.1", "port": broker},
            "hik_thermal": {"cameras": {"kiln": login}},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        fires = stack.enter_context(Fires(broker))
        camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
        runs = [_once(folder / "config.yaml", fires) for _ in range(TIMES)]
        taken = [wall for wall, _ in runs]
        floor = statistics.median(_floor() for _ in range(TIMES))
        return {
            "seconds_median": round(statistics.median(taken), 3),
            "seconds_worst": round(max(taken), 3),
            "processor_seconds_median": round(statistics.median(processor for _, processor in runs), 3),
            "imports_alone_seconds": round(floor, 3),
            "ratio_to_imports_alone": round(statistics.median(taken) / floor, 2),
            "load_average": os.getloadavg()[0],
            "aim": "below 2 s",
        }


class Fires:
    """Hears that it burns."""

    def __init__(self, broker: int) -> None:
        self.heard = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", broker)
        self._client.subscribe("hik_thermal/+/+/alarm/fire", qos=1)

    def _take(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        if json.loads(message.payload)["active"]:  # a new life begins with null: unknown
            self.heard.set()

    def __enter__(self) -> Fires:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _once(config: Path, fires: Fires) -> tuple[float, float]:
    """Return seconds until the first fire, and the processor's share of them."""
    fires.heard.clear()
    began = time.monotonic()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("hik-thermal"), "run", "-c", config], stderr=subprocess.DEVNULL
    )
    try:
        if not fires.heard.wait(60):
            raise RuntimeError("no fire arrived within 60 s")
        return time.monotonic() - began, processor_seconds(process.pid)
    finally:
        process.kill()
        process.wait()
        time.sleep(1)  # what the killed one had on its way is heard before the next start


def _floor() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.monotonic() - began
