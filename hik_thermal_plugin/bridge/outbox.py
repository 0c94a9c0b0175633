"""Events on their way to the broker: in order, at least once, through outages and restarts, and bounded.

An event is here from the moment the bridge took it until the broker acknowledged it. Everything waiting is in memory; the store writes
it down beside. When it is too much, the oldest of the least important kind goes first: motion first, fire last. What is dropped is
counted, over restarts too, and told on `bridge/outbox`.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from nvr_hooks import Delays, rfc3339
from nvr_hooks.moments import Moment, moments

from .delays import DelayCount
from .messages import Document, Message
from .store import Row, Store

log = logging.getLogger(__name__)

AREA: Final = "event"
_COUNTERS: Final = "counter"
_RANKS: Final = {
    "motion": 0,
    "tamper": 2,
    "input": 2,
    "video_loss": 2,
    "storage": 2,
    "gap": 2,
    "temperature_difference": 3,
    "temperature": 3,
    "smoke": 4,
    "fire": 5,
}
_OTHER: Final = 1
_OVERHEAD: Final = 200
"""Bytes an event costs besides topic and payload."""
_QUIET_SECONDS: Final = 60.0
"""Drops come in crowds: one line in the log a minute is enough."""


@dataclass(slots=True, eq=False)
class Item:
    """One event on its way."""

    name: str
    """Place in the order: of two events the later one has the greater name, over restarts too."""
    message: Message
    kind: str
    taken: Moment

    @property
    def size(self) -> int:
        """Return the bytes it counts for."""
        return len(self.message.topic) + len(self.message.payload) + _OVERHEAD


@dataclass(slots=True)
class Dropped:
    """What never reached the broker."""

    too_old: int = 0
    no_room: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    last_at: float | None = None


class Outbox:
    """Thread-safe. `on_change` is called when something was dropped; `clock` tells seconds since 1970; set meanwhile, it makes nothing older."""

    def __init__(
        self,
        store: Store,
        *,
        max_age: float,
        max_size: int,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._max_age = max_age
        self._max_size = max_size
        self._on_change = on_change
        self._now = moments(clock)
        self._lock = store.together()
        self._items: dict[str, Item] = {}
        self._ranks: list[dict[str, Item]] = [{} for _ in range(max(_RANKS.values()) + 1)]
        self._unsent: deque[Item] = deque()
        self._size = 0
        self._last = 0
        self._dropped = Dropped()
        self._untold: list[str] = []
        self._told: Moment | None = None
        self._delays = DelayCount()

    def load(self) -> None:
        """Take up what an earlier life could not deliver; call once, after the store was opened."""
        with self._lock:
            with suppress(KeyError, TypeError, ValueError):
                self._dropped = Dropped(**json.loads(self._store.area(_COUNTERS)["dropped"][0]))
            for name, row in self._store.area(AREA).items():
                try:
                    self._add(_restored(name, row))
                except (KeyError, TypeError, ValueError) as err:
                    log.warning("an event in the outbox cannot be read (%r): left out", err)
                    self._store.drop(AREA, name)
            self._last = max((int(name) for name in self._items), default=0)
            self._unsent = deque(self._items.values())
        self.shrink()

    def take(self, message: Message, kind: str) -> None:
        """Take one event: from now on it is on its way."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            item = Item(f"{self._last:020d}", message, kind, self._now())
            self._add(item)
            self._unsent.append(item)
            about = {
                "topic": message.topic,
                "kind": kind,
                "taken": item.taken.wall,
                "boot": item.taken.boot,
                "up": item.taken.up,
            }
            self._store.put(AREA, item.name, json.dumps(about), message.payload)
            crowded = self._size > self._max_size
        if crowded:
            self.shrink()

    def next(self) -> Item | None:
        """Return the first event that was not handed out yet, None when there is none."""
        with self._lock:
            while self._unsent:
                item = self._unsent.popleft()
                if item.name in self._items:
                    return item
            return None

    def done(self, item: Item) -> None:
        """Forget an event: the broker has it."""
        with self._lock:
            if item.name in self._items:
                self._delays.add(item.taken.until(self._now()))
            self._remove(item)

    @property
    def delays(self) -> Delays:
        """Return how long events took to be acknowledged, since the start."""
        with self._lock:
            return self._delays.told()

    def rewind(self) -> None:
        """Begin again with the first event: the connection is gone, and with it what was handed out and not acknowledged."""
        with self._lock:
            self._unsent = deque(self._items.values())

    def shrink(self) -> None:
        """Drop what is too old, or too much."""
        with self._lock:
            dropped = [self._drop(item, old=True) for item in self._overdue()]
            while self._size > self._max_size:
                rank = next(rank for rank in self._ranks if rank)
                dropped.append(self._drop(next(iter(rank.values())), old=False))
            if not dropped:
                return
            counted = self._dropped
            self._store.put(
                _COUNTERS, "dropped", json.dumps({name: getattr(counted, name) for name in Dropped.__slots__})
            )
            self._untold += dropped
            now = self._now()
            if self._told is not None and 0 <= self._told.until(now) < _QUIET_SECONDS:
                told = []
            else:
                told, self._untold, self._told = self._untold, [], now
        if told:
            log.warning("the outbox dropped %d undelivered events: %s", len(told), ", ".join(sorted(set(told))))
        self._on_change()

    @property
    def waiting(self) -> int:
        """Return how many events the broker has not acknowledged."""
        return len(self._items)

    def status(self) -> Document:
        """Return how the outbox does, for `bridge/outbox`."""
        with self._lock:
            dropped = self._dropped
            last = None if dropped.last_at is None else rfc3339(datetime.fromtimestamp(dropped.last_at, UTC))
            return {
                "state": "ok" if self._store.trouble is None else "memory_only",
                "reason": self._store.trouble,
                "moved_aside": self._store.moved_aside,
                "waiting": len(self._items),
                "bytes": self._size,
                "dropped": {
                    "total": dropped.too_old + dropped.no_room,
                    "too_old": dropped.too_old,
                    "no_room": dropped.no_room,
                    "by_kind": dict(sorted(dropped.by_kind.items())),
                    "last_at": last,
                },
            }

    def _overdue(self) -> list[Item]:
        now = self._now()
        found = []
        for item in self._items.values():
            if item.taken.until(now) <= self._max_age:
                break
            found.append(item)
        return found

    def _add(self, item: Item) -> None:
        self._items[item.name] = item
        self._ranks[_RANKS.get(item.kind, _OTHER)][item.name] = item
        self._size += item.size

    def _remove(self, item: Item) -> None:
        if self._items.pop(item.name, None) is None:
            return
        del self._ranks[_RANKS.get(item.kind, _OTHER)][item.name]
        self._size -= item.size
        self._store.drop(AREA, item.name)

    def _drop(self, item: Item, *, old: bool) -> str:
        self._remove(item)
        counted = self._dropped
        if old:
            counted.too_old += 1
        else:
            counted.no_room += 1
        if item.kind in counted.by_kind or len(counted.by_kind) < 256:
            counted.by_kind[item.kind] = counted.by_kind.get(item.kind, 0) + 1
        counted.last_at = self._now().wall
        return item.kind


def _restored(name: str, row: Row) -> Item:
    about: dict[str, Any] = json.loads(row[0])
    taken = Moment(float(about["taken"]), str(about.get("boot", "")), float(about.get("up", 0.0)))
    return Item(f"{int(name):020d}", Message(str(about["topic"]), row[1], 1, False), str(about["kind"]), taken)
