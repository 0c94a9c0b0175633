"""Somebody who listens on MQTT, and knows nothing of the service but what docs/mqtt.md says."""

from __future__ import annotations

import fcntl
import json
import termios
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .service import PREFIX

Document = dict[str, Any]
Handler = Callable[[float, str, str, Document], object]


class Watcher:
    """Subscribed to everything. `on_event` and `on_level` are called with time, camera, kind and document, `on_bridge` with time and
    whether it is online."""

    def __init__(
        self,
        port: int,
        *,
        on_event: Handler,
        on_level: Handler,
        on_bridge: Callable[[float, bool], object],
        secrets: list[bytes],
        log: Path,
    ) -> None:
        self._on_event = on_event
        self._on_level = on_level
        self._on_bridge = on_bridge
        self._secrets = secrets
        self._log = log.open("w", buffering=1)
        self._ready = threading.Event()
        self.states: dict[str, str] = {}
        self.sources: dict[str, dict[str, str]] = defaultdict(dict)
        self.levels: dict[tuple[str, str], Document] = {}
        self.outbox: Document = {}
        self.counted: dict[str, int] = defaultdict(int)
        self.problems: list[str] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._lost
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def wait(self) -> None:
        """Wait until it is subscribed."""
        if not self._ready.wait(600):
            raise RuntimeError("the watcher cannot subscribe")

    def drain(self) -> None:
        """Wait until it has read what the broker, which sends nothing more, has sent it: what is unread when the broker goes may be lost."""
        with suppress(OSError, ValueError):  # it is closed
            while (sock := self._client.socket()) and fcntl.ioctl(sock, termios.FIONREAD, bytes(4)) != bytes(4):
                time.sleep(0.05)

    def forget(self) -> None:
        """Take it that the connection is gone: `wait` waits for the next one."""
        self._ready.clear()

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()
        self._log.close()

    def _connected(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(f"{PREFIX}/#", qos=1)

    def _lost(self, *_: object) -> None:
        self._ready.clear()
        self._on_bridge(time.monotonic(), False)
        self.states.clear()
        self.levels.clear()

    def _take(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        try:
            self._read(now, message)
        except Exception as err:
            self.problems.append(f"{message.topic}: {err!r}")

    def _read(self, now: float, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if any(secret in payload for secret in self._secrets):
            self.problems.append(f"{message.topic} tells a password")
        if "/event/" in message.topic or "/alarm/" in message.topic or message.topic.endswith("state"):
            self._log.write(f"{now:.2f} {message.topic} {'retained ' * message.retain}{payload.decode()}\n")
        parts = message.topic.split("/")[1:]
        self.counted[parts[2] if len(parts) == 4 else parts[-1]] += 1
        match parts:
            case ["bridge", "state"]:
                self._on_bridge(now, payload == b"online")
            case [camera, "state"]:
                self.states[camera] = payload.decode()
            case ["bridge", "outbox"]:
                self.outbox = json.loads(payload)
            case [camera, "source", name] if payload:
                self.sources[camera][name] = json.loads(payload)["state"]
            case [camera, _, "event", kind]:
                self._on_event(now, camera, kind, json.loads(payload))
            case [camera, _, "alarm", kind] if not payload:
                self.levels.pop((camera, kind), None)
            case [camera, _, "alarm", kind]:
                document = json.loads(payload)
                self.levels[camera, kind] = document
                if not message.retain:
                    self._on_level(now, camera, kind, document)
