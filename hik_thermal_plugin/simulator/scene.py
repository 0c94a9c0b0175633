"""The one thermal scene before the camera: a matrix in °C, from which pictures, rule values and alarms are read.

Coordinates are 0…1 from the top left corner. A base that breathes slowly, heated rules over it, fires on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .models import Point, Quantity, Rule

Matrix = NDArray[np.float32]
Area = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns of the pixels that something covers."""

FIRE_WIDTH, FIRE_HEIGHT = 0.04, 0.05
_BREATH_SECONDS = 60.0
_STEP_SECONDS = 0.5  # readings within half a second agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """A burning spot: its region number, hottest place, temperature, and distance (None: the camera cannot tell)."""

    region: int
    x: float
    y: float
    celsius: float
    distance_m: float | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height, within the picture."""
        left, right = max(0.0, self.x - FIRE_WIDTH / 2), min(1.0, self.x + FIRE_WIDTH / 2)
        top, bottom = max(0.0, self.y - FIRE_HEIGHT / 2), min(1.0, self.y + FIRE_HEIGHT / 2)
        return left, top, right - left, bottom - top


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a rule measures, in °C, and where its hottest and coldest places are."""

    highest: float
    lowest: float
    average: float
    hottest: Point
    coldest: Point

    def of(self, quantity: Quantity) -> float:
        """The value a rule compares."""
        match quantity:
            case "highest":
                return self.highest
            case "lowest":
                return self.lowest
            case "average":
                return self.average
            case _:
                return self.highest - self.lowest


class Scene:
    """Temperatures of `shape` (height, width) pixels; `clock` gives seconds."""

    def __init__(self, shape: tuple[int, int], rules: tuple[Rule, ...], clock: Callable[[], float]) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self.fires: dict[int, Fire] = {}
        self.smoke: Point | None = None
        self.version = 0
        self._shape = shape
        self._clock = clock
        self._targets: dict[int, tuple[str, float]] = {}
        self._areas = {rule.id: _area(shape, rule) for rule in rules}
        self._frozen: tuple[Matrix, dict[int, Fire], Point | None, int] | None = None
        self._seen: tuple[int, float, Matrix] | None = None
        rows, columns = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
        self._base = (19.0 + 4.0 * rows + 1.5 * np.sin(columns * 9.0) * np.cos(rows * 7.0)).astype(np.float32)
        warm = np.exp(-(((columns - 0.45) / 0.12) ** 2 + ((rows - 0.6) / 0.1) ** 2))
        warm += np.exp(-(((columns - 0.8) / 0.08) ** 2 + ((rows - 0.27) / 0.09) ** 2))
        self._warm = warm.astype(np.float32)

    @property
    def frozen(self) -> bool:
        """Whether the scene stands still, as while the shutter calibrates."""
        return self._frozen is not None

    @property
    def seen_version(self) -> int:
        """Which version of the scene the camera sees: that of the moment when it froze, else the present one."""
        return self.version if self._frozen is None else self._frozen[3]

    @property
    def seen_fires(self) -> dict[int, Fire]:
        """The fires the camera sees: those of the moment when the scene froze, else those burning."""
        return self.fires if self._frozen is None else self._frozen[1]

    @property
    def seen_smoke(self) -> Point | None:
        """Where the camera sees smoke, by the same rule."""
        return self.smoke if self._frozen is None else self._frozen[2]

    def watch(self, rules: Iterable[Rule]) -> None:
        """Measure these rules from now on; what a rule was brought to stays while it is there."""
        new = {rule.id: rule for rule in rules}
        same = {number for number, rule in new.items() if _outline(self.rules.get(number)) == _outline(rule)}
        self._areas = {
            number: self._areas[number] if number in same else _area(self._shape, rule) for number, rule in new.items()
        }
        self._targets = {number: target for number, target in self._targets.items() if number in new}
        self.rules = new
        self.version += 1

    def ignite(self, x: float, y: float, celsius: float, distance_m: float | None) -> Fire:
        """Light a fire; it gets the lowest free region number."""
        region = next(number for number in range(1, len(self.fires) + 2) if number not in self.fires)
        fire = Fire(region=region, x=x, y=y, celsius=celsius, distance_m=distance_m)
        self.fires = {**self.fires, region: fire}
        self.version += 1
        return fire

    def extinguish(self, region: int | None = None) -> None:
        """Put one fire out, or all fires and the smoke."""
        self.fires = {number: fire for number, fire in self.fires.items() if region not in (None, number)}
        if region is None:
            self.smoke = None
        self.version += 1

    def set_smoke(self, place: Point) -> None:
        """Let smoke rise until `extinguish`."""
        self.smoke = place
        self.version += 1

    def set_rule(self, rule: int, celsius: float) -> None:
        """Bring what the rule watches (its highest, lowest or average temperature) to `celsius`."""
        if rule in self.rules:  # it may have been switched off since the step was read
            quantity = self.rules[rule].quantity
            self._targets = {**self._targets, rule: ("highest" if quantity == "difference" else quantity, celsius)}
            self.version += 1

    def set_difference(self, rule: int, other: int, kelvin: float) -> None:
        """Bring the rule's highest temperature to `kelvin` above the other's, which stays as it is from now on."""
        if rule not in self.rules or other not in self.rules:
            return
        held = self._targets.get(other, ("highest", round(self.reading(other).highest, 1)))
        self._targets = {**self._targets, other: held}
        self.version += 1
        self._targets[rule] = ("highest", round(self.reading(other).highest + kelvin, 1))
        self.version += 1

    def freeze(self) -> None:
        """Let the scene stand still: what happens from now on is seen after `unfreeze`."""
        if self._frozen is None:
            self._frozen = (self.matrix(), self.fires, self.smoke, self.version)

    def unfreeze(self) -> None:
        """Let the scene go on."""
        self._frozen = None
        self.version += 1

    def matrix(self) -> Matrix:
        """All temperatures in °C, shape (height, width), not to be written to."""
        if self._frozen is not None:
            return self._frozen[0]
        moment = math.floor(self._clock() / _STEP_SECONDS) * _STEP_SECONDS
        if self._seen is None or self._seen[:2] != (self.version, moment):
            matrix = self._paint(moment)
            matrix.flags.writeable = False
            self._seen = (self.version, moment, matrix)
        return self._seen[2]

    def reading(self, rule: int) -> Reading:
        """Measure one rule."""
        return _measure(self.matrix(), self._areas[rule])

    def measure(self, rule: Rule) -> Reading:
        """Measure a rule that need not be among those of the scene."""
        return _measure(self.matrix(), _area(self._shape, rule))

    def at(self, place: Point) -> float:
        """The temperature at a place."""
        height, width = self._shape
        return float(self.matrix()[min(int(place[1] * height), height - 1), min(int(place[0] * width), width - 1)])

    def difference(self, rule: int, other: int, quantity: Quantity = "highest") -> float:
        """How many kelvin the rule's highest (or other) temperature is above the other's."""
        return self.reading(rule).of(quantity) - self.reading(other).of(quantity)

    def hottest(self) -> tuple[Point, float]:
        """The hottest place of the whole picture, and its temperature."""
        matrix = self.matrix()
        index = int(matrix.argmax())
        height, width = self._shape
        place = (index % width + 0.5) / width, (index // width + 0.5) / height
        return place, float(matrix.flat[index])

    def _paint(self, moment: float) -> Matrix:
        breath = 5.0 + 1.0 * math.sin(2 * math.pi * moment / _BREATH_SECONDS)
        matrix: Matrix = self._base + np.float32(breath) * self._warm
        for number, (quantity, celsius) in self._targets.items():
            _bring(matrix, self._areas[number], quantity, celsius)
        for fire in self.fires.values():
            self._burn(matrix, fire)
        return matrix

    def _burn(self, matrix: Matrix, fire: Fire) -> None:
        height, width = self._shape
        left, top, wide, high = fire.box
        rows = slice(int(top * height), max(int((top + high) * height), int(top * height) + 1))
        columns = slice(int(left * width), max(int((left + wide) * width), int(left * width) + 1))
        peak = (min(int(fire.y * height), height - 1), min(int(fire.x * width), width - 1))
        mask = np.zeros(self._shape, bool)
        mask[rows, columns] = True
        mask[peak] = True
        _blend(matrix, _pixels(mask), peak, fire.celsius)


def to_tenths(reading: Reading) -> Reading:
    """The reading to the tenth of a degree, the way the camera tells temperatures."""
    return replace(
        reading,
        highest=round(reading.highest, 1),
        lowest=round(reading.lowest, 1),
        average=round(reading.average, 1),
    )


def _outline(rule: Rule | None) -> tuple[object, ...] | None:
    return None if rule is None else (rule.calibration, rule.points)


def _area(shape: tuple[int, int], rule: Rule) -> Area:
    height, width = shape
    pixels = [(min(int(x * width), width - 1), min(int(y * height), height - 1)) for x, y in rule.points]
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    match rule.calibration:
        case "point":
            draw.point(pixels, fill=1)
        case "line":
            draw.line(pixels, fill=1)
        case "region":
            draw.polygon(pixels, fill=1, outline=1)
    return _pixels(np.asarray(image).astype(bool))


def _pixels(mask: NDArray[np.bool_]) -> Area:
    rows, columns = np.nonzero(mask)
    return rows, columns


def _measure(matrix: Matrix, area: Area) -> Reading:
    values = matrix[area]
    high, low = int(values.argmax()), int(values.argmin())
    height, width = matrix.shape

    def place(index: int) -> Point:
        return (float(area[1][index]) + 0.5) / width, (float(area[0][index]) + 0.5) / height

    return Reading(
        highest=float(values[high]),
        lowest=float(values[low]),
        average=float(values.mean(dtype=np.float64)),
        hottest=place(high),
        coldest=place(low),
    )


def _bring(matrix: Matrix, area: Area, quantity: str, celsius: float) -> None:
    reading = _measure(matrix, area)
    match quantity:
        case "highest" if celsius > reading.highest:
            _blend(matrix, area, _centre(area), celsius)
        case "lowest" if celsius < reading.lowest:
            _blend(matrix, area, _centre(area), celsius)
        case "highest":
            matrix[area] += np.float32(celsius - reading.highest)
        case "lowest":
            matrix[area] += np.float32(celsius - reading.lowest)
        case _:
            matrix[area] += np.float32(celsius - reading.average)


def _blend(matrix: Matrix, area: Area, peak: tuple[int, int], celsius: float) -> None:
    """Lead the area towards `celsius`, which the peak reaches exactly and no other pixel passes."""
    distance = (area[0] - peak[0]) ** 2 + (area[1] - peak[1]) ** 2
    weight = np.exp(-distance / max(float(distance.max()) / 3.0, 1.0)).astype(np.float32)
    values = matrix[area]
    matrix[area] = values + (np.float32(celsius) - values) * weight
    matrix[peak] = celsius


def _centre(area: Area) -> tuple[int, int]:
    rows, columns = area
    middle = int(((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2).argmin())
    return int(rows[middle]), int(columns[middle])
