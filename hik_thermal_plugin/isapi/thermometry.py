"""Live temperatures over the endless answer to GET …/thermometry/realTimethermometry/rules (isapi.md 8.3)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import NoReturn

from nvr_hooks import (
    BadAnswer,
    CameraError,
    ConnectionChanged,
    Event,
    TemperatureReading,
    now,
)

from ..wire.parts import Part
from ..wire.thermometry import decode_readings
from .channels import ThermalChannels
from .client import IsapiClient
from .faults import Answer, fault_of, verdict_in
from .part_stream import PartStream
from .rules import DeviceRules

PATH = "/ISAPI/Thermal/channels/{}/thermometry/realTimethermometry/rules?format=json"
SILENCE = 30.0
"""Seconds without a byte after which the connection is dead, while a rule is enabled: no heartbeat is documented."""
NO_LIMIT = 7 * 86_400.0
"""While no rule is enabled silence is what is to be expected."""


class RealtimeStream:
    """One connection of the source `realtime` (worker.LiveSource). `channel` is what readings are told under."""

    def __init__(
        self,
        client: IsapiClient,
        channels: ThermalChannels,
        rules: DeviceRules,
        channel: int,
        *,
        silence: float = SILENCE,
    ) -> None:
        self._client = client
        self._camera = client.camera
        self._channels = channels
        self._rules = rules
        self._channel = channel
        self._silence = silence
        self._parts = PartStream(client, "real-time thermometry")
        self.counters = self._parts.counters
        self._expected = True
        """Whether the device is to be heard from: a rule is enabled."""
        self._telling: set[tuple[int | None, int | str | None]] = set()
        self._path = ""

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the device has accepted, then a TemperatureReading per rule and block.

        Ends after interrupt(). Raises Unsupported when the device has no such stream under any channel, Unreachable when it ends the
        answer or falls silent, BadAnswer when it is no stream of parts, and whatever a request raises.
        """
        with self._parts as stream:
            self._expected = self._is_expected()
            self._channels.ask("data", "realtime", self._channel, self._open)
            yield ConnectionChanged(camera=self._camera, source="realtime", state="online")
            for part in stream.parts(lambda: self._silence if self._expected else NO_LIMIT):
                yield from self._told_by(part)

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._parts.interrupt()

    def _is_expected(self) -> bool:
        """Ask whether a rule is enabled; a device that does not say is listened to without a limit until it tells something."""
        with self._client.conversation(self._parts.connection):
            measured = self._rules.measured(self._channel, self._client.deadline())
        return measured is not None and bool(measured.regions)

    def _open(self, number: int) -> None:
        self._path = PATH.format(number)
        self._parts.open(self._path, any_type=True)

    def _told_by(self, part: Part) -> Iterator[TemperatureReading]:
        if not part.text:
            self._parts.pass_over(part, "no document")
            return
        try:
            readings = decode_readings(part.body, camera=self._camera, channel=self._channel, received_at=now())
        except BadAnswer as error:
            if (verdict := verdict_in(part.body)) is not None and not verdict.ok:
                self._refuse(part)
            self._parts.pass_over(part, str(error))
            return
        self.counters.documents += 1
        for reading in without_repeats(readings):
            if reading is None:
                self._parts.pass_over(part, "a rule is told twice, the first counts")
                continue
            if reading.status == "ended":
                self._telling.discard((reading.preset, reading.rule))
            else:
                self._telling.add((reading.preset, reading.rule))
            self._expected = bool(self._telling)
            yield reading

    def _refuse(self, part: Part) -> NoReturn:
        """Raise what a device means that answers 200 and says no in the body."""
        fault = fault_of(self._camera, f"GET {self._path}", Answer(200, {}, part.content_type, part.body))
        raise fault or CameraError(f"{self._camera}: GET {self._path}: refused", camera=self._camera)


def without_repeats(readings: Iterable[TemperatureReading]) -> Iterator[TemperatureReading | None]:
    """Yield the readings of one document, and None in place of one whose rule was told before: its values belong to nobody knows which."""
    seen = set()
    for reading in readings:
        key = (reading.preset, reading.rule)
        yield None if key in seen else reading
        seen.add(key)
