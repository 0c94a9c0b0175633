"""Points, lines and regions of measuring rules: read and changed in the device's document, and checked.

The device counts to 1000 (or to the document's `normalizedScreenSize`) with the Y axis upwards (isapi.md 6.4, 8.2); everywhere else in this
package coordinates are 0…1 from the top left. This is the one place where the axis is turned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations

from nvr_hooks import Point

from .rule_fields import ABSENT, Field, insert_after
from .units import Unit
from .xml import Element, child, children, descendant, number, text

CORNERS = {"point": (1, 1), "line": (2, 2), "region": (3, 10)}
"""Fewest and most points of each type; ten is what the vendor's NET_VCA_POLYGON holds."""
_POINT = ("Point", "CalibratingCoordinates")
_LIST = ("Region", "RegionCoordinatesList")


@dataclass(frozen=True)
class Outline(Field):
    """The points of a rule, as a list of [x, y]."""

    def read(self, node: Element, unit: Unit) -> object:
        """Return the points that the rule's type names."""
        wide, high = _scale(node)
        points = []
        for place in _places(node):
            x, y = number(place, "positionX"), number(place, "positionY")
            if x is None or y is None:
                return ABSENT
            points.append([round(x / wide, 6), round((high - y) / high, 6)])
        return points or ABSENT

    def write(self, node: Element, value: object, unit: Unit) -> bool:
        """Move, add and take away points until they are these; a container of the other type gives way."""
        points = points_of(value)
        wide, high = _scale(node)
        wanted = [(round(x * wide), round((1 - y) * high)) for x, y in points]
        there = [(number(place, "positionX"), number(place, "positionY")) for place in _places(node)]
        if there == wanted:
            return False
        places = self._make_room(node, len(wanted))
        for place, position in zip(places, wanted, strict=True):
            for name, count in zip(("positionX", "positionY"), position, strict=True):
                found = child(place, name)
                if found is None:
                    found = _append(place, name)
                found.text = str(count)
        return True

    def problem(self, value: object) -> str | None:
        """Accept points within the picture."""
        try:
            points = points_of(value)
        except (TypeError, ValueError):
            return f"expected a list of [x, y], got {value!r}"
        if not points:
            return "expected one point or more"
        for x, y in points:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                return f"the point [{x:g}, {y:g}] is outside the picture: coordinates are 0…1 from the top left"
        return None

    def _make_room(self, node: Element, count: int) -> list[Element]:
        single = (text(node, "type") or "").lower() == "point"
        wanted, other = (_POINT, _LIST) if single else (_LIST, _POINT)
        holder = child(node, wanted[0])
        if holder is None:
            old = child(node, other[0])
            holder = insert_after(child(node, "type") if old is None else old, wanted[0])
            if old is not None:
                node.remove(old)
        inner = child(holder, wanted[1])
        if inner is None:
            inner = _append(holder, wanted[1])
        if single:
            return [inner]
        places = children(inner, "RegionCoordinates")
        for place in places[count:]:
            inner.remove(place)
        while len(places) < count:
            if places:
                made = deepcopy(places[-1])
                inner.insert(inner.index(places[-1]) + 1, made)
            else:
                made = _append(inner, "RegionCoordinates")
            places.append(made)
        if inner.get("size") is not None:
            inner.set("size", str(count))
        return places[:count]


def points_of(value: object) -> tuple[Point, ...]:
    """Return points given as any sequence of pairs; TypeError or ValueError when they are not."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError("no list")
    points = []
    for pair in value:
        if not isinstance(pair, Sequence) or isinstance(pair, (str, bytes)) or len(pair) != 2:
            raise TypeError("no pair")
        if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in pair):
            raise TypeError("no numbers")
        x, y = float(pair[0]), float(pair[1])
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError("not finite")
        points.append((x, y))
    return tuple(points)


def shape_problem(kind: object, points: Sequence[Point]) -> str | None:
    """Say what keeps points from being a rule of this type: their number, an empty area, sides that cross."""
    if kind not in CORNERS:
        return None
    low, high = CORNERS[str(kind)]
    if not low <= len(points) <= high:
        expected = str(low) if low == high else f"{low} to {high}"
        return f"a {kind} has {expected} point{'' if high == 1 else 's'}, not {len(points)}"
    if len(set(points)) < len(points):
        return f"a {kind} whose points lie on one another"
    if kind == "region":
        sides = list(zip(points, (*points[1:], points[0]), strict=True))
        for first, second in combinations(range(len(sides)), 2):
            neighbours = second - first == 1 or (first == 0 and second == len(sides) - 1)
            if (_folded if neighbours else _cross)(*sides[first], *sides[second]):
                return f"a region that crosses itself: side {first + 1} meets side {second + 1}"
        if abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in sides)) < 1e-6:
            return "a region without any area"
    return None


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two sides that are no neighbours meet."""
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((a, b, c, turns[0]), (a, b, d, turns[1]), (c, d, a, turns[2]), (c, d, b, turns[3]))
    return any(turn == 0 and _within(start, end, point) for start, end, point, turn in ends)


def _folded(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two neighbours lie on one another beyond their common end."""
    shared, one, other = (b, a, d) if b == c else (a, b, c)
    return _turn(shared, one, other) == 0 and (_within(shared, one, other) or _within(shared, other, one))


def _turn(a: Point, b: Point, c: Point) -> float:
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0.0 if abs(cross) < 1e-12 else cross


def _within(a: Point, b: Point, p: Point) -> bool:
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _places(node: Element) -> list[Element]:
    kind = (text(node, "type") or "").lower()
    single = child(node, *_POINT)
    if kind == "point" or (kind not in CORNERS and single is not None):
        return [] if single is None else [single]
    return children(child(node, *_LIST), "RegionCoordinates")


def _scale(node: Element) -> tuple[float, float]:
    size = descendant(node.getroottree().getroot(), "normalizedScreenSize")
    wide, high = number(size, "normalizedScreenWidth"), number(size, "normalizedScreenHeight")
    return (wide if wide is not None and wide >= 1 else 1000.0), (high if high is not None and high >= 1 else 1000.0)


def _append(parent: Element, name: str) -> Element:
    """Add a child, with the namespace of its parent."""
    made = parent.makeelement(parent.tag[: parent.tag.index("}") + 1] + name if parent.tag[0] == "{" else name)
    parent.append(made)
    return made
