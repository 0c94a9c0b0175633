"""Recordings that the vendor's library writes itself: SaveRealData (PS) and SaveRealData_V30 (MP4 under the name 3GPP) (hcnetsdk.md 7.7;
guide 4.3.2)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from nvr_hooks import HandleState, NvrError, RecordOptions, Unreachable, WrongUse

from ..wire import hcnetsdk as numbers
from .live import MUTE, STREAM, LiveView
from .session import SdkSession

Container = Literal["ps", "3gp"]
_3GPP = 2
_LONGEST_PATH = 255
_EMPTY = 40
"""Bytes of the header that a file without a picture has."""
_LOST = {numbers.EXCEPTION_EXCHANGE, numbers.EXCEPTION_PREVIEW}
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_PATIENCE = 3.0
_log = logging.getLogger(__name__)


class SdkRecording:
    """One recording (nvr_hooks.Recording) in a thread of its own. A loss ends a file; the next one is `-2`, `-3` … before the suffix.

    Made by start(), which returns when the camera sends.
    """

    def __init__(
        self, session: SdkSession, channel: int, target: Path, options: RecordOptions, container: Container
    ) -> None:
        if target.exists():
            raise WrongUse(f"{target} exists already: a recording replaces nothing")
        if len(str(target.absolute()).encode()) > _LONGEST_PATH - len(".part-999"):
            raise WrongUse(f"{target} is longer than the {_LONGEST_PATH} bytes the vendor library takes")
        for name in ("seconds", "segment_seconds"):
            value = getattr(options, name)
            if value is not None and not value > 0:
                raise WrongUse(f"{session.camera}: {name} must be above 0")
        self._session = session
        self._camera = session.camera
        self._channel = channel
        self._target = target.absolute()
        self._options = options
        self._container = container
        self._files: tuple[Path, ...] = ()
        self._number = 0
        self._until: float | None = None
        self._part: tuple[Path, Path] | None = None
        self._state: HandleState = "running"
        self._error: BaseException | None = None
        self._begun = threading.Event()
        self._ended = threading.Event()
        self._stop = threading.Event()
        self._view: LiveView | None = None
        self._lock = threading.Lock()
        self._at_end: list[Callable[[], object]] = []
        self._over_for_good = False
        self._thread = threading.Thread(target=self._run, name=f"{self._camera} recording", daemon=True)

    def start(self, deadline: float) -> Self:
        """Begin, and return when the camera sends; raise what keeps it from sending until time.monotonic() reaches `deadline`."""
        self._thread.start()
        if not self._begun.wait(max(0.0, deadline - time.monotonic())):
            self.close()
            raise Unreachable(f"{self._camera}: nothing came to be recorded", camera=self._camera)
        if self._state == "failed" and self._error is not None:
            raise self._error
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """Tell the complete files so far."""
        return self._files

    @property
    def state(self) -> HandleState:
        """Tell how it is doing."""
        return self._state

    @property
    def error(self) -> BaseException | None:
        """Tell why it failed."""
        return self._error

    def at_end(self, do: Callable[[], object]) -> None:
        """Call this when it is over; at once when it is over already."""
        with self._lock:
            if not self._over_for_good:
                self._at_end.append(do)
                return
        do()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is no longer running; return whether that is so. Seconds."""
        return self._ended.wait(timeout)

    def interrupt(self) -> None:
        """Begin to end, without waiting."""
        with self._lock:
            self._stop.set()
            if self._view is not None:
                self._view.inbox.close()

    def close(self) -> None:
        """End it as its owner; what is recorded is complete."""
        self.interrupt()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._record()
        except Exception as caught:  # noqa: BLE001 - it is told to the owner
            error = caught
        self._error = error
        self._state = "failed" if error is not None else "closed" if self._stop.is_set() else "done"
        with self._lock:
            self._over_for_good = True
        for do in self._at_end:
            do()
        self._begun.set()
        self._ended.set()

    def _record(self) -> None:
        """Record until the time is over, from connection to connection."""
        wait = _FIRST_WAIT
        while not self._over():
            try:
                self._connection()
            except Unreachable as error:
                if not self._begun.is_set():
                    raise
                _log.warning("%s; recording goes on in a new file", error)
                self._stop.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _over(self) -> bool:
        return self._stop.is_set() or (self._until is not None and time.monotonic() >= self._until)

    def _connection(self) -> None:
        """Record over one connection."""
        with LiveView(self._session, self._channel, self._options.profile) as view:
            with self._lock:
                self._view = view
                if self._stop.is_set():
                    return
            self._part = self._save(view)
            try:
                self._follow(view)
            except Unreachable:
                self._session.lost(view.login)
                raise
            finally:
                self._end(view)

    def _follow(self, view: LiveView) -> None:
        """Wait until it is over, with a new file for each segment; raise Unreachable when the live view is lost or falls silent."""
        segment = self._options.segment_seconds
        next_file = None if segment is None else time.monotonic() + segment
        silent_at = time.monotonic() + MUTE
        while not self._over():
            due = min(moment for moment in (self._until, next_file, silent_at) if moment is not None)
            item = view.inbox.get(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if view.inbox.closed:
                return
            if item is not None and item.exception and item.kind in _LOST:
                raise Unreachable(f"{self._camera}: the live view was lost", camera=self._camera)
            if item is not None and item.kind == STREAM:
                silent_at = now + MUTE
                if not self._begun.is_set():
                    self._until = None if self._options.seconds is None else now + self._options.seconds
                    self._begun.set()
            if now >= silent_at:
                raise Unreachable(f"{self._camera}: the live view fell silent", camera=self._camera)
            if next_file is not None and segment is not None and now >= next_file:
                before, self._part = self._part, self._save(view)  # which ends the file before (hcnetsdk.md 7.7)
                self._complete(before)
                next_file += segment

    def _save(self, view: LiveView) -> tuple[Path, Path]:
        """Let the library write into a new file; return the file and the name it gets when it is complete."""
        self._number += 1
        name = self._target
        if self._number > 1:
            name = name.with_name(f"{name.stem}-{self._number}{name.suffix}")
        part = name.with_name(f"{name.name}.part")
        if part.exists() or name.exists():
            raise WrongUse(f"{part if part.exists() else name} exists already: a recording replaces nothing")
        text = str(part).encode()
        library = view.login.library
        if self._container == "ps":
            library.call("SaveRealData", view.number, text, camera=self._camera, what=f"recording into {part}")
        else:
            library.call(
                "SaveRealData_V30", view.number, _3GPP, text, camera=self._camera, what=f"recording into {part}"
            )
        return part, name

    def _end(self, view: LiveView) -> None:
        with self._lock:
            self._view = None
        try:
            view.login.library.call("StopSaveRealData", view.number, camera=self._camera)
        except NvrError as error:
            _log.debug("%s", error)
        self._complete(self._part)

    def _complete(self, part: tuple[Path, Path] | None) -> None:
        if part is None:
            return
        file, name = part
        if not file.exists() or (file.stat().st_size <= _EMPTY and self._container == "ps"):
            file.unlink(missing_ok=True)
            return
        file.replace(name)
        self._files = (*self._files, name)
        _log.info("%s: recorded %s", self._camera, name)
