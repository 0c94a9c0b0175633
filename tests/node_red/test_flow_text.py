"""The text of the flows: core nodes, no credentials, the same each time; and the command that writes them for a site."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import CameraInfo, Unreachable, hookimpl
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera
from paho.mqtt.client import topic_matches_sub

from hik_thermal_plugin.bridge.nodered import FLOWS, Place, Site, broker_id, flows
from hik_thermal_plugin.bridge.plugin import MqttPlugin
from hik_thermal_plugin.host import cli

FOLDER = Path(__file__).parents[2] / "integrations" / "node-red"
CORE = {
    "tab",
    "comment",
    "inject",
    "debug",
    "function",
    "mqtt in",
    "mqtt out",
    "mqtt-broker",
    "tls-config",
    "http request",
}
WIDE = Site(
    prefix="a/b", host="broker.example", port=8883, tls=True, protocol="5", places=(Place("kiln", 2), Place("yard"))
)
Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("name", FLOWS)
def test_the_files_are_what_the_command_writes_for_a_broker_on_this_machine(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == json.dumps(flows([name], Site()), ensure_ascii=False, indent=2) + "\n", (
        "run: python tests/node_red/picture.py --flows"
    )


def test_no_file_is_too_much() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(FLOWS)


@pytest.mark.parametrize("site", [Site(), WIDE], ids=["example", "wide"])
def test_a_flow_is_whole(site: Site) -> None:
    nodes = flows(list(FLOWS), site)
    known = {node["id"]: node for node in nodes}
    assert len(known) == len(nodes)
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in known)
    assert {node["type"] for node in nodes} <= CORE
    assert "credentials" not in json.dumps(nodes)
    assert nodes == flows(list(FLOWS), site)
    for node in nodes:
        if node["type"] in ("tab", "mqtt-broker", "tls-config"):
            continue
        assert known[node["z"]]["type"] == "tab"
        assert all(known[target]["z"] == node["z"] for output in node["wires"] for target in output)
        if node["type"] == "function":
            assert len(node["wires"]) == node["outputs"]
        if node["type"] == "debug":
            assert node["active"] is False
        if node["type"].startswith("mqtt"):
            assert node["broker"] == broker_id(site)
    places = [(node["z"], node["x"], node["y"]) for node in nodes if "x" in node]
    assert len(set(places)) == len(places)


def test_every_flow_listens_to_the_sites_own_topics() -> None:
    nodes = flows(list(FLOWS), WIDE)
    topics = [node["topic"] for node in nodes if node["type"] == "mqtt in"]
    assert topics == [
        "a/b/kiln/+/event/+", "a/b/kiln/+/picture/+", "a/b/yard/+/event/+", "a/b/yard/+/picture/+",
        "a/b/kiln/2/temperature/+", "a/b/yard/+/temperature/+",
        "a/b/kiln/+/alarm/fire", "a/b/kiln/+/alarm/temperature", "a/b/kiln/+/alarm/smoke",
        "a/b/yard/+/alarm/fire", "a/b/yard/+/alarm/temperature", "a/b/yard/+/alarm/smoke",
        "a/b/kiln/+/measure/result", "a/b/yard/+/measure/result",
        "a/b/bridge/heartbeat", "a/b/bridge/state",
    ]  # fmt: skip
    [broker] = [node for node in nodes if node["type"] == "mqtt-broker"]
    assert (broker["broker"], broker["port"], broker["usetls"], broker["protocolVersion"]) == (
        "broker.example",
        "8883",
        True,
        "5",
    )


def test_the_page_names_every_variable_with_its_default() -> None:
    page = (FOLDER.parents[1] / "docs" / "hosts" / "node-red.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| ([^|]*) \|$", page, re.MULTILINE))
    assert list(rows) == list(FLOWS)
    for name, row in rows.items():
        [tab] = [node for node in flows([name], Site()) if node["type"] == "tab"]
        told = {word: (default or "").strip("`") for word, default in re.findall(r"`([A-Z_]+)`(?: \(([^)]*)\))?", row)}
        assert told == {one["name"]: one["value"] for one in tab["env"] if one["name"] != "PREFIX"} | (
            {"PREFIX": ""} if name == "measurement" else {}
        )


def test_the_access_list_of_the_page_lets_the_flows_work() -> None:
    page = (FOLDER.parents[1] / "docs" / "hosts" / "node-red.md").read_text(encoding="utf-8")
    rights = re.findall(r"^topic (read|write) (\S+)$", page, re.MULTILINE)
    nodes = flows(list(FLOWS), Site(places=(Place("kiln", 2),)))
    heard = [node["topic"].replace("+", "x") for node in nodes if node["type"] == "mqtt in"]
    said = [
        "hik_thermal/kiln/2/measure/set",
        "hik_thermal_trend/kiln/2/1",
        "hik_thermal_trend/kiln/2/1/rise",
        "siren/set",
    ]
    for word, topics in (("read", heard), ("write", said)):
        allowed = [topic for right, topic in rights if right == word]
        assert [topic for topic in topics if not any(topic_matches_sub(one, topic) for one in allowed)] == []


class Lost:
    """A camera that cannot be reached."""

    @hookimpl
    def nvr_cameras(self) -> tuple[CameraInfo, ...]:
        return (CameraInfo(name="Öfen 1", url="http://192.0.2.2", state="offline"),)

    @hookimpl
    def nvr_stream_url(self, camera: str, channel: int | None, profile: str) -> None:
        if camera == "Öfen 1":
            raise Unreachable("Öfen 1: no route to host", camera=camera)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], secret: str) -> Run:
    """Return `run("siren", "-o", "x")` of `hik-thermal node-red flow`: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MQTT_PASSWORD", secret)
    mqtt = '{host: broker.example, prefix: site, username: me, password: "${env:MQTT_PASSWORD}"}'
    (tmp_path / "config.yaml").write_text(f"state_dir: {tmp_path}/state\nmqtt: {mqtt}\n")

    def go(*arguments: object, cameras: int = 1) -> tuple[int, str, str]:
        plugins = Plugins()
        for number in range(1, cameras + 1):
            camera = FakeCamera(f"kiln{number}")
            camera.info = replace(camera.info, thermal_channel=number)
            plugins.add(f"fake {number}", camera)
        plugins.add("lost", Lost())
        plugins.add("mqtt", MqttPlugin())
        capfd.readouterr()
        code = cli.run(["node-red", "flow", *map(str, arguments)], plugins)
        return code, *capfd.readouterr()

    return go


def topics(text: str) -> list[str]:
    return [node["topic"] for node in json.loads(text) if node["type"] == "mqtt in"]


def test_flows_for_the_cameras_of_the_configuration(run: Run) -> None:
    code, out, err = run("trend")
    assert code == 0
    assert topics(out) == ["site/kiln1/1/temperature/+", "site/_fen_1/+/temperature/+"]
    assert "Öfen 1: no route to host; its flow takes any channel" in err
    broker = next(node for node in json.loads(out) if node["type"] == "mqtt-broker")
    assert (broker["broker"], broker["port"]) == ("broker.example", "1883")
    assert "me" not in broker.values()  # no user either: credentials are entered in Node-RED


def test_all_flows_into_a_file_without_asking_a_camera(run: Run, tmp_path: Path) -> None:
    code, out, err = run("--offline", "-o", "flows.json")
    assert (code, err) == (0, "")
    assert out == "flows.json\n"
    nodes = json.loads((tmp_path / "flows.json").read_text(encoding="utf-8"))
    assert sum(node["type"] == "tab" for node in nodes) == len(FLOWS)
    assert sum(node["type"] == "mqtt-broker" for node in nodes) == 1


def test_many_cameras_are_one_filter(run: Run) -> None:
    code, out, _ = run("trend", "--offline", cameras=20)
    assert code == 0
    assert topics(out) == ["site/+/+/temperature/+"]


def test_what_is_not_there_is_said(run: Run) -> None:
    code, _, err = run("siren", "sauna")
    assert code == 2
    assert "there is no flow sauna; there are notification, trend" in err
    assert run("--offline", "-o", "no/such/folder/x.json")[0] == 2


def test_a_site_without_mqtt_has_a_broker_on_the_same_machine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}\n")
    code, out, _ = run("heartbeat", "--offline")
    assert code == 0
    broker: dict[str, Any] = next(node for node in json.loads(out) if node["type"] == "mqtt-broker")
    assert broker["broker"] == "127.0.0.1"
