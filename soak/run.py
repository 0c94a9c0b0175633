"""A run: each camera's faults in a thread of its own, those of all in another, and a look at everything in between."""

from __future__ import annotations

import re
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from .camera_faults import OF_A_CAMERA
from .faults import OF_ALL
from .stage import Kiln, Stage

BETWEEN_LOOKS = 500
PATIENCE = 400.0
"""Seconds (by the run's clock) in which everything must be well again: a login block of `auth_retry`, two silence limits, back-off."""


class Run:
    """Faults until there were enough."""

    def __init__(self, stage: Stage, faults: int, only: str) -> None:
        self.stage = stage
        names = set(only.split(",")) if only else {kind.__name__ for kind in (*OF_A_CAMERA, *OF_ALL)}
        self._of_a_camera = [kind for kind in OF_A_CAMERA if kind.__name__ in names]
        self._of_all = [kind for kind in OF_ALL if kind.__name__ in names]
        if len(self._of_a_camera) + len(self._of_all) < len(names):
            raise SystemExit(f"there are {', '.join(kind.__name__ for kind in (*OF_A_CAMERA, *OF_ALL))}")
        self.counted: Counter[str] = Counter()
        self.used: list[dict[str, int]] = []
        self._left = faults
        self._lock = threading.Lock()
        self._due = 0
        self._journal = (stage.service.folder / "faults.log").open("w", buffering=1)

    def go(self) -> None:
        """Do all of them."""
        self.stage.configure()
        self.stage.service.start()
        self._look()
        while self._left > 0:
            self._due = min(self._left, BETWEEN_LOOKS)
            self._left -= self._due
            workers = [
                threading.Thread(target=self._guarded, args=(self._camera, kiln), name=kiln.name)
                for kiln in self.stage.kilns
            ]
            workers = workers if self._of_a_camera else []
            if self._of_all:
                workers.append(threading.Thread(target=self._guarded, args=(self._all,), name="all"))
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self._look()

    def _guarded(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:
            self.stage.ledger.wrong("the harness failed: " + traceback.format_exc())

    def _take(self, kind: str, whom: str) -> bool:
        with self._lock:
            if self._due <= 0:
                return False
            self._due -= 1
            self.counted[kind] += 1
            self._journal.write(f"{time.monotonic():.1f} {whom} {kind}\n")
            return True

    def _camera(self, kiln: Kiln) -> None:
        ledger, rng = self.stage.ledger, kiln.rng
        while True:
            deadline = time.monotonic() + rng.choice((0, 1, 40, 40, 40))
            while not ledger.armed(kiln.name) and time.monotonic() < deadline:
                time.sleep(0.2)
            kiln.live()
            time.sleep(rng.uniform(0, 2))
            kiln.live()
            fault = rng.choice(self._of_a_camera)
            if not self._take(fault.__name__, kiln.name):
                break
            fault(self.stage, kiln)
            time.sleep(rng.choice((0, 0, 0.2, 1, 4)))
        kiln.quiet()

    def _all(self) -> None:
        rng = self.stage.rng
        while True:
            time.sleep(rng.uniform(0.5, 15))
            fault = rng.choice(self._of_all)
            if not self._take(fault.__name__, "all"):
                return
            fault(self.stage)

    def _look(self) -> None:
        """Wait until everything is well; judge; see what the service uses."""
        stage = self.stage
        for kiln in stage.kilns:
            kiln.fault("clock_skew", seconds=0)
        stage.configure()
        deadline = time.monotonic() + PATIENCE
        while (troubles := stage.recovered()) and time.monotonic() < deadline:
            if not stage.service.runs:
                break
            time.sleep(0.5)
        if not stage.service.runs:
            stage.ledger.wrong("the service has ended by itself")
            stage.service.start()
        for trouble in troubles:
            stage.ledger.wrong(f"not well again after {PATIENCE:.0f} s: {trouble}")
        found = stage.ledger.settle()
        for kiln in stage.kilns:
            if kiln.refused > kiln.refusable:
                stage.ledger.wrong(
                    f"{kiln.name} has refused {kiln.refused} logins, at most {kiln.refusable} were to be expected"
                )
        used = {
            "age": round(time.monotonic() - stage.service.started_at),
            **stage.service.used(),
            "life": stage.service.starts,
        }
        self.used.append(used)
        wrong = len(stage.ledger.violations)
        print(f"{sum(self.counted.values())} faults, {found}, {used}, {wrong} violations", file=sys.stderr, flush=True)


def run_faults(folder: Path, *, faults: int, seed: int, cameras: int, only: str = "") -> dict[str, Any]:
    """Let so many faults strike; return what came of it."""
    stage = Stage(folder, cameras, seed)
    try:
        run = Run(stage, faults, only)
        run.go()
        time.sleep(4 * stage.speed)  # until it can be ended in order
        code = stage.service.end()
        if code != 0:
            stage.ledger.wrong(f"the service ended with {code}")
        return {
            "faults": sum(run.counted.values()),
            "kinds": dict(sorted(run.counted.items())),
            "starts": stage.service.starts,
            "alarms": dict(stage.ledger.counted),
            "messages": dict(stage.watcher.counted),
            "used": run.used,
            "violations": stage.ledger.violations + problems_of(stage),
        }
    finally:
        stage.close()


def problems_of(stage: Stage) -> list[str]:
    """Return what else is wrong: a password that was told, an error nobody foresaw."""
    log = stage.service.log.read_bytes()
    problems = list(stage.watcher.problems)
    problems += [f"the log tells a password: {secret!r}" for secret in stage.secrets if secret in log]
    return problems + [f"the log has a traceback: {text}" for text in _tracebacks(log.decode("utf-8", "replace"))]


def _tracebacks(text: str) -> list[str]:
    return re.findall(r"Traceback \(most recent call last\):\n(?:[ \t].*\n)*.*", text)
