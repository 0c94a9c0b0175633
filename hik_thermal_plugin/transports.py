"""Which transport serves what: a camera with several of them as one. Satisfies `transport.CameraTransport`.

Each capability has its order. What a transport does not have (Unsupported) the next one is asked for; every other error is the answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from nvr_hooks import (
    CameraError,
    Disk,
    Event,
    Measurement,
    MeasureOptions,
    Point,
    RecordedFile,
    RecordOptions,
    RuleChange,
    StreamUrl,
    ThermalFrame,
    TimeSpan,
    Transport,
    Unsupported,
    Where,
)

from .transport import (
    CameraTransport,
    Capture,
    CodedFrame,
    Compute,
    Diagnosis,
    Identity,
    LiveSource,
    OwnRecording,
    TemperatureSource,
    Transfer,
    VideoSource,
)

T = TypeVar("T")
_SOURCES: Mapping[TemperatureSource, str] = {
    "realtime": "realtime_thermometry",
    "metadata": "metadata",
    "poll": "thermometry_polling",
    "frame": "thermal_frame",
}
_log = logging.getLogger(__name__)


class Transports:
    """Several transports. Thread-safe. `order` names those to use for a capability, best first; `default` is for what is none."""

    def __init__(
        self,
        camera: str,
        transports: Mapping[Transport, CameraTransport],
        order: Callable[[str], Sequence[Transport]],
    ) -> None:
        self._camera = camera
        self._transports = dict(transports)
        self._order = order
        self._lock = threading.Lock()
        self._said: set[tuple[str, Transport]] = set()

    @property
    def name(self) -> Transport:
        """Tell which transport is asked first."""
        return self._order("default")[0]

    def serves(self, capability: str) -> Transport | None:
        """Tell which transport serves a capability."""
        return next((found.name for found in self._using(capability) if found.serves(capability)), None)

    def identify(self, deadline: float) -> Identity:
        """Ask the device who it is."""
        return self._first("default", lambda transport: transport.identify(deadline))

    def alarms(self, zone: Callable[[], tzinfo | None]) -> LiveSource:
        """Return a source that arms the device: that of the first transport."""
        return self._using("alarms")[0].alarms(zone)

    def snapshot(self, channel: int, stream: int, deadline: float) -> tuple[bytes, datetime]:
        """Return a JPEG and when it was asked for."""
        return self._first("snapshot", lambda transport: transport.snapshot(channel, stream, deadline))

    def player_picture(self, channel: int, form: Literal["jpeg", "bmp"], deadline: float) -> bytes | None:
        """Return a picture of the transport's own player."""
        return self._using("live")[0].player_picture(channel, form, deadline)

    def recording(self, channel: int, target: Path, options: RecordOptions, deadline: float) -> OwnRecording | None:
        """Record by a transport's own means: by that of live video; 3gp by whichever has it."""
        for transport in self._using("live")[: None if options.container == "3gp" else 1]:
            if (found := transport.recording(channel, target, options, deadline)) is not None:
                return found
        return None

    def stream_url(self, channel: int, profile: str) -> StreamUrl:
        """Return the address of a live stream."""
        return self._first("live", lambda transport: transport.stream_url(channel, profile), quiet=True)

    def video(self, channel: int, profile: str) -> VideoSource:
        """Return one connection of live video."""
        return self._video("live", lambda transport: transport.video(channel, profile))

    def playback(self, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> VideoSource:
        """Return one connection that plays a recording back; one that has an address is played from there."""
        addressed = isinstance(what, RecordedFile) and what.playback_uri
        by = next((one for one in self._using("playback") if addressed and one.name == "isapi"), None)
        if by is not None:
            return by.playback(track, what, zone)
        return self._video("playback", lambda transport: transport.playback(track, what, zone))

    def playback_url(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> StreamUrl:
        """Return the address of a recording by time."""
        return self._first("playback", lambda transport: transport.playback_url(track, start, end, zone), quiet=True)

    def playback_file_url(self, uri: str) -> StreamUrl:
        """Return the address of a recording by the device's own words for it."""
        return self._first("playback", lambda transport: transport.playback_file_url(uri), quiet=True)

    def recordings(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[RecordedFile]:
        """Yield what was recorded, as the first transport that can search tells it."""
        refused: list[Unsupported] = []
        for transport in self._using("search"):
            begun = False
            try:
                for file in transport.recordings(track, start, end, zone):
                    begun = True
                    yield file
            except Unsupported as error:
                if begun:
                    raise
                refused.append(error)
                self.noted("search", transport.name, error)
            else:
                return
        raise all_of(self._camera, refused)

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the transfer of a recording, over the transport that told it: others have names of their own."""
        using = self._using("download")
        by = "isapi" if file.playback_uri else "sdk"
        return next((one for one in using if one.name == by), using[0]).transfer(file)

    def span_transfer(self, track: int, span: TimeSpan) -> Transfer | None:
        """Return the transfer of a span of time, over the first transport."""
        return self._using("download")[0].span_transfer(track, span)

    def storage(self, deadline: float) -> Sequence[Disk]:
        """Return disks and network shares."""
        return self._first("storage", lambda transport: transport.storage(deadline))

    def temperatures(self, source: TemperatureSource, channel: int, compute: Compute) -> LiveSource:
        """Return a source of the channel's temperatures."""
        capability = _SOURCES[source]
        using = self._using(capability)
        if len(using) == 1:
            return using[0].temperatures(source, channel, compute)
        opens = [(one.name, partial(one.temperatures, source, channel, compute)) for one in using]
        return _EventsOf(self, capability, opens)

    def frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return a new radiometric frame."""
        return self._first("thermal_frame", lambda transport: transport.frame(channel, deadline))

    def recent_frame(self, channel: int, options: MeasureOptions, deadline: float) -> ThermalFrame:
        """Return a frame for a measurement."""
        return self._first("thermal_frame", lambda transport: transport.recent_frame(channel, options, deadline))

    def click(self, channel: int, at: Point, deadline: float) -> float | None:
        """Return the temperature at a point as the device measures it."""
        return self._first("manual_thermometry", lambda transport: transport.click(channel, at, deadline))

    def manual(self, channel: int, where: Where, options: MeasureOptions, deadline: float) -> Measurement | None:
        """Measure by hand on the device, over the first transport: others have their turn when it has no frames either."""
        return self._using("manual_thermometry")[0].manual(channel, where, options, deadline)

    def rules(self, channel: int, deadline: float) -> dict[str, object]:
        """Return the rules document of a channel."""
        return self._first("rules", lambda transport: transport.rules(channel, deadline))

    def change_rules(
        self, channel: int, wanted: Mapping[str, object], *, dry_run: bool, deadline: float
    ) -> tuple[RuleChange, ...]:
        """Change the rules over the first transport: a refusal half way is no reason to go on over another."""
        transport = self._using("rules")[0]
        return transport.change_rules(channel, wanted, dry_run=dry_run, deadline=deadline)

    def presence(self, deadline: float) -> Mapping[str, str]:
        """Tell of each transport whether it answers."""
        return self._presence(deadline, ())

    def diagnose(self, identity: Identity, channel: int | None, deadline: float, *, metadata_wanted: bool) -> Diagnosis:
        """Look at everything that alarms, temperatures and video need; of the other transports tell whether they answer."""
        asked: list[CameraTransport] = []

        def look(transport: CameraTransport) -> Diagnosis:
            seen = transport.diagnose(identity, channel, deadline, metadata_wanted=metadata_wanted)
            asked.append(transport)
            return seen

        seen = self._first("default", look)
        return replace(seen, facts={**seen.facts, **self._presence(deadline, asked)})

    def capture(self, identity: Identity, deadline: float) -> Capture:
        """Ask for everything that tells how the device answers."""
        return self._first("default", lambda transport: transport.capture(identity, deadline), quiet=True)

    def interrupt(self) -> None:
        """End every request that is under way."""
        for transport in self._transports.values():
            transport.interrupt()

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            transport.close()

    def noted(self, what: str, transport: Transport, error: Unsupported) -> None:
        """Say, once, that the next transport is asked instead."""
        with self._lock:
            first = (what, transport) not in self._said
            self._said.add((what, transport))
        if first:
            _log.info("%s: %s over another transport: %s", self._camera, what.replace("_", " "), error)

    def _using(self, capability: str) -> list[CameraTransport]:
        """Return the transports to ask, best first; those that know that they do not have it only where nobody has."""
        listed = [self._transports[name] for name in self._order(capability)]
        return [one for one in listed if one.serves(capability)] or listed

    def _presence(self, deadline: float, known: Sequence[CameraTransport]) -> Mapping[str, str]:
        facts: dict[str, str] = {}
        for transport in self._transports.values():
            if transport not in known:
                try:
                    facts |= transport.presence(deadline)
                except CameraError as error:
                    facts[transport.name] = f"does not answer: {error}"
        return facts

    def _first(self, capability: str, ask: Callable[[CameraTransport], T], *, quiet: bool = False) -> T:
        refused: list[Unsupported] = []
        listed = [self._transports[name] for name in self._order(capability)] if quiet else self._using(capability)
        for transport in listed:
            try:
                return ask(transport)
            except Unsupported as error:
                refused.append(error)
                if not quiet and transport is not listed[-1]:
                    self.noted(capability, transport.name, error)
        raise all_of(self._camera, refused)

    def _video(self, capability: str, open: Callable[[CameraTransport], VideoSource]) -> VideoSource:
        using = self._using(capability)
        if len(using) == 1:
            return open(using[0])
        return _VideoOf(self, capability, [(one.name, partial(open, one)) for one in using])


def all_of(camera: str, refused: Sequence[Unsupported]) -> Unsupported:
    """Return one error with every transport's reason."""
    if len(refused) == 1:
        return refused[0]
    return Unsupported("; ".join(dict.fromkeys(str(error) for error in refused)), camera=camera)


class _Either:
    """A source over the first transport that has it."""

    def __init__(self, owner: Transports, what: str, opens: Sequence[tuple[Transport, Callable[[], Any]]]) -> None:
        self._owner = owner
        self._what = what
        self._opens = opens
        self._lock = threading.Lock()
        self._ended = False
        self._present: Any = opens[0][1]()

    @property
    def counters(self) -> Any:
        """What the present one counted."""
        return self._present.counters

    def interrupt(self) -> None:
        """End it from any thread."""
        with self._lock:
            self._ended = True
            self._present.interrupt()

    def _follow(self, run: Callable[[Any], Iterator[T]]) -> Generator[T, None, None]:
        refused: list[Unsupported] = []
        for number, (name, open) in enumerate(self._opens):
            if number:
                with self._lock:
                    self._present = open()
                    if self._ended:
                        return
            begun = False
            try:
                for told in run(self._present):
                    begun = True
                    yield told
            except Unsupported as error:
                if begun:
                    raise
                refused.append(error)
                self._owner.noted(self._what, name, error)
            else:
                return
        raise all_of("", refused)


class _EventsOf(_Either):
    """Events (worker.LiveSource)."""

    def events(self) -> Generator[Event, None, None]:
        """Yield what the first transport that has it tells."""
        yield from self._follow(lambda source: source.events())


class _VideoOf(_Either):
    """Pictures (transport.VideoSource)."""

    @property
    def ending(self) -> str:
        """Return how a recording ended."""
        return str(self._present.ending)

    @property
    def fell_silent(self) -> bool:
        """Return whether it only ceased."""
        return bool(self._present.fell_silent)

    def frames(self) -> Generator[CodedFrame, None, None]:
        """Yield the pictures of the first transport that has them."""
        yield from self._follow(lambda source: source.frames())
