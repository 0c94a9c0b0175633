"""Each camera that was captured is one to the driver: it is known, examined, and captured again as it was. Folders lie in tests/captures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.plugin import HikThermal

CAPTURES = Path(__file__).parent / "captures"
FOLDERS = sorted(path for path in CAPTURES.glob("*") if path.is_dir()) if CAPTURES.is_dir() else []
NOT_LOOKED_AT = {"unreachable", "no_answer", "cut_off", "not_isapi", "bad_answer", "unsupported", "half_answer"}
"""Findings of a camera that could not be understood."""


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    driver = HikThermal()
    yield driver
    driver.nvr_close()


def configure(driver: HikThermal, state: Path, camera: Any) -> None:
    kiln = {"url": camera.http, "username": "admin", "password": camera.password, "rtsp_port": 9, "timeout": 5}
    driver.nvr_configure({"state_dir": str(state), "hik_thermal": {"cameras": {"kiln": kiln}}})


@pytest.mark.slow
@pytest.mark.parametrize("folder", [None, *FOLDERS], ids=lambda path: "simulated" if path is None else path.name)
def test_a_captured_camera_is_known_examined_and_captured_again(
    driver: HikThermal, hik_simulator: Any, tmp_path: Path, folder: Path | None
) -> None:
    if folder is None:
        configure(driver, tmp_path / "state", hik_simulator(profile="split_channels", heartbeat=0.05, recordings=()))
        folder = driver.nvr_capture("kiln", tmp_path / "first")
        assert folder is not None
    configure(driver, tmp_path / "state", hik_simulator(profile=folder, heartbeat=0.05, real_time=0.1))
    found = {finding.code for finding in driver.nvr_diagnose("kiln") or ()}
    [info] = driver.nvr_cameras()
    again = driver.nvr_capture("kiln", tmp_path / "again")

    assert found & NOT_LOOKED_AT == set()
    assert info.model
    assert info.thermal_channel is not None
    assert again is not None
    spoken = {path.name for path in folder.iterdir() if not path.name.startswith("rtsp_")} - {
        "answers.json",
        "README.md",
    }
    assert {name: (again / name).read_bytes() for name in spoken} == {
        name: (folder / name).read_bytes() for name in spoken
    }
