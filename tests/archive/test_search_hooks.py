"""Recordings and disks through the hooks (guide 5.3, 5.1), and what the times of recordings mean (isapi.md 5.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from archive_site import ArchiveSite, at, span, three
from nvr_hooks import Disk, Event, SearchOptions, StorageAlarm, Unsupported, WrongUse
from recorder import SD_CARD, SEARCH, STORAGE, Recorder, Stored

AHEAD = timezone(timedelta(hours=8))
BEHIND = timezone(timedelta(hours=-7))


def test_nvr_search_finds_recordings_in_order_with_all_that_is_known(site: ArchiveSite) -> None:
    found = site.search()

    assert [(file.start, file.end, file.kind) for file in found] == [
        (at(0), at(4), "timing"),
        (at(4), at(8), "motion"),
        (at(8), at(12), "alarm"),
    ]
    assert {(file.camera, file.channel, file.track) for file in found} == {("kiln", 2, 201)}
    assert [file.size for file in found] == [len(stored.data) for stored in three()]
    assert [file.name for file in found] == [stored.name for stored in three()]
    assert {file.still_recording for file in found} == {False}


def test_only_recordings_of_a_kind(site: ArchiveSite) -> None:
    assert [file.kind for file in site.search(kind="Alarm")] == ["alarm"]
    assert site.search(kind="edr") == []


def test_another_track_and_another_channel(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.recordings += [Stored(at(0), 4, "visible", b"x", track=101), Stored(at(0), 4, "sub", b"x", track=102)]

    assert [file.name for file in site.search(channel=1)] == ["visible"]
    assert [file.name for file in site.search(track=102)] == ["sub"]


def test_a_track_of_a_channel_that_does_not_exist(site: ArchiveSite, recorder: Recorder) -> None:
    with pytest.raises(Unsupported, match="has no channel 9"):
        site.search(track=901)
    with pytest.raises(WrongUse, match="a track is channel x 100"):
        site.search(track=7)
    assert recorder.count(SEARCH) == 0


def test_a_span_backwards_or_without_a_zone_is_wrong_use(site: ArchiveSite) -> None:
    with pytest.raises(WrongUse, match="ends after its start"):
        site.search(10, 10)
    with pytest.raises(WrongUse, match="need a zone"):
        site.hook.nvr_search(
            camera="kiln", channel=None, start=datetime(2026, 3, 1), end=at(9), options=SearchOptions()
        )


def test_a_span_in_the_future_has_nothing(site: ArchiveSite) -> None:
    far = 10**9
    assert site.search(far, far + 60) == []


def test_a_span_of_all_times_is_one_of_those_that_can_be(site: ArchiveSite, recorder: Recorder) -> None:
    found = site.hook.nvr_search(
        camera="kiln",
        channel=None,
        start=datetime.min.replace(tzinfo=UTC),
        end=datetime.max.replace(tzinfo=UTC),
        options=SearchOptions(),
    )
    assert len(list(found)) == 3
    assert recorder.count(SEARCH) < 100


def test_a_recording_that_is_being_written_is_told(site: ArchiveSite, recorder: Recorder) -> None:
    now = datetime.now(UTC)
    recorder.recordings = [Stored(now - timedelta(minutes=5), 0, "now", b"x", growing=True, lock="lock")]

    (file,) = site.hook.nvr_search(
        camera="kiln", channel=None, start=now - timedelta(hours=1), end=now, options=SearchOptions()
    )

    assert (file.still_recording, file.locked) == (True, True)


def recording_for_hours(recorder: Recorder) -> datetime:
    """Let a camera record without a pause in pieces of 25 minutes, the last of which is being written."""
    now = datetime.now(UTC)
    piece = timedelta(minutes=25)
    recorder.recordings = [
        Stored(
            now - piece * number - timedelta(minutes=5),
            0 if number == 0 else 1500,
            f"n{number}",
            b"x",
            growing=number == 0,
        )
        for number in range(60)
    ]
    return now


@pytest.mark.parametrize("zone", [None, AHEAD, BEHIND])
def test_auto_finds_out_what_the_digits_mean_and_says_it_once(
    site: ArchiveSite, recorder: Recorder, zone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    if zone is BEHIND:
        recorder.time_zone, recorder.ahead = "MST+7:00:00", timedelta(hours=-7)
    recorder.zone = zone
    now = recording_for_hours(recorder)

    for asked in (3, 1):
        before = recorder.count(SEARCH)
        (file,) = site.hook.nvr_search(
            camera="kiln", channel=None, start=now - timedelta(minutes=2), end=now, options=SearchOptions()
        )
        assert file.name == "n0"
        assert abs(file.start - recorder.recordings[0].start) < timedelta(seconds=1)
        assert recorder.count(SEARCH) == before + asked

    word = "UTC" if zone is None else "its own time"
    assert caplog.text.count(f"it was asked, and takes times of recordings for {word}") == 1
    digits = site.hook.nvr_playback_url(camera="kiln", channel=None, what=span(0, 9)).url
    there = at(0).astimezone(zone or UTC)
    assert f"starttime={there:%Y%m%dT%H%M%S}Z" in digits  # playback means the same


def test_auto_takes_utc_where_nothing_is_being_recorded(
    site: ArchiveSite, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert len(site.search()) == 3
    assert len(site.search()) == 3
    assert caplog.text.count("recording_time is auto and not found out") == 1
    assert recorder.count(SEARCH) == 4  # it is not asked again at once


@pytest.mark.parametrize(("setting", "zone"), [("utc", None), ("local", AHEAD)])
def test_a_setting_costs_no_search(site: ArchiveSite, recorder: Recorder, setting: str, zone: Any) -> None:
    recorder.zone = zone
    site.configure(recording_time=setting)
    assert [file.start for file in site.search()] == [at(0), at(4), at(8)]
    assert recorder.count(SEARCH) == 1


def test_a_search_over_a_clock_change_finds_what_was_recorded_then(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.time_zone = "CET-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00"
    site.configure(recording_time="local")
    change = datetime(2026, 10, 25, 1, tzinfo=UTC)
    zone = site.driver._site.camera("kiln")._device.learn(site.driver._site.camera("kiln")._device.deadline()).zone  # type: ignore[union-attr]
    recorder.zone = zone
    pieces = [Stored(change + timedelta(minutes=20 * number), 1200, f"n{number}", b"x") for number in range(-6, 6)]
    recorder.recordings = pieces

    found = list(
        site.hook.nvr_search(
            camera="kiln",
            channel=None,
            start=change - timedelta(minutes=50),
            end=change + timedelta(minutes=50),
            options=SearchOptions(),
        )
    )

    assert {file.name for file in found} >= {f"n{number}" for number in range(-3, 3)}


def test_nvr_storage_lists_disks(site: ArchiveSite, recorder: Recorder) -> None:
    assert site.hook.nvr_storage(camera="kiln") == (
        Disk(
            id=1,
            kind="disk",
            name="hdde",
            state="ok",
            capacity=30436 * 1024**2,
            free=27392 * 1024**2,
            encrypted=False,
        ),
    )
    recorder.disk = SD_CARD.format(status="ok", encryption="encrypted")
    (disk,) = site.hook.nvr_storage(camera="kiln")
    assert disk.encrypted is True
    recorder.disk = "<storage><hddList/><nasList>\n</nasList></storage>"
    assert site.hook.nvr_storage(camera="kiln") == ()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["error", "unformatted", "offline", "full"])
def test_a_disk_that_is_found_bad_is_told_until_it_is_not(
    site: ArchiveSite, recorder: Recorder, state: str, wait_for: Any
) -> None:
    recorder.disk = SD_CARD.format(status=state, encryption="unencrypted")
    site.hook.nvr_storage(camera="kiln")  # nobody listens: it is told to those who come later
    taken: list[Event] = []
    with site.hook.nvr_listen(camera="kiln", sink=taken.append):
        for _ in range(2):
            site.hook.nvr_storage(camera="kiln")
        recorder.disk = SD_CARD.format(status="ok", encryption="unencrypted")
        for _ in range(2):
            site.hook.nvr_storage(camera="kiln")
        recorder.disk = SD_CARD.format(status=state, encryption="unencrypted")
        site.hook.nvr_storage(camera="kiln")
        alarms = lambda: [event for event in taken if isinstance(event, StorageAlarm)]  # noqa: E731
        wait_for(lambda: len(alarms()) == 4)
    assert {(alarm.disk, alarm.state, alarm.source) for alarm in alarms()} == {(1, state, "poll")}
    assert [alarm.phase for alarm in alarms()] == ["start", "repeat", "end", "start"]
    assert recorder.count(STORAGE) == 6  # nothing is asked that nobody asked for


def test_what_records_is_shown_with_what_serves_it(site: ArchiveSite, recorder: Recorder) -> None:
    recorder.documents["/ISAPI/System/capabilities"] = (
        b"<DeviceCap><isSupportPlayback>true</isSupportPlayback><RacmCap><recordSearchType opt='CMR,MOTION'/></RacmCap></DeviceCap>"
    )
    site.driver._site.camera("kiln").identify()  # type: ignore[union-attr]
    (info,) = site.hook.nvr_cameras()[0]
    assert {
        name: info.capabilities.get(name) for name in ("search", "download", "playback", "storage")
    } == dict.fromkeys(("search", "download", "playback", "storage"), "isapi")
