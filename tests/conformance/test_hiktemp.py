"""hiktemp, which we did not write, reads the same frozen frame as we do, to the bit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import FrameOptions

from hik_thermal_plugin.plugin import HikThermal

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from hiktemp import hiktemp

frame = hiktemp(sys.argv[1], "admin", sys.argv[2], channel=2)
open(sys.argv[3], "wb").write(frame.matrix.astype("<f4").tobytes())
print(frame.matrix.shape[0], frame.matrix.shape[1])
"""


def test_hiktemp_and_we_read_the_same_matrix(
    hik_simulator: Any, foreign_venv: Callable[..., Path], tmp_path: Path
) -> None:
    python = foreign_venv("hiktemp==0.2.0")
    camera = hik_simulator(password="simulated")
    camera.apply([{"fire": {"x": 0.3, "y": 0.6, "celsius": 312}}, {"freeze": {}}])
    theirs = tmp_path / "matrix"
    done = subprocess.run(
        [str(python), "-c", PROGRAM, camera.http, "simulated", str(theirs)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    driver = HikThermal()
    try:
        kiln = {"url": camera.http, "username": "admin", "password": "simulated"}
        driver.nvr_configure({"state_dir": str(tmp_path), "hik_thermal": {"cameras": {"kiln": kiln}}})
        ours = driver.nvr_thermal_frame("kiln", None, FrameOptions())
    finally:
        driver.nvr_close()
    assert ours is not None
    assert done.stdout.split() == [str(ours.height), str(ours.width)]
    assert bytes(ours.matrix) == theirs.read_bytes()
