"""Recordings of the device over the vendor's library: search, playback, download (hcnetsdk.md 7.9; guide 5, 6).

After PlayBack… and GetFile… nothing flows until PlayBackControl(PLAYSTART) with the same handle. Times are the device's own wall clock.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

from nvr_hooks import DeviceError, RecordedFile, TimeSpan, Unreachable, WrongUse

from ..wire import hcnetsdk as numbers
from ..wire.hcnetsdk_archive import DeviceFile, file_condition, play_condition, read_file, vod_parameters
from ..wire.hcnetsdk_layouts import NET_DVR_FINDDATA_V40
from ..wire.video import CodedFrame
from .alarm_stream import Counters
from .inbox import Inbox
from .live import Silence, data_callback, decoded
from .session import Handle, Login, SdkSession

PLAYSTART = 1
FOUND, NOTHING, SEARCHING, NO_MORE = 1000, 1001, 1002, 1003
SEARCH_SECONDS = 30.0
"""How long a search may take from one recording to the next."""
SEARCH_PAUSE = 0.1
LOOK_SECONDS = 0.1
STUCK = 30.0
"""Seconds without progress, in percent and in bytes, after which a download is given up."""
MUTE = 8.0
"""Seconds without a byte after which a recording is taken for ended: not every device says that it is."""
_DONE, _NETWORK_TROUBLE = 100, 200
_LONGEST_PATH = 255
_LOST = {numbers.EXCEPTION_EXCHANGE: "its heartbeat was lost", numbers.EXCEPTION_PLAYBACK: "the playback was lost"}
_log = logging.getLogger(__name__)


class SdkArchive:
    """The recordings of one device. Thread-safe."""

    def __init__(self, session: SdkSession, zone: Callable[[], tzinfo | None]) -> None:
        self._session = session
        self._camera = session.camera
        self._zone = zone
        self._ended = threading.Event()

    def search(self, track: int, start: datetime, end: datetime) -> Iterator[RecordedFile]:
        """Yield what was recorded, in the device's order; raise Unsupported with ISAPI login."""
        login = self._session.private("the search of recordings")
        zone = self._zone()
        wanted = file_condition(track // 100, start, end, zone)
        number = self._session.call("FindFile_V40", ctypes.byref(wanted), what="the search of recordings", login=login)
        with self._session.open("find", login, number, "FindClose_V30") as handle:
            until = time.monotonic() + SEARCH_SECONDS
            while True:
                out = NET_DVR_FINDDATA_V40()
                state = login.library.call("FindNextFile_V40", handle.number, ctypes.byref(out), camera=self._camera)
                if state == FOUND:
                    yield self._recorded(read_file(bytes(out)), track, zone)
                    until = time.monotonic() + SEARCH_SECONDS
                elif state == SEARCHING:
                    if time.monotonic() > until:
                        text = f"{self._camera}: the search of recordings: no answer for {SEARCH_SECONDS:g} s"
                        raise Unreachable(text, camera=self._camera)
                    if self._ended.wait(SEARCH_PAUSE):
                        raise Unreachable(
                            f"{self._camera}: ended while recordings were searched for", camera=self._camera
                        )
                elif state in (NOTHING, NO_MORE):
                    return
                else:
                    text = f"{self._camera}: the search of recordings failed in the device (state {state})"
                    raise DeviceError(text, camera=self._camera)

    def playback(self, track: int, what: RecordedFile | TimeSpan) -> SdkPlayback:
        """Return one playback: by name where the recording has one (guide 5.3.2), else by time (guide 5.3.1)."""
        return SdkPlayback(self._session, track, what, self._zone())

    def transfer(self, track: int, what: RecordedFile | TimeSpan) -> SdkTransfer:
        """Return one download: by name where the recording has one (guide 6.3.2), else by time (guide 6.3.1)."""
        return SdkTransfer(self._session, track, what, self._zone())

    def end(self) -> None:
        """Let nobody wait any more."""
        self._ended.set()

    def _recorded(self, found: DeviceFile, track: int, zone: tzinfo | None) -> RecordedFile:
        return RecordedFile(
            camera=self._camera,
            channel=track // 100,
            track=track,
            start=found.start(zone),
            end=found.end(zone),
            name=found.name,
            size=found.size or None,
            kind=found.kind,
            locked=found.locked,
        )


class SdkPlayback:
    """One playback (transport.VideoSource): the device's end of it is the end of the recording."""

    def __init__(self, session: SdkSession, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> None:
        self._session = session
        self._camera = session.camera
        self._track = track
        self._what = what
        self._zone = zone
        self._inbox = Inbox()
        self.ending = ""
        self.fell_silent = False
        self.counters = Counters()

    def frames(self) -> Generator[CodedFrame, None, None]:
        """Connect and yield pictures; end where the recording ends, or after interrupt(). Raises what the library names."""
        if self._inbox.closed:
            return
        by_name = isinstance(self._what, RecordedFile) and bool(self._what.name)
        what = "playback by name" if by_name else "playback"
        login = self._session.private(what) if by_name else self._session.login()
        callback = data_callback(self._inbox)
        login.library.watch(login.user, self._inbox)
        try:
            with self._session.open("play", login, self._begin(by_name, login), "StopPlayBack") as handle:
                camera, library = self._camera, login.library
                library.call("SetPlayDataCallBack_V40", handle.number, callback, None, camera=camera)
                library.call(
                    "PlayBackControl_V40", handle.number, PLAYSTART, None, 0, None, None, camera=camera, what=what
                )
                try:
                    over = yield from decoded(self._inbox, self.counters, camera, what, handle.number, _LOST, MUTE)
                except Silence:
                    self.fell_silent = True
                    self.ending = "nothing came any more"
                else:
                    self.ending = "the device has ended it" if over else ""
        finally:
            login.library.unwatch(login.user, self._inbox)

    def interrupt(self) -> None:
        """End frames() from any thread, at once; also before it began."""
        self._inbox.close()

    def _begin(self, by_name: bool, login: Login) -> int:
        wanted = self._what
        if by_name and isinstance(wanted, RecordedFile) and wanted.name is not None:
            name = wanted.name.encode()
            return self._session.call("PlayBackByName", name, 0, what=f"playback of {wanted.name}", login=login)
        channel, stream = self._track // 100, self._track % 100 - 1
        parameters = vod_parameters(channel, stream, wanted.start, wanted.end, self._zone)
        return self._session.call("PlayBackByTime_V40", ctypes.byref(parameters), what="playback by time", login=login)


class SdkTransfer:
    """One recording, or span of time, on its way into a file (transport.Transfer)."""

    def __init__(self, session: SdkSession, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> None:
        self._session = session
        self._camera = session.camera
        self._track = track
        self._what = what
        self._zone = zone
        self._stop = threading.Event()
        self.percent: int | None = None
        """How far the library says it is."""

    def run(self, part: Path, moved: Callable[[int], object]) -> int:
        """Bring it whole into `part` and return its size; `moved` is told how many bytes are there. It begins anew each time.

        Raises Unreachable on network trouble and when nothing moves any more, and what the library names.
        """
        path = str(part.absolute()).encode()
        if len(path) > _LONGEST_PATH:
            raise WrongUse(f"{part} is longer than the {_LONGEST_PATH} bytes the vendor library takes")
        by_name = isinstance(self._what, RecordedFile) and bool(self._what.name)
        what = "the download by name" if by_name else "the download by time"
        login = self._session.private(what) if by_name else self._session.login()
        with self._session.open("play", login, self._begin(path, by_name, login), "StopGetFile") as handle:
            library = login.library
            library.call(
                "PlayBackControl_V40", handle.number, PLAYSTART, None, 0, None, None, camera=self._camera, what=what
            )
            self._follow(handle, part, moved, what)
        size = part.stat().st_size
        moved(size)
        return size

    def interrupt(self) -> None:
        """End run() from any thread, at once; also before it began."""
        self._stop.set()

    def _begin(self, path: bytes, by_name: bool, login: Login) -> int:
        wanted = self._what
        if by_name and isinstance(wanted, RecordedFile) and wanted.name is not None:
            return self._session.call(
                "GetFileByName", wanted.name.encode(), path, what=f"the download of {wanted.name}"
            )
        condition = play_condition(self._track // 100, self._track % 100 - 1, wanted.start, wanted.end, self._zone)
        return self._session.call(
            "GetFileByTime_V40", path, ctypes.byref(condition), what="the download by time", login=login
        )

    def _follow(self, handle: Handle, part: Path, moved: Callable[[int], object], what: str) -> None:
        last, since = (-1, -1), time.monotonic()
        while True:
            percent = handle.login.library.call("GetDownloadPos", handle.number, camera=self._camera, what=what)
            size = part.stat().st_size
            self.percent = percent
            if percent == _DONE:
                return
            if percent == _NETWORK_TROUBLE:
                raise Unreachable(f"{self._camera}: {what}: network trouble after {size} bytes", camera=self._camera)
            moved(size)
            if (percent, size) != last:
                last, since = (percent, size), time.monotonic()
            elif time.monotonic() - since > STUCK:
                raise Unreachable(f"{self._camera}: {what}: nothing moved for {STUCK:g} s", camera=self._camera)
            if self._stop.wait(LOOK_SECONDS):
                raise Unreachable(f"{self._camera}: {what}: ended", camera=self._camera)
