"""Temperatures on the command line with the driver's plugin and a simulated camera."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from hik_thermal_plugin.plugin import HikThermal

HOT = {"temperature": {"rule": 1, "celsius": 96}}
Ask = Callable[..., Any]


@pytest.fixture
def camera(hik_simulator: Any, secret: str) -> Any:
    return hik_simulator(password=secret)


@pytest.fixture
def ask(hik: Any, camera: Any, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return `ask("measure", "kiln", …)`: run a command with the driver and a simulated camera of that name."""
    monkeypatch.setenv("KILN_PASSWORD", secret)
    kiln = {"url": camera.http, "username": "admin", "password": "${env:KILN_PASSWORD}"}
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"state_dir": "state", "hik_thermal": {"cameras": {"kiln": kiln}}})
    )

    def run(*arguments: object) -> Any:
        hik.more["hik_thermal"] = HikThermal()
        return hik(*arguments)

    return run


def changed(rules: dict[str, Any]) -> dict[str, Any]:
    rules["regions"][1] |= {"name": "Kiln door", "emissivity": 0.9}
    rules["alarm_rules"][1]["alarm_celsius"] = 85.0
    del rules["regions"][5]
    return rules


def test_a_saved_frame_shows_the_scene_to_numpy_and_pillow(ask: Ask, camera: Any, tmp_path: Path) -> None:
    camera.apply([HOT])
    ended = ask("frame", "kiln", "-o", "kiln.npz", "--json")
    told = json.loads(ended.out)

    assert (ended.code, ended.err) == (0, "")
    with np.load(tmp_path / "kiln.npz", allow_pickle=False) as file:
        celsius = file["celsius"]
        with Image.open(io.BytesIO(file["thermal_picture"].tobytes())) as picture:
            assert picture.format == "JPEG"
    assert celsius.shape == (told["height"], told["width"])
    assert float(celsius.max()) == told["highest_celsius"] == pytest.approx(96, abs=0.1)
    assert (told["channel"], told["invalid"], told["frozen"]) == (2, 0, False)

    assert ask("frame", "kiln", "-o", "kiln.png").code == 0
    with Image.open(tmp_path / "kiln.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.height * told["width"] == 3 * told["width"] * told["height"]


@pytest.mark.slow
def test_a_series_of_frames_follows_the_scene(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        (tmp_path / "config.yaml").read_text().replace("kiln:\n", "kiln:\n      temperature: {frame_interval: 0.1}\n")
    )
    ended = ask("frame", "kiln", "-o", "frames", "--every", "0.1", "--count", "3", "--json")

    assert ended.code == 0
    assert len({json.loads(line)["taken_at"] for line in ended.out.splitlines()}) == 3
    assert len(list((tmp_path / "frames").glob("kiln-*.npz"))) == 3


def test_a_region_and_the_point_where_it_is_hottest_agree(ask: Ask, camera: Any) -> None:
    camera.apply([HOT])
    rules = yaml.safe_load(ask("rules", "kiln", "get").out)
    points = rules["regions"][1]["points"]
    region = json.loads(
        ask("measure", "kiln", "--region", ",".join(str(part) for point in points for part in point), "--json").out
    )
    x, y = region["highest_at"]
    point = json.loads(ask("measure", "kiln", "--point", f"{x},{y}", "--json").out)

    assert region["way"] == "frame"
    assert region["highest_celsius"] == point["celsius"] == pytest.approx(96, abs=0.1)
    assert region["lowest_celsius"] < region["average_celsius"] < 96


def test_rules_that_were_got_do_not_differ(ask: Ask, camera: Any, tmp_path: Path) -> None:
    got = ask("rules", "kiln", "get")
    (tmp_path / "rules.yaml").write_text(got.out)
    diff = ask("rules", "kiln", "diff", "rules.yaml", "--exit-code")
    applied = ask("rules", "kiln", "apply", "rules.yaml", "--write")

    assert (diff.code, diff.out, diff.err) == (0, "", "")
    assert (applied.code, applied.out) == (0, "")
    assert camera.state()["writes"] == []


@pytest.mark.slow
def test_rules_apply_changes_exactly_what_it_said_and_only_on_request(ask: Ask, camera: Any, tmp_path: Path) -> None:
    before = yaml.safe_load(ask("rules", "kiln", "get").out)
    wanted = changed(yaml.safe_load(yaml.safe_dump(before)))
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(wanted))

    dry = ask("rules", "kiln", "apply", "rules.yaml")
    assert dry.code == 0
    assert sorted(dry.out.splitlines()) == [
        "alarm_rules.1.alarm_celsius: 80.0 → 85.0",
        "regions.1.emissivity: 0.96 → 0.9",
        f'regions.1.name: "{before["regions"][1]["name"]}" → "Kiln door"',
        "regions.5.enabled: true → false",
    ]
    assert camera.state()["writes"] == []

    wet = ask("rules", "kiln", "apply", "rules.yaml", "--write")
    assert (wet.code, wet.out) == (0, dry.out)
    assert {write["path"].rpartition("/")[2] for write in camera.state()["writes"]} == {"regions", "alarmRules"}
    assert yaml.safe_load(ask("rules", "kiln", "get").out) == wanted
    assert ask("rules", "kiln", "diff", "rules.yaml").out == ""


def test_rules_that_no_camera_can_have_are_refused_with_every_mistake(ask: Ask, camera: Any, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "mode: experts\nregions:\n  1: {points: [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]}\n  2: {emissivity: 7}\n"
    )
    ended = ask("rules", "kiln", "apply", "rules.yaml", "--write")

    assert (ended.code, ended.out) == (2, "")
    assert [line.split(": ")[2] for line in ended.err.splitlines()] == [
        "mode",
        "regions.1.points",
        "regions.2.emissivity",
    ]
    assert camera.state()["writes"] == []


def test_the_visible_channel_measures_nothing(ask: Ask) -> None:
    for command in (["frame", "kiln", "-o", "kiln.npz"], ["measure", "kiln", "--point", "0,0"]):
        ended = ask(*command, "--channel", "visible")
        assert ended.code == 5, ended.err
