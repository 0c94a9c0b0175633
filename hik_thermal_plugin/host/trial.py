"""Commands that need no camera: demo and simulate. What they need beyond the host is imported when they run."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from nvr_hooks import NvrError, WrongUse

from .outcome import DONE, FAILED
from .session import Session


def demo(
    session: Session,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", min=0, help="End after so many seconds; else never.")
    ] = None,
) -> int:
    """Show it without a camera: two simulated cameras, a broker, and a fire within 15 seconds.

    Ends with 1 when its time is up and no fire has reached the broker.
    """
    _need("amqtt", "numpy", "PIL")
    from rich.console import Console

    from .demo import play
    from .screen import JsonLines, Lines, Screen

    audience: JsonLines | Lines | Screen
    if session.options.json:
        audience = JsonLines()
    elif sys.stdout.isatty():
        audience = Screen(Console())
    else:
        audience = Lines()
    with audience.shown():
        result = play(session.host, audience, seconds)
    audience.result(result)
    return DONE if result.fire or result.interrupted else FAILED


def simulate(
    session: Session,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="bispectrum, bullet or positioning; else the profile's, or bispectrum."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|DIR", help="Quirks of a device: a known profile, or a folder of answers."),
    ] = None,
    http_port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: any free one.")] = 0,
    https_port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help="With --cert and --key; else no HTTPS.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    rtsp_port: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=65535, help="Video and metadata; 0: any free one; else none.")
    ] = None,
    control_port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Steps and state; 0: any free one.")
    ] = 0,
    username: Annotated[str, typer.Option(metavar="U", help="User on the camera.")] = "admin",
    password_file: Annotated[
        Path | None, typer.Option(metavar="F", help="File with the user's password; else hik12345.")
    ] = None,
    lock_attempts: Annotated[
        int, typer.Option(metavar="N", min=1, help="Refused logins until the account is locked.")
    ] = 5,
    lock_seconds: Annotated[float, typer.Option(metavar="S", min=0, help="How long it stays locked.")] = 1800.0,
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="Steps with times, YAML or JSON.")] = None,
) -> None:
    """Be a thermal camera on 127.0.0.1: one ready line of JSON, then until SIGTERM or Ctrl-C."""
    _need("numpy", "PIL")
    from ..simulator import serve

    try:
        serve(
            model=model,
            profile=profile,
            http_port=http_port,
            https_port=https_port,
            cert=cert,
            key=key,
            rtsp_port=rtsp_port,
            control_port=control_port,
            username=username,
            password_file=password_file,
            lock_attempts=lock_attempts,
            lock_seconds=lock_seconds,
            scenario=scenario,
        )
    except ValueError as err:
        raise WrongUse(str(err)) from err
    except OSError as err:
        raise NvrError(f"the simulator did not start: {err.strerror or err}") from err


def _need(*packages: str) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        raise NvrError(f"this command needs {' and '.join(missing)}: pip install 'hik-thermal-plugin[demo]'")
