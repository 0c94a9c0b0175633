"""What the digits of a recording's times mean to a camera: UTC, or its own wall clock behind the same `Z` (isapi.md 5.2)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from nvr_hooks import CameraError

from .device import Device

NEAR = timedelta(seconds=90)
"""A recording that ends so close to now is the one that is being written."""
AROUND = timedelta(minutes=10)
ASK_AGAIN = 600.0
"""Seconds until a camera that was not recording when it was asked is asked again."""
_log = logging.getLogger(__name__)


class RecordingTime:
    """Thread-safe. `device` returns the camera's present device: other settings begin anew."""

    def __init__(self, name: str, device: Callable[[], Device]) -> None:
        self._name = name
        self._device = device
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._found: tuple[Device, bool | None, float] | None = None
        self._told: set[tuple[Device, str]] = set()

    def zone(self, *, track: int | None = None) -> tzinfo | None:
        """Return the zone whose wall clock the camera means by recorded times, None for UTC.

        With `track` a camera whose setting is auto is asked, which costs two searches, once; without it only what is known counts.
        """
        device = self._device()
        match device.settings.recording_time:
            case "auto" if device.transport.serves("search") == "sdk":
                return self._own(device)  # the vendor's library has wall clock times only
            case "utc":
                return None
            case "local":
                return self._own(device)
            case _:
                local = self._known(device)
                if local is None and track is not None:
                    local = self._find_out(device, track)
                if local is None:
                    self._tell(
                        device,
                        "recording_time is auto and not found out: times of recordings are taken for UTC; "
                        "set recording_time to local for a recorder that takes them for its own time",
                    )
                return self._own(device) if local else None

    def _own(self, device: Device) -> tzinfo | None:
        if device.identity.zone is None:
            device.learn(device.deadline(), anew=device.identity.channels is None)
        if device.identity.zone is None:
            self._tell(device, "its time zone is not known: times of recordings are taken for UTC")
        return device.identity.zone

    def _known(self, device: Device) -> bool | None:
        with self._lock:
            found = self._found
        return found[1] if found is not None and found[0] is device else None

    def _find_out(self, device: Device, track: int) -> bool | None:
        """Look which way of asking finds the recording that is being written now; None where it is neither or both."""
        with self._asking:
            with self._lock:
                found = self._found
            if found is not None and found[0] is device and (found[1] is not None or time.monotonic() < found[2]):
                return found[1]
            zone = self._own(device)
            now = datetime.now(UTC) + (device.clock_ahead or timedelta())
            local: bool | None
            if zone is None:
                return None
            if not now.astimezone(zone).utcoffset():
                local = None  # both mean the same today
            else:
                try:
                    ways = [self._ends_now(device, track, now, way) for way in (None, zone)]
                except CameraError as error:
                    _log.debug("%s: how it takes times of recordings could not be found out: %s", self._name, error)
                    return None  # the search that is wanted tells what is wrong
                local = {(True, False): False, (False, True): True}.get((ways[0], ways[1]))
            with self._lock:
                self._found = (device, local, time.monotonic() + ASK_AGAIN)
        if local is not None:
            word = f"its own time ({_offset(now, zone)})" if local else "UTC"
            self._tell(device, f"recording_time is auto: it was asked, and takes times of recordings for {word}")
        return local

    def _ends_now(self, device: Device, track: int, now: datetime, zone: tzinfo | None) -> bool:
        """Tell whether the last recording around now ends now; one that goes on into the future is of another hour."""
        ends = [file.end for file in device.transport.recordings(track, now - AROUND, now + AROUND, zone)]
        return bool(ends) and abs(max(ends) - now) <= NEAR

    def _tell(self, device: Device, text: str) -> None:
        with self._lock:
            self._told = {(known, word) for known, word in self._told if known is device}
            if (device, text) in self._told:
                return
            self._told.add((device, text))
        _log.info("%s: %s", self._name, text)


def _offset(now: datetime, zone: tzinfo) -> str:
    return f"{now.astimezone(zone):%z}"
