"""One RTSP connection as a value (RFC 2326): what to send comes out as bytes, what was received goes in as bytes, events come out.

Nothing here knows a socket or a clock. The one who has them sends what the request methods return, feeds `receive()`, and acts on:

- `Answered(request, reply)`: any final status but a 401 that another try may mend.
- `Challenged(request)`: the server wants credentials, or gave a new nonce in mid-session. `retry()` returns the same request with
  credentials; it is for the caller to ask first whether logging in is allowed (these devices lock accounts).
- `Refused(request, reply)`: the credentials were sent for this very challenge and not accepted.
- `ServerAsked(request, answer)`: the server asked for something; `answer` is to be sent. ANNOUNCE ends a recording (rtsp.md 1.3).
- `Interleaved(channel, data)`: a packet.

States, and which request leads from where to where once it is answered with 2xx (RFC 2326 A.1):

                OPTIONS  DESCRIBE  SETUP  PLAY     GET_PARAMETER  PAUSE  TEARDOWN
    INIT        INIT     INIT      READY  -        -              -      -
    READY       READY    READY     READY  PLAYING  READY          READY  CLOSED
    PLAYING     PLAYING  -         -      PLAYING  PLAYING        READY  CLOSED
    CLOSED      -        -         -      -        -              -      -

Besides: 454 (session not found) to anything leads back to INIT; any answer to TEARDOWN closes. A request that the table does not know
is the caller's mistake (WrongUse); whatever the server does wrong is BadAnswer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from nvr_hooks import BadAnswer, WrongUse

from .digest import Challenge, authorization, best_challenge, parse_challenges
from .rtsp_headers import answer_to, parse_session, parse_transport
from .rtsp_messages import Interleaved, MessageReader, Reply, ServerRequest

DEFAULT_TIMEOUT = 60.0
"""Seconds a session lives without a sign of life where the server names none (RFC 2326 12.37)."""
MAX_PENDING = 32
"""Requests whose answers are still awaited; of more the oldest is given up (some servers never answer a sign of life)."""
MAX_TRIES = 3
USER_AGENT = "hik-thermal-plugin"

_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")


class State(Enum):
    """Where a session stands."""

    INIT = "init"
    READY = "ready"
    PLAYING = "playing"
    CLOSED = "closed"


_AFTER: dict[State, dict[str, State]] = {
    State.INIT: {"OPTIONS": State.INIT, "DESCRIBE": State.INIT, "SETUP": State.READY},
    State.READY: {
        "OPTIONS": State.READY,
        "DESCRIBE": State.READY,
        "SETUP": State.READY,
        "PLAY": State.PLAYING,
        "GET_PARAMETER": State.READY,
        "PAUSE": State.READY,
        "TEARDOWN": State.CLOSED,
    },
    State.PLAYING: {
        "OPTIONS": State.PLAYING,
        "PLAY": State.PLAYING,
        "GET_PARAMETER": State.PLAYING,
        "PAUSE": State.READY,
        "TEARDOWN": State.CLOSED,
    },
    State.CLOSED: {},
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request of ours."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    tries: int = 1
    answering: bool = False
    """It carries the answer to a challenge that was given for itself."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request got its final answer, good or bad."""

    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Challenged:
    """A request is to be repeated with credentials: `RtspConnection.retry`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Refused:
    """The credentials were not accepted."""

    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class ServerAsked:
    """The server asked for something; send `answer`."""

    request: ServerRequest
    answer: bytes


RtspEvent = Answered | Challenged | Refused | ServerAsked | Interleaved


class RtspConnection:
    """One connection and the session on it."""

    def __init__(self, username: str = "", password: str = "") -> None:
        self._username = username
        self._password = password
        self._reader = MessageReader()
        self._state = State.INIT
        self._session: str | None = None
        self._session_timeout = DEFAULT_TIMEOUT
        self._cseq = 0
        self._pending: dict[int, Request] = {}
        self._challenge: Challenge | None = None
        self._count = 0
        self._keep_alive = "GET_PARAMETER"
        self.stray = 0
        """Answers to nothing we asked."""

    def __repr__(self) -> str:
        return f"<RtspConnection {self._state.value}>"

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def session_timeout(self) -> float:
        """Seconds after which the server forgets a silent session; send `keep_alive()` twice as often."""
        return self._session_timeout

    @property
    def waiting(self) -> bool:
        """Whether a request still lacks its answer."""
        return bool(self._pending)

    @property
    def garbage(self) -> int:
        """Bytes received that were no RTSP."""
        return self._reader.garbage

    @property
    def resyncs(self) -> int:
        """How often a message was found again behind garbage."""
        return self._reader.resyncs

    def options(self, url: str) -> bytes:
        """Return a request for the methods the server has."""
        return self._send(Request("OPTIONS", url))

    def describe(self, url: str) -> bytes:
        """Return a request for the session description."""
        return self._send(Request("DESCRIBE", url, (("Accept", "application/sdp"),)))

    def setup(self, url: str, channels: tuple[int, int] = (0, 1)) -> bytes:
        """Return a request for one track, by its own control address, over this connection."""
        self._reader.channels |= frozenset(channels)
        transport = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
        return self._send(Request("SETUP", url, (("Transport", transport),)))

    def play(self, url: str, start: str | None = "npt=0.000-") -> bytes:
        """Return a request to begin; `url` is the aggregate's address."""
        return self._send(Request("PLAY", url, (("Range", start),) if start else ()))

    def keep_alive(self, url: str) -> bytes:
        """Return a sign of life: GET_PARAMETER without a body, or OPTIONS once the server has shown that it lacks the former."""
        return self._send(Request(self._keep_alive, url))

    def teardown(self, url: str) -> bytes:
        """Return the request that ends the session."""
        return self._send(Request("TEARDOWN", url))

    def retry(self, challenged: Challenged) -> bytes:
        """Return the request once more, with credentials for the newest challenge."""
        request = challenged.request
        return self._send(replace(request, tries=request.tries + 1, answering=True))

    def forget_login(self) -> None:
        """Send no credentials until the server asks for them again: nobody knows whether they were right."""
        self._challenge = None

    def receive(self, data: bytes) -> list[RtspEvent]:
        """Take what was received; raise BadAnswer when the server's bytes cannot be followed any further."""
        events: list[RtspEvent] = []
        for message in self._reader.feed(data):
            if type(message) is Interleaved:
                events.append(message)
            elif isinstance(message, Reply):
                if (event := self._replied(message)) is not None:
                    events.append(event)
            elif isinstance(message, ServerRequest):
                events.append(ServerAsked(message, answer_to(message)))
        return events

    def _send(self, request: Request) -> bytes:
        if request.method not in _AFTER[self._state]:
            raise WrongUse(f"{request.method} is not possible in state {self._state.value}")
        if _UNSENDABLE.search(request.url):
            raise BadAnswer(
                "an address with blanks or control characters", data=request.url.encode("utf-8", "replace")[:200]
            )
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        self._cseq += 1
        self._pending[self._cseq] = request
        lines = [f"{request.method} {request.url} RTSP/1.0", f"CSeq: {self._cseq}", f"User-Agent: {USER_AGENT}"]
        if self._challenge is not None:
            self._count += 1
            credentials = authorization(
                self._challenge, self._username, self._password, request.method, request.url, self._count
            )
            lines.append(f"Authorization: {credentials}")
        if self._session:
            lines.append(f"Session: {self._session}")
        lines += [f"{name}: {value}" for name, value in request.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")

    def _replied(self, reply: Reply) -> RtspEvent | None:
        # A server that leaves the number out answers in order.
        cseq = reply.header("cseq") or str(next(iter(self._pending), ""))
        number = int(cseq) if cseq.isascii() and cseq.isdigit() and len(cseq) < 12 else -1
        if number not in self._pending:
            self.stray += 1
            return None
        if reply.status < 200:
            return None
        request = self._pending.pop(number)
        if reply.status == 401:
            return self._unauthorized(request, reply)
        if request.method == "TEARDOWN":
            self._state = State.CLOSED
        elif reply.status == 454:
            self._state = State.INIT
            self._session = None
        elif reply.status < 300:
            self._succeeded(request, reply)
        elif request.method == "GET_PARAMETER":
            self._keep_alive = "OPTIONS"
        return Answered(request, reply)

    def _unauthorized(self, request: Request, reply: Reply) -> RtspEvent:
        challenge = best_challenge(parse_challenges(reply.headers.get("www-authenticate", ())))
        if challenge is None or not self._username:
            return Refused(request, reply)
        # A nonce that was given for an earlier request may be stale for this one without the password being wrong (isapi.md 1.3).
        if request.answering and not (challenge.stale and request.tries < MAX_TRIES):
            return Refused(request, reply)
        self._challenge, self._count = challenge, 0
        return Challenged(request)

    def _succeeded(self, request: Request, reply: Reply) -> None:
        self._state = _AFTER[self._state].get(request.method, self._state)
        session = reply.header("session")
        if session is not None and request.method in ("SETUP", "PLAY"):
            name, timeout = parse_session(session)
            self._session = name or self._session
            if timeout is not None:
                self._session_timeout = timeout
        if request.method == "SETUP" and (channels := parse_transport(reply.header("transport") or "").channels):
            self._reader.channels |= frozenset(channels)
