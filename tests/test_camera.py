"""The whole driver against simulated cameras: armed, lost, found again, reconfigured, removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from nvr_hooks import (
    AlarmPicture,
    AuthBlocked,
    BadAnswer,
    CameraChanged,
    ConfigError,
    ConnectionChanged,
    Event,
    FireAlarm,
    MotionAlarm,
    NvrError,
    Refused,
    SnapshotOptions,
    StorageAlarm,
    TemperatureAlarm,
    Unreachable,
    Unsupported,
)

from hik_thermal_plugin.plugin import HikThermal

WaitFor = Callable[..., None]
E = TypeVar("E", bound=Event)


class Site:
    """The driver with one simulated camera, and what it tells."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.driver = HikThermal()
        self.folder = folder
        self.secret = secret
        self.events: list[Event] = []

    def configure(self, **cameras: dict[str, Any]) -> None:
        """Configure cameras by their differences from a plain one."""
        plain = {"username": "admin", "password": self.secret, "timeout": 5}
        section = {"cameras": {name: plain | more for name, more in cameras.items()}}
        self.driver.nvr_configure({"state_dir": str(self.folder), "hik_thermal": section})

    def listen(self, camera: str = "kiln") -> Any:
        """Collect its events."""
        return self.driver.nvr_listen(camera, self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of one class so far."""
        return [event for event in list(self.events) if isinstance(event, kind)]

    @property
    def states(self) -> list[str]:
        """Return the connection's states so far."""
        return [event.state for event in self.of(ConnectionChanged)]


@pytest.fixture
def site(tmp_path: Path, secret: str) -> Iterator[Site]:
    made = Site(tmp_path / "state", secret)
    yield made
    made.driver.nvr_close()


@pytest.fixture
def kiln(site: Site, hik_simulator: Any, secret: str) -> Any:
    camera = hik_simulator(password=secret)
    site.configure(kiln={"url": camera.http})
    return camera


def test_nvr_listen_tells_state_identity_alarm_and_pictures_in_order(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    site.listen()
    wait_for(lambda: site.of(CameraChanged))
    kiln.apply([{"fire": {"x": 0.25, "y": 0.75, "celsius": 412, "distance_m": 30}}])
    wait_for(lambda: len(site.of(AlarmPicture)) == 2)
    assert site.states == ["starting", "online"]
    info = site.of(CameraChanged)[0].info
    assert (info.model, info.thermal_channel) == ("DS-2TD1228-2-QA", 2)
    fire = site.of(FireAlarm)[0]
    assert (fire.camera, fire.channel, fire.celsius, fire.distance_m) == ("kiln", 2, 412.0, 30.0)
    assert (fire.phase, fire.alarm_id, fire.late) == ("start", fire.id, False)
    x, y = fire.targets[0].hottest or (0, 0)
    assert abs(x - 0.25) < 0.01
    assert abs(y - 0.75) < 0.01
    pictures = site.of(AlarmPicture)
    assert [picture.data[:3] for picture in pictures] == [b"\xff\xd8\xff"] * 2
    assert {picture.alarm_id for picture in pictures} == {fire.alarm_id}
    assert site.events.index(fire) < site.events.index(pictures[0])


def test_each_kind_of_alarm_comes_as_its_own_class(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    site.listen()
    wait_for(lambda: "online" in site.states)
    kiln.apply([{"motion": {"channel": 2}}, {"temperature": {"rule": 1, "celsius": 90}}, {"disk": {"state": "full"}}])
    wait_for(lambda: site.of(MotionAlarm) and site.of(StorageAlarm) and len(site.of(TemperatureAlarm)) >= 1)
    alarm = next(event for event in site.of(TemperatureAlarm) if event.level == "alarm")
    assert alarm.rule == 1
    assert alarm.celsius == pytest.approx(90, abs=0.1)
    assert alarm.quantity == "highest"


def test_two_subscribers_share_one_connection(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    first, second = site.listen(), site.listen()
    wait_for(lambda: site.states.count("online") == 2)
    assert kiln.state()["open"]["alert_stream"] == 1
    first.close()
    assert kiln.state()["open"]["alert_stream"] == 1
    second.close()
    wait_for(lambda: kiln.state()["open"]["alert_stream"] == 0)


@pytest.mark.slow
def test_a_lost_camera_is_told_offline_and_comes_back_by_itself(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    site.listen()
    wait_for(lambda: "online" in site.states)
    kiln.apply([{"fault": {"kind": "drop", "path": "/ISAPI/Event/notification/alertStream"}}])
    wait_for(lambda: site.states[-2:] == ["offline", "online"])
    lost = next(event for event in site.of(ConnectionChanged) if event.state == "offline")
    assert "kiln" in (lost.reason or "")
    health = site.driver.nvr_health("kiln")
    assert health is not None
    assert (health[0].state, health[0].reconnects) == ("online", 1)


def test_nvr_close_returns_within_a_second_while_the_device_is_silent(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    site.listen()
    wait_for(lambda: "online" in site.states)
    kiln.apply([{"fault": {"kind": "half_open", "seconds": 60}}])
    start = time.monotonic()
    site.driver.nvr_close()
    assert time.monotonic() - start < 1


@pytest.mark.slow
def test_a_slow_sink_delays_no_other(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    import threading

    entered, go = threading.Event(), threading.Event()

    def slow(event: Event) -> None:
        if isinstance(event, FireAlarm):
            entered.set()
            go.wait(30)

    site.driver.nvr_listen("kiln", slow)
    site.listen()
    wait_for(lambda: "online" in site.states)
    kiln.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 300}}])
    assert entered.wait(10)
    wait_for(lambda: len(site.of(FireAlarm)) >= 2)
    go.set()


def test_nvr_configure_again_keeps_unchanged_cameras_connected(
    site: Site, kiln: Any, hik_simulator: Any, secret: str, wait_for: WaitFor
) -> None:
    site.listen()
    wait_for(lambda: "online" in site.states)
    other = hik_simulator(password=secret, model="bullet")
    site.configure(kiln={"url": kiln.http}, motor={"url": other.http})
    assert [info.name for info in site.driver.nvr_cameras()] == ["kiln", "motor"]
    kiln.apply([{"motion": {"channel": 2}}])
    wait_for(lambda: site.of(MotionAlarm))
    assert site.states == ["starting", "online"]


@pytest.mark.slow
def test_nvr_configure_reconnects_a_changed_camera_under_the_same_subscription(
    site: Site, kiln: Any, hik_simulator: Any, secret: str, wait_for: WaitFor
) -> None:
    subscription = site.listen()
    wait_for(lambda: site.of(CameraChanged))
    moved = hik_simulator(password=secret, model="bullet")
    site.configure(kiln={"url": moved.http})
    wait_for(lambda: len(site.of(CameraChanged)) == 2)
    moved.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 300}}])
    wait_for(lambda: site.of(FireAlarm))
    assert site.of(FireAlarm)[0].channel == 1
    assert subscription.state == "running"
    wait_for(lambda: kiln.state()["open"]["alert_stream"] == 0)
    assert site.driver.nvr_cameras()[0].thermal_channel == 1


def test_a_removed_camera_ends_its_subscriptions_with_removed(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    subscription = site.listen()
    wait_for(lambda: "online" in site.states)
    site.configure()
    assert subscription.wait(5)
    wait_for(lambda: site.states[-1] == "removed")
    assert site.driver.nvr_listen("kiln", site.events.append) is None
    wait_for(lambda: kiln.state()["open"]["alert_stream"] == 0)


def test_a_faulty_configuration_leaves_everything_running(site: Site, kiln: Any, wait_for: WaitFor) -> None:
    site.listen()
    wait_for(lambda: "online" in site.states)
    with pytest.raises(ConfigError):
        site.configure(kiln={"url": "nonsense"})
    kiln.apply([{"motion": {"channel": 2}}])
    wait_for(lambda: site.of(MotionAlarm))


@pytest.mark.parametrize(
    ("model", "thermal", "channels"), [("bispectrum", 2, 2), ("positioning", 2, 2), ("bullet", 1, 1)]
)
def test_nvr_probe_knows_the_thermal_channel_of_each_model(
    model: str, thermal: int, channels: int, site: Site, hik_simulator: Any, secret: str
) -> None:
    camera = hik_simulator(model=model, password=secret)
    info = site.driver.nvr_probe(camera.http, "admin", secret)
    assert info is not None
    assert info.thermal_channel == thermal
    assert info.channels is not None
    assert len(info.channels) == channels
    assert [channel.id for channel in info.channels if channel.thermal] == [thermal]
    assert camera.state()["writes"] == []


def test_nvr_probe_of_an_address_that_is_none_says_what_is_expected(site: Site) -> None:
    assert site.driver.nvr_probe("rtsp://192.0.2.1", "admin", "x") is None
    with pytest.raises(NvrError, match="expected"):
        site.driver.nvr_probe("http://192.0.2.1/path?x=1", "admin", "x")


def test_nvr_snapshot_takes_the_thermal_picture_unless_told_otherwise(site: Site, kiln: Any) -> None:
    thermal = site.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    visible = site.driver.nvr_snapshot("kiln", 1, SnapshotOptions())
    assert thermal is not None
    assert visible is not None
    assert (thermal.channel, visible.channel) == (2, 1)
    assert thermal.data[:3] == visible.data[:3] == b"\xff\xd8\xff"
    requests = kiln.state()["requests"]
    assert {"GET /ISAPI/Streaming/channels/201/picture", "GET /ISAPI/Streaming/channels/101/picture"} <= set(requests)


def test_a_bullet_has_no_second_channel(site: Site, hik_simulator: Any, secret: str) -> None:
    camera = hik_simulator(model="bullet", password=secret)
    site.configure(kiln={"url": camera.http})
    with pytest.raises(Unsupported, match=r"kiln: has no channel 2; it has 1 \(thermal\)"):
        site.driver.nvr_snapshot("kiln", 2, SnapshotOptions())
    with pytest.raises(Unsupported, match="no channel 2"):
        site.driver.nvr_stream_url("kiln", 2, "main")


def test_nvr_stream_url_shows_no_credentials_unless_asked(site: Site, kiln: Any, secret: str) -> None:
    url = site.driver.nvr_stream_url("kiln", None, "sub")
    assert url is not None
    assert str(url) == url.url == "rtsp://127.0.0.1:554/Streaming/Channels/202"
    assert secret not in repr(url)
    assert url.with_credentials().startswith("rtsp://admin:s3cr3t-Pa55%2Fw%C3%B6rd@127.0.0.1:554/")
    with pytest.raises(Unsupported, match="channel 2 has no third stream; it has main, sub"):
        site.driver.nvr_stream_url("kiln", None, "third")
    custom = site.driver.nvr_stream_url("kiln", 2, "Profile_7")
    assert custom is not None
    assert custom.url.endswith("/Streaming/Channels/201?transportmode=unicast&profile=Profile_7")


def test_nvr_cameras_touches_no_network(site: Site, kiln: Any) -> None:
    (info,) = site.driver.nvr_cameras()
    assert (info.name, info.model, info.channels, info.state) == ("kiln", None, None, "starting")
    assert kiln.state()["requests"] == {}


def test_a_configured_data_channel_outranks_what_the_device_says(site: Site, hik_simulator: Any, secret: str) -> None:
    camera = hik_simulator(password=secret)
    site.configure(kiln={"url": camera.http, "data_channel": 1})
    picture = site.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    assert picture is not None
    assert picture.channel == 1
    assert site.driver.nvr_cameras()[0].thermal_evidence == "configured"


def test_a_wrong_password_is_tried_twice_and_told(site: Site, hik_simulator: Any, wait_for: WaitFor) -> None:
    camera = hik_simulator(password="another one")
    site.configure(kiln={"url": camera.http})
    for _ in range(5):
        site.listen()
    wait_for(lambda: "auth_blocked" in site.states)
    with pytest.raises(AuthBlocked):
        site.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    findings = site.driver.nvr_diagnose("kiln")
    assert findings is not None
    assert [finding.code for finding in findings] == ["auth_blocked"]
    assert camera.state()["logins"]["refused"] == 2
    assert camera.state()["logins"]["locked_until"] is None


def test_a_corrected_password_helps_at_once(site: Site, hik_simulator: Any, secret: str, wait_for: WaitFor) -> None:
    camera = hik_simulator(password=secret)
    site.configure(kiln={"url": camera.http, "password": "wrong"})
    site.listen()
    wait_for(lambda: "auth_blocked" in site.states)
    site.configure(kiln={"url": camera.http})
    wait_for(lambda: site.states[-1] == "online")


def test_an_unreachable_camera_names_itself_request_and_cause(site: Site) -> None:
    site.configure(kiln={"url": "http://127.0.0.1:9", "timeout": 2})
    with pytest.raises(Unreachable, match=r"kiln: GET /ISAPI/System/deviceInfo.*refused"):
        site.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    findings = site.driver.nvr_diagnose("kiln")
    assert findings is not None
    assert [finding.code for finding in findings] == ["unreachable"]


def test_an_unreachable_camera_still_has_the_address_of_a_named_channel_refused(site: Site) -> None:
    site.configure(kiln={"url": "http://127.0.0.1:9", "timeout": 2})
    with pytest.raises(Unreachable):
        site.driver.nvr_stream_url("kiln", None, "main")


def test_a_web_server_that_is_no_camera_is_told_as_such(site: Site, hik_simulator: Any, secret: str) -> None:
    camera = hik_simulator(password=secret, profile="html_errors")
    camera.apply([{"fault": {"kind": "busy", "path": "/ISAPI/System/deviceInfo"}}])
    site.configure(kiln={"url": camera.http})
    with pytest.raises(NvrError) as caught:
        site.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    assert "kiln: GET /ISAPI/System/deviceInfo" in str(caught.value)
    assert not isinstance(caught.value, Refused | BadAnswer) or "HTML" in str(caught.value)


def test_three_wrong_passwords_asked_by_hand_do_not_lock_the_account(
    site: Site, hik_simulator: Any, secret: str
) -> None:
    camera = hik_simulator(password=secret)
    for wrong in ("one", "two", "three"):
        with pytest.raises(Refused):
            site.driver.nvr_probe(camera.http, "admin", wrong)
    assert camera.state()["logins"]["refused"] == 3
    assert camera.state()["logins"]["locked_until"] is None
    assert site.driver.nvr_probe(camera.http, "admin", secret) is not None
