"""The part reader at its edges: bounds to the byte, counters above one, bytes that never were anything (isapi.md 6.2)."""

from __future__ import annotations

import pytest
from nvr_hooks import BadAnswer
from reading import BOUNDARY, JPEG, alert, at_random, in_pieces, part, read

from hik_thermal_plugin.wire.multipart import PartReader

ALARM = alert()
SHORT = b"<a>1</a>"


def ways(data: bytes, content_type: str | None = BOUNDARY, **bounds: int) -> tuple[list[tuple[bytes, bool, bool]], int]:
    """Return (body, text, complete) of each part and the framing errors, the same whole, byte by byte and at random cuts."""
    results = []
    for pieces in ([data], in_pieces(data, 1), at_random(data, 1), at_random(data, 2)):
        parts, errors = read(pieces, content_type, **bounds)
        results.append(([(found.body, found.text, found.complete) for found in parts], errors))
    assert all(result == results[0] for result in results)
    return results[0]


def bodies(data: bytes, content_type: str | None = BOUNDARY, **bounds: int) -> tuple[list[bytes], int]:
    found, errors = ways(data, content_type, **bounds)
    return [body for body, _, _ in found], errors


def refusal(data: bytes, content_type: str | None = BOUNDARY, **bounds: int) -> tuple[str, bytes]:
    """Return what is said when a bound is exceeded, the same whole and byte by byte, and the bytes that come along."""
    said = []
    for pieces in ([data], in_pieces(data, 1)):
        reader = PartReader(content_type, **bounds)
        with pytest.raises(BadAnswer) as caught:
            for piece in (*pieces, b""):  # what was complete is handed out first
                reader.feed(piece)
        assert not reader._buffer
        with pytest.raises(BadAnswer):
            reader.feed(SHORT)
        said.append((str(caught.value), caught.value.data))
    assert said[0][0] == said[1][0]
    return said[0]


def test_a_first_line_may_be_as_long_as_headers_may() -> None:
    line = b"x" * 100

    assert bodies(line + b"\r\n" + part(SHORT, length=False), None, max_headers=101) == ([SHORT], 0)
    assert refusal(line + b"y", None, max_headers=100) == ("no line end in 100 bytes before the first part", line[:60])


def test_lines_before_the_first_part_add_up() -> None:
    line = b"no delimiter 5\r\n"

    assert bodies(line * 4 + part(SHORT, length=False), None, max_text=64) == ([SHORT], 0)
    assert refusal(line * 5, None, max_text=79) == ("no part in 79 bytes", b"no delimiter 5")
    assert bodies(line * 5 + part(SHORT, length=False), None, max_text=80) == ([SHORT], 0)


def test_a_delimiter_line_may_be_as_long_as_headers_may() -> None:
    line = b"--boundary" + b" " * 50

    assert bodies(part(SHORT, kind=None) + line + b"\r\n\r\n" + ALARM, max_headers=61) == ([SHORT, ALARM], 0)
    said = refusal(part(b"<a/>", kind=None, length=False) + line + b" ", max_headers=60)
    assert said == ("a delimiter line longer than 60 bytes", line[:60])


def test_headers_add_up_over_their_lines() -> None:
    head = b"X-First: 12345\r\nContent-Type: text/xml\r\n"

    stream = b"--boundary\r\n" + head + b"\r\n" + SHORT
    assert bodies(stream, max_headers=len(head) + 1) == ([SHORT], 0)
    assert refusal(stream, max_headers=len(head) - 2)[0] == f"part headers longer than {len(head) - 2} bytes"
    assert refusal(b"--boundary\r\nX: " + b"y" * 60, max_headers=40)[1] == b"X: " + b"y" * 57
    assert bodies(stream.replace(b"\r\n", b"\r\n\r\n", 1), max_headers=len(head) + 4) == ([SHORT], 0)


def test_a_text_part_may_be_as_long_as_is_allowed() -> None:
    assert bodies(part(SHORT, length=False) + part(SHORT), max_text=len(SHORT)) == ([SHORT] * 2, 0)
    said = refusal(part(b"<a>" + b"1" * 400, length=False), max_text=100)
    assert said == ("a text part is longer than 100 bytes", b"<a>" + b"1" * 57)
    junk = part(b"x" * 90, length=False)
    assert ways(junk + b"--boundary\r\n", max_text=92)[0] == [(b"x" * 90 + b"\r\n", True, False)]
    assert refusal(part(b"x" * 400, length=False), max_text=92) == ("a text part is longer than 92 bytes", b"x" * 60)


def test_a_binary_part_may_be_as_long_as_is_allowed() -> None:
    sized, open_ended = part(JPEG, "image/jpeg"), part(JPEG, "image/jpeg", length=False)
    size = len(JPEG)

    for stream in (sized, open_ended):
        assert bodies(stream + part(SHORT), max_binary=size) == ([JPEG, SHORT], 0)
    assert refusal(sized, max_binary=size - 1) == (f"a part of {size} bytes is larger than {size - 1}", b"")
    assert refusal(open_ended + b"--boundary\r\n", max_binary=size - 1)[0] == (
        f"a part without a length is longer than {size - 1} bytes"
    )
    assert refusal(part(b"\xff" * 600, "image/jpeg", length=False), max_binary=300)[0] == (
        "a part without a length is longer than 300 bytes"
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_error_is_counted(count: int) -> None:
    assert bodies(part(SHORT, length=3) * count) == ([SHORT] * count, count)
    assert bodies(part(b"xyz" + SHORT, length=False) * count) == ([SHORT] * count, count)
    assert bodies((part(SHORT) + b"garbage\r\n") * count) == ([SHORT] * count, count)
    early = part(JPEG, "image/jpeg", length=len(JPEG) + 9_000)
    assert bodies(early * count + part(ALARM)) == ([JPEG] * count + [ALARM], count)
    assert bodies(part(SHORT, length=60, end=b"") * count + part(ALARM)) == ([SHORT] * count + [ALARM], count)
    cut = part(SHORT[:5], length=False)
    assert ways(cut * count + part(ALARM))[1] == count
    assert bodies(b"--boundary\r\nnonsense\r\n" * count + part(ALARM)) == ([ALARM], count)


def test_the_end_counts_what_it_cuts_beside_what_was_wrong_before() -> None:
    reader = PartReader(BOUNDARY)
    reader.feed(part(SHORT, length=3) + part(SHORT) + part(ALARM)[:-9])
    (left,) = reader.close()

    assert (left.complete, reader.parts, reader.framing_errors) == (False, 3, 2)
    assert reader.feed(part(SHORT) + b"--boundary\r\n\r\n" + SHORT)[0].body == SHORT
    assert reader.parts == 5


def test_a_length_smaller_than_the_bytes_before_the_root_is_wrong() -> None:
    assert bodies(part(b"xyz" + SHORT, length=len(SHORT) + 3)) == ([SHORT], 1)
    assert bodies(part(b"\r\n\r\n" + SHORT, length=len(SHORT) + 4)) == ([SHORT], 0)
    assert bodies(part(b"\r\n\r\n" + SHORT, length=len(SHORT) + 3)) == ([SHORT], 1)
    assert bodies(part(SHORT + b"\r\n" + SHORT, length=2 * len(SHORT) + 2)) == ([SHORT] * 2, 0)
    assert bodies(part(SHORT + b"\r\n" + SHORT, length=2 * len(SHORT) + 1)) == ([SHORT] * 2, 1)


def test_bytes_in_front_of_a_root_hold_other_roots_signs() -> None:
    for front, body in ((b"x ", b'{"a": 1}'), (b"x ", SHORT), (b"1 [2] ", b'{"a": 1}'), (b"x}", b'{"a": "<"}')):
        assert bodies(part(front + body, "application/json", length=False)) == ([body], 1)


def test_a_header_line_may_hold_colons_and_bytes_that_are_no_text() -> None:
    stream = b"--boundary\r\nX-Time: 05:06\r\nX-Name: Gr\xfcn\r\n\0Content-Type: text/xml\r\n\r\n" + SHORT
    (found,), errors = read([stream])

    assert (found.headers, errors) == ({"x-time": "05:06", "x-name": "Gr\ufffdn", "content-type": "text/xml"}, 0)


def test_blank_lines_in_front_of_binary_data_are_its_own() -> None:
    data = b"\r\n \0" + bytes(range(128, 200))

    assert ways(part(data, "application/octet-stream") + part(SHORT)) == (
        [(data, False, True), (SHORT, True, True)],
        0,
    )


def test_a_body_may_begin_with_a_dash() -> None:
    for data in (b"-", b"--", b"--bound", b"-1.5 degrees", b"--boundaryX"):
        assert bodies(part(data, "application/octet-stream") + part(SHORT)) == ([data, SHORT], 0)
        assert bodies(part(data, "application/octet-stream", length=False) + part(SHORT)) == ([data, SHORT], 0)


def test_without_a_delimiter_a_picture_can_not_end_early() -> None:
    reader = PartReader(None)
    (found,) = reader.feed(SHORT)
    assert (found.headers, found.content_type, found.body) == ({}, "", SHORT)
    assert reader.feed(b"\r\n- x\r\n" + SHORT)[0].body == SHORT
    assert reader.framing_errors == 0
    assert reader.feed(b" x\r\n" + SHORT)[0].body == SHORT
    assert reader.framing_errors == 1


def test_what_follows_the_end_marker_on_its_line_is_passed() -> None:
    assert bodies(part(SHORT) + b"--boundary--\r\n" + part(ALARM)) == ([SHORT, ALARM], 0)
    assert bodies(part(SHORT) + b"--boundary--\n" + part(ALARM)) == ([SHORT, ALARM], 0)
    assert bodies(part(SHORT) + b"--boundary-- x <b/>\r\n" + part(ALARM)) == ([SHORT, ALARM], 0)


def test_a_text_that_is_no_document_leaves_room_for_the_next_part() -> None:
    stream = (
        part(b"nothing", length=False) * 2 + part(JPEG, "image/jpeg") + part(b"nothing", length=False) + part(SHORT)
    )

    assert ways(stream) == (
        [
            (b"nothing\r\n", True, False),
            (b"nothing\r\n", True, False),
            (JPEG, False, True),
            (b"nothing\r\n", True, False),
            (SHORT, True, True),
        ],
        3,
    )


def test_a_reader_begins_with_nothing_and_keeps_nothing() -> None:
    reader = PartReader(BOUNDARY)
    assert (reader.parts, reader.framing_errors, reader.feed(b""), reader.close()) == (0, 0, [], [])
    assert (reader.parts, reader.framing_errors) == (0, 0)
    assert [found.body for found in reader.feed(part(SHORT))] == [SHORT]


def test_what_has_arrived_is_handed_out_at_once() -> None:
    picture, open_ended = part(JPEG, "image/jpeg"), part(JPEG, "image/jpeg", length=False)
    stream = part(SHORT) + open_ended + part(b"nothing", length=False) + picture + b"garbage\r\n" + part(SHORT)
    found = PartReader(BOUNDARY).feed(stream + b"--boundary--\r\n" + part(ALARM))

    assert [one.body for one in found] == [SHORT, JPEG, b"nothing\r\n", JPEG, SHORT, ALARM]
