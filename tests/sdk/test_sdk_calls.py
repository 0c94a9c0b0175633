"""Every function of the vendor's library that the guide names, and every one that is bound, is reached from a hook and from a command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from coded_video import TICKS, video
from nvr_hooks import (
    DownloadOptions,
    FrameOptions,
    Live,
    MeasureOptions,
    PointAt,
    RecordedFile,
    RecordOptions,
    SearchOptions,
    SnapshotOptions,
    TimeSpan,
)
from nvr_hooks.loading import Plugins
from sdk_camera import EIGHT, SdkCamera, passed_on
from standin_library import StandIn
from test_guide import FUNCTIONS

from hik_thermal_plugin.host import cli
from hik_thermal_plugin.plugin import HikThermal
from hik_thermal_plugin.sdk.prototypes import PROTOTYPES

pytestmark = pytest.mark.integration
GUIDE = {
    name.removeprefix("NET_DVR_")
    for name in FUNCTIONS
    if re.match(
        r"NET_DVR_(RealPlay|StopReal|SaveReal|SetCapture|CapturePic|PlayBack[BC]|GetFile|SetDVR|StartRemote)", name
    )
}
"""The functions among what the guide names: not its structures and commands."""
LONG_CONNECTIONS = {"3629", "6706"}
WINDOW = {"window": 7}
NAME = "ch02_0000000001000000"
SPAN = ("--start", "2026-03-01T08:00:00", "--end", "2026-03-01T08:05:00")
"""In the camera's zone."""


@pytest.fixture
def ready(standin: StandIn, hik_simulator: Any, secret: str) -> Iterator[Any]:
    """Have a camera with everything: a player, a picture, a film, documents of a simulated one."""
    simulator = hik_simulator(password=secret)
    standin.documents(passed_on(simulator, secret))
    standin.film((unit.data, unit.shown * TICKS, unit.key) for unit in video().units)
    standin.jpeg(b"\xff\xd8\xff a picture")
    standin.c.fake_player(1)
    standin.c.fake_pace(5)
    standin.upload(0, byRuleID=1, struPointThermCfg__fTemperature=36.5)
    yield simulator
    standin.documents(None)


def reached(standin: StandIn) -> set[str]:
    return set(standin.functions()) | {line.split(" ")[2] for line in standin.calls("StartRemoteConfig")}


def failing(standin: StandIn, *functions: str, code: int = 51) -> None:
    """Let the next call of each fail."""
    for name in functions:
        standin.script(name, code)


def test_the_list_is_the_guides() -> None:
    assert len(GUIDE) == 15
    assert set(PROTOTYPES) >= GUIDE


def test_every_function_is_reached_from_a_hook(
    camera: Callable[..., SdkCamera], standin: StandIn, ready: Any, wait_for: Callable[..., None]
) -> None:
    failing(standin, "SetDVRMessageCallBack_V31", code=17)
    driver = camera(sdk=WINDOW, url=ready.http, data_channel=None)
    hook, common = driver.hook, {"camera": "kiln", "channel": None}
    _, alarms = driver.listen()
    watching, readings = driver.watch()
    wait_for(lambda: len(alarms) > 1 and len(readings) > 2)
    watching.close()

    data = bytearray()
    with hook.nvr_open_stream(**common, what=Live(), sink=data.extend):
        wait_for(lambda: data)
    for name, container in (("a.ps", "ps"), ("b.3gp", "3gp")):
        hook.nvr_record(**common, target=driver.folder / name, options=RecordOptions(container=container)).close()
    hook.nvr_snapshot(**common, options=SnapshotOptions())
    for fails in ((), ("CapturePictureBlock_New",), ("CapturePictureBlock_New", "CapturePictureBlock")):
        failing(standin, *fails)
        hook.nvr_snapshot(**common, options=SnapshotOptions(source="stream", format="bmp"))
    hook.nvr_thermal_frame(**common, options=FrameOptions())
    hook.nvr_measure(**common, where=PointAt(at=(0.5, 0.5)), options=MeasureOptions(emissivity=0.9))
    hook.nvr_rules(**common)

    eight = EIGHT.replace(tzinfo=hook.nvr_cameras()[0][0].zone)
    span = TimeSpan(start=eight, end=eight.replace(minute=5))
    (file, *_) = hook.nvr_search(**common, start=span.start, end=span.end, options=SearchOptions())
    named = RecordedFile(camera="kiln", channel=2, track=201, start=span.start, end=span.end, name=file.name)
    for what in (span, named):
        with hook.nvr_open_stream(**common, what=what, sink=data.extend) as playing:
            assert playing.wait(20)
        target = driver.folder / f"{type(what).__name__}.mp4"
        done = hook.nvr_download(
            **common, what=what, target=target, options=DownloadOptions(container="mp4"), progress=None
        )
        assert done.wait(20)
        assert done.error is None
    driver.close()

    assert GUIDE - {"SetDVRMessageCallBack_V31"} <= reached(standin)
    assert set(PROTOTYPES) - {"GetLastError"} <= reached(standin)
    assert reached(standin) >= LONG_CONNECTIONS


def test_every_function_of_the_guide_is_reached_from_a_command(
    standin: StandIn,
    ready: Any,
    secret: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILN_PASSWORD", secret)
    kiln = {
        "url": ready.http, "username": "admin", "password": "${env:KILN_PASSWORD}", "timeout": 5, "transport": "sdk",
        "sdk": {"path": str(standin.folder), **WINDOW},
    }  # fmt: skip
    Path("config.yaml").write_text(yaml.safe_dump({"state_dir": "state", "hik_thermal": {"cameras": {"kiln": kiln}}}))

    def hik(*words: str, fails: tuple[str, ...] = (), code: int = 51) -> str:
        failing(standin, *fails, code=code)
        plugins = Plugins()
        plugins.add("hik_thermal", HikThermal())
        capfd.readouterr()
        ended = cli.run(list(words), plugins)
        out, err = capfd.readouterr()
        assert ended == 0, (words, err)
        return out

    (listed,) = json.loads(hik("cameras", "--json"))
    assert {listed["capabilities"][name] for name in ("alarms", "live", "realtime_thermometry", "rules")} == {"sdk"}
    assert " sdk " in hik("cameras")
    watched = [json.loads(line) for line in hik("watch", "kiln", "--seconds", "1.5", "--json").splitlines()]
    assert {event["celsius"] if "celsius" in event else event.get("point_celsius") for event in watched} >= {36.5}
    hik("record", "kiln", "-o", "a.ps", "--seconds", "0.2")
    hik("record", "kiln", "-o", "b.3gp", "--seconds", "0.2")
    hik("snapshot", "kiln", "-o", "a.jpg")
    hik("snapshot", "kiln", "-o", "a.bmp", "--source", "stream")
    hik("snapshot", "kiln", "-o", "b.bmp", "--source", "stream", fails=("CapturePictureBlock_New",))
    hik(
        "snapshot",
        "kiln",
        "-o",
        "c.bmp",
        "--source",
        "stream",
        fails=("CapturePictureBlock_New", "CapturePictureBlock"),
    )
    assert json.loads(hik("measure", "kiln", "--point", "0.5,0.5", "--json"))["way"] == "device"
    hik("frame", "kiln", "-o", "a.npz")
    hik("rules", "kiln", "get")
    assert NAME in hik("search", "kiln", *SPAN)
    hik("download", "kiln", NAME, "-o", "a.mpg")
    hik("download", "kiln", *SPAN, "-o", "a.mp4")
    hik("download", "kiln", NAME, "-o", "b.mp4", "--container", "mp4", fails=("GetFileByName",), code=2)
    hik("download", "kiln", *SPAN, "-o", "c.mp4", fails=("GetFileByTime_V40", "GetFileByName"), code=2)

    assert reached(standin) >= GUIDE
    assert reached(standin) >= LONG_CONNECTIONS
    for name in ("a.ps", "b.3gp", "a.jpg", "a.bmp", "b.bmp", "c.bmp", "a.npz", "a.mpg", "a.mp4", "b.mp4", "c.mp4"):
        assert Path(name).stat().st_size, name
