"""MPEG program streams for hosts that want bytes: what the vendor's library delivers for live view and playback (guide 4.3.1, 5.3)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Protocol

from nvr_hooks import BadAnswer, ByteSink, HandleState, Unreachable

from .containers import check_codec
from .inbox import Inbox
from .job import Job
from .mpeg_ps import ProgramStream
from .pictures import CodedFrame, Picture, Timeline

NEARLY = 2.0
"""Seconds before its end at which a recording that falls silent counts as played: the last picture may be that old."""
_log = logging.getLogger(__name__)


class Source(Protocol):
    """A recording that is played back (transport.VideoSource)."""

    @property
    def ending(self) -> str: ...
    @property
    def fell_silent(self) -> bool: ...
    def frames(self) -> Generator[CodedFrame, None, None]: ...
    def interrupt(self) -> None: ...


class Drain(Protocol):
    """Where pictures go."""

    def write(self, picture: Picture) -> None:
        """Take one picture."""

    def finish(self) -> object:
        """Complete it."""

    def abandon(self) -> object:
        """Let go of what will not be complete."""


class ByteDrain:
    """Pictures as program-stream bytes into a sink. A sink that raises is counted and reported once; it gets what follows all the same."""

    def __init__(self, sink: ByteSink, camera: str) -> None:
        self.sink_errors = 0
        self._sink = sink
        self._camera = camera
        self._stream: ProgramStream | None = None
        self._first: Picture | None = None

    def write(self, picture: Picture) -> None:
        """Send one picture; with new parameters a new stream begins, whose times go on."""
        if self._stream is None or picture.starts:
            if not picture.key:
                return
            check_codec(picture.codec, self._camera)
            self.finish()
            if self._first is None:
                self._first = picture
            begin_at = max(0.0, picture.time - self._first.time)
            self._stream = ProgramStream(self._send, picture, begin_at=begin_at)
        self._stream.write(picture)

    def finish(self) -> None:
        """Send what is left."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.close()

    def abandon(self) -> None:
        """Send what is left: a sink has no other end."""
        self.finish()

    def _send(self, data: bytes) -> None:
        try:
            self._sink(data)
        except Exception:  # noqa: BLE001 - a sink ends nobody's stream
            self.sink_errors += 1
            level = logging.WARNING if self.sink_errors == 1 else logging.DEBUG
            _log.log(
                level, "%s: a sink of bytes raised; it gets what follows all the same", self._camera, exc_info=True
            )


class LiveBytes(Job):
    """Live pictures into a sink of bytes, in a thread of its own: one that blocks delays nobody else."""

    def __init__(self, camera: str, sink: ByteSink) -> None:
        super().__init__(f"{camera} bytes")
        self._drain = ByteDrain(sink, camera)
        self._inbox = Inbox(f"{camera}: a sink of bytes")

    @property
    def dropped(self) -> int:
        """Tell how many pictures the sink did not take in time."""
        return self._inbox.dropped

    def put(self, picture: Picture) -> None:
        """Take one picture; never waits."""
        self._inbox.put(picture)

    def lost(self) -> None:
        """Learn of a lost connection: the next picture begins anew by itself."""
        self._inbox.lost()

    def _wake(self) -> None:
        self._inbox.hurry()

    def _work(self) -> None:
        try:
            while not self._stopping:
                for picture in self._inbox.take(None):
                    if picture is None:
                        self._drain.finish()
                    else:
                        self._drain.write(picture)
                    if self._stopping:
                        break
        finally:
            self._drain.finish()


class Playback(Job):
    """A recording of the camera into a drain. Ends on its own clock after `seconds` of stream time, or where the device ends it.

    A device that only falls silent is believed near the end; elsewhere the playback has failed.
    """

    def __init__(
        self,
        camera: str,
        source: Source,
        drain: Drain,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(f"{camera} playback")
        self.stream_time = 0.0
        """Seconds of the recording so far."""
        self._camera = camera
        self._source = source
        self._drain = drain
        self._seconds = seconds
        self._clock = clock
        self._began = False
        self._settled = threading.Event()

    def begin(self, timeout: float) -> None:
        """Start, and return when pictures come; raise what keeps them from coming within `timeout` seconds."""
        self.start()
        if not self._settled.wait(timeout):
            self.close()
            raise Unreachable(f"{self._camera}: playback: no picture within {timeout:g} s", camera=self._camera)
        if self._state == "failed" and self._error is not None and not self._began:
            raise self._error

    def _wake(self) -> None:
        self._source.interrupt()

    def _work(self) -> None:
        try:
            self._play()
        except BaseException:
            self._drain.abandon()
            raise
        self._drain.finish()

    def _finish(self, state: HandleState, error: BaseException | None) -> None:
        super()._finish(state, error)
        self._settled.set()

    def _play(self) -> None:
        timeline = Timeline(live=False)
        first: float | None = None
        with closing(self._source.frames()) as frames:
            for frame in frames:
                for picture in timeline.place(frame, self._clock()):
                    first = picture.time if first is None else first
                    if picture.time - first >= self._seconds - 0.001:
                        return
                    self._write(picture, picture.time - first)
            for picture in timeline.rest():
                first = picture.time if first is None else first
                self._write(picture, picture.time - first)
        if self._stopping:
            return
        ending = self._source.ending
        if first is None:
            raise Unreachable(f"{self._camera}: playback: no picture came ({ending})", camera=self._camera)
        if self._source.fell_silent and self.stream_time < self._seconds - NEARLY:
            raise Unreachable(
                f"{self._camera}: playback: {ending}, after {self.stream_time:.1f} of {self._seconds:.1f} s",
                camera=self._camera,
            )

    def _write(self, picture: Picture, stream_time: float) -> None:
        try:
            self._drain.write(picture)
        except BadAnswer:
            if self._began:
                raise
            return  # a broken picture in front of the first whole one
        if not self._began:
            self._began = True
            self._settled.set()
        self.stream_time = max(self.stream_time, stream_time)
