"""The vendor's library: its numbers (hcnetsdk.md 4, 5), and what is read the same way in all its structures (hcnetsdk.md 7.1, 7.6, 10).

Temperatures and their differences are plain floats: the "(float + 100)" of header and guide describes the wire, and the library has taken
it off. Exactly -100.0, absurd values and what is no finite number mean "not sent" (hcnetsdk.md 7.1).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal

from nvr_hooks import Calibration, Point

from .units import Unit, to_celsius, to_kelvins

Status = Literal["measuring", "started", "ended"]

COMM_ALARM_V30 = 0x4000
COMM_FIREDETECTION_ALARM = 0x4991
COMM_THERMOMETRY_DIFF_ALARM = 0x5211
COMM_THERMOMETRY_ALARM = 0x5212
COMM_ISAPI_ALARM = 0x6009
GET_REALTIME_THERMOMETRY = 3629
GET_MANUALTHERM_INFO = 6706
SET_MANUALTHERM = 6708
SET_MANUALTHERM_BASICPARAM = 6716
GET_MANUALTHERM_BASICPARAM = 6717
DEL_MANUALTHERM_RULE = 6778
EXCEPTION_EXCHANGE = 0x8000
EXCEPTION_ALARM = 0x8002
EXCEPTION_PREVIEW = 0x8003
ALARM_RECONNECTING = 0x8006
EXCEPTION_PLAYBACK = 0x8010
ALARM_RECONNECTED = 0x8016
ALARM_BUFFER_FULL = 0x8022
ALARM_LOST = 0x8023
RELOGIN_FAILED = 0x8044

UNITS: dict[int, Unit] = {0: "celsius", 1: "fahrenheit", 2: "kelvin"}
CALIBRATIONS: dict[int, Calibration] = {0: "point", 1: "region", 2: "line"}
"""1 is a box or a polygon (hcnetsdk.md 7.2)."""
STATUSES: dict[int, Status] = {0: "measuring", 1: "started", 2: "ended"}
_NOT_SENT = -100.0
_ABSURD = 1e6
_MOST_POINTS = 10
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800


def words(data: bytes, encoding: int = 0) -> str | None:
    """Read a text of fixed length: up to its NUL, if it has one; UTF-8 or GBK, whichever it is, GBK first where the device says so."""
    data = data.partition(b"\0")[0]
    for name in ("gbk", "utf-8") if encoding in (1, 2) else ("utf-8", "gbk"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        return "".join(sign for sign in text if sign.isprintable()).strip() or None
    return data.decode("utf-8", "replace").strip() or None


def device_time(value: int, zone: tzinfo | None) -> datetime | None:
    """Read dwAbsTime: packed local time of the device, where that is a date; else seconds since 1970; else None (hcnetsdk.md 7.6).

    None also without a `zone`: nobody can tell which moment a local time names.
    """
    try:
        second = whole_second(value & 63)
        at = datetime(
            (value >> 26) + 2000, value >> 22 & 15, value >> 17 & 31, value >> 12 & 31, value >> 6 & 63, second
        )
    except ValueError:
        return datetime.fromtimestamp(value, UTC) if _EARLIEST <= value < _LATEST else None
    return None if zone is None else at.replace(tzinfo=zone)


def whole_second(second: int) -> int:
    """Return the second of a minute; a leap second, which datetime does not have, counts as the one before it (as in `read_time`)."""
    return 59 if second == 60 else second


def zone_ahead(hours: int, minutes: int) -> tzinfo | None:
    """Return the zone a structure names by its signed difference from UTC; None for nonsense."""
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(ahead) if abs(ahead) < timedelta(days=1) else None


def celsius(value: float, unit: Unit | None) -> float | None:
    """Return a temperature in °C, None where the device sent none or its unit is not known."""
    return None if unit is None or not sent(value) else to_celsius(_tenths(value), unit)


def kelvins(value: float, unit: Unit | None) -> float | None:
    """Return a difference in kelvin, None where the device sent none or its unit is not known."""
    return None if unit is None or not sent(value) else to_kelvins(_tenths(value), unit)


def sent(value: float) -> bool:
    """Tell whether a device has sent this temperature."""
    return math.isfinite(value) and value != _NOT_SENT and abs(value) < _ABSURD


def place(point: Any) -> Point | None:
    """Return a NET_VCA_POINT; None for coordinates that are no numbers."""
    x, y = point.fX, point.fY
    return (_thousandths(x), _thousandths(y)) if math.isfinite(x) and math.isfinite(y) else None


def outline(polygon: Any) -> tuple[Point, ...]:
    """Return the points of a NET_VCA_POLYGON, whatever count it names: at most the ten it has room for."""
    found = (place(polygon.struPos[index]) for index in range(min(polygon.dwPointNum, _MOST_POINTS)))
    return tuple(point for point in found if point is not None)


def corners(rectangle: Any) -> tuple[Point, ...]:
    """Return the corners of a NET_VCA_RECT from the top left clockwise; empty when it has no extent."""
    x, y, width, height = rectangle.fX, rectangle.fY, rectangle.fWidth, rectangle.fHeight
    if not all(map(math.isfinite, (x, y, width, height))) or (width == 0 and height == 0):
        return ()
    left, top, right, bottom = map(_thousandths, (x, y, x + width, y + height))
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _tenths(value: float) -> float:
    """Take off what a 32-bit float adds to a value of a few decimal digits; no device measures finer."""
    return round(value, 4) if abs(value) < 1000 else round(value, 2)


def _thousandths(value: float) -> float:
    return round(value, 6)
