"""A driver with one camera: its HTTP is the simulator's, its RTSP a server of our own that can go wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
from nvr_hooks import RecordOptions, SnapshotOptions, TimeSpan
from nvr_hooks.loading import Plugins
from rtsp_video import VideoServer

from hik_thermal_plugin.plugin import HikThermal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = TimeSpan(start=NOON, end=NOON + timedelta(seconds=2))


class Site:
    """A driver with one camera, `kiln`."""

    def __init__(self, simulator: Any, server: VideoServer, secret: str, folder: Path) -> None:
        self.device = simulator(password=secret)
        self.server = server
        self.driver = HikThermal()
        plugins = Plugins()
        plugins.add("hik_thermal", self.driver)
        self.hook = plugins.hook
        self.folder = folder
        self._camera = {"url": self.device.http, "username": "admin", "password": secret, "rtsp_port": server.port}
        self.configure()

    def configure(self, *, cameras: bool = True, **changes: Any) -> None:
        camera = {**self._camera, "timeout": 5, **changes}
        self.hook.nvr_configure(
            config={
                "hik_thermal": {"cameras": {"kiln": camera} if cameras else {}},
                "state_dir": str(self.folder / "state"),
            }
        )

    def record(self, name: str = "kiln.mp4", **options: Any) -> Any:
        return self.hook.nvr_record(
            camera="kiln", channel=None, target=self.folder / name, options=RecordOptions(**options)
        )

    def open_stream(self, what: Any, sink: Callable[[bytes], object]) -> Any:
        return self.hook.nvr_open_stream(camera="kiln", channel=None, what=what, sink=sink)

    def snapshot(self, **options: Any) -> Any:
        return self.hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions(**options))


def decoded(data: bytes | Path) -> list[np.ndarray]:
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.video[0])]
