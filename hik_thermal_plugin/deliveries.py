"""Carry events to sinks: each subscription has a queue of its own and is served by whichever of a few shared threads is free.

A subscription is a strand: its sink is called for one event at a time and in order, but by no particular thread. Threads are added only
while sinks hold them up, so that a thousand subscriptions do not mean a thousand threads, and one sink that hangs delays no other.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from nvr_hooks import Event, HandleState, Sink, WrongUse

QUEUE = 10_000
"""Events that wait for one sink before the oldest are dropped."""
HANGING = 30.0
"""Seconds in one call after which a sink is counted and reported as hanging."""
_PATIENCE = 0.9  # seconds a close() waits for a sink that is being called
_DRAIN = 0.4  # seconds the end of all waits for sinks to take what is left, and again for the threads to end
_STUCK = (
    0.05  # seconds in one call after which a thread no longer counts as free; on a full machine a call can take 20 ms
)
_BATCH = 16  # events of one subscription in a row, before others have their turn
_FREE = 4  # threads kept free of stuck sinks
_IDLE = 10.0  # seconds after which a thread without work ends
_log = logging.getLogger(__name__)


class Delivery:
    """A subscription (nvr_hooks.Subscription). Thread-safe; made by Deliveries.open."""

    def __init__(
        self,
        deliveries: Deliveries,
        sink: Sink,
        camera: str,
        limit: int,
        on_close: Callable[[Delivery], None] | None,
    ) -> None:
        self.sink_errors = 0
        """Times the sink raised or hung."""
        self._deliveries = deliveries
        self._sink = sink
        self._camera = camera
        self._on_close = on_close
        self._queue: deque[Event] = deque()
        self._limit = limit
        self._dropped = 0
        self._lock = threading.Lock()
        self._state: HandleState = "running"
        self._finishing = False
        self._scheduled = False
        self._caller: int | None = None  # the thread that is in the sink
        self._called_at = 0.0
        self._hanging = False
        self._complaints: set[str] = set()
        # Made for those who wait, because there are few and an Event has a kilobyte.
        self._returned: threading.Event | None = None
        self._ended: threading.Event | None = None

    @property
    def state(self) -> HandleState:
        """`running`, `closed` by its owner, or `done` when its source was removed."""
        return self._state

    @property
    def error(self) -> BaseException | None:
        """None: a subscription outlives every error of its source, which is told as ConnectionChanged."""
        return None

    @property
    def dropped(self) -> int:
        """How many events the sink did not take in time: the oldest of more than 10,000 waiting ones."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """How many events were told that the sink has not taken yet, the one it is being called with among them."""
        with self._lock:
            return len(self._queue) + (self._caller is not None)

    def put(self, event: Event) -> bool:
        """Let the sink be called with the event; never waits. Return whether it has room: False when ended, or when another had to go."""
        slow = hanging = False
        with self._lock:
            if self._state != "running" or self._finishing:
                return False
            if len(self._queue) >= self._limit:
                self._queue.popleft()
                self._dropped += 1
                slow = True
            self._queue.append(event)
            scheduled, self._scheduled = self._scheduled, True
            if scheduled:
                hanging = self._note_hanging()
        if not scheduled:
            self._deliveries.schedule(self)
        if hanging:
            self._complain(f"a sink did not return within {HANGING:.0f} s; only it is held up")
        if slow:
            self._complain(f"a sink is too slow: {self._limit} events wait for it, the oldest are dropped")
        return not slow

    def put_at(self, event: Event, when: float) -> None:
        """Let the sink be called with the event when time.monotonic() reaches `when`; of several such events only the earliest counts."""
        self._deliveries.remember(self, event, when)

    def finish(self, *, at_once: bool = False) -> None:
        """End as `done` from the source's side, after the sink was called with what is waiting unless `at_once`."""
        with self._lock:
            self._finishing = True
            if at_once or not self._scheduled:
                self._end("done")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is no longer running; return whether that is so. Seconds."""
        with self._lock:
            if self._state != "running":
                return True
            self._ended = ended = self._ended or threading.Event()
        return ended.wait(timeout)

    def close(self) -> None:
        """End it. The sink is not called again; a call that is going on is waited for less than a second, and not from inside it."""
        with self._lock:
            was_running = self._state == "running"
            self._end("closed")
            returned = None
            if self._caller not in (None, threading.get_ident()):
                self._returned = returned = self._returned or threading.Event()
        if was_running and self._on_close is not None:
            self._on_close(self)
        if returned is not None:
            returned.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def turn(self) -> bool:
        """Call the sink with the next event, in a thread of Deliveries; return whether there is more to do."""
        with self._lock:
            if not self._queue:
                return self._rest()
            event = self._queue.popleft()
            self._caller = threading.get_ident()
            self._called_at = time.monotonic()
            self._hanging = False
        try:
            self._sink(event)
        except BaseException:  # noqa: BLE001 - SystemExit too: a sink ends nobody's thread
            self.sink_errors += 1
            self._complain("a sink raised; it gets the following events all the same", trace=True)
        with self._lock:
            self._note_hanging()
            self._caller = None
            if self._returned is not None:
                self._returned.set()
            return bool(self._queue) or self._rest()

    def _rest(self) -> bool:
        self._scheduled = False
        if self._finishing:
            self._end("done")
        return False

    def _end(self, state: HandleState) -> None:
        if self._state == "running":
            self._state = state
            self._queue.clear()
            if self._ended is not None:
                self._ended.set()
            self._deliveries.forget(self)

    def _note_hanging(self) -> bool:
        if self._caller is None or self._hanging or time.monotonic() - self._called_at < HANGING:
            return False
        self._hanging = True
        self.sink_errors += 1
        return True

    def _complain(self, text: str, *, trace: bool = False) -> None:
        level = logging.DEBUG if text in self._complaints else logging.WARNING
        self._complaints.add(text)
        _log.log(level, "%s: %s", self._camera, text, exc_info=trace)


class Deliveries:
    """The threads that call sinks, shared by all subscriptions of a host. Close it last."""

    def __init__(self) -> None:
        self._ready: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: set[Delivery] = set()
        self._threads: tuple[_Thread, ...] = ()
        self._closing = False
        self._closed = threading.Event()
        self._behind = threading.Event()  # something is ready and no thread was seen free
        self._watch: threading.Thread | None = None
        self._later: dict[Delivery, tuple[float, Event]] = {}

    def open(
        self,
        sink: Sink,
        *,
        camera: str,
        limit: int = QUEUE,
        on_close: Callable[[Delivery], None] | None = None,
    ) -> Delivery:
        """Return a new subscription of `sink`; `on_close` is called once when its owner closes it."""
        delivery = Delivery(self, sink, camera, limit, on_close)
        with self._lock:
            if self._closing:
                raise WrongUse(f"{camera}: everything is closed")
            self._open.add(delivery)
            if self._watch is None:
                self._watch = threading.Thread(target=self._keep_free, name="deliveries watch", daemon=True)
                self._watch.start()
        return delivery

    def close(self) -> None:
        """End every subscription after what it still has waiting, and the threads, within a second; one in a hanging sink ends with the call."""
        with self._lock:
            self._closing = True
            open_ = list(self._open)
        deadline = time.monotonic() + _DRAIN
        for delivery in open_:
            delivery.finish()
        for delivery in open_:
            delivery.wait(max(0.0, deadline - time.monotonic()))
            delivery.finish(at_once=True)
        self._closed.set()
        self._behind.set()
        with self._lock:
            threads, watch = self._threads, self._watch
        for _ in threads:
            self._ready.put(None)
        deadline = time.monotonic() + _DRAIN
        for thread in (watch, *threads):
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def schedule(self, delivery: Delivery) -> None:
        """Give the delivery a turn as soon as a thread is free."""
        self._ready.put(delivery)
        if not self._behind.is_set() and all(thread.busy_since is not None for thread in self._threads):
            self._behind.set()

    def remember(self, delivery: Delivery, event: Event, when: float) -> None:
        """Put the event into the delivery at that time, unless something is due earlier."""
        with self._lock:
            if delivery not in self._open or (delivery in self._later and self._later[delivery][0] <= when):
                return
            self._later[delivery] = (when, event)
        self._behind.set()  # who waits for it has to look anew how long

    def forget(self, delivery: Delivery) -> None:
        """The delivery has ended."""
        with self._lock:
            self._open.discard(delivery)
            self._later.pop(delivery, None)

    def _put_due(self) -> float | None:
        """Put what is due; return after how many seconds there is more, None when nothing waits for its time."""
        if not self._later:
            return None
        present = time.monotonic()
        with self._lock:
            due = [(delivery, event) for delivery, (when, event) in self._later.items() if when <= present]
            for delivery, _ in due:
                del self._later[delivery]
            earliest = min((when for when, _ in self._later.values()), default=None)
        for delivery, event in due:
            delivery.put(event)
        return None if earliest is None else earliest - present

    def _keep_free(self) -> None:
        while not self._closed.is_set():
            self._behind.wait(self._put_due())
            self._behind.clear()
            while self._ready.qsize() and not self._closed.is_set():
                self._put_due()
                now = time.monotonic()
                threads = self._threads
                stuck = sum(since is not None and now - since > _STUCK for since in (t.busy_since for t in threads))
                # In proportion to those that are stuck: when a hundred sinks hang at once, the hundred-first is served within some 250 ms.
                for _ in range(max(_FREE, stuck // 2) - (len(threads) - stuck)):
                    self._add_thread()
                self._closed.wait(_STUCK)

    def _add_thread(self) -> None:
        with self._lock:
            if not self._closed.is_set():
                thread = _Thread(target=self._serve, name="deliveries", daemon=True)
                self._threads += (thread,)
                thread.start()

    def _serve(self) -> None:
        me = threading.current_thread()
        assert isinstance(me, _Thread)
        try:
            while (delivery := self._ready.get(timeout=_IDLE)) is not None:
                me.busy_since = time.monotonic()
                if self._ready.qsize() and not self._behind.is_set():
                    self._behind.set()  # schedule() may have seen us free after we took this one
                for _ in range(_BATCH):
                    if not (more := delivery.turn()):
                        break
                    me.busy_since = time.monotonic()
                if more:
                    self._ready.put(delivery)
                me.busy_since = None
        except queue.Empty:
            pass
        with self._lock:
            self._threads = tuple(thread for thread in self._threads if thread is not me)
        if self._ready.qsize():
            self._behind.set()  # schedule() may have counted on us


class _Thread(threading.Thread):
    busy_since: float | None = None
