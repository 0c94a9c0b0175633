"""`hik-thermal search`, and the storage that `cameras` shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from archive_site import ArchiveSite
from recorder import SD_CARD, SEARCH, Recorder

Run = Callable[..., tuple[int, str, str]]
NOON = "2026-03-01T20:00:00"
"""In the camera's zone."""
LATER = "2026-03-01T20:00:12"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_search_prints_times_with_the_cameras_zone(run: Run) -> None:
    code, out, err = run("search", "kiln", "--start", NOON, "--end", LATER)

    assert (code, err) == (0, "")
    assert "2026-03-01 20:00:00.000+08:00" in out
    assert [word in out for word in ("timing", "motion", "alarm")] == [True] * 3
    assert len(out.splitlines()) == 4


def test_search_as_json_lines(run: Run, recorder: Recorder) -> None:
    code, out, _ = run("search", "kiln", "--start", NOON, "--end", LATER, "--kind", "motion", "--json")

    assert code == 0
    assert lines(out) == [
        {
            "camera": "kiln",
            "channel": 2,
            "track": 201,
            "start": "2026-03-01T12:00:04.000Z",
            "end": "2026-03-01T12:00:08.000Z",
            "name": recorder.recordings[1].name,
            "size": len(recorder.recordings[1].data),
            "kind": "motion",
            "locked": None,
            "still_recording": False,
        }
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-01T12:00:05Z", "2026-03-01T12:00:07Z"),
        ("2026-03-01T13:00:05+01:00", "2026-03-01T13:00:07+01:00"),
        ("2026-03-01 20:00:05", "2026-03-01 20:00:07"),
    ],
)
def test_times_are_what_they_say(run: Run, start: str, end: str) -> None:
    _, out, _ = run("search", "kiln", "--start", start, "--end", end, "--json")
    assert [line["kind"] for line in lines(out)] == ["motion"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kiln", "--start", NOON], 2, "needs both --start and --end"),
        (["kiln"], 2, "needs --start and --end"),
        (["kiln", "--start", LATER, "--end", NOON], 2, "is not after --start"),
        (["kiln", "--start", "noon", "--end", LATER], 2, "noon is no time like"),
        (["kiln", "--start", NOON, "--end", LATER, "--track", "901"], 5, "has no channel 9"),
        (["kiln", "--start", NOON, "--end", LATER, "--channel", "9"], 5, "has no channel 9"),
        (["oven", "--start", NOON, "--end", LATER], 2, "there is no camera oven"),
    ],
)
def test_what_cannot_be_searched_ends_with_its_code(run: Run, arguments: list[str], code: int, message: str) -> None:
    ended, out, err = run("search", *arguments)
    assert (ended, out) == (code, "")
    assert message in err


@pytest.mark.slow
def test_cameras_shows_storage(run: Run, recorder: Recorder) -> None:
    code, out, _ = run("cameras")
    assert code == 0
    assert "hdde ok, 26.8 of 29.7 GiB free" in out
    recorder.disk = SD_CARD.format(status="error", encryption="encrypted")
    _, out, _ = run("cameras", "--json")
    assert json.loads(out)[0]["storage"] == [
        {
            "id": 1,
            "kind": "disk",
            "name": "hdde",
            "state": "error",
            "capacity": 30436 * 1024**2,
            "free": 27392 * 1024**2,
            "encrypted": True,
        }
    ]
    assert recorder.count(SEARCH) == 0


def test_what_the_camera_takes_times_for_is_told(run: Run, site: ArchiveSite, config: Path) -> None:
    document = site.configuration()
    document["hik_thermal"]["cameras"]["kiln"]["recording_time"] = "auto"
    config.write_text(yaml.safe_dump(document))
    _, _, err = run("search", "kiln", "--start", NOON, "--end", LATER)
    assert "INFO kiln: recording_time is auto and not found out: times of recordings are taken for UTC" in err
