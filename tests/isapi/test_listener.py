"""The listener held against those it is not for, and against clients that are slow, many, broken or gone."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.isapi import listener as listeners
from hik_thermal_plugin.isapi import pushing
from hik_thermal_plugin.isapi.addresses import Addresses, plain_address
from hik_thermal_plugin.isapi.listener import Listener, ListenerOptions
from hik_thermal_plugin.wire.http_requests import Head

PATH = "/hik-thermal/00112233445566778899aabbccddeeff"
WaitFor = Callable[..., None]


class Body:
    """A receiver that keeps what it gets."""

    def __init__(self, door: Camera) -> None:
        self._door = door
        self.data = b""

    def feed(self, data: bytes) -> None:
        self.data += data
        self._door.pieces += 1

    def end(self) -> int:
        self._door.bodies.append(self.data)
        return self._door.status

    def close(self) -> None:
        self._door.closed += 1


class Camera:
    """A door without a camera behind it."""

    def __init__(self, host: str = "127.0.0.1", path: str = PATH) -> None:
        self.host = host
        self.path = path
        self.status = 200
        self.bodies: list[bytes] = []
        self.pieces = self.closed = 0
        self.words: list[str | None] = []

    def open(self, head: Head) -> Body | int:
        return Body(self) if head.method == "POST" else 405

    def listening(self, problem: str | None) -> None:
        self.words.append(problem)


Start = Callable[..., tuple[Listener, Camera]]


@pytest.fixture
def start(wait_for: WaitFor) -> Iterator[Start]:
    """Return `start(host=…, allow=…)`: a listener with one door, on any free port."""
    with ExitStack() as stack:

        def go(host: str = "127.0.0.1", **options: Any) -> tuple[Listener, Camera]:
            listener = stack.enter_context(closing(Listener()))
            listener.configure(ListenerOptions(bind=options.pop("bind", "127.0.0.1"), port=0, **options))
            camera = Camera(host)
            listener.enter(camera)
            wait_for(lambda: listener.address)
            return listener, camera

        yield go


def connect(listener: Listener) -> socket.socket:
    assert listener.address is not None
    return socket.create_connection(("127.0.0.1", listener.address[1]), timeout=10)


def post(body: bytes, path: str = PATH, *more: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}", *more, "", ""]).encode() + body


def ask(listener: Listener, data: bytes) -> bytes:
    """Send bytes and return all that comes until the other end closes."""
    with connect(listener) as sock:
        answer = b""
        try:
            sock.sendall(data)
            while piece := sock.recv(4096):
                answer += piece
        except ConnectionError:
            pass
        return answer


def test_a_post_to_the_path_is_taken(start: Start) -> None:
    listener, camera = start()
    answer = ask(listener, post(b"<a/>", PATH, "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert camera.bodies == [b"<a/>"]
    assert camera.words == [None]
    assert b"Server" not in answer, "it does not say what it is"


def test_several_requests_on_one_connection_and_one_in_pieces(start: Start, wait_for: WaitFor) -> None:
    listener, camera = start()
    with connect(listener) as sock:
        sock.sendall(post(b"one") + post(b"two"))
        for piece in (post(b"three")[:7], post(b"three")[7:-2], post(b"three")[-2:]):
            sock.sendall(piece)
            time.sleep(0)
        wait_for(lambda: len(camera.bodies) == 3)
    assert camera.bodies == [b"one", b"two", b"three"]


def test_a_client_that_waits_for_100_continue(start: Start) -> None:
    listener, _ = start()
    with connect(listener) as sock:
        sock.sendall(post(b"x", PATH, "Expect: 100-continue")[:-1])
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"x")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_503_is_passed_on(start: Start) -> None:
    listener, camera = start()
    camera.status = 503
    assert ask(listener, post(b"x", PATH, "Connection: close")).startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(b"x", "/"), 404),
        (post(b"x", PATH[:-1]), 404),
        (post(b"x", PATH + "0"), 404),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 404),
        (b"OPTIONS * RTSP/1.0\r\n\r\n", 404),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 404),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 20_000, 404),
        (f"GET {PATH} HTTP/1.1\r\n\r\n".encode(), 405),
    ],
)
def test_who_does_not_know_the_path_learns_nothing(
    start: Start, request_: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    listener, camera = start()
    answer = ask(listener, request_)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert camera.bodies == []
    assert PATH not in caplog.text


def test_a_camera_whose_pushes_are_not_understood_is_named_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    listener, camera = start()
    for _ in range(3):
        ask(listener, b"POST " + PATH.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert camera.bodies == []
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["listener: a connection from 127.0.0.1 is refused: a body in chunks"]
    assert PATH not in caplog.text


def test_a_body_too_large_is_refused_before_it_is_read(start: Start) -> None:
    listener, camera = start()
    with connect(listener) as sock:
        sock.sendall(post(b"one"))
        assert sock.recv(200).startswith(b"HTTP/1.1 200")
        sock.sendall(f"POST {PATH} HTTP/1.1\r\nContent-Length: {10**9}\r\n\r\n".encode())
        assert sock.recv(200).startswith(b"HTTP/1.1 413")
    assert camera.bodies == [b"one"]


def test_an_address_of_no_camera_gets_not_a_byte(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    listener, camera = start(host="192.0.2.10")
    with caplog.at_level(logging.WARNING):
        assert [ask(listener, post(b"x")) for _ in range(3)] == [b"", b"", b""]
    assert (listener.strangers, camera.bodies) == (3, [])
    assert caplog.text.count("127.0.0.1 is refused: it is no camera's address") == 1


def test_a_camera_may_not_use_the_path_of_another(start: Start) -> None:
    listener, mine = start()
    other = Camera("192.0.2.10", "/hik-thermal/ffffffffffffffffffffffffffffffff")
    listener.enter(other)
    assert ask(listener, post(b"x", other.path)).startswith(b"HTTP/1.1 404")
    assert (mine.bodies, other.bodies) == ([], [])


def test_a_network_that_is_allowed_may_push_with_the_path_alone(start: Start) -> None:
    listener, camera = start(host="192.0.2.10", allow=(ip_network("127.0.0.0/8"),))
    assert ask(listener, post(b"x", "/")).startswith(b"HTTP/1.1 404")
    assert ask(listener, post(b"x", PATH, "Connection: close")).startswith(b"HTTP/1.1 200")
    assert camera.bodies == [b"x"]


def test_a_camera_by_name_and_its_address_as_ipv6_writes_it(start: Start, wait_for: WaitFor) -> None:
    listener, camera = start(host="localhost", bind="::")
    wait_for(lambda: ask(listener, post(b"x", PATH, "Connection: close")).startswith(b"HTTP/1.1 200"))
    assert camera.bodies == [b"x"]
    assert plain_address("::ffff:192.0.2.1") == plain_address("192.0.2.1")
    assert plain_address("fe80::1%eth0") == plain_address("fe80::1")
    with closing(Addresses(["no-such-host.invalid"])) as unknown:
        assert unknown.of("no-such-host.invalid") == frozenset()


def test_over_ipv6(start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    listener, camera = start(host="::1", bind="::1")
    assert listener.address is not None
    with socket.create_connection(listener.address) as sock:
        sock.sendall(post(b"x"))
        assert sock.recv(200).startswith(b"HTTP/1.1 200")
    assert camera.bodies == [b"x"]


def test_slow_clients_and_a_port_scanner_keep_no_camera_out(
    start: Start, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
) -> None:
    monkeypatch.setattr(listeners, "MOST_EACH", 4)
    listener, camera = start()
    threads = threading.active_count()
    with ExitStack() as stack:
        for number in range(50):
            sock = stack.enter_context(connect(listener))
            sock.sendall(b"POST /hik"[: number % 9])
            begun = time.monotonic()
            if number % 10 == 9:
                assert ask(listener, post(b"%d" % number, PATH, "Connection: close")).startswith(b"HTTP/1.1 200")
                assert time.monotonic() - begun < 2
        assert len(camera.bodies) == 5
        assert threading.active_count() == threads, "a client costs no thread"


def test_a_camera_that_keeps_its_connections_is_not_kept_out_by_them(
    start: Start, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
) -> None:
    monkeypatch.setattr(listeners, "MOST_EACH", 3)
    listener, camera = start()
    with ExitStack() as stack:
        for number in range(10):
            sock = stack.enter_context(connect(listener))
            sock.sendall(post(b"%d" % number))
            assert sock.recv(200).startswith(b"HTTP/1.1 200")
        busy = [stack.enter_context(connect(listener)) for _ in range(3)]
        for sock in busy:
            sock.sendall(post(b"x" * 10)[:-5])
        wait_for(lambda: camera.pieces >= 13)
        assert ask(listener, post(b"y")) == b"", "all three are in the middle of a body: it has to come again"
        for sock in busy:
            sock.sendall(b"xxxxx")
            assert sock.recv(200).startswith(b"HTTP/1.1 200")
    assert len(camera.bodies) == 13


def test_a_client_that_does_not_go_on_is_let_go(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(pushing, "BODY_SECONDS", 0.05)
    listener, camera = start()
    assert ask(listener, b"POST / HTTP/1.1\r\n") == b""
    assert ask(listener, post(b"x" * 100)[:-50]) == b""
    assert (camera.bodies, camera.closed) == ([], 1)


def test_a_lost_body_is_closed_and_the_next_is_taken(start: Start, wait_for: WaitFor) -> None:
    listener, camera = start()
    with connect(listener) as sock:
        sock.sendall(post(b"x" * 1000)[:-500])
        wait_for(lambda: camera.pieces)
    wait_for(lambda: camera.closed == 1)
    assert ask(listener, post(b"y", PATH, "Connection: close")).startswith(b"HTTP/1.1 200")


def test_a_thousand_alarms_in_a_row(start: Start) -> None:
    listener, camera = start()
    with connect(listener) as sock:
        answers = sock.makefile("rb")
        for number in range(1000):
            sock.sendall(post(b"%d" % number))
        with answers:
            assert sum(line.startswith(b"HTTP/1.1 200") for line in (answers.readline() for _ in range(6000))) == 1000
    assert camera.bodies == [b"%d" % number for number in range(1000)]


def test_an_error_of_our_own_closes_one_connection_and_not_the_port(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, camera = start()

    def broken(self: Body) -> int:
        raise RuntimeError("nobody foresaw it")

    with monkeypatch.context() as patch:
        patch.setattr(Body, "end", broken)
        assert ask(listener, post(b"x")) == b""
    assert camera.closed == 1
    assert ask(listener, post(b"y", PATH, "Connection: close")).startswith(b"HTTP/1.1 200")


def test_other_options_open_another_port(start: Start, wait_for: WaitFor) -> None:
    listener, camera = start()
    first = listener.address
    listener.configure(ListenerOptions(bind="127.0.0.1", port=0, allow=(ip_network("192.0.2.0/24"),)))
    wait_for(lambda: listener.address not in (None, first))
    assert ask(listener, post(b"x", PATH, "Connection: close")).startswith(b"HTTP/1.1 200")
    listener.configure(None)
    wait_for(lambda: camera.words and camera.words[-1] == "hik_thermal.listener.bind is not set")


def test_the_last_door_closes_the_port(start: Start) -> None:
    listener, camera = start()
    listener.leave(camera)
    assert listener.address is None
    assert "listener" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=listener"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def client_context(newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    return context


def test_over_tls(start: Start, certificate: tuple[Path, Path]) -> None:
    listener, camera = start(certificate=certificate[0], key=certificate[1])
    with connect(listener) as plain, client_context().wrap_socket(plain) as sock:
        for number in range(3):
            sock.sendall(post(b"x" * 200_000 + b"%d" % number))
            assert sock.recv(200).startswith(b"HTTP/1.1 200")
    assert [len(body) for body in camera.bodies] == [200_001] * 3
    assert not ask(listener, post(b"x")).startswith(b"HTTP"), "plain HTTP is not spoken"
    assert len(camera.bodies) == 3


def test_an_older_tls_than_the_minimum_is_not_spoken(start: Start, certificate: tuple[Path, Path]) -> None:
    listener, camera = start(certificate=certificate[0], key=certificate[1], minimum="1.3")
    with connect(listener) as plain, pytest.raises(ssl.SSLError):
        client_context(ssl.TLSVersion.TLSv1_2).wrap_socket(plain)
    assert camera.bodies == []


def test_a_certificate_that_is_none_is_a_problem_of_the_source(wait_for: WaitFor, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    with closing(Listener()) as listener:
        listener.configure(ListenerOptions(bind="127.0.0.1", port=0, certificate=tmp_path / "cert.pem"))
        camera = Camera()
        listener.enter(camera)
        wait_for(lambda: camera.words)
        assert (camera.words[0] or "").startswith("127.0.0.1 port 0: ")
