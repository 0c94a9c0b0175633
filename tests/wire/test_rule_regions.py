"""Regions, lines and points of measuring rules in the device's document: moved, made, switched off (isapi.md 8.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from nvr_hooks import Unsupported, WrongUse
from rule_documents import (
    REGIONS,
    STD_CGI,
    area,
    differences,
    edit,
    leaves,
    rules,
    slot,
)

from hik_thermal_plugin.wire.rules import edit_document, parse_rules


def test_moving_a_region_changes_its_points_alone() -> None:
    document, changes = edit(
        "regions", regions={**rules("regions"), 1: {"points": [[0.2, 0.1], [0.5, 0.1], [0.5, 0.7], [0.1, 0.65]]}}
    )

    path = "ThermometryRegion[1]/Region/RegionCoordinatesList/"
    assert differences(REGIONS, document) == [
        f"{path}RegionCoordinates[1]/positionX",
        f"{path}RegionCoordinates[4]/positionY",
    ]
    before = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.7], [0.1, 0.7]]
    assert changes == [("regions.1.points", before, [[0.2, 0.1], [0.5, 0.1], [0.5, 0.7], [0.1, 0.65]])]
    assert b"<positionY>350</positionY>" in document  # upwards on the device
    assert document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<ThermometryRegionList ')


@pytest.mark.parametrize("count", [3, 4, 6])
def test_corners_are_added_and_taken_away(count: int) -> None:
    points = [[0.1, 0.1], [0.5, 0.05], [0.6, 0.1], [0.6, 0.6], [0.5, 0.7], [0.1, 0.7]][:count]
    document, _ = edit("regions", regions={**rules("regions"), 1: {"points": points}})

    read = parse_rules({"regions": document})["regions"]
    assert isinstance(read, dict)
    assert read[1]["points"] == points
    assert f'RegionCoordinatesList size="{count}"'.encode() in document
    assert all("ThermometryRegion[1]/Region" in path for path in differences(REGIONS, document))


def test_an_unused_slot_becomes_a_region_and_a_line_a_point() -> None:
    triangle = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
    document, changes = edit(
        "regions",
        regions={
            **rules("regions"),
            2: {"type": "point", "points": [[0.3, 0.4]]},
            9: {"name": "belt", "type": "region", "points": triangle},
        },
    )

    read = parse_rules({"regions": document})["regions"]
    assert isinstance(read, dict)
    assert read[9]["points"] == triangle
    assert (read[2]["type"], read[2]["points"]) == ("point", [[0.3, 0.4]])
    assert ("regions.9.enabled", False, True) in changes
    assert ("regions.9.name", None, "belt") in changes
    root = etree.fromstring(document)
    names = [etree.QName(item).localname for item in root[8]]
    assert names.index("Region") == names.index("type") + 1
    assert "Point" not in names
    assert {etree.QName(item).namespace for item in root.iter()} == {STD_CGI}
    assert edit_document("regions", document, {"regions": read}).changes == ()


def test_regions_that_are_not_listed_are_switched_off_and_nothing_else() -> None:
    document, changes = edit("regions", regions={1: {}, "3": None})

    assert differences(REGIONS, document) == ["ThermometryRegion[2]/enabled"]
    assert changes == [("regions.2.enabled", True, False)]
    document, changes = edit("regions", regions={1: {}, 2: {"enabled": False}, 3: {}})
    assert changes == [("regions.2.enabled", True, False)]


def test_all_that_changes_is_told_in_one_list() -> None:
    _, changes = edit("regions", regions={1: {"name": "door"}})

    assert changes == [
        ("regions.1.name", "kiln door", "door"),
        ("regions.2.enabled", True, False),
        ("regions.3.enabled", True, False),
    ]


def test_a_slot_the_camera_does_not_have() -> None:
    with pytest.raises(Unsupported, match=r"kiln: regions\.22: the camera has slots 1 to 21"):
        edit("regions", regions={22: {"type": "point", "points": [[0, 0]]}})


def test_of_two_slots_with_one_number_the_enabled_one_counts() -> None:
    document = REGIONS.replace(b"<id>4</id>", b"<id>1</id>").replace(b"<id>5</id>", b"<id>five</id>")
    read = parse_rules({"regions": document})["regions"]

    assert isinstance(read, dict)
    assert read[1]["name"] == "kiln door"
    assert list(read) == [1, 2, 3]


def test_a_scene_with_a_scale_of_its_own() -> None:
    scene = REGIONS.replace(b"ThermometryRegionList version", b"ThermometryScene version", 1).replace(
        b"</ThermometryRegionList>", b"</ThermometryRegionList></ThermometryScene>"
    )
    size = b"<normalizedScreenSize><normalizedScreenWidth>2000</normalizedScreenWidth>" \
        b"<normalizedScreenHeight>1000</normalizedScreenHeight></normalizedScreenSize><ThermometryRegionList>"  # fmt: skip
    scene = scene.replace(b"\r\n<ThermometryRegion>", size + b"<ThermometryRegion>", 1)
    read = parse_rules({"regions": scene})["regions"]

    assert isinstance(read, dict)
    assert read[2]["points"] == [[0.125, 0.26], [0.305, 0.83]]
    done = edit_document("regions", scene, {"regions": {**read, 2: {"points": [[0.25, 0.5], [1, 1]]}}})
    assert b"<positionX>500</positionX>" in done.document
    assert b"<positionX>2000</positionX>\n<positionY>0</positionY>" in done.document


def test_documents_in_any_namespace_or_none_keep_it() -> None:
    for namespace in (b"", b' xmlns="urn:psialliance-org"'):
        document = REGIONS.replace(f' xmlns="{STD_CGI}"'.encode(), namespace)
        done = edit_document("regions", document, {"regions": {1: {"type": "point", "points": [[0.25, 0.75]]}}})
        tags = {etree.QName(item).namespace for item in etree.fromstring(done.document).iter()}
        assert len(tags) == 1
        assert namespace in done.document
        assert b'xmlns=""' not in done.document
    prefixed = re.sub(rb"<(/?)(?=\w)", rb"<\1p:", REGIONS).replace(b" xmlns=", b" xmlns:p=")
    wanted = {2: {"type": "point", "points": [[0.25, 0.75]]}, 4: {"type": "line", "points": [[0.1, 0.2], [0.3, 0.4]]}}
    done = edit_document("regions", prefixed, {"regions": wanted})
    assert {etree.QName(item).namespace for item in etree.fromstring(done.document).iter()} == {STD_CGI}


def listed(*slots: str) -> bytes:
    return f'<ThermometryRegionList xmlns="{STD_CGI}">{"".join(slots)}</ThermometryRegionList>'.encode()


def only(document: bytes) -> dict[str, Any]:
    found: Any = parse_rules({"regions": document})["regions"]
    assert list(found) == [1]
    return dict(found[1])


@pytest.mark.parametrize(
    ("enabled", "name"),
    [
        (("false", "true"), "b"),
        (("true", "false"), "a"),
        (("true", "true"), "a"),
        (("0", "1"), "b"),
        (("", "true"), "a"),
    ],
)
def test_of_slots_with_one_number_the_first_that_is_enabled_counts(enabled: tuple[str, str], name: str) -> None:
    slots = [slot(1, enabled=word, name=name) for word, name in zip(enabled, "ab", strict=True)]

    assert only(listed(*slots))["name"] == name


def test_one_region_may_come_alone() -> None:
    assert only(slot(1, area((100, 900), (500, 300), kind="line"), enabled="true").encode())["points"] == [
        [0.1, 0.1],
        [0.5, 0.7],
    ]


POINT = "<Point><CalibratingCoordinates><positionX>250</positionX><positionY>250</positionY></CalibratingCoordinates></Point>"


@pytest.mark.parametrize(
    ("inner", "points"),
    [
        (area((100, 900), (500, 300), kind="line") + POINT, [[0.1, 0.1], [0.5, 0.7]]),
        (area((100, 900), (500, 300), kind="LINE"), [[0.1, 0.1], [0.5, 0.7]]),
        (area((100, 900), kind="point") + POINT, [[0.25, 0.75]]),
        (area((100, 900), kind="Point"), None),
        (POINT, [[0.25, 0.75]]),
        ("<type>circle</type>" + POINT, [[0.25, 0.75]]),
        (area((100, 900), (200, 800), kind="circle"), [[0.1, 0.1], [0.2, 0.2]]),
        ("<type>region</type>" + POINT, None),
        ("<type>point</type>" + POINT.replace("positionY>", "y>"), None),
        ("<type>point</type>" + POINT.replace("positionX>", "x>"), None),
        ("<x/>", None),
    ],
)
def test_which_points_are_those_of_the_rule(inner: str, points: Any) -> None:
    assert only(listed(slot(1, inner, enabled="true"))).get("points") == points


@pytest.mark.parametrize(
    ("wide", "high", "point"),
    [
        ("3000", "7000", [0.083333, 0.964286]),
        ("0", "0", [0.25, 0.75]),
        ("0.5", "", [0.25, 0.75]),
        ("x", "500", [0.25, 0.5]),
        ("500", "-1", [0.5, 0.75]),
        ("1", "1", [250.0, -249.0]),
    ],
)
def test_the_scale_of_the_document(wide: str, high: str, point: list[float]) -> None:
    size = (
        f"<normalizedScreenSize><normalizedScreenWidth>{wide}</normalizedScreenWidth>"
        f"<normalizedScreenHeight>{high}</normalizedScreenHeight></normalizedScreenSize>"
    )
    document = listed(size, slot(1, "<type>point</type>" + POINT, enabled="true"))

    assert only(document)["points"] == [point]


def test_points_that_are_there_already_stay_as_the_camera_writes_them() -> None:
    document = REGIONS.replace(b"<positionX>100</positionX>", b"<positionX> 100.0</positionX>")
    for entry in (dict(rules("regions")[1]), {"points": rules("regions")[1]["points"]}):
        done = edit_document("regions", document, {"regions": {**rules("regions"), 1: {**entry, "name": "new"}}})
        assert differences(document, done.document) == ["ThermometryRegion[1]/name"]
        assert "<name>二二</name>".encode() in done.document, "and what is no ASCII too"


@pytest.mark.parametrize(
    ("inner", "behind"),
    [
        ("<type>line</type><x/>", "type"),
        ("<type>line</type><x/><Point/><y/>", "x"),
        ("<type>line</type><x/>" + POINT + "<y/>", "x"),
    ],
)
def test_the_points_are_put_where_the_others_were(inner: str, behind: str) -> None:
    document = listed(slot(1, inner, enabled="true"))
    done = edit_document("regions", document, {"regions": {1: {"points": [[0.1, 0.2], [0.3, 0.4]]}}})
    names = [etree.QName(item).localname for item in etree.fromstring(done.document)[0]]

    assert names.index("Region") == names.index(behind) + 1
    assert "Point" not in names
    assert only(done.document)["points"] == [[0.1, 0.2], [0.3, 0.4]]


def test_a_slot_without_a_type_has_no_place_for_points() -> None:
    with pytest.raises(Unsupported, match=r"ThermometryRegionList of this camera has no Region \(regions\.1\.points\)"):
        edit_document("regions", listed(slot(1, "<x/>")), {"regions": {1: {"points": [[0.1, 0.2], [0.3, 0.4]]}}})


points = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(list)
entries: st.SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=8),
        "type": st.sampled_from(["point", "line", "region"]),
        "points": st.lists(points, max_size=5),
        "emissivity": st.floats(0.01, 1),
        "distance_m": st.floats(0, 100),
        "reflected_celsius": st.none() | st.floats(-40, 100),
        "enabled": st.booleans(),
    },
)


@pytest.mark.slow
@given(st.dictionaries(st.integers(1, 21), entries, max_size=3))
def test_what_is_written_is_read_back_and_only_that_changed(wanted: dict[int, Mapping[str, Any]]) -> None:
    try:
        done = edit_document("regions", REGIONS, {"regions": wanted})
    except WrongUse:
        return
    assert edit_document("regions", done.document, {"regions": wanted}).changes == ()
    read = parse_rules({"regions": done.document})["regions"]
    assert isinstance(read, dict)
    assert set(read) == {number for number, entry in wanted.items() if entry.get("enabled", True)}
    for number, entry in wanted.items():
        for x, y in zip(
            read.get(number, {}).get("points", []), entry.get("points", []), strict="points" in entry and number in read
        ):
            assert x == pytest.approx(y, abs=0.00051)
    untouched = [leaf for leaf in leaves(REGIONS) if "future" in leaf[0] or "emissivityMode" in leaf[0]]
    assert [leaf for leaf in leaves(done.document) if "future" in leaf[0] or "emissivityMode" in leaf[0]] == untouched
