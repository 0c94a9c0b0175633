"""One camera over ISAPI: who it is, its pictures, its alarms. Satisfies `transport.CameraTransport`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from nvr_hooks import (
    BadAnswer,
    Capability,
    ChannelInfo,
    DeviceError,
    Disk,
    MeasureOptions,
    NoPermission,
    Point,
    RecordedFile,
    RecordOptions,
    RuleChange,
    StreamUrl,
    ThermalFrame,
    TimeSpan,
    Unsupported,
    Where,
    now,
)

from ..transport import Capture, Compute, DeviceClock, Diagnosis, Identity, TemperatureSource
from ..wire.device import (
    Capabilities,
    DeviceInfo,
    DeviceTime,
    ThermalChannel,
    Trigger,
    decide_thermal_channel,
    parse_capabilities,
    parse_channels,
    parse_device_info,
    parse_thermal_channels,
    parse_time,
    parse_triggers,
)
from ..wire.urls import live_url, playback_url, rewritten
from .alert_stream import AlertStream
from .archive import DeviceArchive
from .auth import IDENTITY
from .capture import Interview
from .channels import ThermalChannels
from .clicks import Clicks
from .client import IsapiClient
from .diagnosis import Examination
from .frames import Frames
from .metadata_stream import MetadataStream, camera_metadata
from .polling import ComputedReadings, PolledReadings
from .rules import DeviceRules
from .thermometry import RealtimeStream
from .transfer import Transfer
from .video_stream import VideoStream, camera_video

T = TypeVar("T")
_ALWAYS: frozenset[Capability] = frozenset({"alarms", "live"})
"""What every firmware has, whether or not its capability document says so."""


class IsapiDevice:
    """A camera at an HTTP address. Thread-safe; requests of one camera go one after the other."""

    name: Literal["isapi"] = "isapi"

    def __init__(
        self,
        camera: str,
        client: IsapiClient,
        *,
        rtsp_port: int,
        config_channel: int | None = None,
        data_channel: int | None = None,
        poll_interval: float = 2.0,
        frame_interval: float = 1.0,
        enable_metadata: bool = False,
        clock: DeviceClock | None = None,
    ) -> None:
        """`config_channel` and `data_channel` are tried first for rules and for temperatures; intervals in seconds. `enable_metadata`:
        switch metadata on in the camera before it is read. `clock` is shown what heartbeats say."""
        self._camera = camera
        self._client = client
        self._host = urlsplit(client.url).hostname or ""
        self._rtsp_port = rtsp_port
        self._poll_interval = poll_interval
        self._frame_interval = frame_interval
        self._enable_metadata = enable_metadata
        self._device_clock = clock or DeviceClock()
        self._zone: tzinfo | None = None
        self._others: tuple[int, ...] = ()
        self._numbers = ThermalChannels(camera, config_channel, data_channel)
        self._rules = DeviceRules(client, self._numbers)
        self._frames = Frames(client, self._numbers, self._rules, frame_interval)
        self._clicks = Clicks(client, self._numbers)
        self._archive = DeviceArchive(client)

    def identify(self, deadline: float) -> Identity:
        """Ask for identity, channels, capabilities and clock; what the device or this user cannot answer stays None.

        Raises CameraError when the device does not even say who it is: unreachable, refused, no ISAPI device.
        """
        with self._client.conversation():
            info = self._ask("/ISAPI/System/deviceInfo", parse_device_info, deadline)
            clock, ahead = self._clock(deadline)
            channels = self._channels(deadline)
            capabilities = self._capabilities(deadline)
            thermal = self._thermal(info, channels, capabilities, deadline)
        self._numbers.thermal = thermal.channel
        self._zone = clock.zone if clock else None
        self._others = tuple(found.id for found in channels or ())
        return Identity(
            manufacturer=info.manufacturer,
            model=info.model,
            serial=info.serial,
            firmware=info.firmware,
            mac=info.mac,
            device_name=info.name,
            channels=_marked(channels, thermal.channel),
            thermal_channel=thermal.channel,
            thermal_evidence=thermal.evidence,
            capabilities=_known(capabilities),
            zone=self._zone,
            clock_ahead=ahead,
            most_connections=None if capabilities is None else capabilities.most_connections,
        )

    def alarms(self, zone: Callable[[], tzinfo | None]) -> AlertStream:
        """Return a source that arms the device (guide 7.1.1)."""
        return AlertStream(self._client, zone=zone, told=self._device_clock.show)

    def snapshot(self, channel: int, stream: int, deadline: float) -> tuple[bytes, datetime]:
        """Return a JPEG of the stream's channel (isapi.md 3)."""
        at = now()
        return self._client.snapshot(stream, deadline=deadline), at

    def stream_url(self, channel: int, profile: str) -> StreamUrl:
        """Return the RTSP address of a live stream (isapi.md 4)."""
        return self._address(live_url(self._host, self._rtsp_port, channel, profile))

    def video(self, channel: int, profile: str) -> VideoStream:
        """Return one connection of live video (guide 4.3.1)."""
        url = self.stream_url(channel, profile).url
        urls = [url, url.replace("/Streaming/Channels/", "/ISAPI/Streaming/channels/")]
        return camera_video(self._client, self._rtsp_port, urls)

    def playback(self, track: int, what: RecordedFile | TimeSpan, zone: tzinfo | None) -> VideoStream:
        """Return one connection that plays a recording back (guide 5.3)."""
        if isinstance(what, RecordedFile) and what.playback_uri:
            url = self.playback_file_url(what.playback_uri)
        else:
            url = self.playback_url(track, what.start, what.end, zone)
        return camera_video(self._client, self._rtsp_port, [url.url], playback=True)

    def player_picture(self, channel: int, form: str, deadline: float) -> None:
        """Return None: pictures of live video are decoded on our side."""

    def recording(self, channel: int, target: Path, options: RecordOptions, deadline: float) -> None:
        """Return None: ISAPI has no recording function (guide 4.3.2)."""

    def manual(self, channel: int, where: Where, options: MeasureOptions, deadline: float) -> None:
        """Return None: ISAPI measures single points at most (click)."""

    def serves(self, capability: str) -> Literal["isapi"] | None:
        """Tell that it serves everything there is but what only the vendor's library has."""
        return "isapi"

    def playback_url(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> StreamUrl:
        """Return the RTSP address of a recording by time (guide 5.3.1)."""
        return self._address(playback_url(self._host, self._rtsp_port, track, start, end, zone))

    def playback_file_url(self, uri: str) -> StreamUrl:
        """Return a search result's RTSP address at the configured host and port (guide 5.3.2, isapi.md 4)."""
        return self._address(rewritten(uri, self._host, self._rtsp_port))

    def recordings(self, track: int, start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[RecordedFile]:
        """Search for recordings (guide 5.3)."""
        return self._archive.search(track, start, end, zone)

    def transfer(self, file: RecordedFile) -> Transfer:
        """Return the download of a recording by its name (guide 6.3.2)."""
        return self._archive.transfer(file)

    def span_transfer(self, track: int, span: TimeSpan) -> None:
        """Return None: ISAPI has no download by time (guide 6.3.1)."""

    def storage(self, deadline: float) -> tuple[Disk, ...]:
        """Return disks and network shares (guide 5.1)."""
        return self._archive.storage(deadline)

    def temperatures(
        self, source: TemperatureSource, channel: int, compute: Compute
    ) -> RealtimeStream | MetadataStream | PolledReadings | ComputedReadings:
        """Return a source of live temperatures (guide 9.1, 8.1)."""
        match source:
            case "realtime":
                return RealtimeStream(self._client, self._numbers, self._rules, channel)
            case "metadata":
                # Some cameras have the track of the thermal channel beside another one's video (rtsp.md 8).
                channels = tuple(dict.fromkeys((channel, *self._others)))
                return camera_metadata(
                    self._client, self._rtsp_port, channels, zone=self._zone, enable=self._enable_metadata
                )
            case "poll":
                return PolledReadings(self._client, self._numbers, self._rules, channel, self._poll_interval)
            case "frame":
                interval = max(self._poll_interval, self._frame_interval)
                return ComputedReadings(self._client, self._frames, self._rules, channel, interval, compute)

    def frame(self, channel: int, deadline: float) -> ThermalFrame:
        """Return a new radiometric frame (isapi.md 8.4)."""
        return self._frames.fetch(channel, deadline)

    def recent_frame(self, channel: int, options: MeasureOptions, deadline: float) -> ThermalFrame:
        """Return a frame for a measurement."""
        if options == MeasureOptions():
            return self._frames.recent(channel, deadline)
        return self._frames.fetch_with(channel, options, deadline)

    def click(self, channel: int, at: Point, deadline: float) -> float | None:
        """Return the temperature at a point as the device measures it (isapi.md 8.5)."""
        return self._clicks.celsius(channel, at, deadline)

    def rules(self, channel: int, deadline: float) -> dict[str, object]:
        """Return the rules document (isapi.md 8)."""
        return self._rules.read(channel, deadline)

    def change_rules(
        self, channel: int, wanted: Mapping[str, object], *, dry_run: bool, deadline: float
    ) -> tuple[RuleChange, ...]:
        """Change the rules by GET, change, PUT."""
        return self._rules.change(channel, wanted, dry_run=dry_run, deadline=deadline)

    def presence(self, deadline: float) -> Mapping[str, str]:
        """Ask for what every user may read."""
        self._client.get(IDENTITY, deadline=deadline)
        return {"isapi": "answers"}

    def diagnose(self, identity: Identity, channel: int | None, deadline: float, *, metadata_wanted: bool) -> Diagnosis:
        """Look at everything that alarms, temperatures and video need."""
        return Examination(
            self._client,
            self._numbers,
            self._rules,
            self._frames,
            self._archive,
            identity=identity,
            channel=channel,
            metadata_wanted=metadata_wanted,
            rtsp_port=self._rtsp_port,
            deadline=deadline,
        ).run()

    def capture(self, identity: Identity, deadline: float) -> Capture:
        """Ask for everything that tells how the device answers."""
        return Interview(self._client, self._rtsp_port, identity, deadline).run()

    def interrupt(self) -> None:
        """End every request that is under way."""
        self._client.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _address(self, url: str) -> StreamUrl:
        return StreamUrl(url=url, username=self._client.username, password=self._client.password)

    def _clock(self, deadline: float) -> tuple[DeviceTime | None, timedelta | None]:
        asked = now()
        clock = self._optional("/ISAPI/System/time", parse_time, deadline)
        if clock is None or clock.at is None or clock.at.tzinfo is None:
            return clock, None
        between = asked + (now() - asked) / 2
        return clock, clock.at.astimezone(UTC) - between

    def _channels(self, deadline: float) -> tuple[ChannelInfo, ...] | None:
        inputs = self._optional("/ISAPI/System/Video/inputs/channels", bytes, deadline)
        streaming = self._optional("/ISAPI/Streaming/channels", bytes, deadline)
        if inputs is None and streaming is None:
            return None
        return parse_channels(inputs, streaming) or None

    def _capabilities(self, deadline: float) -> Capabilities | None:
        system = self._optional("/ISAPI/System/capabilities", bytes, deadline)
        thermal = self._optional("/ISAPI/Thermal/capabilities", bytes, deadline)
        return None if system is None and thermal is None else parse_capabilities(system, thermal)

    def _thermal(
        self,
        info: DeviceInfo,
        channels: tuple[ChannelInfo, ...] | None,
        capabilities: Capabilities | None,
        deadline: float,
    ) -> ThermalChannel:
        """Gather evidence step by step (isapi.md 2), asking only as long as the device has not made it plain."""
        listed: tuple[int, ...] = ()
        triggers: tuple[Trigger, ...] | None = None
        plain = capabilities is not None and len(capabilities.thermal_channels) == 1
        if not plain:
            listed = self._optional("/ISAPI/Thermal/channels", parse_thermal_channels, deadline) or ()
            plain = len(listed) == 1
        if not plain:
            triggers = self._optional("/ISAPI/Event/triggers", parse_triggers, deadline)
        return decide_thermal_channel(
            capabilities=capabilities, listed=listed, triggers=triggers, channels=channels, model=info.model
        )

    def _ask(self, path: str, parse: Callable[[bytes], T], deadline: float) -> T:
        body = self._client.get(path, deadline=deadline)
        try:
            return parse(body)
        except BadAnswer as err:
            raise BadAnswer(f"{self._camera}: GET {path} answered {err}", camera=self._camera, data=err.data) from err

    def _optional(self, path: str, parse: Callable[[bytes], T], deadline: float) -> T | None:
        """Ask for something that a device, or this user, may well not have."""
        try:
            return self._ask(path, parse, deadline)
        except (Unsupported, NoPermission, DeviceError, BadAnswer):
            return None


def _known(capabilities: Capabilities | None) -> frozenset[Capability] | None:
    if capabilities is None:
        return None
    says = capabilities.known()
    there = {name for name, yes in says.items() if yes} | _ALWAYS
    if "snapshot" not in says:
        there.add("snapshot")  # older firmware has it and does not say so
    if "search" in there:
        there |= {"download", "storage"}  # what records has both, and no flag for either
    return frozenset(there)


def _marked(channels: tuple[ChannelInfo, ...] | None, thermal: int | None) -> tuple[ChannelInfo, ...] | None:
    if channels is None or thermal is None:
        return channels
    return tuple(replace(channel, thermal=channel.id == thermal) for channel in channels)
