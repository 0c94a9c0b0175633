"""The installed program and its own plugins against a simulated camera and a broker."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.host.broker import EmbeddedBroker, Message

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal_host.py"
Ask = Callable[..., Any]


@pytest.fixture
def camera(hik_simulator: Any, secret: str) -> Any:
    return hik_simulator(password=secret)


@pytest.fixture
def config(camera: Any) -> dict[str, Any]:
    return {
        "hik_thermal": {
            "cameras": {"kiln": {"url": camera.http, "username": "admin", "password": "${env:KILN_PASSWORD}"}}
        }
    }


@pytest.fixture
def ask(start: Any, secret: str) -> Ask:
    """Return `ask("cameras", config=…)`: run a command with the installed plugins; its exit code, JSON and stderr."""

    def run(*arguments: object, **options: Any) -> tuple[int, Any, str]:
        process = begin(start, secret, *arguments, "--json", **options)
        out, err = process.communicate(timeout=40)
        assert secret not in out + err
        return process.returncode, json.loads(out) if out else None, err

    return run


@pytest.fixture
def messages() -> Iterator[Any]:
    """Return a broker with `.port` and `.got`, every message so far by topic."""
    got: list[Message] = []
    with EmbeddedBroker(got.append) as broker:
        broker.got = got  # type: ignore[attr-defined]
        yield broker


def begin(start: Any, secret: str, *arguments: object, **options: Any) -> Any:
    env = {
        "NVR_BLOCK_PLUGINS": "fake,listener",
        "KILN_PASSWORD": secret,
        "HIK_THERMAL_PASSWORD": secret,
        **options.pop("env", {}),
    }
    return start(*arguments, env=env, **options)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_probe_says_who_a_camera_is(ask: Ask, camera: Any) -> None:
    code, found, _ = ask("probe", camera.http)

    assert code == 0
    assert found["model"] == "DS-2TD1228-2-QA"
    assert found["thermal_channel"] == 2
    assert [channel["thermal"] for channel in found["channels"]] == [False, True]


@pytest.mark.slow
def test_probe_with_a_wrong_password_is_refused_and_nobody_s_address_unreachable(ask: Ask, camera: Any) -> None:
    assert ask("probe", camera.http, env={"HIK_THERMAL_PASSWORD": "wrong"})[0] == 4
    assert ask("probe", f"http://127.0.0.1:{closed_port()}")[0] == 3


@pytest.mark.slow
def test_cameras_asks_each_and_tells_why_one_is_not_known(ask: Ask, config: dict[str, Any]) -> None:
    kiln = config["hik_thermal"]["cameras"]["kiln"]
    config["hik_thermal"]["cameras"]["lost"] = {**kiln, "url": f"http://127.0.0.1:{closed_port()}"}
    code, (found, lost), _ = ask("cameras", config=config)

    assert code == 0
    assert (found["name"], found["state"], found["model"]) == ("kiln", "online", "DS-2TD1228-2-QA")
    assert (lost["name"], lost["state"], lost["model"]) == ("lost", "offline", None)
    assert lost["reason"]


@pytest.mark.slow
def test_cameras_shows_a_refused_login(ask: Ask, config: dict[str, Any]) -> None:
    code, (found,), _ = ask("cameras", config=config, env={"KILN_PASSWORD": "wrong"})

    assert code == 0
    assert found["state"] == "auth_blocked"


@pytest.mark.slow
def test_urls_of_both_channels(ask: Ask, config: dict[str, Any], camera: Any) -> None:
    code, found, _ = ask("urls", "kiln", config=config)

    assert code == 0
    assert {item["channel"] for item in found} == {1, 2}
    assert found[0]["url"].startswith("rtsp://127.0.0.1")
    assert ask("urls", "kiln", "--channel", "thermal")[1][0]["channel"] == 2
    assert ask("urls", "kiln", "--channel", "7")[0] == 5


@pytest.mark.slow
@pytest.mark.parametrize(("channel", "number"), [("thermal", 2), ("visible", 1)])
def test_snapshot_of_each_channel(ask: Ask, config: dict[str, Any], tmp_path: Path, channel: str, number: int) -> None:
    code, told, _ = ask("snapshot", "kiln", "-o", "kiln.jpg", "--channel", channel, config=config)

    assert code == 0
    assert told["channel"] == number
    assert (tmp_path / "kiln.jpg").read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.slow
def test_failures_have_their_codes(ask: Ask, config: dict[str, Any], hik_simulator: Any, secret: str) -> None:
    assert ask("snapshot", "kiln", "-o", "x.jpg", config=config, env={"KILN_PASSWORD": "wrong"})[0] == 4
    config["hik_thermal"]["cameras"]["kiln"]["url"] = f"http://127.0.0.1:{closed_port()}"
    assert ask("snapshot", "kiln", "-o", "x.jpg", config=config)[0] == 3
    config["hik_thermal"]["cameras"]["kiln"]["url"] = hik_simulator(model="bullet", password=secret).http
    assert ask("snapshot", "kiln", "-o", "x.jpg", "--channel", "visible", config=config)[0] == 5


@pytest.mark.slow
def test_check_online_of_a_camera_that_is_well_refused_or_away(ask: Ask, config: dict[str, Any]) -> None:
    code, told, _ = ask("check", "--online", config=config)
    assert (code, told["ok"]) == (0, True)

    code, told, _ = ask("check", "--online", env={"KILN_PASSWORD": "wrong"})
    assert (code, told["ok"], told["findings"][0]["severity"]) == (4, False, "error")

    config["hik_thermal"]["cameras"]["kiln"]["url"] = f"http://127.0.0.1:{closed_port()}"
    assert ask("check", "--online", config=config)[0] == 3


@pytest.mark.slow
def test_watch_shows_temperatures_and_a_fire_the_moment_it_breaks_out(
    start: Any, secret: str, config: dict[str, Any], camera: Any
) -> None:
    camera.apply([{"temperature": {"rule": 1, "celsius": 72}}])
    process = begin(start, secret, "watch", "--json", config=config)
    event: dict[str, Any] = {}
    missing = {"alert_stream", "realtime", 72.0}
    while missing:
        event = json.loads(process.stdout.readline())
        missing -= {event["source"]} if event.get("state") == "online" else {event.get("highest_celsius")}
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    while event["type"] != "fire_alarm":
        event = json.loads(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=10)

    assert process.returncode == 0
    assert (event["camera"], event["channel"], event["source"]) == ("kiln", 2, "alert_stream")


@pytest.mark.slow
def test_watch_of_a_camera_that_is_away_or_refuses_fails_when_its_time_is_up(
    start: Any, secret: str, config: dict[str, Any]
) -> None:
    refused = begin(start, secret, "watch", "--seconds", "2", config=config, env={"KILN_PASSWORD": "wrong"})
    refused.communicate(timeout=30)
    config["hik_thermal"]["cameras"]["kiln"]["url"] = f"http://127.0.0.1:{closed_port()}"
    away = begin(start, secret, "watch", "--seconds", "1", config=config)
    away.communicate(timeout=30)

    assert (refused.returncode, away.returncode) == (4, 3)


@pytest.mark.slow
@pytest.mark.parametrize("program", [None, [sys.executable, str(EXAMPLE), "config.yaml"]], ids=["run", "minimal_host"])
def test_a_fire_goes_to_the_broker_and_the_end_is_told(
    start: Any,
    secret: str,
    config: dict[str, Any],
    camera: Any,
    messages: Any,
    wait_for: Callable[..., None],
    program: list[str] | None,
) -> None:
    config["mqtt"] = {"host": "127.0.0.1", "port": messages.port}
    config["state_dir"] = "state"

    def last(topic: str) -> bytes | None:
        return next((message.payload for message in reversed(messages.got) if message.topic == topic), None)

    process = begin(start, secret, *([] if program else ["run"]), config=config, program=program)
    wait_for(lambda: last("hik_thermal/kiln/state") == b"online", what="the camera's state on the broker")
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    wait_for(lambda: b'"active": true' in (last("hik_thermal/kiln/2/alarm/fire") or b"").replace(b":t", b": t"))
    process.terminate()
    out, err = process.communicate(timeout=10)

    assert process.returncode == 0
    assert last("hik_thermal/bridge/state") == b"offline"
    assert secret not in out + err + "".join(message.payload.decode(errors="replace") for message in messages.got)


@pytest.mark.slow
def test_a_test_alarm_comes_back_through_the_running_service(
    start: Any, ask: Ask, secret: str, config: dict[str, Any], messages: Any
) -> None:
    config["mqtt"] = {"host": "127.0.0.1", "port": messages.port}
    config["state_dir"] = "state"
    assert ask("test-alarm", "kiln", "--timeout", "5", config=config)[0] == 3

    service = begin(start, secret, "run", "--json", config=config)
    assert json.loads(service.stdout.readline())["type"] == "ready"
    code, told, err = ask("test-alarm", "kiln")
    service.terminate()
    service.communicate(timeout=10)

    assert (code, err) == (0, "")
    assert (told["ok"], told["camera"]) == (True, "kiln")
    assert service.returncode == 0


@pytest.mark.slow
def test_a_fire_that_is_pushed_and_told_by_arming_starts_once_on_mqtt(
    start: Any,
    ask: Ask,
    secret: str,
    config: dict[str, Any],
    camera: Any,
    messages: Any,
    wait_for: Callable[..., None],
    tmp_path: Path,
) -> None:
    config["mqtt"] = {"host": "127.0.0.1", "port": messages.port}
    config["state_dir"] = "state"
    config["hik_thermal"]["listener"] = {"bind": "127.0.0.1", "port": closed_port()}
    config["hik_thermal"]["cameras"]["kiln"]["sources"] = ["alert_stream", "push"]

    def told(topic: str) -> list[Any]:
        return [json.loads(message.payload) for message in list(messages.got) if message.topic == topic]

    service = begin(start, secret, "run", config=config)
    wait_for(lambda: any(health["state"] == "online" for health in told("hik_thermal/kiln/source/alert_stream")))
    code, found, _ = ask("listen", "kiln", "--set-up", "--write")
    assert (code, found["applied"]) == (0, True)
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    wait_for(lambda: camera.pushes()["accepted"] >= 3, what="three pushes taken")
    camera.apply([{"motion": {}}])
    wait_for(lambda: told("hik_thermal/kiln/2/event/motion"))
    assert [event["phase"] for event in told("hik_thermal/kiln/2/event/fire")] == ["start"]
    wait_for(lambda: any(message.topic.endswith("/picture/fire/2") for message in list(messages.got)))
    pictures = [message.topic for message in list(messages.got) if "/picture/fire" in message.topic]
    assert pictures == ["hik_thermal/kiln/2/picture/fire", "hik_thermal/kiln/2/picture/fire/2"], "each once"
    assert {health["state"] for health in told("hik_thermal/kiln/source/push")} == {"starting"}
    service.terminate()
    out, err = service.communicate(timeout=10)
    assert service.returncode == 0
    path = next((tmp_path / "state").glob("push-*.path")).read_text().strip()
    assert path not in out + err, "the path is a secret"
