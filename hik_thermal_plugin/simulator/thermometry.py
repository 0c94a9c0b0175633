"""Thermometry over HTTP: configuration documents, temperatures on request, a click (isapi.md 8).

The endless stream is real_time.py, the radiometric frame frames.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from . import documents, frames, readings
from .device import Device
from .http import Reply
from .markup import Element
from .refusals import BAD_JSON_FORMAT, BAD_PARAMETERS, METHOD_NOT_ALLOWED, NOT_SUPPORTED, Refused
from .routes import Asked, Route
from .schema import Entries, Fashion, Group, Values, child, read_root
from .units import SETTING_WORDS

_CHANNEL = r"/ISAPI/Thermal/channels/(\d{1,3})"
_SCENE = 1
_CLICKS = 10
"""How many clicked points a device keeps apart."""


def _configured(name: str, table: Callable[[Device], Group]) -> tuple[Route, Route]:
    """A document by GET and PUT, and its capabilities."""

    def get(device: Device, asked: Asked) -> Element:
        _on(device, asked, device.config_channel)
        group = table(device)
        return group.write(device.measuring.values[group.name], device.measuring.fashion, **documents.root_of(device))

    def put(device: Device, asked: Asked) -> None:
        _on(device, asked, device.config_channel)
        group = table(device)
        root = read_root(asked.request.body, group.name)
        device.configure({group.name: group.read(root, device.measuring.values[group.name], _fashion_of(device, root))})

    def capability(device: Device, asked: Asked) -> Element:
        _on(device, asked, device.config_channel)
        return _rooted(device, table(device).capability())

    path = f"{_CHANNEL}/{name}"
    return Route(re.compile(path), get, put), Route(re.compile(f"{path}/capabilities"), capability)


def _fashion_of(device: Device, root: ElementTree.Element) -> Fashion:
    """Temperatures in a document that changes the unit are in the new one."""
    said = child(root, "temperatureUnit")
    word = "" if said is None else (said.text or "").strip()
    unit = next((unit for unit, known in SETTING_WORDS.items() if known == word), device.measuring.unit)
    return replace(device.measuring.fashion, unit=unit)


def _regions(device: Device) -> dict[str, Values]:
    return device.measuring.values[device.measuring.tables.regions.name]


def _get_scene(device: Device, asked: Asked) -> Element:
    _in_scene(device, asked)
    table = device.measuring.tables.scene
    values = table.default() | {device.measuring.tables.regions.name: _regions(device)}
    return table.write(values, device.measuring.fashion, **documents.root_of(device))


def _put_scene(device: Device, asked: Asked) -> None:
    _in_scene(device, asked)
    table = device.measuring.tables.scene
    root = read_root(asked.request.body, table.name)
    regions = device.measuring.tables.regions
    new = table.read(root, table.default() | {regions.name: _regions(device)}, device.measuring.fashion)
    device.configure({regions.name: new[regions.name]})


def _get_regions(device: Device, asked: Asked) -> Element:
    _in_scene(device, asked)
    return _list(device).write(_regions(device), device.measuring.fashion, **documents.root_of(device))


def _put_regions(device: Device, asked: Asked) -> None:
    _in_scene(device, asked)
    table = _list(device)
    new = table.read(read_root(asked.request.body, table.name), _regions(device), device.measuring.fashion)
    device.configure({table.name: new})


def _get_region(device: Device, asked: Asked) -> Element:
    _in_scene(device, asked)
    region = _regions(device).get(str(asked.numbers[2]))
    if region is None:
        raise Refused(BAD_PARAMETERS)
    return _list(device).item.write(region, device.measuring.fashion, **documents.root_of(device))


def _put_region(device: Device, asked: Asked) -> None:
    _in_scene(device, asked)
    table, old = _list(device), _regions(device)
    root = read_root(asked.request.body, table.item.name)
    device.configure({table.name: old | table.read_entry(root, old, device.measuring.fashion, str(asked.numbers[2]))})


def _region_capabilities(device: Device, asked: Asked) -> Element:
    _in_scene(device, asked)
    return _rooted(device, _list(device).capability())


def _scene_capabilities(device: Device, asked: Asked) -> Element:
    _in_scene(device, asked)
    return _rooted(device, device.measuring.tables.scene.capability())


def _polled(device: Device, asked: Asked) -> Reply:
    if not device.profile.polling:
        raise Refused(NOT_SUPPORTED)
    _in_json(asked)
    _on(device, asked, device.data_channel)
    _scene_number(asked)
    return _json_reply(readings.polled(device))


def _frame(device: Device, asked: Asked) -> Reply:
    if not device.profile.frames:
        raise Refused(NOT_SUPPORTED)
    _in_json(asked)
    _on(device, asked, device.data_channel)
    return frames.reply(device, asked.request.path)


def _click(device: Device, asked: Asked) -> Reply | None:
    if not device.profile.clicks:
        raise Refused(NOT_SUPPORTED)
    _in_json(asked)
    _on(device, asked, device.data_channel)
    if not 1 <= asked.numbers[1] <= _CLICKS:
        raise Refused(BAD_PARAMETERS)
    place = _clicked_place(asked.request.body, 1000 if device.profile.clicks == "thousandths" else 1)
    if device.profile.clicks != "result":
        return None
    return _json_reply(readings.clicked(device, place))


def _clicked_place(body: bytes, scale: int) -> tuple[float, float]:
    try:
        rule: Any = json.loads(body)["ClickToThermometryRule"]["Point"]
        place: tuple[Any, Any] = rule["positionX"], rule["positionY"]
    except (ValueError, RecursionError):
        raise Refused(BAD_JSON_FORMAT) from None
    except (KeyError, TypeError):
        raise Refused(BAD_PARAMETERS) from None
    for value in place:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= scale:
            raise Refused(BAD_PARAMETERS)
        if scale > 1 and not isinstance(value, int):
            raise Refused(BAD_PARAMETERS)
    return place[0] / scale, place[1] / scale


def _no_get(_device: Device, _asked: Asked) -> Reply:
    raise Refused(METHOD_NOT_ALLOWED)


def _on(device: Device, asked: Asked, channel: int) -> None:
    if asked.numbers[0] != channel or not device.profile.thermometry:
        raise Refused(NOT_SUPPORTED)


def _in_scene(device: Device, asked: Asked) -> None:
    _on(device, asked, device.config_channel)
    _scene_number(asked)


def _scene_number(asked: Asked) -> None:
    if asked.numbers[1] != _SCENE:
        raise Refused(BAD_PARAMETERS)


def _in_json(asked: Asked) -> None:
    if "format=json" not in asked.request.target:
        raise Refused(NOT_SUPPORTED)


def _list(device: Device) -> Entries:
    return device.measuring.tables.regions


def _rooted(device: Device, root: Element) -> Element:
    return Element(root.name, root.content, (*documents.root_of(device).items(), *root.attributes))


def _json_reply(value: dict[str, Any]) -> Reply:
    return Reply(200, readings.encode(value), 'application/json; charset="UTF-8"')


ROUTES: tuple[Route, ...] = (
    *_configured("thermometryMode", lambda device: device.measuring.tables.mode),
    *_configured("thermometry/basicParam", lambda device: device.measuring.tables.basic),
    # Both spellings of the name are used on real devices (isapi.md 1.1).
    *_configured("thermometry/[pP]ixelToPixelParam", lambda device: device.measuring.tables.pixel_to_pixel),
    *_configured("fireDetection", lambda device: device.measuring.tables.fire_detection),
    *_configured(f"thermometry/{_SCENE}/alarmRules", lambda device: device.measuring.tables.alarm_rules),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})"), _get_scene, _put_scene),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})/capabilities"), _scene_capabilities),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})/regions"), _get_regions, _put_regions),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})/regions/capabilities"), _region_capabilities),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})/regions/(\d{{1,3}})"), _get_region, _put_region),
    Route(re.compile(rf"{_CHANNEL}/thermometry/(\d{{1,3}})/rulesTemperatureInfo"), _polled),
    Route(re.compile(rf"{_CHANNEL}/thermometry/jpegPicWithAppendData"), _frame),
    Route(re.compile(rf"{_CHANNEL}/clickToThermometry/rules/(\d{{1,3}})"), _no_get, _click),
)
