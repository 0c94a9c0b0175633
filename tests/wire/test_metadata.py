"""Metadata documents: the two printed in the guide (8.1, 8.2), and what devices may make of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, FireTarget, TemperatureReading

from hik_thermal_plugin.wire.metadata import (
    MAX_TARGETS,
    MetadataDocument,
    decode_metadata,
    decode_metadata_document,
    fire_alarm,
)

HEAD = """<Metadata version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
  <type>activityTarget</type>
  <subType>{}</subType>
  <time>2017-01-01T00:00:00+08:00</time>
  <DevInfo>
    <ipAddress>192.168.0.64</ipAddress>
    <portNo>554</portNo>
    <macAddress>28:57:be:ee:d1:5a</macAddress>
    <channel>1</channel>
  </DevInfo>
  <TargetDetection>
    <TargetList>
"""
TAIL = "    </TargetList>\n  </TargetDetection>\n</Metadata>"
AT = datetime(2017, 1, 1, tzinfo=timezone(timedelta(hours=8)))


def target(points: Sequence[tuple[object, object]], *properties: tuple[str, object], rule: object = None) -> str:
    region = "".join(f"<Point><x>{x}</x><y>{y}</y></Point>" for x, y in points)
    listed = "".join(
        f"<Property><description>{name}</description><value>{value}</value></Property>" for name, value in properties
    )
    number = "" if rule is None else f"<ruleID>{rule}</ruleID>"
    return f"<Target>{number}<RegionList><Region>{region}</Region></RegionList><PropertyList>{listed}</PropertyList></Target>\n"


def temperature(value: object, quantity: str | None = None, unit: str = "centigrade") -> list[tuple[str, object]]:
    words: list[tuple[str, object]] = [("tempValue", value), ("tempUnit", unit)]
    return words if quantity is None else [*words, ("tempProperty", quantity)]


def document(*targets: str, subtype: str = "thermometry") -> bytes:
    return (HEAD.format(subtype) + "".join(targets) + TAIL).encode()


def reading(*targets: str) -> TemperatureReading:
    (event,) = decode_metadata(document(*targets))
    assert isinstance(event, TemperatureReading)
    return event


def fires(*targets: str) -> list[FireTarget]:
    events = decode_metadata(document(*targets, subtype="fireDetection"))
    return [event for event in events if isinstance(event, FireTarget)]


SQUARE = [(0, 0), (600, 0), (600, 600), (0, 600)]
GUIDE_8_1 = document(
    target([(100, 100), (200, 200)], *temperature(30, "average"), rule=1),
    target([(100, 100)], *temperature(20, "lowest"), rule=1),
    target([(200, 200)], *temperature(40, "highest"), rule=1),
)
GUIDE_8_2 = document(
    target(SQUARE, ("distance", 1000)), target([(300, 300)], *temperature(100, "highest")), subtype="fireDetection"
)


def test_the_document_of_guide_8_1_is_one_reading() -> None:
    (event,) = decode_metadata(GUIDE_8_1, camera="kiln")
    assert event == TemperatureReading(
        camera="kiln",
        channel=1,
        at=AT,
        source="metadata",
        rule=1,
        calibration="line",
        average_celsius=30.0,
        lowest_celsius=20.0,
        lowest_at=(0.1, 0.1),
        highest_celsius=40.0,
        highest_at=(0.2, 0.2),
        region=((0.1, 0.1), (0.2, 0.2)),
        unit_reported="centigrade",
    )
    assert event.raw == GUIDE_8_1


def test_the_document_of_guide_8_2_is_one_fire() -> None:
    (event,) = decode_metadata(GUIDE_8_2, camera="kiln")
    assert event == FireTarget(
        camera="kiln",
        channel=1,
        at=AT,
        celsius=100.0,
        unit_reported="centigrade",
        distance_m=1000.0,
        region=((0.0, 0.0), (0.6, 0.0), (0.6, 0.6), (0.0, 0.6)),
        hottest=(0.3, 0.3),
    )
    assert event.raw == GUIDE_8_2


def test_the_document_itself_is_a_value_too() -> None:
    whole = decode_metadata_document(GUIDE_8_1)
    assert (whole.format, whole.type, whole.subtype, whole.at, whole.channel) == (
        "isapi",
        "activityTarget",
        "thermometry",
        AT,
        1,
    )
    assert list(whole.events) == decode_metadata(GUIDE_8_1)


def test_each_rule_has_a_reading_of_its_own() -> None:
    first, second = decode_metadata(
        document(
            target(SQUARE, *temperature(30, "average"), rule=1),
            target([(10, 10)], *temperature(99.5, "highest"), rule=2),
            target([(5, 5)], *temperature(41, "highest"), rule=1),
        )
    )
    assert isinstance(first, TemperatureReading)
    assert isinstance(second, TemperatureReading)
    assert (first.rule, first.calibration, first.average_celsius, first.highest_celsius) == (1, "region", 30.0, 41.0)
    assert (second.rule, second.calibration, second.highest_celsius, second.lowest_celsius) == (2, None, 99.5, None)
    assert (second.highest_at, second.region) == ((0.01, 0.01), ())


def test_a_point_needs_no_property() -> None:
    event = reading(target([(500, 250)], *temperature(36.6), rule=3))
    assert (event.calibration, event.point_celsius, event.highest_celsius) == ("point", 36.6, None)
    assert event.region == ((0.5, 0.25),)


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [
        ("30", "centigrade", 30.0),
        ("30", "celsius", 30.0),
        ("86", "fahrenheit", 30.0),
        ("303.15", "kelvin", 30.0),
        ("30,5", "Centigrade", 30.5),
        ("-273.15", "", -273.15),
        ("99999", "centigrade", 99999.0),
    ],
)
def test_units_become_celsius(value: str, unit: str, celsius: float) -> None:
    event = reading(target([(1, 1)], *temperature(value, "highest", unit), rule=1))
    assert event.highest_celsius == pytest.approx(celsius)
    assert event.unit_reported == unit


@pytest.mark.parametrize(
    ("value", "unit"), [("30", "rankine"), ("warm", "centigrade"), ("nan", "kelvin"), ("", "centigrade")]
)
def test_a_value_nobody_can_read_is_no_reading(value: str, unit: str) -> None:
    whole = decode_metadata_document(document(target([(1, 1)], *temperature(value, "highest", unit), rule=1)))
    assert (whole.events, whole.subtype) == ((), "thermometry")


def test_rules_without_values_are_no_readings() -> None:
    text = document(target(SQUARE, rule=1)).replace(b"activityTarget", b"ruleTarget")
    whole = decode_metadata_document(text)
    assert (whole.type, whole.events, whole.raw) == ("ruleTarget", (), text)


def test_a_property_of_an_unknown_kind_is_passed_over() -> None:
    assert (
        reading(
            target(SQUARE, *temperature(1, "median"), rule=1), target(SQUARE, *temperature(2, "average"), rule=1)
        ).average_celsius
        == 2.0
    )
    assert decode_metadata(document(target(SQUARE, *temperature(1, "median"), rule=1))) == []


def test_several_values_in_one_target_and_one_property_are_several_values() -> None:
    one = target(SQUARE, *temperature(1, "lowest"), *temperature(9, "highest"), rule=1)
    assert (reading(one).lowest_celsius, reading(one).highest_celsius) == (1.0, 9.0)
    squeezed = one.replace("</Property><Property>", "")
    assert (reading(squeezed).lowest_celsius, reading(squeezed).highest_celsius) == (1.0, 9.0)


@pytest.mark.parametrize(
    ("points", "region"),
    [
        ([(0, 0), (1000, 0), (1000, 1000)], ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),
        ([(0, 0), (1001, 0), (1000, 1000)], ()),
        ([(-1, 0), (10, 0), (10, 10)], ()),
        ([(0, 0), (8191, 0), (8191, 8191)], ()),
        ([(0, 0), ("0.5", 0), ("0.5", 1)], ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))),
        ([(0, 0), (1, 0), (1, 1)], ((0.0, 0.0), (0.001, 0.0), (0.001, 0.001))),
        ([(0, 0), ("x", 0), (1, 1)], ()),
        ([(1, 1)] * 101, ()),
    ],
)
def test_coordinates_go_to_1000_or_are_unknown(
    points: list[tuple[object, object]], region: tuple[tuple[float, float], ...]
) -> None:
    assert reading(target(points, *temperature(30, "average"), rule=1)).region == region


def test_one_coordinate_beyond_makes_every_position_of_the_document_unknown() -> None:
    event = reading(
        target([(0, 0), (4000, 0), (4000, 4000)], *temperature(30, "average"), rule=1),
        target([(500, 500)], *temperature(40, "highest"), rule=1),
    )
    assert (event.region, event.highest_at, event.highest_celsius) == ((), None, 40.0)
    assert event.raw is not None
    assert b"4000" in event.raw


def box(x: int, y: int, size: int = 100) -> list[tuple[object, object]]:
    return [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]


def hot(x: int, y: int, celsius: int) -> str:
    return target([(x, y)], *temperature(celsius, "highest"))


def test_fires_get_the_distance_of_the_outline_they_lie_in() -> None:
    found = fires(
        target(box(0, 0), ("distance", 100)),
        target(box(500, 500), ("distance", 500)),
        hot(550, 550, 222),
        hot(50, 50, 111),
    )
    assert [(fire.celsius, fire.distance_m, fire.hottest) for fire in found] == [
        (222.0, 500.0, (0.55, 0.55)),
        (111.0, 100.0, (0.05, 0.05)),
    ]
    assert found[1].region == ((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1))


def test_fires_that_cannot_be_told_apart_stay_apart() -> None:
    inside_neither = fires(target(box(0, 0), ("distance", 100)), hot(500, 500, 111))
    assert [(fire.celsius, fire.distance_m) for fire in inside_neither] == [(None, 100.0), (111.0, None)]
    assert [fire.region for fire in inside_neither] == [((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1)), ()]
    two_in_one = fires(target(box(0, 0), ("distance", 100)), hot(20, 20, 111), hot(30, 30, 222))
    assert [(fire.celsius, fire.distance_m) for fire in two_in_one] == [(None, 100.0), (111.0, None), (222.0, None)]
    one_in_two = fires(target(box(0, 0), ("distance", 1)), target(box(0, 0, 300), ("distance", 2)), hot(20, 20, 111))
    assert [(fire.celsius, fire.distance_m) for fire in one_in_two] == [(None, 1.0), (None, 2.0), (111.0, None)]


def test_overlapping_outlines_are_told_apart_by_what_the_others_leave_over() -> None:
    found = fires(
        target(box(0, 0, 300), ("distance", 1)),
        target(box(200, 200, 300), ("distance", 2)),
        hot(250, 250, 111),
        hot(50, 50, 222),
    )
    assert [(fire.celsius, fire.distance_m) for fire in found] == [(111.0, 2.0), (222.0, 1.0)]


def test_pairs_are_found_in_the_devices_own_coordinates() -> None:
    (fire,) = fires(target([(0, 0), (8000, 0), (8000, 8000)], ("distance", 7)), hot(7000, 1000, 111))
    assert (fire.celsius, fire.distance_m, fire.region, fire.hottest) == (111.0, 7.0, (), None)


def test_a_fire_told_in_one_target_needs_no_partner() -> None:
    (fire,) = fires(target(box(0, 0), ("distance", 30), *temperature(111, "highest")))
    assert (fire.celsius, fire.distance_m, fire.hottest) == (111.0, 30.0, None)
    assert len(fire.region) == 4


def test_a_distance_of_minus_one_is_unknown() -> None:
    (fire,) = fires(target(box(0, 0), ("distance", -1)), hot(5, 5, 111))
    assert (fire.celsius, fire.distance_m) == (111.0, None)


def test_the_fires_of_a_document_are_one_alarm() -> None:
    found = fires(
        target(box(0, 0), ("distance", 100)),
        hot(20, 20, 111),
        target(box(500, 500), ("distance", 9)),
        hot(900, 900, 222),
    )
    alarm = fire_alarm(found)
    assert (alarm.source, alarm.raw_type, alarm.kind, alarm.channel, alarm.at) == (
        "metadata",
        "fireDetection",
        "fire",
        1,
        AT,
    )
    assert (alarm.celsius, alarm.distance_m, alarm.unit_reported) == (222.0, None, "centigrade")
    assert [(item.celsius, item.distance_m) for item in alarm.targets] == [(111.0, 100.0), (None, 9.0), (222.0, None)]
    assert fire_alarm(found[1:2]).celsius is None


@pytest.mark.parametrize("subtype", ["shipsDetection", "behaviorAnalysis", "ANPR", "somethingNew"])
def test_other_subtypes_are_kept_raw(subtype: str) -> None:
    text = document(target(SQUARE, ("speed", 3), rule=1), subtype=subtype)
    whole = decode_metadata_document(text)
    assert (whole.subtype, whole.events, whole.raw) == (subtype, (), text)


@pytest.mark.parametrize(
    "text",
    [
        b'<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:PTZ/></tt:MetadataStream>',
        b"<?xml version='1.0'?><tt:MetadataStream><tt:Event/></tt:MetadataStream>",
        b"<MetadataStream/>",
    ],
)
def test_onvif_metadata_is_recognised_and_handed_on(text: bytes) -> None:
    assert decode_metadata_document(text, channel=2) == MetadataDocument(format="onvif", channel=2, raw=text)
    assert decode_metadata(text) == []


def test_what_the_document_leaves_out_comes_from_the_caller() -> None:
    text = GUIDE_8_1.replace(b"<channel>1</channel>", b"").replace(b"+08:00", b"")
    (event,) = decode_metadata(text, channel=2, zone=UTC, received_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert (event.channel, event.at) == (2, datetime(2017, 1, 1, tzinfo=UTC))
    assert event.received_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert decode_metadata(text)[0].at is None


def test_json_is_read_as_the_same_tree() -> None:
    text = b"""{"Metadata": {"type": "activityTarget", "subType": "thermometry", "TargetDetection": {"TargetList": {"Target": [
        {"ruleID": 1, "RegionList": {"Region": {"Point": {"x": 1, "y": 2}}},
         "PropertyList": {"Property": [{"description": "tempValue", "value": 30.5}, {"description": "tempProperty", "value": "highest"}]}}]}}}}"""
    (event,) = decode_metadata(text)
    assert isinstance(event, TemperatureReading)
    assert (event.rule, event.highest_celsius, event.highest_at) == (1, 30.5, (0.001, 0.002))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0\0",
        b"<html/>",
        GUIDE_8_1[:-5],
        b"<EventNotificationAlert/>",
        b"[1, 2",
        document(*[target([(1, 1)], *temperature(1, "highest"), rule=1)] * (MAX_TARGETS + 1)),
        b'<!DOCTYPE a [<!ENTITY b "c">]><Metadata><type>&b;</type></Metadata>',
    ],
)
def test_what_is_no_metadata_is_a_bad_answer(text: bytes) -> None:
    with pytest.raises(BadAnswer):
        decode_metadata(text)


PIECES = st.sampled_from(
    [GUIDE_8_1, GUIDE_8_2, document(hot(1, 1, 5), target(box(0, 0), ("distance", 3)), subtype="fireDetection")]
)


@settings(max_examples=300)
@given(PIECES, st.integers(0, 3000), st.integers(0, 3000), st.binary(max_size=6))
def test_cut_and_flipped_documents_are_values_or_bad_answers(text: bytes, start: int, end: int, insert: bytes) -> None:
    damaged = text[: min(start, end)] + insert + text[max(start, end) :]
    try:
        whole = decode_metadata_document(damaged)
    except BadAnswer:
        return
    assert whole.raw == damaged
    for event in whole.events:
        assert all(0 <= value <= 1 for point in event.region for value in point)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=6),
    st.lists(st.integers(0, 1000), max_size=8),
)
def test_however_the_fires_lie_no_value_is_lost(corners: list[tuple[int, int]], spots: list[int]) -> None:
    far = [target(box(x, y), ("distance", index)) for index, (x, y) in enumerate(corners)]
    found = fires(*far, *(hot(x, x, index) for index, x in enumerate(spots)))
    assert sorted(fire.distance_m for fire in found if fire.distance_m is not None) == list(range(len(corners)))
    assert sorted(fire.celsius for fire in found if fire.celsius is not None) == list(range(len(spots)))
