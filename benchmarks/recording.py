"""Recording live video without re-encoding: 50 streams of 1 Mbit/s beside one `ffmpeg -c copy` for each.

Aims: at most 1.5x the processor time and a fifth of the memory (PSS). Then how long it takes from the call to the first byte on disk, and from
an alarm to a running recording that has the seconds before.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .processes import child, memory_bytes, processor_seconds, quantile

STREAMS = 50
SECONDS = 20.0
TRIES = 10


def run() -> dict[str, Any]:
    """Measure ours, then ffmpeg, on the same server."""
    with child("benchmarks.rtsp_generator") as server, child("benchmarks.generator") as http:
        ours, first = _ours(server, http.ready["port"]), _begin(server, http.ready["port"])
        ffmpeg = _ffmpeg(server)
    return {
        "streams": STREAMS,
        "ours": ours,
        "ffmpeg": ffmpeg,
        "processor_ratio": round(ours["cpu_share"] / ffmpeg["cpu_share"], 2),
        "memory_ratio": round(ours["megabytes"] / ffmpeg["megabytes"], 3),
        "aim": "processor at most 1.5, memory at most 0.2",
        **first,
    }


def _recorder(rtsp: int, http: int, folder: str) -> dict[str, Any]:
    camera = {
        "url": f"http://127.0.0.1:{http}",
        "username": "admin",
        "password": "x",
        "rtsp_port": rtsp,
        "data_channel": 2,
    }
    return {
        "state_dir": folder,
        "hik_thermal": {
            "cameras": {f"c{number}": {**camera, "sources": ["alert_stream"]} for number in range(STREAMS)}
        },
    }


def _ours(server: Any, http: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        config = json.dumps(_recorder(server.ready["port"], http, folder))
        with child("benchmarks.recorder", config) as recorder:
            recorder.ask({"record": SECONDS + 30, "folder": folder})
            _until(server, STREAMS)
            time.sleep(3)
            begin, start = recorder.ask({}), time.monotonic()
            sent = server.ask({})["pictures"]
            time.sleep(SECONDS)
            end, took = recorder.ask({}), time.monotonic() - start
            sent = server.ask({})["pictures"] - sent
            files = recorder.ask({"stop": True})["files"]
        kept = sum(Path(file).stat().st_size for file in files)
    return {
        "cpu_share": round((end["cpu"] - begin["cpu"]) / took, 4),
        "megabytes": round(end["memory"] / 1e6, 1),
        "threads": end["threads"],
        "files": len(files),
        "megabytes_written": round(kept / 1e6, 1),
        "pictures_per_second": round(sent / took),
    }


def _ffmpeg(server: Any) -> dict[str, Any]:
    url = f"rtsp://127.0.0.1:{server.ready['port']}/Streaming/Channels/201"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-allowed_media_types",
            "video",
            "-i",
            url,
        ]
        flags = ["-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1"]
        processes = [
            subprocess.Popen([*command, *flags, f"{folder}/{number}.mp4"], stdin=subprocess.DEVNULL)
            for number in range(STREAMS)
        ]
        try:
            _until(server, STREAMS)
            time.sleep(3)
            begin, start = sum(processor_seconds(process.pid) for process in processes), time.monotonic()
            time.sleep(SECONDS)
            took = time.monotonic() - start
            used = sum(processor_seconds(process.pid) for process in processes) - begin
            memory = sum(memory_bytes(process.pid) for process in processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
    return {"cpu_share": round(used / took, 4), "megabytes": round(memory / 1e6, 1), "processes": STREAMS}


def _begin(server: Any, http: int) -> dict[str, Any]:
    """Measure, camera after camera, how long a recording takes to begin, and one with a pre-roll that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        config = json.dumps(_recorder(server.ready["port"], http, folder))
        with child("benchmarks.recorder", config) as recorder:
            cold = [recorder.ask({"begin": number, "folder": folder}) for number in range(TRIES)]
            rolled = recorder.ask({"pre_roll": 5.0, "tries": TRIES, "folder": folder})
    return {
        "from_record_to_first_byte_ms": round(quantile([told["first_byte_ms"] for told in cold], 0.5)),
        "from_alarm_to_running_with_pre_roll_ms": round(quantile(rolled["running_ms"], 0.5), 1),
        "seconds_before_the_alarm": round(min(rolled["before"]), 2),
    }


def _until(server: Any, count: int) -> None:
    deadline = time.monotonic() + 60
    while server.ask({})["video"] < count:
        if time.monotonic() > deadline:
            raise RuntimeError("not all streams play")
        time.sleep(0.2)
