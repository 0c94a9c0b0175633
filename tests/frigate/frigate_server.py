"""The event API of a Frigate, with the answers the real one gave (its code and a run of its routes; Frigate 0.18).

Not a Frigate: it keeps events in a list. What it answers, to whom, and in which words, is Frigate's.
"""

from __future__ import annotations

import json
import random
import re
import socket
import ssl
import string
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LETTERS = string.ascii_lowercase + string.digits
PRE_CAPTURE = 5
"""Frigate's own default of record.event_pre_capture."""
FIELDS: dict[str, tuple[type, ...]] = {
    "source_type": (str, type(None)),
    "sub_label": (str, type(None)),
    "score": (int, float, type(None)),
    "duration": (int, type(None)),
    "include_recording": (bool, type(None)),
    "draw": (dict, type(None)),
    "pre_capture": (int, type(None)),
}
Answer = tuple[int, Any]


@dataclass
class Made:
    """One event as it was asked for."""

    id: str
    camera: str
    label: str
    body: dict[str, Any]
    start_time: float
    end_time: float | None = None
    stored: bool = True


@dataclass
class FrigateServer:
    """`with FrigateServer() as frigate`: a port without login, as 5000 is; with `users` one that wants a login, as 8971."""

    cameras: tuple[str, ...] = ("kiln_thermal", "kiln_visible")
    users: dict[str, tuple[str, str]] | None = None
    """Name -> (password, role)."""
    port: int = 0
    events: list[Made] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    failures: list[Answer | None] = field(default_factory=list)
    """Answers of the next requests (logins do not count); None cuts the connection after the request was done."""
    ahead: float = 0.0
    """Seconds by which its clock is ahead of ours."""
    slow_store: bool = False
    """Events are not in the database yet when their creation is answered."""
    connections: list[socket.socket] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    silent: threading.Event | None = None
    """While it is set and not yet triggered, no request is answered."""

    def __enter__(self) -> FrigateServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before; as a Frigate does, end what was left open."""
        for event in self.events:
            if event.end_time is None:
                event.end_time = event.start_time + 30
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler(self))
        self._server.daemon_threads = False
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Be gone."""
        if self.silent is not None:
            self.silent.set()
        self._server.shutdown()
        for connection in self.connections:
            with suppress(OSError):  # closed by now
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()
        self._server.server_close()
        self._thread.join()

    def open(self) -> list[Made]:
        return [event for event in self.events if event.end_time is None]

    def asked(self, method: str, pattern: str) -> int:
        return sum(verb == method and re.fullmatch(pattern, path) is not None for verb, path in list(self.requests))

    def role(self, headers: Any) -> str | None:
        """Return the role nginx would send on; None is 401."""
        if self.users is None:
            return "admin"
        return self.tokens.get((headers.get("Authorization") or "").removeprefix("Bearer "))

    def log_in(self, body: dict[str, Any]) -> tuple[Answer, str | None]:
        assert self.users is not None
        password, role = self.users.get(body.get("user", ""), (None, ""))
        if password is None or body.get("password") != password:
            return (401, {"message": "Login failed"}), None
        token = "".join(random.choices(LETTERS, k=40))
        self.tokens[token] = role
        return (200, None), token

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, role: str) -> Answer:
        match method, path.strip("/").split("/"):
            case "POST", ["events", camera, label, "create"]:
                return self.create(unquote(camera), unquote(label), body, role)
            case "PUT", ["events", event_id, "end"]:
                return self.end(unquote(event_id), body, role)
            case "GET", ["events"]:
                found = [event for event in self.events if event.camera in query["cameras"]]
                found = [event for event in found if event.label in query["labels"]]
                if query.get("in_progress") == ["1"]:
                    found = [event for event in found if event.end_time is None]
                return 200, [row(event) for event in found if event.start_time > float(query["after"][0])]
            case "GET", ["events", event_id]:
                for event in self.events:
                    if event.id == unquote(event_id):
                        return 200, row(event)
                return 404, "Event not found"
        return 404, {"detail": "Not Found"}

    def create(self, camera: str, label: str, body: Any, role: str) -> Answer:
        if role != "admin":
            return 403, {"detail": f"Role {role} not authorized. Required: admin"}
        for name, value in body.items():
            if not isinstance(value, FIELDS.get(name, (object,))):
                return 422, {"detail": [{"loc": ["body", name], "msg": "wrong type"}]}
        if camera not in self.cameras:
            return 404, {"success": False, "message": f"{camera} is not a valid camera."}
        now = time.time() + self.ahead
        name = f"{now}-{''.join(random.choices(LETTERS, k=6))}"
        event = Made(name, camera, label, body, now - PRE_CAPTURE)
        event.stored = not self.slow_store
        if (duration := body.get("duration", 30)) is not None:
            event.end_time = now + duration
        self.events.append(event)
        return 200, {"success": True, "message": "Successfully created event.", "event_id": event.id}

    def end(self, event_id: str, body: Any, role: str) -> Answer:
        if role != "admin":
            return 403, {"detail": f"Role {role} not authorized. Required: admin"}
        for event in self.events:
            if event.id == event_id:
                if not event.stored:
                    event.stored = True
                    break
                at = body.get("end_time")
                if at is not None and at < event.start_time:
                    told = f"end_time ({at}) cannot be before start_time ({event.start_time})."
                    return 400, {"success": False, "message": told}
                event.end_time = at or time.time() + self.ahead
                return 200, {"success": True, "message": "Event successfully ended."}
        return 404, {"success": False, "message": f"Event {event_id} not found."}


def row(event: Made) -> dict[str, Any]:
    return {
        "id": event.id,
        "camera": event.camera,
        "label": event.label,
        "sub_label": event.body.get("sub_label"),
        "start_time": event.start_time,
        "end_time": event.end_time,
        "data": {"type": "api", "score": event.body.get("score")},
    }


def handler(frigate: FrigateServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            assert parts.path.startswith("/api/")
            path = parts.path.removeprefix("/api/")
            frigate.requests.append((self.command, path))
            if frigate.silent is not None:
                frigate.silent.wait(20)
            if path == "login":
                answer, token = frigate.log_in(body)
                self.say(*answer, token)
                return
            role = frigate.role(self.headers)
            if role is None:
                self.say(401, None)
                return
            failure = frigate.failures.pop(0) if frigate.failures else ()
            if failure == ():
                self.say(*frigate.answer(self.command, path, parse_qs(parts.query), body, role))
            elif failure is None:
                frigate.answer(self.command, path, parse_qs(parts.query), body, role)
                self.close_connection = True
            else:
                self.say(*failure)

        do_POST = do_PUT = do_GET

        def say(self, status: int, answer: Any, token: str | None = None) -> None:
            raw = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            if token is not None:
                self.send_header("Set-Cookie", f"frigate_token={token}; HttpOnly; Path=/")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def setup(self) -> None:
            super().setup()
            frigate.connections.append(self.connection)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
