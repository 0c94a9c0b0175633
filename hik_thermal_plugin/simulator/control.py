"""The control port: `POST /steps` changes what happens to the camera, `GET /state` tells what it has seen.

It is the tester's door, not the device's: JSON, no login, 127.0.0.1 only, untouched by faults.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from .http import HttpConnection, Reply, Request
from .steps import StepError


class Control:
    """Answers the control port. `apply` takes raw steps and returns how many it applied, or raises StepError."""

    def __init__(self, apply: Callable[[object], int], state: Callable[[], dict[str, Any]]) -> None:
        self._apply = apply
        self._state = state
        self._connections: set[HttpConnection] = set()

    def connection(self) -> HttpConnection:
        """Make a connection for the port."""
        return HttpConnection(self._requested, self._connections.add, self._connections.discard)

    async def close(self) -> None:
        """Drop all connections; returns when they are gone."""
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)

    def _requested(self, connection: HttpConnection, request: Request) -> None:
        match request.method, request.path:
            case "GET", "/state":
                connection.answer(_reply(200, self._state()))
            case "POST", "/steps":
                connection.answer(self._steps(request.body))
            case _, "/state" | "/steps":
                connection.answer(_reply(405, {"error": "use GET /state or POST /steps"}))
            case _:
                connection.answer(_reply(404, {"error": "use GET /state or POST /steps"}))

    def _steps(self, body: bytes) -> Reply:
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError) as error:
            return _reply(400, {"error": f"not JSON: {error}"})
        try:
            return _reply(200, {"applied": self._apply(raw)})
        except StepError as error:
            return _reply(400, {"error": str(error)})


def _reply(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value).encode() + b"\n", "application/json")
