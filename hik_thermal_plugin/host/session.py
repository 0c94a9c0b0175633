"""One run of the command line: its options, its plugins, and the questions every command asks about a camera."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from nvr_hooks import (
    CameraChanged,
    CameraInfo,
    ConnectionChanged,
    Event,
    NvrError,
    Refused,
    Unreachable,
    Unsupported,
    WrongUse,
)
from nvr_hooks.loading import Plugins

from . import settings
from .app import Host
from .signals import Patient

log = logging.getLogger(__name__)
LEARNING_SECONDS = 10.0
FAILED = ("offline", "auth_blocked", "error", "removed")
BESIDE_ALARMS = ("push", "realtime", "metadata", "poll", "frame")
"""Sources that may fail while the camera is well, and before its alarm source has told how it is."""


@dataclass(slots=True)
class Options:
    """The options every command takes."""

    config: Path | None = None
    channel: int | str | None = None
    json: bool = False
    timeout: float | None = None
    verbose: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a camera has told of itself, and why not more."""

    info: CameraInfo
    reason: str | None = None

    @property
    def settled(self) -> bool:
        """Tell whether waiting longer is pointless: it said who it is, or its connection failed."""
        return self.info.channels is not None or self.info.state in FAILED

    def failure(self) -> NvrError:
        """Return the error that fits the camera's state."""
        text = self.reason or f"{self.info.name}: did not tell its channels"
        kind = Refused if self.info.state == "auth_blocked" else Unreachable
        return kind(text, camera=self.info.name)


@dataclass(slots=True)
class Session:
    """What a command works with. Plugins' commands find it as `ctx.obj`: `camera`, `known`, `channel`, `ask`, `hook`, `options`."""

    plugins: Plugins
    options: Options = field(default_factory=Options)
    host: Host = field(init=False)

    def __post_init__(self) -> None:
        self.host = Host(self.plugins)

    @property
    def hook(self) -> Any:
        """Return the relay to the plugins' hooks."""
        return self.host.hook

    def configure(self) -> Mapping[str, Any]:
        """Read the configuration file and give it to the plugins; return it. Raises ConfigError."""
        document = settings.load(settings.locate(self.options.config))
        self.host.configure(document)
        return document

    def camera(self, name: str) -> CameraInfo:
        """Return the camera of that name; raise WrongUse with the nearest name when there is none."""
        cameras = {info.name: info for info in self.host.cameras()}
        if name in cameras:
            return cameras[name]
        if not cameras:
            raise WrongUse(f"there is no camera {name}: none is configured")
        near = get_close_matches(name, cameras, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(cameras)}"
        raise WrongUse(f"there is no camera {name}; {hint}")

    def ask(self, hook: str, *, writes: bool = False, **arguments: Any) -> Any:
        """Call a hook for one camera, for at most --timeout; raise Unsupported when the camera's plugin does not have it.

        One that `writes` to the device is never left half way: neither --timeout nor the first Ctrl-C or SIGTERM cuts it short.
        """
        camera = str(arguments["camera"])
        call = partial(getattr(self.hook, hook), **arguments)
        if writes:
            with Patient(f"{camera}: ends when what was begun is done; once more leaves the camera half written"):
                answer = call()
        else:
            answer = within(self.options.timeout, call, camera)
        if answer is None:
            raise Unsupported(f"{camera}: the plugin of this camera has no {hook}", camera=camera)
        return answer

    def channel(self, camera: str) -> int | None:
        """Return what --channel means for this camera: a number, or None for the thermal channel."""
        match self.options.channel:
            case int(number):
                return number
            case "visible":
                for channel in self.known(camera).channels or ():
                    if channel.thermal is False:
                        return channel.id
                raise Unsupported(f"{camera}: has no visible channel", camera=camera)
            case _:
                return None

    def known(self, camera: str) -> CameraInfo:
        """Return the camera with its channels, asking it if need be; raise why it cannot be asked."""
        info = self.camera(camera)
        if info.channels is None:
            try:  # the shortest question that makes a plugin look its camera up
                self.ask("nvr_stream_url", camera=camera, channel=None, profile="main")
            except Unsupported as err:
                log.debug("%s", err)
            info = self.camera(camera)
        if info.channels is None:
            found = self.learn([camera])[camera]
            if found.info.channels is None:
                raise found.failure()
            info = found.info
        return info

    def learn(self, cameras: Iterable[str]) -> dict[str, Known]:
        """Listen to these cameras until each has told who it is or failed, for at most --timeout (10 s)."""
        found = {name: Known(self.camera(name)) for name in cameras}
        seconds = self.options.timeout or LEARNING_SECONDS
        deadline = time.monotonic() + seconds
        news: SimpleQueue[Event] = SimpleQueue()
        with ExitStack() as subscriptions:
            for name, known in found.items():
                if not known.settled:
                    try:
                        subscription = self.hook.nvr_listen(camera=name, sink=news.put)
                    except NvrError as err:
                        found[name] = Known(known.info, str(err))
                        continue
                    if subscription is not None:
                        subscriptions.enter_context(subscription)
                        log.debug("%s: waiting until it tells who it is", name)
            while not all(known.settled or known.reason for known in found.values()):
                try:
                    event = news.get(timeout=max(deadline - time.monotonic(), 0))
                except Empty:
                    break
                if event.camera in found:
                    found[event.camera] = _with(found[event.camera], event, self.camera(event.camera))
        silent = f"did not tell its channels within {seconds:g} s"
        return {
            name: known if known.settled or known.reason else Known(known.info, f"{name}: {silent}")
            for name, known in found.items()
        }


@contextmanager
def closing(session: Session) -> Iterator[None]:
    """Close the session's plugins at the end, whatever the end is."""
    try:
        yield
    finally:
        session.host.close()


def within(seconds: float | None, call: Callable[[], Any], camera: str) -> Any:
    """Return what the call returns, or raise Unreachable when that takes longer; None: as long as the plugin's own limits allow."""
    if seconds is None:
        return call()
    answers: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as err:  # noqa: BLE001 - raised again in the thread that asked
            errors.append(err)

    thread = threading.Thread(target=run, name="ask", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Unreachable(f"{camera}: no answer within {seconds:g} s (--timeout)", camera=camera)
    if errors:
        raise errors[0]
    return answers[0]


def _with(known: Known, event: Event, now: CameraInfo) -> Known:
    match event:
        case CameraChanged(info=info):
            return Known(info, known.reason)
        case ConnectionChanged(state=state, source=source) if state in FAILED and source not in BESIDE_ALARMS:
            return Known(replace(now, state=state), event.reason or state)
        case _:
            return Known(now, known.reason)
