"""Pushes of the simulated camera, taken by the standard library's HTTP server; and its list of hosts as raw clients see it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lxml import etree
from raw_http import apply
from raw_thermal import document, node, put, text

HOSTS = "/ISAPI/Event/notification/httpHosts"


class Receiver(ThreadingHTTPServer):
    """Takes posts; answers the first `refusals` with 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[tuple[str, str, bytes]] = []
        self.refusals = 0


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.refusals -= 1
        status = 503 if self.server.refusals >= 0 else 200
        if status == 200:
            self.server.posts.append((self.path, self.headers["Content-Type"], body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def configure(client, receiver: Receiver, *, slot: int = 1, path: str = "/alarms") -> None:
    root = document(client, f"{HOSTS}/{slot}")
    node(root, "url").text = path
    node(root, "ipAddress").text = "127.0.0.1"
    node(root, "portNo").text = str(receiver.server_port)
    assert put(client, f"{HOSTS}/{slot}", root) == (200, "ok")


def test_an_alarm_with_pictures_is_pushed_as_captured(camera, receiver, wait_for):
    simulator, client = camera()
    configure(client, receiver)
    apply(simulator, {"fire": {"x": 0.5, "y": 0.4, "celsius": 300}})
    wait_for(lambda: receiver.posts)
    path, kind, body = receiver.posts[0]
    assert (path, kind) == ("/alarms", "multipart/form-data; boundary=boundary")
    assert body.startswith(b'--boundary\r\n\r\nContent-Disposition: form-data; name="fireDetection"\r\nContent-Type: ')
    assert body.count(b"\xff\xd8\xff") == 2
    assert body.endswith(b"--boundary--\r\n")
    assert simulator.pushes()["accepted"] == 1


def test_an_alarm_without_pictures_is_the_bare_document(camera, receiver, wait_for):
    simulator, client = camera(profile="no_namespace")
    configure(client, receiver)
    apply(simulator, {"motion": {}})
    wait_for(lambda: receiver.posts)
    _, kind, body = receiver.posts[0]
    assert kind == 'application/xml; charset="UTF-8"'
    assert text(etree.fromstring(body), "eventType") == "VMD"


@pytest.mark.slow
def test_what_was_not_taken_is_sent_again_in_order(camera, receiver, wait_for):
    simulator, client = camera()
    configure(client, receiver)
    receiver.refusals = 1
    apply(simulator, {"motion": {}}, {"tamper": {}})
    wait_for(lambda: len(receiver.posts) == 2)
    assert [text(etree.fromstring(body), "eventType") for _, _, body in receiver.posts] == ["VMD", "tamperdetection"]
    assert simulator.pushes() == {"accepted": 2, "refused": 1, "given_up": 0, "waiting": 0}


def test_refuse_push_and_send_over_push(camera, receiver, wait_for, tmp_path):
    simulator, client = camera()
    configure(client, receiver)
    (tmp_path / "body").write_bytes(b"--xyz\r\n\r\n<a/>\r\n--xyz--\r\n")
    fault = {"fault": {"kind": "refuse_push"}}
    apply(simulator, fault, {"send": {"file": str(tmp_path / "body"), "over": "push"}})
    wait_for(lambda: receiver.posts)
    assert receiver.posts == [("/alarms", "multipart/form-data; boundary=xyz", (tmp_path / "body").read_bytes())]
    assert simulator.pushes()["refused"] == 1


def test_nobody_is_pushed_to_without_a_host(camera):
    simulator, _ = camera()
    apply(simulator, {"motion": {}})
    assert simulator.pushes() == {"accepted": 0, "refused": 0, "given_up": 0, "waiting": 0}


@pytest.mark.parametrize(
    ("profile", "status", "used"),
    [
        (None, 200, [False, False, False]),
        ("one_host", 200, [False]),
        ("foreign_host", 200, [True, False, False]),
        ("foreign_hosts", 200, [True, True, True]),
        ("hosts_uncapable", 403, [False, False, False]),
        ("no_listening", 403, []),
    ],
)
def test_the_list_of_hosts(camera, profile, status, used):
    _, client = camera(profile=profile)
    assert client.get(f"{HOSTS}/capabilities").status == status
    if not used:
        assert client.get(HOSTS).status == 403
        return
    root = document(client, HOSTS)
    assert [text(item, "url") != "/" for item in root] == used


def test_hosts_by_list_only(camera, receiver):
    simulator, client = camera(profile="hosts_by_list_only")
    assert client.get(f"{HOSTS}/1").status == 403
    root = document(client, HOSTS)
    node(root[1], "url").text = "/second"
    assert put(client, HOSTS, root) == (200, "ok")
    assert [text(item, "url") for item in document(client, HOSTS)] == ["/", "/second", "/"]
    assert simulator.state()["writes"][0]["path"] == HOSTS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("portNo", "0"),
        ("portNo", "x"),
        ("ipAddress", "nowhere"),
        ("url", "no-slash"),
        ("url", "/" + "x" * 200),
        ("protocolType", "FTP"),
        ("id", "9"),
    ],
)
def test_a_host_that_makes_no_sense_is_refused(camera, field, value):
    _, client = camera()
    root = document(client, f"{HOSTS}/1")
    node(root, field).text = value
    assert put(client, f"{HOSTS}/1", root) == (400, "badParameters")
    assert text(document(client, f"{HOSTS}/1"), "url") == "/"
