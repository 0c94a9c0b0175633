"""The command line `hik-thermal`: its own commands and those of the plugins, under one set of options and exit codes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from nvr_hooks.loading import Plugins, load_plugins
from typer.main import get_command

from . import archive, cameras, capturing, findings, logs, recording, running, service, thermometry, trial
from .options import with_common_options
from .outcome import DONE, FAILED, complain
from .session import Session

log = logging.getLogger(__name__)
PROGRAM = "hik-thermal"
EXIT_CODES = (
    "Exit codes: 0 done (also after Ctrl-C in a stream), 2 wrong use or configuration, 3 camera unreachable, "
    "4 login refused, 5 not supported by the camera, 1 anything else."
)
COMMANDS: dict[str, tuple[Callable[..., Any], int]] = {
    "demo": (trial.demo, logging.WARNING),
    "run": (running.run, logging.INFO),
    "check": (service.check, logging.WARNING),
    "doctor": (findings.doctor, logging.ERROR),
    "probe": (cameras.probe, logging.WARNING),
    "cameras": (cameras.cameras, logging.WARNING),
    "plugins": (service.plugins, logging.WARNING),
    "urls": (cameras.urls, logging.WARNING),
    "snapshot": (cameras.snapshot, logging.WARNING),
    "record": (recording.record, logging.WARNING),
    "search": (archive.search, logging.INFO),
    "download": (archive.download, logging.INFO),
    "watch": (cameras.watch, logging.WARNING),
    "measure": (thermometry.measure, logging.WARNING),
    "rules": (thermometry.rules, logging.WARNING),
    "decode": (service.decode, logging.WARNING),
    "capture": (capturing.capture, logging.WARNING),
    "simulate": (trial.simulate, logging.WARNING),
    "schema": (service.schema, logging.WARNING),
}
"""Name -> (function, level of its log lines without -v)."""


def run(arguments: Sequence[str] | None = None, plugins: Plugins | None = None) -> int:
    """Run one command; return its exit code. `plugins` replaces the installed ones."""
    return _run(arguments, plugins)[0]


def main() -> None:
    """Run the command of this process and end with its exit code, even when a plugin does not let go."""
    code, stuck = _run(None, None)
    if stuck:  # a thread of a plugin that did not close in time would keep the process for ever
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run(arguments: Sequence[str] | None, plugins: Plugins | None) -> tuple[int, list[str]]:
    with logs.to_stderr():
        session = Session(load_plugins() if plugins is None else plugins)
        try:
            command = get_command(application(session))
            command(args=None if arguments is None else list(arguments), prog_name=PROGRAM, obj=session)
        except SystemExit as end:
            return (end.code if isinstance(end.code, int) else FAILED), session.host.stuck
        except Exception as err:
            log.debug("the command failed", exc_info=True)
            complain(f"unexpected {type(err).__name__}: {err} (-vv shows where)")
            return FAILED, session.host.stuck
        return DONE, session.host.stuck


def application(session: Session) -> typer.Typer:
    """Build the command line: the host's commands, then those the plugins add."""
    app = typer.Typer(
        name=PROGRAM,
        help="Thermal cameras for a network video recorder: alarms, pictures, and what they say over MQTT.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, (function, level) in COMMANDS.items():
        app.command(name)(with_common_options(function, session, level=level))
    session.host.commands(app)
    _guard(app, session, own=len(COMMANDS))
    return app


def _guard(app: typer.Typer, session: Session, own: int = 0) -> None:
    """Give plugins' commands what the host's own have; they run with the plugins configured, and replace none of the host's."""
    added = app.registered_commands[own:]
    del app.registered_commands[own:]
    for info in added:
        if info.callback is None:
            continue
        info.name = info.name or info.callback.__name__.replace("_", "-").lower()
        if own and info.name in COMMANDS:
            log.warning("a plugin wants to replace the command %s; it is left out", info.name)
            continue
        info.callback = with_common_options(info.callback, session, configured=True)
        app.registered_commands.append(info)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _guard(group.typer_instance, session)
