"""The document of a level: what of several rules and regions stands on top, and what a restart brings back of it."""

from __future__ import annotations

import pytest
from nvr_hooks import Target, TemperatureDifferenceAlarm
from one_camera import OneCamera, fire, hot, motion

from hik_thermal_plugin.bridge.levels import kept_level


def difference(rule: int, kelvin: float, condition: str = "above") -> TemperatureDifferenceAlarm:
    return TemperatureDifferenceAlarm(
        camera="kiln", channel=2, raw_type="TMDA", rule=rule, other_rule=9, difference_kelvin=kelvin,
        threshold_kelvin=10.0, condition=condition,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(("condition", "worst"), [("above", 2), ("below", 1)])
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_greater_difference_is_on_top(condition: str, worst: int, order: tuple[int, int]) -> None:
    camera = OneCamera()
    for rule in order:
        camera.tell(difference(rule, {1: 3.0, 2: 30.0}[rule], condition))
    level = camera.level("temperature_difference")
    assert (level["rule"], level["difference_kelvin"]) == (worst, {1: 3.0, 2: 30.0}[worst])


def test_the_hottest_place_of_a_rule_is_on_top() -> None:
    camera = OneCamera()
    places = tuple(
        Target(id=number, celsius=celsius, distance_m=celsius / 10)
        for number, celsius in ((4, 50.0), (5, 70.0), (6, 60.0))
    )
    camera.tell(fire((1, 40.0)))
    camera.tell(hot(targets=places, celsius=55.0))
    assert [target["id"] for target in camera.level("temperature")["targets"]] == [4, 5, 6]
    camera.tell(fire((2, 90.0), (3, 80.0)))
    level = camera.level("fire")
    assert (level["celsius"], level["distance_m"]) == (90.0, 9.0)


def test_a_place_without_a_temperature_has_its_rules_own() -> None:
    camera = OneCamera()
    camera.tell(hot(targets=(Target(region=((0.1, 0.1), (0.2, 0.2))),), celsius=55.0))
    (target,) = camera.level("temperature")["targets"]
    assert (target["celsius"], target["id"], target["rule"]) == (55.0, None, 1)
    assert target["region"] == [[0.1, 0.1], [0.2, 0.2]]


def test_a_rule_without_a_place_is_told_without_one() -> None:
    camera = OneCamera()
    camera.tell(hot())
    (target,) = camera.level("temperature")["targets"]
    assert (target["id"], target["region"], target["rule"], target["active"]) == (None, [], 1, True)


@pytest.mark.parametrize(("order", "top"), [((1, 2), 2), ((2, 1), 1), ((1, 2, 1), 1)])
def test_of_two_rules_as_hot_the_later_one_is_on_top(order: tuple[int, ...], top: int) -> None:
    camera = OneCamera()
    for rule in order:
        camera.now += 1
        camera.tell(hot(rule))
    assert camera.level("temperature")["rule"] == top


@pytest.mark.parametrize(("condition", "held"), [("above", False), ("below", False)])
def test_a_reading_at_the_threshold_is_not_beyond_it(condition: str, held: bool) -> None:
    camera = OneCamera()
    camera.tell(hot(condition=condition, quantity="average"))
    camera.read(rule=1, average_celsius=48.0)
    camera.wait(10)
    assert (camera.active("temperature") is True) is held


def test_a_quantity_nobody_knows_is_held_by_no_reading() -> None:
    camera = OneCamera()
    camera.tell(hot(quantity=None, condition=None))
    camera.read(rule=1, average_celsius=90.0)
    camera.wait(10)
    assert camera.active("temperature") is False


def test_who_released_a_level_is_told_only_while_it_is_false() -> None:
    camera = OneCamera()
    camera.tell(motion())
    assert (camera.level("motion")["released_by"], camera.level("motion")["level"]) == (None, "alarm")
    camera.tell(motion(phase="end"))
    assert (camera.level("motion")["released_by"], camera.level("motion")["level"]) == ("device", None)
    camera.lose()
    assert (camera.active("motion"), camera.level("motion")["released_by"]) == (None, None)


def test_a_restart_brings_back_who_told_what_of_which_life_cycle() -> None:
    before = OneCamera()
    first = fire((1, 68.0))
    before.tell(first)
    after = before.restarted()
    level = after.level("fire")
    assert (level["kind"], level["alarm_id"], level["celsius"]) == ("fire", first.id, 68.0)
    assert [(target["id"], target["active"]) for target in level["targets"]] == [(1, None)]
    after.connect("metadata")
    assert after.wait(10) == [], "the alert stream told it: another source does not end it"
    after.connect()
    assert after.wait(10) == [("end", first.id)]


def test_a_restart_brings_back_the_life_cycle_of_each_region_of_one_document() -> None:
    before = OneCamera()
    first = fire((1, 90.0))
    before.tell(first)
    before.tell(fire((1, 90.0), (2, 50.0)))
    level = before.restarted().level("fire")
    assert (level["celsius"], level["alarm_id"]) == (90.0, first.id)
    assert level["targets"][0]["alarm_id"] == first.id != level["targets"][1]["alarm_id"]


def test_a_restart_remembers_who_tells_a_kind_at_all() -> None:
    before = OneCamera(online=False)
    before.connect("metadata")
    before.tell(fire((1, 68.0), source="metadata"))
    before.wait(11)
    assert before.active("fire") is False
    after = before.restarted()
    assert after.active("fire") is None
    after.connect("metadata")
    after.wait(11)
    assert after.active("fire") is False


@pytest.mark.parametrize(("text", "kept"), [('{"kind": "fire"}', {"kind": "fire"}), ("[1]", {}), ("{", {}), ("", {})])
def test_what_was_kept_and_cannot_be_read_is_as_good_as_nothing(text: str, kept: dict[str, str]) -> None:
    assert kept_level(text) == kept
