"""Captured alarms, heartbeats and broken bodies decode to exactly what expected.json lists, however their bytes arrive."""

from __future__ import annotations

from typing import Any

import pytest
from expectations import differences
from listed_samples import expected, read_sample
from nvr_hooks import Alarm, BadAnswer, Event, to_json

from hik_thermal_plugin.wire.alerts import decode_alert
from hik_thermal_plugin.wire.captured import looks_like_alarms, read_events
from hik_thermal_plugin.wire.multipart import PartReader
from hik_thermal_plugin.wire.pictures import read_picture

EXPECTED = expected()


def through_a_reader(data: bytes, size: int) -> list[Event]:
    """Decode as a live source does: part by part, in pieces of `size` bytes."""
    reader = PartReader("multipart/mixed; boundary=boundary")
    parts = [part for start in range(0, len(data), size) for part in reader.feed(data[start : start + size])]
    events: list[Event] = []
    alarm: Alarm | None = None
    for part in [*parts, *reader.close()]:
        if part.text:
            found = decode_alert(part.body)
            alarm = next((event for event in found if isinstance(event, Alarm)), alarm)
            events += found
        elif picture := read_picture(part, alarm):
            events.append(picture)
    return events


def check(found: list[Event], wanted: list[dict[str, Any]]) -> None:
    plain = [to_json(event) for event in found]
    assert [event["type"] for event in plain] == [event["type"] for event in wanted]
    for event, listed in zip(plain, wanted, strict=True):
        assert differences(event, listed) == {}


def test_the_samples_are_there() -> None:
    read_sample("expected.json")
    assert len(EXPECTED) >= 13


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_decodes_to_what_is_listed(name: str) -> None:
    data, wanted = read_sample(name), EXPECTED[name]

    assert looks_like_alarms(data)
    if isinstance(wanted, list):
        check(read_events(data), wanted)
    else:
        assert wanted == {"error": True}
        with pytest.raises(BadAnswer) as raised:
            read_events(data)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 10_000_000])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_decodes_the_same_however_its_bytes_arrive(name: str, size: int) -> None:
    data, wanted = read_sample(name), EXPECTED[name]

    if isinstance(wanted, list):
        check(through_a_reader(data, size), wanted)
    else:
        with pytest.raises(BadAnswer):
            through_a_reader(data, size)


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.endswith(".txt")])
def test_every_alarm_leaves_with_the_last_byte_of_its_root(name: str) -> None:
    data = read_sample(name)
    reader = PartReader("multipart/mixed; boundary=boundary")
    ends = [count for count in range(1, len(data) + 1) for part in reader.feed(data[count - 1 : count]) if part.text]

    assert ends
    assert all(data[:end].endswith(b"</EventNotificationAlert>") for end in ends)


def test_pictures_come_after_their_alarm_with_its_id() -> None:
    fire, *pictures = read_events(read_sample("push_fireDetection_multipart.bin"))

    assert [getattr(picture, "alarm_id", None) for picture in pictures] == [fire.id, fire.id]
    assert [getattr(picture, "name", None) for picture in pictures] == ["fireDetection.jpg"] * 2


def test_captured_framing_is_without_error() -> None:
    for name in ("RECONSTRUCTED_alertStream_framing.bin", "alertstream_nvr_VMD_dynChannelID_only.bin"):
        reader = PartReader("multipart/mixed; boundary=boundary")
        reader.feed(read_sample(name))
        reader.close()
        assert reader.framing_errors == 0
