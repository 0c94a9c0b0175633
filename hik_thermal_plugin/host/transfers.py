"""Downloads under way: one at a time for a camera, several cameras at once, told on a terminal or as JSON lines."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvr_hooks import Download, DownloadOptions, NvrError, RecordedFile, TimeSpan, rfc3339
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .outcome import code_of, complain
from .output import local, printable, put_json, put_line
from .session import Session
from .signals import Empty, Inbox, Stop

LOOK_SECONDS = 0.1
TELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file that is to be."""

    camera: str
    what: RecordedFile | TimeSpan
    target: Path
    options: DownloadOptions

    @property
    def name(self) -> str | None:
        """Tell what the camera calls it, by name only."""
        return self.what.name if isinstance(self.what, RecordedFile) else None

    @property
    def todo(self) -> str:
        """Tell in a word what a download would do: fetch, wait, skip (still being written), there, keep."""
        if self.target.exists() and not self.options.overwrite:
            size = self.what.size if isinstance(self.what, RecordedFile) else None
            whole = self.options.container is not None or size is None or self.target.stat().st_size == size
            return "there" if isinstance(self.what, RecordedFile) and whole else "keep"
        if isinstance(self.what, RecordedFile) and self.what.still_recording:
            return "wait" if self.options.wait_for_recording else "skip"
        return "fetch"


def fetch(session: Session, plan: Sequence[Wanted], *, many: bool) -> int:
    """Download what is planned; return the exit code of the first that failed. Of many, the others go on."""
    queues: dict[str, deque[Wanted]] = {}
    for item in plan:
        queues.setdefault(item.camera, deque()).append(item)
    active: dict[str, tuple[Wanted, Download]] = {}
    codes: list[int] = []
    with ExitStack() as stack:
        inbox = stack.enter_context(Inbox[None]())
        board = stack.enter_context(Board(json=session.options.json))
        try:
            while queues or active:
                for camera in [name for name in queues if name not in active]:
                    item = queues[camera].popleft()
                    if not queues[camera]:
                        del queues[camera]
                    if many and _passed_over(session, item):
                        continue
                    try:
                        active[camera] = (item, _begin(session, item))
                    except NvrError as error:
                        if not many:
                            raise
                        codes.append(_failed(session, item, error))
                for camera, (item, download) in list(active.items()):
                    board.show(item, download)
                    if download.state == "running":
                        continue
                    del active[camera]
                    board.end(item)
                    if download.error is None:
                        _tell_done(session, item, download)
                    elif many:
                        codes.append(_failed(session, item, download.error))
                    else:
                        raise download.error
                if active:
                    with suppress(Empty):
                        inbox.get(time.monotonic() + LOOK_SECONDS)
        except Stop:
            for _, download in active.values():
                download.close()
            complain("interrupted: what was not complete is gone")
            return 1
    return codes[0] if codes else 0


class Board:
    """How far downloads are: bars on a terminal, JSON lines once a second, nothing where neither is wanted."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._told: dict[Path, float] = {}
        self._tasks: dict[Path, Any] = {}
        self._bars: Progress | None = None
        if not json and sys.stderr.isatty():
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )

    def show(self, item: Wanted, download: Download) -> None:
        """Show one download."""
        now = download.progress
        if self._json:
            if time.monotonic() - self._told.get(item.target, 0.0) >= TELL_SECONDS and download.state == "running":
                self._told[item.target] = time.monotonic()
                put_json(
                    {
                        **_named(item),
                        "state": "running",
                        "bytes": now.bytes,
                        "fraction": now.fraction,
                        "stream_time": now.stream_time,
                    }
                )
        elif self._bars is not None:
            if item.target not in self._tasks:
                total = item.what.size if isinstance(item.what, RecordedFile) else None
                self._tasks[item.target] = self._bars.add_task(
                    f"{printable(item.camera)} {printable(item.target.name)}", total=total, note=""
                )
            note = "" if now.stream_time is None else f"{now.stream_time:.0f} s of video"
            self._bars.update(self._tasks[item.target], completed=now.bytes, note=note)

    def end(self, item: Wanted) -> None:
        """Show it no longer."""
        if self._bars is not None and item.target in self._tasks:
            self._bars.remove_task(self._tasks.pop(item.target))

    def __enter__(self) -> Board:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()


def _begin(session: Session, item: Wanted) -> Download:
    channel = item.what.channel if isinstance(item.what, RecordedFile) else session.channel(item.camera)
    found: Download = session.ask(
        "nvr_download",
        camera=item.camera,
        channel=channel,
        what=item.what,
        target=item.target,
        options=item.options,
        progress=None,
    )
    return found


def put_lost(session: Session, camera: str, error: NvrError, *, dry_run: bool) -> int:
    """Tell that one of several cameras could not even be asked; return the exit code for it."""
    if session.options.json and not dry_run:
        put_json({"camera": camera, "name": None, "file": None, "state": "failed", "error": str(error)})
    complain(str(error))
    return code_of(error)


def _passed_over(session: Session, item: Wanted) -> bool:
    """Tell, of one among many, that it need not or cannot be fetched now."""
    reason = {"there": "is there already", "skip": "is still being written (--wait waits for it)"}.get(item.todo)
    if reason is None:
        return False
    if session.options.json:
        put_json({**_named(item), "state": item.todo})
    else:
        complain(f"{item.camera}: {item.name or item.target} {reason}")
    return True


def _failed(session: Session, item: Wanted, error: BaseException) -> int:
    if session.options.json:
        put_json({**_named(item), "state": "failed", "error": str(error)})
    complain(str(error))
    return code_of(error)


def _tell_done(session: Session, item: Wanted, download: Download) -> None:
    size, span = download.path.stat().st_size, download.span
    if session.options.json:
        document: dict[str, Any] = {**_named(item), "state": "done", "bytes": size}
        if span is not None:
            document["start"], document["end"] = rfc3339(span.start), rfc3339(span.end)
            document["gaps"] = [{"start": rfc3339(gap.start), "end": rfc3339(gap.end)} for gap in download.gaps]
        put_json(document)
        return
    zone = item.what.start.tzinfo if isinstance(item.what, TimeSpan) else None
    text = f"{download.path}: {size} bytes"
    if span is not None:
        text += f", {local(span.start.astimezone(zone))} to {local(span.end.astimezone(zone))}"
    put_line(text)
    for gap in download.gaps:
        put_line(f"  not recorded: {local(gap.start.astimezone(zone))} to {local(gap.end.astimezone(zone))}")


def _named(item: Wanted) -> dict[str, Any]:
    return {"camera": item.camera, "name": item.name, "file": str(item.target)}
