"""Compare events with what is listed for them: the meaning of every expected.json."""

from __future__ import annotations

from typing import Any


def same(found: Any, wanted: Any) -> bool:
    """Tell whether listed fields are equal, numbers to 0.001, lists item by item; fields that are not listed are free."""
    if isinstance(wanted, bool) or wanted is None:
        return found is wanted
    if isinstance(wanted, int | float):
        return isinstance(found, int | float) and not isinstance(found, bool) and abs(found - wanted) <= 0.001
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and same(found[key], wanted[key]) for key in wanted)
    return bool(found == wanted)


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the listed fields that are not as listed, with what was found."""
    return {key: found.get(key) for key in wanted if key not in found or not same(found[key], wanted[key])}
