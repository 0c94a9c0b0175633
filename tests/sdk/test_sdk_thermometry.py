"""Thermometry over the vendor's library: real-time values, measurements by hand that leave everything as it was, frames and documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from nvr_hooks import (
    Busy,
    CameraError,
    ConnectionChanged,
    DeviceError,
    Event,
    FrameOptions,
    LineAt,
    MeasureOptions,
    PointAt,
    RegionAt,
    TemperatureReading,
    Unsupported,
)
from sdk_camera import SdkCamera
from standin_library import StandIn

pytestmark = pytest.mark.integration
Camera = Callable[..., SdkCamera]
ONLY_REALTIME = {"temperature": {"source": "realtime"}}
POINT = PointAt(at=(0.5, 0.25))
AT_POINT = 20 + 60 * 0.5 + 20 * 0.25 + 100 * (1 - 0.96) + 0.01 * 5
"""What the stand-in measures there."""


def readings(events: list[Event]) -> list[TemperatureReading]:
    return [event for event in list(events) if isinstance(event, TemperatureReading)]


def states(events: list[Event]) -> list[str]:
    return [event.state for event in list(events) if isinstance(event, ConnectionChanged)]


def measure(driver: SdkCamera, where: Any = POINT, **options: float) -> Any:
    return driver.hook.nvr_measure(camera="kiln", channel=None, where=where, options=MeasureOptions(**options))


def test_real_time_values_come_every_second_of_every_rule(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    standin.upload(0, byRuleID=1, szRuleName="door", struPointThermCfg__fTemperature=36.5)
    standin.upload(
        1, byRuleID=2, byRuleCalibType=1, szRuleName="门口".encode("gbk"), struLinePolygonThermCfg__fMaxTemperature=61.5
    )
    standin.c.fake_encoding(2)
    subscription, events = camera(**ONLY_REALTIME).watch()
    wait_for(lambda: len(readings(events)) >= 4)
    first = {reading.rule: reading for reading in readings(events)}

    assert (first[1].point_celsius, first[1].rule_name, first[1].channel, first[1].source) == (
        36.5,
        "door",
        2,
        "realtime",
    )
    assert (first[2].highest_celsius, first[2].rule_name, first[2].calibration) == (61.5, "门口", "region")
    assert standin.calls("StartRemoteConfig") == ["NET_DVR_StartRemoteConfig 0 3629 dwChan=2 byRuleID=0 byMode=1"]
    subscription.close()
    wait_for(lambda: "StopRemoteConfig" in standin.functions())


def test_an_older_device_is_asked_in_its_own_mode(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    standin.script("StartRemoteConfig", 17)
    _, events = camera(**ONLY_REALTIME).watch()
    wait_for(lambda: "online" in states(events))

    assert [line.rsplit(" ", 1)[1] for line in standin.calls("StartRemoteConfig")] == ["byMode=1", "byMode=0"]


def test_statuses_and_short_data_are_told_apart_from_values(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera(**ONLY_REALTIME)
    _, events = driver.watch()
    wait_for(lambda: "online" in states(events))
    standin.c.fake_status(0, 1001, 0, 4)
    standin.c.fake_status_as_pointer(0, 1001)
    standin.data(0, length=439, byRuleID=1)
    standin.data(
        0, byRuleID=4, szRuleName=b"x" * 32, byRuleCalibType=2, struLinePolygonThermCfg__struRegion__dwPointNum=11
    )
    wait_for(lambda: readings(events))

    assert [(reading.rule, reading.rule_name, len(reading.region)) for reading in readings(events)] == [
        (4, "x" * 32, 10)
    ]
    (health,) = [found for found in driver.hook.nvr_health(camera="kiln") if found.source == "realtime"]
    assert health.undecodable == 1


@pytest.mark.parametrize(
    ("tell", "state", "words"),
    [
        (lambda c: c.fake_status(0, 1002, 10, 8), "offline", "error 10 (no answer in time)"),
        (lambda c: c.fake_status(0, 1002, 0, 4), "error", "the device gives no reason"),
        (lambda c: c.fake_status(0, 1003, 0, 4), "offline", "the link was lost"),
        (lambda c: c.fake_status(0, 1000, 0, 4), "offline", "the device ended it"),
        (lambda c: c.fake_status_as_pointer(0, 1003), "offline", "the link was lost"),
        (lambda c: c.fake_exception(0x8000, 0, 0), "offline", "its heartbeat was lost"),
    ],
)
def test_how_a_long_connection_ends(
    camera: Camera, standin: StandIn, wait_for: Any, tell: Callable[[Any], object], state: str, words: str
) -> None:
    _, events = camera(**ONLY_REALTIME).watch()
    wait_for(lambda: "online" in states(events))
    tell(standin.c)
    wait_for(lambda: state in states(events))
    reasons = [event.reason for event in list(events) if isinstance(event, ConnectionChanged) and event.state == state]

    assert words in reasons[0]
    wait_for(lambda: "StopRemoteConfig" in standin.functions())


def test_with_isapi_login_there_is_no_long_connection_and_the_reason_is_told(
    camera: Camera, standin: StandIn, wait_for: Any
) -> None:
    driver = camera(sdk={"login": "isapi"}, **ONLY_REALTIME)
    _, events = driver.watch()
    wait_for(lambda: "error" in states(events))
    reason = [event.reason for event in list(events) if isinstance(event, ConnectionChanged)][-1]

    assert "the vendor library cannot do it with sdk.login: isapi" in reason
    assert "StartRemoteConfig" not in standin.functions()
    with pytest.raises(
        Unsupported, match=r"manual thermometry: the vendor library cannot do it with sdk\.login: isapi"
    ):
        measure(driver)


def test_a_measurement_by_hand_leaves_everything_as_it_was(camera: Camera, standin: StandIn) -> None:
    standin.c.fake_manual_rule(10, 0.1, 0.1)
    standin.c.fake_manual_rule(1, 0.1, 0.1)
    found = measure(camera())

    assert found.celsius == pytest.approx(AT_POINT, abs=0.001)
    assert (found.way, found.unit_reported, found.status, found.channel) == ("device", "celsius", "measuring", 2)
    assert standin.calls("SetSTDConfig") == ["NET_DVR_SetSTDConfig 0 6708 rule=9 enable=1"]
    assert standin.calls("STDControl") == ["NET_DVR_STDControl 0 6778 rule=9"]
    assert standin.c.fake_manual_rules() == 1 << 10 | 1 << 1  # the user's own rules
    assert standin.functions()[-2:] == ["STDControl", "StopRemoteConfig"]


def test_lines_and_regions_and_the_devices_unit(camera: Camera, standin: StandIn) -> None:
    standin.c.fake_thermometry(1, 20, 1)
    driver = camera()
    line = measure(driver, LineAt(start=(0.0, 0.0), end=(1.0, 0.0)))
    region = measure(driver, RegionAt(points=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))))

    base = AT_POINT - 35
    assert (line.lowest_celsius, line.highest_celsius, line.average_celsius) == pytest.approx(
        (base, base + 60, base + 30), abs=0.001
    )
    assert (line.celsius, line.unit_reported) == (None, "fahrenheit")
    assert (region.lowest_celsius, region.highest_celsius) == pytest.approx((base, base + 50), abs=0.001)
    corners = ((0.1, 0.1), *((0.9, 0.05 * number) for number in range(9)), (0.5, 0.9))
    assert measure(driver, RegionAt(points=corners)).way == "frame"  # a manual rule has ten


def test_surface_properties_are_set_before_and_put_back_after(camera: Camera, standin: StandIn) -> None:
    found = measure(camera(), emissivity=0.5, distance_m=100)

    assert found.celsius == pytest.approx(AT_POINT - 4.05 + 50 + 1, abs=0.001)
    assert standin.calls("SetSTDConfig") == [
        "NET_DVR_SetSTDConfig 0 6716 distance=100 unit=0 emissivity=0.500",
        "NET_DVR_SetSTDConfig 0 6708 rule=10 enable=1",
        "NET_DVR_SetSTDConfig 0 6716 distance=5 unit=0 emissivity=0.960",
    ]
    assert standin.calls("GetSTDConfig") == ["NET_DVR_GetSTDConfig 0 6717"]


@pytest.mark.parametrize(
    ("function", "code", "kind"),
    [("SetSTDConfig", 17, DeviceError), ("StartRemoteConfig", 10, CameraError), ("STDControl", 29, None)],
)
def test_an_error_on_the_way_stops_and_puts_back_what_was_begun(
    camera: Camera,
    standin: StandIn,
    function: str,
    code: int,
    kind: type[Exception] | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    driver = camera()
    if kind is None:
        standin.script(function, code)
        measure(driver, emissivity=0.5)
        assert "not as it was before the measurement" in caplog.text
    else:
        standin.script(function, code, times=1)
        with pytest.raises(kind):
            measure(driver, emissivity=0.5)
    assert standin.c.fake_emissivity() == pytest.approx(0.96)
    assert standin.live <= 1  # the login


def test_when_all_rules_are_somebodys_nothing_is_measured(camera: Camera, standin: StandIn) -> None:
    for number in range(1, 11):
        standin.c.fake_manual_rule(number, 0.1, 0.1)

    with pytest.raises(Busy, match="all 10 manual rules"):
        measure(camera())
    assert standin.c.fake_manual_rules() == 0b11111111110


def test_reflected_temperatures_are_refused(camera: Camera) -> None:
    with pytest.raises(Unsupported, match="no reflected temperature"):
        measure(camera(), reflected_celsius=20)


def test_a_radiometric_frame_and_its_pictures(camera: Camera, standin: StandIn) -> None:
    standin.jpeg(b"\xff\xd8\xff a picture")
    standin.c.fake_matrix(160, 120, 1, 1)
    options = FrameOptions(thermal_picture=True, visible_picture=True)
    frame = camera().hook.nvr_thermal_frame(camera="kiln", channel=None, options=options)

    assert (frame.width, frame.height, frame.matrix.shape, frame.frozen) == (160, 120, (120, 160), True)
    assert frame.matrix.readonly
    assert frame.matrix[0, 0] == pytest.approx(20 + 60 * 0.5 / 160 + 20 * 0.5 / 120, abs=0.001)
    assert frame.matrix[119, 159] == pytest.approx(20 + 60 * 159.5 / 160 + 20 * 119.5 / 120, abs=0.001)
    assert frame.thermal_picture == frame.visible_picture == b"\xff\xd8\xff a picture"
    assert standin.calls("CaptureJPEGPicture_WithAppendData")[0].endswith("0 2 dwSize=304")


def test_the_optical_channel_measures_nothing(camera: Camera) -> None:
    with pytest.raises(Unsupported, match=r"error 91 \(the channel cannot do it\)"):
        camera().hook.nvr_thermal_frame(camera="kiln", channel=1, options=FrameOptions())


def test_where_there_are_no_values_they_are_computed_from_frames(
    camera: Camera, standin: StandIn, wait_for: Any
) -> None:
    standin.script("StartRemoteConfig", 23, times=-1)
    _, events = camera(
        temperature={"frame_interval": 0.1, "poll_interval": 0.2}, sources=["alert_stream", "realtime", "frame"]
    ).watch()
    wait_for(lambda: readings(events))
    (reading, *_) = readings(events)

    assert (reading.source, reading.channel) == ("frame", 2)
    assert reading.highest_celsius == pytest.approx(20 + 60 * 7.5 / 8 + 20 * 5.5 / 6, abs=0.01)
    assert isinstance(reading.received_at, datetime)
    assert reading.received_at.tzinfo is UTC
