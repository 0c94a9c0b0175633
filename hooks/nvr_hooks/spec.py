"""The hooks, typed. A plugin implements what it can with `@hookimpl`; a host calls them by keyword.

Contract version (1, 0), entry-point group `nvr.plugins`. Hooks block at most the camera's `timeout`. Hooks for one camera answer `None`
for a camera that is not theirs, and raise `Unsupported` with the reason for what the device cannot do. `channel=None` means the thermal
channel. Events never travel through a hook: they go into the sink handed over on subscription.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pluggy

from .events import Event
from .handles import ByteSink, Download, Handle, ProgressSink, Recording, Sink, Subscription
from .values import (
    CameraInfo,
    Disk,
    DownloadOptions,
    Finding,
    FrameOptions,
    Health,
    Measurement,
    MeasureOptions,
    RecordedFile,
    RecordOptions,
    Rules,
    RulesDiff,
    SearchOptions,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    ThermalFrame,
    TimeSpan,
    What,
    Where,
)

PROJECT = "nvr"
GROUP = "nvr.plugins"
CONTRACT_VERSION = (1, 0)

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def nvr_configure(config: Mapping[str, Any]) -> None:
    """Take the whole configuration, plugin name -> raw mapping; read your own key, raise ConfigError with every mistake. Called again it replaces."""


@hookspec
def nvr_start(hooks: Any) -> None:
    """Begin: everything is configured; `hooks` is the relay through which consumers call the other plugins' hooks and subscribe."""


@hookspec
def nvr_cameras() -> Sequence[CameraInfo]:
    """List your cameras without touching the network; what is not known yet is None and CameraChanged follows."""
    return ()


@hookspec(firstresult=True)
def nvr_stream_url(camera: str, channel: int | None, profile: str) -> StreamUrl | None:
    """Tell the address of a live stream; profile main, sub, third, or a name the device knows. None: not my camera."""


@hookspec(firstresult=True)
def nvr_open_stream(camera: str, channel: int | None, what: What, sink: ByteSink) -> Handle | None:
    """Deliver MPEG program-stream bytes of a live profile, a recording or a time span into the sink. None: not my camera."""


@hookspec(firstresult=True)
def nvr_snapshot(camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
    """Take one picture. None: not my camera."""


@hookspec(firstresult=True)
def nvr_record(camera: str, channel: int | None, target: Path, options: RecordOptions) -> Recording | None:
    """Record the live stream into a file without re-encoding. None: not my camera."""


@hookspec(firstresult=True)
def nvr_search(
    camera: str, channel: int | None, start: datetime, end: datetime, options: SearchOptions
) -> Iterator[RecordedFile] | None:
    """Find recordings between two aware times, in time order. None: not my camera."""


@hookspec(firstresult=True)
def nvr_playback_url(camera: str, channel: int | None, what: RecordedFile | TimeSpan) -> StreamUrl | None:
    """Tell the address of a playback stream; by time it costs no search. None: not my camera."""


@hookspec(firstresult=True)
def nvr_download(
    camera: str,
    channel: int | None,
    what: RecordedFile | TimeSpan,
    target: Path,
    options: DownloadOptions,
    progress: ProgressSink | None,
) -> Download | None:
    """Bring a recording or a time span home into a file. None: not my camera."""


@hookspec(firstresult=True)
def nvr_storage(camera: str) -> Sequence[Disk] | None:
    """List disks and network shares of the camera. None: not my camera."""


@hookspec(firstresult=True)
def nvr_listen(camera: str, sink: Sink) -> Subscription | None:
    """Deliver alarms, their pictures, storage events and connection changes into the sink until closed. None: not my camera."""


@hookspec(firstresult=True)
def nvr_watch(camera: str, sink: Sink) -> Subscription | None:
    """Deliver temperature readings and fire targets into the sink until closed. None: not my camera."""


@hookspec(firstresult=True)
def nvr_measure(camera: str, channel: int | None, where: Where, options: MeasureOptions) -> Measurement | None:
    """Measure at a point, along a line or over a region now. None: not my camera."""


@hookspec(firstresult=True)
def nvr_thermal_frame(camera: str, channel: int | None, options: FrameOptions) -> ThermalFrame | None:
    """Fetch one radiometric image. None: not my camera."""


@hookspec(firstresult=True)
def nvr_rules(camera: str, channel: int | None) -> Rules | None:
    """Read the measuring and alarm rules of the device. None: not my camera."""


@hookspec(firstresult=True)
def nvr_apply_rules(camera: str, channel: int | None, rules: Rules, dry_run: bool) -> RulesDiff | None:
    """Make the device's rules equal to these, or tell what that would change. None: not my camera."""


@hookspec(firstresult=True)
def nvr_diagnose(camera: str) -> Sequence[Finding] | None:
    """Look for what keeps the camera from working, worst first; writes nothing. None: not my camera."""


@hookspec(firstresult=True)
def nvr_probe(url: str, username: str, password: str) -> CameraInfo | None:
    """Ask an unconfigured device who it is. None: not a device of mine."""


@hookspec(firstresult=True)
def nvr_capture(camera: str, target: Path) -> Path | None:
    """Save a redacted folder of a device's answers. None: not my camera."""


@hookspec(firstresult=True)
def nvr_decode(data: bytes) -> Sequence[Event] | None:
    """Tell the events in captured bytes, multipart or bare; raise BadAnswer for a broken document. None: not a format of mine."""


@hookspec(firstresult=True)
def nvr_health(camera: str) -> Sequence[Health] | None:
    """Tell how each source of the camera, or for "" you yourself, are doing, without touching the network. None: not my camera."""


@hookspec
def nvr_config_schema() -> tuple[str, Mapping[str, Any]]:
    """Tell your key in the configuration and the JSON Schema of its section."""
    return ("", {})


@hookspec
def nvr_commands(cli: Any) -> None:
    """Add commands of your own to the host's command line (a typer application)."""


@hookspec
def nvr_close() -> None:
    """End everything; return when no thread or connection of yours is left."""
