"""The one JSON form of events, held against the list in the design and against docs/events.schema.json."""

from __future__ import annotations

import json
import runpy
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from nvr_hooks import (
    EVENT_TYPES,
    Alarm,
    AlarmPicture,
    BeyondLimit,
    CameraChanged,
    CameraInfo,
    ChannelInfo,
    ConnectionChanged,
    Event,
    FireAlarm,
    FireTarget,
    GapReport,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    OtherMetadata,
    RecordedFile,
    SmokeAlarm,
    StorageAlarm,
    StreamInfo,
    TamperAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
    VideoLoss,
    camera_json,
    rfc3339,
    to_json,
)

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2023, 12, 27, 18, 7, 58, 123999, tzinfo=timezone(timedelta(hours=8)))
ARRIVED = datetime(2023, 12, 27, 10, 7, 58, 200000, tzinfo=UTC)
INFO = CameraInfo(
    name="kiln",
    url="http://192.0.2.10",
    model="DS-2TD1228-2-QA",
    channels=(
        ChannelInfo(id=2, name="Camera 02", thermal=True, streams=(StreamInfo(id=201, profile="main", width=640),)),
    ),
    thermal_channel=2,
    capabilities={"alarms": "isapi", "download": None},
    state="online",
)
TARGET = Target(region=((0.1, 0.2), (0.3, 0.4), (0.5, 0.6)), hottest=(0.2, 0.3), celsius=101.0, distance_m=40.0, id=3)
COMMON: dict[str, Any] = {
    "camera": "kiln",
    "channel": 2,
    "at": AT,
    "received_at": ARRIVED,
    "id": "00112233445566aa",
    "raw": b"<x/>",
}
ALARM: dict[str, Any] = COMMON | {
    "alarm_id": "00112233445566bb",
    "late": True,
    "phase": "start",
    "description": "the device's words",
    "targets": (TARGET,),
    "pictures": 2,
}
RULE: dict[str, Any] = {"rule": 2, "rule_name": "door", "preset": 1, "calibration": "region", "condition": "above"}
FULL: list[Event] = [
    TemperatureAlarm(
        **ALARM, **RULE, raw_type="TMA", quantity="highest", celsius=57.6, threshold_celsius=48.0, unit_reported="celsius"
    ),
    TemperatureDifferenceAlarm(
        **ALARM, **RULE, raw_type="TDA", other_rule=3, difference_kelvin=12.5, threshold_kelvin=10.0, unit_reported="kelvin"
    ),
    FireAlarm(**ALARM, raw_type="fireDetection", celsius=101.0, unit_reported="celsius", distance_m=40.0, strategy="fire"),
    SmokeAlarm(**ALARM, raw_type="smokeDetection", strategy="smoke"),
    MotionAlarm(**ALARM, raw_type="VMD"),
    TamperAlarm(**ALARM, raw_type="shelteralarm"),
    InputAlarm(**ALARM, raw_type="IO", port=1),
    StorageAlarm(**ALARM, raw_type="diskfull", disk=1, state="full"),
    VideoLoss(**ALARM, raw_type="videoloss"),
    OtherAlarm(**ALARM, raw_type="fieldDetection"),
    AlarmPicture(
        **COMMON, alarm_id="00112233445566bb", kind="fire", view="thermal", name="fire.jpg", length=3, data=b"\xff\xd8\xff"
    ),
    TemperatureReading(
        **COMMON, rule=1, rule_name="door", preset=1, calibration="line", status="measuring", highest_celsius=57.6,
        lowest_celsius=-20.0, average_celsius=20.5, centre_celsius=21.0, point_celsius=22.0, difference_kelvin=77.6,
        highest_at=(0.1, 0.9), lowest_at=(0.2, 0.8), region=((0.0, 0.0), (1.0, 1.0)), unit_reported="fahrenheit", frozen=False,
    ),
    FireTarget(
        **COMMON, celsius=100.0, unit_reported="centigrade", distance_m=1000.0, region=((0.0, 0.0),), hottest=(0.3, 0.3)
    ),
    OtherMetadata(**COMMON, format="onvif", document_type="activityTarget", subtype="behaviorAnalysis"),
    ConnectionChanged(**COMMON, state="auth_blocked", reason="kiln: two refused logins", retry_at=AT),
    CameraChanged(**COMMON, info=INFO),
    GapReport(
        **COMMON, lost_at=AT, back_at=ARRIVED, unknown=("kiln: nothing was told of rule 3",),
        beyond=(
            BeyondLimit(
                rule=1, rule_name="door", preset=1, quantity="highest", condition="above", celsius=91.0, threshold_celsius=80.0
            ),
        ),
        recordings=(RecordedFile(camera="kiln", channel=2, track=201, start=AT, end=ARRIVED, name="ch02_00010", kind="alarm"),),
    ),
]  # fmt: skip
NEEDED: dict[str, Any] = {"info": CameraInfo(name="", url="")}
EMPTY: list[Event] = [cls(**(NEEDED if cls is CameraChanged else {})) for cls in EVENT_TYPES]
ORDER = [
    "type", "id", "alarm_id", "camera", "channel", "at", "received_at", "late", "source", "kind", "raw_type", "level", "phase",
    "rule", "rule_name", "preset", "calibration", "quantity", "condition", "celsius", "threshold_celsius", "difference_kelvin",
    "unit_reported", "distance_m", "strategy", "targets", "pictures",
]  # fmt: skip
"""The fields named in the design, in its order."""


def name_of(event: Event) -> str:
    return event.type


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((DOCS / "events.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_examples_here_are_one_of_each_class() -> None:
    assert [type(event) for event in FULL] == [type(event) for event in EMPTY] == list(EVENT_TYPES)
    for event in FULL:
        unset = {"flags"} if isinstance(event, Alarm) else set()
        assert {item.name for item in fields(event) if getattr(event, item.name) is None} - unset == set()


@pytest.mark.parametrize("event", FULL + EMPTY, ids=name_of)
def test_every_event_is_valid_after_a_trip_through_text(event: Event) -> None:
    validator().validate(json.loads(json.dumps(to_json(event), allow_nan=False)))


@pytest.mark.parametrize("event", FULL, ids=name_of)
def test_unknown_is_null_and_never_missing(event: Event) -> None:
    empty = next(other for other in EMPTY if type(other) is type(event))

    assert list(to_json(empty)) == list(to_json(event))


@pytest.mark.parametrize("event", FULL, ids=name_of)
def test_the_fields_stand_in_the_order_of_the_design(event: Event) -> None:
    named = [name for name in to_json(event) if name in ORDER]

    assert named == sorted(named, key=ORDER.index)


@pytest.mark.parametrize("event", FULL, ids=name_of)
def test_the_schema_refuses_a_missing_and_an_unknown_field(event: Event) -> None:
    whole = to_json(event)

    assert not validator().is_valid(whole | {"colour": "red"})
    for name in whole:
        assert not validator().is_valid({key: value for key, value in whole.items() if key != name}), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", "2023-12-27T10:07:58Z"),
        ("at", "2023-12-27T18:07:58.123+08:00"),
        ("received_at", None),
        ("level", "ALARM"),
        ("source", "guess"),
        ("celsius", "101"),
        ("channel", 2.5),
        ("targets", [{"region": []}]),
        ("flags", []),
    ],
)
def test_the_schema_refuses_wrong_values(name: str, value: object) -> None:
    assert not validator().is_valid(to_json(FULL[2]) | {name: value})


def test_a_fire_looks_like_this() -> None:
    assert to_json(FULL[2]) == {
        "type": "fire_alarm",
        "id": "00112233445566aa",
        "alarm_id": "00112233445566bb",
        "camera": "kiln",
        "channel": 2,
        "at": "2023-12-27T10:07:58.123Z",
        "received_at": "2023-12-27T10:07:58.200Z",
        "late": True,
        "source": "alert_stream",
        "kind": "fire",
        "raw_type": "fireDetection",
        "level": "alarm",
        "phase": "start",
        "celsius": 101.0,
        "unit_reported": "celsius",
        "distance_m": 40.0,
        "strategy": "fire",
        "targets": [
            {
                "region": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]],
                "hottest": [0.2, 0.3],
                "celsius": 101.0,
                "distance_m": 40.0,
            }
        ],
        "pictures": 2,
        "description": "the device's words",
    }


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (TemperatureAlarm(), "temperature"),
        (TemperatureDifferenceAlarm(), "temperature_difference"),
        (FireAlarm(), "fire"),
        (SmokeAlarm(), "smoke"),
        (MotionAlarm(), "motion"),
        (TamperAlarm(), "tamper"),
        (InputAlarm(), "input"),
        (StorageAlarm(), "storage"),
        (VideoLoss(), "video_loss"),
        (OtherAlarm(raw_type="PTLocking"), "ptlocking"),
    ],
)
def test_the_kind_of_every_alarm(event: Alarm, kind: str) -> None:
    assert to_json(event)["kind"] == event.kind == kind


def test_targets_of_alarms_without_temperatures_are_regions_only() -> None:
    assert to_json(MotionAlarm(targets=(TARGET,)))["targets"] == [{"region": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]}]
    assert to_json(FireAlarm(targets=(Target(),)))["targets"] == [
        {"region": [], "hottest": None, "celsius": None, "distance_m": None}
    ]


def test_values_outside_the_documented_range_are_kept_and_named() -> None:
    event = FireAlarm(celsius=-300.0, flags=("celsius",))

    written = to_json(event)

    assert (written["celsius"], written["flags"]) == (-300.0, ["celsius"])
    validator().validate(written)
    assert "flags" not in to_json(replace(event, flags=()))


def test_bytes_are_never_in_the_json() -> None:
    for event in FULL:
        assert not {"raw", "data"} & to_json(event).keys()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (None, None),
        (AT, "2023-12-27T10:07:58.123Z"),
        (datetime(2023, 12, 27, 10, 7, 58, tzinfo=UTC), "2023-12-27T10:07:58.000Z"),
        (datetime(2023, 12, 27, 10, 7, 58, 999999, tzinfo=UTC), "2023-12-27T10:07:58.999Z"),
        (datetime(2024, 2, 29, 23, 30, tzinfo=timezone(timedelta(hours=-8))), "2024-03-01T07:30:00.000Z"),
        (datetime(999, 1, 1, tzinfo=UTC), "0999-01-01T00:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(at: datetime | None, expected: str | None) -> None:
    assert rfc3339(at) == expected


def test_a_camera_as_plain_data() -> None:
    written = camera_json(INFO)

    assert written["channels"][0]["streams"] == [
        {"id": 201, "profile": "main", "codec": None, "width": 640, "height": None, "fps": None}
    ]
    assert written["capabilities"] == {"alarms": "isapi", "download": None}
    assert camera_json(CameraInfo(name="new", url="http://192.0.2.11"))["channels"] is None


def test_the_schema_is_current() -> None:
    maker = runpy.run_path(str(DOCS / "events_schema.py"))

    assert (DOCS / "events.schema.json").read_text(encoding="utf-8") == maker["text"](), (
        "run: python docs/events_schema.py"
    )


def test_the_schema_is_strict_throughout() -> None:
    def objects(node: object) -> list[dict[str, Any]]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        own = [node] if isinstance(node, dict) and node.get("type") in ("object", ["object", "null"]) else []
        return own + [found for part in inner for found in objects(part)]

    found = objects(validator().schema)
    assert len(found) > len(EVENT_TYPES)
    for node in found:
        if "properties" in node:
            assert node["additionalProperties"] is False
            assert set(node["properties"]) - set(node["required"]) <= {"outputs", "recording_channels", "flags"}
