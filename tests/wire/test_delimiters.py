"""Where delimiter lines stand in bytes that have arrived, and where they only seem to (isapi.md 6.2, 10 items 17 to 19)."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.delimiters import (
    LOOK,
    after_blanks,
    find_delimiter,
    find_early_end,
    find_swallowed,
    is_delimiter,
    learn_delimiter,
)

LINE = b"--boundary"
END = b"\xff\xd9"
NEXT = b"\r\n" + LINE + b"\r\nContent-Type: application/xml\r\n\r\n<a/>"


@pytest.mark.parametrize(
    ("buffer", "at"),
    [
        (b"x", 0),
        (b" \t\r\n\0x", 5),
        (b"\xef\xbb\xbfx", 3),
        (b"\xef\xbb\xbf \xef\xbb\xbf\r\n<", 9),
        (b"", -1),
        (b" \r\n", -1),
        (b" \xef", -1),
        (b" \xef\xbb", -1),
        (b"\xef\xbb\xbf", -1),
        (b"\xef\xbbx", 0),
        (b"\xefxyz", 0),
        (b"\xbb", 0),
    ],
)
def test_blanks_and_byte_order_marks_are_passed(buffer: bytes, at: int) -> None:
    assert after_blanks(bytearray(buffer)) == at


@pytest.mark.parametrize(
    ("line", "boundaries", "delimiter"),
    [
        (b"--boundary", (b"--boundary",), b"--boundary"),
        (b"--boundary--", (b"--boundary",), b"--boundary"),
        (b"--boundary", (b"----boundary", b"--boundary"), b"--boundary"),
        (b"--a b", (b"--a b",), b"--a b"),
        (b"--a b", (), None),
        (b"--other", (b"--boundary",), b"--other"),
        (b"--other--", (), b"--other"),
        (b"--", (), None),
        (b"--" + b"x" * 200, (), b"--" + b"x" * 200),
        (b"--" + b"x" * 201, (), None),
        (b"-other", (), None),
        (b"HTTP/1.1 200 OK", (b"--boundary",), None),
    ],
)
def test_the_delimiter_is_learned_from_a_line(
    line: bytes, boundaries: tuple[bytes, ...], delimiter: bytes | None
) -> None:
    assert learn_delimiter(line, boundaries) == delimiter


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (b"\r", 1),
        (b"\n", 1),
        (b" ", 1),
        (b"\t\n", 1),
        (b"--", 1),
        (b"--x", 1),
        (b"", -1),
        (b"-", -1),
        (b"-x", 0),
        (b"x", 0),
    ],
)
def test_what_follows_a_delimiter_tells_whether_it_is_one(after: bytes, found: int) -> None:
    for front in (b"", b"ab\n"):
        assert is_delimiter(front + LINE + after, LINE, len(front)) == found


@pytest.mark.parametrize(("piece", "found"), [(b"", -1), (b"-", -1), (b"--boundar", -1), (b"--bX", 0), (b"x", 0)])
def test_the_beginning_of_a_delimiter_waits_for_more(piece: bytes, found: int) -> None:
    assert is_delimiter(piece, LINE, 0) == found


@pytest.mark.parametrize(
    ("buffer", "start", "found"),
    [
        (b"--boundary\r\n", 0, (0, 0)),
        (b"abc\n--boundary\r\n", 0, (4, 4)),
        (b"abc\xff\xd9--boundary\r\n", 0, (5, 5)),
        (b"abc\xff--boundary\r\n", 0, (-1, 7)),
        (b"a--boundary\r\n", 0, (-1, 4)),
        (b"--boundary\r\nx\n--boundary--", 1, (14, 14)),
        (b"x--boundary\n--boundaryX\n--boundary\n", 0, (24, 24)),
        (b"abc\n--boundary", 0, (-1, 4)),
        (b"abc\n--boundary-", 0, (-1, 4)),
        (b"0123456789abcdef", 0, (-1, 7)),
        (b"0123456789abcdef", 9, (-1, 9)),
        (b"0123", 0, (-1, 0)),
    ],
)
def test_the_next_delimiter_line_and_where_to_go_on(buffer: bytes, start: int, found: tuple[int, int]) -> None:
    assert find_delimiter(bytearray(buffer), LINE, start) == found


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\n\r\n"])
def test_a_picture_ends_early_at_its_own_end_before_a_delimiter_and_a_header(end: bytes) -> None:
    picture = b"\xff\xd8" + b"x" * 30 + END
    buffer = bytearray(picture + end + NEXT[2:])

    assert find_early_end(buffer, LINE, 0, 5000) == (len(picture), len(picture + end))


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff\xd8xxxx" + NEXT,  # no end of a picture
        b"\xff\xd8" + END + b"x" + NEXT,
        b"\xff\xd8" + END + b"\r\n" + LINE + b"\r\nX-Other: 1\r\n",
        b"\xff\xd8" + END + b"\r\n" + LINE + b"Content-Type: x",
        b"\xff\xd8" + END + b"\r\n" + LINE + b"--\r\n",
        b"\xff\xd8" + END + b"\r\n\r\n\r\n\r\n" + NEXT[2:],
    ],
)
def test_a_delimiter_in_a_picture_alone_ends_nothing(stream: bytes) -> None:
    assert find_early_end(bytearray(stream), LINE, 0, 5000) == (-1, len(stream) - len(LINE) + 1)


def test_a_picture_that_may_have_ended_early_waits_for_the_header() -> None:
    whole = b"\xff\xd8" + END + NEXT
    at = whole.index(LINE)
    for cut in range(at + len(LINE), whole.index(b"Content-") + len(b"Content-")):
        assert find_early_end(bytearray(whole[:cut]), LINE, 0, 5000) == (-1, at)
    assert find_early_end(bytearray(whole), LINE, 0, 5000) == (4, at)
    assert find_early_end(bytearray(whole), LINE, at, 5000) == (4, at)
    assert find_early_end(bytearray(whole), LINE, at + 1, 5000) == (-1, len(whole) - len(LINE) + 1)


def test_what_lies_behind_the_declared_length_is_not_looked_at() -> None:
    whole = b"\xff\xd8" + END + NEXT
    length = whole.index(b"Content-")

    assert find_early_end(bytearray(whole), LINE, 0, length) == (-1, length - len(LINE) + 1)
    assert find_early_end(bytearray(whole), LINE, 0, length + len(b"Content-")) == (4, 6)


def test_the_second_candidate_counts_too() -> None:
    first = b"\xff\xd8" + END + b"\r\n" + LINE + b"\r\nX: 1\r\n" + END
    assert find_early_end(bytearray(first + NEXT), LINE, 0, 5000) == (len(first), len(first) + 2)


def test_a_part_swallowed_by_a_binary_one_is_found() -> None:
    body = b"matrix" + NEXT
    at = body.index(LINE)

    assert find_swallowed(body, b"", LINE) == at
    assert find_swallowed(body[: at + len(LINE) + 5], NEXT[17:], LINE) == at
    assert find_swallowed(body[: at + 4], body[at + 4 :], LINE) == at
    assert find_swallowed(body[:at], body[at:], LINE) == -1
    assert find_swallowed(b"matrix", NEXT, LINE) == -1


def test_a_delimiter_in_binary_data_that_begins_no_part_is_data() -> None:
    for data in (b"x" + NEXT[2:], b"\n" + LINE + b"\r\nX: 1", b"\n" + LINE + b" Content-Type: x", b"\n" + LINE + b"--"):
        assert find_swallowed(b"matrix" + data, b"more data", LINE) == -1
        assert find_swallowed(b"matrix" + data + NEXT, b"more data", LINE) == len(b"matrix" + data) + 2


@pytest.mark.parametrize("before", [b"\n", END])
@pytest.mark.parametrize("inside", range(1, 10))
def test_a_length_that_ends_inside_the_delimiter(before: bytes, inside: int) -> None:
    body = b"x\nmatrix" + before + LINE[:inside]

    assert find_swallowed(body, LINE[inside:] + b"\r\nContent-", LINE) == len(b"x\nmatrix" + before)
    assert find_swallowed(body, b"", LINE) == len(b"x\nmatrix" + before)
    assert find_swallowed(body, b"?", LINE) == -1
    assert find_swallowed(b"matrix" + before, b"", LINE) == -1


def test_headers_are_looked_for_within_a_bounded_distance() -> None:
    room = LOOK - len(LINE)
    for blanks, found in ((room - 8, True), (room + 50, True), (room - 8, False)):
        header = b"Content-Type" if found else b"X-More"
        data = b"matrix\n" + LINE + b"\n" + b" " * (blanks - 1) + header
        assert (find_swallowed(data, b"", LINE) == 7) is found
