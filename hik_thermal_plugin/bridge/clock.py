"""One thread for everything that happens by itself at a certain time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

_FOREVER: Final = float("inf")


class Clock:
    """Calls `do(name)` when a name is due. A name is due once: asked for twice, the earlier time counts."""

    def __init__(self, do: Callable[[str], None]) -> None:
        self._do = do
        self._due: dict[str, float] = {}
        self._next = _FOREVER
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mqtt-clock", daemon=True)

    @property
    def closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._closing

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def at(self, name: str, when: float) -> None:
        """Make a name due at a time of the monotonic clock."""
        with self._changed:
            if when < self._due.get(name, _FOREVER):
                self._due[name] = when
                if when < self._next:
                    self._changed.notify_all()

    def after(self, name: str, seconds: float) -> None:
        """Make a name due in so many seconds."""
        self.at(name, time.monotonic() + seconds)

    def close(self, timeout: float) -> None:
        """End; what is being done has so many seconds to finish."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (names := self._wait()) is not None:
            for name in names:
                try:
                    self._do(name)
                except Exception:  # the clock goes on, whatever one task does
                    log.exception("the bridge could not do %s", name)

    def _wait(self) -> list[str] | None:
        """Return what is due, None at the end."""
        with self._changed:
            while not self._closing:
                self._next = min(self._due.values(), default=_FOREVER)
                present = time.monotonic()
                if self._next <= present:
                    due = [name for name, when in self._due.items() if when <= present]
                    for name in due:
                        del self._due[name]
                    self._next = -_FOREVER  # awake until it looks again
                    return due
                self._changed.wait(None if self._next == _FOREVER else self._next - present)
            return None
