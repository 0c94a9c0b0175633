"""The user's copy of the vendor's library: found, loaded, initialised once per process, and let go of in order (hcnetsdk.md 2, 10).

Importing this costs nothing; the first `open_library` loads it. Its threads call back here: bytes are copied into inboxes, and that is all.
The library prints to C's standard output; that is turned to standard error, because ours is spoken by programs.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import logging
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nvr_hooks import NvrError, Unsupported

from ..wire.hcnetsdk import COMM_ISAPI_ALARM
from ..wire.hcnetsdk_layouts import NET_DVR_ALARM_ISAPI_PICDATA, NET_DVR_LOCAL_SDK_PATH, size_of, view
from .faults import COMPONENT_MISSING, error_of
from .inbox import Inbox, Item, arrived
from .prototypes import PROTOTYPES, AlarmCallback, AlarmCallback50, ExceptionCallback

NAME = "libhcnetsdk.so"
COMPONENTS = "HCNetSDKCom"
_CRYPTO = ("libcrypto.so", "libcrypto.so.1.1", "libcrypto.so.1.0.0", "libcrypto.so.3")
_TLS = ("libssl.so", "libssl.so.1.1", "libssl.so.1.0.0", "libssl.so.3")
_SDK_PATH, _CRYPTO_PATH, _TLS_PATH = 2, 3, 4
_GENERAL = 17
_ELF_X86_64 = (2, 62)
_FASTEST, _SLOWEST = 3_000, 75_000
_LOWEST_ADDRESS = 0x10000
_MOST_TEXT = 8 * 1024 * 1024
_MOST_PICTURES = 16
_ISAPI_INFO = struct.Struct("<QIBB2xQ")
_log = logging.getLogger(__name__)


class Library:
    """One initialised copy. Thread-safe. `folder` is where it lies, `version` its own word, like 6.1.6.45."""

    def __init__(self, folder: Path, functions: dict[str, Any]) -> None:
        self.folder = folder
        self.version = ""
        self.strays = 0
        """Alarms that belonged to nobody."""
        self.failures = 0
        """Callbacks in which something went wrong."""
        self._functions = functions
        self._references = 0
        self._lock = threading.Lock()
        self._alarms: dict[int, Inbox] = {}
        self._serials: dict[bytes, int] = {}
        self._watchers: dict[int, tuple[Inbox, ...]] = {}
        self._closers: dict[int, Callable[[], None]] = {}
        # ctypes objects must live as long as the library can call them.
        self._alarm_callback = AlarmCallback(self._on_alarm)
        self._alarm_callback50 = AlarmCallback50(self._on_alarm50)
        self._exception_callback = ExceptionCallback(self._on_exception)

    def call(self, name: str, *arguments: Any, camera: str, what: str = "") -> int:
        """Call NET_DVR_<name> and return what it returns; raise the error it names, in the same thread, when that means failure."""
        function = self._functions[name]
        result: int = function(*arguments)
        if result == PROTOTYPES[name].failure:
            number = self._functions["GetLastError"]()
            where = f"; looked for in {self.folder / COMPONENTS}" if number in COMPONENT_MISSING else ""
            raise error_of(number, camera, what or f"NET_DVR_{name}", where)
        return result

    def last_error(self) -> int:
        """Return this thread's last error, which only means something directly after a failure."""
        number: int = self._functions["GetLastError"]()
        return number

    def route(self, user: int, alarms: Inbox | None, serial: bytes = b"") -> None:
        """Let the alarms of a login go into an inbox; None: nowhere any more."""
        with self._lock:
            if alarms is None:
                self._alarms.pop(user, None)
                self._serials = {key: owner for key, owner in self._serials.items() if owner != user}
                return
            self._alarms[user] = alarms
            if serial:
                self._serials[serial] = user

    def watch(self, user: int, inbox: Inbox) -> None:
        """Let the exceptions of a login go into this inbox as well, until unwatch()."""
        with self._lock:
            self._watchers[user] = (*self._watchers.get(user, ()), inbox)

    def unwatch(self, user: int, inbox: Inbox) -> None:
        """End watch()."""
        with self._lock:
            left = tuple(other for other in self._watchers.get(user, ()) if other is not inbox)
            if left:
                self._watchers[user] = left
            else:
                self._watchers.pop(user, None)

    def at_end(self, owner: object, close: Callable[[], None]) -> None:
        """Call this before the library is let go of at the end of the process, when `owner` has not left by then."""
        with self._lock:
            self._closers[id(owner)] = close

    def release(self, owner: object) -> None:
        """Be used by one less; the last one lets the library end its threads (0.2 to 0.9 s)."""
        with _loading:
            with self._lock:
                self._closers.pop(id(owner), None)
            self._references -= 1
            if self._references == 0:
                self._end()

    def _begin(self, camera: str, timeout: float) -> None:
        path = NET_DVR_LOCAL_SDK_PATH(sPath=str(self.folder).encode())
        self.call("SetSDKInitCfg", _SDK_PATH, ctypes.byref(path), camera=camera)
        for kind, names in ((_CRYPTO_PATH, _CRYPTO), (_TLS_PATH, _TLS)):
            found = next((self.folder / name for name in names if (self.folder / name).exists()), None)
            if found is not None:
                text = ctypes.create_string_buffer(str(found).encode(), 256)
                self.call("SetSDKInitCfg", kind, ctypes.byref(text), camera=camera)
        _turn_c_output_away()
        self.call("Init", camera=camera)
        try:
            build = self.call("GetSDKBuildVersion", camera=camera)
            self.version = ".".join(str(build >> shift & 0xFF) for shift in (24, 16, 8, 0))
            milliseconds = round(min(max(timeout * 1000, _FASTEST), _SLOWEST))
            self.call("SetConnectTime", milliseconds, 1, camera=camera)
            self.call("SetRecvTimeOut", milliseconds, camera=camera)
            # Its own re-login is off: logins are counted in one place, and a lost connection is for SharedStream to tell.
            self.call("SetReconnect", 30_000, 0, camera=camera)
            general = ctypes.create_string_buffer(256)
            general[1] = b"\1"  # do not split recordings
            self.call("SetSDKLocalCfg", _GENERAL, ctypes.byref(general), camera=camera)
            self.call("SetExceptionCallBack_V30", 0, None, self._exception_callback, None, camera=camera)
            try:
                self.call("SetDVRMessageCallBack_V31", self._alarm_callback, None, camera=camera)
            except NvrError as error:
                _log.info("%s; the newer form is used", error)
                self.call("SetDVRMessageCallBack_V50", 0, self._alarm_callback50, None, camera=camera)
        except BaseException:
            self._functions["Cleanup"]()
            raise
        _log.info("vendor library %s in %s", self.version, self.folder)
        if not (self.folder / COMPONENTS).is_dir():
            _log.warning("vendor library: the folder %s is missing in %s", COMPONENTS, self.folder)

    def _end(self) -> None:
        self._functions["SetDVRMessageCallBack_V31"](AlarmCallback(), None)
        self._functions["SetDVRMessageCallBack_V50"](0, AlarmCallback50(), None)
        self._functions["SetExceptionCallBack_V30"](0, None, ExceptionCallback(), None)
        self._functions["Cleanup"]()

    def _finish(self) -> None:
        """End at the exit of the process: nothing may be called back into an interpreter that is gone."""
        for close in list(self._closers.values()):
            with contextlib.suppress(Exception):
                close()
        if self._references > 0:
            self._references = 0
            self._end()

    # -- called by the library's threads ------------------------------------------------------------------------------------

    def _on_alarm(self, command: int, alarmer: int, info: int, length: int, _user: int | None) -> int:
        try:
            head = ctypes.string_at(alarmer, 12)
            user = int.from_bytes(head[8:12], "little", signed=True) if head[0] == 1 else self._owner(alarmer)
            inbox = self._alarms.get(user)
            if inbox is None:
                self.strays += 1
            elif command == COMM_ISAPI_ALARM:
                inbox.put(_document(command, info, length))
            else:
                inbox.put(Item(command, ctypes.string_at(info, length), info, arrived()))
        except BaseException:  # noqa: BLE001 - what a callback raises would be lost, and its answer undefined
            self.failures += 1
        return 1

    def _on_alarm50(self, command: int, alarmer: int, info: int, length: int, user: int | None) -> None:
        self._on_alarm(command, alarmer, info, length, user)

    def _owner(self, alarmer: int) -> int:
        """Return the login of a message that names none, by the device's serial number."""
        return self._serials.get(ctypes.string_at(alarmer + 12, 48), -1)

    def _on_exception(self, kind: int, user: int, handle: int, _user: int | None) -> None:
        try:
            for inbox in self._watchers.get(user, ()):
                inbox.put(Item(kind, handle.to_bytes(4, "little", signed=True), exception=True))
        except BaseException:  # noqa: BLE001 - as above
            self.failures += 1


_loading = threading.RLock()
_loaded: Library | None = None


def open_library(
    path: Path | None, owner: object, close: Callable[[], None], *, camera: str, timeout: float
) -> Library:
    """Return the process's library for `owner`, which gives it back with release(); `close` ends the owner at the process's exit.

    Raises Unsupported, naming what is missing and where it was looked for, when there is none, it is for another machine, lacks a part,
    or another copy is in use already. `timeout` (seconds) is that of whoever comes first.
    """
    global _loaded
    with _loading:
        if _loaded is None or _loaded._references == 0:
            file = _found(path, camera)
            if _loaded is not None and _loaded.folder != file.parent:
                text = f"{camera}: the library of {_loaded.folder} is loaded in this process; restart it to use {file.parent}"
                raise Unsupported(text, camera=camera)
            library = _loaded or Library(file.parent, _functions_of(file, camera))
            library._begin(camera, timeout)
            if _loaded is None:
                atexit.register(library._finish)
            _loaded = library
        elif path is None or _place(path) != _loaded.folder:
            text = f"{camera}: one process uses one copy of the vendor library: {_loaded.folder} is in use, not {path}"
            raise Unsupported(text, camera=camera)
        _loaded._references += 1
        _loaded.at_end(owner, close)
        return _loaded


def missing(path: Path | None, camera: str) -> str | None:
    """Tell, without loading anything, why there is no library to load; None where there is one."""
    try:
        _found(path, camera)
    except Unsupported as error:
        return str(error)
    return None


def check_pointer(pointer: int | None) -> bool:
    """Tell whether something may be read there: small numbers are values that came as pointers (hcnetsdk.md 7.4)."""
    return pointer is not None and pointer >= _LOWEST_ADDRESS


def _place(path: Path) -> Path | None:
    return next((file.parent for file in _candidates(path) if file.is_file()), None)


def _candidates(path: Path) -> list[Path]:
    path = path.expanduser().absolute()
    return [path] if path.name.endswith(".so") else [path / NAME, path / "lib" / NAME]


def _found(path: Path | None, camera: str) -> Path:
    """Return the library's file; it is checked before it is loaded, because a wrong one ends in a signal or an unreadable error."""
    if path is None:
        text = (
            f"{camera}: the vendor library is not configured: set sdk.path to the folder that holds your copy of {NAME}"
        )
        raise Unsupported(text, camera=camera)
    if not (sys.platform == "linux" and sys.maxsize > 1 << 32):
        raise Unsupported(f"{camera}: the vendor library is used on 64-bit Linux only", camera=camera)
    candidates = _candidates(path)
    file = next((file for file in candidates if file.is_file()), None)
    if file is None:
        looked = " and ".join(str(candidate) for candidate in candidates)
        raise Unsupported(f"{camera}: the vendor library is missing: looked for {looked}", camera=camera)
    try:
        with file.open("rb") as opened:
            head = opened.read(20)
    except OSError as error:
        raise Unsupported(f"{camera}: {file} cannot be read: {error.strerror}", camera=camera) from error
    if head[:4] != b"\x7fELF" or len(head) < 20:
        raise Unsupported(f"{camera}: {file} is no Linux library", camera=camera)
    if (head[4], int.from_bytes(head[18:20], "little")) != _ELF_X86_64:
        raise Unsupported(
            f"{camera}: {file} is for another processor; the one for Linux x86-64 is needed", camera=camera
        )
    return file


def _functions_of(file: Path, camera: str) -> dict[str, Any]:
    try:
        library = ctypes.CDLL(str(file))
    except OSError as error:
        text = f"{camera}: the vendor library in {file.parent} cannot be loaded: {error}"
        raise Unsupported(text, camera=camera) from error
    found = {}
    for name, prototype in PROTOTYPES.items():
        try:
            function = getattr(library, f"NET_DVR_{name}")
        except AttributeError as error:
            text = f"{camera}: {file} has no NET_DVR_{name}: another version is needed (6.1 is known to do)"
            raise Unsupported(text, camera=camera) from error
        function.restype, function.argtypes = prototype.result, prototype.arguments
        found[name] = function
    return found


def _turn_c_output_away() -> None:
    """Let C's stdout be its stderr; descriptors, which others write to, stay as they are."""
    process = ctypes.CDLL(None)
    with contextlib.suppress(ValueError):
        stdout = ctypes.c_void_p.in_dll(process, "stdout")
        stdout.value = ctypes.c_void_p.in_dll(process, "stderr").value


def _document(command: int, info: int, length: int) -> Item:
    """Copy a document and its pictures, which lie outside the structure (hcnetsdk.md 7.3)."""
    data = ctypes.string_at(info, length)
    if len(data) < _ISAPI_INFO.size:
        return Item(command, data, info, arrived())
    pointer, size, _kind, count, pack = _ISAPI_INFO.unpack_from(data)
    text = ctypes.string_at(pointer, min(size, _MOST_TEXT)) if size and check_pointer(pointer) else b""
    pictures = []
    each = size_of(NET_DVR_ALARM_ISAPI_PICDATA)
    if count and check_pointer(pack):
        for index in range(min(count, _MOST_PICTURES)):
            picture = view(NET_DVR_ALARM_ISAPI_PICDATA, ctypes.string_at(pack + index * each, each))
            if picture.dwPicLen and check_pointer(picture.pPicData):
                body = ctypes.string_at(picture.pPicData, min(picture.dwPicLen, _MOST_TEXT))
                pictures.append((picture.szFilename.decode("utf-8", "replace"), body))
    return Item(command, data, info, arrived(), text, tuple(pictures))


__all__ = ["COMPONENTS", "NAME", "Library", "check_pointer", "missing", "open_library"]
