"""Recordings over the vendor's library: searched for, brought home by name and by time, and everything closed on every way out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import av
import pytest
from coded_video import TICKS, video
from hcnetsdk_structures import made
from nvr_hooks import BadAnswer, DeviceError, NvrError, RecordedFile, TimeSpan, Unreachable, Unsupported, WrongUse
from standin_library import StandIn

from hik_thermal_plugin.sdk import archive
from hik_thermal_plugin.sdk.archive import SdkArchive
from hik_thermal_plugin.sdk.session import SdkSession
from hik_thermal_plugin.wire.hcnetsdk_archive import read_file

pytestmark = pytest.mark.integration
Make = Callable[..., SdkSession]
ZONE = timezone(timedelta(hours=8))
EIGHT = datetime(2026, 3, 1, 8, tzinfo=ZONE)
DAY = (EIGHT - timedelta(hours=8), EIGHT + timedelta(hours=16))


@pytest.fixture
def recordings(session: Make) -> SdkArchive:
    return SdkArchive(session(), lambda: ZONE)


@pytest.fixture
def film(standin: StandIn) -> None:
    standin.film((unit.data, unit.shown * TICKS, unit.key) for unit in video().units)


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_recordings_are_found_in_the_devices_time(recordings: SdkArchive, standin: StandIn) -> None:
    found = list(recordings.search(201, *DAY))

    assert found[1] == RecordedFile(
        camera="kiln", channel=2, track=201, start=EIGHT + timedelta(minutes=10), end=EIGHT + timedelta(minutes=20),
        name="ch02_0000000002000100", size=2_000_000, kind="firedetection", locked=True,
    )  # fmt: skip
    assert [file.name for file in found] == [f"ch02_00000000{number:02}000{number - 1}00" for number in (1, 2, 3)]
    assert standin.calls("FindFile_V40") == ["NET_DVR_FindFile_V40 0 channel=2 type=255 locked=255 2026-3-1 0:0:0"]
    assert standin.functions().count("FindNextFile_V40") == 2 + 3 + 1  # it searches for a while
    assert standin.functions()[-1] == "FindClose_V30"


def test_a_part_of_the_day_and_nothing(recordings: SdkArchive) -> None:
    late = (EIGHT + timedelta(minutes=25), EIGHT + timedelta(minutes=40))

    assert [file.start for file in recordings.search(201, *late)] == [EIGHT + timedelta(minutes=20)]
    assert list(recordings.search(201, *(moment + timedelta(days=1) for moment in late))) == []


def test_a_search_that_is_left_or_fails_is_closed(
    recordings: SdkArchive, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = recordings.search(201, *DAY)
    next(search)
    search.close()
    assert standin.functions()[-1] == "FindClose_V30"
    standin.c.fake_archive(200, 1004, 10)
    with pytest.raises(DeviceError, match="state 1004"):
        list(recordings.search(201, *DAY))
    standin.c.fake_archive(200, 1002, 10)
    monkeypatch.setattr(archive, "SEARCH_SECONDS", 0.2)
    with pytest.raises(Unreachable, match=r"no answer for 0\.2 s"):
        list(recordings.search(201, *DAY))
    assert standin.functions().count("FindFile_V40") == standin.functions().count("FindClose_V30") == 3


@pytest.mark.parametrize(
    ("code", "kind"), [(110, Unsupported), (17, DeviceError), (10, Unreachable), (19, DeviceError)]
)
def test_a_search_that_cannot_begin(recordings: SdkArchive, standin: StandIn, code: int, kind: type[NvrError]) -> None:
    standin.script("FindFile_V40", code)

    with pytest.raises(kind, match=f"the search of recordings failed with error {code} "):
        list(recordings.search(201, *DAY))


def test_with_isapi_login_there_is_no_search_and_nothing_by_name(
    session: Make, standin: StandIn, tmp_path: Path
) -> None:
    recordings = SdkArchive(session(mode="isapi", port=80), lambda: ZONE)
    with pytest.raises(
        Unsupported, match=r"the search of recordings: the vendor library cannot do it with sdk\.login: isapi"
    ):
        list(recordings.search(201, *DAY))
    named = RecordedFile(camera="kiln", channel=2, track=201, start=DAY[0], end=DAY[1], name="x")
    with pytest.raises(Unsupported, match="the download by name"):
        recordings.transfer(201, named).run(tmp_path / "x", lambda _: None)


def test_a_recording_comes_home_by_name(recordings: SdkArchive, standin: StandIn, tmp_path: Path, film: None) -> None:
    (file, *_) = recordings.search(201, *DAY)
    moved: list[int] = []
    part = tmp_path / "kiln.part"
    size = recordings.transfer(201, file).run(part, moved.append)

    assert part.read_bytes()[:4] == b"IMKH"
    assert moved[-1] == size == part.stat().st_size
    assert moved == sorted(moved)
    assert pictures(part) == 50
    assert [name for name in standin.functions() if name not in ("GetDownloadPos",)][-3:] == [
        "GetFileByName", "PlayBackControl_V40", "StopGetFile",
    ]  # fmt: skip
    assert standin.calls("PlayBackControl_V40") == ["NET_DVR_PlayBackControl_V40 0 1"]


def test_a_span_of_time_comes_home(recordings: SdkArchive, standin: StandIn, tmp_path: Path, film: None) -> None:
    span = TimeSpan(start=EIGHT.astimezone(UTC), end=EIGHT + timedelta(minutes=5))
    transfer = recordings.transfer(201, span)
    transfer.run(tmp_path / "kiln.part", lambda _: None)

    assert (pictures(tmp_path / "kiln.part"), transfer.percent) == (50, 100)
    assert standin.calls("GetFileByTime_V40")[0].startswith("NET_DVR_GetFileByTime_V40 0 channel=2 stream=0 kind=0 ")


def test_network_trouble_a_standstill_and_an_end_stop_the_download(
    recordings: SdkArchive, standin: StandIn, tmp_path: Path, film: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = TimeSpan(start=EIGHT, end=EIGHT + timedelta(minutes=5))
    standin.c.fake_archive(60, 1000, 10)
    with pytest.raises(Unreachable, match=r"network trouble after \d+ bytes"):
        recordings.transfer(201, span).run(tmp_path / "a", lambda _: None)
    monkeypatch.setattr(archive, "STUCK", 0.3)
    standin.c.fake_archive(200, 1000, 0)
    with pytest.raises(Unreachable, match="nothing moved"):
        recordings.transfer(201, span).run(tmp_path / "b", lambda _: None)
    monkeypatch.setattr(archive, "STUCK", 30)
    transfer = recordings.transfer(201, span)
    threading.Timer(0.2, transfer.interrupt).start()
    with pytest.raises(Unreachable, match="ended"):
        transfer.run(tmp_path / "c", lambda _: None)
    standin.script("PlayBackControl_V40", 29)
    with pytest.raises(DeviceError):
        recordings.transfer(201, span).run(tmp_path / "d", lambda _: None)

    assert standin.functions().count("GetFileByTime_V40") == standin.functions().count("StopGetFile") == 4


def test_downloads_that_cannot_begin(recordings: SdkArchive, standin: StandIn, tmp_path: Path) -> None:
    span = TimeSpan(start=EIGHT, end=EIGHT + timedelta(minutes=5))
    unknown = RecordedFile(camera="kiln", channel=2, track=201, start=EIGHT, end=EIGHT, name="nothing")
    with pytest.raises(DeviceError, match=r"error 33 \(no such recording\)"):
        recordings.transfer(201, unknown).run(tmp_path / "x", lambda _: None)
    with pytest.raises(NvrError, match=r"error 34 \(the local file cannot be created\)"):
        recordings.transfer(201, span).run(tmp_path / "nowhere" / "x", lambda _: None)
    with pytest.raises(WrongUse, match="longer than the 255 bytes"):
        recordings.transfer(201, span).run(tmp_path / ("x" * 250), lambda _: None)
    assert standin.live == 1


def test_times_that_are_none_are_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="a time that is none"):
        read_file(made("NET_DVR_FINDDATA_V40", sFileName=b"x", struStartTime__dwYear=2026, struStartTime__dwMonth=13))
    with pytest.raises(BadAnswer, match="319 bytes"):
        read_file(bytes(319))
