"""The configuration file: where it is, what it says, and which of its top-level keys somebody reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from nvr_hooks import ConfigError, Mistake

from . import service_settings

VARIABLE = "HIK_THERMAL_CONFIG"
DEFAULT = Path("config.yaml")
STATE_DIR = "state_dir"
OWN_SCHEMA: Mapping[str, Mapping[str, Any]] = {
    STATE_DIR: {
        "type": "string",
        "title": "State directory",
        "description": "Folder for what must outlive a restart: login budgets and undelivered alarms.",
    },
    **service_settings.SCHEMA,
}
"""Top-level keys that belong to no plugin alone; plugins get the whole document and read them there."""


def locate(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file to read: the one given, else $HIK_THERMAL_CONFIG, else ./config.yaml."""
    if given is not None:
        return given
    return Path(environ[VARIABLE]) if environ.get(VARIABLE) else DEFAULT


def load(path: Path) -> dict[str, Any]:
    """Read a configuration file; raise ConfigError when it is missing, unreadable or not a mapping in YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        problem = f"no such file; name the configuration with -c FILE or in ${VARIABLE}"
        raise ConfigError([Mistake(str(path), problem)]) from err
    except OSError as err:
        raise ConfigError([Mistake(str(path), f"cannot be read: {err.strerror}")]) from err
    except UnicodeDecodeError as err:
        raise ConfigError([not_text(path, err)]) from err
    return parse(text)


def not_text(path: Path, err: UnicodeDecodeError) -> Mistake:
    """Return the mistake of a file that is no text."""
    return Mistake(str(path), f"is not UTF-8 text (byte {err.start})")


def parse(text: str) -> dict[str, Any]:
    """Return what a configuration text says; raise ConfigError with the line of a syntax error, or with every key written twice.

    A top-level section without content counts as an empty mapping.
    """
    document = parse_mapping(text, like="mqtt: {host: 127.0.0.1}")
    return {str(key): {} if value is None else value for key, value in document.items()}


def parse_mapping(text: str, *, like: str) -> dict[Any, Any]:
    """Return the keys and values of any YAML document, an empty one too; raises as `parse` does, with an example of what was expected."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        mistakes = [] if node is None else _keys_written_twice(node)
        document = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as err:
        raise ConfigError([_syntax_mistake(err)]) from err
    except (ValueError, RecursionError) as err:  # a date like 2026-13-01, brackets without end
        raise ConfigError([Mistake("", f"cannot be read: {err}")]) from err
    if mistakes:
        raise ConfigError(mistakes)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([Mistake("line 1", f"expected keys and values, like `{like}`")])
    return document


def top_level_mistakes(
    document: Mapping[str, Any],
    sections: Iterable[str],
    *,
    failed: Mapping[str, str] | None = None,
    ignored: Iterable[str] = (),
) -> list[Mistake]:
    """Tell which top-level keys nobody reads, with the nearest known one, and which sections are not mappings.

    `sections` are the keys of loaded plugins, `failed` gives the reason for plugins that could not be loaded, `ignored` names
    blocked ones: their sections may stay.
    """
    failed = failed or {}
    plugins = set(sections)
    known = sorted(plugins | set(OWN_SCHEMA))
    mistakes = []
    for key, value in document.items():
        if key in plugins:
            if not isinstance(value, Mapping):
                mistakes.append(Mistake(key, f"expected a mapping, got {_kind(value)}"))
        elif key in failed:
            mistakes.append(Mistake(key, f"the plugin could not be loaded: {failed[key]}"))
        elif key == STATE_DIR:
            if not isinstance(value, str):
                mistakes.append(Mistake(key, "expected the path of a folder"))
        elif key in service_settings.SCHEMA:
            mistakes.extend(service_settings.mistakes(key, value))
        elif key not in ignored:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            mistakes.append(Mistake(key, f"unknown key; {hint}"))
    return mistakes


def open_passwords(document: object, path: str = "") -> Iterator[str]:
    """Yield where passwords stand in the document itself, for everybody who may read the file."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            here = f"{path}.{key}" if path else str(key)
            if key == "password" and isinstance(value, str) and value and "${" not in value:
                yield here
            yield from open_passwords(value, here)


def joined_schema(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return one JSON Schema of the whole configuration from the schemas of its sections."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {key: dict(schema) for key, schema in OWN_SCHEMA.items()}
    for key, schema in sorted(sections.items()):
        own = {name: part for name, part in schema.items() if name not in ("$defs", "$schema")}
        properties[key] = _moved(own, key)
        for name, part in schema.get("$defs", {}).items():
            definitions[f"{key}.{name}"] = _moved(part, key)
    out: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hik-thermal configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if definitions:
        out["$defs"] = definitions
    return out


def _moved(part: Any, key: str) -> Any:
    """Return a piece of a section's schema whose references point at where its definitions are in the joined one."""
    match part:
        case dict():
            return {
                name: value.replace("#/$defs/", f"#/$defs/{key}.", 1)
                if name == "$ref" and isinstance(value, str)
                else _moved(value, key)
                for name, value in part.items()
            }
        case list() | tuple():
            return [_moved(value, key) for value in part]
        case _:
            return part


def _keys_written_twice(root: yaml.Node) -> list[Mistake]:
    """PyYAML lets the last of two equal keys win without a word: a camera would vanish."""
    mistakes: list[Mistake] = []
    seen: set[int] = set()

    def walk(node: yaml.Node, path: str) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                walk(item, f"{path}[{number}]")
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                here = f"{path}.{key.value}" if path else str(key.value)
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    line = key.start_mark.line + 1
                    if (before := lines.get((key.tag, key.value))) is not None:
                        places = f"line {line}" if before == line else f"lines {before} and {line}"
                        mistakes.append(Mistake(here, f"written twice, in {places}"))
                    lines[key.tag, key.value] = line
                walk(value, here)

    walk(root, "")
    return mistakes


def _syntax_mistake(err: yaml.YAMLError) -> Mistake:
    if isinstance(err, yaml.MarkedYAMLError) and err.problem_mark is not None:
        context = f" ({err.context})" if err.context else ""
        place = f"line {err.problem_mark.line + 1}, column {err.problem_mark.column + 1}"
        return Mistake(place, f"{err.problem}{context}")
    if isinstance(err, yaml.reader.ReaderError):
        return Mistake("", f"a character YAML does not allow: {err.character!r} at position {err.position}")
    return Mistake("", str(err))


def _kind(value: object) -> str:
    match value:
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case _:
            return f"{value!r}"
