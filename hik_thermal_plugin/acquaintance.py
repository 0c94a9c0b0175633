"""Who a camera is: learnt whenever it is connected, on a thread of its own, and held against who it was before."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nvr_hooks import CameraError

from .device import Device
from .transport import Identity

_log = logging.getLogger(__name__)


class Acquaintance:
    """Asks the device who it is. Thread-safe; an alarm does not wait for it.

    `device` returns the present device. `told` is called when it has answered; `exchanged`, before that, when it is another one than it
    was, with the device that asked.
    """

    def __init__(
        self,
        camera: str,
        device: Callable[[], Device],
        *,
        told: Callable[[], object],
        exchanged: Callable[[Device], object],
    ) -> None:
        self._camera = camera
        self._device = device
        self._told = told
        self._exchanged = exchanged
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._known = Identity()

    def renew(self) -> None:
        """Ask soon; who asks already is enough."""
        with self._lock:
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._ask, name=f"{self._camera}-identify", daemon=True)
                self._thread.start()

    def interrupt(self) -> None:
        """Begin to end."""
        self._closed = True

    def close(self, timeout: float) -> None:
        """End; what asks has been interrupted."""
        self.interrupt()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _ask(self) -> None:
        device = self._device()
        try:
            identity = device.learn(device.deadline(3))
        except CameraError as err:
            if not self._closed and self._device() is device:
                _log.warning("%s: could not be asked who it is: %s", self._camera, err)
            return
        before, self._known = self._known, identity
        if another(before, identity):
            text = (
                "%s: another camera answers under this name: %s instead of %s; what was known of that one is forgotten"
            )
            _log.warning(text, self._camera, _named(identity), _named(before))
            if not self._closed:
                self._exchanged(device)
        self._told()


def another(before: Identity, present: Identity) -> bool:
    """Tell whether two answers came from two devices: by the serial number, or the model where one of them has told none."""
    if before.serial is not None and present.serial is not None:
        return before.serial != present.serial
    return None not in (before.model, present.model) and before.model != present.model


def _named(identity: Identity) -> str:
    return f"{identity.model or 'an unknown model'} ({identity.serial or 'no serial number'})"
