"""Which addresses cameras have: by number, or by a name that is looked up again and again, because a camera may get another one."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address
EVERY = 60.0
"""Seconds from one look-up of a name to the next."""
SOONEST = 5.0
"""Seconds between two, when somebody asks for one."""
_PATIENCE = 0.5
_log = logging.getLogger(__name__)


class Addresses:
    """The addresses of some hosts. Thread-safe; only names need a thread, which waits for the name server so that nobody else has to."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, frozenset[Address]] = {}
        self._names: set[str] = set()
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        for host in hosts:
            self.of(host)

    def of(self, host: str) -> frozenset[Address]:
        """Return what is known of a host; nothing yet when its name is heard for the first time, or could not be looked up."""
        known = self._known.get(host)
        if known is not None:
            return known
        address = plain_address(host)
        if address is not None:
            self._known[host] = frozenset({address})
            return self._known[host]
        with self._lock:
            if host and host not in self._names:
                self._names.add(host)
                self._wake.set()
            if self._names and self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._look_up, name="listener names", daemon=True)
                self._thread.start()
        return frozenset()

    def look_again(self) -> None:
        """A camera may have got another address."""
        self._wake.set()

    def close(self) -> None:
        """End the thread; one that waits for a name server ends by itself."""
        self._ended.set()
        self._wake.set()
        if (thread := self._thread) is not None:
            thread.join(_PATIENCE)

    def _look_up(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            with self._lock:
                names = sorted(self._names)
            for name in names:
                try:
                    found = {plain_address(str(entry[4][0])) for entry in socket.getaddrinfo(name, None)}
                except (OSError, UnicodeError) as error:
                    _log.debug("listener: %s has no address: %s", name, error)
                    continue  # what was known stays: a name server that is down is no reason to refuse a camera
                self._known[name] = frozenset(address for address in found if address is not None)
            if self._ended.wait(SOONEST):
                return
            self._wake.wait(EVERY - SOONEST)


def plain_address(text: str) -> Address | None:
    """Return an address without its zone, IPv4 also where it was written as IPv6; None for a name."""
    try:
        address = ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def own_address(host: str, port: int) -> str:
    """Return our own address on the way to a camera; nothing is sent. Raises OSError where there is no way."""
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(place)
            return str(probe.getsockname()[0])
    raise OSError(f"{host} has no address")
