"""Thermometry as raw bytes: the blocks of a stream, the parts of a frame, documents by GET and PUT."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from lxml import etree
from raw_http import RawClient, Wire

BLOCK = re.compile(
    rb'--boundary\r\nContent-Type: application/json; charset="UTF-8"\r\nContent-Length: (\d+)\r\n\r\n(?=\{)'
)


def thermal(name: str, channel: int = 2) -> str:
    """The path of a document of the thermal channel."""
    return f"/ISAPI/Thermal/channels/{channel}/{name}"


RULES = "thermometry/realTimethermometry/rules"
REAL_TIME = f"{thermal(RULES)}?format=json"
POLLING = f"{thermal('thermometry/1/rulesTemperatureInfo')}?format=json"
FRAME = f"{thermal('thermometry/jpegPicWithAppendData')}?format=json"
CLICK = f"{thermal('clickToThermometry/rules/1')}?format=json"
MODE = thermal("thermometryMode")
BASIC = thermal("thermometry/basicParam")
SCENE = thermal("thermometry/1")
REGIONS = thermal("thermometry/1/regions")
ALARM_RULES = thermal("thermometry/1/alarmRules")
PIXELS = thermal("thermometry/pixelToPixelParam")
FIRE = thermal("fireDetection")


def blocks(data: bytes) -> list[Any]:
    """The complete blocks of a stream by their Content-Length, each followed by a CRLF that is not counted."""
    at, found = data.index(b"\r\n\r\n") + 4, []
    while match := BLOCK.match(data, at):
        body = data[match.end() : match.end() + int(match[1])]
        at = match.end() + len(body) + 2
        if len(data) < at:
            break
        assert data[at - 2 : at] == b"\r\n"
        found.append(body)
    return found


def uploads(data: bytes) -> list[list[dict[str, Any]]]:
    """The readings of each block."""
    return [json.loads(body)["ThermometryUploadList"]["ThermometryUpload"] for body in blocks(data)]


def next_uploads(wire: Wire, wanted: Any = lambda readings: True) -> list[dict[str, Any]]:
    """The readings of the first block from now on that is as wanted."""
    before = len(blocks(wire.data))
    data = wire.until(lambda data: any(wanted(readings) for readings in uploads(data)[before:]))
    return next(readings for readings in uploads(data)[before:] if wanted(readings))


def frame_parts(body: bytes) -> list[tuple[list[str], bytes]]:
    """The parts of a frame, strictly as captured: header lines in order, body, CRLF; closed by the last delimiter."""
    at, found = 0, []
    while body[at : at + 12] == b"--boundary\r\n":
        end = body.index(b"\r\n\r\n", at)
        *lines, last = body[at + 12 : end].decode().split("\r\n")
        length = int(last.removeprefix("Content-Length: "))
        found.append((lines, body[end + 4 : end + 4 + length]))
        at = end + 4 + length
        assert body[at : at + 2] == b"\r\n"
        at += 2
    assert body[at:] == b"--boundary--\r\n"
    return found


def frame(client: RawClient, target: str = FRAME) -> tuple[dict[str, Any], list[tuple[list[str], bytes]]]:
    """The facts and the parts of a frame."""
    answer = client.get(target)
    assert answer.status == 200, answer.body[:300]
    assert answer.header("content-type") == "multipart/form-data; boundary=boundary"
    parts = frame_parts(answer.body)
    return json.loads(parts[0][1])["JpegPictureWithAppendData"], parts


def celsius(facts: dict[str, Any], data: bytes) -> list[float]:
    """The temperatures in a matrix, as isapi.md 8.4 reads it."""
    if facts["temperatureDataLength"] == 4:
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    raw = struct.unpack(f"<{len(data) // 2}h", data)
    return [value / facts["scale"] + facts["offset"] - 273.15 for value in raw]


def document(client: RawClient, path: str) -> etree._Element:
    answer = client.get(path)
    assert answer.status == 200, answer.body
    return etree.fromstring(answer.body)


def put(client: RawClient, path: str, body: bytes | etree._Element) -> tuple[int, str]:
    """PUT a document; the status and the subStatusCode."""
    data = body if isinstance(body, bytes) else etree.tostring(body)
    answer = client.get(path, method="PUT", body=data)
    found = re.search(rb"subStatusCode[^\w]+(\w+)", answer.body)
    assert found, answer.body
    return answer.status, found[1].decode()


def node(root: etree._Element, path: str) -> etree._Element:
    """The first element along a path of local names."""
    found = root.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    assert found is not None, path
    return found


def entry(root: etree._Element, name: str, number: int) -> etree._Element:
    """The entry of a list by its id."""
    return next(item for item in root.iter(f"{{*}}{name}") if node(item, "id").text == str(number))


def text(root: etree._Element, path: str) -> str:
    return node(root, path).text or ""


def change(client: RawClient, path: str, **changes: str) -> tuple[int, str]:
    """GET, change the first element of each name, PUT."""
    root = document(client, path)
    for name, value in changes.items():
        next(root.iter(f"{{*}}{name}")).text = value
    return put(client, path, root)
