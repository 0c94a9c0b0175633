"""The radiometric frame: pictures and all temperatures in one reply (isapi.md 8.4, whose layout was captured to the byte)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import readings
from .device import Device
from .http import Reply
from .pictures import with_comment
from .refusals import FRAME_PARAMETERS, Refused
from .scene import Matrix

BOUNDARY = "boundary"
_ZERO_CELSIUS = 273.15
_SCALES = (64, 32, 10)
_RAW = np.iinfo("<i2")


def reply(device: Device, path: str) -> Reply:
    """A frame as it is now; raises Refused while the parameters are not right. `path` is what its faults are for."""
    measuring, profile, faults = device.measuring, device.profile, device.faults
    if not measuring.on or (profile.frames_need_parameters and not measuring.frame_parameters_set):
        raise Refused(FRAME_PARAMETERS)
    parameters = measuring.values["PixelToPixelParam"]
    wanted = parameters["JpegPictureWithAppendData"]
    matrix = device.scene.matrix()
    if faults.strike("broken_matrix", path):
        matrix = _broken(matrix)
    length = int(parameters["temperatureDataLength"])
    scale, offset = _scale(matrix, profile.matrix_offset), profile.matrix_offset
    data = matrix.astype("<f4").tobytes() if length == 4 else _raw(matrix, scale, offset).tobytes()
    picture = _picture(device, thermal=True) if wanted["jpegPicEnabled"] else b""
    visible = _picture(device, thermal=False) if wanted[profile.visible_picture_word] else b""
    height, width = matrix.shape
    frozen = device.scene.frozen
    facts: dict[str, object] = {
        "channel": device.data_channel,
        "jpegPicLen": len(picture),
        "jpegPicWidth": width,
        "jpegPicHeight": height,
        "p2pDataLen": len(data),
        "isFreezedata": frozen if profile.frame_flag_words else int(frozen),
        "temperatureDataLength": length,
    }
    if length == 2:
        facts |= {"scale": 0 if faults.strike("zero_scale", path) else scale, "offset": offset}
    if visible:
        facts["visiblePicLen"] = len(visible)
    if faults.strike("short_matrix", path):
        data = data[: len(data) // 2]
    if faults.strike("long_matrix", path):
        data += data[: len(data) // 2]
    form = "Content-Disposition: form-data;"
    parts = [
        (['Content-Type: application/json; charset="UTF-8"'], readings.encode({"JpegPictureWithAppendData": facts}))
    ]
    parts += [([form, "Content-Type: image/pjpeg"], picture)] if picture else []
    parts += [([form, "Content-Type: application/octet-stream"], data)]
    parts += [([form, "Content-Type: image/pjpeg"], visible)] if visible else []
    body = b"".join(_part(headers, part) for headers, part in parts) + f"--{BOUNDARY}--\r\n".encode()
    return Reply(200, body, f"multipart/form-data; boundary={BOUNDARY}")


def _part(headers: list[str], body: bytes) -> bytes:
    return "\r\n".join([f"--{BOUNDARY}", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body + b"\r\n"


def _picture(device: Device, *, thermal: bool) -> bytes:
    """A picture of the detector's size, or of what the visible channel's main stream sees; none where no such channel is."""
    channel = next((channel for channel in device.model.channels if channel.thermal == thermal), None)
    if channel is None:
        return b""
    height, width = device.scene.matrix().shape
    picture = device.picture(channel.id, (width, height) if thermal else None)
    if device.profile.delimiter_in_pictures:
        picture = with_comment(picture, f"\r\n--{BOUNDARY}\r\n".encode())
    return picture


def _scale(matrix: Matrix, offset: int) -> int:
    """The finest of some scales that holds the hottest pixel."""
    hottest = float(np.nanmax(np.where(np.isfinite(matrix), matrix, np.nan)))
    return next((scale for scale in _SCALES if (hottest + _ZERO_CELSIUS - offset) * scale < _RAW.max), _SCALES[-1])


def _raw(matrix: Matrix, scale: int, offset: int) -> NDArray[np.int16]:
    values = (np.nan_to_num(matrix.astype(np.float64)) + _ZERO_CELSIUS - offset) * scale
    return np.clip(np.rint(values), _RAW.min, _RAW.max).astype("<i2")


def _broken(matrix: Matrix) -> Matrix:
    broken = matrix.copy()
    broken.flat[:3] = (np.nan, np.inf, -np.inf)
    return broken
