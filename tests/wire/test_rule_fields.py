"""Single values of rules: read and written in the words, units and places of the device at hand (isapi.md 8.1, 8.2, 8.4)."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from nvr_hooks import Unsupported
from rule_documents import BASIC, FIRE, PIXELS, REGIONS, alarm_rule, differences, edit, rules

from hik_thermal_plugin.wire.rules import edit_document, parse_rules


def basic(old: str, new: str) -> bytes:
    assert old.encode() in BASIC
    return BASIC.replace(old.encode(), new.encode())


def read(document: bytes) -> dict[str, Any]:
    found: dict[str, Any] = parse_rules({"basic": document})
    return dict(found["basic"])


def written(document: bytes, **wanted: Any) -> tuple[dict[str, str | None], list[str]]:
    """Return the texts of the document by name as they are then, and the names of those that differ."""
    done = edit_document("basic", document, {"basic": wanted})
    found = {etree.QName(item).localname: item.text for item in etree.fromstring(done.document)}
    return found, differences(document, done.document)


@pytest.mark.parametrize(
    ("unit", "device", "metres", "wanted", "word"),
    [
        ("centimeter", "3000", 30.0, 2.508, "251"),
        ("Centimeter", "250", 2.5, 2.504, "250"),
        ("cm", "250", 2.5, 7.777, "778"),
        ("centimeter", "250.0", 2.5, 3, "300.0"),
        ("meter", "30", 30.0, 2.508, "2.51"),
        ("meter", "30.5", 30.5, 2, "2.0"),
        ("feet", "10", 3.048, 6.096, "20"),
        ("feet", "10", 3.048, 1, "3.28"),
    ],
)
def test_distances(unit: str, device: str, metres: float, wanted: float, word: str) -> None:
    document = basic(">centimeter<", f">{unit}<").replace(b">3000<", f">{device}<".encode())

    assert read(document)["distance_m"] == metres
    texts, changed = written(document, distance_m=wanted)
    assert texts["distance"] == word
    assert changed == (["distance"] if word != device else [])


@pytest.mark.parametrize(
    ("device", "wanted", "word"),
    [
        ("45.0", 50, "50.0"),
        ("45", 50, "50"),
        ("45", 50.5, "50.5"),
        ("45.00", 50.5, "50.50"),
        ("45", 50.04, "50"),
        ("x", 50, "50.0"),
        ("", 50, "50.0"),
    ],
)
def test_numbers_have_no_fewer_decimals_than_before(device: str, wanted: float, word: str) -> None:
    document = basic("<alert>45.0<", f"<alert>{device}<")

    assert written(document, pre_alarm_celsius=wanted)[0]["alert"] == word


@pytest.mark.parametrize("device", ["45,0", "+45", "45.", "4.5e1"])
def test_a_number_that_is_there_already_stays_as_the_camera_writes_it(device: str) -> None:
    document = basic("<alert>45.0<", f"<alert>{device}<")

    assert written(document, pre_alarm_celsius=45, emissivity=0.5)[1] == ["emissivity"]


@pytest.mark.parametrize(
    ("device", "wanted", "word"),
    [("0", True, "1"), ("1", False, "0"), ("true", False, "false"), ("TRUE", False, "false"), ("false", True, "true"), ("", True, "true")],
)  # fmt: skip
def test_a_switch_keeps_its_form(device: str, wanted: bool, word: str) -> None:
    document = FIRE.replace(b"<enabled>1<", f"<enabled>{device}<".encode(), 1)
    done = edit_document("fire_detection", document, {"fire_detection": wanted})

    assert f"<enabled>{word}</enabled><sens".encode() in done.document
    assert done.changes


@pytest.mark.parametrize(
    ("device", "wanted", "word"),
    [
        ("celsius", "celsius", "celsius"),
        ("f", "fahrenheit", "f"),
        ("degreeCentigrade", "celsius", "degreeCentigrade"),
        ("celsius", "fahrenheit", "degreeFahrenheit"),
        ("degreeFahrenheit", "kelvin", "degreeKelvin"),
        ("kelvin", "celsius", "degreeCentigrade"),
    ],
)
def test_the_unit_in_the_words_of_the_device(device: str, wanted: str, word: str) -> None:
    texts, changed = written(basic("degreeCentigrade", device), unit=wanted, emissivity=0.5)

    assert texts["temperatureUnit"] == word
    assert "temperatureUnit" not in changed or word != device


def test_words_nobody_knows_stay() -> None:
    document = basic("degreeCentigrade", "degreeReaumur")

    assert read(document)["unit"] == "degreeReaumur"
    mode = b"<ThermometryMode><mode>%s</mode></ThermometryMode>"
    assert parse_rules({"mode": mode % b"EXPERT"}) == {"mode": "expert"}
    assert parse_rules({"mode": mode % b"strange"}) == {"mode": "strange"}
    assert edit_document("mode", mode % b"strange", {"mode": "strange"}).changes == ()


def test_the_reflected_temperature_has_one_place() -> None:
    document, changes = edit("regions", regions={**rules("regions"), 1: {"reflected_celsius": 25}})

    path = "ThermometryRegion[1]/"
    assert differences(REGIONS, document) == [f"{path}reflectiveEnable", f"{path}reflectiveTemperature"]
    assert changes == [("regions.1.reflected_celsius", None, 25.0)]
    once = {**rules("regions"), 1: {"reflected_celsius": 25}}
    assert edit_document("regions", document, {"regions": once}).changes == ()


@pytest.mark.parametrize(
    ("there", "value"),
    [
        ({"visiblePicEnable": "true"}, True),
        ({"visiblePicEnabled": "true"}, True),
        ({"visiblePicEnabled": "false", "visiblePicEnable": "true"}, False),
        ({"visiblePicEnabled": "", "visiblePicEnable": "0"}, False),
        ({}, None),
    ],
)
def test_both_spellings_are_read_and_written(there: dict[str, str], value: bool | None) -> None:
    inner = "".join(f"<{name}>{word}</{name}>" for name, word in there.items())
    document = PIXELS.replace(b"<visiblePicEnable>true</visiblePicEnable>\n", inner.encode())
    found: dict[str, Any] = parse_rules({"pixel_to_pixel": document})

    assert found["pixel_to_pixel"].get("visible_picture") is value
    done = edit_document("pixel_to_pixel", document, {"pixel_to_pixel": {"visible_picture": value is not True}})
    (holder,) = etree.fromstring(done.document).iter("{*}JpegPictureWithAppendData")
    texts = [(etree.QName(item).localname, item.text) for item in holder]
    word = "1" if there.get("visiblePicEnable") == "0" else str(value is not True).lower()
    assert texts[0] == ("jpegPicEnabled", "true")
    assert sorted(name for name, _ in texts[1:]) == ["visiblePicEnable", "visiblePicEnabled"]
    assert dict(texts)["visiblePicEnable"] == word
    assert dict(texts)["visiblePicEnabled"] == str(value is not True).lower()


@pytest.mark.parametrize(
    ("inner", "missing"),
    [("", "JpegPictureWithAppendData"), ("<JpegPictureWithAppendData/>", "visiblePicEnabled")],
)
def test_a_picture_the_device_does_not_speak_of(inner: str, missing: str) -> None:
    start, end = PIXELS.index(b"<Jpeg"), PIXELS.index(b"</PixelTo")
    document = PIXELS[:start] + inner.encode() + PIXELS[end:]

    with pytest.raises(Unsupported, match=rf"has no {missing} \(pixel_to_pixel\.visible_picture\)"):
        edit_document("pixel_to_pixel", document, {"pixel_to_pixel": {"visible_picture": True}})


def test_a_picture_told_one_level_higher() -> None:
    document = PIXELS.replace(b"JpegPictureWithAppendData>", b"Other>").replace(
        b"<temperatureData", b"<jpegPicEnabled>false</jpegPicEnabled><temperatureData"
    )
    found: dict[str, Any] = parse_rules({"pixel_to_pixel": document})

    assert found["pixel_to_pixel"]["thermal_picture"] is False
    done = edit_document("pixel_to_pixel", document, {"pixel_to_pixel": {"thermal_picture": True}})
    assert differences(document, done.document) == ["jpegPicEnabled"]


def compared(rule: str) -> bytes:
    return f"<ThermometryAlarmRule>{alarm_rule(1, rule=rule)}</ThermometryAlarmRule>".encode()


@pytest.mark.parametrize("name", ["rule", "pointRule", "lineRule", "regionRule"])
@pytest.mark.parametrize(
    ("word", "wanted", "after"),
    [
        ("highestGreater", {"quantity": "lowest"}, "lowestGreater"),
        ("averageLess", {"condition": "above", "pre_alarm_celsius": 60}, "averageGreater"),
        ("AverageLess", {"quantity": "average", "condition": "below", "alarm_celsius": 50}, "AverageLess"),
        ("hottestSurprise", {"quantity": "lowest", "alarm_celsius": 85}, "lowestGreater"),
        ("highestSurprise", {"condition": "below", "alarm_celsius": 50}, "highestLess"),
        ("highestSurprise", {"quantity": "average"}, "averageGreater"),
        ("lowestLess", {"quantity": "difference", "alarm_kelvin": 4}, "diffTempLess"),
    ],
)
def test_what_a_rule_compares_under_any_name(name: str, word: str, wanted: dict[str, Any], after: str) -> None:
    document = compared(f"<{name}>{word}</{name}>")
    if "Less" in word:
        document = document.replace(b"<alert>60<", b"<alert>90<")
    done = edit_document("alarm_rules", document, {"alarm_rules": {1: wanted}})

    assert f"<{name}>{after}</{name}>".encode() in done.document


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("<temperatureDiff>10.0</temperatureDiff>", 10.0),
        ("<alarm>7</alarm>", 7.0),
        ("<diffName>big</diffName><alarm>7</alarm><Difference>8</Difference>", 8.0),
        ("<diffName>big</diffName><alarm>7</alarm>", 7.0),
        ("<other>9</other>", None),
    ],
)
def test_the_limit_of_two_rules_is_found_by_what_it_speaks_of(element: str, value: float | None) -> None:
    document = (
        "<R><TemperatureDifferenceComparison><id>1</id><enabled>true</enabled><ruleID1>1</ruleID1><ruleID2>2</ruleID2>"
        f"<rule>highestGreater</rule>{element}</TemperatureDifferenceComparison></R>"
    ).encode()
    found: dict[str, Any] = parse_rules({"alarm_rules": document})

    assert found["difference_rules"][1].get("alarm_kelvin") == value
