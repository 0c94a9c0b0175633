"""Live video and recordings over RTSP: every picture arrives, and every way it can end is told apart."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from coded_video import nal_units, video
from nvr_hooks import (
    AuthBlocked,
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
)
from rtsp_video import Conduct, VideoServer

from hik_thermal_plugin.isapi.rtsp_session import RtspEndpoint
from hik_thermal_plugin.isapi.video_stream import VideoStream
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.wire.video import CodedFrame

LIVE = "rtsp://192.0.2.64:554/Streaming/Channels/201"
TRACK = "rtsp://192.0.2.64:554/Streaming/tracks/201?starttime=20260101T000000Z&endtime=20260101T000010Z"
Make = Callable[..., VideoStream]


@pytest.fixture
def server(secret: str) -> Iterator[VideoServer]:
    with VideoServer(password=secret) as server:
        server.conduct = Conduct(pace=0, pictures=60)
        yield server


@pytest.fixture
def make(server: VideoServer, tmp_path: Path, secret: str) -> Make:
    """Return a function that makes a stream; those with one password share a login budget."""

    def stream(*, password: str = secret, playback: bool = False, timeout: float = 5.0, **more: Any) -> VideoStream:
        budget = LoginBudget("admin@camera", password, tmp_path)
        endpoint = RtspEndpoint(
            camera="kiln", host="127.0.0.1", port=server.port, username="admin", password=password, timeout=timeout
        )
        more.setdefault("urls", [TRACK if playback else LIVE])
        return VideoStream(endpoint, budget, playback=playback, **more)

    return stream


def all_of(stream: VideoStream) -> tuple[list[CodedFrame], CameraError | None]:
    """Return all pictures, and the error at the end of them."""
    found: list[CodedFrame] = []
    try:
        found.extend(stream.frames())
    except CameraError as error:
        return found, error
    return found, None


def test_live_video_arrives_whole_and_its_end_is_a_loss(server: VideoServer, make: Make) -> None:
    stream = make()
    frames, error = all_of(stream)

    units = [*server.video.units, *server.video.units[:10]]
    assert [nal_units(frame.data) for frame in frames] == [nal_units(unit.data) for unit in units]
    assert [frame.timestamp for frame in frames] == [number * 3600 for number in range(60)]
    assert isinstance(error, Unreachable)
    assert str(error) == "kiln: RTSP: live video: the device ended the connection"
    assert stream.counters.documents >= 60
    assert stream.counters.undecodable == 0
    assert [asked.url for asked in server.methods("SETUP")] == [f"{LIVE}/trackID=1"]


@pytest.mark.parametrize("end", ["fin", "bye", "announce", "teardown"])
def test_a_recording_ends_where_the_device_says_so(server: VideoServer, make: Make, end: Any) -> None:
    server.conduct = Conduct(pace=0, pictures=30, end=end)
    stream = make(playback=True)

    begun = time.monotonic()
    frames, error = all_of(stream)

    assert (len(frames), error) == (30, None)
    assert stream.ending
    assert not stream.fell_silent
    assert time.monotonic() - begun < 2
    if end in ("announce", "teardown"):
        server.wait_for("ANSWER")  # it is answered, so that the device closes in peace


@pytest.mark.parametrize("end", ["bye", "teardown"])
def test_live_video_that_the_device_ends_is_lost(server: VideoServer, make: Make, end: Any) -> None:
    server.conduct = Conduct(pace=0, pictures=5, end=end)

    frames, error = all_of(make())

    assert len(frames) == 5
    assert isinstance(error, Unreachable)


def test_a_reset_is_a_loss_of_a_recording_too(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0.005, pictures=30, end="rst")

    frames, error = all_of(make(playback=True))

    assert isinstance(error, Unreachable)
    assert len(frames) <= 30


def test_an_announcement_does_not_end_live_video(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0, pictures=5, end="announce")
    stream = make(mute_after=0.3)

    _, error = all_of(stream)

    assert "nothing came" in str(error)
    server.wait_for("ANSWER")


def test_a_recording_that_only_falls_silent_has_ended_with_that_word(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0, pictures=5, end="silence")
    stream = make(playback=True, mute_after=0.3)

    frames, error = all_of(stream)

    assert (len(frames), error) == (5, None)
    assert stream.fell_silent


def test_silent_live_video_is_asked_for_signs_of_life_and_goes_on(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0, pictures=5, end="silence")
    stream = make(longest_silence=0.05)
    with reading(stream) as (frames, _):
        server.wait_for("GET_PARAMETER", 4)
        assert len(frames) == 5


def test_a_device_that_gives_no_sign_of_life_is_lost(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0, pictures=5, end="silence", alive=False)

    frames, error = all_of(make(longest_silence=0.1, timeout=0.3))

    assert len(frames) == 5
    assert "silent, also when asked" in str(error)


def test_the_second_address_is_used_where_the_first_is_not_known(server: VideoServer, make: Make) -> None:
    other = LIVE.replace("/Streaming/Channels", "/ISAPI/Streaming/channels")
    stream = make(urls=["rtsp://192.0.2.64:554/Streaming/Channels/201?nothing", other])
    server.conduct = Conduct(pace=0, pictures=3)
    asked: list[str] = []

    def status(_: str) -> str:
        asked.append("x")
        return "404 Not Found" if len(asked) == 2 else "200 OK"  # the first DESCRIBE only brings the challenge

    server.conduct.status = _Statuses(status)

    frames, _ = all_of(stream)

    assert len(frames) == 3
    assert [entry.url for entry in server.methods("DESCRIBE")][-1] == other


class _Statuses(dict[str, str]):
    """Status lines that are asked for each time."""

    def __init__(self, status: Callable[[str], str]) -> None:
        self._status = status

    def get(self, method: str, default: str = "") -> str:  # type: ignore[override]
        return self._status(method) if method == "DESCRIBE" else default


@pytest.mark.parametrize(
    ("method", "status", "kind"),
    [
        ("SETUP", "453 Not Enough Bandwidth", Busy),
        ("DESCRIBE", "404 Not Found", Unsupported),
        ("PLAY", "403 Forbidden", NoPermission),
        ("SETUP", "461 Unsupported Transport", Unsupported),
        ("PLAY", "500 Internal Server Error", DeviceError),
        ("DESCRIBE", "503 Service Unavailable", Busy),
    ],
)
def test_what_the_device_refuses_is_told_by_what_can_be_done(
    server: VideoServer, make: Make, method: str, status: str, kind: type[CameraError]
) -> None:
    server.conduct.status = {method: status}

    _, error = all_of(make())

    assert type(error) is kind
    assert f"kiln: {method} rtsp://192.0.2.64:554/Streaming/Channels/201" in str(error)


def test_a_second_playback_is_busy(server: VideoServer, make: Make) -> None:
    server.conduct = Conduct(pace=0.01, pictures=None)
    with reading(make(playback=True)) as (frames, _):
        wait(lambda: frames)
        _, error = all_of(make(playback=True))
        assert type(error) is Busy


def test_a_wrong_password_is_refused_and_asked_no_more_than_the_budget_has(
    server: VideoServer, make: Make, secret: str
) -> None:
    errors = [all_of(make(password="wrong"))[1] for _ in range(3)]

    assert [type(error) for error in errors[1:]] == [AuthBlocked, AuthBlocked]
    assert isinstance(errors[0], Refused)
    assert server.refused == 2
    assert all("wrong" not in str(error).replace("wrong password", "").replace("wrong user", "") for error in errors)


def test_a_stream_without_video_is_unsupported_with_its_codec(
    server: VideoServer, make: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        "rtsp_video.media_lines", lambda *unused, **more: "m=video 0 RTP/AVP 96\na=rtpmap:96 VP9/90000\n"
    )

    _, error = all_of(make())

    assert type(error) is Unsupported
    assert "video coded as vp9" in str(error)


def test_dropped_sound_is_said_once(server: VideoServer, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    server.conduct = Conduct(pace=0, pictures=20, audio=True)
    said: set[str] = set()

    def first_time(text: str) -> bool:
        known = text in said
        said.add(text)
        return not known

    for _ in range(2):
        frames, _ = all_of(make(first_time=first_time))
        assert len(frames) == 20

    assert [record.getMessage() for record in caplog.records if "sound" in record.getMessage()] == [
        "kiln: the sound of its video (PCMA) is left out: only the picture is recorded"
    ]


def test_a_stream_cut_at_any_byte_gives_whole_pictures_only(server: VideoServer, make: Make) -> None:
    units = [nal_units(unit.data) for unit in server.video.units]
    for cut in (*range(1, 60, 7), *range(900, 1400, 61)):
        server.conduct = Conduct(pace=0, cut=cut)
        frames, error = all_of(make(playback=True))
        assert error is None
        assert [nal_units(frame.data) for frame in frames] == units[: len(frames)]
        wait(lambda: not server.playbacks)


def test_parameter_sets_only_in_the_stream_are_enough(tmp_path: Path) -> None:
    with VideoServer(video("hevc")) as server:
        server.conduct = Conduct(pace=0, pictures=10, sets=False)
        endpoint = RtspEndpoint(camera="kiln", host="127.0.0.1", port=server.port)
        frames, _ = all_of(VideoStream(endpoint, LoginBudget("x", "", tmp_path), [LIVE]))

    assert len(frames) == 10
    assert (frames[0].codec, frames[0].reordered) == ("hevc", 0)


@pytest.mark.parametrize("silent", [True, False])
def test_interrupt_ends_it_at_once_whether_pictures_come_or_not(server: VideoServer, make: Make, silent: bool) -> None:
    server.conduct = Conduct(pace=0.02, pictures=3 if silent else None, end="silence")
    stream = make()
    with reading(stream) as (frames, thread):
        wait(lambda: len(frames) >= 3)
        begun = time.monotonic()
        stream.interrupt()
        thread.join(5)
        assert time.monotonic() - begun < 0.5
    server.wait_for("TEARDOWN")


def test_interrupt_before_it_began_and_a_mute_device(server: VideoServer, make: Make) -> None:
    stream = make()
    stream.interrupt()
    assert all_of(stream) == ([], None)

    server.conduct = Conduct(mute=True)
    _, error = all_of(make(timeout=0.3))
    assert isinstance(error, Unreachable)


def test_nobody_there_and_no_rtsp_there(make: Make, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    endpoint = RtspEndpoint(camera="kiln", host="127.0.0.1", port=port)
    _, error = all_of(VideoStream(endpoint, LoginBudget("x", "", tmp_path), [LIVE]))
    assert isinstance(error, Unreachable)
    assert "refused" in str(error)


def test_a_picture_without_an_end_is_a_bad_answer(
    server: VideoServer, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.wire.coded_frames.MAX_PICTURE", 500)
    caplog.set_level(logging.DEBUG)

    _, error = all_of(make())

    assert isinstance(error, BadAnswer)
    assert "kiln: live video: a picture of more than 500 bytes" in str(error)


class reading:
    """Read a stream in a thread while it lasts."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self.frames: list[CodedFrame] = []
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        with suppress(CameraError):
            self.frames.extend(self._stream.frames())

    def __enter__(self) -> tuple[list[CodedFrame], threading.Thread]:
        self._thread.start()
        return self.frames, self._thread

    def __exit__(self, *unused: object) -> None:
        self._stream.interrupt()
        self._thread.join(5)


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
