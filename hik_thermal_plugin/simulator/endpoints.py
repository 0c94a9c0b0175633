"""What the device answers under which URL, and how it says no (isapi.md 1.4-1.7, 2, 3, 5.4, 6.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

from . import documents
from .alert_stream import PATH as ALERT_STREAM
from .device import Device
from .http import Reply, Request
from .markup import Element

_PAGE = "<!DOCTYPE html>\r\n<html><head><title>Document Error: {0}</title></head><body><h2>{0}</h2></body></html>\r\n"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How the device says no: HTTP status and the fields of ResponseStatus."""

    status: int
    code: int
    text: str
    sub_status: str
    error: int | None = None


NOT_SUPPORTED = Refusal(403, 4, "Invalid Operation", "notSupport", 0x40000001)
BUSY = Refusal(503, 2, "Device Busy", "deviceBusy", 0x20000004)
PUSH_REFUSED = Refusal(400, 4, "Invalid Operation", "invalidOperation", 0x40000006)
_METHOD_NOT_ALLOWED = Refusal(403, 4, "Invalid Operation", "methodNotAllowed", 0x40000004)
_INVALID_CHANNEL = Refusal(400, 6, "Invalid Content", "invalidChannel", 0x6000004F)
_BAD_XML_FORMAT = Refusal(400, 5, "Invalid Format", "badXmlFormat", 0x50000001)
_BAD_XML_CONTENT = Refusal(400, 6, "Invalid XML Content", "badXmlContent", 0x60000003)


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sub_status)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    answer: Callable[[Device, int], Element | Reply]
    writable: bool = False


def answer(device: Device, request: Request) -> Reply:
    """Answer a request whose login was accepted; the alert stream is not answered here."""
    try:
        return _answer(device, request)
    except _Refused as no:
        return refuse(device, request, no.refusal)


def refuse(device: Device, request: Request, refusal: Refusal) -> Reply:
    """Say no in the form of the device's firmware."""
    profile = device.profile
    status = refusal.status
    if refusal is NOT_SUPPORTED:
        status = profile.unsupported_status
    status = profile.error_status or status
    if profile.error_form == "html":
        return Reply(status, _PAGE.format(refusal.text).encode(), "text/html")
    json = profile.error_form == "json" or "format=json" in request.target
    body = documents.response_status(
        device, request.path, refusal.code, refusal.text, refusal.sub_status, refusal.error, json=json
    )
    kind = "application/json" if json else 'application/xml; charset="UTF-8"'
    return Reply(status, body, "text/plain" if profile.mislabelled else kind)


def challenge_page(device: Device) -> bytes:
    """The body of a 401 that only asks for a login."""
    if device.profile.scheme == "nvr":
        return documents.encode(device, documents.bare_user_check())
    return _PAGE.format("Unauthorized").encode()


def _answer(device: Device, request: Request) -> Reply:
    path = request.path
    for target in (request.target, path):
        if captured := device.answers.get((request.method, target)):
            return Reply(captured.status, captured.body, captured.content_type)
    found = next(((route, match) for route in _ROUTES if (match := route.pattern.fullmatch(path))), None)
    if found is None or (device.profile.capabilities is False and path.endswith("/capabilities")):
        raise _Refused(NOT_SUPPORTED)
    route, match = found
    number = int(match[1]) if match.re.groups else 0
    if request.method == "GET":
        stored = device.stored.get(path)
        made = route.answer(device, number) if stored is None else Reply(200, stored)
        reply = Reply(200, documents.encode(device, made)) if isinstance(made, Element) else made
        if device.profile.mislabelled and not reply.content_type.startswith("image/"):
            reply.content_type = "text/plain"
        return reply
    if request.method != "PUT" or not route.writable:
        raise _Refused(_METHOD_NOT_ALLOWED)
    route.answer(device, number)  # refuses a channel that is not there
    try:
        ElementTree.fromstring(request.body)
    except ElementTree.ParseError:
        raise _Refused(_BAD_XML_FORMAT) from None
    device.stored[path] = request.body
    return Reply(200, documents.response_status(device, path, 1, "OK", "ok"))


def _streaming_channel(device: Device, number: int) -> Element:
    # Ids outside the list answer with a copy of the channel's main stream (isapi.md 2).
    channel = device.model.channel(number // 100)
    if channel is None or not 1 <= number % 100 <= 4:
        raise _Refused(_INVALID_CHANNEL)
    place = number % 100 - 1
    return documents.streaming_channel(device, channel, place if place < len(channel.streams) else 0, number)


def _picture(device: Device, number: int) -> Reply:
    if device.profile.picture_by_proxy_only:
        raise _Refused(_BAD_XML_CONTENT)
    return _any_picture(device, number)


def _proxy_picture(device: Device, number: int) -> Reply:
    if not device.profile.picture_by_proxy_only:
        raise _Refused(NOT_SUPPORTED)
    return _any_picture(device, number)


def _any_picture(device: Device, number: int) -> Reply:
    # A stream id, or the bare number of a channel (isapi.md 3).
    channel = device.model.channel(number if number < 100 else number // 100)
    if channel is None:
        raise _Refused(_INVALID_CHANNEL)
    place = max(number % 100 - 1, 0) if number >= 100 else 0
    if place > 3:
        raise _Refused(_INVALID_CHANNEL)
    stream = channel.streams[place if place < len(channel.streams) else 0]
    picture = device.picture(channel.id, (stream.width, stream.height))
    return Reply(200, picture, device.profile.picture_content_type)


def _thermal_capabilities(device: Device) -> Element:
    if not device.profile.thermal_capabilities:
        raise _Refused(NOT_SUPPORTED)
    return documents.thermal_capabilities(device)


def _route(pattern: str, document: Callable[[Device], Element], *, writable: bool = False) -> _Route:
    return _Route(re.compile(pattern), lambda device, _: document(device), writable)


def _numbered(pattern: str, answer: Callable[[Device, int], Element | Reply], *, writable: bool = False) -> _Route:
    return _Route(re.compile(pattern), answer, writable)


_ROUTES = (
    _route("/ISAPI/System/deviceInfo", documents.device_info, writable=True),
    _route("/ISAPI/System/capabilities", documents.capabilities),
    _route("/ISAPI/System/time", documents.clock),
    _route("/ISAPI/System/Video/inputs/channels", documents.video_inputs),
    _route("/ISAPI/Thermal/capabilities", _thermal_capabilities),
    _route("/ISAPI/Streaming/channels", documents.streaming_channels),
    _numbered(r"/ISAPI/Streaming/channels/(\d{1,4})", _streaming_channel, writable=True),
    _numbered(r"/ISAPI/Streaming/channels/(\d{1,4})/picture", _picture),
    _numbered(r"/ISAPI/ContentMgmt/StreamingProxy/channels/(\d{1,4})/picture", _proxy_picture),
    _route("/ISAPI/Security/userCheck", lambda device: documents.user_check(device, 200)),
    _route("/ISAPI/Security/illegalLoginLock", documents.login_lock),
    _route("/ISAPI/Event/triggers", documents.triggers),
    _route("/ISAPI/ContentMgmt/Storage", documents.storage),
)


def is_alert_stream(request: Request) -> bool:
    """Whether the request opens the alert stream."""
    return request.path == ALERT_STREAM
