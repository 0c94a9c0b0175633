"""Events in a captured body: a stream or a push as the device sent it, or one bare document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo

from nvr_hooks import Alarm, BadAnswer, Event, Source

from .alerts import ROOT, decode_alert
from .multipart import PartReader
from .parts import Part
from .pictures import read_picture

_LOOKED_AT = 64 * 1024
_ALARM = re.compile(rb"EventNotificationAlert|\"eventType\"\s*:", re.IGNORECASE)
_MULTIPART = re.compile(rb"(?:\A|\n)--[^\s-][^\r\n]*\r?\n(?:\s*Content-)", re.IGNORECASE)


def looks_like_alarms(data: bytes) -> bool:
    """Tell whether these bytes are an alarm document, or a multipart body that may hold some, whole or broken."""
    start = data[:_LOOKED_AT]
    return bool(_ALARM.search(start) or _MULTIPART.search(start))


def read_events(
    data: bytes, *, content_type: str | None = None, camera: str = "", source: Source = "alert_stream"
) -> list[Event]:
    """Return all events of a captured body in order, none for heartbeats; raise BadAnswer that says what is wrong with a broken one."""
    return list(iterate_events(data, content_type=content_type, camera=camera, source=source))


def iterate_events(
    data: bytes,
    *,
    content_type: str | None = None,
    camera: str = "",
    source: Source = "alert_stream",
    received_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> Iterator[Event]:
    """Yield the events of a captured body in order; what is broken is passed over and raised as BadAnswer at the end."""
    reader = PartReader(content_type)
    problem: BadAnswer | None = None
    alarm: Alarm | None = None
    count = 0
    for part in _parts(reader, data):
        if isinstance(part, BadAnswer):
            problem = problem or part
            continue
        count += 1
        if part.text:
            try:
                found = decode_alert(part.body, camera=camera, source=source, received_at=received_at, zone=zone)
            except BadAnswer as error:
                problem = problem or error
                continue
            yield from found
            alarm = next((event for event in found if isinstance(event, Alarm)), alarm)
        elif not part.complete:
            problem = problem or BadAnswer(
                f"a part of {part.headers.get('content-length')} bytes ends after {len(part.body)}"
            )
        elif picture := read_picture(part, alarm, camera=camera, source=source, received_at=received_at):
            yield picture
    if problem is not None:
        raise problem
    if not count:
        raise BadAnswer(f"no {ROOT} in {len(data)} bytes; they begin {data[:60]!r}", data=data[:60])


def _parts(reader: PartReader, data: bytes) -> Iterator[Part | BadAnswer]:
    """Yield the parts, and the error that ended them."""
    try:
        yield from reader.feed(data)
        yield from reader.close()
    except BadAnswer as error:
        yield error
