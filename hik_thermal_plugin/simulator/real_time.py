"""The real-time temperature streams: blocks of all rules for as long as a client listens (isapi.md 8.3).

Between blocks there is nothing, no heartbeat either; without an enabled rule nothing comes at all. A rule that is switched on is told
as started, one that is switched off as ended, at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass

from . import parts, readings
from .device import Device
from .http import HttpConnection, Request
from .models import Rule
from .readings import Status
from .refusals import NOT_SUPPORTED, Refused

_PATH = re.compile(r"/ISAPI/Thermal/channels/(\d{1,3})/thermometry/realTimethermometry/rules(?:/(\d{1,3}))?")
_SPLIT_SECONDS = 0.02
"""How long the rest of a block stays away where the profile splits it: longer than what TCP would join."""


@dataclass(slots=True)
class _Stream:
    path: str
    rule: int | None
    captured: bytes = b""
    """What is told again and again instead of temperatures of the scene."""


def is_real_time(request: Request) -> bool:
    """Whether the request opens a stream of temperatures."""
    return _PATH.fullmatch(request.path) is not None


class RealTimeStreams:
    """Every client that listens to temperatures. `period` is that of the blocks, in seconds."""

    def __init__(self, device: Device, period: float) -> None:
        self._device = device
        self._period = period
        self._loop = asyncio.get_running_loop()
        self._streams: dict[HttpConnection, _Stream] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rests: set[asyncio.TimerHandle] = set()
        self._known = device.scene.rules

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, connection: HttpConnection, request: Request) -> None:
        """Turn a connection into a stream and tell the first block; raises Refused where the device cannot."""
        profile = self._device.profile
        found = _PATH.fullmatch(request.path)
        assert found is not None, "asked by the caller"
        if (captured := self._device.captured.answer("GET", request.target)) is not None:
            connection.listen_no_more()
            connection.write(parts.head(profile, captured.content_type) + captured.body)
            self._streams[connection] = _Stream(request.path, None, captured.body)
            self._begin()
            return
        if not profile.real_time or not profile.thermometry or "format=json" not in request.target:
            raise Refused(NOT_SUPPORTED)
        if int(found[1]) != self._device.data_channel:
            raise Refused(NOT_SUPPORTED)
        connection.listen_no_more()
        connection.write(parts.head(profile))
        self._streams[connection] = _Stream(request.path, int(found[2]) if found[2] else None)
        self._tell([connection], _measuring(self._device))
        self._begin()

    def closed(self, connection: object) -> None:
        """Forget a connection that has ended."""
        if isinstance(connection, HttpConnection):
            self._streams.pop(connection, None)
        if not self._streams:
            self.stop()

    def stop(self) -> None:
        """Tell nothing more."""
        for timer in (self._timer, *self._rests):
            if timer:
                timer.cancel()
        self._timer = None
        self._rests.clear()

    def look(self) -> None:
        """Tell which rules have been switched on or off since the last look."""
        old, new = self._known, self._device.scene.rules
        self._known = new
        changed: list[tuple[Rule, Status]] = [(rule, "ended") for key, rule in old.items() if key not in new]
        changed += [(rule, "started") for key, rule in new.items() if key not in old]
        self._tell(list(self._streams), changed)

    def _begin(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._period, self._tick)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._period, self._tick)
        for connection, stream in list(self._streams.items()):
            connection.write(stream.captured)
        self._tell(list(self._streams), _measuring(self._device))

    def _tell(self, connections: list[HttpConnection], told: Iterable[tuple[Rule, Status]]) -> None:
        told = list(told)
        groups: dict[tuple[str, int | None], list[HttpConnection]] = {}
        for connection in connections:
            stream = self._streams[connection]
            if stream.captured:
                continue
            groups.setdefault((stream.path, stream.rule), []).append(connection)
        for (path, wanted), group in groups.items():
            chosen = [(rule, status) for rule, status in told if wanted in (None, rule.id)]
            self._send(readings.blocks(self._device, chosen), group, path)

    def _send(self, blocks: list[dict[str, object]], connections: list[HttpConnection], path: str) -> None:
        profile, faults = self._device.profile, self._device.faults
        bodies = [readings.encode(block) for block in blocks]
        if profile.joined_uploads and bodies:
            bodies = [b"".join(bodies)]
        for body in bodies:
            data = parts.part(profile, [("Content-Type", 'application/json; charset="UTF-8"')], body) + b"\r\n"
            if not profile.split_uploads:
                parts.send(data, connections, faults, path)
                continue
            half = len(data) - len(body) // 2
            parts.send(data[:half], connections, faults, path)
            self._later(data[half:], connections, path)

    def _later(self, rest: bytes, connections: list[HttpConnection], path: str) -> None:
        def send() -> None:
            self._rests.discard(timer)
            parts.send(rest, [one for one in connections if one in self._streams], self._device.faults, path)

        timer = self._loop.call_later(_SPLIT_SECONDS, send)
        self._rests.add(timer)


def _measuring(device: Device) -> list[tuple[Rule, Status]]:
    return [(rule, "measuring") for rule in device.scene.rules.values()]
