"""One track of a stream, played over an RTSP connection of its own: DESCRIBE, SETUP of that track alone, PLAY, packets, TEARDOWN.

A camera may have nothing to send: from time to time, and before the session expires, it is asked for a sign of life. What it does not
answer within the timeout is a lost connection; what it says at the end (BYE, ANNOUNCE, TEARDOWN, closing the connection) is kept apart
from that, because a recording that is played back ends so, while live video must not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from nvr_hooks import BadAnswer, CameraError, Unreachable, Unsupported, now

from ..login import LoginBudget
from ..wire.rtp import says_goodbye
from ..wire.rtsp import Answered, Challenged, Refused, ServerAsked, State
from ..wire.rtsp_headers import parse_transport
from ..wire.rtsp_messages import Interleaved, Reply, ServerRequest
from ..wire.sdp import Media, SessionDescription, control_url, parse_sdp
from .part_stream import Counters
from .rtsp_session import RtspEndpoint, RtspSession

LONGEST_SILENCE = 30.0
"""Seconds after which a sign of life is asked for, even where the session lives longer: a dead connection must not go unnoticed."""
_STAMP_EVERY = 0.5
"""Seconds; to look at the calendar for every packet costs more than it tells."""
_SHOWN = 60
T = TypeVar("T")


class RtspTrack:
    """One connection, used by one thread; interrupt() from any. `what` names the track for people.

    `prove` see RtspSession. `mute_after` seconds without a packet end the track, signs of life or not; None: never.
    `announce_ends`: ANNOUNCE is the end, as it is of a recording (rtsp.md 1.3).
    """

    def __init__(
        self,
        endpoint: RtspEndpoint,
        budget: LoginBudget,
        what: str,
        *,
        prove: Callable[[], None] | None = None,
        mute_after: float | None = None,
        announce_ends: bool = False,
        longest_silence: float = LONGEST_SILENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self.session = RtspSession(endpoint, budget, prove=prove, clock=clock)
        self.ending = ""
        """How the device ended the track, for people; empty while it goes on."""
        self.last_request: ServerRequest | None = None
        """The request with which the device ended the track, if it did so with one."""
        self.fell_silent = False
        """It ended by sending nothing for `mute_after` seconds."""
        self._endpoint = endpoint
        self._camera = endpoint.camera
        self._what = what
        self._mute_after = mute_after
        self._announce_ends = announce_ends
        self._longest_silence = longest_silence
        self._clock = clock
        self._aggregate = ""
        self._channels = (0, 1)

    @property
    def ended(self) -> bool:
        """Whether interrupt() was called."""
        return self.session.ended

    def play(self, urls: Sequence[str], choose: Callable[[SessionDescription], tuple[Media, T]]) -> T:
        """Connect and let the track that `choose` finds play, at the first address that has one; return what it found with it.

        `choose` raises Unsupported where there is none. Raises what keeps the track from playing: Unreachable, Unsupported, Busy,
        Refused, NoPermission, AuthBlocked, BadAnswer.
        """
        session = self.session
        session.open()
        self._aggregate = urls[0]
        base, description, media, found = self._describe(urls, choose)
        self._aggregate = control_url(base, description.control)
        url = control_url(base, media.control)
        reply = self._ask(session.connection.setup(url), f"SETUP {url}")
        header = reply.header("transport")
        transport = parse_transport(header or "")
        if header is not None and not transport.tcp:
            raise Unsupported(
                f"{self._camera}: SETUP {url} answered {header[:_SHOWN]}: no RTP over TCP", camera=self._camera
            )
        self._channels = transport.channels or (0, 1)
        self._ask(session.connection.play(self._aggregate), f"PLAY {self._aggregate}")
        return found

    def packets(self) -> Iterator[bytes]:
        """Yield the track's RTP packets until the device ends it (`ending` says how); raise Unreachable when it is lost."""
        session, counters, clock = self.session, self.counters, self._clock
        data_channel, control_channel = self._channels
        timeout = self._endpoint.timeout
        pause = min(session.connection.session_timeout / 2, self._longest_silence)
        heard = at = clock()
        due, asked, stamped = at + pause, 0.0, -_STAMP_EVERY
        while not self.ending:
            if asked and session.received_at > asked:
                asked = 0.0
            if asked and at - asked >= timeout:
                raise self.lost(f"silent, also when asked, for {at - asked:.0f} s")
            if self._mute_after is not None and at - heard >= self._mute_after:
                self.fell_silent = True
                self.ending = f"nothing came for {at - heard:.0f} s"
                return
            if at >= due:
                session.send(session.connection.keep_alive(self._aggregate))
                due, asked = at + pause, asked or at
            until = min(due, asked + timeout) if asked else due
            if self._mute_after is not None:
                until = min(until, heard + self._mute_after)
            try:
                event = session.next(until)
            except Unreachable:
                if session.finished and not session.ended:
                    self.ending = "the device ended the connection"
                    return
                raise
            at = session.received_at if event is not None else clock()
            if session.received != counters.bytes:
                counters.bytes = session.received
                if at - stamped >= _STAMP_EVERY:
                    counters.last_byte_at, stamped = now(), at
            if type(event) is Interleaved:
                if event.channel == data_channel:
                    heard = at
                    yield event.data
                elif event.channel == control_channel and says_goodbye(event.data):
                    self.ending = "the device ended the stream (RTCP BYE)"
                continue
            match event:
                case Answered(request=request, reply=reply):
                    if not self._proves_life(reply) and request.method == "GET_PARAMETER":
                        due = clock()  # it knows OPTIONS instead
                case Challenged():
                    self._proves_life(session.log_in(event))
                case Refused(reply=reply):
                    self._proves_life(reply)
                case ServerAsked(request=request):
                    ends = ("TEARDOWN", "REDIRECT", *(("ANNOUNCE",) if self._announce_ends else ()))
                    if request.method in ends:
                        self.ending = f"the device ended the stream with {request.method}"
                        self.last_request = request

    def lost(self, why: str) -> Unreachable:
        """Return the error of a track that broke off."""
        return self.session.lost(f"{self._what}: {why}")

    def interrupt(self) -> None:
        """End what the other thread waits for, at once; also before it began."""
        self.session.interrupt()

    def close(self) -> None:
        """Say goodbye and give back the socket; by the thread that uses it."""
        in_session = self.session.connection.state in (State.READY, State.PLAYING)
        self.session.close(self.session.connection.teardown(self._aggregate) if in_session else b"")

    def _describe(
        self, urls: Sequence[str], choose: Callable[[SessionDescription], tuple[Media, T]]
    ) -> tuple[str, SessionDescription, Media, T]:
        faults: list[CameraError] = []
        for url in urls:
            reply = self.session.ask(self.session.connection.describe(url))
            if (fault := self.session.fault(f"DESCRIBE {url}", reply)) is not None:
                faults.append(fault)
                continue
            try:
                description = parse_sdp(reply.body)
                media, found = choose(description)
            except Unsupported as error:
                faults.insert(0, Unsupported(f"{self._camera}: {url}: {error}", camera=self._camera))
                continue
            except BadAnswer as error:
                raise BadAnswer(
                    f"{self._camera}: DESCRIBE {url} answered {error}", camera=self._camera, data=error.data
                ) from error
            return _base(reply.header("content-base"), url), description, media, found
        raise faults[0]

    def _ask(self, request: bytes, what: str) -> Reply:
        reply = self.session.ask(request)
        if (fault := self.session.fault(what, reply)) is not None:
            raise fault
        return reply

    def _proves_life(self, reply: Reply) -> bool:
        """Count a good answer to a sign of life; raise when it says that the session is over."""
        if reply.status in (401, 454):
            raise self.lost(f"a sign of life answered {reply.status} {reply.reason[:_SHOWN]}")
        self.counters.documents += reply.status < 300
        return reply.status < 300


def _base(said: str | None, asked: str) -> str:
    """Return what relative addresses are relative to: Content-Base, where it makes sense, else the address asked."""
    return said if said is not None and "://" in said and not any(sign.isspace() for sign in said) else asked
