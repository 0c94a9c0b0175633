"""What is drawn: where the camera said, with its numbers, for as long as they are true."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import av
import numpy as np
import pytest
from coded_video import Video, decode, video
from numpy.typing import NDArray
from nvr_hooks import (
    FireAlarm,
    FireTarget,
    MotionAlarm,
    OtherAlarm,
    Target,
    TemperatureAlarm,
    TemperatureReading,
    to_json,
)

from hik_thermal_plugin.media import burning
from hik_thermal_plugin.media.burning import Burned
from hik_thermal_plugin.media.overlay import Mark, Overlay, drawn, marks_of, number
from hik_thermal_plugin.media.pictures import Picture, Timeline
from hik_thermal_plugin.wire.video import CodedFrame

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
FIRE_COLOUR = (255, 72, 40)


def reading(**more: Any) -> TemperatureReading:
    return TemperatureReading(camera="kiln", channel=2, **more)


def fire(second: int, **more: Any) -> FireTarget:
    return FireTarget(camera="kiln", channel=2, at=datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC), **more)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def frame(width: int = 384, height: int = 288) -> Any:
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), 60, np.uint8), format="rgb24")


def shown(marks: list[Mark], width: int = 384, height: int = 288) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = drawn(frame(width, height), marks).to_ndarray(format="rgb24")
    return picture


@pytest.mark.parametrize(("width", "height"), [(384, 288), (640, 512), (160, 120), (1280, 720)])
def test_edges_are_where_the_region_is(width: int, height: int) -> None:
    picture = shown(marks_of(reading(rule=1, region=SQUARE)), width, height).astype(int)

    white = picture.sum(axis=2) > 700
    for share in (0.3, 0.5, 0.7):
        x, y = int(share * width), int(share * height)
        for across, at in (
            (white[:, x], 0.25 * height),
            (white[:, x], 0.75 * height),
            (white[y, :], 0.25 * width),
            (white[y, :], 0.75 * width),
        ):
            places = np.flatnonzero(across[int(at) - 2 : int(at) + 3])
            assert places.size, f"no line within 2 points of {at}"
    assert not white[int(0.4 * height) : int(0.6 * height), int(0.3 * width) : int(0.7 * width)].any()


def test_the_hottest_point_is_marked() -> None:
    picture = shown(marks_of(fire(1, hottest=(0.5, 0.25), celsius=100))).astype(int)

    assert np.abs(picture[72, 192] - FIRE_COLOUR).sum() < 30
    assert np.abs(picture[71:74, 188:197] - FIRE_COLOUR).sum(axis=2).min() < 30


@pytest.mark.parametrize(
    ("event", "text", "spot"),
    [
        (
            reading(
                rule=3, rule_name="Kiln", highest_celsius=40.5, lowest_celsius=20, average_celsius=30.25,
                region=SQUARE, highest_at=(0.5, 0.5),
            ),
            "Kiln\nmax 40.5 °C  min 20 °C  avg 30.25 °C",
            "40.5 °C",
        ),
        (reading(rule=3, point_celsius=-12.3, region=((0.1, 0.1),)), "rule 3\n-12.3 °C", ""),
        (reading(highest_celsius=25.0), "max 25 °C", ""),
        (reading(rule=1, difference_kelvin=12.5), "rule 1\ndifference 12.5 K", ""),
        (fire(1, celsius=100, distance_m=1000, region=SQUARE), "fire\n100 °C  1000 m", ""),
        (fire(1, region=SQUARE), "fire", ""),
        (
            TemperatureAlarm(
                camera="kiln", raw_type="TMA", targets=(Target(region=SQUARE, celsius=88.5),)
            ),
            "temperature\n88.5 °C",
            "",
        ),
    ],
)  # fmt: skip
def test_texts_say_name_and_numbers(event: Any, text: str, spot: str) -> None:
    (mark,) = marks_of(event)

    assert (mark.text, mark.spot_text) == (text, spot)


def test_the_number_is_that_of_the_json() -> None:
    alarm = FireAlarm(
        camera="kiln", raw_type="fireDetection", celsius=350.7, targets=(Target(hottest=(0.5, 0.5), celsius=350.7),)
    )
    (mark,) = marks_of(alarm)

    told = to_json(alarm)["targets"][0]["celsius"]
    assert float(mark.text.split("\n")[1].removesuffix(" °C")) == told
    assert [number(value) for value in (20.0, 20.5, 1000.0, -0.5, 36.6)] == ["20", "20.5", "1000", "-0.5", "36.6"]


def test_what_has_no_place_is_not_drawn() -> None:
    assert marks_of(MotionAlarm(camera="kiln", raw_type="VMD")) == []
    assert marks_of(OtherAlarm(camera="kiln", raw_type="x", targets=(Target(celsius=3.0),))) == []
    assert marks_of(reading(rule=1, status="ended", highest_celsius=3.0, region=SQUARE)) == []
    still = frame()
    assert drawn(still, []) is still
    assert (shown([Mark(kind="reading", text="nowhere")]) == 60).all()


@pytest.mark.parametrize("region", [((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), ((-0.5, 0.2), (1.7, 0.4)), ((2.0, 2.0),)])
def test_places_at_and_beyond_the_edge_are_drawn_as_far_as_they_go(region: Any) -> None:
    text = "a name that is much longer than the whole picture is wide, and then some\n-273.15 °C"
    mark = Mark(kind="fire", region=region, spot=region[0], text=text, spot_text="1 °C")

    assert shown([mark]).shape == (288, 384, 3)


def test_the_newest_of_each_rule_is_shown_while_it_is_true() -> None:
    clock = Clock()
    overlay = Overlay(2, clock=clock)
    overlay.take(reading(rule=1, highest_celsius=1.0, region=SQUARE))
    overlay.take(reading(rule=2, highest_celsius=2.0, region=SQUARE))
    overlay.take(TemperatureReading(camera="kiln", channel=1, rule=1, highest_celsius=9.0))
    clock.at = 101.0
    overlay.take(reading(rule=1, highest_celsius=3.0, region=SQUARE))

    def texts(at: float) -> list[str]:
        return [mark.spot_text or mark.text for mark in overlay.marks(at)]

    assert texts(99.0) == []
    assert texts(100.5) == ["rule 1\nmax 1 °C", "rule 2\nmax 2 °C"]
    assert texts(101.0) == ["rule 1\nmax 3 °C", "rule 2\nmax 2 °C"]
    assert texts(105.5) == ["rule 1\nmax 3 °C"]
    assert texts(200.0) == []


def test_the_fires_of_the_newest_document_are_shown() -> None:
    clock = Clock()
    overlay = Overlay(clock=clock)
    overlay.take(fire(1, celsius=100, region=SQUARE))
    overlay.take(fire(1, celsius=200, region=SQUARE))
    clock.at = 100.5
    overlay.take(fire(2, celsius=300, region=SQUARE))

    assert [mark.text for mark in overlay.marks(100.2)] == ["fire\n100 °C", "fire\n200 °C"]
    assert [mark.text for mark in overlay.marks(101.0)] == ["fire\n300 °C"]
    assert overlay.marks(104.0) == []


def test_waiting_for_something_to_draw_has_an_end() -> None:
    overlay = Overlay()
    assert overlay.wait(0.01) is False
    overlay.take(FireAlarm(camera="kiln", raw_type="x"))
    assert overlay.wait(0.01) is False
    overlay.take(reading(rule=1))
    assert overlay.wait(0.01) is True


def pictures_of(what: Video, start: float = 100.0) -> list[Picture]:
    order = 0 if [unit.shown for unit in what.units] == list(range(len(what.units))) else 2
    timeline = Timeline()
    coded = [
        CodedFrame(unit.data, unit.shown * 3600, unit.key, what.codec, what.sets[0] if unit.key else b"", order)
        for unit in what.units
    ]
    return [picture for index, one in enumerate(coded) for picture in timeline.place(one, start + index * 0.04)]


@pytest.mark.slow
@pytest.mark.parametrize("b_pictures", [0, 2])
def test_moving_video_shows_each_thing_from_the_picture_on_in_which_it_was(b_pictures: int) -> None:
    clock = Clock()
    overlay = Overlay(clock=clock)
    burned = Burned("kiln", overlay)
    what = video("h264", b_pictures=b_pictures, width=384, height=288)
    found: list[Picture] = []
    for number_, picture in enumerate(pictures_of(what)):
        clock.at = 100.0 + number_ * 0.04
        if number_ == 20:
            overlay.take(fire(1, celsius=300, region=SQUARE))
        found += burned.change(picture)
    found += burned.rest()

    assert len(found) == 50
    assert [picture.pts // 3600 for picture in found] == list(range(50))
    assert [picture.key for picture in found] == [index in (0, 25) for index in range(50)]
    assert [picture.starts for picture in found] == [True] + [False] * 49
    assert found[-1].time == pytest.approx(101.96)
    images = decode("h264", [picture.data for picture in found])
    red = [bool((np.abs(image[72, 96:288].astype(int) - FIRE_COLOUR).sum(axis=1) < 150).any()) for image in images]
    first = red.index(True)
    assert abs(first - 20) <= 3  # what arrives up to a tenth of a second later belongs to it too
    assert all(red[first:])


def test_what_cannot_be_decoded_is_left_out_and_what_follows_is_drawn() -> None:
    burned = Burned("kiln", Overlay())
    pictures = pictures_of(video("h264"))
    found = burned.change(pictures[0]._replace(data=b"\0\0\0\1\x65\xff\xff"))
    for picture in pictures[25:]:
        found += burned.change(picture)
    found += burned.rest()

    assert len(found) == 25
    assert burned.rest() == []
    burned.close()


def test_video_of_odd_size_can_be_burned_into(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = burning._encoder(frame(97, 73))

    assert (encoder.width, encoder.height) == (96, 72)
