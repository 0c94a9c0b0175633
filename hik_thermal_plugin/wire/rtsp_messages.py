"""The framing of an RTSP connection (RFC 2326 4, 10.12): bytes in; answers, the server's requests and interleaved packets out.

At each boundary stands `$` (an interleaved packet), `RTSP/` (an answer) or a method (a request of the server); blank lines between
them are passed over. Anything else is garbage: it is counted and skipped up to the next thing that looks like one of the three, as
FFmpeg, VLC and gortsplib do (rtsp.md 1.3). While lost, a `$` counts only when a known channel and an RTP version follow it.
What is cut and how never depends on how the bytes were split on their way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nvr_hooks import BadAnswer

MAX_LINE = 8 * 1024
MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_GARBAGE = 1024 * 1024
"""Bytes between two messages before the connection is given up."""

_DOLLAR, _SLASH, _SPACE = b"$/ "
_TOKEN = re.compile(rb"[A-Z_]{1,31}")
_UNPRINTABLE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ANSWER = re.compile(r"RTSP/\d\.\d\s+(\d{3})(?:\s+(.*))?")
_REQUEST = re.compile(r"([A-Z_]+)\s+(\S+)\s+RTSP/\d\.\d")
_LANDMARK = re.compile(rb"\$|RTSP/|(?:ANNOUNCE|SET_PARAMETER|GET_PARAMETER|OPTIONS|REDIRECT|TEARDOWN|PLAY_NOTIFY) ")
_LONGEST_LANDMARK = 14


class Interleaved(NamedTuple):
    """One packet between the messages. A tuple, because one is made for every packet of every camera."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the server."""

    status: int
    reason: str
    headers: Mapping[str, tuple[str, ...]]
    """Name in lower case -> values in the order they came."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header; None where there is none."""
        return self.headers.get(name.lower(), (None,))[0]


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """Something the server asks of us: ANNOUNCE at the end of a recording, SET_PARAMETER, OPTIONS."""

    method: str
    url: str
    headers: Mapping[str, tuple[str, ...]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header; None where there is none."""
        return self.headers.get(name.lower(), (None,))[0]


Message = Reply | ServerRequest | Interleaved


class MessageReader:
    """Cut what a server sends into messages.

    `garbage` counts bytes that belonged to nothing, `resyncs` how often a message was found again behind them.
    """

    def __init__(self) -> None:
        self.garbage = 0
        self.resyncs = 0
        self.channels: frozenset[int] = frozenset()
        """Interleaved channels agreed on with the server; empty while none are."""
        self._buffer = bytearray()
        self._lost = 0
        self._scanned = 0
        self._head: _Head | None = None
        self._failure: BadAnswer | None = None

    def feed(self, data: bytes) -> list[Message]:
        """Return what is complete now.

        Raise BadAnswer when a bound is exceeded or the server does not speak RTSP; what came before it is returned first, then every
        further call raises.
        """
        if self._failure is not None:
            raise self._failure
        found: list[Message] = []
        if not self._buffer and not self._lost:
            # Mostly whole packets and nothing else: taken as they lie, without the buffer.
            data = data[_packets(data, 0, found) :]
            if not data:
                return found
        self._buffer += data
        at = 0
        try:
            while (step := self._step(at, found)) is not None:
                at += step
        except BadAnswer as err:
            self._failure = err
            if not found:
                raise
        finally:
            del self._buffer[:at]
        return found

    def _step(self, at: int, found: list[Message]) -> int | None:
        """Take one thing at this place and return its length; None: more bytes are needed."""
        buffer = self._buffer
        if len(buffer) == at:
            return None
        if self._lost:
            return self._search(at, found)
        first = buffer[at]
        if first == _DOLLAR:
            end = _packets(buffer, at, found)
            return end - at if end > at else None
        if first in b"\r\n":
            return 1
        taken = self._message(at, found)
        if taken == 0:
            self._skip(1)
            return 1
        return taken

    def _search(self, at: int, found: list[Message]) -> int | None:
        """Behind garbage: take the next message, or skip to where one may begin."""
        buffer = self._buffer
        match = _LANDMARK.search(buffer, at)
        if match is None:
            step = len(buffer) - at - _LONGEST_LANDMARK + 1
            if step <= 0:
                return None
            self._skip(step)
            return step
        if match.start() > at:
            self._skip(match.start() - at)
            return match.start() - at
        if buffer[at] == _DOLLAR:
            if len(buffer) - at < 5:
                return None
            channel, size, version = buffer[at + 1], buffer[at + 2] << 8 | buffer[at + 3], buffer[at + 4] >> 6
            known = channel in self.channels if self.channels else channel < 16
            if known and size >= 8 and version == 2:
                self._found()
                return 0
        elif (taken := self._message(at, found)) != 0:
            return taken
        self._skip(1)
        return 1

    def _skip(self, count: int) -> None:
        self.garbage += count
        self._lost += count
        if self._lost > MAX_GARBAGE:
            raise BadAnswer(f"{self._lost} bytes that are no RTSP", data=bytes(self._buffer[:200]))

    def _found(self) -> None:
        if self._lost:
            self.resyncs += 1
            self._lost = 0

    def _message(self, at: int, found: list[Message]) -> int | None:
        """Take an answer or a request; None: more bytes are needed; 0: there is none at this place."""
        if self._head is None:
            size = self._read_head(at)
            if not size:
                return size
        head = self._head
        assert head is not None
        total = head.size + head.body
        if len(self._buffer) - at < total:
            return None
        body = bytes(self._buffer[at + head.size : at + total])
        self._head = None
        self._found()
        if head.status is not None:
            found.append(Reply(head.status, head.words, head.headers, body))
        else:
            found.append(ServerRequest(head.method, head.words, head.headers, body))
        return total

    def _read_head(self, at: int) -> int | None:
        """Read a message's head into `_head`; None: more bytes are needed; 0: no message begins here; else any other number."""
        buffer = self._buffer
        token = _TOKEN.match(buffer, at)
        if token is None:
            return 0
        after = token.end()
        if after == len(buffer):
            return None if after - at < 31 else 0
        word = token.group()
        if buffer[after] != (_SLASH if word in (b"RTSP", b"HTTP") else _SPACE):
            return 0
        line_end = buffer.find(b"\n", after, at + MAX_LINE)
        if _UNPRINTABLE.search(buffer, at, line_end if line_end >= 0 else min(len(buffer), at + MAX_LINE)):
            return 0
        if line_end < 0:
            return None if len(buffer) - at < MAX_LINE else 0
        if word == b"HTTP":
            raise BadAnswer(
                "an HTTP answer where RTSP was expected (is this the RTSP port?)", data=bytes(buffer[at:line_end])
            )
        head = _first_line(bytes(buffer[at:line_end]).decode("utf-8", "replace").strip())
        if head is None:
            return 0
        end = self._head_end(at, line_end)
        if end is None:
            return None
        head.size = end - at
        head.headers, head.body = _headers(bytes(buffer[line_end + 1 : end]))
        self._head = head
        return end

    def _head_end(self, at: int, line_end: int) -> int | None:
        """Return where the blank line after a head ends."""
        buffer = self._buffer
        start = max(line_end, at + self._scanned - 2)
        ends = [place + len(mark) for mark in (b"\n\r\n", b"\n\n") if (place := buffer.find(mark, start)) >= 0]
        if ends and min(ends) - at <= MAX_HEAD:
            self._scanned = 0
            return min(ends)
        if len(buffer) - at > MAX_HEAD:
            raise BadAnswer(f"an RTSP head of more than {MAX_HEAD} bytes", data=bytes(buffer[at : at + 200]))
        self._scanned = len(buffer) - at
        return None


def _packets(data: bytes | bytearray, at: int, found: list[Message]) -> int:
    """Take the whole packets that stand here, the bulk of all bytes; return where they end."""
    size = len(data)
    while size - at >= 4 and data[at] == _DOLLAR:
        end = at + 4 + (data[at + 2] << 8 | data[at + 3])
        if end > size:
            break
        found.append(Interleaved(data[at + 1], bytes(data[at + 4 : end])))
        at = end
    return at


class _Head:
    """A message whose body is still to come."""

    def __init__(self, status: int | None, method: str, words: str) -> None:
        self.status = status
        self.method = method
        self.words = words
        self.headers: dict[str, tuple[str, ...]] = {}
        self.size = 0
        self.body = 0


def _first_line(line: str) -> _Head | None:
    if match := _ANSWER.fullmatch(line):
        return _Head(int(match[1]), "", (match[2] or "").strip())
    if match := _REQUEST.fullmatch(line):
        return _Head(None, match[1], match[2])
    return None


def _headers(text: bytes) -> tuple[dict[str, tuple[str, ...]], int]:
    """Return a head's lines and the length of the body they announce; lines without a colon are passed over."""
    headers: dict[str, tuple[str, ...]] = {}
    last = ""
    for line in text.decode("utf-8", "replace").replace("\r", " ").split("\n"):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if line[:1] in (" ", "\t") and last:
            *before, value = headers[last]
            headers[last] = (*before, f"{value} {line.strip()}")
        elif colon and (name := name.strip().lower()):
            headers[name] = (*headers.get(name, ()), value.strip())
            last = name
    length = headers.get("content-length", ("0",))[0]
    # A length that is no number is taken for none: what follows is then skipped like any garbage.
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 12 else 0
    if size > MAX_BODY:
        raise BadAnswer(f"an RTSP body of {size} bytes (at most {MAX_BODY})", data=text[:200])
    return headers, size
