"""After a source of alarms was away: what may have been missed meanwhile, as one report.

The present temperatures are held against the device's own alarm rules, and its recordings that an alarm has caused are looked up. Both are
only read. A report says what is so now and what lies on the device; it never says that there was an alarm.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, cast

from nvr_hooks import (
    BeyondLimit,
    ConnectionChanged,
    Event,
    GapReport,
    Level,
    NvrError,
    Quantity,
    RecordedFile,
    Sink,
    Source,
    Subscription,
    TemperatureReading,
)
from nvr_hooks.moments import uptime

from .virtual import value_of

READING_SECONDS: Final = 10.0
"""How long the temperatures are waited for, as long as a rule has told none."""
MOST_RECORDINGS: Final = 100
_SET: Final = timedelta(seconds=2)
_NO_EVENT: Final = frozenset({"", "timing", "cmr", "manual"})
"""Kinds of recordings that nothing has caused (isapi.md 5.1: timing, CMR)."""
_LEVELS: Final[tuple[tuple[Level, str], ...]] = (("alarm", "alarm"), ("pre_alarm", "pre_alarm"))
_log = logging.getLogger(__name__)
Rules = Mapping[str, object]
"""A rules document (docs/cli.md, rules)."""


class Gaps:
    """The gaps of one camera. Thread-safe. A thread of its own asks the device and tells the report; several gaps in a row become one.

    `rules` returns the thermal channel and its rules document, `watch` subscribes to its temperatures, `search` finds recordings of it.
    `clock` gives seconds that nobody can set: where the machine's clock was set in a gap, its beginning is told by the clock of its end.
    """

    def __init__(
        self,
        camera: str,
        *,
        rules: Callable[[], tuple[int, Rules]],
        watch: Callable[[Sink], Subscription],
        search: Callable[[datetime, datetime], Iterable[RecordedFile]],
        tell: Callable[[Event], object],
        clock: Callable[[], float] = uptime,
    ) -> None:
        self._camera = camera
        self._rules = rules
        self._watch = watch
        self._search = search
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._connected = False
        self._lost_at: datetime | None = None
        self._noticed: tuple[datetime, float] | None = None  # by the machine's clock, and by ours
        self._waiting: tuple[datetime | None, datetime, Source] | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    @property
    def connected(self) -> bool:
        """Whether the source can tell at present."""
        return self._connected

    @property
    def lost_at(self) -> datetime | None:
        """When the gap that goes on began; None: none does, or nothing was heard before it."""
        return self._lost_at

    def begin(self, lost_at: datetime) -> None:
        """Take word of an earlier life that the source was heard last then."""
        if not self._connected and self._lost_at is None:
            self._lost_at = lost_at

    def see(self, event: ConnectionChanged, heard_at: datetime | None, *, listened: bool) -> None:
        """Take the changes of one source; `heard_at` is when its earlier connections were heard last. Returns at once."""
        if not listened:
            self._connected, self._lost_at, self._noticed = False, None, None
        elif event.state != "online":
            if self._connected and event.state != "removed":
                self._lost_at = heard_at or event.received_at
                self._noticed = (event.received_at, self._clock())
            self._connected = False
        else:
            lost_at, self._lost_at, self._connected = self._lost_at, None, True
            if lost_at is not None:
                self._look_later(self._on_clock_of(event.received_at, lost_at), event.received_at, event.source)
            self._noticed = None

    def interrupt(self) -> None:
        """Begin to end, without a report."""
        self._closing.set()

    def close(self) -> None:
        """End without a report; what asks the device has been interrupted."""
        self._closing.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(READING_SECONDS)

    def _on_clock_of(self, back_at: datetime, lost_at: datetime) -> datetime | None:
        """Return when the gap began as the clock of its end would have told it; None where the clock went back and nothing tells."""
        if self._noticed is not None:
            noticed, by_ours = self._noticed
            set_by = back_at - noticed - timedelta(seconds=self._clock() - by_ours)
            if abs(set_by) > _SET:
                lost_at += set_by
        return lost_at if lost_at <= back_at else None

    def _look_later(self, lost_at: datetime | None, back_at: datetime, source: Source) -> None:
        with self._lock:
            if self._closing.is_set():
                return
            first = lost_at
            if self._waiting is not None:
                before = self._waiting[0]
                first = None if lost_at is None or before is None else min(lost_at, before)
            self._waiting = (first, back_at, source)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{self._camera}-gap", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                gap, self._waiting = self._waiting, None
                if gap is None or self._closing.is_set():
                    self._thread = None
                    return
            try:
                report = self._report(*gap)
            except Exception:  # noqa: BLE001 - the next gap is worth a report all the same
                _log.exception("%s: what may have been missed could not be looked up", self._camera)
                continue
            if report.beyond is None and report.recordings is None and self._put_off(gap):
                continue
            if not self._closing.is_set():
                _log.warning("%s", told(report))
                self._tell(report)

    def _put_off(self, gap: tuple[datetime | None, datetime, Source]) -> bool:
        """Let the next report tell this gap too, where the camera was lost again while it was asked."""
        with self._lock:
            if self._waiting is not None:
                first = self._waiting[0]
                both = None if first is None or gap[0] is None else min(first, gap[0])
                self._waiting = (both, *self._waiting[1:])
                return True
            if self._lost_at is None or self._connected or gap[0] is None:
                return False
            self._lost_at = min(self._lost_at, gap[0])
            return True

    def _report(self, lost_at: datetime | None, back_at: datetime, source: Source) -> GapReport:
        unknown: list[str] = []
        channel, beyond = self._beyond(unknown)
        recordings = self._recordings(lost_at, back_at, unknown)
        return GapReport(
            camera=self._camera,
            channel=channel,
            source=source,
            lost_at=lost_at,
            back_at=back_at,
            beyond=beyond,
            recordings=recordings,
            unknown=tuple(unknown),
        )

    def _beyond(self, unknown: list[str]) -> tuple[int | None, tuple[BeyondLimit, ...] | None]:
        channel = None
        try:
            channel, document = self._rules()
            wanted = limited(document)
            if not wanted:
                return channel, ()
            readings = self._readings(wanted)
        except NvrError as err:
            unknown.append(f"temperatures: {err}")
            return channel, None
        if silent := sorted(str(rule or "of the whole picture") for rule in wanted - set(readings)):
            unknown.append(
                f"temperatures: {self._camera}: nothing was told within {READING_SECONDS:g} s of rules {', '.join(silent)}"
            )
        return channel, tuple(beyond_limits(document, readings)) if readings else None

    def _readings(self, wanted: set[int]) -> dict[int, TemperatureReading]:
        """Return what the rules measure now, by their numbers; 0 is the whole picture."""
        readings: dict[int, TemperatureReading] = {}
        complete = threading.Event()

        def take(event: Event) -> None:
            if isinstance(event, TemperatureReading) and event.source != "virtual" and event.status != "ended":
                number = event.rule or 0
                if isinstance(number, int) and number in wanted and not event.frozen:
                    readings[number] = event
                    if wanted <= set(readings):
                        complete.set()

        with self._watch(take):
            for _ in range(int(READING_SECONDS / 0.1)):
                if complete.wait(0.1) or self._closing.is_set():
                    break
        return readings

    def _recordings(self, start: datetime | None, end: datetime, unknown: list[str]) -> tuple[RecordedFile, ...] | None:
        found: list[RecordedFile] = []
        if start is None:
            unknown.append(f"recordings: {self._camera}: since when is not known: the clock was set back meanwhile")
            return None
        try:
            of_events = (file for file in self._search(start, end) if (file.kind or "").lower() not in _NO_EVENT)
            found.extend(islice(of_events, MOST_RECORDINGS + 1))
        except NvrError as err:
            unknown.append(f"recordings: {err}")
            return None
        if len(found) > MOST_RECORDINGS:
            unknown.append(f"recordings: there are more than the {MOST_RECORDINGS} that are named")
        return tuple(found[:MOST_RECORDINGS])


def told(report: GapReport) -> str:
    """Tell a report in one line."""
    beyond = "unknown" if report.beyond is None else len(report.beyond)
    recordings = "unknown" if report.recordings is None else len(report.recordings)
    span = f"from {_short(report.lost_at)} to {_short(report.back_at)}"
    return (
        f"{report.camera}: alarms may have been missed {span} ({report.source} was away); "
        f"beyond their limits now: {beyond}; recordings of events in that time: {recordings}"
    )


def limited(document: Rules) -> set[int]:
    """Return the numbers of the measuring rules that the device's alarm rules look at; 0 is the whole picture."""
    if document.get("mode") == "normal":
        basic = _section(document, "basic")
        return {0} if {"alarm_celsius", "pre_alarm_celsius"} & set(basic) else set()
    numbers = {int(number) for number in _rules(document, "alarm_rules")}
    measuring = {int(number) for number in _rules(document, "regions")}
    for rule in _rules(document, "difference_rules").values():
        numbers |= {number for key in ("rule", "other_rule") if isinstance(number := rule.get(key), int)}
    return numbers & measuring if "regions" in document else numbers


def beyond_limits(document: Rules, readings: Mapping[int, TemperatureReading]) -> Iterator[BeyondLimit]:
    """Yield what lies beyond a limit of the device's own rules, the worse level of each alone; a value that is missing is not beyond."""
    if document.get("mode") == "normal":
        if (whole := readings.get(0)) is not None:
            yield from _beyond(_section(document, "basic") | {"quantity": "highest", "condition": "above"}, whole)
        return
    for number, rule in _rules(document, "alarm_rules").items():
        if (reading := readings.get(int(number))) is not None:
            yield from _beyond(rule, reading)
    for rule in _rules(document, "difference_rules").values():
        yield from _apart(rule, readings)


def _beyond(rule: Rules, reading: TemperatureReading) -> Iterator[BeyondLimit]:
    quantity = cast(Quantity, rule.get("quantity") or "highest")
    value = value_of(reading, quantity)
    unit = "kelvin" if quantity == "difference" else "celsius"
    for level, name in _LEVELS:
        limit = rule.get(f"{name}_{unit}")
        if _is_beyond(value, rule.get("condition"), limit):
            found = BeyondLimit(
                level=level,
                rule=reading.rule,
                rule_name=reading.rule_name,
                preset=reading.preset,
                quantity=quantity,
                condition="below" if rule.get("condition") == "below" else "above",
            )
            yield _with_values(found, unit, value, limit)
            return


def _apart(rule: Rules, readings: Mapping[int, TemperatureReading]) -> Iterator[BeyondLimit]:
    """Whichever of the two is the hotter one: no document says that the sign counts (isapi.md 8.2)."""
    one, other = (readings.get(cast(int, rule.get(key))) for key in ("rule", "other_rule"))
    quantity = cast(Quantity, rule.get("quantity") or "highest")
    values = [None if reading is None else value_of(reading, quantity) for reading in (one, other)]
    if one is None or other is None or values[0] is None or values[1] is None:
        return
    apart, limit = abs(values[0] - values[1]), rule.get("alarm_kelvin")
    if _is_beyond(apart, rule.get("condition"), limit):
        found = BeyondLimit(
            rule=one.rule,
            other_rule=other.rule,
            rule_name=one.rule_name,
            preset=one.preset,
            quantity=quantity,
            condition="below" if rule.get("condition") == "below" else "above",
        )
        yield _with_values(found, "kelvin", apart, limit)


def _is_beyond(value: float | None, condition: object, limit: object) -> bool:
    if value is None or not isinstance(limit, int | float):
        return False
    return value < limit if condition == "below" else value > limit


def _with_values(found: BeyondLimit, unit: str, value: float | None, limit: object) -> BeyondLimit:
    threshold = cast(float, limit)
    if unit == "kelvin":
        return replace(found, difference_kelvin=None if value is None else round(value, 3), threshold_kelvin=threshold)
    return replace(found, celsius=value, threshold_celsius=threshold)


def _section(document: Rules, key: str) -> dict[str, object]:
    found = document.get(key)
    return dict(found) if isinstance(found, Mapping) else {}


def _rules(document: Rules, key: str) -> dict[str, Rules]:
    return {str(number): rule for number, rule in _section(document, key).items() if isinstance(rule, Mapping)}


def _short(at: datetime | None) -> str:
    return "an unknown time" if at is None else at.isoformat(sep=" ", timespec="seconds")
