"""Which readings are news: a temperature that did not change is none, one that changes all the time is told now and then.

Per rule, by the camera's `Reporting`: told at once when it is the first, when a value moved by `dead_band_kelvin` or more, or when a
flag changed, but not more often than every `min_interval` seconds; a change that comes too early is told when its time has come, with
the value of then. Unchanged values are told again every `max_interval` seconds, as long as readings come: a reading that is not
repeated by the camera is never repeated here. A rule that falls silent is told once more, as stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from nvr_hooks import Reporting, TemperatureReading

MOST = 1024
"""Rules of one camera whose readings are kept."""
SILENT = 30.0
"""Seconds without a reading after which a rule's values are stale (DESIGN: the silence limit of real-time thermometry)."""

_NEVER = float("inf")

Place = tuple[int, str]
"""Channel and last part of the topic."""
News = tuple[Place, TemperatureReading, bool]
"""Where, what, and whether it is stale."""

_values: Callable[[TemperatureReading], tuple[float | None, ...]] = attrgetter(
    "highest_celsius", "lowest_celsius", "average_celsius", "centre_celsius", "point_celsius", "difference_kelvin"
)
_flags: Callable[[TemperatureReading], tuple[object, ...]] = attrgetter(
    "frozen", "source", "unit_reported", "rule_name", "calibration"
)


@dataclass(slots=True)
class _Rule:
    latest: TemperatureReading
    heard_at: float
    told: TemperatureReading
    told_at: float
    told_stale: bool = False

    def waits(self, reporting: Reporting) -> bool:
        return _moved(self.told, self.latest, reporting.dead_band_kelvin)


class Temperatures:
    """The rules of one camera. No clock of its own: `now` is in seconds of one that only goes forward. Not thread-safe."""

    def __init__(self) -> None:
        self._rules: dict[Place, _Rule] = {}
        self._due = _NEVER
        """No rule has anything to be told before this time; a reading that is no news costs no look at the others."""

    @property
    def due(self) -> float:
        """When `tick` may have something to do; infinity for never."""
        return self._due

    def take(self, place: Place, reading: TemperatureReading, reporting: Reporting, now: float) -> Iterator[News]:
        """Take a reading; yield it if it is news now."""
        rule = self._rules.get(place)
        if rule is None:
            if len(self._rules) < MOST:
                self._rules[place] = _Rule(reading, now, reading, now)
                self._due = min(self._due, now + SILENT)
            yield place, reading, False
            return
        rule.latest, rule.heard_at = reading, now
        if rule.told_stale or now >= rule.told_at + reporting.max_interval:
            self._due = min(self._due, now + SILENT)
            yield self._tell(place, rule, now)
        elif rule.waits(reporting):
            if now >= rule.told_at + reporting.min_interval:
                yield self._tell(place, rule, now)
            else:
                self._due = min(self._due, rule.told_at + reporting.min_interval)

    def tick(self, reporting: Reporting, now: float) -> Iterator[News]:
        """Yield the changes that have waited long enough, and the rules that have fallen silent."""
        if now < self._due:
            return
        self._due = _NEVER
        for place, rule in self._rules.items():
            if rule.told_stale:
                continue
            if now >= rule.heard_at + SILENT:
                yield self._tell(place, rule, now, stale=True)
                continue
            if rule.waits(reporting):
                if now >= rule.told_at + reporting.min_interval:
                    yield self._tell(place, rule, now)
                else:
                    self._due = min(self._due, rule.told_at + reporting.min_interval)
            self._due = min(self._due, rule.heard_at + SILENT)

    def lose(self, source: str | None, now: float) -> Iterator[News]:
        """Yield, as stale, the rules of a source that is lost; of all with None."""
        for place, rule in self._rules.items():
            if not rule.told_stale and source in (None, rule.latest.source):
                yield self._tell(place, rule, now, stale=True)

    def retire(self, place: Place) -> bool:
        """Forget a rule that is no more; return whether there was one."""
        return self._rules.pop(place, None) is not None

    def places(self) -> Iterable[Place]:
        """Return where there are readings."""
        return list(self._rules)

    def _tell(self, place: Place, rule: _Rule, now: float, *, stale: bool = False) -> News:
        rule.told, rule.told_at, rule.told_stale = rule.latest, now, stale
        return place, rule.latest, stale


def _moved(before: TemperatureReading, after: TemperatureReading, dead_band: float) -> bool:
    if _flags(before) != _flags(after):
        return True
    for old, new in zip(_values(before), _values(after), strict=True):
        if new != old and (old is None or new is None or not abs(new - old) < dead_band):
            return True
    return False
