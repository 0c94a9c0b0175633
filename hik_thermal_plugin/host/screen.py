"""How the demo is shown: a live view in a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import datetime
from typing import Any

from nvr_hooks import Alarm, AlarmPicture, ConnectionChanged, Event, TemperatureReading, to_json
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .broker import Message
from .demo import Happening, Ready, Result
from .news import News
from .output import event_text, printable, put_json, put_line

_FRAME_ROWS = 16
"""Lines of the live view that are no alarm and no message: borders, cameras, the story, temperatures, the prompt below."""


class JsonLines:
    """One JSON object a line: `{"type": "ready" | "event" | "mqtt" | "result", …}`."""

    def shown(self) -> AbstractContextManager[object]:
        """Nothing has to be set up."""
        return nullcontext()

    def ready(self, ready: Ready) -> None:
        """Write broker and cameras."""
        put_json({"type": "ready", **asdict(ready)})

    def happening(self, happening: Happening) -> None:
        """Programs look at what comes of it."""

    def event(self, event: Event) -> None:
        """Write the event in its JSON form."""
        put_json({"type": "event", "event": to_json(event)})

    def mqtt(self, message: Message) -> None:
        """Write topic and payload: JSON as it is, other text as text, pictures as their length."""
        put_json({"type": "mqtt", "topic": message.topic, **_payload(message.payload)})

    def result(self, result: Result) -> None:
        """Write the figures."""
        put_json({"type": "result", "ok": result.fire, **_figures(result)})


class Lines:
    """One line each, for people without a terminal; temperatures when they are news."""

    def __init__(self) -> None:
        self._news = News()

    def shown(self) -> AbstractContextManager[object]:
        """Nothing has to be set up."""
        return nullcontext()

    def ready(self, ready: Ready) -> None:
        """Write broker and cameras."""
        put_line(f"ready: broker {ready.broker}")
        for name, camera in ready.cameras.items():
            put_line(f"ready: camera {name}, {camera['model']}, {camera['http']}")

    def happening(self, happening: Happening) -> None:
        """Write what happens in front of the camera."""
        put_line(f"*** {happening.text}")

    def event(self, event: Event) -> None:
        """Write the event."""
        if not isinstance(event, TemperatureReading) or self._news.is_news(event):
            put_line(f"event {event_text(event)}")

    def mqtt(self, message: Message) -> None:
        """Write topic and payload."""
        if not _of_temperature(message) or self._news.is_new_message(message.topic, message.payload):
            put_line(f"mqtt  {message.topic} {_short(message.payload)}")

    def result(self, result: Result) -> None:
        """Write the figures."""
        put_line(_summary(result))


class Screen:
    """A live view: the cameras, what happens, the temperatures, the alarms, and the messages on the broker."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._ready: Ready | None = None
        self._states: dict[str, str] = {}
        self._story = "Cameras, broker and host are starting …"
        self._temperatures: dict[str, dict[object, tuple[str, float | None]]] = {}
        rows = max(console.height - _FRAME_ROWS, 6)
        self._events: deque[str] = deque(maxlen=rows // 3)
        self._messages: deque[tuple[str, str, str]] = deque(maxlen=rows - rows // 3)

    def shown(self) -> AbstractContextManager[object]:
        """Return the live view to run the demo in."""
        return self._live

    def ready(self, ready: Ready) -> None:
        """Show broker and cameras."""
        self._ready = ready
        self._refresh()

    def happening(self, happening: Happening) -> None:
        """Show what happens in front of the camera."""
        self._story = f"{datetime.now().astimezone():%H:%M:%S}  {happening.text}"
        self._refresh()

    def event(self, event: Event) -> None:
        """Show what is new of alarms; connection changes show at the camera, temperatures at their rule."""
        if isinstance(event, ConnectionChanged):
            self._states[event.camera] = event.state
        elif isinstance(event, TemperatureReading):
            self._take(event)
        elif isinstance(event, AlarmPicture) or (isinstance(event, Alarm) and event.phase != "repeat"):
            self._events.append(event_text(event))
        self._refresh()

    def mqtt(self, message: Message) -> None:
        """Show topic and payload; temperatures have a place of their own."""
        if _of_temperature(message):
            return
        self._messages.append((f"{datetime.now().astimezone():%H:%M:%S}", message.topic, _short(message.payload)))
        self._refresh()

    def result(self, result: Result) -> None:
        """Write the figures below the view."""
        self._console.print(_summary(result))

    def _take(self, reading: TemperatureReading) -> None:
        rules = self._temperatures.setdefault(reading.camera, {})
        if reading.status == "ended":
            rules.pop(reading.rule, None)
            return
        celsius = reading.highest_celsius if reading.point_celsius is None else reading.point_celsius
        name = reading.rule_name or ("picture" if reading.rule is None else f"rule {reading.rule}")
        rules[reading.rule] = (name, celsius)

    def _refresh(self) -> None:
        self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        cameras = Table.grid(padding=(0, 2))
        for name, camera in (self._ready.cameras if self._ready else {}).items():
            cameras.add_row(name, camera["model"], camera["http"], self._states.get(name, "starting"))
        if self._ready:
            cameras.add_row("broker", "MQTT", self._ready.broker, "online")
        events = Text("\n".join(map(printable, self._events)) or "none yet", overflow="ellipsis", no_wrap=True)
        temperatures = Table.grid(padding=(0, 2))
        for _ in range(1 + max(map(len, self._temperatures.values()), default=0)):
            temperatures.add_column(no_wrap=True, overflow="ellipsis")
        for name, rules in self._temperatures.items():
            cells = [f"{rule} {'—' if celsius is None else f'{celsius:.1f}'}" for rule, celsius in rules.values()]
            temperatures.add_row(*(Text(printable(cell)) for cell in (name, *cells)))
        messages = Table.grid(padding=(0, 2), expand=True)
        messages.add_column(no_wrap=True)
        messages.add_column(no_wrap=True, style="cyan")
        messages.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for row in self._messages:
            messages.add_row(*(Text(printable(cell)) for cell in row))
        return Group(
            Panel(Group(cameras, Text(self._story, style="bold yellow")), title="hik-thermal demo — Ctrl-C ends it"),
            Panel(temperatures, title="Highest temperature of each rule in °C", border_style="green"),
            Panel(events, title="Alarms from the cameras", border_style="red" if self._events else "dim"),
            Panel(messages, title="Messages on the broker", border_style="cyan"),
        )


def _of_temperature(message: Message) -> bool:
    return "/temperature/" in message.topic


def _payload(payload: bytes) -> dict[str, Any]:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return {"payload": None, "bytes": len(payload)}
    try:
        return {"payload": json.loads(text)}
    except ValueError:
        return {"payload": text}


def _short(payload: bytes) -> str:
    shown = _payload(payload)
    value = shown["payload"]
    if value is None and "bytes" in shown:
        return f"({shown['bytes']} bytes)"
    return payload.decode()


def _figures(result: Result) -> dict[str, Any]:
    return {
        "fire": result.fire,
        "fire_to_broker_seconds": result.fire_to_broker_seconds,
        "events": result.events,
        "mqtt_messages": result.mqtt_messages,
        "seconds": result.seconds,
        "interrupted": result.interrupted,
    }


def _summary(result: Result) -> str:
    took = (
        ""
        if result.fire_to_broker_seconds is None
        else f" {result.fire_to_broker_seconds * 1000:.0f} ms after it broke out"
    )
    fire = f"the fire reached the broker{took}" if result.fire else "no fire reached the broker"
    return f"{fire}; {result.events} events, {result.mqtt_messages} MQTT messages in {result.seconds:.0f} s"
