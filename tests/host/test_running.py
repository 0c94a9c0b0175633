"""The host in a process of its own: what it does on SIGTERM and Ctrl-C, on a closed pipe, and with plugins that misbehave."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal_host.py"
BOTH = [signal.SIGTERM, signal.SIGINT]


def site(**cameras: Any) -> dict[str, Any]:
    return {"fake": {"cameras": cameras}}


@pytest.mark.parametrize("number", BOTH)
def test_run_hands_events_on_and_closes_listeners_before_cameras(start: Any, number: signal.Signals) -> None:
    config = {"fake": {"cameras": {"kiln": {"alarms": 1}}, "close": "tells"}}
    process = start("run", "--json", config=config)
    ready = json.loads(process.stdout.readline())
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert ready == {"type": "ready", "cameras": ["kiln"], "plugins": ["fake", "listener"]}
    assert (process.returncode, out) == (0, "")
    assert "listener got fire_alarm of kiln\n" in err
    assert err.index("listener closed") < err.index("cameras closed")
    assert "running with cameras kiln; plugins fake, listener" in err


def test_run_with_mistakes_does_not_start(start: Any) -> None:
    process = start("run", config={"fake": {"mistakes": {"x": "unknown key"}}})
    _, err = process.communicate(timeout=10)

    assert process.returncode == 2
    assert "hik-thermal: fake.x: unknown key" in err


@pytest.mark.slow
def test_run_ends_when_a_plugin_says_it_cannot_start(start: Any) -> None:
    process = start("run", config={"fake": {"cameras": {"kiln": {}}, "listener": "on purpose"}})
    _, err = process.communicate(timeout=10)

    assert process.returncode == 1
    assert "hik-thermal: cannot write to the outbox" in err


def test_run_goes_on_without_a_plugin_that_crashes_at_the_start(start: Any) -> None:
    process = start("run", "--json", config={"fake": {"cameras": {"kiln": {}}, "listener": "by mistake"}})
    ready = json.loads(process.stdout.readline())
    process.terminate()
    _, err = process.communicate(timeout=10)

    assert process.returncode == 0
    assert ready["plugins"] == ["fake"]
    assert "plugin listener failed in nvr_start and is left out: KeyError in nvr_start" in err


@pytest.mark.slow
def test_a_password_in_the_file_itself_is_warned_about(start: Any) -> None:
    section = {"cameras": {"kiln": {"password": "op3n"}, "yard": {"password": "${env:HOME}"}}}
    process = start("run", "--json", config={"fake": section})
    process.stdout.readline()
    process.terminate()
    _, err = process.communicate(timeout=10)

    assert err.count("stands in the configuration itself") == 1
    assert "fake.cameras.kiln.password stands" in err
    assert "op3n" not in err


@pytest.mark.slow
def test_run_ends_in_time_with_a_plugin_that_does_not_let_go(start: Any) -> None:
    process = start("run", "--json", config={"fake": {"cameras": {"kiln": {}}, "close": "leaves a thread"}})
    process.stdout.readline()
    began = time.monotonic()
    process.terminate()
    _, err = process.communicate(timeout=10)

    assert process.returncode == 0
    assert time.monotonic() - began < 5
    assert "listener closed" in err
    assert "plugin fake did not close" in err


@pytest.mark.slow
@pytest.mark.parametrize("number", BOTH)
def test_watch_ends_well_on_a_signal(start: Any, number: signal.Signals) -> None:
    process = start("watch", "--json", config=site(kiln={"alarms": 1}))
    event = json.loads(process.stdout.readline())
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert event["type"] == "fire_alarm"
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(start: Any) -> None:
    process = start("watch", "--json", config=site(kiln={"alarms": 5000}))
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()

    assert process.wait(10) == 0
    assert err == ""


def test_a_command_that_is_no_stream_is_interrupted_by_sigterm_and_cleans_up(start: Any) -> None:
    config = {"fake": {"cameras": {"kiln": {"unknown": 1, "connection": "online"}}, "close": "tells"}}
    process = start("cameras", "-vv", "--timeout", "30", config=config)
    while "kiln: waiting until" not in (line := process.stderr.readline()):
        assert line, "it ended early"
    process.terminate()
    out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (1, "")
    assert "hik-thermal: interrupted" in err
    assert "cameras closed" in err


@pytest.mark.slow
@pytest.mark.parametrize("number", BOTH)
def test_the_minimal_host_runs_the_installed_plugins(start: Any, tmp_path: Path, number: signal.Signals) -> None:
    config = {"fake": {"cameras": {"kiln": {"alarms": 1}}, "close": "tells"}}
    process = start("config.yaml", config=config, program=[sys.executable, str(EXAMPLE)])
    assert process.stdout.readline() == "kiln http://192.0.2.1\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (0, "")
    assert "listener got fire_alarm of kiln\n" in err
    assert err.index("listener closed") < err.index("cameras closed")


def test_the_minimal_host_tells_mistakes(start: Any) -> None:
    config = {"fake": {"mistakes": {"x": "unknown key"}}}
    process = start("config.yaml", config=config, program=[sys.executable, str(EXAMPLE)])
    _, err = process.communicate(timeout=10)

    assert process.returncode == 2
    assert "fake.x: unknown key" in err


def test_the_minimal_host_is_small_and_needs_the_contract_and_yaml_alone() -> None:
    text = EXAMPLE.read_text()
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}

    assert len(text.splitlines()) <= 40
    assert imports - set(sys.stdlib_module_names) == {"nvr_hooks", "yaml"}
