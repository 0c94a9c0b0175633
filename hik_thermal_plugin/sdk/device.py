"""One camera over the vendor's library. Satisfies `transport.CameraTransport`.

What is asked in documents (identity, rules, findings, polled temperatures, disks) goes through `documents`, another CameraTransport whose
requests the library passes on; everything else is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Literal, NoReturn

from nvr_hooks import (
    BadAnswer,
    Capability,
    ChannelInfo,
    DeviceError,
    Disk,
    Measurement,
    MeasureOptions,
    NoPermission,
    Point,
    RecordedFile,
    RecordOptions,
    RuleChange,
    ThermalFrame,
    TimeSpan,
    Unsupported,
    Where,
    now,
)

from ..transport import CameraTransport, Capture, Compute, Diagnosis, Identity, LiveSource, TemperatureSource
from .alarm_stream import SdkAlarmStream
from .archive import SdkArchive, SdkPlayback, SdkTransfer
from .frames import SdkFrameReadings
from .live import SdkVideo
from .pictures import SdkPictures
from .recording import SdkRecording
from .session import SdkSession
from .thermometry import SdkManualThermometry, SdkRealtimeStream

_BOTH: frozenset[Capability] = frozenset({"alarms", "live", "playback", "rules", "thermometry_polling", "storage"})
"""What goes with both ways to log in."""
_PRIVATE: frozenset[Capability] = frozenset(
    {"snapshot", "realtime_thermometry", "thermal_frame", "manual_thermometry", "search", "download"}
)
"""What ISAPI login does not do (hcnetsdk.md 7.4, 7.8, 7.9)."""
_OTHER_FINDINGS = ("no_alarms", "alarms_denied", "no_temperatures", "rtsp_", "metadata_")
_OTHER_FACTS = (
    *("alarms", "real-time temperatures", "polled temperatures", "radiometric frames"),
    *("live video", "metadata", "recordings"),
)
"""What is only so over HTTP and RTSP."""
_TWO_CHANNELS = "two channels: the second is thermal (guide 4.3.1)"
_ONE_CHANNEL = "its only channel"


class SdkDevice:
    """A camera at an address of the library. Thread-safe. `window`: an X11 window for the library's player, 0 for none.

    `zone` tells the zone of the device's clock: the library delivers wall clock times.
    """

    name: Literal["sdk"] = "sdk"

    def __init__(
        self,
        session: SdkSession,
        documents: CameraTransport,
        *,
        zone: Callable[[], tzinfo | None],
        window: int = 0,
        poll_interval: float = 2.0,
        frame_interval: float = 1.0,
    ) -> None:
        self._session = session
        self._camera = session.camera
        self._documents = documents
        self._zone = zone
        self._interval = max(poll_interval, frame_interval)
        self._pictures = SdkPictures(session, window, frame_interval)
        self._archive = SdkArchive(session, zone)
        self._manual = SdkManualThermometry(session, zone)

    def serves(self, capability: str) -> Literal["sdk"] | None:
        """Tell whether it serves a capability, with the configured way to log in."""
        private = self._session.access.mode == "private"
        return "sdk" if capability in _BOTH or (private and capability in _PRIVATE) else None

    def identify(self, deadline: float) -> Identity:
        """Ask for identity, channels, capabilities and clock in documents; where the device has none, tell what its login told."""
        login = self._session.login(deadline)
        try:
            identity = self._documents.identify(deadline)
        except (Unsupported, NoPermission, DeviceError, BadAnswer):
            identity = Identity()
        if identity.serial is None:
            identity = replace(identity, serial=login.serial)
        if identity.channels is None and login.channels:
            first, count = login.first_channel, login.channels
            thermal = first + 1 if count == 2 else first if count == 1 else None
            channels = tuple(
                ChannelInfo(id=number, thermal=None if thermal is None else number == thermal)
                for number in range(first, first + count)
            )
            identity = replace(identity, channels=channels)
            if identity.thermal_channel is None and thermal is not None:
                evidence = _TWO_CHANNELS if count == 2 else _ONE_CHANNEL
                identity = replace(identity, thermal_channel=thermal, thermal_evidence=evidence)
        known: set[Capability] = {*(identity.capabilities or ()), "alarms", "live", "playback"}
        if "thermometry_polling" in known and not login.isapi:
            known |= {
                "realtime_thermometry",
                "manual_thermometry",
            }  # the flag is that of the library; HTTP has one of its own
        return replace(identity, capabilities=frozenset(known))

    def alarms(self, zone: Callable[[], tzinfo | None]) -> SdkAlarmStream:
        """Return a source that arms the device (guide 7.1.1)."""
        return SdkAlarmStream(self._session, zone=zone)

    def snapshot(self, channel: int, stream: int, deadline: float) -> tuple[bytes, datetime]:
        """Return a JPEG that the device makes."""
        at = now()
        return self._pictures.jpeg(channel, deadline), at

    def player_picture(self, channel: int, form: Literal["jpeg", "bmp"], deadline: float) -> bytes | None:
        """Return a picture of the library's player (guide 4.3.3)."""
        return self._pictures.player_picture(channel, form, deadline)

    def recording(self, channel: int, target: Path, options: RecordOptions, deadline: float) -> SdkRecording | None:
        """Record PS or 3GPP by the library (guide 4.3.2)."""
        if options.container not in ("ps", "3gp"):
            return None
        return SdkRecording(self._session, channel, target, options, options.container).start(deadline)

    def stream_url(self, channel: int, profile: str) -> NoReturn:
        """Refuse: there are no addresses."""
        raise self._refusal("addresses of streams")

    def video(self, channel: int, profile: str) -> SdkVideo:
        """Return one connection of live video (guide 4.3.1)."""
        return SdkVideo(self._session, channel, profile)

    def playback(self, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> SdkPlayback:
        """Return one connection that plays a recording back (guide 5.3)."""
        return self._archive.playback(track, what)

    def playback_url(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> NoReturn:
        """Refuse: there are no addresses."""
        raise self._refusal("addresses of recordings")

    def playback_file_url(self, uri: str) -> NoReturn:
        """Refuse: there are no addresses."""
        raise self._refusal("addresses of recordings")

    def recordings(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[RecordedFile]:
        """Search for recordings (guide 5.3)."""
        return self._archive.search(track, start, end)

    def transfer(self, file: RecordedFile) -> SdkTransfer:
        """Return the download of a recording by its name (guide 6.3.2)."""
        return self._archive.transfer(file.track, file)

    def span_transfer(self, track: int, span: TimeSpan) -> SdkTransfer:
        """Return the download of a span of time (guide 6.3.1)."""
        return self._archive.transfer(track, span)

    def storage(self, deadline: float) -> Sequence[Disk]:
        """Return disks and network shares, by a document."""
        return self._documents.storage(deadline)

    def temperatures(self, source: TemperatureSource, channel: int, compute: Compute) -> LiveSource:
        """Return a source of live temperatures (guide 9.1)."""
        match source:
            case "realtime":
                return SdkRealtimeStream(self._session, channel, zone=self._zone)
            case "poll":
                return self._documents.temperatures(source, channel, compute)
            case "frame":
                return SdkFrameReadings(self._pictures, self._documents, self._camera, channel, self._interval, compute)
            case "metadata":
                raise self._refusal("the metadata track")

    def frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return a new radiometric frame."""
        return self._pictures.frame(channel, deadline)

    def recent_frame(self, channel: int, options: MeasureOptions, deadline: float) -> ThermalFrame:
        """Return a frame for a measurement; surface properties go with the device's own measurements only."""
        if options != MeasureOptions():
            raise self._refusal("surface properties of radiometric frames")
        return self._pictures.recent_frame(channel, deadline)

    def click(self, channel: int, at: Point, deadline: float) -> float | None:
        """Return the temperature at a point as the device measures it, by a document."""
        return self._documents.click(channel, at, deadline)

    def manual(self, channel: int, where: Where, options: MeasureOptions, deadline: float) -> Measurement | None:
        """Measure by hand on the device (guide 9.2)."""
        return self._manual.measure(channel, where, options, deadline)

    def rules(self, channel: int, deadline: float) -> dict[str, object]:
        """Return the rules document."""
        return self._documents.rules(channel, deadline)

    def change_rules(
        self, channel: int, wanted: Mapping[str, object], *, dry_run: bool, deadline: float
    ) -> tuple[RuleChange, ...]:
        """Change the rules, by documents."""
        return self._documents.change_rules(channel, wanted, dry_run=dry_run, deadline=deadline)

    def presence(self, deadline: float) -> Mapping[str, str]:
        """Log in, and tell which library does it."""
        library = self._session.login(deadline).library
        return {"vendor library": f"{library.version} in {library.folder}, {self._session.access.mode} login"}

    def diagnose(self, identity: Identity, channel: int | None, deadline: float, *, metadata_wanted: bool) -> Diagnosis:
        """Look, by documents, at what alarms and temperatures need; how things stand over HTTP and RTSP themselves says nothing here."""
        presence = self.presence(deadline)
        seen = self._documents.diagnose(identity, channel, deadline, metadata_wanted=False)
        facts = {name: word for name, word in seen.facts.items() if name not in _OTHER_FACTS}
        findings = tuple(found for found in seen.findings if not found.code.startswith(_OTHER_FINDINGS))
        return Diagnosis(findings=findings, facts={**facts, **presence}, offers={})

    def capture(self, identity: Identity, deadline: float) -> Capture:
        """Refuse: answers are captured as they come over HTTP."""
        raise self._refusal("captures of answers")

    def interrupt(self) -> None:
        """Let everybody who waits come back; a call inside the library ends at its own limit."""
        self._documents.interrupt()
        self._pictures.end()
        self._archive.end()

    def close(self) -> None:
        """Close what is open, log out, and let go of the library."""
        self.interrupt()
        self._session.close()

    def _refusal(self, what: str) -> Unsupported:
        text = f"{self._camera}: {what}: the vendor library has none; list isapi under transport"
        return Unsupported(text, camera=self._camera)
