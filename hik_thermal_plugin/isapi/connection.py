"""One connection to a camera whose blocked calls another thread can end, and whose socket can be taken over for an endless answer."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from nvr_hooks import BadAnswer, Unreachable

from .auth import DeviceAuth
from .faults import Answer, coded, translated
from .tls import Tls, context_for

CONNECT_SECONDS = 5.0
"""A camera stands in the same building, and a connect in progress is the one thing that cannot be ended from outside."""
MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a camera is and how it is reached."""

    camera: str
    url: str
    """Scheme, host and port; without user and password."""
    tls: Tls = field(default_factory=Tls)
    timeout: float = 10.0
    """Seconds an answer may take."""


class Connection:
    """One connection at a time, used by one thread; interrupt() and close() from any.

    Closing a response or a client of httpx does not wake a thread that is blocked reading from it; shutting the socket down does, at once.
    httpx shows the socket through its `trace` extension while it connects: early enough for a device that accepts and never answers.
    """

    def __init__(self, endpoint: Endpoint, auth: DeviceAuth) -> None:
        self._endpoint = endpoint
        self._auth = auth
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._handshake: socket.socket | None = None
        self._ended = False
        context = context_for(endpoint.tls, secure=endpoint.url.startswith("https:"))
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=10.0)
        # trust_env: proxies and .netrc of the environment are not meant for cameras.
        self._client: httpx.Client | None = httpx.Client(
            base_url=endpoint.url,
            transport=httpx.HTTPTransport(verify=context, limits=limits, trust_env=False),
            trust_env=False,
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "hik-thermal-plugin"},
        )

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the complete answer, whatever it says; raise Unreachable, BadAnswer or what the login raises."""
        seconds = timeout or self._endpoint.timeout
        deadline = time.monotonic() + seconds
        with self._named(method, path):
            headers = {} if content_type is None else {"Content-Type": content_type}
            response = self._send(method, path, seconds, body=body, headers=headers)
            with closing(response):
                pieces, size = [], 0
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > MAX_BODY:
                        what = f"{self._endpoint.camera}: {method} {path}"
                        raise BadAnswer(
                            f"{what} answered with more than {MAX_BODY} bytes", camera=self._endpoint.camera
                        )
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("")
        return Answer(response.status_code, response.headers, media_type(response.headers), b"".join(pieces))

    def challenges(self, path: str) -> list[str]:
        """Return what the device says to a request without a login (WWW-Authenticate); nothing where it asks for none."""
        with (
            self._named("GET", path),
            closing(self._send("GET", path, self._endpoint.timeout, login=False)) as response,
        ):
            return list(response.headers.get_list("www-authenticate"))

    def open(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Send a request whose answer need not end, and return it, whatever it says, once its head is there.

        Whoever reads it, like isapi.stream, translates what goes wrong from then on.
        """
        with self._named(method, path):
            return self._send(method, path, timeout or self._endpoint.timeout, body=body, headers=headers)

    def take_over(self, response: httpx.Response) -> socket.socket:
        """Return the socket of a response of which nothing is left in httpx, to be read directly; it is closed with this connection."""
        raw = response.extensions["network_stream"].get_extra_info("socket")
        if isinstance(raw, ssl.SSLSocket):
            return raw  # its TLS state cannot move; httpx's objects stay with it
        with self._lock:
            # Moving the descriptor lets all of httpx go, which is most of the memory of a connection.
            self._socket = sock = socket.socket(raw.family, raw.type, raw.proto, fileno=raw.detach())
            sock.setblocking(True)  # httpcore's time limits have left it the other way
            client, self._client = self._client, None
            if self._ended:
                _shut_down(sock)
        response.close()
        if client is not None:
            client.close()
        return sock

    def lost(self) -> None:
        """The stream broke: the device may have restarted, so the login is no longer taken for granted."""
        if not self._ended:
            self._auth.forget()

    @property
    def ended(self) -> bool:
        """Whether interrupt() or close() was called."""
        return self._ended

    def interrupt(self) -> None:
        """End whatever the other thread waits for; only a TCP connect in progress has to reach its own timeout."""
        with self._lock:
            self._ended = True
            for sock in (self._socket, self._handshake):
                _shut_down(sock)

    def close(self) -> None:
        """Give back the socket; by the thread that uses the connection, or after it."""
        with self._lock:
            self._ended = True
            client, self._client = self._client, None
            sockets = (self._socket, self._handshake)
            self._socket = self._handshake = None
        if client is not None:
            client.close()
        for sock in sockets:
            if sock is not None:
                sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        login: bool = True,
    ) -> httpx.Response:
        if self._client is None or self._ended:
            raise Unreachable(
                f"{self._endpoint.camera}: {method} {path}: ended by ourselves", camera=self._endpoint.camera
            )
        connect = min(seconds, CONNECT_SECONDS)
        extensions = {
            "timeout": {"connect": connect, "read": seconds, "write": seconds, "pool": seconds},
            "deadline": time.monotonic() + seconds,
            "cancelled": lambda: self._ended,
            "trace": self._trace,
        }
        request = self._client.build_request(method, path, content=body, headers=headers, extensions=extensions)
        auth = self._auth if login else httpx.Auth()
        return self._client.send(request, auth=auth, stream=True, follow_redirects=False)

    @contextmanager
    def _named(self, method: str, path: str) -> Iterator[None]:
        """Turn foreign errors into ours."""
        try:
            with translated(self._endpoint.camera, f"{method} {path}"):
                yield
        except Unreachable:
            self.lost()
            raise

    def _trace(self, name: str, info: dict[str, Any]) -> None:
        if name == "connection.connect_tcp.complete":
            sock = info["return_value"].get_extra_info("socket")
            _keep_alive(sock)
            # TLS takes the descriptor away from this socket before it shakes hands; a duplicate still ends the connection.
            secure = self._endpoint.url.startswith("https:")
            self._hold(sock.dup() if secure else None, None if secure else sock)
        elif name == "connection.start_tls.complete":
            stream = info["return_value"]
            sock = stream.get_extra_info("socket")
            self._hold(None, sock)
            if not self._endpoint.tls.matches(sock.getpeercert(binary_form=True)):
                stream.close()
                raise coded(
                    Unreachable(
                        f"{self._endpoint.camera}: its certificate is not the one with the fingerprint in tls: {{fingerprint: …}}",
                        camera=self._endpoint.camera,
                    ),
                    "untrusted",
                )

    def _hold(self, handshake: socket.socket | None, sock: socket.socket | None) -> None:
        with self._lock:
            if self._handshake is not None:
                self._handshake.close()
            self._handshake, self._socket = handshake, sock
            if self._ended:
                _shut_down(handshake)
                _shut_down(sock)


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, without parameters; empty when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _keep_alive(sock: socket.socket) -> None:
    """Let the kernel notice within two minutes that the other end is gone: streams with nothing to tell have no other sign of life."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):  # as on Linux
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _shut_down(sock: socket.socket | None) -> None:
    if sock is not None:
        with suppress(OSError):  # not connected any more
            # Not SSLSocket's own method: it forgets the TLS state under the reader, who would then read ciphertext.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
