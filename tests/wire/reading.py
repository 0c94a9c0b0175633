"""Run the part reader in every way bytes can arrive, and check that it makes no difference."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.multipart import PartReader
from hik_thermal_plugin.wire.parts import Part

BOUNDARY = "multipart/mixed; boundary=boundary"
XML = 'application/xml; charset="UTF-8"'
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) + b"\xff\xd9"


def in_pieces(data: bytes, size: int) -> list[bytes]:
    """Cut bytes into pieces of one size."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def at_random(data: bytes, seed: int, cuts: int = 9) -> list[bytes]:
    """Cut bytes at random, the same way each time."""
    places = [0, *sorted(random.Random(seed).choices(range(len(data) + 1), k=cuts)), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def read(pieces: Iterable[bytes], content_type: str | None = BOUNDARY, **bounds: int) -> tuple[list[Part], int]:
    """Feed pieces and the end; return the parts and the count of framing errors."""
    reader = PartReader(content_type, **bounds)
    parts: list[Part] = []
    for piece in pieces:
        parts += reader.feed(piece)
    parts += reader.close()
    assert reader.parts == len(parts)
    return parts, reader.framing_errors


def every_way(data: bytes, content_type: str | None = BOUNDARY, **bounds: int) -> tuple[list[Part], int]:
    """Read whole, byte by byte, in pairs and at random cuts; return what all agree on."""
    whole = read([data], content_type, **bounds)
    for pieces in (in_pieces(data, 1), in_pieces(data, 2), *(at_random(data, seed) for seed in range(8))):
        assert read(pieces, content_type, **bounds) == whole
    return whole


def arrivals(data: bytes, content_type: str | None = BOUNDARY) -> list[int]:
    """Return for each part how many bytes had been fed, one by one, when it came out."""
    reader = PartReader(content_type)
    return [count for count, byte in enumerate(in_pieces(data, 1), 1) for _ in reader.feed(byte)]


def part(body: bytes, kind: str | None = XML, length: int | bool = True, end: bytes = b"\r\n", **headers: str) -> bytes:
    """Return one part as thermal cameras frame it (isapi.md 6.2); `length` is a number, True for the right one, False for none."""
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"Content-Length: {len(body) if length is True else length}"] if length is not False else []
    return b"--boundary\r\n" + "\r\n".join([*lines, "", ""]).encode() + body + end


def alert(kind: str = "VMD", more: str = "") -> bytes:
    """Return a small alarm document."""
    return (
        f"<EventNotificationAlert><channelID>2</channelID><dateTime>2026-03-04T05:06:07+01:00</dateTime>"
        f"<eventType>{kind}</eventType><eventState>active</eventState>{more}</EventNotificationAlert>"
    ).encode()


def value_or_bad_answer(decode: Any, data: bytes) -> Any:
    """Return what a decoder makes of broken bytes, or the BadAnswer it raised; anything else fails the test."""
    try:
        return decode(data)
    except BadAnswer as error:
        assert str(error)
        return error
