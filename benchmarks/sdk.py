"""Alarms of the vendor's library, from the stand-in's threads to events: rate, losses, time in the callback, memory.

The floor is an empty Python callback called by the same threads at the same rate: alone, and while other threads decode as many alarms a
second as ours do, because whoever holds the interpreter's lock is waited for in either.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nvr_hooks import ConnectionChanged

from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.sdk.alarm_stream import SdkAlarmStream
from hik_thermal_plugin.sdk.prototypes import AlarmCallback
from hik_thermal_plugin.sdk.session import Access, SdkSession
from hik_thermal_plugin.wire.hcnetsdk_alarms import Block, decode_alarm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "sdk"))
from standin_library import StandIn, build

RATE = 10_000
SECONDS = 5
MILLION = 1_000_000
ALARM = (
    b"NET_DVR_THERMOMETRY_ALARM\ndwChannel=2\nbyRuleID=3\nfCurrTemperature=61.5\nfRuleTemperature=60\nbyRuleCalibType=1"
)
_ADDRESS = 0x100000


def run() -> dict[str, Any]:
    """Measure the floor, ten and a hundred sessions at that rate, and a million alarms."""
    with tempfile.TemporaryDirectory() as folder:
        standin = StandIn(build(Path(folder), "-O2"))
        standin.reset(users=200)
        standin.c.fake_log(0)
        out: dict[str, Any] = {"alarms_per_second": RATE, "seconds": SECONDS}
        out["empty callback, idle process"] = _floor(standin, folder, decoding=False)
        out["empty callback, same decoding beside it"] = _floor(standin, folder, decoding=True)
        for sessions in (10, 100):
            out[f"{sessions} sessions"] = _ours(standin, folder, sessions, RATE * SECONDS)
        ours, floor = (
            out["10 sessions"]["callback_p99_us"],
            out["empty callback, same decoding beside it"]["callback_p99_us"],
        )
        out["callback p99, ours to an empty one under the same load"] = round(ours / floor, 2)
        out["a million alarms"] = _memory(standin, folder)
        return out


def _storm(standin: StandIn, channels: int, count: int, rate: float = RATE) -> float:
    numbers = (ctypes.c_int32 * channels)(*range(channels))
    began = time.perf_counter()
    standin.c.fake_storm(numbers, channels, ALARM, ctypes.c_long(count // channels), ctypes.c_double(rate / channels))
    return time.perf_counter() - began


def _callback(standin: StandIn) -> dict[str, float]:
    return {
        f"callback_{name}_us": round(standin.c.fake_callback_nanoseconds(quantile) / 1000, 1)
        for name, quantile in (("median", 0.5), ("p99", 0.99), ("worst", 1.0))
    }


def _session(standin: StandIn, folder: str, number: int) -> SdkSession:
    access = Access(
        path=standin.folder, host=f"192.0.2.{number}", port=8000, username="admin", password="stand-in", timeout=10
    )
    return SdkSession(f"c{number}", access, LoginBudget(f"c{number}", "stand-in", Path(folder, "state")))


@contextmanager
def _armed(standin: StandIn, folder: str, count: int) -> Iterator[list[Reader]]:
    """Have so many sessions armed, each read by a thread."""
    readers = [Reader(_session(standin, folder, number)) for number in range(count)]
    for reader in readers:
        reader.online.wait(10)
    try:
        yield readers
    finally:
        for reader in readers:
            reader.close()


class Reader:
    """Counts the events of one session."""

    def __init__(self, session: SdkSession) -> None:
        self.events = 0
        self.online = threading.Event()
        self._session = session
        self.stream = SdkAlarmStream(session)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for event in self.stream.events():
            if isinstance(event, ConnectionChanged):
                self.online.set()
            else:
                self.events += 1

    def close(self) -> None:
        """End it."""
        self.stream.interrupt()
        self._thread.join(5)
        self._session.close()


def _ours(standin: StandIn, folder: str, sessions: int, count: int) -> dict[str, Any]:
    with _armed(standin, folder, sessions) as readers:
        before = time.process_time()
        took = _storm(standin, sessions, count)
        wanted = count // sessions * sessions
        deadline = time.monotonic() + 60
        while (got := sum(reader.events for reader in readers)) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        behind = time.process_time() - before
        return {
            "sent": wanted,
            "events": got,
            "lost": wanted - got,
            "sent_per_second": round(wanted / took),
            "processor_share": round(behind / took, 2),
            **_callback(standin),
        }


def _floor(standin: StandIn, folder: str, *, decoding: bool) -> dict[str, Any]:
    """Measure an empty callback; `decoding`: while ten threads decode as many alarms as would arrive."""
    session = _session(standin, folder, 0)
    login = session.login()
    empty = AlarmCallback(lambda command, alarmer, info, length, user: 1)
    channels = [_arm(session, login) for _ in range(10)]
    standin.c.NET_DVR_SetDVRMessageCallBack_V31(empty, None)
    stop = threading.Event()
    threads = [threading.Thread(target=_decode, args=(stop, RATE / 10)) for _ in range(10 if decoding else 0)]
    for thread in threads:
        thread.start()
    try:
        _storm(standin, len(channels), RATE * SECONDS)
        return _callback(standin)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        session.close()


def _arm(session: SdkSession, login: Any) -> int:
    from hik_thermal_plugin.wire.hcnetsdk_layouts import NET_DVR_SETUPALARM_PARAM, size_of

    wanted = NET_DVR_SETUPALARM_PARAM(dwSize=size_of(NET_DVR_SETUPALARM_PARAM), byLevel=1)
    number = session.call("SetupAlarmChan_V41", ctypes.byref(wanted), login=login)
    session.open("alarm", login, number, "CloseAlarmChan_V30")
    return number


def _decode(stop: threading.Event, rate: float) -> None:
    """Decode alarms at a rate, as a reader does."""
    block = Block(command=0x5212, data=bytes(248), address=_ADDRESS)
    began, done = time.perf_counter(), 0
    while not stop.is_set():
        due = int((time.perf_counter() - began) * rate)
        for _ in range(due - done):
            decode_alarm(block, camera="c")
        done = due
        time.sleep(0.0005)


def _memory(standin: StandIn, folder: str) -> dict[str, Any]:
    """Send a million alarms as fast as they are read, and look at the memory after each tenth."""
    with _armed(standin, folder, 4) as readers:
        megabytes = []
        sent = 0
        began = time.perf_counter()
        for _ in range(10):
            _storm(standin, 4, MILLION // 10, 16_000)
            sent += MILLION // 10 // 4 * 4
            _until(lambda sent=sent: sum(reader.events for reader in readers) >= sent)
            gc.collect()
            megabytes.append(round(_resident() / 1e6, 1))
        return {
            "events": sum(reader.events for reader in readers),
            "per_second": round(sent / (time.perf_counter() - began)),
            "megabytes_after_each_tenth": megabytes,
        }


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
