"""Listening mode of one camera from our side: where it is to push, and the slot in its list of hosts that says so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from nvr_hooks import ConnectionChanged, Event, Finding, NvrError, Unreachable, Unsupported, WrongUse

from .access import budget_of, client_of
from .config import CameraSettings, ListenerSettings
from .isapi.addresses import own_address
from .isapi.client import IsapiClient
from .isapi.findings import found
from .isapi.http_hosts import HostsChange, HttpHosts
from .isapi.listener import ListenerOptions
from .isapi.part_stream import Counters
from .isapi.push_source import push_path
from .wire.http_hosts import Destination, HostSlot

_log = logging.getLogger(__name__)


class Slots:
    """The list of hosts of one configured camera. Nothing is written to it but on request."""

    def __init__(self, name: str, camera: CameraSettings, listener: ListenerSettings, state_dir: Path) -> None:
        self._name = name
        self._camera = camera
        self._listener = listener
        self._state_dir = state_dir

    def read(self) -> tuple[tuple[HostSlot, ...], str | None]:
        """Return the slots, and the number of ours; raises Unsupported where the camera has no listening mode."""
        slots = self._slots()
        wanted = self.destination()
        return slots, next((slot.id for slot in slots if slot.leads_to(wanted)), None)

    def findings(self) -> Sequence[Finding]:
        """Look whether a camera that is listened for has been told to push."""
        try:
            path = push_path(self._state_dir, self._name)
            if any(slot.path == path for slot in self._slots()):
                return ()
            finding = found(self._name, "push_not_set_up", "sources lists push, and none of the camera's hosts is ours")
        except Unsupported as error:
            finding = found(self._name, "push_unsupported", f"sources lists push, but {error}")
        except NvrError as error:  # other findings tell why nothing can be asked
            _log.info("%s", error)
            return ()
        alone = "alert_stream" not in self._camera.sources
        return (replace(finding, severity="error") if alone else finding,)

    def set_up(self, *, dry_run: bool) -> HostsChange:
        """Let the camera push to the listener; only a slot that is free, or ours already, is written."""
        if self._listener.bind is None:
            raise WrongUse("hik_thermal.listener.bind is not set: nobody would take what the camera sends")
        if "push" not in self._camera.sources:
            raise WrongUse(f"{self._name}: its sources do not list push: what it sends would be refused")
        client = self._client()
        try:
            return HttpHosts(client).set_up(self.destination(), dry_run=dry_run, deadline=self._deadline(client))
        finally:
            client.close()

    def remove(self, *, dry_run: bool) -> HostsChange:
        """Free the slot that is ours."""
        client = self._client()
        try:
            return HttpHosts(client).remove(self.destination(), dry_run=dry_run, deadline=self._deadline(client))
        finally:
            client.close()

    def destination(self) -> Destination:
        """Return where the camera is to push; raises Unreachable where no way leads to it."""
        told = urlsplit(f"//{self._listener.address or ''}")
        host = told.hostname or self._on_the_way()
        return Destination(
            host=host,
            port=told.port or self._listener.port,
            path=push_path(self._state_dir, self._name),
            secure=self._listener.tls is not None,
        )

    def _slots(self) -> tuple[HostSlot, ...]:
        client = self._client()
        try:
            return HttpHosts(client).slots(client.deadline())
        finally:
            client.close()

    def _on_the_way(self) -> str:
        bind = self._listener.bind
        if bind is not None and not ip_address(bind).is_unspecified:
            return bind
        camera = urlsplit(self._camera.url)
        try:
            return own_address(camera.hostname or "", camera.port or 80)
        except OSError as error:
            raise Unreachable(
                f"{self._name}: no way leads to it: {error.strerror or error}", camera=self._name
            ) from error

    def _client(self) -> IsapiClient:
        """Return a way to the camera, whatever its other transports are: listening mode is ISAPI's."""
        return client_of(self._name, self._camera, budget_of(self._camera, self._state_dir))

    def _deadline(self, client: IsapiClient) -> float:
        return client.deadline() + 2 * client.timeout  # reading, writing, reading back


class Unarmed:
    """Stands where the alarm stream would, when the owner wants alarms over push alone (worker.LiveSource)."""

    def __init__(self, camera: str) -> None:
        self.counters = Counters()
        self._camera = camera
        self._ended = threading.Event()

    def events(self) -> Generator[Event, None, None]:
        """Say why it is silent, and wait."""
        yield ConnectionChanged(
            camera=self._camera, state="starting", reason="not armed: sources does not list alert_stream"
        )
        self._ended.wait()

    def interrupt(self) -> None:
        """End events()."""
        self._ended.set()


def listener_options(settings: ListenerSettings) -> ListenerOptions | None:
    """Return the options of the site's listener; None: it is off."""
    if settings.bind is None:
        return None
    tls = settings.tls
    files = [file for file in (tls.cert, tls.key) if file is not None] if tls is not None else []
    return ListenerOptions(
        bind=settings.bind,
        port=settings.port,
        allow=settings.allow,
        certificate=None if tls is None else tls.cert,
        key=None if tls is None else tls.key,
        minimum="1.2" if tls is None else tls.minimum,
        changed_at=tuple(file.stat().st_mtime_ns for file in files if file.exists()),
    )
