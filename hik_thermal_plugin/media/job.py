"""Work that goes on in a thread of its own after a hook has returned: the handle its owner holds (nvr_hooks.Handle)."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from nvr_hooks import HandleState

PATIENCE = 3.0
"""Seconds a close() waits for the thread: writing may hang where a disk or a sink does."""
_log = logging.getLogger(__name__)


class Job(ABC):
    """One thread from `start()` until it is done, fails, or is closed. Thread-safe.

    A job says what it does in `_work` and how that is ended early in `_wake`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._at_end: list[Callable[[], object]] = []
        self._state: HandleState = "running"
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def state(self) -> HandleState:
        """Tell how it is doing: running, done, failed, or closed by its owner."""
        return self._state

    @property
    def error(self) -> BaseException | None:
        """Tell why it failed."""
        return self._error

    def at_end(self, do: Callable[[], object]) -> None:
        """Call this once nothing of it is left to come; before it is started."""
        self._at_end.append(do)

    def start(self) -> None:
        """Begin."""
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        with self._lock:
            self._thread = thread
        thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is no longer running; return whether that is so. Seconds."""
        return self._ended.wait(timeout)

    def interrupt(self) -> None:
        """Begin to end, without waiting; close() does the rest."""
        self._stopping = True
        self._wake()

    def close(self) -> None:
        """End it as its owner."""
        self.interrupt()
        with self._lock:
            thread = self._thread
        if thread is None:
            self._finish("closed", None)
        elif thread is not threading.current_thread():
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _work(self) -> None:
        """Do it, until it is done or `_stopping`; raise what went wrong."""

    def _wake(self) -> None:  # noqa: B027 - not every job has to be woken
        """Let `_work` see that it is to stop, or that there is more to do."""

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._work()
        except Exception as caught:  # noqa: BLE001 - it is told to the owner
            error = caught
        self._finish("failed" if error is not None else "closed" if self._stopping else "done", error)

    def _finish(self, state: HandleState, error: BaseException | None) -> None:
        with self._lock:
            if self._ended.is_set() or self._state != "running":
                return
            self._error = error
            self._state = state
        for do in self._at_end:
            try:
                do()
            except Exception:  # noqa: BLE001 - the end is told all the same
                _log.exception("%s: cleaning up failed", self._name)
        self._ended.set()
