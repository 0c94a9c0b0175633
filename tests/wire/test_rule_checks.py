"""Mistakes in a rules document: each told with its path, all at once, before anything is sent."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import Point

from hik_thermal_plugin.wire.rule_checks import check_rules
from hik_thermal_plugin.wire.rule_shapes import shape_problem

SQUARE = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]


def told(wanted: dict[Any, Any], current: dict[str, Any] | None = None) -> list[str]:
    return [str(mistake) for mistake in check_rules(wanted, current)]


def test_a_document_without_mistakes() -> None:
    wanted = {
        "mode": "expert",
        "roi": True,
        "basic": {"unit": "kelvin", "emissivity": 1, "distance_m": 0, "reflected_celsius": None, "range": "-20~150"},
        "regions": {
            1: {"name": "d" * 32, "type": "region", "points": SQUARE},
            "2": {"type": "point", "points": [(0, 1)]},
        },
        "alarm_rules": {
            1: {"quantity": "highest", "condition": "above", "pre_alarm_celsius": 60, "alarm_celsius": 60},
            2: {"quantity": "lowest", "condition": "below", "pre_alarm_celsius": 5, "alarm_celsius": -3.5},
            3: {"quantity": "difference", "condition": "above", "pre_alarm_kelvin": 5, "alarm_kelvin": 8},
        },
        "difference_rules": {1: {"rule": 1, "other_rule": 2, "alarm_kelvin": 4}},
        "pixel_to_pixel": {"bytes_per_value": 2, "visible_picture": False},
        "fire_detection": False,
    }

    assert told(wanted) == []


@pytest.mark.parametrize(
    ("wanted", "mistake"),
    [
        ({"mod": "expert"}, "mod: is not known; did you mean mode?"),
        ({5: 1}, "5: is not known; known are mode, roi, fire_detection, basic, pixel_to_pixel, regions, alarm_rules, difference_rules"),
        ({"mode": "export"}, "mode: expected normal or expert, got 'export'"),
        ({"fire_detection": 1}, "fire_detection: expected true or false, got 1"),
        ({"basic": None}, "basic: expected a mapping, got None"),
        ({"regions": [1]}, "regions: expected a mapping, got [1]"),
        ({"basic": {"emissivity": 1.5}}, "basic.emissivity: expected 0.01 to 1, got 1.5"),
        ({"basic": {"emissivity": "high"}}, "basic.emissivity: expected a number, got 'high'"),
        ({"basic": {"alarm_celsius": float("nan")}}, "basic.alarm_celsius: expected a number, got nan"),
        ({"basic": {"alarm_celsius": None}}, "basic.alarm_celsius: expected a number, got None"),
        ({"basic": {"alarm_seconds": 1.5}}, "basic.alarm_seconds: expected a whole number, got 1.5"),
        ({"basic": {"alarm_seconds": -1}}, "basic.alarm_seconds: expected 0 to 3600, got -1"),
        ({"basic": {"unit": "degrees"}}, "basic.unit: expected celsius, fahrenheit or kelvin, got 'degrees'"),
        ({"basic": {"enabled": "yes"}}, "basic.enabled: expected true or false, got 'yes'"),
        ({"basic": {True: 1}}, "basic.True: is not known; known are enabled, unit, range, emissivity, distance_m,"),
        ({"basic": {"pre_alarm_celsius": 60, "alarm_celsius": 50}}, "basic.pre_alarm_celsius: 60 comes after the alarm (50, condition above)"),
        ({"regions": {0: {}}}, "regions.0: expected a number from 1 to 255"),
        ({"regions": {True: {}}}, "regions.True: expected a number from 1 to 255"),
        ({"regions": {"one": {}}}, "regions.one: expected a number from 1 to 255"),
        ({"regions": {1: {}, "1": {}}}, "regions.1: is there twice"),
        ({"regions": {1: 5}}, "regions.1: expected a mapping, got 5"),
        ({"regions": {1: {"name": "a\nb"}}}, r"regions.1.name: has control characters: 'a\nb'"),
        ({"regions": {1: {"name": "x" * 33}}}, "regions.1.name: has 33 characters; the camera takes 32"),
        ({"regions": {1: {"name": 5}}}, "regions.1.name: expected text, got 5"),
        ({"regions": {1: {"type": "circle"}}}, "regions.1.type: expected point or line or region, got 'circle'"),
        ({"regions": {1: {"points": "0.1,0.2"}}}, "regions.1.points: expected a list of [x, y], got '0.1,0.2'"),
        ({"regions": {1: {"points": [0.1, 0.2]}}}, "regions.1.points: expected a list of [x, y], got [0.1, 0.2]"),
        ({"regions": {1: {"points": [[0.1, "0.2"]]}}}, "regions.1.points: expected a list of [x, y], got"),
        ({"regions": {1: {"points": [[0.1, float("inf")]]}}}, "regions.1.points: expected a list of [x, y], got"),
        ({"regions": {1: {"points": []}}}, "regions.1.points: expected one point or more"),
        ({"regions": {1: {"points": [[0.5, 1.2]]}}}, "regions.1.points: the point [0.5, 1.2] is outside the picture"),
        ({"regions": {1: {"type": "point", "points": SQUARE}}}, "regions.1.points: a point has 1 point, not 4"),
        ({"regions": {1: {"type": "line", "points": SQUARE}}}, "regions.1.points: a line has 2 points, not 4"),
        ({"regions": {1: {"type": "region", "points": SQUARE[:2]}}}, "regions.1.points: a region has 3 to 10 points, not 2"),
        (
            {"regions": {1: {"type": "region", "points": [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]}}},
            "regions.1.points: a region that crosses itself: side 1 meets side 3",
        ),
        ({"alarm_rules": {1: {"quantity": "hottest"}}}, "alarm_rules.1.quantity: expected highest, lowest, average, difference, got 'hottest'"),
        ({"alarm_rules": {1: {"condition": ">"}}}, "alarm_rules.1.condition: expected above or below, got '>'"),
        (
            {"alarm_rules": {1: {"condition": "below", "pre_alarm_celsius": 5, "alarm_celsius": 8}}},
            "alarm_rules.1.pre_alarm_celsius: 5 comes after the alarm (8, condition below)",
        ),
        (
            {"alarm_rules": {1: {"quantity": "difference", "alarm_kelvin": 3, "alarm_celsius": 8}}},
            "alarm_rules.1.alarm_celsius: does not go with quantity difference",
        ),
        ({"difference_rules": {1: {"rule": 4, "other_rule": 4}}}, "difference_rules.1.other_rule: a rule compared with itself (4)"),
        ({"difference_rules": {1: {"rule": 0}}}, "difference_rules.1.rule: expected 1 to 255, got 0"),
        ({"pixel_to_pixel": {"bytes_per_value": 3}}, "pixel_to_pixel.bytes_per_value: expected 2 or 4, got 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_path(wanted: dict[Any, Any], mistake: str) -> None:
    (said,) = told(wanted)

    assert said.startswith(mistake)


def test_all_mistakes_are_told() -> None:
    assert (
        len(
            told(
                {"mode": 1, "basic": {"emissivity": 2, "distance_m": -1}, "regions": {1: {"points": [[2, 2]], "x": 1}}}
            )
        )
        == 5
    )


def test_what_stays_on_the_camera_counts_too() -> None:
    there = {
        "basic": {"pre_alarm_celsius": 45.0, "alarm_celsius": 55.0},
        "regions": {1: {"type": "line", "points": SQUARE[:2]}},
    }

    assert told({"basic": {"alarm_celsius": 40}}, there) == [
        "basic.pre_alarm_celsius: 45 comes after the alarm (40, condition above)"
    ]
    assert told({"regions": {1: {"type": "region"}}}, there) == ["regions.1.points: a region has 3 to 10 points, not 2"]
    assert told({"regions": {1: {"type": "region"}}}, {"regions": {1: {"type": "line"}}}) == [
        "regions.1.points: are needed for a new type"
    ]


def test_a_rule_that_changes_its_kind_needs_its_limit() -> None:
    there = {
        "alarm_rules": {
            1: {"quantity": "highest", "condition": "above", "pre_alarm_celsius": 60.0, "alarm_celsius": 80.0}
        }
    }

    assert told({"alarm_rules": {1: {"quantity": "difference"}}}, there) == [
        "alarm_rules.1.alarm_kelvin: is needed: the limits were in celsius before"
    ]
    assert told({"alarm_rules": {1: {"quantity": "difference", "alarm_kelvin": 5}}}, there) == []
    assert told({"alarm_rules": {1: {"quantity": "lowest"}}}, there) == []
    assert told({"alarm_rules": {1: {"alarm_kelvin": 5}}}, there) == [
        "alarm_rules.1.alarm_kelvin: does not go with quantity highest"
    ]


def test_what_is_on_the_camera_already_is_no_mistake() -> None:
    there = {
        "mode": "strange",
        "basic": {"emissivity": 1.5, "pre_alarm_celsius": 60.0, "alarm_celsius": 50.0, "enabled": True},
        "regions": {
            1: {"name": "x" * 40, "type": "region", "points": [[0.5, 1.2], [0.1, 0.1], [0.9, 0.9], [0.9, 0.1]]}
        },
        "alarm_rules": {
            1: {"quantity": "highest", "condition": "above", "pre_alarm_celsius": 80.0, "alarm_celsius": 60.0}
        },
    }

    assert told(there, there) == []
    assert told({"basic": {**there["basic"], "emissivity": 1}}, there) == []  # type: ignore[dict-item]
    assert len(told({"basic": {"enabled": 1}}, there)) == 1


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((0, 0), (1, 0), (1, 1), (0, 1)), None),
        (((0, 0), (0.5, 0), (1, 0), (1, 1)), None),
        (((0.277, 0.729), (0.28, 0.735), (0.767, 0.794), (0.76, 0.312), (0.228, 0.295)), None),
        (((0, 0), (1, 1), (1, 0), (0, 1)), "crosses itself"),
        (((0, 0), (1, 0), (0.5, 0)), "crosses itself"),
        (((0, 0), (0.5, 0.5), (1, 1)), "crosses itself"),
        (((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)), "crosses itself"),
        (((0, 0), (1, 0), (0, 0)), "lie on one another"),
        (((0, 0), (1, 0), (0, 0.5), (1, 1), (0, 1)), "crosses itself: side 2 meets side 5"),
        (((1, 0), (0, 0), (1, 0.5), (0, 1), (1, 1)), "crosses itself: side 2 meets side 5"),
        (((0, 0), (0, 1), (0.5, 0), (1, 1), (1, 0)), "crosses itself: side 2 meets side 5"),
        (((0, 1), (0, 0), (0.5, 1), (1, 0), (1, 1)), "crosses itself: side 2 meets side 5"),
        (((0.1, 0.08), (0.2, 0.11), (0.6, 0.23)), "crosses itself: side 1 meets side 3"),
        (((0.2, 0.2), (0.1, 0.15), (0.6, 0.4)), "crosses itself: side 1 meets side 2"),
        (((0.1, 0.15), (0.6, 0.4), (0.2, 0.2)), "crosses itself: side 1 meets side 2"),
    ],
)
def test_regions_that_are_none(points: tuple[Point, ...], words: str | None) -> None:
    problem = shape_problem("region", points)

    assert (problem is None) if words is None else (problem is not None and words in problem)


@pytest.mark.parametrize(
    ("points", "crosses"),
    [
        (((0, 0), (1, 0), (1, 1), (0, 1)), False),
        (((0, 0), (0.4, 0.1), (1, 1), (0.9, 0), (0.2, 0.7)), True),
        (((0, 0), (1, 1), (1, 0), (0, 1)), True),
        (((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)), True),
        (((0, 0), (0.5, 0), (1, 0), (1, 1)), False),
        (((0, 0), (1, 0), (1, 1), (0.4, 0), (0.6, 0), (0, 1)), True),
    ],
)
def test_whether_a_region_crosses_itself_does_not_depend_on_how_it_is_held(
    points: tuple[Point, ...], crosses: bool
) -> None:
    for first, turned, mirrored, other in itertools.product(range(len(points)), *[(False, True)] * 3):
        same = [*points[first:], *points[:first]][:: -1 if turned else 1]
        same = [(1 - x, y) if mirrored else (x, y) for x, y in same]
        same = [(y, x) if other else (x, y) for x, y in same]
        assert ("crosses itself" in (shape_problem("region", same) or "")) is crosses, same


def test_a_line_needs_two_places() -> None:
    assert shape_problem("line", ((0.5, 0.5), (0.5, 0.5))) == "a line whose points lie on one another"
    assert shape_problem("something new", ()) is None


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.one_of(st.integers(1, 3), st.sampled_from(
        ["1", "name", "type", "points", "quantity", "condition", "alarm_celsius", "alarm_kelvin", "pre_alarm_celsius", "rule", "other_rule"]
    )), inner, max_size=4),
)  # fmt: skip


@pytest.mark.slow
@given(
    st.dictionaries(st.sampled_from(["mode", "basic", "regions", "alarm_rules", "difference_rules", "pixel_to_pixel"]), anything),
    st.dictionaries(st.sampled_from(["basic", "regions", "alarm_rules"]), anything),
)  # fmt: skip
def test_whatever_is_wanted_mistakes_come_as_words(wanted: dict[str, Any], current: dict[str, Any]) -> None:
    assert all(line for line in told(wanted, current))
