"""simulate: the simulator as a program of the command line."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_the_ready_line_and_runs_until_told(start: Any, number: signal.Signals) -> None:
    process = start("simulate", "--model", "bullet", "--username", "viewer")
    ready = json.loads(process.stdout.readline())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{ready['http']}/ISAPI/System/deviceInfo", timeout=10)
    refused.value.close()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert refused.value.code == 401
    assert {key: ready[key] for key in ("ready", "https", "rtsp", "model", "username")} == {
        "ready": True,
        "https": None,
        "rtsp": None,
        "model": "bullet",
        "username": "viewer",
    }
    assert ready["http"].startswith("http://127.0.0.1:")
    assert ready["control"].startswith("http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_it_answers_over_rtsp_when_asked_to(start: Any) -> None:
    process = start("simulate", "--rtsp-port", "0")
    ready = json.loads(process.stdout.readline())
    port = int(ready["rtsp"].removeprefix("rtsp://127.0.0.1:"))
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(f"OPTIONS {ready['rtsp']} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        answer = connection.recv(4096)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)

    assert answer.startswith(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n")


@pytest.mark.slow
def test_its_options_reach_the_simulator(start: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret-of-the-file\n")
    (tmp_path / "scenario.yaml").write_text("- {at: 0, fire: {x: 0.5, y: 0.5, celsius: 400}}\n")
    process = start("simulate", "--password-file", "password", "--scenario", "scenario.yaml", "--lock-attempts", "2")
    ready = json.loads(process.stdout.readline())
    state = json.loads(urllib.request.urlopen(f"{ready['control']}/state", timeout=10).read())
    process.terminate()

    assert process.wait(10) == 0
    assert ready["model"] == "bispectrum"
    assert len(state["fires"]) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "toaster"], "expected one of"),
        (["--profile", "absent"], "profile"),
        (["--https-port", "0"], "needs cert and key"),
        (["--password-file", "absent"], "absent"),
        (["--scenario", "absent.yaml"], "absent.yaml"),
    ],
)
def test_wrong_options_are_wrong_use(hik: Any, arguments: list[str], told: str) -> None:
    ended = hik("simulate", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert len(ended.err.splitlines()) == 1
