"""What a diagnosis can find: each with its severity, why it matters and how to mend it, and the errors that stand for one.

Facts: isapi.md 1.5 (lock), 1.6 (errors), 5.4 (storage), 6.1 (what alarms need). docs/troubleshooting.md lists them by symptom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from nvr_hooks import AuthBlocked, Busy, CameraError, Finding, NoPermission, Refused, Unreachable, Unsupported, rfc3339

CLOCK_TOLERANCE = timedelta(minutes=1)
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a finding of one code means, whatever the camera."""

    severity: Severity
    why: str
    mend: str


_RIGHTS = "give the user remote rights for live view, alarm and parameters in the camera's user management"
_EVENT_PAGE = "in the camera's web page open the event"

MEANINGS: Mapping[str, Meaning] = {
    "untrusted": Meaning(
        "error",
        "the password is not sent to whoever shows a certificate that is not trusted",
        "give the camera's own certificate as tls: {ca: FILE}, or its SHA-256 as tls: {fingerprint: …}; if it was trusted before, "
        "find out first who has changed it",
    ),
    "unreachable": Meaning(
        "error",
        "nothing can be received from a camera that does not answer",
        "check address, port, power, cable and firewall",
    ),
    "no_answer": Meaning(
        "error",
        "it takes the connection and says nothing, so nothing can be received",
        "restart the camera; if that does not help, check that the port of its url is its HTTP port",
    ),
    "not_isapi": Meaning(
        "error",
        "a page for people answers there, which is no ISAPI: another device, a portal, or another port",
        "give the address and the HTTP port of the camera itself as its url",
    ),
    "cut_off": Meaning(
        "error",
        "its answers break off in the middle, so they cannot be understood",
        "restart the camera, update its firmware, and look for a proxy or a bad line in between",
    ),
    "account_locked": Meaning(
        "error",
        "the camera lets nobody in with this user until then, the people at its web page included",
        "find who logs in with a wrong password; then wait, or restart the camera, which ends the lock",
    ),
    "auth_blocked": Meaning(
        "error",
        "after two refused logins nothing more is sent, so that the camera does not lock the account",
        "correct username and password: that helps at once; or wait, the next try is due by itself",
    ),
    "refused": Meaning("error", "nothing works without a login", "check username and password"),
    "not_activated": Meaning(
        "error", "a camera without a password does nothing", "open its web page, activate it and give it a password"
    ),
    "no_room": Meaning(
        "error",
        "the camera has as many users or connections as it takes, so there is no place left for us",
        "close other clients and viewers of the camera, or restart it",
    ),
    "no_permission": Meaning("error", "this user may not do it, so what depends on it does not work", _RIGHTS),
    "busy": Meaning(
        "warning", "the camera has no room for one more connection now", "close other clients, or try again"
    ),
    "unsupported": Meaning("error", "this firmware does not offer it", "update the firmware, or do without"),
    "bad_answer": Meaning(
        "error", "the camera's answer could not be understood", "report it with `hik-thermal probe -v`"
    ),
    "push_not_set_up": Meaning(
        "warning",
        "what the camera is to push does not arrive",
        "tell it to: hik-thermal listen CAMERA --set-up --write; or leave push out of its sources",
    ),
    "push_unsupported": Meaning(
        "warning",
        "what the camera is to push cannot arrive",
        "leave push out of its sources, and list alert_stream",
    ),
    "no_thermal_channel": Meaning(
        "error",
        "temperatures and fire are looked for on the thermal channel, and nothing says which that is",
        "set data_channel to its number; if the camera has no thermal sensor, it is the wrong one",
    ),
    "wrong_channel": Meaning(
        "error", "temperatures and fire are looked for on a channel that is not there", "correct or remove data_channel"
    ),
    "alarms_denied": Meaning("error", "the camera does not let this user listen to its alarms", _RIGHTS),
    "no_alarms": Meaning(
        "error", "alarms cannot be received", "see what the camera answered; a restart or newer firmware may help"
    ),
    "half_answer": Meaning(
        "error",
        "the camera says who it is, but not all of the rest: it is overloaded, or its firmware hangs",
        "restart the camera; if it comes back, update its firmware and take other clients off it",
    ),
    "measuring_off": Meaning(
        "error",
        "the camera measures no temperatures, so no temperature and no temperature alarm can come",
        "in the camera's web page open Temperature Measurement, Basic Settings, and enable it",
    ),
    "trigger_not_linked": Meaning(
        "error",
        "the camera sees the alarm but sends it to nobody",
        f"{_EVENT_PAGE}, tab Linkage Method, and tick Notify Surveillance Center",
    ),
    "not_scheduled": Meaning(
        "error",
        "the camera tells an event only at the times it is armed for, and there are none",
        f"{_EVENT_PAGE}, tab Arming Schedule, and mark the times",
    ),
    "disk_error": Meaning(
        "error", "nothing is recorded on it", "format the disk in the camera's web page, Storage, or replace it"
    ),
    "fire_detection_off": Meaning(
        "warning", "the camera does not look for fires", f"{_EVENT_PAGE} Fire Detection, and enable it"
    ),
    "no_thermal_trigger": Meaning(
        "warning",
        "temperature and fire alarms may be switched off or not offered to this user",
        "enable temperature measurement or fire detection in the camera's web page and give the user the right to it",
    ),
    "not_armed_now": Meaning(
        "warning",
        "the camera does not tell this event now, whatever happens",
        f"{_EVENT_PAGE}, tab Arming Schedule, and mark the times at which it is to be told",
    ),
    "no_rule_enabled": Meaning(
        "warning",
        "without a measuring rule the camera tells no temperatures and raises no temperature alarm",
        "draw rules in the camera's web page, Temperature Measurement, or apply a file with `hik-thermal rules`",
    ),
    "no_alarm_rule": Meaning(
        "warning",
        "temperatures come, but no limit is set that would raise an alarm",
        "set alarm rules in the camera's web page, or with `hik-thermal rules`; or use virtual_rules",
    ),
    "rights_missing": Meaning("warning", "this user may not read it, so what depends on it does not work", _RIGHTS),
    "no_temperatures": Meaning(
        "warning",
        "the camera tells temperatures in none of the ways that are known here",
        "update the firmware; metadata over RTSP may be there when it is switched on in the camera",
    ),
    "metadata_off": Meaning(
        "warning",
        "burning spots, and temperatures where the configuration wants them from there, come in the metadata beside the video",
        "set metadata: {enable: true}, then `hik-thermal run` switches it on; or do so in the camera's web page, format ISAPI",
    ),
    "rtsp_unreachable": Meaning(
        "warning",
        "live video, recordings and metadata come over RTSP",
        "set rtsp_port to the camera's own RTSP port (Network, Basic Settings, Port) and let it through the firewall",
    ),
    "rtsp_denied": Meaning(
        "warning",
        "live video, recordings and metadata come over RTSP",
        "give the user the right to live view; set RTSP authentication to digest (System, Security, Authentication)",
    ),
    "rtsp_no_room": Meaning(
        "warning",
        "the camera sends as many streams as it can, so there is none left for us",
        "close other viewers and recorders of the camera, or use a stream server that asks the camera once",
    ),
    "rtsp_bad": Meaning(
        "warning", "live video and recordings come over RTSP", "restart the camera; report it with what it answered"
    ),
    "clock_off": Meaning(
        "warning",
        "alarm times and recordings are found at the wrong place",
        "set time zone and NTP in the camera's web page, System, Time Settings",
    ),
    "disk_full": Meaning(
        "warning",
        "new recordings overwrite old ones, or are not made at all",
        "turn overwriting on in the camera's web page, Storage, or free space",
    ),
    "no_disk": Meaning(
        "warning",
        "the camera cannot record by itself: there is nothing to search, play back or download",
        "put a card in, or a network share under Storage; needless where something else records",
    ),
    "default_password": Meaning(
        "warning", "everybody knows or guesses this password", "give the user another one, here and in the camera"
    ),
}
"""By code, worst first: findings come in this order within their severity."""
_ORDER = {code: place for place, code in enumerate(MEANINGS)}
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


def found(camera: str, code: str, what: str, *, mend: str | None = None) -> Finding:
    """Return the finding of this code."""
    meaning = MEANINGS[code]
    return Finding(
        camera=camera, severity=meaning.severity, code=code, what=what, why=meaning.why, mend=mend or meaning.mend
    )


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return them by severity, and by what each keeps from working."""
    return tuple(sorted(findings, key=lambda item: (_SEVERITIES.index(item.severity), _ORDER[item.code])))


def finding_of(camera: str, error: CameraError) -> Finding:
    """Return the finding an error stands for that kept the camera from saying who it is."""
    mend = None
    if isinstance(error, AuthBlocked) and error.until is not None and not error.locked:
        mend = f"correct username and password: that helps at once; or wait, the next try is at {rfc3339(error.until)}"
    return found(camera, _code_of(error), str(error), mend=mend)


def _code_of(error: CameraError) -> str:
    if error.code in MEANINGS:
        return error.code
    match error:
        case AuthBlocked(locked=locked):
            return "account_locked" if locked else "auth_blocked"
        case NoPermission():
            return "no_permission"
        case Refused():
            return "refused"
        case Unreachable():
            return "unreachable"
        case Unsupported():
            return "unsupported"
        case Busy():
            return "busy"
    return "bad_answer"


def length(span: timedelta) -> str:
    """Tell a length of time in few words."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.1f} h" if minutes < 2880 else f"{minutes // 1440} days"
