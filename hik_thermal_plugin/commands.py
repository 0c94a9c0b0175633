"""The driver's commands on a host's command line: `frame`, which writes radiometric frames as files.

It is the driver's and not the host's because the files are made with numpy and Pillow, which a host need not have.
"""

# Annotations are looked at by typer, so they are objects here and no strings.

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from nvr_hooks import (
    FrameOptions,
    NvrError,
    Refused,
    ThermalFrame,
    Unsupported,
    WrongUse,
    rfc3339,
)


def nvr_commands(cli: Any) -> None:
    """Add `frame` to a command line."""
    import typer

    @cli.command("frame")  # type: ignore[untyped-decorator]
    def frame(
        ctx: typer.Context,
        camera: Annotated[str, typer.Argument(help="Name of the camera in the configuration.")],
        output: Annotated[
            Path,
            typer.Option(
                "-o", "--output", metavar="FILE", help="File to write: .npz, .csv or .png; of a series a folder."
            ),
        ],
        every: Annotated[
            float | None, typer.Option("--every", metavar="S", min=0.1, help="A series: one every so many seconds.")
        ] = None,
        count: Annotated[
            int | None, typer.Option("--count", metavar="N", min=1, help="How many of them; else until Ctrl-C.")
        ] = None,
    ) -> None:
        """Save the thermal image as numbers (NPZ, CSV), or as a picture in false colour (PNG)."""
        session = ctx.obj
        if every is None and count is not None:
            raise WrongUse("--count needs --every: how many seconds from one frame to the next?")
        files = Files(output, series=every is not None)
        name = session.camera(camera).name
        options = FrameOptions(thermal_picture=files.pictures, visible_picture=files.pictures)

        def take() -> None:
            found = session.ask("nvr_thermal_frame", camera=name, channel=session.channel(name), options=options)
            path = files.save(found)
            typer.echo(
                json.dumps(_json(found, path), ensure_ascii=False) if session.options.json else _text(found, path)
            )

        if every is None:
            take()
        else:
            _series(take, every, count, lambda text: typer.echo(f"hik-thermal: {text}", err=True))


class Files:
    """Where frames go, checked before a camera is asked."""

    def __init__(self, output: Path, *, series: bool) -> None:
        from .media.frames import FORMATS

        self._output = output
        self._series = series
        suffix = output.suffix.lower()
        self._folder = series and suffix not in FORMATS
        if suffix not in FORMATS and not series:
            raise WrongUse(f"{output}: a frame is saved as {', '.join(FORMATS)}")
        if suffix == ".png" and find_spec("PIL") is None:
            raise NvrError("a picture in false colour needs Pillow: pip install 'hik-thermal-plugin[overlay]'")
        self.pictures = self._folder or suffix == ".npz"
        """Whether the camera's own pictures have a place in the file."""

    def save(self, frame: ThermalFrame) -> Path:
        """Write a frame and return its file."""
        from .media.frames import save_frame

        path = self._named(frame) if self._series else self._output
        try:
            if self._series:
                path.parent.mkdir(parents=True, exist_ok=True)
            return save_frame(frame, path)
        except (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as err:
            raise WrongUse(f"cannot write {path}: {err.strerror}") from err
        except OSError as err:
            raise NvrError(f"cannot write {path}: {err.strerror}") from err

    def _named(self, frame: ThermalFrame) -> Path:
        """Return the name of one of a series: by its time, and never one that is there."""
        word = re.sub(r"[^\w.-]", "_", frame.camera) if self._folder else self._output.stem
        stem = f"{word}-{frame.taken_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        folder, suffix = (self._output, ".npz") if self._folder else (self._output.parent, self._output.suffix)
        path, number = folder / f"{stem}{suffix}", 2
        while path.exists():
            path, number = folder / f"{stem}-{number}{suffix}", number + 1
        return path


def _series(take: Callable[[], None], every: float, count: int | None, complain: Callable[[str], None]) -> None:
    """Take frames until there are enough or somebody ends it; the first has to succeed, later ones are passed over with a word."""
    missing = 0
    try:
        for number, _ in enumerate(_times(every, count)):
            try:
                take()
            except (Refused, Unsupported, WrongUse):
                raise
            except NvrError as err:
                if not number:
                    raise
                complain(str(err))
                missing += 1
    except KeyboardInterrupt:
        return
    if missing:
        raise NvrError(f"{missing} of {count} frames are missing")


def _times(every: float, count: int | None) -> Iterator[None]:
    """Return `count` times, `every` seconds from start to start; a time that has passed already is left out."""
    never = threading.Event()
    due = time.monotonic()
    while count is None or count:
        yield
        count = None if count is None else count - 1
        if count == 0:
            return
        due += every * max(1, math.ceil((time.monotonic() - due) / every))
        never.wait(due - time.monotonic())


def _json(frame: ThermalFrame, path: Path) -> dict[str, Any]:
    from .radiometry import over_all

    seen = over_all(frame.matrix)
    return {
        "camera": frame.camera,
        "channel": frame.channel,
        "file": str(path),
        "width": frame.width,
        "height": frame.height,
        "taken_at": rfc3339(frame.taken_at),
        "frozen": frame.frozen,
        "highest_celsius": seen.highest_celsius,
        "highest_at": seen.highest_at,
        "lowest_celsius": seen.lowest_celsius,
        "lowest_at": seen.lowest_at,
        "average_celsius": seen.average_celsius,
        "invalid": seen.invalid,
    }


def _text(frame: ThermalFrame, path: Path) -> str:
    from .radiometry import over_all

    seen = over_all(frame.matrix)
    values = [f"{frame.width} x {frame.height}", f"channel {frame.channel}"]
    for word, celsius, at in (
        ("highest", seen.highest_celsius, seen.highest_at),
        ("lowest", seen.lowest_celsius, seen.lowest_at),
        ("average", seen.average_celsius, None),
    ):
        if celsius is not None:
            values.append(f"{word} {celsius:.1f} °C" + ("" if at is None else f" at {at[0]:.3f},{at[1]:.3f}"))
    if seen.invalid:
        values.append(f"{seen.invalid} pixels without a value")
    if frame.frozen:
        values.append("frozen")
    return f"{path}: {', '.join(values)}, {frame.taken_at.isoformat(sep=' ', timespec='milliseconds')}"
