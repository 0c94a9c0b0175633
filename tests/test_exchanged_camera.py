"""Another model answers under a camera's name: it is told so, and nothing of the one before is taken for its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hik_thermal_plugin.acquaintance import another
from hik_thermal_plugin.transport import Identity

WaitFor = Callable[..., None]


@pytest.mark.parametrize(
    ("before", "present", "yes"),
    [
        (Identity(), Identity(serial="A", model="X"), False),
        (Identity(serial="A", model="X"), Identity(serial="A", model="Y"), False),
        (Identity(serial="A", model="X"), Identity(serial="B", model="X"), True),
        (Identity(serial="A", model="X"), Identity(model="X"), False),
        (Identity(serial="A", model="X"), Identity(model="Y"), True),
        (Identity(model="X"), Identity(serial="B"), False),
    ],
)
def test_who_is_another(before: Identity, present: Identity, yes: bool) -> None:
    assert another(before, present) is yes
