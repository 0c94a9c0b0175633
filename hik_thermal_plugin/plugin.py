"""The driver's hooks: find the camera, call its method; no logic here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nvr_hooks import (
    CONTRACT_VERSION,
    ByteSink,
    CameraInfo,
    Disk,
    Download,
    DownloadOptions,
    Event,
    Finding,
    FrameOptions,
    Handle,
    Health,
    Measurement,
    MeasureOptions,
    ProgressSink,
    RecordedFile,
    Recording,
    RecordOptions,
    Rules,
    RulesDiff,
    SearchOptions,
    Sink,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    Subscription,
    ThermalFrame,
    TimeSpan,
    What,
    Where,
    hookimpl,
)

if TYPE_CHECKING:
    from .camera import Camera
    from .listening import Slots
    from .site import Site

KEY = "hik_thermal"
T = TypeVar("T")


class HikThermal:
    """The plugin `hik_thermal`. One instance serves one host."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self) -> None:
        self._site: Site | None = None

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        """Take the section `hik_thermal`; raise ConfigError with every mistake."""
        from .config import read
        from .site import Site

        settings = read(config)
        if self._site is None:
            self._site = Site()
        self._site.configure(settings)

    @hookimpl
    def nvr_start(self, hooks: Any) -> None:
        """Keep when cameras were heard; connections start with the first subscriber."""
        if self._site is not None:
            self._site.remember()

    @hookimpl
    def nvr_cameras(self) -> Sequence[CameraInfo]:
        """List the configured cameras with what is known of them."""
        return () if self._site is None else [camera.info for camera in self._site.cameras()]

    @hookimpl
    def nvr_stream_url(self, camera: str, channel: int | None, profile: str) -> StreamUrl | None:
        """Tell the RTSP address of a live stream (guide 4.3.1)."""
        return self._with(camera, lambda found: found.stream_url(channel, profile))

    @hookimpl
    def nvr_open_stream(self, camera: str, channel: int | None, what: What, sink: ByteSink) -> Handle | None:
        """Deliver program-stream bytes, live (guide 4.3.1) or of a recording (guide 5.3)."""
        return self._with(camera, lambda found: found.video.open_stream(channel, what, sink))

    @hookimpl
    def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
        """Take one picture over the picture URL or from live video (guide 4.3.3)."""
        return self._with(camera, lambda found: found.snapshot(channel, options))

    @hookimpl
    def nvr_record(self, camera: str, channel: int | None, target: Path, options: RecordOptions) -> Recording | None:
        """Record live video on our side (guide 4.3.2)."""
        return self._with(camera, lambda found: found.video.record(channel, target, options))

    @hookimpl
    def nvr_search(
        self, camera: str, channel: int | None, start: Any, end: Any, options: SearchOptions
    ) -> Iterator[RecordedFile] | None:
        """Find recordings on the camera (guide 5.3)."""
        return self._with(camera, lambda found: found.archive.search(channel, start, end, options))

    @hookimpl
    def nvr_playback_url(self, camera: str, channel: int | None, what: RecordedFile | TimeSpan) -> StreamUrl | None:
        """Tell the RTSP address of a recording (guide 5.3)."""
        return self._with(camera, lambda found: found.video.playback_url(channel, what))

    @hookimpl
    def nvr_download(
        self,
        camera: str,
        channel: int | None,
        what: RecordedFile | TimeSpan,
        target: Path,
        options: DownloadOptions,
        progress: ProgressSink | None,
    ) -> Download | None:
        """Bring a recording home by name, or a span of time (guide 6.3)."""
        return self._with(camera, lambda found: found.archive.download(channel, what, target, options, progress))

    @hookimpl
    def nvr_storage(self, camera: str) -> Sequence[Disk] | None:
        """List disks and network shares (guide 5.1)."""
        return self._with(camera, lambda found: found.archive.storage())

    @hookimpl
    def nvr_listen(self, camera: str, sink: Sink) -> Subscription | None:
        """Arm the camera (guide 7) and deliver its alarms."""
        return self._with(camera, lambda found: found.listen(sink))

    @hookimpl
    def nvr_watch(self, camera: str, sink: Sink) -> Subscription | None:
        """Deliver live temperatures (guide 9.1)."""
        return self._with(camera, lambda found: found.watch(sink))

    @hookimpl
    def nvr_measure(
        self, camera: str, channel: int | None, where: Where, options: MeasureOptions
    ) -> Measurement | None:
        """Measure by hand (guide 9.2)."""
        return self._with(camera, lambda found: found.measure(channel, where, options))

    @hookimpl
    def nvr_thermal_frame(self, camera: str, channel: int | None, options: FrameOptions) -> ThermalFrame | None:
        """Fetch one radiometric frame."""
        return self._with(camera, lambda found: found.thermal_frame(channel, options))

    @hookimpl
    def nvr_rules(self, camera: str, channel: int | None) -> Rules | None:
        """Read the measuring and alarm rules."""
        return self._with(camera, lambda found: found.rules(channel))

    @hookimpl
    def nvr_apply_rules(self, camera: str, channel: int | None, rules: Rules, dry_run: bool) -> RulesDiff | None:
        """Write the measuring and alarm rules, or tell what that would change."""
        return self._with(camera, lambda found: found.apply_rules(channel, rules, dry_run=dry_run))

    @hookimpl
    def nvr_diagnose(self, camera: str) -> Sequence[Finding] | None:
        """Look for what keeps alarms from arriving."""
        return self._with(camera, lambda found: found.diagnose())

    @hookimpl
    def nvr_probe(self, url: str, username: str, password: str) -> CameraInfo | None:
        """Ask a device who it is; None where the address is not HTTP(S)."""
        if not url.lower().startswith(("http://", "https://")):
            return None
        from .site import probe

        return probe(url, username, password)

    @hookimpl
    def nvr_capture(self, camera: str, target: Path) -> Path | None:
        """Save a redacted folder of the device's answers: a profile of the simulator."""
        return self._with(camera, lambda found: found.capture(target))

    @hookimpl
    def nvr_decode(self, data: bytes) -> Sequence[Event] | None:
        """Tell the events in captured alarm bytes; None when they are no ISAPI alarm document or stream."""
        from .wire.captured import looks_like_alarms, read_events

        return read_events(data) if looks_like_alarms(data) else None

    @hookimpl
    def nvr_health(self, camera: str) -> Sequence[Health] | None:
        """Tell how each source is doing."""
        return self._with(camera, lambda found: found.health())

    @hookimpl
    def nvr_config_schema(self) -> tuple[str, Mapping[str, Any]]:
        """Tell the section `hik_thermal`."""
        from .config import schema

        return (KEY, schema())

    @hookimpl
    def nvr_commands(self, cli: Any) -> None:
        """Add `frame` and `listen`."""
        from .commands import nvr_commands
        from .listen_command import nvr_commands as nvr_listen_command

        nvr_commands(cli)
        nvr_listen_command(cli, self._slots)

    @hookimpl
    def nvr_close(self) -> None:
        """End all connections."""
        if self._site is not None:
            self._site.close()

    def _slots(self, camera: str) -> Slots | None:
        """Return the list of hosts of a configured camera."""
        from .listening import Slots

        settings = None if self._site is None else self._site.settings
        found = None if settings is None else settings.driver.cameras.get(camera)
        if settings is None or found is None:
            return None
        return Slots(camera, found, settings.driver.listener, settings.state_dir)

    def _with(self, camera: str, ask: Callable[[Camera], T]) -> T | None:
        found = None if self._site is None else self._site.camera(camera)
        return None if found is None else ask(found)


plugin = HikThermal()
