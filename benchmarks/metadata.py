"""Metadata of 200 cameras, 4,000 packets a second together: our client beside PyAV with a thread each and a bare reader.

Processor share and age of the documents when they are whole; what decoding adds is told apart. Aim: at most 1.5x the bare reader without it.
"""

from __future__ import annotations

import time
from typing import Any

from .processes import child, quantile

CONNECTIONS = 200
DOCUMENTS_PER_SECOND = 4000 / 3 / CONNECTIONS
"""Of each camera; a document takes three packets."""
SECONDS = 15.0


def run() -> dict[str, Any]:
    """Measure the readers one after the other."""
    figures = {way: _measure(way) for way in ("bare", "undecoded", "ours", "pyav")}
    base = figures["bare"]["cpu_share"]
    return {
        "connections": CONNECTIONS,
        **figures,
        "processor_ratio_of_reassembly": round(figures["undecoded"]["cpu_share"] / base, 2),
        "processor_ratio_with_decode": round(figures["ours"]["cpu_share"] / base, 2),
        "processor_ratio_of_pyav": round(figures["pyav"]["cpu_share"] / base, 2),
        "aim": "reassembly at most 1.5",
    }


def _measure(way: str) -> dict[str, Any]:
    with child("benchmarks.rtsp_generator") as server, child("benchmarks.generator") as http:
        ports = str(server.ready["port"]), str(http.ready["port"])
        with child("benchmarks.metadata_readers", way, *ports, str(CONNECTIONS)) as reader:
            deadline = time.monotonic() + 120
            while (held := server.ask({})["metadata"]) < CONNECTIONS:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"only {held} of {CONNECTIONS} play")
                time.sleep(0.2)
            time.sleep(1)
            before = reader.ask({})
            sent = server.ask({"documents": DOCUMENTS_PER_SECOND, "seconds": SECONDS})
            time.sleep(1)
            after = reader.ask({})
    return {
        "packets_per_second": round(sent["packets"] / sent["seconds"]),
        "documents": sent["documents"],
        "arrived": len(after["ages"]),
        "cpu_share": round((after["cpu"] - before["cpu"]) / sent["seconds"], 4),
        "megabytes": round(after["memory"] / 1e6, 1),
        "threads": after["threads"],
        "median_ms": round(quantile(after["ages"], 0.5), 2),
        "p99_ms": round(quantile(after["ages"], 0.99), 2),
    }
