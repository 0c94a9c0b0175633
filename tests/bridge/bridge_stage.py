"""Brokers, a listener, and hosts with fake cameras and the bridge."""

from __future__ import annotations

import getpass
import json
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from gate import free_port
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera

from hik_thermal_plugin.bridge.mqtt import Pauses
from hik_thermal_plugin.bridge.plugin import MqttPlugin

QUICK = Pauses(first=0.05, longest=0.2, refused=0.3)
Wait = Callable[..., None]


class Amqtt:
    """amqtt as a process; `stop` and `start` again on the same port, then it has forgotten everything."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        program = Path(__file__).with_name("amqtt_broker.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(self.port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None


def void(_: object) -> None:
    """Forget a value."""


class Ear:
    """Hears everything under a prefix."""

    def __init__(self, port: int, wait_for: Wait, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        self.heard: list[tuple[str, bytes, bool]] = []
        self._expected: dict[str, int] = {}
        self._wait_for = wait_for
        self._ready = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        for name, values in options.items():
            getattr(self.client, name)(*values)
        self.client.on_message = self._hear
        # QoS 0: amqtt waits for a listener of an earlier test that went without an acknowledgement
        self.client.on_connect = lambda client, *_: void(client.subscribe(f"{prefix}/#", 0))
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.client.on_message = self.client.on_connect = self.client.on_subscribe = None
        del self.client  # paho keeps a pair of sockets open as long as the client lives

    def _hear(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        if message.topic.startswith(f"{self.prefix}/"):  # amqtt now and then repeats what another test retained
            topic = message.topic.removeprefix(f"{self.prefix}/")
            self.heard.append((topic, bytes(message.payload), message.retain))

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for where, payload, _ in list(self.heard) if where == topic]

    def documents(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads(topic) if payload]

    def latest(self, topic: str) -> Any:
        """Return what a topic says now: JSON, or text, or None while nothing was heard."""
        payloads = self.payloads(topic)
        return _value(payloads[-1]) if payloads else None

    def expect(self, topic: str, condition: Callable[[Any], object] = lambda value: value is not None) -> Any:
        """Wait until a topic says what it should, from what was expected of it last on; return it."""

        def found() -> bool:
            payloads = self.payloads(topic)
            for number in range(self._expected.get(topic, 0), len(payloads)):
                if condition(_value(payloads[number])):
                    self._expected[topic] = number
                    return True
            return False

        self._wait_for(found, what=topic)
        return _value(self.payloads(topic)[self._expected[topic]])

    def expect_active(self, topic: str, active: bool | None) -> dict[str, Any]:
        document = self.expect(topic, lambda value: isinstance(value, dict) and value["active"] is active)
        assert isinstance(document, dict)
        return document

    def say(self, topic: str, payload: object = b"", *, retain: bool = False) -> None:
        data = json.dumps(payload) if isinstance(payload, dict | list) else payload
        info = self.client.publish(f"{self.prefix}/{topic}", data, qos=1, retain=retain)  # type: ignore[arg-type]
        info.wait_for_publish(10)


def _value(payload: bytes) -> Any:
    with suppress(ValueError):
        return json.loads(payload)
    return payload.decode("utf-8", "replace")


class Host:
    """Plugins as a host has them: fake cameras and the bridge."""

    def __init__(self, port: int, folder: Path, prefix: str, **section: Any) -> None:
        self.config = {
            "mqtt": {
                "host": "127.0.0.1",
                "port": port,
                "prefix": prefix,
                "release_after": 0.3,
                "client_id": secrets.token_hex(6),  # amqtt ends the second connection of a name with the first one
                **section,
            },
            "state_dir": str(folder / "state"),
        }
        self.plugins = Plugins()
        self.mqtt = MqttPlugin()
        self.plugins.add("mqtt", self.mqtt)
        self.cameras: dict[str, FakeCamera] = {}

    @property
    def hook(self) -> Any:
        return self.plugins.hook

    def add(self, name: str = "kiln") -> FakeCamera:
        camera = self.cameras[name] = FakeCamera(name)
        self.plugins.add(f"fake {name}", camera)
        return camera

    def start(self) -> None:
        self.hook.nvr_configure(config=self.config)
        self.hook.nvr_start(hooks=self.hook)

    def close(self) -> None:
        self.hook.nvr_close()


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for a second attempt as long as a user may."""
    monkeypatch.setattr("hik_thermal_plugin.bridge.bridge.Pauses", lambda: QUICK)


@pytest.fixture(scope="session")
def broker() -> Iterator[Amqtt]:
    """Return a broker that all tests share, each under a prefix of its own."""
    broker = Amqtt()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def own_broker() -> Iterator[Amqtt]:
    """Return a broker of this test, not yet started."""
    broker = Amqtt()
    yield broker
    broker.stop()


@pytest.fixture
def prefix() -> str:
    """Return the prefix of this test."""
    return f"test/{secrets.token_hex(4)}"


@pytest.fixture
def listen(wait_for: Wait, prefix: str) -> Iterator[Callable[..., Ear]]:
    """Return `listen(port)`: an ear on a broker, closed at the end of the test."""
    ears: list[Ear] = []

    def make(port: int, **options: Any) -> Ear:
        ears.append(Ear(port, wait_for, **{"prefix": prefix} | options))
        return ears[-1]

    yield make
    for ear in ears:
        ear.close()


@pytest.fixture
def ear(broker: Amqtt, listen: Callable[..., Ear]) -> Ear:
    return listen(broker.port)


@pytest.fixture
def make_host(tmp_path: Path, prefix: str) -> Iterator[Callable[..., Host]]:
    """Return `make_host(port, **section)`: closed at the end of the test, state in the test's folder."""
    hosts: list[Host] = []

    def make(port: int, **section: Any) -> Host:
        hosts.append(Host(port, tmp_path, **{"prefix": prefix} | section))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def host(broker: Amqtt, make_host: Callable[..., Host]) -> Host:
    """Return a host on the broker with one camera, not yet started."""
    host = make_host(broker.port)
    host.add("kiln")
    return host


class Mosquitto:
    """mosquitto from the system's packages, with a configuration of its own on 127.0.0.1."""

    def __init__(self, program: str, folder: Path, wait_for: Wait, lines: tuple[str, ...], port: int) -> None:
        self.port = port
        self._program = program
        self._wait_for = wait_for
        self._file = folder / f"mosquitto-{port}.conf"
        self._file.write_text(
            "\n".join(
                (
                    f"listener {port} 127.0.0.1",
                    *lines,
                    "persistence false",
                    "set_tcp_nodelay true",
                    f"user {getpass.getuser()}",  # started by root it becomes another one, who cannot read the test's folder
                    "",
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_for(self._answers, what="mosquitto")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@pytest.fixture
def mosquitto(tmp_path: Path, wait_for: Wait) -> Iterator[Callable[..., Mosquitto]]:
    """Return `mosquitto(*lines)`: a broker with these lines in its configuration, started unless `start=False`."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    brokers: list[Mosquitto] = []

    def make(*lines: str, start: bool = True) -> Mosquitto:
        broker = Mosquitto(program, tmp_path, wait_for, lines or ("allow_anonymous true",), free_port())
        brokers.append(broker)
        if start:
            broker.start()
        return broker

    yield make
    for broker in brokers:
        broker.stop()
