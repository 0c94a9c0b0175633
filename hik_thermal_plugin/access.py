"""What a configured camera is reached with over HTTP: login budget, TLS, client; the same for whatever asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .config import CameraSettings
from .isapi.client import IsapiClient
from .isapi.tls import Tls
from .login import LoginBudget


def budget_of(camera: CameraSettings, state_dir: Path, renewed: Callable[[], bool] = lambda: False) -> LoginBudget:
    """Return the login budget of the camera's user; over restarts, and between processes, it is one (login.LoginBudget)."""
    return LoginBudget(
        f"{camera.username}@{camera.url}",
        camera.password.reveal(),
        state_dir,
        auth_retry_seconds=camera.auth_retry,
        renewed=renewed,
    )


def client_of(name: str, camera: CameraSettings, budget: LoginBudget) -> IsapiClient:
    """Return a way to the camera over HTTP."""
    tls = camera.tls
    return IsapiClient(
        name,
        camera.url,
        camera.username,
        camera.password.reveal(),
        budget,
        timeout=camera.timeout,
        tls=Tls(ca=tls.ca, fingerprint=tls.fingerprint, verify=tls.verify, minimum=tls.minimum),
    )
