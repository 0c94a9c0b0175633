"""The device behind a camera with its present settings: how it is talked to, and what is known of it. New settings, new device."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from nvr_hooks import (
    CameraInfo,
    Capability,
    ChannelInfo,
    ConnectionState,
    Source,
    Transport,
    Unreachable,
    Unsupported,
    now,
)

from .access import budget_of, client_of
from .config import CameraSettings
from .isapi.client import IsapiClient
from .isapi.device import IsapiDevice
from .login import LoginBudget
from .transport import CameraTransport, DeviceClock, Identity, TemperatureSource
from .transports import Transports
from .wire.urls import STREAMS

_SERVED: frozenset[Capability] = frozenset(
    {
        *("alarms", "snapshot", "live", "thermal_frame", "manual_thermometry", "rules"),
        *("search", "download", "playback", "storage"),
    }
)
"""Capabilities that something here makes use of; others of the device are shown as there but unserved."""
_SHOWN_AS: Mapping[TemperatureSource, Capability] = {
    "realtime": "realtime_thermometry",
    "metadata": "metadata",
    "poll": "thermometry_polling",
    "frame": "thermal_frame",
}
_PRIVATE_PORT = 8000
_log = logging.getLogger(__name__)
_FRESH_FOR = 5.0
"""Seconds without a reading after which a source of temperatures gets the next beside it; more where its own rhythm is slower."""


class Device:
    """Thread-safe. `identity` is what is known now, without asking."""

    def __init__(
        self, name: str, settings: CameraSettings, state_dir: Path, renewed: Callable[[], bool] = lambda: False
    ) -> None:
        """`renewed`: login.LoginBudget."""
        self.name = name
        self.settings = settings
        self.state_dir = state_dir
        self.identity = Identity()
        self._asked_clock, self.told_clock = DeviceClock(), DeviceClock()
        self.transport: CameraTransport = self._made(renewed)
        self._learning = threading.Lock()
        self._lock = threading.Lock()
        self._offers: dict[TemperatureSource, bool] = {}
        self.facts: Mapping[str, str] = {}
        """What the last diagnosis has seen, for people."""

    def info(self, state: ConnectionState) -> CameraInfo:
        """Return what is known now; `state` is that of its alarms."""
        settings, identity = self.settings, self.identity
        return CameraInfo(
            name=self.name,
            url=settings.url,
            manufacturer=identity.manufacturer,
            model=identity.model,
            serial=identity.serial,
            firmware=identity.firmware,
            mac=identity.mac,
            device_name=identity.device_name,
            channels=identity.channels,
            thermal_channel=self.thermal_channel,
            thermal_evidence="configured" if settings.data_channel else identity.thermal_evidence,
            capabilities=self.capabilities(),
            state=state,
            reporting=settings.temperature.reporting,
            zone=identity.zone,
            facts=self.facts,
        )

    @property
    def thermal_channel(self) -> int | None:
        """The thermal channel: the configured one, else the one the device has told."""
        return self.settings.data_channel or self.identity.thermal_channel

    @property
    def clock_ahead(self) -> timedelta | None:
        """How much the device's clock is ahead of ours, as it answered when it was asked last."""
        return self._asked_clock.ahead

    @property
    def alarms_ahead(self) -> timedelta | None:
        """How much the times of its alarms are ahead of ours: by its last heartbeat, else as it answered when it was asked last."""
        told = self.told_clock.ahead
        return self.clock_ahead if told is None else told

    @property
    def fresh_for(self) -> Mapping[TemperatureSource, float]:
        """The sources of temperatures to use, best first, and for how many seconds a reading of each counts as fresh."""
        slow = 2.5 * self.settings.temperature.poll_interval
        rhythm: dict[TemperatureSource, float] = {
            "realtime": 0.0,
            "metadata": 0.0,
            "poll": slow,
            "frame": max(slow, 2.5 * self.settings.temperature.frame_interval),
        }
        return {source: max(_FRESH_FOR, rhythm[source]) for source in self.settings.temperature_sources}

    @property
    def measures_points(self) -> bool:
        """Whether it may be asked to measure at a point itself: where it does not tell, it is tried."""
        return "manual_thermometry" in (self.identity.capabilities or {"manual_thermometry"})

    def capabilities(self) -> Mapping[str, str | None] | None:
        """Return what the device says it can do, corrected by what it has shown, with the transport that serves it here or None."""
        if self.identity.capabilities is None:
            return None
        with self._lock:
            shown = {_SHOWN_AS[source]: yes for source, yes in self._offers.items()}
        there = {name for name in self.identity.capabilities if shown.get(name, True)}
        there |= {name for name, yes in shown.items() if yes}
        if "thermal_frame" in there:
            there.add("manual_thermometry")  # at any point of a frame
        used = {_SHOWN_AS[source] for source in ("realtime", "poll") if source in self.settings.temperature_sources}
        if self.settings.metadata_use != "unused":
            used.add("metadata")
        return {name: self.transport.serves(name) if name in _SERVED | used else None for name in sorted(there)}

    def offers(self, source: TemperatureSource, yes: bool) -> bool:
        """Note that the device has shown to have a source of temperatures, or not to; return whether that is news."""
        with self._lock:
            news = self._offers.get(source) != yes
            self._offers[source] = yes
            return news

    def learn(self, deadline: float, *, anew: bool = True) -> Identity:
        """Ask the device who it is; one thread at a time. Not `anew`: only when nobody has."""
        if not self._learning.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Unreachable(f"{self.name}: still being asked who it is", camera=self.name)
        try:
            if anew or self.identity.channels is None:
                self.identity = self.transport.identify(deadline)
                if (ahead := self.identity.clock_ahead) is not None:
                    self._asked_clock.show(now() + ahead)
            return self.identity
        finally:
            self._learning.release()

    def channel(self, channel: int | None, deadline: float) -> int:
        """Return the channel that is meant, by default the thermal one; raise Unsupported for one that the device does not have."""
        identity = self.identity
        if identity.channels is None:
            identity = self.learn(deadline, anew=False)
        number = channel or self.thermal_channel
        if number is None:
            raise Unsupported(
                f"{self.name}: which channel is thermal is not known ({identity.thermal_evidence}); "
                "name a channel, or set data_channel",
                camera=self.name,
            )
        known = {found.id: found for found in identity.channels or ()}
        if known and number not in known:
            raise Unsupported(f"{self.name}: has no channel {number}; it has {_listed(known)}", camera=self.name)
        return number

    def stream(self, channel: int | None, profile: str, deadline: float) -> tuple[int, ChannelInfo | None]:
        """Return the channel's number and what is known of it; raise Unsupported for a profile that it does not have."""
        number = self.channel(channel, deadline)
        found = {found.id: found for found in self.identity.channels or ()}.get(number)
        there = [stream.profile for stream in found.streams] if found is not None else []
        if there and profile in STREAMS and profile not in there:
            raise Unsupported(
                f"{self.name}: channel {number} has no {profile} stream; it has {', '.join(there)}", camera=self.name
            )
        return number, found

    @property
    def alarm_source(self) -> Source:
        """What the source of alarms is called."""
        return "sdk" if self.transport.serves("alarms") == "sdk" else "alert_stream"

    def deadline(self, times: int = 1) -> float:
        """Return until when, by time.monotonic(), something that begins now may take."""
        return time.monotonic() + self.settings.timeout * times

    def _made(self, renewed: Callable[[], bool]) -> CameraTransport:
        """Make the transports that are configured; all of them log in within one budget."""
        settings, name = self.settings, self.name
        budget = budget_of(settings, self.state_dir, renewed)
        wanted = settings.all_transports
        made: dict[Transport, CameraTransport] = {}
        if "sdk" in wanted:
            made["sdk"] = self._sdk(budget)
        if "isapi" in wanted:
            made["isapi"] = self._isapi(client_of(name, settings, budget))
        return made[wanted[0]] if len(made) == 1 else Transports(name, made, self._order())

    def _order(self) -> Callable[[str], Sequence[Transport]]:
        """Return what tells the transports for a capability; a library that is not there leaves its turn to the others."""
        from .sdk.library import missing

        if (problem := missing(self.settings.sdk.path, self.name)) is None:
            return self.settings.transports
        _log.warning("%s; its other transports are used", problem)

        def order(capability: str) -> Sequence[Transport]:
            listed = self.settings.transports(capability)
            return tuple(name for name in listed if name != "sdk") or listed

        return order

    def _isapi(self, client: IsapiClient) -> IsapiDevice:
        settings = self.settings
        return IsapiDevice(
            self.name,
            client,
            rtsp_port=settings.rtsp_port,
            config_channel=settings.config_channel,
            data_channel=settings.data_channel,
            poll_interval=settings.temperature.poll_interval,
            frame_interval=settings.temperature.frame_interval,
            enable_metadata=settings.metadata.enable,
            clock=self.told_clock,
        )

    def _sdk(self, budget: LoginBudget) -> CameraTransport:
        from .pass_through import PassThroughClient
        from .sdk.device import SdkDevice
        from .sdk.session import Access, SdkSession

        settings, sdk = self.settings, self.settings.sdk
        parts = urlsplit(settings.url)
        over_http = parts.port or (443 if parts.scheme == "https" else 80)
        access = Access(
            path=sdk.path,
            host=parts.hostname or "",
            port=sdk.port or (over_http if sdk.login == "isapi" else _PRIVATE_PORT),
            username=settings.username,
            password=settings.password.reveal(),
            mode=sdk.login,
            tls=(sdk.login == "isapi" and parts.scheme == "https") if sdk.tls is None else sdk.tls,
            timeout=settings.timeout,
        )
        session = SdkSession(self.name, access, budget)
        documents = self._isapi(PassThroughClient(session, settings.url, budget))
        return SdkDevice(
            session,
            documents,
            zone=lambda: self.identity.zone,
            window=sdk.window,
            poll_interval=settings.temperature.poll_interval,
            frame_interval=settings.temperature.frame_interval,
        )


def _listed(known: Mapping[int, ChannelInfo]) -> str:
    return ", ".join(f"{number} (thermal)" if found.thermal else str(number) for number, found in known.items())
