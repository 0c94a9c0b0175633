"""Turn an alarm document (EventNotificationAlert, XML or JSON) into events; fields and their evidence: isapi.md 6.4 to 6.7, guide 7.

One event per happening: each rule of a temperature alarm is one, all burning spots of one document are one. A heartbeat is none.
A type nobody knows becomes OtherAlarm and is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from nvr_hooks import (
    Alarm,
    BadAnswer,
    Event,
    FireAlarm,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    Source,
    StorageAlarm,
    TamperAlarm,
    Target,
    VideoLoss,
    now,
)

from .alert_names import DISK_STATES, Family, family_of, level_of
from .alert_regions import entries, fire_targets, region_targets, smoke_targets
from .alert_rules import rule_alarms
from .times import read_time
from .xml import Element, child, children, descendants, fields, local_name, open_document, read_integer

ROOT = "EventNotificationAlert"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDocument:
    """One decoded document."""

    events: tuple[Alarm, ...] = ()
    heartbeat: bool = False
    at: datetime | None = None
    """The device's clock when it wrote the document, heartbeats included."""


def decode_alert(
    document: bytes,
    *,
    camera: str = "",
    source: Source = "alert_stream",
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> list[Event]:
    """Return the events of one document, none for a heartbeat; raise BadAnswer for a broken one. `zone` is for times without an offset."""
    found = decode_alert_document(document, camera=camera, source=source, received_at=received_at, zone=zone)
    return list(found.events)


def decode_alert_document(
    document: bytes,
    *,
    camera: str = "",
    source: Source = "alert_stream",
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> AlertDocument:
    """Return what one document says, the device's clock included; raise BadAnswer for a broken one or one that is no alarm document."""
    root = open_document(document, bare=ROOT)
    if local_name(root).lower() != ROOT.lower():
        raise BadAnswer(f"{local_name(root)} where {ROOT} was expected", camera=camera, data=document)
    found = [_decode(item, document, camera, source, received_at, zone) for item in _alerts(root)]
    if len(found) == 1:
        return found[0]
    events = tuple(event for item in found for event in item.events)
    return AlertDocument(events=events, heartbeat=all(item.heartbeat for item in found), at=found[-1].at)


def _alerts(root: Element) -> list[Element]:
    """Return the alarms of a document: itself, or the items of a JSON list."""
    inner = children(root, ROOT)
    return [alert for item in inner for alert in _alerts(item)] if inner else [root]


def _decode(
    root: Element, document: bytes, camera: str, source: Source, received_at: datetime | None, zone: tzinfo | None
) -> AlertDocument:
    top = fields(root)
    raw_type = _text(top, "eventType")
    if not raw_type:
        raise BadAnswer(f"{ROOT} without an eventType", camera=camera, data=document)
    date = _text(top, "dateTime")
    at = read_time(date, zone) if date else None
    state = (_text(top, "eventState") or "").lower()
    description = _text(top, "eventDescription")
    family = family_of(raw_type)
    if _is_heartbeat(family, raw_type, state, description):
        return AlertDocument(heartbeat=True, at=at)
    number = read_integer(_text(top, "channelID")) or read_integer(_text(top, "dynChannelID")) or None
    said: dict[str, Any] = {
        "camera": camera,
        "channel": number,
        "at": at,
        "received_at": received_at or now(),
        "source": source,
        "raw": document,
        "raw_type": raw_type,
        "phase": "end" if state == "inactive" else None,
        "description": description,
        "pictures": read_integer(_text(top, "detectionPicturesNumber")),
    }
    if family == "duration":
        return AlertDocument(events=_going_on(root, top, said), at=at)
    return AlertDocument(events=_events(family, root, top, said), at=at)


def _is_heartbeat(family: Family, raw_type: str, state: str, description: str | None) -> bool:
    """Tell a heartbeat (isapi.md 6.3). A video loss that is active is a real alarm."""
    if family == "video_loss":
        return state == "inactive"
    return family == "heartbeat" or (raw_type.lower() == "other" and "heartbeat" in (description or "").lower())


def _going_on(root: Element, top: dict[str, Element], said: dict[str, Any]) -> tuple[Alarm, ...]:
    """Events that a `duration` document says are still going on (isapi.md 6.4): under their own names, as repeats."""
    names = [(item.text or "").strip() for item in descendants(root, "relationEvent")]
    if said["phase"] is None:
        said["phase"] = "repeat"
    found: list[Alarm] = []
    for name in dict.fromkeys(names):
        if name:
            found += _events(family_of(name), root, top, {**said, "raw_type": name})
    return tuple(found) or (OtherAlarm(**said, targets=region_targets(entries(root))[0]),)


def _events(family: Family, root: Element, top: dict[str, Element], said: dict[str, Any]) -> tuple[Alarm, ...]:
    if family in ("temperature", "difference"):
        level = level_of(said["raw_type"], said["description"])
        return tuple(rule_alarms(entries(root), root, {**said, "level": level}, difference=family == "difference"))
    found = entries(root)
    if family == "fire":
        return (_fire(root, found, said),)
    if family == "smoke":
        return (_smoke(root, found, said),)
    if family == "smoke_and_fire":
        burning = [
            entry
            for entry in found
            if child(entry, "SmokeDetection") is None or child(entry, "FireDetection") is not None
        ]
        smoking = [
            entry
            for entry in found
            if child(entry, "FireDetection") is None or child(entry, "SmokeDetection") is not None
        ]
        fire = _fire(
            root, burning, said
        )  # one happening seen in two ways: they share the identifier of their life cycle
        return replace(fire, alarm_id=fire.id), replace(_smoke(root, smoking, said), alarm_id=fire.id)
    targets, flags = region_targets(found)
    said = {**said, "targets": targets, "flags": flags}
    if family == "motion":
        return (MotionAlarm(**said),)
    if family == "tamper":
        return (TamperAlarm(**said),)
    if family == "input":
        return (InputAlarm(**said, port=_number(top, "inputIOPortID", "dynInputIOPortID")),)
    if family == "storage":
        disk = _number(top, "diskNo", "diskNumber", "hddID", "hardDiskNo", "diskID")
        return (StorageAlarm(**said, disk=disk, state=DISK_STATES[said["raw_type"].lower()]),)
    if family == "video_loss":
        return (VideoLoss(**said),)
    return (OtherAlarm(**said),)


def _fire(root: Element, found: list[Element], said: dict[str, Any]) -> FireAlarm:
    """Build a fire alarm; its temperature is the highest of all targets, its distance that of the same target."""
    targets, unit, strategy, flags = fire_targets(found, root)
    hottest = max(targets, key=_heat, default=None)
    return FireAlarm(
        **said,
        targets=targets,
        celsius=None if hottest is None else hottest.celsius,
        unit_reported=unit,
        distance_m=None if hottest is None else hottest.distance_m,
        strategy=strategy,
        flags=flags,
    )


def _heat(target: Target) -> float:
    return float("-inf") if target.celsius is None else target.celsius


def _smoke(root: Element, found: list[Element], said: dict[str, Any]) -> SmokeAlarm:
    targets, strategy, flags = smoke_targets(found, root)
    return SmokeAlarm(**said, targets=targets, strategy=strategy, flags=flags)


def _text(top: dict[str, Element], name: str) -> str | None:
    found = top.get(name)
    return None if found is None else (found.text or "").strip() or None


def _number(top: dict[str, Element], *names: str) -> int | None:
    return next((read_integer(_text(top, name)) for name in names if name in top), None)
