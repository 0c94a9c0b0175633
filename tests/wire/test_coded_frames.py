"""Pictures come out of RTP packets as the camera coded them, or not at all."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import pytest
from coded_video import Codec, Packetizer, Video, decode, drawn_picture, media_lines, nal_units, video
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire import coded_frames
from hik_thermal_plugin.wire.coded_frames import FrameReader
from hik_thermal_plugin.wire.rtp import parse_rtp
from hik_thermal_plugin.wire.sdp import parse_sdp
from hik_thermal_plugin.wire.video import CodedFrame, video_track

CODECS: tuple[Codec, ...] = ("h264", "hevc")


def reader_for(what: Video, *, sets: bool = True) -> FrameReader:
    return FrameReader(video_track(parse_sdp(("v=0\n" + media_lines(what, sets=sets)).encode())))


def read(reader: FrameReader, packets: Iterable[bytes]) -> list[CodedFrame]:
    return [frame for packet in packets for frame in reader.feed(parse_rtp(packet))]


def without_starts(data: bytes) -> list[bytes]:
    return [unit.rstrip(b"\0") for unit in nal_units(data)]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [60, 1400])
@pytest.mark.parametrize("together", [0, 2])
@pytest.mark.parametrize("b_pictures", [0, 2])
def test_every_picture_arrives_as_it_was_coded(codec: Codec, size: int, together: int, b_pictures: int) -> None:
    what = video(codec, b_pictures=b_pictures)
    sender = Packetizer(codec)
    reader = reader_for(what)

    frames = read(
        reader, (packet for unit in what.units for packet in sender.picture(unit, size=size, together=together))
    )

    assert [without_starts(frame.data) for frame in frames] == [without_starts(unit.data) for unit in what.units]
    assert [frame.timestamp for frame in frames] == [unit.shown * 3600 for unit in what.units]
    assert [frame.key for frame in frames] == [unit.key for unit in what.units]
    assert frames[0].reordered == (2 if b_pictures else 0)
    assert without_starts(frames[0].headers) == what.sets
    assert (reader.damaged, reader.sequence.lost) == (0, 0)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("marker", ["never", "always"])
@pytest.mark.parametrize("size", [60, 1400])
def test_an_encoder_that_sets_the_marker_never_or_always_costs_no_picture(codec: Codec, marker: str, size: int) -> None:
    what = video(codec)
    sender = Packetizer(codec)
    reader = reader_for(what)

    frames = read(reader, (packet for unit in what.units for packet in sender.picture(unit, size=size, marker=marker)))
    frames += reader.close()

    assert [without_starts(frame.data) for frame in frames] == [without_starts(unit.data) for unit in what.units]
    assert reader.damaged == 0


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_with_a_packet_missing_is_dropped_and_counted(codec: Codec) -> None:
    what = video(codec)
    for lost in range(6):
        sender = Packetizer(codec)
        packets = [packet for unit in what.units[:4] for packet in sender.picture(unit, size=200)]
        reader = reader_for(what)

        frames = read(reader, packets[:lost] + packets[lost + 1 :])

        whole = [without_starts(unit.data) for unit in what.units[:4]]
        got = [without_starts(frame.data) for frame in frames]
        # A unit of its own before the picture (parameter sets, a comment) may be missing: the picture itself is whole.
        assert all(any(units == known[-len(units) :] or units[-1] == known[-1] for known in whole) for units in got)
        assert len(frames) + reader.damaged >= 3
        assert reader.sequence.lost == (1 if lost else 0)


def test_a_lost_packet_at_the_border_of_two_pictures_harms_one_at_most() -> None:
    what = video("h264")
    sender = Packetizer("h264")
    first, second, third = (sender.picture(unit, size=150) for unit in what.units[:3])
    reader = reader_for(what)

    frames = read(reader, [*first[:-1], *second, *third])

    assert [frame.timestamp for frame in frames] == [3600, 7200]
    assert reader.damaged == 1


def test_parameter_sets_from_the_description_stand_before_a_key_picture_that_has_none() -> None:
    what = video("h264")
    bare = [unit for unit in nal_units(what.units[0].data) if unit[0] & 31 not in (7, 8)]
    sender = Packetizer("h264")
    packets = [sender.packet(unit, 0, unit is bare[-1]) for unit in bare]

    (frame,) = read(reader_for(what), packets)

    assert without_starts(frame.data)[:2] == what.sets
    assert len(decode("h264", [frame.data])) == 1


def test_parameter_sets_that_come_alone_and_early_are_kept_for_their_picture() -> None:
    what = video("h264")
    units = nal_units(what.units[0].data)
    sets = [unit for unit in units if unit[0] & 31 in (7, 8)]
    rest = [unit for unit in units if unit[0] & 31 not in (7, 8)]
    sender = Packetizer("h264")
    packets = [sender.packet(unit, 10, True) for unit in sets] + [
        sender.packet(unit, 20, unit is rest[-1]) for unit in rest
    ]

    (frame,) = read(reader_for(what, sets=False), packets)

    assert without_starts(frame.headers) == sets
    assert len(decode("h264", [frame.data])) == 1


def test_packets_that_are_late_twice_or_of_another_kind_change_nothing() -> None:
    what = video("h264")
    sender, other = Packetizer("h264"), Packetizer("h264", payload_type=107)
    packets = [packet for unit in what.units[:3] for packet in sender.picture(unit, size=300)]
    disturbed = [piece for packet in packets for piece in (packet, packet, other.packet(b"<Metadata/>", 0, True))]
    reader = reader_for(what)

    assert [frame.data for frame in read(reader, disturbed)] == [
        frame.data for frame in read(reader_for(what), packets)
    ]
    assert reader.foreign == len(packets)
    assert reader.sequence.late == len(packets)


def test_another_clock_rate_is_told_in_ninety_thousandths() -> None:
    what = video("h264")
    text = media_lines(what).replace("H264/90000", "H264/45000")
    sender = Packetizer("h264", start=100)

    reader = FrameReader(video_track(parse_sdp(("v=0\n" + text).encode())))
    frames = read(
        reader, [packet for unit in what.units[:3] for packet in sender.picture(unit, ticks=unit.shown * 1800)]
    )

    assert [frame.timestamp for frame in frames] == [0, 3600, 7200]


def test_a_picture_that_never_ends_is_an_error_with_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded_frames, "MAX_PICTURE", 10_000)
    what = video("h264")
    sender = Packetizer("h264")
    reader = reader_for(what)

    with pytest.raises(BadAnswer, match="more than 10000 bytes"):
        read(reader, (sender.packet(b"\x41" + b"x" * 500, 0, False) for _ in range(30)))


@settings(max_examples=150, deadline=None)
@given(codec=st.sampled_from(CODECS), seed=st.integers(0, 2**32), changes=st.integers(1, 12))
def test_whatever_comes_ends_in_pictures_or_in_bad_answer(codec: Codec, seed: int, changes: int) -> None:
    what = video(codec)
    chance = random.Random(seed)
    sender = Packetizer(codec)
    packets = [bytearray(packet) for unit in what.units[:5] for packet in sender.picture(unit, size=120, together=2)]
    for _ in range(changes):
        match chance.randrange(4):
            case 0:
                packet = chance.choice([packet for packet in packets if packet])
                packet[chance.randrange(len(packet))] = chance.randrange(256)
            case 1:
                packet = chance.choice(packets)
                del packet[chance.randrange(len(packet) + 1) :]
            case 2:
                packets.insert(chance.randrange(len(packets)), bytearray(chance.choice(packets)))
            case _:
                packets.pop(chance.randrange(len(packets)))
    reader = reader_for(what, sets=chance.random() < 0.5)
    for packet in packets:
        try:
            for frame in reader.feed(parse_rtp(bytes(packet))):
                assert frame.data
        except BadAnswer:
            pass
    reader.close()


def test_motion_jpeg_is_made_a_jpeg_file_again() -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[20:60, 30:90] = (240, 180, 60)
    file = jpeg_file(picture)
    scan, tables = scan_of(file)
    description = parse_sdp(b"v=0\nm=video 0 RTP/AVP 26\na=control:trackID=1\n")
    reader = FrameReader(video_track(description))
    sender = Packetizer(payload_type=26)
    packets = []
    for number in range(3):
        for at in range(0, len(scan), 300):
            head = struct.pack(">IBBBBHH", at, 65, 255, 16, 12, 8, 0xFFFF)  # the encoder sets a restart after each row
            if at == 0:
                head += struct.pack(">BBH", 0, 0, 128) + tables if number != 2 else struct.pack(">BBH", 0, 0, 0)
            packets.append(sender.packet(head + scan[at : at + 300], number * 3600, at + 300 >= len(scan)))

    frames = read(reader, packets)

    assert [frame.timestamp for frame in frames] == [0, 3600, 7200]
    for frame in frames:
        (decoded,) = decode("mjpeg", [frame.data])
        (before,) = decode("mjpeg", [file])
        assert (decoded == before).all()
        assert frame.key


@pytest.mark.parametrize("quality", [1, 40, 60, 99])
def test_motion_jpeg_with_tables_by_number_is_readable(quality: int) -> None:
    file = jpeg_file(np.full((16, 16, 3), 90, np.uint8))
    scan, _ = scan_of(file)
    reader = FrameReader(video_track(parse_sdp(b"v=0\nm=video 0 RTP/AVP 26\n")))
    packet = Packetizer(payload_type=26).packet(struct.pack(">IBBBB", 0, 1, quality, 2, 2) + scan, 0, True)

    (frame,) = read(reader, [packet])

    (decoded,) = decode("mjpeg", [frame.data])
    assert decoded.shape == (16, 16, 3)


def test_mpeg4_pictures_begin_with_their_configuration() -> None:
    encoder = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"flags": "+global_header", "g": "3"}
    packets = []
    for number in range(6):
        frame = av.VideoFrame.from_ndarray(drawn_picture(number, 64, 48), format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    coded = [bytes(packet) for packet in [*packets, *encoder.encode(None)]]
    configuration = encoder.extradata or b""
    text = f"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 MP4V-ES/90000\na=fmtp:96 config={configuration.hex()}\n"
    reader = FrameReader(video_track(parse_sdp(text.encode())))
    sender = Packetizer(payload_type=96)
    sent = [
        sender.packet(piece[at : at + 50], number * 3600, at + 50 >= len(piece))
        for number, piece in enumerate(coded)
        for at in range(0, len(piece), 50)
    ]

    frames = read(reader, sent)

    assert [frame.key for frame in frames] == [True, False, False, True, False, False]
    assert frames[0].data == configuration + coded[0]
    assert len(decode("mpeg4", [frame.data for frame in frames])) == 6


def jpeg_file(picture: np.ndarray) -> bytes:
    """Return a JPEG with the standard's own Huffman tables and 4:2:0, which is what RTP can carry."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"huffman": "default", "force_duplicated_matrix": "1"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def scan_of(file: bytes) -> tuple[bytes, bytes]:
    """Return the scan and the two quantization tables of a JPEG file."""
    stream = io.BytesIO(file[2:])
    tables = b""
    while True:
        marker, length = struct.unpack(">HH", stream.read(4))
        body = stream.read(length - 2)
        if marker == 0xFFDB:
            tables += b"".join(body[at + 1 : at + 65] for at in range(0, len(body), 65))
        if marker == 0xFFDA:
            return stream.read().removesuffix(b"\xff\xd9"), (tables * 2)[:128]


def test_pictures_between_others_tell_themselves_where_the_parameter_sets_do_not() -> None:
    what = video("h264", b_pictures=2, silent_about_order=True)
    sender = Packetizer("h264")

    frames = read(reader_for(what), (packet for unit in what.units for packet in sender.picture(unit)))

    top, between = -1, []
    for unit in what.units:
        between.append(unit.shown < top)
        top = max(top, unit.shown)
    assert [frame.reordered for frame in frames] == [2 if late else None for late in between]
    assert any(between)
