"""Where a rule measures, as configuration documents write it: thousandths of the picture, Y upwards (isapi.md 8.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from .markup import Element, element
from .refusals import BAD_PARAMETERS, REGION_OVERSTEP, Refused
from .schema import Fashion, Part, Values, child, children

_CORNERS = {"point": (1, 1), "line": (2, 2), "region": (3, 10)}


@dataclass(frozen=True)
class Outline(Part):
    """The places of a rule, in `Point` or `Region` by its `type`; values are 0…1 from the top left corner."""

    def default(self) -> Any:
        """The middle of the picture, as unused slots have it."""
        return ((0.5, 0.5),)

    def element(self, values: Values, fashion: Fashion) -> Element:
        """The places in the container of their type."""
        places = [
            (element("positionX", round(x * 1000)), element("positionY", round((1 - y) * 1000)))
            for x, y in values[self.name]
        ]
        if values["type"] == "point":
            return element("Point", element("CalibratingCoordinates", *places[0]))
        listed = [element("RegionCoordinates", *place) for place in places]
        return element("Region", element("RegionCoordinatesList", *listed))

    def take(self, parent: ElementTree.Element, old: Values, fashion: Fashion) -> Any:
        """The places, as many as the type has."""
        named = child(parent, "type")
        kind = old["type"] if named is None else (named.text or "").strip()
        single = child(parent, "Point", "CalibratingCoordinates")
        listed = child(parent, "Region", "RegionCoordinatesList")
        spots = [] if single is None else [single]
        corners = [] if listed is None else list(children(listed, "RegionCoordinates"))
        nodes = spots if kind == "point" else corners
        if not nodes and kind == old["type"]:
            return self.missing(old, fashion)
        low, high = _CORNERS.get(kind, (0, 0))
        if not low <= len(nodes) <= high:
            raise Refused(BAD_PARAMETERS)
        return tuple((_thousandth(node, "positionX"), round(1 - _thousandth(node, "positionY"), 6)) for node in nodes)

    def capability(self) -> Element:
        """How many places a region may have."""
        places = element(
            "RegionCoordinates",
            element("positionX", 0, min="0", max="1000"),
            element("positionY", 0, min="0", max="1000"),
        )
        return element("Region", element("RegionCoordinatesList", places, size="10"))


def _thousandth(node: ElementTree.Element, name: str) -> float:
    found = child(node, name)
    try:
        value = float((found.text or "").strip()) if found is not None else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise Refused(BAD_PARAMETERS)
    if not 0 <= value <= 1000:
        raise Refused(REGION_OVERSTEP)
    return round(value) / 1000
