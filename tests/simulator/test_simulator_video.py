"""Live video as frames: they count themselves, keep time, and show the scene."""

from __future__ import annotations

import asyncio
import base64
import itertools
import struct
import time

import numpy as np
import pytest
from raw_http import apply
from raw_rtsp import LIVE, frames, number_of, pictures

from hik_thermal_plugin.simulator import PROFILES
from hik_thermal_plugin.simulator.film import Frame
from hik_thermal_plugin.simulator.tracks import VideoTrack

THERMAL = "/Streaming/Channels/201"
SECOND = 90_000


def whole(client, channel: int, count: int) -> list[tuple[int, bytes]]:
    """The first frames of a track."""
    client.until(lambda: sum(packet.marker for packet in client.of(channel)) >= count)
    last = [place for place, packet in enumerate(client.of(channel)) if packet.marker][count - 1]
    return list(frames(client.of(channel)[: last + 1]))


@pytest.mark.slow
def test_frames_follow_one_another_without_a_gap_and_in_time(rtsp):
    _, client = rtsp()
    (channel,) = client.play(LIVE, "video").values()
    begun = time.monotonic()
    told = whole(client, channel, 60)  # past the end of the loop
    taken = time.monotonic() - begun
    steps = {(after - before) & 0xFFFFFFFF for (before, _), (after, _) in itertools.pairwise(told)}
    assert steps == {SECOND // 25}
    assert 1.9 < taken < 5
    shown = [number_of(picture) for picture in pictures(told)]
    assert shown == [number % 50 for number in range(60)]
    keys = [place for place, (_, data) in enumerate(told) if b"\0\0\0\1\x65" in data]
    assert keys == [0, 25, 50]
    assert all(b"\0\0\0\1\x67" in told[place][1] for place in keys)  # parameter sets come with each


def test_the_parameter_sets_of_the_description_are_those_of_the_stream(rtsp):
    _, client = rtsp()
    (video,) = client.describe(LIVE)
    sets = [base64.b64decode(text) for text in video.attributes["fmtp"].partition("sets=")[2].split(",")]
    (channel,) = client.play(LIVE, "video").values()
    first = whole(client, channel, 1)[0][1]
    assert all(b"\0\0\0\1" + unit in first for unit in sets)


def test_a_sender_report_ties_the_timestamps_to_the_clock(rtsp):
    _, client = rtsp()
    (channel,) = client.play(LIVE, "video").values()
    client.until(lambda: client.control and client.of(channel))
    _, kind, length, source, seconds, _, timestamp, *_ = struct.unpack(">BBHIIIIII", client.control[0])
    first = client.of(channel)[0]
    assert (kind, length, source, timestamp) == (200, 6, first.source, first.timestamp)
    assert abs(seconds - 2_208_988_800 - time.time()) < 5


@pytest.mark.parametrize(("path", "size"), [(THERMAL, (512, 640)), ("/Streaming/Channels/102", (576, 704))])
def test_both_channels_in_the_size_that_is_told(rtsp, path, size):
    _, client = rtsp()
    (channel,) = client.play(path, "video").values()
    (picture, *_) = pictures(whole(client, channel, 2))
    assert picture.shape[:2] == size
    assert number_of(picture) == 0


@pytest.mark.slow
def test_the_video_shows_the_scene_and_its_changes(rtsp):
    simulator, client = rtsp()
    (channel,) = client.play(THERMAL, "video").values()
    before = pictures(whole(client, channel, 1))[0]
    apply(simulator, {"fire": {"x": 0.25, "y": 0.75, "celsius": 700}})
    client.packets.clear()
    client.until(lambda: sum(packet.marker for packet in client.of(channel)) >= 50)
    packets = client.of(channel)
    first_key = next(place for place, packet in enumerate(packets) if packet.payload[0] & 31 == 7)
    last = max(place for place, packet in enumerate(packets) if packet.marker)
    shown = pictures(list(frames(packets[first_key : last + 1])))[-1]
    hot, was = shown[384, 160].sum(), before[384, 160].sum()
    assert hot > 600 > was
    apply(simulator, {"freeze": {}}, {"extinguish": {}})
    with type(client)(simulator) as other:
        (channel,) = other.play(THERMAL, "video").values()
        frozen = pictures(whole(other, channel, 1))[0]
    assert frozen[384, 160].sum() > 600


def test_a_hot_spot_is_at_its_place_in_the_video(rtsp):
    simulator, client = rtsp()
    apply(simulator, {"fire": {"x": 0.5, "y": 0.25, "celsius": 900}})
    (channel,) = client.play(THERMAL, "video").values()
    bright = pictures(whole(client, channel, 1))[0].astype(int).sum(axis=2)
    rows, columns = np.nonzero(bright[100:160, 290:350] > 650)
    assert abs(rows.mean() + 100 - 128) < 2
    assert abs(columns.mean() + 290 - 320) < 2


@pytest.mark.slow
def test_h265_comes_without_parameters_in_the_description(rtsp):
    _, client = rtsp()
    (video,) = client.describe("/Streaming/Channels/101")
    assert video.attributes["rtpmap"] == "96 H265/90000"
    assert "fmtp" not in video.attributes
    (channel,) = client.play("/Streaming/Channels/101", "video").values()
    client.until(lambda: client.of(channel) and client.of(channel)[-1].marker)
    kinds = [packet.payload[0] >> 1 & 63 for packet in client.of(channel)]
    assert kinds[:3] == [32, 33, 34]  # VPS, SPS, PPS
    assert 49 in kinds  # fragments
    unit, units = b"", []
    for packet in client.of(channel):
        payload = packet.payload
        if payload[0] >> 1 & 63 != 49:
            units.append(payload)
            continue
        if payload[2] & 0x80:
            unit = bytes((payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]))
        unit += payload[3:]
        units += [unit] if payload[2] & 0x40 else []
        if packet.marker:
            break
    (picture,) = pictures([(0, b"".join(b"\0\0\0\1" + part for part in units))], "hevc")
    assert picture.shape == (1080, 1920, 3)
    assert number_of(picture) == 0


@pytest.mark.slow
def test_b_frames_come_out_of_order_and_say_when_they_are_shown(rtsp):
    _, client = rtsp(profile="b_frames")
    (channel,) = client.play(LIVE, "video").values()
    told = whole(client, channel, 50)
    times = [(at - told[0][0]) & 0xFFFFFFFF for at, _ in told]
    assert times != sorted(times)
    assert sorted(times) == [place * SECOND // 25 for place in range(50)]
    assert [number_of(picture) for picture in pictures(told)] == list(range(50))


@pytest.mark.slow
def test_timestamps_that_go_back(rtsp):
    _, client = rtsp(profile="timestamps_back")
    (channel,) = client.play(LIVE, "video").values()
    times = [at for at, _ in whole(client, channel, 30)]
    steps = {(after - before + 2**31) % 2**32 - 2**31 for before, after in itertools.pairwise(times)}
    assert steps == {3600, 3600 - 9000}


def test_sound_beside_the_video(rtsp):
    _, client = rtsp(profile="audio")
    _, audio = client.describe(LIVE)
    assert (audio.kind, audio.payload_type, audio.attributes["rtpmap"]) == ("audio", 8, "8 PCMA/8000")
    channels = client.play(LIVE, "video", "audio")
    client.until(lambda: len(client.of(channels["audio"])) > 10 and client.of(channels["video"]))
    packets = client.of(channels["audio"])
    assert {len(packet.payload) for packet in packets} == {160}
    assert {after.timestamp - before.timestamp for before, after in itertools.pairwise(packets)} == {160}


def test_bytes_of_no_meaning_between_packets(rtsp):
    _, client = rtsp(profile="rtsp_garbage")
    client.describe(LIVE)
    client.set_up(f"{LIVE}/trackID=1", 0)
    client.send("PLAY", LIVE)
    client.wire.until(lambda data: data.count(b"\x00\x13garbage RTP\r\n$\x00") > 5)


def test_who_does_not_read_misses_frames_and_sees_it_by_the_sequence():
    written: list[bytes] = []
    unsent = iter([0, 0, 2**21, 2**21, 0])

    async def groups():
        yield tuple(Frame((b"\x41",), place) for place in range(5)), 5

    async def play() -> None:
        ended = asyncio.Event()
        track = VideoTrack(
            PROFILES["plain"], written.append, 0, groups=groups(), fps=100, unsent=unsent.__next__, ended=ended.set
        )
        track.play()
        await ended.wait()

    asyncio.run(play())
    packets = [data[-17:] for data in written]  # frame, header, and one byte
    numbers = [struct.unpack(">H", packet[6:8])[0] for packet in packets]
    assert [(number - numbers[0]) & 0xFFFF for number in numbers] == [0, 1, 4]
