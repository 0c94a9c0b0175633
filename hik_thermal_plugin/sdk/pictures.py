"""Pictures over the vendor's library: JPEG and radiometric frames of the device, and captures of the library's player
(hcnetsdk.md 7.8; guide 4.3.3)."""

from __future__ import annotations

import ctypes
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from nvr_hooks import BadAnswer, Busy, DeviceError, NvrError, ThermalFrame, Unreachable, Unsupported, now

from ..wire.hcnetsdk_layouts import NET_DVR_JPEGPARA, NET_DVR_JPEGPICTURE_WITH_APPENDDATA, size_of
from .faults import NO_PLAYER, ORDER, number_of
from .live import LiveView
from .session import SdkSession

PictureFormat = Literal["jpeg", "bmp"]
_MOST_PICTURE = 4 << 20
_MOST_MATRIX = 8 << 20
"""The library copies without bounds, but from a buffer of 4 MiB, whose 16-bit samples it doubles (hcnetsdk.md 7.8)."""
_MOST_CAPTURE = 32 << 20
_AS_STREAMED = 0xFF
_BMP, _JPEG = 0, 1
_PLAYER_STARTS = 2.0
"""Seconds in which the player has decoded its first picture."""
_AGAIN = 0.05
_HEADLESS = (ORDER, NO_PLAYER)
_log = logging.getLogger(__name__)
_capturing = threading.Lock()
"""The format of captures is set for the whole process."""


class SdkPictures:
    """One camera's pictures. Thread-safe; one at a time. `frame_interval`: least seconds from one frame to the next."""

    def __init__(self, session: SdkSession, window: int, frame_interval: float) -> None:
        self._session = session
        self._camera = session.camera
        self._window = window
        self._interval = frame_interval
        self._lock = threading.Lock()
        self._next = 0.0
        self._last: tuple[float, ThermalFrame] | None = None
        self._ended = threading.Event()
        self._said = False

    def jpeg(self, channel: int, deadline: float) -> bytes:
        """Return a JPEG that the device makes; raise Unsupported with ISAPI login."""
        login = self._session.private("a JPEG picture", deadline)
        wanted = NET_DVR_JPEGPARA(wPicSize=_AS_STREAMED, wPicQuality=0)
        size = ctypes.c_uint32()
        with self._turn(deadline):
            buffer = ctypes.create_string_buffer(_MOST_PICTURE)
            self._session.call(
                "CaptureJPEGPicture_NEW",
                channel,
                ctypes.byref(wanted),
                buffer,
                _MOST_PICTURE,
                ctypes.byref(size),
                what=f"a picture of channel {channel}",
                login=login,
            )
        data = ctypes.string_at(buffer, min(size.value, _MOST_PICTURE))
        if not data.startswith(b"\xff\xd8\xff"):
            text = f"{self._camera}: a picture of channel {channel} that is no JPEG"
            raise BadAnswer(text, camera=self._camera, data=data[:80])
        return data

    def frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return a new radiometric frame; raise Unsupported with ISAPI login, and BadAnswer where size and data do not fit."""
        login = self._session.private("radiometric frames", deadline)
        with self._turn(deadline):
            if (left := self._next - time.monotonic()) > 0:
                if self._next > deadline:
                    text = f"{self._camera}: a frame is asked for more often than every {self._interval:g} s (temperature.frame_interval)"
                    raise Busy(text, camera=self._camera)
                if self._ended.wait(left):
                    raise Unreachable(f"{self._camera}: ended while a frame was waited for", camera=self._camera)
            self._next = time.monotonic() + self._interval
            picture, visible = (ctypes.create_string_buffer(_MOST_PICTURE) for _ in range(2))
            matrix = ctypes.create_string_buffer(_MOST_MATRIX)
            out = NET_DVR_JPEGPICTURE_WITH_APPENDDATA(
                dwSize=size_of(NET_DVR_JPEGPICTURE_WITH_APPENDDATA),
                dwChannel=channel,
                pJpegPicBuff=ctypes.addressof(picture),
                pP2PDataBuff=ctypes.addressof(matrix),
                pVisiblePicBuff=ctypes.addressof(visible),
            )
            at = now()
            self._session.call(
                "CaptureJPEGPicture_WithAppendData",
                channel,
                ctypes.byref(out),
                what=f"a radiometric frame of channel {channel}",
                login=login,
            )
            width, height = out.dwJpegPicWidth, out.dwJpegPicHeight
            if not (0 < width * height * 4 == out.dwP2PDataLen <= _MOST_MATRIX):
                text = f"{self._camera}: a frame of {width} x {height} with {out.dwP2PDataLen} bytes of temperatures"
                raise BadAnswer(text, camera=self._camera)
            values: Any = memoryview(ctypes.string_at(matrix, out.dwP2PDataLen)).cast("f", shape=[height, width])
            frame = ThermalFrame(
                camera=self._camera,
                channel=channel,
                width=width,
                height=height,
                matrix=values,
                taken_at=at,
                frozen=out.byIsFreezedata == 1,
                thermal_picture=_taken(picture, out.dwJpegPicLen),
                visible_picture=_taken(visible, out.dwVisiblePicLen),
            )
            self._last = (time.monotonic(), frame)
            return frame

    def recent_frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return the frame before when it is younger than the interval, else a new one."""
        last = self._last
        if last is not None and last[1].channel == channel and time.monotonic() - last[0] < self._interval:
            return last[1]
        return self.frame(channel, deadline)

    def player_picture(self, channel: int, form: PictureFormat, deadline: float) -> bytes | None:
        """Return a picture of the library's player, at the size of the stream; None where there is no player to take it from.

        Tried are, in the guide's order, CapturePictureBlock_New, CapturePictureBlock and CapturePicture.
        """
        window = self._window
        if not window and self._said:
            return None  # nothing has changed: without a window there is never a player
        try:
            view = LiveView(self._session, channel, "main", window=window)
        except NvrError as error:
            if number_of(error) != NO_PLAYER:
                raise
            self._tell_headless(str(error))
            return None
        with view, _capturing:
            mode = _JPEG if form == "jpeg" else _BMP
            library, camera = view.login.library, self._camera
            library.call("SetCapturePictureMode", mode, camera=camera)
            until = min(deadline, time.monotonic() + _PLAYER_STARTS) if window else 0.0
            while True:
                try:
                    return _capture(view, camera, deadline)
                except (NvrError, Unsupported) as error:
                    if number_of(error) not in _HEADLESS:
                        raise
                    if time.monotonic() < until and not self._ended.wait(_AGAIN):
                        continue  # a player that has not decoded anything yet
                    self._tell_headless(str(error))
                    return None

    def end(self) -> None:
        """Let nobody wait any more."""
        self._ended.set()

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Busy(f"{self._camera}: another picture is still being fetched", camera=self._camera)
        try:
            yield
        finally:
            self._lock.release()

    def _tell_headless(self, why: str) -> None:
        level = logging.DEBUG if self._said else logging.WARNING
        self._said = True
        _log.log(
            level,
            "%s: the vendor library captures only what its player shows in a window (sdk.window, libPlayCtrl.so): %s; "
            "pictures are decoded from its live stream instead, at the stream's size",
            self._camera,
            why,
        )


def _capture(view: LiveView, camera: str, deadline: float) -> bytes:
    """Take the picture into memory, else into a file, else into a file without waiting for it."""
    library, number = view.login.library, view.number
    buffer, size = ctypes.create_string_buffer(_MOST_CAPTURE), ctypes.c_uint32()
    try:
        library.call("CapturePictureBlock_New", number, buffer, _MOST_CAPTURE, ctypes.byref(size), camera=camera)
        if size.value:
            return ctypes.string_at(buffer, min(size.value, _MOST_CAPTURE))
    except NvrError as error:
        if number_of(error) in _HEADLESS:
            raise
        _log.info("%s", error)
    with tempfile.TemporaryDirectory(prefix="hik-thermal-") as folder:
        path = Path(folder) / "capture"
        left = max(0.0, deadline - time.monotonic())
        try:
            library.call("CapturePictureBlock", number, str(path).encode(), round(left * 1000), camera=camera)
            if path.stat().st_size:
                return path.read_bytes()
        except NvrError as error:
            if number_of(error) in _HEADLESS:
                raise
            _log.info("%s", error)
        path = Path(folder) / "later"
        library.call("CapturePicture", number, str(path).encode(), camera=camera)
        return _awaited(path, camera, deadline)


def _awaited(path: Path, camera: str, deadline: float) -> bytes:
    """Return the file once it is there and grows no more."""
    size = -1
    while time.monotonic() < deadline:
        found = path.stat().st_size if path.exists() else 0
        if found and found == size:
            return path.read_bytes()
        size = found
        time.sleep(_AGAIN)
    raise DeviceError(f"{camera}: CapturePicture: no picture came in time", camera=camera)


def _taken(buffer: ctypes.Array[ctypes.c_char], size: int) -> bytes | None:
    return ctypes.string_at(buffer, min(size, _MOST_PICTURE)) or None
