"""Commands about the configuration: check, plugins, decode, schema."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from nvr_hooks import ConfigError, Mistake, NvrError, WrongUse, to_json

from . import settings
from .findings import code_of, gathered, is_well, put_findings
from .outcome import FAILED, WRONG_USE
from .output import event_text, put_json, put_line, put_table
from .session import Session, within


def check(
    session: Session,
    online: Annotated[
        bool, typer.Option("--online", help="Ask each camera and the broker too: what keeps them from working?")
    ] = False,
) -> int:
    """Check the configuration: every mistake at once; with --online also the cameras."""
    path = settings.locate(session.options.config)
    try:
        session.configure()
    except ConfigError as err:
        _put_mistakes(session, path, err.mistakes)
        return WRONG_USE
    if session.host.broken:
        _put_mistakes(session, path, [Mistake(*item) for item in session.host.broken.items()])
        return FAILED
    names = [info.name for info in session.host.cameras()]
    found = gathered(session, names) if online else []
    if session.options.json:
        told = [item.json() for item in found]
        put_json({"ok": is_well(found), "file": str(path), "mistakes": [], "findings": told})
    else:
        put_line(f"{path}: {len(names)} {'camera' if len(names) == 1 else 'cameras'}: {', '.join(names) or 'none'}")
        put_findings(found)
    return code_of(found)


def plugins(session: Session) -> None:
    """List the installed plugins: version, contract, hooks, and why one is not loaded."""
    if session.options.json:
        put_json(
            [
                {
                    "name": info.name,
                    "distribution": info.distribution,
                    "version": info.version,
                    "contract": None if info.contract is None else ".".join(map(str, info.contract)),
                    "state": info.state,
                    "reason": info.reason,
                    "hooks": list(info.hooks),
                }
                for info in session.plugins.infos
            ]
        )
        return
    put_table(
        ("plugin", "from", "contract", "state", "hooks"),
        [
            (
                info.name,
                " ".join(filter(None, [info.distribution, info.version])) or None,
                None if info.contract is None else ".".join(map(str, info.contract)),
                info.state if info.reason is None else f"{info.state}: {info.reason}",
                ", ".join(hook.removeprefix("nvr_") for hook in info.hooks) or None,
            )
            for info in session.plugins.infos
        ],
    )


def decode(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Captured bytes, one document or a whole stream; - is stdin.")],
) -> None:
    """Print the events in captured bytes: nothing for heartbeats, exit 1 for a broken document."""
    data = _read(file)
    events = within(session.options.timeout, lambda: session.hook.nvr_decode(data=data), str(file))
    if events is None:
        raise NvrError(f"{file}: no plugin knows this format")
    for event in events:
        put_json(to_json(event)) if session.options.json else put_line(event_text(event))


def schema(session: Session) -> None:
    """Print the JSON Schema of the whole configuration, from what the plugins tell."""
    put_json(settings.joined_schema(session.host.schemas()))


def _put_mistakes(session: Session, path: Path, mistakes: Sequence[Mistake]) -> None:
    if session.options.json:
        told = [{"path": mistake.path, "problem": mistake.problem} for mistake in mistakes]
        put_json({"ok": False, "file": str(path), "mistakes": told, "findings": []})
    else:
        for mistake in mistakes:
            put_line(str(mistake))


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as err:
        raise WrongUse(f"cannot read {file}: {err.strerror}") from err
