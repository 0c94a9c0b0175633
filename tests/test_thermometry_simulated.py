"""Temperatures of simulated cameras through the hooks: one scene asked in every way, and each way a firmware differs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nvr_hooks import (
    ConnectionChanged,
    DeviceError,
    Event,
    FireAlarm,
    FrameOptions,
    MeasureOptions,
    PointAt,
    RegionAt,
    Rules,
    TemperatureAlarm,
    TemperatureReading,
    Unsupported,
)

from hik_thermal_plugin.plugin import HikThermal

WaitFor = Callable[..., None]
HOT = {"temperature": {"rule": 1, "celsius": 96}}


class Site:
    """The driver with one simulated camera."""

    def __init__(self, folder: Path, secret: str, simulators: Any) -> None:
        self.driver = HikThermal()
        self.folder = folder
        self.secret = secret
        self.simulators = simulators
        self.seen: list[Event] = []

    def start(self, **options: Any) -> Any:
        """Start a camera and configure it as `kiln`; `more` are further settings."""
        more = options.pop("more", {})
        camera = self.simulators(password=self.secret, **options)
        kiln = {"url": camera.http, "username": "admin", "password": self.secret, "timeout": 5} | more
        self.driver.nvr_configure({"state_dir": str(self.folder), "hik_thermal": {"cameras": {"kiln": kiln}}})
        return camera

    def watch(self) -> None:
        """Collect what watchers get."""
        self.driver.nvr_watch("kiln", self.seen.append)

    @property
    def readings(self) -> list[TemperatureReading]:
        """Return the readings so far."""
        return [event for event in list(self.seen) if isinstance(event, TemperatureReading)]

    def told(self, rule: int | None = 1) -> list[TemperatureReading]:
        """Return the readings of one rule."""
        return [reading for reading in self.readings if reading.rule == rule]

    def frame(self, **options: bool) -> Any:
        """Fetch a frame."""
        return self.driver.nvr_thermal_frame("kiln", None, FrameOptions(**options))

    def measure(self, where: Any, **options: float) -> Any:
        """Measure."""
        return self.driver.nvr_measure("kiln", None, where, MeasureOptions(**options))

    def rules(self) -> dict[str, Any]:
        """Read rules."""
        found = self.driver.nvr_rules("kiln", None)
        assert found is not None
        return dict(found.document)

    def apply(self, document: dict[str, Any]) -> Any:
        """Write rules."""
        return self.driver.nvr_apply_rules("kiln", None, Rules(channel=2, document=document), False)


@pytest.fixture
def site(tmp_path: Path, secret: str, hik_simulator: Any) -> Iterator[Site]:
    made = Site(tmp_path / "state", secret, hik_simulator)
    yield made
    made.driver.nvr_close()


def near(one: tuple[float, float] | None, other: tuple[float, float] | None, frame: Any) -> bool:
    """Tell whether two places are at most one pixel apart."""
    assert one is not None
    assert other is not None
    return abs(one[0] - other[0]) <= 1.01 / frame.width and abs(one[1] - other[1]) <= 1.01 / frame.height


@pytest.mark.parametrize(
    "profile", ["plain", "int16", "int16_offset", "fahrenheit", "kelvin", "small_matrix", "large_matrix"]
)
def test_one_scene_asked_in_every_way_is_one_scene(profile: str, site: Site, wait_for: WaitFor) -> None:
    camera = site.start(profile=profile, more={"temperature": {"frame_interval": 0.1}})
    alarms: list[Event] = []
    site.driver.nvr_listen("kiln", alarms.append)
    site.watch()
    wait_for(lambda: any(isinstance(event, ConnectionChanged) and event.state == "online" for event in alarms))
    camera.apply([HOT, {"freeze": {}}])
    wait_for(lambda: site.told()[-1:] and site.told()[-1].frozen)
    live = site.told()[-1]
    wait_for(lambda: [event for event in alarms if isinstance(event, TemperatureAlarm) and event.level == "alarm"])
    alarm = next(event for event in alarms if isinstance(event, TemperatureAlarm) and event.level == "alarm")
    frame = site.frame()
    region = site.measure(RegionAt(points=live.region))
    point = site.measure(PointAt(at=region.highest_at))
    matrix = np.asarray(frame.matrix)

    assert live.highest_celsius == pytest.approx(region.highest_celsius, abs=0.1)
    # Pixels on the outline belong to it or not: the camera draws it on its own grid.
    assert live.average_celsius == pytest.approx(region.average_celsius, abs=1.5)
    assert point.celsius == pytest.approx(region.highest_celsius, abs=0.1)
    assert alarm.celsius == pytest.approx(live.highest_celsius, abs=0.1)
    assert float(matrix.max()) == pytest.approx(live.highest_celsius, abs=0.1)
    assert near(live.highest_at, region.highest_at, frame)
    assert near(alarm.targets[0].hottest, region.highest_at, frame)


@pytest.mark.slow
@pytest.mark.parametrize(
    "profile",
    [
        "single_rule", "rule_by_rule", "bare_uploads", "joined_uploads", "split_uploads", "repeated_rules", "both_readings",
        "numeric_flags", "integers", "split_channels", "real_time_only", "nonce_per_path", "connection_close", "overstated",
    ],
)  # fmt: skip
def test_every_firmware_tells_its_rules(profile: str, site: Site, wait_for: WaitFor) -> None:
    camera = site.start(profile=profile)
    rules = {int(rule) for rule in camera.state()["rules"][2]} if 2 in camera.state()["rules"] else None
    site.watch()
    wait_for(lambda: len({reading.rule for reading in site.readings}) >= len(rules or (1, 2)))
    found = {reading.rule for reading in site.readings}
    assert found == (rules or found)
    source = "poll" if profile == "overstated" else "realtime"
    assert {reading.source for reading in site.readings} == {source}
    camera.apply([HOT])
    wait_for(lambda: abs((site.told()[-1].highest_celsius or 0) - 96) < 1)
    assert {reading.channel for reading in site.readings} == {2}


@pytest.mark.parametrize(
    ("profile", "source"), [("polling_only", "poll"), ("polled_ids", "poll"), ("frames_only", "frame")]
)
def test_a_camera_without_the_stream_is_asked(profile: str, source: str, site: Site, wait_for: WaitFor) -> None:
    more = {"temperature": {"source": "auto" if profile != "polled_ids" else "poll"}}
    camera = site.start(profile=profile, more=more)
    camera.apply([HOT])
    site.watch()
    wait_for(site.told)
    first = site.told()[0]
    assert first.source == source
    assert first.highest_celsius == pytest.approx(96, abs=0.1)
    assert first.rule_name
    assert len(first.region) >= 3
    assert first.highest_at is not None


@pytest.mark.slow
def test_a_camera_without_thermometry_says_so(site: Site, wait_for: WaitFor) -> None:
    site.start(profile="no_thermometry")
    site.watch()
    wait_for(lambda: any(isinstance(event, ConnectionChanged) and event.state == "error" for event in site.seen))
    with pytest.raises(Unsupported):
        site.frame()
    with pytest.raises(Unsupported):
        site.rules()
    with pytest.raises(Unsupported):
        site.measure(PointAt(at=(0.5, 0.5)))


def test_normal_mode_is_one_reading_of_the_whole_picture(site: Site, wait_for: WaitFor) -> None:
    camera = site.start()
    site.apply({"mode": "normal"})
    camera.apply([{"fire": {"x": 0.25, "y": 0.75, "celsius": 300}}])
    site.watch()
    wait_for(lambda: site.told(None))
    whole = site.told(None)[-1]
    wait_for(lambda: (site.told(None)[-1].highest_celsius or 0) > 290)
    assert whole.centre_celsius is not None
    assert {reading.rule for reading in site.readings} == {None}


def test_a_rule_that_is_switched_off_is_retired_and_one_switched_on_is_told(site: Site, wait_for: WaitFor) -> None:
    site.start()
    site.watch()
    wait_for(site.told)
    rules = site.rules()
    gone = rules["regions"].pop(1)
    site.apply({"regions": rules["regions"]})
    wait_for(lambda: site.told()[-1].status == "ended")
    rules["regions"][1] = gone
    site.apply({"regions": rules["regions"]})
    wait_for(lambda: site.told()[-1].status in ("started", "measuring"))


@pytest.mark.slow
def test_a_frozen_picture_is_told_as_such(site: Site, wait_for: WaitFor) -> None:
    camera = site.start(more={"temperature": {"frame_interval": 0.1}})
    site.watch()
    wait_for(site.told)
    assert site.told()[-1].frozen is False
    camera.apply([{"freeze": {}}])
    wait_for(lambda: site.told()[-1].frozen is True)
    assert site.frame().frozen is True
    assert site.measure(RegionAt(points=((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))).frozen is True


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drop", "stall", "truncate"])
def test_a_stream_that_breaks_comes_back(kind: str, site: Site, wait_for: WaitFor) -> None:
    camera = site.start()
    site.watch()
    wait_for(site.told)
    fault = {"kind": kind, "path": "/ISAPI/Thermal/channels/2/thermometry/realTimethermometry/rules", "count": 1}
    camera.apply([{"fault": fault | ({"seconds": 2} if kind == "stall" else {})}])
    before = len(site.told())
    wait_for(lambda: len(site.told()) > before + 3)


def test_frames_need_parameters_once(site: Site) -> None:
    site.start(profile="frames_need_parameters", more={"temperature": {"frame_interval": 0.1}})
    with pytest.raises(DeviceError, match=r"write it once with `rules apply`"):
        site.frame()
    settings = site.rules()["pixel_to_pixel"]
    site.apply({"pixel_to_pixel": {"emissivity": 0.9 if settings["emissivity"] != 0.9 else 0.8}})
    assert site.frame().width > 0


@pytest.mark.parametrize("profile", ["plain", "visible_pictures"])
def test_pictures_come_with_a_frame_when_they_are_asked_for(profile: str, site: Site) -> None:
    site.start(profile=profile)
    found = site.frame(thermal_picture=True, visible_picture=True)
    assert found.thermal_picture.startswith(b"\xff\xd8\xff")
    assert (found.visible_picture is not None) == (profile == "visible_pictures")


@pytest.mark.parametrize(
    ("profile", "way"), [("plain", "frame"), ("click_result", "device"), ("click_thousandths", "frame")]
)
def test_a_point_is_measured_by_whoever_can(profile: str, way: str, site: Site) -> None:
    camera = site.start(profile=profile)
    camera.apply([{"fire": {"x": 0.25, "y": 0.75, "celsius": 300}}, {"freeze": {}}])
    found = site.measure(PointAt(at=(0.25, 0.75)))
    assert found.way == way
    assert found.celsius == pytest.approx(300, abs=15)


@pytest.mark.parametrize(
    "profile", ["plain", "whole_put_only", "partial_put_resets", "fahrenheit", "kelvin", "namespace_std_cgi"]
)
def test_rules_go_to_the_camera_and_come_back(profile: str, site: Site) -> None:
    camera = site.start(profile=profile)
    before = site.rules()
    wanted = site.rules()
    wanted["regions"][1] |= {"name": "kiln door", "emissivity": 0.9, "points": [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]}
    wanted["regions"][1]["type"] = "region"
    wanted["alarm_rules"][1] |= {"pre_alarm_celsius": 70.0, "alarm_celsius": 85.0}
    diff = site.apply(wanted)
    assert diff.applied
    assert {change.path.split(".")[0] for change in diff.changes} == {"regions", "alarm_rules"}
    after = site.rules()
    assert after["regions"][1]["points"] == [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]
    assert after["alarm_rules"][1]["alarm_celsius"] == pytest.approx(85.0, abs=0.1)
    assert after["basic"] == before["basic"]
    assert {rule: entry for rule, entry in after["regions"].items() if rule != 1} == {
        rule: entry for rule, entry in before["regions"].items() if rule != 1
    }
    assert len(camera.state()["writes"]) == 2
    assert site.apply(wanted).changes == ()


def test_the_unit_can_be_changed_and_everything_means_the_same(site: Site, wait_for: WaitFor) -> None:
    camera = site.start()
    camera.apply([HOT])
    before = site.rules()
    site.apply({"basic": {"unit": "fahrenheit"}})
    after = site.rules()
    assert after["basic"]["unit"] == "fahrenheit"
    for rule, entry in before["alarm_rules"].items():
        for name, value in entry.items():
            if isinstance(value, float) and math.isfinite(value):
                assert after["alarm_rules"][rule][name] == pytest.approx(value, abs=0.2), name
    site.watch()
    wait_for(lambda: site.told())
    assert site.told()[-1].unit_reported == "fahrenheit"
    assert site.told()[-1].highest_celsius == pytest.approx(96, abs=0.5)


def test_surface_properties_are_put_back(site: Site) -> None:
    camera = site.start(more={"temperature": {"frame_interval": 0.1}})
    before = site.rules()["pixel_to_pixel"]
    site.measure(PointAt(at=(0.5, 0.5)), emissivity=0.5, distance_m=2.0, reflected_celsius=30.0)
    assert site.rules()["pixel_to_pixel"] == before
    assert len(camera.state()["writes"]) == 2


def test_nothing_is_written_by_watching_listening_or_looking(site: Site, wait_for: WaitFor) -> None:
    camera = site.start()
    site.watch()
    site.driver.nvr_listen("kiln", lambda event: None)
    wait_for(site.told)
    site.frame()
    site.rules()
    site.measure(RegionAt(points=((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))))
    assert camera.state()["writes"] == []


def test_a_virtual_rule_tells_of_a_fire_that_warms_a_measuring_rule(site: Site, wait_for: WaitFor) -> None:
    alarms: list[Event] = []
    camera = site.start(more={"virtual_rules": {"hot": {"type": "threshold", "rule": 1, "alarm": 70}}})
    site.driver.nvr_listen("kiln", alarms.append)
    camera.apply([{"temperature": {"rule": 1, "celsius": 96}}])
    wait_for(lambda: [event for event in alarms if isinstance(event, TemperatureAlarm) and event.source == "virtual"])
    alarm = next(event for event in alarms if isinstance(event, TemperatureAlarm) and event.source == "virtual")
    assert (alarm.rule, alarm.channel, alarm.level) == ("hot", 2, "alarm")
    assert not [event for event in alarms if isinstance(event, FireAlarm)]
