"""What alerts say, in every profile that says it another way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from raw_alerts import alerts, first_alarm, parts, text, texts
from raw_http import ALERT_STREAM, apply

from hik_thermal_plugin.simulator import PROFILES


@pytest.mark.parametrize(
    ("profile", "namespace"),
    [
        ("plain", "http://www.hikvision.com/ver20/XMLSchema"),
        ("no_namespace", None),
        ("namespace_isapi_org", "http://www.isapi.org/ver20/XMLSchema"),
        ("namespace_hikvision", "http://www.hikvision.com/ver20/XMLSchema"),
        ("namespace_hikvision_ver10", "http://www.hikvision.com/ver10/XMLSchema"),
        ("namespace_std_cgi", "http://www.std-cgi.com/ver20/XMLSchema"),
        ("namespace_psia", "urn:psialliance-org"),
        ("namespace_isapi_com", "http://www.isapi.com/ver20/XMLSchema"),
    ],
)
def test_namespaces_of_alerts(armed, profile, namespace):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"motion": {}})
    _, alarm = parts(first_alarm(wire))
    assert {etree.QName(node).namespace for node in etree.fromstring(alarm[1]).iter()} == {namespace}


def test_an_unescaped_ampersand(armed):
    simulator, wire = armed(profile="raw_ampersand")
    apply(simulator, {"fire": {}})
    wire.until(b"<thermalURL>http://192.0.2.64/ISAPI/picture?channel=2&name=1</thermalURL>")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("dyn_channel_only", ("2", None)), ("channel_id_only", (None, "2")), ("plain", ("2", "2"))],
)
def test_channel_fields(armed, profile, expected):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"motion": {}})
    (alert,) = alerts(first_alarm(wire), "VMD")
    assert (text(alert, "dynChannelID"), text(alert, "channelID")) == expected


def test_a_channel_name_that_is_no_utf8(armed):
    simulator, wire = armed(profile="invalid_utf8")
    apply(simulator, {"motion": {}})
    wire.until(b"<channelName>Gl\xfchofen 2</channelName>")


def test_a_channel_name_beyond_ascii(armed):
    simulator, wire = armed(profile="foreign_name")
    apply(simulator, {"motion": {}})
    assert text(alerts(first_alarm(wire), "VMD")[0], "channelName") == "热像 Glühofen"


@pytest.mark.parametrize(
    ("profile", "hours", "pattern"),
    [
        ("plain", -8, r"\+?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-08:00"),
        ("no_offset", -8, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"),
        ("bad_offset", -8, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-8:00"),
        ("bad_offset", 5.5, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+5:30"),
        ("zulu", -8, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ],
)
def test_forms_of_time(armed, profile, hours, pattern):
    simulator, wire = armed(profile=profile, utc_offset=timedelta(hours=hours))
    apply(simulator, {"motion": {}})
    (alert,) = alerts(first_alarm(wire), "VMD")
    told = text(alert, "dateTime") or ""
    assert re.fullmatch(pattern, told)
    zone = UTC if profile == "zulu" else None
    now = datetime.now(UTC) if zone else datetime.now(UTC) + timedelta(hours=hours)
    assert abs(datetime.fromisoformat(told[:19]) - now.replace(tzinfo=None)) < timedelta(seconds=5)


def test_synonyms_of_event_types(armed):
    simulator, wire = armed(profile="synonyms")
    apply(simulator, {"motion": {}}, {"tamper": {}}, {"temperature": {"rule": 1, "celsius": 99}})
    data = wire.until(lambda data: alerts(data, "tma"))
    assert alerts(data, "motionDetection")
    assert alerts(data, "shelteralarm")


def test_the_guides_spelling_of_the_pre_alarm(armed):
    simulator, wire = armed(profile="tpma")
    apply(simulator, {"temperature": {"rule": 1, "celsius": 61}})
    (alert,) = alerts(first_alarm(wire, "TPMA"), "TPMA")
    assert alert.find(".//TPMA/currTemperature").text == "61.0"


@pytest.mark.parametrize(
    ("profile", "kind", "regions"),
    [
        ("plain", "TMA", ["1"]),
        ("tda", "TDA", ["1"]),
        ("difference_temperature", "temperature", ["1"]),
        ("difference_pair", "TMA", ["1", "2"]),
    ],
)
def test_names_of_a_difference(armed, profile, kind, regions):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 25.5}})
    (alert,) = alerts(first_alarm(wire, kind), kind)
    assert texts(alert, "regionID") == regions
    assert set(texts(alert, "ruleType")) == {"temp diff is higher than"}
    assert set(texts(alert, "currTemperature")) == {"25.5"}


@pytest.mark.parametrize(
    ("profile", "unit", "numbers"),
    [
        ("plain", "celsius", ("80.0", "85.3")),
        ("fahrenheit", "fahrenheit", ("176.0", "185.5")),
        ("kelvin", "kelvin", ("353.1", "358.4")),
        ("integers", "celsius", ("80", "85")),
        ("decimal_comma", "celsius", ("80,0", "85,3")),
    ],
)
def test_units_and_numbers(armed, profile, unit, numbers):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 85.3}})
    (alert,) = alerts(first_alarm(wire, "TMA"), "TMA")
    assert text(alert, "thermometryUnit") == unit
    assert (text(alert, "ruleTemperature"), text(alert, "currTemperature")) == numbers


def test_a_difference_in_fahrenheit_has_no_offset(armed):
    simulator, wire = armed(profile="fahrenheit")
    apply(simulator, {"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 20}})
    (alert,) = alerts(first_alarm(wire, "TMA"), "TMA")
    assert (text(alert, "ruleTemperature"), text(alert, "currTemperature")) == ("18.0", "36.0")


@pytest.mark.parametrize(("profile", "ends"), [("sends_inactive", True), ("plain", False)])
def test_the_end_of_an_alarm_is_told_only_by_some(armed, profile, ends):
    simulator, wire = armed(profile=profile, repeat=0.05)
    apply(simulator, {"fire": {}}, {"temperature": {"rule": 1, "celsius": 99}}, {"motion": {}})
    wire.until(lambda data: alerts(data, "fireDetection") and alerts(data, "TMA") and alerts(data, "VMD"))
    apply(simulator, {"extinguish": {}}, {"temperature": {"rule": 1, "celsius": 20}}, {"tamper": {"seconds": 0.2}})

    def told(data: bytes) -> set[str | None]:
        kinds = ("fireDetection", "TMA", "VMD")
        return {kind for kind in kinds for alert in alerts(data, kind) if text(alert, "eventState") == "inactive"}

    data = wire.until(lambda data: len(alerts(data, "tamperdetection")) >= 4)
    assert told(data) == ({"fireDetection", "TMA", "VMD"} if ends else set())


def test_unlinked_triggers_are_silent(armed):
    simulator, wire = armed(profile="unlinked")
    apply(simulator, {"fire": {}}, {"temperature": {"rule": 1, "celsius": 99}}, {"motion": {}})
    data = first_alarm(wire)
    assert alerts(data, "fireDetection") == alerts(data, "TMA") == []


@pytest.mark.slow
def test_every_profile_is_listed_with_its_quirk_and_opens_a_stream(camera):
    for name, profile in PROFILES.items():
        assert profile.about.endswith("."), name
        assert name == "plain" or re.search(r"\((quirk \d+|[\d., ]+)\)\.$", profile.about), name
        if profile.scheme in ("basic", "sha256_and_md5"):
            continue
        _, client = camera(profile=name)
        with client.stream(ALERT_STREAM) as wire:
            wire.until(b"eventState")
