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
