"""Real-time temperatures and polling, as bytes and as what the scene says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_http import RawClient, Wire, apply
from raw_thermal import (
    BASIC,
    FRAME,
    MODE,
    POLLING,
    REAL_TIME,
    REGIONS,
    RULES,
    blocks,
    celsius,
    change,
    document,
    entry,
    frame,
    next_uploads,
    node,
    put,
    thermal,
    uploads,
)

from hik_thermal_plugin.simulator import Simulator


@pytest.fixture
def watched(camera: Any) -> Iterator[Callable[..., tuple[Simulator, RawClient, Wire]]]:
    """Start a camera and open its real-time stream."""
    wires: list[Wire] = []

    def start(target: str = REAL_TIME, **options: Any) -> tuple[Simulator, RawClient, Wire]:
        simulator, client = camera(**{"real_time": 0.05} | options)
        wires.append(client.stream(target))
        return simulator, client, wires[-1]

    yield start
    for wire in wires:
        wire.close()


def test_a_block_has_all_rules_with_every_field(watched):
    simulator, _, wire = watched()
    data = wire.until(lambda data: len(blocks(data)) >= 2)
    head = data[: data.index(b"\r\n\r\n")].decode().split("\r\n")
    assert head[0] == "HTTP/1.1 200 OK"
    assert "Content-Type: multipart/mixed; boundary=boundary" in head
    assert not [line for line in head if line.startswith("Content-Length")]
    assert re.match(rb'\{\n\t"ThermometryUploadList":\t\{\n\t\t"ThermometryUpload":\t\[\n?', blocks(data)[0])
    readings = uploads(data)[0]
    assert [reading["ruleID"] for reading in readings] == [1, 2, 3, 4, 5]
    kiln, bearing = readings[0], readings[3]
    assert set(kiln) == {
        *("relativeTime", "absTime", "ruleName", "ruleID", "ruleCalibType", "presetNo", "LinePolygonThermCfg"),
        *("thermometryUnit", "dataType", "isFreezedata", "HighestPoint", "LowestPoint"),
    }
    assert [reading["ruleCalibType"] for reading in readings] == [1, 1, 2, 0, 1]
    assert (kiln["ruleName"], kiln["thermometryUnit"], kiln["dataType"], kiln["isFreezedata"]) == ("Kiln", 0, 0, False)
    area = kiln["LinePolygonThermCfg"]
    assert area["TemperatureDiff"] == pytest.approx(area["MaxTemperature"] - area["MinTemperature"], abs=0.11)
    assert area["Region"][0] == {"Point": {"positionX": 0.08, "positionY": 0.12}}
    assert bearing["PointThermCfg"]["Point"] == {"positionX": 0.18, "positionY": 0.78}
    assert "LinePolygonThermCfg" not in bearing
    state = simulator.state()["rules"]["2"]
    assert area["MaxTemperature"] == pytest.approx(state["1"]["max"], abs=0.3)
    assert area["AverageTemperature"] == pytest.approx(state["1"]["average"], abs=0.3)


def test_blocks_follow_the_scene_and_the_stream_is_counted(watched, wait_for):
    simulator, _, wire = watched()
    assert simulator.state()["open"]["thermometry"] == 1
    apply(simulator, {"temperature": {"rule": 2, "celsius": 88.4}})
    readings = next_uploads(wire, lambda told: told[1]["LinePolygonThermCfg"]["MaxTemperature"] > 80)
    assert readings[1]["LinePolygonThermCfg"]["MaxTemperature"] == 88.4
    place = readings[1]["HighestPoint"]
    assert 0.68 <= place["positionX"] <= 0.92
    assert 0.14 <= place["positionY"] <= 0.4
    wire.close()
    wait_for(lambda: simulator.state()["open"]["thermometry"] == 0)


def test_one_rule_can_be_watched_alone(watched):
    _, _, wire = watched(thermal(f"{RULES}/4") + "?format=json")
    assert [reading["ruleID"] for reading in next_uploads(wire)] == [4]


@pytest.mark.slow
def test_a_rule_that_is_switched_off_and_on_is_told_at_once(watched):
    simulator, client, wire = watched(real_time=60)
    wire.until(lambda data: blocks(data))
    region = document(client, f"{REGIONS}/3")
    node(region, "enabled").text = "false"
    assert put(client, f"{REGIONS}/3", region) == (200, "ok")
    (ended,) = next_uploads(wire)
    assert (ended["ruleID"], ended["dataType"], ended["ruleName"]) == (3, 2, "Shaft")
    assert list(simulator.state()["rules"]["2"]) == ["1", "2", "4", "5"]
    node(region, "enabled").text = "true"
    assert put(client, f"{REGIONS}/3", region) == (200, "ok")
    (started,) = next_uploads(wire)
    assert (started["ruleID"], started["dataType"]) == (3, 1)
    with client.stream(REAL_TIME) as other:  # its first block may have come with the answer's head
        first = uploads(other.until(lambda data: blocks(data)))[0]
        assert {reading["dataType"] for reading in first} == {0}


def test_without_a_rule_nothing_comes(watched):
    _, client, wire = watched()
    assert change(client, BASIC, enabled="false") == (200, "ok")
    ended = next_uploads(wire, lambda told: told[0]["dataType"] == 2)
    assert {reading["dataType"] for reading in ended} == {2}
    assert wire.silent_for(0.2)
    assert json.loads(client.get(POLLING).body) == {
        "ThermometryRulesTemperatureInfoList": {"ThermometryRulesTemperatureInfo": []}
    }


def test_normal_mode_is_one_reading_of_the_whole_picture(watched):
    _, client, wire = watched()
    assert change(client, MODE, mode="normal") == (200, "ok")
    (whole,) = next_uploads(wire, lambda told: len(told) == 1)
    facts, parts = frame(client)
    values = celsius(facts, parts[2][1])
    assert (whole["ruleID"], whole["ruleName"]) == (0, "")
    assert whole["HighestPointTemperature"] == whole["LinePolygonThermCfg"]["MaxTemperature"]
    assert whole["HighestPointTemperature"] == pytest.approx(max(values), abs=0.3)
    assert whole["LowestPointTemperature"] == pytest.approx(min(values), abs=0.3)
    centre = values[(facts["jpegPicHeight"] // 2) * facts["jpegPicWidth"] + facts["jpegPicWidth"] // 2]
    assert whole["CenterPointTemperature"] == pytest.approx(centre, abs=0.3)


def test_a_frozen_scene_says_so_and_stands_still(watched):
    simulator, client, wire = watched()
    apply(simulator, {"temperature": {"rule": 1, "celsius": 55}}, {"freeze": {}})
    apply(simulator, {"temperature": {"rule": 1, "celsius": 75}})
    frozen = next_uploads(wire, lambda told: told[0]["isFreezedata"])
    assert {reading["isFreezedata"] for reading in frozen} == {True}
    assert frozen[0]["LinePolygonThermCfg"]["MaxTemperature"] == 55
    polled = json.loads(client.get(POLLING).body)["ThermometryRulesTemperatureInfoList"][
        "ThermometryRulesTemperatureInfo"
    ]
    assert (polled[0]["isFreezedata"], polled[0]["maxTemperature"]) == (True, 55)
    apply(simulator, {"unfreeze": {}})
    told = next_uploads(wire, lambda told: not told[0]["isFreezedata"])
    assert told[0]["LinePolygonThermCfg"]["MaxTemperature"] == 75


@pytest.mark.parametrize(
    ("word", "number", "high"),
    [("degreeFahrenheit", 1, 140.0), ("degreeKelvin", 2, 333.1), ("degreeCentigrade", 0, 60.0)],
)
def test_the_unit_can_be_changed_while_it_runs(watched, word, number, high):
    simulator, client, wire = watched(profile="fahrenheit" if number == 0 else "plain")
    apply(simulator, {"temperature": {"rule": 1, "celsius": 60}})
    assert change(client, BASIC, temperatureUnit=word) == (200, "ok")
    told = next_uploads(wire, lambda told: told[0]["thermometryUnit"] == number)[0]["LinePolygonThermCfg"]
    assert told["MaxTemperature"] == pytest.approx(high, abs=0.11)
    spread = told["MaxTemperature"] - told["MinTemperature"]
    assert told["TemperatureDiff"] == pytest.approx(spread, abs=0.11)


def test_a_clock_that_jumps_shows_in_the_blocks(watched):
    simulator, _, wire = watched()
    before = next_uploads(wire)[0]["absTime"]
    apply(simulator, {"fault": {"kind": "clock_skew", "seconds": -86400}})
    assert next_uploads(wire, lambda told: told[0]["absTime"] < before - 80000)


def test_polling_tells_the_same_without_rule_numbers(camera):
    simulator, client = camera()
    apply(simulator, {"temperature": {"rule": 5, "celsius": -3.5}}, {"freeze": {}})
    answer = client.get(POLLING)
    assert answer.header("content-type") == 'application/json; charset="UTF-8"'
    rules = json.loads(answer.body)["ThermometryRulesTemperatureInfoList"]["ThermometryRulesTemperatureInfo"]
    assert len(rules) == 5
    assert list(rules[0]) == [
        *("maxTemperature", "minTemperature", "averageTemperature", "MaxTemperaturePoint", "MinTemperaturePoint"),
        "isFreezedata",
    ]
    assert rules[4]["minTemperature"] == -3.5
    assert 0.84 <= rules[4]["MinTemperaturePoint"]["positionY"] <= 0.95
    state = simulator.state()["rules"]["2"]
    assert [rule["maxTemperature"] for rule in rules] == [rule["max"] for rule in state.values()]


@pytest.mark.parametrize(
    ("profile", "real_time", "polling", "frames"),
    [
        ("plain", 200, 200, 200),
        ("polling_only", 403, 200, 403),
        ("real_time_only", 200, 403, 403),
        ("frames_only", 403, 403, 200),
        ("no_thermometry", 403, 403, 403),
        ("overstated", 403, 200, 403),
    ],
)
def test_what_a_firmware_lacks_is_not_supported_and_the_capabilities_say_so(
    camera, profile, real_time, polling, frames
):
    _, client = camera(profile=profile)
    asked = {REAL_TIME: real_time, POLLING: polling, FRAME: frames}
    for target, status in asked.items():
        if target == REAL_TIME and status == 200:
            with client.stream(target) as wire:
                next_uploads(wire)
            continue
        answer = client.get(target)
        assert answer.status == status, target
        assert status == 200 or json.loads(answer.body)["subStatusCode"] == "notSupport"
    flags = document(client, "/ISAPI/Thermal/capabilities")
    claimed = profile == "overstated"
    said = {"isSupportRealTimethermometryForHTTP": real_time, "isSupportJpegPicWithAppendData": frames}
    for name, status in said.items():
        assert node(flags, name).text == ("true" if claimed or status == 200 else "false")
    assert node(flags, "isSupportThermometry").text == ("false" if profile == "no_thermometry" else "true")


def test_rules_on_one_channel_and_temperatures_on_the_other(camera):
    _, client = camera(profile="split_channels", real_time=0.05)
    for name in ("thermometryMode", "thermometry/basicParam", "thermometry/1/regions", "thermometry/1"):
        assert (client.get(thermal(name, 1)).status, client.get(thermal(name, 2)).status) == (200, 403)
    assert [client.get(thermal(RULES, 1) + "?format=json").status, client.get(POLLING).status] == [403, 403]
    with client.stream(REAL_TIME) as wire:
        assert len(next_uploads(wire)) == 5
        region = document(client, thermal("thermometry/1/regions/2", 1))
        node(region, "enabled").text = "false"
        assert put(client, thermal("thermometry/1/regions/2", 1), region) == (200, "ok")
        next_uploads(wire, lambda told: [reading["ruleID"] for reading in told] == [1, 3, 4, 5])


@pytest.mark.parametrize("target", [thermal(RULES), thermal(RULES, 1) + "?format=json", POLLING.partition("?")[0]])
def test_json_is_asked_for_and_on_the_thermal_channel(camera, target):
    _, client = camera()
    assert client.get(target).status == 403


def only_rule_one(client: RawClient) -> None:
    regions = document(client, REGIONS)
    for number in range(2, 6):
        node(entry(regions, "ThermometryRegion", number), "enabled").text = "false"
    assert put(client, REGIONS, regions) == (200, "ok")


def test_a_single_rule_is_no_list(camera):
    _, client = camera(profile="single_rule", real_time=0.05)
    assert (
        len(
            json.loads(client.get(POLLING).body)["ThermometryRulesTemperatureInfoList"][
                "ThermometryRulesTemperatureInfo"
            ]
        )
        == 5
    )
    only_rule_one(client)
    with client.stream(REAL_TIME) as wire:
        (block,) = blocks(wire.until(lambda data: blocks(data)))[:1]
    assert json.loads(block)["ThermometryUploadList"]["ThermometryUpload"]["ruleID"] == 1
    polled = json.loads(client.get(POLLING).body)["ThermometryRulesTemperatureInfoList"]
    assert "maxTemperature" in polled["ThermometryRulesTemperatureInfo"]


def test_each_rule_in_a_part_of_its_own(watched):
    _, _, wire = watched(profile="rule_by_rule")
    data = wire.until(lambda data: len(blocks(data)) >= 5)
    told = [json.loads(body)["ThermometryUploadList"]["ThermometryUpload"]["ruleID"] for body in blocks(data)[:5]]
    assert told == [1, 2, 3, 4, 5]


def test_uploads_without_the_outer_list(watched):
    _, _, wire = watched(profile="bare_uploads")
    (block,) = blocks(wire.until(lambda data: blocks(data)))[:1]
    assert len(json.loads(block)["ThermometryUpload"]) == 5


def test_documents_that_share_a_part(watched):
    _, _, wire = watched(profile="joined_uploads")
    (block,) = blocks(wire.until(lambda data: blocks(data)))[:1]
    assert block.count(b'"ThermometryUploadList"') == 5
    assert b"}{" in block


def test_documents_that_come_in_halves(watched):
    _, _, wire = watched(profile="split_uploads", real_time=60)
    first = wire.until(lambda data: data.count(b"ThermometryUpload") >= 2)
    assert not blocks(first)
    assert len(uploads(wire.until(lambda data: blocks(data)))[0]) == 5


def test_rules_that_are_told_twice(watched):
    _, _, wire = watched(profile="repeated_rules")
    assert [reading["ruleID"] for reading in next_uploads(wire)][:4] == [1, 1, 2, 2]


def test_a_point_and_an_area_of_which_one_means_nothing(watched):
    _, _, wire = watched(profile="both_readings")
    readings = next_uploads(wire)
    assert {("PointThermCfg" in reading, "LinePolygonThermCfg" in reading) for reading in readings} == {(True, True)}
    assert readings[0]["PointThermCfg"]["temperature"] == 0
    assert readings[3]["LinePolygonThermCfg"]["MaxTemperature"] == 0
    assert readings[3]["PointThermCfg"]["temperature"] > 10


def test_polled_rules_with_numbers(camera):
    _, client = camera(profile="polled_ids")
    polled = json.loads(client.get(POLLING).body)["ThermometryRulesTemperatureInfoList"][
        "ThermometryRulesTemperatureInfo"
    ]
    assert [rule["id"] for rule in polled] == [1, 2, 3, 4, 5]


def test_numbers_for_truth_values_and_whole_numbers(watched):
    _, client, wire = watched(profile="numeric_flags")
    assert [reading["isFreezedata"] for reading in next_uploads(wire)] == [0] * 5
    assert b"false" not in client.get(BASIC).body + client.get(POLLING).body
    assert change(client, BASIC, pictureOverlay="true") == (200, "ok")
    assert node(document(client, BASIC), "pictureOverlay").text == "1"
    _, _, whole = watched(profile="integers")
    assert isinstance(next_uploads(whole)[0]["LinePolygonThermCfg"]["MaxTemperature"], int)


def test_the_frame_of_the_stream_follows_the_profile(watched):
    _, _, wire = watched(profile="no_content_length")
    data = wire.until(lambda data: data.count(b"--boundary") >= 3)
    assert b"Content-Length" not in data
    _, _, other = watched(profile="form_data")
    assert b"Content-Type: multipart/form-data; boundary=boundary" in other.data


@pytest.mark.parametrize("kind", ["drop", "half_open", "stall", "truncate", "wrong_length", "duplicate", "reboot"])
def test_faults_strike_the_stream(watched, kind):
    simulator, _, wire = watched()
    wire.until(lambda data: blocks(data))
    seconds = {"stall": {"seconds": 0.3}}.get(kind, {})
    apply(simulator, {"fault": {"kind": kind, "path": thermal(RULES), **seconds}})
    match kind:
        case "drop" | "reboot":
            wire.to_end()
            assert wire.reset
            assert simulator.state()["open"]["thermometry"] == 0
        case "half_open":
            while wire.read(0.15):
                pass
            assert not wire.ended
            assert simulator.state()["open"]["thermometry"] == 0
        case "stall":
            while wire.read(0.1):
                pass
            stalled = len(blocks(wire.data))
            assert wire.until(lambda data: len(blocks(data)) >= stalled + 3)
        case "truncate":
            assert not wire.to_end().endswith(b"}\r\n")
        case "wrong_length":
            lengths = lambda data: [int(found) for found in re.findall(rb"Content-Length: (\d+)", data)]  # noqa: E731
            wire.until(lambda data: max(lengths(data)) - min(lengths(data)) >= 60)
        case "duplicate":
            wire.until(lambda data: any(a == b for a, b in zip(blocks(data), blocks(data)[1:], strict=False)))
