"""What must outlive the process, in one SQLite file.

Everything is in memory too; a thread of its own writes changes down in groups, at most `GROUPING` after they were made. A kill -9 costs
no more than the group being collected (what is committed is with the kernel: WAL, synchronous NORMAL). When the file cannot be written
(disk full, no rights, used by another process) work goes on in memory, `trouble` says why, and writing is tried again every `retry`
seconds, with everything. A file that is no database any more, or one that a newer version made, is moved aside. One of an older version
is brought to the present layout, whole or not at all.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

GROUPING: Final = 0.03
SCHEMA: Final = 2
"""Version of the file's layout, kept in its `user_version`."""
_FIRST: Final = (
    "CREATE TABLE IF NOT EXISTS kept (area TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY (area, name))"
)
_STEPS: Final[dict[int, tuple[str, ...]]] = {
    1: ("CREATE TABLE about (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",),
}
"""What leads from each layout to the next one. 2: the file tells which version of the program wrote it last."""
_BROKEN: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY_SECONDS: Final = 1.0

Key = tuple[str, str]
"""Area and name."""
Row = tuple[str, bytes]
"""Text about it, and the bytes themselves."""


class Store:
    """Rows by area and name. Thread-safe. `on_trouble` is called from its thread when `trouble` or `moved_aside` changed."""

    def __init__(
        self, path: Path, on_trouble: Callable[[], None] = lambda: None, *, retry: float = 5.0, most_pages: int = 0
    ) -> None:
        self.path = path
        self.trouble: str | None = None
        """Why nothing is written down, for people; None while it is."""
        self.moved_aside: str | None = None
        """Name of the file a broken database was moved to."""
        self._on_trouble = on_trouble
        self._retry = retry
        self._most_pages = most_pages
        self._rows: dict[Key, Row] = {}
        self._changes: dict[Key, Row | None] = {}
        self._written: set[Key] = set()
        self._loaded = False
        self._busy = False
        self._closing = False
        self._hurried = False
        self._changed = threading.Condition()
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Read what an earlier life kept and begin to write; never raises: `trouble` says what is wrong."""
        try:
            self._connect()
        except (sqlite3.Error, OSError) as err:
            self._fail(err)
        self._thread = threading.Thread(target=self._run, name="mqtt-store", daemon=True)
        self._thread.start()

    def area(self, area: str) -> dict[str, Row]:
        """Return the rows of one area, sorted by name."""
        with self._changed:
            return {name: row for (where, name), row in sorted(self._rows.items()) if where == area}

    def together(self) -> AbstractContextManager[bool | None]:
        """Return the lock of the rows: what is put and dropped under it is written down in one piece, or not at all."""
        return self._changed

    def put(self, area: str, name: str, text: str, data: bytes = b"") -> None:
        """Keep a row."""
        with self._changed:
            self._rows[area, name] = (text, data)
            self._change((area, name), (text, data))

    def drop(self, area: str, name: str) -> None:
        """Forget a row. One that was never written down is not written down to be deleted."""
        with self._changed:
            if self._rows.pop((area, name), None) is None:
                return
            if (area, name) in self._written or self._busy:
                self._change((area, name), None)
            else:
                self._changes.pop((area, name), None)

    def flush(self, timeout: float) -> bool:
        """Write down everything now; return whether that is done. Seconds."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.trouble is not None or not (self._changes or self._busy), timeout)
            self._hurried = False
            return self.trouble is None and not self._changes and not self._busy

    def close(self, timeout: float = 2.0) -> bool:
        """Write down what is left and end; return whether everything is on disk."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        return self.trouble is None and not self._changes

    def _change(self, key: Key, row: Row | None) -> None:
        first = not self._changes
        self._changes[key] = row
        if first:
            self._changed.notify_all()

    def _run(self) -> None:
        while self._wait():
            with self._changed:
                changes, self._changes = self._changes, {}
                self._busy = True
            try:
                if self.trouble is None:
                    if changes:
                        self._write(changes)
                else:
                    self._recover()
            except (sqlite3.Error, OSError) as err:
                self._fail(err)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
            if self._closing and self.trouble is not None:
                break
        self._disconnect()

    def _wait(self) -> bool:
        """Wait until there is something to write; False when there never will be."""
        with self._changed:
            if self.trouble is not None:
                self._changed.wait_for(lambda: self._closing, self._retry)
                return True  # once more, at the end too
            self._changed.wait_for(lambda: self._changes or self._closing)
            self._changed.wait_for(lambda: self._hurried or self._closing, GROUPING)
            return bool(self._changes) or not self._closing  # what was put may have been dropped meanwhile

    def _write(self, changes: dict[Key, Row | None]) -> None:
        connection = self._connection
        if connection is None:
            raise sqlite3.OperationalError("not open")
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)",
                [(*key, *row) for key, row in changes.items() if row is not None],
            )
            connection.executemany(
                "DELETE FROM kept WHERE area = ? AND name = ?", [key for key, row in changes.items() if row is None]
            )
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        with self._changed:
            for key, row in changes.items():
                (self._written.discard if row is None else self._written.add)(key)

    def _recover(self) -> None:
        """Open the file again and write down everything: changes made in between were not collected."""
        self._connect()
        with self._changed:
            everything: dict[Key, Row | None] = dict(self._rows)
        self._write({**dict.fromkeys(self._written - set(everything)), **everything})
        log.warning("the outbox is written to %s again", self.path)
        self.trouble = None
        self._on_trouble()

    def _connect(self) -> None:
        self._disconnect()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            connection = self._opened()
        except sqlite3.DatabaseError as err:
            if getattr(err, "sqlite_errorcode", 0) & 0xFF not in _BROKEN:  # extended codes have it in the low byte
                raise
            self._move_aside(err)
            connection = self._opened()
        self._connection = connection
        rows: dict[Key, Row] = {
            (area, name): (text, data)
            for area, name, text, data in connection.execute("SELECT area, name, text, data FROM kept")
        }
        with self._changed:
            self._written = set(rows)
            if not self._loaded:
                self._loaded = True
                self._rows = {**rows, **self._rows}

    def _opened(self) -> sqlite3.Connection:
        """Return a connection to a sound file of our layout; raise sqlite3.Error when it is none."""
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=8
        )
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # two processes would deliver each other's events
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA journal_size_limit = 1000000")
            if self._most_pages:
                connection.execute(f"PRAGMA max_page_count = {int(self._most_pages)}")
            _lay_out(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _move_aside(self, err: sqlite3.Error) -> None:
        ending = f".layout-{err.layout}" if isinstance(err, _Newer) else ".broken"
        aside = self.path.with_name(self.path.name + ending)
        self.path.replace(aside)
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + ending).unlink()
        self.moved_aside = str(aside)
        log.error("the outbox %s is of no use here (%s): moved aside to %s, begun anew", self.path, err, aside)
        self._on_trouble()

    def _fail(self, err: Exception) -> None:
        reason = f"{self.path}: {err}"
        if getattr(err, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            reason += "; does another bridge run under the same mqtt.prefix? They would end each other's connections"
        self._disconnect()
        if self.trouble is None:
            log.error("the outbox is kept in memory only, a restart would lose it: %s", reason)
        else:
            log.debug("the outbox is still in memory only: %s", reason)
        if self.trouble != reason:
            self.trouble = reason
            self._on_trouble()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error), closing(connection):
                pass


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version to the present layout; raise sqlite3.DatabaseError when the file is not sound
    or of a newer one."""
    connection.execute("BEGIN IMMEDIATE")  # closing the connection takes back what is not committed
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if layout > SCHEMA:
        raise _Newer(layout)
    if layout == 0:
        connection.execute(_FIRST)
    for step in range(max(layout, 1), SCHEMA):
        for statement in _STEPS[step]:
            connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO about VALUES ('written_by', ?)", (_program(),))
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")
    if 0 < layout < SCHEMA:
        log.info("the outbox is brought from layout %d to %d", layout, SCHEMA)
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise _broken(str(sound))


class _Newer(sqlite3.DatabaseError):
    """The file was made by a newer version, which will know it when it comes back."""

    def __init__(self, layout: int) -> None:
        super().__init__(f"made by a newer version: layout {layout}, this one knows {SCHEMA}")
        self.layout = layout
        self.sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _program() -> str:
    try:
        return version("hik-thermal-plugin")
    except PackageNotFoundError:
        return "unknown"


def _broken(problem: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(problem)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
