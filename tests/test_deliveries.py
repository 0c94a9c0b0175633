"""Sinks are called in order, one event at a time, by few threads; one that hangs or raises harms nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from nvr_hooks import Event, MotionAlarm, Subscription, WrongUse

from hik_thermal_plugin import deliveries as module
from hik_thermal_plugin.deliveries import Deliveries

WaitFor = Callable[..., None]


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    deliveries = Deliveries()
    yield deliveries
    deliveries.close()


class HangingSink:
    """Blocks in every call until released."""

    def __init__(self) -> None:
        self.called = threading.Event()
        self.release = threading.Event()
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.called.set()
        assert self.release.wait(30)
        self.events.append(event)


@pytest.fixture
def hanging() -> Iterator[HangingSink]:
    sink = HangingSink()
    yield sink
    sink.release.set()


def alarms(count: int) -> list[Event]:
    return [MotionAlarm(camera="kiln", channel=number) for number in range(count)]


def test_events_arrive_in_order_one_at_a_time(deliveries: Deliveries, wait_for: WaitFor) -> None:
    got: list[Event] = []
    inside = threading.Lock()

    def sink(event: Event) -> None:
        assert inside.acquire(blocking=False)
        got.append(event)
        inside.release()

    delivery = deliveries.open(sink, camera="kiln")
    assert isinstance(delivery, Subscription)  # the whole protocol of a handle
    sent = alarms(500)
    for event in sent:
        delivery.put(event)
    wait_for(lambda: len(got) == 500)
    assert [event.id for event in got] == [event.id for event in sent]
    assert (delivery.state, delivery.error, delivery.dropped, delivery.sink_errors) == ("running", None, 0, 0)


def test_what_waits_is_told_until_it_is_taken(deliveries: Deliveries, hanging: HangingSink, wait_for: WaitFor) -> None:
    delivery = deliveries.open(hanging, camera="kiln")
    assert delivery.waiting == 0
    for event in alarms(3):
        delivery.put(event)
    assert hanging.called.wait(10)
    assert delivery.waiting == 3, "the one it is being called with too"
    hanging.release.set()
    wait_for(lambda: delivery.waiting == 0)
    assert len(hanging.events) == 3


def test_a_thousand_subscriptions_need_a_handful_of_threads(deliveries: Deliveries, wait_for: WaitFor) -> None:
    before = threading.active_count()
    got: list[Event] = []
    open_ = [deliveries.open(got.append, camera=f"camera {number}") for number in range(1000)]
    for event in alarms(3):
        for delivery in open_:
            delivery.put(event)
    wait_for(lambda: len(got) == 3000)
    assert threading.active_count() - before <= 40


def test_a_hanging_sink_delays_no_other(deliveries: Deliveries, hanging: HangingSink, wait_for: WaitFor) -> None:
    got: list[Event] = []
    stuck = deliveries.open(hanging, camera="kiln")
    free = deliveries.open(got.append, camera="oven")
    stuck.put(alarms(1)[0])
    assert hanging.called.wait(10)
    for event in alarms(100):
        stuck.put(event)
        free.put(event)
    wait_for(lambda: len(got) == 100)
    assert hanging.events == []


def test_a_hundred_hanging_sinks_delay_no_other(
    deliveries: Deliveries, hanging: HangingSink, wait_for: WaitFor
) -> None:
    got: list[Event] = []
    entered: list[int] = []

    def hang(event: Event) -> None:
        entered.append(1)
        hanging(event)

    for number in range(100):
        deliveries.open(hang, camera=f"camera {number}").put(alarms(1)[0])
    free = deliveries.open(got.append, camera="oven")
    began = time.monotonic()
    free.put(alarms(1)[0])
    wait_for(lambda: got)
    assert time.monotonic() - began < 5
    wait_for(lambda: len(entered) == 100)


def test_idle_threads_end(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor) -> None:
    monkeypatch.setattr(module, "_IDLE", 0.01)
    got: list[Event] = []
    delivery = deliveries.open(got.append, camera="kiln")
    before = threading.active_count()
    for count in (1, 2, 3):  # also after they have ended
        delivery.put(alarms(1)[0])
        wait_for(lambda count=count: len(got) == count)
        wait_for(lambda: threading.active_count() == before)


def test_a_raising_sink_is_counted_and_told_once(
    deliveries: Deliveries, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[Event] = []

    def sink(event: Event) -> None:
        got.append(event)
        raise SystemExit if event.channel == 1 else ValueError(event.channel)

    delivery = deliveries.open(sink, camera="kiln")
    for event in alarms(3):
        delivery.put(event)
    wait_for(lambda: delivery.sink_errors == 3)
    assert len(got) == 3
    assert delivery.state == "running"
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == [
        "kiln: a sink raised; it gets the following events all the same"
    ]
    assert told[0].exc_info


def test_a_sink_that_hangs_is_counted_and_told_while_it_does(
    deliveries: Deliveries,
    hanging: HangingSink,
    monkeypatch: pytest.MonkeyPatch,
    wait_for: WaitFor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "HANGING", 0.02)
    delivery = deliveries.open(hanging, camera="kiln")
    delivery.put(alarms(1)[0])
    assert hanging.called.wait(10)

    def keeps_coming() -> int:
        delivery.put(alarms(1)[0])
        return delivery.sink_errors

    wait_for(keeps_coming)
    assert delivery.sink_errors == 1
    assert any("did not return" in record.getMessage() for record in caplog.records)


def test_overflow_drops_the_oldest_counts_and_is_told_once(
    deliveries: Deliveries, hanging: HangingSink, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = deliveries.open(hanging, camera="kiln", limit=5)
    sent = alarms(9)
    delivery.put(sent[0])
    assert hanging.called.wait(10)
    for event in sent[1:]:
        delivery.put(event)
    assert delivery.dropped == 3
    hanging.release.set()
    wait_for(lambda: len(hanging.events) == 6)
    assert [event.id for event in hanging.events] == [event.id for event in (sent[0], *sent[4:])]
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ["kiln: a sink is too slow: 5 events wait for it, the oldest are dropped"]


@pytest.mark.slow
def test_close_returns_within_a_second_while_the_sink_hangs_and_calls_no_more(
    deliveries: Deliveries, hanging: HangingSink
) -> None:
    delivery = deliveries.open(hanging, camera="kiln")
    for event in alarms(3):
        delivery.put(event)
    assert hanging.called.wait(10)
    began = time.monotonic()
    delivery.close()
    assert time.monotonic() - began < 1.5  # a second, and the patience of a busy machine
    hanging.release.set()
    delivery.close()
    delivery.put(alarms(1)[0])
    assert len(hanging.events) == 1
    assert delivery.state == "closed"
    assert delivery.wait(0)


def test_close_waits_for_the_call_that_is_going_on(deliveries: Deliveries) -> None:
    entered, leave, left = threading.Event(), threading.Event(), threading.Event()

    def sink(event: Event) -> None:
        entered.set()
        assert leave.wait(10)
        left.set()

    delivery = deliveries.open(sink, camera="kiln")
    delivery.put(alarms(1)[0])
    assert entered.wait(10)
    threading.Timer(0.05, leave.set).start()
    delivery.close()
    assert left.is_set()


def test_a_sink_may_close_its_own_subscription(deliveries: Deliveries, wait_for: WaitFor) -> None:
    got: list[Event] = []
    closed: list[object] = []

    def sink(event: Event) -> None:
        got.append(event)
        delivery.close()

    delivery = deliveries.open(sink, camera="kiln", on_close=closed.append)
    for event in alarms(2):
        delivery.put(event)
    assert delivery.wait(10)
    wait_for(lambda: closed == [delivery])
    assert len(got) == 1


def test_finish_lets_the_sink_have_what_is_waiting(deliveries: Deliveries, hanging: HangingSink) -> None:
    with deliveries.open(hanging, camera="kiln") as delivery:
        for event in alarms(3):
            delivery.put(event)
        assert hanging.called.wait(10)
        delivery.finish()
        delivery.put(alarms(1)[0])
        assert not delivery.wait(0.01)
        assert delivery.state == "running"
        hanging.release.set()
        assert delivery.wait(10)
    assert delivery.state == "done"
    assert len(hanging.events) == 3


def test_finish_of_an_idle_one_ends_it_at_once(deliveries: Deliveries) -> None:
    closed: list[object] = []
    delivery = deliveries.open(lambda event: None, camera="kiln", on_close=closed.append)
    delivery.finish()
    delivery.finish()
    delivery.close()
    assert delivery.state == "done"
    assert closed == []


@pytest.mark.slow
def test_the_end_of_all_delivers_what_waits_and_is_quick_beside_a_hanging_sink(hanging: HangingSink) -> None:
    deliveries = Deliveries()
    got: list[Event] = []
    stuck = deliveries.open(hanging, camera="kiln")
    stuck.put(alarms(1)[0])
    assert hanging.called.wait(10)
    free = deliveries.open(got.append, camera="oven")
    for event in alarms(1000):
        free.put(event)
    began = time.monotonic()
    deliveries.close()
    assert time.monotonic() - began < 1.5
    assert len(got) == 1000
    assert (free.state, stuck.state) == ("done", "done")
    deliveries.close()
    with pytest.raises(WrongUse):
        deliveries.open(lambda event: None, camera="kiln")
