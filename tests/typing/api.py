"""What the author of a host or a plugin writes against nvr_hooks. `mypy --strict` must accept it; it is never run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_never, assert_type

from nvr_hooks import (
    Alarm,
    AlarmPicture,
    AuthBlocked,
    ByteSink,
    CameraChanged,
    CameraInfo,
    ConfigError,
    ConnectionChanged,
    Download,
    DownloadOptions,
    Event,
    FireAlarm,
    FireTarget,
    FrameOptions,
    Handle,
    HandleState,
    Health,
    LineAt,
    Live,
    Measurement,
    MeasureOptions,
    Mistake,
    NvrError,
    PointAt,
    Progress,
    ProgressSink,
    RecordedFile,
    Recording,
    RecordOptions,
    RegionAt,
    SearchOptions,
    Sink,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    Subscription,
    TemperatureAlarm,
    TemperatureReading,
    ThermalFrame,
    TimeSpan,
    Unsupported,
    What,
    Where,
    hookimpl,
    rfc3339,
    spec,
    to_json,
)
from nvr_hooks.aio import Events, call, listen
from nvr_hooks.loading import Plugins, load_plugins
from nvr_hooks.testing import FakeCamera, FakeSubscription


def host() -> None:
    """Load plugins, subscribe, choose by class."""
    plugins = load_plugins()
    assert_type(plugins, Plugins)
    try:
        plugins.hook.nvr_configure(config={"mqtt": {"host": "127.0.0.1"}})
    except ConfigError as err:
        assert_type(err.mistakes, tuple[Mistake, ...])
        print(*(mistake.path for mistake in err.mistakes))
    subscription: Subscription | None = plugins.hook.nvr_listen(camera="kiln", sink=take)
    if subscription is not None:
        with subscription as same:
            assert_type(same, Subscription)
            state: HandleState = same.state
            print(state, same.dropped, same.wait(1.0), same.error)


def take(event: Event) -> None:
    """Take any event."""
    match event:
        case FireAlarm(celsius=celsius, targets=targets):
            assert_type(celsius, float | None)
            print(celsius, [target.hottest for target in targets])
        case TemperatureAlarm(rule=rule, level=level):
            assert_type(rule, int | str | None)
            print(rule, level)
        case AlarmPicture(data=data):
            assert_type(data, bytes)
        case ConnectionChanged(state="auth_blocked", retry_at=retry_at):
            print(rfc3339(retry_at))
        case CameraChanged(info=info):
            assert_type(info, CameraInfo)
        case TemperatureReading(highest_at=highest_at):
            assert_type(highest_at, tuple[float, float] | None)
        case FireTarget() | Alarm():
            assert_type(to_json(event), dict[str, Any])
        case _:
            print(event.type)


sink: Sink = take


def specifications(camera: str, until: datetime, progress: ProgressSink) -> None:
    """Every hook's answer has the type its page promises."""
    assert_type(spec.nvr_cameras(), Sequence[CameraInfo])
    assert_type(spec.nvr_stream_url(camera, None, "main"), StreamUrl | None)
    assert_type(spec.nvr_snapshot(camera, 2, SnapshotOptions(source="picture")), Snapshot | None)
    assert_type(spec.nvr_open_stream(camera, None, Live(), lambda data: None), Handle | None)
    assert_type(spec.nvr_record(camera, None, Path("x.mp4"), RecordOptions(seconds=10)), Recording | None)
    assert_type(
        spec.nvr_search(camera, None, until - timedelta(hours=1), until, SearchOptions()), Iterator[RecordedFile] | None
    )
    span = TimeSpan(start=until - timedelta(minutes=1), end=until)
    assert_type(spec.nvr_download(camera, None, span, Path("x.mp4"), DownloadOptions(), progress), Download | None)
    assert_type(spec.nvr_measure(camera, None, PointAt(at=(0.5, 0.5)), MeasureOptions()), Measurement | None)
    assert_type(spec.nvr_thermal_frame(camera, None, FrameOptions()), ThermalFrame | None)
    assert_type(spec.nvr_health(camera), Sequence[Health] | None)
    assert_type(spec.nvr_decode(b""), Sequence[Event] | None)
    assert_type(spec.nvr_config_schema(), tuple[str, Mapping[str, Any]])


def exhaustive(where: Where, what: What) -> str:
    """The unions are closed: a new member is a type error here."""
    match where:
        case PointAt(at=(x, y)):
            text = f"{x} {y}"
        case LineAt(start=start, end=end):
            text = f"{start} {end}"
        case RegionAt(points=points):
            text = str(len(points))
        case _:
            assert_never(where)
    match what:
        case Live(profile=profile):
            return f"{text} {profile}"
        case RecordedFile(name=name):
            return f"{text} {name}"
        case TimeSpan(start=begin):
            return f"{text} {begin.astimezone(UTC)}"
        case _:
            assert_never(what)


class Door:
    """A plugin."""

    nvr_contract = (1, 0)

    @hookimpl
    def nvr_cameras(self) -> Sequence[CameraInfo]:
        """List one camera."""
        return [CameraInfo(name="door", url="http://192.0.2.20")]

    @hookimpl
    def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
        """Raise: it has none."""
        if camera != "door":
            return None
        raise Unsupported("door: has no picture", camera=camera)

    @hookimpl
    def nvr_listen(self, camera: str, sink: Sink) -> Subscription | None:
        """Return a subscription."""
        return FakeSubscription(sink) if camera == "door" else None

    @hookimpl
    def nvr_open_stream(self, camera: str, what: What, sink: ByteSink) -> Handle | None:
        """Send one byte."""
        sink(b"\x00")
        return None


async def loop() -> None:
    """The asynchronous edge."""
    plugins = Plugins()
    plugins.add("door", Door())
    plugins.add("kiln", FakeCamera("kiln"))
    try:
        await call(plugins.hook.nvr_snapshot, camera="door", channel=None, options=SnapshotOptions())
    except AuthBlocked as err:
        assert_type(err.until, datetime | None)
    except NvrError as err:
        print(err)
    async with listen(plugins.hook, "kiln") as events:
        assert_type(events, Events)
        async for event in events:
            take(event)


def show(progress: Progress) -> None:
    """Take a progress."""
    assert_type(progress.fraction, float | None)


if __name__ == "__main__":
    asyncio.run(loop())
