"""Switching metadata on over HTTP: what is read, what is written, and what is left alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nvr_hooks import BadAnswer, Unsupported

from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.isapi.metadata_switch import switch_on_metadata
from hik_thermal_plugin.login import LoginBudget

OFF = b'<?xml version="1.0"?>\n<MetadataCfg version="2.0"><thermometry>false</thermometry><ANPR>false</ANPR><x a="1"/></MetadataCfg>'
ON = OFF.replace(b"<thermometry>false", b"<thermometry>true")
NO_SUCH = (
    b"<ResponseStatus><statusCode>4</statusCode><statusString>Invalid Operation</statusString>"
    b"<subStatusCode>notSupport</subStatusCode></ResponseStatus>"
)


class Device(ThreadingHTTPServer):
    """Keeps one configuration document, and lets everybody in who brings credentials."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.document = OFF
        self.path = "/ISAPI/Streaming/channels/201/metadata"
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Device

    def do_GET(self) -> None:
        if self.may():
            self.answer(self.server.document if self.path == self.server.path else None)

    def do_PUT(self) -> None:
        if self.may():
            self.server.document = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(b"<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>")

    def may(self) -> bool:
        if "Authorization" in self.headers:
            return True
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Digest qop="auth", realm="IP Camera(E1518)", nonce="a1", stale="FALSE"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def answer(self, body: bytes | None) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(403 if body is None else 200)
        body = NO_SUCH if body is None else body
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def device() -> Iterator[Device]:
    with Device() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def client(device: Device, tmp_path: Path, secret: str) -> Iterator[IsapiClient]:
    url = f"http://127.0.0.1:{device.server_port}"
    made = IsapiClient("kiln", url, "admin", secret, LoginBudget("admin", secret, tmp_path))
    yield made
    made.close()


def test_the_document_is_put_back_with_the_switch_alone_changed(device: Device, client: IsapiClient) -> None:
    switch = switch_on_metadata(client, [2, 201])
    assert device.document == ON
    assert (switch.changes, switch.missing) == (("thermometry/thermometry: false -> true",), ("fireDetection",))
    path = "/ISAPI/Streaming/channels/201/metadata"
    assert device.asked == [
        "GET /ISAPI/Streaming/channels/2/metadata",
        f"GET {path}",
        f"GET {path}/capabilities",
        f"PUT {path}",
    ]


def test_what_is_on_already_is_not_written(device: Device, client: IsapiClient) -> None:
    device.document = ON
    assert switch_on_metadata(client, [201]).body is None
    assert [asked for asked in device.asked if asked.startswith("PUT")] == []


@pytest.mark.parametrize(
    ("document", "kind"),
    [(b"<MetadataCfg><mode>3</mode></MetadataCfg>", Unsupported), (b"<MetadataCfg><mo", BadAnswer)],
)
def test_what_is_not_understood_is_left_alone(
    device: Device, client: IsapiClient, document: bytes, kind: type[Exception]
) -> None:
    device.document = document
    with pytest.raises(kind, match="kiln: GET /ISAPI/Streaming/channels/201/metadata: "):
        switch_on_metadata(client, [201])
    assert device.document == document


def test_a_device_without_the_document_says_how_else(client: IsapiClient) -> None:
    with pytest.raises(Unsupported, match="switch it on in the camera's web page"):
        switch_on_metadata(client, [1, 2])
