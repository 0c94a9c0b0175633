"""Units as devices name them, in words or numbers, turned into °C, kelvin of difference, and metres.

XML alarms say `celsius`, metadata `centigrade`, configuration `degreeCentigrade`, JSON and the SDK 0, 1, 2 (isapi.md 8.1, 8.3, 9 and quirk 30).
"""

from __future__ import annotations

from typing import Literal

Unit = Literal["celsius", "fahrenheit", "kelvin"]

_UNITS: dict[str, Unit] = {
    "celsius": "celsius",
    "centigrade": "celsius",
    "degreecentigrade": "celsius",
    "degreecelsius": "celsius",
    "c": "celsius",
    "°c": "celsius",
    "0": "celsius",
    "fahrenheit": "fahrenheit",
    "degreefahrenheit": "fahrenheit",
    "f": "fahrenheit",
    "°f": "fahrenheit",
    "1": "fahrenheit",
    "kelvin": "kelvin",
    "degreekelvin": "kelvin",
    "k": "kelvin",
    "2": "kelvin",
}
_METRES = {
    "meter": 1.0,
    "metre": 1.0,
    "m": 1.0,
    "centimeter": 0.01,
    "cm": 0.01,
    "feet": 0.3048,
    "foot": 0.3048,
    "ft": 0.3048,
}
_DIGITS = 6  # hides the dust of a conversion; no device measures micro-kelvins


def read_unit(word: object) -> Unit | None:
    """Return the unit a word or number means; nothing said (None or empty) means °C; None for a word nobody knows."""
    if word is None or word == "":
        return "celsius"
    if isinstance(word, bool):
        return None
    if isinstance(word, float) and word.is_integer():
        word = int(word)
    return _UNITS.get(str(word).strip().lower())


def to_celsius(value: float, unit: Unit) -> float:
    """Convert a temperature to °C."""
    if unit == "celsius":
        return value
    return round((value - 32.0) * 5.0 / 9.0 if unit == "fahrenheit" else value - 273.15, _DIGITS)


def from_celsius(celsius: float, unit: Unit) -> float:
    """Convert a temperature from °C."""
    if unit == "celsius":
        return celsius
    return round(celsius * 9.0 / 5.0 + 32.0 if unit == "fahrenheit" else celsius + 273.15, _DIGITS)


def to_kelvins(difference: float, unit: Unit) -> float:
    """Convert a temperature difference to kelvin: no offset is ever applied."""
    return round(difference * 5.0 / 9.0, _DIGITS) if unit == "fahrenheit" else difference


def from_kelvins(kelvins: float, unit: Unit) -> float:
    """Convert a temperature difference from kelvin."""
    return round(kelvins * 9.0 / 5.0, _DIGITS) if unit == "fahrenheit" else kelvins


def to_metres(distance: float, unit: str | None) -> float | None:
    """Convert a distance in the device's `distanceUnit` (nothing said: metres); None for an unknown unit."""
    factor = _METRES.get((unit or "meter").strip().lower())
    return None if factor is None else round(distance * factor, _DIGITS)


def from_metres(metres: float, unit: str | None) -> float | None:
    """Convert metres into the device's `distanceUnit` (nothing said: metres); None for an unknown unit."""
    factor = _METRES.get((unit or "meter").strip().lower())
    return None if factor is None else round(metres / factor, _DIGITS)
