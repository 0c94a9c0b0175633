"""Stream addresses: built, rewritten to the configured place, and shown without secrets (isapi.md 2 and 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hik_thermal_plugin.wire.urls import live_url, playback_url, redacted, rewritten, stream_id


@pytest.mark.parametrize(
    ("channel", "profile", "path"),
    [
        (2, "main", "/Streaming/Channels/201"),
        (2, "sub", "/Streaming/Channels/202"),
        (1, "third", "/Streaming/Channels/103"),
        (33, "main", "/Streaming/Channels/3301"),
        (2, "Profile_1", "/Streaming/Channels/201?transportmode=unicast&profile=Profile_1"),
        (2, "a b&c", "/Streaming/Channels/201?transportmode=unicast&profile=a%20b%26c"),
        (2, "204", "/Streaming/Channels/204"),
    ],
)
def test_live_addresses(channel: int, profile: str, path: str) -> None:
    assert live_url("192.0.2.7", 554, channel, profile) == "rtsp://192.0.2.7:554" + path


def test_hosts_of_every_kind() -> None:
    assert live_url("2001:db8::1", 10554, 1) == "rtsp://[2001:db8::1]:10554/Streaming/Channels/101"
    assert live_url("[2001:db8::1]", 554, 1) == "rtsp://[2001:db8::1]:554/Streaming/Channels/101"
    assert live_url("kiln.example", 554, 1) == "rtsp://kiln.example:554/Streaming/Channels/101"


def test_stream_ids() -> None:
    assert [stream_id(2, name) for name in ("main", "sub", "third", "Profile_1")] == [201, 202, 203, None]


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        (
            "rtsp://192.168.1.64:90/Streaming/tracks/201/?starttime=a&name=b",
            "/Streaming/tracks/201/?starttime=a&name=b",
        ),
        ("\n  rtsp://192.168.1.64/Streaming/tracks/201?size=1\r\n&name=2 ", "/Streaming/tracks/201?size=1&name=2"),
        ("rtsp://admin:pa@ss@192.168.1.64:554/x", "/x"),
        ("http://192.168.1.64/ISAPI/Streaming/tracks/103/?a=b", "/ISAPI/Streaming/tracks/103/?a=b"),
        ("/Streaming/Channels/101", "/Streaming/Channels/101"),
        ("Streaming/Channels/101", "/Streaming/Channels/101"),
        ("rtsp://[broken/Streaming/Channels/101", "/Streaming/Channels/101"),
    ],
)
def test_a_devices_own_address_gives_way_to_the_configured_one(uri: str, wanted: str) -> None:
    assert rewritten(uri, "nvr.example", 8554) == "rtsp://nvr.example:8554" + wanted


def test_the_scheme_can_be_chosen() -> None:
    assert rewritten("rtsp://a/b", "c", 80, "http") == "http://c:80/b"


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hush@192.0.2.1/Streaming",
        "cannot open rtsp://admin:hush@192.0.2.1:554/x: refused",
        "rtsp://admin:hu/hush@192.0.2.1/x",
        "rtsp://admin:a@hush@192.0.2.1/x",
        "RTSP://admin:hush@[2001:db8::1]/x",
        "http://192.0.2.1/x?user=a&password=hush&b=1",
        "http://192.0.2.1/x?PWD=hush",
        "two: http://a:hush@h/ and http://b:hush@h/",
    ],
)
def test_secrets_are_not_shown(text: str) -> None:
    shown = redacted(text)

    assert "hush" not in shown
    assert "***" in shown
    assert "192.0.2.1" in shown or "192.0.2.1" not in text


def test_what_holds_no_secret_stays() -> None:
    text = "kiln: GET http://192.0.2.1:80/ISAPI/System/deviceInfo answered 401 (mail admin@example.org)"

    assert redacted(text) == text


@given(st.text(max_size=60))
def test_no_uri_of_a_device_breaks_rewriting(uri: str) -> None:
    assert rewritten(uri, "192.0.2.7", 554).startswith("rtsp://192.0.2.7:554/")


def test_the_times_of_a_playback_begin_and_end_with_whole_seconds() -> None:
    start = datetime(2026, 3, 1, 4, 5, 6, 999_999, tzinfo=UTC)
    end = datetime(2026, 3, 1, 4, 5, 7, 1, tzinfo=UTC)
    query = "rtsp://10.0.0.2:554/Streaming/tracks/201?starttime={}Z&endtime={}Z"

    assert playback_url("10.0.0.2", 554, 201, start, end) == query.format("20260301T040506", "20260301T040508")
    zone = timezone(timedelta(hours=8))
    assert playback_url("10.0.0.2", 554, 201, start, end, zone) == query.format("20260301T120506", "20260301T120508")
    whole = end.replace(microsecond=0)
    assert playback_url("10.0.0.2", 554, 201, whole, whole).endswith("=20260301T040507Z")
