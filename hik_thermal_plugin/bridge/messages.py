"""What goes to the broker: topics, payloads, what is retained. Every topic of the bridge is built here and nowhere else.

Pure functions from values to `Message`; the whole table, with examples, is in docs/mqtt.md.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nvr_hooks import AlarmPicture, CameraInfo, Disk, TemperatureReading, camera_json, disk_json, rfc3339

Document = dict[str, Any]

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
RESERVED: Final = "bridge"
"""No camera may take this place in a topic."""
WHOLE_CAMERA: Final = 0
"""Channel of what belongs to no channel: a disk, a camera that did not say."""
PRESS: Final = "PRESS"
"""What Home Assistant's buttons send: the command with its defaults."""


@dataclass(frozen=True, slots=True)
class Message:
    """One publication."""

    topic: str
    payload: bytes = field(repr=False)
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Request:
    """Where a command was sent to: `<prefix>/<camera>/<channel>/<command>/set`."""

    camera: str
    channel: str
    command: str


def segment(name: str) -> str:
    """Return a name as a part of a topic: lower case, everything but letters, digits, _ and - becomes _."""
    return re.sub(r"[^a-z0-9_-]", "_", name.lower()) or "_"


def clashes(names: Iterable[str]) -> list[str]:
    """Tell, for people, which camera names cannot have topics of their own."""
    owners: dict[str, list[str]] = {}
    for name in names:
        owners.setdefault(segment(name), []).append(name)
    problems = [
        f"the cameras {' and '.join(sorted(same))} would share the topics of {place}: rename one"
        for place, same in sorted(owners.items())
        if len(same) > 1
    ]
    if RESERVED in owners:
        problems.append(
            f"the camera {owners[RESERVED][0]} cannot be called {RESERVED}: the bridge's own topics are there"
        )
    return problems


_UNITS = {"celsius": "°C", "fahrenheit": "°F", "kelvin": "K"}


def rule_segment(reading: TemperatureReading) -> str:
    """Return the last part of a temperature topic: the rule's id, `p<preset>-<id>` with presets, `v-<name>` for our own rules.

    Without rules a camera tells one reading of the whole picture, as rule 0. Fixed cameras say preset 0 or none.
    """
    if reading.source == "virtual":
        return f"v-{segment(str(reading.rule_name or reading.rule))}"
    rule = segment(str(reading.rule if reading.rule is not None else 0))
    return f"p{reading.preset}-{rule}" if reading.preset else rule


def encode(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return JSON in UTF-8; what JSON has no word for (not a number, infinity) becomes null."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value


class Topics:
    """The messages of one bridge, under its prefix. `camera` is always the camera's name as configured."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    @property
    def state(self) -> str:
        """Return where the bridge says whether it is there; the will goes here."""
        return f"{self.prefix}/{RESERVED}/state"

    def bridge_state(self, payload: bytes) -> Message:
        """Say that the bridge is there, or gone."""
        return Message(self.state, payload, 1, True)

    def heartbeat(self, at: str) -> Message:
        """Prove that the bridge lives: never retained, so whoever hears it hears it now."""
        return Message(f"{self.prefix}/{RESERVED}/heartbeat", at.encode(), 0, False)

    def outbox(self, document: Document) -> Message:
        """Tell how the store of undelivered events does, drops included."""
        return Message(f"{self.prefix}/{RESERVED}/outbox", encode(document), 1, True)

    def camera_state_topic(self, camera: str) -> str:
        """Return where a camera's availability is told."""
        return f"{self.prefix}/{segment(camera)}/state"

    def camera_state(self, camera: str, state: str) -> Message:
        """Tell the availability of a camera's alarm sources."""
        return Message(self.camera_state_topic(camera), state.encode(), 1, True)

    def source(self, camera: str, name: str, document: Document) -> Message:
        """Tell how one source of a camera does."""
        return Message(f"{self.prefix}/{segment(camera)}/source/{segment(name)}", encode(document), 1, True)

    def info_topic(self, camera: str) -> str:
        """Return where a camera is described."""
        return f"{self.prefix}/{segment(camera)}/info"

    def info(self, camera: str, info: CameraInfo, disks: Sequence[Disk] | None) -> Message:
        """Describe a camera: model, firmware, serial, channels, storage (null: not known)."""
        document = camera_json(info)
        del document["state"]  # told on a topic of its own, and newer there
        document["storage"] = None if disks is None else [disk_json(disk) for disk in disks]
        return Message(self.info_topic(camera), encode(document), 1, True)

    def temperature(
        self, camera: str, channel: int, reading: TemperatureReading, *, stale: bool = False, unit: str = "celsius"
    ) -> Message:
        """Tell what a measuring rule says."""
        topic = f"{self._channel(camera, channel)}/temperature/{rule_segment(reading)}"
        return Message(topic, encode(_temperature(reading, stale, unit)), 0, True)

    def alarm(self, camera: str, channel: int, kind: str, document: Document) -> Message:
        """Tell the level of one kind of alarm: what counts is `active`."""
        return Message(f"{self._channel(camera, channel)}/alarm/{segment(kind)}", encode(document), 1, True)

    def event_topic(self, camera: str, channel: int | str, kind: str) -> str:
        """Return where the changes of one kind of alarm are told."""
        return f"{self._channel(camera, channel)}/event/{segment(kind)}"

    def event(self, camera: str, channel: int, kind: str, document: Document) -> Message:
        """Tell one change: start, level or end."""
        return Message(self.event_topic(camera, channel, kind), encode(document), 1, False)

    def gap(self, camera: str, document: Document) -> Message:
        """Tell what may have been missed while a source of the camera was away."""
        return Message(f"{self.prefix}/{segment(camera)}/gap", encode(document), 1, False)

    def picture(self, camera: str, channel: int, picture: AlarmPicture, number: int = 1) -> Message:
        """Show the picture that came with an alarm; the visible camera's has a topic of its own, and so have further ones without a view."""
        view = "/visible" if picture.view == "visible" else "" if number == 1 else f"/{number}"
        topic = f"{self._channel(camera, channel)}/picture/{segment(picture.kind or 'unknown')}{view}"
        return Message(topic, picture.data, 0, True)

    def snapshot(self, camera: str, channel: int, data: bytes) -> Message:
        """Show a picture somebody asked for."""
        return Message(f"{self._channel(camera, channel)}/picture/snapshot", data, 0, True)

    def command_topic(self, camera: str, channel: int | str, command: str) -> str:
        """Return where a command is sent to."""
        return f"{self._channel(camera, channel)}/{command}/set"

    def result_topic(self, camera: str, channel: int | str, command: str) -> str:
        """Return where a command is answered."""
        return f"{self._channel(camera, channel)}/{command}/result"

    def result(self, request: Request, document: Document) -> Message:
        """Answer a command."""
        return Message(self.result_topic(request.camera, request.channel, request.command), encode(document), 1, False)

    def clear(self, topic: str) -> Message:
        """Take a retained message away."""
        return Message(topic, b"", 1, True)

    @property
    def commands(self) -> str:
        """Return the filter of all commands."""
        return f"{self.prefix}/+/+/+/set"

    @property
    def alarms(self) -> str:
        """Return the filter of all alarm levels."""
        return f"{self.prefix}/+/+/alarm/+"

    def request(self, topic: str) -> Request | None:
        """Return which command a topic is, None when it is none."""
        match self.parts(topic):
            case [camera, channel, command, "set"]:
                return Request(camera, channel, command)
        return None

    def told_alarm(self, topic: str) -> tuple[str, int, str] | None:
        """Return camera segment, channel and kind segment of an alarm level's topic."""
        match self.parts(topic):
            case [camera, channel, "alarm", kind] if channel.isdecimal():
                return camera, int(channel), kind
        return None

    def owner(self, topic: str) -> str | None:
        """Return the camera segment a topic belongs to, None for the bridge's own."""
        camera = self.parts(topic)[0]
        return None if camera in ("", RESERVED) else camera

    def parts(self, topic: str) -> list[str]:
        """Return the parts of a topic below the prefix; one that is not ours has a single empty one."""
        start = f"{self.prefix}/"
        return topic[len(start) :].split("/") if topic.startswith(start) else [""]

    def _channel(self, camera: str, channel: int | str) -> str:
        return f"{self.prefix}/{segment(camera)}/{channel}"


def _temperature(reading: TemperatureReading, stale: bool, unit: str) -> Document:
    """Return a reading as flat JSON: telegraf and dashboards take numbers from the first level."""
    celsius = [
        reading.highest_celsius,
        reading.lowest_celsius,
        reading.average_celsius,
        reading.centre_celsius,
        reading.point_celsius,
    ]
    difference = reading.difference_kelvin
    if difference is not None and unit == "fahrenheit":
        difference *= 1.8  # a difference has no offset
    only_difference = reading.difference_kelvin is not None and all(value is None for value in celsius)
    return {
        "rule": reading.rule,
        "name": reading.rule_name,
        "preset": reading.preset,
        "calibration": reading.calibration,
        "max": _in_unit(reading.highest_celsius, unit),
        "min": _in_unit(reading.lowest_celsius, unit),
        "average": _in_unit(reading.average_celsius, unit),
        "centre": _in_unit(reading.centre_celsius, unit),
        "value": _in_unit(reading.point_celsius, unit),
        "difference": None if difference is None else round(difference, 3),
        "unit": "K" if only_difference and unit != "fahrenheit" else _UNITS[unit],
        "at": rfc3339(reading.at or reading.received_at),
        "frozen": reading.frozen,
        "stale": stale,
        "source": reading.source,
    }


def _in_unit(celsius: float | None, unit: str) -> float | None:
    if celsius is None:
        return None
    if unit == "fahrenheit":
        return round(celsius * 1.8 + 32, 3)
    return round(celsius + 273.15 if unit == "kelvin" else celsius, 3)
