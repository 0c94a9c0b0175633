"""Which metadata each channel tells, and in which form.

The names within `MetadataCfg` are not public (isapi.md 9): third-party clients put entries of `type` and `enable`, which stand here too.
"""

from __future__ import annotations

from .models import Model
from .profiles import Profile
from .schema import Entries, Fixed, Flag, Group, Values, Word

TYPES = ("thermometry", "fireDetection", "behaviorAnalysis", "ANPR", "faceSnap")
_OURS = ("thermometry", "fireDetection")


class MetadataSettings:
    """The `MetadataCfg` of a device's channels; empty where the profile has none."""

    def __init__(self, model: Model, profile: Profile) -> None:
        on = profile.metadata == "on"
        self.entry = Group("Metadata", (Fixed("type", ""), Flag("enable", False)))
        entries = Entries(
            "MetadataList",
            self.entry,
            key="type",
            factory=tuple({"type": name, "enable": on and name in _OURS} for name in TYPES),
        )
        form = Word("messageFormat", profile.metadata_format, ("ISAPI", "ONVIF"))
        self.table = Group("MetadataCfg", (Fixed("id", ""), Flag("enabled", on), form, entries))
        able = model.channels[0].id if profile.metadata_on_first else model.thermal.id
        numbers = [] if profile.metadata == "unsupported" else [able]
        self.channels: dict[int, Values] = {number: self.table.default() | {"id": str(number)} for number in numbers}

    def told(self, channel: int) -> tuple[str, ...]:
        """The types a channel tells; none when it is off."""
        values = self.channels.get(channel)
        if values is None or not values["enabled"]:
            return ()
        return tuple(name for name, entry in values["MetadataList"].items() if entry["enable"])

    def onvif(self, channel: int) -> bool:
        """Whether a channel tells in ONVIF's form."""
        return channel in self.channels and self.channels[channel]["messageFormat"] == "ONVIF"
