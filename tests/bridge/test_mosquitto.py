"""The bridge on mosquitto: logins, TLS, MQTT 5, the will, restarts, and `test-alarm` on the command line."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from bridge_stage import QUICK, Ear, Host, Mosquitto, Wait
from nvr_hooks import ConnectionChanged, FireAlarm, InputAlarm, Target

pytestmark = pytest.mark.integration
ONLINE = ConnectionChanged(camera="kiln", source="alert_stream", state="online")
USER = "bridge"


def fire() -> FireAlarm:
    return FireAlarm(camera="kiln", channel=2, raw_type="fireDetection", targets=(Target(id=1, celsius=80.0),))


@pytest.fixture
def passwords(tmp_path: Path, secret: str) -> Path:
    """Return a password file that knows one user."""
    program = shutil.which("mosquitto_passwd")
    assert program is not None
    path = tmp_path / "passwords"
    subprocess.run([program, "-b", "-c", str(path), USER, secret], check=True, capture_output=True)
    return path


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Return a folder with an authority, a server for 127.0.0.1 and a client, each with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path / "tls"
    folder.mkdir()

    def run(*arguments: str) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    run(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
    )
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text(extension)
        run(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.crt")  # fmt: skip
    return folder


def lines_for_tls(folder: Path, *more: str) -> tuple[str, ...]:
    return (
        f"cafile {folder}/ca.crt",
        f"certfile {folder}/server.crt",
        f"keyfile {folder}/server.key",
        "allow_anonymous true",
        *more,
    )


def seen(host: Host, ear: Ear) -> None:
    """Wait until an alarm of the host was heard."""
    host.start()
    camera = host.cameras["kiln"]
    camera.tell(ONLINE)
    ear.expect("bridge/state", lambda value: value == "online")
    camera.tell(fire())
    ear.expect_active("kiln/2/alarm/fire", True)
    ear.expect("kiln/2/event/fire")


def test_a_fire_reaches_the_subscriber(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear]
) -> None:
    broker = mosquitto()
    host = make_host(broker.port)
    host.add("kiln")
    seen(host, listen(broker.port))


def test_mqtt_5(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear]
) -> None:
    broker = mosquitto()
    host = make_host(broker.port, protocol="5")
    host.add("kiln")
    ear = listen(broker.port)
    seen(host, ear)
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    ear.expect("kiln/2/snapshot/result", lambda value: value["ok"] is True)
    host.close()
    ear.expect("bridge/state", lambda value: value == "offline")


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_user_with_a_password(
    mosquitto: Callable[..., Mosquitto],
    make_host: Callable[..., Host],
    listen: Callable[..., Ear],
    passwords: Path,
    secret: str,
    protocol: str,
) -> None:
    broker = mosquitto(f"password_file {passwords}", "allow_anonymous false")
    host = make_host(broker.port, username=USER, password=secret, protocol=protocol)
    host.add("kiln")
    seen(host, listen(broker.port, username_pw_set=(USER, secret)))


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_refused_login_is_told_once_and_tried_slowly(
    mosquitto: Callable[..., Mosquitto],
    make_host: Callable[..., Host],
    passwords: Path,
    wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
    protocol: str,
    secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = mosquitto(f"password_file {passwords}", "allow_anonymous false")
    host = make_host(broker.port, username=USER, password="wrong" + secret, protocol=protocol)
    host.add("kiln")
    host.start()
    wait_for(lambda: sum("broker" in record.msg for record in caplog.records) >= 4)
    refusals = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(refusals) == 1
    assert f"refuses the login of {USER}" in refusals[0].getMessage()
    tries = [record.created for record in caplog.records if "broker" in record.msg]
    assert all(later - earlier >= QUICK.refused * 0.8 for earlier, later in pairwise(tries))
    host.close()


def test_refused_at_first_and_let_in_later(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], passwords: Path,
    wait_for: Wait, caplog: pytest.LogCaptureFixture, secret: str,
) -> None:  # fmt: skip
    right = passwords.read_text()
    passwords.write_text("")
    broker = mosquitto(f"password_file {passwords}", "allow_anonymous false")
    host = make_host(broker.port, username=USER, password=secret)
    camera = host.add("kiln")
    host.start()
    alarm = fire()
    camera.tell(alarm)
    wait_for(lambda: "refuses the login" in caplog.text)
    broker.stop()
    passwords.write_text(right)
    broker.start()
    ear = listen(broker.port, username_pw_set=(USER, secret))
    ear.expect("bridge/state", lambda value: value == "online")
    ear.expect_active("kiln/2/alarm/fire", False)


def test_tls_with_an_authority_of_our_own(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], certificates: Path
) -> None:
    broker = mosquitto(*lines_for_tls(certificates))
    host = make_host(broker.port, tls={"ca": str(certificates / "ca.crt")})
    host.add("kiln")
    ear = listen(broker.port, tls_set=(str(certificates / "ca.crt"),))
    seen(host, ear)
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 101)]
    for alarm in alarms:
        host.cameras["kiln"].tell(alarm)
    picture = bytes(range(256)) * 4096
    host.cameras["kiln"].picture = picture
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    ear.expect("kiln/2/snapshot/result")
    ear.expect("kiln/2/picture/snapshot")
    assert ear.payloads("kiln/2/picture/snapshot") == [picture]
    host.close()
    began = [event["id"] for event in ear.documents("kiln/2/event/input") if event["phase"] == "start"]
    assert began == [alarm.id for alarm in alarms]  # on a slow machine the first are quiet, and over, before the last


def test_a_client_with_a_certificate(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], certificates: Path
) -> None:
    broker = mosquitto(*lines_for_tls(certificates, "require_certificate true"))
    files = {name: str(certificates / f"client.{end}") for name, end in (("cert", "crt"), ("key", "key"))}
    host = make_host(broker.port, tls={"ca": str(certificates / "ca.crt"), **files})
    host.add("kiln")
    seen(host, listen(broker.port, tls_set=(str(certificates / "ca.crt"), files["cert"], files["key"])))


def test_a_broker_nobody_vouches_for_is_not_trusted(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], certificates: Path,
    wait_for: Wait, caplog: pytest.LogCaptureFixture, secret: str,
) -> None:  # fmt: skip
    broker = mosquitto(*lines_for_tls(certificates))
    host = make_host(broker.port, tls={}, username=USER, password=secret)
    host.add("kiln")
    host.start()
    wait_for(lambda: "its certificate is not trusted" in caplog.text)
    host.close()
    unwise = make_host(broker.port, tls={"verify": False})
    unwise.add("kiln")
    ear = listen(broker.port, tls_set=(None, None, None, ssl.CERT_NONE), tls_insecure_set=(True,))
    seen(unwise, ear)


def test_a_wrong_name_in_the_certificate(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], certificates: Path, wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broker = mosquitto(*lines_for_tls(certificates))
    host = make_host(broker.port, host="localhost", tls={"ca": str(certificates / "ca.crt")})
    host.add("kiln")
    host.start()
    wait_for(lambda: "its certificate is not trusted" in caplog.text)


def test_tls_to_a_broker_without_it(
    mosquitto: Callable[..., Mosquitto],
    make_host: Callable[..., Host],
    wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = mosquitto()
    host = make_host(broker.port, tls={})
    host.add("kiln")
    host.start()
    wait_for(lambda: "is away" in caplog.text)


def test_a_broker_that_is_started_again(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], wait_for: Wait
) -> None:
    broker = mosquitto(start=False)
    host = make_host(broker.port)
    camera = host.add("kiln")
    host.start()
    camera.tell(ONLINE)
    alarms = [InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number) for number in range(1, 31)]
    for alarm in alarms:
        camera.tell(alarm)
    for _ in range(2):
        broker.start()
        ear = listen(broker.port)
        ear.expect("bridge/state", lambda value: value == "online")
        ear.expect_active("kiln/2/alarm/input", False)
        ear.expect("kiln/state", lambda value: value == "online")
        broker.stop()
    assert host.mqtt._bridge is not None
    assert host.mqtt._bridge._outbox.waiting == 0


def test_a_killed_host_is_told_offline_by_the_broker(
    mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear], tmp_path: Path
) -> None:
    broker = mosquitto()
    ear = listen(broker.port)
    program = Path(__file__).with_name("crash_host.py")
    arguments = [sys.executable, str(program), str(broker.port), ear.prefix, str(tmp_path), "acknowledged"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ear.expect("bridge/state", lambda value: value == "online")
        process.kill()
    ear.expect("bridge/state", lambda value: value == "offline")


def test_an_event_arrives_within_milliseconds(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear]
) -> None:
    broker = mosquitto()
    host = make_host(broker.port, release_after=60)
    camera = host.add("kiln")
    ear = listen(broker.port)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    times = []
    for number in range(200):
        start = time.perf_counter()
        camera.tell(InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number))
        ear.expect("kiln/2/event/input", lambda value, number=number: value["port"] == number)
        times.append(time.perf_counter() - start)
    assert sorted(times)[len(times) // 2] < 0.02, "half of them; the rest is the machine's other work"


def test_a_broker_with_a_limit_for_messages(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broker = mosquitto("allow_anonymous true", "max_packet_size 90000")
    host = make_host(broker.port)
    camera = host.add("kiln")
    camera.picture = bytes(100_000)
    ear = listen(broker.port)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    wait_for(lambda: "100000 bytes of" in caplog.text, what="the picture is left out")
    camera.tell(fire())
    ear.expect("kiln/2/event/fire")
    ear.expect("bridge/state", lambda value: value == "online")


def test_limits_that_mqtt_5_tells(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], listen: Callable[..., Ear], wait_for: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broker = mosquitto("allow_anonymous true", "max_packet_size 90000", "max_inflight_messages 3")
    host = make_host(broker.port, protocol="5")
    camera = host.add("kiln")
    camera.picture = bytes(100_000)
    ear = listen(broker.port)
    host.start()
    ear.expect("bridge/state", lambda value: value == "online")
    ear.say("kiln/2/snapshot/set", {"id": "x"})
    ear.expect("kiln/2/snapshot/result")
    assert "100000 bytes are more than it allows" in caplog.text
    for number in range(100):
        camera.tell(InputAlarm(camera="kiln", channel=2, raw_type="IO", port=number))
    wait_for(lambda: len(ear.documents("kiln/2/event/input")) >= 100)
    assert ear.payloads("bridge/state") == [b"online"], "the connection stood"


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_user_who_may_not_write(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], tmp_path: Path, wait_for: Wait, protocol: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    acl = tmp_path / "acl"
    acl.write_text("topic read nothing\n")
    broker = mosquitto("allow_anonymous true", f"acl_file {acl}")
    host = make_host(broker.port, protocol=protocol)
    host.add("kiln")
    host.start()
    if protocol == "5":
        wait_for(lambda: "does not take messages on" in caplog.text)
        told = [record.getMessage() for record in caplog.records if "does not take" in record.getMessage()]
        assert len(told) == len(set(told)), "once for each topic"
    else:
        wait_for(lambda: "connected to the broker" in caplog.text)  # 3.1.1 has no word for it
    host.close()


def test_two_clients_with_one_name(
    mosquitto: Callable[..., Mosquitto], make_host: Callable[..., Host], wait_for: Wait, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    broker = mosquitto()
    for number in range(2):
        make_host(broker.port, client_id="twin", outbox={"path": str(tmp_path / f"{number}.db")}).start()
    wait_for(lambda: "does another bridge with the same prefix, or client, call itself twin?" in caplog.text)
