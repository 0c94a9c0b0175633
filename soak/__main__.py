"""`python -m soak`: let the service run among faults, and say what went wrong.

  python -m soak [--faults N] [--seed N] [--cameras N] [--speed N] [--keep DIR]
  python -m soak --week [--speed N]

Exits with 1 when anything is wrong. Everything listens on 127.0.0.1 and ends with the run.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from . import clock


def main() -> int:
    """Run it: first this process begins anew, by the faster clock."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument(
        "--seed", type=int, default=None, help="the same seed gives the same faults (not the same moments)"
    )
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--speed", type=int, default=None, help="how fast the clocks run")
    parser.add_argument("--week", action="store_true", help="a week of life, instead of faults")
    parser.add_argument("--days", type=float, default=7.0, help="how long the week is")
    parser.add_argument("--only", default="", help="names of kinds, with commas; default: all")
    parser.add_argument("--keep", type=Path, default=None, help="where the service's log and the result are kept")
    asked = parser.parse_args()
    speed = asked.speed or (300 if asked.week else 5)
    if "SOAK_CLOCK" not in os.environ:
        with tempfile.TemporaryDirectory(prefix="soak-clock-") as place:
            library = clock.build(Path(place))
            environ = {**os.environ, **clock.environment(library, speed)}
            return os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-m", "soak", *sys.argv[1:]], environ)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # that a client is gone is what this is about
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder: Path = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        if asked.week:
            from .week import run_week

            result = run_week(folder, days=asked.days, seed=seed, cameras=min(asked.cameras, 4))
        else:
            from .run import run_faults

            result = run_faults(folder, faults=asked.faults, seed=seed, cameras=asked.cameras, only=asked.only)
        elapsed = time.monotonic() - began
        result = {
            "seed": seed,
            "speed": speed,
            "minutes": round(elapsed / speed / 60, 1),
            "hours_by_its_clock": round(elapsed / 3600, 2),
            **result,
        }
        text = json.dumps(result, indent=1)
        (folder / "result.json").write_text(text + "\n")
        print(text)
    return 1 if result["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
