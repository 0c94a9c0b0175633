"""One radiometric frame: the reply of `…/thermometry/jpegPicWithAppendData?format=json` (isapi.md 8.4) to temperatures.

The reply is multipart: a JSON head, perhaps the thermal JPEG, the matrix, perhaps the visible JPEG. Pictures and matrix may contain the
bytes of the delimiter, so parts are cut by their Content-Length alone; the delimiter only confirms that the length was right. Parts may come
in any order: their content type says what they are, the lengths in the head confirm it.

The matrix is row-major from the top left: float32 °C (`temperatureDataLength` 4), or int16 with °C = raw / scale + offset - 273.15 (2).
Values that are no numbers are kept where they are and counted by `RadiometricFrame.invalid`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from nvr_hooks import BadAnswer

MOST_BYTES = 64 << 20
"""The largest reply that is read."""
MOST_SIDE = 8_192
"""The most pixels a side can have; detectors have up to 1280."""
MOST_PARTS = 8
MOST_HEADER = 8_192
_ABSOLUTE_ZERO = -273.15

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadiometricFrame:
    """What a camera answered: `celsius` is read-only, shape (height, width), row 0 at the top."""

    celsius: Matrix = field(repr=False)
    channel: int | None = None
    frozen: bool | None = None
    """The picture stands still (shutter calibration): the values are old. None: the device did not say."""
    bytes_per_value: int = 4
    """4: the device sent float32; 2: int16 with scale and offset."""
    thermal_picture: bytes | None = field(default=None, repr=False)
    visible_picture: bytes | None = field(default=None, repr=False)

    @property
    def width(self) -> int:
        """Columns of the matrix: the detector's, not the stream's."""
        return int(self.celsius.shape[1])

    @property
    def height(self) -> int:
        """Rows of the matrix."""
        return int(self.celsius.shape[0])

    @property
    def matrix(self) -> memoryview:
        """The temperatures as a read-only memoryview of float32, shape (height, width); shares the memory of `celsius`."""
        return self.celsius.data

    @property
    def invalid(self) -> int:
        """Count the values that are NaN or infinite; looks at the whole matrix at each call."""
        return int(self.celsius.size - np.count_nonzero(np.isfinite(self.celsius)))


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    kind: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class _Head:
    channel: int | None
    width: int
    height: int
    value_bytes: int
    matrix_length: int
    scale: float | None
    offset: float | None
    frozen: bool | None
    thermal_length: int | None
    visible_length: int | None


def decode_frame(body: bytes | bytearray, *, camera: str = "") -> RadiometricFrame:
    """Return the frame in a reply; raise BadAnswer, with the numbers that do not fit, for anything else.

    float32 is used where it lies in `body` when that is immutable and aligned, and copied once otherwise.
    """
    try:
        return _decode(body)
    except BadAnswer as err:
        raise BadAnswer(
            f"{camera}: {err}" if camera else str(err), camera=camera, data=bytes(memoryview(body)[:512])
        ) from None


def _decode(body: bytes | bytearray) -> RadiometricFrame:
    if len(body) > MOST_BYTES:
        raise BadAnswer(f"a radiometric frame of {len(body)} bytes; at most {MOST_BYTES} are read")
    parts, closed = _parts(body)
    head = _read_head(_text_of(body, parts))
    thermal, visible = _pictures(body, parts, head)
    if not closed and ((thermal is None and head.thermal_length) or (visible is None and head.visible_length)):
        raise BadAnswer(f"the reply ends before the picture it declares; {_names(parts)} and no closing delimiter")
    celsius = _celsius(body, _matrix_part(parts, head), head)
    celsius.flags.writeable = False
    return RadiometricFrame(
        celsius=celsius,
        channel=head.channel,
        frozen=head.frozen,
        bytes_per_value=head.value_bytes,
        thermal_picture=thermal,
        visible_picture=visible,
    )


def _parts(body: bytes | bytearray) -> tuple[list[_Part], bool]:
    """Return the parts, and whether the closing delimiter came; without it every declared byte must still be there."""
    parts: list[_Part] = []
    at = _skip_blank(body, 0, len(body))
    delimiter, after = _line(body, at)
    if not delimiter.startswith(b"--") or len(delimiter) < 3:
        raise BadAnswer(
            f"a radiometric frame begins with a delimiter line, this reply with {bytes(body[at : at + 60])!r}"
        )
    number = 0
    while True:
        number += 1
        if number > MOST_PARTS:
            raise BadAnswer(f"a radiometric frame of more than {MOST_PARTS} parts")
        headers, start = _headers(body, after, delimiter, number)
        length = _content_length(headers, number)
        if length > len(body) - start:
            raise BadAnswer(f"part {number} declares {length} bytes, only {len(body) - start} are there")
        parts.append(_Part(number, headers.get("content-type", "").partition(";")[0].strip().lower(), start, length))
        at = _skip_blank(body, start + length, min(len(body), start + length + 4))
        if at == len(body):
            return parts, False
        line, after = _line(body, at)
        if line == delimiter + b"--":
            return parts, True
        if line != delimiter:
            raise BadAnswer(
                f"after the {length} bytes that part {number} declares comes {line[:40]!r} and not the delimiter {delimiter[:40]!r}"
            )


def _headers(body: bytes | bytearray, at: int, delimiter: bytes, number: int) -> tuple[dict[str, str], int]:
    headers: dict[str, str] = {}
    limit = at + MOST_HEADER
    while at < len(body):
        line, at = _line(body, at)
        if at > limit:
            raise BadAnswer(f"the headers of part {number} are longer than {MOST_HEADER} bytes")
        if line:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
            elif line != delimiter:
                raise BadAnswer(f"part {number} has a header line without a colon: {line[:40]!r}")
        elif headers:
            return headers, at
    raise BadAnswer(f"the reply ends in the headers of part {number}")


def _content_length(headers: Mapping[str, str], number: int) -> int:
    text = headers.get("content-length")
    if text is None:
        raise BadAnswer(f"part {number} has no Content-Length, and its bytes may contain the delimiter")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadAnswer(f"part {number} has the Content-Length {text[:40]!r}")
    return int(text)


def _line(body: bytes | bytearray, at: int) -> tuple[bytes, int]:
    end = body.find(b"\n", at, at + MOST_HEADER)
    if end < 0:
        return bytes(body[at : at + MOST_HEADER]).rstrip(b"\r \t"), min(len(body), at + MOST_HEADER)
    return bytes(body[at:end]).rstrip(b"\r \t"), end + 1


def _skip_blank(body: bytes | bytearray, at: int, end: int) -> int:
    while at < end and body[at] in b"\r\n":
        at += 1
    return at


def _text_of(body: bytes | bytearray, parts: list[_Part]) -> bytes:
    for part in parts:
        if part.kind.endswith("json"):
            return bytes(body[part.start : part.start + part.length])
    raise BadAnswer(f"a radiometric frame without its JSON part: {_names(parts)}")


def _read_head(text: bytes) -> _Head:
    try:
        document = json.loads(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as err:
        raise BadAnswer(f"the JSON part of a radiometric frame cannot be read: {err}") from None
    fields = document.get("JpegPictureWithAppendData", document) if isinstance(document, dict) else None
    if not isinstance(fields, dict):
        raise BadAnswer(f"the JSON part of a radiometric frame has no JpegPictureWithAppendData: {text[:60]!r}")
    width, height = _whole(fields, "jpegPicWidth"), _whole(fields, "jpegPicHeight")
    if width is None or height is None or not 1 <= width <= MOST_SIDE or not 1 <= height <= MOST_SIDE:
        raise BadAnswer(f"a matrix of {width} x {height} pixels; each side must have 1 to {MOST_SIDE}")
    declared, value_bytes = _whole(fields, "p2pDataLen"), _whole(fields, "temperatureDataLength")
    if value_bytes is None and declared is not None:
        value_bytes = declared // (width * height)  # confirmed below
    if value_bytes not in (2, 4):
        raise BadAnswer(f"values of {value_bytes} bytes (temperatureDataLength); 4 (float32) and 2 (int16) are known")
    length = width * height * value_bytes
    if declared is not None and declared != length:
        raise BadAnswer(
            f"p2pDataLen {declared} does not fit: {width} x {height} pixels of {value_bytes} bytes are {length}"
        )
    return _Head(
        channel=_whole(fields, "channel"),
        width=width,
        height=height,
        value_bytes=value_bytes,
        matrix_length=length,
        scale=_number(fields, "scale"),
        offset=_number(fields, "offset"),
        frozen=_flag(fields.get("isFreezedata")),
        thermal_length=_whole(fields, "jpegPicLen") or None,
        visible_length=_whole(fields, "visiblePicLen") or None,
    )


def _matrix_part(parts: list[_Part], head: _Head) -> _Part:
    found = [part for part in parts if not part.kind.endswith("json") and not part.kind.startswith("image/")]
    for part in found:
        if part.length == head.matrix_length:
            return part
    if not found:
        raise BadAnswer(f"a radiometric frame without its matrix of {head.matrix_length} bytes: {_names(parts)}")
    raise BadAnswer(
        f"a matrix of {found[0].length} bytes; {head.width} x {head.height} pixels of {head.value_bytes} bytes are {head.matrix_length}"
    )


def _celsius(body: bytes | bytearray, part: _Part, head: _Head) -> Matrix:
    shape = (head.height, head.width)
    pixels = head.width * head.height
    if head.value_bytes == 4:
        values = np.frombuffer(body, "<f4", count=pixels, offset=part.start).reshape(shape)
        if sys.byteorder == "big" or not values.flags.aligned or not isinstance(body, bytes):
            values = values.astype(np.float32)
        return values
    if head.scale is None or head.offset is None:
        raise BadAnswer(
            f"a matrix of int16 needs scale and offset; the head says scale {head.scale}, offset {head.offset}"
        )
    if head.scale <= 0:
        raise BadAnswer(f"a matrix of int16 with scale {head.scale:g}; it must be above 0")
    raw = np.frombuffer(body, "<i2", count=pixels, offset=part.start).reshape(shape)
    with np.errstate(over="ignore", invalid="ignore"):
        kelvin: Matrix = (raw / head.scale + (head.offset + _ABSOLUTE_ZERO)).astype(np.float32)
    return kelvin


def _pictures(body: bytes | bytearray, parts: list[_Part], head: _Head) -> tuple[bytes | None, bytes | None]:
    """Tell thermal from visible by the declared lengths; of equal or undeclared ones the thermal picture comes first."""
    images = [part for part in parts if part.kind.startswith("image/")]
    declared: list[int | None] = [head.thermal_length, head.visible_length]
    chosen: list[_Part | None] = [None, None]
    for index, length in enumerate(declared):
        match = next((part for part in images if part.length == length), None)
        if match is not None:
            chosen[index] = match
            images.remove(match)
    for part in images:
        free = [index for index in (0, 1) if chosen[index] is None]
        if any(declared[index] is not None for index in free):
            raise BadAnswer(
                f"part {part.number} is a picture of {part.length} bytes; the head declares jpegPicLen {head.thermal_length}"
                f" and visiblePicLen {head.visible_length}"
            )
        if free:
            chosen[free[0]] = part
    thermal, visible = (None if part is None else bytes(body[part.start : part.start + part.length]) for part in chosen)
    return thermal, visible


def _names(parts: list[_Part]) -> str:
    return "the reply has " + ", ".join(
        f"{part.kind or 'a part without content type'} ({part.length} bytes)" for part in parts
    )


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(fields: Mapping[str, Any], name: str) -> int | None:
    number = _number(fields, name)
    return None if number is None or not number.is_integer() else int(number)


def _flag(value: object) -> bool | None:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return None
