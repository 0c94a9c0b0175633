"""Alerts and parts, found in the bytes of an alert stream."""

from __future__ import annotations

import re

from lxml import etree
from raw_http import Wire

END = b"</EventNotificationAlert>"
PART = re.compile(rb"--boundary\r\n((?:[^\r\n]+\r\n)+)\r\n")


def alerts(data: bytes, kind: str) -> list[etree._Element]:
    """The alerts of one event type in XML parts, in order, by their local names."""
    found = re.findall(rb"<EventNotificationAlert.*?</EventNotificationAlert>", data, re.DOTALL)
    roots = [etree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", document)) for document in found]
    return [root for root in roots if text(root, "eventType") == kind]


def text(root: etree._Element, name: str) -> str | None:
    return next((node.text or "" for node in root.iter(f"{{*}}{name}")), None)


def texts(root: etree._Element, name: str) -> list[str]:
    return [node.text or "" for node in root.iter(f"{{*}}{name}")]


def parts(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a plain stream by Content-Length, each checked to be followed by a delimiter or the end."""
    at, found = data.index(b"\r\n\r\n") + 4, []
    while match := PART.match(data, at):
        headers = dict(line.split(": ", 1) for line in match[1].decode().splitlines())
        start = match.end()
        body = data[start : start + int(headers["Content-Length"])]
        at = start + len(body)
        if headers["Content-Type"].startswith("image/"):
            assert data[at : at + 2] == b"\r\n"
            at += 2
        found.append((headers, body))
    assert at == len(data), f"not a part: {data[at : at + 80]!r}"
    return found


def first_alarm(wire: Wire, kind: str = "VMD") -> bytes:
    """All bytes up to the end of the first alarm of this type."""
    return wire.until(lambda data: alerts(data, kind))
