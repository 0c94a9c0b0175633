"""Configuration documents as tables: a table makes the document, its capabilities, and judges what is PUT.

A table is a `Group` of parts; its values are a mapping of element name to value, temperatures in °C and points 0…1 from the
top left corner whatever the device is set to. Unknown elements of a PUT are ignored (isapi.md 8: whole documents come back).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from xml.etree import ElementTree

from . import units
from .markup import Element, Scalar, element
from .refusals import BAD_PARAMETERS, BAD_XML_CONTENT, BAD_XML_FORMAT, PARAMETERS_LACK, Refused
from .units import Unit

Values = dict[str, Any]
Missing = Literal["keeps", "resets", "refuses"]
"""What becomes of a value that a PUT does not name: it stays, goes back to the factory's (isapi.md 10, quirk 37), or is asked for."""


@dataclass(frozen=True, slots=True)
class Fashion:
    """How a device writes and reads its documents."""

    unit: Unit = "celsius"
    numeric_flags: bool = False
    missing: Missing = "keeps"


@dataclass(frozen=True)
class Part(ABC):
    """One element of a document."""

    name: str

    @abstractmethod
    def default(self) -> Any:
        """The factory's value."""

    @abstractmethod
    def element(self, values: Values, fashion: Fashion) -> Element:
        """The element, from the values of its group."""

    @abstractmethod
    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """The value as a PUT wants it, from the group's element; raises Refused."""

    @abstractmethod
    def capability(self) -> Element:
        """What the element may say."""

    def missing(self, old: Values, fashion: Fashion) -> Any:
        """The value when a PUT does not name it."""
        match fashion.missing:
            case "refuses":
                raise Refused(PARAMETERS_LACK)
            case "resets":
                return self.default()
            case _:
                return old[self.name]


@dataclass(frozen=True)
class Leaf(Part):
    """An element with a text."""

    factory: Any = ""

    def default(self) -> Any:
        """The factory's value."""
        return self.factory

    def element(self, values: Values, fashion: Fashion) -> Element:
        """The element with the value as text."""
        return element(self.name, self.encode(values[self.name], fashion))

    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """The value in the text."""
        found = child(parent, self.name)
        return self.missing(old, fashion) if found is None else self.decode((found.text or "").strip(), fashion)

    def capability(self) -> Element:
        """The element with the attributes of its range."""
        return element(self.name, self.encode(self.factory, Fashion()), **self.limits())

    def encode(self, value: Any, fashion: Fashion) -> Scalar:
        """Write a value."""
        return str(value)

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read a value; raises Refused."""
        return text

    def limits(self) -> dict[str, str]:
        """Attributes of the capability."""
        return {}


@dataclass(frozen=True)
class Fixed(Leaf):
    """A text that cannot be written: what a PUT says of it is ignored."""

    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """What it was."""
        return old[self.name]


@dataclass(frozen=True)
class Flag(Leaf):
    """A truth value; both forms are read."""

    factory: bool = False

    def encode(self, value: Any, fashion: Fashion) -> Scalar:
        """Write a word, or 0 and 1."""
        return int(value) if fashion.numeric_flags else bool(value)

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read either."""
        if text not in ("true", "false", "1", "0"):
            raise Refused(BAD_PARAMETERS)
        return text in ("true", "1")

    def limits(self) -> dict[str, str]:
        """Both words."""
        return {"opt": "true,false"}


@dataclass(frozen=True)
class Number(Leaf):
    """A number from `low` to `high`, written with `digits` decimals."""

    factory: float = 0.0
    low: float = 0.0
    high: float = 0.0
    digits: int = 0

    def encode(self, value: Any, fashion: Fashion) -> Scalar:
        """Write the number."""
        return f"{value:.{self.digits}f}"

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read the number; more decimals than the device has are cut."""
        try:
            value = float(text)
        except ValueError:
            raise Refused(BAD_PARAMETERS) from None
        return self.checked(round(value, self.digits) if math.isfinite(value) else value)

    def checked(self, value: float) -> float:
        """The value if it is in range."""
        if not self.low <= value <= self.high:
            raise Refused(BAD_PARAMETERS)
        return int(value) if self.digits == 0 else value

    def limits(self) -> dict[str, str]:
        """The range."""
        return {"min": f"{self.low:g}", "max": f"{self.high:g}", "def": f"{self.factory:g}"}


@dataclass(frozen=True)
class Celsius(Number):
    """A temperature, written in the device's unit."""

    low: float = -273.1
    high: float = 10000.0
    digits: int = 1

    def encode(self, value: Any, fashion: Fashion) -> Scalar:
        """Write it in the unit."""
        return super().encode(units.degrees(value, fashion.unit), fashion)

    def checked(self, value: float) -> float:
        """Any finite value; the range is judged in °C."""
        if not math.isfinite(value):
            raise Refused(BAD_PARAMETERS)
        return value

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read it in the unit."""
        return super().checked(units.celsius(super().decode(text, fashion), fashion.unit))


@dataclass(frozen=True)
class Kelvin(Celsius):
    """A temperature difference, written in the device's unit."""

    low: float = 0.0

    def encode(self, value: Any, fashion: Fashion) -> Scalar:
        """Write it in the unit."""
        return Number.encode(self, units.steps(value, fashion.unit), fashion)

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read it in the unit."""
        return Number.checked(self, units.kelvin(Number.decode(self, text, fashion), fashion.unit))


@dataclass(frozen=True)
class Word(Leaf):
    """One of some words."""

    options: tuple[str, ...] = ()

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read a word of the list."""
        if text not in self.options:
            raise Refused(BAD_PARAMETERS)
        return text

    def limits(self) -> dict[str, str]:
        """All words."""
        return {"opt": ",".join(self.options)}


@dataclass(frozen=True)
class Text(Leaf):
    """Free text of up to `most` bytes."""

    most: int = 32

    def decode(self, text: str, fashion: Fashion) -> Any:
        """Read a text that is not too long."""
        if len(text.encode()) > self.most:
            raise Refused(BAD_PARAMETERS)
        return text

    def limits(self) -> dict[str, str]:
        """The length."""
        return {"min": "0", "max": str(self.most)}


@dataclass(frozen=True)
class Group(Part):
    """An element with parts."""

    parts: tuple[Part, ...] = ()

    def default(self) -> Values:
        """The factory's values."""
        return {part.name: part.default() for part in self.parts}

    def write(self, values: Values, fashion: Fashion, **attributes: str) -> Element:
        """The element of these values."""
        return element(self.name, *(part.element(values, fashion) for part in self.parts), **attributes)

    def read(self, node: ElementTree.Element, old: Values, fashion: Fashion) -> Values:
        """The values after a PUT of this element."""
        return {part.name: part.take(node, old, fashion) for part in self.parts}

    def element(self, values: Values, fashion: Fashion) -> Element:
        """The element within its group."""
        return self.write(values[self.name], fashion)

    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """The values in the element."""
        found = child(parent, self.name)
        return self.missing(old, fashion) if found is None else self.read(found, old[self.name], fashion)

    def capability(self) -> Element:
        """What all parts may say."""
        return element(self.name, *(part.capability() for part in self.parts))


@dataclass(frozen=True)
class Entries(Part):
    """A list of groups, each known by its `key`; a PUT may name some of them and the others stay (isapi.md 8.2)."""

    item: Group = Group("")
    key: str = "id"
    factory: tuple[Values, ...] = ()

    def default(self) -> dict[str, Values]:
        """The factory's entries by key."""
        return {str(entry[self.key]): dict(entry) for entry in self.factory}

    def write(self, entries: Mapping[str, Values], fashion: Fashion, **attributes: str) -> Element:
        """The list."""
        return element(self.name, *(self.item.write(entry, fashion) for entry in entries.values()), **attributes)

    def read(self, node: ElementTree.Element, old: dict[str, Values], fashion: Fashion) -> dict[str, Values]:
        """The entries after a PUT of the list."""
        found = dict(old)
        for given in children(node, self.item.name):
            found |= self.read_entry(given, old, fashion)
        return found

    def read_entry(
        self, node: ElementTree.Element, old: Mapping[str, Values], fashion: Fashion, key: str | None = None
    ) -> dict[str, Values]:
        """One entry after a PUT; `key` is that of the URL, if it has one."""
        named = child(node, self.key)
        key = key or ((named.text or "").strip() if named is not None else "")
        if key not in old:
            raise Refused(BAD_PARAMETERS)
        base = old[key]
        if fashion.missing == "resets":
            base, fashion = self.default()[key], replace(fashion, missing="keeps")
        return {key: self.item.read(node, base, fashion)}

    def element(self, values: Values, fashion: Fashion) -> Element:
        """The list within its group."""
        return self.write(values[self.name], fashion)

    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """The entries in the list; without one all stay."""
        found = child(parent, self.name)
        return old[self.name] if found is None else self.read(found, old[self.name], fashion)

    def capability(self) -> Element:
        """How many there are, and what each may say."""
        return element(self.name, self.item.capability(), size=str(len(self.factory)))


def read_root(body: bytes, *names: str) -> ElementTree.Element:
    """Open a PUT's document, whose root must be one of these; raises Refused."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Refused(BAD_XML_FORMAT) from None
    if _local(root) not in names:
        raise Refused(BAD_XML_CONTENT)
    return root


def child(node: ElementTree.Element, *path: str) -> ElementTree.Element | None:
    """The first descendant along a path of names, whatever its namespace."""
    found: ElementTree.Element | None = node
    for name in path:
        found = None if found is None else next(children(found, name), None)
    return found


def children(node: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """The children of this name."""
    return (item for item in node if _local(item) == name)


def _local(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
