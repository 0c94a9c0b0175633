"""The folder of recordings: their names, and which of them have to go."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from nvr_hooks import Alarm
from nvr_hooks.moments import uptime

log = logging.getLogger(__name__)
_NAME = re.compile(r"\d{8}T\d{6}Z_.+\.(mp4|mkv|ps)(\.part)?")


_SET = 3600.0
"""By how many seconds the clock must have jumped to be doubted."""
_DOUBT = 86_400.0


class Shelf:
    """Recordings below one folder. Files that are not named as this names them are left alone.

    `uptime` gives seconds that nobody can set. By it a clock that jumps ahead is found out; then nothing is removed for its age for a day.
    """

    def __init__(self, directory: Path, *, max_age: float, max_size: int, uptime: Callable[[], float] = uptime) -> None:
        self._directory = directory
        self._max_age = max_age
        self._max_size = max_size
        self._uptime = uptime
        self._looked: tuple[float, float] | None = None  # the clock, and the uptime
        self._doubted_until = 0.0

    def place(self, alarm: Alarm, container: str) -> Path:
        """Return a new name for the recording of an alarm, and make its folder: `kiln/20260301T120000Z_2_fire.mp4`.

        Raises OSError where there can be no folder.
        """
        folder = self._directory / _plain(alarm.camera)
        folder.mkdir(parents=True, exist_ok=True)
        channel = "" if alarm.channel is None else f"_{alarm.channel}"
        stem = f"{alarm.received_at.astimezone(UTC):%Y%m%dT%H%M%SZ}{channel}_{_plain(alarm.kind)}"
        names = (stem, *(f"{stem}_{number}" for number in range(2, 1000)))
        return next(
            path
            for path in (folder / f"{name}.{container}" for name in names)
            if not path.exists() and not path.with_name(f"{path.name}.part").exists()
        )

    def tidy(self, now: datetime, busy: Collection[Path] = ()) -> list[Path]:
        """Remove what is too old, then the oldest of what is too much; return what went. `busy` are targets still being written."""
        believed, present = self._believed(now), now.timestamp()
        # What was written in the future was written before the clock was set back: before all that was written since.
        found = sorted(
            (path for path in self._recordings() if not _belongs(path, busy)),
            key=lambda path: ((written := _age_and_name(path))[0] <= present + _SET, *written),
        )
        sizes = {path: _size(path) for path in found}
        total = sum(sizes.values()) + sum(_size(path) for path in self._recordings() if _belongs(path, busy))
        gone = []
        for path in found:
            too_old = believed and present - _age_and_name(path)[0] > self._max_age
            if not too_old and total <= self._max_size:
                continue
            try:
                path.unlink()
            except OSError as error:
                log.warning("the recording %s cannot be removed: %s", path, error.strerror)
                continue
            total -= sizes[path]
            gone.append(path)
        return gone

    def _believed(self, now: datetime) -> bool:
        """Tell whether the clock may say what is too old: not within a day after it jumped ahead, by mistake perhaps."""
        wall, up = now.timestamp(), self._uptime()
        before, self._looked = self._looked, (wall, up)
        if before is not None and (ahead := (wall - before[0]) - (up - before[1])) > _SET:
            self._doubted_until = up + _DOUBT
            text = "the clock went ahead by %.1f hours: for a day no recording below %s is removed for its age"
            log.warning(text, ahead / 3600, self._directory)
        return up >= self._doubted_until

    def _recordings(self) -> Iterator[Path]:
        with suppress(OSError):
            for path in self._directory.glob("*/*"):
                if _NAME.fullmatch(path.name) and path.is_file():
                    yield path


def _belongs(path: Path, busy: Collection[Path]) -> bool:
    """Tell whether a file is one of a recording's that is still going on: its target, a `.part`, or a later file of it."""
    return any(path.parent == target.parent and path.name.startswith(target.stem) for target in busy)


def _age_and_name(path: Path) -> tuple[float, str]:
    """Return when a recording was written last, and its name for those of the same moment."""
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name) or "_"
