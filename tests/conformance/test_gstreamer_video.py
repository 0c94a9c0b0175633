"""Live video of an RTSP server nobody here wrote is recorded, and a player nobody here wrote reads the recordings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import RecordOptions, Refused, Unsupported

from hik_thermal_plugin.deliveries import Deliveries
from hik_thermal_plugin.isapi.rtsp_session import RtspEndpoint
from hik_thermal_plugin.isapi.video_stream import VideoStream
from hik_thermal_plugin.live_video import LiveVideo
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.media.recorder import Recorder

pytestmark = pytest.mark.integration

PYTHON = Path("/usr/bin/python3")  # Debian's own: the bindings are for no other
SERVER = Path(__file__).with_name("gstreamer_video.py")
NEEDS = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    "exit(not all(map(Gst.ElementFactory.find, {!r})))"
)
SOURCE = "videotestsrc is-live=true ! video/x-raw,width=384,height=288,framerate=25/1 ! "
STREAMS = {
    "h264": (("x264enc",), "x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96"),
    "h264 with B-frames": (("x264enc",), "x264enc bframes=2 key-int-max=25 ! rtph264pay name=pay0 pt=96"),
    "h264 in small packets": (
        ("x264enc",),
        "x264enc key-int-max=25 ! rtph264pay name=pay0 pt=96 mtu=300 aggregate-mode=1",
    ),
    "hevc": (("x265enc",), "x265enc tune=zerolatency key-int-max=25 ! h265parse ! rtph265pay name=pay0 pt=96"),
    "mjpeg": (("jpegenc",), "videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay name=pay0 pt=26"),
}
AUDIO = " audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8"


@pytest.fixture
def serve(secret: str, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return a function that starts a server with a stream of STREAMS and returns its port."""
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, *, audio: bool = False) -> int:
        elements, launch = STREAMS[name]
        needs = NEEDS.format(list(elements))
        if not PYTHON.exists() or subprocess.run([PYTHON, "-c", needs], capture_output=True, check=False).returncode:
            pytest.skip(
                f"GStreamer's RTSP server with {', '.join(elements)} is not installed (.ci/run names the packages)"
            )
        with (tmp_path / "gstreamer.log").open("w") as log:
            process = subprocess.Popen(
                [PYTHON, SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    "PATH": os.defpath,
                    "RTSP_PASSWORD": secret,
                    "RTSP_LAUNCH": f"( {SOURCE}{launch}{AUDIO if audio else ''} )",
                    "XDG_CACHE_HOME": str(tmp_path),
                },
            )
        processes.append(process)
        assert process.stdout is not None
        return int(json.loads(process.stdout.readline())["port"])

    yield start
    for process in processes:
        process.communicate(timeout=20)


@pytest.fixture
def live(secret: str, tmp_path: Path) -> Iterator[Callable[..., LiveVideo]]:
    """Return a function that makes live video of a server."""
    deliveries = Deliveries()
    made: list[LiveVideo] = []

    def make(port: int, password: str = secret, path: str = "/Streaming/Channels/201") -> LiveVideo:
        budget = LoginBudget("admin", password, tmp_path / "state")
        endpoint = RtspEndpoint(camera="kiln", host="127.0.0.1", port=port, username="admin", password=password)
        url = f"rtsp://127.0.0.1:{port}{path}"
        made.append(
            LiveVideo(lambda: VideoStream(endpoint, budget, [url]), camera="kiln", name="video", deliveries=deliveries)
        )
        return made[-1]

    yield make
    for video in made:
        video.close()
    deliveries.close()


def record(video: LiveVideo, target: Path, **options: Any) -> Recorder:
    recorder = Recorder("kiln", target, RecordOptions(**options))
    recorder.at_end(lambda: video.detach(recorder))
    try:
        video.attach(recorder, timeout=10)
    except BaseException:
        recorder.discard()
        raise
    recorder.start()
    return recorder


def probed(path: Path) -> dict[str, Any]:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (Debian: ffmpeg)")
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    (stream,) = json.loads(done.stdout)["streams"]
    return dict(stream)


@pytest.mark.parametrize("name", STREAMS)
def test_gstreamers_video_is_recorded(
    serve: Callable[..., int], live: Callable[..., LiveVideo], tmp_path: Path, name: str
) -> None:
    video = live(serve(name))
    containers = ["mp4", "mkv"] if name == "mjpeg" else ["mp4", "mkv", "ps"]

    recorders = [record(video, tmp_path / f"kiln.{kind}", container=kind, seconds=2.0) for kind in containers]

    for recorder in recorders:
        assert recorder.wait(30)
        assert recorder.error is None
        (path,) = recorder.files
        stream = probed(path)
        assert stream["codec_name"] == name.split()[0]
        assert (stream["width"], stream["height"]) == (384, 288)
        assert 45 <= int(stream["nb_read_frames"]) <= 51


def test_gstreamers_sound_is_left_out_and_said(
    serve: Callable[..., int], live: Callable[..., LiveVideo], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = record(live(serve("h264", audio=True)), tmp_path / "kiln.mp4", seconds=1.0)

    assert recorder.wait(30)
    assert probed(recorder.files[0])["codec_name"] == "h264"
    assert "the sound of its video (PCMA) is left out" in caplog.text


def test_gstreamers_refusals_are_told(
    serve: Callable[..., int], live: Callable[..., LiveVideo], tmp_path: Path
) -> None:
    port = serve("h264")

    with pytest.raises(Refused):
        record(live(port, password="wrong"), tmp_path / "a.mp4", seconds=1.0)
    with pytest.raises((Unsupported, Refused)):
        record(live(port, path="/Streaming/Channels/999"), tmp_path / "b.mp4", seconds=1.0)
