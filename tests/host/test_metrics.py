"""Figures and health over HTTP: what the page promises, what a source that is away does to it, and who is kept out."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    CONTRACT_VERSION,
    CameraInfo,
    ConnectionChanged,
    Delays,
    FireAlarm,
    Health,
    NvrError,
    TemperatureReading,
    hookimpl,
    now,
)
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera
from prometheus_client.parser import text_string_to_metric_families

from hik_thermal_plugin.host import metrics, service_settings, web
from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.host.pulse import Pulse, Reloads
from hik_thermal_plugin.host.service_settings import MetricsSettings

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
WaitFor = Callable[..., None]


class Kiln(FakeCamera):
    """A camera whose sources do as the test says."""

    def __init__(self) -> None:
        super().__init__("kiln")
        self.sources: dict[str, str] = {"alert_stream": "online", "realtime": "online"}

    @hookimpl
    def nvr_cameras(self) -> list[CameraInfo]:
        return [self.info]

    @hookimpl
    def nvr_health(self, camera: str) -> list[Health] | None:
        if camera != "kiln":
            return None
        health = Health(
            camera="kiln", source="", state="online", since=now(), reconnects=3, last_error="kiln: no route"
        )
        return [replace(health, source=source, state=state) for source, state in self.sources.items()]  # type: ignore[arg-type]


class Site:
    """A host with one camera, its pulse, and the listener."""

    def __init__(self) -> None:
        plugins = Plugins()
        self.kiln = Kiln()
        plugins.add("kiln", self.kiln)
        self.host = Host(plugins)
        self.host.configure({})
        self.reloads = Reloads()
        self.pulse = Pulse(self.host, temperatures=True)
        figures = metrics.Figures(self.pulse, self.reloads)
        self.web = web.Web(
            MetricsSettings(port=0),
            {
                "/metrics": lambda: (200, metrics.CONTENT_TYPE, figures.text()),
                "/healthz": lambda: web.health_page(self.pulse, lambda: dict(self.host.broken), self.reloads),
            },
        )

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.web.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            with err:
                return err.code, err.read().decode()

    def values(self) -> dict[tuple[str, str], float]:
        """Return the figures by name and label values, the latter by the names of their labels."""
        return {
            (sample.name, "/".join(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
        }

    def close(self) -> None:
        self.web.close()
        self.pulse.close()
        self.host.close()


@pytest.fixture
def site(wait_for: WaitFor) -> Iterator[Site]:
    made = Site()
    wait_for(lambda: made.kiln.listeners and made.kiln.watchers)
    yield made
    made.close()


def test_the_page_lists_exactly_what_is_told() -> None:
    rows = re.findall(r"^\| `(hikthermal_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text("utf-8"), re.M)
    told = [
        (family.name, family.kind, ", ".join(f"`{label}`" for label in family.labels), family.help)
        for family in metrics.FAMILIES
    ]

    assert [(name, kind, labels.strip(), text.strip()) for name, kind, labels, text in rows] == told


def test_every_family_is_told_under_its_promised_name(site: Site) -> None:
    families = {family.name: family.type for family in text_string_to_metric_families(site.get("/metrics")[1])}

    for family in metrics.FAMILIES:
        assert families[family.name.removesuffix("_total")] == family.kind, family.name
    assert "process_open_fds" in families


def test_the_bridges_delays_are_a_histogram(site: Site) -> None:
    assert ("hikthermal_mqtt_connected", "") not in site.values(), "there is no bridge"

    class Bridge:
        nvr_contract = CONTRACT_VERSION

        @hookimpl
        def nvr_health(self, camera: str) -> list[Health] | None:
            delays = Delays(bounds=(0.01, 0.5), counts=(3, 1, 2), seconds=9.25)
            told = Health(camera="", source="mqtt", state="online", since=now(), dropped=7, delays=delays)
            return None if camera else [told]

    site.host.plugins.add("mqtt", Bridge())
    page = site.get("/metrics")[1]
    values = site.values()
    assert values["hikthermal_mqtt_connected", ""] == 1
    assert values["hikthermal_mqtt_dropped_total", ""] == 7
    told = re.findall(r'^hikthermal_mqtt_publish_seconds_(\w+?)(?:\{le="(.+)"\})? ([\d.]+)$', page, re.MULTILINE)
    assert told == [
        ("bucket", "0.01", "3.0"), ("bucket", "0.5", "4.0"), ("bucket", "+Inf", "6.0"), ("count", "", "6.0"), ("sum", "", "9.25"),
    ]  # fmt: skip


def test_figures_follow_the_camera(site: Site, wait_for: WaitFor) -> None:
    site.kiln.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection"))
    site.kiln.tell_reading(TemperatureReading(camera="kiln", channel=2, rule=1, highest_celsius=81.5))
    values = site.values()

    assert values["hikthermal_alarm_events_total", "kiln/fire_alarm"] == 1
    assert values["hikthermal_rule_temperature_celsius", "kiln/2/highest/1"] == 81.5
    assert values["hikthermal_alarm_stream_up", "kiln"] == 1
    assert values["hikthermal_reconnects_total", "kiln/alert_stream"] == 3
    assert values["hikthermal_config_last_reload_successful", ""] == 1
    site.kiln.sources["alert_stream"] = "offline"
    site.kiln.tell_reading(ConnectionChanged(camera="kiln", source="realtime", state="offline"))
    site.reloads.mistakes = ("mqtt.hots: unknown key",)
    values = site.values()
    assert values["hikthermal_alarm_stream_up", "kiln"] == 0
    assert values["hikthermal_config_last_reload_successful", ""] == 0
    assert ("hikthermal_rule_temperature_celsius", "kiln/2/highest/1") not in values, "nobody knows it now"


def test_health_is_red_when_a_source_that_should_be_up_is_not(site: Site) -> None:
    assert site.get("/healthz")[0] == 200
    site.kiln.sources |= {"alert_stream": "auth_blocked"}
    status, text = site.get("/healthz")
    document = json.loads(text)
    assert (status, document["ok"]) == (503, False)
    [down] = document["down"]
    assert down | {"since": 0} == {
        "camera": "kiln", "source": "alert_stream", "state": "auth_blocked", "since": 0, "reason": "kiln: no route",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "down"),
    [
        ({"realtime": "offline", "poll": "online"}, []),  # another one stands in
        ({"realtime": "offline", "poll": "offline"}, ["realtime", "poll"]),
        ({"realtime": "starting"}, ["realtime"]),
        ({"push": "error", "alert_stream": "online"}, ["push"]),
        ({"push": "starting"}, []),  # it listens, and hears nothing until there is an alarm
    ],
)
def test_of_the_sources_of_temperatures_one_is_enough(site: Site, sources: dict[str, str], down: list[str]) -> None:
    site.kiln.sources = sources

    assert [item["source"] for item in json.loads(site.get("/healthz")[1])["down"]] == down


def test_health_is_red_for_a_plugin_that_failed(site: Site) -> None:
    site.host.broken["mqtt"] = "the plugin failed in nvr_start: KeyError"

    status, text = site.get("/healthz")
    assert status == 503
    assert json.loads(text)["plugins"] == {"mqtt": "the plugin failed in nvr_start: KeyError"}


def test_a_new_camera_is_listened_to_and_a_removed_one_forgotten(site: Site, wait_for: WaitFor) -> None:
    class Yard(FakeCamera):
        """Another camera."""

    yard = Yard("yard")
    site.host.plugins.add("yard", yard)
    site.pulse.look_again()
    wait_for(lambda: yard.listeners)
    site.host.plugins.manager.unregister(yard)
    site.pulse.look_again()
    wait_for(lambda: yard.listeners[0].state == "closed")


def test_strangers_get_nothing_else(site: Site) -> None:
    assert site.get("/")[0] == 404
    assert site.get("/metrics", "POST")[0] == 501
    assert site.get("/healthz", "HEAD") == (200, "")
    with pytest.raises(NvrError, match="metrics cannot listen on 127"):
        web.Web(MetricsSettings(port=site.web.port), {})


def test_an_address_that_is_not_allowed_gets_not_a_byte(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web, "THIS_MACHINE", (ip_network("127.0.0.1/32"),))  # 127.0.0.2 and 3 are other machines
    settings = service_settings.metrics({"metrics": {"bind": "127.0.0.1", "port": 0, "allow": ["127.0.0.3/32"]}})
    assert settings is not None
    server = web.Web(settings, {"/healthz": lambda: (200, "text/plain", b"ok")})
    try:
        assert _asked(server.port, "127.0.0.2") == b""
        assert _asked(server.port, "127.0.0.2") == b""
        assert _asked(server.port, "127.0.0.1").startswith(b"HTTP/1.0 200")
        assert _asked(server.port, "127.0.0.3").startswith(b"HTTP/1.0 200")
    finally:
        server.close()
    refused = "metrics: a connection from 127.0.0.2 is refused: metrics.allow does not name its network"
    assert caplog.text.count(refused) == 1


def test_the_machines_own_address_is_no_stranger(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web, "THIS_MACHINE", ())
    server = web.Web(MetricsSettings(bind="127.0.0.1", port=0), {"/healthz": lambda: (200, "text/plain", b"ok")})
    try:
        assert _asked(server.port, "127.0.0.1").startswith(b"HTTP/1.0 200")
        assert _asked(server.port, "127.0.0.2") == b""
    finally:
        server.close()
    assert "metrics: bind is 127.0.0.1, but allow names nobody: only this machine itself is answered" in caplog.text


def _asked(port: int, address: str) -> bytes:
    """Ask for the health from an address; return what is answered, nothing where it was hung up on."""
    with socket.create_connection(("127.0.0.1", port), 5, source_address=(address, 0)) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        try:
            return client.recv(4096)
        except ConnectionError:
            return b""


@pytest.mark.slow
def test_those_who_never_ask_keep_nobody_out_for_long(
    site: Site, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
) -> None:
    silent = [socket.create_connection(("127.0.0.1", site.web.port)) for _ in range(web.MOST + 3)]
    try:
        for _ in range(3):  # those beyond the bound are hung up on
            wait_for(lambda: any(_ended(client) for client in silent))
    finally:
        for client in silent:
            client.close()
    wait_for(lambda: _answers(site))


def _ended(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _answers(site: Site) -> bool:
    try:
        return site.get("/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.integration
def test_prometheus_own_tool_and_curl_like_it(site: Site) -> None:
    tools = {name: shutil.which(name) for name in ("promtool", "curl")}
    if missing := [name for name, path in tools.items() if path is None]:
        pytest.skip(f"{missing} not installed (Debian: prometheus, curl)")
    site.kiln.tell(FireAlarm(camera="kiln", channel=2, raw_type="fireDetection"))
    address = f"http://127.0.0.1:{site.web.port}"
    fetched = subprocess.run(["curl", "-sf", f"{address}/metrics"], capture_output=True, timeout=30, check=True)
    judged = subprocess.run(
        ["promtool", "check", "metrics"], input=fetched.stdout, capture_output=True, timeout=30, check=False
    )
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, b"")
    site.kiln.sources["alert_stream"] = "offline"
    refused: Any = subprocess.run(["curl", "-sf", f"{address}/healthz"], capture_output=True, timeout=30, check=False)
    assert refused.returncode == 22, "what a container's health check and a monitor look at"
