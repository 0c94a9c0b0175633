"""What a device can do, what it reports to us, and which of its channels is the thermal one (isapi.md 1.7, 2, 6.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nvr_hooks import BadAnswer, Capability, ChannelInfo

from .xml import Element, boolean, child, choices, descendant, descendants, integer, local_name, open_document, text

_ROOTS = frozenset({"DeviceCap", "ThermalCap"})
_THERMAL_TRIGGERS = frozenset(
    {"thermometry", "temperature", "firedetection", "smokedetection", "smokeandfiredetection", "tma", "tmpa", "tda"}
)
_THERMAL_MODEL = re.compile(r"DS-2T|HM-T|thermal|thermograph", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What /System/capabilities and /Thermal/capabilities say; what they leave out is None."""

    thermal: Mapping[str, bool] | None = None
    """The `isSupport…` flags of ThermalCap without that prefix; None when the device has no ThermalCap."""
    general: Mapping[str, bool] = field(default_factory=dict)
    """The same of everything else."""
    thermal_channels: tuple[int, ...] = ()
    """Channels that thermal functions name (`supportChan opt="chan2"`)."""
    record_types: tuple[str, ...] = ()
    picture_types: tuple[str, ...] = ()
    digest_algorithms: tuple[str, ...] = ()
    lock_attempts: int | None = None
    lock_minutes: int | None = None
    most_connections: int | None = None
    """Users that are let in at a time (isapi.md 1.5)."""

    def supports(self, name: str) -> bool | None:
        """Tell a flag by its name without `isSupport`, thermal ones first; None when the device does not speak of it."""
        known = (self.thermal or {}).get(name)
        return self.general.get(name) if known is None else known

    def known(self) -> dict[Capability, bool]:
        """Return our names for what the device says of itself, yes or no; what it does not say is missing."""
        says: dict[Capability, bool | None] = {
            "snapshot": self.supports("Snapshot"),
            "realtime_thermometry": self.supports("RealTimethermometryForHTTP"),
            "thermometry_polling": self.supports("RealtimeThermometry"),
            "thermal_frame": self.supports("JpegPicWithAppendData"),
            "manual_thermometry": self.supports("ClickToThermometry"),
            "metadata": self.supports("Metadata"),
            "playback": self.supports("Playback"),
            "search": True if self.record_types else None,
            "rules": self.supports("Thermometry"),
            "fire_detection": self.supports("FireDetection"),
        }
        return {name: value for name, value in says.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One thing that a device can raise, and whom it tells."""

    id: str
    event_type: str
    channel: int | None = None
    input_port: int | None = None
    methods: tuple[str, ...] = ()
    """`center` is "Notify Surveillance Center": without it nothing is sent (isapi.md 6.1)."""

    @property
    def notifies(self) -> bool:
        """Whether its events reach an armed client."""
        return "center" in self.methods

    @property
    def thermal(self) -> bool:
        """Whether it belongs to the thermal channel."""
        return self.event_type.lower() in _THERMAL_TRIGGERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalChannel:
    """Which channel is thermal, and how that was found, as one sentence for people."""

    channel: int | None
    evidence: str


def parse_capabilities(system: bytes | None = None, thermal: bytes | None = None) -> Capabilities:
    """Read /System/capabilities and /Thermal/capabilities, either of which may be missing; raise BadAnswer for another document."""
    roots = [_open(document) for document in (system, thermal) if document is not None]
    caps = [
        cap
        for root in roots
        for cap in ([root] if local_name(root) == "ThermalCap" else descendants(root, "ThermalCap"))
    ]
    general: dict[str, bool] = {}
    own: dict[str, bool] = {}
    for root in roots:
        _flags(root, general, own, inside=False)
    channels = {
        int(digits)
        for cap in caps
        for item in descendants(cap, "supportChan")
        for word in (choices(item) or (text(item) or "",))
        for digits in re.findall(r"[0-9]{1,3}", word)
    }
    system_root = next((root for root in roots if local_name(root) == "DeviceCap"), None)
    security = descendant(system_root, "SecurityCap")
    return Capabilities(
        thermal=own if caps else None,
        general=general,
        thermal_channels=tuple(sorted(channels - {0})),
        record_types=choices(descendant(system_root, "recordSearchType")),
        picture_types=choices(descendant(system_root, "pictureSearchType")),
        digest_algorithms=choices(descendant(security, "algorithmType")),
        lock_attempts=integer(security, "maxIllegalLoginTimes"),
        lock_minutes=integer(security, "maxIllegalLoginLockTime"),
        most_connections=integer(descendant(system_root, "maxLinkNum")),
    )


def parse_triggers(document: bytes) -> tuple[Trigger, ...]:
    """Read /Event/triggers in each of its structures (isapi.md 6.1); raise BadAnswer when it is none."""
    root = open_document(document, bare="EventTriggerList")
    if local_name(root) not in ("EventNotification", "EventTriggerList", "EventTrigger"):
        raise BadAnswer(f"{local_name(root)} where EventNotification was expected", data=document)
    items = [root] if local_name(root) == "EventTrigger" else descendants(root, "EventTrigger")
    return tuple(_trigger(item) for item in items if text(item, "eventType"))


def parse_thermal_channels(document: bytes) -> tuple[int, ...]:
    """Read /Thermal/channels: the ids it lists (isapi.md 2, step 2); raise BadAnswer when it names nothing thermal."""
    root = open_document(document, bare="ThermalChannelList")
    if not local_name(root).startswith("Thermal"):
        raise BadAnswer(f"{local_name(root)} where ThermalChannelList was expected", data=document)
    found = [integer(item) for item in descendants(root, "id")]
    return tuple(sorted({number for number in found if number is not None and number > 0}))


def decide_thermal_channel(
    *,
    capabilities: Capabilities | None = None,
    listed: tuple[int, ...] = (),
    triggers: tuple[Trigger, ...] | None = None,
    probed: Mapping[int, bool] | None = None,
    channels: tuple[ChannelInfo, ...] | None = None,
    model: str | None = None,
) -> ThermalChannel:
    """Choose the thermal channel by the best evidence there is, in the order of isapi.md 2; None when there is none.

    `listed` is from /Thermal/channels, `probed` tells which channels answered /Thermal/channels/N/thermometry/basicParam.
    """
    if capabilities is not None and len(capabilities.thermal_channels) == 1:
        number = capabilities.thermal_channels[0]
        return ThermalChannel(
            channel=number, evidence=f"its capabilities offer thermal functions on channel {number} alone"
        )
    if len(listed) == 1:
        return ThermalChannel(channel=listed[0], evidence=f"/Thermal/channels lists channel {listed[0]} alone")
    linked = sorted({found.channel for found in triggers or () if found.thermal and found.channel is not None})
    if len(linked) == 1:
        name = next(found.id for found in triggers or () if found.thermal and found.channel == linked[0])
        return ThermalChannel(channel=linked[0], evidence=f"its event trigger {name} belongs to channel {linked[0]}")
    answered = [number for number, thermal in (probed or {}).items() if thermal]
    if answered:
        return ThermalChannel(
            channel=answered[0], evidence=f"channel {answered[0]} answers questions about thermometry"
        )
    return _by_rule(capabilities, channels, model)


def _by_rule(
    capabilities: Capabilities | None, channels: tuple[ChannelInfo, ...] | None, model: str | None
) -> ThermalChannel:
    if model and not _THERMAL_MODEL.search(model) and capabilities is not None and capabilities.thermal is None:
        return ThermalChannel(channel=None, evidence=f"{model} speaks of nothing thermal")
    numbers = [found.id for found in channels or ()]
    if len(numbers) == 1:
        return ThermalChannel(channel=numbers[0], evidence="it has only one channel, as thermal bullets do")
    if 2 in numbers:
        return ThermalChannel(
            channel=2, evidence="it has two channels, of which the second is thermal by the guide's rule"
        )
    return ThermalChannel(channel=None, evidence="nothing it says tells which channel is thermal")


def _flags(element: Element, general: dict[str, bool], thermal: dict[str, bool], *, inside: bool) -> None:
    """Collect the isSupport… flags; one that is named several times is true when it is true anywhere."""
    inside = inside or local_name(element) == "ThermalCap"
    flags = thermal if inside else general
    for item in element:
        name = local_name(item)
        if name.startswith("isSupport") and (value := boolean(item)) is not None:
            short = name.removeprefix("isSupport")
            flags[short] = value or flags.get(short, False)
        _flags(item, general, thermal, inside=inside)


def _trigger(item: Element) -> Trigger:
    name = text(item, "id") or ""
    channel = next(
        (
            number
            for key in ("videoInputChannelID", "dynVideoInputChannelID")
            if (number := integer(item, key)) is not None and number > 0
        ),
        None,
    )
    port = integer(item, "inputIOPortID")
    if channel is None and port is None and (match := re.search(r"-([0-9]{1,3})\Z", name)):
        channel = int(match[1]) or None  # VMD-1, tamper-1: the channel stands in the name alone
    methods = [text(found) for found in descendants(child(item, "EventTriggerNotificationList"), "notificationMethod")]
    methods += [text(found, "notificationMethod") for found in item if local_name(found) == "EventTriggerNotification"]
    return Trigger(
        id=name,
        event_type=text(item, "eventType") or "",
        channel=channel,
        input_port=port,
        methods=tuple(dict.fromkeys(word for word in methods if word)),
    )


def _open(document: bytes) -> Element:
    root = open_document(document, bare="DeviceCap")
    if local_name(root) not in _ROOTS:
        raise BadAnswer(f"{local_name(root)} where DeviceCap or ThermalCap was expected", data=document)
    return root
