"""Frigate away, restarted, silent, refusing, failing; we killed; events deleted by hand: none is lost, none is made twice, none stays open."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from frigate_house import QUICK, House, door, fire
from frigate_server import FrigateServer
from nvr_hooks import FireAlarm, TemperatureAlarm

from hik_thermal_plugin.frigate import service

Wait = Callable[..., None]


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


def test_a_kill_before_the_answer_leaves_no_event_open(
    houses: list[House], frigate: FrigateServer, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = houses
    monkeypatch.setattr(service, "PAUSES", replace(QUICK, first=60.0, longest=60.0))
    frigate.failures = [None]
    first.start(wait_for, release_after=30)
    first.camera.tell(fire())
    wait_for(lambda: frigate.open())
    assert json.loads(first.journal())[0]["unsure"] is True
    first.kill()
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


def test_nor_does_it_when_the_alarm_is_over_by_then(
    house: House, frigate: FrigateServer, wait_for: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.frigate.delivery.LATE_SECONDS", 0.0)
    frigate.stop()
    house.start(wait_for)
    house.camera.tell(fire())
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: 'over": "' in house.journal())
    frigate.failures = [None]
    frigate.start()
    wait_for(lambda: house.journal() == "[]")
    assert len(frigate.events) == 1
    assert frigate.asked("GET", "events") == 1


def test_an_event_that_is_not_stored_yet_is_ended_a_little_later(
    house: House, frigate: FrigateServer, wait_for: Wait
) -> None:
    frigate.slow_store = True
    house.start(wait_for, release_after=0.05)
    house.camera.tell(fire())
    wait_for(lambda: frigate.events and not frigate.open())
    assert frigate.asked("PUT", "events/.*/end") == 2


@pytest.mark.parametrize(("ahead", "asked"), [(0.0, 1), (3600.0, 2)])
def test_an_end_that_comes_late_says_when_it_was_unless_the_clocks_disagree(
    house: House, frigate: FrigateServer, wait_for: Wait, monkeypatch: pytest.MonkeyPatch, ahead: float, asked: int
) -> None:
    frigate.ahead = ahead
    house.start(wait_for, release_after=30)
    house.camera.tell(fire())
    wait_for(lambda: frigate.open())
    monkeypatch.setattr("hik_thermal_plugin.frigate.delivery.LATE_SECONDS", -1.0)
    before = time.time()
    house.camera.tell(fire(phase="end"))
    wait_for(lambda: not frigate.open())
    assert frigate.asked("PUT", "events/.*/end") == asked
    [event] = frigate.events
    assert event.end_time == pytest.approx(before + ahead, abs=5)


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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_an_alarm_nobody_foresaw_costs_no_later_one(
    house: House, frigate: FrigateServer, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    house.start(wait_for, release_after=30)
    house.camera.tell(door(level="critical"))  # of another plugin
    house.camera.tell(fire())
    wait_for(lambda: [event.label for event in frigate.open()] == ["fire"])
    assert "an event of kiln is left out" in caplog.text
