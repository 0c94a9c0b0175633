"""One endless answer made of parts: what the alarm stream and real-time thermometry have in common (isapi.md 6.2, 8.3)."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Generator
from datetime import datetime
from types import TracebackType
from typing import Self

from nvr_hooks import BadAnswer, CameraError, Unreachable, now

from ..wire.multipart import PartReader
from ..wire.parts import Part
from .client import IsapiClient
from .connection import Connection
from .faults import fault_of
from .stream import Stream

_FIRST_TAG = re.compile(rb"<(?![?!])\s*([\w:.-]{1,60})|(\{)")
_SHOWN = 60
_log = logging.getLogger(__name__)


class Counters:
    """What one connection counted (worker.SourceCounters)."""

    def __init__(self) -> None:
        self.bytes = 0
        self.documents = 0
        """Complete documents, heartbeats included."""
        self.unknown = 0
        """Alarms of a type without a class of its own."""
        self.undecodable = 0
        self.framing_errors = 0
        self.last_byte_at: datetime | None = None


class PartStream:
    """One connection for one reader's thread, open inside a `with` block; interrupt() from any thread, also before it began.

    `name` says what it is for people: "alarm stream". After interrupt() the block ends without an error.
    """

    def __init__(self, client: IsapiClient, name: str) -> None:
        self.counters = Counters()
        self._client = client
        self._camera = client.camera
        self._name = name
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._interrupted = False

    def __enter__(self) -> Self:
        connection = self._client.connect()
        with self._lock:
            self._connection = connection
            if self._interrupted:
                connection.interrupt()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        return self._interrupted and isinstance(error, CameraError)

    @property
    def connection(self) -> Connection:
        """The connection, for questions before the stream is open."""
        assert self._connection is not None, "inside its block"
        return self._connection

    def interrupt(self) -> None:
        """End the block from any thread, at once."""
        with self._lock:
            self._interrupted = True
            if self._connection is not None:
                self._connection.interrupt()

    def open(self, path: str, *, any_type: bool = False) -> None:
        """Ask for the stream and return when the device has agreed; raise what it says instead, and what a request raises.

        It agrees with 200 and multipart or no content type; with `any_type` also with another type and without a length.
        """
        stream = Stream(self._camera, self.connection, path)
        kind = stream.content_type
        endless = not kind or kind.startswith("multipart/") or (any_type and "content-length" not in stream.headers)
        if stream.status != 200 or not endless:
            raise self._instead(stream, f"GET {path}")
        self._stream = stream

    def parts(self, silence: Callable[[], float]) -> Generator[Part, None, None]:
        """Yield parts until interrupt(); raise Unreachable when the device ends the answer or sent nothing for `silence()` seconds,
        BadAnswer when it is no stream of parts."""
        stream, self._stream = self._stream, None
        assert stream is not None, "opened"
        counters, reader = self.counters, PartReader(stream.headers.get("content-type"))
        try:
            for data in stream.pieces(silence):
                counters.bytes += len(data)
                counters.last_byte_at = now()
                parts = reader.feed(data)
                counters.framing_errors = reader.framing_errors
                yield from parts
            for part in reader.close():
                if part.complete:
                    yield part
        except BadAnswer as error:
            raise BadAnswer(f"{self._camera}: {self._name}: {error}", camera=self._camera, data=error.data) from error
        finally:
            counters.framing_errors = reader.framing_errors
        if not self._interrupted:
            raise Unreachable(f"{self._camera}: the {self._name} was ended by the device", camera=self._camera)

    def pass_over(self, part: Part, why: str) -> None:
        """Count a part that cannot be understood, and report the first of its kind with its first bytes."""
        self.counters.undecodable += 1
        tag = _FIRST_TAG.search(part.body[:512])
        kind = f"{self._name} {part.content_type} {tag[0].decode('ascii', 'replace') if tag else ''}"
        if self._client.first_time(kind):
            _log.warning(
                "%s: %s: a document is passed over (%s); it begins %r; more of its kind are only counted",
                self._camera,
                self._name,
                why,
                part.body[:_SHOWN],
            )

    def _instead(self, stream: Stream, what: str) -> CameraError:
        """Return what a device means that answers with something else than a stream."""
        answer = stream.answer(self._client.timeout)
        if (fault := fault_of(self._camera, what, answer)) is not None:
            return fault
        text = f"{self._camera}: {what} answered {answer.status} with {answer.content_type} instead of the {self._name}"
        return BadAnswer(text, camera=self._camera, data=answer.body[:_SHOWN])
