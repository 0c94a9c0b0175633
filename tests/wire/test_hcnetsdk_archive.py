"""Recordings of the vendor's library as structures, byte by byte (hcnetsdk.md 6.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hcnetsdk_structures import made
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.hcnetsdk_archive import (
    DeviceFile,
    file_condition,
    play_condition,
    read_file,
    vod_parameters,
)

ZONE = timezone(timedelta(hours=8))
START, END = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC), datetime(2026, 3, 2, 19, 8, 9, tzinfo=UTC)
PARTS = ("dwYear", "dwMonth", "dwDay", "dwHour", "dwMinute", "dwSecond")


def time(name: str, *digits: int) -> dict[str, int]:
    return {f"{name}__{part}": digit for part, digit in zip(PARTS, digits, strict=True)}


def found(kind: int = 34, locked: int = 1, month: int = 3, name: bytes = b"ch02_01") -> bytes:
    fields = time("struStartTime", 2026, month, 1, 4, 5, 6) | time("struStopTime", 2026, 3, 1, 7, 8, 9)
    return made(
        "NET_DVR_FINDDATA_V40", sFileName=name, dwFileSize=2_000_000, byFileType=kind, byLocked=locked, **fields
    )


def test_a_recording_field_by_field() -> None:
    file = read_file(found())

    assert file == DeviceFile(
        name="ch02_01",
        size=2_000_000,
        kind="firedetection",
        locked=True,
        first=(2026, 3, 1, 4, 5, 6),
        last=(2026, 3, 1, 7, 8, 9),
    )
    assert (file.start(ZONE), file.end(ZONE)) == (
        datetime(2026, 3, 1, 4, 5, 6, tzinfo=ZONE),
        datetime(2026, 3, 1, 7, 8, 9, tzinfo=ZONE),
    )
    assert (file.start(None), file.end(None)) == (START, datetime(2026, 3, 1, 7, 8, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (0, "timing"),
        (1, "motion"),
        (24, "tamper"),
        (37, "temperature pre-alarm"),
        (38, "temperature alarm"),
        (99, "99"),
    ],
)
def test_what_a_recording_was_made_for(kind: int, word: str) -> None:
    file = read_file(found(kind, locked=0, name=b""))

    assert (file.kind, file.locked, file.name) == (word, False, "")
    assert not read_file(found(locked=2)).locked


def test_a_time_that_is_none_and_a_cut_structure_are_bad_answers() -> None:
    data = found(month=13)
    with pytest.raises(BadAnswer, match="a recording with a time that is none: month must be in") as caught:
        read_file(data)
    assert caught.value.data == data[100:148]
    with pytest.raises(BadAnswer):
        read_file(found()[:-1])


@pytest.mark.parametrize(("zone", "hours"), [(ZONE, 8), (None, 0)])
def test_what_is_asked_for_is_written_in_the_devices_time(zone: timezone | None, hours: int) -> None:
    first, last = START + timedelta(hours=hours), END + timedelta(hours=hours)
    times = [(at.year, at.month, at.day, at.hour, at.minute, at.second) for at in (first, last)]
    files = {**time("struStartTime", *times[0]), **time("struStopTime", *times[1])}
    spans = {**time("struBeginTime", *times[0]), **time("struEndTime", *times[1])}

    assert bytes(file_condition(2, START, END, zone)) == made(
        "NET_DVR_FILECOND_V40", lChannel=2, dwFileType=255, dwIsLocked=255, byStreamType=3, **files
    )
    for stream, written in ((0, 0), (2, 2), (-1, 0)):
        assert bytes(play_condition(2, stream, START, END, zone)) == made(
            "NET_DVR_PLAYCOND", dwChannel=2, byStreamType=written, **files
        )
        assert bytes(vod_parameters(2, stream, START, END, zone)) == made(
            "NET_DVR_VOD_PARA", struIDInfo__dwSize=72, struIDInfo__dwChannel=2, byStreamType=written, **spans
        )
