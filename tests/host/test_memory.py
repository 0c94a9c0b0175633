"""The memory of many threads."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

# Counts the places glibc takes memory from: each begins at a multiple of 64 MiB.
PROGRAM = """
import sys, threading
from hik_thermal_plugin.host.memory import share_arenas
if "shared" in sys.argv: share_arenas()
meet = threading.Barrier(9)
def work():
    kept = [bytearray(1000 + n) for n in range(1000)]
    meet.wait(30); meet.wait(30)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
meet.wait(30)
begins = [line.split("-")[0] for line in open("/proc/self/maps") if " rw-p " in line and line.split()[-1] == "0"]
sys.stdout.write(str(sum(int(begin, 16) % (64 << 20) == 0 for begin in begins)))
meet.wait(30)
"""

glibc = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


def arenas(*arguments: str, **more: str) -> int:
    environ = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"} | more
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(not glibc, reason="the C library is not glibc")
def test_threads_share_two_arenas() -> None:
    assert arenas() >= 4
    assert arenas("shared") == 1  # and the heap


@pytest.mark.skipif(not glibc, reason="the C library is not glibc")
def test_who_sets_another_number_has_it() -> None:
    assert arenas("shared", MALLOC_ARENA_MAX="4") == 3
