"""One scene: what the matrix, the rules, the alerts and the pictures say is the same."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from hik_thermal_plugin.simulator.markup import element, to_json, to_xml
from hik_thermal_plugin.simulator.models import MODELS
from hik_thermal_plugin.simulator.pictures import Lens, with_comment
from hik_thermal_plugin.simulator.scene import Scene, to_tenths
from hik_thermal_plugin.simulator.steps import StepError, read_steps

RULES = MODELS["bispectrum"].rules
SHAPE = (192, 256)
FRACTION = st.floats(0, 1)
CELSIUS = st.floats(-40, 2000)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scene(clock: Clock) -> Scene:
    return Scene(SHAPE, RULES, clock)


def test_a_quiet_scene_reaches_no_threshold_over_time(scene, clock):
    for clock.seconds in range(0, 120, 5):
        for rule in RULES:
            reading = scene.reading(rule.id)
            assert 10 < reading.lowest <= reading.average <= reading.highest < 40


def test_the_scene_breathes(scene, clock):
    before = scene.matrix().copy()
    clock.seconds = 15.0
    assert np.abs(scene.matrix() - before).max() > 0.5
    assert np.array_equal(scene.matrix(), scene.matrix())


def test_the_matrix_is_float32_celsius_and_cannot_be_written_to(scene):
    matrix = scene.matrix()
    assert (matrix.shape, matrix.dtype) == (SHAPE, np.float32)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 0


@given(rule=st.sampled_from(RULES), celsius=CELSIUS)
@settings(max_examples=60, deadline=None)
def test_a_rule_comes_to_what_it_was_set_to(rule, celsius):
    scene = Scene(SHAPE, RULES, Clock())
    scene.set_rule(rule.id, celsius)
    reading = scene.reading(rule.id)
    value = {"highest": reading.highest, "lowest": reading.lowest}[rule.quantity]
    assert value == pytest.approx(celsius, abs=0.02)
    assert reading.lowest <= reading.average <= reading.highest + 1e-3


def test_a_rule_over_the_average(scene):
    from dataclasses import replace

    average = Scene(SHAPE, (replace(RULES[0], quantity="average"),), Clock())
    average.set_rule(1, 66.6)
    assert to_tenths(average.reading(1)).average == 66.6


@given(x=FRACTION, y=FRACTION, celsius=st.floats(60, 2000))
@settings(max_examples=60, deadline=None)
def test_a_fire_is_the_hottest_pixel_and_lies_where_it_was_lit(x, y, celsius):
    scene = Scene(SHAPE, RULES, Clock())
    fire = scene.ignite(x, y, celsius, None)
    (hot_x, hot_y), hottest = scene.hottest()
    assert hottest == pytest.approx(celsius, rel=1e-6)
    assert abs(hot_x - x) <= 1 / 256
    assert abs(hot_y - y) <= 1 / 192
    left, top, width, height = fire.box
    assert 0 <= left <= x <= left + width <= 1.0000001
    assert 0 <= top <= y <= top + height <= 1.0000001


def test_a_fire_in_a_rule_heats_the_rule(scene):
    scene.ignite(0.18, 0.24, 500.0, None)
    reading = scene.reading(1)
    assert reading.highest == 500.0
    assert reading.hottest == pytest.approx((0.18, 0.24), abs=1 / 192)


@given(kelvin=st.floats(-50, 300), first=st.sampled_from([1, 2, 3, 4]), second=st.sampled_from([1, 2, 3, 4]))
@settings(max_examples=40, deadline=None)
def test_a_difference_stays_over_time(kelvin, first, second):
    if first == second:
        return
    clock = Clock()
    scene = Scene(SHAPE, RULES, clock)
    scene.set_difference(first, second, kelvin)
    for clock.seconds in (0.0, 15.0, 45.0):
        assert scene.difference(first, second) == pytest.approx(kelvin, abs=0.06)


def test_rules_cover_what_they_are_drawn_over(scene):
    for rule in RULES:
        scene.set_rule(rule.id, -30.0 if rule.quantity == "lowest" else 300.0)
        reading = scene.reading(rule.id)
        place = reading.coldest if rule.quantity == "lowest" else reading.hottest
        for axis in (0, 1):
            inside = [point[axis] for point in rule.points]
            assert min(inside) - 0.01 <= place[axis] <= max(inside) + 0.01


def test_pictures_are_drawn_again_only_when_something_changed(scene, clock):
    from datetime import datetime, timedelta

    lens, channel, at = Lens(scene), MODELS["bispectrum"].thermal, datetime(2026, 1, 1)
    first = lens.take(channel, (320, 256), at)
    assert lens.take(channel, (320, 256), at) is first
    assert lens.take(channel, (320, 256), at + timedelta(seconds=1)) is not first
    second = lens.take(channel, (320, 256), at)
    scene.ignite(0.5, 0.5, 500.0, None)
    assert lens.take(channel, (320, 256), at) != second


def test_a_comment_leaves_a_picture_what_it_is():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "JPEG")
    with Image.open(io.BytesIO(with_comment(buffer.getvalue(), b"\r\n--boundary\r\n"))) as image:
        image.load()
        assert image.info["comment"] == b"\r\n--boundary\r\n"


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"), max_size=30)


@given(text=TEXT, number=st.floats(-1e6, 1e6), indent=st.sampled_from(["", "  "]))
def test_every_text_survives_markup(text, number, indent):
    root = element("a", element("b", text), element("c", number), element("d", True), element("e"), x='1"&<')
    parsed = etree.fromstring(to_xml(root, indent=indent).encode())
    assert (parsed[0].text or "") == text
    assert parsed[1].text == f"{number:.1f}"
    assert parsed.get("x") == '1"&<'
    assert to_json(root).startswith('{\n\t"b":\t')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["fire", "x", "rule", "fault", "kind", "at", "seconds"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(raw=JSON)
@settings(max_examples=100)
def test_any_json_is_steps_or_a_step_error(raw):
    try:
        steps = read_steps(raw, MODELS["bullet"], Path())
    except StepError as error:
        assert str(error)
    else:
        assert len(steps) == len(raw)
