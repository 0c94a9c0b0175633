"""Which rules, regions, inputs or disks an alarm speaks of."""

from __future__ import annotations

from nvr_hooks import Alarm, InputAlarm, StorageAlarm, TemperatureAlarm, TemperatureDifferenceAlarm

from .levels import Document

Members = list[tuple[str, list[Document]]]
"""Name of each, and its places."""


def members_of(alarm: Alarm, fields: Document) -> Members:
    """Return which rules or regions a document speaks of, each with its places; nothing when it names none."""
    places: list[Document] = [
        {"id": target.id, **document} for target, document in zip(alarm.targets, fields["targets"], strict=True)
    ]
    match alarm:
        case TemperatureAlarm(rule=rule, preset=preset) if rule is not None:
            return [(f"{preset or 1}:{rule}", places)]  # fixed cameras say preset 1, 0 or nothing
        case TemperatureDifferenceAlarm(rule=rule, other_rule=other, preset=preset) if rule is not None:
            return [(f"{preset or 1}:{rule}:{other}", places)]
        case InputAlarm(port=int(port)):
            return [(f"port {port}", places)]
        case StorageAlarm(disk=disk, state=state) if disk is not None or state is not None:
            return [(f"disk {disk} {state}", places)]
    names: dict[str, list[Document]] = {}
    for number, place in enumerate(places):
        name = f"#{number}" if place["id"] is None else str(place["id"])
        names[name if name not in names else f"{name}#{number}"] = [place]
    return list(names.items())
