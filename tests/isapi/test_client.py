"""Requests to a camera: answers, errors in plain words, pictures, TLS, and being ended from another thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest
from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
)
from scripted_device import (
    DEVICE_INFO,
    IDENTITY,
    Asked,
    Live,
    ScriptedDevice,
    hang_up,
    reply,
    silence,
    status_document,
)

from hik_thermal_plugin.isapi import connection as connection_module
from hik_thermal_plugin.isapi.client import IsapiClient

WaitFor = Callable[..., None]
MakeClient = Callable[..., IsapiClient]
PICTURE = "/ISAPI/Streaming/channels/201/picture"
PROXIED = "/ISAPI/ContentMgmt/StreamingProxy/channels/201/picture"
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
HTML = b"\r\n<!DOCTYPE html><html><body>Web Client</body></html>"


def test_an_answer_comes_with_status_type_and_body(device: ScriptedDevice, client: IsapiClient) -> None:
    device.answers["/ISAPI/x"] = [reply(200, b"{}", 'application/json; charset="UTF-8"')]
    answer = client.request("GET", "/ISAPI/x?format=json")
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b"{}")
    assert answer.headers["content-length"] == "2"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (reply(403, status_document(4, "notSupport")), Unsupported, "answered 403 (Invalid Operation, notSupport)"),
        (reply(200, status_document(4, "notSupport")), Unsupported, "answered 200 (Invalid Operation, notSupport)"),
        (
            reply(403, b'{"statusCode": 4, "subStatusCode": "notSupport", "errorCode": 1073741825}', "application/json"),
            Unsupported,
            "0x40000001",
        ),
        (reply(403, status_document(4, "lowPrivilege")), NoPermission, "lowPrivilege"),
        (reply(403, HTML, "text/html"), NoPermission, "answered 403 without a reason"),
        (reply(403, status_document(4, "notActivated")), Refused, "notActivated"),
        (reply(404), Unsupported, "answered 404"),
        (reply(200, status_document(2, "deviceBusy", "Device Busy")), Busy, "deviceBusy"),
        (reply(500, status_document(2, "noMemory", "Device Busy")), Busy, "noMemory"),
        (reply(503, HTML, "text/html"), Busy, "answered 503"),
        (reply(500, status_document(3, "deviceError", "Device Error")), DeviceError, "Device Error, deviceError"),
        (reply(400, status_document(6, "badXmlContent", "Invalid XML Content")), DeviceError, "badXmlContent"),
        (reply(500), DeviceError, "answered 500"),
        (reply(200, HTML, "application/xml"), BadAnswer, "a web page instead of a document"),
        (reply(302, b"", "text/html", "Location: https://admin:hidden@192.0.2.1/ISAPI/x?pw=hidden"), BadAnswer, "https://192.0.2.1: "),
        (b"SSH-2.0-dropbear\r\n\r\n", BadAnswer, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Endless: and so on\r\n" * 20_000, BadAnswer, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<cut", Unreachable, "closed the connection"),
        (reply(200, b"\x1f\x8bno", "application/xml", "Content-Encoding: gzip"), BadAnswer, "cannot be unpacked"),
    ],
    ids=lambda value: None if isinstance(value, type) else str(value)[:60],
)  # fmt: skip
def test_each_wrong_answer_is_the_error_that_tells_what_to_do(
    device: ScriptedDevice, client: IsapiClient, answer: bytes, error: type[CameraError], words: str
) -> None:
    device.asks_login = False
    device.answers["/ISAPI/x"] = [answer]
    with pytest.raises(error) as caught:
        client.get("/ISAPI/x")
    assert type(caught.value) is error
    assert str(caught.value).startswith("kiln: GET /ISAPI/x")
    assert words in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert caught.value.camera == "kiln"


@pytest.mark.parametrize(
    "document", [status_document(1, "ok", "OK"), status_document(7, "rebootRequired", "Reboot Required")]
)
def test_the_devices_consent_is_no_error(device: ScriptedDevice, client: IsapiClient, document: bytes) -> None:
    device.answers["/ISAPI/x"] = [reply(200, document)]
    assert client.request("PUT", "/ISAPI/x", body=b"<x/>").body == document


def test_an_answer_without_end_is_given_up(
    device: ScriptedDevice, client: IsapiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "MAX_BODY", 1_000_000)
    device.asks_login = False

    def flood(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
        live.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            live.socket.sendall(b"x" * 65536)

    device.answers["/ISAPI/x"] = [flood]
    with pytest.raises(BadAnswer, match="more than 1000000 bytes"):
        client.get("/ISAPI/x")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"])
def test_a_device_that_goes_silent_is_given_up_in_time(
    device: ScriptedDevice, client_of: MakeClient, head: bytes
) -> None:
    def stall(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
        live.socket.sendall(head)
        return silence(device, live, asked)

    device.asks_login = False
    device.answers["/ISAPI/x"] = [stall]
    began = time.monotonic()
    with pytest.raises(Unreachable, match="kiln: GET /ISAPI/x: no answer in time"):
        client_of(timeout=0.1).get("/ISAPI/x")
    assert time.monotonic() - began < 3


def test_a_device_that_dribbles_is_given_up_in_time(device: ScriptedDevice, client_of: MakeClient) -> None:
    def dribble(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
        live.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not live.over.wait(0.02):
            live.socket.sendall(b"x")
        return None

    device.asks_login = False
    device.answers["/ISAPI/x"] = [dribble]
    with pytest.raises(Unreachable, match="no answer in time"):
        client_of(timeout=0.2).get("/ISAPI/x")
    device.close()


def test_what_cannot_be_reached_says_why(device: ScriptedDevice, client_of: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(Unreachable, match=f"kiln: GET {DEVICE_INFO}: connection refused"):
        client_of(url=f"http://127.0.0.1:{port}").get(DEVICE_INFO)
    with pytest.raises(Unreachable, match="name is not known"):
        client_of(url="http://camera.invalid").get(DEVICE_INFO)
    device.answers[DEVICE_INFO] = [hang_up]
    with pytest.raises(Unreachable, match="the device closed the connection"):
        client_of().get(DEVICE_INFO)


def test_an_address_must_be_one(client_of: MakeClient) -> None:
    for url in ("192.0.2.1", "ftp://192.0.2.1", "http://"):
        with pytest.raises(WrongUse, match="kiln: an address begins with"):
            client_of(url=url)


def test_user_and_password_in_the_address_are_left_out(
    device: ScriptedDevice, client_of: MakeClient, secret: str
) -> None:
    client = client_of(url=f"http://admin:{secret.replace('/', '%2F')}@127.0.0.1:{device.port}")
    assert client.url == device.url
    assert client.get(DEVICE_INFO) == IDENTITY
    assert repr(client) == f"<IsapiClient kiln at {device.url}>"


def test_a_redirection_is_not_followed(device: ScriptedDevice, client: IsapiClient, secret: str) -> None:
    other = ScriptedDevice(secret)
    try:
        device.answers[DEVICE_INFO] = [reply(301, b"", "text/html", f"Location: {other.url}{DEVICE_INFO}")]
        with pytest.raises(BadAnswer, match="give the camera's final address as its url"):
            client.get(DEVICE_INFO)
        assert other.asked == []
    finally:
        other.close()


def test_the_environment_sets_no_proxy(
    device: ScriptedDevice, client_of: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client_of().get(DEVICE_INFO) == IDENTITY


def test_requests_of_a_conversation_share_a_connection_and_others_end_theirs(
    device: ScriptedDevice, client: IsapiClient, wait_for: WaitFor
) -> None:
    with client.conversation():
        for _ in range(3):
            client.get(DEVICE_INFO)
    assert {asked.connection for asked in device.asked} == {1}
    client.get(DEVICE_INFO)
    client.get(DEVICE_INFO)
    assert {asked.connection for asked in device.asked} == {1, 2, 3}
    wait_for(lambda: not device._sockets, what="no idle connection is left")


def test_connection_close_on_every_answer_is_no_matter(device: ScriptedDevice, client: IsapiClient) -> None:
    device.challenges = lambda nonce, stale: [
        f'Digest qop="auth", realm="x", nonce="{nonce}", stale="{stale}"\r\nConnection: close'
    ]
    device.answers[DEVICE_INFO] = [reply(200, IDENTITY, "application/xml", "Connection: close")]
    with client.conversation():
        for _ in range(3):
            assert client.get(DEVICE_INFO) == IDENTITY


@pytest.mark.parametrize("when", ["before the head", "within the body"])
def test_interrupt_ends_a_request_at_once(
    device: ScriptedDevice, client_of: MakeClient, when: str, wait_for: WaitFor
) -> None:
    def stall(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
        if when == "within the body":
            live.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return silence(device, live, asked)

    device.answers["/ISAPI/x"] = [stall]
    client = client_of(timeout=60)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            client.get("/ISAPI/x")
        except CameraError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: device.streams)
    began = time.monotonic()
    client.interrupt()
    thread.join(10)
    assert time.monotonic() - began < 1
    assert [type(error) for error in errors] == [Unreachable]
    with pytest.raises(Unreachable, match="kiln: its connections are closed"):
        client.get(DEVICE_INFO)


# Pictures


def test_a_picture_is_what_the_device_sends(device: ScriptedDevice, client: IsapiClient) -> None:
    device.answers[PICTURE] = [reply(200, JPEG, 'image/jpeg; charset="UTF-8"')]
    assert client.snapshot(201) == JPEG


def test_a_recorders_picture_comes_by_the_other_path_from_then_on(device: ScriptedDevice, client: IsapiClient) -> None:
    device.answers[PICTURE] = [reply(200, status_document(6, "badXmlContent", "Invalid XML Content"))]
    device.answers[PROXIED] = [reply(200, JPEG, "image/jpeg")]
    assert client.snapshot(201) == client.snapshot(201) == JPEG
    assert device.targets(with_login=True) == [PICTURE, PROXIED, PROXIED]


@pytest.mark.parametrize("passing", [reply(503), reply(200, status_document(3, "deviceError", "Device Error"))])
def test_a_picture_that_fails_for_a_passing_reason_is_asked_for_once_more_a_second_later(
    device: ScriptedDevice, client_of: MakeClient, passing: bytes
) -> None:
    waited: list[float] = []
    client = client_of(pause=lambda seconds: bool(waited.append(seconds)))  # type: ignore[func-returns-value]
    device.answers[PICTURE] = [passing, reply(200, JPEG, "image/jpeg")]
    assert client.snapshot(201) == JPEG
    device.answers[PICTURE] = [passing]
    with pytest.raises((Busy, DeviceError)):
        client.snapshot(201)
    assert waited == [1.0, 1.0]


def test_waiting_for_a_picture_ends_with_the_client(device: ScriptedDevice, client_of: MakeClient) -> None:
    client = client_of(pause=lambda seconds: True)
    device.answers[PICTURE] = [reply(503)]
    with pytest.raises(Busy):
        client.snapshot(201)
    assert device.targets(with_login=True) == [PICTURE]


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG"])
def test_what_is_no_jpeg_is_a_bad_answer(device: ScriptedDevice, client: IsapiClient, body: bytes) -> None:
    device.answers[PICTURE] = [reply(200, body, "image/jpeg")]
    with pytest.raises(BadAnswer, match="image/jpeg that is no JPEG picture"):
        client.snapshot(201)


def test_pictures_of_a_camera_are_fetched_one_at_a_time(
    device: ScriptedDevice, client_of: MakeClient, wait_for: WaitFor
) -> None:
    client = client_of(timeout=30)
    device.answers[PICTURE] = [silence, reply(200, JPEG, "image/jpeg")]
    got: list[bytes] = []

    def first() -> None:
        with pytest.raises(Unreachable):
            client.snapshot(201)

    threads = [threading.Thread(target=first), threading.Thread(target=lambda: got.append(client.snapshot(201)))]
    threads[0].start()
    wait_for(lambda: device.streams)
    threads[1].start()
    with pytest.raises(Busy, match="another picture is still being fetched"):
        client.snapshot(201, deadline=time.monotonic() + 0.05)
    assert got == []
    device.streams[0].end()
    for thread in threads:
        thread.join(10)
    assert got == [JPEG]
