"""One fire, told by the alarm stream and by the metadata track: one start on MQTT, and quiet only when both are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nvr_hooks import FireAlarm, Source, Target

from hik_thermal_plugin import merge
from hik_thermal_plugin.bridge.lifecycle import LifeCycles, Outcome

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
