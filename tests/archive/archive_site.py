"""A driver with one camera, `kiln`, whose recordings are a Recorder's and whose RTSP server, where it has one, is a VideoServer's."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nvr_hooks import DownloadOptions, SearchOptions, TimeSpan
from nvr_hooks.loading import Plugins
from recorder import IMKH, NOON, Recorder, Stored, program_stream

from hik_thermal_plugin.plugin import HikThermal


def three() -> list[Stored]:
    """Return twelve seconds in three recordings, with and without the vendor's header."""
    kinds = ("timing", "motion", "alarm")
    return [
        Stored(at(4 * number), 4, f"ch02_{number:017d}", IMKH * (number % 2) + program_stream(100), kind)
        for number, kind in enumerate(kinds)
    ]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def span(start: float, end: float) -> TimeSpan:
    return TimeSpan(start=at(start), end=at(end))


def done(download: Any, seconds: float = 15) -> Any:
    assert download.wait(seconds)
    assert (download.state, download.error) == ("done", None)
    return download


def failed(download: Any, seconds: float = 15) -> BaseException:
    assert download.wait(seconds)
    assert download.state == "failed"
    assert download.error is not None
    return download.error  # type: ignore[no-any-return]


class ArchiveSite:
    """The driver behind its hooks."""

    def __init__(self, recorder: Recorder, folder: Path, secret: str, **camera: Any) -> None:
        self.recorder = recorder
        self.folder = folder
        self.driver = HikThermal()
        plugins = Plugins()
        plugins.add("hik_thermal", self.driver)
        self.hook = plugins.hook
        self.camera: dict[str, Any] = {"url": recorder.url, "username": "admin", "password": secret, "timeout": 5}
        self.configure(**camera)

    def configure(self, **camera: Any) -> None:
        self.camera |= camera
        self.hook.nvr_configure(config=self.configuration())

    def configuration(self) -> dict[str, Any]:
        return {"hik_thermal": {"cameras": {"kiln": self.camera}}, "state_dir": str(self.folder / "state")}

    def search(self, start: float = 0, end: float = 3600, channel: int | None = None, **options: Any) -> list[Any]:
        found = self.hook.nvr_search(
            camera="kiln", channel=channel, start=at(start), end=at(end), options=SearchOptions(**options)
        )
        return list(found)

    def download(self, what: Any, target: Path | str = "a.mpg", progress: Any = None, **options: Any) -> Any:
        return self.hook.nvr_download(
            camera="kiln",
            channel=None,
            what=what,
            target=self.folder / target,
            options=DownloadOptions(**options),
            progress=progress,
        )

    def files(self) -> list[str]:
        """Return what lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())
