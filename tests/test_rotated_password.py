"""A camera got another password: it is taken over from its file or by a reload, and at most two refused logins are spent on the old one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import Busy, ConnectionChanged, Event, SnapshotOptions

from hik_thermal_plugin.plugin import HikThermal

OLD = "the-one-before-1"


class Kiln:
    """A simulated camera that has the new password already, and a host whose configuration names a file with the old one."""

    def __init__(self, device: Any, folder: Path, wait_for: Callable[..., None]) -> None:
        self.device = device
        self.file = folder / "password"
        self.wait_for = wait_for
        self.folder = folder
        self.driver = HikThermal()
        self.heard: list[Event] = []
        self.put(OLD)
        self.configure()

    def put(self, password: str) -> None:
        self.file.write_text(password + "\n")

    def configure(self) -> None:
        kiln = {"url": self.device.http, "username": "admin", "password": f"${{file:{self.file}}}", "timeout": 5}
        kiln["sources"] = ["alert_stream"]
        self.driver.nvr_configure({"state_dir": str(self.folder / "state"), "hik_thermal": {"cameras": {"kiln": kiln}}})

    def listen(self, state: str) -> Any:
        subscription = self.driver.nvr_listen("kiln", self.heard.append)
        self.wait_until(state)
        return subscription

    def wait_until(self, state: str) -> None:
        self.wait_for(
            lambda: any(isinstance(event, ConnectionChanged) and event.state == state for event in list(self.heard)),
            what=f"the camera {state}",
        )

    @property
    def logins(self) -> dict[str, Any]:
        found: dict[str, Any] = self.device.state()["logins"]
        return found


@pytest.fixture
def kiln(hik_simulator: Any, secret: str, tmp_path: Path, wait_for: Callable[..., None]) -> Iterator[Kiln]:
    found = Kiln(hik_simulator(password=secret, lock_attempts=3), tmp_path, wait_for)
    yield found
    found.driver.nvr_close()


def test_the_file_is_read_again_before_the_second_attempt(kiln: Kiln, secret: str) -> None:
    kiln.put(secret)
    kiln.listen("online")
    assert kiln.logins["refused"] == 1
    assert kiln.logins["locked_until"] is None


def test_a_file_that_changes_later_ends_the_block_with_the_next_question(kiln: Kiln, secret: str) -> None:
    kiln.listen("auth_blocked")
    assert kiln.logins["refused"] == 2
    kiln.put(secret)
    with pytest.raises(Busy, match="its password has changed where it is kept, and is tried next"):
        kiln.driver.nvr_snapshot("kiln", None, SnapshotOptions())
    kiln.wait_until("online")
    assert (kiln.logins["refused"], kiln.logins["locked_until"]) == (2, None)


def test_a_reload_takes_the_new_password_over(kiln: Kiln, secret: str) -> None:
    kiln.listen("auth_blocked")
    kiln.put(secret)
    kiln.configure()
    kiln.wait_until("online")
    assert (kiln.logins["refused"], kiln.logins["locked_until"]) == (2, None)


def test_a_file_that_is_gone_or_empty_changes_nothing(kiln: Kiln) -> None:
    kiln.put("")
    kiln.listen("auth_blocked")
    kiln.file.unlink()
    assert kiln.logins["refused"] == 2
