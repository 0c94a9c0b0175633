"""A running camera: its ports, its connections, its alarms, and the steps that change what happens to it.

Everything here runs in one asyncio loop and returns at once, so that an alarm leaves the moment its step is applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from . import documents, endpoints, refusals
from .alarms import Alarms, Telling
from .alert_stream import PATH as ALERT_STREAM
from .alert_stream import AlertStreams, Journal
from .archive import READING, Archive
from .connection import Connection
from .device import Device
from .downloads import Downloads
from .faults import LENGTH_ERROR, REBOOT_SECONDS, STALL_SECONDS, STANDING, Fault
from .films import Films
from .http import HttpConnection, Reply, Request
from .login import Verdict
from .port import HOST, Port
from .pushes import Pushes
from .real_time import RealTimeStreams, is_real_time
from .recordings import Kind, Recordings
from .rtsp import RtspConnection
from .rtsp_server import RtspServer
from .steps import Step
from .stored_files import StoredFiles

_RECORDED = ("fire", "temperature", "difference", "smoke", "motion", "tamper", "input")
"""Steps whose alarms are recorded."""


class Camera:
    """A device on the network. Periods in seconds: `repeat` of lasting alarms, `real_time` and `metadata` of temperatures."""

    def __init__(
        self,
        device: Device,
        ports: Sequence[Port],
        rtsp_port: Port | None,
        recordings: Recordings,
        *,
        heartbeat: float,
        repeat: float,
        real_time: float,
        metadata: float,
        journal: Journal | None = None,
    ) -> None:
        self.device = device
        self._ports = ports
        self._rtsp_port = rtsp_port
        self._repeat = repeat
        self._loop = asyncio.get_running_loop()
        self._alarms = Alarms(device)
        self._streams = AlertStreams(device, heartbeat, journal)
        self._pushes = Pushes(device)
        self._temperatures = RealTimeStreams(device, real_time)
        self._recordings = recordings
        self._films = Films(device)
        self._rtsp = RtspServer(device, recordings, self._films, metadata_period=metadata, struck=self._struck)
        files = StoredFiles(device, self._films)
        self._downloads = Downloads(device, recordings, files)
        self._archive = Archive(device, recordings, files, self._downloads, _hosts(device, ports, rtsp_port))
        self._connections: set[Connection] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._booting: asyncio.TimerHandle | None = None

    def start(self, scenario: Sequence[Step]) -> None:
        """Open the ports and let the scenario begin."""
        self._open()
        for step in scenario:
            self._later(step.at, partial(self.apply, [step]))
        self._later(self._repeat, self._tick)

    def stop(self) -> None:
        """Do nothing more by itself: no alarm, no scenario, no boot."""
        for timer in (*self._timers, self._booting):
            if timer:
                timer.cancel()
        self._temperatures.stop()

    async def close(self) -> None:
        """End all connections; returns when they are gone. The ports are closed by their owner, before."""
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        await self._pushes.close()
        self._rtsp.close()
        self._downloads.close()
        self._films.close()

    def apply(self, steps: Sequence[Step]) -> None:
        """Apply checked steps in order; alarms have been written to the open streams when this returns."""
        due: list[Telling] = []
        for step in steps:
            if step.kind in ("send", "fault"):  # what went before must be on the wire first
                self._tell(due)
                due = []
            self._apply(step)
            if not self._booting:
                told = self._alarms.look()
                if step.kind in _RECORDED and any(telling.first for telling in told):
                    kind: Kind = "motion" if step.kind == "motion" else "alarm"
                    self._recordings.happens(kind, step.fields.get("seconds") or 0.0)
                due += told
        self._tell(due)
        self._rtsp.look()

    def state(self) -> dict[str, Any]:
        """What the control port tells of the device (`GET /state`)."""
        return {
            "logins": self.device.logins(),
            "open": {
                "alert_stream": len(self._streams),
                "thermometry": len(self._temperatures),
                "rtsp": self._rtsp.live,
                "playback": self._rtsp.playing_back,
            },
            "requests": dict(self.device.requests),
            "writes": list(self.device.writes),
            "rules": self.device.rules(),
            "fires": self.device.fires(),
        }

    def pushes(self) -> dict[str, int]:
        """What became of the alarms that were to be pushed."""
        return self._pushes.state()

    def _tell(self, told: Sequence[Telling]) -> None:
        self._streams.tell(told)
        self._pushes.tell(told)

    def _apply(self, step: Step) -> None:
        scene, alarms, fields = self.device.scene, self._alarms, step.fields
        match step.kind:
            case "fire":
                scene.ignite(**fields)
            case "extinguish":
                scene.extinguish(fields["region"])
            case "temperature":
                scene.set_rule(fields["rule"], fields["celsius"])
            case "difference":
                scene.set_difference(fields["rule_1"], fields["rule_2"], fields["kelvin"])
                alarms.compare(fields["rule_1"], fields["rule_2"], fields["kelvin"], fields["threshold"])
            case "smoke":
                scene.set_smoke((fields["x"], fields["y"]))
            case "motion":
                alarms.motion(fields["channel"] or self.device.model.thermal.id, fields["seconds"])
            case "tamper":
                alarms.tamper(fields["seconds"])
            case "input":
                alarms.input(fields["port"], fields["seconds"])
            case "disk":
                self.device.disk = fields["state"]
            case "freeze":
                scene.freeze()
            case "unfreeze":
                scene.unfreeze()
            case "send":
                (self._streams if fields["over"] == "alert_stream" else self._pushes).send(fields["file"])
            case "fault":
                self._strike(fields["fault"])

    def _strike(self, fault: Fault) -> None:
        match fault.kind:
            case "lock":
                self.device.login.lock(fault.seconds)
            case "clock_skew":
                self.device.skew = timedelta(seconds=fault.seconds or 0.0)
            case "reboot":
                self._reboot(REBOOT_SECONDS if fault.seconds is None else fault.seconds)
            case "drop" | "half_open" | "stall":
                for connection in [one for one in self._connections if fault.matches(one.path)]:
                    self._strike_connection(fault, connection)
        if fault.kind in STANDING:
            self.device.faults.add(fault)

    def _strike_connection(self, fault: Fault, connection: Connection) -> None:
        match fault.kind:
            case "drop":
                self._forget(connection)
                connection.end("rst")
            case "half_open":
                self._forget(connection)
                connection.go_silent()
            case "stall":
                connection.stall(STALL_SECONDS if fault.seconds is None else fault.seconds)

    def _reboot(self, seconds: float) -> None:
        for port in (*self._ports, self._rtsp_port):
            if port:
                port.shut()
        for connection in list(self._connections):
            self._forget(connection)
            connection.end("rst")
        self.device.restart()
        self._alarms.restart()
        self._pushes.restart()
        if self._booting:
            self._booting.cancel()
        self._booting = self._loop.call_later(seconds, self._boot)

    def _boot(self) -> None:
        self._booting = None
        self.device.booted = self.device.now()
        self._open()

    def _open(self) -> None:
        for port in self._ports:
            port.open(lambda: HttpConnection(self._requested, self._came, self._gone))
        if self._rtsp_port:
            self._rtsp_port.open(lambda: RtspConnection(self._rtsp.requested, self._came, self._gone))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            act()

        timer = self._loop.call_later(seconds, due)
        self._timers.add(timer)

    def _tick(self) -> None:
        self._later(self._repeat, self._tick)
        if not self._booting:
            told = self._alarms.repeat()
            if told:
                self._recordings.lasts()
            self._tell(told)

    def _came(self, connection: Connection) -> None:
        self._connections.add(connection)
        if self._booting:  # it was accepted just before the port was shut
            connection.end("rst")

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        self._streams.closed(connection)
        self._temperatures.closed(connection)
        self._rtsp.closed(connection)
        self._downloads.closed(connection)

    def _struck(self, connection: Connection, path: str) -> bool:
        """Let the faults of connections have a request; whether there is nobody left to answer."""
        for kind in ("drop", "half_open", "stall"):
            if fault := self.device.faults.strike(kind, path):
                self._strike_connection(fault, connection)
        return connection.closed or connection.silent

    def _requested(self, connection: HttpConnection, request: Request) -> None:
        device, path, faults = self.device, request.path, self.device.faults
        device.requests[f"{request.method} {path}"] += 1
        if self._struck(connection, path):
            return
        if faults.strike("web_page", path):
            connection.answer(endpoints.web_page())
            return
        verdict = device.login.check(request.method, request.target, request.headers.get("authorization"))
        if verdict is Verdict.ACCEPTED and faults.strike("unauthorized", path):
            verdict = Verdict.MISSING  # as if nobody had logged in
        if verdict is not Verdict.ACCEPTED:
            connection.answer(self._unauthorized(request, verdict))
            return
        reply = self._answer(connection, request)
        if reply is None:
            return
        if request.method not in ("GET", "HEAD") and path not in READING:
            body = request.body.decode(errors="replace")
            device.writes.append({"method": request.method, "path": path, "status": reply.status, "body": body})
        if faults.strike("wrong_length", path):
            reply.length_error += LENGTH_ERROR
        reply.cut = faults.strike("truncate", path) is not None
        reply.close = reply.close or device.profile.connection_close
        if reply.chunks is not None:
            self._downloads.send(connection, reply, reply.chunks)
        elif reply.delay:
            connection.hold()
            self._later(reply.delay, partial(self._answer_late, connection, reply))
        else:
            connection.answer(reply)
        if request.method == "PUT":
            self._changed()

    def _answer_late(self, connection: HttpConnection, reply: Reply) -> None:
        connection.answer(reply)
        connection.go_on(close=False)

    def _answer(self, connection: HttpConnection, request: Request) -> Reply | None:
        """The reply; None where the connection has become a stream."""
        device, path, faults = self.device, request.path, self.device.faults
        if faults.strike("busy", path):
            return endpoints.refuse(device, request, refusals.BUSY)
        if faults.strike("not_supported", path):
            return endpoints.refuse(device, request, refusals.NOT_SUPPORTED)
        if faults.strike("low_privilege", path):
            return endpoints.refuse(device, request, refusals.LOW_PRIVILEGE)
        if faults.strike("no_room", path):
            return endpoints.refuse(device, request, refusals.NO_ROOM)
        if request.method not in ("GET", "HEAD") and path not in READING and faults.strike("refuse_write", path):
            return endpoints.refuse(device, request, refusals.BAD_PARAMETERS)
        captured = device.captured.answer(request.method, request.target)
        try:
            if captured is not None and not captured.stream:
                return endpoints.answer(device, request)
            if request.method == "GET" and path == ALERT_STREAM:
                self._streams.open(connection)
            elif request.method == "GET" and is_real_time(request):
                self._temperatures.open(connection, request)
            else:
                return self._archive.answer(request) or endpoints.answer(device, request)
        except refusals.Refused as no:
            return endpoints.refuse(device, request, no.refusal)
        return None

    def _changed(self) -> None:
        """Tell what a changed configuration means at once."""
        self._temperatures.look()
        self._tell(self._alarms.look())
        self._rtsp.look()

    def _unauthorized(self, request: Request, verdict: Verdict) -> Reply:
        device = self.device
        told = verdict is Verdict.REFUSED or (verdict in (Verdict.LOCKED, Verdict.MISSING_LOCKED))
        if told and not device.profile.silent_lock:
            body, kind = documents.encode(device, documents.user_check(device, 401)), 'application/xml; charset="UTF-8"'
        else:
            body, kind = endpoints.challenge_page(device), "text/html"
        stale = verdict is Verdict.STALE
        headers = [("WWW-Authenticate", value) for value in device.login.challenges(request.path, stale=stale)]
        return Reply(401, body, kind, headers, close=device.profile.connection_close)


def _hosts(device: Device, ports: Sequence[Port], rtsp_port: Port | None) -> tuple[str, str]:
    """What the device calls itself in addresses of RTSP and HTTP; some name another host, and the HTTP port (isapi.md 4)."""
    http = f":{ports[0].number}" if ports else ""
    if device.profile.foreign_address:
        return f"192.168.0.221{http}", f"192.168.0.221{http}"
    web = ports[0].authority if ports else HOST
    return rtsp_port.authority if rtsp_port else web.rpartition(":")[0] or web, web
