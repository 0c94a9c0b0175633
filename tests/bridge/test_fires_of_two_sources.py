"""One fire, told by the alarm stream and by the metadata track: one start on MQTT, and quiet only when both are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from nvr_hooks import (
    CameraInfo,
    ConnectionChanged,
    ConnectionState,
    FireAlarm,
    MotionAlarm,
    Source,
    StorageAlarm,
    Target,
    TemperatureAlarm,
)

from hik_thermal_plugin import merge
from hik_thermal_plugin.bridge.actions import new_test_alarm
from hik_thermal_plugin.bridge.feed import Feed
from hik_thermal_plugin.bridge.lifecycle import LifeCycles, Outcome
from hik_thermal_plugin.bridge.messages import Message, Topics

T0 = datetime(2026, 1, 1, tzinfo=UTC)
BOX = ((0.45, 0.35), (0.55, 0.35), (0.55, 0.45), (0.45, 0.45))


class Stage:
    """What the driver's life cycles hand on to the bridge's."""

    def __init__(self) -> None:
        self.driver = merge.LifeCycles()
        self.bridge = LifeCycles("kiln", 10.0)
        self.now = 0.0

    def tell(self, source: Source, *targets: Target) -> Outcome:
        placed = self.driver.place(
            FireAlarm(
                camera="kiln", channel=2, source=source, targets=targets, received_at=T0 + timedelta(seconds=self.now)
            )
        )
        return self.bridge.take(placed, self.now) if isinstance(placed, FireAlarm) else Outcome()

    def connection(self, source: Source, *, online: bool) -> Outcome:
        return self.bridge.connection(source, online=online, now=self.now, wall=T0)


def phases(*outcomes: Outcome) -> list[str]:
    return [event["phase"] for outcome in outcomes for event in outcome.events]


def test_whoever_tells_first_the_fire_starts_once() -> None:
    numbered, bare = Target(region=BOX, id=1), Target(hottest=(0.5, 0.4))
    for first, second in (
        (("alert_stream", numbered), ("metadata", bare)),
        (("metadata", bare), ("alert_stream", numbered)),
    ):
        stage = Stage()
        assert phases(stage.tell(*first), stage.tell(*second)) == ["start"]


def test_a_second_fire_that_only_metadata_tells_is_told() -> None:
    stage = Stage()
    stage.tell("alert_stream", Target(region=BOX, id=1))
    assert phases(stage.tell("metadata", Target(hottest=(0.5, 0.4)), Target(hottest=(0.9, 0.9)))) == ["start"]


def test_a_fire_is_unknown_only_when_neither_source_could_tell() -> None:
    stage = Stage()
    for source in ("alert_stream", "metadata"):
        stage.connection(source, online=True)
        stage.tell(source, Target(hottest=(0.5, 0.4), id=1))
    assert stage.connection("alert_stream", online=False).alarms == []
    assert stage.connection("metadata", online=False).alarms[-1][2]["active"] is None


class Broker:
    """Keeps what a feed says, in order: the camera's state, and whether fire and motion are active."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.asked = 0

    def level(self, message: Message) -> None:
        name = message.topic.rpartition("/")[2]
        if name == "state":
            self.said.append((name, message.payload.decode()))
        elif name in ("fire", "motion"):
            self.said.append((name, json.loads(message.payload)["active"]))

    def online(self, camera: str) -> None:
        self.asked += 1

    def __getattr__(self, name: str) -> Any:
        return lambda *told: None

    def last(self, name: str) -> Any:
        return [value for what, value in self.said if what == name][-1]


class Kiln:
    """A camera on its way to the broker, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.broker = Broker()
        info = CameraInfo(name="kiln", url="http://192.0.2.1")
        self.feed = Feed(info, Topics("p"), self.broker, 10.0, clock=lambda: self.now)
        self.feed.start({})

    def goes(self, source: Source, state: ConnectionState) -> None:
        self.feed.take(ConnectionChanged(camera="kiln", source=source, state=state))

    def burns(self, source: Source) -> None:
        self.feed.take(FireAlarm(camera="kiln", channel=2, source=source, targets=(Target(hottest=(0.5, 0.4), id=1),)))

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.feed.heard([])  # nobody counts bytes here: what is connected is believed
        self.feed.tick()


def test_a_fire_that_only_metadata_can_tell_is_no_unavailable_one() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "online")
    kiln.goes("metadata", "online")
    kiln.feed.take(MotionAlarm(camera="kiln", channel=2, raw_type="VMD"))
    kiln.burns("alert_stream")
    kiln.after(20)
    assert [kiln.broker.last(name) for name in ("state", "fire", "motion")] == ["online", False, False]

    kiln.goes("alert_stream", "offline")
    assert [kiln.broker.last(name) for name in ("state", "fire", "motion")] == ["offline", None, None]
    kiln.broker.said.clear()
    kiln.burns("metadata")
    assert kiln.broker.said == [("fire", True), ("state", "online")], "who reads online finds the fire"
    assert kiln.broker.asked == 1, "its disks cannot be asked for because of it"
    kiln.broker.said.clear()
    kiln.after(20)
    assert kiln.broker.said == [("fire", None), ("state", "offline")], "never: no fire"
    kiln.goes("alert_stream", "online")
    kiln.after(11)
    assert [kiln.broker.last(name) for name in ("state", "fire", "motion")] == ["online", False, False]


def test_an_end_that_nobody_can_vouch_for_is_unknown_also_of_the_first_fire() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "offline")
    kiln.goes("metadata", "online")
    kiln.burns("metadata")
    assert [kiln.broker.last(name) for name in ("state", "fire")] == ["online", True]
    kiln.after(20)
    assert [kiln.broker.last(name) for name in ("state", "fire")] == ["offline", None]


def test_a_fire_goes_on_in_metadata_when_the_alarm_stream_is_lost() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "online")
    kiln.goes("metadata", "online")
    kiln.burns("alert_stream")
    kiln.burns("metadata")
    kiln.goes("alert_stream", "offline")
    assert [kiln.broker.last(name) for name in ("state", "fire")] == ["online", True]
    kiln.goes("metadata", "offline")
    assert [kiln.broker.last(name) for name in ("state", "fire")] == ["offline", None]


def test_metadata_without_an_alarm_makes_no_camera_online() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "auth_blocked")
    kiln.goes("metadata", "online")
    assert kiln.broker.last("state") == "auth_blocked"


def test_a_disk_that_was_bad_when_it_was_looked_at_makes_no_camera_online() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "online")
    kiln.feed.take(StorageAlarm(camera="kiln", channel=1, raw_type="error", source="poll", disk=1, state="error"))
    kiln.goes("alert_stream", "offline")
    assert kiln.broker.last("state") == "offline"


def test_what_a_camera_only_pushes_is_available_while_it_is_known() -> None:
    kiln = Kiln()
    kiln.goes("push", "starting")
    kiln.broker.said.clear()
    kiln.burns("push")
    assert kiln.broker.said == [("fire", True), ("state", "online")]
    kiln.after(20)
    assert kiln.broker.said[2:] == [("fire", None), ("state", "starting")]


def test_a_rule_of_our_own_is_available_and_a_test_alarm_makes_no_camera_online() -> None:
    kiln = Kiln()
    kiln.goes("alert_stream", "offline")
    kiln.goes("virtual", "online")
    kiln.feed.take(new_test_alarm(kiln.feed.info, 2, {}))
    assert kiln.broker.last("state") == "offline"
    kiln.feed.take(TemperatureAlarm(camera="kiln", channel=2, source="virtual", rule="door", level="alarm"))
    assert kiln.broker.last("state") == "online"
    kiln.goes("virtual", "offline")
    assert kiln.broker.last("state") == "offline"
