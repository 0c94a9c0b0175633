"""Pictures on their way from the thread that receives them to the one that writes them: in order, bounded, and never waiting."""

from __future__ import annotations

import logging
import threading
from collections import deque

from .pictures import Picture

MOST_BYTES = 64 * 1024 * 1024
"""Pictures that wait before the newest are dropped: some minutes of a slow disk."""
_log = logging.getLogger(__name__)


class Inbox:
    """What one consumer of live video has not taken yet. `None` among the pictures stands for a lost connection.

    `linger` seconds are waited after the first picture for more of them: one waking then serves many pictures.
    """

    def __init__(self, what: str, *, linger: float = 0.0) -> None:
        self.dropped = 0
        self._what = what
        self._linger = linger
        self._waiting: deque[Picture | None] = deque()
        self._bytes = 0
        self._full = False
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._hurry = threading.Event()

    def put(self, picture: Picture) -> None:
        """Take one picture; where too many wait already it is dropped, and with it all up to the next key picture."""
        with self._lock:
            if self._full and not (picture.key and self._bytes < MOST_BYTES // 2):
                self.dropped += 1
                return
            if self._bytes + len(picture.data) > MOST_BYTES:
                self._full = True
                self.dropped += 1
                _log.warning(
                    "%s is too slow: pictures are dropped until the next key picture it has room for", self._what
                )
                return
            if self._full:
                self._full = False
                self._waiting.append(None)
            self._waiting.append(picture)
            self._bytes += len(picture.data)
        self._ready.set()

    def lost(self) -> None:
        """Tell that the connection was lost: nothing that follows belongs to what came before."""
        with self._lock:
            self._waiting.append(None)
        self._ready.set()

    def hurry(self) -> None:
        """Let `take` return at once from now on."""
        self._hurry.set()
        self._ready.set()

    def take(self, timeout: float | None) -> list[Picture | None]:
        """Return what is there; wait for it at most `timeout` seconds."""
        if self._ready.wait(timeout) and self._linger:
            self._hurry.wait(self._linger)
        with self._lock:
            found = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            self._ready.clear()
            if self._hurry.is_set():
                self._ready.set()
            return found
