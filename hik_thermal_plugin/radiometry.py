"""What a radiometric matrix tells: the temperature at a point, and highest, lowest and mean with their places over a line, box, polygon or all.

A matrix is float32 °C of shape (height, width), row 0 at the top: an array, or the memoryview of a `ThermalFrame`. Coordinates are 0…1 from
the top left. A pixel is named by its centre, ((column + 0.5) / width, (row + 0.5) / height); a point means the pixel it lies in.
NaN and infinite values are passed over and counted: `Statistics.invalid` says how many were not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from nvr_hooks import Calibration, LineAt, Point, PointAt, TemperatureReading, Where, WrongUse, now

Matrix = NDArray[np.float32]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Temperatures of a set of pixels; every value is None when none of them is valid."""

    pixels: int
    """How many pixels belong to it."""
    valid: int
    """How many of them hold a finite number: only these count."""
    highest_celsius: float | None = None
    lowest_celsius: float | None = None
    average_celsius: float | None = None
    highest_at: Point | None = None
    lowest_at: Point | None = None

    @property
    def invalid(self) -> int:
        """How many pixels are NaN or infinite."""
        return self.pixels - self.valid

    @property
    def spread_kelvin(self) -> float | None:
        """Highest minus lowest."""
        if self.highest_celsius is None or self.lowest_celsius is None:
            return None
        return self.highest_celsius - self.lowest_celsius


def as_matrix(matrix: memoryview | Matrix) -> Matrix:
    """Return the temperatures as an array of shape (height, width); costs nothing for float32. WrongUse when it has another shape."""
    found: Matrix = np.asarray(matrix, dtype=np.float32)
    if found.ndim != 2 or not found.size:
        raise WrongUse(f"a matrix has rows and columns; this one has the shape {found.shape}")
    return found


def value_at(matrix: memoryview | Matrix, at: Point) -> float | None:
    """Return the temperature of the pixel a point lies in; None when it is invalid."""
    found = as_matrix(matrix)
    column, row = _pixel(found, at)
    value = float(found[row, column])
    return value if math.isfinite(value) else None


def over_all(matrix: memoryview | Matrix) -> Statistics:
    """Return the statistics of the whole picture; of several hottest pixels the first in reading order is named."""
    found = as_matrix(matrix)
    return _statistics(found, slice(0, found.shape[0]), slice(0, found.shape[1]), None)


def over_line(matrix: memoryview | Matrix, start: Point, end: Point) -> Statistics:
    """Return the statistics of the pixels under a line: one for each step along its longer axis, both ends included."""
    found = as_matrix(matrix)
    (column, row), (last_column, last_row) = _pixel(found, start), _pixel(found, end)
    steps = max(abs(last_column - column), abs(last_row - row)) + 1
    columns = np.rint(np.linspace(column, last_column, steps)).astype(np.intp)
    rows = np.rint(np.linspace(row, last_row, steps)).astype(np.intp)
    summary = _summary(found[rows, columns])
    places = [
        None if index is None else _place(found, int(rows[index]), int(columns[index])) for index in summary.indices
    ]
    return _told(summary, places)


def over_box(matrix: memoryview | Matrix, left: float, top: float, right: float, bottom: float) -> Statistics:
    """Return the statistics of the pixels whose centre lies in a box; a box between centres means the pixel its middle lies in."""
    found = as_matrix(matrix)
    for at in ((left, top), (right, bottom)):
        _pixel(found, at)
    if right < left or bottom < top:
        raise WrongUse(
            f"a box from ({left}, {top}) to ({right}, {bottom}): the second corner is right of and below the first"
        )
    height, width = found.shape
    rows, columns = _span(top, bottom, height), _span(left, right, width)
    return _statistics(found, rows, columns, None)


def over_polygon(matrix: memoryview | Matrix, points: Sequence[Point]) -> Statistics:
    """Return the statistics of the pixels whose centre lies in a polygon (even-odd rule where it crosses itself).

    A polygon too small to hold a centre means the pixel that the mean of its corners lies in.
    """
    found = as_matrix(matrix)
    if len(points) < 3:
        raise WrongUse(f"a region has three corners or more, this one {len(points)}")
    for at in points:
        _pixel(found, at)
    rows, columns, mask = _polygon(found.shape[0], found.shape[1], tuple((float(x), float(y)) for x, y in points))
    return _statistics(found, rows, columns, mask)


def measure(matrix: memoryview | Matrix, where: Where) -> Statistics:
    """Return the statistics of a point (one pixel), line or region."""
    if isinstance(where, PointAt):
        found = as_matrix(matrix)
        column, row = _pixel(found, where.at)
        return _statistics(found, slice(row, row + 1), slice(column, column + 1), None)
    if isinstance(where, LineAt):
        return over_line(matrix, where.start, where.end)
    return over_polygon(matrix, where.points)


def difference(
    first: Statistics, second: Statistics, quantity: Literal["highest", "lowest", "average"] = "highest"
) -> float | None:
    """Return by how many kelvin the first area is hotter than the second; None when one of them has no valid pixel."""
    one, other = getattr(first, f"{quantity}_celsius"), getattr(second, f"{quantity}_celsius")
    return None if one is None or other is None else one - other


def rule_readings(
    matrix: memoryview | Matrix,
    rules: Mapping[int, Mapping[str, object]],
    *,
    camera: str = "",
    channel: int | None = None,
    preset: int | None = None,
    at: datetime | None = None,
    received_at: datetime | None = None,
    frozen: bool | None = None,
) -> list[TemperatureReading]:
    """Compute what the measuring rules would say from one frame, for cameras that tell neither live nor when polled.

    `rules` is `regions` of the rules document (type, points, name by id); disabled ones are left out. Without rules there is one reading of
    the whole picture, with the temperature at its centre. Temperatures are rounded to 0.01 K, finer than any of these detectors is.
    """
    found = as_matrix(matrix)
    arrived = received_at or now()

    def reading(
        area: Statistics, rule: int | None = None, calibration: Calibration | None = None
    ) -> TemperatureReading:
        said = rules.get(rule, {}) if rule is not None else {}
        name = said.get("name")
        return TemperatureReading(
            camera=camera,
            channel=channel,
            at=at,
            received_at=arrived,
            source="frame",
            rule=rule,
            rule_name=name if isinstance(name, str) and name else None,
            preset=preset,
            calibration=calibration,
            status="measuring",
            highest_celsius=_rounded(area.highest_celsius) if calibration != "point" else None,
            lowest_celsius=_rounded(area.lowest_celsius) if calibration != "point" else None,
            average_celsius=_rounded(area.average_celsius) if calibration != "point" else None,
            point_celsius=_rounded(area.average_celsius) if calibration == "point" else None,
            centre_celsius=_rounded(value_at(found, (0.5, 0.5))) if rule is None else None,
            difference_kelvin=_rounded(area.spread_kelvin) if calibration != "point" else None,
            highest_at=area.highest_at,
            lowest_at=area.lowest_at,
            region=_corners(said),
            unit_reported="celsius",
            frozen=frozen,
        )

    if not rules:
        return [reading(over_all(found))]
    readings = []
    for rule, said in rules.items():
        corners = _corners(said)
        if said.get("enabled", True) is not True or not corners:
            continue
        if said.get("type") == "point":
            readings.append(reading(measure(found, PointAt(at=corners[0])), rule, "point"))
        elif said.get("type") == "line" and len(corners) >= 2:
            readings.append(reading(over_line(found, corners[0], corners[1]), rule, "line"))
        elif said.get("type") == "region" and len(corners) >= 3:
            readings.append(reading(over_polygon(found, corners), rule, "region"))
    return readings


@dataclass(frozen=True, slots=True)
class _Summary:
    pixels: int
    valid: int
    highest: float | None = None
    lowest: float | None = None
    average: float | None = None
    indices: tuple[int | None, int | None] = (None, None)


def _summary(values: Matrix) -> _Summary:
    """Summarise an area or a list of values.

    The sum that the mean needs tells validity too: one NaN or infinity makes it non-finite, so valid data are not looked at twice. It is
    taken row by row and then in double precision. `argmax` is not used because it copies what is read-only; here everything is.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.einsum("ij->i", values) if values.ndim == 2 else np.add.reduce(values)
        total = float(np.add.reduce(rows, dtype=np.float64)) if values.ndim == 2 else float(rows)
    if math.isfinite(total):
        highest, lowest, valid, average = values.max(), values.min(), values.size, total / values.size
    else:
        finite = np.isfinite(values)
        valid = int(np.count_nonzero(finite))
        if not valid:
            return _Summary(values.size, 0)
        highest = values.max(where=finite, initial=np.float32(-np.inf))
        lowest = values.min(where=finite, initial=np.float32(np.inf))
        average = float(values.mean(where=finite, dtype=np.float64))
    indices = int((values == highest).argmax()), int((values == lowest).argmax())
    return _Summary(values.size, valid, float(highest), float(lowest), average, indices)


def _statistics(matrix: Matrix, rows: slice, columns: slice, mask: _Mask | None) -> Statistics:
    area = matrix[rows, columns]
    summary = _summary(area if mask is None else area[mask])
    inside = None if mask is None else np.flatnonzero(mask)
    places: list[Point | None] = []
    for index in summary.indices:
        if index is None:
            places.append(None)
            continue
        row, column = divmod(index if inside is None else int(inside[index]), area.shape[1])
        places.append(_place(matrix, rows.start + row, columns.start + column))
    return _told(summary, places)


def _told(summary: _Summary, places: Sequence[Point | None]) -> Statistics:
    return Statistics(
        pixels=summary.pixels,
        valid=summary.valid,
        highest_celsius=summary.highest,
        lowest_celsius=summary.lowest,
        average_celsius=summary.average,
        highest_at=places[0],
        lowest_at=places[1],
    )


@lru_cache(maxsize=64)  # the rules of a camera are measured again with every frame
def _polygon(height: int, width: int, points: tuple[Point, ...]) -> tuple[slice, slice, _Mask]:
    rows = _span(min(y for _, y in points), max(y for _, y in points), height)
    columns = _span(min(x for x, _ in points), max(x for x, _ in points), width)
    down = (np.arange(rows.start, rows.stop) + 0.5) / height
    across = (np.arange(columns.start, columns.stop) + 0.5) / width
    inside = np.zeros((down.size, across.size), dtype=np.bool_)
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        crossed = (y1 > down) != (y2 > down)
        if y1 != y2 and crossed.any():
            meets = x1 + (down[crossed] - y1) * (x2 - x1) / (y2 - y1)
            inside[crossed] ^= across < meets[:, None]
    if not inside.any():
        row = min(int(sum(y for _, y in points) / len(points) * height), height - 1)
        column = min(int(sum(x for x, _ in points) / len(points) * width), width - 1)
        return slice(row, row + 1), slice(column, column + 1), np.ones((1, 1), dtype=np.bool_)
    inside.flags.writeable = False
    return rows, columns, inside


def _span(low: float, high: float, size: int) -> slice:
    """Pixels of an axis whose centre lies in [low, high); the one pixel the middle lies in when there is none."""
    first, last = math.ceil(low * size - 0.5), math.ceil(high * size - 0.5)
    if first < last:
        return slice(first, last)
    middle = min(int((low + high) / 2 * size), size - 1)
    return slice(middle, middle + 1)


def _pixel(matrix: Matrix, at: Point) -> tuple[int, int]:
    x, y = at
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise WrongUse(f"the point ({x}, {y}) is not in the picture: coordinates are 0…1 from the top left")
    height, width = matrix.shape
    return min(int(x * width), width - 1), min(int(y * height), height - 1)


def _place(matrix: Matrix, row: int, column: int) -> Point:
    height, width = matrix.shape
    return (column + 0.5) / width, (row + 0.5) / height


def _corners(rule: Mapping[str, object]) -> tuple[Point, ...]:
    points = rule.get("points")
    if not isinstance(points, (list, tuple)):
        return ()
    return tuple((float(x), float(y)) for x, y in points)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
