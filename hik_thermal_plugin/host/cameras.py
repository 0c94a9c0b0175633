"""Commands about cameras: probe, cameras, urls, snapshot, watch."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlencode, urlsplit

import typer
from nvr_hooks import (
    CameraChanged,
    CameraInfo,
    ConfigError,
    ConnectionChanged,
    Disk,
    Event,
    NvrError,
    Refused,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    TemperatureReading,
    Unreachable,
    Unsupported,
    WrongUse,
    camera_json,
    disk_json,
    rfc3339,
    to_json,
)

from .news import News
from .outcome import complain
from .output import (
    camera_rows,
    channels_text,
    disks_text,
    event_text,
    local,
    put_json,
    put_line,
    put_table,
    served_text,
)
from .session import FAILED, Known, Session, within
from .signals import Empty, Inbox, Stop

log = logging.getLogger(__name__)
PASSWORD_VARIABLE = "HIK_THERMAL_PASSWORD"  # noqa: S105 - a name
PROFILES = ("main", "sub")

CameraName = Annotated[str, typer.Argument(help="Name of the camera in the configuration.")]


def probe(
    session: Session,
    url: Annotated[str, typer.Argument(help="Address of the device: http://192.0.2.10")],
    username: Annotated[str, typer.Option("--username", metavar="U", help="User on the device.")] = "admin",
    fingerprint: Annotated[
        str | None,
        typer.Option("--fingerprint", metavar="HEX", help="SHA-256 of the certificate to trust, and no other."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Certificate to trust, or its issuer's, PEM.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Trust any certificate: whoever stands in between reads the password.")
    ] = False,
) -> None:
    """Ask a device that is not configured who it is; the password comes from $HIK_THERMAL_PASSWORD or is asked for."""
    parts = urlsplit(url)
    if parts.password is not None or parts.username is not None:
        raise WrongUse(f"no user or password in the address: use --username, and ${PASSWORD_VARIABLE} or the prompt")
    if not parts.hostname or parts.fragment:
        raise WrongUse(f"{url} is no address; it looks like http://192.0.2.10")
    trust = _trust(fingerprint, ca, insecure=insecure)
    if trust and parts.scheme != "https":
        raise WrongUse("--fingerprint, --ca and --insecure are about certificates: the address begins with https://")
    try:
        session.configure()  # a service beside us keeps its count of refused logins where the configuration says
    except ConfigError as err:
        if session.options.config is not None:
            raise
        log.info("probing without a configuration: %s", err)
    password = _password(username, parts.hostname)
    info = within(
        session.options.timeout,
        lambda: session.hook.nvr_probe(url=url + trust, username=username, password=password),
        parts.hostname,
    )
    if info is None:
        raise Unsupported(f"{parts.hostname}: no plugin knows this kind of device or address")
    if session.options.json:
        put_json(camera_json(info))
    else:
        put_table(("", info.name), camera_rows(info))


def cameras(
    session: Session,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no camera: show what the configuration tells.")
    ] = False,
) -> None:
    """List the configured cameras with state, model, channels and storage; asks each of them."""
    session.configure()
    names = [info.name for info in session.host.cameras()]
    found = [Known(session.camera(name)) for name in names] if offline else list(session.learn(names).values())
    disks = {} if offline else _disks(session, [known.info.name for known in found if known.info.channels is not None])
    if session.options.json:
        put_json(
            [
                {
                    **camera_json(known.info),
                    "storage": _disks_json(disks.get(known.info.name)),
                    "reason": known.reason,
                }
                for known in found
            ]
        )
        return
    put_table(
        ("camera", "state", "model", "serial", "firmware", "channels", "storage", "served by", "address", "reason"),
        [
            (
                known.info.name,
                known.info.state,
                known.info.model,
                known.info.serial,
                known.info.firmware,
                channels_text(known.info),
                disks_text(disks.get(known.info.name)),
                served_text(known.info),
                known.info.url,
                known.reason,
            )
            for known in found
        ],
    )


def urls(
    session: Session,
    camera: CameraName,
    with_credentials: Annotated[
        bool, typer.Option("--with-credentials", help="Put user and password into the addresses.")
    ] = False,
) -> None:
    """Print the addresses of a camera's live streams: of every channel, or of the one given with --channel."""
    session.configure()
    info = session.known(camera)
    rows = []
    for channel, profile in _streams(info, session.channel(camera), session.options.channel):
        url: StreamUrl = session.ask("nvr_stream_url", camera=camera, channel=channel, profile=profile)
        rows.append((channel, profile, url.with_credentials() if with_credentials else url.url))
    if session.options.json:
        put_json(
            [{"camera": camera, "channel": channel, "profile": profile, "url": url} for channel, profile, url in rows]
        )
    else:
        for _, _, address in rows:
            put_line(address)


def snapshot(
    session: Session,
    camera: CameraName,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Picture to write: .jpg or .bmp; - is stdout.")
    ],
    source: Annotated[
        str, typer.Option("--source", metavar="auto|picture|stream", help="Where the picture comes from.")
    ] = "auto",
    form: Annotated[
        str | None, typer.Option("--format", metavar="jpeg|bmp", help="Kind of picture; else by the suffix of FILE.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw rules and temperatures into it.")] = False,
) -> None:
    """Take one picture."""
    kind = form or ("bmp" if output.suffix.lower() == ".bmp" else "jpeg")
    match source, kind:
        case (("auto" | "picture" | "stream"), ("jpeg" | "bmp")):
            options = SnapshotOptions(source=source, format=kind, overlay=overlay)
        case (("auto" | "picture" | "stream"), _):
            raise typer.BadParameter(f"expected jpeg or bmp, got {kind}", param_hint="--format")
        case _:
            raise typer.BadParameter(f"expected auto, picture or stream, got {source}", param_hint="--source")
    session.configure()
    session.camera(camera)
    channel = session.channel(camera)
    taken: Snapshot = session.ask("nvr_snapshot", camera=camera, channel=channel, options=options)
    if str(output) == "-":
        sys.stdout.buffer.write(taken.data)
        return
    _write(output, taken.data)
    if session.options.json:
        put_json(
            {
                "camera": taken.camera,
                "channel": taken.channel,
                "file": str(output),
                "content_type": taken.content_type,
                "bytes": len(taken.data),
                "taken_at": rfc3339(taken.taken_at),
                "source": taken.source,
            }
        )
    else:
        put_line(
            f"{output}: {taken.content_type}, {len(taken.data)} bytes, channel {taken.channel}, {local(taken.taken_at)}"
        )


def watch(
    session: Session,
    camera: Annotated[list[str] | None, typer.Argument(help="Cameras to watch; else all.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="N", min=0, help="End after so many seconds; else never.")
    ] = None,
) -> None:
    """Print alarms, readings and connection changes as they come, until Ctrl-C."""
    session.configure()
    names = [session.camera(name).name for name in camera or [info.name for info in session.host.cameras()]]
    if not names:
        raise WrongUse("there is no camera to watch: none is configured")
    until = None if seconds is None else time.monotonic() + seconds
    states: dict[tuple[str, str], ConnectionChanged] = {}
    told: dict[tuple[str, str], str] = {}
    news = News()
    with Inbox[Event]() as inbox, ExitStack() as stack:
        subscriptions = [stack.enter_context(item) for name in names for item in _subscribe(session, name, inbox)]
        try:
            while True:
                event = _next(inbox, until, subscriptions)
                if isinstance(event, ConnectionChanged):
                    source = (event.camera, event.source)
                    if told.get(source) == event.id:
                        continue  # metadata has alarms and live values: its state comes to both subscriptions
                    told[source] = event.id
                    if (before := states.get(source)) is None or before.state != "online":
                        states[source] = event
                if not _wanted(session, event):
                    continue
                if session.options.json:
                    put_json(to_json(event))
                elif _worth_a_line(event, news):
                    put_line(event_text(event))
        except Stop:
            return
        except Empty:
            pass
    if inbox.lost:
        complain(f"{inbox.lost} events were lost: the output was not read fast enough")
    _complain_if_never_online(names, states)


def _worth_a_line(event: Event, news: News) -> bool:
    match event:
        case TemperatureReading():
            return news.is_news(event)
        case CameraChanged():
            return news.is_new_identity(event.info)
        case _:
            return True


def _disks(session: Session, names: list[str]) -> dict[str, Sequence[Disk]]:
    """Ask cameras for their disks, all at once; who does not tell them is left out."""

    def ask(name: str) -> Sequence[Disk] | None:
        try:
            return cast(Sequence[Disk], session.ask("nvr_storage", camera=name))
        except NvrError as err:
            log.info("%s", err)
            return None

    with ThreadPoolExecutor(max(1, min(len(names), 16)), "storage") as pool:
        told = dict(zip(names, pool.map(ask, names), strict=True))
    return {name: disks for name, disks in told.items() if disks is not None}


def _disks_json(disks: Sequence[Disk] | None) -> list[dict[str, Any]] | None:
    return None if disks is None else [disk_json(disk) for disk in disks]


def _subscribe(session: Session, name: str, inbox: Inbox[Event]) -> list[Any]:
    """Subscribe to alarms and temperatures; what the camera does not have is told on stderr, and an error when it has neither."""
    found: list[Any] = []
    errors: list[Unsupported] = []
    for hook in ("nvr_listen", "nvr_watch"):
        try:
            found.append(session.ask(hook, camera=name, sink=inbox.put))
        except Unsupported as err:
            errors.append(err)
    if not found:
        raise errors[0]
    for error in errors:
        complain(str(error))
    return found


def _next(inbox: Inbox[Event], until: float | None, subscriptions: list[Any]) -> Event:
    """Return the next event; raise Empty when the time is up, or when the cameras have ended every subscription by themselves."""
    while True:
        soon = time.monotonic() + 1.0
        try:
            return inbox.get(soon if until is None else min(soon, until))
        except Empty:
            if until is not None and time.monotonic() >= until:
                raise
            if all(subscription.state != "running" for subscription in subscriptions):
                if errors := [subscription.error for subscription in subscriptions if subscription.error]:
                    raise errors[0] from None
                raise


def _wanted(session: Session, event: Event) -> bool:
    """--channel leaves out the alarms of the other channels, never what has no channel or an unknown one."""
    wanted = session.options.channel
    if wanted is None or event.channel is None or isinstance(wanted, int):
        return wanted is None or event.channel is None or event.channel == wanted
    info = session.camera(event.camera)
    kinds = {channel.id: channel.thermal for channel in info.channels or ()}
    return kinds.get(event.channel) in (None, wanted == "thermal")


def _complain_if_never_online(names: list[str], states: dict[tuple[str, str], ConnectionChanged]) -> None:
    """A stream that ran its time without reaching one camera has shown nothing: that is a failure."""
    failed = [state for state in states.values() if state.state in FAILED]
    if any(state.state == "online" for state in states.values()) or set(names) > {state.camera for state in failed}:
        return
    worst: list[NvrError] = [
        (Refused if state.state == "auth_blocked" else Unreachable)(
            state.reason or f"{state.camera}: {state.state}", camera=state.camera
        )
        for state in failed
    ]
    raise next((error for error in worst if isinstance(error, Refused)), worst[0])


def _streams(info: CameraInfo, number: int | None, wanted: int | str | None) -> list[tuple[int | None, str]]:
    """Return channel and profile of the streams to name: all, or those of the channel wanted."""
    if wanted == "thermal":
        number = info.thermal_channel
    found: list[tuple[int | None, str]] = [
        (channel.id, profile)
        for channel in info.channels or ()
        if wanted is None or channel.id == number
        for profile in [stream.profile for stream in channel.streams] or PROFILES
    ]
    return found or [(number, PROFILES[0])]  # nothing known fits: the plugin says why


def _trust(fingerprint: str | None, ca: Path | None, *, insecure: bool) -> str:
    """Return what an address ends with to say whose certificate is trusted; empty: the system's authorities."""
    said = {"fingerprint": fingerprint, "ca": ca and str(ca.absolute()), "verify": "false" if insecure else None}
    given = {name: value for name, value in said.items() if value is not None}
    return f"#{urlencode(given)}" if given else ""


def _password(username: str, host: str) -> str:
    if (password := os.environ.get(PASSWORD_VARIABLE)) is not None:
        return password
    if not sys.stdin.isatty():
        raise WrongUse(f"no password: set ${PASSWORD_VARIABLE}, or run it in a terminal to be asked")
    return str(typer.prompt(f"Password of {username} on {host}", hide_input=True, err=True))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as err:
        part.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {path}: {err.strerror}") from err
    except OSError as err:
        part.unlink(missing_ok=True)
        raise NvrError(f"cannot write {path}: {err.strerror}") from err
