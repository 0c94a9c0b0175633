"""`python -m soak.report RESULT.json WEEK.json`: writes what came of the two runs into docs/soak.md, below its heading `Report`."""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from .camera_faults import OF_A_CAMERA
from .faults import OF_ALL

PAGE = Path(__file__).parents[1] / "docs" / "soak.md"
HEADING = "## Report\n"


def table_of_kinds() -> str:
    """Return the kinds of faults as a table."""
    rows = [f"| `{kind.__name__}` | {(kind.__doc__ or '').strip()} |" for kind in (*OF_A_CAMERA, *OF_ALL)]
    return "\n".join(("| kind | what happens |", "|---|---|", *rows)) + "\n"


def report(faults: dict[str, Any], week: dict[str, Any]) -> str:
    """Return both results for people."""
    alarms = faults["alarms"]
    lives: dict[int, list[dict[str, int]]] = {}
    for used in faults["used"]:
        lives.setdefault(used["life"], []).append(used)
    longest = max(lives.values(), key=len)
    lines = (
        f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.machine()}, two processors shared with other work.",
        f"**Faults:** {faults['faults']:,} of {len(faults['kinds'])} kinds (seed {faults['seed']}), {faults['hours_by_its_clock']} hours by "
        f"the run's clock in {faults['minutes']} minutes; the service was started {faults['starts']} times.",
        _counts(
            {
                "alarm documents the cameras sent": alarms["documents"],
                "clients armed": alarms["armed"],
                "alarms told apart, arrived": alarms["arrived"],
                "lost": alarms.get("lost", 0),
                "sent whole only in a moment known to cost alarms, and not arrived": alarms.get("excused", 0),
                "never sent whole to anybody (camera away, cut)": alarms.get("never sent to anybody", 0),
                "events delivered": alarms["events"],
                "of them again, under their id": alarms.get("again", 0),
                "levels published": alarms["levels"],
                "of them `false`": alarms["false"],
                "violations": len(faults["violations"]),
            }
        ),
        _used(faults["used"], "after every 500 faults, everything well again"),
        f"The longest life seen by these looks: {len(longest)} of them, memory {_span(longest, 'memory')}, threads "
        f"{_span(longest, 'threads')}, open files {_span(longest, 'files')}.",
        f"**A week:** {week['days']:g} days of {week['cameras']} cameras at {week['speed']} times the speed: {_listed(week['happened'])}. "
        f"{week['alarms']['levels']:,} levels and {week['alarms']['events']:,} events were published; violations: "
        f"{len(week['violations'])}.",
        f"From the first day (hours 6 to 18) to the last 12 hours its own memory grew by **{week['growth']['memory'] / 1e6:.2f} MB** "
        f"(medians), threads by {week['growth']['threads']}, open files by {week['growth']['files']}.",
        _used(week["used"], "every hour"),
    )
    return "\n" + "\n\n".join(line.rstrip() for line in lines) + "\n"


def _counts(counts: dict[str, int]) -> str:
    return "\n".join(("| | |", "|---|---|", *(f"| {name} | {count:,} |" for name, count in counts.items()))) + "\n"


def _used(used: list[dict[str, int]], when: str) -> str:
    rows = [
        f"| {name} | {min(values):{form}} | {statistics.median(values):{form}} | {max(values):{form}} |"
        for name, values, form in (
            ("memory of its own, MB", [one["memory"] / 1e6 for one in used], ".1f"),
            ("threads", [one["threads"] for one in used], ".0f"),
            ("open files", [one["files"] for one in used], ".0f"),
        )
    ]
    return "\n".join((f"| used ({when}) | least | median | most |", "|---|---|---|---|", *rows)) + "\n"


def _span(used: list[dict[str, int]], what: str) -> str:
    scale = 1e6 if what == "memory" else 1
    unit = " MB" if what == "memory" else ""
    return f"{used[0][what] / scale:.0f} to {used[-1][what] / scale:.0f}{unit}"


def _listed(happened: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in happened.items())


def main() -> None:
    """Write it."""
    faults, week = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    text = PAGE.read_text(encoding="utf-8")
    kept = text[: text.index(HEADING) + len(HEADING)]
    PAGE.write_text(kept + report(faults, week), encoding="utf-8")


if __name__ == "__main__":
    main()
