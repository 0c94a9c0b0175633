"""Excerpts of multipart bodies: texts replaced under a length that fits, pictures empty or cut, parts whole."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.excerpts import HEAD, cut_binaries, replaced_texts, whole_parts

BEAT = b"<EventNotificationAlert><eventType>videoloss</eventType></EventNotificationAlert>\n"
JPEG = b"\xff\xd8\xff\xe0" + b"\r\n--boundary\r\nContent-Length: 3\r\n\r\n" + bytes(range(200))


def part(kind: str, body: bytes, *, off: int = 0) -> bytes:
    return f"--boundary\r\nContent-Type: {kind}\r\nContent-Length: {len(body) + off}\r\n\r\n".encode() + body


def longer(data: bytes) -> bytes:
    return data.replace(b"videoloss", b"a longer word")


@pytest.mark.parametrize("off", [0, -1])
def test_a_changed_text_has_a_length_as_right_or_wrong_as_before(off: int) -> None:
    changed = replaced_texts(part("application/xml", BEAT, off=off) + part("application/xml", BEAT), longer)

    assert changed == part("application/xml", longer(BEAT), off=off) + part("application/xml", longer(BEAT))


def test_a_picture_is_empty_and_as_long_as_it_was() -> None:
    changed = replaced_texts(part("application/xml", BEAT) + part("image/pjpeg", JPEG) + b"\r\n", longer)

    picture = b"\xff\xd8\xff" + bytes(len(JPEG) - 3)
    assert changed == part("application/xml", longer(BEAT)) + part("image/pjpeg", picture) + b"\r\n"


def test_texts_without_a_length_are_changed_too() -> None:
    data = b"--boundary\r\nContent-Type: application/xml\r\n\r\n" + BEAT + b"--boundary--\r\n"

    assert replaced_texts(data, longer) == longer(data)


def test_binaries_are_cut_where_it_says() -> None:
    matrix = bytes(range(100))
    whole = (
        part("application/json", b"{}")
        + part("image/pjpeg", JPEG)
        + part("application/octet-stream", matrix)
        + b"\r\n--boundary--\r\n"
    )
    cut = cut_binaries(whole)

    data, at, missing = b"", 0, [JPEG[HEAD:], matrix[HEAD:]]
    for (place, count), bytes_ in zip(cut.left_out, missing, strict=True):
        assert count == len(bytes_)
        data += cut.data[at:place] + bytes_
        at = place
    assert data + cut.data[at:] == whole


@pytest.mark.parametrize(
    "tail", [b"", b"--boundary\r\n", b"--boundary\r\nContent-Ty", part("application/xml", BEAT)[:-20], b"--bou"]
)
def test_a_part_that_is_not_whole_is_left_out(tail: bytes) -> None:
    whole = part("application/xml", BEAT) * 2

    assert whole_parts(whole + tail, "multipart/mixed; boundary=boundary") == whole


def same(data: bytes) -> bytes:
    return data


def test_pictures_stay_where_they_are_wanted() -> None:
    body = part("application/xml", BEAT) + part("image/pjpeg", JPEG) + part("application/octet-stream", b"matrix")

    assert replaced_texts(body, same, pictures=True) == body
    assert replaced_texts(body, same) == body.replace(JPEG, b"\xff\xd8\xff" + bytes(len(JPEG) - 3)).replace(
        b"matrix", bytes(6)
    )


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"Content-Length: 14", True),
        (b"CONTENT-TYPE: Text/XML\r\nContent-Length: 14", True),
        (b"Content-Length: 14\r\nContent-Type: application/json", True),
        (b"Content-Length: 14\r\nContent-Type: image/jpeg", False),
        (b"Content-Type: image/jpeg\r\nContent-Length: 14", False),
    ],
)
def test_what_is_a_text_by_its_head_or_first_byte(head: bytes, text: bool) -> None:
    for body in (b"<a>videoloss<a", b'{"a":videoloss'):
        changed = replaced_texts(b"--boundary\r\n" + head + b"\r\n\r\n" + body, longer)
        wanted = b"--boundary\r\n" + head.replace(b"14", b"18") + b"\r\n\r\n" + longer(body)
        assert changed == (wanted if text else b"--boundary\r\n" + head + b"\r\n\r\n" + bytes(14))
    changed = replaced_texts(b"--boundary\r\nContent-Length: 4\r\n\r\n\x01<{x", longer)
    assert changed == b"--boundary\r\nContent-Length: 4\r\n\r\n" + bytes(4)


def test_a_body_may_begin_at_the_first_byte_and_end_before_its_length() -> None:
    assert replaced_texts(b"Content-Length: 99\n\n<videoloss", longer) == b"Content-Length: 103\n\n<a longer word"
    assert replaced_texts(b"Content-Length: 5\r\n", longer) == b"Content-Length: 5\r\n"
    head = b"Content-Length: 9\r\n\r\n"
    assert replaced_texts(head + b"videoloss" + head + b"<videolos", longer) == head + bytes(9) + head + b"<videolos"


def test_the_type_of_one_part_is_not_that_of_the_next() -> None:
    typed, untyped = part("image/jpeg", JPEG), b"\r\n--boundary\r\nContent-Length: 11\r\n\r\n<videoloss>"

    assert replaced_texts(typed + untyped, longer, pictures=True) == typed + longer(untyped).replace(b"11", b"15")


def test_binaries_no_longer_than_their_beginning_stay_whole() -> None:
    for size, cut in ((HEAD, ()), (HEAD + 1, 1)):
        whole = part("application/octet-stream", bytes(size))
        found = cut_binaries(whole)
        assert found.left_out == (((len(whole) - 1, 1),) if cut else ())
        assert found.data == whole[: len(whole) - bool(cut)]


def test_whole_parts_by_another_boundary_than_the_header_names() -> None:
    odd = b"--a b\r\nContent-Type: text/xml\r\n\r\n" + BEAT

    assert whole_parts(odd * 2 + b"--a b\r\nContent", 'multipart/mixed; boundary="a b"') == odd * 2
    assert whole_parts(b"no parts", None) == b"no parts"
