"""Alarms of the stand-in reach the subscribers: armed as the reference says, copied in time, lost and armed again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from nvr_hooks import (
    AlarmPicture,
    ConnectionChanged,
    Event,
    FireAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    StorageAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
)
from sdk_camera import SdkCamera
from standin_library import StandIn

from hik_thermal_plugin.sdk import alarm_stream

pytestmark = pytest.mark.integration
Camera = Callable[..., SdkCamera]
FIRE, RULE = "NET_DVR_FIREDETECTION_ALARM", "NET_DVR_THERMOMETRY_ALARM"


def of(events: list[Event], kind: type[Event]) -> list[Any]:
    return [event for event in list(events) if isinstance(event, kind)]


def states(events: list[Event]) -> list[str]:
    return [event.state for event in of(events, ConnectionChanged)]


@pytest.fixture
def armed(camera: Camera, wait_for: Callable[..., None]) -> Callable[..., tuple[Any, list[Event]]]:
    """Return `armed(**settings)`: a subscription that is online, and its events."""

    def make(**settings: Any) -> tuple[Any, list[Event]]:
        subscription, events = camera(**settings).listen()
        wait_for(lambda: "online" in states(events), what="armed")
        return subscription, events

    return make


def test_a_camera_is_armed_as_the_reference_says(armed: Any, standin: StandIn) -> None:
    subscription, events = armed()
    subscription.close()

    assert standin.calls("SetDVRMessageCallBack_V31")[0] == "NET_DVR_SetDVRMessageCallBack_V31 set"
    assert standin.calls("Login_V40") == [
        "NET_DVR_Login_V40 192.0.2.7:8000 admin mode=0 https=0 verify=0 asynchronous=0"
    ]
    assert standin.calls("SetupAlarmChan_V41") == [
        "NET_DVR_SetupAlarmChan_V41 0 dwSize=20 byLevel=1 byRetAlarmTypeV40=0"
    ]
    assert of(events, ConnectionChanged)[-1].source == "sdk"
    assert standin.functions()[-1] == "CloseAlarmChan_V30"


def test_every_kind_of_alarm_arrives_with_its_pictures(armed: Any, standin: StandIn, wait_for: Any) -> None:
    _, events = armed()
    standin.alarm("NET_DVR_ALARMINFO_V30", dwAlarmType=3, byChannel_1=1)
    standin.alarm("NET_DVR_ALARMINFO_V30", dwAlarmType=1, byDiskNumber_0=1, byDiskNumber_2=1)
    standin.alarm(
        FIRE, wFireMaxTemperature=420, byAlarmSubType=2, at_pBuffer=5000, at_pVisiblePicBuf=7000, at_pSmokeBuf=356
    )
    standin.alarm(RULE, dwChannel=2, byRuleID=3, fCurrTemperature=61.5, at_pPicBuff=100, at_pThermalPicBuff=200)
    standin.alarm(
        "NET_DVR_THERMOMETRY_DIFF_ALARM", byAlarmID1=1, byAlarmID2=2, fCurTemperatureDiff=23.5, fRuleTemperatureDiff=20
    )
    wait_for(lambda: of(events, TemperatureDifferenceAlarm))

    assert [event.channel for event in of(events, MotionAlarm)] == [2]
    assert [event.disk for event in of(events, StorageAlarm)] == [1, 3]
    assert [event.celsius for event in of(events, FireAlarm)] == [420.0]
    assert of(events, SmokeAlarm)[0].alarm_id == of(events, FireAlarm)[0].alarm_id
    assert of(events, SmokeAlarm)[0].targets[0].region[0] == (0.25, 0.5)
    assert [(event.rule, event.celsius) for event in of(events, TemperatureAlarm)] == [(3, 61.5)]
    (difference,) = of(events, TemperatureDifferenceAlarm)
    assert (difference.difference_kelvin, difference.threshold_kelvin) == (23.5, 20.0)
    pictures = of(events, AlarmPicture)
    assert [(picture.view, picture.length) for picture in pictures] == [
        ("thermal", 5000), ("visible", 7000), ("visible", 100), ("thermal", 200),
    ]  # fmt: skip
    assert pictures[0].data[:3] == b"\xff\xd8\xff"
    assert pictures[0].data[3:300] == bytes(index & 0xFF for index in range(3, 300))  # and not the poison
    assert pictures[0].alarm_id == of(events, FireAlarm)[0].alarm_id


def test_where_the_older_callback_cannot_be_set_the_newer_one_is(armed: Any, standin: StandIn, wait_for: Any) -> None:
    standin.script("SetDVRMessageCallBack_V31", 17)
    _, events = armed()
    standin.alarm(RULE, byRuleID=1, fCurrTemperature=50)

    wait_for(lambda: of(events, TemperatureAlarm))
    assert standin.calls("SetDVRMessageCallBack_V50")[0] == "NET_DVR_SetDVRMessageCallBack_V50 0 set"


def test_an_alarm_that_comes_before_arming_has_returned_is_not_lost(
    armed: Any, standin: StandIn, wait_for: Any
) -> None:
    standin.alarm_at_once(RULE, byRuleID=7, fCurrTemperature=50)
    _, events = armed()

    wait_for(lambda: of(events, TemperatureAlarm))
    assert of(events, TemperatureAlarm)[0].rule == 7


def test_an_alarm_that_names_no_login_is_found_by_the_devices_number(
    armed: Any, standin: StandIn, wait_for: Any
) -> None:
    _, events = armed()
    standin.c.fake_alarmer_user_valid(0)
    standin.alarm(RULE, byRuleID=1, fCurrTemperature=50)

    wait_for(lambda: of(events, TemperatureAlarm))


def test_documents_of_isapi_login_are_read_with_their_pictures(armed: Any, standin: StandIn, wait_for: Any) -> None:
    xml = (
        b"<EventNotificationAlert><channelID>2</channelID><dateTime>2026-03-04T05:06:07+01:00</dateTime>"
        b"<eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"
    )
    json = b'{"EventNotificationAlert": {"channelID": 2, "eventType": "fielddetection", "eventState": "active"}}'
    _, events = armed(sdk={"login": "isapi"})
    standin.isapi_alarm(xml, pictures=2)
    standin.isapi_alarm(json, kind=2)
    wait_for(lambda: of(events, OtherAlarm))

    assert standin.calls("Login_V40")[0].split(" ")[1:4] == ["192.0.2.7:80", "admin", "mode=1"]
    assert of(events, MotionAlarm)[0].raw == xml
    assert [picture.view for picture in of(events, AlarmPicture)] == ["thermal", "visible"]


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on(
    camera: Camera, standin: StandIn, wait_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    driver = camera()
    _, events = driver.listen()
    wait_for(lambda: "online" in states(events))
    standin.alarm(RULE, length=100)
    standin.alarm(FIRE, length=319)
    standin.alarm("NET_DVR_ALARMINFO_V30", length=1)
    standin.isapi_alarm(b"<EventNotificationAlert><broken", pictures=1)
    standin.raw_alarm(0x7777, b"")
    standin.raw_alarm(0x4007, bytes(152))
    standin.alarm(
        RULE, struRegion__dwPointNum=4_000_000_000, byRuleCalibType=1, dwPicLen=4_294_967_295, fCurrTemperature="nan"
    )
    standin.alarm(RULE, byRuleID=9, fCurrTemperature=-100.0)
    wait_for(lambda: len(of(events, TemperatureAlarm)) == 2)
    (health, *_) = driver.hook.nvr_health(camera="kiln")

    assert [event.raw_type for event in of(events, OtherAlarm)] == ["0x7777", "0x4007"]
    assert [event.celsius for event in of(events, TemperatureAlarm)] == [None, None]
    assert (health.undecodable, health.unknown, health.source) == (4, 2, "sdk")
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and "passed over" in record.getMessage()
    ]
    assert len(warnings) == 4
    assert "command 0x5212" in warnings[0]


def test_a_mistake_in_a_decoder_ends_no_alarm(
    armed: Any, standin: StandIn, wait_for: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, events = armed()
    decode = alarm_stream.decode_alarm

    def mistaken(block: Any, **said: Any) -> Any:
        if block.command == 0x4991:
            raise ZeroDivisionError("a mistake")
        return decode(block, **said)

    monkeypatch.setattr(alarm_stream, "decode_alarm", mistaken)
    standin.alarm(FIRE)
    standin.alarm(RULE, byRuleID=1)
    wait_for(lambda: of(events, TemperatureAlarm))

    assert "an alarm of command 0x4991 is passed over" in caplog.text
    assert states(events) == ["starting", "online"]


@pytest.mark.parametrize("kind", [0x8000, 0x8002, 0x8006, 0x8044])
def test_a_lost_device_is_told_and_armed_again(armed: Any, standin: StandIn, wait_for: Any, kind: int) -> None:
    _, events = armed()
    standin.exception(kind)
    wait_for(lambda: states(events).count("online") == 2)

    assert states(events) == ["starting", "online", "offline", "online"]
    assert f"exception {kind:#06x}" in of(events, ConnectionChanged)[2].reason
    assert standin.functions().count("Login_V40") == 2
    assert standin.functions().count("Logout") == 1
    standin.alarm(RULE, fCurrTemperature=50)
    wait_for(lambda: of(events, TemperatureAlarm))


@pytest.mark.parametrize("kind", [0x8022, 0x8023])
def test_alarms_that_the_library_has_lost_are_counted(
    camera: Camera, standin: StandIn, wait_for: Any, kind: int, caplog: pytest.LogCaptureFixture
) -> None:
    driver = camera()
    _, events = driver.listen()
    wait_for(lambda: "online" in states(events))
    standin.exception(kind)
    wait_for(lambda: driver.hook.nvr_health(camera="kiln")[0].undecodable == 1)

    assert "lost" in caplog.text
    assert states(events) == ["starting", "online"]


def test_an_exception_of_another_channel_changes_nothing(armed: Any, standin: StandIn, wait_for: Any) -> None:
    _, events = armed()
    standin.exception(0x8006, handle=5)
    standin.exception(0x8003)
    standin.exception(0x8000, user=3)
    standin.alarm(RULE, fCurrTemperature=50)
    wait_for(lambda: of(events, TemperatureAlarm))

    assert states(events) == ["starting", "online"]


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (109, "error", "HCNetSDKCom/libHCAlarm.so cannot be loaded"),
        (7, "offline", "no connection"),
        (10, "offline", "no answer in time"),
        (23, "error", "does not support it"),
        (52, "offline", "too many users"),
        (121, "error", "different versions"),
    ],
)
def test_what_keeps_it_from_being_armed_is_told_in_words(
    camera: Camera, standin: StandIn, wait_for: Any, code: int, state: str, words: str
) -> None:
    standin.script("SetupAlarmChan_V41", code, times=-1)
    _, events = camera().listen()
    wait_for(lambda: state in states(events))

    reason = of(events, ConnectionChanged)[-1].reason
    assert reason.startswith(f"kiln: arming failed with error {code} (")
    assert words in reason


def test_a_call_of_a_login_that_is_gone_logs_in_again(
    armed: Any, camera: Camera, standin: StandIn, wait_for: Any
) -> None:
    standin.script("SetupAlarmChan_V41", 47)
    _, events = armed()

    assert states(events) == ["starting", "offline", "online"]
    assert standin.functions().count("Login_V40") == 2


def test_two_subscribers_share_one_alarm_channel(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    first, events = driver.listen()
    second, more = driver.listen()
    wait_for(lambda: "online" in states(events) and "online" in states(more))
    standin.alarm(RULE, fCurrTemperature=50)
    wait_for(lambda: of(events, TemperatureAlarm) and of(more, TemperatureAlarm))

    assert standin.functions().count("SetupAlarmChan_V41") == 1
    first.close()
    assert standin.functions().count("CloseAlarmChan_V30") == 0
    second.close()
    assert standin.functions().count("CloseAlarmChan_V30") == 1


def test_alarms_after_the_end_reach_nobody(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    subscription, events = driver.listen()
    wait_for(lambda: "online" in states(events))
    for _ in range(200):
        standin.alarm(RULE, fCurrTemperature=50)
    subscription.close()
    seen = len(events)
    driver.close()

    assert len(events) == seen
    assert standin.live == 0


def test_a_subscriber_that_raises_or_blocks_delays_no_alarm(camera: Camera, standin: StandIn, wait_for: Any) -> None:
    driver = camera()
    gate = threading.Event()
    blocked = driver.hook.nvr_listen(camera="kiln", sink=lambda event: gate.wait(20))
    _, events = driver.listen()
    wait_for(lambda: "online" in states(events))
    for _ in range(50):
        standin.alarm(RULE, fCurrTemperature=50)
    wait_for(lambda: len(of(events, TemperatureAlarm)) == 50)
    gate.set()
    blocked.close()
