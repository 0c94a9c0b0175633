"""Live video into files, as the camera coded it: segments on key pictures, a new file after a loss, seconds from before the call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nvr_hooks import BadAnswer, NvrError, RecordOptions, Unreachable, WrongUse

from .clip import Clip
from .containers import check_container
from .inbox import Inbox
from .job import Job
from .pictures import CLOCK, Picture

GRACE = 5.0
"""Seconds a recording that is over by the clock waits for its last pictures."""
LINGER = 0.2
_log = logging.getLogger(__name__)


class Change(Protocol):
    """Makes other pictures of pictures: draws into them."""

    def change(self, picture: Picture) -> list[Picture]:
        """Take a picture and return those that are ready."""

    def rest(self) -> list[Picture]:
        """Return what is left; what comes then begins anew."""

    def close(self) -> None:
        """Let go of what it holds."""


class Recorder(Job):
    """One recording (nvr_hooks.Recording): pictures are `put`, files come out.

    The first file is `target`; the following ones, after a loss or a segment's end, get `-2`, `-3` … before the suffix. `seconds` count
    from the first recorded picture after the call. Raises WrongUse or Unsupported for what cannot be recorded into, before anything is connected.
    """

    def __init__(
        self,
        camera: str,
        target: Path,
        options: RecordOptions,
        *,
        change: Change | None = None,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(options, camera)
        super().__init__(f"{camera} recording")
        self._camera = camera
        self._options = options
        self._target = target
        self._change = change
        self._timeout = timeout
        self._clock = clock
        self._inbox = Inbox(f"{camera}: the recording into {target.name}", linger=LINGER)
        self._files: tuple[Path, ...] = ()
        self._numbers = 1
        self._asked_at = clock()
        self._live_since: float | None = None
        self._counted_from = (0.0, 0)
        """Seconds that had passed at a picture, and its time in the stream: within a connection the stream's own time counts."""
        self._over = False
        self._clip: Clip | None = Clip(target, options.container, camera)

    @property
    def files(self) -> tuple[Path, ...]:
        """Tell the complete files so far."""
        return self._files

    @property
    def dropped(self) -> int:
        """Tell how many pictures the disk did not take in time."""
        return self._inbox.dropped

    def put(self, picture: Picture) -> None:
        """Take one picture; never waits."""
        self._inbox.put(picture)

    def lost(self) -> None:
        """End the present file: the camera is away."""
        self._inbox.lost()

    def discard(self) -> None:
        """Take everything back before it was started."""
        self.close()
        if self._clip is not None:
            self._clip.abandon()

    def _wake(self) -> None:
        self._inbox.hurry()

    def _work(self) -> None:
        try:
            while not (self._over or self._stopping):
                found = self._inbox.take(self._wait())
                if not found and self._late():
                    break
                for picture in found:
                    self._take(picture)
                    if self._over:
                        break
            if self._stopping:
                for picture in self._inbox.take(0):
                    self._take(picture)
            self._end_file()
        except OSError as error:
            raise NvrError(self._broken(error)) from error
        except BaseException:
            if self._clip is not None:
                self._clip.abandon()
            raise
        finally:
            if self._change is not None:
                self._change.close()
        if not self._files and not self._stopping:
            raise Unreachable(f"{self._camera}: no picture came to be recorded", camera=self._camera)

    def _take(self, picture: Picture | None) -> None:
        if picture is None:
            self._end_file()
        elif self._change is None:
            self._write(picture)
        else:
            if picture.starts:
                self._end_file()
            for changed in self._change.change(picture):
                self._write(changed)

    def _write(self, picture: Picture) -> None:
        clip = self._clip
        if not picture.key and (clip is None or clip.first is None):
            return
        if self._ends_before(picture):
            self._over = True
            return
        if clip is not None and clip.first is not None and (picture.starts or self._next_segment(clip.first, picture)):
            self._complete(clip)
            clip = None
        if clip is None:
            clip = self._clip = Clip(self._next_name(), self._options.container, self._camera)
        try:
            clip.write(picture)
        except BadAnswer as error:
            if clip.first is not None:
                raise
            _log.warning("%s; the recording begins with the next one", error)

    def _ends_before(self, picture: Picture) -> bool:
        if self._options.seconds is None:
            return False
        if self._live_since is None:
            if picture.time < self._asked_at:
                return False  # from before the call
            self._live_since = picture.time
            self._counted_from = (0.0, picture.pts)
        elif picture.starts:
            self._counted_from = (picture.time - self._live_since, picture.pts)
        before, pts = self._counted_from
        return before + (picture.pts - pts) / CLOCK >= self._options.seconds - 0.001

    def _next_segment(self, first: Picture, picture: Picture) -> bool:
        seconds = self._options.segment_seconds
        return seconds is not None and picture.key and (picture.pts - first.pts) / CLOCK >= seconds - 0.001

    def _end_file(self) -> None:
        if self._change is not None:
            for picture in self._change.rest():
                self._write(picture)
        if self._clip is not None and (self._clip.first is not None or self._over or self._stopping or self._late()):
            self._complete(self._clip)

    def _complete(self, clip: Clip) -> None:
        self._clip = None
        try:
            done = clip.finish()
        except BaseException:
            self._clip = clip
            raise
        if done is not None:
            self._files = (*self._files, done)
            _log.info("%s: recorded %s (%d pictures)", self._camera, done, clip.pictures)

    def _next_name(self) -> Path:
        while True:
            self._numbers += 1
            name = self._target.with_name(f"{self._target.stem}-{self._numbers}{self._target.suffix}")
            if not name.exists() and not name.with_name(f"{name.name}.part").exists():
                return name

    def _wait(self) -> float | None:
        """Return how long pictures may be waited for; None for ever."""
        end = self._latest()
        return None if end is None else max(0.0, end - self._clock())

    def _late(self) -> bool:
        end = self._latest()
        return end is not None and self._clock() >= end

    def _latest(self) -> float | None:
        """Return when it ends even if nothing comes any more."""
        if self._options.seconds is None:
            return None
        since = self._live_since if self._live_since is not None else self._asked_at + self._timeout
        return since + self._options.seconds + GRACE

    def _broken(self, error: OSError) -> str:
        clip, self._clip = self._clip, None
        part = clip.abandon() if clip is not None else None
        kept = f"; what was recorded is in {part}" if part is not None else ""
        return f"{self._camera}: cannot record into {self._target}: {error.strerror or error}{kept}"


def _check(options: RecordOptions, camera: str) -> None:
    check_container(options.container, camera)
    for name in ("seconds", "segment_seconds"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise WrongUse(f"{camera}: {name} must be above 0")
    if not options.pre_roll_seconds >= 0:
        raise WrongUse(f"{camera}: pre_roll_seconds must not be below 0")
