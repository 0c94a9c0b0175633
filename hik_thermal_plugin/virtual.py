"""Rules computed here, for cameras whose firmware has too few: readings in, alarms with source `virtual` out.

A threshold with pre-alarm, the difference of two areas, and the rate of rise, each with hysteresis, delay and hold time. There is no clock:
only the arrival times of the readings count (the device's own clock may jump and counts in whole seconds), so nothing happens without a
reading. A frozen picture, a value that is missing or no number, and one older than `stale_after` start nothing and end nothing; a gap of that
length makes every delay, hold time and rise begin anew. An alarm ends when its value is back, or when its measuring rule is retired;
losing the camera ends nothing: what an alarm is then, is unknown.

The alarms come with their place in their life cycle (`phase`, `alarm_id`) and are not to be put through `merge.LifeCycles` again.
While one is active it is told again as `repeat`, so that consumers who release by quiet do not take it for over.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nvr_hooks import (
    Alarm,
    Condition,
    ConnectionChanged,
    Event,
    Level,
    Phase,
    Quantity,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
    WrongUse,
    new_id,
)

STALE_AFTER = timedelta(seconds=30)
REPEAT_EVERY = timedelta(seconds=5)
MOST = 1_000
"""States kept for rules that watch every channel and preset; the one longest quiet goes first."""
_RISE_POINTS = 120
_SOURCES = frozenset({"realtime", "poll", "frame", "metadata", "sdk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRule:
    """What all virtual rules have. Raises WrongUse for limits that make no sense."""

    name: str
    rule: int | str | None
    """The measuring rule watched; None: the reading of the whole picture."""
    channel: int | None = None
    """None: any."""
    preset: int | None = None
    """None: any, each for itself."""
    quantity: Quantity = "highest"
    """Of a point rule every quantity is its one value."""
    condition: Condition = "above"
    alarm: float
    """°C of a threshold, kelvin of a difference, kelvin per minute of a rise."""
    pre_alarm: float | None = None
    hysteresis: float = 1.0
    """How far back behind its limit a value must be before a level ends; in kelvin, of a rise in kelvin per minute."""
    delay_seconds: float = 0.0
    """How long a value must be beyond its limit before the level is told."""
    hold_seconds: float = 0.0
    """How long a value must be back before the level ends."""

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        problem = self._problem()
        if problem:
            raise WrongUse(f"virtual rule {self.name or '(without a name)'}: {problem}")

    def _problem(self) -> str | None:
        if not self.name:
            return "a name is needed"
        numbers = (self.alarm, self.pre_alarm, self.hysteresis, self.delay_seconds, self.hold_seconds)
        if any(number is not None and not math.isfinite(number) for number in numbers):
            return "limits and times must be finite numbers"
        if self.hysteresis < 0 or self.delay_seconds < 0 or self.hold_seconds < 0:
            return "hysteresis, delay and hold time are not below 0"
        if self.pre_alarm is not None and (self.pre_alarm - self.alarm) * (1 if self.condition == "above" else -1) >= 0:
            return f"the pre-alarm ({self.pre_alarm:g}) must come before the alarm ({self.alarm:g}, {self.condition})"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRule(VirtualRule):
    """A temperature beyond a limit: a TemperatureAlarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRule(VirtualRule):
    """`rule` minus `other_rule` beyond a limit: a TemperatureDifferenceAlarm. Both must have told a value since it was last computed."""

    other_rule: int | str | None
    absolute: bool = False
    """Whichever of the two is the hotter one."""

    def _problem(self) -> str | None:
        if self.rule == self.other_rule:
            return f"a rule compared with itself ({self.rule})"
        return VirtualRule._problem(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiseRule(VirtualRule):
    """A temperature that changes fast: a TemperatureDifferenceAlarm whose difference is the change within one minute.

    The rate is the slope of the straight line that fits the last `window_seconds` best, once half of them are filled. A fall is negative:
    `condition` below and negative limits watch for it.
    """

    window_seconds: float = 60.0

    def _problem(self) -> str | None:
        if not (math.isfinite(self.window_seconds) and self.window_seconds > 0):
            return "the window must be longer than 0 seconds"
        return VirtualRule._problem(self)


class VirtualRules:
    """The virtual rules of one camera. Not thread-safe: one per source thread, or under its owner's lock."""

    def __init__(
        self,
        rules: Sequence[VirtualRule],
        *,
        stale_after: timedelta = STALE_AFTER,
        repeat_every: timedelta = REPEAT_EVERY,
    ) -> None:
        self._stale_after = stale_after
        self._repeat_every = repeat_every
        self._watchers: dict[int | str | None, list[tuple[int, VirtualRule]]] = {}
        for index, rule in enumerate(rules):
            for watched in (rule.rule, rule.other_rule) if isinstance(rule, DifferenceRule) else (rule.rule,):
                self._watchers.setdefault(watched, []).append((index, rule))
        self._states: dict[tuple[int, int | None, int | None], _State] = {}

    def feed(self, event: Event) -> list[Alarm]:
        """Take a reading, or the news that a source of readings is lost, and return the alarms that follow from it; mostly none."""
        if isinstance(event, ConnectionChanged):
            if event.state != "online" and event.source in _SOURCES:
                for state in self._states.values():
                    state.forget()
            return []
        if not isinstance(event, TemperatureReading):
            return []
        return [
            alarm for index, rule in self._watchers.get(event.rule, ()) for alarm in self._watch(index, rule, event)
        ]

    def retire(self, at: datetime) -> list[Alarm]:
        """End whatever is active, because these rules are replaced; `at` is the time of arrival to give."""
        ended = [alarm for state in self._states.values() for alarm in state.end(at)]
        self._states.clear()
        return ended

    def _watch(self, index: int, rule: VirtualRule, reading: TemperatureReading) -> Iterator[Alarm]:
        if rule.channel not in (None, reading.channel) or rule.preset not in (None, reading.preset):
            return
        key = (index, reading.channel, reading.preset)
        if reading.status == "ended":
            retired = self._states.pop(key, None)
            if retired is not None:
                yield from retired.end(reading.received_at)
            return
        celsius = value_of(reading, rule.quantity)
        if celsius is None or reading.frozen:
            return
        state = self._states.pop(key, None) or _State(rule)
        self._states[key] = state  # at the end: the longest quiet one comes first
        if len(self._states) > MOST:
            del self._states[next(iter(self._states))]
        yield from state.take(reading, celsius, self._stale_after, self._repeat_every)


def value_of(reading: TemperatureReading, quantity: Quantity) -> float | None:
    """Return the value of a reading that a rule watches; None when it has none, or one that is no finite number."""
    if quantity == "difference":
        value = reading.difference_kelvin
    else:
        value = getattr(reading, f"{quantity}_celsius")
        if value is None:
            value = reading.point_celsius
    return value if value is not None and math.isfinite(value) else None


@dataclass(slots=True)
class _Limit:
    """One limit with hysteresis, delay and hold time."""

    limit: float
    rule: VirtualRule
    on: bool = False
    since: datetime | None = None
    """Since when the value asks for a change."""

    def step(self, value: float, at: datetime) -> None:
        sign = 1.0 if self.rule.condition == "above" else -1.0
        beyond = (value - self.limit) * sign
        asks = beyond > 0 if not self.on else beyond <= -self.rule.hysteresis
        if not asks:
            self.since = None
            return
        self.since = self.since or at
        wait = self.rule.hold_seconds if self.on else self.rule.delay_seconds
        if (at - self.since).total_seconds() >= wait:
            self.on, self.since = not self.on, None


class _State:
    """One virtual rule on one channel and preset."""

    def __init__(self, rule: VirtualRule) -> None:
        self._rule = rule
        self._signal = _signal(rule)
        self._limits: dict[Level, _Limit] = {"alarm": _Limit(rule.alarm, rule)}
        if rule.pre_alarm is not None:
            self._limits["pre_alarm"] = _Limit(rule.pre_alarm, rule)
        self._level: Level | None = None
        self._told: Alarm | None = None
        self._last_at: datetime | None = None

    def forget(self) -> None:
        """Begin every delay, hold time, pair and rise anew; an alarm that is active stays so."""
        for limit in self._limits.values():
            limit.since = None
        self._signal.forget()

    def take(
        self, reading: TemperatureReading, celsius: float, stale_after: timedelta, repeat_every: timedelta
    ) -> Iterator[Alarm]:
        """Look at one sound value."""
        at = reading.received_at
        if self._last_at is not None and not timedelta() <= at - self._last_at <= stale_after:
            self.forget()
        self._last_at = at
        value = self._signal.take(reading, celsius)
        if value is None:
            return
        for limit in self._limits.values():
            limit.step(value, at)
        before, level = self._level, self._now()
        told = self._told
        if level == before and (told is None or timedelta() <= at - told.received_at < repeat_every):
            return
        self._level = level
        phase: Phase = (
            "repeat" if level == before else "start" if before is None else "end" if level is None else "level"
        )
        alarm = self._alarm(value, phase, level or before or "alarm")
        self._told = None if phase == "end" else alarm
        yield alarm

    def end(self, at: datetime) -> Iterator[Alarm]:
        """Tell the end of an active alarm whose rule is gone; it keeps the last values."""
        if self._told is not None:
            yield replace(self._told, phase="end", id=new_id(), at=None, received_at=at)
        self._level = self._told = None

    def _now(self) -> Level | None:
        levels: tuple[Level, ...] = ("alarm", "pre_alarm")
        return next((level for level in levels if level in self._limits and self._limits[level].on), None)

    def _alarm(self, value: float, phase: Phase, level: Level) -> Alarm:
        readings = self._signal.readings
        last = readings[-1]
        rule, limit, event_id = self._rule, self._limits[level].limit, new_id()
        build = _temperature if isinstance(rule, ThresholdRule) and rule.quantity != "difference" else _difference
        return replace(
            build(rule, last, value, limit),
            camera=last.camera,
            channel=last.channel,
            at=last.at,
            received_at=last.received_at,
            source="virtual",
            id=event_id,
            level=level,
            phase=phase,
            alarm_id=event_id if self._told is None else self._told.alarm_id,
            targets=tuple(_target(reading, rule.quantity) for reading in readings),
        )


class _Direct:
    """The value itself."""

    def __init__(self) -> None:
        self.readings: tuple[TemperatureReading, ...] = ()

    def take(self, reading: TemperatureReading, celsius: float) -> float | None:
        self.readings = (reading,)
        return celsius

    def forget(self) -> None:
        self.readings = ()


class _Pair:
    """One area minus another. Only two values that are both new count: one new and one old would invent a difference when the scene changes."""

    def __init__(self, rule: DifferenceRule) -> None:
        self.readings: tuple[TemperatureReading, ...] = ()
        self._rule = rule
        self._new: dict[int | str | None, tuple[TemperatureReading, float]] = {}

    def take(self, reading: TemperatureReading, celsius: float) -> float | None:
        self._new[reading.rule] = (reading, celsius)
        if len(self._new) < 2:
            return None
        (one, first), (other, second) = self._new[self._rule.rule], self._new[self._rule.other_rule]
        self._new.clear()
        self.readings = (one, other) if other is reading else (other, one)
        return abs(first - second) if self._rule.absolute else first - second

    def forget(self) -> None:
        self._new.clear()


class _Rate:
    """Kelvin per minute: the slope of the best straight line through the window."""

    def __init__(self, rule: RiseRule) -> None:
        self.readings: tuple[TemperatureReading, ...] = ()
        self._window = rule.window_seconds
        self._points: deque[tuple[datetime, float]] = deque()

    def take(self, reading: TemperatureReading, celsius: float) -> float | None:
        at = reading.received_at
        self.readings = (reading,)
        if not self._points or (at - self._points[-1][0]).total_seconds() >= self._window / _RISE_POINTS:
            self._points.append((at, celsius))
        while (at - self._points[0][0]).total_seconds() > self._window:
            self._points.popleft()
        times = [(moment - at).total_seconds() / 60 for moment, _ in self._points]
        if len(times) < 3 or (times[-1] - times[0]) * 60 < self._window / 2:
            return None
        middle = sum(times) / len(times)
        level = sum(value for _, value in self._points) / len(times)
        spread = sum((time - middle) ** 2 for time in times)
        return (
            sum((time - middle) * (value - level) for time, (_, value) in zip(times, self._points, strict=True))
            / spread
        )

    def forget(self) -> None:
        self._points.clear()


def _signal(rule: VirtualRule) -> _Direct | _Pair | _Rate:
    if isinstance(rule, DifferenceRule):
        return _Pair(rule)
    return _Rate(rule) if isinstance(rule, RiseRule) else _Direct()


def _temperature(rule: VirtualRule, reading: TemperatureReading, value: float, limit: float) -> Alarm:
    return TemperatureAlarm(
        raw_type="threshold",
        description=f"{rule.quantity} {value:.1f} °C, limit {rule.condition} {limit:g} °C",
        rule=rule.name,
        rule_name=rule.name,
        preset=reading.preset,
        calibration=reading.calibration,
        quantity=rule.quantity,
        condition=rule.condition,
        celsius=value,
        threshold_celsius=limit,
        unit_reported=reading.unit_reported,
    )


def _difference(rule: VirtualRule, reading: TemperatureReading, value: float, limit: float) -> Alarm:
    rise = isinstance(rule, RiseRule)
    unit = "K/min" if rise else "K"
    return TemperatureDifferenceAlarm(
        raw_type="rise" if rise else "difference",
        description=f"{rule.quantity} {'changes by' if rise else 'differs by'} {value:.1f} {unit}, limit {rule.condition} {limit:g} {unit}",
        rule=rule.name,
        rule_name=rule.name,
        preset=reading.preset,
        calibration=reading.calibration,
        condition=rule.condition,
        difference_kelvin=round(value, 3),
        threshold_kelvin=limit,
        unit_reported=reading.unit_reported,
    )


def _target(reading: TemperatureReading, quantity: Quantity) -> Target:
    return Target(
        region=reading.region,
        hottest=reading.highest_at if quantity == "highest" else None,
        celsius=value_of(reading, quantity) if quantity != "difference" else reading.highest_celsius,
        id=reading.rule if isinstance(reading.rule, int) else None,
    )
