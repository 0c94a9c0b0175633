"""Everything that takes part in a run."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from hik_thermal_plugin.simulator import Simulator

from .clock import speed
from .ledger import Ledger, Marker
from .link import Link
from .service import Broker, Service
from .watcher import Watcher

RULES = (1, 2)
BUSY = 0.5
"""Seconds of the machine's own clock for which what was sent may lie unread while others have its processors."""


@dataclass(frozen=True)
class Periods:
    """How often a camera does what it does by itself, and how long the service waits for it, in seconds."""

    heartbeat: float
    repeat: float
    real_time: float
    timeout: float
    auth_retry: float


QUICK = Periods(heartbeat=2.0, repeat=1.0, real_time=1.0, timeout=5.0, auth_retry=60.0)
"""For a run in which much happens."""
ONCE = """<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>192.0.2.64</ipAddress><channelID>2</channelID><dateTime>{at}</dateTime><activePostCount>1</activePostCount>
<eventType>TMA</eventType><eventState>active</eventState><eventDescription>Temperature Measurement Alarm</eventDescription>
<DetectionRegionList><DetectionRegionEntry><regionID>{number}</regionID><TMA><thermometryUnit>celsius</thermometryUnit>
<ruleTemperature>80.0</ruleTemperature><currTemperature>91.0</currTemperature><ruleCalibType>region</ruleCalibType>
<ruleType>highest temp is higher than</ruleType><presetNo>1</presetNo></TMA></DetectionRegionEntry></DetectionRegionList>
</EventNotificationAlert>
"""


class Kiln:
    """One simulated camera, what happens before it, and where the service finds it."""

    def __init__(self, name: str, folder: Path, ledger: Ledger, rng: Random, *, rtsp: bool, periods: Periods) -> None:
        self.name = name
        self.rng = rng
        self._folder = folder
        self._ledger = ledger
        self._rtsp = rtsp
        self._periods = periods
        self.password = f"first-{rng.randrange(10**9)}"
        self.refusable = 0
        """How many refused logins are to be expected at most."""
        self._refused_before = 0
        self._episodes: dict[str, list[Marker]] = {}
        self._number = 0
        self._there = threading.RLock()
        """Held while the camera is replaced: faults of all cameras come from another thread."""
        self.simulator = self._make(0)

    @property
    def settings(self) -> dict[str, Any]:
        """Its section in the service's configuration."""
        self.password_file.write_text(self.password)
        rtsp = int((self.simulator.rtsp or ":1").rpartition(":")[2])
        sources = ["alert_stream", "realtime", "poll"] + (["metadata"] if self._rtsp else [])
        return {
            "url": self.simulator.http,
            "username": "admin",
            "password": f"${{file:{self.password_file}}}",
            "timeout": self._periods.timeout,
            "rtsp_port": rtsp,
            "sources": sources,
            "auth_retry": self._periods.auth_retry,
        }

    @property
    def password_file(self) -> Path:
        """Where the service reads the password."""
        return self._folder / f"{self.name}.password"

    @property
    def refused(self) -> int:
        """How many logins the camera has refused."""
        return self._refused_before + int(self.simulator.state()["logins"]["refused"])

    def replace(self, *, move: bool = False) -> None:
        """Go on as another process of the camera: with the present password, at the same address or (`move`) at another."""
        with self._there:
            port = 0 if move else int((self.simulator.http or "").rpartition(":")[2])
            self.quiet()
            self._refused_before = self.refused
            self.simulator.close()
            self._ledger.journal(self.name, "gone", b"", 0)
            self.simulator = self._make(port)

    def fault(self, kind: str, **fields: Any) -> None:
        """Let a fault of the simulator strike."""
        with self._there:
            self.simulator.apply([{"fault": {"kind": kind, **fields}}])

    def live(self) -> None:
        """Let something happen before the camera, or end."""
        self.flare(begin=0.5, end=0.3)
        for _ in range(self.rng.choice((0, 0, 1, 3))):
            self.once()

    def flare(self, *, begin: float, end: float) -> int:
        """Let fires and rules begin and end by chance; return how many have begun."""
        begun = 0
        for group in ("fire", *(f"rule {rule}" for rule in RULES)):
            burning = self._episodes.get(group, [])
            more = group == "fire" and 0 < len(burning) < 3
            if self.rng.random() < begin and (more or (not burning and self._ledger.free(self.name, group))):
                self._begin(group)
                begun += 1
            elif burning and self.rng.random() < end:
                self._end(group)
        return begun

    def once(self) -> None:
        """Tell one alarm a single time."""
        self._number += 1
        marker = self._ledger.expect(self.name, "once", 1000 + self._number)
        file = self._folder / f"{self.name}.xml"
        file.write_text(
            ONCE.format(at=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()), number=int(marker.number))
        )
        self.simulator.apply([{"send": {"file": str(file)}}])
        self._ledger.over(marker)

    def send(self, data: bytes) -> None:
        """Send these bytes on the alert stream."""
        file = self._folder / f"{self.name}.bytes"
        file.write_bytes(data)
        self.simulator.apply([{"send": {"file": str(file)}}])

    def quiet(self) -> None:
        """Let everything be over."""
        for group in list(self._episodes):
            self._end(group)

    def _begin(self, group: str) -> None:
        burning = self._episodes.setdefault(group, [])
        self._number += 1
        celsius = round(200 + self._number % 8000 * 0.1, 1)
        marker = self._ledger.expect(self.name, group, celsius)
        if group == "fire":
            x = 0.2 + 0.3 * len(burning)
            self.simulator.apply([{"fire": {"x": x, "y": 0.5, "celsius": celsius}}])
        else:
            self.simulator.apply([{"temperature": {"rule": int(group.split()[1]), "celsius": celsius}}])
        burning.append(marker)

    def _end(self, group: str) -> None:
        for marker in self._episodes.get(group, ()):
            self._ledger.over(marker)
        self._episodes[group] = []
        if group == "fire":
            self.simulator.apply([{"extinguish": {}}])
        else:
            self.simulator.apply([{"temperature": {"rule": int(group.split()[1]), "celsius": 20}}])

    def _make(self, port: int) -> Simulator:
        def journal(what: str, data: bytes, count: int) -> None:
            self._ledger.journal(self.name, what, data, count)

        return Simulator(
            password=self.password,
            http_port=port,
            control_port=None,
            rtsp_port=0 if self._rtsp else None,
            heartbeat=self._periods.heartbeat,
            repeat=self._periods.repeat,
            real_time=self._periods.real_time,
            name=self.name,
            identity=self.name,  # another address makes no other camera of it
            journal=journal,
        ).start()


class Stage:
    """The service, its broker, its cameras, and who watches."""

    def __init__(self, folder: Path, cameras: int, seed: int, periods: Periods = QUICK, **mqtt: Any) -> None:
        self.rng = Random(seed)
        self.speed = speed()
        self.ledger = Ledger(1.0 * self.speed, lambda camera: int(camera.removeprefix("kiln")) % 4 == 3)
        self.broker = Broker(folder)
        self.link = Link(self.broker.port)
        self.service = Service(folder, self.link.port, **{"release_after": 3, **mqtt})
        self.configuring = threading.RLock()
        self.unwritten = (0.0, 0.0)
        """From when to when the service may have kept undelivered events in memory only."""
        self.stood_still = (0.0, 0.0)
        """From when to when the service stood still: what was sent meanwhile lay unread, and a little longer."""
        self.kilns = [
            Kiln(
                f"kiln{number}", folder, self.ledger, Random(f"{seed} {number}"), rtsp=number % 4 == 3, periods=periods
            )
            for number in range(cameras)
        ]
        self.secrets = [kiln.password.encode() for kiln in self.kilns]
        self.watcher = Watcher(
            self.broker.port,
            on_event=self.ledger.event,
            on_level=self.ledger.level,
            on_bridge=self.ledger.bridge,
            secrets=self.secrets,
            log=folder / "messages.log",
        )
        self.watcher.wait()

    def configure(self) -> None:
        """Write the configuration of the cameras as they are."""
        with self.configuring:
            self.service.cameras = {kiln.name: kiln.settings for kiln in self.kilns}
            self.service.configure()

    @property
    def is_up(self) -> bool:
        """Whether the service has come up: before that it can neither open its own files nor be told anything."""
        return self.service.runs and time.monotonic() - self.service.started_at > 4 * self.speed

    def hup(self) -> None:
        """Tell the service to read its configuration."""
        if self.is_up:
            self.service.send_signal(signal.SIGHUP)

    def reload(self, kiln: Kiln) -> None:
        """Tell it so because of a change that connects this camera anew."""
        now = time.monotonic()
        self.ledger.blind(self.unread_since(now), now + 6 * self.speed, "reload", kiln.name)
        self.hup()

    def reconfigure(self, kiln: Kiln) -> None:
        """Write what has become of this camera into the configuration, and tell."""
        self.configure()
        self.reload(kiln)

    def unread_since(self, at: float) -> float:
        """Return since when what was sent may still be unread at that time."""
        begin, end = self.stood_still
        return begin if begin <= at <= end + 2 * self.speed else at - BUSY * self.speed

    def end(self, number: signal.Signals) -> int:
        """End the service with a signal; return its exit code."""
        with self.configuring, self.ledger.held_up():
            began = time.monotonic()
            code = self.service.end(number)
            self.ledger.blind(self.unread_since(began), time.monotonic() + BUSY * self.speed, number.name)
            if self.unwritten[0] < began < self.unwritten[1] and number == signal.SIGKILL:
                self.ledger.blind(self.unwritten[0], began, "killed while nothing could be written")
            return code

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        """Let there be no way to the broker for a while."""
        with self.ledger.held_up():
            self.link.shut()
            yield
            self.link.open()

    def restart_broker(self, frozen: float, away: float) -> None:
        """Let the broker stand still, kill it, and let it come back with nothing."""
        with self.ledger.held_up():
            self.broker.send_signal(signal.SIGSTOP)
            time.sleep(frozen)
            self.link.shut()  # until the watcher is back: it must be there first
            self.watcher.drain()
            self.watcher.forget()
            self.broker.end(signal.SIGKILL)
            time.sleep(away)
            self.broker.start()
            self.watcher.wait()
            self.link.open()

    def recovered(self) -> list[str]:
        """Return what is not well yet."""
        troubles = [f"{kiln.name} is {state}" for kiln in self.kilns if (state := self._state(kiln)) != "online"]
        troubles += [
            f"{camera}: {kind} is {level['active']}"
            for (camera, kind), level in list(self.watcher.levels.items())
            if level["active"] is not False and kind != "storage"  # it lasts until the next look
        ]
        troubles += [
            f"{marker.camera}: {marker.group} {marker.number} has not arrived" for marker in self.ledger.missing()
        ]
        return troubles

    def close(self) -> None:
        """End everything."""
        self.service.close()
        self.watcher.close()
        for kiln in self.kilns:
            kiln.simulator.close()
        self.link.close()
        self.broker.end()

    def _state(self, kiln: Kiln) -> str | None:
        return self.watcher.states.get(kiln.name)
