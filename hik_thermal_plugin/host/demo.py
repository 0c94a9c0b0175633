"""The demo: two simulated cameras, a broker of its own, the host with its plugins, and a fire.

Everything listens on 127.0.0.1 and is gone afterwards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from nvr_hooks import CameraChanged, ConnectionChanged, Event, Sink, TemperatureReading, Unreachable

from .app import Host
from .broker import EmbeddedBroker, Message
from .signals import Inbox, Stop

CAMERAS = {"kiln": "bispectrum", "yard": "positioning"}
"""Name in the demo -> model of the simulator."""
READY_SECONDS = 20.0
ROUND_SECONDS = 60.0
PREFIX = "hik_thermal"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that comes to pass at a camera, `at` seconds into each round of the story."""

    at: float
    camera: str
    text: str
    step: Mapping[str, Any]


STORY = (
    Happening(1, "yard", "Somebody walks through the yard", {"motion": {}}),
    Happening(3, "kiln", "The kiln door opens: rule 1 sees 96 °C", {"temperature": {"rule": 1, "celsius": 96}}),
    Happening(5, "kiln", "A fire breaks out beside the kiln", {"fire": {"x": 0.7, "y": 0.6, "distance_m": 14}}),
    Happening(16, "kiln", "The kiln door is closed", {"temperature": {"rule": 1, "celsius": 31}}),
    Happening(22, "kiln", "The fire is out", {"extinguish": {}}),
    Happening(32, "yard", "Smoke rises in the yard", {"smoke": {"x": 0.4, "y": 0.5}}),
    Happening(42, "yard", "The smoke is gone", {"extinguish": {}}),
)


@dataclass(slots=True)
class Ready:
    """What the demo runs on."""

    broker: str
    cameras: dict[str, dict[str, str]]


@dataclass(slots=True)
class Result:
    """How the demo went."""

    seconds: float = 0.0
    events: int = 0
    mqtt_messages: int = 0
    fire: bool = False
    """Whether a fire alarm reached the broker."""
    fire_to_broker_seconds: float | None = None
    """From the moment the simulated scene burnt to the message at an MQTT subscriber."""
    interrupted: bool = False
    lit_at: float | None = field(default=None, repr=False)


class Audience(Protocol):
    """Who the demo is shown to."""

    def ready(self, ready: Ready) -> None:
        """Everything is connected; the story begins."""

    def happening(self, happening: Happening) -> None:
        """Something comes to pass in front of a camera."""

    def event(self, event: Event) -> None:
        """A plugin told an event."""

    def mqtt(self, message: Message) -> None:
        """The broker carried a message."""


class Camera(Protocol):
    """What the demo needs of a simulated camera."""

    def apply(self, steps: Any) -> Any:
        """Make something happen."""


def play(host: Host, audience: Audience, seconds: float | None) -> Result:
    """Run the demo for so many seconds after the ready line, or until SIGTERM or Ctrl-C; return how it went."""
    result = Result()
    with ExitStack() as stack:
        inbox = stack.enter_context(Inbox[Event | Message]())
        broker = stack.enter_context(EmbeddedBroker(inbox.put))
        cameras, sections, ready = _simulated(stack)
        state_dir = stack.enter_context(TemporaryDirectory(prefix="hik-thermal-demo-", ignore_cleanup_errors=True))
        stack.callback(host.close)
        host.configure(
            {
                "state_dir": str(Path(state_dir)),
                "mqtt": {"host": "127.0.0.1", "port": broker.port, "prefix": PREFIX},
                "hik_thermal": {"cameras": sections},
            }
        )
        host.start()
        for name in CAMERAS:
            stack.enter_context(host.hook.nvr_listen(camera=name, sink=inbox.put))
            stack.enter_context(host.hook.nvr_watch(camera=name, sink=_readings(inbox)))
        began = time.monotonic()
        try:
            first = _connected(inbox)
            audience.ready(Ready(broker=f"mqtt://127.0.0.1:{broker.port}", cameras=ready))
            began = time.monotonic()
            for item in first:
                _show(item, audience, result)
            _tell(cameras, inbox, audience, result, None if seconds is None else began + seconds)
        except Stop:
            result.interrupted = True
        result.seconds = round(time.monotonic() - began, 3)
    return result


def is_fire(message: Message) -> bool:
    """Tell whether a message raises the fire alarm of a camera."""
    if not message.topic.endswith("/alarm/fire"):
        return False
    payload = json.loads(message.payload or b"null")
    return isinstance(payload, dict) and payload.get("active") is True


def _simulated(stack: ExitStack) -> tuple[dict[str, Camera], dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    from ..simulator import DEFAULT_PASSWORD, Simulator

    cameras: dict[str, Camera] = {}
    sections, ready = {}, {}
    for name, model in CAMERAS.items():
        camera = stack.enter_context(Simulator(model=model))
        cameras[name] = camera
        address = camera.http or ""
        sections[name] = {"url": address, "username": camera.username, "password": DEFAULT_PASSWORD}
        ready[name] = {"model": model, "http": address}
    return cameras, sections, ready


def _readings(inbox: Inbox[Event | Message]) -> Sink:
    """Return a sink for temperatures alone: the state shown at a camera is that of its alarms."""

    def take(event: Event) -> None:
        if isinstance(event, TemperatureReading):
            inbox.put(event)

    return take


def _connected(inbox: Inbox[Event | Message]) -> list[Event | Message]:
    """Wait until every camera is online, known and tells temperatures, and the bridge is online; return what was told until then.

    Raises Unreachable with what is missing.
    """
    missing = {PREFIX, *(word.format(name) for name in CAMERAS for word in ("{}", "who {} is", "temperatures of {}"))}
    seen: list[Event | Message] = []
    for item in _items(inbox, time.monotonic() + READY_SECONDS):
        seen.append(item)
        match item:
            case ConnectionChanged(state="online"):
                missing.discard(item.camera)
            case CameraChanged(camera=camera):
                missing.discard(f"who {camera} is")
            case TemperatureReading(camera=camera):
                missing.discard(f"temperatures of {camera}")
            case Message(topic=topic, payload=b"online") if topic == f"{PREFIX}/bridge/state":
                missing.discard(PREFIX)
        if not missing:
            return seen
    raise Unreachable(f"the demo did not come up: {', '.join(sorted(missing))} missing after {READY_SECONDS:g} s")


def _tell(
    cameras: Mapping[str, Camera],
    inbox: Inbox[Event | Message],
    audience: Audience,
    result: Result,
    until: float | None,
) -> None:
    """Let the story happen, round after round, and show what comes of it."""
    for due, happening in _rounds(time.monotonic()):
        for item in _items(inbox, due if until is None else min(due, until)):
            _show(item, audience, result)
        if until is not None and due >= until:
            return
        audience.happening(happening)
        if "fire" in happening.step and result.lit_at is None:
            result.lit_at = time.monotonic()
        cameras[happening.camera].apply([happening.step])


def _rounds(start: float) -> Iterator[tuple[float, Happening]]:
    while True:
        for happening in STORY:
            yield start + happening.at, happening
        start += ROUND_SECONDS


def _items(inbox: Inbox[Event | Message], until: float) -> Iterator[Event | Message]:
    while True:
        try:
            yield inbox.get(until)
        except Empty:
            return


def _show(item: Event | Message, audience: Audience, result: Result) -> None:
    if isinstance(item, Event):
        result.events += 1
        audience.event(item)
        return
    result.mqtt_messages += 1
    if not result.fire and is_fire(item):
        result.fire = True
        if result.lit_at is not None:
            result.fire_to_broker_seconds = round(time.monotonic() - result.lit_at, 3)
    audience.mqtt(item)
