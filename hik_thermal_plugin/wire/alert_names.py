"""What devices call their alarms, and the words in which they describe a temperature rule (isapi.md 6.4, 6.5; guide 7)."""

from __future__ import annotations

from typing import Literal

from nvr_hooks import Calibration, Condition, Level, Quantity

Family = Literal[
    "temperature",
    "difference",
    "fire",
    "smoke",
    "smoke_and_fire",
    "motion",
    "tamper",
    "input",
    "storage",
    "video_loss",
    "duration",
    "heartbeat",
    "other",
]
DiskState = Literal["full", "error", "unformatted", "offline"]

_FAMILIES: dict[str, Family] = {
    "tma": "temperature",
    "tmpa": "temperature",
    "tpma": "temperature",  # the guide's own spelling of TMPA (7.2.3)
    "thermometry": "temperature",
    "tda": "difference",
    "tdpa": "difference",
    "tmda": "difference",
    "temperature": "difference",  # "(temperature difference alarm)" in the vendor's event lists, beside thermometry
    "firedetection": "fire",
    "smokedetection": "smoke",
    "smokeandfiredetection": "smoke_and_fire",
    "vmd": "motion",
    "motiondetection": "motion",
    "tamperdetection": "tamper",
    "shelteralarm": "tamper",
    "tamper": "tamper",
    "io": "input",
    "alarmin": "input",
    "alarminput": "input",
    "videoloss": "video_loss",
    "duration": "duration",
    "heartbeat": "heartbeat",
}
DISK_STATES: dict[str, DiskState] = {
    "diskfull": "full",
    "hdfull": "full",
    "diskerror": "error",
    "hderror": "error",
    "diskunformat": "unformatted",
    "diskunformatted": "unformatted",
    "hdunformatted": "unformatted",
    "diskoffline": "offline",
    "hdoffline": "offline",
    "nodisk": "offline",
}
STRATEGIES = {
    "0": "fire_or_smoke",
    "1": "fire_and_smoke",
    "2": "double_confirm",
    "3": "specified_fire",
    "4": "specified_smoke",
}
"""How the device decides on a fire, by the number of the guide's byStrategyType (7.2.1)."""
_PRE_ALARMS = frozenset({"tmpa", "tpma", "tdpa"})
_PRE_ALARM_WORDS = ("precaution", "pre-alarm", "prealarm", "pre alarm")
_QUANTITIES: tuple[tuple[str, Quantity], ...] = (
    ("diff", "difference"),
    ("highest", "highest"),
    ("max", "highest"),
    ("lowest", "lowest"),
    ("min", "lowest"),
    ("average", "average"),
    ("avg", "average"),
    ("mean", "average"),
    ("centre", "centre"),
    ("center", "centre"),
)
_CONDITIONS: tuple[tuple[str, Condition], ...] = (
    ("higher", "above"),
    ("greater", "above"),
    ("above", "above"),
    ("lower", "below"),
    ("less", "below"),
    ("below", "below"),
)
_CALIBRATIONS: dict[str, Calibration] = {
    "point": "point",
    "line": "line",
    "region": "region",
    "polygon": "region",
    "rectangle": "region",
    "0": "point",
    "1": "region",
    "2": "line",
}


def family_of(raw_type: str) -> Family:
    """Tell what kind of alarm a device's event type means, in any letter case; `other` for a word nobody knows."""
    word = raw_type.lower()
    known = _FAMILIES.get(word)
    if known is not None:
        return known
    if word in DISK_STATES:
        return "storage"
    return "difference" if word.startswith(("temperaturediff", "tempdiff", "difftemp")) else "other"


def level_of(raw_type: str, description: str | None) -> Level:
    """Tell pre-alarm from alarm: by the name, and for names that have no pre-alarm of their own by the description.

    A TMA is an alarm whatever its description says: the guide describes both with the same words (7.2.3).
    """
    word = raw_type.lower()
    if word in _PRE_ALARMS:
        return "pre_alarm"
    if word in ("tma", "tda", "tmda"):
        return "alarm"
    words = (description or "").lower()
    return "pre_alarm" if any(part in words for part in _PRE_ALARM_WORDS) else "alarm"


def rule_words(rule_type: str | None) -> tuple[Quantity | None, Condition | None]:
    """Read `ruleType`: free English ("highest temp is higher than") or a name of the API (highestGreater, diffTempLess)."""
    words = (rule_type or "").lower()
    quantity = next((meaning for word, meaning in _QUANTITIES if word in words), None)
    condition = next((meaning for word, meaning in _CONDITIONS if word in words), None)
    return quantity, condition


def calibration_of(word: str | None) -> Calibration | None:
    """Read `ruleCalibType`."""
    return _CALIBRATIONS.get((word or "").lower())
