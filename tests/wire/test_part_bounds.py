"""What a device can make grow is bounded, and what arrives in small pieces is not read twice."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest
from nvr_hooks import BadAnswer
from reading import BOUNDARY, JPEG, alert, in_pieces, part, read

from hik_thermal_plugin.wire.multipart import PartReader

HUGE = 100 * 1024 * 1024
CHUNK = 64 * 1024


def endless(start: bytes, piece: bytes, size: int = HUGE) -> Iterator[bytes]:
    """Yield a start and then 100 MB of the same."""
    yield start
    piece = (piece * (CHUNK // len(piece) + 1))[:CHUNK]
    for _ in range(size // CHUNK):
        yield piece


ENDLESS: dict[str, tuple[bytes, bytes, str]] = {
    "headers": (b"--boundary\r\n", b"X-More: and more\r\n", "16384"),
    "one header": (b"--boundary\r\nX: ", b"x", "16384"),
    "a delimiter line": (b"--boundary\r\n\r\n<a/>\r\n--boundary ", b" ", "16384"),
    "a first line": (b"--", b"x", "16384"),
    "a preamble": (b"", b"no part here\r\n", "4194304"),
    "a document": (b"--boundary\r\n\r\n<EventNotificationAlert>", b"<x>1</x>", "4194304"),
    "a declared document": (b"--boundary\r\nContent-Length: 104857600\r\n\r\n<a>", b"x", "4194304"),
    "nested documents": (b"--boundary\r\n\r\n<a>", b"<a>", "4194304"),
    "a comment": (b"--boundary\r\n\r\n<a><!--", b"x", "4194304"),
    "a comment before the root": (b"--boundary\r\n\r\n<!--", b"x", "4194304"),
    "an end tag": (b"--boundary\r\n\r\n<a></a", b" ", "4194304"),
    "a start tag": (b"--boundary\r\n\r\n<a ", b'x="1" ', "4194304"),
    "many starts of tags": (b"--boundary\r\n\r\n<", b'<a "', "4194304"),
    "many starts of tags inside": (b"--boundary\r\n\r\n<a>", b'<a "', "4194304"),
    "many starts of end tags": (b"--boundary\r\n\r\n<a>", b"</a", "4194304"),
    "many starts of sections": (b"--boundary\r\n\r\n<a>", b"<![CDATA<!-", "4194304"),
    "many delimiters": (b"--boundary\r\n\r\n<a>", b"--boundary\r", "4194304"),
    "a name": (b"--boundary\r\n\r\n<", b"a", "4194304"),
    "a start tag inside": (b"--boundary\r\n\r\n<a><a ", b"x", "4194304"),
    "JSON": (b"--boundary\r\n\r\n{", b'"a": [', "4194304"),
    "a JSON text": (b'--boundary\r\n\r\n{"', b"\\\\x", "4194304"),
    "text that is no document": (b"--boundary\r\nContent-Type: text/xml\r\n\r\n", b"x", "4194304"),
    "a picture": (b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n", b"\xff\xd8", "33554432"),
    "a declared picture": (
        b"--boundary\r\nContent-Type: image/jpeg\r\nContent-Length: 104857600\r\n\r\nx",
        b"x",
        "104857600",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_is_ended_with_a_number(what: str) -> None:
    start, piece, number = ENDLESS[what]
    reader = PartReader(BOUNDARY)
    fed = 0
    with pytest.raises(BadAnswer, match=number):
        for data in endless(start, piece):
            fed += len(data)
            reader.feed(data)

    assert fed <= 33 * 1024 * 1024 + CHUNK
    assert size_of(reader) < 2000
    with pytest.raises(BadAnswer, match=number):
        reader.feed(b"more")


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"\r\n", b"\0", b"garbage between parts "])
def test_what_means_nothing_may_go_on_for_ever_and_takes_no_room(piece: bytes) -> None:
    reader = PartReader(BOUNDARY)
    assert reader.feed(part(alert()))
    for data in endless(b"", piece, HUGE // 5):
        assert not reader.feed(data)
        assert size_of(reader) < 2 * CHUNK

    assert len(reader.feed(b"\r\n" + part(alert()))) == 1


def test_parts_complete_before_a_bound_is_exceeded_are_handed_out() -> None:
    data = part(alert()) + part(b"<a>" + b"x" * 500, length=False)
    reader = PartReader(BOUNDARY, max_text=180)

    assert [found.body for found in reader.feed(data)] == [alert()]
    with pytest.raises(BadAnswer, match="180"):
        reader.feed(b"")
    with pytest.raises(BadAnswer, match="180"):
        reader.close()


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_bounds_hold_to_the_byte(size: int) -> None:
    document = b"<a>" + b"x" * 93 + b"</a>"
    stream = part(document) + part(JPEG, "image/jpeg") + part(JPEG, "image/jpeg", length=False)
    stream += part(alert()[:90], length=False) + b"--boundary--"

    parts, _ = read(in_pieces(stream, size), max_text=100, max_binary=len(JPEG))
    assert len(parts) == 4
    for bounds in ({"max_text": 99}, {"max_binary": len(JPEG) - 1}, {"max_headers": 20}):
        with pytest.raises(BadAnswer):
            read(in_pieces(stream, size), **bounds)


def test_a_large_picture_needs_room_only_while_it_arrives() -> None:
    picture = b"\xff\xd8" + bytes(CHUNK) * 100 + b"\xff\xd9"
    reader = PartReader(BOUNDARY)
    found = [
        got for piece in in_pieces(part(picture, "image/jpeg") + part(alert()), 1400) for got in reader.feed(piece)
    ]

    assert [len(got.body) for got in found] == [len(picture), len(alert())]
    assert size_of(reader) < 2000


def test_an_idle_reader_is_small() -> None:
    reader = PartReader(BOUNDARY)
    assert len(reader.feed(part(alert()) * 50 + part(alert(), end=b""))) == 51

    assert size_of(reader) < 2000


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        lambda size: alert(more="<x>1</x>" * (size // 8)),
        lambda size: alert(more="</x>" * (size // 4)),
        lambda size: b'{"a": [' + b'"b\\"", ' * (size // 7) + b"1]}",
        lambda size: b"\xff\xd8" + b"--boundary\r" * (size // 11) + b"\xff\xd9",
    ],
    ids=["xml", "end tags", "json", "picture"],
)
def test_twice_as_many_bytes_one_by_one_cost_twice_as_much(body: Callable[[int], bytes]) -> None:
    def cost(size: int) -> float:
        document = body(size)
        pieces = in_pieces(part(document, "image/jpeg" if document[:1] == b"\xff" else "text/xml"), 1)
        best = float("inf")
        for _ in range(3):
            reader = PartReader(BOUNDARY)
            start = time.process_time()
            count = sum(len(reader.feed(piece)) for piece in pieces)
            best = min(best, (time.process_time() - start) / len(pieces))
            assert count == 1
        return best

    assert cost(160_000) < 4 * cost(10_000)


def size_of(reader: PartReader) -> int:
    """Return the bytes a reader holds, what it buffers included."""
    held = [vars(reader), *vars(reader).values()]
    return sys.getsizeof(reader) + sum(
        sys.getsizeof(item) for item in held if isinstance(item, bytearray | bytes | dict)
    )
