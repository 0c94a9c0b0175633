"""What may have been missed while a source of alarms was away: compared, looked up, and told once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    BeyondLimit,
    ConnectionChanged,
    ConnectionState,
    Event,
    GapReport,
    RecordedFile,
    Sink,
    TemperatureAlarm,
    TemperatureReading,
    Unreachable,
    Unsupported,
    to_json,
)
from nvr_hooks.testing import FakeSubscription
from readings import reading
from test_camera import Site, WaitFor

from hik_thermal_plugin import gaps
from hik_thermal_plugin.gaps import Gaps, beyond_limits, limited, told
from hik_thermal_plugin.simulator.recordings import Stored

START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
RULES: dict[str, Any] = {
    "mode": "expert",
    "regions": {1: {}, 2: {}, 3: {}},
    "alarm_rules": {
        1: {"quantity": "highest", "condition": "above", "pre_alarm_celsius": 60.0, "alarm_celsius": 80.0},
        2: {"quantity": "lowest", "condition": "below", "alarm_celsius": 5.0},
        4: {"quantity": "highest", "condition": "above", "alarm_celsius": 0.0},  # its region is switched off
    },
    "difference_rules": {
        1: {"rule": 1, "other_rule": 3, "quantity": "highest", "condition": "above", "alarm_kelvin": 10.0}
    },
}


@pytest.mark.parametrize(
    ("celsius", "found"),
    [
        ({}, []),
        ({1: 60.0}, []),  # at the limit is not beyond it
        ({1: 60.1}, [("pre_alarm", 1, 60.1, 60.0)]),
        ({1: 81.0}, [("alarm", 1, 81.0, 80.0)]),
        ({2: 4.0}, [("alarm", 2, 4.0, 5.0)]),
        ({2: 5.0}, []),
        ({4: 20.0}, [("alarm", 4, 20.0, 0.0)]),
        ({1: 20.0, 3: 29.0}, []),
        ({1: 20.0, 3: 31.0}, [("alarm", 1, 11.0, 10.0)]),
    ],
)
def test_values_are_held_against_the_limits_of_the_device(celsius: dict[int, float], found: list[Any]) -> None:
    readings = {rule: reading(0, value, rule, lowest_celsius=value) for rule, value in celsius.items()}

    assert [
        (item.level, item.rule, item.celsius or item.difference_kelvin, item.threshold_celsius if item.celsius else item.threshold_kelvin)
        for item in beyond_limits(RULES, readings)
    ] == found  # fmt: skip


@pytest.mark.parametrize(
    ("document", "numbers"),
    [
        (RULES, {1, 2, 3}),
        ({"mode": "normal", "basic": {"alarm_celsius": 55.0}}, {0}),
        ({"mode": "normal", "basic": {"emissivity": 0.96}}, set()),
        ({"mode": "expert"}, set()),
        ({"mode": "expert", "alarm_rules": None, "difference_rules": {1: {"rule": "x"}}}, set()),
    ],
)
def test_the_rules_to_wait_for_are_those_with_limits(document: dict[str, Any], numbers: set[int]) -> None:
    assert limited(document) == numbers


def test_the_whole_picture_is_held_against_the_basic_limits() -> None:
    document = {"mode": "normal", "basic": {"pre_alarm_celsius": 45.0, "alarm_celsius": 55.0}}

    [found] = beyond_limits(document, {0: reading(0, 50.0, None)})
    assert found == BeyondLimit(
        level="pre_alarm", quantity="highest", condition="above", celsius=50.0, threshold_celsius=45.0
    )


class Stage:
    """Gaps with a device made of functions."""

    def __init__(self) -> None:
        self.reports: list[GapReport] = []
        self.readings: list[TemperatureReading] = []
        self.recordings: list[RecordedFile] = []
        self.failure: dict[str, Exception] = {}
        self.asked = threading.Semaphore(0)
        self.held = threading.Event()
        self.held.set()
        self.up = self.set_by = 0.0
        self.gaps = Gaps(
            "kiln", rules=self.rules, watch=self.watch, search=self.search, tell=self.take, clock=lambda: self.up
        )

    def rules(self) -> tuple[int, dict[str, Any]]:
        self.asked.release()
        self.held.wait(10)
        if failure := self.failure.get("rules"):
            raise failure
        return 2, RULES

    def watch(self, sink: Sink) -> FakeSubscription:
        subscription = FakeSubscription(sink)
        for item in self.readings:
            subscription.deliver(item)
        return subscription

    def search(self, start: datetime, end: datetime) -> Iterable[RecordedFile]:
        if failure := self.failure.get("search"):
            raise failure
        return iter(self.recordings)

    def take(self, event: Event) -> None:
        assert isinstance(event, GapReport)
        self.reports.append(event)

    def see(self, state: ConnectionState, seconds: float, *, listened: bool = True, heard: float | None = None) -> None:
        self.up = seconds
        received_at = START + timedelta(seconds=seconds + self.set_by)
        change = ConnectionChanged(camera="kiln", state=state, received_at=received_at)
        self.gaps.see(change, None if heard is None else START + timedelta(seconds=heard), listened=listened)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(gaps, "READING_SECONDS", 0.2)
    made = Stage()
    yield made
    made.held.set()
    made.gaps.close()


def file(kind: str | None, **more: Any) -> RecordedFile:
    return RecordedFile(camera="kiln", channel=2, track=201, start=START, end=START, kind=kind, **more)


def test_a_report_tells_the_gap_what_is_beyond_and_what_was_recorded(stage: Stage, wait_for: WaitFor) -> None:
    stage.readings = [reading(0, 90.0, 1), reading(0, 20.0, 2, lowest_celsius=19.0), reading(0, 85.0, 3)]
    stage.recordings = [file("timing"), file("alarm"), file("MOTION"), file(None), file("CMR")]
    stage.see("online", 0)
    stage.see("offline", 100, heard=60)
    stage.see("error", 110, heard=60)
    stage.see("online", 200, heard=60)
    wait_for(lambda: stage.reports)

    [report] = stage.reports
    assert (report.lost_at, report.back_at) == (START + timedelta(seconds=60), START + timedelta(seconds=200))
    assert [(item.rule, item.celsius) for item in report.beyond or ()] == [(1, 90.0)]
    assert [item.kind for item in report.recordings or ()] == ["alarm", "MOTION"]
    assert (report.channel, report.unknown) == (2, ())
    assert "beyond their limits now: 1; recordings of events in that time: 2" in told(report)


@pytest.mark.parametrize(
    "states",
    [
        [("starting", True), ("offline", True), ("online", True)],  # nothing was heard before it
        [("online", True), ("starting", False), ("online", True)],  # nobody listened
        [("online", True), ("removed", True), ("online", True)],
        [("online", True), ("offline", True)],
    ],
)
def test_what_is_no_gap_is_not_reported(stage: Stage, states: list[Any]) -> None:
    for number, (state, listened) in enumerate(states):
        stage.see(state, number, listened=listened)

    assert not stage.asked.acquire(timeout=0.05)


@pytest.mark.parametrize("jump", [-86_400, 365 * 86_400])
def test_a_clock_that_is_set_in_a_gap_does_not_change_how_long_it_was(
    stage: Stage, wait_for: WaitFor, jump: int
) -> None:
    stage.see("online", 0)
    stage.see("offline", 100, heard=60)
    stage.set_by = jump
    stage.see("error", 150, heard=60)
    stage.see("online", 200, heard=60)
    wait_for(lambda: stage.reports)

    [report] = stage.reports
    assert report.back_at == START + timedelta(seconds=200 + jump)
    assert report.lost_at == report.back_at - timedelta(seconds=140)


def test_a_gap_of_an_earlier_life_whose_clock_was_ahead_has_no_known_beginning(stage: Stage, wait_for: WaitFor) -> None:
    stage.gaps.begin(START + timedelta(days=1))
    stage.see("online", 0)
    wait_for(lambda: stage.reports)

    [report] = stage.reports
    assert (report.lost_at, report.recordings) == (None, None)
    assert "since when is not known" in report.unknown[-1]
    assert "from an unknown time to" in told(report)


def test_what_cannot_be_looked_up_is_unknown_and_not_empty(stage: Stage, wait_for: WaitFor) -> None:
    stage.failure = {"rules": Unreachable("kiln: no route"), "search": Unsupported("kiln: has no disk")}
    stage.see("online", 0)
    stage.see("offline", 1)
    stage.see("online", 2)
    wait_for(lambda: stage.reports)

    [report] = stage.reports
    assert (report.beyond, report.recordings) == (None, None)
    assert report.unknown == ("temperatures: kiln: no route", "recordings: kiln: has no disk")
    assert to_json(report)["beyond"] is None


def test_a_gap_that_cannot_be_looked_up_because_of_the_next_one_is_told_with_that(
    stage: Stage, wait_for: WaitFor
) -> None:
    stage.held.clear()
    stage.see("online", 0)
    stage.see("offline", 1)
    stage.see("online", 2)
    assert stage.asked.acquire(timeout=10)
    stage.failure = dict.fromkeys(("rules", "search"), Unreachable("kiln: the connection was lost"))
    stage.see("offline", 3)
    stage.held.set()
    wait_for(lambda: stage.gaps._thread is None)
    assert stage.reports == []
    stage.failure = {}
    stage.readings = [reading(0, 20.0, number) for number in (1, 2, 3)]
    stage.see("online", 4)
    wait_for(lambda: stage.reports)
    [report] = stage.reports
    assert (report.lost_at, report.back_at) == (START + timedelta(seconds=1), START + timedelta(seconds=4))


def test_rules_that_told_nothing_are_named(stage: Stage, wait_for: WaitFor) -> None:
    stage.readings = [reading(0, 90.0, 1), reading(0, 1.0, 2, frozen=True), reading(0, 1.0, 3, source="virtual")]
    stage.see("online", 0)
    stage.see("offline", 1)
    stage.see("online", 2)
    wait_for(lambda: stage.reports)

    assert [item.rule for item in stage.reports[0].beyond or ()] == [1]
    assert stage.reports[0].unknown == ("temperatures: kiln: nothing was told within 0.2 s of rules 2, 3",)


def test_gaps_in_a_row_become_one_report_and_recordings_are_bounded(stage: Stage, wait_for: WaitFor) -> None:
    stage.recordings = [file("alarm")] * 150
    stage.held.clear()
    stage.see("online", 0)
    for second in range(1, 20, 2):
        stage.see("offline", second)
        stage.see("online", second + 1)
        if second == 1:
            assert stage.asked.acquire(timeout=10)
    stage.held.set()
    wait_for(lambda: len(stage.reports) == 2)

    assert (stage.reports[1].lost_at, stage.reports[1].back_at) == (
        START + timedelta(seconds=3),
        START + timedelta(seconds=20),
    )
    assert len(stage.reports[0].recordings or ()) == 100
    assert "more than the 100" in stage.reports[0].unknown[-1]


@pytest.mark.slow
def test_a_camera_that_comes_back_hot_is_reported_by_the_driver(
    tmp_path: Path, hik_simulator: Any, secret: str, wait_for: WaitFor
) -> None:
    now = datetime.now(UTC)
    stored = [
        Stored(start=now - timedelta(hours=1), end=now - timedelta(minutes=30), kind="alarm"),  # before the gap
        Stored(start=now - timedelta(minutes=30), end=now - timedelta(seconds=5)),
        Stored(start=now - timedelta(seconds=5), end=now + timedelta(minutes=1), kind="alarm", name="of_the_gap"),
    ]
    kiln, site = hik_simulator(password=secret, recordings=stored), Site(tmp_path / "state", secret)
    site.configure(kiln={"url": kiln.http})
    with closing(site.listen()):
        wait_for(lambda: "online" in site.states)
        kiln.apply([{"fault": {"kind": "reboot", "seconds": 0.5}}])
        wait_for(lambda: "offline" in site.states)
        kiln.apply([{"temperature": {"rule": 1, "celsius": 95}}])
        wait_for(lambda: site.of(GapReport) and site.of(TemperatureAlarm))

        [report] = site.of(GapReport)
        assert report.lost_at is not None
        assert report.back_at is not None
        assert report.lost_at < report.back_at
        [limit] = report.beyond or ()
        assert (limit.level, limit.rule, limit.celsius) == ("alarm", 1, pytest.approx(95, abs=0.1))
        assert [file.name for file in report.recordings or ()] == ["of_the_gap"]
        assert report.unknown == ()
        assert kiln.state()["writes"] == [], "only read"
    site.driver.nvr_close()


def test_a_closed_camera_tells_no_report_and_waits_for_none(stage: Stage, wait_for: WaitFor) -> None:
    stage.held.clear()
    stage.see("online", 0)
    stage.see("offline", 1)
    stage.see("online", 2)
    assert stage.asked.acquire(timeout=10)
    stage.gaps.interrupt()
    stage.held.set()
    stage.gaps.close()
    assert stage.reports == []
