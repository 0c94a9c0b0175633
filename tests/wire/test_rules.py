"""The rules document and the smallest edit of the device's own documents (isapi.md 8.1, 8.2, 8.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from nvr_hooks import BadAnswer, RuleChange, Unsupported, WrongUse
from rule_documents import (
    ALARM_RULES,
    BASIC,
    DOCUMENTS,
    FIRE,
    MODE,
    RULES,
    differences,
    edit,
    rules,
)

from hik_thermal_plugin.wire.rules import SECTIONS, Section, edit_document, parse_rules, sections_of, unit_of


def test_what_the_camera_has_becomes_one_document() -> None:
    found: dict[str, Any] = parse_rules(DOCUMENTS)
    assert found["mode"] == "normal"
    assert found["roi"] is False
    assert found["basic"] == {
        "enabled": True,
        "unit": "celsius",
        "range": "-20~150",
        "emissivity": 0.96,
        "distance_m": 30.0,
        "reflected_celsius": None,
        "pre_alarm_celsius": 45.0,
        "alarm_celsius": 55.0,
        "pre_alarm_seconds": 0,
        "stream_overlay": True,
    }
    rest = {"emissivity": 0.95, "distance_m": 2.0, "reflected_celsius": None}
    assert found["regions"] == {
        1: {"name": "kiln door", "type": "region", "points": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.7], [0.1, 0.7]], **rest},
        2: {"name": "二二", "type": "line", "points": [[0.25, 0.26], [0.61, 0.83]], **rest},
        3: {"name": "motor", "type": "point", "points": [[0.5, 0.5]], **rest},
    }
    seconds = {"tolerance_kelvin": 3.0, "pre_alarm_seconds": 0, "alarm_seconds": 2}
    assert found["alarm_rules"] == {
        1: {"quantity": "highest", "condition": "above", "pre_alarm_celsius": 60.0, "alarm_celsius": 80.0, **seconds},
        2: {"quantity": "difference", "condition": "below", "pre_alarm_kelvin": 9.0, "alarm_kelvin": 4.5, **seconds},
        4: {"pre_alarm_celsius": 60.0, "alarm_celsius": 80.0, **seconds},
    }
    assert found["difference_rules"] == {
        1: {
            "rule": 1,
            "other_rule": 2,
            "quantity": "highest",
            "condition": "above",
            "alarm_kelvin": 10.0,
            "alarm_seconds": 5,
        }
    }
    assert found["pixel_to_pixel"] == {
        "emissivity": 1.0,
        "distance_m": 0.5,
        "bytes_per_value": 4,
        "thermal_picture": True,
        "visible_picture": True,
    }
    assert found["fire_detection"] is True
    assert sections_of(found) == SECTIONS


@pytest.mark.parametrize("through", [yaml.safe_dump, json.dumps])
@pytest.mark.parametrize("section", SECTIONS)
def test_what_was_read_changes_nothing_when_written_back(section: Section, through: Any) -> None:
    wanted = yaml.safe_load(through(RULES))
    done = edit_document(section, DOCUMENTS[section], wanted)

    assert done.changes == ()
    assert done.document is DOCUMENTS[section]


def test_the_basic_parameters_keep_what_is_not_named() -> None:
    document, changes = edit(
        "basic", basic={"emissivity": 0.9, "distance_m": 2.5, "alarm_celsius": 60, "enabled": True}
    )

    assert differences(BASIC, document) == ["alarm", "distance", "emissivity"]
    assert changes == [
        ("basic.emissivity", 0.96, 0.9),
        ("basic.distance_m", 30.0, 2.5),
        ("basic.alarm_celsius", 55.0, 60.0),
    ]
    for word in (b"<emissivity>0.90</emissivity>", b"<distance>250</distance>", b"<alarm>60.0</alarm>"):
        assert word in document
    assert isinstance(edit_document("basic", BASIC, {"basic": {"emissivity": 0.9}}).changes[0], RuleChange)


def test_the_reflected_temperature_is_switched_with_its_value() -> None:
    document, changes = edit("basic", basic={"reflected_celsius": 21.5})

    assert differences(BASIC, document) == ["reflectiveEnable", "reflectiveTemperature"]
    assert (
        b"<reflectiveEnable>true</reflectiveEnable><reflectiveTemperature>21.5</reflectiveTemperature><alert>"
        in document
    )
    assert changes == [("basic.reflected_celsius", None, 21.5)]
    off = edit_document("basic", document, {"basic": {"reflected_celsius": None}})
    assert differences(document, off.document) == ["reflectiveEnable"]


def test_limits_go_on_meaning_the_same_when_the_unit_changes() -> None:
    document, changes = edit("basic", basic={"unit": "fahrenheit", "alarm_celsius": 60})

    assert changes == [("basic.unit", "celsius", "fahrenheit"), ("basic.alarm_celsius", 55.0, 60.0)]
    assert b"<alert>113.0</alert><alarm>140.0</alarm>" in document
    assert b"<temperatureUnit>degreeFahrenheit</temperatureUnit>" in document
    assert unit_of(document) == "fahrenheit"
    read = parse_rules({"basic": document})["basic"]
    assert isinstance(read, dict)
    assert (read["pre_alarm_celsius"], read["alarm_celsius"]) == (45.0, 60.0)


def test_limits_are_written_in_the_unit_of_the_camera() -> None:
    wanted = {"alarm_rules": {1: {"alarm_celsius": 100.0}, 2: {"alarm_kelvin": 5.0}, 4: {}}}
    done = edit_document("alarm_rules", ALARM_RULES, wanted, unit="fahrenheit")
    texts = [item.text for item in etree.fromstring(done.document).iter("{*}alarm")]

    assert texts == [
        "212",
        "9",
        "9.0",
        "9",
        "80",
        "9",
        "80",
        "9",
    ]  # every second one belongs to the sudden change, which stays
    assert [change.path for change in done.changes] == ["alarm_rules.1.alarm_celsius", "alarm_rules.2.alarm_kelvin"]


def test_a_value_finer_than_the_camera_can_hold_changes_nothing_twice() -> None:
    wanted: dict[str, Any] = {"alarm_rules": {**rules("alarm_rules"), 1: {"alarm_celsius": 85.3}}}
    once = edit_document("alarm_rules", ALARM_RULES, wanted, unit="fahrenheit")
    twice = edit_document("alarm_rules", once.document, wanted, unit="fahrenheit")

    assert b"<alarm>185.5</alarm>" in once.document
    assert twice.changes == ()


def test_what_a_rule_compares_is_changed_by_halves() -> None:
    document, changes = edit(
        "alarm_rules",
        alarm_rules={
            **rules("alarm_rules"),
            1: {"quantity": "average"},
            2: {"condition": "above", "pre_alarm_kelvin": 3},
        },
    )

    assert b"<rule>averageGreater</rule>" in document
    assert b"<regionRule>diffTempGreater</regionRule>" in document
    paths = ["alarm_rules.1.quantity", "alarm_rules.2.condition", "alarm_rules.2.pre_alarm_kelvin"]
    assert [path for path, _, _ in changes] == paths


def test_a_rule_becomes_one_of_a_difference() -> None:
    wanted = {**rules("alarm_rules"), 1: {"quantity": "difference", "pre_alarm_kelvin": 5, "alarm_kelvin": 8.5}}
    document, _ = edit("alarm_rules", alarm_rules=wanted)
    read = parse_rules({"alarm_rules": document})["alarm_rules"]

    assert isinstance(read, dict)
    assert (read[1]["quantity"], read[1]["pre_alarm_kelvin"], read[1]["alarm_kelvin"]) == ("difference", 5.0, 8.5)
    assert "alarm_celsius" not in read[1]


def test_a_comparison_nobody_knows_is_not_changed_by_half() -> None:
    with pytest.raises(Unsupported, match=r"hottestSurprise.*alarm_rules\.4\.condition"):
        edit("alarm_rules", alarm_rules={4: {"condition": "below", "pre_alarm_celsius": 90}})
    document, _ = edit(
        "alarm_rules",
        alarm_rules={4: {"quantity": "lowest", "condition": "below", "alarm_celsius": 5, "pre_alarm_celsius": 8}},
    )
    assert b"<rule>lowestLess</rule>" in document


def test_difference_rules_leave_the_alarm_rules_alone() -> None:
    document, changes = edit("alarm_rules", difference_rules={1: {"other_rule": 3, "alarm_kelvin": 12.5}})

    path = "TemperatureDifferenceComparisonList/TemperatureDifferenceComparison/"
    assert differences(ALARM_RULES, document) == [f"{path}ruleID2", f"{path}temperatureDiff"]
    assert changes == [("difference_rules.1.other_rule", 2, 3), ("difference_rules.1.alarm_kelvin", 10.0, 12.5)]
    document, changes = edit("alarm_rules", difference_rules={})
    assert changes == [("difference_rules.1.enabled", True, False)]


def test_the_limit_of_a_difference_rule_under_another_name() -> None:
    document = ALARM_RULES.replace(b"temperatureDiff>", b"alarm>")
    done = edit_document("alarm_rules", document, {"difference_rules": {1: {"alarm_kelvin": 4}}})

    assert b"<alarm>4.0</alarm><alarmFilteringTime>5" in done.document


def test_mode_and_fire_detection_are_switched() -> None:
    document, changes = edit("mode", mode="expert")
    assert document.endswith(MODE.replace(b"normal", b"expert"))
    assert changes == [("mode", "normal", "expert")]
    document, changes = edit("fire_detection", fire_detection=False)
    assert differences(FIRE, document) == ["enabled"]
    assert b"<enabled>0</enabled><sensitivity>" in document
    assert changes == [("fire_detection", True, False)]


def test_both_spellings_of_the_visible_picture_are_sent() -> None:
    document, changes = edit("pixel_to_pixel", pixel_to_pixel={"visible_picture": False, "bytes_per_value": 2})

    assert changes == [("pixel_to_pixel.bytes_per_value", 4, 2), ("pixel_to_pixel.visible_picture", True, False)]
    assert (
        b"<visiblePicEnable>false</visiblePicEnable>\n<visiblePicEnabled>false</visiblePicEnabled>\n</Jpeg" in document
    )
    again = edit_document("pixel_to_pixel", document, {"pixel_to_pixel": {"visible_picture": True}})
    assert differences(document, again.document) == [
        "JpegPictureWithAppendData/visiblePicEnable",
        "JpegPictureWithAppendData/visiblePicEnabled",
    ]


def test_what_the_camera_has_no_place_for_is_unsupported() -> None:
    with pytest.raises(
        Unsupported,
        match=r"kiln: the ThermometryBasicParam of this camera has no alarmFilteringTime \(basic\.alarm_seconds\)",
    ):
        edit("basic", basic={"alarm_seconds": 3})
    with pytest.raises(Unsupported, match="furlong"):
        edit_document("basic", BASIC.replace(b"centimeter", b"furlong"), {"basic": {"distance_m": 3}})
    assert edit("pixel_to_pixel", pixel_to_pixel={"reflected_celsius": None})[1] == []


def test_all_mistakes_are_told_at_once_and_nothing_is_made() -> None:
    with pytest.raises(WrongUse) as caught:
        edit("regions", regions={1: {"points": [[2, 0]], "emissivity": 3}, 99: {"nam": "x"}, "x": {}})

    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "regions.1.points",
        "regions.1.emissivity",
        "regions.99.nam",
        "regions.x",
    ]
    assert all(line.startswith("kiln: ") for line in lines)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    "document",
    [b"", b"<html><body>busy</body></html>", b"<a", b'{"a": 1}', b"<ResponseStatus><statusString>Invalid Operation</statusString></ResponseStatus>"],
)  # fmt: skip
def test_another_document_is_a_bad_answer(section: Section, document: bytes) -> None:
    with pytest.raises(BadAnswer, match="kiln: "):
        parse_rules({section: document}, camera="kiln")
    with pytest.raises(BadAnswer):
        edit_document(section, document, RULES)


@pytest.mark.parametrize("camera", ["kiln", ""])
@pytest.mark.parametrize(
    ("section", "document", "words"),
    [
        ("mode", b"busy", "neither XML nor JSON: 'busy'"),
        (
            "basic",
            b"<ResponseStatus><statusString>Invalid</statusString><subStatusCode>notSupport</subStatusCode></ResponseStatus>",
            "the device answered Invalid, notSupport instead of basic",
        ),
        ("pixel_to_pixel", b"<Other><more/></Other>", "Other has nothing of pixel_to_pixel"),
        ("fire_detection", b"<Other/>", "Other has nothing of fire_detection"),
        ("regions", b"<Other><ThermometryRegion/></Other>", "Other is no list of regions"),
        ("alarm_rules", b"<Other><id>1</id></Other>", "Other has no alarm rules"),
    ],
)
def test_what_came_instead_is_told(section: Section, document: bytes, words: str, camera: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        parse_rules({section: document}, camera=camera)

    assert str(caught.value) == (f"kiln: {words}" if camera else words)
    assert (caught.value.camera, caught.value.data) == (camera, document)


def test_a_slot_that_is_not_there_is_told_with_the_camera() -> None:
    with pytest.raises(Unsupported) as caught:
        edit("alarm_rules", alarm_rules={7: {}})
    assert (str(caught.value), caught.value.camera) == ("kiln: alarm_rules.7: the camera has slots 1 to 4", "kiln")
    empty = b"<ThermometryRegionList/>"
    with pytest.raises(Unsupported, match=r"^regions\.1: the camera has none$"):
        edit_document("regions", empty, {"regions": {1: {}}})


def test_one_kind_of_alarm_rule_alone() -> None:
    start, middle = b"<ThermometryAlarmModeList", b"<TemperatureDifferenceComparisonList"
    head, rest = ALARM_RULES.split(start)
    modes, differences_ = rest.split(middle)
    only_modes = parse_rules({"alarm_rules": head + start + modes + b"</ThermometryAlarmRule>"})
    only_differences = parse_rules({"alarm_rules": head + middle + differences_})

    assert only_modes == {"alarm_rules": RULES["alarm_rules"]}
    assert only_differences == {"alarm_rules": {}, "difference_rules": RULES["difference_rules"]}


@pytest.mark.parametrize(
    ("word", "unit"),
    [("degreeFahrenheit", "fahrenheit"), ("degreeKelvin", "kelvin"), ("x", "celsius"), ("", "celsius")],
)
def test_limits_are_read_in_the_unit_of_the_camera(word: str, unit: Any) -> None:
    basic = BASIC.replace(b"degreeCentigrade", word.encode()).replace(b"<alarm>55.0", b"<alarm>140.0")
    celsius = {"celsius": 140.0, "fahrenheit": 60.0, "kelvin": -133.15}[unit]
    found: dict[str, Any] = parse_rules({"basic": basic, "alarm_rules": ALARM_RULES})

    assert unit_of(basic) == unit
    assert found["basic"]["alarm_celsius"] == celsius
    again: dict[str, Any] = parse_rules({"alarm_rules": ALARM_RULES}, unit=unit)
    for rules_ in (found["alarm_rules"], again["alarm_rules"]):
        assert rules_[1]["alarm_celsius"] == {"celsius": 80.0, "fahrenheit": 26.666667, "kelvin": -193.15}[unit]
        assert rules_[2]["alarm_kelvin"] == (2.5 if unit == "fahrenheit" else 4.5)
    assert edit_document("basic", basic, {"basic": {"alarm_celsius": celsius}}).changes == ()
    (change,) = edit_document("basic", basic, {"basic": {"alarm_celsius": celsius + 5}}).changes
    assert (change.before, change.after) == (celsius, celsius + 5)


def test_changes_of_both_kinds_of_alarm_rules_are_told() -> None:
    _, changes = edit("alarm_rules", alarm_rules={**rules("alarm_rules"), 1: {"alarm_seconds": 9}}, difference_rules={})

    assert changes == [("alarm_rules.1.alarm_seconds", 2, 9), ("difference_rules.1.enabled", True, False)]
    with pytest.raises(BadAnswer, match=r"^Other has no alarm rules$"):
        parse_rules({"alarm_rules": b"<Other/>"})


def test_what_is_off_already_keeps_nothing_behind_it_from_being_written() -> None:
    document, changes = edit("pixel_to_pixel", pixel_to_pixel={"reflected_celsius": None, "bytes_per_value": 2})

    assert changes == [("pixel_to_pixel.bytes_per_value", 4, 2)]
    assert b"<temperatureDataLength>2<" in document


@given(st.sampled_from(SECTIONS), st.data())
def test_a_damaged_document_is_read_or_a_bad_answer(section: Section, data: st.DataObject) -> None:
    document = bytearray(DOCUMENTS[section])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(document) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip":
                document[place] = data.draw(st.integers(0, 255))
            case "cut":
                del document[place : place + data.draw(st.integers(1, 200))]
            case _:
                document[place:place] = data.draw(
                    st.sampled_from([b"<", b"&", b"99999999", b"-1", b"nan", b"</id>", b"\0"])
                )
        if not document:
            return
    try:
        found = parse_rules({section: bytes(document)})
        edited = edit_document(section, bytes(document), {key: RULES[key] for key in RULES})
    except (BadAnswer, Unsupported, WrongUse):
        return
    yaml.safe_dump(found)
    assert isinstance(edited.document, bytes)
