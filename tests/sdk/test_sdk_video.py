"""Video over the vendor's library: live bytes, its own recordings, ours from its bytes, captures with a player and without, playback."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from coded_video import TICKS, video
from nvr_hooks import (
    Busy,
    DeviceError,
    Live,
    NvrError,
    RecordedFile,
    RecordOptions,
    SnapshotOptions,
    TimeSpan,
    Unreachable,
    Unsupported,
    WrongUse,
)
from sdk_camera import SdkCamera
from standin_library import StandIn

pytestmark = pytest.mark.integration
Camera = Callable[..., SdkCamera]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = TimeSpan(start=NOON, end=NOON + timedelta(seconds=60))
JPEG = b"\xff\xd8\xff a picture"


@pytest.fixture(autouse=True)
def film(standin: StandIn) -> None:
    """Let the camera show 50 pictures, again and again."""
    standin.film((unit.data, unit.shown * TICKS, unit.key) for unit in video().units)
    standin.c.fake_pace(5)


def pictures(data: bytes | Path) -> int:
    with av.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as container:
        return sum(1 for _ in container.decode(video=0))


def record(driver: SdkCamera, name: str, **options: Any) -> Any:
    return driver.hook.nvr_record(
        camera="kiln", channel=None, target=driver.folder / name, options=RecordOptions(**options)
    )


def snapshot(driver: SdkCamera, **options: Any) -> Any:
    return driver.hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions(**options))


def opened(driver: SdkCamera, what: Any) -> tuple[Any, bytearray]:
    data = bytearray()
    return driver.hook.nvr_open_stream(camera="kiln", channel=None, what=what, sink=data.extend), data


def test_live_bytes_are_a_program_stream_that_others_decode(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    handle, data = opened(camera(), Live())
    wait_for(lambda: len(data) > 40_000)
    handle.close()

    assert data.startswith(b"\0\0\1\xba")
    assert pictures(bytes(data)) > 20
    assert standin.calls("RealPlay_V40") == ["NET_DVR_RealPlay_V40 0 channel=2 stream=0 link=0 window=0 blocked=1"]
    assert "StopRealPlay" in standin.functions()


def test_two_who_look_share_one_live_view_and_profiles_have_their_own(
    camera: Camera, standin: StandIn, wait_for: Any
) -> None:
    driver = camera()
    first, one = opened(driver, Live())
    second, two = opened(driver, Live())
    third, three = opened(driver, Live(profile="sub"))
    wait_for(lambda: one and two and three)
    for handle in (first, second, third):
        handle.close()

    assert [line.split("stream=")[1][0] for line in standin.calls("RealPlay_V40")] == ["0", "1"]


def test_our_own_containers_are_written_from_its_bytes(camera: Camera, wait_for: Any) -> None:
    driver = camera()
    recording = record(driver, "kiln.mp4", container="mp4", seconds=1)

    assert recording.wait(10)
    assert [path.name for path in recording.files] == ["kiln.mp4"]
    assert pictures(recording.files[0]) == 25


def test_save_real_data_writes_a_program_stream(camera: Camera, standin: StandIn) -> None:
    driver = camera()
    recording = record(driver, "kiln.ps", container="ps", seconds=0.6)
    assert recording.wait(10)

    (path,) = recording.files
    assert (recording.state, path.name, path.read_bytes()[:4]) == ("done", "kiln.ps", b"IMKH")
    assert path.stat().st_mode & 0o777 == 0o600
    assert pictures(path) > 10
    assert [name for name in standin.functions() if "Real" in name] == [
        "RealPlay_V40", "SaveRealData", "StopSaveRealData", "StopRealPlay",
    ]  # fmt: skip


def test_save_real_data_v30_writes_3gp(camera: Camera, standin: StandIn) -> None:
    standin.mp4(b"\0\0\0\x18ftypmp42 what the library makes")
    recording = record(camera(), "kiln.3gp", container="3gp")
    recording.close()

    assert recording.state == "closed"
    assert recording.files[0].read_bytes() == b"\0\0\0\x18ftypmp42 what the library makes"
    assert standin.calls("SaveRealData_V30")[0].split(" ")[2] == "2"


def test_segments_and_losses_begin_new_files(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    recording = record(driver, "kiln.ps", container="ps", segment_seconds=0.4)
    wait_for(lambda: len(recording.files) == 2)
    standin.exception(0x8003, handle=0)
    wait_for(lambda: len(recording.files) >= 4)
    recording.close()

    assert [path.name for path in recording.files[:2]] == ["kiln.ps", "kiln-2.ps"]
    assert len(set(recording.files)) == len(
        recording.files
    )  # one that was lost before its first byte leaves a gap in the numbers
    assert all(pictures(path) for path in recording.files[:2])
    assert standin.functions().count("RealPlay_V40") == 2
    assert not list(driver.folder.glob("*.part"))


def test_a_recording_that_cannot_begin_says_why_and_leaves_nothing(camera: Camera, standin: StandIn) -> None:
    driver = camera()
    (driver.folder / "there.ps").write_bytes(b"x")
    for name, kind, words in (
        ("there.ps", WrongUse, "a recording replaces nothing"),
        ("nowhere/kiln.ps", NvrError, r"error 34 \(the local file cannot be created\)"),
        ("x" * 250 + ".ps", WrongUse, "longer than the 255 bytes"),
    ):
        with pytest.raises(kind, match=words):
            record(driver, name, container="ps")
    standin.film([])
    standin.script("RealPlay_V40", 107)
    with pytest.raises(Unsupported, match=r"HCNetSDKCom/libHCPreview.so cannot be loaded"):
        record(driver, "kiln.ps", container="ps")
    assert [path.name for path in driver.folder.glob("*.ps*")] == ["there.ps"]
    assert standin.live == 1


def test_3gp_is_the_vendors_alone_and_mp4_needs_no_pre_roll_from_it(camera: Camera) -> None:
    with pytest.raises(Unsupported, match="3gp"):
        record(camera(), "kiln.3gp", container="3gp", pre_roll_seconds=2)


def test_the_devices_own_jpeg_is_the_first_choice(camera: Camera, standin: StandIn) -> None:
    standin.jpeg(JPEG)
    found = snapshot(camera())

    assert (found.data, found.source, found.content_type) == (JPEG, "picture", "image/jpeg")
    assert standin.calls("CaptureJPEGPicture_NEW") == ["NET_DVR_CaptureJPEGPicture_NEW 0 2 size=255 quality=0"]


def test_without_a_window_captures_are_decoded_from_the_stream_and_the_user_is_told(
    camera: Camera, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    driver = camera()
    bmp = snapshot(driver, source="stream", format="bmp")
    jpeg = snapshot(driver, source="stream")

    with av.open(io.BytesIO(bmp.data)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (video().width, video().height)
    assert (bmp.content_type, bmp.source, bmp.data[:2]) == ("image/bmp", "stream", b"BM")
    assert jpeg.data[:3] == b"\xff\xd8\xff"
    assert "CapturePictureBlock_New failed with error 12" in caplog.text
    assert "pictures are decoded from its live stream instead" in caplog.text


def with_player(camera: Camera, standin: StandIn) -> SdkCamera:
    standin.c.fake_player(1)
    standin.jpeg(JPEG)
    return camera(sdk={"window": 0x400001})


def test_with_a_player_and_a_window_the_library_captures(camera: Camera, standin: StandIn) -> None:
    driver = with_player(camera, standin)
    jpeg = snapshot(driver, source="stream")
    bmp = snapshot(driver, source="stream", format="bmp")

    assert (jpeg.data, jpeg.source) == (JPEG, "stream")
    assert (bmp.data[:2], len(bmp.data), bmp.content_type) == (b"BM", 134, "image/bmp")
    assert standin.calls("SetCapturePictureMode") == [
        "NET_DVR_SetCapturePictureMode 1",
        "NET_DVR_SetCapturePictureMode 0",
    ]
    assert standin.functions().count("CapturePictureBlock_New") == 2
    assert "CapturePictureBlock" not in standin.functions()
    assert "window=4194305" in standin.calls("RealPlay_V40")[0]


@pytest.mark.parametrize(
    ("failing", "used"),
    [
        (["CapturePictureBlock_New"], "CapturePictureBlock"),
        (["CapturePictureBlock_New", "CapturePictureBlock"], "CapturePicture"),
    ],
)
def test_what_one_way_to_capture_does_not_bring_the_next_does(
    camera: Camera, standin: StandIn, failing: list[str], used: str
) -> None:
    driver = with_player(camera, standin)
    for name in failing:
        standin.script(name, 51)

    assert snapshot(driver, source="stream").data == JPEG
    assert standin.functions().count(used) == 1


def test_without_the_player_library_a_window_is_no_use(
    camera: Camera, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    found = snapshot(camera(sdk={"window": 5}), source="stream")

    assert found.source == "stream"
    assert "error 64 (libPlayCtrl.so is missing)" in caplog.text


def test_playback_by_time_begins_with_playstart_and_ends_with_the_recording(camera: Camera, standin: StandIn) -> None:
    handle, data = opened(camera(), SPAN)
    assert handle.wait(10)

    assert (handle.state, handle.error) == ("done", None)
    assert pictures(bytes(data)) == 50
    assert standin.calls("PlayBackByTime_V40") == [
        "NET_DVR_PlayBackByTime_V40 0 channel=2 dwSize=160 stream=0 12:0:0-12:1:0"
    ]
    play = [name for name in standin.functions() if "Play" in name]
    assert play == ["PlayBackByTime_V40", "SetPlayDataCallBack_V40", "PlayBackControl_V40", "StopPlayBack"]
    assert standin.calls("PlayBackControl_V40") == ["NET_DVR_PlayBackControl_V40 0 1"]


def file(name: str) -> RecordedFile:
    return RecordedFile(camera="kiln", channel=2, track=201, start=SPAN.start, end=SPAN.end, name=name)


def test_playback_by_name(camera: Camera, standin: StandIn) -> None:
    handle, data = opened(camera(), file("ch02_000000000100000"))
    assert handle.wait(10)

    assert pictures(bytes(data)) == 50
    assert standin.calls("PlayBackByName") == ["NET_DVR_PlayBackByName 0 ch02_000000000100000 window=0"]


def test_a_name_nobody_knows_and_a_time_that_is_none(camera: Camera, standin: StandIn) -> None:
    driver = camera()
    with pytest.raises(DeviceError, match=r"error 33 \(no such recording\)"):
        opened(driver, file("nothing"))
    standin.script("PlayBackByTime_V40", 110)
    with pytest.raises(Unsupported, match=r"libHCPlayBack\.so cannot be loaded"):
        opened(driver, SPAN)
    with pytest.raises(Unsupported, match=r"playback by name: the vendor library cannot do it with sdk\.login: isapi"):
        opened(camera(sdk={"login": "isapi"}), file("x"))


def test_a_playback_that_breaks_off_or_is_closed_is_stopped(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    handle, data = opened(driver, SPAN)
    with pytest.raises(Busy):
        opened(driver, SPAN)
    wait_for(lambda: data)
    handle.close()
    assert standin.functions()[-1] == "StopPlayBack"
    standin.c.fake_archive(50, 1000, 10)
    broken, _ = opened(driver, SPAN)
    standin.exception(0x8010, handle=0)
    assert broken.wait(10)

    assert broken.state == "failed"
    assert isinstance(broken.error, Unreachable)
    assert standin.live == 1


def test_a_live_view_that_is_lost_is_begun_anew(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    handle, data = opened(camera(), Live())
    wait_for(lambda: data)
    standin.exception(0x8000)
    wait_for(lambda: standin.functions().count("RealPlay_V40") == 2)
    size = len(data)
    wait_for(lambda: len(data) > size)
    handle.close()

    assert standin.functions().count("Login_V40") == 2


def test_closing_the_camera_ends_recordings_and_streams(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    recording = record(driver, "kiln.ps", container="ps")
    handle, _ = opened(driver, Live())
    done = threading.Event()
    threading.Thread(target=lambda: (driver.close(), done.set())).start()
    assert done.wait(5)

    assert (recording.state, handle.state) == ("closed", "closed")
    assert recording.files
    assert standin.live == 0
