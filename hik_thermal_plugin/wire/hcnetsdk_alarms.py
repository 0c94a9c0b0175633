"""Alarms as the vendor's library delivers them: a command and a block of bytes, turned into events (hcnetsdk.md 5, 6.5, 7; guide 7).

A block is a structure with pictures behind it, which its pointers point at. The library frees it when the callback returns, so a copy comes
here, with the address it had: what does not point into the block is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Literal

from nvr_hooks import (
    Alarm,
    AlarmPicture,
    BadAnswer,
    Condition,
    Event,
    FireAlarm,
    InputAlarm,
    Level,
    MotionAlarm,
    OtherAlarm,
    Point,
    Quantity,
    SmokeAlarm,
    StorageAlarm,
    TamperAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    VideoLoss,
    now,
)

from . import hcnetsdk as numbers
from .alert_names import STRATEGIES, DiskState
from .alert_regions import FIRE_CELSIUS, MAX_DISTANCE, outside
from .alert_rules import MEASURED
from .alerts import decode_alert_document
from .hcnetsdk_layouts import (
    NET_DVR_ALARMINFO_V30,
    NET_DVR_FIREDETECTION_ALARM,
    NET_DVR_SMOKEDETECTION_ALARM,
    NET_DVR_THERMOMETRY_ALARM,
    NET_DVR_THERMOMETRY_DIFF_ALARM,
    size_of,
    view,
)

View = Literal["thermal", "visible"]
_LEVELS: dict[int, Level] = {0: "pre_alarm", 1: "alarm"}
_CONDITIONS: dict[int, Condition] = {0: "above", 1: "below"}
_QUANTITIES: dict[int, Quantity] = {0: "highest", 1: "lowest", 2: "average", 3: "difference"}
_SUDDEN = {4: "sudden rise", 5: "sudden drop"}
_STATES: dict[int, DiskState] = {1: "full", 4: "unformatted", 5: "error", 30: "offline"}
_BY_INPUT, _BY_DISK = (0, 23), (1, 4, 5)
_BY_CHANNEL = (2, 3, 6, 9, 10, 11, 14, 19, 28)
_TYPES = {
    0: "input", 1: "disk_full", 2: "video_loss", 3: "motion", 4: "disk_unformatted", 5: "disk_error", 6: "tamper",
    7: "standard_mismatch", 8: "illegal_login", 9: "video_signal_abnormal", 10: "record_abnormal", 11: "scene_change",
    12: "array", 13: "resolution_mismatch", 15: "vca", 16: "poe", 19: "audio_lost", 23: "pulse_alarm", 28: "view_changed",
    29: "battery_low", 30: "sd_card_missing",
}  # fmt: skip
"""dwAlarmType (hcnetsdk.md 5); the device writes a number, so its words are ours."""
_SIGNATURES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"BM", "image/bmp"))
_UNKNOWN_DISTANCE = (0, 0xFFFF)
_FIRE, _SMOKE, _BOTH = 0, 1, 2
_POINT = 0
_URL = 1
_SIZES = {
    numbers.COMM_ALARM_V30: size_of(NET_DVR_ALARMINFO_V30),
    numbers.COMM_FIREDETECTION_ALARM: size_of(NET_DVR_FIREDETECTION_ALARM),
    numbers.COMM_THERMOMETRY_ALARM: size_of(NET_DVR_THERMOMETRY_ALARM),
    numbers.COMM_THERMOMETRY_DIFF_ALARM: size_of(NET_DVR_THERMOMETRY_DIFF_ALARM),
}
_Picture = tuple[View | None, str | None, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What a callback was given, copied. `address` is where the block was: pointers inside it are offsets from there."""

    command: int
    data: bytes = field(repr=False)
    address: int = 0
    text: bytes = field(default=b"", repr=False)
    """The document of COMM_ISAPI_ALARM, which lies outside the structure."""
    pictures: Sequence[tuple[str, bytes]] = field(default=(), repr=False)
    """Its pictures, each with its name."""

    def at(self, pointer: int | None, length: int) -> bytes:
        """Return what a pointer inside the block points at; empty when it does not lie in the block as a whole."""
        start = (pointer or 0) - self.address
        return self.data[start : start + length] if start > 0 and 0 < length <= len(self.data) - start else b""


def decode_alarm(
    block: Block,
    *,
    camera: str = "",
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> list[Event]:
    """Return the events of one alarm, each with its pictures after it; raise BadAnswer for fewer bytes than its structure has.

    `zone` is the device's, for its times. A command nobody knows becomes OtherAlarm. A heartbeat inside a document is no event.
    """
    arrived = received_at or now()
    structure = block.data[: _SIZES.get(block.command)]
    said: dict[str, Any] = {"camera": camera, "source": "sdk", "received_at": arrived, "raw": structure}
    match block.command:
        case numbers.COMM_ALARM_V30:
            return list(_common(block, said))
        case numbers.COMM_FIREDETECTION_ALARM:
            return _fire(block, said, zone)
        case numbers.COMM_THERMOMETRY_ALARM:
            return _temperature(block, said, zone)
        case numbers.COMM_THERMOMETRY_DIFF_ALARM:
            return _difference(block, said)
        case numbers.COMM_ISAPI_ALARM:
            return _document(block, camera, arrived, zone)
    return [OtherAlarm(**said, raw_type=f"0x{block.command & 0xFFFFFFFF:04X}")]


def _common(block: Block, said: dict[str, Any]) -> Iterator[Alarm]:
    """Each set channel, disk or input is an alarm (guide 7.1.1); which of them counts depends on the type."""
    info = view(NET_DVR_ALARMINFO_V30, block.data)
    kind = info.dwAlarmType
    said = {
        **said,
        "raw_type": _TYPES.get(kind, f"COMM_ALARM_V30_{kind}"),
        "outputs": _set(info.byAlarmOutputNumber),
        "recording_channels": _set(info.byAlarmRelateChannel),
        "flags": () if kind in _TYPES else ("raw_type",),
    }
    if kind in _BY_INPUT:
        yield InputAlarm(**said, port=info.dwAlarmInputNumber + 1)  # counts from 0; terminals from 1
        return
    if kind in _STATES:
        disks = (_set(info.byDiskNumber) if kind in _BY_DISK else ()) or (None,)
        for disk in disks:
            yield StorageAlarm(**said, disk=disk, state=_STATES[kind])
        return
    make = {2: VideoLoss, 3: MotionAlarm, 6: TamperAlarm}.get(kind, OtherAlarm)
    channels = (_set(info.byChannel) if kind in _BY_CHANNEL else ()) or (None,)
    for channel in channels:
        yield make(**said, channel=channel)


def _fire(block: Block, said: dict[str, Any], zone: tzinfo | None) -> list[Event]:
    """Fire, smoke, or both: then they share the identifier of their life cycle (guide 7.2.1)."""
    info = view(NET_DVR_FIREDETECTION_ALARM, block.data)
    flags = set()
    strategy = STRATEGIES.get(str(info.byStrategyType))
    if strategy is None:
        strategy = str(info.byStrategyType)
        flags.add("strategy")
    distance = None if info.wTargetDistance in _UNKNOWN_DISTANCE else float(info.wTargetDistance)
    if distance is not None and distance > MAX_DISTANCE:
        flags.add("distance_m")
    pictures = _pictures(block, info.byPicTransType, (
        ("thermal", info.pBuffer, info.dwPicDataLen), ("visible", info.pVisiblePicBuf, info.dwVisiblePicLen),
    ))  # fmt: skip
    own_zone = numbers.zone_ahead(info.cTimeDifferenceH, info.cTimeDifferenceM) if info.byTimeDiffFlag == 1 else None
    said = {
        **said,
        "channel": info.wDevInfoIvmsChannelEx or info.struDevInfo.byIvmsChannel or info.struDevInfo.byChannel or None,
        "at": numbers.device_time(info.dwAbsTime, own_zone or zone),
        "raw_type": "COMM_FIREDETECTION_ALARM",
        "strategy": strategy,
        "pictures": len(pictures),
    }
    kind = info.byAlarmSubType
    found: list[Alarm] = []
    if kind != _SMOKE:
        found.append(_burning(info, said, distance, flags if kind in (_FIRE, _BOTH) else flags | {"raw_type"}))
    if kind in (_SMOKE, _BOTH):
        found.append(_smoking(block, info, said, distance, flags))
    if kind == _BOTH:
        found = [replace(alarm, alarm_id=found[0].id) for alarm in found]
    return [*found, *_following(found[0], pictures)]


def _burning(info: Any, said: dict[str, Any], distance: float | None, flags: set[str]) -> FireAlarm:
    heat = float(info.wFireMaxTemperature) or None  # plain °C (hcnetsdk.md 7.1); 0: not sent
    region, hottest = numbers.corners(info.struRect), numbers.place(info.struPoint)
    if hottest == (0.0, 0.0):
        hottest = None
    more = {"celsius"} if heat is not None and not FIRE_CELSIUS[0] <= heat <= FIRE_CELSIUS[1] else set()
    more |= {"region"} if outside(region) else set()
    more |= {"hottest"} if hottest is not None and outside((hottest,)) else set()
    return FireAlarm(
        **said,
        celsius=heat,
        unit_reported="celsius",
        distance_m=distance,
        targets=_only(Target(region=region, hottest=hottest, celsius=heat, distance_m=distance)),
        flags=tuple(sorted(flags | more)),
    )


def _smoking(block: Block, info: Any, said: dict[str, Any], distance: float | None, flags: set[str]) -> SmokeAlarm:
    smoke = block.at(info.pSmokeBuf, size_of(NET_DVR_SMOKEDETECTION_ALARM))
    region = numbers.corners(view(NET_DVR_SMOKEDETECTION_ALARM, smoke).struSmokePos) if smoke else ()
    more = {"region"} if outside(region) else set()
    targets = _only(Target(region=region, distance_m=distance))
    return SmokeAlarm(**said, targets=targets, flags=tuple(sorted(flags | more)))


def _temperature(block: Block, said: dict[str, Any], zone: tzinfo | None) -> list[Event]:
    """One rule beyond its limit (guide 7.2.2)."""
    info = view(NET_DVR_THERMOMETRY_ALARM, block.data)
    at = numbers.device_time(info.dwAbsTime, zone)
    pictures = _thermometry_pictures(block, info)
    unit = numbers.UNITS.get(info.byThermometryUnit)
    quantity = _QUANTITIES.get(info.byAlarmType)
    said, flags = _rule(info, said, "COMM_THERMOMETRY_ALARM", at, len(pictures))
    if info.byAlarmType not in _QUANTITIES and info.byAlarmType not in _SUDDEN:
        flags.add("quantity")
    region = _region(info.byRuleCalibType, info.struPoint, info.struRegion)
    hottest = numbers.place(info.struHighestPoint)
    target = Target(region=region, hottest=None if hottest == (0.0, 0.0) else hottest, id=info.byRuleID)
    if outside(region):
        flags.add("region")
    alarm: Alarm
    if quantity == "difference":
        kelvin = numbers.kelvins(info.fCurrTemperature, unit)
        alarm = TemperatureDifferenceAlarm(
            **said,
            rule=info.byRuleID,
            difference_kelvin=kelvin,
            threshold_kelvin=numbers.kelvins(info.fRuleTemperature, unit),
            targets=(target,),
            flags=_flagged(flags, kelvin, "difference_kelvin"),
        )
    else:
        heat = numbers.celsius(info.fCurrTemperature, unit)
        alarm = TemperatureAlarm(
            **said,
            rule=info.byRuleID,
            quantity=quantity,
            celsius=heat,
            threshold_celsius=numbers.celsius(info.fRuleTemperature, unit),
            description=_SUDDEN.get(info.byAlarmType),
            targets=(replace(target, celsius=heat),),
            flags=_flagged(flags, heat, "celsius"),
        )
    return [alarm, *_following(alarm, pictures)]


def _difference(block: Block, said: dict[str, Any]) -> list[Event]:
    """The difference of two rules beyond its limit (guide 7.2.3). fCurTemperatureDiff is the current one, fRuleTemperatureDiff the
    configured one, which the guide has the other way round (hcnetsdk.md 7.2)."""
    info = view(NET_DVR_THERMOMETRY_DIFF_ALARM, block.data)
    pictures = _thermometry_pictures(block, info)
    unit = numbers.UNITS.get(info.byThermometryUnit)
    said, flags = _rule(info, said, "COMM_THERMOMETRY_DIFF_ALARM", None, len(pictures))
    quantity = _QUANTITIES.get(info.byAlarmType)
    if quantity is None:
        flags.add("quantity")
    targets = []
    for index, rule in enumerate((info.byAlarmID1, info.byAlarmID2)):
        region = _region(info.byRuleCalibType, info.struPoint[index], info.struRegion[index])
        if outside(region):
            flags.add("region")
        targets.append(Target(region=region, id=rule))
    kelvin = numbers.kelvins(info.fCurTemperatureDiff, unit)
    alarm = TemperatureDifferenceAlarm(
        **said,
        rule=info.byAlarmID1,
        other_rule=info.byAlarmID2,
        quantity=quantity,
        difference_kelvin=kelvin,
        threshold_kelvin=numbers.kelvins(info.fRuleTemperatureDiff, unit),
        targets=tuple(targets),
        flags=_flagged(flags, kelvin, "difference_kelvin"),
    )
    return [alarm, *_following(alarm, pictures)]


def _rule(
    info: Any, said: dict[str, Any], raw_type: str, at: datetime | None, pictures: int
) -> tuple[dict[str, Any], set[str]]:
    """Return what both kinds of temperature alarm say of their rule, and what of it is outside the reference."""
    unit = numbers.UNITS.get(info.byThermometryUnit)
    shared = {
        **said,
        "channel": info.dwChannel or None,
        "at": at,
        "raw_type": raw_type,
        "level": _LEVELS.get(info.byAlarmLevel, "alarm"),
        "preset": info.wPresetNo or None,
        "calibration": numbers.CALIBRATIONS.get(info.byRuleCalibType),
        "condition": _CONDITIONS.get(info.byAlarmRule),
        "unit_reported": unit or str(info.byThermometryUnit),
        "pictures": pictures,
    }
    flags = {
        name
        for name, number, known in (
            ("unit_reported", info.byThermometryUnit, numbers.UNITS),
            ("level", info.byAlarmLevel, _LEVELS),
            ("calibration", info.byRuleCalibType, numbers.CALIBRATIONS),
            ("condition", info.byAlarmRule, _CONDITIONS),
        )
        if number not in known
    }
    return shared, flags


def _document(block: Block, camera: str, received_at: datetime, zone: tzinfo | None) -> list[Event]:
    """XML or JSON, as ISAPI login delivers everything (hcnetsdk.md 7.3)."""
    if not block.text:
        raise BadAnswer("an alarm document without a text", camera=camera, data=block.data)
    found = decode_alert_document(block.text, camera=camera, source="sdk", received_at=received_at, zone=zone).events
    pictures = [(_view_in(name), name or None, data) for name, data in block.pictures if data]
    if not found:
        return []
    return [*found, *_following(found[0], pictures)]


def _region(calibration: int, point: Any, polygon: Any) -> tuple[Point, ...]:
    if calibration != _POINT:
        return numbers.outline(polygon)
    found = numbers.place(point)
    return () if found is None else (found,)


def _thermometry_pictures(block: Block, info: Any) -> list[_Picture]:
    return _pictures(block, info.byPicTransType, (
        ("visible", info.pPicBuff, info.dwPicLen), ("thermal", info.pThermalPicBuff, info.dwThermalPicLen),
    ))  # fmt: skip


def _pictures(block: Block, transport: int, found: Sequence[tuple[View, int | None, int]]) -> list[_Picture]:
    """Return the pictures in the block; where the device sends addresses of pictures in their place there are none."""
    if transport == _URL:
        return []
    pictures = ((view_of, None, block.at(pointer, length)) for view_of, pointer, length in found)
    return [picture for picture in pictures if picture[2]]


def _following(alarm: Alarm, pictures: Sequence[_Picture]) -> Iterator[AlarmPicture]:
    for view_of, name, data in pictures:
        kind = next((kind for start, kind in _SIGNATURES if data.startswith(start)), "application/octet-stream")
        yield AlarmPicture(
            camera=alarm.camera,
            channel=alarm.channel,
            at=alarm.at,
            received_at=alarm.received_at,
            source="sdk",
            alarm_id=alarm.id,
            kind=alarm.kind,
            content_type=kind,
            view=view_of,
            name=name,
            length=len(data),
            data=data,
        )


def _view_in(name: str) -> View | None:
    word = name.lower()
    if "thermal" in word or "thermography" in word:
        return "thermal"
    return "visible" if "visible" in word or "optical" in word else None


def _set(array: Any) -> tuple[int, ...]:
    """Return the numbers, from 1, of what is set in an array of flags."""
    return tuple(number for number, yes in enumerate(bytes(array), 1) if yes == 1)


def _only(target: Target) -> tuple[Target, ...]:
    """Leave out what says nothing."""
    return () if target == Target() else (target,)


def _flagged(flags: set[str], value: float | None, name: str) -> tuple[str, ...]:
    if value is not None and not MEASURED[0] <= value <= MEASURED[1]:
        flags.add(name)
    return tuple(sorted(flags))
