"""A simulated camera that pushes, and a host that listens; posts of our own, byte by byte where that matters."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from nvr_hooks import Alarm, AlarmPicture, ConnectionChanged, Event, Health

from hik_thermal_plugin.isapi.push_source import push_path
from hik_thermal_plugin.plugin import HikThermal

WaitFor = Callable[..., None]
HOSTS = "/ISAPI/Event/notification/httpHosts"
FIRE = {"fire": {"x": 0.5, "y": 0.4, "celsius": 400, "distance_m": 120}}


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PushingKiln:
    """A host with one simulated camera `kiln` whose sources list push."""

    def __init__(
        self,
        device: Any,
        secret: str,
        folder: Path,
        wait_for: WaitFor,
        *,
        listener: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.device = device
        self.wait_for = wait_for
        self.driver = HikThermal()
        self.heard: list[Event] = []
        self.port = free_port()
        self.state_dir = folder / "state"
        self.kiln = {
            "url": device.http,
            "username": device.username,
            "password": secret,
            "timeout": 5,
            "sources": ["alert_stream", "push"],
        } | settings
        self.listener = {"bind": "127.0.0.1", "port": self.port} | (listener or {})
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Give the driver its configuration, with other settings of the camera."""
        self.kiln |= settings
        section = {"listener": self.listener, "cameras": {"kiln": self.kiln}}
        self.driver.nvr_configure({"state_dir": str(self.state_dir), "hik_thermal": section})

    def listen(self) -> Any:
        """Listen, and return when the port is open."""
        subscription = self.driver.nvr_listen("kiln", self.heard.append)
        self.wait_for(self.is_open, what="the listener")
        return subscription

    def is_open(self) -> bool:
        """Tell whether something listens."""
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def armed(self) -> None:
        """Wait until the camera's alert stream is open."""
        online = ConnectionChanged(camera="kiln", source="alert_stream", state="online")
        self.wait_for(lambda: online in list(self.heard), what="the camera armed")

    def set_up(self) -> None:
        """Let the camera push here."""
        slots = self.driver._slots("kiln")
        assert slots is not None
        assert slots.set_up(dry_run=False).applied

    @property
    def path(self) -> str:
        """The camera's path."""
        return push_path(self.state_dir, "kiln")

    def alarms(self, kind: str = "fire") -> list[Alarm]:
        """What was heard of one kind."""
        return [event for event in list(self.heard) if isinstance(event, Alarm) and event.kind == kind]

    def pictures(self) -> list[AlarmPicture]:
        """The pictures heard."""
        return [event for event in list(self.heard) if isinstance(event, AlarmPicture)]

    def states(self) -> list[str]:
        """The states of the source push, in order."""
        return [
            event.state for event in list(self.heard) if isinstance(event, ConnectionChanged) and event.source == "push"
        ]

    def health(self) -> Health:
        """How the source push does."""
        found = self.driver.nvr_health("kiln") or ()
        return next(health for health in found if health.source == "push")

    def post(self, body: bytes, kind: str = 'application/xml; charset="UTF-8"', *, path: str | None = None) -> int:
        """Post a body; return the status, 0 where the connection was closed without one."""
        head = f"POST {path or self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return self.send(head.encode() + body)

    def send(self, data: bytes) -> int:
        """Send bytes; return the status that is answered, 0 for none."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            try:
                sock.sendall(data)
                words = sock.recv(4096).split()
            except ConnectionError:
                return 0
        return int(words[1]) if words else 0
