"""What the device is and remembers: identity, clock, disk, login, the scene before it, and what was asked of it."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from .captured import Captured
from .faults import Faults
from .host_list import Hosts
from .login import Login
from .markup import Element
from .measuring import Measuring
from .metadata_settings import MetadataSettings
from .models import Model
from .pictures import Lens
from .profiles import Profile
from .scene import Scene, to_tenths
from .schema import Values
from .units import Unit

ALARMS_KEPT = 5


class Device:
    """A camera without its sockets. All methods belong to the simulator's one thread."""

    def __init__(
        self,
        *,
        model: Model,
        profile: Profile,
        name: str,
        username: str,
        password: str,
        lock_attempts: int,
        lock_seconds: float,
        utc_offset: timedelta,
        identity: str,
        captured: Captured,
    ) -> None:
        self.model = model
        self.profile = profile
        self.captured = captured
        self.name = name
        self.measuring = Measuring(model, profile)
        self.metadata = MetadataSettings(model, profile)
        self.faults = Faults()
        self.hosts = Hosts(profile)
        self.config_channel = profile.config_channel or model.thermal.id
        self.data_channel = profile.data_channel or model.thermal.id
        self.identity = hashlib.sha256(identity.encode()).hexdigest()
        self.zone = timezone(utc_offset)
        self.skew = timedelta(0)
        self.disk = "ok"
        self.requests: Counter[str] = Counter()
        self.writes: list[dict[str, Any]] = []
        self.stored: dict[str, bytes] = {}
        self.past_alarms: deque[Element] = deque(maxlen=ALARMS_KEPT)
        width, height = profile.matrix or model.matrix
        self.scene = Scene((height, width), self.measuring.rules(), time.monotonic)
        self.lens = Lens(self.scene)
        self.login = Login(
            username=username,
            password=password,
            realm=f"IP Camera({self.identity[:5].upper()})",
            profile=profile,
            attempts=lock_attempts,
            seconds=lock_seconds,
            clock=time.monotonic,
        )
        self.booted = self.now()

    @property
    def serial(self) -> str:
        """The nine digits at the end of the serial number."""
        return f"{int(self.identity[:12], 16) % 10**9:09}"

    @property
    def mac(self) -> str:
        """A locally administered address of its own."""
        digits = self.identity[12:22]
        return ":".join(["02", *(digits[at : at + 2] for at in range(0, 10, 2))])

    @property
    def posix_zone(self) -> str:
        """The time zone the way the device writes it, with inverted sign: `CST-1:00:00` is UTC+1 (isapi.md 1.1)."""
        offset = self.zone.utcoffset(None)
        minutes = round(-offset.total_seconds() / 60)
        return f"CST{'-' if minutes <= 0 else '+'}{abs(minutes) // 60}:{abs(minutes) % 60:02}:00"

    @property
    def unit(self) -> Unit:
        """The unit temperatures are told in."""
        return self.measuring.unit

    @property
    def uptime_milliseconds(self) -> int:
        """Since the last boot, as the 32 bits that devices have for it."""
        return int((self.now() - self.booted).total_seconds() * 1000) & 0xFFFFFFFF

    def now(self) -> datetime:
        """The device's own time."""
        return datetime.now(self.zone) + self.skew

    def restart(self) -> None:
        """Boot: the login state is forgotten, what was written stays."""
        self.login.restart()
        self.booted = self.now()

    def configure(self, changes: Mapping[str, Values]) -> None:
        """Take over what a PUT has changed: values by the name of their document."""
        self.measuring.take(changes)
        self.scene.watch(self.measuring.rules())

    def linked(self, trigger: str) -> bool:
        """Whether the trigger notifies the surveillance center, without which it is silent (isapi.md 6.1)."""
        return trigger.partition("-")[0] not in self.profile.unlinked

    def armed(self, trigger: str) -> bool:
        """Whether the trigger's arming schedule has any time of the week in it (isapi.md 6.1)."""
        event = trigger.partition("-")[0]
        return event not in {name.removesuffix("s") for name in self.profile.unscheduled}

    def picture(self, channel: int, size: tuple[int, int] | None = None) -> bytes:
        """A JPEG picture of a channel, in its main stream's size unless another is given."""
        found = self.model.channel(channel)
        assert found is not None, "checked by the caller"
        main = found.streams[0]
        return self.lens.take(found, size or (main.width, main.height), self.now())

    def logins(self) -> dict[str, Any]:
        """How many logins were accepted and refused, and until when the account is locked (RFC 3339 or None)."""
        left = self.login.locked_for
        until = datetime.now(UTC) + timedelta(seconds=left)
        return {
            "accepted": self.login.accepted,
            "refused": self.login.refused,
            "locked_until": until.isoformat(timespec="milliseconds").replace("+00:00", "Z") if left else None,
        }

    def rules(self) -> dict[str, dict[str, dict[str, float]]]:
        """What each rule of the thermal channel measures, in °C: channel -> rule -> max, min, average."""
        readings = {rule: to_tenths(self.scene.reading(rule)) for rule in self.scene.rules}
        return {
            str(self.model.thermal.id): {
                str(rule): {"max": reading.highest, "min": reading.lowest, "average": reading.average}
                for rule, reading in readings.items()
            }
        }

    def fires(self) -> list[dict[str, Any]]:
        """The burning fires: region number, hottest place (0…1), temperature in °C, distance in metres or None."""
        return [
            {"region": fire.region, "x": fire.x, "y": fire.y, "celsius": fire.celsius, "distance_m": fire.distance_m}
            for fire in self.scene.fires.values()
        ]
