"""Alarm documents field by field: ports, disks, lists, what goes on, and what a caller leaves out (isapi.md 6.3, 6.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from nvr_hooks import OtherAlarm, SmokeAlarm, Target
from reading import alert

from hik_thermal_plugin.wire.alerts import decode_alert, decode_alert_document


def one(kind: str, more: str = "") -> Any:
    (event,) = decode_alert(alert(kind, more))
    return event


@pytest.mark.parametrize("name", ["inputIOPortID", "dynInputIOPortID"])
def test_the_port_of_an_input(name: str) -> None:
    assert one("IO", f"<{name}>3</{name}>").port == 3
    assert one("IO").port is None


@pytest.mark.parametrize("name", ["diskNo", "diskNumber", "hddID", "hardDiskNo", "diskID"])
def test_the_number_of_a_disk_under_all_its_names(name: str) -> None:
    event = one("diskerror", f"<{name}> 2 </{name}>")

    assert (event.disk, event.state) == (2, "error")
    assert one("diskfull", f"<{name}/><x/>").disk is None


def test_a_caller_may_say_nothing() -> None:
    for event in (*decode_alert(alert()), *decode_alert_document(alert()).events):
        assert (event.camera, event.source, event.phase) == ("", "alert_stream", None)
        assert event.received_at is not None


@pytest.mark.parametrize(("state", "phase"), [("active", None), ("inactive", "end"), ("Inactive", "end"), ("", None)])
def test_the_phase_of_an_alarm(state: str, phase: str | None) -> None:
    (event,) = decode_alert(alert("VMD").replace(b">active<", f">{state}<".encode()))

    assert event.phase == phase  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kinds", "beats", "events"),
    [
        (["heartBeat", "heartBeat"], True, 0),
        (["heartBeat", "VMD"], False, 1),
        (["VMD", "IO", "heartBeat"], False, 2),
    ],
)
def test_a_list_is_a_heartbeat_when_all_of_it_is_and_its_clock_the_last(
    kinds: list[str], beats: bool, events: int
) -> None:
    items = [{"eventType": kind, "dateTime": f"2026-03-04T05:06:{second:02}Z"} for second, kind in enumerate(kinds, 10)]
    found = decode_alert_document(json.dumps(items).encode())

    assert (found.heartbeat, len(found.events)) == (beats, events)
    assert found.at == datetime(2026, 3, 4, 5, 6, 9 + len(kinds), tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "state", "description", "beats"),
    [
        ("videoloss", "inactive", "", True),
        ("videoloss", "active", "", False),
        ("videoloss", "", "", False),
        ("other", "inactive", "Heartbeat", True),
        ("Other", "active", "a HEARTBEAT", True),
        ("other", "inactive", "", False),
        ("VMD", "inactive", "Heartbeat", False),
    ],
)
def test_what_is_a_heartbeat(kind: str, state: str, description: str, beats: bool) -> None:
    document = alert(kind, f"<eventDescription>{description}</eventDescription>").replace(
        b">active<", f">{state}<".encode()
    )

    assert decode_alert_document(document).heartbeat is beats


REGION = (
    "<DetectionRegionList><DetectionRegionEntry><regionID>5</regionID><SmokeDetection><targetDistance>7</targetDistance>"
    "<strategyType>1</strategyType><SmokeRegion><x>0</x><y>0</y><width>1001</width><height>10</height></SmokeRegion>"
    "</SmokeDetection></DetectionRegionEntry></DetectionRegionList>"
)


def test_smoke_field_by_field() -> None:
    event = one("smokeDetection", REGION)

    assert isinstance(event, SmokeAlarm)
    assert (event.strategy, event.flags) == ("fire_and_smoke", ("region",))
    assert event.targets == (
        Target(region=((0.0, 0.0), (1.001, 0.0), (1.001, 0.01), (0.0, 0.01)), distance_m=7.0, id=5),
    )


def test_what_goes_on_without_a_name_keeps_its_place() -> None:
    event = one("duration", REGION)

    assert isinstance(event, OtherAlarm)
    assert (event.raw_type, event.phase, event.targets) == ("duration", "repeat", (Target(id=5),))
    names = "<DurationList><Duration><relationEvent>duration</relationEvent></Duration></DurationList>"
    event = one("duration", names + REGION)
    assert isinstance(event, OtherAlarm)
    assert (event.raw_type, event.targets) == ("duration", (Target(id=5),))


def test_what_is_empty_says_nothing() -> None:
    empty = "<eventDescription/><detectionPicturesNumber> </detectionPicturesNumber><DurationList><relationEvent/></DurationList>"
    event = one("IO", empty + "<inputIOPortID/>")

    assert (event.description, event.pictures, event.port) == (None, None, None)
    assert [found.raw_type for found in decode_alert(alert("duration", empty))] == ["duration"]  # type: ignore[attr-defined]
