"""What is asked in documents, asked through the vendor's library: the same questions, rules and answers as over HTTP (hcnetsdk.md 7.10)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, cast

from nvr_hooks import Unreachable, Unsupported

from .isapi.client import Answer, IsapiClient
from .isapi.connection import Connection
from .login import LoginBudget
from .sdk.documents import exchange
from .sdk.session import SdkSession


class _Conversation:
    """Stands where a connection does: the library has its own."""

    def __init__(self, client: PassThroughClient) -> None:
        self._client = client
        self._ended = threading.Event()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        if self._ended.is_set():
            raise Unreachable(f"{self._client.camera}: {method} {path}: ended", camera=self._client.camera)
        return self._client.exchange(method, path, body=body, content_type=content_type, timeout=timeout)

    def open(self, path: str, **_: object) -> NoReturn:
        text = f"{self._client.camera}: {path}: answers that never end do not go through the vendor library"
        raise Unsupported(text, camera=self._client.camera)

    def interrupt(self) -> None:
        self._ended.set()

    def close(self) -> None:
        self._ended.set()


class PassThroughClient(IsapiClient):
    """One camera's documents over a login of the vendor's library. Answers that never end are not to be had this way."""

    def __init__(self, session: SdkSession, url: str, budget: LoginBudget) -> None:
        access = session.access
        super().__init__(session.camera, url, access.username, access.password, budget, timeout=access.timeout)
        self._session = session

    def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and return the device's answer; the library tells no status, only whether the device agreed."""
        if self._closed.is_set():
            raise Unreachable(f"{self.camera}: its connections are closed", camera=self.camera)
        agreed, document = exchange(self._session, method, path, body, timeout or self.timeout)
        return Answer(200 if agreed else 403, {}, "", document)

    @contextmanager
    def conversation(self, own: Connection | None = None) -> Iterator[Connection]:
        """Let requests follow one another."""
        yield own or self.connect()

    def connect(self) -> Connection:
        """Return what stands where a connection does."""
        return cast(Connection, _Conversation(self))

    def snapshot(self, stream_id: int, *, deadline: float | None = None) -> bytes:
        """Refuse: the library passes documents on, no pictures."""
        text = f"{self.camera}: the vendor library passes no picture of stream {stream_id} on"
        raise Unsupported(text, camera=self.camera)
