"""A camera that is none, for the tests of hosts and consumers: say what it tells, look at what it was asked.

camera = FakeCamera("kiln")
plugins.add("fake", camera)
plugins.hook.nvr_listen(camera="kiln", sink=events.append)
camera.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection"))
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from .errors import Unsupported, WrongUse
from .events import Event, Point, now
from .handles import HandleState, Sink
from .spec import CONTRACT_VERSION, hookimpl
from .values import (
    CameraInfo,
    ChannelInfo,
    FrameOptions,
    Health,
    LineAt,
    Measurement,
    MeasureOptions,
    PointAt,
    RuleChange,
    Rules,
    RulesDiff,
    Snapshot,
    SnapshotOptions,
    StreamInfo,
    StreamUrl,
    ThermalFrame,
    Where,
)

JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64 + "ffc0000b080001000101011100ffc40014000100000000"
    "00000000000000000000000000ffc40014100100000000000000000000000000000000ffda0008010100003f0037ffd9"
)
"""The smallest picture: one grey pixel."""


_CAPABILITIES = (
    "alarms",
    "snapshot",
    "live",
    "realtime_thermometry",
    "thermal_frame",
    "manual_thermometry",
    "rules",
)


class FakeSubscription:
    """What `nvr_listen` and `nvr_watch` of a FakeCamera answer."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ended = threading.Event()
        self._state: HandleState = "running"
        self._error: BaseException | None = None
        self.sink_errors = 0

    @property
    def state(self) -> HandleState:
        """Tell how it is doing."""
        return self._state

    @property
    def error(self) -> BaseException | None:
        """Tell why it failed."""
        return self._error

    @property
    def dropped(self) -> int:
        """Tell how many events were lost: none, ever."""
        return 0

    def deliver(self, event: Event) -> None:
        """Hand one event to the sink, in this thread."""
        if self._state != "running":
            return
        try:
            self._sink(event)
        except Exception:  # noqa: BLE001 - a raising sink harms nobody else
            self.sink_errors += 1

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end."""
        return self._ended.wait(timeout)

    def close(self) -> None:
        """End it."""
        self.end("closed")

    def end(self, state: HandleState, error: BaseException | None = None) -> None:
        """End it from the camera's side."""
        if self._state == "running":
            self._state, self._error = state, error
            self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FakeCamera:
    """A plugin with one camera: a visible channel 1 and a thermal channel 2."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self, name: str, *, picture: bytes = JPEG) -> None:
        self.name = name
        self.picture = picture
        self.listeners: list[FakeSubscription] = []
        self.watchers: list[FakeSubscription] = []
        self.temperatures: Sequence[Sequence[float]] = ((20.0, 21.0, 22.0, 23.0), (24.0, 57.5, 26.0, 27.0))
        """What the picture shows in °C, row by row from the top: frames and measurements come from it."""
        self.measured: list[tuple[Where, MeasureOptions]] = []
        """What it was asked to measure."""
        self.rules: Mapping[str, object] = {"mode": "expert", "regions": {1: {"name": "door", "emissivity": 0.96}}}
        """Its rules document; `nvr_apply_rules` replaces what it is given of it."""
        self.health: tuple[Health, ...] = (Health(camera=name, source="alert_stream", state="online", since=now()),)
        self.info = CameraInfo(
            name=name,
            url="http://192.0.2.1",
            manufacturer="Fake",
            model="FAKE-1",
            serial=f"FAKE-{name}",
            firmware="V1.0",
            channels=(
                ChannelInfo(id=1, name="Visible", thermal=False, streams=(StreamInfo(id=101, profile="main"),)),
                ChannelInfo(id=2, name="Thermal", thermal=True, streams=(StreamInfo(id=201, profile="main"),)),
            ),
            thermal_channel=2,
            capabilities=dict.fromkeys(_CAPABILITIES, "isapi"),
            state="online",
        )

    def tell(self, event: Event) -> None:
        """Deliver an event to every listener, in this thread."""
        for subscription in list(self.listeners):
            subscription.deliver(event)

    def tell_reading(self, event: Event) -> None:
        """Deliver a reading to every watcher, in this thread."""
        for subscription in list(self.watchers):
            subscription.deliver(event)

    @hookimpl
    def nvr_cameras(self) -> Sequence[CameraInfo]:
        """List the one camera."""
        return (self.info,)

    @hookimpl
    def nvr_listen(self, camera: str, sink: Sink) -> FakeSubscription | None:
        """Deliver what `tell` is given."""
        return self._subscribe(camera, sink, self.listeners)

    @hookimpl
    def nvr_watch(self, camera: str, sink: Sink) -> FakeSubscription | None:
        """Deliver what `tell_reading` is given."""
        return self._subscribe(camera, sink, self.watchers)

    @hookimpl
    def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
        """Return the one picture."""
        if camera != self.name:
            return None
        if options.source == "stream" or options.format != "jpeg" or options.overlay:
            raise Unsupported(f"{camera}: a fake camera has one JPEG picture and no stream", camera=camera)
        return Snapshot(camera=camera, channel=channel or 2, data=self.picture, taken_at=now())

    @hookimpl
    def nvr_stream_url(self, camera: str, channel: int | None, profile: str) -> StreamUrl | None:
        """Return an address that leads nowhere."""
        if camera != self.name:
            return None
        return StreamUrl(url=f"rtsp://192.0.2.1/{channel or 2}/{profile}", username="user", password="secret")  # noqa: S106

    @hookimpl
    def nvr_measure(
        self, camera: str, channel: int | None, where: Where, options: MeasureOptions
    ) -> Measurement | None:
        """Look at `temperatures`: at the pixel of a point, over the box around a line or region."""
        if camera != self.name:
            return None
        self.measured.append((where, options))
        points = _points(where)
        if not all(0 <= part <= 1 for point in points for part in point):
            raise WrongUse(f"{camera}: coordinates are 0…1 from the top left")
        found = Measurement(
            camera=camera, channel=channel or 2, where=where, celsius=None, taken_at=now(), way="device"
        )
        rows, columns = (self._span(points, axis) for axis in (1, 0))
        values = [self.temperatures[row][column] for row in rows for column in columns]
        if isinstance(where, PointAt):
            return replace(found, celsius=values[0])
        average = sum(values) / len(values)
        return replace(found, highest_celsius=max(values), lowest_celsius=min(values), average_celsius=average)

    @hookimpl
    def nvr_thermal_frame(self, camera: str, channel: int | None, options: FrameOptions) -> ThermalFrame | None:
        """Return `temperatures` as a frame, with the one picture if wanted."""
        if camera != self.name:
            return None
        height, width = len(self.temperatures), len(self.temperatures[0])
        values = array("f", [value for row in self.temperatures for value in row])
        return ThermalFrame(
            camera=camera,
            channel=channel or 2,
            width=width,
            height=height,
            matrix=memoryview(values).cast("B").cast("f", (height, width)).toreadonly(),  # type: ignore[arg-type]
            taken_at=now(),
            frozen=False,
            thermal_picture=self.picture if options.thermal_picture else None,
            visible_picture=self.picture if options.visible_picture else None,
        )

    @hookimpl
    def nvr_rules(self, camera: str, channel: int | None) -> Rules | None:
        """Return `rules`."""
        return Rules(channel=channel or 2, document=self.rules) if camera == self.name else None

    @hookimpl
    def nvr_apply_rules(self, camera: str, channel: int | None, rules: Rules, dry_run: bool) -> RulesDiff | None:
        """Tell which values differ from `rules`, and take them over unless it is a dry run; knows no wrong ones."""
        if camera != self.name:
            return None
        wanted = {**self.rules, **rules.document}
        before, after = (dict(_leaves(document, "")) for document in (self.rules, wanted))
        changes = [
            RuleChange(path=path, before=before.get(path), after=after.get(path))
            for path in dict.fromkeys([*after, *before])
            if before.get(path) != after.get(path)
        ]
        if not dry_run:
            self.rules = wanted
        return RulesDiff(changes=tuple(changes), applied=not dry_run)

    @hookimpl
    def nvr_health(self, camera: str) -> Sequence[Health] | None:
        """Return `health`."""
        return self.health if camera == self.name else None

    @hookimpl
    def nvr_close(self) -> None:
        """End all subscriptions."""
        for subscription in [*self.listeners, *self.watchers]:
            subscription.close()

    def _subscribe(self, camera: str, sink: Sink, where: list[FakeSubscription]) -> FakeSubscription | None:
        if camera != self.name:
            return None
        where[:] = [subscription for subscription in where if subscription.state == "running"]
        where.append(subscription := FakeSubscription(sink))
        return subscription

    def _span(self, points: Sequence[Point], axis: int) -> range:
        """Return the rows (axis 1) or columns (axis 0) that points lie in."""
        size = len(self.temperatures) if axis else len(self.temperatures[0])
        places = [min(int(point[axis] * size), size - 1) for point in points]
        return range(min(places), max(places) + 1)


def _points(where: Where) -> tuple[Point, ...]:
    match where:
        case PointAt(at=at):
            return (at,)
        case LineAt(start=start, end=end):
            return (start, end)
    return where.points


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every value of a document that is no mapping, with its path: `regions.1.name`."""
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{path}.{key}" if path else str(key))
