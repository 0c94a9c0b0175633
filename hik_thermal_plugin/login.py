"""How often we may try to log in to a device before its account lock does: twice.

These devices lock an account after about five refused logins, for 30 minutes, for every program and person (isapi.md 1.5). So whatever
logs in, over any protocol and in any process, asks one `LoginBudget` per device and user:

    with budget.attempt("kiln", timeout=10) as attempt:
        ...                               # send the credentials once
        attempt.accepted()                # or attempt.refused(unlock_seconds=...)

- Until one was accepted, only one attempt is under way at a time, across threads and processes (a file lock in `state_dir`).
- After two refusals nothing is sent by anyone until the device's own unlock time, or for `auth_retry_seconds`; then one more is allowed.
- Other credentials have a budget of their own: a mended password helps at once, a second program with a wrong one harms only itself.
- Where the secret has changed in the file it came from, the last attempt is not spent on the old one (`renewed`).
- An attempt without an answer gives its permit back. One whose process died in the middle counts as refused: nobody knows.
- After an acceptance attempts cost nothing, no lock and no file, until one is refused or `doubt()` says that the device may have changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from nvr_hooks import AuthBlocked, Busy
from nvr_hooks.moments import Moment, moments

ALLOWED = 2
"""Refusals after which nothing more is sent: the tightest lock a device can be set to is 3 (isapi.md 1.5)."""
_SLICE = 0.01
_CREDENTIALS_KEPT = 8
_log = logging.getLogger(__name__)


class Attempt:
    """A permit to send the credentials once; leave its `with` block without a word when no answer came."""

    __slots__ = ("_answered", "_budget", "_exclusive", "last")

    def __init__(self, budget: LoginBudget, *, exclusive: bool, last: bool) -> None:
        self._budget = budget
        self._exclusive = exclusive
        self._answered = False
        self.last = last
        """One refusal is counted already and the next ends the budget: ask for something every user may read, so that a missing
        permission is not taken for a wrong password."""

    def accepted(self) -> None:
        """Tell that the device let us in."""
        if not self._answered:
            self._answered = True
            self._budget._accepted(exclusive=self._exclusive)

    def refused(self, unlock_seconds: float | None = None, *, locked: bool = False) -> None:
        """Tell that the device did not; `locked` when it says that the account is, or is about to be, and for how many seconds."""
        if not self._answered:
            self._answered = True
            self._budget._refused(unlock_seconds, locked=locked, exclusive=self._exclusive)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exclusive:
            self._budget._done()


class LoginBudget:
    """The login attempts of one user at one device. Thread-safe; all that talks to the device shares one.

    `key` names device and user; `secret` is what they log in with: only a salted slow hash of it is written down, and only after a
    refusal. `clock` gives seconds since the epoch; set meanwhile, it neither shortens nor prolongs a block. `renewed` is asked before the
    last attempt is spent, and while none is allowed, whether there is another secret by now; whoever says yes connects anew with it. An
    unwritable `state_dir` is warned about once; then the budget ends with the process.
    """

    def __init__(
        self,
        key: str,
        secret: str,
        state_dir: Path,
        *,
        auth_retry_seconds: float = 1800.0,
        clock: Callable[[], float] = time.time,
        renewed: Callable[[], bool] = lambda: False,
    ) -> None:
        self.auth_retry_seconds = auth_retry_seconds
        """How long a refusal without an end of its own lasts."""
        self._secret = secret
        self._now = moments(clock)
        self._seen: tuple[float | None, Moment] = (
            None,
            Moment(0.0),
        )  # a block that begins after now, and when it was met
        self._renewed = renewed
        self._ledger = _Ledger(state_dir / f"login-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json")
        self._fingerprint: tuple[str, str] = ("", "")
        self._gate = threading.Lock()
        self._record = _Record()
        self._proven = False

    @property
    def proven(self) -> bool:
        """Tell whether the credentials were accepted in this process, and neither refused nor doubted since."""
        return self._proven

    def check(self, camera: str) -> None:
        """Raise AuthBlocked when nothing may be sent now, not even a request without credentials."""
        if not self._proven:
            self._raise_if_blocked(camera, self._own(self._ledger.read()))

    def doubt(self) -> None:
        """Go one at a time again until the next acceptance: a connection was lost, and the device may come back with other passwords."""
        self._proven = False

    def attempt(self, camera: str, *, timeout: float = 10.0, cancelled: Callable[[], bool] = lambda: False) -> Attempt:
        """Return the permit for one login attempt, a context manager, waiting at most `timeout` seconds for one that is under way.

        Raises AuthBlocked when none is allowed, and Busy when the other took too long or `cancelled()` became true.
        """
        if self._proven:
            return Attempt(self, exclusive=False, last=False)
        deadline = time.monotonic() + timeout

        def wait() -> None:
            if cancelled() or time.monotonic() > deadline:
                raise Busy(f"{camera}: another login to it is still waiting for its answer", camera=camera)

        while not self._gate.acquire(timeout=5 * _SLICE):
            wait()
        try:
            while not self._proven and not self._ledger.lock():
                wait()
                time.sleep(_SLICE)  # another process has it; flock cannot be waited for with an end
            if not self._proven:
                return self._begin(camera)
        except BaseException:
            self._release()
            raise
        self._gate.release()  # the attempt we waited for was accepted
        return Attempt(self, exclusive=False, last=False)

    def _begin(self, camera: str) -> Attempt:
        record = self._ledger.read()
        mine = self._own(record)
        if record.pending:
            # Whoever began that attempt died before the answer was written down; the device may have counted it.
            record.pending = False
            self._count(record, mine, None, locked=False)
            self._ledger.write(record)
        if mine.blocked_at is not None and (begun := self._begun(mine.blocked_at, mine)).wall != mine.blocked_at:
            mine.blocked_at, mine.boot, mine.up = begun
            self._ledger.write(record)
        self._raise_if_blocked(camera, mine)
        if mine.blocked_at is not None:  # over by itself: one attempt, whose refusal blocks again
            mine.blocked_at, mine.locked, mine.refusals = None, False, ALLOWED - 1
        if mine.refusals >= ALLOWED - 1:
            self._raise_if_renewed(camera)
        record.pending = True
        self._ledger.write(record)
        self._record = record
        return Attempt(self, exclusive=True, last=mine.refusals >= ALLOWED - 1)

    def _accepted(self, *, exclusive: bool) -> None:
        if exclusive:
            if self._record.refused or self._record.suspect:
                self._record.refused.pop(self._hash(self._record), None)
            self._record.suspect = False
            self._proven = True

    def _refused(self, unlock_seconds: float | None, *, locked: bool, exclusive: bool) -> None:
        self._proven = False
        if exclusive:
            self._count(self._record, self._own(self._record), unlock_seconds, locked=locked)
            return
        # It was sent without a lock because the credentials were proven; the holder's answer is due within its own timeout.
        self._gate.acquire()
        try:
            deadline = time.monotonic() + 10
            while not self._ledger.lock() and time.monotonic() < deadline:
                time.sleep(_SLICE)
            record = self._ledger.read()
            self._count(record, self._own(record), unlock_seconds, locked=locked)
            self._ledger.write(record)
        finally:
            self._release()

    def _count(self, record: _Record, mine: _Refusals, unlock_seconds: float | None, *, locked: bool) -> None:
        mine.refusals = ALLOWED if locked else min(mine.refusals + 1, ALLOWED)
        if mine.refusals == ALLOWED:
            mine.blocked_at, mine.boot, mine.up = self._now()
            mine.locked = locked and bool(unlock_seconds)
            mine.seconds = unlock_seconds if unlock_seconds and unlock_seconds > 0 else self.auth_retry_seconds
        record.keep(self._hash(record), mine)

    def _done(self) -> None:
        record, self._record = self._record, _Record()
        record.pending = False
        try:
            self._ledger.write(record)
        finally:
            self._release()

    def _release(self) -> None:
        self._ledger.unlock()
        self._gate.release()

    def _own(self, record: _Record) -> _Refusals:
        if not record.refused and not record.suspect:
            return _Refusals()  # nobody was ever refused: no slow hash needed to find us
        mine = record.refused.get(self._hash(record)) or _Refusals()
        if record.suspect:
            mine.refusals = max(mine.refusals, 1)  # the unreadable file may have held a refusal; one attempt is left
        return mine

    def _hash(self, record: _Record) -> str:
        if self._fingerprint[0] != record.salt:
            # About 50 ms of work: the file must not become a quick way to guess the password.
            salt, rounds = bytes.fromhex(record.salt), 2 ** (14 - record.memory)
            digest = hashlib.scrypt(self._secret.encode(), salt=salt, n=2**record.memory, r=8, p=rounds, dklen=32)
            self._fingerprint = (record.salt, digest.hex())
        return self._fingerprint[1]

    def _raise_if_renewed(self, camera: str) -> None:
        if self._renewed():
            text = f"{camera}: its password has changed where it is kept, and is tried next"
            raise Busy(text, camera=camera)

    def _begun(self, blocked_at: float, mine: _Refusals) -> Moment:
        """Return when a block began. Where the clock went back behind it (no battery, time not set yet), that is when this was seen
        first: it starts again instead of lasting for years."""
        begun, now = Moment(blocked_at, mine.boot, mine.up), self._now()
        if begun.until(now) >= 0:
            return begun
        if self._seen[0] != blocked_at or self._seen[1].until(now) < 0:
            self._seen = (blocked_at, now)
        return self._seen[1]

    def _raise_if_blocked(self, camera: str, mine: _Refusals) -> None:
        if mine.blocked_at is None:
            return
        now = self._now()
        left = mine.seconds - self._begun(mine.blocked_at, mine).until(now)
        if left > 0:
            self._raise_if_renewed(camera)
            until = datetime.fromtimestamp(now.wall + left, UTC)
            why = (
                "the camera has locked the account after refused logins"
                if mine.locked
                else "the login was refused (wrong user or password?)"
            )
            raise AuthBlocked(
                f"{camera}: {why}; nothing more is sent until {until:%Y-%m-%d %H:%M:%S} UTC or until they change, so that "
                f"the camera {'unlocks it' if mine.locked else 'does not lock the account'}",
                camera=camera,
                until=until,
                locked=mine.locked,
            )


@dataclass(slots=True)
class _Refusals:
    refusals: int = 0
    blocked_at: float | None = None
    boot: str = ""
    up: float = 0.0
    seconds: float = 0.0
    locked: bool = False
    """The device said that it has locked the account, and for how long."""


@dataclass(slots=True)
class _Record:
    """What is known of the attempts at one device: refusals by hash of the credentials."""

    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    pending: bool = False
    refused: dict[str, _Refusals] = field(default_factory=dict)
    suspect: bool = False
    """The file could not be read, and what it said is unknown."""
    memory: int = 11
    """Kilobytes the hash takes, as a power of 2: each thread that has computed one holds them for good. Files of before say nothing: 14."""

    def keep(self, fingerprint: str, refusals: _Refusals) -> None:
        self.refused.pop(fingerprint, None)
        self.refused[fingerprint] = refusals
        while len(self.refused) > _CREDENTIALS_KEPT:
            del self.refused[next(iter(self.refused))]

    @classmethod
    def parse(cls, text: str) -> _Record:
        data = json.loads(text)
        record = cls(salt=str(data["salt"]), pending=bool(data["pending"]), suspect=bool(data["suspect"]))
        record.memory = int(data.get("memory", 14))
        if len(bytes.fromhex(record.salt)) < 8 or not 8 <= record.memory <= 14:
            raise ValueError("no salt, or no such hash")
        for fingerprint, value in data["refused"].items():
            at = value["blocked_at"]
            record.refused[str(fingerprint)] = _Refusals(
                int(value["refusals"]),
                None if at is None else float(at),
                str(value.get("boot", "")),
                float(value.get("up", 0.0)),
                float(value["seconds"]),
                bool(value.get("locked", False)),
            )
        return record


class _Ledger:
    """The file one record lives in, beside it the file that is locked: replacing a locked file would leave two locks."""

    _warned: set[Path] = set()  # noqa: RUF012 - one warning per directory and process, not per camera

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._memory: _Record | None = None

    def lock(self) -> bool:
        """Take the lock if it is free; True also where there can be none."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._warn(error)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:  # a file system without locks
            os.close(descriptor)
            self._warn(error)
            return True
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> _Record:
        if self._memory is not None:
            return self._memory
        try:
            text = self._path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return _Record()
        except (OSError, ValueError):
            return _Record(suspect=True)
        try:
            return _Record.parse(text)
        except (ValueError, TypeError, KeyError, AttributeError):
            return _Record(suspect=True)

    def write(self, record: _Record) -> None:
        try:
            if not (record.pending or record.refused or record.suspect):
                self._path.unlink(missing_ok=True)
                self._memory = None
                return
            temporary = self._path.with_suffix(".new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(record), file)
            temporary.replace(self._path)
            self._memory = None
        except OSError as error:
            self._memory = record
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if self._path.parent not in self._warned:
            self._warned.add(self._path.parent)
            _log.warning(
                "%s cannot be written (%s): refused logins are forgotten at the next start, which may lock the camera's account",
                self._path.parent,
                error.strerror,
            )
