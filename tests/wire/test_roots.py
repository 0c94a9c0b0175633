"""Where a document ends while it arrives: with its last byte, whatever looks like an end before (isapi.md 6.2)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from hik_thermal_plugin.wire import roots
from hik_thermal_plugin.wire.roots import MAX_TAG, Braces, Markup

ROOM = b"x" * (MAX_TAG - 4)
"""With `<a ` and `>` a tag as long as one may be."""


def end_of(kind: type[Markup] | type[Braces], document: bytes, rest: bytes = b"", steps: int = 1) -> int:
    """Return where a root ends, the same at once, with what follows there already, and with a few bytes at a time."""
    whole = kind().end(bytearray(document), len(document))
    assert kind().end(bytearray(document + rest), len(document + rest)) == whole
    slowly, buffer = kind(), bytearray()
    for at in range(0, len(document), steps):
        assert slowly.end(buffer, len(buffer)) == -1, f"it ends with {bytes(buffer[-20:])!r} already"
        buffer += document[at : at + steps]
    assert slowly.end(buffer, len(buffer)) == whole
    waiting, buffer = kind(), bytearray(document + rest)
    for stop in (*range(0, len(document), max(1, len(document) // 50)), len(document) - 1):
        assert waiting.end(buffer, stop) == -1, "what stands behind `stop` is not there yet"
    assert waiting.end(buffer, len(document)) == whole
    return whole


@pytest.mark.parametrize(
    "document",
    [
        b"<a>1</a>",
        b"<a></a>",
        b"<a/>",
        b"<a />",
        b"<a\n/>",
        b"<a\tb='1'\r\n>1</a\r\n>",
        b'<?xml version="1.0" encoding="UTF-8"?>\r\n<a>1</a>',
        b'<?xml version="1.0"><a>1</a>',
        b"<!DOCTYPE a><a>1</a>",
        b"<!-- <a>0</a> --><a>1</a>",
        b"<!----><a>1</a>",
        b"<!-- > --> <?pi <a ?> <!x><a>1</a>",
        b"</b><a>1</a>",
        b"<?><a>1</a>",
        b"</><a>1</a>",
        b"< <a>1</a>",
        b"<<a>1</a>",
        b"1 < 2 <a>1</a>",
        b"<a><!-- </a> --></a>",
        b"<a><!----></a>",
        b"<a><!-- <a> --><!-- <a> --></a>",
        b"<a><!--<a>--></a>",
        b"<!--<b>--><a>1</a>",
        b"<a><![CDATA[<a>]]></a>",
        b"<a><![CDATA[</a>]]></a>",
        b"<a><![CDATA[]]></a>",
        b"<a><![CDATA[ ]> ]] </a><a> ]]></a>",
        b"<a><![CDAT]></a>",
        b"<a><!x></a>",
        b"<a><!- </a>",
        b"<a><a>1</a><a>2</a></a>",
        b"<a><a><a/></a></a>",
        b"<a><a b='/>'>1</a></a>",
        b'<a><a b="\'>"/></a>',
        b"<a><a\n/><a\r\n></a><a\t/></a>",
        b"<a><ab>1</ab></a>",
        b"<a></ab></a>",
        b"<a><a-b/><a.b></a.b></a>",
        b"<a><b/><!-- --><a/><![CDATA[]]></a>",
        b"<a b='</a>' c=\"<a>\">1</a>",
        b"<a b='/'>1</a>",
        b"<a b=\"it's\" c='\"'/>",
        b"<p:a xmlns:p='u'><p:ab/><a/></a></p:a>",
        b"<a>1 < 2 > 0</ a></a>",
        "<ä>机</ä>".encode(),
        b"<" + b"n" * 256 + b">1</" + b"n" * 256 + b">",
        b"<" + b"n" * 257 + b"/><a>1</a>",
    ],
)
@pytest.mark.parametrize("rest", [b"", b"</a>", b"\r\n--boundary", b"<a>2</a>"])
def test_a_root_ends_with_its_last_byte(document: bytes, rest: bytes) -> None:
    assert end_of(Markup, document, rest) == len(document)


@pytest.mark.parametrize(
    ("before", "tag"),
    [
        (b"", b"<a " + ROOM + b">"),
        (b"", b"<a " + ROOM[1:] + b"/>"),
        (b"<a>", b"<a " + ROOM + b"></a>"),
        (b"<a>", b"<a " + ROOM[1:] + b"/>"),
        (b"<a>", b"</a" + b" " * (MAX_TAG - 4) + b">"),
    ],
)
def test_a_tag_may_be_long_and_what_is_longer_is_text(before: bytes, tag: bytes) -> None:
    closes, empty = tag.startswith(b"</"), tag.endswith(b"/>")
    whole = before + tag + (b"" if closes or (empty and not before) else b"</a>")
    longer = before + tag[:3] + b" " + tag[3:] + b"<a>1</a>" + (b"</a>" if before else b"")

    assert end_of(Markup, whole, steps=999) == len(whole)
    if b"></a>" not in tag:
        assert end_of(Markup, longer, steps=999) == len(longer)


def test_a_tag_far_behind_may_come_in_pieces() -> None:
    for document in (b"<a>" + b"1" * MAX_TAG + b"<a b='1'>2</a ></a >", b" " * MAX_TAG + b"<a b='1'>2</a >"):
        assert end_of(Markup, document, steps=5) == len(document)


def test_a_tag_without_end_is_waited_for_and_then_passed() -> None:
    for before, after in ((b"", b"<a>1</a>"), (b"<a>", b"</a>"), (b"<a></a", b"</a>")):
        document = before + (b"<a " if before in (b"", b"<a>") else b" ") + b"x" * 2 * MAX_TAG + after
        assert end_of(Markup, document, steps=1000) == len(document)


@pytest.mark.parametrize(
    "document",
    [
        b"{}",
        b"[]",
        b'{"a": 1}',
        b'{"a": {"b": [1, {"c": 2}]}}',
        b"[[1], [2, [3]]]",
        b'[{"a": 1},\r\n {"a": 2}]',
        b'{"a": "}"}',
        b'["]", "{", "[", "}"]',
        b'{"a": "\\"}"}',
        b'{"a": "\\\\"}',
        b'{"a\\\\\\"}": "{\\\\"}',
        b'{"": "", "a": []}',
        b'{"a": "} x"}',
        b'{"a": [1] , "b": {} }',
        b'{"a": "}]"  ,"b": "]}" }',
    ],
)
@pytest.mark.parametrize("rest", [b"", b"\r\n--boundary", b'{"b": 2}', b"}", b"]"])
def test_an_object_or_a_list_ends_with_its_last_byte(document: bytes, rest: bytes) -> None:
    json.loads(document)
    assert end_of(Braces, document, rest) == len(document)
    for declared in (len(document), len(document) - 1, len(document + rest), 1):
        assert Braces().end(bytearray(document + rest), len(document + rest), declared) == len(document), declared


class _Never:
    """Stands in for a pattern that must not be needed."""

    def search(self, *_: Any) -> None:
        pytest.fail("the braces are counted")


@pytest.mark.parametrize("document", [b'{"a": [1, {"b": 2}]}', b'[{"a": 1}, {"a": [2]}]', b"[]", b"{}"])
@pytest.mark.parametrize("blank", [b"", b"\r\n", b" \n\n"])
def test_a_root_whose_length_is_right_is_not_counted(
    document: bytes, blank: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "_BRACE", _Never())
    buffer = bytearray(document + blank + b"--boundary")

    assert Braces().end(buffer, len(buffer), len(document + blank)) == len(document)
    assert Braces().end(buffer, len(document + blank), len(document + blank)) == len(document)


@pytest.mark.parametrize(
    ("data", "declared", "end"),
    [
        (b'{"a": 1}{"b": 2}', 16, 8),
        (b'{"a": 1}\r\n[2]', 13, 8),
        (b'["]"]\r\n[', 8, 5),
        (b'{"a": 1} junk', 13, 8),
    ],
)
def test_a_length_that_takes_in_more_than_one_root_is_not_believed(data: bytes, declared: int, end: int) -> None:
    assert Braces().end(bytearray(data), len(data), declared) == end


def test_a_length_is_believed_when_its_bytes_are_there() -> None:
    data = b'{"a": [1, 2]}'
    reader, buffer = Braces(), bytearray()
    for byte in data:
        assert reader.end(buffer, len(buffer), len(data)) == -1
        buffer.append(byte)
    assert reader.end(buffer, len(buffer), len(data)) == len(data)


class _Watched(bytearray):
    """Counts the bytes that were searched."""

    searched = 0

    def find(self, what: Any, start: Any = 0, stop: Any = None) -> int:
        found = super().find(what, start, stop)
        self.searched += (len(self) if stop is None else stop) - start if found < 0 else found - start
        return found


class _WatchedPattern:
    """Likewise, of a pattern that is searched in a watched buffer."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern

    def search(self, buffer: _Watched, start: int, stop: int) -> re.Match[bytes] | None:
        buffer.searched += stop - start
        return self._pattern.search(buffer, start, stop)


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (Markup, b" " * 3000 + b"<a>1</a>"),
        (Markup, b"<!--" + b"-" * 3000 + b"--><a>1</a>"),
        (Markup, b"<?xml " + b"?" * 3000 + b"><a>1</a>"),
        (Markup, b"<a>" + b"1" * 3000 + b"</a>"),
        (Markup, b"<a>" + b"<b>1</b>" * 400 + b"</a>"),
        (Markup, b"<a>" + b"<a>1</a>" * 400 + b"</a>"),
        (Markup, b"<a>" + b"<ab>1</ab>" * 300 + b"</a>"),
        (Markup, b"<a>" + b"</ab>" * 600 + b"</a>"),
        (Markup, b"<a><!--" + b"-" * 3000 + b"--></a>"),
        (Markup, b"<a>" + b"<!-- --><![CDATA[x]]>" * 150 + b"</a>"),
        (Braces, b"[" + b'{"a": 1},' * 300 + b"1]"),
        (Braces, b"[[1]," + b"1," * 1500 + b"1]"),
        (Braces, b'{"a": {},' + b'"b": 1,' * 500 + b'"c": 1}'),
        (Braces, b'["' + b"x" * 3000 + b'"]'),
    ],
)
def test_no_byte_is_searched_again_with_every_byte_that_comes(
    kind: type[Markup] | type[Braces], document: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "_MAY_END", _WatchedPattern(roots._MAY_END))
    reader, buffer = kind(), _Watched()
    for byte in document[:-1]:
        buffer.append(byte)
        assert reader.end(buffer, len(buffer)) == -1
    assert buffer.searched < 25 * len(document)

    buffer = _Watched(document)
    assert kind().end(buffer, len(document)) == len(document)
    assert buffer.searched < 25 * len(document)
