"""Under which channel number a device answers questions about temperatures (isapi.md 2).

Mostly it is the thermal channel's. HM-TD2628T-7 has its rules under channel 1 and its temperatures under 2. So a question is tried with what
is configured, with what answered before, with the thermal channel, with 2 and with 1, as long as the device says that it does not support it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeVar

from nvr_hooks import Unsupported

T = TypeVar("T")
Side = Literal["config", "data"]
"""Rules and settings, or temperatures."""
_LAST = (2, 1)


class ThermalChannels:
    """What one device has shown so far. Thread-safe. `config` and `data` are the configured numbers."""

    def __init__(self, camera: str, config: int | None = None, data: int | None = None) -> None:
        self.thermal: int | None = None
        """The thermal channel as the device tells it, once it was asked."""
        self._camera = camera
        self._configured: dict[Side, int | None] = {"config": config, "data": data}
        self._lock = threading.Lock()
        self._found: dict[str, int] = {}

    def to_try(self, side: Side, what: str, channel: int) -> tuple[int, ...]:
        """Return the numbers to try for `channel`, in order; a channel that is not the thermal one stands for itself alone."""
        known = {self.thermal, *self._configured.values()} - {None}
        if known and channel not in known:
            return (channel,)
        with self._lock:
            before = self._found.get(what), self._found.get(side)
        numbers = (self._configured[side], *before, channel, *_LAST)
        return tuple(dict.fromkeys(number for number in numbers if number is not None))

    def ask(self, side: Side, what: str, channel: int, question: Callable[[int], T]) -> T:
        """Ask until the device supports it, and remember the number for the next time; raise the first Unsupported when it never does.

        `what` names the question: devices may answer one under this number and another under that.
        """
        first: Unsupported | None = None
        for number in self.to_try(side, what, channel):
            try:
                answer = question(number)
            except Unsupported as error:
                first = first or error
                continue
            with self._lock:
                self._found[what] = number
                self._found.setdefault(side, number)
            return answer
        raise first or Unsupported(f"{self._camera}: has no thermal channel to ask", camera=self._camera)
