"""The command `frigate config`: cameras into Frigate's own configuration."""

# Annotations are looked at by typer, so they are objects here and no strings.

import difflib
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from nvr_hooks import CameraInfo, ChannelInfo, NvrError, WrongUse

from .settings import FrigateSettings, Settings


def nvr_commands(cli: Any, settings: Callable[[], Settings | None]) -> None:
    """Add the group `frigate`; `settings` tells the configured ones when a command runs."""
    import typer

    group = typer.Typer(no_args_is_help=True)
    cli.add_typer(group, name="frigate")

    @group.callback()  # one command alone would be the group itself
    def frigate() -> None:
        """Cameras for Frigate."""

    @group.command("config")
    def config(
        ctx: typer.Context,
        file: Annotated[
            Path | None, typer.Argument(help="Frigate's configuration; without it only ours is printed.")
        ] = None,
        camera: Annotated[
            list[str] | None, typer.Option("--camera", metavar="NAME", help="This camera, may be repeated; else all.")
        ] = None,
        write: Annotated[
            bool, typer.Option("--write", help="Write FILE, and keep what it was; else only show the difference.")
        ] = False,
    ) -> None:
        """Write cameras into Frigate's configuration: streams, roles and sizes as the cameras tell them, nothing else touched."""
        session = ctx.obj
        if write and file is None:
            raise WrongUse("--write needs FILE: Frigate's configuration")
        if find_spec("ruamel") is None or find_spec("ruamel.yaml") is None:
            raise NvrError("this command needs ruamel.yaml: pip install 'hik-thermal-plugin[frigate]'")
        configured = settings()
        own = configured.frigate if configured is not None else FrigateSettings()
        found, missing = _ask(session, camera or [], own)
        for error in missing:
            typer.echo(f"hik-thermal: {error}", err=True)
        if missing and not found:
            raise missing[0]
        _show(typer.echo, session.options.json, _Plan.of(file, found, own), write=write)
        if missing:
            raise NvrError(f"{len(missing)} of {len(missing) + len(found)} cameras are missing")


@dataclass(frozen=True, slots=True)
class _Found:
    info: CameraInfo
    part: dict[str, Any]


def _ask(session: Any, names: Sequence[str], settings: FrigateSettings) -> tuple[list[_Found], list[NvrError]]:
    """Ask cameras for their channels and addresses; return what they told, and why some did not."""
    from .configuration import wanted

    known = sorted(info.name for infos in session.hook.nvr_cameras() for info in infos or ())
    for name in names:
        session.camera(name)  # a name that is not there is the caller's mistake
    found, missing = [], []
    for name in names or known:

        def address(channel: int, profile: str, name: str = name) -> Any:
            return session.ask("nvr_stream_url", camera=name, channel=channel, profile=profile)

        try:
            info = session.known(name)
            part = wanted(info, _channels(session, info), address, settings)
        except NvrError as err:
            missing.append(err)
        else:
            found.append(_Found(info, part))
    if not found and not missing:
        raise WrongUse("there is no camera in the configuration")
    return found, missing


def _channels(session: Any, info: CameraInfo) -> list[ChannelInfo]:
    """Return the channels --channel means; without it all."""
    channels = list(info.channels or ())
    if session.options.channel is None:
        return channels
    number = session.channel(info.name) or info.thermal_channel
    return [channel for channel in channels if channel.id == number]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a file becomes."""

    file: Path | None
    before: str
    after: str
    added: list[str]
    kept: list[Any]
    variables: list[str]

    @classmethod
    def of(cls, file: Path | None, found: Sequence[_Found], settings: FrigateSettings) -> "_Plan":
        from .configuration import joined, variables
        from .yaml_text import extended

        before = _read(file)
        part = joined([one.part for one in found])
        try:
            done = extended(before, part)
        except WrongUse as err:
            raise WrongUse(f"{file}: {err}") from err
        names = [variables(one.info.name) for one in found]
        used = [word for name in names for word in (name.username, name.password) if f"{{{word}}}" in str(part)]
        return cls(file, before, done.text, done.added, done.kept, used)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """Return what changes; passwords in the lines around it are hidden."""
        name = str(self.file)
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), name, name
        )
        shown = (_without_secrets(line) if line.startswith(" ") else line for line in lines)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in shown)

    def write(self) -> Path | None:
        """Write the file at once or not at all; return where what it was is kept, None when there was none."""
        assert self.file is not None
        target = self.file.resolve()  # a link stays one
        part = target.with_name(f"{target.name}.part")
        backup = None
        try:
            part.write_bytes(self.after.encode())
            if target.exists():
                shutil.copymode(target, part)
                backup = _free(target)
                shutil.copy2(target, backup)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(target)
        except OSError as err:
            part.unlink(missing_ok=True)
            raise NvrError(f"cannot write {self.file}: {err.strerror}") from err
        return backup


def _show(echo: Callable[..., None], as_json: bool, plan: _Plan, *, write: bool) -> None:
    backup = plan.write() if write and plan.changed else None
    if as_json:
        document = {
            "file": None if plan.file is None else str(plan.file),
            "changed": plan.changed,
            "written": write and plan.changed,
            "backup": None if backup is None else str(backup),
            "added": plan.added,
            "kept": [{"path": item.path, "wanted": item.wanted} for item in plan.kept],
            "variables": plan.variables,
            "diff": None if plan.file is None else plan.diff(),
            "text": plan.after if plan.file is None else None,
        }
        echo(json.dumps(document, ensure_ascii=False))
        return
    if plan.file is None:
        echo(plan.after, nl=False)
    elif not write:
        echo(plan.diff(), nl=False)
    elif plan.changed:
        echo(f"{plan.file}: added {', '.join(plan.added)}" + ("" if backup is None else f"; before it was {backup}"))
    if not plan.changed:
        echo(f"hik-thermal: {plan.file}: everything is there already", err=True)
    for item in plan.kept:
        echo(f"hik-thermal: {item.path} stays as it is in the file; the camera says {item.wanted!r}", err=True)
    if plan.variables:
        words = ", ".join(plan.variables)
        echo(f"hik-thermal: set these where Frigate runs, percent-encoded (@ is %40): {words}", err=True)


def _without_secrets(line: str) -> str:
    """Hide what the owner of a file wrote into it: passwords in addresses, and behind keys that say so."""
    line = re.sub(r"://[^/\s@]*:[^/\s]*@", "://***:***@", line)
    return re.sub(r"(?i)((?:passw|secret|token|api_key)\w*[\"']?\s*:\s*)\S.*", r"\1***", line)


def _read(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as err:
        raise WrongUse(f"{file} is not UTF-8 text") from err
    except OSError as err:
        raise WrongUse(f"cannot read {file}: {err.strerror}") from err


def _free(target: Path) -> Path:
    names = (f"{target.name}.bak", *(f"{target.name}.bak{number}" for number in range(2, 10_000)))
    return next(path for path in map(target.with_name, names) if not path.exists())
