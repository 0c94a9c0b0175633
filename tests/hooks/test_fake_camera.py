"""FakeCamera: what the tests of hosts and consumers lean on."""

from __future__ import annotations

from typing import Any

import pytest
from nvr_hooks import (
    AlarmPicture,
    CameraInfo,
    ConnectionChanged,
    Event,
    FireAlarm,
    FrameOptions,
    Health,
    LineAt,
    MeasureOptions,
    PointAt,
    RegionAt,
    RuleChange,
    Rules,
    SnapshotOptions,
    Subscription,
    TemperatureReading,
    Unsupported,
    Where,
    WrongUse,
    measurement_json,
)
from nvr_hooks.handles import Handle
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import JPEG, FakeCamera


@pytest.fixture
def camera() -> FakeCamera:
    return FakeCamera("kiln")


@pytest.fixture
def hook(camera: FakeCamera) -> Any:
    plugins = Plugins()
    plugins.add("fake", camera)
    return plugins.hook


def test_nvr_cameras_lists_one_camera_with_a_thermal_channel(hook: Any) -> None:
    [[info]] = hook.nvr_cameras()

    assert isinstance(info, CameraInfo)
    assert info.name == "kiln"
    assert info.thermal_channel == 2
    assert [channel.thermal for channel in info.channels or ()] == [False, True]


def test_nvr_listen_delivers_alarms_pictures_and_connection_changes_in_order(camera: FakeCamera, hook: Any) -> None:
    seen: list[Event] = []
    fire = FireAlarm(camera="kiln", channel=2)
    picture = AlarmPicture(camera="kiln", channel=2, alarm_id=fire.id, data=JPEG)
    lost = ConnectionChanged(camera="kiln", state="offline")

    subscription: Subscription = hook.nvr_listen(camera="kiln", sink=seen.append)
    for event in (fire, picture, lost):
        camera.tell(event)

    assert seen == [fire, picture, lost]
    assert isinstance(subscription, Handle)
    assert (subscription.state, subscription.error, subscription.dropped) == ("running", None, 0)


def test_nvr_watch_delivers_readings_and_no_alarms(camera: FakeCamera, hook: Any) -> None:
    seen: list[Event] = []
    reading = TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=57.6)

    hook.nvr_watch(camera="kiln", sink=seen.append)
    camera.tell(FireAlarm(camera="kiln"))
    camera.tell_reading(reading)

    assert seen == [reading]


def test_a_closed_subscription_is_quiet_and_may_be_closed_twice(camera: FakeCamera, hook: Any) -> None:
    seen: list[Event] = []
    with hook.nvr_listen(camera="kiln", sink=seen.append) as subscription:
        assert not subscription.wait(0)
    subscription.close()

    camera.tell(FireAlarm(camera="kiln"))

    assert seen == []
    assert subscription.state == "closed"
    assert subscription.wait(0)


def test_a_sink_may_close_its_own_subscription(camera: FakeCamera, hook: Any) -> None:
    seen: list[Event] = []

    def once(event: Event) -> None:
        seen.append(event)
        subscription.close()

    subscription = hook.nvr_listen(camera="kiln", sink=once)
    camera.tell(FireAlarm(camera="kiln", channel=1))
    camera.tell(FireAlarm(camera="kiln", channel=2))

    assert [event.channel for event in seen] == [1]


def test_a_raising_sink_harms_nobody_else_and_is_counted(camera: FakeCamera, hook: Any) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("my own bug")

    hook.nvr_listen(camera="kiln", sink=broken)
    hook.nvr_listen(camera="kiln", sink=seen.append)
    camera.tell(FireAlarm(camera="kiln"))

    assert len(seen) == 1
    assert [subscription.sink_errors for subscription in camera.listeners] == [1, 0]


def test_a_subscription_can_end_from_the_cameras_side(camera: FakeCamera, hook: Any) -> None:
    subscription = hook.nvr_listen(camera="kiln", sink=lambda event: None)
    reason = Unsupported("kiln: no alarms", camera="kiln")

    camera.listeners[0].end("failed", reason)
    subscription.close()

    assert (subscription.state, subscription.error) == ("failed", reason)


def test_nvr_snapshot_gives_the_picture_and_refuses_what_it_cannot(hook: Any) -> None:
    snapshot = hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions())

    assert (snapshot.camera, snapshot.channel, snapshot.content_type) == ("kiln", 2, "image/jpeg")
    assert snapshot.data.startswith(b"\xff\xd8")
    assert snapshot.data.endswith(b"\xff\xd9")
    for options in (SnapshotOptions(source="stream"), SnapshotOptions(format="bmp"), SnapshotOptions(overlay=True)):
        with pytest.raises(Unsupported, match="kiln"):
            hook.nvr_snapshot(camera="kiln", channel=None, options=options)


def test_the_smallest_picture_is_one() -> None:
    """PyAV (not Pillow, which is an extra) opens it."""
    import io

    import av

    with av.open(io.BytesIO(JPEG), mode="r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (1, 1)


def test_nvr_stream_url_has_credentials_only_on_request(hook: Any) -> None:
    url = hook.nvr_stream_url(camera="kiln", channel=None, profile="main")

    assert url.url == "rtsp://192.0.2.1/2/main"
    assert url.with_credentials() == "rtsp://user:secret@192.0.2.1/2/main"


def test_nvr_health_tells_what_the_test_says(camera: FakeCamera, hook: Any) -> None:
    assert [health.state for health in hook.nvr_health(camera="kiln")] == ["online"]

    camera.health = (Health(camera="kiln", source="push", state="offline", since=camera.health[0].since),)

    assert hook.nvr_health(camera="kiln") == camera.health


def test_nvr_measure_looks_at_what_the_test_says_the_camera_sees(camera: FakeCamera, hook: Any) -> None:
    camera.temperatures = [[10.0, 20.0], [30.0, 40.0]]
    options = MeasureOptions(emissivity=0.9)
    point, line = PointAt(at=(0.9, 0.2)), LineAt(start=(0.0, 0.1), end=(0.0, 1.0))
    region = RegionAt(points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))

    def measure(where: Where) -> Any:
        return hook.nvr_measure(camera="kiln", channel=None, where=where, options=options)

    at_point, along_line, over_region = measure(point), measure(line), measure(region)

    assert (at_point.celsius, at_point.highest_celsius) == (20.0, None)
    assert (along_line.highest_celsius, along_line.lowest_celsius, along_line.average_celsius) == (30.0, 10.0, 20.0)
    assert (over_region.celsius, over_region.highest_celsius, over_region.channel) == (None, 40.0, 2)
    assert camera.measured == [(point, options), (line, options), (region, options)]
    with pytest.raises(WrongUse):
        measure(PointAt(at=(0.5, 1.5)))


def test_a_measurement_has_one_form_in_json(hook: Any) -> None:
    def told(where: Where) -> dict[str, Any]:
        return measurement_json(hook.nvr_measure(camera="kiln", channel=None, where=where, options=MeasureOptions()))

    point = told(PointAt(at=(0.5, 0.5)))

    assert point.pop("taken_at").endswith("Z")
    assert point == {
        "camera": "kiln",
        "channel": 2,
        "where": {"point": [0.5, 0.5]},
        "celsius": 26.0,
        "highest_celsius": None,
        "lowest_celsius": None,
        "average_celsius": None,
        "highest_at": None,
        "lowest_at": None,
        "way": "device",
        "frame_age_seconds": None,
        "frozen": None,
        "status": None,
        "unit_reported": None,
    }
    assert told(LineAt(start=(0, 0), end=(1, 1)))["where"] == {"line": [[0, 0], [1, 1]]}
    assert told(RegionAt(points=((0, 0), (1, 1), (0, 1))))["where"] == {"region": [[0, 0], [1, 1], [0, 1]]}


def test_nvr_thermal_frame_shows_the_temperatures_and_pictures_on_request(camera: FakeCamera, hook: Any) -> None:
    plain = hook.nvr_thermal_frame(camera="kiln", channel=None, options=FrameOptions())
    pictured = hook.nvr_thermal_frame(camera="kiln", channel=2, options=FrameOptions(visible_picture=True))

    assert (plain.width, plain.height, plain.matrix.shape, plain.matrix.format) == (4, 2, (2, 4), "f")
    assert plain.matrix.tolist() == [list(row) for row in camera.temperatures]
    assert plain.matrix.readonly
    assert (plain.thermal_picture, plain.visible_picture) == (None, None)
    assert (pictured.thermal_picture, pictured.visible_picture) == (None, JPEG)


def test_nvr_apply_rules_tells_what_differs_from_nvr_rules_and_writes_on_request(camera: FakeCamera, hook: Any) -> None:
    wanted = Rules(channel=2, document={"regions": {2: {"name": "wall"}}, "fire_detection": True})
    expected = {
        RuleChange(path="regions.1.name", before="door", after=None),
        RuleChange(path="regions.1.emissivity", before=0.96, after=None),
        RuleChange(path="regions.2.name", before=None, after="wall"),
        RuleChange(path="fire_detection", before=None, after=True),
    }
    before = hook.nvr_rules(camera="kiln", channel=None)

    told = hook.nvr_apply_rules(camera="kiln", channel=None, rules=wanted, dry_run=True)
    assert (set(told.changes), told.applied) == (expected, False)
    assert hook.nvr_rules(camera="kiln", channel=None) == before

    written = hook.nvr_apply_rules(camera="kiln", channel=None, rules=wanted, dry_run=False)
    assert (set(written.changes), written.applied) == (expected, True)
    assert camera.rules == {"mode": "expert", "regions": {2: {"name": "wall"}}, "fire_detection": True}
    assert hook.nvr_apply_rules(camera="kiln", channel=None, rules=wanted, dry_run=True).changes == ()


def test_nvr_close_ends_every_subscription(hook: Any) -> None:
    subscriptions = [
        hook.nvr_listen(camera="kiln", sink=lambda event: None),
        hook.nvr_watch(camera="kiln", sink=lambda event: None),
    ]

    hook.nvr_close()

    assert [subscription.state for subscription in subscriptions] == ["closed", "closed"]


def test_another_name_is_not_my_camera(hook: Any) -> None:
    nobody: dict[str, Any] = {"camera": "nobody"}

    assert hook.nvr_listen(**nobody, sink=print) is None
    assert hook.nvr_watch(**nobody, sink=print) is None
    assert hook.nvr_snapshot(**nobody, channel=None, options=SnapshotOptions()) is None
    assert hook.nvr_stream_url(**nobody, channel=None, profile="main") is None
    assert hook.nvr_health(**nobody) is None
    assert hook.nvr_measure(**nobody, channel=None, where=PointAt(at=(0, 0)), options=MeasureOptions()) is None
    assert hook.nvr_thermal_frame(**nobody, channel=None, options=FrameOptions()) is None
    assert hook.nvr_rules(**nobody, channel=None) is None
    assert hook.nvr_apply_rules(**nobody, channel=None, rules=Rules(channel=2, document={}), dry_run=True) is None


def test_hooks_are_called_by_keyword_with_every_argument(hook: Any) -> None:
    with pytest.raises(TypeError):
        hook.nvr_health("kiln")
    with pytest.warns(UserWarning, match="channel"), pytest.raises(Exception, match="channel"):
        hook.nvr_snapshot(camera="kiln", options=SnapshotOptions())
