"""One recording on its way from the camera into a file, by name (guide 6.3.2, isapi.md 5.3). Satisfies transport.Transfer.

The head of the answer comes through httpx with the login everybody shares; then the socket is read directly into one buffer that stays,
so that memory does not grow with the recording. Whatever its header says, an answer that is a document is an error, and one that is shorter
than announced was lost. After a loss the transfer goes on where the device allows ranges, which is proved by bytes both sides have.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from nvr_hooks import BadAnswer, Busy, CameraError, DeviceError, RecordedFile, Unreachable, Unsupported

from ..transport import allowance
from ..wire.archive import DOWNLOAD_FORMS, DownloadForm, document_start, download_request, media_form
from .client import IsapiClient
from .connection import Connection, media_type
from .faults import Answer, cause_of, fault_of, verdict_in
from .stream import limit_reads

DOWNLOAD = "/ISAPI/ContentMgmt/download"
STALL = 120.0
"""Seconds a device may take to begin, and to go on (isapi.md 5.3)."""
TRIES = 8
"""In a row without getting further; with their pauses a device that restarts in the middle is back by then."""
LONGEST_PAUSE = 30.0
BUFFER = 256 * 1024
OVERLAP = 64 * 1024
"""Bytes asked for again when a transfer goes on: they have to be those that are there."""
LEAST = 1024
"""A recording is larger than this (isapi.md 5.3)."""
_ERROR_BODY = 64 * 1024
_log = logging.getLogger(__name__)

Moved = Callable[[int], object]


class DownloadForms:
    """Which way of asking works for a device, best first, and whether it sends parts of a file."""

    def __init__(self) -> None:
        self.ordered: list[DownloadForm] = list(DOWNLOAD_FORMS)
        self.ranges: bool | None = None
        self.rounds = False
        """Whether it announces a little more than there is."""
        self._proved = False

    def works(self, form: DownloadForm) -> None:
        """Remember the form that worked."""
        self._proved = True
        if self.ordered[0] != form:
            self.ordered.remove(form)
            self.ordered.insert(0, form)

    def failed(self, form: DownloadForm) -> None:
        """Let another form be the next, while none has worked: a device may fail over what it does not understand."""
        if not self._proved:
            self.ordered.remove(form)
            self.ordered.append(form)


class Transfer:
    """One recording. `run()` in one thread, `interrupt()` from any. `pause` is the first of the pauses between tries, in seconds."""

    def __init__(
        self,
        client: IsapiClient,
        forms: DownloadForms,
        file: RecordedFile,
        *,
        stall: float = STALL,
        pause: float = 1.0,
    ) -> None:
        self._client = client
        self._camera = client.camera
        self._forms = forms
        self._uri = file.playback_uri or ""
        self._announced = file.size
        self._stall = stall
        self._first_pause = pause
        self._ended_at = -1
        self._connection: Connection | None = None
        self._ended = threading.Event()

    def run(self, part: Path, moved: Moved) -> int:
        """Bring the recording whole into `part`, which exists, and return its size; `moved` is told how many bytes are there.

        What `part` holds is gone on from where that is possible. Raises Unsupported or NoPermission where the device does not let it be
        downloaded, BadAnswer for what is no recording, Unreachable, Busy or DeviceError when it gave up after several tries, OSError.
        """
        with part.open("r+b", buffering=0) as file:
            tries, furthest = 0, 0
            while True:
                try:
                    return self._once(file, moved)
                except (Unreachable, Busy, DeviceError) as error:
                    there = _length(file)
                    tries = 0 if there > furthest and self._forms.ranges else tries + 1
                    furthest = max(furthest, there)
                    if self._ended.is_set() or tries >= TRIES or self._client.wait(0):
                        raise
                    pause = min(LONGEST_PAUSE, self._first_pause * 2 ** max(0, tries - 1))
                    _log.warning("%s; trying again in %g s", error, pause)
                    if self._ended.wait(pause):
                        raise

    def interrupt(self) -> None:
        """End run() from any thread, at once; also before it began."""
        self._ended.set()
        if (connection := self._connection) is not None:
            connection.interrupt()

    def _once(self, file: io.FileIO, moved: Moved) -> int:
        """Try each way of asking until one brings the recording."""
        if urlsplit(self._uri).scheme in ("http", "https"):
            # A picture: its address is all there is to it (isapi.md 5.1).
            parts = urlsplit(self._uri)
            return self._fetch("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, None, file, moved)
        refusal: CameraError | None = None
        for form in list(self._forms.ordered):
            try:
                size = self._fetch(form.method, DOWNLOAD, download_request(form, self._uri), file, moved)
            except _NotUnderstood as found:
                refusal = refusal or found.fault
                continue
            except DeviceError:
                self._forms.failed(form)
                raise
            self._forms.works(form)
            return size
        assert refusal is not None, "there are several forms"
        raise refusal

    def _fetch(self, method: str, path: str, body: bytes | None, file: io.FileIO, moved: Moved) -> int:
        """Ask in one way and receive the recording."""
        headers = {} if body is None else {"Content-Type": "application/xml"}
        offset = max(0, _length(file) - OVERLAP) if self._forms.ranges is not False else 0
        if offset:
            headers["Range"] = f"bytes={offset}-"
        what = f"{method} {path.partition('?')[0]}"
        with self._client.connect() as connection:
            self._connection = connection
            if self._ended.is_set():
                connection.interrupt()
            response = connection.open(path, method=method, body=body, headers=headers, timeout=self._stall)
            receiver = _Receiver(self._camera, what, connection, response, self._stall)
            start = receiver.start()
            begins = _begin_of(response)
            if offset and begins is None and not self._is_busy(what, response, start):
                self._forms.ranges = False  # it sends all of it, or nothing
            if response.status_code == 206 and begins is None:
                raise Unreachable(f"{self._camera}: {what} sent a part without saying which", camera=self._camera)
            self._check(what, response, start, begins or 0)
            if begins:
                self._prove(file, start, begins)
            at = begins or 0
            file.seek(at)
            file.truncate()
            size = receiver.into(file, at, moved)
        least = 0 if self._announced is None else self._announced - allowance(self._announced)
        if receiver.length is not None and size == at + receiver.length < least:
            text = f"{self._camera}: {what} sent {size} bytes and no more; the search told of {self._announced}"
            raise BadAnswer(text, camera=self._camera)
        wanted = max(at + (receiver.length or 0), least)
        if size < wanted and not self._all_there_is(size, wanted):
            raise Unreachable(f"{self._camera}: {what} ended after {size} bytes of {wanted}", camera=self._camera)
        return size

    def _all_there_is(self, size: int, wanted: int) -> bool:
        """Tell whether a file that ended a little early is whole: devices round what they announce (isapi.md 5.3).

        It has to end twice at the same byte; from then on the device is known for it.
        """
        if size < wanted - allowance(wanted):
            return False
        self._forms.rounds = self._forms.rounds or size == self._ended_at
        self._ended_at = size
        return self._forms.rounds

    def _check(self, what: str, response: httpx.Response, start: bytes, begins: int) -> None:
        """Raise what is wrong with an answer that is no recording."""
        good = response.status_code in (200, 206) and not document_start(start)
        if good and (begins or (len(start) >= LEAST and media_form(start))):
            return
        answer = _answer(response, start)
        fault = fault_of(self._camera, what, answer)
        if fault is None:
            hint = "" if document_start(start) or len(start) < LEAST else " (is its disk encrypted?)"
            text = (
                f"{self._camera}: {what} answered with what is no recording{hint}: {len(start)} bytes, {start[:16]!r}"
            )
            raise BadAnswer(text, camera=self._camera, data=start[:80])
        verdict = verdict_in(answer.body)
        worded = isinstance(fault, DeviceError) and response.status_code < 500
        if isinstance(fault, Unsupported) or (worded and (verdict is None or verdict.meaning == "bad_request")):
            raise _NotUnderstood(fault)
        raise fault

    def _is_busy(self, what: str, response: httpx.Response, start: bytes) -> bool:
        """Tell whether a device has no time now, which says nothing of what it can do."""
        return response.status_code >= 500 or isinstance(fault_of(self._camera, what, _answer(response, start)), Busy)

    def _prove(self, file: io.FileIO, start: bytes, begins: int) -> None:
        """Make sure that what comes goes on from what is there; else the next try begins anew."""
        file.seek(begins)
        there = file.read(len(start)) or b""
        if not there or start[: len(there)] != there:
            file.truncate(0)
            raise Unreachable(
                f"{self._camera}: what is there is of another recording, it is begun anew", camera=self._camera
            )
        self._forms.ranges = True


class _NotUnderstood(Exception):
    """The device does not know this way of asking."""

    def __init__(self, fault: CameraError) -> None:
        super().__init__(str(fault))
        self.fault = fault


class _Receiver:
    """The body of one answer."""

    def __init__(self, camera: str, what: str, connection: Connection, response: httpx.Response, stall: float) -> None:
        self._camera = camera
        self._what = what
        self._connection = connection
        self._response = response
        self._stall = stall
        self._chunked = "transfer-encoding" in response.headers
        length = response.headers.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() and not self._chunked else None
        """How many bytes the device announced for this answer; None: it did not."""
        self._start = b""
        self._over = False
        response.request.extensions["timeout"]["read"] = stall
        # A 403 was looked at for what it says of the login.
        read = response.is_stream_consumed
        self._pieces: Iterator[bytes] = iter([response.content]) if read else response.iter_raw()

    def start(self) -> bytes:
        """Return the first bytes, enough to tell what they are; of a document all, up to 64 KiB."""
        with self._named():
            while not self._over:
                enough = _ERROR_BODY if document_start(self._start) or not self._response.is_success else LEAST
                if len(self._start) >= enough:
                    break
                piece = next(self._pieces, None)
                self._over = piece is None
                self._start += piece or b""
        return self._start

    def into(self, file: io.FileIO, at: int, moved: Moved) -> int:
        """Write all of it behind the first `at` bytes; return how long the file is then."""
        _write(file, self._start)
        size = at + len(self._start)
        moved(size)
        for piece in self._rest():
            _write(file, piece)
            size += len(piece)
            moved(size)
        return size

    def _rest(self) -> Generator[bytes | memoryview, None, None]:
        left = None if self.length is None else self.length - len(self._start)
        if self._over or left == 0:
            return
        if self._chunked:
            with self._named():
                yield from self._pieces
            return
        with self._named():
            sock = self._connection.take_over(self._response)
            limit_reads(sock, self._stall)
        # The kernel wakes us once per buffer; over TLS it does not know where a buffer would be full.
        flags = 0 if isinstance(sock, ssl.SSLSocket) else socket.MSG_WAITALL
        buffer = memoryview(bytearray(BUFFER))
        while left is None or left > 0:
            with self._named():
                got = sock.recv_into(buffer, BUFFER if left is None else min(BUFFER, left), flags)
            if not got:
                return
            left = None if left is None else left - got
            yield buffer[:got]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn the network's errors into ours: those of the file stay what they are."""
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            self._connection.lost()
            silent = isinstance(error, TimeoutError | BlockingIOError | httpx.ReadTimeout)
            why = f"nothing came for {self._stall:g} s" if silent else cause_of(error)
            raise Unreachable(f"{self._camera}: {self._what}: {why}", camera=self._camera) from error


def _answer(response: httpx.Response, start: bytes) -> Answer:
    return Answer(response.status_code, response.headers, media_type(response.headers), start[:_ERROR_BODY])


def _write(file: io.FileIO, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _length(file: io.FileIO) -> int:
    return file.seek(0, io.SEEK_END)


def _begin_of(response: httpx.Response) -> int | None:
    """Return where the bytes of an answer begin in the file; None for an answer that is no part."""
    found = re.match(r"bytes +(\d{1,18})-", response.headers.get("content-range", ""))
    return int(found[1]) if found is not None and response.status_code == 206 else None
