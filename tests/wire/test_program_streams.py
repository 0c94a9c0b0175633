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


def test_the_time_goes_on_where_its_33_bits_begin_anew() -> None:
    def packet(stamp: int, unit: bytes) -> bytes:
        time = bytes(
            [0x21 | stamp >> 29 & 14, stamp >> 22 & 255, 1 | stamp >> 14 & 254, stamp >> 7 & 255, 1 | stamp << 1 & 254]
        )
        body = b"\x80\x80\x05" + time + b"\0\0\1" + unit
        return b"\0\0\1\xe0" + len(body).to_bytes(2, "big") + body

    sets = b"\0\0\1".join([b"\x67\x42\0\x1e", b"\x68\xce", b"\x65\x88abc"])
    found = read(packet((1 << 33) - 3600, sets), packet(0, b"\x41\x9aabc"), packet(3600, b"\x41\x9aabc"))

    assert [frame.timestamp for frame in found] == [0, 3600, 7200]


def test_another_codec_is_named() -> None:
    mapped = b"\0\0\1\xbc\0\x0e\xe0\xff\0\0\0\x04\x10\xe0\0\0crc_"

    with pytest.raises(Unsupported, match="0x10"):
        read(mapped)


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
