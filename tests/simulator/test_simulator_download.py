"""Downloads from the archive: the forms of asking, what comes, and how it goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

import av
import pytest
from lxml import etree
from raw_archive import (
    DOWNLOAD,
    HEADER,
    MODEL,
    RATE,
    START,
    download,
    download_body,
    read_page,
    refusal,
    search,
    search_body,
)
from raw_http import Answer, RawClient, apply, read_answer
from raw_rtsp import RtspClient, frames, number_of, pictures

from hik_thermal_plugin.simulator import MODELS, PROFILES, Simulator, Stored
from hik_thermal_plugin.simulator.models import Stream

SIZE = 3 * RATE + HEADER
BARE = "<downloadRequest>"
Archive = Callable[..., tuple[Simulator, RawClient, str]]


@pytest.fixture
def archive(camera: Any) -> Archive:
    """Start a camera with a recording of three seconds, and more where they are given; the first one's address comes along."""

    def start(profile: Any = "plain", *more: Stored, **options: Any) -> tuple[Simulator, RawClient, str]:
        first = Stored(start=START, end=START + timedelta(seconds=3))
        simulator, client = camera(**{"model": MODEL, "profile": profile, "recordings": [first, *more]} | options)
        return simulator, client, search(client).found[0].uri

    return start


def shown(data: bytes) -> list[int]:
    """The numbers of the frames in a file."""
    with av.open(BytesIO(data), format="mpeg") as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def times(data: bytes) -> list[float]:
    """When the frames of a file are shown, in seconds."""
    with av.open(BytesIO(data), format="mpeg") as container:
        video = container.streams.video[0]
        assert video.time_base is not None
        return [float(frame.pts * video.time_base) for frame in container.decode(video) if frame.pts is not None]


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["plain", "plain_stream", "download_octets", "b_frames", "private_streams"])
def test_a_file_is_a_program_stream_of_the_announced_size(archive, profile):
    _, client, uri = archive(profile)
    answer = download(client, uri)
    header = b"" if profile == "plain_stream" else b"IMKH".ljust(HEADER, b"\0")
    assert answer.status == 200
    assert answer.header("content-type") == (
        "application/octet-stream" if profile == "download_octets" else "Opaque/data"
    )
    assert int(answer.header("content-length") or 0) == len(answer.body) == 3 * RATE + len(header)
    assert f"&size={len(answer.body)}" in uri
    assert answer.body[:4] == (b"IMKH" if header else b"\0\0\1\xba")
    assert answer.body[len(header) :].startswith(b"\0\0\1\xba")
    assert shown(answer.body) == list(range(75))
    moments = times(answer.body)
    assert moments[-1] - moments[0] == pytest.approx(74 / 25, abs=1e-3)
    assert moments[0] // 1 == 6.5 * 3600  # the clock is the time of day


@pytest.mark.slow
def test_downloading_and_playing_show_the_same_pictures(archive, rtsp):
    simulator, client, uri = archive(rtsp_port=0)
    file = download(client, uri).body
    with RtspClient(simulator) as player:
        (channel,) = player.play(uri.removeprefix(simulator.rtsp or ""), "video").values()
        player.until(lambda: sum(packet.marker for packet in player.of(channel)) >= 30)
        played = pictures(list(frames(player.of(channel)))[:30])
    with av.open(BytesIO(file), format="mpeg") as container:
        stored = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for one, other in zip(played, stored[:30], strict=True):
        assert (one == other).all()


@pytest.mark.integration
def test_pictures_go_round_and_times_go_on(archive):
    long = Stored(start=START + timedelta(hours=1), end=START + timedelta(hours=1, seconds=61.48))
    _, client, _ = archive("plain", long)
    answer = download(client, search(client).found[1].uri)
    assert len(answer.body) == 62 * RATE + HEADER
    assert shown(answer.body) == [*range(1500), *range(37)]
    assert times(answer.body)[1500] - times(answer.body)[1499] == pytest.approx(0.04, abs=1e-3)


def test_h265_is_named_in_the_stream(camera):
    visible = replace(
        MODEL.channels[0], thermal=True, streams=(Stream(codec="H.265", width=320, height=240, kilobits=512),)
    )
    _, client = camera(
        model=replace(MODELS["bullet"], channels=(visible,)), recordings=[(START, START + timedelta(seconds=2))]
    )
    (one,) = search(client).found
    data = download(client, one.uri).body
    assert one.codec == "H.265"
    assert data[10:12] == b"\x05\x00"
    with av.open(BytesIO(data), format="mpeg") as container:
        assert container.streams.video[0].codec_context.name == "hevc"
    assert shown(data) == list(range(50))


VERSIONED = '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'


@pytest.mark.parametrize(
    ("profile", "taken", "refused"),
    [
        ("plain", [("GET", VERSIONED), ("POST", VERSIONED), ("GET", BARE), ("POST", BARE)], []),
        ("download_get", [("GET", VERSIONED), ("GET", BARE)], [("POST", VERSIONED, "methodNotAllowed")]),
        ("download_post", [("POST", VERSIONED), ("POST", BARE)], [("GET", VERSIONED, "methodNotAllowed")]),
        (
            "download_bare",
            [("GET", BARE)],
            [("GET", VERSIONED, "badXmlContent"), ("POST", BARE, "methodNotAllowed")],
        ),
        (
            "download_version",
            [("GET", VERSIONED)],
            [("GET", BARE, "badXmlContent"), ("POST", VERSIONED, "methodNotAllowed")],
        ),
    ],
)
def test_the_forms_of_asking(archive, profile, taken, refused):
    _, client, uri = archive(profile)
    for method, root in taken:
        assert len(download(client, uri, method, root=root).body) == SIZE
    for method, root, sub_status in refused:
        assert refusal(download(client, uri, method, root=root))[1] == sub_status


def test_an_address_may_have_raw_ampersands_blanks_and_another_host(archive):
    simulator, client, uri = archive("foreign_address")
    assert uri.startswith("rtsp://192.168.0.221:")
    raw = client.get(
        DOWNLOAD, body=f"<downloadRequest><playbackURI>\n {uri} \n</playbackURI></downloadRequest>".encode()
    )
    assert len(raw.body) == SIZE
    assert simulator.state()["writes"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (download_body("rtsp://x/Streaming/tracks/101/?name=nothing"), (400, "badParameters")),
        (download_body("rtsp://x/Streaming/tracks/501/?name=ch01_00000000000000001"), (400, "badParameters")),
        (download_body("rtsp://x/Streaming/tracks/101/?starttime=20261120T063000Z"), (400, "badParameters")),
        (download_body("rtsp://x/elsewhere?name=ch01_00000000000000001"), (400, "badXmlContent")),
        (b"<downloadRequest/>", (400, "badXmlContent")),
        (b"<other><playbackURI>rtsp://x/Streaming/tracks/101/</playbackURI></other>", (400, "badXmlContent")),
        (b"", (400, "badXmlFormat")),
    ],
)
def test_requests_that_are_refused(archive, body, expected):
    _, client, _ = archive()
    assert refusal(client.get(DOWNLOAD, body=body)) == expected


@pytest.mark.parametrize("name", ["../../../etc/passwd", "C:\\recording", "line\nend & more", "50 %+", "\x07bell"])
def test_names_may_be_anything(archive, name):
    odd = Stored(start=START + timedelta(minutes=1), end=START + timedelta(minutes=1, seconds=2), name=name)
    _, client, _ = archive("plain", odd)
    uri = search(client).found[1].uri
    assert parse_qs(uri)["name"] == [name]
    assert len(download(client, uri).body) == 2 * RATE + HEADER


def test_by_time_where_the_device_can(archive):
    later = Stored(start=START + timedelta(minutes=1), end=START + timedelta(minutes=1, seconds=10))
    _, client, _ = archive("download_by_time", later)
    span = "rtsp://x/Streaming/tracks/101/?starttime=20261120T063002Z&endtime=20261120T063101Z"
    answer = download(client, span)
    assert len(answer.body) == 2 * RATE + HEADER
    assert shown(answer.body) == [*range(50, 75), *range(25)]
    abilities = etree.fromstring(client.get(f"{DOWNLOAD}/capabilities").body)
    assert abilities.findtext("{*}isSupportDownloadbyTime") == "true"
    assert refusal(download(client, span.replace("2026", "2020"))) == (400, "badParameters")


def ranged(client: RawClient, uri: str, said: str) -> Answer:
    """Ask for a range of a file."""
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    request = client.request(DOWNLOAD, authorization=authorization, body=download_body(uri))
    with client.connect() as wire:
        wire.send(request.replace(b"\r\nHost", f"\r\nRange: {said}\r\nHost".encode(), 1))
        return read_answer(wire)


def test_ranges_where_the_device_has_them(archive):
    _, client, uri = archive("download_ranges")
    file = download(client, uri).body
    for first in (1, HEADER, HEADER + RATE - 1, 2 * RATE, SIZE - 1):
        answer = ranged(client, uri, f"bytes={first}-")
        assert (answer.status, answer.body == file[first:]) == (206, True)
        assert answer.header("content-range") == f"bytes {first}-{SIZE - 1}/{SIZE}"
    assert ranged(client, uri, "bytes=10-59").body == file[10:60]
    assert ranged(client, uri, f"bytes={SIZE}-").status == 416


def test_a_range_is_not_heard_by_others(archive):
    _, client, uri = archive()
    answer = ranged(client, uri, "bytes=100-")
    assert (answer.status, len(answer.body), answer.header("accept-ranges")) == (200, SIZE, None)


def test_sizes_that_are_not_told_or_not_true(archive):
    _, client, uri = archive("download_unsized")
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        head, _, body = wire.to_end().partition(b"\r\n\r\n")
    assert b"Content-Length" not in head
    assert len(body) == SIZE
    rounded = -(-SIZE // 65536) * 65536
    _, client, uri = archive("rounded_sizes")
    assert uri.endswith(f"size={rounded}")
    assert len(download(client, uri).body) == SIZE
    _, client, uri = archive("download_announced")
    answer = download(client, uri)
    assert (int(answer.header("content-length") or 0), len(answer.body), answer.ended) == (rounded, SIZE, True)


@pytest.mark.slow
def test_a_file_that_is_being_written_is_as_long_as_it_is_now(camera, wait_for):
    _, client = camera(model=MODEL, recordings=[Stored(start=datetime.now(UTC) - timedelta(seconds=10))])
    now = datetime.now(UTC)
    span = {"start": f"{now - timedelta(hours=1):%Y%m%dT%H%M%SZ}", "end": f"{now + timedelta(hours=1):%Y%m%dT%H%M%SZ}"}
    (one,) = search(client, **span).found
    first = download(client, one.uri).body
    assert len(first) in range(one.size, one.size + 3 * RATE)
    wait_for(lambda: search(client, **span).found[0].size > len(first))
    later = download(client, one.uri).body
    assert later[: len(first)] == first
    assert shown(later) == list(range(len(shown(later))))


def test_the_first_attempt_fails(archive):
    _, client, uri = archive("download_device_error")
    assert refusal(download(client, uri)) == (500, "deviceError")
    assert len(download(client, uri).body) == SIZE
    _, client, uri = archive("download_error_in_200")
    answer = download(client, uri)
    assert refusal(answer) == (200, "deviceError")
    assert answer.header("content-type") == 'application/xml; charset="UTF-8"'
    assert len(download(client, uri).body) == SIZE


def test_one_download_at_a_time(archive):
    profile = replace(PROFILES["slow_download"], download_rate=10_000.0)
    simulator, client, uri = archive(profile)
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        wire.until(b"IMKH")
        assert refusal(download(client, uri)) == (503, "deviceBusy")
        assert client.get("/ISAPI/System/deviceInfo").status == 200
        apply(simulator, {"fault": {"kind": "drop", "path": DOWNLOAD}})
        wire.to_end()
        assert wire.reset
        assert len(wire.data) < SIZE
    assert refusal_or_size(client, uri) == "started"


def refusal_or_size(client: RawClient, uri: str) -> str:
    """Whether the device would send a file now."""
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        return "busy" if b"503" in wire.until(b"\r\n\r\n")[:20] else "started"


def test_a_slow_download_takes_its_time(archive):
    _, client, uri = archive(replace(PROFILES["slow_download"], download_rate=400_000.0))
    begun = time.monotonic()
    assert len(download(client, uri).body) == SIZE
    assert time.monotonic() - begun > 0.4


def test_faults_on_the_way(archive):
    simulator, client, uri = archive()
    apply(simulator, {"fault": {"kind": "truncate", "path": DOWNLOAD, "count": 1}})
    # The fault strikes answers, and a request for a login is none.
    answer = download(client, uri)
    assert (int(answer.header("content-length") or 0), len(answer.body), answer.ended) == (SIZE, SIZE // 2, True)
    apply(simulator, {"fault": {"kind": "wrong_length", "path": DOWNLOAD, "count": 1}})
    answer = download(client, uri)
    assert (int(answer.header("content-length") or 0), len(answer.body), answer.ended) == (SIZE + 64, SIZE, True)
    apply(simulator, {"fault": {"kind": "busy", "path": DOWNLOAD}})
    assert refusal(download(client, uri)) == (503, "deviceBusy")
    assert len(download(client, uri).body) == SIZE


def test_a_stall_within_a_file(archive):
    simulator, client, uri = archive()
    assert len(download(client, uri).body) == SIZE  # it is encoded now
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    apply(simulator, {"fault": {"kind": "stall", "seconds": 0.6, "path": DOWNLOAD, "count": 1}})
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        wire.until(lambda data: b"IMKH" in data and len(data) > 10_000)
        while not wire.silent_for(0.15):
            pass
        assert len(wire.data) < RATE
        wire.until(lambda data: len(data.partition(b"\r\n\r\n")[2]) == SIZE)


def test_oem_results_as_in_the_captures_and_their_files(archive):
    _, client, _ = archive("psia_results")
    answer = client.get("/ISAPI/ContentMgmt/search", method="POST", body=search_body())
    assert answer.body.startswith(b'\n<CMSearchResult version="1.0" xmlns="urn:psialliance-org">')
    (one,) = read_page(answer).found
    assert (one.name, one.lock) == ("20261120063000_00000001_01_00_SC_01", None)
    assert "/Streaming/tracks/101?starttime=2026-11-20T06:30:00Z&endtime=2026-11-20T06:30:03Z&name=" in one.uri
    assert len(download(client, one.uri).body) == SIZE


@pytest.mark.integration
def test_a_large_file_is_sent_whole(camera):
    _, client = camera(model=MODEL, recordings=[(START, START + timedelta(minutes=20))])
    (one,) = search(client).found
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(one.uri)))
        wire.until(b"\r\n\r\n")
        left = one.size - len(wire.data.partition(b"\r\n\r\n")[2])
        while left:
            left -= len(wire.socket.recv(1 << 20))
    assert one.size == 1200 * RATE + HEADER


def test_a_client_that_reads_nothing_holds_nobody_up(archive):
    hour = Stored(start=START + timedelta(hours=1), end=START + timedelta(hours=2))
    _, client, _ = archive("plain", hour)
    uri = search(client).found[1].uri
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        wire.until(b"IMKH")
        for _ in range(20):
            assert client.get("/ISAPI/System/deviceInfo").status == 200


def test_a_client_that_wants_the_connection_closed_gets_all_before(archive):
    _, client, uri = archive()
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    request = client.request(DOWNLOAD, authorization=authorization, body=download_body(uri))
    with client.connect() as wire:
        wire.send(request.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost", 1))
        assert len(wire.to_end().partition(b"\r\n\r\n")[2]) == SIZE


def test_requests_in_line_are_answered_after_the_file(archive):
    _, client, uri = archive()
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)) * 2)
        assert len(read_answer(wire).body) == SIZE
        assert len(read_answer(wire).body) == SIZE


def test_a_reboot_in_the_middle_of_a_file(archive, wait_for):
    simulator, client, uri = archive(replace(PROFILES["slow_download"], download_rate=20_000.0))
    authorization = client.authorize(client.ask(DOWNLOAD), DOWNLOAD)
    with client.connect() as wire:
        wire.send(client.request(DOWNLOAD, authorization=authorization, body=download_body(uri)))
        wire.until(b"IMKH")
        apply(simulator, {"fault": {"kind": "reboot", "seconds": 0.05}})
        wire.to_end()
        assert wire.reset
    wait_for(lambda: started(client, uri), what="a download after the boot")


def started(client: RawClient, uri: str) -> bool:
    try:
        return refusal_or_size(client, uri) == "started"
    except OSError:
        return False
