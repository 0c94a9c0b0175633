"""What a way of talking to a camera offers; `isapi/` and `sdk/` both satisfy it, and `camera.py` chooses between them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal, Protocol

from nvr_hooks import (
    Capability,
    ChannelInfo,
    Disk,
    Finding,
    Measurement,
    MeasureOptions,
    Point,
    RecordedFile,
    Recording,
    RecordOptions,
    RuleChange,
    StreamUrl,
    TemperatureReading,
    ThermalFrame,
    TimeSpan,
    Transport,
    Where,
    now,
)
from nvr_hooks.moments import uptime

from .worker import LiveSource as LiveSource
from .worker import SourceCounters

TemperatureSource = Literal["realtime", "metadata", "poll", "frame"]
"""Where live temperatures come from: streamed by the device, told beside its video (with fires), asked for again and again, or computed
from radiometric frames."""
MetadataUse = Literal["unused", "tried", "wanted"]
"""Metadata is left alone; read where the camera sends it; or asked for by the owner, so that its absence is a fault."""
Compute = Callable[[ThermalFrame, Mapping[int, Mapping[str, object]]], Sequence[TemperatureReading]]
"""Readings of the enabled rules (`regions` of the rules document), computed from a frame; of the whole picture without rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device told of itself; what it did not say is None."""

    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    mac: str | None = None
    device_name: str | None = None
    channels: tuple[ChannelInfo, ...] | None = None
    thermal_channel: int | None = None
    thermal_evidence: str | None = None
    capabilities: frozenset[Capability] | None = None
    zone: tzinfo | None = None
    """Of times the device writes without an offset."""
    clock_ahead: timedelta | None = None
    """How much the device's clock is ahead of ours."""
    most_connections: int | None = None
    """How many users the device lets in at a time."""


class DeviceClock:
    """How much a device's clock is ahead of ours, as it showed it last. Ours may be set meanwhile: `ahead` tells what it is then."""

    def __init__(self) -> None:
        self._shown: tuple[datetime, float] | None = None

    def show(self, at: datetime) -> None:
        """Take what the device's clock shows now."""
        self._shown = (at, uptime())

    @property
    def ahead(self) -> timedelta | None:
        """Return how much it is ahead now; None before it was shown."""
        if self._shown is None:
            return None
        at, shown = self._shown
        return at + timedelta(seconds=uptime() - shown) - now()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a look at a device has shown."""

    findings: tuple[Finding, ...]
    """What is wrong, worst first."""
    facts: Mapping[str, str]
    """What answers and how it stands, for people."""
    offers: Mapping[TemperatureSource, bool]
    """Sources of temperatures that answered, or that the device says it does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a device answered to one question, as it came."""

    target: str
    """Path and query; over RTSP the path of the stream."""
    status: int
    content_type: str
    body: bytes = field(repr=False)
    kind: Literal["document", "frame", "stream", "description", "packets", "playback"] = "document"
    """A stream is the beginning of an endless answer; a description is SDP; packets are RTP, each behind its length in two bytes; how a playback
    went is JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A device's answers, unredacted, and who they are to be redacted for."""

    answers: tuple[Answered, ...]
    challenges: tuple[str, ...]
    """What it says to somebody who has not logged in (WWW-Authenticate)."""
    host: str
    username: str
    password: str = field(repr=False)


class CodedFrame(Protocol):
    """A picture as the camera coded it (wire.video.CodedFrame)."""

    @property
    def data(self) -> bytes: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bool: ...
    @property
    def codec(self) -> str: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def reordered(self) -> int | None: ...


class VideoSource(Protocol):
    """One connection that brings coded pictures: live, or played back."""

    @property
    def counters(self) -> SourceCounters:
        """What was counted so far."""

    @property
    def ending(self) -> str:
        """How the device ended a recording, for people; empty while it goes on."""

    @property
    def fell_silent(self) -> bool:
        """Whether a recording only ceased: perhaps its end, perhaps a loss."""

    def frames(self) -> Generator[CodedFrame, None, None]:
        """Connect and yield pictures; end where a recording ends, or after interrupt(); raise CameraError when the rest is lost."""

    def interrupt(self) -> None:
        """End frames() from any thread, also before it began."""


class Transfer(Protocol):
    """One recording on its way from the camera into a file."""

    def run(self, part: Path, moved: Callable[[int], object]) -> int:
        """Bring the recording whole into `part`, which exists, and return its size in bytes; `moved` is told how many are there.

        What `part` holds already may be gone on from. Raises Unsupported or NoPermission where the device does not let it be downloaded,
        BadAnswer for what is no recording, other CameraErrors once trying again is given up, OSError for the file.
        """

    def interrupt(self) -> None:
        """End run() from any thread, at once; also before it began."""


class OwnRecording(Recording, Protocol):
    """A recording that a transport writes itself."""

    def at_end(self, do: Callable[[], object]) -> None:
        """Call this when it is over; at once when it is over already."""

    def interrupt(self) -> None:
        """Begin to end, without waiting; close() does the rest."""


class CameraTransport(Protocol):
    """One camera over one transport."""

    @property
    def name(self) -> Transport:
        """Tell which transport this is."""

    def serves(self, capability: str) -> Transport | None:
        """Tell which transport serves a capability, without asking the device; None when none does."""

    def identify(self, deadline: float) -> Identity:
        """Ask the device who it is, until time.monotonic() reaches `deadline`."""

    def alarms(self, zone: Callable[[], tzinfo | None]) -> LiveSource:
        """Return a source that arms the device when its events are asked for."""

    def snapshot(self, channel: int, stream: int, deadline: float) -> tuple[bytes, datetime]:
        """Return a JPEG and when it was asked for."""

    def stream_url(self, channel: int, profile: str) -> StreamUrl:
        """Return the address of a live stream."""

    def video(self, channel: int, profile: str) -> VideoSource:
        """Return one connection of live video."""

    def player_picture(self, channel: int, form: Literal["jpeg", "bmp"], deadline: float) -> bytes | None:
        """Return a picture that a player of the transport's own has decoded from live video; None when it has none."""

    def recording(self, channel: int, target: Path, options: RecordOptions, deadline: float) -> OwnRecording | None:
        """Record by the transport's own means, once the camera sends; None when it has none for these options."""

    def playback(self, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> VideoSource:
        """Return one connection that plays a recording back; `zone` as in playback_url()."""

    def playback_url(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> StreamUrl:
        """Return the address of a recording by time; `zone`: the device takes times for its own, in this zone; None: for UTC."""

    def playback_file_url(self, uri: str) -> StreamUrl:
        """Return the address of a recording by the device's own words for it, at the configured place."""

    def recordings(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[RecordedFile]:
        """Yield what was recorded between two times, in time order, each once; `zone`: the device takes times for its own, in this zone."""

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the transfer of a recording that recordings() found; it is not begun yet."""

    def span_transfer(self, track: int, span: TimeSpan) -> Transfer | None:
        """Return the transfer of a span of time, in one piece as the device makes it; None where it makes none (guide 6.3.1)."""

    def storage(self, deadline: float) -> Sequence[Disk]:
        """Return disks and network shares."""

    def temperatures(self, source: TemperatureSource, channel: int, compute: Compute) -> LiveSource:
        """Return a source of the channel's temperatures; its events() raises Unsupported when the device does not tell them this way."""

    def frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return a new radiometric frame."""

    def recent_frame(self, channel: int, options: MeasureOptions, deadline: float) -> ThermalFrame:
        """Return a frame computed with these surface properties; one that is just a moment old where there are none."""

    def click(self, channel: int, at: Point, deadline: float) -> float | None:
        """Return the temperature at a point in °C as the device measures it; None when it tells none."""

    def manual(self, channel: int, where: Where, options: MeasureOptions, deadline: float) -> Measurement | None:
        """Measure by hand, anywhere, on the device itself; None when it has no such way."""

    def rules(self, channel: int, deadline: float) -> dict[str, object]:
        """Return the rules document of a channel."""

    def change_rules(
        self, channel: int, wanted: Mapping[str, object], *, dry_run: bool, deadline: float
    ) -> tuple[RuleChange, ...]:
        """Make the device's rules say what `wanted` says, and return what differed; `dry_run` only tells."""

    def presence(self, deadline: float) -> Mapping[str, str]:
        """Return a fact for people that says it answers; raise CameraError why it does not."""

    def diagnose(self, identity: Identity, channel: int | None, deadline: float, *, metadata_wanted: bool) -> Diagnosis:
        """Look at everything that alarms, temperatures and video of the thermal channel need; write nothing."""

    def capture(self, identity: Identity, deadline: float) -> Capture:
        """Ask for everything that tells how the device answers, and listen to it for a while; write nothing."""

    def interrupt(self) -> None:
        """End every request that is under way, from any thread."""

    def close(self) -> None:
        """Close the connections."""


def allowance(size: int) -> int:
    """Return by how many bytes a recording may differ from the size its camera tells: some count a header, or round (isapi.md 5.3)."""
    return min(64 * 1024, size // 100)
