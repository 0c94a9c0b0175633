"""The judge of the fault harness: what it must notice, and what it must not hold against the service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from soak.camera_faults import OF_A_CAMERA
from soak.faults import OF_ALL
from soak.ledger import Ledger, Marker
from soak.report import table_of_kinds

GRACE = 0.0


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(GRACE)
    ledger.bridge(0.0, True)
    return ledger


def told(ledger: Ledger, marker: Marker, *, whole: int = 1) -> None:
    ledger.journal(marker.camera, "armed", b"", 1)
    ledger.journal(marker.camera, "alarm", b"<x>" + marker.sign + b"/x>", whole)


def event(marker: Marker, phase: str = "start", number: str = "1", **more: Any) -> dict[str, Any]:
    rule = int(marker.group.split()[1]) if marker.group.startswith("rule") else None
    targets = [{"celsius": marker.number}] if marker.group == "fire" else []
    return {
        "id": number,
        "alarm_id": number,
        "phase": phase,
        "rule": rule,
        "celsius": marker.number,
        "targets": targets,
    } | more


def arrive(ledger: Ledger, marker: Marker, number: str = "1") -> None:
    kind = "fire" if marker.group == "fire" else "temperature"
    ledger.event(time.monotonic(), marker.camera, kind, event(marker, number=number))
    ledger.event(time.monotonic(), marker.camera, kind, event(marker, "end", number + "e", alarm_id=number))


def level(active: bool | None, since: str = "a", by: str | None = "quiet") -> dict[str, Any]:
    return {"active": active, "since": since, "released_by": by}


def test_what_arrives_is_well(ledger: Ledger) -> None:
    for group in ("fire", "rule 1"):
        marker = ledger.expect("kiln", group, 201.5)
        told(ledger, marker)
        arrive(ledger, marker, group)
        ledger.over(marker)
        assert ledger.free("kiln", group)
    assert ledger.settle() == {"arrived": 2}
    assert ledger.violations == []


def test_an_alarm_that_was_sent_and_never_arrives_is_lost(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "fire", 201.5)
    told(ledger, marker)
    arrive(ledger, Marker("kiln", "fire", 201.6, 7))
    assert ledger.missing() == [marker]
    assert not ledger.free("kiln", "fire")
    assert ledger.settle()["lost"] == 1
    assert "fire 201.5 was sent" in ledger.violations[0]


def test_what_was_cut_or_sent_to_nobody_is_not_due(ledger: Ledger) -> None:
    told(ledger, ledger.expect("kiln", "fire", 201.5), whole=0)
    assert ledger.settle() == {"never sent to anybody": 1}


def test_what_was_sent_in_a_blind_moment_is_excused_until_it_is_sent_again(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "fire", 201.5)
    told(ledger, marker)
    now = time.monotonic()
    ledger.blind(now - 1, now, "kill", "kiln")
    ledger.blind(now - 1, now + 60, "kill", "another")
    assert ledger.missing() == []
    told(ledger, marker)
    assert ledger.missing() == [marker]


def test_what_was_sent_to_nobody_may_wait_in_the_service(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "rule 1", 201.5)
    told(ledger, marker, whole=0)
    ledger.over(marker)
    assert not ledger.free("kiln", "rule 1"), "it may be on its way"
    marker.over = time.monotonic() - 100
    assert ledger.free("kiln", "rule 1")
    with ledger.held_up():
        assert not ledger.free("kiln", "rule 1"), "it may wait for the broker"
    ledger.bridge(time.monotonic(), False)
    assert not ledger.free("kiln", "rule 1")


def test_the_order_of_a_rule(ledger: Ledger) -> None:
    first, second = (ledger.expect("kiln", "rule 1", celsius) for celsius in (201.5, 202.5))
    arrive(ledger, second, "2")
    arrive(ledger, first, "1")
    assert "arrived after a later one" in ledger.violations[0]


def test_false_while_it_burns(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "fire", 201.5)
    ledger.level(time.monotonic(), "kiln", "fire", level(False))  # it has not been told yet
    told(ledger, marker)
    ledger.level(time.monotonic() + 1, "kiln", "temperature", level(False))
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(None))
    assert ledger.violations == []
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False, "b"))
    assert "fire is false while fire 201.5 goes on" in ledger.violations[0]


def test_false_when_it_is_out(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "fire", 201.5)
    told(ledger, marker)
    ledger.over(marker)
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False))
    assert ledger.violations == []


def test_false_while_nobody_is_armed(ledger: Ledger) -> None:
    ledger.journal("kiln", "armed", b"", 1)
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False))
    ledger.journal("kiln", "gone", b"", 0)
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False))  # said again to a broker that came back
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False, "b", "device"))
    assert ledger.violations == []
    ledger.level(time.monotonic() + 1, "kiln", "fire", level(False, "c"))
    assert "while nobody is armed" in ledger.violations[0]


def test_what_is_late_because_of_a_held_up_way_is_not_judged(ledger: Ledger) -> None:
    told(ledger, ledger.expect("kiln", "fire", 201.5))
    with ledger.held_up():
        ledger.level(time.monotonic(), "kiln", "fire", level(False))
    assert ledger.violations == []


def test_what_arrives_before_the_bridge_is_back_is_not_judged() -> None:
    ledger = Ledger(1.0)
    told(ledger, ledger.expect("kiln", "fire", 201.5))
    later = time.monotonic() + 100
    ledger.bridge(later - 50, False)
    ledger.level(later, "kiln", "fire", level(False, "a"))
    ledger.bridge(later + 1, True)
    ledger.level(later + 2, "kiln", "fire", level(False, "b"))
    assert ledger.violations == []
    ledger.level(later + 10, "kiln", "fire", level(False, "c"))
    assert ledger.violations


def test_a_life_cycle_that_never_ends(ledger: Ledger) -> None:
    marker = ledger.expect("kiln", "rule 1", 201.5)
    told(ledger, marker)
    ledger.event(time.monotonic(), "kiln", "temperature", event(marker))
    ledger.event(time.monotonic(), "kiln", "temperature", event(marker))
    assert ledger.counted["again"] == 1
    ledger.settle()
    assert "has begun and never ended" in ledger.violations[0]


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_one_of_a_camera_that_was_taken_out(ledger: Ledger, *, seen: bool, late: bool) -> None:
    marker = ledger.expect("kiln", "rule 1", 201.5)
    told(ledger, marker)
    if late:
        ledger.forget("kiln", seen=seen)
    ledger.event(time.monotonic(), "kiln", "temperature", event(marker))
    if not late:
        ledger.forget("kiln", seen=seen)
    ledger.over(marker)
    assert ledger.free("kiln", "rule 1") is seen
    ledger.settle()
    assert ledger.violations == []


def test_one_that_begins_after_a_camera_was_taken_out(ledger: Ledger) -> None:
    ledger.forget("kiln", seen=True)
    marker = ledger.expect("kiln", "rule 1", 201.5)
    told(ledger, marker)
    ledger.event(time.monotonic(), "kiln", "temperature", event(marker))
    ledger.settle()
    assert "has begun and never ended" in ledger.violations[0]


def test_the_page_has_every_kind() -> None:
    page = (Path(__file__).parents[2] / "docs" / "soak.md").read_text(encoding="utf-8")
    assert table_of_kinds() in page
    assert len(OF_A_CAMERA) + len(OF_ALL) >= 20
