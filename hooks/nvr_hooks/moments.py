"""How long ago something was, whatever has been done to the machine's clock since: set back a day, or forward a year.

Within one start of the machine its uptime tells, for every process; over another start there is only the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Moment(NamedTuple):
    """A time by the clock, and by the uptime of one start of the machine."""

    wall: float
    """Seconds since 1970, as the clock said them."""
    boot: str = ""
    """Which start of the machine; empty: not known."""
    up: float = 0.0
    """Seconds since then, those asleep too."""

    def until(self, later: Moment) -> float:
        """Return the seconds from here to `later`; negative where only the clock tells and has been set back."""
        return later.up - self.up if self.by_uptime(later) else later.wall - self.wall

    def by_uptime(self, other: Moment) -> bool:
        """Tell whether both are of one start of the machine, so that its clock does not matter."""
        return bool(self.boot) and self.boot == other.boot


def moments(clock: Callable[[], float]) -> Callable[[], Moment]:
    """Return what tells the present moment. A clock that is not the machine's own is all there is."""
    if clock is not _MACHINES_OWN:
        return lambda: Moment(clock())
    return lambda: Moment(clock(), _boot(), uptime())


def uptime() -> float:
    """Return seconds since the machine was started, those asleep too where it counts them."""
    return time.clock_gettime(_UPTIME)


_MACHINES_OWN = time.time
_UPTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
