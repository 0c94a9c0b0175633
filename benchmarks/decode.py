"""PartReader + decode_alert beside a decoder written by hand with lxml for the same fields. Aim: at most 2x."""

from __future__ import annotations

import time
from typing import Any

from lxml import etree

from hik_thermal_plugin.wire.alerts import decode_alert
from hik_thermal_plugin.wire.multipart import PartReader

from .generator import fire, part

ROUNDS = 5
DOCUMENTS = 2000


def by_hand(data: bytes) -> list[dict[str, Any]]:
    """Decode parts that have a Content-Length, without any care for what else devices send."""
    out = []
    position = 0
    while (start := data.find(b"Content-Length: ", position)) >= 0:
        end = data.index(b"\r\n", start)
        length = int(data[start + 16 : end])
        position = end + 4 + length
        root = etree.fromstring(data[end + 4 : position])
        fields = {etree.QName(child).localname: child for child in root}
        targets: list[dict[str, Any]] = []
        for entry in fields["DetectionRegionList"]:
            values = {etree.QName(node).localname: node.text for node in entry.iter()}
            outline = [(int(point[0].text or 0) / 1000, int(point[1].text or 0) / 1000) for point in entry[1]]
            targets.append(
                {
                    "id": int(values["regionID"] or 0),
                    "region": outline,
                    "hottest": (int(entry[2][1][0].text or 0) / 1000, int(entry[2][1][1].text or 0) / 1000),
                    "celsius": float(values["fireMaxTemperature"] or 0),
                    "distance": None if values["targetDistance"] == "-1" else float(values["targetDistance"] or 0),
                    "unit": values["temperatureUnit"],
                }
            )
        out.append(
            {
                "channel": int(fields["channelID"].text or 0),
                "at": fields["dateTime"].text,
                "type": fields["eventType"].text,
                "state": fields["eventState"].text,
                "description": fields["eventDescription"].text,
                "targets": targets,
                "celsius": max(float(target["celsius"]) for target in targets),
            }
        )
    return out


def ours(data: bytes) -> int:
    """Read and decode the stream as the driver does."""
    count = 0
    reader = PartReader("multipart/mixed; boundary=boundary")
    for start in range(0, len(data), 65536):
        for found in reader.feed(data[start : start + 65536]):
            count += len(decode_alert(found.body, camera="kiln"))
    return count


def run() -> dict[str, Any]:
    """Measure both in turn on the same bytes."""
    stream = b"".join(part(fire(1000 + index)) for index in range(DOCUMENTS)) + b"--boundary\r\n"
    assert ours(stream) == len(by_hand(stream)) == DOCUMENTS
    mine, hand = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        by_hand(stream)
        middle = time.process_time()
        ours(stream)
        hand.append(middle - start)
        mine.append(time.process_time() - middle)
    return {
        "ours_us_per_alarm": round(min(mine) / DOCUMENTS * 1e6, 1),
        "by_hand_us_per_alarm": round(min(hand) / DOCUMENTS * 1e6, 1),
        "ratio": round(min(mine) / min(hand), 2),
        "aim": "at most 2",
    }
