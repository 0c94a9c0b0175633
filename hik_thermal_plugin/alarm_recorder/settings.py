"""The section `alarm_recorder` of the configuration: YAML in, frozen models out, every mistake at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from nvr_hooks import ConfigError
from nvr_hooks.mistakes import mistakes_from_pydantic
from nvr_hooks.secrets import resolve_secrets
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

KEY = "alarm_recorder"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _seconds(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value)
        if not match:
            raise ValueError("expected a time like 90s, 30m, 12h or 7d")
        return float(match[1]) * _SECONDS[match[2]]
    return value


def _bytes(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?B?)\s*", value)
        if not match or match[2].upper() not in _BYTES:
            raise ValueError("expected a size like 500MB, 20GB or 1TB")
        return int(float(match[1]) * _BYTES[match[2].upper()])
    return value


_Duration = Annotated[
    float,
    Field(ge=60),
    BeforeValidator(_seconds),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 60}, {"type": "string"}]}),
]
_Size = Annotated[
    int,
    Field(ge=1_000_000),
    BeforeValidator(_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1_000_000}, {"type": "string"}]}),
]
_Name = Annotated[str, Field(min_length=1)]


class KeepSettings(_Section):
    """How many recordings are kept; the oldest go first."""

    max_age: _Duration = Field(30 * 86400.0, description="older recordings are removed: seconds, or 30m, 12h, 7d")
    max_size: _Size = Field(20 * 10**9, description="bytes all recordings together may have: or 500MB, 20GB, 1TB")


class RecorderSettings(_Section):
    """The section `alarm_recorder`."""

    directory: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        description="folder for recordings; each camera has one in it"
    )
    seconds: float = Field(30.0, ge=1, le=3600, description="how long is recorded after the last sign of an alarm")
    pre_roll: float = Field(
        0.0,
        ge=0,
        le=60,
        description="seconds before the alarm that are recorded too; costs a permanent video connection to each camera",
    )
    segment: float = Field(
        600.0, ge=10, le=86400, description="seconds after which a long recording goes on in a new file"
    )
    container: Literal["mp4", "mkv", "ps"] = "mp4"
    overlay: bool = Field(
        False, description="true burns temperatures and fires into the video, which costs about 10 % of a processor"
    )
    kinds: tuple[_Name, ...] = Field(
        ("fire", "smoke", "temperature", "temperature_difference"), description="kinds of alarms that are recorded"
    )
    cameras: tuple[_Name, ...] | None = Field(None, description="names of the cameras; default: all")
    keep: KeepSettings = Field(default_factory=lambda: KeepSettings())


def read(config: Mapping[str, Any]) -> RecorderSettings | None:
    """Return the recorder's settings, None when there is no section; raise ConfigError with every mistake of it."""
    if KEY not in config:
        return None
    resolved, mistakes = resolve_secrets({} if config[KEY] is None else config[KEY], path=KEY)
    try:
        settings = RecorderSettings.model_validate(resolved)
    except ValidationError as err:
        mistakes += mistakes_from_pydantic(err.errors(include_url=False), schema(), path=KEY)
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the section."""
    return RecorderSettings.model_json_schema()
