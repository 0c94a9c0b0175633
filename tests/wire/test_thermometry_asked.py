"""Temperatures asked for: polled rules and click-to-thermometry; documents made by hand after isapi.md 8.3 and 8.5."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.thermometry import ClickResult, click_request, decode_click, decode_rules_temperatures

ARRIVED = datetime(2024, 1, 15, 3, 0, tzinfo=UTC)
REFUSED = b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}'


def place(x: float, y: float) -> dict[str, float]:
    return {"positionX": x, "positionY": y}


def poll(*entries: dict[str, Any]) -> bytes:
    return json.dumps(
        {"ThermometryRulesTemperatureInfoList": {"ThermometryRulesTemperatureInfo": list(entries)}}
    ).encode()


def info(**changes: Any) -> dict[str, Any]:
    entry = {
        "maxTemperature": 28.7,
        "minTemperature": 27.7,
        "averageTemperature": 28.3,
        "MaxTemperaturePoint": place(1.0, 0.983),
        "MinTemperaturePoint": place(0.918, 0.008),
        "isFreezedata": False,
        **changes,
    }
    return {key: value for key, value in entry.items() if value is not None}


RULES: dict[int, dict[str, object]] = {
    4: {"name": "kiln door", "type": "region", "points": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]},
    7: {"name": "motor", "type": "point", "points": [[0.5, 0.5]]},
}


def test_polled_rules_without_numbers_are_told_apart_by_their_order() -> None:
    first, second = decode_rules_temperatures(poll(info(), info()), camera="kiln", channel=1, received_at=ARRIVED)

    assert (first.rule, second.rule) == (1, 2)
    assert (first.source, first.at, first.status, first.unit_reported) == ("poll", None, "measuring", None)
    assert (first.highest_celsius, first.lowest_celsius, first.average_celsius) == (28.7, 27.7, 28.3)
    assert (first.highest_at, first.lowest_at) == ((1.0, 0.983), (0.918, 0.008))
    assert first.difference_kelvin == 1.0
    assert first.frozen is False


def test_polled_rules_are_completed_from_the_rules_document() -> None:
    region_rule, point_rule, extra = decode_rules_temperatures(poll(info(), info(), info()), rules=RULES, preset=3)

    assert (region_rule.rule, region_rule.rule_name, region_rule.calibration) == (4, "kiln door", "region")
    assert region_rule.region == ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))
    assert (region_rule.preset, region_rule.point_celsius) == (3, None)
    assert (point_rule.rule, point_rule.calibration, point_rule.point_celsius) == (7, "point", 28.3)
    assert extra.rule == 3


def test_polled_rules_that_say_who_they_are() -> None:
    (reading,) = decode_rules_temperatures(poll(info(id=7)), rules=RULES)
    assert (reading.rule, reading.rule_name) == (7, "motor")
    (reading,) = decode_rules_temperatures(poll(info(ruleID=9, ruleName="new")), rules=RULES)
    assert (reading.rule, reading.rule_name, reading.calibration) == (9, "new", None)


def test_polled_temperatures_are_in_the_unit_of_the_camera() -> None:
    (reading,) = decode_rules_temperatures(poll(info(maxTemperature=212, minTemperature=32)), unit="degreeFahrenheit")

    assert (reading.highest_celsius, reading.lowest_celsius, reading.difference_kelvin) == (100.0, 0.0, 100.0)
    assert reading.unit_reported == "degreeFahrenheit"


def test_a_click_is_sent_as_shares_or_thousandths() -> None:
    assert json.loads(click_request((0.25, 0.5))) == {"ClickToThermometryRule": {"Point": place(0.25, 0.5)}}
    sent = json.loads(click_request((0.2504, 1.0), thousandths=True))
    assert sent == {"ClickToThermometryRule": {"Point": {"positionX": 250, "positionY": 1000}}}


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ('{"ClickToThermometryResult": {"temperature": 36.5}}', ClickResult(celsius=36.5)),
        ('{"temperature": 212, "thermometryUnit": 1, "Point": {"positionX": 0.5, "positionY": 0.25}}', ClickResult(celsius=100.0, at=(0.5, 0.25))),
        ('{"temperature": 10, "thermometryUnit": 9}', ClickResult(celsius=None)),
        ('{"statusCode": 1, "statusString": "OK", "subStatusCode": "ok"}', ClickResult(celsius=None)),
        ("<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>", ClickResult(celsius=None)),
    ],
)  # fmt: skip
def test_answers_to_a_click(answer: str, result: ClickResult) -> None:
    assert decode_click(answer.encode()) == result


@pytest.mark.parametrize("answer", [REFUSED, b"[]", b"5", b"{}", b'{"ClickToThermometryResult": 5}', b"", b"<html/>"])
def test_no_answer_to_a_click(answer: bytes) -> None:
    with pytest.raises(BadAnswer, match="kiln: "):
        decode_click(answer, camera="kiln")
