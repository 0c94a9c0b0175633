"""The configuration of thermometry: documents, what they accept, and what they change in the scene."""

from __future__ import annotations

import json

import pytest
from lxml import etree
from raw_alerts import alerts
from raw_alerts import text as alert_text
from raw_http import apply, control
from raw_thermal import (
    ALARM_RULES,
    BASIC,
    FIRE,
    MODE,
    PIXELS,
    REGIONS,
    SCENE,
    change,
    document,
    entry,
    node,
    put,
    text,
    thermal,
)

from hik_thermal_plugin.simulator import MODELS

ROOTS = {
    MODE: "ThermometryMode",
    BASIC: "ThermometryBasicParam",
    SCENE: "ThermometryScene",
    REGIONS: "ThermometryRegionList",
    f"{REGIONS}/1": "ThermometryRegion",
    ALARM_RULES: "ThermometryAlarmRule",
    PIXELS: "PixelToPixelParam",
    FIRE: "FireDetection",
}
WITH_CAPABILITIES = (MODE, BASIC, SCENE, REGIONS, ALARM_RULES, PIXELS, FIRE)
ISAPI_ORG = "http://www.isapi.org/ver20/XMLSchema"


def region(number: int, name: str, kind: str, *points: tuple[int, int], enabled: str = "true") -> bytes:
    """A region the way other clients write it, without the fields they do not care for."""
    places = [f"<positionX>{x}</positionX><positionY>{y}</positionY>" for x, y in points]
    if kind == "point":
        shape = f"<Point><CalibratingCoordinates>{places[0]}</CalibratingCoordinates></Point>"
    else:
        inner = "".join(f"<RegionCoordinates>{place}</RegionCoordinates>" for place in places)
        shape = f"<Region><RegionCoordinatesList>{inner}</RegionCoordinatesList></Region>"
    return (
        f"<ThermometryRegion><id>{number}</id><enabled>{enabled}</enabled><name>{name}</name>"
        f"<type>{kind}</type>{shape}</ThermometryRegion>"
    ).encode()


@pytest.mark.parametrize("path", ROOTS)
def test_every_document_can_be_put_back_and_changes_nothing(camera, path):
    simulator, client = camera()
    apply(simulator, {"freeze": {}})
    before, state = client.get(path), simulator.state()["rules"]
    root = etree.fromstring(before.body)
    assert root.tag == f"{{{ISAPI_ORG}}}{ROOTS[path]}"
    assert root.get("version") == "2.0"
    assert put(client, path, before.body) == (200, "ok")
    assert client.get(path).body == before.body
    assert simulator.state()["rules"] == state
    (write,) = simulator.state()["writes"]
    assert write == {"method": "PUT", "path": path, "status": 200, "body": before.body.decode()}


@pytest.mark.parametrize("path", WITH_CAPABILITIES)
def test_capabilities_name_the_same_elements_with_their_ranges(camera, path):
    _, client = camera()
    told, able = document(client, path), document(client, f"{path}/capabilities")
    assert able.tag == told.tag
    names = {item.tag for item in told.iter()} - {
        f"{{{ISAPI_ORG}}}{name}" for name in ("Point", "CalibratingCoordinates")
    }
    assert names <= {item.tag for item in able.iter()}
    assert any(item.get("opt") or item.get("max") for item in able.iter())
    assert client.get(f"{path}/capabilities", method="PUT", body=b"<a/>").status == 403


def test_capabilities_say_the_choices(camera):
    _, client = camera()
    basic = document(client, f"{BASIC}/capabilities")
    assert node(basic, "temperatureUnit").get("opt") == "degreeCentigrade,degreeFahrenheit,degreeKelvin"
    assert (node(basic, "emissivity").get("min"), node(basic, "emissivity").get("max")) == ("0.01", "1")
    assert document(client, f"{REGIONS}/capabilities").get("size") == "21"
    _, bare = camera(profile="no_capabilities")
    assert bare.get(f"{BASIC}/capabilities").status == 403


@pytest.mark.parametrize("model", MODELS)
def test_all_slots_are_listed_and_the_unused_are_a_point_in_the_middle(camera, model):
    _, client = camera(model=model)
    channel = MODELS[model].thermal.id
    regions = document(client, thermal("thermometry/1/regions", channel))
    slots = list(regions.iter("{*}ThermometryRegion"))
    assert [text(slot, "id") for slot in slots] == [str(number) for number in range(1, 22)]
    assert [text(slot, "enabled") for slot in slots] == ["true"] * 5 + ["false"] * 16
    unused = slots[5]
    assert (text(unused, "name"), text(unused, "type")) == ("", "point")
    assert [text(unused, f"Point/CalibratingCoordinates/position{axis}") for axis in "XY"] == ["500", "500"]
    rules = document(client, thermal("thermometry/1/alarmRules", channel))
    assert len(list(rules.iter("{*}ThermometryAlarmMode"))) == 21
    assert text(entry(rules, "ThermometryAlarmMode", 1), "name") == "Kiln"
    assert text(entry(rules, "ThermometryAlarmMode", 5), "rule") == "lowestLess"
    assert text(document(client, thermal("thermometryMode", channel)), "mode") == "expert"


def test_a_region_counts_upwards_and_an_alarm_downwards(armed, camera):
    simulator, client = camera()
    with client.stream() as wire:
        kiln = document(client, f"{REGIONS}/1")
        ys = [int(item.text) for item in kiln.iter("{*}positionY")]
        assert ys == [880, 880, 640, 650]  # the kiln hangs below the upper edge
        assert put(client, f"{REGIONS}/7", region(7, "Roof", "region", (100, 950), (300, 950), (200, 900))) == (
            200,
            "ok",
        )
        rules = document(client, ALARM_RULES)
        mode = entry(rules, "ThermometryAlarmMode", 7)
        for name, value in {"enabled": "true", "alert": "30", "alarm": "40"}.items():
            node(mode, name).text = value
        assert put(client, ALARM_RULES, rules) == (200, "ok")
        apply(simulator, {"temperature": {"rule": 7, "celsius": 61.5}})
        alert = alerts(wire.until(lambda data: alerts(data, "TMA")), "TMA")[0]
    assert (alert_text(alert, "regionID"), alert_text(alert, "currTemperature")) == ("7", "61.5")
    assert [int(item.text) for item in alert.iter("positionY")][:3] == [50, 50, 100]
    assert text(entry(document(client, ALARM_RULES), "ThermometryAlarmMode", 7), "name") == "Roof"


def test_a_list_of_one_region_updates_that_rule_alone(camera):
    simulator, client = camera()
    before = document(client, REGIONS)
    body = (
        b'<ThermometryRegionList size="1">'
        + region(2, "Pump", "line", (700, 500), (900, 600))
        + b"</ThermometryRegionList>"
    )
    assert put(client, REGIONS, body) == (200, "ok")
    after = document(client, REGIONS)
    assert [etree.tostring(slot) for slot in before][2:] == [etree.tostring(slot) for slot in after][2:]
    pump = entry(after, "ThermometryRegion", 2)
    assert (text(pump, "name"), text(pump, "type"), text(pump, "emissivity")) == ("Pump", "line", "0.96")
    assert [item.text for item in pump.iter("{*}positionX")] == ["700", "900"]
    assert list(simulator.state()["rules"]["2"]) == ["1", "2", "3", "4", "5"]
    scene = document(client, SCENE)
    assert text(scene, "normalizedScreenSize/normalizedScreenWidth") == "1000"
    assert text(entry(scene, "ThermometryRegion", 2), "name") == "Pump"
    node(entry(scene, "ThermometryRegion", 2), "enabled").text = "false"
    assert put(client, SCENE, scene) == (200, "ok")
    assert list(simulator.state()["rules"]["2"]) == ["1", "3", "4", "5"]
    status, answer = control(
        simulator, "POST", "/steps", json.dumps([{"temperature": {"rule": 2, "celsius": 5}}]).encode()
    )
    assert (status, answer["error"]) == (400, "steps[0].temperature.rule: expected a rule (1, 3, 4, 5), got 2")


def test_what_a_put_does_not_name_stays(camera):
    _, client = camera()
    assert change(client, BASIC, emissivity="0.5", distance="777") == (200, "ok")
    body = (
        b"<ThermometryBasicParam><showTempStripEnable>false</showTempStripEnable><odd>1</odd></ThermometryBasicParam>"
    )
    assert put(client, BASIC, body) == (200, "ok")
    basic = document(client, BASIC)
    assert (text(basic, "emissivity"), text(basic, "distance"), text(basic, "showTempStripEnable")) == (
        "0.50",
        "777",
        "false",
    )
    assert basic.find("{*}odd") is None
    body = (
        b"<ThermometryBasicParam><VehicleBlur><sensitiveLevel>3</sensitiveLevel></VehicleBlur></ThermometryBasicParam>"
    )
    assert put(client, BASIC, body) == (200, "ok")
    assert text(document(client, BASIC), "VehicleBlur/sensitiveLevel") == "3"


def test_what_a_put_does_not_name_is_reset(camera):
    _, client = camera(profile="partial_put_resets")
    assert change(client, BASIC, emissivity="0.5", distance="777") == (200, "ok")
    assert put(client, BASIC, b"<ThermometryBasicParam><distance>55</distance></ThermometryBasicParam>") == (200, "ok")
    basic = document(client, BASIC)
    assert (text(basic, "emissivity"), text(basic, "distance")) == ("0.96", "55")
    renamed = document(client, f"{REGIONS}/1")
    node(renamed, "name").text, node(renamed, "emissivity").text = "Oven", "0.10"
    assert put(client, f"{REGIONS}/1", renamed) == (200, "ok")
    body = b"<ThermometryRegionList>" + region(2, "Pump", "point", (700, 500)) + b"</ThermometryRegionList>"
    assert put(client, REGIONS, body) == (200, "ok")
    regions = document(client, REGIONS)
    assert text(entry(regions, "ThermometryRegion", 1), "name") == "Oven"  # only what the list names is touched
    assert put(client, f"{REGIONS}/1", b"<ThermometryRegion><enabled>true</enabled></ThermometryRegion>") == (200, "ok")
    kiln = document(client, f"{REGIONS}/1")
    assert (text(kiln, "name"), text(kiln, "emissivity"), text(kiln, "id")) == ("Kiln", "0.96", "1")


def test_what_a_put_does_not_name_is_asked_for(camera):
    _, client = camera(profile="whole_put_only")
    for path in WITH_CAPABILITIES:
        assert put(client, path, client.get(path).body) == (200, "ok")
    for body in (b"<emissivity>0.5</emissivity>", b""):
        answer = put(client, BASIC, b"<ThermometryBasicParam>" + body + b"</ThermometryBasicParam>")
        assert answer == (400, "MessageParametersLack")
    assert put(client, f"{REGIONS}/2", region(2, "Pump", "point", (1, 1))) == (400, "MessageParametersLack")


WRONG = [
    (MODE, b"<ThermometryMode><mode>", "badXmlFormat"),
    (MODE, b"", "badXmlFormat"),
    (MODE, b"<ThermometryBasicParam/>", "badXmlContent"),
    (MODE, b"<ThermometryMode><mode>middling</mode></ThermometryMode>", "badParameters"),
    (MODE, b"<ThermometryMode><thermometryROIEnabled>yes</thermometryROIEnabled></ThermometryMode>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><emissivity>1.01</emissivity></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><emissivity>0</emissivity></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><emissivity>nan</emissivity></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><distance>far</distance></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><alarm>-300</alarm></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><alarm>inf</alarm></ThermometryBasicParam>", "badParameters"),
    (BASIC, b"<ThermometryBasicParam><temperatureUnit>celsius</temperatureUnit></ThermometryBasicParam>", "badParameters"),
    (PIXELS, b"<PixelToPixelParam><temperatureDataLength>3</temperatureDataLength></PixelToPixelParam>", "badParameters"),
    (REGIONS, b"<ThermometryRegionList>" + region(22, "", "point", (1, 1)) + b"</ThermometryRegionList>", "badParameters"),
    (REGIONS, b"<ThermometryRegionList><ThermometryRegion/></ThermometryRegionList>", "badParameters"),
    (f"{REGIONS}/22", region(22, "", "point", (1, 1)), "badParameters"),
    (f"{REGIONS}/2", region(2, "x" * 33, "point", (1, 1)), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "circle", (1, 1)), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "line", (1, 1)), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "region", (1, 1), (2, 2)), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "region", *[(1, 1)] * 11), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "point", (1001, 1)), "thermometryRegionOverstep"),
    (f"{REGIONS}/2", region(2, "", "point", (1, -1)), "thermometryRegionOverstep"),
    (f"{REGIONS}/2", region(2, "", "point", (1, 1)).replace(b"<positionX>1<", b"<positionX>one<"), "badParameters"),
    (f"{REGIONS}/2", region(2, "", "point", (1, 1)).replace(b"<positionX>1</positionX>", b""), "badParameters"),
    (ALARM_RULES, b"<ThermometryAlarmRule><ThermometryAlarmModeList><ThermometryAlarmMode><id>1</id><rule>hot</rule>"
     b"</ThermometryAlarmMode></ThermometryAlarmModeList></ThermometryAlarmRule>", "badParameters"),
    (ALARM_RULES.replace("/1/", "/2/"), b"<ThermometryAlarmRule/>", "notSupport"),
    (SCENE.replace("thermometry/1", "thermometry/2"), b"<ThermometryScene/>", "badParameters"),
    (FIRE, b"<FireDetection><enabled>maybe</enabled></FireDetection>", "badParameters"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("path", "body", "said"), WRONG)
def test_a_wrong_document_is_refused_and_changes_nothing(camera, path, body, said):
    simulator, client = camera()
    before = [client.get(known).body for known in ROOTS]
    assert put(client, path, body) == (403 if said == "notSupport" else 400, said)
    assert [client.get(known).body for known in ROOTS] == before
    assert [write["status"] for write in simulator.state()["writes"]] == [403 if said == "notSupport" else 400]


def test_a_write_that_is_refused_in_the_middle(camera):
    simulator, client = camera()
    apply(simulator, {"fault": {"kind": "refuse_write", "path": ALARM_RULES}})
    assert change(client, MODE, thermometryROIEnabled="true") == (200, "ok")
    assert change(client, ALARM_RULES, alarm="99.0") == (400, "badParameters")
    assert text(document(client, ALARM_RULES), "ThermometryAlarmModeList/ThermometryAlarmMode/alarm") == "80.0"
    assert change(client, ALARM_RULES, alarm="99.0") == (200, "ok")
    assert [write["status"] for write in simulator.state()["writes"]] == [200, 400, 200]


# What the configuration changes


def test_thresholds_take_effect_at_once(camera):
    simulator, client = camera(repeat=60)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 50}})
    with client.stream() as wire:
        assert change(client, ALARM_RULES, alert="40.0", alarm="45.5") == (200, "ok")
        alert = alerts(wire.until(lambda data: alerts(data, "TMA")), "TMA")[0]
        assert (alert_text(alert, "ruleTemperature"), alert_text(alert, "currTemperature")) == ("45.5", "50.0")


def test_the_average_the_lowest_and_the_difference_can_be_watched(camera):
    simulator, client = camera(repeat=0.05)
    said = {
        "averageGreater": "average temp is higher than",
        "lowestGreater": "lowest temp is higher than",
        "diffTempGreater": "temp diff is higher than",
        "highestLess": "highest temp is lower than",
    }
    with client.stream() as wire:
        for count, (word, words) in enumerate(said.items(), 1):
            limits = {"highestLess": "90.0"}.get(word, "0.1" if word == "diffTempGreater" else "1.0")
            assert change(client, ALARM_RULES, enabled="true", rule=word, alert=limits, alarm=limits) == (200, "ok")
            apply(simulator, {"temperature": {"rule": 1, "celsius": 40 + count}})
            wire.until(lambda data, words=words: any(alert_text(a, "ruleType") == words for a in alerts(data, "TMA")))


def test_a_comparison_of_two_rules(camera):
    simulator, client = camera(repeat=60)
    rules = document(client, ALARM_RULES)
    pair = entry(rules, "TemperatureDifferenceComparison", 1)
    for name, value in {"enabled": "true", "ruleID1": "4", "ruleID2": "3", "temperatureDiff": "20.5"}.items():
        node(pair, name).text = value
    with client.stream() as wire:
        assert put(client, ALARM_RULES, rules) == (200, "ok")
        apply(simulator, {"temperature": {"rule": 3, "celsius": 20}}, {"temperature": {"rule": 4, "celsius": 40}})
        apply(simulator, {"temperature": {"rule": 4, "celsius": 41}})
        alert = alerts(wire.until(lambda data: alerts(data, "TMA")), "TMA")[0]
    assert [alert_text(alert, name) for name in ("regionID", "ruleType", "ruleTemperature", "currTemperature")] == [
        *("4", "temp diff is higher than", "20.5", "21.0")
    ]
    assert text(entry(document(client, ALARM_RULES), "TemperatureDifferenceComparison", 1), "temperatureDiff") == "20.5"


def test_fire_detection_can_be_switched_off(camera):
    simulator, client = camera(repeat=0.05)
    assert change(client, FIRE, enabled="false") == (200, "ok")
    with client.stream() as wire:
        apply(simulator, {"fire": {}}, {"motion": {}})
        data = wire.until(lambda data: alerts(data, "VMD"))
        assert not alerts(data, "fireDetection")
        assert change(client, FIRE, enabled="true") == (200, "ok")
        wire.until(lambda data: alerts(data, "fireDetection"))


def test_normal_mode_watches_the_whole_picture(camera):
    simulator, client = camera(repeat=60)
    assert change(client, MODE, mode="normal") == (200, "ok")
    assert list(simulator.state()["rules"]["2"]) == ["0"]
    assert change(client, BASIC, alert="100", alarm="200") == (200, "ok")
    with client.stream() as wire:
        apply(simulator, {"temperature": {"rule": 0, "celsius": 250}})
        alert = alerts(wire.until(lambda data: alerts(data, "TMA")), "TMA")[0]
    assert alert_text(alert, "regionID") == "0"


def test_limits_are_in_the_unit_the_device_is_set_to(camera):
    simulator, client = camera(repeat=60)
    assert change(client, BASIC, temperatureUnit="degreeFahrenheit", alert="212.0") == (200, "ok")
    assert text(document(client, BASIC), "alert") == "212.0"
    rules = document(client, ALARM_RULES)
    kiln = entry(rules, "ThermometryAlarmMode", 1)
    assert [text(kiln, name) for name in ("alert", "alarm", "threshold")] == ["140.0", "176.0", "5.4"]
    assert put(client, ALARM_RULES, rules) == (200, "ok")
    with client.stream() as wire:
        apply(simulator, {"temperature": {"rule": 1, "celsius": 90}})
        alert = alerts(wire.until(lambda data: alerts(data, "TMA")), "TMA")[0]
    assert [alert_text(alert, name) for name in ("thermometryUnit", "ruleTemperature", "currTemperature")] == [
        *("fahrenheit", "176.0", "194.0")
    ]
    assert change(client, BASIC, temperatureUnit="degreeCentigrade") == (200, "ok")
    assert text(document(client, BASIC), "alarm") == "400.0"
    assert text(entry(document(client, ALARM_RULES), "ThermometryAlarmMode", 1), "alarm") == "80.0"


def ended(data: bytes) -> list[etree._Element]:
    return [alert for alert in alerts(data, "TMA") if alert_text(alert, "eventState") == "inactive"]


def test_the_alarm_of_a_rule_ends_with_the_rule(camera):
    simulator, client = camera(profile="sends_inactive", repeat=60)
    with client.stream() as wire:
        apply(
            simulator,
            {"temperature": {"rule": 1, "celsius": 99}},
            {"difference": {"rule_1": 2, "rule_2": 1, "kelvin": 30}},
        )
        wire.until(lambda data: len(alerts(data, "TMA")) >= 2)
        for number in (1, 2):
            off = document(client, f"{REGIONS}/{number}")
            node(off, "enabled").text = "false"
            assert put(client, f"{REGIONS}/{number}", off) == (200, "ok")
        wire.until(lambda data: {"1", "2"} <= {alert_text(alert, "regionID") for alert in ended(data)})
    simulator.apply([{"freeze": {}}])
    assert list(simulator.state()["rules"]["2"]) == ["3", "4", "5"]
