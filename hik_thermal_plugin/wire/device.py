"""What a device says of itself: identity, channels and streams, clock, disks, ports; see also `capabilities` and `status`.

Lists may be singletons, elements empty, `size` attributes wrong (isapi.md 10 item 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from nvr_hooks import BadAnswer, ChannelInfo, Disk, StreamInfo

from .capabilities import (
    Capabilities,
    ThermalChannel,
    Trigger,
    decide_thermal_channel,
    parse_capabilities,
    parse_thermal_channels,
    parse_triggers,
)
from .status import ResponseStatus, UserCheck, parse_response_status, parse_user_check
from .times import read_time, read_zone
from .xml import Element, boolean, child, children, descendants, integer, local_name, number, open_document, text

__all__ = [
    "Capabilities",
    "DeviceInfo",
    "DeviceTime",
    "ResponseStatus",
    "ThermalChannel",
    "Trigger",
    "UserCheck",
    "decide_thermal_channel",
    "parse_capabilities",
    "parse_channels",
    "parse_device_info",
    "parse_ports",
    "parse_response_status",
    "parse_storage",
    "parse_thermal_channels",
    "parse_time",
    "parse_triggers",
    "parse_user_check",
]

_MEGABYTE = 1024 * 1024
_PROFILES: dict[int, Literal["main", "sub", "third"]] = {1: "main", 2: "sub", 3: "third"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Who a device is (isapi.md 1.7); an empty element is None."""

    name: str | None = None
    model: str | None = None
    """The box label may have `/` where this has `-`."""
    serial: str | None = None
    mac: str | None = None
    firmware: str | None = None
    """Version and build: `V5.5.98 build 240726`."""
    kind: str | None = None
    """`IPCamera`, `IPDome`, `ThermalCamera` …"""
    manufacturer: str | None = None
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTime:
    """The device's clock and its zone."""

    at: datetime | None = None
    zone: tzinfo | None = None
    mode: str | None = None
    """`NTP` or `manual`."""


def parse_device_info(document: bytes) -> DeviceInfo:
    """Read /System/deviceInfo; raise BadAnswer when it is none."""
    root = _open(document, "DeviceInfo")
    firmware = " ".join(word for word in (text(root, "firmwareVersion"), text(root, "firmwareReleasedDate")) if word)
    return DeviceInfo(
        name=text(root, "deviceName"),
        model=text(root, "model"),
        serial=text(root, "serialNumber"),
        mac=text(root, "macAddress"),
        firmware=firmware or None,
        kind=text(root, "deviceType"),
        manufacturer=text(root, "manufacturer"),
        device_id=text(root, "deviceID"),
    )


def parse_channels(inputs: bytes | None = None, streaming: bytes | None = None) -> tuple[ChannelInfo, ...]:
    """Read /System/Video/inputs/channels and /Streaming/channels, either of which may be missing, into channels with their streams.

    Only what is in the list counts: devices answer for streams that do not exist (isapi.md 2). Raises BadAnswer for another document.
    """
    names: dict[int, str | None] = {}
    streams: dict[int, list[StreamInfo]] = {}
    for item in _items(inputs, "VideoInputChannel"):
        if (channel := integer(item, "id")) is not None and channel > 0:
            names[channel] = text(item, "name")
    for item in _items(streaming, "StreamingChannel"):
        stream = integer(item, "id")
        profile = None if stream is None else _PROFILES.get(stream % 100)
        if stream is None or stream < 100 or profile is None:
            continue
        channel = stream // 100
        names[channel] = names.get(channel) or text(item, "channelName")
        video = child(item, "Video")
        rate = number(video, "maxFrameRate")
        streams.setdefault(channel, []).append(
            StreamInfo(
                id=stream,
                profile=profile,
                codec=text(video, "videoCodecType"),
                width=integer(video, "videoResolutionWidth"),
                height=integer(video, "videoResolutionHeight"),
                frames_per_second=rate / 100 if rate else None,  # 2500 = 25 a second; 0 means "all there are"
            )
        )
    return tuple(
        ChannelInfo(id=number_, name=names[number_], streams=tuple(streams.get(number_, ())))
        for number_ in sorted(names)
    )


def parse_time(document: bytes) -> DeviceTime:
    """Read /System/time; raise BadAnswer when it is none.

    The zone comes from `timeZone`; the offset behind `localTime` is only used without one, because a recorder left it at standard time in
    summer (isapi.md 1.1).
    """
    root = _open(document, "Time")
    word = text(root, "localTime")
    zone = read_zone(text(root, "timeZone") or "")
    at = None if word is None else read_time(word, zone)
    if at is not None and zone is not None:
        at = at.replace(tzinfo=zone)
    return DeviceTime(at=at, zone=zone or (None if at is None else at.tzinfo), mode=text(root, "timeMode"))


def parse_storage(document: bytes) -> tuple[Disk, ...]:
    """Read /ContentMgmt/Storage: cards, disks and network shares, sizes in bytes (the device counts megabytes); raise BadAnswer if it is none."""
    root = _open(document, "storage")
    found = [_disk(item, "disk") for item in descendants(root, "hdd")] + [
        _disk(item, "nas") for item in descendants(root, "nas")
    ]
    return tuple(disk for disk in found if disk is not None)


def parse_ports(document: bytes) -> dict[str, int]:
    """Read /Security/adminAccesses: protocol in lower case -> port, of those that are switched on; raise BadAnswer when it is none."""
    root = _open(document, "AdminAccessProtocolList", "AdminAccessProtocol")
    found: dict[str, int] = {}
    for item in [root] if local_name(root) == "AdminAccessProtocol" else children(root, "AdminAccessProtocol"):
        protocol, port = text(item, "protocol"), integer(item, "portNo")
        if protocol and port and 0 < port < 65536 and boolean(item, "enabled") is not False:
            found.setdefault(protocol.lower(), port)
    return found


def _disk(item: Element, kind: Literal["disk", "nas"]) -> Disk | None:
    number_ = integer(item, "id")
    if number_ is None:
        return None
    capacity, free = integer(item, "capacity"), integer(item, "freeSpace")
    encryption = text(item, "Encryption", "encryptionStatus")
    return Disk(
        id=number_,
        kind=kind,
        name=text(item, "hddName") if kind == "disk" else text(item, "path"),
        state=text(item, "status"),
        capacity=None if capacity is None else capacity * _MEGABYTE,
        free=None if free is None else free * _MEGABYTE,
        encrypted=None if encryption is None else encryption.lower() != "unencrypted",
    )


def _items(document: bytes | None, name: str) -> list[Element]:
    """Return the items of a list document; one item alone may be the root."""
    if document is None:
        return []
    root = _open(document, f"{name}List", name)
    return [root] if local_name(root) == name else descendants(root, name)


def _open(document: bytes, *names: str) -> Element:
    root = open_document(document, bare=names[0])
    if local_name(root) not in names:
        status = parse_response_status(document)
        said = f" ({status})" if status is not None else ""
        raise BadAnswer(f"{local_name(root)}{said} where {names[0]} was expected", data=document)
    return root
