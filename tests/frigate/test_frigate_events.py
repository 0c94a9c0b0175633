"""An alarm is one event in Frigate, from its beginning to its end, on good days and bad ones."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from frigate_house import House
from frigate_server import FrigateServer
from nvr_hooks import FireAlarm, MotionAlarm, SmokeAlarm, Target, TemperatureAlarm, TemperatureDifferenceAlarm

Wait = Callable[..., None]
PLACE = Target(region=((0.4, 0.3), (0.6, 0.3), (0.6, 0.5)), hottest=(0.5, 0.4), celsius=350.0, distance_m=12.0)


def fire(**more: Any) -> FireAlarm:
    return FireAlarm(
        camera="kiln", channel=2, raw_type="fireDetection", celsius=350.0, distance_m=12.0, targets=(PLACE,), **more
    )


def door(**more: Any) -> TemperatureAlarm:
    return TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=1, rule_name="door", celsius=92.44, **more)


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


# -- bad days ----------------------------------------------------------------------------------------------------------


def test_what_happens_while_frigate_is_away_is_told_when_it_is_back(
    house: House,
    frigate: FrigateServer,
    wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.frigate.delivery.LATE_SECONDS", 0.0)
    frigate.stop()
    house.start(wait_for, release_after=30)
    house.camera.tell(begun := door())
    house.camera.tell(door(phase="end"))
    house.camera.tell(fire())
    wait_for(lambda: caplog.text.count("does not answer") >= 2)
    frigate.start()
    wait_for(lambda: len(frigate.events) == 2)
    present, past = frigate.events  # what goes on comes first
    local = begun.received_at.astimezone()
    assert past.body["sub_label"] == f"92.4 °C, door, began {local:%H:%M:%S}"
    assert (past.body["duration"], past.body["include_recording"]) == (1, False)  # its time is over: no picture of now
    assert present.body["sub_label"].startswith("350.0 °C, 12 m, began ")
    assert present.end_time is None
    told = [record.levelname for record in caplog.records if "does not answer" in record.message]
    assert told[0] == "WARNING"
    assert set(told[1:]) == {"DEBUG"}


def test_a_frigate_that_was_restarted_has_the_event_again(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    frigate.stop()
    frigate.start()
    wait_for(lambda: len(frigate.events) == 2)
    assert frigate.open() == frigate.events[1:]
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: not frigate.open())


def test_an_event_that_was_open_at_a_kill_is_ended_by_the_next_life(
    houses: list[House], frigate: FrigateServer, wait_for: Wait
) -> None:
    first, second = houses
    first.start(wait_for, release_after=30)
    first.camera.tell(fire())
    wait_for(lambda: frigate.open() and frigate.open()[0].id in first.journal())
    first.kill()
    assert len(frigate.open()) == 1
    second.start(wait_for, release_after=30)
    wait_for(lambda: not frigate.open())
    wait_for(lambda: second.journal() == "[]")
    assert len(frigate.events) == 1


def test_an_alarm_that_waited_over_a_restart_is_told_once(
    houses: list[House], frigate: FrigateServer, wait_for: Wait
) -> None:
    first, second = houses
    frigate.stop()
    first.start(wait_for)
    first.camera.tell(fire())
    wait_for(lambda: json.loads(first.journal()))
    first.plugin.nvr_close()
    frigate.start()
    second.start(wait_for)
    wait_for(lambda: frigate.events and not frigate.open())
    assert len(frigate.events) == 1


def test_an_answer_that_is_lost_makes_no_second_event(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    frigate.failures = [None]
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.asked("GET", "events") == 1)
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: frigate.events and not frigate.open())
    assert len(frigate.events) == 1


def test_an_event_that_is_not_stored_yet_is_ended_a_little_later(
    house: House, frigate: FrigateServer, wait_for: Wait
) -> None:
    frigate.slow_store = True
    house.start(wait_for, release_after=0.05)
    house.camera.tell(fire())
    wait_for(lambda: frigate.events and not frigate.open())
    assert frigate.asked("PUT", "events/.*/end") == 2


def test_an_event_deleted_by_hand_is_let_go(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    frigate.events.clear()
    wait_for(lambda: house.journal() == "[]")  # seen at the next look
    house.camera.tell(fire(phase="end"))
    house.camera.tell(door())
    wait_for(lambda: frigate.open())
    assert [event.label for event in frigate.events] == ["heat"]


def test_an_event_deleted_by_hand_just_before_its_end_is_let_go(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    frigate.events.clear()
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: house.journal() == "[]")
    assert "no longer there" in caplog.text


def test_an_unknown_camera_is_told_once_and_stops_nothing(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    frigate.cameras = ("kiln_visible",)
    house.start(wait_for, release_after=0.05)
    house.camera.tell(fire())
    wait_for(lambda: frigate.asked("POST", "events/.*") == 1)
    house.camera.tell(door())
    house.camera.tell(FireAlarm(camera="kiln", channel=1, raw_type="fireDetection"))
    wait_for(lambda: frigate.events and not frigate.open())
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "Frigate: Frigate knows no camera kiln_thermal: its alarms make no events; the names are in frigate.cameras"
    ]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ((500, {"detail": "Internal Server Error"}), "Frigate fails, it is tried again"),
        ((502, b"<html>Bad Gateway</html>"), "Frigate is starting or gone"),
        ((404, b"<html>not here</html>"), "no answer of Frigate's"),
        ((200, b"<html>hello</html>"), "no answer of Frigate's"),
        ((200, {"success": True}), "without the id"),
        ((403, {"detail": "Role viewer not authorized. Required: admin"}), "needs the role admin"),
        ((401, None), "this port wants a login"),
    ],
)
def test_a_failure_that_passes_costs_no_event(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture, failure: Any, words: str
) -> None:
    frigate.failures = [failure, failure]
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    assert len(frigate.events) == 1
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1
    assert words in told[0]


def test_an_event_on_which_frigate_always_fails_is_left_out_and_the_next_goes_on(
    house: House, frigate: FrigateServer, wait_for: Wait
) -> None:
    frigate.failures = [(500, {"detail": "Internal Server Error"})] * 5
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: not frigate.failures)
    house.camera.tell(door())
    wait_for(lambda: frigate.open())
    assert [event.label for event in frigate.events] == ["heat"]


def test_a_request_frigate_does_not_take_is_left_out(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    frigate.failures = [(422, {"detail": [{"msg": "wrong"}]})]
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    house.camera.tell(door())
    wait_for(lambda: frigate.open())
    assert [event.label for event in frigate.events] == ["heat"]


def test_too_many_alarms_for_a_frigate_that_is_away_are_bounded(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    frigate.stop()
    house.start(wait_for, release_after=30, max_waiting=3)
    for rule in range(1, 7):
        house.camera.tell(TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=rule, celsius=float(rule)))
    wait_for(lambda: "more than 3 alarms wait" in caplog.text and len(json.loads(house.journal())) == 3)
    frigate.start()
    wait_for(lambda: len(frigate.events) == 3)
    assert [event.body["sub_label"] for event in frigate.events] == ["4.0 °C", "5.0 °C", "6.0 °C"]


def test_alarms_too_old_make_no_event(house: House, frigate: FrigateServer, wait_for: Wait) -> None:
    frigate.stop()
    house.start(wait_for, release_after=30, max_age=1)
    house.camera.tell(fire())
    wait_for(lambda: json.loads(house.journal()))
    wait_for(lambda: not json.loads(house.journal()))
    frigate.start()
    house.camera.tell(door())
    wait_for(lambda: frigate.events)
    assert [event.label for event in frigate.events] == ["heat"]


@pytest.mark.integration
def test_a_frigate_that_says_nothing_holds_up_neither_the_camera_nor_the_end(
    house: House, frigate: FrigateServer, wait_for: Wait
) -> None:
    frigate.silent = threading.Event()
    house.start(wait_for, release_after=30, timeout=30)
    begun = time.monotonic()
    for _ in range(1000):
        house.camera.tell(fire())
    assert time.monotonic() - begun < 1
    wait_for(lambda: frigate.requests)
    begun = time.monotonic()
    house.plugin.nvr_close()
    assert time.monotonic() - begun < 4
    assert json.loads(house.journal())[0]["draft"]["label"] == "fire"


def test_a_broken_journal_is_moved_aside(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    house.folder.mkdir()
    (house.folder / "frigate-events.json").write_text('[{"id": 3}]')
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    assert "cannot be understood" in caplog.text
    assert (house.folder / "frigate-events.broken").exists()


def test_loading_it_costs_nothing() -> None:
    program = (
        "import sys, json; import hik_thermal_plugin.frigate.plugin;"
        "print(json.dumps([name for name in ('pydantic', 'httpx', 'ruamel.yaml', 'typer') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
