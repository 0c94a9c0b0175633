"""Every main field of the guide's chapter 7 arrives in an attribute: documents written after the guide's tables, told by nvr_decode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    FireAlarm,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    StorageAlarm,
    TamperAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    VideoLoss,
)

from hik_thermal_plugin.plugin import HikThermal

AT = "2026-03-01T12:00:00+01:00"
NOON = datetime(2026, 3, 1, 11, tzinfo=UTC)


def alert(
    event: str, description: str, inside: str = "", *, channel: str = "<channelID>2</channelID>", at: str = AT
) -> bytes:
    return (
        f"<EventNotificationAlert>{channel}<dateTime>{at}</dateTime><activePostCount>1</activePostCount>"
        f"<eventType>{event}</eventType><eventState>active</eventState><eventDescription>{description}</eventDescription>"
        f"{inside}</EventNotificationAlert>"
    ).encode()


def regions(name: str, *fields: Mapping[str, object]) -> str:
    entries = "".join(
        f"<DetectionRegionEntry><regionID>{number}</regionID><{name}>"
        + "".join(f"<{key}>{value}</{key}>" for key, value in values.items())
        + f"</{name}></DetectionRegionEntry>"
        for number, values in enumerate(fields, 1)
    )
    return f"<DetectionRegionList>{entries}</DetectionRegionList>"


def told(document: bytes) -> Any:
    events = HikThermal().nvr_decode(document)
    assert events is not None
    [event] = events
    assert isinstance(event, Alarm)
    assert event.raw == document
    return event


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("VMD", MotionAlarm),
        ("tamperdetection", TamperAlarm),
        ("shelteralarm", TamperAlarm),
        ("IO", InputAlarm),
        ("diskfull", StorageAlarm),
        ("diskerror", StorageAlarm),
        ("videoloss", VideoLoss),
        ("fireDetection", FireAlarm),
        ("smokeDetection", SmokeAlarm),
        ("PTLocking", OtherAlarm),
    ],
)
def test_every_common_event_of_the_guide_has_a_class(event: str, kind: type[Alarm]) -> None:
    alarm = told(alert(event, "words"))

    assert type(alarm) is kind
    assert (alarm.raw_type, alarm.channel, alarm.at) == (event, 2, NOON)


@pytest.mark.parametrize(
    "channel",
    ["<channelID>2</channelID>", "<dynChannelID>2</dynChannelID>", "<channelID/><dynChannelID>2</dynChannelID>"],
)
def test_motion_fields_of_the_guide(channel: str) -> None:
    alarm = told(alert("VMD", "Motion alarm", channel=channel))

    assert type(alarm) is MotionAlarm
    assert alarm.channel == 2
    assert alarm.at == NOON
    assert alarm.raw_type == "VMD"
    assert alarm.description == "Motion alarm"


@pytest.mark.parametrize(
    ("unit", "reported", "celsius"), [("celsius", 101, 101.0), ("fahrenheit", 212, 100.0), ("kelvin", 373.15, 100.0)]
)
def test_fire_fields_of_the_guide(unit: str, reported: float, celsius: float) -> None:
    near = {"temperatureUnit": unit, "fireMaxTemperature": reported, "targetDistance": 40}
    far = {"temperatureUnit": unit, "fireMaxTemperature": reported - 10, "targetDistance": -1}

    alarm = told(alert("fireDetection", "fireDetection alarm", regions("FireDetection", far, near)))

    assert type(alarm) is FireAlarm
    assert (alarm.at, alarm.raw_type, alarm.description) == (NOON, "fireDetection", "fireDetection alarm")
    assert alarm.unit_reported == unit
    assert alarm.celsius == pytest.approx(celsius)
    assert alarm.distance_m == 40
    assert [target.distance_m for target in alarm.targets] == [None, 40]
    assert alarm.targets[1].celsius == pytest.approx(celsius)


RULE_TYPES = {
    "highest temp is higher than": ("highest", "above"),
    "lowest temp is lower than": ("lowest", "below"),
    "average temp is higher than": ("average", "above"),
}


@pytest.mark.parametrize("words", RULE_TYPES)
@pytest.mark.parametrize(("event", "level"), [("TMA", "alarm"), ("TMPA", "pre_alarm")])
@pytest.mark.parametrize(
    ("unit", "threshold", "current"), [("celsius", 48, 57.6), ("fahrenheit", 118.4, 135.68), ("kelvin", 321.15, 330.75)]
)
@pytest.mark.parametrize("calibration", ["point", "line", "region"])
def test_temperature_fields_of_the_guide(
    event: str, level: str, unit: str, threshold: float, current: float, calibration: str, words: str
) -> None:
    fields = {
        "thermometryUnit": unit,
        "ruleTemperature": threshold,
        "currTemperature": current,
        "ruleCalibType": calibration,
        "ruleType": words,
    }

    alarm = told(alert(event, "Temperature Measurement Alarm", regions(event, fields)))

    assert type(alarm) is TemperatureAlarm
    assert (alarm.at, alarm.raw_type, alarm.description) == (NOON, event, "Temperature Measurement Alarm")
    assert alarm.level == level
    assert alarm.rule == 1
    assert alarm.unit_reported == unit
    assert alarm.threshold_celsius == pytest.approx(48.0)
    assert alarm.celsius == pytest.approx(57.6)
    assert alarm.calibration == calibration
    assert (alarm.quantity, alarm.condition) == RULE_TYPES[words]


@pytest.mark.parametrize(
    ("event", "level"), [("TMA", "alarm"), ("TMPA", "pre_alarm"), ("TPMA", "pre_alarm"), ("TDA", "alarm")]
)
@pytest.mark.parametrize(
    ("unit", "threshold", "current"), [("celsius", 10, 12.5), ("fahrenheit", 18, 22.5), ("kelvin", 10, 12.5)]
)
def test_difference_fields_of_the_guide(event: str, level: str, unit: str, threshold: float, current: float) -> None:
    words = "Temperature Measurement Precautionary Alarm"
    fields = {
        "thermometryUnit": unit,
        "ruleTemperature": threshold,
        "currTemperature": current,
        "ruleCalibType": "region",
        "ruleType": "temp diff is higher than",
    }

    alarm = told(alert(event, words, regions(event, fields)))

    assert type(alarm) is TemperatureDifferenceAlarm
    assert (alarm.at, alarm.raw_type, alarm.description) == (NOON, event, words)
    assert alarm.level == level
    assert alarm.unit_reported == unit
    assert alarm.threshold_kelvin == pytest.approx(10.0)
    assert alarm.difference_kelvin == pytest.approx(12.5)
    assert alarm.calibration == "region"
    assert (alarm.quantity, alarm.condition) == ("difference", "above")
