"""Who comes in the very moment in which the last one leaves is served like everybody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_source import Device
from nvr_hooks import ConnectionChanged, Event, TemperatureReading, Unreachable
from nvr_hooks.secrets import Secret

from hik_thermal_plugin.camera import Camera
from hik_thermal_plugin.config import camera_settings
from hik_thermal_plugin.deliveries import Deliveries
from hik_thermal_plugin.isapi.push_source import PushSource
from hik_thermal_plugin.thermometry import Thermometry

WaitFor = Callable[..., None]


@pytest.fixture
def deliveries() -> Iterator[Deliveries]:
    made = Deliveries()
    yield made
    made.close()


def test_temperatures_go_on_for_who_comes_while_the_last_watcher_leaves(
    deliveries: Deliveries, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, told = Device(), list[Event]()
    temperatures = Thermometry("kiln", lambda source: device(), deliveries, {"realtime": 60.0})
    leaving = temperatures.watch(lambda event: None)
    wait_for(lambda: len(device.opened) == 1)
    steer, coming = temperatures._steer, list[Any]()

    def crossed() -> None:
        monkeypatch.setattr(temperatures, "_steer", steer)
        coming.append(temperatures.watch(told.append))
        steer()

    monkeypatch.setattr(temperatures, "_steer", crossed)
    leaving.close()
    assert coming
    device.opened[-1].steps.put(TemperatureReading(camera="kiln", rule=1))
    wait_for(lambda: any(isinstance(event, TemperatureReading) for event in told))
    temperatures.close()


def test_pushes_are_taken_for_who_comes_while_the_last_listener_leaves(
    deliveries: Deliveries, tmp_path: Path, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = camera_settings(
        {"url": "http://127.0.0.1:9", "username": "admin", "password": Secret("x" * 8), "sources": ["push"]}
    )
    camera = Camera("kiln", settings, tmp_path, deliveries)
    leaving = camera.listen(lambda event: None)
    attend, comes = PushSource.attend, threading.Thread(target=camera.listen, args=(lambda event: None,))

    def crossed(push: PushSource, listened: bool) -> None:
        if not listened and comes.ident is None:
            comes.start()
            comes.join(0.2)
        attend(push, listened)

    monkeypatch.setattr(PushSource, "attend", crossed)
    leaving.close()
    comes.join(5)
    assert camera._push._attended
    camera.close()
    assert not camera._push._attended


def test_metadata_that_was_there_is_tried_again_like_any_other_source(
    deliveries: Deliveries, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hik_thermal_plugin.worker.Backoff.next", lambda self: 0.0)
    device, heard = Device(), list[Event]()
    online = ConnectionChanged(camera="kiln", source="metadata", state="online")
    away = Unreachable("kiln: no answer", camera="kiln")
    device.plan = [[online, away], [away], [away], [online]]
    temperatures = Thermometry("kiln", lambda source: device(), deliveries, {}, metadata="tried", alarm=heard.append)
    temperatures.attend(True)
    wait_for(lambda: len(device.opened) == 4 and heard[-1:] == [online])
    temperatures.attend(False)
    temperatures.close()
