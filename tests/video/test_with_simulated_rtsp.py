"""Video of the simulated camera, whose RTSP shares no code with ours: what its scene shows is what is recorded and played back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nvr_hooks import Busy, RecordOptions, SnapshotOptions, TimeSpan
from nvr_hooks.loading import Plugins
from video_site import decoded

from hik_thermal_plugin.plugin import HikThermal


class Camera:
    """A simulated camera and the hooks of a driver that has it as `kiln`."""

    def __init__(self, device: Any, secret: str, folder: Path) -> None:
        self.device = device
        self.folder = folder
        self.driver = HikThermal()
        plugins = Plugins()
        plugins.add("hik_thermal", self.driver)
        self.hook = plugins.hook
        camera = {
            "url": device.http,
            "username": device.username,
            "password": secret,
            "rtsp_port": int(device.rtsp.rpartition(":")[2]),
            "timeout": 5,
        }
        self.hook.nvr_configure(
            config={"hik_thermal": {"cameras": {"kiln": camera}}, "state_dir": str(folder / "state")}
        )

    def record(self, name: str, channel: int | None = None, **options: Any) -> Path:
        target = self.folder / name
        with self.hook.nvr_record(
            camera="kiln", channel=channel, target=target, options=RecordOptions(**options)
        ) as recording:
            assert recording.wait(30)
            assert recording.error is None
        assert recording.files == (target,)
        return target


@pytest.fixture
def make(hik_simulator: Any, secret: str, tmp_path: Path) -> Iterator[Callable[..., Camera]]:
    made: list[Camera] = []

    def camera(**options: Any) -> Camera:
        made.append(Camera(hik_simulator(password=secret, rtsp_port=0, **options), secret, tmp_path))
        return made[-1]

    yield camera
    for one in made:
        one.driver.nvr_close()


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_both_channels_are_recorded(make: Callable[..., Camera], container: Any) -> None:
    camera = make(model="bispectrum")

    thermal = decoded(camera.record(f"thermal.{container}", container=container, seconds=0.6))
    visible = decoded(camera.record(f"visible.{container}", channel=1, container=container, seconds=0.6))

    assert (len(thermal), len(visible)) == (15, 15)
    assert thermal[0].shape != visible[0].shape or (thermal[0] != visible[0]).any()
    assert camera.device.state()["logins"]["refused"] == 0


def test_the_stream_and_the_picture_url_show_the_same_scene(make: Callable[..., Camera]) -> None:
    camera = make(model="bullet")
    camera.device.apply([{"fire": {"x": 0.3, "y": 0.6, "celsius": 500}}])
    shown = []
    for source in ("picture", "stream"):
        shot = camera.hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions(source=source))
        shown.append(decoded(shot.data)[0].astype(int).sum(axis=2))

    for brightness in shown:
        height, width = brightness.shape
        # Blocks, because thin lines are drawn into one of them, and without the frame number at the lower edge of the other.
        blocks = (
            brightness[: height // 16 * 16 - 80, : width // 16 * 16].reshape(-1, 16, width // 16, 16).mean(axis=(1, 3))
        )
        y, x = np.unravel_index(blocks.argmax(), blocks.shape)
        assert (x + 0.5) * 16 / width == pytest.approx(0.3, abs=0.05)
        assert (y + 0.5) * 16 / height == pytest.approx(0.6, abs=0.05)


@pytest.mark.slow
def test_a_stored_recording_is_played_back_by_time(make: Callable[..., Camera], wait_for: Any) -> None:
    camera = make()
    start = datetime.now(UTC) - timedelta(minutes=10)
    what = TimeSpan(start=start, end=start + timedelta(seconds=1))
    taken: list[bytes] = []

    with camera.hook.nvr_open_stream(camera="kiln", channel=None, what=what, sink=taken.append) as playing:
        with pytest.raises(Busy):
            camera.hook.nvr_open_stream(camera="kiln", channel=None, what=what, sink=taken.append)
        assert playing.wait(20)
        assert (playing.state, playing.error) == ("done", None)

    assert len(decoded(b"".join(taken))) == 25
    wait_for(lambda: not camera.device.state()["open"]["playback"])
    assert not [path for path in camera.device.state()["requests"] if "search" in path]


@pytest.mark.slow
def test_a_recording_goes_on_after_the_camera_has_restarted(make: Callable[..., Camera], wait_for: Any) -> None:
    camera = make()
    target = camera.folder / "kiln.mp4"
    recording = camera.hook.nvr_record(camera="kiln", channel=None, target=target, options=RecordOptions())
    wait_for(lambda: camera.device.state()["open"]["rtsp"])
    part = camera.folder / "kiln.mp4.part"
    wait_for(lambda: part.stat().st_size > 2000)

    camera.device.apply([{"fault": {"kind": "drop", "path": "/Streaming/*", "count": 1}}])

    wait_for(lambda: (camera.folder / "kiln-2.mp4.part").exists(), what="the second file")
    recording.close()
    assert [path.name for path in recording.files] == ["kiln.mp4", "kiln-2.mp4"]
