"""One scene asked by every way gives one answer: stream, polling, matrix, rules computed from it, manual measurement, alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from nvr_hooks import (
    Event,
    FrameOptions,
    MeasureOptions,
    PointAt,
    RegionAt,
    TemperatureAlarm,
    TemperatureReading,
    ThermalFrame,
)

from hik_thermal_plugin.plugin import HikThermal

WaitFor = Callable[..., None]
HOT = 93.4


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    made = HikThermal()
    yield made
    made.nvr_close()


def configure(driver: HikThermal, camera: Any, secret: str, folder: Path, **more: Any) -> None:
    kiln = {"url": camera.http, "username": "admin", "password": secret, **more}
    driver.nvr_configure({"state_dir": str(folder), "hik_thermal": {"cameras": {"kiln": kiln}}})


def readings(events: list[Event], rule: int) -> list[TemperatureReading]:
    return [event for event in list(events) if isinstance(event, TemperatureReading) and event.rule == rule]


def frame_of(driver: HikThermal) -> ThermalFrame:
    frame = driver.nvr_thermal_frame("kiln", None, FrameOptions())
    assert frame is not None
    return frame


@pytest.mark.slow
def test_every_way_to_ask_agrees_to_a_tenth_of_a_kelvin_and_a_pixel(
    driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path, wait_for: WaitFor
) -> None:
    camera = hik_simulator(password=secret)
    alarms: list[Event] = []
    told: list[Event] = []
    configure(driver, camera, secret, tmp_path)
    driver.nvr_listen("kiln", alarms.append)
    driver.nvr_watch("kiln", told.append)
    wait_for(lambda: readings(told, 1))
    camera.apply([{"temperature": {"rule": 1, "celsius": HOT}}, {"freeze": {}}])
    wait_for(lambda: any(isinstance(event, TemperatureAlarm) and event.rule == 1 for event in alarms))
    alarm = next(event for event in alarms if isinstance(event, TemperatureAlarm) and event.rule == 1)
    wait_for(lambda: (readings(told, 1)[-1].highest_celsius or 0) > HOT - 1 and readings(told, 1)[-1].frozen)
    streamed = readings(told, 1)[-1]
    frame = frame_of(driver)
    assert frame.frozen is True
    matrix = numpy.asarray(frame.matrix)
    y, x = numpy.unravel_index(int(matrix.argmax()), matrix.shape)
    hottest = ((x + 0.5) / frame.width, (y + 0.5) / frame.height)
    region = RegionAt(points=streamed.region)
    over = driver.nvr_measure("kiln", None, region, MeasureOptions())
    spot = driver.nvr_measure("kiln", None, PointAt(at=hottest), MeasureOptions())
    assert over is not None
    assert spot is not None

    values = {
        "alarm": alarm.celsius,
        "stream": streamed.highest_celsius,
        "matrix": float(matrix.max()),
        "region": over.highest_celsius,
        "point": spot.celsius,
    }
    assert values == {name: pytest.approx(HOT, abs=0.1) for name in values}
    # Whether the outline's own pixels belong to the area is each device's affair: one row of about fifty, 70 K below the rest.
    assert streamed.average_celsius == pytest.approx(over.average_celsius, abs=0.5)
    assert streamed.lowest_celsius == pytest.approx(over.lowest_celsius, abs=0.5)
    for place in (streamed.highest_at, over.highest_at, alarm.targets[0].hottest):
        assert place is not None
        assert abs(place[0] - hottest[0]) <= 1 / frame.width + 0.001
        assert abs(place[1] - hottest[1]) <= 1 / frame.height + 0.001


@pytest.mark.parametrize("profile", ["plain", "int16"])
def test_float_and_integer_frames_tell_the_same_temperatures(
    profile: str, driver: HikThermal, hik_simulator: Any, secret: str, tmp_path: Path
) -> None:
    camera = hik_simulator(password=secret, profile=profile)
    configure(driver, camera, secret, tmp_path)
    camera.apply([{"fire": {"x": 0.3, "y": 0.6, "celsius": 350}}, {"freeze": {}}])
    matrix = numpy.asarray(frame_of(driver).matrix)
    assert matrix.dtype == numpy.float32
    assert float(matrix.max()) == pytest.approx(350, abs=0.1)
    y, x = numpy.unravel_index(int(matrix.argmax()), matrix.shape)
    assert (x + 0.5) / matrix.shape[1] == pytest.approx(0.3, abs=0.01)
    assert (y + 0.5) / matrix.shape[0] == pytest.approx(0.6, abs=0.01)
