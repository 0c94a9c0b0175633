"""A host with the installed plugins in a process of its own: `python -m benchmarks.host CONFIG.json`; answers what it costs."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from nvr_hooks.loading import load_plugins

from .processes import memory_bytes, processor_seconds, threads


def main() -> None:
    """Run until stdin ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    plugins = load_plugins()
    plugins.hook.nvr_configure(config=json.loads(Path(sys.argv[1]).read_text()))
    plugins.hook.nvr_start(hooks=plugins.hook)
    pid = os.getpid()
    print(json.dumps({"pid": pid}), flush=True)
    while sys.stdin.readline():
        answer = {"cpu": processor_seconds(pid), "memory": memory_bytes(pid), "threads": threads(pid)}
        print(json.dumps(answer), flush=True)
    plugins.hook.nvr_close()


if __name__ == "__main__":
    main()
