"""What an earlier version left behind is taken up: its outbox, its counters, the topics it owned."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
from bridge_stage import Ear, Host

from hik_thermal_plugin.bridge.store import SCHEMA, Store

LAYOUT_1 = """
    CREATE TABLE kept (area TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (area, name));
    PRAGMA user_version = 1;
"""
"""As version 0.1.0 made it."""
NUMBER = "01790000000000000000"


def write_layout_1(path: Path, rows: list[tuple[str, str, str, bytes]]) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(LAYOUT_1)
        connection.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", rows)


def layout(path: Path) -> tuple[int, list[tuple[str, str]]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0], connection.execute(
            "SELECT * FROM about"
        ).fetchall()


def test_what_the_previous_version_could_not_deliver_reaches_the_broker(host: Host, ear: Ear, tmp_path: Path) -> None:
    topic = f"{ear.prefix}/kiln/2/event/fire"
    about = {"topic": topic, "kind": "fire", "taken": time.time() - 3600}
    path = tmp_path / "state" / f"mqtt-outbox-{ear.prefix.replace('/', '_')}.db"
    dropped = {"too_old": 2, "no_room": 0, "by_kind": {"motion": 2}, "last_at": 1.0}
    write_layout_1(
        path,
        [
            ("event", NUMBER, json.dumps(about), b'{"type": "fire_alarm", "id": "0123456789abcdef"}'),
            ("counter", "dropped", json.dumps(dropped), b""),
            ("topic", f"{ear.prefix}/oven/state", "", b""),  # a camera that is not configured any more
        ],
    )
    host.start()
    assert ear.expect("kiln/2/event/fire")["id"] == "0123456789abcdef"
    assert ear.expect("bridge/outbox")["dropped"]["by_kind"] == {"motion": 2}
    ear.expect("oven/state", lambda value: value == "")
    host.close()
    assert layout(path) == (SCHEMA, [("written_by", version("hik-thermal-plugin"))])


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state" / "outbox.db"
    write_layout_1(path, [("event", NUMBER, "{}", b"fire")])
    monkeypatch.setattr(
        "hik_thermal_plugin.bridge.store._STEPS",
        {1: ("CREATE TABLE about (x)", "CREATE TABLE kept (the disk is full)")},
    )
    store = Store(path)
    store.open()
    assert store.trouble is not None
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT data FROM kept").fetchall() == [(b"fire",)]
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'about'").fetchall() == []


def test_a_file_of_a_newer_version_is_kept_for_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "outbox.db"
    write_layout_1(path, [("event", NUMBER, "{}", b"fire")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    store = Store(path)
    store.open()
    assert store.moved_aside == f"{path}.layout-7"
    assert store.area("event") == {}
    store.close()
    with closing(sqlite3.connect(f"{path}.layout-7")) as connection:
        assert connection.execute("SELECT data FROM kept").fetchall() == [(b"fire",)]
