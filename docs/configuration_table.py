"""Write the table of every key into docs/configuration.md, from the JSON Schema that `hik-thermal schema` prints.

Run `python docs/configuration_table.py` after a change of a plugin's settings; a test says when that was forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nvr_hooks.loading import load_plugins

from hik_thermal_plugin.host.app import Host
from hik_thermal_plugin.host.settings import joined_schema

TARGET = Path(__file__).parent / "configuration.md"
BEGIN = "<!-- every key: written by configuration_table.py -->\n"
END = "<!-- end of every key -->\n"
NOTHING: Any = object()


def written(page: str) -> str:
    """Return the page with its table as the installed plugins have it."""
    schema = joined_schema(Host(load_plugins()).schemas())
    table = "\n".join(["| key | takes | default | meaning |", "|---|---|---|---|", *rows(schema)])
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table}\n\n{END}{rest.partition(END)[2]}"


def rows(schema: Mapping[str, Any]) -> list[str]:
    """Return a line of a Markdown table for every key, in the schema's order: path, what it takes, default, meaning."""
    return [_row(*found) for found in _keys(schema, schema, "")]


def _keys(
    schema: Mapping[str, Any], part: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Mapping[str, Any], bool, Mapping[str, Any]]]:
    required = part.get("required", ())
    for name, raw in part.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        found = _resolved(schema, raw)
        named = found.get("additionalProperties")
        inner = _resolved(schema, named) if isinstance(named, Mapping) else {}
        if "properties" in found:
            if here.count("."):
                yield here, raw, name in required, found
            yield from _keys(schema, found, here)
        elif "properties" in inner:
            yield from _keys(schema, inner, f"{here}.<name>")
        else:
            yield here, raw, name in required, found


def _row(path: str, raw: Mapping[str, Any], required: bool, found: Mapping[str, Any]) -> str:
    default = raw.get("default", found.get("default", NOTHING))
    if "properties" in found:
        shown = "off" if default is None else ""
    elif required:
        shown = "required"
    else:
        shown = "" if default in (None, NOTHING) else f"`{_scalar(default)}`"
    meaning = raw.get("description") or found.get("description") or ""
    meaning = re.sub(r" \([\w-]+\.md [\d.]+\)", "", meaning)  # where a fact comes from is for those who read the source
    return f"| `{path}` | {_takes(found)} | {shown} | {meaning.rstrip('.')} |"


def _takes(found: Mapping[str, Any]) -> str:
    if "enum" in found:
        return " · ".join(f"`{_scalar(value)}`" for value in found["enum"])
    if "const" in found:
        return f"`{found['const']}`"
    if "anyOf" in found:
        return " or ".join(dict.fromkeys(_takes(choice) for choice in found["anyOf"] if choice.get("type") != "null"))
    kind = found.get("type", "anything")
    low = found.get("minimum", found.get("exclusiveMinimum"))
    high = found.get("maximum")
    if kind == "array":
        return f"list of {_takes(found.get('items', {}))}"
    if kind == "object":
        return "mapping"
    word = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}.get(kind, kind)
    if found.get("format") == "path":
        word = "path"
    above = "above" if "exclusiveMinimum" in found else "from"
    limits = [f"{above} {low}" if low is not None else "", f"to {high}" if high is not None else ""]
    return " ".join([word, *filter(None, limits)])


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, and the one choice of several that is not null."""
    if "$ref" in part:
        return _resolved(schema, schema["$defs"][part["$ref"].rpartition("/")[2]])
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {
            **_resolved(schema, choices[0]),
            **{key: part[key] for key in ("default", "description") if key in part},
        }
    return part


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    TARGET.write_text(written(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
