"""Downloading what is stored: `/ISAPI/ContentMgmt/download`, one client at a time (isapi.md 5.3).

Faults on this path strike as on any other: `truncate` sends half of what is due, `wrong_length` announces 64 bytes too many, `stall`
pauses within the first second of video. A file that is still being written is sent as long as it is when it is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from urllib.parse import parse_qs, urlsplit

from .device import Device
from .http import HttpConnection, Reply, Request
from .recordings import Recordings, read_time
from .refusals import (
    BAD_PARAMETERS,
    BAD_XML_CONTENT,
    BUSY,
    DEVICE_ERROR,
    METHOD_NOT_ALLOWED,
    Refused,
)
from .search import read_body, text_of
from .stored_files import Portion, StoredFiles, whole

PATH = "/ISAPI/ContentMgmt/download"
_TRACK = re.compile(r"/(?:ISAPI/)?Streaming/tracks/(\d{1,4})/?", re.IGNORECASE)
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE = 16 * 1024
"""Bytes at once where the rate is limited."""


class Downloads:
    """Answers requests for files, and sends them."""

    def __init__(self, device: Device, recordings: Recordings, files: StoredFiles) -> None:
        self._device = device
        self._recordings = recordings
        self._files = files
        self._loop = asyncio.get_running_loop()
        self._sending: dict[HttpConnection, asyncio.Task[None]] = {}
        self._failed: set[str] = set()

    def answer(self, request: Request) -> Reply:
        """The reply to a request for a file. Raises Refused."""
        if request.method not in ("GET", "POST"):
            raise Refused(METHOD_NOT_ALLOWED)
        uri = self._read(request)
        if self._sending:
            raise Refused(BUSY)
        query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(uri).query).items()}
        track = _TRACK.fullmatch(urlsplit(uri).path)
        if track is None:
            raise Refused(BAD_XML_CONTENT)
        name = query.get("name")
        self._fail(name)
        profile = self._device.profile
        if name is None:
            if not profile.download_by_time:
                raise Refused(BAD_PARAMETERS)
            return self._video(request, self._span(int(track[1]), query))
        found = self._recordings.of_track(int(track[1]), name)
        if not found:
            raise Refused(BAD_PARAMETERS)
        if found[0].is_picture:
            return Reply(200, self._files.picture(found[0]), profile.download_type)
        return self._video(request, whole(found[0]))

    def picture(self, request: Request) -> Reply | None:
        """The reply to GET of a picture's own address, None when it is another's."""
        track = _TRACK.fullmatch(request.path)
        if track is None or request.method != "GET":
            return None
        name = parse_qs(request.target.partition("?")[2]).get("name", [""])[0]
        found = [one for one in self._recordings.of_track(int(track[1]), name) if one.is_picture]
        if not found:
            raise Refused(BAD_PARAMETERS)
        return Reply(200, self._files.picture(found[0]), self._device.profile.picture_content_type)

    def send(self, connection: HttpConnection, reply: Reply, chunks: AsyncGenerator[bytes]) -> None:
        """Send a reply whose body comes in chunks."""
        connection.hold()
        task = self._loop.create_task(self._send(connection, reply, chunks))
        self._sending[connection] = task
        task.add_done_callback(partial(self._sent, connection))

    def closed(self, connection: object) -> None:
        """Forget a connection that has ended, or means nothing to anybody any more."""
        task = self._sending.pop(connection, None) if isinstance(connection, HttpConnection) else None
        if task:
            task.cancel()

    def close(self) -> None:
        """Send nothing more."""
        for connection in list(self._sending):
            self.closed(connection)

    def _sent(self, connection: HttpConnection, task: asyncio.Task[None]) -> None:
        if self._sending.get(connection) is task:  # and not the next one's on this connection
            del self._sending[connection]
        if not task.cancelled() and (error := task.exception()):
            connection.end("rst")
            self._loop.call_exception_handler(
                {"message": "a download of the simulated camera failed", "exception": error}
            )

    def _read(self, request: Request) -> str:
        """The address in a request, whose form must be one the firmware takes."""
        form, root = self._device.profile.download_form, read_body(request.body)
        if request.method == "GET" if form == "post" else request.method == "POST" and form != "any":
            raise Refused(METHOD_NOT_ALLOWED)
        plain = root.tag == "downloadRequest" and not root.attrib
        versioned = root.tag.startswith("{") and "version" in root.attrib
        if (form == "get_bare" and not plain) or (form == "get_version" and not versioned):
            raise Refused(BAD_XML_CONTENT)
        uri = text_of(root, "playbackURI")
        if root.tag.rpartition("}")[2] != "downloadRequest" or not uri:
            raise Refused(BAD_XML_CONTENT)
        return uri

    def _fail(self, name: str | None) -> None:
        """Fail the first time that a file is wanted, where the profile says so."""
        how = self._device.profile.first_download
        if how and name and name not in self._failed:
            self._failed.add(name)
            raise Refused(DEVICE_ERROR, 200 if how == "error_in_200" else None)

    def _span(self, track: int, query: dict[str, str]) -> list[Portion]:
        device = self._device
        times = [
            read_time(query.get(name, ""), device.profile.recording_time, device.zone)
            for name in ("starttime", "endtime")
        ]
        if None in times or track % 100 != 1:
            raise Refused(BAD_PARAMETERS)
        cuts = self._recordings.between(track, times[0], times[1])
        portions = [
            Portion(cut.recording, cut.first, min(cut.last + (cut.rest > 0), cut.recording.seconds)) for cut in cuts
        ]
        portions = [portion for portion in portions if portion.first < portion.last]
        if not portions:
            raise Refused(BAD_PARAMETERS)
        return portions

    def _video(self, request: Request, portions: list[Portion]) -> Reply:
        profile, size = self._device.profile, self._files.size(portions)
        reply = Reply(content_type=profile.download_type, sized=profile.sized_downloads != "none", length=size)
        first, last = 0, size - 1
        wanted = _RANGE.fullmatch(request.headers.get("range", "")) if profile.ranges else None
        if profile.ranges:
            reply.headers.append(("Accept-Ranges", "bytes"))
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
            if first > last:
                return Reply(416, headers=[("Content-Range", f"bytes */{size}")])
            reply.status, reply.length = 206, last - first + 1
            reply.headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        if profile.sized_downloads == "announced":
            reply.length_error = -reply.length % profile.announced_block
        reply.chunks = self._files.read(portions, first)
        return reply

    async def _send(self, connection: HttpConnection, reply: Reply, chunks: AsyncGenerator[bytes]) -> None:
        rate, left = self._device.profile.download_rate, reply.length // 2 if reply.cut else reply.length
        head = reply.head()
        async with aclosing(chunks):
            async for chunk in chunks:
                data = head + chunk[:left]
                left -= len(data) - len(head)
                head = b""
                step = len(data) if rate is None else _PIECE
                for start in range(0, len(data), step):
                    connection.write(data[start : start + step])
                    if not left and start + step >= len(data):
                        break  # who has it all may ask for the next one at once
                    if rate:
                        await asyncio.sleep(step / rate)
                    if not await connection.has_room():
                        return
                if not left:
                    break
        self._sending.pop(connection, None)
        connection.go_on(close=reply.close or reply.cut or reply.length_error > 0 or not reply.sized)
