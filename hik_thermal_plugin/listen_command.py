"""The driver's command `listen`: a camera's list of the hosts it pushes alarms to, and our slot in it.

As with `rules apply`, nothing is written without --write.
"""

# Annotations are looked at by typer, so they are objects here and no strings.

import json
from collections.abc import Callable
from typing import Annotated, Any

from nvr_hooks import Unsupported, WrongUse

from .isapi.http_hosts import HostsChange
from .listening import Slots
from .wire.http_hosts import HostSlot

HIDDEN = "/***"
"""Stands for a path: whoever knows it, and has the address, can tell alarms that never were."""


def nvr_commands(cli: Any, slots_of: Callable[[str], Slots | None]) -> None:
    """Add `listen` to a command line; `slots_of` finds the configured camera."""
    import typer

    @cli.command("listen")  # type: ignore[untyped-decorator]
    def listen(
        ctx: typer.Context,
        camera: Annotated[str, typer.Argument(help="Name of the camera in the configuration.")],
        set_up: Annotated[
            bool, typer.Option("--set-up", help="Let the camera push its alarms to the listener.")
        ] = False,
        remove: Annotated[bool, typer.Option("--remove", help="Free the slot that does.")] = False,
        write: Annotated[
            bool, typer.Option("--write", help="Write to the camera; else only tell what would change.")
        ] = False,
    ) -> None:
        """Tell which hosts a camera pushes its alarms to, and let it push them here, or no more."""
        if set_up and remove:
            raise WrongUse("--set-up or --remove?")
        if write and not (set_up or remove):
            raise WrongUse("--write goes with --set-up and --remove")
        session = ctx.obj
        name = session.camera(camera).name
        slots = slots_of(name)
        if slots is None:
            raise Unsupported(f"{name}: the plugin of this camera has no listening mode", camera=name)

        def put(text: str) -> None:
            typer.echo(text)

        if not (set_up or remove):
            _show(name, *slots.read(), put, as_json=session.options.json)
            return
        change = (slots.set_up if set_up else slots.remove)(dry_run=not write)
        if session.options.json:
            put(json.dumps(_json(name, change), ensure_ascii=False))
        else:
            for line in _lines(change):
                put(line)
        typer.echo(f"hik-thermal: {name}: {_conclusion(change)}", err=True)


def _show(
    name: str, slots: tuple[HostSlot, ...], ours: str | None, put: Callable[[str], None], *, as_json: bool
) -> None:
    for slot in slots:
        told = {"slot": slot.id, "free": slot.free, "ours": slot.id == ours}
        if as_json:
            where = {"protocol": slot.protocol, "host": slot.host or None, "port": slot.port}
            put(json.dumps({"camera": name, **told, **({} if slot.free else where)}, ensure_ascii=False))
        else:
            words = "free" if slot.free else f"{slot.protocol.lower()}://{slot.host}:{slot.port}{HIDDEN}"
            put(f"slot {slot.id}: {words}{' (this one)' if told['ours'] else ''}")


def _lines(change: HostsChange) -> list[str]:
    return [f"slot {change.slot}: {name}: {before} -> {after}" for name, before, after in _shown(change)]


def _json(name: str, change: HostsChange) -> dict[str, Any]:
    changes = [{"field": field, "before": before, "after": after} for field, before, after in _shown(change)]
    return {"camera": name, "slot": change.slot, "applied": change.applied, "changes": changes}


def _shown(change: HostsChange) -> list[tuple[str, str | None, str | None]]:
    def word(name: str, value: str | None) -> str | None:
        return HIDDEN if name == "url" and value not in (None, "", "/") else value

    return [(item.name, word(item.name, item.before), word(item.name, item.after)) for item in change.changes]


def _conclusion(change: HostsChange) -> str:
    if change.slot is None:
        return "no slot of it is ours: there is nothing to remove"
    if not change.changes:
        return f"slot {change.slot} says so already"
    if not change.applied:
        return f"slot {change.slot} would change; nothing is written without --write"
    return f"slot {change.slot} is written"
