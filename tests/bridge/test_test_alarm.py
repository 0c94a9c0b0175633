"""`test-alarm` on the command line: there and back over the broker, and a reason with an exit code when nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridge_stage import Amqtt, Ear, Host, Mosquitto
from gate import Gate, free_port
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera

from hik_thermal_plugin.bridge.plugin import MqttPlugin
from hik_thermal_plugin.host import cli


class Shell:
    """The command line with one configuration; `said` and `complained` are what the last command wrote."""

    def __init__(self, config: dict[str, Any], folder: Path, output: pytest.CaptureFixture[str]) -> None:
        self._path = folder / "config.yaml"
        self._path.write_text(json.dumps(config))
        self._output = output
        self.said = self.complained = ""

    def test_alarm(self, *arguments: str) -> int:
        plugins = Plugins()
        plugins.add("fake", FakeCamera("kiln"))
        plugins.add("mqtt", MqttPlugin())
        self._output.readouterr()
        code = cli.run(["test-alarm", *arguments, "-c", str(self._path)], plugins)
        self.said, self.complained = self._output.readouterr()
        return code


@pytest.fixture
def shell(broker: Amqtt, prefix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    config = {"mqtt": {"host": "127.0.0.1", "port": broker.port, "prefix": prefix}}
    return Shell(config, tmp_path, capfd)


@pytest.fixture
def service(host: Host, ear: Ear) -> Host:
    """Return the running service."""
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.expect("kiln/info")
    return host


def test_there_and_back(service: Host, shell: Shell, ear: Ear) -> None:
    assert shell.test_alarm("kiln") == 0
    assert shell.said.startswith("kiln: the test alarm came back in ")
    assert shell.said.endswith(f"{ear.prefix}/kiln/2/event/test\n")
    assert shell.complained == ""
    assert ear.documents("kiln/2/event/test")[0]["description"] == "test alarm"


def test_as_json(service: Host, shell: Shell, ear: Ear) -> None:
    assert shell.test_alarm("kiln", "--json", "--channel", "1") == 0
    answer = json.loads(shell.said)
    assert answer | {"event_id": "", "milliseconds": 0} == {
        "ok": True,
        "camera": "kiln",
        "channel": 1,
        "event_id": "",
        "topic": f"{ear.prefix}/kiln/1/event/test",
        "milliseconds": 0,
    }
    assert answer["event_id"] == ear.documents("kiln/1/event/test")[0]["id"]
    assert 0 < answer["milliseconds"] < 10_000


def test_the_visible_channel(service: Host, shell: Shell, ear: Ear) -> None:
    assert shell.test_alarm("kiln", "--channel", "visible") == 0
    assert ear.documents("kiln/1/event/test")


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["klin"], 2, "there is no camera klin; did you mean kiln?"),
        (["kiln", "--channel", "9"], 1, "kiln: has no channel 9; there are 1, 2"),
        (["kiln", "--colour"], 2, ""),
    ],
)
def test_wrong_use(service: Host, shell: Shell, arguments: list[str], code: int, reason: str) -> None:
    assert shell.test_alarm(*arguments) == code
    assert reason in shell.complained
    assert shell.said == ""


def test_no_section_mqtt(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shell = Shell({}, tmp_path, capfd)
    assert shell.test_alarm("kiln") == 2
    assert "no section mqtt" in shell.complained


def test_no_service_was_ever_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.trial._RETAINED_SECONDS", 0.2)
    assert shell.test_alarm("kiln") == 3
    assert "is `hik-thermal run` running?" in shell.complained


def test_the_service_is_offline(service: Host, shell: Shell, ear: Ear) -> None:
    service.close()
    ear.expect("bridge/state", lambda value: value == "offline")
    assert shell.test_alarm("kiln") == 3
    assert f"the service is offline, says {ear.prefix}/bridge/state" in shell.complained


def test_the_service_does_not_know_the_camera(shell: Shell, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.trial._RETAINED_SECONDS", 0.2)
    ear.say("bridge/state", b"online", retain=True)
    assert shell.test_alarm("kiln") == 3
    assert "the running service does not know kiln" in shell.complained


@pytest.mark.slow
def test_the_service_says_online_but_is_gone(shell: Shell, ear: Ear) -> None:
    ear.say("bridge/state", b"online", retain=True)
    ear.say("kiln/info", {"thermal_channel": 2}, retain=True)
    assert shell.test_alarm("kiln", "--timeout", "0.5") == 3
    assert "kiln: nobody answered within 0.5 s" in shell.complained


def test_the_answer_comes_but_the_alarm_does_not(shell: Shell, ear: Ear) -> None:
    ear.say("bridge/state", b"online", retain=True)
    ear.say("kiln/info", {"thermal_channel": 2}, retain=True)

    def answer(client: Any, data: Any, message: Any) -> None:
        identity = json.loads(message.payload)["id"]
        told = json.dumps({"id": identity, "ok": True, "event_id": "never"})
        client.publish(f"{ear.prefix}/kiln/2/test_alarm/result", told)

    ear.client.message_callback_add(f"{ear.prefix}/kiln/2/test_alarm/set", answer)
    assert shell.test_alarm("kiln", "--timeout", "0.5") == 3
    assert "the answer came, but the alarm did not" in shell.complained


def test_the_broker_is_away(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    shell = Shell({"mqtt": {"host": "127.0.0.1", "port": port}}, tmp_path, capfd)
    assert shell.test_alarm("kiln") == 3
    assert f"the broker 127.0.0.1:{port} cannot be reached: Connection refused\n" in shell.complained


def test_the_broker_says_nothing(broker: Amqtt, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gate = Gate(broker.port)
    gate.stall()
    try:
        shell = Shell({"mqtt": {"host": "127.0.0.1", "port": gate.port}}, tmp_path, capfd)
        assert shell.test_alarm("kiln", "--timeout", "0.3") == 3
        assert "does not answer" in shell.complained
    finally:
        gate.close()


@pytest.mark.integration
@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_the_broker_refuses_the_login(
    mosquitto: Callable[..., Mosquitto], tmp_path: Path, capfd: pytest.CaptureFixture[str], protocol: str, secret: str
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = mosquitto(f"password_file {passwords}", "allow_anonymous false")
    section = {"host": "127.0.0.1", "port": broker.port, "username": "me", "password": secret, "protocol": protocol}
    shell = Shell({"mqtt": section}, tmp_path, capfd)
    assert shell.test_alarm("kiln") == 4
    assert "refuses the login of me" in shell.complained
    shell = Shell({"mqtt": {**section, "username": None, "password": None}}, tmp_path, capfd)
    assert shell.test_alarm("kiln") == 4
    assert "refuses the login of nobody (no username)" in shell.complained


@pytest.mark.integration
def test_on_mosquitto(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    listen: Callable[..., Ear],
) -> None:  # fmt: skip
    broker = mosquitto()
    host = make_host(broker.port, protocol="5")
    host.add("kiln")
    host.start()
    listen(broker.port).expect("bridge/state", lambda value: value == "online")
    shell = Shell({"mqtt": host.config["mqtt"]}, tmp_path, capfd)
    assert shell.test_alarm("kiln") == 0
