"""The calls of the guide's chapters 4 and 7, made by the driver's hooks to a simulated camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    AlarmPicture,
    ConnectionChanged,
    Event,
    FireAlarm,
    SnapshotOptions,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    Unsupported,
)
from nvr_hooks.loading import Plugins

from hik_thermal_plugin.plugin import HikThermal

Site = Callable[..., tuple[Any, Any]]


@pytest.fixture
def site(hik_simulator: Any, secret: str, tmp_path: Path) -> Iterator[Site]:
    """Return `site(…)`: a simulated camera with these options, and the hooks of a driver that has it as `kiln`."""
    drivers: list[HikThermal] = []

    def make(**options: Any) -> tuple[Any, Any]:
        device = hik_simulator(password=secret, **options)
        plugins = Plugins()
        drivers.append(HikThermal())
        plugins.add("hik_thermal", drivers[-1])
        camera = {"url": device.http, "username": device.username, "password": secret, "rtsp_port": 8554}
        config = {"hik_thermal": {"cameras": {"kiln": camera}}, "state_dir": str(tmp_path / "state")}
        plugins.hook.nvr_configure(config=config)
        return device, plugins.hook

    yield make
    for driver in drivers:
        driver.nvr_close()


def first(events: list[Event], kind: type[Event]) -> Any:
    return next((event for event in events if isinstance(event, kind)), None)


def test_nvr_stream_url_of_the_guide(site: Site, secret: str) -> None:
    _, hook = site(model="bispectrum")

    thermal = hook.nvr_stream_url(camera="kiln", channel=None, profile="main")
    visible = hook.nvr_stream_url(camera="kiln", channel=1, profile="sub")

    assert thermal.url == "rtsp://127.0.0.1:8554/Streaming/Channels/201"
    assert visible.url == "rtsp://127.0.0.1:8554/Streaming/Channels/102"
    assert secret not in str(thermal)


@pytest.mark.parametrize("model", ["bispectrum", "positioning"])
def test_of_two_channels_the_second_is_thermal(site: Site, model: str) -> None:
    _, hook = site(model=model)

    hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions())
    [[info]] = hook.nvr_cameras()

    assert [(channel.id, channel.thermal) for channel in info.channels] == [(1, False), (2, True)]
    assert info.thermal_channel == 2
    assert info.thermal_evidence


def test_a_bullet_has_one_channel_and_it_is_thermal(site: Site) -> None:
    _, hook = site(model="bullet")

    assert hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions()).channel == 1
    assert hook.nvr_stream_url(camera="kiln", channel=None, profile="main").url.endswith("/Streaming/Channels/101")
    with pytest.raises(Unsupported, match="kiln"):
        hook.nvr_stream_url(camera="kiln", channel=2, profile="main")


def test_nvr_snapshot_over_the_picture_url(site: Site) -> None:
    device, hook = site()

    thermal = hook.nvr_snapshot(camera="kiln", channel=None, options=SnapshotOptions(source="picture"))
    visible = hook.nvr_snapshot(camera="kiln", channel=1, options=SnapshotOptions())

    for snapshot, channel in ((thermal, 2), (visible, 1)):
        assert (snapshot.camera, snapshot.channel, snapshot.content_type) == ("kiln", channel, "image/jpeg")
        assert snapshot.data.startswith(b"\xff\xd8\xff")
    assert thermal.data != visible.data
    assert device.state()["requests"]["GET /ISAPI/Streaming/channels/201/picture"] >= 1


def test_nvr_listen_arms_the_camera(site: Site, wait_for: Callable[..., None]) -> None:
    device, hook = site()
    events: list[Event] = []

    with hook.nvr_listen(camera="kiln", sink=events.append):
        wait_for(lambda: any(getattr(event, "state", "") == "online" for event in events), what="the armed stream")
        device.apply([{"fire": {"x": 0.7, "y": 0.6, "celsius": 350, "distance_m": 40}}])
        wait_for(lambda: first(events, AlarmPicture), what="a fire and its picture")

    fire = first(events, FireAlarm)
    assert (fire.camera, fire.channel, fire.source, fire.distance_m) == ("kiln", 2, "alert_stream", 40)
    assert fire.celsius == pytest.approx(350, abs=10)
    assert events.index(fire) < events.index(first(events, AlarmPicture))
    assert device.state()["requests"]["GET /ISAPI/Event/notification/alertStream"] >= 1
    assert device.state()["writes"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"temperature": {"rule": 1, "celsius": 120}}, TemperatureAlarm),
        ({"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 40}}, TemperatureDifferenceAlarm),
    ],
)
def test_nvr_listen_tells_temperature_alarms(
    site: Site, wait_for: Callable[..., None], step: dict[str, Any], kind: type[Event]
) -> None:
    device, hook = site()
    events: list[Event] = []

    with hook.nvr_listen(camera="kiln", sink=events.append):
        device.apply([step])
        wait_for(lambda: first(events, kind), what=kind.__name__)

    assert first(events, kind).channel == 2


@pytest.mark.slow
def test_a_lost_alert_stream_is_asked_for_again(site: Site, wait_for: Callable[..., None]) -> None:
    device, hook = site()
    events: list[Event] = []

    def states() -> list[str]:
        return [event.state for event in events if isinstance(event, ConnectionChanged)]

    with hook.nvr_listen(camera="kiln", sink=events.append):
        wait_for(lambda: "online" in states(), what="the first connection")
        device.apply([{"fault": {"kind": "drop", "path": "/ISAPI/Event/notification/alertStream"}}])
        wait_for(lambda: "online" in states()[states().index("online") + 1 :], what="the second connection")
        [health] = hook.nvr_health(camera="kiln")

    assert "offline" in states()
    assert health.reconnects >= 1


def test_nvr_diagnose_names_a_trigger_that_is_not_linked_to_the_center(site: Site) -> None:
    _, good = site()
    _, bad = site(profile="unlinked")

    assert [item.code for item in good.nvr_diagnose(camera="kiln") if item.code == "trigger_not_linked"] == []
    found = [item for item in bad.nvr_diagnose(camera="kiln") if item.code == "trigger_not_linked"]
    assert {item.severity for item in found} == {"error"}
    assert any("thermometry" in item.what for item in found)
    assert any("fireDetection" in item.what for item in found)


def test_nvr_probe_asks_a_device_that_is_not_configured(site: Site, secret: str) -> None:
    device, hook = site(model="bispectrum")

    info = hook.nvr_probe(url=device.http, username="admin", password=secret)

    assert info.model
    assert info.thermal_channel == 2
    assert [channel.id for channel in info.channels] == [1, 2]


def test_pushed_bytes_decode(site: Site) -> None:
    """What a camera POSTs in listening mode: one body, parts with names, an end marker."""
    _, hook = site()
    document = (
        b"<EventNotificationAlert><channelID>2</channelID><dateTime>2026-03-01T12:00:00+01:00</dateTime>"
        b"<eventType>fireDetection</eventType><eventState>active</eventState></EventNotificationAlert>"
    )
    picture = b"\xff\xd8\xff\xe0 --boundary \xff\xd9"
    body = (
        b'--boundary\r\nContent-Disposition: form-data; name="fireDetection"\r\nContent-Type: application/xml\r\n'
        b"Content-Length: %d\r\n\r\n%s\r\n"
        b'--boundary\r\nContent-Disposition: form-data; name="fireDetection"; filename="fireDetection.jpg";\r\n'
        b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n--boundary--\r\n"
    ) % (len(document), document, len(picture), picture)

    fire, image = hook.nvr_decode(data=body)

    assert isinstance(fire, FireAlarm)
    assert isinstance(image, AlarmPicture)
    assert (image.data, image.alarm_id) == (picture, fire.id)
