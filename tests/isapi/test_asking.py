"""Sources that stream, poll or compute temperatures, one connection each, against a scripted camera."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    BadAnswer,
    Busy,
    ConnectionChanged,
    Event,
    MeasureOptions,
    TemperatureReading,
    ThermalFrame,
    Unreachable,
    Unsupported,
)
from thermal_camera import (
    BASIC,
    FRAME,
    GRADIENT,
    JSON,
    MODE,
    MULTIPART,
    POLL,
    REALTIME,
    REGIONS,
    Reply,
    ThermalCamera,
    frame,
    part,
    polled,
    refusal,
    region,
    regions,
    thermal_camera,
    upload,
)

from hik_thermal_plugin.isapi.channels import ThermalChannels
from hik_thermal_plugin.isapi.client import IsapiClient
from hik_thermal_plugin.isapi.connection import Connection
from hik_thermal_plugin.isapi.frames import Frames
from hik_thermal_plugin.isapi.polling import ComputedReadings, PolledReadings
from hik_thermal_plugin.isapi.rules import DeviceRules
from hik_thermal_plugin.isapi.thermometry import RealtimeStream
from hik_thermal_plugin.login import LoginBudget

WaitFor = Callable[..., None]


class Bench:
    """The rooms of one camera, without threads of their own."""

    def __init__(self, camera: ThermalCamera, folder: Path, secret: str) -> None:
        self.camera = camera
        self.client = IsapiClient("kiln", camera.url, "admin", secret, LoginBudget("kiln", secret, folder), timeout=5)
        self.channels = ThermalChannels("kiln")
        self.channels.thermal = 2
        self.rules = DeviceRules(self.client, self.channels)
        self.frames = Frames(self.client, self.channels, self.rules, 0.0)

    def realtime(self, silence: float = 30.0) -> RealtimeStream:
        return RealtimeStream(self.client, self.channels, self.rules, 2, silence=silence)

    def poll(self) -> PolledReadings:
        return PolledReadings(self.client, self.channels, self.rules, 2, 0.01)

    def computed(self) -> ComputedReadings:
        def compute(frame: ThermalFrame, rules: Any) -> list[TemperatureReading]:
            return [TemperatureReading(rule=rule, highest_celsius=frame.matrix[5, 7]) for rule in rules or (None,)]

        return ComputedReadings(self.client, self.frames, self.rules, 2, 0.01, compute)


@pytest.fixture
def camera() -> Iterator[ThermalCamera]:
    with thermal_camera() as made:
        yield made


@pytest.fixture
def bench(camera: ThermalCamera, tmp_path: Path, secret: str) -> Iterator[Bench]:
    made = Bench(camera, tmp_path, secret)
    yield made
    made.client.close()


def begun(source: Any) -> Generator[Event, None, None]:
    """Return the events of a source that is online."""
    events: Generator[Event, None, None] = source.events()
    first = next(events)
    assert isinstance(first, ConnectionChanged)
    assert first.state == "online"
    return events


def highest(events: Iterator[Event], count: int) -> list[tuple[Any, float | None]]:
    """Return rule and highest temperature of the next readings."""
    found = []
    for event in islice(events, count):
        assert isinstance(event, TemperatureReading)
        found.append((event.rule, event.highest_celsius))
    return found


def test_blocks_come_in_any_cut(bench: Bench, camera: ThermalCamera) -> None:
    events = begun(bench.realtime())
    data = part(upload((1, 57.6), (2, 40.0))) + part(upload((1, 58.0)))
    for at in range(0, len(data), 333):
        camera.send(data[at : at + 333])
    assert highest(events, 3) == [(1, 57.6), (2, 40.0), (1, 58.0)]
    events.close()


@pytest.mark.parametrize(
    "document",
    [
        b'{"ThermometryUpload": {"ruleID": 1, "ruleCalibType": 1, "LinePolygonThermCfg": {"MaxTemperature": 57.6}}}',
        b"<ThermometryUploadList><ThermometryUpload><ruleID>1</ruleID><ruleCalibType>1</ruleCalibType><LinePolygonThermCfg>"
        b"<MaxTemperature>57.6</MaxTemperature></LinePolygonThermCfg></ThermometryUpload></ThermometryUploadList>",
        upload((1, 57.6)) + b"\n",
    ],
    ids=["single object", "xml", "list"],
)
def test_documents_of_every_shape_are_read(document: bytes, bench: Bench, camera: ThermalCamera) -> None:
    events = begun(bench.realtime())
    camera.send(part(document))
    assert highest(events, 1) == [(1, 57.6)]
    events.close()


def test_a_broken_block_is_passed_over(bench: Bench, camera: ThermalCamera) -> None:
    source = bench.realtime()
    events = begun(source)
    camera.send(part(upload((1, 57.6)).replace(b"[", b"", 1)) + part(upload((9, 1.0))))
    assert highest(events, 1) == [(9, 1.0)]
    assert source.counters.undecodable >= 1
    events.close()


def test_a_rule_told_twice_in_one_block_counts_once(bench: Bench, camera: ThermalCamera) -> None:
    source = bench.realtime()
    events = begun(source)
    camera.tell((1, 50.0), (1, 90.0), (2, 40.0))
    assert highest(events, 2) == [(1, 50.0), (2, 40.0)]
    assert source.counters.undecodable == 1
    events.close()


def test_silence_ends_the_connection_while_a_rule_is_enabled(bench: Bench) -> None:
    events = begun(bench.realtime(silence=0.3))
    with pytest.raises(Unreachable, match=r"nothing came for 0\.3 s"):
        next(events)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["no rule is enabled", "normal mode", "it does not say"])
def test_silence_is_nothing_while_no_rule_is_enabled(how: str, bench: Bench, camera: ThermalCamera) -> None:
    if how == "no rule is enabled":
        camera.documents[REGIONS] = regions(region(1, enabled=False))
    elif how == "normal mode":
        camera.documents[MODE] = b"<ThermometryMode><mode>normal</mode></ThermometryMode>"
    else:
        camera.refuse(MODE, REGIONS)
    source = bench.realtime(silence=0.2)
    events = begun(source)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, events)
        with pytest.raises(TimeoutError):
            waiting.result(0.6)
        source.interrupt()
        assert waiting.result(5) == []


def test_a_stream_with_nothing_to_tell_is_watched_over_by_the_kernel(bench: Bench, camera: ThermalCamera) -> None:
    camera.documents[REGIONS] = regions(region(1, enabled=False))
    made: list[Connection] = []
    connect = bench.client.connect
    bench.client.connect = lambda: made.append(connect()) or made[-1]  # type: ignore[func-returns-value,method-assign]
    events = begun(bench.realtime())
    (connection,) = made
    assert connection._socket is not None
    assert connection._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    events.close()


def test_silence_ends_the_connection_once_a_rule_has_told(bench: Bench, camera: ThermalCamera) -> None:
    camera.documents[REGIONS] = regions(region(1, enabled=False))
    events = begun(bench.realtime(silence=0.3))
    camera.tell((1, 50.0))
    assert highest(events, 1) == [(1, 50.0)]
    with pytest.raises(Unreachable, match="nothing came"):
        next(events)


@pytest.mark.slow
def test_silence_is_nothing_after_the_last_rule_has_ended(bench: Bench, camera: ThermalCamera) -> None:
    source = bench.realtime(silence=0.2)
    events = begun(source)
    camera.tell((1, 50.0), data_type=2)
    assert highest(events, 1) == [(1, 50.0)]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, events)
        with pytest.raises(TimeoutError):
            waiting.result(0.6)
        source.interrupt()
        assert waiting.result(5) == []


def test_a_refusal_inside_200_is_a_refusal(bench: Bench, camera: ThermalCamera) -> None:
    camera.streams[REALTIME] = JSON
    events = begun(bench.realtime())
    camera.send(b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}')
    with pytest.raises(Unsupported, match="notSupport"):
        next(events)


def test_a_stream_without_a_right_media_type_is_read_all_the_same(bench: Bench, camera: ThermalCamera) -> None:
    camera.streams[REALTIME] = "application/json"
    events = begun(bench.realtime())
    camera.tell((1, 50.0))
    assert highest(events, 1) == [(1, 50.0)]
    events.close()


def test_a_page_instead_of_a_stream_is_a_bad_answer(bench: Bench, camera: ThermalCamera) -> None:
    camera.streams.pop(REALTIME)
    camera.replies[f"GET {REALTIME}"] = Reply(b"<html><body>hello</body></html>", content_type="text/html")
    with pytest.raises(BadAnswer, match="web page"):
        next(bench.realtime().events())


@pytest.mark.parametrize("make", [Bench.realtime, Bench.poll, Bench.computed])
def test_a_source_that_was_interrupted_before_it_began_ends_without_a_word(
    make: Callable[[Bench], Any], bench: Bench
) -> None:
    source = make(bench)
    source.interrupt()
    assert list(source.events()) == []


@pytest.mark.parametrize("make", [Bench.realtime, Bench.poll, Bench.computed])
def test_interrupt_ends_a_source_that_waits_for_the_device(
    make: Callable[[Bench], Any], bench: Bench, camera: ThermalCamera, wait_for: WaitFor
) -> None:
    go = threading.Event()

    def never(_: bytes) -> Reply:
        go.wait(20)
        return refusal("notSupport")

    camera.replies[f"GET {MODE}"] = camera.replies[f"GET {BASIC}"] = never
    source = make(bench)
    try:
        with ThreadPoolExecutor(1) as pool:
            ending = pool.submit(lambda: list(source.events()))
            wait_for(lambda: any("thermometry" in what for what in camera.asked))
            source.interrupt()
            assert ending.result(2) == []
    finally:
        go.set()


def test_an_unsupported_stream_is_tried_under_every_channel(bench: Bench, camera: ThermalCamera) -> None:
    camera.refuse(REALTIME)
    with pytest.raises(Unsupported, match=r"channels/2/.*notSupport"):
        next(bench.realtime().events())
    assert f"GET {REALTIME.replace('/2/', '/1/')}" in camera.asked


def test_answers_are_asked_for_again_and_again(bench: Bench, camera: ThermalCamera) -> None:
    source = bench.poll()
    events = begun(source)
    assert highest(events, 4) == [(1, 60.0), (2, 40.0), (1, 60.0), (2, 40.0)]
    assert camera.asked.count(f"GET {REGIONS}") == 1
    assert source.counters.documents == 2
    events.close()


def test_answers_without_rule_numbers_count_by_order_in_the_cameras_unit(bench: Bench, camera: ThermalCamera) -> None:
    camera.documents[REGIONS] = regions(region(1, enabled=False), region(2, name="motor"), region(5))
    camera.documents[BASIC] = camera.documents[BASIC].replace(b"degreeCentigrade", b"degreeFahrenheit")
    camera.replies[f"GET {POLL}"] = Reply(polled((None, 212.0), (None, 32.0)), content_type=JSON)
    events = begun(bench.poll())
    assert highest(events, 2) == [(2, 100.0), (5, 0.0)]
    events.close()


def test_a_single_answer_in_normal_mode_is_the_whole_picture(bench: Bench, camera: ThermalCamera) -> None:
    camera.documents[MODE] = b"<ThermometryMode><mode>normal</mode></ThermometryMode>"
    camera.replies[f"GET {POLL}"] = Reply(polled((None, 28.5)), content_type=JSON)
    events = begun(bench.poll())
    assert highest(events, 2) == [(None, 28.5), (None, 28.5)]
    events.close()


def test_a_broken_answer_is_passed_over(bench: Bench, camera: ThermalCamera) -> None:
    answers = [Reply(b'{"Thermometry', content_type=JSON)]
    good = Reply(polled((1, 33.0)), content_type=JSON)
    camera.replies[f"GET {POLL}"] = lambda _: answers.pop() if answers else good
    source = bench.poll()
    events = begun(source)
    assert highest(events, 1) == [(1, 33.0)]
    assert source.counters.undecodable == 1
    events.close()


def test_a_camera_that_closes_after_each_answer_is_asked_all_the_same(bench: Bench, camera: ThermalCamera) -> None:
    camera.closes = True
    events = begun(bench.poll())
    assert len(highest(events, 6)) == 6
    events.close()


def test_rules_are_computed_from_frame_after_frame(bench: Bench, camera: ThermalCamera) -> None:
    source = bench.computed()
    events = begun(source)
    assert highest(events, 4) == [(1, 77.0), (2, 77.0)] * 2
    assert source.counters.bytes == 2 * 8 * 6 * 4
    events.close()


def test_a_broken_frame_is_passed_over(bench: Bench, camera: ThermalCamera) -> None:
    good = frame(GRADIENT)
    answers = [good[:-80], good.replace(b'"p2pDataLen": 192', b'"p2pDataLen": 196')]
    camera.replies[f"GET {FRAME}"] = lambda _: Reply(answers.pop() if answers else good, content_type=MULTIPART)
    source = bench.computed()
    events = begun(source)
    assert highest(events, 2) == [(1, 77.0), (2, 77.0)]
    assert source.counters.undecodable == 2
    events.close()


def test_one_frame_is_fetched_at_a_time(bench: Bench, camera: ThermalCamera, wait_for: WaitFor) -> None:
    go = threading.Event()

    def slow(_: bytes) -> Reply:
        go.wait(20)
        return Reply(frame(GRADIENT), content_type=MULTIPART)

    camera.replies[f"GET {FRAME}"] = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bench.frames.fetch, 2, time.monotonic() + 20)
        try:
            wait_for(lambda: f"GET {FRAME}" in camera.asked)
            with pytest.raises(Busy):
                bench.frames.fetch(2, time.monotonic() + 0.05)
        finally:
            go.set()
        assert first.result(5).width == 8
    assert camera.asked.count(f"GET {FRAME}") == 1


def test_a_frame_of_a_moment_ago_serves_measurements_only(bench: Bench, camera: ThermalCamera) -> None:
    frames = Frames(bench.client, bench.channels, bench.rules, 0.05)
    later = time.monotonic() + 5
    first = frames.fetch(2, later)
    assert frames.recent(2, later) is first
    assert frames.fetch(2, later) is not first
    assert camera.asked.count(f"GET {FRAME}") == 2


def test_properties_are_written_by_one_measurement_at_a_time(bench: Bench, camera: ThermalCamera) -> None:
    with bench.rules.alone(time.monotonic() + 5), pytest.raises(Busy, match="settings are being written already"):
        bench.frames.fetch_with(2, MeasureOptions(emissivity=0.5), time.monotonic() + 0.05)
    assert camera.written == []
