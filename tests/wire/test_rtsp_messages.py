"""The framing of an RTSP connection: answers, requests and packets, with garbage between them, split at any byte."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.rtsp_messages import (
    MAX_BODY,
    MAX_GARBAGE,
    MAX_HEAD,
    Interleaved,
    Message,
    MessageReader,
    Reply,
    ServerRequest,
)

OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
SDP = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
ANNOUNCE = b"ANNOUNCE rtsp://192.0.2.10/ RTSP/1.0\r\nCSeq: 9\r\nSession:  7\r\n\r\n"


def frame(channel: int, data: bytes, length: int | None = None) -> bytes:
    return b"$" + bytes([channel]) + (len(data) if length is None else length).to_bytes(2, "big") + data


RTP = b"\x80\x6b\0\1" + b"\0" * 8 + b"<a/>"
CHATTER = frame(0, RTP) + OK + frame(1, RTP) + SDP + b"\r\n" + ANNOUNCE + frame(0, RTP)


def read(chunks: list[bytes], channels: frozenset[int] = frozenset()) -> tuple[list[Message], MessageReader]:
    reader = MessageReader()
    reader.channels = channels
    return [message for chunk in chunks for message in reader.feed(chunk)], reader


def one_by_one(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def test_answers_packets_and_requests_are_told_apart() -> None:
    messages, reader = read([CHATTER])
    assert messages == [
        Interleaved(0, RTP),
        Reply(200, "OK", {"cseq": ("1",)}),
        Interleaved(1, RTP),
        Reply(200, "OK", {"cseq": ("2",), "content-type": ("application/sdp",), "content-length": ("5",)}, b"v=0\r\n"),
        ServerRequest("ANNOUNCE", "rtsp://192.0.2.10/", {"cseq": ("9",), "session": ("7",)}),
        Interleaved(0, RTP),
    ]
    assert (reader.garbage, reader.resyncs) == (0, 0)


def test_bytes_may_arrive_one_at_a_time() -> None:
    assert read(one_by_one(CHATTER))[0] == read([CHATTER])[0]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02",
        b"this is no RTSP\r\n",
        b"$\x09\xff\xff",
        b"RTSP and no more\r\n",
        b"RTSP/1.0 nonsense\r\n",
        b"ANNOUNCE without a version\r\n",
        b"SET_PARAM",
        b"A" * 40,
        b"$$$$",
        bytes(range(256)).replace(b"$", b"") * 4,
    ],
)
@pytest.mark.parametrize("bytewise", [False, True])
def test_garbage_between_messages_is_skipped(garbage: bytes, bytewise: bool) -> None:
    data = OK + b"\xff" + garbage + frame(0, RTP) + b"\xff" + garbage + ANNOUNCE + OK
    messages, reader = read(one_by_one(data) if bytewise else [data], frozenset({0, 1}))
    assert [type(message) for message in messages] == [Reply, Interleaved, ServerRequest, Reply]
    assert (reader.garbage, reader.resyncs) == (2 * len(b"\xff" + garbage), 2)


@pytest.mark.parametrize("bytewise", [False, True])
def test_a_packet_shorter_than_it_says_costs_what_it_swallows(bytewise: bool) -> None:
    data = frame(0, RTP, len(RTP) + 5) + frame(0, RTP) * 3
    messages, reader = read(one_by_one(data) if bytewise else [data], frozenset({0, 1}))
    assert messages[1:] == [Interleaved(0, RTP)] * 2
    assert reader.resyncs == 1


@pytest.mark.parametrize("length", [b"3", b"99", b"x", b"-1", b"1e3"])
def test_a_body_length_that_lies_does_not_end_the_connection(length: bytes) -> None:
    data = SDP.replace(b"Content-Length: 5", b"Content-Length: " + length) + frame(0, RTP) * 9
    messages, _ = read([data], frozenset({0, 1}))
    assert isinstance(messages[0], Reply)
    assert messages[-1] == Interleaved(0, RTP)


def test_heads_may_have_bare_line_feeds_folded_lines_and_lines_without_sense() -> None:
    text = b'RTSP/1.0 401 Unauthorized\nnonsense\nWWW-Authenticate: Digest realm="a",\n  nonce="b"\nWWW-Authenticate: Basic realm="a"\n\n'
    ((reply,), _) = read([text])
    assert isinstance(reply, Reply)
    assert reply.headers == {"www-authenticate": ('Digest realm="a", nonce="b"', 'Basic realm="a"')}
    assert (reply.status, reply.header("WWW-Authenticate"), reply.header("Date")) == (
        401,
        'Digest realm="a", nonce="b"',
        None,
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"RTSP/1.0 200 OK\r\nX: " + b"y" * MAX_HEAD, "head of more than"),
        (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * (MAX_HEAD // 6) + b"\r\n", "head of more than"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), "body of"),
        (b"\0" * (MAX_GARBAGE + 100), "no RTSP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is this the RTSP port"),
    ],
)
def test_what_never_ends_is_given_up_with_a_number(data: bytes, words: str) -> None:
    reader = MessageReader()
    assert reader.feed(OK) != []
    with pytest.raises(BadAnswer, match=words):
        reader.feed(data)
    with pytest.raises(BadAnswer, match=words):
        reader.feed(OK)


def test_what_came_before_the_bound_was_exceeded_is_not_lost() -> None:
    reader = MessageReader()
    assert len(reader.feed(OK + b"RTSP/1.0 200 OK\r\nContent-Length: 9999999\r\n\r\n")) == 1
    with pytest.raises(BadAnswer):
        reader.feed(b"")


def test_nothing_is_hoarded_while_a_packet_is_awaited() -> None:
    reader = MessageReader()
    for _ in range(50):
        reader.feed(b"\0" * 10_000)
    assert len(reader._buffer) < 100


PIECES = st.sampled_from(
    [OK, SDP, ANNOUNCE, frame(0, RTP), frame(1, RTP), b"$", b"RTSP/", b"\r\n", b"GET_PARAMETER ", b"\0", b"HTTP"]
)


@settings(max_examples=300)
@given(st.lists(PIECES | st.binary(max_size=12), max_size=12), st.lists(st.integers(0, 400), max_size=8))
def test_how_the_bytes_were_split_does_not_matter(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[start:end] for start, end in itertools.pairwise(edges)]

    def outcome(parts: list[bytes]) -> tuple[list[Message], str]:
        reader, found = MessageReader(), []
        reader.channels = frozenset({0, 1})
        try:
            for part in [*parts, b""]:
                found += reader.feed(part)
        except BadAnswer as err:
            return found, str(err)
        return found, ""

    assert outcome([data]) == outcome(chunks) == outcome(one_by_one(data))
