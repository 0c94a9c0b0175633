"""Which retained topics are ours, over restarts, and which of them nobody vouches for any more."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from typing import Final

from .messages import Topics
from .store import Store

FORGET_SECONDS: Final = 120.0
"""A rule of an earlier life that a camera does not name within this time, while it names others, is gone."""
_AREA: Final = "topic"


class Claims:
    """The topics of one bridge. Thread-safe."""

    def __init__(self, topics: Topics, store: Store) -> None:
        self._topics = topics
        self._store = store
        self._lock = threading.Lock()
        self._claimed: set[str] = set()
        self._unheard: dict[str, set[str]] = {}
        """Camera and channel -> temperatures an earlier life told that this one has not."""

    def start(self) -> None:
        """Take up what an earlier life claimed."""
        self._claimed = set(self._store.area(_AREA))
        for topic in self._claimed:
            if (place := self._measured(topic)) is not None:
                self._unheard.setdefault(place, set()).add(topic)

    def claim(self, topic: str) -> str | None:
        """Remember that a topic is ours; return the place whose rules will have been heard after FORGET_SECONDS, if that begins now."""
        begins = None
        if self._unheard and (place := self._measured(topic)) in self._unheard:
            with self._lock:
                unheard = self._unheard.get(place, set())
                unheard.discard(topic)
                begins = place if unheard else None
        if topic not in self._claimed:
            with self._lock:
                self._claimed.add(topic)
            self._store.put(_AREA, topic, "")
        return begins

    def leave(self, topic: str) -> None:
        """Forget a topic that is cleared."""
        with self._lock:
            self._claimed.discard(topic)
        self._store.drop(_AREA, topic)

    def unheard(self, place: str) -> Iterable[str]:
        """Return, once, the topics of a place's rules that are gone."""
        with self._lock:
            return sorted(self._unheard.pop(place, ()))

    def not_of(self, cameras: Collection[str]) -> Iterable[str]:
        """Return the topics of all cameras but these, by their part of a topic."""
        with self._lock:
            claimed = sorted(self._claimed)
        return [topic for topic in claimed if (owner := self._topics.owner(topic)) is not None and owner not in cameras]

    def of_channels(self, camera: str) -> Iterable[str]:
        """Return the topics of a camera's channels, by its part of a topic; what is told of the camera as a whole is not among them."""
        with self._lock:
            claimed = sorted(self._claimed)
        return [
            topic for topic in claimed if self._topics.owner(topic) == camera and len(self._topics.parts(topic)) > 3
        ]

    def _measured(self, topic: str) -> str | None:
        """Return camera and channel of a temperature; None for others, and for rules of presets, which may be away for long."""
        match self._topics.parts(topic):
            case [camera, channel, "temperature", rule] if not rule.startswith("p"):
                return f"{camera}/{channel}"
        return None
