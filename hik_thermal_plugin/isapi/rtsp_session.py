"""An RTSP connection on a socket: wire.rtsp does the talking, the login budget has its say, interrupt() ends every wait."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from nvr_hooks import BadAnswer, Busy, CameraError, DeviceError, NoPermission, Refused, Unreachable, Unsupported

from ..login import LoginBudget
from ..wire.rtsp import Answered, Challenged, RtspConnection, RtspEvent, ServerAsked
from ..wire.rtsp import Refused as LoginRefused
from ..wire.rtsp_messages import Interleaved, Reply
from .stream import limit_reads, limit_sends

CONNECT_SECONDS = 5.0
"""A connect in progress cannot be ended from outside."""
_SMALL = 4096  # a waiting thread holds the buffer it asked for
_LARGE = 64 * 1024
_EARLY = 1000  # packets kept while an answer is awaited
_ERRORS: dict[int, type[CameraError]] = {403: NoPermission, 453: Busy, 454: Unreachable, 503: Busy}
_MISSING = frozenset({404, 405, 406, 415, 461, 501, 551})


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspEndpoint:
    """Where a camera's RTSP server is, and who logs in."""

    camera: str
    host: str
    port: int = 554
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 10.0
    """Seconds an answer may take."""


class RtspSession:
    """One connection, used by one thread; interrupt() from any.

    `prove` asks the device, over another protocol, for something every user may read, and raises what is wrong with the login: it tells
    a wrong password from a missing permission. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        endpoint: RtspEndpoint,
        budget: LoginBudget,
        *,
        prove: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = RtspConnection(endpoint.username, endpoint.password)
        self.received = 0
        """Bytes so far."""
        self.received_at = 0.0
        """When the last ones came, by `clock`."""
        self.finished = False
        """The device has closed its side, in order: nothing is to come."""
        self._endpoint = endpoint
        self._budget = budget
        self._prove = prove
        self._clock = clock
        self._events: deque[RtspEvent] = deque()
        self._size = _SMALL
        self._applied = 0.0
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether interrupt() or close() was called."""
        return self._ended

    def open(self) -> None:
        """Connect; raise Unreachable where nobody answers, and AuthBlocked where nothing may be sent now."""
        name = self._endpoint.camera
        if self._ended:
            raise self.lost("ended by ourselves")
        self._budget.check(name)
        address = (self._endpoint.host.strip("[]"), self._endpoint.port)
        try:
            sock = socket.create_connection(address, min(self._endpoint.timeout, CONNECT_SECONDS))
        except OSError as error:
            raise Unreachable(f"{name}: RTSP port {address[1]}: {_cause(error)}", camera=name) from error
        sock.settimeout(None)
        limit_sends(sock, self._endpoint.timeout)
        with self._lock:
            if self._ended:
                sock.close()
                raise self.lost("ended by ourselves")
            self._socket = sock

    def ask(self, request: bytes) -> Reply:
        """Send a request of `connection` and return its answer, whatever it says; log in where the server wants it.

        Raises Unreachable without an answer in time, Refused, NoPermission or AuthBlocked when the login fails.
        """
        self.send(request)
        return self._settled(self._answer(_named(request)), _named(request))

    def log_in(self, challenged: Challenged) -> Reply:
        """Answer a challenge that came in mid-session; like `ask`."""
        return self._settled(challenged, f"{challenged.request.method} {challenged.request.url}")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        sock = self._socket
        if sock is None or self._ended:
            raise self.lost("ended by ourselves")
        try:
            sock.sendall(data)
        except OSError as error:
            raise self.lost(_cause(error)) from error

    def next(self, until: float) -> RtspEvent | None:
        """Return the next event; None when none came until `clock()` reaches `until`. What the server asks is answered here."""
        while True:
            while not self._events:
                if not self._receive(until) or (not self._events and self.received_at >= until):
                    return None
            event = self._events.popleft()
            if isinstance(event, ServerAsked):
                self.send(event.answer)
            return event

    def fault(self, what: str, reply: Reply) -> CameraError | None:
        """Return what an answer means that is not a good one."""
        if reply.status < 300:
            return None
        kind = _ERRORS.get(reply.status, Unsupported if reply.status in _MISSING else DeviceError)
        name = self._endpoint.camera
        return kind(f"{name}: {what} answered {reply.status} {reply.reason[:60]}".rstrip(), camera=name)

    def interrupt(self) -> None:
        """End whatever the other thread waits for, at once; it may still say goodbye."""
        with self._lock:
            self._ended = True
            if self._socket is not None:
                with suppress(OSError):  # not connected any more
                    self._socket.shutdown(socket.SHUT_RD)

    def close(self, goodbye: bytes = b"") -> None:
        """Give back the socket, after a last request whose answer nobody waits for."""
        with self._lock:
            self._ended = True
            sock, self._socket = self._socket, None
        if sock is None:
            return
        with suppress(OSError):
            sock.setblocking(False)
            if goodbye:
                sock.send(goodbye)
                # Closing with unread bytes would reset the connection, and the goodbye with it.
                while sock.recv(_LARGE):
                    pass
        sock.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self, until: float) -> bool:
        """Read once; False when nothing came in time."""
        sock = self._socket
        if sock is None:
            raise self.lost("ended by ourselves")
        left = max(0.001, until - self._clock())
        try:
            # Setting it costs a system call; under load it is left as it is, at the price of waking up to a second late.
            if abs(self._applied - left) > min(1.0, left / 20):
                limit_reads(sock, left)
                self._applied = left
            data = sock.recv(self._size)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self.lost(_cause(error)) from error
        if not data:
            self.finished = not self._ended
            raise self.lost("the device ended the connection")
        # Pictures mostly fill more than the small buffer: once it was too small it shrinks back slowly.
        self._size = _LARGE if len(data) == self._size else max(_SMALL, self._size // 2)
        self.received += len(data)
        self.received_at = self._clock()
        try:
            self._events.extend(self.connection.receive(data))
        except BadAnswer as error:
            name = self._endpoint.camera
            raise BadAnswer(f"{name}: RTSP: {error}", camera=name, data=error.data) from error
        return True

    def lost(self, why: str) -> Unreachable:
        """Return the error of a connection that broke; the login is no longer taken for granted: the device may have restarted."""
        if not self._ended:
            self._budget.doubt()
        return Unreachable(f"{self._endpoint.camera}: RTSP: {why}", camera=self._endpoint.camera)

    def _answer(self, what: str) -> Answered | Challenged | LoginRefused:
        """Wait for what a request comes to; packets that come before it are kept for afterwards (rtsp.md 1.3)."""
        deadline = self._clock() + self._endpoint.timeout
        early: list[RtspEvent] = []
        try:
            while self._clock() < deadline and (event := self.next(deadline)) is not None:
                if isinstance(event, Answered | Challenged | LoginRefused):
                    return event
                if isinstance(event, Interleaved) and len(early) < _EARLY:
                    early.append(event)
        finally:
            self._events.extendleft(reversed(early))
        raise self.lost(f"{what}: no answer within {self._endpoint.timeout:g} s")

    def _settled(self, event: Answered | Challenged | LoginRefused, what: str) -> Reply:
        proved = False
        while isinstance(event, Challenged):
            name = self._endpoint.camera
            with self._budget.attempt(name, timeout=self._endpoint.timeout, cancelled=lambda: self._ended) as attempt:
                # The last attempt before nothing more is sent must not be lost to a missing permission.
                ask_first = attempt.last and not proved and self._prove is not None
                if not ask_first:
                    self.send(self.connection.retry(event))
                    event = self._answer(what)
                    if isinstance(event, LoginRefused):
                        if not proved:
                            attempt.refused()
                    elif isinstance(event, Answered):
                        if _let_in(event.reply):
                            attempt.accepted()
                        else:
                            self.connection.forget_login()
            if ask_first and self._prove is not None:
                self._prove()
                proved = True
        if isinstance(event, Answered):
            return event.reply
        raise self._refusal(what, proved=proved)

    def _refusal(self, what: str, *, proved: bool) -> CameraError:
        name = self._endpoint.camera
        if not self._endpoint.username:
            return Refused(f"{name}: {what} answered 401: the camera wants a login", camera=name)
        self._budget.check(name)
        if self._prove is not None and not proved:
            self._prove()
            proved = True
        if proved:
            return NoPermission(
                f"{name}: {what} answered 401 although the login is right: this user may not see live video, or the camera wants "
                "another kind of authentication for RTSP",
                camera=name,
            )
        return Refused(f"{name}: {what} answered 401 (wrong password?)", camera=name)


def _let_in(reply: Reply) -> bool:
    """Tell whether an answer to credentials shows that they were right: a server that asks for them looks at nothing else before."""
    return reply.status < 500 and reply.status != 403


def _named(request: bytes) -> str:
    """Return method and address of a request, for messages."""
    return request.partition(b" RTSP/")[0].decode("utf-8", "replace")


def _cause(error: OSError) -> str:
    if isinstance(error, TimeoutError | BlockingIOError):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__
