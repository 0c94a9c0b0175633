"""What the device has stored: recordings of each channel, and which of it a client wants to see (isapi.md 4 and 5, rtsp.md 1.1).

A camera from the factory has recorded for the 24 hours before its start, in files of an hour that begin and end at the second of
the start. The last hour but one has only what happened in it: five minutes of motion from its tenth minute on, and half a minute
of an alarm from its 45th on, which is locked. Since the start it records on: the newest file is still being written, until the last
full second, and a new one begins after an hour. What happens meanwhile (motion, or any alarm) is a file of its own, for as long as it
lasts and ten seconds more. `Simulator(recordings=…)` puts spans of its own in the place of all that.

Files are numbered in the order of time, the same in each channel. Each motion and alarm has a picture of its first moment, on the
track that ends in 3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

Span = tuple[datetime, datetime]
"""Begin and end, both aware."""
Kind = Literal["timing", "motion", "alarm"]
NameForm = Literal["camera", "recorder", "psia"]

VIDEO_TRACK, PICTURE_TRACK = 1, 3
"""What a track's number is beyond a hundred times its channel's (isapi.md 5.1)."""
_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)t(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?z?", re.IGNORECASE)
_HOURS = 24
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_PAUSE_BEFORE = 2
_AFTERWARDS = 10.0
"""Seconds that are recorded after a happening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What each channel, or those in `channels`, is to have recorded; `end` None: it is still being written. `name` None: numbered."""

    start: datetime
    end: datetime | None = None
    kind: Kind = "timing"
    locked: bool = False
    name: str | None = None
    channels: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One file on the disk."""

    track: int
    name: str
    start: datetime
    end: datetime
    kind: Kind = "timing"
    locked: bool = False
    writing: bool = False

    @property
    def channel(self) -> int:
        """The number of its channel."""
        return self.track // 100

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture instead of video."""
        return self.track % 100 == PICTURE_TRACK

    @property
    def seconds(self) -> int:
        """How many seconds of video it has: those begun, while it is written those complete."""
        length = (self.end - self.start).total_seconds()
        return int(length) if self.writing else math.ceil(length)

    def share(self, second: int) -> float:
        """How much of a second it has, 0…1."""
        return min(1.0, (self.end - self.start).total_seconds() - second)


@dataclass(frozen=True, slots=True)
class Cut:
    """Seconds `first` to `last` of a recording, and how much of the last one (0…1)."""

    first: int
    last: int
    rest: float
    recording: Recording


@dataclass(slots=True)
class _Happening:
    start: datetime
    end: datetime
    kind: Kind


class Recordings:
    """Recordings on the tracks of each channel. `clock` is the device's; a still open one is the last of `stored`."""

    def __init__(
        self,
        channels: Sequence[int],
        stored: Sequence[Span | Stored],
        clock: Callable[[], datetime],
        names: NameForm = "camera",
    ) -> None:
        self._channels = channels
        self._clock = clock
        self._names = names
        found = sorted((_stored(one) for one in stored), key=lambda one: one.start)
        self._open = next((one for one in found if one.end is None), None)
        closed = [one for one in found if one.end is not None]
        self._closed = {channel: list(self._named(channel, closed, 1)) for channel in channels}
        self._next = len(closed) + 1
        self._happenings: list[_Happening] = []

    def of_track(self, track: int, name: str | None = None) -> list[Recording]:
        """The recordings of a track in the order of time, or the one of this name."""
        channel, kind = divmod(track, 100)
        if channel not in self._channels or kind not in (VIDEO_TRACK, PICTURE_TRACK):
            return []
        pieces = list(self._written())
        pieces[1:] = (replace(piece, name=None) for piece in pieces[1:])  # a name of its own is one file's
        written = list(self._named(channel, pieces, self._next))
        if written:
            written[-1] = replace(written[-1], writing=True, end=min(written[-1].end, self._clock()))
        found = self._closed[channel] + [one for one in written if one.seconds]
        if kind == PICTURE_TRACK:
            pictured = [one for one in found if one.kind in ("motion", "alarm")]
            found = [replace(one, track=track, end=one.start, writing=False) for one in pictured]
        return found if name is None else [one for one in found if one.name == name]

    def between(self, track: int, start: datetime | None, end: datetime | None, name: str | None = None) -> list[Cut]:
        """What is stored of a span, gaps left out, from the key frame (each full second has one) before its start on."""
        cuts = []
        for recording in self.of_track(track, name):
            begin = max(start or recording.start, recording.start)
            until = min(end or recording.end, recording.end)
            if begin < until:
                first = int((begin - recording.start).total_seconds())
                last, rest = divmod((until - recording.start).total_seconds(), 1)
                cuts.append(Cut(first, int(last), rest, recording))
        return cuts

    def happens(self, kind: Kind, seconds: float = 0.0) -> None:
        """Something happens now and for `seconds`; of what is told again the recording becomes longer."""
        now = self._clock()
        start, end = _full(now), _full(now + timedelta(seconds=seconds + _AFTERWARDS)) + _SECOND
        last = self._happenings[-1] if self._happenings else None
        if last and start <= last.end:
            if last.kind in (kind, "alarm"):
                last.end = max(last.end, end)
                return
            last.end = start
            if last.start == start:
                self._happenings.pop()
        self._happenings.append(_Happening(start, end, kind))

    def lasts(self) -> None:
        """What happened last is still going on."""
        if self._happenings and self._clock() <= self._happenings[-1].end:
            self.happens(self._happenings[-1].kind)

    def _named(self, channel: int, stored: Sequence[Stored], first: int) -> Iterator[Recording]:
        for number, one in enumerate(stored, first):
            if one.channels is None or channel in one.channels:
                assert one.end is not None
                name = one.name or self._name(channel, number, one.start)
                yield Recording(channel * 100 + VIDEO_TRACK, name, one.start, one.end, one.kind, one.locked)

    def _name(self, channel: int, number: int, start: datetime) -> str:
        match self._names:
            case "camera":
                return f"ch{channel:02}_{number:017}"
            case "recorder":
                return f"{number:017}"
            case "psia":
                return f"{start:%Y%m%d%H%M%S}_{number:08}_{channel:02}_00_SC_01"

    def _written(self) -> Iterator[Stored]:
        """What has been recorded since the open recording began, cut by what happened and by the hour; the last one goes on."""
        if self._open is None:
            return
        begin, now = self._open.start, self._clock()
        for happening in self._happenings:
            yield from self._hours(begin, happening.start)
            if (begin := max(begin, happening.start)) < now:
                yield replace(self._open, start=begin, end=happening.end, kind=happening.kind)
            begin = max(begin, happening.end)
        if begin < now:
            yield from self._hours(begin, now)

    def _hours(self, begin: datetime, end: datetime) -> Iterator[Stored]:
        assert self._open is not None
        while begin < end:
            yield replace(self._open, start=begin, end=min(begin + _HOUR, end))
            begin += _HOUR


def factory_recordings(now: datetime) -> list[Stored]:
    """A day of recordings of an hour each until now with little in the last but one, and the one that begins now."""
    hours = [_full(now) - timedelta(hours=ago) for ago in range(_HOURS, -1, -1)]
    pause = hours[-_PAUSE_BEFORE - 1]
    motion, alarm = pause + timedelta(minutes=10), pause + timedelta(minutes=45)
    return [
        *(Stored(start=start, end=start + _HOUR) for start in hours[:-1] if start != pause),
        Stored(start=motion, end=motion + timedelta(minutes=5), kind="motion"),
        Stored(start=alarm, end=alarm + timedelta(seconds=30), kind="alarm", locked=True),
        Stored(start=hours[-1]),
    ]


def read_time(text: str, meaning: Literal["utc", "local"], zone: tzinfo) -> datetime | None:
    """A time of a playback address or a search; its `Z` does not mean UTC on all devices. None when it is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        plain = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    return plain.replace(tzinfo=UTC if meaning == "utc" else zone)


def write_time(moment: datetime, meaning: Literal["utc", "local"], zone: tzinfo, *, compact: bool = False) -> str:
    """A time as the device tells it, which calls it UTC in any case."""
    return moment.astimezone(UTC if meaning == "utc" else zone).strftime(
        "%Y%m%dT%H%M%SZ" if compact else "%Y-%m-%dT%H:%M:%SZ"
    )


def checked_recordings(stored: Sequence[Span | Stored]) -> list[Stored]:
    """What is to be stored if it can be; raises ValueError."""
    found = [_stored(one) for one in stored]
    for place, one in enumerate(found):
        if one.start.tzinfo is None or (one.end and one.end.tzinfo is None):
            raise ValueError(f"recordings[{place}]: expected aware times, got {one.start} and {one.end}")
        if one.end and one.start >= one.end:
            raise ValueError(f"recordings[{place}]: expected an end after the start, got {one.start} and {one.end}")
        if one.end is None and max(found, key=lambda other: other.start) is not one:
            raise ValueError(f"recordings[{place}]: expected an end, only the latest can still be written")
    return found


def _stored(one: Span | Stored) -> Stored:
    return one if isinstance(one, Stored) else Stored(start=one[0], end=one[1])


def _full(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
