"""From one bridge to the next when the settings changed: the cameras stay connected, and no alarm falls between the two."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from nvr_hooks import Alarm, AlarmPicture, Event, GapReport, NvrError, Subscription

log = logging.getLogger(__name__)
MOST: Final = 10_000


class Handover:
    """Listens to every camera from its beginning until `give`, beside the bridge that goes and the one that comes.

    What both the old bridge and this have taken is given to the new one too: at least once, and the events' ids tell.
    """

    def __init__(self, hooks: Any) -> None:
        self._hooks = hooks
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=MOST)
        self._subscriptions: list[Subscription] = []

    def __enter__(self) -> Self:
        for info in [info for infos in self._hooks.nvr_cameras() for info in infos or ()]:
            try:
                subscription = self._hooks.nvr_listen(camera=info.name, sink=self._take)
            except NvrError as err:
                log.debug("%s: cannot be listened to meanwhile: %s", info.name, err)
            else:
                if subscription is not None:
                    self._subscriptions.append(subscription)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def give(self, take: Callable[[Event], None]) -> None:
        """Hand on what was told meanwhile, in order; end listening."""
        self._close()
        with self._lock:
            events, self._events = self._events, deque(maxlen=MOST)
        for event in events:
            take(event)

    def _close(self) -> None:
        while self._subscriptions:
            self._subscriptions.pop().close()

    def _take(self, event: Event) -> None:
        if isinstance(event, Alarm | AlarmPicture | GapReport):
            with self._lock:
                self._events.append(event)
