"""Times without an offset, of cameras that tell no zone: this machine's, with the offset that time had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hik_thermal_plugin.host.archive import _span, _zone


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("start", "hours"), [("2026-07-01 12:00", 2), ("2026-01-01 12:00", 1)])
def test_a_time_has_the_offset_of_its_own_season(start: str, hours: int) -> None:
    session = cast(Any, SimpleNamespace(known=lambda name: SimpleNamespace(zone=None)))
    zone = _zone(session, "kiln")
    span = _span(start, start.replace("12:00", "13:00"), zone)
    assert span is not None
    assert span.start.astimezone(UTC).hour == 12 - hours
    assert span.start.isoformat().endswith(f"+0{hours}:00")
    assert span.start.astimezone(UTC).astimezone(zone) == span.start


@pytest.mark.usefixtures("berlin")
def test_the_hour_that_comes_twice_is_told_apart() -> None:
    zone = _zone(cast(Any, SimpleNamespace(known=lambda name: SimpleNamespace(zone=None))), "kiln")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = [(first + timedelta(hours=hour)).astimezone(zone).isoformat() for hour in (0, 1, 2)]
    assert shown == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"]
