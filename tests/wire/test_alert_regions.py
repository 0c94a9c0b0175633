"""Regions of alarms in every shape devices write them (isapi.md 6.4, 6.6, 6.7): where, how hot, how far, and what is out of range."""

from __future__ import annotations

import pytest
from nvr_hooks import Target

from hik_thermal_plugin.wire.alert_regions import (
    entries,
    fire_targets,
    measured,
    outside,
    points,
    region_targets,
    smoke_targets,
)
from hik_thermal_plugin.wire.xml import Element, child, local_name, open_document

CORNERS = ((0.101, 0.202), (0.303, 0.202), (0.303, 0.404))
COORDINATES = (
    "<RegionCoordinatesList>"
    + "".join(
        f"<RegionCoordinates><positionX>{x * 1000:.0f}</positionX><positionY>{y * 1000:.0f}</positionY></RegionCoordinates>"
        for x, y in CORNERS
    )
    + "</RegionCoordinatesList>"
)


def tree(inner: str) -> Element:
    return open_document(f"<EventNotificationAlert>{inner}</EventNotificationAlert>".encode())


def regions(*inner: str) -> list[Element]:
    """Return entries with this inside."""
    return entries(tree("".join(f"<DetectionRegionEntry>{text}</DetectionRegionEntry>" for text in inner)))


def fire(inner: str, around: str = "") -> tuple[Target, tuple[str, ...]]:
    """Return the one target and the flags of a fire that says this."""
    (target,), _, _, flags = fire_targets(regions(f"{around}<FireDetection>{inner}</FireDetection>"), tree(""))
    return target, flags


def box(name: str = "FireRegion", names: str = "x y width height", values: str = "100 200 300 400") -> str:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in zip(names.split(), values.split(), strict=True))
    return f"<{name}>{inner}</{name}>"


BOX = ((0.1, 0.2), (0.4, 0.2), (0.4, 0.6), (0.1, 0.6))


def test_entries_are_found_with_and_without_a_list_around_them_also_when_they_say_nothing() -> None:
    direct = tree("<DetectionRegionEntry/><DetectionRegionEntry><regionID>2</regionID></DetectionRegionEntry>")
    listed = tree("<DetectionRegionList><DetectionRegionEntry/></DetectionRegionList>")
    namespaced = tree('<DetectionRegionEntry xmlns="urn:psialliance-org"/>')

    assert [len(entries(root)) for root in (direct, listed, namespaced, tree(""))] == [2, 1, 1, 0]


def test_a_list_may_hold_its_fields_itself_or_items_of_another_name() -> None:
    item = "<regionID>{}</regionID><sensitivityLevel>3</sensitivityLevel>"
    bare = f"<DetectionRegionList>{item}</DetectionRegionList>"
    named = f"<DetectionRegionList><Region>{item}</Region><Region>{item}</Region><size>2</size></DetectionRegionList>"

    found = entries(tree(bare.format(1) + bare.format(2)))
    assert [child(entry, "regionID").text for entry in found] == ["1", "2"]  # type: ignore[union-attr]
    found = entries(tree(named.format(3, 4) + named.format(5, 6)))
    assert [child(entry, "regionID").text for entry in found] == ["3", "4", "5", "6"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ("X101 Y202 X303 Y404", ((0.101, 0.202), (0.303, 0.404))),
        ("Y7 X1 Y2", ((0.001, 0.002),)),
        ("X1 Y2 Y3", ((0.001, 0.002),)),
        ("X1 X2 Y3", ((0.002, 0.003),)),
        ("X? Y2 X3 Y4", ((0.003, 0.004),)),
        ("X1 Y? X3 Y4", ((0.003, 0.004),)),
        ("X1000 Y1000", ((1.0, 1.0),)),
        ("", ()),
    ],
)
def test_points_are_pairs_in_thousandths_and_half_a_pair_is_none(numbers: str, found: object) -> None:
    inner = "".join(f"<position{word[0]}>{word[1:]}</position{word[0]}>" for word in numbers.split())

    assert points(tree(inner)) == found
    assert points(None) == ()


@pytest.mark.parametrize(
    ("point", "off"),
    [
        ((0.0, 0.0), False),
        ((1.0, 1.0), False),
        ((1.001, 0.5), True),
        ((0.5, 1.001), True),
        ((-0.001, 0.5), True),
        ((0.5, -0.001), True),
        ((0.5, 1.9), True),
    ],
)
def test_a_point_is_off_the_picture_beyond_its_edges(point: tuple[float, float], off: bool) -> None:
    assert outside((point,)) is off
    assert outside(((0.5, 0.5), point)) is off


@pytest.mark.parametrize(
    ("inner", "identifier"),
    [
        ("<regionID>4</regionID><ruleID>5</ruleID><id>6</id>", 4),
        ("<ruleID>5</ruleID><id>6</id>", 5),
        ("<regionID/><ruleID>5</ruleID>", 5),
        ("<id>6</id>", 6),
        ("<name>7</name>", None),
    ],
)
def test_a_region_is_told_by_its_own_number(inner: str, identifier: int | None) -> None:
    (found,), flags = region_targets(regions(inner))
    assert (found, flags) == (Target(id=identifier), ())
    (found,), *_ = fire_targets(regions(inner), tree(""))
    assert found == Target(id=identifier)
    (found,), *_ = smoke_targets(regions(inner), tree(""))
    assert found == Target(id=identifier)


def test_a_perimeter_region_is_its_outline_else_the_box_of_what_was_seen() -> None:
    seen = box("TargetRect", "X Y width height", "0.25 0.5 0.25 0.125")
    found, flags = region_targets(regions("<regionID>1</regionID>" + COORDINATES + seen, seen))

    assert found == (
        Target(region=CORNERS, id=1),
        Target(region=((0.25, 0.5), (0.5, 0.5), (0.5, 0.625), (0.25, 0.625))),
    )
    assert flags == ()
    found, flags = region_targets(regions(COORDINATES, COORDINATES.replace("303", "1303")))
    assert [target.region[1][0] for target in found] == [0.303, 1.303]
    assert flags == ("region",)


@pytest.mark.parametrize("missing", range(4))
def test_a_box_that_lacks_a_number_is_none(missing: int) -> None:
    for name, names, values in (
        ("TargetRect", "X Y width height", "0.1 0.2 0.3 0.4"),
        ("FireRegion", "x y width height", "1 2 3 4"),
        ("SmokeRegion", "x y width height", "1 2 3 4"),
    ):
        words = values.split()
        words[missing] = "?"
        text = box(name, names, " ".join(words))
        assert region_targets(regions(text)) == ((Target(),), ())
        assert fire(text) == (Target(), ())
        assert smoke_targets(regions(f"<SmokeDetection>{text}</SmokeDetection>"), tree("")) == ((Target(),), None, ())


def test_a_fire_is_told_with_all_that_is_known_of_it() -> None:
    inner = (
        "<FireRegion><x>1</x></FireRegion><HighestPoint><x>301</x><y>302</y></HighestPoint>"
        "<temperatureUnit>kelvin</temperatureUnit><fireMaxTemperature>673.15</fireMaxTemperature>"
        "<targetDistance>12.5</targetDistance><strategyType>2</strategyType>"
    )
    found = regions(f"<regionID>3</regionID>{COORDINATES}<FireDetection>{inner}</FireDetection>")

    assert fire_targets(found, tree("")) == (
        (Target(region=CORNERS, hottest=(0.301, 0.302), celsius=400.0, distance_m=12.5, id=3),),
        "kelvin",
        "double_confirm",
        (),
    )


def test_a_fire_without_an_outline_is_where_its_box_is() -> None:
    assert fire(box())[0] == Target(region=BOX)
    assert fire(box(), COORDINATES)[0] == Target(region=CORNERS)
    assert fire(box(values="900 0 200 10")) == (
        Target(region=((0.9, 0.0), (1.1, 0.0), (1.1, 0.01), (0.9, 0.01))),
        ("region",),
    )


def test_a_fire_may_stand_in_the_entry_or_in_the_document_itself() -> None:
    said = "<fireMaxTemperature>68</fireMaxTemperature><targetDistance>7</targetDistance>"

    assert fire_targets(regions(said), tree(""))[0] == (Target(celsius=68.0, distance_m=7.0),)
    assert fire_targets([], tree(said))[0] == (Target(celsius=68.0, distance_m=7.0),)
    assert fire_targets([], tree(f"<FireDetection>{said}</FireDetection>"))[0] == (
        Target(celsius=68.0, distance_m=7.0),
    )
    assert fire_targets([], tree("<targetDistance>7</targetDistance>")) == ((), None, None, ())


@pytest.mark.parametrize(
    ("said", "celsius", "flags"),
    [
        ("<fireMaxTemperature>-40</fireMaxTemperature>", -40.0, ()),
        ("<fireMaxTemperature>-40.1</fireMaxTemperature>", -40.1, ("celsius",)),
        ("<fireMaxTemperature>4000</fireMaxTemperature>", 4000.0, ()),
        ("<fireMaxTemperature>4000.1</fireMaxTemperature>", 4000.1, ("celsius",)),
        ("<fireMaxTemperature>212</fireMaxTemperature><thermometryUnit>fahrenheit</thermometryUnit>", 100.0, ()),
        ("<fireMaxTemperature>212</fireMaxTemperature><temperatureUnit>fahrenheit</temperatureUnit>", 100.0, ()),
        (
            "<fireMaxTemperature>99</fireMaxTemperature><temperatureUnit>warm</temperatureUnit>",
            99.0,
            ("unit_reported",),
        ),
        ("<fireMaxTemperature>?</fireMaxTemperature>", None, ()),
    ],
)
def test_temperatures_of_fires(said: str, celsius: float | None, flags: tuple[str, ...]) -> None:
    assert fire(said) == (Target(celsius=celsius), flags)


@pytest.mark.parametrize(
    ("word", "metres", "flags"),
    [
        ("-1", None, ()),
        ("0", 0.0, ()),
        ("0.5", 0.5, ()),
        ("10000", 10_000.0, ()),
        ("10000.5", 10_000.5, ("distance_m",)),
        ("far", None, ()),
    ],
)
def test_distances_of_fires_and_smoke(word: str, metres: float | None, flags: tuple[str, ...]) -> None:
    said = f"<targetDistance>{word}</targetDistance>"

    assert fire(said) == (Target(distance_m=metres), flags)
    for inner in (said, f"<SmokeDetection>{said}</SmokeDetection>"):
        assert smoke_targets(regions(inner), tree(""))[0] == (Target(distance_m=metres),)


@pytest.mark.parametrize(
    ("inner", "point"),
    [
        ("<x>1</x><y>2</y>", (0.001, 0.002)),
        ("<positionX>3</positionX><positionY>4</positionY>", (0.003, 0.004)),
        ("<x>1</x><positionX>3</positionX><positionY>4</positionY>", (0.003, 0.004)),
        ("<y>1</y>", None),
        ("", None),
    ],
)
def test_the_hottest_point_is_written_in_two_ways(inner: str, point: tuple[float, float] | None) -> None:
    assert fire(f"<HighestPoint>{inner}</HighestPoint>") == (Target(hottest=point), ())


def test_a_hottest_point_at_the_edge_is_on_the_picture() -> None:
    assert fire("<HighestPoint><x>1000</x><y>0</y></HighestPoint>")[1] == ()
    assert fire("<HighestPoint><x>0</x><y>1001</y></HighestPoint>")[1] == ("hottest",)


@pytest.mark.parametrize(
    ("said", "strategy"),
    [
        ("<strategyType>0</strategyType>", "fire_or_smoke"),
        ("<strategyType>1</strategyType>", "fire_and_smoke"),
        ("<strategy>3</strategy>", "specified_fire"),
        ("<strategyType>4</strategyType><strategy>3</strategy>", "specified_smoke"),
        ("<strategy>flame</strategy>", "flame"),
        ("<strategy/>", None),
    ],
)
def test_how_the_device_decided(said: str, strategy: str | None) -> None:
    _, _, found, _ = fire_targets(regions(said), tree(""))
    assert found == strategy
    assert smoke_targets(regions(said), tree(""))[1] == strategy
    assert smoke_targets([], tree(said)) == ((), strategy, ())
    assert smoke_targets(regions("<strategy>2</strategy>"), tree(said))[1] == (strategy or "double_confirm")


def test_the_first_unit_and_strategy_that_are_said_count() -> None:
    first = "<fireMaxTemperature>1</fireMaxTemperature>"
    second = "<temperatureUnit>celsius</temperatureUnit><strategy>0</strategy>"
    third = "<temperatureUnit>kelvin</temperatureUnit><strategy>1</strategy>"

    assert fire_targets(regions(first, second, third), tree(""))[1:3] == ("celsius", "fire_or_smoke")


def test_smoke_is_where_its_outline_is_else_its_box() -> None:
    smoke = f"<SmokeDetection>{box('SmokeRegion')}</SmokeDetection>"

    assert smoke_targets(regions(smoke, COORDINATES + smoke), tree("")) == (
        (Target(region=BOX), Target(region=CORNERS)),
        None,
        (),
    )
    assert smoke_targets(regions(box("SmokeRegion", values="0 900 1 200")), tree(""))[2] == ("region",)


def test_what_was_measured_stands_under_the_name_of_the_event_else_beside_the_temperature() -> None:
    body = "<currTemperature>7</currTemperature>"
    (entry,) = regions(f"<Other>{body}</Other><tmpa>{body}</tmpa>")

    found = [measured(entry, word) for word in ("TMPA", "tmpa", "TMA")]
    assert [local_name(item) for item in found if item is not None] == ["tmpa", "tmpa", "Other"]
    assert measured(regions("<regionID>1</regionID>")[0], "TMA") is None
