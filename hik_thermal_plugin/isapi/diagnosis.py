"""A look at everything that alarms, temperatures and video need, over GET and DESCRIBE alone (isapi.md 1.4, 5.4, 6.1, 8; rtsp.md 1).

Each question stands alone: what one does not answer keeps no other from being asked. Only a refused login, or a second question that
nobody answers, ends the look over HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    Disk,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    now,
)

from ..transport import Diagnosis, Identity, TemperatureSource
from ..wire.device import Trigger, parse_storage, parse_triggers, parse_user_check
from ..wire.rules import SECTIONS, Section, parse_rules
from ..wire.schedules import Schedule, parse_schedules
from ..wire.xml import boolean, open_document
from .alert_stream import PATH as ALERT_STREAM
from .archive import DeviceArchive
from .channels import ThermalChannels
from .client import IsapiClient
from .findings import CLOCK_TOLERANCE, finding_of, length, worst_first
from .frames import Frames
from .part_stream import PartStream
from .polling import PATH as POLLING
from .rules import PRESET, DeviceRules
from .thermometry import PATH as REAL_TIME
from .video_diagnosis import Notes, VideoExamination

SCHEDULES = ("thermometry", "fireDetections", "temperature")
"""Lists of arming schedules; the last one is that of temperature differences."""
_MOST_LOST = 2
_LAST_HOUR = timedelta(hours=1)
_OK_STATES = frozenset({"ok", "normal", "idle"})
T = TypeVar("T")


class Examination:
    """One look at one camera, by one thread. `channel` is where it is to be thermal; None: not known."""

    def __init__(
        self,
        client: IsapiClient,
        numbers: ThermalChannels,
        rules: DeviceRules,
        frames: Frames,
        archive: DeviceArchive,
        *,
        identity: Identity,
        channel: int | None,
        metadata_wanted: bool,
        rtsp_port: int,
        deadline: float,
    ) -> None:
        self._client = client
        self._camera = client.camera
        self._numbers = numbers
        self._rules = rules
        self._frames = frames
        self._archive = archive
        self._identity = identity
        self._metadata_wanted = metadata_wanted
        self._rtsp_port = rtsp_port
        self._deadline = deadline
        self._notes = Notes(client.camera)
        self._findings = self._notes.findings
        self._facts = self._notes.facts
        self._offers = self._notes.offers
        self._find = self._notes.find
        self._lost: list[str] = []
        self._silences = 0
        self._denied: list[str] = []
        self._channel = self._checked(channel)

    def run(self) -> Diagnosis:
        """Look, and tell what was seen."""
        try:
            with self._client.conversation():
                self._look()
        except Refused as error:
            self._findings.append(finding_of(self._camera, error))
        else:
            VideoExamination(self._client, self._identity, self._channel or 1, self._rtsp_port, self._notes).run(
                metadata_wanted=self._metadata_wanted
            )
        self._clock()
        if self._lost:
            self._find("half_answer", f"not everything is answered: {'; '.join(self._lost)}")
        if self._denied:
            self._find("rights_missing", f"this user may not read everything: {'; '.join(self._denied)}")
        return Diagnosis(findings=worst_first(self._findings), facts=self._facts, offers=self._offers)

    def _look(self) -> None:
        self._login()
        self._alarm_stream()
        triggers = self._get("/ISAPI/Event/triggers", parse_triggers)
        if self._channel is not None:
            documents = self._thermometry(self._channel)
            self._temperatures(self._channel, measuring=documents.get("measuring") is not False)
            fire_off = documents.get("fire_detection") is False
            if triggers is not None:
                self._linkage(triggers, fire_off=fire_off)
            self._schedules(fire_off=fire_off, differences=bool(documents.get("difference_rules")))
        disks = self._get("/ISAPI/ContentMgmt/Storage", parse_storage)
        if disks is not None:
            self._disks(disks)
        self._search(self._channel or 1)

    def _login(self) -> None:
        check = self._get("/ISAPI/Security/userCheck", parse_user_check)
        if check is not None and (check.default_password or check.risk_password):
            kind = "the factory's" if check.default_password else "weak"
            self._find("default_password", f"the camera calls the password of {self._client.username} {kind}")
        if (limit := self._identity.most_connections) is not None:
            self._facts["connections"] = f"at most {limit} users at a time"

    def _alarm_stream(self) -> None:
        def listen() -> bool:
            with PartStream(self._client, "alarm stream") as stream:
                stream.open(ALERT_STREAM)
            return True

        try:
            self._facts["alarms"] = "answers" if listen() else ""
        except NoPermission as error:
            self._find("alarms_denied", str(error))
        except (Refused, Unreachable) as error:
            self._passed_over(error)
        except Busy as error:
            self._findings.append(finding_of(self._camera, error))
        except CameraError as error:
            self._find("no_alarms", str(error))

    def _thermometry(self, channel: int) -> dict[str, object]:
        """Read what is measured, and find what is switched off; the rules document, and whether temperatures are measured at all."""
        bodies: dict[Section, bytes] = {}
        for section in SECTIONS:
            fetched = self._ask(lambda name=section: self._rules.fetch(name, channel, self._deadline))  # type: ignore[misc]
            if fetched is not None:
                bodies[section] = fetched.body
        try:
            said = parse_rules(bodies, camera=self._camera)
            measuring = boolean(open_document(bodies["basic"]), "enabled") if "basic" in bodies else None
        except BadAnswer as error:
            self._passed_over(error)
            return {}
        if measuring is False:
            self._find("measuring_off", f"temperature measurement is switched off on channel {channel}")
        elif said.get("mode") != "normal" and said.get("regions") == {}:
            self._find("no_rule_enabled", f"no measuring rule is enabled on channel {channel}")
        elif said.get("regions") and said.get("alarm_rules") == {} and not said.get("difference_rules"):
            self._find("no_alarm_rule", f"no alarm rule is enabled on channel {channel}")
        if said.get("fire_detection") is False:
            self._find("fire_detection_off", f"fire detection is switched off on channel {channel}")
        return {**said, "measuring": measuring}

    def _temperatures(self, channel: int, *, measuring: bool) -> None:
        client, numbers = self._client, self._numbers

        def stream(number: int) -> str:
            with PartStream(client, "real-time thermometry") as parts:
                parts.open(REAL_TIME.format(number), any_type=True)
            return f"channel {number} answers"

        def poll(number: int) -> str:
            client.get(POLLING.format(number, PRESET), deadline=self._deadline)
            return f"channel {number} answers"

        def frame() -> str:
            taken = self._frames.fetch(channel, self._deadline)
            return f"{taken.width} x {taken.height} temperatures" + (", standing still" if taken.frozen else "")

        ways: tuple[tuple[TemperatureSource, str, Callable[[], str]], ...] = (
            ("realtime", "real-time temperatures", lambda: numbers.ask("data", "realtime", channel, stream)),
            ("poll", "polled temperatures", lambda: numbers.ask("data", "poll", channel, poll)),
            ("frame", "radiometric frames", frame),
        )
        for source, name, ask in ways:
            try:
                self._facts[name] = ask()
                self._offers[source] = True
            except Unsupported:
                self._facts[name] = "not offered"
                self._offers[source] = False
            except DeviceError as error:
                self._facts[name] = self._short(error)
            except CameraError as error:
                self._facts[name] = self._short(error)
                self._passed_over(error)
        if measuring and self._offers and not any(self._offers.values()) and len(self._offers) == len(ways):
            self._find("no_temperatures", f"channel {channel} tells no temperatures: no stream, no polling, no frames")

    def _linkage(self, triggers: tuple[Trigger, ...], *, fire_off: bool) -> None:
        thermal = [trigger for trigger in triggers if trigger.thermal]
        if not thermal:
            self._find("no_thermal_trigger", "the camera lists no thermal event trigger")
        for trigger in thermal:
            if not trigger.notifies and not (fire_off and trigger.event_type.lower() == "firedetection"):
                self._find(
                    "trigger_not_linked",
                    f'{trigger.id} ({trigger.event_type}) is not linked to "Notify Surveillance Center"',
                )

    def _schedules(self, *, fire_off: bool, differences: bool) -> None:
        there = self._clock_there()
        for name in SCHEDULES:
            if (name == "fireDetections" and fire_off) or (name == "temperature" and not differences):
                continue
            listed = self._get(f"/ISAPI/Event/schedules/{name}", parse_schedules) or ()
            for schedule in listed:
                if schedule.channel in (None, self._channel):
                    self._armed(schedule, name, there)

    def _armed(self, schedule: Schedule, name: str, there: datetime | None) -> None:
        what = f"{schedule.id or name} ({schedule.event_type or name})"
        if not schedule.spans:
            self._find("not_scheduled", f"{what} is armed at no time of the week")
        elif there is not None and not schedule.covers(there):
            self._find("not_armed_now", f"{what} is not armed now: it is {there:%A %H:%M} there")

    def _disks(self, disks: tuple[Disk, ...]) -> None:
        if not disks:
            self._find("no_disk", "the camera has no disk and no network share to record on")
        for disk in disks:
            name = f"{disk.kind} {disk.id}" + (f" ({disk.name})" if disk.name else "")
            if disk.state is not None and disk.state.lower() not in _OK_STATES:
                self._find("disk_error", f"{name} is {disk.state}")
            elif disk.capacity and disk.free == 0:
                self._find("disk_full", f"{name} is full")
            free = "" if disk.free is None or not disk.capacity else f", {disk.free / disk.capacity:.0%} free"
            self._facts[name] = (disk.state or "?") + free + (", encrypted" if disk.encrypted else "")

    def _clock(self) -> None:
        there, ahead = self._clock_there(), self._identity.clock_ahead
        if there is None or ahead is None:
            return
        zone = there.strftime("%z")
        zone = f"UTC{zone[:3]}:{zone[3:5]}"
        self._facts["clock"] = f"{round(ahead.total_seconds()):+d} s against ours, zone {zone}"
        if abs(ahead) > CLOCK_TOLERANCE:
            words = "ahead of" if ahead > timedelta(0) else "behind"
            self._find("clock_off", f"the camera's clock is {length(abs(ahead))} {words} ours; its zone is {zone}")

    def _clock_there(self) -> datetime | None:
        identity = self._identity
        if identity.clock_ahead is None or identity.zone is None:
            return None
        return (now() + identity.clock_ahead).astimezone(identity.zone)

    def _search(self, channel: int) -> None:
        """Search for the recordings of the last hour."""
        end = now()
        try:
            found_files = list(self._archive.search(channel * 100 + 1, end - _LAST_HOUR, end, None))
        except Unsupported:
            self._facts["search of recordings"] = "not offered"
        except NoPermission as error:
            self._passed_over(error)
        except CameraError as error:
            self._facts["search of recordings"] = self._short(error)
        else:
            self._facts["search of recordings"] = f"answers, {len(found_files)} in the last hour"

    def _checked(self, channel: int | None) -> int | None:
        """Return the channel to look at: the one wanted when it is there, else the one the camera tells."""
        identity = self._identity
        known = [item.id for item in identity.channels or ()]
        if channel is None:
            self._find("no_thermal_channel", f"which channel is thermal is not known: {identity.thermal_evidence}")
        elif known and channel not in known:
            there = ", ".join(map(str, known))
            self._find("wrong_channel", f"channel {channel} is configured as the thermal one; the camera has {there}")
            return identity.thermal_channel
        return channel

    def _get(self, path: str, parse: Callable[[bytes], T]) -> T | None:
        def ask() -> T:
            body = self._client.get(path, deadline=self._deadline)
            try:
                return parse(body)
            except BadAnswer as error:
                raise BadAnswer(f"{self._camera}: GET {path} answered {error}", camera=self._camera) from error

        return self._ask(ask)

    def _ask(self, question: Callable[[], T]) -> T | None:
        """Return the answer; None where there is none, which is kept in mind."""
        try:
            return question()
        except CameraError as error:
            self._passed_over(error)
            return None

    def _passed_over(self, error: CameraError) -> None:
        """Keep in mind that a question was not answered; raise where there is no use in asking on."""
        match error:
            case Unsupported():
                pass
            case NoPermission():
                self._denied.append(self._short(error))
            case Refused():
                raise error
            case Unreachable():
                self._silences += 1
                if self._silences <= _MOST_LOST:
                    self._lost.append(self._short(error))
                if self._silences == _MOST_LOST:
                    self._deadline = time.monotonic()  # the rest is not asked
            case _:
                self._lost.append(self._short(error))

    def _short(self, error: CameraError) -> str:
        return str(error).removeprefix(f"{self._camera}: ")
