"""One camera's live temperatures and burning spots for all who watch: the first source that tells them, and the next when it falls silent.

Sources are tried in the order realtime, metadata, poll, frame. One the device does not support gives way to the next at once; one that has
told nothing for a while (5 s, or what its own rhythm takes) gets the next beside it, until it has told again for as long. Watchers see one stream of
readings: while a better source is fresh, nothing of a worse one comes through.

The metadata track alone tells burning spots, so it is connected whenever anybody watches or `attend` says that somebody listens to
alarms, whatever else tells temperatures. Where the owner has not asked for it, it is only tried: a camera without it, or without a way
to it, is no fault, and is asked again much later or when it has come back (`look_again`). One that was there and is lost is connected anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from nvr_hooks import (
    CameraError,
    ConnectionChanged,
    Event,
    FireAlarm,
    FireTarget,
    Health,
    OtherMetadata,
    Sink,
    Source,
    TemperatureReading,
    Unsupported,
    WrongUse,
    now,
)

from .deliveries import Deliveries, Delivery
from .merge import FreshestReadings
from .transport import MetadataUse, TemperatureSource
from .tried_source import TriedSource
from .worker import LiveSource, SharedStream

RETIRE_AFTER = timedelta(seconds=10)
"""How long a rule is not told, while others of its preset are, before it is retired."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    """What one source does."""

    stream: SharedStream
    holding: Delivery
    """Keeps the stream connected."""
    told_at: float
    """When it told a reading last, or was started; monotonic seconds."""
    telling_since: float | None = None
    """Since when none of its readings has come after the one before was stale."""

    def unsettled(self, fresh_for: float) -> bool:
        """Whether it tells again, but not yet for as long as a reading is fresh."""
        return self.telling_since is not None and self.told_at - self.telling_since < fresh_for


class Thermometry:
    """The temperatures of one camera. Thread-safe; connects while anybody watches.

    `open` makes a source for one connection. `fresh_for` names the sources to use, best first, with the seconds each is fresh after a
    reading; `metadata` says what metadata is used for beside. `offered` is told, in a reader's thread, whether the device supports a
    source, whenever that becomes known. `alarm` is told, in a reader's thread and while somebody listens, the fires in metadata as alarms,
    and how the metadata track does.
    """

    def __init__(
        self,
        camera: str,
        open: Callable[[TemperatureSource], LiveSource],
        deliveries: Deliveries,
        fresh_for: Mapping[TemperatureSource, float],
        *,
        metadata: MetadataUse = "unused",
        retry_seconds: float = 1800.0,
        offered: Callable[[TemperatureSource, bool], None] | None = None,
        alarm: Callable[[Event], object] | None = None,
    ) -> None:
        self._camera = camera
        self._open = open
        self._deliveries = deliveries
        self._fresh_for = dict(fresh_for)
        self._metadata = metadata
        self._retry_seconds = retry_seconds
        self._offered = offered or (lambda source, yes: None)
        self._alarm = alarm or (lambda event: None)
        self._lock = threading.Lock()
        """Of what follows; taken in readers' threads, so nothing is waited for with it."""
        self._watchers: tuple[Delivery, ...] = ()
        self._attended = False
        self._lanes: dict[TemperatureSource, _Lane] = {}
        self._states: dict[TemperatureSource, ConnectionChanged] = {}
        self._refused: dict[TemperatureSource, tuple[float, CameraError]] = {}
        self._proven = False
        """Whether the metadata track was there: from then on it is connected again like any other source when it is lost."""
        self._merge = self._new_merge()
        self._left = (0, 0)
        """Dropped events and errors of watchers that have left."""
        self._closed = False
        self._steering = threading.RLock()
        """Held while sources are started and stopped, which may wait for their threads."""
        self._nudges: Delivery | None = None
        """Brings the sources in order on a thread that may wait."""

    @property
    def connections(self) -> Sequence[ConnectionChanged]:
        """The present state of every source in use, and of those whose refusal leaves none."""
        with self._lock:
            return self._present()

    @property
    def metadata(self) -> ConnectionChanged | None:
        """The present state of the metadata track; None while it is not in use, or nobody knows yet whether there is one."""
        with self._lock:
            return next((state for state in self._present() if state.source == "metadata"), None)

    def watch(self, sink: Sink) -> Delivery:
        """Call `sink` with the present ConnectionChanged of every source in use, and then with every reading and change of state."""
        delivery = self._deliveries.open(sink, camera=self._camera, on_close=self._leave)
        with self._lock:
            if not (closed := self._closed):
                for state in self._present():
                    delivery.put(state)
                self._watchers += (delivery,)
        if closed:
            delivery.close()
            raise WrongUse(f"{self._camera}: its temperatures are closed")
        self._steer()
        return delivery

    def health(self) -> Sequence[Health]:
        """Tell how the sources in use are doing; what watchers did not take counts for the first."""
        with self._lock:
            streams = [
                lane.stream
                for source, lane in self._lanes.items()
                if source not in self._refused and self._matters(lane.stream.connection)
            ]
            failed = [self._states[source] for source in self._refused if self._states[source].state == "error"]
            dropped = self._left[0] + sum(watcher.dropped for watcher in self._watchers)
            errors = self._left[1] + sum(watcher.sink_errors for watcher in self._watchers)
        found = [stream.health() for stream in streams] + [
            Health(
                camera=self._camera,
                source=state.source,
                state="error",
                since=state.received_at,
                last_error=state.reason,
            )
            for state in failed
        ]
        return [replace(health, dropped=dropped, sink_errors=errors) for health in found[:1]] + found[1:]

    def attend(self, listened: bool) -> None:
        """Take word whether somebody listens to alarms."""
        with self._lock:
            self._attended = listened
        self._steer()

    def look_again(self) -> None:
        """Try again what could not be reached: the camera has come back. Waits for nothing."""
        with self._lock:
            for source, (_, error) in list(self._refused.items()):
                if not isinstance(error, Unsupported):
                    del self._refused[source]
        self._nudge(0.0)

    def reopen(
        self, fresh_for: Mapping[TemperatureSource, float], retry_seconds: float, metadata: MetadataUse = "unused"
    ) -> None:
        """Begin anew under the same watchers: the settings have changed."""
        with self._steering:
            self._stop(list(self._lanes))
            with self._lock:
                self._fresh_for = dict(fresh_for)
                self._metadata = metadata
                self._retry_seconds = retry_seconds
                self._refused.clear()
                self._states.clear()
                self._proven = False
                self._merge = self._new_merge()
            self._steer()

    def interrupt(self) -> None:
        """Begin to end, without waiting; close() does the rest."""
        with self._lock:
            streams = [lane.stream for lane in self._lanes.values()]
        for stream in streams:
            stream.interrupt()

    def close(self, *, removed: bool = False) -> None:
        """End the sources and all subscriptions within about a second; `removed` tells the watchers that the camera is gone."""
        with self._lock:
            self._closed = True
            watchers, self._watchers = self._watchers, ()
            sources = [state.source for state in self._present()] or ["realtime"]
        for watcher in watchers:
            for source in sources if removed else ():
                watcher.put(ConnectionChanged(camera=self._camera, source=source, state="removed"))
            watcher.finish()
        self.interrupt()
        with self._steering:
            self._stop(list(self._lanes))
            if self._nudges is not None:
                self._nudges.close()

    def _leave(self, delivery: Delivery) -> None:
        with self._lock:
            if delivery not in self._watchers:
                return
            self._watchers = tuple(other for other in self._watchers if other is not delivery)
            self._left = (self._left[0] + delivery.dropped, self._left[1] + delivery.sink_errors)
        self._steer()

    def _steer(self) -> None:
        """Start and stop sources until those run that are wanted, and look again when that may have changed."""
        with self._steering:
            with self._lock:
                wanted, due = self._wanted(time.monotonic())
                unwanted = [source for source in self._lanes if source not in wanted]
                missing = [source for source in wanted if source not in self._lanes]
            for source in missing:
                self._start(source)
            self._stop(unwanted)
            if due is not None:
                self._nudge(due)

    def _wanted(self, at: float) -> tuple[list[TemperatureSource], float | None]:
        """Return the sources that are to run, and when to look again."""
        if self._closed or not (self._watchers or self._attended):
            return [], None
        self._refused = {source: (until, error) for source, (until, error) in self._refused.items() if until > at}
        dues = [until for until, _ in self._refused.values()]
        wanted: list[TemperatureSource] = []
        for source, fresh_for in self._fresh_for.items() if self._watchers else ():
            if source in self._refused:
                continue
            wanted.append(source)
            lane = self._lanes.get(source)
            silent_at = (at if lane is None else lane.told_at) + fresh_for
            if silent_at <= at:
                continue
            dues.append(silent_at)
            # While it may fall silent again, the next one stays where it is.
            if lane is not None and lane.unsettled(fresh_for):
                wanted += [other for other in self._lanes if other not in wanted and other not in self._refused]
            break
        if self._metadata != "unused" and "metadata" not in (*wanted, *self._refused):
            wanted.append("metadata")
        return wanted, min(dues, default=None)

    def _start(self, source: TemperatureSource) -> None:
        stream = SharedStream(
            partial(self._tried, source),
            camera=self._camera,
            source=source,
            deliveries=self._deliveries,
            through=partial(self._take, source),
            retry_seconds=self._retry_seconds,
        )
        with self._lock:
            self._states[source] = stream.connection
            for watcher in self._watchers if self._matters(stream.connection) else ():
                watcher.put(stream.connection)
        holding = stream.subscribe(_nothing)
        with self._lock:
            self._lanes[source] = _Lane(stream, holding, time.monotonic())

    def _tried(self, source: TemperatureSource) -> TriedSource:
        tried = source == "metadata" and self._metadata == "tried" and not self._proven
        return TriedSource(partial(self._open, source), partial(self._refuse, source), tried=tried)

    def _stop(self, sources: Sequence[TemperatureSource]) -> None:
        for source in sources:
            self._lanes[source].stream.interrupt()
        for source in sources:
            lane = self._lanes[source]
            lane.stream.close()
            lane.holding.close()
            told = None
            with self._lock:
                del self._lanes[source]
                if source not in self._refused and self._states[source].state != "starting":
                    told = ConnectionChanged(camera=self._camera, source=source, state="starting")
                    self._tell_state(source, told)
            self._tell_listeners(source, told)

    def _refuse(self, source: TemperatureSource, error: CameraError) -> None:
        """The device does not tell temperatures this way: let the next source try; the last one tells it for all."""
        until = now() + timedelta(seconds=self._retry_seconds)
        told = None
        with self._lock:
            self._refused[source] = (time.monotonic() + self._retry_seconds, error)
            missed = source == "metadata" and self._metadata == "wanted"
            left = not missed and (
                source not in self._fresh_for or any(other not in self._refused for other in self._fresh_for)
            )
            reason = str(error)
            if not left and not missed:
                reasons = {other: str(self._refused[other][1]) for other in self._fresh_for}
                if len(set(reasons.values())) > 1:
                    reason = "; ".join(f"{other}: {why}" for other, why in reasons.items())
                reason = f"{self._camera}: tells no temperatures: {reason}"
            state = ConnectionChanged(camera=self._camera, source=source, state="error", reason=reason, retry_at=until)
            if not left or self._states[source].state != "starting":
                self._tell_state(source, told := state)
        self._tell_listeners(source, told)
        _log.log(logging.INFO if left else logging.WARNING, "%s", reason)
        if isinstance(error, Unsupported):
            self._offered(source, False)
        self._nudge(0.0)

    def _take(self, source: TemperatureSource, event: Event) -> None:
        """Take what a source tells, in its thread; watchers get it from here."""
        begins = settles = False
        with self._lock:
            lane = self._lanes.get(source)
            if isinstance(event, TemperatureReading):
                if source not in self._fresh_for:
                    return
                at = time.monotonic()
                if lane is not None:
                    begins = lane.telling_since is None
                    if begins or at - lane.told_at >= self._fresh_for.get(source, 0.0):
                        lane.telling_since = at
                        settles = len(self._lanes) > 1
                    lane.told_at = at
                for told in self._merge.take(event):
                    for watcher in self._watchers:
                        watcher.put(told)
            elif isinstance(event, ConnectionChanged):
                self._tell_state(source, event)
                begins = source == "metadata" and event.state == "online"
                self._proven = self._proven or begins
            elif isinstance(event, FireTarget | OtherMetadata):
                for watcher in self._watchers:
                    watcher.put(event)
        if isinstance(event, FireAlarm | ConnectionChanged):
            self._tell_listeners(source, event)
        if begins:
            self._offered(source, True)
        if settles:
            self._nudge(0.0)

    def _tell_listeners(self, source: TemperatureSource, event: Event | None) -> None:
        """Tell those who listen to alarms; without the lock, for they have one of their own."""
        if event is not None and source == "metadata" and self._attended:
            self._alarm(event)

    def _tell_state(self, source: TemperatureSource, state: ConnectionChanged) -> None:
        self._states[source] = state
        for watcher in self._watchers:
            watcher.put(state)

    def _present(self) -> list[ConnectionChanged]:
        return [
            state
            for source, state in self._states.items()
            if state.state == "error" or (source in self._lanes and self._matters(state))
        ]

    def _matters(self, state: ConnectionChanged) -> bool:
        """Tell whether a state is anybody's business: a source that is only tried may not be there at all."""
        return not (state.state == "starting" and state.source == "metadata" and self._metadata == "tried")

    def _nudge(self, when: float) -> None:
        """Let the sources be brought in order at that time."""
        with self._lock:
            if self._closed or not (self._watchers or self._attended):
                return
            if self._nudges is None:
                self._nudges = self._deliveries.open(lambda _: self._steer(), camera=self._camera)
            nudges = self._nudges
        nudges.put_at(_NUDGE, when)

    def _new_merge(self) -> FreshestReadings:
        fresh_for: dict[Source, timedelta] = {
            source: timedelta(seconds=seconds) for source, seconds in self._fresh_for.items()
        }
        return FreshestReadings(fresh_for, max([RETIRE_AFTER, *(2 * span for span in fresh_for.values())]))


_NUDGE = Event()


def _nothing(event: Event) -> None:
    """Every event is taken by `through` before it gets here, but for the first state."""
