"""Temperatures computed from radiometric frames that the vendor's library brings: the last resort, as over ISAPI (hcnetsdk.md 7.8)."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

from nvr_hooks import CameraError, ConnectionChanged, Event, Unsupported

from ..transport import CameraTransport, Compute
from .alarm_stream import Counters
from .pictures import SdkPictures

RULES_AGAIN = 60.0
"""Seconds after which the outlines of the rules are read again."""
_TIMEOUT = 10.0


class SdkFrameReadings:
    """The source `frame` (worker.LiveSource). `rules` tells the rules' outlines; without any the whole picture is one reading."""

    def __init__(
        self,
        pictures: SdkPictures,
        rules: CameraTransport,
        camera: str,
        channel: int,
        interval: float,
        compute: Compute,
    ) -> None:
        self._pictures = pictures
        self._rules = rules
        self._camera = camera
        self._channel = channel
        self._interval = interval
        self._compute = compute
        self._ended = threading.Event()
        self._regions: Mapping[int, Mapping[str, object]] = {}
        self._read_at: float | None = None
        self.counters = Counters()

    def events(self) -> Generator[Event, None, None]:
        """Yield ConnectionChanged("online") with the first frame, then a TemperatureReading per rule and frame; end after interrupt()."""
        online = False
        while not self._ended.is_set():
            self._look_at_rules()
            frame = self._pictures.frame(self._channel, time.monotonic() + _TIMEOUT + self._interval)
            readings = self._compute(frame, self._regions)
            self.counters.documents += 1
            self.counters.bytes += frame.matrix.nbytes
            self.counters.last_byte_at = datetime.now(UTC)
            if not online:
                online = True
                yield ConnectionChanged(camera=self._camera, source="frame", state="online")
            yield from readings
            self._ended.wait(self._interval)

    def interrupt(self) -> None:
        """End events() from any thread; also before it began."""
        self._ended.set()

    def _look_at_rules(self) -> None:
        at = time.monotonic()
        if self._read_at is not None and at - self._read_at < RULES_AGAIN:
            return
        self._read_at = at
        try:
            found = self._rules.rules(self._channel, at + _TIMEOUT).get("regions")
        except (Unsupported, CameraError):
            return
        if isinstance(found, dict):
            self._regions = {
                number: region
                for number, region in found.items()
                if isinstance(region, dict) and region.get("enabled") is not False
            }
