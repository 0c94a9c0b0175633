"""The connection to the broker by itself: window, order, newest level, large pictures, many open files, end."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge_stage import QUICK, Amqtt, Ear, Wait
from gate import Gate, free_port

from hik_thermal_plugin.bridge import mqtt, retained
from hik_thermal_plugin.bridge.messages import Message
from hik_thermal_plugin.bridge.mqtt import Link
from hik_thermal_plugin.bridge.outbox import Outbox
from hik_thermal_plugin.bridge.settings import BridgeSettings
from hik_thermal_plugin.bridge.store import Store


@pytest.fixture
def make_link(tmp_path: Path, prefix: str) -> Iterator[Callable[..., Link]]:
    links: list[tuple[Link, Store]] = []

    def make(port: int, **options: Any) -> Link:
        store = Store(tmp_path / f"outbox-{len(links)}.db")
        store.open()
        link = Link(
            BridgeSettings(host="127.0.0.1", port=port, prefix=prefix),
            Outbox(store, max_age=3600, max_size=10_000_000),
            pauses=QUICK,
            **options,
        )
        links.append((link, store))
        link.start()
        return link

    yield make
    for link, store in links:
        link.close()
        store.close()


@pytest.fixture
def gate(broker: Amqtt) -> Iterator[Gate]:
    gate = Gate(broker.port)
    yield gate
    gate.close()


def level(prefix: str, name: str, payload: object, qos: int = 1) -> Message:
    data = payload if isinstance(payload, bytes) else str(payload).encode()
    return Message(f"{prefix}/{name}", data, qos, True)


def test_only_the_newest_level_is_sent_after_an_outage(
    gate: Gate, make_link: Callable[..., Link], ear: Ear, wait_for: Wait
) -> None:
    gate.shut()
    link = make_link(gate.port)
    for number in range(1000):
        link.level(level(ear.prefix, "x", number))
    gate.open()
    ear.expect("x", lambda value: value == 999)
    assert ear.payloads("x") == [b"999"]


def test_a_level_that_did_not_change_is_sent_once(broker: Amqtt, make_link: Callable[..., Link], ear: Ear) -> None:
    link = make_link(broker.port)
    for _ in range(10):
        link.level(level(ear.prefix, "x", "same"))
    link.level(level(ear.prefix, "end", "end"))
    ear.expect("end")
    assert ear.payloads("x") == [b"same"]


def test_levels_come_before_the_word_online(gate: Gate, make_link: Callable[..., Link], ear: Ear) -> None:
    gate.shut()
    link = make_link(gate.port)
    for number in range(60):
        link.level(level(ear.prefix, f"level/{number}", number))
    link.level(level(ear.prefix, "picture", b"\xff\xd8", qos=0))
    gate.open()
    ear.expect("picture")
    topics = [topic for topic, _, _ in ear.heard]
    assert topics.index("bridge/state") == 60
    assert topics.index("picture") > 60


def test_a_window_of_twenty(gate: Gate, make_link: Callable[..., Link], ear: Ear, wait_for: Wait) -> None:
    link = make_link(gate.port)
    ear.expect("bridge/state", lambda value: value == "online")
    assert link.drain(10)
    gate.stall()
    for number in range(100):
        link.level(level(ear.prefix, f"x/{number}", number))
    client = link._client
    assert client is not None
    assert len(client._out_messages) == 20, "what waits longer waits where newer levels replace it"
    assert link.drain(0.05) is False
    gate.open()
    wait_for(lambda: len({topic for topic, _, _ in ear.heard if topic.startswith("x/")}) == 100)


def test_a_cleared_topic_is_forgotten(broker: Amqtt, make_link: Callable[..., Link], ear: Ear, wait_for: Wait) -> None:
    link = make_link(broker.port)
    link.level(level(ear.prefix, "x", "there"))
    link.clear(f"{ear.prefix}/x")
    ear.expect("x", lambda value: value == "")
    wait_for(lambda: f"{ear.prefix}/x" not in link._retained)


@pytest.mark.slow
def test_once_is_worth_nothing_later(gate: Gate, make_link: Callable[..., Link], ear: Ear) -> None:
    gate.shut()
    link = make_link(gate.port)
    link.once(Message(f"{ear.prefix}/beat", b"old", 0, False))
    gate.open()
    ear.expect("bridge/state", lambda value: value == "online")
    link.once(Message(f"{ear.prefix}/beat", b"new", 0, False))
    ear.expect("beat")
    assert ear.payloads("beat") == [b"new"]


def test_large_pictures_have_a_budget(
    gate: Gate, make_link: Callable[..., Link], ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retained, "PICTURE_BUDGET", 50_000)
    gate.shut()
    link = make_link(gate.port)
    for number in range(10):
        link.level(level(ear.prefix, f"picture/{number}", bytes([number]) * 10_000, qos=0))
    link.level(level(ear.prefix, "small", "kept"))
    gate.open()
    ear.expect("small")
    ear.expect("picture/9")
    assert sorted({topic for topic, _, _ in ear.heard if "picture" in topic}) == [f"picture/{n}" for n in range(5, 10)]


def test_a_picture_of_two_megabytes(broker: Amqtt, make_link: Callable[..., Link], ear: Ear) -> None:
    link = make_link(broker.port)
    picture = bytes(range(256)) * 8192
    link.level(level(ear.prefix, "picture", picture, qos=0))
    link.level(level(ear.prefix, "after", "x"))
    ear.expect("picture")
    ear.expect("after")
    assert ear.payloads("picture") == [picture]


def test_many_threads_publish_at_once(broker: Amqtt, make_link: Callable[..., Link], ear: Ear, wait_for: Wait) -> None:
    link = make_link(broker.port)

    def publish(thread: int) -> None:
        for number in range(50):
            link.level(level(ear.prefix, f"x/{thread}", number))
            link.once(Message(f"{ear.prefix}/once/{thread}", b"x" * 3000, 0, False))

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: all(ear.latest(f"x/{number}") == 49 for number in range(8)))
    for number in range(8):
        told = [int(payload) for payload in ear.payloads(f"x/{number}")]
        assert told == sorted(told)


def test_more_open_files_than_select_can_count(broker: Amqtt, make_link: Callable[..., Link], ear: Ear) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    held = [socket.socket() for _ in range(1100)]
    try:
        link = make_link(broker.port)
        link.level(level(ear.prefix, "x", "over a thousand"))
        ear.expect("x", lambda value: value == "over a thousand")
        link.close()
    finally:
        for sock in held:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_messages_arrive_and_one_that_breaks_its_reader_harms_no_other(
    broker: Amqtt, make_link: Callable[..., Link], ear: Ear, wait_for: Wait
) -> None:
    got: list[tuple[str, bytes, bool]] = []

    def take(topic: str, payload: bytes, retained: bool) -> None:
        if topic.startswith(ear.prefix):  # amqtt sends what other tests retained, too
            got.append((topic, payload, retained))
        if payload == b"bad":
            raise ZeroDivisionError

    link = make_link(broker.port, subscriptions=[f"{ear.prefix}/in/+"], on_message=take)
    ear.expect("bridge/state", lambda value: value == "online")
    for payload in (b"bad", b"good"):
        ear.say("in/x", payload)
    wait_for(lambda: len(got) == 2)
    assert got[1] == (f"{ear.prefix}/in/x", b"good", False)
    link.unsubscribe(f"{ear.prefix}/in/+")
    link.unsubscribe("never there")
    link.level(level(ear.prefix, "x", "1"))
    ear.expect("x")
    ear.say("in/x", b"unheard")
    link.level(level(ear.prefix, "x", "2"))
    ear.expect("x", lambda value: value == 2)
    assert len(got) == 2


def test_told_online_each_time(gate: Gate, make_link: Callable[..., Link], wait_for: Wait) -> None:
    times: list[float] = []
    make_link(gate.port, on_online=lambda: times.append(time.monotonic()))
    wait_for(lambda: len(times) == 1)
    gate.deafen()
    wait_for(lambda: len(times) == 2)


def test_something_that_is_no_broker(
    make_link: Callable[..., Link], wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = make_link(server.getsockname()[1])
        connection, _ = server.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
        wait_for(lambda: "is away" in caplog.text)
        connection.close()
        assert link.online is False
        assert link.close() is True


@pytest.mark.slow
def test_a_broker_that_takes_the_connection_and_never_answers(
    make_link: Callable[..., Link], wait_for: Wait, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = make_link(server.getsockname()[1])
        connection, _ = server.accept()
        wait_for(lambda: "no answer within 0.1 s" in caplog.text)
        connection.close()
        assert link.close() is True


def test_closed_before_it_was_started(tmp_path: Path) -> None:
    outbox = Outbox(Store(tmp_path / "x.db"), max_age=1, max_size=10_000)
    link = Link(BridgeSettings(host="127.0.0.1", port=free_port()), outbox)
    assert link.close() is True


def test_the_log_says_when_it_is_back(
    gate: Gate, make_link: Callable[..., Link], ear: Ear, wait_for: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    def lines(level: str) -> list[str]:
        return [
            record.getMessage() for record in caplog.records if record.levelname == level and "broker" in record.msg
        ]

    make_link(gate.port)
    wait_for(lambda: len(lines("INFO")) == 1)
    gate.shut()
    wait_for(lambda: len(lines("DEBUG")) >= 2)
    assert len(lines("WARNING")) == 1
    gate.open()
    wait_for(lambda: len(lines("INFO")) == 2)
    gate.shut()
    wait_for(lambda: len(lines("WARNING")) == 2)
