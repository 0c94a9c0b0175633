"""Events on their way to Frigate: one thread asks, everybody else only says what is wanted.

A Frigate that is away is asked again after growing pauses, and finds every alarm that began meanwhile (bounded in number and age). Each
event is created once: where an answer was lost, Frigate is asked first whether the event is there.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from nvr_hooks import now

from .api import Away, Failing, FrigateApi, NotAllowed, NotThere, Rejected
from .drafts import Draft, told_late
from .journal import Entry, Journal
from .settings import FrigateSettings

log = logging.getLogger(__name__)

LATE_SECONDS: Final = 10.0
"""An event created later than this after its alarm says when it began."""
BEFORE_SECONDS: Final = 120.0
"""How much earlier than its alarm an event may begin in Frigate."""
END_WITHIN_SECONDS: Final = 7 * 86400.0
"""So long an event that could not be ended is remembered."""
TRIES: Final = 5
"""So often one event is tried on which Frigate fails, or that it does not know yet."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries."""

    first: float = 1.0
    longest: float = 60.0
    refused: float = 300.0
    """After a refusal: Frigate counts refused logins, and a role does not change by itself."""
    stored: float = 2.0
    """Until an event that was just created is looked for again."""
    look: float = 60.0
    """Between looks at an open event: a Frigate that was restarted has ended it."""


class Delivery:
    """The events of one Frigate. Thread-safe."""

    def __init__(
        self,
        settings: FrigateSettings,
        journal: Journal,
        *,
        pauses: Pauses | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = now,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._pauses = pauses or Pauses()
        self._clock = clock
        self._wall = wall
        self._api = FrigateApi(settings)
        self._entries: dict[str, Entry] = {}
        self._changed = threading.Condition()
        self._dirty = False
        self._closing_until: float | None = None
        self._not_before = 0.0
        self._pause = 0.0
        self._away = False
        self._complaints: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="frigate events", daemon=True)

    def start(self) -> None:
        """Take back what an earlier life left, and begin. What it left open is ended: nobody can tell whether it goes on."""
        for entry in self._journal.load():
            entry.over = entry.over or self._wall()
            self._entries[entry.id] = entry
        self._thread.start()

    def begin(self, identity: str, draft: Draft, began: datetime) -> None:
        """Want an event."""
        with self._changed:
            self._entries[identity] = Entry(id=identity, draft=draft, began=began)
            waiting = [entry for entry in self._entries.values() if entry.event_id is None]
            if len(waiting) > self._settings.max_waiting:
                gone = next((entry for entry in waiting if entry.over is not None), waiting[0])
                del self._entries[gone.id]
                self._complain(
                    "no room", f"more than {self._settings.max_waiting} alarms wait: the oldest are left out"
                )
            self._wake()

    def over(self, identity: str) -> None:
        """Want an event ended."""
        with self._changed:
            if (entry := self._entries.get(identity)) is not None:
                entry.over = self._wall()
                self._wake()

    def close(self, timeout: float) -> None:
        """Do what can be done in this many seconds, keep the rest for the next start, end the thread."""
        with self._changed:
            self._closing_until = self._clock() + timeout
            self._wake()
        self._thread.join(timeout)
        self._api.interrupt()
        self._thread.join(1.0)

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify_all()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (entry := self._next()) is not None:
                try:
                    self._serve(entry)
                except Exception:  # a mistake of ours costs one event, not all that follow
                    log.exception("Frigate: an event of %s is left out", entry.draft.camera)
                    self._forget(entry)
                self._save()
        finally:
            self._save()
            self._api.close()

    def _next(self) -> Entry | None:
        """Wait for something to do and return it; None when it is time to end."""
        while True:
            self._save()
            with self._changed:
                at = self._clock()
                self._drop_the_old()
                due = {entry.id: self._due(entry) for entry in self._entries.values()}
                # What goes on before what is over already: somebody may be looking.
                first = min(due, key=lambda name: (due[name], self._entries[name].over is not None), default=None)
                when = math.inf if first is None else max(due[first], self._not_before)
                if self._closing_until is not None and (self._away or max(when, at) >= self._closing_until):
                    return None
                if first is not None and when <= at:
                    return self._entries[first]
                if not self._dirty:
                    self._changed.wait(None if when == math.inf else when - at)

    def _due(self, entry: Entry) -> float:
        """Return when there is something to do for an event."""
        if entry.event_id is None or entry.over is not None:
            return entry.not_before
        if self._closing_until is not None:
            return math.inf
        return max(entry.not_before, entry.looked_at + self._pauses.look)

    def _drop_the_old(self) -> None:
        for entry in list(self._entries.values()):
            age = (self._wall() - (entry.over or entry.began)).total_seconds()
            limit = self._settings.max_age if entry.event_id is None else END_WITHIN_SECONDS
            if age > limit and (entry.event_id is None or entry.over is not None):
                del self._entries[entry.id]
                self._dirty = True
                self._complain("old", f"an alarm of {entry.began:%H:%M:%S} waited too long for Frigate and is left out")

    def _save(self) -> None:
        with self._changed:
            dirty, self._dirty = self._dirty, False
            entries = [replace(entry) for entry in self._entries.values()]
        if dirty:
            self._journal.save(entries)

    # -- one event -----------------------------------------------------------------------------------------------------

    def _serve(self, entry: Entry) -> None:
        try:
            if entry.event_id is None:
                self._create(entry)
            elif entry.over is None:
                self._look(entry)
            else:
                self._end(entry)
        except Away as err:
            self._away = True
            self._rest(min(max(self._pause * 2, self._pauses.first), self._pauses.longest))
            self._complain("away", f"Frigate does not answer, it is tried again: {err}")
        except NotAllowed as err:
            self._rest(self._pauses.refused)
            self._complain("not allowed", str(err))
        except Rejected as err:
            self._forget(entry)
            self._complain(f"rejected {entry.draft.camera}", f"an event is left out: {err}")
        except Failing as err:
            self._retry(entry, min(self._pauses.first * 2**entry.failures, self._pauses.longest), str(err))
        else:
            self._back()

    def _create(self, entry: Entry) -> None:
        draft = entry.draft
        if entry.unsure and (found := self._found(entry)) is not None:
            entry.event_id = found
        else:
            if not entry.late and (self._wall() - entry.began).total_seconds() > LATE_SECONDS:
                entry.late = True
                draft = replace(draft, sub_label=told_late(draft.sub_label, entry.began, self._wall()))
                entry.draft = draft
            body = draft.body(include_recording=self._settings.include_recording and entry.over is None)
            if entry.late and entry.over is not None:
                body["duration"] = 1  # it is over: Frigate would date its end, too, from now
                entry.ended_by_itself = True
            asked_before, entry.unsure, self._dirty = entry.unsure, True, True
            self._save()  # a kill from here on leaves an event that the next life finds
            try:
                entry.event_id = self._api.create(draft.camera, draft.label, body)
            except (Away, NotAllowed) as err:
                entry.unsure = asked_before or (isinstance(err, Away) and err.unsure)
                self._dirty = True
                raise
            except NotThere:
                self._forget(entry)
                self._complain(
                    f"camera {draft.camera}",
                    f"Frigate knows no camera {draft.camera}: its alarms make no events; the names are in frigate.cameras",
                )
                return
        entry.unsure, entry.failures, entry.looked_at = False, 0, self._clock()
        self._settle(f"camera {draft.camera}")
        if entry.ended_by_itself:
            self._forget(entry)

    def _found(self, entry: Entry) -> str | None:
        """Return the id of an event that was asked for without an answer, None when it is not there."""
        try:
            # Frigate puts the start of an event `record.event_pre_capture` before the request, and has a clock of its own.
            after = entry.began.timestamp() - BEFORE_SECONDS
            events = self._api.events(entry.draft.camera, entry.draft.label, after, only_open=not entry.ended_by_itself)
        except (NotThere, Rejected):
            return None
        taken = {other.event_id for other in list(self._entries.values())}
        return next(
            (item.id for item in events if item.sub_label == entry.draft.sub_label and item.id not in taken), None
        )

    def _look(self, entry: Entry) -> None:
        assert entry.event_id is not None
        entry.looked_at = self._clock()
        try:
            standing = self._api.look(entry.event_id)
        except NotThere:
            log.info("Frigate: the event %s is no longer there", entry.event_id)
            self._forget(entry)
            return
        if standing.ended and entry.over is not None:
            self._forget(entry)
        elif standing.ended:
            log.info("Frigate: the event %s was ended there, and its alarm goes on: it is begun again", entry.event_id)
            entry.event_id = None

    def _end(self, entry: Entry) -> None:
        assert entry.event_id is not None
        assert entry.over is not None
        late = (self._wall() - entry.over).total_seconds() > LATE_SECONDS
        try:
            try:
                self._api.end(entry.event_id, entry.over.timestamp() if late else None)
            except Rejected:  # before its start: two clocks do not agree
                if not late:
                    raise
                self._api.end(entry.event_id, None)
        except NotThere as err:
            self._retry(entry, self._pauses.stored, str(err), quiet=True)
            return
        self._forget(entry)

    # -- what became of it ---------------------------------------------------------------------------------------------

    def _retry(self, entry: Entry, seconds: float, why: str, *, quiet: bool = False) -> None:
        entry.failures += 1
        entry.not_before = self._clock() + seconds
        if quiet:
            if entry.failures >= TRIES:
                log.info("Frigate: an event is no longer there, deleted by hand or with its recording: %s", why)
                self._forget(entry)
            return
        self._complain("failing", f"Frigate fails, it is tried again: {why}")
        if entry.failures >= TRIES:
            log.warning("Frigate: an event of %s is left out after %d tries: %s", entry.draft.camera, TRIES, why)
            self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        with self._changed:
            self._entries.pop(entry.id, None)
            self._dirty = True

    def _rest(self, seconds: float) -> None:
        self._pause = seconds
        self._not_before = self._clock() + seconds

    def _back(self) -> None:
        self._pause, self._dirty = 0.0, True
        if self._away:
            log.info("Frigate: answers again")
        self._away = False
        for what in ("away", "not allowed", "failing", "no room", "old"):
            self._settle(what)

    def _complain(self, what: str, text: str) -> None:
        """Say what is wrong, once until it is right again."""
        log.log(logging.DEBUG if what in self._complaints else logging.WARNING, "Frigate: %s", text)
        self._complaints.add(what)

    def _settle(self, what: str) -> None:
        self._complaints.discard(what)
