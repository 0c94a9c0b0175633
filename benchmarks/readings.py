"""Live temperatures of many cameras on their way to MQTT: 20 rules each, 4 blocks a second, and all sources of a camera together.

Under default throttling: processor share, delay of a jump from the device to the subscriber, and growth from 50 to 400 cameras.
Unthrottled (no dead band, no least interval): how many readings a second come through, and where it saturates.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .processes import child, mosquitto, quantile

RULES = 20
BLOCKS_PER_SECOND = 4.0
SECONDS = 15.0
UNTHROTTLED = {"dead_band": 0, "min_interval": 0}


def run() -> dict[str, Any]:
    """Measure each number of cameras, then one throttle open."""
    out: dict[str, Any] = {"rules": RULES, "blocks_per_second": BLOCKS_PER_SECOND}
    for count in (50, 200, 400):
        out[f"{count} cameras"] = _measure(count, BLOCKS_PER_SECOND, {})
    for blocks in (2.0, 4.0, 8.0):
        out[f"20 cameras unthrottled, {blocks:g} blocks a second"] = _measure(20, blocks, UNTHROTTLED)
    return out


class Subscriber:
    """Notes when each jump arrives, and counts messages."""

    def __init__(self, broker: int) -> None:
        self.arrived: dict[int, int] = {}
        self.messages = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", broker)
        self._client.subscribe("hik_thermal/+/+/temperature/+", 0)
        self._client.loop_start()
        ready.wait(10)

    def _take(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic_ns()
        self.messages += 1
        if message.topic.endswith("/1") and message.payload:
            number = json.loads(message.payload)["max"]
            if number is not None and number > 1000:
                self.arrived.setdefault(int(number), now)

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()


def _measure(count: int, blocks: float, throttle: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, mosquitto() as broker, child("benchmarks.generator") as generator:
        camera = {
            "url": f"http://127.0.0.1:{generator.ready['port']}",
            "username": "admin",
            "password": "x",
            "data_channel": 2,
            "temperature": {"source": "realtime", **throttle},
        }
        config = {
            "state_dir": folder,
            "mqtt": {"host": "127.0.0.1", "port": broker},
            "hik_thermal": {"cameras": {f"c{number}": camera for number in range(count)}},
        }
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config))
        subscriber = Subscriber(broker)
        try:
            with child("benchmarks.host", str(path)) as host:
                deadline = time.monotonic() + 120
                while (held := generator.ask({}))["thermometers"] < count or held["streams"] < count:
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"only {held} of {count} came online")
                    time.sleep(0.2)
                time.sleep(2)
                before, messages = host.ask({}), subscriber.messages
                told = generator.ask({"blocks": blocks, "seconds": SECONDS, "rules": RULES})
                time.sleep(2)
                after = host.ask({})
        finally:
            subscriber.close()
        delays = [
            (subscriber.arrived[int(number)] - at) / 1e6
            for number, at in told["sent"].items()
            if int(number) in subscriber.arrived
        ]
        return {
            "readings_per_second": round(told["readings"] / told["seconds"]),
            "messages_per_second": round((subscriber.messages - messages) / told["seconds"]),
            "processor_share": round((after["cpu"] - before["cpu"]) / told["seconds"], 3),
            "jumps": len(told["sent"]),
            "jumps_told": len(delays),
            "median_ms": round(quantile(delays, 0.5), 1) if delays else None,
            "p99_ms": round(quantile(delays, 0.99), 1) if delays else None,
            "megabytes": round(after["memory"] / 1e6, 1),
            "threads": after["threads"],
        }
