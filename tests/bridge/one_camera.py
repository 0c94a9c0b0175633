"""A camera whose levels a test watches, with a clock the test turns, and the alarms it tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from nvr_hooks import (
    Alarm,
    FireAlarm,
    MotionAlarm,
    Target,
    TemperatureAlarm,
    TemperatureReading,
)

from hik_thermal_plugin.bridge.lifecycle import SPEAKING, LifeCycles, Outcome

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class OneCamera:
    """A camera's life cycles with a clock the test turns."""

    def __init__(self, *, online: bool = True, saved: dict[str, Any] | None = None, counts: bool = False) -> None:
        self.cycles = LifeCycles("kiln", 10.0)
        if not counts:  # nobody can tell whether it was heard
            for source in SPEAKING:
                self.cycles.heard(source, None)
        self.now = 100.0
        self.events: list[dict[str, Any]] = []
        self.levels: dict[tuple[int, str], dict[str, Any]] = {}
        self.saved: dict[str, Any] = dict(saved or {})
        self.history: list[bool | None] = []
        if saved is not None:
            self._note(self.cycles.load(saved, self.wall))
        if online:
            self.connect()

    @property
    def wall(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def tell(self, alarm: Alarm) -> list[tuple[str, str]]:
        return self._note(self.cycles.take(alarm, self.now))

    def connect(self, source: str = "alert_stream") -> None:
        self._note(self.cycles.connection(source, online=True, now=self.now, wall=self.wall))

    def lose(self, source: str = "alert_stream") -> None:
        self._note(self.cycles.connection(source, online=False, now=self.now, wall=self.wall))

    def read(self, **values: Any) -> bool:
        return self.cycles.reading(TemperatureReading(camera="kiln", channel=2, **values), self.now)

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass as a timer does: stop at every deadline on the way."""
        end = self.now + seconds
        told = []
        last = None
        while (at := self.cycles.next_deadline()) is not None and at <= end:
            assert at > self.now or not self.cycles.doubting, "a doubt does not turn in circles"
            assert at != last, "a tick settles what is due, or the timer would never rest"
            last = at
            self.now = max(self.now, at)
            told += self._note(self.cycles.tick(self.now, self.wall))
        self.now = end
        told += self._note(self.cycles.tick(self.now, self.wall))
        return told

    def active(self, kind: str, channel: int = 2) -> bool | None:
        active = self.levels[channel, kind]["active"]
        assert active is None or isinstance(active, bool)
        return active

    def level(self, kind: str, channel: int = 2) -> dict[str, Any]:
        return self.levels[channel, kind]

    def restarted(self, *, online: bool = False) -> OneCamera:
        """Return the camera after a kill -9: only what was kept is left, and it went through JSON."""
        return OneCamera(online=online, saved=json.loads(json.dumps(self.saved)))

    def _note(self, outcome: Outcome) -> list[tuple[str, str]]:
        self.events += outcome.events
        self.saved |= outcome.saved
        for channel, kind, document in outcome.alarms:
            self.levels[channel, kind] = document
            self.history.append(document["active"])
        return [(event["phase"], event["alarm_id"]) for event in outcome.events]


def fire(*regions: tuple[int | None, float], **fields: Any) -> FireAlarm:
    targets = tuple(
        Target(id=number, region=((0.1, 0.1), (0.2, 0.2)), hottest=(0.1, 0.2), celsius=celsius, distance_m=celsius / 10)
        for number, celsius in regions
    )
    hottest = max(regions, key=lambda region: region[1], default=(None, None))
    return FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", targets=targets, celsius=hottest[1], **fields)


def hot(rule: int | None = 1, level: Literal["alarm", "pre_alarm"] = "alarm", **fields: Any) -> TemperatureAlarm:
    return TemperatureAlarm(
        camera="kiln", channel=2, raw_type="TMA" if level == "alarm" else "TMPA", level=level, rule=rule,
        **{"celsius": 57.6, "threshold_celsius": 48.0, "condition": "above", "quantity": "highest"} | fields,
    )  # fmt: skip


def motion(**fields: Any) -> MotionAlarm:
    return MotionAlarm(camera="kiln", channel=2, raw_type="VMD", **fields)
