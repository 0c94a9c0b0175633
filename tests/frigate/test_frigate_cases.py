"""When an alarm begins and when it is over, step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    CameraInfo,
    ChannelInfo,
    FireAlarm,
    InputAlarm,
    MotionAlarm,
    Reporting,
    StorageAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
)

from hik_thermal_plugin.frigate.cases import MOST, Case, Cases
from hik_thermal_plugin.frigate.drafts import LONGEST, draft, frigate_camera, told_late
from hik_thermal_plugin.frigate.settings import CameraSettings, FrigateSettings

KINDS = ("fire", "temperature", "temperature_difference", "motion", "input", "storage")
FIRE = FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", celsius=350.0)
DOOR = TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=1)


@pytest.fixture
def cases() -> Cases:
    return Cases(KINDS, release_after=10.0, hold=100.0)


def begun(cases: Cases, alarm: Alarm, now: float = 0.0) -> Case:
    began, over = cases.take(alarm, now)
    assert over == []
    [case] = began
    return case


def test_repeats_prolong_and_quiet_ends(cases: Cases) -> None:
    case = begun(cases, FIRE)
    assert cases.next_deadline() == 10.0
    assert cases.take(FIRE, 7.0) == ([], [])
    assert cases.tick(16.9) == []
    assert cases.tick(17.0) == [case]
    assert cases.next_deadline() is None
    assert begun(cases, FIRE, 18.0).id != case.id


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (DOOR, replace(DOOR, rule=2)),
        (DOOR, replace(DOOR, preset=2)),
        (DOOR, replace(DOOR, channel=3)),
        (DOOR, replace(DOOR, camera="yard")),
        (FIRE, DOOR),
        (InputAlarm(camera="kiln", port=1), InputAlarm(camera="kiln", port=2)),
        (StorageAlarm(camera="kiln", disk=1, state="full"), StorageAlarm(camera="kiln", disk=1, state="error")),
        (
            TemperatureDifferenceAlarm(camera="kiln", rule=1, other_rule=2),
            TemperatureDifferenceAlarm(camera="kiln", rule=1, other_rule=3),
        ),
    ],
)
def test_what_is_another_alarm(cases: Cases, first: Alarm, second: Alarm) -> None:
    one, two = begun(cases, first), begun(cases, second)
    assert cases.take(replace(second, phase="end"), 1.0) == ([], [two])
    assert cases.close() == [one]


def test_fixed_cameras_say_preset_one_or_nothing(cases: Cases) -> None:
    begun(cases, DOOR)
    assert cases.take(replace(DOOR, preset=1), 1.0) == ([], [])
    assert cases.take(replace(DOOR, preset=0), 1.0) == ([], [])


def test_an_end_that_names_no_rule_ends_them_all(cases: Cases) -> None:
    one, two, fire = begun(cases, DOOR), begun(cases, replace(DOOR, rule=2)), begun(cases, FIRE)
    assert cases.take(replace(DOOR, rule=None, phase="end"), 1.0) == ([], [one, two])
    assert cases.close() == [fire]
    assert cases.take(replace(FIRE, phase="end"), 2.0) == ([], [])


def test_one_of_two_fires_that_is_out_leaves_the_event_open(cases: Cases) -> None:
    one, two = Target(id=1), Target(id=2)
    case = begun(cases, replace(FIRE, targets=(one,)))
    assert cases.take(replace(FIRE, targets=(one, two)), 1.0) == ([], [])
    assert cases.take(replace(FIRE, targets=(one,), phase="end"), 2.0) == ([], [])
    assert cases.take(replace(FIRE, targets=(two,), phase="end"), 3.0) == ([], [case])
    case = begun(cases, replace(FIRE, targets=(one, two)), 4.0)
    assert cases.take(replace(FIRE, phase="end"), 5.0) == ([], [case])  # names none: all are out


def test_a_pre_alarm_is_nothing_unless_wanted(cases: Cases) -> None:
    assert cases.take(replace(DOOR, level="pre_alarm"), 0.0) == ([], [])
    assert cases.next_deadline() is None


def test_an_alarm_takes_the_place_of_its_pre_alarm_which_may_go_on_being_told() -> None:
    cases = Cases(KINDS, release_after=10, hold=100, pre_alarms=True)
    before = begun(cases, replace(DOOR, level="pre_alarm"))
    [alarm], over = cases.take(DOOR, 1.0)
    assert over == [before]
    assert cases.take(replace(DOOR, level="pre_alarm"), 2.0) == ([], [])
    assert cases.take(replace(DOOR, level="pre_alarm", phase="end"), 3.0) == ([], [])
    assert cases.tick(11.0) == [alarm]
    assert begun(cases, replace(DOOR, level="pre_alarm"), 12.0).alarm.level == "pre_alarm"


def test_what_is_told_late_begins_only_where_missing_it_is_worse(cases: Cases) -> None:
    assert cases.take(MotionAlarm(camera="kiln", late=True), 0.0) == ([], [])
    begun(cases, replace(FIRE, late=True))
    assert cases.take(MotionAlarm(camera="kiln"), 0.0)[0]


def test_a_lost_source_makes_it_unknown_until_it_is_back_or_too_long_away(cases: Cases) -> None:
    case = begun(cases, FIRE)
    cases.connection("kiln", "alert_stream", online=False, now=5.0)
    cases.connection("kiln", "alert_stream", online=False, now=50.0)
    assert cases.tick(104.9) == []
    cases.connection("kiln", "alert_stream", online=True, now=104.9)
    assert cases.tick(114.8) == []
    assert cases.tick(114.9) == [case]
    case = begun(cases, FIRE, 200.0)
    cases.connection("yard", "alert_stream", online=False, now=201.0)
    cases.connection("kiln", "realtime", online=False, now=201.0)
    assert cases.next_deadline() == 210.0  # neither told it
    cases.connection("kiln", "alert_stream", online=False, now=205.0)
    assert cases.tick(304.9) == []
    assert cases.tick(305.0) == [case]


def test_one_of_two_sources_is_enough_to_know(cases: Cases) -> None:
    case = begun(cases, FIRE)
    assert cases.take(replace(FIRE, source="metadata"), 1.0) == ([], [])
    cases.connection("kiln", "metadata", online=False, now=2.0)
    assert cases.tick(11.0) == [case]


def test_a_push_vouches_for_nothing_and_the_armed_connection_for_it(cases: Cases) -> None:
    pushed = replace(FIRE, source="push")
    case = begun(cases, pushed)
    assert cases.tick(99.9) == []
    assert cases.take(pushed, 99.9) == ([], [])  # it goes on
    assert cases.tick(199.8) == []
    cases.connection("kiln", "alert_stream", online=True, now=199.8)
    assert cases.tick(209.8) == [case]
    case = begun(cases, FIRE, 300.0)
    cases.take(pushed, 300.0)
    cases.connection("kiln", "alert_stream", online=False, now=301.0)
    assert cases.tick(400.9) == []
    assert cases.tick(401.0) == [case]


def test_a_rule_of_ours_knows_nothing_without_the_camera(cases: Cases) -> None:
    ours = replace(DOOR, source="virtual")
    case = begun(cases, ours)
    cases.connection("kiln", "alert_stream", online=False, now=5.0)
    assert cases.tick(104.9) == []
    assert cases.take(ours, 104.9) == ([], [])  # its temperatures come another way: it goes on
    assert cases.tick(114.9) == [case]


def test_a_removed_camera_has_no_cases(cases: Cases) -> None:
    case = begun(cases, FIRE)
    other = begun(cases, replace(FIRE, camera="yard"))
    assert cases.forget("kiln") == [case]
    assert cases.close() == [other]


def test_open_cases_are_bounded(cases: Cases) -> None:
    first = begun(cases, replace(DOOR, rule=0))
    for rule in range(1, MOST):
        begun(cases, replace(DOOR, rule=rule))
    assert cases.take(replace(DOOR, rule=MOST), 1.0)[1] == [first]


BOTH = CameraInfo(
    name="kiln",
    url="http://192.0.2.1",
    channels=(
        ChannelInfo(id=1, thermal=False),
        ChannelInfo(id=2, thermal=True),
        ChannelInfo(id=3, thermal=False),
    ),
    thermal_channel=2,
)


@pytest.mark.parametrize(
    ("info", "channel", "name"),
    [
        (None, None, "kiln_thermal"),
        (None, 1, "kiln_thermal"),
        (BOTH, None, "kiln_thermal"),
        (BOTH, 1, "kiln_visible"),
        (BOTH, 2, "kiln_thermal"),
        (BOTH, 3, "kiln_visible_3"),
        (replace(BOTH, channels=None), 2, "kiln_thermal"),
        (replace(BOTH, channels=None), 1, "kiln_visible"),
        (replace(BOTH, channels=None, thermal_channel=None), 1, "kiln_thermal"),
    ],
)
def test_what_frigate_calls_a_channel(info: CameraInfo | None, channel: int | None, name: str) -> None:
    assert frigate_camera("kiln", channel, info, FrigateSettings()) == name


def test_names_are_what_frigate_takes() -> None:
    assert FrigateSettings().camera("Öfen / Süd+1#", thermal=True) == "_fen___s_d_1__thermal"
    named = FrigateSettings(cameras={"kiln": CameraSettings(visible="front")})
    assert (named.camera("kiln", thermal=True), named.camera("kiln", thermal=False)) == ("kiln_thermal", "front")


@pytest.mark.parametrize(
    ("region", "hottest", "box"),
    [
        (((0.1, 0.2), (0.3, 0.2), (0.3, 0.6)), None, (0.1, 0.2, 0.2, 0.4)),
        ((), (0.5, 0.5), (0.49, 0.49, 0.02, 0.02)),
        (((0.0, 1.0),), None, (0.0, 0.98, 0.02, 0.02)),
        (((-0.5, 0.2), (1.5, 0.4)), None, (0.0, 0.2, 1.0, 0.2)),
        ((), None, None),
        (((float("nan"), 0.2),), None, None),
    ],
)
def test_the_box_is_around_the_place_and_in_the_picture(region: Any, hottest: Any, box: Any) -> None:
    made = draft(replace(FIRE, targets=(Target(region=region, hottest=hottest),)), None, FrigateSettings())
    assert made.boxes == (() if box is None else (pytest.approx(box),))


@pytest.mark.parametrize(
    ("alarm", "unit", "label"),
    [
        (FIRE, "celsius", "350.0 °C"),
        (FIRE, "fahrenheit", "662.0 °F"),
        (replace(FIRE, celsius=None, targets=(Target(celsius=80.0), Target(celsius=90.0))), "celsius", "90.0 °C"),
        (replace(FIRE, celsius=float("nan")), "celsius", None),
        (replace(FIRE, celsius=None), "kelvin", None),
        (replace(DOOR, celsius=26.85, rule_name="n" * 200), "kelvin", f"300.0 K, {'n' * 91}"),
    ],
)
def test_the_sub_label_says_what_was_measured(alarm: Alarm, unit: Any, label: str | None) -> None:
    info = replace(BOTH, reporting=Reporting(unit=unit))
    assert draft(alarm, info, FrigateSettings()).sub_label == label


def test_an_event_told_late_says_when_it_began() -> None:
    now = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    today, yesterday = now.astimezone(), (now - timedelta(days=1)).astimezone()
    assert told_late("80 °C", now, now) == f"80 °C, began {today:%H:%M:%S}"
    assert told_late(None, now - timedelta(days=1), now) == f"began {yesterday:%Y-%m-%d %H:%M:%S}"
    assert len(told_late("x" * 99, now, now)) == LONGEST
