"""Errors, sorted by what the caller can do about them.

Every message says what was tried, on which camera, and what came back, and never holds a secret:
`kiln: GET /ISAPI/System/deviceInfo answered 401 (wrong password?)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class NvrError(Exception):
    """Anything a hook raises on purpose."""


class CameraError(NvrError):
    """Something went wrong with a camera."""

    code = ""
    """The `Finding.code` it stands for, where the class alone does not tell: `untrusted` of an Unreachable. Empty: it does."""

    def __init__(self, message: str, *, camera: str = "") -> None:
        super().__init__(message)
        self.camera = camera


class Unreachable(CameraError):
    """No answer, or the connection was lost: try again later."""


class Refused(CameraError):
    """The camera does not let this user in: ask the user; trying again locks the account."""


class AuthBlocked(Refused):
    """Nothing is sent with these credentials until `until` or until they change, so that the account is not locked by us."""

    def __init__(self, message: str, *, camera: str = "", until: datetime | None = None, locked: bool = False) -> None:
        super().__init__(message, camera=camera)
        self.until = until
        self.locked = locked
        """The camera itself says that it has locked the account."""


class NoPermission(Refused):
    """The password is right, but the user may not do this."""


class Unsupported(CameraError):
    """The device (or this version) cannot do it: hide the feature. The message gives the reason."""


class Busy(CameraError):
    """The device has no room or time for it now: later."""


class BadAnswer(CameraError):
    """The device answered something that cannot be understood: a bug to report, with the bytes."""

    def __init__(self, message: str, *, camera: str = "", data: bytes = b"") -> None:
        super().__init__(message, camera=camera)
        self.data = data


class DeviceError(CameraError):
    """The device says that it failed: its own words and number are in the message."""


class WrongUse(NvrError):
    """The caller's mistake: an argument that makes no sense, a hook used before configuration."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a configuration."""

    path: str
    """Where: `hik_thermal.cameras.kiln.port`."""
    problem: str
    """What is wrong, with the nearest known key or the accepted values."""

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


class ConfigError(NvrError):
    """A configuration with all its mistakes at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class ContractError(NvrError):
    """A plugin was written for another contract version than this host speaks."""
