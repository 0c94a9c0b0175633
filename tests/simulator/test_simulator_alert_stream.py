"""The alert stream's frame, heartbeats and alarms, byte for byte, in every profile."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from PIL import Image
from raw_alerts import END, alerts, first_alarm, parts, text
from raw_http import apply

from hik_thermal_plugin.simulator import PROFILES


def test_the_head_is_as_captured(armed):
    _, wire = armed()
    head = wire.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head == [
        "HTTP/1.1 200 OK",
        "MIME-Version: 1.0",
        "Connection: close",
        "Content-Type: multipart/mixed; boundary=boundary",
    ]


def test_a_heartbeat_comes_at_once_and_says_nothing(armed):
    _, wire = armed()
    data = wire.until(END + b"\r\n")
    ((headers, body),) = parts(data)
    assert headers == {"Content-Type": 'application/xml; charset="UTF-8"', "Content-Length": str(len(body))}
    assert body.endswith(END + b"\r\n")
    assert body.count(b"\n") == body.count(b"\r\n")
    root = etree.fromstring(body)
    assert root.tag == "{http://www.hikvision.com/ver20/XMLSchema}EventNotificationAlert"
    names = [etree.QName(child).localname for child in root]
    assert names[:5] == ["ipAddress", "portNo", "protocol", "macAddress", "channelID"]
    assert names[5:] == ["dateTime", "activePostCount", "eventType", "eventState", "eventDescription"]
    assert [text(root, name) for name in names[-3:]] == ["videoloss", "inactive", "videoloss alarm"]


def test_heartbeats_keep_coming(armed):
    _, wire = armed(heartbeat=0.02)
    wire.until(lambda data: data.count(END) >= 4)


def test_an_alarm_with_its_pictures_follows_the_captured_frame(armed):
    simulator, wire = armed()
    apply(simulator, {"temperature": {"rule": 1, "celsius": 85.3}})
    data = wire.until(lambda data: data.count(b"\xff\xd9\r\n") == 2)
    heartbeat, alarm, thermal, visible = parts(data)
    assert heartbeat[0] == alarm[0] | {"Content-Length": heartbeat[0]["Content-Length"]}
    assert alarm[1].startswith(
        b'<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">\r\n'
    )
    assert alarm[1].endswith(END + b"\r\n")
    for headers, body in (thermal, visible):
        assert list(headers.items())[:2] == [("Content-Disposition", "form-data;"), ("Content-Type", "image/pjpeg")]
        assert body.startswith(b"\xff\xd8\xff")
    with Image.open(io.BytesIO(thermal[1])) as first, Image.open(io.BytesIO(visible[1])) as second:
        assert (first.size, second.size) == ((640, 512), (704, 576))


def test_a_repeated_alarm_has_no_pictures(armed):
    simulator, wire = armed(repeat=0.05)
    apply(simulator, {"fire": {}})
    data = wire.until(lambda data: len(alerts(data, "fireDetection")) >= 3)
    told = alerts(data, "fireDetection")
    assert [text(alert, "detectionPicturesNumber") for alert in told[:3]] == ["2", None, None]
    assert data.count(b"image/pjpeg") == 2


def test_a_bullet_sends_its_one_picture(armed):
    simulator, wire = armed(model="bullet", repeat=0.05)
    apply(simulator, {"fire": {}})
    data = wire.until(lambda data: len(alerts(data, "fireDetection")) >= 3)
    alert = alerts(data, "fireDetection")[0]
    assert (text(alert, "channelID"), text(alert, "detectionPicturesNumber")) == ("1", "1")
    assert data.count(b"image/pjpeg") == 1


def test_an_alarm_leaves_before_its_step_is_answered(armed):
    simulator, wire = armed()
    wire.until(END)
    for _ in range(20):
        seen = wire.data.count(END)
        apply(simulator, {"motion": {}})
        wire.read(0.5)  # the bytes are in the socket already: one read brings them
        assert wire.data.count(END) == seen + 1


def test_several_clients_get_the_same_alarm(camera):
    simulator, client = camera()
    wires = [client.stream() for _ in range(3)]
    try:
        apply(simulator, {"motion": {}})
        bodies = {first_alarm(wire).split(b"--boundary")[-1] for wire in wires}
        assert len(bodies) == 1
        assert simulator.state()["open"]["alert_stream"] == 3
    finally:
        for wire in wires:
            wire.close()


def test_streams_that_end_are_no_longer_counted(armed, wait_for):
    simulator, wire = armed()
    assert simulator.state()["open"]["alert_stream"] == 1
    wire.close()
    wait_for(lambda: simulator.state()["open"]["alert_stream"] == 0, 5)


def test_what_a_client_says_on_the_stream_is_ignored(armed):
    simulator, wire = armed()
    wire.send(b"GET / HTTP/1.1\r\n\r\n" * 3)
    apply(simulator, {"motion": {}})
    assert b"HTTP/1.1 4" not in first_alarm(wire)


# The frame


def test_parts_without_content_length(armed):
    simulator, wire = armed(profile="no_content_length")
    apply(simulator, {"fire": {}})
    data = wire.until(
        b"\xff\xd9\r\n--boundary\r\nContent-Disposition: form-data;\r\nContent-Type: image/pjpeg\r\n\r\n\xff\xd8"
    )
    assert b"Content-Length" not in data
    assert END + b"\r\n--boundary\r\nContent-Disposition" in data


def test_parts_that_announce_more_than_they_have(armed):
    simulator, wire = armed(profile="wrong_part_length")
    apply(simulator, {"motion": {}})
    data = first_alarm(wire)
    (announced, body) = re.findall(rb"Content-Length: (\d+)\r\n\r\n(.*?</EventNotificationAlert>)", data, re.DOTALL)[1]
    assert int(announced) == len(body + b"\r\n") + 64


def test_line_feeds(armed):
    simulator, wire = armed(profile="lf")
    apply(simulator, {"motion": {}})
    wire.until(lambda data: data.count(END + b"\n") == 2)
    for headers, body in parts(wire.data):
        assert b"\r" not in body
        assert body.endswith(END + b"\n")
        assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    ("profile", "header", "delimiter"),
    [
        ("dashed_boundary_header", "multipart/mixed; boundary=--boundary", b"--boundary\r\n"),
        ("quoted_boundary", 'multipart/mixed; boundary="boundary"', b"--boundary\r\n"),
        ("no_boundary_header", "multipart/mixed", b"--boundary\r\n"),
        ("other_boundary_header", "multipart/mixed; boundary=AaB03x", b"--boundary\r\n"),
        (
            "hex_boundary",
            "multipart/mixed; boundary=7e13971310878a1b5c2d9e0f4a6b8c3d",
            b"--7e13971310878a1b5c2d9e0f4a6b8c3d\r\n",
        ),
        ("form_data", "multipart/form-data; boundary=boundary", b"--boundary\r\n"),
        ("x_mixed_replace", "multipart/x-mixed-replace; boundary=boundary", b"--boundary\r\n"),
    ],
)
def test_head_and_delimiter(armed, profile, header, delimiter):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"motion": {}})
    data = first_alarm(wire)
    assert f"\r\nContent-Type: {header}\r\n\r\n".encode() + delimiter in data
    assert data.count(delimiter + b"Content-Type") == 2


def test_another_media_type_of_parts(armed):
    _, wire = armed(profile="text_xml")
    wire.until(b"--boundary\r\nContent-Type: text/xml;charset=utf-8\r\n")


@pytest.mark.parametrize(
    ("profile", "between"),
    [
        ("plain", b""),
        ("one_blank_line", b"\r\n"),
        ("two_blank_lines", b"\r\n\r\n"),
    ],
)
def test_blank_lines_between_parts(armed, profile, between):
    simulator, wire = armed(profile=profile)
    apply(simulator, {"motion": {}})
    assert END + b"\r\n" + between + b"--boundary\r\n" in first_alarm(wire)


def test_a_blank_line_before_the_headers(armed):
    _, wire = armed(profile="blank_before_headers")
    wire.until(b"--boundary\r\n\r\nContent-Type: application/xml")


def test_delimiters_twice(armed):
    _, wire = armed(profile="duplicate_delimiter")
    wire.until(b"\r\n\r\n--boundary\r\n--boundary\r\nContent-Type")


def test_alarms_as_json(armed):
    simulator, wire = armed(profile="json_alarms")
    apply(simulator, {"temperature": {"rule": 1, "celsius": 65}})
    wire.until(lambda data: data.count(b"\xff\xd9\r\n") == 2)
    heartbeat, alarm, *_ = parts(wire.data)
    assert alarm[0]["Content-Type"] == 'application/json; charset="UTF-8"'
    assert json.loads(heartbeat[1])["eventType"] == "videoloss"
    told = json.loads(alarm[1])
    entry = told["DetectionRegionList"]["DetectionRegionEntry"]
    assert (told["eventType"], told["channelID"], entry["regionID"]) == ("TMPA", 2, 1)
    assert entry["TMPA"]["currTemperature"] == 65.0
    assert len(entry["RegionCoordinatesList"]["RegionCoordinates"]) == 4


def test_alarms_of_one_moment_share_a_part(armed):
    simulator, wire = armed(profile="several_in_part")
    apply(simulator, {"motion": {}}, {"motion": {"channel": 1}}, {"tamper": {}})
    wire.until(lambda data: alerts(data, "tamperdetection"))
    _, (headers, body) = parts(wire.until(lambda data: data.endswith(END + b"\r\n")))
    assert body.count(END) == 3
    assert int(headers["Content-Length"]) == len(body)


def test_old_alarms_are_sent_again_on_connecting(camera):
    simulator, client = camera(profile="replay")
    with client.stream() as wire:
        (old,) = alerts(wire.until(lambda data: alerts(data, "TMA")), "VMD")
        age = datetime.now(UTC) - datetime.fromisoformat(text(old, "dateTime") or "")
        assert timedelta(minutes=14) < age < timedelta(minutes=16)
        apply(simulator, {"tamper": {}})
        first_alarm(wire, "tamperdetection")
    with client.stream() as wire:
        data = wire.until(lambda data: alerts(data, "tamperdetection"))
        assert [len(alerts(data, kind)) for kind in ("VMD", "TMA")] == [1, 1]
    apply(simulator, *({"motion": {"channel": 1}} for _ in range(9)))
    with client.stream() as wire:
        data = wire.until(lambda data: len(alerts(data, "VMD")) == 5)
        assert alerts(data, "tamperdetection") == []


def test_old_alarms_in_one_part(camera):
    _, client = camera(profile="replay_in_one_part")
    with client.stream() as wire:
        data = wire.until(lambda data: alerts(data, "TMA") and data.endswith(END + b"\r\n"))
    assert [body.count(END) for _, body in parts(data)] == [1, 2]


def test_the_device_closes_a_short_stream(camera):
    assert PROFILES["short_stream"].close_after == 40.0
    _, client = camera(profile=replace(PROFILES["short_stream"], close_after=0.2))
    begun = time.monotonic()
    with client.stream() as wire:
        wire.to_end()
        assert not wire.reset
    assert 0.15 < time.monotonic() - begun < 5


@pytest.mark.slow
def test_fast_heartbeats(armed):
    _, wire = armed(profile="fast_heartbeat")
    begun = time.monotonic()
    wire.until(lambda data: data.count(END) == 3)
    assert 0.4 < time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("heartbeat_channel_zero", {"eventType": "videoloss", "eventState": "inactive", "channelID": "0"}),
        ("heartbeat_channel_empty", {"eventType": "videoloss", "channelID": "", "dynChannelID": ""}),
        ("heartbeat_event", {"eventType": "heartBeat", "eventState": "inactive"}),
        ("heartbeat_other", {"eventType": "other", "eventDescription": "Heartbeat", "eventState": "inactive"}),
    ],
)
def test_other_heartbeats(armed, profile, expected):
    _, wire = armed(profile=profile)
    (root,) = alerts(wire.until(END), expected["eventType"])
    assert {name: text(root, name) for name in expected} == expected


def test_pictures_that_do_not_come(armed):
    simulator, wire = armed(profile="no_pictures", repeat=0.05)
    apply(simulator, {"fire": {}})
    data = wire.until(lambda data: len(alerts(data, "fireDetection")) >= 2)
    assert text(alerts(data, "fireDetection")[0], "detectionPicturesNumber") == "2"
    assert b"image/" not in data


def test_pictures_with_names(armed):
    simulator, wire = armed(profile="named_pictures")
    apply(simulator, {"fire": {}})
    wire.until(
        b'--boundary\r\nContent-Disposition: form-data; name="fireDetection"; filename="fireDetection.jpg";\r\n'
        b"Content-Type: image/jpeg\r\n"
    )


def test_pictures_that_contain_the_delimiter(armed):
    simulator, wire = armed(profile="delimiter_in_pictures")
    apply(simulator, {"fire": {}})
    data = wire.until(lambda data: data.count(b"\xff\xd9\r\n") == 2)
    pictures = [body for headers, body in parts(data) if headers["Content-Type"] == "image/pjpeg"]
    for picture in pictures:
        assert b"\r\n--boundary\r\n" in picture
        with Image.open(io.BytesIO(picture)) as image:
            image.load()
