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
