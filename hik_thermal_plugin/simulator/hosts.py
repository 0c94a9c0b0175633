"""The hosts a camera pushes its alarms to, as documents (isapi.md 6.9): a fixed number of slots, read and written one by one or as a list."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address
from xml.etree import ElementTree

from . import documents
from .device import Device
from .host_list import FREE, PATH, Host
from .http import Request
from .markup import Element, element
from .refusals import BAD_PARAMETERS, BAD_XML_CONTENT, BAD_XML_FORMAT, NOT_SUPPORTED, Refused
from .routes import Asked, Route

LONGEST_URL = 128
_CHOICES = {
    "protocolType": ("HTTP", "HTTPS"),
    "parameterFormatType": ("XML", "JSON"),
    "addressingFormatType": ("ipaddress", "hostname"),
    "httpAuthenticationMethod": ("none",),
}


def _there(device: Device) -> None:
    if device.profile.http_hosts == "none":
        raise Refused(NOT_SUPPORTED)


def _slot(device: Device, number: int, host: Host) -> Element:
    fields = [element("id", number), *(element(name, value) for name, value in host.items())]
    return element("HttpHostNotification", *fields, **documents.root_of(device))


def _list(device: Device, _: Asked) -> Element:
    _there(device)
    items = [_slot(device, number, host) for number, host in device.hosts.slots.items()]
    return element("HttpHostNotificationList", *items, **documents.root_of(device))


def _single(device: Device, asked: Asked) -> Element:
    _there(device)
    number = asked.numbers[0]
    if number not in device.hosts.slots or device.profile.hosts_by_list_only:
        raise Refused(NOT_SUPPORTED)
    return _slot(device, number, device.hosts.slots[number])


def _capabilities(device: Device, _: Asked) -> Element:
    _there(device)
    if not device.profile.hosts_capabilities:
        raise Refused(NOT_SUPPORTED)
    table = [element(name, "", opt=",".join(words)) for name, words in _CHOICES.items()]
    item = element("HttpHostNotification", element("url", "", min="0", max=str(LONGEST_URL)), *table)
    found = element("HttpHostNotificationCap", element("hostNumber", len(device.hosts.slots)), item)
    return replace(found, attributes=tuple(documents.root_of(device).items()))


def _put_list(device: Device, asked: Asked) -> None:
    _there(device)
    root = _root(asked.request, "HttpHostNotificationList")
    items = [child for child in root if _name(child) == "HttpHostNotification"]
    changed = [_read(device, item, None) for item in items]
    device.hosts.slots |= dict(changed)


def _put_single(device: Device, asked: Asked) -> None:
    _single(device, asked)
    number, host = _read(device, _root(asked.request, "HttpHostNotification"), asked.numbers[0])
    device.hosts.slots[number] = host


def _root(request: Request, name: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(request.body)
    except ElementTree.ParseError:
        raise Refused(BAD_XML_FORMAT) from None
    if _name(root) != name:
        raise Refused(BAD_XML_CONTENT)
    return root


def _read(device: Device, item: ElementTree.Element, number: int | None) -> tuple[int, Host]:
    said = {_name(child): (child.text or "").strip() for child in item}
    word = said.pop("id", "")
    if not word.isdecimal() or int(word) not in device.hosts.slots or number not in (None, int(word)):
        raise Refused(BAD_PARAMETERS)
    host = device.hosts.slots[int(word)] | {name: said[name] for name in (*FREE, "hostName") if name in said}
    if host["addressingFormatType"] == "hostname":
        host.pop("ipAddress", None)
        good = bool(re.fullmatch(r"[\w.-]{1,64}", host.get("hostName", "")))
    else:
        host.pop("hostName", None)
        good = _is_address(host.setdefault("ipAddress", "0.0.0.0"))
    good = good and all(host[name] in words for name, words in _CHOICES.items())
    good = good and host["url"].startswith("/") and len(host["url"]) <= LONGEST_URL
    if not good or not host["portNo"].isdecimal() or not 1 <= int(host["portNo"]) <= 65535:
        raise Refused(BAD_PARAMETERS)
    return int(word), {name: host[name] for name in (*_ORDER,) if name in host}


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _name(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


_ORDER = (
    *("url", "protocolType", "parameterFormatType", "addressingFormatType", "ipAddress", "hostName"),
    *("portNo", "userName", "httpAuthenticationMethod"),
)

ROUTES: tuple[Route, ...] = (
    Route(re.compile(PATH), _list, _put_list),
    Route(re.compile(f"{PATH}/capabilities"), _capabilities),
    Route(re.compile(f"{PATH}/(\\d{{1,2}})"), _single, _put_single),
)
