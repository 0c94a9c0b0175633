"""Radiometric frames as files: NPZ and CSV for programs, PNG in false colour for people.

A file appears under its name only when it is whole: it is written beside it as `.part` and renamed. The PNG needs Pillow (extra `overlay`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from nvr_hooks import ThermalFrame, Unsupported, WrongUse, rfc3339

from ..radiometry import Matrix, Statistics, as_matrix, over_all

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

FORMATS = (".npz", ".csv", ".png")
_LEAST_WIDTH = 640
"""Smaller detectors are enlarged by whole factors, so that a person sees something and a pixel stays a square."""
_COLOURS = (
    (0.0, (0, 0, 8)),
    (0.2, (52, 10, 95)),
    (0.4, (138, 34, 106)),
    (0.6, (212, 72, 66)),
    (0.8, (249, 149, 10)),
    (1.0, (252, 255, 210)),
)
_INVALID = (0, 110, 110)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_BAR, _LABELS, _MARGIN, _TEXT = 16, 64, 10, 14


def save_frame(frame: ThermalFrame, target: Path) -> Path:
    """Write a frame as NPZ, CSV or PNG, by the target's suffix, and return the target; a file of that name is replaced at once when it is whole.

    NPZ: `celsius` (float32, height x width), `camera`, `channel`, `taken_at` (RFC 3339), `frozen` (-1 unknown, 0, 1), and the pictures as
    bytes (`thermal_picture`, `visible_picture`) where the camera sent them. CSV: one line a row, °C to 0.001, `nan` and `inf` as they are.
    PNG: false colour between the lowest and highest temperature with a scale bar, the hottest point marked; invalid pixels in teal.
    Raises WrongUse for another suffix, Unsupported without Pillow, OSError when it cannot be written.
    """
    writers: dict[str, Callable[[ThermalFrame, BinaryIO], None]] = {
        ".npz": _write_npz,
        ".csv": _write_csv,
        ".png": _write_png,
    }
    write = writers.get(target.suffix.lower())
    if write is None:
        raise WrongUse(f"{target.name}: a frame is saved as {', '.join(FORMATS)}")
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            write(frame, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def false_colour(matrix: memoryview | Matrix, low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Return the colours of a matrix, shape (height, width, 3): `low` and below is darkest, `high` and above brightest.

    Without them the lowest and highest valid temperature are taken.
    """
    celsius = as_matrix(matrix)
    seen = over_all(celsius)
    bottom = low if low is not None else seen.lowest_celsius if seen.lowest_celsius is not None else 0.0
    top = high if high is not None else seen.highest_celsius if seen.highest_celsius is not None else bottom
    finite = np.isfinite(celsius)
    shares = (np.where(finite, celsius, bottom) - bottom) / max(top - bottom, 1e-6)
    colours: NDArray[np.uint8] = _table()[np.clip(shares * 255, 0, 255).astype(np.uint8)]
    colours[~finite] = _INVALID
    return colours


def _table() -> NDArray[np.uint8]:
    steps = [place for place, _ in _COLOURS]
    channels = [
        np.interp(np.linspace(0, 1, 256), steps, [colour[index] for _, colour in _COLOURS]) for index in range(3)
    ]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _write_npz(frame: ThermalFrame, file: BinaryIO) -> None:
    arrays: dict[str, NDArray[np.generic]] = {
        "celsius": as_matrix(frame.matrix),
        "camera": np.array(frame.camera),
        "channel": np.array(frame.channel),
        "taken_at": np.array(rfc3339(frame.taken_at)),
        "frozen": np.array(-1 if frame.frozen is None else int(frame.frozen)),
    }
    for name in ("thermal_picture", "visible_picture"):
        picture = getattr(frame, name)
        if picture is not None:
            arrays[name] = np.frombuffer(picture, np.uint8)
    np.savez_compressed(file, allow_pickle=False, **arrays)


def _write_csv(frame: ThermalFrame, file: BinaryIO) -> None:
    text = io.TextIOWrapper(file, encoding="ascii", newline="\n", write_through=True)
    try:
        for row in as_matrix(frame.matrix).tolist():
            text.write(",".join([f"{celsius:.3f}" for celsius in row]) + "\n")
    finally:
        text.detach()


def _write_png(frame: ThermalFrame, file: BinaryIO) -> None:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise Unsupported("a picture in false colour needs Pillow: pip install 'hik-thermal-plugin[overlay]'") from None
    matrix = as_matrix(frame.matrix)
    seen = over_all(matrix)
    factor = max(1, -(-_LEAST_WIDTH // frame.width))
    picture = Image.fromarray(false_colour(matrix)).resize(
        (frame.width * factor, frame.height * factor), Image.Resampling.NEAREST
    )
    sheet = Image.new("RGB", (picture.width + _MARGIN + _BAR + _LABELS, picture.height), _BLACK)
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)
    _draw_scale(sheet, draw, font, picture.width + _MARGIN, seen)
    if seen.highest_at is not None and seen.highest_celsius is not None:
        _mark(draw, font, picture, seen.highest_at, f"{seen.highest_celsius:.1f} °C")
    sheet.save(file, "PNG")


def _draw_scale(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    left: int,
    seen: Statistics,
) -> None:
    from PIL import Image

    top, height = _TEXT, sheet.height - 2 * _TEXT
    if height < 2:
        return
    shades = _table()[np.linspace(255, 0, height).astype(np.uint8)]
    sheet.paste(Image.fromarray(np.repeat(shades[:, None, :], _BAR, axis=1)), (left, top))
    draw.rectangle((left - 1, top - 1, left + _BAR, top + height), outline=_WHITE)
    if seen.highest_celsius is None or seen.lowest_celsius is None:
        draw.text((left + _BAR + 4, top), "no value", fill=_WHITE, font=font)
        return
    marks = max(2, min(6, height // (3 * _TEXT)))
    for index in range(marks):
        share = index / (marks - 1)
        y = top + share * (height - 1)
        celsius = seen.highest_celsius + share * (seen.lowest_celsius - seen.highest_celsius)
        draw.line((left + _BAR, y, left + _BAR + 3, y), fill=_WHITE)
        draw.text((left + _BAR + 6, y), f"{celsius:.1f} °C", fill=_WHITE, font=font, anchor="lm")


def _mark(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    picture: Image.Image,
    at: tuple[float, float],
    words: str,
) -> None:
    x, y = at[0] * picture.width, at[1] * picture.height
    for colour, width in ((_BLACK, 3), (_WHITE, 1)):
        draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline=colour, width=width)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            draw.line((x + 5 * dx, y + 5 * dy, x + 14 * dx, y + 14 * dy), fill=colour, width=width)
    wide = draw.textlength(words, font=font)
    left = x + 18 if x + 18 + wide < picture.width else x - 18 - wide
    below = y + 4 if y + 4 + _TEXT < picture.height else y - 4 - _TEXT
    draw.text((max(0.0, left), max(0.0, below)), words, fill=_WHITE, font=font, stroke_width=2, stroke_fill=_BLACK)
