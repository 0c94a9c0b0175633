"""The bytes of an answer that never ends, with little memory and few calls.

The first bytes come through httpx. After them, when the body has neither length nor chunks, httpx holds nothing back (h11 hands out all it
has), so the socket is taken over and read directly: docs/decisions/0005-the-socket-is-taken-over.md has the figures. Otherwise httpx goes on.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Generator
from contextlib import suppress

import httpx
from nvr_hooks import Unreachable

from .connection import Connection, media_type
from .faults import Answer, cause_of

_SMALL = (
    4096  # a waiting thread holds the buffer it asked for; an alarm has 500 to 5,000 bytes, a picture up to megabytes
)
_LARGE = 64 * 1024
_ERROR_BODY = 64 * 1024


class Stream:
    """One GET on a connection of its own."""

    def __init__(self, camera: str, connection: Connection, path: str) -> None:
        """Send the request and wait for the head of the answer; raises what Connection.exchange raises, nothing for an error status."""
        self._camera = camera
        self._connection = connection
        self._what = f"GET {path}"
        self._response: httpx.Response | None = connection.open(path)
        self.status = self._response.status_code
        self.headers = self._response.headers
        self.content_type = media_type(self.headers)

    def answer(self, seconds: float) -> Answer:
        """Read the answer as one that ends, at most 64 KiB and `seconds` of it: what a device says instead of a stream."""
        response, self._response = self._response, None
        assert response is not None, "read once"
        deadline = time.monotonic() + seconds
        body = b""
        with suppress(httpx.HTTPError, OSError):
            for piece in response.iter_bytes():
                body += piece
                if len(body) > _ERROR_BODY or time.monotonic() > deadline:
                    break
        response.close()
        return Answer(self.status, self.headers, self.content_type, body)

    def pieces(self, silence: Callable[[], float]) -> Generator[bytes, None, None]:
        """Yield bytes as they come until the device ends the answer; raise Unreachable when nothing came for `silence()` seconds."""
        response, self._response = self._response, None
        assert response is not None, "read once"
        seconds = silence()
        # The head had its own short timeout; httpcore looks at this value again when it begins to read the body.
        response.request.extensions["timeout"]["read"] = seconds
        try:
            first = response.iter_raw()
            for data in first:
                yield data
                if "transfer-encoding" not in self.headers and "content-length" not in self.headers:
                    break
            else:
                return
            sock = self._connection.take_over(response)
            if not isinstance(sock, ssl.SSLSocket):
                del response, first  # over TLS letting go of them would close the socket
            # One buffer that stays: a new one per read, cut to what came, leaves 30 KB of holes per connection in the heap.
            buffer, applied = bytearray(_SMALL), None
            view = memoryview(buffer)
            while True:
                if (seconds := silence()) != applied:
                    limit_reads(sock, applied := seconds)
                if not (size := sock.recv_into(buffer)):
                    return
                yield bytes(view[:size])
                while size >= _SMALL:  # more is waiting, or nearly always
                    if not (data := sock.recv(_LARGE)):
                        return
                    yield data
                    size = len(data)
        except (httpx.HTTPError, OSError) as error:
            if not self._connection.ended:
                self._connection.lost()
                silent = isinstance(error, TimeoutError | BlockingIOError | httpx.ReadTimeout)
                why = f"nothing came for {seconds:g} s" if silent else cause_of(error)
                raise Unreachable(f"{self._camera}: {self._what}: {why}", camera=self._camera) from error


def limit_reads(sock: socket.socket, seconds: float) -> None:
    """Let reads fail after so many seconds of silence: with TimeoutError over TLS, else with BlockingIOError."""
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
    else:
        # By the kernel: Python's own time limit costs a second system call per read.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))


def limit_sends(sock: socket.socket, seconds: float) -> None:
    """Let writes to a plain socket fail with BlockingIOError after so many seconds in which nothing could be sent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), max(1, int(seconds % 1 * 1_000_000)))
