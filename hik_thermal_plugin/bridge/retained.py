"""The newest message of every retained topic, and which of them the broker has yet to get."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from .messages import Message

log = logging.getLogger(__name__)

PICTURE_BUDGET: Final = 64_000_000
"""Bytes of large messages kept for the next reconnect; beyond it the oldest is left to the broker's own memory."""
_LARGE: Final = 4_096
_SUSPICIOUS: Final = 65_536
_BLAME_SECONDS: Final = 2.0
_MOST_LOSSES: Final = 2


class Retained:
    """Not thread-safe: its owner holds a lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._unsent: dict[str, None] = {}
        self._large: dict[str, int] = {}
        self._sent_at: dict[str, float] = {}
        self._losses: dict[str, int] = {}

    def __contains__(self, topic: str) -> bool:
        return topic in self._messages

    @property
    def waiting(self) -> bool:
        """Tell whether something is to be sent."""
        return bool(self._unsent)

    def put(self, message: Message) -> bool:
        """Make this the present message of its topic; return whether that is new."""
        if self._messages.get(message.topic) == message:
            return False
        self._messages[message.topic] = message
        self._unsent[message.topic] = None
        self._weigh(message)
        return True

    def next(self) -> Message | None:
        """Return the message that has waited longest, None when none waits."""
        if not self._unsent:
            return None
        topic = next(iter(self._unsent))
        del self._unsent[topic]
        message = self._messages[topic]
        if len(message.payload) >= _SUSPICIOUS:
            self._sent_at[topic] = self._clock()
        return message

    def all_again(self, keystone: str) -> None:
        """Send everything again: first what is important (QoS 1), then the topic `keystone`, which says so, then the rest."""
        important = [topic for topic, message in self._messages.items() if message.qos and topic != keystone]
        rest = [topic for topic, message in self._messages.items() if not message.qos]
        self._unsent = dict.fromkeys([*important, *([keystone] if keystone in self._messages else []), *rest])

    def again(self, wanted: Callable[[str], bool]) -> None:
        """Send those again whose topic is wanted."""
        self._unsent.update(dict.fromkeys(topic for topic in self._messages if wanted(topic)))

    def delivered(self, message: Message) -> None:
        """Take word that the broker has a message: one that cleared its topic is forgotten with it."""
        if not message.payload and self._messages.get(message.topic) is message:
            del self._messages[message.topic]

    def lost(self) -> None:
        """Take word that the connection is gone. A large message that it broke under twice is left out, or it would break for ever."""
        for topic, sent_at in self._sent_at.items():
            if self._clock() - sent_at > _BLAME_SECONDS:
                self._losses.pop(topic, None)
                continue
            self._losses[topic] = self._losses.get(topic, 0) + 1
            message = self._messages.get(topic)
            if self._losses[topic] >= _MOST_LOSSES and message is not None:
                log.warning(
                    "the broker ends the connection whenever it gets the %d bytes of %s: left out (see its limit of message sizes)",
                    len(message.payload), topic,
                )  # fmt: skip
                self._forget(topic)
        self._sent_at.clear()

    def _weigh(self, message: Message) -> None:
        self._large.pop(message.topic, None)
        if len(message.payload) >= _LARGE:
            self._large[message.topic] = len(message.payload)
            while sum(self._large.values()) > PICTURE_BUDGET and len(self._large) > 1:
                self._forget(next(iter(self._large)))

    def _forget(self, topic: str) -> None:
        self._large.pop(topic, None)
        self._unsent.pop(topic, None)
        del self._messages[topic]
