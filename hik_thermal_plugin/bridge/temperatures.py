"""Which readings are news: a temperature that did not change is none, one that changes all the time is told now and then.

Per rule, by the camera's `Reporting`: told at once when it is the first, when a value moved by `dead_band_kelvin` or more, or when a
flag changed, but not more often than every `min_interval` seconds; a change that comes too early is told when its time has come, with
the value of then. Unchanged values are told again every `max_interval` seconds, as long as readings come: a reading that is not
repeated by the camera is never repeated here. A rule that falls silent is told once more, as stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nvr_hooks import Reporting, TemperatureReading

MOST = 1024
"""Rules of one camera whose readings are kept."""
SILENT = 30.0
"""Seconds without a reading after which a rule's values are stale (DESIGN: the silence limit of real-time thermometry)."""

Place = tuple[int, str]
"""Channel and last part of the topic."""
News = tuple[Place, TemperatureReading, bool]
"""Where, what, and whether it is stale."""

_VALUES = (
    "highest_celsius",
    "lowest_celsius",
    "average_celsius",
    "centre_celsius",
    "point_celsius",
    "difference_kelvin",
)
_FLAGS = ("frozen", "source", "unit_reported", "rule_name", "calibration")


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

    def take(self, place: Place, reading: TemperatureReading, reporting: Reporting, now: float) -> Iterator[News]:
        """Take a reading; yield it if it is news now."""
        rule = self._rules.get(place)
        if rule is None:
            if len(self._rules) < MOST:
                self._rules[place] = _Rule(reading, now, reading, now)
            yield place, reading, False
            return
        rule.latest, rule.heard_at = reading, now
        again = now >= rule.told_at + reporting.max_interval
        moved = now >= rule.told_at + reporting.min_interval and rule.waits(reporting)
        if rule.told_stale or again or moved:
            yield self._tell(place, rule, now)

    def tick(self, reporting: Reporting, now: float) -> Iterator[News]:
        """Yield the changes that have waited long enough, and the rules that have fallen silent."""
        for place, rule in self._rules.items():
            if rule.told_stale:
                continue
            if now >= rule.heard_at + SILENT:
                yield self._tell(place, rule, now, stale=True)
            elif now >= rule.told_at + reporting.min_interval and rule.waits(reporting):
                yield self._tell(place, rule, now)

    def next_deadline(self, reporting: Reporting) -> float | None:
        """Return when `tick` has something to do, if it has."""
        times = [
            min(rule.heard_at + SILENT, rule.told_at + reporting.min_interval)
            if rule.waits(reporting)
            else rule.heard_at + SILENT
            for rule in self._rules.values()
            if not rule.told_stale
        ]
        return min(times, default=None)

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
    if any(getattr(before, name) != getattr(after, name) for name in _FLAGS):
        return True
    for name in _VALUES:
        old, new = getattr(before, name), getattr(after, name)
        if (old is None) != (new is None):
            return True
        if old is not None and new is not None and not abs(new - old) < dead_band and new != old:
            return True
    return False
