"""A span comes over RTSP playback where the camera does not let recordings be downloaded, and is the same span."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import pytest
from archive_site import ArchiveSite, span
from coded_video import video
from nvr_hooks import TimeSpan
from recorder import DOWNLOAD, SEARCH, Recorder, Stored, program_stream
from rtsp_video import Conduct, VideoServer
from thermal_camera import refusal

GOP = 1.0
NOT_SUPPORTED = refusal("notSupport")
NOT_ALLOWED = refusal("lowPrivilege")


@pytest.fixture
def server(secret: str) -> Iterator[VideoServer]:
    """The camera's RTSP server: plays from the first picture of its video on, whatever time is asked for."""
    with VideoServer(video("h264", pictures=300), password=secret) as server:
        server.conduct = Conduct(pace=0)
        yield server


@pytest.fixture
def played(site: ArchiveSite, server: VideoServer) -> ArchiveSite:
    site.configure(rtsp_port=server.port)
    return site


def refused(recorder: Recorder, said: Any) -> None:
    recorder.answers[DOWNLOAD] = [(said.status, said.body, "application/xml")] * 50


def pictures_in(site: ArchiveSite, name: str) -> int:
    with av.open(io.BytesIO((site.folder / name).read_bytes())) as opened:
        return len(list(opened.decode(video=0)))


@pytest.mark.slow
@pytest.mark.parametrize("said", [NOT_SUPPORTED, NOT_ALLOWED])
@pytest.mark.parametrize("container", ["mp4", "ps"])
def test_both_ways_agree_to_within_one_group_of_pictures(
    played: ArchiveSite, recorder: Recorder, server: VideoServer, said: Any, container: str
) -> None:
    wanted = span(2.5, 9.5)
    downloaded = played.download(wanted, f"files.{container}", container=container)
    assert downloaded.wait(15)
    assert downloaded.state == "done"
    assert not server.asked

    refused(recorder, said)
    told: list[Any] = []
    other = played.download(wanted, f"played.{container}", told.append, container=container)
    assert other.wait(15)
    assert (other.state, other.error) == ("done", None)

    assert abs((other.span.start - downloaded.span.start).total_seconds()) <= GOP
    assert abs((other.span.end - downloaded.span.end).total_seconds()) <= GOP
    assert other.gaps == downloaded.gaps == ()
    assert abs(pictures_in(played, f"played.{container}") - pictures_in(played, f"files.{container}")) <= 25 * 2 * GOP
    assert told[-1].fraction is None
    assert told[-1].bytes > 0
    assert told[-1].stream_time == pytest.approx(7, abs=0.05)
    assert played.files() == [f"files.{container}", f"played.{container}"]
    assert (
        len([asked for asked in server.asked if asked.method == "PLAY"]) == 1
    )  # contiguous recordings are one playback


def test_gaps_are_not_played(played: ArchiveSite, recorder: Recorder, server: VideoServer) -> None:
    refused(recorder, NOT_SUPPORTED)
    del recorder.recordings[1]

    download = played.download(span(0, 12), "a.mkv", container="mkv")
    assert download.wait(15)

    assert (download.state, download.error) == ("done", None)
    assert download.gaps == (span(4, 8),)
    assert download.span == span(0, 12)
    assert pictures_in(played, "a.mkv") == 200
    times = [asked.url.partition("?")[2] for asked in server.asked if asked.method == "SETUP"]
    assert len(times) == 2


def test_a_camera_that_cannot_be_searched_is_played(played: ArchiveSite, recorder: Recorder) -> None:
    recorder.answers[SEARCH] = [(NOT_SUPPORTED.status, NOT_SUPPORTED.body, "application/xml")] * 9
    download = played.download(span(0, 4), "a.mp4")
    assert download.wait(15)
    assert (download.state, download.error) == ("done", None)
    assert download.span == span(0, 4)
    assert pictures_in(played, "a.mp4") == 100


def test_what_is_being_written_is_played(played: ArchiveSite, recorder: Recorder) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    recorder.recordings = [
        Stored(now - timedelta(seconds=64), 4, "whole", program_stream(100)),
        Stored(now - timedelta(seconds=60), 60, "growing", growing=True),
    ]
    wanted = TimeSpan(start=now - timedelta(seconds=64), end=now - timedelta(seconds=56))
    download = played.download(wanted, "a.mp4")
    assert download.wait(15)
    assert (download.state, download.error) == ("done", None)
    assert recorder.count(DOWNLOAD) == 1
    assert download.span == wanted
    assert pictures_in(played, "a.mp4") == 200


def test_closing_ends_a_playback_at_once(
    played: ArchiveSite, recorder: Recorder, server: VideoServer, wait_for: Any
) -> None:
    refused(recorder, NOT_SUPPORTED)
    server.conduct = Conduct(pace=0.04)
    download = played.download(span(0, 12), "a.mp4")
    wait_for(lambda: download.progress.stream_time)
    download.close()
    assert download.state == "closed"
    assert played.files() == []
    wait_for(lambda: not server.playbacks)
