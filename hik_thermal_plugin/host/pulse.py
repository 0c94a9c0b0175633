"""What the host itself sees of its cameras: it listens to each, counts their alarms, and knows which source should be up and is not."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nvr_hooks import Alarm, ConnectionChanged, Event, Health, NvrError, Subscription, TemperatureReading, Unsupported

from .app import Host

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 5.0
TEMPERATURES: Final = frozenset({"realtime", "metadata", "poll", "frame"})
"""Sources that stand in for each other: one of them is enough."""
_PROPERTIES: Final = {
    "highest": "highest_celsius",
    "lowest": "lowest_celsius",
    "average": "average_celsius",
    "centre": "centre_celsius",
    "point": "point_celsius",
}
Rule = tuple[str, str, str]
"""Camera, channel, rule: as the labels have them."""


@dataclass(slots=True)
class Reloads:
    """How often the configuration was read again while running."""

    done: int = 0
    refused: int = 0
    mistakes: tuple[str, ...] = ()
    """Of the file as it is now; what runs is the last one without."""


@dataclass(frozen=True, slots=True)
class Down:
    """A source that should be up and is not."""

    camera: str
    source: str
    state: str
    since: str
    reason: str | None


class Pulse:
    """Listens to every camera of a host; with `temperatures` it watches them too. Thread-safe; one thread looks for new cameras."""

    def __init__(self, host: Host, *, temperatures: bool = False) -> None:
        self._host = host
        self._watches = temperatures
        self._lock = threading.Lock()
        self._alarms: Counter[tuple[str, str]] = Counter()
        self._last: dict[str, float] = {}
        self._readings: dict[Rule, TemperatureReading] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._deaf: dict[str, str] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def look_again(self) -> None:
        """Look for cameras now: the configuration has changed."""
        self._wake.set()

    def close(self) -> None:
        """End the subscriptions and the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join(2.0)

    @property
    def alarms(self) -> Mapping[tuple[str, str], int]:
        """Return how many events of alarms there were, by camera and type."""
        with self._lock:
            return dict(self._alarms)

    @property
    def last_alarms(self) -> Mapping[str, float]:
        """Return when each camera told its last alarm, in seconds since 1970."""
        with self._lock:
            return dict(self._last)

    def temperatures(self) -> Iterator[tuple[Rule, str, float]]:
        """Yield rule, property and °C of what is measured at present."""
        with self._lock:
            readings = dict(self._readings)
        for rule, reading in readings.items():
            for name, attribute in _PROPERTIES.items():
                if (value := getattr(reading, attribute)) is not None:
                    yield rule, name, value

    def health(self) -> dict[str, Sequence[Health]]:
        """Return what each camera's sources tell of themselves; none for a camera whose plugin cannot say."""
        return {info.name: health_of(self._host, info.name) for info in self._host.cameras()}

    def broker(self) -> Health | None:
        """Return how the bridge's way to the broker does; None without a bridge."""
        return next(
            (found for answers in self._host.own_health().values() for found in answers if found.source == "mqtt"), None
        )

    def down(self, health: Mapping[str, Sequence[Health]]) -> list[Down]:
        """Return the sources that should be up and are not: every one a camera uses; of those that tell temperatures one is enough."""
        found = []
        for camera, sources in health.items():
            if why := self._deaf.get(camera):
                found.append(Down(camera, "alarms", "error", "", why))
            warm = any(item.source in TEMPERATURES and is_up(item) for item in sources)
            found += [
                Down(camera, item.source, item.state, item.since.isoformat(), item.last_error)
                for item in sources
                if not is_up(item) and not (warm and item.source in TEMPERATURES)
            ]
        return found

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.clear()
                try:
                    self._look()
                except Exception:
                    log.exception("the cameras could not be looked for")
                self._wake.wait(LOOK_SECONDS)
        finally:
            for name in list(self._subscriptions):
                self._let_go(name)

    def _look(self) -> None:
        names = {info.name for info in self._host.cameras()}
        for name in set(self._subscriptions) - names:
            self._let_go(name)
        for name in names:
            if self._closing or any(item.state == "running" for item in self._subscriptions.get(name, ())):
                continue
            self._let_go(name)
            self._subscriptions[name] = [*self._ask("nvr_listen", name), *self._watch(name)]

    def _watch(self, name: str) -> list[Subscription]:
        return self._ask("nvr_watch", name) if self._watches else []

    def _ask(self, hook: str, name: str) -> list[Subscription]:
        caller: Any = getattr(self._host.hook, hook)
        try:
            subscription = caller(camera=name, sink=self._take)
        except Unsupported as err:
            log.debug("%s", err)
        except NvrError as err:
            if hook == "nvr_listen":
                self._deaf[name] = str(err)
        else:
            if hook == "nvr_listen":
                self._deaf.pop(name, None)
            return [] if subscription is None else [subscription]
        return []

    def _let_go(self, name: str) -> None:
        for subscription in self._subscriptions.pop(name, ()):
            subscription.close()
        self._deaf.pop(name, None)
        with self._lock:
            for rule in [rule for rule in self._readings if rule[0] == name]:
                del self._readings[rule]

    def _take(self, event: Event) -> None:
        match event:
            case Alarm():
                with self._lock:
                    self._alarms[event.camera, event.type] += 1
                    self._last[event.camera] = event.received_at.timestamp()
            case TemperatureReading():
                preset = f"p{event.preset}-" if event.preset else ""
                rule = (event.camera, str(event.channel or 0), f"{preset}{0 if event.rule is None else event.rule}")
                with self._lock:
                    if event.status == "ended":
                        self._readings.pop(rule, None)
                    else:
                        self._readings[rule] = event
            case ConnectionChanged() if event.state != "online":
                with self._lock:  # what it told last is not what is
                    self._readings = {
                        rule: reading
                        for rule, reading in self._readings.items()
                        if (rule[0], reading.source) != (event.camera, event.source)
                    }


def is_up(health: Health) -> bool:
    """Tell whether a source does what it can: one that waits for pushes is never told to be online, for nothing tells it that the camera is there."""
    return health.state == "online" or (health.source == "push" and health.state == "starting")


def health_of(host: Host, camera: str) -> Sequence[Health]:
    """Return what a camera's sources tell of themselves, nothing where its plugin cannot say."""
    try:
        return tuple(host.hook.nvr_health(camera=camera) or ())
    except NvrError as err:
        log.debug("%s: no health: %s", camera, err)
    except Exception:
        log.debug("%s: no health", camera, exc_info=True)
    return ()
