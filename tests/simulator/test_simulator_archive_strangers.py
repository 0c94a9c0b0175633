"""Programs we did not write search the simulated archive, fetch from it, and read what they fetched: curl, ffprobe, ffmpeg."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from datetime import timedelta
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from raw_archive import DOWNLOAD, SEARCH, START, read_page, search_body
from raw_http import Answer

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
    done = run("ffprobe", "-v", "warning", "-count_frames", "-show_format", "-show_streams", "-of", "json", file)
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
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.05


def test_curl_resumes_where_the_device_has_ranges(hik_simulator, tmp_path):
    simulator = hik_simulator(
        model="bullet", profile="download_ranges", recordings=[(START, START + timedelta(seconds=6))]
    )
    (one,) = found(simulator, 101)
    whole, part = tmp_path / "whole.mpg", tmp_path / "part.mpg"
    fetch(simulator, one.uri, whole)
    body = f"<downloadRequest><playbackURI>{escape(one.uri)}</playbackURI></downloadRequest>".encode()
    curl(simulator, DOWNLOAD, "-H", "Range: bytes=1000003-", "-o", part, method="GET", body=body)
    assert whole.read_bytes()[:1_000_003] + part.read_bytes() == whole.read_bytes()


def test_a_gigabyte_costs_little_memory(hik_simulator, tmp_path):
    simulator = hik_simulator(model="bullet", recordings=[(START, START + timedelta(seconds=4200))])
    (one,) = found(simulator, 101)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fetch(simulator, one.uri, Path("/dev/null"))
    assert one.size > 2**30
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
    )  # the encoder, and a minute of groups
