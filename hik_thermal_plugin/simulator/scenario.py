"""A scenario: steps with the seconds after ready at which they happen, from a YAML or JSON file or a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .models import Model
from .steps import Step, StepError, read_steps

Scenario = str | Path | Sequence[Any]


def read_scenario(scenario: Scenario, model: Model) -> list[Step]:
    """Read and check a scenario, earliest step first; files in it are found from its own folder. Raises StepError."""
    if not isinstance(scenario, str | Path):
        return _in_order(read_steps(scenario, model, Path.cwd(), timed=True))
    path = Path(scenario)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StepError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StepError(f"{path}: not YAML or JSON: {error}") from error
    try:
        return _in_order(read_steps(raw or [], model, path.parent, timed=True))
    except StepError as error:
        raise StepError(f"{path}: {error}") from error


def _in_order(steps: list[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: step.at)
