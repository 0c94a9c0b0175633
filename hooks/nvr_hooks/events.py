"""What cameras tell: one event model for every transport and every make of camera.

Events are values: frozen, compared by what they say (not by `id`, arrival time or raw bytes). Consumers choose by class::

    match event:
        case FireAlarm(celsius=hot): ...
        case TemperatureAlarm(level="pre_alarm", rule=rule): ...
        case ConnectionChanged(state="online"): ...

Conventions of every field: temperatures in °C (`unit_reported` keeps the device's own unit word), temperature differences in kelvin,
distances in metres, coordinates 0…1 from the top left of the picture, times aware. What the device did not say is None. Values outside
a documented range are kept and named in `flags`; nothing is rejected for its size.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Literal

from .values import CameraInfo, RecordedFile

Source = Literal["alert_stream", "push", "metadata", "realtime", "poll", "frame", "sdk", "virtual"]
Level = Literal["pre_alarm", "alarm"]
Phase = Literal["start", "level", "repeat", "end"]
Calibration = Literal["point", "line", "region"]
Quantity = Literal["highest", "lowest", "average", "difference", "centre"]
Condition = Literal["above", "below"]
ConnectionState = Literal["starting", "online", "offline", "auth_blocked", "error", "removed"]
Point = tuple[float, float]


def new_id() -> str:
    """Return an identifier no other event has: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place an alarm speaks of: a burning spot, a rule's area, a detection region."""

    region: tuple[Point, ...] = ()
    """Outline as the device gave it, in its order; one point for a point rule, two for a line; empty when it named none."""
    hottest: Point | None = None
    celsius: float | None = None
    distance_m: float | None = None
    id: int | None = None
    """The device's own number of the region or rule; not stable between two fires on firmware that counts from 1 in each alarm.
    Of fires in metadata, which have none: that of the known fire at their place, else the next free one of the life cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has."""

    type: ClassVar[str] = "event"

    camera: str = ""
    channel: int | None = None
    at: datetime | None = None
    """The device's own time of the happening."""
    received_at: datetime = field(default_factory=now, compare=False)
    source: Source = "alert_stream"
    id: str = field(default_factory=new_id, compare=False)
    raw: bytes | None = field(default=None, compare=False, repr=False)
    """The document as the device sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm(Event):
    """Something a device raises and (perhaps) ends."""

    type: ClassVar[str] = "alarm"
    kind: ClassVar[str] = "alarm"

    raw_type: str = ""
    """The event type exactly as the device wrote it."""
    level: Level | None = "alarm"
    phase: Phase | None = None
    """start, level (pre-alarm to alarm or back), repeat, end; None while nobody has put the event into its life cycle.
    Decoders know only `end` (the device's word inactive) and `repeat` (its word "still going on")."""
    alarm_id: str | None = field(default=None, compare=False)
    """`id` of the first event of this life cycle."""
    late: bool = False
    """Older than 60 s by the device's own clock when it arrived: told again after a loss, not new."""
    description: str | None = None
    """The device's own words."""
    targets: tuple[Target, ...] = ()
    pictures: int | None = None
    """How many pictures the device announced with this alarm; they follow as AlarmPicture, or not at all."""
    outputs: tuple[int, ...] = ()
    """Alarm outputs that the device switched with it, where it tells them."""
    recording_channels: tuple[int, ...] = ()
    """Channels that the device began to record with it, where it tells them."""
    flags: tuple[str, ...] = ()
    """Names of fields whose value lies outside the documented range; the value is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureAlarm(Alarm):
    """A rule's temperature went beyond its threshold (guide 7.2.2)."""

    type: ClassVar[str] = "temperature_alarm"
    kind: ClassVar[str] = "temperature"

    rule: int | str | None = None
    rule_name: str | None = None
    preset: int | None = None
    calibration: Calibration | None = None
    quantity: Quantity | None = None
    condition: Condition | None = None
    celsius: float | None = None
    threshold_celsius: float | None = None
    unit_reported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureDifferenceAlarm(Alarm):
    """The difference of two rules went beyond its threshold (guide 7.2.3). Differences in kelvin: no offset is ever applied."""

    type: ClassVar[str] = "temperature_difference_alarm"
    kind: ClassVar[str] = "temperature_difference"

    rule: int | str | None = None
    other_rule: int | str | None = None
    rule_name: str | None = None
    preset: int | None = None
    calibration: Calibration | None = None
    quantity: Quantity | None = "difference"
    condition: Condition | None = None
    difference_kelvin: float | None = None
    threshold_kelvin: float | None = None
    unit_reported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FireAlarm(Alarm):
    """The camera sees fire (guide 7.2.1). `celsius` is the highest of all targets, `distance_m` that of the same target."""

    type: ClassVar[str] = "fire_alarm"
    kind: ClassVar[str] = "fire"

    celsius: float | None = None
    unit_reported: str | None = None
    distance_m: float | None = None
    strategy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeAlarm(Alarm):
    """The camera sees smoke."""

    type: ClassVar[str] = "smoke_alarm"
    kind: ClassVar[str] = "smoke"

    strategy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionAlarm(Alarm):
    """Video motion detection (guide 7.1)."""

    type: ClassVar[str] = "motion_alarm"
    kind: ClassVar[str] = "motion"


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperAlarm(Alarm):
    """The lens is covered or the camera was turned away."""

    type: ClassVar[str] = "tamper_alarm"
    kind: ClassVar[str] = "tamper"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputAlarm(Alarm):
    """An alarm input of the camera is active; `port` is the number printed at its terminal."""

    type: ClassVar[str] = "input_alarm"
    kind: ClassVar[str] = "input"

    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageAlarm(Alarm):
    """A disk of the camera is full, failed or away."""

    type: ClassVar[str] = "storage_alarm"
    kind: ClassVar[str] = "storage"

    disk: int | None = None
    state: Literal["full", "error", "unformatted", "offline"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoLoss(Alarm):
    """A channel has no picture."""

    type: ClassVar[str] = "video_loss"
    kind: ClassVar[str] = "video_loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAlarm(Alarm):
    """Anything else a device raises: forwarded and counted, never dropped. `kind` is the raw type in lower case."""

    type: ClassVar[str] = "other_alarm"

    @property
    def kind(self) -> str:  # type: ignore[override]
        """Return the raw type in lower case."""
        return self.raw_type.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPicture(Event):
    """A picture that came with an alarm; the alarm itself was delivered before it and never waited for it."""

    type: ClassVar[str] = "alarm_picture"

    alarm_id: str | None = field(default=None, compare=False)
    """`id` of the alarm event this picture followed in the stream; None when it followed none."""
    kind: str | None = None
    content_type: str = "image/jpeg"
    view: Literal["thermal", "visible"] | None = None
    """Which of the camera's two pictures this is; None when the device did not say."""
    name: str | None = None
    length: int = 0
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureReading(Event):
    """What one measuring rule says now; without rules one reading of the whole picture (guide 8.1, 9.1)."""

    type: ClassVar[str] = "temperature_reading"

    source: Source = "realtime"
    rule: int | str | None = None
    rule_name: str | None = None
    preset: int | None = None
    calibration: Calibration | None = None
    status: Literal["measuring", "started", "ended"] | None = None
    highest_celsius: float | None = None
    lowest_celsius: float | None = None
    average_celsius: float | None = None
    centre_celsius: float | None = None
    point_celsius: float | None = None
    difference_kelvin: float | None = None
    highest_at: Point | None = None
    lowest_at: Point | None = None
    region: tuple[Point, ...] = ()
    unit_reported: str | None = None
    frozen: bool | None = None
    """The picture stands still (shutter calibration): the value is old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTarget(Event):
    """A burning spot as told by the metadata track (guide 8.2)."""

    type: ClassVar[str] = "fire_target"

    source: Source = "metadata"
    celsius: float | None = None
    unit_reported: str | None = None
    distance_m: float | None = None
    region: tuple[Point, ...] = ()
    hottest: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMetadata(Event):
    """A metadata document that tells nothing known here, handed on as it came: `raw` is the document (ONVIF's form, other subtypes, rules)."""

    type: ClassVar[str] = "other_metadata"

    source: Source = "metadata"
    format: Literal["isapi", "onvif"] = "isapi"
    document_type: str | None = None
    """The device's word: ruleTarget, activityTarget, PTZ."""
    subtype: str | None = None
    """The device's word: behaviorAnalysis, faceSnap, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChanged(Event):
    """A source of a camera came, went or changed its state. While it is not `online`, what it would tell is unknown, not "all well"."""

    type: ClassVar[str] = "connection_changed"

    state: ConnectionState = "starting"
    reason: str | None = None
    """Why, for people: camera, request and cause; never a secret."""
    retry_at: datetime | None = None
    """When the next try is due, where that is known (auth_blocked: the end of the lock)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraChanged(Event):
    """More became known of a camera: identity, channels, capabilities."""

    type: ClassVar[str] = "camera_changed"

    info: CameraInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class BeyondLimit:
    """A measuring rule whose value lies beyond a limit of the device's own alarm rules."""

    level: Level = "alarm"
    rule: int | str | None = None
    """None: the whole picture, in normal mode."""
    other_rule: int | str | None = None
    """The rule that is taken away, of a difference of two."""
    rule_name: str | None = None
    preset: int | None = None
    quantity: Quantity | None = None
    condition: Condition | None = None
    celsius: float | None = None
    threshold_celsius: float | None = None
    difference_kelvin: float | None = None
    threshold_kelvin: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReport(Event):
    """A source of alarms was away and is back: what may have been missed, as far as that can be looked up. It is no alarm, and claims none."""

    type: ClassVar[str] = "gap_report"

    lost_at: datetime | None = None
    """When the source was heard last."""
    back_at: datetime | None = None
    """When it was connected again."""
    beyond: tuple[BeyondLimit, ...] | None = None
    """What is beyond its limits now, whenever that began; None: not known."""
    recordings: tuple[RecordedFile, ...] | None = None
    """The device's recordings of that time that an alarm or another event has caused; None: not known."""
    unknown: tuple[str, ...] = ()
    """Why something is not known or not complete, for people; never a secret."""


EVENT_TYPES: tuple[type[Event], ...] = (
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    FireAlarm,
    SmokeAlarm,
    MotionAlarm,
    TamperAlarm,
    InputAlarm,
    StorageAlarm,
    VideoLoss,
    OtherAlarm,
    AlarmPicture,
    TemperatureReading,
    FireTarget,
    OtherMetadata,
    ConnectionChanged,
    CameraChanged,
    GapReport,
)
"""Every class of event there is."""
