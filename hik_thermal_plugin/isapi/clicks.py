"""The temperature at a point as the device measures it: PUT …/clickToThermometry/rules/<id> (isapi.md 8.5; guide 9.2).

Little is known of it: whether points count to 1 or to 1000, and whether the answer tells the temperature. Both are tried once per camera.
"""

from __future__ import annotations

import threading

from nvr_hooks import BadAnswer, DeviceError, Point, Unsupported

from ..wire.thermometry import click_request, decode_click
from .channels import ThermalChannels
from .client import IsapiClient

PATH = "/ISAPI/Thermal/channels/{}/clickToThermometry/rules/{}?format=json"
RULE = 1
_JSON = "application/json"


class Clicks:
    """One camera's click-to-thermometry. Thread-safe; one click at a time."""

    def __init__(self, client: IsapiClient, channels: ThermalChannels) -> None:
        self._client = client
        self._channels = channels
        self._lock = threading.Lock()
        self._thousandths: bool | None = None
        self._silent: set[int] = set()
        """Channels that do not answer with a temperature."""

    def celsius(self, channel: int, at: Point, deadline: float) -> float | None:
        """Return the temperature at a point (0…1 from the top left); None when the device measures no points, or keeps the result to itself.

        Raises what a request raises; until it has answered once, a refusal of both ways to count is None too.
        """
        with self._lock:
            if channel in self._silent:
                return None
            try:
                found = self._channels.ask("data", "click", channel, lambda number: self._click(number, at, deadline))
            except Unsupported:
                found = None
            if found is None:
                self._silent.add(channel)
            return found

    def _click(self, number: int, at: Point, deadline: float) -> float | None:
        path = PATH.format(number, RULE)
        for thousandths in (False, True) if self._thousandths is None else (self._thousandths,):
            body = click_request(at, thousandths=thousandths)
            try:
                answer = self._client.put(path, body, _JSON, deadline=deadline)
            except DeviceError:
                if self._thousandths is not None:
                    raise  # it has answered to this form before
                continue
            try:
                celsius = decode_click(answer.body, camera=self._client.camera).celsius
            except BadAnswer:
                return None
            self._thousandths = thousandths
            return celsius
        return None
