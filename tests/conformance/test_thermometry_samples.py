"""Captured and reconstructed thermometry bytes: frames, readings, and request bodies as configuration documents."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from nvr_hooks import BadAnswer, TemperatureReading

from hik_thermal_plugin.radiometry import over_all
from hik_thermal_plugin.wire.matrix import decode_frame
from hik_thermal_plugin.wire.rules import Section, edit_document, parse_rules
from hik_thermal_plugin.wire.thermometry import decode_readings, decode_rules_temperatures


def test_the_float_frame(samples: Path) -> None:
    body = (samples / "RECONSTRUCTED_jpegPicWithAppendData_float32_8x6.bin").read_bytes()
    frame = decode_frame(body, camera="kiln")

    assert (frame.width, frame.height, frame.channel, frame.bytes_per_value, frame.frozen) == (8, 6, 2, 4, False)
    assert frame.celsius.ravel().tolist() == [20.0 + 0.25 * index for index in range(48)]
    assert frame.thermal_picture is not None
    assert len(frame.thermal_picture) == 21
    assert b"--boundary" in frame.thermal_picture
    assert frame.visible_picture is None
    seen = over_all(frame.matrix)
    assert (seen.highest_celsius, seen.lowest_celsius, seen.average_celsius, seen.invalid) == (31.75, 20.0, 25.875, 0)
    assert (seen.highest_at, seen.lowest_at) == ((0.9375, 5.5 / 6), (0.0625, 0.5 / 6))


def test_the_int16_frame_shows_the_same_scene(samples: Path) -> None:
    whole = decode_frame((samples / "RECONSTRUCTED_jpegPicWithAppendData_float32_8x6.bin").read_bytes())
    frame = decode_frame((samples / "RECONSTRUCTED_jpegPicWithAppendData_int16_visible_8x6.bin").read_bytes())

    assert frame.bytes_per_value == 2
    np.testing.assert_allclose(frame.celsius, whole.celsius, atol=1 / 64)
    assert frame.celsius[0, 0] == pytest.approx(18762 / 64 - 273.15, abs=1e-4)
    assert frame.visible_picture is not None
    assert len(frame.visible_picture) == 21
    assert len(frame.thermal_picture or b"") == 21
    assert over_all(frame.matrix).highest_at == over_all(whole.matrix).highest_at


def test_the_captured_head_with_a_matrix_of_its_size(samples: Path) -> None:
    """The published bytes end in the headers of the picture; the lengths of the rest are known: 1,334,680 bytes in all (isapi.md 8.4)."""
    head = (samples / "jpegPicWithAppendData_head.txt").read_bytes()
    with pytest.raises(BadAnswer, match="ends in the headers of part 2"):
        decode_frame(head)
    celsius = np.full(640 * 512, 25.0, "<f4")
    celsius[:2] = struct.unpack("<2f", bytes.fromhex("4580CE4113BDCD41"))
    body = (
        head
        + b"\r\n\r\n"
        + b"\xff\xd8".ljust(23448, b"-")
        + b"\r\n--boundary\r\nContent-Disposition: form-data;\r\nContent-Type: application/octet-stream\r\n"
        + b"Content-Length: 1310720\r\n\r\n"
        + celsius.tobytes()
        + b"\r\n--boundary--\r\n"
    )
    assert len(body) == 1_334_680

    frame = decode_frame(body)
    assert (frame.width, frame.height, frame.channel, frame.frozen) == (640, 512, 2, False)
    assert frame.celsius[0, :2].tolist() == pytest.approx([25.81, 25.72], abs=0.005)
    assert len(frame.thermal_picture or b"") == 23448
    part = (samples / "jpegPicWithAppendData_part1.json").read_bytes()
    assert part in body


def test_every_cut_of_a_frame_is_a_bad_answer(samples: Path) -> None:
    body = (samples / "RECONSTRUCTED_jpegPicWithAppendData_int16_visible_8x6.bin").read_bytes()
    whole = len(body) - len(b"\r\n--boundary--\r\n")
    for end in range(len(body)):
        if whole <= end <= whole + 2 or end >= len(body) - 2:
            assert decode_frame(body[:end]).width == 8
        else:
            with pytest.raises(BadAnswer):
                decode_frame(body[:end])


def test_the_block_of_the_real_time_stream(samples: Path) -> None:
    document = (samples / "RECONSTRUCTED_realTimethermometry_part.json").read_bytes()
    region, point = decode_readings(document, camera="kiln", channel=2)
    at = datetime(2024, 1, 15, 2, 20, 30, tzinfo=UTC)

    assert region == TemperatureReading(
        camera="kiln",
        channel=2,
        at=at,
        rule=1,
        rule_name="region1",
        calibration="region",
        status="measuring",
        highest_celsius=48.3,
        lowest_celsius=21.4,
        average_celsius=25.9,
        difference_kelvin=26.9,
        highest_at=(0.512, 0.567),
        lowest_at=(0.301, 0.72),
        region=((0.228, 0.295), (0.76, 0.312), (0.767, 0.794)),
        unit_reported="celsius",
        frozen=False,
    )
    assert point == TemperatureReading(
        camera="kiln",
        channel=2,
        at=at,
        rule=2,
        rule_name="point2",
        calibration="point",
        status="measuring",
        point_celsius=24.6,
        region=((0.1, 0.9),),
        unit_reported="celsius",
        frozen=False,
    )


def test_the_captured_poll(samples: Path) -> None:
    (reading,) = decode_rules_temperatures((samples / "rulesTemperatureInfo.json").read_bytes(), channel=1)

    assert (reading.rule, reading.source, reading.frozen) == (1, "poll", False)
    assert (reading.highest_celsius, reading.lowest_celsius, reading.average_celsius) == (28.7, 27.7, 28.3)
    assert (reading.highest_at, reading.lowest_at) == ((1.0, 0.983), (0.918, 0.008))


def test_the_basic_parameters_that_a_client_sends(samples: Path) -> None:
    document = (samples / "thermometry_basicParam_PUT_body.xml").read_bytes()
    basic = parse_rules({"basic": document})["basic"]

    assert isinstance(basic, dict)
    assert (basic["emissivity"], basic["distance_m"], basic["reflected_celsius"]) == (0.96, 30.0, None)
    assert (basic["unit"], basic["range"], basic["pre_alarm_celsius"], basic["alarm_celsius"]) == (
        "celsius",
        "-20~150",
        45.0,
        55.0,
    )
    assert edit_document("basic", document, {"basic": basic}).document is document
    changed = edit_document("basic", document, {"basic": {"distance_m": 12.34, "alarm_celsius": 70}}).document
    assert texts(document, changed) == {"distance": ("3000", "1234"), "alarm": ("55.0", "70.0")}


def test_the_pixel_parameters_that_a_client_sends(samples: Path) -> None:
    document = (samples / "pixelToPixelParam_PUT_body.xml").read_bytes()
    found = parse_rules({"pixel_to_pixel": document})["pixel_to_pixel"]

    assert found == {
        "emissivity": 1.0,
        "distance_m": 0.5,
        "reflected_celsius": None,
        "bytes_per_value": 4,
        "thermal_picture": True,
        "visible_picture": True,
    }
    changed = edit_document("pixel_to_pixel", document, {"pixel_to_pixel": {"bytes_per_value": 2}}).document
    assert texts(document, changed) == {"temperatureDataLength": ("4", "2")}


@pytest.mark.parametrize("name", ["td1228_motionDetection_ch2.xml"])
def test_a_document_of_a_thermal_camera_that_is_opaque_but_for_its_switch(samples: Path, name: str) -> None:
    """fireDetection's body is not public; this real one of the same camera has the same switch and a nested root with its own namespace."""
    document = (samples / name).read_bytes()
    assert parse_rules({"fire_detection": document}) == {"fire_detection": True}
    done = edit_document("fire_detection", document, {"fire_detection": False})

    assert texts(document, done.document) == {"enabled": ("true", "false")}
    again = edit_document("fire_detection", done.document, {"fire_detection": True})
    assert texts(document, again.document) == {}


def test_no_other_document_of_a_thermal_camera_is_taken_for_rules(samples: Path) -> None:
    sections: tuple[Section, ...] = ("mode", "regions", "alarm_rules", "pixel_to_pixel")
    for path in sorted(samples.glob("td1228_*.xml")):
        for section in sections:
            with pytest.raises(BadAnswer):
                parse_rules({section: path.read_bytes()})


def texts(before: bytes, after: bytes) -> dict[str, tuple[str | None, str | None]]:
    """Return the elements whose text differs; every tag, attribute and order must be the same."""
    old, new = list(etree.fromstring(before).iter()), list(etree.fromstring(after).iter())
    assert [(item.tag, dict(item.attrib)) for item in old] == [(item.tag, dict(item.attrib)) for item in new]
    pairs = zip(old, new, strict=True)
    return {etree.QName(one).localname: (one.text, other.text) for one, other in pairs if one.text != other.text}
