"""HTTP as a device speaks it.

Standard-library servers cannot stall in a part, announce a wrong length or end with a reset, so this is a small one of its own.
Requests are answered in order; a body needs a Content-Length.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from .connection import Connection

MAX_HEAD = 64 * 1024
MAX_BODY = 8 * 1024 * 1024

_REASONS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    416: "Range Not Satisfiable",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(slots=True)
class Reply:
    """One answer. `length_error` is added to the announced Content-Length; `cut` ends the connection half way.

    A long body comes in `chunks`, `length` bytes in all; `sized` False announces no Content-Length. `delay` is in seconds.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = 'application/xml; charset="UTF-8"'
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False
    length_error: int = 0
    cut: bool = False
    chunks: AsyncGenerator[bytes] | None = None
    length: int = 0
    sized: bool = True
    delay: float = 0.0

    def head(self) -> bytes:
        """Status line and headers, blank line included."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Type: {self.content_type}"]
        if self.sized:
            length = len(self.body) if self.chunks is None else self.length
            lines += [f"Content-Length: {length + self.length_error}"]
        lines += ["Connection: close"] if self.close else ["Connection: keep-alive", "Keep-Alive: timeout=60, max=99"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


class HttpConnection(Connection):
    """Hands complete requests to `requested`."""

    def __init__(
        self,
        requested: Callable[[HttpConnection, Request], None],
        came: Callable[[HttpConnection], object],
        gone: Callable[[HttpConnection], object],
    ) -> None:
        super().__init__(came, gone)
        self._requested = requested
        self._deaf = False
        self._answering = False
        self._close_after = False

    @property
    def ignores_input(self) -> bool:
        """Whether what the client sends is dropped."""
        return self.silent or self._deaf

    def listen_no_more(self) -> None:
        """Ignore what the client sends from now on: the connection has become a stream."""
        self._deaf = True
        self._buffer.clear()

    def hold(self) -> None:
        """Take no further request until `go_on`: the answer to this one takes a while."""
        self._answering = True

    def go_on(self, *, close: bool) -> None:
        """The answer is complete: take the next request, or close."""
        self._answering = False
        if close or self._close_after:
            self.end()
        while not (self.closed or self.ignores_input) and self.take():
            pass

    def answer(self, reply: Reply) -> None:
        """Send a reply, in the shape its faults give it."""
        head, body = reply.head(), reply.body
        if reply.cut:
            self.write(head + body[: len(body) // 2])
            self.end()
            return
        self.write(head + body)
        if reply.close or reply.length_error > 0:
            self.end()

    def take(self) -> bool:
        """Take one request from the buffer."""
        if self._answering:
            return False
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self._reject(400)
            return False
        lines = self._buffer[:end].decode("utf-8", "replace").split("\r\n")
        words = lines[0].split(" ")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if len(words) != 3 or not words[1].startswith("/"):
            self._reject(400)
            return False
        if "transfer-encoding" in headers:
            self._reject(411)
            return False
        announced = headers.get("content-length", "0")
        length = int(announced) if announced.isdecimal() else -1
        if not 0 <= length <= MAX_BODY:
            self._reject(413 if length > MAX_BODY else 400)
            return False
        start = end + 4
        if len(self._buffer) < start + length:
            if headers.pop("expect", "").lower() == "100-continue" and len(self._buffer) == start:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        request = Request(words[0], words[1], headers, bytes(self._buffer[start : start + length]))
        del self._buffer[: start + length]
        self.path = request.path
        self._requested(self, request)
        if words[2] == "HTTP/1.0" or headers.get("connection", "").lower() == "close":
            self.end_unless_stream()
        return True

    def end_unless_stream(self) -> None:
        """Close after the reply, as the client asked, but leave a stream open."""
        self._close_after = self._answering
        if not (self._deaf or self.silent or self._answering):
            self.end()

    def _reject(self, status: int) -> None:
        self.answer(Reply(status, b"", "text/html", close=True))
