"""Alarm levels from start to end: several rules and regions in one kind, pre-alarm to alarm, and which events say so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nvr_hooks import (
    EVENT_TYPES,
    Alarm,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    StorageAlarm,
    Target,
)
from one_camera import OneCamera, fire, hot, motion


def test_an_alarm_starts_goes_on_and_is_over_when_quiet() -> None:
    camera = OneCamera()
    first = motion()
    assert camera.tell(first) == [("start", first.id)]
    assert camera.active("motion") is True
    for _ in range(5):
        assert camera.wait(5) == []
        assert camera.tell(motion()) == [], "repeats only refresh the level"
        assert camera.active("motion") is True
    assert camera.wait(9.9) == []
    assert camera.wait(0.1) == [("end", first.id)]
    assert camera.active("motion") is False
    assert camera.level("motion")["released_by"] == "quiet"
    assert camera.level("motion")["alarm_id"] == first.id
    end = camera.events[-1]
    assert end["id"] not in (first.id, None)
    assert end["at"] is None, "the device did not say when"
    assert end["type"] == "motion_alarm"


def test_the_devices_word_ends_an_alarm_at_once() -> None:
    camera = OneCamera()
    first, end = motion(), motion(phase="end")
    camera.tell(first)
    assert camera.tell(end) == [("end", first.id)]
    assert camera.events[-1]["id"] == end.id
    assert camera.active("motion") is False
    assert camera.level("motion")["released_by"] == "device"
    assert camera.cycles.next_deadline() is None


def test_two_life_cycles_have_different_ids() -> None:
    camera = OneCamera()
    first, second = motion(), motion()
    camera.tell(first)
    camera.tell(motion(phase="end"))
    assert camera.tell(second) == [("start", second.id)]
    assert camera.level("motion")["released_by"] is None


@pytest.mark.parametrize("phase", ["start", "level", "repeat", None])
def test_whatever_phase_a_plugin_gave_it_is_active_now(phase: Any) -> None:
    camera = OneCamera()
    alarm = motion(phase=phase, alarm_id="0123456789abcdef")
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("motion") is True


def test_rule_2_ends_while_rule_1_burns() -> None:
    camera = OneCamera()
    one, two = hot(1), hot(2)
    camera.tell(one)
    camera.tell(two)
    assert camera.tell(hot(2, phase="end")) == [("end", two.id)]
    assert camera.active("temperature") is True
    assert [target["rule"] for target in camera.level("temperature")["targets"]] == [1]
    assert camera.tell(hot(1, phase="end")) == [("end", one.id)]
    assert camera.active("temperature") is False
    assert camera.level("temperature")["targets"] == []


def test_rule_2_falls_quiet_while_rule_1_burns() -> None:
    camera = OneCamera()
    one, two = hot(1), hot(2)
    camera.tell(two)
    for _ in range(3):
        camera.tell(one)
        camera.wait(4)
    assert [(event["phase"], event["rule"]) for event in camera.events] == [("start", 2), ("start", 1), ("end", 2)]
    assert camera.active("temperature") is True
    assert camera.wait(10) == [("end", one.id)]
    assert camera.active("temperature") is False


def test_the_worst_rule_is_on_top() -> None:
    camera = OneCamera()
    camera.tell(hot(1, celsius=60.0))
    camera.tell(hot(2, celsius=90.0))
    camera.tell(hot(3, "pre_alarm", celsius=200.0))
    top = camera.level("temperature")
    assert (top["rule"], top["celsius"], top["level"]) == (2, 90.0, "alarm")
    camera.tell(hot(4, celsius=-60.0, condition="below", threshold_celsius=-40.0))
    assert camera.level("temperature")["rule"] == 2
    told = [(target["rule"], target["level"], target["celsius"]) for target in camera.level("temperature")["targets"]]
    assert told == [(1, "alarm", 60.0), (2, "alarm", 90.0), (3, "pre_alarm", 200.0), (4, "alarm", -60.0)]


def test_colder_is_worse_where_cold_is_the_alarm() -> None:
    camera = OneCamera()
    for rule, celsius in ((1, -50.0), (2, -70.0), (3, -60.0)):
        camera.tell(hot(rule, celsius=celsius, condition="below", threshold_celsius=-40.0))
    assert camera.level("temperature")["rule"] == 2


def test_pre_alarm_to_alarm_and_back_is_one_life_cycle() -> None:
    camera = OneCamera()
    pre, alarm = hot(1, "pre_alarm"), hot(1)
    assert camera.tell(pre) == [("start", pre.id)]
    assert camera.level("temperature")["level"] == "pre_alarm"
    assert camera.tell(alarm) == [("level", pre.id)]
    assert camera.level("temperature")["level"] == "alarm"
    assert camera.tell(hot(1, "pre_alarm")) == [], "a device may go on telling the lower level too"
    assert camera.level("temperature")["level"] == "alarm"
    assert len(camera.level("temperature")["targets"]) == 1
    assert camera.tell(hot(1, phase="end")) == [("level", pre.id)]
    assert (camera.events[-1]["level"], camera.events[-1]["raw_type"]) == ("pre_alarm", "TMPA")
    assert camera.level("temperature")["level"] == "pre_alarm"
    assert camera.tell(hot(1, "pre_alarm", phase="end")) == [("end", pre.id)]
    assert camera.active("temperature") is False


def test_the_word_that_the_pre_alarm_ended_does_not_end_the_alarm() -> None:
    camera = OneCamera()
    camera.tell(hot(1, "pre_alarm"))
    camera.tell(hot(1))
    assert camera.tell(hot(1, "pre_alarm", phase="end")) == []
    assert camera.active("temperature") is True
    assert camera.level("temperature")["level"] == "alarm"


def test_an_alarm_falls_quiet_while_its_pre_alarm_is_told_on() -> None:
    camera = OneCamera()
    camera.tell(hot(1))
    for _ in range(3):
        camera.tell(hot(1, "pre_alarm"))
        camera.wait(4)
    assert [(event["phase"], event["level"]) for event in camera.events] == [("start", "alarm"), ("level", "pre_alarm")]
    assert len({event["alarm_id"] for event in camera.events}) == 1
    assert len({event["id"] for event in camera.events}) == 2


def test_five_fires_in_one_alarm() -> None:
    camera = OneCamera()
    alarm = fire((1, 68.0), (2, 65.0), (3, 69.0), (4, 101.0), (5, 63.0))
    assert camera.tell(alarm) == [("start", alarm.id)]
    level = camera.level("fire")
    assert (level["active"], level["celsius"], level["distance_m"]) == (True, 101.0, 10.1)
    assert [target["id"] for target in level["targets"]] == [1, 2, 3, 4, 5]
    assert level["targets"][0]["region"] == [[0.1, 0.1], [0.2, 0.2]]
    assert level["since"] == level["received_at"]


def test_each_region_is_released_on_its_own() -> None:
    camera = OneCamera()
    both, one = fire((1, 68.0), (4, 101.0)), fire((1, 70.0))
    camera.tell(both)
    for _ in range(2):
        camera.wait(6)
        assert camera.tell(one) == []
    level = camera.level("fire")
    assert [target["id"] for target in level["targets"]] == [1]
    assert (level["active"], level["celsius"]) == (True, 70.0)
    assert camera.wait(10) == [("end", both.id)], "one life cycle, one end: when its last region is out"


def test_until_it_is_quiet_the_hottest_region_stays_on_top() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0), (4, 101.0)))
    camera.wait(5)
    camera.tell(fire((1, 70.0)))
    assert camera.level("fire")["celsius"] == 101.0


def test_a_new_region_is_a_life_cycle_of_its_own() -> None:
    camera = OneCamera()
    first, second = fire((1, 68.0)), fire((1, 68.0), (2, 75.0))
    camera.tell(first)
    assert camera.tell(second) == [("start", second.id)]
    camera.wait(6)
    camera.tell(fire((1, 68.0)))
    assert camera.wait(6) == [("end", second.id)]
    assert camera.wait(6) == [("end", first.id)]


def test_the_device_ends_one_region_or_all_of_them() -> None:
    camera = OneCamera()
    first, second = fire((1, 68.0)), fire((2, 75.0), (3, 70.0))
    camera.tell(first)
    camera.tell(second)
    assert camera.tell(fire((2, 75.0), phase="end")) == []
    assert camera.active("fire") is True
    told = camera.tell(fire(phase="end"))
    assert sorted(told) == sorted([("end", first.id), ("end", second.id)])
    assert len({event["id"] for event in camera.events}) == len(camera.events), "no id is told twice"
    assert camera.active("fire") is False


def test_two_fires_under_one_number_are_both_told() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0), (1, 90.0), (None, 70.0)))
    assert [target["celsius"] for target in camera.level("fire")["targets"]] == [68.0, 90.0, 70.0]


def test_a_word_without_details_refreshes_everything_heard() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0), (4, 101.0)))
    for _ in range(4):
        camera.wait(6)
        assert camera.tell(fire(phase="repeat")) == []
    level = camera.level("fire")
    assert (level["active"], level["celsius"], len(level["targets"])) == (True, 101.0, 2)
    assert level["id"] == camera.events[0]["id"], "what it said with details is kept"


def test_details_after_a_word_without_them_are_a_distinct_alarm() -> None:
    camera = OneCamera()
    camera.tell(fire())
    alarm = fire((1, 68.0))
    assert camera.tell(alarm) == [("start", alarm.id)]


def test_kinds_and_channels_are_apart() -> None:
    camera = OneCamera()
    camera.tell(motion())
    camera.tell(MotionAlarm(camera="kiln", channel=1, raw_type="VMD"))
    camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type="fieldDetection"))
    camera.tell(SmokeAlarm(camera="kiln", channel=2, raw_type="smokeDetection"))
    camera.tell(motion(phase="end"))
    assert {key: level["active"] for key, level in camera.levels.items()} == {
        (2, "motion"): False,
        (1, "motion"): True,
        (2, "fielddetection"): True,
        (2, "smoke"): True,
    }


def test_what_belongs_to_no_channel() -> None:
    camera = OneCamera()
    camera.tell(StorageAlarm(camera="kiln", raw_type="diskfull", disk=1, state="full"))
    camera.tell(StorageAlarm(camera="kiln", raw_type="diskerror", disk=1, state="error"))
    level = camera.level("storage", channel=0)
    assert level["channel"] is None
    assert [(target["disk"], target["state"]) for target in level["targets"]] == [(1, "full"), (1, "error")]


def test_a_disk_that_was_found_bad_is_bad_until_somebody_looked_again() -> None:
    camera = OneCamera()
    bad = StorageAlarm(camera="kiln", source="poll", disk=1, state="error")
    camera.tell(bad)
    assert camera.wait(3600) == []
    assert camera.active("storage", 0) is True
    camera.lose()
    camera.wait(60)
    assert camera.active("storage", 0) is None
    camera.connect()
    camera.wait(60)
    assert camera.active("storage", 0) is None, "nobody has looked since"
    camera.tell(StorageAlarm(camera="kiln", source="poll", disk=1, state="error"))
    assert camera.active("storage", 0) is True
    assert camera.tell(StorageAlarm(camera="kiln", source="poll", disk=1, state="error", phase="end")) == [
        ("end", bad.id)
    ]
    assert camera.active("storage", 0) is False


def test_each_input_is_released_on_its_own() -> None:
    camera = OneCamera()
    one, two = (InputAlarm(camera="kiln", channel=2, raw_type="IO", port=port) for port in (1, 2))
    camera.tell(one)
    camera.tell(two)
    assert camera.tell(InputAlarm(camera="kiln", channel=2, raw_type="IO", port=1, phase="end")) == [("end", one.id)]
    assert camera.active("input") is True


def test_late_danger_raises_the_level() -> None:
    camera = OneCamera()
    alarm = fire((1, 68.0), late=True)
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("fire") is True
    assert camera.level("fire")["late"] is True
    assert camera.wait(10) == [("end", alarm.id)]


def test_late_motion_is_told_but_raises_nothing() -> None:
    camera = OneCamera()
    alarm = motion(late=True)
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("motion") is False
    assert camera.tell(motion(late=True)) == []
    assert camera.tell(motion()) == [("level", alarm.id)]
    assert camera.active("motion") is True
    assert camera.wait(10) == [("end", alarm.id)]


def test_inactive_of_something_never_told() -> None:
    camera = OneCamera()
    end = motion(phase="end")
    assert camera.tell(end) == [("end", end.id)]
    assert camera.active("motion") is False
    assert camera.tell(motion(phase="end")) == [], "said once is enough"
    assert len(camera.history) == 1


def test_the_level_of_a_disconnected_camera_is_json() -> None:
    camera = OneCamera()
    camera.tell(hot(1, targets=(Target(region=((0.1, 0.2),), hottest=(0.1, 0.2), celsius=57.6, id=1),)))
    level = json.loads(json.dumps(camera.level("temperature")))
    assert level["targets"] == [
        {
            "id": 1,
            "rule": 1,
            "rule_name": None,
            "preset": None,
            "active": True,
            "level": "alarm",
            "since": level["since"],
            "alarm_id": level["alarm_id"],
            "celsius": 57.6,
            "threshold_celsius": 48.0,
            "region": [[0.1, 0.2]],
            "hottest": [0.1, 0.2],
            "distance_m": None,
        }
    ]


def test_every_kind_of_alarm_goes_through() -> None:
    camera = OneCamera()
    for cls in EVENT_TYPES:
        if not issubclass(cls, Alarm):
            continue
        alarm = cls(camera="kiln", channel=2, raw_type="x")
        assert [phase for phase, _ in camera.tell(alarm)] == ["start"]
        assert camera.active(alarm.kind) is True
    camera.wait(10)
    assert all(level["active"] is False for level in camera.levels.values())
