"""Alarms that a camera sends by itself (listening mode, isapi.md 6.9): the source `push` of one camera.

A push has no heartbeat, so nobody can tell from it whether the camera is there: its state is `starting` while it is listened for, never
`online`, and `error` while nobody can listen. An alarm is handed on with its last byte, before the pictures behind it have come; the
camera is answered 200 when somebody has taken it, else 503, after which it sends again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from nvr_hooks import (
    Alarm,
    BadAnswer,
    ConnectionChanged,
    ConnectionState,
    Event,
    Health,
    NvrError,
    OtherAlarm,
    now,
)

from ..wire.alerts import decode_alert_document
from ..wire.http_hosts import OUR_FOLDER
from ..wire.http_requests import MAX_BODY, Head
from ..wire.multipart import PartReader
from ..wire.parts import Part
from ..wire.pictures import read_picture
from .alert_stream import LATE
from .listener import Listener
from .part_stream import Counters

AT_ONCE = 4
"""Bodies of one camera that are read side by side."""
BURST = 1_000
PER_SECOND = 50.0
"""Requests a camera may send in a moment, and for good; more are answered 503."""
DOUBT_SECONDS = 60.0
_SHOWN = 60
_SAID = 32
_PATH = re.compile(r"[0-9a-f]{32}\Z")
_log = logging.getLogger(__name__)


class PushSource:
    """What one camera pushes. Thread-safe. A door of the listener (listener.Door) while it is attended.

    `take` hands an event to who listens to the camera and tells whether anybody took it; it returns at once. `host` is the camera's
    address or name. `zone` is for times without an offset, `clock_ahead` how much the camera's clock is ahead of ours, where known;
    `doubt` is called, now and then, when an alarm is late by that: the camera's clock may have been set. `listened` is told whenever the
    port is open now, or could not be opened.
    """

    def __init__(
        self,
        camera: str,
        listener: Listener,
        state_dir: Path,
        take: Callable[[Event], bool],
        *,
        host: Callable[[], str],
        zone: Callable[[], tzinfo | None] = lambda: None,
        clock_ahead: Callable[[], timedelta | None] = lambda: None,
        doubt: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        listened: Callable[[bool], None] = lambda there: None,
    ) -> None:
        self.camera = camera
        self.counters = Counters()
        self._listener = listener
        self._host = host
        self._state_dir = state_dir
        self._take = take
        self._zone = zone
        self._clock_ahead = clock_ahead
        self._doubt = doubt
        self._doubted: float | None = None
        self._clock = clock
        self._listened = listened
        self._lock = threading.Lock()
        self._path: str | None = None
        self._attended = False
        self._open = 0
        self._allowance = float(BURST)
        self._refilled = clock()
        self._connection = ConnectionChanged(camera=camera, source="push", state="starting")
        self._since = now()
        self._events = 0
        self._last_event_at: datetime | None = None
        self._last_error: str | None = None
        self._said: set[str] = set()

    @property
    def host(self) -> str:
        """The camera's address or name."""
        return self._host()

    @property
    def path(self) -> str:
        """The camera's path; empty while it could not be read."""
        return self._path or ""

    @property
    def connection(self) -> ConnectionChanged:
        """The present state: starting, or error while nobody can listen."""
        return self._connection

    def health(self) -> Health:
        """Tell what came so far."""
        with self._lock:
            return Health(
                camera=self.camera,
                source="push",
                state=self._connection.state,
                since=self._since,
                events=self._events,
                last_event_at=self._last_event_at,
                last_error=self._last_error,
                bytes=self.counters.bytes,
                unknown=self.counters.unknown,
                undecodable=self.counters.undecodable,
                framing_errors=self.counters.framing_errors,
                last_byte_at=self.counters.last_byte_at,
            )

    def attend(self, listened: bool) -> None:
        """Listen for the camera while anybody listens to its alarms."""
        with self._lock:
            changed, self._attended = self._attended != listened, listened
        if not changed:
            return
        if not listened:
            self._listener.leave(self)
            return
        try:
            self._path = self._path or push_path(self._state_dir, self.camera)
        except NvrError as error:
            self.listening(str(error))
            return
        self._listener.enter(self)

    def listening(self, problem: str | None) -> None:
        """Take word that the listener is up, or what keeps it from being so."""
        state: ConnectionState = "starting" if problem is None else "error"
        changed = ConnectionChanged(camera=self.camera, source="push", state=state, reason=problem)
        with self._lock:
            before, self._connection = self._connection, changed
            self._last_error = problem or self._last_error
            if before.state != state:
                self._since = changed.received_at
        if (before.state, before.reason) != (state, problem):
            if problem is not None:
                _log.warning("%s: what it pushes cannot be taken: %s", self.camera, problem)
            self._take(changed)
        self._listened(problem is None)

    def open(self, head: Head) -> PushBody | int:
        """Begin with a request under the camera's path; a status is a refusal."""
        if head.method != "POST":
            return 405
        with self._lock:
            present = self._clock()
            self._allowance = min(float(BURST), self._allowance + (present - self._refilled) * PER_SECOND)
            self._refilled = present
            if self._allowance < 1 or self._open >= AT_ONCE:
                self._last_error = "it pushes more than is taken"
                return 503
            self._allowance -= 1
            self._open += 1
        return PushBody(self, head.headers.get("content-type"))

    def closed(self) -> None:
        """A body has ended, well or not."""
        with self._lock:
            self._open -= 1

    def told(self, part: Part, before: Alarm | None, received_at: datetime) -> tuple[Alarm | None, bool]:
        """Hand on what a part says; return the alarm that pictures behind it belong to, and whether everything was taken."""
        if not part.text:
            picture = read_picture(part, before, camera=self.camera, source="push", received_at=received_at)
            if picture is None:
                self.pass_over(part.body, part.content_type, "neither a document nor a picture")
            elif part.complete:
                self._hand_on(picture)
            return before, True
        try:
            document = decode_alert_document(
                part.body, camera=self.camera, source="push", received_at=received_at, zone=self._zone()
            )
        except BadAnswer as error:
            # Sent again it would be no better, and would keep the camera from sending what comes behind it.
            self.pass_over(part.body, part.content_type, str(error))
            return before, True
        self.counters.documents += 1
        self.counters.unknown += sum(isinstance(event, OtherAlarm) for event in document.events)
        events = [replace(event, late=True) if self._is_late(event) else event for event in document.events]
        taken = [self._hand_on(event) for event in events]
        return (events[0] if events else before), all(taken)

    def pass_over(self, data: bytes, kind: str, why: str) -> None:
        """Count what cannot be understood, and report the first of its kind with its first bytes."""
        self.counters.undecodable += 1
        with self._lock:
            self._last_error = f"a document is passed over ({why})"
            known = kind in self._said or len(self._said) >= _SAID
            self._said.add(kind)
        if not known:
            text = "%s: push: a document is passed over (%s); it begins %r; more of its kind are only counted"
            _log.warning(text, self.camera, why, data[:_SHOWN])

    def _hand_on(self, event: Event) -> bool:
        taken = self._take(event)
        with self._lock:
            if taken:
                self._events += 1
                self._last_event_at = event.received_at
            else:
                self._last_error = "an alarm was not taken: the camera was asked to send it again"
        return taken

    def _is_late(self, alarm: Alarm) -> bool:
        ahead = self._clock_ahead()
        if alarm.at is None or ahead is None or alarm.received_at + ahead - alarm.at <= LATE:
            return False
        with self._lock:
            present = self._clock()
            asks = self._doubted is None or present - self._doubted >= DOUBT_SECONDS
            self._doubted = present if asks else self._doubted
        if asks:
            self._doubt()
        return True


class PushBody:
    """One body as it comes (listener.Receiver)."""

    def __init__(self, source: PushSource, content_type: str | None) -> None:
        self._source = source
        self._reader = PartReader(content_type, max_binary=MAX_BODY)
        self._alarm: Alarm | None = None
        self._taken = True
        self._broken = False
        self._closed = False

    def feed(self, data: bytes) -> None:
        """Take bytes and hand on what they complete."""
        counters = self._source.counters
        counters.bytes += len(data)
        counters.last_byte_at = now()
        if not self._broken:
            self._read(lambda: self._reader.feed(data))

    def end(self) -> int:
        """The body is complete: return the status to answer."""
        if not self._broken:
            self._read(self._reader.close)
        self.close()
        if not self._taken:
            return 503
        return 400 if self._broken or not self._reader.parts else 200

    def close(self) -> None:
        """Be done, also in the middle."""
        if not self._closed:
            self._closed = True
            self._source.counters.framing_errors += self._reader.framing_errors
            self._source.closed()

    def _read(self, parts: Callable[[], list[Part]]) -> None:
        received_at = now()
        try:
            for part in parts():
                self._alarm, taken = self._source.told(part, self._alarm, received_at)
                self._taken = self._taken and taken
        except BadAnswer as error:
            self._broken = True
            self._source.pass_over(error.data or b"", "multipart", str(error))


def push_path(state_dir: Path, camera: str) -> str:
    """Return the path nobody can guess that a camera pushes to: made once, then kept in `state_dir` for its owner's eyes only.

    Raises NvrError where it cannot be kept: a path that changes with every start would be of no use to the camera.
    """
    file = state_dir / f"push-{hashlib.sha256(camera.encode()).hexdigest()[:24]}.path"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _make(file)
        word = file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NvrError(f"{camera}: its push path cannot be kept in {state_dir}: {reason}") from error
    if not _PATH.match(word):
        raise NvrError(f"{camera}: {file} holds no push path; delete it, and set the camera up again")
    return OUR_FOLDER + word


def _make(file: Path) -> None:
    """Write a new path; whoever is first, of several processes, wins."""
    temporary = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as writer:
            writer.write(secrets.token_hex(16) + "\n")
        try:
            os.link(temporary, file)
        except FileExistsError:
            return
    finally:
        temporary.unlink(missing_ok=True)
