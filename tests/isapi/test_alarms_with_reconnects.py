"""The alarm stream as subscribers have it: connected, lost, blocked, back again; against the scripted device and the simulated camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alert_device import JPEG, alarm, heartbeat, part
from nvr_hooks import AlarmPicture, ConnectionChanged, Event, FireAlarm, MotionAlarm
from scripted_device import ALERTS, HEAD, ScriptedDevice, hang_up, reply, silence, status_document, stream

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.simulator import Simulator
from hik_thermal_plugin.worker import Backoff, Deliveries, SharedStream

WaitFor = Callable[..., None]
Share = Callable[..., SharedStream]


@pytest.fixture
def share() -> Iterator[Share]:
    """Share an alarm stream of a client."""
    deliveries = Deliveries()
    made: list[SharedStream] = []

    def make(client: IsapiClient, silence: float = 35.0, **options: float) -> SharedStream:
        shared = SharedStream(
            lambda: AlertStream(client, silence=silence),
            camera="kiln",
            source="alert_stream",
            deliveries=deliveries,
            backoff=Backoff(first=0.001, cap=0.02),
            **options,
        )
        made.append(shared)
        return shared

    yield make
    for shared in made:
        shared.close()
    deliveries.close()


def states(events: list[Event]) -> list[str]:
    return [event.state for event in events if isinstance(event, ConnectionChanged)]


def test_a_day_of_losses_and_not_one_alarm_twice_or_lost(
    device: ScriptedDevice, client: IsapiClient, share: Share, wait_for: WaitFor
) -> None:
    device.answers[ALERTS] = [
        hang_up,
        reply(503),
        reply(200, b"<html>starting up</html>", "text/html"),
        reply(200, status_document(2, "deviceBusy")),
        stream,
    ]
    device.head = HEAD + heartbeat()
    events: list[Event] = []
    shared = share(client, silence=0.3)
    shared.subscribe(events.append)
    wait_for(lambda: states(events)[-1:] == ["online"])
    device.streams[0].send(alarm(1) + part(JPEG, "image/jpeg") + alarm(2)[:-20])
    wait_for(lambda: len(events) >= 4 and isinstance(events[-1], AlarmPicture))
    device.streams[0].reset()  # the device restarts
    wait_for(lambda: len(device.streams) == 2)
    device.streams[1].send(alarm(3))
    wait_for(lambda: any(event.channel == 3 for event in events))
    wait_for(lambda: len(device.streams) == 3, what="silence ends the connection")
    device.streams[2].send(alarm(4))
    wait_for(lambda: any(event.channel == 4 for event in events))
    assert [event.channel for event in events if isinstance(event, MotionAlarm)] == [1, 3, 4]
    assert "online" in states(events)
    reasons = [
        event.reason or "" for event in events if isinstance(event, ConnectionChanged) and event.state == "offline"
    ]
    assert any("nothing came for 0.3 s" in reason for reason in reasons)
    health = shared.health()
    assert health.events == 4
    assert health.reconnects >= 6
    assert health.bytes > len(JPEG)


def test_a_password_changed_after_a_day_blocks_and_the_right_one_helps_at_once(
    device: ScriptedDevice, client_of: Callable[..., IsapiClient], share: Share, wait_for: WaitFor
) -> None:
    events: list[Event] = []
    shared = share(client_of())
    subscription = shared.subscribe(events.append)
    wait_for(lambda: states(events)[-1:] == ["online"])
    device.password = "another"
    before = len(device.targets(with_login=True))
    device.streams[0].end()
    wait_for(lambda: states(events)[-1:] == ["auth_blocked"])
    assert len(device.targets(with_login=True)) - before == 2
    blocked = events[-1]
    assert isinstance(blocked, ConnectionChanged)
    assert blocked.retry_at is not None
    mended = client_of("another")
    shared.reopen(lambda: AlertStream(mended))
    wait_for(lambda: states(events)[-1:] == ["online"])
    assert subscription.state == "running"


@pytest.mark.slow
def test_a_locked_account_is_waited_for_and_comes_back_without_help(
    device: ScriptedDevice,
    client_of: Callable[..., IsapiClient],
    budget_of: Callable[..., LoginBudget],
    share: Share,
    wait_for: WaitFor,
) -> None:
    device.refusal = b"<userCheck><lockStatus>locked</lockStatus><unlockTime>1</unlockTime></userCheck>"
    right, device.password = device.password, "another"
    events: list[Event] = []
    share(client_of()).subscribe(events.append)
    wait_for(lambda: states(events)[-1:] == ["auth_blocked"])
    assert len(device.targets(with_login=True)) == 1
    device.password = right
    wait_for(lambda: states(events)[-1:] == ["online"])
    assert len(device.targets(with_login=True)) == 2 + device.targets(with_login=True).count("/ISAPI/System/deviceInfo")


@pytest.mark.parametrize("state", ["silent", "no answer", "half a document"])
def test_close_returns_within_a_second_whatever_the_device_does(
    device: ScriptedDevice, client_of: Callable[..., IsapiClient], share: Share, state: str, wait_for: WaitFor
) -> None:
    if state == "no answer":
        device.answers[ALERTS] = [silence]
    elif state == "half a document":
        device.head = HEAD + alarm()[:-30]
    shared = share(client_of(timeout=60))
    shared.subscribe(lambda event: None)
    wait_for(lambda: device.streams)
    began = time.monotonic()
    shared.close()
    assert time.monotonic() - began < 1


def test_a_fire_of_the_simulated_camera(tmp_path: Path, secret: str, share: Share, wait_for: WaitFor) -> None:
    with Simulator(password=secret, heartbeat=0.1, control_port=None) as camera:
        assert camera.http is not None
        client = IsapiClient("kiln", camera.http, "admin", secret, LoginBudget("x", secret, tmp_path))
        events: list[Event] = []
        shared = share(client)
        with shared.subscribe(events.append):
            wait_for(lambda: states(events)[-1:] == ["online"])
            camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 120, "distance_m": 12}}])
            wait_for(lambda: any(isinstance(event, AlarmPicture) for event in events))
            fire = next(event for event in events if isinstance(event, FireAlarm))
            picture = next(event for event in events if isinstance(event, AlarmPicture))
            assert (fire.celsius, fire.distance_m, fire.late) == (120.0, 12.0, False)
            assert (picture.alarm_id, picture.kind) == (fire.id, "fire")
            assert picture.data.startswith(b"\xff\xd8\xff")
        wait_for(lambda: camera.state()["open"]["alert_stream"] == 0)
        client.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop", "truncate", "wrong_length", "duplicate", "reboot", "busy"])
def test_alarms_of_the_simulated_camera_survive_its_faults(
    tmp_path: Path, secret: str, share: Share, fault: str, wait_for: WaitFor
) -> None:
    with Simulator(password=secret, heartbeat=0.05, repeat=0.1, control_port=None) as camera:
        assert camera.http is not None
        client = IsapiClient("kiln", camera.http, "admin", secret, LoginBudget("x", secret, tmp_path))
        events: list[Event] = []
        with share(client).subscribe(events.append):
            wait_for(lambda: states(events)[-1:] == ["online"])
            camera.apply([{"fault": {"kind": fault, "seconds": 0.2}}])
            camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 120, "distance_m": 12}}])
            wait_for(lambda: sum(isinstance(event, FireAlarm) for event in events) >= 3)
            wait_for(lambda: states(events)[-1] == "online")
        client.close()
