"""Requests to one camera: complete answers as bytes, errors in the words of nvr_hooks, pictures with their fallbacks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from nvr_hooks import BadAnswer, Busy, DeviceError, Unreachable, WrongUse

from ..login import LoginBudget
from .auth import DeviceAuth
from .connection import Connection, Endpoint
from .faults import Answer, fault_of, verdict_in
from .tls import Tls

__all__ = ["Answer", "IsapiClient", "Tls"]

PICTURE = "/ISAPI/Streaming/channels/{}/picture"
PROXIED_PICTURE = "/ISAPI/ContentMgmt/StreamingProxy/channels/{}/picture"
XML = 'application/xml; charset="UTF-8"'
RETRY_SECONDS = 1.0
"""A picture that failed for a passing reason is asked for again after this time, once (isapi.md 3)."""
_JPEG = b"\xff\xd8\xff"
_log = logging.getLogger(__name__)


class IsapiClient:
    """One camera over HTTP. Thread-safe; idle it holds no connection and next to no memory.

    A request ends its connection, because an idle one costs both sides more than it saves; several in a row go into a conversation().
    `pause` waits that many seconds and returns True when there is no use in going on.
    """

    def __init__(
        self,
        camera: str,
        url: str,
        username: str,
        password: str,
        budget: LoginBudget,
        *,
        timeout: float = 10.0,
        tls: Tls | None = None,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUse(f"{camera}: an address begins with http:// or https:// and names a host")
        self.camera = camera
        self.timeout = timeout
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.username = username
        self.password = password
        self._endpoint = Endpoint(camera=camera, url=self.url, tls=tls or Tls(), timeout=timeout)
        self.budget = budget
        self._auth = DeviceAuth(camera, username, password, budget)
        self._closed = threading.Event()
        self._pause = pause or self._closed.wait
        self._lock = threading.Lock()
        self._kept = threading.local()
        self._connections: set[Connection] = set()
        self._said: set[str] = set()
        self._picture_lock = threading.Lock()
        self._picture_path = PICTURE
        if parts.scheme == "https" and not self._endpoint.tls.verify and self._endpoint.tls.fingerprint is None:
            _log.warning("%s: its certificate is not verified: whoever stands in between can read the login", camera)

    def __repr__(self) -> str:
        return f"<IsapiClient {self.camera} at {self.url}>"

    def get(self, path: str, *, deadline: float | None = None) -> bytes:
        """Return what a GET of `path` answers, until time.monotonic() reaches `deadline`; raises what request() raises."""
        return self.request("GET", path, timeout=self.left(path, deadline)).body

    def put(self, path: str, body: bytes, content_type: str = XML, *, deadline: float | None = None) -> Answer:
        """Return what a PUT of `body` answers, until time.monotonic() reaches `deadline`; raises what request() raises."""
        left = self.left(path, deadline)
        return self.request("PUT", path, body=body, content_type=content_type, timeout=left)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the device's answer; raise CameraError for every answer that is an error, also one inside HTTP 200.

        `path` may have a query; `timeout` (seconds, by default the camera's) holds for the whole answer; more than 64 MiB is BadAnswer.
        """
        answer = self.exchange(method, path, body=body, content_type=content_type, timeout=timeout)
        if (fault := fault_of(self.camera, f"{method} {path}", answer)) is not None:
            raise fault
        return answer

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the device's answer, whatever it says."""
        with self.conversation() as connection:
            return connection.exchange(method, path, body=body, content_type=content_type, timeout=timeout)

    @contextmanager
    def conversation(self, own: Connection | None = None) -> Iterator[Connection]:
        """Let all requests that this thread makes inside the block share a connection: one for the block, or `own`, which stays open."""
        kept = getattr(self._kept, "connection", None)
        if own is not None or kept is not None:
            self._kept.connection = own or kept
            try:
                yield self._kept.connection
            finally:
                self._kept.connection = kept
            return
        self._kept.connection = connection = self.connect()
        with self._lock:
            self._connections.add(connection)
        try:
            yield connection
        finally:
            self._kept.connection = None
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def connect(self) -> Connection:
        """Return a connection of its own for a live source, which closes it; nothing is sent yet."""
        if self._closed.is_set():
            raise Unreachable(f"{self.camera}: its connections are closed", camera=self.camera)
        return Connection(self._endpoint, self._auth)

    def snapshot(self, stream_id: int, *, deadline: float | None = None) -> bytes:
        """Return a JPEG picture of the stream (201: channel 2, main), one at a time per camera (isapi.md 3)."""
        what = f"the picture of stream {stream_id}"
        if not self._picture_lock.acquire(timeout=self.left(what, deadline)):
            raise Busy(f"{self.camera}: {what}: another picture is still being fetched", camera=self.camera)
        try:
            try:
                return self._picture(stream_id, deadline)
            except (Busy, DeviceError) as error:
                # Not through an AuthBlocked or a Refused: those are answers, and asking again would make things worse.
                late = deadline is not None and time.monotonic() + RETRY_SECONDS > deadline
                if late or self._pause(RETRY_SECONDS):
                    raise
                _log.debug("%s: asking again for %s", error, what)
            return self._picture(stream_id, deadline)
        finally:
            self._picture_lock.release()

    def first_time(self, what: str) -> bool:
        """Tell, once per text, that this is the first time: for what is reported once per camera, not per connection."""
        with self._lock:
            known = what in self._said
            if len(self._said) < 1000:
                self._said.add(what)
            return not known

    def deadline(self) -> float:
        """Return until when, by time.monotonic(), something that begins now may take."""
        return time.monotonic() + self.timeout

    def left(self, what: str, deadline: float | None) -> float:
        """Return how many seconds a request may take; raise Unreachable when time.monotonic() has reached `deadline`."""
        if deadline is None:
            return self.timeout
        if (left := deadline - time.monotonic()) <= 0:
            raise Unreachable(f"{self.camera}: {what}: no answer in time", camera=self.camera)
        return min(left, self.timeout)

    def wait(self, seconds: float) -> bool:
        """Wait; return whether there is no use in going on, because the connections are closed."""
        return self._pause(seconds)

    def interrupt(self) -> None:
        """End all requests that are under way, from any thread; later ones raise Unreachable. Live sources have their own interrupt()."""
        self._closed.set()
        with self._lock:
            for connection in self._connections:
                connection.interrupt()

    def close(self) -> None:
        """Be of no more use; may be called twice."""
        self.interrupt()

    def _picture(self, stream_id: int, deadline: float | None) -> bytes:
        path = self._picture_path.format(stream_id)
        with self.conversation() as connection:
            answer = connection.exchange("GET", path, timeout=self.left(path, deadline))
            verdict = verdict_in(answer.body)
            if verdict is not None and (verdict.sub_status or "").lower() == "badxmlcontent":
                # What recorders say of their cameras' channels; under this path they pass the picture on.
                path = PROXIED_PICTURE.format(stream_id)
                answer = connection.exchange("GET", path, timeout=self.left(path, deadline))
        if (fault := fault_of(self.camera, f"GET {path}", answer)) is not None:
            raise fault
        if not answer.body.startswith(_JPEG):
            text = f"{self.camera}: GET {path} answered {answer.content_type or 'bytes'} that is no JPEG picture"
            raise BadAnswer(text, camera=self.camera, data=answer.body[:80])
        if path == PROXIED_PICTURE.format(stream_id):
            self._picture_path = PROXIED_PICTURE
        return answer.body
