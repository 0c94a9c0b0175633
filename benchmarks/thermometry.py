"""Radiometric frames and readings: decode and statistics beside the bare numpy operations on the same bytes, in one run.

The floor is what nobody can leave out: `frombuffer`, `argmax`, `argmin`, `mean`, `isfinite` on a matrix whose place is already known.
Ours starts from the whole multipart reply.
"""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from hik_thermal_plugin.radiometry import over_all, over_polygon
from hik_thermal_plugin.wire.matrix import decode_frame
from hik_thermal_plugin.wire.thermometry import decode_readings

WIDTH, HEIGHT = 640, 512


def reply(width: int = WIDTH, height: int = HEIGHT, *, picture_bytes: int = 23_448, seed: int = 1) -> bytes:
    """Build a jpegPicWithAppendData reply of float32 with the lengths of the public 640x512 capture (isapi.md 8.4)."""
    noise = random.Random(seed)
    matrix = (20 + np.random.default_rng(seed).random((height, width), dtype=np.float32) * 30).astype("<f4").tobytes()
    picture = b"\xff\xd8" + noise.randbytes(picture_bytes - 4) + b"\xff\xd9"
    head = json.dumps(
        {
            "JpegPictureWithAppendData": {
                "channel": 2,
                "jpegPicLen": len(picture),
                "jpegPicWidth": width,
                "jpegPicHeight": height,
                "p2pDataLen": len(matrix),
                "isFreezedata": 0,
                "temperatureDataLength": 4,
            }
        },
        indent="\t",
    ).encode()
    parts = (("application/json", head), ("image/pjpeg", picture), ("application/octet-stream", matrix))
    body = b"".join(
        b"--boundary\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (kind.encode(), len(data), data)
        for kind, data in parts
    )
    return body + b"--boundary--\r\n"


def run() -> dict[str, Any]:
    """Measure all of it."""
    return {"frame": frame(), "polygon": polygon(), "readings": readings(), "memory": memory()}


def frame(rounds: int = 100, repeats: int = 15) -> dict[str, float]:
    """Decode and survey one 640x512 float frame; microseconds, and the ratio to the bare operations (aim: at most 1.3)."""
    body = reply()
    at = body.index(b"application/octet-stream")
    start = body.index(b"\r\n\r\n", at) + 4
    raw = body[start : start + WIDTH * HEIGHT * 4]

    def bare() -> object:
        matrix = np.frombuffer(raw, "<f4")
        return matrix.argmax(), matrix.argmin(), matrix.mean(), np.isfinite(matrix).all()

    def ours() -> object:
        return over_all(decode_frame(body).celsius)

    floor, full = _side_by_side(bare, ours, rounds, repeats)
    return {"bare_us": floor * 1e6, "ours_us": full * 1e6, "ratio": full / floor, "copies_bytes": float(_peak(body))}


def polygon(rounds: int = 100, repeats: int = 15) -> dict[str, float]:
    """Measure a five-cornered region of a 640x512 frame; microseconds beside the same selection with a ready boolean mask."""
    matrix = decode_frame(reply()).celsius
    corners = ((0.2, 0.2), (0.7, 0.15), (0.8, 0.6), (0.5, 0.8), (0.25, 0.7))
    over_polygon(matrix, corners)
    mask = np.zeros(matrix.shape, dtype=bool)
    mask[100:400, 130:500] = True

    def bare() -> object:
        values = matrix[mask]
        return values.argmax(), values.argmin(), values.mean()

    def ours() -> object:
        return over_polygon(matrix, corners)

    floor, full = _side_by_side(bare, ours, rounds, repeats)
    return {"bare_us": floor * 1e6, "ours_us": full * 1e6, "ratio": full / floor}


def readings(rules: int = 20, rounds: int = 200) -> dict[str, float]:
    """Decode blocks of the real-time stream; readings a second, and the ratio to `json.loads` of the same bytes."""
    entry = {
        "relativeTime": 0,
        "absTime": 1_705_285_230,
        "ruleName": "kiln door",
        "ruleCalibType": 1,
        "presetNo": 0,
        "LinePolygonThermCfg": {
            "MaxTemperature": 48.3,
            "MinTemperature": 21.4,
            "AverageTemperature": 25.9,
            "TemperatureDiff": 26.9,
            "Region": [
                {"Point": {"positionX": x, "positionY": y}} for x, y in ((0.2, 0.3), (0.7, 0.3), (0.7, 0.8), (0.2, 0.8))
            ],
        },
        "thermometryUnit": 0,
        "dataType": 0,
        "isFreezedata": False,
        "HighestPoint": {"positionX": 0.5, "positionY": 0.5},
        "LowestPoint": {"positionX": 0.3, "positionY": 0.7},
    }
    entries = [{**entry, "ruleID": number} for number in range(1, rules + 1)]
    block = json.dumps({"ThermometryUploadList": {"ThermometryUpload": entries}}, indent="\t").encode()
    floor, full = _side_by_side(
        lambda: json.loads(block), lambda: decode_readings(block, camera="kiln", channel=2), rounds, 7
    )
    return {"json_us": floor * 1e6, "ours_us": full * 1e6, "ratio": full / floor, "readings_per_second": rules / full}


def memory(frames: int = 10_000) -> dict[str, float]:
    """Decode many frames; bytes held after the first hundred and after the last."""
    body = reply(160, 120)
    tracemalloc.start()
    try:
        early = 0
        for number in range(frames):
            over_all(decode_frame(body).celsius)
            if number == 100:
                early = tracemalloc.get_traced_memory()[0]
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    return {"frames": frames, "early_bytes": early, "late_bytes": late, "growth_bytes": late - early}


def _side_by_side(
    bare: Callable[[], object], ours: Callable[[], object], rounds: int, repeats: int
) -> tuple[float, float]:
    """Take turns, so that both meet the same moods of the machine, and return the best of each in seconds."""
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        for index, run in enumerate((bare, ours)):
            begin = time.perf_counter()
            for _ in range(rounds):
                run()
            best[index] = min(best[index], (time.perf_counter() - begin) / rounds)
    return best[0], best[1]


def _peak(body: bytes) -> int:
    tracemalloc.start()
    try:
        decode_frame(body)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    for run in (frame, polygon, readings, memory):
        print(run.__name__, {name: round(value, 2) for name, value in run().items()})
