"""What is going on before the camera, and which of it is to be told now.

An alarm is told when it begins or grows, then again with each `repeat()` while it lasts. Its end is told only by a device
that sends `inactive` (isapi.md 10, quirk 24). A trigger that is not linked to the surveillance center tells nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from . import alerts
from .device import Device
from .markup import Element
from .measuring import Comparison
from .models import Rule
from .scene import Reading, to_tenths

DIFFERENCE_KELVIN = 10.0
DISK_EVENTS = {"full": "diskfull", "error": "diskerror"}

_Tell = Callable[[bool, bool], Element]  # (active, with pictures)


@dataclass(frozen=True, slots=True)
class Telling:
    """One document to send; `first` when it tells something new, `pictures` when pictures follow it."""

    document: Element
    first: bool
    pictures: bool


@dataclass(frozen=True, slots=True)
class _Alarm:
    trigger: str
    level: str
    targets: frozenset[int]
    tell: _Tell
    pictures: bool = False
    repeats: bool = True


@dataclass(slots=True)
class _Moment:
    until: float
    alarm: _Alarm


class Alarms:
    """The alarms of one device; the caller decides when to look."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._told: dict[str, _Alarm] = {}
        self._moments: dict[str, _Moment] = {}
        self._count = 0
        self._armed: dict[tuple[int, int], float] = {}

    def compare(self, rule: int, other: int, kelvin: float, threshold: float | None) -> None:
        """Arm a comparison of two rules; its threshold stays until another is given.

        The first one is 10 K, or half of `kelvin` where that is less.
        """
        pair = (rule, other)
        default = min(DIFFERENCE_KELVIN, kelvin / 2) if kelvin > 0 else DIFFERENCE_KELVIN
        self._armed[pair] = self._armed.get(pair, default) if threshold is None else threshold

    def motion(self, channel: int, seconds: float) -> None:
        """Something moves for `seconds`."""
        self._happen(f"VMD-{channel}", seconds, lambda active, _: alerts.motion(self._device, channel, active=active))

    def tamper(self, seconds: float) -> None:
        """The lens is covered for `seconds`."""
        self._happen("tamper-1", seconds, lambda active, _: alerts.tamper(self._device, active=active))

    def input(self, port: int, seconds: float) -> None:
        """An alarm input is closed for `seconds`."""
        self._happen(f"IO-{port}", seconds, lambda active, _: alerts.alarm_input(self._device, port, active=active))

    def look(self) -> list[Telling]:
        """Tell what has begun, grown or ended since the last look."""
        return self._tellings(repeat=False)

    def repeat(self) -> list[Telling]:
        """Tell what `look()` tells, and again all that lasts."""
        now = time.monotonic()
        self._moments = {key: moment for key, moment in self._moments.items() if moment.until > now}
        return self._tellings(repeat=True)

    def restart(self) -> None:
        """Forget what was told, as a reboot does: what lasts is told as new."""
        self._told.clear()
        self._moments.clear()

    def _happen(self, trigger: str, seconds: float, tell: _Tell) -> None:
        self._count += 1
        alarm = _Alarm(trigger, "", frozenset({self._count}), tell)
        self._moments[trigger] = _Moment(time.monotonic() + seconds, alarm)

    def _tellings(self, *, repeat: bool) -> list[Telling]:
        device = self._device
        going_on = {
            key: alarm
            for key, alarm in self._going_on().items()
            if device.linked(alarm.trigger) and device.armed(alarm.trigger)
        }
        due: list[Telling] = []
        for key, old in list(self._told.items()):
            new = going_on.get(key)
            if new is None or new.level != old.level:
                del self._told[key]
                if self._device.profile.sends_inactive:
                    due.append(Telling(old.tell(False, False), first=True, pictures=False))
        for key, alarm in going_on.items():
            told = self._told.get(key)
            first = told is None or not alarm.targets <= told.targets
            self._told[key] = alarm
            if first or (repeat and alarm.repeats):
                pictures = first and alarm.pictures
                due.append(Telling(alarm.tell(True, pictures), first, pictures))
        return due

    def _going_on(self) -> dict[str, _Alarm]:
        device, scene = self._device, self._device.scene
        thermal = device.model.thermal.id
        found: dict[str, _Alarm] = {}
        fires = tuple(scene.seen_fires.values())
        if fires and device.measuring.watches_fire:
            found["fire"] = _Alarm(
                f"fireDetection-{thermal}",
                "",
                frozenset(fire.region for fire in fires),
                lambda active, pictures: alerts.fire(device, fires, active=active, pictures=pictures),
                pictures=True,
            )
        if place := scene.seen_smoke:
            found["smoke"] = _Alarm(
                f"smokeDetection-{thermal}",
                "",
                frozenset(),
                lambda active, pictures: alerts.smoke(device, place, active=active, pictures=pictures),
                pictures=True,
            )
        for rule in scene.rules.values():
            reading = to_tenths(scene.reading(rule.id))
            if level := _level(rule, reading):
                found[f"rule {rule.id}"] = self._rule_alarm(rule, level, reading)
        for comparison in self._comparisons():
            kelvin = round(scene.difference(comparison.rule, comparison.other, comparison.quantity), 1)
            if kelvin > comparison.kelvin if comparison.condition == "above" else kelvin < comparison.kelvin:
                pair = f"difference {comparison.rule} {comparison.other}"
                found[pair] = self._difference_alarm(comparison, kelvin)
        if kind := DISK_EVENTS.get(device.disk):
            found["disk"] = _Alarm(
                kind, kind, frozenset(), lambda active, _: alerts.disk(device, kind, active=active), repeats=False
            )
        return found | {key: moment.alarm for key, moment in self._moments.items()}

    def _rule_alarm(self, rule: Rule, level: str, reading: Reading) -> _Alarm:
        device = self._device
        return _Alarm(
            f"thermometry-{device.model.thermal.id}",
            level,
            frozenset(),
            lambda active, pictures: alerts.temperature(device, rule, level, reading, active=active, pictures=pictures),
            pictures=True,
        )

    def _comparisons(self) -> list[Comparison]:
        """The comparisons that steps have armed, and those of the configuration."""
        rules = self._device.scene.rules
        armed = [
            Comparison(first, second, "highest", "above", kelvin)
            for (first, second), kelvin in self._armed.items()
            if first in rules and second in rules
        ]
        return [*armed, *self._device.measuring.comparisons()]

    def _difference_alarm(self, comparison: Comparison, kelvin: float) -> _Alarm:
        device, scene = self._device, self._device.scene
        rules = scene.rules[comparison.rule], scene.rules[comparison.other]
        place = scene.reading(comparison.rule).hottest
        return _Alarm(
            f"thermometry-{device.model.thermal.id}",
            "",
            frozenset(),
            lambda active, _: alerts.difference(device, rules, comparison, kelvin, place, active=active),
        )


def _level(rule: Rule, reading: Reading) -> str | None:
    value = round(reading.of(rule.quantity), 1)

    def beyond(threshold: float | None) -> bool:
        return threshold is not None and (value > threshold if rule.condition == "above" else value < threshold)

    return "TMA" if beyond(rule.alarm) else "TMPA" if beyond(rule.pre_alarm) else None
