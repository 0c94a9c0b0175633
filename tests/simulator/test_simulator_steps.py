"""Every step, over the control port, as seen on the alert stream; and steps that cannot be applied."""

from __future__ import annotations

import pytest
from raw_alerts import alerts, first_alarm, parts, text, texts
from raw_http import apply, control


def state(simulator) -> dict:
    status, answer = control(simulator, "GET", "/state")
    assert status == 200
    return answer


def corners(alert) -> list[tuple[int, int]]:
    places = alert.findall(".//RegionCoordinatesList/RegionCoordinates")
    return [(int(text(place, "positionX") or ""), int(text(place, "positionY") or "")) for place in places]


def test_fire(armed):
    simulator, wire = armed()
    apply(simulator, {"fire": {"x": 0.3, "y": 0.6, "celsius": 412.5, "distance_m": 120}})
    (alert,) = alerts(first_alarm(wire, "fireDetection"), "fireDetection")
    told = {name: text(alert, name) for name in ("channelID", "eventState", "eventDescription", "regionID")}
    assert told == {
        "channelID": "2",
        "eventState": "active",
        "eventDescription": "fireDetection alarm",
        "regionID": "1",
    }
    assert [int(text(alert, side) or "") for side in ("x", "y", "width", "height")] == [280, 575, 40, 50]
    assert corners(alert) == [(280, 575), (320, 575), (320, 625), (280, 620)]
    hottest = alert.find(".//HighestPoint")
    assert (text(hottest, "x"), text(hottest, "y")) == ("300", "600")
    assert [text(alert, name) for name in ("temperatureUnit", "fireMaxTemperature", "targetDistance")] == [
        "celsius",
        "412.5",
        "120",
    ]
    assert state(simulator)["fires"] == [{"region": 1, "x": 0.3, "y": 0.6, "celsius": 412.5, "distance_m": 120.0}]


def test_all_burning_fires_are_in_one_document_and_a_new_one_is_told_at_once(armed):
    simulator, wire = armed(repeat=30)
    apply(simulator, {"fire": {"x": 0, "y": 0, "celsius": 63}})
    apply(simulator, {"fire": {"x": 1, "y": 1}})
    data = wire.until(lambda data: len(alerts(data, "fireDetection")) == 2)
    first, second = alerts(data, "fireDetection")
    assert texts(first, "regionID") == ["1"]
    assert texts(second, "regionID") == ["1", "2"]
    assert texts(second, "fireMaxTemperature") == ["63", "350"]
    assert texts(second, "targetDistance") == ["-1", "-1"]


def test_extinguish_one_and_all(armed):
    simulator, wire = armed(repeat=0.05)
    apply(simulator, {"fire": {"x": 0.2}}, {"fire": {"x": 0.8}})
    apply(simulator, {"extinguish": {"region": 1}})
    wire.until(
        lambda data: (
            alerts(data, "fireDetection")[-1:] and texts(alerts(data, "fireDetection")[-1], "regionID") == ["2"]
        )
    )
    apply(simulator, {"extinguish": {}})
    assert state(simulator)["fires"] == []
    apply(simulator, {"tamper": {"seconds": 30}})
    tail = len(wire.data)
    data = wire.until(lambda data: len(alerts(data[tail:], "tamperdetection")) == 3)
    assert alerts(data[data.index(b"tamperdetection") :], "fireDetection") == []
    apply(simulator, {"fire": {}})
    assert [fire["region"] for fire in state(simulator)["fires"]] == [1]


def test_temperature_crosses_the_pre_alarm_then_the_alarm(armed):
    simulator, wire = armed(repeat=30)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 60}})
    apply(simulator, {"temperature": {"rule": 1, "celsius": 60.1}})
    apply(simulator, {"temperature": {"rule": 1, "celsius": 80}})
    apply(simulator, {"temperature": {"rule": 1, "celsius": 85.3}})
    data = wire.until(lambda data: alerts(data, "TMA"))
    (pre,), (alarm,) = alerts(data, "TMPA"), alerts(data, "TMA")
    assert text(pre, "eventDescription") == "Temperature Measurement Precautionary Alarm"
    assert [child.text for child in pre.find(".//TMPA")[:5]] == [
        "celsius",
        "60.0",
        "60.1",
        "region",
        "highest temp is higher than",
    ]
    assert [child.text for child in alarm.find(".//TMA")[:3]] == ["celsius", "80.0", "85.3"]
    assert text(alarm, "eventDescription") == "Temperature Measurement Alarm"
    assert corners(alarm) == [(80, 120), (280, 120), (280, 360), (80, 350)]
    assert state(simulator)["rules"]["2"]["1"]["max"] == 85.3


def test_the_hottest_place_of_a_rule_lies_in_it(armed):
    simulator, wire = armed()
    apply(simulator, {"temperature": {"rule": 2, "celsius": 120}})
    (alert,) = alerts(first_alarm(wire, "TMA"), "TMA")
    place = alert.find(".//MaximumTemperaturePoint/RegionCoordinates")
    assert 680 <= int(text(place, "positionX") or "") <= 920
    assert 140 <= int(text(place, "positionY") or "") <= 400


@pytest.mark.parametrize(
    ("rule", "celsius", "kind", "calibration", "points", "words"),
    [
        (3, 86, "TMA", "line", 2, "highest temp is higher than"),
        (4, 61, "TMPA", "point", 1, "highest temp is higher than"),
        (5, -3.5, "TMA", "region", 4, "lowest temp is lower than"),
        (5, 4, "TMPA", "region", 4, "lowest temp is lower than"),
    ],
)
def test_rules_of_every_shape(armed, rule, celsius, kind, calibration, points, words):
    simulator, wire = armed()
    apply(simulator, {"temperature": {"rule": rule, "celsius": celsius}})
    (alert,) = alerts(first_alarm(wire, kind), kind)
    told = [text(alert, name) for name in ("regionID", "ruleCalibType", "ruleType", "currTemperature")]
    assert told == [str(rule), calibration, words, f"{celsius:.1f}"]
    assert len(corners(alert)) == points


def test_a_rule_that_cools_down_is_told_no_more(armed):
    simulator, wire = armed(repeat=0.05)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 90}}, {"temperature": {"rule": 2, "celsius": 95}})
    wire.until(lambda data: len(alerts(data, "TMA")) >= 4)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 25}}, {"tamper": {}})
    data = wire.until(lambda data: len(alerts(data.partition(b"tamperdetection")[2], "TMA")) >= 3)
    after = alerts(data.partition(b"tamperdetection")[2], "TMA")
    assert {text(alert, "regionID") for alert in after} == {"2"}
    assert state(simulator)["rules"]["2"]["1"]["max"] == 25.0


def test_difference(armed):
    simulator, wire = armed(repeat=0.05)
    before = state(simulator)["rules"]["2"]["2"]["max"]
    apply(simulator, {"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 30}})
    (alert,) = alerts(first_alarm(wire, "TMA"), "TMA")[:1]
    assert [text(alert, name) for name in ("regionID", "ruleTemperature", "currTemperature", "ruleType")] == [
        "1",
        "10.0",
        "30.0",
        "temp diff is higher than",
    ]
    rules = state(simulator)["rules"]["2"]
    assert rules["1"]["max"] - rules["2"]["max"] == pytest.approx(30, abs=0.05)
    assert rules["2"]["max"] == pytest.approx(before, abs=0.5)
    apply(simulator, {"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 9}}, {"tamper": {"seconds": 30}})
    data = wire.until(lambda data: len(alerts(data, "tamperdetection")) == 3)
    assert alerts(data.partition(b"tamperdetection")[2], "TMA") == []


def test_smoke_rises_until_extinguished(armed):
    simulator, wire = armed(model="positioning", repeat=0.05)
    apply(simulator, {"smoke": {"x": 0.4, "y": 0.5}})
    data = wire.until(lambda data: len(alerts(data, "smokeDetection")) >= 2)
    alert = alerts(data, "smokeDetection")[0]
    box = alert.find(".//SmokeDetection/SmokeRegion")
    assert [text(box, side) for side in ("x", "y", "width", "height")] == ["350", "300", "100", "200"]
    assert [text(alert, name) for name in ("elevation", "azimuth", "absoluteZoom")] == ["12.5", "87.0", "1.0"]
    apply(simulator, {"extinguish": {}}, {"tamper": {"seconds": 30}})
    data = wire.until(lambda data: len(alerts(data, "tamperdetection")) == 3)
    assert alerts(data.partition(b"tamperdetection")[2], "smokeDetection") == []


@pytest.mark.parametrize(
    ("step", "kind", "fields"),
    [
        ({"motion": {}}, "VMD", {"channelID": "2", "channelName": "Camera 02", "eventDescription": "Motion alarm"}),
        ({"motion": {"channel": 1}}, "VMD", {"channelID": "1", "channelName": "Camera 01"}),
        ({"tamper": {}}, "tamperdetection", {"channelID": "1"}),
        ({"input": {"port": 1}}, "IO", {"inputIOPortID": "1"}),
        ({"input": {}}, "IO", {"inputIOPortID": "1"}),
        ({"disk": {"state": "full"}}, "diskfull", {"eventDescription": "diskfull alarm"}),
        ({"disk": {"state": "error"}}, "diskerror", {"eventDescription": "diskerror alarm"}),
    ],
)
def test_momentary_alarms(armed, step, kind, fields):
    simulator, wire = armed(repeat=0.02)
    apply(simulator, step)
    (alert,) = alerts(first_alarm(wire, kind), kind)
    assert {name: text(alert, name) for name in ("eventState", *fields)} == {"eventState": "active"} | fields
    tail = len(wire.data)
    apply(simulator, {"fire": {}})
    data = wire.until(lambda data: len(alerts(data, "fireDetection")) >= 4)
    assert alerts(data[tail:], kind) == [], "told once"


def test_the_same_moment_twice_is_told_twice(armed):
    simulator, wire = armed(repeat=30)
    apply(simulator, {"motion": {}}, {"motion": {}})
    apply(simulator, {"motion": {}})
    wire.until(lambda data: len(alerts(data, "VMD")) == 3)


def test_motion_that_lasts_is_repeated(armed):
    simulator, wire = armed(repeat=0.02)
    apply(simulator, {"motion": {"seconds": 30}})
    wire.until(lambda data: len(alerts(data, "VMD")) >= 4)


def test_the_disk_gets_well(armed):
    simulator, wire = armed(profile="sends_inactive")
    apply(simulator, {"disk": {"state": "full"}}, {"disk": {"state": "error"}}, {"disk": {"state": "ok"}})
    data = wire.until(lambda data: len(alerts(data, "diskerror")) == 2)
    told = [
        (text(alert, "eventType"), text(alert, "eventState"))
        for alert in alerts(data, "diskfull") + alerts(data, "diskerror")
    ]
    assert told == [
        ("diskfull", "active"),
        ("diskfull", "inactive"),
        ("diskerror", "active"),
        ("diskerror", "inactive"),
    ]


def test_a_frozen_scene_stands_still(armed):
    simulator, wire = armed(repeat=0.02)
    apply(simulator, {"freeze": {}})
    before = state(simulator)["rules"]
    apply(
        simulator, {"fire": {}}, {"temperature": {"rule": 1, "celsius": 99}}, {"smoke": {}}, {"tamper": {"seconds": 30}}
    )
    data = wire.until(lambda data: len(alerts(data, "tamperdetection")) >= 4)
    assert b"fireDetection" not in data
    assert b"TMA" not in data
    assert b"smokeDetection" not in data
    assert state(simulator)["rules"] == before
    apply(simulator, {"unfreeze": {}})
    wire.until(lambda data: alerts(data, "fireDetection") and alerts(data, "TMA") and alerts(data, "smokeDetection"))
    assert state(simulator)["rules"]["2"]["1"]["max"] == 99.0


def test_a_frozen_scene_goes_on_telling_what_it_shows(armed):
    simulator, wire = armed(repeat=0.02)
    apply(simulator, {"fire": {}}, {"freeze": {}}, {"extinguish": {}})
    seen = len(alerts(first_alarm(wire, "fireDetection"), "fireDetection"))
    wire.until(lambda data: len(alerts(data, "fireDetection")) >= seen + 3)


def test_send_a_multipart_body_as_it_is(armed, tmp_path):
    simulator, wire = armed()
    wire.until(b"</EventNotificationAlert>\r\n")
    data = b"--boundary\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<a>\xff</a>\n--boundary--\r\n"
    (tmp_path / "body.bin").write_bytes(data)
    start = len(wire.data)
    apply(simulator, {"send": {"file": str(tmp_path / "body.bin"), "over": "alert_stream"}})
    assert wire.until(data)[start:] == data


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"<EventNotificationAlert/>", "application/xml"), (b'\n{"eventType": "x"}', "application/json")],
)
def test_send_a_document_as_one_part(armed, tmp_path, data, kind):
    simulator, wire = armed()
    (tmp_path / "document").write_bytes(data)
    apply(simulator, {"send": {"file": str(tmp_path / "document")}})
    headers, body = parts(wire.until(data))[-1]
    assert headers == {"Content-Type": f'{kind}; charset="UTF-8"', "Content-Length": str(len(data))}
    assert body == data


def test_steps_are_told_in_their_order_around_sent_bytes(armed, tmp_path):
    simulator, wire = armed()
    (tmp_path / "x").write_bytes(b"--boundary\r\n\r\nSENT")
    apply(simulator, {"motion": {}}, {"send": {"file": str(tmp_path / "x")}}, {"tamper": {}})
    data = wire.until(b"tamperdetection")
    assert data.index(b"VMD") < data.index(b"SENT") < data.index(b"tamperdetection")
