"""Metadata documents: temperatures and fires as they are drawn on video (guide 8.1, 8.2), and ONVIF's form of the same track.

Coordinates are thousandths from the top left corner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC

from .device import Device
from .markup import Element, Scalar, element, to_xml
from .models import Point
from .scene import to_tenths
from .units import METADATA_WORDS, degrees

_PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.isapi.org/ver20/XMLSchema"
_ONVIF = "http://www.onvif.org/ver10/schema"


def documents(device: Device, channel: int, types: Iterable[str], *, onvif: bool) -> list[bytes]:
    """What is to be told of these types now; nothing of fires while there are none."""
    wanted = set(types)
    if onvif:
        return [_encode(_onvif(device))] if wanted else []
    targets = {
        "thermometry": _temperatures(device),
        "fireDetection": _fires(device) if device.measuring.watches_fire else [],
    }
    return [
        _encode(_document(device, channel, name, found)) for name, found in targets.items() if found and name in wanted
    ]


def _document(device: Device, channel: int, name: str, targets: list[Element]) -> Element:
    return element(
        "Metadata",
        element("type", "activityTarget"),
        element("subType", name),
        element("time", device.now().isoformat(timespec="milliseconds")),
        element(
            "DevInfo",
            element("ipAddress", "192.0.2.64"),
            element("portNo", 554),
            element("macAddress", device.mac),
            element("channel", channel),
        ),
        element("TargetDetection", element("TargetList", *targets)),
        version="2.0",
        xmlns=_NAMESPACE,
    )


def _temperatures(device: Device) -> list[Element]:
    found = []
    for rule in device.scene.rules.values():
        reading = to_tenths(device.scene.reading(rule.id))
        for name, value, points in (
            ("average", reading.average, rule.points),
            ("lowest", reading.lowest, (reading.coldest,)),
            ("highest", reading.highest, (reading.hottest,)),
        ):
            found.append(_target(points, _temperature(device, value, name), rule.id))
    return found


def _fires(device: Device) -> list[Element]:
    found = []
    for fire in device.scene.seen_fires.values():
        left, top, width, height = fire.box
        corners = ((left, top), (left + width, top), (left + width, top + height), (left, top + height))
        distance = -1 if fire.distance_m is None else round(fire.distance_m)
        found.append(_target(corners, [_property("distance", distance)]))
        found.append(_target(((fire.x, fire.y),), _temperature(device, fire.celsius, "highest")))
    return found


def _target(points: Sequence[Point], properties: list[Element], rule: int | None = None) -> Element:
    places = [element("Point", element("x", round(x * 1000)), element("y", round(y * 1000))) for x, y in points]
    return element(
        "Target",
        None if rule is None else element("ruleID", rule),
        element("RegionList", element("Region", *places)),
        element("PropertyList", *properties),
    )


def _temperature(device: Device, celsius: float, name: str) -> list[Element]:
    value = round(degrees(celsius, device.unit), 1)
    return [
        _property("tempValue", round(value) if device.profile.numbers == "integer" else value),
        _property("tempUnit", METADATA_WORDS[device.unit]),
        _property("tempProperty", name),
    ]


def _property(name: str, value: Scalar) -> Element:
    return element("Property", element("description", name), element("value", value))


def _onvif(device: Device) -> Element:
    at = device.now().astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    frame = Element("tt:Frame", "", (("UtcTime", at),))
    return Element("tt:MetadataStream", (Element("tt:VideoAnalytics", (frame,)),), (("xmlns:tt", _ONVIF),))


def _encode(root: Element) -> bytes:
    return (_PROLOG + to_xml(root, newline="\n")).encode()
