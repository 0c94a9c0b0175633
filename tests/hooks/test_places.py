"""State goes where the configuration, systemd or the user's XDG folder says, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest
from nvr_hooks import ConfigError
from nvr_hooks.places import state_dir


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        ({"state_dir": "/srv/state"}, {"STATE_DIRECTORY": "/var/lib/x", "XDG_STATE_HOME": "/xdg"}, Path("/srv/state")),
        ({"state_dir": "${env:WHERE}/hik"}, {"WHERE": "/srv"}, Path("/srv/hik")),
        ({"state_dir": Path("/srv/p")}, {}, Path("/srv/p")),
        ({}, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two", "XDG_STATE_HOME": "/xdg"}, Path("/var/lib/one")),
        ({}, {"XDG_STATE_HOME": "/xdg"}, Path("/xdg/hik-thermal")),
        ({}, {}, Path("~/.local/state/hik-thermal").expanduser()),
        ({"state_dir": "~/state"}, {}, Path("~/state").expanduser()),
    ],
)
def test_the_first_that_says_something_wins(config: dict[str, object], environ: dict[str, str], expected: Path) -> None:
    assert state_dir(config, environ=environ) == expected


@pytest.mark.parametrize("wrong", [5, [], {}, "", "  ", True])
def test_what_is_no_path_is_a_mistake(wrong: object) -> None:
    with pytest.raises(ConfigError, match="state_dir: expected the path of a folder"):
        state_dir({"state_dir": wrong}, environ={})


def test_a_missing_variable_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="state_dir: the environment variable NOT_THERE is not set"):
        state_dir({"state_dir": "${env:NOT_THERE}"}, environ={})
