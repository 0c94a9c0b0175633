"""Temperatures and fires from the metadata track of a live stream: the steps of guide 8.1 and 8.2 over one RTSP connection.

    DESCRIBE  the stream; find the track by payload type 0x6b or by name
    SETUP     that track alone, by its own address
    PLAY      the stream; from then on packets, and a sign of life while the track is silent: a camera with nothing to report says nothing
    TEARDOWN  at the end

Switching metadata on comes before (step 1, isapi.metadata_switch), and only where the owner has asked for it: nothing is written to a
device unasked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import tzinfo
from urllib.parse import urlsplit

from nvr_hooks import (
    BadAnswer,
    CameraError,
    ConnectionChanged,
    DeviceError,
    Event,
    FireTarget,
    NoPermission,
    OtherMetadata,
    Unsupported,
)

from ..login import LoginBudget
from ..wire.metadata import decode_metadata_document, fire_alarm
from ..wire.reassembly import Document, DocumentReader
from ..wire.rtp import parse_rtp
from ..wire.sdp import Media, MetadataTrack, SessionDescription, metadata_track
from ..wire.urls import rewritten
from .auth import IDENTITY
from .client import IsapiClient
from .metadata_switch import switch_on_metadata
from .rtsp_session import RtspEndpoint
from .rtsp_track import LONGEST_SILENCE, RtspTrack

PATHS = ("/ISAPI/Streaming/channels/{}", "/Streaming/Channels/{}")
"""The first is the metadata guide's, the second that of live video; both are in use (rtsp.md 1.1)."""
_SHOWN = 60
_FIRST_PACKETS = 20
_log = logging.getLogger(__name__)


def camera_metadata(
    client: IsapiClient, port: int, channels: Sequence[int], *, zone: tzinfo | None, enable: bool
) -> MetadataStream:
    """Return one connection to the metadata of a camera that is known over HTTP.

    `channels` are looked at for a metadata track one after the other; the first one counts where a document names none. `enable`: first
    switch metadata on in the camera, where it is not; what keeps it from being switched on is logged, and the track is tried all the same.
    """

    def prove() -> None:
        client.get(IDENTITY)

    def switch_on() -> None:
        for channel in channels:
            try:
                switch = switch_on_metadata(client, (channel * 100 + 1, channel))
            except (Unsupported, NoPermission, DeviceError, BadAnswer) as error:
                if client.first_time(f"metadata of channel {channel}"):
                    _log.warning("%s", error)
                continue
            if switch.changes:
                _log.info(
                    "%s: metadata of channel %d switched on: %s", client.camera, channel, ", ".join(switch.changes)
                )
            return

    endpoint = RtspEndpoint(
        camera=client.camera,
        host=urlsplit(client.url).hostname or "",
        port=port,
        username=client.username,
        password=client.password,
        timeout=client.timeout,
    )
    return MetadataStream(
        endpoint,
        client.budget,
        stream_ids=[channel * 100 + 1 for channel in channels],
        channel=channels[0],
        zone=zone,
        prove=prove,
        prepare=switch_on if enable else None,
        first_time=client.first_time,
    )


class MetadataStream:
    """One connection of the source `metadata` (worker.LiveSource).

    `stream_ids` are the device's (201: channel 2, main), tried in order; `channel` counts where a document names none. `prepare` is called
    before it connects. `prove` see RtspSession. `first_time` tells once per text that it is the first time, for what is reported once per
    camera.
    """

    def __init__(
        self,
        endpoint: RtspEndpoint,
        budget: LoginBudget,
        *,
        stream_ids: Sequence[int],
        channel: int | None = None,
        zone: tzinfo | None = None,
        paths: Sequence[str] = PATHS,
        prove: Callable[[], None] | None = None,
        prepare: Callable[[], None] | None = None,
        first_time: Callable[[str], bool] | None = None,
        longest_silence: float = LONGEST_SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = endpoint.camera
        self._urls = [
            rewritten(path.format(number), endpoint.host, endpoint.port) for number in stream_ids for path in paths
        ]
        self._channel = channel
        self._zone = zone
        self._prepare = prepare
        self._said: set[str] = set()
        self._first_time = first_time or self._not_said
        self._track = RtspTrack(endpoint, budget, "metadata", prove=prove, longest_silence=longest_silence, clock=clock)
        self.counters = self._track.counters
        self._reader = DocumentReader()
        self._broken_packets = 0
        self._packets_to_show = _FIRST_PACKETS if _log.isEnabledFor(logging.DEBUG) else 0

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the stream plays, then TemperatureReading, FireTarget, and a FireAlarm per document with
        fires; OtherMetadata for a document that tells none of these.

        Ends after interrupt(). Raises Unsupported when the stream has no metadata track, Unreachable when the device ends the stream or
        falls silent, BadAnswer when it does not speak RTSP, Busy, Refused, NoPermission or AuthBlocked as it says.
        """
        track = self._track
        try:
            if self._prepare is not None:
                self._prepare()
            found = track.play(self._urls, self._choose)
            self._reader = DocumentReader(found.payload_type)
            yield ConnectionChanged(camera=self._camera, source="metadata", state="online")
            for data in track.packets():
                for document in self._documents(data):
                    yield from self._told_by(document.data)
            if not track.ended:
                raise track.lost(track.ending)
        except BadAnswer as error:
            text = str(error) if error.camera else f"{self._camera}: metadata: {error}"
            raise BadAnswer(text, camera=self._camera, data=error.data) from error
        except CameraError:
            if not track.ended:
                raise
        finally:
            track.close()

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._track.interrupt()

    def _choose(self, description: SessionDescription) -> tuple[Media, MetadataTrack]:
        track = metadata_track(description)
        if track is None:
            raise Unsupported("no metadata track: metadata is switched off in the camera")
        if track.onvif and self._first_time("onvif"):
            _log.warning(
                "%s: sends metadata in ONVIF's format, which tells no temperatures: choose ISAPI in its settings",
                self._camera,
            )
        return track.media, track

    def _documents(self, data: bytes) -> list[Document]:
        """Take one packet and return the documents that are whole with it."""
        counters, reader = self.counters, self._reader
        try:
            packet = parse_rtp(data)
        except BadAnswer as error:
            self._broken_packets += 1
            self._pass_over("packet", str(error), data)
            packet = None
        if self._packets_to_show:
            # Nobody has published the packets of a real camera: what a user sends us from here would settle rtsp.md 8.
            self._packets_to_show -= 1
            _log.debug("%s: metadata packet %r", self._camera, data[: 12 + _SHOWN])
        documents = [] if packet is None else reader.feed(packet)
        if documents or packet is None:
            resyncs = self._track.session.connection.resyncs
            counters.framing_errors = resyncs + self._broken_packets + reader.damaged + reader.oversized
        return documents

    def _told_by(self, data: bytes) -> Iterator[Event]:
        try:
            document = decode_metadata_document(data, camera=self._camera, channel=self._channel, zone=self._zone)
        except BadAnswer as error:
            self._pass_over("document", str(error), data)
            return
        self.counters.documents += 1
        if not document.events:
            self.counters.unknown += document.format != "isapi" or document.type != "ruleTarget"
            yield OtherMetadata(
                camera=self._camera,
                channel=document.channel,
                at=document.at,
                raw=document.raw,
                format=document.format,
                document_type=document.type,
                subtype=document.subtype,
            )
            return
        yield from document.events
        if fires := [event for event in document.events if isinstance(event, FireTarget)]:
            yield fire_alarm(fires)

    def _pass_over(self, kind: str, why: str, data: bytes) -> None:
        self.counters.undecodable += 1
        if self._first_time(f"metadata {kind}"):
            text = "%s: metadata: a %s is passed over (%s); it begins %r; more of them are only counted"
            _log.warning(text, self._camera, kind, why, data[:_SHOWN])

    def _not_said(self, what: str) -> bool:
        known = what in self._said
        self._said.add(what)
        return not known
