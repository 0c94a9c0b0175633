"""A source that a device may not have: it says so instead of being connected again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from datetime import datetime

from nvr_hooks import CameraError, Event, NoPermission, Refused, Unsupported

from .worker import LiveSource, SourceCounters


class TriedSource:
    """A source that, when the device does not support it, says so and waits to be ended (worker.LiveSource).

    `open` makes it, `refused` is told why it is none. `tried`: nobody has asked for it, so that a device that cannot be asked, or does not
    let this user have it, is one without it.
    """

    def __init__(
        self, open: Callable[[], LiveSource], refused: Callable[[CameraError], None], *, tried: bool = False
    ) -> None:
        self._open = open
        self._refused = refused
        self._tried = tried
        self._lock = threading.Lock()
        self._inner: LiveSource | None = None
        self._ended = threading.Event()
        self._nothing = _Nothing()

    @property
    def counters(self) -> SourceCounters:
        return self._nothing if self._inner is None else self._inner.counters

    def events(self) -> Generator[Event, None, None]:
        try:
            inner = self._open()
            with self._lock:
                self._inner = inner
                if self._ended.is_set():
                    inner.interrupt()
            for event in inner.events():
                yield event
                self._tried = False
        except CameraError as error:
            if not isinstance(error, Unsupported) and not (self._tried and _no_fault(error)):
                raise
            if not self._ended.is_set():
                self._refused(error)
                self._ended.wait()

    def interrupt(self) -> None:
        with self._lock:
            self._ended.set()
            if self._inner is not None:
                self._inner.interrupt()


class _Nothing:
    """What a source has counted before it was there."""

    def __init__(self) -> None:
        self.bytes = self.documents = self.unknown = self.undecodable = self.framing_errors = 0
        self.last_byte_at: datetime | None = None


def _no_fault(error: CameraError) -> bool:
    """Tell whether an error only keeps a source that nobody has asked for from being used."""
    return isinstance(error, NoPermission) or not isinstance(error, Refused)
