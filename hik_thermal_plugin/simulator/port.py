"""A listening port of 127.0.0.1, or ::1, that can be shut like a rebooting device's, and keeps its number meanwhile.

It accepts by itself: asyncio's own server loses a connection that it has accepted just before it is closed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

HOST = "127.0.0.1"
BACKLOG = 1024
_PAUSE_SECONDS = 0.1


class Port:
    """Port `number` (0: any free one), bound at once and shut; OSError if it is in use. Made within a running loop."""

    def __init__(self, number: int, tls: ssl.SSLContext | None = None, host: str = HOST) -> None:
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._socket = _bound(host, number)
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._accepting: set[asyncio.Task[Any]] = set()
        self.number: int = self._socket.getsockname()[1]

    @property
    def authority(self) -> str:
        """Address and port as URLs have them."""
        return f"{in_url(self._host)}:{self.number}"

    def open(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Accept connections, one protocol each."""
        self._factory = factory
        self._socket.listen(BACKLOG)
        self._loop.add_reader(self._socket, self._accept)

    def shut(self) -> None:
        """Refuse connections, and hold the number for `open`."""
        if self._factory:
            self.close()
            self._socket = _bound(self._host, self.number)

    def close(self) -> None:
        """Give the port back; connections that are there stay, those within their TLS handshake end."""
        if self._factory:
            self._factory = None
            self._loop.remove_reader(self._socket)
        self._socket.close()
        for task in self._accepting:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                connection, _address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no file descriptor is left: others have to end first
                self._loop.remove_reader(self._socket)
                self._loop.call_later(_PAUSE_SECONDS, self._go_on)
                return
            assert self._factory is not None, "readable while open only"
            make = self._loop.connect_accepted_socket(self._factory, connection, ssl=self._tls)
            task = self._loop.create_task(make)
            self._accepting.add(task)
            task.add_done_callback(partial(self._accepted, connection))

    def _go_on(self) -> None:
        if self._factory:
            self._loop.add_reader(self._socket, self._accept)

    def _accepted(self, connection: socket.socket, task: asyncio.Task[Any]) -> None:
        self._accepting.discard(task)
        if task.cancelled() or task.exception():
            connection.close()


def in_url(host: str) -> str:
    """Return an address as URLs have it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _bound(host: str, number: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of before a reboot may still hold the number.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, number))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
