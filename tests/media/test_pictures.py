"""Times of pictures: rising for the decoder, true for the viewer, whatever the camera's clock does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from coded_video import Video, video
from hypothesis import given
from hypothesis import strategies as st

from hik_thermal_plugin.media.pictures import Picture, Timeline
from hik_thermal_plugin.wire.video import CodedFrame

STEP = 3600


def frame(timestamp: int, *, key: bool = False, reordered: int | None = 0, headers: bytes = b"one") -> CodedFrame:
    return CodedFrame(b"x", timestamp, key, "h264", headers if key else b"", reordered)


def frames_of(what: Video, reordered: int | None) -> list[CodedFrame]:
    """Return the pictures; without `reordered` those between two others tell it themselves, as the reader of H.264 has it."""
    found, top = [], -1
    for unit in what.units:
        told = reordered if reordered is not None or unit.shown > top else 2
        found.append(frame(unit.shown * STEP, key=unit.key, reordered=told))
        top = max(top, unit.shown)
    return found


def placed(frames: list[CodedFrame], *, every: float = 0.04, **options: Any) -> list[Picture]:
    timeline = Timeline(**options)
    found = [picture for number, one in enumerate(frames) for picture in timeline.place(one, 100 + number * every)]
    return found + timeline.rest()


def assert_decodable(pictures: list[Picture]) -> None:
    """Check what every container wants: times of decoding rise within a file, and nothing is shown before it is decoded."""
    for before, after in pairwise(pictures):
        assert after.starts or after.dts > before.dts
    assert all(picture.pts >= picture.dts for picture in pictures)


@pytest.mark.parametrize(("b_pictures", "reordered"), [(0, 0), (2, 2), (2, None), (3, 2), (3, None), (0, None), (0, 2)])
def test_pictures_keep_their_times_in_any_order(b_pictures: int, reordered: int | None) -> None:
    what = video("h264", b_pictures=b_pictures)

    pictures = placed(frames_of(what, reordered))

    assert [picture.pts for picture in pictures] == [unit.shown * STEP for unit in what.units]
    assert_decodable(pictures)
    assert [picture.starts for picture in pictures] == [True] + [False] * 49
    assert [round(picture.time - 100, 6) for picture in pictures] == [
        round(unit.shown * 0.04, 6) for unit in what.units
    ]


def test_nothing_comes_before_the_first_key_picture() -> None:
    frames = [frame(number * STEP, key=number == 5) for number in range(8)]

    pictures = placed(frames)

    assert [picture.pts // STEP for picture in pictures] == [5, 6, 7]
    assert [picture.key for picture in pictures] == [True, False, False]


def test_a_clock_that_is_set_back_again_and_again_costs_no_time() -> None:
    frames = [frame(number * STEP - number // 20 * 9000, key=number % 25 == 0) for number in range(100)]

    pictures = placed(frames)

    assert [picture.pts for picture in pictures] == [number * STEP for number in range(100)]
    assert_decodable(pictures)


def test_a_clock_set_back_is_no_reordering_where_the_encoder_does_not_say() -> None:
    frames = [frame(number * STEP - number // 3 * 9000, key=number % 25 == 0, reordered=None) for number in range(100)]

    pictures = placed(frames)

    assert [picture.pts for picture in pictures] == [number * STEP for number in range(100)]


def test_a_clock_set_back_between_reordered_pictures_leaves_them_decodable() -> None:
    what = video("h264", b_pictures=2)
    frames = [
        frame(unit.shown * STEP - (500_000 if number >= 23 else 0), key=unit.key, reordered=2)
        for number, unit in enumerate(what.units)
    ]

    pictures = placed(frames)

    assert_decodable(pictures)
    assert len(pictures) == 50
    assert max(picture.pts for picture in pictures) < 55 * STEP


def test_a_leap_of_the_clock_is_no_gap_in_live_video() -> None:
    frames = [frame(number * STEP + (10**9 if number >= 10 else 0), key=number == 0) for number in range(20)]

    pictures = placed(frames)

    assert [picture.pts for picture in pictures] == [number * STEP for number in range(20)]


def test_a_real_pause_stays_a_pause() -> None:
    timeline = Timeline()
    first = timeline.place(frame(0, key=True), 100.0)
    after = timeline.place(frame(20 * 90_000), 120.0)

    assert after[0].pts - first[0].pts == 20 * 90_000
    assert after[0].time == 120.0


def test_a_gap_in_a_recording_that_is_played_back_stays_one() -> None:
    frames = [frame(number * STEP + (60 * 90_000 if number >= 10 else 0), key=number == 0) for number in range(20)]

    pictures = placed(frames, every=0.001, live=False)

    assert pictures[-1].pts == 19 * STEP + 60 * 90_000


def test_other_parameters_begin_anew_without_going_back_in_time() -> None:
    frames = [frame(number * STEP, key=number in (0, 10)) for number in range(10)]
    frames += [frame((number - 5) * STEP, key=number == 10, headers=b"two", reordered=2) for number in range(10, 20)]

    pictures = placed(frames)

    assert [index for index, picture in enumerate(pictures) if picture.starts] == [0, 10]
    assert [picture.time for picture in pictures] == sorted(picture.time for picture in pictures)
    assert_decodable(pictures)


def test_an_encoder_that_begins_to_reorder_without_a_word_is_allowed_for_from_the_next_key_picture_on() -> None:
    shown = [*range(10), 12, 10, 11, 15, 13, 14, 16, *range(17, 20), 20, 23, 21, 22, 26, 24, 25]
    frames = [
        frame(place * STEP, key=number in (0, 20), reordered=2 if place < max(shown[: number + 1]) else None)
        for number, place in enumerate(shown)
    ]

    pictures = placed(frames)

    assert_decodable(pictures)
    assert [index for index, picture in enumerate(pictures) if picture.starts] == [0]
    steps = [picture.pts for picture in pictures[20:]]
    assert [step - steps[0] for step in steps] == [(place - 20) * STEP for place in shown[20:]]


@given(
    stamps=st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=40),
    depth=st.sampled_from([None, 0, 1, 2, 4]),
    live=st.booleans(),
    keys=st.integers(1, 9),
)
def test_any_timestamps_give_a_file_that_can_be_decoded(
    stamps: list[int], depth: int | None, live: bool, keys: int
) -> None:
    frames = [frame(stamp, key=number % keys == 0, reordered=depth) for number, stamp in enumerate(stamps)]

    pictures = placed(frames, live=live)

    assert len(pictures) == len(frames)
    assert_decodable(pictures)


def test_the_cameras_clock_is_followed_where_it_runs_otherwise_than_ours() -> None:
    timeline = Timeline()
    picture = timeline.place(frame(0, key=True), 0.0)[0]
    for number in range(1, 40_000):
        at = number * 0.04 * 1.001  # a second too slow in a quarter of an hour
        (picture,) = timeline.place(frame(number * STEP), at)

    assert abs(picture.time - at) < 0.3
    assert picture.pts == 39_999 * STEP
