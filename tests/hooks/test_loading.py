"""Plugins are found each on its own: what is broken stays outside and says why."""

from __future__ import annotations

import itertools
import logging
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    CONTRACT_VERSION,
    GROUP,
    CameraInfo,
    ContractError,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    hookimpl,
    hookspec,
    spec,
)
from nvr_hooks.loading import BLOCK_VARIABLE, Plugins, check_contract, load_plugins
from nvr_hooks.testing import FakeCamera

MODULES = {
    "good_plugin": "from nvr_hooks.testing import FakeCamera\nplugin = FakeCamera('good')\n",
    "raising_plugin": "raise RuntimeError('my own bug')\n",
    "needy_plugin": "import a_library_nobody_installed\n",
    "leaving_plugin": "import sys\nsys.exit('I give up')\n",
    "empty_plugin": "",
    "misspelt_plugin": (
        "from nvr_hooks import hookimpl\n"
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def nvr_cameras(self): return ['half of a broken plugin']\n"
        "    @hookimpl\n"
        "    def nvr_snapshoot(self, camera): return None\n"
        "plugin = Plugin()\n"
    ),
    "wrong_arguments_plugin": (
        "from nvr_hooks import hookimpl\n"
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def nvr_cameras(self): return ['half of a broken plugin']\n"
        "    @hookimpl\n"
        "    def nvr_snapshot(self, camera, chanel): return None\n"
        "plugin = Plugin()\n"
    ),
    "future_plugin": "class Plugin:\n    nvr_contract = (2, 0)\nplugin = Plugin()\n",
}
BROKEN = {
    "raising_plugin": ["RuntimeError", "my own bug"],
    "needy_plugin": ["ModuleNotFoundError", "a_library_nobody_installed"],
    "leaving_plugin": ["SystemExit", "I give up"],
    "empty_plugin": ["AttributeError", "plugin"],
    "misspelt_plugin": ["ContractError", "nvr_snapshoot"],
    "wrong_arguments_plugin": ["ContractError", "chanel"],
    "future_plugin": ["ContractError", "needs contract 2.0", "speaks 1.0"],
}


@pytest.fixture
def entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, EntryPoint]:
    """Return entry points of real modules on disk, by name."""
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return {name: EntryPoint(name=name, value=f"{name}:plugin", group=GROUP) for name in MODULES}


@pytest.mark.parametrize("broken", sorted(BROKEN))
def test_a_broken_plugin_stops_neither_host_nor_the_others(
    broken: str, entry_points: dict[str, EntryPoint], caplog: pytest.LogCaptureFixture
) -> None:
    plugins = load_plugins(found=[entry_points[broken], entry_points["good_plugin"]], environ={})

    by_name = {info.name: info for info in plugins.infos}
    assert by_name["good_plugin"].state == "loaded"
    assert by_name[broken].state == "failed"
    for part in BROKEN[broken]:
        assert part in (by_name[broken].reason or "")
    assert [camera.name for cameras in plugins.hook.nvr_cameras() for camera in cameras] == ["good"]
    assert plugins.plugin(broken) is None
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert broken in warnings[0]


def test_all_broken_plugins_together_leave_the_good_one(entry_points: dict[str, EntryPoint]) -> None:
    plugins = load_plugins(found=entry_points.values(), environ={})

    assert {info.name for info in plugins.infos if info.state == "failed"} == set(BROKEN)
    assert [info.name for info in plugins.infos if info.state == "loaded"] == ["good_plugin"]


def test_a_blocked_plugin_is_not_even_imported(entry_points: dict[str, EntryPoint]) -> None:
    environ = {BLOCK_VARIABLE: "raising_plugin, leaving_plugin,nobody"}
    found = [entry_points[name] for name in ("raising_plugin", "leaving_plugin", "good_plugin")]

    plugins = load_plugins(found=found, environ=environ)

    states = {info.name: (info.state, info.reason) for info in plugins.infos}
    assert states == {
        "good_plugin": ("loaded", None),
        "leaving_plugin": ("blocked", f"named in {BLOCK_VARIABLE}"),
        "raising_plugin": ("blocked", f"named in {BLOCK_VARIABLE}"),
    }


def test_blocking_is_read_from_the_environment(
    entry_points: dict[str, EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BLOCK_VARIABLE, "good_plugin")

    assert [info.state for info in load_plugins(found=[entry_points["good_plugin"]]).infos] == ["blocked"]


def test_the_installed_plugins_are_found_with_their_distribution() -> None:
    infos = {info.name: info for info in load_plugins(environ={BLOCK_VARIABLE: "mqtt"}).infos}

    assert infos["hik_thermal"].state == "loaded", infos["hik_thermal"].reason
    assert infos["hik_thermal"].distribution == "hik-thermal-plugin"
    assert infos["hik_thermal"].contract == CONTRACT_VERSION
    assert "nvr_listen" in infos["hik_thermal"].hooks
    assert infos["mqtt"].state == "blocked"
    assert infos["mqtt"].distribution == "hik-thermal-plugin"


@pytest.mark.parametrize(
    ("contract", "complaint"),
    [
        ((2, 0), "needs contract 2.0, this host speaks 1.0"),
        ((0, 9), "needs contract 0.9, this host speaks 1.0"),
        ((1, 1), "needs contract 1.1, this host speaks 1.0"),
        ("1.0", "must be two numbers like (1, 0), got '1.0'"),
        ((1,), "must be two numbers"),
        ((1, "0"), "must be two numbers"),
    ],
)
def test_another_contract_version_is_refused_readably(contract: object, complaint: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_contract("cam", contract)

    assert "plugin cam" in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("contract", [None, CONTRACT_VERSION])
def test_the_same_contract_or_none_passes(contract: object) -> None:
    check_contract("cam", contract)


def test_a_plugin_refused_by_add_leaves_nothing_behind() -> None:
    class Half:
        @hookimpl
        def nvr_cameras(self) -> list[CameraInfo]:
            return []

        @hookimpl
        def nvr_camera(self) -> None: ...

    plugins = Plugins()
    with pytest.raises(ContractError, match="nvr_camera"):
        plugins.add("half", Half())

    assert plugins.hook.nvr_cameras() == []
    assert not plugins.infos
    plugins.add("half", FakeCamera("kiln"))
    assert [info.state for info in plugins.infos] == ["loaded"]


def test_an_optional_hook_of_a_newer_contract_does_no_harm() -> None:
    class Newer:
        @hookimpl(optionalhook=True)
        def nvr_of_tomorrow(self) -> None: ...

    plugins = Plugins()
    plugins.add("newer", Newer())

    assert [info.state for info in plugins.infos] == ["loaded"]


@pytest.mark.parametrize("order", list(itertools.permutations(["kiln", "oven", "roof"])))
def test_the_order_of_plugins_does_not_matter(order: tuple[str, ...]) -> None:
    plugins = Plugins()
    for name in order:
        plugins.add(f"fake-{name}", FakeCamera(name, picture=name.encode()))

    for name in order:
        snapshot: Snapshot = plugins.hook.nvr_snapshot(camera=name, channel=None, options=SnapshotOptions())
        assert (snapshot.camera, snapshot.data) == (name, name.encode())
        url: StreamUrl = plugins.hook.nvr_stream_url(camera=name, channel=1, profile="main")
        assert url.url.endswith("/1/main")
    assert plugins.hook.nvr_snapshot(camera="nobody", channel=None, options=SnapshotOptions()) is None
    assert {camera.name for cameras in plugins.hook.nvr_cameras() for camera in cameras} == set(order)


def test_entry_points_load_in_the_order_of_their_names(entry_points: dict[str, EntryPoint]) -> None:
    first = load_plugins(found=[entry_points["good_plugin"], entry_points["empty_plugin"]], environ={})
    second = load_plugins(found=[entry_points["empty_plugin"], entry_points["good_plugin"]], environ={})

    assert (
        [info.name for info in first.infos] == [info.name for info in second.infos] == ["empty_plugin", "good_plugin"]
    )


def test_pluggy_alone_loads_the_plugins_too() -> None:
    """A foreign host that never heard of nvr_hooks.loading calls pluggy's own loader."""
    import pluggy

    manager = pluggy.PluginManager("nvr")
    manager.add_hookspecs(spec)
    manager.set_blocked("mqtt")
    manager.load_setuptools_entrypoints(GROUP)
    manager.check_pending()

    assert manager.has_plugin("hik_thermal")
    answers: list[Any] = manager.hook.nvr_config_schema()
    assert "hik_thermal" in {key for key, _ in answers}


def test_hook_markers_belong_to_the_project_nvr() -> None:
    assert hookspec.project_name == hookimpl.project_name == "nvr"
