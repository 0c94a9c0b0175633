"""Times as devices write them, and their POSIX time zones with the inverted sign (isapi.md 1.1)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[Tt ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9})\d*)?)?"
    r"\s*([Zz]|[+-]\d{1,2}(?::?\d{2})?(?::?\d{2})?)?\Z",
    re.ASCII,
)
_LEAP = re.compile(
    r"(\d{8}[Tt]\d{4})60", re.ASCII
)  # 20161231T235960Z; where it is written with colons `_TIME` takes it
_HMS = r"([+-]?)(\d{1,3})(?::(\d{1,2}))?(?::(\d{1,2}))?"
_NAME = r"(<[^<>]{1,20}>|[A-Za-z]{1,20})"
_ZONE = re.compile(rf"{_NAME}{_HMS}(?:{_NAME}(?:{_HMS})?(?:,([^,]{{1,40}}),([^,]{{1,40}}))?)?\Z", re.ASCII)
_RULE = re.compile(rf"M(\d{{1,2}})\.(\d)\.(\d)(?:/{_HMS})?\Z", re.ASCII)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_YEARS = (1900, 9990)  # outside, a conversion to UTC or to another zone overflows


def read_time(word: str, zone: tzinfo | None = None) -> datetime | None:
    """Read a device's time: `2023-12-27T18:07:58+08:00`, `…-8:00`, `…Z`, with a fraction, or without offset; None when it makes no sense.

    A leap second (`…:60`) counts as the second before it, which has a name.
    Without an offset the time is taken in `zone`; without that it is None, because nobody can tell which moment it names.
    """
    word = _LEAP.sub(r"\g<1>59", word.strip(), count=1)
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        found = _lenient(word)
        if found is None:
            return None
        at = found
    else:
        if len(word) <= 10:
            return None  # a date alone
    if not _YEARS[0] <= at.year <= _YEARS[1]:
        return None
    if at.tzinfo is None:
        return None if zone is None else at.replace(tzinfo=zone)
    return at


def read_zone(word: str) -> tzinfo | None:
    """Read `timeZone` of /ISAPI/System/time: `CST-5:00:00` is UTC+5; a daylight rule may follow (`…DST01:00:00,M3.5.5/02:00:00,M10.5.0/02:00:00`).

    Devices write the amount of the shift after the name DST, where POSIX has an offset with the inverted sign; both are read. None for nonsense.
    """
    match = _ZONE.match(word.strip())
    if match is None:
        return None
    name, summer, begin, end = match[1], match[6], match[11], match[12]
    ahead = -_span(match[2], match[3], match[4], match[5])
    if summer is None:
        return timezone(ahead, name.strip("<>")) if abs(ahead) < _DAY else None
    shift = timedelta(hours=1)
    if match[8] is not None:
        written = _span(match[7], match[8], match[9], match[10])
        shift = written if summer == "DST" and not match[7] else -written - ahead
    rules = _change(begin), _change(end)
    if rules[0] is None or rules[1] is None or abs(shift) >= _DAY or abs(ahead) + abs(shift) >= _DAY:
        return timezone(ahead, name.strip("<>")) if abs(ahead) < _DAY else None
    return PosixZone(name.strip("<>"), ahead, summer.strip("<>"), shift, rules[0], rules[1])


class Change:
    """When the clock changes: `week` 5 is the last one of the month, `day` 0 is Sunday, `at` the time of day on the clock before the change."""

    __slots__ = ("at", "day", "month", "week")

    def __init__(self, month: int, week: int, day: int, at: timedelta) -> None:
        self.month, self.week, self.day, self.at = month, week, day, at

    def moment(self, year: int) -> datetime:
        """Return the change in this year, on the clock before it."""
        first = datetime(year, self.month, 1)
        day = 1 + (self.day - first.isoweekday()) % 7 + 7 * (self.week - 1)
        while day > monthrange(year, self.month)[1]:
            day -= 7
        return first.replace(day=day) + self.at


class PosixZone(tzinfo):
    """A zone with daylight saving by rule."""

    def __init__(self, name: str, ahead: timedelta, summer: str, shift: timedelta, begin: Change, end: Change) -> None:
        self._name, self._ahead, self._summer, self._shift, self._begin, self._end = (
            name,
            ahead,
            summer,
            shift,
            begin,
            end,
        )

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return how far the clock is ahead of UTC."""
        return self._ahead + self.dst(dt)

    def dst(self, dt: datetime | None) -> timedelta:
        """Return the daylight shift in force."""
        return self._shift if dt is not None and self._in_summer(dt.replace(tzinfo=None)) else timedelta()

    def tzname(self, dt: datetime | None) -> str:
        """Return the name the device gives the time in force."""
        return self._summer if self.dst(dt) else self._name

    def fromutc(self, dt: datetime) -> datetime:
        """Return the local time, with `fold` set in the hour that comes twice, which tzinfo's own method gets wrong."""
        standard = dt.replace(tzinfo=None) + self._ahead
        begin, end = self._begin.moment(standard.year), self._end.moment(standard.year) - self._shift
        summer = begin <= standard < end if begin < end else not end <= standard < begin
        wall = standard + self._shift if summer else standard
        return wall.replace(tzinfo=self, fold=not summer and end <= standard < end + self._shift)

    def _in_summer(self, wall: datetime) -> bool:
        begin, end = self._begin.moment(wall.year), self._end.moment(wall.year)
        if wall.fold and end - self._shift <= wall < end:
            return False
        return begin <= wall < end if begin < end else not end <= wall < begin


def _lenient(word: str) -> datetime | None:
    match = _TIME.match(word)
    if match is None:
        return None
    year, month, day, hour, minute = (int(match[index]) for index in range(1, 6))
    second = min(int(match[6] or 0), 59) if int(match[6] or 0) <= 60 else 99
    fraction = int((match[7] or "0").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, minute, second, fraction, _offset(match[8]))
    except ValueError:
        return None


def _offset(word: str | None) -> tzinfo | None:
    """Read `Z`, `+08:00`, `-8:00`, `+0530` or `+5`; None without one. Raises ValueError for a day or more."""
    if word is None:
        return None
    if word in "Zz":
        return UTC
    digits = word[1:].replace(":", "")
    digits = digits if len(digits) % 2 == 0 else "0" + digits
    hours, minutes, seconds = (int(digits[index : index + 2] or 0) for index in (0, 2, 4))
    ahead = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-ahead if word[0] == "-" else ahead)


def _span(sign: str, hours: str, minutes: str | None, seconds: str | None) -> timedelta:
    span = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return -span if sign == "-" else span


def _change(word: str | None) -> Change | None:
    match = _RULE.match(word or "")
    if match is None:
        return None
    month, week, day = int(match[1]), int(match[2]), int(match[3])
    at = timedelta(hours=2) if match[5] is None else _span(match[4], match[5], match[6], match[7])
    return (
        Change(month, week, day, at) if 1 <= month <= 12 and 1 <= week <= 5 and day <= 6 and abs(at) <= _WEEK else None
    )
