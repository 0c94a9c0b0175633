"""A live source that does what the test tells it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from nvr_hooks import (
    ConnectionChanged,
    Event,
    MotionAlarm,
)

ONLINE = ConnectionChanged(camera="kiln", state="online")


@dataclass
class Counters:
    bytes: int = 0
    documents: int = 0
    unknown: int = 0
    undecodable: int = 0
    framing_errors: int = 0
    last_byte_at: datetime | None = None


class Source:
    """A live source that does what the test tells it, step by step."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.steps: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self.interrupted = threading.Event()
        self.ended = threading.Event()

    def events(self) -> Generator[Event, None, None]:
        try:
            while (step := self.steps.get()) is not None:
                if isinstance(step, Exception):
                    raise step
                yield step
                if not isinstance(step, ConnectionChanged):
                    self.counters.documents += 1
        finally:
            self.ended.set()

    def interrupt(self) -> None:
        self.interrupted.set()
        self.steps.put(None)


class Device:
    """Hands out sources; `opened` holds them in order. `plan` is what each connection does at first."""

    def __init__(self) -> None:
        self.opened: list[Source] = []
        self.plan: list[list[Event | Exception]] = []

    def __call__(self) -> Source:
        source = Source()
        for step in self.plan.pop(0) if self.plan else []:
            source.steps.put(step)
        self.opened.append(source)
        return source


def ignore(event: Event) -> None:
    """Be there. Not `print`: pytest exchanges sys.stdout while threads still use it, and CPython does not survive that."""


def alarm(number: int = 1) -> MotionAlarm:
    return MotionAlarm(camera="kiln", channel=number)


def states(events: list[Event]) -> list[str]:
    return [event.state for event in events if isinstance(event, ConnectionChanged)]
