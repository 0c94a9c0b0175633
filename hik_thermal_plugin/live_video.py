"""Live video of one stream, shared by all who want it: one connection to the camera, and the last seconds for those who come later."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Protocol, cast

from nvr_hooks import CameraError, ConnectionChanged, Event, Source, Unreachable, WrongUse

from .deliveries import Deliveries, Delivery
from .media.pictures import Picture, Timeline
from .transport import VideoSource
from .worker import Backoff, SharedStream, SourceCounters

MOST_KEPT_BYTES = 64 * 1024 * 1024
"""Of the seconds kept for later recordings, per stream."""
RETRY_SECONDS = 60.0
"""After an answer that waiting may change, like a stream that a restarting camera does not have yet; the login budget sees to refusals."""


class Tap(Protocol):
    """Somebody who takes live pictures; both methods return at once."""

    def put(self, picture: Picture) -> None:
        """Take one picture."""

    def lost(self) -> None:
        """Learn that the connection was lost: nothing that follows belongs to what came before."""


class LiveVideo:
    """One stream of one camera. Thread-safe: connects with the first tap, lets go with the last.

    `open` makes a source for one connection; `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        open: Callable[[], VideoSource],
        *,
        camera: str,
        name: str,
        deliveries: Deliveries,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = camera
        self._name = name
        self._clock = clock
        self._changed = threading.Condition()
        self._taps: tuple[Tap, ...] = ()
        self._keepers: list[float] = []
        self._kept: deque[list[Picture]] = deque()
        self._kept_bytes = 0
        self._pump: _Pump | None = None
        self._playing = False
        self._error: Exception | None = None
        self._failures = 0
        self._delivery: Delivery | None = None
        self._closed = False
        # The state of a shared picture is told to nobody, so the name stands for a source that no event has.
        self._stream = SharedStream(
            lambda: _Pump(self, open()),
            camera=camera,
            source=cast(Source, name),
            deliveries=deliveries,
            backoff=Backoff(cap=30.0),
            retry_seconds=RETRY_SECONDS,
        )

    def attach(self, tap: Tap, *, timeout: float, pre_roll: float = 0.0, keep: float = 0.0) -> None:
        """Let the tap have the pictures from now on, and as many of the `pre_roll` seconds before as are kept.

        Waits at most `timeout` seconds for the first connection and raises why there is none. `keep`: from now on, until this tap is
        detached, the last so many seconds are kept for others to come.
        """
        with self._changed:
            if self._closed:
                raise WrongUse(f"{self._camera}: {self._name} is closed")
            for picture in self._before(self._clock() - pre_roll) if pre_roll else ():
                tap.put(picture)
            self._taps += (tap,)
            if keep:
                self._keepers.append(keep)
            if self._delivery is None:
                self._delivery = self._stream.subscribe(_nothing)
            failures = self._failures
            self._changed.wait_for(lambda: self._playing or self._failures > failures or self._closed, timeout)
            error = None if self._playing and not self._closed else self._error or self._silence(timeout)
        if error is not None:
            self.detach(tap, keep=keep)
            raise error

    def detach(self, tap: Tap, *, keep: float = 0.0) -> None:
        """Let the tap have nothing more; `keep` as it was attached with."""
        delivery = None
        with self._changed:
            if tap not in self._taps:
                return
            self._taps = tuple(other for other in self._taps if other is not tap)
            if keep:
                self._keepers.remove(keep)
                self._forget()
            if not self._taps:
                delivery, self._delivery = self._delivery, None
        if delivery is not None:
            delivery.close()

    def reopen(self) -> None:
        """Connect anew, with other settings."""
        self._stream.reopen()

    def interrupt(self) -> None:
        """Begin to end, without waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._stream.interrupt()

    def close(self) -> None:
        """End the connection; taps get nothing more."""
        self.interrupt()
        self._stream.close()

    # -- called by the pump, in the reader's thread ---------------------------------------------------------------------

    def connecting(self, pump: _Pump) -> None:
        """A new connection counts from now on, whatever an old one that is still ending does."""
        with self._changed:
            self._pump = pump
            self._playing = False

    def began(self, pump: _Pump) -> None:
        """The camera sends."""
        with self._changed:
            if self._pump is not pump:
                return
            self._playing = True
            self._error = None
            self._changed.notify_all()

    def ended(self, pump: _Pump, error: Exception | None) -> None:
        """The connection is over."""
        with self._changed:
            if self._pump is not pump:
                return
            self._playing = False
            self._error = error
            self._failures += 1
            taps = self._taps
            self._changed.notify_all()
        for tap in taps:
            tap.lost()

    def take(self, pump: _Pump, pictures: list[Picture]) -> None:
        """Hand pictures on."""
        with self._changed:
            if self._pump is not pump:
                return
            for picture in pictures:
                if self._keepers:
                    self._keep(picture)
                for tap in self._taps:
                    tap.put(picture)

    def _keep(self, picture: Picture) -> None:
        if picture.key:
            self._kept.append([])
        if not self._kept:
            return
        self._kept[-1].append(picture)
        self._kept_bytes += len(picture.data)
        oldest = picture.time - max(self._keepers)
        while len(self._kept) > 1 and (self._kept[1][0].time <= oldest or self._kept_bytes > MOST_KEPT_BYTES):
            self._kept_bytes -= sum(len(kept.data) for kept in self._kept.popleft())

    def _forget(self) -> None:
        if not self._keepers:
            self._kept.clear()
            self._kept_bytes = 0

    def _before(self, since: float) -> list[Picture]:
        """Return what is kept from the last key picture before `since` on."""
        groups = list(self._kept)
        while len(groups) > 1 and groups[1][0].time <= since:
            groups.pop(0)
        return [picture for group in groups for picture in group]

    def _silence(self, timeout: float) -> CameraError:
        if self._closed:
            return Unreachable(f"{self._camera}: {self._name}: its connections are closed", camera=self._camera)
        return Unreachable(f"{self._camera}: {self._name}: no picture within {timeout:g} s", camera=self._camera)


class _Pump:
    """One connection as a source of SharedStream (worker.LiveSource): pictures go to the taps, only the connection is an event."""

    def __init__(self, video: LiveVideo, source: VideoSource) -> None:
        self._video = video
        self._source = source

    @property
    def counters(self) -> SourceCounters:
        """What was counted so far."""
        return self._source.counters

    def events(self) -> Generator[Event, None, None]:
        """Hand on pictures until the connection is over."""
        video, timeline = self._video, Timeline()
        error: Exception | None = None
        video.connecting(self)
        try:
            with closing(self._source.frames()) as frames:
                for number, frame in enumerate(frames):
                    if number == 0:
                        video.began(self)
                        yield ConnectionChanged(state="online")
                    if pictures := timeline.place(frame, video._clock()):
                        video.take(self, pictures)
                if pictures := timeline.rest():
                    video.take(self, pictures)
        except Exception as caught:
            error = caught
            raise
        finally:
            video.ended(self, error)

    def interrupt(self) -> None:
        """End events() from any thread."""
        self._source.interrupt()


def _nothing(event: Event) -> None:
    """Be the subscriber whose being there keeps the connection."""
