"""Where captured device bytes lie, and what each must decode to. They are read there and never copied."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(
    os.environ.get("HIK_THERMAL_SAMPLES") or Path(__file__).parents[2] / ".." / "shared" / "protocol" / "samples"
)


def expected() -> dict[str, Any]:
    """Return what each sample must decode to; empty where the samples are absent."""
    path = FOLDER / "expected.json"
    if not path.is_file():
        return {}
    return {name: wanted for name, wanted in json.loads(path.read_text(encoding="utf-8")).items() if name != "note"}


def read_sample(name: str) -> bytes:
    """Return the bytes of a sample; without it the test is skipped."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"captured sample {name} is not there; set HIK_THERMAL_SAMPLES to the folder that holds it")
    return path.read_bytes()
