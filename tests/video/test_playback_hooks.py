"""Program-stream bytes and playback through the hooks (guide 4.3.1, 5.3)."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from nvr_hooks import (
    Busy,
    Live,
    RecordedFile,
    TimeSpan,
    WrongUse,
)
from rtsp_video import Conduct
from video_site import NOON, SPAN, Site, decoded

FILE = RecordedFile(
    camera="kiln",
    channel=2,
    track=201,
    start=SPAN.start,
    end=SPAN.end,
    name="ch02_00000000000000613",
    playback_uri="rtsp://192.0.2.99:90/Streaming/tracks/201/?starttime=20260301T120000Z&amp;endtime=20260301T120002Z".replace(
        "&amp;", "&"
    )
    + "&name=ch02_00000000000000613&size=2901372\n",
)


@pytest.mark.slow
def test_nvr_open_stream_delivers_live_program_stream_bytes(site: Site, wait_for: Any) -> None:
    taken: list[bytes] = []
    with site.open_stream(Live(profile="main"), taken.append) as handle:
        wait_for(lambda: len(taken) > 40)
        assert handle.state == "running"
    assert handle.state == "closed"

    data = b"".join(taken)
    assert data.startswith(b"\0\0\1\xba")
    expected = site.server.video.decoded()
    pictures = decoded(data)
    assert len(pictures) == len(taken) - 1
    assert all((one == other).all() for one, other in zip(pictures, expected, strict=False))


@pytest.mark.slow
def test_a_sink_that_blocks_delays_no_recording(site: Site) -> None:
    let_go = threading.Event()

    def sink(data: bytes) -> None:
        let_go.wait(10)

    site.server.conduct = Conduct(pace=0.04)
    with site.open_stream(Live(), sink), site.record(seconds=1.0) as recording:
        assert recording.wait(5)
        let_go.set()
    assert len(decoded(recording.files[0])) == 25


@pytest.mark.parametrize("what", [SPAN, FILE], ids=["by time", "by file name"])
def test_nvr_open_stream_plays_a_recording_back(site: Site, what: Any, wait_for: Any) -> None:
    site.server.conduct = Conduct(pace=0)
    taken: list[bytes] = []
    with site.open_stream(what, taken.append) as handle:
        assert handle.wait(10)
        assert (handle.state, handle.error) == ("done", None)

    assert len(decoded(b"".join(taken))) == 50  # two seconds, of a stream that would go on
    wait_for(lambda: not site.server.open)
    assert not [path for path in site.device.state()["requests"] if "search" in path]


@pytest.mark.parametrize("end", ["announce", "bye", "fin"])
def test_a_playback_ends_where_the_camera_ends_it(site: Site, end: Any) -> None:
    site.server.conduct = Conduct(pace=0, pictures=30, end=end)
    taken: list[bytes] = []
    begun = time.monotonic()
    with site.open_stream(TimeSpan(start=NOON, end=NOON + timedelta(hours=1)), taken.append) as handle:
        assert handle.wait(10)

    assert handle.state == "done"
    assert len(decoded(b"".join(taken))) == 30
    assert time.monotonic() - begun < 3


def test_one_playback_at_a_time(site: Site, wait_for: Any) -> None:
    span = TimeSpan(start=NOON, end=NOON + timedelta(hours=1))
    with site.open_stream(span, lambda data: None), pytest.raises(Busy, match="one at a time"):
        site.open_stream(span, lambda data: None)
    wait_for(lambda: not site.server.playbacks)
    with site.open_stream(span, lambda data: None) as again:
        assert again.state == "running"


def test_a_camera_that_is_busy_says_so_and_the_next_try_is_free(site: Site) -> None:
    site.server.conduct = Conduct(status={"SETUP": "453 Not Enough Bandwidth"})
    for _ in range(2):
        with pytest.raises(Busy, match="453"):
            site.open_stream(SPAN, lambda data: None)


def test_nvr_playback_url_by_time_costs_no_search(site: Site, secret: str) -> None:
    url = site.hook.nvr_playback_url(camera="kiln", channel=None, what=SPAN)

    assert url.url == (
        f"rtsp://127.0.0.1:{site.server.port}/Streaming/tracks/201?starttime=20260301T120000Z&endtime=20260301T120002Z"
    )
    assert secret not in str(url) + repr(url)
    assert url.with_credentials().startswith("rtsp://admin:")
    assert not [path for path in site.device.state()["requests"] if "ContentMgmt" in path]


def test_nvr_playback_url_of_a_file_is_the_cameras_own_at_the_configured_place(site: Site) -> None:
    url = site.hook.nvr_playback_url(camera="kiln", channel=None, what=FILE)

    assert url.url == (
        f"rtsp://127.0.0.1:{site.server.port}/Streaming/tracks/201/?starttime=20260301T120000Z&endtime=20260301T120002Z"
        "&name=ch02_00000000000000613&size=2901372"
    )


def test_recording_time_says_what_the_digits_mean(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for _ in range(2):
        assert "T120000Z" in site.hook.nvr_playback_url(camera="kiln", channel=1, what=SPAN).url
    assert caplog.text.count("recording_time is auto") == 1

    site.configure(recording_time="local")
    zone = site.driver._site.camera("kiln")._device  # type: ignore[union-attr]
    url = site.hook.nvr_playback_url(camera="kiln", channel=1, what=SPAN).url
    there = NOON.astimezone(zone.identity.zone)
    assert zone.identity.zone is not None
    assert f"starttime={there:%Y%m%dT%H%M%S}Z" in url
    site.configure(recording_time="utc")
    assert "T120000Z" in site.hook.nvr_playback_url(camera="kiln", channel=1, what=SPAN).url


def test_times_without_a_zone_or_backwards_are_wrong_use(site: Site) -> None:
    for start, end in ((NOON.replace(tzinfo=None), NOON), (NOON, NOON)):
        with pytest.raises(WrongUse):
            site.hook.nvr_playback_url(camera="kiln", channel=None, what=TimeSpan(start=start, end=end))
