"""Downloads that go on after their hook has returned.

By name the bytes are the camera's own, and the fraction is exact; by time see span_downloads. One camera does one transfer at a time:
`Turns` lets the others wait.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol
from weakref import WeakValueDictionary

from nvr_hooks import (
    BadAnswer,
    Busy,
    DeviceError,
    DownloadOptions,
    NoPermission,
    NvrError,
    Progress,
    ProgressSink,
    RecordedFile,
    TimeSpan,
    Unreachable,
    Unsupported,
)

from .download_target import DownloadTarget
from .media.job import Job
from .media.joining import Joint
from .media.recordings import recorded_pictures
from .media.streams import Drain, Playback
from .transport import Transfer

TELL_SECONDS = 0.1
LOOK_SECONDS = 0.1
WAIT_SECONDS = 5.0
"""Between two looks whether a recording is still being written."""
Container = Literal["mp4", "mkv", "ps"]
_log = logging.getLogger(__name__)


class Recordings(Protocol):
    """What downloads need of the camera."""

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the transfer of a recording."""

    def look_again(self, file: RecordedFile) -> RecordedFile:
        """Return what the camera says of this recording now."""

    def covering(self, track: int, span: TimeSpan) -> Sequence[RecordedFile] | None:
        """Return the recordings of a span in time order; None where the camera cannot be searched."""

    def play(self, track: int, span: TimeSpan, drain: Drain) -> Playback:
        """Play a span back into a drain."""


_TURNS: WeakValueDictionary[str, Turns] = WeakValueDictionary()
_TURNS_LOCK = threading.Lock()


def turns_at(url: str) -> Turns:
    """Return the turns of a device: channels of a recorder may be configured as cameras of their own."""
    with _TURNS_LOCK:
        found = _TURNS.get(url)
        if found is None:
            found = _TURNS[url] = Turns()
        return found


class Turns:
    """Who is next at a device. Jobs wait without a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._active: Job | None = None

    def take(self, job: Job) -> None:
        """Start the job when it is its turn."""
        job.at_end(lambda: self._over(job))
        with self._lock:
            self._waiting.append(job)
        self._advance()

    def _advance(self) -> None:
        with self._lock:
            if self._active is not None or not self._waiting:
                return
            job = self._active = self._waiting.popleft()
        job.start()
        if job.state != "running":  # closed by its owner just now
            self._over(job)

    def _over(self, job: Job) -> None:
        with self._lock:
            if job in self._waiting:
                self._waiting.remove(job)
            if self._active is job:
                self._active = None
        self._advance()


class DownloadJob(Job):
    """What both kinds share: the target, the progress, and what is left when it goes wrong (nvr_hooks.Download)."""

    def __init__(
        self, camera: str, recordings: Recordings, target: DownloadTarget, progress: ProgressSink | None
    ) -> None:
        super().__init__(f"{camera} download")
        self._camera = camera
        self._recordings = recordings
        self._target = target
        self._sink = progress
        self._sink_errors = 0
        self._told_at = 0.0
        self._progress = Progress(bytes=0)
        self._transfer: Transfer | None = None
        self._stop = threading.Event()
        self.at_end(self._clean)

    @property
    def progress(self) -> Progress:
        """Tell how far it is."""
        return self._progress

    @property
    def path(self) -> Path:
        """Tell where the file is, or will be."""
        return self._target.path

    @property
    def span(self) -> TimeSpan | None:
        """Tell the real first and last time, by time only."""
        return None

    @property
    def gaps(self) -> tuple[TimeSpan, ...]:
        """Tell what the recordings did not cover, by time only."""
        return ()

    def _wake(self) -> None:
        self._stop.set()
        if (transfer := self._transfer) is not None:
            transfer.interrupt()

    def _work(self) -> None:
        if self._stopping:
            return
        try:
            self._bring()
        except Exception as error:
            if self._stopping:
                return  # it was ended: what came of that is no news
            if isinstance(error, OSError):
                text = f"{self._camera}: cannot write {self._target.path}: {error.strerror or error}"
                raise NvrError(f"{text}{self._kept()}") from error
            if type(error) in (Unreachable, Busy, DeviceError, BadAnswer, Unsupported, NoPermission):
                raise type(error)(f"{error}{self._kept()}", camera=self._camera) from error  # type: ignore[call-arg]
            if isinstance(error, NvrError):
                self._kept()
            raise
        self._tell(self._progress, at_once=True)

    def _bring(self) -> None:
        """Bring it and complete the target."""
        raise NotImplementedError

    def _kept(self) -> str:
        """Let go of what there is, and say for people what is kept."""
        raise NotImplementedError

    def _clean(self) -> None:
        """Leave nothing behind after an end without a word, as when the owner closes it."""
        with suppress(OSError):
            self._target.drop()

    def _receive(self, file: RecordedFile, part: Path, moved: Callable[[int], object]) -> int:
        """Run one transfer."""
        self._transfer = self._recordings.transfer(file)
        if self._stopping:
            self._transfer.interrupt()
        try:
            return self._transfer.run(part, moved)
        finally:
            self._transfer = None

    def _settled(self, file: RecordedFile) -> RecordedFile:
        """Return the recording once the camera no longer writes it."""
        while file.still_recording and not self._stop.wait(WAIT_SECONDS):
            file = self._recordings.look_again(file)
        return file

    def _tell(self, progress: Progress, *, at_once: bool = False) -> None:
        self._progress = progress
        if self._sink is None or not (at_once or time.monotonic() - self._told_at >= TELL_SECONDS):
            return
        try:
            self._sink(progress)
        except Exception:  # noqa: BLE001 - whoever looks on ends no download
            self._sink_errors += 1
            level = logging.WARNING if self._sink_errors == 1 else logging.DEBUG
            _log.log(level, "%s: a progress callback raised", self._camera, exc_info=True)
        self._told_at = time.monotonic()


class FileDownload(DownloadJob):
    """One recording by name. Without a container the file is the camera's own bytes."""

    def __init__(
        self,
        camera: str,
        recordings: Recordings,
        file: RecordedFile,
        target: Path,
        options: DownloadOptions,
        progress: ProgressSink | None = None,
    ) -> None:
        container = options.container
        super().__init__(
            camera,
            recordings,
            DownloadTarget(target, overwrite=options.overwrite, goes_on=container is None),
            progress,
        )
        self._file = file
        self._container = container
        self._source = self._target.part if container is None else beside(target)
        self._progress = Progress(bytes=0, fraction=0.0)

    def _bring(self) -> None:
        self._file = self._settled(self._file)
        if self._stopping:
            return
        if self._container is not None:
            self._source.touch()
        size = self._receive(self._file, self._source, self._moved)
        if self._container is not None:
            self._convert(self._container)
            if self._stopping:
                return
        self._target.complete()
        self._tell(Progress(bytes=size, fraction=1.0))

    def _convert(self, container: Container) -> None:
        joint = Joint(self._target.part, container, self._camera)
        try:
            joint.begin(self._file.start)
            for picture in recorded_pictures(self._source, self._camera):
                if self._stopping:
                    return
                joint.put(picture)
            joint.finish()
        finally:
            joint.abandon()

    def _moved(self, size: int) -> None:
        announced = self._file.size
        fraction = None if not announced else min(1.0, size / announced)
        self._tell(Progress(bytes=size, fraction=fraction))

    def _kept(self) -> str:
        if self._source != self._target.part:
            return ""
        size = self._target.kept()
        self._target.leave()
        return f"; {size} bytes are kept in {self._target.part}" if size else ""

    def _clean(self) -> None:
        super()._clean()
        if self._source != self._target.part:
            self._source.unlink(missing_ok=True)


class PresentFile(Job):
    """A download that is done before it began: the recording is there."""

    def __init__(self, camera: str, path: Path, size: int) -> None:
        super().__init__(f"{camera} download")
        self.path = path
        self.progress = Progress(bytes=size, fraction=1.0)
        self.span: TimeSpan | None = None
        self.gaps: tuple[TimeSpan, ...] = ()
        self._finish("done", None)


def beside(target: Path) -> Path:
    """Return where recordings lie until they are joined."""
    return target.with_name(f"{target.name}.recording.part")
