"""Multipart streams of real devices come apart the same however their bytes arrive (variants: isapi.md 6.2)."""

from __future__ import annotations

import pytest
from reading import BOUNDARY, JPEG, XML, alert, arrivals, every_way, part, read

from hik_thermal_plugin.wire.alerts import decode_alert
from hik_thermal_plugin.wire.multipart import PartReader

FIRE = alert("fireDetection")
MOTION = alert("VMD")


def bodies(data: bytes, content_type: str | None = BOUNDARY, errors: int = 0) -> list[bytes]:
    parts, framing_errors = every_way(data, content_type)
    assert framing_errors == errors
    assert all(found.complete for found in parts)
    return [found.body for found in parts]


@pytest.mark.parametrize("length", [True, False, 0, 5, len(FIRE) - 1, len(FIRE) + 2, 100_000, "many", "-3", "9" * 5000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\n\r\n"])
def test_an_alarm_leaves_with_its_last_byte_whatever_its_length_says(length: int | bool, end: bytes) -> None:
    stream = part(FIRE, length=length, end=end)

    assert arrivals(stream) == [stream.index(FIRE) + len(FIRE)]


def test_a_json_alarm_leaves_with_its_last_brace() -> None:
    document = b'{"eventType": "fireDetection", "channelName": "a } \\" { \\\\", "list": [{"a": [1, {}]}]}'
    stream = part(document, "application/json", length=False)

    assert arrivals(stream) == [stream.index(document) + len(document)]
    assert bodies(stream) == [document]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r\n\r\n", b"\0\0\n"])
@pytest.mark.parametrize("length", [True, False])
def test_parts_follow_with_none_to_two_line_ends_between(end: bytes, length: bool) -> None:
    stream = part(FIRE, length=length, end=end) + part(MOTION, length=length, end=end)

    assert bodies(stream) == [FIRE, MOTION]


@pytest.mark.parametrize("counted", [b"\n", b"\r\n"])
def test_a_length_may_count_the_line_end_after_the_document(counted: bytes) -> None:
    stream = part(FIRE, length=len(FIRE + counted), end=counted) + part(
        MOTION, length=len(MOTION + counted), end=counted
    )

    assert bodies(stream) == [FIRE, MOTION]


@pytest.mark.parametrize("length", [5, len(FIRE) - 1, len(FIRE) + 400])
def test_a_wrong_length_of_a_document_is_counted_and_costs_nothing(length: int) -> None:
    stream = part(FIRE, length=length) + part(MOTION)

    assert bodies(stream, errors=1) == [FIRE, MOTION]


@pytest.mark.parametrize(
    ("content_type", "line"),
    [
        ("multipart/mixed; boundary=boundary", b"--boundary"),
        ("multipart/mixed; boundary=--boundary", b"--boundary"),
        ("multipart/mixed;boundary=--boundary", b"----boundary"),
        ('multipart/form-data; charset=utf-8; boundary="a b"', b"--a b"),
        ("multipart/x-mixed-replace; boundary=<frontier>", b"--<frontier>"),
        ("multipart/mixed; BOUNDARY=MIME_boundary", b"--MIME_boundary"),
        ("multipart/form-data; boundary=0123456789abcdef0123456789abcdef", b"--0123456789abcdef0123456789abcdef"),
        ("multipart/mixed; boundary=another", b"--boundary"),
        ("multipart/mixed; boundary=", b"--boundary"),
        ("multipart/mixed", b"--boundary"),
        ("text/plain", b"--boundary"),
        (None, b"--boundary"),
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_the_delimiter_is_learned_whatever_the_header_says(content_type: str | None, line: bytes, end: bytes) -> None:
    stream = (part(FIRE) + part(JPEG, "image/jpeg") + part(MOTION)).replace(b"--boundary", line).replace(b"\r\n", end)

    assert bodies(stream, content_type) == [FIRE, JPEG, MOTION]


@pytest.mark.parametrize(
    "head",
    [
        b"--boundary\r\n\r\nContent-Type: application/xml\r\nContent-Length: 7\r\n\r\n",
        b"--boundary\r\n\r\n\r\nContent-Length: 7\r\nContent-Type: application/xml\r\n\r\n",
        b"--boundary\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"--boundary\r\n--boundary\r\n--boundary  \r\nContent-Type: application/xml\r\n\r\n\r\n",
        b"--boundary\r\nContent-Type: image/jpeg\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"--boundary\r\nContent-Length: 0\r\n\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"--boundary\r\nContent-Type: image/jpeg\r\nContent-Length: 0\r\n\r\n\r\n--boundary\r\nContent-Type: text/xml\r\n\r\n",
        b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n--boundary\r\nContent-Type: text/xml\r\n\r\n",
        b"--boundary\r\ncontent-type:text/xml\r\n\r\n",
        b"--boundary\nCONTENT-TYPE: application/xml; charset=GBK\n\n",
        b"--boundary\r\nContent-Disposition: form-data;\r\nContent-Type: application/xml\r\n\r\n",
        b"--boundary\r\nContent-Type: application/octet-stream\r\n\r\n",
        b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n",
        b"--boundary\r\nContent-Type: text/plain\r\n\r\n",
        b"--boundary\r\n\r\n",
        b"--boundary\r\n",
        b"--boundary\r\nContent-Type: application/xml\r\n",
        b"\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"\xef\xbb\xbf--boundary\r\nContent-Type: application/xml\r\n\r\n\xef\xbb\xbf",
        b"a preamble\r\n-- with lines\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed\r\n\r\n--boundary\r\nContent-Type: application/xml\r\n\r\n",
        b"",
        b"\r\n\r\n",
    ],
)
def test_heads_of_parts_in_every_form(head: bytes) -> None:
    if b"Content-Length: 7" in head:
        head = head.replace(b"7", str(len(FIRE)).encode())

    assert bodies(head + FIRE + b"\r\n" + part(MOTION), None) == [FIRE, MOTION]
    assert arrivals(head + FIRE, None) == [len(head + FIRE)]


def test_headers_name_and_file_name_come_along() -> None:
    stream = part(
        JPEG, 'Image/JPEG; charset="UTF-8"', content_disposition='form-data; name="fire"; filename="fire one.jpg";'
    ) + part(FIRE, content_disposition="form-data; name=Event_Type")
    (picture, document), errors = every_way(stream)

    assert errors == 0
    assert (picture.name, picture.filename, picture.content_type) == ("fire", "fire one.jpg", "image/jpeg")
    assert not picture.text
    assert picture.headers["content-length"] == str(len(JPEG))
    assert (document.name, document.filename, document.content_type) == ("Event_Type", None, "application/xml")
    assert document.text


def test_several_alarms_in_one_part_leave_one_by_one() -> None:
    body = FIRE + b"\r\n" + MOTION + FIRE
    stream = part(body) + part(MOTION)
    start = stream.index(body)

    assert bodies(stream) == [FIRE, MOTION, FIRE, MOTION]
    assert arrivals(stream)[:3] == [start + len(FIRE), start + len(FIRE + MOTION) + 2, start + len(body)]


def test_several_json_roots_in_one_part() -> None:
    assert bodies(part(b'{"a": 1}[2]{"b": 3}', "application/json")) == [b'{"a": 1}', b"[2]", b'{"b": 3}']


@pytest.mark.parametrize(
    "document",
    [
        b"<?xml version='1.0'?><!-- </a> --><a>1</a>",
        b"<?xml version='1.0'><a>1</a >",
        b"<a/>",
        b"<a x='>' y=\"/>\"/>",
        b'<a x="it\'s"><b/></a>',
        b"<a><![CDATA[</a>]]></a>",
        b"<a><!-- </a> --></a\r\n>",
        b"<a><a>inner</a><a/><a x='/'/></a>",
        b"<a><ab></ab></abc></a>",
        b"<n:a xmlns:n='u'><a></a><n:a></n:a></n:a>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a><!b></a>",
        b"<html><br><p>403 --boundary</html>",
        b'{"a": "\\\\"}',
        b'{"a": "\\"}"}',
        b'[{"a": ["]"]}]',
        b"{}",
    ],
)
def test_the_end_of_a_root_is_found(document: bytes) -> None:
    kind = "application/json" if document[:1] in b"{[" else "application/xml"
    stream = part(document, kind, length=False) + part(FIRE)

    assert bodies(stream) == [document, FIRE]
    assert arrivals(stream)[0] == stream.index(document) + len(document)


def test_a_delimiter_ends_a_document_that_does_not() -> None:
    cut = FIRE[:60]
    parts, errors = every_way(part(cut, length=False) + part(MOTION))

    assert errors == 1
    assert [(found.body.rstrip(), found.complete) for found in parts] == [(cut, False), (MOTION, True)]


def test_a_document_cut_before_a_delimiter_does_not_wait_for_its_length() -> None:
    stream = part(FIRE[:60], length=50_000) + part(MOTION)

    assert arrivals(stream)[-1] == stream.index(MOTION) + len(MOTION)


def test_bytes_in_front_of_a_document_are_passed_and_counted() -> None:
    assert bodies(part(b"xyz " + FIRE, length=False) + part(MOTION), errors=1) == [FIRE, MOTION]


def test_a_part_that_promises_xml_and_holds_none_is_handed_out_as_it_is() -> None:
    parts, errors = every_way(part(b"no document at all", length=False) + part(MOTION))

    assert errors == 1
    assert [(found.complete, found.text) for found in parts] == [(False, True), (True, True)]


def test_bytes_between_parts_are_passed_up_to_the_next_delimiter() -> None:
    stream = part(FIRE) + b"garbage \0\xff --boundary\r\nnot a line start\r\n" + part(MOTION) + b"\r\nmore garbage"
    parts, errors = every_way(stream)

    assert [found.body for found in parts] == [FIRE, MOTION]
    assert errors == 2


def test_a_header_that_is_none_costs_its_part_only() -> None:
    parts, errors = every_way(b"--boundary\r\nnonsense\r\n\r\n" + FIRE + b"\r\n" + part(MOTION))

    assert [found.body for found in parts] == [MOTION]
    assert errors == 1


def test_the_end_marker_ends_a_push_and_what_follows_is_not_counted() -> None:
    stream = part(FIRE) + part(JPEG, "image/jpeg") + b"--boundary--"

    assert bodies(stream) == [FIRE, JPEG]
    assert bodies(stream + b"\r\nepilogue\r\n") == [FIRE, JPEG]


def test_a_device_that_goes_on_after_its_end_marker_is_heard() -> None:
    assert bodies(part(FIRE) + b"--boundary--\r\n\r\n" + part(MOTION)) == [FIRE, MOTION]


def test_pictures_end_by_their_length_though_they_hold_the_delimiter() -> None:
    picture = b"\xff\xd8\xff\xe0\r\n--boundary\r\n\r\n--boundary--\r\n\xff\xd9\r\n--boundary\r\nx<a></a>\xff\xd9"

    for kind in ("image/jpeg", "image/pjpeg", "image/png", "application/octet-stream"):
        assert bodies(part(FIRE) + part(picture, kind) + part(MOTION)) == [FIRE, picture, MOTION]


def test_a_matrix_that_begins_like_a_document_is_none() -> None:
    for start in (b"<", b"{", b"<?", b'{"', b"<abc", b"{ \xff", b" <?xml"):
        matrix = start + bytes(range(200, 256)) * 4
        assert bodies(part(matrix, "application/octet-stream") + part(MOTION)) == [matrix, MOTION]
        assert bodies(part(start, "application/octet-stream") + part(MOTION)) == [start, MOTION]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_picture_without_a_length_ends_at_the_delimiter(end: bytes) -> None:
    assert bodies(part(JPEG, "image/jpeg", length=False, end=end) + part(MOTION)) == [JPEG, MOTION]


def test_a_picture_leaves_with_its_last_byte() -> None:
    stream = part(JPEG, "image/jpeg", end=b"")

    assert arrivals(stream) == [len(stream)]


@pytest.mark.parametrize("short", [1, 3, 100, len(JPEG) - 1])
def test_a_picture_longer_than_its_length_costs_only_its_rest(short: int) -> None:
    stream = part(FIRE) + part(JPEG, "image/jpeg", length=len(JPEG) - short) + part(MOTION)
    parts, errors = every_way(stream)

    assert [found.body for found in parts] == [FIRE, JPEG[: len(JPEG) - short], MOTION]
    assert errors == 1


@pytest.mark.parametrize("more", [3, 50, 10_000])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_fire_after_a_picture_shorter_than_its_length_is_not_swallowed(more: int, end: bytes) -> None:
    stream = part(JPEG, "image/jpeg", length=len(JPEG) + more, end=end) + part(FIRE)
    parts, errors = every_way(stream)

    assert parts[-1].body == FIRE
    assert errors >= (more > len(end))
    if more > 50:
        assert [found.body for found in parts] == [JPEG, FIRE]
        assert arrivals(stream)[-1] == stream.index(FIRE) + len(FIRE)


@pytest.mark.parametrize("more", [30, 60, 70, 90, 150, 300])
def test_alarms_swallowed_by_binary_data_without_an_end_of_its_own_are_found_again(more: int) -> None:
    matrix = bytes(range(256))
    stream = part(matrix, "application/octet-stream", length=256 + more) + part(FIRE) + part(MOTION) + part(MOTION)
    parts, errors = every_way(stream)

    assert [found.body for found in parts if found.text] == [FIRE, MOTION, MOTION]
    assert errors >= 1


def test_the_end_of_the_stream_hands_out_what_is_left() -> None:
    cases = {
        part(FIRE)[:-40]: (True, False, 1),
        part(JPEG, "image/jpeg")[:-40]: (False, False, 1),
        part(JPEG, "image/jpeg", length=False): (False, True, 0),
        part(JPEG, "image/jpeg", length=False, end=b""): (False, True, 0),
        part(b'{"a": "', "application/json", length=False): (True, False, 1),
    }
    for stream, (text, complete, count) in cases.items():
        parts, errors = every_way(stream)
        assert [(found.text, found.complete) for found in parts] == [(text, complete)]
        assert errors == count
        if complete:
            assert parts[0].body == JPEG


@pytest.mark.parametrize("rest", [b"--boundary\r\nContent-Type: x", b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n"])
def test_a_stream_that_ends_in_the_head_of_a_part_counts_it(rest: bytes) -> None:
    assert every_way(part(FIRE) + rest)[1] == 1


@pytest.mark.parametrize(
    "rest", [b"", b"\r\n", b"--boundary", b"--boundary\r\n", b"--boundary\r\n\r\n", b"--boundary--"]
)
def test_a_stream_that_ends_between_parts_counts_nothing(rest: bytes) -> None:
    assert bodies(part(FIRE) + rest) == [FIRE]


@pytest.mark.parametrize("empty", [b"", b"\r\n", b"no stream at all", b"--", b"--boundary"])
def test_nothing_comes_of_nothing(empty: bytes) -> None:
    assert bodies(empty, None) == []


def test_bare_documents_one_after_the_other_are_parts_too() -> None:
    assert bodies(FIRE + b"\r\n" + MOTION, None) == [FIRE, MOTION]
    assert bodies(FIRE + b"\r\n" + part(MOTION), None) == [FIRE, MOTION]


def test_what_a_stream_holds_decodes() -> None:
    parts, _ = read([part(FIRE, XML) + part(MOTION)])

    assert [event.type for found in parts for event in decode_alert(found.body)] == ["fire_alarm", "motion_alarm"]


def test_a_reader_can_be_closed_twice() -> None:
    reader = PartReader(BOUNDARY)
    reader.feed(part(FIRE)[:-30])

    assert len(reader.close()) == 1
    assert reader.close() == []
