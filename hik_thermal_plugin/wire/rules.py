"""Measuring and alarm rules as one plain document, and the device's own documents changed to match (isapi.md 8, 8.1, 8.2, 8.4, 8.6).

The rules document goes to and from YAML. Every key may be left out, then it stays as it is on the device::

    mode: expert                    # normal: the whole picture; expert: regions
    basic: {emissivity: 0.96, distance_m: 30.0, reflected_celsius: null, pre_alarm_celsius: 45.0, alarm_celsius: 55.0}
    regions:                        # by number; those that are not listed are switched off
      1: {name: kiln door, type: region, points: [[0.1, 0.2], [0.5, 0.2], [0.5, 0.7]]}
    alarm_rules:
      1: {quantity: highest, condition: above, pre_alarm_celsius: 60.0, alarm_celsius: 80.0}
    difference_rules:
      1: {rule: 1, other_rule: 2, quantity: highest, condition: above, alarm_kelvin: 10.0}
    pixel_to_pixel: {bytes_per_value: 4, thermal_picture: true}
    fire_detection: true

Writing is GET, change, PUT: `edit_document` takes the bytes the device answered and returns them with nothing changed but what was named, in
the device's namespace and units. Firmware resets what a PUT leaves out (quirk 37). The body of fireDetection is not public: it is opaque
but for its switch. Comments are not kept; no device sends any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree
from nvr_hooks import BadAnswer, RuleChange, Unsupported, WrongUse

from .rule_checks import check_rules, entries_of
from .rule_fields import ABSENT, Celsius, Field, Missing
from .rule_tables import ALARM_RULE, BASIC, DIFFERENCE_RULE, FIRE_DETECTION, MODE, PIXEL_TO_PIXEL, REGION
from .units import Unit, read_unit
from .xml import Element, boolean, child, descendant, descendants, integer, local_name, open_document, text

Section = Literal["mode", "basic", "regions", "alarm_rules", "pixel_to_pixel", "fire_detection"]

SECTIONS: tuple[Section, ...] = ("mode", "basic", "regions", "alarm_rules", "pixel_to_pixel", "fire_detection")
"""The device's documents in the order in which they are written: the unit before the limits that are counted in it, regions before their alarms."""

PATHS: Mapping[Section, str] = {
    "mode": "/ISAPI/Thermal/channels/{channel}/thermometryMode",
    "basic": "/ISAPI/Thermal/channels/{channel}/thermometry/basicParam",
    "regions": "/ISAPI/Thermal/channels/{channel}/thermometry/{preset}/regions",
    "alarm_rules": "/ISAPI/Thermal/channels/{channel}/thermometry/{preset}/alarmRules",
    "pixel_to_pixel": "/ISAPI/Thermal/channels/{channel}/thermometry/pixelToPixelParam",
    "fire_detection": "/ISAPI/Thermal/channels/{channel}/fireDetection",
}
"""Where each is fetched and put. Regions are also part of `…/thermometry/{preset}` (ThermometryScene), which is edited the same way."""

_KEYS: Mapping[Section, tuple[str, ...]] = {
    "mode": ("mode", "roi"),
    "basic": ("basic",),
    "regions": ("regions",),
    "alarm_rules": ("alarm_rules", "difference_rules"),
    "pixel_to_pixel": ("pixel_to_pixel",),
    "fire_detection": ("fire_detection",),
}
_LISTS: Mapping[str, tuple[str, Sequence[Field]]] = {
    "regions": ("ThermometryRegion", REGION),
    "alarm_rules": ("ThermometryAlarmMode", ALARM_RULE),
    "difference_rules": ("TemperatureDifferenceComparison", DIFFERENCE_RULE),
}
_TABLES: Mapping[str, Sequence[Field]] = {"basic": BASIC, "pixel_to_pixel": PIXEL_TO_PIXEL}
_FLAT: Mapping[Section, Sequence[Field]] = {"mode": MODE, "fire_detection": FIRE_DETECTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A device document changed as wanted: `changes` is empty, and `document` the very bytes given, when nothing differs."""

    document: bytes
    changes: tuple[RuleChange, ...]


def sections_of(wanted: Mapping[str, object]) -> tuple[Section, ...]:
    """Return the device's documents that a rules document speaks of, in writing order."""
    return tuple(section for section in SECTIONS if any(key in wanted for key in _KEYS[section]))


def unit_of(basic: bytes) -> Unit:
    """Return the unit the camera counts its limits in, from ThermometryBasicParam; °C when it does not say."""
    return _unit(open_document(basic))


def parse_rules(documents: Mapping[Section, bytes], *, unit: Unit | None = None, camera: str = "") -> dict[str, object]:
    """Return the rules document of what the device answered: enabled regions and rules only, keys the device does not have left out.

    Limits are in the unit of the `basic` document; `unit` stands in for it. Raises BadAnswer for a document that is not the one asked for.
    """
    roots = {section: _open(section, document, camera) for section, document in documents.items()}
    if unit is None:
        unit = _unit(roots["basic"]) if "basic" in roots else "celsius"
    found: dict[str, object] = {}
    for section in SECTIONS:
        if section in roots:
            found.update(_read(section, roots[section], unit, disabled=False))
    return found


def edit_document(
    section: Section, document: bytes, wanted: Mapping[str, object], *, unit: Unit = "celsius", camera: str = ""
) -> Edit:
    """Return the device's document with what `wanted` (a whole rules document) says about this section, and what that changes.

    `unit` is the camera's (`unit_of` its basicParam). Raises WrongUse with every mistake in `wanted`, one a line; Unsupported for a value the
    device has no place for; BadAnswer for a document that is not the one asked for.
    """
    root = _open(section, document, camera)
    said = {key: wanted[key] for key in _KEYS[section] if key in wanted}
    if section == "basic":
        unit = _unit(root)
    mistakes = check_rules(said, _read(section, root, unit, disabled=True))
    if mistakes:
        raise WrongUse("\n".join(_tell(camera, str(mistake)) for mistake in mistakes))
    changes: list[RuleChange] = []
    try:
        if section in _FLAT:
            changes += _edit_entry(root, said, _FLAT[section], "", unit)
        for key, value in said.items():
            if key in _TABLES and isinstance(value, Mapping):
                changes += _edit_entry(root, value, _TABLES[key], f"{key}.", unit)
            elif key in _LISTS:
                changes += _edit_list(root, entries_of(value), key, unit, camera)
    except Missing as err:
        raise Unsupported(_tell(camera, f"the {local_name(root)} of this camera has no {err}"), camera=camera) from None
    if not changes:
        return Edit(document=document, changes=())
    return Edit(document=_written(root), changes=tuple(changes))


def _open(section: Section, document: bytes, camera: str) -> Element:
    try:
        root = open_document(document)
    except BadAnswer as err:
        raise BadAnswer(_tell(camera, str(err)), camera=camera, data=err.data) from None
    if local_name(root) == "ResponseStatus":
        words = f"{text(root, 'statusString')}, {text(root, 'subStatusCode')}"
        raise BadAnswer(
            _tell(camera, f"the device answered {words} instead of {section}"), camera=camera, data=document
        )
    expected = [field.path[0] for field in (*_FLAT.get(section, ()), *_TABLES.get(section, ())) if field.path]
    if expected and not any(child(root, name) is not None for name in expected):
        raise BadAnswer(_tell(camera, f"{local_name(root)} has nothing of {section}"), camera=camera, data=document)
    if section == "regions" and local_name(root) not in (
        "ThermometryRegionList",
        "ThermometryScene",
        "ThermometryRegion",
    ):
        raise BadAnswer(_tell(camera, f"{local_name(root)} is no list of regions"), camera=camera, data=document)
    if section == "alarm_rules" and not any(
        _nodes(root, name) for name in ("ThermometryAlarmMode", "TemperatureDifferenceComparison")
    ):
        raise BadAnswer(_tell(camera, f"{local_name(root)} has no alarm rules"), camera=camera, data=document)
    return root


def _nodes(root: Element, name: str) -> list[Element]:
    return [root] if local_name(root) == name else descendants(root, name)


def _unit(root: Element) -> Unit:
    found = descendant(root, "temperatureUnit")
    return read_unit(None if found is None else (found.text or "").strip()) or "celsius"


def _entry(node: Element, table: Sequence[Field], unit: Unit) -> dict[str, object]:
    values = {field.key: field.read(node, unit) for field in table}
    return {key: value for key, value in values.items() if value is not ABSENT}


def _read(section: Section, root: Element, unit: Unit, *, disabled: bool) -> dict[str, object]:
    """Read one document; `disabled` regions and rules too, to see what an entry that switches them on would make of them."""
    if section in _FLAT:
        return _entry(root, _FLAT[section], unit)
    found: dict[str, object] = {}
    for key in _KEYS[section]:
        if key in _TABLES:
            found[key] = _entry(root, _TABLES[key], unit)
        elif section == key or _nodes(root, _LISTS[key][0]):
            found[key] = _list(root, key, unit, disabled)
    return found


def _list(root: Element, key: str, unit: Unit, disabled: bool) -> dict[int, dict[str, object]]:
    name, table = _LISTS[key]
    found: dict[int, dict[str, object]] = {}
    for number, node in _numbered(_nodes(root, name)).items():
        if disabled or boolean(node, "enabled") is not False:
            found[number] = {
                name: value for name, value in _entry(node, table, unit).items() if disabled or name != "enabled"
            }
    return found


def _numbered(nodes: Sequence[Element]) -> dict[int, Element]:
    """By their id; of several with one id the first enabled one counts."""
    found: dict[int, Element] = {}
    for node in nodes:
        number = integer(node, "id")
        if number is None:
            continue
        if number not in found or (boolean(found[number], "enabled") is False and boolean(node, "enabled")):
            found[number] = node
    return found


def _edit_entry(
    node: Element, wanted: Mapping[str, object], table: Sequence[Field], path: str, unit: Unit
) -> list[RuleChange]:
    changes = []
    before = {field.key: field.read(node, unit) for field in table}
    now = unit
    for field in table:
        had = before[field.key]
        if field.key not in wanted:
            if now != unit and isinstance(field, Celsius) and had is not ABSENT:
                field.write(node, had, now)  # the number must go on meaning the same temperature
            continue
        if had is ABSENT and wanted[field.key] is None:
            continue
        try:
            written = field.write(node, wanted[field.key], now)
        except Missing as err:
            raise Missing(f"{err} ({path}{field.key})") from None
        if not written:
            continue
        if field.key == "unit":
            now = _unit(node)
        has = field.read(node, now)
        if has != had:
            changes.append(RuleChange(path=path + field.key, before=_plain(had), after=_plain(has)))
    return changes


def _edit_list(
    root: Element, wanted: Mapping[int, Mapping[str, object]], key: str, unit: Unit, camera: str
) -> list[RuleChange]:
    name, table = _LISTS[key]
    slots = _numbered(_nodes(root, name))
    changes = []
    for number, entry in wanted.items():
        if number not in slots:
            there = f"slots {min(slots)} to {max(slots)}" if slots else "none"
            raise Unsupported(_tell(camera, f"{key}.{number}: the camera has {there}"), camera=camera)
        changes += _edit_entry(slots[number], {"enabled": True, **entry}, table, f"{key}.{number}.", unit)
    for number, node in slots.items():
        if number not in wanted and boolean(node, "enabled"):
            changes += _edit_entry(node, {"enabled": False}, table, f"{key}.{number}.", unit)
    return changes


def _plain(value: object) -> object:
    return None if value is ABSENT else value


def _written(root: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="utf-8")


def _tell(camera: str, what: str) -> str:
    return f"{camera}: {what}" if camera else what
