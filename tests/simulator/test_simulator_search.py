"""Searching the archive: what is found, page by page, and how servers differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree
from raw_archive import DOWNLOAD, MODEL, RATE, SEARCH, START, at, minutes, read_page, refusal, search, search_body
from raw_http import RawClient, apply, read_answer

from hik_thermal_plugin.simulator import PROFILES, Simulator, Stored

MINUTE = timedelta(minutes=1)


@pytest.fixture
def archive(camera: Any) -> Callable[..., tuple[Simulator, RawClient]]:
    """Start a camera with twenty recordings, one a minute, unless others are given."""

    def start(profile: Any = "plain", **options: Any) -> tuple[Simulator, RawClient]:
        simulator, client = camera(**{"model": MODEL, "profile": profile, "recordings": minutes(20)} | options)
        return simulator, client

    return start


def numbers(page: Any) -> list[int]:
    return [int(one.name[-17:]) for one in page.found]


def test_a_result_is_as_the_captures(archive):
    simulator, client = archive(rtsp_port=0)
    page = search(client, end="2026-11-20T06:30:30Z")
    (one,) = page.found
    assert (page.status, page.count, page.total) == ("OK", 1, None)
    assert (one.track, one.content, one.codec, one.lock) == ("101", "video", "H.264-BP", "unlock")
    assert (one.start, one.end) == ("2026-11-20T06:30:00Z", "2026-11-20T06:30:10Z")
    assert one.kind == "recordType.meta.hikvision.com/timing"
    assert one.uri == (
        f"{simulator.rtsp}/Streaming/tracks/101/?starttime=20261120T063000Z&endtime=20261120T063010Z"
        f"&name=ch01_00000000000000001&size={10 * RATE + 40}"
    )
    assert simulator.state()["writes"] == []
    assert simulator.state()["requests"] == {f"POST {SEARCH}": 2}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-20T06:32:05Z", "2026-11-20T06:33:05Z", [3, 4]),
        ("2026-11-20T06:32:10Z", "2026-11-20T06:33:00Z", []),
        ("2026-11-20T05:00:00Z", "2026-11-20T06:30:01Z", [1]),
        ("20261120T064900Z", "20261121T000000Z", [20]),
        ("2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", []),
    ],
)
def test_what_overlaps_the_span_is_found_whole(archive, start, end, expected):
    _, client = archive()
    page = search(client, start=start, end=end)
    assert numbers(page) == expected
    assert page.status == ("OK" if expected else "NO MATCHES")


@pytest.mark.parametrize("name", ["Postion", "Position"])
def test_pages_by_position(archive, name):
    _, client = archive()
    pages = [search(client, most=8, position=at(place, name)) for place in (0, 8, 16, 20)]
    assert [numbers(page) for page in pages] == [[*range(1, 9)], [*range(9, 17)], [*range(17, 21)], []]
    assert [page.status for page in pages] == ["MORE", "MORE", "OK", "OK"]


@pytest.mark.parametrize(
    ("profile", "positions", "expected"),
    [
        ("misspelt_position", [at(8), at(8, "Position")], [9, 1]),
        ("spelt_position", [at(8), at(8, "Position")], [1, 9]),
        ("position_ignored", [at(8), at(8, "Position")], [1, 1]),
        ("short_pages", [at(8), at(16)], [9, 17]),
        ("overlapping_pages", [at(8), at(16)], [8, 16]),
        ("repeated_pages", [at(16), at(20), at(300)], [17, 17, 17]),
    ],
)
def test_positions_that_are_not_heard_and_pages_that_repeat(archive, profile, positions, expected):
    _, client = archive(profile)
    pages = [search(client, position=position) for position in positions]
    assert [numbers(page)[0] for page in pages] == expected
    assert all(page.count <= 8 for page in pages)
    if profile == "repeated_pages":
        assert {page.status for page in pages} == {"MORE"}


def test_more_for_ever(archive):
    _, client = archive("endless_more")
    page = search(client, position=at(40))
    assert (page.status, page.count, page.found) == ("MORE", 0, [])


def test_the_device_has_a_limit_of_results(archive):
    _, client = archive(recordings=minutes(70))
    assert (search(client, most=500).count, search(client, most=40).count) == (64, 40)
    root = etree.fromstring(client.get(f"{SEARCH}/profile").body)
    assert {etree.QName(node).localname: node.text for node in root} == {
        "maxSearchTimespans": "1",
        "maxSearchTracks": "16",
        "maxSearchMatchResults": "64",
        "maxConcurrentSearches": "1",
    }


@pytest.mark.parametrize(
    ("profile", "wanted", "sub_status"),
    [
        ("plain", {"identity": "1"}, "badXmlContent"),
        ("plain", {"identity": "my search"}, "badXmlContent"),
        ("upper_search_id", {"identity": "c77384ad-66a0-0001-e7c2-1151f04f90b0"}, "badXmlContent"),
        ("plain", {"tracks": "trackList"}, "badXmlContent"),
        ("needs_track_list", {}, "badXmlContent"),
        ("bare_search", {}, "badXmlFormat"),
        ("bare_search", {"declaration": "", "root": '<CMSearchDescription xmlns="x">'}, "badXmlFormat"),
        ("plain", {"root": "<Search>"}, "badXmlFormat"),
        ("plain", {"track": 501}, "invalidChannel"),
        ("plain", {"start": "2026-11-21T00:00:00Z"}, "badParameters"),
        ("plain", {"start": "yesterday"}, "badXmlContent"),
    ],
)
def test_requests_that_are_refused(archive, profile, wanted, sub_status):
    _, client = archive(profile)
    answer = client.get(SEARCH, method="POST", body=search_body(**wanted))
    assert refusal(answer) == (400, sub_status)


@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        ("plain", {"identity": "{c77384ad-66a0-0001-e7c2-1151f04f90b0}"}),
        ("plain", {"root": '<CMSearchDescription version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'}),
        ("any_search_id", {"identity": "my search"}),
        ("needs_track_list", {"tracks": "trackList"}),
        ("bare_search", {"declaration": ""}),
        ("bare_search", {"declaration": "", "root": '<CMSearchDescription version="1.0">'}),
        ("plain", {"declaration": "\r\n\r\n"}),
    ],
)
def test_requests_that_are_taken(archive, profile, wanted):
    _, client = archive(profile)
    assert search(client, **wanted).count == 20


def test_one_search_at_a_time(archive):
    _, client = archive(replace(PROFILES["one_search"], search_seconds=0.2))
    authorization = [client.authorize(client.ask(SEARCH, method="POST"), SEARCH, method="POST") for _ in range(2)]
    with client.connect() as first, client.connect() as second:
        first.send(client.request(SEARCH, method="POST", authorization=authorization[0], body=search_body()) * 2)
        assert first.silent_for(0.05)
        second.send(client.request(SEARCH, method="POST", authorization=authorization[1], body=search_body()))
        assert refusal(read_answer(second)) == (503, "deviceBusy")
        assert read_page(read_answer(first)).count == 20
        assert read_page(read_answer(first)).count == 20  # the same client's next one waited in line


def test_the_forms_of_an_answer(archive):
    spaced = search(archive("spaced_uris")[1]).found[0].uri
    assert spaced.startswith("\n  rtsp://")
    assert spaced.endswith(" \n")
    assert search(archive("total_matches")[1], most=5).total == "20"
    _, client = archive("status_string")
    assert search(client).status is None
    assert (
        b"<responseStatusString>OK</responseStatusString>" in client.get(SEARCH, method="POST", body=search_body()).body
    )
    nothing = search_body(start="2020-01-01T00:00:00Z", end="2020-01-02T00:00:00Z")
    assert b"matchList" not in archive()[1].get(SEARCH, method="POST", body=nothing).body
    assert b"<matchList></matchList>" in archive("empty_match_list")[1].get(SEARCH, method="POST", body=nothing).body
    _, client = archive("foreign_address")
    assert search(client).found[0].uri.startswith(f"rtsp://192.168.0.221:{client.url.rpartition(':')[2]}/Streaming")
    names = [one.name for one in search(archive("recorder_archive")[1], end="2026-11-20T07:32:00Z").found]
    assert names[:2] == ["00000000000000001", "00000000000000002"]


def test_digits_may_be_local_time(archive):
    _, client = archive("local_recording_time")  # the camera's zone is an hour ahead
    assert search(client, end="2026-11-20T07:29:00Z").count == 0
    (one,) = search(client, end="2026-11-20T07:30:30Z").found
    assert one.start == "2026-11-20T07:30:00Z"
    assert "starttime=20261120T073000Z" in one.uri
    (same,) = search(client, f"{SEARCH}?timeType=STD", end="2026-11-20T06:30:30Z").found
    assert same == one


def test_types_locks_and_pictures(archive):
    stored = [
        Stored(start=START, end=START + MINUTE),
        Stored(start=START + MINUTE, end=START + 2 * MINUTE, kind="motion", locked=True),
        Stored(start=START + 2 * MINUTE, end=START + 3 * MINUTE, kind="alarm", name="../../alarm"),
    ]
    _, client = archive(recordings=stored)
    found = search(client).found
    assert [one.kind.rpartition("/")[2] for one in found] == ["timing", "motion", "ALARM"]
    assert [one.lock for one in found] == ["unlock", "lock", "unlock"]
    assert [one.name for one in found] == ["ch01_00000000000000001", "ch01_00000000000000002", "../../alarm"]
    for kind, count in (("/CMR", 1), ("/MOTION", 1), ("/ALARM", 1), ("/ALARMANDMOTION", 2), ("/EDR", 2), ("", 3)):
        assert search(client, kind=kind).count == count
    pictures = search(client, track=103).found
    assert [(one.content, one.codec, one.start) for one in pictures] == [
        ("picture", "jpeg", "2026-11-20T06:31:00Z"),
        ("picture", "jpeg", "2026-11-20T06:32:00Z"),
    ]
    for one in pictures:
        assert one.uri.startswith(f"{client.url}/ISAPI/Streaming/tracks/103/?starttime=")
        answer = client.get(one.uri.removeprefix(client.url))
        assert (answer.status, answer.header("content-type")) == (200, "image/jpeg")
        assert answer.body.startswith(b"\xff\xd8\xff")
        assert len(answer.body) == one.size
    assert client.get("/ISAPI/Streaming/tracks/103/?name=nothing").status == 400
    assert search(client, track=102).count == 0
    _, client = archive("upper_record_types", recordings=stored)
    assert [one.kind.rpartition("/")[2] for one in search(client).found] == ["AllEvent", "MOTION", "ALARM"]


def now_and(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_from_the_factory_there_is_a_day(camera):
    _, client = camera()
    found = search(client, track=201, start=now_and(hours=25), end=now_and(hours=-1)).found[:25]
    assert [one.kind.rpartition("/")[2] for one in found] == ["timing"] * 22 + ["motion", "ALARM", "timing"]
    assert [one.lock for one in found].count("lock") == 1
    assert found[1].start == found[0].end
    assert datetime.now(UTC) - datetime.fromisoformat(found[-1].end) < timedelta(seconds=10)
    assert {one.size for one in found if one.kind.endswith("timing")} == {3600 * 256_000 + 40}


@pytest.mark.slow
def test_the_newest_file_is_being_written_and_cut_after_an_hour(archive, wait_for):
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=90)
    _, client = archive(recordings=[Stored(start=begun)])
    everything = {"start": now_and(hours=2), "end": now_and(hours=-1)}
    first, newest = search(client, **everything).found
    assert datetime.fromisoformat(first.end) - datetime.fromisoformat(first.start) == timedelta(hours=1)
    assert datetime.now(UTC) - datetime.fromisoformat(newest.end) < timedelta(seconds=10)
    wait_for(lambda: search(client, **everything).found[-1].size > newest.size)
    later = search(client, **everything).found[-1]
    assert (later.name, later.start) == (newest.name, newest.start) == (f"ch01_{2:017}", first.end)


@pytest.mark.slow
def test_what_happens_is_a_recording_of_its_own(archive, wait_for):
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)
    simulator, client = archive(recordings=[Stored(start=begun)])
    everything = {"start": now_and(hours=1), "end": now_and(hours=-1)}
    apply(simulator, {"motion": {}})
    wait_for(lambda: search(client, **everything).count == 2)
    timing, motion = search(client, **everything).found
    assert [timing.kind[-6:], motion.kind[-6:]] == ["timing", "motion"]
    assert timing.end == motion.start
    assert timing.size == 40 + RATE * (datetime.fromisoformat(timing.end) - begun).seconds
    apply(simulator, {"fire": {}})
    wait_for(lambda: search(client, **everything).found[-1].kind.endswith("ALARM"))
    assert search(client, track=103, **everything).count == search(client, **everything).count - 1


@pytest.mark.parametrize(
    ("state", "expected"),
    [("none", (403, "noDisk")), ("offline", (403, "noDisk")), ("error", (500, "diskError")), ("full", None)],
)
def test_a_disk_that_cannot_be_read(archive, state, expected):
    simulator, client = archive(rtsp_port=0)
    uri = search(client).found[0].uri
    apply(simulator, {"disk": {"state": state}})
    answer = client.get(SEARCH, method="POST", body=search_body())
    fetched = client.get(
        DOWNLOAD, body=b"<downloadRequest><playbackURI>%s</playbackURI></downloadRequest>" % uri.encode()
    )
    if expected:
        assert refusal(answer) == refusal(fetched) == expected
    else:
        assert (answer.status, fetched.status) == (200, 200)


@pytest.mark.parametrize("kind", ["busy", "not_supported"])
def test_faults_of_a_search(archive, kind):
    simulator, client = archive()
    apply(simulator, {"fault": {"kind": kind, "path": SEARCH, "count": 1}})
    assert refusal(client.get(SEARCH, method="POST", body=search_body()))[1] in ("deviceBusy", "notSupport")
    assert search(client).count == 20


def test_the_list_of_tracks_and_what_downloads_can_do(camera):
    _, client = camera()
    root = etree.fromstring(client.get("/ISAPI/ContentMgmt/record/tracks").body)
    listed = [(track.findtext("{*}id"), track.findtext("{*}SrcDescriptor/{*}SrcChannel")) for track in root]
    assert listed == [("101", "1"), ("103", "1"), ("201", "2"), ("203", "2")]
    abilities = etree.fromstring(client.get(f"{DOWNLOAD}/capabilities").body)
    assert [node.text for node in abilities] == ["true", "false"]


def test_only_the_latest_recording_can_still_be_written():
    with pytest.raises(ValueError, match=r"recordings\[0\]: expected an end, only the latest"):
        Simulator(recordings=[Stored(start=START), (START + MINUTE, START + 2 * MINUTE)])
