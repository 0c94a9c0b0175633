"""What a device answers when it refuses, fails, or tells about a login: ResponseStatus and userCheck (isapi.md 1.4 to 1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nvr_hooks import BadAnswer

from .xml import Element, boolean, descendant, integer, local_name, open_document, text

Meaning = Literal[
    "ok",
    "reboot",
    "busy",
    "device_error",
    "unsupported",
    "no_permission",
    "wrong_login",
    "locked",
    "not_activated",
    "bad_request",
]

_MEANINGS: dict[str, Meaning] = {
    "ok": "ok",
    "riskpassword": "ok",
    "rebootrequired": "reboot",
    "notsupport": "unsupported",
    "eventnotsupport": "unsupported",
    "methodnotallowed": "unsupported",
    "invalidchannel": "unsupported",
    "lowprivilege": "no_permission",
    "badauthorization": "wrong_login",
    "loginpassworderror": "wrong_login",
    "usernamelocked": "locked",
    "notactivated": "not_activated",
    "maxsessionuserlink": "busy",
    "nomemory": "busy",
    "serviceunavailable": "busy",
    "upgrading": "busy",
    "devicebusy": "busy",
    "reconnectipc": "busy",
}
_CODES: dict[int, Meaning] = {
    0x40000001: "unsupported",
    0x40000002: "no_permission",
    0x40000003: "wrong_login",
    0x40000004: "unsupported",
    0x40000007: "not_activated",
    0x4000000B: "busy",
    0x4000000C: "wrong_login",
    0x40001A19: "locked",
    0x6000004F: "unsupported",
    0x60001024: "unsupported",
}
_STATUS: dict[int, Meaning] = {
    0: "ok",
    1: "ok",
    2: "busy",
    3: "device_error",
    4: "bad_request",
    5: "bad_request",
    6: "bad_request",
    7: "reboot",
}
_LOCKED = frozenset({"lock", "locked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseStatus:
    """The device's own word on a request; it may come with HTTP 200 (isapi.md 1.6)."""

    status_code: int | None = None
    status_string: str | None = None
    sub_status: str | None = None
    error_code: int | None = None
    message: str | None = None
    request_url: str | None = None

    @property
    def meaning(self) -> Meaning:
        """What a caller can do about it; a 403 with `notSupport` is no missing right (isapi.md 1.6)."""
        by_word = _MEANINGS.get((self.sub_status or self.message or "").lower())
        return (
            by_word
            or _CODES.get(self.error_code or 0)
            or _STATUS.get(-1 if self.status_code is None else self.status_code, "bad_request")
        )

    @property
    def ok(self) -> bool:
        """Whether the device did what was asked, if need be after a reboot."""
        return self.meaning in ("ok", "reboot")

    def __str__(self) -> str:
        parts = [self.status_string, self.sub_status, self.message if self.message != self.sub_status else None]
        code = None if self.error_code is None else f"0x{self.error_code:08X}"
        return ", ".join(part for part in (*parts, code) if part) or f"status {self.status_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCheck:
    """What a device says of a login; parts of it also stand in the body of a 401 (isapi.md 1.4)."""

    status: int | None = None
    activated: bool | None = None
    default_password: bool | None = None
    risk_password: bool | None = None
    locked: bool | None = None
    unlock_seconds: int | None = None
    """Seconds until the lock ends; 0 while there is none."""
    tries_left: int | None = None


def parse_response_status(body: bytes) -> ResponseStatus | None:
    """Return the status a body holds, as XML or JSON; None when it is something else: HTML, a picture, another document. Never raises."""
    root = _open(body, "ResponseStatus")
    if root is None or local_name(root) != "ResponseStatus" or descendant(root, "statusCode", "subStatusCode") is None:
        return None
    return ResponseStatus(
        status_code=integer(root, "statusCode"),
        status_string=text(root, "statusString"),
        sub_status=text(root, "subStatusCode"),
        error_code=_code(text(root, "errorCode")),
        message=text(root, "errorMsg"),
        request_url=text(root, "requestURL") or text(root, "requestUrl"),
    )


def parse_user_check(body: bytes) -> UserCheck | None:
    """Return what a body says of the login, from /Security/userCheck or a 401; None when it says nothing of it. Never raises."""
    root = _open(body, "userCheck")
    if root is None:
        return None
    lock = descendant(root, "lockStatus")
    own = local_name(root) == "userCheck" and descendant(root, "statusValue", "isActivated") is not None
    if not own and lock is None and descendant(root, "unlockTime", "retryLoginTime") is None:
        return None
    word = (text(lock) or "").lower()
    return UserCheck(
        status=integer(root, "statusValue"),
        activated=boolean(root, "isActivated"),
        default_password=boolean(root, "isDefaultPassword"),
        risk_password=boolean(root, "isRiskPassword"),
        locked=None if not word else word in _LOCKED,
        unlock_seconds=integer(descendant(root, "unlockTime")),
        tries_left=integer(descendant(root, "retryLoginTime")),
    )


def _open(body: bytes, bare: str) -> Element | None:
    try:
        return open_document(body, bare=bare)
    except BadAnswer:
        return None


def _code(word: str | None) -> int | None:
    """Read an error code: decimal, or hexadecimal with 0x."""
    try:
        return None if word is None else int(word[:20], 0)
    except ValueError:
        return None
