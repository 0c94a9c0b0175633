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
    MAX_LINE,
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


@pytest.mark.parametrize("size", [0, 1, 255, 256, 511, 65_535])
def test_packets_have_any_length_of_16_bits(size: int) -> None:
    data = bytes(range(256)) * 256
    packet = frame(1, data[:size])

    assert MessageReader().feed(packet) == [Interleaved(1, data[:size])]
    assert read([packet[:-1] + b"", packet[-1:]])[0] == [Interleaved(1, data[:size])]
    assert read([OK + packet + OK + packet])[0][1::2] == [Interleaved(1, data[:size])] * 2


@pytest.mark.parametrize(
    ("channels", "packet", "found"),
    [
        ({4, 5}, frame(4, RTP), True),
        ({4, 5}, frame(0, RTP), False),
        ({4, 5}, frame(5, b"\x80" + bytes(7)), True),
        ({4, 5}, frame(5, b"\x80" + bytes(6)), False),
        ({4, 5}, frame(4, b"\x81" + bytes(0x7FF)), True),
        ({4, 5}, frame(4, b"\x40" + bytes(20)), False),
        ({4, 5}, frame(4, b"\xc0" + bytes(20)), False),
        (set(), frame(15, RTP), True),
        (set(), frame(16, RTP), False),
        (set(), frame(0, RTP), True),
    ],
)
def test_behind_garbage_a_packet_is_one_of_rtp_on_a_known_channel(
    channels: set[int], packet: bytes, found: bool
) -> None:
    messages, reader = read([b"\xff" + packet + OK], frozenset(channels))

    assert [type(message) for message in messages] == ([Interleaved, Reply] if found else [Reply])
    assert reader.garbage == (1 if found else 1 + len(packet))


def test_a_message_is_not_cut_where_the_bytes_happen_to_end() -> None:
    for before in (OK, frame(0, bytes(40_000)) + OK, OK + frame(0, bytes(40_000))):
        for message in (SDP, ANNOUNCE, OK):
            for cut in (1, 3, 8, 20, len(message) - 1):
                messages, reader = read([before + message[:cut], message[cut:] + OK])
                assert messages == [*read([before])[0], *read([message])[0], *read([OK])[0]]
                assert reader.garbage == 0
        assert read([before + SDP + OK])[0] == [*read([before])[0], *read([SDP])[0], *read([OK])[0]]


@pytest.mark.parametrize("word", [b"SET_PARAMETER", b"GET_PARAMETER", b"PLAY_NOTIFY", b"ANNOUNCE", b"RTSP"])
def test_a_message_behind_garbage_may_come_in_pieces(word: bytes) -> None:
    rest = b"/1.0 200 OK\r\n\r\n" if word == b"RTSP" else b" rtsp://192.0.2.10/ RTSP/1.0\r\n\r\n"
    for cut in range(1, len(word) + 1):
        messages, reader = read([b"\xff" + word[:cut], word[cut:], rest])
        assert len(messages) == 1
        assert (reader.garbage, reader.resyncs) == (1, 1)


@pytest.mark.parametrize(
    "garbage",
    [
        b"X",
        b"\xff",
        b"XYZ\r\n",
        b"A" * 31,
        b"A" * 32,
        b"RTSP/1.0 200 \x07OK",
        b"RTSP/1.0 200",
        b"ANNOUNCE \0",
        b"OPTIONS/x",
        b"RTSP 1.0 200 OK",
        b"RTSP/1.0 200 " + b"x" * MAX_LINE + b"\r\n\r\n",
        b"RTSP/1.0 20 OK\r\n\r\n",
        b"rtsp/1.0 200 OK\r\n\r\n",
        b"GET_PARAMETER rtsp://192.0.2.10/ HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_message_is_passed_as_soon_as_that_shows(garbage: bytes) -> None:
    packets = frame(0, RTP) * 2
    messages, reader = read([garbage, *([b"\0"] if garbage.endswith(b"200") else []), packets], frozenset({0, 1}))

    assert messages == [Interleaved(0, RTP)] * 2
    assert reader.garbage == len(garbage) + garbage.endswith(b"200")
    assert reader.resyncs == 1


def test_a_line_a_head_and_garbage_may_be_as_long_as_is_allowed() -> None:
    start = b"RTSP/1.0 200 "
    ((reply,), _) = read([start + b"x" * (MAX_LINE - len(start) - 1) + b"\n\n"])
    assert isinstance(reply, Reply)
    assert reply.reason == "x" * (MAX_LINE - len(start) - 1)
    head = b"RTSP/1.0 200 OK\r\nX: " + b"y" * (MAX_HEAD - 24) + b"\r\n\r\n"
    assert len(head) == MAX_HEAD
    assert len(read([OK + head, OK])[0]) == 3
    body = bytes(MAX_BODY)
    messages, reader = read([b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_BODY, body, OK])
    assert isinstance(messages[0], Reply)
    assert (messages[0].body, len(messages), reader.garbage) == (body, 2, 0)
    messages, reader = read([b"\0" * MAX_GARBAGE + OK])
    assert (len(messages), reader.garbage) == (1, MAX_GARBAGE)


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "", "²", "0x10"])
def test_a_length_that_is_no_number_is_none(length: str) -> None:
    messages, reader = read([SDP.replace(b"Length: 5", b"Length: " + length.encode())[: -len(b"v=0\r\n")] + OK])

    assert [isinstance(message, Reply) and message.body for message in messages] == [b"", b""]
    assert reader.garbage == 0


def test_headers_hold_blanks_tabs_and_bytes_that_are_no_text() -> None:
    lines = (b"RTSP/1.0 200 Gr\xfcn ", b"Date: Gr\xfcn", b"\t\tund rot", b" \t ", b": nothing", b"X :  y:z ", b"X:")
    ((reply,), _) = read([b"\r\n".join(lines) + b"\r\n\r\n"])

    assert reply == Reply(200, "Gr\ufffdn", {"date": ("Gr\ufffdn und rot",), "x": ("y:z", "")})
    ((request,), _) = read([ANNOUNCE])
    assert isinstance(request, ServerRequest)
    assert (request.header("CSeq"), request.header("Date")) == ("9", None)


def test_what_the_server_asks_may_have_a_body() -> None:
    asked = b"SET_PARAMETER rtsp://192.0.2.10/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\na: 1"
    headers = {"cseq": ("3",), "content-length": ("4",)}

    assert read([asked])[0] == [ServerRequest("SET_PARAMETER", "rtsp://192.0.2.10/", headers, b"a: 1")]


def test_garbage_adds_up_until_a_message_is_found() -> None:
    reader, most = MessageReader(), b"\0" * (MAX_GARBAGE - 100)
    for _ in range(2):
        assert len(reader.feed(most + OK)) == 1
    reader.feed(most)
    with pytest.raises(BadAnswer, match="no RTSP"):
        reader.feed(b"\0" * 200)


def test_what_is_given_up_shows_what_came() -> None:
    long = b"RTSP/1.0 200 OK\r\nContent-Length: 9999999\r\nX: " + b"y" * 300 + b"\r\n\r\n"
    for data, shown in (
        (b"HTTP/1.1 400 Bad Request\r\nX: y\r\n\r\n", b"HTTP/1.1 400 Bad Request\r"),
        (b"\xff" * (MAX_GARBAGE + 20), b"\xff" * 200),
        (long, long.partition(b"\n")[2][:200]),
        (OK[:17] + b"X: y\r\n" * MAX_HEAD, (OK[:17] + b"X: y\r\n" * 99)[:200]),
    ):
        with pytest.raises(BadAnswer) as caught:
            MessageReader().feed(data)
        assert caught.value.data == shown


PIECES = st.sampled_from(
    [OK, SDP, ANNOUNCE, frame(0, RTP), frame(1, RTP), b"$", b"RTSP/", b"\r\n", b"GET_PARAMETER ", b"\0", b"HTTP"]
)


@pytest.mark.slow
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
