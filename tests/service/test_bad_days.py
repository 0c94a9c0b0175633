"""What must hold on the worst days: nothing taken is lost, nothing is claimed that is not known, nobody's account is locked."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WaitFor = Callable[..., None]
pytestmark = pytest.mark.integration
FIRE = "kiln/2/alarm/fire"


@pytest.fixture
def kiln(service: Any, hik_simulator: Any, secret: str) -> Any:
    camera = hik_simulator(password=secret, heartbeat=1.0)
    service.configure({"kiln": {"url": camera.http}})
    return camera


def burn(camera: Any, **more: Any) -> None:
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350, "distance_m": 12, **more}}])


def levels_since(subscriber: Any, count: int) -> list[tuple[str, bool | None]]:
    return [(topic, payload["active"]) for topic, payload in subscriber.messages[count:] if topic == FIRE]


def test_a_fire_reaches_the_broker_and_its_end_too(kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor) -> None:
    service.configure({"kiln": {"url": kiln.http}}, release_after=2)
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    burn(kiln)
    wait_for(lambda: (subscriber.last(FIRE) or {}).get("active") is True)
    assert subscriber.last(FIRE)["celsius"] == 350.0
    assert subscriber.last(FIRE)["targets"][0]["distance_m"] == 12.0
    kiln.apply([{"extinguish": {}}])
    wait_for(lambda: subscriber.last(FIRE)["active"] is False)
    assert subscriber.last(FIRE)["released_by"] == "quiet"
    assert [event["phase"] for event in subscriber.of("kiln/2/event/fire")] == ["start", "end"]
    assert len({event["alarm_id"] for event in subscriber.of("kiln/2/event/fire")}) == 1
    assert service.stop() == 0
    wait_for(lambda: subscriber.last("bridge/state") == "offline")


def test_a_cable_pulled_in_a_fire_makes_it_unknown_and_never_off(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    burn(kiln)
    wait_for(lambda: (subscriber.last(FIRE) or {}).get("active") is True)
    kiln.apply([{"fault": {"kind": "reboot", "seconds": 30}}])
    wait_for(lambda: subscriber.last("kiln/state") == "offline")
    wait_for(lambda: subscriber.last(FIRE)["active"] is None)
    assert [level["active"] for level in subscriber.of(FIRE) if level["active"] is False] == []


def test_rule_2_ends_while_rule_1_burns_and_the_alarm_stays(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    service.configure({"kiln": {"url": kiln.http}}, release_after=2)
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    topic = "kiln/2/alarm/temperature"
    kiln.apply([{"temperature": {"rule": 1, "celsius": 120}}, {"temperature": {"rule": 2, "celsius": 150}}])
    wait_for(lambda: len((subscriber.last(topic) or {}).get("targets", ())) >= 2)
    kiln.apply([{"temperature": {"rule": 2, "celsius": 20}}])
    wait_for(lambda: len(subscriber.last(topic)["targets"]) == 1)
    assert subscriber.last(topic)["active"] is True
    assert subscriber.last(topic)["celsius"] == pytest.approx(120, abs=0.1)
    kiln.apply([{"temperature": {"rule": 1, "celsius": 20}}])
    wait_for(lambda: subscriber.last(topic)["active"] is False)


def test_kill_9_in_a_fire_and_a_restart_keep_its_identity(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    burn(kiln)
    wait_for(lambda: subscriber.of("kiln/2/event/fire"))
    wait_for(lambda: subscriber.of(FIRE)[2:])
    first = subscriber.last("kiln/2/event/fire")
    service.stop(signal.SIGKILL)
    wait_for(lambda: subscriber.last("bridge/state") == "offline")
    before = len(subscriber.messages)
    service.start()
    wait_for(lambda: (FIRE, True) in levels_since(subscriber, before))
    told = [active for _, active in levels_since(subscriber, before)]
    assert told[0] is None
    assert False not in told
    assert {event["id"] for event in subscriber.of("kiln/2/event/fire")} == {first["id"]}
    assert subscriber.last(FIRE)["alarm_id"] == first["alarm_id"]


def test_kill_9_in_a_fire_that_is_out_when_it_returns_ends_unknown_then_off(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    service.configure({"kiln": {"url": kiln.http}}, release_after=1)
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    burn(kiln)
    wait_for(lambda: subscriber.of(FIRE)[2:])
    service.stop(signal.SIGKILL)
    kiln.apply([{"extinguish": {}}])
    before = len(subscriber.messages)
    service.start()
    wait_for(lambda: (FIRE, False) in levels_since(subscriber, before))
    told = [active for _, active in levels_since(subscriber, before)]
    assert True not in told
    assert told[0] is None


def test_a_wrong_password_with_restarts_and_a_command_beside_it_costs_two_attempts(
    service: Any, hik_simulator: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    camera = hik_simulator(password="another")
    service.configure({f"kiln{number}": {"url": camera.http} for number in range(5)})
    for _ in range(10):
        service.start()
        wait_for(lambda: subscriber.last("bridge/state") == "online")
        wait_for(lambda: all(subscriber.last(f"kiln{number}/state") == "auth_blocked" for number in range(5)))
        asked = service.ask("snapshot", "kiln0", "-o", str(service.folder / "picture.jpg"))
        assert asked.returncode == 4
        assert service.stop() == 0
        wait_for(lambda: subscriber.last("bridge/state") == "offline")
        subscriber.messages.clear()
    logins = camera.state()["logins"]
    assert logins["refused"] == 2
    assert logins["locked_until"] is None


def test_the_account_recovers_by_itself_after_the_devices_unlock_time(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    kiln.apply([{"fault": {"kind": "lock", "seconds": 3}}])
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "auth_blocked")
    wait_for(lambda: subscriber.last("kiln/state") == "online", seconds=40)
    assert kiln.state()["logins"]["refused"] <= 2


def test_captured_fire_bytes_reach_the_broker_whole(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor, request: pytest.FixtureRequest
) -> None:
    sample = request.config.rootpath.parent / "shared" / "protocol" / "samples" / "event_fireDetection.xml"
    if not sample.is_file():
        pytest.skip("no captured samples beside the checkout (../shared/protocol/samples)")
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    kiln.apply([{"send": {"file": str(sample), "over": "alert_stream"}}])
    wait_for(lambda: (subscriber.last(FIRE) or {}).get("active") is True)
    level = subscriber.last(FIRE)
    assert level["celsius"] == 101.0
    assert level["distance_m"] is None
    assert len(level["targets"]) == 5
    assert [target["celsius"] for target in level["targets"]].count(101.0) == 1
    event = subscriber.last("kiln/2/event/fire")
    assert event["at"] == "2023-12-27T10:07:58.000Z"


def test_test_alarm_comes_back_through_broker_and_service(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor
) -> None:
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    done = service.ask("test-alarm", "kiln", "--json")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: subscriber.of("kiln/2/event/test"))
    assert subscriber.of("kiln/2/event/fire") == []
    assert kiln.state()["writes"] == []


def test_no_secret_is_in_any_message(
    kiln: Any, service: Any, subscriber: Any, wait_for: WaitFor, secret: str, tmp_path: Path
) -> None:
    service.start()
    wait_for(lambda: (subscriber.last("kiln/info") or {}).get("model"))
    burn(kiln)
    subscriber.publish("kiln/2/snapshot/set", "{}")
    wait_for(lambda: subscriber.of("kiln/2/snapshot/result"))
    assert secret not in repr(subscriber.messages)
    assert subscriber.last("kiln/2/snapshot/result")["ok"] is True
