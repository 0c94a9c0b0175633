"""Replies of jpegPicWithAppendData, made by hand after isapi.md 8.4: what is in them, and every way in which they can be wrong."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer

from hik_thermal_plugin.wire.matrix import MOST_BYTES, RadiometricFrame, decode_frame

WIDTH, HEIGHT = 5, 3
CELSIUS = [float(value) / 2 for value in range(WIDTH * HEIGHT)]
FLOATS = struct.pack(f"<{WIDTH * HEIGHT}f", *CELSIUS)
JPEG = b"\xff\xd8 thermal \r\n--boundary\r\nContent-Length: 3\r\n\r\n\xff\xd9"
VISIBLE = b"\xff\xd8 visible \r\n--boundary--\r\n\xff\xd9"
Part = tuple[str, bytes]


def head(**changes: Any) -> dict[str, Any]:
    """Return the JSON head of a float frame with a thermal picture; None leaves a key out."""
    said: dict[str, Any] = {
        "channel": 2,
        "jpegPicLen": len(JPEG),
        "jpegPicWidth": WIDTH,
        "jpegPicHeight": HEIGHT,
        "p2pDataLen": len(FLOATS),
        "isFreezedata": 0,
        "temperatureDataLength": 4,
        **changes,
    }
    return {key: value for key, value in said.items() if value is not None}


def json_part(said: dict[str, Any]) -> Part:
    return 'application/json; charset="UTF-8"', json.dumps({"JpegPictureWithAppendData": said}, indent="\t").encode()


def reply(
    parts: Sequence[Part], *, delimiter: bytes = b"--boundary", end: bytes = b"--\r\n", between: bytes = b"\r\n"
) -> bytes:
    """Frame parts as the captured reply does."""
    body = b""
    for kind, data in parts:
        lines = f"Content-Disposition: form-data;\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        body += delimiter + b"\r\n" + lines.encode() + data + between
    return body + delimiter + end


def whole(matrix: bytes = FLOATS, **changes: Any) -> bytes:
    return reply([json_part(head(**changes)), ("image/pjpeg", JPEG), ("application/octet-stream", matrix)])


def values(frame: RadiometricFrame) -> list[float]:
    return [float(value) for value in frame.celsius.ravel()]


def test_a_float_frame_with_its_picture() -> None:
    frame = decode_frame(whole())

    assert (frame.width, frame.height, frame.channel, frame.bytes_per_value) == (WIDTH, HEIGHT, 2, 4)
    assert values(frame) == CELSIUS
    assert frame.celsius[0, 1] == 0.5
    assert frame.celsius[1, 0] == 2.5
    assert frame.frozen is False
    assert frame.thermal_picture == JPEG
    assert frame.visible_picture is None
    assert frame.invalid == 0


def test_nobody_can_write_into_a_frame() -> None:
    for body in (whole(), bytearray(whole())):
        frame = decode_frame(body)
        assert frame.matrix.readonly
        assert (frame.matrix.format, frame.matrix.shape) == ("f", (HEIGHT, WIDTH))
        with pytest.raises(ValueError, match="read-only"):
            frame.celsius[0, 0] = 1.0
        with pytest.raises(TypeError):
            frame.matrix[0, 0] = 1.0


def test_a_frame_does_not_change_with_the_buffer_it_came_in() -> None:
    body = bytearray(whole())
    frame = decode_frame(body)
    body[:] = bytes(len(body))

    assert values(frame) == CELSIUS
    assert frame.thermal_picture == JPEG


@pytest.mark.parametrize("shift", range(8))
def test_the_values_are_aligned_wherever_they_lie(shift: int) -> None:
    padded = {**head(), "pad": "x" * shift}
    frame = decode_frame(reply([json_part(padded), ("image/pjpeg", JPEG), ("application/octet-stream", FLOATS)]))

    assert frame.celsius.flags.aligned
    assert values(frame) == CELSIUS


def test_an_aligned_matrix_is_not_copied() -> None:
    for shift in range(4):
        padded = {**head(), "pad": "x" * shift}
        body = reply([json_part(padded), ("image/pjpeg", JPEG), ("application/octet-stream", FLOATS)])
        raw = np.frombuffer(body, np.uint8)
        frame = decode_frame(body)
        aligned = (raw.ctypes.data + body.rindex(FLOATS)) % 4 == 0
        assert np.shares_memory(frame.celsius, raw) is (aligned and sys.byteorder == "little")


def test_an_int16_frame_with_scale_and_offset() -> None:
    raw = [18000 + 16 * index for index in range(WIDTH * HEIGHT)]
    matrix = struct.pack(f"<{WIDTH * HEIGHT}h", *raw)
    frame = decode_frame(whole(matrix, temperatureDataLength=2, p2pDataLen=len(matrix), scale=64, offset=-5))

    assert frame.bytes_per_value == 2
    assert frame.celsius.dtype == np.float32
    assert values(frame) == pytest.approx([value / 64 - 5 - 273.15 for value in raw], abs=1e-4)
    assert frame.matrix.readonly


def test_negative_int16_values_stay_negative() -> None:
    matrix = struct.pack(f"<{WIDTH * HEIGHT}h", *[-100] * (WIDTH * HEIGHT))
    frame = decode_frame(whole(matrix, temperatureDataLength=2, p2pDataLen=len(matrix), scale=10, offset=273.15))

    assert values(frame) == pytest.approx([-10.0] * (WIDTH * HEIGHT), abs=1e-4)


@pytest.mark.parametrize(
    ("said", "frozen"),
    [(True, True), (False, False), (1, True), (0, False), ("true", True), ("0", False), (None, None), ("?", None)],
)
def test_freeze_is_a_truth_value_or_a_number(said: object, frozen: bool | None) -> None:
    assert decode_frame(whole(isFreezedata=said)).frozen is frozen


def test_parts_come_in_any_order() -> None:
    matrix, picture = ("application/octet-stream", FLOATS), ("image/pjpeg", JPEG)
    visible = ("image/jpeg", VISIBLE)
    said = json_part(head(visiblePicLen=len(VISIBLE)))
    for parts in ([said, picture, matrix, visible], [matrix, visible, picture, said], [visible, said, matrix, picture]):
        frame = decode_frame(reply(parts))
        assert (frame.thermal_picture, frame.visible_picture) == (JPEG, VISIBLE)
        assert values(frame) == CELSIUS


def test_two_pictures_of_one_length_are_thermal_then_visible() -> None:
    other = b"\xff\xd8" + b"v" * (len(JPEG) - 4) + b"\xff\xd9"
    said = json_part(head(visiblePicLen=len(JPEG)))
    frame = decode_frame(
        reply([said, ("image/pjpeg", JPEG), ("application/octet-stream", FLOATS), ("image/pjpeg", other)])
    )

    assert (frame.thermal_picture, frame.visible_picture) == (JPEG, other)


def test_a_visible_picture_the_head_does_not_announce() -> None:
    frame = decode_frame(
        reply([json_part(head()), ("image/jpeg", VISIBLE), ("application/octet-stream", FLOATS), ("image/pjpeg", JPEG)])
    )

    assert (frame.thermal_picture, frame.visible_picture) == (JPEG, VISIBLE)


def test_a_frame_without_pictures() -> None:
    for announced in (len(JPEG), 0, None):
        frame = decode_frame(reply([json_part(head(jpegPicLen=announced)), ("application/octet-stream", FLOATS)]))
        assert frame.thermal_picture is None
        assert values(frame) == CELSIUS


def test_framing_that_devices_vary() -> None:
    parts = [json_part(head()), ("image/pjpeg", JPEG), ("application/octet-stream", FLOATS)]
    usual = reply(parts)
    for body in (
        b"\r\n\r\n" + usual,
        usual.removesuffix(b"--boundary--\r\n"),
        usual.removesuffix(b"\r\n--boundary--\r\n"),
        usual + b"trailing garbage",
        reply(parts, between=b""),
        reply(parts, between=b"\r\n\r\n"),
        reply(parts, between=b"\n"),
        reply(parts, delimiter=b"--MIME_boundary"),
        reply(parts, end=b"--"),
        usual.replace(b"--boundary\r\nContent-D", b"--boundary\r\n\r\nContent-D", 1),
        usual.replace(b"--boundary\r\nContent-D", b"--boundary\r\n--boundary\r\nContent-D", 1),
        usual.replace(b"Content-Length", b"content-length"),
        usual.replace(b"\r\nContent-", b"\nContent-"),
    ):
        assert values(decode_frame(body)) == CELSIUS


def test_numbers_may_be_written_as_text_or_with_a_point() -> None:
    frame = decode_frame(whole(jpegPicWidth=str(WIDTH), jpegPicHeight=float(HEIGHT), temperatureDataLength="4"))

    assert values(frame) == CELSIUS


def test_lengths_the_head_leaves_out_follow_from_the_others() -> None:
    assert values(decode_frame(whole(p2pDataLen=None))) == CELSIUS
    assert values(decode_frame(whole(temperatureDataLength=None))) == CELSIUS


def test_values_that_are_no_numbers_are_kept_and_counted() -> None:
    odd = [float("nan"), float("inf"), float("-inf"), *CELSIUS[3:]]
    frame = decode_frame(whole(struct.pack(f"<{WIDTH * HEIGHT}f", *odd)))

    assert frame.invalid == 3
    assert np.isnan(frame.celsius[0, 0])
    assert np.isposinf(frame.celsius[0, 1])
    assert values(frame)[3:] == CELSIUS[3:]


INT16 = struct.pack(f"<{WIDTH * HEIGHT}h", *[0] * (WIDTH * HEIGHT))
OCTETS = "application/octet-stream"


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (whole(FLOATS[:-4]), ("56", "60", "5 x 3")),
        (whole(FLOATS + b"1234"), ("64", "60", "5 x 3")),
        (whole(p2pDataLen=64), ("64", "60", "5 x 3")),
        (whole(jpegPicWidth=6), ("60", "72", "6 x 3")),
        (whole(jpegPicWidth=0), ("0 x 3",)),
        (whole(jpegPicWidth=-5), ("-5 x 3",)),
        (whole(jpegPicHeight=None), ("5 x None",)),
        (whole(jpegPicHeight=10**9), ("5 x 1000000000", "8192")),
        (whole(jpegPicWidth=2.5), ("None x 3",)),
        (whole(temperatureDataLength=8, p2pDataLen=None), ("8 bytes", "4", "2")),
        (whole(temperatureDataLength=None, p2pDataLen=None), ("None",)),
        (whole(INT16, temperatureDataLength=2, p2pDataLen=30), ("scale None", "offset None")),
        (whole(INT16, temperatureDataLength=2, p2pDataLen=30, scale=64), ("scale 64", "offset None")),
        (whole(INT16, temperatureDataLength=2, p2pDataLen=30, scale=0, offset=0), ("scale 0",)),
        (whole(INT16, temperatureDataLength=2, p2pDataLen=30, scale=-64, offset=0), ("scale -64",)),
        (whole(INT16, temperatureDataLength=2, p2pDataLen=30, scale=float("inf"), offset=0), ("scale None",)),
        (reply([json_part(head()), ("image/pjpeg", JPEG)]), ("without its matrix", "60")),
        (reply([("image/pjpeg", JPEG), (OCTETS, FLOATS)]), ("without its JSON", "60 bytes")),
        (reply([json_part(head()), ("image/pjpeg", JPEG + b"!"), (OCTETS, FLOATS)]), (str(len(JPEG)), str(len(JPEG) + 1))),
        (reply([("application/json", b"{"), (OCTETS, FLOATS)]), ("cannot be read",)),
        (reply([("application/json", b"[1]"), (OCTETS, FLOATS)]), ("no JpegPictureWithAppendData",)),
        (reply([("application/json", b'{"JpegPictureWithAppendData": 1}'), (OCTETS, FLOATS)]), ("no JpegPicture",)),
        (reply([("application/json", b"[" * 100_000), (OCTETS, FLOATS)]), ("cannot be read",)),
        (whole()[:-40], ("declares 60", "are there")),
        (whole().replace(b"Content-Length: 60", b"Content-Length: 59"), ("59 bytes", "part 3")),
        (whole().replace(b"Content-Length: 60", b"Content-Length: 6000"), ("6000",)),
        (whole().replace(b"Content-Length: 60", b"Content-Length: sixty"), ("sixty",)),
        (whole().replace(b"Content-Length: 60", b"Content-Length: -60"), ("-60",)),
        (whole().replace(b"Content-Length: 60\r\n", b""), ("part 3", "no Content-Length")),
        (reply([json_part(head())] * 9), ("more than 8",)),
        (b"", ("begins with a delimiter",)),
        (b"<html>busy</html>", ("begins with a delimiter", "<html>")),
        (b"--\r\n\r\n", ("begins with a delimiter",)),
        (b"--boundary\r\nContent-Type: application/json\r\n", ("ends in the headers of part 1",)),
        (b"--boundary\r\n" + b"X: y\r\n" * 2000, ("longer than 8192",)),
        (b"--boundary\r\nno colon\r\n\r\n", ("without a colon",)),
    ],
)  # fmt: skip
def test_a_reply_that_contradicts_itself_is_a_bad_answer_with_the_numbers(
    body: bytes, numbers: tuple[str, ...]
) -> None:
    with pytest.raises(BadAnswer) as caught:
        decode_frame(body, camera="kiln")

    assert all(number in str(caught.value) for number in numbers), str(caught.value)
    assert str(caught.value).startswith("kiln: ")
    assert caught.value.camera == "kiln"
    assert caught.value.data == body[:512]


def test_a_reply_larger_than_any_detector_is_not_read() -> None:
    with pytest.raises(BadAnswer, match=str(MOST_BYTES)):
        decode_frame(bytes(MOST_BYTES + 1))


@given(st.data())
def test_whatever_comes_there_is_a_frame_or_a_bad_answer(data: st.DataObject) -> None:
    body = bytearray(whole(visiblePicLen=data.draw(st.sampled_from([None, 0, 7]))))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(body)))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "remove"])):
            case "flip" if place < len(body):
                body[place] = data.draw(st.integers(0, 255))
            case "cut":
                del body[place:]
            case "insert":
                body[place:place] = data.draw(st.binary(max_size=6))
            case "remove":
                del body[place : place + data.draw(st.integers(1, 30))]
    try:
        frame = decode_frame(bytes(body))
    except BadAnswer:
        return
    assert frame.celsius.shape == (frame.height, frame.width)
    assert frame.matrix.readonly


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.one_of(
                st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
            )
            for key in ("channel", "jpegPicLen", "jpegPicWidth", "jpegPicHeight", "p2pDataLen", "isFreezedata", "temperatureDataLength")
        },
    )
)  # fmt: skip
def test_whatever_the_head_says_there_is_a_frame_or_a_bad_answer(changes: dict[str, Any]) -> None:
    try:
        assert values(decode_frame(whole(**changes))) == CELSIUS
    except BadAnswer as err:
        assert str(err)


@given(
    st.integers(-32768, 32767),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_no_scale_makes_int16_raise_anything_else(raw: int, scale: float, offset: float) -> None:
    matrix = struct.pack(f"<{WIDTH * HEIGHT}h", *[raw] * (WIDTH * HEIGHT))
    try:
        frame = decode_frame(whole(matrix, temperatureDataLength=2, p2pDataLen=30, scale=scale, offset=offset))
    except BadAnswer:
        assert scale <= 0
        return
    assert scale > 0
    assert frame.celsius.dtype == np.float32


def test_a_reply_cut_before_a_picture_it_declares() -> None:
    said = json_part(head(visiblePicLen=len(VISIBLE)))
    parts = [said, ("image/pjpeg", JPEG), (OCTETS, FLOATS)]
    with pytest.raises(BadAnswer, match="ends before the picture"):
        decode_frame(reply(parts).removesuffix(b"--boundary--\r\n"))

    assert decode_frame(reply(parts)).visible_picture is None
