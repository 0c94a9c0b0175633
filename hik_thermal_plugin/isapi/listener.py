"""One HTTP or HTTPS port that cameras push their alarms to (isapi.md 6.9), shared by all cameras of a site; off while nobody needs it.

One thread serves all connections, so nothing a client does, or leaves undone, holds another up: connections, bytes and seconds are bounded,
and there are no threads to use up. Who comes from an address that belongs to no camera is closed without a byte, before TLS too; who does not
name the path of the camera at that address gets 404, and learns nothing from it.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from ..wire.http_requests import Head
from .addresses import Address, Addresses, plain_address
from .pushing import Door, PushConnection
from .tls import TlsVersion, server_context

MOST = 128
"""Connections at once, all cameras together."""
MOST_EACH = 8
"""Connections at once from one address."""
SOON_SECONDS = 0.1
AGAIN_SECONDS = 5.0
"""From one try to open the port to the next, the first time and later."""
_PATIENCE = 0.9
_SAID = 32
_log = logging.getLogger(__name__)

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """Where to listen, and to whom."""

    bind: str
    port: int
    allow: tuple[Network, ...] = ()
    """Whose addresses may push beside the cameras' own: those of a router that translates them. The path is needed all the same."""
    certificate: Path | None = None
    """PEM file with the certificate, its chain, and the key unless `key` names it; with it only TLS is spoken."""
    key: Path | None = None
    minimum: TlsVersion = "1.2"
    changed_at: tuple[int, ...] = ()
    """When the files were written: a certificate that was renewed is taken up by the next configure()."""


class Listener:
    """The port. Thread-safe; it is open while any door is there. close() ends it within a second."""

    def __init__(self) -> None:
        self.strangers = 0
        """Connections refused for their address, their path, or a request that is none."""
        self._lock = threading.Lock()
        self._options: ListenerOptions | None = None
        self._doors: tuple[Door, ...] = ()
        self._run: _Run | None = None
        self._said: set[tuple[str, str]] = set()

    @property
    def options(self) -> ListenerOptions | None:
        """The present options; None: it is off."""
        return self._options

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens now; None while it does not."""
        run = self._run
        return None if run is None else run.address

    def configure(self, options: ListenerOptions | None) -> None:
        """Take other options: the same ones change nothing, others open another port."""
        with self._lock:
            if options == self._options:
                return
            self._options = options
            ended, self._run = self._run, None
        if ended is not None:
            ended.end()
        self._begin()

    def enter(self, door: Door) -> None:
        """Let a camera push from now on."""
        with self._lock:
            self._doors += (door,)
            run = self._run
        if run is None:
            self._begin()
            return
        run.addresses.of(door.host)  # a name is looked up from now on
        if run.told:
            door.listening(run.problem)

    def leave(self, door: Door) -> None:
        """Let it push no more; the last one closes the port."""
        ended = None
        with self._lock:
            self._doors = tuple(other for other in self._doors if other is not door)
            if not self._doors:
                ended, self._run = self._run, None
        if ended is not None:
            ended.end()

    def close(self) -> None:
        """Close the port and all connections."""
        with self._lock:
            self._doors = ()
            ended, self._run = self._run, None
        if ended is not None:
            ended.end()

    def _begin(self) -> None:
        with self._lock:
            if not self._doors or self._run is not None:
                return
            options, doors = self._options, self._doors
            if options is not None:
                self._run = _Run(self, options, self._hosts())
        if options is None:
            for door in doors:
                door.listening("hik_thermal.listener.bind is not set")

    def _hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(door.host for door in self._doors))

    def door(self, path: str, address: Address, addresses: Addresses, allow: tuple[Network, ...]) -> Door | None:
        """Return the door of a path that this address may use."""
        for door in self._doors:
            # Of 128 random bits, from an address that was checked, the time a comparison takes tells nothing.
            if door.path and door.path == path:
                return door if address in addresses.of(door.host) or _within(address, allow) else None
        return None

    def admits(self, address: Address, addresses: Addresses, allow: tuple[Network, ...]) -> bool:
        """Tell whether the address is that of any camera."""
        return any(address in addresses.of(door.host) for door in self._doors) or _within(address, allow)

    def tell(self, run: _Run) -> None:
        """Tell the doors how the port is doing."""
        with self._lock:  # the run begins before it is known here
            doors = self._doors if self._run is run else ()
        for door in doors:
            door.listening(run.problem)

    def refuse(self, address: Address, why: str) -> None:
        """Count one that is refused; the first of each address and reason is said aloud, of a few."""
        self.strangers += 1
        known = (str(address), why) in self._said or len(self._said) >= _SAID
        self._said.add((str(address), why)) if not known else None
        _log.log(
            logging.DEBUG if known else logging.WARNING, "listener: a connection from %s is refused: %s", address, why
        )


class _Run:
    """The thread of one port, from its opening to its end."""

    def __init__(self, listener: Listener, options: ListenerOptions, hosts: tuple[str, ...]) -> None:
        self.address: tuple[str, int] | None = None
        self.problem: str | None = None
        self.told = False
        self.addresses = Addresses(hosts)
        self._listener = listener
        self._options = options
        self._ended = False
        self._awake, self._alarm_clock = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="listener", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread and wait for it, unless this is it."""
        self._ended = True
        with suppress(OSError):
            self._alarm_clock.send(b"\0")
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def _serve(self) -> None:
        with closing(self._awake), closing(self._alarm_clock), closing(self.addresses):
            failures = 0
            while not self._ended:
                try:
                    with ExitStack() as stack:
                        context = _context(self._options)
                        server = stack.enter_context(closing(_server(self._options)))
                        self.address = server.getsockname()[:2]
                        _log.info("listener: cameras may push to port %d", self.address[1])
                        failures = 0
                        self._told(None)
                        self._listen(server, context)
                except (OSError, ValueError) as error:
                    failures += 1
                    if failures > 1:  # at first it may be our own port of a moment ago
                        where = f"{self._options.bind} port {self._options.port}"
                        self._told(f"{where}: {_cause(error)}")
                    with selectors.DefaultSelector() as selector:
                        selector.register(self._awake, selectors.EVENT_READ)
                        selector.select(AGAIN_SECONDS if failures > 1 else SOON_SECONDS)
                finally:
                    self.address = None

    def _told(self, problem: str | None) -> None:
        self.problem, self.told = problem, True
        if not self._ended:
            self._listener.tell(self)

    def _listen(self, server: socket.socket, context: ssl.SSLContext | None) -> None:
        connections: dict[socket.socket, PushConnection] = {}
        with selectors.DefaultSelector() as selector, _all_closed(connections):
            selector.register(server, selectors.EVENT_READ)
            selector.register(self._awake, selectors.EVENT_READ)
            while not self._ended:
                due = min((one.deadline for one in connections.values()), default=None)
                for key, events in selector.select(None if due is None else max(0.0, due - time.monotonic())):
                    if key.fileobj is server:
                        for connection in self._accept(server, context, connections):
                            connections[connection.sock] = connection
                            selector.register(connection.sock, selectors.EVENT_READ)
                    elif isinstance(key.fileobj, socket.socket) and key.fileobj in connections:
                        connections[key.fileobj].ready(events)
                present = time.monotonic()
                for sock, connection in list(connections.items()):
                    if connection.over or connection.deadline <= present:
                        del connections[sock]
                        selector.unregister(sock)
                        connection.close()
                    else:
                        wanted = selectors.EVENT_WRITE if connection.out else selectors.EVENT_READ
                        if selector.get_key(sock).events != wanted:
                            selector.modify(sock, wanted)

    def _accept(
        self, server: socket.socket, context: ssl.SSLContext | None, connections: dict[socket.socket, PushConnection]
    ) -> Iterator[PushConnection]:
        try:
            sock, peer = server.accept()
        except OSError:
            time.sleep(0.01)  # gone already; or no descriptor is left, and whoever it was waits until there is one
            return
        address = plain_address(peer[0])
        if address is None or not self._listener.admits(address, self.addresses, self._options.allow):
            if address is not None:
                self._listener.refuse(address, "it is no camera's address")
                self.addresses.look_again()
            sock.close()
            return
        same = [one for one in connections.values() if one.address == address and not one.over]
        for crowd, most in ((same, MOST_EACH), ([one for one in connections.values() if not one.over], MOST)):
            if len(crowd) >= most:
                # Whoever has done nothing for longest gives way; who is in the middle of a body is a camera.
                idle = [one for one in crowd if not one.busy]
                if not idle:
                    sock.close()
                    return
                min(idle, key=lambda one: one.idle_since).over = True
        sock.setblocking(False)
        yield PushConnection(sock, address, self._find, context, self._listener.refuse)

    def _find(self, address: Address, head: Head) -> Door | None:
        door = self._listener.door(head.path, address, self.addresses, self._options.allow)
        if door is None:
            self._listener.refuse(address, "what it asks for is not there")
        return door


def _within(address: Address, allow: tuple[Network, ...]) -> bool:
    return any(address in network for network in allow if network.version == address.version)


def _cause(error: OSError | ValueError) -> str:
    """Tell why the port is not ours; what Python adds to the system's words repeats the address."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.partition(" (while attempting")[0]
    return str(error)


def _server(options: ListenerOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    dual = options.bind == "::" and socket.has_dualstack_ipv6()
    server = socket.create_server((options.bind, options.port), family=family, backlog=MOST, dualstack_ipv6=dual)
    server.setblocking(False)
    return server


def _context(options: ListenerOptions) -> ssl.SSLContext | None:
    return None if options.certificate is None else server_context(options.certificate, options.key, options.minimum)


@contextmanager
def _all_closed(connections: dict[socket.socket, PushConnection]) -> Iterator[None]:
    try:
        yield
    finally:
        for connection in connections.values():
            connection.close()
