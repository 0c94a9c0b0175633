"""Take a device's multipart stream apart: bytes in, parts out, no socket and no clock.

A text part (XML or JSON) is complete with the last byte of its root: an alarm never waits for the next part, whatever Content-Length says.
It ends truncated at a delimiter line; one part may hold several roots, each of which is a Part. A binary part ends by its Content-Length,
else by a delimiter. What follows a binary part is verified; a framing error is counted and reading goes on at the next delimiter.
A bound exceeded ends the stream: feed() raises BadAnswer, after it has handed out what was complete.

State, one method each, called until none can go on without more bytes:

    preamble  -> delimiter line                the first one, from which the delimiter is learned; a bare root needs none
    delimiter line -> headers | search         search at the end marker
    headers   -> opening                       at the blank line, or at the first byte of a root
    opening   -> root end | sized | delimited | junk   by content type and first byte
    root end, sized, delimited -> between      when the part is complete
    between   -> root end | delimiter line | search    by the next byte that is not blank
    search    -> delimiter line                after an end marker or a framing error

Variants and their evidence: isapi.md 6.2.
"""

from __future__ import annotations

from collections.abc import Callable

from nvr_hooks import BadAnswer

from .delimiters import (
    LOOK,
    after_blanks,
    find_delimiter,
    find_early_end,
    find_swallowed,
    is_delimiter,
    learn_delimiter,
)
from .parts import HEAD, JPEG, Part, begins_root, is_described, read_boundaries, read_disposition, read_length
from .roots import Braces, Markup

_BLANK = b" \t\r\n\0"
_ROOT = b"<{["
_LESS, _DASH = b"<-"
_PICTURE_START = b"\xff\x89"
_SLACK = 210  # bytes behind a part that may turn out to be a delimiter line


class PartReader:
    """Reads one stream or one body. Not thread-safe; holds only the bytes of the part being received."""

    def __init__(
        self,
        content_type: str | None = None,
        *,
        max_headers: int = 16 * 1024,
        max_text: int = 4 * 1024 * 1024,
        max_binary: int = 32 * 1024 * 1024,
    ) -> None:
        """`content_type` is the response's header, from which the boundary is taken where the stream agrees; bounds in bytes of one part."""
        self.parts = 0
        """Parts handed out."""
        self.framing_errors = 0
        """Lengths that were wrong, bytes between parts that belong to none, parts cut short."""
        self._boundaries = read_boundaries(content_type)
        self._bounds = (max_headers, max_text, max_binary)
        self._buffer = bytearray()
        self._delimiter: bytes | None = None
        self._failure: BadAnswer | None = None
        self._headers: dict[str, str] = {}
        self._kind = ""
        self._length: int | None = None
        self._root: Markup | Braces | None = None
        self._scan = 0  # bytes of the buffer that need not be searched again
        self._seen = 0  # bytes of preamble or headers so far
        self._state: Callable[[PartReader, list[Part]], bool] = PartReader._preamble
        self._suspect = b""  # the binary body before, until what follows it has proved its length
        self._taken = 0  # bytes of the part's body so far
        self._text = False

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes as they come and return the parts they complete, in order; raise BadAnswer when a bound is exceeded."""
        if self._failure is not None:
            raise self._failure
        self._buffer += data
        out: list[Part] = []
        try:
            while self._state(self, out):
                pass
        except BadAnswer as error:
            self._failure = error
            self._buffer = bytearray()
            if not out:
                raise
        self.parts += len(out)
        return out

    def close(self) -> list[Part]:
        """Return what the end of the stream leaves: a part cut short comes with `complete` False and counts as a framing error."""
        inside = (PartReader._opening, PartReader._root_end, PartReader._sized, PartReader._junk)
        out = self.feed(b"" if self._state in inside else b"\r\n")  # the last line may lack its end
        if self._failure is not None:
            return out
        state, rest, self._buffer = self._state, bytes(self._buffer), bytearray()
        if state is PartReader._delimited:
            rest = rest.removesuffix(b"\r\n").removesuffix(b"\r\n")
        if state in inside or (state is PartReader._header_lines and self._headers):
            self.framing_errors += 1
        if rest and state in (*inside, PartReader._delimited):
            out.append(self._part(rest, complete=state is PartReader._delimited))
            self.parts += 1
        self._state, self._scan = PartReader._search, 0
        return out

    def _preamble(self, out: list[Part]) -> bool:
        """Pass what comes before the first part, and learn the delimiter: the header's boundary may differ from the body's (isapi.md 10 item 17)."""
        buffer, (limit, most, _) = self._buffer, self._bounds
        at = self._blanks()
        if at < 0:
            return False
        del buffer[:at]
        if buffer[0] in _ROOT:
            self._begin({})
            return True
        end = buffer.find(b"\n")
        if end < 0:
            if len(buffer) > limit:
                raise BadAnswer(f"no line end in {limit} bytes before the first part", data=bytes(buffer[:60]))
            return False
        line = bytes(buffer[:end]).strip()
        self._delimiter = learn_delimiter(line, self._boundaries)
        if self._delimiter is not None:
            self._state = PartReader._delimiter_line
            return True
        self._seen += end + 1
        if self._seen > most:
            raise BadAnswer(f"no part in {most} bytes", data=line[:60])
        del buffer[: end + 1]
        return True

    def _delimiter_line(self, out: list[Part]) -> bool:
        """Pass the delimiter that the buffer begins with."""
        buffer, limit, size = self._buffer, self._bounds[0], len(self._delimiter or b"")
        if buffer[size : size + 2] == b"--":
            del buffer[: size + 2]
            self._state = PartReader._search
            return True
        end = buffer.find(b"\n", size)
        if end < 0:
            if len(buffer) > limit:
                raise BadAnswer(f"a delimiter line longer than {limit} bytes", data=bytes(buffer[:60]))
            return False
        del buffer[: end + 1]
        self._headers, self._seen = {}, 0
        self._state = PartReader._header_lines
        return True

    def _header_lines(self, out: list[Part]) -> bool:
        buffer, limit, at = self._buffer, self._bounds[0], 0
        while True:
            if at < len(buffer) and buffer[at] in _ROOT:
                del buffer[:at]
                self._begin(self._headers)  # a root without headers or without the blank line after them
                return True
            end = buffer.find(b"\n", at)
            if self._seen + (len(buffer) if end < 0 else end) > limit:
                raise BadAnswer(f"part headers longer than {limit} bytes", data=bytes(buffer[:60]))
            if end < 0:
                self._seen += at
                del buffer[:at]
                return False
            line = bytes(buffer[at:end]).strip(_BLANK)
            if not line:
                if self._headers:
                    del buffer[: end + 1]
                    self._begin(self._headers)
                    return True
            elif self._delimiter is not None and line.startswith(self._delimiter) and self._is_delimiter(at) == 1:
                del buffer[:at]
                self._state = PartReader._delimiter_line  # a delimiter twice in a row: an empty part
                return True
            else:
                name, colon, value = line.decode("utf-8", "replace").partition(":")
                if not colon:
                    del buffer[:at]
                    return self._lose()
                self._headers[name.strip().lower()] = value.strip()
            at = end + 1

    def _begin(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._length = read_length(headers.get("content-length"))
        self._kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._scan = self._taken = 0
        self._text = False
        self._state = PartReader._opening

    def _opening(self, out: list[Part]) -> bool:
        """Choose how the part ends, by its content type and its first byte: the header may lie (isapi.md 1.1)."""
        buffer, length = self._buffer, self._length
        described = is_described(self._kind)
        at = self._blanks() if described or not self._kind else 0 if buffer else -1
        if at < 0:
            return False
        del buffer[:at]
        self._taken += at
        first = buffer[0]
        is_root = begins_root(self._kind, bytes(buffer[:HEAD]), HEAD if length is None else length)
        if is_root is None:
            return False
        if is_root:
            self._open_root()
        elif first == _DASH and (is_delimiter := self._is_delimiter(0)) != 0:
            if is_delimiter < 0:
                return False
            self._state = PartReader._delimiter_line  # an empty part
        elif described and first not in _PICTURE_START:
            self.framing_errors += 1
            self._seen, self._text, self._state = 0, True, PartReader._junk
        elif length is None:
            self._state = PartReader._delimited
        elif length > self._bounds[2]:
            raise BadAnswer(f"a part of {length} bytes is larger than {self._bounds[2]}")
        else:
            self._state = PartReader._sized if length else PartReader._between  # of an empty part nothing is told
        return True

    def _root_end(self, out: list[Part]) -> bool:
        """Wait for the end of the root that the buffer begins with, or for a delimiter line, which cuts it short."""
        buffer, most = self._buffer, self._bounds[1]
        cut = self._find_delimiter()
        stop = len(buffer) if cut < 0 else cut
        declared = None if self._length is None else self._length - self._taken
        end = -1 if self._root is None else self._root.end(buffer, stop, declared)
        whole = end >= 0
        size = end if whole else stop
        if size > most + (0 if whole or cut >= 0 else _SLACK):
            raise BadAnswer(f"a text part is longer than {most} bytes", data=bytes(buffer[:60]))
        if not whole and cut < 0:
            return False
        out.append(self._part(bytes(buffer[:size]), complete=whole))
        del buffer[:size]
        self._taken += size
        self._scan, self._root = 0, None
        if not whole or (self._length is not None and self._taken > self._length):
            self.framing_errors += 1
            self._length = None
        self._state = PartReader._between
        return True

    def _sized(self, out: list[Part]) -> bool:
        buffer, length = self._buffer, self._length or 0
        size = -1
        if self._kind in JPEG and self._delimiter is not None:
            size, self._scan = find_early_end(buffer, self._delimiter, self._scan, length)
        if size >= 0:
            self.framing_errors += 1
        elif len(buffer) < length:
            return False
        else:
            size = length
        body = bytes(buffer[:size])
        out.append(self._part(body))
        del buffer[:size]
        self._suspect, self._length, self._scan = body, None, 0
        self._state = PartReader._between
        return True

    def _delimited(self, out: list[Part]) -> bool:
        """Wait for the delimiter that ends a binary part without a length."""
        buffer, most = self._buffer, self._bounds[2]
        end = self._find_delimiter()
        if end < 0 and len(buffer) <= most + _SLACK:
            return False
        body = bytes(buffer[: max(0, end)])
        body = body[:-2] if body.endswith(b"\r\n") else body.removesuffix(b"\n")
        if end < 0 or len(body) > most:
            raise BadAnswer(f"a part without a length is longer than {most} bytes")
        if body:
            out.append(self._part(body))
        del buffer[:end]
        self._state = PartReader._delimiter_line
        return True

    def _junk(self, out: list[Part]) -> bool:
        """Pass bytes in front of a root; without one before the delimiter they are the part."""
        buffer, most = self._buffer, self._bounds[1]
        cut = self._find_delimiter()
        stop = len(buffer) if cut < 0 else cut
        starts = [at for at in (buffer.find(sign, self._seen, stop) for sign in (b"<", b"{")) if at >= 0]
        self._seen = stop
        if starts:
            del buffer[: min(starts)]
            self._taken += min(starts)
            self._open_root()
            return True
        if stop > most + (0 if cut >= 0 else _SLACK):
            raise BadAnswer(f"a text part is longer than {most} bytes", data=bytes(buffer[:60]))
        if cut < 0:
            return False
        out.append(self._part(bytes(buffer[:cut]), complete=False))
        del buffer[:cut]
        self._state = PartReader._delimiter_line
        return True

    def _between(self, out: list[Part]) -> bool:
        """After a part: another root of the same part, a delimiter line, or bytes that belong to nothing."""
        buffer = self._buffer
        at = self._blanks()
        if at < 0:
            return False
        if self._text and buffer[at] in _ROOT:
            del buffer[:at]
            self._taken += at
            self._open_root()
            return True
        is_delimiter = self._is_delimiter(at)
        if is_delimiter < 0:
            return False
        if is_delimiter:
            if self._text and self._length is not None and self._taken + at < self._length:
                self.framing_errors += 1
            self._suspect = b""
            del buffer[:at]
            self._state = PartReader._delimiter_line
        elif self._delimiter is None:
            del buffer[:at]
            self.framing_errors += buffer[0] != _DASH
            self._seen, self._state = 0, PartReader._preamble
        else:
            at = find_swallowed(self._suspect, bytes(buffer[:LOOK]), self._delimiter)
            if at >= 0:
                buffer[:0] = self._suspect[at:]
            self._suspect = b""
            self._lose()
        return True

    def _search(self, out: list[Part]) -> bool:
        """Pass everything up to the next delimiter line."""
        buffer = self._buffer
        if self._delimiter is None:
            self._seen, self._state = 0, PartReader._preamble
            return bool(buffer)
        at = self._find_delimiter()
        if at >= 0:
            del buffer[:at]
            self._state = PartReader._delimiter_line
            return True
        surplus = len(buffer) - len(self._delimiter) - 4
        if surplus > 0:
            del buffer[:surplus]
            self._scan = max(0, self._scan - surplus)
        return False

    def _lose(self) -> bool:
        self.framing_errors += 1
        self._state, self._scan = PartReader._search, 0
        return True

    def _open_root(self) -> None:
        self._text = True
        self._root = Markup() if self._buffer[0] == _LESS else Braces()
        self._state, self._scan = PartReader._root_end, 0

    def _blanks(self) -> int:
        """Return where the first byte is that is not blank, -1 when there is none yet."""
        buffer = self._buffer
        at = after_blanks(buffer)
        if at < 0 and len(buffer) > self._bounds[0]:
            self._taken += len(buffer)
            buffer.clear()
        return at

    def _find_delimiter(self) -> int:
        """Return where the next delimiter line begins, -1 when there is none yet."""
        if self._delimiter is None:
            return -1
        at, self._scan = find_delimiter(self._buffer, self._delimiter, self._scan)
        return at

    def _is_delimiter(self, at: int) -> int:
        return 0 if self._delimiter is None else is_delimiter(self._buffer, self._delimiter, at)

    def _part(self, body: bytes, *, complete: bool = True) -> Part:
        name, filename = read_disposition(self._headers.get("content-disposition"))
        return Part(self._headers, self._kind, body, name, filename, self._text, complete)
