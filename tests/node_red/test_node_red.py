"""The flows in a real Node-RED: each is imported as it is, knows all its nodes, and does what it says with real messages."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from node_red_runtime import Node, NodeRed, Wire
from nvr_hooks.testing import JPEG

from hik_thermal_plugin.bridge.nodered import FLOWS, Site, flows

pytestmark = pytest.mark.integration
FOLDER = Path(__file__).parents[2] / "integrations" / "node-red"
PAGE = (Path(__file__).parents[2] / "docs" / "hosts" / "node-red.md").read_text(encoding="utf-8")
[PAGE_TREND] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
Wait = Callable[..., None]
Deploy = Callable[..., list[Node]]
Notified = tuple[str, list[tuple[dict[str, str], bytes]]]


def flow(name: str) -> list[Node]:
    found: list[Node] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def words(header: str) -> str:
    """Return the text of an encoded header."""
    match = re.fullmatch(r"=\?UTF-8\?B\?(.*)\?=", header)
    assert match
    return base64.b64decode(match[1]).decode()


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_imported_as_it_is_and_has_no_unknown_node(node_red: NodeRed, name: str) -> None:
    nodes = flow(name)
    assert {node["type"] for node in nodes} - node_red.core_types() == set()
    node_red.deploy(nodes)
    kept = {node["id"]: node for node in node_red.nodes()}
    assert set(kept) == {node["id"] for node in nodes}
    for node in nodes:
        assert node.items() <= kept[node["id"]].items()
    assert "missing types" not in node_red.log.read_text()
    node_red.deploy([])


def alarm(**more: Any) -> dict[str, Any]:
    told = {
        "id": "a1",
        "camera": "Kiln",
        "channel": 2,
        "kind": "fire",
        "phase": "start",
        "level": "alarm",
        "celsius": 350.0,
    }
    return {**told, "distance_m": 12, "late": False, **more}


def test_an_alarm_is_notified_with_its_picture(deploy: Deploy, wire: Wire, notified: Notified, wait_for: Wait) -> None:
    url, taken = notified
    wire.say("hik_thermal/kiln/2/picture/fire", b"an old one", retain=True)
    deploy(flow("notification"), NOTIFY_URL=url, PICTURE_SECONDS="5")
    wire.say("hik_thermal/kiln/2/event/motion", alarm(id="a0", kind="motion"))
    wire.say("hik_thermal/kiln/2/event/fire", alarm())
    wire.say("hik_thermal/kiln/2/event/fire", alarm())  # delivered twice
    wire.say("hik_thermal/kiln/2/picture/temperature", b"another alarm's")
    wire.say("hik_thermal/kiln/2/picture/fire", JPEG)
    wait_for(lambda: taken)
    headers, body = taken[0]
    assert body == JPEG
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Priority"] == "5"
    assert words(headers["Title"]) == "Kiln: fire"
    assert words(headers["Message"]) == "alarm, 350.0 °C, 12 m"
    wire.say("hik_thermal/kiln/2/event/fire", alarm(id="a2", phase="end"))
    wire.say("hik_thermal/kiln/2/event/temperature", alarm(id="a3", kind="temperature", celsius=None, rule_name="Tür"))
    wire.say("hik_thermal/kiln/2/picture/temperature", JPEG)
    wait_for(lambda: len(taken) > 1)
    assert [words(headers["Title"]) for headers, _ in taken] == ["Kiln: fire", "Kiln: temperature"]
    assert words(taken[1][0]["Message"]) == "alarm, 12 m, Tür"
    wire.say("hik_thermal/kiln/2/picture/fire", b"", retain=True)


def test_two_alarms_of_one_kind_at_once_are_both_notified(
    deploy: Deploy, wire: Wire, notified: Notified, wait_for: Wait
) -> None:
    url, taken = notified
    deploy(flow("notification"), NOTIFY_URL=url, PICTURE_SECONDS="2")
    for rule in ("door", "motor"):
        wire.say("hik_thermal/kiln/2/event/temperature", alarm(id=rule, kind="temperature", rule_name=rule))
    wire.say("hik_thermal/kiln/2/picture/temperature", JPEG)
    wait_for(lambda: len(taken) == 2)
    [(_, door), (motor, picture)] = sorted(taken, key=lambda one: one[1] == JPEG)
    assert door.decode().endswith("door")
    assert words(motor["Message"]).endswith("motor")
    assert picture == JPEG


def test_an_alarm_without_a_picture_is_notified_in_words(
    deploy: Deploy, wire: Wire, notified: Notified, wait_for: Wait
) -> None:
    url, taken = notified
    deploy(flow("notification"), NOTIFY_URL=url, PICTURE_SECONDS="0.2")
    wire.say("hik_thermal/kiln/2/event/fire", alarm(late=True, at="2026-01-31T12:00:00.000Z"))
    wait_for(lambda: taken)
    headers, body = taken[0]
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body.decode() == "alarm, 350.0 °C, 12 m, told late, of 2026-01-31T12:00:00.000Z"


def reading(second: int, value: float, **more: Any) -> dict[str, Any]:
    at = f"2026-01-31T12:{second // 60:02}:{second % 60:02}.000Z"
    return {"rule": 1, "name": "door", "max": value, "unit": "°C", "at": at, "frozen": False, "stale": False, **more}


def test_the_slope_of_a_temperature_is_told(deploy: Deploy, wire: Wire, wait_for: Wait) -> None:
    deploy(flow("trend"))
    topic, trend = "hik_thermal/kiln/2/temperature/1", "hik_thermal_trend/kiln/2/1"
    for second in range(0, 130, 10):  # 6 K a minute
        wire.say(topic, reading(second, 20 + second / 10))
        wire.say(topic, reading(second + 5, 500.0, frozen=True))
        wire.say(topic, reading(second + 6, 500.0, stale=True))
    wait_for(lambda: len(wire.of(trend)) == 13)
    told = wire.of(trend)
    assert told[0]["per_minute"] is None
    assert told[-1] == PAGE_TREND
    assert [rise["rising"] for rise in wire.of(f"{trend}/rise")] == [True]
    for second in range(130, 1000, 30):
        wire.say(topic, reading(second, 32.0))
    wait_for(lambda: [rise["rising"] for rise in wire.of(f"{trend}/rise")] == [True, False])
    assert wire.of(trend)[-1]["per_minute"] == 0
    for name in (trend, f"{trend}/rise"):
        wire.say(name, b"", retain=True)


def level(active: bool | None, kind: str, word: str | None = "alarm") -> dict[str, Any]:
    return {"active": active, "kind": kind, "level": word if active else None}


def test_the_siren_sounds_when_two_agree_and_only_then(deploy: Deploy, wire: Wire, wait_for: Wait) -> None:
    fire, heat, other = (
        f"hik_thermal/{name}" for name in ("kiln/2/alarm/fire", "kiln/2/alarm/temperature", "yard/2/alarm/fire")
    )
    wire.say(fire, level(True, "fire"), retain=True)
    nodes = deploy(flow("siren"), taps={"verdict": "verdict"}, SETTLE_SECONDS="0.3")
    assert nodes
    wait_for(lambda: wire.of("siren/set") == [b"OFF"])  # one alone is not enough
    wire.say(heat, level(True, "temperature", "pre_alarm"))
    wire.say(other, level(None, "fire"))
    wire.say(heat, level(True, "temperature"))
    wait_for(lambda: wire.of("siren/set")[1:] == [b"ON"])
    wire.say(heat, level(None, "temperature"))  # the camera is lost: nobody knows
    wire.say(fire, level(None, "fire"))
    wire.say(other, level(False, "fire"))
    wire.say(fire, level(False, "fire"))
    wire.say(heat, level(False, "temperature"))
    wait_for(lambda: len(wire.of("siren/set")) == 3)
    assert wire.of("siren/set") == [b"OFF", b"ON", b"OFF"]
    ends = [topic for topic, _ in wire.heard]
    assert len(ends) - ends[::-1].index("siren/set") > len(ends) - ends[::-1].index(
        heat
    )  # off by the last word, not before
    wire.say(fire, level(True, "fire"))
    wire.say(other, level(True, "fire"))
    wait_for(lambda: wire.of("siren/set")[3:] == [b"ON"])
    wire.say(fire, b"", retain=True)


RUN_SIREN = """
const timers = [], sent = [], kept = {};
const context = { get: (key) => kept[key], set: (key, value) => { kept[key] = value; } };
const env = { get: (name) => name };
const node = { status: () => {}, send: (message) => sent.push(message) };
const run = new Function("msg", "context", "env", "node", "setTimeout", process.argv[1]);
const hear = (topic, active) => {
    const out = run({ topic, payload: { active, kind: topic } }, context, env, node, (work) => timers.push(work));
    if (out) { sent.push(out); }
};
hear("fire", true); hear("heat", null); timers.forEach((work) => work());
hear("heat", true); hear("fire", false);
hear("heat", null);
console.log(JSON.stringify(sent.map((message) => message.payload)));
"""


def test_the_siren_is_not_silenced_by_a_start_while_nobody_knows() -> None:
    text = next(node["func"] for node in flow("siren") if node["type"] == "function")
    done = subprocess.run(["node", "-e", RUN_SIREN, text], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["SIREN_ON", "SIREN_OFF"]


def test_a_measurement_is_asked_for_and_its_answer_awaited(
    deploy: Deploy, wire: Wire, node_red: NodeRed, wait_for: Wait, named: Callable[..., Node]
) -> None:
    taps = {"answer": "tap/answer", "no answer": "tap/none"}
    nodes = deploy(flow("measurement"), taps=taps, ANSWER_SECONDS="0.5")
    button = named(nodes, "kiln: centre")["id"]
    node_red.press(button)
    asked = "hik_thermal/kiln/2/measure/set"
    wait_for(lambda: wire.of(asked))
    question = wire.of(asked)[0]
    assert question["point"] == [0.5, 0.5]
    result = {"ok": True, "error": None, "celsius": 57.5}
    wire.say("hik_thermal/kiln/2/measure/result", {"id": "somebody else's", **result, "celsius": 1.0})
    wire.say("hik_thermal/kiln/2/measure/result", {"id": question["id"], **result})
    wait_for(lambda: wire.of("tap/answer"))
    assert wire.of("tap/answer") == [{"id": question["id"], **result}]
    node_red.press(button)
    wait_for(lambda: wire.of("tap/none"))
    assert wire.of("tap/none")[0]["error"] == "no answer"
    node_red.press(button)
    wait_for(lambda: len(wire.of(asked)) == 3)
    wire.say(
        "hik_thermal/kiln/2/measure/result", {"id": wire.of(asked)[2]["id"], "ok": False, "error": "no such channel"}
    )
    wait_for(lambda: len(wire.of("tap/none")) == 2)
    assert wire.of("tap/none")[1]["error"] == "no such channel"
    assert len(wire.of("tap/answer")) == 1


def test_garbage_on_its_topics_breaks_no_flow(
    deploy: Deploy, wire: Wire, node_red: NodeRed, wait_for: Wait, named: Callable[..., Node]
) -> None:
    nodes = deploy(flows(list(FLOWS), Site()), taps={"answer": "tap/garbage"}, SETTLE_SECONDS="0.1")
    topics = [node["topic"].replace("+", "kiln", 1).replace("+", "2", 1) for node in nodes if node["type"] == "mqtt in"]
    before = len(node_red.log.read_text())
    for topic in topics:
        for payload in (
            b"",
            b"null",
            b"[]",
            b"{}",
            b"5",
            b'"text"',
            b"{not json",
            b"\xff\xfe\x00",
            b'{"phase": "start", "id": {}}',
        ):
            wire.say(topic.replace("+", "fire"), payload)
    node_red.press(named(nodes, "kiln: centre")["id"])
    wait_for(lambda: wire.of("hik_thermal/kiln/2/measure/set"))
    question = wire.of("hik_thermal/kiln/2/measure/set")[-1]
    wire.say("hik_thermal/kiln/2/measure/result", {"id": question["id"], "ok": True})
    wait_for(lambda: wire.of("tap/garbage"))
    assert "[error]" not in node_red.log.read_text()[before:]


def test_a_heartbeat_that_stops_is_shouted_about(
    deploy: Deploy, wire: Wire, notified: Notified, wait_for: Wait
) -> None:
    url, taken = notified
    seconds = {"SILENT_SECONDS": "0.6", "OFFLINE_SECONDS": "0.2"}
    deploy(flow("heartbeat"), taps={"alive?": "tap/alive"}, NOTIFY_URL=url, **seconds)
    wait_for(lambda: len(taken) == 1)  # nothing since the start
    assert taken[0][0]["Title"] == "Thermal cameras are NOT watched"
    assert b"nothing was heard of the bridge for 0.6 s" in taken[0][1]
    wire.say("hik_thermal/bridge/heartbeat", "2026-01-31T12:00:00.000Z")
    wait_for(lambda: len(taken) == 2)
    assert taken[1][0]["Title"] == "Thermal cameras are watched again"
    wait_for(lambda: len(taken) == 3)
    wire.say("hik_thermal/bridge/heartbeat", "2026-01-31T12:00:30.000Z")
    wire.say("hik_thermal/bridge/state", "offline")
    wait_for(lambda: len(taken) == 5)
    assert [headers["Priority"] for headers, _ in taken] == ["5", "3", "5", "3", "5"]
    assert taken[4][1] == b"the bridge has ended"
    wait_for(lambda: [told["alive"] for told in wire.of("tap/alive")] == [False, True, False, True, False])
