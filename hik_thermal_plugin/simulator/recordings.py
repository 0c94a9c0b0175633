"""What the device has stored: recordings of each channel, and which of it a client wants to see (isapi.md 4, rtsp.md 1.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

Span = tuple[datetime, datetime]
"""Begin and end, both aware."""

_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)t(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?z?", re.IGNORECASE)
_HOURS = 24
_PAUSE_BEFORE = 2


@dataclass(frozen=True, slots=True)
class Recording:
    """One file on the disk."""

    track: int
    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """Seconds `first` to `last` of a recording, and how much of the last one (0…1)."""

    first: int
    last: int
    rest: float


class Recordings:
    """Recordings on the main stream's track of each channel, in the order of time."""

    def __init__(self, channels: Sequence[int], spans: Sequence[Span]) -> None:
        self.all = tuple(
            Recording(channel * 100 + 1, f"ch{channel:02}_{place:017}", start, end)
            for channel in channels
            for place, (start, end) in enumerate(sorted(spans), 1)
        )

    def of_track(self, track: int, name: str | None = None) -> list[Recording]:
        """The recordings of a track, or the one of this name."""
        return [recording for recording in self.all if recording.track == track and name in (None, recording.name)]

    def between(self, track: int, start: datetime | None, end: datetime | None, name: str | None = None) -> list[Cut]:
        """What is stored of a span, gaps left out, from the key frame (each full second has one) before its start on."""
        cuts = []
        for recording in self.of_track(track, name):
            begin = max(start or recording.start, recording.start)
            until = min(end or recording.end, recording.end)
            if begin < until:
                first = int((begin - recording.start).total_seconds())
                last, rest = divmod((until - recording.start).total_seconds(), 1)
                cuts.append(Cut(first, int(last), rest))
        return cuts


def factory_spans(now: datetime) -> list[Span]:
    """A day of recordings of an hour each until now, with one hour missing."""
    hours = [now.replace(microsecond=0) - timedelta(hours=ago) for ago in range(_HOURS, 0, -1)]
    return [(start, start + timedelta(hours=1)) for start in hours if start != hours[-_PAUSE_BEFORE]]


def read_time(text: str, meaning: Literal["utc", "local"], zone: tzinfo) -> datetime | None:
    """A time of a playback address; its `Z` does not mean UTC on all devices. None when it is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        plain = datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    return plain.replace(tzinfo=UTC if meaning == "utc" else zone)


def checked_spans(spans: Sequence[Span]) -> list[Span]:
    """The spans if they can be recordings; raises ValueError."""
    for place, (start, end) in enumerate(spans):
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"recordings[{place}]: expected aware times, got {start} and {end}")
        if start >= end:
            raise ValueError(f"recordings[{place}]: expected an end after the start, got {start} and {end}")
    return list(spans)
