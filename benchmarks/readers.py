"""Whole processes that hold many alarm streams: `python -m benchmarks.readers WAY PORT COUNT`.

`ours`: AlertStream in SharedStream, every event into a sink that counts. `undecoded`: the same without decoding the documents.
`bare`: an asyncio protocol that only finds the parts. Tells what it costs on a JSON line to each line it reads.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from .processes import memory_bytes, processor_seconds, threads


class Counter:
    """What arrived."""

    events = 0


def answer(count: int) -> dict[str, Any]:
    """Return what this process costs so far."""
    pid = os.getpid()
    return {
        "events": Counter.events,
        "cpu": processor_seconds(pid),
        "memory": memory_bytes(pid),
        "threads": threads(pid),
        "streams": count,
    }


class Bare(asyncio.Protocol):
    """Find parts by their Content-Length, nothing else."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.buffer = bytearray()
        self.head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"GET /ISAPI/Event/notification/alertStream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % self.port)

    def data_received(self, data: bytes) -> None:
        """Take out whole parts."""
        buffer = self.buffer
        buffer += data
        if self.head:
            if (end := buffer.find(b"\r\n\r\n")) < 0:
                return
            del buffer[: end + 4]
            self.head = False
        while (start := buffer.find(b"Content-Length: ")) >= 0:
            if (end := buffer.find(b"\r\n\r\n", start)) < 0:
                return
            whole = end + 4 + int(buffer[start + 16 : buffer.index(b"\r\n", start)])
            if len(buffer) < whole:
                return
            Counter.events += 1
            del buffer[:whole]


async def bare(port: int, count: int) -> None:
    """Hold the streams on one loop."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_connection(lambda: Bare(port), "127.0.0.1", port)
    print(json.dumps(answer(count)), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(answer(count)), flush=True)


def ours(port: int, count: int, *, decode: bool) -> None:
    """Hold the streams as the driver does."""
    from hik_thermal_plugin.config import read
    from hik_thermal_plugin.isapi import alert_stream
    from hik_thermal_plugin.site import Site

    if not decode:
        from hik_thermal_plugin.wire.alerts import AlertDocument

        nothing = AlertDocument(events=(), heartbeat=False, at=None)

        def undecoded(document: bytes, **_: Any) -> AlertDocument:
            Counter.events += 1
            return nothing

        alert_stream.decode_alert_document = undecoded  # type: ignore[attr-defined]

    lock = threading.Lock()
    online = threading.Semaphore(0)

    def sink(event: Any) -> None:
        if event.type == "connection_changed":
            if event.state == "online":
                online.release()
        elif event.type == "fire_alarm":
            with lock:
                Counter.events += 1

    with tempfile.TemporaryDirectory() as folder:
        camera = {
            "url": f"http://127.0.0.1:{port}",
            "username": "admin",
            "password": "x",
            "sources": ["alert_stream"],
        }
        config = {"state_dir": folder, "hik_thermal": {"cameras": {f"c{number}": camera for number in range(count)}}}
        site = Site()
        site.configure(read(config))
        held = [found.listen(sink) for found in site.cameras()]
        for _ in held:
            if not online.acquire(timeout=120):
                raise SystemExit("not all streams came online")
        print(json.dumps(answer(count)), flush=True)
        while sys.stdin.readline():
            print(json.dumps(answer(count)), flush=True)
        site.close()
        _ = Path(folder)


def main() -> None:
    """Hold COUNT streams of the generator at PORT until stdin ends."""
    way, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    if way == "bare":
        asyncio.run(bare(port, count))
    else:
        ours(port, count, decode=way == "ours")


if __name__ == "__main__":
    main()
