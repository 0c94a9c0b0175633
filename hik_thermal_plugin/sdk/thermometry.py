"""Thermometry over the vendor's library: real-time values (3629) and measurements by hand (6706) (hcnetsdk.md 7.4, 7.5; guide 9)."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any

from nvr_hooks import (
    BadAnswer,
    Busy,
    ConnectionChanged,
    DeviceError,
    Event,
    Measurement,
    MeasureOptions,
    NvrError,
    PointAt,
    Unreachable,
    Unsupported,
    Where,
    now,
)

from ..wire import hcnetsdk as numbers
from ..wire.hcnetsdk_layouts import (
    NET_DVR_STD_CONFIG,
    NET_DVR_STD_CONTROL,
    NET_SDK_MANUALTHERM_BASICPARAM,
    size_of,
)
from ..wire.hcnetsdk_thermometry import (
    ManualReading,
    basic_parameters,
    condition,
    decode_manual,
    decode_upload,
    manual_rule,
    with_options,
)
from .alarm_stream import Counters
from .long_connection import LongConnection
from .session import Login, SdkSession

SILENCE = 30.0
"""Seconds without a value, after there were some, after which the connection is taken for dead."""
RULES = range(10, 0, -1)
"""Numbers of manual rules to choose from, the last first: people begin with 1."""
LOOK_FOR_RULES = 1.5
"""Seconds in which every manual rule in force is told: each is once a second (hcnetsdk.md 7.4)."""
_STATUS_ROOM = 16 * 1024
_log = logging.getLogger(__name__)


class SdkRealtimeStream:
    """One connection of the source `realtime` (worker.LiveSource). `channel` is what is asked for and what readings are told under."""

    def __init__(
        self, session: SdkSession, channel: int, *, zone: Callable[[], tzinfo | None], silence: float = SILENCE
    ) -> None:
        self._session = session
        self._camera = session.camera
        self._channel = channel
        self._zone = zone
        self._silence = silence
        self._said = False
        self._connection = LongConnection(
            session, numbers.GET_REALTIME_THERMOMETRY, condition(channel), "real-time thermometry"
        )
        self.counters = Counters()

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the device has accepted, then a TemperatureReading per rule and second.

        Ends after interrupt(). Raises Unsupported where ISAPI login or the device has no such thing, Unreachable when it falls silent.
        """
        if self._connection.inbox.closed:
            return
        with self._connection as connection:
            encoding = connection.open().encoding
            yield ConnectionChanged(camera=self._camera, source="realtime", state="online")
            for item in connection.items(self._silence):
                if item is None:
                    if self.counters.documents:
                        text = f"{self._camera}: real-time thermometry: nothing came for {self._silence:g} s"
                        raise Unreachable(text, camera=self._camera)
                    continue
                self.counters.bytes += len(item.data)
                self.counters.last_byte_at = received_at = datetime.fromtimestamp(item.at, UTC)
                try:
                    reading = decode_upload(
                        item.data,
                        camera=self._camera,
                        channel=self._channel,
                        received_at=received_at,
                        zone=self._zone(),
                        encoding=encoding,
                    )
                except BadAnswer as error:
                    self._pass_over(error)
                    continue
                self.counters.documents += 1
                yield reading
            if not connection.inbox.closed:
                raise Unreachable(f"{self._camera}: real-time thermometry: the device ended it", camera=self._camera)

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._connection.inbox.close()

    def _pass_over(self, error: BadAnswer) -> None:
        self.counters.undecodable += 1
        level = logging.DEBUG if self._said else logging.WARNING
        self._said = True
        _log.log(level, "%s: real-time thermometry: passed over: %s", self._camera, error)


class SdkManualThermometry:
    """Measurements by hand, one at a time: basic parameters, a manual rule of our own, one value, and everything as it was before."""

    def __init__(self, session: SdkSession, zone: Callable[[], tzinfo | None]) -> None:
        self._session = session
        self._camera = session.camera
        self._zone = zone
        self._lock = threading.Lock()

    def measure(self, channel: int, where: Where, options: MeasureOptions, deadline: float) -> Measurement:
        """Measure now, over a rule whose number no other manual rule has.

        Raises Unsupported for reflected temperatures, for regions of more than ten corners, with ISAPI login, and where the device has no
        manual thermometry; Busy when all numbers are taken or the deadline passes while another measurement is made.
        """
        if options.reflected_celsius is not None:
            text = f"{self._camera}: the vendor library takes no reflected temperature with a measurement"
            raise Unsupported(text, camera=self._camera)
        wanted = manual_rule(channel, 1, where, camera=self._camera)
        login = self._session.private("manual thermometry", deadline)
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Busy(f"{self._camera}: another measurement is still being made", camera=self._camera)
        try:
            with (
                self._parameters(login, channel, options),
                LongConnection(
                    self._session, numbers.GET_MANUALTHERM_INFO, condition(channel), "manual thermometry"
                ) as connection,
            ):
                connection.open(deadline)
                rule = self._free_rule(connection, deadline)
                wanted.struRuleInfo.byRuleID = rule
                with self._rule(login, channel, wanted, rule):
                    reading = self._value(connection, rule, deadline)
        finally:
            self._lock.release()
        return self._answer(channel, where, reading)

    @contextmanager
    def _parameters(self, login: Login, channel: int, options: MeasureOptions) -> Iterator[None]:
        """Have the surface properties in force while the block runs; without any nothing is written."""
        if options == MeasureOptions():
            yield
            return
        before = self._basic(login, channel)
        self._set(login, numbers.SET_MANUALTHERM_BASICPARAM, channel, with_options(before, options))
        try:
            yield
        finally:
            self._put_back(lambda: self._set(login, numbers.SET_MANUALTHERM_BASICPARAM, channel, before))

    def _basic(self, login: Login, channel: int) -> NET_SDK_MANUALTHERM_BASICPARAM:
        size = size_of(NET_SDK_MANUALTHERM_BASICPARAM)
        out = ctypes.create_string_buffer(size)
        ctypes.memmove(out, size.to_bytes(4, "little"), 4)
        number, status = ctypes.c_int32(channel), ctypes.create_string_buffer(_STATUS_ROOM)
        config = NET_DVR_STD_CONFIG(
            lpCondBuffer=ctypes.addressof(number),
            dwCondSize=4,
            lpOutBuffer=ctypes.addressof(out),
            dwOutSize=size,
            lpStatusBuffer=ctypes.addressof(status),
            dwStatusSize=_STATUS_ROOM,
        )
        self._session.call(
            "GetSTDConfig",
            numbers.GET_MANUALTHERM_BASICPARAM,
            ctypes.byref(config),
            what="reading the parameters of manual thermometry",
            login=login,
        )
        return basic_parameters(out.raw)

    def _set(self, login: Login, command: int, channel: int, structure: Any) -> None:
        number, status = ctypes.c_int32(channel), ctypes.create_string_buffer(_STATUS_ROOM)
        config = NET_DVR_STD_CONFIG(
            lpCondBuffer=ctypes.addressof(number),
            dwCondSize=4,
            lpInBuffer=ctypes.addressof(structure),
            dwInSize=ctypes.sizeof(structure),
            lpStatusBuffer=ctypes.addressof(status),
            dwStatusSize=_STATUS_ROOM,
        )
        what = f"manual thermometry (command {command})"
        self._session.call("SetSTDConfig", command, ctypes.byref(config), what=what, login=login)

    def _free_rule(self, connection: LongConnection, deadline: float) -> int:
        """Listen which manual rules are told, and choose another one: those are somebody's."""
        taken = set()
        until = min(deadline, time.monotonic() + LOOK_FOR_RULES)
        while (left := until - time.monotonic()) > 0:
            for item in connection.items(left):
                if item is None:
                    break
                told = decode_manual(item.data)
                if told.enabled:
                    taken.add(told.rule)
                if time.monotonic() >= until:
                    break
            else:
                break
        free = next((number for number in RULES if number not in taken), None)
        if free is None:
            raise Busy(f"{self._camera}: all {len(RULES)} manual rules of the device are in use", camera=self._camera)
        return free

    @contextmanager
    def _rule(self, login: Login, channel: int, wanted: Any, rule: int) -> Iterator[None]:
        try:
            self._set(login, numbers.SET_MANUALTHERM, channel, wanted)
            yield
        finally:
            self._put_back(lambda: self._delete(login, channel, rule))

    def _delete(self, login: Login, channel: int, rule: int) -> None:
        which, status = condition(channel, rule=rule), ctypes.create_string_buffer(_STATUS_ROOM)
        control = NET_DVR_STD_CONTROL(
            lpCondBuffer=ctypes.addressof(which),
            dwCondSize=ctypes.sizeof(which),
            lpStatusBuffer=ctypes.addressof(status),
            dwStatusSize=_STATUS_ROOM,
        )
        what = f"deleting manual rule {rule}"
        self._session.call("STDControl", numbers.DEL_MANUALTHERM_RULE, ctypes.byref(control), what=what, login=login)

    def _put_back(self, do: Callable[[], None]) -> None:
        try:
            do()
        except NvrError as error:
            _log.error("%s: not as it was before the measurement: %s", self._camera, error)

    def _value(self, connection: LongConnection, rule: int, deadline: float) -> ManualReading:
        """Return the first value of our rule that is one; with its start a rule is told before it has measured."""
        while (left := deadline - time.monotonic()) > 0:
            for item in connection.items(left):
                if item is None:
                    break
                told = decode_manual(item.data, zone=self._zone())
                if told.rule == rule and told.status in (None, "measuring") and _measured(told):
                    return told
                if time.monotonic() >= deadline:
                    break
            else:
                raise DeviceError(f"{self._camera}: manual thermometry: the device ended it", camera=self._camera)
        raise Unreachable(f"{self._camera}: manual thermometry: no value in time", camera=self._camera)

    def _answer(self, channel: int, where: Where, reading: ManualReading) -> Measurement:
        return Measurement(
            camera=self._camera,
            channel=channel,
            where=where,
            celsius=reading.celsius if isinstance(where, PointAt) else None,
            highest_celsius=reading.highest_celsius,
            lowest_celsius=reading.lowest_celsius,
            average_celsius=reading.average_celsius,
            taken_at=reading.taken_at or now(),
            way="device",
            status=reading.status,
            unit_reported=reading.unit,
        )


def _measured(told: ManualReading) -> bool:
    return told.celsius is not None or told.highest_celsius is not None
