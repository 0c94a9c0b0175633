"""Pictures out of program streams: cut anywhere, joined in the middle, broken, and coded in either way; muxed by FFmpeg, not by us."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import pytest
from coded_video import Codec, decode, video
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, Unsupported
from reading import in_pieces, value_or_bad_answer

from hik_thermal_plugin.wire import program_streams
from hik_thermal_plugin.wire.program_streams import ProgramStreamReader
from hik_thermal_plugin.wire.video import CodedFrame

HEADER = b"IMKH" + bytes(36)


@cache
def stream(codec: Codec) -> bytes:
    """Let FFmpeg pack 12 pictures."""
    coded = video(codec, pictures=12, between_keys=6)
    out = io.BytesIO()
    with av.open(out, "w", format="vob") as container:
        track = container.add_stream("libx264" if codec == "h264" else "libx265", rate=25)
        track.width, track.height, track.pix_fmt = coded.width, coded.height, "yuv420p"
        track.options = {"x265-params": "log-level=none"}
        for number, unit in enumerate(coded.units):
            packet = av.Packet(unit.data)
            packet.stream, packet.time_base = track, Fraction(1, 25)
            packet.pts = packet.dts = number
            packet.is_keyframe = unit.key
            container.mux(packet)
    return out.getvalue()


def read(*pieces: bytes) -> list[CodedFrame]:
    reader = ProgramStreamReader()
    found = [frame for piece in pieces for frame in reader.feed(piece)]
    return found + reader.close()


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_every_picture_comes_out_with_its_time(codec: Codec) -> None:
    coded = video(codec, pictures=12, between_keys=6)
    found = read(HEADER, stream(codec))

    assert [frame.codec for frame in found] == [codec] * 12
    assert [frame.key for frame in found] == [unit.key for unit in coded.units]
    assert [frame.timestamp for frame in found] == [3600 * number for number in range(12)]
    assert found[0].headers
    assert decode(codec, [frame.data for frame in found])[11].tolist() == coded.decoded()[11].tolist()


def test_it_makes_no_difference_where_the_bytes_are_cut() -> None:
    data = stream("h264")

    assert read(*in_pieces(data, 1)) == read(*in_pieces(data, 7)) == read(data)


def test_a_stream_joined_in_the_middle_begins_with_what_is_whole() -> None:
    whole = read(stream("h264"))

    assert [frame.data for frame in read(stream("h264")[100:] + stream("h264"))] == [frame.data for frame in whole]


def test_sound_private_streams_and_rubbish_are_passed_over() -> None:
    data, sound = stream("h264"), b"\0\0\1\xc0\0\x04abcd\0\0\1\xbd\0\x02ab"
    reader = ProgramStreamReader()

    assert reader.feed(b"rubbish" + sound + data) + reader.close() == read(data)
    assert reader.skipped == 1


SETS = [bytes.fromhex("674d002831e52c0a00f2407682211216"), b"\x68\xce\x3c\x80"]
"""Of H.264: three pictures may be reordered."""
KEY, P, LATER = b"\x65\x88abc", b"\x41\x9aabc", b"\x41\x48abc"
HEVC_SETS = [
    b"\x40\x01\x0c\x01",
    bytes.fromhex("42015101ffffffff00000300000300005d6800f0000438514526"),
    b"\x44\x01\xc1",
]
HEVC_KEY, HEVC_P, HEVC_LATER = b"\x26\x01\x80abc", b"\x02\x01\x80abc", b"\x02\x01\x40abc"


def packet(*units: bytes, rest: bytes = b"", stamp: int | None = None, flags: int = 0, head: bytes = b"") -> bytes:
    """Return a packet of video (ISO/IEC 13818-1 2.4.3.6): the rest of a unit, and others; with a time, if one is given."""
    if stamp is not None:
        flags |= 0x80
        parts = (
            0x21 | stamp >> 29 & 14,
            stamp >> 22 & 255,
            1 | stamp >> 14 & 254,
            stamp >> 7 & 255,
            1 | stamp << 1 & 254,
        )
        head = bytes(parts) + head
    body = bytes([0x80, flags, len(head)]) + head + rest + b"".join(b"\0\0\1" + unit for unit in units)
    return b"\0\0\1\xe0" + len(body).to_bytes(2, "big") + body


def mapped(*streams: tuple[int, int, bytes], info: bytes = b"", crc: bytes = b"crc_") -> bytes:
    """Return a map of the streams (2.5.4.1): type, id and descriptors of each."""
    listed = b"".join(bytes([kind, number]) + len(more).to_bytes(2, "big") + more for kind, number, more in streams)
    body = b"\xe0\xff" + len(info).to_bytes(2, "big") + info + len(listed).to_bytes(2, "big") + listed + crc
    return b"\0\0\1\xbc" + len(body).to_bytes(2, "big") + body


def units(frames: list[CodedFrame]) -> list[list[bytes]]:
    return [frame.data.split(b"\0\0\0\1")[1:] for frame in frames]


@pytest.mark.parametrize(
    ("streams", "info"),
    [
        ([(0x10, 0xE0, b"")], b""),
        ([(0x10, 0xEF, b"")], b"info"),
        ([(0x0F, 0xC0, b"sound"), (0x10, 0xE0, b"")], b"\x1b\xe0\0\0" * 70),
        ([(0x0F, 0xC0, b"\xff" * 300), (0x90, 0xBD, b""), (0x10, 0xE1, b"x")], b""),
        ([(0x0F, 0xDF, b""), (0x0F, 0xF0, b""), (0x10, 0xE0, b""), (0x1B, 0xE1, b"")], b""),
    ],
)
def test_another_codec_is_named(streams: list[tuple[int, int, bytes]], info: bytes) -> None:
    with pytest.raises(Unsupported, match="0x10"):
        read(mapped(*streams, info=info))


def test_a_map_without_video_says_nothing() -> None:
    for data in (
        mapped((0x0F, 0xC0, b""), crc=b"\x10\xe0\0\0"),
        mapped(),
        mapped((0x1B, 0xE0, b""), (0x10, 0xE1, b"")),
    ):
        assert units(read(data + packet(*SETS, KEY, stamp=0))) == [[*SETS, KEY]]


def test_units_are_those_of_the_codec_that_is_mapped() -> None:
    (frame,) = read(mapped((0x24, 0xE0, b"")) + packet(HEVC_KEY, stamp=9))
    assert (frame.codec, frame.key, frame.reordered) == ("hevc", True, None)
    (frame,) = read(mapped((0x1B, 0xE0, b"")) + packet(KEY, stamp=9))
    assert (frame.codec, frame.key) == ("h264", True)
    assert read(packet(KEY, stamp=9)) == [], "without a map and parameter sets nobody knows"


@pytest.mark.parametrize("first", [0x67, 0x27, 0x47])
def test_the_codec_shows_in_the_first_parameter_set(first: int) -> None:
    sets = [bytes([first]) + SETS[0][1:], SETS[1]]
    (frame,) = read(packet(b"\x07\x4d\x01", *sets, KEY, stamp=9))
    assert units([frame]) == [[*sets, KEY]]
    assert (frame.codec, frame.timestamp, frame.reordered) == ("h264", 0, 3)
    (frame,) = read(packet(*HEVC_SETS, HEVC_KEY, stamp=9))
    assert units([frame]) == [[*HEVC_SETS, HEVC_KEY]]
    assert (frame.codec, frame.headers, frame.reordered) == ("hevc", b"\0\0\0\1" + b"\0\0\0\1".join(HEVC_SETS), 3)


@pytest.mark.parametrize(
    ("sent", "pictures"),
    [
        ([*SETS, KEY, P, LATER, LATER, P], [[*SETS, KEY], [P, LATER, LATER], [P]]),
        ([*SETS, KEY, KEY, *SETS, KEY], [[*SETS, KEY]] * 3),
        (
            [b"\x09\xf0\x80", *SETS, KEY, b"\x09\xf0\x80", P, b"\x06sei", P],
            [[*SETS, KEY], [b"\x09\xf0\x80", P], [b"\x06sei", P]],
        ),
        ([*SETS, KEY, SETS[1], P], [[*SETS, KEY], [SETS[1], P]]),
        ([*SETS, KEY, b"\x0c\xff\x80", b"\x0a\xff\xff", P], [[*SETS, KEY, b"\x0c\xff\x80", b"\x0a\xff\xff"], [P]]),
        ([*SETS, KEY + b" \n", P + b"X\0\0\0", b"", P[:3]], [[*SETS, KEY + b" \n"], [P + b"X"], [P[:3]]]),
        ([*HEVC_SETS, HEVC_KEY, HEVC_P, HEVC_LATER, HEVC_P], [[*HEVC_SETS, HEVC_KEY], [HEVC_P, HEVC_LATER], [HEVC_P]]),
        (
            [*HEVC_SETS, HEVC_KEY, b"\x46\x01\x50", HEVC_P, b"\x4e\x01sei", HEVC_P, *HEVC_SETS, HEVC_KEY],
            [[*HEVC_SETS, HEVC_KEY], [b"\x46\x01\x50", HEVC_P], [b"\x4e\x01sei", HEVC_P], [*HEVC_SETS, HEVC_KEY]],
        ),
        (
            [*HEVC_SETS, HEVC_KEY, b"\x50\x01sei", b"\x3e\x01\x80a", HEVC_KEY],
            [[*HEVC_SETS, HEVC_KEY, b"\x50\x01sei"], [b"\x3e\x01\x80a"], [*HEVC_SETS, HEVC_KEY]],
        ),
    ],
)
def test_a_picture_ends_where_the_next_begins(sent: list[bytes], pictures: list[list[bytes]]) -> None:
    together = packet(*sent, stamp=9)
    apart = b"".join(packet(unit, stamp=9 + number) for number, unit in enumerate(sent))
    stream = together[together.index(b"\x21") + 5 :]
    bytewise = packet(stamp=9) + b"".join(packet(rest=stream[at : at + 1]) for at in range(len(stream)))
    for data in (together, apart, bytewise):
        for pieces in ([data], in_pieces(data, 1), in_pieces(data, 3)):
            reader = ProgramStreamReader()
            found = [frame for piece in pieces for frame in reader.feed(piece)]
            assert units(found) == pictures[:-1]
            assert units(found + reader.close()) == pictures
            assert (reader.damaged, reader.skipped) == (0, 0)
    assert [frame.timestamp for frame in read(together)] == [3600 * number for number in range(len(pictures))]


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        *(([0, 1 << bit], [0, 1 << bit]) for bit in range(32)),
        ([1 << 32, 5], [0, (1 << 32) + 5 - (1 << 33)]),
        ([5, 5 + (1 << 32)], [0, -(1 << 32)]),
        ([(1 << 33) - 1, 0], [0, 1]),
        ([7200, 3600, 0, 9000], [0, -3600, -7200, 1800]),
        ([9, None, None, 20_000], [0, 3600, 7200, 19_991]),
        ([0x155555555, 0x0AAAAAAAA], [0, 0x0AAAAAAAA - 0x155555555]),
    ],
)
def test_times_of_packets(stamps: list[int | None], times: list[int]) -> None:
    found = read(*(packet(*(SETS if not number else ()), KEY, stamp=stamp) for number, stamp in enumerate(stamps)))

    assert [frame.timestamp for frame in found] == times


def test_a_time_is_that_of_the_first_picture_that_begins_in_its_packet() -> None:
    data = packet(*SETS, KEY, stamp=100) + packet(stamp=200) + b"\0\0\1\xe0\0\x08\x80\x80\x00" + b"rest!"
    found = read(
        data + packet(P, P, stamp=50_100) + packet(P, flags=0x01, head=b"\x21\0\1\0\1") + packet(P, flags=0x40)
    )

    assert [frame.timestamp for frame in found] == [0, 50_000, 53_600, 57_200, 60_800]


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_picture_that_begins_before_its_packet_has_no_time_of_it(cut: int) -> None:
    start = b"\0\0\1"
    data = packet(*SETS, KEY + start[:cut], stamp=100) + packet(P, rest=start[cut:] + P, stamp=50_100)

    assert [frame.timestamp for frame in read(data)] == [0, 3600, 50_000]


def test_what_comes_before_any_time_or_cannot_be_read_is_damage() -> None:
    reader = ProgramStreamReader()
    assert reader.feed(packet(*SETS, KEY) + packet(P) + packet(P, stamp=9) + packet(P)) == [
        (b"\0\0\0\1" + P, 0, False, "h264", b"", 3)
    ]
    assert reader.damaged == 2
    assert reader.feed(b"\0\0\1\xe0\0\3\x80\0\0") == []
    assert reader.damaged == 2
    for broken in (b"\0\0\1\xe0\0\2\x80\0", b"\0\0\1\xe0\0\4\x40\0\0x", b"\0\0\1\xe0\0\0"):
        assert reader.feed(broken) == []
    assert reader.damaged == 5
    assert len(reader.close()) == 1
    assert reader.damaged == 5


@pytest.mark.parametrize(
    "between",
    [
        b"\0\0\1\xba\x44" + bytes(8) + b"\xf8",
        b"\0\0\1\xba\x44" + bytes(8) + b"\xfb\xff\xff\xff",
        b"\0\0\1\xba\x21" + bytes(7),
        b"\0\0\1\xbb\0\6" + bytes(6),
        b"\0\0\1\xbd\0\0",
        b"\0\0\1\xbe\1\4" + bytes(260),
        b"\0\0\1\xc0\0\4\0\0\1\xe0",
        b"\0\0\1\xf0\0\1x",
        mapped((0x1B, 0xE0, b"")),
    ],
)
def test_headers_and_other_streams_are_passed_over(between: bytes) -> None:
    reader = ProgramStreamReader()
    data = between + packet(*SETS, KEY, stamp=9) + between + packet(P, stamp=10) + between
    found = [frame for piece in in_pieces(data, 1) for frame in reader.feed(piece)]

    assert units(found + reader.close()) == [[*SETS, KEY], [P]]
    assert (reader.skipped, reader.damaged) == (0, 0)
    assert units(read(data)) == [[*SETS, KEY], [P]]


@pytest.mark.parametrize(
    "rubbish", [b"x", b"\0", b"\0\0", b"\0\0\0", b"rubbish", b"\0\0\1\x00ab", b"\0\0\1\xb8", bytes(range(2, 90))]
)
def test_what_is_no_start_code_is_skipped_to_the_next(rubbish: bytes) -> None:
    data = rubbish + packet(*SETS, KEY, stamp=9) + rubbish + packet(P, stamp=10)
    for pieces in ([data], in_pieces(data, 1)):
        reader = ProgramStreamReader()
        found = [frame for piece in pieces for frame in reader.feed(piece)]
        assert units(found + reader.close()) == [[*SETS, KEY], [P]]
        assert (reader.skipped, reader.damaged) == (2, 0)


def test_rubbish_is_not_hoarded() -> None:
    reader = ProgramStreamReader()
    for _ in range(50):
        assert reader.feed(b"\0x" * 500) == []
        assert len(reader._buffer) < 10
    assert reader.skipped == 1


def test_the_end_of_a_stream_ends_its_picture_at_once() -> None:
    reader, end = ProgramStreamReader(), b"\0\0\1\xb9"
    for number in range(3):
        assert reader.feed(packet(*SETS, KEY, stamp=9 + number)) == []
        found = reader.feed(end)
        assert units(found) == [[*SETS, KEY]]
        assert [frame.timestamp for frame in found] == [number]
    assert (reader.close(), reader.skipped, reader.damaged) == ([], 0, 0)
    data = packet(*SETS, KEY, stamp=9) + end + packet(P, stamp=10) + end
    assert units(reader.feed(data)) == [[*SETS, KEY], [P]]
    assert reader.skipped == 0


def test_a_picture_that_never_ends_is_a_bad_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_streams, "MAX_PICTURE", 3000)

    with pytest.raises(BadAnswer, match="3000 bytes"):
        read(b"".join(b"\0\0\1\xe0\0\x83\x80\0\0" + bytes(128) for _ in range(30)))


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"\0\0\1\xe0", b"\0\0\1\xbc", b"\0\0\1\xba", b"\0\0\1"])))
def test_any_bytes(pieces: list[bytes]) -> None:
    try:
        value_or_bad_answer(lambda whole: read(*whole), pieces)
    except Unsupported:
        return


@given(st.integers(0, 8000), st.binary(min_size=1, max_size=20))
def test_a_damaged_stream(at: int, damage: bytes) -> None:
    data = stream("h264")
    try:
        value_or_bad_answer(read, data[:at] + damage + data[at + len(damage) :])
    except Unsupported:
        return
