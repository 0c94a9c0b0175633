"""Where a multipart delimiter stands, and where one only seems to: pure functions over the bytes received so far.

A delimiter line is the delimiter at the start of a line, followed by a line end, blanks, or `--`. Its text alone proves nothing: pictures and
matrices may contain it (isapi.md 10 item 19).
"""

from __future__ import annotations

import re

LOOK = 300
"""Bytes behind a position that may be looked at to tell what stands there: a delimiter, its line end, blank lines and the word `Content-`."""
_NEWLINE = ord("\n")
_LINE_END = (b"", b"\r", b"\n", b" ", b"\t")
_JPEG_END = b"\xff\xd9"
_HEADER = b"content-"
_LEARNED = re.compile(rb"--[0-9A-Za-z'()+_,./:=?<>-]{1,200}\Z")
_BOM = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"(?:[ \t\r\n\0]|\xef\xbb\xbf)*")
_PART_START = re.compile(rb"[ \t]*\r?\n\s*content-", re.IGNORECASE)


def after_blanks(buffer: bytearray) -> int:
    """Return where the first byte stands that is no white space, NUL or byte-order mark; -1 when there is none yet."""
    match = _BLANKS.match(buffer)
    at = match.end() if match else 0
    return -1 if at == len(buffer) or (len(buffer) - at < len(_BOM) and _BOM.startswith(buffer[at:])) else at


def learn_delimiter(line: bytes, boundaries: tuple[bytes, ...]) -> bytes | None:
    """Return the delimiter that a line before the first part shows, one of those the header named if it can be; None when it shows none."""
    known = [name for name in boundaries if line in (name, name + b"--")]
    if known:
        return known[0]
    return line.removesuffix(b"--") if _LEARNED.match(line) else None


def is_delimiter(buffer: bytes | bytearray, delimiter: bytes, at: int) -> int:
    """Tell whether a delimiter stands at this offset: 1 yes, 0 no, -1 when it takes more bytes to tell."""
    size = len(delimiter)
    piece = bytes(buffer[at : at + size + 2])
    if not piece.startswith(delimiter):
        return -1 if delimiter.startswith(piece) else 0
    after = piece[size:]
    if after[:1] in _LINE_END:
        return 1 if after else -1
    return 1 if after == b"--" else -1 if after == b"-" else 0


def find_delimiter(buffer: bytearray, delimiter: bytes, start: int) -> tuple[int, int]:
    """Return (offset of the next delimiter line or -1, where to go on searching when more has come)."""
    at = start
    while (at := buffer.find(delimiter, at)) >= 0:
        if _starts_line(buffer, at):
            found = is_delimiter(buffer, delimiter, at)
            if found:
                return (at if found > 0 else -1), at
        at += 1
    return -1, max(start, len(buffer) - len(delimiter) + 1)


def find_early_end(buffer: bytearray, delimiter: bytes, start: int, length: int) -> tuple[int, int]:
    """Return (where a JPEG ends before its declared length or -1, where to go on searching when more has come).

    A length that is too large would swallow the alarms after the picture. The picture's own end marker, a delimiter line and a part header
    together prove it.
    """
    stop, at = min(len(buffer), length), start
    while (at := buffer.find(delimiter, at, stop)) >= 0:
        before = bytes(buffer[max(0, at - 6) : at])
        picture = before.rstrip(b"\r\n")
        after = bytes(buffer[at + len(delimiter) : min(stop, at + LOOK)])
        if picture.endswith(_JPEG_END) and _may_begin_part(after):
            if _PART_START.match(after):
                return at - len(before) + len(picture), at
            if stop < length:
                return -1, at
        at += 1
    return -1, max(start, stop - len(delimiter) + 1)


def find_swallowed(body: bytes, following: bytes, delimiter: bytes) -> int:
    """Return where in a binary body the next part begins, when what follows it shows that its length was too large; -1 when nowhere."""
    both = body + following
    at = both.find(delimiter)
    while 0 <= at < len(body):
        if _starts_line(both, at) and _may_begin_part(both[at + len(delimiter) : at + LOOK]):
            return at
        at = both.find(delimiter, at + 1)
    for before in (b"\n", _JPEG_END):  # the length may end inside the delimiter
        at = body.rfind(before) + len(before)
        if len(before) <= at < len(body) and delimiter.startswith(both[at:]):
            return at
    return -1


def _starts_line(buffer: bytes | bytearray, at: int) -> bool:
    """Tell whether a line starts here, for which a picture's end marker will do: some devices leave the line end out."""
    return at == 0 or buffer[at - 1] == _NEWLINE or buffer[at - 2 : at] == _JPEG_END


def _may_begin_part(after: bytes) -> bool:
    """Tell whether these bytes after a delimiter are, or may become, a line end and a part header."""
    rest = after.lstrip(b" \t\r\n")
    return (b"\n" in after[: len(after) - len(rest)] or not rest) and _HEADER.startswith(rest[: len(_HEADER)].lower())
