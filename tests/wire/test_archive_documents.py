"""What is asked for recordings, and what devices answer (isapi.md 5): documents written from the facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from nvr_hooks import BadAnswer
from reading import value_or_bad_answer
from test_broken_input import CALM, broken

from hik_thermal_plugin.wire import archive
from hik_thermal_plugin.wire.times import read_zone

CEST = read_zone("CET-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = b"""<?xml version="1.0"?>
<CMSearchResult version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<searchID>{A}</searchID><responseStatus>true</responseStatus><responseStatusStrg>MORE</responseStatusStrg><numOfMatches>3</numOfMatches>
<totalMatches>417</totalMatches><matchList>
<searchMatchItem><trackID>201</trackID><timeSpan><startTime>2026-03-01T12:00:00Z</startTime><endTime>2026-03-01T12:10:00Z</endTime></timeSpan>
<mediaSegmentDescriptor><contentType>video</contentType><codecType>H.265</codecType><lockStatus>lock</lockStatus>
<playbackURI> rtsp://10.0.0.9/Streaming/tracks/201/?starttime=20260301T120000Z&amp;endtime=20260301T121000Z&amp;
 name=ch02_%2E0613&amp;size=2901372
</playbackURI></mediaSegmentDescriptor>
<metadataMatches><metadataDescriptor>recordType.meta.hikvision.com/MOTION</metadataDescriptor></metadataMatches></searchMatchItem>
<searchMatchItem><startTime>2026-03-01T12:10:00Z</startTime><endTime>2026-03-01T12:20:00Z</endTime>
<playbackURI>rtsp://10.0.0.9/Streaming/tracks/201?name=00000000955000913&amp;size=x</playbackURI><metadataDescriptor>CMR</metadataDescriptor></searchMatchItem>
<searchMatchItem><trackID>201</trackID><timeSpan><startTime>yesterday</startTime><endTime>now</endTime></timeSpan></searchMatchItem>
</matchList></CMSearchResult>"""
SEARCHES = [
    PAGE,
    b"<CMSearchResult><responseStatusStrg>NO MATCHES</responseStatusStrg><matchList>\n</matchList></CMSearchResult>",
]


def parse(body: bytes, zone: tzinfo | None = None) -> archive.SearchPage:
    return archive.parse_search(body, "kiln", 201, zone)


def test_a_page_of_results() -> None:
    page = parse(PAGE)

    assert (page.status, page.items, page.total) == ("more", 3, 417)
    first, second = page.files  # whose times cannot be read is counted and left out
    assert (first.camera, first.channel, first.track, first.start, first.end) == (
        *("kiln", 2, 201),
        *(NOON, NOON + timedelta(minutes=10)),
    )
    assert (first.name, first.size, first.kind, first.locked) == ("ch02_.0613", 2901372, "motion", True)
    assert first.playback_uri == (
        "rtsp://10.0.0.9/Streaming/tracks/201/?starttime=20260301T120000Z&endtime=20260301T121000Z"
        "&name=ch02_%2E0613&size=2901372"
    )
    assert (second.track, second.name, second.size, second.kind, second.locked) == (
        *(201, "00000000955000913", None),
        *("timing", None),
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("<responseStatusStrg>OK</responseStatusStrg>", "complete"),
        ("<responseStatusString>MORE</responseStatusString>", "more"),
        ("<responseStatusStrg>more</responseStatusStrg>", "more"),
        ("", "more"),
    ],
)
def test_the_status_of_a_page(words: str, status: str) -> None:
    item = "<searchMatchItem><startTime>2026-03-01T12:00:00Z</startTime><endTime>2026-03-01T12:00:00Z</endTime></searchMatchItem>"
    assert parse(f"<CMSearchResult>{words}<matchList>{item}</matchList></CMSearchResult>".encode()).status == status
    assert parse(f"<CMSearchResult>{words}</CMSearchResult>".encode()).status == "nothing"


def test_times_that_stand_only_in_the_address() -> None:
    item = "<searchMatchItem><playbackURI>rtsp://a/b?starttime=20260301t120000z&amp;endtime=20260301T120500Z</playbackURI></searchMatchItem>"
    (file,) = parse(f"<CMSearchResult><matchList>{item}</matchList></CMSearchResult>".encode()).files
    assert (file.start, file.end) == (NOON, NOON + timedelta(minutes=5))


def test_another_document_is_no_result() -> None:
    with pytest.raises(BadAnswer, match="DeviceInfo instead of CMSearchResult"):
        parse(b"<DeviceInfo/>")


def test_the_digits_of_a_recorder_are_its_own_time() -> None:
    assert CEST is not None
    assert archive.read_recorded_time("2026-07-01T14:00:00Z", CEST) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert archive.read_recorded_time("2026-07-01T14:00:00Z", None) == datetime(2026, 7, 1, 14, tzinfo=UTC)
    assert archive.read_recorded_time("2026-07-01T14:00:00+05:00", CEST) == datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert archive.read_recorded_time("2026-07-01T14:00:00", CEST) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    start, end = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 12, 0, 0, 1, tzinfo=UTC)
    assert archive.search_digits(start, end, CEST) == ("2026-07-01T14:00:00Z", "2026-07-01T14:00:01Z")
    assert archive.search_digits(start, end, None) == ("2026-07-01T12:00:00Z", "2026-07-01T12:00:01Z")
    assert not archive.ambiguous(start, end, CEST)


def test_a_span_over_a_clock_change_is_widened_to_hold_both_readings() -> None:
    # 2026-10-25 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
    start, end = datetime(2026, 10, 25, 0, 50, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert archive.ambiguous(start, end, CEST)
    first, last = archive.search_digits(start, end, CEST)
    assert first <= "2026-10-25T02:50:00Z"
    assert last >= "2026-10-25T02:10:00Z"
    assert first < last
    item = "<startTime>2026-10-25T02:50:00Z</startTime><endTime>2026-10-25T02:10:00Z</endTime>"
    (file,) = parse(f"<CMSearchResult><searchMatchItem>{item}</searchMatchItem></CMSearchResult>".encode(), CEST).files
    assert (file.start, file.end) == (start, end)


@pytest.mark.parametrize("form", archive.SEARCH_FORMS)
def test_every_form_of_a_search_holds_what_is_wanted(form: archive.SearchForm) -> None:
    body = archive.search_request(
        form, "C77384AD-66A0-0001-E7C2-1151F04F90B0", 201, "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z", 40
    )

    assert body.startswith(b"<?xml") is form.declared
    said = {element.tag.rpartition("}")[2]: element.text for element in etree.fromstring(body).iter()}
    assert said["trackID"] == "201"
    assert (said["startTime"], said["endTime"]) == ("2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z")
    assert said[form.position] == "40"
    assert form.tracks in said
    assert said["searchID"] == "C77384AD-66A0-0001-E7C2-1151F04F90B0"
    assert ("metadataDescriptor" in said) is form.metadata


def test_a_download_names_the_file_in_the_devices_own_words() -> None:
    uri = "rtsp://10.0.0.9/Streaming/tracks/201/?starttime=1&endtime=2&name=<a>&size=3"
    bodies = [archive.download_request(form, uri) for form in archive.DOWNLOAD_FORMS]

    assert {etree.fromstring(body).findtext("{*}playbackURI") for body in bodies} == {uri}
    assert len(set(zip([form.method for form in archive.DOWNLOAD_FORMS], bodies, strict=True))) == 4


@pytest.mark.parametrize(
    ("start", "form"),
    [
        (b"IMKH\x01\x01" + bytes(34) + b"\0\0\1\xba", "ps"),
        (b"\0\0\1\xba\x44", "ps"),
        (bytes(100) + b"\0\0\1\xba", "ps"),
        (b"\0\0\0\x1cftypisom", "mp4"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"<html>", None),
        (b"\x17\x03\x99" * 30, None),
        (b"", None),
    ],
)
def test_what_a_file_is(start: bytes, form: str | None) -> None:
    assert archive.media_form(start) == form


@pytest.mark.parametrize("start", [b"<?xml", b"\xef\xbb\xbf\r\n<html>", b' {"statusCode": 4}', b"[]"])
def test_what_begins_like_a_document(start: bytes) -> None:
    assert archive.document_start(start)
    assert not archive.document_start(b"IMKH" + start)


@CALM
@given(broken(SEARCHES), st.sampled_from([None, CEST, timezone(timedelta(hours=-5))]))
def test_any_search_result_is_a_page_or_a_bad_answer(body: bytes, zone: tzinfo | None) -> None:
    found = value_or_bad_answer(lambda data: parse(data, zone), body)

    assert isinstance(found, BadAnswer | archive.SearchPage)
    if isinstance(found, archive.SearchPage):
        assert all(file.start <= file.end for file in found.files)
        assert len(found.files) <= found.items


@CALM
@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(1, 10_000_000))
def test_the_digits_of_any_span_hold_it(moment: datetime, seconds: int) -> None:
    assert CEST is not None
    start = moment.replace(tzinfo=UTC)
    end = start + timedelta(seconds=seconds)
    first, last = archive.search_digits(start, end, CEST)
    for digits, wanted, below in ((first, start, True), (last, end, False)):
        readings = [archive.read_recorded_time(digits, CEST)]
        assert all(found is not None and (found <= wanted if below else found >= wanted) for found in readings)
