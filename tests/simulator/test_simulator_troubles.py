"""What a camera in trouble answers: no rights, no room, switched off, at the wrong address; a doctor is tried on these."""

from __future__ import annotations

import pytest
from lxml import etree
from raw_alerts import text
from raw_http import ALERT_STREAM, DEVICE_INFO, apply
from raw_rtsp import LIVE

CHANNEL = "/ISAPI/Thermal/channels/2"
SCHEDULE = "/ISAPI/Event/schedules/thermometry"


def sub_status(body: bytes) -> str | None:
    return text(etree.fromstring(body), "subStatusCode")


@pytest.mark.parametrize(("kind", "said"), [("low_privilege", "lowPrivilege"), ("no_room", "maxSessionUserLink")])
def test_some_requests_are_refused_for_good(camera, kind, said):
    simulator, client = camera()
    apply(simulator, {"fault": {"kind": kind, "path": "/ISAPI/Event/*"}})
    for _ in range(2):
        answer = client.get("/ISAPI/Event/triggers")
        assert (answer.status, sub_status(answer.body)) == (403, said)
    assert client.get(DEVICE_INFO).status == 200


def test_a_stream_that_this_user_may_not_open_is_answered_401(camera):
    simulator, client = camera()
    apply(simulator, {"fault": {"kind": "unauthorized", "path": ALERT_STREAM}})
    answer = client.get(ALERT_STREAM)
    assert answer.status == 401
    assert "Digest" in (answer.header("www-authenticate") or "")
    assert simulator.state()["logins"]["refused"] == 0
    assert client.get(DEVICE_INFO).status == 200


def test_what_is_no_camera_answers_a_web_page_to_everybody(camera):
    simulator, client = camera()
    apply(simulator, {"fault": {"kind": "web_page"}})
    answer = client.ask(DEVICE_INFO)
    assert (answer.status, answer.header("content-type")) == (200, "text/html")
    assert b"<html>" in answer.body


@pytest.mark.parametrize(("kind", "status"), [("low_privilege", 401), ("no_room", 453)])
def test_some_streams_are_refused_over_rtsp(rtsp, kind, status):
    simulator, client = rtsp()
    apply(simulator, {"fault": {"kind": kind, "path": LIVE}})
    assert client.ask("DESCRIBE", LIVE).status == status


@pytest.mark.parametrize(
    ("profile", "path", "name", "said"),
    [
        ("not_measuring", f"{CHANNEL}/thermometry/basicParam", "enabled", "false"),
        ("no_fire_detection", f"{CHANNEL}/fireDetection", "enabled", "false"),
        ("no_rules", f"{CHANNEL}/thermometry/1/regions", "enabled", "false"),
        ("default_password", "/ISAPI/Security/userCheck", "isDefaultPassword", "true"),
        ("plain", SCHEDULE, "beginTime", "00:00"),
        ("unscheduled", SCHEDULE, "beginTime", None),
    ],
)
def test_what_is_switched_off_is_told_so(camera, profile, path, name, said):
    _, client = camera(profile=profile)
    root = etree.fromstring(client.get(path).body)
    assert {item.text for item in root.iter("{*}" + name)} == ({said} if said else set())


def test_an_event_that_is_armed_at_no_time_is_not_told(armed):
    simulator, wire = armed(profile="unscheduled")
    apply(simulator, {"fire": {}}, {"motion": {}})
    assert b"fireDetection" not in wire.until(lambda data: b"VMD" in data)


def test_a_camera_without_anything_thermal_lists_no_thermal_trigger(camera):
    _, client = camera(profile="not_thermal")
    assert b"thermometry" not in client.get("/ISAPI/Event/triggers").body
    assert b"ThermalCap" not in client.get("/ISAPI/System/capabilities").body
    assert sub_status(client.get("/ISAPI/Thermal/capabilities").body) == "notSupport"
