"""The open alert streams: their frame, heartbeats and alarms (isapi.md 6.2, 6.3).

Framing as captured on a DS-2TB21: delimiter, headers, blank line, body; the XML's Content-Length includes its last newline and
the next delimiter follows at once; a picture is followed by a CRLF that is not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from . import alerts
from .alarms import Telling
from .device import Device
from .faults import LENGTH_ERROR, Faults
from .http import Connection
from .markup import Element
from .pictures import with_comment

PATH = "/ISAPI/Event/notification/alertStream"
ALARM_PICTURE_SIZE = (704, 576)


@dataclass(slots=True)
class _Stream:
    connection: Connection
    beat: asyncio.TimerHandle | None = None
    end: asyncio.TimerHandle | None = None


class AlertStreams:
    """Every client armed on this device. `heartbeat` is the period in seconds."""

    def __init__(self, device: Device, faults: Faults, heartbeat: float) -> None:
        self._device = device
        self._faults = faults
        self._period = heartbeat
        self._loop = asyncio.get_running_loop()
        self._streams: dict[Connection, _Stream] = {}
        if device.profile.replay:
            device.past_alarms.extend(alerts.old_alarms(device))

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, connection: Connection) -> None:
        """Turn a connection into a stream: head, first heartbeat, and what the device sends again of the past."""
        profile = self._device.profile
        boundary = f"; boundary={profile.boundary_header}" if profile.boundary_header is not None else ""
        head = (
            "HTTP/1.1 200 OK\r\nMIME-Version: 1.0\r\nConnection: close\r\n"
            f"Content-Type: {profile.media_type}{boundary}\r\n\r\n"
        )
        connection.listen_no_more()
        connection.write(head.encode())
        stream = self._streams[connection] = _Stream(connection)
        self._beat(stream)
        if profile.replay:
            for part in self._parts(list(self._device.past_alarms)[-profile.replay :]):
                connection.write(part)
        if profile.close_after is not None:
            stream.end = self._loop.call_later(profile.close_after, connection.end)

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        stream = self._streams.pop(connection, None)
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
                self._send_alarm(part)
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
            data = self._frame([("Content-Type", kind)], data)
        for connection in list(self._streams):
            connection.write(data)

    def _beat(self, stream: _Stream) -> None:
        (part,) = self._parts([alerts.heartbeat(self._device)])
        stream.connection.write(part)
        stream.beat = self._loop.call_later(self._period, self._beat, stream)

    def _parts(self, documents: list[Element]) -> list[bytes]:
        profile = self._device.profile
        bodies = [alerts.encode(self._device, document) for document in documents]
        if profile.several_in_part and bodies:
            bodies = [b"".join(bodies)]
        kind = 'application/json; charset="UTF-8"' if profile.json_alarms else profile.xml_content_type
        return [self._frame([("Content-Type", kind)], body) + profile.gap.encode() for body in bodies]

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
            self._send_alarm(self._frame(headers, picture) + b"\r\n")

    def _send_alarm(self, part: bytes) -> None:
        if self._faults.strike("wrong_length", PATH):
            part = _announce_more(part)
        if self._faults.strike("duplicate", PATH):
            part *= 2
        cut = self._faults.strike("truncate", PATH) is not None
        for connection in list(self._streams):
            connection.write(part[: len(part) // 2] if cut else part)
            if cut:
                connection.end()

    def _frame(self, headers: list[tuple[str, str]], body: bytes) -> bytes:
        profile = self._device.profile
        lines = [f"--{profile.boundary}"] * (2 if profile.duplicate_delimiter else 1)
        lines += [""] if profile.blank_before_headers else []
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(body) + profile.part_length_error}"] if profile.part_length else []
        return "\r\n".join([*lines, "", ""]).encode() + body


def _announce_more(part: bytes) -> bytes:
    name = b"Content-Length: "
    start = part.find(name)
    if start < 0:
        return part
    start += len(name)
    end = part.index(b"\r\n", start)
    return part[:start] + str(int(part[start:end]) + LENGTH_ERROR).encode() + part[end:]
