"""One camera on its way to the broker: takes what it tells, keeps its levels, and says what is to be published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final, Protocol

from nvr_hooks import (
    Alarm,
    AlarmPicture,
    CameraChanged,
    CameraInfo,
    ConnectionChanged,
    Disk,
    Event,
    GapReport,
    Health,
    TemperatureReading,
    now,
    rfc3339,
    to_json,
)

from .actions import TEST_TYPE
from .lifecycle import ALARM_SOURCES, SPEAKING, LifeCycles, Outcome
from .messages import WHOLE_CAMERA, Document, Message, Topics, rule_segment, segment
from .pictures import PictureNumbers
from .temperatures import News, Temperatures

_STATES: Final = ("online", "auth_blocked", "error", "offline", "starting")
"""Of several alarm sources the first of these counts."""
_STATE: Final = ("state", "since", "reason", "retry_at")
_COUNTERS: Final = tuple(
    item.name
    for item in fields(Health)
    if item.name not in ("camera", "source", "state", "since", "last_error", "delays")
)
_DEVICE: Final = "device"
"""Under this name, among the levels kept, is which device has told them."""
_MOST_PICTURES: Final = 64
"""Topics of pictures of one camera: kinds are a device's words, and it may have many."""


class Out(Protocol):
    """Where a feed's messages go."""

    def happened(self, camera: str, events: Sequence[tuple[Message, str]], saved: Mapping[str, Document]) -> None:
        """Deliver these changes, each with its kind, at least once, and keep over a restart what is so since: all of it or nothing."""

    def level(self, message: Message) -> None:
        """Make this the state of its topic."""

    def clear(self, topic: str) -> None:
        """Take the state of a topic away."""

    def exchanged(self, camera: str) -> None:
        """Take away what the channels of a camera have told: another device answers under its name."""

    def is_behind(self, camera: str) -> bool:
        """Tell whether alarms of the camera were told that have not come here yet."""

    def wake(self, camera: str, at: float) -> None:
        """Call `tick` at this time of the monotonic clock."""

    def doubt(self, camera: str) -> None:
        """Call `heard` with how the sources do now."""

    def changed(self, camera: str, state: str) -> None:
        """Take word that one source of the camera changed its state."""

    def online(self, camera: str) -> None:
        """Take word that the camera's alarm sources are connected now and were not before."""


class Feed:
    """Thread-safe: sinks of several sources call `take` at once, and what one of them causes goes out in one piece."""

    def __init__(
        self,
        info: CameraInfo,
        topics: Topics,
        out: Out,
        release_after: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = now,
    ) -> None:
        self.name = info.name
        self.info = info
        self._topics = topics
        self._out = out
        self._clock = clock
        self._wall = wall
        self._lock = threading.RLock()
        self._release_after = release_after
        self._cycles = LifeCycles(info.name, release_after)
        self._serial: str | None = None
        self._sources: dict[str, Document] = {}
        self._temperatures = Temperatures()
        self._said_state = "starting"
        self._woken_at = float("inf")
        self._pictures: set[str] = set()
        self._numbers = PictureNumbers()
        self._disks: Sequence[Disk] | None = None
        self._bytes: dict[str, tuple[float, int]] = {}
        self._closed = False

    def start(self, saved: Mapping[str, Document]) -> None:
        """Say what is known before the camera said anything: its levels of an earlier life are unknown now."""
        with self._lock:
            self._serial = saved.get(_DEVICE, {}).get("serial")
            self._tell(self._cycles.load({name: row for name, row in saved.items() if name != _DEVICE}, self._wall()))
            self._recognize(self.info)
            self._said_state = ""
            self._say_state()
            self._out.level(self._topics.info(self.name, self.info, None))

    def take(self, event: Event) -> None:
        """Take one event: the sink that cameras are given."""
        with self._lock:
            if self._closed:
                return
            match event:
                case Alarm():
                    self._numbers.alarm(event)
                    self._tell(self._cycles.take(event, self._clock()))
                case AlarmPicture():
                    self._picture(event)
                case TemperatureReading():
                    self._reading(event)
                case ConnectionChanged():
                    self._connection(
                        event.source, event.state, rfc3339(event.received_at), event.reason, rfc3339(event.retry_at)
                    )
                case CameraChanged():
                    self.describe(event.info)
                case GapReport():
                    self._out.happened(self.name, [(self._topics.gap(self.name, to_json(event)), "gap")], {})

    def pause(self) -> None:
        """Return as soon as nothing of this camera is being done: never, when that does not end."""
        with self._lock:
            return

    def tick(self) -> None:
        """Let time do its work on the levels."""
        with self._lock:
            if not self._closed:
                now = self._clock()
                self._pass_on(self._temperatures.tick(self.info.reporting, now))
                self._woken_at = self._temperatures.due
                self._tell(self._cycles.tick(now, self._wall(), behind=self._out.is_behind(self.name)))
                if self._cycles.doubting:
                    self._out.doubt(self.name)

    def heard(self, found: Sequence[Health]) -> None:
        """Take how many bytes the sources have brought: those that brought more than when they were asked before were heard since."""
        with self._lock:
            bytes_of = {health.source: health.bytes for health in found}
            for source in SPEAKING:
                now, count = self._clock(), bytes_of.get(source, 0)
                asked, before = self._bytes.get(source, (now, count))
                if not count:  # of another driver, say
                    self._cycles.heard(source, None)
                elif count > before:
                    self._cycles.heard(source, asked)
                self._bytes[source] = now, count

    def adopt(self, channel: int, kind: str) -> None:
        """Take over a level that was found on the broker."""
        with self._lock:
            if not self._closed:
                self._tell(self._cycles.adopt(channel, kind, self._wall()))

    def describe(self, info: CameraInfo) -> None:
        """Take what is known of the camera by now."""
        with self._lock:
            if info != self.info and not self._closed:
                self.info = info
                self._recognize(info)
                self._out.level(self._topics.info(self.name, info, self._disks))

    def _recognize(self, info: CameraInfo) -> None:
        """Where another device answers under this name than before, in an earlier life perhaps, nothing is known of its levels: begin anew."""
        if info.serial is None or info.serial == self._serial:
            return
        before, self._serial = self._serial, info.serial
        if before is not None:
            self._cycles = LifeCycles(self.name, self._release_after)
            for source, document in self._sources.items():
                online = document["state"] == "online"
                self._cycles.connection(source, online=online, now=self._clock(), wall=self._wall())
            self._temperatures, self._disks = Temperatures(), None
            self._pictures.clear()
            self._out.exchanged(self.name)
        self._out.happened(self.name, (), {_DEVICE: {"serial": info.serial}})

    def store(self, disks: Sequence[Disk]) -> None:
        """Take what is known of the camera's disks."""
        with self._lock:
            if not self._closed:
                self._disks = disks
                self._out.level(self._topics.info(self.name, self.info, disks))

    def healthy(self, found: Sequence[Health]) -> None:
        """Take how the sources do. Of a source nobody has heard of it also tells the state: it was connected before we listened."""
        with self._lock:
            if self._closed:
                return
            for health in found:
                if health.source not in self._sources:
                    self._connection(health.source, health.state, rfc3339(health.since), health.last_error, None)
                document = self._sources[health.source]
                document.update({name: _plain(getattr(health, name)) for name in _COUNTERS})
                document["last_error"] = health.last_error
                self._out.level(self._topics.source(self.name, health.source, document))

    def close(self) -> None:
        """Say that from now on nobody knows; what comes later is not taken."""
        with self._lock:
            if self._closed:
                return
            self._tell(self._cycles.lose(self._wall()))
            self._pass_on(self._temperatures.lose(None, self._clock()))
            self._said_state = "offline"
            self._out.level(self._topics.camera_state(self.name, "offline"))
            self._closed = True

    def _connection(self, source: str, state: str, since: str | None, reason: str | None, retry_at: str | None) -> None:
        before = self._sources_state()
        known = self._sources.get(source)
        document: Document = known or {"source": source, **dict.fromkeys((*_STATE, *_COUNTERS, "last_error"))}
        if known is not None and known["state"] == state:
            since = known["since"]
        document |= {"state": state, "since": since, "reason": reason, "retry_at": retry_at}
        self._sources[source] = document
        online = state == "online"
        self._tell(self._cycles.connection(source, online=online, now=self._clock(), wall=self._wall()))
        self._out.level(self._topics.source(self.name, source, document))
        self._say_state()
        if before != "online" and self._sources_state() == "online":
            self._out.online(self.name)
        if not online:
            self._pass_on(self._temperatures.lose(source, self._clock()))
        self._out.changed(self.name, state)

    def _state(self) -> str:
        """An alarm that is known to go on is not called unavailable because another source is lost, or none can be online."""
        return "online" if self._cycles.goes_on(besides=TEST_TYPE) else self._sources_state()

    def _sources_state(self) -> str:
        states = {document["state"] for name, document in self._sources.items() if name in ALARM_SOURCES}
        states = states or {document["state"] for document in self._sources.values()}
        return next((state for state in _STATES if state in states), "offline" if states else "starting")

    def _say_state(self) -> None:
        """Tell the camera's state where it is another one than was told."""
        before, self._said_state = self._said_state, self._state()
        if before != self._said_state:
            self._out.level(self._topics.camera_state(self.name, self._said_state))

    def _reading(self, reading: TemperatureReading) -> None:
        place = (reading.channel or WHOLE_CAMERA, rule_segment(reading))
        now = self._clock()
        if reading.status == "ended":
            self._temperatures.retire(place)
            self._out.clear(self._topics.temperature(self.name, place[0], reading).topic)
        else:
            self._pass_on(self._temperatures.take(place, reading, self.info.reporting, now))
            if self._cycles.reading(reading, now):
                self._schedule()
        if self._temperatures.due < self._woken_at:
            self._woken_at = self._temperatures.due
            self._out.wake(self.name, self._woken_at)

    def _picture(self, picture: AlarmPicture) -> None:
        channel = picture.channel or WHOLE_CAMERA
        number = self._numbers.number(picture)
        message = self._topics.picture(self.name, channel, picture, number)
        if message.topic not in self._pictures and len(self._pictures) >= _MOST_PICTURES:
            message = self._topics.picture(self.name, channel, replace(picture, kind="other"), number)
        if picture.data:  # nothing would clear the picture before
            self._pictures.add(message.topic)
            self._out.level(message)

    def _pass_on(self, news: Iterable[News]) -> None:
        for (channel, _), reading, stale in news:
            unit = self.info.reporting.unit
            self._out.level(self._topics.temperature(self.name, channel, reading, stale=stale, unit=unit))

    def _tell(self, outcome: Outcome) -> None:
        events = [
            (
                self._topics.event(self.name, event["channel"] or WHOLE_CAMERA, event["kind"], event),
                segment(event["kind"]),
            )
            for event in outcome.events
        ]
        if events or outcome.saved:
            self._out.happened(self.name, events, outcome.saved)
        for channel, kind, document in outcome.alarms:
            self._out.level(self._topics.alarm(self.name, channel, kind, document))
        if outcome.alarms:
            self._say_state()  # after the levels: who reads online finds what it stands for
        self._schedule()

    def _schedule(self) -> None:
        at = min(self._cycles.next_deadline() or self._woken_at, self._woken_at)
        if at < float("inf"):
            self._out.wake(self.name, at)


def _plain(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value
