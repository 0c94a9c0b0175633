"""Recordings brought home: a gigabyte beside curl, a day of results beside the bare request loop, an hour joined beside `ffmpeg -c copy`.

Aims: 0.9 of curl's throughput at 1 Gbit/s; memory grows by at most 16 MB whatever the size. The recording is served by nginx (Debian:
nginx-light); both write into memory, so that the disk does not decide.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from .processes import child

GIGABYTE = 1_000_000_000
LIMIT = 125_000_000
"""Bytes a second: 1 Gbit/s."""
TIMES = 5
RESULTS = 5_000
SECONDS = 1_800
"""Of each of the files that are joined."""
SPAN = (900, 4_500)
"""An hour out of them."""
PLACE = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{port}; root {folder};
location /limited/ {{ alias {folder}/; limit_rate {limit}; }} }} }}
"""


def run() -> dict[str, Any]:
    """Measure all three."""
    return {"transfer": _transfers(), "search": _searches(), "join": _joins()}


def _transfers() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=PLACE) as name, _nginx(Path(name)) as url:
        folder = Path(name)
        _recording(folder / "recording.ps", GIGABYTE)
        _recording(folder / "small.ps", GIGABYTE // 10)
        result: dict[str, Any] = {"gigabytes": 1, "times": TIMES}
        for way, address in (("unlimited", f"{url}/recording.ps"), ("at 1 Gbit/s", f"{url}/limited/recording.ps")):
            rounds = [(_ours(address, folder), _curl(address, folder)) for _ in range(TIMES)]
            ours, curl = ([pair[index] for pair in rounds] for index in (0, 1))
            result[way] = {
                "ours": _figures(ours),
                "curl": _figures(curl),
                "throughput_ratio": round(_median(curl, "seconds") / _median(ours, "seconds"), 3),
                "processor_ratio": round(_median(ours, "processor") / _median(curl, "processor"), 2),
            }
        small = _ours(f"{url}/small.ps", folder)
        result["memory_grew_mb"] = {
            "100 MB": round(small["grew_mb"], 1),
            "1 GB": result["unlimited"]["ours"]["grew_mb"],
        }
        result["aim"] = "throughput at least 0.9 of curl at 1 Gbit/s, memory grows at most 16 MB"
        return result


def _searches() -> dict[str, Any]:
    with child("benchmarks.archive_server", str(RESULTS)) as server:
        rounds = []
        for _ in range(TIMES):
            with child("benchmarks.archive_worker") as worker:
                order = {"url": server.ready["url"], "results": RESULTS}
                worker.ask({"do": "asked", **order})  # the server's caches are warm for both
                rounds.append((worker.ask({"do": "search", **order}), worker.ask({"do": "asked", **order})))
    ours, bare = ([pair[index] for pair in rounds] for index in (0, 1))
    assert all(one["found"] == RESULTS for one in ours)
    return {
        "results": RESULTS,
        "ours": _figures(ours),
        "bare_loop": _figures(bare),
        "ratio": round(_median(ours, "seconds") / _median(bare, "seconds"), 2),
    }


def _joins() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=PLACE) as name:
        folder = Path(name)
        files = _files(folder)
        rounds = []
        for number in range(3):
            target = folder / f"ours-{number}.mp4"
            with child("benchmarks.archive_worker") as worker:
                ours = worker.ask(
                    {
                        "do": "join",
                        "files": [str(file) for file in files],
                        "seconds": SECONDS,
                        "span": SPAN,
                        "target": str(target),
                    }
                )
            assert ours["pictures"] == 25 * (SPAN[1] - SPAN[0])
            rounds.append((ours, _ffmpeg(files, folder)))
            target.unlink()
        ours_all, ffmpeg = ([pair[index] for pair in rounds] for index in (0, 1))
        return {
            "hours": 1,
            "megabytes": round(sum(file.stat().st_size for file in files) / 1e6),
            "ours": _figures(ours_all),
            "ffmpeg": _figures(ffmpeg),
            "ratio": round(_median(ours_all, "seconds") / _median(ffmpeg, "seconds"), 2),
            "processor_ratio": round(_median(ours_all, "processor") / _median(ffmpeg, "processor"), 2),
        }


def _ours(url: str, folder: Path) -> dict[str, Any]:
    target = folder / "ours.part"
    with child("benchmarks.archive_worker") as worker:
        found = worker.ask({"do": "transfer", "url": url, "target": str(target)})
    target.unlink()
    return found


def _curl(url: str, folder: Path) -> dict[str, Any]:
    target = folder / "curl.part"
    found = _program(["curl", "-s", "-o", str(target), url])
    target.unlink()
    return found


def _ffmpeg(files: list[Path], folder: Path) -> dict[str, Any]:
    lines = [f"file '{file}'" for file in files]
    lines[0] += f"\ninpoint {SPAN[0] + _START}"
    lines[-1] += f"\noutpoint {SPAN[1] - SECONDS * (len(files) - 1) + _START}"
    listed, target = folder / "list.txt", folder / "ffmpeg.mp4"
    listed.write_text("\n".join(lines), encoding="utf-8")
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-f",
        "concat",
        "-safe",
        "0",
        "-i",
        str(listed),
        "-c",
        "copy",
        str(target),
    ]
    found = _program(command)
    target.unlink()
    return found


_START = 1.0
"""Seconds the clock of the files begins at."""


def _program(command: list[str]) -> dict[str, Any]:
    began = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return {"seconds": took, "processor": usage.ru_utime + usage.ru_stime, "grew_mb": 0.0}


def _figures(rounds: list[dict[str, Any]]) -> dict[str, float]:
    return {
        "seconds": round(_median(rounds, "seconds"), 3),
        "processor": round(_median(rounds, "processor"), 3),
        "grew_mb": round(max(one["grew_mb"] for one in rounds), 1),
    }


def _median(rounds: list[dict[str, Any]], name: str) -> float:
    return statistics.median(one[name] for one in rounds)


@contextmanager
def _nginx(folder: Path) -> Iterator[str]:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.chmod(0o755)  # its worker is another user
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, limit=LIMIT), encoding="utf-8")
    process = subprocess.Popen([binary, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        _answers(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nginx did not start")


def _recording(path: Path, size: int) -> None:
    """Write what begins like a program stream; the rest of the bytes matters to nobody here."""
    block = np.random.default_rng(1).bytes(1_000_000)
    with path.open("wb") as file:
        file.write(b"\0\0\1\xba")
        for _ in range(size // len(block)):
            file.write(block)
        file.truncate(size)
    path.chmod(0o644)


def _files(folder: Path) -> list[Path]:
    """Write three program streams of half an hour, a thermal picture of about 1 Mbit/s."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 384, 288, "yuv420p", Fraction(1, 25)
    encoder.bit_rate = 1_000_000
    encoder.options = {
        "preset": "veryfast",
        "x264-params": "scenecut=0:keyint=50:min-keyint=50:bframes=0:repeat-headers=1",
    }
    noise = np.random.default_rng(2)
    coded: list[tuple[bytes, bool]] = []
    for number in range(251):
        frame = None
        if number < 250:
            picture = noise.integers(90, 130, (288, 384, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
        coded += [(bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    files = []
    for number in range(3):
        path = folder / f"{number}.mpg"
        with av.open(str(path), "w", format="vob") as out:
            stream: Any = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 384, 288, "yuv420p"
            for picture_number in range(25 * SECONDS):
                data, key = coded[picture_number % len(coded)]
                packet = av.Packet(data)
                packet.pts = packet.dts = picture_number * 3600 + round(_START * 90_000)
                packet.time_base, packet.is_keyframe, packet.stream = Fraction(1, 90_000), key, stream
                out.mux(packet)
        files.append(path)
    return files
