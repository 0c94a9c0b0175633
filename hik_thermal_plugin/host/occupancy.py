"""One service to a state folder: what undelivered alarms, open events and times are kept in has one owner, and a second one is told who."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from nvr_hooks import NvrError

FILE: Final = "service.lock"
log = logging.getLogger(__name__)


class Occupancy:
    """The state folders this service has for itself. The system gives them back however the process ends."""

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, folder: Path) -> None:
        """Have a folder for this service alone; raise NvrError where another service has it. One that cannot be written is told by those
        who need it."""
        path = folder.absolute() / FILE
        if path in self._held:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            log.debug("%s cannot be locked: %s", path, err.strerror)
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise NvrError(
                f"another service (process {owner or 'unknown'}) runs with the state folder {folder}: alarms and events of both would mix; "
                "end it, or give this one a state_dir and a mqtt.prefix of its own"
            ) from None
        except OSError as err:  # a file system without locks
            os.close(descriptor)
            log.debug("%s cannot be locked: %s", path, err.strerror)
            return
        os.ftruncate(descriptor, 0)
        with suppress(OSError):
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._held[path] = descriptor

    def keep_only(self, folder: Path | None) -> None:
        """Give all other folders back."""
        kept = None if folder is None else folder.absolute() / FILE
        for path in [path for path in self._held if path != kept]:
            os.close(self._held.pop(path))
