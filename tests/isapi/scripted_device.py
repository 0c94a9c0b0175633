"""A device on 127.0.0.1 that answers what the test has written, with a Digest of its own making."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

DEVICE_INFO = "/ISAPI/System/deviceInfo"
ALERTS = "/ISAPI/Event/notification/alertStream"
IDENTITY = b'<DeviceInfo xmlns="http://www.isapi.org/ver20/XMLSchema"><model>DS-2TD1228</model></DeviceInfo>'
HEAD = b"HTTP/1.1 200 OK\r\nMIME-Version: 1.0\r\nConnection: close\r\nContent-Type: multipart/mixed; boundary=boundary\r\n\r\n"
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    login: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def reply(status: int, body: bytes = b"", content_type: str = "application/xml", *headers: str) -> bytes:
    """Write an answer as these devices do."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", f"Content-Type: {content_type}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def status_document(code: int, sub: str, text: str = "Invalid Operation") -> bytes:
    """Write a ResponseStatus."""
    return (
        f"<ResponseStatus><requestURL>/x</requestURL><statusCode>{code}</statusCode><statusString>{text}</statusString>"
        f"<subStatusCode>{sub}</subStatusCode></ResponseStatus>"
    ).encode()


class Live:
    """A connection that the test writes to step by step."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.begun = threading.Event()
        self.over = threading.Event()
        self.gone = threading.Event()

    def send(self, data: bytes) -> None:
        assert self.begun.wait(10)
        self.socket.sendall(data)

    def end(self) -> None:
        self.over.set()

    def reset(self) -> None:
        """Vanish as a rebooting device does, with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over.set()


Handler = Callable[["ScriptedDevice", Live, Asked], bytes | None]


class ScriptedDevice:
    """Starts at once; close() ends everything. Change the attributes between requests."""

    def __init__(self, password: str, context: ssl.SSLContext | None = None) -> None:
        self.password = password
        self.challenges: Callable[[str, str], list[str]] = lambda nonce, stale: [
            f'Digest qop="auth", realm="IP Camera(76475)", nonce="{nonce}", stale="{stale}"'
        ]
        self.asks_login = True
        self.refusal = b""
        """Body of a 401 to wrong credentials."""
        self.challenge_body = b""
        self.forbidden: set[str] = set()
        """Paths that answer 401 to right credentials."""
        self.path_bound = False
        self.keep_nonces = True
        self.says_stale = True
        self.before: Callable[[Asked], None] = lambda asked: None
        self.asked: list[Asked] = []
        self.streams: list[Live] = []
        self.head = HEAD
        self.answers: dict[str, list[bytes | Handler]] = {DEVICE_INFO: [reply(200, IDENTITY)], ALERTS: [stream]}
        self._context = context
        self._nonces: dict[str, str] = {}
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="scripted device", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self.port}"

    def targets(self, *, with_login: bool | None = None) -> list[str]:
        """List what was asked for, in order; only with or only without credentials."""
        return [a.target for a in self.asked if with_login is None or with_login == ("authorization" in a.headers)]

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for live in self.streams:
            live.over.set()
        with self._lock:
            for sock in self._sockets:
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._acceptor.join(5)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._closed:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self._connections += 1
                self._sockets.add(sock)
                thread = threading.Thread(target=self._serve, args=(sock, self._connections), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        live = Live(sock)
        try:
            if self._context is not None:
                live.socket = self._context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._sockets.add(live.socket)
            while (asked := self._read(live.socket, number)) is not None:
                live.begun.clear()
                if (answer := self._answer(live, asked)) is None:
                    return
                live.socket.sendall(answer)
                if b"\r\nConnection: close\r\n" in answer:
                    return
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets -= {sock, live.socket}
            live.gone.set()
            live.socket.close()
            sock.close()

    def _read(self, sock: socket.socket, number: int) -> Asked | None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := sock.recv(65536)):
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += sock.recv(65536)
        method, target, _ = first.split(" ")
        asked = Asked(method, target, headers, body, number)
        if authorization := headers.get("authorization"):
            asked.login = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(authorization)}
        self.asked.append(asked)
        self.before(asked)
        return asked

    def _answer(self, live: Live, asked: Asked) -> bytes | None:
        if self.asks_login:
            if "authorization" not in asked.headers:
                return self._refuse(asked, "FALSE", self.challenge_body)
            if not self._right(asked):
                return self._refuse(asked, "FALSE", self.refusal)
            nonce = asked.login.get("nonce", "")
            known = self._nonces.get(nonce) if self.keep_nonces else self._nonces.pop(nonce, None)
            if "nonce" in asked.login and (known is None or (self.path_bound and known != asked.path)):
                return self._refuse(asked, "TRUE" if self.says_stale else "FALSE", b"")
            if asked.path in self.forbidden:
                return self._refuse(asked, "FALSE", b"")
        script = self.answers.get(asked.path, [reply(404)])
        answer = script.pop(0) if len(script) > 1 else script[0]
        return answer if isinstance(answer, bytes) else answer(self, live, asked)

    def _refuse(self, asked: Asked, stale: str, body: bytes) -> bytes:
        nonce = secrets.token_hex(24)
        self._nonces[nonce] = asked.path
        headers = [f"WWW-Authenticate: {value}" for value in self.challenges(nonce, stale)]
        return reply(401, body or b"<html><body>Unauthorized</body></html>", "text/html", *headers)

    def _right(self, asked: Asked) -> bool:
        login = asked.login
        if asked.headers["authorization"].startswith("Basic"):
            import base64

            return (
                asked.headers["authorization"]
                == "Basic " + base64.b64encode(f"admin:{self.password}".encode()).decode()
            )
        name = {"MD5": "md5", "SHA-256": "sha256"}[login.get("algorithm", "MD5")]

        def digest(*texts: str) -> str:
            return hashlib.new(name, ":".join(texts).encode()).hexdigest()

        secret = digest("admin", login["realm"], self.password)
        middle = [login["nonce"], *([login["nc"], login["cnonce"], "auth"] if "qop" in login else [])]
        expected = digest(secret, *middle, digest(asked.method, asked.target))
        return login["uri"] == asked.target and login["response"] == expected


def stream(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
    """Answer with the head of an endless answer, and leave the rest to the test until it says that it is over."""
    device.streams.append(live)
    live.socket.sendall(device.head)
    live.begun.set()
    live.over.wait(60)
    return None


def silence(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
    """Take the request and never answer."""
    device.streams.append(live)
    live.over.wait(60)
    return None


def hang_up(device: ScriptedDevice, live: Live, asked: Asked) -> bytes | None:
    """Close the connection without an answer."""
    return None
