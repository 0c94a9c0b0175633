"""The typical site: four simulated cameras with nothing to report, for a minute."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hik_thermal_plugin.simulator import Simulator

from .processes import child, mosquitto

SECONDS = 60.0
PASSWORD = "hik12345"


def run() -> dict[str, Any]:
    """Measure the host, and what it asks of the cameras."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        broker = stack.enter_context(mosquitto())
        cameras = [stack.enter_context(Simulator(model="bispectrum", password=PASSWORD)) for _ in range(4)]
        config = {
            "state_dir": folder,
            "mqtt": {"host": "127.0.0.1", "port": broker},
            "hik_thermal": {
                "cameras": {
                    f"c{number}": {"url": camera.http, "username": camera.username, "password": PASSWORD}
                    for number, camera in enumerate(cameras)
                }
            },
        }
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config))
        host = stack.enter_context(child("benchmarks.host", str(path)))
        _wait(lambda: all(state["open"]["alert_stream"] == 1 for state in map(_state, cameras)))
        time.sleep(5)
        before, asked = host.ask({}), _requests(cameras)
        time.sleep(SECONDS)
        after = host.ask({})
        return {
            "cameras": len(cameras),
            "processor_share": round((after["cpu"] - before["cpu"]) / SECONDS, 5),
            "megabytes": round(after["memory"] / 1e6, 1),
            "threads": after["threads"],
            "requests_a_minute_per_camera": (_requests(cameras) - asked) / len(cameras) / SECONDS * 60,
            "requests_at_start_per_camera": asked / len(cameras),
            "writes_to_the_cameras": sum(len(_state(camera)["writes"]) for camera in cameras),
        }


def _state(camera: Simulator) -> dict[str, Any]:
    with urllib.request.urlopen(f"{camera.control}/state", timeout=5) as answer:
        state: dict[str, Any] = json.load(answer)
        return state


def _requests(cameras: list[Simulator]) -> int:
    return sum(sum(_state(camera)["requests"].values()) for camera in cameras)


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the cameras did not come online")
        time.sleep(0.1)
