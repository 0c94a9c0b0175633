"""What of the many temperatures that cameras tell is worth a line for people; programs get every one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from nvr_hooks import CameraInfo, TemperatureReading

from .output import channels_text

MOVED_KELVIN = 0.5
AGAIN_SECONDS = 10.0
_SLACK = 1e-6
_Told = tuple[float, object, tuple[float | None, ...]]


class News:
    """Remembers what was told: the same again is news when a temperature has moved by 0.5 K, the state changed, or 10 s have passed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[object, _Told] = {}
        self._identities: dict[str, object] = {}

    def is_news(self, reading: TemperatureReading) -> bool:
        """Tell whether a reading is to be told; if so, it counts as told."""
        values = (
            reading.highest_celsius,
            reading.lowest_celsius,
            reading.average_celsius,
            reading.centre_celsius,
            reading.point_celsius,
            reading.difference_kelvin,
        )
        rule = (reading.camera, reading.channel, reading.preset, reading.rule)
        return self._tell(rule, (reading.source, reading.status == "ended", reading.frozen), values)

    def is_new_identity(self, info: CameraInfo) -> bool:
        """Tell whether the line about who a camera is would be another one; if so, it counts as told."""
        said = (info.model, channels_text(info))
        if self._identities.get(info.name) == said:
            return False
        self._identities[info.name] = said
        return True

    def is_new_message(self, topic: str, payload: bytes) -> bool:
        """Tell whether a rule's temperatures as an MQTT message (flat JSON) are to be told; if so, they count as told."""
        try:
            said = json.loads(payload or b"{}")
        except ValueError:
            return True
        if not isinstance(said, dict):
            return True
        numbers = (said.get(key) for key in ("max", "min", "average", "centre", "value", "difference"))
        values = tuple(number if isinstance(number, int | float) else None for number in numbers)
        return self._tell(topic, (bool(payload), said.get("frozen"), said.get("stale")), values)

    def _tell(self, what: object, state: object, values: tuple[float | None, ...]) -> bool:
        at = self._clock()
        before = self._told.get(what)
        if before is not None and at - before[0] < AGAIN_SECONDS and before[1] == state:
            pairs = zip(before[2], values, strict=True)
            if not any(_moved(old, new) for old, new in pairs):
                return False
        self._told[what] = (at, state, values)
        return True


def _moved(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is not new
    return not abs(new - old) < MOVED_KELVIN - _SLACK
