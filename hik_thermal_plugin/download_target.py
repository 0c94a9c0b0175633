"""Where a download ends: beside its name as `.part`, which is locked while it is written, and under its name when it is complete."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path

from nvr_hooks import WrongUse

_STARTS = (b"IMKH", b"\0\0\1\xba", b"\xff\xd8\xff")


class DownloadTarget:
    """One file that is to be. Raises WrongUse where it cannot be made, where it would replace something unasked, or is being written already.

    `goes_on`: what an earlier download left in the `.part` may be gone on from; else an older one is somebody else's.
    """

    def __init__(self, path: Path, *, overwrite: bool, goes_on: bool) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._overwrite = overwrite
        try:
            there = path.stat()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise WrongUse(f"cannot write {path}: {error.strerror}") from error
        else:
            if stat.S_ISDIR(there.st_mode):
                raise WrongUse(f"{path} is a directory: name a file")
            if not overwrite:
                raise WrongUse(f"{path} exists already and is kept")
        self._lock: int | None = _locked(self.part)
        start = os.pread(self._lock, 4, 0)
        if start and not (goes_on and start.startswith(_STARTS)):
            if not overwrite:
                self._let_go()
                raise WrongUse(f"{self.part} exists: something else was cut off there; remove it, or overwrite it")
            os.truncate(self._lock, 0)

    def kept(self) -> int:
        """Return how many bytes are in the `.part`."""
        with suppress(OSError):
            return self.part.stat().st_size
        return 0

    def complete(self) -> None:
        """Give the file its name. Raises OSError, WrongUse where another has taken it meanwhile; then the `.part` stays."""
        assert self._lock is not None, "completed once"
        try:
            os.fsync(self._lock)
            if self.path.exists() and not self._overwrite:
                raise WrongUse(f"{self.path} exists by now and is kept; what was downloaded is in {self.part}")
            self.part.replace(self.path)
        finally:
            self._let_go()

    def set_aside(self) -> Path:
        """Give what is not complete a name of its own beside, and return it: what an earlier try has kept stays. Raises OSError."""
        for number in count(1):
            word = "incomplete" if number == 1 else f"incomplete-{number}"
            aside = self.path.with_name(f"{self.path.stem}.{word}{self.path.suffix}")
            with suppress(FileExistsError):
                os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
                break
        try:
            self.part.replace(aside)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        self._let_go()
        return aside

    def leave(self) -> None:
        """Let go of the `.part` and keep it, if there is anything in it."""
        if not self.kept():
            self.drop()
        self._let_go()

    def drop(self) -> None:
        """Remove the `.part`."""
        if self._lock is not None:
            self.part.unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _locked(part: Path) -> int:
    """Return a descriptor of the file that is its lock, in this process too."""
    while True:
        try:
            descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise WrongUse(f"cannot write {part}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == part.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # completed or removed just now
        except OSError:
            os.close(descriptor)
            raise WrongUse(f"{part} is being written by another download or recording") from None
        os.close(descriptor)
