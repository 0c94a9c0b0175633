"""One recording file: written beside its name as `.part`, under its name when it is complete."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from nvr_hooks import WrongUse

from .containers import Muxer, open_file
from .pictures import Picture


class Clip:
    """One file that is being written. Raises WrongUse where it would replace something, or where it cannot be made."""

    def __init__(self, target: Path, container: str, camera: str) -> None:
        self.target = target
        self.part = target.with_name(f"{target.name}.part")
        self.first: Picture | None = None
        self.pictures = 0
        self._container = container
        self._camera = camera
        self._muxer: Muxer | None = None
        if target.exists():
            raise WrongUse(f"{target} exists already: a recording replaces nothing")
        try:
            # Of two recordings into one file the second must not write over the first.
            self._lock: int | None = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise WrongUse(
                f"{self.part} exists: another recording writes it, or one was cut off and can still be played"
            ) from None
        except OSError as error:
            raise WrongUse(f"cannot write {self.part}: {error.strerror}") from error
        with suppress(OSError):  # a file system without locks: downloads look at what is in it as well
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, picture: Picture) -> None:
        """Write one picture; the first must be a key picture."""
        if self._muxer is None:
            self._muxer = open_file(self.part, self._container, picture, self._camera)
            self.first = picture
        self._muxer.write(picture)
        self.pictures += 1

    def finish(self) -> Path | None:
        """Complete the file and return it; None, and no file, where nothing was written. Raises OSError: then the .part stays."""
        if self._muxer is None:
            self.part.unlink(missing_ok=True)
            self._let_go()
            return None
        muxer, self._muxer = self._muxer, None
        muxer.close()
        if self._lock is not None:
            os.fsync(self._lock)
        self.part.replace(self.target)
        self._let_go()
        return self.target

    def abandon(self) -> Path | None:
        """Let go after an error; return the .part, which is readable as far as it goes, or None where there is nothing in it."""
        if self._muxer is not None:
            muxer, self._muxer = self._muxer, None
            with suppress(Exception):  # what is wrong is known already
                muxer.close()
        self._let_go()
        with suppress(OSError):
            if self.part.stat().st_size and self.pictures:
                return self.part
            self.part.unlink()
        return None

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)
