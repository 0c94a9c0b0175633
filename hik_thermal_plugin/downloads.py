"""Downloads that go on after their hook has returned.

By name the bytes are the camera's own, and the fraction is exact; by time see span_downloads. One camera does one transfer at a time:
`Turns` lets the others wait.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod
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
from .media.pictures import Picture
from .media.recordings import recorded_pictures
from .media.streams import Drain, Playback
from .transport import Transfer

TELL_SECONDS = 0.1
LOOK_SECONDS = 0.1
BUSY_PAUSES = (0.2, 1.0, 5.0)
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

    def span_transfer(self, track: int, span: TimeSpan) -> Transfer | None:
        """Return the transfer of a span in one piece; None where the camera makes none."""

    def play(self, track: int, span: TimeSpan | RecordedFile, drain: Drain) -> Playback:
        """Play a span, or a recording by its name, back into a drain."""


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
        self._playback: Playback | None = None
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
        if (playback := self._playback) is not None:
            playback.interrupt()

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

    @abstractmethod
    def _bring(self) -> None:
        """Bring it and complete the target."""

    @abstractmethod
    def _kept(self) -> str:
        """Let go of what there is, and say for people what is kept."""

    def _clean(self) -> None:
        """Leave nothing behind after an end without a word, as when the owner closes it."""
        with suppress(OSError):
            self._target.drop()

    def _receive(self, what: RecordedFile | Transfer, part: Path, moved: Callable[[int], object]) -> int:
        """Run one transfer."""
        self._transfer = self._recordings.transfer(what) if isinstance(what, RecordedFile) else what
        if self._stopping:
            self._transfer.interrupt()
        try:
            return self._transfer.run(part, moved)
        finally:
            self._transfer = None

    def _played(self, what: TimeSpan | RecordedFile, track: int, drain: Drain) -> None:
        """Play something back into a drain, to its end."""
        for pause in (*BUSY_PAUSES, None):
            try:
                playback = self._recordings.play(track, what, drain)
                break
            except Busy:  # it may still be busy with what was played just now
                if pause is None or self._stop.wait(pause):
                    raise
        self._playback = playback
        try:
            if self._stopping:
                playback.interrupt()
            while not playback.wait(LOOK_SECONDS):
                pass
        finally:
            playback.close()
            self._playback = None
        if playback.error is not None:
            raise playback.error

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
        size = self._brought() if self._container is None else self._converted(self._container)
        if self._stopping:
            return
        self._target.complete()
        self._tell(Progress(bytes=size, fraction=1.0))

    def _brought(self) -> int:
        return self._receive(self._file, self._source, self._moved)

    def _converted(self, container: Container) -> int:
        """Bring it and put its pictures into the container; where it may not be downloaded it is played back by its name."""
        joint = Joint(self._target.part, container, self._camera)
        try:
            joint.begin(self._file.start)
            self._source.touch()
            try:
                size = self._brought()
            except (NoPermission, Unsupported) as error:
                _log.info("%s: %s is played back instead of downloaded: %s", self._camera, self._file.name, error)
                drain = _Joined(joint, self._moved)
                self._played(self._file, self._file.track, drain)
                size = drain.size
            else:
                for picture in recorded_pictures(self._source, self._camera):
                    if self._stopping:
                        return size
                    joint.put(picture)
            if not self._stopping:
                joint.finish()
            return size
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


class _Joined:
    """Pictures that are played back, on their way into a joint."""

    def __init__(self, joint: Joint, moved: Callable[[int], object]) -> None:
        self.size = 0
        self._joint = joint
        self._moved = moved

    def write(self, picture: Picture) -> None:
        """Take one picture."""
        self._joint.put(picture)
        self.size += len(picture.data)
        self._moved(self.size)

    def finish(self) -> None:
        """Nothing to do: the joint is completed by its owner."""

    def abandon(self) -> None:
        """Nothing to do: so it is let go of."""


class PresentFile(Job):
    """A download that is done before it began: the recording is there."""

    def __init__(self, camera: str, path: Path, size: int) -> None:
        super().__init__(f"{camera} download")
        self.path = path
        self.progress = Progress(bytes=size, fraction=1.0)
        self.span: TimeSpan | None = None
        self.gaps: tuple[TimeSpan, ...] = ()
        self._finish("done", None)

    def _work(self) -> None:
        """Nothing to do: it is not started."""


def beside(target: Path) -> Path:
    """Return where recordings lie until they are joined."""
    return target.with_name(f"{target.name}.recording.part")
