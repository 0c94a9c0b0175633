"""The running service as its users have it: `hik-thermal run` in a process of its own, mosquitto, simulated cameras, a subscriber."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from hass import hass_program, hass_user, home_assistant  # noqa: F401 - fixtures

WaitFor = Callable[..., None]


class Subscriber:
    """Somebody who listens: every message in order, and the last one of each topic."""

    def __init__(self, port: int, host: str = "127.0.0.1", **settings: Any) -> None:
        self.messages: list[tuple[str, Any]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        for name, arguments in settings.items():
            getattr(self._client, name)(*arguments)
        self._client.on_message = self._take
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect(host, port)
        self._client.subscribe("hik_thermal/#", qos=1)
        self._client.loop_start()
        assert ready.wait(10)

    def _take(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            payload = json.loads(message.payload)
        except ValueError:
            payload = message.payload.decode("utf-8", "replace")
        self.messages.append((message.topic.removeprefix("hik_thermal/"), payload))

    def of(self, topic: str) -> list[Any]:
        """Return the payloads of a topic in order."""
        return [payload for at, payload in list(self.messages) if at == topic]

    def last(self, topic: str) -> Any:
        """Return the last payload of a topic, or None."""
        found = self.of(topic)
        return found[-1] if found else None

    def publish(self, topic: str, payload: str) -> None:
        """Send a message."""
        self._client.publish(f"hik_thermal/{topic}", payload, qos=1)

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None
        del self._client  # its sockets go with it


class Service:
    """`hik-thermal run` with one configuration, started and ended as often as wanted."""

    def __init__(self, folder: Path, broker: int, secret: str) -> None:
        self.folder = folder
        self.broker = broker
        self.secret = secret
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "service.log"
        self.environ: dict[str, str] = {}
        """What its processes have in their environment besides."""

    def configure(self, cameras: dict[str, dict[str, Any]], **mqtt_settings: Any) -> None:
        """Write the configuration."""
        plain = {"username": "admin", "password": "${env:KILN_PASSWORD}", "timeout": 5}
        config = {
            "state_dir": str(self.folder / "state"),
            "mqtt": {"host": "127.0.0.1", "port": self.broker, **mqtt_settings},
            "hik_thermal": {"cameras": {name: plain | more for name, more in cameras.items()}},
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command("run"), env=self._environ(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it with a signal; return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(10)
        self.process = None
        return code

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command with the same configuration."""
        return subprocess.run(
            self._command(*arguments), env=self._environ(), capture_output=True, text=True, timeout=60, check=False
        )

    def close(self) -> None:
        """End it if it runs, and see that it told nobody the password."""
        if self.process is not None:
            self.stop(signal.SIGKILL)
        if self.log.exists():
            assert self.secret not in self.log.read_text("utf-8", "replace")

    def _command(self, *arguments: str) -> list[str]:
        program = Path(sys.executable).with_name("hik-thermal")
        return [str(program), *arguments, "-c", str(self.folder / "config.yaml")]

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "KILN_PASSWORD": self.secret, "NVR_BLOCK_PLUGINS": "fake,listener", **self.environ}


class Mosquitto:
    """mosquitto on a port of its own, with these lines in its configuration; stopped and started again it has forgotten everything."""

    def __init__(self, folder: Path, wait_for: WaitFor, *lines: str) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed (Debian: mosquitto)")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        config = folder / f"mosquitto-{self.port}.conf"
        own = ("persistence false", "set_tcp_nodelay true", f"user {getpass.getuser()}")
        config.write_text("\n".join((f"listener {self.port} 127.0.0.1", *lines, *own, "")))
        self._command = [program, "-c", str(config)]
        self.log = config.with_suffix(".log")
        self._wait_for = wait_for
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        self._wait_for(lambda: _answers(self.port), what="mosquitto")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path, wait_for: WaitFor) -> Iterator[Callable[..., Mosquitto]]:
    """Return `mosquitto(*lines)`: a started broker, ended after the test."""
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        made.append(Mosquitto(tmp_path, wait_for, *lines))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def broker(mosquitto: Callable[..., Mosquitto]) -> int:
    """Run mosquitto on a free port of 127.0.0.1; return the port."""
    return mosquitto("allow_anonymous true").port


@pytest.fixture
def subscriber(broker: int) -> Iterator[Subscriber]:
    """Listen to everything."""
    made = Subscriber(broker)
    yield made
    made.close()


@pytest.fixture
def listen() -> Iterator[Callable[..., Subscriber]]:
    """Return `listen(port, **settings of paho's client)`: somebody who listens to everything there."""
    made: list[Subscriber] = []

    def make(port: int, **settings: Any) -> Subscriber:
        made.append(Subscriber(port, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def service(tmp_path: Path, broker: int, secret: str) -> Iterator[Service]:
    """Return the service, not started and not configured yet."""
    made = Service(tmp_path, broker, secret)
    yield made
    made.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
