"""One recording on its way home: the forms of asking, losses, ranges, lies, and what is no recording (isapi.md 5.3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import BadAnswer, Busy, CameraError, DeviceError, RecordedFile, Unreachable, Unsupported
from recorder import DOWNLOAD, IMKH, NOON, Recorder, Stored, program_stream
from scripted_device import ScriptedDevice, reply
from thermal_camera import refusal

from hik_thermal_plugin.isapi import transfer
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.isapi.transfer import DownloadForms, Transfer

DATA = IMKH + program_stream(50) + b"\0\0\1\xbe\x03\xe8" + bytes(range(250)) * 2000
"""A recording of half a megabyte."""
FILE = RecordedFile(
    camera="kiln",
    channel=2,
    track=201,
    start=NOON,
    end=NOON,
    name="a",
    size=len(DATA),
    playback_uri=f"rtsp://10.0.0.9/Streaming/tracks/201/?starttime=1&endtime=2&name=a&size={len(DATA)}",
)
Bring = Callable[..., bytes]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder(Stored(NOON, 2, "a", DATA)) as recorder:
        yield recorder


@pytest.fixture
def part(tmp_path: Path) -> Path:
    part = tmp_path / "a.mpg.part"
    part.touch()
    return part


@pytest.fixture
def transfer_of(recorder: Recorder, client_of: Callable[..., IsapiClient]) -> Callable[..., Transfer]:
    client, forms = client_of(url=recorder.url), DownloadForms()

    def make(file: RecordedFile = FILE, **options: Any) -> Transfer:
        return Transfer(client, forms, file, pause=0.001, **options)

    return make


@pytest.fixture
def bring(transfer_of: Callable[..., Transfer], part: Path) -> Bring:
    def run(file: RecordedFile = FILE, **options: Any) -> bytes:
        told: list[int] = []
        size = transfer_of(file, **options).run(part, told.append)
        assert told[-1] == size == part.stat().st_size
        return part.read_bytes()

    return run


def asked(recorder: Recorder) -> list[tuple[str, bool]]:
    """Return method, and whether the root has a namespace, of each request for the file."""
    return [(method, "xmlns" in body) for method, path, body in recorder.requests if path == DOWNLOAD]


@pytest.mark.parametrize("way", ["length", "chunked", "neither"])
def test_the_file_is_the_cameras_byte_for_byte(recorder: Recorder, bring: Bring, way: str) -> None:
    recorder.length, recorder.chunked = way == "length", way == "chunked"
    assert bring() == DATA
    assert asked(recorder) == [("GET", True)]


@pytest.mark.parametrize(
    ("methods", "understands", "tried"),
    [
        ({"POST"}, "", [("GET", True), ("POST", True)]),
        ({"GET"}, "<downloadRequest>", [("GET", True), ("POST", True), ("GET", False)]),
        ({"POST"}, '<downloadRequest version="1.0">', [("GET", True), ("POST", True), ("GET", False), ("POST", False)]),
    ],
)
def test_the_way_of_asking_that_worked_is_kept(
    recorder: Recorder, bring: Bring, part: Path, methods: set[str], understands: str, tried: list[tuple[str, bool]]
) -> None:
    recorder.methods, recorder.understands = methods, lambda body: understands in body

    assert bring() == DATA
    assert asked(recorder) == tried
    part.write_bytes(b"")
    assert bring() == DATA
    assert asked(recorder)[len(tried) :] == tried[-1:]


def test_an_unknown_file_is_told_in_the_devices_words(bring: Bring) -> None:
    other = RecordedFile(
        camera="kiln", channel=2, track=201, start=NOON, end=NOON, playback_uri="rtsp://a/b?name=other&size=1"
    )
    with pytest.raises(DeviceError, match="badParameters"):
        bring(other)


def test_download_that_is_not_allowed(recorder: Recorder, bring: Bring) -> None:
    said = refusal("notSupport")
    recorder.answers[DOWNLOAD] = [(said.status, said.body, "application/xml")] * 4
    with pytest.raises(Unsupported, match="notSupport"):
        bring()
    assert len(asked(recorder)) == 4


@pytest.mark.parametrize(
    ("status", "body", "content_type", "error", "words"),
    [
        (200, refusal("lowPrivilege").body, "Opaque/data", CameraError, "lowPrivilege"),
        (200, b"<html><body>Welcome" + b" " * 2000 + b"</body></html>", "video/mpeg", BadAnswer, "web page"),
        (200, b'{"hello": 1}', "Opaque/data", BadAnswer, "no recording"),
        (200, b"\0\0\1\xba" + bytes(500), "Opaque/data", BadAnswer, "no recording: 504 bytes"),
        (200, b"", "Opaque/data", BadAnswer, "no recording: 0 bytes"),
        (200, b"\x17\x03\x99" * 5000, "Opaque/data", BadAnswer, r"no recording \(is its disk encrypted\?\)"),
    ],
)
def test_what_is_no_recording_is_an_error_whatever_its_status(
    recorder: Recorder, bring: Bring, part: Path, status: int, body: bytes, content_type: str, error: Any, words: str
) -> None:
    recorder.answers[DOWNLOAD] = [(status, body, content_type)]
    with pytest.raises(error, match=words):
        bring()
    assert part.stat().st_size == 0


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("way", ["length", "chunked", "neither"])
def test_after_a_loss_it_goes_on_or_begins_anew(recorder: Recorder, bring: Bring, ranges: bool, way: str) -> None:
    recorder.length, recorder.chunked = way == "length", way == "chunked"
    recorder.ranges = ranges
    recorder.drops = [200_000, 400_000] if ranges else [200_000]

    assert bring() == DATA
    assert recorder.ranges_asked[:1] == [f"bytes={200_000 - transfer.OVERLAP}-"]
    if not ranges:
        recorder.drops = [100_000]
        bring()
        assert len(recorder.ranges_asked) == 1  # it is not asked for what it does not do


def test_what_is_there_of_another_recording_is_not_gone_on_from(recorder: Recorder, bring: Bring, part: Path) -> None:
    recorder.ranges = True
    part.write_bytes(program_stream(25) + bytes(100_000))
    assert bring() == DATA


def test_a_file_that_is_there_whole_costs_next_to_nothing(recorder: Recorder, bring: Bring, part: Path) -> None:
    recorder.ranges = True
    part.write_bytes(DATA)
    assert bring() == DATA
    assert recorder.ranges_asked == [f"bytes={len(DATA) - transfer.OVERLAP}-"]


def test_a_device_that_is_busy_when_it_is_to_go_on_is_asked_again_for_the_rest(
    recorder: Recorder, bring: Bring, part: Path
) -> None:
    recorder.ranges = True
    busy = refusal("deviceBusy", 2, 503)
    recorder.answers[DOWNLOAD] = [(busy.status, busy.body, "application/xml")] * 2
    part.write_bytes(DATA[:300_000])
    assert bring() == DATA
    assert set(recorder.ranges_asked) == {f"bytes={300_000 - transfer.OVERLAP}-"}


def test_what_is_there_of_a_longer_recording_is_not_gone_on_from(recorder: Recorder, bring: Bring, part: Path) -> None:
    recorder.ranges = True
    recorder.answers[DOWNLOAD] = [(416, b"", "application/xml")]
    part.write_bytes(DATA + bytes(1_000_000))
    assert bring() == DATA


def test_a_device_that_never_sends_all_is_given_up(recorder: Recorder, bring: Bring, part: Path) -> None:
    recorder.drops = [150_000] * 100
    with pytest.raises(Unreachable, match="kiln: GET /ISAPI/ContentMgmt/download"):
        bring()
    assert part.stat().st_size == 150_000
    assert recorder.count(DOWNLOAD) == transfer.TRIES


def test_it_goes_on_as_long_as_it_gets_on(recorder: Recorder, bring: Bring) -> None:
    recorder.ranges = True
    recorder.drops = [100_000 + 20_000 * number for number in range(18)]
    assert bring() == DATA


def test_busy_and_failing_devices_are_asked_again(recorder: Recorder, bring: Bring) -> None:
    for said in (refusal("deviceBusy", 2, 503), refusal("deviceError", 3, 500), refusal("deviceError", 3, 200)):
        recorder.answers.setdefault(DOWNLOAD, []).append((said.status, said.body, "application/xml"))
    assert bring() == DATA


def test_a_busy_device_is_given_up_at_last(recorder: Recorder, bring: Bring) -> None:
    said = refusal("deviceBusy", 2, 503)
    recorder.answers[DOWNLOAD] = [(said.status, said.body, "application/xml")] * 50
    with pytest.raises(Busy, match="deviceBusy"):
        bring()


def test_a_device_that_fails_over_what_it_does_not_know_gets_the_next_form(recorder: Recorder, bring: Bring) -> None:
    said = refusal("deviceError", 3, 500)
    recorder.answers[DOWNLOAD] = [(said.status, said.body, "application/xml")]
    assert bring() == DATA
    assert asked(recorder)[:2] == [("GET", True), ("POST", True)]


def test_a_device_that_announces_more_than_it_has_is_given_up(recorder: Recorder, bring: Bring, part: Path) -> None:
    recorder.lies = 100_000
    with pytest.raises(Unreachable):
        bring()
    assert part.stat().st_size == len(DATA)


def test_a_device_that_rounds_what_it_announces_has_to_end_twice_at_the_same_byte(
    recorder: Recorder, bring: Bring, part: Path
) -> None:
    recorder.lies = 3000
    assert bring() == DATA
    assert recorder.count(DOWNLOAD) == 2
    part.write_bytes(b"")
    assert bring() == DATA  # it is known for it
    assert recorder.count(DOWNLOAD) == 3


def test_less_than_the_search_told_of_is_not_taken_for_whole(recorder: Recorder, bring: Bring) -> None:
    recorder.recordings[0].data = DATA[:300_000]
    with pytest.raises(BadAnswer, match=f"300000 bytes and no more; the search told of {len(DATA)}"):
        bring()
    assert recorder.count(DOWNLOAD) == 1
    recorder.recordings[0].data = DATA[:-40]  # some devices count a header that they do not send
    assert bring() == DATA[:-40]


@pytest.mark.slow
def test_a_device_that_stalls_is_left_after_a_while(recorder: Recorder, bring: Bring) -> None:
    recorder.ranges = True
    recorder.stalls = [200_000]
    assert bring(stall=0.3) == DATA


@pytest.mark.parametrize("stalls", [[0], [200_000]])
def test_a_transfer_is_ended_at_once(
    recorder: Recorder, transfer_of: Callable[..., Transfer], part: Path, stalls: list[int], wait_for: Any
) -> None:
    recorder.stalls = stalls
    errors: list[BaseException] = []
    moving = transfer_of()

    def run() -> None:
        try:
            moving.run(part, lambda size: None)
        except CameraError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: recorder.downloading)
    begun = time.monotonic()
    moving.interrupt()
    thread.join(5)

    assert time.monotonic() - begun < 1
    assert isinstance(errors[0], Unreachable)
    assert recorder.count(DOWNLOAD) == 1


def test_a_transfer_that_was_ended_before_it_began_asks_for_nothing(
    recorder: Recorder, transfer_of: Callable[..., Transfer], part: Path
) -> None:
    moving = transfer_of()
    moving.interrupt()
    with pytest.raises(Unreachable):
        moving.run(part, lambda size: None)
    assert recorder.count(DOWNLOAD) == 0


def test_a_full_disk_is_no_fault_of_the_camera(
    transfer_of: Callable[..., Transfer], part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = transfer._write

    def full(file: Any, data: Any) -> None:
        if file.tell() > 100_000:
            raise OSError(28, "No space left on device")
        written(file, data)

    monkeypatch.setattr(transfer, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        transfer_of().run(part, lambda size: None)
    assert part.stat().st_size > 100_000


@pytest.mark.parametrize("content_range", ["", "Content-Range: bytes 7-9/10\r\n", "Content-Range: x\r\n"])
def test_a_part_that_nobody_asked_for_ends_in_no_wrong_file(
    device: ScriptedDevice, client_of: Callable[..., IsapiClient], part: Path, content_range: str
) -> None:
    head = f"HTTP/1.1 206 Partial\r\n{content_range}Content-Length: {len(DATA)}\r\nConnection: close\r\n\r\n".encode()
    device.answers[DOWNLOAD] = [head + DATA]
    with pytest.raises(CameraError):
        Transfer(client_of(), DownloadForms(), FILE, pause=0.001).run(part, lambda size: None)


def test_a_picture_is_fetched_by_its_address_at_the_configured_place(
    device: ScriptedDevice, client_of: Callable[..., IsapiClient], part: Path
) -> None:
    jpeg = b"\xff\xd8\xff" + bytes(3000) + b"\xff\xd9"
    device.answers["/ISAPI/Streaming/tracks/103/"] = [reply(200, jpeg, "image/jpeg")]
    picture = RecordedFile(
        camera="kiln",
        channel=1,
        track=103,
        start=NOON,
        end=NOON,
        playback_uri="http://10.0.0.9/ISAPI/Streaming/tracks/103/?starttime=1&name=p&size=3005",
    )
    assert Transfer(client_of(), DownloadForms(), picture).run(part, lambda size: None) == len(jpeg)
    assert part.read_bytes() == jpeg
    assert device.asked[-1].target == "/ISAPI/Streaming/tracks/103/?starttime=1&name=p&size=3005"
