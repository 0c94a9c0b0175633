"""Whole processes that hold many metadata tracks: `python -m benchmarks.metadata_readers WAY RTSP_PORT HTTP_PORT COUNT`.

`ours`: the driver, every reading into a sink. `undecoded`: the same, documents put together but not decoded. `pyav`: PyAV, a thread for each
camera. `bare`: an asyncio protocol that only strips headers. Tells on a JSON line, to each line it reads, what it costs, and the ages (ms) of
the documents since the last line.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import threading
import time
from typing import Any

from .processes import memory_bytes, processor_seconds, threads

AGES: list[float] = []


def note(data: bytes) -> None:
    """Note the age of a document."""
    if (begin := data.find(b"t=", 0, 200)) > 0:
        AGES.append((time.monotonic_ns() - int(data[begin + 2 : data.index(b";", begin)])) / 1e6)


def answer() -> None:
    """Tell what this process costs so far."""
    ages, pid = AGES[:], os.getpid()
    del AGES[: len(ages)]
    figures = {"cpu": processor_seconds(pid), "memory": memory_bytes(pid), "threads": threads(pid), "ages": ages}
    print(json.dumps(figures), flush=True)


class Bare(asyncio.Protocol):
    """Ask for the track, then strip headers."""

    def __init__(self, port: int) -> None:
        self.url = f"rtsp://127.0.0.1:{port}/Streaming/Channels/201"
        self.buffer = bytearray()
        self.first = b""
        self.steps = ["DESCRIBE {}", "SETUP {}/trackID=3", "PLAY {}"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        self._next()

    def _next(self) -> None:
        line = self.steps.pop(0).format(self.url)
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" if line.startswith("SETUP") else ""
        self.transport.write(f"{line} RTSP/1.0\r\nCSeq: 1\r\n{transport}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Take out whole packets."""
        buffer = self.buffer
        buffer += data
        while buffer:
            if buffer[0] != 36:
                end = buffer.find(b"\r\n\r\n")
                length = buffer.find(b"Content-Length: ", 0, max(end, 0))
                size = int(buffer[length + 16 : buffer.index(b"\r\n", length)]) if length >= 0 else 0
                if end < 0 or len(buffer) < end + 4 + size:
                    return
                del buffer[: end + 4 + size]
                if self.steps:
                    self._next()
                continue
            if len(buffer) < 16 or len(buffer) < (whole := 4 + int.from_bytes(buffer[2:4], "big")):
                return
            payload = bytes(buffer[16:whole])
            self.first = self.first or payload
            if buffer[5] & 0x80:
                note(self.first)
                self.first = b""
            del buffer[:whole]


async def bare(port: int, count: int) -> None:
    """Hold the tracks on one loop."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_connection(lambda: Bare(port), "127.0.0.1", port)
    answer()
    while await loop.run_in_executor(None, sys.stdin.readline):
        answer()


def pyav(port: int, count: int) -> None:
    """Hold the tracks with a thread each."""
    import av

    def follow() -> None:
        options = {"rtsp_transport": "tcp", "allowed_media_types": "data"}
        with av.open(f"rtsp://127.0.0.1:{port}/Streaming/Channels/201", options=options, timeout=(10, 60)) as source:
            text = b""
            try:
                for packet in source.demux():
                    text += bytes(packet)
                    if text.endswith(b"</Metadata>"):
                        note(text)
                        text = b""
            except OSError:
                return

    for _ in range(count):
        threading.Thread(target=follow, daemon=True).start()
    answer()
    while sys.stdin.readline():
        answer()
    os._exit(0)  # PyAV's threads cannot be ended from outside


def ours(port: int, http: int, count: int, *, decode: bool) -> None:
    """Hold the tracks as the driver does."""
    from hik_thermal_plugin.config import read
    from hik_thermal_plugin.isapi.metadata_stream import MetadataStream
    from hik_thermal_plugin.site import Site

    if not decode:

        def undecoded(stream: MetadataStream, document: bytes) -> tuple[()]:
            note(document)
            return ()

        MetadataStream._told_by = undecoded  # type: ignore[method-assign,assignment]

    def sink(event: Any) -> None:
        if event.type == "temperature_reading" and event.rule == 1:
            note(event.raw)

    with tempfile.TemporaryDirectory() as folder:
        camera = {
            "url": f"http://127.0.0.1:{http}",
            "username": "admin",
            "password": "x",
            "rtsp_port": port,
            "data_channel": 2,
            "sources": ["alert_stream", "metadata"],
        }
        config = {"state_dir": folder, "hik_thermal": {"cameras": {f"c{number}": camera for number in range(count)}}}
        site = Site()
        site.configure(read(config))
        held = [found.watch(sink) for found in site.cameras()]
        answer()
        while sys.stdin.readline():
            answer()
        site.close()
        del held


def main() -> None:
    """Hold COUNT tracks until stdin ends."""
    way, port, http, count = sys.argv[1], *map(int, sys.argv[2:5])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    if way == "bare":
        asyncio.run(bare(port, count))
    elif way == "pyav":
        pyav(port, count)
    else:
        ours(port, http, count, decode=way == "ours")


if __name__ == "__main__":
    main()
