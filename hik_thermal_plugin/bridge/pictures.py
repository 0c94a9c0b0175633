"""Which picture of its alarm a picture is, where the device does not say what it shows.

Cameras send a thermal and a visible picture behind one alarm under one name (isapi.md 6.6: `fireDetection.jpg` twice), and no document or
capture says which of them comes first. So none is taken for the other: the first has the place of the alarm's picture, later ones places
of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from nvr_hooks import Alarm, AlarmPicture

MOST_NUMBERS: Final = 8
"""Of one alarm; what comes beyond takes the last place."""
_MOST_ALARMS: Final = 64
_Key = tuple[str | None, datetime | None]


class PictureNumbers:
    """Counts the pictures of the last alarms of one camera. Not thread-safe."""

    def __init__(self) -> None:
        self._told: dict[_Key, set[str]] = {}
        """Which sources have told the alarm's document."""
        self._counts: dict[_Key, int] = {}

    def alarm(self, alarm: Alarm) -> None:
        """Take a document: pictures may follow it. Told again by the same source it has pictures of its own."""
        key = (alarm.alarm_id or alarm.id, alarm.at)
        sources = self._told.pop(key, set())
        if alarm.source in sources:
            sources = set()
            self._counts.pop(key, None)
        self._told[key] = sources | {alarm.source}
        if len(self._told) > _MOST_ALARMS:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._counts.pop(oldest, None)

    def number(self, picture: AlarmPicture) -> int:
        """Return which of its alarm's pictures it is, from 1; 1 where the device says what it shows, or no alarm came before it."""
        key = (picture.alarm_id, picture.at)
        if picture.view is not None or key not in self._told:
            return 1
        self._counts[key] = number = min(self._counts.get(key, 0) + 1, MOST_NUMBERS)
        return number
