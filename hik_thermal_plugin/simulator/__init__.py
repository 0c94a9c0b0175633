"""A Hikvision thermal camera in software: HTTP and RTSP, one thermal scene, alarms, and the bad days of real devices.

    with Simulator(model="bispectrum") as camera:
        camera.apply([{"fire": {"x": 0.5, "y": 0.5, "celsius": 350}}])

It is a device, so it shares no code with the driver, and needs numpy, Pillow and PyYAML only, PyAV for video.
The names below are imported when first used: pytest loads this package at its start for the `hik_simulator` fixture.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import MODELS, Model
    from .profiles import PROFILES, Profile
    from .program import serve
    from .recordings import Stored
    from .simulator import DEFAULT_PASSWORD, Simulator
    from .steps import StepError

__all__ = ["DEFAULT_PASSWORD", "MODELS", "PROFILES", "Model", "Profile", "Simulator", "StepError", "Stored", "serve"]

_HOMES = {
    "DEFAULT_PASSWORD": "simulator",
    "MODELS": "models",
    "Model": "models",
    "PROFILES": "profiles",
    "Profile": "profiles",
    "Simulator": "simulator",
    "StepError": "steps",
    "Stored": "recordings",
    "serve": "program",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
