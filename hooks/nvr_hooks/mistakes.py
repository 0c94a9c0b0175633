"""Wrong configuration in words for people: `cameras.front.channels[1].id: expected a number from 1 to 64, got "two"`.

Works on plain data, a validator's list of errors (the shape of pydantic's `ValidationError.errors()`) and a JSON Schema, so that every
plugin can use it with whatever version of whatever library it likes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from .errors import Mistake
from .secrets import HIDDEN, FromOutside, Secret, Unresolved

_SECRET_KEY = re.compile(r"passw|secret|token|credential", re.IGNORECASE)
_LONGEST = 60
_OWN_WORDS = ("value_error", "assertion_error")

Schema = Mapping[str, Any]


def mistakes_from_pydantic(
    errors: Iterable[Mapping[str, Any]], schema: Schema, *, path: str = "", values: bool = True
) -> list[Mistake]:
    """Return one Mistake for each place that is wrong, in the order of `errors`.

    `schema` is the JSON Schema of what was validated: it tells the known keys and what is expected where. `path` is where the
    validated value stands in the configuration. `values=False` leaves out what was found instead; values of keys like `password`
    and those that came from the environment or a file are never shown.
    """
    found: dict[str, Mistake] = {}
    for error in errors:
        if isinstance(error.get("input"), Unresolved):
            continue  # told already, where it could not be resolved
        place, here, rest = _walk(error["loc"], schema, path)
        problem = _problem(error, here, rest, show=values and not _SECRET_KEY.search(place))
        if error["type"] in ("extra_forbidden", "missing") and rest:
            place = _join(place, rest[0])
        found.setdefault(place, Mistake(place, problem))
    return list(found.values())


def nearest(word: object, known: Sequence[str]) -> str | None:
    """Return the known word that was probably meant."""
    close = get_close_matches(str(word).lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    return next((name for name in known if close and name.lower() == close[0]), None)


def unknown_key(word: object, known: Sequence[str]) -> str:
    """Say that a key is not known, and which one was probably meant."""
    if meant := nearest(word, known):
        return f'unknown key; did you mean "{meant}"?'
    return f"unknown key; known are {', '.join(sorted(known))}" if known else "unknown key"


def _walk(location: Sequence[str | int], schema: Schema, path: str) -> tuple[str, list[Schema], list[str | int]]:
    """Follow a location through the schema: where it is for people, the schemas that hold there, and the parts that lead nowhere."""
    here = _branches(schema, schema)
    for index, part in enumerate(location):
        below = [found for branch in here for found in _below(branch, part, schema)]
        if not below:
            return path, here, list(location[index:])
        path = f"{path}[{part}]" if _is_list(here, part) else _join(path, part)
        here = below
    return path, here, []


def _join(path: str, part: object) -> str:
    return f"{path}.{part}" if path else str(part)


def _branches(node: Any, root: Schema) -> list[Schema]:
    if not isinstance(node, Mapping):
        return []
    if reference := node.get("$ref"):
        target: Any = root
        for step in str(reference).removeprefix("#/").split("/"):
            target = target[step]
        return _branches(target, root)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in node:
            return [branch for option in node[word] for branch in _branches(option, root)]
    return [node]


def _below(branch: Schema, part: str | int, root: Schema) -> list[Schema]:
    if part in branch.get("properties", {}):
        return _branches(branch["properties"][part], root)
    if isinstance(part, int) and branch.get("type") == "array":
        return _branches(branch.get("items", {}), root)
    if branch.get("type") == "object":
        return _branches(branch.get("additionalProperties"), root)
    return []


def _is_list(branches: Sequence[Schema], part: str | int) -> bool:
    return isinstance(part, int) and any(branch.get("type") == "array" for branch in branches)


def _problem(error: Mapping[str, Any], here: Sequence[Schema], rest: Sequence[str | int], *, show: bool) -> str:
    kind, value = error["type"], error.get("input")
    if kind == "missing":
        return f"missing; expected {_expected(here)}" if not rest else "missing"
    if kind == "extra_forbidden":
        return unknown_key(rest[0] if rest else "", [key for branch in here for key in branch.get("properties", {})])
    if rest and rest[-1] == "[key]":
        return f"expected names as text, got {_shown(value, show=True)}"
    if kind in _OWN_WORDS:
        return str(error.get("ctx", {}).get("error") or error["msg"].partition(", ")[2])
    wanted = _expected(here, whole=isinstance(value, float))
    return f"expected {wanted}, got {_shown(value, show=show)}" if wanted else str(error["msg"])


def _expected(branches: Sequence[Schema], *, whole: bool = False) -> str:
    words = [_wanted(branch, whole=whole) for branch in branches if branch.get("type") != "null"]
    return " or ".join(dict.fromkeys(word for word in words if word))


def _wanted(branch: Schema, *, whole: bool) -> str:
    if "const" in branch:
        return json.dumps(branch["const"])
    if "enum" in branch:
        return "one of " + ", ".join(json.dumps(choice) for choice in branch["enum"])
    match branch.get("type"):
        case "integer" | "number" as kind:
            return ("a whole number" if whole and kind == "integer" else "a number") + _range(branch)
        case "boolean":
            return "true or false"
        case "string":
            return (
                "a path"
                if branch.get("format") == "path"
                else "a text that is not empty"
                if branch.get("minLength")
                else "a text"
            )
        case "array":
            return "a list"
        case "object":
            return "a mapping"
    return ""


def _range(branch: Schema) -> str:
    low, high = branch.get("minimum"), branch.get("maximum")
    above, under = branch.get("exclusiveMinimum"), branch.get("exclusiveMaximum")
    lower = f"from {low:g}" if low is not None else f"above {above:g}" if above is not None else ""
    upper = f"to {high:g}" if high is not None else f"below {under:g}" if under is not None else ""
    if low is None and lower and upper:
        return f" {lower} and {upper.replace('to', 'at most')}"
    return "".join(f" {word}" for word in (lower, upper) if word)


def _shown(value: object, *, show: bool) -> str:
    match value:
        case None:
            return "nothing"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case FromOutside() | Secret():
            return HIDDEN
    if not show:
        return HIDDEN
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
