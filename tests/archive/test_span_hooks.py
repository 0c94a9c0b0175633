"""Recordings come home by time, through the hooks (guide 6.3.1), on good days and bad ones."""

from __future__ import annotations

import io
import resource
from pathlib import Path
from typing import Any

import av
import pytest
from archive_site import ArchiveSite, done, failed, span, three
from coded_video import video
from nvr_hooks import (
    BadAnswer,
    Progress,
    TimeSpan,
    WrongUse,
)
from recorder import DOWNLOAD, NOON, SD_CARD, Recorder


def pictures_of(path: Path) -> list[Any]:
    with av.open(io.BytesIO(path.read_bytes())) as opened:
        return [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_nvr_download_by_time_is_cut_and_joined_from_the_recordings(site: ArchiveSite, container: str) -> None:
    told: list[Progress] = []

    download = done(site.download(span(2.5, 9.5), f"a.{container}", told.append, container=container))

    assert download.span == span(2, 10)
    assert download.gaps == ()
    shown = video("h264", pictures=100).decoded() * 3
    found = pictures_of(site.folder / f"a.{container}")
    assert len(found) == 200
    assert all((one == other).all() for one, other in zip(found, shown[50:250], strict=True))
    assert {step.fraction for step in told} == {None}
    assert download.progress == Progress(bytes=sum(len(stored.data) for stored in three()), stream_time=8.0)
    assert site.files() == [f"a.{container}"]


def test_gaps_are_in_the_handle(site: ArchiveSite, recorder: Recorder) -> None:
    del recorder.recordings[1]
    download = done(site.download(span(0, 60), "a.mp4"))
    assert download.span == span(0, 12)
    assert download.gaps == (span(4, 8), span(12, 60))


def test_only_recordings_that_cover_the_span_are_fetched(site: ArchiveSite, recorder: Recorder) -> None:
    done(site.download(span(4, 8), "a.mp4"))
    assert recorder.count(DOWNLOAD) == 1


def test_a_span_of_which_nothing_was_recorded(site: ArchiveSite) -> None:
    for start in (100, 10**9):
        error = failed(site.download(span(start, start + 60), "a.mp4"))
        assert "kiln: nothing was recorded from 20" in str(error)
    assert site.files() == []
    for wrong in (span(9, 9), span(9, 8), TimeSpan(start=NOON.replace(tzinfo=None), end=NOON)):
        with pytest.raises(WrongUse):
            site.download(wrong, "a.mp4")


def test_a_span_that_breaks_off_keeps_what_can_be_played(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.recordings[2].data = b"\0\0\1\xba" + bytes(5000)

    error = failed(site.download(span(0, 12), "a.mp4"))

    assert "the first 8.0 s are kept in" in str(error)
    assert site.files() == ["a.incomplete.mp4"]
    assert len(pictures_of(site.folder / "a.incomplete.mp4")) == 200

    kept = (site.folder / "a.incomplete.mp4").read_bytes()
    recorder.recordings[1].data = b"\0\0\1\xba" + bytes(5000)
    assert "a.incomplete-2.mp4" in str(failed(site.download(span(0, 12), "a.mp4")))
    assert (site.folder / "a.incomplete.mp4").read_bytes() == kept, "a worse try destroys no better one"
    assert len(pictures_of(site.folder / "a.incomplete-2.mp4")) == 100


@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_a_disk_that_fills_up_while_a_span_is_joined(site: ArchiveSite, container: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7_000, hard))  # more than a recording, less than the three
    try:
        error = failed(site.download(span(0, 12), f"a.{container}", container=container))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "kiln: cannot write" in str(error)
    assert "File too large" in str(error)
    assert site.files() in ([], [f"a.incomplete.{container}"])
    assert ("are kept in" in str(error)) == bool(site.files())


def test_an_encrypted_recording_is_told_as_one_that_cannot_be_read(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.disk = SD_CARD.format(status="ok", encryption="encrypted")
    for stored in recorder.recordings:
        stored.data = b"\0\0\1\xba" + bytes(number * 7 % 251 for number in range(9000))
    error = failed(site.download(span(0, 4), "a.mp4"))
    assert isinstance(error, BadAnswer)
    assert "is its disk encrypted?" in str(error)
    assert site.files() == []


def test_closing_a_span_leaves_nothing(site: ArchiveSite, recorder: Recorder, wait_for: Any) -> None:
    recorder.stalls = [10**6, 3000]
    download = site.download(span(0, 12), "a.mp4")
    wait_for(lambda: download.progress.stream_time)
    download.close()
    assert download.state == "closed"
    assert site.files() == []
