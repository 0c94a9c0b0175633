"""The stand-in for the vendor's library: built from C with gcc, loaded as the driver loads the real one, and driven by what it fakes.

It and the driver have nothing in common but hcnetsdk.md: structures are written by the names of their fields, on the C side.
"""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "standin"
NAME = "libhcnetsdk.so"
PASSWORD = "stand-in"
_DOCUMENTS = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_uint32),
)


def build(folder: Path, *options: str, extra: Iterable[Path] = (), name: str = NAME, shared: bool = True) -> Path:
    """Compile the stand-in into `folder`, laid out as the vendor's package is, and return the file."""
    compiler = shutil.which("gcc")
    assert compiler is not None
    (folder / "HCNetSDKCom").mkdir(parents=True, exist_ok=True)
    target = folder / name
    common = ["-std=gnu11", "-pthread", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
    kind = ["-shared", "-fPIC", "-fvisibility=hidden"] if shared else []
    files = [*sorted(SOURCES.glob("*.c")), *extra]
    subprocess.run([compiler, *common, *kind, *options, *map(str, files), "-o", str(target)], check=True, timeout=120)
    return target


class StandIn:
    """What tests do to the device behind the stand-in, and what they ask it. `folder` is what a user would name as `sdk.path`."""

    def __init__(self, library: Path) -> None:
        self.folder = library.parent
        self.c = ctypes.CDLL(str(library))
        self.c.fake_emissivity.restype = ctypes.c_float
        self.c.fake_calls.restype = ctypes.c_size_t
        self.c.fake_calls.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.c.fake_callback_nanoseconds.argtypes = (ctypes.c_double,)
        self.c.fake_callback_nanoseconds.restype = ctypes.c_uint32
        self.c.fake_manual_rule.argtypes = (ctypes.c_int, ctypes.c_float, ctypes.c_float)
        self.c.fake_script.argtypes = (ctypes.c_char_p, ctypes.c_uint32, ctypes.c_long, ctypes.c_int)
        self._documents: Any = None

    def reset(self, *, username: str = "admin", password: str = PASSWORD, users: int = 4) -> None:
        """Be a device nobody has talked to."""
        self.c.fake_forget_scripts()
        self.c.fake_forget_calls()
        self.c.fake_forget_thermometry()
        self.c.fake_alarm_at_once(None)
        self.c.fake_alarmer_user_valid(1)
        self.c.fake_player(0)
        self.c.fake_version(0x0601062D)
        self.c.fake_archive(200, 1000, 10)
        self.c.fake_matrix(8, 6, 0, 1)
        self.c.fake_encoding(6)
        self.c.fake_pace(10)
        self.c.fake_log(1)
        self.c.fake_film(b"", ctypes.c_size_t(0), 0)
        self.device(username, password, users=users)

    def device(
        self, username: str, password: str, *, attempts: int = 5, lock_seconds: int = 1800, users: int = 4
    ) -> None:
        """Set who may log in, how often one may fail, and how many may be logged in."""
        self.c.fake_device(username.encode(), password.encode(), attempts, ctypes.c_long(lock_seconds), users)

    def calls(self, function: str = "") -> list[str]:
        """Return the calls so far, one line each, of one function or of all."""
        size = self.c.fake_calls(None, 0) + 65536
        buffer = ctypes.create_string_buffer(size)
        used = self.c.fake_calls(buffer, size)
        lines = buffer.raw[:used].decode("utf-8", "replace").splitlines()
        return [line.strip() for line in lines if not function or line.split(" ")[0] == f"NET_DVR_{function}"]

    def functions(self) -> list[str]:
        """Return the names of the functions called, in order, without their prefix."""
        return [line.split(" ")[0].removeprefix("NET_DVR_") for line in self.calls()]

    def script(self, function: str, code: int = 0, *, milliseconds: int = 0, times: int = 1) -> None:
        """Let the next `times` calls (-1: all) of a function take so long, and fail with a code unless it is 0."""
        self.c.fake_script(f"NET_DVR_{function}".encode(), code, milliseconds, times)

    def alarm(self, structure: str, *, channel: int = 0, length: int = 0, **fields: object) -> None:
        """Let an alarm arrive on an alarm channel; `__` in a name is a dot, `_3` an index, `at_pBuffer` an attachment."""
        assert self.c.fake_alarm(channel, written(structure, fields), length), "unknown field or no such alarm channel"

    def isapi_alarm(self, text: bytes, *, channel: int = 0, kind: int = 1, pictures: int = 0, lie: int = 0) -> None:
        """Let a document arrive as ISAPI login delivers it."""
        assert self.c.fake_isapi_alarm(channel, text, len(text), kind, pictures, lie)

    def raw_alarm(self, command: int, data: bytes, *, channel: int = 0) -> None:
        """Let any bytes arrive under any command."""
        assert self.c.fake_raw_alarm(channel, command, data, len(data))

    def alarm_at_once(self, structure: str, **fields: object) -> None:
        """Let an alarm arrive while the camera is being armed."""
        self.c.fake_alarm_at_once(written(structure, fields))

    def upload(self, index: int, **fields: object) -> None:
        """Let real-time thermometry tell this at every turn."""
        self.c.fake_upload(index, written("NET_DVR_THERMOMETRY_UPLOAD", fields))

    def data(self, handle: int, *, length: int = 0, **fields: object) -> None:
        """Let real-time thermometry tell this once."""
        assert self.c.fake_data(handle, written("NET_DVR_THERMOMETRY_UPLOAD", fields), length)

    def exception(self, kind: int, user: int = 0, handle: int = 0) -> None:
        """Call the exception callback."""
        self.c.fake_exception(kind, user, handle)

    def documents(self, answer: Callable[[str, bytes], tuple[int, bytes]] | None) -> None:
        """Answer STDXMLConfig: (`GET /ISAPI/…`, body) -> (HTTP status, document)."""
        if answer is None:
            self.c.fake_documents(None)
            self._documents = None
            return

        def called(request: bytes, body: int | None, length: int, out: int, room: int, size: Any) -> int:
            status, document = answer(request.decode(), ctypes.string_at(body, length) if body and length else b"")
            ctypes.memmove(out, document, min(len(document), room))
            size[0] = min(len(document), room)
            return status

        self._documents = _DOCUMENTS(called)
        self.c.fake_documents(self._documents)

    def film(self, pictures: Iterable[tuple[bytes, int, bool]], *, hevc: bool = False) -> None:
        """Show pictures: data with start codes, time in 1/90000 s, whether decoding can begin there."""
        data = b"".join(struct.pack("<IIB", len(data), time, key) + data for data, time, key in pictures)
        self.c.fake_film(data, ctypes.c_size_t(len(data)), int(hevc))

    def jpeg(self, data: bytes) -> None:
        """Have a picture."""
        self.c.fake_jpeg(data, ctypes.c_size_t(len(data)))

    def mp4(self, data: bytes) -> None:
        """Have what SaveRealData_V30 makes of a live view."""
        self.c.fake_mp4(data, ctypes.c_size_t(len(data)))

    @property
    def live(self) -> int:
        """How many users and handles are there."""
        return int(self.c.fake_live_handles())

    @property
    def references(self) -> int:
        """How often it is initialised."""
        return int(self.c.fake_references())


def written(structure: str, fields: dict[str, object]) -> bytes:
    """Return fields as the stand-in reads them."""
    lines = [structure]
    for name, value in fields.items():
        if name.startswith("at_"):
            name = "@" + name[3:]
        name = name.replace("__", ".")
        parts = name.split(".")
        parts = [
            f"{part.rsplit('_', 1)[0]}[{part.rsplit('_', 1)[1]}]" if part[-1:].isdigit() and "_" in part else part
            for part in parts
        ]
        if isinstance(value, bytes):
            value = f"hex:{value.hex()}"
        lines.append(f"{'.'.join(parts)}={value}")
    return "\n".join(lines).encode()
