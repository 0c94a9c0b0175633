"""Temperatures and fires from the metadata track of a live stream: the steps of guide 8.1 and 8.2 over one RTSP connection.

    DESCRIBE  the stream; find the track by payload type 0x6b or by name
    SETUP     that track alone, by its own address
    PLAY      the stream; from then on packets, and a sign of life while the track is silent: a camera with nothing to report says nothing
    TEARDOWN  at the end

Switching metadata on is another matter (isapi.metadata_switch): nothing is written to a device unasked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import tzinfo

from nvr_hooks import BadAnswer, CameraError, ConnectionChanged, Event, FireTarget, Unreachable, Unsupported, now

from ..login import LoginBudget
from ..wire.metadata import MetadataDocument, decode_metadata_document, fire_alarm
from ..wire.reassembly import Document, DocumentReader
from ..wire.rtp import parse_rtp, says_goodbye
from ..wire.rtsp import Answered, Challenged, ServerAsked, State
from ..wire.rtsp import Refused as LoginRefused
from ..wire.rtsp_headers import parse_transport
from ..wire.rtsp_messages import Interleaved, Reply
from ..wire.sdp import MetadataTrack, control_url, metadata_track, parse_sdp
from ..wire.urls import rewritten
from .part_stream import Counters
from .rtsp_session import RtspEndpoint, RtspSession

PATHS = ("/ISAPI/Streaming/channels/{}", "/Streaming/Channels/{}")
"""The first is the metadata guide's, the second that of live video; both are in use (rtsp.md 1.1)."""
LONGEST_SILENCE = 30.0
"""Seconds after which a sign of life is asked for, even where the session lives longer: a dead connection must not go unnoticed."""
_SHOWN = 60
_FIRST_PACKETS = 20
_log = logging.getLogger(__name__)


class MetadataStream:
    """One connection of the source `metadata` (worker.LiveSource).

    `stream_id` is the device's (201: channel 2, main), `channel` counts where a document names none. `on_raw` is called in the reader's
    thread with every document that tells nothing we know (ONVIF's format, other subtypes, rules). `prove` see RtspSession.
    `first_time` tells once per text that it is the first time, for what is reported once per camera.
    """

    def __init__(
        self,
        endpoint: RtspEndpoint,
        budget: LoginBudget,
        *,
        stream_id: int,
        channel: int | None = None,
        zone: tzinfo | None = None,
        paths: Sequence[str] = PATHS,
        prove: Callable[[], None] | None = None,
        on_raw: Callable[[MetadataDocument], None] | None = None,
        first_time: Callable[[str], bool] | None = None,
        longest_silence: float = LONGEST_SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self._endpoint = endpoint
        self._camera = endpoint.camera
        self._urls = [rewritten(path.format(stream_id), endpoint.host, endpoint.port) for path in paths]
        self._channel = channel
        self._zone = zone
        self._on_raw = on_raw
        self._said: set[str] = set()
        self._first_time = first_time or self._not_said
        self._longest_silence = longest_silence
        self._clock = clock
        self._session = RtspSession(endpoint, budget, prove=prove, clock=clock)
        self._aggregate = self._urls[0]
        """Address for PLAY, signs of life and TEARDOWN."""
        self._reader = DocumentReader()
        self._broken_packets = 0
        self._packets_to_show = _FIRST_PACKETS if _log.isEnabledFor(logging.DEBUG) else 0

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") once the stream plays, then TemperatureReading, FireTarget, and a FireAlarm per document with fires.

        Ends after interrupt(). Raises Unsupported when the stream has no metadata track, Unreachable when the device ends the stream or
        falls silent, BadAnswer when it does not speak RTSP, Busy, Refused, NoPermission or AuthBlocked as it says.
        """
        session = self._session
        try:
            session.open()
            data_channel, control_channel = self._play(session)
            yield ConnectionChanged(camera=self._camera, source="metadata", state="online")
            yield from self._follow(session, data_channel, control_channel)
        except BadAnswer as error:
            text = str(error) if error.camera else f"{self._camera}: metadata: {error}"
            raise BadAnswer(text, camera=self._camera, data=error.data) from error
        except CameraError:
            if not session.ended:
                raise
        finally:
            in_session = session.connection.state in (State.READY, State.PLAYING)
            session.close(session.connection.teardown(self._aggregate) if in_session else b"")

    def interrupt(self) -> None:
        """End events() from any thread, at once; also before it began."""
        self._session.interrupt()

    def _play(self, session: RtspSession) -> tuple[int, int]:
        """Let the track play and return the channels of its data and its control packets."""
        base, control, track = self._describe(session)
        url = self._aggregate = control_url(base, control)
        what = f"SETUP {control_url(base, track.media.control)}"
        reply = session.ask(session.connection.setup(control_url(base, track.media.control)))
        if (fault := session.fault(what, reply)) is not None:
            raise fault
        header = reply.header("transport")
        transport = parse_transport(header or "")
        if header is not None and not transport.tcp:
            raise Unsupported(f"{self._camera}: {what} answered {header[:60]}: no RTP over TCP", camera=self._camera)
        self._reader = DocumentReader(track.payload_type)
        reply = session.ask(session.connection.play(url))
        if (fault := session.fault(f"PLAY {url}", reply)) is not None:
            raise fault
        return transport.channels or (0, 1)

    def _describe(self, session: RtspSession) -> tuple[str, str | None, MetadataTrack]:
        """Return base address, aggregate control and metadata track of the first address that has one."""
        faults: list[CameraError] = []
        for url in self._urls:
            reply = session.ask(session.connection.describe(url))
            if (fault := session.fault(f"DESCRIBE {url}", reply)) is not None:
                faults.append(fault)
                continue
            description = parse_sdp(reply.body)
            if (track := metadata_track(description)) is not None:
                if track.onvif and self._first_time("onvif"):
                    _log.warning(
                        "%s: sends metadata in ONVIF's format, which tells no temperatures: choose ISAPI in its settings",
                        self._camera,
                    )
                return _base(reply.header("content-base"), url), description.control, track
            text = f"{self._camera}: {url} has no metadata track: metadata is switched off in the camera"
            faults.insert(0, Unsupported(text, camera=self._camera))
        raise faults[0]

    def _follow(self, session: RtspSession, data_channel: int, control_channel: int) -> Iterator[Event]:
        connection, counters, clock = session.connection, self.counters, self._clock
        pause = min(connection.session_timeout / 2, self._longest_silence)
        at = clock()
        due, asked = at + pause, 0.0
        while True:
            if asked and session.received_at > asked:
                asked = 0.0
            if asked and at - asked >= self._endpoint.timeout:
                raise self._lost(session, f"silent, also when asked, for {at - asked:.0f} s")
            if at >= due:
                session.send(connection.keep_alive(self._aggregate))
                due, asked = at + pause, asked or at
            event = session.next(min(due, asked + self._endpoint.timeout) if asked else due)
            at = session.received_at if event is not None else clock()
            if session.received != counters.bytes:
                counters.bytes, counters.last_byte_at = session.received, now()
            if type(event) is Interleaved and event.channel == data_channel:
                for document in self._documents(event.data):
                    yield from self._told_by(document.data)
                continue
            match event:
                case Interleaved(channel=channel, data=data) if channel == control_channel and says_goodbye(data):
                    raise self._lost(session, "the device ended the stream")
                case Answered(request=request, reply=reply):
                    if self._proves_life(session, reply) or request.method != "GET_PARAMETER":
                        continue
                    due = clock()  # it knows OPTIONS instead
                case Challenged():
                    self._proves_life(session, session.log_in(event))
                case LoginRefused(reply=reply):
                    self._proves_life(session, reply)
                case ServerAsked(request=request) if request.method in ("TEARDOWN", "REDIRECT"):
                    raise self._lost(session, f"the device ended the stream with {request.method}")

    def _proves_life(self, session: RtspSession, reply: Reply) -> bool:
        """Count a good answer to a sign of life; raise when it says that the session is over."""
        if reply.status in (401, 454):
            raise self._lost(session, f"a sign of life answered {reply.status} {reply.reason[:_SHOWN]}")
        self.counters.documents += reply.status < 300
        return reply.status < 300

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
            resyncs = self._session.connection.resyncs
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
            if self._on_raw is not None:
                self._on_raw(document)
            return
        yield from document.events
        if fires := [event for event in document.events if isinstance(event, FireTarget)]:
            yield fire_alarm(fires)

    def _pass_over(self, kind: str, why: str, data: bytes) -> None:
        self.counters.undecodable += 1
        if self._first_time(f"metadata {kind}"):
            text = "%s: metadata: a %s is passed over (%s); it begins %r; more of them are only counted"
            _log.warning(text, self._camera, kind, why, data[:_SHOWN])

    def _lost(self, session: RtspSession, why: str) -> Unreachable:
        return session.lost(f"metadata: {why}")

    def _not_said(self, what: str) -> bool:
        known = what in self._said
        self._said.add(what)
        return not known


def _base(said: str | None, asked: str) -> str:
    """Return what relative addresses are relative to: Content-Base, where it makes sense, else the address asked."""
    return said if said is not None and "://" in said and not any(sign.isspace() for sign in said) else asked
