"""Documents out of packets at their edges: bounds to the byte, counters above one, prologs, markers that mean nothing (rtsp.md 2)."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.wire.reassembly import Document, DocumentReader
from hik_thermal_plugin.wire.rtp import RtpPacket

DOCUMENT = b"<Metadata><x>1</x></Metadata>"


class Camera:
    """Feed a reader packet by packet."""

    def __init__(self, limit: int = 1000, first: int = 100) -> None:
        self.reader = DocumentReader(limit=limit)
        self.sequence = first

    def send(self, payload: bytes, timestamp: int = 0, marker: bool = False, kind: int = 107) -> list[bytes]:
        packet = RtpPacket(kind, marker, self.sequence & 0xFFFF, timestamp, 1, payload)
        self.sequence += 1
        return [document.data for document in self.reader.feed(packet)]

    def lose(self, count: int = 1) -> None:
        self.sequence += count


@pytest.mark.parametrize(
    "prolog",
    [
        b'<?xml version="1.0"?>',
        b"<?xml version='1.0'?>\r\n<!-- <Metadata> --> <!-- b -->",
        b'<?xml version="1.0"?><!DOCTYPE Metadata SYSTEM "x">\n',
        b'<?xml version="1.0"?> <?style a="b"?>\n<!-- c -->',
        b"<?xml a='<'?>",
        b"<?xml?><?b?><?c?><!d><!---->",
    ],
)
@pytest.mark.parametrize("size", [1, 11, 500])
def test_the_root_is_found_behind_any_prolog(prolog: bytes, size: int) -> None:
    camera = Camera()
    text = prolog + DOCUMENT
    found = [camera.send(text[at : at + size]) for at in range(0, len(text), size)]

    assert found[-1] == [text]
    assert not any(found[:-1])


@pytest.mark.parametrize(
    "prolog", [b"<?xml version='1.0'", b"<?xml?><!-- ", b"<?xml?><!X ", b"<?xml?> ", b"<?xml?><1>"]
)
def test_a_prolog_that_goes_on_has_no_root_yet(prolog: bytes) -> None:
    camera = Camera()

    assert camera.send(prolog) == []
    assert camera.send(b"</Metadata>") == []
    assert camera.send(b"<a/>", timestamp=1) == [prolog + b"</Metadata>", b"<a/>"]


def test_the_limit_holds_to_the_byte_and_is_counted_each_time() -> None:
    camera = Camera(limit=len(DOCUMENT))
    assert camera.send(DOCUMENT) == [DOCUMENT]
    assert camera.send(DOCUMENT[:-1]) == []
    assert camera.send(DOCUMENT[-1:]) == [DOCUMENT]
    for timestamp in (1, 2):
        assert camera.send(DOCUMENT[:-1] + b" ", timestamp) == []
        assert camera.send(b">", timestamp) == []
        assert camera.reader.oversized == timestamp
    assert camera.send(b"more</x>", 2) == []
    assert camera.send(DOCUMENT, 3) == [DOCUMENT]


def test_behind_an_oversized_document_its_rest_is_no_document() -> None:
    camera = Camera(limit=40)
    assert camera.send(b"<Metadata>" + b"x" * 40) == []
    assert camera.send(b"<a>1</a>") == []
    assert camera.send(b"<b>rest</b></Metadata>") == []
    assert camera.send(b"<a>1</a>") == [b"<a>1</a>"]
    assert camera.reader.oversized == 1


def test_counters_go_on_counting() -> None:
    camera = Camera()
    for count in (1, 2, 3):
        camera.send(DOCUMENT[:20], kind=96)
        assert camera.send(DOCUMENT[:20], timestamp=count) == []
        camera.lose()
        assert camera.send(b"/x></Metadata>", timestamp=count) == []
        assert camera.send(DOCUMENT, timestamp=10 + count) == [DOCUMENT]
        reader = camera.reader
        assert (reader.other_payload, reader.damaged, reader.documents, reader.strays) == (count, count, count, count)
    assert camera.reader.oversized == 0


def test_the_first_packets_may_be_the_rest_of_a_document() -> None:
    camera = Camera()
    assert camera.send(b"<x>1</x></Metadata>") == []
    assert camera.send(b"<other>1</other>") == [b"<other>1</other>"]
    assert camera.reader.strays == 1


def test_a_new_timestamp_ends_what_was_begun_and_the_skipping() -> None:
    camera = Camera()
    assert camera.send(b"rest") == []
    assert camera.send(b"<other>1", timestamp=1) == []
    assert camera.send(b"<other>2", timestamp=2) == [b"<other>1"]


def test_a_marker_ends_the_skipping_where_it_is_not_on_every_packet_alone() -> None:
    camera = Camera()
    assert camera.send(b"rest", marker=False) == []
    assert camera.send(b"rest", marker=True) == []
    assert camera.send(b"<other>1</other>") == [b"<other>1</other>"]
    always = Camera()
    assert always.send(b"rest", marker=True) == []
    assert always.send(b"<other>1</other>", marker=True) == []


@pytest.mark.parametrize("padding", [b"", b"\0\0", b" \r\n\0"])
def test_while_skipping_the_end_of_a_document_is_known_by_its_name(padding: bytes) -> None:
    for end in (b"</Metadata>", b"</tt:MetadataStream >", b"</tt:Metadata>\n"):
        camera = Camera()
        assert camera.send(b"x" * 300 + end + padding) == []
        assert camera.send(b"<a>1</a>") == [b"<a>1</a>"]
    for other in (b"</Metadate>", b"</Metadata> x"):
        camera = Camera()
        assert camera.send(b"x" * 300 + other + padding) == []
        assert camera.send(b"<a>1</a>") == []


def test_what_may_become_a_beginning_is_waited_for_and_given_up_at_forty_bytes() -> None:
    for length, skipped in ((39, 0), (40, 1)):
        camera = Camera()
        assert camera.send(b"<x" + b"y" * (length - 2)) == []
        assert camera.reader.strays == skipped
    camera = Camera()
    assert camera.send(b"<Meta") == []
    assert camera.send(b"data><x>1</x></Metadata>") == [DOCUMENT]


def test_a_document_cut_off_by_a_marker_ends_where_another_of_its_kind_begins() -> None:
    begun = b"<Metadata><x>"
    for second in (DOCUMENT, b"\xef\xbb\xbf" + DOCUMENT, b"\r\n\xef\xbb\xbf\r\n" + DOCUMENT, b"<?xml?>" + DOCUMENT):
        camera = Camera()
        assert camera.send(begun, marker=True) == []
        text = second.replace(b"\r\n", b"").removeprefix(b"\xef\xbb\xbf")
        assert camera.send(second, marker=True) == [begun, text]
    for second in (b"<a>" + DOCUMENT[10:], b"<tt:MetadataStream>1</tt:MetadataStream>", b'{"a": 1}'):
        camera = Camera()
        assert camera.send(begun, marker=True) == []
        assert camera.send(second, marker=True) in ([], [begun + second])
    unmarked = Camera()
    assert unmarked.send(begun) == []
    assert unmarked.send(DOCUMENT) == [begun + DOCUMENT]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (b"<Metadata a='1'/>", True),
        (b"<Metadata\n/>", True),
        (b"<Metadata><x/>", False),
        (b"<Metadata></Metadata\r\n >", True),
        (b"<Metadata></Metadata> \0", True),
        (b"<Metadata></Metadat>", False),
        (b"<tt:Metadata></tt:Metadata>", True),
        (b'{"a": {"b": 1}}', True),
        (b'{"a": {"b": 1}', False),
        (b'{"a": "}"', False),
        (b'{"a" 1}', False),
        (b"<Metadata>}", False),
    ],
)
def test_what_closes_a_document(text: bytes, ends: bool) -> None:
    camera = Camera()
    assert camera.send(text) == ([text.rstrip(b" \0")] if ends else [])


def test_large_json_ends_by_its_marker() -> None:
    camera = Camera(limit=200_000)
    for size in (65_536, 65_537):
        text = b'{"a": "' + b"x" * (size - 9) + b'"}'
        assert len(text) == size
        assert camera.send(text, marker=False) == ([text] if size == 65_536 else [])
    assert camera.send(b"", marker=True) == [text]
    assert camera.send(b'{"a": "' + b"x" * 70_000, marker=True) == [b'{"a": "' + b"x" * 70_000]


def test_three_documents_in_one_text_are_three_and_what_follows_is_none() -> None:
    camera = Camera()
    assert camera.send(DOCUMENT + b"\r\n" + DOCUMENT + b" " + DOCUMENT, timestamp=7) == [DOCUMENT] * 3
    (document,) = camera.reader.feed(RtpPacket(107, False, 101, 8, 1, b"<a>1</a>"))
    assert document == Document(b"<a>1</a>", 8)
    assert camera.reader.documents == 4
