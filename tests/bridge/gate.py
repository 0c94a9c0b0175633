"""A gate before a broker: open, shut as if the broker were away, or stalled as if it had died without a word."""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from contextlib import suppress


def free_port() -> int:
    """Return a port of 127.0.0.1 that stays free while nobody listens on it.

    Below the range the system takes for outgoing connections: a client that tries such a port again and again ends up connected to
    itself, and the port is taken.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


class Gate:
    """Passes connections on to a port of 127.0.0.1 while it is open. One thread; close it at the end."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self.port = free_port()
        self._listener = self._listening(self.port)
        self._open = True
        self._stalled = False
        self._closing = False
        self._rounds = 0
        self._thread = threading.Thread(target=self._run, name="gate")
        self._thread.start()

    def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        with self._lock:
            self._open = False
            self._listener.close()
            self._cut()
        before = self._rounds
        while self._rounds < before + 2:  # closed, a listener still takes connections while a thread waits for it
            time.sleep(0.001)

    def open(self) -> None:
        """Let connections through again."""
        with self._lock:
            if not self._open:
                self._listener = self._listening(self.port)
            self._open, self._stalled = True, False
            self._cut()

    def stall(self) -> None:
        """Keep connections, accept new ones, and pass nothing on in either direction."""
        self._stalled = True

    def deafen(self) -> None:
        """Cut every connection."""
        with self._lock:
            self._cut()

    def close(self) -> None:
        """End."""
        self._closing = True
        self._thread.join()
        with self._lock:
            self._listener.close()
            self._cut()

    @staticmethod
    def _listening(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=16)

    def _cut(self) -> None:
        for one in list(self._pairs):
            one.close()
        self._pairs.clear()

    def _run(self) -> None:
        while not self._closing:
            self._rounds += 1
            with self._lock:
                sources = list(self._pairs) if not self._stalled else []
                if self._open:
                    sources.append(self._listener)
            try:
                ready, _, _ = select.select(sources, [], [], 0.005)
            except (OSError, ValueError):
                continue  # one was closed meanwhile
            with self._lock:
                for source in ready:
                    self._serve(source)

    def _serve(self, source: socket.socket) -> None:
        if source is self._listener:
            with suppress(OSError):
                near, _ = source.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._pairs |= {near: far, far: near}
            return
        other = self._pairs.get(source)
        if other is None:
            return
        try:
            data = source.recv(65536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for one in (source, other):
            one.close()
            self._pairs.pop(one, None)
