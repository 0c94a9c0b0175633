"""The machine's clock is set, back by a day or forward by a year: nothing becomes older or younger by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from live_source import ignore
from nvr_hooks import AuthBlocked, Event, Unreachable
from nvr_hooks.moments import Moment, moments
from nvr_hooks.secrets import Secret

from hik_thermal_plugin.bridge.messages import Message
from hik_thermal_plugin.bridge.outbox import Outbox
from hik_thermal_plugin.bridge.store import Store
from hik_thermal_plugin.camera import Camera
from hik_thermal_plugin.config import camera_settings
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.transport import DeviceClock
from hik_thermal_plugin.worker import Backoff, Deliveries, SharedStream

DAY, YEAR = 86_400.0, 365 * 86_400.0
JUMPS = [pytest.param(-DAY, id="back a day"), pytest.param(YEAR, id="forward a year")]


@dataclass
class Machine:
    """Its clock and its uptime."""

    wall: float = 1.8e9
    up: float = 1000.0
    boot: str = "first"
    asked: list[Callable[[], float]] = field(default_factory=list)

    def moments(self, clock: Callable[[], float]) -> Callable[[], Moment]:
        self.asked.append(clock)
        return lambda: Moment(self.wall, self.boot, self.up)

    def sleep(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds

    def start_again(self) -> None:
        self.boot, self.up = "second", 5.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    for module in ("login", "bridge.outbox"):
        monkeypatch.setattr(f"hik_thermal_plugin.{module}.moments", made.moments)
    return made


@pytest.mark.parametrize(
    ("then", "now", "seconds"),
    [
        (Moment(100.0, "a", 10.0), Moment(100.0 + YEAR, "a", 12.0), 2.0),
        (Moment(100.0 + DAY, "a", 10.0), Moment(100.0, "a", 12.0), 2.0),
        (Moment(100.0, "a", 10.0), Moment(160.0, "b", 1.0), 60.0),
        (Moment(100.0), Moment(160.0, "b", 1.0), 60.0),
        (Moment(100.0), Moment(40.0), -60.0),
    ],
)
def test_uptime_tells_within_one_start_of_the_machine_and_the_clock_elsewhere(
    then: Moment, now: Moment, seconds: float
) -> None:
    assert then.until(now) == seconds


def test_the_machines_own_moments_have_both_and_another_clocks_have_that_alone() -> None:
    first, second = (moments(time.time)() for _ in range(2))
    assert first.by_uptime(second) is Path("/proc/sys/kernel/random/boot_id").exists()
    assert 0 <= first.until(second) < 60
    assert abs(first.wall - time.time()) < 60
    assert moments(lambda: 5.0)() == Moment(5.0)


def refuse_twice(budget: LoginBudget) -> None:
    for _ in range(2):
        with budget.attempt("kiln") as attempt:
            attempt.refused()


def is_blocked(budget: LoginBudget) -> bool:
    try:
        budget.check("kiln")
    except AuthBlocked:
        return True
    return False


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("again", [False, True], ids=["same process", "restarted"])
def test_a_blocked_login_lasts_as_long_as_it_should(
    machine: Machine, tmp_path: Path, jump: float, again: bool, secret: str
) -> None:
    budget = LoginBudget("kiln", secret, tmp_path)
    refuse_twice(budget)
    machine.wall += jump
    budget = LoginBudget("kiln", secret, tmp_path) if again else budget
    machine.sleep(1790)
    with pytest.raises(AuthBlocked) as blocked:
        budget.check("kiln")
    assert blocked.value.until == datetime.fromtimestamp(machine.wall + 10, UTC), "by the clock as it is now"
    machine.sleep(11)
    assert not is_blocked(budget)
    with budget.attempt("kiln") as attempt:
        assert attempt.last


def test_a_blocked_login_of_another_start_of_the_machine_with_a_clock_behind_begins_again(
    machine: Machine, tmp_path: Path, secret: str
) -> None:
    refuse_twice(LoginBudget("kiln", secret, tmp_path))
    machine.start_again()
    machine.wall -= YEAR
    budget = LoginBudget("kiln", secret, tmp_path)
    assert is_blocked(budget)
    machine.sleep(1790)
    assert is_blocked(budget), "asking does not end it, and does not begin it anew"
    machine.sleep(11)
    assert not is_blocked(budget)
    with budget.attempt("kiln"):
        pass


@pytest.fixture
def outbox(machine: Machine, tmp_path: Path) -> Any:
    made: list[Store] = []

    def open_() -> Outbox:
        for store in made:
            store.close(5.0)
        made.append(Store(tmp_path / "outbox.sqlite"))
        made[-1].open()
        box = Outbox(made[-1], max_age=3600, max_size=1_000_000)
        box.load()
        return box

    yield open_
    made[-1].close(5.0)


@pytest.mark.parametrize("jump", JUMPS)
def test_an_alarm_that_waits_becomes_too_old_by_time_and_not_by_the_clock(
    machine: Machine, outbox: Any, jump: float
) -> None:
    box = outbox()
    box.take(Message("t", b"fire", 1, False), "fire")
    machine.wall += jump
    box.shrink()
    assert box.waiting == 1
    box = outbox()
    assert box.waiting == 1, "and not by a restart of the service"
    machine.sleep(3590)
    box.take(Message("t", b"second", 1, False), "fire")
    box.shrink()
    assert box.waiting == 2
    machine.sleep(20)
    box.shrink()
    assert [box.next().message.payload, box.next()] == [b"second", None]
    machine.start_again()
    machine.sleep(3601)
    assert outbox().waiting == 0, "over a start of the machine the clock is all there is"


def test_dropped_events_are_told_after_the_clock_went_back(
    machine: Machine, outbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    box = outbox()
    for _ in range(2):
        box.take(Message("t", b"fire", 1, False), "fire")
        machine.sleep(3601)
        box.shrink()
        machine.wall -= DAY
    assert len([record for record in caplog.records if "dropped" in record.message]) == 2


class Gone:
    """A source that nobody answers."""

    counters = None

    def __init__(self, opened: list[float]) -> None:
        self._opened = opened

    def events(self) -> Any:
        self._opened.append(time.monotonic())
        raise Unreachable("kiln: gone")
        yield

    def interrupt(self) -> None:
        """Nothing runs."""


@pytest.mark.parametrize("jump", JUMPS)
def test_a_lost_camera_is_tried_again_in_time(jump: float, wait_for: Callable[..., None]) -> None:
    opened: list[float] = []
    events: list[Event] = []
    set_by = timedelta()

    def clock() -> datetime:
        return datetime.now(UTC) + set_by

    deliveries = Deliveries()
    stream = SharedStream(
        lambda: Gone(opened),  # type: ignore[arg-type,return-value]
        camera="kiln",
        source="alert_stream",
        deliveries=deliveries,
        backoff=Backoff(first=0.3, cap=0.3, jitter=lambda: 0.0),
        clock=clock,
    )
    with stream.subscribe(events.append), stream.subscribe(ignore):
        wait_for(lambda: opened and len(events) >= 2)
        set_by = timedelta(seconds=jump)
        wait_for(lambda: len(opened) >= 2, seconds=5)
    stream.close()
    deliveries.close()


@pytest.mark.parametrize("jump", JUMPS)
def test_a_devices_clock_is_ahead_by_what_ours_is_now(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    noon, machine = datetime(2026, 3, 1, 12, tzinfo=UTC), Machine()
    monkeypatch.setattr("hik_thermal_plugin.transport.uptime", lambda: machine.up)
    monkeypatch.setattr("hik_thermal_plugin.transport.now", lambda: datetime.fromtimestamp(machine.wall, UTC))
    machine.wall = noon.timestamp()
    clock = DeviceClock()
    assert clock.ahead is None
    clock.show(noon + timedelta(seconds=7))
    machine.sleep(3600)
    assert clock.ahead == timedelta(seconds=7)
    machine.wall += jump
    assert clock.ahead == timedelta(seconds=7 - jump)


def test_a_cameras_clock_that_is_set_is_learnt_from_its_next_heartbeat(
    hik_simulator: Any, tmp_path: Path, secret: str, wait_for: Callable[..., None]
) -> None:
    kiln, deliveries = hik_simulator(password=secret, heartbeat=0.2), Deliveries()
    login = {"url": kiln.http, "username": "admin", "password": Secret(secret), "sources": ["alert_stream"]}
    camera = Camera("kiln", camera_settings(login), tmp_path, deliveries)
    try:
        with camera.listen(ignore):
            wait_for(lambda: camera._device.clock_ahead is not None)
            kiln.apply([{"fault": {"kind": "clock_skew", "seconds": -DAY}}])
            wait_for(lambda: (camera._device.alarms_ahead or timedelta()) < -timedelta(hours=23))
            assert abs(camera._device.clock_ahead or timedelta(1)) < timedelta(seconds=60), "as it was asked"
    finally:
        camera.close()
        deliveries.close()
