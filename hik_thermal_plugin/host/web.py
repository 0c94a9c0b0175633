"""/metrics and /healthz over HTTP, for this machine and the networks that are allowed: nothing is written, no name or password is asked for.

Whoever else comes is hung up on before a byte is read.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from typing import Any, Final

from nvr_hooks import NvrError

from .pulse import Pulse, Reloads
from .service_settings import MetricsSettings, Network

log = logging.getLogger(__name__)
MOST: Final = 16
"""Requests at once; who comes beyond them is hung up on."""
_REQUEST_SECONDS: Final = 5.0
_SAID: Final = 32
THIS_MACHINE: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
Page = tuple[int, str, bytes]
"""Status, content type, body."""


class Web:
    """The listener, from its making until `close`. Raises NvrError when the address cannot be taken."""

    def __init__(self, settings: MetricsSettings, pages: dict[str, Callable[[], Page]]) -> None:
        self.settings = settings
        try:
            self._server = _server(settings, pages)
        except OSError as err:
            where = f"{_in_url(settings.bind)}:{settings.port}"
            raise NvrError(f"metrics cannot listen on {where}: {err.strerror or err}") from err
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()
        log.info("metrics and health on http://%s:%d", _in_url(settings.bind), self.port)
        if not settings.allow and not _within(settings.bind, THIS_MACHINE):
            log.warning(
                "metrics: bind is %s, but allow names nobody: only this machine itself is answered", settings.bind
            )

    def close(self) -> None:
        """End the listener and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


def health_page(pulse: Pulse, broken: Callable[[], dict[str, str]], reloads: Reloads) -> Page:
    """Return 200, or 503 with the sources that should be up and are not, and the plugins that failed."""
    health = pulse.health()
    down = pulse.down(health)
    plugins = broken()
    ok = not down and not plugins
    document = {
        "ok": ok,
        "cameras": len(health),
        "down": [
            {"camera": item.camera, "source": item.source, "state": item.state, "since": item.since or None, "reason": item.reason}
            for item in down
        ],
        "plugins": plugins,
        "configuration": {"current": not reloads.mistakes, "mistakes": list(reloads.mistakes)},
    }  # fmt: skip
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "application/json", json.dumps(document, ensure_ascii=False).encode() + b"\n"


def _within(text: str, networks: Iterable[Network]) -> bool:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False  # a name
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks if network.version == address.version)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _server(settings: MetricsSettings, pages: dict[str, Callable[[], Page]]) -> ThreadingHTTPServer:
    family, _, _, _, address = socket.getaddrinfo(settings.bind, settings.port, type=socket.SOCK_STREAM)[0]
    room = threading.BoundedSemaphore(MOST)
    refused: set[str] = set()

    class Requests(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS
        server_version = "hik-thermal"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, format: str, *arguments: object) -> None:
            log.debug("metrics: %s", self.requestline)

        def _answer(self, *, body: bool) -> None:
            page = pages.get(self.path.partition("?")[0])
            try:
                status, kind, content = page() if page else (404, "text/plain", b"/metrics or /healthz\n")
            except Exception:
                log.exception("the page %s could not be made", self.path)
                status, kind, content = 500, "text/plain", b"failed\n"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if body:
                self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        address_family = family
        daemon_threads = True
        block_on_close = False  # a request may stand still for as long as its timeout
        allow_reuse_address = True

        def verify_request(self, request: Any, client_address: Any) -> bool:
            peer, own = str(client_address[0]), str(request.getsockname()[0])
            if peer == own or _within(peer, (*THIS_MACHINE, *settings.allow)):
                return True
            if peer not in refused and len(refused) < _SAID:
                refused.add(peer)
                log.warning("metrics: a connection from %s is refused: metrics.allow does not name its network", peer)
            return False

        def process_request(self, request: Any, client_address: Any) -> None:
            if room.acquire(blocking=False):
                super().process_request(request, client_address)
            else:
                self.shutdown_request(request)

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            try:
                super().process_request_thread(request, client_address)
            finally:
                room.release()

        def handle_error(self, request: Any, client_address: Any) -> None:
            log.debug("metrics: a request ended in an error", exc_info=True)

    return Server((str(address[0]), int(address[1])), Requests)
