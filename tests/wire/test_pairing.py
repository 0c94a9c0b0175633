"""Which point lies in which outline, at corners, on edges and where outlines overlap (guide 8.2)."""

from __future__ import annotations

import pytest
from nvr_hooks import Point

from hik_thermal_plugin.wire.pairing import is_inside, partners_of

SQUARE = ((0, 0), (10, 0), (10, 10), (0, 10))
ARROW = ((0, 0), (10, 0), (5, 5), (10, 10), (0, 10))
TURNED = ((5, 0), (10, 5), (5, 10), (0, 5))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("outline", "inside", "outside"),
    [
        (SQUARE, [(5, 5), (0, 0), (10, 10), (10, 0), (0, 10), (0, 5), (5, 0), (10, 5), (5, 10), (1, 9)],
         [(11, 5), (-1, 5), (5, -1), (5, 11), (11, 10), (-1, 0), (11, 0), (10, 11)]),
        (ARROW, [(1, 5), (5, 5), (4, 5), (7, 3), (9, 1), (6, 9)],
         [(6, 5), (8, 5), (9, 4), (9, 6), (-1, 5), (12, 12)]),
        (TURNED, [(5, 5), (5, 0), (10, 5), (7, 7), (7.5, 7.5), (1, 5), (9, 5)],
         [(1, 1), (9, 1), (8, 8), (11, 5), (-1, 5), (12, -2), (2, 8.5), (0, 0), (10, 0)]),
    ],
)  # fmt: skip
def test_inside_outside_and_on_the_edge(
    outline: tuple[Point, ...], inside: list[Point], outside: list[Point], backwards: bool
) -> None:
    around = outline[::-1] if backwards else outline

    assert [place for place in inside if not is_inside((place,), around)] == []
    assert [place for place in outside if is_inside((place,), around)] == []


def test_only_a_single_point_lies_in_an_outline_of_three_or_more() -> None:
    assert is_inside(((1, 1),), ((0, 0), (4, 0), (0, 4)))
    assert not is_inside(((1, 1),), ((0, 0), (2, 2)))
    assert not is_inside(((1, 1), (2, 2)), SQUARE)
    assert not is_inside((), SQUARE)


def box(at: int, size: int) -> tuple[Point, ...]:
    return ((at, at), (at + size, at), (at + size, at + size), (at, at + size))


def test_what_the_others_leave_over_is_a_partner_too() -> None:
    outlines = {10: box(0, 30), 11: box(20, 30), 12: box(40, 30)}
    points = {1: ((45.0, 45.0),), 2: ((25.0, 25.0),), 3: ((5.0, 5.0),)}

    assert partners_of(points, outlines) == {3: 10, 2: 11, 1: 12}
    assert partners_of({2: points[2], 3: points[3]}, outlines) == {3: 10, 2: 11}
    assert partners_of({1: points[1], 2: points[2]}, outlines) == {}


def test_two_in_one_and_one_in_none_stay_apart() -> None:
    outlines = {10: box(0, 10), 11: box(100, 10)}

    assert partners_of({1: ((1, 1),), 2: ((2, 2),), 3: ((105, 105),), 4: ((50, 50),)}, outlines) == {3: 11}
    assert partners_of({}, outlines) == {}
    assert partners_of({1: ((1, 1),)}, {}) == {}
