"""Hundreds of RTSP streams in one process of their own: `python -m benchmarks.rtsp_generator`.

Without login, over TCP: a track of video (H.264 at 1 Mbit/s, 25 pictures a second, a key picture a second, encoded once and sent in a loop)
and one of metadata. Stdin takes one JSON object a line, each answered by one:
`{"documents": per_second, "seconds": S}` sends metadata documents of three packets on every session that plays that track;
`{}` tells how many sessions play each track, and how many pictures were sent.
A document holds the time it was sent (CLOCK_MONOTONIC, ns) in a comment, so that whoever reads it knows its age.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np

FPS = 25
LOOP_SECONDS = 4
BIT_RATE = 1_000_000
PACKET = 1400
_SDP = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=Media Presentation
t=0 0
a=control:*
m=video 0 RTP/AVP 96
a=control:trackID=1
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
m=application 0 RTP/AVP 107
a=control:trackID=3
a=rtpmap:107 isapi.metadata/90000
"""


def pictures() -> list[list[bytes]]:
    """Return the loop: for each picture its RTP payloads (single NAL units and FU-A)."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 640, 512, "yuv420p", Fraction(1, FPS)
    encoder.bit_rate = BIT_RATE
    encoder.options = {
        "preset": "veryfast",
        "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0:repeat-headers=1:sliced-threads=0:"
        f"nal-hrd=cbr:vbv-maxrate={BIT_RATE // 1000}:vbv-bufsize={BIT_RATE // 1000}",
    }
    random = np.random.default_rng(1)
    packets = []
    for number in range(FPS * LOOP_SECONDS):
        noise = random.integers(0, 60, (512, 640, 3), dtype=np.uint8)
        noise[100:200, 10 + number : 110 + number] = 255
        frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [[part for nal in _nal_units(bytes(packet)) for part in _payloads(nal)] for packet in packets]


def _nal_units(data: bytes) -> list[bytes]:
    units, start = [], data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        units.append(data[start + 3 :] if following < 0 else data[start + 3 : following].rstrip(b"\0"))
        start = following
    return units


def _payloads(nal: bytes) -> list[bytes]:
    if len(nal) <= PACKET:
        return [nal]
    head, kind = (nal[0] & 0xE0) | 28, nal[0] & 31
    pieces = [nal[begin : begin + PACKET - 2] for begin in range(1, len(nal), PACKET - 2)]
    last = len(pieces) - 1
    return [
        bytes((head, (0x80 if number == 0 else 0) | (0x40 if number == last else 0) | kind)) + piece
        for number, piece in enumerate(pieces)
    ]


def document(rules: int = 4) -> bytes:
    """Return a metadata document with the time in front, about three packets long."""
    target = """<Target><ruleID>{}</ruleID><RegionList><Region><Point><x>500</x><y>500</y></Point></Region></RegionList><PropertyList>
<Property><description>tempValue</description><value>40.5</value></Property>
<Property><description>tempUnit</description><value>centigrade</value></Property>
<Property><description>tempProperty</description><value>{}</value></Property></PropertyList></Target>"""
    targets = "\n".join(target.format(rule, word) for rule in range(1, rules + 1) for word in ("highest", "lowest"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Metadata version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<!--t={time.monotonic_ns()};--><type>activityTarget</type><subType>thermometry</subType>"
        "<time>2026-01-01T00:00:00.000Z</time><DevInfo><channel>2</channel></DevInfo>"
        f"<TargetDetection><TargetList>{targets}</TargetList></TargetDetection></Metadata>"
    ).encode()


class Session(asyncio.Protocol):
    """One RTSP connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.tracks: dict[int, int] = {}
        self.sequence = 0
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer requests; what a client sends over RTCP is passed over."""
        self.buffer += data
        while self.buffer:
            if self.buffer[:1] == b"$":
                if len(self.buffer) < 4 or len(self.buffer) < 4 + int.from_bytes(self.buffer[2:4], "big"):
                    return
                self.buffer = self.buffer[4 + int.from_bytes(self.buffer[2:4], "big") :]
                continue
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self.buffer = rest
            self._answer(head.decode())

    def _answer(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, url, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        extra, body = "", b""
        match method:
            case "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
            case "DESCRIBE":
                body = _SDP.replace("\n", "\r\n").encode()
                extra = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            case "SETUP":
                track = int(url.rpartition("trackID=")[2][:1])
                channel = 2 * len(self.tracks)
                self.tracks[track] = channel
                extra = (
                    f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}\r\nSession: 1;timeout=60\r\n"
                )
            case "PLAY":
                extra = "Session: 1\r\n"
                if 1 in self.tracks:
                    self.task = asyncio.get_running_loop().create_task(self._play())
                self.server.sessions.add(self)
        reply = f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}\r\n".encode()
        self.transport.write(reply + body)
        if method == "TEARDOWN":
            self.transport.close()

    def send(self, track: int, stamp: int, payloads: list[bytes]) -> None:
        """Send the payloads of one picture or document."""
        channel, kind, out = self.tracks[track], 107 if track == 3 else 96, []
        for number, payload in enumerate(payloads):
            marker = 0x80 if number == len(payloads) - 1 else 0
            out.append(
                struct.pack(
                    ">BBHBBHII",
                    36,
                    channel,
                    len(payload) + 12,
                    0x80,
                    kind | marker,
                    self.sequence & 0xFFFF,
                    stamp & 0xFFFFFFFF,
                    track,
                )
            )
            out.append(payload)
            self.sequence += 1
        self.transport.write(b"".join(out))

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        number = 0
        while not self.transport.is_closing():
            self.send(1, number * 90_000 // FPS, self.server.loop[number % len(self.server.loop)])
            self.server.sent += 1
            number += 1
            due += 1 / FPS
            await asyncio.sleep(max(0.0, due - loop.time()))

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self.server.sessions.discard(self)
        if self.task is not None:
            self.task.cancel()


class Server:
    """All sessions."""

    def __init__(self) -> None:
        self.loop = pictures()
        self.sessions: set[Session] = set()
        self.sent = 0

    async def documents(self, per_second: float, seconds: float) -> dict[str, Any]:
        """Send documents to every session of the metadata track, evenly over time."""
        loop = asyncio.get_running_loop()
        sessions = [session for session in self.sessions if 3 in session.tracks]
        step = 1 / (per_second * len(sessions))
        begun = due = loop.time()
        sent = packets = 0
        while loop.time() - begun < seconds:
            session = sessions[sent % len(sessions)]
            text = document()
            payloads = [text[begin : begin + PACKET] for begin in range(0, len(text), PACKET)]
            session.send(3, round(loop.time() * 90_000), payloads)
            sent += 1
            packets += len(payloads)
            due += step
            if (wait := due - loop.time()) > 0.001:
                await asyncio.sleep(wait)
            elif sent % 50 == 0:
                await asyncio.sleep(0)
        return {"documents": sent, "packets": packets, "seconds": loop.time() - begun}

    def state(self) -> dict[str, Any]:
        """Tell what is going on."""
        return {
            "metadata": sum(3 in session.tracks for session in self.sessions),
            "video": sum(1 in session.tracks for session in self.sessions),
            "pictures": self.sent,
            "at": time.monotonic_ns(),
        }


async def main() -> None:
    """Serve until stdin ends."""
    server = Server()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Session(server), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": listening.sockets[0].getsockname()[1]}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        told = await server.documents(order["documents"], order["seconds"]) if "documents" in order else server.state()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
