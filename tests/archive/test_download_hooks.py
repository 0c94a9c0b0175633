"""Recordings come home by name, through the hooks (guide 6.3.2), on good days and bad ones."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import pytest
from archive_site import ArchiveSite, at, done, failed, span, three
from nvr_hooks import (
    BadAnswer,
    Busy,
    DeviceError,
    DownloadOptions,
    NvrError,
    Progress,
    RecordedFile,
    Unreachable,
    Unsupported,
    WrongUse,
)
from recorder import DOWNLOAD, IMKH, SEARCH, Recorder, Stored, program_stream
from thermal_camera import refusal

from hik_thermal_plugin.isapi import transfer

BIG = IMKH + program_stream(100) + b"\0\0\1\xbe\x03\xe8" + bytes(500_000)


def big(recorder: Recorder) -> None:
    """Let the first recording be half a megabyte."""
    recorder.recordings[0].data = BIG


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LONGEST_PAUSE", 0.01)


@pytest.mark.slow
def test_nvr_download_by_name_is_the_cameras_bytes_with_an_exact_fraction(
    site: ArchiveSite, recorder: Recorder
) -> None:
    big(recorder)
    recorder.pace = 0.02
    told: list[Progress] = []

    download = done(site.download(site.search()[0], progress=told.append))

    assert (site.folder / "a.mpg").read_bytes() == BIG
    assert site.files() == ["a.mpg"]
    assert download.path == site.folder / "a.mpg"
    assert download.progress == told[-1] == Progress(bytes=len(BIG), fraction=1.0)
    assert len(told) > 2
    assert [step.fraction for step in told] == [step.bytes / len(BIG) for step in told]
    assert (download.span, download.gaps) == (None, ())


@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_by_name_into_another_container(site: ArchiveSite, container: str) -> None:
    done(site.download(site.search()[1], f"a.{container}", container=container))

    assert site.files() == [f"a.{container}"]
    with av.open(str(site.folder / f"a.{container}")) as opened:
        assert len(list(opened.decode(video=0))) == 100


def test_a_recording_of_which_only_the_name_is_known_is_looked_up(site: ArchiveSite, recorder: Recorder) -> None:
    known = RecordedFile(camera="kiln", channel=2, track=201, start=at(0), end=at(60), name=three()[1].name)
    done(site.download(known))
    assert (site.folder / "a.mpg").read_bytes() == three()[1].data

    unknown = RecordedFile(camera="kiln", channel=2, track=201, start=at(0), end=at(60), name="nothing")
    assert "has no recording nothing on track 201" in str(failed(site.download(unknown, "b.mpg")))
    assert site.files() == ["a.mpg"]


def test_a_file_that_is_there_complete_is_not_fetched_again(site: ArchiveSite, recorder: Recorder) -> None:
    first = site.search()[0]
    done(site.download(first))
    again = done(site.download(first))

    assert again.progress == Progress(bytes=len(three()[0].data), fraction=1.0)
    assert recorder.count(DOWNLOAD) == 1
    done(site.download(first, overwrite=True))
    assert recorder.count(DOWNLOAD) == 2


def test_a_file_that_is_another_is_kept_unless_told_otherwise(site: ArchiveSite, recorder: Recorder) -> None:
    (site.folder / "a.mpg").write_bytes(b"mine")
    first = site.search()[0]
    for what in (first, span(0, 4)):
        with pytest.raises(WrongUse, match=r"a\.mpg exists already and is kept"):
            site.download(what)
    assert (site.folder / "a.mpg").read_bytes() == b"mine"
    done(site.download(first, overwrite=True))
    assert (site.folder / "a.mpg").read_bytes() == three()[0].data


@pytest.mark.parametrize("target", ["", "missing/a.mpg", "x" * 300])
def test_a_target_that_cannot_be_is_wrong_use_at_once(site: ArchiveSite, recorder: Recorder, target: str) -> None:
    for what in (site.search()[0], span(0, 4)):
        with pytest.raises(WrongUse, match=r"is a directory|cannot write"):
            site.download(what, target)
    assert recorder.count(DOWNLOAD) == 0


def test_two_downloads_to_one_target(site: ArchiveSite, recorder: Recorder, wait_for: Any) -> None:
    recorder.stalls = [1000]
    first, second, _ = site.search()
    with site.download(first):
        wait_for(lambda: recorder.downloading)
        with pytest.raises(WrongUse, match="being written by another"):
            site.download(second)
    assert site.files() == []
    done(site.download(first))


def test_a_part_that_a_recording_left_is_nobodys_to_write_over(site: ArchiveSite) -> None:
    (site.folder / "a.mp4.part").write_bytes(b"\0\0\0\x1cftypisom and so on")
    with pytest.raises(WrongUse, match="something else was cut off there"):
        site.download(site.search()[0], "a.mp4")
    assert (site.folder / "a.mp4.part").read_bytes().startswith(b"\0\0\0\x1cftyp")


def test_a_recording_that_is_being_written_is_refused_or_waited_for(
    site: ArchiveSite, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, wait_for: Any
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.downloads.WAIT_SECONDS", 0.02)
    now = datetime.now(UTC)
    growing = Stored(now - timedelta(minutes=5), 290, "now", program_stream(50), growing=True)
    recorder.recordings = [growing]
    (file,) = site.hook.nvr_search(
        camera="kiln", channel=None, start=now - timedelta(hours=1), end=now, options=site_options()
    )
    with pytest.raises(Busy, match="still being written"):
        site.download(file)

    asked = recorder.count(SEARCH)
    with site.download(file, wait_for_recording=True) as download:
        wait_for(lambda: recorder.count(SEARCH) > asked + 1)
        assert (download.state, recorder.count(DOWNLOAD)) == ("running", 0)
        growing.data = program_stream(100)
        growing.seconds, growing.growing = 200, False
        done(download)
    assert (site.folder / "a.mpg").read_bytes() == program_stream(100)


def site_options() -> Any:
    from nvr_hooks import SearchOptions

    return SearchOptions()


def test_closing_ends_it_at_once_and_leaves_nothing(site: ArchiveSite, recorder: Recorder, wait_for: Any) -> None:
    big(recorder)
    recorder.stalls = [200_000]
    download = site.download(site.search()[0])
    wait_for(lambda: download.progress.bytes)
    begun = time.monotonic()
    download.close()

    assert time.monotonic() - begun < 1
    assert (download.state, download.error) == ("closed", None)
    assert site.files() == []


def test_downloads_end_with_the_driver(site: ArchiveSite, recorder: Recorder, wait_for: Any) -> None:
    big(recorder)
    recorder.stalls = [200_000]
    first = site.search()[0]
    downloads = [site.download(first, f"{number}.mpg") for number in range(3)]
    wait_for(lambda: downloads[0].progress.bytes)
    begun = time.monotonic()
    site.hook.nvr_close()

    assert time.monotonic() - begun < 2
    assert [download.state for download in downloads] == ["closed"] * 3
    assert site.files() == []


def test_one_transfer_at_a_time_and_the_others_wait_their_turn(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.pace = 0.03
    downloads = [site.download(file, f"{number}.mpg") for number, file in enumerate(site.search() * 2)]
    downloads.append(site.download(span(1, 9), "span.mp4"))
    downloads[3].close()

    assert [done(download).state for download in downloads[:3] + downloads[4:]] == ["done"] * 6
    assert downloads[3].state == "closed"
    assert recorder.most["download"] == 1
    assert site.files() == ["0.mpg", "1.mpg", "2.mpg", "4.mpg", "5.mpg", "span.mp4"]


def test_two_cameras_that_are_channels_of_one_device_take_turns(
    site: ArchiveSite, recorder: Recorder, secret: str
) -> None:
    recorder.recordings += [Stored(at(0), 4, "other", program_stream(100), track=101)]
    recorder.pace = 0.1
    document = site.configuration()
    document["hik_thermal"]["cameras"]["oven"] = {**site.camera, "data_channel": 1}
    site.hook.nvr_configure(config=document)
    first = site.search()[0]
    other = RecordedFile(camera="oven", channel=1, track=101, start=at(0), end=at(4), name="other")
    downloads = [
        site.hook.nvr_download(
            camera=file.camera,
            channel=None,
            what=file,
            target=site.folder / f"{file.camera}{number}.mpg",
            options=DownloadOptions(),
            progress=None,
        )
        for number, file in enumerate([first, other, first])
    ]
    for download in downloads:
        done(download)
    assert recorder.most["download"] == 1


def test_a_camera_that_restarts_in_the_middle(site: ArchiveSite, recorder: Recorder) -> None:
    big(recorder)
    recorder.drops = [150_000]
    busy = refusal("serviceUnavailable", 2, 503)
    download = site.download(site.search()[0])
    recorder.answers[DOWNLOAD] = []
    done(download)
    assert (site.folder / "a.mpg").read_bytes() == BIG

    recorder.drops = [150_000]
    recorder.answers[DOWNLOAD] = [(busy.status, busy.body, "application/xml")] * 2
    done(site.download(site.search()[0], "b.mpg"))
    assert (site.folder / "b.mpg").read_bytes() == BIG


def test_giving_up_says_what_is_kept_and_the_next_try_goes_on_from_it(site: ArchiveSite, recorder: Recorder) -> None:
    big(recorder)
    recorder.drops = [200_000] * 8
    first = site.search()[0]

    error = failed(site.download(first))

    assert isinstance(error, Unreachable)
    assert "200000 bytes are kept in" in str(error)
    assert str(site.folder / "a.mpg.part") in str(error)
    assert site.files() == ["a.mpg.part"]
    site.configure(timeout=6)  # a new beginning: whether it sends parts is not known
    recorder.drops, recorder.ranges, recorder.ranges_asked = [], True, []
    done(site.download(first))
    assert recorder.ranges_asked == [f"bytes={200_000 - transfer.OVERLAP}-"]
    assert (site.folder / "a.mpg").read_bytes() == BIG


def test_what_is_no_recording_leaves_no_file(site: ArchiveSite, recorder: Recorder) -> None:
    first = site.search()[0]
    recorder.answers[DOWNLOAD] = [(200, b"<html>Please log in" + b" " * 5000 + b"</html>", "video/mpeg")]
    assert isinstance(failed(site.download(first)), BadAnswer)
    assert site.files() == []


def test_a_full_disk_is_told_with_what_is_kept(
    site: ArchiveSite, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    big(recorder)
    written = transfer._write

    def full(file: Any, data: Any) -> None:
        if file.tell() + len(data) > 300_000:
            raise OSError(28, "No space left on device")
        written(file, data)

    monkeypatch.setattr(transfer, "_write", full)
    error = failed(site.download(site.search()[0]))
    assert "No space left on device; " in str(error)
    assert type(error) is NvrError
    assert site.files() == ["a.mpg.part"]


def test_no_disk_is_the_devices_word(site: ArchiveSite, recorder: Recorder) -> None:
    said = refusal("noDisk", 4, 403)
    recorder.answers[SEARCH] = [(said.status, said.body, "application/xml")] * 9
    with pytest.raises(DeviceError, match="noDisk"):
        site.search()
    assert "noDisk" in str(failed(site.download(span(0, 4))))
    assert site.files() == []


def test_a_recording_of_another_camera_is_wrong_use(site: ArchiveSite) -> None:
    with pytest.raises(WrongUse, match="is a recording of oven"):
        site.download(RecordedFile(camera="oven", channel=1, track=101, start=at(0), end=at(1), name="a"))


def test_a_callback_that_raises_ends_no_download(site: ArchiveSite) -> None:
    done(site.download(site.search()[0], progress=lambda progress: 1 / 0))


def test_an_unknown_container_is_refused(site: ArchiveSite) -> None:
    for what in (site.search()[0], span(0, 4)):
        with pytest.raises(Unsupported, match="no container avi"):
            site.download(what, container="avi")
