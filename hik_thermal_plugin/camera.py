"""One camera: its live sources that subscribers share, and what can be asked of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from nvr_hooks import (
    CameraChanged,
    CameraError,
    CameraInfo,
    ConnectionChanged,
    Event,
    Finding,
    FrameOptions,
    Health,
    Measurement,
    MeasureOptions,
    RecordedFile,
    Rules,
    RulesDiff,
    SearchOptions,
    Sink,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    Subscription,
    TemperatureReading,
    ThermalFrame,
    Unsupported,
    Where,
    WrongUse,
    now,
)

from .acquaintance import Acquaintance
from .alarm_pictures import AlarmPictures
from .archive import CameraArchive
from .captures import check_target, write_capture
from .config import CameraSettings, ListenerSettings
from .device import Device
from .gaps import Gaps
from .isapi.findings import finding_of, worst_first
from .isapi.listener import Listener
from .isapi.push_source import PushSource
from .listening import Slots, Unarmed
from .measurement import check, measure
from .merge import LifeCycles
from .recording_time import RecordingTime
from .snapshots import take_snapshot
from .thermometry import Thermometry
from .transport import TemperatureSource
from .video import CameraVideo
from .virtual_watch import VirtualWatch
from .worker import Deliveries, LiveSource, SharedStream

_log = logging.getLogger(__name__)


class Camera:
    """One configured camera. Thread-safe; connects when somebody listens or asks."""

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        state_dir: Path,
        deliveries: Deliveries,
        listener: Listener | None = None,
    ) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._attending = threading.Lock()  # who leaves must not have the last word after who comes
        self._renewer: threading.Thread | None = None
        self._closed = False
        self._device = Device(name, settings, state_dir, self._renewed)
        self._acquaintance = Acquaintance(name, lambda: self._device, told=self._describe, exchanged=self._exchanged)
        self._cycles = LifeCycles()
        self._pictures = AlarmPictures(name, self._tell)
        self._pictures.configure(wanted=settings.picture_overlay)
        self._alarms = SharedStream(
            self._open_alarms,
            camera=name,
            source=self._device.alarm_source,
            deliveries=deliveries,
            through=self._through,
            retry_seconds=settings.auth_retry,
            attended=self._attend,
        )
        self._temperatures = Thermometry(
            name,
            self._open_temperatures,
            deliveries,
            self._device.fresh_for,
            metadata=settings.metadata_use,
            retry_seconds=settings.auth_retry,
            offered=self._offered,
            alarm=self._alarms.tell,
        )
        self._virtual = VirtualWatch(name, self._temperatures.watch, self._alarms.tell)
        self._virtual.configure(settings.rules_of_our_own)
        self._push = PushSource(
            name,
            listener or Listener(),
            state_dir,
            self._alarms.tell,
            host=lambda: urlsplit(self._device.settings.url).hostname or "",
            zone=lambda: self._device.identity.zone,
            clock_ahead=lambda: self._device.alarms_ahead,
            doubt=self._acquaintance.renew,
            listened=self._see_port,
        )
        times = RecordingTime(name, lambda: self._device)
        self.video = CameraVideo(name, lambda: self._device, deliveries, self.watch, times)
        self.archive = CameraArchive(name, lambda: self._device, self.video, times, self._tell)
        self._gaps = Gaps(name, rules=self._rules_now, watch=self.watch, search=self._recorded, tell=self._alarms.tell)

    @property
    def info(self) -> CameraInfo:
        """Return what is known now, without asking the device."""
        return self._device.info(self._alarms.connection.state)

    @property
    def heard_at(self) -> datetime | None:
        """When its alarms were heard last, in an earlier life perhaps."""
        if self._armed:
            return self._alarms.health().last_byte_at or self._gaps.lost_at
        return now() if self._gaps.connected else self._gaps.lost_at

    def heard_before(self, at: datetime) -> None:
        """Take word of an earlier life: what happened since may have been missed."""
        self._gaps.begin(at)

    def configure(self, settings: CameraSettings, state_dir: Path) -> None:
        """Take other settings: the same ones change nothing, others reconnect under the same subscriptions."""
        with self._lock:
            old = self._device
            if (settings, state_dir) == (old.settings, old.state_dir):
                return
            self._device = Device(self.name, settings, state_dir, self._renewed)
        self._begin_anew(old)

    def _exchanged(self, old: Device) -> None:
        """Begin anew with another camera that answers under this name: what the one before had, was asked and told, is not its own."""
        with self._lock:
            if self._device is not old or self._closed:
                return
            self._device = Device(self.name, old.settings, old.state_dir, self._renewed)
            self._device.identity = old.identity
        self._cycles = LifeCycles()
        self._virtual.configure(())
        self._begin_anew(old)

    def _begin_anew(self, old: Device) -> None:
        settings = self._device.settings
        self._pictures.configure(wanted=settings.picture_overlay)
        self._alarms.reopen(source=self._device.alarm_source)
        self._temperatures.reopen(self._device.fresh_for, settings.auth_retry, settings.metadata_use)
        self.video.reopen()
        self._virtual.configure(settings.rules_of_our_own)
        self._attend()
        old.transport.interrupt()
        old.transport.close()

    def identify(self) -> CameraInfo:
        """Ask the device who it is and return all that is known then; raises what kept it from answering."""
        self._device.learn(self._device.deadline())
        return self.info

    def listen(self, sink: Sink) -> Subscription:
        """Deliver alarms of device and virtual rules, pictures, connection and camera changes to the sink until closed."""
        delivery = self._alarms.subscribe(sink)
        pushed = self._push.connection if "push" in self._device.settings.sources else None
        for state in (pushed, self._temperatures.metadata, self._virtual.connection):
            if state is not None:
                delivery.put(state)
        return delivery

    def watch(self, sink: Sink) -> Subscription:
        """Deliver temperatures, burning spots and the changes of their sources to the sink until closed."""
        if not self._device.fresh_for and self._device.settings.metadata_use == "unused":
            raise Unsupported(f"{self.name}: its temperatures are switched off (sources)", camera=self.name)
        return self._temperatures.watch(sink)

    def snapshot(self, channel: int | None, options: SnapshotOptions) -> Snapshot:
        """Take one picture, over the picture URL or from live video (guide 4.3.3)."""
        return take_snapshot(self.name, self._device, self.video, channel, options)

    def stream_url(self, channel: int | None, profile: str) -> StreamUrl:
        """Return the RTSP address of a profile: main, sub, third, or a name that is handed on to the device."""
        if not profile:
            raise WrongUse("the profile has no name: main, sub, third, or one the camera knows")
        device = self._device
        number, _ = device.stream(channel, profile, device.deadline())
        return device.transport.stream_url(number, profile)

    def thermal_frame(self, channel: int | None, options: FrameOptions) -> ThermalFrame:
        """Fetch one radiometric frame; of its pictures those that are wanted and that the camera sends."""
        device, deadline = self._device, self._device.deadline()
        number = device.channel(channel, deadline)
        try:
            frame = device.transport.frame(number, deadline)
        except Unsupported:
            if number == device.thermal_channel:
                self._offered("frame", False)
            raise
        self._offered("frame", True)
        return replace(
            frame,
            thermal_picture=frame.thermal_picture if options.thermal_picture else None,
            visible_picture=frame.visible_picture if options.visible_picture else None,
        )

    def measure(self, channel: int | None, where: Where, options: MeasureOptions) -> Measurement:
        """Measure at a point, along a line or over a region now."""
        check(where, options)
        device, deadline = self._device, self._device.deadline()
        number = device.channel(channel, deadline)
        clicks = device.measures_points
        return measure(device.transport, self.name, number, where, options, deadline, clicks=clicks)

    def rules(self, channel: int | None) -> Rules:
        """Read the device's rules."""
        device, deadline = self._device, self._device.deadline()
        number = device.channel(channel, deadline)
        return Rules(channel=number, document=device.transport.rules(number, deadline))

    def apply_rules(self, channel: int | None, rules: Rules, *, dry_run: bool) -> RulesDiff:
        """Make the device's rules say what these say, or only tell what differs; the channel that `rules` were read from does not count."""
        device, deadline = self._device, self._device.deadline()
        number = device.channel(channel, deadline)
        changes = device.transport.change_rules(number, rules.document, dry_run=dry_run, deadline=deadline)
        return RulesDiff(changes=changes, applied=not dry_run)

    def health(self) -> Sequence[Health]:
        """Return how each source is doing."""
        alarms, sources = self._alarms.health(), self._device.settings.sources
        if "push" not in sources:
            return (alarms, *self._temperatures.health())
        pushed = self._push.health()
        if "alert_stream" in sources:
            return (alarms, pushed, *self._temperatures.health())
        # What listeners did not take is counted once, with the source there is.
        return (
            replace(pushed, dropped=alarms.dropped, sink_errors=alarms.sink_errors),
            *self._temperatures.health(),
        )

    def diagnose(self) -> Sequence[Finding]:
        """Ask the device who it is and what keeps its alarms from being sent; what keeps it from answering is a finding too."""
        device, deadline = self._device, self._device.deadline(3)
        device.facts = {}
        try:
            identity = device.learn(deadline)
        except CameraError as err:
            return [finding_of(self.name, err)]
        settings = device.settings
        slots = Slots(self.name, settings, ListenerSettings(), device.state_dir)
        wanted = settings.metadata_use == "wanted" or settings.temperature.source == "metadata"
        seen = device.transport.diagnose(identity, device.thermal_channel, deadline, metadata_wanted=wanted)
        device.facts = seen.facts
        for source, yes in seen.offers.items():
            self._offered(source, yes)
        return list(worst_first([*seen.findings, *(slots.findings() if "push" in settings.sources else ())]))

    def capture(self, target: Path) -> Path:
        """Write a redacted folder of the device's answers; takes up to a minute, because it listens for a while."""
        check_target(target)
        device = self._device
        identity = device.learn(device.deadline(3))
        return write_capture(device.transport.capture(identity, device.deadline(12)), identity, target)

    def remove(self) -> None:
        """End for good: subscribers get ConnectionChanged(removed)."""
        self._temperatures.close(removed=True)
        self._alarms.close(removed=True)
        self.close()

    def interrupt(self) -> None:
        """Let everything that waits for the device come back; `close()` does the rest."""
        self._closed = True
        self._gaps.interrupt()
        self._pictures.interrupt()
        self._acquaintance.interrupt()
        self._alarms.interrupt()
        self._temperatures.interrupt()
        self.archive.interrupt()
        self.video.interrupt()
        self._device.transport.interrupt()

    def close(self) -> None:
        """End all connections and threads."""
        self.interrupt()
        self._gaps.close()
        self._pictures.close()
        self.archive.close()
        with self._attending:
            self._push.attend(False)
        self.video.close()
        self._alarms.close()
        self._temperatures.close()
        self._acquaintance.close(self._device.settings.timeout)
        if (thread := self._renewer) is not None and thread is not threading.current_thread():
            thread.join(self._device.settings.timeout)
        self._device.transport.close()

    def _tell(self, event: Event) -> bool:
        """Tell those who listen; return whether there is anybody."""
        if not self._alarms.has_subscribers:
            return False
        self._alarms.tell(event)
        return True

    def _through(self, event: Event) -> Event | None:
        if isinstance(event, ConnectionChanged) and event.source in ("alert_stream", "sdk") and self._armed:
            self._gaps.see(event, self._alarms.heard_at, listened=self._alarms.has_subscribers)
            if event.state == "online":
                self._acquaintance.renew()
                self._temperatures.look_again()
        if self._pictures.is_drawn(event):
            return event
        placed = event if event.source == "virtual" else self._cycles.place(event)
        return self._pictures.through(event, placed)

    def _attend(self) -> None:
        """Let the virtual rules work, and metadata tell its fires, while anybody listens."""
        with self._attending:
            listened = self._alarms.has_subscribers and not self._closed
            self._push.attend(listened and "push" in self._device.settings.sources)
            self._virtual.attend(listened)
            self._temperatures.attend(listened)
            if not listened:
                self._see_port(False)

    @property
    def _armed(self) -> bool:
        return "alert_stream" in self._device.settings.sources

    def _see_port(self, there: bool) -> None:
        """A camera that only pushes can be heard while its port is open: what it sends in between may be lost."""
        if not self._armed:
            seen = ConnectionChanged(camera=self.name, source="push", state="online" if there else "error")
            self._gaps.see(seen, None, listened=self._alarms.has_subscribers)

    def _open_alarms(self) -> LiveSource:
        device = self._device
        if not self._armed:
            return Unarmed(self.name)
        return device.transport.alarms(lambda: self._device.identity.zone)

    def _open_temperatures(self, source: TemperatureSource) -> LiveSource:
        """Return a source of the thermal channel's temperatures; asks the device which that is, when nobody has."""
        device = self._device
        number = device.channel(None, device.deadline(3))
        return device.transport.temperatures(source, number, _computed)

    def _rules_now(self) -> tuple[int, Mapping[str, object]]:
        return (found := self.rules(None)).channel, found.document

    def _recorded(self, start: datetime, end: datetime) -> Iterable[RecordedFile]:
        ahead = self._device.clock_ahead or timedelta()  # recordings carry the camera's time
        return self.archive.search(None, start + ahead, end + ahead, SearchOptions())

    def _offered(self, source: TemperatureSource, yes: bool) -> None:
        if self._device.offers(source, yes):
            self._describe()

    def _describe(self) -> None:
        self._alarms.tell(CameraChanged(camera=self.name, info=self.info))

    def _renewed(self) -> bool:
        """Tell whether the file of the password holds another one by now; then connect anew with it, on a thread that may wait."""
        device = self._device
        password = device.settings.password.again()
        if password == device.settings.password:
            return False
        settings = device.settings.model_copy(update={"password": password})
        with self._lock:
            if not self._closed and (self._renewer is None or not self._renewer.is_alive()):
                _log.info("%s: its password has changed where it is kept: connecting anew with it", self.name)
                self._renewer = threading.Thread(
                    target=self.configure, args=(settings, device.state_dir), name=f"{self.name}-password", daemon=True
                )
                self._renewer.start()
        return True


def _computed(frame: ThermalFrame, regions: Mapping[int, Mapping[str, object]]) -> Sequence[TemperatureReading]:
    from .radiometry import rule_readings

    return rule_readings(
        frame.matrix, regions, camera=frame.camera, channel=frame.channel, at=frame.taken_at, frozen=frame.frozen
    )
