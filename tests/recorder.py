"""A camera with recordings on 127.0.0.1, and the ways real ones answer when they are asked for them; written from the facts (isapi.md 5)."""

from __future__ import annotations

import io
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from xml.sax.saxutils import escape, unescape

import av
from coded_video import TICKS, video
from thermal_camera import identity, refusal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEARCH = "/ISAPI/ContentMgmt/search"
DOWNLOAD = "/ISAPI/ContentMgmt/download"
STORAGE = "/ISAPI/ContentMgmt/Storage"
IMKH = bytes.fromhex("494D4B48010100000400010000000000") + bytes(24)
SD_CARD = (
    '<storage version="2.0"><hddList size="8"><hdd><id>1</id><hddName>hdde</hddName><hddType>SATA</hddType>'
    "<status>{status}</status><capacity>30436</capacity><freeSpace>27392</freeSpace><property>RW</property>"
    "<Encryption><encryptionStatus>{encryption}</encryptionStatus></Encryption></hdd></hddList><nasList/></storage>"
)


@cache
def program_stream(pictures: int = 100, *, between_keys: int = 25, first: int = 0, codec: Any = "h264") -> bytes:
    """Return a program stream as another program's muxer writes it, its clock not beginning at 0."""
    what = video(codec, pictures=pictures, between_keys=between_keys)
    target = io.BytesIO()
    with av.open(io.BytesIO(what.units[0].data), format=codec) as probe:
        template = probe.streams.video[0]
        with av.open(target, "w", format="vob") as out:
            stream: Any = out.add_stream_from_template(template)
            for unit in what.units:
                packet = av.Packet(unit.data)
                packet.pts = packet.dts = (unit.shown + first) * TICKS + 90_000
                packet.time_base = Fraction(1, 90_000)
                packet.is_keyframe = unit.key
                packet.stream = stream
                out.mux(packet)
    return target.getvalue()


@dataclass
class Stored:
    """One recording."""

    start: datetime
    seconds: float
    name: str | None
    data: bytes = field(repr=False, default=b"")
    kind: str = "timing"
    track: int = 201
    lock: str | None = None
    size: int | None = None
    """What the search says, where that is not true."""
    growing: bool = False
    """It is being written: its end is now."""

    @property
    def end(self) -> datetime:
        return datetime.now(UTC) if self.growing else self.start + timedelta(seconds=self.seconds)


Paging = Literal["position", "ignored", "spelt right", "for ever", "forgetful"]


class Recorder:
    """Starts at once. Change the attributes between requests. It asks for a login and takes any."""

    def __init__(self, *recordings: Stored) -> None:
        self.recordings = list(recordings)
        self.zone: tzinfo | None = None
        """Whose wall clock its digits are; None: UTC."""
        self.time_zone = "CST-8:00:00"
        self.ahead = timedelta(hours=8)
        """How far its clock shows a later time than UTC; as `time_zone` says."""
        self.paging: Paging = "position"
        self.page = 40
        self.refuses: Callable[[str], bool] = lambda body: False
        """Bodies of searches it takes for broken."""
        self.methods = {"GET", "POST"}
        self.understands: Callable[[str], bool] = lambda body: True
        self.answers: dict[str, list[tuple[int, bytes, str]]] = {}
        """Path -> answers that come before the usual ones, one each."""
        self.ranges = False
        self.length = True
        """Content-Length of downloads."""
        self.chunked = False
        self.lies = 0
        """How many more bytes it announces than it sends."""
        self.drops: list[int] = []
        """After so many bytes the next downloads break off, one each."""
        self.stalls: list[int] = []
        self.pace = 0.0
        """Seconds between two pieces of 16 KiB."""
        self.disk = SD_CARD.format(status="ok", encryption="unencrypted")
        self.documents = identity(())
        """Who it is."""
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and body."""
        self.ranges_asked: list[str] = []
        self.searching = self.downloading = 0
        self.most: Counter[str] = Counter()
        """How many of a kind were under way at once, at most."""
        self.go_on = threading.Event()
        self.closing = threading.Event()
        self._lock = threading.Lock()
        recorder = self

        class Handler(_Handler):
            device = recorder

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="recorder")
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def count(self, path: str) -> int:
        return sum(1 for _, asked, _ in self.requests if asked == path)

    def close(self) -> None:
        self.go_on.set()
        self.closing.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it answers ------------------------------------------------------------------------------------------------

    def search(self, body: str) -> tuple[int, bytes, str]:
        if self.refuses(body):
            said = refusal("badXmlContent", 6, 400)
            return said.status, said.body, "application/xml"
        start, end = (self._moment(_between(body, name)) for name in ("startTime", "endTime"))
        track = int(_between(body, "trackID"))
        at = 0
        right = re.search(r"<searchResultPosition>(\d+)", body)
        wrong = re.search(r"<searchResultPostion>(\d+)", body)
        if self.paging in ("position", "for ever"):
            at = int((wrong or right)[1])  # type: ignore[index]
        elif self.paging == "spelt right" and right:
            at = int(right[1])
        found = [
            stored
            for stored in self.recordings
            if stored.track == track and stored.start <= end and stored.end >= start
        ]
        if self.paging == "for ever":
            at = max(0, min(at, len(found) - self.page))
        shown = found[at : at + self.page]
        more = at + self.page < len(found) or self.paging == "for ever"
        status = "MORE" if more else "OK" if found else "NO MATCHES"
        items = "".join(self._item(stored) for stored in shown)
        document = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<CMSearchResult version="1.0" xmlns="urn:psialliance-org">'
            f"<searchID>{{{_between(body, 'searchID')}}}</searchID><responseStatus>true</responseStatus>"
            f"<numOfMatches>{len(shown)}</numOfMatches><responseStatusStrg>{status}</responseStatusStrg>"
            f"<matchList>{items}</matchList></CMSearchResult>"
        )
        return 200, document.encode(), "application/xml"

    def file(self, body: str) -> Stored | None:
        uri = unescape(_between(body, "playbackURI"))
        return next((stored for stored in self.recordings if f"name={stored.name}&" in uri), None)

    def _item(self, stored: Stored) -> str:
        start, end = (self._digits(moment) for moment in (stored.start, stored.end))
        size = len(stored.data) if stored.size is None else stored.size
        basic = [moment.replace("-", "").replace(":", "") for moment in (start, end)]
        uri = f"rtsp://10.0.0.9/Streaming/tracks/{stored.track}/?starttime={basic[0]}&endtime={basic[1]}&name={stored.name}&size={size}"
        lock = "" if stored.lock is None else f"<lockStatus>{stored.lock}</lockStatus>"
        return (
            "<searchMatchItem><sourceID>{0}</sourceID>"
            f"<trackID>{stored.track}</trackID><timeSpan><startTime>{start}</startTime><endTime>{end}</endTime></timeSpan>"
            f"<mediaSegmentDescriptor><contentType>video</contentType><codecType>H.264-BP</codecType><playbackURI>\n{escape(uri)}\n"
            f"</playbackURI>{lock}</mediaSegmentDescriptor><metadataMatches><metadataDescriptor>recordType.meta.hikvision.com/{stored.kind}"
            "</metadataDescriptor></metadataMatches></searchMatchItem>"
        )

    def _digits(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone or UTC):%Y-%m-%dT%H:%M:%S}Z"

    def _moment(self, digits: str) -> datetime:
        return datetime.fromisoformat(digits.removesuffix("Z")).replace(tzinfo=self.zone or UTC)


class _Handler(BaseHTTPRequestHandler):
    device: Recorder
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        device, path = self.device, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if "Authorization" not in self.headers:
            challenge = 'Digest qop="auth", realm="IP Camera(76475)", nonce="4e6f6e6365", stale="FALSE"'
            self._answer(401, b"", "text/html", ("WWW-Authenticate", challenge))
            return
        with device._lock:
            device.requests.append((self.command, path, body))
        if device.answers.get(path):
            self._answer(*device.answers[path].pop(0))
        elif path == SEARCH:
            with self._under_way("search"):
                self._answer(*device.search(body))
        elif path == DOWNLOAD:
            with self._under_way("download"):
                self._download(body)
        elif path == STORAGE:
            self._answer(200, device.disk.encode(), "application/xml")
        elif path == "/ISAPI/Event/notification/alertStream":
            self.send_response(200)
            self.send_header("Content-Type", "multipart/mixed; boundary=boundary")
            self.end_headers()
            self.close_connection = True
            device.closing.wait(60)
        elif path == "/ISAPI/System/time":
            here = datetime.now(timezone(device.ahead))
            zone = device.time_zone
            text = f"<Time><timeMode>NTP</timeMode><localTime>{here.isoformat()}</localTime><timeZone>{zone}</timeZone></Time>"
            self._answer(200, text.encode(), "application/xml")
        elif path in device.documents:
            self._answer(200, device.documents[path], "application/xml")
        else:
            said = refusal("notSupport")
            self._answer(said.status, said.body, "application/xml")

    def _download(self, body: str) -> None:
        device = self.device
        stored = device.file(body) if body else None
        if self.command not in device.methods or not body or not device.understands(body):
            said = refusal("badXmlFormat", 6, 400)
            self._answer(said.status, said.body, "application/xml")
            return
        if stored is None:
            said = refusal("badParameters", 6, 400)
            self._answer(said.status, said.body, "application/xml")
            return
        data, status, begin = stored.data, 200, 0
        if asked := self.headers.get("Range"):
            device.ranges_asked.append(asked)
            if device.ranges:
                begin = int(asked.removeprefix("bytes=").rstrip("-"))
                status = 206
        self.send_response(status)
        self.send_header("Content-Type", "Opaque/data")
        self.send_header("Connection", "close")
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        if device.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif device.length:
            self.send_header("Content-Length", str(len(data) - begin + device.lies))
        self.end_headers()
        self.close_connection = True
        stop = device.drops.pop(0) if device.drops else len(data)
        stall = device.stalls.pop(0) if device.stalls else len(data)
        for at in range(begin, min(stop, stall), 16384):
            piece = data[at : min(at + 16384, stop, stall)]
            if device.pace:
                time.sleep(device.pace)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if device.chunked else piece)
        if stall < len(data):
            device.go_on.wait(20)
        elif device.chunked and stop >= len(data):
            self.wfile.write(b"0\r\n\r\n")

    def _under_way(self, kind: str) -> Any:
        return _Counted(self.device, kind)

    def _answer(self, status: int, body: bytes, content_type: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        with suppress(OSError):  # the client is gone
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


class _Counted:
    def __init__(self, device: Recorder, kind: str) -> None:
        self._device, self._kind = device, kind

    def __enter__(self) -> None:
        self._add(1)

    def __exit__(self, *_: object) -> None:
        self._add(-1)

    def _add(self, number: int) -> None:
        device = self._device
        with device._lock:
            now = device.downloading + number if self._kind == "download" else device.searching + number
            if self._kind == "download":
                device.downloading = now
            else:
                device.searching = now
            device.most[self._kind] = max(device.most[self._kind], now)


def _between(body: str, name: str) -> str:
    return body.split(f"<{name}>", 1)[1].split(f"</{name}>", 1)[0]


def day_of(count: int, *, seconds: int = 60) -> list[Stored]:
    """Return many recordings, end to end, from noon on."""
    return [
        Stored(NOON + timedelta(seconds=seconds * number), seconds, f"ch02_{number:017d}", b"\0\0\1\xba" + b"x" * 5000)
        for number in range(count)
    ]


__all__ = ["NOON", "Recorder", "Stored", "day_of", "program_stream"]
