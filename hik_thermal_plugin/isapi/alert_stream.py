"""Alarms by arming: GET /ISAPI/Event/notification/alertStream, an answer that never ends (isapi.md 6.2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from nvr_hooks import Alarm, BadAnswer, ConnectionChanged, Event, OtherAlarm, now

from ..wire.alerts import decode_alert_document
from ..wire.parts import Part
from ..wire.pictures import read_picture
from .client import IsapiClient
from .part_stream import PartStream

PATH = "/ISAPI/Event/notification/alertStream"
LATE = timedelta(seconds=60)
SILENCE = 35.0
"""Seconds without a byte after which the connection is dead: heartbeats come every 10 s or more often (isapi.md 6.3)."""
_MISSED = 3  # heartbeats, where the device sends them more slowly


class AlertStream:
    """One connection of the source `alert_stream` (worker.LiveSource).

    `zone` tells the zone of times without an offset; `told` is given the device's clock with each heartbeat. `silence` is the least time
    without a byte after which the connection is given up; a device whose heartbeats are slow gets three of them. `clock` gives monotonic
    seconds.
    """

    def __init__(
        self,
        client: IsapiClient,
        *,
        zone: Callable[[], tzinfo | None] = lambda: None,
        told: Callable[[datetime], object] = lambda at: None,
        silence: float = SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = client.camera
        self._parts = PartStream(client, "alarm stream")
        self._zone = zone
        self._told = told
        self._clock = clock
        self._silence = silence
        self.counters = self._parts.counters
        self._beat: float | None = None  # when the last heartbeat came
        self._device_clock: tuple[datetime, float] | None = None  # the device's clock, and ours at that moment
        self._alarm: Alarm | None = None  # the one the next picture belongs to

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the device has accepted, then alarms, each with its pictures after it.

        Ends after interrupt(). Raises Unreachable when the device ends the answer or falls silent, BadAnswer when it is no stream of
        parts, and whatever a request raises.
        """
        with self._parts as stream:
            stream.open(PATH)
            yield ConnectionChanged(camera=self._camera, state="online")
            for part in stream.parts(lambda: self._silence):
                yield from self._told_by(part)

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._parts.interrupt()

    def _told_by(self, part: Part) -> Iterator[Event]:
        received_at = now()
        if not part.text:
            picture = read_picture(part, self._alarm, camera=self._camera, received_at=received_at)
            if picture is not None and part.complete:
                yield picture
            elif picture is None:
                self._parts.pass_over(part, "neither a document nor a picture")
            return
        try:
            document = decode_alert_document(part.body, camera=self._camera, received_at=received_at, zone=self._zone())
        except BadAnswer as error:
            self._parts.pass_over(part, str(error))
            return
        self.counters.documents += 1
        if document.heartbeat:
            self._learn_from_heartbeat(document.at)
        else:
            self._beat = None  # between alarms a device need not send heartbeats, so this gap teaches nothing
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
            self._told(at)

    def _is_late(self, alarm: Alarm) -> bool:
        """Compare with the device's own clock, which may be wrong; before a heartbeat has told it nothing is late."""
        if alarm.at is None or self._device_clock is None:
            return False
        at, here = self._device_clock
        return at + timedelta(seconds=self._clock() - here) - alarm.at > LATE
