"""A fire in front of a camera ends up on disk, with the seconds before it: driver, recorder and camera together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nvr_hooks.loading import Plugins
from rtsp_video import Conduct
from video_site import Site, decoded

from hik_thermal_plugin.alarm_recorder import AlarmRecorder


@pytest.mark.slow
def test_a_fire_is_recorded_with_the_seconds_before_it(site: Site, wait_for: Callable[..., None]) -> None:
    site.server.conduct = Conduct(pace=0.04)
    folder = site.folder / "alarms"
    recorder = AlarmRecorder()
    plugins = Plugins()
    plugins.add("hik_thermal", site.driver)
    plugins.add("alarm_recorder", recorder)
    recorder.nvr_configure(config={"alarm_recorder": {"directory": str(folder), "seconds": 1, "pre_roll": 1}})
    recorder.nvr_start(hooks=plugins.hook)
    try:
        site.server.wait_for("PLAY")
        wait_for(lambda: site.device.state()["open"]["alert_stream"])
        video = site.driver._site.camera("kiln").video  # type: ignore[union-attr]
        kept = next(iter(video._streams.values()))
        wait_for(lambda: sum(map(len, kept._kept)) > 30)

        site.device.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 400}}])
        wait_for(lambda: list(folder.rglob("*.part")))
        site.device.apply([{"extinguish": {}}])
        wait_for(lambda: list(folder.rglob("*.mp4")))
    finally:
        recorder.nvr_close()

    (path,) = folder.rglob("*.mp4")
    assert path.parent.name == "kiln"
    assert path.stem.endswith("_2_fire")
    assert len(decoded(path)) >= 45  # a second before the alarm, and one after its last sign
    assert len(site.server.methods("PLAY")) == 1
    assert not list(folder.rglob("*.part"))
