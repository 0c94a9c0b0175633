"""measure, rules, and the temperatures of watch, against cameras that are none."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from nvr_hooks import LineAt, MeasureOptions, PointAt, RegionAt, Where

RULES = """\
mode: expert
regions:
  1:
    name: door
    emissivity: 0.96
"""
OTHERS = """\
regions:
  1: {name: "Tür", emissivity: 0.96, points: [[0.1, 0.2], [0.5, 0.2], [0.5, 0.7]]}
"""


def site(**cameras: Any) -> dict[str, Any]:
    return {"fake": {"cameras": cameras}}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "where", "told"),
    [
        (["--point", "0.4,0.9"], PointAt(at=(0.4, 0.9)), "kiln/2 57.5 °C, measured by the camera, 2"),
        (
            ["--line", "0,0,0.9,0"],
            LineAt(start=(0, 0), end=(0.9, 0)),
            "kiln/2 highest 23.0 °C, lowest 20.0 °C, average 21.5 °C, measured by the camera, 2",
        ),
        (
            ["--region", "0,0,1,0,1,1,0,1"],
            RegionAt(points=((0, 0), (1, 0), (1, 1), (0, 1))),
            "kiln/2 highest 57.5 °C, lowest 20.0 °C, average 27.6 °C, measured by the camera, 2",
        ),
    ],
)
def test_measure_at_a_point_along_a_line_and_over_a_region(
    hik: Any, arguments: list[str], where: Where, told: str
) -> None:
    ended = hik("measure", "kiln", *arguments, config=site(kiln={}))

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(told)
    assert hik.cameras.cameras["kiln"].measured == [(where, MeasureOptions())]


def test_measure_hands_its_options_and_the_channel_on(hik: Any) -> None:
    surface = ["--emissivity", "0.85", "--distance", "12.5", "--reflected", "-4"]
    ended = hik("measure", "kiln", "--point", "0,0", *surface, "--channel", "1", "--json", config=site(kiln={}))
    told = json.loads(ended.out)

    assert (told["camera"], told["channel"], told["where"], told["celsius"]) == ("kiln", 1, {"point": [0, 0]}, 20.0)
    [(_, options)] = hik.cameras.cameras["kiln"].measured
    assert options == MeasureOptions(emissivity=0.85, distance_m=12.5, reflected_celsius=-4.0)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "One of --point"),
        (["--point", "0,0", "--line", "0,0,1,1"], "One of --point"),
        (["--point", "0.5"], "pairs"),
        (["--point", "0.5,0.5,0.5,0.5"], "one point"),
        (["--point", "0.5,x"], "numbers with commas"),
        (["--point", "0.5,1.01"], "coordinates of 0…1"),
        (["--point", "nan,0"], "coordinates of 0…1"),
        (["--line", "0,0"], "two points"),
        (["--region", "0,0,1,1"], "three points"),
    ],
)
def test_measure_says_what_is_wrong_with_a_place_without_asking_the_camera(
    hik: Any, arguments: list[str], why: str
) -> None:
    ended = hik("measure", "kiln", *arguments, config=site(kiln={"fails": "bug"}))

    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


@pytest.mark.parametrize(("failure", "code"), [("unreachable", 3), ("refused", 4), ("unsupported", 5), ("busy", 1)])
@pytest.mark.parametrize("command", [["measure", "kiln", "--point", "0,0"], ["rules", "kiln", "get"]])
def test_failures_have_their_codes(hik: Any, command: list[str], failure: str, code: int) -> None:
    ended = hik(*command, config=site(kiln={"fails": failure}))

    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("hik-thermal: kiln: ")


def test_rules_get_writes_yaml_that_compares_well(hik: Any) -> None:
    hik("rules", "kiln", "get", config=site(kiln={}))
    hik.cameras.nvr_configure = lambda config: None  # the rules set here have to stay
    hik.cameras.cameras["kiln"].rules = {
        "regions": {1: {"name": "Tür", "points": [[0.1, 0.2], [0.5, 0.2]]}},
        "alarm_rules": {},
    }
    ended = hik("rules", "kiln", "get")

    assert ended.out == ("regions:\n  1:\n    name: Tür\n    points: [[0.1, 0.2], [0.5, 0.2]]\nalarm_rules: {}\n")


def test_rules_that_were_got_do_not_differ(hik: Any, tmp_path: Path) -> None:
    got = hik("rules", "kiln", "get", config=site(kiln={}))
    (tmp_path / "rules.yaml").write_text(got.out)
    assert got.out == RULES

    for action in (["diff"], ["diff", "--exit-code"], ["apply", "--write"]):
        ended = hik("rules", "kiln", action[0], "rules.yaml", *action[1:])
        assert (ended.code, ended.out) == (0, "")


def test_rules_got_as_json_are_a_file_too(hik: Any, tmp_path: Path) -> None:
    got = hik("rules", "kiln", "get", "--json", config=site(kiln={}))
    assert json.loads(got.out) == {"mode": "expert", "regions": {"1": {"name": "door", "emissivity": 0.96}}}
    (tmp_path / "rules.json").write_text(got.out)

    assert hik("rules", "kiln", "apply", "rules.json").code == 0


def test_rules_diff_tells_each_value_that_differs(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(OTHERS)
    ended = hik("rules", "kiln", "diff", "rules.yaml", config=site(kiln={}))
    told = hik("rules", "kiln", "diff", "rules.yaml", "--json")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        'regions.1.name: "door" → "Tür"',
        "regions.1.points: nothing → [[0.1, 0.2], [0.5, 0.2], [0.5, 0.7]]",
    ]
    assert json.loads(told.out) == {
        "camera": "kiln",
        "channel": 2,
        "applied": False,
        "changes": [
            {"path": "regions.1.name", "before": "door", "after": "Tür"},
            {"path": "regions.1.points", "before": None, "after": [[0.1, 0.2], [0.5, 0.2], [0.5, 0.7]]},
        ],
    }
    assert hik("rules", "kiln", "diff", "rules.yaml", "--exit-code").code == 1


def test_rules_apply_writes_on_request_alone(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(OTHERS)
    dry = hik("rules", "kiln", "apply", "rules.yaml", config=site(kiln={}))
    untouched = yaml.safe_load(RULES)

    assert dry.code == 0
    assert dry.out.splitlines()[0] == 'regions.1.name: "door" → "Tür"'
    assert dry.err == "hik-thermal: kiln/2: 2 changes, nothing is written without --write\n"
    assert hik.cameras.cameras["kiln"].rules == untouched

    wet = hik("rules", "kiln", "apply", "rules.yaml", "--write")
    assert (wet.code, wet.out) == (0, dry.out)
    assert wet.err == "hik-thermal: kiln/2: 2 changes written\n"
    assert hik.cameras.cameras["kiln"].rules == {**untouched, **yaml.safe_load(OTHERS)}


def test_timeout_does_not_leave_a_camera_half_written(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(OTHERS)
    dry = hik("rules", "kiln", "apply", "rules.yaml", "--timeout", "0.1", config=site(kiln={"slow": 0.3}))
    wet = hik("rules", "kiln", "apply", "rules.yaml", "--timeout", "0.1", "--write")

    assert (dry.code, wet.code) == (3, 0)
    assert hik.cameras.cameras["kiln"].rules["regions"] == yaml.safe_load(OTHERS)["regions"]


def test_the_first_ctrl_c_does_not_leave_a_camera_half_written(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(OTHERS)
    once = hik("rules", "kiln", "apply", "rules.yaml", "--write", config=site(kiln={"interrupted": 1}))
    twice = hik("rules", "kiln", "apply", "rules.yaml", "--write", config=site(kiln={"interrupted": 2}))

    notice = "hik-thermal: kiln: ends when what was begun is done; once more leaves the camera half written"
    assert once.code == 0
    assert once.err.splitlines() == [notice, "hik-thermal: kiln/2: 2 changes written"]
    assert twice.code == 1
    assert twice.err.splitlines() == [notice, "hik-thermal: interrupted"]


def test_rules_come_from_stdin_too(hik: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("fire_detection: true\n"))
    ended = hik("rules", "kiln", "apply", "-", "--write", "--json", config=site(kiln={}))

    assert json.loads(ended.out)["applied"] is True
    assert hik.cameras.cameras["kiln"].rules["fire_detection"] is True


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["set"], "get, diff or apply"),
        (["diff"], "needs a file"),
        (["apply"], "needs a file"),
        (["get", "rules.yaml"], "takes no file"),
        (["get", "--write"], "--write goes with apply"),
        (["diff", "rules.yaml", "--write"], "--write goes with apply"),
        (["apply", "rules.yaml", "--exit-code"], "--exit-code goes with diff"),
        (["diff", "absent.yaml"], "cannot read absent.yaml: No such file"),
        (["diff", "list.yaml"], "list.yaml: line 1: expected keys and values, like `mode: expert`"),
        (["diff", "twice.yaml"], "twice.yaml: regions.1: written twice, in lines 2 and 3"),
        (["diff", "broken.yaml"], "broken.yaml: line 2, column 1"),
        (["diff", "picture.yaml"], "picture.yaml is not UTF-8 text (byte 0)"),
    ],
)
def test_rules_say_what_is_wrong_without_asking_the_camera(
    hik: Any, tmp_path: Path, arguments: list[str], why: str
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "list.yaml").write_text("- mode\n")
    (tmp_path / "twice.yaml").write_text("regions:\n  1: {name: a}\n  1: {name: b}\n")
    (tmp_path / "broken.yaml").write_text("regions: {1: {name: a}\n")
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xd8\xff")
    ended = hik("rules", "kiln", *arguments, config=site(kiln={"fails": "bug"}))

    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


def test_rules_need_a_channel_where_the_thermal_one_is_not_known(hik: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    lost = site(kiln={"unknown": 1, "connection": "offline", "reason": "kiln: no route to host"})
    ended = hik("rules", "kiln", "diff", "rules.yaml", config=lost)

    assert (ended.code, ended.err) == (3, "hik-thermal: kiln: no route to host\n")
    assert hik("rules", "kiln", "diff", "rules.yaml", "--channel", "2").code == 0


def test_watch_shows_temperatures_beside_alarms(hik: Any) -> None:
    config = site(kiln={"alarms": 1, "readings": {1: 57.6, 2: 21.0}})
    told = lines(hik("watch", "--seconds", "0.1", "--json", config=config).out)
    shown = hik("watch", "--seconds", "0.1").out

    assert [(event["type"], event.get("rule")) for event in told] == [
        ("fire_alarm", None),
        ("temperature_reading", 1),
        ("temperature_reading", 2),
    ]
    assert "kiln/2 temperature of rule 1 rule 1, highest 57.6 °C\n" in shown


def test_watch_tells_the_state_of_a_source_of_both_once(hik: Any) -> None:
    config = site(kiln={"alarms": 1, "readings": {1: 57.6}, "metadata": True})
    told = [event["type"] for event in lines(hik("watch", "--seconds", "0.1", "--json", config=config).out)]
    assert told == ["connection_changed", "fire_alarm", "temperature_reading"]


@pytest.mark.parametrize(("lack", "left"), [("deaf", "temperature_reading"), ("blind", "fire_alarm")])
def test_watch_goes_on_with_what_a_camera_has_and_notes_what_it_lacks(hik: Any, lack: str, left: str) -> None:
    config = site(kiln={"alarms": 1, "readings": {1: 57.6}, lack: True})
    ended = hik("watch", "--seconds", "0.1", "--json", config=config)

    assert [event["type"] for event in lines(ended.out)] == [left]
    assert ended.code == 0
    assert ended.err.startswith("hik-thermal: kiln: ")
    assert ended.err.endswith(": not there\n")


def test_watch_of_a_camera_that_has_neither_fails(hik: Any) -> None:
    ended = hik("watch", config=site(kiln={"deaf": True, "blind": True}))

    assert (ended.code, ended.err) == (5, "hik-thermal: kiln: alarms: not there\n")


@pytest.mark.parametrize(
    ("alarms", "temperatures", "code"),
    [
        ("online", "error", 0),
        ("offline", "online", 0),
        ("offline", "error", 3),
        ("offline", "starting", 3),
        ("offline", "auth_blocked", 4),
    ],
)
def test_watch_has_failed_when_neither_alarms_nor_temperatures_were_reached(
    hik: Any, alarms: str, temperatures: str, code: int
) -> None:
    config = site(kiln={"connection": alarms, "temperatures": temperatures})

    assert hik("watch", "--seconds", "0.1", config=config).code == code
