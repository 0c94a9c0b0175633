"""The entities Home Assistant gets of a camera: sensors, events, pictures, buttons.

Pure functions. An entity stands for something the camera has shown (`shown`) or says it can do (its capabilities), for nothing else. Its key
is made of channels, rule numbers and kinds, so that it stays the same when a camera or a rule is renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from nvr_hooks import CameraInfo

from .actions import TEST_TYPE
from .messages import PRESS, Document, Topics, segment
from .settings import HomeAssistantSettings
from .shown import Rule, Shown
from .temperatures import SILENT

EVENT_TYPES: Final = ("start", "level", "end")
"""Phases of `event/<kind>`: an event of any other type would be refused."""
MARGIN: Final = 30
"""Seconds a temperature may be late beyond its longest interval and the silence after which it is told stale."""

_CALLED: Final = {
    "max": "highest",
    "min": "lowest",
    "average": "average",
    "centre": "centre",
    "value": "",
    "difference": "difference",
}
"""What a property's entity is called after its rule's name."""
_UNITS: Final = {"celsius": "°C", "fahrenheit": "°F", "kelvin": "K"}
_ALARMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "fire": ("Fire", None),
    "temperature": ("Temperature alarm", "problem"),
    "temperature_difference": ("Temperature difference alarm", "problem"),
    "smoke": ("Smoke", "smoke"),
    "motion": ("Motion", "motion"),
    "tamper": ("Tampering", "tamper"),
    "storage": ("Storage", "problem"),
    "video_loss": ("Video loss", "problem"),
    TEST_TYPE: ("Test alarm", None),
}
"""Kind -> name and device class. Not `heat` for temperatures: a rule may watch for cold."""
_TWO_LEVELS: Final = {
    "temperature": "Temperature pre-alarm",
    "temperature_difference": "Temperature difference pre-alarm",
}
_THERMOMETRY: Final = frozenset({"rules", "realtime_thermometry", "thermometry_polling"})
_MEASURING: Final = frozenset({"manual_thermometry", "thermal_frame"})
_ATTRIBUTES: Final = (
    "level", "since", "released_by", "rule", "rule_name", "preset", "condition", "celsius", "threshold_celsius",
    "difference_kelvin", "threshold_kelvin", "distance_m", "late",
)  # fmt: skip

_ACTIVE: Final = (
    "{% if value_json is not defined or value_json.active is none %}None"
    "{% elif value_json.active %}ON{% else %}OFF{% endif %}"
)
_ACTIVE_ALARM: Final = _ACTIVE.replace(
    "elif value_json.active", "elif value_json.active and value_json.level == 'alarm'"
)
_SELECTED: Final = (
    "{{ dict((value_json if value_json is defined else {}).items() | selectattr(0, 'in', "
    + repr(_ATTRIBUTES)
    + ")) | to_json }}"
)
_EVENT: Final = (
    "{{ dict(value_json.items() | rejectattr(0, 'in', ('targets', 'type')), event_type=value_json.phase) | to_json }}"
)
_MEASURED: Final = (
    "{{ value_json.celsius if value_json is defined and value_json.ok and value_json.celsius is not none "
    "else value_json.highest_celsius if value_json is defined and value_json.ok else None }}"
)
_ANSWERED: Final = "{{ 'done' if value_json.ok else value_json.error[:255] }}"
_CONNECTED: Final = "{{ 'ON' if value == 'online' else 'None' if value in ('starting', '') else 'OFF' }}"
_TROUBLED: Final = (
    "{{ 'ON' if value in ('error', 'auth_blocked') else 'None' if value in ('starting', '') else 'OFF' }}"
)


def components(info: CameraInfo, shown: Shown, topics: Topics, settings: HomeAssistantSettings) -> dict[str, Document]:
    """Return every entity of a camera by a key that stays the same over renames."""
    place = _Place(info, topics)
    kinds = dict.fromkeys([*(f"{channel}/{kind}" for channel, kind in says(info)), *shown.kinds])
    found = dict(_health(place))
    for where, rule in shown.rules.items():
        found.update(_rule(place, where, rule))
    for where in kinds:
        found.update(_alarm(place, where, settings.fire_class))
    found.update(_pictures(place, shown))
    found.update(_commands(place))
    return found


def says(info: CameraInfo) -> list[tuple[int, str]]:
    """Return channel and kind of the alarms a camera says it can raise, and of those it can be asked for."""
    channel = main_channel(info)
    able = set(info.capabilities or ())
    if channel is None or not able:
        return []
    found = ["fire"] if "fire_detection" in able else []
    found += ["temperature"] if able & _THERMOMETRY else []
    return [(channel, kind) for kind in (*found, TEST_TYPE)]


def main_channel(info: CameraInfo) -> int | None:
    """Return the thermal channel, else the first one, None while none is known."""
    channels = [channel.id for channel in info.channels or ()]
    return info.thermal_channel or (channels[0] if channels else None)


class _Place:
    """Topics and names of one camera's parts."""

    def __init__(self, info: CameraInfo, topics: Topics) -> None:
        self.info = info
        self.topics = topics
        self.main = main_channel(info)
        self.able = set(info.capabilities or ())
        self._names = {str(channel.id): channel.name for channel in info.channels or ()}

    def topic(self, channel: str, *parts: str) -> str:
        return "/".join((self.topics.prefix, segment(self.info.name), channel, *parts))

    def name(self, what: str, channel: str) -> str:
        """Return what an entity is called: the thermal channel goes without saying, and so does the camera as a whole."""
        if channel in ("0", str(self.main)):
            return what
        return f"{what} ({self._names.get(channel) or f'channel {channel}'})"


def _health(place: _Place) -> Iterator[tuple[str, Document]]:
    """Whether the camera is there must be seen above all when it is not: available with the bridge alone."""
    state = {
        "platform": "binary_sensor",
        "entity_category": "diagnostic",
        "state_topic": place.topics.camera_state_topic(place.info.name),
        "qos": 1,
        "availability": [{"topic": place.topics.state}],
    }
    yield "connectivity", {**state, "name": "Connection", "device_class": "connectivity", "value_template": _CONNECTED}
    yield (
        "problem",
        {
            **state,
            "name": "Problem",
            "device_class": "problem",
            "value_template": _TROUBLED,
            "json_attributes_topic": state["state_topic"],
            "json_attributes_template": "{{ {'state': value} | to_json }}",
        },
    )


def _rule(place: _Place, where: str, rule: Rule) -> Iterator[tuple[str, Document]]:
    channel, _, number = where.partition("/")
    reporting = place.info.reporting
    called = rule.name or ("Temperature" if number == "0" else f"Rule {number}")
    for item in rule.properties:
        sensor: Document = {
            "platform": "sensor",
            "name": place.name(f"{called} {_CALLED[item]}".rstrip(), channel),
            "state_topic": place.topic(channel, "temperature", number),
            "value_template": f"{{{{ value_json.{item} if value_json is defined and not value_json.stale else None }}}}",
            "unit_of_measurement": _UNITS[reporting.unit],
            "state_class": "measurement",
            "suggested_display_precision": 1,
            "expire_after": round(reporting.max_interval + SILENT) + MARGIN,
        }
        if item == "difference":  # of class temperature it would be converted with the offset of the scale
            sensor["unit_of_measurement"] = "°F" if reporting.unit == "fahrenheit" else "K"
            sensor["icon"] = "mdi:thermometer-lines"
        else:
            sensor["device_class"] = "temperature"
        yield f"{channel}_temperature_{number}_{item}", sensor


def _alarm(place: _Place, where: str, fire_class: str) -> Iterator[tuple[str, Document]]:
    channel, _, kind = where.partition("/")
    name, device_class = _ALARMS.get(kind, (kind.replace("_", " ").capitalize(), None))
    of_all = {"qos": 1, **({"entity_category": "diagnostic"} if kind == TEST_TYPE else {})}
    sensor: Document = {
        "platform": "binary_sensor",
        "name": place.name(name, channel),
        "state_topic": place.topic(channel, "alarm", kind),
        "value_template": _ACTIVE_ALARM if kind in _TWO_LEVELS else _ACTIVE,
        "json_attributes_topic": place.topic(channel, "alarm", kind),
        "json_attributes_template": _SELECTED,
        **of_all,
    }
    if kind == "fire":
        sensor |= {"device_class": fire_class, "icon": "mdi:fire"}
    elif device_class is not None:
        sensor["device_class"] = device_class
    yield f"{channel}_alarm_{kind}", sensor
    if kind in _TWO_LEVELS:
        before = {**sensor, "name": place.name(_TWO_LEVELS[kind], channel), "value_template": _ACTIVE}
        yield f"{channel}_pre_alarm_{kind}", before
    yield (
        f"{channel}_event_{kind}",
        {
            "platform": "event",
            "name": place.name(f"{name} event", channel),
            "state_topic": place.topic(channel, "event", kind),
            "event_types": list(EVENT_TYPES),
            "value_template": _EVENT,
            **of_all,
        },
    )


def _pictures(place: _Place, shown: Shown) -> Iterator[tuple[str, Document]]:
    for where in shown.pictures:
        channel, kind, *view = where.split("/")
        called = _ALARMS.get(kind, (kind.replace("_", " ").capitalize(), None))[0]
        name = f"{called} picture" + ("" if not view else ", visible" if view == ["visible"] else f" {view[0]}")
        yield (
            "_".join((channel, "picture", kind, *view)),
            {
                "platform": "image",
                "name": place.name(name, channel),
                "image_topic": place.topic(channel, "picture", kind, *view),
                "content_type": "image/jpeg",
            },
        )
    for channel, where in shown.last_picture.items():
        _, *rest = where.split("/")
        name = place.name("Last alarm picture", channel)
        yield f"{channel}_last_picture", _camera(name, place.topic(channel, "picture", *rest))


def _commands(place: _Place) -> Iterator[tuple[str, Document]]:
    for channel in place.info.channels or ():
        number = str(channel.id)
        buttons = [("snapshot", "Take a snapshot", "mdi:camera")] if "snapshot" in place.able else []
        if "live" in place.able:
            buttons.append(("record", "Record", "mdi:record-rec"))
        if channel.id == place.main:
            if place.able & _MEASURING:
                buttons.append(("measure", "Measure", "mdi:thermometer"))
                yield f"{number}_measured", _measured(place, number)
            buttons.append(("test_alarm", "Send a test alarm", "mdi:alarm-check"))
        for command, name, icon in buttons:
            yield f"{number}_{command}", _button(place, number, command, name, icon)
        if "snapshot" in place.able:
            seen = place.name("Thermal picture" if channel.thermal else "Picture", number)
            topic = place.topic(number, "picture", "snapshot")
            yield f"{number}_picture", _camera(seen, topic)
            taken = {"image_topic": topic, "content_type": "image/jpeg"}
            yield f"{number}_snapshot_image", {"platform": "image", "name": place.name("Snapshot", number), **taken}
        if buttons:
            yield f"{number}_answer", _answer(place, number)


def _button(place: _Place, channel: str, command: str, name: str, icon: str) -> Document:
    button: Document = {
        "platform": "button",
        "name": place.name(name, channel),
        "command_topic": place.topics.command_topic(place.info.name, channel, command),
        "payload_press": PRESS,
        "qos": 1,
        "icon": icon,
    }
    return button | ({"entity_category": "diagnostic"} if command == "test_alarm" else {})


def _measured(place: _Place, channel: str) -> Document:
    """Commands answer in °C, whatever unit temperatures are told in."""
    return {
        "platform": "sensor",
        "name": place.name("Measured", channel),
        "state_topic": place.topics.result_topic(place.info.name, channel, "measure"),
        "value_template": _MEASURED,
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "suggested_display_precision": 1,
    }


def _answer(place: _Place, channel: str) -> Document:
    """Without it nobody sees why a button did nothing."""
    topic = place.topics.result_topic(place.info.name, channel, "+")
    return {
        "platform": "sensor",
        "name": place.name("Last answer", channel),
        "entity_category": "diagnostic",
        "icon": "mdi:message-reply-text",
        "state_topic": topic,
        "value_template": _ANSWERED,
        "json_attributes_topic": topic,
    }


def _camera(name: str, topic: str) -> Document:
    return {"platform": "camera", "name": name, "topic": topic}
