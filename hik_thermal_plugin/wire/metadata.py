"""Metadata documents of the RTSP track with payload type 107: temperatures of rules and burning spots (guide 8.1, 8.2).

Fields in the vendor's words (guide 8; "XML_Video_Metadata" and "XML_Metadata_Thermal" of the vendor's metadata guide):

    Metadata          type       ruleTarget (rules, at the start and when they change) | activityTarget (what is there now) | PTZ
                      subType    thermometry | fireDetection | shipsDetection | behaviorAnalysis | …
                      time       ISO 8601 with milliseconds
    DevInfo           channel
    Target            ruleID     absent for fires
      Region/Point    x, y       one point, two for a line, more for an outline
      Property        description + value: tempValue, tempUnit (centigrade | fahrenheit | kelvin),
                      tempProperty (highest | lowest | average; absent for a point), distance (metres)

One rule is told in several targets, and so is one fire: its outline with the distance, its hottest point with the temperature.
Coordinates are taken for 0…1000 (the guide's examples go to 600 and name no range); where one lies beyond, all positions of the document
are unknown. Where all lie within 0…1 and one is a fraction, they are taken for that. The raw document stays with every event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from nvr_hooks import BadAnswer, FireAlarm, FireTarget, Point, Target, TemperatureReading, now

from .pairing import partners_of
from .units import read_unit, to_celsius
from .xml import Element, descendants, integer, local_name, open_document, read_integer, read_number, text, time

MAX_TARGETS = 256
"""Targets of one document; a camera has at most 21 rules and ten fires."""
MAX_POINTS = 100

MetadataEvent = TemperatureReading | FireTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataDocument:
    """One document: what it told us, and the bytes for those who know more of it."""

    format: Literal["isapi", "onvif"]
    type: str | None = None
    subtype: str | None = None
    at: datetime | None = None
    channel: int | None = None
    events: tuple[MetadataEvent, ...] = ()
    raw: bytes = b""


def decode_metadata(
    document: bytes,
    *,
    camera: str = "",
    channel: int | None = None,
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> list[MetadataEvent]:
    """Return the readings or the fires of a document; empty for other subtypes, for rules without values and for ONVIF's format.

    `channel` counts where the document names none, `zone` where its time has no offset. Raises BadAnswer for what is no metadata.
    """
    decoded = decode_metadata_document(document, camera=camera, channel=channel, received_at=received_at, zone=zone)
    return list(decoded.events)


def decode_metadata_document(
    document: bytes,
    *,
    camera: str = "",
    channel: int | None = None,
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> MetadataDocument:
    """Return a whole document as a value; like `decode_metadata`."""
    root = open_document(document, bare="Metadata")
    name = local_name(root)
    if name == "MetadataStream":
        return MetadataDocument(format="onvif", channel=channel, raw=document)
    if name != "Metadata":
        raise BadAnswer(f"a document <{name[:60]}> where metadata was expected", camera=camera, data=document)
    said = integer(root, "DevInfo", "channel")
    common = _Common(
        camera=camera,
        channel=channel if said is None else said,
        at=time(root, "time", zone=zone),
        received_at=received_at or now(),
        raw=document,
    )
    subtype = text(root, "subType")
    events: Iterator[MetadataEvent] = iter(())
    if (subtype or "").lower() == "thermometry":
        events = _readings(_targets(root, document), common)
    elif (subtype or "").lower() == "firedetection":
        events = _fires(_targets(root, document), common)
    return MetadataDocument(
        format="isapi",
        type=text(root, "type"),
        subtype=subtype,
        at=common.at,
        channel=common.channel,
        events=tuple(events),
        raw=document,
    )


def fire_alarm(fires: Sequence[FireTarget]) -> FireAlarm:
    """Return the alarm that the fires of one document amount to; there must be at least one."""
    worst = max(fires, key=lambda fire: float("-inf") if fire.celsius is None else fire.celsius)
    return FireAlarm(
        camera=worst.camera,
        channel=worst.channel,
        at=worst.at,
        received_at=worst.received_at,
        source="metadata",
        raw=worst.raw,
        raw_type="fireDetection",
        celsius=worst.celsius,
        unit_reported=worst.unit_reported,
        distance_m=worst.distance_m,
        targets=tuple(
            Target(region=fire.region, hottest=fire.hottest, celsius=fire.celsius, distance_m=fire.distance_m)
            for fire in fires
        ),
    )


@dataclass(frozen=True, slots=True)
class _Common:
    camera: str
    channel: int | None
    at: datetime | None
    received_at: datetime
    raw: bytes


@dataclass(slots=True)
class _Measure:
    """One target's value with its place, in the device's coordinates and in ours."""

    rule: int | None
    outline: tuple[Point, ...]
    celsius: float | None = None
    unit: str | None = None
    quantity: str | None = None
    distance_m: float | None = None
    region: tuple[Point, ...] = ()

    @property
    def point(self) -> Point | None:
        return self.region[0] if len(self.region) == 1 else None


def _targets(root: Element, document: bytes) -> list[_Measure]:
    found = descendants(root, "Target")
    if len(found) > MAX_TARGETS:
        raise BadAnswer(f"a metadata document with {len(found)} targets (at most {MAX_TARGETS})", data=document[:200])
    measures = [measure for target in found for measure in _measures(target)]
    scale = _scale([value for measure in measures for point in measure.outline for value in point])
    if scale is not None:
        for measure in measures:
            measure.region = tuple((x / scale, y / scale) for x, y in measure.outline)
    return measures


def _scale(values: list[float]) -> float | None:
    """Return what the coordinates are to be divided by; None when they are beyond every range we know."""
    if not values or min(values) < 0 or max(values) > 1000:
        return None
    return 1.0 if max(values) <= 1 and any(0 < value < 1 for value in values) else 1000.0


def _measures(target: Element) -> Iterator[_Measure]:
    rule, outline, properties = _read_target(target)
    for words in properties:
        measure = _Measure(
            rule, outline, unit=words.get("tempunit"), quantity=words.get("tempproperty", "").lower() or None
        )
        value, unit = read_number(words.get("tempvalue")), read_unit(measure.unit)
        if value is not None and unit is not None:
            measure.celsius = to_celsius(value, unit)
        distance = read_number(words.get("distance"))
        # -1 stands for "not known" in fire alarms (isapi.md 6.6).
        measure.distance_m = distance if distance is not None and distance >= 0 else None
        yield measure


def _read_target(target: Element) -> tuple[int | None, tuple[Point, ...], list[dict[str, str]]]:
    """Return rule, outline and properties (description -> value; one that comes again begins another measure).

    Some documents of the vendor hold several pairs in one Property (queue metadata), so pairs are read in their order. One pass: a camera
    may tell this with every picture.
    """
    rule: int | None = None
    regions: list[list[list[float | None]]] = []
    found: list[dict[str, str]] = [{}]
    description: str | None = None
    for item in target.iter():
        match local_name(item):
            case "ruleID" if rule is None:
                rule = read_integer((item.text or "").strip())
            case "Region":
                regions.append([])
            case "Point" if regions:
                if len(regions[-1]) <= MAX_POINTS:
                    regions[-1].append([None, None])
            case ("x" | "y") as axis if regions and regions[-1]:
                regions[-1][-1][axis == "y"] = read_number((item.text or "").strip())
            case "Property":
                description = None
            case "description":
                description = (item.text or "").strip().lower()
            case "value" if description:
                if description in found[-1]:
                    found.append({})
                found[-1][description] = (item.text or "").strip()
                description = None
    return rule, _outline(regions), [words for words in found if words]


def _outline(regions: list[list[list[float | None]]]) -> tuple[Point, ...]:
    for pairs in regions:
        points = tuple((x, y) for x, y in pairs if x is not None and y is not None)
        if points:
            return points if len(points) == len(pairs) <= MAX_POINTS else ()
    return ()


def _readings(measures: list[_Measure], common: _Common) -> Iterator[TemperatureReading]:
    rules: dict[int | None, list[_Measure]] = {}
    for measure in measures:
        if measure.celsius is not None:
            rules.setdefault(measure.rule, []).append(measure)
    for rule, group in rules.items():
        told = {measure.quantity: measure for measure in reversed(group)}
        highest, lowest, average = told.get("highest"), told.get("lowest"), told.get("average")
        place = max(group, key=lambda measure: len(measure.outline))
        single = told.get(None) if len(place.outline) == 1 else None
        if not (highest or lowest or average or single):
            continue
        yield TemperatureReading(
            camera=common.camera,
            channel=common.channel,
            at=common.at,
            received_at=common.received_at,
            source="metadata",
            raw=common.raw,
            rule=rule,
            calibration="region"
            if len(place.outline) > 2
            else "line"
            if len(place.outline) == 2
            else "point"
            if single
            else None,
            highest_celsius=highest.celsius if highest else None,
            lowest_celsius=lowest.celsius if lowest else None,
            average_celsius=average.celsius if average else None,
            point_celsius=single.celsius if single else None,
            highest_at=highest.point if highest else None,
            lowest_at=lowest.point if lowest else None,
            region=place.region if single or len(place.region) > 1 else (),
            unit_reported=group[0].unit,
        )


def _fires(measures: list[_Measure], common: _Common) -> Iterator[FireTarget]:
    outlines = {i: one.outline for i, one in enumerate(measures) if one.celsius is None and one.distance_m is not None}
    points = {i: one.outline for i, one in enumerate(measures) if one.celsius is not None and one.distance_m is None}
    partners = partners_of(points, outlines)
    told = set(partners.values())
    for index, measure in enumerate(measures):
        if index in told or (measure.celsius is None and measure.distance_m is None):
            continue
        outline = measures[partners.get(index, index)]
        yield FireTarget(
            camera=common.camera,
            channel=common.channel,
            at=common.at,
            received_at=common.received_at,
            raw=common.raw,
            celsius=measure.celsius,
            unit_reported=measure.unit,
            distance_m=outline.distance_m,
            region=outline.region if len(outline.region) > 1 or measure.celsius is None else (),
            hottest=None if measure.celsius is None else measure.point,
        )
