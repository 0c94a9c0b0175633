"""When an alarm begins and when it is over, for a host that keeps one event for each: a pure state machine without a clock.

A *case* is one level of one rule or kind on one channel. It begins with the first sign of an alarm that is wanted, and is over

- by the device's word (`phase="end"`), or, a pre-alarm, when its rule's alarm begins,
- when nothing was told for `release_after` while a source that told it is connected (devices often never send their word inactive:
  isapi.md 6.4), or
- when all of these sources have been away for `hold`: nobody can tell any more. Until then it is neither over nor going on.

`alarm_id` and `phase` of an event are its camera's word on the life cycle; a plugin need not give them, and a driver begins a new life
cycle after 10 s of silence, so they only shorten a case here, and never end one that goes on.

Times are seconds of one monotonic clock (`now`), and come from the caller.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from nvr_hooks import (
    Alarm,
    FireAlarm,
    InputAlarm,
    SmokeAlarm,
    StorageAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    new_id,
)

MOST: Final = 512
"""Open cases; beyond that the one that was silent longest is over."""
_ALWAYS = (FireAlarm, SmokeAlarm, TemperatureAlarm, TemperatureDifferenceAlarm)
_SILENT: Final = "push"
"""Says nothing between alarms, so it is never known to be connected."""
_ARMED: Final = ("alert_stream", "sdk")
"""Would tell what is pushed too, if it went on."""
_Place = tuple[str, int | None, str, object, object]
_Key = tuple[_Place, str]


@dataclass(slots=True, eq=False)
class Case:
    """One alarm, from its first sign until it is over."""

    id: str
    alarm: Alarm
    """The event that began it."""
    told: float
    """When it was told last, or when a source came back after all were away."""
    sources: dict[str, bool]
    """Who told it, and whether that source is connected."""
    lost: float | None = None
    """Since when none of them is."""
    burning: set[int] = field(default_factory=set)
    """The numbered places it was told of and that were not told to be over."""


class Cases:
    """The open cases of all cameras. Not thread-safe: one thread follows the events."""

    def __init__(self, kinds: Collection[str], *, release_after: float, hold: float, pre_alarms: bool = False) -> None:
        self._kinds = frozenset(kinds)
        self._release_after = release_after
        self._hold = hold
        self._pre_alarms = pre_alarms
        self._open: dict[_Key, Case] = {}

    def take(self, alarm: Alarm, now: float) -> tuple[list[Case], list[Case]]:
        """Take one event; return the cases that begin and those that are over by it."""
        if alarm.kind not in self._kinds:
            return [], []
        place = _place(alarm)
        level = alarm.level or "alarm"
        if alarm.phase == "end":
            named = place[3] is not None
            keys = [
                key
                for key in self._open
                if key[0][:3] == place[:3] and key[1] == level and (key[0] == place or not named)
            ]
            return [], [self._open.pop(key) for key in keys if self._ends(self._open[key], alarm)]
        if level == "pre_alarm" and (place, "alarm") in self._open:
            return [], []  # devices tell both while both thresholds are passed
        before = self._open.pop((place, "pre_alarm"), None) if level == "alarm" else None
        over = [] if before is None else [before]
        key = (place, level)
        if (case := self._open.pop(key, None)) is not None:
            case.told, case.sources[alarm.source] = now, alarm.source != _SILENT
            case.lost = None if any(case.sources.values()) else now
            case.burning |= _numbers(alarm)
            self._open[key] = case
            return [], over
        if (level == "pre_alarm" and not self._pre_alarms) or (alarm.late and not isinstance(alarm, _ALWAYS)):
            return [], over
        heard = alarm.source != _SILENT
        case = Case(new_id(), alarm, now, {alarm.source: heard}, None if heard else now, _numbers(alarm))
        self._open[key] = case
        if len(self._open) > MOST:
            over.append(self._open.pop(next(iter(self._open))))
        return [case], over

    def connection(self, camera: str, source: str, *, online: bool, now: float) -> None:
        """Take word that a source of a camera came or went."""
        for case in self._open.values():
            # Rules of ours have no connection of their own: without the camera they cannot tell that it goes on.
            told = "virtual" if set(case.sources) == {"virtual"} else source
            vouches = told in case.sources or (_SILENT in case.sources and told in _ARMED)
            if case.alarm.camera != camera or not vouches:
                continue
            case.sources[told] = online
            if not any(case.sources.values()):
                case.lost = now if case.lost is None else case.lost
            elif case.lost is not None:
                case.told, case.lost = now, None

    def forget(self, camera: str) -> list[Case]:
        """Return the cases of a camera that is no longer there: they are over."""
        return [self._open.pop(key) for key, case in list(self._open.items()) if case.alarm.camera == camera]

    def close(self) -> list[Case]:
        """Return all cases: nobody listens any more."""
        cases = list(self._open.values())
        self._open.clear()
        return cases

    def tick(self, now: float) -> list[Case]:
        """Let time pass; return the cases that are over by it."""
        return [self._open.pop(key) for key, case in list(self._open.items()) if self._due(case) <= now]

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do next."""
        return min(map(self._due, self._open.values()), default=None)

    @staticmethod
    def _ends(case: Case, alarm: Alarm) -> bool:
        """Tell whether a device's word ends the case: one of two fires that is out leaves the other burning."""
        over = _numbers(alarm)
        case.burning = case.burning - over if over else set()
        return not case.burning

    def _due(self, case: Case) -> float:
        return case.told + self._release_after if case.lost is None else case.lost + self._hold


def _numbers(alarm: Alarm) -> set[int]:
    return {target.id for target in alarm.targets if target.id is not None}


def _place(alarm: Alarm) -> _Place:
    """Return which alarm this is: camera, channel, kind, and the rule, port or disk it names."""
    first: object = None
    second: object = None
    match alarm:
        case TemperatureAlarm(rule=rule, preset=preset) if rule is not None:
            first, second = str(rule), preset or 1  # fixed cameras say preset 1, 0 or nothing
        case TemperatureDifferenceAlarm(rule=rule, other_rule=other) if rule is not None:
            first, second = str(rule), str(other)
        case InputAlarm(port=port):
            first = port
        case StorageAlarm(disk=disk, state=state):
            first, second = disk, state
    return (alarm.camera, alarm.channel, alarm.kind, first, second)
