"""Radiometric frames as files: what programs read back from them, and that no half-written one is ever seen."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from nvr_hooks import ThermalFrame, Unsupported, WrongUse
from PIL import Image

from hik_thermal_plugin.media import frames
from hik_thermal_plugin.media.frames import false_colour, save_frame

Matrix = NDArray[np.float32]


def frame(matrix: Matrix, **changes: object) -> ThermalFrame:
    view = memoryview(matrix.tobytes()).cast("f", matrix.shape)
    made = ThermalFrame(
        camera="kiln",
        channel=2,
        width=matrix.shape[1],
        height=matrix.shape[0],
        matrix=view,
        taken_at=datetime(2024, 1, 15, 2, 20, 30, tzinfo=UTC),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def matrix() -> Matrix:
    """Return a ramp from 20 °C with one hot pixel at row 30, column 100."""
    ramp = np.linspace(20, 30, 120 * 160, dtype=np.float32).reshape(120, 160)
    ramp[30, 100] = 85.25
    return ramp


@pytest.mark.parametrize(("frozen", "said"), [(None, -1), (False, 0), (True, 1)])
def test_npz_holds_every_bit_and_the_pictures(tmp_path: Path, matrix: Matrix, frozen: bool | None, said: int) -> None:
    matrix[0, :3] = np.nan, np.inf, -np.inf
    path = save_frame(
        frame(matrix, frozen=frozen, thermal_picture=b"\xff\xd8t", visible_picture=b"\xff\xd8v"), tmp_path / "f.npz"
    )

    with np.load(path, allow_pickle=False) as file:
        assert file["celsius"].dtype == np.float32
        assert file["celsius"].tobytes() == matrix.tobytes()
        assert (str(file["camera"]), int(file["channel"]), int(file["frozen"])) == ("kiln", 2, said)
        assert str(file["taken_at"]) == "2024-01-15T02:20:30.000Z"
        assert (file["thermal_picture"].tobytes(), file["visible_picture"].tobytes()) == (b"\xff\xd8t", b"\xff\xd8v")


def test_npz_without_pictures_has_none(tmp_path: Path, matrix: Matrix) -> None:
    with np.load(save_frame(frame(matrix), tmp_path / "f.npz"), allow_pickle=False) as file:
        assert set(file) == {"celsius", "camera", "channel", "taken_at", "frozen"}


def test_csv_has_a_line_for_each_row(tmp_path: Path, matrix: Matrix) -> None:
    matrix[0, :3] = np.nan, np.inf, -np.inf
    path = save_frame(frame(matrix), tmp_path / "f.CSV")

    read = np.loadtxt(path, delimiter=",", dtype=np.float32)
    assert read.shape == matrix.shape
    np.testing.assert_allclose(read, matrix, atol=0.0006)
    lines = path.read_bytes().split(b"\n")
    assert lines[0].startswith(b"nan,inf,-inf,20.00")
    assert lines[120:] == [b""]
    assert b"85.250" in lines[30]


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_png_is_enlarged_with_a_scale_and_the_hottest_point_marked(tmp_path: Path, matrix: Matrix) -> None:
    shown = picture(save_frame(frame(matrix), tmp_path / "f.png"))

    assert shown.shape[0] == 480
    assert shown.shape[1] > 640
    colours = false_colour(matrix)
    assert tuple(shown[4 * 100 + 1, 4 * 20 + 1]) == tuple(
        colours[100, 20]
    )  # away from the mark: the colour of the pixel
    middle = (4 * 30 + 2, 4 * 100 + 2)
    ring = shown[middle[0] - 12 : middle[0] + 13, middle[1] - 12 : middle[1] + 13]
    assert (ring == 255).all(axis=2).sum() > 20  # white strokes around the hottest point
    assert tuple(shown[middle]) == tuple(colours[30, 100])  # which itself stays visible
    scale = shown[20:460, 658]
    brightness = scale.astype(int).sum(axis=1)
    assert brightness[0] > 650  # hot is on top
    assert brightness[-1] < 60
    assert (np.diff(brightness) <= 1).all()  # but for rounding
    assert (shown[:, 666:] == 255).all(axis=2).sum() > 50  # its labels


@pytest.mark.parametrize("shape", [(1, 1), (2, 700), (512, 640)])
def test_png_of_any_size(tmp_path: Path, shape: tuple[int, int]) -> None:
    shown = picture(save_frame(frame(np.full(shape, 21.5, np.float32)), tmp_path / "f.png"))

    assert shown.shape[1] >= 640


@pytest.mark.parametrize("place", [(0, 0), (0, 159), (119, 0), (119, 159)])
def test_the_mark_fits_in_every_corner(tmp_path: Path, matrix: Matrix, place: tuple[int, int]) -> None:
    matrix[place] = 99
    shown = picture(save_frame(frame(matrix), tmp_path / "f.png"))

    assert (shown[:, :640] == 255).all(axis=2).sum() > 40  # ring and words


def test_png_without_a_single_valid_pixel(tmp_path: Path) -> None:
    shown = picture(save_frame(frame(np.full((120, 160), np.nan, np.float32)), tmp_path / "f.png"))

    assert (shown[:480, :640] == (0, 110, 110)).all()


def test_false_colour_goes_from_dark_to_bright_and_marks_what_is_invalid() -> None:
    shown = false_colour(np.array([[0, 50, 100, np.nan, np.inf]], np.float32))
    brightness = shown.astype(int).sum(axis=2)[0]

    assert brightness[0] < brightness[1] < brightness[2]
    assert tuple(shown[0, 3]) == tuple(shown[0, 4]) == (0, 110, 110)
    limited = false_colour(np.array([[-50, 0, 100, 500]], np.float32), low=0, high=100)
    assert (limited[0, 0] == limited[0, 1]).all()
    assert (limited[0, 2] == limited[0, 3]).all()


def test_another_suffix_is_wrong_use(tmp_path: Path, matrix: Matrix) -> None:
    with pytest.raises(WrongUse, match=r"f\.jpg: a frame is saved as \.npz, \.csv, \.png"):
        save_frame(frame(matrix), tmp_path / "f.jpg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["npz", "csv", "png"])
def test_a_file_is_replaced_at_once_or_not_at_all(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    target = tmp_path / f"f.{suffix}"
    target.write_bytes(b"the one before")
    real = frames.os.fsync

    def full(descriptor: int) -> None:
        assert target.read_bytes() == b"the one before"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(frames.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_frame(frame(matrix), target)
    assert target.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [target]

    monkeypatch.setattr(frames.os, "fsync", real)
    assert save_frame(frame(matrix), target) == target
    assert target.read_bytes() != b"the one before"
    assert list(tmp_path.iterdir()) == [target]


def test_without_pillow_the_picture_alone_is_missing(
    tmp_path: Path, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)

    with pytest.raises(Unsupported, match=r"pip install 'hik-thermal-plugin\[overlay\]'"):
        save_frame(frame(matrix), tmp_path / "f.png")
    assert list(tmp_path.iterdir()) == []
    save_frame(frame(matrix), tmp_path / "f.csv")


def test_the_csv_writer_leaves_the_file_open_for_its_owner(matrix: Matrix) -> None:
    buffer = io.BytesIO()
    frames._write_csv(frame(matrix), buffer)

    assert buffer.getvalue().count(b"\n") == 120
