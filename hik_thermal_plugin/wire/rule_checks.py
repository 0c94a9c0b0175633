"""Mistakes in a rules document, told before anything is sent: unknown keys, wrong values, shapes that are none, limits in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from nvr_hooks import Mistake

from .rule_fields import Field
from .rule_shapes import points_of, shape_problem
from .rule_tables import ALARM_RULE, BASIC, DIFFERENCE_RULE, FIRE_DETECTION, MODE, PIXEL_TO_PIXEL, REGION

_ENTRIES: Mapping[str, Sequence[Field]] = {"basic": BASIC, "pixel_to_pixel": PIXEL_TO_PIXEL}
_LISTS: Mapping[str, Sequence[Field]] = {
    "regions": REGION,
    "alarm_rules": ALARM_RULE,
    "difference_rules": DIFFERENCE_RULE,
}
_FLAT = {field.key: field for field in (*MODE, *FIRE_DETECTION)}
_KNOWN = (*_FLAT, *_ENTRIES, *_LISTS)
_MOST_SLOTS = 255

Values = Mapping[str, object]


def check_rules(wanted: Mapping[str, object], current: Mapping[str, object] | None = None) -> list[Mistake]:
    """Return every mistake in a rules document; `current`, the device's own, fills in what `wanted` leaves out.

    What is on the device already is never a mistake, so that what was read can be written back.
    """
    return list(_mistakes(wanted, current or {}))


def entries_of(value: object) -> dict[int, Values]:
    """Return numbered entries in order; numbers that came through JSON are text. Entries that are wrong are left out."""
    found: dict[int, Values] = {}
    if isinstance(value, Mapping):
        for key, entry in value.items():
            number = _slot(key)
            if number is not None and (entry is None or isinstance(entry, Mapping)):
                found[number] = {str(name): item for name, item in (entry or {}).items()}
    return dict(sorted(found.items()))


def _mistakes(wanted: Mapping[str, object], current: Mapping[str, object]) -> Iterator[Mistake]:
    for key, value in wanted.items():
        if key in _FLAT:
            problem = None if key in current and current[key] == value else _FLAT[key].problem(value)
            if problem:
                yield Mistake(key, problem)
        elif key not in _KNOWN:
            yield Mistake(str(key), _unknown(key, _KNOWN))
        elif not isinstance(value, Mapping):
            yield Mistake(key, f"expected a mapping, got {value!r}")
        elif key in _ENTRIES:
            there = current.get(key)
            yield from _entry(key, value, there if isinstance(there, Mapping) else {}, _ENTRIES[key])
        else:
            yield from _list(key, value, entries_of(current.get(key)))


def _list(key: str, value: Mapping[object, object], current: Mapping[int, Values]) -> Iterator[Mistake]:
    seen: set[int] = set()
    for number, entry in value.items():
        path = f"{key}.{number}"
        slot = _slot(number)
        if slot is None:
            yield Mistake(path, f"expected a number from 1 to {_MOST_SLOTS}")
        elif slot in seen:
            yield Mistake(path, "is there twice")
        elif entry is not None and not isinstance(entry, Mapping):
            yield Mistake(path, f"expected a mapping, got {entry!r}")
        else:
            yield from _entry(path, entry or {}, current.get(slot, {}), _LISTS[key])
        if slot is not None:
            seen.add(slot)


def _entry(path: str, entry: Mapping[object, object], current: Values, table: Sequence[Field]) -> Iterator[Mistake]:
    fields = {field.key: field for field in table}
    changed: dict[str, object] = {}
    for key, value in entry.items():
        if not isinstance(key, str) or key not in fields:
            yield Mistake(f"{path}.{key}", _unknown(key, tuple(fields)))
        elif not (key in current and _alike(current[key], value)):
            problem = fields[key].problem(value)
            if problem:
                yield Mistake(f"{path}.{key}", problem)
            else:
                changed[key] = value
    yield from _together(path, changed, current)


def _together(path: str, entry: Values, current: Values) -> Iterator[Mistake]:
    """What only shows when the values that change are seen together, and together with those that stay."""
    whole = {**current, **entry}
    if "type" in entry and current and "points" not in whole:
        yield Mistake(f"{path}.points", "are needed for a new type")
    if "points" in whole and ("points" in entry or "type" in entry):
        problem = shape_problem(whole.get("type"), points_of(whole["points"]))
        if problem:
            yield Mistake(f"{path}.points", problem)
    if "quantity" in entry and path.startswith("alarm_rules"):
        difference = entry["quantity"] == "difference"
        unit, other = ("kelvin", "celsius") if difference else ("celsius", "kelvin")
        whole = {key: value for key, value in whole.items() if key in entry or not key.endswith(f"alarm_{other}")}
        if (current.get("quantity") == "difference") is not difference and f"alarm_{unit}" not in entry:
            yield Mistake(f"{path}.alarm_{unit}", f"is needed: the limits were in {other} before")
    if whole.get("quantity") is not None:
        strange = "celsius" if whole["quantity"] == "difference" else "kelvin"
        for name in (f"pre_alarm_{strange}", f"alarm_{strange}"):
            if name in entry and path.startswith("alarm_rules"):
                yield Mistake(f"{path}.{name}", f"does not go with quantity {whole['quantity']}")
    for unit in ("celsius", "kelvin"):
        pre_alarm, alarm = whole.get(f"pre_alarm_{unit}"), whole.get(f"alarm_{unit}")
        touched = {f"pre_alarm_{unit}", f"alarm_{unit}", "condition"} & entry.keys()
        if touched and isinstance(pre_alarm, (int, float)) and isinstance(alarm, (int, float)):
            below = whole.get("condition") == "below"
            if (pre_alarm < alarm) if below else (pre_alarm > alarm):
                order = "below" if below else "above"
                yield Mistake(
                    f"{path}.pre_alarm_{unit}", f"{pre_alarm:g} comes after the alarm ({alarm:g}, condition {order})"
                )
    if (
        {"rule", "other_rule"} & entry.keys()
        and whole.get("rule") is not None
        and whole["rule"] == whole.get("other_rule")
    ):
        yield Mistake(f"{path}.other_rule", f"a rule compared with itself ({whole['rule']})")
    if "bytes_per_value" in entry and entry["bytes_per_value"] not in (2, 4):
        yield Mistake(f"{path}.bytes_per_value", f"expected 2 or 4, got {entry['bytes_per_value']}")


def _alike(there: object, value: object) -> bool:
    if isinstance(there, list):
        try:
            return points_of(there) == points_of(value)
        except (TypeError, ValueError):
            return False
    return isinstance(there, bool) is isinstance(value, bool) and there == value


def _slot(key: object) -> int | None:
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 4:
        key = int(key)
    return key if isinstance(key, int) and not isinstance(key, bool) and 1 <= key <= _MOST_SLOTS else None


def _unknown(key: object, known: Sequence[str]) -> str:
    near = get_close_matches(str(key), known, 1)
    return f"is not known; did you mean {near[0]}?" if near else f"is not known; known are {', '.join(known)}"
