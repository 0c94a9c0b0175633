"""What the device answers under which URL, and how it says no (isapi.md 1.4-1.7, 2, 3, 5.4, 6.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

from . import documents, hosts, metadata_switch, thermometry
from .device import Device
from .http import Reply, Request
from .markup import Element
from .refusals import (
    BAD_XML_CONTENT,
    BAD_XML_FORMAT,
    INVALID_CHANNEL,
    METHOD_NOT_ALLOWED,
    NOT_SUPPORTED,
    Refusal,
    Refused,
)
from .routes import Asked, Route
from .storage import storage

_PAGE = "<!DOCTYPE html>\r\n<html><head><title>Document Error: {0}</title></head><body><h2>{0}</h2></body></html>\r\n"
_WELCOME = "<!DOCTYPE html>\r\n<html><head><title>Router</title></head><body><form>Password</form></body></html>\r\n"


def answer(device: Device, request: Request) -> Reply:
    """Answer a request whose login was accepted; streams are not answered here."""
    try:
        return _answer(device, request)
    except Refused as no:
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


def web_page() -> Reply:
    """What anything that is no camera answers under any URL."""
    return Reply(200, _WELCOME.encode(), "text/html")


def challenge_page(device: Device) -> bytes:
    """The body of a 401 that only asks for a login."""
    if device.profile.scheme == "nvr":
        return documents.encode(device, documents.bare_user_check())
    return _PAGE.format("Unauthorized").encode()


def _answer(device: Device, request: Request) -> Reply:
    path = request.path
    if captured := device.captured.answer(request.method, request.target):
        return Reply(captured.status, captured.body, captured.content_type)
    if request.method == "PUT" and device.captured.take(request.target, request.body):
        return _done(device, request)
    found = next(((route, asked) for route in _ROUTES if (asked := route.match(request))), None)
    if found is None or (device.profile.capabilities is False and path.endswith("/capabilities")):
        raise Refused(NOT_SUPPORTED)
    route, asked = found
    if request.method == "GET":
        made = route.get(device, asked)
        reply = Reply(200, documents.encode(device, made)) if isinstance(made, Element) else made
        if device.profile.mislabelled and not reply.content_type.startswith(("image/", "multipart/")):
            reply.content_type = "text/plain"
        return reply
    if request.method != "PUT" or route.put is None:
        raise Refused(METHOD_NOT_ALLOWED)
    return route.put(device, asked) or _done(device, request)


def _done(device: Device, request: Request) -> Reply:
    json = "format=json" in request.target
    kind = "application/json" if json else 'application/xml; charset="UTF-8"'
    return Reply(200, documents.response_status(device, request.path, 1, "OK", "ok", json=json), kind)


def _streaming_channel(device: Device, number: int) -> Element:
    # Ids outside the list answer with a copy of the channel's main stream (isapi.md 2).
    channel = device.model.channel(number // 100)
    if channel is None or not 1 <= number % 100 <= 4:
        raise Refused(INVALID_CHANNEL)
    place = number % 100 - 1
    return documents.streaming_channel(device, channel, place if place < len(channel.streams) else 0, number)


def _picture(device: Device, number: int) -> Reply:
    if device.profile.picture_by_proxy_only:
        raise Refused(BAD_XML_CONTENT)
    return _any_picture(device, number)


def _proxy_picture(device: Device, number: int) -> Reply:
    if not device.profile.picture_by_proxy_only:
        raise Refused(NOT_SUPPORTED)
    return _any_picture(device, number)


def _any_picture(device: Device, number: int) -> Reply:
    # A stream id, or the bare number of a channel (isapi.md 3).
    channel = device.model.channel(number if number < 100 else number // 100)
    if channel is None:
        raise Refused(INVALID_CHANNEL)
    place = max(number % 100 - 1, 0) if number >= 100 else 0
    if place > 3:
        raise Refused(INVALID_CHANNEL)
    stream = channel.streams[place if place < len(channel.streams) else 0]
    picture = device.picture(channel.id, (stream.width, stream.height))
    return Reply(200, picture, device.profile.picture_content_type)


def _thermal_capabilities(device: Device) -> Element:
    if not device.profile.thermal_capabilities:
        raise Refused(NOT_SUPPORTED)
    return documents.thermal_capabilities(device)


def _route(pattern: str, document: Callable[[Device], Element]) -> Route:
    return Route(re.compile(pattern), lambda device, _: document(device))


def _numbered(pattern: str, answer: Callable[[Device, int], Element | Reply]) -> Route:
    return Route(re.compile(pattern), lambda device, asked: answer(device, asked.numbers[0]))


def _kept(route: Route) -> Route:
    """The route with a PUT whose document is kept as it is, and answered from then on."""

    def get(device: Device, asked: Asked) -> Element | Reply:
        stored = device.stored.get(asked.request.path)
        return route.get(device, asked) if stored is None else Reply(200, stored)

    def put(device: Device, asked: Asked) -> None:
        route.get(device, asked)  # refuses a channel that is not there
        try:
            ElementTree.fromstring(asked.request.body)
        except ElementTree.ParseError:
            raise Refused(BAD_XML_FORMAT) from None
        device.stored[asked.request.path] = asked.request.body

    return Route(route.pattern, get, put)


_ROUTES: tuple[Route, ...] = (
    _kept(_route("/ISAPI/System/deviceInfo", documents.device_info)),
    _route("/ISAPI/System/capabilities", documents.capabilities),
    _route("/ISAPI/System/time", documents.clock),
    _route("/ISAPI/System/Video/inputs/channels", documents.video_inputs),
    _route("/ISAPI/Thermal/capabilities", _thermal_capabilities),
    _route("/ISAPI/Streaming/channels", documents.streaming_channels),
    _kept(_numbered(r"/ISAPI/Streaming/channels/(\d{1,4})", _streaming_channel)),
    _numbered(r"/ISAPI/Streaming/channels/(\d{1,4})/picture", _picture),
    _numbered(r"/ISAPI/ContentMgmt/StreamingProxy/channels/(\d{1,4})/picture", _proxy_picture),
    _route("/ISAPI/Security/userCheck", lambda device: documents.user_check(device, 200)),
    _route("/ISAPI/Security/illegalLoginLock", documents.login_lock),
    _route("/ISAPI/Event/triggers", documents.triggers),
    *(
        _route(f"/ISAPI/Event/schedules/{name}", partial(documents.schedules, name=name))
        for name in documents.SCHEDULES
    ),
    _route("/ISAPI/ContentMgmt/Storage", storage),
    *hosts.ROUTES,
    *metadata_switch.ROUTES,
    *thermometry.ROUTES,
)
