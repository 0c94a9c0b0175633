"""What a device sends on its alarm stream, and a reader of it that the test follows event by event."""

from __future__ import annotations

import queue
import threading

from nvr_hooks import ConnectionChanged, Event

from hik_thermal_plugin.isapi.alert_stream import AlertStream

ONLINE = ConnectionChanged(camera="kiln", state="online")
JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 300 + b"\xff\xd9"


def part(body: bytes, content_type: str = 'application/xml; charset="UTF-8"', *headers: str) -> bytes:
    lines = ["--boundary", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body + b"\r\n"


def document(
    kind: str, at: str = "2026-01-01T12:00:00+00:00", state: str = "active", channel: int = 2, more: str = ""
) -> bytes:
    return (
        f"<EventNotificationAlert><channelID>{channel}</channelID><dateTime>{at}</dateTime><eventType>{kind}</eventType>"
        f"<eventState>{state}</eventState>{more}</EventNotificationAlert>"
    ).encode()


def heartbeat(at: str = "2026-01-01T12:00:00+00:00") -> bytes:
    return part(document("videoloss", at, "inactive", 1))


def alarm(channel: int = 2, at: str = "2026-01-01T12:00:00+00:00", kind: str = "VMD") -> bytes:
    return part(document(kind, at, channel=channel))


class Reader:
    """Reads a source in a thread; the test takes one event after the other."""

    def __init__(self, source: AlertStream) -> None:
        self.source = source
        self.error: BaseException | None = None
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for event in self.source.events():
                self._events.put(event)
        except Exception as error:
            self.error = error

    def next(self) -> Event:
        return self._events.get(timeout=10)

    def nothing_more(self) -> bool:
        return self._events.empty()

    def ended(self) -> BaseException | None:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.error

    def close(self) -> None:
        self.source.interrupt()
        self._thread.join(10)
