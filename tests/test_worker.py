"""One connection for all who subscribe: sharing it, ending it, what it tells of itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from live_source import ONLINE, Counters, Device, Source, alarm, ignore, states
from nvr_hooks import (
    CameraChanged,
    CameraInfo,
    Event,
    MotionAlarm,
    Unreachable,
    WrongUse,
)

from hik_thermal_plugin.worker import Backoff, Deliveries, Delivery, SharedStream

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
    one, two = stream.subscribe(ignore), stream.subscribe(ignore)
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
    subscription = stream.subscribe(ignore)
    wait_for(lambda: device.opened)
    began = time.monotonic()
    stream.close()
    stream.close()
    assert time.monotonic() - began < 1
    assert device.opened[0].ended.is_set()
    assert subscription.wait(1)
    assert subscription.state == "done"
    with pytest.raises(WrongUse, match="kiln"):
        stream.subscribe(ignore)


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
    stream.subscribe(ignore)
    wait_for(lambda: device.opened)
    stream.interrupt()
    assert device.opened[0].interrupted.is_set()
    assert device.opened[0].ended.wait(10)


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


@pytest.mark.slow
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
    stream.subscribe(ignore)
    subscription.close()
    assert stream.health().sink_errors == errors
