"""The listener under a port scanner and slow clients, over TLS: five hundred connections, and a camera that is answered all the while."""

from __future__ import annotations

import random
import socket
import ssl
import time
from contextlib import ExitStack, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest
from test_listener import (  # noqa: F401 - fixtures are found by their names here
    Start,
    certificate,
    client_context,
    connect,
    post,
    start,
)

from hik_thermal_plugin.isapi.listener import Listener

pytestmark = pytest.mark.slow
STRANGERS = 500
ANSWER_SECONDS = 2.0
"""What docs/running.md promises."""


def hello() -> bytes:
    """Return the beginning of a TLS handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    shaking = client_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        shaking.do_handshake()
    return outgoing.read()


def stranger(listener: Listener, number: int, address: str) -> socket.socket:
    """Connect, say one of the things strangers say, and stay."""
    assert listener.address is not None
    sock = socket.create_connection(("127.0.0.1", listener.address[1]), 10, source_address=(address, 0))
    words = (hello(), hello()[:20], random.Random(number).randbytes(300), b"POST /hik", b"GET / HTTP/1.0\r\n\r\n", b"")
    with suppress(ConnectionError):  # sent away already
        sock.sendall(words[number % len(words)])
    return sock


@pytest.mark.parametrize(
    "network", ["127.0.0.1/32", "127.0.0.0/8"], ids=["no camera's address", "an address that may push"]
)
def test_a_camera_is_answered_in_time_whatever_strangers_do(
    start: Start,  # noqa: F811
    certificate: tuple[Path, Path],  # noqa: F811
    network: str,
) -> None:
    listener, camera = start(certificate=certificate[0], key=certificate[1], allow=(ip_network(network),))
    context, slowest, pushed = client_context(), 0.0, 0

    def push(sock: ssl.SSLSocket) -> None:
        nonlocal slowest, pushed
        begun = time.monotonic()
        sock.sendall(post(b"%d" % pushed))
        assert sock.recv(200).startswith(b"HTTP/1.1 200")
        slowest, pushed = max(slowest, time.monotonic() - begun), pushed + 1

    with ExitStack() as stack:
        kept = stack.enter_context(context.wrap_socket(connect(listener)))
        push(kept)
        for number in range(STRANGERS):
            stack.enter_context(stranger(listener, number, f"127.0.{1 + number // 200}.{2 + number % 200}"))
            if number % 25 == 24:
                push(kept)
                begun = time.monotonic()
                with context.wrap_socket(connect(listener)) as anew:
                    push(anew)
                slowest = max(slowest, time.monotonic() - begun)
    assert camera.bodies == [b"%d" % number for number in range(pushed)]
    assert pushed == 1 + 2 * STRANGERS // 25
    assert slowest < ANSWER_SECONDS
