"""The configuration of metadata over HTTP (isapi.md 9; guide 8.1, step 1). Types can be asked for together or one by one."""

from __future__ import annotations

import re
from dataclasses import replace

from . import documents
from .device import Device
from .markup import Element, element
from .metadata_settings import TYPES
from .refusals import BAD_XML_CONTENT, INVALID_CHANNEL, NOT_SUPPORTED, Refused
from .routes import Asked, Route
from .schema import Values, read_root

_PATH = r"/ISAPI/Streaming/channels/(\d{1,4})/[mM]etadata"


def _get(device: Device, asked: Asked) -> Element:
    values = _values(device, asked)
    if device.profile.odd_metadata_document:
        mode = "1" if values["enabled"] else "0"
        return element("MetadataCfg", element("mode", mode), **documents.root_of(device))
    return device.metadata.table.write(values, device.measuring.fashion, **documents.root_of(device))


def _put(device: Device, asked: Asked) -> None:
    values, table = _values(device, asked), device.metadata.table
    if device.profile.odd_metadata_document:
        raise Refused(BAD_XML_CONTENT)
    root = read_root(asked.request.body, table.name)
    device.metadata.channels[_channel(asked)] = table.read(root, values, device.measuring.fashion)


def _capabilities(device: Device, asked: Asked) -> Element:
    _values(device, asked)
    return replace(device.metadata.table.capability(), attributes=tuple(documents.root_of(device).items()))


def _single(name: str) -> Route:
    """One type alone: `SingleMetadataCfg`."""

    def get(device: Device, asked: Asked) -> Element:
        entry = _values(device, asked)["MetadataList"][name]
        shown = device.metadata.entry.write(entry, device.measuring.fashion, **documents.root_of(device))
        return replace(shown, name="SingleMetadataCfg")

    def put(device: Device, asked: Asked) -> None:
        values: Values = _values(device, asked)
        root = read_root(asked.request.body, "SingleMetadataCfg")
        entry = device.metadata.entry.read(root, values["MetadataList"][name], device.measuring.fashion)
        entries = values["MetadataList"] | {name: entry}
        on = values["enabled"] or entry["enable"]
        device.metadata.channels[_channel(asked)] = values | {"MetadataList": entries, "enabled": on}

    return Route(re.compile(f"{_PATH}/{name}"), get, put)


def _channel(asked: Asked) -> int:
    """The channel, by its own number or that of one of its streams."""
    number = asked.numbers[0]
    return number if number < 100 else number // 100


def _values(device: Device, asked: Asked) -> Values:
    channel = _channel(asked)
    if device.model.channel(channel) is None:
        raise Refused(INVALID_CHANNEL)
    if channel not in device.metadata.channels:
        raise Refused(NOT_SUPPORTED)
    return device.metadata.channels[channel]


ROUTES: tuple[Route, ...] = (
    Route(re.compile(_PATH), _get, _put),
    Route(re.compile(f"{_PATH}/capabilities"), _capabilities),
    *(_single(name) for name in TYPES),
)
