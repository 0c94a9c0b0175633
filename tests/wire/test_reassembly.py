"""Documents out of RTP packets, wherever the marker stands and whatever is missing (rtsp.md 2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hik_thermal_plugin.wire.reassembly import Document, DocumentReader
from hik_thermal_plugin.wire.rtp import RtpPacket

ONE = b'<?xml version="1.0" encoding="UTF-8"?>\r\n<Metadata version="2.0">\r\n<subType>thermometry</subType>\r\n</Metadata>\r\n'
TWO = b'<Metadata version="2.0"><subType>fireDetection</subType><x>1</x></Metadata>'
ONVIF = b'<tt:MetadataStream xmlns:tt="x"><tt:Event><tt:Metadata>1</tt:Metadata></tt:Event></tt:MetadataStream>'
JSON = b'{"Metadata": {"subType": "thermometry", "TargetDetection": {"TargetList": {}}}}'


class Sender:
    """Make packets the way a camera might."""

    def __init__(self, size: int = 20, marker: str = "last") -> None:
        self.sequence = 65_530
        self.size = size
        self.marker = marker

    def packets(self, document: bytes, timestamp: int) -> list[RtpPacket]:
        pieces = [document[at : at + self.size] for at in range(0, len(document), self.size)]
        out = []
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            marker = {"last": last, "never": False, "always": True}[self.marker]
            out.append(RtpPacket(107, marker, self.sequence & 0xFFFF, timestamp, 1, piece))
            self.sequence += 1
        return out


def read(packets: list[RtpPacket], reader: DocumentReader | None = None) -> list[bytes]:
    reader = reader or DocumentReader()
    return [document.data for packet in packets for document in reader.feed(packet)]


@pytest.mark.parametrize("marker", ["last", "never", "always"])
@pytest.mark.parametrize("size", [1, 7, 20, 1400])
@pytest.mark.parametrize(
    "document",
    [
        ONE,
        TWO,
        ONVIF,
        JSON,
        b'<Metadata version="2.0"/>',
    ],
)
def test_a_document_is_whole_with_its_last_byte(document: bytes, size: int, marker: str) -> None:
    sender, reader = Sender(size, marker), DocumentReader()
    for timestamp in (0, 3600, 3600, 7200):  # two documents may share a timestamp
        *before, last = sender.packets(document.rstrip(), timestamp)
        assert read(before, reader) == []
        assert reader.feed(last) == [Document(document.rstrip(), timestamp)]
    assert (reader.documents, reader.strays, reader.damaged, reader.sequence.lost) == (4, 0, 0, 0)


@pytest.mark.parametrize("front", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b"\r\n\r\n", b"\0\0"])
def test_a_byte_order_mark_and_blanks_in_front_are_no_part_of_it(front: bytes) -> None:
    sender = Sender(30)
    assert read(sender.packets(front + TWO, 0) + sender.packets(front + TWO, 1)) == [TWO, TWO]


@pytest.mark.parametrize("padding", [b"\0" * 700, b"\r\n", b"\0\0\r\n\0"])
def test_padding_behind_a_document_is_no_part_of_it(padding: bytes) -> None:
    reader = DocumentReader()
    packets = Sender(50, "never").packets(TWO + padding, 0) + Sender(50).packets(TWO + padding, 1)
    assert read(packets[:2], reader) == [TWO]
    assert reader.documents == 1


@pytest.mark.parametrize("marker", ["last", "never", "always"])
@pytest.mark.parametrize("document", [TWO, JSON])
@pytest.mark.parametrize("lost", range(4))
def test_a_lost_packet_costs_its_document_and_no_other(document: bytes, marker: str, lost: int) -> None:
    sender, reader = Sender(20, marker), DocumentReader()
    packets = sender.packets(document, 0) + sender.packets(document, 1) + sender.packets(document, 2)
    assert packets.pop(len(packets) // 3 + lost).timestamp == 1
    assert read(packets, reader) == [document, document]
    assert reader.sequence.lost == 1
    assert reader.damaged == (0 if lost == 0 else 1)


def test_a_document_that_lost_its_declaration_alone_is_whole() -> None:
    sender = Sender(20)
    packets = sender.packets(TWO, 0) + sender.packets(ONE, 1)
    del packets[len(sender.packets(TWO, 2))]
    assert read(packets) == [TWO, ONE[ONE.index(b"<Metadata") :].rstrip()]


def test_one_lost_end_and_one_lost_beginning_do_not_make_a_document() -> None:
    sender = Sender(20)
    packets = sender.packets(TWO, 0) + sender.packets(TWO, 1)
    half = len(packets) // 2
    assert read(packets[: half - 1] + packets[half + 1 :]) == []


def test_packets_that_come_twice_or_late_are_not_used() -> None:
    packets = Sender(20).packets(TWO, 0)
    reader = DocumentReader()
    assert read([packets[0], packets[1], packets[1], packets[0], *packets[2:], packets[-1]], reader) == [TWO]
    assert reader.sequence.late == 3


def test_joining_in_the_middle_of_a_document_waits_for_the_next() -> None:
    sender, reader = Sender(20, "never"), DocumentReader()
    packets = sender.packets(TWO, 0)[2:] + sender.packets(TWO, 0)
    assert read(packets, reader) == [TWO]
    assert reader.strays == 2


def test_a_document_cut_off_by_its_sender_ends_where_the_next_begins() -> None:
    sender = Sender(500)
    cut = TWO[:30]
    assert read(sender.packets(cut, 0) + sender.packets(TWO, 0)) == [cut, TWO]
    assert read(sender.packets(cut, 0) + sender.packets(TWO, 1)) == [cut, TWO]


def test_timestamps_may_run_backwards() -> None:
    sender = Sender(30, "never")
    assert read(sender.packets(TWO, 9000) + sender.packets(ONE, 100) + sender.packets(TWO, 9000)) == [
        TWO,
        ONE.rstrip(),
        TWO,
    ]


def test_several_documents_in_one_packet_are_several_documents() -> None:
    assert read(Sender(1400).packets(ONE + TWO + b"\r\n" + TWO, 0)) == [ONE.rstrip(), TWO, TWO]


def test_other_payload_types_are_counted_and_ignored() -> None:
    reader = DocumentReader()
    packets = Sender(20).packets(TWO, 0)
    other = packets[0]._replace(payload_type=96, sequence=5, timestamp=77)
    assert read([packets[0], other, *packets[1:]], reader) == [TWO]
    assert (reader.other_payload, reader.sequence.lost) == (1, 0)


@pytest.mark.parametrize("marker", ["last", "never", "always"])
def test_a_document_that_never_ends_is_dropped_at_the_limit(marker: str) -> None:
    sender, reader = Sender(1000, marker), DocumentReader(limit=10_000)
    endless = b"<Metadata><x>" + b"y" * 25_000
    packets = sender.packets(endless, 0)
    assert read(packets, reader) == []
    assert len(reader._text) <= 10_000
    assert read(sender.packets(TWO, 0) + sender.packets(TWO, 1), reader)[-1:] == [TWO]
    assert reader.oversized >= 1


def test_a_prolog_cannot_make_reading_slow() -> None:
    reader = DocumentReader()
    for packet in Sender(1400).packets(b"<??>" * 250_000, 0):
        reader.feed(packet)
    assert reader.documents == 0


PAYLOADS = st.sampled_from(
    [ONE, TWO, JSON, ONE[:40], ONE[40:], b"<", b">", b"</", b"</Metadata>", b"<?xml", b"<!--", b"}", b"\0", b""]
)
PACKETS = st.builds(
    RtpPacket,
    st.sampled_from([107, 107, 107, 96]),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 2),
    st.sampled_from([1, 1, 1, 2]),
    PAYLOADS | st.binary(max_size=30),
)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(PACKETS, max_size=40), st.booleans())
def test_any_packets_give_documents_within_the_limit(packets: list[RtpPacket], in_order: bool) -> None:
    reader = DocumentReader(limit=200)
    if in_order:
        packets = [packet._replace(sequence=index, ssrc=1) for index, packet in enumerate(packets)]
    found = read(packets, reader)
    assert len(found) == reader.documents
    assert all(document and len(document) <= 200 for document in found)
    assert len(reader._text) <= 200
