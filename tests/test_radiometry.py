"""What a matrix tells, against plain loops over the pixels."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from nvr_hooks import LineAt, Point, PointAt, RegionAt, TemperatureReading, WrongUse

from hik_thermal_plugin.radiometry import (
    Statistics,
    as_matrix,
    difference,
    measure,
    over_all,
    over_box,
    over_line,
    over_polygon,
    rule_readings,
    value_at,
)

Matrix = NDArray[np.float32]
HEIGHT, WIDTH = 6, 8


@pytest.fixture
def matrix() -> Matrix:
    """Return 20.0 °C at the top left, 0.25 K more at each pixel in reading order."""
    return (20 + 0.25 * np.arange(HEIGHT * WIDTH, dtype=np.float32)).reshape(HEIGHT, WIDTH)


def at(row: int, column: int, height: int = HEIGHT, width: int = WIDTH) -> Point:
    return (column + 0.5) / width, (row + 0.5) / height


def by_hand(matrix: Matrix, pixels: list[tuple[int, int]]) -> Statistics:
    """Return the statistics of pixels in reading order, the slow way."""
    height, width = matrix.shape
    sound = [
        (float(matrix[row, column]), (row, column)) for row, column in pixels if math.isfinite(matrix[row, column])
    ]
    if not sound:
        return Statistics(pixels=len(pixels), valid=0)
    highest, lowest = max(value for value, _ in sound), min(value for value, _ in sound)
    return Statistics(
        pixels=len(pixels),
        valid=len(sound),
        highest_celsius=highest,
        lowest_celsius=lowest,
        average_celsius=pytest.approx(math.fsum(value for value, _ in sound) / len(sound), abs=1e-4, rel=1e-6),  # type: ignore[arg-type]
        highest_at=next(at(*place, height, width) for value, place in sound if value == highest),
        lowest_at=next(at(*place, height, width) for value, place in sound if value == lowest),
    )


def everything(matrix: Matrix) -> list[tuple[int, int]]:
    return [(row, column) for row in range(matrix.shape[0]) for column in range(matrix.shape[1])]


def test_the_whole_picture(matrix: Matrix) -> None:
    assert over_all(matrix) == Statistics(
        pixels=48,
        valid=48,
        highest_celsius=31.75,
        lowest_celsius=20.0,
        average_celsius=25.875,
        highest_at=(7.5 / 8, 5.5 / 6),
        lowest_at=(0.5 / 8, 0.5 / 6),
    )
    assert over_all(matrix).spread_kelvin == 11.75
    assert over_all(matrix).invalid == 0


def test_a_read_only_memoryview_is_as_good(matrix: Matrix) -> None:
    frozen = matrix.copy()
    frozen.flags.writeable = False
    view = memoryview(bytes(frozen.tobytes())).cast("f", (HEIGHT, WIDTH))

    assert np.shares_memory(as_matrix(view), np.frombuffer(view.obj, np.uint8))
    assert over_all(view) == over_all(frozen) == over_all(matrix)


def test_the_value_at_a_point_is_that_of_its_pixel(matrix: Matrix) -> None:
    assert value_at(matrix, (0, 0)) == 20.0
    assert value_at(matrix, (1, 1)) == 31.75
    assert value_at(matrix, (0.13, 0.17)) == 20.0 + 0.25 * 9
    matrix[0, 0] = np.nan
    assert value_at(matrix, (0, 0)) is None


def test_of_equal_pixels_the_first_in_reading_order_is_named() -> None:
    flat = np.full((4, 4), 21.5, dtype=np.float32)

    assert over_all(flat).highest_at == over_all(flat).lowest_at == (0.125, 0.125)


@pytest.mark.parametrize(
    ("start", "end", "pixels"),
    [
        ((0, 0.01), (1, 0.01), [(0, column) for column in range(8)]),
        ((1, 0.99), (0, 0.99), [(5, column) for column in range(8)]),
        ((0.51, 0), (0.51, 1), [(row, 4) for row in range(6)]),
        ((0.5, 0.5), (0.5, 0.5), [(3, 4)]),
        ((0, 0), (1, 1), [(0, 0), (1, 1), (1, 2), (2, 3), (3, 4), (4, 5), (4, 6), (5, 7)]),
    ],
)
def test_a_line_has_one_pixel_for_each_step(
    matrix: Matrix, start: Point, end: Point, pixels: list[tuple[int, int]]
) -> None:
    assert over_line(matrix, start, end) == by_hand(matrix, pixels)
    assert measure(matrix, LineAt(start=start, end=end)) == over_line(matrix, start, end)


def test_a_box_has_the_pixels_whose_centre_lies_in_it(matrix: Matrix) -> None:
    found = over_box(matrix, 0.25, 1 / 6, 0.75, 4 / 6)

    assert found == by_hand(matrix, [(row, column) for row in range(1, 4) for column in range(2, 6)])
    assert over_box(matrix, 0, 0, 1, 1) == over_all(matrix)
    assert over_box(matrix, 0.5, 0.5, 0.5, 0.5) == by_hand(matrix, [(3, 4)])
    assert over_box(matrix, 1, 1, 1, 1) == by_hand(matrix, [(5, 7)])


def test_a_polygon_has_the_pixels_whose_centre_lies_in_it(matrix: Matrix) -> None:
    corners = ((0.25, 1 / 6), (0.75, 1 / 6), (0.75, 4 / 6), (0.25, 4 / 6))

    assert over_polygon(matrix, corners) == over_box(matrix, 0.25, 1 / 6, 0.75, 4 / 6)
    assert over_polygon(matrix, corners[::-1]) == over_polygon(matrix, corners)
    assert over_polygon(matrix, ((0, 0), (1, 0), (1, 1), (0, 1))) == over_all(matrix)
    assert measure(matrix, RegionAt(points=corners)) == over_polygon(matrix, corners)


def test_a_polygon_between_the_centres_is_the_pixel_it_lies_in(matrix: Matrix) -> None:
    assert over_polygon(matrix, ((0.51, 0.51), (0.52, 0.51), (0.52, 0.52))) == by_hand(matrix, [(3, 4)])
    assert over_polygon(matrix, ((1, 1), (1, 1), (1, 1))) == by_hand(matrix, [(5, 7)])


def test_a_region_that_crosses_itself_has_what_is_inside_an_odd_number_of_times(matrix: Matrix) -> None:
    bow_tie = over_polygon(matrix, ((0, 0), (1, 1), (1, 0), (0, 1)))

    assert 0 < bow_tie.pixels < 48
    assert bow_tie.highest_at is not None


def test_one_matrix_is_not_measured_with_the_mask_of_another() -> None:
    corners = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
    for height, width in ((4, 4), (4, 8), (8, 4)):
        assert over_polygon(np.zeros((height, width), np.float32), corners).pixels == height * width // 2


def test_invalid_pixels_are_passed_over_and_counted(matrix: Matrix) -> None:
    matrix[5, 7], matrix[0, 0], matrix[2, 3] = np.inf, -np.inf, np.nan
    found = over_all(matrix)

    assert found == by_hand(matrix, everything(matrix))
    assert (found.valid, found.invalid) == (45, 3)
    assert found.highest_at == at(5, 6)
    assert over_polygon(matrix, ((0.8, 0.8), (1, 0.8), (1, 1), (0.8, 1))) == by_hand(matrix, [(5, 6), (5, 7)])


def test_nothing_valid_is_nothing_said() -> None:
    for value in (np.nan, np.inf, -np.inf):
        broken = np.full((3, 4), value, dtype=np.float32)
        empty = Statistics(pixels=12, valid=0)
        assert over_all(broken) == empty
        assert over_all(broken).spread_kelvin is None
        assert value_at(broken, (0.5, 0.5)) is None
        assert difference(over_all(broken), empty) is None


def test_finite_values_whose_sum_is_not_are_valid() -> None:
    huge = np.full((2, 2), 3e38, dtype=np.float32)

    assert over_all(huge).valid == 4
    assert over_all(huge).average_celsius == pytest.approx(3e38)


def test_the_mean_of_a_large_frame_is_exact_enough() -> None:
    frame = (20 + np.random.default_rng(7).random((512, 640)) * 30).astype(np.float32)

    assert over_all(frame).average_celsius == pytest.approx(float(frame.mean(dtype=np.float64)), abs=1e-5)


def test_two_areas_are_compared(matrix: Matrix) -> None:
    left, right = over_box(matrix, 0, 0, 0.5, 1), over_box(matrix, 0.5, 0, 1, 1)

    assert difference(right, left) == 1.0
    assert difference(left, right, "lowest") == -1.0
    assert difference(right, left, "average") == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda matrix: value_at(matrix, (1.01, 0)),
        lambda matrix: value_at(matrix, (0, -0.01)),
        lambda matrix: value_at(matrix, (float("nan"), 0)),
        lambda matrix: over_line(matrix, (0, 0), (0, 2)),
        lambda matrix: over_box(matrix, 0.5, 0, 0.4, 1),
        lambda matrix: over_box(matrix, 0, 0, 1, 1.5),
        lambda matrix: over_polygon(matrix, ((0, 0), (1, 1))),
        lambda matrix: over_polygon(matrix, ((0, 0), (1, 1), (1, 2))),
        lambda matrix: measure(matrix, PointAt(at=(5, 5))),
        lambda matrix: over_all(matrix[0]),
        lambda matrix: over_all(matrix[:0]),
    ],
)  # fmt: skip
def test_places_outside_the_picture_are_wrong_use(matrix: Matrix, wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(WrongUse):
        wrong(matrix)


shares = st.floats(0, 1, allow_nan=False)
corners = st.tuples(shares, shares)
values = st.one_of(st.floats(-50, 600, width=32), st.sampled_from([math.nan, math.inf, -math.inf]))


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    return np.array(draw(st.lists(values, min_size=height * width, max_size=height * width)), np.float32).reshape(
        height, width
    )


def inside(points: tuple[Point, ...], x: float, y: float) -> bool:
    odd = False
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            odd = not odd
    return odd


@given(matrices())
def test_any_picture(matrix: Matrix) -> None:
    assert over_all(matrix) == by_hand(matrix, everything(matrix))


@pytest.mark.slow
@given(matrices(), st.lists(corners, min_size=3, max_size=6).map(tuple))
def test_any_polygon(matrix: Matrix, points: tuple[Point, ...]) -> None:
    height, width = matrix.shape
    pixels = [place for place in everything(matrix) if inside(points, *at(*place, height, width))]
    found = over_polygon(matrix, points)

    if pixels:
        assert found == by_hand(matrix, pixels)
    else:
        assert found.pixels == 1


@given(matrices(), corners)
def test_any_point(matrix: Matrix, point: Point) -> None:
    found = measure(matrix, PointAt(at=point))

    assert found.pixels == 1
    assert found.average_celsius == value_at(matrix, point)
    if found.highest_at is not None:
        assert abs(found.highest_at[0] - point[0]) <= 0.5 / matrix.shape[1] + 1e-9
        assert abs(found.highest_at[1] - point[1]) <= 0.5 / matrix.shape[0] + 1e-9


NOW = datetime(2024, 1, 15, tzinfo=UTC)


def test_rules_are_computed_from_a_frame(matrix: Matrix) -> None:
    rules = {
        1: {"name": "door", "type": "region", "points": [[0.25, 1 / 6], [0.75, 1 / 6], [0.75, 4 / 6], [0.25, 4 / 6]]},
        2: {"name": "", "type": "line", "points": [[0, 0], [1, 0]]},
        3: {"name": "motor", "type": "point", "points": [[0.5, 0.5]]},
        4: {"type": "region", "points": [[0, 0], [1, 0], [1, 1]], "enabled": False},
        5: {"type": "region", "points": [[0, 0], [1, 0]]},
        6: {"type": "region"},
    }
    door, line, motor = rule_readings(
        matrix, rules, camera="kiln", channel=2, preset=4, at=NOW, received_at=NOW, frozen=False
    )

    area = over_polygon(matrix, [(0.25, 1 / 6), (0.75, 1 / 6), (0.75, 4 / 6), (0.25, 4 / 6)])
    assert door == TemperatureReading(
        camera="kiln",
        channel=2,
        at=NOW,
        source="frame",
        rule=1,
        rule_name="door",
        preset=4,
        calibration="region",
        status="measuring",
        highest_celsius=area.highest_celsius,
        lowest_celsius=area.lowest_celsius,
        average_celsius=round(area.average_celsius or 0, 2),
        difference_kelvin=5.0 - 0.25,
        highest_at=area.highest_at,
        lowest_at=area.lowest_at,
        region=((0.25, 1 / 6), (0.75, 1 / 6), (0.75, 4 / 6), (0.25, 4 / 6)),
        unit_reported="celsius",
        frozen=False,
    )
    assert (line.rule, line.rule_name, line.calibration, line.highest_celsius) == (2, None, "line", 21.75)
    assert (motor.calibration, motor.point_celsius, motor.highest_celsius) == ("point", 27.0, None)


def test_without_rules_the_whole_picture_is_one_reading(matrix: Matrix) -> None:
    (reading,) = rule_readings(matrix, {}, frozen=True)

    assert (reading.rule, reading.calibration, reading.region) == (None, None, ())
    assert (reading.highest_celsius, reading.lowest_celsius, reading.average_celsius) == (31.75, 20.0, 25.88)
    assert reading.centre_celsius == 20 + 0.25 * (3 * 8 + 4)
    assert reading.frozen is True


def test_a_rule_over_broken_pixels_says_nothing(matrix: Matrix) -> None:
    matrix[:] = np.nan
    region, point = rule_readings(
        matrix, {1: {"type": "region", "points": [[0, 0], [1, 0], [1, 1]]}, 2: {"type": "point", "points": [[0, 0]]}}
    )

    assert (region.highest_celsius, region.difference_kelvin, region.highest_at) == (None, None, None)
    assert point.point_celsius is None
