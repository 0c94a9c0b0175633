"""A camera's RTSP server with video, for tests, on 127.0.0.1: live and playback, with the ways real ones end, fall silent and go wrong."""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Self

from coded_video import TICKS, Packetizer, Video, media_lines, video

PATIENCE = 20.0
BYE = struct.pack(">BBHI", 0x81, 203, 1, 0xC0FFEE)
AUDIO = "m=audio 0 RTP/AVP 8\na=control:trackID=2\n"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Conduct:
    """How a server behaves from its next connection on."""

    pictures: int | None = None
    """After so many pictures comes the end; None: never."""
    end: Literal["fin", "rst", "bye", "announce", "silence", "teardown"] = "fin"
    cut: int | None = None
    """Close after so many bytes of packets, wherever that is."""
    pace: float = 0.04
    """Seconds from picture to picture; 0: as fast as it goes."""
    set_back: dict[int, int] = field(default_factory=dict)
    """Number of a picture -> ticks its clock is set back there, for good."""
    skip: dict[int, int] = field(default_factory=dict)
    """Number of a picture -> ticks its clock leaps ahead there, for good."""
    audio: bool = False
    status: dict[str, str] = field(default_factory=dict)
    """Method -> status line instead of 200 OK."""
    mute: bool = False
    """Answers nothing at all."""
    sets: bool = True
    """Parameter sets in the session description."""
    alive: bool = True
    """Answers signs of life."""
    change: Video | None = None
    """After the first round of pictures, these."""


class VideoServer:
    """One server for any number of connections. With `password` it wants Digest from the user admin."""

    def __init__(self, what: Video | None = None, *, password: str | None = None, port: int = 0) -> None:
        self.video = what or video()
        self.conduct = Conduct()
        self.password = password
        self.asked: list[Asked] = []
        self.refused = 0
        self.playbacks = 0
        """Recordings that are being played back now; a second one gets 453."""
        self.gate = threading.Event()
        """While it is clear, live pictures wait."""
        self.gate.set()
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[_Connection] = []
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="video server")
        self._thread.start()

    @property
    def open(self) -> int:
        """Return how many connections there are."""
        return sum(connection.open for connection in self._connections)

    def methods(self, method: str) -> list[Asked]:
        """Return what was asked with a method, in order."""
        return [asked for asked in self.asked if asked.method == method]

    def wait_for(self, method: str, count: int = 1) -> Asked:
        """Wait until a method was asked so many times and return the last."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.methods(method)) >= count, PATIENCE)
            assert done, f"no {method}: {[asked.method for asked in self.asked]}"
            return self.methods(method)[count - 1]

    def drop(self, *, reset: bool = False) -> None:
        """Close all connections."""
        for connection in list(self._connections):
            connection.close(reset=reset)

    def note(self, asked: Asked) -> None:
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()

    def close(self) -> None:
        self._closed = True
        self.gate.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)
        for connection in self._connections:
            connection.close()
            connection.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(_Connection(self, sock))

    def may(self, asked: Asked) -> bool:
        """Tell whether a request carries the right credentials."""
        said = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers.get("authorization", "")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        expected = md5(f"{md5(f'admin:IP Camera:{self.password}')}:n1:{md5(f'{asked.method}:{asked.url}')}")
        return said.get("response") == expected


class _Connection:
    def __init__(self, server: VideoServer, sock: socket.socket) -> None:
        self.open = True
        self._server = server
        self._conduct = server.conduct
        self._sock = sock
        self._sending = threading.Lock()
        self._stop = threading.Event()
        self._playback = False
        self._sender: threading.Thread | None = None
        self._reader = threading.Thread(target=self._read, name="video connection")
        self._reader.start()

    def close(self, *, reset: bool = False) -> None:
        self._stop.set()
        with suppress(OSError):
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._sock.shutdown(socket.SHUT_RD)  # the reader closes it, which then is a reset
            else:
                self._sock.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        self._reader.join(PATIENCE)
        if self._sender is not None:
            self._sender.join(PATIENCE)

    def _read(self) -> None:
        data = b""
        with self._sock, suppress(OSError):
            while received := self._sock.recv(65536):
                data += received
                while b"\r\n\r\n" in data:
                    head, _, data = data.partition(b"\r\n\r\n")
                    if not head.startswith(b"RTSP/"):
                        self._answer(head.decode())
                    else:
                        self._server.note(Asked("ANSWER", "", {}))
        self._stop.set()
        if self._playback:
            self._server.playbacks -= 1
        self.open = False

    def _answer(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        method, url, _ = first.split(" ")
        asked = Asked(method, url, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)})
        server, conduct = self._server, self._conduct
        extra, body, status = ["Session: 7;timeout=60"], "", conduct.status.get(method, "200 OK")
        if conduct.mute or (method in ("GET_PARAMETER", "OPTIONS") and not conduct.alive):
            server.note(asked)
            return
        if server.password is not None and not server.may(asked):
            server.refused += "authorization" in asked.headers
            status, extra = (
                "401 Unauthorized",
                ['WWW-Authenticate: Digest realm="IP Camera", nonce="n1", stale="FALSE"'],
            )
        elif method == "DESCRIBE":
            body = "v=0\r\ns=Media Presentation\r\na=control:*\r\n" + media_lines(server.video, sets=conduct.sets)
            body += AUDIO if conduct.audio else ""
            extra = [f"Content-Base: {url}/"]
        elif method == "SETUP":
            extra.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= c0ffee")
            if "/tracks/" in url:
                if server.playbacks and not self._playback:
                    status = "453 Not Enough Bandwidth"
                else:
                    self._playback = True
                    server.playbacks += 1
        lines = [f"RTSP/1.0 {status}", f"CSeq: {asked.headers['cseq']}", *extra]
        if body:
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        self._send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if method == "PLAY" and status.startswith("200") and self._sender is None:
            self._sender = threading.Thread(target=self._play, name="video sender")
            self._sender.start()
        if method == "TEARDOWN":
            self._stop.set()
        server.note(asked)

    def _play(self) -> None:
        conduct, sent = self._conduct, 0
        begun = time.monotonic()
        with suppress(OSError):
            for number, packets in enumerate(self._pictures()):
                if number == conduct.pictures:
                    self._end()
                    return
                if conduct.pace and self._stop.wait(max(0.0, begun + number * conduct.pace - time.monotonic())):
                    return
                while not self._playback and not self._server.gate.wait(0.01):
                    if self._stop.is_set():
                        return
                if self._stop.is_set():
                    return
                data = b"".join(b"$\0" + len(packet).to_bytes(2, "big") + packet for packet in packets)
                if conduct.audio:
                    data = b"$\2\0\x10" + b"\x80\x08" + bytes(14) + data
                if conduct.cut is not None and sent + len(data) >= conduct.cut:
                    self._send(data[: conduct.cut - sent])
                    self.close()
                    return
                self._send(data)
                sent += len(data)

    def _pictures(self) -> Iterator[list[bytes]]:
        conduct, server = self._conduct, self._server
        sender = Packetizer(server.video.codec)
        shift, number = 0, 0
        for turn in itertools.count():
            what = conduct.change if conduct.change is not None and turn else server.video
            for unit in what.units:
                shift += conduct.skip.get(number, 0) - conduct.set_back.get(number, 0)
                ticks = (turn * len(what.units) + unit.shown) * TICKS + shift
                yield sender.picture(unit, size=700, ticks=ticks)
                number += 1

    def _end(self) -> None:
        match self._conduct.end:
            case "fin":
                self.close()
            case "rst":
                self.close(reset=True)
            case "bye":
                self._send(b"$\1" + len(BYE).to_bytes(2, "big") + BYE)
            case "announce" | "teardown" as word:
                self._send(f"{word.upper()} rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\nSession: 7\r\n\r\n".encode())

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._sock.sendall(data)
