"""Temperatures of cameras that are asked again and again: their rules by rulesTemperatureInfo, or one radiometric frame after the other
from which the rules are computed (isapi.md 8.3, 8.4)."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import replace

from nvr_hooks import (
    BadAnswer,
    CameraError,
    ConnectionChanged,
    Event,
    Source,
    TemperatureReading,
    now,
)

from ..transport import Compute
from ..wire.thermometry import decode_rules_temperatures
from .channels import ThermalChannels
from .client import IsapiClient
from .connection import Connection
from .faults import fault_of
from .frames import Frames
from .part_stream import Counters
from .rules import PRESET, DeviceRules, Measured
from .thermometry import without_repeats

PATH = "/ISAPI/Thermal/channels/{}/thermometry/{}/rulesTemperatureInfo?format=json"
RULES_AGAIN = 60.0
"""Seconds after which names and outlines of the rules are read again."""
NOTHING_TO_TELL = 30.0
"""Seconds between questions while no rule is enabled."""
_log = logging.getLogger(__name__)


class _Asking(ABC):
    """What asks every `interval` seconds, over one connection (worker.LiveSource)."""

    source: Source

    def __init__(self, client: IsapiClient, rules: DeviceRules, channel: int, interval: float) -> None:
        self.counters = Counters()
        self._client = client
        self._camera = client.camera
        self._rules = rules
        self._channel = channel
        self._interval = interval
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._measured: Measured | None = None
        self._measured_at: float | None = None

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") with the first answer, then a TemperatureReading per rule and answer.

        Ends after interrupt(). Raises Unsupported when the device does not answer this under any channel, and whatever a request raises.
        """
        connection = self._client.connect()
        with self._lock:
            self._connection = connection
            if self._ended.is_set():
                connection.interrupt()
        try:
            online = False
            while not self._ended.is_set():
                with self._client.conversation(connection):
                    readings = self._ask()
                if not online:
                    online = True
                    yield ConnectionChanged(camera=self._camera, source=self.source, state="online")
                yield from readings or ()
                self._ended.wait(max(self._interval, NOTHING_TO_TELL) if readings == [] else self._interval)
        except CameraError:
            if not self._ended.is_set():
                raise
        finally:
            with self._lock:
                self._connection = None
            connection.close()

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        with self._lock:
            self._ended.set()
            if self._connection is not None:
                self._connection.interrupt()

    def _ask(self) -> list[TemperatureReading] | None:
        """Return what the device tells now; None for an answer that cannot be understood, which is counted and passed over."""
        try:
            self._look_at_rules()
            readings = list(self._readings())
        except BadAnswer as error:
            self.counters.undecodable += 1
            if self._client.first_time(f"{self.source} answer"):
                text = "%s: %s: an answer is passed over (%s); more of them are only counted"
                _log.warning(text, self._camera, self.source, error)
            return None
        self.counters.documents += 1
        self.counters.last_byte_at = now()
        return readings

    def _look_at_rules(self) -> None:
        at = time.monotonic()
        if self._measured_at is None or at - self._measured_at >= RULES_AGAIN:
            self._measured = self._rules.measured(self._channel, self._client.deadline(), with_unit=True)
            self._measured_at = at

    @abstractmethod
    def _readings(self) -> Iterator[TemperatureReading]: ...


class PolledReadings(_Asking):
    """The source `poll`: the device's own values, where it does not stream them."""

    source: Source = "poll"

    def __init__(
        self, client: IsapiClient, channels: ThermalChannels, rules: DeviceRules, channel: int, interval: float
    ) -> None:
        super().__init__(client, rules, channel, interval)
        self._channels = channels

    def _readings(self) -> Iterator[TemperatureReading]:
        body = self._channels.ask("data", "poll", self._channel, self._fetch)
        self.counters.bytes += len(body)
        measured = self._measured or Measured()
        readings = decode_rules_temperatures(
            body,
            camera=self._camera,
            channel=self._channel,
            rules=measured.regions,
            unit=measured.unit,
            received_at=now(),
        )
        for reading in without_repeats(readings):
            if reading is None:
                self.counters.undecodable += 1
            elif measured.whole:
                yield replace(reading, rule=None)
                return
            else:
                yield reading

    def _fetch(self, number: int) -> bytes:
        path = PATH.format(number, PRESET)
        answer = self._client.exchange("GET", path)
        if (fault := fault_of(self._camera, f"GET {path}", answer)) is not None:
            raise fault
        return answer.body


class ComputedReadings(_Asking):
    """The source `frame`: rules computed by `compute`, for devices that tell neither live nor when asked."""

    source: Source = "frame"

    def __init__(
        self, client: IsapiClient, frames: Frames, rules: DeviceRules, channel: int, interval: float, compute: Compute
    ) -> None:
        super().__init__(client, rules, channel, interval)
        self._frames = frames
        self._compute = compute

    def _readings(self) -> Iterator[TemperatureReading]:
        measured = self._measured or Measured(whole=True)
        if not measured.whole and not measured.regions:
            self._measured_at = None  # nothing is worth a frame until a rule is enabled
            return
        frame = self._frames.fetch(self._channel, self._client.deadline(), wait=self._ended.wait)
        self.counters.bytes += frame.matrix.nbytes
        yield from self._compute(frame, measured.regions)
