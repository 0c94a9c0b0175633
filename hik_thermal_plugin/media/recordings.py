"""Pictures of a recording that was downloaded from a camera: a program stream, mostly, with or without the vendor's header (rtsp.md 5)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from nvr_hooks import BadAnswer, Unsupported

from .pictures import CLOCK, Picture

_CODECS = {"h264", "hevc", "mpeg4", "mjpeg"}
_USUAL_STEP = CLOCK // 25
_LONGEST_STEP = 20 * CLOCK
_LOOK_AT = 16
"""Pictures that may come without a time of decoding before the first one that has it."""


def recorded_pictures(path: Path, camera: str) -> Iterator[Picture]:
    """Yield the pictures of a file from the first key picture on; their times count from it, and `time` is seconds of the recording.

    A file that was cut off is read to its last whole picture. Streams of the vendor's own beside the video are passed over. Raises BadAnswer
    for what holds no video that can be read, Unsupported for video coded in another way than cameras do.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadAnswer(f"{camera}: a recording without video", camera=camera)
            stream = container.streams.video[0]
            codec = stream.codec_context.name
            if codec not in _CODECS:
                raise Unsupported(f"{camera}: a recording coded as {codec}", camera=camera)
            yield from _Clock(codec, CLOCK * (stream.time_base or Fraction(1, CLOCK))).timed(container.demux(stream))
    except av.error.FFmpegError as error:
        # Its own text names the file and what libav last logged.
        text = f"{camera}: a recording that cannot be read ({type(error).__name__}): is its disk encrypted?"
        raise BadAnswer(text, camera=camera) from error


class _Clock:
    """The times of one file's packets: rising without an exception, also where the file has none or goes back."""

    def __init__(self, codec: str, ticks: Fraction) -> None:
        self._codec = codec
        self._ticks = ticks
        self._whole = ticks == 1
        self._step = _USUAL_STEP
        self._last: int | None = None
        self._first: int | None = None
        self._offset = 0
        self._guessed = False

    def timed(self, packets: Iterator[Any]) -> Iterator[Picture]:
        """Yield pictures for packets."""
        held: list[tuple[bytes, bool, int | None]] = []
        for packet in packets:
            if not packet.size:
                continue  # how the library says that it is at the end
            data = bytes(packet)
            key = packet.is_keyframe and is_random_access(self._codec, data)
            if self._last is None and not held and not key:
                continue
            pts, dts = self._scaled(packet.pts), self._scaled(packet.dts)
            if dts is None and packet.duration:
                self._step = max(1, self._scaled(packet.duration) or 0)  # as the stream's own headers tell it
            if self._last is None and dts is None and len(held) < _LOOK_AT:
                held.append((data, key, pts))
                continue
            if held:
                began = (dts if dts is not None else 0) - len(held) * self._step
                for index, (early, was_key, shown) in enumerate(held):
                    yield self._picture(early, was_key, shown, began + index * self._step)
                held = []
            yield self._picture(data, key, pts, dts)
        for early, was_key, shown in held:
            yield self._picture(early, was_key, shown, shown)

    def _picture(self, data: bytes, key: bool, pts: int | None, dts: int | None) -> Picture:
        expected = 0 if self._last is None else self._last + self._step - self._offset
        guessed, self._guessed = self._guessed, dts is None
        if dts is None:
            dts = expected
        elif guessed and abs(dts - expected) <= 2 * self._step:
            # Where several pictures share a packet, the library gives its time to one or another of them.
            pts, dts = None if pts is None else pts + expected - dts, expected
        if self._last is not None:
            wanted = dts + self._offset
            if wanted <= self._last or wanted - self._last > _LONGEST_STEP:
                self._offset = self._last + self._step - dts  # the recorder's clock was set, or it began anew
            else:
                self._step = wanted - self._last
        self._last = dts + self._offset
        shown = self._last if pts is None else max(self._last, pts + self._offset)
        if self._first is None:
            self._first = shown
        return Picture(data, key, shown, self._last, (shown - self._first) / CLOCK, self._codec)

    def _scaled(self, time: int | None) -> int | None:
        return time if time is None or self._whole else round(time * self._ticks)


def is_random_access(codec: str, data: bytes) -> bool:
    """Tell whether decoding can begin with a picture: the library also calls pictures key that refer to earlier ones (rtsp.md 5)."""
    if codec not in ("h264", "hevc"):
        return True
    hevc = codec == "hevc"
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        kind = data[at + 3] >> 1 & 63 if hevc else data[at + 3] & 31
        if 16 <= kind <= 21 if hevc else kind == 5:
            return True
        if kind <= 9 if hevc else kind == 1:
            return False
        at = data.find(b"\0\0\1", at + 3)
    return False
