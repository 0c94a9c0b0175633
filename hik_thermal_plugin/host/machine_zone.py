"""This machine's own time, summer and winter: the offset of now is not that of a recording of half a year ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class MachineZone(tzinfo):
    """The zone the machine is set to, with the offset each time has."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """Return what the machine's clock is, or was, ahead of UTC at a time of its own."""
        return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, at: datetime | None) -> timedelta | None:
        """Nobody knows how much of the offset is summer's."""
        return None

    def tzname(self, at: datetime | None) -> str | None:
        """Return the zone's letters at that time."""
        return None if at is None else at.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, at: datetime) -> datetime:
        """Return the machine's time; of an hour that comes twice the right one."""
        found = at.replace(tzinfo=UTC).astimezone()
        plain = found.replace(tzinfo=None)
        return plain.replace(tzinfo=self, fold=int(plain.astimezone().utcoffset() != found.utcoffset()))
