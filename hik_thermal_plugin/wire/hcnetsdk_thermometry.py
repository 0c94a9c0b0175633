"""Thermometry over the vendor's library: real-time values of the rules, and measurements by hand (hcnetsdk.md 6.6, 7.4, 7.5; guide 9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal

from nvr_hooks import LineAt, MeasureOptions, Point, PointAt, RegionAt, TemperatureReading, Unsupported, Where, now

from . import hcnetsdk as numbers
from .hcnetsdk_layouts import (
    NET_DVR_REALTIME_THERMOMETRY_COND,
    NET_DVR_THERMOMETRY_UPLOAD,
    NET_SDK_MANUAL_THERMOMETRY,
    NET_SDK_MANUALTHERM_BASICPARAM,
    size_of,
    view,
)

ALL_CHANNELS = 0xFFFFFFFF
MOST_POINTS = 10
_POINT = 0
_CENTRE, _HIGHEST, _LOWEST = 1, 2, 4
_DISTANCE_UNITS = {0: 1.0, 1: 0.3048, 2: 0.01}
_MOST_DISTANCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualReading:
    """What the device tells of one manual rule (NET_SDK_MANUAL_THERMOMETRY)."""

    rule: int
    enabled: bool
    status: numbers.Status | None
    taken_at: datetime | None
    unit: str
    """As the device names it: celsius, fahrenheit, kelvin, or a number nobody knows."""
    calibration: Literal["point", "line", "region"] | None
    points: tuple[Point, ...]
    celsius: float | None = None
    """Of a point rule."""
    highest_celsius: float | None = None
    lowest_celsius: float | None = None
    average_celsius: float | None = None


def decode_upload(
    data: bytes,
    *,
    camera: str = "",
    channel: int | None = None,
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
    encoding: int = 0,
) -> TemperatureReading:
    """Return what one NET_DVR_THERMOMETRY_UPLOAD tells; raise BadAnswer for fewer bytes than it has.

    `channel` is the one that was asked for; a structure that names one wins when all were. `encoding` is the device's, of names.
    """
    info = view(NET_DVR_THERMOMETRY_UPLOAD, data)
    unit = numbers.UNITS.get(info.byThermometryUnit)
    point = info.byRuleCalibType == _POINT and info.byRuleID != 0
    area = None if info.byRuleCalibType == _POINT else info.struLinePolygonThermCfg
    special = info.bySpecialPointThermType
    highest_at, lowest_at = numbers.place(info.struHighestPoint), numbers.place(info.struLowestPoint)
    if area is None or (highest_at == lowest_at == (0.0, 0.0)):
        highest_at = lowest_at = None
    return TemperatureReading(
        camera=camera,
        channel=info.dwChan or None if channel is None else channel,
        at=numbers.device_time(info.dwAbsTime, zone),
        received_at=received_at or now(),
        source="realtime",
        raw=bytes(data[: size_of(NET_DVR_THERMOMETRY_UPLOAD)]),
        rule=info.byRuleID or None,
        rule_name=numbers.words(info.szRuleName, encoding),
        preset=info.wPresetNo or None,
        calibration=numbers.CALIBRATIONS.get(info.byRuleCalibType),
        status=numbers.STATUSES.get(info.byDataType),
        highest_celsius=_of(area, "fMaxTemperature", unit, special & _HIGHEST, info.fHighestPointTemperature),
        lowest_celsius=_of(area, "fMinTemperature", unit, special & _LOWEST, info.fLowestPointTemperature),
        average_celsius=None if area is None else numbers.celsius(area.fAverageTemperature, unit),
        centre_celsius=numbers.celsius(info.fCenterPointTemperature, unit) if special & _CENTRE else None,
        point_celsius=numbers.celsius(info.struPointThermCfg.fTemperature, unit) if point else None,
        difference_kelvin=None if area is None else numbers.kelvins(area.fTemperatureDiff, unit),
        highest_at=highest_at,
        lowest_at=lowest_at,
        region=_shape(info.byRuleCalibType, info.struPointThermCfg.struPoint, info.struLinePolygonThermCfg.struRegion),
        unit_reported=unit or str(info.byThermometryUnit),
        frozen=info.byIsFreezedata == 1,
    )


def decode_manual(data: bytes, *, zone: tzinfo | None = None) -> ManualReading:
    """Return what one NET_SDK_MANUAL_THERMOMETRY tells; raise BadAnswer for fewer bytes than it has."""
    info = view(NET_SDK_MANUAL_THERMOMETRY, data)
    rule = info.struRuleInfo
    unit = numbers.UNITS.get(info.byThermometryUnit)
    point, area = rule.struPointTherm, rule.struRegionTherm
    is_point = rule.byRuleCalibType == _POINT
    return ManualReading(
        rule=rule.byRuleID,
        enabled=rule.byEnable == 1,
        status=numbers.STATUSES.get(info.byDataType),
        taken_at=numbers.device_time(info.dwAbsTime, zone),
        unit=unit or str(info.byThermometryUnit),
        calibration=numbers.CALIBRATIONS.get(rule.byRuleCalibType),
        points=_shape(rule.byRuleCalibType, point.struPoint, area.struRegion),
        celsius=numbers.celsius(point.fPointTemperature, unit) if is_point else None,
        highest_celsius=None if is_point else numbers.celsius(area.fMaxTemperature, unit),
        lowest_celsius=None if is_point else numbers.celsius(area.fMinTemperature, unit),
        average_celsius=None if is_point else numbers.celsius(area.fAverageTemperature, unit),
    )


def condition(channel: int, *, rule: int = 0, every_second: bool = True) -> NET_DVR_REALTIME_THERMOMETRY_COND:
    """Return what a long connection asks for: one rule or (0) all."""
    found = NET_DVR_REALTIME_THERMOMETRY_COND(dwChan=channel, byRuleID=rule, byMode=1 if every_second else 0)
    found.dwSize = size_of(NET_DVR_REALTIME_THERMOMETRY_COND)
    return found


def manual_rule(channel: int, rule: int, where: Where, *, camera: str = "") -> NET_SDK_MANUAL_THERMOMETRY:
    """Return a manual rule over a place; raise Unsupported for a region with more corners than the structure has room for."""
    found = NET_SDK_MANUAL_THERMOMETRY(dwChannel=channel)
    found.dwSize = size_of(NET_SDK_MANUAL_THERMOMETRY)
    info = found.struRuleInfo
    info.byRuleID, info.byEnable = rule, 1
    match where:
        case PointAt(at=at):
            info.byRuleCalibType = 0
            info.struPointTherm.struPoint.fX, info.struPointTherm.struPoint.fY = at
            return found
        case LineAt(start=start, end=end):
            info.byRuleCalibType = 2
            points: tuple[Point, ...] = (start, end)
        case RegionAt(points=corners):
            info.byRuleCalibType = 1
            points = corners
    if len(points) > MOST_POINTS:
        text = f"{camera}: a region measured by the device has at most {MOST_POINTS} corners, this one {len(points)}"
        raise Unsupported(text, camera=camera)
    region = info.struRegionTherm.struRegion
    region.dwPointNum = len(points)
    for index, (x, y) in enumerate(points):
        region.struPos[index].fX, region.struPos[index].fY = x, y
    return found


def with_options(before: NET_SDK_MANUALTHERM_BASICPARAM, options: MeasureOptions) -> NET_SDK_MANUALTHERM_BASICPARAM:
    """Return basic parameters with the named surface properties; a distance goes into metres, or centimetres where it is no whole number."""
    found = NET_SDK_MANUALTHERM_BASICPARAM.from_buffer_copy(before)
    found.dwSize = size_of(NET_SDK_MANUALTHERM_BASICPARAM)
    if options.emissivity is not None:
        found.fEmissivity = options.emissivity
    if options.distance_m is not None:
        unit = 0 if float(options.distance_m).is_integer() or options.distance_m * 100 > _MOST_DISTANCE else 2
        found.byDistanceUnit = unit
        found.wDistance = min(_MOST_DISTANCE, round(options.distance_m / _DISTANCE_UNITS[unit]))
    return found


def basic_parameters(data: bytes) -> NET_SDK_MANUALTHERM_BASICPARAM:
    """Return the basic parameters a device has told; raise BadAnswer for fewer bytes than they have."""
    return view(NET_SDK_MANUALTHERM_BASICPARAM, data)


def _of(area: Any, name: str, unit: Any, told: int, special: float) -> float | None:
    """Return the area's value, or the special point's where the area has none."""
    found = None if area is None else numbers.celsius(getattr(area, name), unit)
    return numbers.celsius(special, unit) if found is None and told else found


def _shape(calibration: int, point: Any, polygon: Any) -> tuple[Point, ...]:
    if calibration != _POINT:
        return numbers.outline(polygon)
    found = numbers.place(point)
    return () if found is None or found == (0.0, 0.0) else (found,)
