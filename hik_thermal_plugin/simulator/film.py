"""Encoded video of a still picture: groups of one second that count their frames, so that a viewer can tell them apart.

Along the lower edge stand `MARKS` squares, white for 1 and black for 0, the most significant first: the number of the frame.
The first one's corner is one side in and two sides up; a side is `mark_side(height)` pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import rtp

MARKS = 20
_BLACK, _WHITE, _GREY = 16, 235, 128
_X264 = "keyint={0}:min-keyint={0}:scenecut=0:repeat-headers=1:annexb=1:open-gop=0:bframes={1}:b-adapt=0:weightp=0"
_X265 = "log-level=none:pools=none:frame-threads=1:rc-lookahead=10:" + _X264.replace(":annexb=1", "").replace(
    ":weightp=0", ":weightp=0:hrd=0"
)


@dataclass(frozen=True, slots=True)
class Format:
    """How video is encoded: `H.264` or `H.265`, size in pixels, frames a second, B-frames between two others."""

    codec: str
    width: int
    height: int
    fps: int
    b_frames: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded frame as RTP payloads and as the NAL units in them; `shown` is its place among the frames of its group as they are shown."""

    payloads: tuple[bytes, ...]
    shown: int
    units: tuple[bytes, ...] = ()


Gop = tuple[Frame, ...]
"""One second of video that starts with a key frame, in the order of decoding."""


def mark_side(height: int) -> int:
    """The side of a frame number's squares in a picture of this height, in pixels."""
    return max(8, height // 32 & ~1)


def encode(picture: Image.Image, form: Format, number: int) -> Gop:
    """Encode one second that shows the picture; the first frame's number is `number` x frames a second."""
    return tuple(_frames(_planes(picture, form), form, number))


@lru_cache(maxsize=64)
def parameter_sets(form: Format) -> tuple[bytes, ...]:
    """The parameter sets of this format, which do not depend on the picture."""
    grey = Image.new("RGB", (form.width, form.height), (_GREY,) * 3)
    first = next(_frames(_planes(grey, form), form, 0, only_first=True))
    is_set = rtp.is_parameter_set_265 if form.codec == "H.265" else rtp.is_parameter_set_264
    return tuple(payload for payload in first.payloads if is_set(payload))


def _frames(planes: NDArray[np.uint8], form: Format, number: int, *, only_first: bool = False) -> Iterator[Frame]:
    import av  # a tenth of a second: whoever asks for video first pays it

    coder: Any = av.CodecContext.create("libx265" if form.codec == "H.265" else "libx264", "w")
    coder.width, coder.height, coder.pix_fmt = form.width, form.height, "yuv420p"
    coder.time_base, coder.framerate, coder.thread_count = Fraction(1, form.fps), Fraction(form.fps), 1
    name, options = ("x265-params", _X265) if form.codec == "H.265" else ("x264-params", _X264)
    coder.options = {"preset": "ultrafast", name: options.format(form.fps, form.b_frames)}
    packets: list[Any] = []
    for place in range(1 if only_first else form.fps):
        _mark(planes, form, (number * form.fps + place) % (1 << MARKS))
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = place
        packets += coder.encode(frame)
    packets += coder.encode(None)
    payloads = rtp.payloads_265 if form.codec == "H.265" else rtp.payloads_264
    for packet in packets:
        units = tuple(rtp.units(bytes(packet)))
        yield Frame(tuple(payload for unit in units for payload in payloads(unit)), packet.pts, units)


def _planes(picture: Image.Image, form: Format) -> NDArray[np.uint8]:
    import av

    pixels = np.asarray(picture.convert("RGB").resize((form.width, form.height)))
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
    return frame.to_ndarray().astype(np.uint8)


def _mark(planes: NDArray[np.uint8], form: Format, number: int) -> None:
    """Write a number into the picture; the colour planes beneath are grey."""
    side = mark_side(form.height)
    top, width = form.height - 2 * side, MARKS * side
    for place in range(MARKS):
        bit = number >> (MARKS - 1 - place) & 1
        left = side * (place + 1)
        planes[top : top + side, left : left + side] = _WHITE if bit else _BLACK
    half = side // 2
    quarter = form.width * form.height // 4
    for plane in range(2):
        start = form.height * form.width + plane * quarter
        colour = planes.reshape(-1)[start : start + quarter].reshape(form.height // 2, form.width // 2)
        colour[top // 2 : top // 2 + half, half : half + width // 2] = _GREY
