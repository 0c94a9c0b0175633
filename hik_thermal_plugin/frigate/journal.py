"""Events that are not ended yet, in a file: a restart finds out what it left open in Frigate, and what waited for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nvr_hooks import rfc3339

from .drafts import Draft

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Entry:
    """One event on its way: wanted, open in Frigate, or waiting to be ended."""

    id: str
    draft: Draft
    began: datetime
    """When the alarm began."""
    event_id: str | None = None
    """Frigate's, as soon as it has one."""
    over: datetime | None = None
    """When the alarm was over; None while it goes on."""
    late: bool = False
    """Its sub-label says when it began."""
    ended_by_itself: bool = False
    """It was created with a duration: there is nothing to end."""
    unsure: bool = False
    """It was asked for, and no answer came: it may be there."""
    failures: int = 0
    not_before: float = 0.0
    """By the monotonic clock: a later try of this event alone."""
    looked_at: float = 0.0
    """By the monotonic clock: when it was created or seen in Frigate last."""


class Journal:
    """The file. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._trouble = False

    def load(self) -> list[Entry]:
        """Return what an earlier life left; a file that cannot be understood is moved aside."""
        try:
            rows = json.loads(self._path.read_text("utf-8"))
            return [_entry(row) for row in rows]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, AttributeError):
            aside = self._path.with_suffix(".broken")
            with suppress(OSError):
                self._path.replace(aside)
            log.warning("Frigate: %s cannot be understood, it is moved to %s", self._path, aside.name)
        except OSError as err:
            log.warning("Frigate: %s cannot be read: %s", self._path, err.strerror)
        return []

    def save(self, entries: Iterable[Entry]) -> None:
        """Write all events down; a failure is told once, and work goes on."""
        text = json.dumps([_row(entry) for entry in entries], ensure_ascii=False)
        part = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, "utf-8")
            part.replace(self._path)
        except OSError as err:
            level = logging.DEBUG if self._trouble else logging.WARNING
            log.log(level, "Frigate: %s cannot be written, a restart forgets open events: %s", self._path, err.strerror)
            self._trouble = True
        else:
            self._trouble = False


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "draft": asdict(entry.draft),
        "began": rfc3339(entry.began),
        "event_id": entry.event_id,
        "over": rfc3339(entry.over),
        "late": entry.late,
        "ended_by_itself": entry.ended_by_itself,
        "unsure": entry.unsure,
    }


def _entry(row: dict[str, Any]) -> Entry:
    told = dict(row["draft"])
    told["boxes"] = tuple(tuple(box) for box in told["boxes"])
    return Entry(
        id=row["id"],
        draft=Draft(**told),
        began=datetime.fromisoformat(row["began"]),
        event_id=row["event_id"],
        over=None if row["over"] is None else datetime.fromisoformat(row["over"]),
        late=row["late"],
        ended_by_itself=row["ended_by_itself"],
        unsure=row["unsure"],
    )
