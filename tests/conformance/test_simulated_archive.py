"""The archive of the simulated camera, which shares no code with the driver: found, brought home byte for byte, cut and joined."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import DownloadOptions, RecordedFile, SearchOptions, TimeSpan
from nvr_hooks.loading import Plugins
from recorded import probed

from hik_thermal_plugin.isapi import transfer
from hik_thermal_plugin.plugin import HikThermal

SEARCHES = [
    *("local_recording_time", "recorder_archive", "misspelt_position", "spelt_position", "position_ignored"),
    *("repeated_pages", "overlapping_pages", "endless_more", "short_pages", "needs_track_list", "bare_search"),
    *("upper_search_id", "one_search", "spaced_uris", "total_matches", "status_string", "psia_results"),
]
DOWNLOADS = [
    *("plain_stream", "private_streams", "download_get", "download_post", "download_bare", "download_version"),
    *("download_unsized", "rounded_sizes", "download_announced", "download_octets", "download_device_error"),
    *("download_error_in_200", "download_ranges", "foreign_address"),
]


class Simulated:
    """A simulated camera and the driver that is to find its recordings."""

    def __init__(self, device: Any, folder: Path, secret: str) -> None:
        self.device = device
        self.folder = folder
        self.driver = HikThermal()
        plugins = Plugins()
        plugins.add("hik_thermal", self.driver)
        self.hook = plugins.hook
        port = int(device.rtsp.rpartition(":")[2].rstrip("/"))
        camera = {"url": device.http, "username": "admin", "password": secret, "rtsp_port": port}
        self.hook.nvr_configure(
            config={"hik_thermal": {"cameras": {"kiln": camera}}, "state_dir": str(folder / "state")}
        )

    def search(self, **options: Any) -> list[RecordedFile]:
        now = datetime.now(UTC)
        start, end = now - timedelta(days=2), now + timedelta(hours=1)
        return list(
            self.hook.nvr_search(camera="kiln", channel=None, start=start, end=end, options=SearchOptions(**options))
        )

    def begin(self, what: Any, name: str, **options: Any) -> Any:
        return self.hook.nvr_download(
            camera="kiln",
            channel=None,
            what=what,
            target=self.folder / name,
            options=DownloadOptions(**options),
            progress=None,
        )

    def download(self, what: Any, name: str, **options: Any) -> Any:
        download = self.begin(what, name, **options)
        assert download.wait(60)
        assert (download.state, download.error) == ("done", None)
        return download


@pytest.fixture
def simulated(
    hik_simulator: Any, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Simulated]]:
    monkeypatch.setattr(transfer, "LONGEST_PAUSE", 0.05)
    made: list[Simulated] = []

    def make(**options: Any) -> Simulated:
        made.append(Simulated(hik_simulator(password=secret, rtsp_port=0, **options), tmp_path, secret))
        return made[-1]

    yield make
    for one in made:
        one.driver.nvr_close()


def alarm_of(site: Simulated) -> RecordedFile:
    """Return the recording of an alarm: half a minute among files of an hour."""
    (found,) = site.search(kind="alarm")
    return found


@pytest.mark.integration
def test_a_recording_is_the_cameras_byte_for_byte(
    simulated: Callable[..., Simulated], secret: str, tmp_path: Path
) -> None:
    site = simulated()
    found = site.search()
    assert found == sorted(found, key=lambda file: (file.start, file.end))
    assert len({file.name for file in found}) == len(found) >= 25
    assert [file.still_recording for file in found if file.still_recording] == [True]
    alarm = alarm_of(site)
    assert alarm.locked is True

    site.download(alarm, "a.mpg")

    body = f"<downloadRequest><playbackURI>{(alarm.playback_uri or '').replace('&', '&amp;')}</playbackURI></downloadRequest>"
    by_curl = tmp_path / "curl.mpg"
    config = tmp_path / "curl.conf"
    config.write_text(f'user = "admin:{secret}"\n', encoding="utf-8")
    subprocess.run(
        [
            *("curl", "-s", "--digest", "-K", str(config), "-X", "GET", "-H", "Content-Type: application/xml"),
            *("-d", body, "-o", str(by_curl), f"{site.device.http}/ISAPI/ContentMgmt/download"),
        ],
        check=True,
        timeout=60,
    )
    ours, theirs = (hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.mpg", "curl.mpg"))
    assert ours == theirs
    assert (tmp_path / "a.mpg").stat().st_size == alarm.size


@pytest.mark.integration
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_ffprobe_finds_the_pictures_that_were_recorded(
    simulated: Callable[..., Simulated], tmp_path: Path, container: str
) -> None:
    site = simulated()
    alarm = alarm_of(site)
    site.download(alarm, "whole.mpg")
    whole = probed(tmp_path / "whole.mpg")
    assert (float(whole["duration"]), int(whole["nb_read_frames"])) == (30.0, 750)

    download = site.download(
        TimeSpan(start=alarm.start + timedelta(seconds=3), end=alarm.end - timedelta(seconds=3)),
        f"span.{container}",
        container=container,
    )

    told = probed(tmp_path / f"span.{container}")
    seconds = (download.span.end - download.span.start).total_seconds()
    assert 24 <= seconds <= 28
    assert int(told["nb_read_frames"]) == round(25 * seconds)
    assert float(told["duration"]) == pytest.approx(seconds, abs=0.05)


@pytest.mark.integration
@pytest.mark.parametrize("profile", SEARCHES)
def test_whatever_a_device_does_to_a_search(simulated: Callable[..., Simulated], profile: str) -> None:
    site = simulated(profile=profile)
    found = site.search()

    assert len({file.name for file in found}) == len(found) >= 24
    assert [file.start for file in found] == sorted(file.start for file in found)
    assert abs(found[-1].end - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.integration
@pytest.mark.parametrize("profile", DOWNLOADS)
def test_whatever_a_device_does_to_a_download(
    simulated: Callable[..., Simulated], tmp_path: Path, profile: str
) -> None:
    site = simulated(profile=profile)
    site.download(alarm_of(site), "a.mpg")

    told = probed(tmp_path / "a.mpg") if profile != "private_streams" else {"nb_read_frames": 750}
    assert int(told["nb_read_frames"]) == 750


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["drop", "stall", "truncate", "wrong_length", "busy", "reboot"])
def test_whatever_goes_wrong_in_the_middle_of_a_download(
    simulated: Callable[..., Simulated], tmp_path: Path, kind: str, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "LONGEST_PAUSE", 0.5)
    site = simulated(profile="slow_download" if kind == "reboot" else None)
    alarm = alarm_of(site)
    fault = {"kind": kind, "seconds": 1.0}
    if kind != "reboot":
        site.device.apply([{"fault": {**fault, "path": "/ISAPI/ContentMgmt/download", "count": 1}}])
    with site.begin(alarm, "a.mpg") as download:
        if kind == "reboot":
            wait_for(lambda: download.progress.bytes > 100_000)
            site.device.apply([{"fault": fault}])
        assert download.wait(90)
        assert (download.state, download.error) == ("done", None)

    told = probed(tmp_path / "a.mpg")
    assert (int(told["nb_read_frames"]), int(told["size"])) == (750, alarm.size)
