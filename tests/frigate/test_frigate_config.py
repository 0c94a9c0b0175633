"""`hik-thermal frigate config`: cameras into Frigate's configuration, as Frigate takes it, and nothing of the owner's touched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from frigate_rules import refusals
from nvr_hooks import CameraInfo, ChannelInfo, StreamInfo, StreamUrl, Unreachable, hookimpl
from nvr_hooks.loading import Plugins, load_plugins
from nvr_hooks.testing import FakeCamera

from hik_thermal_plugin.frigate.configuration import wanted
from hik_thermal_plugin.frigate.plugin import FrigatePlugin
from hik_thermal_plugin.frigate.settings import CameraSettings, FrigateSettings
from hik_thermal_plugin.host import cli

MAIN = StreamInfo(id=101, profile="main", codec="H.264", width=1920, height=1080, frames_per_second=25.0)
SUB = StreamInfo(id=102, profile="sub", codec="H.264", width=704, height=576, frames_per_second=12.5)
HEAT = StreamInfo(id=201, profile="main", codec="H.264", width=384, height=288, frames_per_second=None)
BOTH = (
    ChannelInfo(id=1, name="Visible", thermal=False, streams=(MAIN, SUB)),
    ChannelInfo(id=2, name="Thermal", thermal=True, streams=(HEAT,)),
)
OWNED = """\
mqtt:
  host: broker
  password: hunter2  # not for other eyes
cameras:
  door:   # mine
    ffmpeg:
      inputs:
        - path: rtsp://admin:hunter2@192.0.2.7:554/main
          roles: [detect, record]
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


class Lost:
    """A camera that cannot be reached."""

    @hookimpl
    def nvr_cameras(self) -> tuple[CameraInfo, ...]:
        return (CameraInfo(name="oven", url="http://192.0.2.2", state="offline"),)

    @hookimpl
    def nvr_stream_url(self, camera: str, channel: int | None, profile: str) -> StreamUrl | None:
        if camera == "oven":
            raise Unreachable("oven: no route to host", camera="oven")
        return None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return `run("FILE", "--write", more={"name": plugin})` of `hik-thermal frigate config`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("state_dir: state\n")

    def go(*arguments: object, more: dict[str, object] | None = None, plugins: Plugins | None = None) -> Ended:
        if plugins is None:
            plugins = Plugins()
            camera = FakeCamera("kiln")
            camera.info = replace(camera.info, channels=BOTH)
            plugins.add("fake", camera)
            plugins.add("frigate", FrigatePlugin())
        for name, plugin in (more or {}).items():
            plugins.add(name, plugin)
        capfd.readouterr()
        code = cli.run(["frigate", "config", *map(str, arguments)], plugins)
        return Ended(code, *capfd.readouterr())

    return go


def test_both_channels_with_roles_and_sizes_of_their_streams(run: Run) -> None:
    ended = run()
    assert ended.code == 0
    document = yaml.safe_load(ended.out)
    assert refusals(document) == []
    user = "{FRIGATE_KILN_USER}:{FRIGATE_KILN_PASSWORD}"
    assert document == {
        "go2rtc": {
            "streams": {
                "kiln_visible": [f"rtsp://{user}@192.0.2.1/1/main"],
                "kiln_visible_sub": [f"rtsp://{user}@192.0.2.1/1/sub"],
                "kiln_thermal": [f"rtsp://{user}@192.0.2.1/2/main"],
            }
        },
        "cameras": {
            "kiln_visible": {
                "ffmpeg": {
                    "inputs": [
                        {
                            "path": "rtsp://127.0.0.1:8554/kiln_visible",
                            "input_args": "preset-rtsp-restream",
                            "roles": ["record"],
                        },
                        {
                            "path": "rtsp://127.0.0.1:8554/kiln_visible_sub",
                            "input_args": "preset-rtsp-restream",
                            "roles": ["detect"],
                        },
                    ]
                },
                "detect": {"width": 704, "height": 576, "fps": 5},
            },
            "kiln_thermal": {
                "ffmpeg": {
                    "inputs": [
                        {
                            "path": "rtsp://127.0.0.1:8554/kiln_thermal",
                            "input_args": "preset-rtsp-restream",
                            "roles": ["record", "detect"],
                        }
                    ]
                },
                "detect": {"enabled": False, "width": 384, "height": 288},
            },
        },
    }
    assert "FRIGATE_KILN_USER, FRIGATE_KILN_PASSWORD" in ended.err
    assert "secret" not in ended.out + ended.err


def test_without_write_only_the_difference_is_shown_and_no_password(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "frigate.yml"
    file.write_text(OWNED)
    ended = run(file)
    assert ended.code == 0
    assert file.read_text() == OWNED
    assert [line for line in ended.out.splitlines() if re.match(r"-(?!-)", line)] == []
    assert "+  kiln_thermal:" in ended.out
    assert "hunter2" not in ended.out + ended.err
    assert "hunter2" not in run(file, "--json").out


def test_write_adds_and_keeps_what_it_was(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "frigate.yml"
    file.write_text(OWNED)
    file.chmod(0o640)
    ended = run(file, "--write")
    assert ended.code == 0
    assert "frigate.yml.bak" in ended.out
    assert (tmp_path / "frigate.yml.bak").read_text() == OWNED
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.read_text().startswith(OWNED)
    assert refusals(yaml.safe_load(file.read_text())) == []
    assert sorted(path.name for path in tmp_path.glob("frigate*")) == ["frigate.yml", "frigate.yml.bak"]
    before = file.read_text()
    again = run(file, "--write", "--json")
    document = json.loads(again.out)
    assert (again.code, document["changed"], document["written"], document["backup"]) == (0, False, False, None)
    assert file.read_text() == before


def test_a_file_that_is_not_there_yet_is_made(run: Run, tmp_path: Path) -> None:
    ended = run(tmp_path / "new.yml", "--write")
    assert ended.code == 0
    assert refusals(yaml.safe_load((tmp_path / "new.yml").read_text())) == []


def test_what_the_owner_set_for_a_camera_stays(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "frigate.yml"
    text = OWNED + "  kiln_thermal:\n    detect:\n      enabled: true   # I know\n      width: 640\n"
    file.write_text(text)
    ended = run(file, "--write", "--json")
    document = json.loads(ended.out)
    kept = {item["path"]: item["wanted"] for item in document["kept"]}
    assert kept == {"cameras.kiln_thermal.detect.enabled": False, "cameras.kiln_thermal.detect.width": 384}
    assert file.read_text().startswith(text)
    assert refusals(yaml.safe_load(file.read_text())) == []


def test_one_camera_one_channel(run: Run) -> None:
    ended = run("--camera", "kiln", "--channel", "thermal")
    assert list(yaml.safe_load(ended.out)["cameras"]) == ["kiln_thermal"]
    assert run("--camera", "klin").code == 2


def test_a_camera_that_is_away_does_not_keep_the_others_out(run: Run) -> None:
    ended = run(more={"lost": Lost()})
    assert ended.code == 1
    assert "oven: no route to host" in ended.err
    assert "1 of 2 cameras are missing" in ended.err
    assert "kiln_thermal" in ended.out
    assert run("--camera", "oven", more={"lost": Lost()}).code == 3


def test_two_cameras_of_one_name_are_refused(run: Run) -> None:
    ended = run(more={"other": FakeCamera("Kiln")})
    assert ended.code == 2
    assert "two cameras would be kiln_thermal, kiln_visible in Frigate" in ended.err


@pytest.mark.parametrize("text", ["cameras: [\n", "- a\n", "cameras:\n  a: {}\n  a: {}\n"])
def test_a_broken_file_is_left_alone(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "frigate.yml"
    file.write_text(text)
    ended = run(file, "--write")
    assert ended.code == 2
    assert str(file) in ended.err
    assert file.read_text() == text
    assert list(tmp_path.glob("frigate.yml?*")) == []


def test_write_needs_a_file(run: Run) -> None:
    assert run("--write").code == 2


def test_without_ruamel_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hik_thermal_plugin.frigate.commands.find_spec", lambda name: None)
    ended = run()
    assert ended.code == 1
    assert "hik-thermal-plugin[frigate]" in ended.err


def test_names_with_anything_in_them_and_several_visible_channels() -> None:
    channels = (*BOTH, ChannelInfo(id=3, thermal=False, streams=(MAIN,)))
    info = CameraInfo(name="Öfen / Süd+1", url="http://192.0.2.1", channels=channels, thermal_channel=2)

    def ask(channel: int, profile: str) -> StreamUrl:
        return StreamUrl(url=f"rtsp://[2001:db8::1]:554/{{x}}/{channel}/{profile}", username="u", password="p")

    found = wanted(info, channels, ask, FrigateSettings())
    assert list(found["cameras"]) == ["_fen___s_d_1_visible", "_fen___s_d_1_thermal", "_fen___s_d_1_visible_3"]
    names = {"FRIGATE__FEN___S_D_1_USER": "u", "FRIGATE__FEN___S_D_1_PASSWORD": "p"}
    assert refusals(found, names) == []
    [address] = found["go2rtc"]["streams"]["_fen___s_d_1_thermal"]
    assert address.format(**names) == "rtsp://u:p@[2001:db8::1]:554/{x}/2/main"
    named = FrigateSettings(cameras={info.name: CameraSettings(thermal="south", visible="south_eye")})
    assert list(wanted(info, channels, ask, named)["cameras"]) == ["south_eye", "south", "south_eye_3"]


def test_with_a_simulated_camera(run: Run, hik_simulator: Any, tmp_path: Path, secret: str) -> None:
    device = hik_simulator(password=secret)
    (tmp_path / "password").write_text(secret)
    camera = {"url": device.http, "username": device.username, "password": f"${{file:{tmp_path}/password}}"}
    config = {"state_dir": str(tmp_path / "state"), "hik_thermal": {"cameras": {"kiln": camera}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    plugins = load_plugins(environ={"NVR_BLOCK_PLUGINS": "mqtt,alarm_recorder"})
    ended = run(plugins=plugins)
    assert ended.code == 0, ended.err
    document = yaml.safe_load(ended.out)
    assert refusals(document) == []
    for name, number in (("kiln_visible", 1), ("kiln_thermal", 2)):
        [address] = document["go2rtc"]["streams"][name]
        assert re.search(
            rf"^rtsp://{{FRIGATE_KILN_USER}}:{{FRIGATE_KILN_PASSWORD}}@127\.0\.0\.1:\d+/.*{number}01$", address
        )
        assert document["cameras"][name]["detect"]["width"] > 0


def test_the_rules_find_what_frigate_refuses() -> None:
    inputs = [
        {"path": "rtsp://{FRIGATE_KILN_USER}@x", "roles": ["record"]},
        {"path": "{NOT_OURS}", "roles": ["record"]},
    ]
    document = {"cameras": {"a b": {"thermometry": {}, "ffmpeg": {"inputs": inputs}, "detect": {"fps": 0}}}}
    assert refusals(document) == [
        "cameras.a b: name",
        "cameras.a b.thermometry: extra_forbidden",
        "cameras.a b.detect.fps: 0",
        "cameras.a b.ffmpeg.inputs: Each input role may only be used once.",
        "cameras.a b.ffmpeg.inputs: The detect role is required.",
        "cameras.a b.ffmpeg.inputs: variable 'NOT_OURS'",
    ]
