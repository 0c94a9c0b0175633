"""RTP payloads of the metadata track in, whole documents out.

What is known of the format (rtsp.md 2): no header before the text, a document may span packets, 90 kHz clock. What is not: where the
marker bit stands. So a document ends at the earliest of

- the end tag of its own root (closing brace for JSON), whatever the marker says;
- a set marker, unless the text is plainly not closed yet: some encoders set it on every packet;
- a change of the RTP timestamp.

A gap in the sequence drops the document it falls into; behind it only something that looks like the beginning of a document is taken
for one, until a document's end was seen. NUL padding is cut off. A document that grows beyond `limit` is dropped.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from .rtp import RtpPacket, SequenceCheck

LIMIT = 1024 * 1024

_BLANK = b" \t\r\n\0"
_BOM = b"\xef\xbb\xbf"
_TAIL = 256
_HEAD = 4096
"""Bytes in which the root's name is looked for."""
_JSON_LIMIT = 64 * 1024
"""A larger JSON document ends by marker or timestamp alone: trying to read it after every packet would cost too much."""
_START = re.compile(rb"<\?xml\b|<(?:[\w.-]{1,20}:)?Metadata(?:Stream)?[\s/>]|\{")
_START_LENGTH = 40
"""Bytes within which a text shows whether it is the beginning of a document."""
_PLAIN = re.compile(rb"\s*(?:<\?[^<>]*\?>)?\s*<([A-Za-z_][\w.:-]*)[\s/>]")
_NAME = re.compile(rb"<([A-Za-z_][\w.:-]*)[\s/>]")
_ANY_END = re.compile(rb"</(?:[\w.-]+:)?Metadata(?:Stream)?\s*>\Z")


class Document(NamedTuple):
    """One document as the camera sent it."""

    data: bytes
    timestamp: int
    """RTP time of its packets."""


class DocumentReader:
    """Put documents of one payload type together.

    Counters: `documents` whole ones; `damaged` dropped for a lost packet; `oversized` dropped at the limit; `other_payload` packets of
    another payload type; `strays` pieces that belong to no document. `sequence` counts lost and late packets.
    """

    def __init__(self, payload_type: int = 107, limit: int = LIMIT) -> None:
        self.payload_type = payload_type
        self.limit = limit
        self.sequence = SequenceCheck()
        self.documents = 0
        self.damaged = 0
        self.oversized = 0
        self.other_payload = 0
        self.strays = 0
        self._text = bytearray()
        self._end = b""
        self._timestamp: int | None = None
        self._skipping = True
        self._marked = False
        self._marker_varies = False

    def feed(self, packet: RtpPacket) -> list[Document]:
        """Return the documents that are complete with this packet: mostly none or one."""
        if packet.payload_type != self.payload_type:
            self.other_payload += 1
            return []
        place = self.sequence.place(packet)
        if place == "late":
            return []
        found: list[Document] = []
        if place == "gap":
            self._drop()
        elif packet.timestamp != self._timestamp and self._timestamp is not None:
            self._finish(found)
            self._skipping = False
        self._timestamp = packet.timestamp
        payload = packet.payload.strip(b"\0")
        if payload:
            self._take(payload, found)
        if not packet.marker:
            self._marker_varies = True
        elif not self._open():
            if self._text:
                self._finish(found)
            # A marker on every packet says nothing about where the next document begins.
            self._skipping = self._skipping and not self._marker_varies
        self._marked = packet.marker
        return found

    def _take(self, payload: bytes, found: list[Document]) -> None:
        if self._text and self._marked and self._begins_anew(payload):
            self._finish(found)  # its sender cut the text before off
        if not self._text:
            payload = payload.lstrip(_BLANK).removeprefix(_BOM).lstrip(_BLANK)
            if payload[:1] not in (b"<", b"{"):
                self._stray(payload)
                return
        if len(self._text) + len(payload) > self.limit:
            self.oversized += 1
            self._clear()
            self._skipping = True
            return
        self._text += payload
        if self._skipping and not self._has_begun():
            return
        if self._closed():
            self._finish(found)

    def _begins_anew(self, payload: bytes) -> bool:
        """Tell whether a payload is the beginning of another document of the same kind."""
        payload = payload[:_HEAD].lstrip(_BLANK).removeprefix(_BOM).lstrip(_BLANK)
        if not _START.match(payload) or payload[:1] != self._text[:1]:
            return False
        own = _root_name(bytes(self._text[:_HEAD]))
        return payload.startswith(b"<?xml") or (own is not None and own == _root_name(payload))

    def _has_begun(self) -> bool:
        """While skipping: tell whether the text is the beginning of a document, and drop it once it shows that it is not."""
        if _START.match(self._text):
            self._skipping = False
            return True
        if len(self._text) >= _START_LENGTH or _ANY_END.search(self._text.rstrip(_BLANK)):
            self._stray(bytes(self._text))
            self._clear()
        return False

    def _stray(self, text: bytes) -> None:
        if text:
            self.strays += 1
            if _ANY_END.search(text.rstrip(_BLANK)[-_TAIL:]):
                self._skipping = False

    def _open(self) -> bool:
        """Tell whether the text is plainly not closed: a marker does not end it."""
        if self._text[:1] == b"{" and len(self._text) > _JSON_LIMIT:
            return False
        return bool(self._text) and not self._closed()

    def _closed(self) -> bool:
        """Tell whether the text ends with the end of its own root."""
        tail = self._text[-_TAIL:].rstrip(_BLANK)
        if tail.endswith(b"}"):
            return self._text[:1] == b"{" and _is_json(self._text)
        if not tail.endswith(b">"):
            return False
        if not self._end:
            name = _root_name(bytes(self._text[:_HEAD]))
            if name is None:
                return False
            self._end = b"</" + name
        if tail.endswith(b"/>"):  # a root without content
            return self._text.rfind(b"<") == self._text.find(b"<" + self._end[2:])
        return tail[:-1].rstrip().endswith(self._end)

    def _finish(self, found: list[Document]) -> None:
        if self._skipping:
            self._stray(bytes(self._text))
        elif self._text and self._timestamp is not None:
            for data in _split(bytes(self._text).rstrip(_BLANK), self._end):
                self.documents += 1
                found.append(Document(data, self._timestamp))
        self._clear()

    def _drop(self) -> None:
        if self._text and not self._skipping:
            self.damaged += 1
        self._clear()
        self._skipping = True

    def _clear(self) -> None:
        self._text.clear()
        self._end = b""


def _root_name(head: bytes) -> bytes | None:
    """Return the root's name as written; None while the prolog goes on. One pass: a device must not be able to make it slow."""
    if plain := _PLAIN.match(head):
        return plain[1]
    at = 0
    while True:
        at += len(head) - at - len(head[at:].lstrip())
        for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<!", b">")):
            if head.startswith(opening, at):
                end = head.find(closing, at)
                if end < 0:
                    return None
                at = end + len(closing)
                break
        else:
            found = _NAME.match(head, at)
            return found[1] if found else None


def _split(text: bytes, end: bytes) -> list[bytes]:
    """Cut a text that holds several documents behind the end tag of each."""
    if not end or text.count(end) < 2:
        return [text]
    parts: list[bytes] = []
    start = 0
    for match in re.finditer(re.escape(end) + rb"\s*>", text):
        if _START.match(text[match.end() : match.end() + _HEAD].lstrip()):
            parts.append(text[start : match.end()].lstrip())
            start = match.end()
    return [*parts, text[start:].lstrip()]


def _is_json(text: bytearray) -> bool:
    if len(text) > _JSON_LIMIT or text.count(b"{") != text.count(b"}"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
