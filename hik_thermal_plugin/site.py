"""All configured cameras and what they share: sink threads, the listener that cameras push to, login budgets, state."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from nvr_hooks import CameraInfo
from nvr_hooks.places import state_dir
from nvr_hooks.secrets import Secret

from .camera import Camera
from .config import Settings, camera_settings
from .heard import FILE, HeardTimes
from .isapi.listener import Listener
from .listening import listener_options
from .worker import Deliveries


class Site:
    """One host's cameras."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        """The present ones."""
        self._listener = Listener()
        self._cameras: dict[str, Camera] = {}
        self._deliveries = Deliveries()
        self._lock = threading.Lock()
        self._heard: HeardTimes | None = None

    def configure(self, settings: Settings) -> None:
        """Make the cameras those of the settings: unchanged ones keep their connections, changed ones reconnect under the same
        subscriptions, removed ones end with ConnectionChanged(removed)."""
        self._listener.configure(listener_options(settings.driver.listener))
        with self._lock:
            self.settings = settings
            wanted = settings.driver.cameras
            removed = [self._cameras.pop(name) for name in list(self._cameras) if name not in wanted]
            for name, camera_settings in wanted.items():
                if name in self._cameras:
                    self._cameras[name].configure(camera_settings, settings.state_dir)
                else:
                    self._cameras[name] = Camera(
                        name, camera_settings, settings.state_dir, self._deliveries, self._listener
                    )
        for camera in removed:
            camera.remove()

    def remember(self) -> None:
        """This is a service, and no single command: keep when each camera was heard, and let them report what an earlier end has missed."""
        if self.settings is None or self._heard is not None:
            return
        self._heard = HeardTimes(
            self.settings.state_dir / FILE, lambda: {camera.name: camera.heard_at for camera in self.cameras()}
        )
        for name, at in self._heard.start().items():
            if (camera := self.camera(name)) is not None:
                camera.heard_before(at)

    def cameras(self) -> Sequence[Camera]:
        """Return the cameras in the order of the configuration."""
        with self._lock:
            return list(self._cameras.values())

    def camera(self, name: str) -> Camera | None:
        """Return the camera of that name, or None."""
        return self._cameras.get(name)

    def close(self) -> None:
        """End everything; the site can be configured again afterwards."""
        heard, self._heard = self._heard, None
        if heard is not None:
            heard.close()
        with self._lock:
            cameras = list(self._cameras.values())
            self._cameras.clear()
        for camera in cameras:
            camera.interrupt()
        for camera in cameras:
            camera.close()
        self._listener.close()
        self._deliveries.close()
        self._deliveries = Deliveries()


def probe(url: str, username: str, password: str, *, state: Path | None = None) -> CameraInfo:
    """Ask a device that is not configured who it is; the login budget is the one a configured camera at that address has.

    The fragment of `url` says whose certificate is trusted, in the words of the section `tls`: `#fingerprint=AB:CD…`.
    """
    address, _, trust = url.partition("#")
    tls = dict(parse_qsl(trust, keep_blank_values=True))
    settings = camera_settings({"url": address, "username": username, "password": Secret(password), "tls": tls})
    deliveries = Deliveries()
    camera = Camera(urlsplit(settings.url).netloc, settings, state_dir({}) if state is None else state, deliveries)
    try:
        return replace(camera.identify(), state="online")
    finally:
        camera.close()
        deliveries.close()
