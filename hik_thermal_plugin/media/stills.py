"""Single pictures out of video: one key picture decoded, and written as JPEG or BMP at its own size (guide 4.3.3).

The encoders are those of the media library; Pillow is not needed.
"""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from typing import Any, Literal

import av
import av.error
from nvr_hooks import BadAnswer, Unreachable

from .pictures import Picture

Format = Literal["jpeg", "bmp"]
CONTENT_TYPES: dict[Format, str] = {"jpeg": "image/jpeg", "bmp": "image/bmp"}
_ENCODERS: dict[Format, tuple[str, str]] = {"jpeg": ("mjpeg", "yuvj420p"), "bmp": ("bmp", "bgr24")}


class Grab:
    """The next key picture of live video that can be decoded."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._next: Picture | None = None

    def put(self, picture: Picture) -> None:
        """Take one picture; never waits."""
        if picture.key:
            with self._changed:
                self._next = picture
                self._changed.notify_all()

    def lost(self) -> None:
        """Learn of a lost connection: what came before is as good as before."""

    def frame(self, deadline: float) -> Any:
        """Return a decoded frame (av.VideoFrame); raise Unreachable when none came until time.monotonic() reaches `deadline`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None, max(0.0, deadline - time.monotonic()))
                picture, self._next = self._next, None
            if picture is None:
                raise Unreachable(f"{self._camera}: no whole picture came over live video in time", camera=self._camera)
            if (frame := decoded(picture)) is not None:
                return frame


def decoded(picture: Picture) -> Any:
    """Return the frame of a key picture, or None when it cannot be decoded."""
    decoder: Any = av.CodecContext.create(picture.codec, "r")
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(picture.data)), *decoder.decode(None)]
    except av.error.FFmpegError:
        return None
    return next((frame for frame in frames if frame.width), None)


def opened(data: bytes, camera: str) -> Any:
    """Return the frame of a JPEG; raise BadAnswer when it is none."""
    frame = decoded(Picture(data, True, 0, 0, 0.0, "mjpeg"))
    if frame is None:
        raise BadAnswer(f"{camera}: a picture that cannot be decoded", camera=camera, data=data[:80])
    return frame


def encoded(frame: Any, form: Format) -> bytes:
    """Return a frame (av.VideoFrame) as a JPEG or BMP file of its own size."""
    name, pixels = _ENCODERS[form]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, pixels
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    if form == "jpeg":
        encoder.qmin, encoder.qmax = 2, 4
    # JPEG has the full range of values; without a word the scaler would keep the narrow one of video.
    converted = frame.reformat(format=pixels, dst_color_range="JPEG" if form == "jpeg" else None)
    converted.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(converted), *encoder.encode(None)])
