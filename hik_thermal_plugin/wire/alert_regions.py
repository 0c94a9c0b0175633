"""Where an alarm is: the DetectionRegionEntry items of a document as targets, in XML and in every shape JSON gives such a list.

Coordinates are 0…1000 in the document, 0…1 here, origin top left (isapi.md 6.4). Values outside a documented range are kept and flagged by
the name of their field. The documented range of a fire's temperature begins at 300 °C (guide 7.2.1), but devices send 63 to 101 °C
(isapi.md 6.6): below 300 nothing is flagged, or every real fire would be.
"""

from __future__ import annotations

from nvr_hooks import Point, Target

from .alert_names import STRATEGIES
from .units import read_unit, to_celsius
from .xml import Element, child, descendant, descendants, fields, local_name, read_integer, read_number

FIRE_CELSIUS = (-40.0, 4000.0)
MAX_DISTANCE = 10_000.0
"""Metres (guide 7.2.1). Below its documented minimum of 100 m nothing is flagged: indoors every fire is nearer."""


def entries(root: Element) -> list[Element]:
    """Return the regions or rules a document speaks of; a JSON list may lack the DetectionRegionEntry in between."""
    found = list(root.iter("{*}DetectionRegionEntry"))
    if not found:
        for items in descendants(root, "DetectionRegionList"):
            found += [items] if child(items, "regionID") is not None else [item for item in items if len(item)]
    return found


def points(element: Element | None) -> tuple[Point, ...]:
    """Return the coordinates below an element, in the device's order."""
    if element is None:
        return ()
    found: list[Point] = []
    across: float | None = None
    for item in element.iter("{*}positionX", "{*}positionY"):
        value = read_number(item.text)
        if item.tag[-1] == "X":
            across = value
        elif across is not None and value is not None:
            found.append((across / 1000, value / 1000))
            across = None
    return tuple(found)


def outside(found: tuple[Point, ...]) -> bool:
    """Tell whether a point lies off the picture."""
    return any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in found)


def region_targets(found: list[Element]) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Return the regions of an alarm that measures nothing, and what is out of range."""
    targets = []
    for entry in found:
        inside = fields(entry)
        region = points(inside.get("RegionCoordinatesList")) or _target_rectangle(inside.get("TargetRect"))
        targets.append(Target(region=region, id=_identifier(inside)))
    flags = ("region",) if any(outside(target.region) for target in targets) else ()
    return tuple(targets), flags


def fire_targets(
    found: list[Element], root: Element
) -> tuple[tuple[Target, ...], str | None, str | None, tuple[str, ...]]:
    """Return (targets, reported unit, strategy, flags) of a fire; a document without regions may still give a temperature at its top."""
    targets, unit, flags = [], None, set[str]()
    strategy: str | None = None
    for entry in found or [root]:
        inside = fields(entry)
        body = inside.get("FireDetection")
        values = inside if body is None else fields(body)
        if "fireMaxTemperature" not in values and not found:
            break
        celsius = read_number(_text(values, "fireMaxTemperature"))
        word = _text(values, "temperatureUnit") or _text(values, "thermometryUnit")
        known = read_unit(word)
        if known is None:
            flags.add("unit_reported")
        if celsius is not None:
            celsius = to_celsius(celsius, known or "celsius")
            if not FIRE_CELSIUS[0] <= celsius <= FIRE_CELSIUS[1]:
                flags.add("celsius")
        distance = read_number(_text(values, "targetDistance"))
        if distance is not None and distance > MAX_DISTANCE:
            flags.add("distance_m")
        region = points(inside.get("RegionCoordinatesList")) or _rectangle(values.get("FireRegion"))
        hottest = _point(values.get("HighestPoint"))
        if outside(region):
            flags.add("region")
        if hottest is not None and outside((hottest,)):
            flags.add("hottest")
        unit = unit or word
        strategy = strategy or _strategy(values)
        targets.append(
            Target(
                region=region,
                hottest=hottest,
                celsius=celsius,
                distance_m=None if distance is None or distance < 0 else distance,  # -1: unknown (isapi.md 6.6)
                id=_identifier(inside),
            )
        )
    return tuple(targets), unit, strategy, tuple(sorted(flags))


def smoke_targets(found: list[Element], root: Element) -> tuple[tuple[Target, ...], str | None, tuple[str, ...]]:
    """Return (targets, strategy, flags) of smoke, by analogy with fire (isapi.md 6.6)."""
    targets = []
    strategy = _strategy(fields(root))
    for entry in found:
        inside = fields(entry)
        body = inside.get("SmokeDetection")
        values = inside if body is None else fields(body)
        region = points(inside.get("RegionCoordinatesList")) or _rectangle(values.get("SmokeRegion"))
        distance = read_number(_text(values, "targetDistance"))
        targets.append(
            Target(
                region=region, distance_m=None if distance is None or distance < 0 else distance, id=_identifier(inside)
            )
        )
        strategy = strategy or _strategy(values)
    flags = ("region",) if any(outside(target.region) for target in targets) else ()
    return tuple(targets), strategy, flags


def measured(entry: Element, raw_type: str) -> Element | None:
    """Return the element of a rule that holds what was measured: named like the event, else the first that holds currTemperature (isapi.md 6.5)."""
    wanted = raw_type.lower()
    for item in entry:
        if local_name(item).lower() == wanted:
            return item
    current = descendant(entry, "currTemperature")
    return None if current is None else current.getparent()


def _rectangle(element: Element | None) -> tuple[Point, ...]:
    """Return the corners of x, y, width, height in 0…1000."""
    if element is None:
        return ()
    x, y, width, height = (read_number(_text(fields(element), name)) for name in ("x", "y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return ()
    left, top, right, bottom = x / 1000, y / 1000, (x + width) / 1000, (y + height) / 1000
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _target_rectangle(element: Element | None) -> tuple[Point, ...]:
    """Return the corners of X, Y, width, height in 0…1 (isapi.md 6.7)."""
    if element is None:
        return ()
    x, y, width, height = (read_number(_text(fields(element), name)) for name in ("X", "Y", "width", "height"))
    if x is None or y is None or width is None or height is None:
        return ()
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def _point(element: Element | None) -> Point | None:
    """Return a point written as x, y or as positionX, positionY."""
    if element is None:
        return None
    values = fields(element)
    x, y = read_number(_text(values, "x")), read_number(_text(values, "y"))
    if x is not None and y is not None:
        return (x / 1000, y / 1000)
    return next(iter(points(element)), None)


def _strategy(values: dict[str, Element]) -> str | None:
    word = _text(values, "strategyType") or _text(values, "strategy")
    return None if word is None else STRATEGIES.get(word, word)


def _identifier(values: dict[str, Element]) -> int | None:
    return read_integer(_text(values, "regionID") or _text(values, "ruleID") or _text(values, "id"))


def _text(values: dict[str, Element], name: str) -> str | None:
    found = values.get(name)
    return None if found is None else (found.text or "").strip() or None
