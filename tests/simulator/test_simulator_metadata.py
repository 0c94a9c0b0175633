"""Metadata: its switch over HTTP, its documents, and how they travel in RTP."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from lxml import etree
from raw_http import RawClient, apply
from raw_rtsp import ISAPI_LIVE, LIVE, RtspClient, documents
from raw_thermal import BASIC, FIRE, change, document, entry, node, put, text

from hik_thermal_plugin.simulator import PROFILES

SWITCH = "/ISAPI/Streaming/channels/201/metadata"
SINGLE = SWITCH + "/thermometry"


def http(simulator) -> RawClient:
    return RawClient(simulator.http, simulator.username, simulator.password)


def told(client: RtspClient, channel: int, count: int = 1) -> list[etree._Element]:
    """The first documents of a track."""
    found = client.until(lambda: len(documents(client.of(channel))) >= count and documents(client.of(channel)))
    return [etree.fromstring(data) for data in found[:count]]


def values(target: etree._Element) -> dict[str, str]:
    return {text(item, "description"): text(item, "value") for item in target.iter("{*}Property")}


def points(target: etree._Element) -> list[tuple[int, int]]:
    return [(int(text(item, "x")), int(text(item, "y"))) for item in target.iter("{*}Point")]


def kinds(client: RtspClient, target: str = LIVE) -> list[str]:
    return [media.kind for media in client.describe(target)]


# The switch


def test_metadata_is_off_until_it_is_switched_on(rtsp):
    simulator, client = rtsp()
    assert kinds(client) == kinds(client, ISAPI_LIVE) == ["video"]
    asking = http(simulator)
    root = document(asking, SWITCH)
    assert [text(item, "type") for item in root.iter("{*}Metadata")][:2] == ["thermometry", "fireDetection"]
    assert {item.text for item in root.iter("{*}enable")} == {"false"}
    assert (text(root, "enabled"), text(root, "messageFormat")) == ("false", "ISAPI")
    node(root, "enabled").text = "true"
    node(next(item for item in root.iter("{*}Metadata")), "enable").text = "true"
    assert put(asking, SWITCH, root) == (200, "ok")
    assert kinds(client) == kinds(client, ISAPI_LIVE) == ["video", "application"]
    assert kinds(client, "/Streaming/Channels/101") == ["video"]
    assert document(asking, SWITCH.replace("201", "2")).find("{*}enabled").text == "true"
    assert put(asking, SWITCH, root) == (200, "ok")
    assert simulator.state()["writes"][0]["path"] == SWITCH


def test_one_type_alone(rtsp):
    simulator, client = rtsp()
    asking = http(simulator)
    assert document(asking, SINGLE).tag.endswith("}SingleMetadataCfg")
    body = b"<SingleMetadataCfg><type>thermometry</type><enable>true</enable></SingleMetadataCfg>"
    assert put(asking, SINGLE, body) == (200, "ok")
    assert text(document(asking, SWITCH), "enabled") == "true"
    assert kinds(client) == ["video", "application"]
    apply(simulator, {"fire": {}})
    (channel,) = client.play(LIVE, "application").values()
    subjects = {text(root, "subType") for root in told(client, channel, 1)}
    assert subjects == {"thermometry"}


def test_capabilities_of_the_switch(camera):
    _, client = camera()
    able = document(client, f"{SWITCH}/capabilities")
    assert node(able, "messageFormat").get("opt") == "ISAPI,ONVIF"
    assert text(document(client, "/ISAPI/System/capabilities"), "SysCap/isSupportMetadata") == "true"


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (SWITCH, b"<MetadataCfg>", (400, "badXmlFormat")),
        (SWITCH, b"<Other/>", (400, "badXmlContent")),
        (SWITCH, b"<MetadataCfg><messageFormat>odd</messageFormat></MetadataCfg>", (400, "badParameters")),
        (SINGLE, b"<SingleMetadataCfg><enable>perhaps</enable></SingleMetadataCfg>", (400, "badParameters")),
        (SWITCH.replace("201", "301"), b"<MetadataCfg/>", (400, "invalidChannel")),
        (SWITCH.replace("201", "101"), b"<MetadataCfg/>", (403, "notSupport")),
    ],
)
def test_a_wrong_switch_is_refused(camera, path, body, answer):
    _, client = camera()
    before = client.get(SWITCH).body
    assert put(client, path, body) == answer
    assert client.get(SWITCH).body == before


def test_a_camera_without_metadata(rtsp):
    simulator, client = rtsp(profile="no_metadata")
    asking = http(simulator)
    assert (asking.get(SWITCH).status, asking.get(f"{SWITCH}/capabilities").status) == (403, 403)
    assert text(document(asking, "/ISAPI/System/capabilities"), "SysCap/isSupportMetadata") == "false"
    assert kinds(client) == ["video"]


def test_a_configuration_of_unknown_names(camera):
    _, client = camera(profile="odd_metadata_document")
    body = client.get(SWITCH).body
    assert b"<mode>0</mode>" in body
    assert put(client, SWITCH, body) == (400, "badXmlContent")


def test_metadata_of_the_first_channel(rtsp):
    simulator, client = rtsp(profile="metadata_on_first")
    assert kinds(client) == ["video"]
    target = "/Streaming/Channels/102"
    (channel,) = client.play(target, "application").values()
    assert text(told(client, channel)[0], "DevInfo/channel") == "1"
    assert http(simulator).get(SWITCH).status == 403


@pytest.mark.parametrize(
    ("profile", "there", "not_there"), [("metadata_isapi_path", ISAPI_LIVE, LIVE), ("metadata_on", LIVE, None)]
)
def test_which_paths_have_the_track(rtsp, profile, there, not_there):
    _, client = rtsp(profile=profile)
    assert kinds(client, there) == ["video", "application"]
    assert not_there is None or kinds(client, not_there) == ["video"]


# Documents


def test_the_document_of_temperatures(rtsp):
    simulator, client = rtsp(profile="metadata_on", metadata=0.05)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 71.3}}, {"freeze": {}})
    (channel,) = client.play(LIVE, "application").values()
    (root,) = told(client, channel)
    assert root.tag == "{http://www.isapi.org/ver20/XMLSchema}Metadata"
    assert (text(root, "type"), text(root, "subType")) == ("activityTarget", "thermometry")
    assert datetime.fromisoformat(text(root, "time")).tzinfo
    assert re.search(r"\.\d{3}[+-]", text(root, "time"))
    assert (text(root, "DevInfo/portNo"), text(root, "DevInfo/channel")) == ("554", "2")
    targets = list(root.iter("{*}Target"))
    assert [text(target, "ruleID") for target in targets] == [str(rule) for rule in range(1, 6) for _ in range(3)]
    average, lowest, highest = targets[:3]
    state = simulator.state()["rules"]["2"]["1"]
    for target, name in ((average, "average"), (lowest, "lowest"), (highest, "highest")):
        told_value = {"average": "average", "lowest": "min", "highest": "max"}[name]
        assert values(target) == {"tempValue": str(state[told_value]), "tempUnit": "centigrade", "tempProperty": name}
    assert values(highest)["tempValue"] == "71.3"
    assert points(average) == [(80, 120), (280, 120), (280, 360), (80, 350)]
    assert len(points(lowest)) == len(points(highest)) == 1
    assert 80 <= points(highest)[0][0] <= 280


def test_the_document_of_fires(rtsp):
    simulator, client = rtsp(profile="metadata_on", metadata=60)
    (channel,) = client.play(LIVE, "application").values()
    told(client, channel)
    client.packets.clear()
    apply(simulator, {"fire": {"x": 0.5, "y": 0.25, "celsius": 350, "distance_m": 1000}})
    apply(simulator, {"fire": {"x": 0.8, "y": 0.6, "celsius": 99.5}})
    roots = [root for root in told(client, channel, 4) if text(root, "subType") == "fireDetection"]
    first, second = roots[0], roots[-1]
    region, spot = first.iter("{*}Target")
    assert values(region) == {"distance": "1000"}
    assert points(region) == [(480, 225), (520, 225), (520, 275), (480, 275)]
    assert values(spot) == {"tempValue": "350.0", "tempUnit": "centigrade", "tempProperty": "highest"}
    assert points(spot) == [(500, 250)]
    assert [values(target) for target in second.iter("{*}Target")][2:] == [
        {"distance": "-1"},
        {"tempValue": "99.5", "tempUnit": "centigrade", "tempProperty": "highest"},
    ]
    asking = http(simulator)
    assert change(asking, FIRE, enabled="false") == (200, "ok")
    client.packets.clear()
    apply(simulator, {"extinguish": {}})
    assert {text(root, "subType") for root in told(client, channel)} == {"thermometry"}


def test_documents_in_another_unit_and_after_a_change_at_once(rtsp):
    simulator, client = rtsp(profile="metadata_on", metadata=60)
    apply(simulator, {"temperature": {"rule": 4, "celsius": 50}})
    (channel,) = client.play(LIVE, "application").values()
    told(client, channel)
    client.packets.clear()
    assert change(http(simulator), BASIC, temperatureUnit="degreeFahrenheit") == (200, "ok")
    (root,) = told(client, channel)
    bearing = [values(target) for target in root.iter("{*}Target") if text(target, "ruleID") == "4"]
    assert {(target["tempValue"], target["tempUnit"]) for target in bearing} == {("122.0", "fahrenheit")}


def test_onvif_metadata_until_the_format_is_changed(rtsp):
    simulator, client = rtsp(profile="onvif_metadata")
    (media,) = [media for media in client.describe(LIVE) if media.kind == "application"]
    assert media.attributes["rtpmap"] == "107 vnd.onvif.metadata/90000"
    (channel,) = client.play(LIVE, "application").values()
    assert told(client, channel)[0].tag == "{http://www.onvif.org/ver10/schema}MetadataStream"
    assert change(http(simulator), SWITCH, messageFormat="ISAPI") == (200, "ok")
    with RtspClient(simulator) as other:
        (media,) = [media for media in other.describe(LIVE) if media.kind == "application"]
        assert media.attributes["rtpmap"] == "107 isapi.metadata/90000"


# How documents travel


def by_document(client: RtspClient, channel: int, count: int) -> list[list]:
    """The packets of the first documents, by their timestamps."""
    client.until(lambda: len({packet.timestamp for packet in client.of(channel)}) > count)
    groups: dict[int, list] = {}
    for packet in client.of(channel):
        groups.setdefault(packet.timestamp, []).append(packet)
    return list(groups.values())[:count]


def test_a_document_spans_packets_of_one_timestamp_and_the_last_is_marked(rtsp):
    _, client = rtsp(profile="metadata_on", metadata=0.05)
    (channel,) = client.play(LIVE, "application").values()
    first, second = by_document(client, channel, 2)
    assert {packet.payload_type for packet in first} == {107}
    assert [packet.marker for packet in first] == [False] * (len(first) - 1) + [True]
    assert len(first) > 2
    assert max(len(packet.payload) for packet in first) == 1400
    assert first[0].payload.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert first[-1].payload.rstrip().endswith(b"</Metadata>")
    numbers = [packet.sequence for packet in first + second]
    assert numbers == [(numbers[0] + place) & 0xFFFF for place in range(len(numbers))]
    step = (second[0].timestamp - first[0].timestamp) & 0xFFFFFFFF
    assert 0.03 * 90_000 < step < 90_000


def test_video_and_metadata_in_one_session(rtsp):
    _, client = rtsp(profile="metadata_on")
    channels = client.play(ISAPI_LIVE, "video", "application")
    client.until(lambda: all(client.of(channel) for channel in channels.values()))
    assert len({packet.source for packet in client.packets}) == 2


@pytest.mark.parametrize(("profile", "marked"), [("marker_never", {False}), ("marker_always", {True})])
def test_marks_that_say_nothing(rtsp, profile, marked):
    _, client = rtsp(profile=profile, metadata=0.05)
    (channel,) = client.play(LIVE, "application").values()
    (first,) = by_document(client, channel, 1)
    assert {packet.marker for packet in first} == marked
    assert told(client, channel, 2)


def test_packets_that_are_lost(rtsp):
    _, client = rtsp(profile="lost_packets", metadata=0.05)
    (channel,) = client.play(LIVE, "application").values()
    whole, broken = by_document(client, channel, 2)
    assert len(broken) == len(whole) - 1
    assert broken[1].sequence == (broken[0].sequence + 2) & 0xFFFF


def test_packets_that_change_places(rtsp):
    _, client = rtsp(profile="reordered_packets", metadata=0.05)
    (channel,) = client.play(LIVE, "application").values()
    _, mixed = by_document(client, channel, 2)
    assert mixed[0].sequence == (mixed[1].sequence + 1) & 0xFFFF


def test_packets_of_another_payload_type(rtsp):
    _, client = rtsp(profile="foreign_packets", metadata=0.05)
    (channel,) = client.play(LIVE, "application").values()
    client.until(lambda: len(client.of(channel)) > 6)
    assert {packet.payload_type for packet in client.of(channel)} == {107, 108}


@pytest.mark.slow
def test_a_document_that_never_ends(rtsp):
    _, client = rtsp(profile="endless_metadata")
    (channel,) = client.play(LIVE, "application").values()
    client.until(lambda: sum(len(packet.payload) for packet in client.of(channel)) > 1_200_000)
    assert len({packet.timestamp for packet in client.of(channel)}) == 1
    assert not any(packet.marker for packet in client.of(channel))


@pytest.mark.parametrize(
    ("profile", "rtpmap", "number"),
    [
        ("metadata_no_rtpmap", None, 107),
        ("metadata_upper_case", "107 ISAPI.METADATA/90000", 107),
        ("metadata_other_name", "107 hik.metadata/90000", 107),
        ("metadata_other_type", "112 isapi.metadata/90000", 112),
        ("metadata_plain_path", "107 isapi.metadata/90000", 107),
    ],
)
def test_how_the_track_is_called(rtsp, profile, rtpmap, number):
    assert PROFILES[profile].metadata == "on"
    _, client = rtsp(profile=profile)
    media = client.describe(LIVE)[1]
    assert (media.kind, media.payload_type, media.attributes.get("rtpmap")) == ("application", number, rtpmap)
    (channel,) = client.play(LIVE, "application").values()
    assert client.until(lambda: client.of(channel))[0].payload_type == number


def test_a_rule_that_is_switched_off_is_told_no_more(rtsp):
    simulator, client = rtsp(profile="metadata_on", metadata=60)
    asking = http(simulator)
    (channel,) = client.play(LIVE, "application").values()
    told(client, channel)
    regions = document(asking, "/ISAPI/Thermal/channels/2/thermometry/1/regions")
    node(entry(regions, "ThermometryRegion", 2), "enabled").text = "false"
    client.packets.clear()
    assert put(asking, "/ISAPI/Thermal/channels/2/thermometry/1/regions", regions) == (200, "ok")
    (root,) = told(client, channel)
    assert {text(target, "ruleID") for target in root.iter("{*}Target")} == {"1", "3", "4", "5"}
