"""A host with a fake camera and the plugin, and a Frigate's event API to talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from frigate_server import FrigateServer
from nvr_hooks import ConnectionChanged, FireAlarm, Target, TemperatureAlarm
from nvr_hooks.loading import Plugins
from nvr_hooks.testing import FakeCamera

from hik_thermal_plugin.frigate import service
from hik_thermal_plugin.frigate.delivery import Pauses
from hik_thermal_plugin.frigate.plugin import FrigatePlugin

QUICK = Pauses(first=0.02, longest=0.1, refused=0.1, stored=0.02, look=0.2)


PLACE = Target(region=((0.4, 0.3), (0.6, 0.3), (0.6, 0.5)), hottest=(0.5, 0.4), celsius=350.0, distance_m=12.0)


def fire(**more: Any) -> FireAlarm:
    return FireAlarm(
        camera="kiln", channel=2, raw_type="fireDetection", celsius=350.0, distance_m=12.0, targets=(PLACE,), **more
    )


def door(**more: Any) -> TemperatureAlarm:
    return TemperatureAlarm(camera="kiln", channel=2, raw_type="TMA", rule=1, rule_name="door", celsius=92.44, **more)


class House:
    """A host with one camera and the plugin `frigate`; `again` is the host's next life in the same folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.camera = FakeCamera("kiln")
        self.plugins = Plugins()
        self.plugin = FrigatePlugin()
        self.plugins.add("fake", self.camera)
        self.plugins.add("frigate", self.plugin)

    def configure(self, **section: Any) -> None:
        config = {"state_dir": str(self.folder), "frigate": {"url": self.url, "release_after": 0.2, **section}}
        self.plugins.hook.nvr_configure(config=config)

    def start(self, wait_for: Any, **section: Any) -> House:
        self.configure(**section)
        self.plugins.hook.nvr_start(hooks=self.plugins.hook)
        wait_for(lambda: self.camera.listeners)
        return self

    def connection(self, state: Any) -> None:
        self.camera.tell(ConnectionChanged(camera="kiln", source="alert_stream", state=state))

    def journal(self) -> str:
        path = self.folder / "frigate-events.json"
        return path.read_text() if path.exists() else "[]"

    def kill(self) -> None:
        """End like a process that is killed: nothing is said to Frigate, nothing more is written down."""
        running = self.plugin._service
        assert running is not None
        running._delivery._api.interrupt()
        running._delivery._journal.save = lambda entries: None  # type: ignore[method-assign]
        self.plugin.nvr_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait as long as a user may."""
    monkeypatch.setattr(service, "PAUSES", QUICK)
    monkeypatch.setattr(service, "LOOK_SECONDS", 0.05)


@pytest.fixture
def frigate() -> Iterator[FrigateServer]:
    with FrigateServer() as server:
        yield server


@pytest.fixture
def houses(tmp_path: Path, frigate: FrigateServer) -> Iterator[list[House]]:
    """Return two houses in one folder: the second is what the first one is after a restart."""
    made = [House(tmp_path / "state", frigate.url) for _ in range(2)]
    yield made
    for house in made:
        house.plugin.nvr_close()


@pytest.fixture
def house(houses: list[House]) -> House:
    return houses[0]
