"""capture on the command line, and the camera that `simulate` makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hik_thermal_plugin.host import cli


@pytest.fixture
def config(hik_simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str) -> Path:
    """Return a folder with the configuration of a simulated bullet camera; it is the present one."""
    camera = hik_simulator(model="bullet", password=secret, rtsp_port=0, heartbeat=0.05, real_time=0.05, recordings=())
    port = int(camera.rtsp.rpartition(":")[2])
    kiln = {"url": camera.http, "username": "admin", "password": "${env:KILN_PASSWORD}", "rtsp_port": port}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"hik_thermal": {"cameras": {"kiln": kiln}}}))
    monkeypatch.setenv("KILN_PASSWORD", secret)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_captured_camera_is_simulated(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["capture", "kiln", "-o", "answers", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["camera"], told["folder"]) == ("kiln", "answers")
    assert {"answers.json", "README.md", "System_deviceInfo.xml"} <= set(told["files"])

    program = [sys.executable, "-c", "from hik_thermal_plugin.host import main; main()"]
    options = {"stdout": subprocess.PIPE, "text": True, "cwd": config}
    with subprocess.Popen([*program, "simulate", "--profile", "answers"], **options) as process:  # type: ignore[call-overload]
        ready = json.loads(process.stdout.readline())
        process.terminate()
    assert (process.returncode, ready["model"]) == (0, "bullet")

    assert cli.run(["capture", "kiln", "-o", "answers"]) == 2
    assert "answers is there already" in capfd.readouterr().err


def test_a_plugin_without_captures_is_told_so(hik: Any) -> None:
    ended = hik("capture", "kiln", "-o", "x", config={"fake": {"cameras": {"kiln": {}}}})
    assert (ended.code, "has no nvr_capture" in ended.err) == (5, True)


def test_doctor_of_the_installed_program(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["ok"], told["findings"]) == (True, [])
    assert told["cameras"][0]["facts"]["real-time temperatures"] == "channel 1 answers"

    assert cli.run(["doctor"]) == 0
    assert capfd.readouterr().out.startswith("kiln: nothing is wrong\n    address: http://127.0.0.1:")
