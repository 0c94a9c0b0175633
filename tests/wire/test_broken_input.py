"""Cut, flipped, spliced and invented bytes end in a value or in BadAnswer, never in anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, to_json
from reading import JPEG, part, value_or_bad_answer

from hik_thermal_plugin.wire import device
from hik_thermal_plugin.wire.alerts import AlertDocument, decode_alert_document
from hik_thermal_plugin.wire.captured import looks_like_alarms, read_events
from hik_thermal_plugin.wire.multipart import PartReader
from hik_thermal_plugin.wire.xml import open_document

DATA = Path(__file__).parents[1] / "data"
DOCUMENTS = [path.read_bytes() for path in sorted(DATA.glob("*/*")) if path.name != "expected.json"]
STREAMS = [
    b"".join(part(document, kind, length) + part(JPEG, "image/jpeg", length) for document in DOCUMENTS[start::7])
    for start, kind, length in ((0, "application/xml", True), (3, None, False), (5, "application/json", 300))
]
PIECES = [
    b"<", b">", b"</", b"/>", b"&", b"&#0;", b"]]>", b"<![CDATA[", b"<!--", b"<!DOCTYPE a>", b"{", b"}", b"[", b'"', b"\\", b":",
    b"\0", b"\xff", b"\xd8", b"\n", b"--boundary\r\n", b"--boundary--", b"\r\n\r\n", b"Content-Length: 9\r\n", b"nan", b"1e999", b"-",
    b"99999999999999999999", b"<EventNotificationAlert>", b"</EventNotificationAlert>", b"\xed\xa0\x80", b"\xef\xbb\xbf",
]  # fmt: skip
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def broken(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """Draw one of these and damage it up to three times."""
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 40)))
        data = draw(
            st.sampled_from(
                [
                    data[:at],
                    data[at:],
                    data[:at] + data[to:],
                    data[:at] + data[at:to] * 2 + data[to:],
                    data[:at] + bytes(byte ^ 1 << at % 8 for byte in data[at : at + 1]) + data[at + 1 :],
                    data[:at] + draw(st.sampled_from(PIECES)) + data[to:],
                    data[:at] + draw(st.binary(max_size=5)) + data[to:],
                    data[:at] + draw(st.sampled_from(whole))[at:],
                ]
            )
        )
    return data


@CALM
@given(st.one_of(broken(DOCUMENTS), st.lists(st.sampled_from(PIECES)).map(b"".join), st.binary(max_size=60)))
def test_any_document(data: bytes) -> None:
    found = value_or_bad_answer(decode_alert_document, data)

    if isinstance(found, AlertDocument):
        for event in found.events:
            json.dumps(to_json(event), allow_nan=False)
    else:
        assert isinstance(found, BadAnswer)


@CALM
@given(broken(DOCUMENTS))
def test_any_device_document(data: bytes) -> None:
    parsers: list[Callable[[bytes], Any]] = [
        open_document,
        device.parse_device_info,
        device.parse_channels,
        lambda body: device.parse_channels(None, body),
        device.parse_capabilities,
        device.parse_triggers,
        device.parse_thermal_channels,
        device.parse_time,
        device.parse_storage,
        device.parse_ports,
    ]
    for parse in parsers:
        value_or_bad_answer(parse, data)
    status = device.parse_response_status(data)
    assert status is None or (str(status) and status.meaning)
    device.parse_user_check(data)


@CALM
@given(broken(STREAMS), st.integers(1, 400), st.booleans())
def test_any_stream_in_any_pieces(data: bytes, size: int, bounded: bool) -> None:
    bounds = {"max_headers": 300, "max_text": 1500, "max_binary": 250} if bounded else {}
    reader = PartReader("multipart/mixed; boundary=boundary", **bounds)

    def read(data: bytes) -> None:
        for start in range(0, len(data), size):
            for found in reader.feed(data[start : start + size]):
                if found.text:
                    value_or_bad_answer(decode_alert_document, found.body)
        reader.close()

    value_or_bad_answer(read, data)


@pytest.mark.slow
@CALM
@given(broken(STREAMS))
def test_pieces_make_no_difference_to_the_alarms_of_a_broken_stream(data: bytes) -> None:
    def texts(size: int) -> list[bytes]:
        reader = PartReader("multipart/mixed; boundary=boundary")
        found = [got for start in range(0, len(data), size) for got in reader.feed(data[start : start + size])]
        return [got.body for got in [*found, *reader.close()] if got.text and got.complete]

    assert texts(len(data) or 1) == texts(1)


@CALM
@given(st.one_of(broken(STREAMS), broken(DOCUMENTS), st.binary(max_size=60)))
def test_any_captured_body(data: bytes) -> None:
    assert looks_like_alarms(data) in (True, False)
    found = value_or_bad_answer(read_events, data)

    if isinstance(found, list):
        assert all(to_json(event) for event in found)


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_every_cut_of_every_document(document: bytes) -> None:
    for end in range(len(document)):
        value_or_bad_answer(decode_alert_document, document[:end])


def test_wrong_words_in_every_field_of_an_alarm() -> None:
    for path in ("bispectrum/tma_two_rules.xml", "bispectrum/fire_regions_by_box_only.xml", "bullet/tda.xml"):
        lines = (DATA / path).read_bytes().splitlines()
        for number, line in enumerate(lines):
            head, _, rest = line.partition(b">")
            if rest.endswith(b">") and b"<" in rest:
                tail = rest[rest.rindex(b"</") :]
                for word in (b"", b"x", b"-", b"nan", b"1e999", b"9" * 400, b"-99999", b"\xff", b"<y/>", b"0"):
                    data = b"\n".join([*lines[:number], head + b">" + word + tail, *lines[number + 1 :]])
                    found = value_or_bad_answer(decode_alert_document, data)
                    for event in getattr(found, "events", ()):
                        json.dumps(to_json(event), allow_nan=False)
