"""Steps: what can happen to the camera, read from JSON or YAML and checked in full before any is applied.

| step | fields (default) |
|---|---|
| fire | x, y 0…1 (0.5), celsius (350), distance_m (null: unknown) |
| extinguish | region (null: all fires, and the smoke) |
| temperature | rule, celsius: what the rule watches comes to this |
| difference | rule_1, rule_2, kelvin, threshold (10, or half of kelvin where that is less) |
| smoke | x, y 0…1 (0.5); rises until extinguish |
| motion | channel (the thermal one), seconds (0: told once) |
| tamper | seconds (0) |
| input | port (1), seconds (0) |
| disk | state: ok, full, error, unformatted, formatting, offline or none |
| freeze, unfreeze | – |
| send | file, over: alert_stream (default) or push (to the hosts in the camera's list) |
| fault | kind, seconds, path, count: faults.py |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from .faults import Fault, Kind
from .models import Model

DISK_STATES = ("ok", "full", "error", "unformatted", "formatting", "offline", "none")
_LARGEST = 1e9
_MISSING: Any = object()


class StepError(ValueError):
    """Steps that cannot be applied; the message names each place and what was expected there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One checked step: its kind, its fields, and when it is due (seconds after ready; 0 on the control port)."""

    kind: str
    fields: Mapping[str, Any]
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Field:
    check: Callable[[Any, _Context], Any]
    default: Any = _MISSING


@dataclass(frozen=True, slots=True)
class _Context:
    model: Model
    rules: tuple[int, ...]
    folder: Path


class _Wrong(Exception):
    """What was expected."""


def read_steps(
    raw: object, model: Model, folder: Path, *, rules: Iterable[int] | None = None, timed: bool = False
) -> list[Step]:
    """Check a list of steps; files are found from `folder`, `at` is read where `timed`. Raises StepError.

    `rules` are those there now; without it those the model leaves the factory with.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str | bytes):
        raise StepError(f"steps: expected a list, got {_shown(raw)}")
    context, steps, mistakes = _Context(model, _numbers(model, rules), folder), list[Step](), list[str]()
    for place, entry in enumerate(raw):
        found = _read_step(entry, f"steps[{place}]", context, timed, mistakes)
        if found:
            steps.append(found)
    if mistakes:
        raise StepError("; ".join(mistakes))
    return steps


def _read_step(entry: object, place: str, context: _Context, timed: bool, mistakes: list[str]) -> Step | None:
    if not isinstance(entry, Mapping):
        mistakes.append(f"{place}: expected an object, got {_shown(entry)}")
        return None
    found = len(mistakes)
    at = 0.0
    if timed:
        at = _read_field(entry, "at", _Field(_from_zero), place, context, mistakes) or 0.0
    kinds = [key for key in entry if not (timed and key == "at")]
    if len(kinds) != 1 or kinds[0] not in _KINDS:
        mistakes.append(f"{place}: expected one of {', '.join(_KINDS)}, got {', '.join(map(str, kinds)) or 'nothing'}")
        return None
    kind = kinds[0]
    given = {} if entry[kind] is None else entry[kind]
    if not isinstance(given, Mapping):
        mistakes.append(f"{place}.{kind}: expected an object, got {_shown(given)}")
        return None
    known = _KINDS[kind]
    mistakes += [
        f"{place}.{kind}.{key}: unknown; known are {', '.join(known) or 'none'}" for key in given if key not in known
    ]
    place = f"{place}.{kind}"
    fields = {name: _read_field(given, name, field, place, context, mistakes) for name, field in known.items()}
    if len(mistakes) > found:
        return None
    if kind == "fault":
        return _fault_step(fields, place, at, mistakes)
    if kind == "difference" and fields["rule_1"] == fields["rule_2"]:
        mistakes.append(f"{place}.rule_2: expected another rule than rule_1, got {fields['rule_2']}")
        return None
    return Step(kind, fields, at)


def _read_field(
    given: Mapping[str, Any], name: str, field: _Field, place: str, context: _Context, mistakes: list[str]
) -> Any:
    value = given.get(name, field.default)
    if value is field.default and value is not _MISSING:
        return value
    try:
        return field.check(value, context)
    except _Wrong as wrong:
        mistakes.append(f"{place}.{name}: expected {wrong}, got {_shown(value)}")
        return None


def _fault_step(fields: dict[str, Any], place: str, at: float, mistakes: list[str]) -> Step | None:
    fault = Fault(**fields)
    if fault.kind == "clock_skew" and fault.seconds is None:
        mistakes.append(f"{place}.seconds: expected how far the clock is off, got nothing")
    elif fault.kind != "clock_skew" and fault.seconds is not None and fault.seconds < 0:
        mistakes.append(f"{place}.seconds: expected a number from 0, got {fault.seconds}")
    else:
        return Step("fault", {"fault": fault}, at)
    return None


def _numbers(model: Model, rules: Iterable[int] | None) -> tuple[int, ...]:
    return tuple(rule.id for rule in model.rules) if rules is None else tuple(rules)


def _number(value: Any, _: _Context) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise _Wrong("a number")
    return float(value)


def _from_zero(value: Any, context: _Context) -> float:
    if (number := _number(value, context)) < 0:
        raise _Wrong("a number from 0")
    return number


def _fraction(value: Any, context: _Context) -> float:
    if not 0 <= (number := _number(value, context)) <= 1:
        raise _Wrong("a number from 0 to 1")
    return number


def _degrees(value: Any, context: _Context) -> float:
    if not -273.15 <= (number := _number(value, context)) <= 10000:
        raise _Wrong("a temperature in °C")
    return number


def _whole(value: Any, _: _Context) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _Wrong("a whole number from 1")
    return value


def _rule(value: Any, context: _Context) -> int:
    if isinstance(value, bool) or value not in context.rules:
        raise _Wrong(f"a rule ({', '.join(map(str, context.rules)) or 'there is none'})")
    return int(value)


def _channel(value: Any, context: _Context) -> int:
    known = [channel.id for channel in context.model.channels]
    if isinstance(value, bool) or value not in known:
        raise _Wrong(f"a channel ({', '.join(map(str, known))})")
    return int(value)


def _port(value: Any, context: _Context) -> int:
    if (port := _whole(value, context)) > context.model.inputs:
        raise _Wrong(f"an input from 1 to {context.model.inputs}")
    return port


def _text(value: Any, _: _Context) -> str:
    if not isinstance(value, str) or not value:
        raise _Wrong("a text")
    return value


def _bytes_of_file(value: Any, context: _Context) -> bytes:
    path = context.folder / _text(value, context)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _Wrong(f"a file that can be read ({error.strerror or error})") from error


def _over(value: Any, _: _Context) -> str:
    if value not in ("alert_stream", "push"):
        raise _Wrong("alert_stream or push")
    return str(value)


def _one_of(*known: str) -> Callable[[Any, _Context], str]:
    def check(value: Any, _: _Context) -> str:
        if value not in known:
            raise _Wrong(f"one of {', '.join(known)}")
        return str(value)

    return check


def _shown(value: Any) -> str:
    return "nothing" if value is _MISSING else repr(value)[:60]


_KINDS: dict[str, dict[str, _Field]] = {
    "fire": {
        "x": _Field(_fraction, 0.5),
        "y": _Field(_fraction, 0.5),
        "celsius": _Field(_degrees, 350.0),
        "distance_m": _Field(_from_zero, None),
    },
    "extinguish": {"region": _Field(_whole, None)},
    "temperature": {"rule": _Field(_rule), "celsius": _Field(_degrees)},
    "difference": {
        "rule_1": _Field(_rule),
        "rule_2": _Field(_rule),
        "kelvin": _Field(_number),
        "threshold": _Field(_from_zero, None),
    },
    "smoke": {"x": _Field(_fraction, 0.5), "y": _Field(_fraction, 0.5)},
    "motion": {"channel": _Field(_channel, None), "seconds": _Field(_from_zero, 0.0)},
    "tamper": {"seconds": _Field(_from_zero, 0.0)},
    "input": {"port": _Field(_port, 1), "seconds": _Field(_from_zero, 0.0)},
    "disk": {"state": _Field(_one_of(*DISK_STATES))},
    "freeze": {},
    "unfreeze": {},
    "send": {"file": _Field(_bytes_of_file), "over": _Field(_over, "alert_stream")},
    "fault": {
        "kind": _Field(_one_of(*get_args(Kind))),
        "seconds": _Field(_number, None),
        "path": _Field(_text, None),
        "count": _Field(_whole, None),
    },
}
