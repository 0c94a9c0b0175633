"""A plugin with cameras that are none, steered by its section `fake`: what they raise, what they tell, how they close.

Loaded through an entry point in tests that start a process of their own, and directly in the others.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from nvr_hooks import (
    CONTRACT_VERSION,
    AuthBlocked,
    BadAnswer,
    Busy,
    CameraChanged,
    CameraInfo,
    ConfigError,
    ConnectionChanged,
    Event,
    Finding,
    FireAlarm,
    FrameOptions,
    Health,
    Measurement,
    MeasureOptions,
    Mistake,
    NvrError,
    Rules,
    RulesDiff,
    Sink,
    Snapshot,
    SnapshotOptions,
    StreamUrl,
    Subscription,
    TemperatureAlarm,
    TemperatureReading,
    ThermalFrame,
    Unreachable,
    Unsupported,
    Where,
    hookimpl,
)
from nvr_hooks.testing import FakeCamera, FakeSubscription

FAILURES: dict[str, Exception] = {
    "unreachable": Unreachable("kiln: GET /ISAPI/System/deviceInfo: no route to host", camera="kiln"),
    "refused": AuthBlocked("kiln: GET /ISAPI/System/deviceInfo answered 401 (wrong password?)", camera="kiln"),
    "unsupported": Unsupported("kiln: has no picture", camera="kiln"),
    "busy": Busy("kiln: is upgrading", camera="kiln"),
    "bug": ZeroDivisionError("a plugin's own mistake"),
}
SCHEMA = {
    "type": "object",
    "properties": {
        "cameras": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Camera"}},
        "close": {"type": "string"},
    },
    "$defs": {"Camera": {"type": "object", "properties": {"fails": {"enum": [*FAILURES]}}}},
}


class Cameras:
    """The cameras of the section `fake`."""

    nvr_contract = CONTRACT_VERSION

    def __init__(self) -> None:
        self.cameras: dict[str, FakeCamera] = {}
        self.section: Mapping[str, Any] = {}
        self.released = threading.Event()
        self.takes_over = False
        self.frames = 0

    @hookimpl
    def nvr_config_schema(self) -> tuple[str, Mapping[str, Any]]:
        """Tell the section."""
        return ("fake", SCHEMA)

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        """Make the cameras; `mistakes` is raised, `crash` is a bug."""
        self.section = config.get("fake", {})
        if self.section.get("crash"):
            raise RuntimeError(f"cannot read {self.section}")
        if mistakes := self.section.get("mistakes"):
            raise ConfigError([Mistake(f"fake.{path}", problem) for path, problem in mistakes.items()])
        self.cameras = {name: FakeCamera(name) for name in self.section.get("cameras", {})}
        for name, camera in self.cameras.items():
            if self._of(name).get("unknown"):
                camera.info = replace(
                    camera.info, channels=None, thermal_channel=None, model=None, serial=None, state="starting"
                )

    @hookimpl
    def nvr_cameras(self) -> Sequence[CameraInfo]:
        """List them."""
        return [camera.info for camera in self.cameras.values()]

    @hookimpl
    def nvr_listen(self, camera: str, sink: Sink) -> Subscription | None:
        """Tell what the section says: `connection`, then `alarms` fires, then `learns` what models it is."""
        if camera not in self.cameras:
            return None
        if self._of(camera).get("deaf"):
            raise Unsupported(f"{camera}: alarms: not there", camera=camera)
        subscription = self.cameras[camera].nvr_listen(camera=camera, sink=sink)
        return self._told(camera, subscription, self._events(camera))

    @hookimpl
    def nvr_watch(self, camera: str, sink: Sink) -> Subscription | None:
        """Tell the section's `readings`: rule -> °C, after `temperatures`, the connection."""
        if camera not in self.cameras:
            return None
        if self._of(camera).get("blind"):
            raise Unsupported(f"{camera}: live temperatures: not there", camera=camera)
        subscription = self.cameras[camera].nvr_watch(camera=camera, sink=sink)
        events: list[Event] = [
            TemperatureReading(camera=camera, channel=2, rule=rule, rule_name=f"rule {rule}", highest_celsius=celsius)
            for rule, celsius in self._of(camera).get("readings", {}).items()
        ]
        if state := self._of(camera).get("temperatures"):
            events.insert(0, ConnectionChanged(camera=camera, source="realtime", state=state, reason=f"{camera}: hot"))
        if self._of(camera).get("metadata"):
            events.insert(0, METADATA)
        return self._told(camera, subscription, events)

    @hookimpl
    def nvr_measure(
        self, camera: str, channel: int | None, where: Where, options: MeasureOptions
    ) -> Measurement | None:
        """Measure, or fail."""
        if not self._try(camera):
            return None
        return self.cameras[camera].nvr_measure(camera=camera, channel=channel, where=where, options=options)

    @hookimpl
    def nvr_thermal_frame(self, camera: str, channel: int | None, options: FrameOptions) -> ThermalFrame | None:
        """Take a frame, or fail: always, or when the number of the frame is in `misses`."""
        if not self._try(camera):
            return None
        self.frames += 1
        if self.frames in self._of(camera).get("misses", ()):
            raise FAILURES["busy"]
        return self.cameras[camera].nvr_thermal_frame(camera=camera, channel=channel, options=options)

    @hookimpl
    def nvr_rules(self, camera: str, channel: int | None) -> Rules | None:
        """Tell the rules, or fail."""
        return self.cameras[camera].nvr_rules(camera=camera, channel=channel) if self._try(camera) else None

    @hookimpl
    def nvr_apply_rules(self, camera: str, channel: int | None, rules: Rules, dry_run: bool) -> RulesDiff | None:
        """Write the rules, or fail; `slow` takes seconds, `interrupted` gets so many Ctrl-C meanwhile."""
        if not self._try(camera):
            return None
        self.released.wait(self._of(camera).get("slow", 0))
        for _ in range(self._of(camera).get("interrupted", 0)):
            signal.raise_signal(signal.SIGINT)
        return self.cameras[camera].nvr_apply_rules(camera=camera, channel=channel, rules=rules, dry_run=dry_run)

    @hookimpl
    def nvr_snapshot(self, camera: str, channel: int | None, options: SnapshotOptions) -> Snapshot | None:
        """Take the picture, or fail."""
        return self._try(camera) and self.cameras[camera].nvr_snapshot(camera=camera, channel=channel, options=options)

    @hookimpl
    def nvr_stream_url(self, camera: str, channel: int | None, profile: str) -> StreamUrl | None:
        """Tell the address, or fail; asked once, a camera knows its channels."""
        if not self._try(camera):
            return None
        if self._of(camera).get("unknown") == "asked":
            self.cameras[camera].info = FakeCamera(camera).info
        return StreamUrl(url=f"rtsp://192.0.2.1/{channel or 2}/{profile}", username="user", password="p/w")

    @hookimpl
    def nvr_diagnose(self, camera: str) -> Sequence[Finding] | None:
        """Find what the section says."""
        if not self._try(camera):
            return None
        return [
            Finding(camera=camera, severity=severity, code=code, what=code, why="it matters", mend="mend it")
            for code, severity in self._of(camera).get("findings", {}).items()
        ]

    @hookimpl
    def nvr_probe(self, url: str, username: str, password: str) -> CameraInfo | None:
        """Know addresses of 192.0.2.0/24 alone; the password shows in the answer's length only."""
        if "192.0.2." not in url:
            return None
        return replace(FakeCamera("probed").info, url=url, device_name=f"{username} {len(password)}")

    @hookimpl
    def nvr_health(self, camera: str) -> Sequence[Health] | None:
        """Tell nothing, or hang."""
        if self.section.get("health") == ("hangs" if camera else "its own hangs"):
            self.released.wait()
        return () if camera in self.cameras else None

    @hookimpl
    def nvr_decode(self, data: bytes) -> Sequence[Event] | None:
        """Read `fire`, `heartbeat` and `broken`."""
        match data.strip():
            case b"fire":
                return [FireAlarm(camera="", channel=2, raw_type="fireDetection", celsius=101.0)]
            case b"heartbeat":
                return []
            case b"broken":
                raise BadAnswer("the document ends in the middle", data=data)
            case _:
                return None

    @hookimpl
    def nvr_commands(self, cli: Any) -> None:
        """Add `fake-count`, which shows that a plugin's command finds it configured, and one that is the host's."""

        @cli.command("fake-count")
        def count(ctx: typer.Context, add: Annotated[int, typer.Option("--add")] = 0) -> None:
            """Count cameras."""
            if add < 0:
                raise Busy("not now")
            typer.echo(f"{len(self.cameras) + add} json={ctx.obj.options.json}")

        if self.takes_over:

            @cli.command()
            def schema() -> None:
                """Take the host's command over."""

    @hookimpl
    def nvr_close(self) -> None:
        """End, or hang until the test lets go, or leave a thread."""
        match self.section.get("close"):
            case "hangs":
                self.released.wait()
            case "leaves a thread":
                threading.Thread(target=self.released.wait).start()
                self.released.wait()
            case "crashes":
                raise RuntimeError("cannot close")
        for camera in self.cameras.values():
            camera.nvr_close()
        if self.section.get("close") == "tells":
            sys.stderr.write("cameras closed\n")

    def _told(self, camera: str, subscription: FakeSubscription | None, events: Sequence[Event]) -> Subscription:
        assert subscription is not None
        for event in events:
            subscription.deliver(event)
        if self._of(camera).get("ends"):
            subscription.end("failed", FAILURES[self._of(camera)["ends"]])
        return subscription

    def _of(self, camera: str) -> Mapping[str, Any]:
        return self.section["cameras"][camera] or {}

    def _try(self, camera: str) -> bool:
        if camera not in self.cameras:
            return False
        if failure := self._of(camera).get("fails"):
            raise FAILURES[failure]
        if self._of(camera).get("hangs"):
            self.released.wait()
        return True

    def _events(self, camera: str) -> list[Event]:
        section = self._of(camera)
        events: list[Event] = []
        if section.get("metadata"):
            events.append(METADATA)
        if state := section.get("connection"):
            events.append(ConnectionChanged(camera=camera, state=state, reason=section.get("reason")))
        for number in range(section.get("alarms", 0)):
            events.append(FireAlarm(camera=camera, channel=2, raw_type="fireDetection", celsius=100.0 + number))
        if section.get("motion"):
            events.append(TemperatureAlarm(camera=camera, channel=1, raw_type="TMA", rule=1))
        info = self.cameras[camera].info
        events += [CameraChanged(camera=camera, info=replace(info, model=model)) for model in section.get("learns", ())]
        return events


METADATA = ConnectionChanged(camera="kiln", source="metadata", state="online")
"""One source of alarms and of live values."""


class Listener:
    """A consumer: subscribes to every camera on start, tells of each event and of its end on stderr."""

    def __init__(self) -> None:
        self.subscriptions: list[Any] = []
        self.fails: str | None = None

    @hookimpl
    def nvr_configure(self, config: Mapping[str, Any]) -> None:
        """Take the key `listener` of the section `fake`."""
        self.fails = config.get("fake", {}).get("listener")

    @hookimpl
    def nvr_start(self, hooks: Any) -> None:
        """Subscribe."""
        if self.fails == "on purpose":
            raise NvrError("cannot write to the outbox")
        if self.fails == "by mistake":
            raise KeyError("outbox")
        for cameras in hooks.nvr_cameras():
            for camera in cameras:
                self.subscriptions.append(hooks.nvr_listen(camera=camera.name, sink=self._take))

    @hookimpl
    def nvr_close(self) -> None:
        """Unsubscribe."""
        for subscription in self.subscriptions:
            subscription.close()
        if self.subscriptions:
            sys.stderr.write("listener closed\n")

    def _take(self, event: Event) -> None:
        sys.stderr.write(f"listener got {event.type} of {event.camera}\n")


cameras = Cameras()
listener = Listener()
