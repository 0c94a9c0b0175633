"""One client of the listener: HTTP requests with or without TLS, read and answered without ever waiting.

A connection has until its deadline for its head, its body, its answer; what it leads to is a camera's door.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ..wire.http_requests import CONTINUE, BadRequest, Head, RequestReader, answer
from .addresses import Address
from .tls_connection import TlsConnection

HEAD_SECONDS = 5.0
"""From the first moment of a connection, or of a later request, to the end of the head, TLS included."""
IDLE_SECONDS = 30.0
BODY_SECONDS = 20.0
SLOWEST = 32 * 1024
"""Bytes a second a body has to come with, beside its BODY_SECONDS."""
_PIECE = 64 * 1024
_log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Takes one body."""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""

    def end(self) -> int:
        """All has come: return the status to answer."""

    def close(self) -> None:
        """Be done, also in the middle."""


class Door(Protocol):
    """One camera's place at the listener; its methods are called in the listener's thread, `listening` also in that of enter()."""

    @property
    def host(self) -> str:
        """The camera's address or name."""

    @property
    def path(self) -> str:
        """Where it pushes to."""

    def open(self, head: Head) -> Receiver | int:
        """Begin with a request, or refuse it with a status."""

    def listening(self, problem: str | None) -> None:
        """The port is open, or what keeps it from being so."""


class Find(Protocol):
    """Finds the door that a request from this address asks for; None: there is none, or not for it."""

    def __call__(self, address: Address, head: Head) -> Door | None: ...


class PushConnection:
    """One client."""

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        find: Find,
        context: ssl.SSLContext | None,
        refused: Callable[[Address, str], None],
    ) -> None:
        """`refused` is told of a request that is none, or one we do not take: a camera's own may be, and somebody has to learn of it."""
        self.sock = sock
        self.address = address
        self.idle_since = time.monotonic()
        """When it connected, or was answered last."""
        self.deadline = self.idle_since + HEAD_SECONDS
        self.over = False
        self.proven = False
        """Whether it has named its camera's path."""
        self.out = bytearray()
        self._find = find
        self._refused = refused
        self._tls = None if context is None else TlsConnection(context)
        self._reader = RequestReader()
        self._receiver: Receiver | None = None
        self._keep = True
        self._ending = False  # when `out` is empty it is over

    @property
    def busy(self) -> bool:
        """Whether a camera is in the middle of a body."""
        return self._receiver is not None

    def ready(self, events: int) -> None:
        """Read or write what can be without waiting."""
        try:
            if events & selectors.EVENT_READ:
                self._receive()
            self._send()
        except (OSError, ssl.SSLError):
            self.over = True
        except Exception:  # noqa: BLE001 - one client, whatever it sent, must not close the port to the others
            _log.exception("listener: a connection from %s is closed", self.address)
            self.over = True

    def close(self) -> None:
        """End it."""
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None
        self.sock.close()

    def _receive(self) -> None:
        try:
            data = self.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self.over = True
            return
        if self._tls is not None:
            data = self._tls.received(data)
        began = self._reader.idle and bool(data)
        if began and self.proven:
            self.deadline = time.monotonic() + HEAD_SECONDS
        try:
            for item in self._reader.feed(data) if not self._ending else ():
                self._head(item) if isinstance(item, Head) else self._body(item.data, last=item.last)
                if self._ending:
                    break
        except BadRequest as error:
            self._refused(self.address, str(error))
            self._answer(error.status if self.proven else 404, keep=False)

    def _head(self, head: Head) -> None:
        door = self._find(self.address, head)
        opened = 404 if door is None else door.open(head)
        self.proven = self.proven or door is not None
        if isinstance(opened, int):
            self._answer(opened, keep=False)
            return
        self._receiver = opened
        self._keep = head.keep
        self.deadline = time.monotonic() + BODY_SECONDS + head.length / SLOWEST
        if head.waits:
            self._put(CONTINUE)

    def _body(self, data: bytes, *, last: bool) -> None:
        if self._receiver is None:
            return
        self._receiver.feed(data)
        if last:
            status = self._receiver.end()
            self._receiver = None
            self.idle_since = time.monotonic()
            self.deadline = self.idle_since + IDLE_SECONDS
            self._answer(status, keep=self._keep)

    def _answer(self, status: int, *, keep: bool) -> None:
        self._put(answer(status, keep=keep))
        if not keep:
            self._ending = True
            self.deadline = min(self.deadline, time.monotonic() + HEAD_SECONDS)

    def _put(self, data: bytes) -> None:
        self.out += data if self._tls is None else self._tls.sealed(data)

    def _send(self) -> None:
        if self._tls is not None:
            self.out += self._tls.pending()
        if self.out:
            with suppress(BlockingIOError, InterruptedError):
                del self.out[: self.sock.send(self.out)]
        if self._ending and not self.out:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
            self.over = True
