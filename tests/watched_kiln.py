"""The driver with one scripted camera, and what it tells to who watches and to who listens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nvr_hooks import Alarm, ConnectionChanged, Event, TemperatureReading
from thermal_camera import ThermalCamera

from hik_thermal_plugin.plugin import HikThermal


class Watcher:
    """A host of its own."""

    def __init__(self, camera: ThermalCamera, folder: Path, secret: str) -> None:
        self.driver = HikThermal()
        self.camera = camera
        self.folder = folder
        self.secret = secret
        self.seen: list[Event] = []
        self.heard: list[Event] = []

    def configure(self, **more: Any) -> None:
        """Configure the camera as `kiln`."""
        kiln = {"url": self.camera.url, "username": "admin", "password": self.secret, "timeout": 5} | more
        self.driver.nvr_configure({"state_dir": str(self.folder), "hik_thermal": {"cameras": {"kiln": kiln}}})

    def watch(self) -> Any:
        """Collect readings."""
        return self.driver.nvr_watch("kiln", self.seen.append)

    def listen(self) -> Any:
        """Collect alarms."""
        return self.driver.nvr_listen("kiln", self.heard.append)

    @property
    def readings(self) -> list[TemperatureReading]:
        """Return the readings so far."""
        return [event for event in list(self.seen) if isinstance(event, TemperatureReading)]

    def told_by(self, source: str) -> list[TemperatureReading]:
        """Return the readings of one source."""
        return [reading for reading in self.readings if reading.source == source]

    def states(self, source: str) -> list[str]:
        """Return the states of one source so far."""
        events = list(self.seen)
        return [event.state for event in events if isinstance(event, ConnectionChanged) and event.source == source]

    def alarms(self) -> list[Alarm]:
        """Return the alarms that are no repeats."""
        return [event for event in list(self.heard) if isinstance(event, Alarm) and event.phase != "repeat"]

    def virtual_states(self) -> list[str]:
        """Return the states of the source `virtual` so far."""
        events = list(self.heard)
        return [event.state for event in events if isinstance(event, ConnectionChanged) and event.source == "virtual"]

    def capabilities(self) -> dict[str, str | None]:
        """Return what is shown of the camera."""
        return dict(self.driver.nvr_cameras()[0].capabilities or {})
