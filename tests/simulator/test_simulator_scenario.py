"""Steps that cannot be applied, and scenarios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from raw_alerts import alerts
from raw_http import control

from hik_thermal_plugin.simulator import PROFILES, StepError
from hik_thermal_plugin.simulator.faults import Kind
from hik_thermal_plugin.simulator.models import MODELS
from hik_thermal_plugin.simulator.steps import _KINDS, read_steps

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
        ([GOOD, {"send": {"file": __file__, "over": "mail"}}], "over: expected alert_stream or push"),
        ([GOOD, {"freeze": {"seconds": 1}}], "steps[1].freeze.seconds: unknown; known are none"),
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
    assert simulator.state()["fires"] == []


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
        wait_for(lambda: simulator.state()["fires"], 5)
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
