"""The plugin at work: alarms in, events in Frigate.

Threads: sinks only put events into a queue; one thread follows it and the clock; one looks after cameras; one asks Frigate (delivery).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, Final

from nvr_hooks import Alarm, CameraInfo, ConnectionChanged, Event, NvrError, Subscription

from .cases import Case, Cases
from .delivery import Delivery, Pauses
from .drafts import draft
from .journal import Journal
from .settings import CameraSettings, Settings

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often cameras are looked for: a reload may have brought new ones, and one that was away may be back."""
CLOSE_SECONDS: Final = 3.0
PAUSES: Final = Pauses()


class Service:
    """Everything the plugin does between `start` and `close`."""

    def __init__(self, settings: Settings, hooks: Any) -> None:
        self._settings = settings.frigate
        self._hooks = hooks
        self._cases = Cases(
            self._settings.labels,
            release_after=self._settings.release_after,
            hold=self._settings.hold,
            pre_alarms=self._settings.pre_alarms,
        )
        self._delivery = Delivery(self._settings, Journal(settings.journal_path), pauses=PAUSES)
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._infos: dict[str, CameraInfo] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._complaints: set[tuple[str, str]] = set()
        self._closing = threading.Event()
        self._look = threading.Event()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for work, name in ((self._follow, "frigate alarms"), (self._look_after, "frigate cameras"))
        ]

    def start(self) -> None:
        """Listen to every camera."""
        log.info("alarms become events in Frigate at %s", self._settings.url)
        self._delivery.start()
        for thread in self._threads:
            thread.start()

    def look_again(self) -> None:
        """Look for new cameras soon: the configuration may have changed."""
        self._look.set()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """End the open events, as far as Frigate answers in time; end every thread."""
        deadline = time.monotonic() + timeout
        self._closing.set()
        self._look.set()
        self._events.put(None)
        for thread in self._threads:
            thread.join(max(0.05, deadline - time.monotonic() - 1.0))
        self._delivery.close(max(0.5, deadline - time.monotonic() - 0.5))

    # -- alarms --------------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        if isinstance(event, Alarm | ConnectionChanged):
            self._events.put(event)

    def _follow(self) -> None:
        while not self._closing.is_set():
            due = self._cases.next_deadline()
            try:
                event = self._events.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except Empty:
                event = None
            if event is not None:
                try:
                    self._turn(event)
                except Exception:  # whatever one event is, later ones are alarms too
                    log.exception("Frigate: an event of %s is left out", event.camera)
            self._over(self._cases.tick(time.monotonic()))
        self._over(self._cases.close())

    def _turn(self, event: Event) -> None:
        match event:
            case Alarm():
                began, over = self._cases.take(event, time.monotonic())
                self._over(over)
                for case in began:
                    self._begin(case)
            case ConnectionChanged(state="removed"):
                self._over(self._cases.forget(event.camera))
            case ConnectionChanged():
                self._cases.connection(event.camera, event.source, online=event.state == "online", now=time.monotonic())

    def _begin(self, case: Case) -> None:
        alarm = case.alarm
        self._delivery.begin(case.id, draft(alarm, self._infos.get(alarm.camera), self._settings), alarm.received_at)

    def _over(self, cases: Iterable[Case]) -> None:
        for case in cases:
            self._delivery.over(case.id)

    # -- cameras -------------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        try:
            while not self._closing.is_set():
                self._look.clear()
                infos = {info.name: info for infos in self._hooks.nvr_cameras() for info in infos or ()}
                self._infos = infos
                for name in set(self._settings.cameras) - set(infos):
                    self._complain(name, "stands in frigate.cameras, and there is no such camera")
                for name in set(self._subscriptions) - set(infos):
                    self._subscriptions.pop(name).close()
                for name in infos:
                    if (self._settings.cameras.get(name) or CameraSettings()).events and not self._closing.is_set():
                        self._listen(name)
                self._look.wait(LOOK_SECONDS)
        finally:
            for subscription in self._subscriptions.values():
                subscription.close()

    def _listen(self, name: str) -> None:
        if (held := self._subscriptions.get(name)) is not None and held.state == "running":
            return
        try:
            subscription = self._hooks.nvr_listen(camera=name, sink=self._take)
        except NvrError as error:
            self._complain(name, f"its alarms cannot be listened to: {error}")
            return
        if subscription is None:
            self._complain(name, "no plugin listens to its alarms")
        else:
            self._subscriptions[name] = subscription
            self._complaints = {said for said in self._complaints if said[0] != name}

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("%s failed", threading.current_thread().name)

    def _complain(self, camera: str, problem: str) -> None:
        """Say what is wrong with a camera, once until it is listened to."""
        level = logging.DEBUG if (camera, problem) in self._complaints else logging.WARNING
        self._complaints.add((camera, problem))
        log.log(level, "%s: %s", camera, problem)
