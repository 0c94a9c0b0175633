"""A client on a plain socket: what the tests see are the device's own bytes."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 10.0
ALERT_STREAM = "/ISAPI/Event/notification/alertStream"
DEVICE_INFO = "/ISAPI/System/deviceInfo"
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


@dataclass
class Answer:
    """One reply as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    ended: bool  # the connection ended with it

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


class Wire:
    """One connection, read with a deadline."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), PATIENCE)
        self.data = b""
        self.reset = False
        self.ended = False

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, seconds: float) -> bool:
        """Read once; False when nothing came in time or the connection has ended."""
        if self.ended:
            return False
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return False
        except ConnectionResetError:
            self.ended = self.reset = True
            return False
        self.ended = not data
        self.data += data
        return bool(data)

    def until(self, condition: bytes | Callable[[bytes], object], seconds: float = PATIENCE) -> bytes:
        """Read until the bytes are there, or fail; returns everything read so far."""
        met = condition if callable(condition) else (lambda data: condition in data)
        deadline = time.monotonic() + seconds
        while not met(self.data):
            assert not self.ended, f"the connection ended early, after {self.data[-300:]!r}"
            assert time.monotonic() < deadline, f"not met in time, read so far {self.data[-300:]!r}"
            self.read(deadline - time.monotonic())
        return self.data

    def to_end(self, seconds: float = PATIENCE) -> bytes:
        """Read until the device ends the connection."""
        deadline = time.monotonic() + seconds
        while not self.ended:
            assert time.monotonic() < deadline, "the connection did not end"
            self.read(deadline - time.monotonic())
        return self.data

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        return not self.read(seconds) and not self.ended


class RawClient:
    """Requests to a simulator with a Digest of the test's own."""

    def __init__(self, url: str, username: str = "admin", password: str = "hik12345") -> None:
        self.url = url
        self.username = username
        self.password = password
        self._nonce_uses: dict[str, int] = {}

    def connect(self) -> Wire:
        return Wire(self.url)

    def ask(
        self,
        target: str,
        *,
        method: str = "GET",
        authorization: str | None = None,
        body: bytes = b"",
        wire: Wire | None = None,
    ) -> Answer:
        """One request with exactly these credentials."""
        own = wire or self.connect()
        try:
            own.send(self.request(target, method=method, authorization=authorization, body=body))
            return read_answer(own)
        finally:
            if wire is None:
                own.close()

    def get(self, target: str, *, method: str = "GET", body: bytes = b"") -> Answer:
        """Ask, and answer the challenge."""
        challenge = self.ask(target, method=method)
        assert challenge.status == 401, challenge
        return self.ask(
            target, method=method, body=body, authorization=self.authorize(challenge, target, method=method)
        )

    def stream(self, target: str = ALERT_STREAM) -> Wire:
        """Open the alert stream; the first heartbeat has come when this returns."""
        challenge = self.ask(target)
        wire = self.connect()
        wire.send(self.request(target, authorization=self.authorize(challenge, target)))
        wire.until(lambda data: b"\r\n\r\n" in data)
        return wire

    def request(
        self, target: str, *, method: str = "GET", authorization: str | None = None, body: bytes = b""
    ) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {urlsplit(self.url).netloc}"]
        lines += [f"Authorization: {authorization}"] if authorization else []
        lines += [f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "", ""]).encode() + body

    def authorize(
        self,
        challenge: Answer | str,
        target: str,
        *,
        method: str = "GET",
        password: str | None = None,
        uri: str | None = None,
        algorithm: str | None = None,
    ) -> str:
        """The Authorization header for a challenge."""
        text = challenge if isinstance(challenge, str) else challenge.all("www-authenticate")[0]
        told = dict(re.findall(r'(\w+)="([^"]*)"', text))
        named = algorithm or told.get("algorithm")
        secret = self.password if password is None else password
        uri = target if uri is None else uri

        def digest(text: str) -> str:
            return hashlib.new(_HASHES[named or "MD5"], text.encode()).hexdigest()

        first = digest(f"{self.username}:{told['realm']}:{secret}")
        second = digest(f"{method}:{uri}")
        fields = [f'username="{self.username}"', f'realm="{told["realm"]}"', f'nonce="{told["nonce"]}"', f'uri="{uri}"']
        if "qop" in told:
            uses = self._nonce_uses[told["nonce"]] = self._nonce_uses.get(told["nonce"], 0) + 1
            response = digest(f"{first}:{told['nonce']}:{uses:08x}:c0ffee:auth:{second}")
            fields += ["qop=auth", f"nc={uses:08x}", 'cnonce="c0ffee"']
        else:
            response = digest(f"{first}:{told['nonce']}:{second}")
        if named:
            fields.append(f"algorithm={named}")
        return "Digest " + ", ".join([*fields, f'response="{response}"'])


def read_answer(wire: Wire) -> Answer:
    """Read one reply: head, and the body its Content-Length announces or what comes until the end."""
    head, _, _ = wire.until(b"\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    start = len(head) + 4
    while len(wire.data) < start + length and wire.read(PATIENCE):
        pass
    body, wire.data = wire.data[start : start + length], wire.data[start + length :]
    return Answer(int(first.split(" ")[1]), headers, body, wire.ended)


def control(simulator: Any, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """One request to the control port: status and the JSON of the reply."""
    with Wire(simulator.control) as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = read_answer(wire)
    return answer.status, json.loads(answer.body)


def apply(simulator: Any, *steps: dict[str, Any]) -> None:
    """Apply steps over the control port, as a test of another language would."""
    status, answer = control(simulator, "POST", "/steps", json.dumps(steps).encode())
    assert (status, answer) == (200, {"applied": len(steps)}), answer
