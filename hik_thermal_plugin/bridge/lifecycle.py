"""From what devices say to what is so: a pure state machine of alarm levels, one for each camera, without a clock of its own.

A *voice* is one rule or region telling one level of one kind. A kind is active while any voice of it is heard, and a voice falls silent

- by the device's word (`phase="end"`), or
- when nothing was told for `release_after` while a source that told it is connected, and for a temperature alarm while its live
  reading is not beyond the threshold (devices often never send their word inactive: isapi.md 6.4). Connected is what was heard
  since then: a pulled cable looks like quiet for as long as the source's silence limit.

A disk that was found bad when somebody looked (source `poll`) is so until the next look.

While no source that told it is connected, a voice is *unknown*: `active` is null, never false. So it is after a restart too, until the
source was connected and quiet for `release_after`, or the device told it again.

Voices that began together share a life cycle: `alarm_id` is the id of the event that began it. Events are told when a life cycle
starts, when a rule or region changes its level (pre-alarm to alarm or back), and when the last voice of a life cycle has fallen silent.

Times are seconds of one monotonic clock (`now`) and, for people, aware datetimes (`wall`); both come from the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from nvr_hooks import (
    Alarm,
    FireAlarm,
    SmokeAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
    new_id,
    rfc3339,
    to_json,
)

from .levels import Document, Kind, Voice, restored_kind, stored_kind
from .members import Members, members_of
from .messages import WHOLE_CAMERA, segment

ALARM_SOURCES: Final = ("alert_stream", "push", "sdk")
"""The sources a camera's alarms come from; `state` of a camera is theirs."""
SPEAKING: Final = ("alert_stream", "metadata")
"""Sources that are never silent for long, alarm or not: they have heartbeats, or answer when they are asked."""
ASK_AGAIN: Final = 0.5
"""Seconds from one question to the next whether a source was heard; what was heard meanwhile has arrived here by then."""
FRESH_READING: Final = 30.0
"""Seconds a live reading holds an alarm: the silence limit of real-time thermometry."""
MOST_VOICES: Final = 128
MOST_KINDS: Final = 256
MOST_READINGS: Final = 1024
_LUMPED: Final = "other"
_ALWAYS_RAISE = (FireAlarm, SmokeAlarm, TemperatureAlarm, TemperatureDifferenceAlarm)
_Key = tuple[int, str]


@dataclass(slots=True)
class Outcome:
    """What has to be told and kept because of one happening."""

    events: list[Document] = field(default_factory=list)
    """For `event/<kind>`, in order."""
    alarms: list[tuple[int, str, Document]] = field(default_factory=list)
    """For `alarm/<kind>`: channel, kind, level document."""
    saved: dict[str, Document] = field(default_factory=dict)
    """To be kept over a restart: name -> plain data, given back to `load`."""


class LifeCycles:
    """All alarm levels of one camera. Not thread-safe: its owner holds a lock."""

    def __init__(self, camera: str, release_after: float) -> None:
        self._camera = camera
        self._release_after = release_after
        self._kinds: dict[_Key, Kind] = {}
        self._online: dict[str, float | None] = {}
        self._readings: dict[tuple[int | None, str], tuple[TemperatureReading, float]] = {}
        self._heard: dict[str, float | None] = {}
        self._doubted_at: float | None = None
        self._behind = False

    def load(self, saved: Mapping[str, Mapping[str, Any]], wall: datetime) -> Outcome:
        """Take back what an earlier life kept; everything is unknown now."""
        outcome = Outcome()
        for name, row in saved.items():
            try:
                channel, _, kind = name.partition("/")
                self._kinds[int(channel), kind] = restored_kind(row, rfc3339(wall) or "")
            except (KeyError, TypeError, ValueError):
                continue  # of another version: the level starts anew, as unknown, when its topic is found on the broker
        for key, level in self._kinds.items():
            self._tell(key, level, wall, outcome, save=False)
        return outcome

    def adopt(self, channel: int, kind: str, wall: datetime) -> Outcome:
        """Take over a level found on the broker that nobody here remembers: unknown until connected and quiet."""
        outcome = Outcome()
        if (channel, kind) not in self._kinds:
            level = self._kinds[channel, kind] = Kind(kind=kind, since=rfc3339(wall) or "", settled=False)
            self._tell((channel, kind), level, wall, outcome)
        return outcome

    def take(self, alarm: Alarm, now: float) -> Outcome:
        """Take one alarm document."""
        if alarm.source not in self._online and alarm.source not in ("push", "virtual", "poll"):
            self._online[alarm.source] = now  # it tells, so it is connected
        key = self._key(alarm)
        fields = to_json(alarm)
        fields["camera"] = self._camera
        outcome = Outcome()
        fresh = key not in self._kinds
        level = self._kinds.setdefault(key, Kind(kind=fields["kind"], since=fields["received_at"]))
        level.kind = fields["kind"]
        level.sources.add(alarm.source)
        if fresh:
            level.settled = self._connected(self._judges(level)) or (_raises(alarm) and alarm.source != "metadata")
        members = members_of(alarm, fields)
        if key[1] == _LUMPED:
            members = [(fields["kind"], [])]
        if alarm.phase != "end":
            changed = self._told(level, alarm, fields, members, now, outcome)
        elif not (
            changed := self._ended(level, alarm, fields, {member for member, _ in members}, outcome, fresh=fresh)
        ):
            self._tell_if_changed(key, level, alarm.received_at, outcome)
            return outcome
        self._tell(key, level, alarm.received_at, outcome, save=changed)
        return outcome

    def connection(self, source: str, *, online: bool, now: float, wall: datetime) -> Outcome:
        """Take word that a source came or went."""
        outcome = Outcome()
        if online:
            if self._online.get(source) is None:
                self._online[source] = now
            return outcome
        self._online[source] = None
        for key, level in self._kinds.items():
            if source in self._judges(level) and not self._connected(self._judges(level)):
                level.settled = False
            for voice in level.voices.values():
                if source in voice.sources and not self._connected(voice.sources):
                    voice.known = False
            self._tell_if_changed(key, level, wall, outcome)
        return outcome

    def lose(self, wall: datetime) -> Outcome:
        """Make everything unknown: nobody listens any more."""
        outcome = Outcome()
        for source in self._online:
            self._online[source] = None
        for key, level in self._kinds.items():
            level.settled = False
            for voice in level.voices.values():
                voice.known = False
            self._tell_if_changed(key, level, wall, outcome)
        return outcome

    def reading(self, reading: TemperatureReading, now: float) -> bool:
        """Take a live reading; return whether its rule has an alarm, which it holds while it is beyond the threshold."""
        key = (reading.channel, str(reading.rule))
        self._readings.pop(key, None)
        self._readings[key] = (reading, now)
        if len(self._readings) > MOST_READINGS:
            del self._readings[next(iter(self._readings))]
        return any(
            (voice.fields.get("channel"), str(voice.fields.get("rule"))) == key
            for level in self._kinds.values()
            for voice in level.voices.values()
        )

    def heard(self, source: str, at: float | None) -> None:
        """Take word that a source has said something, whatever it was, at that time or later; None: it does not tell."""
        self._heard[source] = at

    @property
    def doubting(self) -> bool:
        """Whether the last `tick` would have released something, had its source been heard since it was due."""
        return self._doubted_at is not None

    def tick(self, now: float, wall: datetime, *, behind: bool = False) -> Outcome:
        """Let time pass: release what has been quiet, unless words are on their way here (`behind`), doubt what nobody could tell about."""
        outcome = Outcome()
        self._doubted_at, self._behind = None, behind
        for key, level in self._kinds.items():
            due = {
                voice: at
                for voice in level.voices.values()
                if (at := self._due(level, voice)) is not None and at <= now
            }
            quiet = [
                voice
                for voice, at in due.items()
                if self._connected(voice.sources) and self._were_heard(voice.sources, at, now)
            ]
            for voice in due:
                voice.known = voice.known and self._connected(voice.sources)
            self._release(level, quiet, "quiet", None, rfc3339(wall) or "", outcome)
            if (
                not level.settled
                and (at := self._settles(level)) is not None
                and at <= now
                and self._were_heard(self._judges(level), at, now)
            ):
                level.settled = True
                level.released_by = level.released_by or "quiet"
            if quiet:
                self._tell(key, level, wall, outcome)
            else:
                self._tell_if_changed(key, level, wall, outcome)
        return outcome

    def goes_on(self, besides: str) -> bool:
        """Tell whether an alarm is known to go on, of another kind than `besides`; that a disk was bad when it was looked at is old."""
        return any(
            voice.raises and voice.known and voice.sources != {"poll"}
            for level in self._kinds.values()
            for voice in level.voices.values()
            if level.kind != besides
        )

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do next, None when nothing waits for the time."""
        times = [self._due(level, voice) for level in self._kinds.values() for voice in level.voices.values()]
        times += [self._settles(level) for level in self._kinds.values() if not level.settled]
        again = float("-inf") if self._doubted_at is None else self._doubted_at + ASK_AGAIN
        return min((max(at, again) for at in times if at is not None), default=None)

    def _key(self, alarm: Alarm) -> _Key:
        key = (alarm.channel or WHOLE_CAMERA, segment(alarm.kind))
        return key if key in self._kinds or len(self._kinds) < MOST_KINDS else (key[0], _LUMPED)

    def _told(
        self, level: Kind, alarm: Alarm, fields: Document, members: Members, now: float, outcome: Outcome
    ) -> bool:
        """Let voices speak; return whether more than a repeat came of it."""
        word = alarm.level or "alarm"
        if not members:  # says only the kind: a word for all that is heard already, and less than they said themselves
            heard = [voice for voice in level.voices.values() if voice.level == word and voice.member]
            for voice in heard:
                voice.told, voice.known = now, True
                voice.sources.add(alarm.source)
                voice.fields = {**voice.fields, **{name: fields[name] for name in ("at", "received_at", "source")}}
            if heard:
                return False
            members = [("", [])]
        phase: str | None = None
        alarm_id: str = fields["id"]
        for member, targets in members:
            before = level.top(member)
            known = level.voices.get((member, word))
            voice = known or Voice(member=member, level=word, alarm_id=fields["id"], since=fields["received_at"])
            if known is None:
                sibling = next((other for other in level.voices.values() if other.member == member), None)
                if sibling is None:
                    phase, alarm_id = "start", voice.alarm_id
                else:
                    voice.alarm_id, voice.since = sibling.alarm_id, sibling.since
                level.voices[member, word] = voice
            voice.told, voice.known = now, True
            voice.raises = voice.raises or _raises(alarm)
            voice.sources.add(alarm.source)
            voice.targets = targets
            voice.fields = {**fields, "alarm_id": voice.alarm_id}
            if phase != "start" and level.top(member) > before:
                phase, alarm_id = "level", voice.alarm_id
        if phase is not None:
            outcome.events.append({**fields, "phase": phase, "alarm_id": alarm_id})
        while len(level.voices) > MOST_VOICES:
            silent = min(level.voices.values(), key=lambda voice: voice.told or 0.0)
            del level.voices[silent.member, silent.level]
        return phase is not None

    def _ended(
        self, level: Kind, alarm: Alarm, fields: Document, members: set[str], outcome: Outcome, *, fresh: bool
    ) -> bool:
        """Take the device's word inactive; return whether it changed anything."""
        word = alarm.level or "alarm"
        ended = [
            voice
            for voice in level.voices.values()
            if voice.level == word and (not members or voice.member in members or not voice.member)
        ]
        if not members and len(ended) == len(level.voices):
            level.settled = True  # the device spoke of the whole kind
            level.released_by = level.released_by or "device"
        if ended:
            self._release(level, ended, "device", fields, fields["received_at"], outcome)
        elif fresh:  # it began before we listened
            level.released_by, level.last = "device", fields
            level.settled = True
            outcome.events.append({**fields, "alarm_id": fields["alarm_id"] or fields["id"]})
        return bool(ended) or fresh

    def _release(
        self, level: Kind, voices: Iterable[Voice], by: str, fields: Document | None, wall: str, outcome: Outcome
    ) -> None:
        """Silence these voices; tell the life cycles that end by it and the rules whose level falls."""
        gone = list(voices)
        before = {voice.member: level.top(voice.member) for voice in gone}
        for voice in gone:
            del level.voices[voice.member, voice.level]
            level.released_by = by
            level.last = voice.fields
        told: set[str] = set()
        own = fields
        for voice in sorted(gone, key=level.weight, reverse=True):
            alive = [other for other in level.voices.values() if other.alarm_id == voice.alarm_id]
            lower = [other for other in alive if other.member == voice.member]
            if not alive and voice.alarm_id not in told:
                told.add(voice.alarm_id)
                document = own if own is not None else _inferred(voice.fields, wall)
                outcome.events.append({**document, "phase": "end", "alarm_id": voice.alarm_id})
                if own is not None:
                    own = {**own, "id": new_id()}  # one word of the device may end several life cycles
            elif lower and level.top(voice.member) < before[voice.member]:
                outcome.events.append({**_inferred(lower[0].fields, wall), "phase": "level"})

    def _tell_if_changed(self, key: _Key, level: Kind, wall: datetime, outcome: Outcome) -> None:
        if level.judge() is not level.active or level.doubted != level.doubts():
            self._tell(key, level, wall, outcome)

    def _tell(self, key: _Key, level: Kind, wall: datetime, outcome: Outcome, *, save: bool = True) -> None:
        level.judge_at(rfc3339(wall) or "")
        document = level.document(self._camera, key[0] or None)
        outcome.alarms.append((key[0], key[1], document))
        if save:
            outcome.saved[f"{key[0]}/{key[1]}"] = stored_kind(level)

    def _judges(self, level: Kind) -> set[str]:
        """Return the sources whose silence means something for a kind.

        Our own rules tell nothing of the device's. The metadata track may tell of a fire; that it tells of none says nothing while
        the sources are lost that would.
        """
        sources = level.sources or set(ALARM_SOURCES)
        alone = sources - {"virtual", "metadata"} or sources - {"virtual"} or sources
        return self._online.keys() & ALARM_SOURCES or alone if alone == {"metadata"} else alone

    def _were_heard(self, sources: Iterable[str], at: float, now: float) -> bool:
        """Tell whether any of these sources was heard then or later; those that do not tell count as heard while they are connected."""
        for source in () if self._behind else self._listened(sources):
            heard = self._heard.get(source, float("-inf")) if source in SPEAKING else None
            if self._connected_since(source) is not None and (heard is None or heard >= at):
                return True
        self._doubted_at = now
        return False

    def _since(self, sources: Iterable[str]) -> float | None:
        """Return since when any of these sources is connected, None when none is."""
        times = (self._connected_since(source) for source in self._listened(sources))
        return min((at for at in times if at is not None), default=None)

    def _connected_since(self, source: str) -> float | None:
        return self._online.get(source, float("-inf") if source == "virtual" else None)

    def _listened(self, sources: Iterable[str]) -> set[str]:
        """Return the sources that would tell again what these have told."""
        names = set(sources)
        if "poll" in names:  # somebody looked at its disks: that is no connection, and has to do with no temperatures
            names = names - {"poll"} | set(ALARM_SOURCES)
        if "push" in names:
            # A push says nothing between alarms; but a camera that repeats them does so to everyone it tells, also to who is connected.
            names |= set(ALARM_SOURCES)
        return names

    def _connected(self, sources: Iterable[str]) -> bool:
        return self._since(sources) is not None

    def _settles(self, level: Kind) -> float | None:
        since = self._since(self._judges(level))
        return None if since is None else since + self._release_after

    def _due(self, level: Kind, voice: Voice) -> float | None:
        """Return when a voice has been quiet for long enough, None while that cannot be known."""
        since = self._since(voice.sources)
        if since is None:
            return None if not voice.known or voice.told is None else voice.told + self._release_after
        if voice.sources == {"poll"} and voice.told is not None:
            return None  # a disk that was found bad is bad until somebody has looked again
        quiet = (since if voice.told is None else max(voice.told, since)) + self._release_after
        held = self._readings.get((voice.fields.get("channel"), str(voice.fields.get("rule"))))
        if held is not None and level.beyond(voice.fields, held[0]):
            return max(quiet, held[1] + FRESH_READING)
        return quiet


def _raises(alarm: Alarm) -> bool:
    """Tell whether a document makes its kind active: late ones only where missing a danger is worse than a false alarm."""
    return not alarm.late or isinstance(alarm, _ALWAYS_RAISE)


def _inferred(fields: Document, wall: str) -> Document:
    """Return a document the device never sent: a new id, no device time, no pictures to come."""
    return {**fields, "id": new_id(), "at": None, "received_at": wall, "late": False, "pictures": None}
