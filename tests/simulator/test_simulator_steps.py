"""Every step, over the control port, as seen on the alert stream; and steps that cannot be applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from raw_alerts import alerts, first_alarm, parts, text, texts
from raw_http import apply, control

from hik_thermal_plugin.simulator import PROFILES, StepError
from hik_thermal_plugin.simulator.faults import Kind
from hik_thermal_plugin.simulator.models import MODELS
from hik_thermal_plugin.simulator.steps import _KINDS, read_steps


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


GOOD = {"fire": {}}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ({"fire": {}}, "steps: expected a list"),
        ("fire", "steps: expected a list"),
        ([GOOD, 5], r"steps[1]: expected an object, got 5"),
        ([GOOD, {}], r"steps[1]: expected one of fire, extinguish"),
        ([GOOD, {"fire": {}, "smoke": {}}], "steps[1]: expected one of"),
        ([GOOD, {"explode": {}}], "got explode"),
        ([GOOD, {"at": 1, "fire": {}}], "steps[1]: expected one of"),
        ([GOOD, {"fire": 5}], "steps[1].fire: expected an object, got 5"),
        ([GOOD, {"fire": {"x": 2}}], "steps[1].fire.x: expected a number from 0 to 1, got 2"),
        ([GOOD, {"fire": {"x": "a"}}], "steps[1].fire.x: expected a number, got 'a'"),
        ([GOOD, {"fire": {"x": True}}], "steps[1].fire.x: expected a number"),
        ([GOOD, {"fire": {"x": 10**400}}], "steps[1].fire.x: expected a number, got 1000"),
        ([GOOD, {"fire": {"celsius": float("nan")}}], "steps[1].fire.celsius: expected a number, got nan"),
        ([GOOD, {"fire": {"celsius": -300}}], "steps[1].fire.celsius: expected a temperature"),
        ([GOOD, {"fire": {"distance_m": -1}}], "distance_m: expected a number from 0"),
        ([GOOD, {"fire": {"z": 1}}], "steps[1].fire.z: unknown; known are x, y, celsius, distance_m"),
        ([GOOD, {"temperature": {"rule": 9, "celsius": 1}}], "rule: expected a rule (1, 2, 3, 4, 5), got 9"),
        ([GOOD, {"temperature": {"rule": 1}}], "steps[1].temperature.celsius: expected a number, got nothing"),
        ([GOOD, {"difference": {"rule_1": 1, "rule_2": 1, "kelvin": 1}}], "rule_2: expected another rule"),
        ([GOOD, {"motion": {"channel": 3}}], "channel: expected a channel (1, 2), got 3"),
        ([GOOD, {"input": {"port": 2}}], "port: expected an input from 1 to 1, got 2"),
        ([GOOD, {"input": {"port": 0}}], "port: expected a whole number from 1, got 0"),
        ([GOOD, {"disk": {"state": "melted"}}], "state: expected one of ok, full"),
        ([GOOD, {"send": {"file": "no-such-file"}}], "file: expected a file that can be read (No such file"),
        ([GOOD, {"send": {"file": ""}}], "file: expected a text"),
        ([GOOD, {"send": {"file": __file__, "over": "push"}}], "push not configured"),
        ([GOOD, {"send": {"file": __file__, "over": "mail"}}], "over: expected alert_stream or push"),
        ([GOOD, {"freeze": {"seconds": 1}}], "steps[1].freeze.seconds: unknown; known are none"),
        ([GOOD, {"fault": {"kind": "refuse_push"}}], "push not configured"),
        ([GOOD, {"fault": {"kind": "odd"}}], "kind: expected one of drop, half_open"),
        ([GOOD, {"fault": {}}], "kind: expected one of drop, half_open"),
        ([GOOD, {"fault": {"kind": "clock_skew"}}], "seconds: expected how far"),
        ([GOOD, {"fault": {"kind": "lock", "seconds": -1}}], "seconds: expected a number from 0"),
        ([GOOD, {"fault": {"kind": "busy", "count": 0}}], "count: expected a whole number from 1"),
        ([GOOD, {"fault": {"kind": "busy", "path": 7}}], "path: expected a text"),
    ],
)
def test_steps_are_applied_all_or_none(camera, steps, message):
    simulator, _ = camera()
    status, answer = control(simulator, "POST", "/steps", json.dumps(steps).encode())
    assert status == 400
    assert message in answer["error"]
    assert state(simulator)["fires"] == []


def test_all_mistakes_are_told_at_once(hik_simulator):
    with pytest.raises(StepError) as caught:
        hik_simulator.apply([{"fire": {"x": 3, "q": 1}}, 5])
    assert str(caught.value).split("; ")[1:] == [
        "known are x, y, celsius, distance_m",
        "steps[0].fire.x: expected a number from 0 to 1, got 3",
        "steps[1]: expected an object, got 5",
    ]


def test_a_scenario_happens_at_its_times(camera, tmp_path, wait_for):
    (tmp_path / "raw").write_bytes(b"--boundary\r\n\r\nSENT")
    file = tmp_path / "scenario.yaml"
    file.write_text(
        yaml.safe_dump(
            [
                {"at": 0.3, "temperature": {"rule": 1, "celsius": 70}},
                {"at": 0, "fire": {"x": 0.5, "y": 0.5, "celsius": 400}},
                {"at": 0.5, "freeze": None},
                {"at": 9999, "extinguish": {}},
                {"at": 0.4, "send": {"file": "raw"}},
            ]
        )
    )
    simulator, client = camera(scenario=file)
    with client.stream() as wire:
        wait_for(lambda: state(simulator)["fires"], 5)
        wire.until(lambda data: alerts(data, "TMPA"))
        data = wire.until(b"SENT")
    assert data.index(b"TMPA") < data.index(b"SENT")


def test_a_scenario_given_as_a_list(hik_simulator, wait_for):
    simulator = hik_simulator(scenario=[{"at": 0.05, "fire": {}}])
    wait_for(lambda: simulator.state()["fires"], 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("- [", "not YAML or JSON"),
        ("- {fire: {}}", r"steps\[0\].at: expected a number, got nothing"),
        ("- {at: -1, fire: {}}", r"steps\[0\].at: expected a number from 0"),
        ("- {at: 1, fire: {x: 7}}", r"scenario.yaml: steps\[0\].fire.x"),
        ("fire", "steps: expected a list"),
    ],
)
def test_a_wrong_scenario_stops_the_camera_before_it_is_ready(hik_simulator, tmp_path, content, message):
    file = tmp_path / "scenario.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StepError, match=message):
        hik_simulator(scenario=str(file))


def test_an_empty_scenario_is_no_mistake(hik_simulator, tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert hik_simulator(scenario=tmp_path / "empty.yaml").state()["fires"] == []


def test_every_step_fault_and_profile_has_a_test():
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    for name in (*_KINDS, *Kind.__args__, *PROFILES):
        assert f'"{name}"' in tests, name


def test_steps_that_are_documented_are_the_steps_there_are():
    from hik_thermal_plugin.simulator import steps

    rows = [line.split("|")[1:3] for line in (steps.__doc__ or "").splitlines() if line.startswith("| ")]
    for kind, fields in _KINDS.items():
        (row,) = (told for kinds, told in rows if kind in kinds.replace(",", " ").split())
        assert all(field in row for field in fields), kind
    assert read_steps([], MODELS["bullet"], Path()) == []
