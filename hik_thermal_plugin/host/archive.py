"""The commands search and download: recordings on cameras, found and brought home."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Literal, cast

import typer
from nvr_hooks import (
    DownloadOptions,
    NvrError,
    RecordedFile,
    SearchOptions,
    TimeSpan,
    WrongUse,
    recording_json,
)

from .cameras import CameraName
from .machine_zone import MachineZone
from .outcome import complain
from .output import local, printable, put_json, put_line, put_table
from .session import Session
from .transfers import Wanted, fetch, put_lost

SUFFIXES = {".mp4": "mp4", ".mkv": "mkv", ".ps": "ps", ".mpg": "ps", ".mpeg": "ps", ".vob": "ps"}
LOOK_BACK = (timedelta(days=1), timedelta(days=7), timedelta(days=31), timedelta(days=366))
"""How far back a recording is looked for by its name, step by step."""
AHEAD = timedelta(days=1)
"""Clocks differ."""
Container = Literal["mp4", "mkv", "ps"]
Start = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="RFC 3339; without an offset in the camera's zone.")
]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="End of the span, written as --start.")]
Kind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="Only recordings of that kind: timing, motion, alarm …")
]
Track = Annotated[
    int | None, typer.Option("--track", metavar="N", help="Track of the camera: channel x 100 + 1; else the channel's.")
]


def search(
    session: Session, camera: CameraName, start: Start = None, end: End = None, kind: Kind = None, track: Track = None
) -> None:
    """Find recordings on a camera between two times."""
    session.configure()
    zone = _zone(session, camera)
    span = _span(start, end, zone)
    if span is None:
        raise WrongUse("search needs --start and --end")
    found = _found(session, camera, span, kind, track)
    if session.options.json:
        for file in found:
            put_json(recording_json(file))
        return
    put_table(
        ("start", "end", "track", "kind", "bytes", "name", ""),
        [
            (
                local(file.start.astimezone(zone)),
                local(file.end.astimezone(zone)),
                file.track,
                file.kind,
                file.size,
                file.name,
                _remarks(file),
            )
            for file in found
        ],
    )


def download(
    session: Session,
    camera: Annotated[
        list[str],
        typer.Argument(metavar="CAMERA [NAME…]", help="A camera and names of its recordings; with times, cameras."),
    ],
    path: Annotated[
        str,
        typer.Option("-o", "--output", metavar="PATH", help="File to write; a directory for one file a recording."),
    ],
    start: Start = None,
    end: End = None,
    kind: Kind = None,
    track: Track = None,
    container: Annotated[
        str | None,
        typer.Option(
            "--container",
            metavar="mp4|mkv|ps",
            help="Kind of file; else, by time, by the suffix of PATH, and by name the camera's own bytes.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for recordings that are still being written.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be downloaded.")] = False,
) -> int:
    """Bring recordings home: by name, all of a span (PATH is a directory), or a span of time in one file."""
    if container is not None and container not in SUFFIXES.values():
        raise typer.BadParameter(f"expected mp4, mkv or ps, got {container}", param_hint="--container")
    options = DownloadOptions(container=cast(Container | None, container), overwrite=overwrite, wait_for_recording=wait)
    session.configure()
    output = Path(path)
    folder = output.is_dir() or path.endswith("/")  # which a Path does not keep
    by_time = start is not None or end is not None
    names = [] if by_time else camera[1:]
    if not by_time and not names:
        raise WrongUse("download needs the name of a recording, or --start and --end")
    if by_time and not folder and len(camera) == 1 and (kind is not None or track is not None):
        raise WrongUse("--kind and --track choose recordings: give a directory as PATH")
    cameras = list(dict.fromkeys(camera if by_time else camera[:1]))
    for name in cameras:
        session.camera(name)  # one that is mistyped ends it before anything is fetched
    plan: list[Wanted] = []
    lost: list[int] = []
    for name in cameras:
        try:
            zone = _zone(session, name)
            span = _span(start, end, zone)
            if span is None:
                files = [_named(session, name, wanted, track) for wanted in names]
            elif folder or len(camera) > 1:
                files = list(_found(session, name, span, kind, track))
            else:
                plan.append(_joined(session, name, span, output, options))
                continue
        except WrongUse:
            raise
        except NvrError as error:
            if len(cameras) == 1:
                raise
            lost.append(put_lost(session, name, error, dry_run=dry_run))
            continue
        if len(files) == 1 and not folder and span is None:
            plan.append(Wanted(name, files[0], output, options))
            continue
        if output.exists() and not output.is_dir():
            raise WrongUse(f"{output} is a file: several recordings need a directory")
        if not files and span is not None:
            complain(f"{name}: has no such recording from {local(span.start)} to {local(span.end)}")
        taken = {item.target for item in plan}
        for file in files:
            target = _free(output / file_name(name, file, zone, container), taken)
            taken.add(target)
            plan.append(Wanted(name, file, target, options))
    if dry_run:
        _tell_plan(session, plan)
        return lost[0] if lost else 0
    many = folder or len(plan) > 1 or len(cameras) > 1
    if plan and many:
        _make(output)
    code = fetch(session, plan, many=many)
    return lost[0] if lost else code


def file_name(camera: str, file: RecordedFile, zone: tzinfo, container: str | None) -> str:
    """Return what a recording is called here: nothing of what a device calls it leads out of its directory."""
    picture = (file.playback_uri or "").lower().startswith("http")
    suffix = {"mp4": ".mp4", "mkv": ".mkv"}.get(container or "", ".jpg" if picture else ".mpg")
    start = file.start.astimezone(zone).strftime("%Y%m%dT%H%M%S%z")
    parts = [safe(camera), str(file.track), start, safe(file.name or "")]
    return "-".join(part for part in parts if part) + suffix


def safe(name: str) -> str:
    """Return a name as a part of a file's name: letters, digits and a few signs, not hidden, not too long."""
    return re.sub(r"[^\w.+=-]", "_", name).strip(".")[:100]


@dataclass(frozen=True, slots=True)
class _Moment:
    text: str
    option: str

    def read(self, zone: tzinfo) -> datetime:
        try:
            found = datetime.fromisoformat(self.text.strip())
        except ValueError:
            raise WrongUse(
                f"{self.option}: {printable(self.text)} is no time like 2026-01-31T12:00:00+01:00 or 2026-01-31 12:00"
            ) from None
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def _span(start: str | None, end: str | None, zone: tzinfo) -> TimeSpan | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise WrongUse("a span needs both --start and --end")
    first, last = _Moment(start, "--start").read(zone), _Moment(end, "--end").read(zone)
    if last.astimezone(UTC) <= first.astimezone(UTC):
        raise WrongUse(f"--end {local(last)} is not after --start {local(first)}")
    return TimeSpan(start=first, end=last)


def _zone(session: Session, camera: str) -> tzinfo:
    """Return the zone of the camera's clock; where it does not tell one, this machine's."""
    return session.known(camera).zone or MachineZone()


def _found(
    session: Session, camera: str, span: TimeSpan, kind: str | None, track: int | None
) -> Iterator[RecordedFile]:
    return cast(
        Iterator[RecordedFile],
        session.ask(
            "nvr_search",
            camera=camera,
            channel=session.channel(camera),
            start=span.start,
            end=span.end,
            options=SearchOptions(track=track, kind=kind),
        ),
    )


def _named(session: Session, camera: str, name: str, track: int | None) -> RecordedFile:
    """Return the recording of that name, looked for further and further back."""
    now = datetime.now(UTC)
    until = now + AHEAD
    for back in LOOK_BACK:
        since = now - back
        for file in _found(session, camera, TimeSpan(start=since, end=until), None, track):
            if file.name == name:
                return file
        until = since
    raise NvrError(f"{camera}: has no recording called {printable(name)} since {local(until)}")


def _joined(session: Session, camera: str, span: TimeSpan, output: Path, options: DownloadOptions) -> Wanted:
    container = options.container or SUFFIXES.get(output.suffix.lower(), "mp4")
    chosen = DownloadOptions(
        container=cast(Container, container),
        overwrite=options.overwrite,
        wait_for_recording=options.wait_for_recording,
    )
    return Wanted(camera, span, output, chosen)


def _free(target: Path, taken: set[Path]) -> Path:
    number, found = 1, target
    while found in taken:
        number += 1
        found = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"cannot make {folder}: {error.strerror}") from error


def _tell_plan(session: Session, plan: Sequence[Wanted]) -> None:
    """Tell what would be downloaded; of a span of time, which recordings it would be made of."""
    rows = []
    for item in plan:
        zone = _zone(session, item.camera)
        files = [item.what] if isinstance(item.what, RecordedFile) else []
        if isinstance(item.what, TimeSpan):
            files = list(_found(session, item.camera, item.what, None, None))
        for file in files:
            rows.append((item, file, zone))
        if not files and session.options.json:
            put_json({"camera": item.camera, "file": str(item.target), "recording": None, "todo": item.todo})
        elif not files:
            put_line(f"{item.target}: {item.camera} recorded nothing of that time")
    if session.options.json:
        for item, file, _ in rows:
            put_json(
                {"camera": item.camera, "file": str(item.target), "recording": recording_json(file), "todo": item.todo}
            )
        return
    if not rows:
        return
    put_table(
        ("camera", "start", "end", "kind", "bytes", "file", ""),
        [
            (
                item.camera,
                local(file.start.astimezone(zone)),
                local(file.end.astimezone(zone)),
                file.kind,
                file.size,
                item.target,
                item.todo,
            )
            for item, file, zone in rows
        ],
    )
    put_line(f"{len(rows)} recording{'s' if len(rows) > 1 else ''}, {sum(file.size or 0 for _, file, _ in rows)} bytes")


def _remarks(file: RecordedFile) -> str:
    words = ["locked" if file.locked else "", "still being written" if file.still_recording else ""]
    return ", ".join(word for word in words if word)
