"""The running service takes another configuration over, or leaves everything as it was and says why."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from nvr_hooks import CONTRACT_VERSION, ConfigError, Health, Mistake, hookimpl, now
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera

from hik_thermal_plugin.host import reload as reloading
from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.host.hold import Hold
from hik_thermal_plugin.host.reload import Watched, reload, tried_out

TWO = {"fake": {"cameras": {"kiln": {}, "yard": {}}}}


def write(path: Path, text: str) -> None:
    """Put another file in its place, as editors do."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("mqtt: {host: a}\n")
    return path


def test_a_change_counts_once_and_when_the_file_has_come_to_rest(file: Path) -> None:
    watched = Watched(file)
    assert [watched.changed(), watched.changed()] == [False, False]
    file.write_text("mqtt: {hos")
    assert watched.changed() is False
    file.write_text("mqtt: {host: bb}\n")  # the second half of what an editor writes
    assert watched.changed() is False
    assert [watched.changed(), watched.changed()] == [True, False]


def test_a_replaced_file_with_the_same_words_is_no_change(file: Path) -> None:
    watched = Watched(file)
    write(file, file.read_text())
    assert [watched.changed() for _ in range(3)] == [False] * 3
    write(file, "mqtt: {host: c}\n")
    os.utime(file, (1, 1))  # older than the one before: a restored backup
    assert [watched.changed() for _ in range(3)] == [False, True, False]


def test_a_file_that_goes_and_one_that_comes_are_changes(file: Path) -> None:
    watched = Watched(file)
    file.unlink()
    assert [watched.changed() for _ in range(3)] == [False, True, False]
    file.write_text("mqtt: {host: a}\n")
    assert [watched.changed() for _ in range(3)] == [False, True, False]


@pytest.mark.parametrize("text", ["${file:~nobody-of-that-name/x}", "${file:a\0b}", "${file:}", "${file:/}", "\udcff"])
def test_names_of_files_that_make_no_sense_stop_nobody(file: Path, text: str) -> None:
    watched = Watched(file)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert [watched.changed() for _ in range(3)] == [False, True, False]


def test_a_rotated_password_in_a_file_of_its_own_is_a_change(file: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("old")
    file.write_text(f'mqtt: {{host: a, username: u, password: "${{file:{password}}}"}}\n')
    watched = Watched(file)
    password.write_text("new")
    assert [watched.changed() for _ in range(3)] == [False, True, False]


@pytest.mark.slow
def test_a_trial_tells_every_mistake_of_every_plugin() -> None:
    text = "mqtt: {hots: x}\nhik_thermal: {cameras: {kiln: {url: nowhere}}}\nmetrics: {port: high}\n"
    told = [str(mistake) for mistake in tried_out(text, lambda: None)]

    assert any(line.startswith("mqtt.hots: ") for line in told)
    assert any(line.startswith("hik_thermal.cameras.kiln.url: ") for line in told)
    assert "metrics.port: expected a whole number, got 'high'" in told


def test_a_trial_that_takes_too_long_or_cannot_be_made_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[None] = []
    monkeypatch.setattr(reloading, "_PROGRAM", "import time; time.sleep(60)")
    with pytest.raises(ConfigError, match=r"could not be tried out within 0\.5 s"):
        tried_out("", lambda: waits.append(None), seconds=0.5)
    assert len(waits) == 2
    monkeypatch.setattr(reloading, "_PROGRAM", "import sys; sys.exit('out of memory')")
    assert [str(mistake) for mistake in tried_out("", lambda: None)] == [
        "the configuration could not be tried out: out of memory"
    ]


class Picky:
    """A plugin that refuses what its trial did not: its secret was changed in between."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self) -> None:
        self.taken: list[Any] = []

    @hookimpl
    def nvr_config_schema(self) -> tuple[str, dict[str, Any]]:
        return ("picky", {})

    @hookimpl
    def nvr_configure(self, config: Any) -> None:
        if config.get("picky") == {"x": 2}:
            raise ConfigError([Mistake("picky.x", "not 2")])
        self.taken.append(config.get("picky"))


def test_what_a_plugin_refuses_in_spite_of_the_trial_is_taken_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "tried_out", lambda text, wait: [])
    plugins, picky = Plugins(), Picky()
    plugins.add("picky", picky)
    host = Host(plugins)
    host.configure({"picky": {"x": 1}})
    file.write_text("picky: {x: 2}")
    with pytest.raises(ConfigError, match="not 2"):
        reload(host, file, {"picky": {"x": 1}}, lambda: None)
    assert picky.taken == [{"x": 1}, {"x": 1}]


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="signals and /dev/stdin")
def test_run_reloads_on_a_signal_and_on_a_change_and_leaves_a_faulty_file_alone(start: Any, tmp_path: Path) -> None:
    process = start("run", "--json", config={"fake": {"cameras": {"kiln": {}}}})
    assert json.loads(process.stdout.readline())["cameras"] == ["kiln"]
    process.send_signal(signal.SIGHUP)
    assert json.loads(process.stdout.readline()) == {"type": "reloaded", "cameras": ["kiln"]}
    write(tmp_path / "config.yaml", yaml.safe_dump(TWO))
    assert json.loads(process.stdout.readline()) == {"type": "reloaded", "cameras": ["kiln", "yard"]}
    write(tmp_path / "config.yaml", "fake: {mistakes: {x: wrong, y: worse}}\nother: 1\nlog: {form: json}\n")
    refused = json.loads(process.stdout.readline())
    assert refused["type"] == "reload_refused"
    assert {text.partition(":")[0] for text in refused["mistakes"]} == {"fake.x", "fake.y", "other", "log.form"}
    write(tmp_path / "config.yaml", yaml.safe_dump(TWO | {"log": {"format": "json"}}))
    assert json.loads(process.stdout.readline())["type"] == "reloaded"
    process.terminate()
    _, err = process.communicate(timeout=10)

    assert process.returncode == 0
    assert err.count("is not taken over: ") == 4
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]  # the tests' plugin writes others
    assert [(line["level"], line["message"]) for line in lines][-1] == ("info", "ending")


@pytest.mark.slow
def test_the_end_is_not_kept_waiting_by_a_reload(start: Any, tmp_path: Path) -> None:
    process = start("run", "--json", config={"fake": {"cameras": {"kiln": {}}}})
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.terminate()
    out, _ = process.communicate(timeout=10)

    assert (process.returncode, out) == (0, "")


def test_the_log_says_it_in_json_too(hik: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ended = hik("run", "--log", "json", config={"fake": {"mistakes": {"x": "wrong", "y": "worse"}}})

    assert ended.code == 2
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("error", "fake.x: wrong"),
        ("error", "fake.y: worse"),
    ]
    assert hik("run", "--log", "yaml", config={}).code == 2


def test_connections_are_held_while_their_users_are_exchanged() -> None:
    class Yard(FakeCamera):
        """A camera nobody listens to."""

        @hookimpl
        def nvr_health(self, camera: str) -> list[Health] | None:
            return (
                [Health(camera="yard", source="alert_stream", state="starting", since=now())]
                if camera == "yard"
                else None
            )

    plugins, kiln, yard, seconds = Plugins(), FakeCamera("kiln"), Yard("yard"), [0.0]
    plugins.add("kiln", kiln)
    plugins.add("yard", yard)
    host = Host(plugins)
    host.configure({})
    hold = Hold(host, clock=lambda: seconds[0])
    hold.take()
    assert [item.state for item in kiln.listeners] == ["running"]
    assert yard.listeners == [], "it would connect a camera for nobody"
    hold.tick()
    assert kiln.listeners[0].state == "running"
    seconds[0] = 11
    hold.tick()
    assert kiln.listeners[0].state == "closed"
    host.close()
