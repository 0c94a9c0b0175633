"""A driver with one camera, `kiln`, that is talked to over the stand-in for the vendor's library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
from nvr_hooks import Event
from nvr_hooks.loading import Plugins
from standin_library import StandIn

from hik_thermal_plugin.plugin import HikThermal


class SdkCamera:
    """The hooks of a driver, and what its subscribers were told."""

    def __init__(self, standin: StandIn, secret: str, folder: Path, settings: dict[str, Any]) -> None:
        self.driver = HikThermal()
        plugins = Plugins()
        plugins.add("hik_thermal", self.driver)
        self.hook = plugins.hook
        self.folder = folder
        sdk = {"path": str(standin.folder), **settings.pop("sdk", {})}
        self._settings = {
            "url": "http://192.0.2.7", "username": "admin", "password": secret, "timeout": 5, "data_channel": 2,
            "transport": ["sdk"], "sdk": sdk,
        } | settings  # fmt: skip
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Take other settings."""
        self.hook.nvr_configure(
            config={
                "hik_thermal": {"cameras": {"kiln": self._settings | changes}},
                "state_dir": str(self.folder / "state"),
            }
        )

    def listen(self) -> tuple[Any, list[Event]]:
        """Subscribe to alarms; return the subscription and what comes."""
        events: list[Event] = []
        return self.hook.nvr_listen(camera="kiln", sink=events.append), events

    def watch(self) -> tuple[Any, list[Event]]:
        """Subscribe to temperatures; return the subscription and what comes."""
        events: list[Event] = []
        return self.hook.nvr_watch(camera="kiln", sink=events.append), events

    def close(self) -> None:
        """End it."""
        self.hook.nvr_close()


def passed_on(simulator: Any, secret: str) -> Callable[[str, bytes], tuple[int, bytes]]:
    """Return what answers documents for the stand-in out of a simulated camera: both are one device then."""
    auth = httpx.DigestAuth("admin", secret)

    def answer(request: str, body: bytes) -> tuple[int, bytes]:
        method, _, path = request.partition(" ")
        found = httpx.request(method, simulator.http + path, content=body or None, auth=auth)
        return found.status_code, found.content

    return answer


EIGHT = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8)))
"""When the first recording of the stand-in begins."""


def with_a_clock(request: str, body: bytes) -> tuple[int, bytes]:
    """Answer documents for the stand-in: a device that says who it is and how late, eight hours ahead of UTC, and nothing else."""
    documents = {
        "GET /ISAPI/System/deviceInfo": b"<DeviceInfo><deviceName>kiln</deviceName><model>STANDIN</model></DeviceInfo>",
        "GET /ISAPI/System/time": b"<Time><timeMode>manual</timeMode><localTime>2026-03-01T20:00:00+08:00</localTime>"
        b"<timeZone>CST-8:00:00</timeZone></Time>",
    }
    refusal = b"<ResponseStatus><statusCode>4</statusCode><subStatusCode>notSupport</subStatusCode></ResponseStatus>"
    return (200, documents[request]) if request in documents else (403, refusal)
