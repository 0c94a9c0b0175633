"""The command `node-red flow`: flows for the cameras and the broker of the configuration."""

# Annotations are looked at by typer, so they are objects here and no strings.

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from nvr_hooks import CameraInfo, NvrError, WrongUse

from .messages import segment
from .nodered import FLOWS, Place, Site, flows
from .settings import Settings

_MOST: Final = 12
"""With more cameras than this a flow listens to all topics at once: nobody reads a drawing with fifty lines."""


def nvr_commands(cli: Any, settings: Callable[[], Settings | None]) -> None:
    """Add the group `node-red`; `settings` tells the configured ones when a command runs."""
    import typer

    group = typer.Typer(no_args_is_help=True)
    cli.add_typer(group, name="node-red")

    @group.callback()  # one command alone would be the group itself
    def node_red() -> None:
        """Flows for Node-RED."""

    @group.command("flow")
    def flow(
        ctx: typer.Context,
        name: Annotated[
            list[str] | None,
            typer.Argument(help=f"Which: {', '.join(FLOWS)}; else all of them, each on a tab of its own."),
        ] = None,
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE", help="File to write; else stdout.")
        ] = None,
        offline: Annotated[bool, typer.Option("--offline", help="Ask no camera for its channels.")] = False,
    ) -> None:
        """Write flows for Node-RED, for your cameras, topics and broker: to import as they are, without any password."""
        session = ctx.obj
        names = list(dict.fromkeys(name or FLOWS))
        if unknown := [one for one in names if one not in FLOWS]:
            raise WrongUse(f"there is no flow {', '.join(unknown)}; there are {', '.join(FLOWS)}")
        site = site_of(settings(), _infos(session, offline=offline, complain=lambda text: typer.echo(text, err=True)))
        text = json.dumps(flows(names, site), ensure_ascii=False, indent=2) + "\n"
        if output is None:
            typer.echo(text, nl=False)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as err:
            raise WrongUse(f"cannot write {output}: {err.strerror}") from err
        typer.echo(json.dumps({"file": str(output), "flows": names}) if session.options.json else str(output))


def site_of(settings: Settings | None, infos: Mapping[str, CameraInfo]) -> Site:
    """Return where flows are to work; without a section `mqtt` a broker on the same machine."""
    places = tuple(Place(segment(name), info.thermal_channel) for name, info in infos.items())
    if settings is None:
        return Site(places=places if len(places) <= _MOST else ())
    bridge = settings.bridge
    return Site(
        prefix=bridge.prefix,
        host=bridge.host,
        port=bridge.port_used,
        tls=bridge.tls is not None,
        protocol=bridge.protocol,
        places=places if len(places) <= _MOST else (),
    )


def _infos(session: Any, *, offline: bool, complain: Callable[[str], None]) -> dict[str, CameraInfo]:
    """Return the cameras by name; one that does not tell its channels has topics for any."""
    infos = {info.name: info for found in session.hook.nvr_cameras() for info in found or ()}
    for name in () if offline else sorted(infos):
        try:
            infos[name] = session.known(name)
        except NvrError as err:
            complain(f"hik-thermal: {err}; its flow takes any channel")
    return dict(sorted(infos.items()))
