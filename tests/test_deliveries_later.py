"""Events that are put at a later time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from nvr_hooks import Event

from hik_thermal_plugin.deliveries import Deliveries

WaitFor = Callable[..., None]


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    made = Deliveries()
    yield made
    made.close()


def test_an_event_comes_when_its_time_has_come(deliveries: Deliveries, wait_for: WaitFor) -> None:
    came: list[tuple[float, str]] = []
    first = deliveries.open(lambda event: came.append((time.monotonic(), event.camera)), camera="kiln")
    second = deliveries.open(lambda event: came.append((time.monotonic(), event.camera)), camera="oven")
    began = time.monotonic()
    first.put_at(Event(camera="later"), began + 0.3)
    second.put_at(Event(camera="sooner"), began + 0.1)
    wait_for(lambda: len(came) == 2)
    assert [name for _, name in came] == ["sooner", "later"]
    assert came[0][0] >= began + 0.1
    assert came[1][0] >= began + 0.3


def test_of_several_only_the_earliest_comes(deliveries: Deliveries, wait_for: WaitFor) -> None:
    came: list[str] = []
    delivery = deliveries.open(lambda event: came.append(event.camera), camera="kiln")
    at = time.monotonic()
    delivery.put_at(Event(camera="third"), at + 0.3)
    delivery.put_at(Event(camera="first"), at + 0.1)
    delivery.put_at(Event(camera="second"), at + 0.2)
    wait_for(lambda: came)
    delivery.put_at(Event(camera="next"), at + 0.4)
    wait_for(lambda: len(came) == 2)
    assert came == ["first", "next"]


def test_nothing_comes_after_the_end(deliveries: Deliveries) -> None:
    came: list[str] = []
    delivery = deliveries.open(lambda event: came.append(event.camera), camera="kiln")
    delivery.put_at(Event(camera="never"), time.monotonic() + 0.05)
    delivery.close()
    delivery.put_at(Event(camera="never"), 0.0)
    other = deliveries.open(lambda event: came.append(event.camera), camera="oven")
    other.put_at(Event(camera="last"), time.monotonic() + 0.2)
    deadline = time.monotonic() + 10
    while not came and time.monotonic() < deadline:
        delivery.wait(0.01)
    assert came == ["last"]


def test_an_event_comes_in_time_while_a_sink_hangs(deliveries: Deliveries, wait_for: WaitFor) -> None:
    import threading

    go = threading.Event()
    came: list[str] = []
    stuck = deliveries.open(lambda event: go.wait(20) and None, camera="kiln")
    stuck.put(Event())
    other = deliveries.open(lambda event: came.append(event.camera), camera="oven")
    other.put_at(Event(camera="here"), time.monotonic() + 0.05)
    wait_for(lambda: came, seconds=5)
    go.set()
