"""Alarms are recorded while they last, whatever the camera makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from nvr_hooks import (
    Busy,
    ConfigError,
    FireAlarm,
    Live,
    MotionAlarm,
    Refused,
    TemperatureAlarm,
    Unreachable,
    Unsupported,
)
from nvr_hooks.loading import Plugins
from recording_camera import RecordingCamera

from hik_thermal_plugin.alarm_recorder import AlarmRecorder, service

FIRE = FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", celsius=300.0)


class House:
    """A host with cameras and the recorder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.camera = RecordingCamera()
        self.recorder = AlarmRecorder()
        self.plugins = Plugins()
        self.plugins.add("fake", self.camera)
        self.plugins.add("alarm_recorder", self.recorder)

    def configure(self, **section: Any) -> None:
        self.plugins.hook.nvr_configure(config={"alarm_recorder": {"directory": str(self.folder), **section}})

    def start(self, **section: Any) -> None:
        self.configure(**section)
        self.plugins.hook.nvr_start(hooks=self.plugins.hook)

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.mp4"))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.01)
    house = House(tmp_path / "alarms")
    yield house
    house.recorder.nvr_close()


@pytest.fixture
def listening(house: House, wait_for: Callable[..., None]) -> House:
    """A recorder that listens."""
    house.start(seconds=60)
    wait_for(lambda: house.camera.listeners)
    return house


@pytest.mark.slow
def test_an_alarm_is_recorded_until_it_is_over(house: House, wait_for: Callable[..., None]) -> None:
    house.start(seconds=1)
    wait_for(lambda: house.camera.listeners)

    house.camera.tell(FIRE)
    wait_for(lambda: house.camera.recordings)
    assert house.camera.states() == ["running"]
    begun = time.monotonic()
    wait_for(lambda: house.camera.states() == ["closed"])
    assert 0.5 < time.monotonic() - begun < 5

    (recording,) = house.camera.recordings
    assert recording.channel == 2
    assert recording.options.seconds is None
    assert recording.options.segment_seconds == 600
    assert recording.target.parent == house.folder / "kiln"
    assert recording.target.name == f"{FIRE.received_at:%Y%m%dT%H%M%SZ}_2_fire.mp4"


@pytest.mark.slow
def test_further_signs_of_an_alarm_prolong_its_recording(house: House, wait_for: Callable[..., None]) -> None:
    house.start(seconds=1)
    wait_for(lambda: house.camera.listeners)
    begun = time.monotonic()
    while time.monotonic() - begun < 2.0:
        house.camera.tell(FIRE)
        assert house.camera.states() in ([], ["running"])
        time.sleep(0.02)
    house.camera.tell(TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA"))
    assert house.camera.states() == ["running"]


def test_channels_are_recorded_each_for_itself(listening: House, wait_for: Callable[..., None]) -> None:
    listening.camera.tell(FIRE)
    listening.camera.tell(TemperatureAlarm(camera="kiln", channel=1, raw_type="TMA"))

    wait_for(lambda: len(listening.camera.recordings) == 2)
    assert sorted(recording.channel or 0 for recording in listening.camera.recordings) == [1, 2]


def test_other_kinds_and_ends_begin_no_recording(listening: House, wait_for: Callable[..., None]) -> None:
    listening.camera.tell(MotionAlarm(camera="kiln", channel=2, raw_type="VMD"))
    listening.camera.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", phase="end"))
    listening.camera.tell(TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA"))

    wait_for(lambda: listening.camera.recordings)
    assert [recording.target.stem[-13:] for recording in listening.camera.recordings] == ["2_temperature"]


def test_which_kinds_and_cameras_can_be_chosen(house: House, wait_for: Callable[..., None]) -> None:
    other = RecordingCamera("oven")
    house.plugins.add("other", other)
    house.start(kinds=["motion"], cameras=["oven"], container="mkv", overlay=True)
    wait_for(lambda: other.listeners)

    other.tell(FIRE)
    other.tell(MotionAlarm(camera="oven", channel=1, raw_type="VMD"))

    wait_for(lambda: other.recordings)
    assert (other.recordings[0].target.suffix, other.recordings[0].options.container) == (".mkv", "mkv")
    assert other.recordings[0].options.overlay is True
    assert not house.camera.listeners


def test_the_seconds_before_an_alarm_are_kept_only_where_that_is_wanted(
    house: House, wait_for: Callable[..., None]
) -> None:
    house.start(pre_roll=7)
    wait_for(lambda: house.camera.streams)
    assert house.camera.streams == [Live(keep_seconds=7.0)]

    house.camera.tell(FIRE)

    wait_for(lambda: house.camera.recordings)
    assert house.camera.recordings[0].options.pre_roll_seconds == 7.0
    house.configure(pre_roll=0)
    wait_for(lambda: len(house.camera.listeners) == 1 and house.camera.listeners[0].state == "running")
    assert house.camera.streams == [Live(keep_seconds=7.0)]


def test_a_camera_that_is_away_or_busy_is_tried_again_while_the_alarm_lasts(
    listening: House, wait_for: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    listening.camera.errors = [Unreachable("kiln: no answer"), Busy("kiln: no room"), Unreachable("kiln: no answer")]

    listening.camera.tell(FIRE)

    wait_for(lambda: listening.camera.recordings)
    told = [record.levelname for record in caplog.records if "cannot be recorded" in record.message]
    assert told == ["WARNING", "DEBUG", "DEBUG"]


@pytest.mark.parametrize("error", [Unsupported("kiln: no video"), Refused("kiln: not this user")])
def test_what_waiting_does_not_change_is_tried_once_for_an_alarm(
    listening: House, wait_for: Callable[..., None], error: Any
) -> None:
    listening.camera.errors = [error]
    listening.camera.tell(FIRE)
    assert listening.camera.asked.acquire(timeout=10)
    wait_for(lambda: not listening.recorder._service._cases)  # type: ignore[union-attr]

    assert listening.camera.recordings == []
    listening.camera.tell(FIRE)  # the next sign of an alarm is a new try
    wait_for(lambda: listening.camera.recordings)


@pytest.mark.slow
def test_a_recording_that_fails_is_told_and_the_next_sign_begins_anew(
    listening: House, wait_for: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    listening.camera.tell(FIRE)
    wait_for(lambda: listening.camera.recordings)
    listening.camera.recordings[0].end("failed", OSError("no space"))
    wait_for(lambda: not listening.recorder._service._cases)  # type: ignore[union-attr]

    listening.camera.tell(FIRE)

    wait_for(lambda: len(listening.camera.recordings) == 2)
    assert "kiln: the recording of an alarm failed: no space" in caplog.text
    assert listening.camera.recordings[1].target != listening.camera.recordings[0].target


def test_a_folder_that_cannot_be_made_is_told(
    house: House, wait_for: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    house.folder.write_text("a file, not a folder")
    house.start(seconds=1)
    wait_for(lambda: house.camera.listeners)

    house.camera.tell(FIRE)

    wait_for(lambda: "kiln: an alarm cannot be recorded" in caplog.text)


def test_cameras_that_come_and_go_are_followed(house: House, wait_for: Callable[..., None]) -> None:
    house.start()
    wait_for(lambda: house.camera.listeners)
    late = RecordingCamera("oven")
    house.plugins.add("late", late)
    wait_for(lambda: late.listeners)

    house.camera.listeners[0].end("done")

    wait_for(lambda: house.camera.listeners[-1].state == "running")


def test_the_end_completes_what_is_being_recorded(listening: House, wait_for: Callable[..., None]) -> None:
    listening.camera.tell(FIRE)
    wait_for(lambda: listening.camera.recordings)

    begun = time.monotonic()
    listening.recorder.nvr_close()
    listening.recorder.nvr_close()

    assert time.monotonic() - begun < 2
    assert listening.camera.states() == ["closed"]
    assert all(subscription.state == "closed" for subscription in listening.camera.listeners)


def test_without_a_section_nothing_is_recorded(house: House) -> None:
    house.plugins.hook.nvr_configure(config={"mqtt": {}})
    house.plugins.hook.nvr_start(hooks=house.plugins.hook)

    assert house.camera.listeners == []


def test_every_mistake_is_told_at_once() -> None:
    wrong = {
        "directry": "/x",
        "seconds": 0,
        "pre_roll": 61,
        "container": "3gp",
        "keep": {"max_age": "soon", "max_size": "1 TB of video"},
    }
    with pytest.raises(ConfigError) as caught:
        AlarmRecorder().nvr_configure(config={"alarm_recorder": wrong})

    assert {mistake.path: mistake.problem for mistake in caught.value.mistakes} == {
        "alarm_recorder.directory": "missing; expected a path",
        "alarm_recorder.directry": 'unknown key; did you mean "directory"?',
        "alarm_recorder.seconds": "expected a number from 1 to 3600, got 0",
        "alarm_recorder.pre_roll": "expected a number from 0 to 60, got 61",
        "alarm_recorder.container": 'expected one of "mp4", "mkv", "ps", got "3gp"',
        "alarm_recorder.keep.max_age": "expected a time like 90s, 30m, 12h or 7d",
        "alarm_recorder.keep.max_size": "expected a size like 500MB, 20GB or 1TB",
    }


def test_the_schema_knows_what_the_settings_take(tmp_path: Path) -> None:
    key, schema = AlarmRecorder().nvr_config_schema()

    assert key == "alarm_recorder"
    jsonschema.validate({"directory": "x", "keep": {"max_age": "7d", "max_size": 10**9}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"directory": "x", "folder": "y"}, schema)


def test_loading_it_costs_nothing() -> None:
    program = (
        "import sys, json; import hik_thermal_plugin.alarm_recorder;"
        "print(json.dumps([name for name in ('pydantic', 'av', 'httpx', 'numpy') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
