"""frame: radiometric images as files, one or a series, of any make of camera."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nvr_hooks.testing import JPEG
from PIL import Image

from hik_thermal_plugin import commands
from hik_thermal_plugin.plugin import HikThermal

SERIES = ["--every", "0.1", "--count", "3"]


def site(**kiln: Any) -> dict[str, Any]:
    return {"fake": {"cameras": {"kiln": kiln}}}


@pytest.fixture
def frame(hik: Any) -> Callable[..., Any]:
    """Return `frame("-o", "kiln.npz")`: run the command with the driver's plugin loaded beside the cameras."""
    hik.more["hik_thermal"] = HikThermal()
    return lambda *arguments, config=None: hik("frame", "kiln", *arguments, config=config or site())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix not in (".yaml",) and path.is_file())


def test_frame_as_npz_is_read_back_by_numpy(frame: Any, tmp_path: Path) -> None:
    ended = frame("-o", "kiln.npz")

    assert (ended.code, ended.err) == (0, "")
    with np.load(tmp_path / "kiln.npz", allow_pickle=False) as file:
        assert file["celsius"].tolist() == [[20.0, 21.0, 22.0, 23.0], [24.0, 57.5, 26.0, 27.0]]
        assert file["thermal_picture"].tobytes() == JPEG
    assert ended.out.startswith(
        "kiln.npz: 4 x 2, channel 2, highest 57.5 °C at 0.375,0.750, lowest 20.0 °C at 0.125,0.250, average 27.6 °C, 2"
    )
    assert files(tmp_path) == ["kiln.npz"]


def test_frame_as_csv_and_as_a_picture(frame: Any, tmp_path: Path) -> None:
    assert frame("-o", "kiln.csv").code == frame("-o", "kiln.PNG").code == 0

    assert (tmp_path / "kiln.csv").read_text().splitlines()[1] == "24.000,57.500,26.000,27.000"
    with Image.open(tmp_path / "kiln.PNG") as picture:
        assert picture.format == "PNG"
        assert picture.width > 640


def test_frame_in_json_tells_the_extremes(frame: Any) -> None:
    told = json.loads(frame("-o", "kiln.csv", "--json", "--channel", "visible").out)

    assert told.pop("taken_at").endswith("Z")
    assert told == {
        "camera": "kiln",
        "channel": 1,
        "file": "kiln.csv",
        "width": 4,
        "height": 2,
        "frozen": False,
        "highest_celsius": 57.5,
        "highest_at": [0.375, 0.75],
        "lowest_celsius": 20.0,
        "lowest_at": [0.125, 0.25],
        "average_celsius": 27.5625,
        "invalid": 0,
    }


def test_a_series_fills_a_folder_in_the_order_of_time(frame: Any, tmp_path: Path) -> None:
    ended = frame("-o", "frames/today", *SERIES, "--json")
    told = [json.loads(line) for line in ended.out.splitlines()]

    assert ended.code == 0
    assert [Path(item["file"]).name for item in told] == files(tmp_path / "frames" / "today")
    assert all(re.fullmatch(r"frames/today/kiln-\d{8}T\d{6}\.\d{3}Z\.npz", item["file"]) for item in told)
    assert len({item["file"] for item in told}) == 3


def test_a_series_takes_name_and_kind_from_a_file_name(frame: Any, tmp_path: Path) -> None:
    ended = frame("-o", "frames/door.csv", *SERIES)

    assert ended.code == 0
    assert [re.sub(r"\d", "9", name) for name in files(tmp_path / "frames")] == ["door-99999999T999999.999Z.csv"] * 3


def test_frames_of_one_time_do_not_replace_each_other(
    frame: Any, hik: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nvr_hooks import now, testing

    moment = now()
    monkeypatch.setattr(testing, "now", lambda: moment)

    assert frame("-o", "frames", *SERIES).code == 0
    assert len(files(tmp_path / "frames")) == 3


def test_a_frame_that_fails_inside_a_series_is_told_and_passed_over(frame: Any, tmp_path: Path) -> None:
    ended = frame("-o", "frames", *SERIES, config=site(misses=[2]))

    assert ended.code == 1
    assert ended.err.splitlines() == ["hik-thermal: kiln: is upgrading", "hik-thermal: 1 of 3 frames are missing"]
    assert len(files(tmp_path / "frames")) == 2


def test_a_series_ends_when_its_first_frame_fails_or_the_camera_refuses(frame: Any, tmp_path: Path) -> None:
    assert frame("-o", "frames", *SERIES, config=site(misses=[1])).err == "hik-thermal: kiln: is upgrading\n"
    assert frame("-o", "frames", *SERIES, config=site(fails="refused")).code == 4
    assert not (tmp_path / "frames").exists()


def test_a_series_without_a_count_ends_well_with_ctrl_c(
    frame: Any, hik: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []
    save = commands.Files.save

    def third(self: commands.Files, found: Any) -> Path:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(save(self, found))
        return saved[-1]

    monkeypatch.setattr(commands.Files, "save", third)
    ended = frame("-o", "frames", "--every", "0.1")

    assert (ended.code, ended.err) == (0, "")
    assert files(tmp_path / "frames") == sorted(path.name for path in saved)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-o", "kiln.jpg"], "a frame is saved as .npz, .csv, .png"),
        (["-o", "frames"], "a frame is saved as .npz, .csv, .png"),
        (["-o", "kiln.npz", "--count", "3"], "--count needs --every"),
        (["-o", "kiln.npz", "--every", "0"], "0.1"),
        ([], "--output"),
    ],
)
def test_wrong_use_is_told_before_the_camera_is_asked(frame: Any, arguments: list[str], why: str) -> None:
    ended = frame(*arguments, config=site(fails="bug"))

    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


@pytest.mark.parametrize("output", ["absent/kiln.npz", "config.yaml/kiln.csv", "folder.png"])
def test_a_file_that_cannot_be_written_is_wrong_use(frame: Any, tmp_path: Path, output: str) -> None:
    (tmp_path / "folder.png").mkdir()
    ended = frame("-o", output)

    assert ended.code == 2
    assert f"cannot write {output}: " in ended.err


def test_a_picture_without_pillow_says_what_to_install(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda name: None)
    ended = frame("-o", "kiln.png", config=site(fails="bug"))

    assert (ended.code, ended.err) == (
        1,
        "hik-thermal: a picture in false colour needs Pillow: pip install 'hik-thermal-plugin[overlay]'\n",
    )


@pytest.mark.parametrize(("failure", "code"), [("unreachable", 3), ("refused", 4), ("unsupported", 5), ("busy", 1)])
def test_failures_have_their_codes(frame: Any, tmp_path: Path, failure: str, code: int) -> None:
    assert frame("-o", "kiln.npz", config=site(fails=failure)).code == code
    assert files(tmp_path) == []
