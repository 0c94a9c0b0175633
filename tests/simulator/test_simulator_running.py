"""Starting, the control port, TLS, and leaving nothing behind."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from raw_http import ALERT_STREAM, DEVICE_INFO, RawClient, Wire, apply, control, read_answer

from hik_thermal_plugin.simulator import DEFAULT_PASSWORD, MODELS, Simulator


def port(url: str | None) -> int:
    found = urlsplit(url or "").port
    assert found
    return found


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=camera"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_the_ready_line_has_every_part(hik_simulator):
    assert hik_simulator.ready == {
        "ready": True,
        "http": hik_simulator.http,
        "https": None,
        "rtsp": None,
        "control": hik_simulator.control,
        "model": "bispectrum",
        "username": "admin",
    }


def test_parts_that_are_not_wanted_are_not_there(hik_simulator):
    simulator = hik_simulator(http_port=None, control_port=None)
    assert (simulator.http, simulator.control) == (None, None)
    assert simulator.apply([{"fire": {}}]) == 1


def test_a_camera_starts_within_a_tenth_of_a_second_and_closes_at_once():
    started, closed = [], []
    for _ in range(5):  # the best of some: other programs share the machine
        begun = time.perf_counter()
        simulator = Simulator(rtsp_port=0).start()
        started.append(time.perf_counter() - begun)
        simulator.close()
        closed.append(time.perf_counter() - begun - started[-1])
    assert min(started) < 0.1
    assert min(closed) < 0.1


def test_close_ends_what_is_open_and_can_be_called_twice():
    simulator = Simulator(heartbeat=0.01).start()
    client = RawClient(simulator.http or "")
    used = Wire(simulator.control or "")
    used.send(b"GET /state HTTP/1.1\r\n\r\n")
    used.until(b'"fires"')
    wires = [client.stream(), client.connect(), Wire(simulator.control or ""), used]
    simulator.close()
    simulator.close()
    for wire in wires:
        wire.to_end()
        wire.close()
    assert simulator.http is None
    assert not [thread for thread in threading.enumerate() if thread.name == "hik-simulator"]
    with pytest.raises(RuntimeError, match="not running"):
        simulator.state()


def test_a_closed_camera_can_be_started_again():
    simulator = Simulator()
    for _ in range(2):
        with simulator:
            assert RawClient(simulator.http or "").get(DEVICE_INFO).status == 200


def test_starting_twice_is_a_mistake(hik_simulator):
    with pytest.raises(RuntimeError, match="started already"):
        hik_simulator.start()


def test_a_port_in_use_is_an_error_and_leaves_nothing_behind(hik_simulator):
    with pytest.raises(OSError, match="in use"):
        hik_simulator(http_port=port(hik_simulator.http))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "toaster"}, "model: expected one of bispectrum, bullet, positioning"),
        ({"profile": "odd"}, "profile: there is no folder 'odd', nor a profile of that name; there are plain, "),
        ({"https_port": 0}, "https_port needs cert and key"),
        ({"https_port": 0, "cert": "no-such", "key": "no-such"}, "cert, key: "),
        ({"lock_attempts": 0}, "lock_attempts: expected 1 or more"),
        ({"password": "a", "password_file": "b"}, "not both"),
        ({"password_file": "no-such-file"}, "password_file: no-such-file: No such file"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        Simulator(**options)


def test_the_password_comes_from_a_file_and_is_never_shown(camera, secret, tmp_path):
    file = tmp_path / "password"
    file.write_text(secret + "\n")
    simulator, client = camera(password_file=file, username="viewer")
    assert simulator.password == secret
    assert client.get(DEVICE_INFO).status == 200
    assert secret not in repr(simulator) + json.dumps(simulator.ready) + json.dumps(simulator.state())


def test_the_default_password_is_the_documented_one(hik_simulator):
    assert hik_simulator.password == DEFAULT_PASSWORD == "hik12345"


def test_every_socket_listens_on_the_loopback_only(hik_simulator, certificate):
    cert, key = certificate
    simulator = hik_simulator(https_port=0, cert=cert, key=key, rtsp_port=0)
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = {line.split()[1] for line in lines if line.split()[3] == "0A"}
    for url in (simulator.http, simulator.https, simulator.rtsp, simulator.control):
        assert f"0100007F:{port(url):04X}" in listening


def test_models_can_be_of_ones_own(camera):
    from dataclasses import replace

    model = replace(MODELS["bullet"], name="tiny", matrix=(40, 30), rules=MODELS["bullet"].rules[:1])
    simulator, client = camera(model=model)
    assert simulator.ready["model"] == "tiny"
    assert list(simulator.state()["rules"]["1"]) == ["1"]
    assert client.get("/ISAPI/Streaming/channels/1/picture").body.startswith(b"\xff\xd8\xff")


def test_https(hik_simulator, certificate):
    cert, key = certificate
    simulator = hik_simulator(https_port=0, cert=cert, key=key)
    context = ssl.create_default_context(cafile=cert)
    client = RawClient(simulator.https or "")

    class TlsWire(Wire):
        def __init__(self, url: str) -> None:
            super().__init__(url)
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    client.connect = lambda: TlsWire(client.url)  # type: ignore[method-assign]
    assert client.get(DEVICE_INFO).status == 200
    with client.stream() as wire:
        apply(simulator, {"fire": {}})
        wire.until(b"fireDetection")
        apply(simulator, {"fault": {"kind": "drop"}})
        wire.to_end()


def test_close_ends_connections_that_never_finish_their_handshake(hik_simulator, certificate):
    cert, key = certificate
    simulator = hik_simulator(https_port=0, cert=cert, key=key)
    with socket.create_connection(("127.0.0.1", port(simulator.https))) as half:
        half.sendall(b"\x16\x03\x01")
        simulator.close()
        half.settimeout(5)
        with suppress(ConnectionResetError):
            assert half.recv(100) == b""


def test_the_fixture_makes_several_cameras(hik_simulator):
    first, second = hik_simulator(), hik_simulator(model="bullet")
    assert len({first.http, second.http, hik_simulator.http}) == 3
    assert hik_simulator.http == hik_simulator.http
    assert second.model == "bullet"


# HTTP


def test_keep_alive_and_requests_in_one_go(camera):
    _, client = camera()
    challenge = client.ask(DEVICE_INFO)
    with client.connect() as wire:
        wire.send(
            b"".join(
                client.request(DEVICE_INFO, authorization=client.authorize(challenge, DEVICE_INFO)) for _ in range(3)
            )
        )
        assert [read_answer(wire).status for _ in range(3)] == [200, 200, 200]


def test_a_request_byte_by_byte(camera):
    _, client = camera()
    with client.connect() as wire:
        for byte in client.request(DEVICE_INFO):
            wire.send(bytes([byte]))
        assert read_answer(wire).status == 401


def test_connection_close_of_the_client_is_honoured(camera):
    _, client = camera()
    with client.connect() as wire:
        wire.send(f"GET {DEVICE_INFO} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        wire.to_end()
    with client.connect() as wire:
        wire.send(f"GET {DEVICE_INFO} HTTP/1.0\r\n\r\n".encode())
        wire.to_end()


def test_expect_continue(camera):
    simulator, client = camera()
    authorization = client.authorize(client.ask(DEVICE_INFO, method="PUT"), DEVICE_INFO, method="PUT")
    head = f"PUT {DEVICE_INFO} HTTP/1.1\r\nAuthorization: {authorization}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    with client.connect() as wire:
        wire.send(head.encode())
        wire.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.data = b""
        wire.send(b"<a/>")
        assert read_answer(wire).status == 200
    assert simulator.state()["writes"][0]["body"] == "<a/>"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"PUT / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 70000, 400),
    ],
)
def test_requests_that_are_none(camera, raw, status):
    _, client = camera()
    with client.connect() as wire:
        wire.send(raw)
        assert read_answer(wire).status == status
        while not wire.ended:
            wire.read(5)


def test_a_client_that_does_not_read_is_dropped(armed, tmp_path, wait_for):
    simulator, wire = armed()
    (tmp_path / "large").write_bytes(b"--boundary\r\n" + bytes(6_000_000))
    for _ in range(5):
        apply(simulator, {"send": {"file": str(tmp_path / "large")}})
    wait_for(lambda: simulator.state()["open"]["alert_stream"] == 0, 5)
    wire.to_end()
    assert wire.reset


def test_a_camera_without_file_descriptors_answers_when_there_are_some(camera):
    _, client = camera()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    with socket.socket() as late:
        late.settimeout(0.3)
        highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, limits[1]))
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            late.connect(("127.0.0.1", port(client.url)))
            late.sendall(client.request(DEVICE_INFO))
            with pytest.raises(TimeoutError):
                late.recv(100)
        finally:
            for number in taken:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        late.settimeout(5)
        assert late.recv(12) == b"HTTP/1.1 401"


# Control port


def test_state_has_the_documented_shape(camera):
    simulator, client = camera()
    client.get(DEVICE_INFO + "?a=b")
    status, state = control(simulator, "GET", "/state")
    assert status == 200
    assert state == simulator.state()
    assert list(state) == ["logins", "open", "requests", "writes", "rules", "fires"]
    assert state["logins"] == {"accepted": 1, "refused": 0, "locked_until": None}
    assert state["open"] == {"alert_stream": 0, "thermometry": 0, "rtsp": 0, "playback": 0}
    assert state["requests"] == {f"GET {DEVICE_INFO}": 2}
    assert list(state["rules"]) == ["2"]
    assert all(set(rule) == {"max", "min", "average"} for rule in state["rules"]["2"].values())
    assert state["rules"]["2"]["1"]["min"] <= state["rules"]["2"]["1"]["average"] <= state["rules"]["2"]["1"]["max"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/steps", b"{", 400, "not JSON"),
        ("POST", "/steps", b"\xff", 400, "not JSON"),
        ("POST", "/steps", b"[" * 200_000, 400, "not JSON"),
        ("POST", "/steps", b"{}", 400, "expected a list"),
        ("GET", "/steps", b"", 405, "use GET /state or POST /steps"),
        ("POST", "/state", b"", 405, "use GET /state or POST /steps"),
        ("GET", "/", b"", 404, "use GET /state or POST /steps"),
    ],
)
def test_the_control_port_says_what_is_wrong(hik_simulator, method, path, body, status, error):
    answered, answer = control(hik_simulator, method, path, body)
    assert answered == status
    assert error in answer["error"]


def test_no_steps_are_no_mistake(hik_simulator):
    assert control(hik_simulator, "POST", "/steps", b"[]") == (200, {"applied": 0})


# As a program

PROGRAM = """
import json, sys
from hik_thermal_plugin.simulator import serve
serve(**json.loads(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_one_line_and_ends_on_a_signal(number):
    options = json.dumps({"model": "bullet", "username": "viewer"})
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout and program.stderr
        try:
            ready = json.loads(program.stdout.readline())
            assert (ready["ready"], ready["model"], ready["username"]) == (True, "bullet", "viewer")
            client = RawClient(ready["http"], "viewer")
            with client.stream() as wire:
                os.kill(program.pid, number)
                wire.to_end()
            assert program.wait(10) == 0
        finally:
            program.kill()
        assert program.stdout.read() == ""
        assert program.stderr.read() == ""


def test_serve_tells_wrong_options_before_it_is_ready():
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, '{"model": "toaster"}'], capture_output=True, text=True, timeout=30, check=False
    )
    assert program.returncode == 1
    assert program.stdout == ""
    assert "ValueError: model: expected one of" in program.stderr


# Strangers


@pytest.mark.integration
def test_curl_reads_device_information_and_the_alert_stream(hik_simulator, tmp_path):
    login = ["curl", "--silent", "--digest", "--user", f"admin:{DEFAULT_PASSWORD}"]
    answer = subprocess.run([*login, hik_simulator.http + DEVICE_INFO], capture_output=True, timeout=30, check=True)
    assert b"<DeviceInfo " in answer.stdout
    out = tmp_path / "stream"
    stream = subprocess.Popen([*login, "--no-buffer", "--output", out, hik_simulator.http + ALERT_STREAM])
    try:
        deadline = time.monotonic() + 10
        while not (out.exists() and b"videoloss" in out.read_bytes()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        hik_simulator.apply([{"fire": {}}])
        while b"fireDetection" not in out.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        stream.terminate()
        stream.wait(10)
