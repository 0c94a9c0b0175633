"""One connection for all who subscribe: connecting, losing, waiting, coming back, ending."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from nvr_hooks import (
    AuthBlocked,
    BadAnswer,
    Busy,
    CameraChanged,
    CameraInfo,
    ConnectionChanged,
    DeviceError,
    Event,
    MotionAlarm,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
)

from hik_thermal_plugin.worker import Backoff, Deliveries, Delivery, SharedStream

WaitFor = Callable[..., None]
ONLINE = ConnectionChanged(camera="kiln", state="online")


@dataclass
class Counters:
    bytes: int = 0
    documents: int = 0
    unknown: int = 0
    undecodable: int = 0
    framing_errors: int = 0
    last_byte_at: datetime | None = None


class Source:
    """A live source that does what the test tells it, step by step."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.steps: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self.interrupted = threading.Event()
        self.ended = threading.Event()

    def events(self) -> Generator[Event, None, None]:
        try:
            while (step := self.steps.get()) is not None:
                if isinstance(step, Exception):
                    raise step
                yield step
                if not isinstance(step, ConnectionChanged):
                    self.counters.documents += 1
        finally:
            self.ended.set()

    def interrupt(self) -> None:
        self.interrupted.set()
        self.steps.put(None)


class Device:
    """Hands out sources; `opened` holds them in order. `plan` is what each connection does at first."""

    def __init__(self) -> None:
        self.opened: list[Source] = []
        self.plan: list[list[Event | Exception]] = []

    def __call__(self) -> Source:
        source = Source()
        for step in self.plan.pop(0) if self.plan else []:
            source.steps.put(step)
        self.opened.append(source)
        return source


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


def alarm(number: int = 1) -> MotionAlarm:
    return MotionAlarm(camera="kiln", channel=number)


def states(events: list[Event]) -> list[str]:
    return [event.state for event in events if isinstance(event, ConnectionChanged)]


def test_nothing_is_opened_before_somebody_subscribes(stream: SharedStream, device: Device) -> None:
    assert device.opened == []
    assert stream.connection.state == "starting"
    assert stream.health().state == "starting"


def test_subscribers_share_one_connection_and_each_is_told_the_state_first(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    first: list[Event] = []
    second: list[Event] = []
    stream.subscribe(first.append)
    wait_for(lambda: device.opened)
    device.opened[0].steps.put(ONLINE)
    wait_for(lambda: states(first) == ["starting", "online"])
    stream.subscribe(second.append)
    device.opened[0].steps.put(alarm())
    wait_for(lambda: alarm() in first and alarm() in second)
    assert states(second) == ["online"]
    assert len(device.opened) == 1


def test_the_last_to_leave_ends_the_connection_and_the_next_opens_it_again(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    one, two = stream.subscribe(print), stream.subscribe(print)
    wait_for(lambda: device.opened)
    one.close()
    assert not device.opened[0].interrupted.is_set()
    two.close()
    assert device.opened[0].ended.is_set()
    got: list[Event] = []
    stream.subscribe(got.append)
    wait_for(lambda: len(device.opened) == 2)
    wait_for(lambda: states(got) == ["starting"])


def test_close_is_quick_while_the_device_is_silent_and_may_be_called_twice(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    subscription = stream.subscribe(print)
    wait_for(lambda: device.opened)
    began = time.monotonic()
    stream.close()
    stream.close()
    assert time.monotonic() - began < 1
    assert device.opened[0].ended.is_set()
    assert subscription.wait(1)
    assert subscription.state == "done"
    with pytest.raises(WrongUse, match="kiln"):
        stream.subscribe(print)


@pytest.mark.parametrize("end", ["close the stream", "leave"])
def test_a_sink_may_end_it_all(stream: SharedStream, device: Device, end: str, wait_for: WaitFor) -> None:
    done = threading.Event()
    subscriptions: list[Delivery] = []

    def sink(event: Event) -> None:
        if isinstance(event, MotionAlarm):
            if end == "leave":
                subscriptions[0].close()
            else:
                stream.close()
            done.set()

    subscriptions.append(stream.subscribe(sink))
    wait_for(lambda: device.opened)
    device.opened[0].steps.put(alarm())
    assert done.wait(10)
    assert device.opened[0].ended.wait(10)


def test_interrupt_begins_the_end_without_waiting(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    stream.subscribe(print)
    wait_for(lambda: device.opened)
    stream.interrupt()
    assert device.opened[0].interrupted.is_set()
    assert device.opened[0].ended.wait(10)


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
    make(backoff=backoff).subscribe(print)
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
    stream.subscribe(print)
    wait_for(lambda: other.opened)
    assert device.opened == []


def test_a_removed_camera_says_so_last(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    got: list[Event] = []
    device.plan = [[ONLINE, alarm()]]
    subscription = stream.subscribe(got.append)
    wait_for(lambda: alarm() in got)
    stream.close(removed=True)
    assert subscription.wait(10)
    assert subscription.state == "done"
    assert states(got)[-1] == "removed"
    assert got[-1].state == "removed"  # type: ignore[attr-defined]
    assert stream.health().state == "removed"


def test_an_old_connection_that_is_slow_to_die_tells_nothing_more(
    make: Callable[..., SharedStream], device: Device, wait_for: WaitFor
) -> None:
    class Stubborn(Source):
        def interrupt(self) -> None:  # as a TCP connect in progress
            self.interrupted.set()

    stubborn = Stubborn()
    stream = make()
    stream.reopen(lambda: stubborn)
    first: list[Event] = []
    stubborn.steps.put(ONLINE)
    subscription = stream.subscribe(first.append)
    wait_for(lambda: states(first) == ["starting", "online"])
    began = time.monotonic()
    subscription.close()
    assert time.monotonic() - began < 1.5
    stream.reopen(device)
    second: list[Event] = []
    stream.subscribe(second.append)
    stubborn.steps.put(alarm(7))
    stubborn.steps.put(Unreachable("kiln: at last"))
    assert stubborn.ended.wait(10)
    wait_for(lambda: device.opened)
    device.opened[0].steps.put(alarm(8))
    wait_for(lambda: alarm(8) in second)
    assert alarm(7) not in first + second
    assert states(second) == ["starting"]


def test_through_may_replace_or_swallow_events_and_a_mistake_in_it_loses_none(
    make: Callable[..., SharedStream], device: Device, wait_for: WaitFor
) -> None:
    def through(event: Event) -> Event | None:
        if isinstance(event, MotionAlarm):
            if event.channel == 2:
                return None
            if event.channel == 3:
                raise ValueError("a mistake")
            return alarm(10)
        return event

    got: list[Event] = []
    device.plan = [[ONLINE, alarm(1), alarm(2), alarm(3)]]
    make(through=through).subscribe(got.append)
    wait_for(lambda: alarm(3) in got)
    assert [event.channel for event in got if isinstance(event, MotionAlarm)] == [10, 3]
    assert states(got) == ["starting", "online"]


def test_tell_reaches_the_subscribers(stream: SharedStream, wait_for: WaitFor) -> None:
    got: list[Event] = []
    stream.subscribe(got.append)
    changed = CameraChanged(camera="kiln", info=CameraInfo(name="kiln", url="http://192.0.2.1"))
    stream.tell(changed)
    wait_for(lambda: changed in got)


def test_health_adds_up_all_connections_and_subscribers(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    def raises(event: Event) -> None:
        raise ValueError

    subscription = stream.subscribe(raises)
    wait_for(lambda: device.opened)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    device.opened[0].counters = Counters(100, 3, 1, 2, 1, at)
    device.opened[0].steps.put(Unreachable("kiln: lost"))
    wait_for(lambda: len(device.opened) == 2)
    device.opened[1].counters = Counters(bytes=10, unknown=1)
    device.opened[1].steps.put(alarm())
    wait_for(lambda: subscription.sink_errors >= 3)
    health = stream.health()
    assert (health.bytes, health.unknown, health.undecodable, health.framing_errors) == (110, 2, 2, 1)
    assert health.last_byte_at == at
    assert health.events == 1
    assert health.last_event_at is not None
    errors = health.sink_errors
    stream.subscribe(print)
    subscription.close()
    assert stream.health().sink_errors == errors


def test_one_warning_per_loss_and_none_for_each_failed_try(
    stream: SharedStream, device: Device, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Unreachable("kiln: lost")
    # A device that ends every connection after its heartbeats, and in between is away for a while.
    device.plan = [[ONLINE, alarm(), lost], [lost], [lost], [ONLINE, alarm(), lost], [lost]]
    stream.subscribe(print)
    wait_for(lambda: len(device.opened) == 6)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("kiln: lost (alert_stream, next try at ")
