"""A real Home Assistant in a folder of its own, on 127.0.0.1, asked and told over its HTTP API."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hass_install import NotToBeHad, installed

START_SECONDS = 60.0
CONFIGURATION = """
homeassistant:
  name: Test
  latitude: 52.5
  longitude: 13.4
  elevation: 34
  unit_system: metric
  currency: EUR
  country: DE
  time_zone: UTC
http: {{server_host: 127.0.0.1, server_port: {port}}}
api:
config:
onboarding:
frontend:
history:
lovelace: {{mode: yaml}}
logger: {{default: warning, logs: {{homeassistant.components.mqtt: info}}}}
"""
USER = ("auth", "auth_provider.homeassistant", "onboarding")
"""Where Home Assistant keeps whom it knows. Nothing else is copied: newer ones keep the port there too."""
CLIENT = "http://127.0.0.1/"
WHO = {"username": "tester", "password": "only-on-loopback"}


class HomeAssistant:
    """`start`, `stop` and `start` again: what it has stored stays in its folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._login_tokens: Mapping[str, Any] = {}
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        folder.mkdir(parents=True, exist_ok=True)

    def configure(self, *, dashboard: str = "views: []\n", more: str = "", **broker: Any) -> None:
        """Write its configuration, with `more` at its end. `broker`: port, username, password, certificate … of its MQTT."""
        (self.folder / "configuration.yaml").write_text(CONFIGURATION.format(port=self.port) + more)
        (self.folder / "ui-lovelace.yaml").write_text(dashboard)
        entry = {
            "entry_id": "0123456789abcdef0123456789abcdef",
            "version": 1,
            "domain": "mqtt",
            "title": "broker",
            "data": {"broker": "127.0.0.1", "discovery": True, **broker},
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "unique_id": None,
            "disabled_by": None,
        }
        storage = self.folder / ".storage"
        storage.mkdir(exist_ok=True)
        document = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
        (storage / "core.config_entries").write_text(json.dumps(document))

    def start(self) -> None:
        command = [str(self._program), "-c", str(self.folder), "--skip-pip"]
        environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
        )
        _wait(self._answers, START_SECONDS, what="Home Assistant")
        self._login_tokens = self._log_in()
        self._client.headers["Authorization"] = f"Bearer {self._login_tokens['access_token']}"
        _wait(lambda: self.get("/api/config")["state"] == "RUNNING", START_SECONDS, what="its start")

    def stop(self) -> None:
        """End it as its users do."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._process = None

    def close(self) -> None:
        self.stop()
        self._client.close()

    def get(self, path: str) -> Any:
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.json()

    def picture(self, entity: str) -> bytes:
        """Return what a camera or image entity shows."""
        answer = self._client.get(f"/api/{entity.partition('.')[0]}_proxy/{entity}")
        return answer.content if answer.is_success else b""

    def press(self, entity: str) -> None:
        self._client.post("/api/services/button/press", json={"entity_id": entity}).raise_for_status()

    def tokens(self) -> Mapping[str, Any]:
        """Return what its own page keeps of a login."""
        return self._login_tokens

    def rendered(self, template: str, **variables: object) -> str:
        """Return what a template says: the only way to a device without a websocket."""
        answer = self._client.post("/api/template", json={"template": template, "variables": variables})
        answer.raise_for_status()
        return answer.text

    def states(self) -> dict[str, Mapping[str, Any]]:
        """Return entity -> state of everything that came over MQTT."""
        found = {state["entity_id"]: state for state in self.get("/api/states")}
        mine = json.loads(self.rendered("{{ integration_entities('mqtt') | to_json }}"))
        return {entity: found[entity] for entity in sorted(mine) if entity in found}

    def state(self, entity: str) -> str | None:
        """Return the state of an entity, None when there is none of that name."""
        answer = self._client.get(f"/api/states/{entity}")
        return str(answer.json()["state"]) if answer.is_success else None

    def attributes(self, entity: str) -> Mapping[str, Any]:
        """Return the attributes of an entity, none when there is none of that name."""
        answer = self._client.get(f"/api/states/{entity}")
        return dict(answer.json()["attributes"]) if answer.is_success else {}

    def expect(self, entity: str, wanted: str | None, seconds: float = 30.0) -> None:
        """Wait until an entity has a state."""
        _wait(lambda: self.state(entity) == wanted, seconds, what=f"{entity} is {wanted}")

    def until(self, condition: Callable[[], object], seconds: float = 30.0, what: str = "the condition") -> None:
        """Wait until something is so, without keeping it from its work by asking."""
        _wait(condition, seconds, what)

    def complaints(self) -> list[str]:
        """Return what its log says of MQTT that is a warning or worse."""
        log = self.folder / "home-assistant.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line for line in lines if re.search(r" (WARNING|ERROR) .*\[[\w.]*mqtt", line)]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "Home Assistant has ended"
        try:
            return self._client.get("/manifest.json").is_success
        except httpx.TransportError:
            return False

    def _log_in(self) -> Mapping[str, Any]:
        self._client.headers.pop("Authorization", None)
        steps = self._client.get("/api/onboarding")
        done = steps.is_error or next(step["done"] for step in steps.json() if step["step"] == "user")
        code = self._code() if done else self._onboard()
        form = {"grant_type": "authorization_code", "code": code, "client_id": CLIENT}
        return dict(self._client.post("/auth/token", data=form).raise_for_status().json())

    def _onboard(self) -> str:
        who = {**WHO, "client_id": CLIENT, "name": "Tester", "language": "en"}
        return str(self._client.post("/api/onboarding/users", json=who).raise_for_status().json()["auth_code"])

    def _code(self) -> str:
        begin = {"client_id": CLIENT, "handler": ["homeassistant", None], "redirect_uri": CLIENT}
        flow = self._client.post("/auth/login_flow", json=begin).raise_for_status().json()["flow_id"]
        done = self._client.post(f"/auth/login_flow/{flow}", json={**WHO, "client_id": CLIENT})
        return str(done.raise_for_status().json()["result"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def hass_program() -> Path:
    """Return the program hass; the first time it is installed, which takes minutes."""
    try:
        return installed()
    except NotToBeHad as err:
        pytest.skip(str(err))


@pytest.fixture(scope="session")
def hass_user(hass_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a Home Assistant that has a user: to make one takes longer than to copy it."""
    made = HomeAssistant(hass_program, tmp_path_factory.mktemp("hass"))
    (made.folder / "ui-lovelace.yaml").write_text("views: []\n")
    (made.folder / "configuration.yaml").write_text(CONFIGURATION.format(port=made.port))
    try:
        made.start()
    finally:
        made.close()
    steps = made.folder / ".storage" / "onboarding"
    document = json.loads(steps.read_text())
    document["data"]["done"] = ["user", "core_config", "analytics", "integration"]  # its page asks no more questions
    steps.write_text(json.dumps(document))
    return made.folder


@pytest.fixture
def home_assistant(
    hass_program: Path, hass_user: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[HomeAssistant]:
    """Return Home Assistant, neither configured nor started."""
    for name in ("httpcore", "httpx"):
        caplog.set_level(logging.WARNING, logger=name)  # a test asks a thousand times
    made = HomeAssistant(hass_program, tmp_path / "hass")
    (made.folder / ".storage").mkdir()
    for name in USER:
        shutil.copy2(hass_user / ".storage" / name, made.folder / ".storage")
    yield made
    made.close()


def _wait(condition: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} was not true within {seconds} s"
        time.sleep(0.03)  # more often would keep it from its work
