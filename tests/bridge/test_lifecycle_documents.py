"""What levels and events say of themselves: whose they are, since when, who released them, and what nobody sent is marked as inferred."""

from __future__ import annotations

from datetime import timedelta

import pytest
from nvr_hooks import Alarm, FireAlarm, MotionAlarm, StorageAlarm, rfc3339
from one_camera import START, OneCamera, fire, hot, motion

CAUGHT = START - timedelta(hours=1)


def test_levels_and_events_carry_the_name_the_camera_is_configured_by() -> None:
    camera = OneCamera()
    camera.tell(MotionAlarm(camera="IP CAMERA", channel=2, raw_type="VMD"))
    assert camera.events[-1]["camera"] == "kiln"
    level = camera.level("motion")
    assert (level["camera"], level["channel"], level["kind"]) == ("kiln", 2, "motion")


def test_an_adopted_level_says_what_it_is_before_anything_was_told() -> None:
    camera = OneCamera(online=False)
    for channel in (2, 0):
        ((_, _, level),) = camera.cycles.adopt(channel, "fire", camera.wall).alarms
        assert (level["camera"], level["channel"], level["kind"]) == ("kiln", channel or None, "fire")
        assert (level["active"], level["since"], level["released_by"]) == (None, rfc3339(camera.wall), None)


def test_a_level_says_since_when_it_is_so() -> None:
    camera = OneCamera()
    first = motion()
    camera.tell(first)
    camera.tell(motion())
    assert camera.level("motion")["since"] == rfc3339(first.received_at)
    end = motion(phase="end")
    camera.tell(end)
    assert camera.level("motion")["since"] == rfc3339(end.received_at)
    camera.wait(5)
    camera.lose()
    assert camera.level("motion")["since"] == rfc3339(camera.wall)
    camera.connect()
    camera.wait(10)
    assert (camera.active("motion"), camera.level("motion")["since"]) == (False, rfc3339(camera.wall))
    camera.tell(motion())
    camera.wait(10)
    assert camera.level("motion")["since"] == rfc3339(camera.wall), "released by quiet"


def test_lose_says_since_when_nothing_is_known() -> None:
    camera = OneCamera()
    camera.tell(motion())
    camera.wait(5)
    ((_, _, level),) = camera.cycles.lose(camera.wall).alarms
    assert (level["active"], level["since"]) == (None, rfc3339(camera.wall))
    assert camera.cycles.next_deadline() is None, "nobody listens: there is nothing to wait for"


def test_after_a_restart_a_level_is_unknown_since_then_and_need_not_be_kept_again() -> None:
    before = OneCamera()
    before.tell(fire((1, 68.0)))
    before.saved = {"2/motion": {"kind": "of another version"}, **before.saved}
    after = OneCamera(saved=before.saved)
    assert (after.active("fire"), after.level("fire")["since"]) == (None, rfc3339(after.wall))
    assert after.cycles.load(before.saved, after.wall).saved == {}


def test_what_was_told_late_and_before_a_connection_is_unknown_since_it_was_told() -> None:
    camera = OneCamera(online=False)
    alarm = motion(source="push", late=True)
    camera.tell(alarm)
    assert (camera.active("motion"), camera.level("motion")["since"]) == (None, rfc3339(alarm.received_at))


@pytest.mark.parametrize("first", [fire((1, 68.0), at=CAUGHT, late=True, pictures=2), hot(1, at=CAUGHT, late=True)])
def test_an_end_that_was_inferred_has_the_time_of_the_inference(first: Alarm) -> None:
    camera = OneCamera()
    camera.tell(first)
    camera.wait(10)
    end = camera.events[-1]
    assert end["phase"] == "end"
    assert end["id"] not in (first.id, None)
    assert (end["at"], end["received_at"], end["late"], end["pictures"]) == (None, rfc3339(camera.wall), False, None)


def test_a_lower_level_that_was_inferred_has_the_time_of_the_word_it_comes_from() -> None:
    camera = OneCamera()
    camera.tell(hot(1, "pre_alarm"))
    camera.tell(hot(1))
    end = hot(1, phase="end")
    camera.tell(end)
    assert (camera.events[-1]["phase"], camera.events[-1]["received_at"]) == ("level", rfc3339(end.received_at))
    camera.tell(hot(1))
    camera.wait(5)
    camera.tell(hot(1, "pre_alarm"))
    camera.wait(5)
    assert (camera.events[-1]["phase"], camera.events[-1]["received_at"]) == ("level", rfc3339(camera.wall))


def test_one_word_that_ends_two_life_cycles_is_told_of_the_worse_first() -> None:
    camera = OneCamera()
    mild, worse = fire((1, 68.0)), fire((2, 101.0), (3, 90.0))
    camera.tell(mild)
    camera.tell(worse)
    end = fire(phase="end", at=CAUGHT)
    assert camera.tell(end) == [("end", worse.id), ("end", mild.id)], "and once of each"
    first, second = camera.events[-2:]
    assert first["id"] == end.id
    assert second["id"] not in (end.id, mild.id, worse.id)
    assert {event["at"] for event in (first, second)} == {rfc3339(CAUGHT)}, "the device said both"


def test_who_released_a_level_that_nobody_remembers() -> None:
    camera = OneCamera()
    camera.cycles.adopt(2, "fire", camera.wall)
    camera.wait(10)
    assert (camera.active("fire"), camera.level("fire")["released_by"]) == (False, "quiet")
    camera.cycles.adopt(2, "motion", camera.wall)
    end = motion(phase="end")
    assert camera.tell(end) == []
    assert (camera.active("motion"), camera.level("motion")["released_by"]) == (False, "device")
    assert camera.level("motion")["since"] == rfc3339(end.received_at)
    camera.tell(hot(1, phase="end"))
    assert camera.level("temperature")["released_by"] == "device", "it began before we listened"


def test_a_repeat_without_details_need_not_be_kept() -> None:
    camera = OneCamera()
    camera.tell(fire((1, 68.0)))
    camera.saved.clear()
    camera.tell(fire())
    assert camera.saved == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (hot(1, preset=2), hot(1, preset=3)),
        (fire((1, 68.0)), fire((2, 68.0))),
        *(
            (
                StorageAlarm(camera="kiln", channel=2, disk=disk, state=state),
                StorageAlarm(camera="kiln", channel=2, disk=other_disk, state=other_state),
            )
            for disk, state, other_disk, other_state in ((1, None, 2, None), (None, "error", None, "full"))
        ),
    ],
)
def test_each_of_two_is_told_and_ends_on_its_own(one: Alarm, other: Alarm) -> None:
    camera = OneCamera()
    assert camera.tell(one) == [("start", one.id)]
    assert camera.tell(other) == [("start", other.id)]
    assert len(camera.level(one.kind)["targets"]) == 2


@pytest.mark.parametrize("preset", [0, 1])
def test_a_fixed_camera_has_one_preset_whatever_it_calls_it(preset: int) -> None:
    camera = OneCamera()
    camera.tell(hot(1))
    assert camera.tell(hot(1, preset=preset)) == []
    assert camera.tell(hot(1, preset=2)) != []


def test_regions_are_told_apart_by_their_numbers_and_not_by_their_order() -> None:
    camera = OneCamera()
    first = fire((1, 68.0), (2, 75.0))
    camera.tell(first)
    assert camera.tell(fire((2, 76.0), (1, 69.0))) == []
    camera.wait(5)
    camera.tell(fire((2, 76.0)))
    camera.wait(5)
    assert [target["id"] for target in camera.level("fire")["targets"]] == [2]


def test_a_word_without_a_level_means_the_alarm() -> None:
    camera = OneCamera()
    alarm = FireAlarm(camera="kiln", channel=2, level=None)
    camera.tell(alarm)
    assert camera.level("fire")["level"] == "alarm"
    assert camera.tell(FireAlarm(camera="kiln", channel=2, level=None, phase="end")) == [("end", alarm.id)]
