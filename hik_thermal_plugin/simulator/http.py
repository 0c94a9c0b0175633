"""HTTP as a device speaks it: one connection as an asyncio protocol that can also misbehave on every byte.

Standard-library servers cannot stall in a part, announce a wrong length or end with a reset, so this is a small one of its own.
Requests are answered in order; a body needs a Content-Length.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

MAX_HEAD = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
MAX_UNSENT = 16 * 1024 * 1024

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
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
    """One answer. `length_error` is added to the announced Content-Length; `cut` ends the connection half way."""

    status: int = 200
    body: bytes = b""
    content_type: str = 'application/xml; charset="UTF-8"'
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False
    length_error: int = 0
    cut: bool = False

    def head(self) -> bytes:
        """Status line and headers, blank line included."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body) + self.length_error}"]
        lines += ["Connection: close"] if self.close else ["Connection: keep-alive", "Keep-Alive: timeout=60, max=99"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


class Connection(asyncio.Protocol):
    """One client's connection: hands complete requests to `requested`, writes what it is given."""

    def __init__(
        self,
        requested: Callable[[Connection, Request], None],
        came: Callable[[Connection], None],
        gone: Callable[[Connection], None],
    ) -> None:
        self.path: str | None = None  # of the latest request: faults choose their connections by it
        self.closed = False
        self._requested = requested
        self._came = came
        self._gone = gone
        self._buffer = bytearray()
        self.silent = False
        self._deaf = False
        self._held: bytearray | None = None
        self._halved = False
        self._close_when_released = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; alarms must not wait for Nagle's algorithm."""
        self._transport = cast(asyncio.Transport, transport)
        self._socket_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the owner, whoever ended the connection."""
        self.closed = True
        self._gone(self)

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is complete."""
        if self.silent or self._deaf:
            return
        self._buffer += data
        while not (self.closed or self.silent or self._deaf) and self._take_request():
            pass

    def listen_no_more(self) -> None:
        """Ignore what the client sends from now on: the connection has become a stream."""
        self._deaf = True
        self._buffer.clear()

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

    def write(self, data: bytes) -> None:
        """Send bytes; while stalled the first half of the first ones goes out, the rest waits."""
        if self.silent or self.closed:
            return
        if self._held is not None:
            half = 0 if self._halved else len(data) // 2
            self._halved = True
            self._held += data[half:]
            data = data[:half]
        if data:
            self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self.end("rst")

    def stall(self, seconds: float) -> None:
        """Stop sending for a while; the bytes come later."""
        if self._held is None and not self.silent:
            self._held, self._halved = bytearray(), False
            self._loop.call_later(seconds, self._release)

    def go_silent(self) -> None:
        """Neither send nor read any more, and keep the socket: what a pulled cable looks like."""
        self.silent = True
        if not self.closed:
            self._transport.pause_reading()

    def end(self, how: Literal["fin", "rst"] = "fin") -> None:
        """Close the connection, orderly after what is still to be sent, or at once with a reset."""
        if self.closed:
            return
        if how == "rst":
            self.closed = True
            self._socket_option(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        elif self._held is not None:
            self._close_when_released = True
        else:
            self.closed = True
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection and what is unsent: the simulator ends."""
        self.closed = True
        self._transport.abort()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held:
            self.write(bytes(held))
        if self._close_when_released:
            self.end()

    def _socket_option(self, level: int, name: int, value: int | bytes) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(level, name, value)

    def _take_request(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                self._reject(400)
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
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
        if not (self._deaf or self.silent):
            self.end()

    def _reject(self, status: int) -> None:
        self.answer(Reply(status, b"", "text/html", close=True))
