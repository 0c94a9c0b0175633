"""Temperatures as JSON: the blocks of the real-time stream, the answer to polling, and that to a click (isapi.md 8.3, 8.5).

Numbers stand for words here: calibration 0 point, 1 region, 2 line; unit 0 °C, 1 °F, 2 K; status 0 measuring, 1 started, 2 ended.
Places are 0…1 from the top left corner.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from . import units
from .device import Device
from .measuring import WHOLE_RULE
from .models import Point, Rule
from .scene import Reading

Status = Literal["measuring", "started", "ended"]

_STATUSES: dict[Status, int] = {"measuring": 0, "started": 1, "ended": 2}
_CALIBRATIONS = {"point": 0, "region": 1, "line": 2}


def encode(value: dict[str, Any]) -> bytes:
    """Write JSON as these devices do: tabs, and a tab after the colon (isapi.md 8.4)."""
    return json.dumps(value, indent="\t", ensure_ascii=False, separators=(",", ":\t")).encode(errors="surrogateescape")


def uploads(device: Device, told: Iterable[tuple[Rule, Status]]) -> list[dict[str, Any]]:
    """`ThermometryUpload` of each rule."""
    found = [_upload(device, rule, status) for rule, status in told]
    return [upload for upload in found for _ in range(2)] if device.profile.repeated_rules else found


def blocks(device: Device, told: Iterable[tuple[Rule, Status]]) -> list[dict[str, Any]]:
    """The documents that tell of these rules: one with a list, or whatever the profile's firmware sends; [] for no rules."""
    found = uploads(device, told)
    match device.profile.upload_form:
        case "single":  # an object as soon as there is only one
            given: list[Any] = [found[0] if len(found) == 1 else found] if found else []
        case "each":
            given = list(found)
        case _:
            given = [found] if found else []
    inner = [{"ThermometryUpload": value} for value in given]
    return inner if device.profile.upload_form == "bare" else [{"ThermometryUploadList": value} for value in inner]


def polled(device: Device) -> dict[str, Any]:
    """`ThermometryRulesTemperatureInfoList`: all rules, without their numbers on the firmware that was captured."""
    found = []
    for rule in device.scene.rules.values():
        reading = device.scene.reading(rule.id)
        found.append(
            {
                **({"id": rule.id} if device.profile.polled_ids else {}),
                "maxTemperature": _degrees(device, reading.highest),
                "minTemperature": _degrees(device, reading.lowest),
                "averageTemperature": _degrees(device, reading.average),
                "MaxTemperaturePoint": _place(reading.hottest),
                "MinTemperaturePoint": _place(reading.coldest),
                "isFreezedata": _flag(device, device.scene.frozen),
            }
        )
    singleton = device.profile.upload_form == "single" and len(found) == 1
    return {
        "ThermometryRulesTemperatureInfoList": {"ThermometryRulesTemperatureInfo": found[0] if singleton else found}
    }


def clicked(device: Device, place: Point) -> dict[str, Any]:
    """`ClickToThermometryResult` of a place: one project claims such an answer, no capture shows it (isapi.md 8.5)."""
    return {
        "ClickToThermometryResult": {
            "temperature": _degrees(device, device.scene.at(place)),
            "thermometryUnit": units.NUMBERS[device.unit],
            "Point": _place(place),
        }
    }


def _upload(device: Device, rule: Rule, status: Status) -> dict[str, Any]:
    scene = device.scene
    reading = scene.reading(rule.id) if rule.id in scene.rules else scene.measure(rule)
    point, area = _point(device, rule, reading), _area(device, rule, reading)
    upload: dict[str, Any] = {
        "relativeTime": device.uptime_milliseconds,
        "absTime": int(device.now().timestamp()),
        "ruleName": rule.name,
        "ruleID": rule.id,
        "ruleCalibType": _CALIBRATIONS[rule.calibration],
        "presetNo": 0,
    }
    if rule.calibration == "point" or device.profile.both_readings:
        upload["PointThermCfg"] = point
    if rule.calibration != "point" or device.profile.both_readings:
        upload["LinePolygonThermCfg"] = area
    upload |= {
        "thermometryUnit": units.NUMBERS[device.unit],
        "dataType": _STATUSES[status],
        "isFreezedata": _flag(device, scene.frozen),
    }
    if rule.id == WHOLE_RULE:
        # By analogy with the SDK's NET_DVR_THERMOMETRY_UPLOAD (fCenterPointTemperature …); no capture shows normal mode.
        upload["CenterPointTemperature"] = _degrees(device, scene.at((0.5, 0.5)))
        upload["HighestPointTemperature"] = _degrees(device, reading.highest)
        upload["LowestPointTemperature"] = _degrees(device, reading.lowest)
    if rule.calibration != "point":
        upload |= {"HighestPoint": _place(reading.hottest), "LowestPoint": _place(reading.coldest)}
    return upload


def _point(device: Device, rule: Rule, reading: Reading) -> dict[str, Any]:
    if rule.calibration != "point":  # the half that means nothing
        return {"temperature": _number(device, 0.0), "Point": _place((0.0, 0.0))}
    return {"temperature": _degrees(device, reading.highest), "Point": _place(rule.points[0])}


def _area(device: Device, rule: Rule, reading: Reading) -> dict[str, Any]:
    names = ("MaxTemperature", "MinTemperature", "AverageTemperature", "TemperatureDiff")
    if rule.calibration == "point":
        return {**dict.fromkeys(names, _number(device, 0.0)), "Region": []}
    values = [_degrees(device, value) for value in (reading.highest, reading.lowest, reading.average)]
    spread = _number(device, units.steps(reading.highest - reading.lowest, device.unit))
    region = [{"Point": _place(point)} for point in rule.points]
    return {**dict(zip(names, [*values, spread], strict=True)), "Region": region}


def _degrees(device: Device, celsius: float) -> float:
    return _number(device, units.degrees(celsius, device.unit))


def _number(device: Device, value: float) -> float:
    return round(value) if device.profile.numbers == "integer" else round(value, 1)


def _flag(device: Device, value: bool) -> bool | int:
    return int(value) if device.profile.numeric_flags else value


def _place(point: Point) -> dict[str, float]:
    return {"positionX": round(point[0], 3), "positionY": round(point[1], 3)}
