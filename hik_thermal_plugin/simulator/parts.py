"""Endless multipart replies: their head, their parts, and the faults that strike a part (isapi.md 6.2, 8.3)."""

from __future__ import annotations

from collections.abc import Iterable

from .faults import LENGTH_ERROR, Faults
from .http import HttpConnection
from .profiles import Profile


def head(profile: Profile, content_type: str | None = None) -> bytes:
    """Status line and headers of the reply."""
    boundary = f"; boundary={profile.boundary_header}" if profile.boundary_header is not None else ""
    kind = content_type or f"{profile.media_type}{boundary}"
    return f"HTTP/1.1 200 OK\r\nMIME-Version: 1.0\r\nConnection: close\r\nContent-Type: {kind}\r\n\r\n".encode()


def part(profile: Profile, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Delimiter, headers, body; no newline of its own at the end."""
    lines = [f"--{profile.boundary}"] * (2 if profile.duplicate_delimiter else 1)
    lines += [""] if profile.blank_before_headers else []
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body) + profile.part_length_error}"] if profile.part_length else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(part: bytes, connections: Iterable[HttpConnection], faults: Faults, path: str) -> int:
    """Send one part to all, in the shape the faults of this path give it; return how many have got all of it."""
    if faults.strike("wrong_length", path):
        part = _announce_more(part)
    if faults.strike("duplicate", path):
        part *= 2
    cut = faults.strike("truncate", path) is not None
    whole = 0
    for connection in list(connections):
        connection.write(part[: len(part) // 2] if cut else part)
        if cut:
            connection.end()
        whole += not cut and connection.flows
    return whole


def _announce_more(part: bytes) -> bytes:
    name = b"Content-Length: "
    start = part.find(name)
    if start < 0:
        return part
    start += len(name)
    end = part.index(b"\r\n", start)
    return part[:start] + str(int(part[start:end]) + LENGTH_ERROR).encode() + part[end:]
