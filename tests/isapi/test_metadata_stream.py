"""The metadata client against a server that misbehaves on request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from metadata_client import FIRE, ONVIF, READING, Make, Reader, lost, maker, online
from nvr_hooks import (
    BadAnswer,
    Busy,
    CameraError,
    ConnectionChanged,
    DeviceError,
    Event,
    FireAlarm,
    FireTarget,
    NoPermission,
    OtherMetadata,
    TemperatureReading,
    Unreachable,
    Unsupported,
)
from rtsp_camera import AGGREGATE, TRACK, Asked, RtspCamera, reply

from hik_thermal_plugin.worker import Deliveries, SharedStream


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera() as made:
        yield made


@pytest.fixture
def make(camera: RtspCamera, tmp_path: Path, secret: str) -> Make:
    return maker(camera, tmp_path, secret)


def test_the_eight_steps_of_the_guide(camera: RtspCamera, make: Make) -> None:
    stream = make()
    with online(stream) as events:
        camera.push(camera.packets(READING, timestamp=1))
        event = next(events)
        assert isinstance(event, TemperatureReading)
        assert (event.camera, event.channel, event.rule, event.highest_celsius) == ("kiln", 2, 1, 40.0)
    camera.wait_for("TEARDOWN")
    assert [(asked.method, asked.url) for asked in camera.asked] == [
        ("DESCRIBE", f"rtsp://127.0.0.1:{camera.port}/ISAPI/Streaming/channels/201"),
        ("SETUP", TRACK),
        ("PLAY", AGGREGATE),
        ("TEARDOWN", AGGREGATE),
    ]
    assert camera.asked[1].headers["transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1"
    assert "session" not in camera.asked[1].headers
    assert camera.asked[2].headers["session"] == camera.asked[3].headers["session"] == "708345999"
    assert (stream.counters.documents, stream.counters.undecodable, stream.counters.framing_errors) == (1, 0, 0)
    assert stream.counters.bytes > len(READING)
    assert stream.counters.last_byte_at is not None


@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "200 OK"])
def test_the_other_address_is_tried_where_the_first_has_no_metadata(
    camera: RtspCamera, make: Make, status: str
) -> None:
    def describe(camera: RtspCamera, asked: Asked) -> bytes:
        if "/ISAPI/" in asked.url:
            return reply(asked, status, body=b"v=0\nm=video 0 RTP/AVP 96\n" if status == "200 OK" else b"")
        return reply(
            asked,
            "200 OK",
            f"Content-Base: {asked.url}/",
            body=b"v=0\na=control:*\nm=application 0 RTP/AVP 107\na=control:trackID=9\n",
        )

    camera.answers["DESCRIBE"] = describe
    base = f"rtsp://127.0.0.1:{camera.port}/Streaming/Channels/201/"
    with online(make()):
        pass
    camera.wait_for("TEARDOWN")
    assert [asked.url for asked in camera.asked[2:]] == [base + "trackID=9", base, base]


def test_without_a_metadata_track_it_is_switched_off(camera: RtspCamera, make: Make) -> None:
    camera.sdp = "v=0\nm=video 0 RTP/AVP 96\na=control:trackID=1\n"
    assert "switched off" in str(lost(make(), Unsupported))
    assert camera.methods == ["DESCRIBE", "DESCRIBE"]


def test_fires_are_told_as_targets_and_as_an_alarm(camera: RtspCamera, make: Make) -> None:
    with online(make()) as events:
        camera.push(camera.packets(FIRE))
        target, alarm = next(events), next(events)
        assert isinstance(target, FireTarget)
        assert isinstance(alarm, FireAlarm)
        assert (target.celsius, alarm.celsius, alarm.source, alarm.channel) == (400.0, 400.0, "metadata", 2)


def test_what_tells_nothing_we_know_is_handed_on_raw(
    camera: RtspCamera, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    camera.sdp = camera.sdp.replace("isapi.metadata", "vnd.onvif.metadata")
    stream = make()
    with online(stream) as events:
        camera.push(camera.packets(ONVIF, timestamp=1) + camera.packets(READING, timestamp=2))
        other = next(events)
        assert isinstance(other, OtherMetadata)
        assert (other.format, other.raw, other.source, other.channel) == ("onvif", ONVIF, "metadata", 2)
        assert isinstance(next(events), TemperatureReading)
    assert (stream.counters.unknown, stream.counters.documents) == (1, 2)
    assert [record for record in caplog.records if "ONVIF" in record.getMessage()] != []


def test_what_is_broken_on_the_way_is_counted_and_passed_over(
    camera: RtspCamera, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    stream = make()
    with online(stream) as events:
        camera.push(b"\xff\xfe garbage \x00" + camera.packets(b"<Metadata><oh no></Metadata>", timestamp=1))
        camera.push(camera.packets(b"<Metadata><oh no></Metadata>", timestamp=2))
        camera.push(b"$\0\0\x0c\x40" + b"\0" * 11)
        whole = camera.packets(READING, size=100, timestamp=3)
        camera.push(whole[:116] + whole[232:])  # a packet is lost
        camera.push(camera.packets(READING, timestamp=4, payload_type=96) + camera.packets(READING, timestamp=5))
        assert isinstance(next(events), TemperatureReading)
    # Two documents, the version-1 packet; the garbage, that packet and the document that lost one.
    assert (stream.counters.undecodable, stream.counters.framing_errors) == (3, 3)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert all(text.startswith("kiln: metadata: a ") for text in warnings)


def test_packets_before_the_answer_to_play_are_not_lost(camera: RtspCamera, make: Make) -> None:
    camera.answers["PLAY"] = lambda camera, asked: camera.packets(READING) + reply(asked, "200 OK")
    with online(make()) as events:
        assert isinstance(next(events), TemperatureReading)


def test_a_camera_may_choose_other_channels(camera: RtspCamera, make: Make) -> None:
    camera.answers["SETUP"] = ["200 OK", "Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=4-5"]
    with online(make()) as events:
        camera.push(camera.packets(FIRE) + camera.packets(READING, channel=4))
        assert isinstance(next(events), TemperatureReading)


@pytest.mark.slow
def test_a_silent_session_is_kept_alive(camera: RtspCamera, make: Make) -> None:
    camera.answers["SETUP"] = ["200 OK", "Session: 1;timeout=1"]
    stream = make()
    reader = Reader(stream)
    camera.wait_for("GET_PARAMETER", 2)
    assert camera.asked[3].url == AGGREGATE
    stream.interrupt()
    assert reader.end() is None
    assert stream.counters.documents >= 1


def test_a_camera_without_get_parameter_is_kept_alive_by_options(camera: RtspCamera, make: Make) -> None:
    camera.answers["GET_PARAMETER"] = ["501 Not Implemented"]
    stream = make(longest_silence=0.05)
    reader = Reader(stream)
    camera.wait_for("OPTIONS", 2)
    stream.interrupt()
    assert reader.end() is None
    assert camera.methods.count("GET_PARAMETER") == 1


def test_what_the_camera_asks_is_answered(camera: RtspCamera, make: Make) -> None:
    with online(make()) as events:
        camera.push(
            b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 5\r\n\r\nANNOUNCE * RTSP/1.0\r\nCSeq: 6\r\n\r\n"
            + camera.packets(READING)
        )
        assert isinstance(next(events), TemperatureReading)
        camera.wait_for("ANSWER", 2)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"TEARDOWN * RTSP/1.0\r\nCSeq: 5\r\n\r\n", "TEARDOWN"),
        (b"$\1\0\x08\x81\xcb\0\1\0\0\0\1", "ended the stream"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is this the RTSP port"),
        (b"\0" * 1_100_000, "no RTSP"),
    ],
)
def test_the_end_of_the_stream_is_told(camera: RtspCamera, make: Make, sent: bytes, words: str) -> None:
    stream = make()
    reader = Reader(stream)
    camera.wait_for("PLAY")
    camera.push(sent)
    error = reader.end()
    assert words in str(error)
    assert isinstance(error, BadAnswer if "RTSP" in words else Unreachable)


def test_a_camera_that_is_gone_is_noticed(camera: RtspCamera, make: Make) -> None:
    reader = Reader(make())
    camera.wait_for("PLAY")
    camera.drop()
    assert "ended the connection" in str(reader.end())


def test_a_camera_that_stays_silent_when_asked_is_lost(camera: RtspCamera, make: Make) -> None:
    camera.answers["GET_PARAMETER"] = lambda camera, asked: None
    error = lost(make(timeout=0.2, longest_silence=0.05), Unreachable)
    assert "silent, also when asked" in str(error)


@pytest.mark.parametrize("status", ["454 Session Not Found", "401 Unauthorized"])
def test_a_session_that_the_camera_forgot_is_lost(camera: RtspCamera, make: Make, status: str) -> None:
    camera.answers["GET_PARAMETER"] = [status]
    assert status in str(lost(make(longest_silence=0.05), Unreachable))


@pytest.mark.parametrize(
    ("method", "answer", "kind"),
    [
        ("DESCRIBE", "404 Not Found", Unsupported),
        ("DESCRIBE", "500 Internal Server Error", DeviceError),
        ("SETUP", "453 Not Enough Bandwidth", Busy),
        ("SETUP", "461 Unsupported Transport", Unsupported),
        ("PLAY", "403 Forbidden", NoPermission),
        ("PLAY", "454 Session Not Found", Unreachable),
    ],
)
def test_refusals_say_what_was_asked(
    camera: RtspCamera, make: Make, method: str, answer: str, kind: type[CameraError]
) -> None:
    camera.answers[method] = [answer]
    error = lost(make(), kind)
    assert f"{method} rtsp://" in str(error)
    assert str(error).endswith(f"answered {answer}")


def test_a_camera_that_insists_on_udp_is_not_supported(camera: RtspCamera, make: Make) -> None:
    camera.answers["SETUP"] = ["200 OK", "Session: 1", "Transport: RTP/AVP;unicast;client_port=5000-5001"]
    assert "no RTP over TCP" in str(lost(make(), Unsupported))


def test_an_address_that_cannot_be_sent_is_a_bad_answer(camera: RtspCamera, make: Make) -> None:
    camera.sdp = "v=0\nm=application 0 RTP/AVP 107\na=control:track 3\n"
    assert "blanks" in str(lost(make(), BadAnswer))


def test_nobody_there_and_nobody_answering_are_told(camera: RtspCamera, make: Make) -> None:
    camera.answers["DESCRIBE"] = lambda camera, asked: None
    assert "no answer within 0.2 s" in str(lost(make(timeout=0.2), Unreachable))
    assert "RTSP port 1: " in str(lost(make(port=1), Unreachable))


def test_it_is_a_live_source_to_share(camera: RtspCamera, make: Make, wait_for: Callable[..., None]) -> None:
    got: list[Event] = []
    deliveries = Deliveries()
    shared = SharedStream(make, camera="kiln", source="metadata", deliveries=deliveries)
    shared.subscribe(got.append)
    camera.wait_for("PLAY")
    camera.push(camera.packets(READING))
    wait_for(lambda: any(isinstance(event, TemperatureReading) for event in got), what="the reading")
    assert [event.state for event in got if isinstance(event, ConnectionChanged)] == ["starting", "online"]
    assert (shared.health().state, shared.health().events) == ("online", 1)
    camera.drop()
    wait_for(lambda: shared.health().state == "offline", what="the loss")
    shared.close()
    deliveries.close()
