"""Alarms by arming over the vendor's library: SetDVRMessageCallBack_V31 and SetupAlarmChan_V41 (hcnetsdk.md 7.3; guide 7)."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from nvr_hooks import BadAnswer, ConnectionChanged, Event, OtherAlarm, Unreachable

from ..wire import hcnetsdk as numbers
from ..wire.hcnetsdk_alarms import Block, decode_alarm
from ..wire.hcnetsdk_layouts import NET_DVR_SETUPALARM_PARAM, size_of
from .inbox import Inbox, Item
from .session import SdkSession

PROVEN = 30.0
"""Seconds armed after which a connection was of use, whether or not there was an alarm: the library shows no heartbeats."""
_LOST = {
    numbers.EXCEPTION_EXCHANGE: "its heartbeat was lost",
    numbers.EXCEPTION_ALARM: "the alarm channel failed",
    numbers.ALARM_RECONNECTING: "the alarm channel was lost",
    numbers.RELOGIN_FAILED: "the login was lost",
}
_ALARMS_LOST = {
    numbers.ALARM_BUFFER_FULL: "the library's buffer of alarms was full: some are lost",
    numbers.ALARM_LOST: "the library has lost an alarm",
}
_MEDIUM_PRIORITY = 1
_log = logging.getLogger(__name__)


@dataclass
class Counters:
    """What was counted on one connection (worker.SourceCounters)."""

    bytes: int = 0
    documents: int = 0
    unknown: int = 0
    undecodable: int = 0
    framing_errors: int = 0
    last_byte_at: datetime | None = None


class SdkAlarmStream:
    """One connection of the source `sdk` (worker.LiveSource). `zone` tells the zone of the device's times."""

    def __init__(self, session: SdkSession, *, zone: Callable[[], tzinfo | None] = lambda: None) -> None:
        self._session = session
        self._camera = session.camera
        self._zone = zone
        self._inbox = Inbox()
        self._told: set[str] = set()
        self.counters = Counters()

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the device is armed, then alarms, each with its pictures after it.

        Ends after interrupt(). Raises Unreachable when the library reports the device lost, and whatever the login raises.
        """
        if self._inbox.closed:
            return
        login = self._session.login()
        library, inbox = login.library, self._inbox
        # Before it is armed: an alarm may come before the function that arms has returned.
        library.route(login.user, inbox, login.serial_number)
        library.watch(login.user, inbox)
        armed_at = time.monotonic()
        try:
            wanted = NET_DVR_SETUPALARM_PARAM(dwSize=size_of(NET_DVR_SETUPALARM_PARAM), byLevel=_MEDIUM_PRIORITY)
            number = self._session.call("SetupAlarmChan_V41", ctypes.byref(wanted), what="arming", login=login)
            with self._session.open("alarm", login, number, "CloseAlarmChan_V30") as handle:
                yield ConnectionChanged(camera=self._camera, source="sdk", state="online")
                while (item := inbox.get()) is not None:
                    if item.exception:
                        self._look_at(item, handle.number)
                    else:
                        yield from self._told_by(item)
        except Unreachable:
            self._session.lost(login)
            raise
        finally:
            library.route(login.user, None)
            library.unwatch(login.user, inbox)
            if time.monotonic() - armed_at > PROVEN:
                self.counters.documents += 1

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._inbox.close()

    def _told_by(self, item: Item) -> Iterator[Event]:
        counters = self.counters
        counters.bytes += len(item.data)
        counters.last_byte_at = received_at = datetime.fromtimestamp(item.at, UTC)
        if self._inbox.dropped:
            self._say("dropped", f"{self._camera}: alarms came faster than they are read; some were dropped")
            counters.undecodable += self._inbox.dropped
            self._inbox.dropped = 0
        block = Block(command=item.kind, data=item.data, address=item.address, text=item.text, pictures=item.pictures)
        try:
            events = decode_alarm(block, camera=self._camera, received_at=received_at, zone=self._zone())
        except BadAnswer as error:
            counters.undecodable += 1
            kind = f"{item.kind:#06x}"
            self._say(
                kind, f"{self._camera}: an alarm of command {kind} is passed over: {error} ({item.data[:24].hex()})"
            )
            return
        except Exception:  # noqa: BLE001 - a mistake in a decoder must not end the alarms
            counters.undecodable += 1
            kind = f"{item.kind:#06x}"
            self._say(f"mistake {kind}", f"{self._camera}: an alarm of command {kind} is passed over", trace=True)
            return
        counters.documents += 1
        for event in events:
            if isinstance(event, OtherAlarm):
                counters.unknown += 1
            yield event

    def _look_at(self, item: Item, handle: int) -> None:
        """Raise Unreachable for an exception that ends this connection; count one that tells of lost alarms."""
        if item.kind in _ALARMS_LOST:
            self.counters.undecodable += 1
            self._say(_ALARMS_LOST[item.kind], f"{self._camera}: {_ALARMS_LOST[item.kind]}")
            return
        about = int.from_bytes(item.data, "little", signed=True)
        other = item.kind in (numbers.EXCEPTION_ALARM, numbers.ALARM_RECONNECTING) and about not in (handle, -1)
        if item.kind in _LOST and not other:
            raise Unreachable(f"{self._camera}: {_LOST[item.kind]} (exception {item.kind:#06x})", camera=self._camera)

    def _say(self, kind: str, text: str, *, trace: bool = False) -> None:
        level = logging.DEBUG if kind in self._told else logging.ERROR if trace else logging.WARNING
        self._told.add(kind)
        _log.log(level, "%s", text, exc_info=trace)
