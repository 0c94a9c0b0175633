"""Takes away what is retained of cameras that are gone: nobody vouches for it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from .announcements import Announcements
from .claims import Claims
from .messages import segment
from .store import Store


class Clearing:
    """Clears topics of one bridge, and drops the levels kept behind them. Thread-safe; `clear` takes the state of a topic away."""

    def __init__(
        self, claims: Claims, store: Store, home_assistant: Announcements, clear: Callable[[str], None]
    ) -> None:
        self._claims = claims
        self._store = store
        self._home_assistant = home_assistant
        self._clear = clear

    def all_but(self, cameras: Collection[str]) -> None:
        """Clear the topics of all cameras but these, by their part of a topic."""
        for topic in self._claims.not_of(cameras):
            self._clear(topic)
        self._drop_levels(lambda camera: camera not in cameras)

    def channels_of(self, name: str) -> None:
        """Clear what a camera has told of its channels: another device answers under its name."""
        mine = segment(name)
        for topic in self._claims.of_channels(mine):
            self._clear(topic)
        self._drop_levels(lambda camera: camera == mine)
        self._home_assistant.exchanged(mine)

    def _drop_levels(self, of: Callable[[str], bool]) -> None:
        for name in self._store.area("level"):
            if of(name.partition("/")[0]):
                self._store.drop("level", name)
