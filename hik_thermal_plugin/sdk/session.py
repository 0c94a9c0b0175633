"""One login to one device, shared by all that is done there (hcnetsdk.md 7.3, 7.4, 8, 10).

The login is made when it is first needed, within the budget that all ways to the device share, and made anew when the device was lost.
Whatever is opened on it is a `Handle`: it is closed once, from whichever side that comes, before the login is given up.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from nvr_hooks import Busy, NvrError, Unreachable, Unsupported, WrongUse

from ..login import LoginBudget
from ..wire.hcnetsdk import words
from ..wire.hcnetsdk_layouts import NET_DVR_DEVICEINFO_V40, NET_DVR_USER_LOGIN_INFO
from .faults import LOCKED, NO_SUCH_USER, NOT_LOGGED_IN, WRONG_PASSWORD, number_of
from .library import Library, open_library

LoginMode = Literal["private", "isapi"]
HandleKind = Literal["remote", "preview", "play", "find", "alarm"]
_ORDER: tuple[HandleKind, ...] = ("remote", "preview", "play", "find", "alarm")
"""In which handles are closed at the end (hcnetsdk.md 10)."""
_PATIENCE = 0.9
"""Seconds a close() waits for a login that is under way: it then ends by itself."""
_LOST = frozenset({7, 8, 9, NOT_LOGGED_IN, 73})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where and how to log in. `timeout` in seconds."""

    path: Path | None
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    mode: LoginMode = "private"
    tls: bool = False
    timeout: float = 10.0


class Login:
    """One login. `lost` once the device was: what is open on it is still to be closed."""

    def __init__(self, library: Library, user: int, info: Any) -> None:
        self.library = library
        self.user = user
        self.lost = False
        self.isapi = info.byLoginMode == 1
        self.encoding: int = info.byCharEncodeType
        self.serial_number: bytes = bytes(info.struDeviceV30.sSerialNumber)
        self.serial = words(self.serial_number)
        self.channels: int = info.struDeviceV30.byChanNum
        self.first_channel: int = info.struDeviceV30.byStartChan or 1
        self.handles: list[Handle] = []


class Handle:
    """Something open on a login: a number, and how it is closed. A context manager; closed once."""

    def __init__(self, session: SdkSession, login: Login, kind: HandleKind, number: int, stop: str) -> None:
        self.number = number
        self.login = login
        self.kind = kind
        self._session = session
        self._stop = stop
        self._lock = threading.Lock()
        self._open = True

    def close(self) -> None:
        """Close it and wait until nothing of it calls back any more; not from inside a callback."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                self.login.library.call(self._stop, self.number, camera=self._session.camera)
            except NvrError as error:
                _log.debug("%s", error)
        self._session.forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SdkSession:
    """The login of one camera. Thread-safe."""

    def __init__(self, camera: str, access: Access, budget: LoginBudget) -> None:
        self.camera = camera
        self.access = access
        self._budget = budget
        self._lock = threading.Lock()
        self._logging_in = threading.Lock()
        self._library: Library | None = None
        self._login: Login | None = None
        self._old: list[Login] = []
        self._closed = False
        self._warned = False

    def login(self, deadline: float | None = None) -> Login:
        """Return the login, made now where there is none; raise what keeps the device from letting us in, until time.monotonic() reaches
        `deadline`. The library itself cannot be interrupted: it gives up at its own limit."""
        left = self.access.timeout if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._logging_in.acquire(timeout=left):
            raise Busy(f"{self.camera}: another login to it is still waiting for its answer", camera=self.camera)
        try:
            made = self._present() or self._log_in(left)
            with self._lock:
                self._login = made
        finally:
            self._logging_in.release()
            if self._closed:
                self.close()  # what close() could not do while the library was busy
        if self._closed:
            raise Unreachable(f"{self.camera}: its connections are closed", camera=self.camera)
        return made

    def private(self, what: str, deadline: float | None = None) -> Login:
        """Return the login; raise Unsupported for what the library cannot do with ISAPI login (hcnetsdk.md 7.4, 7.8, 7.9)."""
        if self.access.mode == "isapi":
            raise Unsupported(
                f"{self.camera}: {what}: the vendor library cannot do it with sdk.login: isapi; use sdk.login: private, "
                "or the transport isapi",
                camera=self.camera,
            )
        return self.login(deadline)

    def call(self, name: str, *arguments: Any, what: str = "", login: Login | None = None) -> int:
        """Call a function whose first argument is the login; a device that was lost is logged in to anew the next time."""
        login = login or self.login()
        try:
            return login.library.call(name, login.user, *arguments, camera=self.camera, what=what)
        except NvrError as error:
            if number_of(error) in _LOST:
                self.lost(login)
            raise

    def open(self, kind: HandleKind, login: Login, number: int, stop: str) -> Handle:
        """Return a handle that is closed with the session at the latest."""
        handle = Handle(self, login, kind, number, stop)
        with self._lock:
            login.handles.append(handle)
            closed = self._closed
        if closed:
            handle.close()
            raise Unreachable(f"{self.camera}: its connections are closed", camera=self.camera)
        return handle

    def forget(self, handle: Handle) -> None:
        """Take note that a handle is closed."""
        with self._lock:
            if handle in handle.login.handles:
                handle.login.handles.remove(handle)
            done = handle.login in self._old and not handle.login.handles
            if done:
                self._old.remove(handle.login)
        if done:
            self._log_out(handle.login)

    def lost(self, login: Login) -> None:
        """Take note that the device was lost: the next who needs it logs in anew."""
        login.lost = True
        self._budget.doubt()

    def close(self) -> None:
        """Close what is open, log out, and let go of the library. May be called twice."""
        with self._lock:
            self._closed = True
            logins = [*self._old, *([self._login] if self._login is not None else [])]
            self._old, self._login = [], None
            handles = sorted(
                (handle for login in logins for handle in login.handles), key=lambda one: _ORDER.index(one.kind)
            )
        for handle in handles:
            handle.close()
        for login in logins:
            self._log_out(login)
        if self._logging_in.acquire(timeout=_PATIENCE):
            try:
                library, self._library = self._library, None
                if library is not None:
                    library.release(self)
            finally:
                self._logging_in.release()

    def _present(self) -> Login | None:
        """Return the login if it is of use; a lost one is given up once nothing is open on it."""
        with self._lock:
            if self._closed:
                raise Unreachable(f"{self.camera}: its connections are closed", camera=self.camera)
            login = self._login
            if login is None or not login.lost:
                return login
            self._login = None
            if login.handles:
                self._old.append(login)  # its owners close them; then it is logged out
                return None
        self._log_out(login)
        return None

    def _log_in(self, left: float) -> Login:
        access = self.access
        library = self._open_library()
        try:
            wanted = NET_DVR_USER_LOGIN_INFO(
                sDeviceAddress=access.host.encode(),
                wPort=access.port,
                sUserName=access.username.encode(),
                sPassword=access.password.encode(),
                byLoginMode=1 if access.mode == "isapi" else 0,
                byHttps=1 if access.tls else 0,
            )
        except ValueError as error:
            text = f"{self.camera}: user, password (64 bytes) or host (129) are longer than the vendor library takes"
            raise WrongUse(text) from error
        info = NET_DVR_DEVICEINFO_V40()
        host = f"[{access.host}]" if ":" in access.host else access.host
        what = f"the login at {host}:{access.port}"
        with self._budget.attempt(self.camera, timeout=left, cancelled=lambda: self._closed) as attempt:
            try:
                user = library.call(
                    "Login_V40", ctypes.byref(wanted), ctypes.byref(info), camera=self.camera, what=what
                )
            except NvrError as error:
                number = number_of(error)
                if number in (WRONG_PASSWORD, NO_SUCH_USER):
                    attempt.refused(locked=info.bySupportLock == 1 and info.byRetryLoginTime == 0)
                elif number == LOCKED:
                    attempt.refused(float(info.dwSurplusLockTime) or None, locked=True)
                raise
            finally:
                ctypes.memset(ctypes.byref(wanted), 0, ctypes.sizeof(wanted))  # the password is needed no more
            attempt.accepted()
        return Login(library, user, info)

    def _open_library(self) -> Library:
        if self._library is None:
            access = self.access
            self._library = open_library(access.path, self, self.close, camera=self.camera, timeout=access.timeout)
            if access.tls and not self._warned:
                self._warned = True
                _log.warning(
                    "%s: the vendor library does not verify the camera's certificate: whoever stands in between can read the login",
                    self.camera,
                )
        return self._library

    def _log_out(self, login: Login) -> None:
        with contextlib.suppress(NvrError):
            login.library.call("Logout", login.user, camera=self.camera)
