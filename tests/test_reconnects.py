"""A lost connection: what subscribers are told, how long it is waited, and how it comes back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from live_source import ONLINE, Device, alarm, ignore, states
from nvr_hooks import (
    AuthBlocked,
    BadAnswer,
    Busy,
    ConnectionChanged,
    DeviceError,
    Event,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
)

from hik_thermal_plugin import worker
from hik_thermal_plugin.worker import Backoff, Deliveries, SharedStream

WaitFor = Callable[..., None]


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    deliveries = Deliveries()
    yield deliveries
    deliveries.close()


@pytest.fixture
def make(device: Device, deliveries: Deliveries) -> Iterator[Callable[..., SharedStream]]:
    made: list[SharedStream] = []

    def make(**options: object) -> SharedStream:
        options.setdefault("backoff", Backoff(first=0.001, cap=0.01))
        stream = SharedStream(device, camera="kiln", source="alert_stream", deliveries=deliveries, **options)  # type: ignore[arg-type]
        made.append(stream)
        return stream

    yield make
    for stream in made:
        stream.close()


@pytest.fixture
def stream(make: Callable[..., SharedStream]) -> SharedStream:
    return make()


def test_a_lost_connection_is_offline_with_its_reason_and_comes_back(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    device.plan = [[ONLINE, alarm(1), Unreachable("kiln: cable pulled")], [ONLINE, alarm(2)]]
    stream.subscribe(got.append)
    wait_for(lambda: alarm(2) in got)
    assert states(got) == ["starting", "online", "offline", "online"]
    lost = got[3]
    assert isinstance(lost, ConnectionChanged)
    assert (lost.reason, lost.source, lost.camera) == ("kiln: cable pulled", "alert_stream", "kiln")
    assert lost.retry_at is not None
    health = stream.health()
    assert (health.state, health.events, health.reconnects) == ("online", 2, 1)
    assert health.last_error == "kiln: cable pulled"


def test_a_source_that_just_ends_counts_as_lost(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    got: list[Event] = []
    stream.subscribe(got.append)
    wait_for(lambda: device.opened)
    device.opened[0].steps.put(None)
    wait_for(lambda: states(got) == ["starting", "offline"])


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("kiln: gone"), "offline"),
        (Busy("kiln: busy"), "offline"),
        (DeviceError("kiln: failed"), "error"),
        (BadAnswer("kiln: HTML"), "error"),
        (Refused("kiln: not activated"), "error"),
        (NoPermission("kiln: may not"), "error"),
        (Unsupported("kiln: cannot"), "error"),
        (AuthBlocked("kiln: refused"), "auth_blocked"),
        (RuntimeError("a mistake of ours"), "error"),
    ],
)
def test_each_error_has_its_state(
    stream: SharedStream, device: Device, error: Exception, state: str, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    device.plan = [[error]]
    stream.subscribe(got.append)
    wait_for(lambda: len(states(got)) >= 2)
    assert states(got)[1] == state
    reason = got[1].reason  # type: ignore[attr-defined]
    assert str(error) in reason
    assert reason.startswith("kiln")


@pytest.mark.parametrize("error", [NoPermission("kiln: no"), Unsupported("kiln: no"), Refused("kiln: no")])
def test_what_time_will_not_mend_is_tried_again_slowly(
    make: Callable[..., SharedStream], device: Device, error: Exception, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    now = datetime(2026, 1, 1, tzinfo=UTC)
    device.plan = [[error]]
    make(retry_seconds=1800, clock=lambda: now).subscribe(got.append)
    wait_for(lambda: len(got) == 2)
    assert got[1].retry_at == now + timedelta(seconds=1800)  # type: ignore[attr-defined]
    assert len(device.opened) == 1


def test_a_blocked_login_waits_for_its_end_and_then_comes_back_by_itself(
    make: Callable[..., SharedStream], device: Device, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    until = datetime.now(UTC) + timedelta(seconds=0.2)
    device.plan = [[AuthBlocked("kiln: refused", until=until)], [ONLINE]]
    make(backoff=Backoff(first=1e-6, cap=1e-6)).subscribe(got.append)
    wait_for(lambda: states(got) == ["starting", "auth_blocked", "online"])
    assert got[1].retry_at == until  # type: ignore[attr-defined]
    assert got[2].received_at >= until


def test_waiting_times_double_to_the_cap_and_are_spread() -> None:
    steady = Backoff(first=1, cap=60, jitter=lambda: 0.0)
    assert [steady.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    steady.reset()
    assert steady.next() == 1
    usual = Backoff(jitter=lambda: 0.0)
    assert [usual.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    spread = Backoff(first=1, cap=60, jitter=lambda: 1.0)
    assert [spread.next() for _ in range(7)] == [0.5, 1, 2, 4, 8, 16, 30]
    for _ in range(5000):
        assert spread.next() == 30


class Recorder(Backoff):
    """Notes what happens to the waiting time, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def next(self) -> float:
        self.calls.append("next")
        return 0.0

    def reset(self) -> None:
        self.calls.append("reset")


def test_only_something_useful_resets_the_waiting_time(
    make: Callable[..., SharedStream], device: Device, wait_for: WaitFor
) -> None:
    backoff = Recorder()
    lost = Unreachable("kiln: lost")
    device.plan = [[ONLINE, lost], [ONLINE, lost], [ONLINE, alarm(), lost], [lost]]
    make(backoff=backoff).subscribe(ignore)
    wait_for(lambda: len(device.opened) == 5)
    assert backoff.calls == ["next", "next", "reset", "next", "next"]


def test_a_wait_is_ended_by_close(make: Callable[..., SharedStream], device: Device, wait_for: WaitFor) -> None:
    stream = make(backoff=Backoff(first=3600, cap=3600))
    device.plan = [[Unreachable("kiln: gone")]]
    got: list[Event] = []
    stream.subscribe(got.append)
    wait_for(lambda: states(got)[-1:] == ["offline"])
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("first", [[ONLINE], [Unreachable("kiln: gone")], [AuthBlocked("kiln: refused")]])
def test_reopen_connects_anew_at_once_under_the_same_subscriptions(
    make: Callable[..., SharedStream], device: Device, first: list[Event | Exception], wait_for: WaitFor
) -> None:
    stream = make(backoff=Backoff(first=3600, cap=3600))
    device.plan = [first]
    got: list[Event] = []
    subscription = stream.subscribe(got.append)
    wait_for(lambda: len(got) == 2)
    other = Device()
    other.plan = [[ONLINE, alarm()]]
    stream.reopen(other)
    wait_for(lambda: alarm() in got)
    assert states(got)[2:] == ["starting", "online"]
    assert subscription.state == "running"
    assert len(device.opened) == 1


def test_reopen_before_anybody_subscribed_only_changes_what_is_opened(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    other = Device()
    stream.reopen(other)
    assert other.opened == []
    stream.subscribe(ignore)
    wait_for(lambda: other.opened)
    assert device.opened == []


def test_one_warning_per_loss_and_none_for_each_failed_try(
    stream: SharedStream, device: Device, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Unreachable("kiln: lost")
    # A device that ends every connection after its heartbeats, and in between is away for a while.
    device.plan = [[ONLINE, alarm(), lost], [lost], [lost], [ONLINE, alarm(), lost], [lost]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 6)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("kiln: lost (alert_stream, next try at ")


def test_a_camera_that_comes_back_with_another_password_is_warned_about_too(
    stream: SharedStream, device: Device, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    lost, blocked = Unreachable("kiln: lost"), AuthBlocked("kiln: refused", until=datetime.now(UTC))
    device.plan = [[ONLINE, alarm(), lost], [lost], [blocked], [blocked], [lost], [blocked]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 7)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition(" (")[0] for text in warnings] == ["kiln: lost", "kiln: refused"]


def test_what_nobody_foresaw_is_reported_once_with_its_traceback(
    stream: SharedStream, device: Device, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    device.plan = [[ZeroDivisionError("x")], [ZeroDivisionError("x")], [ZeroDivisionError("x")], [ValueError("y")]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 5)
    errors = [record.exc_info for record in caplog.records if record.levelno == logging.ERROR]
    assert [info[0] for info in errors if info is not None] == [ZeroDivisionError, ValueError]


def test_a_loss_is_said_aloud_again_after_ten_minutes(
    stream: SharedStream,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wait_for: WaitFor,
) -> None:
    uptime = 50.0
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: uptime))
    subscription = stream.subscribe(ignore)
    for count, seconds in enumerate((0.0, 600.0, 0.5), start=1):
        wait_for(lambda: len(device.opened) == count)  # noqa: B023 - called at once
        uptime += seconds
        for step in (ONLINE, alarm(), Unreachable(f"kiln: lost {count}")):
            device.opened[-1].steps.put(step)
    wait_for(lambda: len(device.opened) == 4)
    subscription.close()
    uptime += 600.5
    device.plan = [[Unreachable("kiln: lost 4")]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 6)
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition(" (")[0] for text in loud] == ["kiln: lost 1", "kiln: lost 3", "kiln: lost 4"]


def test_failed_tries_are_not_said_aloud_however_long_it_takes(
    stream: SharedStream,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wait_for: WaitFor,
) -> None:
    uptime = 50.0
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: uptime))
    stream.subscribe(ignore)
    for count in range(1, 5):
        wait_for(lambda: len(device.opened) == count)  # noqa: B023 - called at once
        uptime += 700
        device.opened[-1].steps.put(Unreachable(f"kiln: away {count}"))
    wait_for(lambda: len(device.opened) == 5)
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition(" (")[0] for text in loud] == ["kiln: away 1"]


def test_another_failure_is_said_aloud_when_it_is_new(
    stream: SharedStream, device: Device, caplog: pytest.LogCaptureFixture, wait_for: WaitFor
) -> None:
    device.plan = [
        [Unreachable("kiln: lost")],
        [AuthBlocked("kiln: refused once", until=datetime.now(UTC))],
        [AuthBlocked("kiln: refused twice", until=datetime.now(UTC))],
    ]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 4)
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition(" (")[0] for text in loud] == ["kiln: lost", "kiln: refused once"]


def test_what_nobody_foresaw_names_its_kind(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    device.plan = [[ZeroDivisionError("x")]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 2)
    assert stream.health().last_error == "kiln: alert_stream: ZeroDivisionError: x"
