"""docs/mqtt.md tells what the bridge does: its table of topics, its examples, its access list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from nvr_hooks import AlarmPicture, TemperatureReading
from page_examples import INFO, PREFIX, examples

from hik_thermal_plugin.bridge.messages import Message, Request, Topics

PAGE = (Path(__file__).parents[2] / "docs" / "mqtt.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^`([^`\n]+)`\n\n```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| `(<prefix>[^`]+)` \| .* \| (yes|no) \| ([01]) \|$", PAGE, re.MULTILINE)


def told() -> list[Message]:
    """Return one message of every sort, and the commands that come in."""
    topics = Topics(PREFIX)
    return [
        topics.bridge_state(b"online"),
        topics.heartbeat("now"),
        topics.outbox({}),
        topics.camera_state("kiln", "online"),
        topics.source("kiln", "alert_stream", {}),
        topics.info("kiln", INFO, None),
        topics.temperature("kiln", 2, TemperatureReading(rule=1), stale=False),
        topics.alarm("kiln", 2, "fire", {}),
        topics.event("kiln", 2, "fire", {}),
        topics.gap("kiln", {}),
        topics.picture("kiln", 2, AlarmPicture(kind="fire")),
        topics.picture("kiln", 2, AlarmPicture(kind="fire", view="visible")),
        topics.picture("kiln", 2, AlarmPicture(kind="fire"), 2),
        Message(topics.command_topic("kiln", 2, "snapshot"), b"", 1, False),
        topics.result(Request("kiln", "2", "snapshot"), {}),
    ]


def test_the_table_has_every_topic_with_its_qos() -> None:
    assert len(ROWS) == len(told())
    for message, (topic, retained, qos) in zip(told(), ROWS, strict=True):
        pattern = re.sub(r"<\w+>", "[^/]+", topic.replace("<prefix>", PREFIX))
        assert re.fullmatch(pattern, message.topic), f"{message.topic} is not {topic}"
        assert (message.retain, message.qos) == (retained == "yes", int(qos)), topic


@pytest.mark.parametrize(("topic", "text"), BLOCKS, ids=[topic for topic, _ in BLOCKS])
def test_an_example_is_what_the_bridge_says(topic: str, text: str) -> None:
    assert json.loads(text) == json.loads(examples()[topic].payload)


def test_every_json_of_the_page_is_an_example() -> None:
    assert len(BLOCKS) == PAGE.count("```json") == 11


def test_the_access_list_lets_the_bridge_work() -> None:
    rights = re.findall(r"^topic (read|write) (\S+)$", PAGE.split("user dashboard")[0], re.MULTILINE)
    reads = {topic for right, topic in rights if right == "read"}
    assert reads == {Topics(PREFIX).commands, Topics(PREFIX).alarms}
    assert ("write", f"{PREFIX}/#") in rights
