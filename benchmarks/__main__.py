"""Run the measurements named, or all: prints one JSON object each."""

from __future__ import annotations

import importlib
import json
import platform
import sys

ALL = (
    "decode",
    "connections",
    "latency",
    "idle",
    "thermometry",
    "readings",
    "metadata",
    "recording",
    "restart",
    "archive",
    "sdk",
)


def main(names: list[str]) -> None:
    """Run them one after the other, never side by side."""
    unknown = set(names) - set(ALL)
    if unknown:
        raise SystemExit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    print(json.dumps({"python": platform.python_version(), "machine": platform.machine()}))
    for name in names or ALL:
        result = importlib.import_module(f"benchmarks.{name}").run()
        print(json.dumps({"measurement": name, **result}, indent=1), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
