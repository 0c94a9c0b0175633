"""Every fault, on the alert stream and on requests, as the bytes and the socket show it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from raw_alerts import END, alerts, first_alarm, text
from raw_http import ALERT_STREAM, DEVICE_INFO, RawClient, Wire, apply

CAPABILITIES = "/ISAPI/System/capabilities"


def fault(simulator, kind: str, **fields: object) -> None:
    apply(simulator, {"fault": {"kind": kind, **fields}})


def sub_status(body: bytes) -> str | None:
    return text(etree.fromstring(body), "subStatusCode")


def dropped(client: RawClient, target: str = DEVICE_INFO) -> bool:
    """Whether a request is reset without an answer."""
    with client.connect() as wire:
        try:
            wire.send(client.request(target))
        except ConnectionError:
            return True
        wire.read(5)
        return wire.reset and not wire.data


def answered_with_silence(client: RawClient, target: str = DEVICE_INFO) -> bool:
    with client.connect() as wire:
        wire.send(client.request(target))
        return wire.silent_for(0.15)


# drop


def test_drop_resets_the_streams_that_are_open(camera):
    simulator, client = camera()
    wires = [client.stream() for _ in range(2)]
    fault(simulator, "drop")
    for wire in wires:
        wire.to_end()
        assert wire.reset
        wire.close()
    assert simulator.state()["open"]["alert_stream"] == 0
    assert client.get(DEVICE_INFO).status == 200


@pytest.mark.slow
def test_drop_for_a_while(camera, wait_for):
    simulator, client = camera()
    fault(simulator, "drop", seconds=0.6, path=DEVICE_INFO)
    assert dropped(client)
    assert client.get(CAPABILITIES).status == 200
    wait_for(lambda: not dropped(client), 5)
    assert client.get(DEVICE_INFO).status == 200


def test_drop_so_many_requests(camera):
    simulator, client = camera()
    fault(simulator, "drop", count=2)
    assert [dropped(client) for _ in range(3)] == [True, True, False]


def test_drop_of_one_path_spares_the_others(armed):
    simulator, wire = armed()
    fault(simulator, "drop", path="/ISAPI/Streaming/*")
    fault(simulator, "drop", path=DEVICE_INFO)
    apply(simulator, {"motion": {}})
    first_alarm(wire)
    fault(simulator, "drop", path="/ISAPI/Event/*")
    wire.to_end()


# half_open


@pytest.mark.slow
def test_half_open_keeps_the_socket_and_says_nothing(camera):
    simulator, client = camera(heartbeat=0.02)
    with client.stream() as wire:
        fault(simulator, "half_open")
        while wire.read(0.1):
            pass
        apply(simulator, {"fire": {}})
        assert wire.silent_for(0.2)
        assert not wire.ended
        assert simulator.state()["open"]["alert_stream"] == 0
    with client.stream() as wire:
        first_alarm(wire, "fireDetection")


def test_half_open_for_later_requests(camera):
    simulator, client = camera()
    fault(simulator, "half_open", count=1, path=DEVICE_INFO)
    assert answered_with_silence(client)
    assert client.get(DEVICE_INFO).status == 200


@pytest.mark.slow
def test_half_open_for_a_while(camera, wait_for):
    simulator, client = camera()
    fault(simulator, "half_open", seconds=0.6)
    assert answered_with_silence(client)
    wait_for(lambda: not answered_with_silence(client), 5)


# stall


@pytest.mark.slow
def test_stall_stops_within_a_part_and_goes_on(armed):
    simulator, wire = armed()
    wire.until(END + b"\r\n")
    start = len(wire.data)
    fault(simulator, "stall", seconds=0.8)
    begun = time.monotonic()
    apply(simulator, {"motion": {}}, {"tamper": {}})
    data = wire.until(lambda data: len(data) > start)[start:]
    assert data.startswith(b"--boundary\r\nContent-Type")
    assert END not in data
    data = wire.until(lambda data: alerts(data, "tamperdetection"))
    assert time.monotonic() - begun > 0.6
    assert [len(alerts(data, kind)) for kind in ("VMD", "tamperdetection")] == [1, 1]


def test_stall_of_a_reply(camera):
    simulator, client = camera()
    fault(simulator, "stall", seconds=0.3, count=1, path=CAPABILITIES)
    with client.connect() as wire:
        wire.send(client.request(CAPABILITIES))
        wire.until(b"HTTP/1.1 401")
        assert b"</html>" not in wire.data
        wire.until(b"</html>")
    assert client.get(CAPABILITIES).status == 200


def test_a_stalled_connection_that_is_to_close_says_everything_first(camera):
    simulator, client = camera(profile="connection_close")
    fault(simulator, "stall", seconds=0.1, count=1)
    with client.connect() as wire:
        wire.send(client.request(DEVICE_INFO))
        assert wire.to_end().endswith(b"</html>\r\n")


# truncate


def test_truncate_cuts_the_next_alarm_and_closes(armed):
    simulator, wire = armed()
    wire.until(END + b"\r\n")
    start = len(wire.data)
    fault(simulator, "truncate", path=ALERT_STREAM)
    apply(simulator, {"fire": {}})
    data = wire.to_end()[start:]
    assert not wire.reset
    announced = int(re.search(rb"Content-Length: (\d+)", data)[1])
    assert 0 < len(data.partition(b"\r\n\r\n")[2]) < announced


def test_truncate_a_reply(camera):
    simulator, client = camera()
    fault(simulator, "truncate", path=DEVICE_INFO)
    answer = client.get(DEVICE_INFO)
    assert answer.ended
    assert len(answer.body) == int(answer.header("content-length") or "") // 2
    assert not client.get(DEVICE_INFO).ended


# wrong_length


def test_wrong_length_in_alarm_parts(armed):
    simulator, wire = armed()
    fault(simulator, "wrong_length", path=ALERT_STREAM, count=1)
    apply(simulator, {"motion": {}}, {"tamper": {}})
    wire.until(lambda data: alerts(data, "tamperdetection") and data.endswith(END + b"\r\n"))
    found = re.findall(rb"Content-Length: (\d+)\r\n\r\n(.*?</EventNotificationAlert>\r\n)", wire.data, re.DOTALL)
    assert [int(announced) - len(body) for announced, body in found] == [0, 64, 0]


def test_no_length_cannot_be_wrong(armed):
    simulator, wire = armed(profile="no_content_length")
    fault(simulator, "wrong_length", path=ALERT_STREAM)
    apply(simulator, {"motion": {}})
    assert b"Content-Length" not in first_alarm(wire)


def test_wrong_length_in_a_reply(camera):
    simulator, client = camera()
    fault(simulator, "wrong_length", seconds=30, path="/ISAPI/System/*")
    for target in (DEVICE_INFO, CAPABILITIES):
        answer = client.get(target)
        assert answer.ended
        assert int(answer.header("content-length") or "") == len(answer.body) + 64


# duplicate


def test_duplicate_alarm_parts(armed):
    simulator, wire = armed()
    fault(simulator, "duplicate", count=1)
    apply(simulator, {"motion": {}}, {"tamper": {}})
    data = wire.until(lambda data: alerts(data, "tamperdetection"))
    assert [len(alerts(data, kind)) for kind in ("VMD", "tamperdetection")] == [2, 1]


# lock


def test_lock_now(camera, wait_for):
    simulator, client = camera()
    with client.stream() as wire:
        fault(simulator, "lock", seconds=0.5)
        answer = client.get(DEVICE_INFO)
        assert answer.status == 401
        assert text(etree.fromstring(answer.body), "lockStatus") == "locked"
        assert text(etree.fromstring(answer.body), "unlockTime") == "1"
        apply(simulator, {"motion": {}})
        first_alarm(wire)
    wait_for(lambda: client.get(DEVICE_INFO).status == 200, 5)


def test_lock_for_as_long_as_the_device_locks(camera):
    simulator, client = camera(lock_seconds=600)
    fault(simulator, "lock")
    told = text(etree.fromstring(client.get(DEVICE_INFO).body), "unlockTime")
    assert 590 <= int(told or "") <= 600


# reboot


def refuses(client: RawClient) -> bool:
    try:
        client.connect().close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.slow
def test_reboot_ends_everything_and_comes_back_on_the_same_port(camera, wait_for):
    simulator, client = camera(repeat=0.05, lock_attempts=1)
    client.ask(DEVICE_INFO, authorization="Digest")
    simulator.apply([{"fault": {"kind": "lock", "seconds": 0}}, {"fire": {}}])
    booted = text(etree.fromstring(client.get(DEVICE_INFO).body), "bootTime")
    with client.stream() as wire:
        fault(simulator, "lock", seconds=600)
        fault(simulator, "reboot", seconds=1.1)
        wire.to_end()
    assert refuses(client)
    assert simulator.state()["open"]["alert_stream"] == 0
    wait_for(lambda: not refuses(client), 5)
    answer = client.get(DEVICE_INFO)
    assert answer.status == 200
    assert text(etree.fromstring(answer.body), "bootTime") != booted
    with client.stream() as wire:
        first_alarm(wire, "fireDetection")


def test_reboot_twice_waits_for_the_second(camera, wait_for):
    simulator, client = camera()
    fault(simulator, "reboot", seconds=0.1)
    fault(simulator, "reboot", seconds=0.5)
    begun = time.monotonic()
    wait_for(lambda: not refuses(client), 5)
    assert time.monotonic() - begun > 0.4
    assert client.get(DEVICE_INFO).status == 200


def test_closing_while_rebooting(hik_simulator):
    simulator = hik_simulator()
    simulator.apply([{"fault": {"kind": "reboot"}}])
    simulator.close()


# busy, not_supported


def test_busy_once(camera):
    simulator, client = camera()
    fault(simulator, "busy", path=DEVICE_INFO)
    answer = client.get(DEVICE_INFO)
    assert (answer.status, sub_status(answer.body)) == (503, "deviceBusy")
    assert client.get(DEVICE_INFO).status == 200


def test_busy_streams(camera):
    simulator, client = camera()
    fault(simulator, "busy", path=ALERT_STREAM, count=2)
    assert [client.get(ALERT_STREAM).status for _ in range(2)] == [503, 503]
    client.stream().close()


def test_not_supported_for_good(camera):
    simulator, client = camera()
    fault(simulator, "not_supported", path="/ISAPI/Thermal/*")
    for _ in range(3):
        answer = client.get("/ISAPI/Thermal/capabilities")
        assert (answer.status, sub_status(answer.body)) == (403, "notSupport")
    assert client.get(DEVICE_INFO).status == 200


def test_a_fault_needs_a_good_login_to_show(camera):
    simulator, client = camera()
    fault(simulator, "busy", count=1)
    assert client.ask(DEVICE_INFO).status == 401
    assert client.get(DEVICE_INFO).status == 503


# clock_skew


@pytest.mark.parametrize("seconds", [3600, -86400])
def test_clock_skew(armed, seconds):
    simulator, wire = armed()
    fault(simulator, "clock_skew", seconds=seconds)
    apply(simulator, {"motion": {}})
    (alert,) = alerts(first_alarm(wire), "VMD")
    told = datetime.fromisoformat(text(alert, "dateTime") or "")
    assert abs(told - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(seconds=5)


def test_the_control_port_knows_no_faults(camera):
    simulator, _ = camera()
    fault(simulator, "half_open", seconds=30)
    fault(simulator, "drop", seconds=30)
    with Wire(simulator.control) as wire:
        wire.send(b"GET /state HTTP/1.1\r\n\r\n")
        wire.until(b'"fires"')
