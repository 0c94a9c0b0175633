"""Radiometric frames byte by byte, clicks, and that all ways to a temperature agree."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import pytest
from PIL import Image
from raw_http import apply
from raw_thermal import (
    BASIC,
    CLICK,
    FRAME,
    PIXELS,
    POLLING,
    REAL_TIME,
    celsius,
    change,
    document,
    frame,
    frame_parts,
    next_uploads,
    node,
    put,
    thermal,
)

from hik_thermal_plugin.simulator import MODELS, PROFILES

FIRE = {"fire": {"x": 0.5, "y": 0.25, "celsius": 412.3}}


def fault(simulator, kind: str, **fields: object) -> None:
    apply(simulator, {"fault": {"kind": kind, **fields}})


def hottest(facts: dict, values: list[float]) -> tuple[float, float, float]:
    """Temperature and place, 0…1, of the hottest pixel."""
    index = max(range(len(values)), key=values.__getitem__)
    width, height = facts["jpegPicWidth"], facts["jpegPicHeight"]
    return values[index], (index % width + 0.5) / width, (index // width + 0.5) / height


def test_a_frame_is_laid_out_as_captured(camera):
    simulator, client = camera(model=replace(MODELS["bispectrum"], matrix=(640, 512)))
    apply(simulator, FIRE)
    answer = client.get(FRAME)
    (json_head, text), (picture_head, picture), (matrix_head, matrix) = frame_parts(answer.body)
    facts = json.loads(text)["JpegPictureWithAppendData"]
    assert [json_head, picture_head, matrix_head] == [
        ['Content-Type: application/json; charset="UTF-8"'],
        ["Content-Disposition: form-data;", "Content-Type: image/pjpeg"],
        ["Content-Disposition: form-data;", "Content-Type: application/octet-stream"],
    ]
    names = "channel jpegPicLen jpegPicWidth jpegPicHeight p2pDataLen isFreezedata temperatureDataLength"
    assert list(facts) == names.split()
    assert (facts["channel"], facts["jpegPicWidth"], facts["jpegPicHeight"]) == (2, 640, 512)
    assert (facts["p2pDataLen"], facts["isFreezedata"], facts["temperatureDataLength"]) == (1310720, 0, 4)
    assert (len(matrix), len(picture)) == (1310720, facts["jpegPicLen"])
    assert text.startswith(b'{\n\t"JpegPictureWithAppendData":\t{\n\t\t"channel":\t2,\n\t\t"jpegPicLen":\t')
    assert text.endswith(b'"temperatureDataLength":\t4\n\t}\n}')
    # With a picture of five digits: the captured reply of 1,334,680 bytes had one of 23,448, and a head of 378 + 4 before it.
    assert 10_000 <= len(picture) <= 99_999
    assert (len(text), answer.body.index(b"\xff\xd8\xff")) == (199, 378 + 4)
    assert int(answer.header("content-length")) == 1_334_680 - 23_448 + len(picture)
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == (640, 512)


def test_the_matrix_is_the_scene_from_the_top_left(camera):
    simulator, client = camera()
    apply(simulator, FIRE)
    facts, parts = frame(client)
    values = celsius(facts, parts[2][1])
    found, x, y = hottest(facts, values)
    assert found == pytest.approx(412.3, abs=0.001)
    assert (x, y) == (pytest.approx(0.5, abs=1 / 256), pytest.approx(0.25, abs=1 / 192))


@pytest.mark.parametrize(("profile", "offset"), [("int16", 0), ("int16_offset", 273)])
@pytest.mark.parametrize(("hot", "scale"), [(99.5, 64), (412.3, 32), (1500.0, 10)])
def test_two_bytes_a_pixel(camera, profile, offset, hot, scale):
    simulator, client = camera(profile=profile)
    apply(simulator, {"fire": {"x": 0.5, "y": 0.25, "celsius": hot}})
    facts, parts = frame(client)
    assert (facts["temperatureDataLength"], facts["offset"]) == (2, offset)
    assert facts["scale"] == scale or (offset and facts["scale"] > scale)
    assert facts["p2pDataLen"] == len(parts[2][1]) == 256 * 192 * 2
    assert hottest(facts, celsius(facts, parts[2][1]))[0] == pytest.approx(hot, abs=0.051)


@pytest.mark.parametrize("model", MODELS)
def test_the_parameters_choose_pictures_and_width_of_a_value(camera, model):
    _, client = camera(model=model)
    channel = MODELS[model].thermal.id
    path, target = (name.replace("channels/2", f"channels/{channel}") for name in (PIXELS, FRAME))
    assert change(client, path, jpegPicEnabled="false", temperatureDataLength="2") == (200, "ok")
    facts, parts = frame(client, target)
    assert [head[-1] for head, _ in parts[1:]] == ["Content-Type: application/octet-stream"]
    assert (facts["jpegPicLen"], facts["scale"] > 0, "visiblePicLen" in facts) == (0, True, False)
    assert change(client, path, jpegPicEnabled="true", visiblePicEnabled="true") == (200, "ok")
    facts, parts = frame(client, target)
    if model == "bullet":
        assert len(parts) == 3
        assert "visiblePicLen" not in facts
        return
    assert facts["visiblePicLen"] == len(parts[3][1])
    assert parts[3][0][-1] == "Content-Type: image/pjpeg"
    with Image.open(io.BytesIO(parts[3][1])) as image:
        assert image.size == (1920, 1080)


def test_the_visible_picture_from_the_factory(camera):
    _, client = camera(profile="visible_pictures")
    assert "visiblePicLen" in frame(client)[0]


def test_a_firmware_that_knows_the_other_spelling_alone(camera):
    _, client = camera(profile="visible_pic_enable")
    document = client.get(PIXELS).body
    assert b"<visiblePicEnable>" in document
    wrong = document.replace(b"visiblePicEnable>false", b"visiblePicEnabled>true").replace(
        b"/visiblePicEnable>", b"/visiblePicEnabled>"
    )
    assert put(client, PIXELS, wrong) == (200, "ok")
    assert "visiblePicLen" not in frame(client)[0]
    assert put(client, PIXELS, document.replace(b"visiblePicEnable>false", b"visiblePicEnable>true")) == (200, "ok")
    assert "visiblePicLen" in frame(client)[0]


@pytest.mark.parametrize(("profile", "size"), [("small_matrix", (160, 120)), ("large_matrix", (1024, 768))])
def test_a_matrix_of_another_size_than_the_stream(camera, profile, size):
    simulator, client = camera(profile=profile)
    apply(simulator, FIRE)
    facts, parts = frame(client)
    assert (facts["jpegPicWidth"], facts["jpegPicHeight"]) == size
    _, x, y = hottest(facts, celsius(facts, parts[2][1]))
    assert (x, y) == (pytest.approx(0.5, abs=1 / size[0]), pytest.approx(0.25, abs=1 / size[1]))
    with Image.open(io.BytesIO(client.get("/ISAPI/Streaming/channels/201/picture").body)) as image:
        assert image.size == (640, 512)


@pytest.mark.parametrize(("profile", "frozen"), [("plain", 1), ("frame_flag_words", True)])
def test_a_frozen_frame(camera, profile, frozen):
    simulator, client = camera(profile=profile)
    assert frame(client)[0]["isFreezedata"] == (0 if profile == "plain" else False)
    apply(simulator, {"freeze": {}}, FIRE)
    facts, parts = frame(client)
    assert facts["isFreezedata"] is frozen
    assert frame(client)[1][2] == parts[2]
    assert hottest(facts, celsius(facts, parts[2][1]))[0] < 100
    apply(simulator, {"unfreeze": {}})
    facts, parts = frame(client)
    assert facts["isFreezedata"] == 0
    assert hottest(facts, celsius(facts, parts[2][1]))[0] > 400


def test_the_delimiter_within_a_picture(camera):
    _, client = camera(profile=replace(PROFILES["delimiter_in_pictures"], visible_pictures=True))
    _, parts = frame(client)
    assert all(b"\r\n--boundary\r\n" in body for _, body in (parts[1], parts[3]))


def test_frames_wait_for_their_parameters(camera):
    _, client = camera(profile="frames_need_parameters")
    answer = client.get(FRAME)
    told = json.loads(answer.body)
    assert (answer.status, told["subStatusCode"]) == (403, "jpegPicWithAppendDataError")
    assert told["errorCode"] == 0x4000A01D
    assert put(client, PIXELS, client.get(PIXELS).body) == (200, "ok")
    assert frame(client)[0]["p2pDataLen"]


def test_without_thermometry_there_is_no_frame(camera):
    _, client = camera()
    assert change(client, BASIC, enabled="false") == (200, "ok")
    assert b"jpegPicWithAppendDataError" in client.get(FRAME).body


# Faults


@pytest.mark.parametrize(("kind", "share"), [("short_matrix", 0.5), ("long_matrix", 1.5)])
def test_a_matrix_shorter_or_longer_than_declared(camera, kind, share):
    simulator, client = camera()
    fault(simulator, kind)
    facts, parts = frame(client)
    assert len(parts[2][1]) == facts["p2pDataLen"] * share
    facts, parts = frame(client)
    assert len(parts[2][1]) == facts["p2pDataLen"]


def test_temperatures_that_are_no_numbers(camera):
    simulator, client = camera()
    fault(simulator, "broken_matrix", count=1)
    facts, parts = frame(client)
    values = celsius(facts, parts[2][1])
    assert math.isnan(values[0])
    assert values[1:3] == [math.inf, -math.inf]
    assert all(map(math.isfinite, values[3:]))
    facts, parts = frame(client)
    assert all(map(math.isfinite, celsius(facts, parts[2][1])))


def test_a_scale_of_zero(camera):
    simulator, client = camera(profile="int16")
    fault(simulator, "zero_scale", path=FRAME.partition("?")[0])
    assert [frame(client)[0]["scale"] for _ in range(2)] == [0, 64]


@pytest.mark.parametrize(
    ("kind", "status", "said"), [("busy", 503, "deviceBusy"), ("not_supported", 403, "notSupport")]
)
def test_a_device_that_is_busy_or_gave_up(camera, kind, status, said):
    simulator, client = camera()
    for target in (FRAME, POLLING, REAL_TIME, CLICK):
        fault(simulator, kind, path=target.partition("?")[0], count=1)
        answer = client.get(target, method="PUT" if target == CLICK else "GET")
        assert (answer.status, json.loads(answer.body)["subStatusCode"]) == (status, said)
    assert frame(client)


# Clicks


def click(x: object, y: object) -> bytes:
    return json.dumps({"ClickToThermometryRule": {"Point": {"positionX": x, "positionY": y}}}).encode()


def test_a_click_is_taken(camera):
    simulator, client = camera()
    assert put(client, CLICK, click(0.5, 0.25)) == (200, "ok")
    (write,) = simulator.state()["writes"]
    assert (write["method"], write["path"]) == ("PUT", CLICK.partition("?")[0])
    assert client.get(CLICK).status == 403
    flags = document(client, "/ISAPI/Thermal/capabilities")
    assert node(flags, "isSupportClickToThermometry").text == "true"


def test_a_click_that_is_answered(camera):
    simulator, client = camera(profile="click_result")
    apply(simulator, FIRE)
    result = json.loads(client.get(CLICK, method="PUT", body=click(0.5, 0.25)).body)["ClickToThermometryResult"]
    assert result == {"temperature": 412.3, "thermometryUnit": 0, "Point": {"positionX": 0.5, "positionY": 0.25}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "badJsonFormat"),
        (b"{", "badJsonFormat"),
        (b"[]", "badParameters"),
        (b"{}", "badParameters"),
        (click(1.01, 0), "badParameters"),
        (click(-0.01, 0), "badParameters"),
        (click("0.5", 0), "badParameters"),
        (click(True, 0), "badParameters"),
        (click(500, 250), "badParameters"),
    ],
)
def test_a_click_outside_or_beside_is_refused(camera, body, said):
    _, client = camera()
    assert put(client, CLICK, body) == (400, said)


def test_clicks_in_thousandths_and_of_unknown_numbers(camera):
    _, client = camera(profile="click_thousandths")
    assert put(client, CLICK, click(500, 250)) == (200, "ok")
    assert put(client, CLICK, click(0.5, 0.25)) == (400, "badParameters")
    assert put(client, thermal("clickToThermometry/rules/99") + "?format=json", click(5, 5)) == (400, "badParameters")


# All ways together


@pytest.mark.parametrize("profile", ["click_result", "int16"])
def test_all_ways_to_a_temperature_agree(camera, profile):
    simulator, client = camera(profile=replace(PROFILES[profile], clicks="result"), real_time=0.05)
    apply(simulator, {"temperature": {"rule": 1, "celsius": 96.3}}, {"temperature": {"rule": 4, "celsius": 77.7}})
    apply(simulator, {"freeze": {}})
    facts, parts = frame(client)
    values = celsius(facts, parts[2][1])
    width, height = facts["jpegPicWidth"], facts["jpegPicHeight"]
    with client.stream(REAL_TIME) as wire:
        readings = next_uploads(wire)
    polled = json.loads(client.get(POLLING).body)["ThermometryRulesTemperatureInfoList"][
        "ThermometryRulesTemperatureInfo"
    ]
    kiln, place = readings[0]["LinePolygonThermCfg"], readings[0]["HighestPoint"]
    column, row = int(place["positionX"] * width), int(place["positionY"] * height)
    assert kiln["MaxTemperature"] == polled[0]["maxTemperature"] == 96.3
    assert values[row * width + column] == pytest.approx(96.3, abs=0.05)
    body = click(place["positionX"], place["positionY"])
    clicked = json.loads(client.get(CLICK, method="PUT", body=body).body)["ClickToThermometryResult"]
    assert clicked["temperature"] == 96.3
    assert readings[3]["PointThermCfg"]["temperature"] == polled[3]["maxTemperature"] == 77.7
    assert simulator.state()["rules"]["2"]["1"]["max"] == 96.3
