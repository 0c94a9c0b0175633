"""A small thermal camera on 127.0.0.1 whose every answer a test can script: documents that are written and read, streams it feeds, frames."""

from __future__ import annotations

import json
import queue
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

XML = 'application/xml; charset="UTF-8"'
JSON = 'application/json; charset="UTF-8"'
MULTIPART = "multipart/mixed; boundary=boundary"
THERMAL = "/ISAPI/Thermal/channels/2"
MODE = f"{THERMAL}/thermometryMode"
BASIC = f"{THERMAL}/thermometry/basicParam"
REGIONS = f"{THERMAL}/thermometry/1/regions"
ALARM_RULES = f"{THERMAL}/thermometry/1/alarmRules"
PIXELS = f"{THERMAL}/thermometry/pixelToPixelParam"
FIRE = f"{THERMAL}/fireDetection"
REALTIME = f"{THERMAL}/thermometry/realTimethermometry/rules?format=json"
POLL = f"{THERMAL}/thermometry/1/rulesTemperatureInfo?format=json"
FRAME = f"{THERMAL}/thermometry/jpegPicWithAppendData?format=json"
CLICK = f"{THERMAL}/clickToThermometry/rules/1?format=json"


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: bytes
    status: int = 200
    content_type: str = XML


def refusal(sub_status: str, code: int = 4, status: int = 403) -> Reply:
    """Return how a device says no."""
    words = {2: "Device Busy", 3: "Device Error", 4: "Invalid Operation", 6: "Invalid Content"}
    body = (
        f"<ResponseStatus><statusCode>{code}</statusCode><statusString>{words[code]}</statusString>"
        f"<subStatusCode>{sub_status}</subStatusCode></ResponseStatus>"
    )
    return Reply(body.encode(), status)


NOT_SUPPORTED = refusal("notSupport")
OK = Reply(b"<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>")


def region(
    number: int, *, enabled: bool = True, name: str = "", points: str = "100,900 500,900 500,300 100,300"
) -> str:
    """Return one slot of the regions document: a polygon, the device's Y axis upwards."""
    places = "".join(
        "<RegionCoordinates><positionX>{}</positionX><positionY>{}</positionY></RegionCoordinates>".format(
            *pair.split(",")
        )
        for pair in points.split()
    )
    return (
        f"<ThermometryRegion><id>{number}</id><enabled>{str(enabled).lower()}</enabled><name>{name}</name>"
        "<emissivity>0.95</emissivity><distance>200</distance><reflectiveEnable>false</reflectiveEnable><type>region</type>"
        f"<Region><RegionCoordinatesList>{places}</RegionCoordinatesList></Region><distanceUnit>centimeter</distanceUnit>"
        "</ThermometryRegion>"
    )


def regions(*slots: str) -> bytes:
    """Return a whole regions document."""
    return f'<ThermometryRegionList version="2.0">{"".join(slots)}</ThermometryRegionList>'.encode()


def documents() -> dict[str, bytes]:
    """Return the configuration of a camera in expert mode with two rules."""
    alarm_rule = (
        "<ThermometryAlarmMode><id>{0}</id><enabled>true</enabled><rule>highestGreater</rule><alert>60.0</alert>"
        "<alarm>80.0</alarm><alarmFilteringTime>0</alarmFilteringTime></ThermometryAlarmMode>"
    )
    return {
        MODE: b"<ThermometryMode><mode>expert</mode><thermometryROIEnabled>false</thermometryROIEnabled></ThermometryMode>",
        BASIC: b"<ThermometryBasicParam><id>2</id><enabled>true</enabled><temperatureUnit>degreeCentigrade</temperatureUnit>"
        b"<emissivity>0.96</emissivity><distanceUnit>meter</distanceUnit><distance>30</distance></ThermometryBasicParam>",
        REGIONS: regions(region(1, name="kiln door"), region(2, name="motor"), region(3, enabled=False)),
        ALARM_RULES: (
            "<ThermometryAlarmRule><ThermometryAlarmModeList>"
            + alarm_rule.format(1)
            + alarm_rule.format(2)
            + "</ThermometryAlarmModeList></ThermometryAlarmRule>"
        ).encode(),
        PIXELS: b"<PixelToPixelParam><id>2</id><reflectiveEnable>false</reflectiveEnable><emissivity>0.95</emissivity>"
        b"<distance>500</distance><distanceUnit>centimeter</distanceUnit><temperatureDataLength>4</temperatureDataLength>"
        b"</PixelToPixelParam>",
        FIRE: b"<FireDetection><enabled>true</enabled><sensitivity>50</sensitivity></FireDetection>",
    }


def identity(capabilities: tuple[str, ...]) -> dict[str, bytes]:
    """Return who the camera is: visible channel 1, thermal channel 2."""
    flags = "".join(f"<isSupport{name}>true</isSupport{name}>" for name in capabilities)
    cap = f'<ThermalCap><FireDetection><supportChan opt="chan2"/></FireDetection>{flags}</ThermalCap>'
    inputs = "".join(f"<VideoInputChannel><id>{number}</id></VideoInputChannel>" for number in (1, 2))
    streams = "".join(f"<StreamingChannel><id>{number}01</id></StreamingChannel>" for number in (1, 2))
    return {
        "/ISAPI/System/deviceInfo": b"<DeviceInfo><deviceName>kiln</deviceName><model>DS-2TD1228-2-QA</model></DeviceInfo>",
        "/ISAPI/System/capabilities": f"<DeviceCap>{cap}</DeviceCap>".encode(),
        "/ISAPI/Thermal/capabilities": cap.encode(),
        "/ISAPI/System/Video/inputs/channels": f"<VideoInputChannelList>{inputs}</VideoInputChannelList>".encode(),
        "/ISAPI/Streaming/channels": f"<StreamingChannelList>{streams}</StreamingChannelList>".encode(),
    }


ALL = (
    "Thermometry",
    "RealtimeThermometry",
    "RealTimethermometryForHTTP",
    "JpegPicWithAppendData",
    "ClickToThermometry",
    "FireDetection",
)
"""Everything a camera can say it supports here."""


def upload(*rules: tuple[int, float], name: str = "", data_type: int = 0, **more: Any) -> bytes:
    """Return one block of the real-time stream: (rule, highest) pairs; the lowest is 20 below, the average 10."""
    entries = [
        {
            "absTime": 1705285230,
            "ruleName": name or f"rule {rule}",
            "ruleID": rule,
            "ruleCalibType": 1,
            "presetNo": 0,
            "LinePolygonThermCfg": {
                "MaxTemperature": highest,
                "MinTemperature": highest - 20,
                "AverageTemperature": highest - 10,
                "TemperatureDiff": 20.0,
                "Region": [
                    {"Point": {"positionX": x, "positionY": y}} for x, y in ((0.1, 0.1), (0.5, 0.1), (0.5, 0.7))
                ],
            },
            "thermometryUnit": 0,
            "dataType": data_type,
            "isFreezedata": False,
            "HighestPoint": {"positionX": 0.25, "positionY": 0.5},
            "LowestPoint": {"positionX": 0.4, "positionY": 0.2},
            **more,
        }
        for rule, highest in rules
    ]
    return json.dumps({"ThermometryUploadList": {"ThermometryUpload": entries}}, indent="\t").encode()


def part(document: bytes, kind: str = JSON) -> bytes:
    """Return a document as a part of a stream."""
    return b"--boundary\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
        kind.encode(),
        len(document),
        document,
    )


def polled(*rules: tuple[int | None, float], **more: Any) -> bytes:
    """Return an answer of rulesTemperatureInfo."""
    entries = [
        ({} if rule is None else {"id": rule})
        | {
            "maxTemperature": highest,
            "minTemperature": highest - 20,
            "averageTemperature": highest - 10,
            "isFreezedata": False,
        }
        | more
        for rule, highest in rules
    ]
    return json.dumps({"ThermometryRulesTemperatureInfoList": {"ThermometryRulesTemperatureInfo": entries}}).encode()


def frame(rows: list[list[float]], **more: Any) -> bytes:
    """Return a reply with a float32 matrix."""
    matrix = struct.pack(f"<{len(rows) * len(rows[0])}f", *(value for row in rows for value in row))
    head = {
        "channel": 2, "jpegPicLen": 6, "jpegPicWidth": len(rows[0]), "jpegPicHeight": len(rows),
        "p2pDataLen": len(matrix), "isFreezedata": 0, "temperatureDataLength": 4, **more,
    }  # fmt: skip
    parts = [
        part(json.dumps({"JpegPictureWithAppendData": head}).encode()),
        part(b"\xff\xd8--\xff\xd9", "image/pjpeg"),
        part(matrix, "application/octet-stream"),
    ]
    return b"".join(parts) + b"--boundary--\r\n"


GRADIENT = [[20.0 + 10 * row + column for column in range(8)] for row in range(6)]
"""8 x 6 pixels: 20 °C at the top left, 77 °C at the bottom right."""


@dataclass
class _Stream:
    waiting: queue.Queue[bytes | None] = field(default_factory=queue.Queue)
    gone: threading.Event = field(default_factory=threading.Event)


class ThermalCamera(ThreadingHTTPServer):
    """`replies` (method and target) outrank `documents`; whatever is in neither is not supported."""

    daemon_threads = False

    def __init__(self, capabilities: tuple[str, ...] = ALL) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents = identity(capabilities) | documents()
        self.replies: dict[str, Reply | Callable[[bytes], Reply]] = {
            f"GET {POLL}": Reply(polled((1, 60.0), (2, 40.0)), content_type=JSON),
            f"GET {FRAME}": Reply(frame(GRADIENT), content_type=MULTIPART),
            f"PUT {CLICK}": OK,
        }
        self.streams: dict[str, str] = {REALTIME: MULTIPART}
        """Targets that are answered without end, and the media type they say."""
        self.closes = False
        """Whether it ends the connection after every answer."""
        self.asked: list[str] = []
        self.written: list[tuple[str, bytes]] = []
        self.open: dict[str, list[_Stream]] = {}
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refuse(self, *targets: str, reply: Reply = NOT_SUPPORTED) -> None:
        """Let every request of these targets fail."""
        for target in targets:
            self.streams.pop(target, None)
            self.documents.pop(target, None)
            self.replies |= {f"{method} {target}": reply for method in ("GET", "PUT")}

    def move(self, target: str, channel: int) -> None:
        """Answer under another channel, and under the old one no more."""
        moved = target.replace("/channels/2/", f"/channels/{channel}/")
        for held in (self.streams, self.documents):
            if target in held:
                held[moved] = held.pop(target)  # type: ignore[attr-defined,index]
        for method in ("GET", "PUT"):
            if (reply := self.replies.pop(f"{method} {target}", None)) is not None:
                self.replies[f"{method} {moved}"] = reply

    def send(self, data: bytes, target: str = REALTIME) -> None:
        """Send bytes on every open stream of a target; waits until there is one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open.get(target), 20), f"nobody asks for {target}"
            for stream in self.open[target]:
                stream.waiting.put(data)

    def tell(self, *rules: tuple[int, float], **more: Any) -> None:
        """Send one block of the real-time stream."""
        self.send(part(upload(*rules, **more)))

    def drop(self, target: str = REALTIME) -> None:
        """End every open stream of a target."""
        with self._changed:
            for stream in self.open.get(target, ()):
                stream.waiting.put(None)

    def count(self, target: str = REALTIME) -> int:
        """Return how many streams of a target are open."""
        with self._changed:
            return len(self.open.get(target, ()))

    def follow(self, target: str, stream: _Stream, begins: bool) -> None:
        """A stream has begun, or ended."""
        with self._changed:
            streams = self.open.setdefault(target, [])
            streams.append(stream) if begins else streams.remove(stream)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave when they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second waited 40 ms for the first
    server: ThermalCamera

    def do_GET(self) -> None:
        """Answer a document, a script's reply, or without end."""
        if not self._may():
            return
        if self.path in self.server.streams:
            self._stream(self.server.streams[self.path])
        elif (reply := self.server.replies.get(f"GET {self.path}")) is not None:
            self._answer(reply(b"") if callable(reply) else reply)
        elif self.path in self.server.documents:
            self._answer(Reply(self.server.documents[self.path]))
        else:
            self._answer(NOT_SUPPORTED)

    def do_PUT(self) -> None:
        """Keep a document, or answer what the script says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._may():
            return
        reply = self.server.replies.get(f"PUT {self.path}")
        if reply is not None:
            reply = reply(body) if callable(reply) else reply
        elif self.path not in self.server.documents:
            reply = NOT_SUPPORTED
        self.server.written.append((self.path, body))
        if reply is None:
            self.server.documents[self.path] = body
        self._answer(reply or OK)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _may(self) -> bool:
        if "Authorization" in self.headers:
            self.server.asked.append(f"{self.command} {self.path}")
            return True
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Digest qop="auth", realm="IP Camera(E1518)", nonce="a1", stale="FALSE"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.server.closes:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def _stream(self, content_type: str) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()
        stream = _Stream()
        target = self.path
        self.server.follow(target, stream, True)
        watcher = threading.Thread(target=self._notice_end, args=(stream,))
        watcher.start()
        try:
            while (data := stream.waiting.get()) is not None:
                self.wfile.write(data)
        finally:
            self.server.follow(target, stream, False)
            self.connection.shutdown(2)
            watcher.join()

    def _notice_end(self, stream: _Stream) -> None:
        try:
            while self.connection.recv(1024):
                pass
        except OSError:
            pass
        stream.waiting.put(None)


@contextmanager
def thermal_camera(capabilities: tuple[str, ...] = ALL) -> Iterator[ThermalCamera]:
    """Run a camera."""
    with ThermalCamera(capabilities) as camera:
        thread = threading.Thread(target=camera.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield camera
        finally:
            camera.shutdown()
            thread.join()
            for target in list(camera.open):
                camera.drop(target)
