"""The command line with plugins of the tests' own: in this process, or in one of its own with them as installed plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from nvr_fake import Cameras, Listener
from nvr_hooks.loading import Plugins

from hik_thermal_plugin.host import cli

SECRET = "s3cr3t-Pa55/wörd"
HERE = Path(__file__).parent
PROGRAM = [sys.executable, "-c", "from hik_thermal_plugin.host import main; main()"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class CommandLine:
    """`hik("check", config={...})` runs a command in this process; `.cameras` is its plugin, `.more` holds others by name."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capfd = capfd
        self.cameras = Cameras()
        self.listener = Listener()
        self.more: dict[str, object] = {}

    def __call__(self, *arguments: object, config: object = None) -> Ended:
        plugins = Plugins()
        plugins.add("fake", self.cameras, distribution="nvr-fake", version="2.1")
        plugins.add("listener", self.listener)
        for name, plugin in self.more.items():
            plugins.add(name, plugin)
        if config is not None:
            text = config if isinstance(config, str) else yaml.safe_dump(config)
            (self.folder / "config.yaml").write_text(text)
        self._capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments], plugins)
        ended = Ended(code, *self._capfd.readouterr())
        assert SECRET not in ended.out + ended.err, "the password is in the output"
        return ended


@pytest.fixture
def hik(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Return the command line, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return CommandLine(tmp_path, capfd)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return `start("watch", config={...})`: a process in a folder of its own, where the test's plugins are the installed ones."""
    site = tmp_path / "site"
    info = site / "nvr_fake-2.1.dist-info"
    info.mkdir(parents=True)
    (site / "nvr_fake.py").write_text((HERE / "nvr_fake.py").read_text())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nvr-fake\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[nvr.plugins]\nfake = nvr_fake:cameras\nlistener = nvr_fake:listener\n")
    started: list[subprocess.Popen[str]] = []

    def go(
        *arguments: object,
        config: object = None,
        program: list[str] | None = None,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        if config is not None:
            (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        process = subprocess.Popen(
            [*(program or PROGRAM), *map(str, arguments)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(site),
                "STATE_DIRECTORY": str(tmp_path / "state"),
                "NVR_BLOCK_PLUGINS": "hik_thermal,mqtt,alarm_recorder,frigate",
                **(env or {}),
            },
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options},
        )
        started.append(process)
        return process

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
