"""The video track is found in session descriptions of real devices' shapes, with what its parameter sets say."""

from __future__ import annotations

import base64
import re

import pytest
from coded_video import Codec, media_lines, video
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, Unsupported

from hik_thermal_plugin.wire.parameter_sets import reordered_pictures
from hik_thermal_plugin.wire.sdp import parse_sdp
from hik_thermal_plugin.wire.video import VideoTrack, video_track

RECORDER = """v=0
s=HIK Media Server V3.1.3
c=IN c=IN IP4 0.0.0.0
a=control:*
m=video 0 RTP/AVP 96
a=control:trackID=video
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=4D0014;packetization-mode=0;sprop-parameter-sets=Z00AKZpkA8ARPyzUBAQFAAADA+gAAOpgBA==,aO48gA==
m=audio 0 RTP/AVP 8
a=control:trackID=audio
"""
"""Lines of a recorder's shape (rtsp.md 1.2 D) with parameter sets of a camera's (1.2 A)."""


def track(text: str) -> VideoTrack:
    return video_track(parse_sdp(text.encode()))


def test_a_recorders_description() -> None:
    found = track(RECORDER)

    assert (found.codec, found.payload_type, found.media.control, found.audio) == ("h264", 96, "trackID=video", "PCMA")
    assert [unit[0] & 31 for unit in found.headers] == [7, 8]
    assert reordered_pictures("h264", list(found.headers)) == 0  # the camera's own words


@pytest.mark.parametrize(
    ("lines", "codec", "headers"),
    [
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000", "hevc", 0),
        ("m=video 0 RTP/AVP 98\na=rtpmap:98 h264/90000\na=fmtp:98 packetization-mode=1", "h264", 0),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=!!!,aO48gA==", "h264", 1),
        ("m=video 0 RTP/AVP 26", "mjpeg", 0),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 MP4V-ES/90000\na=fmtp:96 profile-level-id=1;config=000001B0", "mpeg4", 1),
        ("m=video 0 RTP/AVP 97 96\na=rtpmap:97 X-PRIVATE/90000\na=rtpmap:96 H264/90000", "h264", 0),
    ],
)
def test_what_is_missing_or_broken_in_a_description_comes_in_the_stream(lines: str, codec: str, headers: int) -> None:
    found = track(f"v=0\n{lines}\n")

    assert (found.codec, len(found.headers), found.audio) == (codec, headers, None)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000", "video coded as vp8"),
        ("m=video 0 RTP/AVP 96", "video coded as payload type 96"),
        ("m=application 0 RTP/AVP 107", "no video track"),
    ],
)
def test_a_stream_without_video_we_know_says_what_it_has(lines: str, message: str) -> None:
    with pytest.raises(Unsupported, match=message):
        track(f"v=0\n{lines}\n")


@pytest.mark.parametrize(
    ("rtpmap", "clock"),
    [
        ("H264/90000", 90_000),
        ("H264/45000", 45_000),
        ("H264/ 48000 /1", 48_000),
        ("H264/1", 1),
        ("H264/99999999", 99_999_999),
        ("H264/100000000", 90_000),
        ("H264/0", 90_000),
        ("H264/-5", 90_000),
        ("H264/x", 90_000),
        ("H264/²", 90_000),
        ("H264", 90_000),
    ],
)
def test_a_clock_without_sense_is_the_usual_one(rtpmap: str, clock: int) -> None:
    assert track(f"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 {rtpmap}\n").clock_rate == clock
    assert track("v=0\nm=video 0 RTP/AVP 26\n").clock_rate == 90_000


@pytest.mark.parametrize(
    ("lines", "audio"),
    [
        ("m=audio 0 RTP/AVP 0", "PCMU"),
        ("m=audio 0 RTP/AVP 14", "MPA"),
        ("m=audio 0 RTP/AVP 99", "PAYLOAD TYPE 99"),
        ("m=audio 0 RTP/AVP 104\na=rtpmap:104 mpeg4-generic/16000/1", "MPEG4-GENERIC"),
        ("m=audio 0 RTP/AVP 8 0\na=rtpmap:8 G726-16/8000", "G726-16"),
        ("m=audio 0 RTP/AVP\nm=audio 0 RTP/AVP 8", "PCMA"),
        ("m=application 0 RTP/AVP 107", None),
    ],
)
def test_sound_is_named_wherever_it_stands(lines: str, audio: str | None) -> None:
    video_lines = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000"

    for text in (f"v=0\n{lines}\n{video_lines}\n", f"v=0\n{video_lines}\n{lines}\n"):
        assert (track(text).codec, track(text).audio) == ("h264", audio)


SETS = tuple(base64.b64encode(unit).decode() for unit in (b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps"))


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [
        ("sprop-vps={}; sprop-sps={}; sprop-pps={}", (0, 1, 2)),
        ('sprop-pps="{2}";SPROP-SPS= "{1}" ;sprop-vps="{0}"', (0, 1, 2)),
        ("sprop-parameter-sets={1},{2}", (1, 2)),
        ("sprop-parameter-sets=A,{2},,{1}", (2, 1)),
        ("sprop-parameter-sets=AAAAAQ==,AAAAA" + base64.b64encode(b"\0\0\0\x01\x44\x01pps").decode()[5:], (2,)),
        ("packetization-mode=1", ()),
    ],
)
def test_parameter_sets_of_a_description(parameters: str, headers: tuple[int, ...]) -> None:
    text = parameters.format(*SETS)
    found = track(f"v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 {text}\n")

    assert found.headers == tuple(base64.b64decode(SETS[index]) for index in headers)


@pytest.mark.parametrize(
    ("config", "headers"),
    [(";config=000001b0", (b"\0\0\x01\xb0",)), (";config=0g", ()), (";config=", ()), ("", ())],
)
def test_the_configuration_of_mpeg4(config: str, headers: tuple[bytes, ...]) -> None:
    lines = f"m=video 0 RTP/AVP 96\na=rtpmap:96 MP4V-ES/90000\na=fmtp:96 profile-level-id=1{config}"

    assert track(f"v=0\n{lines}\n").headers == headers


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize(("b_pictures", "depth"), [(0, 0), (2, 2), (3, 2)])
def test_the_order_of_pictures_is_read_in_the_parameter_sets(codec: Codec, b_pictures: int, depth: int) -> None:
    what = video(codec, b_pictures=b_pictures)
    found = track("v=0\n" + media_lines(what))

    assert reordered_pictures(codec, list(found.headers)) == depth


def test_an_encoder_that_says_nothing_about_the_order_is_taken_at_its_word() -> None:
    what = video("h264", b_pictures=2, silent_about_order=True)

    assert reordered_pictures("h264", what.sets) is None
    assert reordered_pictures("h264", []) is None


def test_parameter_sets_with_scaling_lists_cropping_and_buffers_are_read() -> None:
    bits = "".join(
        [
            f"{100:08b}", "0" * 8, f"{40:08b}",  # high profile
            "1", "010", "1", "1", "0",  # set 0, 4:2:0, 8 bits
            "1", "1" + "1" * 16, "0" * 7,  # one scaling list of 16 unchanged steps
            "1", "1", "1",  # frame number, order kind 0
            "00101", "0", "1", "1", "1", "0",  # 4 references, size, whole frames
            "1", "1", "1", "1", "011",  # cropping
            "1",  # usability
            "1" + f"{255:08b}" + "0" * 32, "1" + "1", "1" + "000" + "0" + "1" + "0" * 24, "1" + "1" + "1", "1" + "0" * 65,
            "1" + "1" + "0" * 8 + "1" + "1" + "0" + "0" * 20, "0", "0", "0",  # one buffer, low delay, no structure
            "1", "0", "1", "1", "1", "1", "00100", "1",  # restriction: 3 pictures
            "1",
        ]
    )  # fmt: skip
    padded = bits + "0" * (-len(bits) % 8)
    plain = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
    unit = b"\x67" + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", plain)  # no start code inside (H.264 7.4.1)

    assert reordered_pictures("h264", [unit]) == 3


@given(unit=st.binary(max_size=80), codec=st.sampled_from(["h264", "hevc"]))
def test_any_parameter_set_ends_in_a_number_or_in_bad_answer(unit: bytes, codec: str) -> None:
    start = b"\x67" if codec == "h264" else b"\x42\x01"
    try:
        depth = reordered_pictures(codec, [start + unit])
    except BadAnswer:
        return
    assert depth is None or 0 <= depth <= 16


@given(st.text(max_size=300))
def test_any_description_ends_in_a_track_or_in_unsupported(text: str) -> None:
    lines = f"v=0\nm=video 0 RTP/AVP 96 26\n{text}\na=rtpmap:96 H264/90000\na=fmtp:96 {text}"
    try:
        found = track(lines)
    except (Unsupported, BadAnswer):
        return
    assert base64.b64encode(b"".join(found.headers)) is not None
