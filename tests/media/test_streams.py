"""Program streams as bytes: what goes in comes out, whole and at once; playback ends when it should."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from coded_video import Codec, Video, video
from nvr_hooks import Busy, CameraError, Unreachable, Unsupported
from recorded import assert_same_pictures, pictures_in, probed, times_in

from hik_thermal_plugin.media import inbox
from hik_thermal_plugin.media.clip import Clip
from hik_thermal_plugin.media.inbox import Inbox
from hik_thermal_plugin.media.pictures import Picture, Timeline
from hik_thermal_plugin.media.streams import ByteDrain, LiveBytes, Playback
from hik_thermal_plugin.wire.video import CodedFrame


def coded(what: Video) -> list[CodedFrame]:
    order = 0 if [unit.shown for unit in what.units] == list(range(len(what.units))) else 2
    return [
        CodedFrame(unit.data, unit.shown * 3600, unit.key, what.codec, what.sets[0] if unit.key else b"", order)
        for unit in what.units
    ]


def pictures_of(what: Video) -> list[Picture]:
    timeline = Timeline()
    found = [picture for number, frame in enumerate(coded(what)) for picture in timeline.place(frame, number * 0.04)]
    return found + timeline.rest()


def saved(data: bytes, folder: Path) -> Path:
    path = folder / "bytes.ps"
    path.write_bytes(data)
    return path


@pytest.mark.integration
@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("b_pictures", [0, 2])
def test_bytes_of_a_program_stream_hold_every_picture(codec: Codec, b_pictures: int, tmp_path: Path) -> None:
    what = video(codec, b_pictures=b_pictures)
    sent: list[bytes] = []
    drain = ByteDrain(sent.append, "kiln")

    for number, picture in enumerate(pictures_of(what), 1):
        drain.write(picture)
        assert len(sent) == number  # each leaves at once and whole
    drain.finish()

    path = saved(b"".join(sent), tmp_path)
    assert sent[0].startswith(b"\0\0\1\xba")
    assert probed(path)["nb_read_frames"] == "50"
    assert_same_pictures(pictures_in(path), what.decoded())


def test_a_picture_longer_than_a_packet_can_be_is_sent_in_several(tmp_path: Path) -> None:
    what = video("h264", pictures=2)
    first, second = pictures_of(what)
    filler = b"\0\0\0\1\x0c" + b"\xff" * 150_000 + b"\x80"
    sent: list[bytes] = []
    drain = ByteDrain(sent.append, "kiln")

    drain.write(first._replace(data=first.data + filler))
    drain.write(second)
    drain.finish()

    path = saved(b"".join(sent), tmp_path)
    assert sent[0].count(b"\0\0\1\xe0") == 3
    assert_same_pictures(pictures_in(path), what.decoded())


def test_times_go_on_where_the_camera_was_away(tmp_path: Path) -> None:
    what = video("h264")
    sent: list[bytes] = []
    drain = ByteDrain(sent.append, "kiln")
    for picture in pictures_of(what):
        drain.write(picture)
    for picture in pictures_of(what):
        drain.write(picture._replace(time=picture.time + 10))
    drain.finish()

    times = times_in(saved(b"".join(sent), tmp_path))
    assert len(times) == 100
    assert times[50] - times[0] == pytest.approx(10, abs=0.05)


def test_live_bytes_begin_with_a_key_picture_and_a_raising_sink_gets_what_follows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pictures = pictures_of(video("h264"))
    taken: list[bytes] = []

    def sink(data: bytes) -> None:
        taken.append(data)
        if len(taken) in (2, 3):
            raise ValueError("no room")

    with LiveBytes("kiln", sink) as job:
        job.start()
        for picture in pictures[10:]:
            job.put(picture)
        wait(lambda: len(taken) == 25)
    assert job.state == "closed"
    assert taken[-1] == b"\0\0\1\xb9"
    assert [record.levelname for record in caplog.records if "raised" in record.message] == ["WARNING", "DEBUG"]


def test_a_blocking_sink_holds_up_nobody_and_is_closed_in_time() -> None:
    let_go = threading.Event()
    job = LiveBytes("kiln", lambda data: let_go.wait(10) and None)
    job.start()
    begun = time.monotonic()
    for picture in pictures_of(video("h264")):
        job.put(picture)
    assert time.monotonic() - begun < 0.5
    let_go.set()
    job.close()
    assert job.state == "closed"


def test_an_inbox_drops_up_to_the_next_key_picture_and_counts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbox, "MOST_BYTES", 2000)
    box = Inbox("a slow disk")

    def picture(number: int, size: int, *, key: bool = False) -> Picture:
        return Picture(b"x" * size, key, number, number, float(number), "h264")

    box.put(picture(0, 1500, key=True))
    box.put(picture(1, 600))
    box.put(picture(2, 10))
    box.put(picture(3, 10, key=True))  # there is no room yet
    assert box.dropped == 3
    assert [one.pts for one in box.take(0) if one] == [0]
    box.put(picture(4, 10))
    box.put(picture(5, 10, key=True))
    box.put(picture(6, 10))

    assert [one if one is None else one.pts for one in box.take(0)] == [None, 5, 6]
    assert box.dropped == 4
    assert caplog.text.count("a slow disk is too slow") == 1


class Recorded:
    """A recording that is played back: pictures, then an end."""

    def __init__(self, frames: list[CodedFrame], *, silent: bool = False, error: CameraError | None = None) -> None:
        self._frames = frames
        self._error = error
        self._interrupted = threading.Event()
        self._forever = False
        self.ending = "nothing came for 8 s" if silent else "the device ended the connection"
        self.fell_silent = silent

    def frames(self) -> Generator[CodedFrame, None, None]:
        yield from self._frames
        if self._error is not None:
            raise self._error
        if self._forever:
            self._interrupted.wait(10)

    def interrupt(self) -> None:
        self._interrupted.set()

    def hangs(self) -> Recorded:
        self._forever = True
        return self


def test_playback_ends_on_its_own_clock_to_the_picture(tmp_path: Path) -> None:
    what = video("h264")
    clip = Clip(tmp_path / "kiln.mp4", "mp4", "kiln")
    job = Playback("kiln", Recorded(coded(what)).hangs(), clip, 1.2)
    job.begin(5)

    assert job.wait(5)
    assert (job.state, job.error) == ("done", None)
    assert_same_pictures(pictures_in(tmp_path / "kiln.mp4"), what.decoded()[:30])
    assert job.stream_time == pytest.approx(1.16)


def test_playback_ends_where_the_device_ends_it(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "kiln.mkv", "mkv", "kiln")
    job = Playback("kiln", Recorded(coded(video("h264"))), clip, 3600)
    job.begin(5)

    assert job.wait(5)
    assert job.state == "done"
    assert len(pictures_in(tmp_path / "kiln.mkv")) == 50


@pytest.mark.parametrize(("seconds", "state"), [(3.0, "done"), (60.0, "failed")])
def test_silence_is_believed_near_the_end_only(tmp_path: Path, seconds: float, state: str) -> None:
    clip = Clip(tmp_path / "kiln.mp4", "mp4", "kiln")
    job = Playback("kiln", Recorded(coded(video("h264")), silent=True), clip, seconds)
    job.begin(5)

    assert job.wait(5)
    assert job.state == state
    assert (tmp_path / "kiln.mp4").exists() is (state == "done")
    if state == "failed":
        assert str(job.error) == "kiln: playback: nothing came for 8 s, after 2.0 of 60.0 s"
        assert len(pictures_in(tmp_path / "kiln.mp4.part")) == 50


@pytest.mark.parametrize("frames", [0, 7])
def test_what_the_device_says_before_the_first_picture_is_raised_later_it_is_the_jobs_error(frames: int) -> None:
    error = Busy("kiln: SETUP answered 453", camera="kiln")
    job = Playback(
        "kiln", Recorded(coded(video("h264"))[:frames], error=error), ByteDrain(lambda data: None, "kiln"), 9
    )

    if frames:
        job.begin(5)
        job.wait(5)
    else:
        with pytest.raises(Busy):
            job.begin(5)
    assert (job.state, job.error) == ("failed", error)


def test_a_recording_without_a_picture_has_failed() -> None:
    job = Playback("kiln", Recorded([]), ByteDrain(lambda data: None, "kiln"), 9)

    with pytest.raises(Unreachable, match="no picture came"):
        job.begin(5)


def test_a_device_that_never_begins_is_given_up_in_time() -> None:
    job = Playback("kiln", Recorded([]).hangs(), ByteDrain(lambda data: None, "kiln"), 9)

    with pytest.raises(Unreachable, match="no picture within"):
        job.begin(0.05)
    assert job.state == "closed"


def test_playback_is_closed_at_once() -> None:
    sent: list[bytes] = []
    job = Playback("kiln", Recorded(coded(video("h264"))).hangs(), ByteDrain(sent.append, "kiln"), 900)
    job.begin(5)

    begun = time.monotonic()
    job.close()

    assert time.monotonic() - begun < 0.5
    assert job.state == "closed"
    assert sent[-1] == b"\0\0\1\xb9"


def test_video_without_a_place_in_a_program_stream_is_unsupported() -> None:
    frame = CodedFrame(b"\xff\xd8\xff", 0, True, "mjpeg", b"head", 0)
    job = Playback("kiln", Recorded([frame]), ByteDrain(lambda data: None, "kiln"), 9)

    with pytest.raises(Unsupported, match="no place for video coded as mjpeg"):
        job.begin(5)


def test_a_broken_picture_in_front_is_passed_over(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "kiln.mp4", "mp4", "kiln")
    frames = coded(video("h264"))
    broken = frames[0]._replace(data=b"\0\0\0\1\x65garbage")
    job = Playback("kiln", Recorded([broken, *frames[25:]]), clip, 9)

    job.begin(5)
    job.wait(5)

    assert job.state == "done"
    assert len(pictures_in(tmp_path / "kiln.mp4")) == 25


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
