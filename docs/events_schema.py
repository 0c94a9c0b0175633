"""Write docs/events.schema.json: what nvr_hooks.to_json gives, one strict object per class of event.

Run `python docs/events_schema.py` after a change of the events; a test says when that was forgotten.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import types
import typing
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from nvr_hooks import EVENT_TYPES, Alarm, BeyondLimit, CameraInfo, Event, OtherAlarm, RecordedFile, Target, events, now
from nvr_hooks.json import camera_json, recording_json, to_json

TARGET = Path(__file__).parent / "events.schema.json"
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
SHARED = {"time": TIME, "point": POINT}
TEXT_OR_NULL = {"type": ["string", "null"]}
WHOLE_OR_NULL = {"type": ["integer", "null"]}
THERMAL = ("fire_alarm", "smoke_alarm", "temperature_alarm", "temperature_difference_alarm")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of every event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What cameras tell: events as JSON",
        "description": "Unknown is null and never missing; what makes no sense for a type is left out. "
        "Times are RFC 3339 in UTC with milliseconds, temperatures degrees Celsius, differences kelvin, distances metres, "
        "coordinates 0 to 1 from the top left.",
        "oneOf": [{"$ref": f"#/$defs/{cls.type}"} for cls in EVENT_TYPES],
        "$defs": {cls.type: event_schema(cls) for cls in EVENT_TYPES}
        | {
            "camera": camera_schema(),
            "target": target_schema(thermal=False),
            "thermal_target": target_schema(thermal=True),
            "beyond_limit": strict(
                {name: value_schema(hint) for name, hint in typing.get_type_hints(BeyondLimit).items()},
                required=typing.get_type_hints(BeyondLimit),
                description=inspect.getdoc(BeyondLimit),
            ),
            "recording": recording_schema(),
        }
        | SHARED,
    }


def event_schema(cls: type[Event]) -> dict[str, Any]:
    """Return the schema of one class of event, its properties in the order in which they are written."""
    hints = typing.get_type_hints(cls)
    notes = field_notes(cls)
    names = list(to_json(_any_of(cls)))
    properties: dict[str, Any] = {}
    for name in names:
        if name == "type":
            properties[name] = {"const": cls.type}
        elif name == "kind" and issubclass(cls, Alarm):
            properties[name] = {"type": "string"} if cls is OtherAlarm else {"const": cls.kind}
        elif name == "targets":
            kind_of_target = "thermal_target" if cls.type in THERMAL else "target"
            properties[name] = {"type": "array", "items": {"$ref": f"#/$defs/{kind_of_target}"}}
        elif name in ("beyond", "recordings"):
            item = {"$ref": "#/$defs/" + {"beyond": "beyond_limit", "recordings": "recording"}[name]}
            properties[name] = {"type": ["array", "null"], "items": item}
        elif name == "info":
            properties[name] = {"$ref": "#/$defs/camera"}
        else:
            properties[name] = value_schema(hints[name])
        if name in notes:
            properties[name] = properties[name] | {"description": notes[name]}
    if issubclass(cls, Alarm):
        for name in ("outputs", "recording_channels", "flags"):  # there only where they say something
            properties[name] = value_schema(hints[name]) | {"minItems": 1, "description": notes[name]}
    return strict(properties, required=names, description=inspect.getdoc(cls))


def target_schema(*, thermal: bool) -> dict[str, Any]:
    """Return the schema of one target: temperatures only where the alarm has them."""
    hints = typing.get_type_hints(Target)
    names = ("region", "hottest", "celsius", "distance_m") if thermal else ("region",)
    return strict({name: value_schema(hints[name]) for name in names}, required=names, description=None)


def camera_schema() -> dict[str, Any]:
    """Return the schema of what is known of a camera."""
    hints = typing.get_type_hints(CameraInfo)
    stream = {
        "id": {"type": "integer"},
        "profile": {"enum": ["main", "sub", "third"]},
        "codec": TEXT_OR_NULL,
        "width": WHOLE_OR_NULL,
        "height": WHOLE_OR_NULL,
        "fps": {"type": ["number", "null"]},
    }
    channel = {
        "id": {"type": "integer"},
        "name": TEXT_OR_NULL,
        "thermal": {"type": ["boolean", "null"]},
        "streams": {"type": "array", "items": strict(stream, required=stream, description=None)},
    }
    names = list(camera_json(CameraInfo(name="", url="")))
    properties = {name: value_schema(hints[name]) for name in names if name not in ("channels", "capabilities")}
    properties["channels"] = {"type": ["array", "null"], "items": strict(channel, required=channel, description=None)}
    properties["capabilities"] = {"type": ["object", "null"], "additionalProperties": {"enum": ["isapi", "sdk", None]}}
    return strict({name: properties[name] for name in names}, required=names, description=inspect.getdoc(CameraInfo))


def recording_schema() -> dict[str, Any]:
    """Return the schema of a recording on a device."""
    hints = typing.get_type_hints(RecordedFile)
    names = list(recording_json(RecordedFile(camera="", channel=None, track=0, start=now(), end=now())))
    properties = {name: value_schema(hints[name]) for name in names}
    return strict(properties, required=names, description=inspect.getdoc(RecordedFile))


def strict(properties: dict[str, Any], *, required: typing.Iterable[str], description: str | None) -> dict[str, Any]:
    """Return an object schema in which everything is there and nothing else."""
    head = {} if description is None else {"description": description}
    return head | {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def value_schema(hint: Any) -> dict[str, Any]:
    """Return the schema of one field from its annotation."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        parts = [value_schema(part) for part in typing.get_args(hint)]
        if any("enum" in part for part in parts):
            return {"enum": [word for part in parts for word in part.get("enum", [None])]}
        if any("type" not in part for part in parts):
            return {"oneOf": parts}
        return {"type": [part["type"] for part in parts]}
    if typing.get_origin(hint) is typing.Literal:
        return {"enum": list(typing.get_args(hint))}
    if hint == events.Point:
        return {"$ref": "#/$defs/point"}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": value_schema(typing.get_args(hint)[0])}
    if hint is datetime:
        return {"$ref": "#/$defs/time"}
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}
    return {"type": plain[hint]}


def field_notes(cls: type[Event]) -> dict[str, str]:
    """Return the text written under each field in the source of a class of event and of those it builds on."""
    sources = {node.name: node for node in ast.parse(inspect.getsource(events)).body if isinstance(node, ast.ClassDef)}
    notes: dict[str, str] = {}
    for base in cls.__mro__:
        body = sources[base.__name__].body if base.__name__ in sources else []
        for field, note in itertools.pairwise(body):
            match field, note:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    notes.setdefault(name, " ".join(words.split()))
    return notes


def _any_of(cls: type[Event]) -> Event:
    needed: dict[str, Any] = {"info": CameraInfo(name="", url="")}
    return cls(**{item.name: needed[item.name] for item in fields(cls) if item.name in needed})


def text() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
