"""Metadata field by field: what an alarm takes over from its fires, where bounds lie, and what half a document says (guide 8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from nvr_hooks import BadAnswer, FireTarget, Target, TemperatureReading

from hik_thermal_plugin.wire.metadata import (
    MAX_POINTS,
    MAX_TARGETS,
    decode_metadata,
    decode_metadata_document,
    fire_alarm,
)

NOW = datetime(2026, 3, 4, tzinfo=UTC)
BOX = "<Region><Point><x>0</x><y>0</y></Point><Point><x>200</x><y>0</y></Point><Point><x>200</x><y>100</y></Point></Region>"
SPOT = "<Region><Point><x>100</x><y>50</y></Point></Region>"


def properties(**values: object) -> str:
    return "".join(
        f"<Property><description>{name}</description><value>{value}</value></Property>"
        for name, value in values.items()
    )


def document(*targets: str, subtype: str = "thermometry") -> bytes:
    inner = "".join(f"<Target>{target}</Target>" for target in targets)
    return f"<Metadata><subType>{subtype}</subType><TargetList>{inner}</TargetList></Metadata>".encode()


def reading(target: str) -> TemperatureReading:
    (event,) = decode_metadata(document("<ruleID>1</ruleID>" + target))
    assert isinstance(event, TemperatureReading)
    return event


def test_an_alarm_takes_over_what_its_worst_fire_says() -> None:
    text = document(BOX + properties(distance=12), SPOT + properties(tempValue=90), subtype="fireDetection")
    found = decode_metadata(text, camera="kiln", channel=2, received_at=NOW)
    (fire,) = found
    assert isinstance(fire, FireTarget)
    alarm = fire_alarm([fire])

    assert fire.received_at == NOW
    assert (alarm.camera, alarm.channel, alarm.received_at, alarm.raw) == ("kiln", 2, NOW, text)
    assert (alarm.celsius, alarm.distance_m) == (90.0, 12.0)
    region = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.1))
    assert alarm.targets == (Target(region=region, hottest=(0.1, 0.05), celsius=90.0, distance_m=12.0),)


@pytest.mark.parametrize(("word", "metres"), [("0", 0.0), ("0.5", 0.5), ("-1", None), ("far", None)])
def test_distances_begin_at_nothing(word: str, metres: float | None) -> None:
    found = decode_metadata(document(properties(tempValue=90, distance=word), subtype="fireDetection"))

    assert [(fire.celsius, fire.distance_m) for fire in found if isinstance(fire, FireTarget)] == [(90.0, metres)]


def test_two_points_with_a_temperature_are_no_outline_of_a_fire() -> None:
    line = "<Region><Point><x>1</x><y>2</y></Point><Point><x>3</x><y>4</y></Point></Region>"
    cases = (
        (line, 90, ((0.001, 0.002), (0.003, 0.004)), None),
        (SPOT, 90, (), (0.1, 0.05)),
        (SPOT, "", ((0.1, 0.05),), None),
    )
    for region, value, outline, hottest in cases:
        (fire,) = decode_metadata(document(region + properties(tempValue=value, distance=5), subtype="fireDetection"))
        assert isinstance(fire, FireTarget)
        assert (fire.region, fire.hottest, fire.distance_m) == (outline, hottest, 5.0)


def test_the_most_targets_and_points_that_are_read() -> None:
    target = "<ruleID>1</ruleID>" + properties(tempValue=5, tempProperty="highest")
    assert len(decode_metadata(document(*[target] * MAX_TARGETS))) == 1
    for subtype in ("thermometry", "fireDetection"):
        with pytest.raises(BadAnswer, match=rf"{MAX_TARGETS + 1} targets \(at most {MAX_TARGETS}\)") as caught:
            decode_metadata(document(*[target] * (MAX_TARGETS + 1), subtype=subtype))
        assert caught.value.data == document(*[target] * (MAX_TARGETS + 1), subtype=subtype)[:200]
    for count in (MAX_POINTS, MAX_POINTS + 1):
        points = "<Region>" + "<Point><x>1</x><y>2</y></Point>" * count + "</Region>"
        assert len(reading(points + properties(tempValue=5, tempProperty="average")).region) == count % (MAX_POINTS + 1)


@pytest.mark.parametrize(
    ("count", "calibration"),
    [(1, None), (2, "line"), (3, "region"), (4, "region")],
)
def test_the_outline_tells_what_kind_of_rule_it_is(count: int, calibration: str | None) -> None:
    points = "<Region>" + "<Point><x>1</x><y>2</y></Point>" * count + "</Region>"

    assert reading(points + properties(tempValue=5, tempProperty="lowest")).calibration == calibration


def test_a_value_without_a_quantity_is_a_points_only_at_one_point() -> None:
    line = "<Region><Point><x>1</x><y>2</y></Point><Point><x>3</x><y>4</y></Point></Region>"
    rules = [
        f"<ruleID>{rule}</ruleID>{region}{properties(tempValue=5)}" for rule, region in ((1, line), (2, SPOT), (3, ""))
    ]
    found = decode_metadata(document(*rules))

    assert [(event.rule, event.point_celsius) for event in found if isinstance(event, TemperatureReading)] == [(2, 5.0)]


@pytest.mark.parametrize(
    ("points", "region"),
    [
        ("1.5 1", ((0.0015, 0.001),)),
        ("0.5 1.5", ((0.0005, 0.0015),)),
        ("0.5 1", ((0.5, 1.0),)),
        ("1 0", ((0.001, 0.0),)),
        ("1000 0", ((1.0, 0.0),)),
        ("1000.5 0", ()),
    ],
)
def test_fractions_are_parts_of_the_picture_only_where_all_are(points: str, region: object) -> None:
    x, y = points.split()
    text = f"<Region><Point><x>{x}</x><y>{y}</y></Point></Region>"

    assert reading(text + properties(tempValue=5)).region == region


def test_properties_that_lack_their_half() -> None:
    pairs = (
        "<Property><description>tempValue</description></Property><Property><value>7</value></Property>"
        "<Property><value>8</value><description/></Property><value>9</value>"
    )
    assert decode_metadata(document(SPOT + pairs)) == []
    twice = "<Property><description>tempValue</description><value>7</value><value>9</value></Property>"
    assert reading(SPOT + twice).point_celsius == 7.0


def test_coordinates_outside_a_region_or_a_point_are_passed_over() -> None:
    stray = "<x>7</x><Point><x>8</x></Point><Region><x>9</x><Point><x>1</x><y>2</y></Point></Region>"

    assert reading(stray + properties(tempValue=5)).region == ((0.001, 0.002),)


def test_a_json_document_may_lack_its_root() -> None:
    whole = decode_metadata_document(b'{"type": "ruleTarget", "subType": "PTZ"}')

    assert (whole.format, whole.type, whole.subtype) == ("isapi", "ruleTarget", "PTZ")
    assert decode_metadata_document(b"<Metadata/>").subtype is None
