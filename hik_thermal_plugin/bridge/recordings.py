"""What the command `record` makes: files in one folder, no more of them than it may hold."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from nvr_hooks import Busy, CameraInfo, NvrError, Recording, RecordOptions, Unsupported, now
from pydantic import Field

from .actions import Arguments, checked
from .messages import Document, segment

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Recordings at a time: each holds a thread of the pool that other commands need too."""
GRACE_SECONDS: Final = 30.0
"""For a camera to begin and a disk to end."""


class RecordArguments(Arguments):
    """What `record/set` takes."""

    seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    container: Literal["mp4", "mkv", "ps"] = "mp4"
    pre_roll: Annotated[float, Field(ge=0, le=60)] = 0.0
    overlay: bool = False


class Recordings:
    """Thread-safe. `max_size` bytes are kept in the folder; the oldest go first."""

    def __init__(self, hooks: Any, folder: Path, max_size: int) -> None:
        self._hooks = hooks
        self._folder = folder
        self._max_size = max_size
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._open: set[Recording] = set()
        self._closed = False

    def make(self, info: CameraInfo, channel: int, arguments: Mapping[str, Any]) -> Document:
        """Record as the arguments want it and return what became of it, when it is complete; raise NvrError when nothing did."""
        wanted = checked(RecordArguments, arguments)
        if not self._room.acquire(blocking=False):
            raise Busy(f"{info.name}: {AT_ONCE} recordings are being made already: try again later", camera=info.name)
        try:
            return self._made(info, channel, wanted)
        finally:
            self._room.release()
            self._tidy()

    def close(self) -> None:
        """Complete what is being recorded."""
        with self._lock:
            self._closed = True
            recordings = list(self._open)
        for recording in recordings:
            recording.close()

    def _made(self, info: CameraInfo, channel: int, wanted: RecordArguments) -> Document:
        folder = self._folder / segment(info.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NvrError(f"{info.name}: cannot record into {folder}: {error.strerror}") from error
        options = RecordOptions(
            container=wanted.container,
            seconds=wanted.seconds,
            pre_roll_seconds=wanted.pre_roll,
            overlay=wanted.overlay,
        )
        target = folder / f"{now():%Y%m%dT%H%M%S.%f}Z_{channel}.{wanted.container}"
        recording = self._hooks.nvr_record(camera=info.name, channel=channel, target=target, options=options)
        if recording is None:
            raise Unsupported(f"{info.name}: no plugin records it", camera=info.name)
        with recording:
            with self._lock:
                if not self._closed:
                    self._open.add(recording)
            if not self._closed:
                recording.wait(wanted.seconds + GRACE_SECONDS)
        with self._lock:
            self._open.discard(recording)
        if recording.error is not None:
            raise NvrError(str(recording.error)) from recording.error
        files = [str(path) for path in recording.files]
        return {"files": files, "bytes": sum(Path(path).stat().st_size for path in files), "seconds": wanted.seconds}

    def _tidy(self) -> None:
        with self._lock:
            found = sorted(
                (path.stat().st_mtime, path.stat().st_size, path)
                for path in self._folder.glob("*/*Z_*.*")
                if path.is_file()
            )
            total = sum(size for _, size, _ in found)
            for _, size, path in found:
                if total <= self._max_size or path.suffix == ".part":
                    continue
                path.unlink(missing_ok=True)
                total -= size
                log.info("the recording %s had to make room", path)
