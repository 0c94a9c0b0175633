"""Alarm documents of every kind of device become the events that stand beside them in tests/data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from expectations import differences
from nvr_hooks import Alarm, BadAnswer, FireAlarm, MotionAlarm, OtherAlarm, to_json
from reading import alert, every_way, part

from hik_thermal_plugin.wire.alerts import decode_alert, decode_alert_document

DATA = Path(__file__).parents[1] / "data"
CASES = {
    f"{folder.parent.name}/{name}": case
    for folder in sorted(DATA.glob("*/expected.json"))
    for name, case in json.loads(folder.read_text(encoding="utf-8")).items()
}


def check(document: bytes, case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(BadAnswer, match=case["error"]) as raised:
            decode_alert(document, camera="kiln")
        assert raised.value.data
        return
    found = [to_json(event) for event in decode_alert(document, camera="kiln")]
    assert len(found) == len(case["events"]), found
    for event, wanted in zip(found, case["events"], strict=True):
        assert differences(event, wanted) == {}
        assert event["camera"] == "kiln"
        assert ("flags" in event) == ("flags" in wanted)


@pytest.mark.parametrize("name", CASES)
def test_a_document_means_what_stands_beside_it(name: str) -> None:
    check((DATA / name).read_bytes(), CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_line_ends_and_what_surrounds_a_document_make_no_difference(name: str) -> None:
    document = (DATA / name).read_bytes()

    check(document.replace(b"\n", b"\r\n"), CASES[name])
    check(b"\xef\xbb\xbf\r\n\r\n\0" + document.lstrip() + b"\0\0\r\n", CASES[name])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "error" not in case])
def test_a_document_arrives_the_same_through_a_stream_however_it_is_cut(name: str) -> None:
    document = (DATA / name).read_bytes()
    kind = "application/json" if name.endswith("json") else "application/xml"

    for length in (True, False, 17, len(document) + 5000):
        parts, _ = every_way(part(document, kind, length) + part(alert()))
        assert len(parts) == 2
        check(parts[0].body, CASES[name])


def test_every_document_is_listed_and_every_listed_one_is_there() -> None:
    files = {f"{path.parent.name}/{path.name}" for path in DATA.glob("*/*") if path.name != "expected.json"}

    assert {name for name in files if name.endswith((".xml", ".json"))} >= set(CASES)
    assert {name for name in files if "device_" not in name} == set(CASES)


def test_the_document_itself_comes_along() -> None:
    (event,) = decode_alert(alert())

    assert event.raw == alert()


def test_source_camera_and_arrival_are_the_callers() -> None:
    arrived = datetime(2026, 1, 2, tzinfo=UTC)
    (event,) = decode_alert(alert(), camera="kiln", source="push", received_at=arrived)

    assert (event.camera, event.source, event.received_at) == ("kiln", "push", arrived)


def test_every_event_has_an_id_of_its_own() -> None:
    events = decode_alert((DATA / "bispectrum/tma_two_rules.xml").read_bytes())

    assert len({event.id for event in events}) == 2


def test_a_time_without_offset_is_in_the_cameras_zone() -> None:
    document = alert().replace(b"+01:00", b"")

    assert decode_alert(document)[0].at is None
    at = decode_alert(document, zone=timezone(timedelta(hours=8)))[0].at
    assert at == datetime(2026, 3, 3, 21, 6, 7, tzinfo=UTC)


def test_a_heartbeat_tells_the_devices_clock() -> None:
    found = decode_alert_document((DATA / "bispectrum/heartbeat.xml").read_bytes())

    assert found.heartbeat
    assert found.events == ()
    assert found.at == datetime(2026, 3, 4, 4, 6, 7, tzinfo=UTC)


def test_an_alarm_is_no_heartbeat_and_tells_the_clock_too() -> None:
    found = decode_alert_document(alert())

    assert not found.heartbeat
    assert found.at == found.events[0].at


@pytest.mark.parametrize("word", ["firedetection", "FireDetection", "FIREDETECTION"])
def test_letter_case_of_a_type_does_not_matter_and_is_kept(word: str) -> None:
    (event,) = decode_alert(alert(word))

    assert isinstance(event, FireAlarm)
    assert event.raw_type == word


def test_a_type_nobody_knows_is_forwarded() -> None:
    (event,) = decode_alert(alert("Something_New"))

    assert isinstance(event, OtherAlarm)
    assert (event.raw_type, event.kind) == ("Something_New", "something_new")


def test_the_hottest_fire_gives_temperature_and_distance_also_when_another_is_unknown() -> None:
    entry = (
        "<DetectionRegionEntry><FireDetection><fireMaxTemperature>{}</fireMaxTemperature>"
        "<targetDistance>{}</targetDistance></FireDetection></DetectionRegionEntry>"
    )
    more = (
        "<DetectionRegionList>"
        + entry.format("", 5)
        + entry.format("80", 7)
        + entry.format("90", "-1")
        + "</DetectionRegionList>"
    )
    (event,) = decode_alert(alert("fireDetection", more))

    assert isinstance(event, FireAlarm)
    assert [target.celsius for target in event.targets] == [None, 80.0, 90.0]
    assert (event.celsius, event.distance_m) == (90.0, None)


def test_a_real_fires_temperature_below_the_documented_range_is_not_flagged() -> None:
    more = (
        "<DetectionRegionList><DetectionRegionEntry><FireDetection><fireMaxTemperature>{}</fireMaxTemperature>"
        "</FireDetection></DetectionRegionEntry></DetectionRegionList>"
    )

    for celsius, flags in (("63", ()), ("4000", ()), ("4001", ("celsius",)), ("-41", ("celsius",))):
        (event,) = decode_alert(alert("fireDetection", more.format(celsius)))
        assert isinstance(event, FireAlarm)
        assert (event.celsius, event.flags) == (float(celsius), flags)


def test_two_rules_of_which_one_measures_are_two_alarms_unless_they_are_a_difference() -> None:
    entry = "<DetectionRegionEntry><regionID>{}</regionID>{}</DetectionRegionEntry>"
    body = "<TMA><currTemperature>70</currTemperature><ruleType>{} is higher than</ruleType></TMA>"
    for words, rules in (("highest temp", [(1, None), (4, None)]), ("temp diff", [(1, 4)])):
        more = f"<DetectionRegionList>{entry.format(1, body.format(words))}{entry.format(4, '')}</DetectionRegionList>"
        found = [to_json(event) for event in decode_alert(alert("TMA", more))]
        assert [(event["rule"], event.get("other_rule")) for event in found] == rules


def test_a_hottest_point_off_the_picture_and_an_unknown_unit_are_flagged() -> None:
    more = (
        "<DetectionRegionList><DetectionRegionEntry><FireDetection><HighestPoint><x>1001</x><y>5</y></HighestPoint>"
        "<temperatureUnit>warm</temperatureUnit><fireMaxTemperature>99</fireMaxTemperature></FireDetection>"
        "</DetectionRegionEntry></DetectionRegionList>"
    )
    (event,) = decode_alert(alert("fireDetection", more))

    assert isinstance(event, FireAlarm)
    assert event.flags == ("hottest", "unit_reported")
    assert (event.celsius, event.targets[0].hottest) == (99.0, (1.001, 0.005))


def test_a_fire_without_regions_still_tells_its_temperature() -> None:
    (event,) = decode_alert(
        alert("fireDetection", "<FireDetection><fireMaxTemperature>99</fireMaxTemperature></FireDetection>")
    )

    assert isinstance(event, FireAlarm)
    assert event.celsius == 99.0


def test_wrong_bytes_in_a_name_do_not_cost_the_alarm() -> None:
    for name in (b"\xff\xfe\x01", b"a & b", b"&nbsp;", b"&#1;", b"\0\0"):
        document = alert(more="<channelName>NAME</channelName>").replace(b"NAME", name)
        (event,) = decode_alert(document)
        assert isinstance(event, MotionAlarm)
        assert event.raw == document


def test_events_compare_by_what_they_say() -> None:
    assert decode_alert(alert()) == decode_alert(alert())
    assert decode_alert(alert()) != decode_alert(alert("IO"))


def test_a_json_alarm_is_the_same_event_as_the_xml_one() -> None:
    document = {"EventNotificationAlert": {"channelID": 2, "dateTime": "2026-03-04T05:06:07+01:00", "eventType": "VMD"}}
    both = [decode_alert(json.dumps(shape).encode()) for shape in (document, document["EventNotificationAlert"])]

    assert both[0] == both[1] == decode_alert(alert())


@pytest.mark.parametrize(
    "shape",
    [
        '[{"eventType": "VMD"}, {"eventType": "IO"}]',
        '[{"EventNotificationAlert": {"eventType": "VMD"}}, {"EventNotificationAlert": {"eventType": "IO"}}]',
        '{"EventNotificationAlert": [{"eventType": "VMD"}, {"eventType": "videoloss", "eventState": "inactive"}, {"eventType": "IO"}]}',
    ],
)
def test_a_json_list_holds_several_alarms(shape: str) -> None:
    found = decode_alert_document(shape.encode())

    assert [event.type for event in found.events] == ["motion_alarm", "input_alarm"]
    assert not found.heartbeat


def test_every_alarm_can_be_written_down() -> None:
    for name, case in CASES.items():
        if "error" not in case:
            for event in decode_alert((DATA / name).read_bytes()):
                assert isinstance(event, Alarm)
                json.dumps(to_json(event), allow_nan=False)
