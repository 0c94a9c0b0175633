"""A camera's RTSP server for tests, on 127.0.0.1: it answers as it is told to, keeps what it was asked, and sends what a test pushes."""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

SDP = """v=0
o=- 1 1 IN IP4 192.0.2.64
s=Media Presentation
a=control:rtsp://192.0.2.64:554/Streaming/Channels/201/?transportmode=unicast
m=video 0 RTP/AVP 96
a=control:rtsp://192.0.2.64:554/Streaming/Channels/201/trackID=1?transportmode=unicast
a=rtpmap:96 H264/90000
m=application 0 RTP/AVP 107
a=control:rtsp://192.0.2.64:554/Streaming/Channels/201/trackID=3?transportmode=unicast
a=rtpmap:107 isapi.metadata/90000
"""
TRACK = "rtsp://192.0.2.64:554/Streaming/Channels/201/trackID=3?transportmode=unicast"
AGGREGATE = "rtsp://192.0.2.64:554/Streaming/Channels/201/?transportmode=unicast"
PATIENCE = 10.0


class Asked:
    """One request as it came."""

    def __init__(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        self.method, self.url, _ = first.split(" ")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}


Answer = Callable[["RtspCamera", Asked], bytes | None]


class RtspCamera:
    """One server; connections one after the other.

    `answers` gives for a method the lines of its answer, first the status; a function may give the whole answer instead (None: none).
    With `password` it wants Digest without qop, with the nonce that `nonce` names at that moment.
    """

    def __init__(self, password: str | None = None) -> None:
        self.sdp = SDP
        self.password = password
        self.nonce = "a1"
        self.asked: list[Asked] = []
        self.refused = 0
        self.answers: dict[str, list[str] | Answer] = {
            "SETUP": [
                "200 OK",
                "Session:        708345999;timeout=60",
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= d6d6627",
            ],
            "PLAY": ["200 OK", "Session: 708345999", "RTP-Info: url=trackID=3;seq=0;rtptime=0"],
        }
        self._served: list[Asked] = []
        self._sequence = 7
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connection: socket.socket | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="rtsp camera")
        self._thread.start()

    @property
    def methods(self) -> list[str]:
        """Return what was asked, in order."""
        return [asked.method for asked in self.asked]

    def wait_for(self, method: str, count: int = 1) -> Asked:
        """Wait until a method was asked and answered so many times and return the last."""

        def served() -> list[Asked]:
            return [asked for asked in self._served if asked.method == method]

        with self._changed:
            assert self._changed.wait_for(lambda: len(served()) >= count, PATIENCE), f"no {method}: {self.methods}"
            return served()[count - 1]

    def push(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._connection is not None
        self._connection.sendall(data)

    def packets(
        self, document: bytes, *, channel: int = 0, size: int = 400, timestamp: int = 0, payload_type: int = 107
    ) -> bytes:
        """Return a document as interleaved packets, the marker on the last."""
        pieces = [document[at : at + size] for at in range(0, len(document), size)]
        out = b""
        for index, piece in enumerate(pieces):
            second = payload_type | (0x80 if index == len(pieces) - 1 else 0)
            packet = struct.pack(">BBHII", 0x80, second, self._sequence & 0xFFFF, timestamp, 1) + piece
            self._sequence += 1
            out += b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet
        return out

    def drop(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        self._thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self._connection = connection
                if self._closed:
                    return
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        data = b""
        while received := connection.recv(65536):
            data += received
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                if head.startswith(b"RTSP/"):
                    asked, answer = Asked("ANSWER * x\r\n" + head.decode()), None
                    self.asked.append(asked)
                else:
                    asked = Asked(head.decode())
                    self.asked.append(asked)
                    answer = self._answer(asked)
                if answer is not None:
                    connection.sendall(answer)
                with self._changed:
                    self._served.append(asked)
                    self._changed.notify_all()

    def _answer(self, asked: Asked) -> bytes | None:
        if self.password is not None and not self._may(asked):
            self.refused += "authorization" in asked.headers
            return reply(
                asked,
                "401 Unauthorized",
                f'WWW-Authenticate: Digest realm="IP Camera(C2875)", nonce="{self.nonce}", stale="FALSE"',
            )
        answer = self.answers.get(asked.method, ["200 OK"])
        if callable(answer):
            return answer(self, asked)
        if asked.method == "DESCRIBE" and answer == ["200 OK"]:
            return reply(asked, "200 OK", "Content-Type: application/sdp", body=self.sdp.encode())
        return reply(asked, *answer)

    def _may(self, asked: Asked) -> bool:
        said = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers.get("authorization", "")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = md5(f"admin:IP Camera(C2875):{self.password}")
        expected = md5(f"{secret}:{self.nonce}:{md5(f'{asked.method}:{asked.url}')}")
        return said.get("response") == expected and said.get("uri") == asked.url


def reply(asked: Asked, status: str, *lines: str, body: bytes = b"") -> bytes:
    """Write an answer."""
    head = [f"RTSP/1.0 {status}", f"CSeq: {asked.headers['cseq']}", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
