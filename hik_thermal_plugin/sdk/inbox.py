"""What the library's threads hand over: copied bytes on a queue. Nothing here decodes, logs or waits."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import NamedTuple

MOST_ITEMS = 100_000
MOST_BYTES = 64 * 1024 * 1024


class Item(NamedTuple):
    """One thing a callback was given."""

    kind: int
    """Command of an alarm, type of a callback, number of an exception."""
    data: bytes
    address: int = 0
    at: float = 0.0
    """When it came, in seconds since the epoch."""
    text: bytes = b""
    pictures: tuple[tuple[str, bytes], ...] = ()
    exception: bool = False
    """It comes from the exception callback."""


class Inbox:
    """Items from foreign threads for one reader. Bounded: what does not fit is counted and dropped, newest first."""

    def __init__(self, most_items: int = MOST_ITEMS, most_bytes: int = MOST_BYTES) -> None:
        self.dropped = 0
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._put = self._taken = 0
        self._closed = False

    def put(self, item: Item) -> None:
        """Take an item; never waits."""
        size = len(item.data)
        if self._closed:
            return
        if self._queue.qsize() >= self._most_items or self._put - self._taken + size > self._most_bytes:
            self.dropped += 1
            return
        self._put += size
        self._queue.put(item)

    def get(self, timeout: float | None = None) -> Item | None:
        """Return the next item; None when it was closed, or nothing came within `timeout` seconds."""
        try:
            item = None if self._closed else self._queue.get(timeout=timeout)
        except Empty:
            return None
        if item is None or self._closed:
            return None
        self._taken += len(item.data)
        return item

    @property
    def closed(self) -> bool:
        """Whether its reader is to end."""
        return self._closed

    def close(self) -> None:
        """Let the reader end, from any thread, also before it began; what was not taken is thrown away."""
        self._closed = True
        self._queue.put(None)


def arrived() -> float:
    """Return the present time as items carry it."""
    return time.time()
