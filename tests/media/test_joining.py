"""Recordings read from files, cut to a span and joined end to end without coding anything again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from coded_video import video
from nvr_hooks import BadAnswer, TimeSpan, Unsupported
from recorded import assert_same_pictures, pictures_in, probed, times_in
from recorder import IMKH, program_stream

from hik_thermal_plugin.media.joining import Joint
from hik_thermal_plugin.media.pictures import CLOCK
from hik_thermal_plugin.media.recordings import is_random_access, recorded_pictures

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def stored(folder: Path, name: str = "a.mpg", **what: Any) -> Path:
    path = folder / name
    path.write_bytes(program_stream(**what))
    return path


def joined(
    folder: Path, parts: list[tuple[float, Path]], span: tuple[float, float] | None, container: str = "mp4"
) -> Joint:
    wanted = None if span is None else TimeSpan(start=at(span[0]), end=at(span[1]))
    joint = Joint(folder / f"out.{container}", container, "kiln", wanted)
    try:
        for begin, path in parts:
            joint.begin(at(begin))
            for picture in recorded_pictures(path, "kiln"):
                if not joint.put(picture):
                    break
        joint.finish()
    finally:
        joint.abandon()
    return joint


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("header", [b"", IMKH])
def test_the_pictures_of_a_recording(tmp_path: Path, codec: Any, header: bytes) -> None:
    path = tmp_path / "a.mpg"
    path.write_bytes(header + program_stream(60, codec=codec))

    found = list(recorded_pictures(path, "kiln"))

    assert [picture.data for picture in found] == [unit.data for unit in video(codec, pictures=60).units]
    assert [number for number, picture in enumerate(found) if picture.key] == [0, 25, 50]
    assert [picture.dts - found[0].dts for picture in found] == [3600 * number for number in range(60)]
    assert found[-1].time == pytest.approx(59 / 25)


def test_a_recording_that_was_cut_off_is_read_to_its_last_whole_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mpg"
    path.write_bytes(program_stream(100)[:-2500])
    assert 40 < len(list(recorded_pictures(path, "kiln"))) < 100


@pytest.mark.parametrize("data", [b"", b"\0\0\1\xba", bytes(10_000), b"IMKH" + bytes(range(256)) * 100, b"<html>"])
def test_what_holds_no_video_is_a_bad_answer(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mpg"
    path.write_bytes(data)
    with pytest.raises(BadAnswer, match="kiln: a recording"):
        list(recorded_pictures(path, "kiln"))


def test_an_intra_picture_that_others_reach_across_is_no_place_to_begin() -> None:
    assert is_random_access("h264", b"\0\0\1\x67a\0\0\1\x68b\0\0\1\x65c")
    assert not is_random_access("h264", b"\0\0\1\x67a\0\0\1\x68b\0\0\1\x61c")
    assert is_random_access("hevc", b"\0\0\1\x40\x01a\0\0\1\x26\x01b")
    assert not is_random_access("hevc", b"\0\0\1\x02\x01b")
    assert not is_random_access("h264", b"")
    assert is_random_access("mjpeg", b"")


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ((0, 8), 0, 8),
        ((1.5, 6.2), 1, 7),  # seconds: whole groups of pictures, one a second
        ((2, 3), 2, 3),
        ((2.4, 2.6), 2, 3),
        ((-5, 1), 0, 1),
        ((7.99, 20), 7, 8),
        ((3.5, 4.5), 3, 5),  # over the seam
    ],
)
def test_a_span_is_whole_groups_of_pictures_of_the_recordings_that_cover_it(
    tmp_path: Path, container: str, span: tuple[float, float], first: int, last: int
) -> None:
    one = stored(tmp_path)

    joint = joined(tmp_path, [(0, one), (4, one)], span, container)

    assert joint.span == TimeSpan(start=at(first), end=at(last))
    assert joint.pictures == 25 * (last - first)
    assert joint.seconds == last - first
    shown = video("h264", pictures=100).decoded() * 2
    assert_same_pictures(pictures_in(tmp_path / f"out.{container}"), shown[first * 25 : last * 25])
    times = times_in(tmp_path / f"out.{container}")
    steps = {round(later - earlier, 3) for earlier, later in itertools.pairwise(times)}
    assert steps <= {0.04}


def test_gaps_are_told_and_closed(tmp_path: Path) -> None:
    one = stored(tmp_path)

    joint = joined(tmp_path, [(10, one), (20, one)], (0, 60))

    assert joint.span == TimeSpan(start=at(10), end=at(24))
    assert joint.gaps == (
        TimeSpan(start=at(0), end=at(10)),
        TimeSpan(start=at(14), end=at(20)),
        TimeSpan(start=at(24), end=at(60)),
    )
    assert joint.seconds == 8


@pytest.mark.parametrize("begins", [3.0, 4.9])
def test_seconds_that_were_rounded_are_no_gap_and_lose_nothing(tmp_path: Path, begins: float) -> None:
    one = stored(tmp_path)
    joint = joined(tmp_path, [(0, one), (begins, one)], (0, 8))
    assert joint.gaps == ()
    assert joint.pictures == 200


def test_time_that_the_camera_has_twice_is_taken_once(tmp_path: Path) -> None:
    one, long = stored(tmp_path), stored(tmp_path, "b.mpg", pictures=250)

    joint = joined(tmp_path, [(0, long), (2, one), (6, long)], None)

    assert joint.span == TimeSpan(start=at(0), end=at(16))
    assert joint.pictures == 16 * 25


def test_pictures_with_references_ahead_keep_their_order(tmp_path: Path) -> None:
    what = video("h264", pictures=75, b_pictures=2)
    path = tmp_path / "b.mpg"
    path.write_bytes(with_references_ahead())

    joint = joined(tmp_path, [(0, path), (3, path)], None, "mkv")

    assert joint.pictures == 150
    assert_same_pictures(pictures_in(tmp_path / "out.mkv"), what.decoded() * 2)


def with_references_ahead() -> bytes:
    """Return a program stream with B-pictures, written by our own writer: other people's needs times of decoding made up by hand."""
    from hik_thermal_plugin.media.mpeg_ps import ProgramStream
    from hik_thermal_plugin.media.pictures import Picture

    taken: list[bytes] = []
    units = video("h264", pictures=75, b_pictures=2).units
    pictures = [
        Picture(unit.data, unit.key, (unit.shown + 2) * 3600, number * 3600, 0.0, "h264")
        for number, unit in enumerate(units)
    ]
    stream = ProgramStream(taken.append, pictures[0])
    for picture in pictures:
        stream.write(picture)
    stream.close()
    return b"".join(taken)


def test_another_codec_cannot_follow_in_the_same_file(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"from 2026-03-01T12:00:04\+00:00 on it recorded hevc instead of h264"):
        joined(tmp_path, [(0, stored(tmp_path)), (4, stored(tmp_path, "b.mpg", codec="hevc"))], None)


def test_no_picture_of_that_time_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match="no picture of that time"):
        joined(tmp_path, [(0, stored(tmp_path))], (5, 9))
    assert not (tmp_path / "out.mp4").exists()


def test_what_is_there_when_it_breaks_off_can_be_played(tmp_path: Path) -> None:
    joint = Joint(tmp_path / "out.mp4", "mp4", "kiln")
    joint.begin(NOON)
    for picture in recorded_pictures(stored(tmp_path), "kiln"):
        joint.put(picture)
    assert joint.abandon()
    assert len(pictures_in(tmp_path / "out.mp4")) == 100


@pytest.mark.integration
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_ffprobe_reads_what_was_joined_without_a_warning(tmp_path: Path, container: str) -> None:
    one = stored(tmp_path)
    joined(tmp_path, [(0, one), (4, one)], (1, 7), container)

    told = probed(tmp_path / f"out.{container}")

    assert int(told["nb_read_frames"]) == 150
    assert float(told["duration"]) == pytest.approx(6, abs=0.05)
    assert CLOCK == 90_000
