"""Cameras over TLS: whose certificate is trusted, and what is said when it is not."""

from __future__ import annotations

import logging
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alert_device import JPEG, ONLINE, Reader, alarm, part
from nvr_hooks import AlarmPicture, MotionAlarm, Unreachable, WrongUse
from scripted_device import DEVICE_INFO, IDENTITY, ScriptedDevice, reply

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.isapi.faults import cause_of
from hik_thermal_plugin.isapi.tls import Tls, TlsVersion, context_for

MakeClient = Callable[..., IsapiClient]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate as devices have one, for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_an_older_version_than_the_minimum_is_not_spoken(
    certificate: tuple[Path, Path], secret: str, client_of: MakeClient, newest: ssl.TLSVersion
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
    device = ScriptedDevice(secret, context)
    device.answers[DEVICE_INFO] = [reply(200, IDENTITY)] * 4
    words: dict[str, TlsVersion] = {"TLSv1_1": "1.1", "TLSv1_2": "1.2"}
    spoken = words[newest.name]
    higher: TlsVersion = "1.2" if spoken == "1.1" else "1.3"
    try:
        for verify in (True, False):
            trusted = Tls(ca=certificate[0] if verify else None, verify=verify)
            assert client_of(url=device.url, tls=replace(trusted, minimum=spoken)).get(DEVICE_INFO)
            with pytest.raises(Unreachable, match=r"(?i)version|alert|protocol"):
                client_of(url=device.url, tls=replace(trusted, minimum=higher)).get(DEVICE_INFO)
    finally:
        device.close()


@pytest.fixture
def secure(certificate: tuple[Path, Path], secret: str) -> Iterator[ScriptedDevice]:
    """A device that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    device = ScriptedDevice(secret, context)
    yield device
    device.close()


def fingerprint(cert: Path) -> str:
    out = subprocess.run(
        ["openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    )
    return out.stdout.strip().partition("=")[2]


def test_an_unknown_certificate_is_not_trusted_and_the_message_says_what_to_do(
    secure: ScriptedDevice, client_of: MakeClient
) -> None:
    with pytest.raises(
        Unreachable, match=r"certificate is not trusted \(self-signed certificate\): give .* tls: \{ca: FILE\}"
    ):
        client_of(url=secure.url).get(DEVICE_INFO)
    assert secure.asked == []


def test_its_own_certificate_as_ca_is_enough(
    secure: ScriptedDevice, client_of: MakeClient, certificate: tuple[Path, Path]
) -> None:
    assert client_of(url=secure.url, tls=Tls(ca=certificate[0])).get(DEVICE_INFO) == IDENTITY


def test_its_fingerprint_is_enough_and_another_one_is_not(
    secure: ScriptedDevice, client_of: MakeClient, certificate: tuple[Path, Path]
) -> None:
    right = fingerprint(certificate[0])
    assert client_of(url=secure.url, tls=Tls(fingerprint=right)).get(DEVICE_INFO) == IDENTITY
    before = len(secure.asked)
    with pytest.raises(Unreachable, match="not the one with the fingerprint"):
        client_of(url=secure.url, tls=Tls(fingerprint=right[:-1] + ("0" if right[-1] != "0" else "1"))).get(DEVICE_INFO)
    assert len(secure.asked) == before


def test_not_verifying_is_possible_and_warned_about_at_each_start(
    secure: ScriptedDevice, client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client_of(url=secure.url, tls=Tls(verify=False))
    assert client_of(url=secure.url, tls=Tls(verify=False)).get(DEVICE_INFO) == IDENTITY
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert warnings[0].startswith("kiln: its certificate is not verified")


def test_plain_http_behind_https_is_named(client_of: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_plainly() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(reply(400))

        thread = threading.Thread(target=answer_plainly)
        thread.start()
        with pytest.raises(Unreachable, match="is this an https port"):
            client_of(url=f"https://127.0.0.1:{server.getsockname()[1]}", tls=Tls(verify=False)).get(DEVICE_INFO)
        thread.join(10)


def test_a_handshake_that_hangs_is_ended_by_interrupt(client_of: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = client_of(url=f"https://127.0.0.1:{server.getsockname()[1]}", tls=Tls(verify=False), timeout=60)
        errors: list[Exception] = []

        def ask() -> None:
            try:
                client.get(DEVICE_INFO)
            except Unreachable as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        peer, _ = server.accept()
        with peer:
            assert peer.recv(1)  # the client has said hello
            began = time.monotonic()
            client.interrupt()
            thread.join(10)
            assert time.monotonic() - began < 1
    assert len(errors) == 1


def test_cameras_with_the_same_setting_share_a_context(certificate: tuple[Path, Path]) -> None:
    cert = certificate[0]
    assert context_for(Tls(), secure=False) is context_for(Tls(ca=cert), secure=False)
    assert context_for(Tls(), secure=True) is context_for(Tls(), secure=True)
    assert context_for(Tls(ca=cert), secure=True) is context_for(Tls(ca=cert), secure=True)
    assert context_for(Tls(ca=cert), secure=True) is not context_for(Tls(), secure=True)
    assert context_for(Tls(verify=False), secure=True) is context_for(Tls(fingerprint="ab"), secure=True)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_ca_file_that_cannot_be_read_is_named(client_of: MakeClient, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WrongUse, match=r"cannot read certificates from .*ca\.pem"):
        client_of(url="https://127.0.0.1:1", tls=Tls(ca=file)).get(DEVICE_INFO)


def test_alarms_come_over_tls_and_a_blocked_read_ends_at_once(
    secure: ScriptedDevice,
    client_of: MakeClient,
    certificate: tuple[Path, Path],
    read: Callable[[AlertStream], Reader],
) -> None:
    reader = read(AlertStream(client_of(url=secure.url, tls=Tls(ca=certificate[0]))))
    assert reader.next() == ONLINE
    secure.streams[0].send(alarm() + part(JPEG, "image/jpeg"))
    assert isinstance(reader.next(), MotionAlarm)
    picture = reader.next()
    assert isinstance(picture, AlarmPicture)
    assert picture.data == JPEG
    began = time.monotonic()
    reader.source.interrupt()
    assert reader.ended() is None
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("end", ["silence", "end"])
def test_a_stream_over_tls_is_lost_like_any_other(
    secure: ScriptedDevice, client_of: MakeClient, read: Callable[[AlertStream], Reader], end: str
) -> None:
    reader = read(AlertStream(client_of(url=secure.url, tls=Tls(verify=False)), silence=0.2))
    assert reader.next() == ONLINE
    secure.streams[0].send(alarm())
    assert isinstance(reader.next(), MotionAlarm)
    if end == "end":
        secure.streams[0].end()
    error = reader.ended()
    assert isinstance(error, Unreachable)
    assert ("ended by the device" if end == "end" else "nothing came for 0.2 s") in str(error)


@pytest.mark.parametrize(("code", "why"), [(9, "certificate is not yet valid"), (10, "certificate has expired")])
def test_dates_of_a_certificate_are_told_with_the_clock_they_were_held_against(code: int, why: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, why
    said = cause_of(error)
    assert f"{why} by this machine's clock, {datetime.now(UTC):%Y-%m-%d})" in said
    assert "renew it in the camera, or trust exactly this one as tls: {fingerprint: …}" in said
    assert "ca:" not in said
