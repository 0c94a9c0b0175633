"""Whose silence means something: which source vouches for which level, since when, and what bounds hold."""

from __future__ import annotations

from typing import Any

import pytest
from nvr_hooks import Alarm, OtherAlarm, StorageAlarm, TemperatureDifferenceAlarm
from one_camera import OneCamera, fire, hot, motion

from hik_thermal_plugin.bridge import lifecycle


def active(camera: OneCamera, kind: str = "fire") -> list[tuple[Any, Any]]:
    """Return (region, whether it is active) of each told."""
    return [(target["id"], target["active"]) for target in camera.level(kind)["targets"]]


@pytest.mark.parametrize("lost", ["alert_stream", "sdk"])
@pytest.mark.parametrize("again", [fire((1, 68.0), source="sdk"), fire(source="sdk")])
def test_what_two_sources_told_is_known_while_one_is_left(lost: str, again: Alarm) -> None:
    camera = OneCamera()
    camera.connect("sdk")
    camera.tell(fire((1, 68.0)))
    camera.tell(again)
    camera.lose(lost)
    assert camera.active("fire") is True


def test_each_region_is_as_sure_as_who_told_it() -> None:
    camera = OneCamera()
    camera.connect("sdk")
    camera.tell(fire((1, 68.0)))
    camera.tell(fire((2, 68.0), source="sdk"))
    camera.lose("sdk")
    assert active(camera) == [(1, True), (2, None)]
    camera.lose()
    camera.connect()
    camera.tell(fire((1, 68.0)))
    assert active(camera) == [(1, True), (2, None)]


def test_after_nobody_listened_each_region_is_known_when_it_is_told_again() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0), (2, 68.0)))
    camera.cycles.lose(camera.wall)
    camera.tell(fire((1, 68.0)))
    assert active(camera) == [(1, True), (2, None)]


def test_what_was_only_pushed_is_doubted_region_by_region() -> None:
    camera = OneCamera(online=False)
    camera.tell(fire((1, 68.0), source="push"))
    camera.wait(5)
    camera.tell(fire((2, 68.0), source="push"))
    camera.wait(4.9)
    assert active(camera) == [(1, True), (2, True)]
    camera.wait(0.1)
    assert active(camera) == [(1, None), (2, True)]


def test_another_source_that_hears_it_too_releases_what_was_pushed() -> None:
    camera = OneCamera(online=False)
    alarm = fire((1, 68.0), source="push")
    camera.tell(alarm)
    camera.tell(fire((1, 68.0), source="metadata"))
    assert camera.wait(10) == [("end", alarm.id)]


def test_what_is_off_stays_off_while_somebody_could_say_otherwise() -> None:
    camera = OneCamera()
    camera.connect("sdk")
    camera.tell(motion())
    camera.tell(motion(source="sdk"))
    camera.tell(motion(phase="end"))
    camera.lose("sdk")
    assert camera.active("motion") is False
    camera.lose()
    assert camera.active("motion") is None


def test_a_source_that_never_told_it_takes_nothing_with_it() -> None:
    camera = OneCamera(online=False)
    camera.tell(motion(source="push", phase="end"))
    camera.connect("realtime")
    camera.lose("realtime")
    assert camera.active("motion") is False, "the device's word stands"


def test_quiet_is_counted_from_the_connection_and_once() -> None:
    camera = OneCamera()
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    camera.lose()
    camera.wait(60)
    camera.connect()
    camera.wait(9)
    camera.connect()
    camera.wait(0.9)
    assert camera.active("motion") is None
    camera.wait(0.1)
    assert camera.active("motion") is False


def test_the_next_deadline_is_the_earliest_of_all() -> None:
    camera = OneCamera()
    camera.tell(motion())
    camera.wait(3)
    camera.cycles.adopt(2, "fire", camera.wall)
    camera.tell(hot(1))
    assert camera.cycles.next_deadline() == 110.0
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    assert camera.cycles.next_deadline() == 110.0, "the fire's: quiet since the connection"
    camera.wait(8)
    assert camera.cycles.next_deadline() == 113.0


def test_a_virtual_rule_needs_no_connection() -> None:
    camera = OneCamera(online=False)
    alarm = hot(None, source="virtual")
    camera.tell(alarm)
    camera.cycles.lose(camera.wall)
    assert camera.wait(10) == [("end", alarm.id)]


def test_a_look_at_the_disks_is_no_connection() -> None:
    camera = OneCamera(online=False)
    camera.connect("poll")
    camera.tell(StorageAlarm(camera="kiln", channel=2, source="poll", disk=1, state="error"))
    camera.wait(10)
    assert camera.active("storage") is None


def test_differences_of_other_rules_are_other_alarms() -> None:
    def difference(rule: int, other: int, preset: int | None = None, **fields: Any) -> TemperatureDifferenceAlarm:
        return TemperatureDifferenceAlarm(
            camera="kiln", channel=2, rule=rule, other_rule=other, preset=preset, difference_kelvin=9.0, **fields
        )

    camera = OneCamera()
    for alarm in (difference(1, 2), difference(1, 3), difference(2, 3), difference(1, 2, preset=2)):
        assert camera.tell(alarm) == [("start", alarm.id)]
    for preset in (0, 1):
        assert camera.tell(difference(1, 2, preset=preset)) == []
    assert camera.tell(difference(1, 2, preset=3)) != []
    camera.tell(difference(1, 2, phase="end"))
    assert len(camera.level("temperature_difference")["targets"]) == 4


def test_the_end_of_all_that_was_heard_is_not_the_end_of_what_was_not() -> None:
    before = OneCamera()
    alarm = fire((1, 68.0))
    before.tell(alarm)
    after = before.restarted(online=True)
    assert after.tell(fire((1, 68.0), phase="end")) == [("end", alarm.id)]
    assert after.active("fire") is None, "there may be others: it has not been quiet yet"
    after.wait(10)
    assert (after.active("fire"), after.level("fire")["released_by"]) == (False, "device")


def test_too_many_kinds_of_one_device_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MOST_KINDS", 2)
    camera = OneCamera()
    one, two, three, four = (OtherAlarm(camera="kiln", channel=2, raw_type=f"type{number}") for number in range(1, 5))
    for alarm in (one, two, three, four):
        assert camera.tell(alarm) == [("start", alarm.id)], "each is told"
    assert set(camera.levels) == {(2, "type1"), (2, "type2"), (2, "other")}
    assert camera.level("other")["kind"] == "type4"
    assert camera.tell(OtherAlarm(camera="kiln", channel=2, raw_type="type2")) == [], "still known by its own name"
    end = OtherAlarm(camera="kiln", channel=2, raw_type="type3", phase="end")
    assert camera.tell(end) == [("end", three.id)]
    assert camera.active("other") is True, "the fourth goes on"


def test_of_too_many_regions_the_longest_silent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MOST_VOICES", 2)
    before = OneCamera()
    before.tell(fire((1, 68.0)))
    before.tell(fire((2, 68.0)))
    assert active(before) == [(1, True), (2, True)]
    before.wait(1)
    before.tell(fire((1, 68.0)))
    before.wait(1)
    before.tell(fire((3, 68.0)))
    assert active(before) == [(1, True), (3, True)]
    after = before.restarted(online=True)
    after.tell(fire((1, 68.0)))
    after.tell(fire((4, 68.0)))
    assert active(after) == [(1, True), (4, True)], "what was not heard since the restart goes first"


def test_of_too_many_readings_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MOST_READINGS", 2)
    camera = OneCamera()
    for rule in (1, 2, 3):
        camera.tell(hot(rule))
    for rule in (1, 2, 1, 3):
        camera.read(rule=rule, highest_celsius=90.0)
    camera.wait(10)
    assert [target["rule"] for target in camera.level("temperature")["targets"]] == [1, 3]


def test_an_alarm_goes_on_while_it_is_known_to_and_is_of_another_kind() -> None:
    camera = OneCamera()
    assert not camera.cycles.goes_on("fire")
    camera.tell(motion(late=True))
    assert not camera.cycles.goes_on("fire"), "what was told late and is no danger raises nothing"
    camera.tell(fire((1, 68.0)))
    assert camera.cycles.goes_on("motion")
    assert not camera.cycles.goes_on("fire")
    camera.lose()
    assert not camera.cycles.goes_on("motion"), "nobody knows"


def test_what_is_off_is_unknown_without_who_told_it_whoever_else_is_connected() -> None:
    camera = OneCamera()
    camera.connect("sdk")
    camera.tell(motion())
    camera.tell(motion(phase="end"))
    camera.lose()
    assert camera.active("motion") is None


def test_neither_metadata_nor_a_virtual_rule_vouches_for_the_devices_alarms() -> None:
    camera = OneCamera()
    camera.connect("metadata")
    for source in ("metadata", "virtual"):
        camera.tell(fire((1, 68.0), source=source))
    camera.wait(10)
    assert camera.active("fire") is False
    camera.lose()
    assert camera.active("fire") is None
