"""What must outlive the process does: killed, disk full, file broken, file taken."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hik_thermal_plugin.bridge.store import GROUPING, SCHEMA, Store

Wait = Callable[..., None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Store]]:
    """Return `opened(**options)`: a store on `path`, closed at the end of the test."""
    stores: list[Store] = []

    def make(**options: object) -> Store:
        store = Store(path, **options)  # type: ignore[arg-type]
        stores.append(store)
        store.open()
        return store

    yield make
    for store in stores:
        store.close()


def passed(seconds: float, wait_for: Wait) -> None:
    """Wait until so much of a window is over."""
    at = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > at)


def test_rows_come_back(opened: Callable[..., Store], path: Path) -> None:
    first = opened()
    first.put("event", "2", "two", b"\x00\xff")
    first.put("event", "1", "one")
    first.put("level", "1", "other")
    first.drop("level", "1")
    assert first.close() is True
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    second = opened()
    assert second.trouble is None
    assert second.area("event") == {"1": ("one", b""), "2": ("two", b"\x00\xff")}
    assert list(second.area("event")) == ["1", "2"], "sorted by name"
    assert second.area("level") == {}


def test_rows_are_replaced_and_deleted_on_disk(opened: Callable[..., Store]) -> None:
    first = opened()
    first.put("a", "1", "x")
    first.put("a", "2", "x")
    assert first.flush(5)
    first.put("a", "1", "y")
    first.drop("a", "2")
    first.drop("a", "never there")
    first.close()
    assert opened().area("a") == {"1": ("y", b"")}


def test_what_is_dropped_before_it_was_written_never_is(opened: Callable[..., Store], path: Path) -> None:
    store = opened()
    before = path.with_name(path.name + "-wal").stat().st_size
    for _ in range(100):
        store.put("event", "1", "x", bytes(10_000))
        store.drop("event", "1")
    store.close()
    wal = path.with_name(path.name + "-wal")
    assert not wal.exists() or wal.stat().st_size - before < 100_000


def test_it_goes_on_writing_after_a_window_that_had_nothing_left(opened: Callable[..., Store], wait_for: Wait) -> None:
    """An event the broker acknowledged at once is dropped before it is written: that must not end the writing."""
    store = opened()
    for _ in range(3):
        store.put("event", "1", "acknowledged within the window")
        passed(GROUPING / 3, wait_for)
        store.drop("event", "1")
        passed(2 * GROUPING, wait_for)
    store.put("event", "2", "waits")
    assert store.flush(5)
    assert store.close() is True
    assert opened().area("event") == {"2": ("waits", b"")}


def test_a_change_is_on_disk_after_the_grouping_window(
    opened: Callable[..., Store], path: Path, wait_for: Wait
) -> None:
    store = opened()
    wal = path.with_name(path.name + "-wal")
    before = wal.stat().st_size
    start = time.monotonic()
    store.put("event", "1", "x", bytes(20_000))
    wait_for(lambda: wal.stat().st_size >= before + 20_000)
    assert time.monotonic() - start < GROUPING + 1.0, "30 ms, and grace for a busy machine"


def test_flush_does_not_wait_for_the_window(opened: Callable[..., Store]) -> None:
    store = opened()
    for number in range(50):
        store.put("event", str(number), "x")
        assert store.flush(5)


def test_closed_without_being_opened(path: Path) -> None:
    store = Store(path)
    store.put("event", "1", "x")
    assert store.close() is False
    assert not path.exists()


KILLED = """
import sys, time
from pathlib import Path
from hik_thermal_plugin.bridge.store import Store, GROUPING
store = Store(Path(sys.argv[1]))
store.open()
number = 0
while True:
    for _ in range(20):
        number += 1
        store.put("event", f"{number:08d}", "x", b"y" * 500)
        if number % 3 == 0:
            store.drop("event", f"{number - 2:08d}")
    time.sleep(0.001)
    print(time.time(), number, flush=True)
"""


def test_a_kill_costs_no_more_than_the_grouping_window(path: Path, opened: Callable[..., Store]) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(150)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    told = [(float(at), int(number)) for at, number in (line.split() for line in lines if line.endswith("\n"))]
    end = told[-1][0]
    # A second of grace: the machine may be busy, the window is 50 ms at most on an idle one.
    promised = max(number for at, number in told if at < end - 1.0) if told[0][0] < end - 1.0 else 0
    store = opened()
    assert store.trouble is None
    kept = {int(name) for name in store.area("event")}
    assert max(kept) >= promised
    assert {number for number in range(1, promised + 1) if number % 3 != 1} <= kept, "nothing in between is missing"


def test_a_broken_file_is_moved_aside(
    opened: Callable[..., Store], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, " * 1000)
    store = opened()
    assert store.trouble is None
    assert store.moved_aside == f"{path}.broken"
    assert Path(store.moved_aside).read_bytes().startswith(b"this is no database")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    store.put("event", "1", "x")
    store.close()
    assert opened().area("event") == {"1": ("x", b"")}


def test_a_file_with_a_damaged_page_is_moved_aside(opened: Callable[..., Store], path: Path) -> None:
    store = opened()
    for number in range(200):
        store.put("event", f"{number:04d}", "x", bytes(2000))
    store.close()
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content) - 4096, 4096 * 3):
        content[start : start + 512] = b"\xa5" * 512
    path.write_bytes(content)
    again = opened()
    assert again.trouble is None
    assert again.moved_aside is not None
    again.put("event", "1", "x")
    assert again.flush(5)


def test_the_file_of_another_version_is_kept_aside(opened: Callable[..., Store], path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE kept (something TEXT)")
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    store = opened()
    assert store.trouble is None
    assert store.moved_aside is not None
    with closing(sqlite3.connect(store.moved_aside)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA + 1,)


def test_the_layout_has_a_version(opened: Callable[..., Store], path: Path) -> None:
    opened().close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)


def test_a_full_disk(opened: Callable[..., Store], wait_for: Wait, caplog: pytest.LogCaptureFixture) -> None:
    changes: list[str | None] = []
    store = opened(most_pages=8, retry=0.02, on_trouble=lambda: changes.append(store.trouble))
    for number in range(100):
        store.put("event", f"{number:04d}", "x", bytes(2000))
    wait_for(lambda: store.trouble is not None)
    assert "full" in str(store.trouble)
    assert store.flush(5) is False
    assert len(store.area("event")) == 100, "all of it is in memory"
    wait_for(lambda: sum(record.name.endswith("store") for record in caplog.records) > 3)
    loud = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(loud) == 1, "told once"
    for number in range(98):
        store.drop("event", f"{number:04d}")
    wait_for(lambda: store.trouble is None)
    assert changes == [changes[0], None]
    store.close()
    assert list(opened().area("event")) == ["0098", "0099"]


def test_a_folder_that_cannot_be_made(tmp_path: Path, wait_for: Wait) -> None:
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("a file where a folder should be")
    store = Store(obstacle / "outbox.db", retry=0.02)
    store.open()
    try:
        assert store.trouble is not None
        store.put("event", "1", "x")
        assert store.area("event") == {"1": ("x", b"")}
        obstacle.unlink()
        wait_for(lambda: store.trouble is None)
        assert store.flush(5)
    finally:
        store.close()


@pytest.mark.slow
def test_a_file_another_process_uses(opened: Callable[..., Store], wait_for: Wait) -> None:
    first = opened()
    first.put("event", "1", "first")
    assert first.flush(5)
    second = opened(retry=0.02)
    assert "locked" in str(second.trouble)
    assert "does another bridge run under the same mqtt.prefix?" in str(second.trouble)
    second.put("event", "2", "second")
    assert second.area("event") == {"2": ("second", b"")}
    first.close()
    wait_for(lambda: second.trouble is None)
    assert second.close() is True
    assert opened().area("event") == {"1": ("first", b""), "2": ("second", b"")}


def test_closing_in_trouble_takes_no_time(tmp_path: Path) -> None:
    obstacle = tmp_path / "obstacle"
    obstacle.write_text("")
    store = Store(obstacle / "outbox.db", retry=60)
    store.open()
    store.put("event", "1", "x")
    start = time.monotonic()
    assert store.flush(60) is False
    assert store.close() is False
    assert time.monotonic() - start < 2
