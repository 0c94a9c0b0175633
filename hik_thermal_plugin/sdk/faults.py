"""The vendor library's error numbers in the words of nvr_hooks.errors, each with its number and meaning (hcnetsdk.md 4)."""

from __future__ import annotations

from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    DeviceError,
    NoPermission,
    NvrError,
    Refused,
    Unreachable,
    Unsupported,
)

WRONG_PASSWORD, NO_SUCH_USER, LOCKED = 1, 152, 153
NOT_SUPPORTED, TOO_SMALL, ORDER, NOT_LOGGED_IN, NO_PLAYER = 23, 43, 12, 47, 64
NO_SUCH_FILE = 33
_COMPONENTS = {
    107: "libHCPreview",
    109: "libHCAlarm",
    110: "libHCPlayBack",
    113: "libHCGeneralCfgMgr",
    114: "libHCCoreDevCfg",
}
_TABLE: dict[type[NvrError], dict[int, str]] = {
    Refused: {
        WRONG_PASSWORD: "wrong user or password",
        NO_SUCH_USER: "no such user",
        LOCKED: "the account is locked",
    },
    NoPermission: {2: "this user may not do it", 13: "not permitted"},
    Unreachable: {
        3: "the library is not initialised",
        7: "no connection",
        8: "sending failed",
        9: "the device closed the connection",
        10: "no answer in time",
        14: "the device did not carry out the command in time",
        NOT_LOGGED_IN: "not logged in any more",
        73: "the connection was lost",
        159: "TLS failed: is this a port for it?",
    },
    BadAnswer: {6: "another version of the protocol", 11: "the answer was not understood: is this the right port?"},
    Busy: {
        5: "too many connections to the device",
        24: "the device is busy",
        28: "the device has no resources left",
        41: "no memory",
        46: "the library's limit is reached",
        52: "too many users are logged in to the device",
    },
    Unsupported: {
        4: "no such channel",
        NOT_SUPPORTED: "the device, or this way to log in, does not support it",
        NO_PLAYER: "libPlayCtrl.so is missing",
        84: "libStreamTransClient.so cannot be loaded",
        85: "libSystemTransform.so cannot be loaded",
        91: "the channel cannot do it",
        148: "libssl cannot be loaded",
        149: "another version of libssl is needed",
        154: "the user number is not valid",
        155: "the device wants a newer way to log in",
        156: "libcrypto cannot be loaded",
        157: "libssl cannot be loaded",
        185: "it takes no pictures without waiting",
        186: "not while logging in without waiting",
        **{number: f"the component HCNetSDKCom/{name}.so cannot be loaded" for number, name in _COMPONENTS.items()},
        **dict.fromkeys(
            (*range(121, 129), *range(136, 143)), "parts of different versions of the library lie in one folder"
        ),
    },
    NvrError: {
        34: "the local file cannot be created",
        35: "the local file cannot be opened",
        77: "the local file cannot be written",
    },
    DeviceError: {
        ORDER: "not possible now",
        17: "it does not take these parameters",
        18: "the channel is faulty",
        19: "no disk",
        21: "the disk is full",
        22: "the disk is faulty",
        29: "the device failed to do it",
        NO_SUCH_FILE: "no such recording",
        TOO_SMALL: "the answer is longer than there is room for",
        51: "the player failed",
        76: "the library failed",
    },
}
_MEANING = {number: (kind, text) for kind, numbers in _TABLE.items() for number, text in numbers.items()}
COMPONENT_MISSING = frozenset(_COMPONENTS)


def error_of(number: int, camera: str, what: str, more: str = "") -> NvrError:
    """Return what an error number means; `what` is what was tried, for people, `more` goes behind it. It has the number as `.number`."""
    kind, meaning = _MEANING.get(number, (DeviceError, "see the vendor's list of errors"))
    text = f"{camera}: {what} failed with error {number} ({meaning}){more}"
    error = kind(text, camera=camera) if issubclass(kind, CameraError) else kind(text)
    error.number = number  # type: ignore[attr-defined]
    return error


def number_of(error: BaseException) -> int | None:
    """Return the library's number of an error that came from it."""
    found = getattr(error, "number", None)
    return found if isinstance(found, int) else None
