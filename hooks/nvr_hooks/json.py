"""The one JSON form of events: command line, MQTT and tests use it alike.

Unknown is null and never missing; what makes no sense for a type is left out. Times are RFC 3339 in UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from .events import (
    Alarm,
    CameraChanged,
    Event,
    FireAlarm,
    SmokeAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
)
from .values import CameraInfo, Disk, LineAt, Measurement, PointAt, RecordedFile, Where

_ORDER = [
    "type",
    "id",
    "alarm_id",
    "camera",
    "channel",
    "at",
    "received_at",
    "late",
    "source",
    "kind",
    "raw_type",
    "level",
    "phase",
    "rule",
    "other_rule",
    "rule_name",
    "preset",
    "calibration",
    "status",
    "quantity",
    "condition",
    "celsius",
    "threshold_celsius",
    "difference_kelvin",
    "threshold_kelvin",
    "unit_reported",
    "distance_m",
    "strategy",
    "port",
    "disk",
    "state",
    "reason",
    "retry_at",
    "lost_at",
    "back_at",
    "targets",
    "pictures",
]
_WHERE_TOLD = ("outputs", "recording_channels", "flags")
_LEFT_OUT = frozenset({"raw", "data", "info", *_WHERE_TOLD})
_THERMAL = (FireAlarm, SmokeAlarm, TemperatureAlarm, TemperatureDifferenceAlarm)


def rfc3339(at: datetime | None) -> str | None:
    """Write a time in UTC with milliseconds: `2023-12-27T10:07:58.000Z`."""
    if at is None:
        return None
    with suppress(OverflowError):  # the calendar's first or last hours, from a device with a broken clock
        at = at.astimezone(UTC)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as plain data for json.dumps."""
    out: dict[str, Any] = {"type": event.type}
    for name, write in _writers(type(event)):
        value = getattr(event, name)
        out[name] = value if write is None else write(event, value)
    if isinstance(event, Alarm):
        out.update((name, list(value)) for name in _WHERE_TOLD if (value := getattr(event, name)))
    if isinstance(event, CameraChanged):
        out["info"] = camera_json(event.info)
    return out


def camera_json(info: CameraInfo) -> dict[str, Any]:
    """Return what is known of a camera as plain data."""
    return {
        "name": info.name,
        "url": info.url,
        "manufacturer": info.manufacturer,
        "model": info.model,
        "firmware": info.firmware,
        "serial": info.serial,
        "mac": info.mac,
        "device_name": info.device_name,
        "state": info.state,
        "thermal_channel": info.thermal_channel,
        "thermal_evidence": info.thermal_evidence,
        "channels": None
        if info.channels is None
        else [
            {
                "id": channel.id,
                "name": channel.name,
                "thermal": channel.thermal,
                "streams": [
                    {
                        "id": stream.id,
                        "profile": stream.profile,
                        "codec": stream.codec,
                        "width": stream.width,
                        "height": stream.height,
                        "fps": stream.frames_per_second,
                    }
                    for stream in channel.streams
                ],
            }
            for channel in info.channels
        ],
        "capabilities": None if info.capabilities is None else dict(info.capabilities),
    }


def measurement_json(found: Measurement) -> dict[str, Any]:
    """Return a measurement as plain data; `where` is one of `{"point": [x, y]}`, `{"line": [[x, y], [x, y]]}`, `{"region": [[x, y], …]}`."""
    return {
        "camera": found.camera,
        "channel": found.channel,
        "where": _where(found.where),
        "celsius": found.celsius,
        "highest_celsius": found.highest_celsius,
        "lowest_celsius": found.lowest_celsius,
        "average_celsius": found.average_celsius,
        "highest_at": None if found.highest_at is None else list(found.highest_at),
        "lowest_at": None if found.lowest_at is None else list(found.lowest_at),
        "taken_at": rfc3339(found.taken_at),
        "way": found.way,
        "frame_age_seconds": found.frame_age_seconds,
        "frozen": found.frozen,
        "status": found.status,
        "unit_reported": found.unit_reported,
    }


def recording_json(file: RecordedFile) -> dict[str, Any]:
    """Return a recording on a camera as plain data."""
    return {
        "camera": file.camera,
        "channel": file.channel,
        "track": file.track,
        "start": rfc3339(file.start),
        "end": rfc3339(file.end),
        "name": file.name,
        "size": file.size,
        "kind": file.kind,
        "locked": file.locked,
        "still_recording": file.still_recording,
    }


def disk_json(disk: Disk) -> dict[str, Any]:
    """Return a disk or network share as plain data; sizes in bytes."""
    return {
        "id": disk.id,
        "kind": disk.kind,
        "name": disk.name,
        "state": disk.state,
        "capacity": disk.capacity,
        "free": disk.free,
        "encrypted": disk.encrypted,
    }


def _where(where: Where) -> dict[str, Any]:
    match where:
        case PointAt(at=at):
            return {"point": list(at)}
        case LineAt(start=start, end=end):
            return {"line": [list(start), list(end)]}
    return {"region": [list(point) for point in where.points]}


_Write = Callable[[Event, Any], Any]
_WRITERS: dict[type[Event], tuple[tuple[str, _Write | None], ...]] = {}


def _writers(cls: type[Event]) -> tuple[tuple[str, _Write | None], ...]:
    if (found := _WRITERS.get(cls)) is None:
        found = _WRITERS[cls] = _make_writers(cls)
    return found


def _make_writers(cls: type[Event]) -> tuple[tuple[str, _Write | None], ...]:
    names = [item.name for item in fields(cls) if item.name not in _LEFT_OUT]
    if issubclass(cls, Alarm):
        names.append("kind")
    names.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return tuple((name, _writer(name)) for name in names)


def _writer(name: str) -> _Write | None:
    if name in ("at", "received_at", "retry_at", "lost_at", "back_at"):
        return lambda event, value: rfc3339(value)
    if name == "targets":
        return lambda event, value: [_target(target, isinstance(event, _THERMAL)) for target in value]
    if name == "region":
        return lambda event, value: [list(point) for point in value]
    if name == "beyond":
        return lambda event, value: None if value is None else [asdict(limit) for limit in value]
    if name == "recordings":
        return lambda event, value: None if value is None else [recording_json(file) for file in value]
    if name == "unknown":
        return lambda event, value: list(value)
    if name in ("hottest", "highest_at", "lowest_at"):
        return lambda event, value: None if value is None else list(value)
    return None


def _target(target: Target, thermal: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"region": [list(point) for point in target.region]}
    if thermal:
        out["hottest"] = None if target.hottest is None else list(target.hottest)
        out["celsius"] = target.celsius
        out["distance_m"] = target.distance_m
    return out
