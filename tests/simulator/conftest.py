"""A simulated camera and a client that sees its very bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from raw_http import RawClient, Wire
from raw_rtsp import RtspClient

from hik_thermal_plugin.simulator import Simulator


@pytest.fixture
def camera(hik_simulator: Any) -> Callable[..., tuple[Simulator, RawClient]]:
    """Start a camera and a raw client for it."""

    def start(**options: Any) -> tuple[Simulator, RawClient]:
        simulator: Simulator = hik_simulator(**options)
        assert simulator.http is not None
        return simulator, RawClient(simulator.http, simulator.username, simulator.password)

    return start


@pytest.fixture
def armed(camera: Any) -> Iterator[Callable[..., tuple[Simulator, Wire]]]:
    """Start a camera and open its alert stream."""
    wires: list[Wire] = []

    def start(**options: Any) -> tuple[Simulator, Wire]:
        simulator, client = camera(**options)
        wires.append(client.stream())
        return simulator, wires[-1]

    yield start
    for wire in wires:
        wire.close()


@pytest.fixture
def rtsp(hik_simulator: Any) -> Iterator[Callable[..., tuple[Simulator, RtspClient]]]:
    """Start a camera and connect to its RTSP port."""
    clients: list[RtspClient] = []

    def start(**options: Any) -> tuple[Simulator, RtspClient]:
        simulator: Simulator = hik_simulator(rtsp_port=0, **options)
        clients.append(RtspClient(simulator))
        return simulator, clients[-1]

    yield start
    for client in clients:
        client.wire.close()
