"""The archive's work in a process of its own: one transfer, one search, one join; each order is answered with what it cost."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nvr_hooks import RecordedFile, TimeSpan

from hik_thermal_plugin.isapi.archive import DeviceArchive
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.media.joining import Joint
from hik_thermal_plugin.media.recordings import recorded_pictures
from hik_thermal_plugin.wire.archive import SEARCH_FORMS, search_request

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def client(url: str) -> IsapiClient:
    """Return a client with a login budget of its own."""
    budget = LoginBudget(url, "x", Path(tempfile.mkdtemp()))
    return IsapiClient("camera", url, "admin", "x", budget, timeout=30)


def transfer(order: dict[str, Any]) -> dict[str, Any]:
    """Fetch one recording."""
    parts = urlsplit(order["url"])
    archive = DeviceArchive(client(f"{parts.scheme}://{parts.netloc}"))
    target = Path(order["target"])
    target.touch()
    file = RecordedFile(camera="camera", channel=2, track=201, start=NOON, end=NOON, playback_uri=order["url"])
    return measured(lambda: {"bytes": archive.transfer(file).run(target, lambda size: None)})


def search(order: dict[str, Any]) -> dict[str, Any]:
    """Find everything of a day."""
    archive = DeviceArchive(client(order["url"]))
    return measured(lambda: {"found": len(list(archive.search(201, NOON, NOON + timedelta(days=1), None)))})


def asked(order: dict[str, Any]) -> dict[str, Any]:
    """Ask for the same pages and look into none: the bare request loop."""
    parts = urlsplit(order["url"])

    def loop() -> dict[str, Any]:
        connection = HTTPConnection(parts.hostname or "", parts.port)
        position = 0
        for position in range(0, order["results"], 40):
            body = search_request(SEARCH_FORMS[0], "A", 201, "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", position)
            connection.request("POST", "/ISAPI/ContentMgmt/search", body, {"Authorization": "Digest x"})
            connection.getresponse().read()
        connection.close()
        return {"last": position}

    return measured(loop)


def join(order: dict[str, Any]) -> dict[str, Any]:
    """Cut and join files that follow one another."""
    files, seconds = [Path(name) for name in order["files"]], order["seconds"]
    first, last = (NOON + timedelta(seconds=moment) for moment in order["span"])

    def work() -> dict[str, Any]:
        joint = Joint(Path(order["target"]), "mp4", "camera", TimeSpan(start=first, end=last))
        for number, file in enumerate(files):
            joint.begin(NOON + timedelta(seconds=seconds * number))
            for picture in recorded_pictures(file, "camera"):
                if not joint.put(picture):
                    break
        joint.finish()
        return {"pictures": joint.pictures}

    return measured(work)


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the work says, with its seconds, processor seconds, and how much memory grew meanwhile, in MB."""
    before, top, done = memory(), [0.0], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            top[0] = max(top[0], memory())

    watcher = threading.Thread(target=look)
    watcher.start()
    usage, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    result = work()
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    done.set()
    watcher.join()
    processor = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return {**result, "seconds": took, "processor": processor, "grew_mb": max(0.0, top[0] - before)}


def memory() -> float:
    """Return the resident memory in MB; pages of files do not count."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Answer orders, a JSON line each."""
    print(json.dumps({"ready": True}), flush=True)
    works = {"transfer": transfer, "search": search, "asked": asked, "join": join}
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(works[order["do"]](order)), flush=True)


if __name__ == "__main__":
    main()
