"""Pictures of the live stream, and what is drawn into them, through the hooks (guide 4.3.3, 8.1 step 7)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nvr_hooks import (
    AlarmPicture,
    Event,
    FireAlarm,
    TemperatureReading,
    Unsupported,
)
from rtsp_video import Conduct
from video_site import Site, decoded


@pytest.mark.parametrize("form", ["jpeg", "bmp"])
def test_nvr_snapshot_from_the_live_stream_has_the_streams_resolution(site: Site, form: Any) -> None:
    shot = site.snapshot(source="stream", format=form)

    assert (shot.source, shot.content_type, shot.channel) == ("stream", f"image/{form}", 2)
    (picture,) = decoded(shot.data)
    assert picture.shape == (288, 384, 3)
    assert np.abs(picture.astype(int) - site.server.video.drawn[0]).max() < 30
    site.server.wait_for("TEARDOWN")


def test_nvr_snapshot_as_bmp_of_the_picture_url(site: Site) -> None:
    shot, jpeg = site.snapshot(format="bmp"), site.snapshot()

    assert shot.source == jpeg.source == "picture"
    assert shot.data.startswith(b"BM")
    assert decoded(shot.data)[0].shape == decoded(jpeg.data)[0].shape
    assert site.server.asked == []


def test_a_picture_url_that_fails_gives_way_to_the_live_stream(site: Site) -> None:
    site.device.apply([{"fault": {"kind": "not_supported", "path": "/ISAPI/Streaming/channels/201/picture"}}])

    assert site.snapshot().source == "stream"
    with pytest.raises(Unsupported):
        site.snapshot(source="picture")
    site.server.conduct = Conduct(status={"DESCRIBE": "404 Not Found"})
    with pytest.raises(Unsupported, match=r"picture answered .*; kiln: DESCRIBE .* answered 404"):
        site.snapshot()


def test_a_snapshot_while_somebody_records_waits_for_the_next_key_picture_only(site: Site) -> None:
    with site.record():
        assert site.snapshot(source="stream").source == "stream"
        assert site.server.open == 1


def test_a_snapshot_with_overlay_shows_what_the_camera_measures(site: Site, wait_for: Any) -> None:
    readings: list[Any] = []
    with site.hook.nvr_watch(camera="kiln", sink=readings.append):
        wait_for(lambda: [one for one in readings if isinstance(one, TemperatureReading) and len(one.region) > 2])
    reading = next(one for one in readings if isinstance(one, TemperatureReading) and len(one.region) > 2)

    (drawn,) = decoded(site.snapshot(source="stream", overlay=True).data)

    height, width, _ = drawn.shape
    white = drawn.astype(int).sum(axis=2) > 640  # brighter than anything in the video
    for (x1, y1), (x2, y2) in zip(reading.region, [*reading.region[1:], reading.region[0]], strict=True):
        for share in np.linspace(0.1, 0.9, 9):
            x, y = (x1 + share * (x2 - x1)) * width, (y1 + share * (y2 - y1)) * height
            near = white[max(0, int(y) - 2) : int(y) + 3, max(0, int(x) - 2) : int(x) + 3]
            assert near.any(), f"no line within 2 points of {x:.0f}, {y:.0f}"


def test_what_needs_pillow_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "PIL.ImageDraw", None)
    for ask in (lambda: site.snapshot(overlay=True), lambda: site.record(overlay=True)):
        with pytest.raises(Unsupported, match=r"pip install 'hik-thermal-plugin\[overlay\]'"):
            ask()


@pytest.mark.slow
def test_a_recording_with_overlay_has_it_burned_in(site: Site) -> None:
    site.server.conduct = Conduct(pace=0.04)
    with site.record(overlay=True, seconds=2.0) as recording:
        assert recording.wait(15)
        assert (recording.state, recording.error) == ("done", None)

    pictures = decoded(recording.files[0])
    assert 45 <= len(pictures) <= 50
    plain = site.server.video.decoded()[len(pictures) - 1].astype(int)
    assert (np.abs(pictures[-1].astype(int) - plain).sum(axis=2) > 200).sum() > 200


@pytest.mark.parametrize("overlay", [True, False])
def test_alarm_pictures_show_what_the_alarm_tells_where_that_is_wanted(
    site: Site, wait_for: Any, overlay: bool
) -> None:
    site.configure(picture_overlay=overlay)
    events: list[Event] = []
    with site.hook.nvr_listen(camera="kiln", sink=events.append):
        wait_for(lambda: any(getattr(event, "state", "") == "online" for event in events))
        site.device.apply([{"fire": {"x": 0.6, "y": 0.5, "celsius": 400, "distance_m": 40}}])
        wait_for(lambda: any(isinstance(event, AlarmPicture) and event.view != "visible" for event in events))

    alarm = next(event for event in events if isinstance(event, FireAlarm))
    picture = next(event for event in events if isinstance(event, AlarmPicture) and event.view != "visible")
    (shown,) = decoded(picture.data)
    height, width, _ = shown.shape
    (x, y) = alarm.targets[0].hottest or (0.0, 0.0)
    there = shown[int(y * height) - 1 : int(y * height) + 2, int(x * width) - 1 : int(x * width) + 2].astype(int)
    marked = (np.abs(there - (255, 72, 40)).sum(axis=2) < 120).any()  # the cross on the hottest point
    assert bool(marked) is overlay
    assert picture.length == len(picture.data)
    assert picture.alarm_id == alarm.alarm_id
