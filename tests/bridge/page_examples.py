"""The examples of docs/mqtt.md, made by the code they describe: topic -> message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nvr_hooks import (
    BeyondLimit,
    CameraInfo,
    ChannelInfo,
    ConnectionChanged,
    Disk,
    FireAlarm,
    GapReport,
    Health,
    RecordedFile,
    StreamInfo,
    Target,
    TemperatureReading,
)

from hik_thermal_plugin.bridge.feed import Feed
from hik_thermal_plugin.bridge.messages import Message, Request, Topics

PREFIX = "hik_thermal"
AT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
ARRIVED = datetime(2026, 1, 31, 12, 0, 0, 240_000, tzinfo=UTC)
INFO = CameraInfo(
    name="kiln",
    url="http://192.0.2.10",
    manufacturer="HIKVISION",
    model="DS-2TD1228-2/QA",
    serial="DS-2TD1228-2/QA0000000000",
    firmware="V5.5.98 build 240808",
    mac="00:00:5e:00:53:01",
    device_name="IP CAMERA",
    channels=(
        ChannelInfo(id=1, name="Visible", thermal=False),
        ChannelInfo(
            id=2, name="Thermal", thermal=True,
            streams=(StreamInfo(id=201, profile="main", codec="H.264", width=1280, height=720, frames_per_second=25.0),),
        ),
    ),
    thermal_channel=2,
    thermal_evidence="channel 2 has a thermal stream",
    capabilities={"alarms": "isapi", "snapshot": "isapi"},
    state="online",
)  # fmt: skip


class _Out:
    """Keeps what a feed publishes."""

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}

    def happened(self, camera: str, events: Sequence[tuple[Message, str]], saved: Mapping[str, dict[str, Any]]) -> None:
        self.messages |= {message.topic: message for message, _ in events}

    def level(self, message: Message) -> None:
        self.messages[message.topic] = message

    def clear(self, topic: str) -> None: ...

    def is_behind(self, camera: str) -> bool:
        return False

    def wake(self, camera: str, at: float) -> None: ...

    def doubt(self, camera: str) -> None: ...

    def changed(self, camera: str, state: str) -> None: ...

    def online(self, camera: str) -> None: ...


def examples() -> dict[str, Message]:
    """Return every message the page shows, by topic."""
    topics, out = Topics(PREFIX), _Out()
    feed = Feed(INFO, topics, out, 10.0, clock=lambda: 100.0, wall=lambda: ARRIVED)
    feed.start({})
    feed.store(
        (
            Disk(
                id=1,
                kind="disk",
                name="SD card",
                state="ok",
                capacity=62_534_000_000,
                free=41_000_000_000,
                encrypted=False,
            ),
        )
    )
    feed.take(ConnectionChanged(camera="kiln", source="alert_stream", state="online", received_at=AT))
    feed.healthy(
        [
            Health(
                camera="kiln",
                source="alert_stream",
                state="online",
                since=AT,
                events=12,
                bytes=48_310,
                last_byte_at=ARRIVED,
            )
        ]
    )
    feed.take(
        FireAlarm(
            camera="kiln", channel=2, at=AT, received_at=ARRIVED, id="5d1c0f3a9be84722", raw_type="fireDetection",
            celsius=101.0, unit_reported="celsius",
            targets=(
                Target(id=1, region=((0.683, 0.01), (0.714, 0.01), (0.714, 0.046)), hottest=(0.703, 0.015), celsius=68.0),
                Target(id=4, region=((0.0, 0.375), (0.003, 0.375), (0.003, 0.39)), hottest=(0.0, 0.38), celsius=101.0),
            ),
            pictures=2,
        )
    )  # fmt: skip
    feed.take(
        TemperatureReading(
            camera="kiln", channel=2, at=AT, received_at=ARRIVED, rule=1, rule_name="Door", calibration="region",
            highest_celsius=48.3, lowest_celsius=21.4, average_celsius=25.9, difference_kelvin=26.9, frozen=False,
        )
    )  # fmt: skip
    feed.take(
        GapReport(
            camera="kiln", channel=2, received_at=ARRIVED, id="c2b4a0915fe6d837",
            lost_at=datetime(2026, 1, 31, 11, 51, 7, tzinfo=UTC), back_at=datetime(2026, 1, 31, 11, 59, 58, tzinfo=UTC),
            beyond=(
                BeyondLimit(
                    rule=1, rule_name="Door", quantity="highest", condition="above", celsius=91.4, threshold_celsius=80.0
                ),
            ),
            recordings=(
                RecordedFile(
                    camera="kiln", channel=2, track=201, start=datetime(2026, 1, 31, 11, 54, 30, tzinfo=UTC),
                    end=datetime(2026, 1, 31, 11, 55, 2, tzinfo=UTC), name="ch02_00000000000000613", size=2_901_372, kind="alarm",
                ),
            ),
        )
    )  # fmt: skip
    status = {
        "state": "ok",
        "reason": None,
        "moved_aside": None,
        "waiting": 0,
        "bytes": 0,
        "dropped": {
            "total": 3,
            "too_old": 0,
            "no_room": 3,
            "by_kind": {"motion": 3},
            "last_at": "2026-01-31T09:12:44.018Z",
        },
    }
    snapshot = {
        "id": "42",
        "ok": True,
        "error": None,
        "bytes": 61440,
        "content_type": "image/jpeg",
        "taken_at": "2026-01-31T12:00:03.000Z",
        "source": "picture",
        "topic": f"{PREFIX}/kiln/2/picture/snapshot",
    }
    test = {
        "id": "43",
        "ok": True,
        "error": None,
        "event_id": "9a44c07be1f2d350",
        "topic": f"{PREFIX}/kiln/2/event/test",
    }
    recording = {
        "id": "45",
        "ok": True,
        "error": None,
        "files": ["/var/lib/hik-thermal/recordings/kiln/20260131T120005.120000Z_2.mp4"],
        "bytes": 3_801_088,
        "seconds": 30.0,
    }
    wrong = {"id": "44", "ok": False, "error": "kiln: has no channel 7; there are 1, 2"}
    for message in (
        topics.outbox(status),
        topics.result(Request("kiln", "2", "snapshot"), snapshot),
        topics.result(Request("kiln", "2", "test_alarm"), test),
        topics.result(Request("kiln", "2", "record"), recording),
        topics.result(Request("kiln", "7", "snapshot"), wrong),
    ):
        out.messages[message.topic] = message
    return out.messages
