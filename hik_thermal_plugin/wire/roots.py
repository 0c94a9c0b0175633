"""Find the last byte of an XML or JSON root while it arrives, without reading any byte twice.

This is no parser: it only tells where a document ends, so that an alarm can leave with its last byte. Whether the document is sound is
for `xml.open_document` to say.
"""

from __future__ import annotations

import re

MAX_TAG = 16 * 1024
"""Bytes of one tag; no device comes near, and what is longer is taken for text."""
_MAY_END = re.compile(rb"[}\]]\s*(?:\Z|[^\s,}\]])")  # inside a root a comma or another closing brace follows
_JOINED = re.compile(rb"[}\]]\s*[{\[]")
_BRACE = re.compile(rb'["{}\[\]]')
_ROOT_NAME = re.compile(rb"<([^\s<>/!?]{1,256})([\s/>]|\Z)")
_REST_OF_TAG = re.compile(rb"(?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+>")
_QUOTE, _BACKSLASH, _SLASH = b'"\\/'
_OPENING = b"{["
_BANG = ord("!")
_PASSED = b"?/"
_AFTER_NAME = b" \t\r\n/>"


class Markup:
    """An XML root at the start of a buffer: declaration, comments and a document type before it, sections that only look like its end tag."""

    __slots__ = ("_close", "_depth", "_open", "_scan", "_skip")

    def __init__(self) -> None:
        self._close = b""
        self._depth = 1
        self._open = b""
        self._scan = 0
        self._skip = b""  # what ends the comment or section that we are in

    def end(self, buffer: bytearray, stop: int, declared: int | None = None) -> int:
        """Return the offset after the root within buffer[:stop], or -1 when it is not complete there. The buffer may only have grown."""
        if not self._close:
            done = self._find_name(buffer, stop)
            if done or not self._close:
                return done or -1
        at = section = nested = 0  # where the next of each stands; -1: nowhere before stop
        while True:
            if self._skip and not self._leave(buffer, stop):
                return -1
            scan = self._scan
            at = buffer.find(self._close, scan, stop) if 0 <= at < scan else at
            section = buffer.find(b"<!", scan, stop) if 0 <= section < scan else section
            nested = buffer.find(self._open, scan, stop) if 0 <= nested < scan else nested
            end = stop if at < 0 else at
            if 0 <= section < end and (nested < 0 or section < nested):
                if not self._enter(buffer, section, stop):
                    return -1
            elif 0 <= nested < end:
                if not self._descend(buffer, nested, stop):
                    return -1
            elif at < 0:
                self._scan = max(scan, stop - len(self._close) + 1)
                return -1
            else:
                over = buffer.find(b">", at, min(stop, at + MAX_TAG))
                if over < 0:
                    if stop - at < MAX_TAG:
                        self._scan = at
                        return -1
                    self._scan = at + MAX_TAG  # no tag
                    continue
                self._scan = over + 1
                if buffer[at + len(self._close) : over].strip():
                    continue  # </nameLonger>
                self._depth -= 1
                if not self._depth:
                    return over + 1

    def _find_name(self, buffer: bytearray, stop: int) -> int:
        """Pass what comes before the root and its start tag; return the offset after a root that is empty (<a/>), else 0."""
        while True:
            if self._skip and not self._leave(buffer, stop):
                return 0
            at = buffer.find(b"<", self._scan, stop)
            if at < 0 or stop - at < 2:
                self._scan = stop if at < 0 else at
                return 0
            after = buffer[at + 1]
            if after == _BANG:
                if not self._enter(buffer, at, stop):
                    return 0
                self._skip = self._skip or b">"
            elif after in _PASSED:
                self._skip, self._scan = b">", at + 2  # not "?>": a declaration without its question mark is known
            else:
                match = _ROOT_NAME.match(buffer, at, stop)
                over = (
                    -1 if match is None or not match[2] else _tag_end(buffer, match.end() - 1, min(stop, at + MAX_TAG))
                )
                if match is None or (over < 0 and stop - at >= MAX_TAG):
                    self._scan = at + (1 if match is None else MAX_TAG)  # no tag: it may still come
                    continue
                if over < 0:
                    self._scan = at
                    return 0
                self._scan = over
                if buffer[over - 2] == _SLASH:
                    return over
                self._open, self._close = b"<" + match[1], b"</" + match[1]
                return 0

    def _enter(self, buffer: bytearray, at: int, stop: int) -> bool:
        """Note a comment or CDATA section at this offset; False when it takes more bytes to tell."""
        head = bytes(buffer[at : min(stop, at + 9)])
        if head.startswith(b"<!--"):
            self._skip, self._scan = b"-->", at + 4
        elif head == b"<![CDATA[":
            self._skip, self._scan = b"]]>", at + 9
        elif b"<![CDATA[".startswith(head) or b"<!--".startswith(head):
            self._scan = at
            return False
        else:
            self._scan = at + 2
        return True

    def _leave(self, buffer: bytearray, stop: int) -> bool:
        over = buffer.find(self._skip, self._scan, stop)
        if over < 0:
            self._scan = max(self._scan, stop - len(self._skip) + 1)
            return False
        self._scan, self._skip = over + len(self._skip), b""
        return True

    def _descend(self, buffer: bytearray, at: int, stop: int) -> bool:
        """Count an element inside that is named like the root; False when it takes more bytes to tell."""
        after = at + len(self._open)
        if after < stop and buffer[after] not in _AFTER_NAME:
            self._scan = after  # <nameLonger>
            return True
        over = _tag_end(buffer, after, min(stop, at + MAX_TAG))
        if over < 0:
            if stop - at >= MAX_TAG:
                self._scan = at + MAX_TAG  # no tag
                return True
            self._scan = at
            return False
        self._scan = over
        self._depth += buffer[over - 2] != _SLASH
        return True


class Braces:
    """A JSON object or array at the start of a buffer."""

    __slots__ = ("_depth", "_peek", "_quoted", "_scan")

    def __init__(self) -> None:
        self._depth = 0
        self._peek = 0  # no root ends before this
        self._quoted = False
        self._scan = 0

    def end(self, buffer: bytearray, stop: int, declared: int | None = None) -> int:
        """Return the offset after the root within buffer[:stop], or -1 when it is not complete there. The buffer may only have grown.

        `declared` is where the part should end by its length: a block of temperatures, several thousand braces a second and camera, is
        not counted brace by brace when its length is right.
        """
        if self._scan == 0 and declared is not None and declared <= stop and self._is_whole(buffer, declared):
            return len(buffer[:declared].rstrip())
        if _MAY_END.search(buffer, self._peek, stop) is None:
            self._peek = stop  # what follows every brace so far has been seen
            return -1
        while True:
            if self._quoted:
                at = buffer.find(b'"', self._scan, stop)
                if at < 0:
                    self._scan = stop
                    return -1
                before = at - 1
                while buffer[before] == _BACKSLASH:
                    before -= 1
                self._scan, self._quoted = at + 1, (at - before) % 2 == 0
                continue
            match = _BRACE.search(buffer, self._scan, stop)
            if match is None:
                self._scan = stop
                return -1
            self._scan = match.end()
            found = buffer[self._scan - 1]
            if found == _QUOTE:
                self._quoted = True
            elif found in _OPENING:
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth <= 0:
                    return self._scan

    @staticmethod
    def _is_whole(buffer: bytearray, declared: int) -> bool:
        """Tell whether the bytes up to the declared length are plainly one root: what is not plain is counted."""
        body = bytes(buffer[:declared]).rstrip()
        return (
            body[-1:] in (b"}", b"]")
            and body.count(b"{") == body.count(b"}")
            and body.count(b"[") == body.count(b"]")
            and _JOINED.search(body) is None
        )


def _tag_end(buffer: bytearray, start: int, stop: int) -> int:
    """Return the offset after the `>` that ends a tag, not one inside an attribute's quotes; -1 when it is not there."""
    match = _REST_OF_TAG.match(buffer, start, stop)
    return -1 if match is None else match.end()
