"""Documents open safely, whatever is wrong with them, and fields read leniently (isapi.md 1.1, 1.2, 10)."""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire import xml

NAMESPACES = [
    "",
    "http://www.isapi.org/ver20/XMLSchema",
    "http://www.hikvision.com/ver20/XMLSchema",
    "http://www.hikvision.com/ver10/XMLSchema",
    "http://www.std-cgi.com/ver20/XMLSchema",
    "urn:psialliance-org",
    "http://www.isapi.com/ver20/XMLSchema",
]


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("inner", NAMESPACES)
def test_names_count_without_their_namespace(namespace: str, inner: str) -> None:
    root = xml.open_document(f'<a xmlns="{namespace}"><b xmlns="{inner}"><c>1</c></b><b>2</b></a>'.encode())

    assert xml.local_name(root) == "a"
    assert xml.text(root, "b", "c") == "1"
    assert len(xml.children(root, "b")) == len(xml.descendants(root, "b")) == 2
    assert list(xml.fields(root)) == ["b"]
    assert xml.text(xml.descendant(root, "x", "c")) == "1"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\r\n\r\n<a>x</a>", "x"),
        (b'\n<?xml version="1.0" encoding="UTF-8"?>\n<a>x</a>\n', "x"),
        (b"\xef\xbb\xbf<a>x</a>\0\0", "x"),
        (b"\0\n\xef\xbb\xbf\0\r\n<a>x</a>", "x"),
        ("<a>x\ud800y</a>".encode("utf-16", "surrogatepass"), "x\ufffdy"),
        (b'<?xml version="1.0" encoding="UTF-8"><a>x</a>', "x"),
        (b'<? xml version="1.0" encoding="UTF-8"?>\n<a>x</a>', "x"),
        (b'<?xml version="9" standalone="maybe"?><a>x</a>', "x"),
        (b'<?xml version="1.0" encoding="nonsense"?><a>x</a>', "x"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a>x</a>', "x"),
        (b'<?xml version="1.0" encoding="gb2312"?><a>\xbb\xfa</a>', "机"),
        ("<a>机</a>".encode(), "机"),
        ("<a>ä</a>".encode("utf-16"), "ä"),
        (b"<a>x\xff</a>", "x\ufffd"),
        (b"<a>\x01x\x1f</a>", "x"),
        (b"<a>&#1;x&#x1F;</a>", "x"),
        (b"<a>x &amp; y&lt;&#65;</a>", "x & y<A"),
        (b"<a>http://h/?a=1&b=2&amp;c=3</a>", "http://h/?a=1&b=2&c=3"),
        (b"<a>&nbsp;x</a>", "&nbsp;x"),
        (b"<a><![CDATA[x <b> &]]></a>", "x <b> &"),
        (b"<a><!-- c -->x<?pi y?></a>", "x"),
        (b"<a><!-- c -->x & <?pi y?>y<!-- c --></a>", "x & y"),
        (b"<p:a>x<p:b/></p:a>", "x"),
        (b"<p:a><!-- c --><?pi y?>x<q:b><?pi y?><!-- c --></q:b></p:a>", "x"),
        (b"<a http:version='2' xmlns='http://h/'>x</a>", "x"),
        (b"<a>  x\n </a>", "x"),
        (b"<a/>", None),
        (b"<a>  </a>", None),
    ],
)
def test_what_devices_get_wrong_is_mended(data: bytes, text: str | None) -> None:
    root = xml.open_document(data)

    assert xml.local_name(root) == "a"
    assert xml.text(root) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \r\n",
        b"\0",
        b"\xff\xd8\xff\xe0",
        b"401 Unauthorized",
        b"<",
        b"<a>",
        b"<a><b></a>",
        b"<a/><b/>",
        b"<a/>junk",
        b"<a>\xff",
        b"{",
        b'{"a": ',
        b"[1",
        b"{]}",
        b'{"a": NaN',
        b'{"a": 1} x',
        b"{'a': 1}",
        b"\xff\xfe<\0a\0",
        b"\xff\xfe<\0a\0>\0<\0/\0a",
        b"<p:a><p:b></p:a>",
        b"<p:a><p:1/></p:a>",
        "<p:a><p:ä/></p:a>".encode(),
    ],
)
def test_what_is_broken_is_a_bad_answer_with_its_bytes(data: bytes) -> None:
    with pytest.raises(BadAnswer) as raised:
        xml.open_document(data)
    assert str(raised.value)
    assert bool(raised.value.data) == bool(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty document"),
        (b"busy " + b"x" * 90, f"neither XML nor JSON: 'busy {'x' * 55}'"),
        (b"<a><b>", r"broken or cut XML \(6 bytes\): Premature end .*; it begins '<a><b>'"),
        (b"<p:a><p:b></p:a>", r"broken or cut XML \(16 bytes\): .*prefix p on a .*; it begins '<p:a><p:b></p:a>'"),
        ("<p:a><p:ä/></p:a>".encode(), r"broken or cut XML \(18 bytes\): .*prefix p on a .*; it begins '<p:a>"),
        (b'{"a": ', r"""broken or cut JSON \(6 bytes\): Expecting value: .*; it begins '{"a": '"""),
        (b"[1", r"broken or cut JSON \(2 bytes\): Expecting .*; it begins '\[1'"),
        (b'{"a\xff', r"broken or cut JSON \(4 bytes\): Unterminated .*; it begins '.\"a\ufffd'"),
    ],
)
def test_a_bad_answer_says_what_is_wrong_with_it(data: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words) as raised:
        xml.open_document(data)
    assert raised.value.data == data


BOMB = b'<!DOCTYPE a [<!ENTITY a0 "ha">' + b"".join(
    b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 10)
)


@pytest.mark.parametrize(
    "data",
    [
        BOMB + b"]><a>&a9;</a>",
        BOMB + b']><a x="&a9;"/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        b'<!DOC\x01TYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        b'<!DOC\x01TYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'<!\x02DOCTYPE a [<!ENT\x1fITY x "y">]><a>&x;</a>',
        b'<?xml version="1.0"?><!doctype a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]><a/>',
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>').encode("utf-16"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>').encode("utf-16-le"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a [+ADwAIQ-ENTITY x "y"+AD4AXQA+-<a>&x;</a>',
    ],
)
def test_bombs_and_external_entities_are_refused_at_once(data: bytes) -> None:
    start = clock.process_time()
    with pytest.raises(BadAnswer):
        xml.open_document(data)
    assert clock.process_time() - start < 1


def test_a_file_of_the_machine_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "x.txt"
    secret.write_text("never")
    for data in (
        f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{secret}" parse="text"/></a>',
        f'<?xml-stylesheet href="{secret}"?><a xmlns:xsi="u" xsi:schemaLocation="u {secret}"/>',
    ):
        assert "never" not in "".join(str(text) for text in xml.open_document(data.encode()).itertext())


def test_deep_nesting_is_refused() -> None:
    for data in (
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 99 + b"1" + b"}" * 99,
    ):
        with pytest.raises(BadAnswer):
            xml.open_document(data)


@pytest.mark.parametrize(
    ("start", "end"),
    [(b'{"a":', b"}"), (b'{"a":[', b"]}"), (b'{"aList":[', b"]}"), (b'{"aList":[{"a":', b"}]}")],
)
def test_json_may_be_nested_as_deep_as_any_device_does(start: bytes, end: bytes) -> None:
    steps = 2 if b"List" in start else 1
    for depth in range(2, 130):
        data = b'{"x": 1, "y": ' + start * depth + b'{"z": 1}' + end * depth + b"}"
        if 2 + steps * depth <= 64:
            assert xml.descendant(xml.open_document(data), "z") is not None
        else:
            with pytest.raises(BadAnswer, match="deeper than 64") as raised:
                xml.open_document(data)
            assert raised.value.data == data


def test_size_is_capped() -> None:
    data = b"<a>" + b"x" * 1000 + b"</a>"

    assert xml.open_document(data, max_bytes=len(data)) is not None
    with pytest.raises(BadAnswer, match="1006"):
        xml.open_document(data, max_bytes=1006)
    with pytest.raises(BadAnswer, match=str(xml.MAX_DOCUMENT)):
        xml.open_document(b"<a>" + b"x" * xml.MAX_DOCUMENT + b"</a>")


@pytest.mark.parametrize(
    ("word", "number"),
    [("48", 48.0), (" 57.6 ", 57.6), ("57,6", 57.6), ("-1", -1.0), ("1e3", 1000.0), ("+5", 5.0), ("4.", 4.0)]
    + [(word, None) for word in ("", "x", "nan", "inf", "-Infinity", "1e999", "1,2,3", "9" * 50, "--1", "0x10")],
)
def test_numbers(word: str, number: float | None) -> None:
    root = xml.open_document(f"<a><b>{word}</b></a>".encode())

    assert xml.number(root, "b") == number
    assert xml.integer(root, "b") == (None if number is None or number != int(number) else int(number))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("yes", True),
        ("false", False),
        ("0", False),
        ("off", False),
        ("", None),
        ("2", None),
    ],
)
def test_truth(word: str, value: bool | None) -> None:
    assert xml.boolean(xml.open_document(f"<a><b>{word}</b></a>".encode()), "b") is value


def test_times() -> None:
    root = xml.open_document(b"<a><b>2026-03-04T05:06:07Z</b><c>2026-03-04T05:06:07</c><d/></a>")

    assert xml.time(root, "b") == xml.time(root, "c", zone=UTC) == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert xml.time(root, "c") is None
    assert xml.time(root, "d") is None


def test_choices_of_a_capability_document() -> None:
    root = xml.open_document(b'<a><b opt="MD5, SHA256,,MD5/SHA256">MD5</b><c/></a>')

    assert xml.choices(root, "b") == ("MD5", "SHA256", "MD5/SHA256")
    assert xml.choices(root, "c") == xml.choices(root, "d") == ()
    assert xml.choices(xml.open_document(b'{"a": {"b": {"@opt": ["x", "y"]}}}'), "b") == ("x", "y")
    assert xml.choices(xml.open_document(b'{"a": {"b": {"@opt": "x,y"}}}'), "b") == ("x", "y")


def test_what_is_not_there_reads_as_none() -> None:
    root = xml.open_document(b"<a><b/></a>")

    assert xml.child(root, "x", "y") is None
    assert xml.child(None, "x") is None
    assert xml.text(None) is None
    assert xml.children(None, "x") == xml.descendants(None, "x") == []
    assert xml.descendant(None, "x") is None
    assert (xml.number(root, "x"), xml.integer(root, "b"), xml.boolean(None), xml.time(root, "b")) == (None,) * 4


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"a": {"b": "x"}}', "x"),
        (b' \r\n{"b": "x", "c": 1}', "x"),
        (b'{"a": {"b": 5.25}}', "5.25"),
        (b'{"a": {"b": true}}', "true"),
        (b'{"a": {"b": false}}\0\r\n', "false"),
        (b'{"a": {"b": null}}', None),
        (b'{"a": {"b": ["x", "y"]}}', "x"),
        (b'{"a": {"b": "\\u0001x\\ud800"}}', "x"),
        (b'{"a": {"b": "x\xff"}}', "x\ufffd"),
        (b'{"a": {"@": 1, "@1x": 2, "@@": 3, "@x": 4, "b": "x"}}', "x"),
        (b'{"a": {"": 1, "1": 2, "c d": 3, "b": "x", "<": 4}}', "x"),
        (b'{"a": {"b": 1e400}}', "inf"),
        (b'{"a": {"b": 1%s}}' % (b"0" * 39), "1" + "0" * 39),
        (b'{"a": {"b": 1%s}}' % (b"0" * 40), None),
        (b'{"a": {"b": -1%s}}' % (b"0" * 40), None),
    ],
)
def test_json_is_the_same_tree(data: bytes, text: str | None) -> None:
    root = xml.open_document(data, bare="a")

    assert xml.local_name(root) == "a"
    assert xml.text(root, "b") == text


@pytest.mark.parametrize(
    "data",
    [
        b'{"x": {"List": 1, "PointList": [{"Point": {"x": 1}}, {"Point": {"x": 2}}]}}',
        b'{"x": {"List": [], "PointList": {"Point": [{"x": 1}, {"x": 2}]}}}',
        b'{"x": {"PointList": [{"x": 1}, {"x": 2}], "List": [{"x": {"y": 1}}]}}',
        b"<x><PointList><Point><x>1</x></Point><Point><x>2</x></Point></PointList></x>",
    ],
)
def test_a_list_is_the_same_in_every_shape(data: bytes) -> None:
    root = xml.open_document(data)

    assert [xml.integer(point, "x") for point in xml.children(xml.child(root, "PointList"), "Point")] == [1, 2]


def test_items_of_a_list_without_a_name_of_its_own() -> None:
    root = xml.open_document(b'{"x": {"y": 1, "List": [{"a": 1, "b": 2}, {"a": 3}]}}')

    assert [xml.integer(item, "a") for item in xml.children(xml.child(root, "List"), "item")] == [1, 3]


def test_a_json_list_alone_has_the_name_of_its_items() -> None:
    assert xml.local_name(xml.open_document(b'{"a": 1, "b": 2}')) == "json"
    root = xml.open_document(b'[{"b": 1}, {"b": 2}]', bare="a")

    assert [xml.integer(item, "b") for item in xml.children(root, "a")] == [1, 2]
