"""Where programs of this family keep what must outlive them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigError, Mistake
from .secrets import resolve_secrets

FOLDER = "hik-thermal"


def state_dir(config: Mapping[str, Any], *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder for state (login budgets, outboxes); it need not exist yet.

    The configuration's top-level key `state_dir` wins, then systemd's `$STATE_DIRECTORY`, then the XDG state folder of the user.
    Raises ConfigError when the key is not a path.
    """
    environ = os.environ if environ is None else environ
    raw, mistakes = resolve_secrets(config.get("state_dir"), path="state_dir", environ=environ)
    if mistakes:
        raise ConfigError(mistakes)
    if raw is not None:
        if not isinstance(raw, str | Path) or not str(raw).strip():
            raise ConfigError([Mistake("state_dir", "expected the path of a folder")])
        return Path(raw).expanduser()
    if named := environ.get("STATE_DIRECTORY", "").split(":")[0]:  # several StateDirectory= are separated by colons
        return Path(named)
    if named := environ.get("XDG_STATE_HOME", ""):
        return Path(named) / FOLDER
    return Path("~/.local/state").expanduser() / FOLDER
