"""Alarms of the vendor's library: each main field of the guide, and what devices send that they should not (hcnetsdk.md 6.5, 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hcnetsdk_structures import made, sizes
from nvr_hooks import (
    Alarm,
    AlarmPicture,
    BadAnswer,
    Event,
    FireAlarm,
    InputAlarm,
    MotionAlarm,
    OtherAlarm,
    SmokeAlarm,
    StorageAlarm,
    TamperAlarm,
    Target,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    VideoLoss,
    to_json,
)

from hik_thermal_plugin.wire.hcnetsdk_alarms import Block, decode_alarm

COMMON, FIRE, DIFFERENCE, TEMPERATURE, DOCUMENT = 0x4000, 0x4991, 0x5211, 0x5212, 0x6009
ADDRESS = 0x7F0000001000
JPEG = b"\xff\xd8\xff\xe0 a picture"
ZONE = timezone(timedelta(hours=8))
PACKED = 26 << 26 | 3 << 22 | 1 << 17 | 12 << 12 | 30 << 6 | 15


def told(command: int, data: bytes, **more: Any) -> list[Event]:
    block = Block(command=command, data=data, address=ADDRESS, **more)
    return decode_alarm(block, camera="kiln", zone=ZONE)


def one(command: int, data: bytes, **more: Any) -> Any:
    (event,) = told(command, data, **more)
    return event


def common(kind: int, **fields: Any) -> list[Any]:
    return told(COMMON, made("NET_DVR_ALARMINFO_V30", dwAlarmType=kind, **fields))


def temperature(**fields: Any) -> Any:
    return one(TEMPERATURE, made("NET_DVR_THERMOMETRY_ALARM", **fields))


@pytest.mark.parametrize(
    ("kind", "cls", "word"),
    [
        (2, VideoLoss, "video_loss"),
        (3, MotionAlarm, "motion"),
        (6, TamperAlarm, "tamper"),
        (9, OtherAlarm, "video_signal_abnormal"),
        (10, OtherAlarm, "record_abnormal"),
        (11, OtherAlarm, "scene_change"),
    ],
)
def test_dw_alarm_type_is_the_class_and_each_set_channel_an_alarm(kind: int, cls: type[Alarm], word: str) -> None:
    found = common(kind, byChannel_1=1, byChannel_63=1, byDiskNumber_0=1, dwAlarmInputNumber=5)

    assert [(type(alarm), alarm.channel, alarm.raw_type) for alarm in found] == [(cls, 2, word), (cls, 64, word)]
    assert {alarm.source for alarm in found} == {"sdk"}
    assert found[0].id != found[1].id


@pytest.mark.parametrize("kind", [0, 23])
def test_dw_alarm_input_number_is_the_port_for_the_types_it_is_valid_for(kind: int) -> None:
    (alarm,) = common(kind, dwAlarmInputNumber=1, byChannel_0=1)

    assert (type(alarm), alarm.port, alarm.channel) == (InputAlarm, 2, None)


@pytest.mark.parametrize(("kind", "state"), [(1, "full"), (4, "unformatted"), (5, "error")])
def test_by_disk_number_gives_one_alarm_a_disk(kind: int, state: str) -> None:
    found = common(kind, byDiskNumber_0=1, byDiskNumber_32=1)

    assert [(type(alarm), alarm.disk, alarm.state) for alarm in found] == [
        (StorageAlarm, 1, state),
        (StorageAlarm, 33, state),
    ]


def test_outputs_and_recording_channels_are_told() -> None:
    (alarm,) = common(3, byChannel_1=1, byAlarmOutputNumber_0=1, byAlarmOutputNumber_95=1, byAlarmRelateChannel_1=1)

    assert (alarm.outputs, alarm.recording_channels) == ((1, 96), (2,))
    assert to_json(alarm)["outputs"] == [1, 96]
    assert to_json(alarm)["recording_channels"] == [2]


def test_an_alarm_without_a_channel_or_of_an_unknown_type_is_told_all_the_same() -> None:
    (motion,) = common(3)
    (unknown,) = common(77, byChannel_1=1)

    assert (type(motion), motion.channel) == (MotionAlarm, None)
    assert (type(unknown), unknown.kind, unknown.flags) == (OtherAlarm, "comm_alarm_v30_77", ("raw_type",))


def fire(**fields: Any) -> list[Event]:
    return told(FIRE, made("NET_DVR_FIREDETECTION_ALARM", fields.pop("behind", b""), **fields))


BOX = {"struRect__fX": 0.25, "struRect__fY": 0.5, "struRect__fWidth": 0.25, "struRect__fHeight": 0.125}


def test_a_fire_with_its_temperature_distance_place_and_time() -> None:
    (alarm,) = fire(
        wFireMaxTemperature=420, wTargetDistance=120, byStrategyType=3, struDevInfo__byIvmsChannel=2, dwAbsTime=PACKED,
        struPoint__fX=0.375, struPoint__fY=0.5625, **BOX,
    )  # fmt: skip

    assert alarm == FireAlarm(
        camera="kiln", channel=2, at=datetime(2026, 3, 1, 12, 30, 15, tzinfo=ZONE), source="sdk",
        raw_type="COMM_FIREDETECTION_ALARM", celsius=420.0, unit_reported="celsius", distance_m=120.0,
        strategy="specified_fire", pictures=0,
        targets=(
            Target(
                region=((0.25, 0.5), (0.5, 0.5), (0.5, 0.625), (0.25, 0.625)), hottest=(0.375, 0.5625), celsius=420.0,
                distance_m=120.0,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "word"),
    list(enumerate(["fire_or_smoke", "fire_and_smoke", "double_confirm", "specified_fire", "specified_smoke"])),
)
def test_by_strategy_type_in_the_words_of_the_guide(number: int, word: str) -> None:
    assert fire(byStrategyType=number)[0].strategy == word


def test_by_alarm_sub_type_is_fire_or_smoke_or_both_with_one_identifier() -> None:
    smoke = made(
        "NET_DVR_SMOKEDETECTION_ALARM", struSmokePos__fX=0.5, struSmokePos__fWidth=0.25, struSmokePos__fHeight=0.5
    )
    inside = {"behind": smoke, "pSmokeBuf": ADDRESS + 320}

    (burning,) = fire(byAlarmSubType=0)
    (smoking,) = fire(byAlarmSubType=1, **inside)
    both = fire(byAlarmSubType=2, wFireMaxTemperature=300, **inside)

    assert type(burning) is FireAlarm
    assert type(smoking) is SmokeAlarm
    assert smoking.targets == (Target(region=((0.5, 0.0), (0.75, 0.0), (0.75, 0.5), (0.5, 0.5))),)
    assert [type(alarm) for alarm in both] == [FireAlarm, SmokeAlarm]
    assert both[0].alarm_id == both[1].alarm_id == both[0].id
    assert both[0].id != both[1].id


def test_what_is_out_of_range_is_kept_and_flagged() -> None:
    (hot,) = fire(wFireMaxTemperature=5000, wTargetDistance=20000, byStrategyType=9, byAlarmSubType=7)
    near = fire(wFireMaxTemperature=80, wTargetDistance=12)[0]

    assert (hot.celsius, hot.distance_m, hot.strategy) == (5000.0, 20000.0, "9")
    assert hot.flags == ("celsius", "distance_m", "raw_type", "strategy")
    assert (near.celsius, near.distance_m, near.flags) == (
        80.0,
        12.0,
        (),
    )  # what real cameras send below the guide's range


def test_what_the_device_did_not_say_is_none() -> None:
    (alarm,) = fire(wTargetDistance=0xFFFF)

    assert (alarm.celsius, alarm.distance_m, alarm.channel, alarm.at, alarm.targets) == (None, None, None, None, ())


def test_pictures_follow_their_alarm_out_of_the_same_block() -> None:
    alarm, thermal, visible = fire(
        behind=JPEG + b"BMx", pBuffer=ADDRESS + 320, dwPicDataLen=len(JPEG), pVisiblePicBuf=ADDRESS + 320 + len(JPEG),
        dwVisiblePicLen=3, wDevInfoIvmsChannelEx=2,
    )  # fmt: skip

    assert alarm.pictures == 2
    assert len(alarm.raw) == 320
    assert thermal == AlarmPicture(
        camera="kiln", channel=2, source="sdk", kind="fire", view="thermal", length=len(JPEG), data=JPEG
    )  # fmt: skip
    assert thermal.alarm_id == alarm.id
    assert (visible.view, visible.content_type, visible.data) == ("visible", "image/bmp", b"BMx")


@pytest.mark.parametrize(
    ("pointer", "length"),
    [
        (0, 5),
        (ADDRESS + 320, 6),
        (ADDRESS + 326, 1),
        (ADDRESS - 8, 5),
        (1, 5),
        (ADDRESS + 320, 0xFFFFFFFF),
        (2**64 - 1, 1),
    ],
)
def test_a_picture_that_does_not_lie_in_the_block_is_not_followed(pointer: int, length: int) -> None:
    assert len(fire(behind=b"12345", pBuffer=pointer, dwPicDataLen=length)) == 1


def test_an_address_in_a_pictures_place_is_no_picture() -> None:
    assert len(fire(behind=b"http://x/1.jpg", pBuffer=ADDRESS + 320, dwPicDataLen=14, byPicTransType=1)) == 1


def test_a_device_that_names_its_zone_is_believed() -> None:
    (alarm,) = fire(dwAbsTime=PACKED, byTimeDiffFlag=1, cTimeDifferenceH=-3, cTimeDifferenceM=-30)

    assert alarm.at == datetime(2026, 3, 1, 16, 0, 15, tzinfo=UTC)


def test_a_time_that_is_no_date_is_seconds_or_nothing() -> None:
    assert fire(dwAbsTime=1_700_000_000)[0].at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert fire(dwAbsTime=5)[0].at is None


def test_a_temperature_alarm_with_all_it_says() -> None:
    alarm = temperature(
        dwChannel=2, byRuleID=3, wPresetNo=4, byAlarmLevel=0, byAlarmType=1, byAlarmRule=1, byRuleCalibType=1,
        fCurrTemperature=-12.3, fRuleTemperature=-10.0, struRegion__dwPointNum=3, struRegion__struPos_1__fX=0.5,
        struRegion__struPos_2__fY=0.75, struHighestPoint__fX=0.125, struHighestPoint__fY=0.25, dwAbsTime=PACKED,
    )  # fmt: skip

    assert alarm == TemperatureAlarm(
        camera="kiln", channel=2, at=datetime(2026, 3, 1, 12, 30, 15, tzinfo=ZONE), source="sdk", level="pre_alarm",
        raw_type="COMM_THERMOMETRY_ALARM", rule=3, preset=4, calibration="region", quantity="lowest", condition="below",
        celsius=-12.3, threshold_celsius=-10.0, unit_reported="celsius", pictures=0,
        targets=(Target(region=((0.0, 0.0), (0.5, 0.0), (0.0, 0.75)), hottest=(0.125, 0.25), celsius=-12.3, id=3),),
    )  # fmt: skip


@pytest.mark.parametrize(("number", "level"), [(0, "pre_alarm"), (1, "alarm")])
def test_by_alarm_level(number: int, level: str) -> None:
    assert temperature(byAlarmLevel=number).level == level


@pytest.mark.parametrize(("number", "quantity"), list(enumerate(["highest", "lowest", "average"])))
def test_by_alarm_type(number: int, quantity: str) -> None:
    assert temperature(byAlarmType=number).quantity == quantity


@pytest.mark.parametrize(
    ("number", "word", "celsius"), [(0, "celsius", 122.0), (1, "fahrenheit", 50.0), (2, "kelvin", -151.15)]
)
def test_by_thermometry_unit(number: int, word: str, celsius: float) -> None:
    alarm = temperature(byThermometryUnit=number, fCurrTemperature=122.0)

    assert (alarm.unit_reported, alarm.celsius) == (word, pytest.approx(celsius))


def test_a_unit_nobody_knows_makes_no_temperature() -> None:
    alarm = temperature(byThermometryUnit=7, fCurrTemperature=122.0)

    assert (alarm.unit_reported, alarm.celsius, alarm.flags) == ("7", None, ("unit_reported",))


@pytest.mark.parametrize(
    ("value", "celsius", "flags"),
    [(36.5, 36.5, ()), (0.0, 0.0, ()), (-41.0, -41.0, ("celsius",)), (1200.5, 1200.5, ("celsius",))],
)
def test_f_curr_temperature_is_taken_as_it_is_delivered(value: float, celsius: float, flags: tuple[str, ...]) -> None:
    alarm = temperature(fCurrTemperature=value)

    assert (alarm.celsius, alarm.flags) == (celsius, flags)


@pytest.mark.parametrize("value", [-100.0, 4.29e8, float("nan"), float("inf"), float("-inf")])
def test_a_temperature_that_was_not_sent_is_none(value: float) -> None:
    alarm = temperature(fCurrTemperature=value, fRuleTemperature=value)

    assert (alarm.celsius, alarm.threshold_celsius, alarm.flags) == (None, None, ())


def test_a_difference_inside_one_rule_is_a_difference() -> None:
    alarm = temperature(byAlarmType=3, byThermometryUnit=1, fCurrTemperature=18.0, fRuleTemperature=9.0, byRuleID=2)

    assert isinstance(alarm, TemperatureDifferenceAlarm)
    assert (alarm.difference_kelvin, alarm.threshold_kelvin, alarm.rule, alarm.other_rule) == (10.0, 5.0, 2, None)


@pytest.mark.parametrize(("number", "word"), [(4, "sudden rise"), (5, "sudden drop")])
def test_a_sudden_change_is_described(number: int, word: str) -> None:
    alarm = temperature(byAlarmType=number)

    assert (alarm.quantity, alarm.description, alarm.flags) == (None, word, ())


def test_numbers_outside_the_reference_are_flagged() -> None:
    alarm = temperature(
        byAlarmType=9,
        byAlarmLevel=9,
        byAlarmRule=9,
        byRuleCalibType=9,
        struRegion__dwPointNum=11,
        struRegion__struPos_0__fX=1.5,
    )

    assert alarm.flags == ("calibration", "condition", "level", "quantity", "region")
    assert len(alarm.targets[0].region) == 10
    assert alarm.level == "alarm"


def test_a_point_rule_has_its_point() -> None:
    alarm = temperature(struPoint__fX=0.5, struPoint__fY=0.25)

    assert (alarm.calibration, alarm.targets[0].region) == ("point", ((0.5, 0.25),))


def difference(**fields: Any) -> Any:
    return one(DIFFERENCE, made("NET_DVR_THERMOMETRY_DIFF_ALARM", **fields))


def test_the_difference_of_two_rules() -> None:
    alarm = difference(
        dwChannel=2, byAlarmID1=1, byAlarmID2=2, byAlarmLevel=1, byAlarmType=2, byAlarmRule=0, byRuleCalibType=2,
        fRuleTemperatureDiff=20.0, fCurTemperatureDiff=23.5, struRegion_0__dwPointNum=2, struRegion_0__struPos_1__fX=0.5,
        struRegion_1__dwPointNum=1, struRegion_1__struPos_0__fY=0.75,
    )  # fmt: skip

    assert alarm == TemperatureDifferenceAlarm(
        camera="kiln", channel=2, source="sdk", raw_type="COMM_THERMOMETRY_DIFF_ALARM", level="alarm", rule=1, other_rule=2,
        calibration="line", quantity="average", condition="above", difference_kelvin=23.5, threshold_kelvin=20.0,
        unit_reported="celsius", pictures=0,
        targets=(Target(region=((0.0, 0.0), (0.5, 0.0)), id=1), Target(region=((0.0, 0.75),), id=2)),
    )  # fmt: skip


def test_the_current_difference_is_not_the_configured_one_and_has_no_offset() -> None:
    kelvin = difference(fRuleTemperatureDiff=20.0, fCurTemperatureDiff=5.0)
    fahrenheit = difference(fRuleTemperatureDiff=36.0, fCurTemperatureDiff=9.0, byThermometryUnit=1)

    assert (kelvin.difference_kelvin, kelvin.threshold_kelvin) == (5.0, 20.0)
    assert (fahrenheit.difference_kelvin, fahrenheit.threshold_kelvin) == (5.0, 20.0)


XML = (
    b"<EventNotificationAlert><channelID>2</channelID><dateTime>2026-03-04T05:06:07+01:00</dateTime>"
    b"<eventType>VMD</eventType><eventState>active</eventState></EventNotificationAlert>"
)


def test_the_document_of_isapi_login_is_read_as_over_isapi() -> None:
    alarm, picture = told(DOCUMENT, bytes(56), text=XML, pictures=[("thermalImage", JPEG)])

    assert (type(alarm), alarm.channel, alarm.source, alarm.raw) == (MotionAlarm, 2, "sdk", XML)
    assert (picture.view, picture.name, picture.data, picture.alarm_id) == ("thermal", "thermalImage", JPEG, alarm.id)


@pytest.mark.parametrize("text", [b"", b"<EventNotificationAlert>", b"nonsense"])
def test_a_broken_document_is_a_bad_answer(text: bytes) -> None:
    with pytest.raises(BadAnswer):
        told(DOCUMENT, bytes(56), text=text)


def test_a_command_nobody_knows_is_told_under_its_number() -> None:
    alarm = one(0x5FFF, b"abc")

    assert (type(alarm), alarm.raw_type, alarm.raw) == (OtherAlarm, "0x5FFF", b"abc")


@pytest.mark.parametrize(
    ("command", "structure"),
    [
        (COMMON, "NET_DVR_ALARMINFO_V30"),
        (FIRE, "NET_DVR_FIREDETECTION_ALARM"),
        (TEMPERATURE, "NET_DVR_THERMOMETRY_ALARM"),
        (DIFFERENCE, "NET_DVR_THERMOMETRY_DIFF_ALARM"),
    ],
)
def test_a_buffer_shorter_than_its_structure_is_a_bad_answer(command: int, structure: str) -> None:
    size = sizes()[structure]

    with pytest.raises(BadAnswer, match=f"{structure} of {size - 1} bytes"):
        told(command, bytes(size - 1))
    assert told(command, bytes(size + 100))
