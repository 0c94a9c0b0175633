"""Alarm levels on bad days: what nobody can know is unknown, never off, and no true outlives its truth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import (
    OtherAlarm,
)
from one_camera import OneCamera, fire, hot, motion

from hik_thermal_plugin.bridge.lifecycle import Outcome


def test_cable_pulled_in_a_fire() -> None:
    camera = OneCamera()
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    camera.lose()
    assert camera.active("fire") is None
    assert camera.level("fire")["targets"][0]["active"] is None
    assert camera.level("fire")["celsius"] == 68.0, "what was known last is still told"
    assert camera.wait(3600) == []
    assert camera.active("fire") is None
    assert False not in camera.history
    camera.connect()
    assert camera.active("fire") is None
    camera.wait(9)
    assert camera.active("fire") is None
    assert camera.wait(1) == [("end", alarm.id)]
    assert camera.active("fire") is False
    assert camera.level("fire")["released_by"] == "quiet"


def test_told_again_after_the_cable_was_plugged_in() -> None:
    camera = OneCamera()
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    since = camera.level("fire")["since"]
    camera.lose()
    camera.wait(100)
    camera.connect()
    camera.wait(5)
    assert camera.tell(fire((1, 80.0))) == [], "the same life cycle"
    assert camera.active("fire") is True
    assert camera.level("fire")["alarm_id"] == alarm.id
    assert camera.level("fire")["since"] == since


def test_what_was_off_is_unknown_too_while_the_camera_is_away() -> None:
    camera = OneCamera()
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    camera.lose()
    assert camera.active("motion") is None
    camera.wait(60)
    camera.connect()
    camera.wait(10)
    assert camera.active("motion") is False
    assert camera.level("motion")["released_by"] == "device", "what released it is still so"


def test_a_connection_that_flaps_never_releases() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0)))
    for _ in range(20):
        camera.lose()
        camera.wait(3)
        camera.connect()
        camera.wait(9)
    assert False not in camera.history
    assert camera.active("fire") is None


def test_the_devices_word_after_a_loss() -> None:
    camera = OneCamera()
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    camera.lose()
    camera.connect()
    assert camera.tell(fire(phase="end")) == [("end", alarm.id)]
    assert camera.active("fire") is False
    assert camera.level("fire")["released_by"] == "device"


def test_one_source_of_two_is_lost() -> None:
    camera = OneCamera()
    camera.connect("sdk")
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    assert camera.tell(fire((1, 68.0), source="sdk")) == [], "the second to tell adds nothing new"
    camera.lose()
    assert camera.active("fire") is True, "the other one still tells"
    assert camera.wait(10) == [("end", alarm.id)]
    assert camera.active("fire") is False
    camera.lose("sdk")
    assert camera.active("fire") is None


def test_the_loss_of_another_source_changes_nothing() -> None:
    camera = OneCamera()
    camera.connect("realtime")
    camera.tell(fire((1, 68.0)))
    camera.lose("realtime")
    assert camera.active("fire") is True


def test_a_source_that_never_says_it_is_connected_cannot_release() -> None:
    camera = OneCamera(online=False)
    camera.tell(fire((1, 68.0), source="push"))
    assert camera.active("fire") is True
    camera.wait(10)
    assert camera.active("fire") is None, "nobody can tell whether it still burns"
    camera.wait(3600)
    assert camera.active("fire") is None
    camera.tell(fire((1, 68.0), source="push", phase="end"))
    assert camera.active("fire") is False


def test_what_was_only_pushed_is_over_when_the_armed_connection_is_quiet() -> None:
    camera = OneCamera(online=False)
    camera.tell(fire((1, 68.0), source="push"))
    camera.wait(10)
    assert camera.active("fire") is None
    camera.connect("alert_stream")
    camera.wait(9.9)
    assert camera.active("fire") is None
    camera.wait(0.1)
    assert camera.active("fire") is False


def test_who_tells_is_connected() -> None:
    camera = OneCamera(online=False)
    camera.tell(fire((1, 68.0)))
    camera.wait(10)
    assert camera.active("fire") is False


def test_a_virtual_rule_does_not_vouch_for_the_devices_own() -> None:
    camera = OneCamera()
    camera.tell(hot(1))
    camera.tell(hot(1, phase="end"))
    camera.tell(hot(None, source="virtual"))
    camera.wait(10)
    assert camera.active("temperature") is False
    camera.lose()
    assert camera.active("temperature") is None


def test_restart_in_a_fire() -> None:
    before = OneCamera()
    alarm = fire((1, 68.0), (4, 101.0))
    before.tell(alarm)
    after = before.restarted()
    assert after.active("fire") is None, "no true outlives the process that knew it"
    assert [target["active"] for target in after.level("fire")["targets"]] == [None, None]
    after.wait(600)
    assert after.active("fire") is None
    after.connect()
    after.wait(5)
    assert after.tell(fire((1, 70.0))) == []
    assert after.active("fire") is True
    assert after.level("fire")["alarm_id"] == alarm.id
    assert after.wait(5) == [], "region 4 is out, region 1 of the same life cycle burns on"
    assert [target["id"] for target in after.level("fire")["targets"]] == [1]
    assert after.wait(5) == [("end", alarm.id)]


def test_restart_after_a_fire() -> None:
    before = OneCamera()
    alarm = fire((1, 68.0))
    before.tell(alarm)
    after = before.restarted(online=True)
    assert after.active("fire") is None
    assert after.wait(10) == [("end", alarm.id)], "the life cycle that began in another life ends in this one"
    assert after.active("fire") is False
    assert after.restarted(online=True).active("fire") is None


def test_what_was_kept_by_another_version_is_passed_over() -> None:
    camera = OneCamera(saved={"2/fire": {"voices": 5}, "strange": {}, "2/motion": {}, "2/x": {"kind": "x"}})
    assert camera.levels == {}
    camera.tell(fire((1, 68.0)))
    assert camera.active("fire") is True


def test_repeats_need_not_be_kept() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0)))
    camera.saved.clear()
    camera.tell(fire((1, 69.0)))
    assert camera.saved == {}


def test_a_level_found_on_the_broker_is_unknown_until_quiet() -> None:
    camera = OneCamera(online=False)
    outcome = camera.cycles.adopt(2, "fire", camera.wall)
    assert [(channel, kind, level["active"]) for channel, kind, level in outcome.alarms] == [(2, "fire", None)]
    assert set(outcome.saved) == {"2/fire"}
    camera.wait(60)
    camera.connect("realtime")
    assert camera.cycles.next_deadline() is None, "no alarm source is connected"
    camera.connect()
    camera.wait(10)
    assert camera.active("fire") is False
    assert camera.cycles.adopt(2, "fire", camera.wall) == Outcome(), "known by now"


def test_lose_makes_everything_unknown() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0)))
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    outcome = camera.cycles.lose(camera.wall)
    assert {kind: level["active"] for _, kind, level in outcome.alarms} == {"fire": None, "motion": None}
    assert outcome.events == []


@pytest.mark.slow
def test_a_device_cannot_grow_us_without_end() -> None:
    camera = OneCamera()
    for number in range(1000):
        camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type=f"type{number}"))
        camera.tell(fire((number, 68.0)))
        camera.read(rule=number, highest_celsius=1.0)
    assert len(camera.levels) < 300
    assert len(camera.level("fire")["targets"]) < 200
    assert len(camera.events) == 2000, "but every one of them was told"
    camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type="type0"))


_Step = tuple[str, Any]
_STEPS: st.SearchStrategy[list[_Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.tuples(st.integers(0, 3), st.booleans())),
        st.tuples(st.just("end"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.floats(0, 25, allow_nan=False)),
        st.tuples(st.just("connect"), st.none()),
        st.tuples(st.just("lose"), st.none()),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(_STEPS)
def test_whatever_happens(steps: list[_Step]) -> None:
    """`false` only of a connected source, `true` only of what was told, every start has one end or goes on, no id twice."""
    camera = OneCamera()
    online, events = True, []
    told_at = -1e9
    for step, value in steps:
        if step == "tell" and online:
            rule, pre = value
            camera.tell(hot(rule or None, "pre_alarm" if pre else "alarm"))
            told_at = camera.now
            assert camera.active("temperature") is True
        elif step == "end" and online:
            camera.tell(hot(value or None, phase="end"))
        elif step == "wait":
            camera.wait(value)
        elif step == "connect":
            online = True
            camera.connect()
        elif step == "lose":
            online = False
            camera.lose()
        elif step == "restart":
            events += camera.events
            now, online = camera.now, False
            camera = camera.restarted()
            camera.now = now
        for level in camera.levels.values():
            if not online:
                assert level["active"] is None
            if level["active"] is True:
                assert camera.now - told_at < 10
                assert level["targets"] or level["alarm_id"]
            if level["active"] is False:
                assert level["targets"] == []
    camera.connect()
    camera.wait(60)
    events += camera.events
    assert all(level["active"] is False for level in camera.levels.values())
    assert len({event["id"] for event in events}) == len(events)
    open_cycles: set[str] = set()
    for event in events:
        match event["phase"]:
            case "start":
                assert event["alarm_id"] == event["id"]
                open_cycles.add(event["alarm_id"])
            case "level":
                assert event["alarm_id"] in open_cycles
            case "end":
                assert event["alarm_id"] in open_cycles or event["alarm_id"] == event["id"]
                open_cycles.discard(event["alarm_id"])
    assert not open_cycles
