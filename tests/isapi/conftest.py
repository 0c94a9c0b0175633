"""A scripted device, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_device import ONLINE, Reader
from scripted_device import Live, ScriptedDevice

from hik_thermal_plugin.isapi.alert_stream import AlertStream
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.login import LoginBudget


@pytest.fixture
def device(secret: str) -> Iterator[ScriptedDevice]:
    """A device with user admin and the secret password."""
    device = ScriptedDevice(secret)
    yield device
    device.close()


@pytest.fixture
def budget_of(tmp_path: Path, secret: str) -> Callable[..., LoginBudget]:
    """Make login budgets of the device, as each process has one."""

    def make(password: str = secret, **options: Any) -> LoginBudget:
        return LoginBudget("admin@device", password, tmp_path / "state", **options)

    return make


@pytest.fixture
def client_of(
    device: ScriptedDevice, budget_of: Callable[..., LoginBudget], secret: str
) -> Iterator[Callable[..., IsapiClient]]:
    """Make clients of the device."""
    made: list[IsapiClient] = []

    def make(password: str = secret, budget: LoginBudget | None = None, url: str = "", **options: Any) -> IsapiClient:
        options.setdefault("timeout", 5.0)
        client = IsapiClient("kiln", url or device.url, "admin", password, budget or budget_of(password), **options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(client_of: Callable[..., IsapiClient]) -> IsapiClient:
    """A client with the right password."""
    return client_of()


@pytest.fixture
def read() -> Iterator[Callable[[AlertStream], Reader]]:
    readers: list[Reader] = []

    def start(source: AlertStream) -> Reader:
        readers.append(Reader(source))
        return readers[-1]

    yield start
    for reader in readers:
        reader.close()


@pytest.fixture
def armed(device: ScriptedDevice, client: IsapiClient, read: Callable[[AlertStream], Reader]) -> tuple[Reader, Live]:
    """A reader that is online, and the device's side of it."""
    reader = read(AlertStream(client))
    assert reader.next() == ONLINE
    return reader, device.streams[0]
