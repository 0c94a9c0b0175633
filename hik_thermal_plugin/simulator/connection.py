"""One client's connection, whatever it speaks: asyncio's protocol that can also misbehave on every byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, cast

MAX_UNSENT = 16 * 1024 * 1024


class Connection(asyncio.Protocol, ABC):
    """Collects bytes for `take`, writes what it is given. `came` and `gone` tell the owner of its begin and end."""

    def __init__(self, came: Callable[[Any], object], gone: Callable[[Any], object]) -> None:
        self.path: str | None = None  # of the latest request: faults choose their connections by it
        self.closed = False
        self.silent = False
        self._came = came
        self._gone = gone
        self._buffer = bytearray()
        self._held: bytearray | None = None
        self._halved = False
        self._close_when_released = False
        self._full = False
        self._room = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; alarms must not wait for Nagle's algorithm."""
        self._transport = cast(asyncio.Transport, transport)
        self._socket_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the owner, whoever ended the connection."""
        self.closed = True
        self._room.set()
        self._gone(self)

    def pause_writing(self) -> None:
        """The client is slower than what is written."""
        self._full = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._full = False
        self._room.set()

    async def has_room(self) -> bool:
        """Wait until the client has read most of what was written; False when nobody reads any more."""
        while (self._full or self._held is not None) and not (self.closed or self.silent):
            self._room.clear()
            await self._room.wait()
        return not (self.closed or self.silent)

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is complete."""
        if self.ignores_input:
            return
        self._buffer += data
        while not (self.closed or self.ignores_input) and self.take():
            pass

    @property
    def ignores_input(self) -> bool:
        """Whether what the client sends is dropped."""
        return self.silent

    @property
    def flows(self) -> bool:
        """Whether all that was written is with the client's system by now, and what comes next would be."""
        return not (self.closed or self.silent) and self._held is None and not self._transport.get_write_buffer_size()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to read."""
        return self._transport.get_write_buffer_size()

    @abstractmethod
    def take(self) -> bool:
        """Take one message from the buffer and act on it; False when it is not complete."""

    def write(self, data: bytes) -> None:
        """Send bytes; while stalled the first half of the first ones goes out, the rest waits."""
        if self.silent or self.closed:
            return
        if self._held is not None:
            half = 0 if self._halved else len(data) // 2
            self._halved = True
            self._held += data[half:]
            data = data[:half]
        if data:
            self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self.end("rst")

    def stall(self, seconds: float) -> None:
        """Stop sending for a while; the bytes come later."""
        if self._held is None and not self.silent:
            self._held, self._halved = bytearray(), False
            self._loop.call_later(seconds, self._release)

    def go_silent(self) -> None:
        """Neither send nor read any more, and keep the socket: what a pulled cable looks like."""
        self.silent = True
        self._room.set()
        if not self.closed:
            self._transport.pause_reading()

    def end(self, how: Literal["fin", "rst"] = "fin") -> None:
        """Close the connection, orderly after what is still to be sent, or at once with a reset."""
        if self.closed:
            return
        if how == "rst":
            self.closed = True
            self._socket_option(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        elif self._held is not None:
            self._close_when_released = True
        else:
            self.closed = True
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection and what is unsent: the simulator ends."""
        self.closed = True
        self._transport.abort()

    def _release(self) -> None:
        held, self._held = self._held, None
        self._room.set()
        if held:
            self.write(bytes(held))
        if self._close_when_released:
            self.end()

    def _socket_option(self, level: int, name: int, value: int | bytes) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(level, name, value)
