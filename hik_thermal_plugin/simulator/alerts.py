"""`EventNotificationAlert` documents: what the device says of an alarm or a heartbeat (isapi.md 6.3-6.7).

Documents are elements; `encode` makes the bytes of a part, XML or JSON, in the profile's fashion.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .device import Device
from .documents import channel_name
from .markup import Element, Scalar, element, to_json, to_xml
from .measuring import Comparison
from .models import Point, Rule
from .profiles import HIKVISION
from .scene import Fire, Reading
from .units import degrees, steps

_SYNONYMS = {
    "VMD": "motionDetection",
    "tamperdetection": "shelteralarm",
    "fireDetection": "firedetection",
    "TMA": "tma",
    "TMPA": "tmpa",
    "diskfull": "diskFull",
    "diskerror": "diskError",
}
_TEMPERATURE_TEXT = {
    "TMA": "Temperature Measurement Alarm",
    "TMPA": "Temperature Measurement Precautionary Alarm",
}


def encode(device: Device, alert: Element) -> bytes:
    """Write an alert the way the profile does, with the newline that its Content-Length includes."""
    profile = device.profile
    if profile.json_alarms:
        return to_json(alert, newline=profile.newline).encode(errors="surrogateescape")
    return to_xml(alert, newline=profile.newline, raw_ampersand=profile.raw_ampersand).encode(errors="surrogateescape")


def heartbeat(device: Device) -> Element:
    """The document that says no more than "still here" (isapi.md 6.3)."""
    namespace = device.profile.alert_namespace or HIKVISION
    channel = device.model.channels[0].id
    head = _head(device)
    when = [element("dateTime", _time(device, device.now())), element("activePostCount", 0)]
    quiet = element("eventState", "inactive")
    match device.profile.heartbeat_form:
        case "other":
            body = [
                *when,
                element("eventType", "other"),
                element("eventDescription", "Heartbeat"),
                quiet,
                element("Extensions", element("serialNumber", device.serial)),
            ]
        case "heartBeat":
            body = [element("channelID", channel), *when, element("eventType", "heartBeat"), quiet]
        case form:
            named: dict[str, Scalar] = {"channel_zero": 0, "channel_empty": ""}
            fields = [element("channelID", named.get(form, channel))]
            if form == "channel_empty":
                fields = [element("dynChannelID", ""), *fields]
            kind = [element("eventType", "videoloss"), quiet, element("eventDescription", "videoloss alarm")]
            body = [*fields, *when, *kind]
    return element("EventNotificationAlert", *head, *body, version="2.0", xmlns=namespace)


def motion(device: Device, channel: int, *, active: bool = True, at: datetime | None = None) -> Element:
    """VMD of a channel (isapi.md 6.7); `at` is now unless given."""
    found = device.model.channel(channel)
    name = [element("channelName", channel_name(device, found))] if found else []
    return _alert(device, "VMD", "Motion alarm", channel, active, *name, at=at)


def tamper(device: Device, *, active: bool = True) -> Element:
    """Somebody covers the lens of channel 1."""
    return _alert(device, "tamperdetection", "shelteralarm alarm", device.model.channels[0].id, active)


def alarm_input(device: Device, port: int, *, active: bool = True) -> Element:
    """An alarm input is closed."""
    channel = device.model.channels[0].id
    return _alert(device, "IO", "IO alarm", channel, active, element("inputIOPortID", port))


def disk(device: Device, kind: str, *, active: bool = True) -> Element:
    """`diskfull` or `diskerror`."""
    return _alert(device, kind, f"{kind} alarm", device.model.channels[0].id, active)


def smoke(device: Device, place: Point, *, active: bool = True, pictures: bool = False) -> Element:
    """Smoke at a place; the shape is by analogy with fire (isapi.md 6.6)."""
    left, top = max(0.0, place[0] - 0.05), max(0.0, place[1] - 0.2)
    box = (left, top, min(1.0, place[0] + 0.05) - left, place[1] - top)
    region = element(
        "DetectionRegionEntry",
        element("regionID", 1),
        _polygon(_corners(box)),
        element("SmokeDetection", _box("SmokeRegion", box), _absolute(device)),
    )
    return _thermal_alert(device, "smokeDetection", "smokeDetection alarm", active, [region], pictures=pictures)


def fire(device: Device, fires: tuple[Fire, ...], *, active: bool = True, pictures: bool = False) -> Element:
    """All burning fires in one document (isapi.md 6.6); distance -1 is unknown, temperatures need not reach 300 °C."""
    regions = [
        element(
            "DetectionRegionEntry",
            element("regionID", burning.region),
            _polygon(_corners(burning.box)),
            element(
                "FireDetection",
                _box("FireRegion", burning.box),
                element("HighestPoint", element("x", _thousandths(burning.x)), element("y", _thousandths(burning.y))),
                element("temperatureUnit", device.unit),
                element("fireMaxTemperature", _fire_temperature(device, burning.celsius)),
                element("targetDistance", -1 if burning.distance_m is None else round(burning.distance_m)),
                _absolute(device),
            ),
        )
        for burning in fires
    ]
    return _thermal_alert(device, "fireDetection", "fireDetection alarm", active, regions, pictures=pictures)


def temperature(
    device: Device,
    rule: Rule,
    level: str,
    reading: Reading,
    *,
    active: bool = True,
    pictures: bool = False,
    at: datetime | None = None,
) -> Element:
    """TMA (alarm) or TMPA (pre-alarm) of a rule (isapi.md 6.5)."""
    threshold = rule.alarm if level == "TMA" else rule.pre_alarm
    assert threshold is not None, "a level is reached by its threshold only"
    wanted = "higher" if rule.condition == "above" else "lower"
    subject = "temp diff" if rule.quantity == "difference" else f"{rule.quantity} temp"
    place = reading.coldest if rule.quantity == "lowest" else reading.hottest
    name = device.profile.pre_alarm_type if level == "TMPA" else level
    convert = steps if rule.quantity == "difference" else degrees
    number = [_number(device, convert(value, device.unit)) for value in (threshold, reading.of(rule.quantity))]
    entry = _measured(device, rule, name, number[0], number[1], f"{subject} is {wanted} than", place)
    return _thermal_alert(device, name, _TEMPERATURE_TEXT[level], active, [entry], pictures=pictures, at=at)


def difference(
    device: Device,
    rules: tuple[Rule, Rule],
    comparison: Comparison,
    kelvin: float,
    place: Point,
    *,
    active: bool = True,
) -> Element:
    """A temperature difference between two rules (isapi.md 6.5): no capture shows one, so profiles vary it."""
    name = device.profile.difference_type or "TMA"
    number = [_number(device, steps(value, device.unit)) for value in (comparison.kelvin, kelvin)]
    shown = rules if device.profile.difference_pair else rules[:1]
    words = f"temp diff is {'higher' if comparison.condition == 'above' else 'lower'} than"
    entries = [_measured(device, rule, name, number[0], number[1], words, place) for rule in shown]
    return _thermal_alert(device, name, _TEMPERATURE_TEXT["TMA"], active, entries, pictures=False)


def old_alarms(device: Device) -> list[Element]:
    """Two alarms of a quarter of an hour ago, for devices that send the past again (isapi.md 10, quirk 25)."""
    ago = device.now() - timedelta(minutes=15)
    found = [motion(device, device.model.thermal.id, at=ago)]
    for rule in device.model.rules[:1]:
        high = (rule.alarm or 0.0) + 4.5
        place = rule.points[0]
        reading = Reading(highest=high, lowest=high - 60.0, average=high - 30.0, hottest=place, coldest=place)
        if rule.alarm is not None:
            found.append(temperature(device, rule, "TMA", reading, at=ago + timedelta(minutes=1)))
    return found


def _measured(
    device: Device, rule: Rule, name: str, threshold: Scalar, current: Scalar, words: str, place: Point
) -> Element:
    # The data sits in a child named like the event (isapi.md 0.2).
    return element(
        "DetectionRegionEntry",
        element("regionID", rule.id),
        _polygon(rule.points),
        element(
            name,
            element("thermometryUnit", device.unit),
            element("ruleTemperature", threshold),
            element("currTemperature", current),
            element("ruleCalibType", rule.calibration),
            element("ruleType", words),
            element("MaximumTemperaturePoint", _coordinates(place)),
            _absolute(device),
            element("presetNo", 1),
        ),
    )


def _thermal_alert(
    device: Device,
    event: str,
    description: str,
    active: bool,
    regions: list[Element],
    *,
    pictures: bool,
    at: datetime | None = None,
) -> Element:
    thermal = device.model.thermal
    rest = [
        element("DetectionRegionList", *regions),
        element("channelName", channel_name(device, thermal)),
        element("detectionPicturesNumber", len(device.model.channels)) if pictures else None,
    ]
    if device.profile.raw_ampersand:
        rest.append(element("thermalURL", f"http://192.0.2.64/ISAPI/picture?channel={thermal.id}&name=1"))
    return _alert(device, event, description, thermal.id, active, *rest, at=at)


def _alert(
    device: Device,
    event: str,
    description: str,
    channel: int,
    active: bool,
    *rest: Element | None,
    at: datetime | None = None,
) -> Element:
    profile = device.profile
    fields = {"both": ("dynChannelID", "channelID"), "dyn": ("dynChannelID",), "plain": ("channelID",)}
    attributes = {"version": "2.0", "xmlns": profile.alert_namespace} if profile.alert_namespace else {}
    return element(
        "EventNotificationAlert",
        *_head(device),
        *(element(name, channel) for name in fields[profile.channel_fields]),
        element("dateTime", _time(device, at or device.now())),
        element("activePostCount", 1),  # many cameras say 1 for ever (isapi.md 6.4)
        element("eventType", _SYNONYMS.get(event, event) if profile.synonyms else event),
        element("eventState", "active" if active else "inactive"),
        element("eventDescription", description),
        *rest,
        **attributes,
    )


def _head(device: Device) -> list[Element]:
    return [
        element("ipAddress", "192.0.2.64"),
        element("portNo", 80),
        element("protocol", "HTTP"),
        element("macAddress", device.mac),
    ]


def _time(device: Device, now: datetime) -> str:
    match device.profile.time_form:
        case "none":
            return now.replace(tzinfo=None).isoformat(timespec="seconds")
        case "short":
            offset = now.utcoffset() or timedelta(0)
            minutes = round(offset.total_seconds() / 60)
            sign = "-" if minutes < 0 else "+"
            zone = f"{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02}"
            return now.replace(tzinfo=None).isoformat(timespec="seconds") + zone
        case "zulu":
            utc = now - (now.utcoffset() or timedelta(0))
            return utc.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
        case _:
            return now.isoformat(timespec="seconds")


def _number(device: Device, value: float) -> Scalar:
    match device.profile.numbers:
        case "integer":
            return round(value)
        case "comma":
            return f"{value:.1f}".replace(".", ",")
        case _:
            return round(value, 1)


def _fire_temperature(device: Device, celsius: float) -> Scalar:
    value = round(degrees(celsius, device.unit), 1)
    return round(value) if value == round(value) else _number(device, value)  # whole in the capture (6.6)


def _absolute(device: Device) -> Element:
    tilt = (12.5, 87.0, 1.0) if device.model.pan_tilt else (0.0, 0.0, 0.1)
    names = ("elevation", "azimuth", "absoluteZoom")
    return element("AbsoluteHigh", *(element(name, value) for name, value in zip(names, tilt, strict=True)))


def _box(name: str, box: tuple[float, float, float, float]) -> Element:
    sides = zip(("x", "y", "width", "height"), box, strict=True)
    return element(name, *(element(side, _thousandths(value)) for side, value in sides))


def _corners(box: tuple[float, float, float, float]) -> tuple[Point, ...]:
    # The fourth corner is off by a little, as in the fire capture (isapi.md 6.6).
    left, top, width, height = box
    right, bottom = left + width, top + height
    return (left, top), (right, top), (right, bottom), (left, bottom - height * 0.1)


def _polygon(points: tuple[Point, ...]) -> Element:
    return element("RegionCoordinatesList", *(_coordinates(point) for point in points))


def _coordinates(point: Point) -> Element:
    return element(
        "RegionCoordinates",
        element("positionX", _thousandths(point[0])),
        element("positionY", _thousandths(point[1])),
    )


def _thousandths(value: float) -> int:
    return round(value * 1000)
