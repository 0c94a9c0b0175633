"""ffprobe and ffmpeg watch, record and read metadata and playback from the simulated camera."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from lxml import etree
from raw_rtsp import number_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"),
]
START = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
LOGIN = "admin:hik12345"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)


def address(simulator: Any, path: str) -> str:
    return simulator.rtsp.replace("rtsp://", f"rtsp://{LOGIN}@") + path


def streams(source: object, *options: str) -> list[dict[str, Any]]:
    done = run("ffprobe", "-v", "error", *options, "-count_frames", "-show_streams", "-of", "json", source)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["streams"]


def record(url: str, target: Path, *options: str) -> None:
    done = run(
        "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", *options[:-1], "-i", url, *options[-1].split(), target
    )
    assert done.returncode == 0, done.stderr


def numbers(file: Path) -> list[int]:
    with av.open(str(file)) as container:
        return [number_of(np.asarray(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("path", "codec", "size"),
    [
        ("/Streaming/Channels/201", "h264", (640, 512)),
        ("/ISAPI/Streaming/channels/202", "h264", (320, 240)),
        ("/Streaming/Channels/101", "hevc", (1920, 1080)),
    ],
)
def test_ffprobe_names_the_live_streams(hik_simulator, path, codec, size):
    simulator = hik_simulator(rtsp_port=0)
    found = run(
        "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_streams", "-of", "json", address(simulator, path)
    )
    (video,) = json.loads(found.stdout)["streams"]
    assert (video["codec_name"], (video["width"], video["height"])) == (codec, size)
    assert video["avg_frame_rate"] == "25/1"
    assert found.stderr == ""
    assert simulator.state()["logins"]["refused"] == 0


@pytest.mark.parametrize("profile", ["plain", "recorder_sdp", "no_fmtp", "short_nonce"])
def test_ffmpeg_records_live_video_without_a_missing_frame(hik_simulator, tmp_path, profile):
    simulator = hik_simulator(rtsp_port=0, profile=profile)
    file = tmp_path / "live.mkv"
    record(address(simulator, "/Streaming/Channels/202"), file, "-t 2 -c:v copy -an")
    (video,) = streams(file)
    assert 48 <= int(video["nb_read_frames"]) <= 52
    shown = numbers(file)
    assert shown == [(shown[0] + place) % 50 for place in range(len(shown))]


def test_ffmpeg_reads_the_metadata_track(hik_simulator, tmp_path):
    simulator = hik_simulator(rtsp_port=0, profile="metadata_on", metadata=0.2)
    simulator.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 400}}])
    file = tmp_path / "metadata"
    url = address(simulator, "/ISAPI/Streaming/channels/201")
    record(url, file, "-allowed_media_types", "data", "-t 2 -map 0 -c copy -f data")
    documents = [text + b"</Metadata>" for text in file.read_bytes().split(b"</Metadata>")[:-1]]
    assert len(documents) > 8
    kinds = {etree.fromstring(text.lstrip()).findtext("{*}subType") for text in documents}
    assert kinds == {"thermometry", "fireDetection"}


@pytest.mark.parametrize("profile", ["playback_close", "plain", "playback_bye"])
def test_ffmpeg_plays_a_recording_from_its_start_time(hik_simulator, tmp_path, profile):
    simulator = hik_simulator(rtsp_port=0, profile=profile, recordings=[(START, START + timedelta(minutes=10))])
    file = tmp_path / "stored.mkv"
    begin, end = START + timedelta(seconds=17), START + timedelta(seconds=19)
    url = address(simulator, f"/Streaming/tracks/201/?starttime={begin:%Y%m%dT%H%M%SZ}&endtime={end:%Y%m%dT%H%M%SZ}")
    # Without the close ffmpeg waits for more, until its time-out (in microseconds); then it is no mistake of the recording.
    done = run("ffmpeg", "-v", "fatal", "-rtsp_transport", "tcp", "-timeout", 1_500_000, "-i", url, "-c", "copy", file)
    assert done.returncode == 0, done.stderr
    assert numbers(file) == list(range(17 * 25, 19 * 25))
    assert simulator.state()["requests"]["DESCRIBE /Streaming/tracks/201"] == 2


def test_a_second_stranger_who_wants_a_recording_is_told_453(hik_simulator, wait_for):
    simulator = hik_simulator(rtsp_port=0)
    start = datetime.now(UTC) - timedelta(minutes=30)
    url = address(simulator, f"/Streaming/tracks/201?starttime={start:%Y%m%dT%H%M%SZ}")
    watching = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-f", "null", "-"], stdin=subprocess.PIPE
    )
    try:
        wait_for(lambda: simulator.state()["open"]["playback"])
        second = run("ffprobe", "-v", "error", "-rtsp_transport", "tcp", url)
        assert "453" in second.stderr
    finally:
        watching.terminate()
        watching.communicate(timeout=10)
