"""The recorder at work: alarms in, recordings on disk.

Threads: sinks only put alarms into a queue; one thread follows it and the clock; one looks after cameras; each recording is begun and ended
by a thread of its own, because a camera may take its time for both.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from nvr_hooks import (
    Alarm,
    Event,
    Handle,
    Live,
    NvrError,
    Recording,
    RecordOptions,
    Refused,
    Subscription,
    Unsupported,
    WrongUse,
    now,
)

from .settings import RecorderSettings
from .shelf import Shelf

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often cameras are looked for: a reload may have brought new ones, and one that was away may be back."""
TIDY_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 3.0
_Key = tuple[str, int | None]


@dataclass(slots=True)
class _Case:
    """One alarm that is being recorded, with those that come while it is."""

    alarm: Alarm
    until: float
    """When it is over, by the monotonic clock; every further sign of an alarm moves it."""
    over: threading.Event = field(default_factory=threading.Event)
    target: Path | None = None


class Service:
    """Everything the plugin does between `start` and `close`."""

    def __init__(self, settings: RecorderSettings, hooks: Any) -> None:
        self._settings = settings
        self._hooks = hooks
        self._shelf = Shelf(settings.directory, max_age=settings.keep.max_age, max_size=settings.keep.max_size)
        self._alarms: SimpleQueue[Alarm | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._tidying = threading.Lock()
        self._cases: dict[_Key, _Case] = {}
        self._threads: set[threading.Thread] = set()
        self._subscriptions: dict[str, Subscription] = {}
        self._keepers: dict[str, Handle] = {}
        self._complaints: set[tuple[str, str]] = set()
        self._closing = threading.Event()
        self._look = threading.Event()

    def start(self) -> None:
        """Listen to every camera."""
        self._spawn(self._follow, "alarm recorder")
        self._spawn(self._look_after, "alarm recorder cameras")

    def look_again(self) -> None:
        """Look for new cameras soon: the configuration may have changed."""
        self._look.set()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Complete what is being recorded, end every thread."""
        deadline = time.monotonic() + timeout
        self._closing.set()
        self._look.set()
        self._alarms.put(None)
        with self._lock:
            cases, threads = list(self._cases.values()), list(self._threads)
        for case in cases:
            case.over.set()
        for thread in threads:
            thread.join(max(0.05, deadline - time.monotonic()))

    # -- alarms --------------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        if isinstance(event, Alarm) and event.kind in self._settings.kinds:
            self._alarms.put(event)

    def _follow(self) -> None:
        tidy_at = time.monotonic()
        while not self._closing.is_set():
            if time.monotonic() >= tidy_at:
                self._tidy()
                tidy_at = time.monotonic() + TIDY_SECONDS
            with self._lock:
                ends = [case.until for case in self._cases.values() if not case.over.is_set()]
            try:
                alarm = self._alarms.get(timeout=max(0.0, min([tidy_at, *ends]) - time.monotonic()))
            except Empty:
                alarm = None
            if alarm is not None:
                self._see(alarm)
            with self._lock:
                for case in self._cases.values():
                    if time.monotonic() >= case.until:
                        case.over.set()

    def _see(self, alarm: Alarm) -> None:
        key = (alarm.camera, alarm.channel)
        until = time.monotonic() + self._settings.seconds
        with self._lock:
            case = self._cases.get(key)
            if case is not None and not case.over.is_set():
                case.until = until
                return
            if alarm.phase == "end" or self._closing.is_set():
                return
            case = self._cases[key] = _Case(alarm, until)
        self._spawn(lambda: self._record(key, case), f"{alarm.camera} alarm recording")

    # -- recordings ----------------------------------------------------------------------------------------------------

    def _record(self, key: _Key, case: _Case) -> None:
        alarm = case.alarm
        try:
            recording = self._begin(case)
            if recording is None:
                return
            with recording:
                while not case.over.wait(1.0) and recording.state == "running":
                    pass
            if recording.error is not None:
                self._complain(alarm.camera, "the recording of an alarm failed", str(recording.error))
            else:
                self._settle(alarm.camera)
            for path in recording.files:
                log.info("%s: an alarm (%s) is recorded in %s", alarm.camera, alarm.kind, path)
        finally:
            with self._lock:
                if self._cases.get(key) is case:
                    del self._cases[key]
            self._tidy()

    def _begin(self, case: _Case) -> Recording | None:
        """Start recording; try again while the alarm lasts."""
        settings, alarm = self._settings, case.alarm
        options = RecordOptions(
            container=settings.container,
            segment_seconds=settings.segment,
            pre_roll_seconds=settings.pre_roll,
            overlay=settings.overlay,
        )
        while not case.over.is_set():
            try:
                case.target = self._shelf.place(alarm, settings.container)
                recording: Recording | None = self._hooks.nvr_record(
                    camera=alarm.camera, channel=alarm.channel, target=case.target, options=options
                )
            except (OSError, NvrError) as error:
                self._complain(alarm.camera, "an alarm cannot be recorded", str(error))
                if isinstance(error, Unsupported | Refused | WrongUse):
                    return None
                case.over.wait(RETRY_SECONDS)
                continue
            if recording is None:
                self._complain(alarm.camera, "no plugin records its video")
            return recording
        return None

    def _tidy(self) -> None:
        with self._tidying:
            with self._lock:
                busy = [case.target for case in self._cases.values() if case.target is not None]
            for path in self._shelf.tidy(now(), busy):
                log.info("the recording %s had to make room", path)

    # -- cameras -------------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Listen to cameras as they come, and keep the seconds before an alarm where that is wanted."""
        try:
            while not self._closing.is_set():
                self._look.clear()
                wanted = self._settings.cameras
                names = [info.name for infos in self._hooks.nvr_cameras() for info in infos or ()]
                for name in set(self._subscriptions) - set(names):
                    self._let_go(name)
                ours = [name for name in names if wanted is None or name in wanted]
                for attend in (self._listen, *((self._keep,) if self._settings.pre_roll else ())):
                    for name in ours:
                        if not self._closing.is_set():
                            attend(name)
                self._look.wait(LOOK_SECONDS)
        finally:
            for name in {*self._subscriptions, *self._keepers}:
                self._let_go(name)

    def _listen(self, name: str) -> None:
        if (held := self._subscriptions.get(name)) is not None and held.state == "running":
            return
        try:
            subscription = self._hooks.nvr_listen(camera=name, sink=self._take)
        except NvrError as error:
            self._complain(name, f"its alarms cannot be listened to: {error}")
            return
        if subscription is not None:
            self._subscriptions[name] = subscription

    def _keep(self, name: str) -> None:
        if (held := self._keepers.get(name)) is not None and held.state == "running":
            return
        live = Live(keep_seconds=self._settings.pre_roll)
        try:
            keeper = self._hooks.nvr_open_stream(camera=name, channel=None, what=live, sink=_nothing)
        except NvrError as error:
            self._complain(name, f"what is before an alarm is not kept: {error}")
            return
        if keeper is not None:
            self._keepers[name] = keeper

    def _let_go(self, name: str) -> None:
        for held in (self._subscriptions.pop(name, None), self._keepers.pop(name, None)):
            if held is not None:
                held.close()

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Any, name: str) -> None:
        def run() -> None:
            try:
                work()
            except Exception:
                log.exception("%s failed", name)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _complain(self, camera: str, problem: str, why: str = "") -> None:
        """Say what is wrong, once until the camera records again; `why` may be another each time."""
        with self._lock:
            level = logging.DEBUG if (camera, problem) in self._complaints else logging.WARNING
            self._complaints.add((camera, problem))
        log.log(level, "%s: %s%s", camera, problem, why and f": {why}")

    def _settle(self, camera: str) -> None:
        """Forget what was said of a camera: the next trouble is news."""
        with self._lock:
            self._complaints = {said for said in self._complaints if said[0] != camera}


def _nothing(data: bytes) -> None:
    """Take bytes that only have to flow."""
