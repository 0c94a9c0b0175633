"""A real Node-RED on a free port of 127.0.0.1, with a folder of its own; installed once into the user's cache folder."""

from __future__ import annotations

import fcntl
import getpass
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho

VERSION = "4.1.15"
SETTINGS = {
    "uiHost": "127.0.0.1",
    "flowFile": "flows.json",
    "credentialSecret": "tests",
    "diagnostics": {"enabled": False},
    "telemetry": {"enabled": False},
    "externalModules": {"palette": {"allowInstall": False}, "modules": {"allowInstall": False}},
    "editorTheme": {"tours": False, "header": {"title": "Node-RED"}},
    "logging": {"console": {"level": "info"}},
}
Node = dict[str, Any]


class Missing(Exception):
    """Node.js or npm is not here, or npm cannot install Node-RED."""


def installed(cache: Path) -> Path:
    """Return the program of Node-RED, installing it first where it is not; raise Missing where that is impossible."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Missing("node and npm are not installed (Debian: nodejs, npm)")
    folder = cache / f"node-red-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "node_modules" / "node-red" / "red.js"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs beside each other
        if not (folder / "ready").exists():
            (folder / "package.json").write_text('{"private": true}')
            quietly = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--omit=optional"]
            done = subprocess.run(
                ["npm", "install", *quietly, f"node-red@{VERSION}"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode or not program.exists():
                raise Missing(f"npm cannot install node-red@{VERSION}: {done.stderr[-500:]}")
            (folder / "ready").touch()
    return program


class NodeRed:
    """One instance, empty at its start."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self.port = free_port()
        (folder / "settings.js").write_text(f"module.exports = {json.dumps({**SETTINGS, 'uiPort': self.port})};")
        command = ["node", str(program), "-u", str(folder), "-s", str(folder / "settings.js")]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._client = httpx.Client(
            base_url=self.url,
            trust_env=False,
            headers={"Node-RED-API-Version": "v2"},
            timeout=20,
            limits=httpx.Limits(max_keepalive_connections=0),  # a test leaves no connection behind
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self._folder / "log"

    def core_types(self) -> set[str]:
        """Return the types this instance knows: those that come with it."""
        sets = self._client.get("/nodes", headers={"Accept": "application/json"}).json()
        assert all(one["module"] == "node-red" for one in sets)
        return {kind for one in sets if one["enabled"] for kind in one["types"]} | {"tab"}

    def deploy(self, nodes: list[Node]) -> None:
        """Make these the flows, as an import and a press on Deploy do."""
        answer = self._client.post("/flows", json={"flows": nodes}, headers={"Node-RED-Deployment-Type": "full"})
        assert answer.status_code == 200, answer.text

    def nodes(self) -> list[Node]:
        """Return the flows there are."""
        found: list[Node] = self._client.get("/flows").json()["flows"]
        return found

    def press(self, node: str) -> None:
        """Press the button of an inject node."""
        answer = self._client.post(f"/inject/{node}")
        assert answer.status_code == 200, answer.text

    def close(self) -> None:
        """End it."""
        self._client.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log.read_text()
            try:
                if self._client.get("/flows/state").json().get("state") == "start":
                    return
            except (httpx.HTTPError, ValueError):
                time.sleep(0.02)
        raise AssertionError(self.log.read_text())


class Wire:
    """A client of the broker: says things, and hears all."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", 1)
        assert ready.wait(10)

    def say(self, topic: str, payload: Any = b"", *, retain: bool = False) -> None:
        """Publish; anything but bytes and text as JSON."""
        data = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        self._client.publish(topic, data, qos=1, retain=retain).wait_for_publish(10)

    def of(self, topic: str) -> list[Any]:
        """Return what was heard on a topic, in order."""
        return [payload for where, payload in list(self.heard) if where == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = self._client.on_subscribe = None
        del self._client  # its sockets go with it

    def _hear(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        try:
            payload = json.loads(message.payload)
        except ValueError:
            payload = bytes(message.payload)
        self.heard.append((message.topic, payload))


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """Run a mosquitto on a free port, which is yielded; raise Missing without one."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise Missing("mosquitto is not installed (Debian: mosquitto)")
    port = free_port()
    config = folder / "mosquitto.conf"
    lines = ("allow_anonymous true", "persistence false", "set_tcp_nodelay true", f"user {getpass.getuser()}")
    config.write_text("\n".join((f"listener {port} 127.0.0.1", *lines, "")))
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "mosquitto does not answer"
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def notifications() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Take what is posted: yields the address, and the list of (headers, body)."""
    taken: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            taken.append((dict(self.headers.items()), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/alarms", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
