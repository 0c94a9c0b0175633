"""Excerpts of multipart answers for a capture: whole parts only, texts replaced with their lengths put right, pictures and matrices cut.

Every byte that says how a device frames its parts stays as it came; so a Content-Length that was off by three is off by three afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from nvr_hooks import BadAnswer

from .multipart import PartReader
from .parts import is_described

HEAD = 64
"""Bytes that are kept of a binary body; a multiple of the size of every temperature."""
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$")
_TYPE = re.compile(rb"(?im)^content-type:[ \t]*([\w/+.-]+)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_DELIMITER = re.compile(rb"(?m)^--[^\r\n]{1,70}\r?$")
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class Cut:
    """A body that lacks bytes: `left_out` names places in `data`, and how many bytes stood there."""

    data: bytes
    left_out: tuple[tuple[int, int], ...]


def whole_parts(data: bytes, content_type: str | None) -> bytes:
    """Return a stream's bytes without a part at the end that is not whole."""
    starts = [match.start() for match in _DELIMITER.finditer(data)]
    for start in reversed(starts):
        with suppress(BadAnswer):
            if PartReader(content_type).feed(data[start:]):
                return data
        data = data[:start]
    return data


def replaced_texts(data: bytes, change: Callable[[bytes], bytes], *, pictures: bool = False) -> bytes:
    """Return a multipart body with its texts changed; without `pictures` those are empty, but as long as before."""
    out: list[bytes] = []
    at = 0
    for length, start, end, text in _bodies(data):
        body = data[start:end]
        new = change(body) if text else body if pictures else _emptied(body)
        declared = int(length[1]) + len(new) - len(body)
        out += [change(data[at : length.start(1)]), str(declared).encode(), data[length.end(1) : start], new]
        at = end
    return b"".join([*out, change(data[at:])])


def cut_binaries(data: bytes) -> Cut:
    """Return a multipart body with the first bytes of each picture and matrix only."""
    out, left_out, size, at = [], [], 0, 0
    for _, start, end, text in _bodies(data):
        if text or end - start <= HEAD:
            continue
        piece = data[at : start + HEAD]
        out.append(piece)
        size += len(piece)
        left_out.append((size, end - start - HEAD))
        at = end
    return Cut(b"".join([*out, data[at:]]), tuple(left_out))


def _bodies(data: bytes) -> Iterator[tuple[re.Match[bytes], int, int, bool]]:
    """Yield each announced length, where its body begins and ends, and whether that is a text."""
    after = 0
    for length in _LENGTH.finditer(data):
        blank = _BLANK_LINE.search(data, length.end(1))
        if length.start() < after or blank is None:
            continue
        head = data[max(after, data.rfind(b"\n--", 0, length.start())) : blank.start()]
        kind = _TYPE.search(head)
        start = blank.end()
        after = min(start + int(length[1]), len(data))
        described = kind is not None and is_described(kind[1].decode("latin-1").lower())
        yield length, start, after, described or (kind is None and data[start : start + 1] in (b"<", b"{"))


def _emptied(body: bytes) -> bytes:
    start = _JPEG if body.startswith(_JPEG) else b""
    return start + bytes(len(body) - len(start))
