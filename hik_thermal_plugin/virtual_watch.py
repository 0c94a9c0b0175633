"""The virtual rules of one camera at work: they watch its temperatures while somebody listens to its alarms.

Beside the alarms it tells the state of the source `virtual`: online while every measuring rule that is watched, and was ever told, has a
sound value not older than `FRESH`. Otherwise nobody knows whether an alarm is over, and a quiet minute must not be taken for its end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from nvr_hooks import ConnectionChanged, ConnectionState, Event, Sink, TemperatureReading, now

from .deliveries import Delivery
from .virtual import DifferenceRule, VirtualRule, VirtualRules, value_of

FRESH = 7.0
"""Seconds. Shorter than the quiet after which consumers take an alarm for over (10 s), longer than the repeats of an active one (5 s)."""
_LOOK = Event()


class VirtualWatch:
    """Thread-safe. `watch` subscribes to the camera's temperatures, `tell` takes what is to be told."""

    def __init__(self, camera: str, watch: Callable[[Sink], Delivery], tell: Callable[[Event], object]) -> None:
        self._camera = camera
        self._watch = watch
        self._tell = tell
        self._lock = threading.Lock()
        """Held while alarms are computed and told, so that they leave in order."""
        self._attending = threading.Lock()
        self._definitions: tuple[VirtualRule, ...] = ()
        self._rules = VirtualRules(())
        self._connection = ConnectionChanged(camera=camera, source="virtual", state="starting")
        self._subscription: Delivery | None = None
        self._online: set[str] = set()
        self._sound: dict[tuple[int, int | str | None], float] = {}
        """When a rule (its index) last got a sound value of a measuring rule; monotonic seconds."""

    @property
    def connection(self) -> ConnectionChanged | None:
        """The present state of the source `virtual`; None without virtual rules."""
        return self._connection if self._definitions else None

    def configure(self, rules: Sequence[VirtualRule]) -> None:
        """Use these rules from now on; other ones end what is active of the old ones. attend() has to follow."""
        with self._lock:
            if tuple(rules) == self._definitions:
                return
            ended = self._rules.retire(now())
            self._definitions, self._rules = tuple(rules), VirtualRules(rules)
            self._sound.clear()
            for alarm in ended:
                self._tell(alarm)

    def attend(self, wanted: bool) -> None:
        """Watch while it is wanted and there are rules; may be called again and again."""
        with self._attending:
            wanted = wanted and bool(self._definitions)
            if wanted and self._subscription is None:
                self._subscription = self._watch(self._take)
            elif not wanted and self._subscription is not None:
                self._subscription.close()
                self._subscription = None
                with self._lock:
                    self._rules = VirtualRules(self._definitions)
                    self._online.clear()
                    self._sound.clear()
                    self._become("starting", None)

    def _take(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, ConnectionChanged):
                self._online.discard(event.source)
                if event.state == "online":
                    self._online.add(event.source)
                elif not self._online:
                    self._rules.feed(event)
                    if self._connection.state != "starting":
                        state = event.state if event.state in ("auth_blocked", "error") else "offline"
                        self._become(state, event.reason or f"{self._camera}: no source tells its temperatures")
                return
            if isinstance(event, TemperatureReading):
                self._note(event)
            self._judge()
            for alarm in self._rules.feed(event):
                self._tell(alarm)

    def _note(self, reading: TemperatureReading) -> None:
        for index, rule in enumerate(self._definitions):
            others = (rule.other_rule,) if isinstance(rule, DifferenceRule) else ()
            if reading.rule not in (rule.rule, *others):
                continue
            if reading.status == "ended":
                self._sound.pop((index, reading.rule), None)
            elif not reading.frozen and value_of(reading, rule.quantity) is not None:
                self._sound[index, reading.rule] = time.monotonic()

    def _judge(self) -> None:
        """Say whether the rules know what they are talking about, and look again when that may have changed."""
        if not self._sound:
            return
        (index, rule), oldest = min(self._sound.items(), key=lambda item: item[1])
        if time.monotonic() - oldest >= FRESH:
            name = self._definitions[index].name
            self._become("offline", f"{self._camera}: {name}: no sound value of rule {rule} for {FRESH:g} s")
            return
        if self._online:
            self._become("online", None)
        if self._subscription is not None:
            self._subscription.put_at(_LOOK, oldest + FRESH)

    def _become(self, state: ConnectionState, reason: str | None) -> None:
        if state != self._connection.state:
            self._connection = ConnectionChanged(camera=self._camera, source="virtual", state=state, reason=reason)
            self._tell(self._connection)
