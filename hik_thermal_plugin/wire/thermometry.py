"""Temperatures of the measuring rules as documents: the real-time stream, polling, and click-to-thermometry (isapi.md 8.3, 8.5; guide 9.1, 9.2).

Enumerations are numbers here where alarms use words: calibration 0 point, 1 region, 2 line; unit 0 °C, 1 °F, 2 K; status 0 measuring,
1 started, 2 ended. Both words and numbers are read. Coordinates are 0…1 from the top left; firmware that counts to 1000 is noticed.
A value that a device leaves out, or that is no finite number, is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from nvr_hooks import BadAnswer, Calibration, Point, TemperatureReading, now

from .units import Unit, read_unit, to_celsius, to_kelvins
from .xml import MAX_DOCUMENT, Element, local_name, open_document, read_number

Status = Literal["measuring", "started", "ended"]
Json = Mapping[str, Any]

_CALIBRATIONS: dict[str, Calibration] = {
    "0": "point",
    "point": "point",
    "1": "region",
    "region": "region",
    "frame": "region",
    "box": "region",
    "2": "line",
    "line": "line",
}
_STATUSES: dict[str, Status] = {
    "0": "measuring",
    "measuring": "measuring",
    "detecting": "measuring",
    "1": "started",
    "started": "started",
    "start": "started",
    "2": "ended",
    "ended": "ended",
    "end": "ended",
}
_BETWEEN = re.compile("[\\s\0,\ufeff]*")
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # 2000 and 2100: outside of them a clock was never set
_MOST_POINTS = 100
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def decode_readings(
    document: bytes, *, camera: str = "", channel: int | None = None, received_at: datetime | None = None
) -> list[TemperatureReading]:
    """Return the readings in one block of `…/realTimethermometry/rules`: none, one, or all rules.

    Takes JSON (several documents run together as well) and XML, a list or a single object, with or without `ThermometryUploadList` around.
    Raises BadAnswer for anything else, also for the ResponseStatus a device sends instead.
    """
    arrived = received_at or now()
    readings = []
    for value in _documents(document, camera):
        for entry in _entries(value, ("ThermometryUploadList", "ThermometryUpload"), document, camera):
            readings.append(_reading(entry, document, camera, channel, arrived))
    return readings


def decode_rules_temperatures(
    document: bytes,
    *,
    camera: str = "",
    channel: int | None = None,
    rules: Mapping[int, Mapping[str, object]] | None = None,
    preset: int | None = None,
    unit: str | None = None,
    received_at: datetime | None = None,
) -> list[TemperatureReading]:
    """Return the readings in an answer of `…/<preset>/rulesTemperatureInfo`.

    The answer names neither unit nor, on some firmware, rules: then the order counts. `rules` (the enabled ones, as `regions` of the rules
    document: name, type, points) tells which they are, and `unit` is the camera's `temperatureUnit`.
    """
    arrived = received_at or now()
    known = dict(rules or {})
    order = list(known)
    names = ("ThermometryRulesTemperatureInfoList", "ThermometryRulesTemperatureInfo")
    readings = []
    entries = [entry for value in _documents(document, camera) for entry in _entries(value, names, document, camera)]
    for index, entry in enumerate(entries):
        said = _whole(_first(entry, "id", "ruleID", "ruleId"))
        rule = said if said is not None else order[index] if index < len(order) else index + 1
        of_rule = known.get(rule, {})
        word = _first(entry, "thermometryUnit", "temperatureUnit")
        scale = read_unit(unit if word is None else word)
        highest, lowest = _celsius(entry.get("maxTemperature"), scale), _celsius(entry.get("minTemperature"), scale)
        average = _celsius(entry.get("averageTemperature"), scale)
        calibration = _CALIBRATIONS.get(_word(_first(entry, "ruleCalibType")) or _word(of_rule.get("type")))
        points = of_rule.get("points")
        readings.append(
            TemperatureReading(
                camera=camera,
                channel=channel,
                received_at=arrived,
                source="poll",
                raw=document,
                rule=rule,
                rule_name=_name(_first(entry, "name", "ruleName")) or _name(of_rule.get("name")),
                preset=preset,
                calibration=calibration,
                status="measuring",
                highest_celsius=highest,
                lowest_celsius=lowest,
                average_celsius=average,
                point_celsius=(average if average is not None else highest) if calibration == "point" else None,
                difference_kelvin=_spread(highest, lowest),
                highest_at=_place(entry.get("MaxTemperaturePoint")),
                lowest_at=_place(entry.get("MinTemperaturePoint")),
                region=tuple((float(x), float(y)) for x, y in points) if isinstance(points, (list, tuple)) else (),
                unit_reported=_said(word if word is not None else unit),
                frozen=_flag(entry.get("isFreezedata")),
            )
        )
    return readings


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickResult:
    """What a click-to-thermometry request brought: `celsius` is None when the device only took the point and tells no value."""

    celsius: float | None
    at: Point | None = None


def click_request(at: Point, *, thousandths: bool = False) -> bytes:
    """Return the body of PUT `…/clickToThermometry/rules/<id>?format=json` for a point (0…1 from the top left).

    The vendor's demo sends 0…1, one application 0…1000 (isapi.md 8.5): `thousandths` is for devices that refuse the first.
    """
    x, y = (round(at[0] * 1000), round(at[1] * 1000)) if thousandths else (round(at[0], 6), round(at[1], 6))
    return json.dumps({"ClickToThermometryRule": {"Point": {"positionX": x, "positionY": y}}}).encode()


def decode_click(document: bytes, *, camera: str = "") -> ClickResult:
    """Read the answer to a click: a temperature, or the mere OK of a device that tells it elsewhere; BadAnswer for a refusal."""
    for value in _documents(document, camera):
        inner = value.get("ClickToThermometryResult", value) if isinstance(value, dict) else None
        if not isinstance(inner, dict):
            break
        found = _number(_first(inner, "temperature", "currTemperature", "pointTemperature", "TempValue", "value"))
        if found is not None:
            unit = read_unit(_first(inner, "thermometryUnit", "temperatureUnit"))
            return ClickResult(celsius=None if unit is None else to_celsius(found, unit), at=_place(inner.get("Point")))
        status = inner.get("ResponseStatus", inner)
        if isinstance(status, dict) and _whole(status.get("statusCode")) == 1:
            return ClickResult(celsius=None)
        _refuse(status, document, camera)
    raise BadAnswer(_tell(camera, f"no answer to a click: {document[:60]!r}"), camera=camera, data=document)


def _documents(data: bytes, camera: str) -> Iterator[Any]:
    if len(data) > MAX_DOCUMENT:
        raise BadAnswer(
            _tell(camera, f"temperatures of {len(data)} bytes; at most {MAX_DOCUMENT} are read"), camera=camera
        )
    words = data.decode("utf-8", "replace")
    at = _after_blank(words, 0)
    if words[at : at + 1] == "<":
        root = open_document(data)
        yield {local_name(root): _tree(root)}
        return
    if at == len(words):
        raise BadAnswer(_tell(camera, "temperatures expected, an empty document came"), camera=camera)
    while at < len(words):
        try:
            value, at = _DECODER.raw_decode(words, at)
        except (ValueError, RecursionError) as err:
            raise BadAnswer(
                _tell(camera, f"broken or cut JSON ({len(data)} bytes): {err}"), camera=camera, data=data
            ) from None
        yield value
        at = _after_blank(words, at)


def _after_blank(words: str, at: int) -> int:
    match = _BETWEEN.match(words, at)
    return at if match is None else match.end()


def _tree(element: Element) -> Any:
    """Turn XML into what the JSON form would be; in every list of the documents read here a singleton is accepted."""
    found: dict[str, Any] = {}
    for item in element:
        name, value = local_name(item), _tree(item) if len(item) else (item.text or "").strip()
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    return found


def _entries(value: Any, names: tuple[str, str], document: bytes, camera: str) -> list[Json]:
    outer, inner = names
    if isinstance(value, dict):
        if not value.keys() & {outer, inner, "ruleID", "PointThermCfg", "LinePolygonThermCfg", "maxTemperature"}:
            _refuse(value.get("ResponseStatus", value), document, camera)
        value = value.get(outer, value)
    if isinstance(value, dict):
        value = value.get(inner, value)
    if value is None or value == "":
        return []
    found = value if isinstance(value, list) else [value]
    if any(not isinstance(entry, dict) for entry in found):
        raise BadAnswer(
            _tell(camera, f"{inner} is no list of objects: {document[:60]!r}"), camera=camera, data=document
        )
    return [entry for entry in found if entry]


def _refuse(status: Any, document: bytes, camera: str) -> None:
    if isinstance(status, dict) and "statusCode" in status:
        words = f"{_said(status.get('statusString'))}, {_said(status.get('subStatusCode'))}"
        raise BadAnswer(
            _tell(camera, f"the device answered {words} instead of temperatures"), camera=camera, data=document
        )
    raise BadAnswer(_tell(camera, f"no temperatures in {document[:60]!r}"), camera=camera, data=document)


def _reading(entry: Json, document: bytes, camera: str, channel: int | None, arrived: datetime) -> TemperatureReading:
    unit = read_unit(entry.get("thermometryUnit"))
    point, area = entry.get("PointThermCfg"), entry.get("LinePolygonThermCfg")
    calibration = _CALIBRATIONS.get(_word(entry.get("ruleCalibType")))
    if calibration is None and isinstance(point, dict) and not isinstance(area, dict):
        calibration = "point"
    # Both are filled on some firmware, and only the one that ruleCalibType names means something (isapi.md 8.3).
    point = point if calibration == "point" and isinstance(point, dict) else {}
    area = area if calibration != "point" and isinstance(area, dict) else {}
    rule = _whole(_first(entry, "ruleID", "ruleId", "id"))
    return TemperatureReading(
        camera=camera,
        channel=channel,
        at=_moment(entry),
        received_at=arrived,
        source="realtime",
        raw=document,
        rule=rule or None,  # rules count from 1; 0 or none: the whole picture
        rule_name=_name(entry.get("ruleName")),
        preset=_whole(entry.get("presetNo")) or None,  # 0: no preset
        calibration=calibration,
        status=_STATUSES.get(_word(entry.get("dataType"))),
        highest_celsius=_celsius(
            _first(area, "MaxTemperature", "maxTemperature", or_else=_special(entry, "highest")), unit
        ),
        lowest_celsius=_celsius(
            _first(area, "MinTemperature", "minTemperature", or_else=_special(entry, "lowest")), unit
        ),
        average_celsius=_celsius(_first(area, "AverageTemperature", "averageTemperature"), unit),
        centre_celsius=_celsius(_special(entry, "center"), unit),
        point_celsius=_celsius(_first(point, "temperature", "Temperature"), unit),
        difference_kelvin=_kelvins(_first(area, "TemperatureDiff", "temperatureDiff"), unit),
        highest_at=_place(entry.get("HighestPoint")),
        lowest_at=_place(entry.get("LowestPoint")),
        region=_outline(point.get("Point")) if calibration == "point" else _outline(area.get("Region")),
        unit_reported=unit if unit is not None else _said(entry.get("thermometryUnit")),
        frozen=_flag(entry.get("isFreezedata")),
    )


def _special(entry: Json, which: str) -> Any:
    """The whole picture's values in normal mode: names by analogy with NET_DVR_THERMOMETRY_UPLOAD (fCenterPointTemperature …)."""
    return _first(entry, f"{which}PointTemperature", f"{which.capitalize()}PointTemperature")


def _first(entry: Json, *names: str, or_else: Any = None) -> Any:
    for name in names:
        if name in entry:
            return entry[name]
    return or_else


def _number(value: Any) -> float | None:
    if type(value) is float:  # nearly every value there is
        return value if -1e300 < value < 1e300 else None
    if isinstance(value, str):
        return read_number(value)
    return float(value) if type(value) is int and -1e300 < value < 1e300 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 1 << 53 else None


def _celsius(value: Any, unit: Unit | None) -> float | None:
    number = _number(value)
    return None if number is None or unit is None else to_celsius(number, unit)


def _kelvins(value: Any, unit: Unit | None) -> float | None:
    number = _number(value)
    return None if number is None or unit is None else to_kelvins(number, unit)


def _spread(highest: float | None, lowest: float | None) -> float | None:
    return None if highest is None or lowest is None else round(highest - lowest, 6)


def _flag(value: Any) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(_word(value))


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower() if isinstance(value, (bool, int, str)) else ""


def _said(value: Any) -> str | None:
    return None if value is None else _UNSAFE.sub("", str(value)[:200])


def _name(value: Any) -> str | None:
    return (_UNSAFE.sub("", value).strip() or None) if isinstance(value, str) else None


def _moment(entry: Json) -> datetime | None:
    for name in ("absTime", "timestamp"):
        seconds = _number(entry.get(name))
        if seconds is not None and seconds >= _LATEST:
            seconds /= 1000  # milliseconds
        if seconds is not None and _EARLIEST <= seconds < _LATEST:
            return datetime.fromtimestamp(seconds, UTC)
    return None


def _place(value: Any) -> Point | None:
    found = _outline(value)
    return found[0] if found else None


def _outline(value: Any) -> tuple[Point, ...]:
    """Points of a place or region, 0…1; empty when one of them is no point or lies beyond every known scale."""
    points: list[tuple[float, float]] = []
    largest = 0.0
    for item in value if type(value) is list else (value,):
        if type(item) is not dict:
            return ()
        inner = item.get("Point", item)
        for place in inner if type(inner) is list else (inner,):
            if type(place) is not dict:
                return ()
            x, y = _number(place.get("positionX")), _number(place.get("positionY"))
            if x is None or y is None or not (0 <= x <= 1000 and 0 <= y <= 1000) or len(points) == _MOST_POINTS:
                return ()
            points.append((x, y))
            if x > largest or y > largest:
                largest = max(x, y)
    return tuple((x / 1000, y / 1000) for x, y in points) if largest > 1 else tuple(points)


def _tell(camera: str, what: str) -> str:
    return f"{camera}: {what}" if camera else what


_DECODER = json.JSONDecoder()
