"""SIGTERM and Ctrl-C as something a loop reads, so that a stream ends between two happenings and never inside one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Generic, Self, TypeVar

from .outcome import complain

T = TypeVar("T")
SIGNALS = (signal.SIGTERM, signal.SIGINT)
BACKLOG = 10_000


class Stop(Exception):
    """The user or the service manager wants the stream to end."""


class Inbox(Generic[T]):
    """What arrives from any thread, for one reader: the main thread, which also learns there of SIGTERM and Ctrl-C.

    `put` is a sink: it returns at once; beyond 10,000 waiting items the new one is dropped and counted in `lost`.
    As a context manager it owns the two signals; the second one has its usual effect.
    """

    def __init__(self) -> None:
        # A SimpleQueue's put may interrupt its own get, as a signal handler does; a Queue's lock would never come free.
        self._items: SimpleQueue[T | type[Stop]] = SimpleQueue()
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}
        self.lost = 0
        self._stopped = False

    def put(self, item: T) -> None:
        """Take one item."""
        if self._items.qsize() < BACKLOG:
            self._items.put(item)
        else:
            self.lost += 1

    def get(self, until: float | None = None) -> T:
        """Return the next item; raise Empty at `until` (time.monotonic), Stop after a signal."""
        item = self._items.get(timeout=None if until is None else max(until - time.monotonic(), 0))
        if isinstance(item, type):
            raise Stop
        return item

    def raise_if_stopped(self) -> None:
        """Raise Stop when a signal has come, whatever waits before it: for what takes long."""
        if self._stopped:
            raise Stop

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        self._stopped = True
        self._items.put(Stop)

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())


class Hangup:
    """While it lasts, SIGHUP calls `act`, in the main thread, at any point of what that is doing: it may only put something down."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._before: Callable[[int, FrameType | None], object] | int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGHUP, lambda number, frame: self._act())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGHUP, self._before)


class Interruptible:
    """While it lasts, SIGTERM ends the main thread's work as Ctrl-C does: with KeyboardInterrupt, so that cleaning up still happens."""

    def __enter__(self) -> Self:
        self._before = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)


class Patient:
    """While it lasts, the first SIGTERM or Ctrl-C only writes `notice` to stderr; the second one is Ctrl-C, as without this."""

    def __init__(self, notice: str) -> None:
        self._notice = notice
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._first) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _first(self, number: int, frame: FrameType | None) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.default_int_handler)
        with suppress(RuntimeError):  # it may have interrupted a line on its way to stderr
            complain(self._notice)


__all__ = ["Empty", "Hangup", "Inbox", "Interruptible", "Patient", "Stop"]
