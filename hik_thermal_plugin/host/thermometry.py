"""Commands about temperatures: measure, and the measuring rules as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from nvr_hooks import (
    ConfigError,
    LineAt,
    Measurement,
    MeasureOptions,
    Mistake,
    Point,
    PointAt,
    RegionAt,
    Rules,
    RulesDiff,
    Unsupported,
    Where,
    WrongUse,
    measurement_json,
)

from .cameras import CameraName
from .outcome import DONE, FAILED, complain
from .output import change_text, measurement_text, put_json, put_line, put_yaml
from .session import Session
from .settings import parse_mapping


def measure(
    session: Session,
    camera: CameraName,
    point: Annotated[str | None, typer.Option("--point", metavar="X,Y", help="At one point.")] = None,
    line: Annotated[str | None, typer.Option("--line", metavar="X,Y,X,Y", help="Along a line.")] = None,
    region: Annotated[
        str | None, typer.Option("--region", metavar="X,Y,…", help="Over a region of 3 corners or more.")
    ] = None,
    emissivity: Annotated[
        float | None, typer.Option("--emissivity", metavar="E", help="Of the surface: 0.01 to 1.")
    ] = None,
    distance: Annotated[
        float | None, typer.Option("--distance", metavar="M", help="To the surface, in metres.")
    ] = None,
    reflected: Annotated[
        float | None, typer.Option("--reflected", metavar="C", help="Temperature that the surface reflects, in °C.")
    ] = None,
) -> None:
    """Measure now: at a point, along a line or over a region; coordinates are 0…1 from the top left."""
    where = _where(point, line, region)
    options = MeasureOptions(emissivity=emissivity, distance_m=distance, reflected_celsius=reflected)
    session.configure()
    name = session.camera(camera).name
    channel = session.channel(name)
    found: Measurement = session.ask(
        "nvr_measure",
        writes=options != MeasureOptions(),  # into the camera's own settings, and back again
        camera=name,
        channel=channel,
        where=where,
        options=options,
    )
    put_json(measurement_json(found)) if session.options.json else put_line(measurement_text(found))


def rules(
    session: Session,
    camera: CameraName,
    action: Annotated[str, typer.Argument(metavar="get|diff|apply", help="What to do.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Rules as `get` writes them; - is stdin.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="apply: write to the camera; else only tell what would change.")
    ] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="diff: end with 1 when something differs.")] = False,
) -> int:
    """Read the measuring rules of a camera, compare them with a file, or make the camera's rules those of a file."""
    wanted = _wanted(action, file, write=write, exit_code=exit_code)
    session.configure()
    name = session.camera(camera).name
    channel = session.channel(name)
    if wanted is None:
        found: Rules = session.ask("nvr_rules", camera=name, channel=channel)
        put_json(found.document) if session.options.json else put_yaml(found.document)
        return DONE
    number = _number(session, name, channel)
    diff: RulesDiff = session.ask(
        "nvr_apply_rules",
        writes=write,
        camera=name,
        channel=channel,
        rules=Rules(channel=number, document=wanted),
        dry_run=not write,
    )
    if session.options.json:
        changes = [{"path": item.path, "before": item.before, "after": item.after} for item in diff.changes]
        put_json({"camera": name, "channel": number, "applied": diff.applied, "changes": changes})
    for change in () if session.options.json else diff.changes:
        put_line(change_text(change))
    if action == "apply":
        _conclude(diff, f"{name}/{number}")
    return FAILED if exit_code and diff.changes else DONE


def _conclude(diff: RulesDiff, where: str) -> None:
    if not diff.changes:
        complain(f"{where}: nothing to change")
        return
    changes = "1 change" if len(diff.changes) == 1 else f"{len(diff.changes)} changes"
    complain(
        f"{where}: {changes} written" if diff.applied else f"{where}: {changes}, nothing is written without --write"
    )


def _where(point: str | None, line: str | None, region: str | None) -> Where:
    given = [
        (option, text)
        for option, text in (("--point", point), ("--line", line), ("--region", region))
        if text is not None
    ]
    if len(given) != 1:
        raise WrongUse("where? One of --point X,Y, --line X,Y,X,Y and --region X,Y,X,Y,X,Y,…")
    [(option, text)] = given
    points = _points(option, text)
    match option, points:
        case "--point", [at]:
            return PointAt(at=at)
        case "--line", [start, end]:
            return LineAt(start=start, end=end)
        case "--region", [_, _, _, *_]:
            return RegionAt(points=tuple(points))
    count = {"--point": "one point", "--line": "two points", "--region": "three points or more"}[option]
    raise WrongUse(f"{option} takes {count}, got {text}")


def _points(option: str, text: str) -> list[Point]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise WrongUse(f"{option} takes numbers with commas between them, got {text}") from None
    if len(numbers) % 2:
        raise WrongUse(f"{option} takes pairs X,Y, got {len(numbers)} numbers")
    if not all(0 <= number <= 1 for number in numbers):
        raise WrongUse(f"{option} takes coordinates of 0…1 from the top left, got {text}")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _wanted(action: str, file: Path | None, *, write: bool, exit_code: bool) -> dict[str, object] | None:
    """Return the rules of the file; None where the camera's are asked for."""
    if action not in ("get", "diff", "apply"):
        raise WrongUse(f"expected get, diff or apply, got {action}")
    if write and action != "apply":
        raise WrongUse("--write goes with apply")
    if exit_code and action != "diff":
        raise WrongUse("--exit-code goes with diff")
    if action == "get":
        if file is not None:
            raise WrongUse("get writes to stdout and takes no file")
        return None
    if file is None:
        raise WrongUse(f"{action} needs a file with rules, as `rules CAMERA get` writes them")
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as err:
        raise WrongUse(f"cannot read {file}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise WrongUse(f"{file} is not UTF-8 text (byte {err.start})") from err
    try:
        return parse_mapping(text, like="mode: expert")
    except ConfigError as err:
        raise ConfigError(
            [Mistake(f"{file}: {item.path}" if item.path else str(file), item.problem) for item in err.mistakes]
        ) from err


def _number(session: Session, camera: str, channel: int | None) -> int:
    number = channel or session.known(camera).thermal_channel
    if number is None:
        raise Unsupported(f"{camera}: which channel is thermal is not known; name one with --channel", camera=camera)
    return number
