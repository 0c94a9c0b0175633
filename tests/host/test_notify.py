"""What systemd is told: in this process, and by the whole service, over a socket that is systemd's for the test."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hik_thermal_plugin.host.notify import Notifier


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(20)

    def told(self) -> dict[str, str]:
        """Return the next message."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def until(self, key: str) -> dict[str, str]:
        """Return the next message with this key; signs of life may come before it."""
        while key not in (told := self.told()):
            assert "WATCHDOG" in told, f"{told} came before {key}"
        return told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_state_has_its_words(manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    before = time.monotonic_ns() // 1000
    notifier.ready("two\ncameras")
    notifier.reloading()
    notifier.alive()
    notifier.stopping()

    assert notifier.watchdog_seconds == 30
    assert manager.told() == {"READY": "1", "STATUS": "two cameras"}
    reloading = manager.told()
    assert reloading.pop("RELOADING") == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.told() == {"WATCHDOG": "1"}
    assert manager.told() == {"STOPPING": "1"}


def test_a_socket_without_a_file(tmp_path: Path) -> None:
    manager = Manager(f"@{tmp_path.name}-{os.getpid()}")
    Notifier({"NOTIFY_SOCKET": manager.address}).alive()
    assert manager.told() == {"WATCHDOG": "1"}
    manager.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},  # it is for the process that started us
    ],
)
def test_without_systemd_nothing_is_said_and_nothing_wanted(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.ready("unheard")
    assert notifier.watchdog_seconds is None


def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).stopping()
    assert "could not be told STOPPING=1" in caplog.text


@pytest.mark.integration
def test_the_service_tells_its_whole_life(start: Any, manager: Manager) -> None:
    process = start(
        "run",
        config={"fake": {"cameras": {"kiln": {}}}},
        env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1500000"},
    )
    assert manager.told() == {"READY": "1", "STATUS": "1 cameras, 2 plugins"}
    assert manager.told() == {"WATCHDOG": "1"}
    process.send_signal(signal.SIGHUP)
    assert manager.until("RELOADING")["RELOADING"] == "1"
    assert manager.until("READY") == {"READY": "1", "STATUS": "reloaded"}
    assert manager.told() == {"WATCHDOG": "1"}
    process.terminate()
    manager.until("STOPPING")
    assert process.wait(10) == 0


@pytest.mark.integration
@pytest.mark.parametrize("health", ["hangs", "its own hangs"])
def test_a_plugin_that_hangs_gets_no_more_signs_of_life(start: Any, manager: Manager, health: str) -> None:
    process = start(
        "run",
        config={"fake": {"cameras": {"kiln": {}}, "health": health}},
        env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "900000"},
    )
    assert "READY" in manager.told()
    manager._socket.settimeout(2)
    with pytest.raises(TimeoutError):
        manager.told()
    process.kill()
