"""Requests of devices that push: whole, byte by byte, several in a row; and what is no request."""

from __future__ import annotations

import contextlib
import random

import pytest

from hik_thermal_plugin.wire.http_requests import BadRequest, Head, Piece, RequestReader, answer

PUSH = b"POST /hik-thermal/0123?x=1 HTTP/1.1\r\nHost: 192.0.2.5:8089\r\nContent-Type: application/xml\r\nContent-Length: 4\r\n\r\n<a/>"


def read(data: bytes, size: int | None = None) -> list[tuple[Head, bytes]]:
    """Return the requests in the data, fed in pieces of this size."""
    reader, found, body = RequestReader(), list[tuple[Head, bytes]](), b""
    head: Head | None = None
    for at in range(0, len(data), size or len(data)):
        for item in reader.feed(data[at : at + (size or len(data))]):
            if isinstance(item, Head):
                head, body = item, b""
            else:
                body += item.data
                if item.last:
                    assert head is not None
                    found.append((head, body))
    return found


@pytest.mark.parametrize("size", [None, 1, 7])
def test_requests_are_read_however_they_are_cut(size: int | None) -> None:
    ((head, body), (second, nothing)) = read(PUSH + b"\r\nGET / HTTP/1.0\r\n\r\n", size)
    assert (head.method, head.path, head.length, head.keep) == ("POST", "/hik-thermal/0123", 4, True)
    assert head.headers["content-type"] == "application/xml"
    assert (body, second.method, second.keep, nothing) == (b"<a/>", "GET", False, b"")


def test_lines_that_end_without_carriage_return() -> None:
    assert read(PUSH.replace(b"\r\n", b"\n"))[0][1] == b"<a/>"


def test_a_body_comes_piece_by_piece() -> None:
    reader = RequestReader()
    assert isinstance(reader.feed(PUSH[:-2])[1], Piece)
    assert not reader.idle
    assert reader.feed(PUSH[-2:]) == [Piece(b"/>", last=True)]
    assert reader.idle


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET / RTSP/1.0\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 17_000, 431),
    ],
)
def test_what_is_no_request_is_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        RequestReader().feed(data)
    assert caught.value.status == status
    assert answer(status).startswith(b"HTTP/1.1 %d " % status)


def test_broken_bytes_end_in_a_request_or_a_refusal() -> None:
    dice = random.Random(6)
    for _ in range(2000):
        data = bytearray(PUSH)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        reader = RequestReader()
        with contextlib.suppress(BadRequest):
            reader.feed(bytes(data[: dice.randint(1, len(data))]))


def refused(data: bytes, **bounds: int) -> tuple[int, str]:
    """Return the status and the words of a refusal."""
    with pytest.raises(BadRequest) as caught:
        RequestReader(**bounds).feed(data)
    return caught.value.status, str(caught.value)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"\x16\x03\x01\r\n\r\n", 400, "no HTTP request"),
        (b"POST / HTTP/1.1\r\n: x\r\n\r\n", 400, "a broken header"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411, "a body in chunks"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1a\r\n\r\n", 400, "a Content-Length that is no number"),
        (b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 413, "a body of more than 10 bytes"),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 24, 431, "a head of more than 40 bytes"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            413,
            "a body of more than 10 bytes",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(data: bytes, status: int, words: str) -> None:
    bounds = {"max_head": 40 if status == 431 else 6000, "max_body": 10}
    assert refused(data, **bounds) == (status, words)


def test_bounds_hold_to_the_byte() -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 10"
    reader = RequestReader(max_head=len(head), max_body=10)

    assert reader.feed(head) == []
    assert reader.feed(b"\r\n\r") == []
    assert [type(item) for item in reader.feed(b"\n0123456789")] == [Head, Piece]
    assert refused(head + b"\r\n\r", max_head=len(head) - 1) == (431, f"a head of more than {len(head) - 1} bytes")


@pytest.mark.parametrize(
    ("line", "header", "keep"),
    [
        ("HTTP/1.1", "", True),
        ("HTTP/1.1", "Connection: keep-alive\r\n", True),
        ("HTTP/1.1", "Connection: Close\r\n", False),
        ("HTTP/1.0", "", False),
        ("HTTP/1.0", "Connection: keep-alive\r\n", False),
    ],
)
def test_who_keeps_the_connection(line: str, header: str, keep: bool) -> None:
    ((head, _),) = read(f"GET /a?b=/c?d HTTP/1.1\r\n{header}\r\n".replace("HTTP/1.1", line).encode())

    assert (head.keep, head.path, head.length) == (keep, "/a", 0)


def test_a_header_may_hold_colons_and_bytes_of_any_kind() -> None:
    ((head, _),) = read(
        b"GET / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\ncontent-length: 0\r\nX: \xfc\r\n\r\n"
    )

    assert head.headers == {"host": "[::1]:80", "content-length": "0", "x": "ü"}
    assert not head.waits


@pytest.mark.parametrize(("word", "waits"), [("100-Continue", True), ("100-continue", True), ("200-ok", False)])
def test_a_client_may_wait_before_it_sends_its_body(word: str, waits: bool) -> None:
    head = RequestReader().feed(f"POST / HTTP/1.1\r\nExpect: {word}\r\nContent-Length: 1\r\n\r\n".encode())[0]

    assert isinstance(head, Head)
    assert head.waits is waits


def test_pieces_say_whether_more_comes() -> None:
    reader = RequestReader()

    assert reader.feed(PUSH[:-1])[1:] == [Piece(b"<a/", last=False)]
    assert reader.feed(b"") == []
    assert reader.feed(b">GET") == [Piece(b">", last=True)]
    assert not reader.idle


def test_answers_byte_by_byte() -> None:
    text = "HTTP/1.1 {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n{}\r\n"

    assert answer(200, keep=True) == text.format("200 OK", 4, "keep-alive", "OK").encode()
    assert answer(404) == text.format("404 Not Found", 11, "close", "Not Found").encode()
    assert answer(418) == text.format("418 Error", 7, "close", "Error").encode()
