"""The running service on days that come once in years: its clock is set, the broker's certificate expires, the camera is another one."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from soak import clock
from soak.clock import WallClock

WaitFor = Callable[..., None]
pytestmark = pytest.mark.integration
FIRE, EVENT = "kiln/2/alarm/fire", "kiln/2/event/fire"


def burn(camera: Any, celsius: float = 350) -> None:
    camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": celsius}}])


def change(service: Any, act: Callable[[dict[str, Any]], object]) -> None:
    path = service.folder / "config.yaml"
    document = yaml.safe_load(path.read_text())
    act(document)
    path.write_text(yaml.safe_dump(document))


def written_down(service: Any, topic: str) -> bool:
    """Tell whether an event of this topic is in the service's outbox, whose file nobody else may open as a database."""
    return any(topic.encode() in path.read_bytes() for path in (service.folder / "state").glob("mqtt-outbox-*.db*"))


@pytest.fixture
def kiln(service: Any, hik_simulator: Any, secret: str) -> Any:
    camera = hik_simulator(password=secret, heartbeat=1.0)
    service.configure({"kiln": {"url": camera.http}}, release_after=2)
    return camera


# -- the clock of this machine -----------------------------------------------------------------------------------------


class HostClock:
    """The clock that the service's processes see, set as often as wanted; their uptime goes on."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        if not shutil.which("cc") and not shutil.which("gcc"):
            pytest.skip("there is no C compiler (Debian: gcc, libc6-dev)")
        self._clock = WallClock(folder / "clock")
        environ |= {"LD_PRELOAD": str(clock.build(folder)), **self._clock.environment}

    def set(self, ahead: str) -> None:
        """Set it ahead of the true time (`+365d`), or back."""
        self._clock.set(int(ahead.removesuffix("d")) * 86400)


@pytest.fixture
def host_clock(tmp_path: Path, service: Any) -> HostClock:
    return HostClock(tmp_path, service.environ)


@pytest.mark.parametrize("jump", ["-1d", "+365d"])
def test_the_hosts_clock_is_set_while_all_goes_on(
    kiln: Any, host_clock: HostClock, service: Any, subscriber: Any, wait_for: WaitFor, jump: str
) -> None:
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    wait_for(lambda: subscriber.of("kiln/2/temperature/2"))
    burn(kiln)
    wait_for(lambda: (subscriber.last(FIRE) or {}).get("active") is True)
    before = len(subscriber.messages)
    host_clock.set(jump)
    # Late judgement, life cycle and release go on as if nothing was.
    kiln.apply([{"extinguish": {}}])
    wait_for(lambda: subscriber.last(FIRE)["active"] is False)
    burn(kiln)
    wait_for(lambda: len(subscriber.of(EVENT)) >= 3)
    assert [event["phase"] for event in subscriber.of(EVENT)][:3] == ["start", "end", "start"]
    assert not any(event["late"] for event in subscriber.of(EVENT))
    arrived = [datetime.fromisoformat(event["received_at"]) for event in subscriber.of(EVENT)]
    assert abs(arrived[2] - arrived[0] - timedelta(days=int(jump[:-1]))) < timedelta(minutes=5)
    # A camera that is away meanwhile comes back in seconds, and the gap is told as long as it was.
    kiln.apply([{"fault": {"kind": "reboot", "seconds": 2}}])
    wait_for(lambda: subscriber.last("kiln/state") == "offline")
    host_clock.set("+0d")
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    wait_for(lambda: subscriber.of("kiln/gap"), seconds=30)
    lost_at, back_at = (datetime.fromisoformat(subscriber.last("kiln/gap")[name]) for name in ("lost_at", "back_at"))
    assert timedelta(0) < back_at - lost_at < timedelta(minutes=5)
    told = subscriber.messages[before:]
    assert [payload for topic, payload in told if "/temperature/" in topic and payload in ("", None)] == []
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("jump", ["-1d", "+365d"])
def test_a_locked_account_waits_as_long_as_it_should_whatever_the_clock_says(
    service: Any, hik_simulator: Any, host_clock: HostClock, subscriber: Any, wait_for: WaitFor, jump: str
) -> None:
    camera = hik_simulator(password="another")
    service.configure({"kiln": {"url": camera.http, "auth_retry": 3600}})
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "auth_blocked")
    host_clock.set(jump)
    assert service.ask("snapshot", "kiln", "-o", str(service.folder / "picture.jpg")).returncode == 4
    service.stop()
    service.start()
    wait_for(lambda: subscriber.of("kiln/state").count("auth_blocked") >= 2)
    assert service.ask("snapshot", "kiln", "-o", str(service.folder / "picture.jpg")).returncode == 4
    assert camera.state()["logins"]["refused"] == 2


@pytest.mark.parametrize("jump", ["-1d", "+365d"])
def test_alarms_that_wait_survive_a_clock_that_is_set(
    hik_simulator: Any, mosquitto: Any, host_clock: HostClock, service: Any, wait_for: WaitFor, secret: str, jump: str,
    listen: Any,
) -> None:  # fmt: skip
    camera, broker = hik_simulator(password=secret, heartbeat=1.0), mosquitto("allow_anonymous true")
    service.broker = broker.port
    service.configure({"kiln": {"url": camera.http}})
    service.start()
    wait_for(lambda: "connected to the broker" in service.log.read_text())
    broker.stop()
    wait_for(lambda: "is away" in service.log.read_text())
    burn(camera)
    wait_for(lambda: written_down(service, EVENT))
    host_clock.set(jump)
    service.stop()
    service.start()
    broker.start()
    heard = listen(broker.port)
    wait_for(lambda: heard.of(EVENT))
    assert "dropped" not in service.log.read_text()


# -- the broker ----------------------------------------------------------------------------------------------------------


class Authority:
    """Makes certificates for a broker at 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subject = ("-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt", "-days", "900")
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject)
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "csr", "-subj", "/CN=broker")
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1")

    def certify(self, ahead: str) -> None:
        """Make the broker's certificate, for two days from this time on."""
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext", "-days", "2")
        self._run("x509", "-req", "-in", "csr", *signed, "-out", "crt", ahead=ahead)

    def _run(self, *arguments: str, ahead: str = "-300d") -> None:
        command = ("faketime", "-f", ahead, "openssl", *arguments)
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=30)


@pytest.mark.parametrize(
    ("ahead", "why"), [("-10d", "certificate has expired"), ("+10d", "certificate is not yet valid")]
)
def test_a_brokers_certificate_that_is_out_of_date_is_named_and_costs_no_alarm(
    hik_simulator: Any, mosquitto: Any, service: Any, wait_for: WaitFor, secret: str, tmp_path: Path, listen: Any,
    ahead: str, why: str,
) -> None:  # fmt: skip
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed (Debian: faketime)")
    authority = Authority(tmp_path / "tls")
    authority.certify("-1d")
    files = [f"{word} {authority.folder / name}" for word, name in (("certfile", "crt"), ("keyfile", "key"))]
    camera, broker = hik_simulator(password=secret, heartbeat=1.0), mosquitto("allow_anonymous true", *files)
    ca = str(authority.folder / "ca.crt")
    service.broker = broker.port
    service.configure({"kiln": {"url": camera.http}}, tls={"ca": ca})
    service.start()
    wait_for(lambda: "connected to the broker" in service.log.read_text())
    broker.stop()
    authority.certify(ahead)
    broker.start()
    said = f"the broker 127.0.0.1:{broker.port} is away (its certificate is not trusted: {why} by this machine's clock,"
    wait_for(lambda: said in service.log.read_text())
    burn(camera)
    wait_for(lambda: written_down(service, EVENT))
    assert why in service.ask("doctor").stdout
    began, tried = time.monotonic(), broker.log.read_text().count("New connection")
    wait_for(lambda: time.monotonic() - began > 5)
    assert broker.log.read_text().count("New connection") - tried <= 5, "it waits longer and longer"
    assert service.log.read_text().count("its certificate is not trusted") == 1
    broker.stop()
    authority.certify("-1d")
    broker.start()
    heard = listen(broker.port, tls_set=(ca,))
    wait_for(lambda: heard.of(EVENT), seconds=60)
    assert heard.of(EVENT)[0]["phase"] == "start"


# -- the camera ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is down"])
def test_a_camera_that_is_replaced_by_another_model_under_the_same_name(
    service: Any, hik_simulator: Any, subscriber: Any, wait_for: WaitFor, secret: str, running: bool
) -> None:
    old = hik_simulator(password=secret, heartbeat=1.0)
    service.configure(
        {"kiln": {"url": old.http, "virtual_rules": {"hot": {"type": "threshold", "rule": 2, "alarm": 80.0}}}},
        home_assistant={"discovery": True, "prefix": "hik_thermal/ha"},
    )
    service.start()
    wait_for(lambda: subscriber.last("kiln/state") == "online")
    wait_for(lambda: subscriber.last("kiln/2/temperature/2"))
    burn(old)
    old.apply([{"temperature": {"rule": 2, "celsius": 120}}])
    wait_for(lambda: (subscriber.last(FIRE) or {}).get("active") is True)
    wait_for(lambda: [topic for topic, _ in subscriber.messages if topic.startswith("ha/device/")])
    first = subscriber.last("kiln/info")
    announced = {topic for topic, _ in subscriber.messages if topic.startswith("ha/device/")}
    if not running:
        service.stop()
    before = len(subscriber.messages)
    port = int(old.http.rpartition(":")[2])
    old.close()
    new = hik_simulator(model="bullet", password=secret, heartbeat=1.0, http_port=port)
    if not running:
        service.start()
    wait_for(lambda: (subscriber.last("kiln/info") or {}).get("serial") not in (None, first["serial"]), seconds=60)
    wait_for(lambda: [topic for topic, _ in subscriber.messages[before:] if topic.startswith("kiln/1/temperature/")])
    retained = {topic: payload for topic, payload in subscriber.messages if "/event/" not in topic}
    assert [topic for topic, payload in retained.items() if topic.startswith("kiln/2/") and payload != ""] == []
    assert {payload["active"] for topic, payload in subscriber.messages[before:] if topic == FIRE and payload} <= {None}
    wait_for(lambda: all(subscriber.last(topic) == "" for topic in announced), what="the old device at Home Assistant")
    wait_for(
        lambda: [t for t, p in subscriber.messages[before:] if t.startswith("ha/device/") and t not in announced and p]
    )
    burn(new)
    wait_for(lambda: (subscriber.last("kiln/1/alarm/fire") or {}).get("active") is True)
    assert subscriber.of("kiln/1/event/fire")[0]["phase"] == "start"
    wait_for(lambda: subscriber.of("kiln/gap"), seconds=40)
    said = f"another camera answers under this name: {subscriber.last('kiln/info')['model']} "
    assert (said in service.log.read_text()) is running
    assert first["model"] not in service.ask("doctor", "kiln").stdout
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
