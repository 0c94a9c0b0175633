"""Searches, playbacks and downloads of the vendor's library as structures (hcnetsdk.md 5, 6.4, 7.9). Times are the device's wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from nvr_hooks import BadAnswer

from .hcnetsdk import whole_second, words
from .hcnetsdk_layouts import (
    NET_DVR_FILECOND_V40,
    NET_DVR_FINDDATA_V40,
    NET_DVR_PLAYCOND,
    NET_DVR_STREAM_INFO,
    NET_DVR_TIME,
    NET_DVR_VOD_PARA,
    size_of,
    view,
)

ANY = 0xFF
_KINDS = {
    0: "timing",
    1: "motion",
    2: "alarm",
    3: "alarm|motion",
    4: "alarm&motion",
    5: "command",
    6: "manual",
    24: "tamper",
    34: "firedetection",
    37: "temperature pre-alarm",
    38: "temperature alarm",
    42: "temperature difference",
    43: "offline thermometry",
}
_MAIN = 3
"""byStreamType of a search: 0 best available, 1 sub, 2 third, 3 main."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFile:
    """One recording as the library tells it."""

    name: str
    size: int
    kind: str
    locked: bool
    first: tuple[int, ...]
    last: tuple[int, ...]

    def start(self, zone: tzinfo | None) -> datetime:
        """Return when it begins; without a zone the digits are taken for UTC."""
        return datetime(*self.first, tzinfo=zone or UTC)  # type: ignore[misc,arg-type]

    def end(self, zone: tzinfo | None) -> datetime:
        """Return when it ends."""
        return datetime(*self.last, tzinfo=zone or UTC)  # type: ignore[misc,arg-type]


def read_file(data: bytes) -> DeviceFile:
    """Read a NET_DVR_FINDDATA_V40; raise BadAnswer for fewer bytes than it has, and for times that are none."""
    info = view(NET_DVR_FINDDATA_V40, data)
    found = DeviceFile(
        name=words(info.sFileName) or "",
        size=info.dwFileSize,
        kind=_KINDS.get(info.byFileType, str(info.byFileType)),
        locked=info.byLocked == 1,
        first=_digits(info.struStartTime),
        last=_digits(info.struStopTime),
    )
    try:
        found.start(UTC), found.end(UTC)
    except ValueError as error:
        raise BadAnswer(f"a recording with a time that is none: {error}", data=data[100:148]) from error
    return found


def file_condition(channel: int, start: datetime, end: datetime, zone: tzinfo | None) -> NET_DVR_FILECOND_V40:
    """Return what a search looks for: every kind, locked or not, of the main stream."""
    return NET_DVR_FILECOND_V40(
        lChannel=channel,
        dwFileType=ANY,
        dwIsLocked=ANY,
        struStartTime=_time(start, zone),
        struStopTime=_time(end, zone),
        byStreamType=_MAIN,
    )


def vod_parameters(channel: int, stream: int, start: datetime, end: datetime, zone: tzinfo | None) -> NET_DVR_VOD_PARA:
    """Return what a playback by time wants; `stream` 0 is the main one."""
    return NET_DVR_VOD_PARA(
        dwSize=size_of(NET_DVR_VOD_PARA),
        struIDInfo=NET_DVR_STREAM_INFO(dwSize=size_of(NET_DVR_STREAM_INFO), dwChannel=channel),
        struBeginTime=_time(start, zone),
        struEndTime=_time(end, zone),
        byStreamType=max(0, stream),
    )


def play_condition(channel: int, stream: int, start: datetime, end: datetime, zone: tzinfo | None) -> NET_DVR_PLAYCOND:
    """Return what a download by time wants: a program stream."""
    return NET_DVR_PLAYCOND(
        dwChannel=channel,
        struStartTime=_time(start, zone),
        struStopTime=_time(end, zone),
        byStreamType=max(0, stream),
    )


def _time(at: datetime, zone: tzinfo | None) -> NET_DVR_TIME:
    at = at.astimezone(zone or UTC)
    return NET_DVR_TIME(at.year, at.month, at.day, at.hour, at.minute, at.second)


def _digits(time: Any) -> tuple[int, ...]:
    return (time.dwYear, time.dwMonth, time.dwDay, time.dwHour, time.dwMinute, whole_second(time.dwSecond))
