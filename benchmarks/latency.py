"""From the device's last byte of a fire to the MQTT subscriber: median and 99th percentile with 1, 100 and 500 cameras.

Generator, broker, host and subscriber are processes of their own on one machine and one monotonic clock. Also with parts that have no
Content-Length. Aim: p99 under 20 ms at 500 cameras.
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

from .processes import Child, child, foreign_python, mosquitto, quantile

FIRES = 1000
PER_SECOND = 100.0
FIELD_FIRES = 6


def run() -> dict[str, Any]:
    """Measure each number of cameras, with and without Content-Length."""
    out: dict[str, Any] = {}
    for count in (1, 100, 500):
        for length in (True, False):
            name = f"{count} cameras" + ("" if length else ", no Content-Length")
            out[name] = _measure(count, length)
    out["pyHik and paho, 1 camera, heartbeats every 10 s"] = _field_client()
    out["aim"] = "p99 under 20 ms at 500 cameras"
    return out


class Subscriber:
    """Notes when each fire arrives, by its number."""

    def __init__(self, broker: int) -> None:
        self.arrived: dict[int, int] = {}
        self.online = 0
        self._news = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", broker)
        self._client.subscribe([("hik_thermal/+/+/alarm/fire", 1), ("hik_thermal/+/state", 1)])
        self._client.loop_start()

    def _take(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic_ns()
        with self._news:
            if message.topic.endswith("/state"):
                self.online += message.payload == b"online"
            elif message.payload:
                celsius = json.loads(message.payload).get("celsius")
                if celsius is not None:
                    self.arrived.setdefault(int(celsius), now)
            self._news.notify_all()

    def wait(self, condition: Any, seconds: float) -> bool:
        """Wait until the condition holds."""
        with self._news:
            return bool(self._news.wait_for(condition, seconds))

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()


def _measure(count: int, length: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, mosquitto() as broker, child("benchmarks.generator") as generator:
        subscriber = Subscriber(broker)
        url = f"http://127.0.0.1:{generator.ready['port']}"
        camera = {"url": url, "username": "admin", "password": "x", "sources": ["alert_stream"]}
        config = {
            "state_dir": folder,
            "mqtt": {"host": "127.0.0.1", "port": broker},
            "hik_thermal": {"cameras": {f"c{number}": camera for number in range(count)}},
        }
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config))
        try:
            with child("benchmarks.host", str(path)) as host:
                if not subscriber.wait(lambda: subscriber.online >= count, 120):
                    raise RuntimeError(f"only {subscriber.online} of {count} cameras came online")
                _settle(host)
                sent = generator.ask({"fires": FIRES, "per_second": PER_SECOND, "length": length})["sent"]
                subscriber.wait(lambda: all(int(number) in subscriber.arrived for number in sent), 30)
                cost = host.ask({})
        finally:
            subscriber.close()
        delays = [
            (subscriber.arrived[int(number)] - at) / 1e6
            for number, at in sent.items()
            if int(number) in subscriber.arrived
        ]
        return {
            "fires": len(sent),
            "arrived": len(delays),
            "median_ms": round(quantile(delays, 0.5), 2),
            "p99_ms": round(quantile(delays, 0.99), 2),
            "worst_ms": round(max(delays), 2),
            "threads": cost["threads"],
            "megabytes": round(cost["memory"] / 1e6, 1),
        }


def _field_client() -> dict[str, Any]:
    """Measure what people use today on the same stream: single motion alarms (it knows no fire), each followed by nothing but the next heartbeat."""
    python = foreign_python("pyHik==0.4.8", "paho-mqtt==2.1.0")
    arrived: list[int] = []
    news = threading.Condition()

    def take(client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        with news:
            arrived.append(time.monotonic_ns())
            news.notify_all()

    with mosquitto() as broker, child("benchmarks.generator") as generator:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_message = take
        client.connect("127.0.0.1", broker)
        client.subscribe("field/#", 1)
        client.loop_start()
        delays = []
        try:
            port = str(generator.ready["port"])
            with child("benchmarks.field_client", port, str(broker), "1", python=python):
                while generator.ask({})["streams"] < 1:
                    time.sleep(0.1)
                generator.ask({"heartbeats": 10.0})
                for _ in range(FIELD_FIRES):
                    # pyHik tells a change of state only: after a fire it wants 5 s of quiet before the next one counts.
                    time.sleep(12.3)
                    before = len(arrived)
                    (at,) = generator.ask({"fires": 1, "per_second": 1.0, "motion": True})["sent"].values()
                    with news:
                        if news.wait_for(lambda count=before: len(arrived) > count, 30):  # type: ignore[misc]
                            delays.append((arrived[before] - at) / 1e6)
        finally:
            client.disconnect()
            client.loop_stop()
    return {
        "alarms": FIELD_FIRES,
        "told": len(delays),
        "median_ms": round(quantile(delays, 0.5), 1) if delays else None,
        "worst_ms": round(max(delays), 1) if delays else None,
    }


def _settle(host: Child) -> None:
    """Wait until the host has nothing left to do."""
    before = host.ask({})["cpu"]
    for _ in range(100):
        time.sleep(0.5)
        after = host.ask({})["cpu"]
        if after - before < 0.05:
            return
        before = after
