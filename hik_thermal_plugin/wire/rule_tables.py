"""Which fields the rules document has, section by section, and where each lives in the device's documents (isapi.md 8.1, 8.2, 8.4)."""

from __future__ import annotations

from dataclasses import dataclass

from nvr_hooks import Condition, Quantity

from .alert_names import rule_words
from .rule_fields import (
    Celsius,
    Choice,
    Field,
    Flag,
    Kelvins,
    Metres,
    Missing,
    Number,
    Reflected,
    Spelled,
    UnitWord,
    Whole,
    Words,
)
from .rule_shapes import CORNERS, Outline
from .units import Unit
from .xml import Element, child, local_name, number

QUANTITIES: tuple[Quantity, ...] = ("highest", "lowest", "average", "difference")
CONDITIONS: tuple[Condition, ...] = ("above", "below")


def write_comparison(quantity: Quantity, condition: Condition) -> str:
    """Write the configuration's word: `averageLess`."""
    return ("diffTemp" if quantity == "difference" else quantity) + ("Greater" if condition == "above" else "Less")


@dataclass(frozen=True)
class _Comparison(Field):
    """One half of the word in `rule`, which older documents call `pointRule`, `lineRule` or `regionRule`."""

    def find(self, node: Element) -> Element | None:
        """Find it under any of its names."""
        for name in ("rule", "pointRule", "lineRule", "regionRule"):
            found = child(node, name)
            if found is not None:
                return found
        return None

    def encode(self, value: object, before: str, node: Element, unit: Unit) -> str:
        """Change one half and keep the other."""
        quantity, condition = rule_words(before)
        if self.key == "quantity":
            quantity = next(known for known in QUANTITIES if known == value)
        else:
            condition = next(known for known in CONDITIONS if known == value)
        if quantity is None:
            raise Missing(f"rule whose quantity is known (it says {before})")
        return write_comparison(quantity, condition or "above")

    def alike(self, before: str, word: str) -> bool:
        """Compare what the words mean."""
        return rule_words(before) == rule_words(word)


@dataclass(frozen=True)
class ComparedQuantity(_Comparison):
    """What is compared; of an area `difference` is its highest minus its lowest."""

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read the quantity."""
        return rule_words(word)[0]

    def problem(self, value: object) -> str | None:
        """Accept the known ones."""
        return None if value in QUANTITIES else f"expected {', '.join(QUANTITIES)}, got {value!r}"


@dataclass(frozen=True)
class ComparedCondition(_Comparison):
    """Above or below."""

    def decode(self, word: str, node: Element, unit: Unit) -> object:
        """Read the condition."""
        return rule_words(word)[1]

    def problem(self, value: object) -> str | None:
        """Accept the two."""
        return None if value in CONDITIONS else f"expected above or below, got {value!r}"


def _of_difference(node: Element) -> bool:
    found = _Comparison("", ()).find(node)
    return found is not None and rule_words(found.text)[0] == "difference"


@dataclass(frozen=True)
class Threshold(Celsius):
    """A limit of a temperature; absent in a rule that compares a difference."""

    def find(self, node: Element) -> Element | None:
        """Find it in a rule of its kind."""
        return None if _of_difference(node) else super().find(node)


@dataclass(frozen=True)
class DifferenceThreshold(Kelvins):
    """A limit of a difference, in the same element; absent in a rule that compares a temperature."""

    def find(self, node: Element) -> Element | None:
        """Find it in a rule of its kind."""
        return super().find(node) if _of_difference(node) else None


@dataclass(frozen=True)
class ComparedAreas(Kelvins):
    """The limit of a comparison of two rules. No public document names its element: the number that speaks of a difference, else `alarm`."""

    def find(self, node: Element) -> Element | None:
        """Find it by what it speaks of."""
        for item in node:
            if "diff" in local_name(item).lower() and number(item) is not None:
                return item
        return super().find(node)


@dataclass(frozen=True)
class Pictured(Flag):
    """A truth value one level down, which some firmware has directly."""

    def find(self, node: Element) -> Element | None:
        """Find it at either level."""
        found = super().find(node)
        return child(node, self.path[-1]) if found is None else found


_REFLECTED = Reflected("reflected_celsius", ("reflectiveTemperature",))
_EMISSIVITY = Number("emissivity", ("emissivity",), low=0.01, high=1.0, digits=2)
_DISTANCE = Metres("distance_m", ("distance",))
_ENABLED = Flag("enabled", ("enabled",))
_PRE_ALARM_SECONDS = Whole("pre_alarm_seconds", ("alertFilteringTime",), low=0, high=3600)
_ALARM_SECONDS = Whole("alarm_seconds", ("alarmFilteringTime",), low=0, high=3600)
_QUANTITY = ComparedQuantity("quantity", ("rule",))
_CONDITION = ComparedCondition("condition", ("rule",))

MODE: tuple[Field, ...] = (
    Choice("mode", ("mode",), words=("normal", "expert")),
    Flag("roi", ("thermometryROIEnabled",)),
)
BASIC: tuple[Field, ...] = (
    _ENABLED,
    UnitWord("unit", ("temperatureUnit",)),
    Words("range", ("temperatureRange",)),
    _EMISSIVITY,
    _DISTANCE,
    _REFLECTED,
    Celsius("pre_alarm_celsius", ("alert",)),
    Celsius("alarm_celsius", ("alarm",)),
    _PRE_ALARM_SECONDS,
    _ALARM_SECONDS,
    Words("special_point", ("specialPointThermType",), most=64),
    Flag("stream_overlay", ("streamOverlay",)),
    Flag("picture_overlay", ("pictureOverlay",)),
    Flag("show_highest", ("displayMaxTemperatureEnabled",)),
    Flag("show_lowest", ("displayMinTemperatureEnabled",)),
    Flag("show_average", ("displayAverageTemperatureEnabled",)),
)
REGION: tuple[Field, ...] = (
    _ENABLED,
    Words("name", ("name",)),
    Choice("type", ("type",), words=tuple(CORNERS)),
    Outline("points", ()),
    _EMISSIVITY,
    _DISTANCE,
    _REFLECTED,
)
ALARM_RULE: tuple[Field, ...] = (
    _ENABLED,
    _QUANTITY,
    _CONDITION,
    Threshold("pre_alarm_celsius", ("alert",)),
    Threshold("alarm_celsius", ("alarm",)),
    DifferenceThreshold("pre_alarm_kelvin", ("alert",)),
    DifferenceThreshold("alarm_kelvin", ("alarm",)),
    Kelvins("tolerance_kelvin", ("threshold",), low=0.0),
    _PRE_ALARM_SECONDS,
    _ALARM_SECONDS,
)
DIFFERENCE_RULE: tuple[Field, ...] = (
    _ENABLED,
    Whole("rule", ("ruleID1",), low=1, high=255),
    Whole("other_rule", ("ruleID2",), low=1, high=255),
    _QUANTITY,
    _CONDITION,
    ComparedAreas("alarm_kelvin", ("alarm",)),
    _ALARM_SECONDS,
)
PIXEL_TO_PIXEL: tuple[Field, ...] = (
    _EMISSIVITY,
    _DISTANCE,
    _REFLECTED,
    Whole("bytes_per_value", ("temperatureDataLength",), low=2, high=4),
    Pictured("thermal_picture", ("JpegPictureWithAppendData", "jpegPicEnabled")),
    Spelled("visible_picture", ("JpegPictureWithAppendData", "visiblePicEnabled"), other="visiblePicEnable"),
)
FIRE_DETECTION: tuple[Field, ...] = (Flag("fire_detection", ("enabled",)),)
