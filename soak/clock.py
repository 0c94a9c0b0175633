"""Processes whose clocks run faster than the machine's, and whose wall clock can be set (clock.c)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


def build(folder: Path) -> Path:
    """Compile the library that is preloaded; return its path."""
    if sys.platform != "linux":
        raise SystemExit("the fault harness needs Linux: its clocks are glibc's")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("there is no C compiler: apt-get install gcc libc6-dev")
    library = folder / "clock.so"
    subprocess.run([compiler, "-O2", "-Wall", "-fPIC", "-shared", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def environment(library: Path, speed: int) -> dict[str, str]:
    """Return what a process needs for clocks that run `speed` times as fast from now on."""
    return {"LD_PRELOAD": str(library), "SOAK_CLOCK": f"{time.monotonic_ns()} {time.time_ns()} {speed}"}


def speed() -> int:
    """Return how fast the clocks of this process run."""
    return int(os.environ.get("SOAK_CLOCK", "0 0 1").split()[2])


class WallClock:
    """The wall clock of one process, to be set from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    @property
    def environment(self) -> dict[str, str]:
        """What the process needs to look at this clock."""
        return {"SOAK_OFFSET": str(self._path)}

    def set(self, seconds: float) -> None:
        """Set it ahead of (negative: behind) the true time by so much."""
        with self._path.open("r+b" if self._path.exists() else "wb") as file:  # in place: it is mapped
            file.write(struct.pack("=q", int(seconds * 1e9)))
