"""Thermometry of the vendor's library: each main field of the guide's chapter 9; random buffers end in a value or in BadAnswer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hcnetsdk_structures import made, sizes
from hypothesis import given
from hypothesis import strategies as st
from nvr_hooks import BadAnswer, LineAt, MeasureOptions, PointAt, RegionAt, TemperatureReading, Unsupported, to_json
from reading import value_or_bad_answer

from hik_thermal_plugin.wire.hcnetsdk_alarms import Block, decode_alarm
from hik_thermal_plugin.wire.hcnetsdk_thermometry import (
    basic_parameters,
    condition,
    decode_manual,
    decode_upload,
    manual_rule,
    with_options,
)

ZONE = timezone(timedelta(hours=8))
PACKED = 26 << 26 | 3 << 22 | 1 << 17 | 12 << 12 | 30 << 6 | 15
AT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=ZONE)
UPLOAD, MANUAL = "NET_DVR_THERMOMETRY_UPLOAD", "NET_SDK_MANUAL_THERMOMETRY"


def upload(**fields: Any) -> TemperatureReading:
    return decode_upload(made(UPLOAD, **{"byRuleID": 1, **fields}), camera="kiln", channel=2, zone=ZONE)


def test_a_region_with_all_it_says() -> None:
    reading = upload(
        dwAbsTime=PACKED, szRuleName="Tür".encode(), byRuleID=3, byRuleCalibType=1, wPresetNo=2, byIsFreezedata=1,
        struLinePolygonThermCfg__fMaxTemperature=61.5, struLinePolygonThermCfg__fMinTemperature=-3.2,
        struLinePolygonThermCfg__fAverageTemperature=20.1, struLinePolygonThermCfg__fTemperatureDiff=64.7,
        struLinePolygonThermCfg__struRegion__dwPointNum=2, struLinePolygonThermCfg__struRegion__struPos_1__fX=0.5,
        struHighestPoint__fX=0.25, struHighestPoint__fY=0.5, struLowestPoint__fX=0.75, struLowestPoint__fY=0.125,
    )  # fmt: skip

    assert reading == TemperatureReading(
        camera="kiln", channel=2, at=AT, source="realtime", rule=3, rule_name="Tür", preset=2, calibration="region",
        status="measuring", highest_celsius=61.5, lowest_celsius=-3.2, average_celsius=20.1, difference_kelvin=64.7,
        highest_at=(0.25, 0.5), lowest_at=(0.75, 0.125), region=((0.0, 0.0), (0.5, 0.0)), unit_reported="celsius", frozen=True,
    )  # fmt: skip


def test_a_point_in_fahrenheit() -> None:
    reading = upload(
        byThermometryUnit=1, struPointThermCfg__fTemperature=122.0, struPointThermCfg__struPoint__fX=0.5,
        struLinePolygonThermCfg__fMaxTemperature=500.0,
    )  # fmt: skip

    assert (reading.calibration, reading.point_celsius, reading.region) == ("point", 50.0, ((0.5, 0.0),))
    assert (reading.highest_celsius, reading.unit_reported) == (None, "fahrenheit")


@pytest.mark.parametrize(("number", "status"), list(enumerate(["measuring", "started", "ended"])))
def test_by_data_type(number: int, status: str) -> None:
    assert upload(byDataType=number).status == status


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        (0, (None, None, None)),
        (1, (21.0, None, None)),
        (2, (None, 33.0, None)),
        (4, (None, None, 5.0)),
        (7, (21.0, 33.0, 5.0)),
    ],
)
def test_by_special_point_therm_type_says_which_special_points_count(bits: int, told: tuple[Any, ...]) -> None:
    reading = upload(
        byRuleID=0, bySpecialPointThermType=bits, fCenterPointTemperature=21.0, fHighestPointTemperature=33.0,
        fLowestPointTemperature=5.0,
    )  # fmt: skip

    assert (reading.centre_celsius, reading.highest_celsius, reading.lowest_celsius) == told
    assert (reading.rule, reading.point_celsius) == (None, None)


@pytest.mark.parametrize(
    ("name", "encoding", "read"),
    [
        (b"door\0rubbish", 6, "door"),
        ("门口".encode("gbk"), 2, "门口"),
        ("门口".encode("gbk"), 0, "门口"),
        ("门口".encode(), 6, "门口"),
        (b"x" * 32, 6, "x" * 32),
        (b"\xff\xfe\x81", 6, "���"),
        (b"a\x1bb\n", 6, "ab"),
        (b"", 6, None),
    ],
)
def test_sz_rule_name(name: bytes, encoding: int, read: str | None) -> None:
    reading = decode_upload(made(UPLOAD, szRuleName=name), encoding=encoding)

    assert reading.rule_name == read


def test_a_structure_names_its_channel_when_all_were_asked_for() -> None:
    assert decode_upload(made(UPLOAD, dwChan=2)).channel == 2
    assert decode_upload(made(UPLOAD, dwChan=2), channel=1).channel == 1


def test_what_was_not_sent_is_none() -> None:
    reading = upload(
        byRuleCalibType=1,
        struLinePolygonThermCfg__fMaxTemperature=-100.0,
        struLinePolygonThermCfg__fMinTemperature=float("nan"),
    )

    assert (reading.highest_celsius, reading.lowest_celsius, reading.highest_at, reading.at) == (None, None, None, None)


def manual(**fields: Any) -> Any:
    return decode_manual(made(MANUAL, **{f"struRuleInfo__{name}": value for name, value in fields.items()}), zone=ZONE)


def test_a_manual_point_and_a_manual_region() -> None:
    point = manual(byRuleID=4, byEnable=1, struPointTherm__fPointTemperature=36.5, struPointTherm__struPoint__fX=0.5)
    region = manual(
        byRuleCalibType=1, struRegionTherm__fMaxTemperature=9.0, struRegionTherm__fMinTemperature=7.0,
        struRegionTherm__fAverageTemperature=8.0, struRegionTherm__struRegion__dwPointNum=11,
    )  # fmt: skip

    assert (point.rule, point.enabled, point.calibration, point.celsius, point.points) == (
        4,
        True,
        "point",
        36.5,
        ((0.5, 0.0),),
    )
    assert (region.calibration, region.celsius) == ("region", None)
    assert (region.highest_celsius, region.lowest_celsius, region.average_celsius) == (9.0, 7.0, 8.0)
    assert len(region.points) == 10


def test_time_unit_and_status_of_a_manual_measurement() -> None:
    found = decode_manual(made(MANUAL, dwAbsTime=PACKED, byThermometryUnit=2, byDataType=1), zone=ZONE)

    assert (found.taken_at, found.unit, found.status) == (AT, "kelvin", "started")


def test_a_place_becomes_a_manual_rule_and_comes_back() -> None:
    triangle = ((0.0, 0.0), (0.5, 0.25), (1.0, 0.125))
    point = decode_manual(bytes(manual_rule(2, 7, PointAt(at=(0.5, 0.25)))))
    line = decode_manual(bytes(manual_rule(2, 7, LineAt(start=(0.0, 0.5), end=(1.0, 0.5)))))
    region = decode_manual(bytes(manual_rule(2, 7, RegionAt(points=triangle))))

    assert (point.rule, point.enabled, point.calibration, point.points) == (7, True, "point", ((0.5, 0.25),))
    assert (line.calibration, line.points) == ("line", ((0.0, 0.5), (1.0, 0.5)))
    assert (region.calibration, region.points) == ("region", triangle)
    with pytest.raises(Unsupported, match="at most 10 corners, this one 11"):
        manual_rule(2, 7, RegionAt(points=((0.1, 0.1),) * 11))


def test_the_condition_names_its_size() -> None:
    assert bytes(condition(2, rule=3))[:10] == b"\x48\0\0\0\2\0\0\0\3\1"


@pytest.mark.parametrize(("metres", "written"), [(5.0, (5, 0)), (1.25, (125, 2)), (500.0, (500, 0)), (150.5, (150, 0))])
def test_surface_properties_go_into_the_basic_parameters(metres: float, written: tuple[int, int]) -> None:
    before = basic_parameters(made("NET_SDK_MANUALTHERM_BASICPARAM", wDistance=7, byDistanceUnit=1, fEmissivity=0.5))
    after = with_options(before, MeasureOptions(distance_m=metres))

    assert (after.wDistance, after.byDistanceUnit, after.fEmissivity) == (*written, 0.5)
    assert (before.wDistance, before.byDistanceUnit) == (7, 1)
    assert with_options(before, MeasureOptions(emissivity=0.25)).fEmissivity == 0.25


STRUCTURES = {
    0x4000: "NET_DVR_ALARMINFO_V30",
    0x4991: "NET_DVR_FIREDETECTION_ALARM",
    0x5211: "NET_DVR_THERMOMETRY_DIFF_ALARM",
    0x5212: "NET_DVR_THERMOMETRY_ALARM",
    0x6009: "NET_DVR_ALARM_ISAPI_INFO",
    0x1234: "NET_DVR_TIME",
}


@given(st.sampled_from(sorted(STRUCTURES)), st.data())
def test_any_alarm_bytes(command: int, data: st.DataObject) -> None:
    size = sizes()[STRUCTURES[command]]
    body = data.draw(st.binary(min_size=size, max_size=size + 40) | st.binary(max_size=size + 40))
    address = data.draw(st.integers(0, 2**64 - 1))
    block = Block(command=command, data=body, address=address, text=data.draw(st.binary(max_size=40)))

    found = value_or_bad_answer(lambda whole: decode_alarm(whole, zone=ZONE), block)

    if not isinstance(found, BadAnswer):
        for event in found:
            json.dumps(to_json(event), allow_nan=False)


@given(st.binary(min_size=1240, max_size=1300) | st.binary(max_size=500))
def test_any_thermometry_bytes(data: bytes) -> None:
    reading = value_or_bad_answer(lambda body: decode_upload(body, zone=ZONE), data)
    value_or_bad_answer(lambda body: decode_manual(body, zone=ZONE), data)

    if isinstance(reading, TemperatureReading):
        json.dumps(to_json(reading), allow_nan=False)


@pytest.mark.parametrize("structure", [UPLOAD, MANUAL])
def test_a_short_buffer_is_a_bad_answer(structure: str) -> None:
    decode = decode_upload if structure == UPLOAD else decode_manual

    with pytest.raises(BadAnswer, match=f"of {sizes()[structure] - 1} bytes"):
        decode(bytes(sizes()[structure] - 1))
