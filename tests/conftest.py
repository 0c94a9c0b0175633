"""What every test is held to: no thread, no open file, no secret left behind."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

SECRET = "s3cr3t-Pa55/wörd"
"""The password every test uses for a camera or broker: it must never show up in a log, message or output."""
PATIENCE = float(os.environ.get("HIK_THERMAL_PATIENCE", "20"))
"""Seconds a test waits for what has to become true; less where most of the waiting is in vain (tests/mutants.py)."""
REQUIRE_ALL = "HIK_THERMAL_REQUIRE_ALL"
_NUMBERS = itertools.count()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let workers ask for the number of reruns without waiting: they write two messages for a test, and the second waited 40 ms for the first."""
    asks = getattr(getattr(config, "failures_db", None), "sock", None)
    if asks is not None and hasattr(config, "workerinput"):
        asks.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@pytest.fixture
def secret() -> str:
    """Return the password whose appearance in any output fails the test."""
    return SECRET


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Return `wait_for(condition, seconds=20)`: wait until it is true, fail when it never is."""

    def wait(condition: Callable[[], object], seconds: float = PATIENCE, what: str = "the condition") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} was not true within {seconds} s")
            time.sleep(0.002)

    return wait


@pytest.fixture(autouse=True)
def state_in_test_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep login budgets and outboxes of tests out of the user's home; the folder is there when something is written."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / f"state-{next(_NUMBERS)}"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("HIK_THERMAL_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def nothing_left_over() -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or an open file behind."""
    threads = set(threading.enumerate())
    descriptors = _descriptors()
    children = _children()
    yield
    deadline = time.monotonic() + min(5.0, PATIENCE)
    while time.monotonic() < deadline:
        left = [thread for thread in threading.enumerate() if thread not in threads and not _shared(thread)]
        orphans = _children() - children
        files = {key: name for key, name in _descriptors().items() if key not in descriptors and not _harmless(name)}
        if not left and not orphans and not files:
            return
        time.sleep(0.005)
    pytest.fail(f"left over: threads {left}, processes {sorted(orphans)}, files {sorted(files.values())}")


@pytest.fixture(autouse=True)
def no_secret_in_any_output(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Fail a test in which the password appears in a log record, on stdout or on stderr."""
    caplog.set_level(logging.DEBUG)
    yield
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):  # type: ignore[arg-type]
            text = record.getMessage() + (record.exc_text or "")
            assert SECRET not in text, f"the password is in a log line of {record.name}"
    if not request.node.get_closest_marker("prints_secret"):
        out = capfd.readouterr()
        assert SECRET not in out.out, "the password is on stdout"
        assert SECRET not in out.err, "the password is on stderr"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """With HIK_THERMAL_REQUIRE_ALL=1 a skipped conformance or integration test has failed: on a machine that has everything."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _must_run(item):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason}, and {REQUIRE_ALL} is set"
    return report


def _must_run(item: pytest.Item) -> bool:
    wanted = "conformance" in item.path.parts or item.get_closest_marker("integration") is not None
    return wanted and os.environ.get(REQUIRE_ALL, "") not in ("", "0")


def _shared(thread: threading.Thread) -> bool:
    return thread.name.startswith(("pytest", "asyncio_0"))


def _harmless(name: str) -> bool:
    if "/#" in name and name.endswith(" (deleted)"):
        return True  # the nameless files in which pytest captures output; some file systems renumber them as they grow
    return name.startswith(("/dev/", "/proc/", "anon_inode:", "pipe:", "/usr/", "/etc/")) or ".hypothesis" in name


def _descriptors() -> dict[str, str]:
    found = {}
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - twice for each of some thousand tests, and Path takes several times as long
        with suppress(OSError):
            name = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
            found[f"{number}={name}"] = name
    return found


def _children() -> set[int]:
    try:
        text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    except OSError:
        return set()
    return {int(pid) for pid in text.split()}
