"""The open alert streams: their frame, heartbeats and alarms (isapi.md 6.2, 6.3).

Framing as captured on a DS-2TB21: delimiter, headers, blank line, body; the XML's Content-Length includes its last newline and
the next delimiter follows at once; a picture is followed by a CRLF that is not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import alerts, parts
from .alarms import Telling
from .device import Device
from .http import HttpConnection
from .markup import Element
from .pictures import with_comment

Journal = Callable[[str, bytes, int], object]
"""Told what happens: a client is `armed` or `gone`, an `alarm`, a `beat` or the bytes of a step (`sent`) go out; the bytes, and how many
clients are there, or have got all of them."""

PATH = "/ISAPI/Event/notification/alertStream"
ALARM_PICTURE_SIZE = (704, 576)


@dataclass(slots=True)
class _Stream:
    connection: HttpConnection
    beat: asyncio.TimerHandle | None = None
    end: asyncio.TimerHandle | None = None


class AlertStreams:
    """Every client armed on this device. `heartbeat` is the period in seconds."""

    def __init__(self, device: Device, heartbeat: float, journal: Journal | None = None) -> None:
        self._device = device
        self._journal = journal or (lambda what, data, whole: None)
        self._period = heartbeat
        self._loop = asyncio.get_running_loop()
        self._streams: dict[HttpConnection, _Stream] = {}
        if device.profile.replay:
            device.past_alarms.extend(alerts.old_alarms(device))

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, connection: HttpConnection) -> None:
        """Turn a connection into a stream: head, first heartbeat, and what the device sends again of the past, or what was captured."""
        profile = self._device.profile
        connection.listen_no_more()
        connection.write(parts.head(profile))
        stream = self._streams[connection] = _Stream(connection)
        self._journal("armed", b"", len(self._streams))
        captured = self._device.captured.answer("GET", PATH)
        if captured is not None and captured.body:
            connection.write(captured.body)
            stream.beat = self._loop.call_later(self._period, self._beat, stream)
        else:
            self._beat(stream)
        if profile.replay:
            for part in self._parts(list(self._device.past_alarms)[-profile.replay :]):
                connection.write(part)
        if profile.close_after is not None:
            stream.end = self._loop.call_later(profile.close_after, connection.end)

    def closed(self, connection: object) -> None:
        """Forget a connection that has ended."""
        stream = self._streams.pop(connection, None) if isinstance(connection, HttpConnection) else None
        if stream:
            self._journal("gone", b"", len(self._streams))
        for timer in (stream.beat, stream.end) if stream else ():
            if timer:
                timer.cancel()

    def tell(self, tellings: Iterable[Telling]) -> None:
        """Send alarms to all streams at once, pictures after their alarms."""
        told = list(tellings)
        if not told:
            return
        groups = [told] if self._device.profile.several_in_part else [[telling] for telling in told]
        for group in groups:
            for part in self._parts([telling.document for telling in group]):
                self._journal("alarm", part, self._send_alarm(part))
            for telling in group:
                if telling.pictures and self._device.profile.pictures and self._streams:
                    self._send_pictures(telling.document)
        self._device.past_alarms.extend(telling.document for telling in told if telling.first)

    def send(self, data: bytes) -> None:
        """Send bytes as they are; what does not look like a multipart body is put into one part."""
        if not data.lstrip().startswith(b"--"):
            kind = (
                'application/json; charset="UTF-8"'
                if data.lstrip()[:1] in (b"{", b"[")
                else 'application/xml; charset="UTF-8"'
            )
            data = parts.part(self._device.profile, [("Content-Type", kind)], data)
        for connection in list(self._streams):
            connection.write(data)
        self._journal("sent", data, sum(connection.flows for connection in self._streams))

    def _beat(self, stream: _Stream) -> None:
        (part,) = self._parts([alerts.heartbeat(self._device)])
        stream.connection.write(part)
        self._journal("beat", b"", int(stream.connection.flows))
        stream.beat = self._loop.call_later(self._period, self._beat, stream)

    def _parts(self, documents: list[Element]) -> list[bytes]:
        profile = self._device.profile
        bodies = [alerts.encode(self._device, document) for document in documents]
        if profile.several_in_part and bodies:
            bodies = [b"".join(bodies)]
        kind = 'application/json; charset="UTF-8"' if profile.json_alarms else profile.xml_content_type
        return [parts.part(profile, [("Content-Type", kind)], body) + profile.gap.encode() for body in bodies]

    def _send_pictures(self, document: Element) -> None:
        profile, device = self._device.profile, self._device
        event = document.value("eventType")
        disposition = f'form-data; name="{event}"; filename="{event}.jpg";' if profile.named_pictures else "form-data;"
        kind = "image/jpeg" if profile.named_pictures else "image/pjpeg"
        for channel in sorted(device.model.channels, key=lambda channel: not channel.thermal):
            size = None if channel.thermal else ALARM_PICTURE_SIZE
            picture = device.picture(channel.id, size)
            if profile.delimiter_in_pictures:
                picture = with_comment(picture, f"\r\n--{profile.boundary}\r\n".encode())
            headers = [("Content-Disposition", disposition), ("Content-Type", kind)]
            self._send_alarm(parts.part(profile, headers, picture) + b"\r\n")

    def _send_alarm(self, part: bytes) -> int:
        return parts.send(part, self._streams, self._device.faults, PATH)
