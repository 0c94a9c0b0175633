"""Radiometric frames: GET …/thermometry/jpegPicWithAppendData, and the surface properties they are computed with (isapi.md 8.4).

A frame has up to megabytes and the camera's processor is small: one at a time, and no more often than `interval` says.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    MeasureOptions,
    ThermalFrame,
    Unreachable,
    Unsupported,
    now,
)

from ..wire.rules import edit_document, unit_of
from .channels import ThermalChannels
from .client import RETRY_SECONDS, IsapiClient
from .faults import Answer, fault_of, verdict_in
from .rules import DeviceRules, Fetched

PATH = "/ISAPI/Thermal/channels/{}/thermometry/jpegPicWithAppendData?format=json"
_NOT_SET_UP = 0x4000A01D
_OPTIONS = {"emissivity": "emissivity", "distance_m": "distance", "reflected_celsius": "reflected temperature"}
_log = logging.getLogger(__name__)


class Frames:
    """One camera's frames. Thread-safe. `interval`: seconds from one request to the next."""

    def __init__(self, client: IsapiClient, channels: ThermalChannels, rules: DeviceRules, interval: float) -> None:
        self._client = client
        self._camera = client.camera
        self._channels = channels
        self._rules = rules
        self._interval = interval
        self._lock = threading.Lock()
        self._next = 0.0
        self._last: tuple[float, ThermalFrame] | None = None

    def fetch(self, channel: int, deadline: float, *, wait: Callable[[float], bool] | None = None) -> ThermalFrame:
        """Return a new frame; raise Busy when its turn does not come before `deadline`, and DeviceError with what to set when the camera
        has no thermography parameters. `wait` waits for the turn and returns True when there is no use in going on."""
        with self._turn(deadline, wait or self._client.wait):
            self._last = None  # 1.3 MB: not both at a time
            frame = self._fetch(channel, deadline)
            self._last = (time.monotonic(), frame)
            return frame

    def recent(self, channel: int, deadline: float) -> ThermalFrame:
        """Return the frame before when it is younger than `interval`, else a new one."""
        with self._lock:
            last = self._last
        if last is not None and last[1].channel == channel and time.monotonic() - last[0] < self._interval:
            return last[1]
        return self.fetch(channel, deadline)

    def fetch_with(self, channel: int, options: MeasureOptions, deadline: float) -> ThermalFrame:
        """Return a frame computed with these surface properties: written into PixelToPixelParam, and put back afterwards.

        Raises Unsupported naming the option that the device does not take; then nothing was written.
        """
        named = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
        with self._rules.alone(deadline), self._client.conversation():
            before, changed = self._pixel_settings(channel, named, deadline)
            if changed == before.body:
                return self.fetch(channel, deadline)
            with self._turn(deadline, self._client.wait):
                try:
                    self._rules.put(before.path, changed, deadline)
                    return self._fetch(channel, deadline)
                finally:
                    self._put_back(before)

    def _pixel_settings(self, channel: int, named: dict[str, float], deadline: float) -> tuple[Fetched, bytes]:
        """Return the document there and the one wanted."""
        words = ", ".join(_OPTIONS[name] for name in named)
        try:
            before = self._rules.fetch("pixel_to_pixel", channel, deadline)
        except Unsupported as error:
            text = f"{self._camera}: takes no {words} with a measurement: {error}"
            raise Unsupported(text, camera=self._camera) from error
        try:
            unit = unit_of(self._rules.fetch("basic", channel, deadline).body)
        except Unsupported:
            unit = "celsius"
        document = before.body
        for name, value in named.items():
            try:
                wanted = {"pixel_to_pixel": {name: value}}
                document = edit_document("pixel_to_pixel", document, wanted, unit=unit, camera=self._camera).document
            except Unsupported as error:
                text = f"{self._camera}: takes no {_OPTIONS[name]} with a measurement"
                raise Unsupported(text, camera=self._camera) from error
        return before, document

    def _put_back(self, before: Fetched) -> None:
        try:
            self._rules.put(before.path, before.body, time.monotonic() + self._client.timeout)
        except CameraError as error:
            text = f"{self._camera}: {before.path} could not be put back as it was before the measurement: {error}"
            _log.error("%s", text)
            raise DeviceError(text, camera=self._camera) from error

    @contextmanager
    def _turn(self, deadline: float, wait: Callable[[float], bool]) -> Iterator[None]:
        """Wait until the camera may be asked again."""
        busy = Busy(
            f"{self._camera}: a frame is asked for more often than every {self._interval:g} s (temperature.frame_interval)",
            camera=self._camera,
        )
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise busy
        try:
            left = self._next - time.monotonic()
            if left > 0 and self._next > deadline:
                raise busy
            if left > 0 and wait(left):
                raise Unreachable(f"{self._camera}: ended while a frame was waited for", camera=self._camera)
            self._next = time.monotonic() + self._interval
            yield
        finally:
            self._lock.release()

    def _fetch(self, channel: int, deadline: float) -> ThermalFrame:
        def question(number: int) -> ThermalFrame:
            return self._asked(channel, PATH.format(number), deadline)

        try:
            return self._channels.ask("data", "frame", channel, question)
        except (Busy, DeviceError) as error:
            late = time.monotonic() + RETRY_SECONDS > deadline
            if late or isinstance(error, _NotSetUp) or self._client.wait(RETRY_SECONDS):
                raise
            _log.debug("%s: asking again for a frame", error)
        return self._channels.ask("data", "frame", channel, question)

    def _asked(self, channel: int, path: str, deadline: float) -> ThermalFrame:
        from ..wire.matrix import decode_frame  # numpy: only for those who ask for frames

        at = now()
        what = f"GET {path}"
        answer = self._client.exchange("GET", path, timeout=self._client.left(path, deadline))
        if (fault := fault_of(self._camera, what, answer)) is not None:
            raise self._not_set_up(what, answer) or fault
        try:
            frame = decode_frame(answer.body)
        except BadAnswer as error:
            raise BadAnswer(f"{self._camera}: {what}: {error}", camera=self._camera, data=error.data) from error
        return ThermalFrame(
            camera=self._camera,
            channel=channel,
            width=frame.width,
            height=frame.height,
            matrix=frame.matrix,
            taken_at=at,
            frozen=frame.frozen,
            thermal_picture=frame.thermal_picture,
            visible_picture=frame.visible_picture,
        )

    def _not_set_up(self, what: str, answer: Answer) -> _NotSetUp | None:
        """Return the error of a camera whose thermography parameters are missing, with what to do about it; None for another one."""
        verdict = verdict_in(answer.body)
        word = "" if verdict is None else (verdict.sub_status or verdict.message or "").lower()
        if verdict is None or (word != "jpegpicwithappenddataerror" and verdict.error_code != _NOT_SET_UP):
            return None
        return _NotSetUp(
            f"{self._camera}: {what} answered {answer.status} ({verdict}): its PixelToPixelParam is not set for frames; "
            "write it once with `rules apply`, key pixel_to_pixel, for example {bytes_per_value: 4}",
            camera=self._camera,
        )


class _NotSetUp(DeviceError):
    """Asking again does not help."""
