"""One device told over ISAPI and over the vendor's library: the same happenings give the same events, field by field.

The simulated camera speaks ISAPI; the stand-in delivers the same happening as the library would, in its structures (private login) and as
the very document (ISAPI login), and passes documents on to the simulated camera.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvr_hooks import (
    Alarm,
    ConnectionChanged,
    Event,
    FireAlarm,
    InputAlarm,
    MeasureOptions,
    MotionAlarm,
    PointAt,
    Rules,
    SmokeAlarm,
    StorageAlarm,
    TamperAlarm,
    TemperatureAlarm,
    TemperatureDifferenceAlarm,
    TemperatureReading,
    Unsupported,
)
from sdk_camera import SdkCamera, passed_on
from standin_library import StandIn

pytestmark = pytest.mark.integration
WaitFor = Callable[..., None]
FIRE, RULE, DIFFERENCE, COMMON = (
    f"NET_DVR_{name}"
    for name in ("FIREDETECTION_ALARM", "THERMOMETRY_ALARM", "THERMOMETRY_DIFF_ALARM", "ALARMINFO_V30")
)
UNTOLD = {
    # what names the way and not the happening
    "source", "raw_type", "description", "pictures", "received_at", "id", "alarm_id", "raw", "phase", "late",
}  # fmt: skip
CALIBRATION = {"point": 0, "region": 1, "line": 2}
QUANTITY = {"highest": 0, "lowest": 1, "average": 2, "difference": 0}


class Near(float):
    """A coordinate: a rectangle of the library's has fewer numbers than the outline of a document."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(self - other) < 0.006

    __hash__ = float.__hash__


class Both:
    """One device, talked to in both ways."""

    def __init__(self, simulator: Any, standin: StandIn, over_isapi: SdkCamera, over_sdk: SdkCamera) -> None:
        self.simulator = simulator
        self.standin = standin
        self.over_isapi = over_isapi
        self.over_sdk = over_sdk


@pytest.fixture
def both(
    hik_simulator: Any, standin: StandIn, camera: Callable[..., SdkCamera], secret: str
) -> Iterator[Callable[..., Both]]:
    """Return `both(**sdk)`: the camera over ISAPI and over the library."""

    def make(**sdk: Any) -> Both:
        simulator = hik_simulator(password=secret)
        standin.documents(passed_on(simulator, secret))
        shared = {"url": simulator.http, "data_channel": None}
        return Both(simulator, standin, camera(transport="isapi", **shared), camera(sdk=sdk, **shared))

    yield make
    standin.documents(None)


def of(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in list(events) if isinstance(event, kind)]


def told(event: Alarm, *without: str) -> dict[str, Any]:
    """Return what an alarm says of the happening."""
    names = [item.name for item in dataclasses.fields(event) if item.name not in UNTOLD | set(without)]
    said = {name: getattr(event, name) for name in names}
    for name, value in said.items():
        if isinstance(value, float):
            said[name] = round(value, 2)
    said["targets"] = tuple(
        dataclasses.replace(
            target,
            region=tuple((Near(x), Near(y)) for x, y in target.region),
            hottest=None if target.hottest is None else (round(target.hottest[0], 3), round(target.hottest[1], 3)),
            celsius=None if target.celsius is None else round(target.celsius, 2),
            id=None if "id" in without else target.id,
        )
        for target in event.targets
    )
    return said


def packed(event: Alarm) -> int:
    """Return an alarm's time as the library has it."""
    at = event.at
    assert at is not None
    return at.year - 2000 << 26 | at.month << 22 | at.day << 17 | at.hour << 12 | at.minute << 6 | at.second


def box(event: Alarm, name: str) -> dict[str, float]:
    """Return the first target's outline as a rectangle."""
    (left, top), _, (right, bottom), _ = event.targets[0].region
    return {f"{name}__fX": left, f"{name}__fY": top, f"{name}__fWidth": right - left, f"{name}__fHeight": bottom - top}


def polygon(points: Any, name: str) -> dict[str, float]:
    found: dict[str, float] = {f"{name}__dwPointNum": len(points)}
    for index, (x, y) in enumerate(points):
        found |= {f"{name}__struPos_{index}__fX": x, f"{name}__struPos_{index}__fY": y}
    return found


def as_fire(event: FireAlarm) -> tuple[str, dict[str, Any]]:
    x, y = event.targets[0].hottest or (0, 0)
    return FIRE, {
        "wDevInfoIvmsChannelEx": event.channel, "dwAbsTime": packed(event), "wFireMaxTemperature": round(event.celsius or 0),
        "wTargetDistance": round(event.distance_m or 0), "struPoint__fX": x, "struPoint__fY": y, **box(event, "struRect"),
    }  # fmt: skip


def as_smoke(event: SmokeAlarm) -> tuple[str, dict[str, Any]]:
    return FIRE, {"wDevInfoIvmsChannelEx": event.channel, "dwAbsTime": packed(event), "byAlarmSubType": 1}


def as_rule(event: TemperatureAlarm) -> tuple[str, dict[str, Any]]:
    target = event.targets[0]
    x, y = target.hottest or (0, 0)
    place = (
        {"struPoint__fX": target.region[0][0], "struPoint__fY": target.region[0][1]}
        if event.calibration == "point"
        else polygon(target.region, "struRegion")
    )
    return RULE, {
        "dwChannel": event.channel, "byRuleID": event.rule, "wPresetNo": event.preset, "dwAbsTime": packed(event),
        "byAlarmLevel": int(event.level == "alarm"), "byAlarmType": QUANTITY[event.quantity or "highest"],
        "byAlarmRule": int(event.condition == "below"), "byRuleCalibType": CALIBRATION[event.calibration or "point"],
        "fRuleTemperature": event.threshold_celsius, "fCurrTemperature": event.celsius,
        "struHighestPoint__fX": x, "struHighestPoint__fY": y, **place,
    }  # fmt: skip


def as_difference(event: TemperatureDifferenceAlarm) -> tuple[str, dict[str, Any]]:
    regions = {}
    for index, target in enumerate(event.targets):
        regions |= polygon(target.region, f"struRegion_{index}")
    return DIFFERENCE, {
        "dwChannel": event.channel, "byAlarmID1": event.rule, "byAlarmID2": event.other_rule or 0, "wPresetNo": event.preset,
        "byAlarmLevel": 1, "byAlarmRule": int(event.condition == "below"),
        "byRuleCalibType": CALIBRATION[event.calibration or "point"], "fRuleTemperatureDiff": event.threshold_kelvin,
        "fCurTemperatureDiff": event.difference_kelvin, **regions,
    }  # fmt: skip


def common(kind: int) -> Callable[[Alarm], tuple[str, dict[str, Any]]]:
    def make(event: Alarm) -> tuple[str, dict[str, Any]]:
        fields: dict[str, Any] = {"dwAlarmType": kind}
        if isinstance(event, InputAlarm):
            fields["dwAlarmInputNumber"] = (event.port or 1) - 1
        elif not isinstance(event, StorageAlarm):
            fields[f"byChannel_{(event.channel or 1) - 1}"] = 1
        return COMMON, fields

    return make


HAPPENINGS: dict[str, tuple[list[Any], type[Alarm], Any, tuple[str, ...]]] = {
    "fire": ([{"fire": {"x": 0.5, "y": 0.5, "celsius": 420, "distance_m": 120}}], FireAlarm, as_fire, ("strategy", "id")),
    "smoke": ([{"smoke": {"x": 0.3, "y": 0.75}}], SmokeAlarm, as_smoke, ("strategy", "id", "targets")),
    "temperature": ([{"temperature": {"rule": 1, "celsius": 93.4}}], TemperatureAlarm, as_rule, ()),
    "difference": (
        [{"difference": {"rule_1": 1, "rule_2": 2, "kelvin": 20}}], TemperatureDifferenceAlarm, as_difference,
        ("at", "quantity", "hottest", "targets", "other_rule"),
    ),
    "motion": ([{"motion": {}}], MotionAlarm, common(3), ("at", "targets")),
    "tamper": ([{"tamper": {}}], TamperAlarm, common(6), ("at",)),
    "input": ([{"input": {"port": 1}}], InputAlarm, common(0), ("at", "channel")),
    "disk": ([{"disk": {"state": "full"}}], StorageAlarm, common(1), ("at", "channel", "disk")),
}  # fmt: skip
"""Steps, the event, how the library has it, and what only one of the two says (COMM_ALARM_V30 has no time, the structures no strategy
of a document that names none)."""


def happened(both: Both, name: str, wait_for: WaitFor) -> tuple[Any, list[Event]]:
    """Let it happen; return what ISAPI told, and what the library tells from now on."""
    steps, kind, _, _ = HAPPENINGS[name]
    _, over_isapi = both.over_isapi.listen()
    _, over_sdk = both.over_sdk.listen()
    for events in (over_isapi, over_sdk):
        wait_for(lambda events=events: any(event.state == "online" for event in of(events, ConnectionChanged)))
    wait_for(lambda: both.over_sdk.hook.nvr_cameras()[0][0].channels, what="its identity")
    both.simulator.apply(steps)
    wait_for(lambda: of(over_isapi, kind))
    return of(over_isapi, kind)[0], over_sdk


@pytest.mark.parametrize("name", HAPPENINGS)
def test_structures_tell_what_documents_tell(name: str, both: Callable[..., Both], wait_for: WaitFor) -> None:
    made = both()
    _, kind, as_library, without = HAPPENINGS[name]
    expected, over_sdk = happened(made, name, wait_for)
    structure, fields = as_library(expected)
    made.standin.alarm(structure, **{key: value for key, value in fields.items() if value is not None})
    wait_for(lambda: of(over_sdk, kind))
    found = of(over_sdk, kind)[0]

    assert found.source == "sdk"
    assert type(found) is type(expected)
    left, right = told(found, *without), told(expected, *without)
    for key in without:
        left.pop(key, None), right.pop(key, None)
    assert left == right


@pytest.mark.parametrize("name", HAPPENINGS)
def test_documents_are_the_same_over_isapi_login(name: str, both: Callable[..., Both], wait_for: WaitFor) -> None:
    made = both(login="isapi")
    _, kind, _, _ = HAPPENINGS[name]
    expected, over_sdk = happened(made, name, wait_for)
    made.standin.isapi_alarm(expected.raw)
    wait_for(lambda: of(over_sdk, kind))
    found = of(over_sdk, kind)[0]

    same = {"source": expected.source, "phase": expected.phase, "alarm_id": expected.alarm_id, "late": expected.late}
    assert dataclasses.replace(found, **same) == expected


def test_real_time_values_are_the_same(both: Callable[..., Both], wait_for: WaitFor) -> None:
    made = both()
    _, over_isapi = made.over_isapi.watch()
    made.simulator.apply([{"temperature": {"rule": 1, "celsius": 93.4}}, {"freeze": {}}])
    wait_for(
        lambda: [reading for reading in of(over_isapi, TemperatureReading) if reading.rule == 1 and reading.frozen]
    )
    expected = [reading for reading in of(over_isapi, TemperatureReading) if reading.rule == 1 and reading.frozen][-1]
    area = "struLinePolygonThermCfg"
    highest, lowest = expected.highest_at, expected.lowest_at
    made.standin.upload(
        0, szRuleName=expected.rule_name, byRuleID=expected.rule, byRuleCalibType=CALIBRATION[expected.calibration],
        wPresetNo=expected.preset or 0, byIsFreezedata=1, struHighestPoint__fX=highest[0], struHighestPoint__fY=highest[1],
        struLowestPoint__fX=lowest[0], struLowestPoint__fY=lowest[1], **polygon(expected.region, f"{area}__struRegion"),
        **{
            f"{area}__{name}": value
            for name, value in (
                ("fMaxTemperature", expected.highest_celsius), ("fMinTemperature", expected.lowest_celsius),
                ("fAverageTemperature", expected.average_celsius), ("fTemperatureDiff", expected.difference_kelvin),
            )
        },
    )  # fmt: skip
    _, over_sdk = made.over_sdk.watch()
    wait_for(lambda: of(over_sdk, TemperatureReading))
    found = of(over_sdk, TemperatureReading)[0]

    skipped = {"at", "raw", "received_at", "id", "region", "highest_at", "lowest_at"}
    for item in dataclasses.fields(TemperatureReading):
        if item.name not in skipped:
            here, there = getattr(found, item.name), getattr(expected, item.name)
            assert here == (pytest.approx(there, abs=0.01) if isinstance(there, float) else there), item.name
    for name in ("region", "highest_at", "lowest_at"):
        assert str(getattr(found, name))  # present
    assert [value for point in found.region for value in point] == pytest.approx(
        [value for point in expected.region for value in point], abs=0.001
    )
    assert found.highest_at == pytest.approx(expected.highest_at, abs=0.001)


def test_identity_findings_and_rules_come_through_the_library(both: Callable[..., Both], wait_for: WaitFor) -> None:
    made = both()
    here, there = made.over_sdk.hook, made.over_isapi.hook
    assert here.nvr_rules(camera="kiln", channel=None) == there.nvr_rules(camera="kiln", channel=None)
    made.simulator.apply([{"disk": {"state": "full"}}])
    found = there.nvr_diagnose(camera="kiln")
    assert (
        here.nvr_diagnose(camera="kiln") == [one for one in found if not one.code.startswith(("rtsp", "no_temp"))] != []
    )
    (mine,), (theirs,) = here.nvr_cameras()[0], there.nvr_cameras()[0]

    assert dataclasses.replace(mine, capabilities=None, state="starting", facts={}) == dataclasses.replace(
        theirs, capabilities=None, state="starting", facts={}
    )
    assert mine.facts["vendor library"] == f"6.1.6.45 in {made.standin.folder}, private login"
    assert mine.facts["clock"]
    assert set(mine.capabilities.values()) <= {"sdk", None}
    assert mine.capabilities["realtime_thermometry"] == mine.capabilities["alarms"] == "sdk"


def test_rules_as_code_work_over_the_library(both: Callable[..., Both]) -> None:
    made = both()
    hook = made.over_sdk.hook
    regions = hook.nvr_rules(camera="kiln", channel=None).document["regions"]
    wanted = Rules(channel=2, document={"regions": {key: {} for key in regions} | {1: {"name": "furnace"}}})
    diff = hook.nvr_apply_rules(camera="kiln", channel=None, rules=wanted, dry_run=True)
    assert ([change.after for change in diff.changes], diff.applied) == (["furnace"], False)
    hook.nvr_apply_rules(camera="kiln", channel=None, rules=wanted, dry_run=False)

    assert hook.nvr_rules(camera="kiln", channel=None).document["regions"][1]["name"] == "furnace"
    assert made.over_isapi.hook.nvr_rules(camera="kiln", channel=None).document["regions"][1]["name"] == "furnace"
    assert any(line.split(" ")[2] == "PUT" for line in made.standin.calls("STDXMLConfig"))


def test_measurements_have_the_same_form(both: Callable[..., Both]) -> None:
    made = both()
    question: dict[str, Any] = {
        "camera": "kiln",
        "channel": None,
        "where": PointAt(at=(0.5, 0.5)),
        "options": MeasureOptions(),
    }
    here, there = made.over_sdk.hook.nvr_measure(**question), made.over_isapi.hook.nvr_measure(**question)

    def known(found: Any) -> set[str]:
        return {item.name for item in dataclasses.fields(found) if getattr(found, item.name) is not None}

    assert known(there) - {"frame_age_seconds", "frozen"} <= known(here)
    assert (here.camera, here.channel, here.where) == (there.camera, there.channel, there.where)


def test_addresses_are_not_to_be_had_of_the_library_alone(both: Callable[..., Both], tmp_path: Path) -> None:
    made = both()
    with pytest.raises(
        Unsupported, match="addresses of streams: the vendor library has none; list isapi under transport"
    ):
        made.over_sdk.hook.nvr_stream_url(camera="kiln", channel=None, profile="main")
    made.over_sdk.configure(transport=["sdk", "isapi"])

    assert made.over_sdk.hook.nvr_stream_url(camera="kiln", channel=None, profile="main").url.startswith(
        "rtsp://127.0.0.1:"
    )
