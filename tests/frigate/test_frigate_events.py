"""An alarm is one event in Frigate, from its beginning to its end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from frigate_house import House, door, fire
from frigate_server import FrigateServer
from nvr_hooks import FireAlarm, MotionAlarm, SmokeAlarm, TemperatureAlarm, TemperatureDifferenceAlarm

Wait = Callable[..., None]


def test_an_alarm_is_an_event_until_it_is_over(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    (event,) = frigate.events
    assert (event.camera, event.label) == ("kiln_thermal", "fire")
    assert event.body == {
        "sub_label": "350.0 °C, 12 m",
        "score": 1.0,
        "duration": None,
        "include_recording": True,
        "draw": {"boxes": [{"box": [0.4, 0.3, 0.2, 0.2], "color": [255, 64, 0], "score": 100}]},
    }
    house.camera.tell(fire())  # the device repeats
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: not frigate.open())
    assert len(frigate.events) == 1
    assert event.end_time is not None
    assert event.end_time >= event.start_time
    wait_for(lambda: house.journal() == "[]")


@pytest.mark.slow
def test_an_alarm_without_an_end_is_ended_when_quiet(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=0.3)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    begun = time.monotonic()
    while time.monotonic() - begun < 0.8:
        house.camera.tell(fire())
        assert len(frigate.open()) == 1
    wait_for(lambda: not frigate.open())
    assert len(frigate.events) == 1


def test_each_rule_and_kind_has_its_own_event(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    wall = TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=2, celsius=70.0)
    difference = TemperatureDifferenceAlarm(
        camera="kiln", channel=2, raw_type="TMDA", rule=1, other_rule=2, difference_kelvin=22.36
    )
    smoke = SmokeAlarm(camera="kiln", channel=2, raw_type="smokeDetection")
    visible = FireAlarm(camera="kiln", channel=1, raw_type="fireDetection")
    for alarm in (door(), wall, difference, smoke, visible):
        house.camera.tell(alarm)
    wait_for(lambda: len(frigate.open()) == 5)
    assert [(event.camera, event.label, event.body["sub_label"], event.body["draw"]) for event in frigate.events] == [
        ("kiln_thermal", "heat", "92.4 °C, door", {}),
        ("kiln_thermal", "heat", "70.0 °C", {}),
        ("kiln_thermal", "heat", "22.4 K", {}),
        ("kiln_thermal", "smoke", None, {}),
        ("kiln_visible", "fire", None, {}),
    ]
    house.camera.tell(TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=2, phase="end"))
    wait_for(lambda: len(frigate.open()) == 4)
    assert [event.body["sub_label"] for event in frigate.events if event.end_time is not None] == ["70.0 °C"]


def test_which_kinds_labels_and_names_can_be_chosen(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    frigate.cameras = ("front",)
    house.start(
        wait_for, labels={"motion": "person like"}, cameras={"kiln": {"thermal": "front"}}, include_recording=False
    )
    house.camera.tell(fire())
    house.camera.tell(MotionAlarm(camera="kiln", channel=2, raw_type="VMD"))
    wait_for(lambda: frigate.events)
    (event,) = frigate.events
    assert (event.camera, event.label, event.body["include_recording"]) == ("front", "person like", False)


@pytest.mark.slow
def test_a_lost_camera_holds_its_event_for_a_while(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=0.1, hold=1)
    house.camera.tell(fire())
    house.connection("offline")
    wait_for(lambda: frigate.open())
    begun = time.monotonic()
    wait_for(lambda: not frigate.open())
    assert 0.7 < time.monotonic() - begun < 5


def test_pre_alarms_make_events_only_where_wanted(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, pre_alarms=True, release_after=30)
    house.camera.tell(
        TemperatureAlarm(camera="kiln", channel=2, raw_type="TMPA", rule=1, level="pre_alarm", celsius=60.0)
    )
    wait_for(lambda: frigate.open())
    house.camera.tell(door())
    wait_for(lambda: len(frigate.events) == 2 and len(frigate.open()) == 1)
    assert [(event.body["sub_label"], event.body["score"]) for event in frigate.events] == [
        ("pre-alarm, 60.0 °C", 0.5),
        ("92.4 °C, door", 1.0),
    ]


def test_the_end_of_the_host_ends_what_is_open(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    begun = time.monotonic()
    house.plugin.nvr_close()
    house.plugin.nvr_close()
    assert time.monotonic() - begun < 2
    assert not frigate.open()
    assert house.journal() == "[]"


def test_other_settings_begin_anew(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    house.configure(release_after=30, labels={"fire": "flame"})
    assert not frigate.open()
    wait_for(lambda: house.camera.listeners[-1].state == "running")
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    assert frigate.open()[0].label == "flame"
    house.plugins.hook.nvr_configure(config={})
    assert not frigate.open()


def test_loading_it_costs_nothing() -> None:
    program = (
        "import sys, json; import hik_thermal_plugin.frigate.plugin;"
        "print(json.dumps([name for name in ('pydantic', 'httpx', 'ruamel.yaml', 'typer') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
