"""Live view over the vendor's library: RealPlay_V40, its bytes as coded pictures, and its own recording of them
(hcnetsdk.md 7.7; guide 4.3.1, 4.3.2)."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from nvr_hooks import BadAnswer, Unreachable, Unsupported

from ..wire import hcnetsdk as numbers
from ..wire.hcnetsdk_layouts import NET_DVR_PREVIEWINFO
from ..wire.program_streams import ProgramStreamReader
from ..wire.video import CodedFrame
from .alarm_stream import Counters
from .inbox import Inbox, Item, arrived
from .library import check_pointer
from .prototypes import DataCallback
from .session import Handle, Login, SdkSession

STREAMS = {"main": 0, "sub": 1, "third": 2}
SYSHEAD, STREAM, END = 1, 2, 12
MUTE = 30.0
"""Seconds without a byte after which live video is begun anew."""
_LOST = {numbers.EXCEPTION_EXCHANGE: "its heartbeat was lost", numbers.EXCEPTION_PREVIEW: "the live view was lost"}
_MOST = 4 << 20
_log = logging.getLogger(__name__)


class LiveView:
    """One live view, a context manager: connected when it is made, its bytes in `inbox`. Nothing is decoded without a window."""

    def __init__(self, session: SdkSession, channel: int, profile: str, *, window: int = 0) -> None:
        if profile not in STREAMS:
            text = f"{session.camera}: the vendor library has the streams {', '.join(STREAMS)}, no {profile}"
            raise Unsupported(text, camera=session.camera)
        self.inbox = Inbox()
        self.login: Login = session.login()
        # Held until the view is closed: the library calls it until then.
        self._callback = data_callback(self.inbox)
        info = NET_DVR_PREVIEWINFO(lChannel=channel, dwStreamType=STREAMS[profile], hPlayWnd=window, bBlocked=1)
        self.login.library.watch(self.login.user, self.inbox)
        try:
            self.number = session.call(
                "RealPlay_V40",
                ctypes.byref(info),
                self._callback,
                None,
                what=f"live video of channel {channel} ({profile})",
                login=self.login,
            )
            self._handle: Handle = session.open("preview", self.login, self.number, "StopRealPlay")
        except BaseException:
            self.login.library.unwatch(self.login.user, self.inbox)
            raise

    def close(self) -> None:
        """Stop it; nothing calls back any more afterwards."""
        self.inbox.close()
        self._handle.close()
        self.login.library.unwatch(self.login.user, self.inbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SdkVideo:
    """One connection of live video (transport.VideoSource)."""

    ending = ""
    fell_silent = False

    def __init__(self, session: SdkSession, channel: int, profile: str) -> None:
        self._session = session
        self._camera = session.camera
        self._channel = channel
        self._profile = profile
        self._end = Inbox()
        self._inbox: Inbox | None = None
        self.counters = Counters()

    def frames(self) -> Generator[CodedFrame, None, None]:
        """Connect and yield pictures; end after interrupt(). Raises Unreachable when live video is lost, and what RealPlay_V40 names."""
        if self._end.closed:
            return
        with LiveView(self._session, self._channel, self._profile) as view:
            self._inbox = view.inbox
            if self._end.closed:
                return
            try:
                yield from decoded(view.inbox, self.counters, self._camera, "live video", view.number, _LOST, MUTE)
            except Unreachable:
                self._session.lost(view.login)
                raise

    def interrupt(self) -> None:
        """End frames() from any thread, at once; also before it began."""
        self._end.close()
        if self._inbox is not None:
            self._inbox.close()


def decoded(
    inbox: Inbox, counters: Counters, camera: str, what: str, handle: int, lost: dict[int, str], mute: float
) -> Generator[CodedFrame, None, bool]:
    """Yield the pictures in what comes, until the library says that it is over, or the inbox is closed; return whether it said so.

    Raises Unreachable after an exception named in `lost` and when nothing comes for `mute` seconds.
    """
    reader = ProgramStreamReader()
    try:
        while (item := inbox.get(mute)) is not None:
            if item.exception:
                about = int.from_bytes(item.data, "little", signed=True)
                if item.kind in lost and (item.kind == numbers.EXCEPTION_EXCHANGE or about in (handle, -1)):
                    raise Unreachable(f"{camera}: {what}: {lost[item.kind]}", camera=camera)
                continue
            if item.kind == END:
                yield from reader.close()
                return True
            if item.kind != STREAM:
                continue
            counters.bytes += len(item.data)
            counters.last_byte_at = datetime.fromtimestamp(item.at, UTC)
            for frame in reader.feed(item.data):
                counters.documents += 1
                yield frame
            counters.undecodable, counters.framing_errors = reader.damaged, reader.skipped
    except (BadAnswer, Unsupported) as error:
        raise type(error)(f"{camera}: {what}: {error}", camera=camera) from error
    if not inbox.closed:
        raise Silence(f"{camera}: {what}: nothing came for {mute:g} s", camera=camera)
    return False


class Silence(Unreachable):
    """Nothing came any more, without a word."""


def _into(inbox: Inbox) -> Callable[..., None]:
    """Return a callback that copies what it is given into an inbox."""

    def copy(_handle: int, kind: int, data: int | None, length: int, _user: int | None) -> None:
        try:
            body = ctypes.string_at(data, min(length, _MOST)) if length and check_pointer(data) and data else b""
            inbox.put(Item(kind, body, at=arrived()))
        except BaseException:  # noqa: BLE001 - what a callback raises would be lost
            inbox.dropped += 1

    return copy


def data_callback(inbox: Inbox) -> Any:
    """Return the callback as the library takes it; to be held as long as it may call it."""
    return DataCallback(_into(inbox))
