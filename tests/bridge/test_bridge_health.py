"""What the bridge tells of itself: its connection, and how long events took; a bridge that hangs does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from bridge_stage import Ear, Host
from nvr_hooks import FireAlarm

from hik_thermal_plugin.bridge.delays import BOUNDS, DelayCount
from hik_thermal_plugin.bridge.messages import Message
from hik_thermal_plugin.bridge.outbox import Outbox
from hik_thermal_plugin.bridge.plugin import MqttPlugin
from hik_thermal_plugin.bridge.store import Store


def test_delays_are_counted_by_their_bounds() -> None:
    count = DelayCount()
    for seconds in (0.005, 0.006, 1000.0, -3600.0):
        count.add(seconds)
    told = count.told()
    assert told.bounds == BOUNDS
    assert told.counts == (2, 1, *[0] * (len(BOUNDS) - 2), 1)
    assert round(told.seconds, 6) == 1000.011


def test_what_waited_counts_with_its_waiting_and_what_was_dropped_does_not(tmp_path: Any) -> None:
    clock = [100.0]
    outbox = Outbox(Store(tmp_path / "x.db"), max_age=50, max_size=10_000, clock=lambda: clock[0])
    outbox.take(Message("t", b"old", 1, False), "fire")
    clock[0] = 200.0
    outbox.shrink()
    outbox.take(Message("t", b"new", 1, False), "fire")
    item = outbox.next()
    assert item is not None
    clock[0] = 207.0
    outbox.done(item)
    outbox.done(item)
    assert (sum(outbox.delays.counts), outbox.delays.seconds) == (1, 7.0)


def test_the_bridge_tells_how_it_does(host: Host, ear: Ear, wait_for: Callable[..., None]) -> None:
    assert MqttPlugin().nvr_health(camera="") is None, "without a section there is no bridge"
    host.start()
    ear.expect("kiln/state", lambda value: value == "online")
    host.cameras["kiln"].tell(FireAlarm(camera="kiln", channel=2))
    ear.expect("kiln/2/event/fire")
    assert host.mqtt.nvr_health(camera="kiln") is None

    def told() -> Any:
        (found,) = host.mqtt.nvr_health(camera="")
        return found

    wait_for(lambda: told().events == 1)
    health = told()
    assert (health.source, health.state, health.dropped, health.reconnects) == ("mqtt", "online", 0, 0)
    assert sum(health.delays.counts) == 1
    assert 0 < health.delays.seconds < 30


def test_a_bridge_that_hangs_does_not_answer(host: Host, ear: Ear) -> None:
    host.start()
    ear.expect("kiln/state", lambda value: value == "online")
    feed = host.mqtt._bridge._feeds["kiln"]
    answered = threading.Event()

    def ask() -> None:
        host.mqtt.nvr_health(camera="")
        answered.set()

    with feed._lock:
        thread = threading.Thread(target=ask)
        thread.start()
        assert not answered.wait(0.3)
    thread.join(5)
    assert answered.is_set()
