"""One service to a state folder."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import NvrError

from hik_thermal_plugin.host.occupancy import Occupancy


def test_a_second_service_is_told_who_has_the_folder(tmp_path: Path) -> None:
    first, second = Occupancy(), Occupancy()
    first.take(tmp_path / "state")
    first.take(tmp_path / "state")
    with pytest.raises(NvrError, match=rf"another service \(process {os.getpid()}\) runs with the state folder"):
        second.take(tmp_path / "state")
    second.take(tmp_path / "other")
    first.keep_only(tmp_path / "elsewhere")
    second.take(tmp_path / "state")
    second.keep_only(None)


def test_a_reload_into_another_folder_gives_the_old_one_back(tmp_path: Path) -> None:
    service, other = Occupancy(), Occupancy()
    service.take(tmp_path / "a")
    service.take(tmp_path / "b")
    service.keep_only(tmp_path / "b")
    other.take(tmp_path / "a")
    with pytest.raises(NvrError):
        other.take(tmp_path / "b")
    for one in (service, other):
        one.keep_only(None)


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Occupancy().take(tmp_path / "file" / "state")


@pytest.mark.integration
def test_the_second_service_does_not_start_and_the_first_goes_on(start: Any) -> None:
    config = {"fake": {"cameras": {"kiln": {}}}}
    first = start("run", "--json", config=config)
    assert json.loads(first.stdout.readline())["type"] == "ready"
    second = start("run", "--json", config=config)
    _, said = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"another service (process {first.pid}) runs with the state folder" in said
    assert first.poll() is None
    first.kill()
    first.wait(10)
    third = start("run", "--json", config=config)
    assert json.loads(third.stdout.readline())["type"] == "ready", "a kill leaves nothing behind"
    third.send_signal(signal.SIGTERM)
    assert third.wait(10) == 0
