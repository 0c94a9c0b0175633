"""Readings from the real-time stream and from polling, and click-to-thermometry: documents made by hand after isapi.md 8.3 and 8.5."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, TemperatureReading, to_json

from hik_thermal_plugin.wire.thermometry import (
    decode_click,
    decode_readings,
    decode_rules_temperatures,
)

ARRIVED = datetime(2024, 1, 15, 3, 0, tzinfo=UTC)


def place(x: float, y: float) -> dict[str, float]:
    return {"positionX": x, "positionY": y}


def region(**changes: Any) -> dict[str, Any]:
    """Return one entry of a region rule; None leaves a key out."""
    entry = {
        "relativeTime": 0,
        "absTime": 1705285230,
        "ruleName": "kiln door",
        "ruleID": 3,
        "ruleCalibType": 1,
        "presetNo": 0,
        "PointThermCfg": {"temperature": -100.0, "Point": place(0, 0)},
        "LinePolygonThermCfg": {
            "MaxTemperature": 48.3,
            "MinTemperature": 21,
            "AverageTemperature": 25.9,
            "TemperatureDiff": 27.3,
            "Region": [{"Point": place(0.1, 0.2)}, {"Point": place(0.5, 0.2)}, {"Point": place(0.5, 0.75)}],
        },
        "thermometryUnit": 0,
        "dataType": 0,
        "isFreezedata": False,
        "HighestPoint": place(0.4, 0.3),
        "LowestPoint": place(0.2, 0.25),
        **changes,
    }
    return {key: value for key, value in entry.items() if value is not None}


def point(**changes: Any) -> dict[str, Any]:
    return region(
        **{
            "ruleID": 2,
            "ruleName": "motor",
            "ruleCalibType": 0,
            "PointThermCfg": {"temperature": 24.6, "Point": place(0.1, 0.9)},
            "HighestPoint": None,
            "LowestPoint": None,
            **changes,
        }
    )


def block(*entries: Any) -> bytes:
    return json.dumps({"ThermometryUploadList": {"ThermometryUpload": list(entries)}}, indent="\t").encode()


def one(document: bytes) -> TemperatureReading:
    (reading,) = decode_readings(document, camera="kiln", channel=2, received_at=ARRIVED)
    return reading


def test_a_region_rule() -> None:
    document = block(region())
    assert one(document) == TemperatureReading(
        camera="kiln",
        channel=2,
        at=datetime(2024, 1, 15, 2, 20, 30, tzinfo=UTC),
        source="realtime",
        rule=3,
        rule_name="kiln door",
        calibration="region",
        status="measuring",
        highest_celsius=48.3,
        lowest_celsius=21.0,
        average_celsius=25.9,
        difference_kelvin=27.3,
        highest_at=(0.4, 0.3),
        lowest_at=(0.2, 0.25),
        region=((0.1, 0.2), (0.5, 0.2), (0.5, 0.75)),
        unit_reported="celsius",
        frozen=False,
    )
    assert one(document).received_at == ARRIVED
    assert one(document).raw == document


def test_a_point_rule_takes_only_the_point() -> None:
    assert one(block(point())) == TemperatureReading(
        camera="kiln",
        channel=2,
        at=datetime(2024, 1, 15, 2, 20, 30, tzinfo=UTC),
        rule=2,
        rule_name="motor",
        calibration="point",
        status="measuring",
        point_celsius=24.6,
        region=((0.1, 0.9),),
        unit_reported="celsius",
        frozen=False,
    )


def test_all_rules_of_a_block_arrive_together() -> None:
    readings = decode_readings(block(region(), point(), region(ruleID=4, ruleCalibType=2)))

    assert [reading.rule for reading in readings] == [3, 2, 4]
    assert [reading.calibration for reading in readings] == ["region", "point", "line"]
    assert len({reading.received_at for reading in readings}) == 1
    assert len({reading.id for reading in readings}) == 3


def test_repeated_rule_ids_are_readings_each() -> None:
    assert [reading.rule for reading in decode_readings(block(region(), region()))] == [3, 3]


@pytest.mark.parametrize(
    "document",
    [
        json.dumps({"ThermometryUploadList": {"ThermometryUpload": region()}}),
        json.dumps({"ThermometryUploadList": [region()]}),
        json.dumps({"ThermometryUpload": [region()]}),
        json.dumps({"ThermometryUpload": region()}),
        json.dumps([region()]),
        json.dumps(region()),
        "\r\n\t" + json.dumps({"ThermometryUpload": [region()]}) + "\r\n\0",
        "\ufeff" + json.dumps({"ThermometryUpload": [region()]}),
    ],
)
def test_lists_that_are_missing_or_single(document: str) -> None:
    assert one(document.encode()) == one(block(region()))


@pytest.mark.parametrize("between", ["", "\r\n", ",", " \t\n\0"])
def test_documents_run_together(between: str) -> None:
    both = block(region()).decode() + between + block(point()).decode()

    assert [reading.rule for reading in decode_readings(both.encode())] == [3, 2]


@pytest.mark.parametrize(
    "document",
    [
        '{"ThermometryUploadList": {}}',
        '{"ThermometryUploadList": {"ThermometryUpload": []}}',
        '{"ThermometryUploadList": null}',
    ],
)
def test_no_enabled_rule_is_no_reading(document: str) -> None:
    assert decode_readings(document.encode()) == []


def test_the_xml_form() -> None:
    document = b"""<?xml version="1.0"?><ThermometryUploadList xmlns="http://www.isapi.org/ver20/XMLSchema"><ThermometryUpload>
    <absTime>1705285230</absTime><ruleName>kiln door</ruleName><ruleID>3</ruleID><ruleCalibType>region</ruleCalibType>
    <LinePolygonThermCfg><MaxTemperature>48,3</MaxTemperature><MinTemperature>21</MinTemperature>
    <AverageTemperature>25.9</AverageTemperature><TemperatureDiff>27.3</TemperatureDiff>
    <Region><Point><positionX>0.1</positionX><positionY>0.2</positionY></Point>
    <Point><positionX>0.5</positionX><positionY>0.2</positionY></Point>
    <Point><positionX>0.5</positionX><positionY>0.75</positionY></Point></Region></LinePolygonThermCfg>
    <thermometryUnit>celsius</thermometryUnit><dataType>measuring</dataType><isFreezedata>false</isFreezedata>
    <HighestPoint><positionX>0.4</positionX><positionY>0.3</positionY></HighestPoint>
    <LowestPoint><positionX>0.2</positionX><positionY>0.25</positionY></LowestPoint></ThermometryUpload></ThermometryUploadList>"""

    assert one(document) == one(block(region()))


@pytest.mark.parametrize(
    ("unit", "highest", "difference", "word"),
    [
        (0, 50.0, 9.0, "celsius"),
        (1, 10.0, 5.0, "fahrenheit"),
        (2, -223.15, 9.0, "kelvin"),
        ("fahrenheit", 10.0, 5.0, "fahrenheit"),
    ],
)
def test_units_are_numbers_or_words(unit: object, highest: float, difference: float, word: str) -> None:
    values = {"MaxTemperature": 50, "TemperatureDiff": 9}
    reading = one(block(region(thermometryUnit=unit, LinePolygonThermCfg=values)))

    assert (reading.highest_celsius, reading.difference_kelvin, reading.unit_reported) == (highest, difference, word)


def test_a_unit_nobody_knows_is_no_temperature() -> None:
    reading = one(block(region(thermometryUnit=7)))

    assert (reading.highest_celsius, reading.difference_kelvin, reading.unit_reported) == (None, None, "7")


@pytest.mark.parametrize(
    ("said", "status"),
    [(0, "measuring"), (1, "started"), (2, "ended"), ("2", "ended"), ("started", "started"), (9, None), (None, None)],
)
def test_the_status(said: object, status: str | None) -> None:
    assert one(block(region(dataType=said))).status == status


@pytest.mark.parametrize(
    ("said", "frozen"),
    [(True, True), (1, True), ("true", True), (False, False), (0, False), (None, None), ("maybe", None), (1.0, True)],
)
def test_the_freeze_flag(said: object, frozen: bool | None) -> None:
    assert one(block(region(isFreezedata=said))).frozen is frozen


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"absTime": 1705285230}, "2024-01-15T02:20:30.000Z"),
        ({"absTime": 1705285230500}, "2024-01-15T02:20:30.500Z"),
        ({"absTime": 0, "timestamp": 1705285230500}, "2024-01-15T02:20:30.500Z"),
        ({"absTime": None, "timestamp": 1705285230}, "2024-01-15T02:20:30.000Z"),
        ({"absTime": 0}, None),
        ({"absTime": -5}, None),
        ({"absTime": 10**30}, None),
        ({"absTime": "soon"}, None),
        ({"absTime": None}, None),
    ],
)
def test_the_device_time(changes: dict[str, Any], at: str | None) -> None:
    assert to_json(one(block(region(**changes))))["at"] == at


def test_coordinates_that_count_to_a_thousand() -> None:
    reading = one(block(region(HighestPoint=place(400, 300), LowestPoint=place(1, 1))))

    assert reading.highest_at == (0.4, 0.3)
    assert reading.lowest_at == (1.0, 1.0)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        5,
        "x",
        [],
        {},
        place(2000, 1),
        place(-0.1, 0.5),
        {"positionX": 0.5},
        place(float("nan"), 0.5),
        [place(0.1, 0.1), 3],
    ],
)
def test_a_place_that_makes_no_sense_is_unknown(broken: Any) -> None:
    reading = one(block(region(HighestPoint=broken, LinePolygonThermCfg={"Region": broken})))

    assert reading.highest_at is None
    assert reading.region == ()


@pytest.mark.parametrize("said", ["", None, "hot", float("nan"), float("inf"), -1e308 * 10, True, [], {}, 10**400])
def test_a_value_that_is_no_number_is_unknown(said: Any) -> None:
    values = {"MaxTemperature": said, "MinTemperature": "21,5"}
    reading = one(block(region(LinePolygonThermCfg=values)))

    assert (reading.highest_celsius, reading.lowest_celsius) == (None, 21.5)


def test_values_out_of_every_range_are_kept() -> None:
    assert one(block(region(LinePolygonThermCfg={"MaxTemperature": 4000.5}))).highest_celsius == 4000.5


def test_normal_mode_is_one_reading_of_the_whole_picture() -> None:
    entry = {
        "ruleID": 0,
        "centerPointTemperature": 31.5,
        "highestPointTemperature": 50.0,
        "lowestPointTemperature": 20.0,
        "thermometryUnit": 0,
        "HighestPoint": place(0.5, 0.5),
    }
    reading = one(block(entry))

    assert (reading.rule, reading.calibration, reading.region) == (None, None, ())
    assert (reading.centre_celsius, reading.highest_celsius, reading.lowest_celsius) == (31.5, 50.0, 20.0)
    assert reading.highest_at == (0.5, 0.5)


def test_without_a_calibration_the_filled_part_counts() -> None:
    assert one(block(point(ruleCalibType=None, LinePolygonThermCfg=None))).point_celsius == 24.6
    assert one(block(region(ruleCalibType=None, PointThermCfg=None))).highest_celsius == 48.3


def test_a_preset_is_kept_and_zero_is_none() -> None:
    assert one(block(region(presetNo=4))).preset == 4
    assert one(block(region(presetNo=0))).preset is None


def test_names_can_be_sent_on() -> None:
    assert one(block(region(ruleName="a\0b\nc\ud800"))).rule_name == "abc"
    assert one(block(region(ruleName=" \t"))).rule_name is None
    assert one(block(region(ruleName=5))).rule_name is None


REFUSED = (
    b'{"requestURL": "/ISAPI", "statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}'
)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (block(region())[:-9], "broken or cut"),
        (block(region()) + b"{", "broken or cut|no temperatures"),
        (b"temperatures", "broken or cut"),
        (b"[" * 100_000, "broken or cut"),
        (b"5", "no list of objects"),
        (b'{"ThermometryUploadList": 5}', "no list of objects|no temperatures"),
        (block(5), "no list of objects|no temperatures"),
        (b'{"EventNotificationAlert": {}}', "no temperatures"),
        (REFUSED, "notSupport"),
        (b'{"ResponseStatus": ' + REFUSED + b"}", "Invalid Operation"),
        (
            b"<ResponseStatus><statusCode>4</statusCode><subStatusCode>notSupport</subStatusCode></ResponseStatus>",
            "notSupport",
        ),
        (b"<html>", "broken or cut"),
        (b" " * (5 << 20), "are read"),
    ],
)
@pytest.mark.parametrize("decode", [decode_readings, decode_rules_temperatures])
def test_anything_else_is_a_bad_answer(decode: Any, document: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        decode(document)


NAMES = (
    *region(),
    "maxTemperature",
    "MaxTemperaturePoint",
    "Point",
    "positionX",
    "positionY",
    "Region",
    "MaxTemperature",
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@given(st.sampled_from(sorted(region())), json_values)
def test_whatever_a_field_holds_there_is_a_reading(key: str, value: Any) -> None:
    reading = one(block({**region(), key: value}))
    json.dumps(to_json(reading), allow_nan=False).encode()


@given(json_values)
def test_whatever_a_document_holds_there_are_readings_or_a_bad_answer(value: Any) -> None:
    for decode in (decode_readings, decode_rules_temperatures):
        for document in (value, {"ThermometryUploadList": value}, {"ThermometryRulesTemperatureInfoList": value}):
            try:
                readings = decode(json.dumps(document).encode())
            except BadAnswer:
                continue
            for reading in readings:
                json.dumps(to_json(reading), allow_nan=False).encode()


@given(st.binary(max_size=60), st.integers(0, 400))
def test_whatever_bytes_come_there_are_readings_or_a_bad_answer(noise: bytes, at: int) -> None:
    document = block(region())
    for data in (noise, document[:at], document[:at] + noise + document[at:]):
        for decode in (decode_readings, decode_rules_temperatures, decode_click):
            try:
                decode(data)
            except BadAnswer as err:
                assert str(err)
