"""Recordings over the vendor's library, by the hooks: searched, brought home by name and by time, played back where they may not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from coded_video import TICKS, video
from nvr_hooks import DownloadOptions, NvrError, RecordedFile, SearchOptions, TimeSpan, Unreachable
from sdk_camera import EIGHT, SdkCamera, passed_on, with_a_clock
from standin_library import StandIn

from hik_thermal_plugin.simulator.recordings import Stored

pytestmark = pytest.mark.integration
Camera = Callable[..., SdkCamera]
SPAN = TimeSpan(start=EIGHT, end=EIGHT + timedelta(minutes=30))


@pytest.fixture
def driver(camera: Camera, standin: StandIn) -> SdkCamera:
    """Return a camera in the zone UTC+8 that shows 50 pictures."""
    standin.film((unit.data, unit.shown * TICKS, unit.key) for unit in video().units)
    standin.documents(with_a_clock)
    return camera()


@pytest.fixture(autouse=True)
def no_documents_afterwards(standin: StandIn) -> Any:
    yield
    standin.documents(None)


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def search(driver: SdkCamera, **options: Any) -> list[RecordedFile]:
    return list(
        driver.hook.nvr_search(
            camera="kiln", channel=None, start=SPAN.start, end=SPAN.end, options=SearchOptions(**options)
        )
    )


def download(driver: SdkCamera, what: Any, name: str, **options: Any) -> Any:
    handle = driver.hook.nvr_download(
        camera="kiln",
        channel=None,
        what=what,
        target=driver.folder / name,
        options=DownloadOptions(**options),
        progress=None,
    )
    assert handle.wait(20)
    return handle


def test_nvr_search_over_the_vendor_library(driver: SdkCamera) -> None:
    assert [(file.start - EIGHT, file.kind, file.locked) for file in search(driver)] == [
        (timedelta(), "timing", False),
        (timedelta(minutes=10), "firedetection", True),
        (timedelta(minutes=20), "motion", False),
    ]
    assert [file.kind for file in search(driver, kind="fire")] == ["firedetection"]


def test_nvr_download_by_name_over_the_vendor_library(driver: SdkCamera, standin: StandIn) -> None:
    (file, *_) = search(driver)
    raw = download(driver, file, "kiln.mpg")
    mp4 = download(driver, file, "kiln.mp4", container="mp4")

    assert [handle.state for handle in (raw, mp4)] == ["done", "done"]
    assert raw.path.read_bytes()[:4] == b"IMKH"
    assert raw.progress.fraction == 1.0
    assert pictures(raw.path) == pictures(mp4.path) == 50
    assert standin.calls("GetFileByName")[0].startswith("NET_DVR_GetFileByName 0 ch02_0000000001000000 ")
    assert standin.functions().count("FindFile_V40") == 1  # a name is enough
    assert standin.functions().count("GetFileByName") == standin.functions().count("StopGetFile") == 2


def test_nvr_download_by_time_over_the_vendor_library(driver: SdkCamera, standin: StandIn) -> None:
    done = download(driver, TimeSpan(start=EIGHT - timedelta(minutes=1), end=EIGHT + timedelta(minutes=1)), "kiln.mp4")

    assert (done.state, done.error) == ("done", None)
    assert pictures(done.path) == 50
    assert done.progress.fraction is None
    assert done.progress.stream_time == pytest.approx(2.0)
    assert done.span.start == EIGHT
    assert [(gap.end - gap.start).total_seconds() for gap in done.gaps] == [60.0, 58.0]
    assert "channel=2" in standin.calls("GetFileByTime_V40")[0]
    assert not list(driver.folder.glob("*.part"))


def test_what_may_not_be_downloaded_is_played_back(driver: SdkCamera, standin: StandIn) -> None:
    (file, *_) = search(driver)
    standin.script("GetFileByName", 2, times=-1)
    standin.script("GetFileByTime_V40", 2, times=-1)
    by_name = download(driver, file, "kiln.mkv", container="mkv")
    by_time = download(driver, TimeSpan(start=EIGHT, end=EIGHT + timedelta(minutes=5)), "kiln.mp4")

    assert [(handle.state, pictures(handle.path)) for handle in (by_name, by_time)] == [("done", 50)] * 2
    functions = standin.functions()
    assert (functions.count("PlayBackByName"), functions.count("PlayBackByTime_V40")) == (1, 1)
    assert functions.count("StopPlayBack") == 2


def test_a_download_that_breaks_off_says_so_and_everything_is_closed(driver: SdkCamera, standin: StandIn) -> None:
    (file, *_) = search(driver)
    standin.c.fake_archive(60, 1000, 10)
    broken = download(driver, file, "kiln.mpg")

    assert broken.state == "failed"
    assert isinstance(broken.error, Unreachable)
    assert "network trouble" in str(broken.error)
    assert not (driver.folder / "kiln.mpg").exists()
    handle = driver.hook.nvr_download(
        camera="kiln",
        channel=None,
        what=file,
        target=driver.folder / "later.mpg",
        options=DownloadOptions(),
        progress=None,
    )
    handle.close()
    assert standin.functions().count("GetFileByName") == standin.functions().count("StopGetFile")
    assert standin.live == 1


def test_recordings_and_downloads_are_those_of_isapi(
    camera: Camera, standin: StandIn, hik_simulator: Any, secret: str
) -> None:
    ten = timedelta(minutes=10)
    stored = [
        Stored(start=EIGHT + number * ten, end=EIGHT + (number + 1) * ten, kind=kind, locked=number == 1)
        for number, kind in enumerate(("timing", "alarm", "motion"))
    ]
    simulator = hik_simulator(password=secret, recordings=stored, utc_offset=timedelta(hours=8))
    standin.documents(passed_on(simulator, secret))
    standin.film((unit.data, unit.shown * TICKS, unit.key) for unit in video().units)
    shared = {"url": simulator.http, "data_channel": None}
    over_sdk, over_isapi = camera(**shared), camera(transport="isapi", **shared)
    mine, theirs = search(over_sdk), search(over_isapi)

    own = {"name": None, "size": None, "playback_uri": None, "kind": None, "locked": None}  # each has names of its own
    assert [replace(file, **own) for file in mine] == [replace(file, **own) for file in theirs]
    assert [mine[index].kind for index in (0, 2)] == [theirs[index].kind for index in (0, 2)] == ["timing", "motion"]
    assert all(file.name for file in [*mine, *theirs])
    done = [
        download(driver, file, f"{number}.mpg")
        for number, (driver, (file, *_)) in enumerate(((over_sdk, mine), (over_isapi, theirs)))
    ]
    assert [(handle.state, handle.progress.fraction) for handle in done] == [("done", 1.0)] * 2
    assert all(pictures(handle.path) for handle in done)
    assert over_sdk.hook.nvr_storage(camera="kiln") == over_isapi.hook.nvr_storage(camera="kiln")


def test_where_nothing_was_recorded(driver: SdkCamera) -> None:
    night = TimeSpan(start=EIGHT + timedelta(hours=12), end=EIGHT + timedelta(hours=13))
    done = download(driver, night, "kiln.mp4")

    assert isinstance(done.error, NvrError)
    assert "nothing was recorded" in str(done.error)
