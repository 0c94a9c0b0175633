"""`hik-thermal download`."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from archive_site import ArchiveSite, at
from nvr_hooks import RecordedFile
from recorder import DOWNLOAD, IMKH, Recorder, Stored, program_stream

from hik_thermal_plugin.host.archive import file_name, safe

Run = Callable[..., tuple[int, str, str]]
NOON = "2026-03-01T20:00:00"
"""In the camera's zone."""
LATER = "2026-03-01T20:00:12"
PROGRAM = [sys.executable, "-c", "from hik_thermal_plugin.host import main; main()"]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.slow
def test_download_by_name(run: Run, site: ArchiveSite, recorder: Recorder) -> None:
    for stored in recorder.recordings:
        stored.start += timedelta(days=100)  # into the days that are looked through first
    wanted = recorder.recordings[1]
    target = site.folder / "a.mpg"

    code, out, err = run("download", "kiln", wanted.name, "-o", target)

    assert (code, err) == (0, "")
    assert out == f"{target}: {len(wanted.data)} bytes\n"
    assert target.read_bytes() == wanted.data
    code, out, _ = run("download", "kiln", wanted.name, "-o", target)
    assert (code, recorder.count(DOWNLOAD)) == (0, 1)  # it is there


def test_an_unknown_name(run: Run, site: ArchiveSite) -> None:
    code, out, err = run("download", "kiln", "nothing\x1b[2J", "-o", site.folder / "a.mpg")
    assert (code, out) == (1, "")
    assert r"has no recording called nothing\x1b[2J since" in err
    assert site.files() == []


def test_download_by_time_tells_what_it_is_and_what_is_missing(run: Run, site: ArchiveSite, recorder: Recorder) -> None:
    del recorder.recordings[1]
    target = site.folder / "a.mkv"

    code, out, err = run("download", "kiln", "--start", NOON, "--end", LATER, "-o", target)

    assert (code, err) == (0, "")
    assert target.read_bytes().startswith(b"\x1aE\xdf\xa3")
    told, gap = out.splitlines()
    assert told == (
        f"{target}: {target.stat().st_size} bytes, 2026-03-01 20:00:00.000+08:00 to 2026-03-01 20:00:12.000+08:00"
    )
    assert gap == "  not recorded: 2026-03-01 20:00:04.000+08:00 to 2026-03-01 20:00:08.000+08:00"

    code, out, _ = run("download", "kiln", "--start", NOON, "--end", LATER, "-o", site.folder / "b.mp4", "--json")
    *_, last = lines(out)
    assert code == 0
    assert (last["state"], last["start"], last["end"]) == (
        "done",
        "2026-03-01T12:00:00.000Z",
        "2026-03-01T12:00:12.000Z",
    )
    assert last["gaps"] == [{"start": "2026-03-01T12:00:04.000Z", "end": "2026-03-01T12:00:08.000Z"}]
    assert (last["camera"], last["name"], last["file"]) == ("kiln", None, str(site.folder / "b.mp4"))


@pytest.mark.slow
def test_progress_as_json_lines(run: Run, site: ArchiveSite, recorder: Recorder) -> None:
    recorder.recordings[0].data = IMKH + program_stream(100) + bytes(200_000)
    recorder.pace = 0.15

    code, out, _ = run(
        "download", "kiln", "--start", NOON, "--end", LATER, "--kind", "timing", "-o", f"{site.folder}/", "--json"
    )

    assert code == 0
    *running, done = lines(out)
    assert {line["state"] for line in running} == {"running"}
    assert len(running) >= 2
    assert [line["fraction"] for line in running] == sorted(line["fraction"] for line in running)
    assert done["bytes"] == len(recorder.recordings[0].data)


@pytest.fixture
def many(site: ArchiveSite, recorder: Recorder, config: Path, secret: str) -> Recorder:
    """A second camera, `oven`, with recordings of its own."""
    other = Recorder(*[Stored(stored.start, 4, stored.name, stored.data) for stored in recorder.recordings[:2]])
    site.configure()
    document = site.configuration()
    document["hik_thermal"]["cameras"]["oven"] = {**site.camera, "url": other.url}
    config.write_text(yaml.safe_dump(document))
    return other


@pytest.mark.slow
def test_all_recordings_of_a_span_of_several_cameras(
    run: Run, site: ArchiveSite, recorder: Recorder, many: Recorder
) -> None:
    with many:
        folder = site.folder / "march"
        arguments = ("download", "kiln", "oven", "--start", NOON, "--end", LATER, "-o", f"{folder}/")

        code, out, err = run(*arguments, "--dry-run")
        assert (code, err) == (0, "")
        assert not folder.exists()
        assert out.count("fetch") == 5
        assert "5 recordings, " in out
        code, out, _ = run(*arguments, "--kind", "alarm", "--dry-run")
        assert "\n1 recording, " in out
        assert recorder.count(DOWNLOAD) == many.count(DOWNLOAD) == 0

        recorder.pace = many.pace = 0.2
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        assert len(out.splitlines()) == 5
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            f"{camera}-201-20260301T2000{second:02}+0800-ch02_{number:017d}.mpg"
            for camera, count in (("kiln", 3), ("oven", 2))
            for number, second in enumerate((0, 4, 8)[:count])
        )
        assert recorder.most["download"] == many.most["download"] == 1

        code, out, err = run(*arguments)  # once more: nothing is left to do
        assert (code, out) == (0, "")
        assert err.count("is there already") == 5
        assert recorder.count(DOWNLOAD) == 3


@pytest.mark.parametrize("dry", [False, True])
def test_a_camera_that_is_away_keeps_no_other_camera_s_recordings_from_coming(
    run: Run, site: ArchiveSite, recorder: Recorder, many: Recorder, dry: bool
) -> None:
    folder = site.folder / "march"
    with many:
        pass  # oven was there, and is gone
    arguments = ("--start", NOON, "--end", LATER, "--kind", "motion", "-o", folder, "--json")

    code, out, err = run("download", "oven", "kiln", *arguments, *(["--dry-run"] if dry else []))

    assert code == 3
    assert "oven: " in err and "connection refused" in err.lower()
    told = [line for line in lines(out) if line.get("state") != "running"]
    if dry:
        assert [(line["camera"], line["todo"]) for line in told] == [("kiln", "fetch")]
        assert not folder.exists()
    else:
        assert [(line["camera"], line["state"]) for line in told] == [("oven", "failed"), ("kiln", "done")]
        assert [path.read_bytes() for path in folder.iterdir()] == [recorder.recordings[1].data]


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_span_without_recordings_is_told_and_makes_no_directory(
    run: Run, site: ArchiveSite, arguments: tuple[str, ...]
) -> None:
    folder = f"{site.folder}/new/"
    code, out, err = run("download", "kiln", "--start", "2020-01-01", "--end", "2020-01-02", "-o", folder, *arguments)
    assert (code, out) == (0, "")
    assert "kiln: has no such recording from 2020-01-01 00:00:00.000+08:00 to 2020-01-02" in err
    assert not Path(folder).exists()


@pytest.mark.slow
def test_a_path_that_ends_in_a_slash_is_a_directory_that_is_made(run: Run, site: ArchiveSite) -> None:
    for kind in ("motion", "alarm"):
        target = f"{site.folder}/new/"
        code, _, err = run("download", "kiln", "--start", NOON, "--end", LATER, "--kind", kind, "-o", target)
        assert (code, err) == (0, "")
    assert len(list((site.folder / "new").iterdir())) == 2


def test_one_of_many_that_fails_keeps_no_other_from_coming(run: Run, site: ArchiveSite, recorder: Recorder) -> None:
    recorder.recordings[1].data = b"<html>nothing</html>" * 100

    code, out, err = run("download", "kiln", "--start", NOON, "--end", LATER, "-o", site.folder, "--json")

    assert code == 1
    assert [line["state"] for line in lines(out) if line["state"] != "running"] == ["done", "failed", "done"]
    assert "web page" in err
    assert len(site.files()) == 2


def test_a_plan_as_json_lines(run: Run, site: ArchiveSite, recorder: Recorder) -> None:
    code, out, _ = run(
        "download", "kiln", "--start", NOON, "--end", LATER, "-o", site.folder / "a.mp4", "--dry-run", "--json"
    )
    plan = lines(out)
    assert code == 0
    assert [line["recording"]["name"] for line in plan] == [stored.name for stored in recorder.recordings]
    assert {(line["file"], line["todo"]) for line in plan} == {(str(site.folder / "a.mp4"), "fetch")}
    code, out, _ = run(
        "download", "kiln", "--start", "2020-01-01", "--end", "2020-01-02", "-o", site.folder / "a.mp4", "--dry-run"
    )
    assert (code, out) == (0, f"{site.folder / 'a.mp4'}: kiln recorded nothing of that time\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kiln", "-o", "{folder}/a"], 2, "needs the name of a recording, or --start and --end"),
        (["kiln", "x", "-o", "{folder}/a", "--container", "avi"], 2, "expected mp4, mkv or ps, got avi"),
        (["kiln", "--start", NOON, "--end", LATER, "-o", "{folder}/missing/a.mp4"], 2, "cannot write"),
        (["kiln", "--start", NOON, "--end", LATER, "-o", "{folder}/a.mp4", "--kind", "motion"], 2, "give a directory"),
        (["kiln", "--start", "2020-01-01", "--end", "2020-01-02", "-o", "{folder}/a.mp4"], 1, "nothing was recorded"),
        (["kiln", "oven", "--start", NOON, "--end", LATER, "-o", "{folder}/a"], 2, "there is no camera oven"),
    ],
)
def test_what_cannot_be_downloaded_ends_with_its_code(
    run: Run, site: ArchiveSite, arguments: list[str], code: int, message: str
) -> None:
    ended, out, err = run("download", *(word.format(folder=site.folder) for word in arguments))
    assert (ended, out) == (code, "")
    assert message in err
    assert site.files() == []


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a\0b",
        "a\n\x1b[2Jb",
        "..\\..\\x",
        ".hidden",
        "ü" * 500,
        "con:aux|?*",
    ],
)
def test_no_name_leads_out_of_its_directory(name: str, tmp_path: Path) -> None:
    file = RecordedFile(camera="kiln", channel=2, track=201, start=at(0), end=at(4), name=name)
    called = file_name("../kiln", file, timezone(timedelta(hours=8)), None)

    target = tmp_path / called
    assert target.resolve().parent == tmp_path.resolve()
    assert not called.startswith(".")
    assert called.isprintable()
    target.write_bytes(b"x")
    assert safe("ch02_00000000000000613") == "ch02_00000000000000613"


def test_a_name_from_a_camera_stays_in_the_directory_it_was_sent_to(
    run: Run, site: ArchiveSite, recorder: Recorder
) -> None:
    recorder.recordings[0].name = "..%2F..%2Fescaped"
    code, _, _ = run("download", "kiln", "--start", NOON, "--end", LATER, "--kind", "timing", "-o", f"{site.folder}/")
    assert code == 0
    assert [path.name for path in site.folder.rglob("*escaped*")] == ["kiln-201-20260301T200000+0800-_.._escaped.mpg"]
    assert not list(site.folder.parent.glob("*escaped*"))


def test_a_recording_that_is_being_written_is_passed_over_among_many(
    run: Run, site: ArchiveSite, recorder: Recorder
) -> None:
    from datetime import datetime

    now = datetime.now(UTC)
    recorder.recordings = [
        Stored(now - timedelta(minutes=9), 60, "whole", program_stream(50)),
        Stored(now - timedelta(minutes=5), 0, "growing", program_stream(50), growing=True),
    ]
    start, end = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (-20, 5))
    for left in (1, 0):  # also when it is the only one
        code, out, err = run("download", "kiln", "--start", start, "--end", end, "-o", site.folder)
        assert code == 0
        assert len(out.splitlines()) == left
        assert "growing is still being written (--wait waits for it)" in err
        recorder.recordings = recorder.recordings[-1:]


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_download_and_leaves_nothing(
    site: ArchiveSite, config: Path, recorder: Recorder, wait_for: Callable[..., None], number: signal.Signals
) -> None:
    recorder.stalls = [100_000]
    recorder.recordings[0].data += bytes(300_000)
    arguments = (
        "download",
        "kiln",
        "--start",
        NOON,
        "--end",
        LATER,
        "-o",
        str(site.folder / "a.mp4"),
        "-c",
        str(config),
    )
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NVR_BLOCK_PLUGINS": "mqtt,alarm_recorder"},
    )
    try:
        wait_for(lambda: any("recording.part" in name for name in site.files()))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, out) == (1, "")
    assert err == "hik-thermal: interrupted: what was not complete is gone\n"
    assert site.files() == []


@pytest.mark.integration
def test_a_terminal_shows_a_bar(site: ArchiveSite, config: Path, recorder: Recorder) -> None:
    recorder.pace = 0.2
    arguments = ("download", "kiln", "--start", NOON, "--end", LATER, "-o", f"{site.folder}/", "-c", str(config))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "NVR_BLOCK_PLUGINS": "mqtt,alarm_recorder", "TERM": "xterm", "COLUMNS": "150"},
    )
    os.close(follower)
    try:
        out, _ = process.communicate(timeout=30)
        shown = os.read(leader, 1_000_000).decode()
    finally:
        process.kill()
        process.wait()
        os.close(leader)

    assert process.returncode == 0
    assert len(out.splitlines()) == 3
    assert "kiln-201-" in shown
    assert "bytes" in shown or "kB" in shown
