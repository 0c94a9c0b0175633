"""Heads of parts, word by word (isapi.md 6.2)."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.parts import begins_root, is_described, read_boundaries, read_disposition, read_length


@pytest.mark.parametrize(
    ("kind", "described"),
    [
        ("application/xml", True),
        ("text/xml", True),
        ("application/json", True),
        ("text/html", True),
        ("text/plain", False),
        ("image/jpeg", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_a_content_type_promises_a_document_or_none(kind: str, described: bool) -> None:
    assert is_described(kind) is described


XML, JSON = b"<EventNotificati", b'{ "eventType": 1'


@pytest.mark.parametrize("kind", ["", "application/xml", "application/json", "text/html"])
def test_where_a_document_is_expected_one_byte_tells(kind: str) -> None:
    assert [begins_root(kind, head, 100) for head in (b"<", b"{", b"[", b"x", b"")] == [True, True, True, False, False]


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "text/plain"])
def test_a_picture_that_begins_like_a_document_is_one(kind: str) -> None:
    assert [begins_root(kind, head, 100) for head in (b"<", b"{", b"[", b"\xff\xd8", b"")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("head", "length", "root"),
    [
        (XML, 500, True),
        (b"<?xml version='1.", 500, True),
        (JSON, 500, True),
        (b'{"abc', 6, None),
        (b'{"abc"', 6, True),
        (XML[:15], 500, None),
        (XML[:15], 15, True),
        (XML[:15], 16, None),
        (b"<abc\0ghijklmnopq", 500, False),
        (b"<\xff\xff", 500, None),
        (b"<\xff\xff", 3, False),
        (b"[1, 2, 3, 4, 5, ", 500, False),
        (b"\x45\x80\xce\x41", 500, False),
        (b"", 500, False),
    ],
)
def test_binary_data_has_to_prove_that_it_is_a_document(head: bytes, length: int, root: bool | None) -> None:
    assert begins_root("application/octet-stream", head, length) is root


@pytest.mark.parametrize(
    ("content_type", "boundaries"),
    [
        ("multipart/mixed; boundary=boundary", (b"--boundary",)),
        ("multipart/mixed;boundary = boundary ; charset=x", (b"--boundary",)),
        ("multipart/mixed; BOUNDARY=--boundary", (b"----boundary", b"--boundary")),
        ("multipart/mixed; boundary=-boundary", (b"---boundary",)),
        ('multipart/mixed; boundary="a; b"', (b"--a; b",)),
        ('multipart/mixed; boundary=" a "', (b"--a",)),
        ('multipart/mixed; boundary=""', ()),
        ("multipart/mixed; boundary=", ()),
        ("multipart/mixed; boundary=Gr\u00fcn\ud800", ("--Grün?".encode(),)),
        ("multipart/mixed", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_the_delimiters_a_content_type_may_mean(content_type: str | None, boundaries: tuple[bytes, ...]) -> None:
    assert read_boundaries(content_type) == boundaries


@pytest.mark.parametrize(
    ("word", "length"),
    [
        ("517", 517),
        ("0", 0),
        ("9" * 5000, 999_999_999_999_999_999),
        (None, None),
        ("", None),
        ("-3", None),
        ("5.0", None),
        ("many", None),
        ("²", None),
        ("٣", None),
    ],
)
def test_lengths(word: str | None, length: int | None) -> None:
    assert read_length(word) == length


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ('form-data; name="fireDetection"; filename="fireDetection.jpg";', ("fireDetection", "fireDetection.jpg")),
        ("form-data; filename = fire.jpg ; NAME=fire", ("fire", "fire.jpg")),
        ('form-data; FileName="a b"', (None, "a b")),
        ('form-data; name=""', ("", None)),
        ("form-data; name=", ("", None)),
        ("form-data;", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_names_of_parts(word: str | None, names: tuple[str | None, str | None]) -> None:
    assert read_disposition(word) == names
