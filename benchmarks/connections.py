"""1,000 alarm connections, two alarms a second each, the generator in its own process.

Processor time and memory per connection as a ratio to a bare asyncio reader that only finds the parts; decode time apart.
Aims: at most 4x without the decode, at most 80 KB a connection.
"""

from __future__ import annotations

import time
from typing import Any

from .processes import Child, child

CONNECTIONS = 1000
PER_SECOND = 2.0
SECONDS = 15.0


def run() -> dict[str, Any]:
    """Measure the three readers one after the other."""
    figures = {way: _measure(way) for way in ("bare", "undecoded", "ours")}
    base = figures["bare"]
    return {
        "connections": CONNECTIONS,
        "alarms_per_second_each": PER_SECOND,
        **figures,
        "processor_ratio_without_decode": round(figures["undecoded"]["cpu_share"] / base["cpu_share"], 2),
        "processor_ratio_with_decode": round(figures["ours"]["cpu_share"] / base["cpu_share"], 2),
        "aim": "at most 4 without decode; 80 KB a connection",
    }


def _measure(way: str) -> dict[str, Any]:
    with child("benchmarks.generator") as generator:
        with child("benchmarks.readers", way, str(generator.ready["port"]), "0") as empty:
            before = empty.ready["memory"]
        with child("benchmarks.readers", way, str(generator.ready["port"]), str(CONNECTIONS)) as reader:
            start = reader.ask({})
            began = time.monotonic()
            sent = generator.ask({"flood": SECONDS, "per_second": PER_SECOND})
            end = _when_all_arrived(reader, start["events"] + sent["alarms"])
            took = time.monotonic() - began
            return {
                "cpu_share": round((end["cpu"] - start["cpu"]) / took, 4),
                "kilobytes_per_connection": round((end["memory"] - before) / CONNECTIONS / 1000, 1),
                "threads": end["threads"],
                "alarms": sent["alarms"],
                "arrived": end["events"] - start["events"],
            }


def _when_all_arrived(reader: Child, count: int) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        end = reader.ask({})
        if end["events"] >= count or time.monotonic() > deadline:
            return end
        time.sleep(0.2)
