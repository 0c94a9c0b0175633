"""One kind of alarm on one channel: its voices, whether it is active, and the document that tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nvr_hooks import TemperatureReading

Document = dict[str, Any]

_RANK: Final = {"pre_alarm": 1, "alarm": 2}
_OWN: Final = ("kind", "level", "phase", "targets", "pictures")
"""Fields of an event that a level tells in its own way, or not at all."""
_NOBODY: Final = ("type", "id", "alarm_id", "at", "received_at", "late", "source", "raw_type")
_NAMED: Final = ("rule", "other_rule", "rule_name", "preset", "port", "disk", "state")
_MEASURED: Final = ("celsius", "threshold_celsius", "difference_kelvin", "threshold_kelvin")
_LIVE: Final[Mapping[str, tuple[str, ...]]] = {
    "highest": ("highest_celsius", "point_celsius"),
    "lowest": ("lowest_celsius", "point_celsius"),
    "average": ("average_celsius", "point_celsius"),
    "centre": ("centre_celsius", "point_celsius"),
    "difference": ("difference_kelvin",),
}


@dataclass(slots=True, eq=False)
class Voice:
    """One rule or region that tells one level."""

    member: str
    """Which rule or region, as text; empty when the device named none."""
    level: str
    alarm_id: str
    since: str
    raises: bool = False
    """False for what was told late and is no danger: it has its events, but does not make the kind active."""
    fields: Document = field(default_factory=dict)
    """The last document that told it."""
    targets: list[Document] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    told: float | None = None
    """When it was told last; None before a restart."""
    known: bool = True
    """False while nobody could tell whether it is still so."""


@dataclass(slots=True, eq=False)
class Kind:
    """The level of one kind."""

    kind: str
    since: str
    voices: dict[tuple[str, str], Voice] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    """Who ever told this kind."""
    settled: bool = True
    """No voices means inactive; False while there may be some that nobody heard."""
    released_by: str | None = None
    last: Document = field(default_factory=dict)
    """The document that told the last voice, kept to say what it was that is over."""
    active: bool | None = None
    """As told last."""
    doubted: int = 0
    """How many voices were unknown when it was told last."""

    def top(self, member: str) -> int:
        """Return the rank of the highest level a rule or region tells; 0: none."""
        ranks = [_RANK[voice.level] for voice in self.voices.values() if voice.member == member and voice.raises]
        return max(ranks, default=0)

    def doubts(self) -> int:
        """Return how many voices are unknown."""
        return sum(not voice.known for voice in self.voices.values())

    def judge(self) -> bool | None:
        """Return whether the kind is active: True while any voice is, False only when none is, None while unknown."""
        known = {voice.known for voice in self.voices.values() if voice.raises}
        if True in known:
            return True
        return None if known or not self.settled else False

    def judge_at(self, wall: str) -> None:
        """Settle what is told from now on."""
        active = self.judge()
        if active is not self.active:
            self.since = wall
        if active:
            self.since = min(voice.since for voice in self.voices.values() if voice.raises)
            self.released_by = None
        self.active = active
        self.doubted = self.doubts()
        if self.voices:
            self.last = self._worst().fields

    def weight(self, voice: Voice) -> tuple[bool, int, bool, float, float]:
        """Return what makes one voice worse than another: its level, whether it is sure, how hot, how recent."""
        return (voice.raises, _RANK[voice.level], voice.known, _heat(voice), voice.told or 0.0)

    def document(self, camera: str, channel: int | None) -> Document:
        """Return the level for `alarm/<kind>`: the worst voice's fields on top, every rule and region in `targets`."""
        raising = [voice for voice in self.voices.values() if voice.raises]
        top = dict(self.last)
        level = None
        if raising:
            worst = self._worst()
            level = worst.level
            top |= _hottest(worst)
        top = {name: value for name, value in top.items() if name not in _OWN}
        return {
            "active": self.active,
            "kind": self.kind,
            "level": level,
            "since": self.since,
            "released_by": self.released_by if self.active is False else None,
            **dict.fromkeys(_NOBODY),
            "camera": camera,
            "channel": channel,
            **top,
            "targets": self._targets(raising),
        }

    def beyond(self, fields: Document, reading: TemperatureReading) -> bool:
        """Tell whether a live reading is beyond the threshold of the alarm a document told."""
        threshold = fields.get("threshold_celsius", fields.get("threshold_kelvin"))
        preset = fields.get("preset")
        if threshold is None or fields.get("rule") is None or (reading.preset or 1) != (preset or 1):
            return False
        below = fields.get("condition") == "below"
        names = _LIVE.get(fields.get("quantity") or ("lowest" if below else "highest"), ())
        live = next((value for name in names if (value := getattr(reading, name)) is not None), None)
        if live is None:
            return False
        return bool(live < threshold if below else live > threshold)

    def _worst(self) -> Voice:
        return max(self.voices.values(), key=self.weight)

    def _targets(self, raising: list[Voice]) -> list[Document]:
        found = []
        for voice in raising:
            if _RANK[voice.level] < self.top(voice.member):
                continue  # its higher level is told
            told: Document = {
                **{name: voice.fields[name] for name in _NAMED if name in voice.fields},
                "active": True if voice.known else None,
                "level": voice.level,
                "since": voice.since,
                "alarm_id": voice.alarm_id,
                **{name: voice.fields[name] for name in _MEASURED if name in voice.fields},
            }
            if voice.targets:
                found += [{"id": target.get("id"), **told, **_said(target)} for target in voice.targets]
            elif voice.member:
                found.append({"id": None, **told, "region": []})
        return found


def stored_kind(kind: Kind) -> Document:
    """Return a kind as plain data that outlives a restart."""
    return {
        "kind": kind.kind,
        "sources": sorted(kind.sources),
        "released_by": kind.released_by,
        "last": kind.last,
        "documents": {voice.fields["id"]: voice.fields for voice in kind.voices.values()},
        "voices": [
            {
                "member": voice.member,
                "level": voice.level,
                "alarm_id": voice.alarm_id,
                "since": voice.since,
                "raises": voice.raises,
                "document": voice.fields["id"],
                "targets": voice.targets,
                "sources": sorted(voice.sources),
            }
            for voice in kind.voices.values()
        ],
    }


def restored_kind(row: Mapping[str, Any], wall: str) -> Kind:
    """Return a kind as it was kept, with everything unknown since now; raise KeyError or TypeError when it was not kept by us."""
    kind = Kind(kind=row["kind"], since=wall, sources=set(row["sources"]), settled=False)
    kind.released_by, kind.last = row["released_by"], dict(row["last"])
    for told in row["voices"]:
        if told["level"] not in _RANK:
            raise KeyError(told["level"])
        kind.voices[told["member"], told["level"]] = Voice(
            member=told["member"],
            level=told["level"],
            alarm_id=told["alarm_id"],
            since=told["since"],
            raises=told["raises"],
            fields={**row["documents"][told["document"]], "alarm_id": told["alarm_id"]},
            targets=told["targets"],
            sources=set(told["sources"]),
            known=False,
        )
    return kind


def _heat(voice: Voice) -> float:
    """Return how bad a voice's number is: the further on the alarm's side the worse."""
    fields = _hottest(voice) or voice.fields
    value = fields.get("celsius", fields.get("difference_kelvin"))
    if value is None:
        return float("-inf")
    return -float(value) if voice.fields.get("condition") == "below" else float(value)


def _hottest(voice: Voice) -> Document:
    """Return temperature and distance of a voice's own place: a document's own are those of its hottest region."""
    if "distance_m" not in voice.fields:
        return {}
    hot = [target for target in voice.targets if target.get("celsius") is not None]
    if not hot:
        return {}
    worst = max(hot, key=lambda target: float(target["celsius"]))
    return {"celsius": worst["celsius"], "distance_m": worst.get("distance_m")}


def _said(target: Document) -> Document:
    """Return a target without the temperature it does not have: the rule's own stands in for it."""
    return {name: value for name, value in target.items() if name != "celsius" or value is not None}


def kept_level(text: str) -> Document:
    """Return a kept level; one that cannot be read is as good as none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
