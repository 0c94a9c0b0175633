"""Virtual rules at work: configured, fed by the temperatures that watchers share, told to listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import ConnectionChanged, Event, TemperatureAlarm, TemperatureDifferenceAlarm
from thermal_camera import ThermalCamera, thermal_camera
from watched_kiln import Watcher

WaitFor = Callable[..., None]
DOOR = {"door": {"type": "threshold", "rule": 1, "pre_alarm": 60, "alarm": 80}}


@pytest.fixture
def camera() -> Iterator[ThermalCamera]:
    with thermal_camera() as made:
        yield made


@pytest.fixture
def kiln(camera: ThermalCamera, tmp_path: Path, secret: str) -> Iterator[Watcher]:
    camera.streams["/ISAPI/Event/notification/alertStream"] = "multipart/mixed; boundary=boundary"
    made = Watcher(camera, tmp_path / "state", secret)
    made.configure(virtual_rules=DOOR)
    yield made
    made.driver.nvr_close()


def told(kiln: Watcher) -> list[tuple[Any, ...]]:
    return [(alarm.phase, alarm.level, getattr(alarm, "celsius", None)) for alarm in kiln.alarms()]


def test_a_virtual_rule_raises_and_ends_alarms_of_its_own(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.listen()
    for celsius in (50.0, 65.0, 81.0, 78.5, 40.0):
        camera.tell((1, celsius))
    wait_for(lambda: len(kiln.alarms()) == 4)
    assert told(kiln) == [
        ("start", "pre_alarm", 65.0),
        ("level", "alarm", 81.0),
        ("level", "pre_alarm", 78.5),
        ("end", "pre_alarm", 40.0),
    ]
    first = kiln.alarms()[0]
    assert isinstance(first, TemperatureAlarm)
    assert (first.source, first.camera, first.channel, first.rule, first.rule_name) == (
        "virtual",
        "kiln",
        2,
        "door",
        "door",
    )
    assert {alarm.alarm_id for alarm in kiln.alarms()} == {first.id}


def test_differences_and_rises_are_watched(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.configure(virtual_rules={"pair": {"type": "difference", "rule": 1, "other_rule": 2, "alarm": 20}})
    kiln.listen()
    camera.tell((1, 50.0), (2, 45.0))
    camera.tell((1, 70.0), (2, 45.0))
    wait_for(kiln.alarms)
    (alarm,) = kiln.alarms()
    assert isinstance(alarm, TemperatureDifferenceAlarm)
    assert (alarm.rule, alarm.difference_kelvin, alarm.threshold_kelvin) == ("pair", 25.0, 20.0)


def test_temperatures_are_asked_for_only_while_somebody_listens(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    listening = kiln.listen()
    wait_for(lambda: camera.count() == 1)
    listening.close()
    wait_for(lambda: camera.count() == 0)
    kiln.configure()
    again = kiln.listen()
    wait_for(
        lambda: [event for event in kiln.heard if isinstance(event, ConnectionChanged) and event.state == "online"]
    )
    assert camera.count() == 0
    kiln.configure(virtual_rules=DOOR)
    wait_for(lambda: camera.count() == 1)
    again.close()


def test_watchers_and_virtual_rules_share_one_connection(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.listen()
    kiln.watch()
    camera.tell((1, 90.0))
    wait_for(lambda: kiln.alarms() and kiln.readings)
    assert camera.count() == 1


@pytest.mark.slow
def test_the_source_virtual_is_online_while_its_rules_have_sound_values(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.listen()
    camera.tell((1, 90.0))
    wait_for(kiln.alarms)
    wait_for(lambda: kiln.virtual_states()[-1:] == ["online"])
    camera.drop()
    wait_for(lambda: "offline" in kiln.virtual_states())
    camera.tell((1, 90.0))
    wait_for(lambda: kiln.virtual_states()[-1] == "online")
    assert told(kiln) == [("start", "alarm", 90.0)]
    late: list[Event] = []
    kiln.driver.nvr_listen("kiln", late.append)
    wait_for(lambda: len(late) >= 2)
    assert [(event.source, getattr(event, "state", "")) for event in late[:2]][1] == ("virtual", "online")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["frozen", "no number", "silent"])
def test_nobody_knows_what_an_alarm_is_while_its_rule_has_no_sound_value(
    how: str, kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.virtual_watch.FRESH", 0.3)
    kiln.listen()
    camera.tell((1, 90.0), (2, 20.0))
    wait_for(kiln.alarms)

    def goes_on() -> bool:
        if how == "frozen":
            camera.tell((1, 20.0), isFreezedata=True)
        elif how == "no number":
            camera.tell((1, 20.0), LinePolygonThermCfg={"MaxTemperature": "hot"})
        camera.tell((2, 20.0))
        return kiln.virtual_states()[-1] == "offline"

    wait_for(goes_on)
    lost = [event for event in kiln.heard if isinstance(event, ConnectionChanged) and event.source == "virtual"][-1]
    assert lost.reason == "kiln: door: no sound value of rule 1 for 0.3 s"
    assert told(kiln) == [("start", "alarm", 90.0)]
    camera.tell((1, 91.0))
    wait_for(lambda: kiln.virtual_states()[-1] == "online")


def test_a_rule_that_the_device_ends_ends_its_alarm(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.listen()
    camera.tell((1, 90.0))
    wait_for(kiln.alarms)
    camera.tell((1, 0.0), data_type=2)
    wait_for(lambda: len(kiln.alarms()) == 2)
    assert kiln.alarms()[-1].phase == "end"


def test_other_rules_end_what_the_old_ones_had_raised(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.listen()
    camera.tell((1, 90.0))
    wait_for(kiln.alarms)
    kiln.configure(virtual_rules={"other": {"type": "threshold", "rule": 1, "alarm": 200}})
    wait_for(lambda: len(kiln.alarms()) == 2)
    assert told(kiln) == [("start", "alarm", 90.0), ("end", "alarm", 90.0)]


def test_the_same_rules_with_other_settings_go_on(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.listen()
    camera.tell((1, 90.0))
    wait_for(kiln.alarms)
    kiln.configure(virtual_rules=DOOR, timeout=4)

    def cools() -> bool:
        if camera.count():
            camera.tell((1, 30.0))
        return len(kiln.alarms()) == 2

    wait_for(cools)
    assert told(kiln) == [("start", "alarm", 90.0), ("end", "alarm", 30.0)]


def test_without_virtual_rules_the_source_is_not_spoken_of(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.configure()
    kiln.listen()
    wait_for(lambda: kiln.heard)
    assert kiln.virtual_states() == []
