"""The command `record` over MQTT: files in one folder, two at a time, never more than it may hold."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from bridge_stage import Ear, Host, Wait
from nvr_hooks import Busy, CameraInfo, NvrError, Unreachable, Unsupported, WrongUse
from nvr_hooks.loading import Plugins
from recording_camera import RecordingCamera

from hik_thermal_plugin.bridge.recordings import Recordings

INFO = CameraInfo(name="kiln", url="http://192.0.2.1")


class Site:
    """A camera, and recordings of it."""

    def __init__(self, folder: Path, max_size: int = 10**6) -> None:
        self.folder = folder
        self.camera = RecordingCamera()
        plugins = Plugins()
        plugins.add("fake", self.camera)
        self.recordings = Recordings(plugins.hook, folder, max_size)
        self.answers: list[Any] = []

    def make(self, **arguments: Any) -> threading.Thread:
        """Do the command in a thread, whose answer or error is kept."""

        def run() -> None:
            try:
                self.answers.append(self.recordings.make(INFO, 2, arguments))
            except NvrError as error:
                self.answers.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "recordings")


def test_the_answer_comes_when_the_file_is_there(site: Site, wait_for: Wait) -> None:
    thread = site.make(seconds=12, container="mkv", pre_roll=3, overlay=True)
    wait_for(lambda: site.camera.recordings)
    (recording,) = site.camera.recordings
    assert site.answers == []

    recording.end("done")
    thread.join(10)

    assert site.answers == [{"files": [str(recording.target)], "bytes": 5, "seconds": 12.0}]
    assert recording.target.parent == site.folder / "kiln"
    assert recording.target.name.endswith("_2.mkv")
    options = recording.options
    assert (options.seconds, options.container, options.pre_roll_seconds, options.overlay) == (12.0, "mkv", 3.0, True)
    assert recording.channel == 2


def test_two_at_a_time(site: Site, wait_for: Wait) -> None:
    threads = [site.make(), site.make()]
    wait_for(lambda: len(site.camera.recordings) == 2)

    with pytest.raises(Busy, match="2 recordings are being made already"):
        site.recordings.make(INFO, 2, {})

    for recording in site.camera.recordings:
        recording.end("done")
    for thread in threads:
        thread.join(10)
    thread = site.make()
    wait_for(lambda: len(site.camera.recordings) == 3)
    site.camera.recordings[2].end("done")
    thread.join(10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": 601}, "seconds: expected a number from 1 to 600, got 601"),
        ({"container": "3gp"}, 'container: expected one of "mp4", "mkv", "ps", got "3gp"'),
        ({"directory": "/etc"}, "directory: unknown key"),
    ],
)
def test_what_makes_no_sense_is_told(site: Site, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        site.recordings.make(INFO, 2, arguments)
    assert not site.folder.exists()


def test_what_the_camera_says_is_the_answer(site: Site, wait_for: Wait, tmp_path: Path) -> None:
    site.camera.errors = [Unreachable("kiln: no answer")]
    with pytest.raises(Unreachable):
        site.recordings.make(INFO, 2, {})
    thread = site.make()
    wait_for(lambda: site.camera.recordings)
    site.camera.recordings[0].end("failed", OSError("no space left"))
    thread.join(10)
    assert [str(answer) for answer in site.answers] == ["no space left"]
    with pytest.raises(Unsupported, match="no plugin records it"):
        site.recordings.make(CameraInfo(name="oven", url=""), 2, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(NvrError, match="cannot record into"):
        Site(tmp_path / "file").recordings.make(INFO, 2, {})


def test_the_oldest_make_room_and_what_is_being_written_stays(tmp_path: Path, wait_for: Wait) -> None:
    site = Site(tmp_path, max_size=25)
    folder = tmp_path / "kiln"
    folder.mkdir()
    for hour, name in enumerate(
        ("20260101T000000.0Z_2.mp4", "20260101T010000.0Z_2.mp4.part", "20260101T020000.0Z_2.mp4")
    ):
        (folder / name).write_bytes(bytes(10))
        os.utime(folder / name, (hour, hour))

    thread = site.make()
    wait_for(lambda: site.camera.recordings)
    site.camera.recordings[0].end("done")
    thread.join(10)

    left = sorted(path.name for path in folder.iterdir())
    assert left[:2] == ["20260101T010000.0Z_2.mp4.part", "20260101T020000.0Z_2.mp4"]
    assert left[2] == site.camera.recordings[0].target.name


def test_the_end_of_the_bridge_completes_them(site: Site, wait_for: Wait) -> None:
    thread = site.make()
    wait_for(lambda: site.camera.recordings)

    site.recordings.close()
    thread.join(10)

    assert site.camera.states() == ["closed"]
    assert site.answers[0]["bytes"] == 5
    late = site.make()
    late.join(10)
    assert site.camera.states() == ["closed", "closed"]


def test_record_over_the_broker(host: Host, ear: Ear, wait_for: Wait, tmp_path: Path) -> None:
    camera = RecordingCamera("oven")
    host.plugins.add("oven", camera)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")

    ear.say("oven/2/record/set", {"id": "r", "seconds": 5})
    wait_for(lambda: camera.recordings)
    camera.recordings[0].end("done")

    answer = ear.expect("oven/2/record/result", lambda value: value["id"] == "r")
    target = camera.recordings[0].target
    assert answer == {"id": "r", "ok": True, "error": None, "files": [str(target)], "bytes": 5, "seconds": 5.0}
    assert target.parent == tmp_path / "state" / "recordings" / "oven"
