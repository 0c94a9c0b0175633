"""RTSP as these devices speak it: one connection that carries requests, replies and the packets of the tracks (rtsp.md 1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import urlsplit

from .connection import Connection

MAX_HEAD = 64 * 1024
_FRAME_HEAD = 4

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    451: "Parameter Not Understood",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
}


@dataclass(frozen=True, slots=True)
class RtspRequest:
    """One request; header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path of the presentation: without query, track and closing slash."""
        return path_of(self.url)


@dataclass(slots=True)
class RtspReply:
    """One answer."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def encode(self, sequence: str) -> bytes:
        """The bytes of the answer; `Date` with two blanks, as captured."""
        lines = [f"RTSP/1.0 {self.status} {_REASONS.get(self.status, 'Unknown')}", f"CSeq: {sequence}"]
        lines += [f"Date:  {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def path_of(url: str) -> str:
    """The path of the presentation a URL belongs to: without query, track and closing slash."""
    path = urlsplit(url).path.rstrip("/")
    head, _, last = path.rpartition("/")
    return head if "trackid=" in last.lower() else path


class RtspConnection(Connection):
    """Hands requests to `requested`, one after the other: the next is not read before the last has been answered."""

    def __init__(
        self,
        requested: Callable[[RtspConnection, RtspRequest], None],
        came: Callable[[RtspConnection], object],
        gone: Callable[[RtspConnection], object],
    ) -> None:
        super().__init__(came, gone)
        self._requested = requested
        self._sequence: str | None = None
        self._asked = 0

    def answer(self, reply: RtspReply) -> None:
        """Answer the request at hand."""
        assert self._sequence is not None, "a request is at hand"
        data, self._sequence = reply.encode(self._sequence), None
        self.write(data)
        if self._buffer:
            self._loop.call_soon(self.data_received, b"")

    def ask(self, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        """Send a request of the device's own; whatever the client answers is let pass."""
        self._asked += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._asked}", *(f"{name}: {value}" for name, value in headers)]
        self.write("\r\n".join([*lines, "", ""]).encode())

    def take(self) -> bool:
        """Take one request, answer or packet from the buffer."""
        buffer = self._buffer
        while buffer[:1] == b"\r" or buffer[:1] == b"\n":
            del buffer[:1]
        if self._sequence is not None or not buffer:
            return False
        if buffer[:1] == b"$":
            length = _FRAME_HEAD + int.from_bytes(buffer[2:4], "big")
            if len(buffer) < _FRAME_HEAD or len(buffer) < length:
                return False
            del buffer[:length]
            return True
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > MAX_HEAD:
                self.end()
            return False
        lines = buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        said = headers.get("content-length", "0")
        length = end + 4 + (int(said) if said.isdecimal() else 0)
        if len(buffer) < length:
            if length > MAX_HEAD:
                self.end()
            return False
        del buffer[:length]
        words = lines[0].split(" ")
        if words[0].startswith("RTSP/"):
            return True  # an answer to what we have asked
        self._sequence = headers.get("cseq", "0")
        if len(words) != 3 or not words[2].startswith("RTSP/"):
            self.answer(RtspReply(400))
            self.end()
            return False
        self._requested(self, RtspRequest(words[0].upper(), words[1], headers))
        return True
