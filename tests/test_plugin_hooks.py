"""The driver's hooks: each answers for its own cameras only, and touches no network unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from nvr_hooks import (
    CONTRACT_VERSION,
    BadAnswer,
    CameraInfo,
    ConfigError,
    Event,
    FireAlarm,
    FrameOptions,
    MeasureOptions,
    MotionAlarm,
    PointAt,
    Rules,
    SnapshotOptions,
    hookimpl,
)
from nvr_hooks.loading import Plugins
from typer.testing import CliRunner

from hik_thermal_plugin.plugin import HikThermal, plugin

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRE = b"""<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert>
<ipAddress>192.0.2.10</ipAddress>
<channelID>2</channelID>
<dateTime>2026-03-01T12:00:00+01:00</dateTime>
<activePostCount>1</activePostCount>
<eventType>fireDetection</eventType>
<eventState>active</eventState>
<eventDescription>fireDetection alarm</eventDescription>
<DetectionRegionList><DetectionRegionEntry><regionID>1</regionID><FireDetection>
<temperatureUnit>celsius</temperatureUnit><fireMaxTemperature>310</fireMaxTemperature><targetDistance>40</targetDistance>
</FireDetection></DetectionRegionEntry></DetectionRegionList>
</EventNotificationAlert>
"""
HEARTBEAT = FIRE.replace(b"fireDetection</eventType>", b"videoloss</eventType>").replace(b">active<", b">inactive<")


@pytest.fixture
def driver() -> Iterator[HikThermal]:
    """Return a driver of its own."""
    driver = HikThermal()
    yield driver
    driver.nvr_close()


@pytest.fixture
def hook(driver: HikThermal) -> Any:
    """Return the relay of a host with only the driver."""
    plugins = Plugins()
    plugins.add("hik_thermal", driver)
    return plugins.hook


@pytest.fixture
def config(secret: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return `config(name, …)`: a configuration with cameras of these names, at addresses nobody may touch."""

    def make(*names: str) -> dict[str, Any]:
        cameras = {name: {"url": "http://192.0.2.10", "username": "admin", "password": secret} for name in names}
        return {"hik_thermal": {"cameras": cameras}, "state_dir": str(tmp_path / "state"), "mqtt": {"host": "other's"}}

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that opens a connection."""

    def refuse(*arguments: object, **named: object) -> None:
        pytest.fail("a hook that must not touch the network did")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_nvr_cameras_lists_the_configured_ones_without_touching_the_network(
    hook: Any, config: Callable[..., dict[str, Any]]
) -> None:
    hook.nvr_configure(config=config("kiln", "oven"))

    [cameras] = hook.nvr_cameras()

    assert [(info.name, info.url, info.state) for info in cameras] == [
        ("kiln", "http://192.0.2.10", "starting"),
        ("oven", "http://192.0.2.10", "starting"),
    ]
    assert all(isinstance(info, CameraInfo) and info.model is None and info.channels is None for info in cameras)


@pytest.mark.usefixtures("no_network")
def test_nvr_configure_replaces_the_cameras(hook: Any, config: Callable[..., dict[str, Any]]) -> None:
    hook.nvr_configure(config=config("kiln", "oven"))
    hook.nvr_configure(config=config("oven", "roof"))

    assert [info.name for info in hook.nvr_cameras()[0]] == ["oven", "roof"]


def test_nvr_configure_tells_every_mistake_and_keeps_what_was(
    hook: Any, config: Callable[..., dict[str, Any]], secret: str
) -> None:
    hook.nvr_configure(config=config("kiln"))
    wrong = config("kiln")
    wrong["hik_thermal"]["cameras"]["kiln"] |= {"url": "ftp://192.0.2.10", "usrname": "admin"}

    with pytest.raises(ConfigError) as caught:
        hook.nvr_configure(config=wrong)

    paths = {mistake.path for mistake in caught.value.mistakes}
    assert paths == {"hik_thermal.cameras.kiln.url", "hik_thermal.cameras.kiln.usrname"}
    assert secret not in str(caught.value)
    assert [info.name for info in hook.nvr_cameras()[0]] == ["kiln"]


@pytest.mark.usefixtures("no_network")
def test_nvr_start_of_a_driver_waits_for_the_first_subscriber(hook: Any, config: Callable[..., dict[str, Any]]) -> None:
    hook.nvr_configure(config=config("kiln"))
    hook.nvr_start(hooks=hook)

    assert [health.events for health in hook.nvr_health(camera="kiln") or ()] in ([], [0])


@pytest.mark.usefixtures("no_network")
def test_hooks_that_are_built_answer_none_for_other_cameras(hook: Any, config: Callable[..., dict[str, Any]]) -> None:
    for _ in range(2):
        assert hook.nvr_snapshot(camera="nobody", channel=None, options=SnapshotOptions()) is None
        assert hook.nvr_stream_url(camera="nobody", channel=None, profile="main") is None
        assert hook.nvr_listen(camera="nobody", sink=print) is None
        assert hook.nvr_capture(camera="nobody", target=Path("answers")) is None
        assert hook.nvr_diagnose(camera="nobody") is None
        assert hook.nvr_health(camera="nobody") is None
        assert hook.nvr_watch(camera="nobody", sink=print) is None
        assert hook.nvr_thermal_frame(camera="nobody", channel=None, options=FrameOptions()) is None
        where = PointAt(at=(0.5, 0.5))
        assert hook.nvr_measure(camera="nobody", channel=None, where=where, options=MeasureOptions()) is None
        assert hook.nvr_rules(camera="nobody", channel=None) is None
        rules = Rules(channel=2, document={})
        assert hook.nvr_apply_rules(camera="nobody", channel=None, rules=rules, dry_run=False) is None
        hook.nvr_configure(config=config("kiln"))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("url", ["rtsp://192.0.2.10", "onvif:192.0.2.10", "/dev/video0"])
def test_nvr_probe_is_not_for_other_addresses(hook: Any, url: str) -> None:
    assert hook.nvr_probe(url=url, username="admin", password="") is None


def test_nvr_decode_tells_the_events_of_a_document(hook: Any) -> None:
    events: list[Event] = list(hook.nvr_decode(data=FIRE))

    assert events == [
        FireAlarm(
            channel=2,
            at=NOON.replace(hour=11),
            raw_type="fireDetection",
            description="fireDetection alarm",
            celsius=310.0,
            distance_m=40.0,
            unit_reported="celsius",
            targets=events[0].targets,  # type: ignore[attr-defined]
        )
    ]


def test_nvr_decode_of_heartbeats_broken_and_foreign_bytes(hook: Any) -> None:
    assert list(hook.nvr_decode(data=HEARTBEAT)) == []
    with pytest.raises(BadAnswer):
        hook.nvr_decode(data=FIRE[:300])
    assert hook.nvr_decode(data=b"\x89PNG\r\n\x1a\n") is None


def test_nvr_decode_of_a_captured_stream(hook: Any) -> None:
    def part(document: bytes) -> bytes:
        head = b'--boundary\r\nContent-Type: application/xml; charset="UTF-8"\r\nContent-Length: %d\r\n\r\n'
        return head % len(document) + document

    motion = FIRE.replace(b"fireDetection</eventType>", b"VMD</eventType>")

    events = hook.nvr_decode(data=part(HEARTBEAT) + part(FIRE) + part(motion))

    assert [type(event) for event in events] == [FireAlarm, MotionAlarm]


def test_nvr_config_schema_describes_what_is_accepted(hook: Any, config: Callable[..., dict[str, Any]]) -> None:
    [(key, schema)] = hook.nvr_config_schema()

    assert key == "hik_thermal"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(config("kiln")["hik_thermal"], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"cameras": {"kiln": {"url": "http://192.0.2.10", "colour": "red"}}}, schema)


def test_nvr_commands_of_a_plugin_are_found_on_the_command_line(hook: Any) -> None:
    class Greeter:
        @hookimpl
        def nvr_commands(self, cli: typer.Typer) -> None:
            @cli.command()
            def greet(name: str) -> None:
                typer.echo(f"hello {name}")

            @cli.command()
            def other() -> None: ...

    plugins = Plugins()
    plugins.add("greeter", Greeter())
    plugins.add("driver, which has none", HikThermal())
    cli = typer.Typer()

    plugins.hook.nvr_commands(cli=cli)
    done = CliRunner().invoke(cli, ["greet", "kiln"])

    assert (done.exit_code, done.output) == (0, "hello kiln\n")


def test_nvr_close_may_be_called_twice_and_before_anything(hook: Any, config: Callable[..., dict[str, Any]]) -> None:
    hook.nvr_close()
    hook.nvr_configure(config=config("kiln"))
    hook.nvr_close()
    hook.nvr_close()

    assert [list(cameras) for cameras in hook.nvr_cameras()] == [[]]


def test_the_entry_point_is_an_instance_with_the_contract() -> None:
    assert isinstance(plugin, HikThermal)
    assert plugin.nvr_contract == CONTRACT_VERSION
