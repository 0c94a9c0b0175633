"""What a shared stream tells of itself: every number of its health, its states since when, and who it is after a change of transport."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from live_source import ONLINE, Counters, Device, Source, alarm, ignore, states
from nvr_hooks import (
    AuthBlocked,
    ConnectionChanged,
    Event,
    Health,
    Unreachable,
    Unsupported,
)

from hik_thermal_plugin.worker import Backoff, Deliveries, SharedStream

WaitFor = Callable[..., None]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, LATER = NOON - timedelta(hours=2), NOON - timedelta(hours=1)


class Clock:
    """A clock the test turns."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    deliveries = Deliveries()
    yield deliveries
    deliveries.close()


@pytest.fixture
def make(device: Device, deliveries: Deliveries, clock: Clock) -> Iterator[Callable[..., SharedStream]]:
    made: list[SharedStream] = []

    def make(**options: object) -> SharedStream:
        options = {"backoff": Backoff(first=1e-9, cap=1e-9), "clock": clock} | options
        stream = SharedStream(device, camera="kiln", source="alert_stream", deliveries=deliveries, **options)  # type: ignore[arg-type]
        made.append(stream)
        return stream

    yield make
    for stream in made:
        stream.close()


@pytest.fixture
def stream(make: Callable[..., SharedStream]) -> SharedStream:
    return make()


def test_the_health_of_what_nobody_asked_for(stream: SharedStream) -> None:
    assert stream.health() == Health(camera="kiln", source="alert_stream", state="starting", since=NOON)
    told = stream.connection
    assert (told.camera, told.source, told.state) == ("kiln", "alert_stream", "starting")
    assert (told.reason, told.retry_at) == (None, None)
    assert stream.heard_at is None
    assert not stream.has_subscribers


def test_every_stream_tells_under_the_name_of_its_source(device: Device, deliveries: Deliveries) -> None:
    stream = SharedStream(device, camera="kiln", source="metadata", deliveries=deliveries)
    assert stream.connection.source == "metadata"
    with stream.subscribe(ignore):
        pass
    assert stream.connection.source == "metadata"


def test_a_source_that_just_ends_says_so(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    stream.subscribe(ignore)
    wait_for(lambda: device.opened)
    device.opened[0].steps.put(None)
    wait_for(lambda: stream.health().last_error)
    assert stream.health().last_error == "kiln: alert_stream ended"


def test_every_number_of_the_health_counts_all_connections(
    stream: SharedStream, device: Device, clock: Clock, wait_for: WaitFor
) -> None:
    stream.subscribe(ignore)
    wait_for(lambda: device.opened)
    device.opened[0].counters = Counters(100, 0, 1, 2, 3, BEFORE)
    wait_for(lambda: stream.health().bytes)
    assert stream.health() == Health(
        camera="kiln", source="alert_stream", state="starting", since=NOON,
        bytes=100, unknown=1, undecodable=2, framing_errors=3, last_byte_at=BEFORE,
    )  # fmt: skip
    assert stream.heard_at is None, "the present one does not count"
    clock.now += timedelta(seconds=5)
    device.opened[0].steps.put(Unreachable("kiln: lost"))
    wait_for(lambda: len(device.opened) == 2)
    device.opened[1].counters = Counters(10, 0, 20, 30, 40)
    wait_for(lambda: stream.health().bytes == 110)
    assert stream.health() == Health(
        camera="kiln", source="alert_stream", state="offline", since=clock.now, reconnects=1, last_error="kiln: lost",
        bytes=110, unknown=21, undecodable=32, framing_errors=43, last_byte_at=BEFORE,
    )  # fmt: skip
    assert stream.heard_at == BEFORE
    device.opened[1].counters.last_byte_at = LATER
    assert stream.health().last_byte_at == LATER
    first, second = alarm(1), alarm(2)
    for step in (first, second, Unreachable("kiln: again")):
        device.opened[1].steps.put(step)
    wait_for(lambda: len(device.opened) == 3)
    device.opened[2].steps.put(Unreachable("kiln: once more"))
    wait_for(lambda: len(device.opened) == 4)
    wait_for(lambda: stream.health().reconnects == 3)
    assert stream.health() == Health(
        camera="kiln", source="alert_stream", state="offline", since=clock.now, reconnects=3, last_error="kiln: once more",
        bytes=110, unknown=21, undecodable=32, framing_errors=43, last_byte_at=LATER, events=2, last_event_at=second.received_at,
    )  # fmt: skip
    assert stream.heard_at == LATER


def test_what_sinks_lost_is_counted_also_of_those_who_have_left(
    stream: SharedStream,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wait_for: WaitFor,
) -> None:
    def raises(event: Event) -> None:
        raise ValueError

    def losses() -> tuple[int, int]:
        health = stream.health()
        return health.dropped, health.sink_errors

    staying = stream.subscribe(ignore)
    for left in range(2):
        leaving = stream.subscribe(raises)
        wait_for(lambda: leaving.sink_errors == 1)  # noqa: B023 - called at once
        monkeypatch.setattr(leaving, "_dropped", 3)
        assert losses() == (3 * left + 3, left + 1)
        leaving.close()
        assert losses() == (3 * left + 3, left + 1)
    staying.close()
    assert losses() == (6, 2)
    assert "kiln: a sink raised" in caplog.text


def test_a_state_is_so_since_it_changed(stream: SharedStream, device: Device, clock: Clock, wait_for: WaitFor) -> None:
    got: list[Event] = []
    stream.subscribe(got.append)
    wait_for(lambda: device.opened)
    clock.now += timedelta(seconds=7)
    device.opened[0].steps.put(ONLINE)
    wait_for(lambda: states(got) == ["starting", "online"])
    online = clock.now
    assert stream.health().since == online
    clock.now += timedelta(seconds=7)
    device.opened[0].steps.put(ConnectionChanged(camera="kiln", state="online", reason="over TLS", retry_at=LATER))
    wait_for(lambda: len(got) == 3)
    assert stream.health().since == online, "only its reason changed"
    told = got[2]
    assert isinstance(told, ConnectionChanged)
    assert (told.camera, told.source, told.state, told.reason, told.retry_at) == (
        "kiln", "alert_stream", "online", "over TLS", LATER,
    )  # fmt: skip
    assert stream.connection == told
    device.opened[0].steps.put(ConnectionChanged(camera="kiln", state="online", reason="over TLS"))
    device.opened[0].steps.put(alarm())
    wait_for(lambda: alarm() in got)
    assert len(got) == 4, "the same is not told twice"


def test_a_block_is_told_again_when_its_end_moves(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    got: list[Event] = []
    device.plan = [[AuthBlocked("kiln: refused", until=until)] for until in (BEFORE, LATER)]
    stream.subscribe(got.append)
    wait_for(lambda: len(got) == 3)
    assert [event.retry_at for event in got if isinstance(event, ConnectionChanged)] == [None, BEFORE, LATER]


def test_a_block_is_over_at_its_end_and_not_later(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    device.plan = [[AuthBlocked("kiln: refused", until=NOON)]]
    stream.subscribe(ignore)
    wait_for(lambda: len(device.opened) == 2)


def test_another_transport_tells_under_its_own_name(
    stream: SharedStream, device: Device, clock: Clock, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    device.plan = [[ONLINE]]
    stream.subscribe(got.append)
    wait_for(lambda: states(got) == ["starting", "online"])
    clock.now += timedelta(seconds=3)
    other = Device()
    stream.reopen(other, source="sdk")
    wait_for(lambda: other.opened)
    other.opened[0].steps.put(ONLINE)
    wait_for(lambda: len(states(got)) == 5)
    told = [(e.source, e.state, e.reason, e.retry_at) for e in got[2:] if isinstance(e, ConnectionChanged)]
    assert told == [
        ("alert_stream", "offline", "kiln: told over another transport now", None),
        ("sdk", "starting", None, None),
        ("sdk", "online", None, None),
    ]
    health = stream.health()
    assert (health.source, health.state, health.since) == ("sdk", "online", clock.now)


@pytest.mark.parametrize("source", [None, "alert_stream"])
def test_the_same_transport_with_other_settings_was_never_offline(
    stream: SharedStream, device: Device, source: str | None, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    device.plan = [[ONLINE], [ONLINE]]
    stream.subscribe(got.append)
    wait_for(lambda: states(got) == ["starting", "online"])
    stream.reopen(source=source)  # type: ignore[arg-type]
    wait_for(lambda: states(got) == ["starting", "online", "starting", "online"])
    assert len(device.opened) == 2
    assert {event.source for event in got if isinstance(event, ConnectionChanged)} == {"alert_stream"}


def test_tell_says_whether_anybody_took_it(stream: SharedStream, wait_for: WaitFor) -> None:
    assert stream.tell(alarm()) is False
    with stream.subscribe(ignore):
        assert stream.has_subscribers
        assert stream.tell(alarm()) is True
    assert stream.tell(alarm()) is False


def test_what_is_swallowed_on_purpose_was_taken(make: Callable[..., SharedStream]) -> None:
    stream = make(through=lambda event: None)
    stream.subscribe(ignore)
    assert stream.tell(alarm()) is True


def test_the_first_to_come_and_the_last_to_go_are_noticed(make: Callable[..., SharedStream]) -> None:
    seen: list[bool] = []
    stream = make(attended=lambda: seen.append(stream.has_subscribers))
    one = stream.subscribe(ignore)
    assert seen == [True]
    two = stream.subscribe(ignore)
    one.close()
    one.close()
    assert seen == [True]
    two.close()
    assert seen == [True, False]


def test_what_time_will_not_mend_is_tried_again_after_half_an_hour(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    device.plan = [[Unsupported("kiln: no such stream")]]
    stream.subscribe(ignore)
    wait_for(lambda: stream.connection.state == "error")
    assert stream.connection.retry_at == NOON + timedelta(minutes=30)


def test_a_connection_that_cannot_be_opened_is_offline_and_of_no_use(
    make: Callable[..., SharedStream], wait_for: WaitFor
) -> None:
    calls: list[str] = []
    backoff = SimpleNamespace(next=lambda: calls.append("next") or 0.0, reset=lambda: calls.append("reset"))
    tries = iter(range(3))
    done = threading.Event()

    def unreachable() -> Source:
        if next(tries, None) is None:
            done.set()
            return Source()
        raise Unreachable("kiln: no route to host")

    stream = make(backoff=backoff)
    stream.reopen(unreachable)
    got: list[Event] = []
    stream.subscribe(got.append)
    assert done.wait(10)
    assert calls == ["next", "next", "next"]
    wait_for(lambda: states(got) == ["starting", "offline"])
    assert stream.connection.reason == "kiln: no route to host"
    assert (stream.health().reconnects, stream.health().bytes) == (3, 0)


@pytest.mark.parametrize("removed", [False, True])
def test_a_stream_that_is_closed_was_not_removed_unless_it_was(stream: SharedStream, removed: bool) -> None:
    got: list[Event] = []
    subscription = stream.subscribe(got.append)
    stream.close(**{"removed": True} if removed else {})
    assert subscription.wait(10)
    assert states(got) == (["starting", "removed"] if removed else ["starting"])
    assert not stream.has_subscribers


class Gate:
    """Opens nothing before it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may = threading.Event()
        self.opened: list[Source] = []

    def __call__(self) -> Source:
        self.asked.set()
        assert self.may.wait(10)
        self.opened.append(Source())
        return self.opened[-1]


def test_what_is_ended_while_it_is_being_opened_is_not_read(stream: SharedStream, wait_for: WaitFor) -> None:
    gate = Gate()
    stream.reopen(gate)
    stream.subscribe(ignore)
    assert gate.asked.wait(10)
    stream.interrupt()
    gate.may.set()
    wait_for(lambda: gate.opened)
    assert gate.opened[0].interrupted.wait(10)
    assert gate.opened[0].ended.wait(10)


def test_what_is_opened_anew_while_it_is_being_opened_is_opened_once_more(
    stream: SharedStream, device: Device, wait_for: WaitFor
) -> None:
    gate = Gate()
    stream.reopen(gate)
    stream.subscribe(ignore)
    assert gate.asked.wait(10)
    stream.reopen(device)
    gate.may.set()
    wait_for(lambda: device.opened)
    assert gate.opened[0].interrupted.is_set()
    assert gate.opened[0].ended.is_set()


def test_reader_threads_are_named_after_what_they_read(stream: SharedStream, device: Device, wait_for: WaitFor) -> None:
    stream.subscribe(ignore)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "kiln alert_stream")
    assert thread.daemon, "a connect in progress keeps no program from ending"
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 1
    assert not thread.is_alive()
