"""The newest of each retained topic: order after a reconnect, a budget for pictures, and what a broker breaks under."""

from __future__ import annotations

import pytest

from hik_thermal_plugin.bridge import retained
from hik_thermal_plugin.bridge.messages import Message
from hik_thermal_plugin.bridge.retained import Retained


class Shelf:
    """Retained messages with a clock the test turns."""

    def __init__(self) -> None:
        self.now = 100.0
        self.messages = Retained(lambda: self.now)

    def put(self, topic: str, payload: bytes = b"x", qos: int = 1) -> bool:
        return self.messages.put(Message(topic, payload, qos, True))

    def sent(self) -> list[str]:
        topics = []
        while (message := self.messages.next()) is not None:
            topics.append(message.topic)
        return topics


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_the_newest_is_sent_once(shelf: Shelf) -> None:
    assert shelf.put("a", b"1") is True
    assert shelf.put("b", b"1") is True
    assert shelf.put("a", b"2") is True
    assert shelf.put("a", b"2") is False
    assert shelf.messages.waiting is True
    assert [message.payload for message in (shelf.messages.next(), shelf.messages.next()) if message] == [b"2", b"1"]
    assert shelf.messages.next() is None
    assert shelf.messages.waiting is False


def test_everything_again_in_order_of_weight(shelf: Shelf) -> None:
    for topic, qos in (("picture", 0), ("state", 1), ("level", 1), ("temperature", 0), ("info", 1)):
        shelf.put(topic, qos=qos)
    shelf.sent()
    shelf.messages.all_again("state")
    assert shelf.sent() == ["level", "info", "state", "picture", "temperature"]
    shelf.messages.all_again("never there")
    assert "never there" not in shelf.sent()


def test_a_cleared_topic_is_forgotten_when_the_broker_has_it(shelf: Shelf) -> None:
    shelf.put("a")
    shelf.put("a", b"")
    message = shelf.messages.next()
    assert message is not None
    assert "a" in shelf.messages
    shelf.put("a", b"again")
    shelf.messages.delivered(message)
    assert "a" in shelf.messages, "it was told anew meanwhile"
    shelf.put("a", b"")
    last = shelf.messages.next()
    assert last is not None
    shelf.messages.delivered(last)
    assert "a" not in shelf.messages


def test_a_budget_for_what_is_large(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retained, "PICTURE_BUDGET", 25_000)
    for name in "abc":
        shelf.put(name, name.encode() * 10_000)
    shelf.put("small")
    assert "a" not in shelf.messages
    assert shelf.sent() == ["b", "c", "small"]
    shelf.put("b", b"small now")
    shelf.put("d", b"d" * 10_000)
    assert "c" in shelf.messages, "there is room again"
    shelf.put("huge", bytes(1_000_000))
    assert "huge" in shelf.messages, "one is always kept"


def test_what_the_connection_breaks_under_twice_is_left_out(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.put("picture", bytes(100_000), qos=0)
    shelf.put("level")
    for _ in range(2):
        assert "picture" in shelf.sent()
        shelf.now += 0.5
        shelf.messages.lost()
        shelf.messages.all_again("state")
    assert shelf.sent() == ["level"]
    assert "100000 bytes of picture: left out" in caplog.text
    shelf.put("picture", bytes(50_000), qos=0)
    assert shelf.sent() == ["picture"], "a new one gets its chance"


def test_a_connection_that_lasts_clears_of_suspicion(shelf: Shelf) -> None:
    shelf.put("picture", bytes(100_000), qos=0)
    for seconds in (0.5, 60, 0.5, 60):
        assert shelf.sent() == ["picture"]
        shelf.now += seconds
        shelf.messages.lost()
        shelf.messages.all_again("state")
    assert "picture" in shelf.messages
