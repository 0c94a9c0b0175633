"""Read the HTTP requests of a device that pushes: bytes in, heads and pieces of bodies out, no socket and no clock (isapi.md 6.9).

A body comes in pieces as it arrives, so that an alarm need not wait for the pictures behind it. A request has a Content-Length, as all
captured pushes do; one in chunks is refused. Every bound exceeded and everything that is no HTTP raises BadRequest, after which no more is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD = 16 * 1024
MAX_BODY = 16 * 1024 * 1024
"""Bytes: an alarm with its pictures has several megabytes at most (isapi.md 6.2)."""
_END = re.compile(rb"\r?\n\r?\n")
_LINE = re.compile(r"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/(1\.[01])")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class BadRequest(Exception):
    """What is wrong with a request, and the status that says so."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and headers; names in lower case."""

    method: str
    path: str
    """Without the query."""
    headers: Mapping[str, str]
    length: int
    """Of the body in bytes."""
    keep: bool
    """Whether the client keeps the connection for more."""

    @property
    def waits(self) -> bool:
        """Whether the client waits for 100 Continue before it sends the body."""
        return self.length > 0 and self.headers.get("expect", "").lower() == "100-continue"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a body, or all; a request without a body has one empty piece."""

    data: bytes
    last: bool


class RequestReader:
    """Reads the requests of one connection, one after the other. Not thread-safe."""

    def __init__(self, *, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> None:
        self._max_head = max_head
        self._max_body = max_body
        self._buffer = bytearray()
        self._left: int | None = None  # of the body; None: between requests

    @property
    def idle(self) -> bool:
        """Whether nothing of a request has come yet."""
        return self._left is None and not self._buffer

    def feed(self, data: bytes) -> list[Head | Piece]:
        """Take bytes as they come; return what they complete."""
        self._buffer += data
        out: list[Head | Piece] = []
        while True:
            if self._left is None:
                head = self._head()
                if head is None:
                    return out
                out.append(head)
                self._left = head.length
            taken = bytes(self._buffer[: self._left])
            del self._buffer[: len(taken)]
            self._left -= len(taken)
            if self._left:
                if taken:
                    out.append(Piece(taken, last=False))
                return out
            out.append(Piece(taken, last=True))
            self._left = None

    def _head(self) -> Head | None:
        buffer = self._buffer
        del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
        most = self._max_head + 4  # with the blank line, however it arrives
        found = _END.search(buffer, 0, most)
        if found is None:
            if len(buffer) >= most:
                raise BadRequest(431, f"a head of more than {self._max_head} bytes")
            return None
        lines = bytes(buffer[: found.start()]).decode("latin-1").splitlines()
        del buffer[: found.end()]
        line = _LINE.fullmatch(lines[0])
        if line is None:
            raise BadRequest(400, "no HTTP request")
        headers: dict[str, str] = {}
        for text in lines[1:]:
            name, colon, value = text.partition(":")
            name, value = name.strip().lower(), value.strip()
            if not colon or not name or (name == "content-length" and headers.get(name, value) != value):
                raise BadRequest(400, "a broken header")
            headers[name] = value
        if "transfer-encoding" in headers:
            raise BadRequest(411, "a body in chunks")
        word = headers.get("content-length", "0")
        if not (word.isascii() and word.isdigit()):
            raise BadRequest(400, "a Content-Length that is no number")
        length = int(word[:18])
        if length > self._max_body:
            raise BadRequest(413, f"a body of more than {self._max_body} bytes")
        keep = line[3] == "1.1" and headers.get("connection", "").lower() != "close"
        return Head(line[1], line[2].partition("?")[0], headers, length, keep)


def answer(status: int, *, keep: bool = False) -> bytes:
    """Return an answer; it says no more than it must to whom it may go."""
    reason = _REASONS.get(status, "Error")
    body = f"{reason}\r\n"
    connection = "keep-alive" if keep else "close"
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {connection}\r\n\r\n{body}"
    ).encode("ascii")


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
