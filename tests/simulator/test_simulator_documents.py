"""What the device answers under each URL, for each model, and how it says no."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from lxml import etree
from PIL import Image
from raw_http import ALERT_STREAM, DEVICE_INFO

from hik_thermal_plugin.simulator import MODELS

CAPABILITIES = "/ISAPI/System/capabilities"
THERMAL = "/ISAPI/Thermal/capabilities"
INPUTS = "/ISAPI/System/Video/inputs/channels"
STREAMS = "/ISAPI/Streaming/channels"
TRIGGERS = "/ISAPI/Event/triggers"
STORAGE = "/ISAPI/ContentMgmt/Storage"
TIME = "/ISAPI/System/time"
FRAME = "/ISAPI/Thermal/channels/1/thermometry/jpegPicWithAppendData?format=json"
DOCUMENTS = {
    DEVICE_INFO: "DeviceInfo",
    CAPABILITIES: "DeviceCap",
    TIME: "Time",
    THERMAL: "ThermalCap",
    INPUTS: "VideoInputChannelList",
    STREAMS: "StreamingChannelList",
    STREAMS + "/101": "StreamingChannel",
    TRIGGERS: "EventNotification",
    STORAGE: "storage",
    "/ISAPI/Security/userCheck": "userCheck",
    "/ISAPI/Security/illegalLoginLock": "IllegalLoginLock",
}
ISAPI_ORG = "http://www.isapi.org/ver20/XMLSchema"


def parse(body: bytes):
    return etree.fromstring(body)


def texts(root, name: str) -> list[str]:
    return [node.text or "" for node in root.iter(f"{{*}}{name}")]


def trigger_links(root) -> dict[str, list[str]]:
    return {texts(trigger, "id")[0]: texts(trigger, "notificationMethod") for trigger in root.iter("{*}EventTrigger")}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_document_of_every_model_parses(camera, model, path):
    _, client = camera(model=model)
    answer = client.get(path)
    assert answer.status == 200
    assert answer.header("content-type") == 'application/xml; charset="UTF-8"'
    assert parse(answer.body).tag == f"{{{ISAPI_ORG}}}{DOCUMENTS[path]}"


def test_device_information_tells_two_cameras_apart(camera):
    infos = [parse(camera()[1].get(DEVICE_INFO).body) for _ in range(2)]
    assert {texts(info, "model")[0] for info in infos} == {"DS-2TD1228-2-QA"}
    for name in ("macAddress", "serialNumber", "deviceID"):
        assert len({texts(info, name)[0] for info in infos}) == 2
    assert texts(infos[0], "firmwareReleasedDate") == ["build 240726"]


@pytest.mark.parametrize(
    ("model", "thermal", "inputs"), [("bispectrum", 2, 2), ("positioning", 2, 2), ("bullet", 1, 1)]
)
def test_the_thermal_channel_is_told_in_four_places(camera, model, thermal, inputs):
    _, client = camera(model=model)
    documents = {path: parse(client.get(path).body) for path in (CAPABILITIES, THERMAL, INPUTS, TRIGGERS)}
    for path in (CAPABILITIES, THERMAL):
        (support,) = documents[path].iter("{*}supportChan")
        assert support.get("opt") == f"chan{thermal}"
    assert texts(documents[INPUTS], "id") == [str(number + 1) for number in range(inputs)]
    links = trigger_links(documents[TRIGGERS])
    assert links[f"thermometry-{thermal}"] == links[f"fireDetection-{thermal}"] == ["center"]
    assert links["nicbroken"] == []
    assert (f"smokeDetection-{thermal}" in links) is (model == "positioning")


def test_streams_are_listed_without_the_ghosts_which_answer_too(camera):
    _, client = camera()
    listed = parse(client.get(STREAMS).body)
    streams = {texts(node, "id")[0]: node for node in listed.iter("{*}StreamingChannel")}
    assert list(streams) == ["101", "102", "201", "202"]
    size = [texts(streams["201"], f"videoResolution{side}")[0] for side in ("Width", "Height")]
    assert (size, texts(streams["101"], "videoCodecType")) == (["640", "512"], ["H.265"])
    for ghost, main in (("103", "101"), ("204", "201")):
        answer = client.get(f"{STREAMS}/{ghost}")
        assert answer.status == 200
        assert answer.body == client.get(f"{STREAMS}/{main}").body.replace(
            f"<id>{main}".encode(), f"<id>{ghost}".encode()
        )
    assert client.get(f"{STREAMS}/105").status == 400


def test_a_bullet_has_no_second_channel(camera):
    _, client = camera(model="bullet")
    assert texts(parse(client.get(STREAMS).body), "id") == ["101", "102"]
    for path in (f"{STREAMS}/201", f"{STREAMS}/201/picture", f"{STREAMS}/2/picture"):
        answer = client.get(path)
        root = parse(answer.body)
        assert answer.status == 400
        assert (texts(root, "statusCode"), texts(root, "subStatusCode")) == (["6"], ["invalidChannel"])


@pytest.mark.parametrize(
    ("identity", "size"),
    [("101", (1920, 1080)), ("102", (704, 576)), ("201", (640, 512)), ("202", (320, 240)), ("204", (640, 512)),
     ("1", (1920, 1080)), ("2", (640, 512))],
)  # fmt: skip
def test_pictures_by_stream_or_channel(camera, identity, size):
    _, client = camera()
    answer = client.get(f"{STREAMS}/{identity}/picture")
    assert (answer.status, answer.header("content-type")) == (200, "image/jpeg")
    assert answer.body.startswith(b"\xff\xd8\xff")
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.size == size


def test_a_picture_shows_the_scene(camera):
    simulator, client = camera()
    simulator.apply([{"fire": {"x": 0.25, "y": 0.75, "celsius": 700}}])
    with Image.open(io.BytesIO(client.get(f"{STREAMS}/201/picture").body)) as image:
        hot, cold = image.getpixel((160, 378)), image.getpixel((480, 128))
    assert sum(hot) > 400 > 200 > sum(cold)


@pytest.mark.parametrize("path", ["/ISAPI/System/Holidays", "/ISAPI/Event/channels/capabilities", "/", "/doc/page.asp"])
def test_what_is_not_there_is_403_not_support(camera, path):
    _, client = camera()
    answer = client.get(path)
    root = parse(answer.body)
    assert answer.status == 403
    assert (texts(root, "statusCode"), texts(root, "subStatusCode")) == (["4"], ["notSupport"])
    assert texts(root, "requestURL") == [path]


def test_errors_of_json_urls_are_json(camera):
    _, client = camera()
    answer = client.get("/ISAPI/Thermal/channels/2/power?format=json")
    assert answer.header("content-type") == "application/json"
    told = json.loads(answer.body)
    assert (told["subStatusCode"], told["errorCode"]) == ("notSupport", 0x40000001)


def test_a_write_is_taken_served_again_and_recorded(camera):
    simulator, client = camera()
    body = client.get(DEVICE_INFO).body.replace(b"Thermal camera", b"Kiln hall")
    answer = client.get(DEVICE_INFO, method="PUT", body=body)
    assert (answer.status, texts(parse(answer.body), "subStatusCode")) == (200, ["ok"])
    assert client.get(DEVICE_INFO).body == body
    (write,) = simulator.state()["writes"]
    assert write == {"method": "PUT", "path": DEVICE_INFO, "status": 200, "body": body.decode()}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sub_status"),
    [
        ("PUT", DEVICE_INFO, b"<DeviceInfo>", 400, "badXmlFormat"),
        ("POST", DEVICE_INFO, b"<a/>", 403, "methodNotAllowed"),
        ("PUT", TRIGGERS, b"<a/>", 403, "methodNotAllowed"),
        ("PUT", f"{STREAMS}/301", b"<a/>", 400, "invalidChannel"),
        ("POST", "/ISAPI/ContentMgmt/record/tracks", b"<a/>", 403, "methodNotAllowed"),
        ("POST", ALERT_STREAM, b"<a/>", 403, "notSupport"),
    ],
)
def test_writes_that_are_refused_are_recorded_too(camera, method, path, body, status, sub_status):
    simulator, client = camera()
    answer = client.get(path, method=method, body=body)
    assert (answer.status, texts(parse(answer.body), "subStatusCode")) == (status, [sub_status])
    assert [(write["method"], write["status"]) for write in simulator.state()["writes"]] == [(method, status)]


@pytest.mark.parametrize(
    ("state", "status", "free"),
    [("ok", "ok", "156928"), ("full", "ok", "0"), ("error", "error", "0"), ("unformatted", "unformatted", "0")],
)
def test_storage_follows_the_disk(camera, state, status, free):
    simulator, client = camera()
    simulator.apply([{"disk": {"state": state}}])
    root = parse(client.get(STORAGE).body)
    assert (texts(root, "status"), texts(root, "freeSpace"), texts(root, "hddType")) == ([status], [free], ["SATA"])
    (disks,) = root.iter("{*}hddList")
    assert disks.get("size") == "8"


def test_storage_without_a_disk(camera):
    simulator, client = camera()
    simulator.apply([{"disk": {"state": "none"}}])
    assert texts(parse(client.get(STORAGE).body), "hdd") == []


@pytest.mark.parametrize(
    ("hours", "zone"), [(1, "CST-1:00:00"), (0, "CST-0:00:00"), (-3.5, "CST+3:30:00"), (5.75, "CST-5:45:00")]
)
def test_the_clock_tells_its_zone_with_inverted_sign(camera, hours, zone):
    _, client = camera(utc_offset=timedelta(hours=hours))
    root = parse(client.get(TIME).body)
    local = datetime.fromisoformat(texts(root, "localTime")[0])
    assert texts(root, "timeZone") == [zone]
    assert local.utcoffset() == timedelta(hours=hours)
    assert abs((local - datetime.now(local.tzinfo)).total_seconds()) < 5


@pytest.mark.parametrize("profile", ["namespace_hikvision", "namespace_std_cgi"])
def test_namespaces_of_documents(camera, profile):
    _, client = camera(profile=profile)
    expected = {"namespace_hikvision": "hikvision.com/ver20", "namespace_std_cgi": "std-cgi.com/ver20"}[profile]
    assert expected in parse(client.get(DEVICE_INFO).body).tag


def test_children_in_another_namespace(camera):
    _, client = camera(profile="mixed_namespaces")
    root = parse(client.get(TRIGGERS).body)
    assert "isapi.org" in root.tag
    assert root[0].tag == "{http://www.hikvision.com/ver10/XMLSchema}EventTriggerList"


def test_prologs(camera):
    starts = {
        "blank_lines_first": b'\r\n\r\n<?xml version="1.0"',
        "no_declaration": b"<DeviceInfo ",
        "bad_declaration": b"<? xml version",
    }
    for profile, start in starts.items():
        _, client = camera(profile=profile)
        body = client.get(DEVICE_INFO).body
        assert body.startswith(start)
        assert parse(body[body.index(b"<DeviceInfo") :]) is not None


def test_empty_elements(camera):
    _, client = camera(profile="empty_elements")
    body = client.get(DEVICE_INFO).body
    assert b"<manufacturer></manufacturer>" in body
    assert b"<deviceLocation></deviceLocation>" in body


def test_capabilities_without_heat(camera):
    _, client = camera(profile="no_thermal_capabilities")
    assert b"ThermalCap" not in client.get(CAPABILITIES).body
    assert client.get(THERMAL).status == 403


def test_no_capabilities_at_all(camera):
    _, client = camera(profile="no_capabilities")
    assert [client.get(path).status for path in (CAPABILITIES, THERMAL, INPUTS)] == [403, 403, 200]


def test_a_bare_trigger_list(camera):
    _, client = camera(profile="bare_triggers")
    assert parse(client.get(TRIGGERS).body).tag == f"{{{ISAPI_ORG}}}EventTriggerList"


def test_thermal_triggers_that_are_not_linked(camera):
    _, client = camera(profile="unlinked")
    links = trigger_links(parse(client.get(TRIGGERS).body))
    assert links["thermometry-2"] == links["fireDetection-2"] == []
    assert links["VMD-2"] == ["center"]


def test_errors_inside_200(camera):
    _, client = camera(profile="errors_in_200")
    answer = client.get("/ISAPI/System/Holidays")
    assert answer.status == 200
    assert b"notSupport" in answer.body


def test_errors_as_json_web_page_and_404(camera):
    _, client = camera(profile="json_errors")
    assert json.loads(client.get("/ISAPI/System/Holidays").body)["subStatusCode"] == "notSupport"
    _, client = camera(profile="html_errors")
    answer = client.get("/ISAPI/System/Holidays")
    assert (answer.status, answer.header("content-type")) == (403, "text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    _, client = camera(profile="not_found")
    assert client.get("/ISAPI/System/Holidays").status == 404


def test_mislabelled_documents(camera):
    _, client = camera(profile="mislabelled")
    for path in (DEVICE_INFO, "/ISAPI/System/Holidays"):
        assert client.get(path).header("content-type") == "text/plain"
    assert client.get(f"{STREAMS}/201/picture").header("content-type") == "image/jpeg"


def test_pictures_through_the_proxy_only(camera):
    _, client = camera(profile="nvr_picture")
    answer = client.get(f"{STREAMS}/201/picture")
    assert texts(parse(answer.body), "subStatusCode") == ["badXmlContent"]
    assert client.get("/ISAPI/ContentMgmt/StreamingProxy/channels/201/picture").body.startswith(b"\xff\xd8\xff")
    _, plain = camera()
    assert plain.get("/ISAPI/ContentMgmt/StreamingProxy/channels/201/picture").status == 403


def test_a_picture_with_a_charset(camera):
    _, client = camera(profile="picture_charset")
    assert client.get(f"{STREAMS}/201/picture").header("content-type") == 'image/jpeg; charset="UTF-8"'


def test_channel_names_beyond_ascii(camera):
    _, client = camera(profile="foreign_name")
    assert texts(parse(client.get(INPUTS).body), "name")[0] == "热像 Glühofen"
    _, client = camera(profile="invalid_utf8")
    assert b"<name>Gl\xfchofen 2</name>" in client.get(INPUTS).body


def test_a_folder_of_captured_answers(camera, tmp_path):
    (tmp_path / "info.xml").write_bytes(b"<DeviceInfo><model>Mine</model></DeviceInfo>")
    (tmp_path / "no.json").write_bytes(b'{"subStatusCode": "notSupport"}')
    answers = [
        {"path": DEVICE_INFO, "file": "info.xml"},
        {"path": TIME + "?format=json", "file": "no.json", "status": 403},
    ]
    (tmp_path / "answers.json").write_text(json.dumps({"profile": "connection_close", "answers": answers}))
    _, client = camera(profile=tmp_path)
    assert client.get(DEVICE_INFO).body == b"<DeviceInfo><model>Mine</model></DeviceInfo>"
    answer = client.get(TIME + "?format=json")
    assert (answer.status, answer.header("content-type")) == (403, "application/json")
    assert client.get(TIME).status == 200
    assert client.ask(TIME).header("connection") == "close"


def test_bytes_that_were_left_out_are_made_up_of_those_before(camera, tmp_path):
    (tmp_path / "frame.bin").write_bytes(b"head 0123456789abcdef tail")
    answers = [{"path": FRAME, "file": "frame.bin", "content_type": "multipart/form-data", "left_out": [[21, 20]]}]
    (tmp_path / "answers.json").write_text(json.dumps({"model": "bullet", "answers": answers}))
    simulator, client = camera(profile=tmp_path)
    answer = client.get(FRAME)
    assert answer.body == b"head 0123456789abcdef0123456789abcdef0123 tail"
    assert answer.header("content-type") == "multipart/form-data"
    assert simulator.model == "bullet"


def test_a_captured_stream_is_sent_at_once_and_goes_on_in_its_frame(camera, tmp_path):
    part = b"--odd\r\nContent-Type: application/xml\r\n\r\n<EventNotificationAlert/>\r\n"
    (tmp_path / "stream.bin").write_bytes(part)
    kind = "multipart/x-mixed-replace; boundary=odd"
    answers = [{"path": ALERT_STREAM, "file": "stream.bin", "content_type": kind, "stream": True}]
    (tmp_path / "answers.json").write_text(json.dumps({"answers": answers}))
    _, client = camera(profile=tmp_path, heartbeat=0.05)
    with client.stream() as wire:
        data = wire.until(lambda data: data.count(b"--odd\r\n") >= 3)
    head, _, body = data.partition(b"\r\n\r\n")
    assert kind.encode() in head
    assert body.startswith(part)
    assert b"videoloss" in body[len(part) :]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (None, "answers.json: No such file"),
        ("{", "not JSON"),
        ("[]", "expected an object with a list of answers"),
        ('{"answers": [{"path": "/a"}]}', r"answers\[0\]: expected an object with path and file"),
        ('{"answers": [{"path": "/a", "file": "b"}]}', r"answers\[0\]: .*b: No such file"),
        ('{"answers": [{"path": "/a", "file": "answers.json", "status": 7}]}', "from 100 to 599"),
        ('{"answers": [], "profile": "odd"}', "expected one of plain"),
        ('{"answers": [], "model": "odd"}', "expected one of bispectrum"),
        ('{"answers": [{"path": "/a", "file": "answers.json", "left_out": [[9, "x"]]}]}', "numbers of bytes"),
        ('{"answers": [{"path": "/a", "file": "answers.json", "left_out": [[999, 1]]}]}', "numbers of bytes"),
        ('{"answers": [], "rtsp": [{"path": "/a"}]}', r"rtsp\[0\]: expected an object with path and file"),
    ],
)
def test_a_folder_that_is_no_capture(hik_simulator, tmp_path, index, message):
    if index is not None:
        (tmp_path / "answers.json").write_text(index)
    with pytest.raises(ValueError, match=message):
        hik_simulator(profile=tmp_path)
