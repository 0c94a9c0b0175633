"""Other people's programs and captured bytes, where they are at hand: environments of their own, and the folder of samples."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared" / "protocol" / "samples"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hik-thermal-plugin"
MINUTES = 10


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of captured bytes beside the checkout; skip where there is none."""
    if not SAMPLES.is_dir():
        pytest.skip("no captured samples beside the checkout (../shared/protocol/samples)")
    return SAMPLES


@pytest.fixture(scope="session")
def foreign_venv() -> Callable[..., Path]:
    """Return `foreign_venv("pyHik==0.4.8")`: the Python of a virtual environment with just these packages.

    Made on the first call and kept in the user's cache folder; the test is skipped where pip cannot bring the packages.
    """

    def make(*requirements: str) -> Path:
        version = "{}.{}.{}".format(*sys.version_info)
        name = "-".join(requirement.replace("==", "-") for requirement in requirements)
        folder = CACHE / f"foreign-{name}-{version}"
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            _run(sys.executable, "-m", "venv", "--clear", str(folder))
            _run(
                str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input",
                "--retries", "1", "--timeout", "15", *requirements,
            )  # fmt: skip
            (folder / "ready").touch()
        return python

    return make


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * MINUTES, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        pytest.skip(f"{' '.join(command[1:4])} failed: {said[-1] if said else done.returncode}")
