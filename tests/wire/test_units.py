"""Units in every spelling, and conversions there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hik_thermal_plugin.wire.units import (
    Unit,
    from_celsius,
    from_kelvins,
    from_metres,
    read_unit,
    to_celsius,
    to_kelvins,
    to_metres,
)

UNITS: tuple[Unit, ...] = ("celsius", "fahrenheit", "kelvin")


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        (("celsius", "Celsius", "centigrade", "degreeCentigrade", "0", 0, 0.0, None, "", "°C", "c"), "celsius"),
        (("fahrenheit", "degreeFahrenheit", "1", 1, 1.0, "°F"), "fahrenheit"),
        (("kelvin", "degreeKelvin", "2", 2, "K"), "kelvin"),
        (("rankine", 3, -1, True, 0.5, [], object()), None),
    ],
)
def test_words_and_numbers(words: tuple[object, ...], unit: Unit | None) -> None:
    assert [read_unit(word) for word in words] == [unit] * len(words)


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [(57.6, "celsius", 57.6), (212, "fahrenheit", 100.0), (-40, "fahrenheit", -40.0), (300, "kelvin", 26.85)],
)
def test_temperatures(value: float, unit: Unit, celsius: float) -> None:
    assert to_celsius(value, unit) == celsius
    assert from_celsius(celsius, unit) == value


def test_a_difference_has_no_offset() -> None:
    assert [to_kelvins(9, unit) for unit in UNITS] == [9, 5, 9]
    assert [from_kelvins(5, unit) for unit in UNITS] == [5, 9, 5]


def test_distances() -> None:
    assert [to_metres(3000, word) for word in ("centimeter", "meter", "Feet", None)] == [30.0, 3000.0, 914.4, 3000.0]
    assert from_metres(30, "centimeter") == 3000
    assert from_metres(3.048, "feet") == 10
    assert to_metres(1, "furlong") is None
    assert from_metres(1, "furlong") is None


@given(st.floats(-273.15, 5000), st.sampled_from(UNITS))
def test_there_and_back(celsius: float, unit: Unit) -> None:
    assert to_celsius(from_celsius(celsius, unit), unit) == pytest.approx(celsius, abs=1e-5)
    assert to_kelvins(from_kelvins(celsius, unit), unit) == pytest.approx(celsius, abs=1e-5)


def test_words_may_stand_in_blanks_and_capitals() -> None:
    assert [read_unit(word) for word in (" Celsius ", "KELVIN", "\tF\n", "0.0", " ")] == [
        "celsius",
        "kelvin",
        "fahrenheit",
        None,
        None,
    ]
    assert (to_metres(1, " FT "), from_metres(0.3048, " Foot ")) == (0.3048, 1.0)


def test_conversions_hide_the_dust_beyond_six_digits() -> None:
    assert to_celsius(1, "fahrenheit") == -17.222222
    assert from_celsius(1 / 3, "fahrenheit") == 32.6
    assert (to_celsius(0.1, "kelvin"), from_celsius(1 / 3, "kelvin")) == (-273.05, 273.483333)
    assert (to_kelvins(1, "fahrenheit"), from_kelvins(1 / 9, "fahrenheit")) == (0.555556, 0.2)
    assert (to_metres(1 / 3, "m"), from_metres(1, "feet"), from_metres(1 / 3, None)) == (0.333333, 3.28084, 0.333333)
    assert (to_metres(5, ""), from_metres(5, "")) == (5.0, 5.0)
