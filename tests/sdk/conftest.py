"""The stand-in for the vendor's library: built once per process, reset for each test, and held to its own bookkeeping afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sdk_camera import SdkCamera
from standin_library import StandIn, build

from hik_thermal_plugin.login import LoginBudget
from hik_thermal_plugin.sdk.session import Access, SdkSession

FLAGS = "HIK_THERMAL_STANDIN_FLAGS"
"""Further flags of the compiler: test_sdk_sanitizers.py runs the suite once more with the address sanitizer."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the compiled stand-in."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    return build(tmp_path_factory.mktemp("hcnetsdk"), *os.environ.get(FLAGS, "").split())


@pytest.fixture
def standin(built: Path, secret: str) -> Iterator[StandIn]:
    """Return the stand-in as a device nobody has talked to; fail a test that leaves a login, a handle or the library in use."""
    found = StandIn(built)
    found.reset(password=secret)
    yield found
    assert found.live == 0, "handles or logins were left open"
    assert found.references == 0, "the library was left initialised"


@pytest.fixture
def session(standin: StandIn, secret: str, tmp_path: Path) -> Iterator[Callable[..., SdkSession]]:
    """Return `session(**changes of Access)`: sessions that are closed after the test."""
    made: list[SdkSession] = []

    def make(**changes: Any) -> SdkSession:
        values = {
            "path": standin.folder, "host": "192.0.2.7", "port": 8000, "username": "admin", "password": secret, "timeout": 5.0,
        } | changes  # fmt: skip
        budget = LoginBudget(f"admin@{values['host']}", str(values["password"]), tmp_path / "state")
        made.append(SdkSession("kiln", Access(**values), budget))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def camera(standin: StandIn, secret: str, tmp_path: Path) -> Iterator[Callable[..., SdkCamera]]:
    """Return `camera(**settings)`: a driver with one camera `kiln` over the stand-in, closed after the test."""
    made: list[SdkCamera] = []

    def make(**settings: Any) -> SdkCamera:
        made.append(SdkCamera(standin, secret, tmp_path, settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
