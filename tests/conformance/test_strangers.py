"""Programs we did not write, against the simulated camera: what they take for a camera, is one to them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WaitFor = Callable[..., None]
pytestmark = pytest.mark.integration

PYHIK = """
import sys
from pyhik.hikvision import HikCamera

camera = HikCamera("http://127.0.0.1", int(sys.argv[1]), "admin", sys.argv[2])
print("name", camera.get_name, flush=True)
print("events", sorted(camera.current_event_states), flush=True)
for kind, channels in camera.current_event_states.items():
    for channel in channels:
        camera.add_update_callback(lambda message: print("told", message, flush=True), f"{camera.get_id}.{kind}.{channel[1]}")
camera.start_stream()
sys.stdin.read()
camera.disconnect()
"""


def test_curl_with_digest_reads_the_alarm_stream(hik_simulator: Any) -> None:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed (Debian: curl)")
    camera = hik_simulator(password="simulated", heartbeat=0.2)
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 300}}])
    url = f"{camera.http}/ISAPI/Event/notification/alertStream"
    done = subprocess.run(
        [program, "-sS", "--digest", "-u", "admin:simulated", "--max-time", "3", "-i", url],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 28, done.stderr  # its own time limit: the answer never ends
    assert b"Content-Type: multipart/mixed; boundary=boundary" in done.stdout
    assert done.stdout.count(b"<eventType>videoloss</eventType>") >= 5
    assert b"<eventType>fireDetection</eventType>" in done.stdout
    assert camera.state()["logins"]["refused"] == 0


def test_pyhik_armed_against_the_simulator_shows_the_alarm(
    hik_simulator: Any, foreign_venv: Callable[..., Path], wait_for: WaitFor, tmp_path: Path
) -> None:
    python = foreign_venv("pyHik==0.4.8")
    camera = hik_simulator(password="simulated", heartbeat=1.0)
    out = tmp_path / "told"
    with out.open("wb") as told:
        process = subprocess.Popen(
            [str(python), "-c", PYHIK, camera.http.rpartition(":")[2], "simulated"],
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=told,
        )
        assert process.stdin is not None
        try:
            wait_for(lambda: camera.state()["open"]["alert_stream"] == 1, what="pyHik's stream")
            camera.apply([{"motion": {"channel": 2}}])
            wait_for(lambda: b"told" in out.read_bytes(), what="pyHik's callback")
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    text = out.read_text()
    assert "Motion" in text
    assert ".Motion.2" in text.split("told", 1)[1]
