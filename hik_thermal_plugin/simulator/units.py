"""The units a device can be set to, and the words and numbers it has for them (isapi.md 6.5, 8.1, 8.3, guide 8.1)."""

from __future__ import annotations

from typing import Literal, get_args

Unit = Literal["celsius", "fahrenheit", "kelvin"]

SETTING_WORDS: dict[Unit, str] = {
    "celsius": "degreeCentigrade",
    "fahrenheit": "degreeFahrenheit",
    "kelvin": "degreeKelvin",
}
"""In configuration documents; alerts say `celsius`."""
METADATA_WORDS: dict[Unit, str] = {"celsius": "centigrade", "fahrenheit": "fahrenheit", "kelvin": "kelvin"}
NUMBERS: dict[Unit, int] = {unit: number for number, unit in enumerate(get_args(Unit))}
"""In real-time temperatures."""


def degrees(celsius: float, unit: Unit) -> float:
    """Convert a temperature from °C."""
    match unit:
        case "fahrenheit":
            return celsius * 1.8 + 32
        case "kelvin":
            return celsius + 273.15
        case _:
            return celsius


def celsius(value: float, unit: Unit) -> float:
    """Convert a temperature to °C."""
    match unit:
        case "fahrenheit":
            return (value - 32) / 1.8
        case "kelvin":
            return value - 273.15
        case _:
            return value


def steps(kelvin: float, unit: Unit) -> float:
    """Convert a temperature difference from kelvin."""
    return kelvin * 1.8 if unit == "fahrenheit" else kelvin


def kelvin(value: float, unit: Unit) -> float:
    """Convert a temperature difference to kelvin."""
    return value / 1.8 if unit == "fahrenheit" else value
