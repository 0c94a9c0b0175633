"""One camera: who it is, which transport serves which feature, and the live sources its subscribers share."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from nvr_hooks import (
    CameraChanged,
    CameraError,
    CameraInfo,
    ChannelInfo,
    ConnectionChanged,
    Event,
    Finding,
    Health,
    Sink,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    Subscription,
    Unreachable,
    Unsupported,
    WrongUse,
)

from .config import CameraSettings
from .isapi.client import IsapiClient
from .isapi.device import IsapiDevice
from .isapi.findings import finding_of
from .isapi.tls import Tls
from .login import LoginBudget
from .merge import LifeCycles
from .transport import CameraTransport, Identity
from .wire.urls import STREAMS
from .worker import Deliveries, LiveSource, SharedStream

_log = logging.getLogger(__name__)
_SERVED = frozenset({"alarms", "snapshot", "live"})
"""Capabilities that something here makes use of; others of the device are shown as there but unserved."""


class Camera:
    """One configured camera. Thread-safe; connects when somebody listens or asks."""

    def __init__(self, name: str, settings: CameraSettings, state_dir: Path, deliveries: Deliveries) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._learning = threading.Lock()
        self._learner: threading.Thread | None = None
        self._closed = False
        self._deliveries = deliveries
        self._identity = Identity()
        self._state_dir = state_dir
        self._settings = settings
        self._transport: CameraTransport = _transport(name, settings, state_dir)
        self._cycles = LifeCycles()
        self._alarms = self._stream()

    @property
    def info(self) -> CameraInfo:
        """Return what is known now, without asking the device."""
        identity = self._identity
        return CameraInfo(
            name=self.name,
            url=self._settings.url,
            manufacturer=identity.manufacturer,
            model=identity.model,
            serial=identity.serial,
            firmware=identity.firmware,
            mac=identity.mac,
            device_name=identity.device_name,
            channels=identity.channels,
            thermal_channel=self._settings.data_channel or identity.thermal_channel,
            thermal_evidence="configured" if self._settings.data_channel else identity.thermal_evidence,
            capabilities=_served(identity, self._transport),
            state=self._alarms.connection.state,
        )

    def configure(self, settings: CameraSettings, state_dir: Path) -> None:
        """Take other settings: the same ones change nothing, others reconnect under the same subscriptions."""
        with self._lock:
            if (settings, state_dir) == (self._settings, self._state_dir):
                return
            old, self._settings, self._state_dir = self._transport, settings, state_dir
            self._transport = _transport(self.name, settings, state_dir)
            self._identity = Identity()
        self._alarms.reopen()
        old.interrupt()
        old.close()

    def identify(self) -> CameraInfo:
        """Ask the device who it is and return all that is known then; raises what kept it from answering."""
        self._learn(self._deadline())
        return self.info

    def listen(self, sink: Sink) -> Subscription:
        """Deliver alarms, pictures, connection and camera changes to the sink until closed."""
        return self._alarms.subscribe(sink)

    def snapshot(self, channel: int | None, options: SnapshotOptions) -> Snapshot:
        """Take one JPEG over the picture URL of the channel's main stream (isapi.md 3)."""
        for wanted, what in (
            (options.source == "stream", "a picture from the live stream"),
            (options.format != "jpeg", f"pictures as {options.format}"),
            (options.overlay, "drawing on a picture"),
        ):
            if wanted:
                raise Unsupported(f"{self.name}: {what}: not built yet", camera=self.name)
        deadline = self._deadline()
        number, found = self._channel(channel, "main", deadline)
        stream = next((stream.id for stream in (found.streams if found else ()) if stream.profile == "main"), None)
        data, at = self._transport.snapshot(number, stream or number * 100 + 1, deadline)
        return Snapshot(camera=self.name, channel=number, data=data, taken_at=at)

    def stream_url(self, channel: int | None, profile: str) -> StreamUrl:
        """Return the RTSP address of a profile: main, sub, third, or a name that is handed on to the device."""
        if not profile:
            raise WrongUse("the profile has no name: main, sub, third, or one the camera knows")
        number, _ = self._channel(channel, profile, self._deadline())
        return self._transport.stream_url(number, profile)

    def health(self) -> Sequence[Health]:
        """Return how each source is doing."""
        return (self._alarms.health(),)

    def diagnose(self) -> Sequence[Finding]:
        """Ask the device who it is and what keeps its alarms from being sent; what keeps it from answering is a finding too."""
        deadline = self._deadline(3)
        try:
            identity = self._learn(deadline)
            return self._transport.findings(identity, deadline)
        except CameraError as err:
            return (finding_of(self.name, err),)

    def remove(self) -> None:
        """End for good: subscribers get ConnectionChanged(removed)."""
        self._alarms.close(removed=True)
        self.close()

    def interrupt(self) -> None:
        """Let everything that waits for the device come back; `close()` does the rest."""
        self._closed = True
        self._alarms.interrupt()
        self._transport.interrupt()

    def close(self) -> None:
        """End all connections and threads."""
        self.interrupt()
        self._alarms.close()
        if (learner := self._learner) is not None and learner is not threading.current_thread():
            learner.join(self._settings.timeout)
        self._transport.close()

    def _stream(self) -> SharedStream:
        return SharedStream(
            self._arm,
            camera=self.name,
            source="alert_stream",
            deliveries=self._deliveries,
            through=self._through,
            retry_seconds=self._settings.auth_retry,
        )

    def _arm(self) -> LiveSource:
        with self._lock:
            return self._transport.alarms(lambda: self._identity.zone)

    def _through(self, event: Event) -> Event:
        if isinstance(event, ConnectionChanged) and event.state == "online":
            self._learn_later()
        return self._cycles.place(event)

    def _learn_later(self) -> None:
        """Learn on a thread of its own: an alarm must not wait for who the camera is."""
        with self._lock:
            if self._closed or (self._learner is not None and self._learner.is_alive()):
                return
            self._learner = threading.Thread(target=self._learn_and_tell, name=f"{self.name}-identify", daemon=True)
            self._learner.start()

    def _learn_and_tell(self) -> None:
        try:
            self._learn(self._deadline(3))
        except CameraError as err:
            _log.warning("%s: could not be asked who it is: %s", self.name, err)
            return
        self._alarms.tell(CameraChanged(camera=self.name, info=self.info))

    def _learn(self, deadline: float) -> Identity:
        """Ask the device who it is; one thread at a time."""
        if not self._learning.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Unreachable(f"{self.name}: still being asked who it is", camera=self.name)
        try:
            transport = self._transport
            identity = transport.identify(deadline)
            with self._lock:
                if transport is self._transport:
                    self._identity = identity
            return identity
        finally:
            self._learning.release()

    def _channel(self, channel: int | None, profile: str, deadline: float) -> tuple[int, ChannelInfo | None]:
        """Return the channel's number and what is known of it; raise Unsupported for one, or a profile, that the device does not have."""
        identity = self._identity
        if identity.channels is None:
            identity = self._learn(deadline)
        number = channel or self._settings.data_channel or identity.thermal_channel
        if number is None:
            raise Unsupported(
                f"{self.name}: which channel is thermal is not known ({identity.thermal_evidence}); "
                "name a channel, or set data_channel",
                camera=self.name,
            )
        known = {found.id: found for found in identity.channels or ()}
        if known and number not in known:
            raise Unsupported(f"{self.name}: has no channel {number}; it has {_listed(known)}", camera=self.name)
        found = known.get(number)
        there = [stream.profile for stream in found.streams] if found is not None else []
        if there and profile in STREAMS and profile not in there:
            raise Unsupported(
                f"{self.name}: channel {number} has no {profile} stream; it has {', '.join(there)}", camera=self.name
            )
        return number, found

    def _deadline(self, times: int = 1) -> float:
        return time.monotonic() + self._settings.timeout * times


def _transport(name: str, settings: CameraSettings, state_dir: Path) -> CameraTransport:
    secret = settings.password.reveal()
    budget = LoginBudget(
        f"{settings.username}@{settings.url}", secret, state_dir, auth_retry_seconds=settings.auth_retry
    )
    tls = Tls(ca=settings.tls.ca, fingerprint=settings.tls.fingerprint, verify=settings.tls.verify)
    client = IsapiClient(name, settings.url, settings.username, secret, budget, timeout=settings.timeout, tls=tls)
    return IsapiDevice(name, client, rtsp_port=settings.rtsp_port)


def _served(identity: Identity, transport: CameraTransport) -> Mapping[str, str | None] | None:
    if identity.capabilities is None:
        return None
    return {name: transport.name if name in _SERVED else None for name in sorted(identity.capabilities)}


def _listed(known: Mapping[int, ChannelInfo]) -> str:
    return ", ".join(f"{number} (thermal)" if found.thermal else str(number) for number, found in known.items())
