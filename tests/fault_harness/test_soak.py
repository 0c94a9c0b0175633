"""The fault harness runs, and finds nothing: some hundred faults, some hours of a week. `make soak` is the long run (docs/soak.md)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def soaked(folder: Path, *arguments: str) -> dict[str, Any]:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")):
        pytest.skip("mosquitto is not installed (Debian: mosquitto)")
    if not shutil.which("cc") and not shutil.which("gcc"):
        pytest.skip("there is no C compiler (Debian: gcc, libc6-dev)")
    command = [sys.executable, "-m", "soak", "--keep", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def test_among_faults(tmp_path: Path) -> None:
    result = soaked(tmp_path, "--faults", "100", "--cameras", "4", "--seed", "8")
    assert result["faults"] == 100
    assert len(result["kinds"]) > 20
    assert result["alarms"]["arrived"] > 50
    assert result["violations"] == []


def test_some_hours_of_a_week(tmp_path: Path) -> None:
    result = soaked(tmp_path, "--week", "--days", "0.1", "--cameras", "2", "--speed", "200", "--seed", "8")
    assert result["happened"]["motions"] > 10
    assert result["violations"] == []
