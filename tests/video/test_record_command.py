"""`hik-thermal record` and `snapshot` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from nvr_hooks.loading import Plugins
from rtsp_video import Conduct
from video_site import Site, decoded

from hik_thermal_plugin.host import cli
from hik_thermal_plugin.plugin import HikThermal

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(site: Site, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return `run(argument, …)`: exit code, stdout and stderr of the command line in this process."""

    def call(*arguments: object) -> tuple[int, str, str]:
        plugins = Plugins()
        plugins.add("hik_thermal", HikThermal())
        code = cli.run([*map(str, arguments), "-c", str(config_of(site))], plugins)
        out = capfd.readouterr()
        return code, out.out, out.err

    return call


def config_of(site: Site) -> Path:
    path = site.folder / "config.yaml"
    camera = {**site._camera, "timeout": 5}
    document = {"hik_thermal": {"cameras": {"kiln": camera}}, "state_dir": str(site.folder / "state")}
    path.write_text(yaml.safe_dump(document))
    return path


def test_record_writes_a_file_and_says_so(site: Site, run: Run) -> None:
    target = site.folder / "kiln.mp4"

    code, out, err = run("record", "kiln", "-o", target, "--seconds", "1", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out) == {"camera": "kiln", "file": str(target), "bytes": target.stat().st_size}
    assert len(decoded(target)) == 25


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("kiln.mkv", [], b"\x1aE\xdf\xa3"),
        ("kiln.mpg", [], b"\0\0\1\xba"),
        ("kiln.bin", ["--container", "ps"], b"\0\0\1\xba"),
        ("kiln", [], b"\0\0\0"),
    ],
)
def test_the_suffix_or_an_option_names_the_kind_of_file(
    site: Site, run: Run, name: str, options: list[str], start: bytes
) -> None:
    code, _, _ = run("record", "kiln", "-o", site.folder / name, "--seconds", "0.4", *options)

    assert code == 0
    assert (site.folder / name).read_bytes().startswith(start)


@pytest.mark.slow
def test_segments_are_told_one_by_one(site: Site, run: Run) -> None:
    _, out, _ = run("record", "kiln", "-o", site.folder / "kiln.mp4", "--seconds", "2.4", "--segment", "1")

    assert [line.partition(":")[0].rpartition("/")[2] for line in out.splitlines()] == [
        "kiln.mp4",
        "kiln-2.mp4",
        "kiln-3.mp4",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kiln", "-o", "{folder}/a.3gp"], 5, "only the vendor's library writes"),
        (["kiln", "-o", "{folder}/missing/a.mp4"], 2, "cannot write"),
        (["kiln", "-o", "{folder}/a.mp4", "--seconds", "0"], 2, "seconds must be above 0"),
        (["kiln", "-o", "{folder}/a.mp4", "--container", "avi"], 2, "expected 3gp, mkv, mp4, ps, got avi"),
        (["kiln", "-o", "{folder}/a.mp4", "--profile", "fourth"], 2, "expected main, sub, third, got fourth"),
        (["oven", "-o", "{folder}/a.mp4"], 2, "there is no camera oven"),
        (["kiln", "-o", "{folder}/a.mp4", "--channel", "9"], 5, "has no channel 9"),
    ],
)
def test_what_cannot_be_recorded_ends_with_its_code(
    site: Site, run: Run, arguments: list[str], code: int, message: str
) -> None:
    ended, out, err = run("record", *(word.format(folder=site.folder) for word in arguments))

    assert (ended, out) == (code, "")
    assert message in err


@pytest.mark.slow
def test_a_silent_camera_is_unreachable(site: Site, run: Run) -> None:
    site.server.conduct = Conduct(mute=True)

    code, out, err = run("record", "kiln", "-o", site.folder / "kiln.mp4", "--seconds", "1", "--timeout", "2")

    assert (code, out) == (3, "")
    assert "kiln" in err
    assert not (site.folder / "kiln.mp4").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_completes_the_file_and_ends_well(
    site: Site, wait_for: Callable[..., None], number: signal.Signals
) -> None:
    site.server.conduct = Conduct(pace=0.04)
    target = site.folder / "kiln.mp4"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from hik_thermal_plugin.host import main; main()",
            *("record", "kiln", "-o", str(target), "-c", str(config_of(site))),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NVR_BLOCK_PLUGINS": "mqtt,alarm_recorder"},
    )
    try:
        part = site.folder / "kiln.mp4.part"
        wait_for(lambda: part.exists() and part.stat().st_size > 1500)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, err) == (0, "")
    assert out == f"{target}: {target.stat().st_size} bytes\n"
    assert len(decoded(target)) >= 10


def test_snapshot_from_the_stream_as_bmp(site: Site, run: Run) -> None:
    target = site.folder / "kiln.picture"

    code, out, _ = run("snapshot", "kiln", "-o", target, "--source", "stream", "--format", "bmp", "--json")

    told: dict[str, Any] = json.loads(out)
    assert (code, told["source"], told["content_type"]) == (0, "stream", "image/bmp")
    assert decoded(target)[0].shape == (288, 384, 3)
    assert run("snapshot", "kiln", "-o", target, "--format", "png")[0] == 2
