"""Host: plugins on their own, in the right order, and out of the way when one misbehaves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from nvr_fake import Cameras
from nvr_hooks import CameraInfo, ConfigError, hookimpl
from nvr_hooks.loading import Plugins

from hik_thermal_plugin.host.app import Host


class Recorder:
    """Writes down when it is called; `listen` makes it a source of cameras."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name = name
        self.calls = calls

    @hookimpl
    def nvr_start(self, hooks: Any) -> None:
        self.calls.append(f"{self.name} starts")

    @hookimpl
    def nvr_close(self) -> None:
        self.calls.append(f"{self.name} closes")


class Source(Recorder):
    @hookimpl
    def nvr_listen(self, camera: str, sink: Any) -> None:
        return None


class Crashing:
    """Raises what a plugin never should."""

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        raise TypeError(f"cannot take {config}")


class Clinging:
    """Does not return from closing until let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    @hookimpl
    def nvr_close(self) -> None:
        self.let_go.wait()


class Twin:
    """Has a camera whose name somebody else uses too."""

    @hookimpl
    def nvr_cameras(self) -> Sequence[CameraInfo]:
        return [CameraInfo(name="kiln", url="http://192.0.2.2")]


def host_of(**plugins: object) -> Host:
    loaded = Plugins()
    for name, plugin in plugins.items():
        loaded.add(name, plugin)
    return Host(loaded)


@pytest.fixture
def clinging() -> Iterator[Clinging]:
    plugin = Clinging()
    yield plugin
    plugin.let_go.set()


def test_cameras_start_first_and_close_last() -> None:
    calls: list[str] = []
    host = host_of(a_listener=Recorder("a", calls), b_source=Source("b", calls), c_listener=Recorder("c", calls))
    host.configure({})
    host.start()
    host.close()
    host.close()

    assert host.stuck == []
    assert len(calls) == 6
    assert calls[:3] == ["b starts", "a starts", "c starts"]
    assert sorted(calls[3:5]) == ["a closes", "c closes"]
    assert calls[5:] == ["b closes"]


def test_a_plugin_that_clings_delays_nobody_else(clinging: Clinging, wait_for: Callable[..., None]) -> None:
    calls: list[str] = []
    host = host_of(clinging=clinging, source=Source("s", calls))
    host.configure({})
    began = time.monotonic()
    host.close(0.3)

    assert host.stuck == ["clinging"]
    assert calls == ["s closes"]
    assert time.monotonic() - began < 2


def test_a_plugin_that_crashes_while_closing_is_told_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    host = host_of(fake=Cameras())
    host.configure({"fake": {"close": "crashes"}})
    host.close()

    assert host.stuck == []
    assert "plugin fake failed while closing" in caplog.text


def test_a_plugin_that_crashes_over_the_configuration_is_out_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    host = host_of(crashing=Crashing(), fake=Cameras())
    host.configure({"fake": {"cameras": {"kiln": {}}, "password": secret}})

    assert [info.name for info in host.cameras()] == ["kiln"]
    assert list(host.broken) == ["crashing"]
    assert "TypeError in nvr_configure" in host.broken["crashing"]
    assert host.plugins.plugin("crashing") is None
    assert [record.levelno for record in caplog.records if "crashing" in record.message] == [logging.ERROR]


def test_two_cameras_of_one_name_are_a_mistake() -> None:
    host = host_of(fake=Cameras(), twin=Twin())
    with pytest.raises(ConfigError, match="two cameras are named kiln: in fake and in twin"):
        host.configure({"fake": {"cameras": {"kiln": {}}}})


def test_a_mistake_told_by_two_plugins_is_told_once() -> None:
    cameras, again = Cameras(), Cameras()
    host = host_of(fake=cameras, again=again)
    with pytest.raises(ConfigError) as caught:
        host.configure({"fake": {"mistakes": {"x": "unknown key"}}})

    assert [str(mistake) for mistake in caught.value.mistakes] == ["fake.x: unknown key"]


def test_a_section_that_is_no_mapping_never_reaches_its_plugin() -> None:
    host = host_of(fake=Cameras())
    with pytest.raises(ConfigError) as caught:
        host.configure({"fake": ["kiln"]})

    assert [str(mistake) for mistake in caught.value.mistakes] == ["fake: expected a mapping, got a list"]
    assert host.broken == {}
