"""What an alarm tells, drawn into the thermal pictures that follow it, by a thread of its own: no alarm and no listener waits for a drawing."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from nvr_hooks import Alarm, AlarmPicture, BadAnswer, Event, Unsupported

MOST_WAITING: Final = 16
"""Pictures of one camera that wait to be drawn into; what comes beyond goes on as it came."""
_ALARMS: Final = 16
"""Alarms whose pictures may still come."""
_PATIENCE: Final = 0.9
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Told:
    alarm: Alarm
    unnamed: int = 0
    """Pictures without a view that have come: only the first is taken for the thermal one."""


class AlarmPictures:
    """The pictures of one camera's alarms. `through` and `is_drawn` are called for one event at a time; `tell` gets what was drawn.

    The thread lives while a picture waits.
    """

    def __init__(self, name: str, tell: Callable[[Event], object]) -> None:
        self._name = name
        self._tell = tell
        self._wanted = False
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[AlarmPicture, Alarm]] = deque()
        self._drawn: AlarmPicture | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    def configure(self, *, wanted: bool) -> None:
        """Draw from now on, or no more. Imports what drawing takes, so that no alarm waits for it; says so where it is missing."""
        if wanted:
            from .media.overlay import check_pillow

            try:
                check_pillow(self._name)
            except Unsupported as error:
                wanted = False
                _log.warning("%s", error)
        self._wanted = wanted

    def is_drawn(self, event: Event) -> bool:
        """Tell whether this very event is what `tell` was called with: it has been through everything already."""
        return event is self._drawn

    def through(self, event: Event, placed: Event | None) -> Event | None:
        """Take an event as it came and as it is to be told; return what is told at once: None for a picture that is told when it is drawn."""
        if not self._wanted:
            return placed
        if isinstance(event, Alarm) and event.targets:
            self._told[event.id] = _Told(event)
            while len(self._told) > _ALARMS:
                self._told.popitem(last=False)
        if not isinstance(event, AlarmPicture) or not isinstance(placed, AlarmPicture):
            return placed
        told = self._told.get(event.alarm_id or "")
        if told is None or event.view == "visible" or event.content_type != "image/jpeg":
            return placed
        told.unnamed += event.view is None
        return placed if event.view is None and told.unnamed > 1 else self._later(placed, told.alarm)

    def interrupt(self) -> None:
        """Begin to end; what waits is told no more."""
        self._closing = True

    def close(self) -> None:
        """End the thread."""
        self.interrupt()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _later(self, picture: AlarmPicture, alarm: Alarm) -> AlarmPicture | None:
        with self._lock:
            if self._closing or len(self._waiting) >= MOST_WAITING:
                return picture
            self._waiting.append((picture, alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{self._name}-pictures", daemon=True)
                self._thread.start()
        return None

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._closing or not self._waiting:
                    self._waiting.clear()
                    self._thread = None
                    return
                picture, alarm = self._waiting.popleft()
            self._drawn = drawn = self._with_marks(picture, alarm)
            self._tell(drawn)

    def _with_marks(self, picture: AlarmPicture, alarm: Alarm) -> AlarmPicture:
        """Return the picture with its alarm drawn in; one that cannot be decoded as it came."""
        from .media import stills
        from .media.overlay import drawn, marks_of

        try:
            data = stills.encoded(drawn(stills.opened(picture.data, self._name), marks_of(alarm)), "jpeg")
        except BadAnswer as error:
            _log.info("%s", error)
        except Exception:  # noqa: BLE001 - the picture is worth telling all the same
            _log.exception("%s: a picture is passed on as it came", self._name)
        else:
            return replace(picture, data=data, length=len(data))
        return picture
