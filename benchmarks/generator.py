"""Thousands of alarm streams in one process of their own: `python -m benchmarks.generator`.

Speaks HTTP without login, holds every alertStream it is asked for, and sends what it is told on stdin, one JSON object a line:
`{"fires": N, "per_second": R, "length": true}` sends N fires, one after the other over the open streams in turn;
`"motion": true` sends motion instead, for clients that know no fire;
`{"flood": seconds, "per_second": R}` sends R alarms a second on every stream; `{"heartbeats": period}` starts heartbeats.
`{"blocks": per_second, "seconds": S, "rules": N}` sends blocks of real-time temperatures on every thermometry stream: noise of 0.1 K,
and one rule of each block that jumps, its highest value being the number of the jump.
Each answers one line: what was sent and when (CLOCK_MONOTONIC, ns: comparable between processes of one machine).
A fire's temperature is its number, so that whoever receives it knows which one it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nMIME-Version: 1.0\r\nConnection: close\r\nContent-Type: multipart/mixed; boundary=boundary\r\n\r\n"
NAMESPACE = 'version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"'
DOCUMENTS = {
    b"/ISAPI/System/deviceInfo": f"<DeviceInfo {NAMESPACE}><deviceName>Generator</deviceName><deviceID>1</deviceID>"
    "<model>DS-2TD1228-2-QA</model><serialNumber>1</serialNumber><firmwareVersion>V5.5.98</firmwareVersion>"
    "<deviceType>IPCamera</deviceType></DeviceInfo>",
    b"/ISAPI/Event/triggers": f"<EventNotification {NAMESPACE}><EventTriggerList><EventTrigger><id>VMD-2</id>"
    "<eventType>VMD</eventType><videoInputChannelID>2</videoInputChannelID><EventTriggerNotificationList>"
    "<EventTriggerNotification><id>center</id><notificationMethod>center</notificationMethod>"
    "</EventTriggerNotification></EventTriggerNotificationList></EventTrigger></EventTriggerList></EventNotification>",
}


def document(kind: str, state: str, description: str, body: str = "") -> bytes:
    """Return an alarm document with CRLF lines, as thermal cameras send it (isapi.md 6.2)."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    text = f"""<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<ipAddress>127.0.0.1</ipAddress>
<portNo>80</portNo>
<protocol>HTTP</protocol>
<macAddress>02:00:00:00:00:01</macAddress>
<dynChannelID>2</dynChannelID>
<channelID>2</channelID>
<dateTime>{at}</dateTime>
<activePostCount>1</activePostCount>
<eventType>{kind}</eventType>
<eventState>{state}</eventState>
<eventDescription>{description}</eventDescription>
{body}<channelName>Camera 02</channelName>
</EventNotificationAlert>
"""
    return text.replace("\n", "\r\n").encode()


def fire(number: int) -> bytes:
    """Return the document of fire `number`: one region, its highest temperature is the number."""
    points = "".join(
        f"<RegionCoordinates>\n<positionX>{x}</positionX>\n<positionY>{y}</positionY>\n</RegionCoordinates>\n"
        for x, y in ((400, 400), (450, 400), (450, 460), (400, 455))
    )
    body = f"""<DetectionRegionList>
<DetectionRegionEntry>
<regionID>1</regionID>
<RegionCoordinatesList>
{points}</RegionCoordinatesList>
<FireDetection>
<FireRegion>
<x>400</x>
<y>400</y>
<width>50</width>
<height>60</height>
</FireRegion>
<HighestPoint>
<x>420</x>
<y>430</y>
</HighestPoint>
<temperatureUnit>celsius</temperatureUnit>
<fireMaxTemperature>{number}</fireMaxTemperature>
<targetDistance>-1</targetDistance>
<AbsoluteHigh>
<elevation>0</elevation>
<azimuth>0</azimuth>
<absoluteZoom>0</absoluteZoom>
</AbsoluteHigh>
</FireDetection>
</DetectionRegionEntry>
</DetectionRegionList>
"""
    return document("fireDetection", "active", "fireDetection alarm", body)


def part(body: bytes, *, length: bool = True) -> bytes:
    """Return the part of a multipart stream that holds the document."""
    head = b'--boundary\r\nContent-Type: application/xml; charset="UTF-8"\r\n'
    if length:
        head += b"Content-Length: %d\r\n" % len(body)
    return head + b"\r\n" + body


def _answer(text: str) -> bytes:
    status = "200 OK" if text else "404 Not Found"
    return f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def block(rules: int, celsius: float, jump: float | None = None) -> bytes:
    """Return a block of real-time temperatures with all rules (isapi.md 8.3); rule 1 has the jump, if there is one."""
    at = int(time.time())
    uploads = [
        {
            "relativeTime": 0,
            "absTime": at,
            "ruleName": f"rule {number}",
            "ruleID": number,
            "ruleCalibType": 1,
            "presetNo": 0,
            "LinePolygonThermCfg": {
                "MaxTemperature": jump if jump and number == 1 else celsius + 5,
                "MinTemperature": celsius - 5,
                "AverageTemperature": celsius,
                "TemperatureDiff": 10.0,
                "Region": [
                    {"Point": {"positionX": x, "positionY": y}} for x, y in ((0.1, 0.1), (0.5, 0.1), (0.5, 0.5))
                ],
            },
            "thermometryUnit": 0,
            "dataType": 0,
            "isFreezedata": False,
            "HighestPoint": {"positionX": 0.3, "positionY": 0.3},
            "LowestPoint": {"positionX": 0.4, "positionY": 0.2},
        }
        for number in range(1, rules + 1)
    ]
    return json.dumps({"ThermometryUploadList": {"ThermometryUpload": uploads}}, indent="\t").encode()


def part_json(body: bytes) -> bytes:
    """Return the part of a multipart stream that holds the JSON document."""
    head = b'--boundary\r\nContent-Type: application/json; charset="UTF-8"\r\nContent-Length: %d\r\n\r\n' % len(body)
    return head + body + b"\r\n"


class Generator:
    """The streams that are open, and what to do with them."""

    def __init__(self) -> None:
        self.streams: list[asyncio.StreamWriter] = []
        self.thermometers: list[asyncio.StreamWriter] = []
        self.number = 1000
        self.requests = 0
        self.writes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                self.writes += head.startswith((b"PUT", b"POST", b"DELETE"))
                path = head.split(b" ", 2)[1]
                if b"realTimethermometry" in path:
                    writer.write(HEAD)
                    self.thermometers.append(writer)
                    await reader.read()
                    break
                if not path.endswith(b"alertStream"):
                    writer.write(_answer(DOCUMENTS.get(path, "")))
                    await writer.drain()
                    continue
                writer.write(HEAD + part(document("videoloss", "inactive", "videoloss alarm")))
                self.streams.append(writer)
                await reader.read()
                break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for held in (self.streams, self.thermometers):
                if writer in held:
                    held.remove(writer)
            writer.close()

    async def fires(self, count: int, per_second: float, length: bool, motion: bool = False) -> dict[str, Any]:
        """Send fires over the streams in turn, evenly spaced."""
        sent: dict[int, int] = {}
        start = time.monotonic()
        for index in range(count):
            wait = start + index / per_second - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.number += 1
            body = part(document("VMD", "active", "Motion alarm") if motion else fire(self.number), length=length)
            writer = self.streams[index % len(self.streams)]
            writer.write(body)
            sent[self.number] = time.monotonic_ns()
        return {"sent": sent}

    async def flood(self, seconds: float, per_second: float) -> dict[str, Any]:
        """Send alarms on every stream, spread evenly over time."""
        body = part(fire(500))
        total = 0
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            due = int(passed * per_second * len(self.streams))
            while total < due:
                self.streams[total % len(self.streams)].write(body)
                total += 1
            await asyncio.sleep(0.002)
        return {"alarms": total, "seconds": time.monotonic() - start, "bytes": total * len(body)}

    async def blocks(self, per_second: float, seconds: float, rules: int) -> dict[str, Any]:
        """Send blocks on every thermometry stream, spread evenly over time; tell when each jump was sent."""
        noise = [part_json(block(rules, 20 + step / 10)) for step in range(2)]
        total, jumps, sent = 0, 0, {}
        start = time.monotonic()
        count = len(self.thermometers)
        while (passed := time.monotonic() - start) < seconds:
            due = int(passed * per_second * count)
            while total < due:
                writer = self.thermometers[total % count]
                if total % 97 == 0:  # a prime: the jumps visit every stream
                    jumps += 1
                    number = 10_000 + jumps * 10
                    writer.write(part_json(block(rules, 20.0, number)))
                    sent[number] = time.monotonic_ns()
                else:
                    writer.write(noise[total // count % 2])
                total += 1
            await asyncio.sleep(0.002)
        return {"blocks": total, "readings": total * rules, "seconds": time.monotonic() - start, "sent": sent}

    async def heartbeats(self, period: float) -> None:
        """Send a heartbeat on every stream each period, for ever."""
        while True:
            body = part(document("videoloss", "inactive", "videoloss alarm"))
            for writer in list(self.streams):
                writer.write(body)
            await asyncio.sleep(period)


async def main() -> None:
    """Serve until stdin ends."""
    generator = Generator()
    server = await asyncio.start_server(generator.serve, "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    tasks = []
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        if "fires" in order:
            answer = await generator.fires(
                order["fires"], order["per_second"], order.get("length", True), "motion" in order
            )
        elif "flood" in order:
            answer = await generator.flood(order["flood"], order["per_second"])
        elif "blocks" in order:
            answer = await generator.blocks(order["blocks"], order["seconds"], order["rules"])
        elif "heartbeats" in order:
            tasks.append(loop.create_task(generator.heartbeats(order["heartbeats"])))
            answer = {}
        else:
            held = {"streams": len(generator.streams), "thermometers": len(generator.thermometers)}
            answer = held | {"requests": generator.requests, "writes": generator.writes}
        print(json.dumps(answer), flush=True)
    for task in tasks:
        task.cancel()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
