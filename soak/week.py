"""A week of life: nights and days, alarms now and then, a camera that boots every night. What the service uses must not grow."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

from .run import PATIENCE, problems_of
from .stage import Kiln, Periods, Stage

HOUR, DAY = 3600.0, 86400.0
USUAL = Periods(heartbeat=10.0, repeat=10.0, real_time=2.5, timeout=120.0, auth_retry=1800.0)
"""As in a plant, but for `timeout`: to clocks this fast the machine is slow, and 10 s were a thirtieth of a second for an answer."""
WARM = 6
"""Hours after which what is used is compared: caches and arenas are filled."""


class Week:
    """A camera's week, step by step: `minute` is called once a minute of its own time."""

    def __init__(self, stage: Stage, days: float) -> None:
        self.stage = stage
        self.days = days
        self.used: list[dict[str, int]] = []
        self.happened = {"fires and rules": 0, "motions": 0, "camera boots": 0, "broker restarts": 0, "links cut": 0}

    def go(self) -> None:
        """Live through it."""
        stage = self.stage
        stage.configure()
        stage.service.start()
        began = time.monotonic()
        minute = 0
        while (passed := time.monotonic() - began) < self.days * DAY:
            if passed < minute * 60:
                time.sleep(minute * 60 - passed)
            for kiln in stage.kilns:
                self._minute(kiln, minute)
            if minute % 60 == 59:
                self._hour(minute // 60)
            minute += 1
        for kiln in stage.kilns:
            kiln.quiet()
        deadline = time.monotonic() + 10 * PATIENCE
        while (troubles := stage.recovered()) and time.monotonic() < deadline:
            time.sleep(5)
        for trouble in troubles:
            stage.ledger.wrong(f"not well at the end of the week: {trouble}")
        stage.ledger.settle()

    def _minute(self, kiln: Kiln, minute: int) -> None:
        rng = kiln.rng
        if rng.random() < 0.15:
            kiln.simulator.apply([{"motion": {}}])
            self.happened["motions"] += 1
        if rng.random() < 0.5:
            kiln.simulator.apply(
                [{"temperature": {"rule": rng.choice((3, 4)), "celsius": round(rng.uniform(15, 55), 1)}}]
            )
        self.happened["fires and rules"] += kiln.flare(begin=0.002, end=0.1)
        if minute % 1440 == 180 + 7 * int(kiln.name.removeprefix("kiln")):
            kiln.fault("reboot", seconds=45)
            self.happened["camera boots"] += 1

    def _hour(self, hour: int) -> None:
        stage = self.stage
        if hour % 24 == 12:
            stage.link.reset()
            self.happened["links cut"] += 1
        if hour % 72 == 40:
            stage.restart_broker(0.0, 30.0)
            self.happened["broker restarts"] += 1
        for kiln in stage.kilns:
            if kiln.refused > kiln.refusable:
                stage.ledger.wrong(f"{kiln.name} has refused {kiln.refused} logins")
        if not stage.service.runs:
            raise RuntimeError("the service has ended by itself")
        self.used.append({"hour": hour, **stage.service.used()})
        if hour % 24 == 0:
            wrong = len(stage.ledger.violations)
            print(f"{self.used[-1]}, {self.happened}, {wrong} violations", file=sys.stderr, flush=True)


def run_week(folder: Path, *, days: float, seed: int, cameras: int) -> dict[str, Any]:
    """Live through so many days; return what came of it."""
    stage = Stage(folder, cameras, seed, USUAL, release_after=120)
    try:
        week = Week(stage, days)
        week.go()
        code = stage.service.end()
        if code != 0:
            stage.ledger.wrong(f"the service ended with {code}")
        growth = {
            what: _median(week.used[-12:], what) - _median(week.used[WARM : WARM + 12] or week.used[:1], what)
            for what in ("memory", "threads", "files")
        }
        if days >= 2 and growth["memory"] >= 2_000_000:  # before that caches and imports are still filling
            stage.ledger.wrong(f"the memory has grown by {growth['memory']} bytes")
        return {
            "days": days,
            "cameras": cameras,
            "happened": week.happened,
            "alarms": dict(stage.ledger.counted),
            "messages": dict(stage.watcher.counted),
            "growth": growth,
            "used": week.used,
            "violations": stage.ledger.violations + problems_of(stage),
        }
    finally:
        stage.close()


def _median(used: list[dict[str, int]], what: str) -> int:
    return int(statistics.median(one[what] for one in used))
