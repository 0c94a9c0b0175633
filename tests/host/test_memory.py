"""The memory of many threads."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from nvr_hooks.loading import Plugins

from hik_thermal_plugin.host import memory, running
from hik_thermal_plugin.host.session import Session

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


HOLES = """
import sys
from types import SimpleNamespace
from hik_thermal_plugin.host.memory import give_back
def own():
    return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))
blocks = [bytearray(20_000) for _ in range(2000)]
del blocks[::2]
del blocks[1::3]
before = own()
give_back()
sys.stdout.write(str(before - own()))
"""


@pytest.mark.skipif(not glibc, reason="the C library is not glibc")
def test_holes_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) > 10_000, "kB, of 26,000"


def test_what_is_there_at_the_start_is_no_longer_looked_at() -> None:
    before = gc.get_freeze_count()
    memory.settle()
    try:
        assert gc.get_freeze_count() > before + 10_000
        assert len(gc.get_objects()) < 10_000
    finally:
        gc.unfreeze()


def test_the_service_gives_back_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(clock[0]))
    clock = [1000.0]
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    service = running.Service(Session(Plugins()))
    for _ in range(5):
        clock[0] += 1800.0
        service._give_back()
    assert given == [4600.0, 8200.0]


@pytest.mark.skipif(not glibc, reason="the C library is not glibc")
def test_who_sets_another_number_has_it() -> None:
    assert arenas("shared", MALLOC_ARENA_MAX="4") == 3
