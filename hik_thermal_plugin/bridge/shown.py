"""What a camera has shown on our topics: its measuring rules, kinds of alarms, pictures. Plain data that outlives a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .messages import Document

PROPERTIES: Final = ("max", "min", "average", "centre", "value", "difference")
"""Values of a temperature topic."""
MOST_RULES: Final = 256
"""Rules of one camera that are kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A measuring rule as its topic has shown it."""

    name: str | None
    properties: tuple[str, ...]
    """Those of PROPERTIES that ever had a value."""


@dataclass(slots=True)
class Shown:
    """What a camera has shown, by the ends of our topics: `2/1` is rule 1 of channel 2, `2/fire` that channel's fire."""

    rules: dict[str, Rule] = field(default_factory=dict)
    kinds: dict[str, None] = field(default_factory=dict)
    pictures: dict[str, None] = field(default_factory=dict)
    """`2/fire`, `2/fire/visible` or `2/fire/2`, in the order they were first seen."""
    last_picture: dict[str, str] = field(default_factory=dict)
    """Channel -> the newest of its alarm pictures."""

    def see_rule(self, place: str, document: Mapping[str, Any]) -> bool:
        """Take a temperature as it is told; return whether it shows something new."""
        known = self.rules.get(place)
        if known is None and len(self.rules) >= MOST_RULES:
            return False
        had = known.properties if known else ()
        rule = Rule(
            name=document.get("name"),
            properties=tuple(name for name in PROPERTIES if name in had or document.get(name) is not None),
        )
        self.rules[place] = rule
        return rule != known

    def see_kind(self, place: str) -> bool:
        """Take an alarm level; return whether it shows something new."""
        fresh = place not in self.kinds
        self.kinds[place] = None
        return fresh

    def see_picture(self, place: str) -> bool:
        """Take an alarm picture; return whether it shows something new.

        The visible channel's, and a further one of an alarm, is the newest one only for want of another.
        """
        channel, _, rest = place.partition("/")
        fresh = place not in self.pictures
        self.pictures[place] = None
        last = self.last_picture.get(channel)
        if last == place or (last is not None and "/" in rest and last.count("/") == 1):
            return fresh
        self.last_picture[channel] = place
        return True

    def add(self, other: Shown) -> None:
        """Take what was shown elsewhere; what is known here is newer."""
        self.rules = {**other.rules, **self.rules}
        self.kinds = {**other.kinds, **self.kinds}
        self.pictures = {**other.pictures, **self.pictures}
        self.last_picture = {**other.last_picture, **self.last_picture}

    def plain(self) -> Document:
        """Return it as plain data that outlives a restart."""
        return {
            "rules": {place: {"name": rule.name, "properties": rule.properties} for place, rule in self.rules.items()},
            "kinds": list(self.kinds),
            "pictures": list(self.pictures),
            "last_picture": self.last_picture,
        }

    @classmethod
    def restored(cls, row: Mapping[str, Any]) -> Shown:
        """Return what an earlier life kept; raise KeyError, TypeError or ValueError when it was not kept by us."""
        return cls(
            rules={
                str(place): Rule(rule["name"], tuple(name for name in PROPERTIES if name in rule["properties"]))
                for place, rule in row["rules"].items()
            },
            kinds=dict.fromkeys(map(str, row["kinds"])),
            pictures=dict.fromkeys(map(str, row["pictures"])),
            last_picture={str(channel): str(place) for channel, place in row["last_picture"].items()},
        )
