"""Playback of recordings over RTSP: where it begins, how it ends, and that there is one at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from raw_http import apply
from raw_rtsp import LIVE, RtspClient, frames, number_of, pictures

from hik_thermal_plugin.simulator import MODELS, Simulator
from hik_thermal_plugin.simulator.models import Stream

START = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
END = START + timedelta(minutes=10)
LATER = START + timedelta(hours=1)
SPANS = [(LATER, LATER + timedelta(seconds=90)), (START, END)]
SMALL = Stream(codec="H.264", width=320, height=240, kilobits=512)


def track(start: datetime | None = None, end: datetime | None = None, *, number: int = 201, **more: str) -> str:
    """The address of a playback; times in the compact form, of UTC."""
    query = [f"{name}={moment:%Y%m%dT%H%M%SZ}" for name, moment in (("starttime", start), ("endtime", end)) if moment]
    query += [f"{name}={value}" for name, value in more.items()]
    return f"/Streaming/tracks/{number}/?{'&'.join(query)}"


@pytest.fixture
def stored(rtsp: Any) -> Any:
    """Start a camera with two recordings on a small stream."""
    thermal = replace(MODELS["bullet"].channels[0], id=2, streams=(SMALL, SMALL))
    model = replace(MODELS["bispectrum"], channels=(MODELS["bispectrum"].channels[0], thermal))

    def start(**options: Any) -> tuple[Simulator, RtspClient]:
        simulator, client = rtsp(**{"model": model, "recordings": SPANS} | options)
        return simulator, client

    return start


def shown(client: RtspClient, channel: int, count: int) -> list[int]:
    """The numbers of the first frames."""
    client.until(lambda: sum(packet.marker for packet in client.of(channel)) >= count)
    return [number_of(picture) for picture in pictures(list(frames(client.of(channel)))[:count])]


@pytest.mark.slow
def test_playback_begins_with_the_key_frame_before_its_start_and_ends_at_its_end(stored):
    simulator, client = stored()
    begin = START + timedelta(seconds=17)
    target = track(begin, begin + timedelta(seconds=1))
    (channel,) = client.play(target, "video").values()
    assert simulator.state()["open"] == {"alert_stream": 0, "thermometry": 0, "rtsp": 0, "playback": 1}
    client.until(lambda: client.asked)
    assert client.asked[0].startswith(f"ANNOUNCE {client.base}/Streaming/tracks/201/?starttime=")
    assert f"Session: {client.session}" in client.asked[0]
    told = list(frames(client.of(channel)))
    assert [number_of(picture) for picture in pictures(told)] == [17 * 25 + place for place in range(25)]
    assert {(after - before) & 0xFFFFFFFF for (before, _), (after, _) in pairwise(told)} == {3600}
    assert "POST /ISAPI/ContentMgmt/search" not in simulator.state()["requests"]
    client.wire.send(b"RTSP/1.0 501 Not Implemented\r\nCSeq: 1\r\n\r\n")
    assert client.ask("GET_PARAMETER", target).status == 200  # the connection stays for long
    assert client.ask("TEARDOWN", target).status == 200
    assert simulator.state()["open"]["playback"] == 0


@pytest.mark.parametrize(
    "text", ["20261120T063005Z", "20261120t063005z", "2026-11-20T06:30:05Z", "20261120T063005", "20261120T063005.250Z"]
)
def test_every_form_of_time(stored, text):
    _, client = stored()
    (channel,) = client.play(f"/Streaming/tracks/201?starttime={text}", "video").values()
    assert shown(client, channel, 1) == [5 * 25]


@pytest.mark.slow
def test_a_start_within_a_second_plays_from_its_key_frame_and_the_end_cuts_the_last_second(stored):
    _, client = stored(recordings=[(START + timedelta(seconds=0.5), END)])
    (channel,) = client.play(track(START + timedelta(seconds=3), START + timedelta(seconds=4)), "video").values()
    client.until(lambda: client.asked)
    assert shown(client, channel, 37) == [2 * 25 + place for place in range(37)]
    assert sum(packet.marker for packet in client.of(channel)) in (37, 38)


@pytest.mark.slow
def test_a_span_may_begin_before_and_reach_over_a_gap(stored):
    simulator, client = stored()
    end = LATER + timedelta(seconds=1)
    (channel,) = client.play(track(END - timedelta(seconds=1), end), "video").values()
    client.until(lambda: client.asked)
    assert shown(client, channel, 50) == [*range(59 * 25, 60 * 25), *range(25)]  # a circle of 60 s
    with RtspClient(simulator) as other:
        client.ask("TEARDOWN", track())
        (channel,) = other.play(track(START - timedelta(hours=5)), "video").values()
        assert shown(other, channel, 1) == [0]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (track(LATER + timedelta(hours=1)), 404),
        (track(START - timedelta(hours=2), START - timedelta(hours=1)), 404),
        (track(END, LATER), 404),
        (track(LATER, START), 404),
        (track(START, number=301), 404),
        (track(START, name="ch02_99999999999999999"), 404),
    ],
)
def test_what_is_not_stored_is_not_found(stored, target, status):
    _, client = stored()
    assert client.ask("DESCRIBE", target).status == status


def test_a_recording_by_its_name(stored):
    _, client = stored()
    (channel,) = client.play(track(name="ch02_00000000000000002", size="123"), "video").values()
    assert shown(client, channel, 1) == [0]
    client.ask("TEARDOWN", track())
    target = track(LATER + timedelta(seconds=8), name="ch02_00000000000000002")
    (channel,) = client.play(target, "video").values()
    client.packets.clear()
    assert shown(client, channel, 1)[0] >= 8 * 25


def test_z_may_mean_local_time(stored):
    _, client = stored(profile="local_recording_time")  # the camera's zone is an hour ahead
    assert client.ask("DESCRIBE", track(START)).status == 200
    (channel,) = client.play(track(START + timedelta(hours=1, seconds=9)), "video").values()
    assert shown(client, channel, 1) == [9 * 25]


def test_the_start_is_not_heard_below_isapi(stored):
    _, client = stored()
    (channel,) = client.play("/ISAPI" + track(START + timedelta(seconds=30)), "video").values()
    assert shown(client, channel, 1) == [0]


@pytest.mark.slow
def test_an_end_that_is_not_heard(stored):
    _, client = stored(profile="endtime_ignored")
    (channel,) = client.play(track(START, START + timedelta(seconds=1)), "video").values()
    assert shown(client, channel, 30)[-1] == 29
    assert client.asked == []


@pytest.mark.slow
def test_the_end_of_what_is_stored_ends_playback(stored):
    _, client = stored()
    (channel,) = client.play(track(LATER + timedelta(seconds=89)), "video").values()
    client.until(lambda: client.asked)
    assert shown(client, channel, 25)[-1] == 30 * 25 - 1  # a circle of 60 s


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["playback_close", "playback_bye", "playback_silence"])
def test_other_ends(stored, profile):
    _, client = stored(profile=profile)
    (channel,) = client.play(track(START, START + timedelta(seconds=1)), "video").values()
    match profile:
        case "playback_close":
            client.to_end()
            assert not client.wire.reset
        case "playback_bye":
            client.until(lambda: any(data[1] == 203 for data in client.control))
        case _:
            shown(client, channel, 25)
            client.read_for(0.3)
    assert len(shown(client, channel, 25)) == 25
    assert client.asked == []
    assert client.wire.ended == (profile == "playback_close")


def test_one_playback_at_a_time(stored):
    simulator, client = stored()
    target = track(START)
    with RtspClient(simulator) as second, RtspClient(simulator) as live:
        second.describe(target)
        client.play(target, "video")
        answer = second.ask("SETUP", f"{target.partition('/?')[0]}/trackID=1", Transport="RTP/AVP/TCP;interleaved=0-1")
        assert answer.status == 453
        assert second.ask("DESCRIBE", target).status == 453
        live.play(LIVE, "video")
        assert simulator.state()["open"]["rtsp"] == 1
        client.wire.close()
        assert _open_again(second, target)


def _open_again(client: RtspClient, target: str) -> bool:
    return any(client.ask("DESCRIBE", target).status == 200 for _ in range(100))


@pytest.mark.parametrize(("state", "status"), [("full", 200), ("offline", 404)])
def test_a_disk_that_cannot_be_read_plays_nothing(stored, state, status):
    simulator, client = stored()
    apply(simulator, {"disk": {"state": state}})
    assert client.ask("DESCRIBE", track(START)).status == status


def test_recordings_show_the_past_and_not_the_present(stored):
    simulator, client = stored()
    apply(simulator, {"fire": {"x": 0.25, "y": 0.75, "celsius": 700}})
    (channel,) = client.play(track(START), "video").values()
    client.until(lambda: client.of(channel) and client.of(channel)[-1].marker)
    picture = pictures(list(frames(client.of(channel)))[:1])[0]
    assert picture[180, 80].sum() < 600


def test_a_camera_from_the_factory_has_recorded_for_a_day(rtsp):
    _, client = rtsp()
    now = datetime.now(UTC)
    for hours, status in ((0.5, 200), (1.5, 404), (23, 200), (25, 404)):
        start = now - timedelta(hours=hours)
        assert client.ask("DESCRIBE", track(start, start + timedelta(minutes=1))).status == (
            404 if hours in (1.5, 25) else status
        )
    assert client.ask("DESCRIBE", track(now + timedelta(seconds=5))).status == 404


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(END, START)], r"recordings\[0\]: expected an end after the start"),
        ([(START, END), (START.replace(tzinfo=None), END)], r"recordings\[1\]: expected aware times"),
    ],
)
def test_wrong_recordings(spans, message):
    with pytest.raises(ValueError, match=message):
        Simulator(recordings=spans)
