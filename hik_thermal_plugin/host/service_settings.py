"""The host's own sections of the configuration: where it tells how it does, and the form of its log lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from nvr_hooks import Mistake

Network = IPv4Network | IPv6Network
LogFormat = Literal["text", "json"]
METRICS, LOG = "metrics", "log"
SCHEMA: Mapping[str, Mapping[str, Any]] = {
    METRICS: {
        "type": "object",
        "description": "Metrics for Prometheus and /healthz over HTTP; without the section there is no listener.",
        "properties": {
            "bind": {
                "type": "string",
                "default": "127.0.0.1",
                "description": "address the listener takes; whatever it is, only this machine and `allow` are answered",
            },
            "allow": {
                "type": "array",
                "items": {"type": "string", "format": "ip-network"},
                "default": [],
                "description": "networks whose addresses are answered beside this machine's own; all others are hung up on",
            },
            "port": {
                "type": "integer",
                "minimum": 0,
                "maximum": 65535,
                "default": 9108,
                "description": "0: any free one",
            },
            "temperatures": {
                "type": "boolean",
                "default": False,
                "description": "true adds a series for each value of each measuring rule, and watches all cameras",
            },
        },
        "additionalProperties": False,
    },
    LOG: {
        "type": "object",
        "description": "Log lines of `run`.",
        "properties": {
            "format": {
                "enum": ["text", "json"],
                "default": "text",
                "description": "json: one object a line; `run --log` has the last word",
            }
        },
        "additionalProperties": False,
    },
}
"""JSON Schema of each section, by its key."""
_WORDS = {"string": (str, "a text"), "integer": (int, "a whole number"), "boolean": (bool, "true or false")}


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The section `metrics`."""

    bind: str = "127.0.0.1"
    port: int = 9108
    temperatures: bool = False
    allow: tuple[Network, ...] = ()


def metrics(document: Mapping[str, Any]) -> MetricsSettings | None:
    """Return the section `metrics` of a document without mistakes, None when it is not there."""
    if METRICS not in document:
        return None
    section = document[METRICS]
    return MetricsSettings(**section | {"allow": tuple(ip_network(item) for item in section.get("allow", ()))})


def log_format(document: Mapping[str, Any]) -> LogFormat:
    """Return the form of log lines a document without mistakes asks for."""
    form: LogFormat = document.get(LOG, {}).get("format", "text")
    return form


def mistakes(key: str, section: object) -> list[Mistake]:
    """Tell every mistake of one of these sections."""
    if not isinstance(section, Mapping):
        return [Mistake(key, f"expected a mapping, got {section!r}")]
    known = SCHEMA[key]["properties"]
    found = []
    for name, value in section.items():
        path = f"{key}.{name}"
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            found.append(Mistake(path, f"unknown key; {hint}"))
        elif known[name].get("type") == "array":
            found += _wrong_networks(path, value)
        elif problem := _problem(known[name], value):
            found.append(Mistake(path, problem))
    return found


def _wrong_networks(path: str, value: object) -> list[Mistake]:
    if not isinstance(value, list):
        return [Mistake(path, f"expected a list of networks, got {value!r}")]
    found = []
    for number, item in enumerate(value):
        try:
            ip_network(item if isinstance(item, str) else "")
        except ValueError:
            found.append(Mistake(f"{path}[{number}]", f"expected a network like 192.0.2.0/24, got {item!r}"))
    return found


def _problem(schema: Mapping[str, Any], value: object) -> str | None:
    if "enum" in schema:
        return None if value in schema["enum"] else f"expected {' or '.join(schema['enum'])}, got {value!r}"
    kind, word = _WORDS[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or value == "":
        return f"expected {word}, got {value!r}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"expected {word} from {schema['minimum']} to {schema['maximum']}, got {value}"
    return None
