"""Recordings hold what was sent from the first key picture on, in files that every player opens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from coded_video import Codec, Video, video
from nvr_hooks import NvrError, RecordOptions, Unreachable, Unsupported, WrongUse
from recorded import assert_same_pictures, pictures_in, probed, times_in

from hik_thermal_plugin.media.pictures import Picture, Timeline
from hik_thermal_plugin.media.recorder import Recorder
from hik_thermal_plugin.wire.video import CodedFrame

CONTAINERS = ["mp4", "mkv", "ps"]
Make = Callable[..., Recorder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts a recording, closed at the end of the test."""
    made: list[Recorder] = []

    def recorder(name: str = "kiln.mp4", *, start: bool = True, **options: Any) -> Recorder:
        more = {key: options.pop(key) for key in ("change", "timeout", "clock") if key in options}
        one = Recorder("kiln", tmp_path / name, RecordOptions(**options), **more)
        made.append(one)
        if start:
            one.start()
        return one

    yield recorder
    for one in made:
        one.close()


def pictures_of(
    what: Video, *, begin: float | None = None, clock: Callable[[int], int] = lambda number: 0
) -> list[Picture]:
    """Return the video as it comes in, 25 pictures a second from now on; `clock` moves the camera's clock at a picture."""
    begin = time.monotonic() if begin is None else begin
    timeline = Timeline()
    order = 0 if [unit.shown for unit in what.units] == list(range(len(what.units))) else 2
    found: list[Picture] = []
    for number, unit in enumerate(what.units):
        stamp = unit.shown * 3600 + clock(number)
        coded = CodedFrame(unit.data, stamp, unit.key, what.codec, bytes(what.sets[0]) if unit.key else b"", order)
        found += timeline.place(coded, begin + number * 0.04)
    return found + timeline.rest()


def record(recorder: Recorder, pictures: list[Picture]) -> tuple[Path, ...]:
    """Let all pictures be recorded, close, return the files."""
    for picture in pictures:
        recorder.put(picture)
    recorder.close()
    assert recorder.error is None
    return recorder.files


@pytest.mark.integration
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("b_pictures", [0, 2])
def test_every_picture_is_in_the_file_and_ffprobe_has_nothing_to_say(
    make: Make, container: Any, codec: Codec, b_pictures: int
) -> None:
    what = video(codec, b_pictures=b_pictures)

    (path,) = record(make(f"kiln.{container}", container=container), pictures_of(what))

    told = probed(path)
    assert (told["codec_name"], told["nb_read_frames"]) == (codec, "50")
    assert told["r_frame_rate"] == "25/1"
    assert_same_pictures(pictures_in(path), what.decoded())
    assert not list(path.parent.glob("*.part"))


@pytest.mark.integration
def test_a_clock_that_is_set_back_leaves_a_file_without_a_warning(make: Make) -> None:
    what = video("h264", pictures=100)

    (path,) = record(make(), pictures_of(what, clock=lambda number: -9000 * (number // 20)))

    assert probed(path)["nb_read_frames"] == "100"
    assert_same_pictures(pictures_in(path), what.decoded())
    steps = [round(after - before, 6) for before, after in pairwise(times_in(path))]
    assert set(steps) == {0.04}


@pytest.mark.integration
@pytest.mark.parametrize("container", CONTAINERS)
def test_segments_are_cut_on_key_pictures_and_none_is_lost(make: Make, container: Any) -> None:
    what = video("h264", pictures=120, between_keys=20)

    files = record(make(f"kiln.{container}", container=container, segment_seconds=1.0), pictures_of(what))

    assert [path.name for path in files] == [f"kiln{end}.{container}" for end in ("", "-2", "-3")]
    found = [pictures_in(path) for path in files]
    assert [len(pictures) for pictures in found] == [40, 40, 40]
    assert_same_pictures([picture for pictures in found for picture in pictures], what.decoded())
    for path in files:
        probed(path)


def test_it_ends_after_its_seconds_to_the_picture(make: Make) -> None:
    what = video("h264", pictures=50)
    recorder = make(seconds=1.2)

    for picture in pictures_of(what):
        recorder.put(picture)

    assert recorder.wait(5)
    assert recorder.state == "done"
    assert len(pictures_in(recorder.files[0])) == 30


def test_pictures_from_before_the_call_do_not_count_as_its_seconds(make: Make) -> None:
    what = video("h264", pictures=75)
    recorder = make(seconds=1.0, pre_roll_seconds=1.0)

    for picture in pictures_of(what, begin=time.monotonic() - 1.0):
        recorder.put(picture)

    assert recorder.wait(5)
    assert 48 <= len(pictures_in(recorder.files[0])) <= 52


def test_after_a_loss_a_new_file_begins_with_the_next_key_picture(make: Make) -> None:
    what = video("h264")
    pictures = pictures_of(what)
    recorder = make()

    for picture in pictures[:10]:
        recorder.put(picture)
    recorder.lost()
    for picture in pictures[20:]:
        recorder.put(picture)
    recorder.close()

    assert [path.name for path in recorder.files] == ["kiln.mp4", "kiln-2.mp4"]
    assert_same_pictures(pictures_in(recorder.files[0]), what.decoded()[:10])
    assert_same_pictures(pictures_in(recorder.files[1]), what.decoded()[25:])


def test_other_parameters_begin_a_new_file(make: Make) -> None:
    recorder = make()
    begin = time.monotonic()
    pictures = pictures_of(video("h264"), begin=begin) + pictures_of(video("h264", width=128), begin=begin + 2)

    files = record(recorder, pictures)

    assert [pictures_in(path)[0].shape[1] for path in files] == [192, 128]


def test_a_file_is_called_part_until_it_is_complete_and_can_be_read_before(
    make: Make, tmp_path: Path, wait_for: Any
) -> None:
    what = video("h264", pictures=100)
    recorder = make()
    part = tmp_path / "kiln.mp4.part"

    for picture in pictures_of(what)[:60]:
        recorder.put(picture)
    wait_for(lambda: part.stat().st_size > 2000)

    assert not (tmp_path / "kiln.mp4").exists()
    assert len(pictures_in(part)) >= 25  # all but the group that is being written
    recorder.close()
    assert len(pictures_in(tmp_path / "kiln.mp4")) == 60
    assert not part.exists()


def test_stop_is_at_once_with_pictures_and_without(make: Make) -> None:
    flowing, silent, never = make("a.mp4"), make("b.mp4"), make("c.mp4")
    for picture in pictures_of(video("h264")):
        flowing.put(picture)
        silent.put(picture)
    for recorder in (flowing, silent, never):
        begun = time.monotonic()
        recorder.close()
        recorder.close()
        assert time.monotonic() - begun < 0.5
        assert recorder.state == "closed"
    assert never.files == ()


def test_a_recording_to_which_nothing_comes_fails_and_leaves_no_file(make: Make, tmp_path: Path) -> None:
    recorder = make(seconds=0.1, timeout=0.1, clock=Hurried())

    assert recorder.wait(5)
    assert recorder.state == "failed"
    assert isinstance(recorder.error, Unreachable)
    assert str(recorder.error) == "kiln: no picture came to be recorded"
    assert list(tmp_path.iterdir()) == []


class Hurried:
    """A clock that leaps after it was first looked at, so that nothing has to be waited for."""

    def __init__(self, first: float | None = None) -> None:
        self._first: float | None = time.monotonic() - 100 if first is None else first

    def __call__(self) -> float:
        first, self._first = self._first, None
        return time.monotonic() if first is None else first


def test_a_camera_that_goes_away_does_not_hold_a_recording_beyond_its_seconds(make: Make) -> None:
    ago = time.monotonic() - 100
    recorder = make(seconds=1.0, start=False, clock=Hurried(first=ago))
    for picture in pictures_of(video("h264"), begin=ago)[:10]:
        recorder.put(picture)
    recorder.lost()
    recorder.start()

    assert recorder.wait(5)
    assert recorder.state == "done"
    assert len(pictures_in(recorder.files[0])) == 10


def test_a_broken_first_picture_is_passed_over(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    pictures = pictures_of(video("h264"))
    broken = pictures[0]._replace(data=b"\0\0\0\1\x65" + bytes(range(200)))

    files = record(make(), [broken, *pictures[1:]])

    assert len(pictures_in(files[0])) == 25
    assert "the recording begins with the next one" in caplog.text


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"container": "3gp"}, Unsupported, "only the vendor's library writes"),
        ({"container": "avi"}, Unsupported, "no container avi"),
        ({"seconds": 0}, WrongUse, "seconds must be above 0"),
        ({"segment_seconds": -1.0}, WrongUse, "segment_seconds must be above 0"),
        ({"pre_roll_seconds": -1.0}, WrongUse, "pre_roll_seconds must not be below 0"),
        ({"seconds": float("nan")}, WrongUse, "seconds must be above 0"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_anything_begins(
    make: Make, tmp_path: Path, options: dict[str, Any], kind: type[NvrError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make(**options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_written_over(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kiln.mp4").write_bytes(b"precious")
    with pytest.raises(WrongUse, match="exists already"):
        make()
    (tmp_path / "other.mp4.part").write_bytes(b"half")
    with pytest.raises(WrongUse, match="another recording writes it, or one was cut off"):
        make("other.mp4")
    with pytest.raises(WrongUse, match=r"cannot write .*: No such file or directory"):
        make("missing/kiln.mp4")
    make("one.mp4")
    with pytest.raises(WrongUse, match="another recording writes it"):
        make("one.mp4")
    (tmp_path / "one-2.mp4").write_bytes(b"precious")

    assert (tmp_path / "kiln.mp4").read_bytes() == b"precious"


def test_a_following_file_takes_the_next_free_number(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kiln-2.mp4").write_bytes(b"precious")
    recorder = make()
    pictures = pictures_of(video("h264"))

    for _ in range(2):
        for picture in pictures:
            recorder.put(picture)
        recorder.lost()
    recorder.close()

    assert [path.name for path in recorder.files] == ["kiln.mp4", "kiln-3.mp4"]
    assert (tmp_path / "kiln-2.mp4").read_bytes() == b"precious"


def test_motion_jpeg_has_no_place_in_a_program_stream(make: Make) -> None:
    picture = Picture(b"\xff\xd8\xff", True, 0, 0, time.monotonic(), "mjpeg", True)
    recorder = make("kiln.ps", container="ps")
    recorder.put(picture)

    assert recorder.wait(5)
    assert isinstance(recorder.error, Unsupported)
    assert "mp4 and mkv have" in str(recorder.error)


def test_cleaning_up_happens_once_and_before_the_end_is_told(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    recorder = make(start=False)
    done: list[str] = []
    recorder.at_end(lambda: done.append(recorder.state))
    recorder.at_end(lambda: 1 / 0)
    recorder.at_end(lambda: done.append("after"))
    recorder.start()

    with recorder:
        assert recorder.state == "running"
    recorder.close()

    assert done == ["closed", "after"]
    assert recorder.wait(0)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "kiln recording: cleaning up failed"
    ]
