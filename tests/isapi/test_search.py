"""Searching for recordings, with the ways servers page wrongly (isapi.md 5.1)."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from nvr_hooks import BadAnswer, Busy, DeviceError, Unsupported
from recorder import NOON, SEARCH, Recorder, Stored, day_of

from hik_thermal_plugin.isapi import archive
from hik_thermal_plugin.isapi.archive import DeviceArchive
from hik_thermal_plugin.isapi.client import IsapiClient

HOUR = timedelta(hours=1)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def searched(recorder: Recorder, client_of: Callable[..., IsapiClient]) -> DeviceArchive:
    return DeviceArchive(client_of(url=recorder.url, pause=lambda seconds: False))


def names(found: Any) -> list[str | None]:
    return [file.name for file in found]


@pytest.mark.slow
@pytest.mark.parametrize("paging", ["position", "ignored", "spelt right", "for ever"])
@pytest.mark.parametrize("count", [0, 1, 39, 40, 41, 130])
def test_everything_is_found_once_and_in_order_however_a_server_pages(
    recorder: Recorder, searched: DeviceArchive, paging: Any, count: int
) -> None:
    recorder.recordings = day_of(count)
    recorder.paging = paging

    for _ in range(2):  # what was learnt in the first search does not spoil the second
        found = list(searched.search(201, NOON - HOUR, NOON + 24 * HOUR, None))
        assert names(found) == [stored.name for stored in recorder.recordings]
    assert recorder.count(SEARCH) < 4 * (count // 40 + 4)


def test_results_out_of_order_and_twice_come_in_order_and_once(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.recordings = day_of(90)[::-1] + day_of(5)

    assert names(searched.search(201, NOON, NOON + 24 * HOUR, None)) == [stored.name for stored in day_of(90)]


def test_more_recordings_in_one_second_than_a_page_holds_end_all_the_same(
    recorder: Recorder, searched: DeviceArchive
) -> None:
    recorder.paging = "ignored"
    recorder.recordings = [Stored(NOON, 0, f"a{number}") for number in range(60)] + [Stored(NOON + HOUR, 1, "later")]

    found = names(searched.search(201, NOON, NOON + 2 * HOUR, None))

    assert len(found) == 41
    assert found[-1] == "later"


def test_all_pages_of_a_search_have_one_id_that_is_a_guid(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.recordings = day_of(100)
    list(searched.search(201, NOON, NOON + 24 * HOUR, None))

    ids = [re.findall("<searchID>(.*)</searchID>", body)[0] for _, path, body in recorder.requests if path == SEARCH]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert str(uuid.UUID(ids[0])).upper() == ids[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "refused",
    ["searchResultPostion", "<CMSearchDescription>", "metadataList", "trackIDList", "<?xml", "<?xml|trackList"],
)
def test_the_form_that_worked_is_kept(recorder: Recorder, searched: DeviceArchive, refused: str) -> None:
    recorder.recordings = day_of(3)
    recorder.refuses = lambda body: any(word in body for word in refused.split("|"))

    assert len(list(searched.search(201, NOON, NOON + HOUR, None))) == 3
    tried = recorder.count(SEARCH)
    assert len(list(searched.search(201, NOON, NOON + HOUR, None))) == 3
    assert 2 <= tried <= 6
    assert recorder.count(SEARCH) == tried + 1


def test_a_device_that_takes_no_form_says_why(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.refuses = lambda body: True
    with pytest.raises(DeviceError, match="badXmlContent"):
        list(searched.search(201, NOON, NOON + HOUR, None))


@pytest.mark.parametrize(
    ("sub_status", "code", "status", "error"),
    [("noDisk", 4, 403, DeviceError), ("notSupport", 4, 403, Unsupported), ("deviceError", 3, 500, DeviceError)],
)
def test_what_the_device_says_of_a_search_is_told_at_once(
    recorder: Recorder, searched: DeviceArchive, sub_status: str, code: int, status: int, error: type[Exception]
) -> None:
    from thermal_camera import refusal

    said = refusal(sub_status, code, status)
    recorder.answers[SEARCH] = [(said.status, said.body, "application/xml")]
    with pytest.raises(error, match=sub_status):
        list(searched.search(201, NOON, NOON + HOUR, None))
    assert recorder.count(SEARCH) == 1


def test_a_busy_device_is_asked_again_and_then_given_up(recorder: Recorder, searched: DeviceArchive) -> None:
    from thermal_camera import refusal

    said = refusal("deviceBusy", 2, 503)
    recorder.answers[SEARCH] = [(said.status, said.body, "application/xml")] * 3
    recorder.recordings = day_of(2)
    assert len(list(searched.search(201, NOON, NOON + HOUR, None))) == 2

    recorder.answers[SEARCH] = [(said.status, said.body, "application/xml")] * 20
    with pytest.raises(Busy, match="deviceBusy"):
        list(searched.search(201, NOON, NOON + HOUR, None))


@pytest.mark.parametrize("body", [b"", b"<CMSearchResult>", b"<html>hello</html>", b"<DeviceInfo/>"])
def test_an_answer_that_is_no_result_is_a_bad_answer(recorder: Recorder, searched: DeviceArchive, body: bytes) -> None:
    recorder.answers[SEARCH] = [(200, body, "application/xml")]
    with pytest.raises(BadAnswer, match="kiln: POST /ISAPI/ContentMgmt/search"):
        list(searched.search(201, NOON, NOON + HOUR, None))


@pytest.mark.slow
def test_a_server_that_invents_new_results_for_ever_is_given_up(
    recorder: Recorder, searched: DeviceArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_PAGES", 20)
    recorder.recordings = day_of(2000, seconds=1)
    with pytest.raises(BadAnswer, match="does not end after 20 pages"):
        list(searched.search(201, NOON, NOON + 24 * HOUR, None))


@pytest.mark.slow
def test_one_search_at_a_time(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.recordings = day_of(400)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(list(searched.search(201, NOON, NOON + 24 * HOUR, None)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [400] * 4
    assert recorder.most["search"] == 1


def test_a_search_that_is_not_read_to_its_end_holds_up_nobody(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.recordings = day_of(50)
    first = searched.search(201, NOON, NOON + 24 * HOUR, None)
    assert next(first).name == day_of(1)[0].name
    assert len(list(searched.search(201, NOON, NOON + 24 * HOUR, None))) == 50


def test_a_long_span_is_searched_in_stretches_without_telling_anything_twice(
    recorder: Recorder, searched: DeviceArchive
) -> None:
    recorder.recordings = [Stored(NOON + timedelta(hours=5 * number), 5 * 3600, f"n{number}") for number in range(100)]

    found = list(searched.search(201, NOON, NOON + timedelta(days=22), None))

    assert names(found) == [stored.name for stored in recorder.recordings]
    spans = {
        re.findall("<startTime>(.*)</startTime>", body)[0] for _, path, body in recorder.requests if path == SEARCH
    }
    assert len(spans) == 4


def test_years_without_recordings_cost_few_searches(recorder: Recorder, searched: DeviceArchive) -> None:
    recorder.recordings = day_of(3)
    found = list(searched.search(201, NOON - timedelta(days=9000), NOON + timedelta(days=3), None))
    assert len(found) == 3
    assert recorder.count(SEARCH) < 40


def test_a_recorder_in_local_time_is_asked_and_read_in_it(recorder: Recorder, searched: DeviceArchive) -> None:
    zone = timezone(timedelta(hours=2))
    recorder.zone = zone
    recorder.recordings = day_of(3)

    found = list(searched.search(201, NOON, NOON + HOUR, zone))

    assert [file.start for file in found] == [stored.start for stored in recorder.recordings]
    assert all(file.start.tzinfo is UTC for file in found)
    assert list(searched.search(201, NOON, NOON + HOUR, None)) == []
