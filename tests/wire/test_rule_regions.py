"""Regions, lines and points of measuring rules in the device's document: moved, made, switched off (isapi.md 8.2)."""

from __future__ import annotations

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
    differences,
    edit,
    leaves,
    rules,
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
