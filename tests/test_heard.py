"""When a camera was heard last outlives the service, and single commands leave it alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import GapReport
from test_camera import Site, WaitFor

from hik_thermal_plugin import heard
from hik_thermal_plugin.heard import FILE, HeardTimes

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


def test_times_are_written_now_and_then_and_at_the_end(
    tmp_path: Path, wait_for: WaitFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heard, "EVERY_SECONDS", 0.01)
    path, times = tmp_path / "state" / FILE, {"kiln": AT, "yard": None}
    first = HeardTimes(path, lambda: times)
    assert first.start() == {}
    wait_for(path.exists)
    times["yard"] = AT
    first.close()
    second = HeardTimes(path, dict)
    assert second.start() == {"kiln": AT, "yard": AT}
    second.close()


@pytest.mark.parametrize("text", ["", "[]", '{"kiln": 5}', '{"kiln": "2026-03-01T02:00:00"}', '{"kiln": "soon"}'])
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    made = HeardTimes(tmp_path / FILE, dict)
    assert made.start() == {}
    made.close()


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("no folder")
    made = HeardTimes(tmp_path / "state" / FILE, dict)
    made.start()
    made._write()
    made.close()
    assert [record.levelname for record in caplog.records if "restart" in record.getMessage()] == ["WARNING", "DEBUG"]


def test_a_restarted_service_reports_what_it_may_have_missed_and_a_command_does_not(
    tmp_path: Path, hik_simulator: Any, secret: str, wait_for: WaitFor
) -> None:
    kiln, state = hik_simulator(password=secret), tmp_path / "state"

    def life(site: Site, seen: Callable[[], object], *, service: bool) -> None:
        site.configure(kiln={"url": kiln.http})
        if service:
            site.driver.nvr_start(hooks=None)
        with closing(site.listen()):
            wait_for(seen)
        site.driver.nvr_close()

    first, command, second = (Site(state, secret) for _ in range(3))
    life(first, lambda: "online" in first.states, service=True)
    written = json.loads((state / FILE).read_text())
    life(command, lambda: "online" in command.states, service=False)
    assert json.loads((state / FILE).read_text()) == written, "what a command hears the service has not heard"
    life(second, lambda: second.of(GapReport), service=True)

    [report] = second.of(GapReport)
    assert report.lost_at == datetime.fromisoformat(written["kiln"])
    assert first.of(GapReport) == command.of(GapReport) == []
