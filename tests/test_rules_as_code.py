"""Rules as code through the hooks: what is read, what is written, and what is put back when the camera refuses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from asked_kiln import Kiln
from nvr_hooks import DeviceError, Unsupported, WrongUse
from thermal_camera import (
    ALARM_RULES,
    BASIC,
    FIRE,
    MODE,
    OK,
    PIXELS,
    REGIONS,
    Reply,
    ThermalCamera,
    refusal,
    thermal_camera,
)


@pytest.fixture
def camera() -> Iterator[ThermalCamera]:
    with thermal_camera() as made:
        yield made


@pytest.fixture
def kiln(camera: ThermalCamera, tmp_path: Path, secret: str) -> Iterator[Kiln]:
    made = Kiln(camera, tmp_path / "state", secret)
    made.configure(temperature={"frame_interval": 0.1})
    yield made
    made.driver.nvr_close()


@pytest.mark.slow
def test_nvr_rules_are_what_the_camera_holds(kiln: Kiln) -> None:
    found = kiln.rules()
    assert found["mode"] == "expert"
    assert found["basic"]["emissivity"] == 0.96
    assert found["regions"][1]["points"] == [[0.1, 0.1], [0.5, 0.1], [0.5, 0.7], [0.1, 0.7]]
    assert list(found["regions"]) == [1, 2]
    assert found["alarm_rules"][2]["alarm_celsius"] == 80.0
    assert found["pixel_to_pixel"]["bytes_per_value"] == 4
    assert found["fire_detection"] is True
    assert kiln.driver.nvr_rules("kiln", None) == kiln.driver.nvr_rules("kiln", 2)


@pytest.mark.slow
def test_sections_the_camera_does_not_have_are_left_out(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.refuse(FIRE, PIXELS, MODE)
    assert set(kiln.rules()) == {"basic", "regions", "alarm_rules"}


def test_a_camera_without_rules_says_so(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.refuse(MODE, BASIC, REGIONS, ALARM_RULES, PIXELS, FIRE)
    with pytest.raises(Unsupported, match="notSupport"):
        kiln.rules()


def test_regions_may_be_part_of_the_scene(kiln: Kiln, camera: ThermalCamera) -> None:
    scene = REGIONS.removesuffix("/regions")
    camera.documents[scene] = camera.documents[REGIONS].replace(b"ThermometryRegionList", b"ThermometryScene")
    camera.refuse(REGIONS)
    assert list(kiln.rules()["regions"]) == [1, 2]
    assert kiln.apply({"regions": {1: {"name": "door"}, 2: {}}}).applied
    assert camera.written[0][0] == scene


def test_nvr_apply_rules_tells_what_would_change_and_writes_nothing(kiln: Kiln, camera: ThermalCamera) -> None:
    wanted = kiln.rules()
    wanted["alarm_rules"][1]["alarm_celsius"] = 75.0
    wanted["basic"]["emissivity"] = 0.9
    diff = kiln.apply(wanted, dry_run=True)
    assert [(change.path, change.before, change.after) for change in diff.changes] == [
        ("basic.emissivity", 0.96, 0.9),
        ("alarm_rules.1.alarm_celsius", 80.0, 75.0),
    ]
    assert not diff.applied
    assert camera.written == []


@pytest.mark.slow
def test_nvr_apply_rules_writes_only_the_documents_that_change(kiln: Kiln, camera: ThermalCamera) -> None:
    wanted = kiln.rules()
    wanted["alarm_rules"][1]["alarm_celsius"] = 75.0
    diff = kiln.apply(wanted)
    assert diff.applied
    assert [path for path, _ in camera.written] == [ALARM_RULES]
    assert kiln.rules()["alarm_rules"][1]["alarm_celsius"] == 75.0
    again = kiln.apply(wanted)
    assert (again.changes, again.applied, len(camera.written)) == ((), True, 1)


def test_what_is_refused_half_way_is_put_back(kiln: Kiln, camera: ThermalCamera) -> None:
    before = dict(camera.documents)
    camera.replies[f"PUT {ALARM_RULES}"] = refusal("badParameters", 6, 400)
    with pytest.raises(
        DeviceError,
        match=r"alarmRules answered 400 \(Invalid Content, badParameters\); everything is put back as it was",
    ):
        kiln.apply({"basic": {"emissivity": 0.9}, "alarm_rules": {1: {"alarm_celsius": 70.0}, 2: {}}})
    assert camera.documents == before
    assert [path for path, _ in camera.written] == [BASIC, ALARM_RULES, BASIC]


def test_what_cannot_be_put_back_is_named(kiln: Kiln, camera: ThermalCamera) -> None:
    def basic(body: bytes) -> Reply:
        if b"0.96" in body:
            return refusal("deviceError", 3, 500)
        camera.documents[BASIC] = body
        return OK

    camera.replies[f"PUT {BASIC}"] = basic
    camera.replies[f"PUT {ALARM_RULES}"] = refusal("badParameters", 6, 400)
    with pytest.raises(DeviceError, match=r"could not be put back: .*basicParam \(kiln: PUT "):
        kiln.apply({"basic": {"emissivity": 0.9}, "alarm_rules": {1: {"alarm_celsius": 70.0}, 2: {}}})


def test_a_camera_that_says_ok_and_does_nothing_is_found_out(kiln: Kiln, camera: ThermalCamera) -> None:
    camera.replies[f"PUT {BASIC}"] = OK
    with pytest.raises(
        DeviceError, match=r"answered OK, but basic.emissivity is 0.96 and not 0.9; everything is put back"
    ):
        kiln.apply({"basic": {"emissivity": 0.9}})


def test_limits_are_written_in_the_unit_they_are_in_after_the_change(kiln: Kiln, camera: ThermalCamera) -> None:
    def basic(body: bytes) -> Reply:
        camera.documents[BASIC] = body
        rules = camera.documents[ALARM_RULES]
        camera.documents[ALARM_RULES] = rules.replace(b"60.0", b"140.0").replace(b"80.0", b"176.0")
        return OK

    camera.replies[f"PUT {BASIC}"] = basic
    diff = kiln.apply({"basic": {"unit": "fahrenheit"}, "alarm_rules": {1: {"alarm_celsius": 100.0}, 2: {}}})
    assert [change.path for change in diff.changes] == ["basic.unit", "alarm_rules.1.alarm_celsius"]
    assert b"<alarm>212.0</alarm>" in camera.documents[ALARM_RULES]
    assert b"<alarm>176.0</alarm>" in camera.documents[ALARM_RULES]
    assert kiln.rules()["alarm_rules"][1]["alarm_celsius"] == 100.0


def test_every_mistake_is_told_at_once_and_nothing_is_written(kiln: Kiln, camera: ThermalCamera) -> None:
    crossed = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
    with pytest.raises(WrongUse) as caught:
        kiln.apply(
            {
                "region": {},
                "basic": {"emissivity": 2},
                "regions": {1: {"points": crossed}, 2: {"points": [[0.1, 1.4], [0.2, 0.2], [0.3, 0.1]]}},
                "alarm_rules": {1: {"pre_alarm_celsius": 90.0}},
            }
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert lines[0] == "kiln: region: is not known; did you mean regions?"
    assert any("crosses itself" in line for line in lines)
    assert any("outside the picture" in line for line in lines)
    assert camera.written == []


def test_a_value_the_camera_has_no_place_for_is_unsupported(kiln: Kiln, camera: ThermalCamera) -> None:
    with pytest.raises(Unsupported, match="streamOverlay"):
        kiln.apply({"basic": {"stream_overlay": True}, "fire_detection": False})
    assert camera.written == []


def test_rules_under_another_channel_are_found_and_written_there(kiln: Kiln, camera: ThermalCamera) -> None:
    for target in (MODE, BASIC, REGIONS, ALARM_RULES):
        camera.move(target, 1)
    camera.refuse(FIRE, PIXELS)
    assert kiln.rules()["mode"] == "expert"
    kiln.apply({"basic": {"emissivity": 0.9}})
    assert [path for path, _ in camera.written] == [BASIC.replace("/2/", "/1/")]


def test_a_configured_config_channel_is_asked_first(kiln: Kiln, camera: ThermalCamera) -> None:
    for target in (MODE, BASIC, REGIONS, ALARM_RULES):
        camera.move(target, 1)
    kiln.configure(config_channel=1)
    kiln.rules()
    assert f"GET {BASIC}" not in camera.asked


def test_changes_of_rules_wait_for_one_another(kiln: Kiln, camera: ThermalCamera) -> None:
    with ThreadPoolExecutor(4) as pool:
        diffs = list(pool.map(lambda value: kiln.apply({"basic": {"emissivity": value}}), (0.1, 0.2, 0.3, 0.4)))
    assert all(diff.applied for diff in diffs)
    assert len(camera.written) == 4
