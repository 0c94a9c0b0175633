"""Metadata through the hooks, from a simulated camera: read where it is sent, switched on where that is asked for, and never otherwise."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    ConnectionChanged,
    Event,
    FireAlarm,
    FireTarget,
    OtherMetadata,
    TemperatureReading,
    Unsupported,
)

from hik_thermal_plugin.plugin import HikThermal

WaitFor = Callable[..., None]
SWITCH = "/ISAPI/Streaming/channels/201/metadata"


class Kiln:
    """A simulated camera, and a host that watches it and listens to it."""

    def __init__(self, device: Any, secret: str, folder: Path, wait_for: WaitFor, **settings: Any) -> None:
        self.device = device
        self.wait_for = wait_for
        self.driver = HikThermal()
        self.watched: list[Event] = []
        self.heard: list[Event] = []
        kiln = {
            "url": device.http,
            "username": device.username,
            "password": secret,
            "rtsp_port": int(device.rtsp.rpartition(":")[2]),
            "timeout": 5,
        }
        self.config = {"state_dir": str(folder / "state"), "hik_thermal": {"cameras": {"kiln": kiln | settings}}}
        self.driver.nvr_configure(self.config)

    def watch(self) -> Any:
        return self.driver.nvr_watch("kiln", self.watched.append)

    def listen(self) -> Any:
        return self.driver.nvr_listen("kiln", self.heard.append)

    def states(self, events: list[Event]) -> list[str]:
        return [
            event.state for event in list(events) if isinstance(event, ConnectionChanged) and event.source == "metadata"
        ]

    def online(self, events: list[Event]) -> None:
        self.wait_for(lambda: self.states(events)[-1:] == ["online"], what="metadata online")

    def armed(self) -> None:
        self.wait_for(
            lambda: ConnectionChanged(camera="kiln", source="alert_stream", state="online") in list(self.heard),
            what="the camera armed",
        )

    def fires(self) -> list[FireAlarm]:
        return [event for event in list(self.heard) if isinstance(event, FireAlarm)]

    def writes(self) -> list[str]:
        return [write["path"] for write in self.device.state()["writes"]]


Make = Callable[..., Kiln]
FIRE = {"fire": {"x": 0.5, "y": 0.4, "celsius": 400, "distance_m": 120}}


@pytest.fixture
def make(hik_simulator: Any, secret: str, tmp_path: Path, wait_for: WaitFor) -> Iterator[Make]:
    made: list[Kiln] = []

    def kiln(profile: Any = None, *, settings: dict[str, Any] | None = None, **options: Any) -> Kiln:
        device = hik_simulator(password=secret, rtsp_port=0, metadata=0.1, profile=profile, **options)
        made.append(Kiln(device, secret, tmp_path, wait_for, **(settings or {})))
        return made[-1]

    yield kiln
    for one in made:
        one.driver.nvr_close()


def test_fires_in_metadata_reach_watchers_as_targets_and_listeners_as_alarms(make: Make, wait_for: WaitFor) -> None:
    kiln = make("metadata_on", settings={"sources": ["alert_stream", "metadata"]})
    kiln.watch()
    kiln.listen()
    kiln.online(kiln.watched)
    kiln.device.apply([FIRE])
    wait_for(lambda: any(isinstance(event, FireTarget) for event in list(kiln.watched)), what="a fire target")
    target = next(event for event in list(kiln.watched) if isinstance(event, FireTarget))
    assert (target.camera, target.channel, target.celsius, target.distance_m) == ("kiln", 2, 400.0, 120.0)
    assert target.hottest == (0.5, 0.4)
    assert len(target.region) == 4
    wait_for(lambda: {"metadata", "alert_stream"} <= {fire.source for fire in kiln.fires()}, what="both sources")
    told = kiln.fires()
    assert [fire.phase for fire in told] == ["start"] + ["repeat"] * (len(told) - 1)
    assert {fire.alarm_id for fire in told} == {told[0].id}
    metadata = next(fire for fire in told if fire.source == "metadata")
    assert (metadata.celsius, metadata.distance_m, len(metadata.targets)) == (400.0, 120.0, 1)
    assert {target.id for fire in told for target in fire.targets} == {1}
    assert kiln.writes() == []


def test_who_only_listens_gets_the_fires_of_metadata(make: Make, wait_for: WaitFor) -> None:
    kiln = make("metadata_on")
    subscription = kiln.listen()
    kiln.online(kiln.heard)
    kiln.device.apply([FIRE])
    wait_for(lambda: any(fire.source == "metadata" for fire in kiln.fires()), what="the fire")
    assert kiln.device.state()["open"]["thermometry"] == 0  # nobody watches temperatures
    subscription.close()
    wait_for(lambda: kiln.device.state()["open"]["rtsp"] == 0, what="the session given back")


@pytest.mark.slow
def test_a_lost_metadata_track_is_told_to_who_listens(make: Make, wait_for: WaitFor) -> None:
    kiln = make("metadata_on")
    kiln.listen()
    kiln.online(kiln.heard)
    kiln.device.apply([{"fault": {"kind": "drop"}}])
    wait_for(lambda: "offline" in kiln.states(kiln.heard), what="the loss")
    wait_for(lambda: kiln.states(kiln.heard)[-1:] == ["online"], what="metadata again")
    health = {health.source: health for health in kiln.driver.nvr_health("kiln") or ()}
    assert health["metadata"].reconnects >= 1


def test_temperatures_come_from_metadata_where_the_camera_streams_none(make: Make, wait_for: WaitFor) -> None:
    kiln = make("metadata_on", settings={"temperature": {"source": "metadata"}})
    kiln.watch()
    wait_for(lambda: any(isinstance(event, TemperatureReading) for event in list(kiln.watched)), what="a reading")
    reading = next(event for event in list(kiln.watched) if isinstance(event, TemperatureReading))
    rule = kiln.device.state()["rules"]["2"][str(reading.rule)]
    assert (reading.source, reading.channel) == ("metadata", 2)
    assert reading.highest_celsius == pytest.approx(rule["max"], abs=0.06)
    assert reading.lowest_celsius == pytest.approx(rule["min"], abs=0.06)
    assert (kiln.driver.nvr_cameras()[0].capabilities or {})["metadata"] == "isapi"


def test_metadata_is_switched_on_only_when_that_is_asked_for(make: Make) -> None:
    kiln = make(settings={"metadata": {"enable": True}})
    kiln.watch()
    kiln.online(kiln.watched)
    assert kiln.writes() == [SWITCH]
    before = kiln.device.state()["writes"]
    kiln.driver.nvr_configure({**kiln.config, "hik_thermal": {"cameras": {}}})
    kiln.driver.nvr_configure(kiln.config)
    kiln.watched.clear()
    kiln.watch()
    kiln.online(kiln.watched)
    assert kiln.device.state()["writes"] == before  # it is on


def test_a_camera_without_metadata_is_no_fault_unless_it_was_asked_for(make: Make, wait_for: WaitFor) -> None:
    quiet = make("no_metadata")
    quiet.listen()
    quiet.watch()
    wait_for(lambda: any(isinstance(event, TemperatureReading) for event in list(quiet.watched)), what="a reading")
    wait_for(lambda: quiet.device.state()["requests"].get("DESCRIBE /Streaming/Channels/101"), what="a look")
    assert set(quiet.states(quiet.watched)) <= {"starting"}
    assert quiet.states(quiet.heard) == []
    assert "metadata" not in {health.source for health in quiet.driver.nvr_health("kiln") or ()}
    loud = make("no_metadata", settings={"metadata": {"enable": True}})
    loud.listen()
    wait_for(lambda: loud.states(loud.heard)[-1:] == ["error"], what="the error")
    reason = next(event for event in reversed(loud.heard) if isinstance(event, ConnectionChanged)).reason or ""
    assert "no metadata track: metadata is switched off in the camera" in reason


def test_a_document_nobody_understands_is_left_alone(make: Make, wait_for: WaitFor, caplog: Any) -> None:
    kiln = make("odd_metadata_document", settings={"metadata": {"enable": True}})
    with caplog.at_level(logging.WARNING):
        kiln.listen()
        wait_for(lambda: kiln.states(kiln.heard)[-1:] == ["error"], what="the error")
    assert any("switch it on in the camera's web page" in record.getMessage() for record in caplog.records)
    assert kiln.writes() == []


def test_the_track_of_another_channel_is_found(make: Make, wait_for: WaitFor) -> None:
    kiln = make("metadata_on_first")
    kiln.watch()
    kiln.online(kiln.watched)
    kiln.device.apply([FIRE])
    wait_for(lambda: any(isinstance(event, FireTarget) for event in list(kiln.watched)), what="a fire target")


def test_metadata_in_onvifs_form_is_handed_on_as_it_came(make: Make, wait_for: WaitFor) -> None:
    kiln = make("onvif_metadata")
    kiln.watch()
    wait_for(lambda: any(isinstance(event, OtherMetadata) for event in list(kiln.watched)), what="a document")
    document = next(event for event in list(kiln.watched) if isinstance(event, OtherMetadata))
    assert document.format == "onvif"
    assert b"MetadataStream" in (document.raw or b"")


@pytest.mark.slow
def test_metadata_out_of_reach_is_tried_again_when_the_camera_comes_back(make: Make, wait_for: WaitFor) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        closed = taken.getsockname()[1]
    kiln = make("metadata_on", settings={"rtsp_port": closed})
    kiln.listen()
    kiln.armed()
    camera = kiln.driver._site.camera("kiln")
    assert camera is not None
    wait_for(lambda: camera._temperatures._refused, what="the look in vain")
    assert kiln.states(kiln.heard) == []
    with closing(socket.create_server(("127.0.0.1", closed))) as server:
        kiln.device.apply([{"fault": {"kind": "drop"}}])
        server.settimeout(10)
        knocked, _ = server.accept()
        knocked.close()


def test_without_any_source_there_is_nothing_to_watch(make: Make) -> None:
    kiln = make("metadata_on", settings={"sources": ["alert_stream"]})
    with pytest.raises(Unsupported, match="switched off"):
        kiln.watch()
    kiln.listen()
    kiln.armed()
    assert kiln.device.state()["open"]["rtsp"] == 0
