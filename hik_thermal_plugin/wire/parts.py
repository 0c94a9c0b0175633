"""One part of a multipart stream, and what its headers say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_DISPOSITION = re.compile(r";\s*(name|filename)\s*=\s*(?:\"([^\"]*)\"|([^;\s]*))", re.IGNORECASE)
_BOUNDARY = re.compile(r";\s*(boundary)\s*=\s*(?:\"([^\"]*)\"|([^;\s]*))", re.IGNORECASE)
HEAD = 16
"""Bytes of a body that may have to be looked at to tell a root from binary data."""
JPEG = ("image/jpeg", "image/pjpeg", "image/jpg")
_ROOT_HEAD = re.compile(rb"<(?:\?xml|[A-Za-z]{5})|\{\s*\"[A-Za-z]{3}")


@dataclass(frozen=True, slots=True)
class Part:
    """One XML or JSON root, or one binary body."""

    headers: Mapping[str, str]
    """Names in lower case; empty for a root without headers."""
    content_type: str
    """In lower case, without parameters; empty when the device gave none."""
    body: bytes
    name: str | None = None
    filename: str | None = None
    text: bool = True
    """Whether the body was read as an XML or JSON root."""
    complete: bool = True
    """False when the stream or the part ended before the body did."""


def is_described(kind: str) -> bool:
    """Tell whether a content type promises XML, JSON, or an error page."""
    return "xml" in kind or "json" in kind or kind == "text/html"


def begins_root(kind: str, head: bytes, length: int) -> bool | None:
    """Tell from up to HEAD bytes of a body whether an XML or JSON root begins here, None when it takes more; the header may lie (isapi.md 1.1).

    Any binary type needs more proof than one byte: a temperature matrix may begin with `<`.
    """
    if not kind or is_described(kind):
        return head[:1] in (b"<", b"{", b"[")
    if head[:1] not in (b"<", b"{"):
        return False
    if kind.startswith(("image/", "text/")):
        return True
    return bool(_ROOT_HEAD.match(head)) if len(head) >= min(HEAD, length) else None


def read_boundaries(content_type: str | None) -> tuple[bytes, ...]:
    """Return the delimiter lines a Content-Type may mean: a boundary that begins with `--` may or may not be meant with them (isapi.md 6.2)."""
    match = _BOUNDARY.search(content_type or "")
    name = b"" if match is None else (match[3] if match[2] is None else match[2]).strip().encode("utf-8", "replace")
    if not name:
        return ()
    return (b"--" + name, name) if name.startswith(b"--") else (b"--" + name,)


def read_length(word: str | None) -> int | None:
    """Return a Content-Length; None when it is absent or no number."""
    if word is None or not word.isascii() or not word.isdigit():
        return None
    return int(word[:18])


def read_disposition(word: str | None) -> tuple[str | None, str | None]:
    """Return name and file name of a Content-Disposition; devices also send it empty (`form-data;`)."""
    name = filename = None
    for match in _DISPOSITION.finditer(word or ""):
        value = match[3] if match[2] is None else match[2]
        if match[1].lower() == "name":
            name = value
        else:
            filename = value
    return name, filename
