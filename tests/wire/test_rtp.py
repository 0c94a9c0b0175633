"""RTP packets: header, extension, padding, sequence."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.rtp import RtpPacket, SequenceCheck, parse_rtp, says_goodbye


def packet(
    payload: bytes = b"<a/>",
    *,
    first: int = 0x80,
    marker: bool = False,
    sequence: int = 7,
    between: bytes = b"",
    after: bytes = b"",
) -> bytes:
    return struct.pack(">BBHII", first, 107 | marker << 7, sequence, 90_000, 0xC0FFEE) + between + payload + after


EXTENSION = b"\xbe\xde\0\x02" + b"\1\2\3\4\5\6\7\x08"


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (packet(), b"<a/>"),
        (packet(b""), b""),
        (packet(first=0x82, between=b"\0" * 8), b"<a/>"),
        (packet(first=0x90, between=EXTENSION), b"<a/>"),
        (packet(first=0x92, between=b"\0" * 8 + EXTENSION), b"<a/>"),
        (packet(first=0xA0, after=b"\0\0\3"), b"<a/>"),
        (packet(first=0xB1, between=b"\0" * 4 + EXTENSION, after=b"\1"), b"<a/>"),
        (packet(b"", first=0xA0, after=b"\0\2"), b""),
        (packet(b"", first=0xA0), b""),
    ],
)
def test_sources_extension_and_padding_are_no_payload(data: bytes, payload: bytes) -> None:
    assert parse_rtp(data) == RtpPacket(107, False, 7, 90_000, 0xC0FFEE, payload)


def test_the_marker_is_not_part_of_the_payload_type() -> None:
    found = parse_rtp(packet(marker=True))
    assert (found.payload_type, found.marker) == (107, True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (packet()[:11], "11 bytes"),
        (packet(first=0x40), "version 1"),
        (packet(first=0x8F), "72 bytes"),
        (packet(b"", first=0x90), "extension"),
        (packet(b"", first=0x90, between=EXTENSION[:-1]), "24 bytes in a packet of 23"),
        (packet(first=0xA0, after=b"\0"), "0 bytes of RTP padding"),
        (packet(first=0xA0, after=b"\x06"), "6 bytes of RTP padding in 5"),
    ],
)
def test_a_packet_shorter_than_its_header_says_is_a_bad_answer(data: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        parse_rtp(data)


REPORT = b"\x80\xc8\0\x06" + b"\0" * 24
BYE = b"\x81\xcb\0\1\0\0\0\1"


@pytest.mark.parametrize(
    ("control", "goodbye"),
    [
        (REPORT, False),
        (BYE, True),
        (REPORT + BYE, True),
        (REPORT[:-4] + BYE, False),
        (b"", False),
        (b"\x40\xcb\0\0", False),
    ],
)
def test_a_sender_says_goodbye(control: bytes, goodbye: bool) -> None:
    assert says_goodbye(control) is goodbye


@given(st.binary(max_size=60))
def test_any_bytes_say_goodbye_or_not(control: bytes) -> None:
    assert says_goodbye(control) in (True, False)


def place(check: SequenceCheck, *sequences: int, ssrc: int = 1) -> list[str]:
    return [check.place(RtpPacket(107, False, sequence, 0, ssrc, b"")) for sequence in sequences]


def test_packets_in_order_follow_each_other_over_the_wrap() -> None:
    check = SequenceCheck()
    assert place(check, 65534, 65535, 0, 1) == ["next"] * 4
    assert (check.lost, check.late, check.restarts) == (0, 0, 0)


def test_lost_packets_are_counted() -> None:
    check = SequenceCheck()
    assert place(check, 65533, 1, 2, 2 + 2999) == ["next", "gap", "next", "gap"]
    assert (check.lost, check.restarts) == (3 + 2998, 0)


def test_packets_that_come_twice_or_too_late_are_not_for_use() -> None:
    check = SequenceCheck()
    assert place(check, 0, 2, 1, 2, 3) == ["next", "gap", "late", "late", "next"]
    assert (check.lost, check.late) == (1, 2)


def test_a_sender_that_counts_anew_or_another_sender_is_a_gap_without_a_number() -> None:
    check = SequenceCheck()
    assert place(check, 40_000, 100, 101) == ["next", "gap", "next"]
    assert place(check, 102, 103, ssrc=2) == ["gap", "next"]
    assert (check.lost, check.late, check.restarts) == (0, 0, 2)


@given(
    st.binary(max_size=80)
    | st.binary(max_size=70).map(lambda rest: b"\x80" + rest)
    | st.binary(max_size=70).map(lambda rest: b"\xbf" + rest)
)
def test_any_bytes_are_a_packet_or_a_bad_answer(data: bytes) -> None:
    try:
        found = parse_rtp(data)
    except BadAnswer:
        return
    assert found.payload in data
    assert 0 <= found.payload_type < 128


@given(st.lists(st.integers(0, 65535), max_size=50))
def test_any_order_of_packets_is_placed(sequences: list[int]) -> None:
    check = SequenceCheck()
    places = place(check, *sequences)
    assert places.count("late") == check.late
    assert check.lost >= 0


@pytest.mark.parametrize(("second", "kind", "marker"), [(0x7F, 127, False), (0x80, 0, True), (0xFF, 127, True)])
def test_the_marker_is_the_highest_bit(second: int, kind: int, marker: bool) -> None:
    found = parse_rtp(bytes([0x80, second]) + packet()[2:])

    assert (found.payload_type, found.marker) == (kind, marker)


def test_a_header_may_fill_the_packet_and_its_length_has_two_bytes() -> None:
    empty = packet(b"", first=0x90, between=b"\0\0\0\0")
    assert parse_rtp(empty).payload == b""
    with pytest.raises(BadAnswer, match="extension beyond the packet") as caught:
        parse_rtp(empty[:-1])
    assert caught.value.data == empty[:-1]
    long = packet(first=0x90, between=b"\0\0\1\2" + b"x" * 4 * 0x102)
    assert parse_rtp(long).payload == b"<a/>"
    with pytest.raises(BadAnswer) as caught:
        parse_rtp(long[:200])
    assert caught.value.data == long[:64]


def test_sources_alone_are_no_padding() -> None:
    assert parse_rtp(packet(b"\xff\xff", first=0x81, between=b"\0" * 4)).payload == b"\xff\xff"


def test_a_goodbye_is_found_behind_reports_of_every_length() -> None:
    short, long = b"\x80\xc9\0\0", b"\x80\xc8\1\2" + b"\0" * 4 * 0x102
    cut = BYE[:4]

    assert says_goodbye(cut)
    assert says_goodbye(short * 3 + cut)
    assert says_goodbye(long + short + BYE)
    assert not says_goodbye(cut[:3])
    assert not says_goodbye(b"\0\0" + cut)


def test_where_late_ends_and_a_new_count_begins() -> None:
    for step, places, counted in (
        (-100, "late", (0, 1, 0)),
        (-101, "gap", (0, 0, 1)),
        (2999, "gap", (2999, 0, 0)),
        (3000, "gap", (0, 0, 1)),
    ):
        check = SequenceCheck()
        assert place(check, 9_999, 10_000 + step) == ["next", places]
        assert (check.lost, check.late, check.restarts) == counted
    check = SequenceCheck()
    assert place(check, 5, ssrc=0) == ["next"]
    assert place(check, 6, 7, ssrc=1) == ["gap", "next"]
    assert (check.lost, check.late, check.restarts) == (0, 0, 1)


def test_restarts_are_counted_each_time() -> None:
    check = SequenceCheck()
    for sequence in (0, 30_000, 60_000, 20_000):
        place(check, sequence)
    assert check.restarts == 3
    for ssrc in (2, 3):
        place(check, 5, ssrc=ssrc)
    assert check.restarts == 5
