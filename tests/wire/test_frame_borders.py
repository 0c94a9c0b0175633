"""Where a picture begins and ends among RTP packets, and what a missing packet, a late one or an odd encoder costs (RFC 3550, 6184, 6416)."""

from __future__ import annotations

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire import coded_frames
from hik_thermal_plugin.wire.coded_frames import FrameReader
from hik_thermal_plugin.wire.rtp import RtpPacket
from hik_thermal_plugin.wire.sdp import parse_sdp
from hik_thermal_plugin.wire.video import START_CODE, CodedFrame, video_track

KEY, KEY_LATER = b"\x65\x88a", b"\x65\x48b"
"""The first slice of a key picture, and a later one."""
P, P_LATER = b"\x41\x9ac", b"\x41\x4ad"
BEGUN, ENDED = b"\x5c\x81\x9ae", b"\x5c\x41f"
"""A slice in two fragments."""
WHOLE = b"\x41\x9aef"
Sent = tuple[int, int, bytes, bool]
"""Running number, timestamp, payload, marker."""


def reader_for(rtpmap: str = "H264/90000", fmtp: str = "") -> FrameReader:
    lines = f"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 {rtpmap}\n" + (f"a=fmtp:96 {fmtp}\n" if fmtp else "")
    return FrameReader(video_track(parse_sdp(lines.encode())))


def read(reader: FrameReader, *sent: Sent) -> list[CodedFrame]:
    return [
        frame
        for number, timestamp, payload, marker in sent
        for frame in reader.feed(RtpPacket(96, marker, number, timestamp, 7, payload))
    ]


def slices(frames: list[CodedFrame]) -> list[list[bytes]]:
    return [frame.data.split(START_CODE)[1:] for frame in frames]


@pytest.mark.parametrize(
    ("sent", "pictures", "damaged"),
    [
        # a packet in the middle of a picture is missing
        ([(1, 0, KEY, False), (3, 0, KEY_LATER, True), (4, 3600, P, True)], [[P]], 1),
        ([(1, 0, KEY, False), (3, 0, KEY_LATER, True), (4, 9, P, False), (6, 9, P_LATER, True), (7, 99, P, True)], [[P]], 2),
        ([(1, 0, KEY, False), (3, 0, KEY_LATER, True), (4, 0, P, True)], [[P]], 1),
        # the last of one picture, and the first of the next or not
        ([(1, 0, KEY, False), (3, 3600, P, True)], [[P]], 1),
        ([(1, 0, KEY, True), (3, 3600, P, True)], [[KEY], [P]], 0),
        ([(1, 0, KEY, True), (3, 3600, P_LATER, True), (4, 7200, P, True)], [[KEY], [P]], 1),
        ([(1, 0, KEY, True), (3, 3600, ENDED, True), (4, 7200, P, True)], [[KEY], [P]], 1),
        # nothing is missing
        ([(1, 0, KEY, False), (2, 0, KEY_LATER, True), (3, 3600, P, True)], [[KEY, KEY_LATER], [P]], 0),
        ([(1, 0, BEGUN, False), (2, 0, ENDED, True)], [[WHOLE]], 0),
        ([(65535, 0, KEY, False), (0, 0, KEY_LATER, True)], [[KEY, KEY_LATER]], 0),
        # what comes late or twice
        ([(5, 0, KEY, True), (4, 0, KEY_LATER, True), (5, 0, KEY, True), (6, 9, P, True)], [[KEY], [P]], 0),
        # a fragment that is never ended, again and again
        ([(1, 0, BEGUN, False), (2, 9, BEGUN, False), (3, 18, P, True)], [[P]], 2),
        # what cannot be read harms its picture
        ([(1, 0, b"\x7f\x00x", False), (2, 0, KEY, True), (3, 9, P, True)], [[P]], 1),
        ([(1, 0, b"\x7f\x00x", True), (2, 9, P, True)], [[P]], 1),
        # what stands before a picture is no picture
        ([(1, 0, b"\x09\xf0", True), (2, 0, P, True), (3, 9, b"\x06sei", True), (4, 18, P, True)], [[b"\x09\xf0", P], [P]], 0),
        # what follows a picture and is no slice does not change how pictures end
        ([(1, 0, P, True), (2, 0, b"\x06sei", False), (3, 9, P, True)], [[P], [P]], 0),
        ([(1, 0, P, True), (2, 0, P, True)], [[P], [P]], 0),
    ],
)  # fmt: skip
def test_pictures_among_packets(sent: list[Sent], pictures: list[list[bytes]], damaged: int) -> None:
    reader = reader_for()

    assert slices(read(reader, *sent)) == pictures
    assert reader.damaged == damaged
    assert reader.close() == []
    assert reader.damaged == damaged


def test_an_encoder_that_marks_every_slice_costs_its_first_picture() -> None:
    reader = reader_for()

    frames = read(reader, (1, 0, KEY, True), (2, 0, KEY_LATER, True), (3, 0, KEY_LATER, True), (4, 9, P, True))
    assert (slices(frames), reader.damaged) == ([[KEY]], 1)
    frames = read(reader, (5, 9, P_LATER, True), (6, 18, P, True))
    assert (slices(frames), reader.damaged) == ([[P, P_LATER]], 1)
    assert slices(reader.close()) == [[P]]
    assert reader.close() == []


def test_half_a_picture_never_comes_out_when_one_marks_every_slice() -> None:
    reader = reader_for()

    frames = read(reader, (1, 0, KEY, False), (3, 0, KEY_LATER, True), (4, 0, KEY_LATER, True), (5, 9, P, True))
    assert (slices(frames), reader.damaged) == ([], 2)
    assert slices(reader.close()) == [[P]]


def test_an_encoder_that_marks_every_packet_costs_nothing() -> None:
    reader = reader_for()

    assert slices(read(reader, (1, 0, BEGUN, True), (2, 0, ENDED, True), (3, 9, BEGUN, True))) == [[WHOLE]]
    assert reader.close() == []
    assert slices(read(reader, (4, 9, ENDED, True), (5, 18, P, True))) == [[WHOLE]]
    assert (slices(reader.close()), reader.damaged) == ([[P]], 0)


def test_the_last_picture_is_whole_where_no_marker_is_ever_sent() -> None:
    for sent, pictures in (
        ([(1, 0, KEY, False), (2, 0, KEY_LATER, False)], [[KEY, KEY_LATER]]),
        ([(1, 0, KEY, False), (2, 0, BEGUN, False)], []),
        ([(1, 0, KEY, True), (2, 9, P, False)], []),
        ([], []),
    ):
        reader = reader_for()
        read(reader, *sent)
        assert slices(reader.close()) == pictures
        assert reader.damaged == 0


@pytest.mark.parametrize(
    ("ticks", "times"),
    [
        ([0, 3600, 7200], [0, 3600, 7200]),
        ([1000, 4600, 2800], [0, 3600, 1800]),
        ([2**32 - 100, 3500], [0, 3600]),
        ([3500, 2**32 - 100, 3600], [0, -3600, 100]),
        ([0, 0x6000_0000, 0x4000_0000], [0, 0x6000_0000, 0x4000_0000]),
        ([0, 0x7FFF_FFFF], [0, 0x7FFF_FFFF]),
        ([0, 0x8000_0000], [0, -0x8000_0000]),
        ([0, 0x8000_0001], [0, -0x7FFF_FFFF]),
    ],
)
def test_time_goes_on_where_32_bits_begin_anew(ticks: list[int], times: list[int]) -> None:
    frames = read(reader_for(), *((number, tick, P, True) for number, tick in enumerate(ticks)))

    assert [frame.timestamp for frame in frames] == times
    assert {frame.codec for frame in frames} == {"h264"}


@pytest.mark.parametrize(("rate", "time"), [(90_000, 3600), (45_000, 7200), (44_100, 7346), (48_000, 6750)])
def test_every_clock_is_told_in_whole_ninety_thousandths(rate: int, time: int) -> None:
    frames = read(reader_for(f"H264/{rate}"), (1, 5, P, True), (2, 3605, P, True))

    assert [repr(frame.timestamp) for frame in frames] == ["0", str(time)]


def test_a_picture_may_be_as_large_as_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_frames, "MAX_PICTURE", 6)

    assert slices(read(reader_for(), (1, 0, KEY, False), (2, 0, KEY_LATER, True), (3, 9, P, True))) == [
        [KEY, KEY_LATER],
        [P],
    ]
    with pytest.raises(BadAnswer, match="more than 6 bytes"):
        read(reader_for(), (1, 0, KEY, False), (2, 0, KEY_LATER + b"x", False))


CONFIGURATION = b"\0\0\x01\xb0\x01\0\0\x01\xb5\x09"
I_VOP, P_VOP = b"\0\0\x01\xb6\x10i", b"\0\0\x01\xb6\x50p"


def mpeg4() -> FrameReader:
    return reader_for("MP4V-ES/90000", f"profile-level-id=1; config={CONFIGURATION.hex()}")


def test_pictures_of_mpeg4() -> None:
    group = b"\0\0\x01\xb3\x00" + I_VOP + P_VOP
    sent = [(1, 0, I_VOP[:5], False), (2, 0, I_VOP[5:], True)] + [
        (3 + number, 9 * number + 9, data, True) for number, data in enumerate((P_VOP, CONFIGURATION + I_VOP, group))
    ]
    reader = mpeg4()

    assert read(reader, *sent) == [
        (CONFIGURATION + I_VOP, 0, True, "mpeg4", CONFIGURATION, 0),
        (P_VOP, 9, False, "mpeg4", b"", 0),
        (CONFIGURATION + I_VOP, 18, True, "mpeg4", CONFIGURATION, 0),
        (CONFIGURATION + group, 27, True, "mpeg4", CONFIGURATION, 0),
    ]
    assert reader.damaged == 0


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_picture_of_mpeg4_with_a_packet_missing_is_dropped(lost: int) -> None:
    packets: list[Sent] = [(1, 0, P_VOP, True), (2, 9, P_VOP, False), (3, 9, b"more", False), (4, 9, b"end", True)]
    reader = mpeg4()
    del packets[1 + lost]

    frames = read(reader, *packets, (5, 18, P_VOP, True))
    assert [frame.timestamp for frame in frames] == ([0, 18])
    assert (reader.damaged, {frame.data for frame in frames}) == (1, {P_VOP})


@pytest.mark.parametrize("data", [b"", b"text", CONFIGURATION, b"\0\0\x01\xb6", b"xy\0\0\x01\xb6"])
def test_what_holds_no_picture_of_mpeg4_is_damage(data: bytes) -> None:
    reader = mpeg4()

    assert read(reader, (1, 0, data, True), (2, 9, P_VOP[:5], True))[0].data == P_VOP[:5]
    assert reader.damaged == 1


def test_a_picture_of_mpeg4_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_frames, "MAX_PICTURE", 12)
    reader = mpeg4()

    assert len(read(reader, *((number, number, P_VOP * 2, True) for number in range(4)))) == 4
    with pytest.raises(BadAnswer, match="more than 12 bytes"):
        read(reader, (4, 4, P_VOP, False), (5, 4, P_VOP, False), (6, 4, b"x", False))


def test_another_payload_type_is_foreign() -> None:
    reader = reader_for()
    for count in (1, 2):
        assert reader.feed(RtpPacket(107, True, count, 0, 8, P)) == []
        assert reader.foreign == count
