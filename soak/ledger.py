"""What the cameras told, what arrived, and what of it is wrong: the judge of a run.

Times are seconds of one monotonic clock. An alarm is *due* when the camera has sent it whole, at least once, to a client that was armed,
and nothing that is known to cost alarms happened in that moment (`blind`): a kill -9 within the 50 ms docs/mqtt.md names, an end or a
reconnect that somebody asked for.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .watcher import Document

BURNS = {"fire": "fire", "rule": "temperature"}
"""Group of markers -> kind of the level they hold."""

_ON_ITS_WAY = 15.0
"""Seconds for which a document that was not sent whole may still come: longer than any stall."""
_TAKEN_OUT = 30.0
"""Seconds the service may take to look at its configuration."""


@dataclass(slots=True, eq=False)
class Marker:
    """One alarm that can be told from all others: by a number only it has."""

    camera: str
    group: str
    """fire, rule 1, rule 2 …, once."""
    number: float
    """Temperature in °C; of `once` the rule's number."""
    order: int
    chances: list[float] = field(default_factory=list)
    """When it was sent whole to an armed client."""
    tries: int = 0
    """How often it was sent at all: what was not whole, or to nobody, may have come through all the same."""
    arrived: float | None = None
    over: float | None = None
    """When what it tells of was over."""

    @property
    def sign(self) -> bytes:
        """What the bytes of its document have in them."""
        match self.group:
            case "fire":
                return b"<fireMaxTemperature>%.1f<" % self.number
            case "once":
                return b"<regionID>%d<" % self.number
        return b"<currTemperature>%.1f<" % self.number


@dataclass(slots=True)
class _Blind:
    begin: float
    end: float
    camera: str | None
    why: str


class Ledger:
    """Thread-safe. `grace` is how many seconds a message may take from the service to the watcher."""

    def __init__(self, grace: float, has_metadata: Callable[[str], bool] = lambda camera: False) -> None:
        self._grace = grace
        self._has_metadata = has_metadata
        self._lock = threading.Lock()
        self._open: dict[str, list[Marker]] = defaultdict(list)
        self._markers: list[Marker] = []
        self._told = 0
        self._last: dict[tuple[str, str], int] = defaultdict(int)
        self._blind: list[_Blind] = []
        self._unsure: list[list[float]] = []
        self._bridged: float | None = None
        self._armed: dict[str, int] = defaultdict(int)
        self._changed: dict[str, float] = {}
        self._levels: dict[tuple[str, str], tuple[bool | None, str]] = {}
        self._ids: set[str] = set()
        self._alive: dict[str, tuple[float, float, str, str]] = {}
        """Life cycle -> when it was sent, when it arrived, camera and group."""
        self._taken_out: list[tuple[float, str, bool]] = []
        self.counted: Counter[str] = Counter()
        self.violations: list[str] = []
        self.latest: dict[str, float] = {}

    # -- the cameras' side -------------------------------------------------------------------------------------------------

    def expect(self, camera: str, group: str, number: float) -> Marker:
        """Name an alarm that is about to be told."""
        with self._lock:
            self._told += 1
            marker = Marker(camera, group, number, self._told)
            self._markers.append(marker)
            self._open[camera].append(marker)
            return marker

    def over(self, marker: Marker) -> None:
        """What it told of is over: from now on its level may fall."""
        with self._lock:
            marker.over = time.monotonic()
            self._open[marker.camera].remove(marker)

    def journal(self, camera: str, what: str, data: bytes, count: int) -> None:
        """Take word of a camera's alert streams (`Simulator(journal=…)`)."""
        now = time.monotonic()
        with self._lock:
            if what in ("armed", "gone"):
                self._armed[camera] = count
                self._changed[camera] = now
                self.counted[what] += 1
            elif what in ("alarm", "sent") and data:
                self.counted["documents"] += 1
                for marker in self._open[camera]:
                    if marker.sign in data:
                        marker.tries += 1
                        marker.chances += [now] * (count > 0)

    def free(self, camera: str, group: str) -> bool:
        """Tell whether what was told of a group before is known to be over: what comes next is a life cycle of its own."""
        with self._lock:
            if any((camera, group) == (where, what) for _, _, where, what in self._alive.values()):
                return False
            return all(
                marker.arrived is not None or self._cannot_come(marker)
                for marker in self._of(camera)
                if marker.group == group
            )

    def forget(self, camera: str, *, seen: bool) -> None:
        """The camera is no longer configured: nobody tells the end of what it sent before. `seen`: its topics were taken away; else the
        service may do so a little later, or the camera may have come back before it looked, and all goes on."""
        with self._lock:
            self._taken_out.append((time.monotonic() + (0 if seen else _TAKEN_OUT), camera, seen))
            if seen:
                self._alive = {name: about for name, about in self._alive.items() if about[2] != camera}

    def armed(self, camera: str) -> bool:
        """Tell whether anybody is armed on a camera."""
        return self._armed[camera] > 0

    def _cannot_come(self, marker: Marker) -> bool:
        if marker.chances or marker.over is None:
            return False
        if not marker.tries:
            return True
        # The service may have it, and the way from there have been closed all the time.
        now = time.monotonic()
        if self._bridged is None or any(begin <= now <= end for begin, end in self._unsure):
            return False
        return now > max(self._bridged, marker.over + _ON_ITS_WAY) + self._grace

    # -- what is known to cost alarms, or time -----------------------------------------------------------------------------

    def blind(self, begin: float, end: float, why: str, camera: str | None = None) -> None:
        """What was sent in this time may be lost."""
        with self._lock:
            self._blind.append(_Blind(begin, end, camera, why))

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """What the watcher hears meanwhile, and a little later, may be of before."""
        entry = [time.monotonic(), float("inf")]
        with self._lock:
            self._unsure.append(entry)
        try:
            yield
        finally:
            entry[1] = time.monotonic() + 2 * self._grace

    # -- the watcher's side ------------------------------------------------------------------------------------------------

    def bridge(self, at: float, online: bool) -> None:
        """Take `bridge/state`: until it is online, and a little later, what arrives may be of before."""
        with self._lock:
            self._bridged = at if online else None

    def event(self, at: float, camera: str, kind: str, document: Document) -> None:
        """Take one message of `event/<kind>`."""
        with self._lock:
            if document["id"] in self._ids:
                self.counted["again"] += 1
                return
            self._ids.add(document["id"])
            self.counted["events"] += 1
            if document["phase"] == "end":
                self._alive.pop(document["alarm_id"], None)
                return
            told = {round(target["celsius"], 1) for target in document.get("targets") or () if target.get("celsius")}
            sent = at
            for marker in self._of(camera):
                if marker.arrived is None and _tells(marker, kind, document, told):
                    self._arrive(marker, at)
                    sent = min((sent, *marker.chances))
            if document["phase"] == "start" and not self._was_taken_out(camera, sent, seen=True):
                rule = document.get("rule")
                self._alive[document["alarm_id"]] = (sent, at, camera, kind if rule is None else f"rule {rule}")

    def level(self, at: float, camera: str, kind: str, document: Document) -> None:
        """Take one message of `alarm/<kind>`."""
        with self._lock:
            self.counted["levels"] += 1
            before, self._levels[camera, kind] = (
                self._levels.get((camera, kind)),
                (document["active"], document["since"]),
            )
            late = self._bridged is None or at < self._bridged + 2 * self._grace
            if document["active"] is not False or late or any(begin <= at <= end for begin, end in self._unsure):
                return
            self.counted["false"] += 1
            for marker in self._open[camera]:
                if BURNS.get(marker.group.split()[0]) == kind and any(t < at - self._grace for t in marker.chances):
                    self._wrong(at, f"{camera}: {kind} is false while {marker.group} {marker.number} goes on", document)
            if before == self._levels[camera, kind] or kind == "storage" or self._has_metadata(camera):
                return  # said again to a broker that came back; judged by another source too
            gone = not self._armed[camera] and self._changed.get(camera, at) < at - self._grace
            if gone and document["released_by"] != "device":
                self._wrong(at, f"{camera}: {kind} is false while nobody is armed", document)

    # -- judgement ---------------------------------------------------------------------------------------------------------

    def missing(self) -> list[Marker]:
        """Return the alarms that are due and have not arrived."""
        with self._lock:
            return [marker for marker in self._markers if marker.arrived is None and self._due(marker)]

    def settle(self) -> dict[str, int]:
        """Judge all that is over; forget what arrived. Returns how many alarms were told, arrived, excused, never sent."""
        found: Counter[str] = Counter()
        for marker in self.missing():
            found["lost"] += 1
            self._wrong(
                time.monotonic(),
                f"{marker.camera}: {marker.group} {marker.number} was sent at {marker.chances} and never arrived",
            )
        with self._lock:
            for marker in self._markers:
                if marker.arrived is not None:
                    found["arrived"] += 1
                elif not marker.chances:
                    found["never sent to anybody"] += 1
                elif not self._due(marker):
                    found["excused"] += 1
            self._markers = []
            self._open.clear()
            for name, (sent, at, camera, group) in self._alive.items():
                # a disk is bad until somebody looks again
                if not (group == "storage" or self._excused(camera, at) or self._was_taken_out(camera, sent)):
                    self._wrong(at, f"{camera}: the life cycle {name} of {group} has begun and never ended")
            self._alive.clear()
            self._blind = [blind for blind in self._blind if blind.end > time.monotonic()]
            self._unsure = [entry for entry in self._unsure if entry[1] > time.monotonic()]
            self._ids.clear()
            self._taken_out.clear()
        self.counted.update(found)
        return dict(found)

    def wrong(self, problem: str) -> None:
        """Something else that must not be."""
        self._wrong(time.monotonic(), problem)

    def _wrong(self, at: float, problem: str, document: Document | None = None) -> None:
        self.violations.append(f"{at:.1f}: {problem}" + (f": {document}" if document else ""))
        sys.stderr.write(self.violations[-1] + "\n")

    def _of(self, camera: str) -> list[Marker]:
        return [marker for marker in self._markers if marker.camera == camera]

    def _arrive(self, marker: Marker, at: float) -> None:
        marker.arrived = at
        if marker.chances:
            self.latest[marker.group.split()[0]] = at - marker.chances[0]
        if marker.group == "fire":
            return  # several burn at once: each region for itself
        place = (marker.camera, marker.group)
        if marker.order < self._last[place]:
            self._wrong(at, f"{marker.camera}: {marker.group} {marker.number} arrived after a later one")
        self._last[place] = max(self._last[place], marker.order)

    def _due(self, marker: Marker) -> bool:
        return any(not self._excused(marker.camera, at) for at in marker.chances)

    def _was_taken_out(self, camera: str, sent: float, *, seen: bool = False) -> bool:
        return any(sent <= at and where == camera and (known or not seen) for at, where, known in self._taken_out)

    def _excused(self, camera: str | None, at: float) -> bool:
        return any(blind.begin <= at <= blind.end and blind.camera in (None, camera) for blind in self._blind)


def _tells(marker: Marker, kind: str, document: Document, told: set[float]) -> bool:
    match marker.group:
        case "fire":
            return kind == "fire" and round(marker.number, 1) in told
        case "once":
            return kind == "temperature" and document["rule"] == marker.number
    return (
        kind == "temperature"
        and f"rule {document['rule']}" == marker.group
        and document["celsius"] is not None
        and round(document["celsius"], 1) == marker.number
    )
