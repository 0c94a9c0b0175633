"""The bridge's own findings: is the broker there, does it let us in, may we write, is Home Assistant told?"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from bridge_stage import Amqtt, Mosquitto
from gate import free_port
from nvr_hooks import Finding

from hik_thermal_plugin.bridge.plugin import MqttPlugin

USER = "bridge"


def diagnose(port: int, **section: Any) -> list[Finding]:
    """Return what the plugin finds wrong with the broker at this port."""
    plugin = MqttPlugin()
    plugin.nvr_configure({"mqtt": {"host": "127.0.0.1", "port": port, "prefix": "site", **section}})
    return list(plugin.nvr_diagnose("") or ())


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def retain(port: int, **topics: bytes) -> None:
    """Leave messages on the broker, `bridge__state` on bridge/state."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in topics.items():
        client.publish(topic.replace("__", "/"), payload, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def test_nvr_diagnose_of_the_bridge_says_nothing_of_cameras_and_nothing_without_a_section() -> None:
    plugin = MqttPlugin()
    plugin.nvr_configure({})
    assert plugin.nvr_diagnose("") is None
    plugin.nvr_configure({"mqtt": {"host": "127.0.0.1", "port": 9}})
    assert plugin.nvr_diagnose("kiln") is None


def test_a_broker_that_is_not_there_is_named_with_the_cause(secret: str) -> None:
    port = free_port()
    [finding] = diagnose(port, username=USER, password=secret)

    assert (finding.camera, finding.severity, finding.code) == ("", "error", "broker_unreachable")
    assert finding.what == f"the broker 127.0.0.1:{port} cannot be reached: Connection refused"
    assert "host, port and tls" in finding.mend


def test_what_ends_every_connection_is_no_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def hang_up() -> None:
            for _ in range(2):
                server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        findings = diagnose(server.getsockname()[1])
        thread.join()

    assert codes(findings) == ["broker_unreachable"]
    assert "does not answer as MQTT" in findings[0].what


@pytest.mark.integration
def test_a_good_broker_is_told_nothing_of(mosquitto: Callable[..., Mosquitto]) -> None:
    port = mosquitto().port

    assert diagnose(port) == []
    assert diagnose(port, home_assistant={"discovery": True}) == []  # no bridge has been there yet


@pytest.mark.integration
def test_a_broker_of_mqtt_3_alone_is_believed() -> None:
    broker = Amqtt()
    broker.start()
    try:
        assert diagnose(broker.port) == []
    finally:
        broker.stop()


@pytest.mark.integration
def test_a_bridge_that_is_gone_is_a_fact_and_one_that_announces_nothing_a_fault(
    mosquitto: Callable[..., Mosquitto],
) -> None:
    port = mosquitto().port
    retain(port, site__bridge__state=b"offline")
    [finding] = diagnose(port)
    assert (finding.code, finding.severity) == ("bridge_offline", "info")

    retain(port, site__bridge__state=b"online")
    assert codes(diagnose(port, home_assistant={"discovery": True})) == ["not_announced"]
    retain(port, homeassistant__device__x__config=b'{"availability": [{"topic": "site/bridge/state"}]}')
    assert diagnose(port, home_assistant={"discovery": True}) == []


@pytest.mark.integration
def test_a_login_and_an_access_list(mosquitto: Callable[..., Mosquitto], tmp_path: Path, secret: str) -> None:
    program = shutil.which("mosquitto_passwd")
    assert program is not None
    subprocess.run([program, "-b", "-c", str(tmp_path / "pw"), USER, secret], check=True, capture_output=True)
    (tmp_path / "acl").write_text(f"user {USER}\ntopic write site/#\ntopic read site/+/+/+/set\n")
    port = mosquitto("allow_anonymous false", f"password_file {tmp_path}/pw", f"acl_file {tmp_path}/acl").port

    assert codes(diagnose(port)) == ["broker_refused"]
    assert codes(diagnose(port, username=USER, password="wrong")) == ["broker_refused"]
    assert diagnose(port, username=USER, password=secret) == []
    [finding] = diagnose(port, username=USER, password=secret, prefix="elsewhere")
    assert (finding.code, "elsewhere/bridge/doctor" in finding.what) == ("broker_denied", True)


@pytest.mark.integration
def test_a_certificate_that_is_not_trusted(mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    port = mosquitto("allow_anonymous true", f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem").port

    assert codes(diagnose(port, tls={})) == ["broker_untrusted"]
    assert diagnose(port, tls={"ca": str(tmp_path / "cert.pem")}) == []
