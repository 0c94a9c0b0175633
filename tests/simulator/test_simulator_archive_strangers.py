"""Programs we did not write search the simulated archive, fetch from it, and read what they fetched: curl, ffprobe, ffmpeg."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from raw_archive import DOWNLOAD, SEARCH, START, read_page, search_body
from raw_http import Answer

from hik_thermal_plugin.simulator import MODELS, Stored

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed (Debian: ffmpeg)"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (Debian: curl)"),
]
DAY = {"start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z"}


def run(*command: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=120, check=False)


def curl(simulator: Any, path: str, *options: object, method: str, body: bytes) -> bytes:
    done = run(
        *("curl", "-sS", "--digest", "-u", "admin:hik12345", "-X", method, "-H", "Content-Type: application/xml"),
        *("--data-binary", body.decode(), *options, f"{simulator.http}{path}"),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def found(simulator: Any, track: int) -> list[Any]:
    answer = curl(simulator, SEARCH, method="POST", body=search_body(track=track, **DAY))
    return read_page(Answer(200, [], answer, False)).found


def fetch(simulator: Any, uri: str, target: Path, method: str = "GET") -> None:
    root = '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
    body = f"{root}<playbackURI>{escape(uri)}</playbackURI></downloadRequest>".encode()
    curl(simulator, DOWNLOAD, "-o", target, method=method, body=body)


@pytest.mark.parametrize(
    ("model", "track", "codec", "profile"),
    [
        ("bispectrum", 201, "h264", "plain"),
        ("bispectrum", 201, "h264", "plain_stream"),
        ("bispectrum", 201, "h264", "b_frames"),
        ("bispectrum", 101, "hevc", "plain"),
        ("bullet", 101, "h264", "recorder_archive"),
    ],
)
def test_curl_finds_and_fetches_a_recording_and_ffprobe_reads_it(hik_simulator, tmp_path, model, track, codec, profile):
    seconds = 5.4
    local = timedelta(hours=profile == "recorder_archive")
    simulator = hik_simulator(
        model=model, profile=profile, recordings=[(START - local, START - local + timedelta(seconds=seconds))]
    )
    (one,) = found(simulator, track)
    file = tmp_path / "recording.mpg"
    fetch(simulator, one.uri, file)
    assert file.stat().st_size == one.size
    done = run(
        "ffprobe", "-v", "warning", "-count_frames", "-show_format", "-show_streams", "-of", "json", file
    )
    assert (done.returncode, done.stderr) == (0, b"")
    told = json.loads(done.stdout)
    (video,) = told["streams"]
    assert (told["format"]["format_name"], video["codec_name"]) == ("mpeg", codec)
    assert int(video["nb_read_frames"]) == round(seconds * 25)
    assert float(told["format"]["duration"]) == pytest.approx(seconds, abs=0.05)
    decoded = run("ffmpeg", "-v", "warning", "-i", file, "-f", "null", "-")
    assert (decoded.returncode, decoded.stderr) == (0, b"")


def test_ffmpeg_joins_files_that_follow_each_other(hik_simulator, tmp_path):
    spans = [(START + timedelta(seconds=place * 4), START + timedelta(seconds=place * 4 + 4)) for place in range(3)]
    simulator = hik_simulator(model="bullet", recordings=spans)
    joined = tmp_path / "joined.mpg"
    for place, one in enumerate(found(simulator, 101)):
        fetch(simulator, one.uri, tmp_path / f"{place}.mpg", method="POST")
    joined.write_bytes(b"".join((tmp_path / f"{place}.mpg").read_bytes() for place in range(3)))
    target = tmp_path / "joined.mp4"
    done = run("ffmpeg", "-v", "warning", "-i", joined, "-c", "copy", target)
    assert (done.returncode, done.stderr) == (0, b"")
    frames = run("ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", target).stdout.split()
    assert len(frames) == 300
    times = sorted(float(frame.rstrip(b",")) for frame in frames)
    assert max(later - earlier for earlier, later in zip(times, times[1:], strict=False)) < 0.05


def test_curl_resumes_where_the_device_has_ranges(hik_simulator, tmp_path):
    simulator = hik_simulator(model="bullet", profile="download_ranges", recordings=[(START, START + timedelta(seconds=6))])
    (one,) = found(simulator, 101)
    whole, part = tmp_path / "whole.mpg", tmp_path / "part.mpg"
    fetch(simulator, one.uri, whole)
    part.write_bytes(whole.read_bytes()[:1_000_003])
    body = f"<downloadRequest><playbackURI>{escape(one.uri)}</playbackURI></downloadRequest>".encode()
    curl(simulator, DOWNLOAD, "-C", 1_000_003, "-o", part, method="GET", body=body)
    assert part.read_bytes() == whole.read_bytes()


def test_a_gigabyte_costs_little_memory(hik_simulator, tmp_path):
    simulator = hik_simulator(model="bullet", recordings=[(START, START + timedelta(seconds=4200))])
    (one,) = found(simulator, 101)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fetch(simulator, one.uri, Path("/dev/null"))
    assert one.size > 2**30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024  # the encoder, and a minute of groups


HIKLOAD = """
import sys
from hikload.hikvisionapi import HikvisionServer

server = HikvisionServer(sys.argv[1], "admin", sys.argv[2])
server.test_connection()
found = server.ContentMgmt.search.getPastRecordingsForID(int(sys.argv[3]), "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")
abilities = server.ContentMgmt.search.get_download_capabilities()
assert abilities["DownloadAbility"]["isSupportDownloadbyFileName"] == "true", abilities
print(server.ContentMgmt.search.profile()["CMSearchProfile"]["maxSearchMatchResults"])
for place, item in enumerate(found["CMSearchResult"]["matchList"]["searchMatchItem"]):
    uri = item["mediaSegmentDescriptor"]["playbackURI"]
    with open(f"{sys.argv[4]}/{place}", "wb") as file:
        file.write(server.ContentMgmt.search.downloadURI(uri).content)
    print(item["timeSpan"]["startTime"], uri)
"""
PYHIK = """
import sys
from datetime import datetime
from pyhik.hikvision import HikCamera

camera = HikCamera("http://127.0.0.1", int(sys.argv[1].rpartition(":")[2]), "admin", sys.argv[2])
print([day.date.isoformat() for day in camera.get_recording_days(int(sys.argv[3]), datetime(2026, 11, 19), datetime(2026, 11, 22))])
found = camera.search_recordings(int(sys.argv[3]), datetime(2026, 11, 20), datetime(2026, 11, 21))
for place, one in enumerate(sorted(found, key=lambda one: one.start_time)):
    with open(f"{sys.argv[4]}/{place}", "wb") as file:
        camera.download_recording(one.playback_uri, file)
    print(one.start_time.isoformat(), one.playback_uri)
"""


@pytest.mark.parametrize("profile", ["plain", "download_version", "one_search", "recorder_archive"])
def test_hikload_finds_and_fetches_everything_byte_for_byte(hik_simulator, foreign_venv, tmp_path, profile):
    _whole_archive(hik_simulator, foreign_venv("hikload==1.1.4"), HIKLOAD, tmp_path, profile)


@pytest.mark.parametrize("profile", ["plain", "download_post", "plain_stream"])
def test_pyhik_finds_and_fetches_everything_byte_for_byte(hik_simulator, foreign_venv, tmp_path, profile):
    out = _whole_archive(hik_simulator, foreign_venv("pyHik==0.4.8"), PYHIK, tmp_path, profile)
    assert out[0] == "['2026-11-20T00:00:00+00:00']"


def _whole_archive(hik_simulator: Any, python: Path, program: str, folder: Path, profile: str) -> list[str]:
    """Let a program fetch all there is, and compare its files with curl's; what it printed."""
    begin = datetime(2026, 11, 20, 12, tzinfo=UTC)
    stored = [
        Stored(start=begin + timedelta(minutes=place), end=begin + timedelta(minutes=place, seconds=2 + place), kind=kind)
        for place, kind in enumerate(("timing", "motion", "alarm"))
    ]
    simulator = hik_simulator(model=replace(MODELS["bullet"], name="bullet"), profile=profile, recordings=stored)
    done = run(python, "-c", program, simulator.http.removeprefix("http://"), "hik12345", 101, folder)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    results = found(simulator, 101)
    assert [line.partition(" ")[2] for line in lines[1:]] == [one.uri for one in results]
    for place, one in enumerate(results):
        fetched, own = folder / str(place), folder / "own"
        fetch(simulator, one.uri, own, method="POST" if profile == "download_post" else "GET")
        assert fetched.stat().st_size == one.size
        assert _digest(fetched) == _digest(own)
    assert simulator.state()["logins"]["refused"] == 0
    return lines


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
