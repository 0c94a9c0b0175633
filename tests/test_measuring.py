"""Frames and measurements by hand through the hooks: what is asked, what is written, and what is left as it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from asked_kiln import MIDDLE, Kiln
from nvr_hooks import (
    Busy,
    DeviceError,
    LineAt,
    MeasureOptions,
    PointAt,
    RegionAt,
    Unsupported,
    Where,
    WrongUse,
)
from thermal_camera import (
    ALL,
    CLICK,
    FRAME,
    GRADIENT,
    JSON,
    MULTIPART,
    OK,
    PIXELS,
    Reply,
    ThermalCamera,
    frame,
    refusal,
    thermal_camera,
)

PLAIN = MeasureOptions()


@pytest.fixture
def camera() -> Iterator[ThermalCamera]:
    with thermal_camera() as made:
        yield made


@pytest.fixture
def kiln(camera: ThermalCamera, tmp_path: Path, secret: str) -> Iterator[Kiln]:
    made = Kiln(camera, tmp_path / "state", secret)
    made.configure(temperature={"frame_interval": 0.1})
    yield made
    made.driver.nvr_close()


def test_nvr_thermal_frame_is_the_matrix_of_the_camera(kiln: Kiln) -> None:
    found = kiln.frame()
    assert (found.camera, found.channel, found.width, found.height, found.frozen) == ("kiln", 2, 8, 6, False)
    matrix = np.asarray(found.matrix)
    assert matrix.tolist() == GRADIENT
    assert (matrix.dtype, matrix.flags.writeable) == (np.float32, False)
    assert found.thermal_picture is None
    assert kiln.frame(thermal_picture=True).thermal_picture.startswith(b"\xff\xd8")


def test_what_the_camera_has_shown_outranks_what_it_says(kiln: Kiln, camera: ThermalCamera) -> None:
    def shown() -> str | None:
        return (kiln.driver.nvr_cameras()[0].capabilities or {}).get("thermal_frame", "no")

    for target in ("/ISAPI/System/capabilities", "/ISAPI/Thermal/capabilities"):
        camera.documents[target] = camera.documents[target].replace(
            b"JpegPicWithAppendData>true", b"JpegPicWithAppendData>false"
        )
    kiln.rules()
    assert shown() == "no"
    kiln.frame()
    assert shown() == "isapi"
    camera.refuse(FRAME)
    with pytest.raises(Unsupported):
        kiln.frame()
    assert shown() == "no"


def test_frames_keep_their_distance(kiln: Kiln) -> None:
    kiln.configure(temperature={"frame_interval": 0.4})
    kiln.frame()
    began = time.monotonic()
    kiln.frame()
    assert time.monotonic() - began >= 0.3


def test_a_frame_too_soon_is_busy_and_says_which_setting_it_is(kiln: Kiln) -> None:
    kiln.configure(temperature={"frame_interval": 60})
    kiln.frame()
    with pytest.raises(
        Busy, match=r"kiln: a frame is asked for more often than every 60 s \(temperature.frame_interval\)"
    ):
        kiln.frame()


def test_a_camera_without_thermography_parameters_says_what_to_set(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.replies[f"GET {FRAME}"] = refusal("jpegPicWithAppendDataError")
    with pytest.raises(DeviceError, match=r"PixelToPixelParam is not set for frames.*pixel_to_pixel"):
        kiln.frame()
    assert camera.asked.count(f"GET {FRAME}") == 1
    assert camera.written == []


@pytest.mark.slow
def test_a_busy_camera_is_asked_for_a_frame_once_more(kiln: Kiln, camera: ThermalCamera) -> None:
    replies = [Reply(b"", 503, "text/html"), Reply(frame(GRADIENT), content_type=MULTIPART)]
    camera.replies[f"GET {FRAME}"] = lambda _: replies.pop(0)
    assert kiln.frame().width == 8


def test_a_channel_that_is_not_thermal_has_no_frame(kiln: Kiln, camera: ThermalCamera) -> None:
    with pytest.raises(Unsupported):
        kiln.frame(channel=1)
    with pytest.raises(Unsupported, match="no channel 7"):
        kiln.frame(channel=7)
    assert f"GET {FRAME}" not in camera.asked


def test_nvr_measure_asks_the_camera_where_it_answers_clicks(kiln: Kiln, camera: ThermalCamera) -> None:
    bodies = []

    def click(body: bytes) -> Reply:
        bodies.append(json.loads(body))
        return Reply(b'{"ClickToThermometryResult": {"temperature": 57.6, "thermometryUnit": 0}}', content_type=JSON)

    camera.replies[f"PUT {CLICK}"] = click
    found = kiln.measure(PointAt(at=(0.25, 0.75)))
    assert (found.celsius, found.way, found.frame_age_seconds, found.channel) == (57.6, "device", None, 2)
    assert found.taken_at is not None
    assert bodies == [{"ClickToThermometryRule": {"Point": {"positionX": 0.25, "positionY": 0.75}}}]
    assert f"GET {FRAME}" not in camera.asked


def test_a_camera_that_counts_clicks_to_a_thousand_is_understood(kiln: Kiln, camera: ThermalCamera) -> None:
    def click(body: bytes) -> Reply:
        point = json.loads(body)["ClickToThermometryRule"]["Point"]
        if point["positionX"] < 1:
            return refusal("badParameters", 6, 400)
        return Reply(b'{"ClickToThermometryResult": {"temperature": 1.5}}', content_type=JSON)

    camera.replies[f"PUT {CLICK}"] = click
    assert [kiln.measure().celsius, kiln.measure().celsius] == [1.5, 1.5]
    assert [json.loads(body)["ClickToThermometryRule"]["Point"]["positionX"] for _, body in camera.written] == [
        0.5,
        500,
        500,
    ]


def test_nvr_measure_looks_at_a_frame_where_the_camera_keeps_the_result(kiln: Kiln, camera: ThermalCamera) -> None:
    found = kiln.measure()
    assert (found.celsius, found.way, found.frozen) == (54.0, "frame", False)
    assert found.frame_age_seconds is not None
    assert 0 <= found.frame_age_seconds < 5
    assert (found.highest_celsius, found.average_celsius) == (None, None)
    kiln.measure()
    assert len(camera.written) == 1  # it is clicked at once only


def test_a_line_and_a_region_are_measured_in_a_frame(kiln: Kiln, camera: ThermalCamera) -> None:
    line = kiln.measure(LineAt(start=(0.0, 0.5), end=(1.0, 0.5)))
    assert (line.celsius, line.lowest_celsius, line.highest_celsius, line.average_celsius) == (None, 50.0, 57.0, 53.5)
    assert (line.lowest_at, line.highest_at) == ((0.5 / 8, 3.5 / 6), (7.5 / 8, 3.5 / 6))
    region = kiln.measure(RegionAt(points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))))
    assert (region.lowest_celsius, region.highest_celsius) == (20.0, 77.0)
    assert camera.written == []


def test_measurements_close_together_share_a_frame_and_tell_its_age(kiln: Kiln, camera: ThermalCamera) -> None:
    kiln.configure(temperature={"frame_interval": 30})
    line = LineAt(start=(0.0, 0.5), end=(1.0, 0.5))
    first, second = kiln.measure(line), kiln.measure(line)
    assert camera.asked.count(f"GET {FRAME}") == 1
    assert second.taken_at == first.taken_at
    assert second.frame_age_seconds >= first.frame_age_seconds


def test_surface_properties_are_written_for_the_measurement_and_put_back(kiln: Kiln, camera: ThermalCamera) -> None:
    before = camera.documents[PIXELS]
    seen: list[bytes] = []

    def answer(_: bytes) -> Reply:
        seen.append(camera.documents[PIXELS])
        return Reply(frame(GRADIENT), content_type=MULTIPART)

    camera.replies[f"GET {FRAME}"] = answer
    found = kiln.measure(emissivity=0.5, distance_m=3.0, reflected_celsius=25.0)
    assert (found.celsius, found.way) == (54.0, "frame")
    (during,) = seen
    for text in (
        b"<emissivity>0.5</emissivity>",
        b"<distance>300</distance>",
        b"<reflectiveEnable>true</reflectiveEnable>",
        b"<reflectiveTemperature>25",
    ):
        assert text in during.replace(b"0.50<", b"0.5<")
    assert camera.documents[PIXELS] == before
    assert [path for path, _ in camera.written] == [PIXELS, PIXELS]


def test_properties_the_camera_has_already_are_not_written(kiln: Kiln, camera: ThermalCamera) -> None:
    assert kiln.measure(emissivity=0.95).way == "frame"
    assert camera.written == []


def test_properties_are_put_back_when_the_frame_fails(kiln: Kiln, camera: ThermalCamera) -> None:
    before = camera.documents[PIXELS]
    camera.replies[f"GET {FRAME}"] = refusal("jpegPicWithAppendDataError")
    with pytest.raises(DeviceError, match="PixelToPixelParam"):
        kiln.measure(emissivity=0.5)
    assert camera.documents[PIXELS] == before


def test_properties_that_cannot_be_put_back_are_told(kiln: Kiln, camera: ThermalCamera) -> None:
    answers = [OK, refusal("deviceError", 3, 500)]
    camera.replies[f"PUT {PIXELS}"] = lambda _: answers.pop(0)
    with pytest.raises(DeviceError, match=r"pixelToPixelParam could not be put back as it was before the measurement"):
        kiln.measure(emissivity=0.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"emissivity": 0.5, "reflected_celsius": 20.0}, "takes no reflected temperature with a measurement"),
        ({"distance_m": 2.0}, "takes no distance with a measurement"),
    ],
)
def test_an_option_the_camera_does_not_take_is_named(
    options: dict[str, float], told: str, kiln: Kiln, camera: ThermalCamera
) -> None:
    camera.documents[PIXELS] = b"<PixelToPixelParam><id>2</id><emissivity>0.95</emissivity></PixelToPixelParam>"
    with pytest.raises(Unsupported, match=f"kiln: {told}"):
        kiln.measure(**options)
    assert camera.written == []


def test_a_camera_without_pixel_parameters_takes_no_options(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.refuse(PIXELS)
    with pytest.raises(Unsupported, match="kiln: takes no emissivity, distance with a measurement"):
        kiln.measure(emissivity=0.5, distance_m=2.0)


def test_a_camera_that_measures_nothing_by_hand_says_so(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.refuse(FRAME, CLICK)
    with pytest.raises(Unsupported, match=r"kiln: cannot measure by hand: .*notSupport"):
        kiln.measure()


@pytest.mark.parametrize(
    ("where", "options", "told"),
    [
        (PointAt(at=(1.2, 0.5)), PLAIN, r"the point \(1.2, 0.5\) is not in the picture"),
        (LineAt(start=(0.1, -0.1), end=(0.5, 0.5)), PLAIN, "not in the picture"),
        (PointAt(at=(float("nan"), 0.5)), PLAIN, "not in the picture"),
        (RegionAt(points=((0.1, 0.1), (0.5, 0.5))), PLAIN, "a region has three corners or more, this one 2"),
        (MIDDLE, MeasureOptions(emissivity=1.5), "emissivity is expected from 0.01 to 1, got 1.5"),
        (MIDDLE, MeasureOptions(distance_m=-1), "distance_m is expected from 0"),
        (MIDDLE, MeasureOptions(reflected_celsius=float("inf")), "reflected_celsius is expected"),
    ],
)
def test_wrong_use_of_nvr_measure_asks_nobody(
    where: Where, options: MeasureOptions, told: str, kiln: Kiln, camera: ThermalCamera
) -> None:
    with pytest.raises(WrongUse, match=told):
        kiln.driver.nvr_measure("kiln", None, where, options)
    assert camera.asked == []


def test_a_camera_that_offers_no_clicks_is_not_clicked_at(tmp_path: Path, secret: str) -> None:
    with thermal_camera(tuple(name for name in ALL if name != "ClickToThermometry")) as camera:
        kiln = Kiln(camera, tmp_path / "state", secret)
        kiln.configure()
        try:
            assert kiln.measure().way == "frame"
            assert camera.written == []
        finally:
            kiln.driver.nvr_close()
