"""The device's RTSP server: live view, metadata and playback, one session a connection (rtsp.md 1).

A session ends with its connection, with TEARDOWN, or when no request has come for its time-out. Only RTP over the connection itself is
spoken. Faults: `busy` and `no_room` are answered 453, `not_supported` 404, `low_privilege` 401.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import metadata, sdp
from .device import Device
from .films import Films
from .login import Verdict
from .presentations import Answered, Presentation, base_of, find
from .recordings import Recordings
from .rtsp import RtspConnection, RtspReply, RtspRequest
from .tracks import AUDIO, METADATA, VIDEO, AudioTrack, CapturedTrack, MetadataTrack, Track, VideoTrack

METHODS = "OPTIONS, DESCRIBE, PLAY, PAUSE, SETUP, TEARDOWN, SET_PARAMETER, GET_PARAMETER"
_TRACK = re.compile(r"trackid=(\w+)", re.IGNORECASE)
_TRACK_NAMES = {"1": VIDEO, "2": AUDIO, "3": METADATA, "video": VIDEO, "audio": AUDIO, "metadata": METADATA}
_LEFT_OPEN_SECONDS = 120.0
"""How long the connection stays after the end of playback has been announced (rtsp.md 1.3)."""
_EARLY_SECONDS = 0.1


@dataclass(slots=True)
class _Session:
    shown: Presentation
    base: str
    query: str
    number: str = ""
    tracks: dict[int, Track] = field(default_factory=dict)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def set_up(self) -> bool:
        return bool(self.number)


class RtspServer:
    """All RTSP sessions of a device. `metadata_period` is in seconds; `struck` lets faults have a request first."""

    def __init__(
        self,
        device: Device,
        recordings: Recordings,
        films: Films,
        *,
        metadata_period: float,
        struck: Callable[[RtspConnection, str], bool],
    ) -> None:
        self._device = device
        self._recordings = recordings
        self._period = metadata_period
        self._struck = struck
        self._loop = asyncio.get_running_loop()
        self._films = films
        self._sessions: dict[RtspConnection, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> int:
        """How many sessions watch live."""
        return sum(session.set_up and session.shown.cuts is None for session in self._sessions.values())

    @property
    def playing_back(self) -> int:
        """How many sessions play recordings."""
        return sum(session.set_up and session.shown.cuts is not None for session in self._sessions.values())

    def look(self) -> None:
        """Tell on all metadata tracks how things are now."""
        for session in list(self._sessions.values()):
            track = session.tracks.get(METADATA)
            if isinstance(track, MetadataTrack):
                track.look()

    def closed(self, connection: object) -> None:
        """Forget a connection that has ended, or means nothing to anybody any more."""
        session = self._sessions.pop(connection, None) if isinstance(connection, RtspConnection) else None
        if session:
            for track in session.tracks.values():
                track.stop()
            for timer in session.timers:
                timer.cancel()

    def close(self) -> None:
        """End all sessions."""
        for connection in list(self._sessions):
            self.closed(connection)
        for task in self._tasks:
            task.cancel()

    def requested(self, connection: RtspConnection, request: RtspRequest) -> None:
        """Answer one request."""
        device, path = self._device, request.path
        connection.path = path
        device.requests[f"{request.method} {path}"] += 1
        if self._struck(connection, path):
            return
        if request.method == "OPTIONS":
            self._keep(connection)
            connection.answer(RtspReply(200, [("Public", METHODS)]))
            return
        verdict = device.login.check(request.method, request.url, request.headers.get("authorization"), place="rtsp")
        if verdict is not Verdict.ACCEPTED:
            values = device.login.challenges("rtsp", stale=verdict is Verdict.STALE, rtsp=True)
            connection.answer(RtspReply(401, [("WWW-Authenticate", value) for value in values]))
            return
        work = self._answer(connection, request)
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, connection: RtspConnection, request: RtspRequest) -> None:
        acts: dict[str, Callable[[RtspConnection, RtspRequest], Coroutine[Any, Any, RtspReply | None]]] = {
            "DESCRIBE": self._describe,
            "SETUP": self._set_up,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "GET_PARAMETER": self._parameter,
            "SET_PARAMETER": self._parameter,
            "TEARDOWN": self._tear_down,
        }
        act = acts.get(request.method)
        reply: RtspReply | None
        faults = self._device.faults
        if faults.strike("busy", request.path) or faults.strike("no_room", request.path):
            reply = RtspReply(453)
        elif faults.strike("not_supported", request.path):
            reply = RtspReply(404)
        elif faults.strike("low_privilege", request.path):
            values = self._device.login.challenges("rtsp", stale=False, rtsp=True)
            reply = RtspReply(401, [("WWW-Authenticate", value) for value in values])
        elif act is None:
            reply = RtspReply(405)
        else:
            try:
                reply = await act(connection, request)
            except Answered as no:
                reply = RtspReply(no.status)
            except Exception:
                connection.answer(RtspReply(500))
                raise
        if reply is not None and not connection.closed:
            connection.answer(reply)

    async def _describe(self, connection: RtspConnection, request: RtspRequest) -> RtspReply:
        shown = self._find(connection, request.url)
        self.closed(connection)
        base, query = base_of(request.url)
        profile, form = self._device.profile, self._films.form(shown.channel, shown.place)
        described = self._sessions[connection] = _Session(shown, base, query)
        if (captured := self._device.captured.described.get(request.path.lower())) is not None:
            if captured.status != 200:
                raise Answered(captured.status)
            return RtspReply(200, [("Content-Type", captured.content_type), ("Content-Base", base)], captured.body)
        sets: tuple[bytes, ...] = ()
        if form.codec == "H.264" and not profile.no_fmtp:  # cameras send none for H.265 (rtsp.md 1.2)
            sets = await self._films.parameter_sets(form)
        description = sdp.Description(base, query, form, sets, profile.audio, self._metadata_name(shown))
        if connection.closed or self._sessions.get(connection) is not described:
            raise Answered(500)
        body = sdp.write(profile, description)
        return RtspReply(200, [("Content-Type", "application/sdp"), ("Content-Base", base)], body)

    async def _set_up(self, connection: RtspConnection, request: RtspRequest) -> RtspReply:
        session = self._sessions.get(connection)
        if session is None:
            base, query = base_of(request.url)
            session = _Session(self._find(connection, request.url), base, query)
        elif session.shown.cuts is not None and not session.set_up and self.playing_back:
            raise Answered(453)
        found = _TRACK.search(request.url)
        track = _TRACK_NAMES.get(found[1].lower()) if found else None
        if track is None or (track == METADATA and self._metadata_name(session.shown) is None):
            raise Answered(404 if found else 459)
        if track == AUDIO and not self._device.profile.audio:
            raise Answered(404)
        transport = request.headers.get("transport", "")
        channels = re.search(r"interleaved=(\d{1,3})", transport)
        if "RTP/AVP/TCP" not in transport.upper() or "MULTICAST" in transport.upper():
            raise Answered(461)
        channel = int(channels[1]) if channels else 2 * len(session.tracks)
        if channel > 254 or track in session.tracks:
            raise Answered(455 if channel <= 254 else 461)
        if session.set_up:
            self._check(session, request)
        else:
            session.number = str(100_000_000 + secrets.randbelow(900_000_000))
            self._sessions[connection] = session
        made = session.tracks[track] = self._track(connection, session, track, channel)
        self._keep(connection)
        blank = " " if self._device.profile.spaced_ssrc else ""
        said = f'RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};ssrc={blank}{made.source:08x};mode="play"'
        named = f"{session.number:>16};timeout={self._device.profile.session_timeout}"
        return RtspReply(200, [("Session", named), ("Transport", said)])

    async def _play(self, connection: RtspConnection, request: RtspRequest) -> RtspReply | None:
        session = self._session(connection, request)
        infos = []
        for number, track in session.tracks.items():
            at = sdp.control(self._device.profile, session.base, session.query, number)
            sequence = 0 if number == METADATA else track.sequence & 0xFFFF  # seen on DS-2CD2032 (rtsp.md 1.3)
            infos.append(f"url={at};seq={sequence};rtptime={track.timestamp}")
        reply = RtspReply(200, [("Session", f"{session.number:>16}"), ("RTP-Info", ",".join(infos))])
        if not self._device.profile.early_frames:
            connection.answer(reply)
        for track in session.tracks.values():
            track.play()
        if self._device.profile.early_frames:
            await asyncio.sleep(_EARLY_SECONDS)
            return reply
        return None

    async def _pause(self, connection: RtspConnection, request: RtspRequest) -> RtspReply:
        session = self._session(connection, request)
        for track in session.tracks.values():
            track.pause()
        return RtspReply(200, [("Session", session.number)])

    async def _parameter(self, connection: RtspConnection, request: RtspRequest) -> RtspReply:
        return RtspReply(200, [("Session", self._session(connection, request).number)])

    async def _tear_down(self, connection: RtspConnection, request: RtspRequest) -> RtspReply:
        # On another connection than its own a session cannot be ended (seen on DS-2CD2032, rtsp.md 1.3).
        if connection not in self._sessions and request.headers.get("session"):
            raise Answered(500)
        number = self._session(connection, request).number
        self.closed(connection)
        return RtspReply(200, [("Session", number)])

    def _session(self, connection: RtspConnection, request: RtspRequest) -> _Session:
        session = self._sessions.get(connection)
        if session is None or not session.set_up:
            raise Answered(455 if session else 454)
        self._check(session, request)
        self._keep(connection)
        return session

    def _check(self, session: _Session, request: RtspRequest) -> None:
        if request.headers.get("session", "").partition(";")[0].strip() != session.number:
            raise Answered(454)

    def _keep(self, connection: RtspConnection) -> None:
        """Let the session live on for its time-out."""
        session = self._sessions.get(connection)
        if session is None or not session.set_up:
            return
        for timer in session.timers:
            timer.cancel()
        seconds = self._device.profile.session_timeout
        session.timers = [self._loop.call_later(seconds, self._expire, connection)]

    def _expire(self, connection: RtspConnection) -> None:
        self.closed(connection)
        if not self._device.profile.forgets_silently:
            connection.end()

    def _find(self, connection: RtspConnection, url: str) -> Presentation:
        """What a URL leads to; raises the answer where it leads nowhere, or there is no room."""
        found = find(self._device, self._recordings, url)
        others = [session for one, session in self._sessions.items() if one is not connection and session.set_up]
        if found.cuts is not None and any(session.shown.cuts is not None for session in others):
            raise Answered(453)
        return found

    def _metadata_name(self, shown: Presentation) -> str | None:
        """The encoding of a live channel's metadata; None where there is no such track."""
        device, channel = self._device, shown.channel.id
        if shown.cuts is None and self._captured_packets(shown):
            return device.profile.metadata_encoding
        if shown.cuts is not None or not device.metadata.told(channel):
            return None
        if device.profile.metadata_path not in ("both", "isapi" if shown.over_isapi else "plain"):
            return None
        return "vnd.onvif.metadata" if device.metadata.onvif(channel) else device.profile.metadata_encoding

    def _captured_packets(self, shown: Presentation) -> tuple[bytes, ...]:
        path = "/isapi/streaming/channels/" if shown.over_isapi else "/streaming/channels/"
        return self._device.captured.packets.get(f"{path}{shown.channel.id * 100 + shown.place + 1}", ())

    def _track(self, connection: RtspConnection, session: _Session, number: int, place: int) -> Track:
        """A track whose packets go on this interleaved channel."""
        device, shown, films = self._device, session.shown, self._films
        write = partial(self._send, connection)
        channel = shown.channel
        if number == AUDIO:
            return AudioTrack(device.profile, write, place)
        if number == METADATA and (packets := self._captured_packets(shown)):
            return CapturedTrack(device.profile, write, place, packets)
        if number == METADATA:
            told, onvif = device.metadata.told, device.metadata.onvif

            def documents() -> list[bytes]:
                return metadata.documents(device, channel.id, told(channel.id), onvif=onvif(channel.id))

            return MetadataTrack(device.profile, write, place, documents=documents, period=self._period)
        live = shown.cuts is None
        groups = films.live(channel, shown.place) if live else films.played(channel, list(shown.cuts or ()))
        return VideoTrack(
            device.profile,
            write,
            place,
            groups=groups,
            fps=films.form(channel, shown.place).fps,
            unsent=lambda: connection.unsent,
            ended=lambda: self._played(connection, session),
        )

    def _send(self, connection: RtspConnection, data: bytes) -> None:
        """Send packets of a track, or half of them and then the end, when that fault is due."""
        cut = self._device.faults.strike("truncate", connection.path or "") is not None
        connection.write(data[: len(data) // 2] if cut else data)
        if cut:
            connection.end()

    def _played(self, connection: RtspConnection, session: _Session) -> None:
        """The recordings have come to their end."""
        match self._device.profile.playback_end:
            case "close":
                connection.end()
            case "bye":
                session.tracks[VIDEO].say_goodbye()
            case "announce":
                connection.ask("ANNOUNCE", f"{session.base}{session.query}", [("Session", session.number)])
                session.timers.append(self._loop.call_later(_LEFT_OPEN_SECONDS, connection.end))
