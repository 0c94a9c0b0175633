"""Alarm levels through good and bad days: what is told as active, as unknown and as over, and which events say so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import (
    EVENT_TYPES,
    Alarm,
    FireAlarm,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    StorageAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
)

from hik_thermal_plugin.bridge.lifecycle import FRESH_READING, LifeCycles, Outcome

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class Camera:
    """A camera's life cycles with a clock the test turns."""

    def __init__(self, *, online: bool = True, saved: dict[str, Any] | None = None) -> None:
        self.cycles = LifeCycles("kiln", 10.0)
        self.now = 100.0
        self.events: list[dict[str, Any]] = []
        self.levels: dict[tuple[int, str], dict[str, Any]] = {}
        self.saved: dict[str, Any] = dict(saved or {})
        self.history: list[bool | None] = []
        if saved is not None:
            self._note(self.cycles.load(saved, self.wall))
        if online:
            self.connect()

    @property
    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def tell(self, alarm: Alarm) -> list[tuple[str, str]]:
        return self._note(self.cycles.take(alarm, self.now))

    def connect(self, source: str = "alert_stream") -> None:
        self._note(self.cycles.connection(source, online=True, now=self.now, wall=self.wall))

    def lose(self, source: str = "alert_stream") -> None:
        self._note(self.cycles.connection(source, online=False, now=self.now, wall=self.wall))

    def read(self, **values: Any) -> bool:
        return self.cycles.reading(TemperatureReading(camera="kiln", channel=2, **values), self.now)

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass as a timer does: stop at every deadline on the way."""
        end = self.now + seconds
        told = []
        while (at := self.cycles.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            told += self._note(self.cycles.tick(self.now, self.wall))
        self.now = end
        told += self._note(self.cycles.tick(self.now, self.wall))
        return told

    def active(self, kind: str, channel: int = 2) -> bool | None:
        active = self.levels[channel, kind]["active"]
        assert active is None or isinstance(active, bool)
        return active

    def level(self, kind: str, channel: int = 2) -> dict[str, Any]:
        return self.levels[channel, kind]

    def restarted(self, *, online: bool = False) -> Camera:
        """Return the camera after a kill -9: only what was kept is left, and it went through JSON."""
        return Camera(online=online, saved=json.loads(json.dumps(self.saved)))

    def _note(self, outcome: Outcome) -> list[tuple[str, str]]:
        self.events += outcome.events
        self.saved |= outcome.saved
        for channel, kind, document in outcome.alarms:
            self.levels[channel, kind] = document
            self.history.append(document["active"])
        return [(event["phase"], event["alarm_id"]) for event in outcome.events]


def fire(*regions: tuple[int | None, float], **fields: Any) -> FireAlarm:
    targets = tuple(
        Target(id=number, region=((0.1, 0.1), (0.2, 0.2)), hottest=(0.1, 0.2), celsius=celsius, distance_m=celsius / 10)
        for number, celsius in regions
    )
    hottest = max(regions, key=lambda region: region[1], default=(None, None))
    return FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", targets=targets, celsius=hottest[1], **fields)


def hot(rule: int | None = 1, level: Literal["alarm", "pre_alarm"] = "alarm", **fields: Any) -> TemperatureAlarm:
    return TemperatureAlarm(
        camera="kiln", channel=2, raw_type="TMA" if level == "alarm" else "TMPA", level=level, rule=rule,
        **{"celsius": 57.6, "threshold_celsius": 48.0, "condition": "above", "quantity": "highest"} | fields,
    )  # fmt: skip


def motion(**fields: Any) -> MotionAlarm:
    return MotionAlarm(camera="kiln", channel=2, raw_type="VMD", **fields)


def test_an_alarm_starts_goes_on_and_is_over_when_quiet() -> None:
    camera = Camera()
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
    camera = Camera()
    first, end = motion(), motion(phase="end")
    camera.tell(first)
    assert camera.tell(end) == [("end", first.id)]
    assert camera.events[-1]["id"] == end.id
    assert camera.active("motion") is False
    assert camera.level("motion")["released_by"] == "device"
    assert camera.cycles.next_deadline() is None


def test_two_life_cycles_have_different_ids() -> None:
    camera = Camera()
    first, second = motion(), motion()
    camera.tell(first)
    camera.tell(motion(phase="end"))
    assert camera.tell(second) == [("start", second.id)]
    assert camera.level("motion")["released_by"] is None


@pytest.mark.parametrize("phase", ["start", "level", "repeat", None])
def test_whatever_phase_a_plugin_gave_it_is_active_now(phase: Any) -> None:
    camera = Camera()
    alarm = motion(phase=phase, alarm_id="0123456789abcdef")
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("motion") is True


def test_rule_2_ends_while_rule_1_burns() -> None:
    camera = Camera()
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
    camera = Camera()
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
    camera = Camera()
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
    camera = Camera()
    for rule, celsius in ((1, -50.0), (2, -70.0), (3, -60.0)):
        camera.tell(hot(rule, celsius=celsius, condition="below", threshold_celsius=-40.0))
    assert camera.level("temperature")["rule"] == 2


def test_pre_alarm_to_alarm_and_back_is_one_life_cycle() -> None:
    camera = Camera()
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
    camera = Camera()
    camera.tell(hot(1, "pre_alarm"))
    camera.tell(hot(1))
    assert camera.tell(hot(1, "pre_alarm", phase="end")) == []
    assert camera.active("temperature") is True
    assert camera.level("temperature")["level"] == "alarm"


def test_an_alarm_falls_quiet_while_its_pre_alarm_is_told_on() -> None:
    camera = Camera()
    camera.tell(hot(1))
    for _ in range(3):
        camera.tell(hot(1, "pre_alarm"))
        camera.wait(4)
    assert [(event["phase"], event["level"]) for event in camera.events] == [("start", "alarm"), ("level", "pre_alarm")]
    assert len({event["alarm_id"] for event in camera.events}) == 1
    assert len({event["id"] for event in camera.events}) == 2


def test_five_fires_in_one_alarm() -> None:
    camera = Camera()
    alarm = fire((1, 68.0), (2, 65.0), (3, 69.0), (4, 101.0), (5, 63.0))
    assert camera.tell(alarm) == [("start", alarm.id)]
    level = camera.level("fire")
    assert (level["active"], level["celsius"], level["distance_m"]) == (True, 101.0, 10.1)
    assert [target["id"] for target in level["targets"]] == [1, 2, 3, 4, 5]
    assert level["targets"][0]["region"] == [[0.1, 0.1], [0.2, 0.2]]
    assert level["since"] == level["received_at"]


def test_each_region_is_released_on_its_own() -> None:
    camera = Camera()
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
    camera = Camera()
    camera.tell(fire((1, 68.0), (4, 101.0)))
    camera.wait(5)
    camera.tell(fire((1, 70.0)))
    assert camera.level("fire")["celsius"] == 101.0


def test_a_new_region_is_a_life_cycle_of_its_own() -> None:
    camera = Camera()
    first, second = fire((1, 68.0)), fire((1, 68.0), (2, 75.0))
    camera.tell(first)
    assert camera.tell(second) == [("start", second.id)]
    camera.wait(6)
    camera.tell(fire((1, 68.0)))
    assert camera.wait(6) == [("end", second.id)]
    assert camera.wait(6) == [("end", first.id)]


def test_the_device_ends_one_region_or_all_of_them() -> None:
    camera = Camera()
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
    camera = Camera()
    camera.tell(fire((1, 68.0), (1, 90.0), (None, 70.0)))
    assert [target["celsius"] for target in camera.level("fire")["targets"]] == [68.0, 90.0, 70.0]


def test_a_word_without_details_refreshes_everything_heard() -> None:
    camera = Camera()
    camera.tell(fire((1, 68.0), (4, 101.0)))
    for _ in range(4):
        camera.wait(6)
        assert camera.tell(fire(phase="repeat")) == []
    level = camera.level("fire")
    assert (level["active"], level["celsius"], len(level["targets"])) == (True, 101.0, 2)
    assert level["id"] == camera.events[0]["id"], "what it said with details is kept"


def test_details_after_a_word_without_them_are_a_distinct_alarm() -> None:
    camera = Camera()
    camera.tell(fire())
    alarm = fire((1, 68.0))
    assert camera.tell(alarm) == [("start", alarm.id)]


def test_kinds_and_channels_are_apart() -> None:
    camera = Camera()
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
    camera = Camera()
    camera.tell(StorageAlarm(camera="kiln", raw_type="diskfull", disk=1, state="full"))
    camera.tell(StorageAlarm(camera="kiln", raw_type="diskerror", disk=1, state="error"))
    level = camera.level("storage", channel=0)
    assert level["channel"] is None
    assert [(target["disk"], target["state"]) for target in level["targets"]] == [(1, "full"), (1, "error")]


def test_each_input_is_released_on_its_own() -> None:
    camera = Camera()
    one, two = (InputAlarm(camera="kiln", channel=2, raw_type="IO", port=port) for port in (1, 2))
    camera.tell(one)
    camera.tell(two)
    assert camera.tell(InputAlarm(camera="kiln", channel=2, raw_type="IO", port=1, phase="end")) == [("end", one.id)]
    assert camera.active("input") is True


def test_cable_pulled_in_a_fire() -> None:
    camera = Camera()
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
    camera = Camera()
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
    camera = Camera()
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
    camera = Camera()
    camera.tell(fire((1, 68.0)))
    for _ in range(20):
        camera.lose()
        camera.wait(3)
        camera.connect()
        camera.wait(9)
    assert False not in camera.history
    assert camera.active("fire") is None


def test_the_devices_word_after_a_loss() -> None:
    camera = Camera()
    alarm = fire((1, 68.0))
    camera.tell(alarm)
    camera.lose()
    camera.connect()
    assert camera.tell(fire(phase="end")) == [("end", alarm.id)]
    assert camera.active("fire") is False
    assert camera.level("fire")["released_by"] == "device"


def test_one_source_of_two_is_lost() -> None:
    camera = Camera()
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
    camera = Camera()
    camera.connect("realtime")
    camera.tell(fire((1, 68.0)))
    camera.lose("realtime")
    assert camera.active("fire") is True


def test_a_source_that_never_says_it_is_connected_cannot_release() -> None:
    camera = Camera(online=False)
    camera.tell(fire((1, 68.0), source="push"))
    assert camera.active("fire") is True
    camera.wait(10)
    assert camera.active("fire") is None, "nobody can tell whether it still burns"
    camera.wait(3600)
    assert camera.active("fire") is None
    camera.tell(fire((1, 68.0), source="push", phase="end"))
    assert camera.active("fire") is False


def test_who_tells_is_connected() -> None:
    camera = Camera(online=False)
    camera.tell(fire((1, 68.0)))
    camera.wait(10)
    assert camera.active("fire") is False


def test_a_virtual_rule_does_not_vouch_for_the_devices_own() -> None:
    camera = Camera()
    camera.tell(hot(1))
    camera.tell(hot(1, phase="end"))
    camera.tell(hot(None, source="virtual"))
    camera.wait(10)
    assert camera.active("temperature") is False
    camera.lose()
    assert camera.active("temperature") is None


def test_restart_in_a_fire() -> None:
    before = Camera()
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
    before = Camera()
    alarm = fire((1, 68.0))
    before.tell(alarm)
    after = before.restarted(online=True)
    assert after.active("fire") is None
    assert after.wait(10) == [("end", alarm.id)], "the life cycle that began in another life ends in this one"
    assert after.active("fire") is False
    assert after.restarted(online=True).active("fire") is None


def test_what_was_kept_by_another_version_is_passed_over() -> None:
    camera = Camera(saved={"2/fire": {"voices": 5}, "strange": {}, "2/motion": {}, "2/x": {"kind": "x"}})
    assert camera.levels == {}
    camera.tell(fire((1, 68.0)))
    assert camera.active("fire") is True


def test_repeats_need_not_be_kept() -> None:
    camera = Camera()
    camera.tell(fire((1, 68.0)))
    camera.saved.clear()
    camera.tell(fire((1, 69.0)))
    assert camera.saved == {}


def test_a_level_found_on_the_broker_is_unknown_until_quiet() -> None:
    camera = Camera(online=False)
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


def test_late_danger_raises_the_level() -> None:
    camera = Camera()
    alarm = fire((1, 68.0), late=True)
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("fire") is True
    assert camera.level("fire")["late"] is True
    assert camera.wait(10) == [("end", alarm.id)]


def test_late_motion_is_told_but_raises_nothing() -> None:
    camera = Camera()
    alarm = motion(late=True)
    assert camera.tell(alarm) == [("start", alarm.id)]
    assert camera.active("motion") is False
    assert camera.tell(motion(late=True)) == []
    assert camera.tell(motion()) == [("level", alarm.id)]
    assert camera.active("motion") is True
    assert camera.wait(10) == [("end", alarm.id)]


def test_a_live_reading_beyond_the_threshold_holds_its_alarm() -> None:
    camera = Camera()
    alarm = hot(1)
    camera.tell(alarm)
    for _ in range(5):
        assert camera.read(rule=1, highest_celsius=50.0) is True
        assert camera.wait(8) == []
    assert camera.active("temperature") is True
    camera.read(rule=1, highest_celsius=47.0)
    assert camera.wait(0) == [("end", alarm.id)]


def test_an_old_reading_holds_nothing() -> None:
    camera = Camera()
    alarm = hot(1)
    camera.tell(alarm)
    camera.read(rule=1, highest_celsius=50.0)
    assert camera.wait(FRESH_READING - 1) == []
    assert camera.wait(1) == [("end", alarm.id)]


@pytest.mark.parametrize(
    ("alarm", "values", "held"),
    [
        (hot(1), {"rule": 2, "highest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "highest_celsius": 90.0, "preset": 3}, False),
        (hot(1, preset=1), {"rule": 1, "highest_celsius": 90.0}, True),
        (hot(1, preset=2), {"rule": 1, "highest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "lowest_celsius": 90.0}, False),
        (hot(1), {"rule": 1, "point_celsius": 90.0}, True),
        (hot(1, quantity="average"), {"rule": 1, "average_celsius": 90.0, "highest_celsius": 1.0}, True),
        (hot(1, quantity=None), {"rule": 1, "highest_celsius": 90.0}, True),
        (hot(1, quantity=None, condition="below"), {"rule": 1, "lowest_celsius": 20.0}, True),
        (hot(1, quantity="lowest", condition="below"), {"rule": 1, "lowest_celsius": 50.0}, False),
        (hot(1, threshold_celsius=None), {"rule": 1, "highest_celsius": 90.0}, False),
        (hot(None), {"rule": None, "highest_celsius": 90.0}, False),
        (
            TemperatureDifferenceAlarm(channel=2, rule=1, other_rule=2, threshold_kelvin=5.0, condition="above"),
            {"rule": 1, "difference_kelvin": 9.0},
            True,
        ),
        (fire((1, 68.0)), {"rule": 1, "highest_celsius": 90.0}, False),
    ],
)
def test_which_reading_holds_which_alarm(alarm: Alarm, values: dict[str, Any], held: bool) -> None:
    camera = Camera()
    camera.tell(alarm)
    camera.read(**values)
    camera.wait(10)
    assert camera.active(alarm.kind) is held


def test_a_reading_does_not_hold_what_is_unknown() -> None:
    camera = Camera()
    camera.tell(hot(1))
    camera.lose()
    camera.read(rule=1, highest_celsius=90.0)
    assert camera.active("temperature") is None


def test_inactive_of_something_never_told() -> None:
    camera = Camera()
    end = motion(phase="end")
    assert camera.tell(end) == [("end", end.id)]
    assert camera.active("motion") is False
    assert camera.tell(motion(phase="end")) == [], "said once is enough"
    assert len(camera.history) == 1


def test_lose_makes_everything_unknown() -> None:
    camera = Camera()
    camera.tell(fire((1, 68.0)))
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    outcome = camera.cycles.lose(camera.wall)
    assert {kind: level["active"] for _, kind, level in outcome.alarms} == {"fire": None, "motion": None}
    assert outcome.events == []


def test_a_device_cannot_grow_us_without_end() -> None:
    camera = Camera()
    for number in range(1000):
        camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type=f"type{number}"))
        camera.tell(fire((number, 68.0)))
        camera.read(rule=number, highest_celsius=1.0)
    assert len(camera.levels) < 300
    assert len(camera.level("fire")["targets"]) < 200
    assert len(camera.events) == 2000, "but every one of them was told"
    camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type="type0"))


def test_the_level_of_a_disconnected_camera_is_json() -> None:
    camera = Camera()
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


@settings(max_examples=400, deadline=None)
@given(_STEPS)
def test_whatever_happens(steps: list[_Step]) -> None:
    """`false` only of a connected source, `true` only of what was told, every start has one end or goes on, no id twice."""
    camera = Camera()
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


def test_every_kind_of_alarm_goes_through() -> None:
    camera = Camera()
    for cls in EVENT_TYPES:
        if not issubclass(cls, Alarm):
            continue
        alarm = cls(camera="kiln", channel=2, raw_type="x")
        assert [phase for phase, _ in camera.tell(alarm)] == ["start"]
        assert camera.active(alarm.kind) is True
    camera.wait(10)
    assert all(level["active"] is False for level in camera.levels.values())
