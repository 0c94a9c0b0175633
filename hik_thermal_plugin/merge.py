"""One happening told several times, or by several sources: events in, events out. No clock of its own: only the times of the events count.

Alarms are put into life cycles: the same events come out with `phase` and `alarm_id`. A life cycle belongs to one (channel, kind, rule).
It starts with the first alarm, goes on through the device's repeats, changes `level` between pre-alarm and alarm, and ends with the
device's word inactive. Devices often never say it (isapi.md 6.4), so an alarm after `QUIET` without one starts a new life cycle.

The metadata track tells what burns again and again, without numbers and without an end. Its fires are held against those that are known:
one that lies where a known one does is that one, whoever told it first; of what is known already a moment's word is enough.

A camera that is armed and pushes too tells each alarm twice, now and then long after each other, because a push that was not taken is sent
again. The second word goes on as a repeat; when the alarm is over already it is swallowed, once, and so are the pictures that have come
already. What one of the two says again itself is no echo of the other: it is still so, however old the time it names, unless the device
has said that it is over, or the other one is connected and would say it too.

Temperatures are told by the first source, in a given order, that is fresh; a rule that is told no more, while others are, is retired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from nvr_hooks import (
    Alarm,
    AlarmPicture,
    ConnectionChanged,
    Event,
    FireAlarm,
    Level,
    Phase,
    Point,
    Source,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
)

QUIET = timedelta(seconds=10)
SAY_AGAIN = timedelta(seconds=1)
"""How often the metadata track's word that it still burns is passed on."""
ECHO = timedelta(seconds=3)
"""After the device's word that a fire is over, for how long the metadata track may still be telling of that one."""
NEAR = 0.01
"""Of the picture: so far beyond its outline a fire may still be the same one."""
MOST = 1_000
"""Open life cycles, and rules, kept per camera; the one longest silent goes first."""
MOST_WORDS = 256
"""Of a camera that are remembered in case it says them again."""
MOST_TARGETS = 64
"""Known of one life cycle."""
AGAIN = timedelta(minutes=5)
"""For how long the other source may still be telling what the first has told."""
_LOOK_EVERY = timedelta(seconds=1)
_NAME_NO_PRESET: frozenset[Source] = frozenset({"poll", "frame"})

_Key = tuple[int | None, str, int | str | None, int | str | None]


@dataclass(slots=True)
class _Open:
    alarm_id: str
    level: Level | None
    last: datetime
    targets: tuple[Target, ...] = ()
    """Each fire, rule or region as it was told last."""
    said: datetime | None = None
    """When the metadata track's word was passed on last."""


@dataclass(frozen=True, slots=True)
class _Last:
    """The last alarm of a source: its own id, and that of its life cycle."""

    event_id: str
    alarm_id: str


@dataclass(slots=True)
class _Said:
    """Words of the device, and in which life cycle."""

    alarm_id: str
    sources: set[Source]
    """Which have told them."""
    last: datetime
    over: bool = False
    """The device has said since that this is over."""


@dataclass(slots=True)
class _Shown:
    """Pictures of one alarm and one moment: how many each source has told."""

    last: datetime
    counts: dict[Source, int] = field(default_factory=dict)


class LifeCycles:
    """The open life cycles of one camera. Not thread-safe: one per source thread, or under its owner's lock."""

    def __init__(self, quiet: timedelta = QUIET) -> None:
        self._quiet = quiet
        self._open: dict[_Key, _Open] = {}
        self._ended: dict[_Key, datetime] = {}
        self._last: dict[Source, _Last] = {}
        self._words: dict[int, _Said] = {}
        self._online: set[Source] = set()
        self._pictures: dict[tuple[str, datetime | None, str | None], _Shown] = {}

    def place(self, event: Event) -> Event | None:
        """Return the event with its phase and the identifier of its life cycle; events without one come back as they are.

        None: what is known already, told again by the metadata track within a moment, or by another source of the same words.
        """
        if isinstance(event, Alarm):
            return self._alarm(event)
        if isinstance(event, AlarmPicture):
            return self._picture(event)
        if isinstance(event, ConnectionChanged):
            (self._online.add if event.state == "online" else self._online.discard)(event.source)
        return event

    def _picture(self, event: AlarmPicture) -> AlarmPicture | None:
        last = self._last.get(event.source)
        if last is None or event.alarm_id != last.event_id:
            return event
        key = (last.alarm_id, event.at, event.view)
        shown = self._pictures[key] = self._pictures.pop(key, _Shown(event.received_at))
        shown.last = event.received_at
        shown.counts[event.source] = number = shown.counts.get(event.source, 0) + 1
        _forget(self._pictures, event.received_at)
        if event.at is not None and any(
            number <= of_other for source, of_other in shown.counts.items() if source != event.source
        ):
            return None
        return replace(event, alarm_id=last.alarm_id)

    def _alarm(self, event: Alarm) -> Alarm | None:
        key = _key(event)
        known = self._open.pop(key, None)
        if known is not None and abs(event.received_at - known.last) > self._quiet:  # abs: the clock may be set back
            known = None
        if known is None and (before := self._said_before(key, event)) is not None:
            if before.over or event.source not in before.sources or (before.sources - {event.source}) & self._online:
                before.sources.add(event.source)
                self._last[event.source] = _Last(event.id, before.alarm_id)
                return None
            known = _Open(before.alarm_id, event.level, event.received_at)  # it went on all the time
        targets, said = (known.targets, known.said) if known is not None else ((), None)
        if event.source == "metadata":
            ended = self._ended.get(key)
            if known is None and ended is not None and abs(event.received_at - ended) < ECHO:
                return None
            event = replace(event, targets=_numbered(event.targets, targets))
            news = {target.id for target in event.targets} - {target.id for target in targets}
            if known is not None and not news and said is not None and abs(event.received_at - said) < SAY_AGAIN:
                known.last = event.received_at
                self._open[key] = known
                return None
            said = event.received_at
        phase: Phase
        if event.phase == "end":
            phase = "end"
        elif known is None:
            phase = "start"
        elif known.level != event.level:
            phase = "level"
        else:
            phase = "repeat"
        # A decoder has set alarm_id where two alarms are one happening: fire and smoke.
        alarm_id = (event.alarm_id or event.id) if known is None else known.alarm_id
        if phase != "end":
            self._open[key] = _Open(alarm_id, event.level, event.received_at, _updated(targets, event.targets), said)
            if len(self._open) > MOST:
                del self._open[next(iter(self._open))]
        elif isinstance(event, FireAlarm):
            self._ended[key] = event.received_at
        latest = self._last.get(event.source)
        if event.alarm_id is None or latest is None or latest.event_id != event.alarm_id:
            self._last[event.source] = _Last(
                event.id, alarm_id
            )  # else smoke, told with its fire: the pictures are the fire's
        self._remember(key, event, alarm_id)
        return replace(event, phase=phase, alarm_id=alarm_id)

    def _said_before(self, key: _Key, event: Alarm) -> _Said | None:
        """Return when these very words were told, one of the times over push."""
        word = _word(key, event)
        told = None if word is None else self._words.get(word)
        if told is None or "push" not in {event.source, *told.sources} or abs(event.received_at - told.last) > AGAIN:
            return None
        return told

    def _remember(self, key: _Key, event: Alarm, alarm_id: str) -> None:
        if event.phase == "end":
            for told in self._words.values():
                told.over = told.over or told.alarm_id == alarm_id
        if (word := _word(key, event)) is None:
            return
        said = self._words.pop(word, None)
        if said is None or abs(event.received_at - said.last) > AGAIN:
            said = _Said(alarm_id, set(), event.received_at, over=event.phase == "end")
        said.sources.add(event.source)
        said.last = event.received_at
        self._words[word] = said
        _forget(self._words, event.received_at)


def _forget(told: dict[Any, _Said] | dict[Any, _Shown], present: datetime) -> None:
    """Forget what no source will tell again, and the oldest of what is too much; the newest is the last."""
    while len(told) > MOST_WORDS or abs(present - told[next(iter(told))].last) > AGAIN:
        del told[next(iter(told))]


def _key(event: Alarm) -> _Key:
    match event:
        case TemperatureAlarm(rule=rule, preset=preset):
            return (event.channel, event.kind, rule, preset)
        case TemperatureDifferenceAlarm(rule=rule, other_rule=other):
            return (event.channel, event.kind, rule, other)
    return (event.channel, event.kind, None, None)


def _word(key: _Key, event: Alarm) -> int | None:
    """Return what stands for a device's words and when, by its own clock, it said them."""
    if event.at is None or event.source in ("metadata", "virtual"):
        return None
    return hash((key, event.at, event.level, event.phase == "end", event.targets))


def _updated(known: Sequence[Target], told: Sequence[Target]) -> tuple[Target, ...]:
    numbers = {target.id for target in told}
    return (*(target for target in known if target.id not in numbers), *told)[-MOST_TARGETS:]


def _numbered(told: Sequence[Target], known: Sequence[Target]) -> tuple[Target, ...]:
    """Give fires without a number that of a known one at their place, else the next that is free.

    Where a fire or the known ones have no place, as many as are known are taken for them.
    """
    left = [target for target in known if target.id is not None]
    found: dict[int, int | None] = {}
    for at_its_place in (True, False):
        for index, fire in enumerate(told):
            if index in found:
                continue
            twin = next((one for one in left if _together(fire, one) is (True if at_its_place else None)), None)
            if twin is not None:
                left.remove(twin)
                found[index] = twin.id
    free = (number for number in count(1) if number not in {target.id for target in known})
    return tuple(replace(fire, id=found[index] if index in found else next(free)) for index, fire in enumerate(told))


def _together(one: Target, other: Target) -> bool | None:
    """Tell whether two fires lie at one place; None where one of them has none."""
    first, second = _box(one), _box(other)
    if first is None or second is None:
        return None
    return all(first[0][axis] <= second[1][axis] and second[0][axis] <= first[1][axis] for axis in (0, 1))


def _box(target: Target) -> tuple[Point, Point] | None:
    points = [*target.region, *([] if target.hottest is None else [target.hottest])]
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs) - NEAR, min(ys) - NEAR), (max(xs) + NEAR, max(ys) + NEAR)


class FreshestReadings:
    """Chooses among the sources of one camera's temperatures. Not thread-safe.

    `fresh_for` names the sources, best first, and for how long each is fresh after it told something. A rule is retired when it was not
    told for `retire_after` while others of its preset were.
    """

    def __init__(self, fresh_for: Mapping[Source, timedelta], retire_after: timedelta) -> None:
        self._fresh_for = dict(fresh_for)
        self._retire_after = retire_after
        self._last: dict[Source, datetime] = {}
        self._rules: dict[tuple[int | None, int | None, int | str | None], TemperatureReading] = {}
        self._looked: datetime | None = None
        self._at: datetime | None = None  # when the last reading came
        self._begun: datetime | None = None  # rules that were told before this are silent since then

    def take(self, reading: TemperatureReading) -> tuple[TemperatureReading, ...]:
        """Return what is to be told: nothing while a better source is fresh, else the reading, after it the end of rules that are gone."""
        at = reading.received_at
        if self._at is None or abs(at - self._at) > self._retire_after:
            self._begun = at  # the clock was set, or nothing was told at all: either way no rule is gone by that
        self._at = at
        self._last[reading.source] = at
        for better, fresh_for in self._fresh_for.items():
            if better == reading.source:
                break
            # abs: the clock may be set back, and two threads may pass each other.
            if (last := self._last.get(better)) is not None and abs(at - last) < fresh_for:
                return ()
        reading = self._with_preset(reading)
        key = (reading.channel, reading.preset, reading.rule)
        self._rules.pop(key, None)
        if reading.status != "ended":
            self._rules[key] = reading
            if len(self._rules) > MOST:
                del self._rules[next(iter(self._rules))]
        if self._looked is not None and abs(at - self._looked) < _LOOK_EVERY:
            return (reading,)
        self._looked = at
        return (reading, *self._gone(reading))

    def _with_preset(self, reading: TemperatureReading) -> TemperatureReading:
        """Give a reading that names no preset the one its rule was told with before: only streams name it."""
        if reading.preset is None and reading.source in _NAME_NO_PRESET:
            presets = {key[1] for key in self._rules if (key[0], key[2]) == (reading.channel, reading.rule)}
            if len(presets) == 1 and (preset := presets.pop()) is not None:
                return replace(reading, preset=preset)
        return reading

    def _told_at(self, known: TemperatureReading, present: datetime) -> datetime:
        """Return when a rule was told last, by a clock that may have been set since."""
        at, begun = known.received_at, self._begun or known.received_at
        if at > present + self._retire_after:
            return begun
        return min(max(at, begun), present)

    def _gone(self, present: TemperatureReading) -> list[TemperatureReading]:
        gone = [
            (key, known)
            for key, known in self._rules.items()
            if key[:2] == (present.channel, present.preset)
            and present.received_at - self._told_at(known, present.received_at) > self._retire_after
        ]
        for key, _ in gone:
            del self._rules[key]
        return [
            TemperatureReading(
                camera=known.camera,
                channel=known.channel,
                received_at=present.received_at,
                source=present.source,
                rule=known.rule,
                rule_name=known.rule_name,
                preset=known.preset,
                calibration=known.calibration,
                status="ended",
            )
            for _, known in gone
        ]
