"""Long connections of the vendor's library: StartRemoteConfig and what it calls back with (hcnetsdk.md 5, 7.4)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from nvr_hooks import CameraError, DeviceError, Unreachable

from ..wire import hcnetsdk as numbers
from .faults import NOT_SUPPORTED, error_of, number_of
from .inbox import Inbox, Item, arrived
from .library import check_pointer
from .prototypes import RemoteCallback
from .session import Handle, Login, SdkSession

STATUS, DATA = 0, 2
_FINISHED, _FAILED, _LINK_LOST = 1000, 1002, 1003
_PARAMETER = 17
_MOST = 1 << 20


class LongConnection:
    """One long connection, a context manager. `items()` are the data; what the device has to say of the connection is told as it is due."""

    def __init__(self, session: SdkSession, command: int, condition: Any, what: str) -> None:
        self._session = session
        self._camera = session.camera
        self._command = command
        self._condition = condition
        self._what = what
        self._handle: Handle | None = None
        self._login: Login | None = None
        self.inbox = Inbox()
        # Held until the handle is closed: the library calls it until then.
        self._callback = RemoteCallback(self._on_data)

    def open(self, deadline: float | None = None) -> Login:
        """Connect, and return the login; raise Unsupported with the reason where ISAPI login, or the device, has no such thing."""
        login = self._session.private(self._what, deadline)
        login.library.watch(login.user, self.inbox)
        self._login = login
        try:
            number = self._start(login)
        except DeviceError as error:
            if number_of(error) != _PARAMETER or self._condition.byMode == 0:
                raise
            self._condition.byMode = 0  # as older devices want it (hcnetsdk.md 7.4)
            number = self._start(login)
        if login.isapi:
            # 0, which is a handle elsewhere, with error 23 (hcnetsdk.md 7.4): a device may take private login for ISAPI.
            raise error_of(NOT_SUPPORTED, self._camera, self._what)
        self._handle = self._session.open("remote", login, number, "StopRemoteConfig")
        return login

    def _start(self, login: Login) -> int:
        return self._session.call(
            "StartRemoteConfig",
            self._command,
            ctypes.byref(self._condition),
            ctypes.sizeof(self._condition),
            self._callback,
            None,
            what=self._what,
            login=login,
        )

    def items(self, timeout: float | None = None) -> Iterator[Item | None]:
        """Yield data as it comes, None where nothing came for `timeout` seconds; end when the inbox was closed or the device has finished.

        Raises Unreachable when the link was lost, and what error the device names when it failed.
        """
        while not self.inbox.closed:
            item = self.inbox.get(timeout)
            if item is None:
                if not self.inbox.closed:
                    yield None
            elif item.exception:
                if item.kind == numbers.EXCEPTION_EXCHANGE:
                    raise self._lost("its heartbeat was lost")
            elif item.kind == DATA:
                yield item
            elif item.kind == STATUS and self._ends(item.data):
                return

    def close(self) -> None:
        """Stop it; nothing calls back any more afterwards. May be called twice."""
        self.inbox.close()
        if self._handle is not None:
            self._handle.close()
        if self._login is not None:
            self._login.library.unwatch(self._login.user, self.inbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ends(self, data: bytes) -> bool:
        status = int.from_bytes(data[:4], "little")
        if status == _FAILED and len(data) >= 8:
            raise error_of(int.from_bytes(data[4:8], "little"), self._camera, self._what)
        if status == _FAILED:
            raise DeviceError(f"{self._camera}: {self._what} failed; the device gives no reason", camera=self._camera)
        if status == _LINK_LOST:
            raise self._lost("the link was lost")
        return status == _FINISHED

    def _lost(self, why: str) -> CameraError:
        if self._login is not None:
            self._session.lost(self._login)
        return Unreachable(f"{self._camera}: {self._what}: {why}", camera=self._camera)

    def _on_data(self, kind: int, data: int | None, length: int, _user: int | None) -> None:
        try:
            if check_pointer(data) and data is not None:
                self.inbox.put(Item(kind, ctypes.string_at(data, min(length, _MOST)), at=arrived()))
            elif kind == STATUS:
                # The status itself in the place of its address, as some session types have it.
                self.inbox.put(Item(kind, (data or 0).to_bytes(4, "little"), at=arrived()))
        except BaseException:  # noqa: BLE001 - what a callback raises would be lost
            self.inbox.dropped += 1
