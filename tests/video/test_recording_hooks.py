"""Recording live video through the hooks (guide 4.3.2)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from nvr_hooks import (
    AuthBlocked,
    Busy,
    DeviceError,
    Live,
    NoPermission,
    RecordOptions,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
)
from rtsp_video import Conduct
from video_site import Site, decoded


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "mkv", "ps"])
def test_nvr_record_records_the_live_stream(site: Site, container: Any) -> None:
    with site.record(f"kiln.{container}", seconds=1.0, container=container) as recording:
        assert recording.wait(10)
        assert (recording.state, recording.error) == ("done", None)
        assert recording.files == (site.folder / f"kiln.{container}",)

    pictures = decoded(recording.files[0])
    expected = site.server.video.decoded()
    assert len(pictures) == 25
    assert all((one == other).all() for one, other in zip(pictures, expected, strict=False))
    site.server.wait_for("TEARDOWN")
    assert next(asked.url for asked in site.server.methods("DESCRIBE")).endswith("/Streaming/Channels/201")


def test_nvr_record_of_3gp_is_the_vendors_alone(site: Site) -> None:
    with pytest.raises(Unsupported, match=r"only the vendor's library writes \(guide 4.3.2\)"):
        site.record(container="3gp")
    assert site.server.asked == []


@pytest.mark.slow
def test_a_camera_that_comes_back_is_recorded_into_a_new_file(site: Site, wait_for: Any) -> None:
    recording = site.record()
    part = site.folder / "kiln.mp4.part"
    wait_for(lambda: part.stat().st_size > 1500)
    site.server.drop()
    wait_for(lambda: len(recording.files) == 1)
    wait_for(lambda: (site.folder / "kiln-2.mp4.part").exists())
    recording.close()

    assert [path.name for path in recording.files] == ["kiln.mp4", "kiln-2.mp4"]
    assert all(decoded(path) for path in recording.files)


@pytest.mark.slow
def test_two_recordings_share_one_connection(site: Site) -> None:
    first, second = site.record("a.mp4", seconds=1.0), site.record("b.mp4", seconds=1.0)
    assert site.server.open == 1
    for recording in (first, second):
        assert recording.wait(10)
        recording.close()
    assert len(site.server.methods("PLAY")) == 1


def test_what_keeps_a_recording_from_beginning_is_raised_and_leaves_nothing(site: Site, wait_for: Any) -> None:
    for method, status, kind in (
        ("DESCRIBE", "404 Not Found", Unsupported),
        ("SETUP", "453 Not Enough Bandwidth", Busy),
        ("PLAY", "500 Internal Server Error", DeviceError),
        ("PLAY", "403 Forbidden", NoPermission),
    ):
        site.server.conduct = Conduct(status={method: status})
        with pytest.raises(kind):
            site.record()
        wait_for(lambda: not site.server.open)
    with pytest.raises(WrongUse, match="cannot write"):
        site.record("missing/kiln.mp4")
    with pytest.raises(Unsupported, match="has no channel 7"):
        site.hook.nvr_record(
            camera="kiln", channel=7, target=site.folder / "kiln.mp4", options=RecordOptions(seconds=1)
        )
    assert list(site.folder.glob("*.mp4*")) == []


def test_a_wrong_password_is_not_tried_over_rtsp_again_and_again(site: Site) -> None:
    site.configure(password="another one")
    errors = []
    for number in range(4):
        with pytest.raises(Refused) as caught:
            site.record(f"{number}.mp4")
        errors.append(caught.value)

    assert isinstance(errors[-1], AuthBlocked)
    assert site.server.refused + site.device.state()["logins"]["refused"] <= 2


@pytest.mark.slow
def test_a_server_that_is_not_there_is_unreachable_within_the_timeout(site: Site) -> None:
    site.server.conduct = Conduct(mute=True)
    site.configure(timeout=1)
    site.hook.nvr_stream_url(camera="kiln", channel=None, profile="main")
    begun = time.monotonic()

    with pytest.raises(Unreachable):
        site.record()

    assert time.monotonic() - begun < 2.5


def test_stopping_is_at_once_with_a_silent_camera_too(site: Site, wait_for: Any) -> None:
    site.server.conduct = Conduct(pace=0.01, pictures=30, end="silence")
    recording = site.record()
    wait_for(lambda: (site.folder / "kiln.mp4.part").stat().st_size > 1500)
    begun = time.monotonic()

    recording.close()

    assert time.monotonic() - begun < 1.0
    assert len(decoded(recording.files[0])) == 30


@pytest.mark.slow
def test_other_settings_reconnect_a_recording_and_removal_completes_it(site: Site, wait_for: Any) -> None:
    recording = site.record()
    wait_for(lambda: (site.folder / "kiln.mp4.part").stat().st_size > 1500)
    site.configure(timeout=6)
    wait_for(lambda: len(recording.files) == 1 and (site.folder / "kiln-2.mp4.part").exists())
    assert recording.state == "running"

    site.configure(cameras=False)

    assert recording.state == "closed"
    assert [path.name for path in recording.files] == ["kiln.mp4", "kiln-2.mp4"]
    assert site.record("c.mp4") is None


@pytest.mark.slow
def test_seconds_before_the_call_are_recorded_where_they_were_kept(site: Site, wait_for: Any) -> None:
    site.server.conduct = Conduct(pace=0.04)
    taken: list[bytes] = []
    with site.open_stream(Live(keep_seconds=0.5), taken.append):
        wait_for(lambda: len(taken) > 30)
        with site.record(pre_roll_seconds=0.5, seconds=0.4) as recording:
            assert recording.wait(10)
        assert site.server.open == 1

    # Half a second is 12 pictures, and as many more as lie back to the key picture before them; 10 come after the call.
    assert 21 <= len(decoded(recording.files[0])) <= 48
    with site.record("later.mp4", pre_roll_seconds=0.5, seconds=0.4) as later:
        assert later.wait(10)
    assert len(decoded(later.files[0])) == 10
