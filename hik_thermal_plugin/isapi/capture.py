"""Ask a device for everything that tells how it answers: documents, the beginning of its streams, a frame, what its RTSP server describes.

GET, DESCRIBE, and a short look at the metadata track; nothing is written. What a device does not have is part of the picture: its refusals are
kept too. Questions nobody has public bytes for are isapi.md 11 and rtsp.md 8.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from nvr_hooks import BadAnswer, CameraError, NoPermission, Unreachable, Unsupported

from ..transport import Answered, Capture, Identity
from ..wire.alerts import decode_alert_document
from ..wire.excerpts import whole_parts
from ..wire.multipart import PartReader
from ..wire.sdp import Media, MetadataTrack, SessionDescription, metadata_track
from ..wire.urls import rewritten
from .alert_stream import PATH as ALERT_STREAM
from .auth import IDENTITY
from .client import IsapiClient
from .diagnosis import SCHEDULES
from .frames import PATH as FRAME
from .metadata_stream import PATHS as RTSP_PATHS
from .rtsp_session import RtspEndpoint, RtspSession
from .rtsp_track import RtspTrack
from .rules import PRESET
from .stream import Stream
from .thermometry import PATH as REAL_TIME

DOCUMENTS = (
    IDENTITY,
    "/ISAPI/System/capabilities",
    "/ISAPI/System/time",
    "/ISAPI/System/Video/inputs/channels",
    "/ISAPI/Streaming/channels",
    "/ISAPI/Thermal/capabilities",
    "/ISAPI/Thermal/channels",
    "/ISAPI/Security/userCheck",
    "/ISAPI/Security/adminAccesses",
    "/ISAPI/Security/illegalLoginLock",
    "/ISAPI/Event/triggers",
    "/ISAPI/Event/notification/httpHosts",
    "/ISAPI/Event/notification/httpHosts/capabilities",
    "/ISAPI/Event/notification/subscribeEventCap",
    *(f"/ISAPI/Event/schedules/{name}" for name in SCHEDULES),
    "/ISAPI/ContentMgmt/Storage",
    "/ISAPI/ContentMgmt/record/tracks",
    "/ISAPI/ContentMgmt/search/profile",
    "/ISAPI/ContentMgmt/download/capabilities",
)
_THERMAL = "/ISAPI/Thermal/channels/{}"
OF_CHANNEL = (
    "/ISAPI/Streaming/channels/{}01",
    "/ISAPI/Streaming/channels/{}02",
    "/ISAPI/Streaming/channels/{}/metadata",
    "/ISAPI/Streaming/channels/{}/metadata/capabilities",
    "/ISAPI/Streaming/channels/{}01/metadata",
    f"{_THERMAL}/thermometryMode",
    f"{_THERMAL}/thermometryMode/capabilities",
    f"{_THERMAL}/thermometry/basicParam",
    f"{_THERMAL}/thermometry/basicParam/capabilities",
    f"{_THERMAL}/thermometry/pixelToPixelParam",
    f"{_THERMAL}/thermometry/pixelToPixelParam/capabilities",
    f"{_THERMAL}/thermometry/{PRESET}",
    f"{_THERMAL}/thermometry/{PRESET}/regions",
    f"{_THERMAL}/thermometry/{PRESET}/alarmRules",
    f"{_THERMAL}/thermometry/{PRESET}/rulesTemperatureInfo?format=json",
    f"{_THERMAL}/fireDetection",
    f"{_THERMAL}/fireDetection/capabilities",
    f"{_THERMAL}/streamParam",
    "/ISAPI/Thermal/TempHumi/channels/{}",
)
LISTEN_SECONDS = 25.0
"""Longest look at the alarm stream: two heartbeats of cameras that send one every 10 s, and time for an alarm."""
HEARTBEATS = 2
READ_SECONDS = 5.0
BLOCKS = 2
PACKETS = 20
MAX_SAMPLE = 4 * 1024 * 1024
_LOST = 3
"""Questions that may go unanswered before the device is given up."""


class Interview:
    """One capture of one device, by one thread."""

    def __init__(self, client: IsapiClient, rtsp_port: int, identity: Identity, deadline: float) -> None:
        self._client = client
        self._camera = client.camera
        self._rtsp_port = rtsp_port
        self._channels = [channel.id for channel in identity.channels or ()] or [1]
        self._deadline = deadline
        self._answers: list[Answered] = []
        self._lost = 0

    def run(self) -> Capture:
        """Ask; raise CameraError when the device is lost on the way."""
        client = self._client
        with client.conversation() as connection:
            challenges = connection.challenges(IDENTITY)
            for target in self._targets():
                self._document(target)
            for number in self._channels:
                self._document(FRAME.format(number), kind="frame")
        self._stream(ALERT_STREAM, LISTEN_SECONDS, _heartbeats())
        for number in self._channels:
            self._stream(REAL_TIME.format(number), READ_SECONDS, _blocks())
        with suppress(CameraError):  # a camera without RTSP has told all the rest
            self._descriptions()
        return Capture(
            answers=tuple(self._answers),
            challenges=tuple(challenges),
            host=urlsplit(client.url).hostname or "",
            username=client.username,
            password=client.password,
        )

    def _targets(self) -> Iterator[str]:
        yield from DOCUMENTS
        for number in self._channels:
            yield from (target.format(number) for target in OF_CHANNEL)

    def _document(self, target: str, *, kind: str = "document") -> None:
        try:
            answer = self._client.exchange("GET", target, timeout=self._client.left(target, self._deadline))
        except NoPermission:
            return  # 401 is no answer that anybody could learn from
        except (Unreachable, BadAnswer):
            self._lost += 1
            if self._lost >= _LOST:
                raise
            return
        multipart = answer.content_type.startswith("multipart/")
        self._answers.append(
            Answered(
                target=target,
                status=answer.status,
                content_type=answer.headers.get("content-type", ""),
                body=answer.body,
                kind="frame" if kind == "frame" and multipart else "document",
            )
        )

    def _stream(self, target: str, seconds: float, enough: Callable[[PartReader, bytes], bool]) -> None:
        """Keep the beginning of an endless answer; of one that ends, the answer."""
        with self._client.connect() as connection:
            try:
                stream = Stream(self._camera, connection, target)
            except NoPermission:
                return
            kind = stream.headers.get("content-type", "")
            if stream.status != 200 or "content-length" in stream.headers:
                answer = stream.answer(self._client.timeout)
                self._answers.append(Answered(target=target, status=answer.status, content_type=kind, body=answer.body))
                return
            end = time.monotonic() + seconds
            data, reader = b"", PartReader(kind)
            with suppress(Unreachable, BadAnswer):
                for piece in stream.pieces(lambda: max(0.1, end - time.monotonic())):
                    data += piece
                    if enough(reader, piece) or len(data) > MAX_SAMPLE or time.monotonic() > end:
                        break
        sample = whole_parts(data, kind)
        self._answers.append(Answered(target=target, status=200, content_type=kind, body=sample, kind="stream"))

    def _descriptions(self) -> None:
        found: list[str] = []
        for number in self._channels:
            for path in RTSP_PATHS:
                with RtspSession(self._endpoint(), self._client.budget, prove=self._prove) as session:
                    url = self._url(path.format(f"{number}01"))
                    reply = session.ask(session.connection.describe(url))
                self._answers.append(
                    Answered(
                        target=urlsplit(url).path,
                        status=reply.status,
                        content_type=reply.header("content-type") or "",
                        body=reply.body,
                        kind="description",
                    )
                )
                if b"application" in reply.body:
                    found.append(url)
        for url in found:
            with suppress(CameraError):
                self._packets(url)

    def _packets(self, url: str) -> None:
        """Keep the first packets of a metadata track, which nobody has published (rtsp.md 8)."""
        track = RtspTrack(self._endpoint(), self._client.budget, "metadata", prove=self._prove, mute_after=READ_SECONDS)
        end, packets = time.monotonic() + READ_SECONDS, list[bytes]()
        try:
            track.play([url], _metadata)
            for packet in track.packets():
                packets.append(packet)
                if len(packets) >= PACKETS or time.monotonic() > end:
                    break
        finally:
            track.close()
        body = b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)
        self._answers.append(
            Answered(target=urlsplit(url).path, status=200, content_type="", body=body, kind="packets")
        )

    def _url(self, path: str) -> str:
        return rewritten(path, urlsplit(self._client.url).hostname or "", self._rtsp_port)

    def _endpoint(self) -> RtspEndpoint:
        client = self._client
        return RtspEndpoint(
            camera=self._camera,
            host=urlsplit(client.url).hostname or "",
            port=self._rtsp_port,
            username=client.username,
            password=client.password,
            timeout=client.timeout,
        )

    def _prove(self) -> None:
        self._client.get(IDENTITY)


def _metadata(description: SessionDescription) -> tuple[Media, MetadataTrack]:
    track = metadata_track(description)
    if track is None:
        raise Unsupported("no metadata track")
    return track.media, track


def _heartbeats() -> Callable[[PartReader, bytes], bool]:
    """Return what tells that as many heartbeats were heard as are wanted."""
    heard = 0

    def enough(reader: PartReader, piece: bytes) -> bool:
        nonlocal heard
        for part in reader.feed(piece):
            with suppress(BadAnswer):
                heard += part.text and decode_alert_document(part.body).heartbeat
        return heard >= HEARTBEATS

    return enough


def _blocks() -> Callable[[PartReader, bytes], bool]:
    heard: Sequence[object] = []

    def enough(reader: PartReader, piece: bytes) -> bool:
        nonlocal heard
        heard = [*heard, *reader.feed(piece)]
        return len(heard) >= BLOCKS

    return enough
