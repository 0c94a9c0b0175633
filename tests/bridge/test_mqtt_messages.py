"""Topics and payloads: where each thing is told, what is retained, and that no name breaks a topic."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import AlarmPicture, CameraInfo, ChannelInfo, Disk, TemperatureReading

from hik_thermal_plugin.bridge.messages import Request, Topics, clashes, encode, rule_segment, segment

TOPICS = Topics("site/hik")
AT = datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("name", "place"),
    [("kiln", "kiln"), ("Kiln 1", "kiln_1"), ("a/b+c#d", "a_b_c_d"), ("Küche", "k_che"), ("", "_"), ("A-Z_9", "a-z_9")],
)
def test_names_become_parts_of_topics(name: str, place: str) -> None:
    assert segment(name) == place


@pytest.mark.slow
@given(st.text())
def test_no_name_breaks_a_topic(name: str) -> None:
    assert segment(name)
    assert not set(segment(name)) & set("/+#$ \x00")
    assert segment(segment(name)) == segment(name)


def test_names_that_clash() -> None:
    assert clashes(["kiln", "oven"]) == []
    assert clashes(["Kiln 1", "kiln_1", "oven"]) == [
        "the cameras Kiln 1 and kiln_1 would share the topics of kiln_1: rename one"
    ]
    assert clashes(["Bridge"]) == ["the camera Bridge cannot be called bridge: the bridge's own topics are there"]


def test_where_everything_is_told() -> None:
    info = CameraInfo(name="Kiln 1", url="http://192.0.2.1")
    picture = AlarmPicture(channel=2, kind="fire", data=b"jpeg")
    reading = TemperatureReading(rule=3)
    request = Request("kiln_1", "2", "snapshot")
    told = [
        TOPICS.bridge_state(b"online"),
        TOPICS.heartbeat("now"),
        TOPICS.outbox({}),
        TOPICS.camera_state("Kiln 1", "online"),
        TOPICS.source("Kiln 1", "alert_stream", {}),
        TOPICS.info("Kiln 1", info, None),
        TOPICS.temperature("Kiln 1", 2, reading, stale=False),
        TOPICS.alarm("Kiln 1", 2, "fire", {}),
        TOPICS.event("Kiln 1", 2, "fieldDetection", {}),
        TOPICS.picture("Kiln 1", 2, picture),
        TOPICS.picture("Kiln 1", 2, AlarmPicture(kind="fire", view="visible")),
        TOPICS.picture("Kiln 1", 2, AlarmPicture(view="thermal")),
        TOPICS.snapshot("Kiln 1", 1, b"jpeg"),
        TOPICS.result(request, {}),
        TOPICS.clear("site/hik/kiln_1/2/alarm/fire"),
    ]
    assert [(message.topic, message.retain, message.qos) for message in told] == [
        ("site/hik/bridge/state", True, 1),
        ("site/hik/bridge/heartbeat", False, 0),
        ("site/hik/bridge/outbox", True, 1),
        ("site/hik/kiln_1/state", True, 1),
        ("site/hik/kiln_1/source/alert_stream", True, 1),
        ("site/hik/kiln_1/info", True, 1),
        ("site/hik/kiln_1/2/temperature/3", True, 0),
        ("site/hik/kiln_1/2/alarm/fire", True, 1),
        ("site/hik/kiln_1/2/event/fielddetection", False, 1),
        ("site/hik/kiln_1/2/picture/fire", True, 0),
        ("site/hik/kiln_1/2/picture/fire/visible", True, 0),
        ("site/hik/kiln_1/2/picture/unknown", True, 0),
        ("site/hik/kiln_1/1/picture/snapshot", True, 0),
        ("site/hik/kiln_1/2/snapshot/result", False, 1),
        ("site/hik/kiln_1/2/alarm/fire", True, 1),
    ]
    assert told[-1].payload == b""
    assert told[9].payload == b"jpeg"


@pytest.mark.parametrize(
    ("reading", "place"),
    [
        (TemperatureReading(rule=3), "3"),
        (TemperatureReading(rule=3, preset=0), "3"),
        (TemperatureReading(rule=3, preset=2), "p2-3"),
        (TemperatureReading(rule="Door / left", source="virtual"), "v-door___left"),
        (TemperatureReading(rule=7, rule_name="Difference", source="virtual"), "v-difference"),
        (TemperatureReading(), "0"),
    ],
)
def test_rules_in_topics(reading: TemperatureReading, place: str) -> None:
    assert rule_segment(reading) == place


def _json(payload: bytes) -> Any:
    return json.loads(payload)


def test_a_temperature() -> None:
    reading = TemperatureReading(
        rule=1, rule_name="Door", calibration="region", highest_celsius=48.3, lowest_celsius=21.4, average_celsius=25.9,
        difference_kelvin=26.9, at=AT, frozen=False, unit_reported="celsius",
    )  # fmt: skip
    assert _json(TOPICS.temperature("kiln", 2, reading, stale=False).payload) == {
        "rule": 1,
        "name": "Door",
        "preset": None,
        "calibration": "region",
        "max": 48.3,
        "min": 21.4,
        "average": 25.9,
        "centre": None,
        "value": None,
        "difference": 26.9,
        "unit": "°C",
        "at": "2026-01-31T12:00:00.123Z",
        "frozen": False,
        "stale": False,
        "source": "realtime",
    }


def test_a_difference_alone_is_in_kelvin() -> None:
    document = _json(
        TOPICS.temperature("kiln", 2, TemperatureReading(rule=1, difference_kelvin=3.0), stale=True).payload
    )
    assert (document["unit"], document["difference"], document["stale"]) == ("K", 3.0, True)
    assert document["at"] is not None, "when it arrived, where the device says nothing"


def test_info_has_no_state_but_channels_and_disks() -> None:
    info = CameraInfo(
        name="kiln", url="http://192.0.2.1", model="M", channels=(ChannelInfo(id=2, thermal=True),), thermal_channel=2
    )
    disk = Disk(id=1, kind="disk", name="SD", state="ok", capacity=100, free=50)
    document = _json(TOPICS.info("kiln", info, (disk,)).payload)
    assert "state" not in document
    assert document["channels"] == [{"id": 2, "name": None, "thermal": True, "streams": []}]
    assert document["storage"] == [
        {"id": 1, "kind": "disk", "name": "SD", "state": "ok", "capacity": 100, "free": 50, "encrypted": None}
    ]
    assert _json(TOPICS.info("kiln", info, None).payload)["storage"] is None


def test_json_has_no_word_for_infinity() -> None:
    document = {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}, "e": (1.0,)}
    assert _json(encode(document)) == {"a": None, "b": [None, 1.5], "c": {"d": None}, "e": [1.0]}


@given(st.text(st.characters(codec=None, categories=None)))
def test_whatever_a_device_writes_is_valid_json(text: str) -> None:
    found = _json(encode({"name": text}))
    assert len(found["name"]) == len(text)


@pytest.mark.parametrize(
    ("topic", "request_"),
    [
        ("site/hik/kiln/2/snapshot/set", Request("kiln", "2", "snapshot")),
        ("site/hik/kiln/x/test_alarm/set", Request("kiln", "x", "test_alarm")),
        ("site/hik/kiln/2/snapshot/result", None),
        ("site/hik/kiln/snapshot/set", None),
        ("site/hik/kiln/2/a/b/set", None),
        ("other/kiln/2/snapshot/set", None),
        ("site/hikes/kiln/2/snapshot/set", None),
        ("", None),
    ],
)
def test_commands_are_found(topic: str, request_: Request | None) -> None:
    assert TOPICS.request(topic) == request_


def test_commands_and_results_meet() -> None:
    assert TOPICS.request(TOPICS.command_topic("Kiln 1", 2, "snapshot")) == Request("kiln_1", "2", "snapshot")
    assert TOPICS.result_topic("Kiln 1", 2, "snapshot") == "site/hik/kiln_1/2/snapshot/result"
    assert (TOPICS.commands, TOPICS.alarms) == ("site/hik/+/+/+/set", "site/hik/+/+/alarm/+")


def test_alarm_topics_are_found_again() -> None:
    assert TOPICS.told_alarm("site/hik/kiln/2/alarm/fire") == ("kiln", 2, "fire")
    assert TOPICS.told_alarm("site/hik/kiln/x/alarm/fire") is None
    assert TOPICS.told_alarm("site/hik/kiln/2/event/fire") is None


@pytest.mark.parametrize(
    ("topic", "owner"),
    [
        ("site/hik/kiln/2/alarm/fire", "kiln"),
        ("site/hik/kiln/state", "kiln"),
        ("site/hik/bridge/state", None),
        ("x", None),
    ],
)
def test_whose_topic_it_is(topic: str, owner: str | None) -> None:
    assert TOPICS.owner(topic) == owner
