"""How long events take from the camera's sink to the broker's word that it has them."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from nvr_hooks import Delays

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
"""Seconds: an alarm's way takes milliseconds, what waited for a broker minutes."""


class DelayCount:
    """Not thread-safe: under its owner's lock."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one event; the clock may have been set back meanwhile."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds

    def told(self) -> Delays:
        """Return what was counted."""
        return Delays(bounds=BOUNDS, counts=tuple(self._counts), seconds=self._seconds)
