"""What hooks take and answer: identities, addresses, pictures, measurements, recordings, rules, findings.

All values are frozen. Coordinates are 0…1 from the top left, temperatures °C, distances metres, times aware, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

Transport = Literal["isapi", "sdk"]
Capability = Literal[
    "alarms",
    "snapshot",
    "live",
    "realtime_thermometry",
    "thermometry_polling",
    "thermal_frame",
    "manual_thermometry",
    "metadata",
    "search",
    "download",
    "playback",
    "storage",
    "rules",
    "fire_detection",
    "listening",
]
State = Literal["starting", "online", "offline", "auth_blocked", "error", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One stream profile of a channel."""

    id: int
    """The device's stream id (201: channel 2, main)."""
    profile: Literal["main", "sub", "third"]
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    frames_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """One video channel of a camera."""

    id: int
    name: str | None = None
    thermal: bool | None = None
    """None: not known yet."""
    streams: tuple[StreamInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """How the temperatures of a camera are wanted by its owner, for those who pass them on."""

    dead_band_kelvin: float = 0.2
    """A change smaller than this is no news."""
    min_interval: float = 1.0
    """Seconds from one message about a rule to the next, at least."""
    max_interval: float = 60.0
    """Seconds after which an unchanged value is told again, while readings come."""
    unit: Literal["celsius", "fahrenheit", "kelvin"] = "celsius"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInfo:
    """Who a camera is and what it can do; what is not known yet is None."""

    name: str
    url: str
    """Address without credentials."""
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    mac: str | None = None
    device_name: str | None = None
    channels: tuple[ChannelInfo, ...] | None = None
    thermal_channel: int | None = None
    thermal_evidence: str | None = None
    """How the thermal channel was found, for people."""
    capabilities: Mapping[str, str | None] | None = None
    """Capability name -> transport that serves it, or None where the device has it but nothing here serves it; absent: the device says no."""
    state: State = "starting"
    reporting: Reporting = Reporting()
    zone: tzinfo | None = field(default=None, compare=False, repr=False)
    """Of the camera's clock: what its owner means by a time without an offset."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else `nvr_diagnose` has seen, for people: what it is -> how it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUrl:
    """Address of a stream; shown to people without credentials."""

    url: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def with_credentials(self) -> str:
        """Return the address with user and password inside, percent-encoded: for programs, not for logs."""
        if self.username is None:
            return self.url
        parts = urlsplit(self.url)
        secret = "" if self.password is None else ":" + quote(self.password, safe="")
        return urlunsplit(parts._replace(netloc=f"{quote(self.username, safe='')}{secret}@{parts.netloc}"))

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions:
    """How to take a snapshot."""

    source: Literal["auto", "picture", "stream"] = "auto"
    format: Literal["jpeg", "bmp"] = "jpeg"
    overlay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One picture."""

    camera: str
    channel: int
    data: bytes = field(repr=False)
    content_type: str = "image/jpeg"
    taken_at: datetime
    source: Literal["picture", "stream"] = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSpan:
    """From `start` to `end`; both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The live picture of one stream profile."""

    profile: Literal["main", "sub", "third"] = "main"
    keep_seconds: float = 0.0
    """While this stream is open its last seconds are kept, for recordings with a pre-roll that begin meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """One recording on the camera."""

    camera: str
    channel: int | None
    track: int
    start: datetime
    end: datetime
    name: str | None = None
    size: int | None = None
    kind: str | None = None
    locked: bool | None = None
    still_recording: bool | None = None
    playback_uri: str | None = field(default=None, repr=False)


What = Live | RecordedFile | TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """How to record."""

    container: Literal["mp4", "mkv", "ps", "3gp"] = "mp4"
    seconds: float | None = None
    segment_seconds: float | None = None
    pre_roll_seconds: float = 0.0
    """Seconds before the call, as far as they were kept: see Live.keep_seconds."""
    overlay: bool = False
    profile: Literal["main", "sub", "third"] = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What to look for."""

    track: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """How to download."""

    container: Literal["mp4", "mkv", "ps"] | None = None
    overwrite: bool = False
    wait_for_recording: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a transfer is."""

    bytes: int
    fraction: float | None = None
    """0…1 by name; None by time, where the guide says there is none (6.3.1)."""
    stream_time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One disk or network share of a camera."""

    id: int
    kind: Literal["disk", "nas"]
    name: str | None = None
    state: str | None = None
    capacity: int | None = None
    free: int | None = None
    encrypted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAt:
    """Measure at one point."""

    at: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAt:
    """Measure along a line."""

    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionAt:
    """Measure over a polygon."""

    points: tuple[tuple[float, float], ...]


Where = PointAt | LineAt | RegionAt


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """Properties of the measured surface; None leaves the camera's own setting."""

    emissivity: float | None = None
    distance_m: float | None = None
    reflected_celsius: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The answer to one manual measurement."""

    camera: str
    channel: int
    where: Where
    celsius: float | None
    highest_celsius: float | None = None
    lowest_celsius: float | None = None
    average_celsius: float | None = None
    highest_at: tuple[float, float] | None = None
    lowest_at: tuple[float, float] | None = None
    taken_at: datetime | None = None
    way: Literal["device", "frame"] = "frame"
    """Measured by the device, or computed from a radiometric frame."""
    frame_age_seconds: float | None = None
    frozen: bool | None = None
    """The frame stood still (shutter calibration): the values are old. None: the device did not say."""
    status: Literal["measuring", "started", "ended"] | None = None
    """Of a measurement by the device: what it says of the rule that measured."""
    unit_reported: str | None = None
    """The device's own unit, where it measured and told one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOptions:
    """What to fetch with a radiometric frame."""

    thermal_picture: bool = False
    visible_picture: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalFrame:
    """One radiometric image: `matrix` is a read-only memoryview of float32 °C, shape (height, width), row 0 at the top."""

    camera: str
    channel: int
    width: int
    height: int
    matrix: memoryview = field(repr=False)
    taken_at: datetime
    frozen: bool | None = None
    thermal_picture: bytes | None = field(default=None, repr=False)
    visible_picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The measuring and alarm rules of a channel, as plain data that goes to and from YAML."""

    channel: int
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One difference between the rules wanted and the rules there."""

    path: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesDiff:
    """What applying rules changes, or changed."""

    changes: tuple[RuleChange, ...]
    applied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or will go wrong: what it is, why it matters, how to mend it."""

    camera: str
    severity: Literal["error", "warning", "info"]
    code: str
    """Stable short name, for programs: `trigger_not_linked`."""
    what: str
    why: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long things took, counted by bounds."""

    bounds: tuple[float, ...]
    """Seconds, rising."""
    counts: tuple[int, ...]
    """How many took at most each bound and more than the one before; the last one counts those beyond all."""
    seconds: float
    """All of them together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one source of a camera is doing, or, of camera "", what a plugin itself is connected to."""

    camera: str
    source: str
    state: State
    since: datetime
    events: int = 0
    """Events delivered since start."""
    unknown: int = 0
    """Alarms of a type without a class of its own: forwarded as OtherAlarm."""
    undecodable: int = 0
    """Documents that could not be read: counted, reported, passed over."""
    framing_errors: int = 0
    reconnects: int = 0
    dropped: int = 0
    """Events a subscriber did not take in time."""
    sink_errors: int = 0
    bytes: int = 0
    last_byte_at: datetime | None = None
    last_event_at: datetime | None = None
    last_error: str | None = None
    delays: Delays | None = None
    """How long what was passed on took to arrive, where the plugin measures it."""
