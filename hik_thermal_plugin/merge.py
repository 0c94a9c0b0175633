"""Put events into life cycles: events in, the same events out with `phase` and `alarm_id`.

A life cycle belongs to one (channel, kind, rule). It starts with the first alarm, goes on through the device's repeats, changes `level`
between pre-alarm and alarm, and ends with the device's word inactive. Devices often never say it (isapi.md 6.4), so an alarm after
`QUIET` without one starts a new life cycle. No clock of its own: only the times of the events count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nvr_hooks import Alarm, AlarmPicture, Event, Level, Phase, TemperatureAlarm, TemperatureDifferenceAlarm

QUIET = timedelta(seconds=10)
MOST = 1_000
"""Open life cycles kept per camera; the one longest silent goes first."""

_Key = tuple[int | None, str, int | str | None, int | str | None]


@dataclass(slots=True)
class _Open:
    alarm_id: str
    level: Level | None
    last: datetime


class LifeCycles:
    """The open life cycles of one camera. Not thread-safe: one per source thread, or under its owner's lock."""

    def __init__(self, quiet: timedelta = QUIET) -> None:
        self._quiet = quiet
        self._open: dict[_Key, _Open] = {}
        self._last: tuple[str, str] = ("", "")

    def place(self, event: Event) -> Event:
        """Return the event with its phase and the identifier of its life cycle; events without one come back as they are."""
        if isinstance(event, Alarm):
            return self._alarm(event)
        if isinstance(event, AlarmPicture) and event.alarm_id == self._last[0]:
            return replace(event, alarm_id=self._last[1])
        return event

    def _alarm(self, event: Alarm) -> Alarm:
        key = _key(event)
        known = self._open.pop(key, None)
        if known is not None and event.received_at - known.last > self._quiet:
            known = None
        phase: Phase
        if event.phase == "end":
            phase = "end"
        elif known is None:
            phase = "start"
        elif known.level != event.level:
            phase = "level"
        else:
            phase = "repeat"
        alarm_id = event.id if known is None else known.alarm_id
        if phase != "end":
            self._open[key] = _Open(alarm_id, event.level, event.received_at)
            if len(self._open) > MOST:
                del self._open[next(iter(self._open))]
        self._last = (event.id, alarm_id)
        return replace(event, phase=phase, alarm_id=alarm_id)


def _key(event: Alarm) -> _Key:
    match event:
        case TemperatureAlarm(rule=rule, preset=preset):
            return (event.channel, event.kind, rule, preset)
        case TemperatureDifferenceAlarm(rule=rule, other_rule=other):
            return (event.channel, event.kind, rule, other)
    return (event.channel, event.kind, None, None)
