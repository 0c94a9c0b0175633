"""Everything over IPv6: camera, RTSP, broker, listener, metrics; addresses are printed as URLs have them."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from hik_thermal_plugin.wire.http_hosts import OUR_FOLDER

WaitFor = Callable[..., None]
pytestmark = pytest.mark.integration


def free_port() -> int:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def kiln(hik_simulator: Any, secret: str) -> Any:
    try:
        free_port()
    except OSError:
        pytest.skip("this machine has no IPv6")
    return hik_simulator(password=secret, heartbeat=1.0, host="::1", rtsp_port=0)


def test_a_site_of_ipv6_alone(
    kiln: Any, service: Any, mosquitto: Any, listen: Any, wait_for: WaitFor, secret: str
) -> None:
    broker, metrics, door = free_port(), free_port(), free_port()
    mosquitto(f"listener {broker} ::1", "allow_anonymous true")
    rtsp_port = int(kiln.rtsp.rpartition(":")[2])
    service.configure(
        {
            "kiln": {
                "url": kiln.http,
                "rtsp_port": rtsp_port,
                "metadata": {"enable": True},
                "sources": ["alert_stream", "realtime", "metadata", "push"],
            }
        }
    )
    path = service.folder / "config.yaml"
    document = yaml.safe_load(path.read_text())
    document["mqtt"] |= {"host": "[::1]", "port": broker}
    document |= {"metrics": {"bind": "::1", "port": metrics}}
    document["hik_thermal"] |= {"listener": {"bind": "::1", "port": door}}
    path.write_text(yaml.safe_dump(document))
    assert kiln.http.startswith("http://[::1]:")
    service.start()
    heard = listen(broker, host="::1")
    wait_for(lambda: heard.last("kiln/state") == "online")
    wait_for(lambda: any("/temperature/" in topic for topic, _ in heard.messages))
    wait_for(lambda: (heard.last("kiln/source/metadata") or {}).get("state") == "online")
    kiln.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])
    wait_for(lambda: heard.of("kiln/2/event/fire"))

    def health() -> Any:
        with urllib.request.urlopen(f"http://[::1]:{metrics}/healthz", timeout=5) as answer:
            return json.load(answer)

    wait_for(lambda: health()["ok"])
    log = service.log.read_text()
    assert f"metrics and health on http://[::1]:{metrics}" in log
    assert f"connected to the broker [::1]:{broker}" in log

    urls = service.ask("urls", "kiln", "--json")
    assert f"rtsp://[::1]:{rtsp_port}/" in urls.stdout, urls.stderr
    for command in (
        ("snapshot", "kiln", "-o", str(service.folder / "picture.jpg")),
        ("record", "kiln", "-o", str(service.folder / "clip.mp4"), "--seconds", "2"),
        ("search", "kiln", "--json", "--start", "2026-01-01T00:00:00Z", "--end", "2040-01-01T00:00:00Z"),
        ("doctor", "kiln"),
    ):
        done = service.ask(*command)
        assert done.returncode == 0 or command[0] == "doctor", (command, done.stderr)
        assert "Traceback" not in done.stderr
    assert f"http://[::1]:{kiln.http.rpartition(':')[2]}" in service.ask("cameras").stdout
    [word] = (file.read_text().strip() for file in (service.folder / "state").glob("push-*.path"))
    alarm = f"<EventNotificationAlert><channelID>2</channelID><dateTime>{datetime.now(UTC):%FT%TZ}</dateTime>"
    alarm += "<eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"
    push = urllib.request.Request(
        f"http://[::1]:{door}{OUR_FOLDER}{word}", alarm.encode(), {"Content-Type": "application/xml"}
    )
    with urllib.request.urlopen(push, timeout=5) as answer:
        assert answer.status == 200
    wait_for(lambda: [event for event in heard.of("kiln/2/event/motion") if event["source"] == "push"])
    service.environ["HIK_THERMAL_PASSWORD"] = secret
    probed = service.ask("probe", kiln.http, "--username", "admin", "--json")
    assert probed.returncode == 0, probed.stderr
    assert service.stop() == 0
