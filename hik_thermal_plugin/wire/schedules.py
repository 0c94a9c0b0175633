"""When a device tells its alarms: the arming schedules of /Event/schedules (isapi.md 6.1).

Their paths are the vendor's; the lists of thermal events are not public, those of other events have this form on every device seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from nvr_hooks import BadAnswer

from .xml import Element, child, descendants, integer, local_name, open_document, text

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The times of the week at which one event is told."""

    id: str
    event_type: str
    channel: int | None = None
    spans: tuple[tuple[int, int, int], ...] = ()
    """Day of the week (1: Monday), first minute of the day, and the minute after the last."""

    def covers(self, at: datetime) -> bool:
        """Tell whether the event is told at this moment of the device's own clock."""
        minute = at.hour * 60 + at.minute
        return any(day == at.isoweekday() and begin <= minute < end for day, begin, end in self.spans)


def parse_schedules(document: bytes) -> tuple[Schedule, ...]:
    """Read /Event/schedules/<event>, one schedule or a list; those without a list of times are left out. Raises BadAnswer for another document."""
    root = open_document(document)
    if "schedule" not in local_name(root).lower():
        raise BadAnswer(f"{local_name(root)} where schedules were expected", data=document)
    items = descendants(root, "Schedule") or descendants(root, "EventSchedule") or [root]
    return tuple(_schedule(item) for item in items if child(item, "TimeBlockList") is not None)


def _schedule(item: Element) -> Schedule:
    channel = integer(item, "videoInputChannelID") or integer(item, "dynVideoInputChannelID")
    blocks = descendants(child(item, "TimeBlockList"), "TimeBlock")
    return Schedule(
        id=text(item, "id") or "",
        event_type=text(item, "eventType") or "",
        channel=channel,
        spans=tuple(span for block in blocks for span in _spans(block)),
    )


def _spans(block: Element) -> list[tuple[int, int, int]]:
    day = integer(block, "dayOfWeek")
    found = []
    for times in descendants(block, "TimeRange"):
        begin, end = _minute(text(times, "beginTime")), _minute(text(times, "endTime"))
        if day is not None and begin is not None and end is not None and begin < end:
            found.append((day, begin, end))
    return found


def _minute(word: str | None) -> int | None:
    match = _CLOCK.match(word or "")
    if match is None:
        return None
    minute = int(match[1]) * 60 + int(match[2])
    return minute if 0 <= minute <= _DAY else None
