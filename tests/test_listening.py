"""Listening mode through the hooks, with a simulated camera: what it pushes is heard, once, whoever else tells it."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import ConfigError, GapReport, Unsupported
from pushing_camera import FIRE, HOSTS, PushingKiln, WaitFor

MOTION = """<EventNotificationAlert><channelID>2</channelID><dateTime>{at}</dateTime><activePostCount>1</activePostCount>
<eventType>VMD</eventType><eventState>active</eventState><eventDescription>Motion alarm</eventDescription></EventNotificationAlert>
"""
Make = Callable[..., PushingKiln]


def motion(at: str = "2026-01-01T12:00:00+00:00") -> bytes:
    return MOTION.format(at=at).encode()


@pytest.fixture
def make(hik_simulator: Any, secret: str, tmp_path: Path, wait_for: WaitFor) -> Iterator[Make]:
    """Return `make(profile=…, sources=…)`: a simulated camera and a host."""
    kilns: list[PushingKiln] = []

    def started(
        *, listener: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        device = hik_simulator(password=secret, **options)
        kilns.append(PushingKiln(device, secret, tmp_path, wait_for, listener=listener, **(settings or {})))
        return kilns[-1]

    yield started
    for kiln in kilns:
        kiln.driver.nvr_close()


def test_a_camera_that_only_pushes_is_heard_and_never_online(make: Make) -> None:
    kiln = make(settings={"sources": ["push"]})
    kiln.set_up()
    with kiln.listen():
        kiln.device.apply([FIRE])
        kiln.wait_for(lambda: kiln.alarms() and len(kiln.pictures()) == 2)
        alarm = kiln.alarms()[0]
        assert (alarm.source, alarm.phase, alarm.targets[0].distance_m) == ("push", "start", 120)
        assert {picture.alarm_id for picture in kiln.pictures()} == {alarm.id}
        assert all(picture.data.startswith(b"\xff\xd8\xff") for picture in kiln.pictures())
        assert kiln.states() == ["starting"], "a push says nothing about whether the camera is there"
        assert (kiln.health().state, kiln.health().events) == ("starting", 3)
        assert kiln.device.state()["open"]["alert_stream"] == 0, "it is not armed"
        assert [health.source for health in kiln.driver.nvr_health("kiln") or ()] == ["push"]
    kiln.wait_for(lambda: not kiln.is_open(), what="the port closed with the last subscription")


def test_the_same_alarm_over_both_sources_is_one(make: Make) -> None:
    kiln = make()
    kiln.set_up()
    with kiln.listen():
        kiln.armed()
        kiln.device.apply([FIRE])
        kiln.wait_for(lambda: {alarm.source for alarm in kiln.alarms()} == {"alert_stream", "push"})
        kiln.wait_for(lambda: kiln.device.pushes()["accepted"] == 1)
        alarms = kiln.alarms()
        assert [alarm.phase for alarm in alarms if alarm.phase == "start"] == ["start"]
        assert len({alarm.alarm_id for alarm in alarms}) == 1
        assert len(kiln.pictures()) == 2, "thermal and visible, each once"


def test_an_alarm_the_listener_could_not_take_comes_again(make: Make) -> None:
    kiln = make(settings={"sources": ["push"]})
    kiln.set_up()
    kiln.device.apply([FIRE])
    kiln.wait_for(lambda: kiln.device.pushes()["refused"] >= 1)
    with kiln.listen():
        kiln.wait_for(kiln.alarms)
        kiln.wait_for(lambda: kiln.device.pushes()["waiting"] == 0)
        assert [alarm.phase for alarm in kiln.alarms()][:1] == ["start"]


@pytest.mark.slow
def test_a_push_the_camera_could_not_send_is_sent_later(make: Make) -> None:
    kiln = make(settings={"sources": ["push"]})
    kiln.set_up()
    with kiln.listen():
        kiln.device.apply([{"fault": {"kind": "refuse_push", "count": 2}}, FIRE])
        kiln.wait_for(kiln.alarms)
        assert kiln.device.pushes()["refused"] == 2


def test_the_very_bytes_of_a_file_are_pushed(make: Make, tmp_path: Path) -> None:
    kiln = make(settings={"sources": ["push"]})
    kiln.set_up()
    (tmp_path / "motion.xml").write_bytes(motion())
    with kiln.listen():
        kiln.device.apply([{"send": {"file": str(tmp_path / "motion.xml"), "over": "push"}}])
        kiln.wait_for(lambda: kiln.alarms("motion"))
        assert kiln.alarms("motion")[0].raw == motion().rstrip()


def test_what_is_no_alarm_is_counted_and_keeps_nothing_waiting(make: Make) -> None:
    kiln = make()
    with kiln.listen():
        assert kiln.post(b"<Something/>") == 200
        assert kiln.post(b"rubbish", "text/plain") == 400
        assert kiln.post(b"") == 400
        assert kiln.send(f"GET {kiln.path} HTTP/1.1\r\n\r\n".encode()) == 405
        assert kiln.post(motion()) == 200
        kiln.wait_for(lambda: kiln.alarms("motion"))
        assert kiln.health().undecodable >= 1


def test_an_alarm_does_not_wait_for_the_picture_behind_it(make: Make) -> None:
    kiln = make()
    start = (
        b'--boundary\r\n\r\nContent-Disposition: form-data; name="VMD"\r\nContent-Type: application/xml\r\n\r\n'
        + motion()
    )
    head = f"POST {kiln.path} HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=boundary\r\nContent-Length: 90000\r\n\r\n"
    with kiln.listen(), socket.create_connection(("127.0.0.1", kiln.port)) as camera:
        camera.sendall(head.encode() + start)
        kiln.wait_for(lambda: kiln.alarms("motion"), what="the alarm, with its last byte")
        assert kiln.health().state == "starting"


def test_a_late_push_is_told_as_late_by_the_cameras_own_clock(make: Make) -> None:
    kiln = make()
    with kiln.listen():
        kiln.armed()
        kiln.wait_for(lambda: kiln.driver.nvr_cameras()[0].model is not None, what="who the camera is, and its clock")
        assert kiln.post(motion("2020-01-01T12:00:00+00:00")) == 200
        kiln.wait_for(lambda: kiln.alarms("motion"))
        assert kiln.alarms("motion")[0].late


def test_nobody_took_it_is_answered_503(make: Make) -> None:
    kiln = make()
    camera = kiln.driver._site.camera("kiln")  # type: ignore[union-attr]
    assert camera is not None
    camera._push.attend(True)  # the moment after the last subscriber has left, and before the port is closed
    kiln.wait_for(kiln.is_open)
    assert kiln.post(motion()) == 503
    camera._push.attend(False)


def test_a_port_that_is_taken_is_an_error_and_is_tried_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.isapi.listener.AGAIN_SECONDS", 0.05)
    kiln = make()
    with socket.socket() as other:
        other.bind(("127.0.0.1", kiln.port))
        other.listen()
        subscription = kiln.driver.nvr_listen("kiln", kiln.heard.append)
        kiln.wait_for(lambda: "error" in kiln.states())
        assert (kiln.health().last_error or "").endswith(f"port {kiln.port}: Address already in use")
    kiln.wait_for(lambda: kiln.states()[-1] == "starting", what="the port once it is free")
    assert kiln.post(motion()) == 200
    subscription.close()


@pytest.mark.slow
def test_a_time_without_a_listener_is_a_gap_of_a_camera_that_only_pushes(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.isapi.listener.AGAIN_SECONDS", 0.05)
    kiln = make(settings={"sources": ["push", "poll"]})

    def reports() -> list[GapReport]:
        return [event for event in list(kiln.heard) if isinstance(event, GapReport)]

    with kiln.listen():
        kiln.wait_for(lambda: kiln.driver._site.camera("kiln").heard_at is not None)  # type: ignore[union-attr]
        assert reports() == [], "nothing was heard before"
        taken = kiln.port
        kiln.listener["bind"] = "192.0.2.1"  # none of ours
        kiln.configure()
        kiln.wait_for(lambda: kiln.states()[-1] == "error")
        kiln.listener["bind"] = "127.0.0.1"
        kiln.configure()
        kiln.wait_for(reports)
    (report,) = reports()
    assert (report.source, kiln.port) == ("push", taken)
    assert report.lost_at is not None
    assert report.lost_at <= report.back_at


def test_a_restart_is_a_gap_of_a_camera_that_only_pushes(make: Make) -> None:
    kiln = make(settings={"sources": ["push", "poll"]})
    kiln.driver.nvr_start(None)
    with kiln.listen():
        kiln.wait_for(lambda: kiln.driver._site.camera("kiln").heard_at is not None)  # type: ignore[union-attr]
        kiln.driver.nvr_close()
    kiln.heard.clear()
    kiln.configure()
    kiln.driver.nvr_start(None)
    with kiln.listen():
        kiln.wait_for(lambda: any(isinstance(event, GapReport) for event in list(kiln.heard)))


def test_reload_takes_push_away_and_gives_it_back(make: Make) -> None:
    kiln = make()
    with kiln.listen():
        kiln.armed()
        kiln.configure(sources=["alert_stream"])
        kiln.wait_for(lambda: not kiln.is_open())
        kiln.configure(sources=["alert_stream", "push"])
        kiln.wait_for(kiln.is_open)
        assert kiln.post(motion()) == 200


def test_the_path_stays_and_nobody_else_may_read_it(make: Make) -> None:
    kiln = make()
    first = kiln.path
    assert kiln.path == first
    assert len(first) == len("/hik-thermal/") + 32
    (file,) = kiln.state_dir.glob("push-*.path")
    assert file.stat().st_mode & 0o777 == 0o600


def test_push_without_a_listener_is_a_mistake(make: Make) -> None:
    kiln = make()
    kiln.listener = {}
    with pytest.raises(ConfigError, match=r"listener\.bind is not set, but sources of kiln list push"):
        kiln.configure()


def test_closing_while_a_client_is_in_the_middle_takes_no_second(make: Make, wait_for: WaitFor) -> None:
    kiln = make()
    kiln.listen()
    with socket.create_connection(("127.0.0.1", kiln.port)) as client:
        client.sendall(b"POST /")
        begun = time.monotonic()
        kiln.driver.nvr_close()
        assert time.monotonic() - begun < 1.5
    wait_for(lambda: "listener" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["one_host", "hosts_uncapable", "hosts_by_list_only", "foreign_host"])
def test_set_up_and_remove_touch_one_slot(make: Make, profile: str) -> None:
    kiln = make(profile=profile)
    slots = kiln.driver._slots("kiln")
    assert slots is not None
    before, ours = slots.read()
    assert ours is None
    tried = slots.set_up(dry_run=True)
    assert (tried.applied, kiln.device.state()["writes"]) == (False, [])
    change = slots.set_up(dry_run=False)
    assert change.slot == ("2" if profile == "foreign_host" else "1")
    after, ours = slots.read()
    assert ours == change.slot
    assert [slot for slot in after if slot.id != ours] == [slot for slot in before if slot.id != ours]
    assert slots.set_up(dry_run=False).changes == (), "it is there already"
    assert slots.remove(dry_run=False).slot == change.slot
    assert slots.read() == (before, None)
    assert slots.remove(dry_run=False).slot is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sources", "profile", "severity", "code"),
    [
        (["alert_stream", "push"], None, "warning", "push_not_set_up"),
        (["push"], None, "error", "push_not_set_up"),
        (["alert_stream", "push"], "no_listening", "warning", "push_unsupported"),
    ],
)
def test_doctor_finds_a_camera_that_was_never_told_to_push(
    make: Make, sources: list[str], profile: str | None, severity: str, code: str
) -> None:
    kiln = make(profile=profile, settings={"sources": sources})

    def found() -> list[tuple[str, str]]:
        findings = kiln.driver.nvr_diagnose("kiln") or ()
        return [(finding.severity, finding.code) for finding in findings if finding.code.startswith("push")]

    assert found() == [(severity, code)]
    if profile is None:
        kiln.set_up()
        assert found() == []


def test_pushes_over_tls(make: Make, tmp_path: Path) -> None:
    cert = tmp_path / "listener.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", cert, "-out", cert.with_suffix(".crt"), "-days", "2", "-subj", "/CN=listener"),
        ],
        check=True,
        capture_output=True,
    )
    cert.write_bytes(cert.read_bytes() + cert.with_suffix(".crt").read_bytes())
    kiln = make(listener={"tls": {"cert": str(cert)}}, settings={"sources": ["push"]})
    kiln.set_up()
    with kiln.listen():
        kiln.device.apply([FIRE])
        kiln.wait_for(lambda: kiln.alarms() and len(kiln.pictures()) == 2)


def test_slots_of_others_are_never_taken(make: Make) -> None:
    kiln = make(profile="foreign_hosts")
    with pytest.raises(Exception, match="all its slots for hosts belong to others"):
        kiln.set_up()
    assert kiln.device.state()["writes"] == []


def test_a_camera_without_listening_mode_says_so(make: Make) -> None:
    kiln = make(profile="no_listening")
    with pytest.raises(Unsupported, match=f"has no listening mode: it knows no {HOSTS}"):
        kiln.set_up()
