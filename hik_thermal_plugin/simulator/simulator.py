"""The simulator: a camera with its control port, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from .alert_stream import Journal
from .camera import Camera
from .captured import Captured, read_answers
from .control import Control
from .device import Device
from .models import MODELS, Model
from .port import HOST, Port
from .profiles import PROFILES, Profile
from .recordings import Recordings, Span, Stored, checked_recordings, factory_recordings
from .scenario import Scenario, read_scenario
from .steps import Step, read_steps

DEFAULT_PASSWORD = "hik12345"
"""The password unless one is given; no secret, the simulator listens on 127.0.0.1 only."""

T = TypeVar("T")


class Simulator:
    """A thermal camera on 127.0.0.1: `start()` or `with`, then `close()`.

    `model`: `bispectrum`, `bullet`, `positioning`, or a `Model`; None: what the profile's folder names, else
    `bispectrum`. `profile`: a name of `PROFILES`, a `Profile`, or a folder of captured answers (captured.py). Ports: 0
    takes any free one, None leaves the part out. `lock_attempts`
    refused logins in a row lock the account for `lock_seconds`. `heartbeat`, `repeat`, `real_time` and `metadata`: the
    periods of heartbeats, of alarms that last, of real-time temperatures, and of metadata over RTSP, in seconds. `recordings`: begin
    and end (aware) of what each channel has stored, or `Stored` where more is to be told; without it a day until now (recordings.py). `journal` is
    called, in the camera's thread, with what happens on its alert streams (alert_stream.py).
    `host`: 127.0.0.1 or ::1. `identity`: what serial number and MAC address are made of; without it name, model and port.
    Wrong arguments raise ValueError (StepError for the scenario), a port in use OSError.
    """

    def __init__(
        self,
        model: str | Model | None = None,
        profile: str | Path | Profile | None = None,
        *,
        http_port: int | None = 0,
        https_port: int | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
        rtsp_port: int | None = None,
        control_port: int | None = 0,
        username: str = "admin",
        password: str | None = None,
        password_file: str | Path | None = None,
        lock_attempts: int = 5,
        lock_seconds: float = 1800.0,
        scenario: Scenario | None = None,
        heartbeat: float | None = None,
        repeat: float = 1.0,
        real_time: float = 0.5,
        metadata: float = 1.0,
        recordings: Sequence[Span | Stored] | None = None,
        name: str = "Thermal camera",
        utc_offset: timedelta = timedelta(hours=1),
        journal: Journal | None = None,
        identity: str | None = None,
        host: str = HOST,
    ) -> None:
        if host not in (HOST, "::1"):
            raise ValueError(f"host: expected {HOST} or ::1, got {host}")
        self._host = host
        if lock_attempts < 1:
            raise ValueError(f"lock_attempts: expected 1 or more, got {lock_attempts}")
        self.username = username
        self.password = _password(password, password_file)
        self._captured = _captured(profile)
        self._profile = self._captured.profile
        self._model = _model(model or self._captured.model or "bispectrum")
        self._tls = _tls(https_port, cert, key)
        self._numbers = {"http": http_port, "https": https_port, "rtsp": rtsp_port, "control": control_port}
        self._lock = lock_attempts, lock_seconds
        self._scenario = read_scenario(scenario, self._model) if scenario is not None else []
        self._heartbeat = heartbeat or self._profile.heartbeat or 10.0
        self._repeat = repeat
        self._real_time = real_time
        self._metadata = metadata
        if recordings is None and not self._captured.recordings:
            recordings = ()
        self._recordings = None if recordings is None else checked_recordings(recordings)
        self._name = name
        self._journal = journal
        self._identity = identity
        self._utc_offset = utc_offset
        self._ports: dict[str, Port] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._camera: Camera | None = None
        self._control: Control | None = None

    def __repr__(self) -> str:
        return f"<Simulator {self.model} {self.http or 'not started'}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def http(self) -> str | None:
        """`http://127.0.0.1:PORT`, None without the part or before the start; `https`, `rtsp`, `control` alike."""
        return self._url("http", "http")

    @property
    def https(self) -> str | None:
        """`https://127.0.0.1:PORT`."""
        return self._url("https", "https")

    @property
    def rtsp(self) -> str | None:
        """`rtsp://127.0.0.1:PORT`."""
        return self._url("rtsp", "rtsp")

    @property
    def control(self) -> str | None:
        """`http://127.0.0.1:PORT` of the control port."""
        return self._url("control", "http")

    @property
    def ready(self) -> dict[str, Any]:
        """What `hik-thermal simulate` prints when the camera is there."""
        return {
            "ready": True,
            "http": self.http,
            "https": self.https,
            "rtsp": self.rtsp,
            "control": self.control,
            "model": self.model,
            "username": self.username,
        }

    def start(self) -> Self:
        """Start the camera; returns when all ports are open."""
        if self._thread:
            raise RuntimeError("the simulator has been started already")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="hik-simulator", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        try:
            self._run(self._start())
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Close ports and connections and end the thread; safe to call twice."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        try:
            self._run(self._close())
        finally:
            self._loop = self._thread = self._camera = None
            self._ports = {}
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def apply(self, steps: object) -> int:
        """Apply a list of steps as `POST /steps` does, all or none; returns their number. Raises StepError."""
        return self._run(_soon(lambda: self._apply(steps)))

    def state(self) -> dict[str, Any]:
        """What the camera has seen, as `GET /state` tells it."""
        return self._run(_soon(self._running().state))

    def pushes(self) -> dict[str, int]:
        """What became of pushes: accepted (answered 200), refused (tries that were not), given_up, waiting."""
        return self._run(_soon(self._running().pushes))

    async def _start(self) -> None:
        for name, number in self._numbers.items():
            if number is not None:
                self._ports[name] = Port(number, self._tls if name == "https" else None, self._host)
        ports = [port for name, port in self._ports.items() if name in ("http", "https")]
        attempts, seconds = self._lock
        device = Device(
            model=self._model,
            profile=self._profile,
            name=self._name,
            username=self.username,
            password=self.password,
            lock_attempts=attempts,
            lock_seconds=seconds,
            utc_offset=self._utc_offset,
            captured=self._captured,
            identity=self._identity or f"{self._name} {self.model} {ports[0].number if ports else 0}",
        )
        stored = factory_recordings(device.booted) if self._recordings is None else self._recordings
        channels = [channel.id for channel in self._model.channels]
        self._camera = Camera(
            device,
            ports,
            self._ports.get("rtsp"),
            Recordings(channels, stored, device.now, self._profile.result_form),
            heartbeat=self._heartbeat,
            repeat=self._repeat,
            real_time=self._real_time,
            metadata=self._metadata,
            journal=self._journal,
        )
        if control := self._ports.get("control"):
            self._control = Control(self._apply, self._camera.state)
            control.open(self._control.connection)
        self._camera.start(self._scenario)

    async def _close(self) -> None:
        if self._camera:
            self._camera.stop()
        for port in self._ports.values():
            port.close()
        await _let_go_on()  # connections accepted just now come to us before they are ended
        if self._camera:
            await self._camera.close()
        if self._control:
            await self._control.close()
        await _let_go_on()

    def _apply(self, raw: object) -> int:
        steps: list[Step] = read_steps(raw, self._model, Path.cwd(), rules=self._running().device.scene.rules)
        self._running().apply(steps)
        return len(steps)

    def _running(self) -> Camera:
        if self._camera is None:
            raise RuntimeError("the simulator is not running")
        return self._camera

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the simulator is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _url(self, part: str, scheme: str) -> str | None:
        port = self._ports.get(part)
        return f"{scheme}://{port.authority}" if port else None


async def _let_go_on() -> None:
    """Let the loop do what it has planned already, and what that plans."""
    for _ in range(3):
        await asyncio.sleep(0)


async def _soon(act: Callable[[], T]) -> T:
    return act()


def _model(model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    if model not in MODELS:
        raise ValueError(f"model: expected one of {', '.join(MODELS)}, got {model!r}")
    return MODELS[model]


def _captured(profile: str | Path | Profile | None) -> Captured:
    if profile is None:
        return Captured()
    if isinstance(profile, Profile):
        return Captured(profile)
    if isinstance(profile, str) and profile in PROFILES:
        return Captured(PROFILES[profile])
    if Path(profile).is_dir():
        return read_answers(Path(profile))
    raise ValueError(
        f"profile: there is no folder {str(profile)!r}, nor a profile of that name; there are {', '.join(PROFILES)}"
    )


def _password(password: str | None, password_file: str | Path | None) -> str:
    if password is not None and password_file is not None:
        raise ValueError("give password or password_file, not both")
    if password_file is None:
        return DEFAULT_PASSWORD if password is None else password
    try:
        return Path(password_file).read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise ValueError(f"password_file: {password_file}: {error.strerror or error}") from error


def _tls(port: int | None, cert: str | Path | None, key: str | Path | None) -> ssl.SSLContext | None:
    if port is None:
        return None
    if cert is None or key is None:
        raise ValueError("https_port needs cert and key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"cert, key: {error}") from error
    return context
