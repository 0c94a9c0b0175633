"""A camera with recordings for every test here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from archive_site import ArchiveSite, three
from nvr_hooks.loading import Plugins
from recorder import Recorder

from hik_thermal_plugin.host import cli
from hik_thermal_plugin.plugin import HikThermal

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The camera's side."""
    with Recorder(*three()) as recorder:
        yield recorder


@pytest.fixture
def site(recorder: Recorder, secret: str, tmp_path: Path) -> Iterator[ArchiveSite]:
    """The driver with the camera."""
    (tmp_path / "files").mkdir()
    site = ArchiveSite(recorder, tmp_path / "files", secret)
    yield site
    recorder.go_on.set()
    site.driver.nvr_close()


@pytest.fixture
def config(site: ArchiveSite) -> Path:
    """Return the camera's configuration for a program of its own."""
    site.configure(recording_time="utc")
    path = site.folder.parent / "config.yaml"
    path.write_text(yaml.safe_dump(site.configuration()))
    return path


@pytest.fixture
def run(site: ArchiveSite, config: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return `run(argument, …)`: exit code, stdout and stderr of the command line in this process."""

    def call(*arguments: object) -> tuple[int, str, str]:
        plugins = Plugins()
        plugins.add("hik_thermal", HikThermal())
        capfd.readouterr()
        code = cli.run([*map(str, arguments), "-c", str(config)], plugins)
        out = capfd.readouterr()
        return code, out.out, out.err

    return call
