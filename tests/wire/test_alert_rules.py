"""Temperature and difference alarms field by field, in the names devices give them (isapi.md 6.5)."""

from __future__ import annotations

from typing import Any

import pytest
from nvr_hooks import Alarm, FireAlarm, SmokeAlarm, Target, TemperatureAlarm, TemperatureDifferenceAlarm
from reading import alert

from hik_thermal_plugin.wire.alerts import decode_alert, decode_alert_document

HOT = "<currTemperature>70</currTemperature>"


def listed(*entries: str) -> str:
    inner = "".join(f"<DetectionRegionEntry>{entry}</DetectionRegionEntry>" for entry in entries)
    return f"<DetectionRegionList>{inner}</DetectionRegionList>"


def coordinates(*points: tuple[int, int]) -> str:
    inner = "".join(
        f"<RegionCoordinates><positionX>{x}</positionX><positionY>{y}</positionY></RegionCoordinates>"
        for x, y in points
    )
    return f"<RegionCoordinatesList>{inner}</RegionCoordinatesList>"


def alarms(more: str, kind: str = "TMA") -> list[Alarm]:
    return list(decode_alert(alert(kind, more)))  # type: ignore[arg-type]


def said(event: Alarm, names: str) -> list[Any]:
    """Return these fields of an event."""
    return [getattr(event, name) for name in names.split()]


def rule(inner: str, beside: str = "") -> TemperatureAlarm:
    """Return the alarm of one rule with this inside, and beside, the element of the event."""
    (event,) = alarms(listed(f"{beside}<TMA>{inner}</TMA>"))
    assert isinstance(event, TemperatureAlarm)
    return event


def difference(inner: str, beside: str = "") -> TemperatureDifferenceAlarm:
    """Return the alarm of one difference."""
    (event,) = alarms(listed(f"{beside}<TMA><ruleType>temp diff is higher than</ruleType>{inner}</TMA>"))
    assert isinstance(event, TemperatureDifferenceAlarm)
    return event


@pytest.mark.parametrize("name", ["ruleType", "alarmRuleType"])
def test_the_words_of_a_rule_under_both_names(name: str) -> None:
    event = rule(f"<{name}>lowest temp is lower than</{name}>")

    assert said(event, "quantity condition celsius threshold_celsius flags targets") == [
        "lowest",
        "below",
        None,
        None,
        (),
        (),
    ]


@pytest.mark.parametrize("name", ["thermometryUnit", "temperatureUnit"])
def test_the_unit_under_both_names(name: str) -> None:
    event = rule(
        f"<{name}>fahrenheit</{name}><currTemperature>212</currTemperature><ruleTemperature>32</ruleTemperature>"
    )

    assert said(event, "celsius threshold_celsius unit_reported") == [100.0, 0.0, "fahrenheit"]
    assert event.targets == (Target(celsius=100.0),)


@pytest.mark.parametrize("name", ["regionID", "ruleID", "RuleID", "id"])
def test_the_number_of_a_rule_under_all_its_names_and_in_both_places(name: str) -> None:
    for event in (rule(HOT, f"<{name}>7</{name}>"), rule(f"<{name}>7</{name}>{HOT}")):
        assert (event.rule, event.targets) == (7, (Target(celsius=70.0, id=7),))


@pytest.mark.parametrize("name", ["ruleTemperature", "RuleTemperature", "ruleTemperatureDiff", "alarmRule"])
def test_the_threshold_under_all_its_names(name: str) -> None:
    assert rule(f"<{name}>55.5</{name}>").threshold_celsius == 55.5


@pytest.mark.parametrize("name", ["currTemperature", "CurrTemperature", "currTemperatureDiff", "temperatureDiff"])
def test_what_was_measured_under_all_its_names(name: str) -> None:
    assert rule(f"<{name}>55.5</{name}>").celsius == 55.5
    event = difference(
        f"<{name}>9</{name}><thermometryUnit>fahrenheit</thermometryUnit><ruleTemperature>18</ruleTemperature>"
    )
    assert said(event, "difference_kelvin threshold_kelvin unit_reported flags") == [5.0, 10.0, "fahrenheit", ()]


def test_a_rule_is_named_where_its_values_stand_else_beside_them() -> None:
    inner, beside = "<ruleName>Door</ruleName>", "<name>Kiln</name>"

    assert [
        rule(inner, beside).rule_name,
        rule("", beside).rule_name,
        rule("<name>Belt</name>").rule_name,
        rule("").rule_name,
    ] == [
        "Door",
        "Kiln",
        "Belt",
        None,
    ]


def test_preset_calibration_and_places() -> None:
    event = rule(
        f"<presetNo>3</presetNo><ruleCalibType>line</ruleCalibType><MaximumTemperaturePoint>{coordinates((5, 6))}</MaximumTemperaturePoint>",
        coordinates((1, 2), (3, 4)),
    )

    assert said(event, "preset calibration targets flags") == [
        3,
        "line",
        (Target(region=((0.001, 0.002), (0.003, 0.004)), hottest=(0.005, 0.006)),),
        (),
    ]


@pytest.mark.parametrize(
    ("value", "flags"),
    [("-40", ()), ("-40.1", ("celsius",)), ("1000", ()), ("1000.1", ("celsius",)), ("?", ())],
)
def test_what_is_outside_the_documented_range_is_kept_and_flagged(value: str, flags: tuple[str, ...]) -> None:
    assert rule(f"<currTemperature>{value}</currTemperature>").flags == flags
    event = difference(f"<currTemperature>{value}</currTemperature>")
    assert event.flags == tuple(flag.replace("celsius", "difference_kelvin") for flag in flags)


def test_the_flags_of_a_difference_tell_its_places_and_unit_too() -> None:
    event = difference(
        f"<thermometryUnit>warm</thermometryUnit>{HOT}<MaximumTemperaturePoint>{coordinates((1, 2000))}</MaximumTemperaturePoint>",
        coordinates((1001, 1)),
    )

    assert event.flags == ("hottest", "region", "unit_reported")
    assert said(event, "difference_kelvin threshold_kelvin") == [70.0, None]
    assert difference("").difference_kelvin is None


@pytest.mark.parametrize("name", ["ruleID2", "alarmID2", "otherRuleID", "relatedRuleID", "diffRuleID", "regionID2"])
def test_the_other_rule_of_a_difference_under_all_its_names_and_in_both_places(name: str) -> None:
    text = f"<{name}>9</{name}>"

    assert [difference(text).other_rule, difference("", text).other_rule, difference("").other_rule] == [9, 9, None]
    assert difference(text, text.replace("9", "8")).other_rule == 9


def test_two_entries_of_which_one_measures_are_the_two_rules_of_a_difference() -> None:
    body = "<TDA><currTemperature>14</currTemperature>{}</TDA>"
    silent = f"<regionID>4</regionID>{coordinates((7, 8))}"

    for more, other in (("", 4), ("<ruleID2>6</ruleID2>", 6)):
        (event,) = alarms(listed(f"<regionID>1</regionID>{body.format(more)}", silent), "TDA")
        assert isinstance(event, TemperatureDifferenceAlarm)
        assert (event.rule, event.other_rule) == (1, other)
        assert event.targets == (Target(id=1), Target(region=((0.007, 0.008),), id=other))


def test_targets_that_say_nothing_are_left_out() -> None:
    spot = f"<MaximumTemperaturePoint>{coordinates((5, 6))}</MaximumTemperaturePoint>"

    assert rule("").targets == ()
    assert rule("", coordinates((1, 2))).targets == (Target(region=((0.001, 0.002),)),)
    assert rule(spot).targets == (Target(hottest=(0.005, 0.006)),)
    assert rule(HOT).targets == (Target(celsius=70.0),)
    assert rule("", "<regionID>1</regionID>").targets == (Target(id=1),)
    assert difference("").targets == ()


def test_a_document_without_entries_tells_what_stands_at_its_top() -> None:
    (event,) = alarms(f"<TMA>{HOT}<ruleTemperature>60</ruleTemperature></TMA>")
    assert isinstance(event, TemperatureAlarm)
    assert said(event, "rule celsius threshold_celsius") == [None, 70.0, 60.0]
    (event,) = alarms(f"<TDA>{HOT}</TDA>", "TDA")
    assert isinstance(event, TemperatureDifferenceAlarm)
    assert event.difference_kelvin == 70.0


def test_every_entry_of_a_difference_event_is_a_difference_unless_its_words_say_otherwise() -> None:
    words = "<ruleType>highest temp is higher than</ruleType>"
    found = alarms(listed(f"<TDA>{HOT}</TDA>", f"<TDA>{HOT}{words}</TDA>"), "TDA")

    assert [event.type for event in found] == ["temperature_difference_alarm", "temperature_alarm"]
    assert [event.type for event in alarms(listed("<regionID>1</regionID>"), "TDA")] == ["temperature_difference_alarm"]
    one_measures = listed(f"<regionID>1</regionID><TDA>{HOT}{words}</TDA>", "<regionID>2</regionID>")
    assert [(event.type, event.rule) for event in alarms(one_measures, "TDA")] == [  # type: ignore[attr-defined]
        ("temperature_alarm", 1),
        ("temperature_difference_alarm", 2),
    ]


def test_smoke_and_fire_of_one_document_are_two_alarms_of_one_happening() -> None:
    fire = "<FireDetection><fireMaxTemperature>80</fireMaxTemperature></FireDetection>"
    smoke = "<SmokeDetection><targetDistance>9</targetDistance></SmokeDetection>"
    entries = [f"<regionID>{number}</regionID>{what}" for number, what in enumerate((fire, smoke, fire + smoke, ""), 1)]
    burning, smoking = alarms(listed(*entries), "smokeAndFireDetection")

    assert isinstance(burning, FireAlarm)
    assert isinstance(smoking, SmokeAlarm)
    assert [target.id for target in burning.targets] == [1, 3, 4]
    assert [target.id for target in smoking.targets] == [2, 3, 4]
    assert burning.alarm_id == smoking.alarm_id == burning.id != smoking.id
    alone, _ = alarms(fire, "smokeAndFireDetection")
    assert isinstance(alone, FireAlarm)
    assert alone.celsius == 80.0


def test_what_goes_on_is_told_with_its_time_and_its_fields() -> None:
    names = "".join(f"<Duration><relationEvent>{name}</relationEvent></Duration>" for name in ("IO", "", "IO", "VMD"))
    found = decode_alert_document(
        alert("duration", f"<inputIOPortID>3</inputIOPortID><DurationList>{names}</DurationList>")
    )

    assert [(event.type, event.phase, event.raw_type) for event in found.events] == [
        ("input_alarm", "repeat", "IO"),
        ("motion_alarm", "repeat", "VMD"),
    ]
    assert found.events[0].port == 3  # type: ignore[attr-defined]
    assert found.at == found.events[0].at
    assert found.at is not None


def test_a_rule_that_measures_nothing_in_a_unit_of_its_own() -> None:
    unit = "<thermometryUnit>fahrenheit</thermometryUnit><currTemperature/><ruleTemperature/><ruleName/>"

    assert said(rule(unit), "celsius threshold_celsius unit_reported rule_name") == [None, None, "fahrenheit", None]
    assert said(difference(unit), "difference_kelvin threshold_kelvin rule_name") == [None, None, None]
