"""Turn live sources into events for subscribers: the one place with reader threads and a reconnect loop.

While anybody is subscribed, one thread per source connects, reads, loses, waits and connects again; Deliveries carries the events on.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Protocol

from nvr_hooks import (
    AuthBlocked,
    BadAnswer,
    CameraError,
    ConnectionChanged,
    ConnectionState,
    DeviceError,
    Event,
    Health,
    Refused,
    Sink,
    Source,
    Unreachable,
    Unsupported,
    WrongUse,
    now,
)
from nvr_hooks.moments import uptime

from .deliveries import Deliveries, Delivery

__all__ = ["Backoff", "Deliveries", "Delivery", "LiveSource", "SharedStream", "SourceCounters"]

_PATIENCE = 0.9  # seconds a close() waits for the reader
_SAY_AGAIN = 600.0  # seconds between two warnings of a connection that comes and goes
_log = logging.getLogger(__name__)


class SourceCounters(Protocol):
    """What a source counts on one connection."""

    bytes: int
    documents: int
    """Complete documents, heartbeats included: the proof that a connection is of use."""
    unknown: int
    undecodable: int
    framing_errors: int
    last_byte_at: datetime | None


class LiveSource(Protocol):
    """One connection to a device that tells events until it is lost."""

    @property
    def counters(self) -> SourceCounters:
        """What was counted so far."""

    def events(self) -> Generator[Event, None, None]:
        """Connect; yield ConnectionChanged("online") when the device has agreed, then events; raise CameraError when it is lost."""

    def interrupt(self) -> None:
        """End events() from any thread, without an error, also before it began."""


class Backoff:
    """Waiting times that double from `first` to `cap` seconds, each cut by up to a half (`jitter`, 0…1): not all come back at once."""

    def __init__(self, first: float = 1.0, cap: float = 60.0, jitter: Callable[[], float] = random.random) -> None:
        self._first = first
        self._cap = cap
        self._jitter = jitter
        self._failures = 0

    def next(self) -> float:
        """Return how many seconds to wait after one more failure."""
        delay = min(self._cap, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return delay * (1 - self._jitter() / 2)

    def reset(self) -> None:
        """Begin again with the first waiting time."""
        self._failures = 0


class SharedStream:
    """One source of one camera, shared by all who subscribe: the first connects it, the last to leave ends it.

    `open` makes a source for one connection. `through` may replace an event or swallow it (None); it is called for one event at a time
    and must not call back. `attended` is called, without a lock, when the first has come or the last has gone.
    Refused rights and unsupported features are tried again after `retry_seconds`, a login block when it ends, all else by `backoff`.
    """

    def __init__(
        self,
        open: Callable[[], LiveSource],
        *,
        camera: str,
        source: Source,
        deliveries: Deliveries,
        through: Callable[[Event], Event | None] | None = None,
        backoff: Backoff | None = None,
        retry_seconds: float = 1800.0,
        clock: Callable[[], datetime] = now,
        attended: Callable[[], None] | None = None,
    ) -> None:
        self._open = open
        self._camera = camera
        self._source = source
        self._deliveries = deliveries
        self._through = through
        self._backoff = backoff or Backoff()
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._attended = attended or (lambda: None)
        self._lock = threading.Lock()
        self._subscribers: tuple[Delivery, ...] = ()
        self._run: _Run | None = None
        self._closed = False
        self._connection = ConnectionChanged(camera=camera, source=source, state="starting")
        self._tally = _Tally(since=clock())
        self._warned: dict[ConnectionState, float] = {}  # when a failure of this kind was last said aloud
        self._failing: ConnectionState | None = None

    @property
    def connection(self) -> ConnectionChanged:
        """The present state: what every new subscriber is told first."""
        return self._connection

    @property
    def heard_at(self) -> datetime | None:
        """When the connections before the present one were heard last."""
        return self._tally.last_byte_at

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody is subscribed."""
        return bool(self._subscribers)

    def subscribe(self, sink: Sink) -> Delivery:
        """Call `sink` with the present ConnectionChanged and then with every event, until the handle is closed."""
        delivery = self._deliveries.open(sink, camera=self._camera, on_close=self._leave)
        with self._lock:
            if closed := self._closed:
                first = False
            else:
                delivery.put(self._connection)
                first = not self._subscribers
                self._subscribers += (delivery,)
                if self._run is None:
                    self._run = _Run(self._read, f"{self._camera} {self._source}")
        if closed:
            delivery.close()
            raise WrongUse(f"{self._camera}: {self._source} is closed")
        if first:
            self._attended()
        return delivery

    def health(self) -> Health:
        """Tell how it is doing, without touching the network."""
        with self._lock:
            run, tally = self._run, self._tally
            live = run.source.counters if run is not None and run.source is not None else None
            return Health(
                camera=self._camera,
                source=self._source,
                state=self._connection.state,
                since=tally.since,
                events=tally.events,
                reconnects=tally.reconnects,
                last_event_at=tally.last_event_at,
                last_error=tally.last_error,
                bytes=tally.bytes + (live.bytes if live else 0),
                unknown=tally.unknown + (live.unknown if live else 0),
                undecodable=tally.undecodable + (live.undecodable if live else 0),
                framing_errors=tally.framing_errors + (live.framing_errors if live else 0),
                last_byte_at=(live.last_byte_at if live else None) or tally.last_byte_at,
                dropped=tally.dropped + sum(subscriber.dropped for subscriber in self._subscribers),
                sink_errors=tally.sink_errors + sum(subscriber.sink_errors for subscriber in self._subscribers),
            )

    def tell(self, event: Event) -> bool:
        """Tell the subscribers something that did not come from the source; return whether any of them has taken it."""
        with self._lock:
            return bool(self._subscribers) and self._tell(event)

    def reopen(self, open: Callable[[], LiveSource] | None = None, *, source: Source | None = None) -> None:
        """Drop the connection, or the wait for it, and connect at once, by `open` and as `source` from now on: the settings have changed."""
        with self._lock:
            self._open = open or self._open
            if source not in (None, self._source):
                self._set("offline", f"{self._camera}: told over another transport now", None)
                self._source = source or self._source
                self._set("starting", None, None)
            run = self._run
        if run is not None:
            run.end(again=True)

    def interrupt(self) -> None:
        """Begin to end, without waiting; close() does the rest. For those who close many."""
        with self._lock:
            run = self._run
        if run is not None:
            run.end()

    def close(self, *, removed: bool = False) -> None:
        """End the connection and all subscriptions within a second; `removed` tells the subscribers that the camera is gone."""
        with self._lock:
            run, self._run, self._closed = self._run, None, True
            if removed:
                self._set("removed", None, None)
            subscribers, self._subscribers = self._subscribers, ()
        for subscriber in subscribers:
            subscriber.finish()
        if run is not None:
            run.end()
            run.join()

    def _leave(self, delivery: Delivery) -> None:
        run = None
        with self._lock:
            if delivery not in self._subscribers:
                return
            self._subscribers = tuple(other for other in self._subscribers if other is not delivery)
            self._tally.dropped += delivery.dropped
            self._tally.sink_errors += delivery.sink_errors
            if not self._subscribers:
                run, self._run = self._run, None
                self._set("starting", None, None)
        if run is not None:
            run.end()
            self._attended()
            run.join()

    def _read(self, run: _Run) -> None:
        failures = 0
        while not run.ended:
            run.wake.clear()
            error: Exception = Unreachable(f"{self._camera}: {self._source} ended", camera=self._camera)
            try:
                source = self._open()
                run.enter(source)
                with closing(source.events()) as events:
                    for event in events:
                        self._take(run, event)
            except Exception as caught:  # noqa: BLE001 - whatever a source does wrong must not end the camera
                error = caught
            if self._count(run):
                failures = 0
                self._backoff.reset()
            if run.leave():
                self._backoff.reset()
                self._change(run, "starting", None, None)
            elif not run.ended:
                failures += 1
                self._wait(run, error, first=failures == 1)

    def _take(self, run: _Run, event: Event) -> None:
        if isinstance(event, ConnectionChanged):
            _log.info("%s: %s is %s", self._camera, self._source, event.state)
            self._change(run, event.state, event.reason, event.retry_at)
            return
        with self._lock:
            if self._run is run:
                self._tally.events += 1
                self._tally.last_event_at = event.received_at
                self._tell(event)

    def _change(self, run: _Run, state: ConnectionState, reason: str | None, retry_at: datetime | None) -> None:
        with self._lock:
            if self._run is run:
                self._set(state, reason, retry_at)

    def _set(self, state: ConnectionState, reason: str | None, retry_at: datetime | None) -> None:
        before = self._connection
        self._connection = ConnectionChanged(
            camera=self._camera, source=self._source, state=state, reason=reason, retry_at=retry_at
        )
        if before.state != state:
            self._tally.since = self._clock()
        if (before.state, before.reason) != (state, reason) or state == "auth_blocked":
            self._tell(self._connection)

    def _tell(self, event: Event) -> bool:
        told: Event | None = event
        if self._through is not None:
            try:
                told = self._through(event)
            except Exception:  # noqa: BLE001 - nor may what is done with its events
                _log.exception("%s: %s: an event is passed on as it came", self._camera, self._source)
        taken = [told is None or subscriber.put(told) for subscriber in self._subscribers]
        return any(taken)

    def _count(self, run: _Run) -> bool:
        """Add up what the connection counted; return whether it was of use."""
        with self._lock:
            counters, run.source = run.source.counters if run.source is not None else None, None
            if counters is None:
                return False
            self._tally.bytes += counters.bytes
            self._tally.unknown += counters.unknown
            self._tally.undecodable += counters.undecodable
            self._tally.framing_errors += counters.framing_errors
            self._tally.last_byte_at = counters.last_byte_at or self._tally.last_byte_at
            return counters.documents > 0

    def _wait(self, run: _Run, error: Exception, *, first: bool) -> None:
        (state, until), reason = _verdict(error), str(error)
        if not isinstance(error, CameraError):
            reason = f"{self._camera}: {self._source}: {type(error).__name__}: {error}"
            if reason != self._tally.last_error:
                _log.error("%s: %s failed in a way nobody foresaw", self._camera, self._source, exc_info=error)
        if until is None:
            slow = isinstance(error, Refused | Unsupported)
            until = self._clock() + timedelta(seconds=self._retry_seconds if slow else self._backoff.next())
        with self._lock:
            self._tally.reconnects += 1
            self._tally.last_error = reason
        # A camera that comes back with another password fails anew, and somebody has to do something about it.
        anew, self._failing = first or self._failing != state, state
        loud = anew and time.monotonic() - self._warned.get(state, float("-inf")) > _SAY_AGAIN
        if loud:
            self._warned[state] = time.monotonic()
        level = logging.WARNING if loud else logging.DEBUG
        _log.log(level, "%s (%s, next try at %s)", reason, self._source, until.isoformat(timespec="seconds"))
        self._change(run, state, reason, until)
        over = uptime() + (until - self._clock()).total_seconds()
        # In slices: a waiting thread's own clock stands still while the machine sleeps. Back by a day, the other one would cost that day.
        while not run.wake.is_set() and (left := min((until - self._clock()).total_seconds(), over - uptime())) > 0:
            run.wake.wait(min(left, 30.0))
        if run.leave():
            self._backoff.reset()
            self._change(run, "starting", None, None)


class _Tally:
    """What a SharedStream has counted on all connections before the present one."""

    def __init__(self, since: datetime) -> None:
        self.since = since
        self.events = self.reconnects = self.dropped = self.sink_errors = 0
        self.bytes = self.unknown = self.undecodable = self.framing_errors = 0
        self.last_byte_at: datetime | None = None
        self.last_event_at: datetime | None = None
        self.last_error: str | None = None


class _Run:
    """One reader thread's life. A new subscriber never waits for an old one that is still ending."""

    def __init__(self, read: Callable[[_Run], None], name: str) -> None:
        self.wake = threading.Event()
        self.ended = False
        self.source: LiveSource | None = None
        self._again = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=read, args=(self,), name=name, daemon=True)
        self._thread.start()

    def enter(self, source: LiveSource) -> None:
        with self._lock:
            self.source = source
            if self.ended or self._again:
                source.interrupt()

    def leave(self) -> bool:
        """Tell, once, whether it was asked to connect anew."""
        with self._lock:
            again, self._again = self._again and not self.ended, False
            return again

    def end(self, *, again: bool = False) -> None:
        with self._lock:
            self.ended = self.ended or not again
            self._again = again
            self.wake.set()
            if self.source is not None:
                self.source.interrupt()

    def join(self) -> None:
        # A connect in progress has its own short timeout and cannot be woken; then the thread ends by itself and tells nothing more.
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)


def _verdict(error: Exception) -> tuple[ConnectionState, datetime | None]:
    """Return the state an error means, and until when nothing is to be tried, where the error knows."""
    match error:
        case AuthBlocked(until=until):
            return "auth_blocked", until
        case Refused() | Unsupported() | BadAnswer() | DeviceError():
            return "error", None
        case CameraError():
            return "offline", None
    return "error", None
