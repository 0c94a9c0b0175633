"""Events wait for their broker: in order, through restarts, bounded, and what is dropped is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks.moments import Moment

from hik_thermal_plugin.bridge.messages import Message
from hik_thermal_plugin.bridge.outbox import Item, Outbox
from hik_thermal_plugin.bridge.store import Store


class Desk:
    """An outbox on a store, with a clock the test turns, that can be restarted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 1_000_000.0
        self.changes = 0
        self.options: dict[str, Any] = {"max_age": 3600.0, "max_size": 1_000_000}
        self.begin()

    def begin(self) -> None:
        self.store = Store(self.path)
        self.store.open()
        self.outbox = Outbox(self.store, on_change=self._count, clock=lambda: self.now, **self.options)
        self.outbox.load()

    def restart(self, **options: Any) -> None:
        self.store.close()
        self.options |= options
        self.begin()

    def take(self, name: str, kind: str = "motion", size: int = 100) -> None:
        payload = name.encode().ljust(size, b".")
        self.outbox.take(Message(f"p/kiln/2/event/{kind}", payload, 1, False), kind)

    def out(self) -> list[Item]:
        items = []
        while (item := self.outbox.next()) is not None:
            items.append(item)
        return items

    def names(self) -> list[str]:
        return [item.message.payload.decode().rstrip(".") for item in self.out()]

    def dropped(self) -> dict[str, Any]:
        dropped = self.outbox.status()["dropped"]
        assert isinstance(dropped, dict)
        return dropped

    def _count(self) -> None:
        self.changes += 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "outbox.db")
    yield desk
    desk.store.close()


def test_events_come_out_once_and_in_order(desk: Desk) -> None:
    for number in range(30):
        desk.take(str(number), kind="fire" if number % 2 else "motion")
    assert desk.names() == [str(number) for number in range(30)]
    assert desk.names() == []
    assert desk.outbox.waiting == 30, "until the broker has them"


def test_what_the_broker_has_is_forgotten(desk: Desk) -> None:
    for name in "abc":
        desk.take(name)
    items = desk.out()
    desk.outbox.done(items[1])
    desk.outbox.done(items[1])
    desk.outbox.rewind()
    assert desk.names() == ["a", "c"]
    desk.restart()
    assert desk.names() == ["a", "c"]


def test_how_long_each_took_is_counted_once(desk: Desk) -> None:
    for name in "ab":
        desk.take(name)
    one, other = desk.out()
    for seconds, item in ((0.25, one), (1.25, one), (0.5, other)):
        desk.now += seconds
        desk.outbox.done(item)
    delays = desk.outbox.delays
    assert (sum(delays.counts), delays.seconds) == (2, 2.25)


def test_a_restart_loses_nothing_and_changes_nothing(desk: Desk) -> None:
    for name in "abc":
        desk.take(name, kind="fire")
    before = [(item.name, item.message, item.kind, item.taken) for item in desk.out()]
    desk.restart()
    assert [(item.name, item.message, item.kind, item.taken) for item in desk.out()] == before
    desk.take("d")
    desk.restart()
    assert desk.names() == ["a", "b", "c", "d"]


def test_after_a_loss_of_the_connection_it_begins_with_the_first(desk: Desk) -> None:
    desk.take("a")
    desk.take("b")
    assert desk.names() == ["a", "b"]
    desk.outbox.rewind()
    desk.take("c")
    assert desk.names() == ["a", "b", "c"]


def test_motion_goes_first_and_fire_last(desk: Desk) -> None:
    desk.restart(max_size=4_000)
    kinds = ["fire", "smoke", "temperature", "tamper", "fielddetection", "motion"]
    for kind in kinds:
        desk.take(kind, kind=kind, size=400)
    gone = []
    for number in range(6):
        before = set(desk.names())
        desk.outbox.rewind()
        desk.take(f"more {number}", kind="fire", size=400)
        desk.outbox.rewind()
        gone += sorted(before - set(desk.names()))
        desk.outbox.rewind()
    assert gone == ["motion", "fielddetection", "tamper", "temperature", "smoke", "fire"][: len(gone)]
    assert len(gone) == 6
    assert desk.dropped()["by_kind"] == {
        "fielddetection": 1, "fire": 1, "motion": 1, "smoke": 1, "tamper": 1, "temperature": 1,
    }  # fmt: skip


def test_the_oldest_of_a_kind_goes_first(desk: Desk) -> None:
    desk.restart(max_size=2_000)
    for number in range(10):
        desk.take(str(number), size=250)
    assert desk.names() == ["6", "7", "8", "9"]
    assert desk.dropped()["no_room"] == 6
    assert desk.changes >= 1


def test_motion_makes_no_room_among_fires(desk: Desk) -> None:
    desk.restart(max_size=2_000)
    for number in range(4):
        desk.take(str(number), kind="fire", size=250)
    desk.take("motion", size=250)
    assert desk.names() == ["0", "1", "2", "3"]


def test_what_is_too_old_is_dropped(desk: Desk) -> None:
    desk.take("a", kind="fire")
    desk.now += 3000
    desk.take("b")
    desk.now += 1000
    desk.outbox.shrink()
    assert desk.names() == ["b"]
    assert desk.dropped() == {
        "total": 1,
        "too_old": 1,
        "no_room": 0,
        "by_kind": {"fire": 1},
        "last_at": "1970-01-12T14:53:20.000Z",
    }
    desk.now += 10_000
    desk.restart()
    assert desk.names() == []


def test_drops_are_counted_over_restarts(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.restart(max_size=1_000)
    for number in range(4):
        desk.take(str(number), size=400)
    before = desk.dropped()
    assert before["total"] == 3
    assert "dropped 1 undelivered events: motion" in caplog.text
    desk.restart()
    assert desk.dropped() == before


def test_a_full_outbox_is_full_at_its_bound_and_not_before(desk: Desk) -> None:
    desk.take("a")
    size = desk.outbox.status()["bytes"]
    desk.restart(max_size=3 * size, max_age=60.0)
    for name in "bc":
        desk.take(name)
    desk.now += 60.0
    desk.outbox.shrink()
    assert desk.names() == ["a", "b", "c"], "nor is what is exactly as old as may be too old"
    desk.now += 0.1
    desk.outbox.shrink()
    assert desk.dropped()["too_old"] == 3
    assert desk.dropped()["by_kind"] == {"motion": 3}


def test_many_drops_are_one_line_a_minute(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.restart(max_size=1)
    for seconds, kind in ((0, "fire"), (0, "motion"), (0.5, "motion"), (58.5, "smoke"), (1, "motion"), (59.9, "fire")):
        desk.now += seconds
        desk.take("x", kind)
    told = [record.getMessage() for record in caplog.records if "undelivered" in record.getMessage()]
    assert told == [
        "the outbox dropped 1 undelivered events: fire",
        "the outbox dropped 4 undelivered events: motion, smoke",
    ]
    assert desk.changes == 6, "each is told on the broker"


def test_a_device_that_invents_kinds_does_not_grow_the_count_of_drops(desk: Desk) -> None:
    desk.restart(max_size=1)
    for number in range(258):
        desk.take("x", f"kind {number}")
    desk.take("x", "kind 0")
    dropped = desk.dropped()
    assert (dropped["total"], len(dropped["by_kind"])) == (259, 256)
    assert (dropped["by_kind"]["kind 0"], dropped["by_kind"]["kind 255"]) == (2, 1)


def test_what_a_version_before_uptimes_were_kept_left_is_read(desk: Desk) -> None:
    desk.store.put("event", "7", '{"topic": "t", "kind": "fire", "taken": 999999.5}', b"x")
    desk.restart()
    (item,) = desk.out()
    assert (item.name, item.message, item.kind) == (f"{7:020d}", Message("t", b"x", 1, False), "fire")
    assert item.taken == Moment(999_999.5, "", 0.0)


def test_the_order_holds_while_the_clock_stands_still_or_goes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.bridge.outbox.time.time_ns", lambda: 7)
    for name in "abc":
        desk.take(name)
    desk.restart()
    desk.take("d")
    desk.restart()
    assert desk.names() == ["a", "b", "c", "d"]


def test_before_it_was_loaded_it_is_empty_and_takes_events(tmp_path: Path) -> None:
    outbox = Outbox(Store(tmp_path / "outbox.db"), max_age=60.0, max_size=1_000)
    assert outbox.next() is None
    assert outbox.status()["dropped"] == {"total": 0, "too_old": 0, "no_room": 0, "by_kind": {}, "last_at": None}
    outbox.take(Message("t", b"x", 1, False), "fire")
    assert outbox.next() is not None


@pytest.mark.parametrize("counted", ['{"strange": 1}', "no json", "[]"])
def test_a_count_nobody_can_read_begins_anew(desk: Desk, counted: str) -> None:
    desk.store.put("counter", "dropped", counted)
    desk.restart(max_size=1)
    assert desk.dropped()["total"] == 0
    desk.take("x")
    assert desk.dropped()["total"] == 1


def test_a_smaller_bound_after_a_restart(desk: Desk) -> None:
    for number in range(10):
        desk.take(str(number), size=300)
    desk.restart(max_size=1_200)
    assert desk.names() == ["8", "9"]


def test_a_row_nobody_can_read_is_left_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.take("a")
    desk.store.put("event", "00000000000000000001", "no json")
    desk.store.put("event", "no number", '{"topic": "t", "kind": "fire", "taken": 1}')
    desk.store.put("event", "00000000000000000002", '{"topic": "t"}')
    desk.store.put("counter", "dropped", '{"strange": 1}')
    desk.restart()
    assert desk.names() == ["a"]
    assert caplog.text.count("cannot be read") == 3
    desk.restart()
    assert caplog.text.count("cannot be read") == 3


def test_status(desk: Desk) -> None:
    status = desk.outbox.status()
    assert status == {
        "state": "ok",
        "reason": None,
        "moved_aside": None,
        "waiting": 0,
        "bytes": 0,
        "dropped": {"total": 0, "too_old": 0, "no_room": 0, "by_kind": {}, "last_at": None},
    }
    desk.take("a")
    assert desk.outbox.status()["waiting"] == 1
    assert desk.outbox.status()["bytes"] > 100


def test_without_a_file_it_works_in_memory(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("")
    desk = Desk(obstacle / "outbox.db")
    try:
        desk.take("a")
        assert desk.outbox.status()["state"] == "memory_only"
        assert str(obstacle) in desk.outbox.status()["reason"]
        assert desk.names() == ["a"]
    finally:
        desk.store.close()


def test_many_takers_at_once(desk: Desk, wait_for: Callable[..., None]) -> None:
    import threading

    def take(number: int) -> None:
        for count in range(50):
            desk.take(f"{number}-{count}")

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    items = desk.out()
    assert len(items) == 400
    assert [item.name for item in items] == sorted(item.name for item in items)
    desk.restart()
    assert [item.name for item in desk.out()] == [item.name for item in items]
