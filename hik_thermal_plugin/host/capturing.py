"""The command capture: a device's answers as a folder that can be given away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cameras import CameraName
from .output import put_json, put_line
from .session import Session


def capture(
    session: Session,
    camera: CameraName,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make; one that is there is left alone.")
    ],
) -> None:
    """Save a redacted folder of a camera's answers: for a bug report, and for `simulate --profile DIR`."""
    session.configure()
    name = session.camera(camera).name
    folder: Path = session.ask("nvr_capture", camera=name, target=output)
    files = sorted(path.name for path in folder.iterdir())
    if session.options.json:
        put_json({"camera": name, "folder": str(folder), "files": files})
    else:
        put_line(f"{folder}: {len(files)} files, redacted; README.md there says what is in them")
