"""The border between Python and the library under the compiler's sanitizers, and the stand-in itself under many threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from standin_library import build

pytestmark = [pytest.mark.integration, pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")]
DRIVERS = Path(__file__).parent / "driver"
ROOT = Path(__file__).parents[2]
SUITE = ["alarms", "session", "thermometry", "video", "archive"]


def sanitizer(name: str) -> str:
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if "/" not in found:
        pytest.skip(f"needs {name}")
    return found


def test_the_stand_in_has_no_race(tmp_path: Path) -> None:
    sanitizer("libtsan.so")
    program = build(tmp_path, "-fsanitize=thread", extra=[DRIVERS / "races.c"], name="races", shared=False)
    done = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert "ThreadSanitizer" not in done.stderr, done.stderr[:3000]
    assert (done.returncode, "wrong 0, left open 0" in done.stdout) == (0, True), done.stdout


def test_stopping_from_inside_a_callback_is_caught(tmp_path: Path) -> None:
    program = build(tmp_path, extra=[DRIVERS / "suicide.c"], name="suicide", shared=False)
    done = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode < 0
    assert "stopped from inside its own callback" in done.stderr


def test_the_suite_is_clean_under_the_address_sanitizer(tmp_path: Path) -> None:
    environment = os.environ | {
        "LD_PRELOAD": sanitizer("libasan.so"),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "HIK_THERMAL_STANDIN_FLAGS": "-fsanitize=address -fno-omit-frame-pointer",
        "PYTHONMALLOC": "malloc",
    }
    tests = [str(ROOT / "tests" / "sdk" / f"test_sdk_{name}.py") for name in SUITE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--basetemp", str(tmp_path / "asan"), *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip

    assert "AddressSanitizer" not in done.stdout + done.stderr, (done.stdout + done.stderr)[-4000:]
    assert done.returncode == 0, done.stdout[-4000:]
