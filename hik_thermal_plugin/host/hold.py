"""Holds the connections of cameras while plugins that use them are exchanged: the last subscriber to leave would end them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from nvr_hooks import Event, NvrError, Subscription

from .app import Host
from .pulse import TEMPERATURES, health_of

log = logging.getLogger(__name__)
SECONDS: Final = 10.0
"""Plugins look for their cameras every few seconds, on threads of their own."""


class Hold:
    """Subscribes, beside those who do, to every camera that is connected. Not thread-safe."""

    def __init__(self, host: Host, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._clock = clock
        self._subscriptions: list[Subscription] = []
        self._until = 0.0

    def take(self) -> None:
        """Hold what is connected now, for a while."""
        self.release()
        self._until = self._clock() + SECONDS
        for info in self._host.cameras():
            sources = {health.source for health in health_of(self._host, info.name) if health.state != "starting"}
            if sources - TEMPERATURES:
                self._ask(self._host.hook.nvr_listen, info.name)
            if sources & TEMPERATURES:
                self._ask(self._host.hook.nvr_watch, info.name)

    def tick(self) -> None:
        """Let go when the while is over."""
        if self._subscriptions and self._clock() >= self._until:
            self.release()

    def release(self) -> None:
        """Let go."""
        while self._subscriptions:
            self._subscriptions.pop().close()

    def _ask(self, hook: Any, camera: str) -> None:
        try:
            subscription = hook(camera=camera, sink=_nothing)
        except NvrError as err:
            log.debug("%s: its connection is not held: %s", camera, err)
        else:
            if subscription is not None:
                self._subscriptions.append(subscription)


def _nothing(event: Event) -> None:
    """Take what others take too."""
