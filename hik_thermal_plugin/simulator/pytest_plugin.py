"""The pytest fixture `hik_simulator`: a thermal camera in software, for any project's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .simulator import Simulator


class HikSimulators:
    """A started camera, and a maker of more: `hik_simulator.http`, `hik_simulator(model="bullet").http`.

    The attributes and methods of `Simulator` lead to one camera with default options, started when first asked for.
    Calling it starts another one with the given options of `Simulator`. All are closed after the test.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._default: Simulator | None = None

    def __call__(self, **options: Any) -> Simulator:
        """Start one more camera; options as for `Simulator`."""
        from .simulator import Simulator  # numpy and Pillow are loaded by tests that use a camera only

        return self._stack.enter_context(Simulator(**options))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._default is None:
            self._default = self()
        return getattr(self._default, name)


@pytest.fixture
def hik_simulator() -> Iterator[HikSimulators]:
    """A simulated thermal camera on 127.0.0.1; call it with options of `Simulator` for others."""
    with ExitStack() as stack:
        yield HikSimulators(stack)
