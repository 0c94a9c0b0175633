"""RTSP on a plain socket with a client of the tests' own: requests, replies, and the RTP packets between them."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from raw_http import PATIENCE, Answer, RawClient, Wire

LIVE = "/Streaming/Channels/202"
ISAPI_LIVE = "/ISAPI/Streaming/channels/202"
SQUARES = 20


@dataclass
class Packet:
    """One RTP packet on the connection."""

    channel: int
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    payload: bytes


@dataclass
class Media:
    """One track of a session description."""

    kind: str
    payload_type: int
    attributes: dict[str, str]


class RtspClient:
    """One connection to the simulator's RTSP port."""

    def __init__(self, simulator: Any, *, password: str | None = None) -> None:
        assert simulator.rtsp is not None
        self.base = simulator.rtsp
        self.wire = Wire(simulator.rtsp)
        self.packets: list[Packet] = []
        self.control: list[bytes] = []
        self.replies: list[Answer] = []
        self.asked: list[str] = []
        self.session: str | None = None
        self._login = RawClient(simulator.rtsp, simulator.username, password or simulator.password)
        self._challenge: str | None = None
        self._sequence = 0

    def __enter__(self) -> RtspClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def send(self, method: str, target: str, *, login: bool = True, **headers: str) -> None:
        """Send one request; `target` is a path or a whole address."""
        self._sequence += 1
        url = target if "://" in target else self.base + target
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}"]
        if login and self._challenge:
            lines.append(f"Authorization: {self._login.authorize(self._challenge, url, method=method)}")
        if self.session and "Session" not in headers:
            lines.append(f"Session: {self.session}")
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        self.wire.send("\r\n".join([*lines, "", ""]).encode())

    def ask(self, method: str, target: str, *, login: bool = True, **headers: str) -> Answer:
        """Ask, and answer one challenge."""
        self.send(method, target, login=login, **headers)
        answer = self.reply()
        if answer.status == 401 and login and not (self._challenge and 'stale="FALSE"' in str(answer.headers)):
            self._challenge = answer.all("www-authenticate")[0]
            self.send(method, target, **headers)
            answer = self.reply()
        return answer

    def reply(self) -> Answer:
        """The next reply; packets before it are kept."""
        self.until(lambda: self.replies)
        return self.replies.pop(0)

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Read until it holds, or fail."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert not self.wire.ended, f"the connection ended early, after {self.wire.data[-100:]!r}"
            assert time.monotonic() < deadline, f"not met in time, read so far {self.wire.data[-100:]!r}"
            self.wire.read(deadline - time.monotonic())
            while self._take():
                pass
        return found

    def read_for(self, seconds: float) -> None:
        """Read what comes within a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self.wire.ended:
            self.wire.read(left)
            while self._take():
                pass

    def to_end(self) -> None:
        """Read until the connection ends."""
        deadline = time.monotonic() + PATIENCE
        while not self.wire.ended:
            assert time.monotonic() < deadline, "the connection did not end"
            self.read_for(0.1)

    def describe(self, target: str) -> list[Media]:
        answer = self.ask("DESCRIBE", target, Accept="application/sdp")
        assert answer.status == 200, answer
        return medias(answer.body)

    def play(self, target: str, *kinds: str) -> dict[str, int]:
        """DESCRIBE, SETUP of these kinds of media, PLAY; the channel of each."""
        answer = self.ask("DESCRIBE", target, Accept="application/sdp")
        assert answer.status == 200, answer
        base, channels = answer.header("content-base") or "", {}
        for media in medias(answer.body):
            if media.kind in kinds:
                number = 2 * len(channels)
                control = media.attributes["control"]
                control = control if "://" in control else base + control
                done = self.set_up(control, number)
                assert done.status == 200, done
                channels[media.kind] = number
        assert set(channels) == set(kinds), channels
        assert self.ask("PLAY", base, Range="npt=0.000-").status == 200
        return channels

    def set_up(self, control: str, channel: int) -> Answer:
        answer = self.ask("SETUP", control, Transport=f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}")
        if answer.status == 200:
            self.session = (answer.header("session") or "").partition(";")[0].strip()
        return answer

    def of(self, channel: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.channel == channel]

    def _take(self) -> bool:
        data = self.wire.data
        if data[:1] == b"$":
            if len(data) < 4 or len(data) < 4 + struct.unpack(">H", data[2:4])[0]:
                return False
            channel, length = data[1], struct.unpack(">H", data[2:4])[0]
            self._packet(channel, data[4 : 4 + length])
            self.wire.data = data[4 + length :]
            return True
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        if len(rest) < length:
            return False
        self.wire.data = rest[length:]
        if first.startswith("RTSP/1.0 "):
            self.replies.append(Answer(int(first.split(" ")[1]), headers, rest[:length], self.wire.ended))
        else:
            self.asked.append(head.decode("latin-1"))
        return True

    def _packet(self, channel: int, data: bytes) -> None:
        if channel % 2:
            self.control.append(data)
            return
        first, second, sequence, timestamp, source = struct.unpack(">BBHII", data[:12])
        assert first == 0x80
        self.packets.append(Packet(channel, second & 127, bool(second & 128), sequence, timestamp, source, data[12:]))


def medias(text: bytes) -> list[Media]:
    """The tracks of a session description."""
    found: list[Media] = []
    for line in text.decode().split("\r\n"):
        if line.startswith("m="):
            kind, _, _, number = line[2:].split(" ")
            found.append(Media(kind, int(number), {}))
        elif line.startswith("a=") and found:
            name, _, value = line[2:].partition(":")
            found[-1].attributes[name] = value
    return found


def frames(packets: list[Packet]) -> Iterator[tuple[int, bytes]]:
    """Timestamp and Annex B bytes of each whole H.264 frame; a gap in the sequence fails."""
    unit, units = b"", []
    for before, packet in zip([None, *packets], packets, strict=False):
        assert before is None or packet.sequence == (before.sequence + 1) & 0xFFFF
        payload = packet.payload
        if payload[0] & 31 == 28:
            head = bytes((payload[0] & 0xE0 | payload[1] & 31,)) if payload[1] & 0x80 else b""
            unit = head + payload[2:] if head else unit + payload[2:]
            if payload[1] & 0x40:
                units.append(unit)
        else:
            units.append(payload)
        if packet.marker:
            yield packet.timestamp, b"".join(b"\0\0\0\1" + part for part in units)
            units = []


def pictures(units: list[tuple[int, bytes]], codec: str = "h264") -> list[np.ndarray]:
    """Decode frames, in the order they are shown."""
    decoder: Any = av.CodecContext.create(codec, "r")
    shown = []
    for _, data in units:
        shown += decoder.decode(av.Packet(data))
    shown += decoder.decode(None)
    return [frame.to_ndarray(format="rgb24") for frame in shown]


def number_of(picture: np.ndarray) -> int:
    """The number that the squares along the lower edge write."""
    height = picture.shape[0]
    side = max(8, height // 32 & ~1)
    row = height - 2 * side + side // 2
    bits = [int(picture[row, side * (place + 1) + side // 2].mean() > 128) for place in range(SQUARES)]
    return int("".join(map(str, bits)), 2)


def documents(packets: list[Packet]) -> list[bytes]:
    """The documents of a metadata track, cut at the end tag."""
    text = b"".join(packet.payload for packet in packets)
    return re.findall(rb"<\?xml.*?</(?:Metadata|tt:MetadataStream)>", text, re.DOTALL)
