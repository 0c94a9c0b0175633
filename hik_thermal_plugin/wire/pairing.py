"""Which hottest point lies in which outline: how one fire told in two targets becomes one again."""

from __future__ import annotations

from collections.abc import Mapping

from nvr_hooks import Point

Outline = tuple[Point, ...]


def partners_of(points: Mapping[int, Outline], outlines: Mapping[int, Outline]) -> dict[int, int]:
    """Return point -> outline by their keys: for each point the only outline left that it lies in.

    A point that lies in several outlines gets what the others leave over; what stays ambiguous stays apart: unknown rather than wrong.
    """
    around = {
        point: {key for key, outline in outlines.items() if is_inside(place, outline)}
        for point, place in points.items()
    }
    partners: dict[int, int] = {}
    while True:
        claims: dict[int, list[int]] = {}
        for point, candidates in around.items():
            if len(candidates) == 1:
                claims.setdefault(next(iter(candidates)), []).append(point)
        new = {claimants[0]: outline for outline, claimants in claims.items() if len(claimants) == 1}
        if not new:
            return partners
        partners |= new
        taken = set(new.values())
        around = {point: candidates - taken for point, candidates in around.items() if point not in new}


def is_inside(place: Outline, outline: Outline) -> bool:
    """Tell whether a single point lies in an outline of three or more, or on its edge; any unit, both alike."""
    if len(place) != 1 or len(outline) < 3:
        return False
    x, y = place[0]
    inside = False
    ax, ay = outline[-1]
    for bx, by in outline:
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if turn == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return True
        if (ay > y) != (by > y) and (turn > 0) == (by > ay):
            inside = not inside
        ax, ay = bx, by
    return inside
