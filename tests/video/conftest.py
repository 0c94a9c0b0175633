"""A camera with video for every test here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coded_video import video
from rtsp_video import Conduct, VideoServer
from video_site import Site


@pytest.fixture
def server(secret: str) -> Iterator[VideoServer]:
    """The camera's RTSP server, four times as fast as real time."""
    with VideoServer(video("h264", width=384, height=288), password=secret) as server:
        server.conduct = Conduct(pace=0.01)
        yield server


@pytest.fixture
def site(hik_simulator: Any, server: VideoServer, secret: str, tmp_path: Path) -> Iterator[Site]:
    """The driver with the camera."""
    site = Site(hik_simulator, server, secret, tmp_path)
    yield site
    site.driver.nvr_close()
