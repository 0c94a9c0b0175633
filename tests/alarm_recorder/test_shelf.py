"""Recordings are kept within age and size, and nothing else is touched."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from nvr_hooks import FireAlarm, OtherAlarm

from hik_thermal_plugin.alarm_recorder.shelf import Shelf

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def put(folder: Path, name: str, *, hours: float, size: int = 1000) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    then = (NOON - timedelta(hours=hours)).timestamp()
    os.utime(path, (then, then))
    return path


def shelf(folder: Path, *, hours: float = 24, size: int = 10_000) -> Shelf:
    return Shelf(folder, max_age=hours * 3600, max_size=size)


def test_names_tell_when_where_and_what_and_are_never_used_twice(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 13, 30, 5, tzinfo=timezone(timedelta(hours=1)))
    fire = FireAlarm(camera="kiln", channel=2, received_at=at, raw_type="fireDetection")
    other = OtherAlarm(camera="Hof/../Tür 1", received_at=at, raw_type="face/Snap")

    first = shelf(tmp_path).place(fire, "mp4")
    first.touch()
    second = shelf(tmp_path).place(fire, "mp4")
    second.with_name(f"{second.name}.part").touch()
    third = shelf(tmp_path).place(fire, "mp4")

    assert [path.relative_to(tmp_path).as_posix() for path in (first, second, third)] == [
        "kiln/20260301T123005Z_2_fire.mp4",
        "kiln/20260301T123005Z_2_fire_2.mp4",
        "kiln/20260301T123005Z_2_fire_3.mp4",
    ]
    assert shelf(tmp_path).place(other, "ps").relative_to(tmp_path).as_posix() == (
        "Hof____Tür_1/20260301T123005Z_face_snap.ps"
    )


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    old = put(tmp_path, "kiln/20260228T110000Z_2_fire.mp4", hours=25)
    left = put(tmp_path, "kiln/20260228T110000Z_2_smoke.mp4.part", hours=25)
    young = put(tmp_path, "kiln/20260301T110000Z_2_fire.mp4", hours=1)

    assert sorted(shelf(tmp_path).tidy(NOON)) == sorted([old, left])
    assert young.exists()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"kiln/20260301T1{hour}0000Z_2_fire.mp4", hours=10 - hour, size=3000) for hour in range(5)]

    assert shelf(tmp_path).tidy(NOON) == paths[:2]
    assert shelf(tmp_path).tidy(NOON) == []


def test_what_is_being_written_stays_and_counts(tmp_path: Path) -> None:
    target = tmp_path / "kiln/20260301T100000Z_2_fire.mp4"
    for name in ("", "-2"):
        put(tmp_path, f"kiln/20260301T100000Z_2_fire{name}.mp4", hours=30, size=4000)
    put(tmp_path, "kiln/20260301T100000Z_2_fire-3.mp4.part", hours=30, size=4000)
    other = put(tmp_path, "oven/20260301T110000Z_2_fire.mp4", hours=1)

    assert shelf(tmp_path).tidy(NOON, [target]) == [other]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    kept = [
        put(tmp_path, "kiln/holiday.mp4", hours=1000),
        put(tmp_path, "kiln/20260301T100000Z_2_fire.txt", hours=1000),
        put(tmp_path, "20260301T100000Z_2_fire.mp4", hours=1000),
        put(tmp_path, "kiln/deeper/20260301T100000Z_2_fire.mp4", hours=1000),
    ]

    assert shelf(tmp_path).tidy(NOON) == []
    assert all(path.exists() for path in kept)


def test_a_folder_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    assert shelf(tmp_path / "missing").tidy(NOON) == []


def test_a_recording_that_cannot_be_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "kiln/20260228T110000Z_2_fire.mp4", hours=25)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)

    assert shelf(tmp_path).tidy(NOON) == []
    assert "cannot be removed: Permission denied" in caplog.text
    monkeypatch.undo()


def test_a_clock_that_jumps_ahead_removes_nothing_for_its_age_for_a_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    young = put(tmp_path, "kiln/20260301T110000Z_2_fire.mp4", hours=1)
    up = 0.0
    kept = Shelf(tmp_path, max_age=24 * 3600, max_size=10_000, uptime=lambda: up)
    year = timedelta(days=365)
    assert kept.tidy(NOON) == []
    for up in (60.0, 3600.0, 86_400.0):
        assert kept.tidy(NOON + year + timedelta(seconds=up)) == []
    assert [record.message for record in caplog.records] == [
        f"the clock went ahead by 8760.0 hours: for a day no recording below {tmp_path} is removed for its age"
    ]
    up = 100.0 + 86_400
    assert kept.tidy(NOON + year + timedelta(seconds=up)) == [young]


def test_a_clock_that_jumps_ahead_by_mistake_and_is_mended_costs_nothing(tmp_path: Path) -> None:
    young = put(tmp_path, "kiln/20260301T110000Z_2_fire.mp4", hours=1)
    up = 0.0
    kept = Shelf(tmp_path, max_age=100 * 3600, max_size=10_000, uptime=lambda: up)
    kept.tidy(NOON)
    up = 60.0
    kept.tidy(NOON + timedelta(days=365))
    up = 120.0 + 86_400
    assert kept.tidy(NOON + timedelta(seconds=up)) == []
    assert young.exists()


def test_after_a_clock_was_set_back_the_recordings_before_it_make_room_first(tmp_path: Path) -> None:
    before = put(tmp_path, "kiln/20270301T110000Z_2_fire.mp4", hours=-365 * 24)
    since = put(tmp_path, "kiln/20260301T110000Z_2_fire.mp4", hours=1)
    assert shelf(tmp_path, size=1500).tidy(NOON) == [before]
    assert since.exists()
