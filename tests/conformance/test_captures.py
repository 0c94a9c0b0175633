"""Captured documents of a real camera under the doctor and the redaction, and other people's programs at a camera made of a capture."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listed_samples import FOLDER, expected, read_sample
from nvr_hooks import BadAnswer, to_json

from hik_thermal_plugin.plugin import HikThermal
from hik_thermal_plugin.wire.captured import looks_like_alarms, read_events
from hik_thermal_plugin.wire.excerpts import replaced_texts
from hik_thermal_plugin.wire.redaction import Redactor

OF_A_TD1228 = {
    "/ISAPI/System/deviceInfo": "td1228_deviceInfo.xml",
    "/ISAPI/System/capabilities": "td1228_system_capabilities.xml",
    "/ISAPI/System/Video/inputs/channels": "td1228_video_inputs.xml",
    "/ISAPI/Streaming/channels": "td1228_streaming_channels.xml",
    "/ISAPI/Event/triggers": "td1228_event_triggers.xml",
    "/ISAPI/Event/notification/httpHosts": "td1228_httpHosts.xml",
    "/ISAPI/Security/adminAccesses": "td1228_adminAccesses.xml",
    "/ISAPI/ContentMgmt/Storage": "td1228_storage.xml",
}


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    driver = HikThermal()
    yield driver
    driver.nvr_close()


@pytest.fixture
def real(hik_simulator: Any, tmp_path: Path) -> Any:
    """A camera that answers as a DS-2TD1228-2/QA was seen to, where that was published."""
    folder = tmp_path / "td1228"
    folder.mkdir()
    for name in OF_A_TD1228.values():
        (folder / name).write_bytes(read_sample(name))
    answers = [{"path": path, "file": name} for path, name in OF_A_TD1228.items()]
    (folder / "answers.json").write_text(json.dumps({"answers": answers}))
    return hik_simulator(profile=folder, rtsp_port=0, recordings=(), heartbeat=0.05, real_time=0.05)


def configure(driver: HikThermal, tmp_path: Path, camera: Any) -> None:
    port = int(camera.rtsp.rpartition(":")[2])
    kiln = {"url": camera.http, "username": "admin", "password": camera.password, "rtsp_port": port, "timeout": 5}
    driver.nvr_configure({"state_dir": str(tmp_path / "state"), "hik_thermal": {"cameras": {"kiln": kiln}}})


def test_the_doctor_finds_nothing_wrong_in_the_documents_of_a_real_camera(
    driver: HikThermal, real: Any, tmp_path: Path
) -> None:
    configure(driver, tmp_path, real)

    assert driver.nvr_diagnose("kiln") == []
    [info] = driver.nvr_cameras()
    assert info.thermal_channel == 2
    assert info.facts["connections"] == "at most 50 users at a time"
    assert info.facts["disk 1 (hdde)"].startswith("ok, ")
    assert info.facts["disk 1 (hdde)"].endswith(", encrypted")


def test_its_documents_are_captured_redacted_and_mean_the_same(driver: HikThermal, real: Any, tmp_path: Path) -> None:
    configure(driver, tmp_path, real)
    folder = driver.nvr_capture("kiln", tmp_path / "answers")
    assert folder is not None
    info = (folder / "System_deviceInfo.xml").read_text()
    original = read_sample("td1228_deviceInfo.xml").decode()

    assert "a6:60:9e:f8:01:09" in original
    assert "a6:60:9e" not in info
    assert "<macAddress>02:00:00:00:00:01</macAddress>" in info
    assert "<model>DS-2TD1228-2-QA</model>" in info
    assert (folder / "System_capabilities.xml").read_bytes() == read_sample("td1228_system_capabilities.xml")
    assert (folder / "Event_triggers.xml").read_bytes() == read_sample("td1228_event_triggers.xml")


ALARMS = [name for name in sorted(expected()) if looks_like_alarms((FOLDER / name).read_bytes())]


@pytest.mark.parametrize("name", ALARMS or ["event_fireDetection.xml"])
def test_a_redacted_sample_tells_the_same_alarm(name: str) -> None:
    data = read_sample(name)
    redactor = Redactor(host="192.168.1.64", username="admin", secrets=())
    redactor.learn(data)

    assert told(replaced_texts(data, redactor.redact, pictures=True)) == told(data)


def told(data: bytes) -> list[dict[str, Any]]:
    """Return the events in these bytes, without what is new at each reading and without names; of a published piece of a document nothing."""
    own = {"id", "alarm_id", "received_at", "rule_name", "pictures"}
    try:
        events = read_events(data)
    except BadAnswer:
        return []
    return [{key: value for key, value in to_json(event).items() if key not in own} for event in events]


@pytest.mark.integration
def test_curl_and_ffprobe_take_a_capture_for_a_camera(driver: HikThermal, hik_simulator: Any, tmp_path: Path) -> None:
    curl, ffprobe = shutil.which("curl"), shutil.which("ffprobe")
    if curl is None or ffprobe is None:
        pytest.skip("curl or ffprobe is not installed (Debian: curl, ffmpeg)")
    configure(
        driver,
        tmp_path,
        hik_simulator(profile="metadata_on", rtsp_port=0, recordings=(), heartbeat=0.05, real_time=0.05, metadata=0.05),
    )
    folder = driver.nvr_capture("kiln", tmp_path / "answers")
    twin = hik_simulator(profile=folder, rtsp_port=0, password="simulated", heartbeat=0.2)

    url = f"{twin.http}/ISAPI/Event/notification/alertStream"
    heard = subprocess.run(
        [curl, "-sS", "--digest", "-u", "admin:simulated", "--max-time", "2", url],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert heard.returncode == 28, heard.stderr
    assert heard.stdout.count(b"<macAddress>02:00:00:00:00:01</macAddress>") == 2
    stream = f"{twin.rtsp}/Streaming/Channels/201".replace("rtsp://", "rtsp://admin:simulated@")
    seen = subprocess.run(
        [ffprobe, "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name,width,codec_type", "-of", "json", stream],
        capture_output=True,
        timeout=60,
        check=True,
    )  # fmt: skip
    streams = json.loads(seen.stdout)["streams"]
    assert [(found["codec_type"], found.get("codec_name"), found.get("width")) for found in streams] == [
        ("video", "h264", 640),
        ("data", None, None),
    ]
