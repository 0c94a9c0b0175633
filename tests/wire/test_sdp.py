"""Session descriptions: the dumps of real devices (rtsp.md 1.2), written down by hand with addresses of documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.sdp import (
    MAX_DESCRIPTION,
    MAX_MEDIAS,
    MetadataTrack,
    SessionDescription,
    control_url,
    metadata_track,
    parse_sdp,
)

BASE = "rtsp://192.0.2.106:554/Streaming/Channels/101/"
ONVIF = b"""v=0
o=- 1620251477190769 1620251477190769 IN IP4 192.0.2.106
s=Media Presentation
e=NONE
b=AS:5050
t=0 0
a=control:rtsp://192.0.2.106:554/Streaming/Channels/101/?transportmode=unicast&profile=Profile_1
m=video 0 RTP/AVP 96
c=IN IP4 0.0.0.0
b=AS:5000
a=recvonly
a=x-dimensions:1920,1080
a=control:rtsp://192.0.2.106:554/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z00AKZpkA8ARPyzUBAQF,aO48gA==
m=application 0 RTP/AVP 107
c=IN IP4 0.0.0.0
b=AS:50
a=recvonly
a=control:rtsp://192.0.2.106:554/Streaming/Channels/101/trackID=3?transportmode=unicast&profile=Profile_1
a=rtpmap:107 vnd.onvif.metadata/90000
a=Media_header:MEDIAINFO=494D4B4801010000040001000000000000000000000000000000000000000000;
a=appversion:1.0
"""
ISAPI = (
    ONVIF.replace(b"vnd.onvif.metadata", b"isapi.metadata")
    .replace(b"/Streaming/Channels/101/trackID", b"/ISAPI/Streaming/channels/101/av_stream/trackID")
    .replace(b"494D4B480101", b"494D4B480103")
)
VENDOR = b"""v=0\r
o=- 1 1 IN IP4 192.0.2.64\r
s=Media Presentation\r
a=control:*\r
m=video 0 RTP/AVP 96\r
a=control:trackID=1\r
a=rtpmap:96 H264/90000\r
m=audio 0 RTP/AVP 0\r
a=control:trackID=2\r
"""
RECORDER = b"""v=0
o=- 1109162014219182 0 IN IP4 0.0.0.0
s=HIK Media Server V3.1.3
i=HIK Media Server Session Description : standard
e=NONE
c=IN c=IN IP4 0.0.0.0
t=0 0
a=control:*
a=range:npt=now-
m=video 0 RTP/AVP 96
i=Video Media
a=rtpmap:96 H264/90000
a=control:trackID=video
a=Media_header:MEDIAINFO=494D4B48010100000400000110710110401F000000FA00000000000000000000;
m=audio 0 RTP/AVP 8
i=Audio Media
a=rtpmap:8 PCMA/8000
a=control:trackID=audio
"""


def track(text: bytes) -> MetadataTrack:
    found = metadata_track(parse_sdp(text))
    assert found is not None
    return found


def test_the_isapi_metadata_track_is_found_by_name_with_its_own_control() -> None:
    found = track(ISAPI)
    assert (found.payload_type, found.onvif, found.media.kind) == (107, False, "application")
    assert found.media.control is not None
    assert control_url(BASE, found.media.control) == (
        "rtsp://192.0.2.106:554/ISAPI/Streaming/channels/101/av_stream/trackID=3?transportmode=unicast&profile=Profile_1"
    )


def test_onvif_metadata_on_the_same_payload_type_is_told_apart() -> None:
    found = track(ONVIF)
    assert (found.payload_type, found.onvif) == (107, True)
    assert found.media.encoding(107) == "vnd.onvif.metadata"
    assert parse_sdp(ONVIF).control == BASE + "?transportmode=unicast&profile=Profile_1"


@pytest.mark.parametrize("text", [VENDOR, RECORDER])
def test_without_a_metadata_track_there_is_none(text: bytes) -> None:
    assert metadata_track(parse_sdp(text)) is None


def test_a_recorders_broken_line_and_named_tracks_are_read() -> None:
    description = parse_sdp(RECORDER)
    assert [(media.kind, media.control, media.encoding(96)) for media in description.medias] == [
        ("video", "trackID=video", "h264"),
        ("audio", "trackID=audio", None),
    ]
    assert description.control == "*"


@pytest.mark.parametrize(
    ("lines", "payload_type", "onvif"),
    [
        ("m=application 0 RTP/AVP 107", 107, False),
        ("m=APPLICATION 0 RTP/AVP 107\na=rtpmap:107", 107, False),
        ("m=application 0 RTP/AVP 107\na=rtpmap:107 ISAPI.Metadata/90000", 107, False),
        ("m=application 0 RTP/AVP 98\na=rtpmap:98 isapi.metadata/90000", 98, False),
        ("m=data 0 RTP/AVP 98\na=rtpmap:98 VND.ONVIF.METADATA/90000", 98, True),
        ("m=application 0 RTP/AVP 109 107\na=rtpmap:109 thermalStream/90000", 107, False),
    ],
)
def test_the_track_is_chosen_by_payload_type_or_name(lines: str, payload_type: int, onvif: bool) -> None:
    found = track(f"v=0\nm=video 0 RTP/AVP 96\na=control:trackID=3\n{lines}\na=control:trackID=1\n".encode())
    assert (found.payload_type, found.onvif, found.media.control) == (payload_type, onvif, "trackID=1")


def test_the_vendors_own_track_goes_before_onvif_and_a_nameless_one() -> None:
    text = (
        b"v=0\nm=application 0 RTP/AVP 107\na=control:a\nm=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n"
        b"a=control:b\nm=application 0 RTP/AVP 108\na=rtpmap:108 isapi.metadata/90000\na=control:c\n"
    )
    assert track(text).media.control == "c"


@pytest.mark.parametrize(
    ("base", "control", "url"),
    [
        ("rtsp://192.0.2.1/a", "trackID=3", "rtsp://192.0.2.1/a/trackID=3"),
        ("rtsp://192.0.2.1/a/", "trackID=3", "rtsp://192.0.2.1/a/trackID=3"),
        ("rtsp://192.0.2.1/a/", "/trackID=3", "rtsp://192.0.2.1/a/trackID=3"),
        ("rtsp://192.0.2.1/a", "?ctype=video", "rtsp://192.0.2.1/a?ctype=video"),
        ("rtsp://192.0.2.1/a", "*", "rtsp://192.0.2.1/a"),
        ("rtsp://192.0.2.1/a", "", "rtsp://192.0.2.1/a"),
        ("rtsp://192.0.2.1/a", None, "rtsp://192.0.2.1/a"),
        ("rtsp://192.0.2.1/a", "RTSP://10.0.0.9:10554/x?y=z", "RTSP://10.0.0.9:10554/x?y=z"),
    ],
)
def test_where_a_control_leads(base: str, control: str | None, url: str) -> None:
    assert control_url(base, control) == url


def test_a_control_that_would_break_the_request_line_is_refused() -> None:
    with pytest.raises(BadAnswer, match="blanks"):
        control_url("rtsp://192.0.2.1/", "track 3 RTSP/1.0")


@pytest.mark.parametrize("text", [b"", b"\0\0\0", b"<html>no</html>", b"v=0\n" * MAX_DESCRIPTION])
def test_what_is_no_description_is_a_bad_answer(text: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_sdp(text)


def test_tracks_are_bounded() -> None:
    assert len(parse_sdp(b"v=0\n" + b"m=video 0 RTP/AVP 96\n" * MAX_MEDIAS).medias) == MAX_MEDIAS
    with pytest.raises(BadAnswer, match=str(MAX_MEDIAS)):
        parse_sdp(b"v=0\n" + b"m=video 0 RTP/AVP 96\n" * (MAX_MEDIAS + 1))


LINES = st.sampled_from(
    [
        *ONVIF.split(b"\n"),
        *RECORDER.split(b"\n"),
        b"m=",
        b"a=rtpmap:",
        b"a=rtpmap:999999999999 x",
        b"m=a b c 1 -1 \xd9\xa1",
    ]
)


@given(st.lists(LINES | st.binary(max_size=40), max_size=30), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_bytes_are_a_description_or_a_bad_answer(lines: list[bytes], end: bytes) -> None:
    try:
        description = parse_sdp(end.join(lines))
        assert isinstance(description, SessionDescription)
        found = metadata_track(description)
        if found is not None:
            assert found.payload_type in found.media.payload_types
            assert control_url(BASE, found.media.control)
    except BadAnswer:
        pass
