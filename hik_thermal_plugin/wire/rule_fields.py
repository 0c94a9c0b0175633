"""Fields of the device's configuration documents: what each means, how it is read, changed in place, and what a sane value is.

A field is read from and written to one element of the device's own document; everything else there stays. Values are ours: °C, kelvin of
difference, metres, seconds, truth values, words. A value that the device's resolution cannot tell from the present one changes nothing.
Sources: isapi.md 8.1, 8.2, 8.4.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .units import Unit, from_celsius, from_kelvins, from_metres, read_unit, to_celsius, to_kelvins, to_metres
from .xml import Element, boolean, child, local_name, number, read_integer, read_number, text


class Absent(Enum):
    """What `read` answers where the device's document has no such value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

_UNIT_WORDS: dict[Unit, str] = {
    "celsius": "degreeCentigrade",
    "fahrenheit": "degreeFahrenheit",
    "kelvin": "degreeKelvin",
}
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Missing(Exception):
    """The device's document has no element to write to."""


@dataclass(frozen=True)
class Field:
    """One value: `key` is its name in the rules document, `path` the element's, from its entry on."""

    key: str
    path: tuple[str, ...]

    def find(self, node: Element) -> Element | None:
        """Return the element that holds the value."""
        return child(node, *self.path)

    def read(self, node: Element, unit: Unit) -> object:
        """Return the value in our units; ABSENT when there is none."""
        found = self.find(node)
        word = "" if found is None else (found.text or "").strip()
        value = self.decode(word, node, unit) if word else None
        return ABSENT if value is None else value

    def write(self, node: Element, value: object, unit: Unit) -> bool:
        """Set the value in place and tell whether that changed anything; raises Missing when the document has no place for it."""
        found = self.find(node)
        if found is None:
            raise Missing(self.path[-1])
        before = (found.text or "").strip()
        word = self.encode(value, before, node, unit)
        if self.alike(before, word):
            return False
        found.text = word
        return True

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read the device's word."""
        return word

    def encode(self, value: object, before: str, node: Element, unit: Unit) -> str:
        """Write the device's word, in the style of the one before."""
        return str(value)

    def alike(self, before: str, word: str) -> bool:
        """Tell whether two of the device's words mean the same."""
        return before == word

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a wanted value; None when nothing is."""
        return None


@dataclass(frozen=True)
class Words(Field):
    """Free text."""

    most: int = 32

    def problem(self, value: object) -> str | None:
        """Accept text without control characters."""
        if not isinstance(value, str):
            return f"expected text, got {value!r}"
        if _UNSAFE.search(value):
            return f"has control characters: {value!r}"
        return f"has {len(value)} characters; the camera takes {self.most}" if len(value) > self.most else None


@dataclass(frozen=True)
class Choice(Field):
    """One of a few words."""

    words: tuple[str, ...] = ()

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Find the word in any letter case; an unknown one stays as it is."""
        return next((known for known in self.words if known.lower() == word.lower()), word)

    def problem(self, value: object) -> str | None:
        """Accept the words known."""
        return None if value in self.words else f"expected {' or '.join(self.words)}, got {value!r}"


@dataclass(frozen=True)
class Flag(Field):
    """A truth value, written as a word or as 0 and 1."""

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read either form."""
        return boolean(self.find(node))

    def encode(self, value: object, before: str, node: Element, unit: Unit) -> str:
        """Keep the device's form."""
        return str(int(bool(value))) if before in ("0", "1") else str(bool(value)).lower()

    def alike(self, before: str, word: str) -> bool:
        """Compare the form kept."""
        return before.lower() == word

    def problem(self, value: object) -> str | None:
        """Accept true and false."""
        return None if isinstance(value, bool) else f"expected true or false, got {value!r}"


@dataclass(frozen=True)
class Number(Field):
    """A number without a unit, to `digits` decimals."""

    low: float = -math.inf
    high: float = math.inf
    digits: int = 1

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read it leniently."""
        value = read_number(word)
        return None if value is None else self.ours(value, node, unit)

    def encode(self, value: object, before: str, node: Element, unit: Unit) -> str:
        """Write as many decimals as needed, and no fewer than were there."""
        device = self.theirs(_float(value), node, unit)
        whole, _, decimals = f"{device:.{self.precision(node)}f}".partition(".")
        if read_number(before) is not None:
            decimals = decimals.rstrip("0").ljust(len(before.partition(".")[2]), "0")
        return f"{whole}.{decimals}" if decimals else whole

    def alike(self, before: str, word: str) -> bool:
        """Compare as numbers: 45 is 45.0."""
        return read_number(before) == read_number(word)

    def ours(self, value: float, node: Element, unit: Unit) -> float | None:
        """Convert from the device's unit."""
        return value

    def theirs(self, value: float, node: Element, unit: Unit) -> float:
        """Convert into the device's unit."""
        return value

    def precision(self, node: Element) -> int:
        """Return the decimals the device takes."""
        return self.digits

    def problem(self, value: object) -> str | None:
        """Accept finite numbers in range."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"expected a number, got {value!r}"
        return None if self.low <= value <= self.high else f"expected {self.low:g} to {self.high:g}, got {value:g}"


@dataclass(frozen=True)
class Whole(Number):
    """A whole number: seconds, a rule's number."""

    digits: int = 0

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read 48 and 48.0."""
        return read_integer(word)

    def problem(self, value: object) -> str | None:
        """Accept whole numbers in range."""
        if isinstance(value, bool) or not isinstance(value, int):
            return f"expected a whole number, got {value!r}"
        return super().problem(value)


@dataclass(frozen=True)
class Celsius(Number):
    """A temperature, in the document's unit on the device."""

    low: float = -273.15
    high: float = 5000.0

    def ours(self, value: float, node: Element, unit: Unit) -> float | None:
        """Convert to °C."""
        return to_celsius(value, unit)

    def theirs(self, value: float, node: Element, unit: Unit) -> float:
        """Convert from °C."""
        return from_celsius(value, unit)


@dataclass(frozen=True)
class Kelvins(Number):
    """A temperature difference, in the document's unit on the device."""

    low: float = -5000.0
    high: float = 5000.0

    def ours(self, value: float, node: Element, unit: Unit) -> float | None:
        """Convert to kelvin."""
        return to_kelvins(value, unit)

    def theirs(self, value: float, node: Element, unit: Unit) -> float:
        """Convert from kelvin."""
        return from_kelvins(value, unit)


@dataclass(frozen=True)
class Metres(Number):
    """A distance; the device counts in the `distanceUnit` beside it, and 3000 centimetres are common."""

    low: float = 0.0
    high: float = 10_000.0
    digits: int = 2

    def ours(self, value: float, node: Element, unit: Unit) -> float | None:
        """Convert to metres."""
        return to_metres(value, text(node, "distanceUnit"))

    def theirs(self, value: float, node: Element, unit: Unit) -> float:
        """Convert from metres."""
        word = text(node, "distanceUnit")
        converted = from_metres(value, word)
        if converted is None:
            raise Missing(f"distanceUnit that is known (it says {word})")
        return converted

    def precision(self, node: Element) -> int:
        """Centimetres are whole."""
        return 0 if (text(node, "distanceUnit") or "").lower().startswith(("centi", "cm")) else self.digits


@dataclass(frozen=True)
class UnitWord(Field):
    """The unit the camera counts in."""

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read the unit; an unknown word stays as it is."""
        return read_unit(word) or word

    def encode(self, value: object, before: str, node: Element, unit: Unit) -> str:
        """Write the vendor's word."""
        found = read_unit(value)
        return before if found is None or found == read_unit(before) else _UNIT_WORDS[found]

    def problem(self, value: object) -> str | None:
        """Accept the three units."""
        return None if value in _UNIT_WORDS else f"expected celsius, fahrenheit or kelvin, got {value!r}"


@dataclass(frozen=True)
class Reflected(Celsius):
    """The reflected temperature; null where the correction is off (`reflectiveEnable`, `reflectiveTemperature`)."""

    def read(self, node: Element, unit: Unit) -> object:
        """Return the temperature, None when it is off."""
        enabled = boolean(node, "reflectiveEnable")
        if enabled is None:
            return ABSENT
        value = number(node, "reflectiveTemperature") if enabled else None
        return None if value is None else to_celsius(value, unit)

    def write(self, node: Element, value: object, unit: Unit) -> bool:
        """Switch it, and set the temperature; devices leave that element out while it is off."""
        changed = Flag("", ("reflectiveEnable",)).write(node, value is not None, unit)
        if value is None:
            return changed
        if child(node, "reflectiveTemperature") is None:
            insert_after(child(node, "reflectiveEnable"), "reflectiveTemperature")
        return super().write(node, value, unit) or changed

    def problem(self, value: object) -> str | None:
        """Accept a temperature or null."""
        return None if value is None else super().problem(value)


@dataclass(frozen=True)
class Spelled(Flag):
    """A truth value that firmware spells in two ways; both are sent (isapi.md 8.4, quirk 36)."""

    other: str = ""

    def read(self, node: Element, unit: Unit) -> object:
        """Return the value of whichever is there."""
        value = super().read(node, unit)
        return Flag("", (*self.path[:-1], self.other)).read(node, unit) if value is ABSENT else value

    def write(self, node: Element, value: object, unit: Unit) -> bool:
        """Set both, making the one that is missing."""
        if self.read(node, unit) is value:
            return False
        parent = child(node, *self.path[:-1])
        if parent is None:
            raise Missing(self.path[-2])
        for name in (self.path[-1], self.other):
            if child(parent, name) is None:
                if not len(parent):
                    raise Missing(name)
                insert_after(parent[-1], name).text = ""
            Flag("", (name,)).write(parent, value, unit)
        return True


def insert_after(sibling: Element | None, name: str) -> Element:
    """Put a new element behind another one, with its namespace and white space."""
    if sibling is None:
        raise Missing(name)
    parent = sibling.getparent()
    if parent is None:
        raise Missing(name)
    made = sibling.makeelement(sibling.tag[: len(sibling.tag) - len(local_name(sibling))] + name)
    made.tail = sibling.tail
    parent.insert(parent.index(sibling) + 1, made)
    return made


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
