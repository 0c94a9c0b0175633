"""Ask a device for everything that tells how it answers: documents, the beginning of its streams, a frame, what its RTSP server describes.

GET, DESCRIBE, and a short look at the metadata track and at a recording; nothing is written. What a device does not have is part of the
picture: its refusals are kept too. Questions nobody has public bytes for are isapi.md 11 and rtsp.md 8.
"""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta, tzinfo
from urllib.parse import urlsplit

from nvr_hooks import BadAnswer, CameraError, NoPermission, Unreachable, Unsupported, now

from ..transport import Answered, Capture, Identity
from ..wire.alerts import decode_alert_document
from ..wire.excerpts import whole_parts
from ..wire.multipart import PartReader
from ..wire.sdp import Media, MetadataTrack, SessionDescription, metadata_track
from ..wire.urls import playback_url, rewritten
from ..wire.video import VideoTrack, video_track
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
from .video_stream import PLAYBACK_MUTE

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
PLAYED_AGO, PLAYED_SECONDS = 60.0, 3.0
"""How long ago the recording began that is played, and how much of it."""
MAX_SAMPLE = 4 * 1024 * 1024
_LOST = 3
"""Questions that may go unanswered before the device is given up."""


class Interview:
    """One capture of one device, by one thread."""

    def __init__(self, client: IsapiClient, rtsp_port: int, identity: Identity, deadline: float) -> None:
        self._client = client
        self._camera = client.camera
        self._rtsp_port = rtsp_port
        self._identity = identity
        self._host = urlsplit(client.url).hostname or ""
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
            host=self._host,
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
        with self._client.conversation() as connection:
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
        self._playback()

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

    def _playback(self) -> None:
        """Play a few seconds of a minute ago: does the device take times for UTC or for its own, and how does it end (rtsp.md 8)?"""
        start = now() - timedelta(seconds=PLAYED_AGO)
        track = (self._identity.thermal_channel or self._channels[0]) * 100 + 1
        zones: dict[str, tzinfo | None] = {"utc": None, "local": self._identity.zone}
        told: dict[str, object] = {"track": track, "utc": None, "local": None, "ended_by": None, "end": None}
        good = ""
        for name, zone in zones.items():
            if name == "local" and zone is None:
                continue
            url = playback_url(
                self._host, self._rtsp_port, track, start, start + timedelta(seconds=PLAYED_SECONDS), zone
            )
            with (
                suppress(CameraError),
                RtspSession(self._endpoint(), self._client.budget, prove=self._prove) as session,
            ):
                told[name] = session.ask(session.connection.describe(url)).status
                good = good or (url if told[name] == 200 else "")
        if good:
            with suppress(CameraError):
                told |= self._end_of(good)
        body = json.dumps(told, indent=1).encode()
        self._answers.append(
            Answered(target=f"/Streaming/tracks/{track}", status=200, content_type="", body=body, kind="playback")
        )

    def _end_of(self, url: str) -> dict[str, object]:
        """Play to the end, and tell how that was said; no picture is kept."""
        track = RtspTrack(
            self._endpoint(),
            self._client.budget,
            "playback",
            prove=self._prove,
            mute_after=PLAYBACK_MUTE,
            announce_ends=True,
        )
        until = time.monotonic() + PLAYED_SECONDS + PLAYBACK_MUTE
        try:
            track.play([url], _video)
            for _ in track.packets():
                if time.monotonic() > until:
                    break
        finally:
            track.close()
        if (request := track.last_request) is not None:
            # Numbers are those of the session and of the moment.
            headers = {name: [_without_digits(value) for value in values] for name, values in request.headers.items()}
            body = _without_digits(request.body.decode("utf-8", "replace"))
            return {"ended_by": request.method, "end": {"headers": headers, "body": body}}
        if track.fell_silent:
            return {"ended_by": "silence"}
        return {"ended_by": "BYE" if "BYE" in track.ending else "close" if track.ending else None}

    def _url(self, path: str) -> str:
        return rewritten(path, self._host, self._rtsp_port)

    def _endpoint(self) -> RtspEndpoint:
        client = self._client
        return RtspEndpoint(
            camera=self._camera,
            host=self._host,
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


def _video(description: SessionDescription) -> tuple[Media, VideoTrack]:
    found = video_track(description)
    return found.media, found


def _without_digits(text: str) -> str:
    return re.sub(r"[0-9A-Fa-f]*\d[0-9A-Fa-f]*", lambda match: "0" * len(match[0]), text)


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
