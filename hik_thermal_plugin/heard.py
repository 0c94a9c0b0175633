"""When each camera was heard last, kept in a file over the end of a service: what a restart, planned or not, has made it miss begins there."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

FILE: Final = "heard.json"
EVERY_SECONDS: Final = 30.0
"""How often it is written down: after a kill -9 a gap begins at most so much too early."""
_log = logging.getLogger(__name__)


class HeardTimes:
    """Writes what `ask` answers, camera by camera, from `start` to `close`; one thread. A file that cannot be written is no fault of a camera."""

    def __init__(self, path: Path, ask: Callable[[], Mapping[str, datetime | None]]) -> None:
        self._path = path
        self._ask = ask
        self._closing = threading.Event()
        self._told = False
        self._thread = threading.Thread(target=self._run, name="heard", daemon=True)

    def start(self) -> dict[str, datetime]:
        """Return what an earlier life wrote down, and begin to write."""
        before = _read(self._path)
        self._thread.start()
        return before

    def close(self) -> None:
        """Write once more and end; safe to call twice."""
        if not self._closing.is_set():
            self._closing.set()
            self._thread.join(2.0)
            self._write()

    def _run(self) -> None:
        while not self._closing.wait(EVERY_SECONDS):
            self._write()

    def _write(self) -> None:
        times = {camera: at.isoformat() for camera, at in self._ask().items() if at is not None}
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(times), encoding="utf-8")
            new.replace(self._path)
        except OSError as err:
            level = logging.DEBUG if self._told else logging.WARNING
            self._told = True
            _log.log(level, "what a restart misses will not be known: %s: %s", self._path, err.strerror)
        else:
            self._told = False


def _read(path: Path) -> dict[str, datetime]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    times = {}
    for camera, text in found.items() if isinstance(found, dict) else ():
        with suppress(TypeError, ValueError):
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None:
                times[str(camera)] = at
    return times
