"""What an alarm looks like in Frigate: label, sub-label, score and boxes. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from nvr_hooks import Alarm, CameraInfo, FireAlarm, Point, Target, TemperatureAlarm, TemperatureDifferenceAlarm

from .settings import FrigateSettings

SCORES: Final[Mapping[str, float]] = {"alarm": 1.0, "pre_alarm": 0.5}
"""A camera tells no probability: an alarm is sure, a pre-alarm is half of one."""
COLOUR: Final = (255, 64, 0)
SMALLEST: Final = 0.02
"""A point has no size; so much of the picture is drawn around it."""
MOST_BOXES: Final = 32
LONGEST: Final = 100
"""Characters of a sub-label."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event as it is asked for."""

    camera: str
    """What Frigate calls it."""
    label: str
    sub_label: str | None
    score: float
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """Left, top, width, height, each 0…1."""

    def body(self, *, include_recording: bool) -> dict[str, Any]:
        """Return the request's body: an event that is open until it is ended."""
        percent = round(self.score * 100)
        boxes = [{"box": list(box), "color": list(COLOUR), "score": percent} for box in self.boxes]
        return {
            "sub_label": self.sub_label,
            "score": self.score,
            "duration": None,  # null is open; left out it would be 30 s
            "include_recording": include_recording,
            "draw": {"boxes": boxes} if boxes else {},
        }


def draft(alarm: Alarm, info: CameraInfo | None, settings: FrigateSettings) -> Draft:
    """Return the event an alarm becomes. `info` is what is known of its camera."""
    level = alarm.level or "alarm"
    return Draft(
        camera=frigate_camera(alarm.camera, alarm.channel, info, settings),
        label=settings.labels[alarm.kind],
        sub_label=_sub_label(alarm, "celsius" if info is None else info.reporting.unit),
        score=SCORES[level],
        boxes=tuple(box for target in alarm.targets[:MOST_BOXES] if (box := _box(target)) is not None),
    )


def frigate_camera(name: str, channel: int | None, info: CameraInfo | None, settings: FrigateSettings) -> str:
    """Return what Frigate calls the channel of a camera: by default `kiln_thermal`, `kiln_visible`, and `kiln_visible_3` for further ones.

    What names no channel, or comes before the channels are known, is told of the thermal one.
    """
    if info is None or channel is None:
        return settings.camera(name, thermal=True)
    others = [known.id for known in info.channels or () if not _thermal(known.id, known.thermal, info)]
    if channel not in others and (info.channels or info.thermal_channel in (None, channel)):
        return settings.camera(name, thermal=True)
    own = settings.camera(name, thermal=False)
    return own if channel in others[:1] or not others else f"{own}_{channel}"


def _thermal(channel: int, said: bool | None, info: CameraInfo) -> bool:
    return channel == info.thermal_channel if said is None else said


def told_late(sub_label: str | None, began: datetime, now: datetime) -> str:
    """Return the sub-label of an event that Frigate hears of late: Frigate dates it from then, so it says itself when it began."""
    local, today = began.astimezone(), now.astimezone().date()
    when = f"began {local:%H:%M:%S}" if local.date() == today else f"began {local:%Y-%m-%d %H:%M:%S}"
    return f"{sub_label}, {when}"[:LONGEST] if sub_label else when


def _sub_label(alarm: Alarm, unit: str) -> str | None:
    parts: list[str] = ["pre-alarm"] if alarm.level == "pre_alarm" else []
    match alarm:
        case FireAlarm(celsius=celsius, distance_m=distance):
            if celsius is None:
                celsius = max((target.celsius for target in alarm.targets if target.celsius is not None), default=None)
            parts += [_degrees(celsius, unit), "" if distance is None else f"{distance:g} m"]
        case TemperatureAlarm(rule_name=name, celsius=celsius):
            parts += [_degrees(celsius, unit), name or ""]
        case TemperatureDifferenceAlarm(rule_name=name, difference_kelvin=kelvin):
            parts += ["" if kelvin is None or not math.isfinite(kelvin) else f"{kelvin:.1f} K", name or ""]
    return ", ".join(filter(None, parts))[:LONGEST] or None


def _degrees(celsius: float | None, unit: str) -> str:
    if celsius is None or not math.isfinite(celsius):
        return ""
    if unit == "fahrenheit":
        return f"{celsius * 1.8 + 32:.1f} °F"
    return f"{celsius + 273.15:.1f} K" if unit == "kelvin" else f"{celsius:.1f} °C"


def _box(target: Target) -> tuple[float, float, float, float] | None:
    """Return the box around a place, within the picture; None when the device named no place."""
    points: Sequence[Point] = target.region or (() if target.hottest is None else (target.hottest,))
    points = [point for point in points if all(map(math.isfinite, point))]
    if not points:
        return None
    left, width = _span([x for x, _ in points])
    top, height = _span([y for _, y in points])
    return (left, top, width, height)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(max(value, 0.0), 1.0) for value in (min(values), max(values)))
    if high - low < SMALLEST:
        low = min(max((low + high - SMALLEST) / 2, 0.0), 1.0 - SMALLEST)
        high = low + SMALLEST
    return round(low, 4), round(high - low, 4)
