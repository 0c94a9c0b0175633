"""The command record: live video of a camera into a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from nvr_hooks import Recording, RecordOptions

from .cameras import CameraName
from .output import put_json, put_line
from .session import Session
from .signals import Empty, Inbox, Stop

SUFFIXES = {".mp4": "mp4", ".mkv": "mkv", ".ps": "ps", ".mpg": "ps", ".vob": "ps", ".3gp": "3gp"}
LOOK_SECONDS = 0.1
Container = Literal["mp4", "mkv", "ps", "3gp"]
Profile = Literal["main", "sub", "third"]


def record(
    session: Session,
    camera: CameraName,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="File to write; it must not be there yet.")
    ],
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", help="End after so many seconds; else at Ctrl-C.")
    ] = None,
    container: Annotated[
        str | None,
        typer.Option(
            "--container", metavar="mp4|mkv|ps|3gp", help="Kind of file; else by the suffix of FILE, else mp4."
        ),
    ] = None,
    segment: Annotated[
        float | None,
        typer.Option("--segment", metavar="S", help="Go on in a new file (FILE-2, FILE-3 …) after so many seconds."),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="main|sub|third", help="Which of the channel's streams.")
    ] = "main",
    overlay: Annotated[bool, typer.Option("--overlay", help="Burn rules and temperatures into it.")] = False,
) -> None:
    """Record live video as the camera sends it, until the time is up or Ctrl-C."""
    options = RecordOptions(
        container=cast(Container, _known(container or SUFFIXES.get(output.suffix.lower(), "mp4"), "--container")),
        seconds=seconds,
        segment_seconds=segment,
        overlay=overlay,
        profile=cast(Profile, _known(profile, "--profile")),
    )
    session.configure()
    session.camera(camera)
    channel = session.channel(camera)
    with Inbox[None]() as inbox:
        recording: Recording = session.ask("nvr_record", camera=camera, channel=channel, target=output, options=options)
        told = 0
        with recording:
            while recording.state == "running":
                told = _tell(session, camera, recording, told)
                try:
                    inbox.get(time.monotonic() + LOOK_SECONDS)
                except Empty:
                    continue
                except Stop:
                    break
        _tell(session, camera, recording, told)
    if recording.error is not None:
        raise recording.error


def _known(word: str, option: str) -> str:
    known = set(SUFFIXES.values()) if option == "--container" else {"main", "sub", "third"}
    if word not in known:
        raise typer.BadParameter(f"expected {', '.join(sorted(known))}, got {word}", param_hint=option)
    return word


def _tell(session: Session, camera: str, recording: Recording, told: int) -> int:
    """Print the files that have become complete since; return how many there are."""
    files = recording.files
    for path in files[told:]:
        size = path.stat().st_size
        if session.options.json:
            put_json({"camera": camera, "file": str(path), "bytes": size})
        else:
            put_line(f"{path}: {size} bytes")
    return len(files)
