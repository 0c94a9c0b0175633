"""Alarms by arming: GET /ISAPI/Event/notification/alertStream, an answer that never ends (isapi.md 6.2)."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from nvr_hooks import Alarm, BadAnswer, CameraError, ConnectionChanged, Event, OtherAlarm, Unreachable, now

from ..wire.alerts import decode_alert_document
from ..wire.multipart import PartReader
from ..wire.parts import Part
from ..wire.pictures import read_picture
from .client import IsapiClient
from .connection import Connection
from .faults import fault_of
from .stream import Stream

PATH = "/ISAPI/Event/notification/alertStream"
LATE = timedelta(seconds=60)
SILENCE = 35.0
"""Seconds without a byte after which the connection is dead: heartbeats come every 10 s or more often (isapi.md 6.3)."""
_MISSED = 3  # heartbeats, where the device sends them more slowly
_FIRST_TAG = re.compile(rb"<(?![?!])\s*([\w:.-]{1,60})|(\{)")
_SHOWN = 60
_log = logging.getLogger(__name__)


class Counters:
    """What one connection counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self.documents = 0
        """Complete documents, heartbeats included."""
        self.unknown = 0
        """Alarms of a type without a class of its own."""
        self.undecodable = 0
        self.framing_errors = 0
        self.last_byte_at: datetime | None = None


class AlertStream:
    """One connection of the source `alert_stream` (worker.LiveSource).

    `zone` tells the zone of times without an offset. `silence` is the least time without a byte after which the connection is given up;
    a device whose heartbeats are slow gets three of them. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        client: IsapiClient,
        *,
        zone: Callable[[], tzinfo | None] = lambda: None,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self._client = client
        self._camera = client.camera
        self._zone = zone
        self._clock = clock
        self._silence = silence
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._interrupted = False
        self._beat: float | None = None  # when the last heartbeat came
        self._device_clock: tuple[datetime, float] | None = None  # the device's clock, and ours at that moment
        self._alarm: Alarm | None = None  # the one the next picture belongs to

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the device has accepted, then alarms, each with its pictures after it.

        Ends after interrupt(). Raises Unreachable when the device ends the answer or falls silent, BadAnswer when it is no stream of
        parts, and whatever a request raises.
        """
        connection = self._client.connect()
        with self._lock:
            self._connection = connection
            if self._interrupted:
                connection.interrupt()
        try:
            yield from self._read(Stream(self._camera, connection, PATH))
        except CameraError:
            if not self._interrupted:
                raise
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        with self._lock:
            self._interrupted = True
            if self._connection is not None:
                self._connection.interrupt()

    def _read(self, stream: Stream) -> Generator[Event, None, None]:
        if stream.status != 200 or not (stream.content_type.startswith("multipart/") or not stream.content_type):
            raise self._instead(stream)
        yield ConnectionChanged(camera=self._camera, state="online")
        counters, reader = self.counters, PartReader(stream.headers.get("content-type"))
        try:
            for data in stream.pieces(lambda: self._silence):
                counters.bytes += len(data)
                counters.last_byte_at = now()
                parts = reader.feed(data)
                counters.framing_errors = reader.framing_errors
                for part in parts:
                    yield from self._told_by(part)
            for part in reader.close():
                if part.complete:
                    yield from self._told_by(part)
        except BadAnswer as error:
            raise BadAnswer(f"{self._camera}: alarm stream: {error}", camera=self._camera, data=error.data) from error
        finally:
            counters.framing_errors = reader.framing_errors
        if not self._interrupted:
            raise Unreachable(f"{self._camera}: the alarm stream was ended by the device", camera=self._camera)

    def _told_by(self, part: Part) -> Iterator[Event]:
        received_at = now()
        if not part.text:
            picture = read_picture(part, self._alarm, camera=self._camera, received_at=received_at)
            if picture is not None and part.complete:
                yield picture
            elif picture is None:
                self._pass_over(part, "neither a document nor a picture")
            return
        try:
            document = decode_alert_document(part.body, camera=self._camera, received_at=received_at, zone=self._zone())
        except BadAnswer as error:
            self._pass_over(part, str(error))
            return
        self.counters.documents += 1
        if document.heartbeat:
            self._learn_from_heartbeat(document.at)
        for number, event in enumerate(document.events):
            if isinstance(event, OtherAlarm):
                self.counters.unknown += 1
            if self._is_late(event):
                event = replace(event, late=True)
            if number == 0:
                self._alarm = event
            yield event

    def _learn_from_heartbeat(self, at: datetime | None) -> None:
        here = self._clock()
        if self._beat is not None:
            self._silence = max(self._silence, _MISSED * (here - self._beat))
        self._beat = here
        if at is not None:
            self._device_clock = (at, here)

    def _is_late(self, alarm: Alarm) -> bool:
        """Compare with the device's own clock, which may be wrong; before a heartbeat has told it nothing is late."""
        if alarm.at is None or self._device_clock is None:
            return False
        at, here = self._device_clock
        return at + timedelta(seconds=self._clock() - here) - alarm.at > LATE

    def _pass_over(self, part: Part, why: str) -> None:
        self.counters.undecodable += 1
        start = part.body[:_SHOWN]
        tag = _FIRST_TAG.search(part.body[:512])
        kind = f"{part.content_type} {tag[0].decode('ascii', 'replace') if tag else ''}"
        if self._client.first_time(kind):
            _log.warning(
                "%s: alarm stream: a document is passed over (%s); it begins %r; more of its kind are only counted",
                self._camera,
                why,
                start,
            )

    def _instead(self, stream: Stream) -> CameraError:
        """Return what a device means that answers with something else than a stream."""
        answer = stream.answer(self._client.timeout)
        what = f"GET {PATH}"
        if (fault := fault_of(self._camera, what, answer)) is not None:
            return fault
        text = (
            f"{self._camera}: {what} answered {answer.status} with {answer.content_type} instead of a stream of alarms"
        )
        return BadAnswer(text, camera=self._camera, data=answer.body[:_SHOWN])
