"""A capture of a camera: redacted, complete or not there, and a camera to try with as it is."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    CameraInfo,
    ConnectionChanged,
    Event,
    FireAlarm,
    FrameOptions,
    NvrError,
    TemperatureReading,
    WrongUse,
)

from hik_thermal_plugin.captures import _files
from hik_thermal_plugin.plugin import HikThermal
from hik_thermal_plugin.simulator import PROFILES, Simulator
from hik_thermal_plugin.simulator.login import Login
from hik_thermal_plugin.transport import Capture, Identity

NAME = "Muster GmbH Halle 7"
QUICK = {"heartbeat": 0.05, "real_time": 0.05, "repeat": 0.02, "recordings": ()}
WITH_VIDEO = QUICK | {"rtsp_port": 0, "metadata": 0.02}
EXTRAS = {
    "Security_adminAccesses.xml": (
        "/ISAPI/Security/adminAccesses",
        "<AdminAccessProtocolList><id>1</id><ipAddress>10.20.30.40</ipAddress><hostName>ofen.muster.example</hostName>"
        "<emailAddress>m.muster@muster.example</emailAddress><phoneNumber>0170 7654321</phoneNumber>"
        "<userName>mustermann</userName><password>hunter2secret</password></AdminAccessProtocolList>",
    ),
    "Event_notification_httpHosts.xml": (
        "/ISAPI/Event/notification/httpHosts",
        "<HttpHostNotificationList><HttpHostNotification><url>/hook/0a1b2c3d</url><ipAddress>10.20.30.41</ipAddress>"
        "<latitude>48.137154</latitude></HttpHostNotification></HttpHostNotificationList>",
    ),
}
"""Documents the simulated camera has not, with what an owner would not give away."""
PRIVATE = (
    *("10.20.30.4", "muster", "7654321", "hunter2", "0a1b2c3d", "48.137"),
    *("Kiln", "Motor", "Shaft", "Bearing", "Cold room", "127.0.0.1"),
)


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    driver = HikThermal()
    yield driver
    driver.nvr_close()


@pytest.fixture
def capture(driver: HikThermal, tmp_path: Path) -> Callable[..., Path]:
    """Return `capture(camera, "name")`: capture a simulated camera into a folder of that name."""

    def take(camera: Simulator, name: str) -> Path:
        configure(driver, tmp_path, camera)
        written = driver.nvr_capture("kiln", tmp_path / name)
        assert written == tmp_path / name
        return tmp_path / name

    return take


def configure(driver: HikThermal, tmp_path: Path, camera: Simulator, **more: Any) -> None:
    settings = {
        "url": camera.http,
        "username": camera.username,
        "password": camera.password,
        "rtsp_port": int(camera.rtsp.rpartition(":")[2]) if camera.rtsp else 9,
        "timeout": 5,
        **more,
    }
    driver.nvr_configure({"state_dir": str(tmp_path / "state"), "hik_thermal": {"cameras": {"kiln": settings}}})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def identity(driver: HikThermal) -> CameraInfo:
    """Return what the driver has found out, without what belongs to the address."""
    driver.nvr_diagnose("kiln")
    [info] = driver.nvr_cameras()
    return replace(info, url="", device_name="", serial="", mac="", facts={}, state="starting")


@pytest.mark.parametrize("options", [QUICK, pytest.param(WITH_VIDEO, marks=pytest.mark.slow)], ids=["", "video"])
@pytest.mark.parametrize("model", ["bispectrum", "bullet", "positioning"])
def test_nvr_capture_makes_a_camera_that_is_the_same_and_is_captured_the_same(
    driver: HikThermal, capture: Callable[..., Path], hik_simulator: Any, model: str, options: dict[str, Any]
) -> None:
    real = hik_simulator(model=model, profile="metadata_on", name=NAME, **options)
    first = capture(real, "first")
    seen = identity(driver)
    twin = hik_simulator(profile=first, **options)
    second = capture(twin, "second")

    assert contents(second) == contents(first)
    assert identity(driver) == seen
    frame = driver.nvr_thermal_frame("kiln", None, FrameOptions())
    assert frame is not None
    assert (frame.width, frame.height) == ((384, 288) if model == "bullet" else (256, 192))


@pytest.mark.slow
def test_nothing_of_who_and_where_is_in_the_folder(
    capture: Callable[..., Path], hik_simulator: Any, tmp_path: Path, secret: str
) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    for file, (_, text) in EXTRAS.items():
        (extra / file).write_text(text)
    answers = [{"path": path, "file": file} for file, (path, _) in EXTRAS.items()]
    (extra / "answers.json").write_text(json.dumps({"profile": "metadata_on", "answers": answers}))
    real = hik_simulator(profile=extra, name=NAME, username="kilnwatcher", password=secret, **WITH_VIDEO)
    real.apply([{"fire": {"x": 0.5, "y": 0.5}}])
    folder = capture(real, "given-away")

    device = real._camera.device
    realm = device.login._realm.partition("(")[2].rstrip(")")
    words = [*PRIVATE, NAME, "kilnwatcher", secret, device.identity[:20], device.serial, realm]
    words += [device.mac, device.mac.replace(":", "-"), device.mac.replace(":", "")]
    for name, data in contents(folder).items():
        for word in words:
            assert not re.search(re.escape(word.encode()), data, re.IGNORECASE), f"{word} is in {name}"
    assert b"DS-2TD1228-2-QA240726AAWR000000001" in (folder / "System_deviceInfo.xml").read_bytes()
    assert (folder / "Security_adminAccesses.xml").read_text() == (
        "<AdminAccessProtocolList><id>1</id><ipAddress>192.0.2.2</ipAddress><hostName>Name 3</hostName>"
        "<emailAddress>user1@example.org</emailAddress><phoneNumber>0000 0000001</phoneNumber>"
        "<userName>user2</userName><password>***</password></AdminAccessProtocolList>"
    )


@pytest.mark.slow
def test_nothing_is_written_to_the_camera(capture: Callable[..., Path], hik_simulator: Any) -> None:
    camera = hik_simulator(**WITH_VIDEO)
    capture(camera, "answers")
    state = camera.state()

    assert state["writes"] == []
    asked = {request.partition(" ")[0] for request in state["requests"]}
    assert asked <= {"GET", "DESCRIBE", "OPTIONS", "SETUP", "PLAY", "TEARDOWN"}
    assert set(state["open"].values()) == {0}
    assert state["logins"]["refused"] == 0


@pytest.mark.slow
def test_an_alarm_that_comes_meanwhile_is_kept_and_told_again_by_the_twin(
    driver: HikThermal,
    capture: Callable[..., Path],
    hik_simulator: Any,
    tmp_path: Path,
    wait_for: Callable[..., None],
) -> None:
    real = hik_simulator(**QUICK | {"heartbeat": 0.4, "repeat": 5.0})

    def light() -> None:
        wait_for(lambda: real.state()["open"]["alert_stream"])
        real.apply([{"fire": {"celsius": 333}}])

    lit = threading.Thread(target=light)
    lit.start()
    folder = capture(real, "fire")
    lit.join()
    sample = (folder / "Event_notification_alertStream.bin").read_bytes()
    assert sample.count(b"Content-Type: image/pjpeg") == 2
    assert b"\xff\xd8\xff\x00\x00\x00" in sample

    events: list[Event] = []
    configure(driver, tmp_path, hik_simulator(profile=folder, **QUICK))
    with driver.nvr_listen("kiln", events.append):  # type: ignore[union-attr]
        wait_for(lambda: any(isinstance(event, FireAlarm) for event in events))
    [fire] = [event for event in events if isinstance(event, FireAlarm) and event.phase == "start"]
    assert (fire.celsius, fire.channel) == (333.0, 2)


@pytest.mark.slow
def test_the_twin_tells_the_temperatures_that_were_captured(
    driver: HikThermal,
    capture: Callable[..., Path],
    hik_simulator: Any,
    tmp_path: Path,
    wait_for: Callable[..., None],
) -> None:
    real = hik_simulator(**QUICK)
    real.apply([{"temperature": {"rule": 1, "celsius": 71.5}}])
    folder = capture(real, "warm")
    events: list[Event] = []
    configure(driver, tmp_path, hik_simulator(profile=folder, **QUICK))
    with driver.nvr_watch("kiln", events.append):  # type: ignore[union-attr]
        wait_for(lambda: sum(isinstance(event, TemperatureReading) and event.rule == 1 for event in events) >= 3)
    told = {event.source: event.highest_celsius for event in events if isinstance(event, TemperatureReading) and event.rule == 1}  # fmt: skip
    assert told["realtime"] == 71.5
    assert not any(isinstance(event, ConnectionChanged) and event.state == "error" for event in events)


@pytest.mark.slow
def test_what_is_put_to_the_twin_is_answered_from_then_on(
    driver: HikThermal, capture: Callable[..., Path], hik_simulator: Any, tmp_path: Path
) -> None:
    folder = capture(hik_simulator(**QUICK), "rules")
    configure(driver, tmp_path, hik_simulator(profile=folder, **QUICK))
    rules = driver.nvr_rules("kiln", None)
    assert rules is not None
    changed = replace(rules, document={"basic": {"emissivity": 0.5}})
    assert driver.nvr_apply_rules("kiln", None, changed, False) is not None
    again = driver.nvr_rules("kiln", None)
    assert again is not None
    assert again.document["basic"]["emissivity"] == 0.5  # type: ignore[index]


@pytest.mark.parametrize(
    "profile", ["sha256", "two_schemes", "basic", "nvr_login", "no_qop", "sha256_and_md5", "plain"]
)
def test_the_twin_logs_in_as_the_camera_does(profile: str) -> None:
    login = Login(
        username="admin", password="", realm="IP Camera(E1518)", profile=PROFILES[profile], attempts=5, seconds=1, clock=time.monotonic
    )  # fmt: skip
    challenges = tuple(login.challenges("/ISAPI/System/deviceInfo", stale=False))
    files = dict(_files(Capture(answers=(), challenges=challenges, host="", username="admin", password=""), Identity()))
    index = json.loads(files["answers.json"])

    assert index["profile"] == profile
    assert len(index["challenges"]) == len(challenges)
    assert all("nonce" not in word or 'nonce="000' in word for word in index["challenges"])
    assert "E1518" not in str(index)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"part_length": False},
        {"part_length_error": 64},
        {"boundary_header": '"boundary"'},
        {"boundary_header": "--boundary"},
        {"json_alarms": True},
    ],
    ids=str,
)
def test_the_twin_frames_its_parts_as_the_camera_does(
    hik_simulator: Any, capture: Callable[..., Path], settings: dict[str, Any]
) -> None:
    real = hik_simulator(profile=replace(PROFILES["plain"], **settings), name=NAME, **QUICK)
    first = capture(real, "first")
    second = capture(hik_simulator(profile=first, heartbeat=0.05), "second")

    name = "Event_notification_alertStream.bin"
    assert contents(second)[name] == contents(first)[name] != b""


def test_a_folder_that_is_there_is_left_alone(driver: HikThermal, hik_simulator: Any, tmp_path: Path) -> None:
    camera = hik_simulator(**QUICK)
    configure(driver, tmp_path, camera)
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("there", "file", "absent/answers"):
        with pytest.raises(WrongUse, match=re.escape(name)):
            driver.nvr_capture("kiln", tmp_path / name)
    assert camera.state()["requests"] == {}
    assert (tmp_path / "file").read_text() == "x"


def test_a_camera_lost_on_the_way_leaves_nothing(driver: HikThermal, hik_simulator: Any, tmp_path: Path) -> None:
    camera = hik_simulator(**QUICK)
    camera.apply([{"fault": {"kind": "drop", "path": "/ISAPI/Thermal/*", "count": 99}}])
    configure(driver, tmp_path, camera)
    before = set(tmp_path.iterdir())
    with pytest.raises(NvrError, match="kiln: GET /ISAPI/Thermal/"):
        driver.nvr_capture("kiln", tmp_path / "answers")

    assert {path.name for path in set(tmp_path.iterdir()) - before} <= {"state"}


def test_a_disk_that_is_full_leaves_nothing(
    driver: HikThermal, hik_simulator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = hik_simulator(**QUICK)
    configure(driver, tmp_path, camera)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hik_thermal_plugin.captures.os.fsync", full)
    with pytest.raises(NvrError, match="No space left on device"):
        driver.nvr_capture("kiln", tmp_path / "answers")
    assert [path.name for path in tmp_path.iterdir() if "answers" in path.name] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, {"utc": 200, "local": 404, "ended_by": "ANNOUNCE"}),
        ({"recording_time": "local", "playback_end": "bye"}, {"utc": 404, "local": 200, "ended_by": "BYE"}),
        ({"playback_end": "close"}, {"utc": 200, "local": 404, "ended_by": "close"}),
    ],
    ids=["announce", "local_time_bye", "close"],
)
def test_how_recordings_are_asked_for_and_end_is_told(
    hik_simulator: Any,
    capture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    told: dict[str, Any],
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.isapi.capture.PLAYED_SECONDS", 0.4)
    profile = replace(PROFILES["plain"], **settings)
    spans = [(datetime.now(UTC) - timedelta(minutes=30), datetime.now(UTC))]
    options = WITH_VIDEO | {"recordings": spans}
    first = capture(hik_simulator(profile=profile, **options), "first")
    second = capture(hik_simulator(profile=first, **options), "second")

    playback = json.loads((first / "answers.json").read_text())["playback"]
    assert playback.items() >= {"track": 201, **told}.items()
    assert json.loads((second / "answers.json").read_text())["playback"] == playback
    if told["ended_by"] == "ANNOUNCE":
        assert set(playback["end"]["headers"]) >= {"cseq", "session"}
        assert not re.search(r"[1-9]", json.dumps(playback["end"]))
