"""Live temperatures through the hooks: which source tells them, what happens when it falls silent, and what virtual rules make of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nvr_hooks import (
    CameraChanged,
    ConnectionChanged,
    Event,
    Unsupported,
)
from thermal_camera import (
    FRAME,
    JSON,
    MODE,
    POLL,
    REALTIME,
    REGIONS,
    Reply,
    ThermalCamera,
    part,
    polled,
    refusal,
    region,
    regions,
    thermal_camera,
    upload,
)
from watched_kiln import Watcher

WaitFor = Callable[..., None]


@pytest.fixture
def camera() -> Iterator[ThermalCamera]:
    with thermal_camera() as made:
        yield made


@pytest.fixture
def kiln(camera: ThermalCamera, tmp_path: Path, secret: str) -> Iterator[Watcher]:
    made = Watcher(camera, tmp_path / "state", secret)
    made.configure()
    yield made
    made.driver.nvr_close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next source take over after 0.3 s."""
    monkeypatch.setattr("hik_thermal_plugin.device._FRESH_FOR", 0.3)


def test_nvr_watch_delivers_what_the_camera_streams(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.watch()
    camera.tell((1, 57.6), (2, 40.0))
    wait_for(lambda: len(kiln.readings) == 2)

    first, second = kiln.readings
    assert (first.camera, first.channel, first.source, first.rule, first.rule_name) == (
        "kiln",
        2,
        "realtime",
        1,
        "rule 1",
    )
    assert (first.highest_celsius, first.lowest_celsius, first.average_celsius) == (57.6, 37.6, 47.6)
    assert (first.highest_at, first.status, first.frozen, first.calibration) == (
        (0.25, 0.5),
        "measuring",
        False,
        "region",
    )
    assert (second.rule, second.highest_celsius) == (2, 40.0)
    assert kiln.states("realtime") == ["starting", "online"]
    assert not any("rulesTemperatureInfo" in what or "jpegPic" in what for what in camera.asked)
    assert kiln.driver.nvr_watch("nobody", print) is None


def test_nvr_watch_tells_the_main_fields_of_the_guide(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.watch()
    camera.tell((1, 212.0), name="kiln door", thermometryUnit=1, data_type=1)
    camera.tell(
        (2, 50.0), ruleCalibType=0, PointThermCfg={"temperature": 24.6, "Point": {"positionX": 0.1, "positionY": 0.9}}
    )
    camera.tell((3, 50.0), ruleCalibType=2, data_type=2)
    whole = {
        "ruleID": 0,
        "centerPointTemperature": 31.5,
        "highestPointTemperature": 60.5,
        "lowestPointTemperature": 12.5,
    }
    camera.tell((0, 0.0), LinePolygonThermCfg=None, **whole)
    wait_for(lambda: len(kiln.readings) == 4)

    door, point, line, normal = kiln.readings
    assert (door.rule_name, door.calibration, door.unit_reported, door.status) == (
        "kiln door",
        "region",
        "fahrenheit",
        "started",
    )
    assert door.highest_celsius == pytest.approx(100.0)
    assert door.difference_kelvin == pytest.approx(20 * 5 / 9)
    assert door.centre_celsius is None
    assert (point.calibration, point.point_celsius, point.region) == ("point", 24.6, ((0.1, 0.9),))
    assert (line.calibration, line.status) == ("line", "ended")
    assert (normal.rule, normal.centre_celsius, normal.highest_celsius, normal.lowest_celsius) == (
        None,
        31.5,
        60.5,
        12.5,
    )


def test_watchers_share_one_connection_and_the_last_one_ends_it(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    first, second = kiln.watch(), kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: len(kiln.readings) == 2)
    assert camera.count() == 1
    first.close()
    camera.tell((1, 51.0))
    wait_for(lambda: len(kiln.readings) == 3)
    second.close()
    wait_for(lambda: camera.count() == 0)
    assert [health.source for health in kiln.driver.nvr_health("kiln") or ()] == ["alert_stream"]


def test_nvr_health_tells_of_the_sources_in_use(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.watch()
    camera.tell((1, 50.0), (2, 51.0))
    wait_for(lambda: len(kiln.readings) == 2)
    camera.send(b'--boundary\r\nContent-Type: application/json\r\n\r\n{"something": 1}\r\n')
    wait_for(lambda: (kiln.driver.nvr_health("kiln") or ())[-1].undecodable == 1)
    health = (kiln.driver.nvr_health("kiln") or ())[-1]
    assert (health.source, health.state, health.events) == ("realtime", "online", 2)


@pytest.mark.slow
def test_a_lost_stream_is_told_and_asked_for_again(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: kiln.readings)
    camera.drop()
    wait_for(lambda: kiln.states("realtime") == ["starting", "online", "offline", "online"])
    camera.tell((1, 52.0))
    wait_for(lambda: kiln.readings and kiln.readings[-1].highest_celsius == 52.0)


def test_a_camera_without_the_stream_is_polled(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    camera.refuse(REALTIME)
    kiln.watch()
    wait_for(lambda: len(kiln.readings) >= 2)

    first, second = kiln.readings[:2]
    assert (first.source, first.rule, first.rule_name, first.highest_celsius) == ("poll", 1, "kiln door", 60.0)
    assert (second.rule, second.rule_name, second.highest_celsius) == (2, "motor", 40.0)
    assert first.region == ((0.1, 0.1), (0.5, 0.1), (0.5, 0.7), (0.1, 0.7))
    assert "error" not in kiln.states("realtime")
    assert kiln.states("poll") == ["starting", "online"]
    wait_for(lambda: "realtime_thermometry" not in kiln.capabilities())
    assert kiln.capabilities()["thermometry_polling"] == "isapi"


def test_a_camera_that_tells_nothing_else_is_computed_from_frames(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    camera.refuse(REALTIME, POLL)
    kiln.watch()
    wait_for(lambda: len(kiln.readings) >= 2)

    first = kiln.readings[0]
    assert (first.source, first.rule, first.rule_name, first.channel) == ("frame", 1, "kiln door", 2)
    # the polygon holds the pixel centres of columns 1 to 3 and rows 1 to 3
    assert (first.lowest_celsius, first.highest_celsius) == (31.0, 53.0)
    assert first.highest_at == (3.5 / 8, 3.5 / 6)


def test_normal_mode_is_one_reading_of_the_whole_picture(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    camera.documents[MODE] = b"<ThermometryMode><mode>normal</mode></ThermometryMode>"
    camera.refuse(REALTIME, POLL)
    kiln.watch()
    wait_for(lambda: kiln.readings)

    (whole,) = kiln.readings[:1]
    assert (whole.rule, whole.highest_celsius, whole.lowest_celsius) == (None, 77.0, 20.0)
    assert whole.centre_celsius == 54.0


@pytest.mark.usefixtures("impatient")
def test_no_frame_is_asked_for_while_no_rule_is_enabled(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    camera.documents[REGIONS] = regions(region(1, enabled=False))
    camera.refuse(POLL)
    kiln.watch()
    wait_for(lambda: "online" in kiln.states("frame"))
    assert f"GET {FRAME}" not in camera.asked
    assert kiln.readings == []
    assert kiln.states("realtime") == ["starting", "online"]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_the_next_source_takes_over_while_the_first_is_silent_and_leaves_when_it_tells_again(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.configure(temperature={"poll_interval": 0.2})
    kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: kiln.told_by("realtime"))
    wait_for(lambda: kiln.told_by("poll"))
    assert kiln.told_by("poll")[0].rule == 1

    def tells_again() -> bool:
        camera.tell((1, 51.0))
        return kiln.states("poll")[-1:] == ["starting"] and len(kiln.states("poll")) > 1

    wait_for(tells_again)
    assert [reading.source for reading in kiln.readings[-3:]] == ["realtime"] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_the_next_source_stays_beside_one_that_tells_its_rules_too_seldom(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.configure(temperature={"poll_interval": 0.2})
    kiln.watch()
    wait_for(lambda: kiln.told_by("poll"))
    for _ in range(5):
        told, asked = len(kiln.told_by("realtime")), camera.asked.count(f"GET {POLL}")
        camera.tell((1, 50.0), (2, 51.0), (3, 52.0))
        wait_for(lambda told=told: len(kiln.told_by("realtime")) == told + 3)
        wait_for(lambda asked=asked: camera.asked.count(f"GET {POLL}") >= asked + 4)  # longer than a reading is fresh
    assert kiln.states("poll") == ["starting", "online"]


@pytest.mark.usefixtures("impatient")
def test_nothing_of_a_worse_source_comes_through_while_a_better_one_is_fresh(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.configure(temperature={"poll_interval": 0.2})
    kiln.watch()
    wait_for(lambda: kiln.told_by("poll"))
    camera.tell((1, 51.0))
    wait_for(lambda: kiln.told_by("realtime"))
    polls = len(kiln.told_by("poll"))
    asked = camera.asked.count(f"GET {POLL}")

    def asked_again() -> bool:
        camera.tell((1, 51.0))
        return camera.asked.count(f"GET {POLL}") > asked

    wait_for(asked_again)
    assert len(kiln.told_by("poll")) == polls


def test_a_camera_that_tells_nothing_at_all_says_so_once_for_all_sources(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    camera.refuse(REALTIME, POLL, FRAME)
    kiln.watch()
    wait_for(lambda: "error" in kiln.states("frame"))

    (error,) = [event for event in kiln.seen if isinstance(event, ConnectionChanged) and event.state == "error"]
    assert error.reason is not None
    assert error.reason.startswith("kiln: tells no temperatures: realtime: kiln: GET ")
    assert "poll: kiln: GET" in error.reason
    assert "frame: kiln: GET" in error.reason
    assert error.retry_at is not None
    health = (kiln.driver.nvr_health("kiln") or ())[-1]
    assert (health.source, health.state, health.last_error) == ("frame", "error", error.reason)
    late: list[Event] = []
    kiln.driver.nvr_watch("kiln", late.append)
    wait_for(lambda: [event for event in late if isinstance(event, ConnectionChanged) and event.state == "error"])
    assert not {"realtime_thermometry", "thermometry_polling", "thermal_frame"} & set(kiln.capabilities())


def test_a_camera_whose_thermal_channel_nobody_knows_says_so_once(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    for target in ("/ISAPI/System/capabilities", "/ISAPI/Thermal/capabilities"):
        camera.documents[target] = b"<DeviceCap><isSupportSnapshot>true</isSupportSnapshot></DeviceCap>"
    camera.documents["/ISAPI/System/deviceInfo"] = b"<DeviceInfo><model>DS-2CD2386G2-IU</model></DeviceInfo>"
    kiln.watch()
    wait_for(lambda: "error" in kiln.states("frame"))
    (error,) = [event for event in kiln.seen if isinstance(event, ConnectionChanged) and event.state == "error"]
    assert (error.reason or "").count("which channel is thermal is not known") == 1


def test_the_source_can_be_chosen(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.configure(temperature={"source": "frame"})
    kiln.watch()
    wait_for(lambda: kiln.readings)
    assert {reading.source for reading in kiln.readings} == {"frame"}
    assert camera.count() == 0
    assert (kiln.capabilities()["realtime_thermometry"], kiln.capabilities()["thermal_frame"]) == (None, "isapi")


def test_temperatures_can_be_switched_off(kiln: Watcher) -> None:
    kiln.configure(sources=["alert_stream"])
    with pytest.raises(Unsupported, match="kiln: its temperatures are switched off"):
        kiln.watch()


def test_other_settings_connect_anew_under_the_same_watchers(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    watching = kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: kiln.readings)
    kiln.configure(temperature={"source": "poll"})
    wait_for(lambda: kiln.told_by("poll"))
    wait_for(lambda: camera.count() == 0)
    assert watching.state == "running"


def test_a_removed_camera_ends_its_watchers(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    watching = kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: kiln.readings)
    kiln.driver.nvr_configure({"state_dir": str(kiln.folder)})
    assert watching.wait(5)
    wait_for(lambda: kiln.states("realtime")[-1] == "removed")


def test_nvr_close_returns_within_a_second_while_the_camera_is_silent(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    kiln.watch()
    wait_for(lambda: "online" in kiln.states("realtime"))
    began = time.monotonic()
    kiln.driver.nvr_close()
    assert time.monotonic() - began < 1


def test_rules_and_temperatures_may_stand_under_different_channels(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    for target in (MODE, REGIONS):
        camera.move(target, 1)
    camera.refuse(POLL, FRAME)
    kiln.watch()
    camera.tell((1, 50.0))
    wait_for(lambda: kiln.readings)
    assert kiln.readings[0].channel == 2


def test_temperatures_are_found_under_channel_one(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    camera.move(POLL, 1)
    kiln.configure(temperature={"source": "poll"})
    kiln.watch()
    wait_for(lambda: kiln.readings)
    assert kiln.readings[0].channel == 2
    assert camera.asked.count(f"GET {POLL}") == 1


def test_a_configured_data_channel_is_tried_first(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    camera.move(REALTIME, 1)
    kiln.configure(data_channel=1)
    kiln.watch()
    camera.send(part(upload((1, 57.0))), REALTIME.replace("/2/", "/1/"))
    wait_for(lambda: kiln.readings)
    assert kiln.readings[0].channel == 1
    assert f"GET {REALTIME}" not in camera.asked


def test_the_camera_is_told_again_when_it_shows_that_it_has_no_stream(
    kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    camera.refuse(REALTIME)
    kiln.listen()
    kiln.watch()

    def told() -> bool:
        known = [event.info.capabilities for event in kiln.heard if isinstance(event, CameraChanged)]
        return any("realtime_thermometry" not in said for said in known if said is not None)

    wait_for(told)


@pytest.mark.slow
def test_a_busy_camera_is_asked_again(kiln: Watcher, camera: ThermalCamera, wait_for: WaitFor) -> None:
    kiln.configure(temperature={"source": "poll"})
    camera.replies[f"GET {POLL}"] = refusal("deviceBusy", 2, 503)
    kiln.watch()
    wait_for(lambda: "offline" in kiln.states("poll"))
    camera.replies[f"GET {POLL}"] = Reply(polled((1, 44.0)), content_type=JSON)
    wait_for(lambda: kiln.readings)
    assert kiln.readings[0].highest_celsius == 44.0
