"""The driver with one scripted camera that is asked for frames, measurements and rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nvr_hooks import FrameOptions, MeasureOptions, PointAt, Rules, Where
from thermal_camera import ThermalCamera

from hik_thermal_plugin.plugin import HikThermal

MIDDLE = PointAt(at=(0.5, 0.5))


class Kiln:
    """The driver with one scripted camera."""

    def __init__(self, camera: ThermalCamera, folder: Path, secret: str) -> None:
        self.driver = HikThermal()
        self.camera = camera
        self.plain = {"url": camera.url, "username": "admin", "password": secret, "timeout": 3}
        self.folder = folder

    def configure(self, **more: Any) -> None:
        """Configure the camera."""
        section = {"cameras": {"kiln": self.plain | more}}
        self.driver.nvr_configure({"state_dir": str(self.folder), "hik_thermal": section})

    def frame(self, channel: int | None = None, **options: bool) -> Any:
        """Fetch a frame."""
        return self.driver.nvr_thermal_frame("kiln", channel, FrameOptions(**options))

    def measure(self, where: Where = MIDDLE, **options: float) -> Any:
        """Measure."""
        return self.driver.nvr_measure("kiln", None, where, MeasureOptions(**options))

    def apply(self, document: dict[str, Any], *, dry_run: bool = False) -> Any:
        """Apply rules."""
        return self.driver.nvr_apply_rules("kiln", None, Rules(channel=2, document=document), dry_run)

    def rules(self) -> dict[str, Any]:
        """Read rules."""
        found = self.driver.nvr_rules("kiln", None)
        assert found is not None
        return dict(found.document)
