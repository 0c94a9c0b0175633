"""Temperature and temperature-difference alarms: each rule of a document is an event of its own (isapi.md 6.5, guide 7.2.2 and 7.2.3).

`currTemperature` is flagged outside the guide's -40…1000.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nvr_hooks import Alarm, Target, TemperatureAlarm, TemperatureDifferenceAlarm

from .alert_names import calibration_of, rule_words
from .alert_regions import measured, outside, points
from .units import read_unit, to_celsius, to_kelvins
from .xml import Element, fields, read_integer, read_number

MEASURED = (-40.0, 1000.0)
_RULE = ("regionID", "ruleID", "RuleID", "id")
_OTHER_RULE = ("ruleID2", "alarmID2", "otherRuleID", "relatedRuleID", "diffRuleID", "regionID2")
_THRESHOLD = ("ruleTemperature", "RuleTemperature", "ruleTemperatureDiff", "alarmRule")
_CURRENT = ("currTemperature", "CurrTemperature", "currTemperatureDiff", "temperatureDiff")
_NAMES = ("ruleName", "name")


def rule_alarms(found: list[Element], root: Element, said: dict[str, Any], *, difference: bool) -> Iterator[Alarm]:
    """Yield one alarm per rule; a document without rules is one alarm all the same. `difference`: the event's name means one.

    Two entries of which only one measures are the two rules of one difference.
    """
    bodies = [(entry, measured(entry, said["raw_type"])) for entry in found]
    measuring = [pair for pair in bodies if pair[1] is not None]
    silent = [entry for entry, body in bodies if body is None]
    if not bodies:
        yield _alarm(root, measured(root, said["raw_type"]), None, said, difference)
    elif len(measuring) == 1 and len(silent) == 1:
        alarm = _alarm(*measuring[0], silent[0], said, difference)
        yield alarm
        if not isinstance(alarm, TemperatureDifferenceAlarm):
            yield _alarm(silent[0], None, None, said, difference)
    else:
        for entry, body in bodies:
            yield _alarm(entry, body, None, said, difference)


def _alarm(
    entry: Element, body: Element | None, other: Element | None, said: dict[str, Any], difference: bool
) -> Alarm:
    outer = fields(entry)
    values = outer if body is None else fields(body)
    quantity, condition = rule_words(_first(values, "ruleType", "alarmRuleType"))
    word = _first(values, "thermometryUnit", "temperatureUnit")
    unit = read_unit(word)
    flags = set() if unit else {"unit_reported"}
    unit = unit or "celsius"
    current = read_number(_first(values, *_CURRENT))
    threshold = read_number(_first(values, *_THRESHOLD))
    region = points(outer.get("RegionCoordinatesList"))
    spot = points(values.get("MaximumTemperaturePoint"))
    hottest = spot[0] if spot else None
    if outside(region):
        flags.add("region")
    if outside(spot):
        flags.add("hottest")
    rule = read_integer(_first(outer, *_RULE) or _first(values, *_RULE))
    shared = {
        **said,
        "rule": rule,
        "rule_name": _first(values, *_NAMES) or _first(outer, *_NAMES),
        "preset": read_integer(_first(values, "presetNo")),
        "calibration": calibration_of(_first(values, "ruleCalibType")),
        "condition": condition,
        "unit_reported": word,
    }
    if quantity == "difference" or (difference and quantity is None):
        kelvin = None if current is None else to_kelvins(current, unit)
        targets = [Target(region=region, hottest=hottest, id=rule)]
        other_rule = read_integer(_first(values, *_OTHER_RULE) or _first(outer, *_OTHER_RULE))
        if other is not None:
            also = fields(other)
            other_rule = read_integer(_first(also, *_RULE)) if other_rule is None else other_rule
            targets.append(Target(region=points(also.get("RegionCoordinatesList")), id=other_rule))
        return TemperatureDifferenceAlarm(
            **shared,
            other_rule=other_rule,
            difference_kelvin=kelvin,
            threshold_kelvin=None if threshold is None else to_kelvins(threshold, unit),
            targets=_only(targets),
            flags=_flags(flags, kelvin, "difference_kelvin"),
        )
    celsius = None if current is None else to_celsius(current, unit)
    return TemperatureAlarm(
        **shared,
        quantity=quantity,
        celsius=celsius,
        threshold_celsius=None if threshold is None else to_celsius(threshold, unit),
        targets=_only([Target(region=region, hottest=hottest, celsius=celsius, id=rule)]),
        flags=_flags(flags, celsius, "celsius"),
    )


def _only(targets: list[Target]) -> tuple[Target, ...]:
    """Leave out what says nothing."""
    return tuple(
        item for item in targets if item.region or item.hottest or item.celsius is not None or item.id is not None
    )


def _flags(flags: set[str], value: float | None, name: str) -> tuple[str, ...]:
    if value is not None and not MEASURED[0] <= value <= MEASURED[1]:
        flags.add(name)
    return tuple(sorted(flags)) if flags else ()


def _first(values: dict[str, Element], *names: str) -> str | None:
    """Return the first of these fields that says something."""
    for name in names:
        found = values.get(name)
        if found is not None and (word := (found.text or "").strip()):
            return word
    return None
