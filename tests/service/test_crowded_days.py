"""The running service in a crowd: other hosts on its camera, a thousand alarms in a second; and with a camera that moves."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WaitFor = Callable[..., None]
pytestmark = pytest.mark.integration
ALERTS = "/ISAPI/Event/notification/alertStream"


def armings(camera: Any) -> int:
    return sum(count for request, count in camera.state()["requests"].items() if ALERTS in request)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("busy", "answered 503 (Device Busy, deviceBusy"),
        ("no_room", "answered 403 (Invalid Operation, maxSessionUserLink"),
    ],
)
def test_a_camera_whose_connections_others_have_is_waited_for(
    service: Any, hik_simulator: Any, subscriber: Any, wait_for: WaitFor, secret: str, kind: str, said: str
) -> None:
    kiln = hik_simulator(password=secret, heartbeat=1.0, rtsp_port=0)
    kiln.apply([{"fault": {"kind": kind, "path": ALERTS, "count": 4}}])
    service.configure({"kiln": {"url": kiln.http, "rtsp_port": int(kiln.rtsp.rpartition(":")[2])}}, release_after=2)
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "offline", what="not connected, and no error of the user's")
    wait_for(lambda: said in ((subscriber.last("kiln/source/alert_stream") or {}).get("reason") or ""))
    began, asked = time.monotonic(), armings(kiln)
    wait_for(lambda: time.monotonic() - began > 3)
    assert armings(kiln) - asked <= 4 * 2, "it waits longer and longer"
    wait_for(lambda: subscriber.last("kiln/state") == "online", seconds=90)
    kiln.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    wait_for(lambda: subscriber.of("kiln/2/event/fire"))
    state = kiln.state()
    assert (state["writes"], state["logins"]["refused"]) == ([], 0), "nothing that would make room for us"
    log = service.log.read_text()
    assert log.count(said) == 1, "one line per happening"
    kiln.apply([{"fault": {"kind": kind, "path": "*Streaming*", "count": 9}}])
    shot = service.ask("record", "kiln", "-o", str(service.folder / "clip.mp4"), "--seconds", "1")
    assert shot.returncode == 1
    assert said in shot.stderr
    assert "Traceback" not in shot.stderr
    assert subscriber.last("kiln/state") == "online", "the alarms do not suffer from it"


def temperature_alarm(rule: int, number: int) -> str:
    """Return the `number`th word of a rule: that it is active and that it is not, in turn, so that each is news."""
    state = ("active", "inactive")[number % 2]
    return (
        f"<EventNotificationAlert><channelID>2</channelID><eventType>TMA</eventType><eventState>{state}</eventState>"
        f"<DetectionRegionList><DetectionRegionEntry><regionID>{rule}</regionID><TMA><thermometryUnit>celsius</thermometryUnit>"
        f"<ruleTemperature>60</ruleTemperature><currTemperature>{100 + number}</currTemperature><ruleCalibType>region</ruleCalibType>"
        "<ruleType>highest temp is higher than</ruleType></TMA></DetectionRegionEntry></DetectionRegionList>"
        "</EventNotificationAlert>"
    )


@pytest.mark.parametrize("cameras", [1, 10])
def test_a_thousand_alarms_in_a_second_are_told_in_order_by_a_slow_broker_too(
    service: Any, hik_simulator: Any, mosquitto: Any, listen: Any, wait_for: WaitFor, secret: str, tmp_path: Path,
    cameras: int,
) -> None:  # fmt: skip
    rules, each = 10, 1000 // cameras // 10
    steps = []
    for number in range(each):
        for rule in range(1, rules + 1):
            file = tmp_path / f"alarm-{rule}-{number}.xml"
            file.write_text(temperature_alarm(rule, number))
            steps.append({"send": {"file": str(file), "over": "alert_stream"}})
    devices = {f"kiln{number}": hik_simulator(password=secret, heartbeat=1.0) for number in range(cameras)}
    broker = mosquitto("allow_anonymous true", "max_inflight_messages 1")
    service.broker = broker.port
    service.configure({name: {"url": device.http, "sources": ["alert_stream"]} for name, device in devices.items()})
    heard = listen(broker.port)
    service.start()
    wait_for(lambda: all(heard.last(f"{name}/state") == "online" for name in devices))
    began = time.monotonic()
    for device in devices.values():
        device.apply(steps)
    assert time.monotonic() - began < 5

    def told(name: str, rule: int) -> list[float]:
        events = heard.of(f"{name}/2/event/temperature")
        return [event["celsius"] for event in events if event["rule"] == rule]

    wanted = [100.0 + number for number in range(each)]
    places = [(name, rule) for name in devices for rule in range(1, rules + 1)]
    wait_for(lambda: all(len(told(*place)) >= each for place in places), seconds=60, what="every alarm")
    assert all(told(*place) == wanted for place in places), "none lost, none twice, in order"
    assert (heard.last("bridge/outbox") or {"dropped": {"total": 0}})["dropped"]["total"] == 0
    assert service.stop(signal.SIGTERM) == 0


def test_a_thousand_alarms_while_the_broker_is_away_stay_within_the_outbox_and_the_most_important_survive(
    service: Any, hik_simulator: Any, mosquitto: Any, listen: Any, wait_for: WaitFor, secret: str, tmp_path: Path
) -> None:
    kiln, broker = hik_simulator(password=secret, heartbeat=1.0), mosquitto("allow_anonymous true")
    service.broker = broker.port
    service.configure({"kiln": {"url": kiln.http, "sources": ["alert_stream"]}}, outbox={"max_size": 300_000})
    service.start()
    wait_for(lambda: "connected to the broker" in service.log.read_text())
    heard = listen(broker.port)
    wait_for(lambda: heard.last("kiln/state") == "online")
    broker.stop()
    wait_for(lambda: "is away" in service.log.read_text())
    kiln.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    for number in range(1000):
        (tmp_path / f"{number}.xml").write_text(temperature_alarm(1, number))
    kiln.apply([{"send": {"file": str(tmp_path / f"{number}.xml"), "over": "alert_stream"}} for number in range(1000)])
    wait_for(lambda: "the outbox dropped" in service.log.read_text())
    broker.start()
    heard = listen(broker.port)
    wait_for(lambda: heard.of("kiln/2/event/fire"), seconds=60)
    wait_for(lambda: 1099.0 in [event["celsius"] for event in heard.of("kiln/2/event/temperature")], seconds=60)
    told = [event["celsius"] for event in heard.of("kiln/2/event/temperature")]
    assert told == sorted(told)
    wait_for(
        lambda: (heard.last("bridge/outbox") or {}).get("dropped", {}).get("total", 0) == 1000 - len(told),
        what="what is not told is counted",
    )


def test_a_camera_with_a_new_address_goes_on_where_it_was(
    service: Any, hik_simulator: Any, subscriber: Any, wait_for: WaitFor, secret: str
) -> None:
    before = hik_simulator(password=secret, heartbeat=1.0)
    old = before.http
    service.configure({"kiln": {"url": old}}, release_after=5)
    service.start()
    wait_for(lambda: subscriber.last("kiln/2/temperature/2"))
    wait_for(lambda: (subscriber.last("kiln/info") or {}).get("serial"))
    identity = before._camera.device.identity
    before.close()
    wait_for(lambda: subscriber.last("kiln/state") == "offline")
    after, count = hik_simulator(password=secret, heartbeat=1.0), len(subscriber.messages)
    after._camera.device.identity = identity
    path = service.folder / "config.yaml"
    path.write_text(path.read_text().replace(old, after.http))
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    wait_for(lambda: subscriber.of("kiln/gap"), seconds=40)
    after.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    wait_for(lambda: (subscriber.last("kiln/2/alarm/fire") or {}).get("active") is True)
    cleared = [topic for topic, payload in subscriber.messages[count:] if payload == ""]
    assert cleared == [], "it is the same camera"
    assert "another camera" not in service.log.read_text()
