"""The options every command takes, plugins' commands included, after the command's name."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from . import logs
from .outcome import settle
from .session import Options, Session, closing
from .settings import VARIABLE
from .signals import Interruptible

PANEL = "Options everywhere"
COMMON: dict[str, tuple[Any, object]] = {
    "config": (
        Annotated[
            Path | None,
            typer.Option(
                "-c", "--config", metavar="FILE", help=f"Configuration; else ${VARIABLE}, then ./config.yaml."
            ),
        ],
        None,
    ),
    "channel": (
        Annotated[
            str | None,
            typer.Option("--channel", metavar="N|thermal|visible", help="Channel of the camera; else the thermal one."),
        ],
        None,
    ),
    "json": (
        Annotated[bool, typer.Option("--json", help="One JSON value; one object a line where it streams.")],
        False,
    ),
    "timeout": (
        Annotated[
            float | None,
            typer.Option(
                "--timeout", metavar="SECONDS", min=0.1, help="Longest wait for a camera; else its own timeout."
            ),
        ],
        None,
    ),
    "verbose": (
        Annotated[
            int, typer.Option("-v", "--verbose", count=True, show_default=False, help="More log lines; -vv for all.")
        ],
        0,
    ),
}
"""Name -> (annotation for typer, default)."""
for _annotation, _ in COMMON.values():
    _annotation.__metadata__[0].rich_help_panel = PANEL


def with_common_options(
    callback: Callable[..., Any], session: Session, *, configured: bool = False, level: int = logging.WARNING
) -> Callable[..., None]:
    """Return the command as typer shall see it: with the common options, its errors as exit codes, its plugins closed at the end.

    A parameter annotated Session is filled in and hidden from typer. `configured` reads the configuration before: what plugins'
    commands expect. An option the command has itself under the same name stays its own.
    """
    signature = inspect.signature(callback, eval_str=True)
    injected = [name for name, parameter in signature.parameters.items() if parameter.annotation is Session]
    own = [parameter for name, parameter in signature.parameters.items() if name not in injected]
    taken = {name for parameter in own for name in (parameter.name, *_flags(parameter))}
    added = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in COMMON.items()
        if taken.isdisjoint((name, *annotation.__metadata__[0].param_decls, annotation.__metadata__[0].default))
    }

    @wraps(callback)
    def command(*args: Any, **kwargs: Any) -> None:
        common = {name: kwargs.pop(name) for name in added}
        session.options = _options(common)
        logs.show(_level(level, session.options.verbose))

        def act() -> int | None:
            with Interruptible(), closing(session):
                if configured:
                    session.configure()
                result = callback(*args, **kwargs, **dict.fromkeys(injected, session))
                return result if isinstance(result, int) else None

        raise typer.Exit(settle(act))

    command.__signature__ = signature.replace(parameters=[*own, *added.values()])  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added.values()]}
    return command


def _options(common: dict[str, Any]) -> Options:
    channel = common.get("channel")
    if isinstance(channel, str):
        common["channel"] = int(channel) if channel.isdecimal() and int(channel) > 0 else channel
        if isinstance(common["channel"], str) and channel not in ("thermal", "visible"):
            raise typer.BadParameter(
                f"expected a number from 1, thermal or visible, got {channel}", param_hint="--channel"
            )
    return Options(**common)


def _level(level: int, verbose: int) -> int:
    return max(level - 10 * verbose, logging.DEBUG)


def _flags(parameter: inspect.Parameter) -> list[str]:
    """Return the option names a plugin's command declares for a parameter, by annotation or by default value."""
    infos = [*getattr(parameter.annotation, "__metadata__", ()), parameter.default]
    decls = [info.param_decls or () for info in infos if hasattr(info, "param_decls")]
    first = [info.default for info in infos if hasattr(info, "param_decls") and isinstance(info.default, str)]
    return [name for names in (*decls, first) for name in names if name.startswith("-")]
