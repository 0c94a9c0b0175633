"""What keeps a camera's alarms from being sent, and what its refusals mean: findings for people (isapi.md 6.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from nvr_hooks import (
    AuthBlocked,
    Busy,
    CameraError,
    Finding,
    NoPermission,
    Refused,
    Unreachable,
    Unsupported,
    rfc3339,
)

from ..wire.device import Trigger

CLOCK_TOLERANCE = timedelta(minutes=1)


def linkage_findings(camera: str, triggers: Iterable[Trigger]) -> Sequence[Finding]:
    """Return a finding for each thermal trigger that does not tell anybody: not linked to "Notify Surveillance Center"."""
    thermal = [trigger for trigger in triggers if trigger.thermal]
    found = [
        Finding(
            camera=camera,
            severity="error",
            code="trigger_not_linked",
            what=f'{trigger.id} ({trigger.event_type}) is not linked to "Notify Surveillance Center"',
            why="the camera sees the alarm but sends it to nobody",
            mend="in the camera's web page open the event, tab Linkage Method, and tick Notify Surveillance Center",
        )
        for trigger in thermal
        if not trigger.notifies
    ]
    if not thermal:
        found.append(
            Finding(
                camera=camera,
                severity="warning",
                code="no_thermal_trigger",
                what="the camera lists no thermal event trigger",
                why="temperature and fire alarms may be switched off or not offered to this user",
                mend="enable temperature measurement or fire detection in the camera's web page and give the user the right to it",
            )
        )
    return found


def clock_findings(camera: str, ahead: timedelta | None) -> Sequence[Finding]:
    """Return a finding when the device's clock is off by more than a minute."""
    if ahead is None or abs(ahead) <= CLOCK_TOLERANCE:
        return ()
    words = "ahead of" if ahead > timedelta(0) else "behind"
    return (
        Finding(
            camera=camera,
            severity="warning",
            code="clock_off",
            what=f"the camera's clock is {_length(abs(ahead))} {words} ours",
            why="alarm times and recordings are found at the wrong place",
            mend="set time zone and NTP in the camera's web page, System, Time Settings",
        ),
    )


def finding_of(camera: str, error: CameraError) -> Finding:
    """Return the finding an error stands for."""
    code, why, mend = _meaning(error)
    severity: Literal["error", "warning"] = "warning" if isinstance(error, Busy) else "error"
    return Finding(camera=camera, severity=severity, code=code, what=str(error), why=why, mend=mend)


def _meaning(error: CameraError) -> tuple[str, str, str]:
    match error:
        case AuthBlocked(until=until):
            end = f" at {rfc3339(until)}" if until else ""
            return (
                "auth_blocked",
                "after two refused logins nothing more is sent, so that the camera does not lock the account",
                f"correct username and password: that helps at once; or wait, the next try is{end or ' due by itself'}",
            )
        case NoPermission():
            return (
                "no_permission",
                "this user may not do it, so what depends on it does not work",
                "give the user remote rights for live view, alarm and parameters in the camera's user management",
            )
        case Refused():
            return ("refused", "nothing works without a login", "check username and password")
        case Unreachable():
            return (
                "unreachable",
                "nothing can be received from a camera that does not answer",
                "check address, port, power, cable and firewall",
            )
        case Unsupported():
            return ("unsupported", "this firmware does not offer it", "update the firmware, or do without")
        case Busy():
            return ("busy", "the camera has no room for one more connection now", "close other clients, or try again")
    return ("bad_answer", "the camera's answer could not be understood", "report it with `hik-thermal probe -v`")


def _length(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes // 1440} days"
