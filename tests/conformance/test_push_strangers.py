"""Captured pushes and lists of hosts, and curl in the place of a camera."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from listed_samples import FOLDER, expected, read_sample
from nvr_hooks import Alarm, FireAlarm, to_json
from pushing_camera import PushingKiln

from hik_thermal_plugin.wire.http_hosts import Destination, others_unchanged, point, read_slots

TARGET = Destination(host="192.0.2.5", port=8089, path="/hik-thermal/0123456789abcdef0123456789abcdef")


@pytest.mark.integration
def test_curl_posts_a_captured_push(
    hik_simulator: Any, secret: str, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed (Debian: curl)")
    name = "push_fireDetection_multipart.bin"
    read_sample(name)
    kiln = PushingKiln(hik_simulator(password=secret), secret, tmp_path, wait_for, sources=["push"])

    def post(path: str) -> str:
        done = subprocess.run(
            [
                *(program, "-sS", "-o", tmp_path / "answer", "-w", "%{http_code}", "--max-time", "10"),
                *("-H", "Content-Type: multipart/form-data; boundary=boundary", "--data-binary", f"@{FOLDER / name}"),
                f"http://127.0.0.1:{kiln.port}{path}",
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    with closing(_Closing(kiln)), kiln.listen():
        assert post("/") == "404"
        assert post(kiln.path) == "200"
        assert (tmp_path / "answer").read_text() == "OK\n" or (tmp_path / "answer").read_bytes() == b"OK\r\n"
        wait_for(lambda: len(kiln.pictures()) == 2)
        (fire,) = kiln.alarms()
        assert isinstance(fire, FireAlarm)
        wanted = next(event for event in expected()[name] if event["type"] == "fire_alarm")
        told = to_json(fire)
        for field in ("channel", "at", "kind", "raw_type", "celsius", "distance_m", "targets", "pictures"):
            if field in wanted:
                assert told[field] == wanted[field], field
        assert len(fire.targets) == 5


@pytest.mark.integration
def test_nmap_like_probes_of_curl_leave_it_alive(
    hik_simulator: Any, secret: str, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed (Debian: curl)")
    kiln = PushingKiln(hik_simulator(password=secret), secret, tmp_path, wait_for, sources=["push"])
    probes = (
        ["--http2-prior-knowledge", "http://"],
        ["-k", "https://"],
        ["telnet://"],
        ["-X", "TRACE", "http://"],
        ["--path-as-is", "-g", "http://"],
    )
    with closing(_Closing(kiln)), kiln.listen():
        begun = time.monotonic()
        for *options, scheme in probes:
            suffix = "/../../etc/passwd" if "--path-as-is" in options else ""
            done = subprocess.run(
                [program, "-sS", "--max-time", "2", *options, f"{scheme}127.0.0.1:{kiln.port}{suffix}"],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=30,
                check=False,
            )
            assert b"hik" not in done.stdout.lower()
        assert time.monotonic() - begun < 25
        motion = b"<EventNotificationAlert><eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"
        assert kiln.post(motion) == 200
        wait_for(lambda: any(isinstance(event, Alarm) for event in kiln.heard))


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("td1228_httpHosts.xml", ["2", "3"]),
        ("httpHosts_ipc_list.xml", ["2", "3"]),
        ("httpHosts_nvr_single.xml", []),
        ("httpHosts_PUT_payload.xml", []),
    ],
)
def test_captured_lists_of_hosts(name: str, free: list[str]) -> None:
    document = read_sample(name)
    slots = read_slots(document)
    assert slots[0].path == "/api/hikvision"
    assert [slot.id for slot in slots if slot.free] == free
    for slot in free:
        edit = point(document, slot, TARGET)
        assert {change.name for change in edit.changes} == {"url", "ipAddress", "portNo"}
        assert others_unchanged(document, edit.whole, slot)


class _Closing:
    def __init__(self, kiln: PushingKiln) -> None:
        self._kiln = kiln

    def close(self) -> None:
        self._kiln.driver.nvr_close()
