"""A host that records, in a process of its own: `python -m benchmarks.recorder CONFIG`; one JSON line to each line on stdin.

`{"record": seconds, "folder": F}` records every camera into F; `{"stop": true}` ends that and tells the files. `{"begin": N, "folder": F}`
records camera N alone and tells when the first byte was on disk. `{"pre_roll": S, "tries": N, "folder": F}` keeps S seconds of camera 0 and
then, for each try, records as an alarm would. `{}` tells what it costs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import av
from nvr_hooks import Live, RecordOptions
from nvr_hooks.loading import Plugins

from hik_thermal_plugin.plugin import HikThermal

from .processes import memory_bytes, processor_seconds, threads


class Host:
    """Calls the hooks."""

    def __init__(self, config: dict[str, Any]) -> None:
        driver, plugins = HikThermal(), Plugins()
        plugins.add("hik_thermal", driver)
        self.hook = plugins.hook
        self.hook.nvr_configure(config=config)
        self.names = list(config["hik_thermal"]["cameras"])
        self.recordings: list[Any] = []

    def record(self, camera: str, target: Path, **options: Any) -> Any:
        """Begin a recording."""
        return self.hook.nvr_record(camera=camera, channel=2, target=target, options=RecordOptions(**options))

    def begin(self, number: int, folder: str) -> dict[str, Any]:
        """Record until something is on disk."""
        target = Path(folder, f"begin{number}.mp4")
        part = target.with_name(target.name + ".part")
        start = time.monotonic()
        recording = self.record(self.names[number], target)
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.001)
        took = time.monotonic() - start
        recording.close()
        return {"first_byte_ms": took * 1e3}

    def pre_roll(self, seconds: float, tries: int, folder: str) -> dict[str, Any]:
        """Keep the last seconds, and record with them."""
        camera, running, before = self.names[0], [], []
        held = self.hook.nvr_open_stream(
            camera=camera, channel=2, what=Live(keep_seconds=seconds), sink=lambda data: None
        )
        time.sleep(seconds + 1)
        for number in range(tries):
            target = Path(folder, f"rolled{number}.mp4")
            start = time.monotonic()
            recording = self.record(camera, target, pre_roll_seconds=seconds)
            running.append((time.monotonic() - start) * 1e3)
            time.sleep(0.3)
            recording.close()
            took = time.monotonic() - start
            with av.open(str(target)) as made:
                video = made.streams.video[0]
                count = sum(packet.size > 0 for packet in made.demux(video))
            before.append(count / 25 - took)
        held.close()
        return {"running_ms": running, "before": before}

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do as told."""
        folder = order.get("folder", "")
        if "record" in order:
            self.recordings = [self.record(name, Path(folder, f"{name}.mp4")) for name in self.names]
        elif "begin" in order:
            return self.begin(order["begin"], folder)
        elif "pre_roll" in order:
            return self.pre_roll(order["pre_roll"], order["tries"], folder)
        elif "stop" in order:
            for recording in self.recordings:
                recording.close()
            return {"files": [str(file) for recording in self.recordings for file in recording.files]}
        pid = os.getpid()
        return {"cpu": processor_seconds(pid), "memory": memory_bytes(pid), "threads": threads(pid)}


def main() -> None:
    """Run until stdin ends."""
    host = Host(json.loads(sys.argv[1]))
    print(json.dumps({"pid": os.getpid()}), flush=True)
    while line := sys.stdin.readline():
        print(json.dumps(host.answer(json.loads(line))), flush=True)
    host.hook.nvr_close()


if __name__ == "__main__":
    main()
